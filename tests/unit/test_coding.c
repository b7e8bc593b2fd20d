// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/buf.h"
#include "proto/coding.h"
#include "scratch.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#define SIZE (300u << 10)

static uint8_t plain[SIZE];

struct result {
	struct buf out;
	size_t want;		/* bytes after which no more is wanted */
};

static bool sink(void *arg, const uint8_t *p, size_t n)
{
	struct result *r = arg;

	buf_add(&r->out, p, n);
	return r->out.len < r->want;
}

static size_t deflated(int bits, const uint8_t *p, size_t n, uint8_t *out, size_t room)
{
	z_stream z = {0};

	deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);
	z.next_in = (Bytef *)p;
	z.avail_in = (uInt)n;
	z.next_out = out;
	z.avail_out = (uInt)room;
	deflate(&z, Z_FINISH);
	deflateEnd(&z);
	return room - z.avail_out;
}

/* By the program: the agent links no encoder. */
static size_t brotli(const uint8_t *p, size_t n, uint8_t *out, size_t room)
{
	char dir[SCRATCH_MAX], command[4 * SCRATCH_MAX];
	FILE *f;

	if (!scratch_make(dir) || !scratch_write(dir, "in", p, n))
		return 0;
	snprintf(command, sizeof(command), "brotli -q 5 -w 18 -c '%s/in'", dir);
	f = popen(command, "r");
	n = f ? fread(out, 1, room, f) : 0;
	if (f)
		pclose(f);
	scratch_remove(dir);
	return n;
}

static size_t encoded(const char *coding, const uint8_t *p, size_t n, uint8_t *out, size_t room)
{
	if (!strcmp(coding, "gzip"))
		return deflated(15 + 16, p, n, out, room);
	if (!strcmp(coding, "deflate"))
		return deflated(15, p, n, out, room);
	if (!strcmp(coding, "raw"))
		return deflated(-15, p, n, out, room);
	if (!strcmp(coding, "br"))
		return brotli(p, n, out, room);
	if (!strcmp(coding, "lzma")) {
		lzma_stream lz = LZMA_STREAM_INIT;
		lzma_options_lzma o;

		lzma_lzma_preset(&o, 1);
		if (lzma_alone_encoder(&lz, &o) != LZMA_OK)
			return 0;
		lz.next_in = p;
		lz.avail_in = n;
		lz.next_out = out;
		lz.avail_out = room;
		room = lzma_code(&lz, LZMA_FINISH) == LZMA_STREAM_END ? room - lz.avail_out : 0;
		lzma_end(&lz);
		return room;
	}
	return ZSTD_compress(out, room, p, n, 3);
}

static enum file_reason run(struct result *r, const struct decode_limits *limits,
			    const char *list, const uint8_t *p, size_t n, size_t step)
{
	struct coding *c = coding_new(limits, list, strlen(list), sink, r);
	enum file_reason reason = FILE_REASON_NONE;

	buf_init(&r->out, 64u << 20);
	r->want = SIZE_MAX;
	for (size_t at = 0; at < n && reason == FILE_REASON_NONE; at += step)
		reason = coding_data(c, p + at, n - at < step ? n - at : step);
	if (reason == FILE_REASON_NONE)
		reason = coding_end(c);
	coding_free(c);
	return reason;
}

static const struct decode_limits defaults = DECODE_LIMITS_DEFAULT;

FIXTURE(coding)
{
	uint8_t *coded, *twice;
	size_t n;
	struct result r;
};

FIXTURE_SETUP(coding)
{
	uint64_t state = 42;

	/* Half noise, half text: long and short matches, several blocks. */
	for (size_t i = 0; i < SIZE; i++)
		plain[i] = i / 1000 % 2 ? (uint8_t)scratch_random(&state) : (uint8_t)(i % 61);
	self->coded = malloc(4 * SIZE);
	self->twice = malloc(4 * SIZE);
	memset(&self->r, 0, sizeof(self->r));
}

