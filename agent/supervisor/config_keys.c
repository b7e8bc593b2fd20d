// SPDX-License-Identifier: MIT
#include "supervisor/config_parse.h"

#include "lib/log.h"
#include "lib/size.h"
#include "policy/user_time.h"
#include "supervisor/control.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_BYTES_MAX 1024
#define TOKEN_BYTES_MAX 8192
#define CA_BYTES_MAX (1u << 20)

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

void config_bad_at(struct parse *p, int line, const char *format, ...)
{
	va_list args;

	p->errors++;
	va_start(args, format);
	complain(p, line, LOG_LEVEL_ERROR, format, args);
	va_end(args);
}

void config_warn_at(struct parse *p, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(p, line, LOG_LEVEL_WARNING, format, args);
	va_end(args);
}

/* ------------------------------------------------------- values of each kind */

void config_set_text(struct parse *p, const struct key *k, void *base, const char *value)
{
	char **text = (char **)((char *)base + k->offset);

	if (strlen(value) > k->max) {
		config_bad(p, "%s: longer than %llu bytes", k->name,
			   (unsigned long long)k->max);
		return;
	}
	free(*text);
	*text = strdup(value);
	if (!*text)
		config_bad(p, "%s: out of memory", k->name);
}

/* Whether it may be is known when run_dir is. */
static void set_metrics(struct parse *p, const struct key *k, void *base, const char *value)
{
	p->metrics_line = p->line;
	config_set_text(p, k, base, value);
}

static void set_path(struct parse *p, const struct key *k, void *base, const char *value)
{
	char **text = (char **)((char *)base + k->offset);
	size_t n;

	if (value[0] != '/') {
		config_bad(p, "%s: '%s': expected an absolute path", k->name, value);
		return;
	}
	config_set_text(p, k, base, value);
	for (n = *text ? strlen(*text) : 0; n > 1 && (*text)[n - 1] == '/'; n--)
		(*text)[n - 1] = '\0';
}

static bool ranged(struct parse *p, const struct key *k, const char *value, bool size,
		   uint64_t *n)
{
	if (size_parse(value, size, n) && *n >= k->min && *n <= k->max)
		return true;
	config_bad(p, "%s: '%s': expected a number from %llu to %llu%s", k->name, value,
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
		config_bad(p, "%s: '%s': expected a power of two", k->name, value);
	else
		store(k, base, n);
}

static void set_timeout(struct parse *p, const struct key *k, void *base, const char *value)
{
	uint64_t seconds;

	if (user_timeout_parse(value, &seconds))
		store(k, base, seconds);
	else
		config_bad(p, "%s: '%s': %s", k->name, value, USER_TIMEOUT_EXPECTED);
}

static void set_yes(struct parse *p, const struct key *k, void *base, const char *value)
{
	bool *flag = (bool *)((char *)base + k->offset);

	if (strcmp(value, "yes") == 0)
		*flag = true;
	else if (strcmp(value, "no") == 0)
		*flag = false;
	else
		config_bad(p, "%s: '%s': expected yes or no", k->name, value);
}

void config_expected(struct parse *p, const struct key *k, const char *value,
		     const char *expected)
{
	if (expected)
		config_bad(p, "%s: '%s': expected %s", k->name, value, expected);
}

void config_each_word(struct parse *p, const struct key *k, void *base, const char *value,
		      config_word *each)
{
	char *copy = strdup(value), *state, *word;

	if (!copy) {
		config_bad(p, "%s: out of memory", k->name);
		return;
	}
	word = strtok_r(copy, CONFIG_LIST_SEPARATORS, &state);
	if (!word)
		config_bad(p, "%s: '%s': expected a list of words", k->name, value);
	for (; word; word = strtok_r(NULL, CONFIG_LIST_SEPARATORS, &state))
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
		config_bad(p, "%s: 'bridge' is not in this version: expected forward or local",
			   k->name);
	else
		config_bad(p, "%s: '%s': expected forward or local", k->name, word);
}

static void set_hooks(struct parse *p, const struct key *k, void *base, const char *value)
{
	config_each_word(p, k, base, value, add_hook);
}

static const struct list_kind *kind_of(const char *name)
{
	const struct list_kind *kind = list_kinds;

	while (strcmp(kind->name, name) != 0)
		kind++;
	return kind;
}

static void add_to_list(struct parse *p, const struct key *k, void *base, const char *word)
{
	struct list *list = (struct list *)((char *)base + k->offset);

	config_expected(p, k, word, list_add(kind_of(k->name), list, word));
}

static void set_list(struct parse *p, const struct key *k, void *base, const char *value)
{
	config_each_word(p, k, base, value, add_to_list);
}

static void set_kind(struct parse *p, const struct key *k, void *base, const char *value)
{
	struct cloud_config *cloud = base;

	cloud->ops = cloud_find(value);
	if (!cloud->ops)
		config_bad(p, "%s: '%s' is no kind of cloud: expected one of %s", k->name,
			   value, cloud_kinds());
}

static void set_scope(struct parse *p, const struct key *k, void *base, const char *value)
{
	struct cloud_config *cloud = base;

	if (strcmp(value, "private") == 0)
		cloud->scope = CLOUD_PRIVATE;
	else if (strcmp(value, "public") == 0)
		cloud->scope = CLOUD_PUBLIC;
	else
		config_bad(p, "%s: '%s': expected private or public", k->name, value);
}

static void set_sightings(struct parse *p, const struct key *k, void *base, const char *value)
{
	struct cloud_config *cloud = base;

	if (strcmp(value, "first") == 0)
		cloud->sightings = CLOUD_SIGHTINGS_FIRST;
	else if (strcmp(value, "all") == 0)
		cloud->sightings = CLOUD_SIGHTINGS_ALL;
	else
		config_bad(p, "%s: '%s': expected first or all", k->name, value);
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
		config_bad(p, "%s: '%s' is no URL: %s", k->name, value, problem);
		return;
	}
	if (plain)
		config_warn_at(p, p->line,
			       "%s: %s is not encrypted: samples and credentials can be read "
			       "on the way",
			       k->name, value);
	config_set_text(p, k, base, value);
	for (n = cloud->url ? strlen(cloud->url) : 0; n && cloud->url[n - 1] == '/'; n--)
		cloud->url[n - 1] = '\0';
}

