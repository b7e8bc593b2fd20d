// SPDX-License-Identifier: MIT
/*
 * Files that somebody has to want: when the judge is asked, what of, and what becomes of a file
 * and of an archive's members when the answer is no.
 */
#include <kselftest_harness.h>

#include "found.h"
#include "inspector/judge.h"
#include "sample/file_object.h"
#include "zip_maker.h"

/* Says no the time it is told to, and remembers what it was asked. */
static struct {
	unsigned int calls, no_at;
	uint32_t possible;
	bool size_known;
	uint64_t size;
} asked;

static bool scripted(void *arg, const struct sighting *s, uint32_t possible, bool size_known,
		     uint64_t size)
{
	asked.possible = possible;
	asked.size_known = size_known;
	asked.size = size;
	return ++asked.calls != asked.no_at;
}

FIXTURE(judge)
{
	char dir[SCRATCH_MAX];
	struct spool *spool;
	struct counters counters;
	struct file_types *types;
	struct file_set *set;
	struct rule rule;
	struct rule_types limits;
	struct judge judge;
};

FIXTURE_SETUP(judge)
{
	log_init("test_judge", LOG_LEVEL_ERROR);
	self->set = found_begin(self->dir, &self->spool, &self->counters);
	ASSERT_NE(NULL, self->set);
	self->types = file_types_read(NULL);
	ASSERT_NE(NULL, self->types);
	file_set_types(self->set, self->types, NULL);
	file_set_judge(self->set, &(struct file_judge){.wanted = scripted});
	memset(&asked, 0, sizeof(asked));
}

FIXTURE_TEARDOWN(judge)
{
	found_end(self->dir, self->spool, self->set);
	file_types_free(self->types);
}

static uint32_t bit(FIXTURE_DATA(judge) *self, const char *name)
{
	return FILE_TYPE_BIT(file_types_find(self->types, name));
}

/* The real judge, with one rule for files of one type, and no file of it above this size. */
static void rule_for(FIXTURE_DATA(judge) *self, const char *name, uint64_t limit)
{
	for (size_t i = 0; i < FILE_TYPES_MAX; i++)
		self->limits.limit[i] = limit;
	self->limits.link = bit(self, FILE_TYPE_LINK);
	self->limits.mail = bit(self, FILE_TYPE_MAIL);
	self->rule = (struct rule){
		.any_application = true, .types = bit(self, name), .clouds = 1};
	self->judge = (struct judge){.counters = &self->counters};
	self->judge.rules.set = (struct rule_set){
		.rule = &self->rule, .count = 1, .receiving = 1, .types = &self->limits};
	file_set_judge(self->set, &(struct file_judge){.wanted = judge_wanted,
						       .arg = &self->judge});
}

/* ----------------------------------------------------------------- contents */

static void add_noise(struct buf *b, size_t n)
{
	uint32_t state = 7;

	for (size_t i = 0; i < n; i++) {
		state = state * 1103515245 + 12345;
		buf_add(b, &(uint8_t){(uint8_t)(state >> 16) | 0x80}, 1);
	}
}

static struct buf noise(size_t n)
{
	struct buf b;

	buf_init(&b, 64 << 20);
	add_noise(&b, n);
	return b;
}

/* A program, as far as anybody looks. */
static struct buf pe(size_t n)
{
	static const char header[68] = {[0] = 'M', 'Z', [0x3c] = 0x40, [0x40] = 'P', 'E'};
	struct buf b;

	buf_init(&b, 64 << 20);
	buf_add(&b, header, sizeof(header));
	add_noise(&b, n - sizeof(header));
	return b;
}

/* A program and a text, behind `before` bytes of something else. */
static struct buf box(size_t before)
{
	struct buf b = noise(before), text = noise(5000), program = pe(6000);
	struct buf zip = MAKE({"readme", CONTENT(text)}, {"setup.exe", CONTENT(program)});

	buf_add(&b, zip.data, zip.len);
	buf_free(&zip);
	buf_free(&program);
	buf_free(&text);
	return b;
}

static struct file *begin(FIXTURE_DATA(judge) *self)
{
	struct sighting meta;
	struct file *f;

	sighting_init(&meta);
	meta.direction = DIRECTION_DOWNLOAD;
	sighting_set(&meta, SIGHTING_FILENAME, "outer", 5);
	f = file_open(self->set, &meta, 1);
	sighting_free(&meta);
	return f;
}

