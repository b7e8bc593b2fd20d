// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/log.h"
#include "sample/file.h"
#include "scratch.h"

#include <errno.h>
#include <openssl/sha.h>
#include <signal.h>
#include <sys/resource.h>

/* The bytes every test file is made of; first copy and, in conflicts, another one. */
static uint8_t content_at(uint64_t offset)
{
	return (offset * 2654435761u >> 11) ^ offset;
}

static uint8_t *content(uint64_t offset, size_t n, uint8_t change)
{
	uint8_t *p = malloc(n ? n : 1);
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = content_at(offset + i) ^ change;
	return p;
}

/* Exactly n bytes on the heap, so that a sanitizer sees a read beyond them. */
static void give(struct file *f, uint64_t offset, size_t n, uint8_t change, uint64_t time)
{
	uint8_t *p = content(offset, n, change);

	file_data(f, offset, p, n, time);
	free(p);
}

static void content_hash(size_t n, uint8_t sha256[static SHA256_SIZE])
{
	uint8_t *p = content(0, n, 0);

	SHA256(p, n, sha256);
	free(p);
}

static struct {
	unsigned int calls;
	struct sighting last;		/* texts are not kept */
	unsigned int wrong_hash;	/* complete, but not content() */
} seen;

static void sink(void *arg, const struct sighting *s)
{
	uint8_t want[SHA256_SIZE];

	seen.calls++;
	seen.last = *s;
	memset(seen.last.text, 0, sizeof(seen.last.text));
	if (s->state == FILE_STATE_COMPLETE) {
		content_hash(s->size, want);
		seen.wrong_hash += !!memcmp(want, s->sha256, sizeof(want));
	}
}

/* Does the spool have exactly the content under its hash? */
static bool in_spool(const char *dir, size_t n)
{
	uint8_t sha256[SHA256_SIZE], *want = content(0, n, 0), *got = malloc(n + 1);
	char path[SPOOL_PATH_MAX];
	bool ok;
	int fd;

	SHA256(want, n, sha256);
	spool_path(dir, sha256, path, sizeof(path));
	fd = open(path, O_RDONLY);
	ok = fd >= 0 && read(fd, got, n + 1) == (ssize_t)n && !memcmp(got, want, n);
	if (fd >= 0)
		close(fd);
	free(want);
	free(got);
	return ok;
}

FIXTURE(files)
{
	char dir[SCRATCH_MAX];
	struct spool_options options;
	struct spool *spool;
	struct file_limits limits;
	struct counters counters;
	struct sighting meta;
	struct file_set *set;
};

FIXTURE_VARIANT(files)
{
	bool no_tmpfile;
};

FIXTURE_VARIANT_ADD(files, tmpfile) {false};
FIXTURE_VARIANT_ADD(files, named) {true};

FIXTURE_SETUP(files)
{
	log_init("test_file", LOG_LEVEL_ERROR);
	ASSERT_TRUE(scratch_make(self->dir));
	self->options = (struct spool_options){
		.dir = self->dir,
		.no_tmpfile = variant->no_tmpfile,
	};
	self->spool = spool_open(&self->options);
	ASSERT_NE(NULL, self->spool);
	self->limits = (struct file_limits)FILE_LIMITS_DEFAULT;
	self->set = file_set_new(self->spool, &self->limits, &self->counters, sink, NULL);
	ASSERT_NE(NULL, self->set);
	sighting_init(&self->meta);
	self->meta.session.id = 7;
	self->meta.number = 3;
	sighting_set(&self->meta, SIGHTING_URL, "http://a.example/", 17);
}

FIXTURE_TEARDOWN(files)
{
	file_set_free(self->set);
	spool_close(self->spool);
	sighting_free(&self->meta);
	scratch_remove(self->dir);
}

/* Another set with other limits, or on another spool. */
static void set_again(FIXTURE_DATA(files) *self)
{
	file_set_free(self->set);
	spool_close(self->spool);
	self->spool = spool_open(&self->options);
	self->set = file_set_new(self->spool, &self->limits, &self->counters, sink, NULL);
}

static uint64_t outcomes(const struct counters *c)
{
	uint64_t sum = c->value[COUNTER_FILES_EMPTY];
	unsigned int i;

	for (i = COUNTER_FILES_COMPLETE; i <= COUNTER_FILES_TRUNCATED_CONFLICT; i++)
		if (i != COUNTER_FILES_EMPTY)
			sum += c->value[i];
	return sum;
}

