// SPDX-License-Identifier: MIT
/*
 * HTTP/0.9 to 1.1 (RFC 9112), through libhtp, which nobody else knows.
 *
 * libhtp finds messages and undoes transfer codings the way lenient clients and
 * servers do; http1_exchange.c pairs them.  Everything behind that is http.c and body.c.
 */
#include "proto/http1_exchange.h"
#include "proto/multipart.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of one side waiting for the other (CONNECT, Upgrade). */
#define HELD_MAX (256u << 10)
/* Requests without their answer, where no answer was ever seen. */
#define OPEN_ALONE_MAX 128
/* Bytes of a header that are waited for. */
#define HEAD_MAX (64u << 10)
/* libhtp keeps a pointer per transaction until its connection object is replaced. */
#define RENEW_AFTER 4096

static enum dir dir_of(const struct http1 *h, enum http_side side)
{
	return side == HTTP_REQUEST ? h->client : dir_other(h->client);
}

/* ------------------------------------------------------------- connection */

static bool connect_new(struct http1 *h)
{
	static htp_cfg_t *config; /* the same for all, never changed */

	if (!config)
		config = http1_config_new();
	h->connp = config ? htp_connp_create(config) : NULL;
	if (!h->connp)
		return false;
	htp_connp_set_user_data(h->connp, h);
	htp_connp_open(h->connp, NULL, 0, NULL, 0, NULL);
	h->begun = 0;
	h->broken = false;
	return true;
}

static void connect_free(struct http1 *h, enum file_reason reason)
{
	while (h->exchanges)
		http1_exchange_free(h->exchanges, reason);
	if (!h->connp)
		return;
	htp_connp_set_user_data(h->connp, NULL);
	htp_connp_destroy_all(h->connp);
	h->connp = NULL;
}

static bool renew(struct http1 *h)
{
	connect_free(h, FILE_REASON_GAP);
	buf_reset(&h->held[HTTP_REQUEST]);
	buf_reset(&h->held[HTTP_RESPONSE]);
	h->ahead = 0;
	if (connect_new(h))
		return true;
	proto_session_done(h->ps);
	return false;
}

/* This side is not understood any more. */
static void lose(struct http1 *h, enum http_side side, enum file_reason reason)
{
	htp_tx_t *tx = side == HTTP_REQUEST ? htp_connp_get_in_tx(h->connp)
					    : htp_connp_get_out_tx(h->connp);
	struct exchange *e = tx ? htp_tx_get_user_data(tx) : NULL;

	if (e)
		http1_message_end(e, side, reason);
	if (!h->lost[side])
		counter_add(proto_session_env(h->ps)->counters, COUNTER_HTTP_ERRORS, 1);
	h->lost[side] = true;
	h->broken = true;
	if (side == HTTP_RESPONSE || !h->upgrade)
		buf_reset(&h->held[side]);
}

/* Whether bytes of a side can be given to libhtp. */
static bool ready(struct http1 *h, enum http_side side, const uint8_t *p, size_t n)
{
	bool start;

	if (!h->lost[HTTP_REQUEST] && !h->lost[HTTP_RESPONSE])
		return true;
	start = side == HTTP_REQUEST ? http1_is_request(p, n) == PROBE_YES
				     : http1_is_response(p, n) == PROBE_YES;
	if (!h->lost[side]) {
		/* The other side is lost: a new exchange begins with a new state. */
		if (h->broken && side == HTTP_REQUEST && start &&
		    !htp_connp_get_in_tx(h->connp))
			return renew(h);
		return true;
	}
	if (!start)
		return false;
	if (h->broken) {
		htp_tx_t *other = side == HTTP_REQUEST ? htp_connp_get_out_tx(h->connp)
						       : htp_connp_get_in_tx(h->connp);
		struct exchange *e = other ? htp_tx_get_user_data(other) : NULL;

		/* Not while the other side is in the middle of a body. */
		if (e && e->message[side == HTTP_REQUEST ? HTTP_RESPONSE : HTTP_REQUEST].body &&
		    !h->lost[side == HTTP_REQUEST ? HTTP_RESPONSE : HTTP_REQUEST])
			return false;
		if (!renew(h))
			return false;
	}
	h->lost[side] = false;
	return true;
}

