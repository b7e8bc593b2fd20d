// SPDX-License-Identifier: MIT
#include "ctl/filter.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* ------------------------------------------------------------------- values */

/* Whether the value is one of the words that commas separate; "none" is no value. */
static bool one_of(const char *words, const char *value)
{
	size_t n, length = strlen(value ? value : "none");

	for (; *words; words += n + (words[n] == ',')) {
		n = strcspn(words, ",");
		if (n == length && !strncmp(words, value ? value : "none", n))
			return true;
	}
	return false;
}

static bool any_trait(const char *words, const json_t *traits)
{
	size_t i;
	const json_t *trait;

	json_array_foreach((json_t *)traits, i,
			   trait) if (json_is_string(trait) &&
				      one_of(words, json_string_value(trait))) return true;
	return !json_array_size(traits) && one_of(words, NULL);
}

static bool match_words(const struct filter *f, const json_t *s)
{
	const struct {
		const char *words, *path;
	} all[] = {
		{f->type, "sluice.file.type"},
		{f->application, "network.application"},
		{f->rule, "rule.name"},
		{f->state, "sluice.file.state"},
		{f->reason, "sluice.file.reason"},
		{f->direction, "sluice.direction"},
		{f->vsys, "sluice.virtual_system"},
		{f->kind, "sluice.kind"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].words && !one_of(all[i].words, json_text_at(s, all[i].path)))
			return false;
	return !f->trait || any_trait(f->trait, json_at(s, "sluice.file.traits"));
}

static bool match_user(const char *user, const json_t *s)
{
	static const char *const paths[] = {"user.name", "source.user.name",
					    "destination.user.name", "sluice.login"};
	const char *text;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		text = json_text_at(s, paths[i]);
		if (text && !strcasecmp(text, user))
			return true;
	}
	return false;
}

static bool match_glob(const char *pattern, const char *text)
{
	const char *slash = text ? strpbrk(text, "/\\") : NULL;

	if (!text)
		return false;
	if (!fnmatch(pattern, text, FNM_CASEFOLD))
		return true;
	for (; slash; slash = strpbrk(slash + 1, "/\\"))
		if (!fnmatch(pattern, slash + 1, FNM_CASEFOLD))
			return true;
	return false;
}

static bool starts(const char *text, const char *with)
{
	return text && !strncasecmp(text, with, strlen(with));
}

static bool within(const struct filter_prefix *p, const char *text)
{
	struct endpoint e;
	unsigned int bytes = p->bits / 8, rest = p->bits % 8;

	if (!text || !inet_parse(text, &e) || e.family != p->address.family ||
	    memcmp(e.ip, p->address.ip, bytes))
		return false;
	return !rest || !((e.ip[bytes] ^ p->address.ip[bytes]) >> (8 - rest));
}

static bool match_end(const struct filter_prefix *p, const json_t *end)
{
	return !p->given || within(p, json_text_at(end, "ip")) ||
	       within(p, json_text_at(end, "nat.ip"));
}

static bool match_time(const struct filter *f, const char *time)
{
	return time && strcmp(time, f->since) >= 0 &&
	       (!*f->until || strcmp(time, f->until) < 0);
}

bool filter_match(const struct filter *f, const json_t *s)
{
	if ((*f->since || *f->until) && !match_time(f, json_text_at(s, "@timestamp")))
		return false;
	if (f->sha256 && !starts(json_text_at(s, "file.hash.sha256"), f->sha256) &&
	    !starts(json_text_at(s, "sluice.file.container.sha256"), f->sha256))
		return false;
	if (f->name && !match_glob(f->name, json_text_at(s, "file.name")) &&
	    !match_glob(f->name, json_text_at(s, "sluice.file.container.path")))
		return false;
	return match_words(f, s) && (!f->user || match_user(f->user, s)) &&
	       match_end(&f->sender, json_at(s, "source")) &&
	       match_end(&f->receiver, json_at(s, "destination"));
}

/* ------------------------------------------------------------- without JSON */

/* What every writer of JSON leaves as it is. */
static bool plain(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)p[i]) && !strchr("-_.@+ ", p[i]))
			return false;
	return n;
}

