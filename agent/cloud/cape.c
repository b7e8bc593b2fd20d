// SPDX-License-Identifier: MIT
/*
 * A CAPEv2 sandbox; URL ends with /apiv2.
 *
 *	GET  URL/tasks/search/sha256/<sha256>/	has it a task for this file?
 *	POST URL/tasks/create/file/		only when it has none: file, custom
 *	POST URL/tasks/create/url/		the same for a link: url, custom
 *
 * Authorization: Token <key>.  `custom` is the envelope, as JSON, which comes back in
 * the report. Tasks of a URL cannot be searched by a hash: after a crash or an answer
 * that was lost a link may be submitted again.
 *
 * It says what went wrong in its JSON, mostly with status 200: `error` is true, and
 * `error_value` has the words; what it says of each file is in `errors`, by the file's
 * name. Without an error `error` is false or an empty list.
 *
 * Sources: kevoreilly/CAPEv2, web/apiv2/urls.py, views.py (tasks_search,
 * tasks_create_file, tasks_create_url) and docs/book/src/usage/api.rst;
 * process_new_task_files() of lib/cuckoo/common/web_utils.py.
 */
#include "cloud/exchange.h"

#include <string.h>

/* The column in the sandbox's database, where that one keeps to the length (PostgreSQL). */
#define CUSTOM_MAX 255

/* What words of its mean. */
static const struct {
	const char *words;
	enum cloud_outcome outcome;
	bool stuck;
} errors[] = {
	{"Duplicated file", CLOUD_KNOWN, false},
	{"exceeds the maximum allowed size", CLOUD_REFUSED, false},
	{"uploaded an empty file", CLOUD_REFUSED, false},
	{"Disabled", CLOUD_DOWN, true},
};

static void begin(struct request *r, const char *method, const struct cloud_submission *s,
		  const char *path)
{
	request_begin(r, method, s->cloud->url, path);
	request_header(r, "Authorization", "Token ", s->cloud->key, true);
}

static void make_search(struct request *r, const struct cloud_submission *s,
			const struct exchange_parts *p)
{
	char path[SHA256_TEXT + 32], hash[SHA256_TEXT];

	(void)p;
	snprintf(path, sizeof(path), "/tasks/search/sha256/%s/", sha256_text(s->sha256, hash));
	begin(r, "GET", s, path);
}

static void make_create(struct request *r, const struct cloud_submission *s,
			const struct exchange_parts *p)
{
	bool link = s->sample_kind == SIGHTING_KIND_LINK;

	begin(r, "POST", s, link ? "/tasks/create/url/" : "/tasks/create/file/");
	request_multipart(r, s);
	request_sample(r, link ? "url" : "file", link ? NULL : p->upload_name, p->sample,
		       s->size);
	if (p->json)
		request_envelope(r, "custom", p->json);
}

/* The words of an error; of `errors` one, without the name of the file. */
static const char *words_of(json_t *answer)
{
	json_t *one = json_array_get(json_object_get(answer, "errors"), 0);
	void *first = json_object_iter(one);
	const char *text = json_string_value(first ? json_object_iter_value(first) : one);

	if (!text)
		text = json_string_value(json_object_get(answer, "error_value"));
	return text ? text : json_string_value(json_object_get(answer, "detail"));
}

static void error_result(json_t *answer, struct cloud_result *r)
{
	const char *words = words_of(answer);
	size_t i = 0, rows = sizeof(errors) / sizeof(errors[0]);

	while (i < rows && !(words && strstr(words, errors[i].words)))
		i++;
	cloud_result_set(r, i < rows ? errors[i].outcome : CLOUD_RETRY, "CAPE says \"%s\"",
			 words ? words : "error");
	r->stuck = i < rows && errors[i].stuck;
}

static void status_result(const struct exchange *e, long status, struct cloud_result *r)
{
	json_t *answer = exchange_json(e, r);
	const char *said = answer ? words_of(answer) : NULL;
	size_t custom = e->request.envelope ? e->request.after.len : 0;

	/* Its own page, without a word about it. */
	if (!said && status == 500 && custom > CUSTOM_MAX)
		said = "an envelope of more than 255 bytes needs a wider column: "
		       "sluice.conf(5), cape";
	exchange_status_result(e, NULL, 0, status, said, r);
	json_decref(answer);
}

/* What it says where it has no error, to be released; NULL with r. */
static json_t *data_of(const struct exchange *e, long status, struct cloud_result *r)
{
	json_t *answer, *data, *error;

	if (!exchange_good(status)) {
		status_result(e, status, r);
		return NULL;
	}
	answer = exchange_json(e, r);
	if (!answer)
		return NULL;
	error = json_object_get(answer, "error");
	data = json_incref(json_object_get(answer, "data"));
	if (json_is_true(error) || json_array_size(error) > 0 || json_is_string(error)) {
		error_result(answer, r);
		json_decref(data);
		data = NULL;
	} else if (!error || !data) {
		cloud_result_set(r, CLOUD_RETRY,
				 "answer not understood: expected error and data");
		r->answer_bad = true;
		json_decref(data);
		data = NULL;
	}
	json_decref(answer);
	return data;
}

static bool on_search(struct exchange *e, const struct cloud_submission *s, long status,
		      struct cloud_result *r)
{
	json_t *data = data_of(e, status, r);
	bool known = json_array_size(data) > 0;

	(void)s;
	if (!data)
		return true;
	json_decref(data);
	if (known)
		cloud_result_set(r, CLOUD_KNOWN, "CAPE has a task for it");
	return known;
}

static bool on_created(struct exchange *e, const struct cloud_submission *s, long status,
		       struct cloud_result *r)
{
	json_t *data = data_of(e, status, r);
	json_t *task = json_array_get(json_object_get(data, "task_ids"), 0);

	(void)s;
	if (!data)
		return true;
	if (json_is_integer(task)) {
		cloud_result_set(r, CLOUD_SENT, "task %lld",
				 (long long)json_integer_value(task));
	} else {
		cloud_result_set(r, CLOUD_RETRY, "answer not understood: expected task_ids");
		r->answer_bad = true;
	}
	json_decref(data);
	return true;
}

#define WHEN_UNKNOWN "only when CAPE answers that it has no task for the sample"

static const struct exchange_step steps[] = {
	{
		.name = "tasks/search",
		.samples = EXCHANGE_ALL,
		.make = make_search,
		.answer = on_search,
	},
	{
		.name = "tasks/create/file",
		.condition = WHEN_UNKNOWN,
		.carries = CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_NAME | CLOUD_CARRIES_ENVELOPE,
		.samples = EXCHANGE_FILES,
		.make = make_create,
		.answer = on_created,
	},
	{
		.name = "tasks/create/url",
		.condition = WHEN_UNKNOWN,
		.carries = CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_ENVELOPE,
		.samples = EXCHANGE_LINKS,
		.make = make_create,
		.answer = on_created,
	},
};

const struct cloud_ops cloud_cape = {
	.kind = "cape",
	.needs = CLOUD_SETTING_URL | CLOUD_SETTING_KEY,
	.takes = EXCHANGE_TAKES,
	EXCHANGE_OPS(steps),
};
