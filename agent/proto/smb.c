// SPDX-License-Identifier: MIT
/*
 * SMB over TCP ([MS-SMB2] 2.1, RFC 1002 §4.3): frames and what is in them.
 *
 * A message is taken apart as it comes; only the beginning of a unit is kept.  Where bytes
 * are lost within content whose length is known, they are counted through; anywhere else
 * the next message is searched for.
 */
#include "proto/smb.h"

#include "lib/log.h"

#include <stdlib.h>
#include <string.h>

#define FRAME 4
#define FRAME_MESSAGE 0x00
#define FRAME_REQUEST 0x81
#define FRAME_KEEPALIVE 0x85
/* Raw reads and writes: frames with no message in them. */
#define RAW_MAX (FRAME + 65535)
#define SEARCH_MAX (64u << 20)
/* Readable messages may stand among encrypted ones: how long none came. */
#define ENCRYPTED_MAX 64

#define MAGIC_SMB1 0xff534d42u
#define MAGIC_SMB2 0xfe534d42u
#define MAGIC_ENCRYPTED 0xfd534d42u
#define MAGIC_COMPRESSED 0xfc534d42u

static uint32_t be32(const uint8_t *p)
{
	struct cursor c = cursor_of(p, 4);

	return cursor_be32(&c);
}

static bool is_magic(uint32_t v)
{
	return v == MAGIC_SMB1 || v == MAGIC_SMB2 || v == MAGIC_ENCRYPTED ||
	       v == MAGIC_COMPRESSED;
}

static bool is_frame_type(uint8_t type)
{
	return type == FRAME_MESSAGE || (type >= FRAME_REQUEST && type <= FRAME_KEEPALIVE);
}

/* ------------------------------------------------------------------- content */

static void io_data(struct smb *smb, enum dir dir, const uint8_t *p, size_t n)
{
	struct smb_io *io = &smb->stream[dir].io;
	size_t part = n < io->skip ? n : io->skip;
	struct smb_open *o;

	if (!io->active)
		return;
	io->skip -= part;
	p += part;
	n -= part;
	if (n > io->left)
		n = io->left;
	if (n) {
		o = smb_open_of(smb, &io->target, true);
		if (o && io->write)
			smb_open_write(o, smb->ps, dir, io->offset, p, n, smb->time);
		else if (o)
			smb_open_read(o, smb->ps, dir, io->offset, p, n, smb->time);
	}
	io->offset += n;
	io->left -= n;
	io->active = io->left;
}

static void io_gap(struct smb *smb, enum dir dir, uint64_t n)
{
	struct smb_io *io = &smb->stream[dir].io;
	uint32_t part = n < io->skip ? n : io->skip;
	struct smb_open *o;

	if (!io->active)
		return;
	io->skip -= part;
	n -= part;
	part = n < io->left ? n : io->left;
	if (part) {
		o = smb_open_of(smb, &io->target, true);
		if (o && io->write)
			smb_open_write_gap(o, smb->ps, dir, io->offset, part, smb->time);
		else if (o)
			smb_open_read_gap(o, smb->ps, dir, io->offset, part, smb->time);
	}
	io->offset += part;
	io->left -= part;
	io->active = io->left;
}

bool smb_content(struct smb *smb, const struct smb_unit *u, bool write,
		 const struct smb_target *target, uint64_t offset, uint32_t start,
		 uint32_t length)
{
	struct smb_io *io = &smb->stream[u->dir].io;

	if (start > u->size || length > u->size - start || offset > INT64_MAX)
		return false;
	*io = (struct smb_io){
		.active = length,
		.write = write,
		.target = *target,
		.offset = offset,
		.left = length,
	};
	if (start < u->n)
		io_data(smb, u->dir, u->p + start, u->n - start);
	else
		io->skip = start - u->n;
	return true;
}

const char *smb_application(const struct smb *smb)
{
	static const char *const names[] = {
		[SMB_VERSION_UNKNOWN] = "ms-ds-smb-base",
		[SMB_VERSION_1] = "ms-ds-smbv1",
		[SMB_VERSION_2] = "ms-ds-smbv2",
		[SMB_VERSION_3] = "ms-ds-smbv3",
	};

	return names[smb->version];
}

bool smb_from(struct smb *smb, enum dir dir, bool response)
{
	enum dir client = response ? dir_other(dir) : dir;

	if (!smb->client_known) {
		smb->client_known = true;
		smb->client = client;
		proto_session_client(smb->ps, client);
	}
	return smb->client == client;
}

/* -------------------------------------------------------------------- phases */

