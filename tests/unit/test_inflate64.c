// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "sample/inflate64.h"
#include "zip_maker.h"

struct bits {
	uint8_t out[64];
	size_t n;
};

static void put_bits(struct bits *b, uint32_t v, unsigned int n)
{
	for (; n--; b->n++, v >>= 1)
		b->out[b->n / 8] |= (uint8_t)((v & 1) << b->n % 8);
}

/* A code stands with its first bit first. */
static void put_code(struct bits *b, uint32_t v, unsigned int n)
{
	while (n--)
		put_bits(b, v >> n & 1, 1);
}

TEST(deflate64_lengths_and_distances)
{
	struct bits b = {0};
	static uint8_t want[200000], got[200001];
	const uint8_t *in = b.out;
	uint8_t *out = got;
	size_t in_len, out_len = sizeof(got), n = 0;
	struct inflate64 *z = inflate64_new();
	enum inflate64_result r;

	put_bits(&b, 1, 1);
	put_bits(&b, 1, 2);		   /* fixed codes */
	put_code(&b, 0x30 + 'a', 8);	   /* a */
	put_code(&b, 0x30 + 'b', 8);	   /* b */
	put_code(&b, 0xc0 + 285 - 280, 8); /* a length of 3 + 65535 */
	put_bits(&b, 65535, 16);
	put_code(&b, 1, 5); /* distance 2 */
	put_code(&b, 0x30 + 'c', 8);
	put_code(&b, 285 - 280 + 0xc0, 8); /* of 3 + 7 */
	put_bits(&b, 7, 16);
	put_code(&b, 31, 5); /* distance 49153 + 16383 = 65536 */
	put_bits(&b, 16383, 14);
	put_code(&b, 0, 7);
	while (n < 2 + 65538)
		want[n] = n % 2 ? 'b' : 'a', n++;
	want[n++] = 'c';
	for (int i = 0; i < 10; i++, n++)
		want[n] = want[n - 65536];
	in_len = (b.n + 7) / 8 + 3;
	r = inflate64_run(z, &in, &in_len, &out, &out_len);
	EXPECT_EQ(INFLATE64_END, r);
	EXPECT_EQ(n, sizeof(got) - out_len);
	EXPECT_EQ(0, memcmp(want, got, n));
	EXPECT_EQ((b.n + 7) / 8, (size_t)(in - b.out) - inflate64_unused(z));
	inflate64_free(z);
}

/* What zlib makes is deflate64 as well, as long as no length is 258. */
TEST(deflate64_byte_by_byte)
{
	static uint8_t text[50000], got[50001];
	uint8_t *packed, *out = got;
	size_t n, out_len = sizeof(got);
	struct inflate64 *z = inflate64_new();
	enum inflate64_result r = INFLATE64_OK;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)("abcdefgh"[rand() % 8] + (i > 25000 ? rand() % 100 : 0));
	n = deflated(text, sizeof(text), &packed);
	for (size_t i = 0; i < n && r == INFLATE64_OK; i++) {
		uint8_t one = packed[i];
		const uint8_t *in = &one;
		size_t in_len = 1, room;

		do {
			room = out_len < 7 ? out_len : 7;
			out_len -= room;
			r = inflate64_run(z, &in, &in_len, &out, &room);
			out_len += room;
		} while (r == INFLATE64_OK && !room && out_len);
	}
	EXPECT_EQ(INFLATE64_END, r);
	EXPECT_EQ(sizeof(text), sizeof(got) - out_len);
	EXPECT_EQ(0, memcmp(text, got, sizeof(text)));
	inflate64_free(z);
	free(packed);
}

TEST_HARNESS_MAIN
