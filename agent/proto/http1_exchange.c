// SPDX-License-Identifier: MIT
/*
 * Requests and answers of HTTP/1 as libhtp finds them.
 */
#include "proto/http1_exchange.h"

#include <stdlib.h>
#include <string.h>

/* A header field, and all that libhtp buffers at once. */
#define FIELD_MAX (64u << 10)
#define FIELDS_MAX 1024
/* Requests without their answer: more are not a conversation. */
#define OPEN_MAX 1024

/* --------------------------------------------------------------- headers */

static struct text text_of(const bstr *b)
{
	return b ? (struct text){bstr_ptr(b), bstr_len(b)} : (struct text){NULL, 0};
}

/* Value of a field, repeated ones joined by libhtp; p is NULL when absent. */
struct text http1_field(htp_table_t *headers, const char *name)
{
	htp_header_t *h = headers ? htp_table_get_c(headers, name) : NULL;

	return text_of(h ? h->value : NULL);
}

static htp_table_t *headers_of(const struct exchange *e, enum http_side side)
{
	return side == HTTP_REQUEST ? e->tx->request_headers : e->tx->response_headers;
}

struct http_exchange http1_heads(const struct exchange *e)
{
	const htp_tx_t *tx = e->tx;
	struct http_exchange x = {.ps = e->http->ps, .client = e->http->client};

	for (int side = 0; side < HTTP_SIDES; side++)
		for (int f = HTTP_HOST; f < HTTP_FIELD_COUNT; f++)
			x.head[side].field[f] =
				http1_field(headers_of(e, side), http_field_names[f]);
	x.head[HTTP_REQUEST].seen = e->requested;
	x.head[HTTP_REQUEST].field[HTTP_METHOD] = text_of(tx->request_method);
	x.head[HTTP_REQUEST].field[HTTP_TARGET] = text_of(tx->request_uri);
	if (tx->response_status_number > 0)
		x.head[HTTP_RESPONSE].status = (uint32_t)tx->response_status_number;
	return x;
}

static void describe_request(void *arg, struct sighting *s)
{
	struct http_exchange x = http1_heads(arg);

	http_describe(&x, HTTP_REQUEST, s);
}

static void describe_response(void *arg, struct sighting *s)
{
	struct http_exchange x = http1_heads(arg);

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
		m->clear =
			http_length(http1_field(headers_of(e, side), "content-length"), length);
	}
	*length = (uint64_t)n;
	return m->clear;
}

static void message_begin(struct exchange *e, enum http_side side)
{
	struct http_exchange x = http1_heads(e);
	uint64_t length;
	bool known = announced(e, side, &length);

	e->message[side].body =
		http_body_new(&x, side, known, length,
			      side == HTTP_REQUEST ? describe_request : describe_response, e);
}

void http1_message_end(struct exchange *e, enum http_side side, enum file_reason reason)
{
	struct message *m = &e->message[side];

	if (!reason)
		reason = m->unsure;
	if (m->body)
		body_close(m->body, reason, e->http->time);
	m->body = NULL;
	m->ended = true;
}

/* Body bytes, or a hole in them. */
void http1_message_data(struct exchange *e, enum http_side side, const uint8_t *p, size_t n)
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
		http1_message_end(e, side, FILE_REASON_NONE);
}

uint64_t http1_message_left(struct exchange *e, enum http_side side)
{
	const struct message *m = &e->message[side];
	uint64_t length;

	if (!announced(e, side, &length))
		return UINT64_MAX;
	return m->ended ? 0 : length - m->seen;
}

uint64_t http1_message_unwanted(struct exchange *e, enum http_side side)
{
	const struct message *m = &e->message[side];
	const htp_tx_t *tx = e->tx;
	uint64_t left;

	if (!m->body || m->ended || body_wanted(m->body))
		return 0;
	left = http1_message_left(e, side);
	if (left != UINT64_MAX)
		return left;
	/* Where a chunk ends is not known here; nor is the length where it is unclear. */
	if (side == HTTP_RESPONSE && tx->response_transfer_coding == HTP_CODING_IDENTITY &&
	    tx->response_content_length < 0)
		return UINT64_MAX;
	return 0;
}

/* libhtp has seen the end of a message, or of its connection. */
void http1_message_complete(struct exchange *e, enum http_side side)
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
	http1_message_end(e, side, whole ? FILE_REASON_NONE : FILE_REASON_RESET);
}

/* -------------------------------------------------------------- exchanges */

struct exchange *http1_exchange_of(htp_tx_t *tx)
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

void http1_exchange_free(struct exchange *e, enum file_reason reason)
{
	struct http1 *h = e->http;

	for (int side = 0; side < HTTP_SIDES; side++)
		http1_message_end(e, side, reason);
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
	struct exchange *e = http1_exchange_of(tx);

	if (!e)
		return HTP_ERROR;
	e->requested = true;
	return e->http->open > OPEN_MAX ? HTP_ERROR : HTP_OK;
}

static int on_request_data(htp_tx_data_t *d)
{
	struct exchange *e = http1_exchange_of(d->tx);

	if (!e)
		return HTP_ERROR;
	http1_message_data(e, HTTP_REQUEST, d->data, d->len);
	return HTP_OK;
}

