// SPDX-License-Identifier: MIT
/*
 * The WildFire public API, and any private cloud that speaks it.
 *
 *	POST URL/get/verdict	apikey, hash		does the cloud know the sample?
 *	POST URL/submit/file	apikey, file, session	only when it does not
 *	POST URL/submit/link	apikey, link, session	the same for a link, by its text's hash
 *
 * Every attempt begins with the question, also one after a crash or after an answer
 * that was lost, so a sample is uploaded once.  `session` is ours: the
 * envelope, as JSON; an operator can switch it off for a cloud.
 */
#include "cloud/cloud.h"
#include "cloud/http.h"
#include "cloud/wildfire_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What to do about a verdict.  X(code, outcome, text); -102 is the one that means upload. */
#define WILDFIRE_VERDICTS(X)                                     \
	X(0, KNOWN, "benign")                                    \
	X(1, KNOWN, "malware")                                   \
	X(2, KNOWN, "grayware")                                  \
	X(4, KNOWN, "phishing")                                  \
	X(5, KNOWN, "command and control")                       \
	X(-100, KNOWN, "known, verdict pending")                 \
	X(-101, RETRY, "the cloud reports an error of its own")  \
	X(-103, REFUSED, "the cloud takes the hash for invalid") \
	X(-104, RETRY, "the cloud calls an earlier submission flawed")

#define VERDICT_UNKNOWN (-102)

/*
 * What an HTTP status means.  X(status, outcome, stuck, text)
 * 404 and 405 come from a wrong address: neither call can miss in a right one.
 */
#define WILDFIRE_STATUSES(X)                                            \
	X(401, DOWN, true, "API key not accepted")                      \
	X(403, DOWN, true, "API key not allowed to do this")            \
	X(404, DOWN, true, "no such API there: check the url")          \
	X(405, DOWN, true, "no such API there: check the url")          \
	X(407, DOWN, true, "a proxy wants a password")                  \
	X(408, RETRY, false, "request took too long")                   \
	X(413, REFUSED, false, "sample too large for the cloud")        \
	X(415, REFUSED, false, "media type not supported by the cloud") \
	X(418, REFUSED, false, "file type not supported by the cloud")  \
	X(419, DOWN, true, "daily quota used up")                       \
	X(420, REFUSED, false, "argument missing")                      \
	X(421, REFUSED, false, "argument invalid")                      \
	X(422, REFUSED, false, "sample cannot be processed")            \
	X(429, DOWN, false, "too many requests")                        \
	X(456, REFUSED, false, "request invalid")                       \
	X(500, RETRY, false, "error in the cloud")                      \
	X(502, RETRY, false, "bad gateway")                             \
	X(503, RETRY, false, "service not available")                   \
	X(504, RETRY, false, "gateway timeout")                         \
	X(513, RETRY, false, "upload failed in the cloud")

struct meaning {
	int code;
	enum cloud_outcome outcome;
	bool stuck;
	const char *text;
};

static const struct meaning verdicts[] = {
#define VERDICT_ROW(code, outcome, text) {code, CLOUD_##outcome, false, text},
	WILDFIRE_VERDICTS(VERDICT_ROW)
#undef VERDICT_ROW
};

static const struct meaning statuses[] = {
#define STATUS_ROW(code, outcome, stuck, text) {code, CLOUD_##outcome, stuck, text},
	WILDFIRE_STATUSES(STATUS_ROW)
#undef STATUS_ROW
};

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const struct meaning *meaning_find(const struct meaning *table, size_t rows, long code)
{
	for (size_t i = 0; i < rows; i++)
		if (table[i].code == code)
			return &table[i];
	return NULL;
}

/* Bytes of a URL; links are far shorter. */
#define LINK_MAX 8192

enum step { STEP_ASK, STEP_ENVELOPE, STEP_UPLOAD, STEP_LINK };

static const char *const step_name[] = {
	[STEP_ASK] = "get/verdict",
	[STEP_ENVELOPE] = "envelope",
	[STEP_UPLOAD] = "submit/file",
	[STEP_LINK] = "submit/link",
};

struct wildfire {
	struct http http;
	struct request request;
	bool fresh; /* the request wants a connection of its own */
	enum step step;
	int sample; /* descriptor while uploading, else -1 */
};

static void wildfire_free(struct wildfire *w)
{
	http_free(&w->http);
	request_free(&w->request);
	if (w->sample >= 0)
		close(w->sample);
	free(w);
}

/* Ends the attempt; details get the name of the call in front. */
static void finish(struct cloud_submission *s, const struct cloud_result *r)
{
	struct wildfire *w = s->kind;
	struct cloud_result named = *r;
	int n = snprintf(named.detail, sizeof(named.detail), "%s: ", step_name[w->step]);

	snprintf(named.detail + n, sizeof(named.detail) - (size_t)n, "%s", r->detail);
	s->kind = NULL;
	wildfire_free(w);
	s->done(s, &named);
}

