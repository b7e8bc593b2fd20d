/* SPDX-License-Identifier: MIT */
/*
 * Messages for the operator.
 *
 * A message names the thing it is about and what was expected.  On a terminal
 * or in a file it reads "sluiced: error: ..."; under systemd (JOURNAL_STREAM is
 * set) it carries the priority prefix of sd-daemon(3) instead.
 */
#ifndef SLUICE_LIB_LOG_H
#define SLUICE_LIB_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Name put before each message; the string must outlive the process. */
void log_init(const char *program, enum log_level most);

/* A second name, e.g. "inspector 0"; copied, at most 31 bytes; NULL: none. */
void log_role(const char *role);

void log_at(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Once per call site, for what hostile traffic could repeat without end. */
#define log_warning_once(...)                                   \
	do {                                                    \
		static bool log_done_;                          \
		if (!log_done_) {                               \
			log_done_ = true;                       \
			log_at(LOG_LEVEL_WARNING, __VA_ARGS__); \
		}                                               \
	} while (0)

#endif
