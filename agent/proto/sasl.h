/* SPDX-License-Identifier: MIT */
/*
 * Who logs in: the user's name out of the client's half of a SASL exchange (RFC 4422), as
 * SMTP, POP3 and IMAP carry it.  Nothing else of it is kept, passwords least of all.
 */
#ifndef SLUICE_PROTO_SASL_H
#define SLUICE_PROTO_SASL_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define SASL_USER_MAX 255

enum sasl_mechanism {
	SASL_OTHER,
	SASL_PLAIN,	 /* RFC 4616 */
	SASL_LOGIN,	 /* the name, then the password */
	SASL_CRAM_MD5,	 /* RFC 2195 */
	SASL_DIGEST_MD5, /* RFC 2831 */
	SASL_SCRAM,	 /* RFC 5802 */
	SASL_EXTERNAL,
	SASL_OAUTHBEARER, /* RFC 7628 */
	SASL_XOAUTH2,
	SASL_NTLM,
};

struct sasl {
	enum sasl_mechanism mechanism;
	unsigned int step;
	struct buf user; /* empty: not known */
};

void sasl_init(struct sasl *s);
void sasl_free(struct sasl *s);
/* "PLAIN", or "PLAIN AGEAYg==" with an initial response; forgets the name known before. */
void sasl_start(struct sasl *s, const char *arguments);
/* A line of the client, base64. */
void sasl_response(struct sasl *s, const char *line);
/* The name was said otherwise (USER, LOGIN). */
void sasl_user(struct sasl *s, const void *p, size_t n);
/* Or the server refused it. */
void sasl_forget(struct sasl *s);
/* NULL: not known. */
const char *sasl_name(struct sasl *s);

#endif
