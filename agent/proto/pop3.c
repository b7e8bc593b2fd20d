// SPDX-License-Identifier: MIT
/*
 * POP3 (RFC 1939) with CAPA and PIPELINING (RFC 2449), AUTH (RFC 5034) and STLS (RFC 2595):
 * the messages a server hands out.
 *
 * The server's half says it all; the client's tells RETR from TOP, who logs in, and which
 * answers have several lines where they do not show it.
 */
#include "proto/dotted.h"
#include "proto/exchange.h"
#include "proto/line.h"
#include "proto/mail.h"
#include "proto/pop3_probe.h"
#include "proto/sasl.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COMMAND_MAX 2048
#define REPLY_MAX 512

enum command {
	COMMAND_SINGLE, /* answered by one line */
	COMMAND_RETR,
	COMMAND_TOP,
	COMMAND_LISTING, /* LIST, UIDL, CAPA: several lines, no message */
	COMMAND_LOGIN,	 /* USER, PASS, APOP */
	COMMAND_AUTH,
	COMMAND_STLS,
	COMMAND_UNSEEN, /* the reply came, its command did not */
};

/* What the server's next bytes are. */
enum state {
	STATE_REPLY,
	STATE_FIRST, /* the line behind a reply nobody asked for: a list, a message, the next?
		      */
	STATE_MESSAGE,
	STATE_LISTING,
	STATE_LOST, /* anything: wait for a line that begins a reply */
};

struct pop3 {
	struct proto_session *ps;
	enum dir client;
	bool client_known;
	bool done;
	bool tls; /* because TLS follows */
	bool greeted;
	enum state state;
	struct line command;
	struct line reply;
	struct exchange exchange;
	struct sasl sasl;
	bool in_auth;	/* the client's lines are a SASL exchange */
	bool tls_asked; /* STLS was the last the client said */
	bool torn;	/* a line of the client's is missing its beginning */

	/* The answer of several lines that is coming. */
	struct exchange_item asked; /* by what; UNSEEN: may become known while it comes */
	struct dotted dotted;
	struct mail *mail;
	bool damaged;
	bool body;	     /* of the message: past its header */
	uint64_t octets;     /* announced, or 0 */
	uint64_t size;	     /* so far */
	uint64_t body_lines; /* whole ones */
	uint64_t line_size;  /* bytes of the present line, without its break */
	uint64_t time;
};

/* ------------------------------------------------------------------- message */

static void message_begin(struct pop3 *s)
{
	s->state = STATE_MESSAGE;
	s->damaged = s->body = false;
	s->size = s->body_lines = s->line_size = 0;
	dotted_begin(&s->dotted);
	s->mail = mail_new(
		&(struct mail_options){
			.session = s->ps,
			.sender = dir_other(s->client),
			.application = "pop3",
			.user = sasl_name(&s->sasl),
		},
		s->time);
}

static void message_end(struct pop3 *s, enum file_reason reason)
{
	if (s->mail)
		mail_close(s->mail, reason, s->time);
	s->mail = NULL;
	s->damaged = false;
	s->state = STATE_REPLY;
}

/* Was that all of it?  TOP gives so many lines of the body and no more. */
static bool is_whole(const struct pop3 *s)
{
	switch (s->asked.kind) {
	case COMMAND_RETR:
		return true;
	case COMMAND_TOP:
		return s->body_lines < s->asked.value;
	default:
		/* Nobody knows which it was, but sizes may agree. */
		return s->octets && s->octets == s->size;
	}
}

static void count_lines(struct pop3 *s, const uint8_t *p, size_t n)
{
	const uint8_t *nl;

	while (n && (nl = memchr(p, '\n', n))) {
		size_t len = (size_t)(nl - p);
		bool cr = len && p[len - 1] == '\r';

		if (s->body)
			s->body_lines++;
		else if (s->line_size + len == (cr ? 1 : 0))
			s->body = true;
		s->line_size = 0;
		p += len + 1;
		n -= len + 1;
	}
	/* A CR that waits for its LF counts as nothing. */
	s->line_size += n && p[n - 1] == '\r' ? n - 1 : n;
}

static void content(void *arg, const uint8_t *p, size_t n)
{
	struct pop3 *s = arg;

	if (!n)
		return;
	s->size += n;
	count_lines(s, p, n);
	if (s->mail)
		mail_data(s->mail, p, n, s->time);
}

