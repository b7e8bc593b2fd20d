// SPDX-License-Identifier: MIT
/*
 * TFTP (RFC 1350; options RFC 2347, 2348, 2349, 7440).
 *
 * A request goes to a known port, is told by its content, and is answered from a port of
 * the server's choice: in a session of its own, which is expected, or in the same one.
 * Sightings name the TFTP client as the client in both.
 *
 * Blocks go to the file at their offset, so blocks that come again or out of order are the
 * file's business.  What comes before the request it belongs to, or before the answer that
 * settles the size of blocks, is kept for a few datagrams.  The mode "netascii" is undone, as
 * the receiver does: CR LF was LF and CR NUL was CR, which gives back any content as it was.
 * (FTP's ASCII cannot be undone.)
 */
#include "proto/ftp_text.h"
#include "proto/proto.h"

#include "lib/cursor.h"

#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { OP_RRQ = 1, OP_WRQ, OP_DATA, OP_ACK, OP_ERROR, OP_OACK };

#define TFTP_PORT 69
#define BLOCK_SIZE 512
#define BLOCK_SIZE_MIN 8
#define BLOCK_SIZE_MAX 65464
#define NAME_MAX_SIZE 512
#define URL_MAX_SIZE 2048
#define OPTIONS_MAX 16
/* Datagrams and bytes of a session that wait for one that should have come first. */
#define KEPT_MAX 8
#define KEPT_BYTES (128 << 10)
/* Blocks that may be the first ones of what was not asked for yet. */
#define EARLY_BLOCKS 16

/* One file on its way, known to the session that asked and the one that answers. */
struct transfer {
	uint32_t refs;
	struct proto_env *env;
	struct endpoint client;
	struct endpoint server; /* where the request went */
	bool write;
	bool netascii;
	char name[NAME_MAX_SIZE];
	uint32_t asked_block; /* of the request; 0: not */
	uint32_t block;
	bool settled; /* nothing can change the size of blocks any more */
	bool size_known;
	uint64_t size;

	struct proto_session *owner; /* whose session has the data; NULL: not begun */
	struct file *file;
	uint64_t next; /* first block that did not come yet, from 1 on */
	bool wraps_to_one;
	uint64_t last; /* block; 0: not known */
	bool acked;    /* that one, though others are missing here */
	bool done;

	uint64_t at; /* netascii: bytes made of it so far */
	bool cr;     /* and its last byte was a CR */
};

struct kept {
	enum dir dir;
	uint8_t *p;
	size_t n;
};

struct tftp {
	struct proto_session *ps;
	struct transfer *transfer; /* NULL: none, or over */
	bool expected;		   /* the server answered from another port: all for one file */
	struct kept kept[KEPT_MAX];
	size_t kept_count, kept_bytes;
};

/* ------------------------------------------------------------------- requests */

struct option_set {
	uint64_t block, size;
	bool has_block, has_size;
};

struct request {
	bool write;
	bool netascii;
	const char *name;
	struct option_set options;
};

/* A string with its NUL; the last one of a datagram may lack it.  NULL: none. */
static const char *take_string(struct cursor *c, char *to, size_t max)
{
	const uint8_t *end = c->left ? memchr(c->p, 0, c->left) : NULL;
	size_t n = end ? (size_t)(end - c->p) : c->left;

	if (!c->left || n >= max)
		return NULL;
	memcpy(to, cursor_take(c, n), n);
	to[n] = '\0';
	if (end)
		cursor_skip(c, 1);
	return to;
}

static void take_options(struct cursor *c, struct option_set *o)
{
	char name[32], value[32];

	for (int i = 0; i < OPTIONS_MAX && c->left; i++) {
		if (!take_string(c, name, sizeof(name)) ||
		    !take_string(c, value, sizeof(value)))
			return;
		if (!strcasecmp(name, "blksize"))
			o->has_block = ftp_text_number(value, &o->block) &&
				       o->block >= BLOCK_SIZE_MIN && o->block <= BLOCK_SIZE_MAX;
		else if (!strcasecmp(name, "tsize"))
			o->has_size = ftp_text_number(value, &o->size);
	}
}

