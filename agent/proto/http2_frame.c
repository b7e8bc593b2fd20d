// SPDX-License-Identifier: MIT
/*
 * The frames of one direction of HTTP/2.
 */
#include "proto/http2_frame.h"

#include "lib/cursor.h"

#include <string.h>

/* SETTINGS_MAX_FRAME_SIZE where nothing else was agreed on. */
#define FRAME_USUAL (16u << 10)
/* Of a type nobody knows. */
#define FRAME_UNKNOWN_MAX (1u << 20)
/* Frames in a row that are no accident. */
#define CHAIN 3
#define SEEK_MAX (CHAIN * (FRAME_USUAL + H2_HEADER_SIZE))
/* Stream ids are given out one after the other: larger ones are noise. */
#define STREAM_USUAL (1u << 24)
#define SETTINGS_USUAL (6u * 32)

static struct h2_frame frame_of(const uint8_t head[static H2_HEADER_SIZE])
{
	struct cursor c = cursor_of(head, H2_HEADER_SIZE);
	uint32_t length_type = cursor_be32(&c);
	struct h2_frame f = {.length = length_type >> 8, .type = (uint8_t)length_type};

	f.flags = cursor_u8(&c);
	f.stream = cursor_be32(&c) & 0x7fffffff;
	return f;
}

/* What each type must be like; what is not here may be anything. */
struct rule {
	bool connection, stream; /* may be of stream 0, of another one */
	uint8_t flags;		 /* that have a meaning */
	uint32_t min, max;	 /* bytes, usually */
};

static const struct rule rules[] = {
	[H2_DATA] = {false, true, 0x09, 0, FRAME_USUAL},
	[H2_HEADERS] = {false, true, 0x2d, 1, FRAME_USUAL},
	[H2_PRIORITY] = {false, true, 0, 5, 5},
	[H2_RST_STREAM] = {false, true, 0, 4, 4},
	[H2_SETTINGS] = {true, false, 0x01, 0, SETTINGS_USUAL},
	[H2_PUSH_PROMISE] = {false, true, 0x0c, 5, FRAME_USUAL},
	[H2_PING] = {true, false, 0x01, 8, 8},
	[H2_GOAWAY] = {true, false, 0, 8, FRAME_USUAL},
	[H2_WINDOW_UPDATE] = {true, true, 0, 4, 4},
	[H2_CONTINUATION] = {false, true, 0x04, 1, FRAME_USUAL},
};

#define KNOWN_TYPES (sizeof(rules) / sizeof(rules[0]))

/* What a reader that has its place believes. */
static bool frame_is_possible(const struct h2_frame *f)
{
	if (f->type >= KNOWN_TYPES)
		return f->length <= FRAME_UNKNOWN_MAX;
	return f->stream ? rules[f->type].stream : rules[f->type].connection;
}

/* What one that seeks it does. */
static bool frame_is_usual(const struct h2_frame *f)
{
	const struct rule *rule;

	if (f->type >= KNOWN_TYPES || !frame_is_possible(f) || f->stream >= STREAM_USUAL)
		return false;
	rule = &rules[f->type];
	if (f->flags & ~rule->flags || f->length < rule->min || f->length > rule->max)
		return false;
	return f->type != H2_SETTINGS ||
	       (f->length % 6 == 0 && (!f->length || !(f->flags & H2_ACK)));
}

/* What is there of a header that is cut short. */
static bool may_begin(const uint8_t *p, size_t n)
{
	uint32_t length = n > 2 ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;

	if (n && p[0])
		return false;
	if (n < 4)
		return length <= FRAME_USUAL;
	return p[3] < KNOWN_TYPES && length >= rules[p[3]].min && length <= rules[p[3]].max &&
	       (n < 5 || !(p[4] & ~rules[p[3]].flags));
}

/* Do frames stand in a row here?  Two are enough where the bytes end with the second. */
static enum probe chain(const uint8_t *p, size_t n)
{
	size_t at = 0;

	for (int i = 0; i < CHAIN; i++) {
		struct h2_frame f;

		if (n - at < H2_HEADER_SIZE)
			return at == n && i == CHAIN - 1   ? PROBE_YES
			       : may_begin(p + at, n - at) ? PROBE_MORE
							   : PROBE_NO;
		f = frame_of(p + at);
		if (!frame_is_usual(&f) || p[at + 5] & 0x80)
			return PROBE_NO;
		if (f.length > n - at - H2_HEADER_SIZE)
			return i == CHAIN - 1 ? PROBE_YES : PROBE_MORE;
		at += H2_HEADER_SIZE + f.length;
	}
	return PROBE_YES;
}