static void set_user(struct parse *p, const struct key *k, void *base, const char *value)
{
	const char *c = value;

	while (*c > ' ' && *c < 0x7f)
		c++;
	if (*c)
		config_bad(p, "%s: '%s': expected one word of printable ASCII", k->name, value);
	else
		config_set_text(p, k, base, value);
}

static void set_s3_region(struct parse *p, const struct key *k, void *base, const char *value)
{
	if (value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		config_bad(p, "%s: '%s': expected a name like %s", k->name, value,
			   CLOUD_S3_REGION);
	else
		config_set_text(p, k, base, value);
}

/*
 * Text of a file, at most `max` bytes of it, to be freed; NULL after saying what is
 * wrong.  Read now: the forwarder has no way to files like these.
 */
char *config_read_text(struct parse *p, const struct key *k, const char *value, size_t max,
		       struct stat *st)
{
	char *text = NULL;
	unsigned int errors = p->errors;
	size_t n = 0;
	ssize_t got = -1;
	int fd;

	if (value[0] != '/') {
		config_bad(p, "%s: '%s': expected an absolute path", k->name, value);
		return NULL;
	}
	fd = open(value, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && fstat(fd, st) == 0 && (text = malloc(max + 2)))
		while ((got = read(fd, text + n, max + 1 - n)) > 0)
			n += (size_t)got;
	if (got < 0) {
		config_bad(p, "%s: cannot read %s: %s", k->name, value, strerror(errno));
		/* What is only shown can be shown without. */
		p->errors = p->shown ? errors : p->errors;
		free(text);
		text = NULL;
	} else if (n > max) {
		config_bad(p, "%s: %s: expected %zu bytes at most", k->name, value, max);
		explicit_bzero(text, n);
		free(text);
		text = NULL;
	} else {
		text[n] = '\0';
	}
	if (fd >= 0)
		close(fd);
	return text;
}

/* "key" of "key_file". */
static const char *secret_word(const struct key *k)
{
	static char word[32];

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(k->name, "_"), k->name);
	return word;
}

/* Words of a file with one space between them; false: there is something else in it. */
static bool join_words(char *text, size_t most)
{
	size_t words = 0, n = 0;

	for (const char *c = text; *c; c++) {
		bool space = strchr(" \t\r\n", *c);

		if (!space && (*c <= ' ' || *c >= 0x7f))
			return false;
		if (space && n && text[n - 1] != ' ')
			text[n++] = ' ';
		else if (!space)
			words += !n || text[n - 1] == ' ', text[n++] = *c;
	}
	text[n - (n && text[n - 1] == ' ')] = '\0';
	return words <= most;
}