static void nothing(void *arg, const uint8_t *p, size_t n)
{
}

/* ------------------------------------------------------------------- replies */

/* What follows is TLS: pop3_data() hands it over. */
static void tls(struct pop3 *s)
{
	s->done = true;
	s->tls = true;
}

/* "+OK 120 octets" */
static uint64_t octets(const char *text)
{
	uint64_t n = 0;
	const char *p = text + strcspn(text, "0123456789");

	for (int i = 0; i < 18 && *p >= '0' && *p <= '9'; i++, p++)
		n = n * 10 + (uint64_t)(*p - '0');
	p += strspn(p, " \t");
	return strncasecmp(p, "octets", 6) && strncasecmp(p, "bytes", 5) ? 0 : n;
}

/* A command whose reply came, perhaps before it. */
static void answered(struct pop3 *s, uint32_t command, bool ok)
{
	if (command == COMMAND_AUTH)
		s->in_auth = false;
	if ((command == COMMAND_AUTH || command == COMMAND_LOGIN) && !ok)
		sasl_forget(&s->sasl);
	if (command == COMMAND_STLS) {
		s->tls_asked = false;
		if (ok)
			tls(s);
	}
}

/* The first reply of all; where that may have been missed its words tell. */
static bool is_greeting(struct pop3 *s, bool ok, const char *text)
{
	static const char *const words[] = {"POP", "ready", "server", "service", "@"};
	bool first = !s->greeted;

	s->greeted = true;
	if (!first || !proto_session_info(s->ps)->midstream)
		return first;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (ok && strcasestr(text, words[i]))
			return true;
	return false;
}

static void replied(struct pop3 *s, bool ok, const char *text)
{
	struct exchange_item mine = {.kind = ok}, command = {.kind = COMMAND_UNSEEN};

	if (is_greeting(s, ok, text))
		return;
	if (exchange_meet(&s->exchange, EXCHANGE_REPLY, mine, &command))
		answered(s, command.kind, ok);
	else
		command.kind = COMMAND_UNSEEN;
	s->asked = command;
	s->octets = octets(text);
	if (!ok || s->done)
		return;
	switch (command.kind) {
	case COMMAND_RETR:
	case COMMAND_TOP:
		message_begin(s);
		break;
	case COMMAND_LISTING:
		s->state = STATE_LISTING;
		dotted_begin(&s->dotted);
		break;
	case COMMAND_UNSEEN:
		s->state = STATE_FIRST;
		break;
	default:
		break;
	}
}

/* "+OK", "-ERR": true, and what is behind it. */
static bool is_reply(const char *line, bool *ok, const char **text)
{
	*ok = line_word(line, "+OK", text);
	return *ok || line_word(line, "-ERR", text);
}

static void reply_line(struct pop3 *s)
{
	const char *line = line_text(&s->reply), *text;
	bool ok;

	/* "+ " goes on with a SASL exchange; anything else is none of this protocol. */
	if (!is_reply(line, &ok, &text))
		return;
	s->state = STATE_REPLY;
	replied(s, ok, text);
}

/* "Name: value", as a message begins. */
static bool is_field(const char *line)
{
	const char *p = line;

	while (*p > ' ' && *p < 0x7f && *p != ':')
		p++;
	p += strspn(p, " \t");
	return p > line && *p == ':';
}

/* Behind a reply of unknown kind: the next one, or several lines? */
static void first_line(struct pop3 *s)
{
	struct line l = s->reply;
	const char *line = line_text(&s->reply), *text;
	const char *end = l.bare ? "\n" : "\r\n";
	dotted_sink *sink = nothing;
	bool ok;

	s->state = STATE_REPLY;
	if (is_reply(line, &ok, &text)) {
		replied(s, ok, text);
		return;
	}
	if (line_word(line, "+", NULL))
		return;
	if (is_field(line) && !l.cut) {
		message_begin(s);
		sink = content;
	} else {
		s->state = STATE_LISTING;
		dotted_begin(&s->dotted);
	}
	dotted_data(&s->dotted, l.text.data, l.text.len, sink, s);
	dotted_data(&s->dotted, (const uint8_t *)end, strlen(end), sink, s);
	if (dotted_ended(&s->dotted))
		s->state = STATE_REPLY;
}

