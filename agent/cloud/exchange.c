// SPDX-License-Identifier: MIT
#include "cloud/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes of a URL; links are far shorter. */
#define LINK_MAX 8192

#define TAKES_NO_LINKS "this kind of cloud takes no links"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/*
 * What all clouds mean by a status.
 * 404 and 405 come from a wrong address: a kind that can miss in a right one says so itself.
 */
static const struct exchange_status statuses[] = {
	{401, CLOUD_DOWN, true, "credentials not accepted"},
	{403, CLOUD_DOWN, true, "not allowed with these credentials"},
	{404, CLOUD_DOWN, true, "no such API there: check the url"},
	{405, CLOUD_DOWN, true, "no such API there: check the url"},
	{407, CLOUD_DOWN, true, "a proxy wants a password"},
	{408, CLOUD_RETRY, false, "request took too long"},
	{413, CLOUD_REFUSED, false, "sample too large for the cloud"},
	{415, CLOUD_REFUSED, false, "media type not supported by the cloud"},
	{422, CLOUD_REFUSED, false, "sample cannot be processed"},
	{425, CLOUD_RETRY, false, "too early"},
	{429, CLOUD_DOWN, false, "too many requests"},
	{500, CLOUD_RETRY, false, "error in the cloud"},
	{502, CLOUD_RETRY, false, "bad gateway"},
	{503, CLOUD_RETRY, false, "service not available"},
	{504, CLOUD_RETRY, false, "gateway timeout"},
};

/* What is in neither table. */
static const struct exchange_status redirected = {0, CLOUD_DOWN, true, "redirected, check url"};
static const struct exchange_status refused = {0, CLOUD_REFUSED, false, "request refused"};
static const struct exchange_status unexpected = {0, CLOUD_RETRY, false, "not expected"};

static const struct exchange_status *find(const struct exchange_status *table, size_t rows,
					  long status)
{
	for (size_t i = 0; i < rows; i++)
		if (table[i].status == status)
			return &table[i];
	return NULL;
}

static const struct exchange_status *meaning(const struct exchange_status *own, size_t rows,
					     long status)
{
	const struct exchange_status *m = find(own, rows, status);

	if (!m)
		m = find(statuses, ROWS(statuses), status);
	if (m)
		return m;
	if (status >= 300 && status < 400)
		return &redirected;
	return status >= 400 && status < 500 ? &refused : &unexpected;
}

void exchange_status_result(const struct exchange *e, const struct exchange_status *own,
			    size_t rows, long status, const char *said, struct cloud_result *r)
{
	const struct exchange_status *m = meaning(own, rows, status);
	uint32_t wait = http_retry_after(&e->http);

	if (said)
		cloud_result_set(r, m->outcome, "HTTP %ld, %s (\"%s\")", status, m->text, said);
	else
		cloud_result_set(r, m->outcome, "HTTP %ld, %s", status, m->text);
	r->retry_after = wait;
	r->asked = wait || status == 419 || status == 429;
	r->stuck = m->stuck;
}

json_t *exchange_json(const struct exchange *e, struct cloud_result *r)
{
	const struct buf *answer = &e->http.answer;
	json_error_t error = {0};
	json_t *json = json_loadb(answer->len ? (const char *)answer->data : "", answer->len,
				  JSON_ALLOW_NUL, &error);

	if (json_is_object(json))
		return json;
	cloud_result_set(r, CLOUD_RETRY, "answer not understood: %s",
			 json ? "expected an object" : error.text);
	r->answer_bad = true;
	json_decref(json);
	return NULL;
}

/* ---------------------------------------------------------------------- end */

static void exchange_free(struct exchange *e)
{
	http_free(&e->http);
	request_free(&e->request);
	if (e->sample >= 0)
		close(e->sample);
	free(e);
}

/* A cloud may repeat in its words what it was sent: any word of a secret. */
static void hide(char *text, const char *secret)
{
	while (secret && *secret) {
		size_t n = strcspn(secret, " ");

		for (char *at = text; n && (at = memmem(at, strlen(at), secret, n)); at += n)
			memset(at, '*', n);
		secret += n + (secret[n] != 0);
	}
}

/* The step that is reached. */
static const struct exchange_step *step_of(const struct cloud_submission *s)
{
	const struct exchange *e = s->kind;

	return s->batch ? s->batch->step : &s->cloud->ops->step[e->step];
}