static void next_frame(struct smb_stream *st)
{
	st->phase = SMB_PHASE_FRAME;
	st->io.active = false;
	st->chained = false;
	st->has_last = false;
	buf_reset(&st->head);
}

static void search(struct smb_stream *st)
{
	next_frame(st);
	st->phase = SMB_PHASE_SEARCH;
	st->window = UINT64_MAX;
	st->searched = 0;
}

static void give_up(struct smb *smb)
{
	counter_add(smb->env->counters, COUNTER_SMB_ERRORS, 1);
	smb->done = true;
	proto_session_done(smb->ps);
}

/* The stream makes no sense here. */
static void lose(struct smb *smb, enum dir dir)
{
	smb_lost(smb, dir);
	search(&smb->stream[dir]);
}

/*
 * While a unit's head is collected, `message` and `unit` count its bytes as well; afterwards
 * only what is to come.
 */
static void unit_begins(struct smb_stream *st, bool first)
{
	buf_reset(&st->head);
	st->unit = st->message;
	st->first = first;
	st->phase = SMB_PHASE_UNIT;
	if (!st->message)
		next_frame(st);
}

/* The head was looked at: the rest of the unit follows. */
static void rest_begins(struct smb_stream *st)
{
	st->message -= st->unit;
	st->unit -= st->head.len;
	st->phase = SMB_PHASE_REST;
	if (!st->unit)
		unit_begins(st, false);
}

static void skip_message(struct smb_stream *st)
{
	st->io.active = false;
	st->unit = st->message;
	rest_begins(st);
}

static void message_encrypted(struct smb *smb, enum dir dir)
{
	counter_add(smb->env->counters, COUNTER_SMB_ENCRYPTED, 1);
	smb->encrypted[dir]++;
	if (smb->encrypted[DIR_OPENER] < ENCRYPTED_MAX ||
	    smb->encrypted[DIR_ANSWERER] < ENCRYPTED_MAX || !smb_idle(smb))
		return;
	smb->done = true;
	proto_session_done(smb->ps);
}

static void message_compressed(struct smb *smb, enum dir dir)
{
	counter_add(smb->env->counters, COUNTER_SMB_COMPRESSED, 1);
	smb_lost(smb, dir);
}

/* A frame within a frame, as the only content: the outer one counts for nothing. */
static bool unwrap(struct smb_stream *st)
{
	const uint8_t *p = st->head.data;
	uint32_t size;

	if (st->head.len < 2 * FRAME || p[0] != FRAME_MESSAGE || !is_magic(be32(p + FRAME)))
		return false;
	size = be32(p) & 0xffffff;
	if (size < FRAME)
		return false;
	memmove(st->head.data, p + FRAME, FRAME);
	st->head.len = FRAME;
	st->message = size;
	st->unit = size;
	return true;
}

static bool is_smb2(const struct smb_stream *st)
{
	return st->head.data[0] == 0xfe;
}

/* Bytes of the unit that must be there before it can be looked at. */
static size_t need(struct smb_stream *st)
{
	size_t n = st->head.len, wanted = 2 * FRAME; /* see unwrap() */
	uint32_t magic = n < FRAME ? 0 : be32(st->head.data);

	if (n < FRAME || magic == MAGIC_ENCRYPTED || magic == MAGIC_COMPRESSED) {
		wanted = FRAME;
	} else if (magic == MAGIC_SMB1) {
		wanted = smb1_need(st->head.data, n);
	} else if (magic == MAGIC_SMB2) {
		wanted = smb2_need(st->head.data, n);
		if (n >= SMB2_HEADER)
			st->unit = smb2_unit_size(st->head.data, st->message);
	}
	if (wanted > SMB_HEAD_MAX)
		wanted = SMB_HEAD_MAX;
	return wanted < st->unit ? wanted : st->unit;
}

/* Whether what was searched for is a message. */
static bool plausible(const struct smb *smb, const struct smb_stream *st, enum dir dir)
{
	const uint8_t *p = st->head.data;
	bool two = is_smb2(st), response;

	if (st->head.len < (two ? SMB2_HEADER : SMB1_HEADER))
		return false;
	response = two ? smb2_is_response(p) : smb1_is_response(p);
	if (smb->client_known && response != (dir != smb->client))
		return false;
	return two ? smb2_plausible(p) : smb1_plausible(p);
}

static void readable(struct smb *smb, enum dir dir)
{
	struct smb_stream *st = &smb->stream[dir];
	struct smb_unit u = {
		.dir = dir, .p = st->head.data, .n = st->head.len, .size = st->unit};

	smb->encrypted[dir] = 0;
	if (st->doubtful && !plausible(smb, st, dir)) {
		search(st);
		return;
	}
	st->doubtful = false;
	if (is_smb2(st))
		smb2_unit(smb, &u);
	else
		smb1_unit(smb, &u);
	rest_begins(st);
}

