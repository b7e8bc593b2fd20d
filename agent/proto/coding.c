// SPDX-License-Identifier: MIT
/*
 * Content codings undone: a chain of decoders, each with its own limits.
 */
#include "proto/coding.h"

#include "lib/buf.h"

#include <brotli/decode.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>

/* Decoded bytes handed on at once. */
#define ROOM (32u << 10)
/* Coded bytes kept until the first decoded one, to begin anew in another way. */
#define HEAD_MAX (64u << 10)
/* RFC 9659: what an HTTP client must be able to take, and nobody may exceed. */
#define ZSTD_WINDOW_LOG 23
/* Of one lzma layer: its dictionary, as large as a sender may make it. */
#define LZMA_MEMORY (16u << 20)
#define LAYERS_MAX 16
#define NAME_MAX_LENGTH 64

enum kind { KIND_INFLATE, KIND_BROTLI, KIND_ZSTD, KIND_LZMA };

/*
 * A name, whole or as part of a longer one: clients look for it in the same
 * loose way, and "x-gzip" is a registered alias.
 */
static const struct name {
	const char *name;
	bool whole;
	enum kind kind;
} names[] = {
	{"gzip", false, KIND_INFLATE}, {"deflate", false, KIND_INFLATE},
	{"br", true, KIND_BROTLI},     {"zstd", true, KIND_ZSTD},
	{"lzma", true, KIND_LZMA},
};

/* What a decoder says of bytes: taken, its stream ended, or not its format. */
enum step { STEP_OK, STEP_BROKEN, STEP_STOP };

/* Where an inflating layer stands in its stream. */
enum place {
	PLACE_DETECT, /* the first two bytes decide */
	PLACE_FIXED,  /* gzip: the ten bytes every member begins with */
	PLACE_EXTRA_LENGTH,
	PLACE_EXTRA,
	PLACE_NAME,
	PLACE_COMMENT,
	PLACE_CHECKSUM,
	PLACE_SKIP, /* zlib: a preset dictionary's id */
	PLACE_BLOCKS,
	PLACE_TRAILER, /* gzip: checksum and length, not looked at */
	PLACE_MEMBER,  /* gzip: another member, or bytes nobody reads */
};

enum wrapping { WRAP_RAW, WRAP_ZLIB, WRAP_GZIP };

/* Ways to read a stream called gzip or deflate, tried until one yields a byte. */
enum way { WAY_AUTO, WAY_RAW, WAY_GZIP_BARE, WAY_COUNT };

#define GZIP_CRC 0x02
#define GZIP_EXTRA 0x04
#define GZIP_NAME 0x08
#define GZIP_COMMENT 0x10

struct layer {
	struct coding *chain;
	struct layer *next; /* towards the sink */
	enum kind kind;
	bool live; /* the decoder below is allocated */
	bool pass; /* not coded after all: bytes go through */
	bool done; /* the coded stream ended; the rest is ignored */
	uint64_t in, out;
	struct buf head;
	uint8_t *room;

	enum way way;
	enum place place;
	enum wrapping wrap;
	uint8_t first[2];
	uint32_t pos, flags, members;
	uint32_t last; /* four bytes of blocks */
	union {
		z_stream z;
		BrotliDecoderState *br;
		ZSTD_DStream *zs;
		lzma_stream lz;
	} u;
};

struct coding {
	const struct decode_limits *limits;
	coding_sink *sink;
	void *arg;
	enum file_reason reason;
	bool stopped; /* the sink wants no more */
	size_t count;
	struct layer layer[LAYERS_MAX];
};

/* ------------------------------------------------------------------ names */

static bool is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';';
}

static bool contains(const char *p, size_t n, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i + len <= n; i++)
		if (strncasecmp(p + i, word, len) == 0)
			return true;
	return false;
}

/* NUL bytes inside a name are passed over: some clients drop them from a field. */
static const struct name *name_find(const char *raw, size_t length)
{
	char p[NAME_MAX_LENGTH];
	size_t n = 0;

	for (size_t i = 0; i < length && n < sizeof(p); i++)
		if (raw[i])
			p[n++] = raw[i];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct name *e = &names[i];

		if (e->whole ? n == strlen(e->name) && strncasecmp(p, e->name, n) == 0
			     : contains(p, n, e->name))
			return e;
	}
	return NULL;
}

