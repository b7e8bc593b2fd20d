// SPDX-License-Identifier: MIT
#include "api.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "store.h"
#include "testfile.h"

/*
 * Texts of the error answers, where the call has no more exact one. Those marked (t) are
 * asserted word for word by the tests of a public client, so they are what the real one says.
 */
#define API_ERRORS(X)                              \
	X(401, "Invalid API key") /* (t) */        \
	X(403, "Forbidden")                        \
	X(404, "Not found")                        \
	X(405, "Method not allowed, use POST")     \
	X(413, "Sample file size over max limit")  \
	X(415, "Unsupported media type")           \
	X(418, "Unsupported file type")            \
	X(419, "Request quota exceeded")           \
	X(420, "Missing required field") /* (t) */ \
	X(421, "Invalid argument")                 \
	X(422, "Unprocessable Entities") /* (t) */ \
	X(456, "Invalid request")                  \
	X(500, "Internal error")                   \
	X(502, "Bad gateway")                      \
	X(503, "Service unavailable")              \
	X(513, "File upload failed")

/* Texts of one call each; all of them (t). */
#define API_HASH_TEXT "invalid hash value"
#define API_LINK_TEXT "Invalid webpage type url, url should start with http or https"
#define API_LINKS_TEXT "File contains too many entities, maxium 1000 entities allowed"
#define API_HASHES_TEXT "Only 500 entries are allowed for each file"
#define API_DATE_TEXT "Invalid Date (longer than 30 days from now or newer than now)"

#define API_XML "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>"

struct api_config api_config = {.max_size = (uint64_t)100 << 20};

static uint64_t api_used;

static const struct {
	unsigned int status;
	const char *text;
} api_errors[] = {
#define X(status, text) {status, text},
	API_ERRORS(X)
#undef X
};

uint64_t api_quota_used(void)
{
	return api_used;
}

void api_reset(void)
{
	api_used = 0;
}

void api_error(struct answer *a, unsigned int status, const char *text)
{
	for (size_t i = 0; !text && i < sizeof(api_errors) / sizeof(api_errors[0]); i++) {
		if (api_errors[i].status == status)
			text = api_errors[i].text;
	}
	a->status = status;
	a->type = ANSWER_XML;
	bytes_free(&a->body);
	bytes_text(&a->body, API_XML "<error><error-message>'");
	bytes_xml(&a->body, slice_of(text ? text : "Error"));
	bytes_text(&a->body, "'</error-message></error>");
}

static void api_missing(struct answer *a, const char *field)
{
	char text[80];

	snprintf(text, sizeof(text), "Missing required field%s%s", *field ? " " : "", field);
	api_error(a, 420, text);
}

static void api_open(struct answer *a)
{
	bytes_text(&a->body, API_XML "<wildfire>");
}

static void api_close(struct answer *a)
{
	bytes_text(&a->body, "</wildfire>");
}

static void api_element(struct answer *a, const char *name, const char *text)
{
	bytes_printf(&a->body, "<%s>", name);
	if (text)
		bytes_xml(&a->body, slice_of(text));
	bytes_printf(&a->body, "</%s>", name);
}

static void api_attachment(struct answer *a, const char *name)
{
	a->type = ANSWER_BINARY;
	a->attachment = bytes_dup(name, strlen(name));
}

/* Room for @wanted more submissions? Otherwise the answer is made. */
static bool api_quota(struct answer *a)
{
	if (!api_config.quota || api_used < api_config.quota) {
		api_used++;
		return true;
	}
	api_error(a, 419, NULL);
	return false;
}

static void api_upload_info(struct answer *a, const struct store_sample *sample,
			    const char *url)
{
	char size[24];

	snprintf(size, sizeof(size), "%llu", (unsigned long long)sample->size);
	api_open(a);
	bytes_text(&a->body, "<upload-file-info>");
	api_element(a, "url", url);
	api_element(a, "filename", sample->name);
	api_element(a, "sha256", sample->sha256);
	api_element(a, "md5", sample->md5);
	api_element(a, "size", size);
	api_element(a, "filetype", sample->filetype);
	bytes_text(&a->body, "</upload-file-info>");
	api_close(a);
}

static void api_submit_file(const struct api_call *call, struct answer *a)
{
	const struct form_part *file = form_find(call->form, "file");
	const struct store_sample *sample;

	if (file->value.n > api_config.max_size) {
		api_error(a, 413, NULL);
		return;
	}
	if (!file->filename.p) {
		api_missing(a, "file");
		return;
	}
	if (!api_quota(a))
		return;
	sample = store_submit(file->value, file->filename);
	if (sample)
		api_upload_info(a, sample, NULL);
	else
		api_error(a, 513, NULL);
}

