// SPDX-License-Identifier: MIT
/*
 * HTTP/0.9 to 1.1 (RFC 9112), through libhtp, which nobody else knows.
 *
 * libhtp finds messages and undoes transfer codings the way lenient clients and
 * servers do.  Everything behind that is body.c.
 */
#include "proto/http.h"
#include "proto/http1.h"
#include "proto/multipart.h"
#include "proto/proto.h"

#include "lib/buf.h"

#include <htp/htp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A header field, and all that libhtp buffers at once. */
#define FIELD_MAX (64u << 10)
#define FIELDS_MAX 1024
/* Bytes of one side waiting for the other (CONNECT, Upgrade). */
#define HELD_MAX (256u << 10)
/* Requests without their answer: more are not a conversation. */
#define OPEN_MAX 1024
/* The same where no answer was ever seen. */
#define OPEN_ALONE_MAX 128
/* libhtp keeps a pointer per transaction until its connection object is replaced. */
#define RENEW_AFTER 4096

struct message {
	struct body *body;
	bool ended;
	bool judged, clear; /* the announced length, once its header is there */
	uint64_t seen;	    /* bytes of body, transfer coding undone */
};

struct exchange {
	struct http1 *http;
	htp_tx_t *tx;
	struct exchange *next, *prev;
	bool requested; /* the request was seen */
	struct message message[HTTP_SIDES];
};

struct http1 {
	struct proto_session *ps;
	htp_connp_t *connp;
	enum dir client;
	struct exchange *exchanges;
	size_t open;  /* exchanges */
	size_t begun; /* since connp is new */
	uint64_t time;
	bool in_gap;	   /* what libhtp passes on now is a hole */
	bool flushing;	   /* what libhtp passes on now was never received */
	struct text given; /* what libhtp is reading now */
	/* Asked for another protocol: what the client says next may be of that one. */
	struct exchange *upgrade;
	struct exchange *tunnel; /* was granted it: what follows is not HTTP/1 */
	bool handed;
	bool eof[HTTP_SIDES];
	bool spoke[HTTP_SIDES];
	/*
	 * After a hole or an error no message of that side is understood until
	 * something looks like the beginning of one.  libhtp's state is
	 * then broken, and must be replaced before that side is heard again.
	 */
	bool lost[HTTP_SIDES];
	bool broken;
	struct buf held[HTTP_SIDES];
	/* Its answer ends with the connection, and libhtp does not want it: see open_ended().
	 */
	struct exchange *rest;
};

static enum dir dir_of(const struct http1 *h, enum http_side side)
{
	return side == HTTP_REQUEST ? h->client : dir_other(h->client);
}

/* --------------------------------------------------------------- headers */

static struct text text_of(const bstr *b)
{
	return b ? (struct text){bstr_ptr(b), bstr_len(b)} : (struct text){NULL, 0};
}

/* Value of a field, repeated ones joined by libhtp; p is NULL when absent. */
static struct text field(htp_table_t *headers, const char *name)
{
	htp_header_t *h = headers ? htp_table_get_c(headers, name) : NULL;

	return text_of(h ? h->value : NULL);
}

static htp_table_t *headers_of(const struct exchange *e, enum http_side side)
{
	return side == HTTP_REQUEST ? e->tx->request_headers : e->tx->response_headers;
}

static struct http_exchange exchange_heads(const struct exchange *e)
{
	const htp_tx_t *tx = e->tx;
	struct http_exchange x = {.ps = e->http->ps, .client = e->http->client};

	for (int side = 0; side < HTTP_SIDES; side++)
		for (int f = HTTP_HOST; f < HTTP_FIELD_COUNT; f++)
			x.head[side].field[f] = field(headers_of(e, side), http_field_names[f]);
	x.head[HTTP_REQUEST].seen = e->requested;
	x.head[HTTP_REQUEST].field[HTTP_METHOD] = text_of(tx->request_method);
	x.head[HTTP_REQUEST].field[HTTP_TARGET] = text_of(tx->request_uri);
	if (tx->response_status_number > 0)
		x.head[HTTP_RESPONSE].status = (uint32_t)tx->response_status_number;
	return x;
}