/* The next known coding of a list; NULL at its end. */
static const struct name *name_next(const char *list, size_t n, size_t *at)
{
	while (*at < n) {
		const struct name *e;
		size_t from;

		while (*at < n && is_separator(list[*at]))
			++*at;
		from = *at;
		while (*at < n && !is_separator(list[*at]))
			++*at;
		e = name_find(list + from, *at - from);
		if (e)
			return e;
	}
	return NULL;
}

bool coding_needed(const char *list, size_t n)
{
	size_t at = 0;

	return list && name_next(list, n, &at);
}

/* ----------------------------------------------------------------- layers */

static enum step layer_data(struct layer *l, const uint8_t *p, size_t n);

static void fail(struct coding *c, enum file_reason reason)
{
	if (c->reason == FILE_REASON_NONE)
		c->reason = reason;
}

/* Decoded bytes of a layer, on to the next one or to the sink. */
static enum step emit(struct layer *l, const uint8_t *p, size_t n)
{
	struct coding *c = l->chain;
	const struct decode_limits *limits = c->limits;

	if (!n)
		return STEP_OK;
	l->out += n;
	if (!l->pass && (l->out > limits->max_size ||
			 (l->out > limits->ratio_after && l->out / limits->ratio > l->in))) {
		fail(c, FILE_REASON_BOMB);
		return STEP_STOP;
	}
	if (l->next)
		return layer_data(l->next, p, n);
	if (!c->sink(c->arg, p, n)) {
		c->stopped = true;
		return STEP_STOP;
	}
	return STEP_OK;
}

static void layer_close(struct layer *l)
{
	if (!l->live)
		return;
	l->live = false;
	switch (l->kind) {
	case KIND_INFLATE:
		inflateEnd(&l->u.z);
		break;
	case KIND_BROTLI:
		BrotliDecoderDestroyInstance(l->u.br);
		break;
	case KIND_ZSTD:
		ZSTD_freeDStream(l->u.zs);
		break;
	case KIND_LZMA:
		lzma_end(&l->u.lz);
		break;
	}
}