FIXTURE_TEARDOWN(coding)
{
	free(self->coded);
	free(self->twice);
	buf_free(&self->r.out);
}

#define EXPECT_PLAIN(size)                                                       \
	do {                                                                     \
		EXPECT_EQ((size_t)(size), self->r.out.len);                      \
		EXPECT_EQ(0, memcmp(plain, self->r.out.data, self->r.out.len));  \
		buf_free(&self->r.out);                                          \
	} while (0)

TEST_F(coding, every_coding_in_every_piece)
{
	static const struct {
		const char *made, *said;
	} rows[] = {
		{"gzip", "gzip"},      {"gzip", "x-gzip"},   {"gzip", "GZip "},
		{"deflate", "deflate"}, {"raw", "deflate"},   {"raw", "gzip"},
		{"gzip", "deflate"},   {"deflate", "gzip"},  {"br", "br"},
		{"zstd", "zstd"},      {"gzip", "foo, gzip"}, {"lzma", "lzma"},
	};
	static const size_t steps[] = {1, 2, 7, 1448, 65536, SIZE_MAX / 2};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			self->n = encoded(rows[i].made, plain, SIZE, self->coded, 4 * SIZE);
			EXPECT_EQ(FILE_REASON_NONE, run(&self->r, &defaults, rows[i].said,
							self->coded, self->n, steps[j]))
				TH_LOG("%s as %s", rows[i].made, rows[i].said);
			EXPECT_PLAIN(SIZE);
		}
}

TEST_F(coding, layers_are_undone_from_the_last)
{
	size_t n = encoded("br", plain, SIZE, self->coded, 4 * SIZE);

	n = encoded("zstd", self->coded, n, self->twice, 4 * SIZE);
	n = encoded("gzip", self->twice, n, self->coded, 4 * SIZE);
	EXPECT_EQ(FILE_REASON_NONE,
		  run(&self->r, &defaults, "br, zstd ,gzip", self->coded, n, 1448));
	EXPECT_PLAIN(SIZE);
}

