/* SPDX-License-Identifier: MIT */
/*
 * Where a logger writes to: one table of functions per kind.
 */
#ifndef SLUICE_LOGGER_OUTLET_H
#define SLUICE_LOGGER_OUTLET_H

#include "logger/logger.h"

#include <stddef.h>

enum outlet_result { OUTLET_OK, OUTLET_AGAIN, OUTLET_BROKEN };

struct outlet {
	const struct sink_config *sink;
	uint32_t socket_mark;
	int fd; /* -1: not open */
	void *handle;
	char error[LOGGER_TEXT_MAX]; /* why it is broken */
};

struct outlet_ops {
	/* May block, for ten seconds at most; false with an error. */
	bool (*open)(struct outlet *o);
	/*
	 * Writes some of a batch: *done bytes.  AGAIN: when fd is writable.  BROKEN with an
	 * error; of a file nothing of the batch is then in it.
	 */
	enum outlet_result (*write)(struct outlet *o, const uint8_t *p, size_t n, size_t *done);
	/*
	 * BROKEN with an error: the other end is gone.  Asked when fd is readable; NULL:
	 * nothing ever comes.
	 */
	enum outlet_result (*check)(struct outlet *o);
	/*
	 * What was written so far, and what of that the other end has, in one measure.  NULL:
	 * all, as soon as it is written.
	 */
	void (*progress)(struct outlet *o, uint64_t *written, uint64_t *arrived);
	void (*close)(struct outlet *o);
	/* ms that it must stay whole after something arrived: the other end may have died
	 * before it took it from its socket, and says so. */
	unsigned int grace;
};

extern const struct outlet_ops outlet_file, outlet_journal, outlet_syslog;

/* Of one that has nothing but its descriptor. */
void outlet_close(struct outlet *o);
void outlet_error(struct outlet *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
