// SPDX-License-Identifier: MIT
/*
 * SMTP (RFC 5321), LMTP (RFC 2033) with PIPELINING (RFC 2920), CHUNKING (RFC 3030), AUTH (RFC
 * 4954) and STARTTLS (RFC 3207): the messages of a session.
 *
 * The client's half says it all and is enough. The server's is believed in what it refuses: a
 * recipient, DATA, STARTTLS. A message that is refused behind its end has crossed all the
 * same.
 */
#include "proto/dotted.h"
#include "proto/exchange.h"
#include "proto/line.h"
#include "proto/mail.h"
#include "proto/sasl.h"
#include "proto/smtp_command.h"
#include "proto/smtp_envelope.h"

#include <stdlib.h>
#include <string.h>

#define COMMAND_MAX 2048
#define REPLY_MAX 512
/* A line of a message that may be a command instead is looked at up to here. */
#define PEEK_MAX 512
/* The server's word about such an end comes before this much more does. */
#define HELD_MAX 512

/* What the client's next bytes are. */
enum state {
	STATE_COMMAND,
	STATE_AUTH,	  /* lines of a SASL exchange, until a command comes */
	STATE_DATA_ASKED, /* a message, unless DATA was refused */
	STATE_DATA,
	STATE_CHUNK,
	STATE_TLS_ASKED, /* TLS, unless STARTTLS was refused */
	STATE_LOST,	 /* anything: wait for a line that is a command beyond doubt */
};

struct smtp {
	struct proto_session *ps;
	enum dir client;
	bool client_known;
	enum state state;
	bool done;
	bool tls;     /* because TLS follows */
	bool greeted; /* the server was heard */
	bool lmtp;
	struct line command;
	struct line reply;
	bool reply_torn; /* its beginning is missing */
	struct exchange exchange;
	struct sasl sasl;
	bool sasl_over; /* the server has decided */

	struct smtp_envelope envelope;
	struct mail *mail;
	bool damaged; /* bytes of it are missing, its end perhaps among them */
	bool peeking; /* the line begun in `command` may be a command instead */
	struct dotted dotted;
	struct buf held; /* behind what may have been its end */
	uint64_t chunk;	 /* bytes of it to come */
	bool chunk_last;
	uint64_t time;
};

/* ------------------------------------------------------------------- message */

static void mail_begin(struct smtp *s)
{
	struct buf to;

	if (s->mail)
		return;
	buf_init(&to, SMTP_RECIPIENTS_MAX);
	s->mail = mail_new(
		&(struct mail_options){
			.session = s->ps,
			.sender = s->client,
			.application = "smtp",
			.mail_from = smtp_envelope_sender(&s->envelope),
			.rcpt_to = smtp_envelope_list(&s->envelope, &to),
			.user = sasl_name(&s->sasl),
		},
		s->time);
	buf_free(&to);
}

static void mail_end(struct smtp *s, enum file_reason reason)
{
	if (s->mail)
		mail_close(s->mail, reason, s->time);
	s->mail = NULL;
	s->damaged = false;
	s->peeking = false;
	buf_reset(&s->held);
	smtp_envelope_reset(&s->envelope);
}

static void content(void *arg, const uint8_t *p, size_t n)
{
	struct smtp *s = arg;

	if (!n)
		return;
	mail_begin(s);
	if (s->mail)
		mail_data(s->mail, p, n, s->time);
}

/* ------------------------------------------------------------------- replies */

/* What follows is TLS: smtp_data() hands it over. */
static void tls(struct smtp *s)
{
	s->done = true;
	s->tls = true;
}

static void data_begin(struct smtp *s)
{
	s->state = STATE_DATA;
	dotted_begin(&s->dotted);
}

/* The line looked at is the message's after all. */
static void peeked(struct smtp *s)
{
	struct line l = s->command;
	const char *end = l.whole ? (l.bare ? "\n" : "\r\n") : "";

	s->peeking = false;
	dotted_data(&s->dotted, l.text.data, l.text.len, content, s);
	dotted_data(&s->dotted, (const uint8_t *)end, strlen(end), content, s);
	line_reset(&s->command);
}