/*
 * A link as the cloud sees it: "http://" goes in front where no scheme is given. False when
 * there is another scheme or nothing at all.
 */
static bool api_link(struct slice text, struct bytes *out)
{
	static const char *const scheme[] = {"http://", "https://"};

	bytes_init(out, text.n + 8);
	if (!text.n)
		return false;
	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(scheme[i]);

		if (text.n >= n && !strncasecmp(text.p, scheme[i], n)) {
			bytes_add(out, text.p, text.n);
			return true;
		}
	}
	if (memmem(text.p, text.n, "://", 3))
		return false;
	bytes_text(out, "http://");
	bytes_add(out, text.p, text.n);
	return true;
}

/* The real cloud fetches the page; this one knows it by its address alone. */
static void api_submit_url(const struct api_call *call, struct answer *a)
{
	const struct store_sample *sample;
	struct bytes url;

	if (!api_link(form_value(call->form, "url"), &url)) {
		api_error(a, 421, API_LINK_TEXT);
	} else if (api_quota(a)) {
		sample = store_submit_link((struct slice){url.data, url.len});
		if (sample)
			api_upload_info(a, sample, sample->url);
		else
			api_error(a, 513, NULL);
	}
	bytes_free(&url);
}

/* Add the submit-link-info of one link. False when the answer has become an error. */
static bool api_one_link(struct slice text, struct answer *a)
{
	const struct store_sample *sample = NULL;
	struct bytes url;
	bool valid = api_link(text, &url);

	if (valid)
		sample = store_submit_link((struct slice){url.data, url.len});
	if (sample) {
		bytes_text(&a->body, "<submit-link-info>");
		bytes_text(&a->body, "<url>");
		bytes_xml(&a->body, (struct slice){url.data, url.len});
		bytes_text(&a->body, "</url>");
		api_element(a, "sha256", sample->sha256);
		api_element(a, "md5", sample->md5);
		bytes_text(&a->body, "</submit-link-info>");
	} else {
		api_error(a, valid ? 513 : 421, valid ? NULL : API_LINK_TEXT);
	}
	bytes_free(&url);
	return sample;
}

static void api_submit_link(const struct api_call *call, struct answer *a)
{
	if (!api_quota(a))
		return;
	api_open(a);
	if (api_one_link(form_value(call->form, "link"), a))
		api_close(a);
}

/*
 * The next line of @text that is not empty, with any line ending. Moves @text behind it;
 * false at the end.
 */
static bool api_line(struct slice *text, struct slice *line)
{
	while (text->n && (*text->p == '\r' || *text->p == '\n')) {
		text->p++;
		text->n--;
	}
	*line = (struct slice){text->p, 0};
	while (text->n && *text->p != '\r' && *text->p != '\n') {
		text->p++;
		text->n--;
		line->n++;
	}
	return line->n;
}

static size_t api_lines(struct slice text)
{
	struct slice line;
	size_t nr = 0;

	while (api_line(&text, &line))
		nr++;
	return nr;
}

static void api_submit_links(const struct api_call *call, struct answer *a)
{
	struct slice text = form_value(call->form, "file");
	struct slice line, rest;
	struct bytes url;
	bool good = true;
	size_t nr;

	if (!api_line(&text, &line)) {
		api_error(a, 422, NULL);
		return;
	}
	if (!slice_is(line, "panlnk")) {
		api_error(a, 421, "Invalid links file, the first line should be panlnk");
		return;
	}
	nr = api_lines(text);
	if (!nr || nr > API_LINKS_MAX) {
		api_error(a, 422, nr ? API_LINKS_TEXT : NULL);
		return;
	}
	/* All or nothing: look at every link before the first is stored. */
	for (rest = text; good && api_line(&rest, &line);) {
		good = api_link(line, &url);
		bytes_free(&url);
	}
	if (!good) {
		api_error(a, 421, API_LINK_TEXT);
		return;
	}
	if (!api_quota(a))
		return;
	api_open(a);
	while (api_line(&text, &line)) {
		if (!api_one_link(line, a))
			return;
	}
	api_close(a);
}

/* A field as a C string; what does not fit is cut, which no valid value needs. */
static void api_text(const struct api_call *call, const char *field, char *out, size_t room)
{
	struct slice value = form_value(call->form, field);
	size_t n = value.n < room ? value.n : room - 1;

	if (n)
		memcpy(out, value.p, n);
	out[n] = '\0';
}

