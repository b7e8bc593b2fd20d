// SPDX-License-Identifier: MIT
#include "http.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "api.h"
#include "control.h"
#include "fault.h"
#include "form.h"
#include "front.h"
#include "reqlog.h"

#define HTTP_HEAD_MAX ((size_t)1 << 16)	    /* request line and headers */
#define HTTP_BODY_EXTRA ((uint64_t)1 << 20) /* fields and session beside the largest file */
#define HTTP_VALUE_MAX 1024		    /* longer field values are not put in the log */

struct http_conn {
	struct front_conn *front;
	uint64_t mark; /* end of the last request in the record */
};

struct http_request {
	struct http_conn *conn;
	uint64_t start; /* in the record */
	char *target;	/* as received, with the query */
	char *path;	/* without it */
	bool begun;
	bool logged;
	uint64_t body_seen;
	struct bytes body;
	struct fault_hit hit;
};

static pthread_mutex_t http_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t http_nap_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t http_nap = PTHREAD_COND_INITIALIZER;
static bool http_stopping;

/*
 * The log entry
 */

static enum MHD_Result http_log_header(void *cls, enum MHD_ValueKind kind, const char *key,
				       const char *value)
{
	json_t *pair = json_array();

	(void)kind;
	json_array_append_new(pair, bytes_json(slice_of(key)));
	json_array_append_new(pair, bytes_json(slice_of(value ? value : "")));
	json_array_append_new(cls, pair);
	return MHD_YES;
}

static json_t *http_log_part(const struct form_part *part)
{
	json_t *entry = json_object();

	json_object_set_new(entry, "name", bytes_json(part->name));
	json_object_set_new(entry, "size", json_integer((json_int_t)part->value.n));
	if (part->filename.p)
		json_object_set_new(entry, "filename", bytes_json(part->filename));
	if (part->type.p)
		json_object_set_new(entry, "type", bytes_json(part->type));
	if (!part->filename.p && part->value.n <= HTTP_VALUE_MAX)
		json_object_set_new(entry, "value", bytes_json(part->value));
	return entry;
}

static json_t *http_log_file(const struct form_part *part)
{
	char sha256[BYTES_SHA256_HEX], md5[BYTES_MD5_HEX];

	bytes_sha256(part->value, sha256);
	bytes_md5(part->value, md5);
	return json_pack("{s:o,s:I,s:s,s:s}", "name", bytes_json(part->filename), "size",
			 (json_int_t)part->value.n, "sha256", sha256, "md5", md5);
}

/* The lines of a file of hashes or links, as such. */
static json_t *http_log_lines(struct slice text)
{
	json_t *lines = json_array();
	const char *p = text.p, *end = text.p + text.n;

	while (p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p);

		json_array_append_new(lines, bytes_json((struct slice){p, n}));
		p += n + 1;
	}
	return lines;
}

/* The envelope as an object; as a string where it is not JSON. */
static json_t *http_log_session(struct slice text)
{
	json_t *session = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);

	return session ? session : bytes_json(text);
}

static json_t *http_log_entry(struct MHD_Connection *mhd, struct http_request *request,
			      const char *method, const struct form *form)
{
	const struct front_conn *front = request->conn->front;
	uint64_t end = front_received(front);
	json_t *entry = reqlog_new();
	json_t *headers = json_array(), *fields = json_array();
	const struct form_part *file = form_find(form, "file");
	const struct form_part *session = form_find(form, "session");
	char body_hash[BYTES_SHA256_HEX];

	json_object_set_new(entry, "conn", json_integer(front_number(front)));
	json_object_set_new(entry, "offset", json_integer((json_int_t)request->start));
	json_object_set_new(entry, "length", json_integer((json_int_t)(end - request->start)));
	json_object_set_new(entry, "tls", json_boolean(front_kind(front) == FRONT_TLS));
	json_object_set_new(entry, "method", bytes_json(slice_of(method)));
	json_object_set_new(entry, "path", bytes_json(slice_of(request->path)));
	json_object_set_new(entry, "target", bytes_json(slice_of(request->target)));
	MHD_get_connection_values(mhd, MHD_HEADER_KIND, http_log_header, headers);
	json_object_set_new(entry, "headers", headers);
	json_object_set_new(entry, "body_size", json_integer((json_int_t)request->body_seen));
	if (!request->body.over) {
		bytes_sha256((struct slice){request->body.data ? request->body.data : "",
					    request->body.len},
			     body_hash);
		json_object_set_new(entry, "body_sha256", json_string(body_hash));
	}
	for (size_t i = 0; i < form->nr; i++)
		json_array_append_new(fields, http_log_part(&form->part[i]));
	json_object_set_new(entry, "fields", fields);
	if (file && file->filename.p)
		json_object_set_new(entry, "file", http_log_file(file));
	if (file &&
	    (strstr(request->path, "/get/verdicts") || strstr(request->path, "/submit/links")))
		json_object_set_new(entry, "lines", http_log_lines(file->value));
	if (session)
		json_object_set_new(entry, "session", http_log_session(session->value));
	request->conn->mark = end;
	request->logged = true;
	return entry;
}

