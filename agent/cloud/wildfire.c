// SPDX-License-Identifier: MIT
/*
 * The WildFire public API, and any private cloud that speaks it.
 *
 *	POST URL/get/verdict	apikey, hash		does the cloud know the sample?
 *	POST URL/get/verdicts	apikey, file		the same about up to 500 samples
 *	POST URL/submit/file	apikey, file, session	only when it does not
 *	POST URL/submit/link	apikey, link, session	the same for a link, by its text's hash
 *	POST URL/submit/links	apikey, file, session	the same for up to 100
 *
 * Every attempt begins with the question, also one after a crash or after an answer that was
 * lost, so a sample is uploaded once: but for one that came flawed, which the cloud asks for
 * again.  `session` is ours: the envelope, as JSON; an operator can switch it off for a cloud.
 * A list of links has one in each line below the line "panlnk", and its session an array of
 * their envelopes in the same order.
 */
#include "cloud/exchange.h"
#include "cloud/wildfire_xml.h"

#include <string.h>

#define VERDICT_ERROR (-101)
#define VERDICT_FLAWED (-104) /* send again */

/* So often a cloud may say so of one submission; then another attempt will not help. */
#define ERRORS_MAX 5
#define FLAWED_MAX 4 /* so at most three uploads fail after it */

/* What to do about all others. */
static const struct {
	int code;
	enum cloud_outcome outcome;
	const char *text;
} verdicts[] = {
	{0, CLOUD_KNOWN, "benign"},
	{1, CLOUD_KNOWN, "malware"},
	{2, CLOUD_KNOWN, "grayware"},
	{4, CLOUD_KNOWN, "phishing"},
	{5, CLOUD_KNOWN, "command and control"},
	{CLOUD_VERDICT_PENDING, CLOUD_KNOWN, "known, verdict pending"},
	{VERDICT_ERROR, CLOUD_RETRY, "the cloud reports an error of its own"},
	{-103, CLOUD_REFUSED, "the cloud takes the hash for invalid"},
};

/* Statuses that are the API's own, or that it says more exactly. */
static const struct exchange_status statuses[] = {
	{401, CLOUD_DOWN, true, "API key not accepted"},
	{403, CLOUD_DOWN, true, "API key not allowed to do this"},
	{418, CLOUD_REFUSED, false, "file type not supported by the cloud"},
	{419, CLOUD_DOWN, true, "daily quota used up"},
	{420, CLOUD_REFUSED, false, "argument missing"},
	{421, CLOUD_REFUSED, false, "argument invalid"},
	{456, CLOUD_REFUSED, false, "request invalid"},
	{513, CLOUD_RETRY, false, "upload failed in the cloud"},
};

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void make_question(struct request *r, const struct cloud_submission *s,
			  const struct exchange_parts *p)
{
	char hash[SHA256_TEXT];
	const char *const form[] = {"hash", sha256_text(s->sha256, hash), NULL};

	(void)p;
	request_begin(r, "POST", s->cloud->url, "/get/verdict");
	request_form(r, s->cloud->key, form);
}

/* A link is sent as what its sample holds. */
static void make_submit(struct request *r, const struct cloud_submission *s,
			const struct exchange_parts *p)
{
	bool link = s->sample_kind == SIGHTING_KIND_LINK;

	request_begin(r, "POST", s->cloud->url, link ? "/submit/link" : "/submit/file");
	request_multipart(r, s);
	request_value(r, "apikey", s->cloud->key, true);
	request_sample(r, link ? "link" : "file", link ? NULL : p->upload_name, p->sample,
		       s->size);
	if (p->json)
		request_envelope(r, "session", p->json);
}

/* A status that is no success, with what the cloud says about it. */
static void status_result(const struct exchange *e, const struct cloud_submission *s,
			  long status, struct cloud_result *r)
{
	const struct buf *answer = &e->http.answer;
	struct wildfire_answer a;
	char error[128];
	bool said = wildfire_parse(answer->data, answer->len, s->sha256, &a, error) &&
		    a.kind == WILDFIRE_ERROR;

	exchange_status_result(e, statuses, ROWS(statuses), status, said ? a.message : NULL, r);
	r->day_over = status == 419;
}

static void not_understood(const char *error, struct cloud_result *r)
{
	cloud_result_set(r, CLOUD_RETRY, "answer not understood: %s",
			 *error ? error : "it answers another question");
	r->answer_bad = true;
}

