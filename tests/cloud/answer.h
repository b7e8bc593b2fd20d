/* SPDX-License-Identifier: MIT */
/* One HTTP answer, before it is given to libmicrohttpd. */
#ifndef TESTCLOUD_ANSWER_H
#define TESTCLOUD_ANSWER_H

#include <jansson.h>

#include "bytes.h"

#define ANSWER_MAX ((size_t)1 << 31)

#define ANSWER_XML "application/xml"
#define ANSWER_JSON "application/json"
#define ANSWER_BINARY "application/octet-stream"

struct answer {
	unsigned int status;
	const char *type; /* Content-Type, static text */
	struct bytes body;
	char *attachment;	   /* file name for Content-Disposition, or NULL */
	char *location;		   /* Location, or NULL */
	unsigned long retry_after; /* Retry-After in seconds, or 0 */
};

/* 200 and nothing in it; release with answer_free(). */
void answer_init(struct answer *a);
void answer_free(struct answer *a);

/* Give @value out; the reference is taken. */
void answer_json(struct answer *a, unsigned int status, json_t *value);

#endif
