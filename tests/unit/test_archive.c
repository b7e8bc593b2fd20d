// SPDX-License-Identifier: MIT
/*
 * Members of ZIP archives: where they are, what is said of them, and which can be read.
 */
#include "take_apart.h"

/* -------------------------------------------------------------------- members */

TEST_F(archive, members_by_method)
{
	self->b = MAKE({"a", TEXT("stored")}, {"d/", TEXT("")},
		       {"d/b", TEXT("deflated deflated"), .method = UNPACK_DEFLATE});
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_EQ(2, self->seen.count);
	EXPECT_TRUE(is(&self->seen, 0, "a", "stored"));
	EXPECT_TRUE(is(&self->seen, 1, "d/b", "deflated deflated"));
	EXPECT_EQ(0, self->seen.traits);
}

TEST_F(archive, smallest_steps_find_the_same)
{
	self->b = MAKE({"a", TEXT("stored")}, {"h", TEXT("hidden"), .hidden = true},
		       {"b", TEXT("deflated"), .method = UNPACK_DEFLATE, .descriptor = true});
	take_apart(&self->seen, &self->b, NULL, 1);
	EXPECT_EQ(3, self->seen.count);
	EXPECT_TRUE(is(&self->seen, 0, "a", "stored"));
	EXPECT_TRUE(is(&self->seen, 1, "h", "hidden"));
	EXPECT_TRUE(is(&self->seen, 2, "b", "deflated"));
}

TEST_F(archive, something_stands_before_it)
{
	struct buf whole, plain = MAKE({"a", TEXT("content")});
	struct reader r;

	buf_init(&whole, 1 << 20);
	for (int i = 0; i < 1000; i++)
		buf_add_string(&whole, "not an archive. ");
	buf_add(&whole, plain.data, plain.len);
	buf_free(&plain);
	self->b = whole;
	r = reader_of(&self->b);
	EXPECT_TRUE(archive_is_zip(&r));
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_EQ(1, self->seen.count);
	EXPECT_TRUE(is(&self->seen, 0, "a", "content"));
}

TEST_F(archive, not_an_archive)
{
	struct reader r;

	buf_init(&self->b, 1 << 20);
	for (int i = 0; i < 10000; i++)
		buf_add_string(&self->b, "PK is what it says, PK\5 too. ");
	r = reader_of(&self->b);
	EXPECT_FALSE(archive_is_zip(&r));
	EXPECT_EQ(0, archive_traits(&r));
	r.size = 0;
	EXPECT_FALSE(archive_is_zip(&r));
}

TEST_F(archive, two_behind_each_other)
{
	struct buf first = MAKE({"a", TEXT("first")}), second = MAKE({"b", TEXT("second")});

	buf_add(&first, second.data, second.len);
	buf_free(&second);
	self->b = first;
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_EQ(2, self->seen.count);
	EXPECT_TRUE(is(&self->seen, 0, "a", "first"));
	EXPECT_TRUE(is(&self->seen, 1, "b", "second"));
}

TEST_F(archive, one_stored_in_another_is_not_looked_through)
{
	struct buf inner = MAKE({"in", TEXT("inner")});

	self->b = MAKE({"z", CONTENT(inner)});
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_EQ(1, self->seen.count);
	EXPECT_STREQ("z", self->seen.list[0].path);
	EXPECT_EQ(inner.len, self->seen.list[0].len);
	buf_free(&inner);
}

/* As a stream that was never finished, or whose directory was taken away. */
TEST_F(archive, without_a_directory)
{
	struct maker m;

	make_begin(&m);
	make_member(&m, &(struct made){"a", TEXT("stored"), .descriptor = true});
	make_member(&m, &(struct made){"b", TEXT("deflated"), .method = UNPACK_DEFLATE,
				       .descriptor = true});
	make_member(&m, &(struct made){"c", TEXT("last")});
	buf_free(&m.directory);
	self->b = m.out;
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_EQ(3, self->seen.count);
	EXPECT_TRUE(is(&self->seen, 0, "a", "stored"));
	EXPECT_TRUE(is(&self->seen, 1, "b", "deflated"));
	EXPECT_TRUE(is(&self->seen, 2, "c", "last"));
	EXPECT_EQ(0, self->seen.traits);
}

TEST_F(archive, zip64)
{
	self->b = MAKE({"a", TEXT("stored"), .zip64 = true},
		       {"b", TEXT("deflated"), .method = UNPACK_DEFLATE, .zip64 = true});
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_EQ(2, self->seen.count);
	EXPECT_TRUE(is(&self->seen, 0, "a", "stored"));
	EXPECT_TRUE(is(&self->seen, 1, "b", "deflated"));
}

/* ------------------------------------------------------------------ headers lie */