/* "word" must be in the line; words that are none of it make it useless. */
static bool add_needle(struct filter *f, const char *words, bool split)
{
	struct filter_needle *needle = &f->needle[f->needles];
	size_t n;

	if (!words)
		return true;
	for (; *words; words += n + (words[n] == ',')) {
		n = split ? strcspn(words, ",") : strlen(words);
		if (!plain(words, n) || (n == 4 && !memcmp(words, "none", 4)))
			goto useless;
		if (needle->words == FILTER_WORDS_MAX)
			return false;
		if (asprintf(&needle->word[needle->words], "\"%.*s\"", (int)n, words) < 0)
			return false;
		needle->words++;
	}
	f->needles += needle->words > 0;
	return true;
useless:
	while (needle->words)
		free(needle->word[--needle->words]);
	return true;
}

/* What must be in the line whatever its case: the end of the user's name. */
static bool fold_user(struct filter *f)
{
	size_t n, from;

	if (!f->user)
		return true;
	for (from = n = strlen(f->user); from && plain(f->user + from - 1, 1);)
		from--;
	return from == n || asprintf(&f->fold[f->folds++], "%s\"", f->user + from) > 0;
}

/* The longest run of a pattern that stands for itself. */
static bool fold_name(struct filter *f)
{
	const char *p = f->name, *best = NULL;
	size_t n = 0, k;

	if (!p || strpbrk(p, "[\\"))
		return true;
	for (; *p; p += k + !k) {
		for (k = 0; p[k] && plain(p + k, 1);)
			k++;
		if (k > n) {
			best = p;
			n = k;
		}
	}
	return !n || asprintf(&f->fold[f->folds++], "%.*s", (int)n, best) > 0;
}

bool filter_ready(struct filter *f)
{
	const char *const words[] = {f->type,	   f->application, f->rule, f->state, f->reason,
				     f->direction, f->vsys,	   f->kind, f->trait};
	struct filter_needle *needle;

	f->needles = f->folds = 0;
	if (!fold_user(f) || !fold_name(f))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!add_needle(f, words[i], true))
			return false;
	if (!f->sha256)
		return true;
	/* Hex digits are written in lower case; what somebody typed may not be. */
	needle = &f->needle[f->needles];
	if (asprintf(&needle->word[0], "\"%s", f->sha256) < 0)
		return false;
	for (char *p = needle->word[0]; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	needle->words = 1;
	f->needles++;
	return true;
}

void filter_free(struct filter *f)
{
	for (size_t i = 0; i < f->needles; i++)
		for (size_t k = 0; k < f->needle[i].words; k++)
			free(f->needle[i].word[k]);
	while (f->folds)
		free(f->fold[--f->folds]);
	f->needles = 0;
}

/* Horspool's search, ASCII letters of either case alike. */
static bool has_folded(const char *line, size_t n, const char *word)
{
	size_t length = strlen(word), skip[256], i, k;

	for (i = 0; i < 256; i++)
		skip[i] = length;
	for (i = 0; i + 1 < length; i++) {
		skip[(unsigned char)tolower((unsigned char)word[i])] = length - 1 - i;
		skip[(unsigned char)toupper((unsigned char)word[i])] = length - 1 - i;
	}
	for (i = 0; i + length <= n; i += skip[(unsigned char)line[i + length - 1]]) {
		for (k = length; k && tolower((unsigned char)line[i + k - 1]) ==
					      tolower((unsigned char)word[k - 1]);)
			k--;
		if (!k)
			return true;
	}
	return false;
}

/* The time stands first in a line of the local log; where it does not, it is not judged here.
 */
static bool possible_time(const struct filter *f, const char *line, size_t n)
{
	static const char key[] = "{\"@timestamp\":\"";
	size_t length = sizeof("2026-11-24T00:00:00.000000000Z") - 1;
	char time[FILTER_TIME_MAX];

	if (n < sizeof(key) + length || memcmp(line, key, sizeof(key) - 1))
		return true;
	memcpy(time, line + sizeof(key) - 1, length);
	time[length] = 0;
	return time[length - 1] != 'Z' || match_time(f, time);
}

bool filter_possible(const struct filter *f, const char *line, size_t n)
{
	if ((*f->since || *f->until) && !possible_time(f, line, n))
		return false;
	for (size_t i = 0; i < f->needles; i++) {
		const struct filter_needle *needle = &f->needle[i];
		size_t k = 0;

		while (k < needle->words &&
		       !memmem(line, n, needle->word[k], strlen(needle->word[k])))
			k++;
		if (k == needle->words)
			return false;
	}
	for (size_t i = 0; i < f->folds; i++)
		if (!has_folded(line, n, f->fold[i]))
			return false;
	return true;
}