/* ------------------------------------------------------------ what happens to a file */

enum op { END, DATA, OTHER, GAP, DECLARE, UNWANTED };

struct step {
	enum op op;
	uint64_t offset;
	uint64_t n;
};

#define K 1024ull
/* How it ends: the reason given to close where it is not NONE, and what comes of it. */
#define WHOLE(size, overlap)                                                        \
	FILE_REASON_NONE, COUNTER_FILES_COMPLETE, FILE_REASON_NONE, size, size, overlap
#define CUT(close, reason, size, seen)                                              \
	FILE_REASON_##close, COUNTER_FILES_TRUNCATED_##reason, FILE_REASON_##reason, \
	size, seen, 0
#define CONFLICT(size, overlap)                                                     \
	FILE_REASON_NONE, COUNTER_FILES_TRUNCATED_CONFLICT, FILE_REASON_CONFLICT,   \
	size, size, overlap
#define EMPTY FILE_REASON_NONE, COUNTER_FILES_EMPTY, FILE_REASON_NONE, 0, 0, 0

static const struct row {
	const char *what;
	struct step steps[10];
	enum file_reason close;
	enum counter outcome;
	enum file_reason reason;
	uint64_t size, seen, overlap;	/* missing is size - seen */
} rows[] = {
	{"one byte", {{DATA, 0, 1}}, WHOLE(1, 0)},
	{"in order", {{DATA, 0, 10}, {DATA, 10, 5}}, WHOLE(15, 0)},
	{"chunk full to the byte", {{DATA, 0, 256 * K}}, WHOLE(256 * K, 0)},
	{"chunk and one byte",
	 {{DATA, 0, 256 * K - 1}, {DATA, 256 * K - 1, 2}},
	 WHOLE(256 * K + 1, 0)},
	{"small, large, small",
	 {{DATA, 0, 10}, {DATA, 10, 300 * K}, {DATA, 300 * K + 10, 10}},
	 WHOLE(300 * K + 20, 0)},
	{"large pieces after the first flush",
	 {{DATA, 0, 260 * K}, {DATA, 260 * K, 40 * K}, {DATA, 300 * K, 5},
	  {DATA, 300 * K + 5, 40 * K}},
	 WHOLE(340 * K + 5, 0)},
	{"growing from 4 KiB",
	 {{DATA, 0, 4 * K}, {DATA, 4 * K, 1}, {DATA, 4 * K + 1, 12 * K},
	  {DATA, 16 * K + 1, 60 * K}},
	 WHOLE(76 * K + 1, 0)},
	{"nothing in between",
	 {{DATA, 0, 1}, {DATA, 1, 0}, {GAP, 1, 0}, {DATA, 900, 0}},
	 WHOLE(1, 0)},

	{"two swapped", {{DATA, 10, 5}, {DATA, 0, 10}}, WHOLE(15, 0)},
	{"backwards",
	 {{DATA, 30, 10}, {DATA, 20, 10}, {DATA, 10, 10}, {DATA, 0, 10}},
	 WHOLE(40, 0)},
	{"every other, then the rest",
	 {{DATA, 10, 10}, {DATA, 30, 10}, {DATA, 50, 10}, {DATA, 0, 10}, {DATA, 40, 10},
	  {DATA, 20, 10}},
	 WHOLE(60, 0)},
	{"large out of order",
	 {{DATA, 500 * K, 500 * K}, {DATA, 0, 500 * K}},
	 WHOLE(1000 * K, 0)},
	{"hole closed while data is collected",
	 {{DATA, 0, 100}, {DATA, 200, 100}, {DATA, 100, 100}, {DATA, 300, 100}},
	 WHOLE(400, 0)},

	{"again, the same", {{DATA, 0, 10}, {DATA, 0, 10}}, WHOLE(10, 10)},
	{"again, other bytes", {{DATA, 0, 10}, {OTHER, 0, 10}, {UNWANTED, 0, 0}},
	 CONFLICT(10, 10)},
	{"half known", {{DATA, 0, 10}, {DATA, 5, 10}}, WHOLE(15, 5)},
	{"half known, other bytes", {{DATA, 0, 10}, {OTHER, 5, 10}, {UNWANTED, 0, 0}},
	 CONFLICT(15, 5)},
	{"again, from disk and chunk",
	 {{DATA, 0, 300 * K}, {DATA, 300 * K, 10}, {DATA, 320 * K, 100 * K},
	  {DATA, 200 * K, 300 * K}},
	 WHOLE(500 * K, 200 * K + 10)},
	{"other bytes on disk",
	 {{DATA, 0, 300 * K}, {DATA, 300 * K, 10}, {OTHER, 299 * K, 5}, {UNWANTED, 0, 0}},
	 CONFLICT(300 * K + 10, 5)},
	{"other bytes in a chunk behind what is on disk",
	 {{DATA, 0, 300 * K}, {DATA, 300 * K, 10}, {OTHER, 300 * K + 5, 5}, {UNWANTED, 0, 0}},
	 CONFLICT(300 * K + 10, 5)},
	{"known piece in the middle of a new one",
	 {{DATA, 10, 10}, {DATA, 0, 30}},
	 WHOLE(30, 10)},
	{"over several extents",
	 {{DATA, 10, 5}, {DATA, 20, 5}, {DATA, 30, 5}, {DATA, 0, 40}},
	 WHOLE(40, 15)},
	{"other bytes over an extent",
	 {{DATA, 10, 10}, {OTHER, 12, 5}, {UNWANTED, 0, 0}, {DATA, 0, 10}},
	 CONFLICT(20, 5)},

	{"declared and met", {{DECLARE, 0, 20}, {DATA, 0, 20}}, WHOLE(20, 0)},
	{"declared, large",
	 {{DECLARE, 0, 600 * K}, {DATA, 0, 300 * K}, {DATA, 300 * K, 300 * K}},
	 WHOLE(600 * K, 0)},
	{"declared more than came",
	 {{DECLARE, 0, 20}, {DATA, 0, 19}},
	 CUT(NONE, RESET, 19, 19)},
	{"declared less than came", {{DECLARE, 0, 10}, {DATA, 0, 20}}, WHOLE(20, 0)},
	{"declared, nothing came", {{DECLARE, 0, 10}}, CUT(NONE, RESET, 0, 0)},
	{"declared more than allowed",
	 {{DECLARE, 0, 2000 * K}, {UNWANTED, 0, 0}, {DATA, 0, 10}},
	 CUT(NONE, LIMIT, 10, 10)},
	{"declared and met, but told otherwise",
	 {{DECLARE, 0, 5}, {DATA, 0, 5}},
	 CUT(DECODE, DECODE, 5, 5)},

	{"gap at the start",
	 {{GAP, 0, 5}, {UNWANTED, 0, 0}, {DATA, 5, 5}},
	 CUT(NONE, GAP, 10, 5)},
	{"gap at the end", {{DATA, 0, 5}, {GAP, 5, 5}}, CUT(NONE, GAP, 10, 5)},
	{"gap that came after all", {{GAP, 0, 5}, {DATA, 0, 10}}, CUT(NONE, GAP, 10, 10)},
	{"gap over what is there", {{DATA, 0, 10}, {GAP, 2, 8}}, WHOLE(10, 0)},
	{"gap over an extent", {{DATA, 10, 10}, {GAP, 12, 8}, {DATA, 0, 10}}, WHOLE(20, 0)},
	{"gap beyond an extent",
	 {{DATA, 10, 10}, {GAP, 12, 9}, {DATA, 0, 10}},
	 CUT(NONE, GAP, 21, 20)},
	{"gap of all there is", {{GAP, 0, UINT64_MAX}}, CUT(NONE, GAP, UINT64_MAX, 0)},
	{"gap that wraps",
	 {{DATA, 0, 5}, {GAP, UINT64_MAX - 2, 100}},
	 CUT(NONE, GAP, UINT64_MAX, 5)},
	{"hole nobody told of", {{DATA, 0, 5}, {DATA, 6, 5}}, CUT(NONE, GAP, 11, 10)},
	{"gap, then a reset", {{GAP, 0, 5}, {DATA, 5, 5}}, CUT(RESET, GAP, 10, 5)},
	{"hole, then a reset", {{DATA, 5, 5}}, CUT(RESET, RESET, 10, 5)},

	{"at the limit", {{DATA, 0, 1000 * K}}, WHOLE(1000 * K, 0)},
	{"one byte more",
	 {{DATA, 0, 1000 * K}, {DATA, 1000 * K, 1}, {UNWANTED, 0, 0}, {DATA, 1000 * K + 1, 9}},
	 CUT(NONE, LIMIT, 1000 * K + 10, 1000 * K + 10)},
	{"out of order beyond the limit",
	 {{DATA, 1000 * K, 1}, {UNWANTED, 0, 0}, {DATA, 0, 5}},
	 CUT(NONE, LIMIT, 1000 * K + 1, 6)},
	{"at 2 GiB",
	 {{DATA, 0, 5}, {DATA, 2048 * K * K, 5}},
	 CUT(NONE, LIMIT, 2048 * K * K + 5, 10)},
	{"limit, then gap, then timeout",
	 {{DATA, 0, 1001 * K}, {GAP, 1001 * K, 5}},
	 CUT(TIMEOUT, LIMIT, 1001 * K + 5, 1001 * K)},
	{"data that wraps",
	 {{DATA, UINT64_MAX - 1, 10}, {UNWANTED, 0, 0}},
	 CUT(NONE, LIMIT, UINT64_MAX, 1)},
	{"four holes",
	 {{DATA, 1, 1}, {DATA, 3, 1}, {DATA, 5, 1}, {DATA, 7, 1}, {DATA, 0, 1},
	  {DATA, 2, 1}, {DATA, 4, 1}, {DATA, 6, 1}},
	 WHOLE(8, 0)},
	{"five holes",
	 {{DATA, 1, 1}, {DATA, 3, 1}, {DATA, 5, 1}, {DATA, 7, 1}, {DATA, 9, 1},
	  {UNWANTED, 0, 0}, {DATA, 0, 1}},
	 CUT(NONE, LIMIT, 10, 5)},

	{"empty", {{END, 0, 0}}, EMPTY},
	{"empty and declared so", {{DECLARE, 0, 0}}, EMPTY},

#define ENDED(reason) {                                                             \
	"cut: " #reason, {{DATA, 0, 300 * K}}, CUT(reason, reason, 300 * K, 300 * K)}
	ENDED(GAP), ENDED(LIMIT), ENDED(TIMEOUT), ENDED(RESET), ENDED(DECODE), ENDED(BOMB),
	ENDED(SPOOL_FULL), ENDED(SPOOL_ERROR), ENDED(PARTIAL), ENDED(OPEN_FILES),
	ENDED(CONFLICT),
};

