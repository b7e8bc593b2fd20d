// SPDX-License-Identifier: MIT
#include "supervisor/reload.h"

#include "lib/log.h"
#include "supervisor/credentials.h"
#include "supervisor/policy_files.h"

#include <stdlib.h>
#include <string.h>

static bool same_cloud(const struct cloud_config *a, const struct cloud_config *b)
{
	return a->ops == b->ops && a->scope == b->scope && a->session == b->session &&
	       a->sightings == b->sightings && a->timeout == b->timeout &&
	       a->max_size == b->max_size && a->lookup_batch == b->lookup_batch &&
	       a->link_batch == b->link_batch && a->link_wait == b->link_wait &&
	       memcmp(a->quota, b->quota, sizeof(a->quota)) == 0 &&
	       strcmp(a->url, b->url) == 0 && strcmp(a->path, b->path) == 0 &&
	       !a->key[0] == !b->key[0] && !a->token[0] == !b->token[0] &&
	       strcmp(a->ca, b->ca) == 0 && strcmp(a->certificate, b->certificate) == 0 &&
	       strcmp(a->certificate_key, b->certificate_key) == 0 &&
	       strcmp(a->proxy, b->proxy) == 0 && strcmp(a->pinned, b->pinned) == 0 &&
	       strcmp(a->region, b->region) == 0 && strcmp(a->user, b->user) == 0 &&
	       strcmp(a->s3_region, b->s3_region) == 0;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_rest(const struct config *a, const struct config *b)
{
	return a->rings == b->rings && a->ring_size == b->ring_size && a->hooks == b->hooks &&
	       a->spool_bytes == b->spool_bytes && a->spool_files == b->spool_files &&
	       a->retry_min == b->retry_min && a->retry_max == b->retry_max &&
	       a->regions == b->regions &&
	       memcmp(a->region, b->region, sizeof(a->region)) == 0 &&
	       memcmp(&a->verdict, &b->verdict, sizeof(a->verdict)) == 0 &&
	       memcmp(a->udp, b->udp, sizeof(a->udp)) == 0 &&
	       memcmp(&a->files, &b->files, sizeof(a->files)) == 0 &&
	       a->netns_count == b->netns_count &&
	       memcmp(a->netns, b->netns, sizeof(a->netns)) == 0 &&
	       a->log_sessions == b->log_sessions && a->users.max == b->users.max &&
	       application_table_equal(a->applications, b->applications) &&
	       same_text(a->file_types_path, b->file_types_path) &&
	       same_text(a->state_dir, b->state_dir) && same_text(a->run_dir, b->run_dir) &&
	       same_text(a->metrics, b->metrics);
}

static bool same_sinks(const struct config *a, const struct config *b)
{
	bool same = a->sinks == b->sinks;

	for (size_t i = 0; same && i < a->sinks; i++) {
		const struct sink_config *s = &a->sink[i], *t = &b->sink[i];

		same = strcmp(s->name, t->name) == 0 && s->kind == t->kind &&
		       s->format == t->format && s->port == t->port &&
		       s->max_waiting == t->max_waiting && same_text(s->path, t->path) &&
		       same_text(s->host, t->host) && same_text(s->ca, t->ca) &&
		       same_text(s->certificate, t->certificate) &&
		       same_text(s->certificate_key, t->certificate_key);
	}
	return same;
}

static size_t find(const struct config *c, const char *name)
{
	size_t i = 0;

	while (i < c->clouds && strcmp(c->cloud[i].name, name) != 0)
		i++;
	return i;
}

/* Bits of the new file's clouds as bits of the running ones. */
static uint64_t translate(const struct config *from, const struct config *to, uint64_t clouds)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < from->clouds; i++) {
		size_t k = find(to, from->cloud[i].name);

		if ((clouds & (1ull << i)) && k < to->clouds)
			bits |= 1ull << k;
	}
	return bits;
}

/* Rules and limits are by place in the table, which inspectors read when they start. */
static bool same_types(const struct file_types *a, const struct file_types *b)
{
	if (file_types_count(a) != file_types_count(b))
		return false;
	for (size_t i = 0; i < file_types_count(a); i++)
		if (strcmp(file_types_name(a, i), file_types_name(b, i)) != 0)
			return false;
	return true;
}

/*
 * Rules may only come with the clouds they were written for: where a private cloud is
 * not running yet, what it keeps from a public one would go there.
 */
static bool clouds_fit(const struct config *c, const struct config *new)
{
	if (c->clouds != new->clouds)
		return false;
	for (size_t i = 0; i < c->clouds; i++) {
		size_t k = find(new, c->cloud[i].name);

		if (k == new->clouds || new->cloud[k].scope != c->cloud[i].scope)
			return false;
	}
	return true;
}

