// SPDX-License-Identifier: MIT
#include "supervisor/config_parse.h"

#include "lib/log.h"
#include "supervisor/metrics_server.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#define LINE_ROOM 4096
#define ERRORS_MAX 100

static const char *expected_keys(enum section section, char text[static 512])
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < config_key_count; i++)
		if (config_keys[i].section == section)
			n += (size_t)snprintf(text + n, 512 - n, "%s%s", n ? ", " : "",
					      config_keys[i].name);
	return text;
}

/* Called by libinih for every KEY = VALUE. It only goes on when told that all is well. */
static int take_key(void *arg, const char *section, const char *name, const char *value)
{
	struct parse *p = arg;
	void *bases[] = {
		[SECTION_CAPTURE] = p->c,
		[SECTION_AGENT] = p->c,
		[SECTION_USERS] = p->c,
		[SECTION_CLOUD] = &p->c->cloud[p->index],
		[SECTION_LOG] = &p->c->sink[p->section == SECTION_LOG ? p->index : 0],
		[SECTION_NETWORK] = p->c,
		[SECTION_RULE] = &p->c->rule[p->index],
		[SECTION_VSYS] = &p->c->vsys.vsys[p->index],
		[SECTION_ZONE] = &p->c->vsys.zone[p->index],
	};
	uint64_t bit = config_key_bit(p->section, name);
	char expected[512];

	if (p->section == SECTION_UNKNOWN)
		return 1;
	if (p->section == SECTION_NONE) {
		config_bad(p,
			   "'%s' stands before the first section: expected [capture], [agent], "
			   "[users], [cloud NAME], [share NAME], [narrow NAME], [network "
			   "NAME], [log NAME], [limits], [rule "
			   "NAME], [vsys "
			   "NAME] or "
			   "[zone NAME]",
			   name);
		return 1;
	}
	if (value[0] == '\0') {
		config_bad(p, "%s: expected a value behind the =", name);
		return 1;
	}
	if (p->section == SECTION_SHARE) {
		config_set_share(p, name, value);
		return 1;
	}
	if (p->section == SECTION_NARROW) {
		config_set_narrow(p, name, value);
		return 1;
	}
	if (p->section == SECTION_LIMITS) {
		config_take_limit(p, name, value);
		return 1;
	}
	for (size_t i = 0; i < config_key_count; i++) {
		if (config_keys[i].section != p->section ||
		    strcmp(config_keys[i].name, name) != 0)
			continue;
		if (p->seen & bit) {
			config_bad(p, "%s: given twice in this section", name);
			return 1;
		}
		p->seen |= bit;
		if (p->section == SECTION_CLOUD)
			p->cloud_seen[p->index] = p->seen;
		config_keys[i].set(p, &config_keys[i], bases[p->section], value);
		return 1;
	}
	config_bad(p, "'%s' is no key of this section: expected one of %s", name,
		   expected_keys(p->section, expected));
	return 1;
}

/* ----------------------------------------------------------------- sections */

static bool name_good(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && n < CLOUD_NAME_MAX && name[n] == '\0';
}

/* Place of a new entry; reports what exists already, or a full table. */
static bool add_named(struct parse *p, enum section section, const char *name)
{
	struct config *c = p->c;
	size_t i;
	int line = 0;

	switch (section) {
	case SECTION_CLOUD:
		for (i = 0; i < c->clouds && !line; i++)
			if (strcmp(c->cloud[i].name, name) == 0)
				line = c->cloud[i].line;
		if (line || c->clouds == CLOUD_MAX)
			break;
		p->index = c->clouds++;
		config_cloud_default(&c->cloud[p->index], name, p->line);
		return true;
	case SECTION_SHARE:
		for (i = 0; i < p->shares && !line; i++)
			if (strcmp(p->share[i].name, name) == 0)
				line = p->share[i].line;
		if (line || p->shares == CONFIG_SHARES_MAX)
			break;
		p->index = p->shares++;
		p->share[p->index].line = p->line;
		strcpy(p->share[p->index].name, name);
		return true;
	case SECTION_NARROW:
		return config_add_narrow(p, name);
	case SECTION_NETWORK:
		return config_add_network(p, name);
	case SECTION_LOG:
		return config_add_log(p, name);
	default:
		for (i = 0; i < c->rules && !line; i++)
			if (strcmp(c->rule[i].name, name) == 0)
				line = p->rule_line[i];
		if (line || c->rules == CONFIG_RULES_MAX)
			break;
		p->index = c->rules++;
		p->rule_line[p->index] = p->line;
		config_rule_default(&c->rule[p->index], name);
		return true;
	}
	if (line)
		config_bad(p, "this section stands in line %d already", line);
	else
		config_bad(p, "too many sections of this kind");
	return false;
}

