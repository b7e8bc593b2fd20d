/* SPDX-License-Identifier: MIT */
/*
 * One mail message in, its files and links out: what SMTP, POP3 and IMAP share.
 *
 * The transport undoes its own framing (dots, literals, chunks) and names the ends; this
 * layer takes the message apart (mime.h), decodes names, subject and addresses to UTF-8,
 * makes a file of every leaf of the tree, and a link of every URL in a text.
 *
 * A text that is not attached is what a person wrote: SIGHTING_KIND_MAIL_TEXT, made only
 * where the environment keeps private talk, and so is the whole message
 * (SIGHTING_KIND_MAIL).  A nested message is a file as well as a tree of its own.
 */
#ifndef SLUICE_PROTO_MAIL_H
#define SLUICE_PROTO_MAIL_H

#include "proto/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mail;

/* Strings are read during the call that takes them; NULL: not known. */
struct mail_options {
	struct proto_session *session;
	enum dir sender;	 /* who sends the message in this session */
	const char *application; /* "smtp" */
	/* The envelope of RFC 5321: paths without brackets, recipients separated by
	 * SIGHTING_LIST_SEPARATOR. */
	const char *mail_from;
	const char *rcpt_to;
	const char *user; /* who logged in */
};

/*
 * A part fetched by itself (IMAP BODY[2]): what its header would say, as far as the
 * conversation tells.  Bytes are those of its body, still encoded.
 */
struct mail_part {
	const char *type;	 /* value of Content-Type */
	const char *encoding;	 /* of Content-Transfer-Encoding */
	const char *disposition; /* of Content-Disposition */
	const char *from;	 /* of the message's header, as there */
	const char *to;
	const char *subject;
};

/* A whole message.  NULL when out of memory. */
struct mail *mail_new(const struct mail_options *o, uint64_t time);
/* The body of one part. */
struct mail *mail_new_part(const struct mail_options *o, const struct mail_part *part,
			   uint64_t time);
void mail_data(struct mail *m, const uint8_t *p, size_t n, uint64_t time);
/* n bytes never came by: the part they were of is not complete, nor any after it that cannot
 * be told from it. */
void mail_gap(struct mail *m, uint64_t n, uint64_t time);
/* Ends it and frees m.  NONE: the transport saw the message's end. */
void mail_close(struct mail *m, enum file_reason reason, uint64_t time);

#endif
