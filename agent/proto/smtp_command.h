/* SPDX-License-Identifier: MIT */
/*
 * What a line of an SMTP client says (RFC 5321 §4.1 and its extensions), and what its
 * sessions look like.
 */
#ifndef SLUICE_PROTO_SMTP_COMMAND_H
#define SLUICE_PROTO_SMTP_COMMAND_H

#include "proto/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum smtp_verb {
	SMTP_OTHER,
	SMTP_HELLO, /* HELO, EHLO */
	SMTP_LHLO,  /* LMTP, RFC 2033 */
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_BDAT, /* RFC 3030 */
	SMTP_RSET,
	SMTP_QUIT,
	SMTP_AUTH,     /* RFC 4954 */
	SMTP_STARTTLS, /* RFC 3207 */
	SMTP_XCLIENT,  /* Postfix: the server greets again */
	SMTP_NOOP,
	SMTP_END, /* the message's end, which is answered as commands are */
};

/* rest: behind the verb, of MAIL and RCPT behind their "FROM:" and "TO:". */
enum smtp_verb smtp_verb(const char *line, const char **rest);
/*
 * Beyond doubt a command and no line of a message: what to go on with where the end of a
 * message was not seen.
 */
bool smtp_is_command(const char *line);
/*
 * The mailbox of a path, without its brackets and source route: "<@a,@b:c@d> SIZE=1" is
 * c@d. Clients that leave brackets or blanks out are understood.
 */
const char *smtp_mailbox(const char *path, size_t *n);
/* Arguments of BDAT; false where no server takes them, and no chunk follows. */
bool smtp_chunk(const char *arguments, uint64_t *size, bool *last);

enum probe smtp_probe(const struct proto_head head[DIR_COUNT]);
/* The side of the client, as the probe sees it. */
enum dir smtp_client(const uint8_t *p, size_t n, enum dir dir);

#endif
