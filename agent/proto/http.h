/* SPDX-License-Identifier: MIT */
/*
 * What HTTP means in every version (RFC 9110): heads of messages in, sightings and
 * bodies out.
 */
#ifndef SLUICE_PROTO_HTTP_H
#define SLUICE_PROTO_HTTP_H

#include "proto/body.h"
#include "proto/http_field.h"
#include "proto/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_side { HTTP_REQUEST, HTTP_RESPONSE, HTTP_SIDES };

/*
 * What is read of a message's head; the first two are of the request line, or have
 * names that HTTP/2 gives them (RFC 9113 §8.3.1).
 * X(CONSTANT, name)
 */
#define HTTP_FIELDS(X)                          \
	X(METHOD, ":method")                    \
	X(TARGET, ":path")                      \
	X(HOST, "host")                         \
	X(USER_AGENT, "user-agent")             \
	X(REFERER, "referer")                   \
	X(AUTHORIZATION, "authorization")       \
	X(RANGE, "range")                       \
	X(DISPOSITION, "content-disposition")   \
	X(CONTENT_TYPE, "content-type")         \
	X(CONTENT_ENCODING, "content-encoding") \
	X(CONTENT_RANGE, "content-range")       \
	X(CONTENT_LENGTH, "content-length")     \
	X(ETAG, "etag")                         \
	X(LAST_MODIFIED, "last-modified")

enum http_field {
#define HTTP_FIELD_ENUM(id, name) HTTP_##id,
	HTTP_FIELDS(HTTP_FIELD_ENUM)
#undef HTTP_FIELD_ENUM
		HTTP_FIELD_COUNT
};

extern const char *const http_field_names[HTTP_FIELD_COUNT];

struct http_head {
	bool seen;
	uint32_t status; /* 0: none */
	/* Repeated fields joined by commas. */
	struct text field[HTTP_FIELD_COUNT];
};

struct http_exchange {
	struct proto_session *ps;
	enum dir client;
	struct http_head head[HTTP_SIDES];
};

/* A request's head is there, whether a body follows or not. */
void http_request_seen(const struct http_exchange *x);
/* The sighting of a file in the body of that side. */
void http_describe(const struct http_exchange *x, enum http_side side, struct sighting *s);

/*
 * The body of that side.  length: bytes that its framing announces, valid with
 * length_known; describe and arg as in body.h.  NULL when out of memory.
 */
struct body *http_body_new(const struct http_exchange *x, enum http_side side,
			   bool length_known, uint64_t length,
			   void (*describe)(void *arg, struct sighting *s), void *arg);

#endif
