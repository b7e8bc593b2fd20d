// SPDX-License-Identifier: MIT
/*
 * One member of a ZIP archive unpacked.
 */
#include "sample/unpack.h"

#include "sample/inflate64.h"

#include <bzlib.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* Memory of an LZMA or XZ decoder: 7-Zip's largest preset has a dictionary of 64 MiB. */
#define LZMA_MEMORY (80ull << 20)
/* Window of a Zstandard frame, log2: what `zstd -19` makes and 7-Zip's usual levels. */
#define ZSTD_WINDOW_LOG 26
/*
 * In front of an LZMA member (APPNOTE.TXT §5.8): version, size of what follows, properties
 * and dictionary.  LZMA's own file format has the last two and the size of the content.
 */
#define LZMA_HEAD 9
#define LZMA_PROPERTIES 5
#define LZMA_ALONE 13
#define FLAG_LZMA_END 0x0002 /* its stream has a mark at its end */

struct unpack {
	uint16_t method;
	enum unpack_result result;
	union {
		z_stream z;
		bz_stream bz;
		lzma_stream lz;
		ZSTD_DStream *zs;
		struct inflate64 *z64;
	} u;
	/* LZMA: its two headers, the one it has and the one its decoder wants. */
	bool end_mark;
	uint64_t size;
	uint8_t head[LZMA_HEAD];
	size_t head_len;
};

bool unpack_knows(uint16_t method)
{
	switch (method) {
	case UNPACK_STORED:
	case UNPACK_DEFLATE:
	case UNPACK_DEFLATE64:
	case UNPACK_BZIP2:
	case UNPACK_LZMA:
	case UNPACK_ZSTD_OLD:
	case UNPACK_ZSTD:
	case UNPACK_XZ:
		return true;
	}
	return false;
}

static bool unpack_open(struct unpack *u)
{
	switch (u->method) {
	case UNPACK_STORED:
		return true;
	case UNPACK_DEFLATE:
		return inflateInit2(&u->u.z, -MAX_WBITS) == Z_OK;
	case UNPACK_DEFLATE64:
		u->u.z64 = inflate64_new();
		return u->u.z64;
	case UNPACK_BZIP2:
		return BZ2_bzDecompressInit(&u->u.bz, 0, 0) == BZ_OK;
	case UNPACK_LZMA:
		u->u.lz = (lzma_stream)LZMA_STREAM_INIT;
		return lzma_alone_decoder(&u->u.lz, LZMA_MEMORY) == LZMA_OK;
	case UNPACK_XZ:
		u->u.lz = (lzma_stream)LZMA_STREAM_INIT;
		return lzma_stream_decoder(&u->u.lz, LZMA_MEMORY, 0) == LZMA_OK;
	case UNPACK_ZSTD_OLD:
	case UNPACK_ZSTD:
		u->u.zs = ZSTD_createDStream();
		return u->u.zs && !ZSTD_isError(ZSTD_DCtx_setParameter(
					  u->u.zs, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG));
	}
	return false;
}

struct unpack *unpack_new(const struct unpack_method *m)
{
	struct unpack *u = unpack_knows(m->method) ? calloc(1, sizeof(*u)) : NULL;

	if (!u)
		return NULL;
	u->method = m->method;
	u->end_mark = m->flags & FLAG_LZMA_END;
	u->size = m->size;
	if (unpack_open(u))
		return u;
	unpack_free(u);
	return NULL;
}

void unpack_free(struct unpack *u)
{
	if (!u)
		return;
	switch (u->method) {
	case UNPACK_DEFLATE:
		inflateEnd(&u->u.z);
		break;
	case UNPACK_DEFLATE64:
		inflate64_free(u->u.z64);
		break;
	case UNPACK_BZIP2:
		BZ2_bzDecompressEnd(&u->u.bz);
		break;
	case UNPACK_LZMA:
	case UNPACK_XZ:
		lzma_end(&u->u.lz);
		break;
	case UNPACK_ZSTD_OLD:
	case UNPACK_ZSTD:
		ZSTD_freeDStream(u->u.zs);
		break;
	}
	free(u);
}

/* What of a buffer one call can take. */
static unsigned int piece(size_t n)
{
	return n > 1u << 30 ? 1u << 30 : (unsigned int)n;
}

static enum unpack_result run_stored(const uint8_t **in, size_t *in_len, uint8_t **out,
				     size_t *out_len)
{
	size_t n = *in_len < *out_len ? *in_len : *out_len;

	if (n)
		memcpy(*out, *in, n);
	*in += n;
	*in_len -= n;
	*out += n;
	*out_len -= n;
	return UNPACK_OK;
}

static enum unpack_result run_deflate(struct unpack *u, const uint8_t **in, size_t *in_len,
				      uint8_t **out, size_t *out_len)
{
	z_stream *z = &u->u.z;
	unsigned int give = piece(*in_len), room = piece(*out_len);
	int r;

	z->next_in = (Bytef *)*in;
	z->avail_in = give;
	z->next_out = *out;
	z->avail_out = room;
	r = inflate(z, Z_NO_FLUSH);
	*in += give - z->avail_in;
	*in_len -= give - z->avail_in;
	*out += room - z->avail_out;
	*out_len -= room - z->avail_out;
	if (r == Z_STREAM_END)
		return UNPACK_END;
	return r == Z_OK || r == Z_BUF_ERROR ? UNPACK_OK : UNPACK_BROKEN;
}

static enum unpack_result run_deflate64(struct unpack *u, const uint8_t **in, size_t *in_len,
					uint8_t **out, size_t *out_len)
{
	switch (inflate64_run(u->u.z64, in, in_len, out, out_len)) {
	case INFLATE64_OK:
		return UNPACK_OK;
	case INFLATE64_END:
		return UNPACK_END;
	case INFLATE64_BROKEN:
		break;
	}
	return UNPACK_BROKEN;
}