TEST_F(coding, a_body_that_is_not_coded_stays_as_it_is)
{
	static const char *const names[] = {"gzip", "deflate", "br", "zstd", "lzma", "gzip, br"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (size_t step = 1; step <= 1448; step += 1447) {
			static const char text[] = "<html>not coded at all</html>";

			EXPECT_EQ(FILE_REASON_NONE,
				  run(&self->r, &defaults, names[i], (const uint8_t *)text,
				      sizeof(text), step));
			EXPECT_EQ(sizeof(text), self->r.out.len) TH_LOG("%s", names[i]);
			EXPECT_EQ(0, memcmp(text, self->r.out.data, self->r.out.len));
			buf_free(&self->r.out);
		}
	EXPECT_EQ(FILE_REASON_NONE,
		  run(&self->r, &defaults, "gzip", (const uint8_t *)"\x1f", 1, 1));
	EXPECT_EQ(1, self->r.out.len);
}

TEST_F(coding, trailers_are_not_believed)
{
	self->n = encoded("gzip", plain, SIZE, self->coded, 4 * SIZE);
	self->coded[self->n - 1] ^= 1;
	self->coded[self->n - 8] ^= 1;
	EXPECT_EQ(FILE_REASON_NONE,
		  run(&self->r, &defaults, "gzip", self->coded, self->n, 1448));
	EXPECT_PLAIN(SIZE);
	/* missing, and followed by junk */
	EXPECT_EQ(FILE_REASON_NONE,
		  run(&self->r, &defaults, "gzip", self->coded, self->n - 8, 1448));
	EXPECT_PLAIN(SIZE);
	memset(self->coded + self->n, 'x', 100);
	EXPECT_EQ(FILE_REASON_NONE,
		  run(&self->r, &defaults, "gzip", self->coded, self->n + 100, 1448));
	EXPECT_PLAIN(SIZE);
	self->n = encoded("zstd", plain, SIZE, self->coded, 4 * SIZE);
	memset(self->coded + self->n, 'x', 100);
	EXPECT_EQ(FILE_REASON_NONE,
		  run(&self->r, &defaults, "zstd", self->coded, self->n + 100, 1448));
	EXPECT_PLAIN(SIZE);
}

TEST_F(coding, gzip_header_with_everything)
{
	static const uint8_t header[] = {0x1f, 0x8b, 8, 0x1f, 0, 0, 0, 0, 0, 3, 2, 0, 'e', 'x',
					 'n', 'a', 'm', 'e', 0, 'c', 0, 0x12, 0x34};

	memcpy(self->coded, header, sizeof(header));
	self->n = sizeof(header) + encoded("raw", plain, SIZE, self->coded + sizeof(header),
					   4 * SIZE - sizeof(header));
	for (size_t step = 1; step < 2000; step += 1447) {
		EXPECT_EQ(FILE_REASON_NONE,
			  run(&self->r, &defaults, "gzip", self->coded, self->n, step));
		EXPECT_PLAIN(SIZE);
	}
}

TEST_F(coding, members_and_frames)
{
	static const char *const names[] = {"gzip", "zstd"};

	for (size_t i = 0; i < 2; i++) {
		self->n = encoded(names[i], plain, SIZE / 2, self->coded, 4 * SIZE);
		self->n += encoded(names[i], plain + SIZE / 2, SIZE / 2, self->coded + self->n,
				   4 * SIZE - self->n);
		for (size_t step = 1; step < 2000; step += 1447) {
			EXPECT_EQ(FILE_REASON_NONE, run(&self->r, &defaults, names[i],
							self->coded, self->n, step));
			EXPECT_PLAIN(SIZE);
		}
	}
}

/* The body's framing says where it ends, and clients take what was flushed. */
TEST_F(coding, flushed_and_not_ended)
{
	static const size_t steps[] = {1, 3, 1448, SIZE_MAX / 2};
	static const int bits[] = {15 + 16, 15, -15};

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		z_stream z = {0};

		deflateInit2(&z, 6, Z_DEFLATED, bits[i], 8, Z_DEFAULT_STRATEGY);
		z.next_in = plain;
		z.avail_in = SIZE;
		z.next_out = self->coded;
		z.avail_out = 4 * SIZE;
		deflate(&z, Z_SYNC_FLUSH);
		deflateEnd(&z);
		self->n = 4 * SIZE - z.avail_out;
		for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			EXPECT_EQ(FILE_REASON_NONE, run(&self->r, &defaults, "deflate",
							self->coded, self->n, steps[j]));
			EXPECT_PLAIN(SIZE);
		}
		EXPECT_EQ(FILE_REASON_DECODE, run(&self->r, &defaults, "deflate",
						  self->coded, self->n - 1, 1448));
		buf_free(&self->r.out);
	}
}

TEST_F(coding, cut_short_or_damaged)
{
	static const char *const names[] = {"gzip", "deflate", "br", "zstd", "lzma"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		self->n = encoded(names[i], plain, SIZE, self->coded, 4 * SIZE);
		EXPECT_EQ(FILE_REASON_DECODE, run(&self->r, &defaults, names[i], self->coded,
						  self->n / 2, 1448))
			TH_LOG("%s cut", names[i]);
		EXPECT_LT(0, self->r.out.len);
		EXPECT_PLAIN(self->r.out.len);
	}
	self->n = encoded("br", plain, SIZE, self->coded, 4 * SIZE);
	memset(self->coded + self->n / 2, 0xff, 2000);
	EXPECT_EQ(FILE_REASON_DECODE,
		  run(&self->r, &defaults, "br", self->coded, self->n, 1448));
}