static void api_change_request(const struct api_call *call, struct answer *a)
{
	const struct store_sample *sample;
	char hash[BYTES_SHA256_HEX], text[16];
	int verdict;

	api_text(call, "verdict", text, sizeof(text));
	if (!store_parse_hash(form_value(call->form, "hash"), hash)) {
		api_error(a, 421, API_HASH_TEXT);
	} else if (!store_parse_verdict(text, &verdict) || verdict < 0) {
		api_error(a, 421, "invalid verdict value");
	} else if (form_value(call->form, "comment").n > API_COMMENT_MAX) {
		api_error(a, 421, "comment is longer than 2048 bytes");
	} else {
		sample = store_find(hash, NULL);
		if (!sample || !sample->received) {
			api_error(a, 404, NULL);
			return;
		}
		api_open(a);
		bytes_text(&a->body, "<change-request-info>");
		api_element(a, "sha256", sample->sha256);
		bytes_printf(&a->body, "<verdict>%d</verdict>", verdict);
		bytes_text(&a->body, "</change-request-info>");
		api_close(a);
	}
}

static void api_verdict_info(struct answer *a, struct slice sha256, int verdict,
			     struct slice md5)
{
	bytes_text(&a->body, "<get-verdict-info><sha256>");
	bytes_xml(&a->body, sha256);
	bytes_printf(&a->body, "</sha256><verdict>%d</verdict><md5>", verdict);
	bytes_xml(&a->body, md5);
	bytes_text(&a->body, "</md5></get-verdict-info>");
}

/* All entries for one hash as the client wrote it. */
static void api_hash_verdicts(struct answer *a, struct slice text)
{
	const struct slice none = {"", 0};
	struct store_sample *sample = NULL;
	char hash[BYTES_SHA256_HEX];
	bool any = false;

	if (!store_parse_hash(text, hash)) {
		api_verdict_info(a, text, STORE_INVALID, none);
		return;
	}
	while ((sample = store_find(hash, sample))) {
		api_verdict_info(a, slice_of(sample->sha256), store_verdict(sample, true),
				 slice_of(sample->md5));
		any = true;
	}
	if (!any && text.n == BYTES_MD5_HEX - 1)
		api_verdict_info(a, none, STORE_UNKNOWN, slice_of(hash));
	else if (!any)
		api_verdict_info(a, slice_of(hash), STORE_UNKNOWN, none);
}

static struct store_sample *api_find_url(struct slice url)
{
	struct store_sample *sample = NULL;
	char sha256[BYTES_SHA256_HEX];
	struct bytes link;

	if (api_link(url, &link)) {
		bytes_sha256((struct slice){link.data, link.len}, sha256);
		sample = store_find(sha256, NULL);
	}
	bytes_free(&link);
	return sample;
}

static void api_get_verdict(const struct api_call *call, struct answer *a)
{
	struct slice url = form_value(call->form, "url");
	struct slice hash = form_value(call->form, "hash");
	char lower[BYTES_SHA256_HEX];

	if (hash.p && !store_parse_hash(hash, lower)) {
		api_error(a, 421, API_HASH_TEXT);
	} else if (hash.p) {
		api_open(a);
		api_hash_verdicts(a, hash);
		api_close(a);
	} else if (url.p) {
		api_open(a);
		bytes_text(&a->body, "<get-verdict-info><url>");
		bytes_xml(&a->body, url);
		bytes_printf(&a->body, "</url><verdict>%d</verdict></get-verdict-info>",
			     store_verdict(api_find_url(url), true));
		api_close(a);
	} else {
		api_missing(a, "");
	}
}

static void api_get_verdicts(const struct api_call *call, struct answer *a)
{
	struct slice text = form_value(call->form, "file");
	size_t nr = api_lines(text);
	struct slice line;

	if (!nr || nr > API_HASHES_MAX) {
		api_error(a, nr ? 413 : 422, nr ? API_HASHES_TEXT : NULL);
		return;
	}
	api_open(a);
	while (api_line(&text, &line))
		api_hash_verdicts(a, line);
	api_close(a);
}

