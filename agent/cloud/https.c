// SPDX-License-Identifier: MIT
/*
 * Any collector that takes files by HTTP.
 *
 *	POST URL	multipart/form-data:
 *			sha256		of the sample, 64 hex digits
 *			sample		a file, with its name, or
 *			link		a link of a mail, as text
 *			envelope	application/json, the last one; not with session = no
 *
 * It says who it is by a token (Authorization: Bearer), a key (X-API-Key), or its
 * certificate.
 *
 * Such a cloud cannot be asked what it knows.  What the forwarder sent there before is
 * not sent again: of a later sighting nothing, or (sightings = all) the same without the
 * sample.
 *
 * The header Idempotency-Key has the sighting's id, the same whenever the request is
 * repeated: after a crash, or after an answer that was lost, the same bytes come with
 * the same key, and the collector can tell.  That of an envelope alone ends in
 * "-envelope": it has other bytes. The value is a quoted string, as
 * draft-ietf-httpapi-idempotency-key-header has it.
 *
 * 2xx: taken.  409: it has this request, or this sample, already.
 */
#include "cloud/exchange.h"

#include <stdio.h>

static void credentials(struct request *r, const struct cloud_config *c)
{
	if (*c->token)
		request_header(r, "Authorization", "Bearer ", c->token, true);
	else if (*c->key)
		request_header(r, "X-API-Key", "", c->key, true);
}

static void make_post(struct request *r, const struct cloud_submission *s,
		      const struct exchange_parts *p)
{
	bool link = s->sample_kind == SIGHTING_KIND_LINK;
	char id[SIGHTING_ID_TEXT], quoted[SIGHTING_ID_TEXT + 16], hash[SHA256_TEXT];

	request_begin(r, "POST", s->cloud->url, "");
	credentials(r, s->cloud);
	snprintf(quoted, sizeof(quoted), "\"%s%s\"", sighting_id_text(s->id, id),
		 p->sample >= 0 ? "" : "-envelope");
	request_header(r, "Idempotency-Key", "", quoted, false);
	request_multipart(r, s);
	request_value(r, "sha256", sha256_text(s->sha256, hash), false);
	if (p->sample >= 0)
		request_sample(r, link ? "link" : "sample", link ? NULL : p->upload_name,
			       p->sample, s->size);
	if (p->json)
		request_envelope(r, "envelope", p->json);
}

static bool on_posted(struct exchange *e, const struct cloud_submission *s, long status,
		      struct cloud_result *r)
{
	(void)s;
	if (exchange_good(status))
		cloud_result_set(r, CLOUD_SENT, "HTTP %ld, taken", status);
	else if (status == 409)
		cloud_result_set(r, CLOUD_KNOWN, "HTTP 409, the cloud has it");
	else
		exchange_status_result(e, NULL, 0, status, NULL, r);
	return true;
}

static bool on_envelope(struct exchange *e, const struct cloud_submission *s, long status,
			struct cloud_result *r)
{
	bool ends = on_posted(e, s, status, r);

	if (r->outcome == CLOUD_SENT)
		cloud_result_set(r, CLOUD_KNOWN, "HTTP %ld, envelope taken", status);
	return ends;
}

#define WHEN_FIRST "only when no sighting before brought the sample there"

static const struct exchange_step steps[] = {
	{
		.name = "post",
		.condition = WHEN_FIRST,
		.carries = CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_NAME | CLOUD_CARRIES_ENVELOPE,
		.samples = EXCHANGE_FILES,
		.make = make_post,
		.answer = on_posted,
	},
	{
		.name = "post",
		.condition = WHEN_FIRST,
		.carries = CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_ENVELOPE,
		.samples = EXCHANGE_LINKS,
		.make = make_post,
		.answer = on_posted,
	},
	{
		.name = "post/envelope",
		.condition = "only when a sighting before brought the sample there",
		.later = true,
		.carries = CLOUD_CARRIES_ENVELOPE,
		.samples = EXCHANGE_ALL,
		.make = make_post,
		.answer = on_envelope,
	},
};

const struct cloud_ops cloud_https = {
	.kind = "https",
	.needs = CLOUD_SETTING_URL,
	.envelopes = CLOUD_ENVELOPE_ALONE,
	.blind = true,
	.takes = CLOUD_SETTING_KEY | CLOUD_SETTING_TOKEN | EXCHANGE_TAKES,
	EXCHANGE_OPS(steps),
};