/* All is there that was needed. */
static void look(struct smb *smb, enum dir dir)
{
	struct smb_stream *st = &smb->stream[dir];
	uint32_t magic = st->head.len < FRAME ? 0 : be32(st->head.data);

	if (magic == MAGIC_SMB1 || magic == MAGIC_SMB2) {
		readable(smb, dir);
		return;
	}
	if (unwrap(st))
		return;
	if (magic == MAGIC_ENCRYPTED)
		message_encrypted(smb, dir);
	else if (magic == MAGIC_COMPRESSED)
		message_compressed(smb, dir);
	else if (st->first && st->message > RAW_MAX) {
		lose(smb, dir);
		return;
	}
	skip_message(st);
}

static size_t take_unit(struct smb *smb, enum dir dir, const uint8_t *p, size_t n)
{
	struct smb_stream *st = &smb->stream[dir];
	size_t missing = need(st) - st->head.len;

	if (missing > n)
		missing = n;
	if (!buf_add(&st->head, p, missing)) {
		give_up(smb); /* no memory */
		return n;
	}
	if (need(st) <= st->head.len)
		look(smb, dir);
	return missing;
}

static size_t take_rest(struct smb *smb, enum dir dir, const uint8_t *p, size_t n)
{
	struct smb_stream *st = &smb->stream[dir];

	if (n > st->unit)
		n = st->unit;
	io_data(smb, dir, p, n);
	st->unit -= n;
	if (!st->unit)
		unit_begins(st, false);
	return n;
}

static size_t take_frame(struct smb *smb, enum dir dir, const uint8_t *p, size_t n)
{
	struct smb_stream *st = &smb->stream[dir];
	size_t part = n < FRAME - st->head.len ? n : FRAME - st->head.len;
	uint32_t frame;

	if (!buf_add(&st->head, p, part)) {
		give_up(smb);
		return n;
	}
	if (st->head.len < FRAME)
		return part;
	frame = be32(st->head.data);
	st->message = frame & 0xffffff;
	if (!is_frame_type(frame >> 24)) {
		lose(smb, dir);
	} else if (frame >> 24 == FRAME_MESSAGE) {
		unit_begins(st, true);
	} else {
		buf_reset(&st->head);
		skip_message(st);
	}
	return part;
}

static size_t take_search(struct smb *smb, enum dir dir, const uint8_t *p, size_t n)
{
	struct smb_stream *st = &smb->stream[dir];
	uint8_t magic[FRAME];
	size_t i;

	for (i = 0; i < n; i++) {
		st->window = st->window << 8 | p[i];
		if (st->window >> 56 != FRAME_MESSAGE || !is_magic((uint32_t)st->window))
			continue;
		st->message = st->window >> 32 & 0xffffff;
		if (st->message < SMB1_HEADER)
			continue;
		memcpy(magic, (uint8_t[]){st->window >> 24, 'S', 'M', 'B'}, FRAME);
		unit_begins(st, true);
		st->doubtful = true;
		if (!buf_add(&st->head, magic, FRAME))
			give_up(smb);
		return i + 1;
	}
	st->searched += n;
	if (st->searched > SEARCH_MAX)
		give_up(smb);
	return n;
}

/* ----------------------------------------------------------------------- gaps */

static void smb_gap(void *state, enum dir dir, uint64_t n, uint64_t time)
{
	struct smb *smb = state;
	struct smb_stream *st = &smb->stream[dir];
	uint64_t part;

	smb->time = time;
	if (st->phase == SMB_PHASE_UNIT) {
		/* What this message was about, nobody knows; but where it ends. */
		smb_lost(smb, dir);
		skip_message(st);
	}
	if (st->phase == SMB_PHASE_REST) {
		part = n < st->unit ? n : st->unit;
		io_gap(smb, dir, part);
		st->unit -= part;
		n -= part;
		if (!st->unit)
			unit_begins(st, false);
		if (st->phase == SMB_PHASE_UNIT && n) {
			smb_lost(smb, dir);
			skip_message(st);
			part = n < st->unit ? n : st->unit;
			st->unit -= part;
			n -= part;
			if (!st->unit)
				next_frame(st);
		}
	}
	if (n)
		lose(smb, dir);
}

/* ------------------------------------------------------------------ the parser */