static int on_request_trailer(htp_tx_t *tx)
{
	struct exchange *e = http1_exchange_of(tx);

	if (e && tx->request_transfer_coding == HTP_CODING_CHUNKED)
		http1_message_end(e, HTTP_REQUEST, FILE_REASON_NONE);
	return HTP_OK;
}

/* What comes next may be of another protocol (RFC 9110 §7.8). */
static void asks_for_another(struct exchange *e)
{
	struct http1 *h = e->http;

	if (h->upgrade || e->tx->response_status_number >= 200 ||
	    !http1_field(e->tx->request_headers, "upgrade").p)
		return;
	h->upgrade = e;
	h->upgrade_at = htp_connp_req_data_consumed(e->tx->connp);
}

/* Without a body it ends here, whatever libhtp makes of the line that follows. */
static int on_request_headers(htp_tx_t *tx)
{
	struct exchange *e = http1_exchange_of(tx);
	struct http_exchange x;

	if (e) {
		x = http1_heads(e);
		http_request_seen(&x);
	}
	if (e && tx->request_transfer_coding == HTP_CODING_NO_BODY)
		asks_for_another(e);
	return HTP_OK;
}

static int on_request_complete(htp_tx_t *tx)
{
	struct exchange *e = http1_exchange_of(tx);

	if (!e)
		return HTP_OK;
	http1_message_complete(e, HTTP_REQUEST);
	asks_for_another(e);
	return HTP_OK;
}

/*
 * An answer without a status line is HTTP/0.9 whatever was asked with (clients take it):
 * all of it is body.  libhtp would end it with the segment it came in.  After a hole it
 * may as well be what answers something else.
 */
static int on_response_start(htp_tx_t *tx)
{
	struct exchange *e = http1_exchange_of(tx);
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
	if (e->http->holes)
		e->message[HTTP_RESPONSE].unsure = FILE_REASON_GAP;
	return HTP_OK;
}

/*
 * libhtp knows one interim answer, 100, once; and it expects a body of a 304 that
 * repeats the Content-Length of what it stands for (RFC 9110 §15.4.5 allows that), unless the
 * request was HEAD.
 */
static int on_response_line(htp_tx_t *tx)
{
	struct exchange *e = http1_exchange_of(tx);
	int status = tx->response_status_number;

	/* Lines before this one were passed on as a body: they are not that of this answer. */
	if (e && e->message[HTTP_RESPONSE].seen) {
		http1_message_end(e, HTTP_RESPONSE, FILE_REASON_DECODE);
		e->message[HTTP_RESPONSE] = (struct message){0};
	}

	if (status >= 100 && status < 200 && status != 101) {
		tx->response_status_number = 100;
		tx->seen_100continue = 0;
	}
	if (status == 304 && (http1_field(tx->request_headers, "if-none-match").p ||
			      http1_field(tx->request_headers, "if-modified-since").p))
		tx->request_method_number = HTP_M_HEAD;
	/* libhtp would read on in the request's side before the end of this header. */
	if (e && tx->request_method_number == HTP_M_CONNECT)
		e->http->upgrade = e;
	return HTP_OK;
}

static int on_response_headers(htp_tx_t *tx)
{
	struct exchange *e = http1_exchange_of(tx);
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
	e->message[HTTP_RESPONSE].chunked = tx->response_transfer_coding == HTP_CODING_CHUNKED;
	return HTP_OK;
}

/*
 * A chunk whose size is none makes libhtp take the whole body as it is.  Where that line did
 * not come with the header, libhtp has passed a part of it on already, or passes it on again.
 */
static int on_response_data(htp_tx_data_t *d)
{
	struct exchange *e = http1_exchange_of(d->tx);
	struct message *m = e ? &e->message[HTTP_RESPONSE] : NULL;

	if (!e)
		return HTP_ERROR;
	if (m->chunked && m->apart && !m->seen &&
	    d->tx->response_transfer_coding == HTP_CODING_IDENTITY)
		m->unsure = FILE_REASON_DECODE;
	http1_message_data(e, HTTP_RESPONSE, d->data, d->len);
	return HTP_OK;
}

static int on_response_trailer(htp_tx_t *tx)
{
	struct exchange *e = http1_exchange_of(tx);

	/* Called at a header cut off by the end of the connection, too. */
	if (e && tx->response_transfer_coding == HTP_CODING_CHUNKED)
		http1_message_end(e, HTTP_RESPONSE, FILE_REASON_NONE);
	return HTP_OK;
}

static int on_response_complete(htp_tx_t *tx)
{
	struct exchange *e = http1_exchange_of(tx);

	if (e)
		http1_message_complete(e, HTTP_RESPONSE);
	return HTP_OK;
}

static int on_complete(htp_tx_t *tx)
{
	struct exchange *e = htp_tx_get_user_data(tx);

	if (e) {
		counter_add(proto_session_env(e->http->ps)->counters, COUNTER_HTTP_TRANSACTIONS,
			    1);
		http1_exchange_free(e, FILE_REASON_RESET);
	}
	return HTP_OK;
}

htp_cfg_t *http1_config_new(void)
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
	htp_config_register_request_headers(c, on_request_headers);
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
