// SPDX-License-Identifier: MIT
/*
 * sluicectl resolve: the value behind a pseudonym or an encrypted address, from the keys and
 * the local log.  The agent writes into the ledger that somebody looks, before anybody does.
 */
#include "ctl/agent.h"
#include "ctl/config.h"
#include "ctl/sighting_text.h"
#include "ctl/sightlog.h"
#include "lib/json.h"
#include "policy/ipcrypt.h"
#include "policy/place.h"
#include "policy/pseudonym.h"
#include "supervisor/policy_files.h"

#include <stdio.h>
#include <string.h>

struct resolve_options {
	struct sightlog_place place;
	const char *cloud;
};

const struct ctl_option ctl_resolve_options[] = {
	{0, "cloud", "NAME", "what that cloud was told; default: any", NULL, ctl_take_text,
	 offsetof(struct resolve_options, cloud)},
	SIGHTLOG_OPTIONS(struct resolve_options),
	CTL_OPTIONS_END};

/* A key that may have made it, of a cloud, and what an encrypted address was under it. */
struct candidate {
	const char *cloud;
	const struct policy_key *key;
	struct endpoint address[2]; /* prefix-preserving, deterministic; family 0: neither */
};

#define CANDIDATES_MAX (4 * POLICY_KEYS_MAX)

struct search {
	const char *token;
	bool encrypted;
	struct candidate candidate[CANDIDATES_MAX];
	size_t candidates;
	json_t *found; /* NULL: not yet */
};

/* Whether one value of a field is behind the token, by that key. */
static bool is_behind(const struct search *s, const struct candidate *c,
		      enum sluice_field field, json_t *value)
{
	const char *text = json_string_value(value);
	char token[PSEUDONYM_MAX];
	struct endpoint address;

	if (policy_is_address(field)) {
		if (!text || !inet_parse(text, &address))
			return false;
		if (s->encrypted)
			return inet_equal(&address, &c->address[0]) ||
			       inet_equal(&address, &c->address[1]);
		pseudonym_address(c->key, field, &address, token);
	} else if (s->encrypted) {
		return false;
	} else if (policy_is_port(field)) {
		pseudonym_port(c->key, field, (uint16_t)json_integer_value(value), token);
	} else {
		pseudonym_text(c->key, field, text ? text : "", text ? strlen(text) : 0, token);
	}
	return strcmp(token, s->token) == 0;
}

static void try_value(struct search *s, json_t *sighting, enum sluice_field field,
		      json_t *value)
{
	for (size_t i = 0; value && !s->found && i < s->candidates; i++)
		if (is_behind(s, &s->candidate[i], field, value))
			s->found = json_pack("{s:s, s:s, s:s, s:s, s:O, s:O, s:O}", "token",
					     s->token, "cloud", s->candidate[i].cloud, "key",
					     s->candidate[i].key->id, "field",
					     policy_field_name(field), "value", value, "time",
					     json_at(sighting, "@timestamp"), "sighting",
					     json_at(sighting, "event.id"));
}

static bool look(void *arg, const struct sightlog_line *where, json_t *sighting)
{
	struct search *s = arg;

	(void)where;
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		json_t *value = place_seen(sighting, f), *one;
		size_t i;

		if (!json_is_array(value))
			try_value(s, sighting, f, value);
		else
			json_array_foreach(value, i, one) try_value(s, sighting, f, one);
	}
	return !s->found;
}