TEST_F(files, every_row)
{
	const struct row *row;
	const struct step *step;
	struct file *f;
	uint64_t time;
	size_t i;

	self->limits.max_size = 1000 * K;
	self->limits.max_holes = 4;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		row = &rows[i];
		self->counters = (struct counters){0};
		seen.calls = 0;
		set_again(self);
		ASSERT_NE(NULL, self->set);
		f = file_open(self->set, &self->meta, 1000);
		ASSERT_NE(NULL, f);
		EXPECT_TRUE(file_wanted(f));
		time = 2000;
		for (step = row->steps; step->op; step++) {
			switch (step->op) {
			case DATA:
			case OTHER:
				time += step->n > 0;
				give(f, step->offset, step->n, step->op == OTHER, time);
				break;
			case GAP:
				file_gap(f, step->offset, step->n);
				break;
			case DECLARE:
				file_declare(f, step->n);
				break;
			default:
				EXPECT_FALSE(file_wanted(f)) TH_LOG("%s", row->what);
				/* What is not wanted takes no disk. */
				EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
			}
		}
		file_close(f, row->close, 9000);

		EXPECT_EQ(1, self->counters.value[row->outcome]) TH_LOG("%s", row->what);
		EXPECT_EQ(1, self->counters.value[COUNTER_FILES]);
		EXPECT_EQ(1, outcomes(&self->counters));
		EXPECT_EQ(row->outcome != COUNTER_FILES_EMPTY, seen.calls)
			TH_LOG("%s", row->what);
		EXPECT_EQ(0, scratch_entries(self->dir, "tmp")) TH_LOG("%s", row->what);
		if (row->outcome == COUNTER_FILES_COMPLETE) {
			EXPECT_TRUE(in_spool(self->dir, row->size)) TH_LOG("%s", row->what);
			EXPECT_EQ(1, self->counters.value[COUNTER_SAMPLES_NEW] +
					     self->counters.value[COUNTER_SAMPLES_KNOWN]);
			EXPECT_EQ(row->size, self->counters.value[COUNTER_BYTES_HASHED]);
		} else {
			EXPECT_EQ(0, self->counters.value[COUNTER_SAMPLES_NEW]);
			EXPECT_EQ(0, self->counters.value[COUNTER_SAMPLES_KNOWN]);
		}
		if (row->outcome == COUNTER_FILES_EMPTY)
			continue;
		EXPECT_EQ(row->reason, seen.last.reason) TH_LOG("%s", row->what);
		EXPECT_EQ(row->reason ? FILE_STATE_TRUNCATED : FILE_STATE_COMPLETE,
			  seen.last.state);
		EXPECT_EQ(!row->reason, seen.last.stored);
		EXPECT_EQ(row->size, seen.last.size) TH_LOG("%s", row->what);
		EXPECT_EQ(row->seen, seen.last.seen) TH_LOG("%s", row->what);
		EXPECT_EQ(row->size - row->seen, seen.last.missing) TH_LOG("%s", row->what);
		EXPECT_EQ(row->overlap, seen.last.overlap) TH_LOG("%s", row->what);
		EXPECT_EQ(1000, seen.last.begin);
		EXPECT_EQ(row->seen ? time : 9000, seen.last.end) TH_LOG("%s", row->what);
		EXPECT_EQ(0x80, seen.last.id[6] & 0xf0);
		EXPECT_EQ(0, seen.wrong_hash) TH_LOG("%s", row->what);
	}
	/* Nothing under a hash but what is whole. */
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].outcome == COUNTER_FILES_COMPLETE)
			EXPECT_TRUE(in_spool(self->dir, rows[i].size));
	EXPECT_FALSE(in_spool(self->dir, 300 * K));
	EXPECT_FALSE(in_spool(self->dir, 19));
}