static void describe_request(void *arg, struct sighting *s)
{
	struct http_exchange x = exchange_heads(arg);

	http_describe(&x, HTTP_REQUEST, s);
}

static void describe_response(void *arg, struct sighting *s)
{
	struct http_exchange x = exchange_heads(arg);

	http_describe(&x, HTTP_RESPONSE, s);
}

/* --------------------------------------------------------------- messages */

/*
 * Bytes the message's header announced; false: chunked, up to the end, or a number
 * like "34 68" (a folded field), of which readers make different things.
 */
static bool announced(struct exchange *e, enum http_side side, uint64_t *length)
{
	struct message *m = &e->message[side];
	const htp_tx_t *tx = e->tx;
	enum htp_transfer_coding_t coding = side == HTTP_REQUEST ? tx->request_transfer_coding
								 : tx->response_transfer_coding;
	int64_t n =
		side == HTTP_REQUEST ? tx->request_content_length : tx->response_content_length;

	*length = 0;
	if (coding == HTP_CODING_NO_BODY)
		return true;
	if (coding != HTP_CODING_IDENTITY || n < 0)
		return false;
	if (!m->judged) {
		m->judged = true;
		m->clear = http_length(field(headers_of(e, side), "content-length"), length);
	}
	*length = (uint64_t)n;
	return m->clear;
}

static void message_begin(struct exchange *e, enum http_side side)
{
	struct http_exchange x = exchange_heads(e);
	uint64_t length;
	bool known = announced(e, side, &length);

	e->message[side].body =
		http_body_new(&x, side, known, length,
			      side == HTTP_REQUEST ? describe_request : describe_response, e);
}

static void message_end(struct exchange *e, enum http_side side, enum file_reason reason)
{
	struct message *m = &e->message[side];

	if (m->body)
		body_close(m->body, reason, e->http->time);
	m->body = NULL;
	m->ended = true;
}

/* Body bytes, or a hole in them. */
static void message_data(struct exchange *e, enum http_side side, const uint8_t *p, size_t n)
{
	struct message *m = &e->message[side];
	uint64_t length;
	bool known = announced(e, side, &length);

	if (e->http->flushing)
		return;
	if (m->ended)
		return;
	/* Bytes behind the announced end are nobody's. */
	if (known && n > length - m->seen)
		n = (size_t)(length - m->seen);
	if (!n)
		return;
	if (!m->body)
		message_begin(e, side);
	m->seen += n;
	if (m->body && e->http->in_gap)
		body_gap(m->body, n, e->http->time);
	else if (m->body)
		body_data(m->body, p, n, e->http->time);
	if (known && m->seen == length)
		message_end(e, side, FILE_REASON_NONE);
}

/* libhtp has seen the end of a message, or of its connection. */
static void message_complete(struct exchange *e, enum http_side side)
{
	struct message *m = &e->message[side];
	int64_t unclear = e->tx->response_content_length;
	uint64_t length;
	bool whole;

	if (m->ended)
		return;
	/* With a clear length, or chunked, the end would have been seen before. */
	whole = side == HTTP_RESPONSE && unclear >= 0 && m->seen >= (uint64_t)unclear &&
		!announced(e, side, &length);
	whole |= e->http->eof[side] &&
		 ((side == HTTP_RESPONSE && !announced(e, side, &length) &&
		   e->tx->response_transfer_coding != HTP_CODING_CHUNKED) ||
		  (m->body && body_has_end(m->body)));
	message_end(e, side, whole ? FILE_REASON_NONE : FILE_REASON_RESET);
}

/* -------------------------------------------------------------- exchanges */

static struct exchange *exchange_of(htp_tx_t *tx)
{
	struct http1 *h = htp_connp_get_user_data(tx->connp);
	struct exchange *e = htp_tx_get_user_data(tx);

