// SPDX-License-Identifier: MIT
/*
 * Deflate64 undone.
 *
 * A machine whose every step needs a bounded number of bits: a step that finds fewer changes
 * nothing and is tried again when there is more input.
 */
#include "sample/inflate64.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW (64u << 10)
#define CODE_MAX 15  /* bits of a code */
#define FAST_BITS 10 /* codes up to this length are looked up at once */
#define LENGTHS 286  /* symbols of literals and lengths; 286 and 287 mean nothing */
#define DISTANCES 32
#define ORDERS 19 /* symbols of the code for code lengths */
#define END_OF_BLOCK 256

enum { SYMBOL_MORE = -1, SYMBOL_BAD = -2 };

enum state {
	STATE_BLOCK,	   /* three bits: last, kind */
	STATE_STORED_SIZE, /* of a stored block */
	STATE_STORED,
	STATE_COUNTS, /* dynamic: how many code lengths follow */
	STATE_ORDERS, /* lengths of the code for code lengths */
	STATE_LENGTHS,
	STATE_SYMBOL,
	STATE_LENGTH, /* extra bits of it */
	STATE_DISTANCE,
	STATE_DISTANCE_EXTRA,
	STATE_COPY,
	STATE_END,
	STATE_BROKEN,
};

struct code {
	uint16_t count[CODE_MAX + 1];  /* codes of each length */
	uint16_t symbol[LENGTHS + 2];  /* by code */
	uint16_t fast[1 << FAST_BITS]; /* symbol << 4 | length; 0: a longer one */
};

struct inflate64 {
	enum state state;
	bool last;
	uint64_t bits;
	unsigned int held; /* bits of these */
	unsigned int literals, distances, orders, filled;
	uint32_t symbol, length, distance;
	uint8_t lengths[LENGTHS + 2 + DISTANCES];
	struct code literal, far;
	uint64_t total; /* bytes put out */
	uint8_t window[WINDOW];
};

static const uint8_t order_of[ORDERS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
					 11, 4,	 12, 3, 13, 2, 14, 1, 15};

static const uint16_t length_base[29] = {3,  4,	 5,  6,	  7,   8,   9,	 10,  11, 13,
					 15, 17, 19, 23,  27,  31,  35,	 43,  51, 59,
					 67, 83, 99, 115, 131, 163, 195, 227, 3};
static const uint8_t length_extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
					 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 16};

struct inflate64 *inflate64_new(void)
{
	return calloc(1, sizeof(struct inflate64));
}

void inflate64_free(struct inflate64 *z)
{
	free(z);
}

/* ------------------------------------------------------------------- codes */

/* The code of these lengths; false when it cannot be one. */
static bool code_make(struct code *c, const uint8_t *lengths, unsigned int n)
{
	uint16_t at[CODE_MAX + 2] = {0}, next[CODE_MAX + 1] = {0};
	unsigned int code = 0;
	int left = 1;

	memset(c->count, 0, sizeof(c->count));
	memset(c->fast, 0, sizeof(c->fast));
	for (unsigned int i = 0; i < n; i++)
		c->count[lengths[i]]++;
	c->count[0] = 0;
	for (unsigned int l = 1; l <= CODE_MAX; l++) {
		left = (left << 1) - c->count[l];
		if (left < 0)
			return false; /* more codes than bits can tell apart */
		next[l] = (uint16_t)code;
		code = (code + c->count[l]) << 1;
		at[l + 1] = at[l] + c->count[l];
	}
	for (unsigned int i = 0; i < n; i++) {
		unsigned int l = lengths[i], turned = 0;

		if (!l)
			continue;
		c->symbol[at[l]++] = (uint16_t)i;
		code = next[l]++;
		for (unsigned int b = 0; b < l; b++)
			turned |= (code >> b & 1) << (l - 1 - b);
		if (l <= FAST_BITS)
			for (; turned < 1 << FAST_BITS; turned += 1 << l)
				c->fast[turned] = (uint16_t)(i << 4 | l);
	}
	return true;
}

static void use(struct inflate64 *z, unsigned int n)
{
	z->bits >>= n;
	z->held -= n;
}

