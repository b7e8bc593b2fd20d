// SPDX-License-Identifier: MIT
#include "supervisor/config.h"

#include "lib/log.h"
#include "supervisor/config_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_STATE_DIR "/var/lib/sluice"
#define DEFAULT_RUN_DIR "/run/sluice"
#define DEFAULT_CLOUD "local"

/* A cloud's own settings where the file says nothing. */
void config_cloud_default(struct cloud_config *cloud, const char *name, int line)
{
	memset(cloud, 0, sizeof(*cloud));
	snprintf(cloud->name, sizeof(cloud->name), "%s", name);
	cloud->scope = CLOUD_PUBLIC;
	cloud->session = true;
	cloud->timeout = 60;
	cloud->max_size = 100ull << 20;
	cloud->reserve = 100000;
	cloud->lookup_batch = CLOUD_LOOKUP_MAX;
	cloud->link_batch = CLOUD_LINKS_MAX;
	cloud->link_wait = 120;
	cloud->line = line;
}

void config_rule_default(struct rule *rule, const char *name)
{
	memset(rule, 0, sizeof(*rule));
	snprintf(rule->name, sizeof(rule->name), "%s", name);
	rule->any_application = true;
	rule->any_type = true;
	rule->direction = RULE_BOTH;
	rule->priority = RULE_PRIORITY_NORMAL;
}

bool config_defaults(struct config *c)
{
	memset(c, 0, sizeof(*c));
	c->rings = 1;
	c->log_sessions = true;
	c->files = (struct file_limits)FILE_LIMITS_DEFAULT;
	c->spool_bytes = 10ull << 30;
	c->spool_files = 1000000;
	c->retry_min = 10;
	c->retry_max = 3600;
	c->verdict = (struct verdict_times)VERDICT_TIMES_DEFAULT;
	c->users.timeout = USERS_TIMEOUT_DEFAULT;
	c->users.max = USERS_MAX_DEFAULT;
	c->state_dir = strdup(DEFAULT_STATE_DIR);
	c->run_dir = strdup(DEFAULT_RUN_DIR);
	c->applications = application_table_built_in();
	return c->state_dir && c->run_dir && c->applications;
}

/* Strings that were not given are "", a directory cloud's path lies in state_dir. */
bool config_complete(struct config *c)
{
	for (size_t i = 0; i < c->clouds; i++) {
		struct cloud_config *cloud = &c->cloud[i];
		char **texts[] = {&cloud->url,
				  &cloud->path,
				  &cloud->key,
				  &cloud->token,
				  &cloud->ca,
				  &cloud->certificate,
				  &cloud->certificate_key,
				  &cloud->proxy,
				  &cloud->pinned,
				  &cloud->region,
				  &cloud->user,
				  &cloud->s3_region};

		if (cloud->ops && (cloud->ops->takes & CLOUD_SETTING_PATH) && !cloud->path &&
		    asprintf(&cloud->path, "%s/%s", c->state_dir, cloud->name) < 0) {
			cloud->path = NULL;
			return false;
		}
		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
			if (!*texts[k])
				*texts[k] = strdup("");
			if (!*texts[k])
				return false;
		}
	}
	return true;
}

bool config_default_cloud(struct config *c)
{
	config_cloud_default(&c->cloud[0], DEFAULT_CLOUD, 0);
	c->cloud[0].ops = &cloud_directory;
	c->cloud[0].scope = CLOUD_PRIVATE;
	c->cloud[0].max_size = UINT64_MAX;
	c->share[0] = policy_all(POLICY_SHARE);
	c->has_share[0] = true;
	c->clouds = 1;
	config_rule_default(&c->rule[0], DEFAULT_CLOUD);
	c->rule[0].clouds = 1;
	c->rules = 1;
	return config_complete(c);
}

bool config_default(struct config *c)
{
	if (!config_defaults(c) || !config_default_cloud(c)) {
		log_error("out of memory for the configuration");
	} else if (config_read_types(c)) {
		c->built_in = true;
		config_no_limits(c);
		return true;
	}
	config_free(c);
	return false;
}

struct rule_set config_rules(const struct config *c)
{
	struct rule_set set = {.rule = c->rule, .count = c->rules, .types = &c->types};

	for (size_t i = 0; i < c->clouds; i++) {
		if (c->cloud[i].scope == CLOUD_PRIVATE)
			set.private_clouds |= 1ull << i;
		if (c->has_share[i])
			set.receiving |= 1ull << i;
	}
	return set;
}

const char *config_share_name(const struct config *c, size_t share)
{
	return share < CLOUD_MAX ? c->cloud[share].name : c->sink[share - CLOUD_MAX].name;
}

static void free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void config_free(struct config *c)
{
	for (size_t i = 0; i < c->clouds; i++) {
		struct cloud_config *cloud = &c->cloud[i];

		free_secret(cloud->key);
		free_secret(cloud->token);
		free_secret(cloud->certificate_key);
		free(cloud->certificate);
		free(cloud->proxy);
		free(cloud->region);
		free(cloud->user);
		free(cloud->s3_region);
		free(cloud->pinned);
		free(cloud->url);
		free(cloud->path);
		free(cloud->ca);
	}
	for (size_t i = 0; i < c->sinks; i++)
		config_sink_free(&c->sink[i]);
	for (size_t i = 0; i < CONFIG_SHARES_MAX; i++) {
		free(c->policy_key_file[i]);
		if (c->policy_keys[i])
			policy_keys_clear(c->policy_keys[i]);
		free(c->policy_keys[i]);
	}
	free(c->networks);
	for (size_t i = 0; i < c->narrows; i++)
		narrow_free(&c->narrow[i]);
	application_table_free(c->applications);
	file_types_free(c->file_types);
	free(c->file_types_path);
	free(c->virtual_system);
	free(c->state_dir);
	free(c->run_dir);
	free(c->metrics);
	free(c->users.file);
	memset(c, 0, sizeof(*c));
}