/* Only what is empty and well ended is empty. */
TEST_F(files, nothing_came)
{
	struct file *f = file_open(self->set, &self->meta, 1);

	file_close(f, FILE_REASON_RESET, 2);
	EXPECT_EQ(0, seen.calls);
	EXPECT_EQ(1, self->counters.value[COUNTER_FILES_TRUNCATED_RESET]);
	EXPECT_EQ(0, self->counters.value[COUNTER_FILES_EMPTY]);
	EXPECT_EQ(1, outcomes(&self->counters));
}

TEST_F(files, texts_change_until_close)
{
	struct file *f = file_open(self->set, &self->meta, 1);

	sighting_set(&self->meta, SIGHTING_URL, "x", 1);
	self->meta.http_status = 206;
	self->meta.number = 4;
	ASSERT_TRUE(file_describe(f, &self->meta));
	sighting_set(&self->meta, SIGHTING_URL, "not this", 8);
	give(f, 0, 10, 0, 5);
	file_close(f, FILE_REASON_PARTIAL, 9);
	EXPECT_EQ(206, seen.last.http_status);
	EXPECT_EQ(7, seen.last.session.id);
	EXPECT_EQ(4, seen.last.number);
	EXPECT_EQ(1, seen.last.text_len[SIGHTING_URL]);
}

