// SPDX-License-Identifier: MIT
/*
 * IMAP (RFC 9051, RFC 3501): messages fetched, whole, in parts or piece by piece, and those
 * appended; with literals of all kinds (RFC 7888, RFC 3516), MULTIAPPEND (RFC 3502), REPLACE
 * (RFC 8508) and COMPRESS=DEFLATE (RFC 4978).
 *
 * Responses say what they carry, so the server's half is enough for downloads; the client's is
 * for what it appends, who logs in, and how large the pieces are that it asks for.
 */
#include "proto/imap_fetch.h"
#include "proto/imap_inflate.h"
#include "proto/imap_probe.h"
#include "proto/imap_stream.h"
#include "proto/imap_text.h"
#include "proto/line.h"
#include "proto/mail.h"
#include "proto/sasl.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TAG_MAX 64
/* Beyond this an argument that is a literal is none that is looked at. */
#define ARGUMENT_MAX 4096

/* A command whose tagged response decides something. */
enum pending { PENDING_NONE, PENDING_LOGIN, PENDING_TLS, PENDING_COMPRESS, PENDING_APPEND };

struct imap {
	struct proto_session *ps;
	enum dir client;
	bool client_known;
	bool done;
	bool tls; /* because TLS follows */
	struct imap_stream stream[DIR_COUNT];
	bool lost[DIR_COUNT]; /* anything comes: wait for a line beyond doubt */
	bool torn[DIR_COUNT]; /* the line that comes lacks its beginning */
	bool deaf[DIR_COUNT]; /* compressed, and bytes of it are missing */
	struct imap_inflate *inflate[DIR_COUNT];

	struct imap_fetch fetch;
	struct mail *appended; /* by the client */
	struct sasl sasl;
	bool in_sasl;
	enum pending pending;
	char tag[TAG_MAX];
	bool literal_asked; /* the client waits for leave to send it */
	uint64_t time;
};

/* ----------------------------------------------------------------------- both */

static void give_up(struct imap *s, enum counter why)
{
	counter_add(proto_session_env(s->ps)->counters, why, 1);
	s->done = true;
	proto_session_done(s->ps);
}

static void compressed(struct imap *s)
{
	for (int d = 0; d < DIR_COUNT; d++) {
		if (!s->inflate[d])
			s->inflate[d] = imap_inflate_new();
		if (!s->inflate[d]) {
			give_up(s, COUNTER_MAIL_ERRORS);
			return;
		}
	}
}

static void appended_end(struct imap *s, enum file_reason reason)
{
	if (s->appended)
		mail_close(s->appended, reason, s->time);
	s->appended = NULL;
}

/* --------------------------------------------------------------------- server */

static void tagged(struct imap *s, const struct imap_token *tag, struct cursor c)
{
	enum pending was = s->pending;
	struct imap_token word;
	bool ok;

	if (!was || tag->n != strlen(s->tag) || memcmp(tag->p, s->tag, tag->n))
		return;
	imap_token(&c, &word);
	ok = imap_is(&word, "OK");
	s->pending = PENDING_NONE;
	s->in_sasl = false;
	if (was == PENDING_LOGIN && !ok)
		sasl_forget(&s->sasl);
	else if (was == PENDING_TLS && ok)
		s->done = s->tls = true; /* imap_data() hands it over */
	else if (was == PENDING_COMPRESS && ok)
		compressed(s);
	if (s->literal_asked && !ok) {
		/* It may not send it: the command is over. */
		s->literal_asked = false;
		appended_end(s, FILE_REASON_RESET);
		imap_stream_next(&s->stream[s->client]);
	}
}

static void server_line(struct imap *s)
{
	struct imap_stream *l = &s->stream[dir_other(s->client)];
	struct cursor c = cursor_of(l->text.data, l->text.len);
	struct imap_token first;

	imap_token(&c, &first);
	if (imap_is(&first, "*"))
		imap_fetch_line(&s->fetch, l, s->time);
	else if (imap_is(&first, "+"))
		s->literal_asked = false;
	else if (first.kind == IMAP_ATOM)
		tagged(s, &first, c);
}

/* What people read may end like a literal: only data has any. */
static bool has_literals(struct imap_stream *l)
{
	struct cursor c = cursor_of(l->text.data, l->text.len);
	struct imap_token t;

	if (imap_token(&c, &t) != IMAP_ATOM || !imap_is(&t, "*"))
		return false;
	imap_token(&c, &t);
	return !imap_is(&t, "OK") && !imap_is(&t, "NO") && !imap_is(&t, "BAD") &&
	       !imap_is(&t, "BYE") && !imap_is(&t, "PREAUTH");
}