	if (e || !h)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->http = h;
	e->tx = tx;
	e->next = h->exchanges;
	if (e->next)
		e->next->prev = e;
	h->exchanges = e;
	h->open++;
	h->begun++;
	htp_tx_set_user_data(tx, e);
	return e;
}

static void exchange_free(struct exchange *e, enum file_reason reason)
{
	struct http1 *h = e->http;

	for (int side = 0; side < HTTP_SIDES; side++)
		message_end(e, side, reason);
	if (e->prev)
		e->prev->next = e->next;
	else
		h->exchanges = e->next;
	if (e->next)
		e->next->prev = e->prev;
	h->open--;
	if (h->rest == e)
		h->rest = NULL;
	if (h->upgrade == e)
		h->upgrade = NULL;
	if (h->tunnel == e)
		h->tunnel = NULL;
	htp_tx_set_user_data(e->tx, NULL);
	free(e);
}

/* -------------------------------------------------------------- callbacks */

static int on_request_line(htp_tx_t *tx)
{
	struct exchange *e = exchange_of(tx);

	if (!e)
		return HTP_ERROR;
	e->requested = true;
	return e->http->open > OPEN_MAX ? HTP_ERROR : HTP_OK;
}

static int on_request_data(htp_tx_data_t *d)
{
	struct exchange *e = exchange_of(d->tx);

	if (!e)
		return HTP_ERROR;
	message_data(e, HTTP_REQUEST, d->data, d->len);
	return HTP_OK;
}

static int on_request_trailer(htp_tx_t *tx)
{
	struct exchange *e = exchange_of(tx);

	if (e && tx->request_transfer_coding == HTP_CODING_CHUNKED)
		message_end(e, HTTP_REQUEST, FILE_REASON_NONE);
	return HTP_OK;
}

static int on_request_complete(htp_tx_t *tx)
{
	struct exchange *e = exchange_of(tx);

	if (!e)
		return HTP_OK;
	message_complete(e, HTTP_REQUEST);
	if (field(tx->request_headers, "upgrade").p)
		e->http->upgrade = e;
	return HTP_OK;
}

/*
 * An answer without a status line is HTTP/0.9 whatever was asked with (clients take it):
 * all of it is body.  libhtp would end it with the segment it came in.
 */
static int on_response_start(htp_tx_t *tx)
{
	struct exchange *e = exchange_of(tx);
	struct text t;
	size_t used;

	if (!e)
		return HTP_ERROR;
	t = e->http->given;
	used = t.p ? htp_connp_res_data_consumed(tx->connp) : 0;
	if (!e->requested || used >= t.n ||
	    http1_is_response(t.p + used, t.n - used) != PROBE_NO ||
	    memmem(t.p + used, t.n - used, "\nHTTP/", 6))
		return HTP_OK;
	htp_tx_req_set_protocol_0_9(tx, 1);
	return HTP_OK;
}

/*
 * libhtp knows one interim answer, 100, once; and it expects a body of a 304 that
 * repeats the Content-Length of what it stands for (RFC 9110 §15.4.5 allows that), unless the
 * request was HEAD.
 */
static int on_response_line(htp_tx_t *tx)
{
	struct exchange *e = exchange_of(tx);
	int status = tx->response_status_number;

	/* Lines before this one were passed on as a body: they are not that of this answer. */
	if (e && e->message[HTTP_RESPONSE].seen) {
		message_end(e, HTTP_RESPONSE, FILE_REASON_DECODE);
		e->message[HTTP_RESPONSE] = (struct message){0};
	}

	if (status >= 100 && status < 200 && status != 101) {
		tx->response_status_number = 100;
		tx->seen_100continue = 0;
	}
	if (status == 304 && (field(tx->request_headers, "if-none-match").p ||
			      field(tx->request_headers, "if-modified-since").p))
		tx->request_method_number = HTP_M_HEAD;
	/* libhtp would read on in the request's side before the end of this header. */
	if (e && tx->request_method_number == HTP_M_CONNECT)
		e->http->upgrade = e;
	return HTP_OK;
}