/* A copy of it in another file, while others take the memory that chunks are in. */
static void copy(void *arg, const void *p, size_t n)
{
	struct { struct file *to; uint64_t at; } *c = arg;

	file_data(c->to, c->at, p, n, 1);
	c->at += n;
}

TEST_F(files, replayed_into_another)
{
	static const size_t sizes[] = {1, 4096, 5000, 300000, 1000000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct file *f = file_open(self->set, &self->meta, 1);
		struct { struct file *to; uint64_t at; } c = {
			.to = file_open(self->set, &self->meta, 1),
		};

		give(f, 0, sizes[i], 0, 1);
		EXPECT_TRUE(file_replay(f, copy, &c));
		EXPECT_EQ(sizes[i], c.at);
		file_close(c.to, FILE_REASON_NONE, 2);
		EXPECT_EQ(FILE_STATE_COMPLETE, seen.last.state);
		EXPECT_EQ(sizes[i], seen.last.size);
		EXPECT_TRUE(in_spool(self->dir, sizes[i]));
		/* and the first one is what it was */
		file_close(f, FILE_REASON_NONE, 2);
		EXPECT_EQ(FILE_STATE_COMPLETE, seen.last.state);
	}
	EXPECT_EQ(0, seen.wrong_hash);
}

TEST_F(files, forgotten)
{
	unsigned int calls = seen.calls;
	struct file *f = file_open(self->set, &self->meta, 1);

	give(f, 0, 300000, 0, 1);
	give(f, 400000, 10, 0, 1);
	file_forget(f);
	EXPECT_EQ(calls, seen.calls);
	EXPECT_EQ(0, self->counters.value[COUNTER_FILES]);
	EXPECT_FALSE(in_spool(self->dir, 300000));
}