static void api_get_changed(const struct api_call *call, struct answer *a)
{
	time_t now = time(NULL), today = now - now % 86400, from;
	struct store_sample *sample = NULL;
	struct tm tm = {.tm_mday = 0};
	char date[16];
	const char *end;

	api_text(call, "date", date, sizeof(date));
	end = strptime(date, "%Y-%m-%d", &tm);
	if (!end || *end || strlen(date) != 10) {
		api_error(a, 421, "invalid date, expected YYYY-MM-DD");
		return;
	}
	from = timegm(&tm);
	if (from > now || from < today - (time_t)API_CHANGED_DAYS * 86400) {
		api_error(a, 403, API_DATE_TEXT);
		return;
	}
	api_open(a);
	while ((sample = store_next(sample))) {
		if (sample->changed && sample->changed >= from)
			api_verdict_info(a, slice_of(sample->sha256),
					 store_verdict(sample, false), slice_of(sample->md5));
	}
	api_close(a);
}

/* A sample by the call's `hash`, or NULL after the error was made. */
static struct store_sample *api_wanted(const struct api_call *call, struct answer *a)
{
	struct slice text = form_value(call->form, "hash");
	struct store_sample *sample;
	char hash[BYTES_SHA256_HEX];

	if (!text.p) {
		api_missing(a, "");
		return NULL;
	}
	if (!store_parse_hash(text, hash)) {
		api_error(a, 421, API_HASH_TEXT);
		return NULL;
	}
	sample = store_find(hash, NULL);
	if (!sample || !sample->received) {
		api_error(a, 404, NULL);
		return NULL;
	}
	return sample;
}

static void api_report_xml(struct answer *a, const struct store_sample *sample, int verdict)
{
	api_open(a);
	bytes_text(&a->body, "<version>2.0</version><file_info>");
	api_element(a, "sha256", sample->sha256);
	api_element(a, "md5", sample->md5);
	api_element(a, "filetype", sample->filetype);
	bytes_printf(&a->body, "<size>%llu</size>", (unsigned long long)sample->size);
	api_element(a, "malware", verdict == STORE_MALWARE ? "yes" : "no");
	bytes_text(&a->body, "</file_info><task_info></task_info>");
	api_close(a);
}

static void api_report_pdf(struct answer *a, const struct store_sample *sample, int verdict)
{
	char name[BYTES_SHA256_HEX + 4];

	(void)verdict;
	bytes_text(&a->body, "%PDF-1.4\n"
			     "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
			     "2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
			     "trailer<</Root 1 0 R>>\n%%EOF\n");
	snprintf(name, sizeof(name), "%s.pdf", sample->sha256);
	api_attachment(a, name);
}

static void api_report_maec(struct answer *a, const struct store_sample *sample, int verdict)
{
	answer_json(a, 200,
		    json_pack("{s:s,s:s,s:s}", "type", "package", "sha256", sample->sha256,
			      "verdict", store_verdict_word(verdict)));
}

static const struct {
	const char *format;
	void (*make)(struct answer *a, const struct store_sample *sample, int verdict);
} api_formats[] = {
	{"", api_report_xml},
	{"xml", api_report_xml},
	{"pdf", api_report_pdf},
	{"maec", api_report_maec},
};

static void api_report_url(struct answer *a, struct slice url)
{
	struct store_sample *sample = api_find_url(url);
	int verdict = store_verdict(sample, false);
	json_t *report;
	char *text;

	if (verdict < 0) {
		api_error(a, 404, NULL);
		return;
	}
	/* The report is JSON inside a JSON string. */
	report = json_pack("{s:o,s:s,s:s}", "url", bytes_json(url), "sha256", sample->sha256,
			   "verdict", store_verdict_word(verdict));
	text = json_dumps(report, JSON_COMPACT);
	answer_json(a, 200, json_pack("{s:b,s:{s:s}}", "success", 1, "result", "report", text));
	free(text);
	json_decref(report);
}

static void api_get_report(const struct api_call *call, struct answer *a)
{
	struct store_sample *sample;
	char format[16];
	int verdict;

	if (!form_find(call->form, "hash") && form_find(call->form, "url")) {
		api_report_url(a, form_value(call->form, "url"));
		return;
	}
	sample = api_wanted(call, a);
	if (!sample)
		return;
	verdict = store_verdict(sample, false);
	if (verdict < 0) {
		api_error(a, 404, NULL);
		return;
	}
	api_text(call, "format", format, sizeof(format));
	for (size_t i = 0; i < sizeof(api_formats) / sizeof(api_formats[0]); i++) {
		if (!strcmp(format, api_formats[i].format)) {
			api_formats[i].make(a, sample, verdict);
			return;
		}
	}
	api_error(a, 421, "invalid format, expected xml, pdf or maec");
}

