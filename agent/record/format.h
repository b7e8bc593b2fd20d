/* SPDX-License-Identifier: MIT */
/*
 * What the formats are made of.  Each is a table: which value of a sighting stands where.
 */
#ifndef SLUICE_RECORD_FORMAT_H
#define SLUICE_RECORD_FORMAT_H

#include "record/record.h"

/* Bytes of one value: more than a line of the log can have. */
#define RECORD_VALUE_MAX (1u << 20)

/*
 * A copy of the sighting (its parts are shared) with an object "record":
 *
 *	name		the file's name, or the one in its archive
 *	title		"file, download": what was seen, and which way it went
 *	sender_user	who is known at the sender's end, of an upload the targeted user
 *	receiver_user	the same of the receiver, of a download the targeted user
 *	flow		client-to-server, server-to-client: which way the file went
 *	from, to	the mail's addresses, ";" between them; first_from: the first one
 *	time, begin, end	ms since the epoch
 *	time_micro	2026-11-24T20:22:32.123456+0000
 *	time_milli	2026-11-24T20:22:32.123+00:00
 *	time_panos	2026/11/24 20:22:32
 *	source4, source6	source.ip, by its version; destination4, destination6
 *	protocol	TCP, UDP; protocol_number, ip_version: as in the IP header
 *	app_proto	the protocol below the application, as Suricata calls it
 *	path		the URL's path and query; port: its port where it names one
 *	session		the session's id as text
 *	verdict		benign, malicious, ...: what the cloud says of the sample
 *	host		of the context
 *
 * What is not known is left out.  The caller drops the reference; NULL when out of memory.
 */
json_t *record_derive(const json_t *sighting, const struct record_context *context);

/* One value of a rendering in JSON: where it goes, where it is from, its type (JSON_TRUE:
 * both). */
struct record_copy {
	const char *to, *from;
	json_type type;
};

/* The table ends with {0}.  False when out of memory. */
bool record_copy(json_t *to, const json_t *from, const struct record_copy *table);

/* A text, a number, or texts of a list with ';' between them, appended; nothing: no such value.
 */
bool record_text(const json_t *from, const char *path, struct buf *out);

/* Appends a control character (C0, DEL) as \x1b. */
void record_add_control(struct buf *out, char c);
static inline bool record_is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Appends as one line of JSON. */
bool record_dump(const json_t *root, struct buf *out);

bool record_eve(const json_t *sighting, const struct record_context *context, struct buf *out);
bool record_ocsf(const json_t *sighting, const struct record_context *context, struct buf *out);
bool record_panos(const json_t *sighting, const struct record_context *context,
		  struct buf *out);
bool record_cef(const json_t *sighting, const struct record_context *context, struct buf *out);

#endif