TEST_F(coding, bombs)
{
	static const char *const names[] = {"gzip", "br", "zstd"};
	struct decode_limits ratio = {.layers = 4, .ratio = 50, .ratio_after = 100000,
				      .max_size = 1u << 30};
	struct decode_limits size = {.layers = 4, .ratio = 1u << 30, .ratio_after = 1u << 30,
				     .max_size = 1000000};
	uint8_t *zeros = calloc(1, 10u << 20);

	for (size_t i = 0; i < 3; i++) {
		self->n = encoded(names[i], zeros, 10u << 20, self->coded, 4 * SIZE);
		EXPECT_EQ(FILE_REASON_BOMB,
			  run(&self->r, &ratio, names[i], self->coded, self->n, 1448));
		EXPECT_GT(5u << 20, self->r.out.len);
		buf_free(&self->r.out);
		EXPECT_EQ(FILE_REASON_BOMB,
			  run(&self->r, &size, names[i], self->coded, self->n, 1448));
		EXPECT_GE(1000000, self->r.out.len);
		buf_free(&self->r.out);
		/* a body that is not coded has no such limit */
		EXPECT_EQ(FILE_REASON_NONE,
			  run(&self->r, &size, names[i], zeros, 2000000, 1448));
		buf_free(&self->r.out);
	}
	free(zeros);
	EXPECT_EQ(FILE_REASON_BOMB, run(&self->r, &defaults, "gzip,gzip,gzip,gzip,gzip",
					(const uint8_t *)"x", 1, 1));
	EXPECT_EQ(0, self->r.out.len);
}

TEST_F(coding, stops_when_no_more_is_wanted)
{
	struct coding *c = coding_new(&defaults, "gzip", 4, sink, &self->r);

	buf_init(&self->r.out, 1u << 20);
	self->r.want = 1;
	self->n = encoded("gzip", plain, SIZE, self->coded, 4 * SIZE);
	EXPECT_EQ(FILE_REASON_NONE, coding_data(c, self->coded, self->n));
	EXPECT_LE(1, self->r.out.len);
	EXPECT_GT(SIZE, self->r.out.len);
	EXPECT_FALSE(coding_has_end(c));
	EXPECT_EQ(FILE_REASON_NONE, coding_end(c));
	coding_free(c);
}

TEST_F(coding, knows_its_own_end)
{
	struct coding *c = coding_new(&defaults, "gzip", 4, sink, &self->r);

	buf_init(&self->r.out, 1u << 20);
	self->r.want = SIZE_MAX;
	self->n = encoded("gzip", plain, SIZE, self->coded, 4 * SIZE);
	coding_data(c, self->coded, self->n - 20);
	EXPECT_FALSE(coding_has_end(c));
	coding_data(c, self->coded + self->n - 20, 12);
	EXPECT_TRUE(coding_has_end(c));
	coding_free(c);
}

TEST(names)
{
	EXPECT_TRUE(coding_needed("gzip", 4));
	EXPECT_TRUE(coding_needed("identity, br", 12));
	EXPECT_TRUE(coding_needed("gz\0ip", 5));
	EXPECT_FALSE(coding_needed("identity", 8));
	EXPECT_FALSE(coding_needed("brotli", 6));
	EXPECT_FALSE(coding_needed("", 0));
	EXPECT_FALSE(coding_needed(NULL, 0));
}

/* Noise behind every kind of beginning: no crash, no endless loop. */
TEST(noise)
{
	static const char *const lists[] = {"gzip", "br", "zstd", "lzma", "gzip, br",
					    "zstd,deflate"};
	uint8_t in[600];
	uint64_t state = 7;

	for (int i = 0; i < 20000; i++) {
		const char *list = lists[i % 6];
		size_t n = scratch_random(&state) % sizeof(in);
		struct result r;

		for (size_t j = 0; j < n; j++)
			in[j] = (uint8_t)scratch_random(&state);
		if (i % 3 == 0 && n > 10)
			memcpy(in, "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
		if (i % 3 == 1 && n > 4)
			memcpy(in, "\x28\xb5\x2f\xfd", 4);
		run(&r, &defaults, list, in, n, 1 + scratch_random(&state) % 100);
		buf_free(&r.out);
	}
}

TEST_HARNESS_MAIN