/* A whole file, in pieces; what became of it and of what is in it is in `found`. */
static void pass_by(FIXTURE_DATA(judge) *self, struct buf *b)
{
	struct file *f = begin(self);

	for (size_t at = 0; at < b->len && file_wanted(f); at += 1000)
		file_data(f, at, b->data + at, b->len - at < 1000 ? b->len - at : 1000, 2);
	file_close(f, FILE_REASON_NONE, 3);
}

static const struct sighting *named(const char *name)
{
	for (size_t i = 0; i < found.count; i++)
		if (strcmp(sighting_get(&found.list[i], SIGHTING_FILENAME), name) == 0)
			return &found.list[i];
	return NULL;
}

static bool is_kept(const struct sighting *s)
{
	return s && s->state == FILE_STATE_COMPLETE && s->stored;
}

static bool is_unwanted(const struct sighting *s)
{
	return s && s->state == FILE_STATE_TRUNCATED && s->reason == FILE_REASON_UNWANTED &&
	       !s->stored;
}

static int count_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	asked.size += type == FTW_F && st->st_size > 0;
	return 0;
}

/* Files with a content below the spool's folder. */
static uint64_t on_disk(FIXTURE_DATA(judge) *self)
{
	asked.size = 0;
	nftw(self->dir, count_file, 16, FTW_PHYS);
	return asked.size;
}

/* ---------------------------------------------------------- when it is asked */

TEST_F(judge, no_at_the_declared_size)
{
	struct buf b = pe(6000);
	struct file *f = begin(self);

	asked.no_at = 1;
	EXPECT_TRUE(file_wanted(f));
	file_declare(f, 6000);
	EXPECT_EQ(1, asked.calls);
	EXPECT_EQ(FILE_TYPE_ANY, asked.possible);
	EXPECT_TRUE(asked.size_known);
	EXPECT_EQ(6000, asked.size);
	EXPECT_FALSE(file_wanted(f));
	/* Nobody is asked again, whatever comes. */
	file_data(f, 0, b.data, b.len, 2);
	file_close(f, FILE_REASON_NONE, 3);
	EXPECT_EQ(1, asked.calls);
	ASSERT_EQ(1, found.count);
	EXPECT_TRUE(is_unwanted(&found.list[0]));
	EXPECT_EQ(6000, found.list[0].seen);
	EXPECT_EQ(1, self->counters.value[COUNTER_FILES_TRUNCATED_UNWANTED]);
	EXPECT_EQ(0, on_disk(self));
	buf_free(&b);
}

TEST_F(judge, no_at_the_head)
{
	struct buf b = pe(6000);
	struct file *f = begin(self);

	asked.no_at = 1;
	file_data(f, 0, b.data, FILE_TYPE_HEAD - 1, 2);
	EXPECT_EQ(0, asked.calls);
	EXPECT_TRUE(file_wanted(f));
	file_data(f, FILE_TYPE_HEAD - 1, b.data + FILE_TYPE_HEAD - 1, 1, 2);
	EXPECT_EQ(1, asked.calls);
	EXPECT_EQ(bit(self, "pe"), asked.possible);
	EXPECT_FALSE(asked.size_known);
	EXPECT_FALSE(file_wanted(f));
	file_data(f, FILE_TYPE_HEAD, b.data + FILE_TYPE_HEAD, b.len - FILE_TYPE_HEAD, 2);
	file_close(f, FILE_REASON_NONE, 3);
	EXPECT_EQ(1, asked.calls);
	ASSERT_EQ(1, found.count);
	EXPECT_TRUE(is_unwanted(&found.list[0]));
	/* What it was is known all the same. */
	EXPECT_STREQ("pe", sighting_get(&found.list[0], SIGHTING_FILE_TYPE));
	EXPECT_EQ(0, on_disk(self));
	buf_free(&b);
}

TEST_F(judge, a_head_behind_a_hole_is_asked_when_that_closes)
{
	struct buf b = pe(6000);
	struct file *f = begin(self);

	asked.no_at = 2;
	file_declare(f, 6000);
	file_data(f, 100, b.data + 100, b.len - 100, 2);
	EXPECT_EQ(1, asked.calls);
	file_data(f, 0, b.data, 100, 2);
	EXPECT_EQ(2, asked.calls);
	EXPECT_EQ(bit(self, "pe"), asked.possible);
	EXPECT_TRUE(asked.size_known);
	EXPECT_FALSE(file_wanted(f));
	file_close(f, FILE_REASON_NONE, 3);
	EXPECT_TRUE(is_unwanted(&found.list[0]));
	EXPECT_EQ(0, on_disk(self));
	buf_free(&b);
}