static bool layer_open(struct layer *l)
{
	layer_close(l);
	switch (l->kind) {
	case KIND_INFLATE:
		memset(&l->u.z, 0, sizeof(l->u.z));
		/* Raw: headers and trailers are ours, so that broken ones do no harm. */
		l->live = inflateInit2(&l->u.z, -MAX_WBITS) == Z_OK;
		l->place = PLACE_DETECT;
		l->pos = 0;
		l->members = 0;
		break;
	case KIND_BROTLI:
		l->u.br = BrotliDecoderCreateInstance(NULL, NULL, NULL);
		l->live = l->u.br;
		break;
	case KIND_ZSTD:
		l->u.zs = ZSTD_createDStream();
		l->live = l->u.zs;
		if (l->live)
			ZSTD_DCtx_setParameter(l->u.zs, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
		break;
	case KIND_LZMA:
		l->u.lz = (lzma_stream)LZMA_STREAM_INIT;
		l->live = lzma_alone_decoder(&l->u.lz, LZMA_MEMORY) == LZMA_OK;
		break;
	}
	return l->live;
}

/* ---------------------------------------------------------------- inflate */

/* Deflate blocks; *used says how many bytes were taken. */
static enum step inflate_blocks(struct layer *l, const uint8_t *p, size_t n, size_t *used)
{
	z_stream *z = &l->u.z;
	int r = Z_OK;

	z->next_in = (Bytef *)p;
	z->avail_in = n > UINT32_MAX ? UINT32_MAX : (uInt)n;
	*used = 0;
	do {
		enum step s;
		uInt before = z->avail_in;

		z->next_out = l->room;
		z->avail_out = ROOM;
		r = inflate(z, Z_NO_FLUSH);
		*used += before - z->avail_in;
		s = emit(l, l->room, ROOM - z->avail_out);
		if (s != STEP_OK)
			return s;
		if (r == Z_MEM_ERROR || r == Z_DATA_ERROR || r == Z_NEED_DICT)
			return STEP_BROKEN;
	} while (r == Z_OK && (z->avail_in || !z->avail_out));
	for (size_t at = *used < 4 ? 0 : *used - 4; at < *used; at++)
		l->last = l->last << 8 | p[at];
	if (r == Z_STREAM_END) {
		l->place = l->wrap == WRAP_GZIP ? PLACE_TRAILER : PLACE_BLOCKS;
		l->pos = 0;
		l->done = l->wrap != WRAP_GZIP;
		l->members++;
	}
	return STEP_OK;
}

/* Goes to the next optional part of a gzip header (RFC 1952 §2.3). */
static void gzip_next(struct layer *l)
{
	static const struct {
		uint32_t flag;
		enum place place;
	} parts[] = {
		{GZIP_EXTRA, PLACE_EXTRA_LENGTH},
		{GZIP_NAME, PLACE_NAME},
		{GZIP_COMMENT, PLACE_COMMENT},
		{GZIP_CRC, PLACE_CHECKSUM},
	};

	l->pos = 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (l->flags & parts[i].flag) {
			l->flags &= ~parts[i].flag;
			l->place = parts[i].place;
			return;
		}
	l->place = PLACE_BLOCKS;
}

/* RFC 1950 §2.2, window size and check value. */
static bool is_zlib(uint8_t cmf, uint8_t flg)
{
	return (cmf & 0x0f) == Z_DEFLATED && cmf >> 4 <= 7 && (cmf << 8 | flg) % 31 == 0;
}

/* The second byte of a stream: what wraps it.  Blocks may have begun already. */
static enum step inflate_detect(struct layer *l)
{
	size_t used;

	l->flags = 0;
	l->pos = 2;
	if (l->way != WAY_RAW && l->first[0] == 0x1f && l->first[1] == 0x8b) {
		l->wrap = WRAP_GZIP;
		l->place = PLACE_FIXED;
		return STEP_OK;
	}
	if (l->way != WAY_RAW && is_zlib(l->first[0], l->first[1])) {
		l->wrap = WRAP_ZLIB;
		l->place = l->first[1] & 0x20 ? PLACE_SKIP : PLACE_BLOCKS;
		l->pos = 0;
		return STEP_OK;
	}
	l->wrap = WRAP_RAW;
	l->place = PLACE_BLOCKS;
	return inflate_blocks(l, l->first, 2, &used);
}

/* One byte of a header or trailer. */
static enum step inflate_byte(struct layer *l, uint8_t b)
{
	switch (l->place) {
	case PLACE_DETECT:
		l->first[l->pos++] = b;
		return l->pos == 2 ? inflate_detect(l) : STEP_OK;
	case PLACE_FIXED:
		if (l->pos == 3 && l->way != WAY_GZIP_BARE)
			l->flags = b;
		if (++l->pos == 10)
			gzip_next(l);
		return STEP_OK;
	case PLACE_EXTRA_LENGTH:
		l->first[l->pos++] = b;
		if (l->pos == 2) {
			l->pos = l->first[0] | (uint32_t)l->first[1] << 8;
			l->place = PLACE_EXTRA;
			if (!l->pos)
				gzip_next(l);
		}
		return STEP_OK;
	case PLACE_EXTRA:
		if (!--l->pos)
			gzip_next(l);
		return STEP_OK;
	case PLACE_NAME:
	case PLACE_COMMENT:
		if (!b)
			gzip_next(l);
		return STEP_OK;
	case PLACE_CHECKSUM:
		if (++l->pos == 2)
			gzip_next(l);
		return STEP_OK;
	case PLACE_SKIP:
		if (++l->pos == 4)
			l->place = PLACE_BLOCKS;
		return STEP_OK;
	case PLACE_TRAILER:
		if (++l->pos == 8) {
			l->place = PLACE_MEMBER;
			l->pos = 0;
		}
		return STEP_OK;
	case PLACE_MEMBER:
		l->first[l->pos++] = b;
		if (l->first[0] != 0x1f || (l->pos == 2 && l->first[1] != 0x8b)) {
			l->done = true;
		} else if (l->pos == 2) {
			inflateReset(&l->u.z);
			l->place = PLACE_FIXED;
		}
		return STEP_OK;
	case PLACE_BLOCKS:
		break;
	}
	return STEP_BROKEN;
}

static enum step inflate_feed(struct layer *l, const uint8_t *p, size_t n)
{
	enum step s = STEP_OK;

	while (n && !l->done && s == STEP_OK) {
		size_t used = 1;

		s = l->place == PLACE_BLOCKS ? inflate_blocks(l, p, n, &used)
					     : inflate_byte(l, *p);
		p += used;
		n -= used;
	}
	/* What follows a whole member and is none itself is nobody's. */
	if (s == STEP_BROKEN && l->members) {
		l->done = true;
		s = STEP_OK;
	}
	return s;
}

/* ------------------------------------------------------ brotli, zstd, lzma */

static enum step brotli_feed(struct layer *l, const uint8_t *p, size_t n)
{
	BrotliDecoderResult r;

	do {
		uint8_t *out = l->room;
		size_t room = ROOM;
		enum step s;

		r = BrotliDecoderDecompressStream(l->u.br, &n, &p, &room, &out, NULL);
		s = emit(l, l->room, ROOM - room);
		if (s != STEP_OK)
			return s;
	} while (r == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT);
	l->done = r == BROTLI_DECODER_RESULT_SUCCESS;
	return r == BROTLI_DECODER_RESULT_ERROR ? STEP_BROKEN : STEP_OK;
}

/* pos is 0 while a frame is open, 1 between frames; members counts whole ones. */
static enum step zstd_feed(struct layer *l, const uint8_t *p, size_t n)
{
	ZSTD_inBuffer in = {.src = p, .size = n};
	bool full;

	do {
		ZSTD_outBuffer out = {.dst = l->room, .size = ROOM};
		size_t r = ZSTD_decompressStream(l->u.zs, &out, &in);
		enum step s = emit(l, l->room, out.pos);

		if (s != STEP_OK)
			return s;
		if (ZSTD_isError(r)) {
			l->done = l->members && l->pos;
			return l->done ? STEP_OK : STEP_BROKEN;
		}
		full = out.pos == out.size;
		l->pos = r == 0;
		l->members += r == 0;
	} while (in.pos < in.size || full);
	return STEP_OK;
}

static enum step lzma_feed(struct layer *l, const uint8_t *p, size_t n)
{
	lzma_stream *lz = &l->u.lz;
	lzma_ret r;

	lz->next_in = p;
	lz->avail_in = n;
	do {
		enum step s;

		lz->next_out = l->room;
		lz->avail_out = ROOM;
		r = lzma_code(lz, LZMA_RUN);
		s = emit(l, l->room, ROOM - lz->avail_out);
		if (s != STEP_OK)
			return s;
	} while (r == LZMA_OK && (lz->avail_in || !lz->avail_out));
	l->done = r == LZMA_STREAM_END;
	return l->done || r == LZMA_OK || r == LZMA_BUF_ERROR ? STEP_OK : STEP_BROKEN;
}

/* ------------------------------------------------------------------ chain */

static enum step feed(struct layer *l, const uint8_t *p, size_t n)
{
	switch (l->kind) {
	case KIND_INFLATE:
		return inflate_feed(l, p, n);
	case KIND_BROTLI:
		return brotli_feed(l, p, n);
	case KIND_ZSTD:
		return zstd_feed(l, p, n);
	case KIND_LZMA:
		return lzma_feed(l, p, n);
	}
	return STEP_BROKEN;
}

/* Everything so far, as it came. */
static enum step pass(struct layer *l)
{
	enum step s;

	layer_close(l);
	l->pass = true;
	s = emit(l, l->head.data, l->head.len);
	buf_free(&l->head);
	return s;
}

static enum step layer_data(struct layer *l, const uint8_t *p, size_t n)
{
	enum step s;

	if (l->done)
		return STEP_OK;
	l->in += n;
	if (l->pass)
		return emit(l, p, n);
	if (!l->out)
		buf_add(&l->head, p, n);
	s = feed(l, p, n);
	while (s == STEP_BROKEN) {
		if (l->out || l->head.failed) {
			fail(l->chain, FILE_REASON_DECODE);
			return STEP_STOP;
		}
		l->way++;
		if (l->kind != KIND_INFLATE || l->way == WAY_COUNT)
			return pass(l);
		if (!layer_open(l)) {
			fail(l->chain, FILE_REASON_DECODE);
			return STEP_STOP;
		}
		s = feed(l, l->head.data, l->head.len);
	}
	if (l->out)
		buf_free(&l->head);
	return s;
}

static bool layer_ended(const struct layer *l)
{
	if (l->done)
		return true;
	if (l->kind == KIND_ZSTD)
		return l->pos;
	/* A gzip member without its trailer is whole. */
	return l->kind == KIND_INFLATE && l->members && l->place != PLACE_BLOCKS;
}

struct coding *coding_new(const struct decode_limits *limits, const char *list, size_t n,
			  coding_sink *sink, void *arg)
{
	struct coding *c = calloc(1, sizeof(*c));
	const struct name *e;
	size_t at = 0;

	if (!c)
		return NULL;
	c->limits = limits;
	c->sink = sink;
	c->arg = arg;
	while ((e = name_next(list, n, &at))) {
		struct layer *l = &c->layer[c->count];

		if (c->count == LAYERS_MAX || c->count >= limits->layers) {
			fail(c, FILE_REASON_BOMB);
			break;
		}
		l->chain = c;
		l->kind = e->kind;
		/* Applied in order, so undone from the last: the first meets the sink. */
		l->next = c->count ? &c->layer[c->count - 1] : NULL;
		buf_init(&l->head, HEAD_MAX);
		c->count++;
		l->room = malloc(ROOM);
		if (!l->room || !layer_open(l)) {
			coding_free(c);
			return NULL;
		}
	}
	return c;
}

void coding_free(struct coding *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++) {
		layer_close(&c->layer[i]);
		buf_free(&c->layer[i].head);
		free(c->layer[i].room);
	}
	free(c);
}