static void data_answered(struct smtp *s, uint32_t code)
{
	if (s->state != STATE_DATA_ASKED)
		return;
	if (code >= 400) {
		/* What is there of a line is a command's. */
		s->peeking = false;
		s->state = STATE_COMMAND;
		smtp_envelope_reset(&s->envelope);
	} else {
		data_begin(s);
		if (s->peeking)
			peeked(s);
	}
}

static void answered(struct smtp *s, const struct exchange_item *command, uint32_t code)
{
	bool refused = code >= 400;

	switch (command->kind) {
	case SMTP_MAIL:
		if (refused)
			smtp_envelope_from_refused(&s->envelope, command->value);
		break;
	case SMTP_RCPT:
		if (refused)
			smtp_envelope_to_refused(&s->envelope, command->value);
		break;
	case SMTP_DATA:
		data_answered(s, code);
		break;
	case SMTP_AUTH:
		s->sasl_over = true;
		if (refused)
			sasl_forget(&s->sasl);
		break;
	case SMTP_STARTTLS:
		if (!refused)
			tls(s);
		else if (s->state == STATE_TLS_ASKED)
			s->state = STATE_COMMAND;
		break;
	}
}

/* A command that is answered; the reply may be here already. */
static void asked(struct smtp *s, enum smtp_verb verb, uint32_t value)
{
	struct exchange_item mine = {verb, value}, reply;

	/* DATA is never answered with 2xx: such a reply was another's. */
	if (verb == SMTP_DATA)
		while (exchange_first(&s->exchange, EXCHANGE_REPLY) &&
		       exchange_first(&s->exchange, EXCHANGE_REPLY)->kind < 300)
			exchange_drop(&s->exchange);
	if (exchange_meet(&s->exchange, EXCHANGE_COMMAND, mine, &reply))
		answered(s, &mine, reply.kind);
}

static void message_ended(struct smtp *s)
{
	uint32_t replies = s->lmtp && s->envelope.recipients ? s->envelope.recipients : 1;

	mail_begin(s);
	mail_end(s, FILE_REASON_NONE);
	s->state = STATE_COMMAND;
	/* LMTP answers for each recipient. */
	while (replies--)
		asked(s, SMTP_END, 0);
}

static size_t client(struct smtp *s, const uint8_t *p, size_t n);

/* The server took a dot for the end that the client's line breaks made none. */
static void ended_loosely(struct smtp *s, uint32_t code)
{
	struct exchange_item command;
	struct buf held = s->held;

	buf_init(&s->held, HELD_MAX);
	message_ended(s);
	exchange_meet(&s->exchange, EXCHANGE_REPLY, (struct exchange_item){code, 0}, &command);
	client(s, held.data, held.len);
	buf_free(&held);
}

/* The first reply of all is a greeting, if anything. */
static bool is_greeting(struct smtp *s, uint32_t code)
{
	const struct exchange_item *first = exchange_first(&s->exchange, EXCHANGE_COMMAND);

	if (s->greeted)
		return false;
	s->greeted = true;
	if (code == 220)
		return !first || (first->kind != SMTP_STARTTLS && first->kind != SMTP_XCLIENT);
	return !proto_session_info(s->ps)->midstream && (code == 421 || code >= 500) && !first;
}

static void replied(struct smtp *s, uint32_t code)
{
	const struct exchange_item *first;
	struct exchange_item command;

	if (is_greeting(s, code) || (code >= 300 && code < 400 && code != 354))
		return;
	first = exchange_first(&s->exchange, EXCHANGE_COMMAND);
	if (!first && s->state == STATE_DATA && dotted_maybe_ended(&s->dotted)) {
		ended_loosely(s, code);
		return;
	}
	if (!first && s->state == STATE_LOST)
		return; /* to a command nobody saw */
	/* Out of step after a loss: 354 answers DATA alone, and DATA is not answered with 2xx.
	 */
	while (code == 354 && first && first->kind != SMTP_DATA) {
		exchange_drop(&s->exchange);
		first = exchange_first(&s->exchange, EXCHANGE_COMMAND);
	}
	if (first && first->kind == SMTP_DATA && code < 300)
		return;
	if (exchange_meet(&s->exchange, EXCHANGE_REPLY, (struct exchange_item){code, 0},
			  &command))
		answered(s, &command, code);
}