static void smb_data(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct smb *smb = state;
	size_t used = 0;

	smb->time = time;
	for (; n && !smb->done; p += used, n -= used) {
		switch (smb->stream[dir].phase) {
		case SMB_PHASE_FRAME:
			used = take_frame(smb, dir, p, n);
			break;
		case SMB_PHASE_UNIT:
			used = take_unit(smb, dir, p, n);
			break;
		case SMB_PHASE_REST:
			used = take_rest(smb, dir, p, n);
			break;
		case SMB_PHASE_SEARCH:
			used = take_search(smb, dir, p, n);
			break;
		}
	}
}

static void smb_eof(void *state, enum dir dir, uint64_t time)
{
}

static void smb_close(void *state, enum file_reason reason, uint64_t time)
{
	struct smb *smb = state;

	smb->time = time;
	smb_state_free(smb, reason);
	for (int d = 0; d < DIR_COUNT; d++)
		buf_free(&smb->stream[d].head);
	free(smb);
}

static void *smb_open(struct proto_session *ps)
{
	struct smb *smb = calloc(1, sizeof(*smb));

	if (!smb)
		return NULL;
	smb->ps = ps;
	smb->env = proto_session_env(ps);
	for (int d = 0; d < DIR_COUNT; d++)
		buf_init(&smb->stream[d].head, SMB_HEAD_MAX);
	if (smb_state_init(smb))
		return smb;
	smb_close(smb, FILE_REASON_NONE, 0);
	return NULL;
}

/* ------------------------------------------------------------------- detection */

/* RFC 1002 §4.3.2: two names, each of 32 letters from A to P. */
static enum probe probe_request(const uint8_t *p, size_t n)
{
	static const uint8_t begin[] = {FRAME_REQUEST, 0, 0, 68, 32};
	size_t part = n < sizeof(begin) ? n : sizeof(begin);

	if (memcmp(p, begin, part))
		return PROBE_NO;
	for (size_t i = part; i < sizeof(begin) + 32; i++) {
		if (i >= n)
			return PROBE_MORE;
		if (p[i] < 'A' || p[i] > 'P')
			return PROBE_NO;
	}
	return part < sizeof(begin) ? PROBE_MORE : PROBE_YES;
}

static enum probe probe_message(const uint8_t *p, size_t n)
{
	static const uint8_t smb[] = {'S', 'M', 'B'};
	size_t rest = n > FRAME + 1 ? n - FRAME - 1 : 0;

	if (n && p[0] != FRAME_MESSAGE)
		return PROBE_NO;
	if (n <= FRAME)
		return PROBE_MORE;
	if (p[FRAME] < 0xfc || memcmp(p + FRAME + 1, smb, rest < 3 ? rest : 3))
		return PROBE_NO;
	if (rest < 3)
		return PROBE_MORE;
	return (be32(p) & 0xffffff) >= SMB1_HEADER ? PROBE_YES : PROBE_NO;
}

/* A stream that was picked up within a message: the head of the next one. */
static bool probe_within(const uint8_t *p, size_t n)
{
	static const uint8_t smb2[] = {0xfe, 'S', 'M', 'B', SMB2_HEADER, 0};

	for (size_t i = FRAME; i + sizeof(smb2) <= n; i++)
		if (p[i] == smb2[0] && p[i - FRAME] == FRAME_MESSAGE &&
		    !memcmp(p + i, smb2, sizeof(smb2)))
			return true;
	return false;
}

static enum probe probe_head(const uint8_t *p, size_t n)
{
	size_t i = 0;
	enum probe r;

	/* Positive answers to a session request, keep-alives, and messages without any. */
	while (n - i >= FRAME &&
	       (be32(p + i) == 0x82000000 || be32(p + i) == 0x85000000 || (i && !be32(p + i))))
		i += FRAME;
	if (i < n && i && n - i < FRAME && !is_frame_type(p[i]))
		return PROBE_NO;
	r = n - i >= 1 && p[i] == FRAME_REQUEST ? probe_request(p + i, n - i)
						: probe_message(p + i, n - i);
	if (r == PROBE_NO && probe_within(p, n))
		return PROBE_YES;
	return r;
}

static enum probe smb_probe(const struct proto_head head[DIR_COUNT])
{
	enum probe best = PROBE_NO, r;

	for (int d = 0; d < DIR_COUNT; d++) {
		if (!head[d].n)
			continue;
		r = probe_head(head[d].p, head[d].n);
		if (r == PROBE_MORE && head[d].whole)
			r = PROBE_NO;
		if (r == PROBE_YES)
			return PROBE_YES;
		if (r == PROBE_MORE)
			best = PROBE_MORE;
	}
	return best;
}

const struct proto_ops proto_smb = {
	.name = "smb",
	.probe = smb_probe,
	.open = smb_open,
	.data = smb_data,
	.gap = smb_gap,
	.eof = smb_eof,
	.close = smb_close,
};
