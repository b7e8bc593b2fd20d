// SPDX-License-Identifier: MIT
#include "policy/application.h"

#include "lib/built_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DOMAIN_MAX 253 /* RFC 1035 §2.3.4, without the dot at the end */
#define LABEL_MAX 63
#define WORD_SEPARATORS " \t\r"
#define LIST_SEPARATORS " \t\r,"
#define LINE_ROOM 1024
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

BUILT_IN(applications_conf, "agent/policy/applications.conf");

const struct application applications[] = {
#define APPLICATION_ROW(name, files, meaning) {name, files, meaning},
	APPLICATIONS(APPLICATION_ROW)
#undef APPLICATION_ROW
};
const size_t application_count = COUNT_OF(applications);
_Static_assert(COUNT_OF(applications) <= 32, "one bit an application in `bases`");

struct entry {
	char domain[DOMAIN_MAX + 1];
	char name[APPLICATION_NAME_MAX];
	uint32_t bases; /* bits, by place in applications[] */
	uint32_t line;	/* of the text; 0: of the built-in one */
	uint32_t hash;
	uint32_t next; /* of the same bucket: place + 1 */
};

struct application_table {
	struct entry *entry;
	size_t count, room;
	uint32_t *bucket; /* place + 1; 0: none */
	size_t mask;
};

/* A text being read. */
struct reader {
	struct application_table *t;
	application_error *error;
	void *arg;
	unsigned int line;
	bool built_in;
	bool failed;
};

