// SPDX-License-Identifier: MIT
/*
 * A bucket of object storage that speaks the S3 protocol.
 *
 *	HEAD URL/<sha256>			does it have the sample?
 *	PUT  URL/<sha256>.<sighting id>.json	the envelope, one per sighting
 *	PUT  URL/<sha256>			the sample, only where it was not there
 *
 * With session = no there is no envelope.  The same as a folder (directory.c), and in
 * its order: who waits for samples finds the envelope there.  An object appears whole or
 * not at all, and doing it again changes nothing.
 *
 * Each is signed by Signature Version 4 with the hash of its body, which libcurl does
 * when it is sent.  Without the permission to list the bucket S3 answers 403 where there
 * is no object, and then nothing is sent.
 *
 * Sources: Amazon S3 API Reference, HeadObject, PutObject and "Error responses"; "AWS
 * Signature Version 4 for API requests".
 */
#include "cloud/exchange.h"

#include <stdio.h>

/* Statuses that mean something of their own. */
static const struct exchange_status statuses[] = {
	{400, CLOUD_DOWN, true, "request not accepted: check url, s3_region and the key"},
	{403, CLOUD_DOWN, true, "not allowed with these keys, or the clock is wrong"},
	{404, CLOUD_DOWN, true, "no such bucket: check the url"},
	{409, CLOUD_RETRY, false, "another request is changing it"},
};

static void status_result(const struct exchange *e, long status, struct cloud_result *r)
{
	exchange_status_result(e, statuses, sizeof(statuses) / sizeof(statuses[0]), status,
			       NULL, r);
}

static void begin_sample(struct request *r, const char *method,
			 const struct cloud_submission *s)
{
	char path[SHA256_TEXT + 1] = "/";

	sha256_text(s->sha256, path + 1);
	request_begin(r, method, s->cloud->url, path);
	request_sign(r);
}

static void make_head(struct request *r, const struct cloud_submission *s,
		      const struct exchange_parts *p)
{
	(void)p;
	begin_sample(r, "HEAD", s);
}

static void make_envelope(struct request *r, const struct cloud_submission *s,
			  const struct exchange_parts *p)
{
	char hash[SHA256_TEXT], id[SIGHTING_ID_TEXT];
	char path[SHA256_TEXT + SIGHTING_ID_TEXT + 8];

	snprintf(path, sizeof(path), "/%s.%s.json", sha256_text(s->sha256, hash),
		 sighting_id_text(s->id, id));
	request_begin(r, "PUT", s->cloud->url, path);
	request_sign(r);
	request_body(r, "application/json", p->json, -1, 0);
	r->envelope = true;
}

static void make_sample(struct request *r, const struct cloud_submission *s,
			const struct exchange_parts *p)
{
	begin_sample(r, "PUT", s);
	request_body(r, "application/octet-stream", NULL, p->sample, s->size);
}

static bool known(struct cloud_result *r)
{
	cloud_result_set(r, CLOUD_KNOWN, "the bucket has it");
	return true;
}

static bool on_head(struct exchange *e, const struct cloud_submission *s, long status,
		    struct cloud_result *r)
{
	e->known = exchange_good(status);
	if (e->known)
		return !cloud_all_envelopes(s->cloud) && known(r);
	if (status == 404)
		return false;
	status_result(e, status, r);
	return true;
}

static bool on_envelope(struct exchange *e, const struct cloud_submission *s, long status,
			struct cloud_result *r)
{
	(void)s;
	if (exchange_good(status))
		return e->known && known(r);
	status_result(e, status, r);
	return true;
}

static bool on_sample(struct exchange *e, const struct cloud_submission *s, long status,
		      struct cloud_result *r)
{
	(void)s;
	if (exchange_good(status))
		cloud_result_set(r, CLOUD_SENT, "stored");
	else
		status_result(e, status, r);
	return true;
}

#define WHEN_ABSENT "only when the bucket does not have the sample"

static const struct exchange_step steps[] = {
	{
		.name = "head",
		.samples = EXCHANGE_ALL,
		.make = make_head,
		.answer = on_head,
	},
	{
		.name = "put/envelope",
		.condition_first = WHEN_ABSENT,
		.carries = CLOUD_CARRIES_ENVELOPE,
		.samples = EXCHANGE_ALL,
		.make = make_envelope,
		.answer = on_envelope,
	},
	{
		.name = "put/sample",
		.condition = WHEN_ABSENT,
		.carries = CLOUD_CARRIES_SAMPLE,
		.samples = EXCHANGE_ALL,
		.make = make_sample,
		.answer = on_sample,
	},
};

const struct cloud_ops cloud_s3 = {
	.kind = "s3",
	.needs = CLOUD_SETTING_URL | CLOUD_SETTING_KEY,
	.takes = CLOUD_SETTING_S3_REGION | EXCHANGE_TAKES,
	.key_words = "the access key and the secret key",
	.plain_path = true,
	.envelopes = CLOUD_ENVELOPE_EACH,
	EXCHANGE_OPS(steps),
};
