// SPDX-License-Identifier: MIT
/*
 * COMPRESS=DEFLATE.
 */
#include "proto/imap_inflate.h"

#include <stdlib.h>
#include <zlib.h>

#define PIECE 16384

struct imap_inflate {
	z_stream z;
	uint64_t in;
	uint64_t out;
};

struct imap_inflate *imap_inflate_new(void)
{
	struct imap_inflate *i = calloc(1, sizeof(*i));

	if (i && inflateInit2(&i->z, -MAX_WBITS) != Z_OK) {
		free(i);
		return NULL;
	}
	return i;
}

void imap_inflate_free(struct imap_inflate *i)
{
	if (!i)
		return;
	inflateEnd(&i->z);
	free(i);
}

bool imap_inflate_data(struct imap_inflate *i, const struct decode_limits *limits,
		       const uint8_t *p, size_t n,
		       void (*sink)(void *arg, const uint8_t *p, size_t n), void *arg)
{
	uint8_t out[PIECE];
	int r;

	i->z.next_in = (Bytef *)p;
	i->z.avail_in = (uInt)n;
	i->in += n;
	do {
		size_t got;

		i->z.next_out = out;
		i->z.avail_out = sizeof(out);
		r = inflate(&i->z, Z_SYNC_FLUSH);
		if (r != Z_OK && r != Z_BUF_ERROR && r != Z_STREAM_END)
			return false;
		got = sizeof(out) - i->z.avail_out;
		i->out += got;
		if (i->out > limits->ratio_after && i->out / limits->ratio > i->in)
			return false;
		if (got)
			sink(arg, out, got);
	} while (r == Z_OK && (i->z.avail_in || !i->z.avail_out));
	/* The stream has no end but the connection's. */
	return r != Z_STREAM_END;
}