/* The directory says stored, the local header deflated: unpackers take one or the other. */
TEST_F(archive, methods_differ)
{
	self->b = MAKE({"a", TEXT("content content"), .method = UNPACK_DEFLATE},
		       {"b", TEXT("content content"), .method = UNPACK_DEFLATE,
			.central_method = UNPACK_BZIP2});
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_EQ(3, self->seen.count);
	EXPECT_TRUE(is(&self->seen, 0, "a", "content content"));
	EXPECT_TRUE(ended(&self->seen, 1, "b", FILE_REASON_DECODE));
	EXPECT_TRUE(is(&self->seen, 2, "b", "content content"));
}

/* Whoever goes by the directory sees one long member, whoever by local headers two. */
TEST_F(archive, sizes_differ)
{
	self->b = MAKE({"a", TEXT("short"), .packed_off = 40},
		       {"b", TEXT("hidden"), .hidden = true}, {"c", TEXT("last")});
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_EQ(4, self->seen.count);
	EXPECT_STREQ("a", self->seen.list[0].path);
	EXPECT_EQ(45, self->seen.list[0].len);
	EXPECT_TRUE(is(&self->seen, 1, "a", "short"));
	EXPECT_TRUE(is(&self->seen, 3, "c", "last"));
}

TEST_F(archive, a_directory_that_leads_nowhere)
{
	self->b = MAKE({"a", TEXT("content")}, {"b", TEXT("content")});
	/* The signature of the first local header. */
	self->b.data[3] = 9;
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_EQ(2, self->seen.count);
	EXPECT_TRUE(ended(&self->seen, 0, "a", FILE_REASON_DECODE));
	EXPECT_TRUE(is(&self->seen, 1, "b", "content"));
}

TEST_F(archive, damaged)
{
	static const uint8_t junk[] = {0x07, 0xff, 0xff, 1, 2, 3};

	self->b = MAKE({"a", TEXT("content"), .method = UNPACK_DEFLATE, .packed = junk,
			.packed_len = sizeof(junk)},
		       {"b", TEXT("content"), .method = 6}, {"c", TEXT("content")});
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_EQ(3, self->seen.count);
	EXPECT_TRUE(ended(&self->seen, 0, "a", FILE_REASON_DECODE));
	EXPECT_TRUE(ended(&self->seen, 1, "b", FILE_REASON_DECODE));
	EXPECT_TRUE(is(&self->seen, 2, "c", "content"));
}

/* --------------------------------------------------------- passwords and volumes */

TEST_F(archive, encrypted)
{
	struct reader r;

	self->b = MAKE({"a", TEXT("xxxxxxxxxxxx"), .flags = 1}, {"b", TEXT("plain")});
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_EQ(2, self->seen.count);
	EXPECT_TRUE(ended(&self->seen, 0, "a", FILE_REASON_ENCRYPTED));
	EXPECT_EQ(0, self->seen.list[0].len);
	EXPECT_TRUE(is(&self->seen, 1, "b", "plain"));
	EXPECT_EQ(TRAIT(ENCRYPTED), self->seen.traits);
	r = reader_of(&self->b);
	EXPECT_EQ(TRAIT(ENCRYPTED), archive_traits(&r));
}

/* A flag in one header alone hides nothing; nor does it make content of what is none. */
TEST_F(archive, encrypted_says_one_header)
{
	self->b = MAKE({"a", TEXT("in the clear"), .central_flags = 1},
		       {"b", TEXT("in the clear"), .local_flags = 1, .method = UNPACK_DEFLATE});
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_TRUE(is(&self->seen, 0, "a", "in the clear"));
	EXPECT_TRUE(is(&self->seen, 1, "b", "in the clear"));
	forget(&self->seen);
	/* Its checksum is of something else. */
	self->b.data[14]++;
	memcpy((uint8_t *)memmem(self->b.data, self->b.len, "PK\1\2", 4) + 16,
	       self->b.data + 14, 4);
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_TRUE(ended(&self->seen, 0, "a", FILE_REASON_ENCRYPTED));
}

TEST_F(archive, volumes)
{
	struct maker m;
	struct reader r;

	/* The last one: its directory names members of earlier ones. */
	make_begin(&m);
	make_member(&m, &(struct made){"b", TEXT("here")});
	make_central(&m, &(struct made){"a", TEXT("elsewhere")}, 5000, 9, 1);
	make_end(&m, m.out.len + 9000);
	self->b = m.out;
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_EQ(TRAIT(MULTI_PART), self->seen.traits);
	EXPECT_EQ(1, self->seen.count);
	EXPECT_TRUE(is(&self->seen, 0, "b", "here"));
	forget(&self->seen);
	/* The first one: cut in a member. */
	self->b.len = 33;
	take_apart(&self->seen, &self->b, NULL, 1 << 20);
	EXPECT_EQ(TRAIT(MULTI_PART), self->seen.traits);
	EXPECT_TRUE(ended(&self->seen, 0, "b", FILE_REASON_PARTIAL));
	r = reader_of(&self->b);
	EXPECT_TRUE(archive_is_zip(&r));
}

TEST_HARNESS_MAIN