/* ------------------------------------------------------------ order does not matter */

TEST_F(files, any_order_same_hash)
{
	uint64_t state = 88172645463325252ull;
	struct { uint64_t at, n; } pieces[400], swap;
	size_t round, count, i, k;
	uint64_t size, at;
	struct file *f;

	for (round = 0; round < 60; round++) {
		size = scratch_random(&state) % (round % 3 ? 700000 : 9000) + 1;
		for (count = 0, at = 0; at < size; at += pieces[count++].n) {
			pieces[count].at = at;
			pieces[count].n = scratch_random(&state) % (size / 200 + 1) * 2 + 1;
			if (count == 399 || pieces[count].n > size - at)
				pieces[count].n = size - at;
		}
		/* All shuffled, or only neighbours, as a network does it. */
		for (i = count - 1; i > 0; i--) {
			k = round % 2 ? scratch_random(&state) % (i + 1) :
					i - scratch_random(&state) % (i < 3 ? i + 1 : 3);
			swap = pieces[i];
			pieces[i] = pieces[k];
			pieces[k] = swap;
		}
		seen.calls = 0;
		f = file_open(self->set, &self->meta, 1);
		if (round % 5 == 0)
			file_declare(f, size);
		for (i = 0; i < count; i++)
			give(f, pieces[i].at, pieces[i].n, 0, 2);
		file_close(f, FILE_REASON_NONE, 3);
		ASSERT_EQ(1, seen.calls);
		ASSERT_EQ(FILE_STATE_COMPLETE, seen.last.state) TH_LOG("round %zu", round);
		ASSERT_EQ(size, seen.last.size);
		ASSERT_EQ(0, seen.wrong_hash) TH_LOG("round %zu", round);
		ASSERT_TRUE(in_spool(self->dir, size));
	}
}

/* Pieces anywhere, gaps anywhere; counted like a map of bytes counts them. */
TEST_F(files, accounts_against_a_model)
{
	enum { SPACE = 3000 };
	uint64_t state = 88172645463325252ull, at, n, i, overlap, size, have;
	size_t round, step, complete = 0;
	struct file *f;
	bool gap;

	for (round = 0; round < 400; round++) {
		bool map[SPACE] = {false};

		overlap = size = 0;
		gap = false;
		f = file_open(self->set, &self->meta, 1);
		for (step = scratch_random(&state) % 120 + 1; step; step--) {
			at = scratch_random(&state) % SPACE;
			n = scratch_random(&state) % (SPACE / 8) + 1;
			/* At its end every other file gets all that is still missing. */
			if (step == 1 && round % 2) {
				at = 0;
				n = size ? size : 1;
			}
			if (n > SPACE - at)
				n = SPACE - at;
			if (at + n > size)
				size = at + n;
			if (step > 1 && scratch_random(&state) % 200 == 0) {
				for (i = at; i < at + n; i++)
					gap |= !map[i];
				file_gap(f, at, n);
				ASSERT_EQ(!gap, file_wanted(f));
				continue;
			}
			give(f, at, n, 0, 2);
			for (i = at; i < at + n; i++) {
				overlap += map[i];
				map[i] = true;
			}
		}
		file_close(f, FILE_REASON_NONE, 3);
		for (i = have = 0; i < SPACE; i++)
			have += map[i];
		ASSERT_EQ(have, seen.last.seen);
		ASSERT_EQ(size, seen.last.size);
		ASSERT_EQ(size - have, seen.last.missing);
		ASSERT_EQ(overlap, seen.last.overlap);
		ASSERT_EQ(gap || have < size ? FILE_REASON_GAP : FILE_REASON_NONE,
			  seen.last.reason);
		complete += !seen.last.reason;
	}
	EXPECT_LT(10, complete);
	EXPECT_GT(390, complete);
	EXPECT_EQ(0, seen.wrong_hash);
	EXPECT_EQ(complete, self->counters.value[COUNTER_FILES_COMPLETE]);
	EXPECT_EQ(400, outcomes(&self->counters));
}

/* ------------------------------------------------------------------- limits, spool */