/* What stands behind the kind of a section whose name is free text, without white space. */
static char *free_name(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	for (n = strlen(text); n && strchr(" \t", text[n - 1]); n--)
		text[n - 1] = '\0';
	return text;
}

static void begin_section(struct parse *p, char *text)
{
	static const struct {
		const char *name;
		bool named;
	} sections[] = {
#define SECTION_NAME(id, n, own) [SECTION_##id] = {n, own},
		SECTIONS(SECTION_NAME)
#undef SECTION_NAME
	};
	char *end = strchr(text, ']'), *state, *kind, *name, *more, *rest;
	unsigned int s;

	p->section = SECTION_UNKNOWN;
	p->seen = 0;
	if (!end || end[1]) {
		config_bad(
			p,
			"expected a section like [capture] or [cloud NAME], alone on its line");
		return;
	}
	*end = '\0';
	kind = strtok_r(text + 1, " \t", &state);
	rest = free_name(state);
	for (s = 0; s < SECTION_NONE; s++)
		if (kind && strcmp(kind, sections[s].name) == 0)
			break;
	if (s == SECTION_VSYS || s == SECTION_ZONE) {
		if (s == SECTION_VSYS ? config_add_vsys(p, rest) : config_add_zone(p, rest))
			p->section = s;
		return;
	}
	name = strtok_r(NULL, " \t", &state);
	more = strtok_r(NULL, " \t", &state);
	if (s == SECTION_NONE) {
		config_bad(
			p,
			"[%s] is no section: expected capture, agent, users, cloud NAME, share "
			"NAME, narrow NAME, network NAME, log NAME, limits, rule NAME, vsys "
			"NAME or zone "
			"NAME",
			kind ? kind : "");
		return;
	}
	if (!sections[s].named) {
		if (name)
			config_bad(p, "[%s] takes no name", kind);
		else if (p->section_line[s])
			config_bad(p, "this section stands in line %d already",
				   p->section_line[s]);
		else
			p->section = s;
		p->section_line[s] = p->line;
		return;
	}
	if (!name || more || !name_good(name))
		config_bad(
			p,
			"[%s NAME]: expected one name of 1 to %d letters a-z, digits, _ or -",
			kind, CLOUD_NAME_MAX - 1);
	else if (add_named(p, s, name))
		p->section = s;
}

/* -------------------------------------------------------------------- lines */

/* One line without its end into text; false at the end of the file. */
static bool read_line(struct parse *p, char text[static LINE_ROOM])
{
	size_t n = 0;
	bool binary = false, cut = false;
	int c;

	while ((c = getc(p->file)) != EOF && c != '\n') {
		if (c == '\r')
			continue;
		if ((c < ' ' && c != '\t') || c == 0x7f)
			binary = true;
		if (n < LINE_ROOM - 1)
			text[n++] = (char)c;
		else
			cut = true;
	}
	text[n] = '\0';
	if (c == EOF && n == 0)
		return false;
	p->line++;
	if (binary || cut || c == EOF) {
		config_bad(p, binary ? "control characters: expected text"
			      : cut  ? "the line is too long"
				     : "the file ends within this line: was it written to its "
				       "end? expected a newline");
		text[0] = '\0';
	}
	return true;
}

/* Removes what stands behind " #" or " ;", then white space at the end. */
static void strip(char *text)
{
	size_t n;

	for (n = 0; text[n]; n++)
		if ((text[n] == '#' || text[n] == ';') &&
		    (n == 0 || text[n - 1] == ' ' || text[n - 1] == '\t'))
			break;
	while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		n--;
	text[n] = '\0';
}

/*
 * Gives libinih its lines (the interface of fgets).  What it would silently cut or read
 * as a continuation is refused here, and a blank line given instead.
 */
static char *next_line(char *out, int room, void *arg)
{
	struct parse *p = arg;
	char text[LINE_ROOM], *start = text;

	if (p->errors >= ERRORS_MAX) {
		log_error("%s: too many errors, the rest is not read", p->path);
		return NULL;
	}
	if (!read_line(p, text))
		return NULL;
	if (p->line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0)
		start += 3;
	strip(start);
	if (start[0] == '[') {
		begin_section(p, start);
		start = "";
	} else if (start[0] == ' ' || start[0] == '\t') {
		config_bad(
			p,
			"begins with white space: expected every key at the start of its line, "
			"and its value on the same line");
		start = "";
	} else if (start[0] && !strchr(start, '=')) {
		config_bad(p, "'%.60s': expected [SECTION] or KEY = VALUE", start);
		start = "";
	} else if (strlen(start) + 2 > (size_t)room) {
		config_bad(p, "the line is longer than %d bytes", room - 2);
		start = "";
	}
	snprintf(out, (size_t)room, "%s\n", start);
	return out;
}

