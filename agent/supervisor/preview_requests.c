// SPDX-License-Identifier: MIT
/*
 * Requests of a preview (preview.h), by the functions that make those that are sent.
 */
#include "cloud/request.h"
#include "policy/ecs.h"
#include "policy/policy.h"
#include "supervisor/preview.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* A submission as the preview says; false: it is none. */
static bool submission(json_t *preview, const struct cloud_config *c,
		       struct cloud_config *cloud, struct cloud_submission *s)
{
	const char *target = text_of(preview, "target"), *what = text_of(preview, "what");

	*cloud = (struct cloud_config){
		.ops = cloud_find(text_of(preview, "kind")),
		.url = (char *)target,
		.path = (char *)target,
		.key = c ? c->key : (char *)"",
		.token = c ? c->token : (char *)"",
		.user = (char *)text_of(preview, "cloud_user"),
		.session = json_is_true(json_object_get(preview, "session")),
		.sightings = strcmp(text_of(preview, "sightings"), "all")
				     ? CLOUD_SIGHTINGS_FIRST
				     : CLOUD_SIGHTINGS_ALL,
	};
	snprintf(cloud->name, sizeof(cloud->name), "%s", text_of(preview, "cloud"));
	*s = (struct cloud_submission){
		.cloud = cloud,
		.size = (uint64_t)json_integer_value(json_object_get(preview, "size")),
		.sample_path = text_of(preview, "sample_path"),
	};
	for (int k = 0; k < SIGHTING_KIND_COUNT; k++)
		if (!strcmp(what, sighting_kind_text(k)))
			s->sample_kind = k;
	return cloud->ops && sha256_parse(text_of(preview, "sample"), s->sha256) &&
	       sighting_id_parse(text_of(preview, "sighting"), s->id);
}

/* ---------------------------------------------------------------- requests */

struct requests {
	json_t *preview, *list;
	bool keyless, failed;
	uint64_t carried;
};

/* The lines of its head behind the request line; of what is written, the files. */
static json_t *head_lines(const struct request *r)
{
	char *copy = request_head_text(r), *state = NULL;
	json_t *object = copy ? json_object() : NULL;
	bool first = !r->local;

	for (char *line = copy ? strtok_r(copy, "\r\n", &state) : NULL; line;
	     line = strtok_r(NULL, "\r\n", &state)) {
		char *colon = r->local ? strrchr(line, ':') : strchr(line, ':');

		if (!first && colon) {
			const char *value = colon + 1 + strspn(colon + 1, " ");

			*colon = '\0';
			json_object_set_new(object, line,
					    r->local ? json_integer(strtoll(value, NULL, 10))
						     : json_string(value));
		}
		first = false;
	}
	free(copy);
	return object;
}

static json_t *carries_list(uint64_t carries)
{
	static const char *const names[] = {"sample", "name", "envelope"};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (carries & 1u << i)
			json_array_append_new(list, json_string(names[i]));
	return list;
}

/* Without the key there is no body to measure. */
static json_t *body(const struct requests *q, const struct request *r)
{
	char hash[SHA256_TEXT];

	if (q->keyless && !r->local)
		return json_pack("{s:n, s:n}", "sha256", "bytes");
	return json_pack("{s:s, s:I}", "sha256", sha256_text(r->sha256, hash), "bytes",
			 (json_int_t)r->bytes);
}

static json_t *printed(const struct request *r)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	bool ok = f && request_print(r, f, false);
	json_t *v;

	ok = (!f || !fclose(f)) && ok;
	v = ok ? ecs_text(text, n) : NULL;
	free(text);
	return v;
}

static void show(void *arg, const struct cloud_preview *p)
{
	struct requests *q = arg;
	const struct request *r = p->request;
	json_t *o = json_pack("{s:s, s:s, s:s%, s:s?, s:o, s:o, s:o, s:o}", "request", p->name,
			      "method", p->method, "url", (const char *)r->url.data, r->url.len,
			      "when", p->condition, "carries", carries_list(p->carries),
			      r->local ? "files" : "headers", head_lines(r), "body", body(q, r),
			      "text", printed(r));

	q->carried |= p->carries;
	if (json_array_append_new(q->list, o) < 0)
		q->failed = true;
}