/* The next symbol, taken; or SYMBOL_MORE, SYMBOL_BAD. */
static int symbol_next(struct inflate64 *z, const struct code *c)
{
	unsigned int fast = c->fast[z->bits & ((1 << FAST_BITS) - 1)];
	int code = 0, first = 0, index = 0;

	if (fast) {
		if ((fast & 15) > z->held)
			return SYMBOL_MORE;
		use(z, fast & 15);
		return (int)(fast >> 4);
	}
	for (unsigned int l = 1; l <= CODE_MAX; l++) {
		int count = c->count[l];

		if (l > z->held)
			return SYMBOL_MORE;
		code |= (int)(z->bits >> (l - 1) & 1);
		if (code - count < first) {
			use(z, l);
			return c->symbol[index + (code - first)];
		}
		index += count;
		first = (first + count) << 1;
		code <<= 1;
	}
	return SYMBOL_BAD;
}

static bool has(const struct inflate64 *z, unsigned int n)
{
	return z->held >= n;
}

static uint32_t take(struct inflate64 *z, unsigned int n)
{
	uint32_t v = (uint32_t)(z->bits & ((1ull << n) - 1));

	use(z, n);
	return v;
}

/* ------------------------------------------------------------------- steps */

/* Each says whether it got on; what it needs is in z->bits or is not there. */

static bool broken(struct inflate64 *z)
{
	z->state = STATE_BROKEN;
	return true;
}

static bool fixed_codes(struct inflate64 *z)
{
	uint8_t *l = z->lengths;

	memset(l, 8, 144);
	memset(l + 144, 9, 112);
	memset(l + 256, 7, 24);
	memset(l + 280, 8, 8);
	if (!code_make(&z->literal, l, 288))
		return false;
	memset(l, 5, DISTANCES);
	return code_make(&z->far, l, DISTANCES);
}

static bool step_block(struct inflate64 *z)
{
	if (z->last) {
		z->state = STATE_END;
		return true;
	}
	if (!has(z, 3))
		return false;
	z->last = take(z, 1);
	switch (take(z, 2)) {
	case 0:
		use(z, z->held & 7);
		z->state = STATE_STORED_SIZE;
		return true;
	case 1:
		z->state = STATE_SYMBOL;
		return fixed_codes(z) || broken(z);
	case 2:
		z->state = STATE_COUNTS;
		return true;
	}
	return broken(z);
}

static bool step_stored_size(struct inflate64 *z)
{
	uint32_t n;

	if (!has(z, 32))
		return false;
	n = take(z, 16);
	if ((take(z, 16) ^ n) != 0xffff)
		return broken(z);
	z->length = n;
	z->state = STATE_STORED;
	return true;
}

static bool step_counts(struct inflate64 *z)
{
	if (!has(z, 14))
		return false;
	z->literals = take(z, 5) + 257;
	z->distances = take(z, 5) + 1;
	z->orders = take(z, 4) + 4;
	z->filled = 0;
	memset(z->lengths, 0, sizeof(z->lengths));
	z->state = STATE_ORDERS;
	return z->literals <= LENGTHS || broken(z);
}

static bool step_orders(struct inflate64 *z)
{
	if (z->filled < z->orders) {
		if (!has(z, 3))
			return false;
		z->lengths[order_of[z->filled++]] = (uint8_t)take(z, 3);
		return true;
	}
	/* The code for code lengths stays where the one of literals will be. */
	if (!code_make(&z->literal, z->lengths, ORDERS))
		return broken(z);
	z->filled = 0;
	memset(z->lengths, 0, sizeof(z->lengths));
	z->state = STATE_LENGTHS;
	return true;
}

static bool step_lengths(struct inflate64 *z)
{
	static const uint8_t extra[] = {2, 3, 7}, base[] = {3, 3, 11};
	const unsigned int all = z->literals + z->distances;
	uint64_t bits = z->bits;
	unsigned int held = z->held, n;
	uint8_t value = 0;
	int symbol;

	if (z->filled == all) {
		z->state = STATE_SYMBOL;
		if (!z->lengths[END_OF_BLOCK] ||
		    !code_make(&z->far, z->lengths + z->literals, z->distances))
			return broken(z);
		return code_make(&z->literal, z->lengths, z->literals) || broken(z);
	}
	symbol = symbol_next(z, &z->literal);
	if (symbol < 0)
		return symbol == SYMBOL_BAD && broken(z);
	if (symbol < 16) {
		z->lengths[z->filled++] = (uint8_t)symbol;
		return true;
	}
	symbol -= 16;
	if (!has(z, extra[symbol])) {
		z->bits = bits;
		z->held = held;
		return false;
	}
	if (symbol == 0) {
		if (!z->filled)
			return broken(z);
		value = z->lengths[z->filled - 1];
	}
	n = base[symbol] + take(z, extra[symbol]);
	if (n > all - z->filled)
		return broken(z);
	memset(z->lengths + z->filled, value, n);
	z->filled += n;
	return true;
}