static bool is_fetch(struct imap_stream *l)
{
	struct cursor c = cursor_of(l->text.data, l->text.len);
	struct imap_token t;

	imap_token(&c, &t);
	imap_token(&c, &t);
	imap_token(&c, &t);
	return imap_is(&t, "FETCH");
}

static enum imap_fate server_literal(struct imap *s)
{
	struct imap_stream *l = &s->stream[dir_other(s->client)];

	if (!has_literals(l))
		return IMAP_NO_LITERAL;
	s->fetch.options.user = sasl_name(&s->sasl);
	if (is_fetch(l))
		return imap_fetch_literal(&s->fetch, l, s->time);
	return l->literal <= ARGUMENT_MAX ? IMAP_KEEP : IMAP_SKIP;
}

/* --------------------------------------------------------------------- client */

static void pend(struct imap *s, enum pending what, const struct imap_token *tag)
{
	if (tag->n >= sizeof(s->tag))
		return;
	if (tag->n)
		memcpy(s->tag, tag->p, tag->n);
	s->tag[tag->n] = 0;
	s->pending = what;
}

static void login(struct imap *s, struct cursor c)
{
	struct imap_token t;
	struct buf name;

	imap_token(&c, &t);
	buf_init(&name, SASL_USER_MAX);
	imap_add_text(&t, &name);
	sasl_user(&s->sasl, name.data, name.len);
	buf_free(&name);
}

static void authenticate(struct imap *s, struct cursor c)
{
	char arguments[ARGUMENT_MAX];
	size_t n = c.left < sizeof(arguments) - 1 ? c.left : sizeof(arguments) - 1;

	memcpy(arguments, c.p, n);
	arguments[n] = 0;
	sasl_start(&s->sasl, arguments + strspn(arguments, " "));
	explicit_bzero(arguments, sizeof(arguments));
	s->in_sasl = true;
}

static bool is_plausible(struct imap *s, enum dir dir)
{
	struct imap_stream *l = &s->stream[dir];
	const char *line = l->text.len ? buf_string(&l->text) : "";

	return dir == s->client ? imap_is_command(line) : imap_is_response(line);
}

static void client_line(struct imap *s)
{
	struct imap_stream *l = &s->stream[s->client];
	struct cursor c = cursor_of(l->text.data, l->text.len);
	struct imap_token tag, word, t;
	struct cursor arguments;

	if (s->in_sasl && !is_plausible(s, s->client)) {
		sasl_response(&s->sasl, l->text.len ? buf_string(&l->text) : "");
		return;
	}
	s->in_sasl = false;
	imap_token(&c, &tag);
	imap_token(&c, &word);
	if (tag.kind != IMAP_ATOM || word.kind != IMAP_ATOM)
		return;
	arguments = c;
	if (imap_is(&word, "UID"))
		imap_token(&c, &word);
	if (imap_is(&word, "FETCH")) {
		imap_fetch_command(&s->fetch, c.p, c.left);
	} else if (imap_is(&word, "LOGIN")) {
		login(s, arguments);
		pend(s, PENDING_LOGIN, &tag);
	} else if (imap_is(&word, "AUTHENTICATE")) {
		authenticate(s, arguments);
		pend(s, PENDING_LOGIN, &tag);
	} else if (imap_is(&word, "STARTTLS")) {
		pend(s, PENDING_TLS, &tag);
	} else if (imap_is(&word, "COMPRESS")) {
		imap_token(&c, &t);
		if (imap_is(&t, "DEFLATE"))
			pend(s, PENDING_COMPRESS, &tag);
	}
}

/* Is the literal that is announced a message: "tag APPEND mailbox (flags) date {5}"? */
static bool is_message(struct imap *s, struct imap_stream *l)
{
	struct cursor c = cursor_of(l->text.data, l->text.len);
	struct imap_token tag, word, t;

	imap_token(&c, &tag);
	imap_token(&c, &word);
	if (imap_is(&word, "UID"))
		imap_token(&c, &word);
	if (imap_is(&word, "REPLACE"))
		imap_token(&c, &t); /* the message that goes */
	else if (!imap_is(&word, "APPEND"))
		return false;
	imap_token(&c, &t);
	if (t.kind != IMAP_ATOM && t.kind != IMAP_STRING)
		return false; /* it is the mailbox's name */
	/* Parts of other messages would be missing. */
	while (imap_token(&c, &t) != IMAP_END && t.kind != IMAP_TORN)
		if (imap_is(&t, "CATENATE"))
			return false;
	pend(s, PENDING_APPEND, &tag);
	return true;
}

