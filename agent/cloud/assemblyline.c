// SPDX-License-Identifier: MIT
/*
 * An Assemblyline 4; URL ends with /api/v4.
 *
 *	GET  URL/file/info/<sha256>/	has it the file?
 *	POST URL/submit/		only when it has not: multipart with bin, and json;
 *					for a link JSON with url
 *
 * X-USER and X-APIKEY say who we are.  The envelope is the submission's `metadata`,
 * which it makes flat: source.ip and the like.  `json` comes last, against the order of
 * its documentation, as every envelope does; the server reads the whole form before it
 * looks.
 *
 * Each answer is JSON with api_response and api_error_message.  404 has an object as the
 * first where there is no such file, and a text where there is no such API.  403 has an
 * object where the file is there, at a classification that this user may not see.  What
 * a link leads to has another hash than its text: after a crash or an answer that was
 * lost it may be submitted again.
 *
 * Sources: cybercentrecanada.github.io/assemblyline4_docs, integration/rest and "Send
 * files using cURL"; CybercentreCanada/assemblyline-ui, api/base.py, error.py,
 * api/v4/file.py (info) and api/v4/submit.py.
 */
#include "cloud/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct exchange_status statuses[] = {
	{401, CLOUD_DOWN, true, "user and API key not accepted"},
	{503, CLOUD_DOWN, false, "a quota is used up, or the service is not available"},
};

static void begin(struct request *r, const char *method, const struct cloud_submission *s,
		  const char *path)
{
	request_begin(r, method, s->cloud->url, path);
	request_header(r, "X-USER", "", s->cloud->user, false);
	request_header(r, "X-APIKEY", "", s->cloud->key, true);
}

static void make_info(struct request *r, const struct cloud_submission *s,
		      const struct exchange_parts *p)
{
	char path[SHA256_TEXT + 16], hash[SHA256_TEXT];

	(void)p;
	snprintf(path, sizeof(path), "/file/info/%s/", sha256_text(s->sha256, hash));
	begin(r, "GET", s, path);
}

/* {"metadata": envelope}, with the link, or NULL, before it; to be freed, NULL: it cannot be.
 */
static char *parameters(const char *url, const char *envelope)
{
	char *text = NULL;
	int n;

	if (url && envelope)
		n = asprintf(&text, "{\"url\": %s, \"metadata\": %s}", url, envelope);
	else if (url)
		n = asprintf(&text, "{\"url\": %s}", url);
	else
		n = asprintf(&text, "{\"metadata\": %s}", envelope);
	return n < 0 ? NULL : text;
}

static void make_submit(struct request *r, const struct cloud_submission *s,
			const struct exchange_parts *p)
{
	char *json = p->json ? parameters(NULL, p->json) : NULL;

	begin(r, "POST", s, "/submit/");
	request_multipart(r, s);
	request_sample(r, "bin", p->upload_name, p->sample, s->size);
	if (json)
		request_envelope(r, "json", json);
	else if (p->json)
		r->after.failed = true;
	free(json);
}

/* A link in quotes, as JSON has it; NULL: it cannot be read, or is no text. */
static char *quoted_link(const struct cloud_submission *s, int fd)
{
	char *text = malloc(s->size + 1), *quoted = NULL;
	json_t *link = NULL;

	if (text && pread(fd, text, s->size, 0) == (ssize_t)s->size)
		link = json_stringn(text, s->size);
	if (link)
		quoted = json_dumps(link, JSON_ENCODE_ANY);
	json_decref(link);
	free(text);
	return quoted;
}

static void make_submit_link(struct request *r, const struct cloud_submission *s,
			     const struct exchange_parts *p)
{
	char *url = quoted_link(s, p->sample);
	char *json = url ? parameters(url, p->json) : NULL;

	begin(r, "POST", s, "/submit/");
	if (json)
		request_body(r, "application/json", json, -1, 0);
	else
		r->before.failed = true;
	r->envelope = p->json;
	free(json);
	free(url);
}

static void status_result(const struct exchange *e, long status, json_t *answer,
			  struct cloud_result *r)
{
	const char *said = json_string_value(json_object_get(answer, "api_error_message"));

	exchange_status_result(e, statuses, sizeof(statuses) / sizeof(statuses[0]), status,
			       said && *said ? said : NULL, r);
}

/* api_response of an answer, an object with that text; false with r. */
static bool has_text(json_t *response, const char *key, const char *wanted,
		     struct cloud_result *r)
{
	const char *text = json_string_value(json_object_get(response, key));

	if (text && (!wanted || !strcmp(text, wanted)))
		return true;
	cloud_result_set(r, CLOUD_RETRY, "answer not understood: expected %s of the %s", key,
			 wanted ? "file" : "submission");
	r->answer_bad = true;
	return false;
}

static bool on_info(struct exchange *e, const struct cloud_submission *s, long status,
		    struct cloud_result *r)
{
	json_t *answer = exchange_json(e, r);
	json_t *response = json_object_get(answer, "api_response");
	bool over = true;
	char hash[SHA256_TEXT];

	if (json_is_object(response) && status == 404)
		over = false;
	else if (json_is_object(response) && status == 403)
		cloud_result_set(r, CLOUD_KNOWN,
				 "it has the file, which this user may not see");
	else if (!exchange_good(status))
		status_result(e, status, answer, r);
	else if (answer && has_text(response, "sha256", sha256_text(s->sha256, hash), r))
		cloud_result_set(r, CLOUD_KNOWN, "it has the file");
	json_decref(answer);
	return over;
}

static bool on_submitted(struct exchange *e, const struct cloud_submission *s, long status,
			 struct cloud_result *r)
{
	json_t *answer = exchange_json(e, r);
	json_t *response = json_object_get(answer, "api_response");

	(void)s;
	if (!exchange_good(status))
		status_result(e, status, answer, r);
	else if (answer && has_text(response, "sid", NULL, r))
		cloud_result_set(r, CLOUD_SENT, "submission %s",
				 json_string_value(json_object_get(response, "sid")));
	json_decref(answer);
	return true;
}

#define WHEN_UNKNOWN "only when Assemblyline answers that it does not have the file"

static const struct exchange_step steps[] = {
	{
		.name = "file/info",
		.samples = EXCHANGE_ALL,
		.make = make_info,
		.answer = on_info,
	},
	{
		.name = "submit",
		.condition = WHEN_UNKNOWN,
		.carries = CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_NAME | CLOUD_CARRIES_ENVELOPE,
		.samples = EXCHANGE_FILES,
		.make = make_submit,
		.answer = on_submitted,
	},
	{
		.name = "submit",
		.condition = WHEN_UNKNOWN,
		.carries = CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_ENVELOPE,
		.samples = EXCHANGE_LINKS,
		.make = make_submit_link,
		.answer = on_submitted,
	},
};

const struct cloud_ops cloud_assemblyline = {
	.kind = "assemblyline",
	.needs = CLOUD_SETTING_URL | CLOUD_SETTING_KEY | CLOUD_SETTING_USER,
	.takes = EXCHANGE_TAKES,
	EXCHANGE_OPS(steps),
};