static void api_get_sample(const struct api_call *call, struct answer *a)
{
	const struct store_sample *sample = api_wanted(call, a);

	if (!sample)
		return;
	if (store_read(sample, &a->body)) {
		api_attachment(a, sample->sha256);
	} else {
		bytes_free(&a->body);
		api_error(a, 404, NULL);
	}
}

/* Nothing is run here, so there never is a capture. */
static void api_get_pcap(const struct api_call *call, struct answer *a)
{
	if (api_wanted(call, a))
		api_error(a, 404, NULL);
}

static void api_get_webartifacts(const struct api_call *call, struct answer *a)
{
	api_error(a, form_value(call->form, "url").n ? 404 : 421, NULL);
}

static void api_test(const struct api_call *call, struct answer *a)
{
	char sha256[BYTES_SHA256_HEX];
	const char *name = testfile_make(strrchr(call->path, '/') + 1, &a->body);

	if (!name) {
		api_error(a, 404, NULL);
		return;
	}
	/* Unknown until somebody submits it; then its verdict is malware. */
	bytes_sha256((struct slice){a->body.data, a->body.len}, sha256);
	store_set_verdict(sha256, STORE_MALWARE, false);
	api_attachment(a, name);
}

static const struct api_route {
	const char *path;
	void (*answer)(const struct api_call *call, struct answer *a);
	const char *required[4]; /* missing ones are named in the answer */
	bool open;		 /* neither POST nor a key nor TLS is needed */
} api_routes[] = {
	{"submit/file", api_submit_file, {"file"}, false},
	{"submit/url", api_submit_url, {"url"}, false},
	{"submit/link", api_submit_link, {"link"}, false},
	{"submit/links", api_submit_links, {"file"}, false},
	{"submit/change-request",
	 api_change_request,
	 {"hash", "verdict", "email", "comment"},
	 false},
	{"get/verdict", api_get_verdict, {NULL}, false},
	{"get/verdicts", api_get_verdicts, {"file"}, false},
	{"get/verdicts/changed", api_get_changed, {"date"}, false},
	{"get/report", api_get_report, {NULL}, false},
	{"get/sample", api_get_sample, {NULL}, false},
	{"get/pcap", api_get_pcap, {NULL}, false},
	{"get/webartifacts", api_get_webartifacts, {"url"}, false},
	{"test/pe", api_test, {NULL}, true},
	{"test/apk", api_test, {NULL}, true},
	{"test/macos", api_test, {NULL}, true},
	{"test/elf", api_test, {NULL}, true},
};

static const struct api_route *api_route(const char *path)
{
	static const char base[] = "/publicapi/";

	if (strncmp(path, base, strlen(base)))
		return NULL;
	for (size_t i = 0; i < sizeof(api_routes) / sizeof(api_routes[0]); i++) {
		if (!strcmp(path + strlen(base), api_routes[i].path))
			return &api_routes[i];
	}
	return NULL;
}

static bool api_key_known(struct slice key)
{
	for (size_t i = 0; i < api_config.keys; i++) {
		if (slice_is(key, api_config.key[i]))
			return true;
	}
	return false;
}

/* Send a plain request to the TLS side of the same host. */
static void api_redirect(const struct api_call *call, struct answer *a)
{
	struct bytes url;
	size_t n = 0;

	if (call->host && *call->host == '[')
		n = strcspn(call->host, "]") + 1;
	else if (call->host)
		n = strcspn(call->host, ":");
	bytes_init(&url, 65536);
	bytes_printf(&url, "https://%.*s:%u%s", call->host ? (int)n : 9,
		     call->host ? call->host : "localhost", api_config.port, call->path);
	a->status = 302;
	a->location = url.data;
}

void api_answer(const struct api_call *call, struct answer *a)
{
	const struct api_route *route = api_route(call->path);

	if (!route) {
		api_error(a, 404, NULL);
		return;
	}
	if (route->open) {
		route->answer(call, a);
		return;
	}
	if (!call->tls) {
		api_redirect(call, a);
		return;
	}
	if (strcmp(call->method, "POST")) {
		api_error(a, 405, NULL);
		return;
	}
	if (call->too_large || call->form_result != FORM_OK) {
		api_error(a,
			  call->too_large		   ? 413
			  : call->form_result == FORM_TYPE ? 415
							   : 456,
			  NULL);
		return;
	}
	if (!api_key_known(form_value(call->form, "apikey"))) {
		api_error(a, 401, NULL);
		return;
	}
	for (size_t i = 0; i < 4 && route->required[i]; i++) {
		if (!form_find(call->form, route->required[i])) {
			api_missing(a, route->required[i]);
			return;
		}
	}
	route->answer(call, a);
}