/*
 * The answer
 */

/* Sleep, or false when the program is about to end. */
static bool http_sleep(double seconds)
{
	struct timespec until;
	int result = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += (time_t)seconds;
	until.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&http_nap_lock);
	while (!http_stopping && result != ETIMEDOUT)
		result = pthread_cond_timedwait(&http_nap, &http_nap_lock, &until);
	result = http_stopping;
	pthread_mutex_unlock(&http_nap_lock);
	return !result;
}

/* Reads the first half of the body, then fails: see FAULT_CUT_ANSWER. */
static ssize_t http_half(void *cls, uint64_t pos, char *buf, size_t max)
{
	const struct bytes *body = cls;
	uint64_t left = body->len / 2 > pos ? body->len / 2 - pos : 0;
	size_t n = left < max ? (size_t)left : max;

	if (!n)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	memcpy(buf, body->data + pos, n);
	return (ssize_t)n;
}

static void http_half_free(void *cls)
{
	bytes_free(cls);
	free(cls);
}

static enum MHD_Result http_queue(struct MHD_Connection *mhd, struct answer *a, bool half)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (half) {
		struct bytes *body = bytes_alloc(sizeof(*body));

		*body = a->body;
		bytes_init(&a->body, 0);
		response = MHD_create_response_from_callback(body->len, 4096, http_half, body,
							     http_half_free);
	} else {
		response = MHD_create_response_from_buffer(a->body.len, a->body.data,
							   MHD_RESPMEM_MUST_COPY);
	}
	if (!response)
		return MHD_NO;
	if (a->type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
	if (a->location)
		MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, a->location);
	if (a->attachment) {
		char text[300];

		snprintf(text, sizeof(text), "attachment; filename=\"%s\"", a->attachment);
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, text);
	}
	if (a->retry_after) {
		char text[24];

		snprintf(text, sizeof(text), "%lu", a->retry_after);
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, text);
	}
	if (a->status == 405)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "POST");
	result = MHD_queue_response(mhd, a->status, response);
	MHD_destroy_response(response);
	return result;
}

/* Spoil the answer as the fault asks for. */
static void http_spoil(const struct fault_hit *hit, struct answer *a)
{
	struct bytes body;

	switch (hit->kind) {
	case FAULT_STATUS:
		free(a->attachment);
		free(a->location);
		a->attachment = NULL;
		a->location = NULL;
		api_error(a, (unsigned int)hit->argument, NULL);
		a->retry_after = hit->retry_after;
		break;
	case FAULT_BAD_XML:
		a->body.len /= 2;
		break;
	case FAULT_EMPTY:
		a->status = 200;
		bytes_free(&a->body);
		break;
	case FAULT_BLANK_LINES:
		body = a->body;
		bytes_init(&a->body, ANSWER_MAX);
		bytes_text(&a->body, "\r\n\n\r\n");
		bytes_add(&a->body, body.data, body.len);
		bytes_free(&body);
		break;
	case FAULT_CONTENT_TYPE:
		a->type = "text/html";
		break;
	default:
		break;
	}
}

/* A request of the public API: do it, log it, and spoil it where a fault asks for that. */
static enum MHD_Result http_api(struct MHD_Connection *mhd, struct http_request *request,
				const char *method, const struct form *form,
				enum form_result form_result, struct answer *a)
{
	const struct fault_hit *hit = &request->hit;
	const struct api_call call = {
		.method = method,
		.path = request->path,
		.host = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Host"),
		.tls = front_kind(request->conn->front) == FRONT_TLS,
		.too_large = request->body.over,
		.form_result = form_result,
		.form = form,
	};
	bool cut = hit->kind == FAULT_CUT_BEFORE || hit->kind == FAULT_CUT_AFTER ||
		   hit->kind == FAULT_CUT_BODY;
	json_t *entry;

	pthread_mutex_lock(&http_lock);
	entry = http_log_entry(mhd, request, method, form);
	if (hit->kind != FAULT_CUT_BEFORE && hit->kind != FAULT_CUT_BODY &&
	    (hit->kind != FAULT_STATUS || hit->stored))
		api_answer(&call, a);
	http_spoil(hit, a);
	json_object_set_new(entry, "status", cut ? json_null() : json_integer(a->status));
	if (hit->kind != FAULT_NONE)
		json_object_set_new(entry, "fault", json_string(fault_name(hit->kind)));
	if (hit->slow > 0)
		json_object_set_new(entry, "slow", json_real(hit->slow));
	reqlog_add(entry);
	pthread_mutex_unlock(&http_lock);

	if (hit->slow > 0 && !http_sleep(hit->slow))
		return MHD_NO;
	if (cut)
		front_cut(request->conn->front);
	return cut ? MHD_NO : http_queue(mhd, a, hit->kind == FAULT_CUT_ANSWER);
}