/* The answer, which is of that kind; false with r. */
static bool read_answer(const struct exchange *e, const struct cloud_submission *s, long status,
			unsigned int kind, struct wildfire_answer *a, struct cloud_result *r)
{
	const struct buf *answer = &e->http.answer;
	char error[128] = "";

	if (!exchange_good(status)) {
		status_result(e, s, status, r);
		return false;
	}
	if (wildfire_parse(answer->data, answer->len, s->sha256, a, error)) {
		if (a->kind == kind)
			return true;
		if (a->kind == WILDFIRE_ERROR) {
			cloud_result_set(r, CLOUD_RETRY, "the cloud says \"%s\"", a->message);
			return false;
		}
	}
	not_understood(error, r);
	return false;
}

/* Whether the cloud says this of a submission for the last time. */
static bool said_often(int32_t verdict, const struct cloud_history *before, uint32_t max)
{
	return before->verdict == verdict && before->failures + 1 >= max;
}

/* What a verdict means; false: the cloud wants the sample. */
static bool verdict_result(int32_t verdict, const struct cloud_history *before,
			   struct cloud_result *r)
{
	size_t i = 0;

	if (verdict == CLOUD_VERDICT_UNKNOWN ||
	    (verdict == VERDICT_FLAWED && !said_often(verdict, before, FLAWED_MAX)))
		return false;
	while (i < ROWS(verdicts) && verdicts[i].code != verdict)
		i++;
	/* A verdict of tomorrow still says that the cloud knows the sample. */
	if (verdict == VERDICT_FLAWED)
		cloud_result_set(r, CLOUD_REFUSED,
				 "the cloud still calls it flawed after %u attempts",
				 before->failures);
	else if (verdict == VERDICT_ERROR && said_often(verdict, before, ERRORS_MAX))
		cloud_result_set(r, CLOUD_REFUSED,
				 "the cloud cannot analyse it: an error of its own, %u times",
				 before->failures + 1);
	else if (i == ROWS(verdicts))
		cloud_result_set(r, verdict >= 0 ? CLOUD_KNOWN : CLOUD_RETRY,
				 "verdict %d, meaning not known", verdict);
	else
		cloud_result_set(r, verdicts[i].outcome, "%s", verdicts[i].text);
	r->verdict = verdict;
	return true;
}

static bool on_verdict(struct exchange *e, const struct cloud_submission *s, long status,
		       struct cloud_result *r)
{
	struct wildfire_answer a;

	if (!read_answer(e, s, status, WILDFIRE_VERDICT, &a, r) ||
	    verdict_result(a.verdict, &s->before, r))
		return true;
	if (a.verdict == VERDICT_FLAWED)
		e->verdict = a.verdict;
	return false;
}

static void make_questions(struct request *r, const struct cloud_submission *s,
			   const struct exchange_parts *p)
{
	const struct cloud_batch *batch = s->batch;
	struct buf list;

	(void)p;
	buf_init(&list, CLOUD_LOOKUP_MAX * SHA256_TEXT);
	for (size_t i = 0; i < batch->count; i++) {
		char hash[SHA256_TEXT];

		buf_printf(&list, "%s%s", i ? "\n" : "", sha256_text(batch->sha256[i], hash));
	}
	request_begin(r, "POST", s->cloud->url, "/get/verdicts");
	request_multipart(r, s);
	request_value(r, "apikey", s->cloud->key, true);
	request_text_file(r, "file", "hashes", buf_string(&list));
	r->before.failed |= list.failed;
	buf_free(&list);
}

/*
 * Statuses of an API, or a key, without this call.  They may mean something else as well: then
 * the requests one by one say so.
 */
static bool no_such_call(long status)
{
	static const int absent[] = {403, 404, 405, 501};

	for (size_t i = 0; i < ROWS(absent); i++)
		if (status == absent[i])
			return true;
	return false;
}

/* The answer about many, which is of that kind, is in the batch; false with r. */
static bool read_many(const struct exchange *e, const struct cloud_submission *s, long status,
		      enum wildfire_answer_kind kind, struct cloud_result *r)
{
	const struct buf *answer = &e->http.answer;
	struct cloud_batch *batch = s->batch;
	struct wildfire_answer a = {0};
	char error[128] = "";