static enum imap_fate client_literal(struct imap *s)
{
	struct imap_stream *l = &s->stream[s->client];

	if (s->in_sasl)
		return IMAP_NO_LITERAL;
	s->literal_asked = l->synchronizing;
	if (l->cut)
		return IMAP_SKIP;
	if (!is_message(s, l)) {
		struct cursor c = cursor_of(l->text.data, l->text.len);
		struct imap_token tag;

		imap_token(&c, &tag);
		pend(s, PENDING_APPEND, &tag);
		return l->literal <= ARGUMENT_MAX ? IMAP_KEEP : IMAP_SKIP;
	}
	return IMAP_STREAM;
}

static void appended_begin(struct imap *s)
{
	s->literal_asked = false;
	if (s->appended)
		return;
	s->appended = mail_new(
		&(struct mail_options){
			.session = s->ps,
			.sender = s->client,
			.application = "imap",
			.user = sasl_name(&s->sasl),
		},
		s->time);
}

static void client_bytes(struct imap *s, const uint8_t *p, size_t n)
{
	appended_begin(s);
	if (s->appended)
		mail_data(s->appended, p, n, s->time);
	if (!s->stream[s->client].literal)
		appended_end(s, FILE_REASON_NONE);
}

/* -------------------------------------------------------------------- streams */

/* After a loss: true while a line is none that can be told. */
static bool is_lost(struct imap *s, enum dir dir)
{
	bool torn = s->torn[dir];

	if (!s->lost[dir])
		return false;
	s->torn[dir] = false;
	s->lost[dir] = torn || !is_plausible(s, dir);
	return s->lost[dir];
}

static void literal_announced(struct imap *s, enum dir dir)
{
	enum imap_fate fate = IMAP_NO_LITERAL;

	if (!is_lost(s, dir))
		fate = dir == s->client ? client_literal(s) : server_literal(s);
	imap_stream_literal(&s->stream[dir], fate);
	if (fate == IMAP_NO_LITERAL)
		imap_stream_next(&s->stream[dir]);
}

static void line_ended(struct imap *s, enum dir dir)
{
	if (!is_lost(s, dir)) {
		s->fetch.options.user = sasl_name(&s->sasl);
		if (dir == s->client)
			client_line(s);
		else
			server_line(s);
	}
	imap_stream_next(&s->stream[dir]);
}

static void stream_bytes(struct imap *s, enum dir dir, const uint8_t *p, size_t n)
{
	if (dir == s->client) {
		client_bytes(s, p, n);
		return;
	}
	imap_fetch_bytes(&s->fetch, p, n, s->time);
	if (!s->stream[dir].literal)
		imap_fetch_end(&s->fetch, true, s->time);
}

static size_t plain_bytes(struct imap *s, enum dir dir, const uint8_t *p, size_t n)
{
	enum imap_event event;
	size_t used = imap_stream_add(&s->stream[dir], p, n, &event);

	switch (event) {
	case IMAP_LITERAL:
		literal_announced(s, dir);
		break;
	case IMAP_BYTES:
		stream_bytes(s, dir, p, used);
		break;
	case IMAP_LINE:
		line_ended(s, dir);
		break;
	case IMAP_NOTHING:
		break;
	}
	return used;
}

/* Arguments of the sink below. */
struct from {
	struct imap *s;
	enum dir dir;
};

static void inflated(void *arg, const uint8_t *p, size_t n)
{
	struct from *f = arg;

	while (n && !f->s->done) {
		size_t used = plain_bytes(f->s, f->dir, p, n);

		p += used;
		n -= used;
	}
}

/* Bytes that were not used: TLS follows. */
static size_t bytes(struct imap *s, enum dir dir, const uint8_t *p, size_t n)
{
	const struct decode_limits *limits = &proto_session_env(s->ps)->decode;
	struct from from = {s, dir};

	while (n && !s->done && !s->inflate[dir]) {
		size_t used = plain_bytes(s, dir, p, n);

		p += used;
		n -= used;
	}
	if (n && !s->done && !imap_inflate_data(s->inflate[dir], limits, p, n, inflated, &from))
		give_up(s, COUNTER_MAIL_ERRORS);
	return n;
}