static bool is_name(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || *name == 0x7f)
			return false;
	return true;
}

/* name has room for NAME_MAX_SIZE bytes. */
static bool request_parse(const uint8_t *p, size_t n, struct request *r, char *name)
{
	struct cursor c = cursor_of(p, n);
	unsigned int op = cursor_be16(&c);
	char mode[16];

	if (op != OP_RRQ && op != OP_WRQ)
		return false;
	*r = (struct request){.write = op == OP_WRQ};
	r->name = take_string(&c, name, NAME_MAX_SIZE);
	if (!r->name || !is_name(name) || !take_string(&c, mode, sizeof(mode)))
		return false;
	r->netascii = !strcasecmp(mode, "netascii");
	if (!r->netascii && strcasecmp(mode, "octet") && strcasecmp(mode, "binary"))
		return false;
	take_options(&c, &r->options);
	return true;
}

/* An answer whose request may still come. */
static bool is_early(const uint8_t *p, size_t n)
{
	struct option_set o = {.has_block = false};
	struct cursor c = cursor_of(p, n);
	unsigned int op = cursor_be16(&c), number;

	if (op == OP_OACK) {
		take_options(&c, &o);
		return o.has_block || o.has_size;
	}
	number = cursor_be16(&c);
	if (c.failed || number > EARLY_BLOCKS)
		return false;
	return op == OP_DATA ? number > 0 : op == OP_ACK && !c.left;
}

static enum probe tftp_probe(enum dir dir, const uint8_t *p, size_t n)
{
	char name[NAME_MAX_SIZE];
	struct request r;

	return request_parse(p, n, &r, name) || is_early(p, n) ? PROBE_YES : PROBE_NO;
}

/* ------------------------------------------------------------------ transfers */

static void transfer_put(void *arg)
{
	struct transfer *t = arg;

	if (!--t->refs)
		free(t);
}

static const char *last_part(const char *name)
{
	const char *last = name;

	for (; *name; name++)
		if (*name == '/' || *name == '\\')
			last = name + 1;
	return last;
}

/* tftp://host/path (RFC 3617) */
static void set_url(const struct transfer *t, struct sighting *s)
{
	struct buf url;

	buf_init(&url, URL_MAX_SIZE);
	if (ftp_text_url("tftp", TFTP_PORT, &t->server, t->name, &url))
		sighting_set(s, SIGHTING_URL, url.data, url.len);
	buf_free(&url);
}

static void file_begin(struct transfer *t, struct proto_session *ps, enum dir client,
		       uint64_t time)
{
	const char *last = last_part(t->name);
	struct sighting s;

	t->owner = ps;
	proto_session_client(ps, client);
	proto_session_sighting(ps, &s, t->write ? client : dir_other(client), "tftp");
	sighting_set(&s, SIGHTING_COMMAND, t->write ? "WRQ" : "RRQ", 3);
	sighting_set(&s, SIGHTING_FILENAME, last, strlen(last));
	sighting_set(&s, SIGHTING_FILE_PATH, t->name, strlen(t->name));
	set_url(t, &s);
	t->file = file_open(t->env->files, &s, time);
	sighting_free(&s);
	counter_add(t->env->counters, COUNTER_TFTP_TRANSFERS, 1);
	if (t->file && t->size_known && !t->netascii)
		file_declare(t->file, t->size);
	t->done = !t->file;
}

static void file_end(struct transfer *t, enum file_reason reason, uint64_t time)
{
	if (t->file && t->cr && !reason)
		file_data(t->file, t->at, "\r", 1, time);
	/* All that was announced is there, only the end was not seen. */
	if (t->file && reason && !t->netascii && t->size_known && t->size &&
	    !file_lacks(t->file))
		reason = FILE_REASON_NONE;
	if (t->file)
		file_close(t->file, reason, time);
	t->file = NULL;
	t->done = true;
}

/* ----------------------------------------------------------------------- data */

static uint16_t number_of(const struct transfer *t, uint64_t block)
{
	return (uint16_t)(t->wraps_to_one ? (block - 1) % UINT16_MAX + 1 : block);
}