TEST_F(judge, no_at_the_end)
{
	struct buf small = pe(1000), large = pe(600000);

	/* Not even asked before; and asked for the second time. */
	asked.no_at = 1;
	pass_by(self, &small);
	EXPECT_EQ(1, asked.calls);
	EXPECT_EQ(bit(self, "pe"), asked.possible);
	EXPECT_TRUE(asked.size_known);
	EXPECT_EQ(1000, asked.size);
	asked.calls = 0;
	asked.no_at = 2;
	pass_by(self, &large);
	EXPECT_EQ(2, asked.calls);
	EXPECT_EQ(600000, asked.size);
	ASSERT_EQ(2, found.count);
	EXPECT_TRUE(is_unwanted(&found.list[0]));
	EXPECT_TRUE(is_unwanted(&found.list[1]));
	EXPECT_EQ(0, on_disk(self));
	buf_free(&small);
	buf_free(&large);
}

/* Its beginning may be in memory or in the spool by then. */
TEST_F(judge, cut_short_it_has_the_type_of_its_head)
{
	static const size_t sizes[] = {100, 6000, 600000};

	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct buf b = pe(sizes[i / 2]);
		struct file *f = begin(self);

		file_data(f, 0, b.data, b.len, 2);
		if (i % 2)
			file_gap(f, b.len, 1);
		file_close(f, FILE_REASON_RESET, 3);
		ASSERT_EQ(i + 1, found.count);
		EXPECT_EQ(i % 2 ? FILE_REASON_GAP : FILE_REASON_RESET, found.list[i].reason);
		EXPECT_STREQ("pe", sighting_get(&found.list[i], SIGHTING_FILE_TYPE));
		EXPECT_STREQ("application/vnd.microsoft.portable-executable",
			     sighting_get(&found.list[i], SIGHTING_FILE_FORMAT));
		buf_free(&b);
	}
}

TEST_F(judge, yes_and_nobody_to_ask)
{
	struct buf b = pe(6000);

	pass_by(self, &b);
	EXPECT_EQ(2, asked.calls);
	file_set_judge(self->set, NULL);
	pass_by(self, &b);
	EXPECT_EQ(2, asked.calls);
	ASSERT_EQ(2, found.count);
	EXPECT_TRUE(is_kept(&found.list[0]));
	EXPECT_TRUE(is_kept(&found.list[1]));
	EXPECT_EQ(1, on_disk(self));
	buf_free(&b);
}

/* ------------------------------------------------------------------- archives */

/* How often the judge is asked about an archive, when it says no that time. */
static unsigned int asked_of_box(FIXTURE_DATA(judge) *self, unsigned int no_at)
{
	struct buf b = box(0);

	asked.no_at = no_at;
	pass_by(self, &b);
	buf_free(&b);
	return asked.calls;
}

TEST_F(judge, members_are_asked_for_one_by_one)
{
	/* The archive's head and end, then the first member's head. */
	EXPECT_EQ(5, asked_of_box(self, 3));
	EXPECT_EQ(bit(self, "pe"), asked.possible);
	ASSERT_EQ(3, found.count);
	EXPECT_TRUE(is_unwanted(named("readme")));
	EXPECT_TRUE(is_kept(named("setup.exe")));
	EXPECT_TRUE(is_kept(named("outer")));
}

TEST_F(judge, an_archive_nobody_wants_stays_closed)
{
	EXPECT_EQ(2, asked_of_box(self, 2));
	EXPECT_TRUE(asked.possible & FILE_TYPE_ARCHIVE_BIT);
	ASSERT_EQ(1, found.count);
	EXPECT_TRUE(is_unwanted(&found.list[0]));
	EXPECT_EQ(0, self->counters.value[COUNTER_ARCHIVE_MEMBERS]);
	EXPECT_EQ(0, on_disk(self));
}

