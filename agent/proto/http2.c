// SPDX-License-Identifier: MIT
/*
 * HTTP/2 in the clear (RFC 9113), by prior knowledge or after an Upgrade of HTTP/1.1.
 *
 * http2_frame.c finds frames, http2_head.c reads header blocks; here they become
 * streams with a request and an answer.  Everything behind that is http.c and body.c.
 */
#include "proto/http.h"
#include "proto/http2_frame.h"
#include "proto/http2_head.h"
#include "proto/proto.h"

#include "lib/cursor.h"
#include "lib/table.h"

#include <stdlib.h>
#include <string.h>

/* Streams of a connection at once; those that were reset count until they are the oldest. */
#define STREAMS_MAX 1024
/* Texts kept of all their heads. */
#define TEXTS_MAX (4u << 20)
/* Bytes between which nothing like a frame stands: then none will. */
#define LOST_MAX (64u << 20)

struct message {
	struct h2_head head;
	struct body *body;
	bool headed; /* its head came, or was lost */
	bool ended;
	bool length_known;
	uint64_t length; /* bytes its head announced */
	uint64_t seen;	 /* of its body */
};

struct stream {
	struct table_entry entry;
	uint32_t id;
	struct http2 *http;
	struct message message[HTTP_SIDES];
};

/* What one end sends. */
struct half {
	struct http2 *http;
	enum dir dir;
	struct h2_reader reader;
	struct h2_table table;
	bool goaway;
	uint64_t lost; /* bytes since the place was */
	struct buf block;
	uint32_t block_stream; /* whose block is open; 0: none is */
	bool block_ends;       /* the message, too */
	bool block_promises;
	bool block_hole;
};

struct http2 {
	struct proto_session *ps;
	enum dir client;
	bool client_known;
	bool partly; /* streams may have begun unseen */
	uint64_t time;
	struct table *streams;
	size_t texts; /* bytes kept of heads */
	struct half half[DIR_COUNT];
};

static void count(struct http2 *h, enum counter which)
{
	counter_add(proto_session_env(h->ps)->counters, which, 1);
}

static enum http_side side_of(const struct half *half)
{
	return half->dir == half->http->client ? HTTP_REQUEST : HTTP_RESPONSE;
}

static void set_client(struct http2 *h, enum dir dir)
{
	if (h->client_known)
		return;
	h->client = dir;
	h->client_known = true;
	proto_session_client(h->ps, dir);
}

/* ----------------------------------------------------------------- messages */

static bool upgraded(const struct stream *s)
{
	return s->id == 1 && !s->message[HTTP_REQUEST].head.head.seen &&
	       proto_session_context(s->http->ps);
}

/* The request that was upgraded is that of stream 1 (RFC 7540 §3.2). */
static void upgraded_request(const struct sighting *context, struct http_head *request)
{
	static const struct {
		enum http_field field;
		enum sighting_text text;
	} map[] = {
		{HTTP_METHOD, SIGHTING_HTTP_METHOD},
		{HTTP_TARGET, SIGHTING_URL},
		{HTTP_HOST, SIGHTING_HTTP_HOST},
		{HTTP_REFERER, SIGHTING_HTTP_REFERRER},
		{HTTP_USER_AGENT, SIGHTING_HTTP_USER_AGENT},
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		const char *text = sighting_get(context, map[i].text);

		if (text)
			request->field[map[i].field] =
				(struct text){(const uint8_t *)text, strlen(text)};
	}
	/* Whether it asked for a range is not known: a 206 is taken for the answer to one. */
	request->field[HTTP_RANGE].p = (const uint8_t *)"";
	request->seen = true;
}

static struct http_exchange exchange_heads(const struct stream *s)
{
	struct http_exchange x = {.ps = s->http->ps, .client = s->http->client};

	for (int side = 0; side < HTTP_SIDES; side++)
		x.head[side] = s->message[side].head.head;
	if (upgraded(s))
		upgraded_request(proto_session_context(s->http->ps), &x.head[HTTP_REQUEST]);
	return x;
}

static void describe(const struct stream *s, enum http_side side, struct sighting *sighting)
{
	struct http_exchange x = exchange_heads(s);
	const char *user;

	http_describe(&x, side, sighting);
	if (!upgraded(s))
		return;
	user = sighting_get(proto_session_context(s->http->ps), SIGHTING_USER);
	sighting_set(sighting, SIGHTING_USER, user, user ? strlen(user) : 0);
}

static void describe_request(void *arg, struct sighting *s)
{
	describe(arg, HTTP_REQUEST, s);
}

static void describe_response(void *arg, struct sighting *s)
{
	describe(arg, HTTP_RESPONSE, s);
}

static bool is_whole(const struct message *m)
{
	return m->length_known && m->seen == m->length;
}

