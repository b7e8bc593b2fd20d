/* SPDX-License-Identifier: MIT */
/*
 * One HTTP request to a cloud, made whole before any of it leaves: so it can be hashed,
 * written into the ledger, shown, and sent exactly as it was made.
 *
 *	head	request line and headers, each ending with CRLF, and an empty line
 *	before	\
 *	sample	 > the body: memory, the bytes of a file, memory
 *	after	/
 *
 * What a kind writes into files instead is the same, but for its head, which names them.
 *
 * HTTP/1.1 with a Content-Length.  The envelope is the last part of a body: a transfer that
 * is ended in its middle has not told it.  The boundary of a multipart body is derived from
 * the sample's hash and the sighting's id: the same request has the same bytes, and no
 * sample can contain the boundary that its own hash leads to.
 */
#ifndef SLUICE_CLOUD_REQUEST_H
#define SLUICE_CLOUD_REQUEST_H

#include "cloud/cloud.h"
#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define REQUEST_URL_MAX 8192
#define REQUEST_TEXT_MAX (1u << 20) /* of the body's parts in memory, each */

/* An API key or a token, as it stands in a buffer; size 0: there is none. */
struct request_secret {
	size_t at, size;
};

struct request {
	const char *method; /* of HTTP; "WRITE": into files */
	struct buf url, headers, head, before, after;
	char type[128]; /* Content-Type; "": there is no body */
	char boundary[64];
	int sample; /* descriptor, the caller's; -1: none */
	uint64_t sample_size;
	struct request_secret head_secret, secret; /* within `head`, and within `before` */
	bool envelope;				   /* it carries one */
	bool local;				   /* it is written into files */
	bool sigv4;				   /* request_sign() */

	/* Since request_end(): */
	uint8_t sha256[SHA256_SIZE]; /* of the body */
	uint64_t bytes;		     /* of the body */
	uint64_t at;		     /* so many were read to be sent */
};

void request_init(struct request *r);
void request_free(struct request *r);

/* An empty request to url + path, without a body until there is one. */
void request_begin(struct request *r, const char *method, const char *url, const char *path);
/* A header of its own; `prefix` and then the value, of which the latter may be a secret. */
void request_header(struct request *r, const char *name, const char *prefix, const char *value,
		    bool secret);
/*
 * It gets the hash of its body as a header, and when it is sent the cloud's key signs it as
 * AWS Signature Version 4 has it.  The lines of the signature have the time in them, so libcurl
 * makes them at that moment: they are not in the head, only what is printed says where they
 * come.
 */
void request_sign(struct request *r);
/* The body as it is: a text, or (NULL) the sample, size bytes of fd. */
void request_body(struct request *r, const char *type, const char *text, int fd, uint64_t size);
/*
 * The body as application/x-www-form-urlencoded: the key, then pairs of name and value that
 * end with NULL.
 */
void request_form(struct request *r, const char *key, const char *const *pairs);

/* The body as multipart/form-data: this begins it. */
void request_multipart(struct request *r, const struct cloud_submission *s);
/* A part that is a plain value, before the sample; there is room for one secret. */
void request_value(struct request *r, const char *name, const char *value, bool secret);
/*
 * The part that is the sample: size bytes of fd.  filename NULL: the part is a plain value.
 * A name is written as browsers do, with %22, %0D and %0A for what would end it or its line,
 * and without other control characters.
 */
void request_sample(struct request *r, const char *name, const char *filename, int fd,
		    uint64_t size);
/* A part that is a file as well, but a text of ours. */
void request_text_file(struct request *r, const char *name, const char *filename,
		       const char *text);
/* The envelope, the last part. */
void request_envelope(struct request *r, const char *name, const char *json);

/* What is written into files below path instead of sent; then request_file() of each. */
void request_local(struct request *r, const char *path);
/*
 * The file path/name: a text, or (NULL) the sample, size bytes of fd, which is the last one.
 */
void request_file(struct request *r, const char *name, const char *text, int fd, uint64_t size);

/*
 * Completes and hashes it.  False: out of memory or room, or the sample cannot be read (errno
 * 0: it is shorter than it should be), or the URL is none; *problem says which.
 */
bool request_end(struct request *r, const char **problem);

/* Next bytes of the body, for sending; 0: the end, -1 with errno. */
ssize_t request_read(struct request *r, void *p, size_t n);

/* The head with the secret hidden, to be freed; NULL: out of memory. */
char *request_head_text(const struct request *r);

/*
 * Writes the request as it is sent, but for the secrets, in whose place are as many `*`.
 * raw: the sample's bytes too, else a line in brackets says how many they are.
 * False with errno.
 */
bool request_print(const struct request *r, FILE *f, bool raw);

#endif