enum file_reason coding_data(struct coding *c, const uint8_t *p, size_t n)
{
	if (c->reason != FILE_REASON_NONE || c->stopped || !n)
		return c->reason;
	if (!c->count)
		c->stopped = !c->sink(c->arg, p, n);
	else
		layer_data(&c->layer[c->count - 1], p, n);
	return c->reason;
}

uint32_t coding_layers(const struct coding *c)
{
	uint32_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		n += !c->layer[i].pass;
	return n;
}

bool coding_has_end(const struct coding *c)
{
	if (c->reason != FILE_REASON_NONE || c->stopped || !c->count)
		return false;
	for (size_t i = 0; i < c->count; i++)
		if (!layer_ended(&c->layer[i]))
			return false;
	return true;
}

/*
 * A server that flushes its deflate stream and then ends the body, instead of the stream:
 * between two blocks, behind the empty one that a flush makes.  Clients take it.
 */
static bool layer_flushed(const struct layer *l)
{
	/* zlib: 128 is the end of a block, and no bit is left over. */
	return l->live && l->kind == KIND_INFLATE && l->place == PLACE_BLOCKS &&
	       l->u.z.data_type == 128 && l->last == 0x0000ffff;
}

enum file_reason coding_end(struct coding *c)
{
	for (size_t i = c->count; i-- && c->reason == FILE_REASON_NONE && !c->stopped;) {
		struct layer *l = &c->layer[i];

		if (layer_ended(l) || l->pass || !l->in || layer_flushed(l))
			continue;
		/* Too short to be told from what it claims to be: taken as it is. */
		if (!l->out && !l->head.failed)
			pass(l);
		else
			fail(c, FILE_REASON_DECODE);
	}
	return c->reason;
}