/* NONE: its end was seen. */
static void message_end(struct stream *s, enum http_side side, enum file_reason reason)
{
	struct message *m = &s->message[side];

	if (m->ended)
		return;
	m->ended = true;
	if (is_whole(m) && reason != FILE_REASON_DECODE)
		reason = FILE_REASON_NONE;
	else if (reason == FILE_REASON_NONE && m->length_known)
		reason = FILE_REASON_RESET;
	if (m->body)
		body_close(m->body, reason, s->http->time);
	m->body = NULL;
}

static void message_begin(struct stream *s, enum http_side side)
{
	struct message *m = &s->message[side];
	struct http_exchange x = exchange_heads(s);

	m->body = http_body_new(&x, side, m->length_known, m->length,
				side == HTTP_REQUEST ? describe_request : describe_response, s);
	/* Its beginning was not seen, or how it is coded is not known. */
	if (m->body && (!m->headed || m->head.holes))
		body_gap(m->body, 1, s->http->time);
	m->headed = true;
}

/* A stream that is no message (RFC 9113 §8.5). */
static bool is_tunnel(const struct stream *s)
{
	return text_is(s->message[HTTP_REQUEST].head.head.field[HTTP_METHOD], "CONNECT");
}

/* Body bytes, or a hole in them (p NULL). */
static void message_data(struct stream *s, enum http_side side, const uint8_t *p, size_t n)
{
	struct message *m = &s->message[side];

	if (m->ended || is_tunnel(s) || (!m->headed && !s->http->partly))
		return;
	/* Such a message is malformed (§8.1.1): who knows what a client keeps of it. */
	if (m->length_known && n > m->length - m->seen) {
		message_end(s, side, FILE_REASON_DECODE);
		return;
	}
	if (!m->body)
		message_begin(s, side);
	m->seen += n;
	if (m->body && p)
		body_data(m->body, p, n, s->http->time);
	else if (m->body)
		body_gap(m->body, n, s->http->time);
}

/* ------------------------------------------------------------------ streams */

static struct stream *stream_find(struct http2 *h, uint32_t id)
{
	struct stream *s = (struct stream *)table_find(h->streams, &id);

	if (s)
		table_touch(h->streams, &s->entry);
	return s;
}

static void head_drop(struct http2 *h, struct message *m)
{
	h->texts -= m->head.texts.room;
	h2_head_free(&m->head);
}

static void stream_free(struct stream *s, enum file_reason reason)
{
	struct http2 *h = s->http;

	for (int side = 0; side < HTTP_SIDES; side++) {
		message_end(s, side, reason);
		head_drop(h, &s->message[side]);
	}
	table_remove(h->streams, &s->entry);
	free(s);
}

/* Where only one half is seen they stay until they are the oldest. */
static void stream_settle(struct stream *s)
{
	if (!s->message[HTTP_REQUEST].ended || !s->message[HTTP_RESPONSE].ended)
		return;
	count(s->http, COUNTER_HTTP2_STREAMS);
	stream_free(s, FILE_REASON_RESET);
}

static bool is_active(const struct stream *s)
{
	return s->message[HTTP_REQUEST].body || s->message[HTTP_RESPONSE].body;
}

static struct stream *stream_new(struct http2 *h, uint32_t id)
{
	struct stream *s;

	if (table_count(h->streams) >= STREAMS_MAX) {
		s = (struct stream *)table_oldest(h->streams);
		if (is_active(s))
			count(h, COUNTER_HTTP2_LIMITS);
		stream_free(s, FILE_REASON_OPEN_FILES);
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->http = h;
	s->id = id;
	table_add(h->streams, &s->entry);
	return s;
}

/* Messages that have begun and not ended. */
static void messages_end(struct http2 *h, enum http_side side, enum file_reason reason)
{
	struct table_entry *entry = table_oldest(h->streams);

	for (; entry; entry = entry->newer) {
		struct stream *s = (struct stream *)entry;

		if (s->message[side].headed)
			message_end(s, side, reason);
	}
}

/* -------------------------------------------------------------------- heads */

static void head_keep(struct http2 *h, struct message *m, struct h2_head *head)
{
	head_drop(h, m);
	if (head->cut)
		count(h, COUNTER_HTTP2_LIMITS);
	if (head->texts.room > TEXTS_MAX - h->texts) {
		count(h, COUNTER_HTTP2_LIMITS);
		h2_head_free(head);
	}
	m->head = *head;
	h->texts += head->texts.room;
	*head = (struct h2_head){0};
	m->length_known = http_length(m->head.head.field[HTTP_CONTENT_LENGTH], &m->length);
}

static void request_seen(const struct stream *s)
{
	struct http_exchange x = exchange_heads(s);

	http_request_seen(&x);
}

/* A head for a stream: of a message, or behind it (trailers), or before it (1xx). */
static void head_arrives(struct http2 *h, uint32_t id, enum http_side side,
			 struct h2_head *head, bool ends)
{
	struct stream *s = stream_find(h, id);
	struct message *m;