/* ------------------------------------------------------------------ interface */

static void *imap_open(struct proto_session *ps)
{
	struct imap *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ps = ps;
	sasl_init(&s->sasl);
	for (int d = 0; d < DIR_COUNT; d++) {
		imap_stream_init(&s->stream[d]);
		s->lost[d] = proto_session_info(ps)->midstream;
	}
	return s;
}

/* Who is the client shows in the first bytes: the server says "* " or a tag and "OK". */
static void find_client(struct imap *s, enum dir dir, const uint8_t *p, size_t n)
{
	char line[256];
	size_t len = n < sizeof(line) - 1 ? n : sizeof(line) - 1;

	memcpy(line, p, len);
	line[len] = 0;
	line[strcspn(line, "\r\n")] = 0;
	s->client = *p == '*' || imap_is_response(line) ? dir_other(dir) : dir;
	s->client_known = true;
	proto_session_client(s->ps, s->client);
	imap_fetch_init(&s->fetch, &(struct mail_options){
					   .session = s->ps,
					   .sender = dir_other(s->client),
					   .application = "imap",
				   });
}

static void imap_data(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct imap *s = state;
	size_t left = n;

	s->time = time;
	if (s->deaf[dir] || s->done)
		return;
	if (!s->client_known)
		find_client(s, dir, p, n);
	/* TLS without the server's word for it. */
	if (dir == s->client && s->pending == PENDING_TLS && *p == 22)
		s->done = s->tls = true;
	else
		left = bytes(s, dir, p, n);
	if (s->tls)
		proto_session_starttls(s->ps, dir, p + n - left, left);
}

/* What is compressed cannot be read on behind a hole. */
static void went_deaf(struct imap *s, enum dir dir, bool streamed)
{
	s->deaf[dir] = true;
	if (dir == s->client)
		appended_end(s, FILE_REASON_GAP);
	else if (streamed)
		imap_fetch_end(&s->fetch, false, s->time);
	if (s->deaf[dir_other(dir)])
		give_up(s, COUNTER_MAIL_ERRORS);
}

static void imap_gap(void *state, enum dir dir, uint64_t n, uint64_t time)
{
	struct imap *s = state;
	struct imap_stream *l = &s->stream[dir];
	bool streamed = l->in_literal && l->fate == IMAP_STREAM;
	uint64_t in;

	s->time = time;
	if (s->done || s->deaf[dir])
		return;
	if (s->inflate[dir]) {
		went_deaf(s, dir, streamed);
		return;
	}
	in = imap_stream_gap(l, n);
	if (streamed && dir == s->client) {
		appended_begin(s);
		if (s->appended)
			mail_gap(s->appended, in, time);
		if (!l->literal)
			appended_end(s, FILE_REASON_GAP);
	} else if (streamed) {
		imap_fetch_gap(&s->fetch, in, time);
		if (!l->literal)
			imap_fetch_end(&s->fetch, in == n, time);
	}
	if (in == n)
		return;
	s->lost[dir] = s->torn[dir] = true;
	if (dir == s->client)
		s->in_sasl = false;
	else if (s->client_known)
		imap_fetch_forget(&s->fetch, time);
}

static void imap_eof(void *state, enum dir dir, uint64_t time)
{
	struct imap *s = state;

	s->time = time;
	if (s->client_known && dir == s->client)
		appended_end(s, FILE_REASON_RESET);
}

static void imap_close(void *state, enum file_reason reason, uint64_t time)
{
	struct imap *s = state;

	s->time = time;
	if (reason == FILE_REASON_NONE)
		reason = FILE_REASON_RESET;
	appended_end(s, reason);
	imap_fetch_free(&s->fetch, reason, time);
	sasl_free(&s->sasl);
	for (int d = 0; d < DIR_COUNT; d++) {
		imap_stream_free(&s->stream[d]);
		imap_inflate_free(s->inflate[d]);
	}
	free(s);
}

const struct proto_ops proto_imap = {
	.name = "imap",
	.probe = imap_probe,
	.open = imap_open,
	.data = imap_data,
	.gap = imap_gap,
	.eof = imap_eof,
	.close = imap_close,
};