/* -------------------------------------------------------------------- server */

/*
 * In a message of which bytes are missing, its end perhaps: a line that begins a reply is
 * one, when a command waits for it.
 */
static size_t torn_line(struct pop3 *s, const uint8_t *p, size_t n)
{
	size_t room = REPLY_MAX - (s->reply.whole ? 0 : line_len(&s->reply));
	size_t used = line_add(&s->reply, p, n < room ? n : room);
	struct line l = s->reply;
	const char *end = l.whole ? (l.bare ? "\n" : "\r\n") : "", *text;
	bool ok;

	if (!l.whole && l.text.len < REPLY_MAX)
		return used;
	if (l.whole && is_reply(line_text(&s->reply), &ok, &text) &&
	    (!s->client_known || exchange_waiting(&s->exchange, EXCHANGE_COMMAND))) {
		message_end(s, FILE_REASON_GAP);
		replied(s, ok, text);
		return used;
	}
	dotted_data(&s->dotted, l.text.data, l.text.len, content, s);
	dotted_data(&s->dotted, (const uint8_t *)end, strlen(end), content, s);
	line_reset(&s->reply);
	return used;
}

static size_t message_bytes(struct pop3 *s, const uint8_t *p, size_t n)
{
	const uint8_t *nl = s->damaged ? memchr(p, '\n', n) : NULL;
	size_t used;

	if (s->damaged && (line_len(&s->reply) || dotted_at_line(&s->dotted))) {
		used = torn_line(s, p, n);
		if (s->state != STATE_MESSAGE)
			return used;
	} else {
		used = dotted_data(&s->dotted, p, nl ? (size_t)(nl - p) + 1 : n, content, s);
	}
	if (dotted_ended(&s->dotted)) {
		line_reset(&s->reply);
		message_end(s, is_whole(s) ? FILE_REASON_NONE : FILE_REASON_PARTIAL);
	}
	return used;
}

static size_t server_bytes(struct pop3 *s, const uint8_t *p, size_t n)
{
	size_t used;

	switch (s->state) {
	case STATE_MESSAGE:
		return message_bytes(s, p, n);
	case STATE_LISTING:
		used = dotted_data(&s->dotted, p, n, nothing, s);
		if (dotted_ended(&s->dotted))
			s->state = STATE_REPLY;
		return used;
	default:
		used = line_add(&s->reply, p, n);
		if (s->reply.whole && s->state == STATE_FIRST)
			first_line(s);
		else if (s->reply.whole)
			reply_line(s);
		/* What follows may be looked at in the same buffer. */
		if (s->reply.whole && s->state != STATE_REPLY)
			line_reset(&s->reply);
		return used;
	}
}

/* -------------------------------------------------------------------- client */

static struct exchange_item parse(struct pop3 *s, const char *line)
{
	static const struct {
		const char *word;
		enum command with, without; /* arguments */
	} words[] = {
		{"RETR", COMMAND_RETR, COMMAND_RETR},
		{"TOP", COMMAND_TOP, COMMAND_TOP},
		{"LIST", COMMAND_SINGLE, COMMAND_LISTING},
		{"UIDL", COMMAND_SINGLE, COMMAND_LISTING},
		{"CAPA", COMMAND_LISTING, COMMAND_LISTING},
		{"LANG", COMMAND_SINGLE, COMMAND_LISTING},
		{"USER", COMMAND_LOGIN, COMMAND_SINGLE},
		{"PASS", COMMAND_LOGIN, COMMAND_LOGIN},
		{"APOP", COMMAND_LOGIN, COMMAND_SINGLE},
		{"AUTH", COMMAND_AUTH, COMMAND_LISTING},
		{"STLS", COMMAND_STLS, COMMAND_STLS},
	};
	struct exchange_item item = {.kind = COMMAND_SINGLE};
	const char *rest;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!line_word(line, words[i].word, &rest))
			continue;
		item.kind = *rest ? words[i].with : words[i].without;
		if (item.kind == COMMAND_TOP) {
			rest += strcspn(rest, " \t");
			item.value = (uint32_t)strtoul(rest, NULL, 10);
		} else if (item.kind == COMMAND_AUTH) {
			sasl_start(&s->sasl, rest);
		} else if (item.kind == COMMAND_LOGIN && *words[i].word != 'P') {
			sasl_user(&s->sasl, rest, strcspn(rest, " \t"));
		}
	}
	return item;
}