/*
 * Of an answer whose type has "multipart/byteranges" in it and that ends with the
 * connection, libhtp takes the header and gives up.  Some servers send ranges that
 * way, and any may call anything so: the rest of that side is the body.
 */
static bool open_ended(struct http1 *h)
{
	htp_tx_t *tx = htp_connp_get_out_tx(h->connp);
	htp_header_t *type;

	/* The second is set once the header is complete. */
	if (!tx || !tx->response_content_type ||
	    tx->response_progress != HTP_RESPONSE_HEADERS ||
	    http1_field(tx->response_headers, "content-length").p)
		return false;
	type = htp_table_get_c(tx->response_headers, "content-type");
	if (!type || bstr_index_of_c_nocase(type->value, MULTIPART_RANGES) == -1)
		return false;
	tx->response_transfer_coding = HTP_CODING_IDENTITY;
	h->rest = http1_exchange_of(tx);
	return h->rest;
}

/*
 * CONNECT (RFC 9110 §9.3.6) and Upgrade (§7.8) were granted: what the server says next and
 * what the client was not heard about yet are of another protocol.
 */
static void hand_over(struct http1 *h, const uint8_t *p, size_t n)
{
	size_t used = p ? htp_connp_res_data_consumed(h->connp) : n;
	struct buf *held = &h->held[HTTP_REQUEST];
	struct http_exchange x = http1_heads(h->tunnel);
	struct proto_head rest[DIR_COUNT] = {0};
	bool upgraded = x.head[HTTP_RESPONSE].status == 101;
	struct sighting request;

	rest[dir_of(h, HTTP_REQUEST)] =
		(struct proto_head){held->data, held->len, h->eof[HTTP_REQUEST]};
	if (used < n)
		rest[dir_of(h, HTTP_RESPONSE)] =
			(struct proto_head){.p = p + used, .n = n - used};
	sighting_init(&request);
	if (upgraded)
		http_describe(&x, HTTP_REQUEST, &request);
	http1_message_end(h->tunnel, HTTP_RESPONSE, FILE_REASON_NONE);
	h->handed = proto_session_handover(h->ps, rest, upgraded ? &request : NULL);
	sighting_free(&request);
}

/* What comes now did not come with the header. */
static void note_apart(struct http1 *h)
{
	htp_tx_t *tx = htp_connp_get_out_tx(h->connp);
	struct exchange *e = tx ? htp_tx_get_user_data(tx) : NULL;

	if (e && e->message[HTTP_RESPONSE].chunked && !e->message[HTTP_RESPONSE].seen)
		e->message[HTTP_RESPONSE].apart = true;
}

/* Stands for the last byte of a hole: see give_hole(). */
static const uint8_t stand_in;

/*
 * Gives the first n of `all` bytes (p NULL: a hole) to libhtp; what it leaves is held back.
 * False: what became of the others is settled, too.
 */
static bool give_part(struct http1 *h, enum http_side side, const uint8_t *p, size_t n,
		      size_t all)
{
	size_t used;
	int r;

	h->in_gap = !p || p == &stand_in;
	h->given = (struct text){p, all};
	r = side == HTTP_REQUEST ? htp_connp_req_data(h->connp, NULL, p, n)
				 : htp_connp_res_data(h->connp, NULL, p, n);
	h->in_gap = false;
	h->given = (struct text){NULL, 0};
	if (h->tunnel) {
		hand_over(h, p, all);
		return false;
	}
	if (side == HTTP_REQUEST && p && h->upgrade && h->upgrade_at < n) {
		h->ahead = n - h->upgrade_at;
		if (!buf_add(&h->held[side], p + h->upgrade_at, h->ahead))
			h->ahead = 0;
	}
	h->upgrade_at = SIZE_MAX;
	switch (r) {
	case HTP_STREAM_DATA:
		return true;
	case HTP_STREAM_DATA_OTHER:
		used = side == HTTP_REQUEST ? htp_connp_req_data_consumed(h->connp)
					    : htp_connp_res_data_consumed(h->connp);
		if (p && used < all && !buf_add(&h->held[side], p + used, all - used))
			lose(h, side, FILE_REASON_DECODE);
		return false;
	default:
		if (side != HTTP_RESPONSE || !p || !open_ended(h)) {
			lose(h, side, p ? FILE_REASON_DECODE : FILE_REASON_GAP);
			return false;
		}
		used = htp_connp_res_data_consumed(h->connp);
		if (used < all)
			http1_message_data(h->rest, HTTP_RESPONSE, p + used, all - used);
		return false;
	}
}

