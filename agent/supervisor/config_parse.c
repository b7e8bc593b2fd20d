// SPDX-License-Identifier: MIT
#include "supervisor/config_parse.h"

#include "lib/log.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_ROOM 4096
#define ERRORS_MAX 100
#define KEY_BYTES_MAX 1024
#define LIST_SEPARATORS ", \t"

/* X(CONSTANT, name, takes a name of its own) */
#define SECTIONS(X)                  \
	X(CAPTURE, "capture", false) \
	X(AGENT, "agent", false)     \
	X(CLOUD, "cloud", true)      \
	X(SHARE, "share", true)      \
	X(RULE, "rule", true)

enum section {
#define SECTION_ENUM(id, name, named) SECTION_##id,
	SECTIONS(SECTION_ENUM)
#undef SECTION_ENUM
		SECTION_NONE, /* before the first one */
	SECTION_UNKNOWN,      /* refused: its keys are not looked at */
};

/* A [share] section, until the cloud it belongs to is known. */
struct share {
	char name[CLOUD_NAME_MAX];
	int line;
	bool has_default;
	enum policy_mode rest;
	uint32_t given; /* fields named, by bit */
	struct policy policy;
};

struct parse {
	struct config *c;
	const char *path;
	FILE *file;
	int line;
	unsigned int errors;

	enum section section;
	size_t index; /* of the current cloud, share or rule */
	int section_line[SECTION_NONE];
	uint64_t seen; /* keys of this section, by place in keys[] */

	uint64_t cloud_seen[CLOUD_MAX];
	struct share share[CLOUD_MAX];
	size_t shares;
	char *rule_clouds[CONFIG_RULES_MAX];
	int rule_clouds_line[CONFIG_RULES_MAX];
	int rule_line[CONFIG_RULES_MAX];
};

struct key {
	enum section section;
	const char *name;
	void (*set)(struct parse *p, const struct key *k, void *base, const char *value);
	size_t offset, size; /* of what it sets, in what the section fills */
	uint64_t min, max;
};

static void complain(struct parse *p, int line, enum log_level level, const char *format,
		     va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	if (line)
		log_at(level, "%s:%d: %s", p->path, line, text);
	else
		log_at(level, "%s: %s", p->path, text);
}

static void __attribute__((format(printf, 3, 4)))
bad_at(struct parse *p, int line, const char *format, ...)
{
	va_list args;

	p->errors++;
	va_start(args, format);
	complain(p, line, LOG_LEVEL_ERROR, format, args);
	va_end(args);
}

static void __attribute__((format(printf, 3, 4)))
warn_at(struct parse *p, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(p, line, LOG_LEVEL_WARNING, format, args);
	va_end(args);
}

#define bad(p, ...) bad_at(p, (p)->line, __VA_ARGS__)

/* ------------------------------------------------------- values of each kind */

static void set_text(struct parse *p, const struct key *k, void *base, const char *value)
{
	char **text = (char **)((char *)base + k->offset);

	if (strlen(value) > k->max) {
		bad(p, "%s: longer than %llu bytes", k->name, (unsigned long long)k->max);
		return;
	}
	free(*text);
	*text = strdup(value);
	if (!*text)
		bad(p, "%s: out of memory", k->name);
}

static void set_path(struct parse *p, const struct key *k, void *base, const char *value)
{
	char **text = (char **)((char *)base + k->offset);
	size_t n;

	if (value[0] != '/') {
		bad(p, "%s: '%s': expected an absolute path", k->name, value);
		return;
	}
	set_text(p, k, base, value);
	for (n = *text ? strlen(*text) : 0; n > 1 && (*text)[n - 1] == '/'; n--)
		(*text)[n - 1] = '\0';
}

static void set_readable(struct parse *p, const struct key *k, void *base, const char *value)
{
	set_path(p, k, base, value);
	if (value[0] == '/' && access(value, R_OK) < 0)
		bad(p, "%s: cannot read %s: %s", k->name, value, strerror(errno));
}

static bool parse_number(const char *value, bool suffixes, uint64_t *number)
{
	static const char units[] = "KMG";
	const char *unit;
	uint64_t n = 0;
	size_t i;

	for (i = 0; value[i] >= '0' && value[i] <= '9'; i++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(value[i] - '0'), &n))
			return false;
	if (i == 0)
		return false;
	if (suffixes && value[i] && (unit = strchr(units, value[i]))) {
		unsigned int shift = 10 * (unsigned int)(unit - units + 1);

		if (n > UINT64_MAX >> shift)
			return false;
		n <<= shift;
		i++;
	}
	*number = n;
	return value[i] == '\0';
}