/* Ends the attempt; details get the name of the step in front. */
static void finish(struct cloud_submission *s, const struct cloud_result *r)
{
	struct exchange *e = s->kind;
	struct cloud_result named = *r;
	int n = snprintf(named.detail, sizeof(named.detail), "%s: ", step_of(s)->name);

	snprintf(named.detail + n, sizeof(named.detail) - (size_t)n, "%s", r->detail);
	hide(named.detail, s->cloud->key);
	hide(named.detail, s->cloud->token);
	if (!cloud_outcome_final(r->outcome) && r->verdict == CLOUD_VERDICT_NONE)
		named.verdict = e->verdict;
	s->kind = NULL;
	exchange_free(e);
	s->done(s, &named);
}

static void finish_text(struct cloud_submission *s, enum cloud_outcome outcome,
			const char *text)
{
	struct cloud_result r;

	cloud_result_set(&r, outcome, "%s", text);
	finish(s, &r);
}

/* -------------------------------------------------------------------- steps */

static uint64_t carries(const struct cloud_submission *s, const struct exchange_step *step)
{
	return step->carries & ~(s->cloud->session ? 0ull : CLOUD_CARRIES_ENVELOPE);
}

/* Whether it is left out, of whatever kind the sample is. */
static bool left_out(const struct cloud_submission *s, const struct exchange_step *step)
{
	return step->carries && !carries(s, step);
}

static bool is_for(const struct cloud_submission *s, const struct exchange_step *step)
{
	return !left_out(s, step) && step->later == s->later &&
	       step->samples & (1u << s->sample_kind);
}

/* The request of a step, whole, of a sample that was opened; false with r. */
static bool make(struct request *request, const struct cloud_submission *s,
		 const struct exchange_step *step, const struct exchange_parts *p,
		 struct cloud_result *r)
{
	struct exchange_parts parts = *p;
	const char *problem;

	if (!(carries(s, step) & CLOUD_CARRIES_ENVELOPE))
		parts.json = NULL;
	step->make(request, s, &parts);
	if (request_end(request, &problem))
		return true;
	cloud_result_set(r, CLOUD_RETRY, "request cannot be made: %s", problem);
	return false;
}

/* The sample, where the step carries it (else *fd is -1); false with r. */
static bool open_sample(const struct cloud_submission *s, const struct exchange_step *step,
			int *fd, struct cloud_result *r)
{
	*fd = -1;
	if (!(step->carries & CLOUD_CARRIES_SAMPLE) || s->batch)
		return true;
	if (s->sample_kind == SIGHTING_KIND_LINK && s->size > LINK_MAX)
		cloud_result_set(r, CLOUD_REFUSED, "longer than a link may be");
	else
		*fd = cloud_open_sample(s, r);
	return *fd >= 0;
}

/* Makes the request of the step that is reached, and asks whether it may leave. */
static void offer(struct cloud_submission *s, const char *json, const char *upload_name)
{
	struct exchange *e = s->kind;
	const struct exchange_step *step = step_of(s);
	struct exchange_parts parts = {.json = json, .upload_name = upload_name};
	struct cloud_leave leave = {.name = step->name, .carries = carries(s, step)};
	struct cloud_result r;

	if (e->sample >= 0)
		close(e->sample);
	if (!open_sample(s, step, &e->sample, &r)) {
		finish(s, &r);
		return;
	}
	parts.sample = e->sample;
	if (!make(&e->request, s, step, &parts, &r)) {
		finish(s, &r);
		return;
	}
	leave.sha256 = e->request.sha256;
	leave.url = buf_string(&e->request.url);
	leave.bytes = e->request.bytes;
	s->want_leave(s, &leave);
}

/* Goes to a step, or to what stands for it from there on. */
static void reach(struct cloud_submission *s, size_t step)
{
	struct exchange *e = s->kind;

	while (left_out(s, &s->cloud->ops->step[step]))
		step++;
	e->step = step;
	if (step_of(s)->carries && !s->batch)
		s->want_envelope(s);
	else
		offer(s, NULL, NULL);
}

/* Whether an attempt may begin with it: behind the questions where they were answered. */
static bool begins(const struct cloud_submission *s, const struct exchange_step *step)
{
	return step->later == s->later && (s->verdict == CLOUD_VERDICT_NONE || step->carries);
}

