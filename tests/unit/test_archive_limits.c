// SPDX-License-Identifier: MIT
/*
 * ZIP archives that are made to cost something, and damaged ones.
 */
#include "take_apart.h"

/* ----------------------------------------------------------------------- bombs */

static const struct archive_limits small = {
	.decode = {.layers = 4, .ratio = 100, .ratio_after = 1 << 20, .max_size = 8 << 20},
	.members = 50,
	.entries = 100,
};

TEST_F(archive, ratio)
{
	uint8_t *zeros = calloc(1, 20 << 20);

	self->b = MAKE({"a", TEXT("before")},
		       {"b", .data = zeros, .len = 20 << 20, .method = UNPACK_DEFLATE},
		       {"c", TEXT("behind")});
	take_apart(&self->seen, &self->b, &small, 1 << 20);
	EXPECT_EQ(2, self->seen.count);
	EXPECT_TRUE(is(&self->seen, 0, "a", "before"));
	EXPECT_TRUE(ended(&self->seen, 1, "b", FILE_REASON_BOMB));
	EXPECT_LE(self->seen.list[1].len, (small.decode.ratio + 1) * self->b.len + (64 << 10));
	EXPECT_EQ(TRAIT(BOMB), self->seen.traits);
	free(zeros);
}

TEST_F(archive, absolute_size)
{
	uint8_t *noise = malloc(3 << 20);

	for (size_t i = 0; i < 3 << 20; i++)
		noise[i] = (uint8_t)rand();
	self->b =
		MAKE({"a", .data = noise, .len = 3 << 20}, {"b", .data = noise, .len = 3 << 20},
		     {"c", .data = noise, .len = 3 << 20}, {"d", TEXT("behind")});
	take_apart(&self->seen, &self->b, &small, 1 << 20);
	EXPECT_EQ(3, self->seen.count);
	EXPECT_TRUE(ended(&self->seen, 1, "b", FILE_REASON_NONE));
	EXPECT_TRUE(ended(&self->seen, 2, "c", FILE_REASON_BOMB));
	EXPECT_LE(self->seen.tree.out, small.decode.max_size + (64 << 10));
	free(noise);
}

/* A member, and 40 entries of the directory that say its data are so long. */
static struct buf overlap(const uint8_t *zeros, size_t n, int off, int step, uint32_t crc)
{
	const struct made zip = {"a", .data = zeros, .len = n, .method = UNPACK_DEFLATE};
	struct maker m;

	make_begin(&m);
	make_member(&m, &zip);
	for (int i = 0; i < 40; i++)
		make_central(&m, &zip, 0, m.out.len + (size_t)(off + i * step), crc);
	make_end(&m, m.out.len);
	return m.out;
}

/* Members that overlap: many names of one content are one, many local headers in it a bomb. */
TEST_F(archive, overlapping_members)
{
	uint8_t *zeros = calloc(1, 1 << 20);

	self->b = overlap(zeros, 1 << 20, -31, 0, (uint32_t)crc32(0, zeros, 1 << 20));
	take_apart(&self->seen, &self->b, &small, 1 << 20);
	EXPECT_EQ(1, self->seen.count);
	EXPECT_EQ(0, self->seen.traits);
	forget(&self->seen);
	buf_free(&self->b);

	/* Each says another size, so that each is something else. */
	self->b = overlap(zeros, 1 << 20, 0, 1, 1);
	take_apart(&self->seen, &self->b, &small, 1 << 20);
	EXPECT_EQ(TRAIT(BOMB), self->seen.traits);
	EXPECT_LT(self->seen.tree.out, 3 << 20);
	free(zeros);
}

TEST_F(archive, too_many_members)
{
	struct maker m;

	make_begin(&m);
	for (int i = 0; i < 60; i++)
		make_member(&m, &(struct made){"a", TEXT("x"), .hidden = i % 2});
	make_end(&m, m.out.len);
	self->b = m.out;
	take_apart(&self->seen, &self->b, &small, 1 << 20);
	EXPECT_EQ(small.members, self->seen.count);
	EXPECT_EQ(TRAIT(BOMB), self->seen.traits);
}

TEST_F(archive, too_many_entries)
{
	struct maker m;

	make_begin(&m);
	make_member(&m, &(struct made){"a", TEXT("x")});
	for (int i = 0; i < 200; i++)
		make_central(&m, &(struct made){"b", TEXT("x")}, 0, 1, 1);
	make_end(&m, m.out.len);
	self->b = m.out;
	take_apart(&self->seen, &self->b, &small, 1 << 20);
	EXPECT_EQ(TRAIT(BOMB), self->seen.traits);
}

/* Input that yields nothing, read again by many: empty stored blocks of deflate. */
TEST_F(archive, much_read_and_nothing_said)
{
	static const uint8_t empty[] = {0, 0, 0, 0xff, 0xff};
	struct archive_limits few = small;
	struct maker m;
	struct buf blocks;

	few.members = few.entries = 10000;
	buf_init(&blocks, 4 << 20);
	for (int i = 0; i < 200000; i++)
		buf_add(&blocks, empty, sizeof(empty));
	make_begin(&m);
	make_member(&m, &(struct made){"a", TEXT("x"), .method = UNPACK_DEFLATE,
				       .packed = blocks.data, .packed_len = blocks.len});
	for (size_t i = 0; i < 5000; i++)
		make_central(&m, &(struct made){"b", TEXT("x"), .method = UNPACK_DEFLATE}, 0,
			     blocks.len - i, 1);
	make_end(&m, m.out.len);
	self->b = m.out;
	take_apart(&self->seen, &self->b, &few, 1 << 20);
	EXPECT_EQ(TRAIT(BOMB), self->seen.traits);
	EXPECT_LE(self->seen.tree.in, 2 * few.decode.max_size + (128 << 10));
	buf_free(&blocks);
}

TEST_F(archive, what_nobody_wants_is_passed_over)
{
	uint8_t *zeros = calloc(1, 20 << 20);

	self->b = MAKE({"a", .data = zeros, .len = 20 << 20, .method = UNPACK_DEFLATE},
		       {"b", TEXT("x")});
	self->seen.refuse_after = 4096;
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_EQ(2, self->seen.count);
	EXPECT_LE(self->seen.tree.out, 70000);
	free(zeros);
}

/* --------------------------------------------------------------------- hostility */

/* Each cut and each changed byte: an end within its limits, and no byte read beyond. */
TEST_F(archive, any_damage)
{
	struct buf whole = MAKE({"a", TEXT("stored"), .zip64 = true},
				{"b", TEXT("deflated deflated"), .method = UNPACK_DEFLATE},
				{"c", TEXT("hidden"), .hidden = true},
				{"d", TEXT("streamed"), .descriptor = true});

	for (size_t i = 0; i < whole.len * 9; i++) {
		size_t at = i / 9;
		struct buf copy = {.data = malloc(whole.len), .len = i % 9 ? whole.len : at};
		struct reader r;

		memcpy(copy.data, whole.data, whole.len);
		if (i % 9)
			copy.data[at] ^= (uint8_t)(1 << (i % 9 - 1));
		copy.data = realloc(copy.data, copy.len ? copy.len : 1);
		r = reader_of(&copy);
		archive_is_zip(&r);
		archive_traits(&r);
		take_apart(&self->seen, &copy, &small, 100);
		EXPECT_LE(self->seen.count, 16);
		forget(&self->seen);
		free(copy.data);
	}
	buf_free(&whole);
}

TEST_HARNESS_MAIN