static bool ranged(struct parse *p, const struct key *k, const char *value, bool size,
		   uint64_t *n)
{
	if (parse_number(value, size, n) && *n >= k->min && *n <= k->max)
		return true;
	bad(p, "%s: '%s': expected a number from %llu to %llu%s", k->name, value,
	    (unsigned long long)k->min, (unsigned long long)k->max,
	    size ? ", or with K, M or G" : "");
	return false;
}

static void store(const struct key *k, void *base, uint64_t n)
{
	uint32_t narrow = (uint32_t)n;

	if (k->size == sizeof(narrow))
		memcpy((char *)base + k->offset, &narrow, sizeof(narrow));
	else
		memcpy((char *)base + k->offset, &n, sizeof(n));
}

static void set_number(struct parse *p, const struct key *k, void *base, const char *value)
{
	uint64_t n;

	if (ranged(p, k, value, false, &n))
		store(k, base, n);
}

static void set_size(struct parse *p, const struct key *k, void *base, const char *value)
{
	uint64_t n;

	if (ranged(p, k, value, true, &n))
		store(k, base, n);
}

static void set_power(struct parse *p, const struct key *k, void *base, const char *value)
{
	uint64_t n;

	if (!ranged(p, k, value, true, &n))
		return;
	if (n & (n - 1))
		bad(p, "%s: '%s': expected a power of two", k->name, value);
	else
		store(k, base, n);
}

static void set_yes(struct parse *p, const struct key *k, void *base, const char *value)
{
	bool *flag = (bool *)((char *)base + k->offset);

	if (strcmp(value, "yes") == 0)
		*flag = true;
	else if (strcmp(value, "no") == 0)
		*flag = false;
	else
		bad(p, "%s: '%s': expected yes or no", k->name, value);
}

/* Calls each for the words of a list. */
static void each_word(struct parse *p, const struct key *k, void *base, const char *value,
		      void (*each)(struct parse *p, const struct key *k, void *base,
				   const char *word))
{
	char *copy = strdup(value), *state, *word;

	if (!copy) {
		bad(p, "%s: out of memory", k->name);
		return;
	}
	word = strtok_r(copy, LIST_SEPARATORS, &state);
	if (!word)
		bad(p, "%s: '%s': expected a list of words", k->name, value);
	for (; word; word = strtok_r(NULL, LIST_SEPARATORS, &state))
		each(p, k, base, word);
	free(copy);
}

static void add_hook(struct parse *p, const struct key *k, void *base, const char *word)
{
	uint32_t *hooks = (uint32_t *)((char *)base + k->offset);

	if (strcmp(word, "forward") == 0)
		*hooks |= SLUICE_HOOK_FORWARD;
	else if (strcmp(word, "local") == 0)
		*hooks |= SLUICE_HOOK_LOCAL;
	else if (strcmp(word, "bridge") == 0)
		bad(p, "%s: 'bridge' is not in this version: expected forward or local",
		    k->name);
	else
		bad(p, "%s: '%s': expected forward or local", k->name, word);
}

static void set_hooks(struct parse *p, const struct key *k, void *base, const char *value)
{
	each_word(p, k, base, value, add_hook);
}

static void set_kind(struct parse *p, const struct key *k, void *base, const char *value)
{
	struct cloud_config *cloud = base;

	cloud->ops = cloud_find(value);
	if (!cloud->ops)
		bad(p, "%s: '%s' is no kind of cloud: expected one of %s", k->name, value,
		    cloud_kinds());
}

static void set_scope(struct parse *p, const struct key *k, void *base, const char *value)
{
	struct cloud_config *cloud = base;

	if (strcmp(value, "private") == 0)
		cloud->scope = CLOUD_PRIVATE;
	else if (strcmp(value, "public") == 0)
		cloud->scope = CLOUD_PUBLIC;
	else
		bad(p, "%s: '%s': expected private or public", k->name, value);
}