/* Of a domain from its end to its beginning, so that every suffix is hashed on the way. */
#define HASH_BEGIN 2166136261u
static uint32_t hash_add(uint32_t hash, char c)
{
	return (hash ^ (uint8_t)c) * 16777619u;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static size_t base_find(const char *name)
{
	size_t i = 0;

	while (i < application_count && strcasecmp(applications[i].name, name) != 0)
		i++;
	return i;
}

/* --------------------------------------------------------------------- lookup */

static bool is_digits(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return n > 0;
}

/* Names have no last label of digits: what has one is an IPv4 address, in whatever form. */
static bool is_address(const char *p, size_t n)
{
	size_t at = n;

	while (at && p[at - 1] != '.')
		at--;
	return is_digits(p + at, n - at);
}

/* Bytes of the host that are a name; 0: it is none. */
static size_t name_length(const char *p, size_t n)
{
	const char *colon = memchr(p, ':', n);

	/* Two colons are of an IPv6 address, without its brackets. */
	if (colon && memchr(colon + 1, ':', (size_t)(p + n - colon - 1)))
		return 0;
	if (colon)
		n = (size_t)(colon - p);
	if (n && p[n - 1] == '.')
		n--;
	return n > DOMAIN_MAX || !n || p[0] == '[' || is_address(p, n) ? 0 : n;
}

static const struct entry *entry_find(const struct application_table *t, const char *p,
				      size_t n, uint32_t hash, size_t base)
{
	const struct entry *e;

	for (uint32_t i = t->bucket[hash & t->mask]; i; i = e->next) {
		e = &t->entry[i - 1];
		if (e->hash == hash && e->bases & (1u << base) &&
		    strncasecmp(e->domain, p, n) == 0 && !e->domain[n])
			return e;
	}
	return NULL;
}

const char *application_refine(const struct application_table *t, const char *application,
			       const char *host, size_t n)
{
	size_t base = base_find(application);
	const struct entry *e;
	uint32_t hash = HASH_BEGIN;

	if (!t || !t->count || base == application_count || !host)
		return application;
	n = name_length(host, n);
	for (size_t i = n; i > 0; i--) {
		hash = hash_add(hash, lower(host[i - 1]));
		if (i > 1 && host[i - 2] != '.')
			continue;
		e = entry_find(t, host + i - 1, n - (i - 1), hash, base);
		if (e)
			application = e->name;
	}
	return application;
}

bool application_possible(const struct application_table *t, const char *name)
{
	size_t base = base_find(name);

	if (base < application_count)
		return applications[base].files;
	for (size_t i = 0; t && i < t->count; i++) {
		if (strcasecmp(t->entry[i].name, name) != 0)
			continue;
		for (size_t k = 0; k < application_count; k++)
			if (t->entry[i].bases & (1u << k) && applications[k].files)
				return true;
	}
	return false;
}

/* -------------------------------------------------------------------- reading */

static void complain(struct reader *r, const char *what, const char *expected)
{
	char text[LINE_ROOM + 256];

	r->failed = true;
	snprintf(text, sizeof(text), "'%s': expected %s", what, expected);
	if (r->error)
		r->error(r->arg, r->line, text);
}

static bool out_of_memory(struct reader *r)
{
	r->failed = true;
	if (r->error)
		r->error(r->arg, 0, "out of memory");
	return false;
}

/* What is wrong with a domain; NULL: nothing. */
static const char *domain_problem(const char *p)
{
	size_t n = strlen(p), label = 0;

	if (n > DOMAIN_MAX)
		return "a domain of 253 characters at most";
	for (size_t i = 0; i <= n; i++) {
		if (p[i] & 0x80)
			return "international names as A-labels, like xn--bcher-kva.example";
		if (p[i] == '.' || !p[i]) {
			if (!label || label > LABEL_MAX)
				return "labels of 1 to 63 characters with dots between them";
			label = 0;
			continue;
		}
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", p[i]))
			return "a domain of letters, digits, - and _, like example.com";
		label++;
	}
	return is_address(p, n) ? "a domain, not an address" : NULL;
}

static bool name_good(const char *p)
{
	size_t n = strlen(p);

	return n && n < APPLICATION_NAME_MAX && p[0] != '-' &&
	       strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == n;
}

static struct entry *entry_new(struct reader *r)
{
	struct application_table *t = r->t;
	size_t room = t->room ? 2 * t->room : 64;
	struct entry *more;

	if (t->count == t->room) {
		more = reallocarray(t->entry, room, sizeof(*more));
		if (!more)
			return NULL;
		t->entry = more;
		t->room = room;
	}
	t->entry[t->count] = (struct entry){.line = r->built_in ? 0 : r->line};
	return &t->entry[t->count];
}

static void read_entry(struct reader *r, char *domain, char *name, char *list)
{
	const char *problem;
	struct entry *e;
	char *word, *state;

	for (char *p = domain; *p; p++)
		*p = lower(*p);
	problem = domain_problem(domain);
	if (problem)
		complain(r, domain, problem);
	if (!name || !list) {
		complain(r, name ? name : domain, "DOMAIN NAME APPLICATION, ...");
		return;
	}
	if (!name_good(name))
		complain(r, name, "a name of 1 to 63 letters a-z, digits, -, _ and dots");
	if (r->t->count == APPLICATION_ENTRIES_MAX) {
		complain(r, domain, "65536 lines at most");
		return;
	}
	e = entry_new(r);
	if (!e) {
		out_of_memory(r);
		return;
	}
	word = strtok_r(list, LIST_SEPARATORS, &state);
	for (; word; word = strtok_r(NULL, LIST_SEPARATORS, &state)) {
		size_t base = base_find(word);

		if (base == application_count)
			complain(r, word, "names of what is refined, like web-browsing, ssl");
		else
			e->bases |= 1u << base;
	}
	/* What is wrong is in no table, and may be too long for one. */
	if (r->failed)
		return;
	memcpy(e->domain, domain, strlen(domain));
	memcpy(e->name, name, strlen(name));
	r->t->count++;
}

static void read_text(struct reader *r, const char *text, size_t n);

static void read_include(struct reader *r, const char *what)
{
	unsigned int line = r->line;

	if (!what || strcmp(what, "built-in") != 0) {
		complain(r, what ? what : "include", "include built-in");
		return;
	}
	r->built_in = true;
	read_text(r, applications_conf, (size_t)(applications_conf_end - applications_conf));
	r->built_in = false;
	r->line = line;
}

static void read_line(struct reader *r, char *line)
{
	char *state, *first, *second, *rest;

	line[strcspn(line, "#")] = '\0';
	first = strtok_r(line, WORD_SEPARATORS, &state);
	if (!first)
		return;
	second = strtok_r(NULL, WORD_SEPARATORS, &state);
	if (strcmp(first, "include") == 0) {
		read_include(r, second);
		return;
	}
	rest = state ? state + strspn(state, LIST_SEPARATORS) : NULL;
	read_entry(r, first, second, rest && *rest ? rest : NULL);
}

static void read_text(struct reader *r, const char *text, size_t n)
{
	char line[LINE_ROOM];

	r->line = 0;
	while (n) {
		const char *end = memchr(text, '\n', n);
		size_t length = end ? (size_t)(end - text) : n;

		r->line++;
		snprintf(line, sizeof(line), "%.*s",
			 (int)(length < sizeof(line) ? length : sizeof(line) - 1), text);
		if (length >= sizeof(line) || strlen(line) != length) {
			line[60] = '\0';
			complain(r, line, "a line of text, 1023 bytes at most");
		} else {
			read_line(r, line);
		}
		length += end != NULL;
		text += length;
		n -= length;
	}
}

/* ------------------------------------------------------------------- building */

static uint32_t domain_hash(const char *p)
{
	uint32_t hash = HASH_BEGIN;

	for (size_t i = strlen(p); i > 0; i--)
		hash = hash_add(hash, p[i - 1]);
	return hash;
}

/*
 * Puts an entry into its bucket.  A domain may have several lines, for different
 * applications; lines of the text come first, and take theirs from those of the built-in table.
 */
static void link_entry(struct reader *r, struct entry *e)
{
	struct application_table *t = r->t;
	uint32_t *bucket;
	struct entry *other;
	char expected[64];

	e->hash = domain_hash(e->domain);
	bucket = &t->bucket[e->hash & t->mask];
	for (uint32_t i = *bucket; i; i = other->next) {
		other = &t->entry[i - 1];
		if (strcmp(other->domain, e->domain) != 0)
			continue;
		if (other->bases & e->bases && e->line) {
			r->line = e->line;
			snprintf(expected, sizeof(expected),
				 "it once; it stands in line %u already", other->line);
			complain(r, e->domain, expected);
		}
		e->bases &= ~other->bases;
	}
	e->next = *bucket;
	*bucket = (uint32_t)(e - t->entry) + 1;
}

static bool build(struct reader *r)
{
	struct application_table *t = r->t;
	size_t buckets = 64;

	while (buckets < 2 * t->count)
		buckets *= 2;
	t->bucket = calloc(buckets, sizeof(*t->bucket));
	if (!t->bucket)
		return out_of_memory(r);
	t->mask = buckets - 1;
	for (int own = 1; own >= 0; own--)
		for (size_t i = 0; i < t->count; i++)
			if (own == (t->entry[i].line != 0))
				link_entry(r, &t->entry[i]);
	return !r->failed;
}

struct application_table *application_table_parse(const char *text, size_t n,
						  application_error *error, void *arg)
{
	struct reader r = {.error = error, .arg = arg};

	r.t = calloc(1, sizeof(*r.t));
	if (!r.t) {
		out_of_memory(&r);
		return NULL;
	}
	read_text(&r, text, n);
	if (r.failed || !build(&r)) {
		application_table_free(r.t);
		return NULL;
	}
	return r.t;
}

struct application_table *application_table_built_in(void)
{
	static const char text[] = "include built-in\n";

	return application_table_parse(text, sizeof(text) - 1, NULL, NULL);
}

void application_table_free(struct application_table *t)
{
	if (!t)
		return;
	free(t->entry);
	free(t->bucket);
	free(t);
}

size_t application_table_count(const struct application_table *t)
{
	return t ? t->count : 0;
}

bool application_table_equal(const struct application_table *a,
			     const struct application_table *b)
{
	if (application_table_count(a) != application_table_count(b))
		return false;
	for (size_t i = 0; i < application_table_count(a); i++)
		if (strcmp(a->entry[i].domain, b->entry[i].domain) != 0 ||
		    strcmp(a->entry[i].name, b->entry[i].name) != 0 ||
		    a->entry[i].bases != b->entry[i].bases)
			return false;
	return true;
}