/* The keys that may have made it: by the id in a pseudonym, of an address all. */
static void collect(struct search *s, const struct config *c, const char *cloud, const char *id,
		    const struct endpoint *address)
{
	for (size_t i = 0; i < c->clouds; i++) {
		const struct policy_keys *keys = c->policy_keys[i];

		if (!keys || (cloud && strcmp(c->cloud[i].name, cloud) != 0))
			continue;
		for (size_t k = keys->count; k-- > 0 && s->candidates < CANDIDATES_MAX;) {
			struct candidate *n = &s->candidate[s->candidates];

			if (id && strcmp(keys->key[k].id, id) != 0)
				continue;
			*n = (struct candidate){c->cloud[i].name, &keys->key[k], {{0}, {0}}};
			s->candidates++;
			if (!address)
				continue;
			n->address[0] = n->address[1] = *address;
			ipcrypt_prefix(n->key->prefix, true, &n->address[0]);
			ipcrypt_single(n->key->single, true, &n->address[1]);
		}
	}
}

static int print(const struct ctl *ctl, const struct search *s)
{
	char when[TIME_TEXT_MAX], number[16];
	json_t *value = json_object_get(s->found, "value");
	const char *text = json_string_value(value);
	struct buf clean;

	if (ctl->json)
		return ctl_print_json(json_incref(s->found));
	snprintf(number, sizeof(number), "%d", (int)json_integer_value(value));
	buf_init(&clean, 1 << 20);
	display_clean(&clean, text ? text : number, strlen(text ? text : number));
	printf("value     %s\nfield     %s\ncloud     %s, key %s\nseen      %s, sighting %s\n",
	       buf_string(&clean), json_string_value(json_object_get(s->found, "field")),
	       json_string_value(json_object_get(s->found, "cloud")),
	       json_string_value(json_object_get(s->found, "key")),
	       time_local(json_string_value(json_object_get(s->found, "time")), false, when),
	       json_string_value(json_object_get(s->found, "sighting")));
	buf_free(&clean);
	return CTL_OK;
}

static int search(struct ctl *ctl, struct search *s, struct sightlog *log)
{
	struct filter any = {0};
	uint64_t end;
	int status = CTL_FAILED;

	if (filter_ready(&any) && sightlog_back(log, &any, &end, look, s)) {
		sightlog_complain(log);
		if (s->found)
			status = print(ctl, s);
		else
			ctl_error("resolve: no value in the local log %s becomes %s", log->path,
				  s->token);
	}
	filter_free(&any);
	json_decref(s->found);
	return status;
}

int ctl_resolve(struct ctl *ctl, int argc, char **argv)
{
	static struct search s;
	static struct ctl_config cc;
	struct resolve_options o = {0};
	struct endpoint address = {0};
	char id[POLICY_KEY_ID_MAX];
	bool pseudonym;
	struct sightlog log;
	int status = CTL_FAILED;

	argc = ctl_options("resolve", ctl_resolve_options, argc, argv, 1, &o);
	if (argc < 0)
		return CTL_USAGE;
	pseudonym = argc && pseudonym_parse(argv[0], id);
	if (argc != 1 || (!pseudonym && !inet_parse(argv[0], &address))) {
		ctl_error("resolve: expected a pseudonym (p1:KEY:HEX) or an encrypted address");
		return CTL_USAGE;
	}
	cc.path = o.place.config;
	if (!ctl_config_read(&cc))
		return CTL_FAILED;
	policy_files_read(&cc.config);
	s.token = argv[0];
	s.encrypted = !pseudonym;
	collect(&s, &cc.config, o.cloud, pseudonym ? id : NULL, pseudonym ? NULL : &address);
	if (!s.candidates) {
		ctl_error("resolve: no key_file of %s has %s%s", ctl_config_name(&cc),
			  pseudonym ? "a key " : "a key", pseudonym ? id : "");
	} else if (sightlog_open(&log, &o.place, false)) {
		const char *run_dir = ctl->run_dir;

		if (log.run_dir && !strcmp(run_dir, CTL_RUN_DIR))
			run_dir = log.run_dir;
		if (agent_call(run_dir,
			       json_pack("{s:s, s:s}", "command", "resolve", "token", s.token),
			       NULL, NULL))
			status = search(ctl, &s, &log);
		sightlog_close(&log);
	}
	config_free(&cc.config);
	return status;
}