/* A server's first frame. */
static enum probe settings_first(const uint8_t *p, size_t n)
{
	struct h2_frame f;

	if (n < H2_HEADER_SIZE)
		return may_begin(p, n) && (n < 4 || p[3] == H2_SETTINGS) ? PROBE_MORE
									 : PROBE_NO;
	f = frame_of(p);
	if (f.type != H2_SETTINGS || f.flags || !frame_is_usual(&f))
		return PROBE_NO;
	for (size_t at = H2_HEADER_SIZE; at < H2_HEADER_SIZE + f.length; at += 6) {
		if (at + 6 > n)
			return PROBE_MORE;
		/* Identifiers are below 0x10, or those for experiments. */
		if (p[at] != 0 && p[at] < 0xf0)
			return PROBE_NO;
	}
	if (n - H2_HEADER_SIZE - f.length < H2_HEADER_SIZE)
		return PROBE_YES;
	f = frame_of(p + H2_HEADER_SIZE + f.length);
	return frame_is_possible(&f) ? PROBE_YES : PROBE_NO;
}

static bool is_preface(const struct proto_head *head)
{
	/* Its first line is enough, and nobody's but HTTP/2's. */
	return head->n >= H2_PREFACE_LINE && !memcmp(head->p, H2_PREFACE, H2_PREFACE_LINE);
}

static enum probe probe_one(const struct proto_head *head)
{
	enum probe r;

	if (!head->n || (head->n < H2_PREFACE_LINE && !memcmp(head->p, H2_PREFACE, head->n)))
		return PROBE_MORE;
	if (is_preface(head))
		return PROBE_YES;
	r = settings_first(head->p, head->n);
	return r == PROBE_NO ? chain(head->p, head->n) : r;
}

enum probe h2_probe(const struct proto_head head[DIR_COUNT])
{
	enum probe r[DIR_COUNT];
	bool more = false;

	for (int d = 0; d < DIR_COUNT; d++)
		r[d] = probe_one(&head[d]);
	for (int d = 0; d < DIR_COUNT; d++) {
		enum probe other = r[dir_other(d)];

		if (r[d] == PROBE_YES && (other != PROBE_NO || is_preface(&head[d]) ||
					  chain(head[d].p, head[d].n) == PROBE_YES))
			return PROBE_YES;
		more |= r[d] != PROBE_NO && !head[d].whole && (head[d].n || other != PROBE_NO);
	}
	return more ? PROBE_MORE : PROBE_NO;
}

/* ------------------------------------------------------------------ reading */

void h2_reader_init(struct h2_reader *r, const struct h2_frame_ops *ops, void *arg)
{
	*r = (struct h2_reader){.ops = ops, .arg = arg};
	buf_init(&r->seek, SEEK_MAX);
}

void h2_reader_free(struct h2_reader *r)
{
	buf_free(&r->seek);
}

static void lose(struct h2_reader *r)
{
	if (r->state != H2_SEEKING)
		r->ops->lost(r->arg);
	r->state = H2_SEEKING;
	r->have = 0;
	buf_reset(&r->seek);
}

void h2_reader_midstream(struct h2_reader *r)
{
	lose(r);
}

static size_t take_head(struct h2_reader *r, const uint8_t *p, size_t n)
{
	size_t take = H2_HEADER_SIZE - r->have < n ? H2_HEADER_SIZE - r->have : n;

	memcpy(r->head + r->have, p, take);
	r->have += take;
	return take;
}

static void frame_end(struct h2_reader *r)
{
	r->state = H2_IN_HEADER;
	r->have = 0;
	r->ops->end(r->arg, &r->frame);
}

/* A frame's header is there. */
static bool frame_begin(struct h2_reader *r)
{
	struct h2_frame f = frame_of(r->head);
	bool may_pad = f.type == H2_DATA || f.type == H2_HEADERS || f.type == H2_PUSH_PROMISE;

	if (!frame_is_possible(&f))
		return false;
	r->frame = f;
	r->left = f.length;
	r->behind = 0;
	r->padded = may_pad && f.flags & H2_PADDED;
	r->before = f.type == H2_HEADERS && f.flags & H2_PRIORITY_FLAG ? 5 : 0;
	if (r->left < r->before + r->padded)
		return false;
	r->state = H2_IN_PAYLOAD;
	r->ops->begin(r->arg, &r->frame);
	if (!r->left)
		frame_end(r);
	return true;
}

/* Passes over at most n bytes of *part, of a payload's bytes before or behind the content. */
static size_t pass(struct h2_reader *r, uint32_t *part, size_t n)
{
	size_t take = *part < n ? *part : n;

	*part -= (uint32_t)take;
	r->left -= (uint32_t)take;
	return take;
}

