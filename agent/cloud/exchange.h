/* SPDX-License-Identifier: MIT */
/*
 * An attempt as a row of HTTP requests, which is all that a kind that speaks HTTP adds
 * to the rest: how each is made, and what its answer means.
 *
 *	begin -> [envelope wanted ->] made -> leave wanted -> sent -> answer -> next step,
 *	or the end
 *
 * A step that carries something of the sighting is made for an envelope of its own,
 * asked for right before, and goes on a connection that was used a moment ago or on a
 * new one: an older one may be closed at the other end by now, and the attempt would be
 * lost.
 */
#ifndef SLUICE_CLOUD_EXCHANGE_H
#define SLUICE_CLOUD_EXCHANGE_H

#include "cloud/cloud.h"
#include "cloud/http.h"
#include "cloud/request.h"

#include <jansson.h>

struct exchange {
	struct http http;
	struct request request;
	size_t step;
	int sample; /* descriptor while it is sent, else -1 */
	bool known; /* for the kind: the cloud has the sample */
	/* Of the kind's: it belongs to the attempt when that fails later. Else
	 * CLOUD_VERDICT_NONE */
	int32_t verdict;
};

/* What a step's request is made of. */
struct exchange_parts {
	int sample;	  /* open; -1: the step carries none */
	const char *json; /* the envelope; NULL: it is not to be sent */
	const char *upload_name;
};

#define EXCHANGE_FILES (1u << SIGHTING_KIND_FILE)
#define EXCHANGE_LINKS (1u << SIGHTING_KIND_LINK)
#define EXCHANGE_ALL (EXCHANGE_FILES | EXCHANGE_LINKS)

struct exchange_step {
	const char *name;	     /* in the ledger, and in front of details */
	const char *condition;	     /* as in cloud_preview */
	const char *condition_first; /* that, where only the first sighting has an envelope */
	bool later; /* instead of all others, of a later sighting (cloud_submission.later) */
	/*
	 * CLOUD_CARRIES_*.  Where the cloud's envelopes are switched off none is carried, and a
	 * step that would carry nothing else is left out: never the last one.
	 */
	uint64_t carries;
	unsigned int samples; /* EXCHANGE_*: those it is for */
	/* Makes the request, but for its end. */
	void (*make)(struct request *r, const struct cloud_submission *s,
		     const struct exchange_parts *p);
	/*
	 * An answer with that status.  True: the attempt ends with *r, as it always does with
	 * the last step; false: next step.
	 */
	bool (*answer)(struct exchange *e, const struct cloud_submission *s, long status,
		       struct cloud_result *r);
};

static inline bool exchange_good(long status)
{
	return status >= 200 && status <= 299;
}

/* What an HTTP status means. */
struct exchange_status {
	int status;
	enum cloud_outcome outcome;
	bool stuck;
	const char *text;
};

/*
 * The end of an attempt by a status that is no success: by the kind's own rows, else by those
 * that all have.  said: the cloud's own words, or NULL.
 */
void exchange_status_result(const struct exchange *e, const struct exchange_status *own,
			    size_t rows, long status, const char *said, struct cloud_result *r);

/* The answer as a JSON object, to be released; NULL with r: it is none. */
json_t *exchange_json(const struct exchange *e, struct cloud_result *r);

void exchange_begin(struct cloud_loop *loop, struct cloud_submission *s);
void exchange_envelope(struct cloud_submission *s, const char *json, const char *upload_name);
void exchange_go(struct cloud_submission *s, bool granted);
void exchange_revoke(struct cloud_submission *s);
void exchange_transfer_done(struct cloud_submission *s, CURL *easy, CURLcode code);
void exchange_cancel(struct cloud_submission *s);
bool exchange_preview(const struct cloud_submission *s, const char *json,
		      const char *upload_name,
		      void (*show)(void *arg, const struct cloud_preview *p), void *arg,
		      struct cloud_result *r);

/* Settings of every kind that speaks HTTP. */
#define EXCHANGE_TAKES                                                                  \
	(CLOUD_SETTING_CA | CLOUD_SETTING_CERTIFICATE | CLOUD_SETTING_CERTIFICATE_KEY | \
	 CLOUD_SETTING_PROXY | CLOUD_SETTING_PINNED)

/* The functions of a kind whose attempts are these steps. */
#define EXCHANGE_OPS(table)                                                        \
	.begin = exchange_begin, .envelope = exchange_envelope, .go = exchange_go, \
	.revoke = exchange_revoke, .transfer_done = exchange_transfer_done,        \
	.cancel = exchange_cancel, .preview = exchange_preview, .step = (table),   \
	.steps = sizeof(table) / sizeof((table)[0])

#endif
