// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "sample/archive.h"
#include "sample/file.h"
#include "sample/inflate64.h"
#include "sample/unpack.h"
#include "scratch.h"

#include <openssl/sha.h>
#include <zlib.h>

#define TRAIT(t) (1u << FILE_TRAIT_##t)

/* --------------------------------------------------------- making of archives */

static void le(struct buf *b, uint64_t v, unsigned int bytes)
{
	uint8_t p[8];

	for (unsigned int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	buf_add(b, p, bytes);
}

/* A ZIP archive being written; what it says about a member may be wrong. */
struct maker {
	struct buf out, directory;
	unsigned int count;
};

struct made {
	const char *name;
	const void *data; /* the content; packed where the method is deflate */
	size_t len;
	uint16_t method;
	uint16_t flags;	      /* in both headers */
	uint16_t local_flags; /* and in one of them */
	uint16_t central_flags;
	bool descriptor;	 /* sizes stand behind the data */
	bool hidden;		 /* not in the directory */
	bool zip64;		 /* sizes and place in the extra field */
	uint16_t central_method; /* says otherwise, where not 0 */
	int packed_off;		 /* added to the size the directory says */
	const uint8_t *packed;	 /* what is written instead of the content packed */
	size_t packed_len;
};

static void make_begin(struct maker *m)
{
	buf_init(&m->out, 64 << 20);
	buf_init(&m->directory, 64 << 20);
	m->count = 0;
}

static void make_central(struct maker *m, const struct made *e, uint64_t place, size_t packed,
			 uint32_t crc)
{
	struct buf *d = &m->directory;
	uint64_t says = packed + (uint64_t)e->packed_off;

	m->count++;
	le(d, 0x02014b50, 4);
	le(d, 20, 2);
	le(d, 20, 2);
	le(d, e->flags | e->central_flags | (e->descriptor ? 8 : 0), 2);
	le(d, e->central_method ? e->central_method : e->method, 2);
	le(d, 0, 4);
	le(d, crc, 4);
	le(d, e->zip64 ? UINT32_MAX : says, 4);
	le(d, e->zip64 ? UINT32_MAX : e->len, 4);
	le(d, strlen(e->name), 2);
	le(d, e->zip64 ? 28 : 0, 2);
	le(d, 0, 2); /* comment */
	le(d, 0, 2); /* disk */
	le(d, 0, 6);
	le(d, e->zip64 ? UINT32_MAX : place, 4);
	buf_add_string(d, e->name);
	if (e->zip64) {
		le(d, 1, 2);
		le(d, 24, 2);
		le(d, e->len, 8);
		le(d, says, 8);
		le(d, place, 8);
	}
}

static size_t deflated(const void *p, size_t n, uint8_t **out)
{
	z_stream z = {0};
	size_t room = n + n / 100 + 64;

	*out = malloc(room);
	deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
	z.next_in = (Bytef *)p;
	z.avail_in = (uInt)n;
	z.next_out = *out;
	z.avail_out = (uInt)room;
	deflate(&z, Z_FINISH);
	room = z.total_out;
	deflateEnd(&z);
	return room;
}

static void make_member(struct maker *m, const struct made *e)
{
	uint64_t place = m->out.len;
	uint32_t crc = (uint32_t)crc32(0, e->data, (uInt)e->len);
	uint8_t *own = NULL;
	const void *packed = e->packed ? e->packed : e->data;
	size_t n = e->packed ? e->packed_len : e->len;
	struct buf *o = &m->out;

	if (!e->packed && e->method == UNPACK_DEFLATE) {
		n = deflated(e->data, e->len, &own);
		packed = own;
	}
	le(o, 0x04034b50, 4);
	le(o, 20, 2);
	le(o, e->flags | e->local_flags | (e->descriptor ? 8 : 0), 2);
	le(o, e->method, 2);
	le(o, 0, 4);
	le(o, e->descriptor ? 0 : crc, 4);
	le(o, e->descriptor ? 0 : e->zip64 ? UINT32_MAX : n, 4);
	le(o, e->descriptor ? 0 : e->zip64 ? UINT32_MAX : e->len, 4);
	le(o, strlen(e->name), 2);
	le(o, e->zip64 ? 20 : 0, 2);
	buf_add_string(o, e->name);
	if (e->zip64) {
		le(o, 1, 2);
		le(o, 16, 2);
		le(o, e->len, 8);
		le(o, n, 8);
	}
	buf_add(o, packed, n);
	if (e->descriptor) {
		le(o, 0x08074b50, 4);
		le(o, crc, 4);
		le(o, n, 4);
		le(o, e->len, 4);
	}
	if (!e->hidden)
		make_central(m, e, place, n, crc);
	free(own);
}

static void make_end(struct maker *m, uint64_t offset, uint16_t disk)
{
	le(&m->directory, 0x06054b50, 4);
	le(&m->directory, disk, 2);
	le(&m->directory, disk, 2);
	le(&m->directory, m->count, 2);
	le(&m->directory, m->count, 2);
	le(&m->directory, m->directory.len - 12, 4);
	le(&m->directory, offset, 4);
	le(&m->directory, 0, 2);
	buf_add(&m->out, m->directory.data, m->directory.len);
	buf_free(&m->directory);
}

/* An archive of these, with its directory. */
static struct buf make(const struct made *list, size_t count)
{
	struct maker m;

	make_begin(&m);
	for (size_t i = 0; i < count; i++)
		make_member(&m, &list[i]);
	make_end(&m, m.out.len, 0);
	return m.out;
}

#define MAKE(...)                                \
	make((const struct made[]){__VA_ARGS__}, \
	     sizeof((const struct made[]){__VA_ARGS__}) / sizeof(struct made))

/* ------------------------------------------------------------ what came of it */

#define GOT_MAX 64

struct got {
	char path[128];
	enum file_reason reason;
	uint8_t *data;
	size_t len;
};

struct seen {
	struct got list[GOT_MAX];
	size_t count;
	uint32_t traits;
	struct archive_tree tree;
	size_t refuse_after; /* bytes of each that are wanted; 0: all */
};

static bool on_begin(void *arg, const struct archive_member *m)
{
	struct seen *s = arg;
	struct got *g = &s->list[s->count < GOT_MAX ? s->count : GOT_MAX - 1];

	free(g->data);
	memset(g, 0, sizeof(*g));
	snprintf(g->path, sizeof(g->path), "%.*s", (int)m->path_len, m->path);
	return true;
}

static bool on_data(void *arg, const uint8_t *p, size_t n)
{
	struct seen *s = arg;
	struct got *g = &s->list[s->count < GOT_MAX ? s->count : GOT_MAX - 1];

	if (g->len < 16 << 20) {
		g->data = realloc(g->data, g->len + n);
		memcpy(g->data + g->len, p, n);
	}
	g->len += n;
	return !s->refuse_after || g->len < s->refuse_after;
}

static void on_end(void *arg, enum file_reason reason)
{
	struct seen *s = arg;

	s->list[s->count < GOT_MAX ? s->count : GOT_MAX - 1].reason = reason;
	s->count++;
}

static const struct archive_ops ops = {on_begin, on_data, on_end};

static ssize_t read_memory(void *arg, uint64_t offset, void *p, size_t n)
{
	memcpy(p, (const uint8_t *)arg + offset, n);
	return (ssize_t)n;
}

static const struct archive_limits usual = ARCHIVE_LIMITS_DEFAULT;

static struct reader reader_of(const struct buf *b)
{
	return (struct reader){read_memory, b->data, b->len};
}

static void take_apart(struct seen *s, const struct buf *b, const struct archive_limits *limits,
		       size_t budget)
{
	struct reader r = reader_of(b);
	struct archive *a;

	s->tree = (struct archive_tree){.limits = limits ? limits : &usual, .size = b->len};
	a = archive_open(&r, &s->tree, &ops, s);
	while (archive_step(a, budget))
		;
	s->traits = archive_found(a);
	archive_close(a);
}

static void forget(struct seen *s)
{
	for (size_t i = 0; i < GOT_MAX; i++)
		free(s->list[i].data);
	memset(s, 0, sizeof(*s));
}

static bool is(const struct seen *s, size_t i, const char *path, const char *data)
{
	const struct got *g = &s->list[i];

	return i < s->count && !strcmp(g->path, path) && g->reason == FILE_REASON_NONE &&
	       g->len == strlen(data) && !memcmp(g->data, data, g->len);
}

static bool ended(const struct seen *s, size_t i, const char *path, enum file_reason reason)
{
	return i < s->count && !strcmp(s->list[i].path, path) && s->list[i].reason == reason;
}

FIXTURE(archive)
{
	struct seen seen;
	struct buf b;
};

FIXTURE_SETUP(archive)
{
	log_init("test_archive", LOG_LEVEL_ERROR);
	memset(self, 0, sizeof(*self));
}

FIXTURE_TEARDOWN(archive)
{
	forget(&self->seen);
	buf_free(&self->b);
}

#define TEXT(s) .data = (s), .len = strlen(s)

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

	self->b = MAKE({"z", .data = inner.data, .len = inner.len});
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
	make_end(&m, m.out.len + 9000, 0);
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

static uint32_t traits_of(const void *p, size_t n)
{
	struct reader r = {read_memory, (void *)p, n};

	return archive_traits(&r);
}

#define TRAITS(bytes) traits_of(bytes, sizeof(bytes) - 1)

TEST(rar4)
{
#define RAR4 "Rar!\x1a\x07\x00"
#define END4 "\xc4\x3d\x7b\x00\x40\x07\x00"
	/* main header of 13 bytes: flags; file header of 32 with 2 bytes of data: flags */
#define MAIN4(flags) "\0\0\x73" flags "\x0d\0\0\0\0\0\0\0"
#define FILE4(flags)                                                                    \
	"\0\0\x74" flags "\x20\0\x02\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" \
	"xx"
	EXPECT_EQ(0, TRAITS(RAR4 MAIN4("\0\0") FILE4("\0\x80") END4));
	EXPECT_EQ(TRAIT(MULTI_PART), TRAITS(RAR4 MAIN4("\1\0") FILE4("\0\x80") END4));
	EXPECT_EQ(TRAIT(MULTI_PART), TRAITS(RAR4 MAIN4("\0\0") FILE4("\2\x80") END4));
	EXPECT_EQ(TRAIT(ENCRYPTED), TRAITS(RAR4 MAIN4("\x80\0") "anything"));
	EXPECT_EQ(TRAIT(ENCRYPTED),
		  TRAITS(RAR4 MAIN4("\0\0") FILE4("\0\x80") FILE4("\4\x80") END4));
	EXPECT_EQ(0, TRAITS(RAR4));
	EXPECT_EQ(0, TRAITS(RAR4 "\0\0\x73\0\0\0\0\0\0\0\0\0\0\0"));
}

TEST(rar5)
{
#define RAR5 "Rar!\x1a\x07\x01\x00"
#define MAIN5(flags) "\0\0\0\0\x03\x01\0" flags
#define END5 "\0\0\0\0\x03\x05\0\0"
	/* size, type, flags, (extra size,) data size, rest, (extra,) data */
	EXPECT_EQ(0, TRAITS(RAR5 MAIN5("\0") "\0\0\0\0\x05\x02\x02\x02zzxx" END5));
	EXPECT_EQ(TRAIT(MULTI_PART), TRAITS(RAR5 MAIN5("\1") END5));
	EXPECT_EQ(TRAIT(MULTI_PART),
		  TRAITS(RAR5 MAIN5("\0") "\0\0\0\0\x05\x02\x12\x02zzxx" END5));
	EXPECT_EQ(TRAIT(ENCRYPTED), TRAITS(RAR5 "\0\0\0\0\x05\x04\0\0\0\x0f"
						"anything"));
	EXPECT_EQ(TRAIT(ENCRYPTED),
		  TRAITS(RAR5 MAIN5("\0") "\0\0\0\0\x09\x02\x03\x03\x02zz\x02\x01\x00xx" END5));
	EXPECT_EQ(0,
		  TRAITS(RAR5 MAIN5("\0") "\0\0\0\0\x09\x02\x03\x03\x02zz\x02\x02\x00xx" END5));
	EXPECT_EQ(0, TRAITS(RAR5 "\0\0\0\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"));
}

/* Packed headers are in tests/real/archives.t, made by 7-Zip itself. */
TEST(sevenzip)
{
#define SEVEN(header) \
	"7z\xbc\xaf\x27\x1c\0\4\0\0\0\0\2\0\0\0\0\0\0\0" header "\0\0\0\0\0\0\0\0\0\0\0xx"
	/* streams: packed at 0, one of 2 bytes; one folder of one coder; unpacked size */
#define STREAMS(coder) "\x01\x04\x06\0\x01\x09\x02\0\x07\x0b\x01\0\x01" coder "\x0c\x02\0\0\0"
	EXPECT_EQ(0, TRAITS(SEVEN("\x14") STREAMS("\x01\x21")));
	EXPECT_EQ(TRAIT(ENCRYPTED), TRAITS(SEVEN("\x17") STREAMS("\x04\x06\xf1\x07\x01")));
	EXPECT_EQ(TRAIT(MULTI_PART), TRAITS(SEVEN("\x7f") STREAMS("\x01\x21")));
	EXPECT_EQ(0, TRAITS("7z\xbc\xaf\x27\x1c\0\4"));
}

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

/* Members that overlap: many names of one content are one, many local headers in it a bomb. */
TEST_F(archive, overlapping_members)
{
	struct maker m;
	uint8_t *zeros = calloc(1, 1 << 20);

	make_begin(&m);
	make_member(&m, &(struct made){"a", .data = zeros, .len = 1 << 20,
				       .method = UNPACK_DEFLATE});
	for (int i = 0; i < 40; i++)
		make_central(&m,
			     &(struct made){"b", .data = zeros, .len = 1 << 20,
					    .method = UNPACK_DEFLATE},
			     0, m.out.len - 31, (uint32_t)crc32(0, zeros, 1 << 20));
	make_end(&m, m.out.len, 0);
	self->b = m.out;
	take_apart(&self->seen, &self->b, &small, 1 << 20);
	EXPECT_EQ(1, self->seen.count);
	EXPECT_EQ(0, self->seen.traits);
	forget(&self->seen);
	buf_free(&self->b);

	/* Each says another size, so that each is something else. */
	make_begin(&m);
	make_member(&m, &(struct made){"a", .data = zeros, .len = 1 << 20,
				       .method = UNPACK_DEFLATE});
	for (int i = 0; i < 40; i++)
		make_central(&m,
			     &(struct made){"b", .data = zeros, .len = 1 << 20,
					    .method = UNPACK_DEFLATE},
			     0, m.out.len + (size_t)i, 1);
	make_end(&m, m.out.len, 0);
	self->b = m.out;
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
	make_end(&m, m.out.len, 0);
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
	make_end(&m, m.out.len, 0);
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
	make_end(&m, m.out.len, 0);
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

/* ------------------------------------------------------------------- deflate64 */

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

/* -------------------------------------------------------- through the file layer */

#define FOUND_MAX 64

static struct {
	struct sighting list[FOUND_MAX];
	size_t count;
} found;

static void sink(void *arg, const struct sighting *s)
{
	if (found.count < FOUND_MAX)
		sighting_copy(&found.list[found.count++], s);
}

FIXTURE(members)
{
	char dir[SCRATCH_MAX];
	struct spool *spool;
	struct counters counters;
	struct file_set *set;
};

FIXTURE_SETUP(members)
{
	struct file_limits limits = FILE_LIMITS_DEFAULT;
	struct spool_options options = {.dir = self->dir};

	log_init("test_archive", LOG_LEVEL_ERROR);
	ASSERT_TRUE(scratch_make(self->dir));
	self->spool = spool_open(&options);
	ASSERT_NE(NULL, self->spool);
	self->set = file_set_new(self->spool, &limits, &self->counters, sink, NULL);
	ASSERT_NE(NULL, self->set);
	memset(&found, 0, sizeof(found));
}

FIXTURE_TEARDOWN(members)
{
	for (size_t i = 0; i < found.count; i++)
		sighting_free(&found.list[i]);
	file_set_free(self->set);
	spool_close(self->spool);
	scratch_remove(self->dir);
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
		struct buf outer = MAKE(
			{"in/n.zip", .data = b.data, .len = b.len, .method = UNPACK_DEFLATE});

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