static bool step_length(struct inflate64 *z)
{
	unsigned int extra = length_extra[z->symbol];

	if (!has(z, extra))
		return false;
	z->length = length_base[z->symbol] + take(z, extra);
	z->state = STATE_DISTANCE;
	return true;
}

static bool step_distance(struct inflate64 *z)
{
	int symbol = symbol_next(z, &z->far);

	if (symbol < 0)
		return symbol == SYMBOL_BAD && broken(z);
	z->symbol = (uint32_t)symbol;
	z->state = STATE_DISTANCE_EXTRA;
	return true;
}

static bool step_distance_extra(struct inflate64 *z)
{
	unsigned int extra = z->symbol < 4 ? 0 : z->symbol / 2 - 1;
	uint32_t base = z->symbol < 4 ? z->symbol + 1 : ((2 + (z->symbol & 1)) << extra) + 1;

	if (!has(z, extra))
		return false;
	z->distance = base + take(z, extra);
	z->state = STATE_COPY;
	return z->distance <= z->total || broken(z);
}

/* ------------------------------------------------------------------ output */

struct room {
	uint8_t *p;
	size_t n;
};

static void put(struct inflate64 *z, struct room *out, uint8_t byte)
{
	z->window[z->total++ % WINDOW] = byte;
	*out->p++ = byte;
	out->n--;
}

static bool step_symbol(struct inflate64 *z, struct room *out)
{
	int symbol;

	if (!out->n)
		return false;
	symbol = symbol_next(z, &z->literal);
	if (symbol < 0)
		return symbol == SYMBOL_BAD && broken(z);
	if (symbol < END_OF_BLOCK) {
		put(z, out, (uint8_t)symbol);
	} else if (symbol == END_OF_BLOCK) {
		z->state = STATE_BLOCK;
	} else {
		z->symbol = (uint32_t)symbol - END_OF_BLOCK - 1;
		z->state = STATE_LENGTH;
		return z->symbol < sizeof(length_extra) || broken(z);
	}
	return true;
}

static bool step_copy(struct inflate64 *z, struct room *out)
{
	for (; z->length && out->n; z->length--)
		put(z, out, z->window[(z->total - z->distance) % WINDOW]);
	if (z->length)
		return false;
	z->state = STATE_SYMBOL;
	return true;
}

static bool step_stored(struct inflate64 *z, struct room *out)
{
	for (; z->length && out->n && has(z, 8); z->length--)
		put(z, out, (uint8_t)take(z, 8));
	if (z->length)
		return false;
	z->state = STATE_BLOCK;
	return true;
}

static bool step(struct inflate64 *z, struct room *out)
{
	switch (z->state) {
	case STATE_BLOCK:
		return step_block(z);
	case STATE_STORED_SIZE:
		return step_stored_size(z);
	case STATE_STORED:
		return step_stored(z, out);
	case STATE_COUNTS:
		return step_counts(z);
	case STATE_ORDERS:
		return step_orders(z);
	case STATE_LENGTHS:
		return step_lengths(z);
	case STATE_SYMBOL:
		return step_symbol(z, out);
	case STATE_LENGTH:
		return step_length(z);
	case STATE_DISTANCE:
		return step_distance(z);
	case STATE_DISTANCE_EXTRA:
		return step_distance_extra(z);
	case STATE_COPY:
		return step_copy(z, out);
	case STATE_END:
	case STATE_BROKEN:
		break;
	}
	return false;
}

size_t inflate64_unused(const struct inflate64 *z)
{
	return z->held / 8;
}

enum inflate64_result inflate64_run(struct inflate64 *z, const uint8_t **in, size_t *in_len,
				    uint8_t **out, size_t *out_len)
{
	struct room room = {*out, *out_len};
	bool more;

	do {
		/* 32 bits are the most a step needs. */
		while (z->held <= 56 && *in_len) {
			z->bits |= (uint64_t) * (*in)++ << z->held;
			z->held += 8;
			--*in_len;
		}
		more = step(z, &room);
	} while (more);
	*out = room.p;
	*out_len = room.n;
	if (z->state == STATE_END)
		return INFLATE64_END;
	return z->state == STATE_BROKEN ? INFLATE64_BROKEN : INFLATE64_OK;
}