	if (!s)
		s = stream_new(h, id);
	if (!s)
		return;
	m = &s->message[side];
	if (!m->ended && !m->headed && !(head->head.status >= 100 && head->head.status < 200)) {
		m->headed = true;
		head_keep(h, m, head);
		if (side == HTTP_REQUEST)
			request_seen(s);
	}
	if (!ends)
		return;
	message_end(s, side, FILE_REASON_NONE);
	stream_settle(s);
}

/* The request that a server answers unasked (§8.4). */
static void promise_arrives(struct http2 *h, uint32_t id, struct h2_head *head)
{
	struct stream *s = stream_find(h, id);

	if (!id || s)
		return;
	s = stream_new(h, id);
	if (!s)
		return;
	head_keep(h, &s->message[HTTP_REQUEST], head);
	s->message[HTTP_REQUEST].headed = s->message[HTTP_REQUEST].ended = true;
}

/* All of a block is there. */
static void block_done(struct half *half)
{
	struct http2 *h = half->http;
	struct cursor c = cursor_of(half->block.data, half->block.len);
	uint32_t promised = half->block_promises ? cursor_be32(&c) & 0x7fffffff : 0;
	uint32_t id = half->block_stream;
	struct h2_head head = {0};

	half->block_stream = 0;
	if (half->block_hole || half->block.failed || c.failed) {
		if (half->block.failed)
			count(h, COUNTER_HTTP2_LIMITS);
		h2_table_lose(&half->table);
	} else if (!h2_decode(&half->table, c.p, c.left, &head)) {
		count(h, COUNTER_HTTP2_ERRORS);
		h2_head_free(&head);
	}
	buf_free(&half->block);
	if (head.head.field[HTTP_METHOD].p)
		set_client(h, half->block_promises ? dir_other(half->dir) : half->dir);
	else if (head.head.status)
		set_client(h, dir_other(half->dir));
	if (half->block_promises)
		promise_arrives(h, promised, &head);
	else
		head_arrives(h, id, side_of(half), &head, half->block_ends);
	h2_head_free(&head);
}

static void block_begin(struct half *half, const struct h2_frame *f)
{
	half->block_stream = f->stream;
	half->block_promises = f->type == H2_PUSH_PROMISE;
	half->block_ends = f->type == H2_HEADERS && f->flags & H2_END_STREAM;
	half->block_hole = false;
	buf_reset(&half->block);
}

/* What comes is not the rest of the block that is open. */
static void block_drop(struct half *half)
{
	if (!half->block_stream)
		return;
	half->block_hole = true;
	block_done(half);
}

/* ------------------------------------------------------------------- frames */

static void on_begin(void *arg, const struct h2_frame *f)
{
	struct half *half = arg;

	half->lost = 0;
	if (f->type == H2_CONTINUATION) {
		if (f->stream == half->block_stream)
			return;
		block_drop(half);
		h2_table_lose(&half->table);
		return;
	}
	block_drop(half);
	if (f->type == H2_HEADERS || f->type == H2_PUSH_PROMISE)
		block_begin(half, f);
	else if (f->type == H2_GOAWAY)
		buf_reset(&half->block);
}

static void on_body(struct half *half, const struct h2_frame *f, const uint8_t *p, size_t n)
{
	struct http2 *h = half->http;
	struct stream *s = stream_find(h, f->stream);

	if (!s && h->partly)
		s = stream_new(h, f->stream);
	if (s)
		message_data(s, side_of(half), p, n);
}

static void on_data(void *arg, const struct h2_frame *f, const uint8_t *p, size_t n)
{
	struct half *half = arg;

	switch (f->type) {
	case H2_DATA:
		on_body(half, f, p, n);
		break;
	case H2_HEADERS:
	case H2_PUSH_PROMISE:
	case H2_CONTINUATION:
		if (f->stream != half->block_stream)
			break;
		if (!p || half->block.failed)
			half->block_hole = true;
		else
			buf_add(&half->block, p, n);
		break;
	case H2_GOAWAY:
		/* Its first number is all that matters. */
		if (p && half->block.len < 4)
			buf_add(&half->block, p, n < 4 ? n : 4);
		break;
	default:
		break;
	}
}

/* Streams of the other end above the last one are not answered (§6.8). */
static void on_goaway(struct half *half)
{
	struct http2 *h = half->http;
	struct cursor c = cursor_of(half->block.data, half->block.len);
	uint32_t last = cursor_be32(&c) & 0x7fffffff;
	struct table_entry *entry = table_oldest(h->streams);

	if (c.failed || last == 0x7fffffff || half->goaway)
		return;
	half->goaway = true;
	for (; entry; entry = entry->newer) {
		struct stream *s = (struct stream *)entry;

		/* Clients' are odd. */
		if (s->id <= last || (s->id & 1) != (side_of(half) == HTTP_RESPONSE))
			continue;
		for (int side = 0; side < HTTP_SIDES; side++)
			message_end(s, side, FILE_REASON_RESET);
	}
}

static void on_reset(struct half *half, uint32_t id)
{
	struct stream *s = stream_find(half->http, id);

	/* It stays, so that what was on its way is known to be of nobody. */
	for (int side = 0; s && side < HTTP_SIDES; side++) {
		message_end(s, side, FILE_REASON_RESET);
		head_drop(half->http, &s->message[side]);
	}
}

static void on_end(void *arg, const struct h2_frame *f)
{
	struct half *half = arg;
	struct stream *s;

	switch (f->type) {
	case H2_DATA:
		s = f->flags & H2_END_STREAM ? stream_find(half->http, f->stream) : NULL;
		if (!s)
			break;
		message_end(s, side_of(half), FILE_REASON_NONE);
		stream_settle(s);
		break;
	case H2_HEADERS:
	case H2_PUSH_PROMISE:
	case H2_CONTINUATION:
		if (f->stream == half->block_stream && f->flags & H2_END_HEADERS)
			block_done(half);
		break;
	case H2_RST_STREAM:
		on_reset(half, f->stream);
		break;
	case H2_GOAWAY:
		on_goaway(half);
		break;
	default:
		break;
	}
}

/* Any frame may be missing, and so the end of any message. */
static void on_lost(void *arg)
{
	struct half *half = arg;
	struct http2 *h = half->http;

	h->partly = true;
	count(h, COUNTER_HTTP2_ERRORS);
	half->block_stream = 0;
	buf_free(&half->block);
	h2_table_lose(&half->table);
	messages_end(h, side_of(half), FILE_REASON_GAP);
}

static const struct h2_frame_ops frame_ops = {on_begin, on_data, on_end, on_lost};

/* ---------------------------------------------------------------- interface */

static void *http2_open(struct proto_session *ps)
{
	struct http2 *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->streams = table_new(offsetof(struct stream, id), sizeof(uint32_t), STREAMS_MAX);
	if (!h->streams) {
		free(h);
		return NULL;
	}
	h->ps = ps;
	h->client = DIR_OPENER;
	for (int d = 0; d < DIR_COUNT; d++) {
		struct half *half = &h->half[d];

		half->http = h;
		half->dir = d;
		h2_reader_init(&half->reader, &frame_ops, half);
		buf_init(&half->block, H2_BLOCK_MAX);
	}
	return h;
}

static void http2_data(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct http2 *h = state;
	struct half *half = &h->half[dir];

	h->time = time;
	if (half->lost < LOST_MAX)
		h2_reader_data(&half->reader, p, n);
	if (half->reader.state == H2_IN_PREFACE)
		set_client(h, dir);
	if (half->reader.state == H2_SEEKING)
		half->lost += n;
	if (half->lost >= LOST_MAX && h->half[dir_other(dir)].lost >= LOST_MAX)
		proto_session_done(h->ps);
}

static void http2_gap(void *state, enum dir dir, uint64_t n, uint64_t time)
{
	struct http2 *h = state;

	h->time = time;
	h2_reader_gap(&h->half[dir].reader, n);
}

static void http2_eof(void *state, enum dir dir, uint64_t time)
{
	struct http2 *h = state;

	h->time = time;
	messages_end(h, side_of(&h->half[dir]), FILE_REASON_RESET);
}

static void http2_close(void *state, enum file_reason reason, uint64_t time)
{
	struct http2 *h = state;
	struct table_entry *entry;

	h->time = time;
	/* Both ends said goodbye before the message was whole. */
	if (reason == FILE_REASON_NONE)
		reason = FILE_REASON_RESET;
	while ((entry = table_oldest(h->streams)))
		stream_free((struct stream *)entry, reason);
	table_free(h->streams);
	for (int d = 0; d < DIR_COUNT; d++) {
		h2_reader_free(&h->half[d].reader);
		h2_table_free(&h->half[d].table);
		buf_free(&h->half[d].block);
	}
	free(h);
}

const struct proto_ops proto_http2 = {
	.name = "http2",
	.probe = h2_probe,
	.open = http2_open,
	.data = http2_data,
	.gap = http2_gap,
	.eof = http2_eof,
	.close = http2_close,
};