static enum unpack_result run_bzip2(struct unpack *u, const uint8_t **in, size_t *in_len,
				    uint8_t **out, size_t *out_len)
{
	bz_stream *bz = &u->u.bz;
	unsigned int give = piece(*in_len), room = piece(*out_len);
	int r;

	bz->next_in = (char *)*in;
	bz->avail_in = give;
	bz->next_out = (char *)*out;
	bz->avail_out = room;
	r = BZ2_bzDecompress(bz);
	*in += give - bz->avail_in;
	*in_len -= give - bz->avail_in;
	*out += room - bz->avail_out;
	*out_len -= room - bz->avail_out;
	if (r == BZ_STREAM_END)
		return UNPACK_END;
	return r == BZ_OK ? UNPACK_OK : UNPACK_BROKEN;
}

static enum unpack_result lzma_step(struct unpack *u, const uint8_t **in, size_t *in_len,
				    uint8_t **out, size_t *out_len)
{
	lzma_stream *lz = &u->u.lz;
	lzma_ret r;

	lz->next_in = *in;
	lz->avail_in = *in_len;
	lz->next_out = *out;
	lz->avail_out = *out_len;
	r = lzma_code(lz, LZMA_RUN);
	*in = lz->next_in;
	*in_len = lz->avail_in;
	*out = lz->next_out;
	*out_len = lz->avail_out;
	if (r == LZMA_STREAM_END)
		return UNPACK_END;
	return r == LZMA_OK || r == LZMA_BUF_ERROR ? UNPACK_OK : UNPACK_BROKEN;
}

/* Gives the decoder the header of a file of its own, made of the member's. */
static enum unpack_result lzma_begin(struct unpack *u)
{
	const uint8_t *properties = u->head + LZMA_HEAD - LZMA_PROPERTIES;
	uint64_t size = u->end_mark ? UINT64_MAX : u->size, window;
	uint8_t alone[LZMA_ALONE], nowhere, *out = &nowhere;
	const uint8_t *in = alone;
	size_t in_len = sizeof(alone), out_len = sizeof(nowhere);

	if (u->head[2] != LZMA_PROPERTIES || u->head[3])
		return UNPACK_BROKEN;
	memcpy(alone, properties, LZMA_PROPERTIES);
	window = properties[1] | properties[2] << 8 | properties[3] << 16 |
		 (uint64_t)properties[4] << 24;
	/* No larger than the content: memory is taken by the window. */
	if (size < window)
		window = size < 4096 ? 4096 : size;
	for (unsigned int i = 0; i < 4; i++)
		alone[1 + i] = (uint8_t)(window >> 8 * i);
	for (unsigned int i = 0; i < 8; i++)
		alone[LZMA_PROPERTIES + i] = (uint8_t)(size >> 8 * i);
	return lzma_step(u, &in, &in_len, &out, &out_len);
}

static enum unpack_result run_lzma(struct unpack *u, const uint8_t **in, size_t *in_len,
				   uint8_t **out, size_t *out_len)
{
	if (u->head_len < LZMA_HEAD) {
		size_t n = LZMA_HEAD - u->head_len;
		enum unpack_result r;

		if (n > *in_len)
			n = *in_len;
		if (n)
			memcpy(u->head + u->head_len, *in, n);
		u->head_len += n;
		*in += n;
		*in_len -= n;
		if (u->head_len < LZMA_HEAD)
			return UNPACK_OK;
		r = lzma_begin(u);
		if (r != UNPACK_OK)
			return r;
	}
	return lzma_step(u, in, in_len, out, out_len);
}

static enum unpack_result run_zstd(struct unpack *u, const uint8_t **in, size_t *in_len,
				   uint8_t **out, size_t *out_len)
{
	ZSTD_inBuffer from = {*in, *in_len, 0};
	ZSTD_outBuffer to = {*out, *out_len, 0};
	size_t r = ZSTD_decompressStream(u->u.zs, &to, &from);

	*in += from.pos;
	*in_len -= from.pos;
	*out += to.pos;
	*out_len -= to.pos;
	if (ZSTD_isError(r))
		return UNPACK_BROKEN;
	return r == 0 ? UNPACK_END : UNPACK_OK;
}

enum unpack_result unpack_run(struct unpack *u, const uint8_t **in, size_t *in_len,
			      uint8_t **out, size_t *out_len)
{
	if (u->result != UNPACK_OK)
		return u->result;
	switch (u->method) {
	case UNPACK_STORED:
		return run_stored(in, in_len, out, out_len);
	case UNPACK_DEFLATE:
		u->result = run_deflate(u, in, in_len, out, out_len);
		break;
	case UNPACK_DEFLATE64:
		u->result = run_deflate64(u, in, in_len, out, out_len);
		break;
	case UNPACK_BZIP2:
		u->result = run_bzip2(u, in, in_len, out, out_len);
		break;
	case UNPACK_LZMA:
		u->result = run_lzma(u, in, in_len, out, out_len);
		break;
	case UNPACK_XZ:
		u->result = lzma_step(u, in, in_len, out, out_len);
		break;
	case UNPACK_ZSTD_OLD:
	case UNPACK_ZSTD:
		u->result = run_zstd(u, in, in_len, out, out_len);
		break;
	default:
		u->result = UNPACK_BROKEN;
		break;
	}
	return u->result;
}

size_t unpack_unused(const struct unpack *u)
{
	return u->method == UNPACK_DEFLATE64 ? inflate64_unused(u->u.z64) : 0;
}