/* Which block is it, of those near the next one?  0: none. */
static uint64_t block_of(struct transfer *t, uint16_t number)
{
	int64_t cycle, d;

	/* After 65535 some go on with 0, some with 1. */
	if (t->next == UINT16_MAX + 1 && number == 1)
		t->wraps_to_one = true;
	cycle = t->wraps_to_one ? UINT16_MAX : UINT16_MAX + 1;
	d = ((int64_t)number - number_of(t, t->next) + cycle) % cycle;
	if (d > cycle / 2)
		d -= cycle;
	return d < 0 && (uint64_t)-d >= t->next ? 0 : t->next + (uint64_t)d;
}

static void add_netascii(struct transfer *t, const uint8_t *p, size_t n, uint64_t time)
{
	uint8_t out[BLOCK_SIZE];
	size_t have = 0;

	for (size_t i = 0; i < n; i++) {
		bool second = t->cr;

		t->cr = p[i] == '\r';
		/* A CR before neither LF nor NUL is one that was not coded. */
		if (second && p[i] != '\n')
			out[have++] = '\r';
		if (!t->cr && !(second && !p[i]))
			out[have++] = p[i];
		if (have + 2 > sizeof(out)) {
			file_data(t->file, t->at, out, have, time);
			t->at += have;
			have = 0;
		}
	}
	file_data(t->file, t->at, out, have, time);
	t->at += have;
}

static void add_block(struct transfer *t, uint64_t block, const uint8_t *p, size_t n,
		      uint64_t time)
{
	if (!t->netascii) {
		file_data(t->file, (block - 1) * t->block, p, n, time);
		return;
	}
	if (block > t->next)
		file_gap(t->file, t->at, (block - t->next) * t->block);
	if (block >= t->next)
		add_netascii(t, p, n, time);
}

/*
 * The first block, and how long blocks are was asked but the answer not seen: it is taken
 * for a full one where it may be.
 */
static void guess_block(struct transfer *t, size_t n)
{
	if (n > BLOCK_SIZE || (t->asked_block < BLOCK_SIZE && n <= t->asked_block))
		t->block = (uint32_t)n;
}

/* With a hole it may still come, although the receiver has it already. */
static void end_when_whole(struct transfer *t, uint64_t time)
{
	if (t->last && t->next > t->last && !file_holes(t->file))
		file_end(t, FILE_REASON_NONE, time);
}

static void on_data(struct transfer *t, struct proto_session *ps, enum dir client,
		    struct cursor *c, uint64_t time)
{
	uint16_t number = cursor_be16(c);
	uint64_t block = block_of(t, number);

	if (c->failed || !block || (t->last && block > t->last))
		return;
	if (!t->settled && block == 1 && t->next == 1)
		guess_block(t, c->left);
	if (!t->owner)
		file_begin(t, ps, client, time);
	if (t->done)
		return;
	if (c->left > t->block) {
		file_end(t, FILE_REASON_CONFLICT, time);
		return;
	}
	add_block(t, block, c->p, c->left, time);
	if (c->left < t->block)
		t->last = block;
	if (block >= t->next)
		t->next = block + 1;
	end_when_whole(t, time);
}

static void on_ack(struct transfer *t, struct cursor *c, uint64_t time)
{
	uint16_t number = cursor_be16(c);

	if (c->failed)
		return;
	/* No options, it says to a WRQ. */
	if (!number && t->write)
		t->settled = true;
	t->acked |= t->last && number == number_of(t, t->last);
}

/* What was taken for a full block was the only one, or not as long as all are. */
static void block_is(struct transfer *t, uint32_t block, uint64_t time)
{
	if (!t->owner) {
		t->block = block;
	} else if (t->next == 2 && t->block < block) {
		t->block = block;
		t->last = 1;
		end_when_whole(t, time);
	} else if (t->block != block) {
		file_end(t, FILE_REASON_CONFLICT, time);
	}
}

static void on_options(struct transfer *t, struct cursor *c, uint64_t time)
{
	struct option_set o = {.has_block = false};

	if (t->settled && t->asked_block)
		return;
	t->settled = true;
	take_options(c, &o);
	if (o.has_size && !t->write && !t->size_known) {
		t->size_known = true;
		t->size = o.size;
		if (t->file && !t->netascii)
			file_declare(t->file, o.size);
	}
	if (t->asked_block)
		block_is(t, o.has_block ? (uint32_t)o.block : BLOCK_SIZE, time);
}