static void finish_text(struct cloud_submission *s, enum cloud_outcome outcome,
			const char *text)
{
	struct cloud_result r;

	cloud_result_set(&r, outcome, "%s", text);
	finish(s, &r);
}

/* The question, whole.  False: *problem says why not. */
static bool make_question(struct request *r, const struct cloud_submission *s,
			  const char **problem)
{
	char hash[SHA256_TEXT];
	const char *const form[] = {"hash", sha256_text(s->sha256, hash), NULL};

	request_begin(r, s->cloud->url, "/get/verdict");
	request_form(r, s->cloud->key, form);
	return request_end(r, problem);
}

static bool is_link(const struct cloud_submission *s)
{
	return s->sample_kind == SIGHTING_KIND_LINK;
}

static enum step submit_step(const struct cloud_submission *s)
{
	return is_link(s) ? STEP_LINK : STEP_UPLOAD;
}

/* The submission, whole.  A link is sent as what its sample holds. */
static bool make_submit(struct request *r, const struct cloud_submission *s, int sample,
			const char *json, const char *upload_name, const char **problem)
{
	request_begin(r, s->cloud->url, is_link(s) ? "/submit/link" : "/submit/file");
	request_multipart(r, s);
	if (is_link(s))
		request_sample(r, "link", NULL, sample, s->size);
	else
		request_sample(r, "file", upload_name, sample, s->size);
	if (s->cloud->session)
		request_envelope(r, "session", json);
	return request_end(r, problem);
}

static uint64_t submit_carries(const struct cloud_submission *s)
{
	return CLOUD_CARRIES_SAMPLE | (is_link(s) ? 0 : CLOUD_CARRIES_NAME) |
	       (s->cloud->session ? CLOUD_CARRIES_ENVELOPE : 0);
}

/* The sample of a submission, open, or -1 with r. */
static int open_sample(const struct cloud_submission *s, struct cloud_result *r)
{
	if (is_link(s) && s->size > LINK_MAX) {
		cloud_result_set(r, CLOUD_REFUSED, "longer than a link may be");
		return -1;
	}
	return cloud_open_sample(s, r);
}

static void no_request(struct cloud_result *r, const char *problem)
{
	cloud_result_set(r, CLOUD_RETRY, "request cannot be made: %s", problem);
}

/* Asks whether the request, which was made or not, may leave. */
static void offer_request(struct cloud_submission *s, bool made, const char *problem,
			  uint64_t carries)
{
	struct wildfire *w = s->kind;
	struct cloud_leave leave = {
		.name = step_name[w->step],
		.sha256 = w->request.sha256,
		.carries = carries,
	};
	struct cloud_result r;

	if (!made) {
		no_request(&r, problem);
		finish(s, &r);
		return;
	}
	leave.url = buf_string(&w->request.url);
	leave.bytes = w->request.bytes;
	s->want_leave(s, &leave);
}

static void wildfire_go(struct cloud_submission *s, bool granted)
{
	struct wildfire *w = s->kind;

	if (!granted)
		finish_text(s, CLOUD_RETRY, "not allowed to leave");
	else if (!http_start(&w->http, s, &w->request, w->fresh))
		finish_text(s, CLOUD_RETRY, "request cannot be sent: out of memory");
}

/* finish() ends the transfer: the envelope, the body's last part, has not left whole. */
static void wildfire_revoke(struct cloud_submission *s)
{
	finish_text(s, CLOUD_RETRY, "revoked");
}

static void wildfire_begin(struct cloud_loop *loop, struct cloud_submission *s)
{
	struct wildfire *w = calloc(1, sizeof(*w));
	const char *problem = NULL;
	struct cloud_result r;
	bool made;

	if (!w) {
		cloud_result_set(&r, CLOUD_RETRY, "out of memory");
		s->done(s, &r);
		return;
	}
	w->sample = -1;
	w->step = STEP_ASK;
	http_init(&w->http, loop);
	request_init(&w->request);
	s->kind = w;
	made = make_question(&w->request, s, &problem);
	offer_request(s, made, problem, 0);
}

static void wildfire_envelope(struct cloud_submission *s, const char *json,
			      const char *upload_name)
{
	struct wildfire *w = s->kind;
	const char *problem = NULL;
	struct cloud_result r;
	bool made;

	if (!json) {
		finish_text(s, CLOUD_RETRY, "not available");
		return;
	}
	w->step = submit_step(s);
	w->sample = open_sample(s, &r);
	if (w->sample < 0) {
		finish(s, &r);
		return;
	}
	made = make_submit(&w->request, s, w->sample, json, upload_name, &problem);
	/*
	 * On a connection of its own: one that was used before may be closed at the other
	 * end by now, and the attempt would be lost.
	 */
	w->fresh = true;
	offer_request(s, made, problem, submit_carries(s));
}