/* p NULL: a hole; n is not more than is left of the payload.  0: it makes no sense. */
static size_t payload(struct h2_reader *r, const uint8_t *p, size_t n)
{
	size_t take;

	if (r->padded) {
		r->padded = false;
		r->left--;
		/* Without it, what is content is not known: all of it may be. */
		r->behind = p ? *p : 0;
		take = 1;
		if (r->behind + r->before > r->left)
			return 0;
		if (!p)
			r->ops->data(r->arg, &r->frame, NULL, 1);
	} else if (r->before) {
		take = pass(r, &r->before, n);
	} else if (r->left > r->behind) {
		take = r->left - r->behind < n ? r->left - r->behind : n;
		r->left -= (uint32_t)take;
		r->ops->data(r->arg, &r->frame, p, take);
	} else {
		take = pass(r, &r->behind, n);
	}
	if (!r->left)
		frame_end(r);
	return take;
}

/* The first bytes of a direction: a preface, a frame, or its middle. */
static size_t start(struct h2_reader *r, const uint8_t *p, size_t n)
{
	size_t take = take_head(r, p, n);
	struct h2_frame f;

	if (!memcmp(r->head, H2_PREFACE, r->have)) {
		if (r->have == H2_HEADER_SIZE)
			r->state = H2_IN_PREFACE;
		return take;
	}
	if (r->have < H2_HEADER_SIZE)
		return take;
	f = frame_of(r->head);
	if (f.type != H2_SETTINGS || !frame_begin(r)) {
		lose(r);
		buf_add(&r->seek, r->head, H2_HEADER_SIZE);
	}
	return take;
}

static size_t preface(struct h2_reader *r, const uint8_t *p, size_t n)
{
	size_t take = H2_PREFACE_SIZE - r->have < n ? H2_PREFACE_SIZE - r->have : n;

	r->have += take;
	if (r->have == H2_PREFACE_SIZE) {
		r->state = H2_IN_HEADER;
		r->have = 0;
	}
	return take;
}

/*
 * Where frames stand in a row, reading goes on with them.  The bytes where it cannot
 * be told yet are kept, fewer than SEEK_MAX.
 */
static size_t seek(struct h2_reader *r, const uint8_t *p, size_t n)
{
	enum probe probe = PROBE_NO;
	size_t at = 0;

	while (at < n && (probe = chain(p + at, n - at)) == PROBE_NO)
		at++;
	if (probe == PROBE_YES)
		r->state = H2_IN_HEADER;
	else if (!buf_add(&r->seek, p + at, n - at))
		buf_reset(&r->seek);
	return probe == PROBE_YES ? at : n;
}

/* Bytes taken: all, unless those kept belong before the rest. */
static size_t read_bytes(struct h2_reader *r, const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		size_t take;

		switch (r->state) {
		case H2_START:
			at += start(r, p + at, n - at);
			break;
		case H2_IN_PREFACE:
			at += preface(r, p + at, n - at);
			break;
		case H2_IN_HEADER:
			at += take_head(r, p + at, n - at);
			if (r->have == H2_HEADER_SIZE && !frame_begin(r))
				lose(r);
			break;
		case H2_IN_PAYLOAD:
			take = payload(r, p + at, n - at < r->left ? n - at : r->left);
			if (!take) {
				lose(r);
				take = 1;
			}
			at += take;
			break;
		case H2_SEEKING:
			if (r->seek.len)
				return at;
			at += seek(r, p + at, n - at);
			break;
		}
	}
	return at;
}

void h2_reader_data(struct h2_reader *r, const uint8_t *p, size_t n)
{
	struct buf kept;
	size_t take;

	for (; n; p += take, n -= take) {
		if (r->state != H2_SEEKING || !r->seek.len) {
			take = read_bytes(r, p, n);
			continue;
		}
		kept = r->seek;
		buf_init(&r->seek, SEEK_MAX);
		take = kept.max - kept.len < n ? kept.max - kept.len : n;
		if (buf_add(&kept, p, take))
			read_bytes(r, kept.data, kept.len);
		buf_free(&kept);
	}
}

void h2_reader_gap(struct h2_reader *r, uint64_t n)
{
	/* A hole within a payload leaves the place known. */
	if (r->state == H2_IN_PAYLOAD && n <= r->left) {
		while (n) {
			size_t take = payload(r, NULL, (size_t)n);

			if (!take) {
				lose(r);
				return;
			}
			n -= take;
		}
		return;
	}
	lose(r);
}
