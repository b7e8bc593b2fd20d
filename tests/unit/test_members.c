// SPDX-License-Identifier: MIT
/*
 * Archives on their way through the file layer: their members as files of their own.
 */
#include <kselftest_harness.h>

#include "found.h"
#include "zip_maker.h"

#include <openssl/sha.h>

FIXTURE(members)
{
	char dir[SCRATCH_MAX];
	struct spool *spool;
	struct counters counters;
	struct file_set *set;
};

FIXTURE_SETUP(members)
{
	log_init("test_members", LOG_LEVEL_ERROR);
	self->set = found_begin(self->dir, &self->spool, &self->counters);
	ASSERT_NE(NULL, self->set);
}

FIXTURE_TEARDOWN(members)
{
	found_end(self->dir, self->spool, self->set);
}

static void pass_by(struct file_set *set, const void *p, size_t n, uint32_t level,
		    uint32_t number)
{
	struct sighting meta;
	struct file *f;

	sighting_init(&meta);
	meta.session.id = 7;
	meta.level = level;
	meta.number = number;
	sighting_set(&meta, SIGHTING_FILENAME, "outer.zip", 9);
	f = file_open(set, &meta, 100);
	file_data(f, 0, p, n, 200);
	file_close(f, FILE_REASON_NONE, 300);
	sighting_free(&meta);
}

static bool hash_is(const struct sighting *s, const void *p, size_t n)
{
	uint8_t want[SHA256_SIZE];

	SHA256(p, n, want);
	return s->state == FILE_STATE_COMPLETE && !memcmp(want, s->sha256, SHA256_SIZE);
}

/* An archive within archives: `depth` of them around a text. */
static struct buf nest(unsigned int depth)
{
	struct buf b = MAKE({"dir\\evil.exe", TEXT("content")});

	while (--depth) {
		struct buf outer = MAKE({"in/n.zip", CONTENT(b), .method = UNPACK_DEFLATE});

		buf_free(&b);
		b = outer;
	}
	return b;
}

TEST_F(members, a_member_is_a_file_of_its_own)
{
	struct buf b = nest(1);
	const struct sighting *in = &found.list[0], *out = &found.list[1];

	pass_by(self->set, b.data, b.len, 0, 3);
	ASSERT_EQ(2, found.count);
	EXPECT_TRUE(hash_is(in, "content", 7));
	EXPECT_TRUE(hash_is(out, b.data, b.len));
	EXPECT_STREQ("evil.exe", sighting_get(in, SIGHTING_FILENAME));
	EXPECT_STREQ("dir\\evil.exe", sighting_get(in, SIGHTING_MEMBER_PATH));
	EXPECT_STREQ("outer.zip", sighting_get(out, SIGHTING_FILENAME));
	EXPECT_EQ(NULL, sighting_get(out, SIGHTING_MEMBER_PATH));
	EXPECT_TRUE(in->contained);
	EXPECT_FALSE(out->contained);
	EXPECT_EQ(0, memcmp(in->container, out->sha256, SHA256_SIZE));
	EXPECT_EQ(1, in->level);
	EXPECT_EQ(0, out->level);
	EXPECT_EQ(0x80030000, in->number);
	EXPECT_EQ(3, out->number);
	EXPECT_NE(0, memcmp(in->id, out->id, SIGHTING_ID_SIZE));
	EXPECT_EQ(100, in->begin);
	EXPECT_EQ(200, in->end);
	EXPECT_EQ(7, in->session.id);
	EXPECT_TRUE(in->stored);
	EXPECT_TRUE(out->stored);
	EXPECT_EQ(1, self->counters.value[COUNTER_ARCHIVES]);
	EXPECT_EQ(1, self->counters.value[COUNTER_ARCHIVE_MEMBERS]);
	EXPECT_EQ(2, self->counters.value[COUNTER_FILES_COMPLETE]);
	buf_free(&b);
}