static int on_response_headers(htp_tx_t *tx)
{
	struct exchange *e = exchange_of(tx);
	int status = tx->response_status_number;

	if (!e)
		return HTP_OK;
	if (status == 101 ||
	    (tx->request_method_number == HTP_M_CONNECT && status >= 200 && status < 300)) {
		e->http->tunnel = e;
		return HTP_STOP;
	}
	if (e->http->upgrade == e && status >= 200)
		e->http->upgrade = NULL;
	return HTP_OK;
}

static int on_response_data(htp_tx_data_t *d)
{
	struct exchange *e = exchange_of(d->tx);

	if (!e)
		return HTP_ERROR;
	message_data(e, HTTP_RESPONSE, d->data, d->len);
	return HTP_OK;
}

static int on_response_trailer(htp_tx_t *tx)
{
	struct exchange *e = exchange_of(tx);

	/* Called at a header cut off by the end of the connection, too. */
	if (e && tx->response_transfer_coding == HTP_CODING_CHUNKED)
		message_end(e, HTTP_RESPONSE, FILE_REASON_NONE);
	return HTP_OK;
}

static int on_response_complete(htp_tx_t *tx)
{
	struct exchange *e = exchange_of(tx);

	if (e)
		message_complete(e, HTTP_RESPONSE);
	return HTP_OK;
}

static int on_complete(htp_tx_t *tx)
{
	struct exchange *e = htp_tx_get_user_data(tx);

	if (e) {
		counter_add(proto_session_env(e->http->ps)->counters, COUNTER_HTTP_TRANSACTIONS,
			    1);
		exchange_free(e, FILE_REASON_RESET);
	}
	return HTP_OK;
}

static htp_cfg_t *config_new(void)
{
	htp_cfg_t *c = htp_config_create();

	if (!c)
		return NULL;
	htp_config_set_server_personality(c, HTP_SERVER_IDS);
	htp_config_set_log_level(c, HTP_LOG_NONE);
	htp_config_set_tx_auto_destroy(c, 1);
	htp_config_set_response_decompression(c, 0);
	htp_config_set_parse_request_cookies(c, 0);
	htp_config_set_field_limits(c, FIELD_MAX, FIELD_MAX);
	htp_config_set_number_headers_limit(c, FIELDS_MAX);
	htp_config_register_request_line(c, on_request_line);
	htp_config_register_request_body_data(c, on_request_data);
	htp_config_register_request_trailer(c, on_request_trailer);
	htp_config_register_request_complete(c, on_request_complete);
	htp_config_register_response_start(c, on_response_start);
	htp_config_register_response_line(c, on_response_line);
	htp_config_register_response_headers(c, on_response_headers);
	htp_config_register_response_body_data(c, on_response_data);
	htp_config_register_response_trailer(c, on_response_trailer);
	htp_config_register_response_complete(c, on_response_complete);
	htp_config_register_transaction_complete(c, on_complete);
	return c;
}

/* ------------------------------------------------------------- connection */

static bool connect_new(struct http1 *h)
{
	static htp_cfg_t *config; /* the same for all, never changed */

	if (!config)
		config = config_new();
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
		exchange_free(h->exchanges, reason);
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
		message_end(e, side, reason);
	if (!h->lost[side])
		counter_add(proto_session_env(h->ps)->counters, COUNTER_HTTP_ERRORS, 1);
	h->lost[side] = true;
	h->broken = true;
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
	    field(tx->response_headers, "content-length").p)
		return false;
	type = htp_table_get_c(tx->response_headers, "content-type");
	if (!type || bstr_index_of_c_nocase(type->value, MULTIPART_RANGES) == -1)
		return false;
	tx->response_transfer_coding = HTP_CODING_IDENTITY;
	h->rest = exchange_of(tx);
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
	struct http_exchange x = exchange_heads(h->tunnel);
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
	message_end(h->tunnel, HTTP_RESPONSE, FILE_REASON_NONE);
	h->handed = proto_session_handover(h->ps, rest, upgraded ? &request : NULL);
	sighting_free(&request);
}