/* What is wrong with a base URL; NULL: nothing. *plain: no TLS. */
static const char *url_problem(const char *value, bool *plain)
{
	static const struct {
		CURLUPart part;
		const char *problem;
	} unwanted[] = {
		{CURLUPART_USER, "expected no user name in it"},
		{CURLUPART_PASSWORD, "expected no password in it"},
		{CURLUPART_QUERY, "expected no query in it"},
		{CURLUPART_FRAGMENT, "expected no fragment in it"},
	};
	CURLU *url = curl_url();
	const char *problem = NULL;
	char *part = NULL;
	CURLUcode code;

	if (!url)
		return "out of memory";
	code = curl_url_set(url, CURLUPART_URL, value, CURLU_NON_SUPPORT_SCHEME);
	if (code)
		problem = curl_url_strerror(code);
	if (!problem && curl_url_get(url, CURLUPART_SCHEME, &part, 0) == CURLUE_OK) {
		*plain = strcmp(part, "http") == 0;
		if (!*plain && strcmp(part, "https") != 0)
			problem = "expected https:// or http://";
		curl_free(part);
	}
	for (size_t i = 0; !problem && i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
		if (curl_url_get(url, unwanted[i].part, &part, 0) != CURLUE_OK)
			continue;
		problem = unwanted[i].problem;
		curl_free(part);
	}
	curl_url_cleanup(url);
	return problem;
}

static void set_url(struct parse *p, const struct key *k, void *base, const char *value)
{
	struct cloud_config *cloud = base;
	bool plain = false;
	const char *problem = url_problem(value, &plain);
	size_t n;

	if (problem) {
		bad(p, "%s: '%s' is no URL: %s", k->name, value, problem);
		return;
	}
	if (plain)
		warn_at(p, p->line,
			"%s: %s is not encrypted: samples and the key can be read "
			"on the way",
			k->name, value);
	set_text(p, k, base, value);
	for (n = cloud->url ? strlen(cloud->url) : 0; n && cloud->url[n - 1] == '/'; n--)
		cloud->url[n - 1] = '\0';
}