static void give(struct http1 *h, enum http_side side, const uint8_t *p, size_t n)
{
	if (side == HTTP_RESPONSE)
		note_apart(h);
	give_part(h, side, p, n, n);
}

/* Whether libhtp is between two messages of that side, or in the header of one. */
static bool in_head(const struct http1 *h, enum http_side side)
{
	const htp_tx_t *tx = side == HTTP_REQUEST ? htp_connp_get_in_tx(h->connp)
						  : htp_connp_get_out_tx(h->connp);

	if (!tx)
		return true;
	return side == HTTP_REQUEST ? tx->request_progress <= HTP_REQUEST_HEADERS
				    : tx->response_progress <= HTP_RESPONSE_HEADERS;
}

/* The exchange one of whose messages is being read; NULL: none. */
static struct exchange *current(struct http1 *h, enum http_side side)
{
	htp_tx_t *tx = side == HTTP_REQUEST ? htp_connp_get_in_tx(h->connp)
					    : htp_connp_get_out_tx(h->connp);

	if (side == HTTP_RESPONSE && h->rest)
		return h->rest;
	return tx ? htp_tx_get_user_data(tx) : NULL;
}

/* Behind the first empty line, as the most lenient reader knows it; NULL: there is none. */
static const uint8_t *find_end(const uint8_t *p, const uint8_t *end)
{
	while ((p = memchr(p, '\n', (size_t)(end - p)))) {
		for (p++; p < end && *p == '\r'; p++)
			;
		if (p < end && *p == '\n')
			return p + 1;
	}
	return NULL;
}

static bool has_end(const uint8_t *p, size_t n)
{
	return find_end(p, p + n);
}

/* Where a status line may begin; end: nowhere. */
static const uint8_t *find_status(const uint8_t *p, const uint8_t *end)
{
	static const char begin[] = "HTTP/";

	for (; p < end; p++) {
		size_t n = (size_t)(end - p);

		if (!strncasecmp((const char *)p, begin,
				 n < sizeof(begin) - 1 ? n : sizeof(begin) - 1))
			break;
	}
	return p;
}

/*
 * Gives what the server says.  Of a status line whose first bytes come behind another
 * message and in one segment with it, libhtp forgets these: a header that is not whole is
 * kept until it is.
 */
static void give_answer(struct http1 *h, const uint8_t *p, size_t n)
{
	struct exchange *e = in_head(h, HTTP_RESPONSE) ? NULL : current(h, HTTP_RESPONSE);
	uint64_t left = e ? http1_message_left(e, HTTP_RESPONSE) : UINT64_MAX;
	const uint8_t *end = p + n, *at = p + 1, *next;

	note_apart(h);
	/* All of it is of one body. */
	if (left != UINT64_MAX && left >= n)
		at = end;
	while (at < end && (next = find_end(at - 1, end)))
		at = next;
	for (;;) {
		at = find_status(at, end);
		if (!give_part(h, HTTP_RESPONSE, p, (size_t)(at - p), (size_t)(end - p)) ||
		    at == end)
			return;
		p = at++;
		if (in_head(h, HTTP_RESPONSE) && end - p <= HEAD_MAX &&
		    buf_add(&h->head[HTTP_RESPONSE], p, (size_t)(end - p)))
			return;
	}
}

static void give_side(struct http1 *h, enum http_side side, const uint8_t *p, size_t n)
{
	if (side == HTTP_RESPONSE)
		give_answer(h, p, n);
	else
		give(h, side, p, n);
}

/* What is there of a header, whether it is whole or not. */
static void flush_head(struct http1 *h, enum http_side side, bool whole)
{
	struct buf head = h->head[side];

	if (!head.len)
		return;
	buf_init(&h->head[side], HEAD_MAX);
	if (!h->lost[side] && !h->tunnel)
		(whole ? give_side : give)(h, side, head.data, head.len);
	buf_free(&head);
}