/* Wherever it begins, and however large it is: a rule for programs sees those in it. */
TEST_F(judge, a_rule_for_a_type_opens_archives)
{
	static const size_t before[] = {0, 1, 100, 5000};

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		struct buf b = box(before[i]);

		rule_for(self, "pe", 6000);
		pass_by(self, &b);
		EXPECT_EQ(3, found.count)
		{
			TH_LOG("behind %zu bytes", before[i]);
		}
		EXPECT_TRUE(is_kept(named("setup.exe")));
		EXPECT_TRUE(is_unwanted(named("readme")));
		found_forget();
		buf_free(&b);
	}
	/* A byte too large for its type, in an archive that is larger in any case. */
	struct buf b = box(0);

	rule_for(self, "pe", 5999);
	pass_by(self, &b);
	EXPECT_TRUE(is_unwanted(named("setup.exe")));
	EXPECT_EQ(1, self->counters.value[COUNTER_FILES_OVERSIZE]);
	buf_free(&b);
}

TEST_F(judge, a_rule_for_a_type_opens_archives_within_archives)
{
	struct buf inner = box(0), behind = box(4200);
	struct buf b = MAKE({"inner.zip", CONTENT(inner)}, {"behind", CONTENT(behind)});

	rule_for(self, "pe", 1 << 20);
	pass_by(self, &b);
	ASSERT_EQ(7, found.count);
	EXPECT_EQ(2, self->counters.value[COUNTER_FILES_TRUNCATED_UNWANTED]);
	for (size_t i = 0; i < found.count; i++) {
		const char *name = sighting_get(&found.list[i], SIGHTING_FILENAME);

		if (strcmp(name, "setup.exe") == 0)
			EXPECT_TRUE(is_kept(&found.list[i]));
		if (strcmp(name, "readme") == 0)
			EXPECT_TRUE(is_unwanted(&found.list[i]));
	}
	buf_free(&inner);
	buf_free(&behind);
	buf_free(&b);
}

/* Bytes of noise in pieces, up to that size. */
static void grow(struct file *f, uint64_t from, uint64_t to, const char *begins)
{
	struct buf b = noise(1 << 20);
	size_t n;

	memcpy(b.data, begins, strlen(begins));
	for (; from < to; from += n) {
		n = to - from < b.len ? (size_t)(to - from) : b.len;
		file_data(f, from, b.data, n, 2);
	}
	buf_free(&b);
}

/* An archive behind something is not waited for in what has grown too large for that. */
TEST_F(judge, an_archive_behind_something_is_not_waited_for)
{
	struct file *f = begin(self);

	grow(f, 0, FILE_BEHIND_MAX, "");
	EXPECT_EQ(1, asked.calls);
	EXPECT_TRUE(asked.possible & FILE_TYPE_ARCHIVE_BIT);
	asked.no_at = 2;
	grow(f, FILE_BEHIND_MAX, FILE_BEHIND_MAX + 1, "");
	EXPECT_EQ(2, asked.calls);
	EXPECT_FALSE(asked.possible & FILE_TYPE_ARCHIVE_BIT);
	EXPECT_TRUE(asked.possible & FILE_TYPE_OTHER_BIT);
	EXPECT_FALSE(asked.size_known);
	EXPECT_FALSE(file_wanted(f));
	file_close(f, FILE_REASON_NONE, 3);
	ASSERT_EQ(1, found.count);
	EXPECT_TRUE(is_unwanted(&found.list[0]));
	EXPECT_EQ(0, on_disk(self));
}

TEST_F(judge, an_archive_from_the_beginning_on_is_waited_for)
{
	struct file *f = begin(self);

	grow(f, 0, FILE_BEHIND_MAX + 1, "PK\3\4");
	EXPECT_EQ(1, asked.calls);
	EXPECT_TRUE(asked.possible & FILE_TYPE_ARCHIVE_BIT);
	EXPECT_TRUE(file_wanted(f));
	file_close(f, FILE_REASON_RESET, 3);
}

/* What has a type of its own stays whole: nobody sees what is in it. */
TEST_F(judge, a_document_is_no_archive)
{
	struct buf program = pe(6000);
	struct buf b = MAKE({"[Content_Types].xml", TEXT("0123456789")},
			    {"word/document.xml", TEXT("0123456789")},
			    {"word/embeddings/setup.exe", CONTENT(program)});

	rule_for(self, "pe", 1 << 20);
	pass_by(self, &b);
	rule_for(self, "ms-office", 1 << 20);
	pass_by(self, &b);
	ASSERT_EQ(2, found.count);
	EXPECT_TRUE(is_unwanted(&found.list[0]));
	EXPECT_TRUE(is_kept(&found.list[1]));
	EXPECT_STREQ("ms-office", sighting_get(&found.list[0], SIGHTING_FILE_TYPE));
	buf_free(&program);
	buf_free(&b);
}

TEST_HARNESS_MAIN