/* --------------------------------------------------- what needs the whole file */

static size_t find_cloud(const struct config *c, const char *name)
{
	size_t i = 0;

	while (i < c->clouds && strcmp(c->cloud[i].name, name) != 0)
		i++;
	return i;
}

static void finish_settings(struct parse *p, const struct cloud_config *cloud, uint64_t seen)
{
	static const char *const keys[] = {
#define SETTING_KEY(id, key) key,
		CLOUD_SETTINGS(SETTING_KEY)
#undef SETTING_KEY
	};
	const struct cloud_ops *ops = cloud->ops;

	for (unsigned int i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		bool given = seen & config_key_bit(SECTION_CLOUD, keys[i]);

		if (!given && (ops->needs & (1u << i)))
			config_bad_at(p, cloud->line, "[cloud %s]: kind %s needs a %s",
				      cloud->name, ops->kind, keys[i]);
		if (given && !((ops->needs | ops->takes) & (1u << i)))
			config_bad_at(p, cloud->line, "[cloud %s]: kind %s takes no %s",
				      cloud->name, ops->kind, keys[i]);
	}
}

/* A signature is made of the path, which is not encoded in the same way everywhere. */
static bool plain_path(const char *url)
{
	const char *host = strstr(url, "://"), *path = host ? strchr(host + 3, '/') : NULL;

	return !path ||
	       !path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789-._~/")];
}

/* What a kind wants to be written in a certain way. */
static void finish_form(struct parse *p, const struct cloud_config *cloud)
{
	const char *words = cloud->ops->key_words;

	if (cloud->key && words && !strchr(cloud->key, ' '))
		config_bad_at(p, cloud->line, "[cloud %s]: key_file: expected two words, %s",
			      cloud->name, words);
	else if (cloud->key && !words && strchr(cloud->key, ' '))
		config_bad_at(p, cloud->line,
			      "[cloud %s]: key_file: expected one line of printable ASCII "
			      "without spaces, the key",
			      cloud->name);
	if (cloud->sightings == CLOUD_SIGHTINGS_ALL &&
	    cloud->ops->envelopes == CLOUD_ENVELOPE_BESIDE)
		config_bad_at(p, cloud->line,
			      "[cloud %s]: sightings = all: kind %s takes no envelope without "
			      "its sample, expected first",
			      cloud->name, cloud->ops->kind);
	if (cloud->url && cloud->ops->plain_path && !plain_path(cloud->url))
		config_bad_at(p, cloud->line,
			      "[cloud %s]: url: expected only letters, digits and - . _ ~ in "
			      "its path",
			      cloud->name);
}

static void finish_clouds(struct parse *p)
{
	for (size_t i = 0; i < p->c->clouds; i++) {
		const struct cloud_config *cloud = &p->c->cloud[i];
		uint64_t seen = p->cloud_seen[i];

		if (!(seen & config_key_bit(SECTION_CLOUD, "kind")))
			config_bad_at(p, cloud->line,
				      "[cloud %s]: kind is missing: expected one of %s",
				      cloud->name, cloud_kinds());
		if (!cloud->ops)
			continue;
		if (config_region_url(p, i))
			seen |= config_key_bit(SECTION_CLOUD, "url");
		finish_settings(p, cloud, seen);
		config_finish_region(p, i);
		finish_form(p, cloud);
		config_finish_tls(p, cloud);
		if (cloud->key && cloud->token)
			config_bad_at(p, cloud->line,
				      "[cloud %s]: expected key_file or token_file, not both",
				      cloud->name);
	}
}

static void finish_shares(struct parse *p)
{
	struct config *c = p->c;

	for (size_t i = 0; i < p->shares; i++) {
		struct share *share = &p->share[i];
		size_t place = find_cloud(c, share->name);

		if (place == c->clouds)
			place = config_find_log(c, share->name);
		if (place == CONFIG_SHARES_MAX) {
			config_bad_at(p, share->line,
				      "[share %s]: there is no [cloud %s] and no [log %s]",
				      share->name, share->name, share->name);
			continue;
		}
		config_finish_share(p, share, place);
	}
	for (size_t i = 0; i < c->clouds; i++)
		if (!c->has_share[i])
			config_warn_at(p, c->cloud[i].line,
				       "[cloud %s] receives nothing: there is no "
				       "[share %s]",
				       c->cloud[i].name, c->cloud[i].name);
}