static void transfer_datagram(struct transfer *t, struct proto_session *ps, enum dir client,
			      enum dir dir, struct cursor *c, uint64_t time)
{
	unsigned int op = cursor_be16(c);
	bool by_client = dir == client;

	if (t->done || (t->owner && t->owner != ps))
		return;
	if (op == OP_DATA && by_client == t->write)
		on_data(t, ps, client, c, time);
	else if (op == OP_ACK && by_client != t->write)
		on_ack(t, c, time);
	else if (op == OP_OACK && !by_client)
		on_options(t, c, time);
	else if (op == OP_ERROR)
		file_end(t, FILE_REASON_RESET, time);
}

/* ------------------------------------------------------------------ interface */

static void *tftp_open(struct proto_session *ps)
{
	struct tftp *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ps = ps;
	s->transfer = proto_session_expected(ps);
	s->expected = s->transfer;
	return s;
}

/* This session has no more of it. */
static void leave(struct tftp *s, enum file_reason reason, uint64_t time)
{
	struct transfer *t = s->transfer;

	if (!t)
		return;
	if (t->owner == s->ps)
		file_end(t, t->acked ? FILE_REASON_NONE : reason, time);
	transfer_put(t);
	s->transfer = NULL;
}

static void expect_answer(struct tftp *s, struct transfer *t, uint64_t time)
{
	struct expectation e = {
		.protocol = IPPROTO_UDP,
		.answerer = t->client,
		.opener = t->server,
		.ops = &proto_tftp,
		.arg = t,
		.release = transfer_put,
	};

	e.opener.port = 0;
	t->refs++;
	if (!t->env->expected ||
	    !expect_add(t->env->expected, proto_session_info(s->ps), &e, time))
		t->refs--;
}

static void request(struct tftp *s, enum dir dir, const struct request *r, uint64_t time)
{
	const struct session_info *info = proto_session_info(s->ps);
	struct transfer *t = s->transfer;

	/* It came again, since nobody answered yet, or late. */
	if (t && !t->done && t->write == r->write && !strcmp(t->name, r->name) &&
	    (!t->owner || t->owner == s->ps)) {
		if (!t->owner)
			expect_answer(s, t, time);
		return;
	}
	leave(s, FILE_REASON_RESET, time);
	t = calloc(1, sizeof(*t));
	if (!t)
		return;
	t->refs = 1;
	t->env = proto_session_env(s->ps);
	t->client = info->end[dir];
	t->server = info->end[dir_other(dir)];
	t->write = r->write;
	t->netascii = r->netascii;
	strcpy(t->name, r->name);
	t->block = BLOCK_SIZE;
	t->next = 1;
	if (r->options.has_block)
		t->asked_block = (uint32_t)r->options.block;
	t->settled = !t->asked_block;
	t->size_known = r->write && r->options.has_size;
	t->size = r->options.size;
	s->transfer = t;
	expect_answer(s, t, time);
}

/* The same two ports, for what was asked anew. */
static void follow_next(struct tftp *s, uint64_t time)
{
	struct proto_env *env = proto_session_env(s->ps);
	struct transfer *t = s->transfer, *next;
	struct expectation e;

	if (!env->expected || !expect_take(env->expected, proto_session_info(s->ps), time, &e))
		return;
	next = e.ops == &proto_tftp ? e.arg : NULL;
	/* A request that was only repeated. */
	if (!next ||
	    (t && !t->done && t->write == next->write && !strcmp(t->name, next->name))) {
		e.release(e.arg);
		return;
	}
	leave(s, FILE_REASON_RESET, time);
	s->transfer = next;
}

/* Does a transfer begin like this? */
static bool may_be_first(const uint8_t *p, size_t n)
{
	if (n < 4 || p[0])
		return false;
	return p[1] == OP_OACK || (p[1] == OP_DATA && !p[2] && p[3] == 1) ||
	       (p[1] == OP_ACK && !p[2] && !p[3]);
}