TEST_F(files, too_many_open)
{
	struct file *f[4];
	int i;

	self->limits.max_open = 2;
	set_again(self);
	for (i = 0; i < 3; i++)
		f[i] = file_open(self->set, &self->meta, 1);
	EXPECT_TRUE(file_wanted(f[1]));
	EXPECT_FALSE(file_wanted(f[2]));
	give(f[2], 0, 10, 0, 2);
	file_close(f[2], FILE_REASON_NONE, 3);
	EXPECT_EQ(FILE_REASON_OPEN_FILES, seen.last.reason);
	EXPECT_EQ(10, seen.last.seen);
	file_close(f[0], FILE_REASON_NONE, 3);
	f[3] = file_open(self->set, &self->meta, 1);
	EXPECT_TRUE(file_wanted(f[3]));
	file_close(f[1], FILE_REASON_NONE, 3);
	file_close(f[3], FILE_REASON_NONE, 3);
	EXPECT_EQ(1, self->counters.value[COUNTER_FILES_TRUNCATED_OPEN_FILES]);
	EXPECT_EQ(3, self->counters.value[COUNTER_FILES_EMPTY]);
	EXPECT_EQ(4, self->counters.value[COUNTER_FILES]);
}

TEST_F(files, known_small_file_costs_no_disk)
{
	struct timespec old[2] = {{1000, 0}, {1000, 0}};
	struct stat st;
	struct file *f;
	int i;

	for (i = 0; i < 2; i++) {
		f = file_open(self->set, &self->meta, 1);
		give(f, 0, 200 * K, 0, 2);
		file_close(f, FILE_REASON_NONE, 3);
		EXPECT_TRUE(seen.last.stored);
		EXPECT_EQ(FILE_STATE_COMPLETE, seen.last.state);
		EXPECT_EQ(0, seen.wrong_hash);
		/* The first one made a file in tmp/, the second must not touch it. */
		ASSERT_EQ(0, stat(scratch_path(self->dir, "tmp"), &st));
		if (i || variant->no_tmpfile)
			EXPECT_EQ(i, st.st_mtime == 1000);
		ASSERT_EQ(0, utimensat(AT_FDCWD, scratch_path(self->dir, "tmp"), old, 0));
	}
	EXPECT_EQ(1, self->counters.value[COUNTER_SAMPLES_NEW]);
	EXPECT_EQ(1, self->counters.value[COUNTER_SAMPLES_KNOWN]);
	EXPECT_EQ(2, self->counters.value[COUNTER_FILES_COMPLETE]);
	/* A large one is written before its hash is known, and thrown away. */
	for (i = 0; i < 2; i++) {
		f = file_open(self->set, &self->meta, 1);
		give(f, 0, 400 * K, 0, 2);
		file_close(f, FILE_REASON_NONE, 3);
		EXPECT_TRUE(seen.last.stored);
	}
	EXPECT_EQ(2, self->counters.value[COUNTER_SAMPLES_NEW]);
	EXPECT_EQ(2, self->counters.value[COUNTER_SAMPLES_KNOWN]);
	EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
}

TEST_F(files, spool_full)
{
	struct file *f;

	self->options.max_bytes = 500 * K;
	set_again(self);
	f = file_open(self->set, &self->meta, 1);
	give(f, 0, 400 * K, 0, 2);
	EXPECT_TRUE(file_wanted(f));
	give(f, 400 * K, 300 * K, 0, 2);
	EXPECT_FALSE(file_wanted(f));
	give(f, 700 * K, 5, 0, 2);
	file_close(f, FILE_REASON_NONE, 3);
	EXPECT_EQ(FILE_REASON_SPOOL_FULL, seen.last.reason);
	EXPECT_EQ(700 * K + 5, seen.last.seen);
	EXPECT_FALSE(seen.last.stored);
	/* What it had written is free again; a small file finds out at its end. */
	f = file_open(self->set, &self->meta, 1);
	give(f, 0, 450 * K, 0, 2);
	file_close(f, FILE_REASON_NONE, 3);
	EXPECT_TRUE(seen.last.stored);
	f = file_open(self->set, &self->meta, 1);
	give(f, 0, 51 * K, 0, 2);
	EXPECT_TRUE(file_wanted(f));
	file_close(f, FILE_REASON_NONE, 3);
	EXPECT_EQ(FILE_REASON_SPOOL_FULL, seen.last.reason);
	EXPECT_EQ(0, seen.last.sha256[0] | seen.last.sha256[31]);
	EXPECT_EQ(2, self->counters.value[COUNTER_FILES_TRUNCATED_SPOOL_FULL]);
	EXPECT_EQ(3, outcomes(&self->counters));
	EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
}