static void reply_line(struct smtp *s)
{
	const char *p = line_text(&s->reply);

	if (s->reply_torn) {
		s->reply_torn = false;
		return;
	}
	if (strspn(p, "0123456789") != 3 || p[3] == '-')
		return; /* another line of the same reply follows */
	replied(s, (uint32_t)((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0')));
}

/* ------------------------------------------------------------------ commands */

static void chunk_end(struct smtp *s)
{
	s->state = STATE_COMMAND;
	if (s->chunk_last)
		message_ended(s);
	else
		asked(s, SMTP_BDAT, 0);
}

static void bdat(struct smtp *s, const char *arguments)
{
	if (!smtp_chunk(arguments, &s->chunk, &s->chunk_last)) {
		asked(s, SMTP_OTHER, 0);
		return;
	}
	s->state = STATE_CHUNK;
	if (!s->chunk)
		chunk_end(s);
}

static void command(struct smtp *s, enum smtp_verb verb, const char *rest)
{
	uint32_t value = 0;

	switch (verb) {
	case SMTP_HELLO:
	case SMTP_LHLO:
	case SMTP_RSET:
	case SMTP_QUIT:
		s->lmtp = verb == SMTP_LHLO || (s->lmtp && verb != SMTP_HELLO);
		mail_end(s, FILE_REASON_RESET);
		break;
	case SMTP_MAIL:
		mail_end(s, FILE_REASON_RESET);
		value = smtp_envelope_from(&s->envelope, rest);
		break;
	case SMTP_RCPT:
		value = smtp_envelope_to(&s->envelope, rest);
		break;
	case SMTP_DATA:
		if (s->mail)
			mail_end(s, FILE_REASON_RESET);
		s->state = STATE_DATA_ASKED;
		break;
	case SMTP_BDAT:
		bdat(s, rest);
		return;
	case SMTP_AUTH:
		s->state = STATE_AUTH;
		s->sasl_over = false;
		sasl_start(&s->sasl, rest);
		break;
	case SMTP_STARTTLS:
		s->state = STATE_TLS_ASKED;
		break;
	default:
		break;
	}
	asked(s, verb, value);
}

static void command_line(struct smtp *s)
{
	const char *line = line_text(&s->command), *rest;
	enum smtp_verb verb = smtp_verb(line, &rest);

	if (s->state == STATE_LOST) {
		if (!smtp_is_command(line))
			return;
		s->state = STATE_COMMAND;
	}
	if (s->state == STATE_AUTH && verb == SMTP_OTHER) {
		if (!s->sasl_over)
			sasl_response(&s->sasl, line);
		line_wipe(&s->command);
		return;
	}
	s->state = STATE_COMMAND;
	command(s, verb, rest);
	if (verb == SMTP_AUTH)
		line_wipe(&s->command);
}

/* -------------------------------------------------------------------- client */

/* Is a line that should be the message's a command: was DATA refused, the end lost? */
static bool is_command_instead(struct smtp *s)
{
	if (!s->command.whole || !smtp_is_command(line_text(&s->command)))
		return false;
	if (s->state == STATE_DATA_ASKED)
		return true;
	/* The end was lost: then its reply has come, if the server is heard at all. */
	return !s->greeted || s->exchange.loose ||
	       exchange_waiting(&s->exchange, EXCHANGE_REPLY);
}

static size_t peek(struct smtp *s, const uint8_t *p, size_t n)
{
	size_t room, used;

	if (!s->peeking)
		line_reset(&s->command);
	s->peeking = true;
	room = PEEK_MAX - line_len(&s->command);
	used = line_add(&s->command, p, n < room ? n : room);
	if (!s->command.whole && line_len(&s->command) < PEEK_MAX)
		return used;
	if (is_command_instead(s)) {
		if (s->state == STATE_DATA) {
			if (exchange_waiting(&s->exchange, EXCHANGE_REPLY))
				exchange_drop(&s->exchange);
			mail_end(s, FILE_REASON_GAP);
		}
		s->peeking = false;
		s->state = STATE_COMMAND;
		command_line(s);
		return used;
	}
	if (s->state == STATE_DATA_ASKED)
		data_begin(s);
	peeked(s);
	if (dotted_ended(&s->dotted))
		message_ended(s);
	return used;
}

static void nowhere(void *arg, const uint8_t *p, size_t n)
{
}

/* Up to the true end. */
static size_t through(struct dotted *d, const struct buf *b, dotted_sink *sink, void *arg)
{
	size_t used = 0;

	while (used < b->len && !dotted_ended(d))
		used += dotted_data(d, b->data + used, b->len - used, sink, arg);
	return used;
}

/* What was held back is the message's, up to its end. */
static void release(struct smtp *s)
{
	struct buf held = s->held;
	size_t used;

	buf_init(&s->held, HELD_MAX);
	used = through(&s->dotted, &held, content, s);
	if (dotted_ended(&s->dotted))
		message_ended(s);
	client(s, held.data + used, held.len - used);
	buf_free(&held);
}

/*
 * Behind a dot that some servers take for the end: what they say next decides, unless the
 * true end comes first or they are silent for too long.
 */
static size_t hold(struct smtp *s, const uint8_t *p, size_t n)
{
	struct dotted ahead = s->dotted;

	if (!s->held.len && n > HELD_MAX)
		return dotted_data(&s->dotted, p, n, content, s);
	if (!buf_add(&s->held, p, n)) {
		s->held.failed = false;
		release(s);
		return 0;
	}
	through(&ahead, &s->held, nowhere, NULL);
	if (dotted_ended(&ahead))
		release(s);
	return n;
}

static size_t data_bytes(struct smtp *s, const uint8_t *p, size_t n)
{
	const uint8_t *nl;
	size_t used;

	if (dotted_maybe_ended(&s->dotted)) {
		used = hold(s, p, n);
		if (s->state == STATE_DATA && dotted_ended(&s->dotted))
			message_ended(s);
		return used;
	}
	if (s->damaged && (s->peeking || dotted_at_line(&s->dotted)))
		return peek(s, p, n);
	/* Line by line from where bytes are missing. */
	nl = s->damaged ? memchr(p, '\n', n) : NULL;
	used = dotted_data(&s->dotted, p, nl ? (size_t)(nl - p) + 1 : n, content, s);
	if (dotted_ended(&s->dotted))
		message_ended(s);
	return used;
}

static size_t chunk_bytes(struct smtp *s, const uint8_t *p, size_t n)
{
	size_t used = n < s->chunk ? n : (size_t)s->chunk;

	content(s, p, used);
	s->chunk -= used;
	if (!s->chunk)
		chunk_end(s);
	return used;
}

static size_t client_bytes(struct smtp *s, const uint8_t *p, size_t n)
{
	size_t used;

	switch (s->state) {
	case STATE_DATA_ASKED:
		return peek(s, p, n);
	case STATE_DATA:
		return data_bytes(s, p, n);
	case STATE_CHUNK:
		return chunk_bytes(s, p, n);
	case STATE_TLS_ASKED:
		if (*p == 22) { /* a handshake record */
			tls(s);
			return 0;
		}
		s->state = STATE_COMMAND;
		return 0;
	default:
		used = line_add(&s->command, p, n);
		if (s->command.whole)
			command_line(s);
		return used;
	}
}

/* Bytes that were not used: TLS follows. */
static size_t client(struct smtp *s, const uint8_t *p, size_t n)
{
	while (n && !s->done) {
		size_t used = client_bytes(s, p, n);

		p += used;
		n -= used;
	}
	return n;
}

static size_t server(struct smtp *s, const uint8_t *p, size_t n)
{
	while (n && !s->done) {
		size_t used = line_add(&s->reply, p, n);

		if (s->reply.whole)
			reply_line(s);
		p += used;
		n -= used;
	}
	return n;
}

/* ----------------------------------------------------------------- interface */

static void *smtp_open(struct proto_session *ps)
{
	struct smtp *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ps = ps;
	s->exchange.loose = proto_session_info(ps)->midstream;
	s->state = s->exchange.loose ? STATE_LOST : STATE_COMMAND;
	line_init(&s->command, COMMAND_MAX);
	line_init(&s->reply, REPLY_MAX);
	sasl_init(&s->sasl);
	smtp_envelope_init(&s->envelope);
	buf_init(&s->held, HELD_MAX);
	return s;
}

static void smtp_data(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct smtp *s = state;
	size_t left;

	s->time = time;
	if (!s->client_known) {
		s->client = smtp_client(p, n, dir);
		s->client_known = true;
		proto_session_client(s->ps, s->client);
	}
	if (s->done)
		return;
	left = dir == s->client ? client(s, p, n) : server(s, p, n);
	if (s->tls)
		proto_session_starttls(s->ps, dir, p + n - left, left);
}

static void client_gap(struct smtp *s, uint64_t n)
{
	uint64_t in = n < s->chunk ? n : s->chunk;

	line_reset(&s->command);
	s->peeking = false;
	if (s->state == STATE_DATA_ASKED)
		data_begin(s);
	if (s->state == STATE_DATA || s->state == STATE_CHUNK) {
		mail_begin(s);
		if (s->mail)
			mail_gap(s->mail, s->state == STATE_CHUNK ? in : n, s->time);
	}
	if (s->state == STATE_DATA) {
		dotted_gap(&s->dotted);
		s->damaged = true;
		return;
	}
	if (s->state == STATE_CHUNK) {
		s->chunk -= in;
		if (!s->chunk)
			chunk_end(s);
		if (in == n)
			return;
	}
	exchange_reset(&s->exchange);
	mail_end(s, FILE_REASON_GAP);
	s->state = STATE_LOST;
}

static void smtp_gap(void *state, enum dir dir, uint64_t n, uint64_t time)
{
	struct smtp *s = state;

	s->time = time;
	if (s->done)
		return;
	if (s->client_known && dir == s->client) {
		client_gap(s, n);
		return;
	}
	if (!s->client_known) {
		s->state = STATE_LOST;
		return;
	}
	line_reset(&s->reply);
	s->reply_torn = true;
	if (exchange_waiting(&s->exchange, EXCHANGE_COMMAND))
		exchange_reset(&s->exchange);
}

static void smtp_eof(void *state, enum dir dir, uint64_t time)
{
	struct smtp *s = state;

	s->time = time;
	/* Nothing more can end it, but the server's word about a dot. */
	if (s->client_known && dir == s->client &&
	    (s->state != STATE_DATA || !dotted_maybe_ended(&s->dotted)))
		mail_end(s, FILE_REASON_RESET);
}

static void smtp_close(void *state, enum file_reason reason, uint64_t time)
{
	struct smtp *s = state;

	s->time = time;
	mail_end(s, reason != FILE_REASON_NONE ? reason : FILE_REASON_RESET);
	line_free(&s->command);
	line_free(&s->reply);
	exchange_free(&s->exchange);
	sasl_free(&s->sasl);
	smtp_envelope_free(&s->envelope);
	buf_free(&s->held);
	free(s);
}

const struct proto_ops proto_smtp = {
	.name = "smtp",
	.probe = smtp_probe,
	.open = smtp_open,
	.data = smtp_data,
	.gap = smtp_gap,
	.eof = smtp_eof,
	.close = smtp_close,
};