/*
 * libhtp reads some broken headers by how they are cut into segments, and that is the
 * sender's choice: it gets them whole.
 */
static void give_head(struct http1 *h, enum http_side side, const uint8_t *p, size_t n)
{
	struct buf *head = &h->head[side];
	size_t before = head->len;

	if (!before && (!in_head(h, side) || has_end(p, n))) {
		give_side(h, side, p, n);
		return;
	}
	if (before + n > HEAD_MAX || !buf_add(head, p, n)) {
		flush_head(h, side, false);
		give(h, side, p, n);
		return;
	}
	before -= before < 3 ? before : 3;
	if (has_end(head->data + before, head->len - before))
		flush_head(h, side, true);
}

/*
 * libhtp takes a hole for an error where a body ends with it, and would not go on with the
 * next message.
 */
static void give_hole(struct http1 *h, enum http_side side, size_t n)
{
	struct exchange *e = current(h, side);

	if (!e || http1_message_left(e, side) != n) {
		give(h, side, NULL, n);
		return;
	}
	if (n > 1)
		give(h, side, NULL, n - 1);
	if (!h->lost[side])
		give(h, side, &stand_in, 1);
}

/* What was held back may go on after the other side moved. */
static void give_held(struct http1 *h, enum http_side side)
{
	struct buf held = h->held[side];
	size_t used = 0; /* by libhtp, already */

	if (!held.len || h->tunnel || (side == HTTP_REQUEST && h->upgrade))
		return;
	buf_init(&h->held[side], HELD_MAX);
	if (side == HTTP_REQUEST) {
		used = h->ahead;
		h->ahead = 0;
	}
	if (used < held.len && !h->lost[side])
		give_side(h, side, held.data + used, held.len - used);
	buf_free(&held);
}

/* After every call into libhtp: what must not be done inside one. */
static void settle(struct http1 *h)
{
	bool request_rests = !htp_connp_get_in_tx(h->connp) || !h->spoke[HTTP_REQUEST];

	if (h->tunnel) {
		if (!h->handed)
			proto_session_done(h->ps);
		return;
	}
	if (h->lost[HTTP_REQUEST] || h->lost[HTTP_RESPONSE] || !request_rests ||
	    htp_connp_get_out_tx(h->connp))
		return;
	if ((h->begun > RENEW_AFTER && h->open <= !h->spoke[HTTP_REQUEST]) ||
	    (h->open > OPEN_ALONE_MAX && !h->spoke[HTTP_RESPONSE]))
		renew(h);
}

/* What nobody wants of a body may be left out: all that was given of it was read. */
static void leave_out(struct http1 *h, enum http_side side)
{
	struct exchange *e;

	if (h->tunnel || h->lost[side] || h->held[side].len || h->head[side].len)
		return;
	e = current(h, side);
	if (e)
		proto_session_skip(h->ps, dir_of(h, side), http1_message_unwanted(e, side));
}

/* -------------------------------------------------------------- interface */

static void *http1_open(struct proto_session *ps)
{
	struct http1 *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->ps = ps;
	h->client = DIR_OPENER;
	h->upgrade_at = SIZE_MAX;
	for (int side = 0; side < HTTP_SIDES; side++) {
		buf_init(&h->held[side], HELD_MAX);
		buf_init(&h->head[side], HEAD_MAX);
	}
	if (connect_new(h))
		return h;
	free(h);
	return NULL;
}

static enum http_side side_of(struct http1 *h, enum dir dir, const uint8_t *p, size_t n)
{
	/* Seen from its middle, a session's opener may be the server. */
	if (!h->spoke[HTTP_REQUEST] && !h->spoke[HTTP_RESPONSE] && p &&
	    proto_session_info(h->ps)->midstream) {
		bool answers = http1_is_response(p, n) == PROBE_YES;

		if (answers || http1_is_request(p, n) == PROBE_YES)
			h->client = answers ? dir_other(dir) : dir;
		proto_session_client(h->ps, h->client);
	}
	return dir == h->client ? HTTP_REQUEST : HTTP_RESPONSE;
}