/* The key itself is never shown. */
static void set_key_file(struct parse *p, const struct key *k, void *base, const char *value)
{
	struct cloud_config *cloud = base;
	char key[KEY_BYTES_MAX + 2];
	struct stat st;
	ssize_t n;
	int fd;

	if (value[0] != '/') {
		bad(p, "%s: '%s': expected an absolute path", k->name, value);
		return;
	}
	fd = open(value, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0 || (n = read(fd, key, sizeof(key) - 1)) < 0) {
		bad(p, "%s: cannot read %s: %s", k->name, value, strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	close(fd);
	if (st.st_mode & S_IROTH)
		warn_at(p, p->line, "%s: everybody can read %s: expected mode 0600", k->name,
			value);
	while (n && strchr(" \t\r\n", key[n - 1]))
		n--;
	key[n] = '\0';
	if (n == 0 || n > KEY_BYTES_MAX) {
		bad(p, "%s: %s: expected one line of 1 to %d characters, the key", k->name,
		    value, KEY_BYTES_MAX);
	} else {
		ssize_t i = 0;

		while (i < n && key[i] > ' ' && key[i] < 0x7f)
			i++;
		if (i < n) {
			bad(p,
			    "%s: %s: expected one line of printable ASCII without spaces, "
			    "the key",
			    k->name, value);
		} else {
			free(cloud->key);
			cloud->key = strdup(key);
		}
	}
	explicit_bzero(key, sizeof(key));
}

static void add_application(struct parse *p, const struct key *k, void *base, const char *word)
{
	struct rule *rule = base;

	if (strcmp(word, "any") == 0) {
		rule->any_application = true;
		return;
	}
	if (rule->applications == RULE_APPLICATIONS_MAX)
		bad(p, "%s: more than %d of them", k->name, RULE_APPLICATIONS_MAX);
	else if (strlen(word) >= RULE_NAME_MAX)
		bad(p, "%s: '%s' is longer than %d bytes", k->name, word, RULE_NAME_MAX - 1);
	else
		strcpy(rule->application[rule->applications++], word);
}

static void set_application(struct parse *p, const struct key *k, void *base, const char *value)
{
	struct rule *rule = base;

	rule->any_application = false;
	each_word(p, k, base, value, add_application);
}

static void set_file_type(struct parse *p, const struct key *k, void *base, const char *value)
{
	if (strcmp(value, "any") != 0)
		bad(p, "%s: '%s': this version does not tell file types apart: expected any",
		    k->name, value);
}

static void set_direction(struct parse *p, const struct key *k, void *base, const char *value)
{
	struct rule *rule = base;

	if (strcmp(value, "both") == 0)
		rule->direction = RULE_BOTH;
	else if (strcmp(value, "download") == 0)
		rule->direction = RULE_DOWNLOAD;
	else if (strcmp(value, "upload") == 0)
		rule->direction = RULE_UPLOAD;
	else
		bad(p, "%s: '%s': expected both, download or upload", k->name, value);
}

/* Looked up when all clouds are known. */
static void set_clouds(struct parse *p, const struct key *k, void *base, const char *value)
{
	p->rule_clouds[p->index] = strdup(value);
	p->rule_clouds_line[p->index] = p->line;
	if (!p->rule_clouds[p->index])
		bad(p, "%s: out of memory", k->name);
}

/* --------------------------------------------------------- the known keys */

#define IN(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)
#define PATH_BYTES 1024

static const struct key keys[] = {
	{SECTION_CAPTURE, "rings", set_number, IN(config, rings), 1, SLUICE_RINGS_MAX},
	{SECTION_CAPTURE, "ring_size", set_power, IN(config, ring_size), 65536, 268435456},
	{SECTION_CAPTURE, "hooks", set_hooks, IN(config, hooks), 0, 0},
	{SECTION_CAPTURE, "virtual_system", set_text, IN(config, virtual_system), 0, 255},
	{SECTION_CAPTURE, "max_file_size", set_size, IN(config, files.max_size), 1, 1ull << 40},
	{SECTION_CAPTURE, "max_open_files", set_number, IN(config, files.max_open), 1, 1 << 20},

	{SECTION_AGENT, "state_dir", set_path, IN(config, state_dir), 0, PATH_BYTES},
	{SECTION_AGENT, "run_dir", set_path, IN(config, run_dir), 0, PATH_BYTES},
	{SECTION_AGENT, "spool_size", set_size, IN(config, spool_bytes), 0, 1ull << 60},
	{SECTION_AGENT, "spool_files", set_number, IN(config, spool_files), 0, 1ull << 40},
	{SECTION_AGENT, "retry_min", set_number, IN(config, retry_min), 1, 86400},
	{SECTION_AGENT, "retry_max", set_number, IN(config, retry_max), 1, 604800},

	{SECTION_CLOUD, "kind", set_kind, 0, 0, 0, 0},
	{SECTION_CLOUD, "scope", set_scope, 0, 0, 0, 0},
	{SECTION_CLOUD, "url", set_url, IN(cloud_config, url), 0, PATH_BYTES},
	{SECTION_CLOUD, "path", set_path, IN(cloud_config, path), 0, PATH_BYTES},
	{SECTION_CLOUD, "key_file", set_key_file, 0, 0, 0, 0},
	{SECTION_CLOUD, "ca_file", set_readable, IN(cloud_config, ca_file), 0, PATH_BYTES},
	{SECTION_CLOUD, "session", set_yes, IN(cloud_config, session), 0, 0},
	{SECTION_CLOUD, "timeout", set_number, IN(cloud_config, timeout), 1, 3600},
	{SECTION_CLOUD, "max_size", set_size, IN(cloud_config, max_size), 1, 1ull << 40},

	{SECTION_RULE, "application", set_application, 0, 0, 0, 0},
	{SECTION_RULE, "file_type", set_file_type, 0, 0, 0, 0},
	{SECTION_RULE, "direction", set_direction, 0, 0, 0, 0},
	{SECTION_RULE, "cloud", set_clouds, 0, 0, 0, 0},
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))
_Static_assert(KEYS < 64, "seen is a word");

/* Bit of a key in `seen`. */
static uint64_t key_bit(enum section section, const char *name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (keys[i].section == section && strcmp(keys[i].name, name) == 0)
			return 1ull << i;
	return 0;
}

static const char *expected_keys(enum section section, char text[static 512])
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < KEYS; i++)
		if (keys[i].section == section)
			n += (size_t)snprintf(text + n, 512 - n, "%s%s", n ? ", " : "",
					      keys[i].name);
	return text;
}