/* What leaves beside the envelope, where none does. */
static void beside(const struct requests *q, enum sluice_field field, json_t *sent)
{
	json_t *fields = json_object_get(q->preview, "fields");
	json_t *o = json_object_get(fields, policy_field_name(field));
	json_t *seen = json_object_get(o, "seen");

	if (!json_is_null(json_object_get(o, "sent")) || json_is_null(seen))
		return;
	json_object_set(o, "sent", sent);
	json_object_set_new(o, "mark",
			    json_string(json_equal(seen, sent) ? "shared" : "changed"));
}

static void add_beside(const struct requests *q)
{
	json_t *name = json_object_get(q->preview, "upload_name");
	const char *hash = text_of(q->preview, "sample");
	json_t *url = json_object_get(json_object_get(q->preview, "fields"),
				      policy_field_name(SLUICE_FIELD_URL));

	if (q->carried & CLOUD_CARRIES_NAME && strcmp(json_string_value(name), hash) != 0)
		beside(q, SLUICE_FIELD_FILENAME, name);
	if (q->carried & CLOUD_CARRIES_SAMPLE &&
	    !strcmp(text_of(q->preview, "what"), sighting_kind_text(SIGHTING_KIND_LINK)))
		beside(q, SLUICE_FIELD_URL, json_object_get(url, "seen"));
}

/* Without its key there is no body of that cloud. */
static bool keyless(const struct cloud_config *cloud)
{
	return (cloud->ops->needs & CLOUD_SETTING_KEY) && !*cloud->key;
}

bool preview_requests(json_t *preview, const struct cloud_config *c)
{
	struct requests q = {.preview = preview, .list = json_array()};
	struct cloud_submission s;
	struct cloud_config cloud;
	struct cloud_result r;

	if (json_object_get(preview, "refused")) {
		json_decref(q.list);
		return true;
	}
	if (!submission(preview, c, &cloud, &s)) {
		json_decref(q.list);
		return false;
	}
	q.keyless = keyless(&cloud);
	if (!cloud.ops->preview(&s, text_of(preview, "envelope_text"),
				text_of(preview, "upload_name"), show, &q, &r))
		json_object_set_new(preview, "stopped", json_string(r.detail));
	if (q.keyless)
		json_object_set_new(preview, "key_missing", json_true());
	add_beside(&q);
	return json_object_set_new(preview, "requests", q.list) == 0 && !q.failed;
}

/* ---------------------------------------------------------------- one body */

struct wanted {
	const char *name;
	FILE *to;
	bool found;
	const char *wrong;
};

static void write_body(void *arg, const struct cloud_preview *p)
{
	struct request r = *p->request;
	struct wanted *w = arg;
	uint8_t chunk[65536];
	ssize_t n;

	if (w->found || strcmp(p->name, w->name) != 0)
		return;
	w->found = true;
	r.at = 0;
	while ((n = request_read(&r, chunk, sizeof(chunk))) > 0)
		if (fwrite(chunk, 1, (size_t)n, w->to) != (size_t)n)
			break;
	if (n < 0 || ferror(w->to))
		w->wrong = strerror(errno);
	explicit_bzero(chunk, sizeof(chunk)); /* the key was in it */
}

bool preview_body(json_t *preview, const struct cloud_config *c, const char *request, FILE *to,
		  const char **wrong)
{
	struct wanted w = {.name = request, .to = to};
	struct cloud_submission s;
	struct cloud_config cloud;
	struct cloud_result r;

	*wrong = "nothing of it leaves";
	if (json_object_get(preview, "refused"))
		return false;
	*wrong = "it is no submission";
	if (!submission(preview, c, &cloud, &s))
		return false;
	*wrong = "the API key cannot be read";
	if (keyless(&cloud))
		return false;
	cloud.ops->preview(&s, text_of(preview, "envelope_text"),
			   text_of(preview, "upload_name"), write_body, &w, &r);
	*wrong = w.found ? w.wrong : "there is no such request";
	return !*wrong;
}