static void http1_data(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct http1 *h = state;
	enum http_side side = side_of(h, dir, p, n);

	h->time = time;
	if (!h->connp)
		return;
	h->spoke[side] = true;
	if (side == HTTP_RESPONSE && h->rest) {
		http1_message_data(h->rest, HTTP_RESPONSE, p, n);
		leave_out(h, side);
		return;
	}
	if (side == HTTP_REQUEST && h->upgrade) {
		/* It waits for its answer, whatever it is. */
		if (!buf_add(&h->held[side], p, n))
			proto_session_done(h->ps);
		return;
	}
	/* Answered is what is there of it. */
	if (side == HTTP_RESPONSE && !h->tunnel)
		flush_head(h, HTTP_REQUEST, false);
	if (!ready(h, side, p, n))
		return;
	if (h->held[side].len) {
		if (!buf_add(&h->held[side], p, n))
			lose(h, side, FILE_REASON_DECODE);
		give_held(h, side);
	} else {
		give_head(h, side, p, n);
	}
	give_held(h, side == HTTP_REQUEST ? HTTP_RESPONSE : HTTP_REQUEST);
	settle(h);
	if (h->connp)
		leave_out(h, side);
}

static void http1_gap(void *state, enum dir dir, uint64_t n, uint64_t time)
{
	struct http1 *h = state;
	enum http_side side = side_of(h, dir, NULL, 0);
	struct exchange *e = h->connp ? current(h, side) : NULL;

	h->time = time;
	/* What is left out of a body, as nobody wants it, hides nothing else. */
	if (!e || n > http1_message_unwanted(e, side))
		h->holes = true;
	if (!h->connp || h->lost[side])
		return;
	if (side == HTTP_RESPONSE && h->rest) {
		h->in_gap = true;
		http1_message_data(h->rest, HTTP_RESPONSE, NULL, n);
		h->in_gap = false;
		return;
	}
	flush_head(h, side, false);
	if (h->held[side].len || n > SSIZE_MAX || h->lost[side])
		lose(h, side, FILE_REASON_GAP);
	else
		give_hole(h, side, (size_t)n);
	settle(h);
}

/*
 * The last chunk's line may lack its end when the server closes; clients take it.
 * libhtp does once it gets that end: harmless anywhere else in a chunked body.
 */
static void finish_line(struct http1 *h)
{
	htp_tx_t *tx = htp_connp_get_out_tx(h->connp);

	if (!tx || tx->response_transfer_coding != HTP_CODING_CHUNKED)
		return;
	h->flushing = true;
	htp_connp_res_data(h->connp, NULL, "\n", 1);
	h->flushing = false;
}

static void http1_eof(void *state, enum dir dir, uint64_t time)
{
	struct http1 *h = state;
	enum http_side side = side_of(h, dir, NULL, 0);

	h->time = time;
	if (h->connp)
		flush_head(h, side, false);
	h->eof[side] = true;
	if (!h->connp || h->lost[side])
		return;
	if (side == HTTP_RESPONSE && h->rest) {
		http1_message_complete(h->rest, HTTP_RESPONSE);
	} else if (side == HTTP_REQUEST) {
		htp_connp_req_close(h->connp, NULL);
	} else {
		finish_line(h);
		htp_connp_close(h->connp, NULL);
	}
	settle(h);
}

static void http1_close(void *state, enum file_reason reason, uint64_t time)
{
	struct http1 *h = state;

	h->time = time;
	for (int side = 0; side < HTTP_SIDES && h->connp; side++)
		flush_head(h, side, false);
	/* Both ends said goodbye before the message was whole. */
	connect_free(h, reason == FILE_REASON_NONE ? FILE_REASON_RESET : reason);
	for (int side = 0; side < HTTP_SIDES; side++) {
		buf_free(&h->held[side]);
		buf_free(&h->head[side]);
	}
	free(h);
}

const struct proto_ops proto_http1 = {
	.name = "http",
	.probe = http1_probe,
	.open = http1_open,
	.data = http1_data,
	.gap = http1_gap,
	.eof = http1_eof,
	.close = http1_close,
};
