/* SPDX-License-Identifier: MIT */
/*
 * A message of syslog (RFC 5424) in the frame that TLS wants of it (RFC 5425 section 4.3: its
 * length in bytes, a space, the message).  Pure.
 */
#ifndef SLUICE_RECORD_SYSLOG_H
#define SLUICE_RECORD_SYSLOG_H

#include "lib/buf.h"

#include <stddef.h>
#include <stdint.h>

#define SYSLOG_PORT 6514 /* RFC 5425 section 4.1 */

/* RFC 5424 section 6.2.1 */
enum syslog_severity { SYSLOG_WARNING = 4, SYSLOG_INFO = 6 };

struct syslog_head {
	enum syslog_severity severity;
	const char *time;  /* RFC 3339 in UTC with any fraction of a second; NULL: not known */
	const char *host;  /* NULL: not known */
	const char *id;	   /* MSGID: what kind of message */
	uint64_t sequence; /* of the record; the same whenever it is sent again */
};

/*
 * Appends one frame.  Facility is local0, APP-NAME sluice, structured data the sequenceId of
 * section 7.3.1.  The text stands there as it is, without a byte order mark: records are
 * for programs, and those that read JSON or CEF take none.  False when out of memory or room.
 */
bool syslog_frame(const struct syslog_head *head, const void *text, size_t n, struct buf *out);

#endif
