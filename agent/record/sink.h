/* SPDX-License-Identifier: MIT */
/*
 * Where records go that others read: a [log NAME] section.
 */
#ifndef SLUICE_RECORD_SINK_H
#define SLUICE_RECORD_SINK_H

#include "record/record.h"

#include <stdbool.h>
#include <stdint.h>

#define SINK_MAX 8
#define SINK_NAME_MAX 64

/* X(CONSTANT, name, leaves this machine) */
#define SINK_KINDS(X)                \
	X(FILE, "file", false)       \
	X(JOURNAL, "journal", false) \
	X(SYSLOG, "syslog", true)

enum sink_kind {
#define SINK_KIND_ENUM(id, name, leaves) SINK_##id,
	SINK_KINDS(SINK_KIND_ENUM)
#undef SINK_KIND_ENUM
		SINK_KIND_COUNT
};

/* From the configuration, which owns the texts; NULL: not given. */
struct sink_config {
	char name[SINK_NAME_MAX];
	enum sink_kind kind; /* SINK_KIND_COUNT: not given */
	const struct record_format *format;
	char *path; /* of a file */
	char *host; /* of syslog over TLS: a name or an address, without brackets */
	uint32_t port;
	char *ca;	   /* PEM: trust these instead of the system's store */
	char *certificate; /* PEM: who we are; with its key */
	char *certificate_key;
	uint64_t max_waiting; /* records; what comes then is dropped */
	int line;	      /* of its section, for messages */
};

static inline bool sink_leaves(const struct sink_config *s)
{
	return s->kind == SINK_SYSLOG;
}

#endif
