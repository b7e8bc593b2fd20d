/* SPDX-License-Identifier: MIT */
/*
 * What the cloud knows: samples and links, how often each was received, their verdicts.
 *
 * Nothing here is locked: the caller holds the state lock of http.c.
 */
#ifndef TESTCLOUD_STORE_H
#define TESTCLOUD_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <jansson.h>

#include "bytes.h"

#define STORE_SAMPLES_MAX 1000000

/*
 * X(number, word): the verdicts; negative ones are states of the cloud's knowledge.
 * A verdict below zero that was set by hand is forgotten when the sample is submitted
 * (again): that is how a flawed submission (-104) is mended.
 */
#define STORE_VERDICTS(X)  \
	X(0, "benign")     \
	X(1, "malware")    \
	X(2, "grayware")   \
	X(4, "phishing")   \
	X(5, "c2")         \
	X(-100, "pending") \
	X(-101, "error")   \
	X(-102, "unknown") \
	X(-103, "invalid") \
	X(-104, "flawed")

enum {
	STORE_BENIGN = 0,
	STORE_MALWARE = 1,
	STORE_PENDING = -100,
	STORE_UNKNOWN = -102,
	STORE_INVALID = -103,
};

struct store_sample {
	struct store_sample *next;    /* same bucket */
	struct store_sample *younger; /* order of arrival */
	char sha256[BYTES_SHA256_HEX];
	char md5[BYTES_MD5_HEX]; /* "" when only the SHA-256 was ever named */
	uint64_t size;
	char *name;	      /* file name as received, or NULL */
	char *url;	      /* the link, when this is one, or NULL */
	const char *filetype; /* static text */
	unsigned int received;
	int verdict;
	bool verdict_set;     /* known to the cloud without having been received */
	unsigned int polls;   /* verdict questions since it was received */
	struct timespec when; /* monotonic: last received */
	time_t changed;	      /* wall clock: verdict set by hand; 0 never */
};

/* How long a received sample stays pending; both must have passed. */
struct store_pending {
	double seconds;
	unsigned int polls;
};

/* Samples are kept as @dir/samples/<sha256>. Returns false after a message. */
bool store_open(const char *dir);
void store_close(void);
void store_clear(void);
void store_set_pending(struct store_pending pending);
/*
 * Every verdict question is answered STORE_UNKNOWN, whatever came: for clients that take this
 * cloud for several and are to submit to each.
 */
void store_set_forgetful(bool forgetful);

/* Read "5" (seconds) or "3r" (requests). */
bool store_parse_pending(const char *text, struct store_pending *out);

/* Read a verdict's number or word. */
bool store_parse_verdict(const char *text, int *out);

const char *store_verdict_word(int verdict);

/* Is it an MD5 or SHA-256 in hexadecimal? @out gets it in lower case. */
bool store_parse_hash(struct slice text, char out[BYTES_SHA256_HEX]);

/*
 * A file was submitted. Counts it and keeps the bytes. Returns the sample, NULL when it
 * could not be kept (disk full, too many).
 */
struct store_sample *store_submit(struct slice file, struct slice name);

/* A link was submitted: known by the hash of its text. */
struct store_sample *store_submit_link(struct slice url);

/*
 * Samples with this hash (from store_parse_hash), one after the other: start with NULL.
 * Several samples may have one MD5. Returns NULL at the end.
 */
struct store_sample *store_find(const char *hash, struct store_sample *after);

/* All samples in order of arrival: start with NULL. */
struct store_sample *store_next(struct store_sample *after);

/*
 * What the cloud answers about @sample (NULL: STORE_UNKNOWN) at this moment. @asked: this is
 * a verdict question and counts towards the pending requests.
 */
int store_verdict(struct store_sample *sample, bool asked);

/* Set by hand. @announce: the cloud knows the sample from now on even if it never came. */
bool store_set_verdict(const char *sha256, int verdict, bool announce);

/* Bytes of a received file; false when there are none. Release with bytes_free(). */
bool store_read(const struct store_sample *sample, struct bytes *out);

/* Array of all samples, new reference. */
json_t *store_state(void);

#endif
