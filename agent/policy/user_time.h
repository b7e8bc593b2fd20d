/* SPDX-License-Identifier: MIT */
/*
 * Times and durations as people write them.
 */
#ifndef SLUICE_POLICY_USER_TIME_H
#define SLUICE_POLICY_USER_TIME_H

#include <stdbool.h>
#include <stdint.h>

#define USER_TIMEOUT_MAX (10ull * 366 * 86400) /* seconds */
#define USER_TIMEOUT_EXPECTED "expected a number with s, m, h or d, like 45m, or never"
#define USER_TIME_EXPECTED "expected a time like 2026-11-24T13:00:00Z (RFC 3339)"

/* "90s", "45m", "8h", "30d" to seconds, "never" to 0.  False: none of these, or too long. */
bool user_timeout_parse(const char *text, uint64_t *seconds);
/* RFC 3339 date-time, with 'T' or 't', a zone, and a fraction or not, to ns since the epoch. */
bool user_time_parse(const char *text, uint64_t *ns);
/* The reverse, in UTC to the millisecond. */
#define USER_TIME_TEXT 40
const char *user_time_text(uint64_t ns, char text[static USER_TIME_TEXT]);

#endif