static void set_share(struct parse *p, const char *name, const char *value)
{
	struct share *share = &p->share[p->index];
	enum policy_mode mode = policy_mode_find(value);
	enum sluice_field field = policy_field_find(name);
	bool rest = strcmp(name, "default") == 0;

	if (!rest && field == SLUICE_FIELD_COUNT) {
		bad(p,
		    "'%s' is no field: expected default or one of the twelve fields "
		    "(sluice.conf(5))",
		    name);
		return;
	}
	if (rest ? share->has_default : share->given & SLUICE_FIELD_BIT(field)) {
		bad(p, "%s: given twice in [share %s]", name, share->name);
		return;
	}
	if (mode == POLICY_MODE_COUNT)
		bad(p, "%s: '%s': expected share or omit", name, value);
	if (rest) {
		share->has_default = true;
		share->rest = mode;
	} else {
		share->given |= SLUICE_FIELD_BIT(field);
		share->policy.mode[field] = mode;
	}
}

/* Called by libinih for every KEY = VALUE. It only goes on when told that all is well. */
static int take_key(void *arg, const char *section, const char *name, const char *value)
{
	struct parse *p = arg;
	void *bases[] = {
		[SECTION_CAPTURE] = p->c,
		[SECTION_AGENT] = p->c,
		[SECTION_CLOUD] = &p->c->cloud[p->index],
		[SECTION_RULE] = &p->c->rule[p->index],
	};
	char expected[512];

	if (p->section == SECTION_UNKNOWN)
		return 1;
	if (p->section == SECTION_NONE) {
		bad(p,
		    "'%s' stands before the first section: expected [capture], [agent], "
		    "[cloud NAME], [share NAME] or [rule NAME]",
		    name);
		return 1;
	}
	if (value[0] == '\0') {
		bad(p, "%s: expected a value behind the =", name);
		return 1;
	}
	if (p->section == SECTION_SHARE) {
		set_share(p, name, value);
		return 1;
	}
	for (size_t i = 0; i < KEYS; i++) {
		if (keys[i].section != p->section || strcmp(keys[i].name, name) != 0)
			continue;
		if (p->seen & (1ull << i)) {
			bad(p, "%s: given twice in this section", name);
			return 1;
		}
		p->seen |= 1ull << i;
		if (p->section == SECTION_CLOUD)
			p->cloud_seen[p->index] = p->seen;
		keys[i].set(p, &keys[i], bases[p->section], value);
		return 1;
	}
	bad(p, "'%s' is no key of this section: expected one of %s", name,
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
		if (line || p->shares == CLOUD_MAX)
			break;
		p->index = p->shares++;
		p->share[p->index].line = p->line;
		strcpy(p->share[p->index].name, name);
		return true;
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
		bad(p, "this section stands in line %d already", line);
	else
		bad(p, "too many sections of this kind");
	return false;
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
	char *end = strchr(text, ']'), *state, *kind, *name, *more;
	unsigned int s;

	p->section = SECTION_UNKNOWN;
	p->seen = 0;
	if (!end || end[1]) {
		bad(p, "expected a section like [capture] or [cloud NAME], alone on its line");
		return;
	}
	*end = '\0';
	kind = strtok_r(text + 1, " \t", &state);
	name = strtok_r(NULL, " \t", &state);
	more = strtok_r(NULL, " \t", &state);
	for (s = 0; s < SECTION_NONE; s++)
		if (kind && strcmp(kind, sections[s].name) == 0)
			break;
	if (s == SECTION_NONE) {
		bad(p,
		    "[%s] is no section: expected capture, agent, cloud NAME, share NAME or "
		    "rule NAME",
		    kind ? kind : "");
		return;
	}
	if (!sections[s].named) {
		if (name)
			bad(p, "[%s] takes no name", kind);
		else if (p->section_line[s])
			bad(p, "this section stands in line %d already", p->section_line[s]);
		else
			p->section = s;
		p->section_line[s] = p->line;
		return;
	}
	if (!name || more || !name_good(name))
		bad(p, "[%s NAME]: expected one name of 1 to %d letters a-z, digits, _ or -",
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
	if (binary || cut) {
		bad(p, binary ? "control characters: expected text" : "the line is too long");
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
		bad(p, "begins with white space: expected every key at the start of its line, "
		       "and its value on the same line");
		start = "";
	} else if (start[0] && !strchr(start, '=')) {
		bad(p, "'%.60s': expected [SECTION] or KEY = VALUE", start);
		start = "";
	} else if (strlen(start) + 2 > (size_t)room) {
		bad(p, "the line is longer than %d bytes", room - 2);
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

static void finish_clouds(struct parse *p)
{
	for (size_t i = 0; i < p->c->clouds; i++) {
		const struct cloud_config *cloud = &p->c->cloud[i];
		uint64_t seen = p->cloud_seen[i];

		if (!(seen & key_bit(SECTION_CLOUD, "kind")))
			bad_at(p, cloud->line,
			       "[cloud %s]: kind is missing: expected one of %s", cloud->name,
			       cloud_kinds());
		if (!cloud->ops)
			continue;
		if (cloud->ops->needs_url && !(seen & key_bit(SECTION_CLOUD, "url")))
			bad_at(p, cloud->line, "[cloud %s]: kind %s needs a url", cloud->name,
			       cloud->ops->kind);
		if (cloud->ops->needs_key && !(seen & key_bit(SECTION_CLOUD, "key_file")))
			bad_at(p, cloud->line, "[cloud %s]: kind %s needs a key_file",
			       cloud->name, cloud->ops->kind);
		if (!cloud->ops->needs_url && cloud->url)
			bad_at(p, cloud->line, "[cloud %s]: kind %s takes no url", cloud->name,
			       cloud->ops->kind);
		if (!cloud->ops->needs_key && cloud->key)
			bad_at(p, cloud->line, "[cloud %s]: kind %s takes no key_file",
			       cloud->name, cloud->ops->kind);
		if (!cloud->ops->needs_path && cloud->path)
			bad_at(p, cloud->line, "[cloud %s]: kind %s takes no path", cloud->name,
			       cloud->ops->kind);
	}
}

static void finish_shares(struct parse *p)
{
	struct config *c = p->c;

	for (size_t i = 0; i < p->shares; i++) {
		struct share *share = &p->share[i];
		size_t cloud = find_cloud(c, share->name);

		if (cloud == c->clouds) {
			bad_at(p, share->line, "[share %s]: there is no [cloud %s]",
			       share->name, share->name);
			continue;
		}
		/* Fail closed: what nobody names is omitted. */
		for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
			if (!(share->given & SLUICE_FIELD_BIT(f)))
				share->policy.mode[f] =
					share->has_default ? share->rest : POLICY_OMIT;
		c->share[cloud] = share->policy;
		c->has_share[cloud] = true;
	}
	for (size_t i = 0; i < c->clouds; i++)
		if (!c->has_share[i])
			warn_at(p, c->cloud[i].line,
				"[cloud %s] receives nothing: there is no "
				"[share %s]",
				c->cloud[i].name, c->cloud[i].name);
}

static void finish_rule(struct parse *p, size_t i)
{
	struct rule *rule = &p->c->rule[i];
	char *state, *word;

	if (!p->rule_clouds[i]) {
		warn_at(p, p->rule_line[i], "[rule %s] sends nothing: it names no cloud",
			rule->name);
		return;
	}
	for (word = strtok_r(p->rule_clouds[i], LIST_SEPARATORS, &state); word;
	     word = strtok_r(NULL, LIST_SEPARATORS, &state)) {
		size_t cloud = find_cloud(p->c, word);

		if (cloud == p->c->clouds)
			bad_at(p, p->rule_clouds_line[i], "cloud: there is no [cloud %s]",
			       word);
		else
			rule->clouds |= 1ull << cloud;
	}
}

static void finish(struct parse *p)
{
	struct config *c = p->c;

	if (c->retry_min > c->retry_max)
		bad_at(p, p->section_line[SECTION_AGENT],
		       "retry_min (%u) is more than retry_max "
		       "(%u)",
		       c->retry_min, c->retry_max);
	if (c->clouds == 0 && c->rules == 0 && p->shares == 0) {
		if (p->errors == 0 && !config_default_cloud(c))
			bad(p, "out of memory");
		return;
	}
	finish_clouds(p);
	finish_shares(p);
	for (size_t i = 0; i < c->rules; i++)
		finish_rule(p, i);
	if (!config_complete(c))
		bad(p, "out of memory");
}

bool config_read(struct config *c, const char *path)
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
	p->section = SECTION_NONE;
	p->file = fopen(path, "re");
	if (!p->file) {
		log_error("cannot read configuration %s: %s", path, strerror(errno));
		goto out;
	}
	errno = 0;
	if (ini_parse_stream(next_line, p, take_key, p) < 0)
		bad(p, "out of memory");
	if (ferror(p->file))
		bad(p, "cannot read on: %s", strerror(errno));
	fclose(p->file);
	finish(p);
	ok = p->errors == 0;
	for (size_t i = 0; i < CONFIG_RULES_MAX; i++)
		free(p->rule_clouds[i]);
out:
	if (!ok)
		config_free(c);
	free(p);
	return ok;
}