/* Gives bytes (p NULL: a hole) to libhtp; what it leaves is held back. */
static void give(struct http1 *h, enum http_side side, const uint8_t *p, size_t n)
{
	size_t used;
	int r;

	h->in_gap = !p;
	h->given = (struct text){p, n};
	r = side == HTTP_REQUEST ? htp_connp_req_data(h->connp, NULL, p, n)
				 : htp_connp_res_data(h->connp, NULL, p, n);
	h->in_gap = false;
	h->given = (struct text){NULL, 0};
	if (h->tunnel) {
		hand_over(h, p, n);
		return;
	}
	switch (r) {
	case HTP_STREAM_DATA:
		return;
	case HTP_STREAM_DATA_OTHER:
		used = side == HTTP_REQUEST ? htp_connp_req_data_consumed(h->connp)
					    : htp_connp_res_data_consumed(h->connp);
		if (p && used < n && !buf_add(&h->held[side], p + used, n - used))
			lose(h, side, FILE_REASON_DECODE);
		return;
	default:
		if (side != HTTP_RESPONSE || !p || !open_ended(h)) {
			lose(h, side, p ? FILE_REASON_DECODE : FILE_REASON_GAP);
			return;
		}
		used = htp_connp_res_data_consumed(h->connp);
		if (used < n)
			message_data(h->rest, HTTP_RESPONSE, p + used, n - used);
	}
}

/* What was held back may go on after the other side moved. */
static void give_held(struct http1 *h, enum http_side side)
{
	struct buf held = h->held[side];

	if (!held.len || h->tunnel || h->lost[side] || (side == HTTP_REQUEST && h->upgrade))
		return;
	buf_init(&h->held[side], HELD_MAX);
	give(h, side, held.data, held.len);
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

/* -------------------------------------------------------------- interface */

static void *http1_open(struct proto_session *ps)
{
	struct http1 *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->ps = ps;
	h->client = DIR_OPENER;
	for (int side = 0; side < HTTP_SIDES; side++)
		buf_init(&h->held[side], HELD_MAX);
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
		message_data(h->rest, HTTP_RESPONSE, p, n);
		return;
	}
	if (!ready(h, side, p, n))
		return;
	if (h->held[side].len || (side == HTTP_REQUEST && h->upgrade)) {
		if (!buf_add(&h->held[side], p, n))
			lose(h, side, FILE_REASON_DECODE);
		give_held(h, side);
	} else {
		give(h, side, p, n);
	}
	give_held(h, side == HTTP_REQUEST ? HTTP_RESPONSE : HTTP_REQUEST);
	settle(h);
}

static void http1_gap(void *state, enum dir dir, uint64_t n, uint64_t time)
{
	struct http1 *h = state;
	enum http_side side = side_of(h, dir, NULL, 0);

	h->time = time;
	if (!h->connp || h->lost[side])
		return;
	if (side == HTTP_RESPONSE && h->rest) {
		h->in_gap = true;
		message_data(h->rest, HTTP_RESPONSE, NULL, n);
		h->in_gap = false;
		return;
	}
	if (h->held[side].len || n > SSIZE_MAX)
		lose(h, side, FILE_REASON_GAP);
	else
		give(h, side, NULL, (size_t)n);
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
	h->eof[side] = true;
	if (!h->connp || h->lost[side])
		return;
	if (side == HTTP_RESPONSE && h->rest) {
		message_complete(h->rest, HTTP_RESPONSE);
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
	/* Both ends said goodbye before the message was whole. */
	connect_free(h, reason == FILE_REASON_NONE ? FILE_REASON_RESET : reason);
	for (int side = 0; side < HTTP_SIDES; side++)
		buf_free(&h->held[side]);
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
