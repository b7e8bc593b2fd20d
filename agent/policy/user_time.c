// SPDX-License-Identifier: MIT
#include "policy/user_time.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS 1000000000ull

bool user_timeout_parse(const char *text, uint64_t *seconds)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	uint64_t n = 0;
	size_t i;

	if (strcmp(text, "never") == 0) {
		*seconds = 0;
		return true;
	}
	for (i = 0; text[i] >= '0' && text[i] <= '9'; i++) {
		n = 10 * n + (uint64_t)(text[i] - '0');
		if (n > USER_TIMEOUT_MAX)
			return false;
	}
	if (i == 0 || n == 0 || !text[i] || text[i + 1])
		return false;
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
		if (units[u].letter != text[i])
			continue;
		*seconds = n * units[u].seconds;
		return *seconds <= USER_TIMEOUT_MAX;
	}
	return false;
}

/* Exactly `digits` of them, at most `most`; moves on. */
static bool number(const char **p, int digits, int64_t least, int64_t most, int64_t *n)
{
	for (*n = 0; digits; digits--, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		*n = 10 * *n + (**p - '0');
	}
	return *n >= least && *n <= most;
}

static bool letter(const char **p, char a, char b)
{
	if (**p != a && **p != b)
		return false;
	(*p)++;
	return true;
}

static bool leap(int64_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int64_t month_days(int64_t y, int64_t m)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[m - 1] + (m == 2 && leap(y));
}

static int64_t days_since_1970(int64_t y, int64_t m, int64_t d)
{
	int64_t before = y - 1, days;

	days = 365 * (y - 1970) + (before / 4 - 1969 / 4) - (before / 100 - 1969 / 100) +
	       (before / 400 - 1969 / 400);
	for (int64_t i = 1; i < m; i++)
		days += month_days(y, i);
	return days + d - 1;
}

/* Digits of a second's fraction, beyond nine without effect. */
static bool fraction(const char **p, uint64_t *ns)
{
	uint64_t unit = NS / 10;

	*ns = 0;
	if (**p != '.')
		return true;
	(*p)++;
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
		*ns += (uint64_t)(**p - '0') * unit;
	return true;
}

/* Seconds east of UTC. */
static bool offset(const char **p, int64_t *seconds)
{
	int64_t hours, minutes;
	bool west = **p == '-';

	*seconds = 0;
	if (letter(p, 'Z', 'z'))
		return true;
	if (!letter(p, '+', '-') || !number(p, 2, 0, 23, &hours) || !letter(p, ':', ':') ||
	    !number(p, 2, 0, 59, &minutes))
		return false;
	*seconds = (3600 * hours + 60 * minutes) * (west ? -1 : 1);
	return true;
}

bool user_time_parse(const char *p, uint64_t *ns)
{
	int64_t year, month, day, hour, minute, second, east, seconds;
	uint64_t part;

	if (!number(&p, 4, 1970, 2500, &year) || !letter(&p, '-', '-') ||
	    !number(&p, 2, 1, 12, &month) || !letter(&p, '-', '-') ||
	    !number(&p, 2, 1, month_days(year, month), &day) || !letter(&p, 'T', 't') ||
	    !number(&p, 2, 0, 23, &hour) || !letter(&p, ':', ':') ||
	    !number(&p, 2, 0, 59, &minute) || !letter(&p, ':', ':') ||
	    !number(&p, 2, 0, 60, &second) || !fraction(&p, &part) || !offset(&p, &east) || *p)
		return false;
	seconds = 86400 * days_since_1970(year, month, day) + 3600 * hour + 60 * minute +
		  second - east;
	if (seconds < 0)
		return false;
	*ns = (uint64_t)seconds * NS + part;
	return true;
}

const char *user_time_text(uint64_t ns, char text[static USER_TIME_TEXT])
{
	time_t seconds = (time_t)(ns / NS);
	struct tm tm;
	size_t n;

	if (!gmtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900)
		return strcpy(text, "");
	n = strftime(text, USER_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, USER_TIME_TEXT - n, ".%03uZ", (unsigned int)(ns % NS / 1000000));
	return text;
}