void exchange_begin(struct cloud_loop *loop, struct cloud_submission *s)
{
	const struct cloud_ops *ops = s->cloud->ops;
	struct exchange *e = calloc(1, sizeof(*e));
	struct cloud_result r;
	size_t first = 0;

	if (!e) {
		cloud_result_set(&r, CLOUD_RETRY, "out of memory");
		s->done(s, &r);
		return;
	}
	e->sample = -1;
	e->verdict = s->verdict;
	http_init(&e->http, loop);
	request_init(&e->request);
	s->kind = e;
	while (first + 1 < ops->steps && !begins(s, &ops->step[first]))
		first++;
	reach(s, first);
}

void exchange_envelope(struct cloud_submission *s, const char *json, const char *upload_name)
{
	const struct cloud_ops *ops = s->cloud->ops;
	struct exchange *e = s->kind;
	size_t step = e->step;

	if (!json) {
		finish_text(s, CLOUD_RETRY, "no envelope");
		return;
	}
	/* Only now is it known whether it is a file or a link. */
	while (step < ops->steps && !is_for(s, &ops->step[step]))
		step++;
	if (step == ops->steps) {
		finish_text(s, CLOUD_REFUSED, TAKES_NO_LINKS);
		return;
	}
	e->step = step;
	offer(s, json, upload_name);
}

void exchange_go(struct cloud_submission *s, bool granted)
{
	struct exchange *e = s->kind;

	if (!granted)
		finish_text(s, CLOUD_RETRY, "not allowed to leave");
	else if (!http_start(&e->http, s, &e->request, step_of(s)->carries))
		finish_text(s, CLOUD_RETRY, "request cannot be sent: out of memory");
}

/* finish() ends the transfer: the envelope, the body's last part, has not left whole. */
void exchange_revoke(struct cloud_submission *s)
{
	finish_text(s, CLOUD_RETRY, "revoked");
}

void exchange_transfer_done(struct cloud_submission *s, CURL *easy, CURLcode code)
{
	struct exchange *e = s->kind;
	struct cloud_result r;
	long status = http_end(&e->http, code, &r);

	(void)easy;
	if (status == 0 || step_of(s)->answer(e, s, status, &r))
		finish(s, &r);
	else if (s->verdict_only)
		finish_text(s, CLOUD_KNOWN, "the cloud does not know the sample");
	else
		reach(s, e->step + 1);
}

void exchange_cancel(struct cloud_submission *s)
{
	if (s->kind)
		exchange_free(s->kind);
	s->kind = NULL;
}

/* ------------------------------------------------------------------ preview */

static bool is_for_later(const struct cloud_submission *s, const struct exchange_step *step)
{
	return step->later && cloud_all_envelopes(s->cloud) &&
	       step->samples & (1u << s->sample_kind);
}

static const char *condition(const struct cloud_submission *s, const struct exchange_step *step)
{
	return step->condition_first && !cloud_all_envelopes(s->cloud) ? step->condition_first
								       : step->condition;
}

static bool preview_step(const struct cloud_submission *s, const struct exchange_step *step,
			 struct exchange_parts *p, struct request *request,
			 struct cloud_result *r)
{
	return open_sample(s, step, &p->sample, r) && make(request, s, step, p, r);
}

bool exchange_preview(const struct cloud_submission *s, const char *json,
		      const char *upload_name,
		      void (*show)(void *arg, const struct cloud_preview *p), void *arg,
		      struct cloud_result *r)
{
	const struct cloud_ops *ops = s->cloud->ops;
	struct exchange_parts parts = {.json = json, .upload_name = upload_name};
	bool made = true, carried = false;
	struct request request;

	request_init(&request);
	for (size_t i = 0; made && i < ops->steps; i++) {
		const struct exchange_step *step = &ops->step[i];
		struct cloud_preview p = {.name = step->name,
					  .condition = condition(s, step),
					  .request = &request,
					  .carries = carries(s, step)};

		if (!is_for(s, step) && !is_for_later(s, step))
			continue;
		made = preview_step(s, step, &parts, &request, r);
		p.method = request.method;
		if (made)
			show(arg, &p);
		if (parts.sample >= 0)
			close(parts.sample);
		carried = carried || p.carries;
	}
	request_free(&request);
	if (made && !carried)
		cloud_result_set(r, CLOUD_REFUSED, TAKES_NO_LINKS);
	return made && carried;
}
