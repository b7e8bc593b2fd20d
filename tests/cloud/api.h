/* SPDX-License-Identifier: MIT */
/*
 * The WildFire public API below /publicapi/: paths, fields, answers, error texts.
 *
 * Nothing here is locked: the caller holds the state lock of http.c.
 */
#ifndef TESTCLOUD_API_H
#define TESTCLOUD_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "form.h"

#define API_KEYS_MAX 64
#define API_LINKS_MAX 1000
#define API_HASHES_MAX 500
#define API_COMMENT_MAX 2048
#define API_CHANGED_DAYS 30

struct api_config {
	const char *key[API_KEYS_MAX];
	size_t keys;
	uint64_t quota;	   /* submissions a day, 0: no limit */
	uint64_t max_size; /* of a submitted file, in bytes */
	unsigned int port; /* of the TLS side, for redirections */
};

/* A request that was read to its end. */
struct api_call {
	const char *method;
	const char *path; /* without the query, as received */
	const char *host; /* Host header, or NULL */
	bool tls;
	bool too_large; /* the body was longer than is kept */
	enum form_result form_result;
	const struct form *form;
};

/* The configuration in force; may be changed while the cloud runs. */
extern struct api_config api_config;

/* Submissions accepted since the start or the last api_reset(). */
uint64_t api_quota_used(void);
void api_reset(void);

/* Does what @call asks for and makes the answer. */
void api_answer(const struct api_call *call, struct answer *a);

/* The cloud's error @status with the text that belongs to it. */
void api_error(struct answer *a, unsigned int status, const char *text);

#endif