static bool limit_to(int resource, rlim_t most)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit))
		return false;
	limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
	return !setrlimit(resource, &limit);
}

TEST_F(files, disk_errors)
{
	struct file *f = file_open(self->set, &self->meta, 1);

	/* At the link. */
	give(f, 0, 300 * K, 0, 2);
	scratch_remove(scratch_path(self->dir, "samples"));
	file_close(f, FILE_REASON_NONE, 3);
	EXPECT_EQ(FILE_REASON_SPOOL_ERROR, seen.last.reason);
	EXPECT_FALSE(seen.last.stored);
	EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
	/* While it is written. */
	signal(SIGXFSZ, SIG_IGN);
	ASSERT_TRUE(limit_to(RLIMIT_FSIZE, 100 * K));
	f = file_open(self->set, &self->meta, 1);
	give(f, 0, 300 * K, 0, 2);
	EXPECT_FALSE(file_wanted(f));
	file_close(f, FILE_REASON_RESET, 3);
	EXPECT_EQ(FILE_REASON_SPOOL_ERROR, seen.last.reason);
	EXPECT_EQ(2, self->counters.value[COUNTER_FILES_TRUNCATED_SPOOL_ERROR]);
	/* Out of order, too. */
	f = file_open(self->set, &self->meta, 1);
	give(f, 200 * K, 5, 0, 2);
	EXPECT_FALSE(file_wanted(f));
	file_close(f, FILE_REASON_NONE, 3);
	EXPECT_EQ(FILE_REASON_SPOOL_ERROR, seen.last.reason);
	EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
	limit_to(RLIMIT_FSIZE, RLIM_INFINITY);
}

TEST_F(files, no_descriptor_left)
{
	struct file *f = file_open(self->set, &self->meta, 1);

	ASSERT_TRUE(limit_to(RLIMIT_NOFILE, 3));
	give(f, 0, 300 * K, 0, 2);
	EXPECT_FALSE(file_wanted(f));
	file_close(f, FILE_REASON_NONE, 3);
	EXPECT_EQ(FILE_REASON_OPEN_FILES, seen.last.reason);
	ASSERT_TRUE(limit_to(RLIMIT_NOFILE, RLIM_INFINITY));
	f = file_open(self->set, &self->meta, 1);
	give(f, 0, 300 * K, 0, 2);
	file_close(f, FILE_REASON_NONE, 3);
	EXPECT_TRUE(seen.last.stored);
}

static long resident_kib(const char *field)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];
	long kib = 0;

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, field, strlen(field)))
			kib = atol(line + strlen(field));
	if (status)
		fclose(status);
	return kib;
}

/* More open files than there is memory for: idle ones give up theirs, all come out right. */
TEST_F(files, many_at_once)
{
	enum { COUNT = 3000, PIECE = 5000, SIZE = 20000 };
	static struct file *f[COUNT];
	struct rlimit limit;
	uint64_t at;
	uint8_t *p;
	size_t i;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur < COUNT + 100)
		SKIP(return, "not enough descriptors");
	p = content(0, SIZE + 1, 0);
	for (i = 0; i < COUNT; i++)
		f[i] = file_open(self->set, &self->meta, 1);
	for (at = 0; at < SIZE; at += PIECE)
		for (i = 0; i < COUNT; i++)
			file_data(f[i], at, p + at, PIECE, 2);
	/* One byte more for every other one, so that there are two samples. */
	for (i = 0; i < COUNT; i++) {
		if (i % 2)
			file_data(f[i], SIZE, p + SIZE, 1, 2);
		file_close(f[i], FILE_REASON_NONE, 3);
	}
	free(p);
	EXPECT_EQ(COUNT, self->counters.value[COUNTER_FILES_COMPLETE]);
	EXPECT_EQ(0, seen.wrong_hash);
	EXPECT_EQ(2, self->counters.value[COUNTER_SAMPLES_NEW]);
	EXPECT_TRUE(in_spool(self->dir, SIZE));
	EXPECT_TRUE(in_spool(self->dir, SIZE + 1));
	EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
#ifndef __SANITIZE_ADDRESS__
	EXPECT_GT(40 << 10, resident_kib("VmHWM:"));
#endif
}

TEST_HARNESS_MAIN