static enum MHD_Result http_control(struct MHD_Connection *mhd, struct http_request *request,
				    const char *method, const struct form *form,
				    struct answer *a)
{
	const char *query = strchr(request->target, '?');
	struct form query_form;

	form_parse(&query_form, "application/x-www-form-urlencoded",
		   slice_of(query ? query + 1 : ""));
	pthread_mutex_lock(&http_lock);
	control_answer(method, request->path, form, &query_form, a);
	pthread_mutex_unlock(&http_lock);
	form_free(&query_form);
	return http_queue(mhd, a, false);
}

static enum MHD_Result http_finish(struct MHD_Connection *mhd, struct http_request *request,
				   const char *method)
{
	const char *type = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Content-Type");
	struct slice body = {request->body.data ? request->body.data : "", request->body.len};
	enum form_result form_result;
	enum MHD_Result result;
	struct answer a;
	struct form form;

	answer_init(&a);
	form_result = form_parse(&form, type, body);
	if (front_kind(request->conn->front) == FRONT_CONTROL)
		result = http_control(mhd, request, method, &form, &a);
	else
		result = http_api(mhd, request, method, &form, form_result, &a);
	form_free(&form);
	answer_free(&a);
	return result;
}

/*
 * libmicrohttpd's callbacks
 */

static void *http_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http_request *request = bytes_alloc(sizeof(*request));

	(void)cls;
	request->conn = info->socket_context;
	request->start = request->conn->mark;
	request->target = bytes_dup(uri, strlen(uri));
	request->path = bytes_dup(uri, strcspn(uri, "?"));
	return request;
}

static enum MHD_Result http_handler(void *cls, struct MHD_Connection *mhd, const char *url,
				    const char *method, const char *version, const char *data,
				    size_t *size, void **context)
{
	struct http_request *request = *context;

	(void)cls;
	(void)url;
	(void)version;
	if (!request->begun) {
		request->begun = true;
		pthread_mutex_lock(&http_lock);
		bytes_init(&request->body, api_config.max_size + HTTP_BODY_EXTRA);
		if (front_kind(request->conn->front) != FRONT_CONTROL)
			request->hit = fault_take(request->path);
		pthread_mutex_unlock(&http_lock);
		return MHD_YES;
	}
	if (!*size)
		return http_finish(mhd, request, method);

	request->body_seen += *size;
	bytes_add(&request->body, data, *size);
	*size = 0;
	if (request->hit.kind == FAULT_CUT_BODY &&
	    (double)request->body_seen >= request->hit.argument) {
		front_cut(request->conn->front);
		return MHD_NO;
	}
	return MHD_YES;
}

/* A request that never got to its end is logged here, with what came of it. */
static void http_completed(void *cls, struct MHD_Connection *mhd, void **context,
			   enum MHD_RequestTerminationCode code)
{
	struct http_request *request = *context;
	const union MHD_ConnectionInfo *info;
	struct form none = {.nr = 0};
	json_t *entry;

	(void)cls;
	(void)code;
	*context = NULL;
	if (!request)
		return;
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	if (info && info->socket_context && request->begun && !request->logged &&
	    front_kind(request->conn->front) != FRONT_CONTROL) {
		pthread_mutex_lock(&http_lock);
		entry = http_log_entry(mhd, request, "", &none);
		json_object_del(entry, "method");
		json_object_set_new(entry, "status", json_null());
		json_object_set_new(entry, "fault",
				    json_string(request->hit.kind == FAULT_CUT_BODY
							? fault_name(FAULT_CUT_BODY)
							: "aborted"));
		reqlog_add(entry);
		pthread_mutex_unlock(&http_lock);
	}
	bytes_free(&request->body);
	free(request->target);
	free(request->path);
	free(request);
}

static void http_connection(void *cls, struct MHD_Connection *mhd, void **context,
			    enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;
	struct http_conn *conn = *context;

	(void)cls;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
		conn = bytes_alloc(sizeof(*conn));
		conn->front = front_take(info->client_addr);
		if (!conn->front)
			abort(); /* only the front makes connections */
		*context = conn;
	} else if (conn) {
		front_put(conn->front);
		free(conn);
		*context = NULL;
	}
}

struct MHD_Daemon *http_start(void)
{
	/* No error log: it would complain of every socket pair that it is not TCP. */
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
			MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET,
		0, NULL, NULL, http_handler, NULL, MHD_OPTION_URI_LOG_CALLBACK, http_uri, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, http_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
		http_connection, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_HEAD_MAX,
		MHD_OPTION_END);

	if (!daemon)
		fprintf(stderr, "testcloud: cannot start libmicrohttpd\n");
	return daemon;
}

void http_wake(void)
{
	pthread_mutex_lock(&http_nap_lock);
	http_stopping = true;
	pthread_cond_broadcast(&http_nap);
	pthread_mutex_unlock(&http_nap_lock);
}

void http_stop(struct MHD_Daemon *daemon)
{
	MHD_stop_daemon(daemon);
}