	if (!exchange_good(status)) {
		status_result(e, s, status, r);
		batch->absent = no_such_call(status);
		return false;
	}
	if (wildfire_parse_verdicts(answer->data, answer->len, batch->sha256, batch->count,
				    CLOUD_VERDICT_NONE, batch->verdict, &a, error)) {
		if (a.kind == kind)
			return true;
		if (a.kind == WILDFIRE_ERROR) {
			cloud_result_set(r, CLOUD_RETRY, "the cloud says \"%s\"", a.message);
			return false;
		}
	}
	not_understood(error, r);
	return false;
}

static bool on_verdicts(struct exchange *e, const struct cloud_submission *s, long status,
			struct cloud_result *r)
{
	struct cloud_batch *batch = s->batch;

	if (read_many(e, s, status, WILDFIRE_VERDICT, r)) {
		cloud_result_set(r, CLOUD_KNOWN, "answered");
		return true;
	}
	/* It has nothing in it that could be refused, as a list of links has. */
	batch->absent = batch->absent || r->outcome == CLOUD_REFUSED;
	if (batch->absent)
		r->outcome = CLOUD_RETRY;
	return true;
}

static void make_links(struct request *r, const struct cloud_submission *s,
		       const struct exchange_parts *p)
{
	struct cloud_batch *batch = s->batch;

	(void)p;
	request_begin(r, "POST", s->cloud->url, "/submit/links");
	request_multipart(r, s);
	request_value(r, "apikey", s->cloud->key, true);
	request_text_file(r, "file", "links", buf_string(&batch->lines));
	if (s->cloud->session)
		request_envelope(r, "session", buf_string(&batch->envelopes));
	r->before.failed |= batch->lines.failed || batch->envelopes.failed;
}

static bool on_links(struct exchange *e, const struct cloud_submission *s, long status,
		     struct cloud_result *r)
{
	struct cloud_batch *batch = s->batch;

	if (read_many(e, s, status, WILDFIRE_UPLOAD, r)) {
		cloud_result_set(r, CLOUD_SENT, "uploaded");
		/* Of those that were taken. */
		for (size_t i = 0; i < batch->count; i++)
			if (batch->verdict[i] != CLOUD_VERDICT_NONE)
				batch->verdict[i] = CLOUD_VERDICT_PENDING;
	} else if (batch->absent) {
		r->outcome = CLOUD_RETRY;
	}
	return true;
}

static bool on_submitted(struct exchange *e, const struct cloud_submission *s, long status,
			 struct cloud_result *r)
{
	struct wildfire_answer a;

	if (read_answer(e, s, status, WILDFIRE_UPLOAD, &a, r))
		cloud_result_set(r, CLOUD_SENT, "uploaded");
	if (r->outcome == CLOUD_SENT)
		r->verdict = CLOUD_VERDICT_PENDING;
	return true;
}

#define WHEN_UNKNOWN                                             \
	"only when the cloud answers that it does not know the " \
	"sample, or that it came flawed"

static const struct exchange_step steps[] = {
	{
		.name = "get/verdict",
		.condition = "alone, or with up to 499 others that are due, as get/verdicts",
		.samples = EXCHANGE_ALL,
		.make = make_question,
		.answer = on_verdict,
	},
	{
		.name = "submit/file",
		.condition = WHEN_UNKNOWN,
		.carries = CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_NAME | CLOUD_CARRIES_ENVELOPE,
		.samples = EXCHANGE_FILES,
		.make = make_submit,
		.answer = on_submitted,
	},
	{
		.name = "submit/link",
		.condition = WHEN_UNKNOWN ", alone or with up to 99 others as submit/links",
		.carries = CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_ENVELOPE,
		.samples = EXCHANGE_LINKS,
		.make = make_submit,
		.answer = on_submitted,
	},
};

static const struct exchange_step many = {
	.name = "get/verdicts",
	.samples = EXCHANGE_ALL,
	.make = make_questions,
	.answer = on_verdicts,
};

static const struct exchange_step links = {
	.name = "submit/links",
	.carries = CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_ENVELOPE,
	.samples = EXCHANGE_LINKS,
	.make = make_links,
	.answer = on_links,
};

static const struct cloud_lookup lookup = {.step = &many, .verdict = verdict_result};

const struct cloud_ops cloud_wildfire = {
	.kind = "wildfire",
	.needs = CLOUD_SETTING_URL | CLOUD_SETTING_KEY,
	.takes = EXCHANGE_TAKES,
	.regional = true,
	EXCHANGE_OPS(steps),
	.lookup = &lookup,
	.links = &links,
	.verdicts = true,
};
