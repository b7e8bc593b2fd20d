// SPDX-License-Identifier: MIT
/*
 * Header blocks of HTTP/2.
 */
#include "proto/http2_head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * The largest table an encoder may use.  It says itself which size it uses (RFC 7541 §4.2)
 * as soon as SETTINGS_HEADER_TABLE_SIZE of its peer moves it; allowing more than the peer
 * does makes no difference, and no race between SETTINGS and blocks either.
 */
#define TABLE_MAX (256u << 10)
/* Of a table whose entries are not known: larger ones are rarely used. */
#define TABLE_LOST (16u << 10)
/* What each entry costs besides its texts (RFC 7541 §4.1). */
#define ENTRY_SIZE 32

void h2_table_free(struct h2_table *t)
{
	if (t->inflater)
		nghttp2_hd_inflate_del(t->inflater);
	t->inflater = NULL;
}

void h2_table_lose(struct h2_table *t)
{
	h2_table_free(t);
	t->lost = true;
}

/* One field more of a block; -1: broken, 0: no more. */
static int next_field(nghttp2_hd_inflater *inflater, const uint8_t **p, size_t *n,
		      nghttp2_nv *nv)
{
	for (;;) {
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(inflater, nv, &flags, *p, *n, 1);

		if (used < 0)
			return -1;
		*p += used;
		*n -= (size_t)used;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			return 1;
		if (flags & NGHTTP2_HD_INFLATE_FINAL) {
			nghttp2_hd_inflate_end_headers(inflater);
			return 0;
		}
		if (!used && !*n)
			return -1;
	}
}

/* A table full of entries without name and value. */
static bool fill(nghttp2_hd_inflater *inflater)
{
	/* "Table size TABLE_LOST", then literals to be indexed (RFC 7541 §6.3, §6.2.1). */
	static const uint8_t size[] = {0x3f, 0xe1, 0x7f};
	uint8_t block[sizeof(size) + 3 * (TABLE_LOST / ENTRY_SIZE)];
	const uint8_t *p = block;
	size_t n = sizeof(block);
	nghttp2_nv nv;
	int r;

	memcpy(block, size, sizeof(size));
	for (size_t at = sizeof(size); at < sizeof(block); at += 3) {
		block[at] = 0x40;
		block[at + 1] = block[at + 2] = 0;
	}
	do {
		r = next_field(inflater, &p, &n, &nv);
	} while (r > 0);
	return !r;
}

static bool table_ready(struct h2_table *t)
{
	if (t->inflater)
		return true;
	if (nghttp2_hd_inflate_new(&t->inflater))
		return false;
	if (!nghttp2_hd_inflate_change_table_size(t->inflater, TABLE_MAX) &&
	    (!t->lost || fill(t->inflater)))
		return true;
	h2_table_free(t);
	return false;
}

/* HTTP_FIELD_COUNT: none that matters here. */
static enum http_field field_of(const nghttp2_nv *nv)
{
	static const char authority[] = ":authority";
	const char *name = (const char *)nv->name;

	for (int f = 0; f < HTTP_FIELD_COUNT; f++)
		if (strlen(http_field_names[f]) == nv->namelen &&
		    !strncasecmp(http_field_names[f], name, nv->namelen))
			return f;
	return nv->namelen == sizeof(authority) - 1 && !memcmp(name, authority, nv->namelen)
		       ? HTTP_HOST
		       : HTTP_FIELD_COUNT;
}

static uint32_t status_of(const nghttp2_nv *nv)
{
	uint32_t v = 0;

	for (size_t i = 0; i < nv->valuelen && i < 3; i++) {
		if (nv->value[i] < '0' || nv->value[i] > '9')
			return 0;
		v = v * 10 + nv->value[i] - '0';
	}
	return nv->valuelen == 3 ? v : 0;
}

/* Where a text stands in texts, as long as these grow. */
struct place {
	size_t at, n;
	bool set;
};

static void keep(struct h2_head *out, struct place *place, const nghttp2_nv *nv)
{
	size_t again = place->set ? place->n + 2 : 0;
	size_t at = out->texts.len;

	if (out->texts.max - at < again + nv->valuelen) {
		out->cut = true;
		return;
	}
	/* Repeated fields are one list (RFC 9110 §5.3). */
	for (size_t i = 0; place->set && i < place->n; i++) {
		uint8_t c = out->texts.data[place->at + i];

		buf_add(&out->texts, &c, 1);
	}
	if (place->set)
		buf_add(&out->texts, ", ", 2);
	buf_add(&out->texts, nv->value, nv->valuelen);
	*place = (struct place){at, again + nv->valuelen, true};
}

bool h2_decode(struct h2_table *t, const uint8_t *p, size_t n, struct h2_head *out)
{
	struct place places[HTTP_FIELD_COUNT] = {0};
	nghttp2_nv nv;
	int r = -1;

	*out = (struct h2_head){0};
	buf_init(&out->texts, H2_TEXTS_MAX);
	while (table_ready(t) && (r = next_field(t->inflater, &p, &n, &nv)) > 0) {
		enum http_field f = field_of(&nv);

		out->holes |= !nv.namelen;
		if (nv.namelen == 7 && !memcmp(nv.name, ":status", 7))
			out->head.status = status_of(&nv);
		/* :authority comes first and is what counts (RFC 9113 §8.3.1). */
		if (f == HTTP_FIELD_COUNT || (f == HTTP_HOST && places[f].set))
			continue;
		keep(out, &places[f], &nv);
	}
	if (r < 0 || out->texts.failed) {
		h2_table_lose(t);
		return false;
	}
	out->head.seen = true;
	for (int f = 0; f < HTTP_FIELD_COUNT; f++)
		if (places[f].set)
			out->head.field[f] =
				(struct text){places[f].n ? out->texts.data + places[f].at
							  : (const uint8_t *)"",
					      places[f].n};
	return true;
}

void h2_head_free(struct h2_head *h)
{
	buf_free(&h->texts);
	h->head = (struct http_head){0};
}