/*
 * A key or token: the one line of a file, at most k->max characters.  k->min: words that it may
 * have, on one line or on lines of their own; how many it must have says the kind of cloud. It
 * is never shown.
 */
static void set_secret_file(struct parse *p, const struct key *k, void *base, const char *value)
{
	char **text = (char **)((char *)base + k->offset);
	struct stat st;
	char *secret = config_read_text(p, k, value, k->max + 2, &st);
	size_t n;
	bool good;

	if (!secret)
		return;
	if (st.st_mode & S_IROTH)
		config_warn_at(p, p->line, "%s: everybody can read %s: expected mode 0600",
			       k->name, value);
	n = strlen(secret);
	good = join_words(secret, k->min);
	if (secret[0] == '\0' || strlen(secret) > k->max) {
		config_bad(p, "%s: %s: expected one line of 1 to %llu characters, the %s",
			   k->name, value, (unsigned long long)k->max, secret_word(k));
	} else if (!good) {
		config_bad(
			p,
			"%s: %s: expected one line of printable ASCII without spaces, the %s",
			k->name, value, secret_word(k));
	} else {
		free(*text);
		*text = strdup(secret);
	}
	explicit_bzero(secret, n);
	free(secret);
}

static void set_ca_file(struct parse *p, const struct key *k, void *base, const char *value)
{
	char **text = (char **)((char *)base + k->offset);
	struct stat st;
	char *pem = config_read_text(p, k, value, CA_BYTES_MAX, &st);
	X509 *certificate;
	BIO *bio;

	if (!pem)
		return;
	bio = BIO_new_mem_buf(pem, -1);
	certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	if (certificate) {
		free(*text);
		*text = pem;
	} else {
		config_bad(p, "%s: %s: expected certificates in PEM form", k->name, value);
		free(pem);
	}
	X509_free(certificate);
	BIO_free(bio);
}

/* A file being read, and the key that named it. */
struct table_file {
	struct parse *p;
	const char *path;
};

static void table_error(void *arg, unsigned int line, const char *text)
{
	const struct table_file *f = arg;

	f->p->errors++;
	if (line)
		log_error("%s:%u: %s", f->path, line, text);
	else
		log_error("%s: %s", f->path, text);
}

static void set_applications(struct parse *p, const struct key *k, void *base,
			     const char *value)
{
	struct table_file f = {p, value};
	struct config *c = base;
	struct stat st;
	char *text = config_read_text(p, k, value, APPLICATION_TEXT_MAX, &st);
	struct application_table *t;

	if (!text)
		return;
	/* A NUL would hide what is behind it. */
	if (S_ISREG(st.st_mode) && (size_t)st.st_size != strlen(text)) {
		config_bad(p, "%s: %s: expected text", k->name, value);
		free(text);
		return;
	}
	t = application_table_parse(text, strlen(text), table_error, &f);
	free(text);
	if (!t)
		return;
	application_table_free(c->applications);
	c->applications = t;
}

static void add_application(struct parse *p, const struct key *k, void *base, const char *word)
{
	struct rule *rule = base;

	if (strcmp(word, "any") == 0) {
		rule->any_application = true;
		return;
	}
	if (rule->applications == RULE_APPLICATIONS_MAX)
		config_bad(p, "%s: more than %d of them", k->name, RULE_APPLICATIONS_MAX);
	else if (strlen(word) >= RULE_NAME_MAX)
		config_bad(p, "%s: '%s' is longer than %d bytes", k->name, word,
			   RULE_NAME_MAX - 1);
	else
		strcpy(rule->application[rule->applications++], word);
}

static void set_application(struct parse *p, const struct key *k, void *base, const char *value)
{
	struct rule *rule = base;

	rule->any_application = false;
	p->rule_application_line[p->index] = p->line;
	config_each_word(p, k, base, value, add_application);
}

/* Looked up when the table of types is known. */
static void set_file_type(struct parse *p, const struct key *k, void *base, const char *value)
{
	p->rule_types[p->index] = strdup(value);
	p->rule_types_line[p->index] = p->line;
	if (!p->rule_types[p->index])
		config_bad(p, "%s: out of memory", k->name);
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
		config_bad(p, "%s: '%s': expected both, download or upload", k->name, value);
}

static void set_priority(struct parse *p, const struct key *k, void *base, const char *value)
{
	struct rule *rule = base;
	enum rule_priority priority = rule_priority_find(value);

	if (priority < RULE_PRIORITY_COUNT)
		rule->priority = priority;
	else
		config_bad(p, "%s: '%s': expected high, normal or low", k->name, value);
}