/* ----------------------------------------------------------------- too early */

/* Must another one come first? */
static bool is_too_early(struct tftp *s, const uint8_t *p, size_t n)
{
	struct transfer *t = s->transfer;
	uint64_t block;

	if (!t)
		return true;
	if (n < 4 || p[0] || p[1] != OP_DATA || t->done)
		return false;
	block = block_of(t, (uint16_t)(p[2] << 8 | p[3]));
	return (!t->settled && !t->owner && block != 1) || (t->netascii && block > t->next);
}

static bool keep(struct tftp *s, enum dir dir, const uint8_t *p, size_t n)
{
	struct kept *k = &s->kept[s->kept_count];

	if (s->kept_count == KEPT_MAX || n > KEPT_BYTES - s->kept_bytes)
		return false;
	*k = (struct kept){.dir = dir, .p = malloc(n), .n = n};
	if (!k->p)
		return false;
	memcpy(k->p, p, n);
	s->kept_bytes += n;
	s->kept_count++;
	return true;
}

static struct kept kept_take(struct tftp *s, size_t i)
{
	struct kept k = s->kept[i];

	memmove(s->kept + i, s->kept + i + 1, (s->kept_count - i - 1) * sizeof(k));
	s->kept_count--;
	s->kept_bytes -= k.n;
	return k;
}

static void give(struct tftp *s, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	const struct session_info *info = proto_session_info(s->ps);
	struct transfer *t = s->transfer;
	struct cursor c = cursor_of(p, n);
	enum dir client =
		inet_equal(&info->end[DIR_OPENER], &t->client) ? DIR_OPENER : DIR_ANSWERER;

	transfer_datagram(t, s->ps, client, dir, &c, time);
}

/* Gives what is no longer too early, or all of it. */
static void kept_give(struct tftp *s, bool all, uint64_t time)
{
	struct kept k;
	size_t i = 0;

	while (s->transfer && i < s->kept_count) {
		if (!all && is_too_early(s, s->kept[i].p, s->kept[i].n)) {
			i++;
			continue;
		}
		k = kept_take(s, i);
		give(s, k.dir, k.p, k.n, time);
		free(k.p);
		/* One that waited may be what others waited for. */
		i = 0;
	}
}

static void kept_drop(struct tftp *s)
{
	while (s->kept_count)
		free(kept_take(s, s->kept_count - 1).p);
}

/* Nobody wants the file, and its session has nothing else. */
static bool is_unwanted(const struct tftp *s)
{
	const struct transfer *t = s->transfer;

	return s->expected && proto_session_env(s->ps)->shunt && t && t->owner == s->ps &&
	       t->file && !file_wanted(t->file);
}

static void tftp_datagram(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct tftp *s = state;
	char name[NAME_MAX_SIZE];
	struct request r;

	if (!n)
		return;
	if (request_parse(p, n, &r, name)) {
		request(s, dir, &r, time);
		kept_give(s, false, time);
		return;
	}
	if (!s->transfer || may_be_first(p, n))
		follow_next(s, time);
	kept_give(s, false, time);
	if (is_too_early(s, p, n) && keep(s, dir, p, n))
		return;
	if (!s->transfer) {
		/* Nobody asked for it: none of ours. */
		kept_drop(s);
		counter_add(proto_session_env(s->ps)->counters, COUNTER_SESSIONS_UNKNOWN, 1);
		proto_session_done(s->ps);
		return;
	}
	give(s, dir, p, n, time);
	kept_give(s, false, time);
	if (is_unwanted(s))
		proto_session_done(s->ps);
}

static void tftp_close(void *state, enum file_reason reason, uint64_t time)
{
	struct tftp *s = state;

	if (s->kept_count && !s->transfer)
		follow_next(s, time);
	kept_give(s, true, time);
	kept_drop(s);
	leave(s, reason ? reason : FILE_REASON_RESET, time);
	free(s);
}

const struct proto_ops proto_tftp = {
	.name = "tftp",
	.probe_datagram = tftp_probe,
	.open = tftp_open,
	.datagram = tftp_datagram,
	.close = tftp_close,
};