/* Applications are checked when the table of those with names of their own is known. */
static void finish_applications(struct parse *p, size_t i)
{
	const struct rule *rule = &p->c->rule[i];

	for (size_t k = 0; k < rule->applications; k++)
		if (!application_possible(p->c->applications, rule->application[k]))
			config_warn_at(p, p->rule_application_line[i],
				       "application: no file is ever seen in '%s': expected "
				       "any, or names of sluice.conf(5) and of the table of "
				       "applications",
				       rule->application[k]);
}

static void finish_rule(struct parse *p, size_t i)
{
	struct rule *rule = &p->c->rule[i];
	char *state, *word;

	if (!p->rule_clouds[i]) {
		config_warn_at(p, p->rule_line[i], "[rule %s] sends nothing: it names no cloud",
			       rule->name);
		return;
	}
	for (word = strtok_r(p->rule_clouds[i], CONFIG_LIST_SEPARATORS, &state); word;
	     word = strtok_r(NULL, CONFIG_LIST_SEPARATORS, &state)) {
		size_t cloud = find_cloud(p->c, word);

		if (cloud == p->c->clouds)
			config_bad_at(p, p->rule_clouds_line[i],
				      "cloud: there is no [cloud %s]", word);
		else
			rule->clouds |= 1ull << cloud;
	}
}

static void finish_metrics(struct parse *p)
{
	const char *metrics = p->c->metrics, *expected;

	expected = metrics ? metrics_server_expected(metrics, p->c->run_dir) : NULL;
	if (expected)
		config_bad_at(p, p->metrics_line, "metrics: '%s': %s", metrics, expected);
}

static void finish(struct parse *p)
{
	struct config *c = p->c;
	bool plain = c->clouds == 0 && c->rules == 0 && p->shares == 0 && c->narrows == 0;

	config_finish_vsys(p);
	if (c->retry_min > c->retry_max)
		config_bad_at(p, p->section_line[SECTION_AGENT],
			      "retry_min (%u) is more than retry_max "
			      "(%u)",
			      c->retry_min, c->retry_max);
	finish_metrics(p);
	if (config_read_types(c)) {
		/* Without rules no type has a limit but those that are given here. */
		if (plain)
			config_no_limits(c);
		config_finish_types(p);
	} else {
		p->errors++;
	}
	if (plain) {
		if (p->errors == 0 && !config_default_cloud(c))
			config_bad(p, "out of memory");
		config_finish_logs(p);
		return;
	}
	finish_clouds(p);
	finish_shares(p);
	config_finish_logs(p);
	config_finish_narrows(p);
	for (size_t i = 0; i < c->rules; i++) {
		finish_applications(p, i);
		finish_rule(p, i);
	}
	if (!config_complete(c))
		config_bad(p, "out of memory");
}

static bool read_file(struct config *c, const char *path, bool shown)
{
	struct parse *p = calloc(1, sizeof(*p));
	bool ok = false;

	memset(c, 0, sizeof(*c));
	if (!p || !config_defaults(c)) {
		log_error("%s: out of memory", path);
		goto out;
	}
	p->c = c;
	p->path = path;
	p->shown = shown;
	p->section = SECTION_NONE;
	p->file = fopen(path, "re");
	if (!p->file) {
		log_error("cannot read configuration %s: %s", path, strerror(errno));
		goto out;
	}
	errno = 0;
	if (ini_parse_stream(next_line, p, take_key, p) < 0)
		config_bad(p, "out of memory");
	if (ferror(p->file))
		config_bad(p, "cannot read on: %s", strerror(errno));
	fclose(p->file);
	finish(p);
	ok = p->errors == 0;
	for (size_t i = 0; i < CONFIG_RULES_MAX; i++)
		free(p->rule_clouds[i]);
	for (size_t i = 0; i < CONFIG_SHARES_MAX; i++)
		free(p->share[i].key_file);
	config_free_types(p);
out:
	if (!ok)
		config_free(c);
	free(p);
	return ok;
}

bool config_read(struct config *c, const char *path)
{
	return read_file(c, path, false);
}

bool config_read_shown(struct config *c, const char *path)
{
	return read_file(c, path, true);
}