/* Looked up when all clouds are known. */
static void set_clouds(struct parse *p, const struct key *k, void *base, const char *value)
{
	p->rule_clouds[p->index] = strdup(value);
	p->rule_clouds_line[p->index] = p->line;
	if (!p->rule_clouds[p->index])
		config_bad(p, "%s: out of memory", k->name);
}

/* --------------------------------------------------------- the known keys */

#define IN(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)
#define PATH_BYTES 1024

const struct key config_keys[] = {
	{SECTION_CAPTURE, "rings", set_number, IN(config, rings), 1, SLUICE_RINGS_MAX},
	{SECTION_CAPTURE, "ring_size", set_power, IN(config, ring_size), 65536, 268435456},
	{SECTION_CAPTURE, "hooks", set_hooks, IN(config, hooks), 0, 0},
	{SECTION_CAPTURE, "udp_ports", set_list, IN(config, udp[LIST_UDP_PORTS]), 0, 0},
	{SECTION_CAPTURE, "udp_prefixes", set_list, IN(config, udp[LIST_UDP_PREFIXES]), 0, 0},
	{SECTION_CAPTURE, "netns", config_set_netns, 0, 0, 0, 0},
	{SECTION_CAPTURE, "virtual_system", config_set_text, IN(config, virtual_system), 0,
	 255},
	{SECTION_CAPTURE, "max_file_size", set_size, IN(config, files.max_size), 1, 1ull << 40},
	{SECTION_CAPTURE, "max_open_files", set_number, IN(config, files.max_open), 1, 1 << 20},

	{SECTION_CAPTURE, "log_sessions", set_yes, IN(config, log_sessions), 0, 0},

	{SECTION_AGENT, "state_dir", set_path, IN(config, state_dir), 0, PATH_BYTES},
	{SECTION_AGENT, "run_dir", set_path, IN(config, run_dir), 0, CONTROL_DIR_MAX},
	{SECTION_AGENT, "metrics", set_metrics, IN(config, metrics), 0, PATH_BYTES},
	{SECTION_AGENT, "spool_size", set_size, IN(config, spool_bytes), 0, 1ull << 60},
	{SECTION_AGENT, "spool_files", set_number, IN(config, spool_files), 0, 1ull << 40},
	{SECTION_AGENT, "retry_min", set_number, IN(config, retry_min), 1, 86400},
	{SECTION_AGENT, "region", config_set_regions, 0, 0, 0, 0},
	{SECTION_AGENT, "retry_max", set_number, IN(config, retry_max), 1, 604800},
	{SECTION_AGENT, "verdict_poll", set_number, IN(config, verdict.poll), 1, 86400},
	{SECTION_AGENT, "verdict_wait", set_timeout, IN(config, verdict.wait), 0, 0},
	{SECTION_AGENT, "verdict_life_benign", set_timeout, IN(config, verdict.benign), 0, 0},
	{SECTION_AGENT, "verdict_life", set_timeout, IN(config, verdict.malicious), 0, 0},

	{SECTION_AGENT, "applications", set_applications, 0, 0, 0, 0},
	{SECTION_AGENT, "file_types", set_path, IN(config, file_types_path), 0, PATH_BYTES},

	{SECTION_USERS, "file", set_path, IN(config, users.file), 0, PATH_BYTES},
	{SECTION_USERS, "timeout", set_timeout, IN(config, users.timeout), 0, 0},
	{SECTION_USERS, "max", set_size, IN(config, users.max), 1, 1 << 24},

	{SECTION_CLOUD, "kind", set_kind, 0, 0, 0, 0},
	{SECTION_CLOUD, "scope", set_scope, 0, 0, 0, 0},
	{SECTION_CLOUD, "region", config_set_region, IN(cloud_config, region), 0,
	 REGION_NAME_MAX},
	{SECTION_CLOUD, "url", set_url, IN(cloud_config, url), 0, PATH_BYTES},
	{SECTION_CLOUD, "path", set_path, IN(cloud_config, path), 0, PATH_BYTES},
	{SECTION_CLOUD, "key_file", set_secret_file, IN(cloud_config, key), 2, KEY_BYTES_MAX},
	{SECTION_CLOUD, "token_file", set_secret_file, IN(cloud_config, token), 1,
	 TOKEN_BYTES_MAX},
	{SECTION_CLOUD, "ca_file", set_ca_file, IN(cloud_config, ca), 0, 0},
	{SECTION_CLOUD, "client_certificate", config_set_certificate,
	 IN(cloud_config, certificate), 0, CA_BYTES_MAX},
	{SECTION_CLOUD, "client_key", config_set_certificate_key,
	 IN(cloud_config, certificate_key), 0, CA_BYTES_MAX},
	{SECTION_CLOUD, "proxy", config_set_proxy, IN(cloud_config, proxy), 0, PATH_BYTES},
	{SECTION_CLOUD, "pinned_key", config_set_pinned, IN(cloud_config, pinned), 0,
	 PATH_BYTES},
	{SECTION_CLOUD, "user", set_user, IN(cloud_config, user), 0, 255},
	{SECTION_CLOUD, "s3_region", set_s3_region, IN(cloud_config, s3_region), 0, 63},
	{SECTION_CLOUD, "session", set_yes, IN(cloud_config, session), 0, 0},
	{SECTION_CLOUD, "sightings", set_sightings, 0, 0, 0, 0},
	{SECTION_CLOUD, "timeout", set_number, IN(cloud_config, timeout), 1, 3600},
	{SECTION_CLOUD, "max_size", set_size, IN(cloud_config, max_size), 1, 1ull << 40},
	{SECTION_CLOUD, "reserve", set_number, IN(cloud_config, reserve), 1, UINT32_MAX},
	{SECTION_CLOUD, "lookup_batch", set_number, IN(cloud_config, lookup_batch), 1,
	 CLOUD_LOOKUP_MAX},
	{SECTION_CLOUD, "link_batch", set_number, IN(cloud_config, link_batch), 1,
	 CLOUD_LINKS_MAX},
	{SECTION_CLOUD, "link_wait", set_number, IN(cloud_config, link_wait), 0, 3600},
#define QUOTA_KEY(id, name, upload, length) \
	{SECTION_CLOUD, #name, set_number, IN(cloud_config, quota[CLOUD_##id]), 1, UINT32_MAX},
	CLOUD_QUOTAS(QUOTA_KEY)
#undef QUOTA_KEY

		{SECTION_LOG, "to", config_set_to, 0, 0, 0, PATH_BYTES},
	{SECTION_LOG, "format", config_set_format, 0, 0, 0, 0},
	{SECTION_LOG, "ca_file", set_ca_file, IN(sink_config, ca), 0, 0},
	{SECTION_LOG, "client_certificate", config_set_certificate,
	 IN(sink_config, certificate), 0, CA_BYTES_MAX},
	{SECTION_LOG, "client_key", config_set_certificate_key,
	 IN(sink_config, certificate_key), 0, CA_BYTES_MAX},
	{SECTION_LOG, "max_waiting", set_size, IN(sink_config, max_waiting), 1, 1ull << 40},

	{SECTION_NETWORK, "prefixes", config_set_prefixes, 0, 0, 0, 0},

	{SECTION_RULE, "application", set_application, 0, 0, 0, 0},
	{SECTION_RULE, "file_type", set_file_type, 0, 0, 0, 0},
	{SECTION_RULE, "direction", set_direction, 0, 0, 0, 0},
	{SECTION_RULE, "cloud", set_clouds, 0, 0, 0, 0},
	{SECTION_RULE, "priority", set_priority, 0, 0, 0, 0},

	{SECTION_VSYS, "netns", config_set_condition, 0, 0, 0, 0},
	{SECTION_VSYS, "zone", config_set_condition, 0, 0, 0, 0},
	{SECTION_VSYS, "vrf", config_set_condition, 0, 0, 0, 0},
	{SECTION_VSYS, "vlan", config_set_condition, 0, 0, 0, 0},
	{SECTION_VSYS, "inner_vlan", config_set_condition, 0, 0, 0, 0},
	{SECTION_VSYS, "interface", config_set_condition, 0, 0, 0, 0},

	{SECTION_ZONE, "interface", config_set_zone_interface, 0, 0, 0, 0},
	{SECTION_ZONE, "virtual_system", config_set_zone_vsys, 0, 0, 0, 0},
};

#define KEYS (sizeof(config_keys) / sizeof(config_keys[0]))
const size_t config_key_count = KEYS;

uint64_t config_key_bit(enum section section, const char *name)
{
	unsigned int place = 0;

	for (size_t i = 0; i < KEYS; i++) {
		if (config_keys[i].section != section)
			continue;
		if (strcmp(config_keys[i].name, name) == 0)
			return 1ull << place;
		place++;
	}
	return 0;
}