/* The file itself is read after this. */
static void apply_users(struct config *c, struct config *new)
{
	char *file = c->users.file;

	c->users.file = new->users.file;
	new->users.file = file;
	c->users.timeout = new->users.timeout;
}

/* The old ones go with the new configuration. */
static void apply_narrows(struct config *c, struct config *new)
{
	size_t count = c->narrows;

	for (size_t i = 0; i < NARROWS_MAX; i++) {
		struct narrow narrow = c->narrow[i];

		c->narrow[i] = new->narrow[i];
		new->narrow[i] = narrow;
	}
	c->narrows = new->narrows;
	new->narrows = count;
}

static void apply_networks(struct config *c, struct config *new)
{
	struct networks *networks = c->networks;

	c->networks = new->networks;
	new->networks = networks;
}

/* Policy `i` becomes policy `k` of the new one; CONFIG_SHARES_MAX: there is none. */
static void apply_share(struct config *c, size_t i, struct config *new, size_t k)
{
	c->has_share[i] = k < CONFIG_SHARES_MAX && new->has_share[k];
	free(c->policy_key_file[i]);
	c->policy_key_file[i] = NULL;
	c->policy_key_period[i] = c->policy_key_retry[i] = 0;
	if (!c->has_share[i])
		return;
	c->share[i] = new->share[k];
	c->policy_key_file[i] = new->policy_key_file[k];
	new->policy_key_file[k] = NULL;
	c->policy_key_period[i] = new->policy_key_period[k];
}

/* Place of the policy of a log that runs, in a new configuration. */
static size_t find_sink(const struct config *new, const struct sink_config *sink)
{
	for (size_t k = 0; k < new->sinks; k++)
		if (strcmp(new->sink[k].name, sink->name) == 0)
			return CONFIG_SINK_SHARE(k);
	return CONFIG_SHARES_MAX;
}

#define WITHOUT_RULES                                                                         \
	"only [share], [narrow], [network], [users], [vsys] and [zone] sections take effect " \
	"now, the rest waits for a restart"

static void apply(struct config *c, struct config *new)
{
	bool restart = !same_rest(c, new) || !same_sinks(c, new);
	char *virtual_system = c->virtual_system;

	/* Names of networks have nothing to do with clouds. */
	c->vsys = new->vsys;
	c->virtual_system = new->virtual_system;
	new->virtual_system = virtual_system;

	apply_users(c, new);
	apply_networks(c, new);
	apply_narrows(c, new);

	for (size_t i = 0; i < c->sinks; i++) {
		size_t k = find_sink(new, &c->sink[i]);

		apply_share(c, CONFIG_SINK_SHARE(i), new, k);
		/* What it had no policy for before its section went was not meant for all. */
		c->sink_held[i] =
			k == CONFIG_SHARES_MAX ||
			(sink_leaves(&c->sink[i]) && !c->has_share[CONFIG_SINK_SHARE(i)]);
	}
	for (size_t i = 0; i < c->clouds; i++) {
		size_t k = find(new, c->cloud[i].name);

		apply_share(c, i, new, k < new->clouds ? k : CONFIG_SHARES_MAX);
		if (k == new->clouds)
			continue;
		if (!same_cloud(&c->cloud[i], &new->cloud[k]))
			restart = true;
		else if (credentials_take(c, i, &new->cloud[k]))
			log_info("cloud %s: the new key or token is used from now on",
				 c->cloud[i].name);
	}
	if (!clouds_fit(c, new)) {
		log_warning("other clouds than those running: " WITHOUT_RULES);
		return;
	}
	if (!same_types(c->file_types, new->file_types)) {
		log_warning("other file types than those running: " WITHOUT_RULES);
		return;
	}
	memcpy(c->rule, new->rule, sizeof(c->rule));
	c->rules = new->rules;
	c->types = new->types;
	for (size_t i = 0; i < c->rules; i++)
		c->rule[i].clouds = translate(new, c, new->rule[i].clouds);
	if (restart)
		log_warning("only [share], [narrow], [network], [rule], [limits], [users], "
			    "[vsys] and [zone] sections take effect now: what else changed "
			    "waits for a restart");
}

void reload(struct config *c, const char *path)
{
	struct config *new = calloc(1, sizeof(*new));

	if (!new) {
		log_error("out of memory: the configuration stays as it is");
		return;
	}
	if (config_read(new, path)) {
		apply(c, new);
		policy_files_read(c);
		log_info("%s: read again", path);
		config_free(new);
	} else {
		log_error("%s has errors: the configuration stays as it is", path);
	}
	free(new);
}