TEST_F(members, four_levels)
{
	struct buf b = nest(4);

	pass_by(self->set, b.data, b.len, 0, 0);
	ASSERT_EQ(5, found.count);
	EXPECT_TRUE(hash_is(&found.list[0], "content", 7));
	EXPECT_EQ(4, found.list[0].level);
	EXPECT_STREQ("in/n.zip!/in/n.zip!/in/n.zip!/dir\\evil.exe",
		     sighting_get(&found.list[0], SIGHTING_MEMBER_PATH));
	for (size_t i = 0; i < found.count; i++) {
		EXPECT_EQ(0, found.list[i].traits);
		for (size_t k = 0; k < i; k++)
			EXPECT_NE(0,
				  memcmp(found.list[i].id, found.list[k].id, SIGHTING_ID_SIZE));
	}
	buf_free(&b);
}

TEST_F(members, a_fifth_level_is_nested)
{
	struct buf b = nest(5);

	pass_by(self->set, b.data, b.len, 0, 0);
	ASSERT_EQ(5, found.count);
	for (size_t i = 0; i < found.count; i++)
		EXPECT_EQ(TRAIT(NESTED), found.list[i].traits);
	EXPECT_EQ(5, self->counters.value[COUNTER_ARCHIVES_NESTED]);
	EXPECT_EQ(4, self->counters.value[COUNTER_ARCHIVES]);
	buf_free(&b);
}

TEST_F(members, codings_count_as_levels)
{
	struct buf b = nest(2);

	pass_by(self->set, b.data, b.len, 3, 0);
	ASSERT_EQ(2, found.count);
	EXPECT_EQ(4, found.list[0].level);
	EXPECT_EQ(TRAIT(NESTED), found.list[0].traits);
	buf_free(&b);
}

TEST_F(members, deferred)
{
	struct buf b = nest(2), c = nest(1);

	file_set_defer(self->set, true);
	pass_by(self->set, b.data, b.len, 0, 0);
	pass_by(self->set, c.data, c.len, 0, 1);
	EXPECT_EQ(0, found.count);
	while (file_set_work(self->set, 1))
		;
	EXPECT_EQ(5, found.count);
	EXPECT_TRUE(hash_is(&found.list[0], "content", 7));
	EXPECT_TRUE(hash_is(&found.list[4], c.data, c.len));
	buf_free(&b);
	buf_free(&c);
}

TEST_F(members, no_time_left)
{
	struct buf b = nest(2);

	file_set_defer(self->set, true);
	for (uint32_t i = 0; i < 70; i++)
		pass_by(self->set, b.data, b.len, 0, i);
	/* Only so many wait; the others are what they are. */
	EXPECT_EQ(6, found.count);
	file_set_work(self->set, 1);
	file_set_finish(self->set);
	EXPECT_FALSE(file_set_work(self->set, 1 << 20));
	EXPECT_EQ(70, self->counters.value[COUNTER_ARCHIVES_REFUSED]);
	EXPECT_EQ(FOUND_MAX, found.count);
	for (size_t i = 0; i < found.count; i++)
		EXPECT_TRUE(hash_is(&found.list[i], b.data, b.len));
	buf_free(&b);
}

TEST_F(members, encrypted_and_damaged_ones_are_said)
{
	struct buf b = MAKE({"a", TEXT("xxxxxxxxxxxx"), .flags = 1},
			    {"b", TEXT("xxxxxxxxxxxx"), .method = 98});

	pass_by(self->set, b.data, b.len, 0, 0);
	ASSERT_EQ(3, found.count);
	EXPECT_EQ(FILE_STATE_TRUNCATED, found.list[0].state);
	EXPECT_EQ(FILE_REASON_ENCRYPTED, found.list[0].reason);
	EXPECT_EQ(12, found.list[0].declared);
	EXPECT_EQ(FILE_REASON_DECODE, found.list[1].reason);
	EXPECT_EQ(TRAIT(ENCRYPTED), found.list[2].traits);
	EXPECT_EQ(1, self->counters.value[COUNTER_ARCHIVES_ENCRYPTED]);
	EXPECT_EQ(1, self->counters.value[COUNTER_FILES_TRUNCATED_ENCRYPTED]);
	buf_free(&b);
}

TEST_HARNESS_MAIN