static void status_result(struct wildfire *w, const struct cloud_submission *s, long status,
			  struct cloud_result *r)
{
	const struct meaning *m = meaning_find(statuses, ROWS(statuses), status);
	static const struct meaning redirect = {0, CLOUD_DOWN, true, "redirected, check url"};
	static const struct meaning other = {0, CLOUD_RETRY, false, "not expected"};
	uint32_t wait = http_retry_after(&w->http);
	struct wildfire_answer a;
	char error[128];

	if (!m)
		m = status < 400 ? &redirect : &other;
	if (wildfire_parse(w->http.answer.data, w->http.answer.len, s->sha256, &a, error) &&
	    a.kind == WILDFIRE_ERROR)
		cloud_result_set(r, m->outcome, "HTTP %ld, %s (\"%s\")", status, m->text,
				 a.message);
	else
		cloud_result_set(r, m->outcome, "HTTP %ld, %s", status, m->text);
	r->retry_after = wait;
	r->stuck = m->stuck;
}

/* What the cloud answered to get/verdict; false: it does not know the sample. */
static bool verdict_result(int32_t verdict, struct cloud_result *r)
{
	const struct meaning *m = meaning_find(verdicts, ROWS(verdicts), verdict);

	if (verdict == VERDICT_UNKNOWN)
		return false;
	/* A verdict of tomorrow still says that the cloud knows the sample. */
	if (!m)
		cloud_result_set(r, verdict >= 0 ? CLOUD_KNOWN : CLOUD_RETRY,
				 "verdict %d, meaning not known", verdict);
	else
		cloud_result_set(r, m->outcome, "%s", m->text);
	r->verdict = verdict;
	return true;
}

static void wildfire_transfer_done(struct cloud_submission *s, CURL *easy, CURLcode code)
{
	struct wildfire *w = s->kind;
	struct wildfire_answer a;
	struct cloud_result r;
	char error[128] = "";
	long status = http_end(&w->http, code, &r);

	(void)easy;
	if (status == 0) {
		finish(s, &r);
		return;
	}
	if (status < 200 || status > 299) {
		status_result(w, s, status, &r);
		finish(s, &r);
		return;
	}
	if (!wildfire_parse(w->http.answer.data, w->http.answer.len, s->sha256, &a, error) ||
	    (a.kind != WILDFIRE_ERROR &&
	     a.kind != (w->step == STEP_ASK ? WILDFIRE_VERDICT : WILDFIRE_UPLOAD))) {
		cloud_result_set(&r, CLOUD_RETRY, "answer not understood: %s",
				 *error ? error : "it answers another question");
		r.answer_bad = true;
		finish(s, &r);
		return;
	}
	if (a.kind == WILDFIRE_ERROR) {
		cloud_result_set(&r, CLOUD_RETRY, "the cloud says \"%s\"", a.message);
		finish(s, &r);
		return;
	}
	if (w->step != STEP_ASK) {
		finish_text(s, CLOUD_SENT, "uploaded");
		return;
	}
	if (verdict_result(a.verdict, &r)) {
		finish(s, &r);
		return;
	}
	w->step = STEP_ENVELOPE;
	s->want_envelope(s);
}

static bool wildfire_preview(const struct cloud_submission *s, const char *json,
			     const char *upload_name,
			     void (*show)(void *arg, const struct cloud_preview *p), void *arg,
			     struct cloud_result *r)
{
	struct cloud_preview question = {.name = step_name[STEP_ASK], .method = "POST"};
	struct cloud_preview submit = {
		.name = step_name[submit_step(s)],
		.method = "POST",
		.condition = "only when the cloud answers that it does not know the sample",
		.carries = submit_carries(s),
	};
	struct request request;
	const char *problem;
	int sample = -1;
	bool made;

	request_init(&request);
	question.request = submit.request = &request;
	made = make_question(&request, s, &problem);
	if (made) {
		show(arg, &question);
		sample = open_sample(s, r);
		made = sample >= 0 &&
		       make_submit(&request, s, sample, json, upload_name, &problem);
	} else {
		no_request(r, problem);
	}
	if (made)
		show(arg, &submit);
	else if (sample >= 0)
		no_request(r, problem);
	if (sample >= 0)
		close(sample);
	request_free(&request);
	return made;
}

static void wildfire_cancel(struct cloud_submission *s)
{
	if (s->kind)
		wildfire_free(s->kind);
	s->kind = NULL;
}

const struct cloud_ops cloud_wildfire = {
	.kind = "wildfire",
	.needs_url = true,
	.needs_key = true,
	.begin = wildfire_begin,
	.envelope = wildfire_envelope,
	.go = wildfire_go,
	.revoke = wildfire_revoke,
	.transfer_done = wildfire_transfer_done,
	.cancel = wildfire_cancel,
	.preview = wildfire_preview,
};
