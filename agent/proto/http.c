// SPDX-License-Identifier: MIT
/*
 * What HTTP means in every version.
 */
#include "proto/http.h"

#include "proto/coding.h"
#include "mime/disposition.h"
#include "proto/multipart.h"

#define APPLICATION "web-browsing"
#define APPLICATION_DAV "webdav"
#define APPLICATION_CONNECT "http-proxy"

/* URLs and names are built from two fields at most. */
#define TEXT_MAX (128u << 10)

const char *const http_field_names[HTTP_FIELD_COUNT] = {
#define HTTP_FIELD_NAME(id, name) name,
	HTTP_FIELDS(HTTP_FIELD_NAME)
#undef HTTP_FIELD_NAME
};

static const struct {
	enum http_field field;
	enum sighting_text text;
} said_by_request[] = {
	{HTTP_METHOD, SIGHTING_HTTP_METHOD},
	{HTTP_HOST, SIGHTING_HTTP_HOST},
	{HTTP_USER_AGENT, SIGHTING_HTTP_USER_AGENT},
	{HTTP_REFERER, SIGHTING_HTTP_REFERRER},
};

static void describe_request(const struct http_exchange *x, struct sighting *s)
{
	const struct text *field = x->head[HTTP_REQUEST].field;
	const struct session_info *info = proto_session_info(x->ps);
	struct buf b;

	for (size_t i = 0; i < sizeof(said_by_request) / sizeof(said_by_request[0]); i++) {
		struct text t = field[said_by_request[i].field];

		if (t.n)
			sighting_set(s, said_by_request[i].text, t.p, t.n);
	}
	buf_init(&b, TEXT_MAX);
	if (field[HTTP_TARGET].p) {
		struct buf name;

		http_url(field[HTTP_TARGET], field[HTTP_HOST], &info->end[dir_other(x->client)],
			 &b);
		sighting_set(s, SIGHTING_URL, b.data, b.len);
		buf_init(&name, TEXT_MAX);
		if (http_url_name(&b, &name))
			sighting_set(s, SIGHTING_FILENAME, name.data, name.len);
		buf_free(&name);
	}
	buf_reset(&b);
	if (http_user(field[HTTP_AUTHORIZATION], &b))
		sighting_set(s, SIGHTING_USER, b.data, b.len);
	buf_free(&b);
}

void http_request_seen(const struct http_exchange *x)
{
	static const char *const methods[] = {/* RFC 4918 §9 */
					      "PROPFIND", "PROPPATCH", "MKCOL", "COPY",
					      "MOVE",	  "LOCK",      "UNLOCK"};
	struct text method = x->head[HTTP_REQUEST].field[HTTP_METHOD];

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (text_is(method, methods[i]))
			proto_session_rename(x->ps, APPLICATION_DAV);
}

static const char *application(const struct http_exchange *x)
{
	const struct http_head *request = &x->head[HTTP_REQUEST];

	if (request->seen && text_is(request->field[HTTP_METHOD], "CONNECT"))
		return APPLICATION_CONNECT;
	return proto_session_name(x->ps, APPLICATION);
}

void http_describe(const struct http_exchange *x, enum http_side side, struct sighting *s)
{
	const struct http_head *head = &x->head[side];
	struct text type = head->field[HTTP_CONTENT_TYPE];
	struct text disposition = head->field[HTTP_DISPOSITION];
	struct buf name;

	proto_session_sighting(x->ps, s,
			       side == HTTP_REQUEST ? x->client : dir_other(x->client),
			       application(x));
	if (x->head[HTTP_REQUEST].seen)
		describe_request(x, s);
	proto_session_refine(x->ps, s);
	if (type.n)
		sighting_set(s, SIGHTING_CONTENT_TYPE, type.p, type.n);
	s->http_status = x->head[HTTP_RESPONSE].status * (side == HTTP_RESPONSE);
	buf_init(&name, TEXT_MAX);
	if (disposition.n && disposition_filename(disposition.p, disposition.n, &name))
		sighting_set(s, SIGHTING_FILENAME, name.data, name.len);
	buf_free(&name);
}

/*
 * What two answers must have in common to be of the same thing.  A weak validator does
 * not promise the same bytes (RFC 9110 §8.8.1).
 */
static bool version_key(const struct http_exchange *x, bool validated, struct key *key)
{
	const struct text *request = x->head[HTTP_REQUEST].field;
	struct text etag = x->head[HTTP_RESPONSE].field[HTTP_ETAG];
	struct text modified = x->head[HTTP_RESPONSE].field[HTTP_LAST_MODIFIED];
	bool strong = etag.n && !text_starts_with(etag, "W/");
	struct text version = strong ? etag : modified;
	struct text path = http_path(request[HTTP_TARGET]);
	const struct key_text texts[] = {
		{request[HTTP_HOST].p, request[HTTP_HOST].n},
		{path.p, path.n},
		{strong ? "e" : "m", 1},
		{version.p, version.n},
	};

	return x->head[HTTP_REQUEST].seen && text_is(request[HTTP_METHOD], "GET") &&
	       (version.n || !validated) && request[HTTP_TARGET].p &&
	       range_key_make(key, proto_session_info(x->ps), x->client, texts,
			      sizeof(texts) / sizeof(texts[0]));
}

/*
 * An answer that is a 206 in its parts: a range (RFC 9110 §15.3.7.1), or several
 * (§15.3.7.2), or the whole, of which the beginning is of use where the rest comes as a
 * range.  Ranges are of the coded content, so where there is a coding no piece
 * makes sense by itself.
 */
static void range_begin(const struct http_exchange *x, struct body_options *o, struct key *key)
{
	if (!o->env->ranges || (o->codings && coding_needed(o->codings, o->codings_len)))
		return;
	if (!o->partial) {
		o->resumable = o->size_known && x->head[HTTP_RESPONSE].status == 200 &&
			       version_key(x, true, key);
		o->key = o->resumable ? key : NULL;
		return;
	}
	/* More or less than the range says: who knows what the client makes of it. */
	if (o->range.total && o->size_known &&
	    o->declared != o->range.last - o->range.first + 1)
		return;
	if (!version_key(x, false, key))
		return;
	o->key = key;
	o->parts = o->range.total ? NULL : MULTIPART_RANGES;
}

struct body *http_body_new(const struct http_exchange *x, enum http_side side,
			   bool length_known, uint64_t length,
			   void (*describe)(void *arg, struct sighting *s), void *arg)
{
	const struct text *field = x->head[side].field;
	const struct http_head *request = &x->head[HTTP_REQUEST];
	struct text range = field[HTTP_CONTENT_RANGE];
	struct key key;
	struct body_options o = {
		.env = proto_session_env(x->ps),
		.describe = describe,
		.arg = arg,
		.codings = (const char *)field[HTTP_CONTENT_ENCODING].p,
		.codings_len = field[HTTP_CONTENT_ENCODING].n,
		.type = (const char *)field[HTTP_CONTENT_TYPE].p,
		.type_len = field[HTTP_CONTENT_TYPE].n,
		.declared = length,
		.size_known = length_known,
	};

	http_range(range, &o.range);
	if (side == HTTP_REQUEST) {
		o.parts = MULTIPART_FORM;
		o.partial = range.p && !byte_range_is_whole(&o.range);
		return body_new(&o);
	}
	if (x->head[side].status == 206) {
		/* To a client that asked for no range it is an answer like others. */
		o.partial = !request->seen || request->field[HTTP_RANGE].p;
		if (byte_range_is_whole(&o.range))
			o.partial = false;
	}
	range_begin(x, &o, &key);
	return body_new(&o);
}