static void command_line(struct pop3 *s)
{
	const char *line = line_text(&s->command);
	struct exchange_item mine, reply;
	bool unseen = s->asked.kind == COMMAND_UNSEEN &&
		      (s->state == STATE_MESSAGE || s->state == STATE_FIRST);

	if (s->torn) {
		s->torn = false;
		return;
	}
	if (s->in_auth && !pop3_is_command(line)) {
		sasl_response(&s->sasl, line);
		line_wipe(&s->command);
		return;
	}
	mine = parse(s, line);
	s->in_auth = mine.kind == COMMAND_AUTH;
	s->tls_asked = mine.kind == COMMAND_STLS;
	if (exchange_meet(&s->exchange, EXCHANGE_COMMAND, mine, &reply)) {
		/* Of the answer that is coming, when no other waits. */
		if (unseen && !exchange_waiting(&s->exchange, EXCHANGE_REPLY))
			s->asked = mine;
		answered(s, mine.kind, reply.kind);
	}
	line_wipe(&s->command);
}

/* Bytes that were not used: TLS follows. */
static size_t client(struct pop3 *s, const uint8_t *p, size_t n)
{
	if (s->tls_asked && *p == 22) /* a handshake record */
		tls(s);
	while (n && !s->done) {
		size_t used = line_add(&s->command, p, n);

		if (s->command.whole)
			command_line(s);
		p += used;
		n -= used;
	}
	return n;
}

/* ----------------------------------------------------------------- interface */

static void *pop3_open(struct proto_session *ps)
{
	struct pop3 *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ps = ps;
	s->exchange.loose = proto_session_info(ps)->midstream;
	line_init(&s->command, COMMAND_MAX);
	line_init(&s->reply, REPLY_MAX);
	sasl_init(&s->sasl);
	return s;
}

static size_t server(struct pop3 *s, const uint8_t *p, size_t n)
{
	while (n && !s->done) {
		size_t used = server_bytes(s, p, n);

		p += used;
		n -= used;
	}
	return n;
}

static void pop3_data(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct pop3 *s = state;
	size_t left;

	s->time = time;
	if (!s->client_known) {
		s->client = *p == '+' || *p == '-' ? dir_other(dir) : dir;
		s->client_known = true;
		proto_session_client(s->ps, s->client);
	}
	if (s->done)
		return;
	left = dir == s->client ? client(s, p, n) : server(s, p, n);
	if (s->tls)
		proto_session_starttls(s->ps, dir, p + n - left, left);
}

static void pop3_gap(void *state, enum dir dir, uint64_t n, uint64_t time)
{
	struct pop3 *s = state;

	s->time = time;
	if (s->done)
		return;
	if (s->client_known && dir == s->client) {
		line_reset(&s->command);
		s->torn = true;
		s->in_auth = false;
		exchange_reset(&s->exchange);
		return;
	}
	line_reset(&s->reply);
	if (s->state == STATE_MESSAGE) {
		s->damaged = true;
		dotted_gap(&s->dotted);
		if (s->mail)
			mail_gap(s->mail, n, time);
		return;
	}
	s->state = STATE_LOST;
	exchange_reset(&s->exchange);
}

static void pop3_eof(void *state, enum dir dir, uint64_t time)
{
	struct pop3 *s = state;

	s->time = time;
	if (s->client_known && dir != s->client && s->mail)
		message_end(s, FILE_REASON_RESET);
}

static void pop3_close(void *state, enum file_reason reason, uint64_t time)
{
	struct pop3 *s = state;

	s->time = time;
	if (s->mail)
		message_end(s, reason != FILE_REASON_NONE ? reason : FILE_REASON_RESET);
	line_free(&s->command);
	line_free(&s->reply);
	exchange_free(&s->exchange);
	sasl_free(&s->sasl);
	free(s);
}

const struct proto_ops proto_pop3 = {
	.name = "pop3",
	.probe = pop3_probe,
	.open = pop3_open,
	.data = pop3_data,
	.gap = pop3_gap,
	.eof = pop3_eof,
	.close = pop3_close,
};