/* ------------------------------------------------------------------ options */

const char *filter_take_prefix(const char *value, void *into)
{
	static const char expected[] = "an address or a prefix, as 192.0.2.7 or 2001:db8::/32";
	struct filter_prefix *p = into;
	char address[INET_TEXT_MAX], *end;
	size_t n = strcspn(value, "/");
	unsigned long bits;

	if (n >= sizeof(address))
		return expected;
	memcpy(address, value, n);
	address[n] = 0;
	if (!inet_parse(address, &p->address))
		return expected;
	p->bits = p->address.family == AF_INET ? 32 : 128;
	if (value[n]) {
		bits = strtoul(value + n + 1, &end, 10);
		if (!isdigit((unsigned char)value[n + 1]) || *end || bits > p->bits)
			return expected;
		p->bits = (unsigned int)bits;
	}
	p->given = true;
	return NULL;
}

const char *filter_take_hex(const char *value, void *into)
{
	size_t n = strlen(value);

	if (n < 8 || n > 64 || strspn(value, "0123456789abcdefABCDEF") != n)
		return "8 to 64 hexadecimal digits, the first of a SHA-256";
	*(const char **)into = value;
	return NULL;
}

static void stamp(int64_t seconds, unsigned int nanoseconds, char text[static FILTER_TIME_MAX])
{
	time_t t = (time_t)seconds;
	struct tm tm;
	size_t at;

	gmtime_r(&t, &tm);
	at = strftime(text, FILTER_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + at, FILTER_TIME_MAX - at, ".%09uZ", nanoseconds);
}

/* "10m": so long before now. */
static bool ago(const char *value, int64_t *seconds)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
	char *end;
	unsigned long long n;

	if (!isdigit((unsigned char)value[0]))
		return false;
	errno = 0;
	n = strtoull(value, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (*end == units[i].letter && !end[1] && !errno && n < (1u << 30)) {
			*seconds = (int64_t)n * units[i].seconds;
			return true;
		}
	return false;
}

/* ".125", of a second, to the nanosecond; what comes behind it. */
static const char *fraction(const char *value, unsigned int *nanoseconds)
{
	unsigned int unit = 100000000;

	*nanoseconds = 0;
	if (value[0] != '.' || !isdigit((unsigned char)value[1]))
		return value;
	for (value++; isdigit((unsigned char)*value); value++, unit /= 10)
		*nanoseconds += unit * (unsigned int)(*value - '0');
	return value;
}

/* A date, perhaps with a time, perhaps with a zone; else local time. */
static bool date(const char *value, int64_t *seconds, unsigned int *nanoseconds)
{
	static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
					      "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"};
	struct tm tm, zone;
	const char *end;

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		memset(&tm, 0, sizeof(tm));
		tm.tm_isdst = -1;
		end = strptime(value, formats[i], &tm);
		if (!end)
			continue;
		end = fraction(end, nanoseconds);
		if (!*end) {
			*seconds = mktime(&tm);
			return true;
		}
		memset(&zone, 0, sizeof(zone));
		end = strchr("Z+-", *end) ? strptime(end, "%z", &zone) : NULL;
		if (!end || *end)
			continue;
		*seconds = timegm(&tm) - zone.tm_gmtoff;
		return true;
	}
	return false;
}

const char *filter_time(const char *value, int64_t now, char text[static FILTER_TIME_MAX])
{
	time_t clock = (time_t)now;
	unsigned int nanoseconds;
	int64_t seconds;
	struct tm tm;

	if (ago(value, &seconds)) {
		stamp(now - seconds, 0, text);
		return NULL;
	}
	if (!strcmp(value, "today") || !strcmp(value, "yesterday")) {
		localtime_r(&clock, &tm);
		tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
		tm.tm_mday -= value[0] == 'y';
		tm.tm_isdst = -1;
		stamp(mktime(&tm), 0, text);
		return NULL;
	}
	if (!date(value, &seconds, &nanoseconds))
		return "a time, as 10m, 3h, 2d, today, 2026-11-24 or \"2026-11-24 13:30\"";
	stamp(seconds, nanoseconds, text);
	return NULL;
}

const char *filter_take_time(const char *value, void *into)
{
	return filter_time(value, time(NULL), into);
}
