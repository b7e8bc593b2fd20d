// SPDX-License-Identifier: MIT
/* The ledger: nothing can be done to it unseen, and no crash makes it look as if. */
#include "lib/log.h"
#include "supervisor/ledger.h"

#include "kselftest_harness.h"
#include "scratch.h"

#include <openssl/pem.h>
#include <signal.h>
#include <sys/resource.h>

#define LINES 60
#define LINES_MAX 512

struct bytes {
	char *p;
	size_t n;
};

static struct bytes load(const char *dir, const char *name)
{
	struct bytes b = {0};
	FILE *f = fopen(scratch_path(dir, name), "r");

	b.p = calloc(1, 1 << 20);
	if (f) {
		b.n = fread(b.p, 1, 1 << 20, f);
		fclose(f);
	}
	return b;
}

static void save(const char *dir, const char *name, const char *p, size_t n)
{
	FILE *f = fopen(scratch_path(dir, name), "w");

	if (!f || fwrite(p, 1, n, f) != n || fclose(f))
		abort();
	chmod(scratch_path(dir, name), 0600);
}

static uint64_t first_line;
static char first_text[512];

static void note(void *arg, uint64_t line, const char *text)
{
	if (!first_text[0]) {
		first_line = line;
		snprintf(first_text, sizeof(first_text), "%s", text);
	}
}

/* As sluicectl does; true: whole. */
static bool whole(EVP_PKEY *key, const char *p, size_t n, const char *head_text, size_t head_n)
{
	struct ledger_head head;
	struct ledger_check c;
	const char *newline;

	first_text[0] = '\0';
	if (ledger_head_parse(head_text, head_n, key, &head))
		return false;
	ledger_check_begin(&c, key, &head, note, NULL);
	while ((newline = memchr(p, '\n', n))) {
		ledger_check_line(&c, p, (size_t)(newline - p));
		n -= (size_t)(newline + 1 - p);
		p = newline + 1;
	}
	return ledger_check_end(&c, p, n);
}

FIXTURE(ledger)
{
	char dir[SCRATCH_MAX];
	struct ledger l;
	struct bytes file, head;
	char *line[LINES_MAX];
	size_t size[LINES_MAX]; /* newline included */
	size_t lines;
};

FIXTURE_SETUP(ledger)
{
	log_init("test", LOG_LEVEL_ERROR);
	ASSERT_TRUE(scratch_make(self->dir));
	ASSERT_TRUE(ledger_open(&self->l, self->dir));
}

FIXTURE_TEARDOWN(ledger)
{
	ledger_close(&self->l, 0);
	scratch_remove(self->dir);
	free(self->file.p);
	free(self->head.p);
}

static bool add(struct ledger *l, size_t count, uint64_t *numbers)
{
	json_t *members[16] = {0};
	uint64_t unused[16];
	bool ok;

	for (size_t i = 0; i < count; i++)
		members[i] = json_pack("{s:s, s:s, s:I}", "type", "request", "cloud", "c\"\n",
				       "size", (json_int_t)(i * i * i));
	ok = ledger_append(l, members, count, 1764000000123, numbers ? numbers : unused);
	for (size_t i = 0; i < count; i++)
		json_decref(members[i]);
	return ok;
}

static void take(FIXTURE_DATA(ledger) * self)
{
	char *p, *end;

	free(self->file.p);
	free(self->head.p);
	self->file = load(self->dir, LEDGER_NAME);
	self->head = load(self->dir, LEDGER_HEAD_NAME);
	self->lines = 0;
	end = self->file.p + self->file.n;
	for (p = self->file.p; p < end; p += self->size[self->lines++]) {
		if (self->lines == LINES_MAX)
			abort();
		self->line[self->lines] = p;
		self->size[self->lines] =
			(size_t)((char *)memchr(p, '\n', (size_t)(end - p)) + 1 - p);
	}
}

/* About LINES lines: several batches and two lives, so signatures and start lines among them.
 */
static void fill(struct __test_metadata *_metadata, FIXTURE_DATA(ledger) * self)
{
	for (size_t i = 0; i < 27; i += 3)
		ASSERT_TRUE(add(&self->l, 3, NULL));
	ledger_close(&self->l, 1764000001000);
	ASSERT_TRUE(ledger_open(&self->l, self->dir));
	for (size_t i = 0; i < 28; i += 4)
		ASSERT_TRUE(add(&self->l, 4, NULL));
	ledger_tick(&self->l, 1, 5);
	ledger_tick(&self->l, 1 + LEDGER_SIGN_MS, 1764000002000);
	ASSERT_TRUE(add(&self->l, 1, NULL));
	take(self);
	ASSERT_LE(LINES, self->lines);
	ASSERT_TRUE(whole(self->l.key, self->file.p, self->file.n, self->head.p, self->head.n))
	{
		TH_LOG("line %llu: %s", (unsigned long long)first_line, first_text);
	}
}

#define WHOLE(b) whole(self->l.key, (b).p, (b).n, self->head.p, self->head.n)

static struct bytes without(FIXTURE_DATA(ledger) * self, size_t skip)
{
	struct bytes b = {.p = malloc(self->file.n * 2)};

	for (size_t i = 0; i < self->lines; i++) {
		if (i == skip)
			continue;
		memcpy(b.p + b.n, self->line[i], self->size[i]);
		b.n += self->size[i];
	}
	return b;
}

static void insert(struct bytes *b, size_t at, const char *p, size_t n)
{
	memmove(b->p + at + n, b->p + at, b->n - at);
	memcpy(b->p + at, p, n);
	b->n += n;
}

/* Where line i begins when the lines of order precede it. */
static size_t start_of(FIXTURE_DATA(ledger) * self, size_t i, size_t skip)
{
	size_t at = 0;

	for (size_t k = 0; k < i; k++)
		at += k == skip ? 0 : self->size[k];
	return at;
}

TEST_F(ledger, removing_a_line_is_found)
{
	fill(_metadata, self);
	/* But for the last one, which the head still has. */
	for (size_t i = 0; i + 1 < self->lines; i++) {
		struct bytes b = without(self, i);

		EXPECT_FALSE(WHOLE(b))
		{
			TH_LOG("line %zu", i + 1);
		}
		EXPECT_EQ(i + 1, first_line);
		free(b.p);
	}
}

TEST_F(ledger, moving_and_repeating_a_line_is_found)
{
	fill(_metadata, self);
	for (size_t i = 0; i < self->lines; i++) {
		for (size_t k = 0; k <= self->lines; k++) {
			struct bytes moved = without(self, i), twice = without(self, SIZE_MAX);

			insert(&moved, start_of(self, k, i), self->line[i], self->size[i]);
			if (k != i && k != i + 1)
				EXPECT_FALSE(WHOLE(moved))
				{
					TH_LOG("%zu to %zu", i, k);
				}
			insert(&twice, start_of(self, k, SIZE_MAX), self->line[i],
			       self->size[i]);
			EXPECT_FALSE(WHOLE(twice))
			{
				TH_LOG("%zu again at %zu", i, k);
			}
			free(moved.p);
			free(twice.p);
		}
	}
}

TEST_F(ledger, a_strange_line_is_found)
{
	char text[512];

	fill(_metadata, self);
	for (size_t k = 0; k <= self->lines; k++) {
		struct ledger_chain before = {.n = k};
		struct bytes b = without(self, SIZE_MAX), empty = without(self, SIZE_MAX);
		int n;

		ledger_chain_init(&before);
		if (k)
			ledger_hash(self->line[k - 1], self->size[k - 1] - 1, before.hash);
		/* As good as it can be made without the key. */
		n = snprintf(
			text, sizeof(text),
			"{\"n\":%zu,\"time\":\"2026-11-24T17:30:00.123Z\",\"type\":\"request\","
			"\"prev\":\"%s\"}\n",
			k + 1, before.hash);
		insert(&b, start_of(self, k, SIZE_MAX), text, (size_t)n);
		EXPECT_FALSE(WHOLE(b))
		{
			TH_LOG("before %zu", k);
		}
		insert(&empty, start_of(self, k, SIZE_MAX), "\n", 1);
		EXPECT_FALSE(WHOLE(empty))
		{
			TH_LOG("empty before %zu", k);
		}
		free(b.p);
		free(empty.p);
	}
}

TEST_F(ledger, changing_any_byte_is_found)
{
	fill(_metadata, self);
	/* Of every line some, of every twentieth and the last ones all. */
	for (size_t i = 0; i < self->lines; i++) {
		for (size_t k = 0; k < self->size[i];
		     k += i % 20 == 0 || i + 2 > self->lines ? 1 : 31) {
			for (int bit = 0; bit < 8; bit += i % 20 ? 3 : 1) {
				self->line[i][k] ^= 1 << bit;
				EXPECT_FALSE(WHOLE(self->file))
				{
					TH_LOG("line %zu byte %zu bit %d", i + 1, k, bit);
				}
				/* Named, or the one it was joined to or separated from. */
				EXPECT_LE(first_line, i + 2);
				self->line[i][k] ^= 1 << bit;
			}
		}
	}
	EXPECT_TRUE(WHOLE(self->file));
}

TEST_F(ledger, removing_the_end_is_found_wherever_it_is_cut)
{
	size_t last;

	fill(_metadata, self);
	last = self->size[self->lines - 1];
	for (size_t n = 0; n < self->file.n; n++) {
		struct bytes b = {self->file.p, n};

		/* The last batch, one line, is in the head: what is missing of it is not lost.
		 */
		EXPECT_EQ(n >= self->file.n - last, WHOLE(b))
		{
			TH_LOG("%zu bytes", n);
		}
	}
}

/* Lines from i on, each with the right hash of the one before, as who has no key would do it.
 */
static struct bytes forge(FIXTURE_DATA(ledger) * self, size_t i)
{
	struct bytes b = without(self, SIZE_MAX);
	char hash[LEDGER_HASH_TEXT], *line = b.p + start_of(self, i, SIZE_MAX);

	memcpy(strstr(line, "\"time\":\"") + 8, "1999", 4);
	for (; i + 1 < self->lines; i++) {
		ledger_hash(line, self->size[i] - 1, hash);
		line += self->size[i];
		memcpy(strstr(line, "\"prev\":\"") + 8, hash, LEDGER_HASH_TEXT - 1);
	}
	return b;
}

TEST_F(ledger, a_new_chain_without_the_key_is_found)
{
	fill(_metadata, self);
	for (size_t i = 0; i < self->lines; i++) {
		struct bytes b = forge(self, i);

		EXPECT_FALSE(WHOLE(b))
		{
			TH_LOG("from line %zu", i + 1);
		}
		free(b.p);
	}
}

TEST_F(ledger, a_changed_head_is_found)
{
	struct ledger_head h;

	fill(_metadata, self);
	for (size_t i = 0; i < self->head.n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			self->head.p[i] ^= 1 << bit;
			EXPECT_NE(NULL, ledger_head_parse(self->head.p, self->head.n,
							  self->l.key, &h))
			{
				TH_LOG("byte %zu bit %d", i, bit);
			}
			self->head.p[i] ^= 1 << bit;
		}
	}
	for (size_t n = 0; n < self->head.n; n++)
		EXPECT_NE(NULL, ledger_head_parse(self->head.p, n, self->l.key, &h));
	EXPECT_EQ(NULL, ledger_head_parse(self->head.p, self->head.n, self->l.key, &h));
}

TEST_F(ledger, another_key_is_found)
{
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct ledger_check c;
	struct ledger_head h;

	fill(_metadata, self);
	EXPECT_NE(NULL, ledger_head_parse(self->head.p, self->head.n, other, &h));
	ledger_check_begin(&c, other, NULL, note, NULL);
	for (size_t i = 0; i < self->lines; i++)
		ledger_check_line(&c, self->line[i], self->size[i] - 1);
	EXPECT_FALSE(ledger_check_end(&c, NULL, 0));
	EXPECT_EQ(0, c.signatures);
	EXPECT_EQ(2, c.problems);
	EVP_PKEY_free(other);
}

/* ------------------------------------------------------------------ crashes */

/* Opens what is there; true: afterwards the files are whole and the ledger is `expected`. */
static bool restarts_as(FIXTURE_DATA(ledger) * self, struct bytes expected)
{
	struct ledger l;
	bool ok = ledger_open(&l, self->dir);
	struct bytes file = load(self->dir, LEDGER_NAME),
		     head = load(self->dir, LEDGER_HEAD_NAME);

	ok = ok && whole(l.key, file.p, file.n, head.p, head.n) && file.n == expected.n &&
	     memcmp(file.p, expected.p, file.n) == 0;
	free(file.p);
	free(head.p);
	/* And goes on. */
	ok = ok && add(&l, 2, NULL);
	file = load(self->dir, LEDGER_NAME);
	head = load(self->dir, LEDGER_HEAD_NAME);
	ok = ok && whole(l.key, file.p, file.n, head.p, head.n) && file.n > expected.n;
	free(file.p);
	free(head.p);
	ledger_close(&l, 9);
	return ok;
}

TEST_F_TIMEOUT(ledger, a_crash_at_any_step_of_a_batch_is_repaired, 120)
{
	struct bytes file, head;

	fill(_metadata, self);
	file = self->file;
	head = self->head;
	self->file = self->head = (struct bytes){0};
	ASSERT_TRUE(add(&self->l, 3, NULL));
	take(self);

	/* The new head was being written aside. */
	for (size_t n = 0; n <= self->head.n; n += 7) {
		save(self->dir, LEDGER_NAME, file.p, file.n);
		save(self->dir, LEDGER_HEAD_NAME, head.p, head.n);
		save(self->dir, LEDGER_HEAD_NAME ".new", self->head.p, n);
		EXPECT_TRUE(restarts_as(self, file))
		{
			TH_LOG("head of %zu bytes", n);
		}
	}
	/* It is in place, and so much of the lines is, too. */
	for (size_t n = file.n; n <= self->file.n; n += self->file.n - n < 9 ? 1 : 3) {
		save(self->dir, LEDGER_NAME, self->file.p, n);
		save(self->dir, LEDGER_HEAD_NAME, self->head.p, self->head.n);
		EXPECT_TRUE(restarts_as(self, self->file))
		{
			TH_LOG("%zu bytes", n);
		}
	}
	/* Space was allocated, and the power failed. */
	for (size_t n = file.n; n <= self->file.n; n += 11) {
		char *torn = malloc(self->file.n);

		memcpy(torn, self->file.p, self->file.n);
		memset(torn + n, 0, self->file.n - n);
		save(self->dir, LEDGER_NAME, torn, self->file.n);
		save(self->dir, LEDGER_HEAD_NAME, self->head.p, self->head.n);
		EXPECT_TRUE(restarts_as(self, self->file))
		{
			TH_LOG("%zu bytes and zeros", n);
		}
		free(torn);
	}
	free(file.p);
	free(head.p);
}

TEST_F(ledger, a_crash_while_it_is_first_made_is_repaired)
{
	struct bytes none = {"", 0};
	static const char *const names[] = {LEDGER_NAME, LEDGER_HEAD_NAME, LEDGER_PUB_NAME,
					    LEDGER_KEY_NAME};

	take(self);
	/* In the order in which they are made: the later ones are missing. */
	for (size_t there = 0; there <= 3; there++) {
		static const char *const made[] = {LEDGER_NAME, LEDGER_KEY_NAME,
						   LEDGER_PUB_NAME, LEDGER_HEAD_NAME};

		for (size_t i = 0; i < 4; i++)
			remove(scratch_path(self->dir, names[i]));
		ASSERT_TRUE(restarts_as(self, none));
		save(self->dir, LEDGER_NAME, "", 0);
		remove(scratch_path(self->dir, LEDGER_HEAD_NAME));
		for (size_t i = there; i < 4; i++)
			remove(scratch_path(self->dir, made[i]));
		EXPECT_TRUE(restarts_as(self, none))
		{
			TH_LOG("%zu were made", there);
		}
	}
}

TEST_F(ledger, a_full_disk_refuses_and_is_survived)
{
	struct rlimit old, limit;
	size_t refused = 0;

	signal(SIGXFSZ, SIG_IGN);
	fill(_metadata, self);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	/* Files stop growing at each size from nothing to more than the batch needs. */
	for (size_t room = 0; room < 1200; room += 9) {
		size_t before = self->file.n;
		bool added;

		limit.rlim_cur = room < 700 ? room : before + room - 700;
		setrlimit(RLIMIT_FSIZE, &limit);
		added = add(&self->l, 2, NULL);
		limit.rlim_cur = old.rlim_cur;
		setrlimit(RLIMIT_FSIZE, &limit);
		refused += !added;
		take(self);
		EXPECT_EQ(added, self->file.n > before);
		EXPECT_TRUE(WHOLE(self->file))
		{
			TH_LOG("room %zu: line %llu: %s", room, (unsigned long long)first_line,
			       first_text);
		}
		if (!added) {
			ASSERT_TRUE(add(&self->l, 1, NULL));
			take(self);
			ASSERT_TRUE(WHOLE(self->file));
		}
	}
	EXPECT_LT(20, refused);
}

/* -------------------------------------------------------------- refusals */

static bool opens(FIXTURE_DATA(ledger) * self)
{
	struct ledger l;
	bool ok = ledger_open(&l, self->dir);

	if (!ok && add(&l, 1, NULL))
		abort();
	ledger_close(&l, 0);
	return ok;
}

TEST_F(ledger, what_is_not_the_ledger_that_was_left_is_refused)
{
	static const char *const names[] = {LEDGER_NAME, LEDGER_HEAD_NAME, LEDGER_KEY_NAME};
	struct bytes good[3], pub;
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *pem = BIO_new(BIO_s_mem());
	size_t last;
	char *p;
	long n;

	fill(_metadata, self);
	ledger_close(&self->l, 1764000003000);
	take(self);
	last = self->size[self->lines - 1];
	for (size_t i = 0; i < 3; i++)
		good[i] = load(self->dir, names[i]);
	pub = load(self->dir, LEDGER_PUB_NAME);
	EXPECT_TRUE(opens(self));
	for (size_t i = 0; i < 3; i++) {
		remove(scratch_path(self->dir, names[i]));
		EXPECT_FALSE(opens(self))
		{
			TH_LOG("%s missing", names[i]);
		}
		if (i == 2)
			EXPECT_NE(0, access(scratch_path(self->dir, names[i]), F_OK));
		save(self->dir, names[i], good[i].p, good[i].n);
		ASSERT_TRUE(opens(self))
		{
			TH_LOG("%s back", names[i]);
		}
	}
	/* Shorter by one line or a byte more, longer, altered in the last line the head counts.
	 */
	save(self->dir, LEDGER_NAME, good[0].p, good[0].n - last);
	EXPECT_FALSE(opens(self));
	save(self->dir, LEDGER_NAME, good[0].p, good[0].n - last - 1);
	EXPECT_FALSE(opens(self));
	good[0].p[good[0].n] = '\n';
	save(self->dir, LEDGER_NAME, good[0].p, good[0].n + 1);
	EXPECT_FALSE(opens(self));
	good[0].p[good[0].n - 50] ^= 1;
	save(self->dir, LEDGER_NAME, good[0].p, good[0].n);
	EXPECT_FALSE(opens(self));
	good[0].p[good[0].n - 50] ^= 1;
	save(self->dir, LEDGER_NAME, good[0].p, good[0].n);
	ASSERT_TRUE(opens(self));

	/* Another's key, with and without its public half. */
	ASSERT_EQ(1, PEM_write_bio_PrivateKey(pem, other, NULL, NULL, 0, NULL, NULL));
	n = BIO_get_mem_data(pem, &p);
	save(self->dir, LEDGER_KEY_NAME, p, (size_t)n);
	EXPECT_FALSE(opens(self));
	remove(scratch_path(self->dir, LEDGER_PUB_NAME));
	EXPECT_FALSE(opens(self));
	save(self->dir, LEDGER_PUB_NAME, pub.p, pub.n);
	/* One that others may read, and no key at all. */
	save(self->dir, LEDGER_KEY_NAME, good[2].p, good[2].n);
	ASSERT_TRUE(opens(self));
	chmod(scratch_path(self->dir, LEDGER_KEY_NAME), 0640);
	EXPECT_FALSE(opens(self));
	save(self->dir, LEDGER_KEY_NAME, "no key\n", 7);
	EXPECT_FALSE(opens(self));
	BIO_free(pem);
	EVP_PKEY_free(other);
	for (size_t i = 0; i < 3; i++)
		free(good[i].p);
	free(pub.p);
}

/* ---------------------------------------------------------------- the head at rest */

/* While the program runs: a second later what is missing at the end was removed. */
TEST_F(ledger, a_second_later_the_head_no_longer_gives_lines_back)
{
	struct bytes head, lines;
	struct ledger copy;

	ASSERT_TRUE(add(&self->l, 3, NULL));
	lines = load(self->dir, LEDGER_NAME);
	ledger_tick(&self->l, 5000, 0);
	ledger_tick(&self->l, 5000 + LEDGER_REST_MS - 1, 0);
	head = load(self->dir, LEDGER_HEAD_NAME);
	EXPECT_NE(NULL, memmem(head.p, head.n, "\"prev\"", 6));
	free(head.p);
	ledger_tick(&self->l, 5000 + LEDGER_REST_MS, 0);
	head = load(self->dir, LEDGER_HEAD_NAME);
	EXPECT_EQ(NULL, memmem(head.p, head.n, "\"prev\"", 6));
	/* Nothing more to do before it is signed, and lines can be added as before. */
	EXPECT_EQ(5000 + LEDGER_SIGN_MS, ledger_at(&self->l, UINT64_MAX));
	save(self->dir, LEDGER_NAME, lines.p, lines.n - 1);
	EXPECT_FALSE(ledger_open(&copy, self->dir));
	ledger_close(&copy, 0);
	save(self->dir, LEDGER_NAME, lines.p, lines.n);
	EXPECT_TRUE(ledger_open(&copy, self->dir));
	ledger_close(&copy, 0);
	free(head.p);
	free(lines.p);
}

/* Of a batch that could not be added, too: nobody was allowed what its lines say. */
TEST_F(ledger, a_refused_batch_does_not_stay_in_the_head)
{
	struct rlimit old, limit;
	struct bytes head;

	signal(SIGXFSZ, SIG_IGN);
	fill(_metadata, self);
	ledger_tick(&self->l, 1000, 0);
	ledger_tick(&self->l, 1000 + LEDGER_REST_MS, 0);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = self->file.n; /* there is room for a head */
	setrlimit(RLIMIT_FSIZE, &limit);
	EXPECT_FALSE(add(&self->l, 2, NULL));
	setrlimit(RLIMIT_FSIZE, &old);
	head = load(self->dir, LEDGER_HEAD_NAME);
	EXPECT_NE(NULL, memmem(head.p, head.n, "\"prev\"", 6));
	free(head.p);
	ledger_tick(&self->l, 3000, 0);
	ledger_tick(&self->l, 3000 + LEDGER_REST_MS, 0);
	EXPECT_TRUE(restarts_as(self, self->file));
}

/* ---------------------------------------------------------------- signing */

TEST_F(ledger, every_256th_line_is_a_signature_and_numbers_are_told)
{
	uint64_t numbers[16], last = 1;
	size_t signatures = 0;

	for (size_t i = 0; i < 70; i++) {
		ASSERT_TRUE(add(&self->l, 16, numbers));
		for (size_t k = 0; k < 16; k++) {
			/* One more where a signature, or the start line, stands between. */
			EXPECT_LE(last + 1, numbers[k]);
			EXPECT_GE(last + 2, numbers[k]);
			signatures += numbers[k] == last + 2;
			last = numbers[k];
		}
	}
	EXPECT_EQ(4, signatures);
	ledger_close(&self->l, 0);
	ASSERT_TRUE(ledger_open(&self->l, self->dir));
	EXPECT_EQ(self->l.chain.n, self->l.signed_n);
	/* With nothing new there is nothing to sign. */
	ledger_close(&self->l, 0);
	ASSERT_TRUE(ledger_open(&self->l, self->dir));
	EXPECT_EQ(last + 1, self->l.chain.n);
	EXPECT_EQ(UINT64_MAX, ledger_at(&self->l, UINT64_MAX));
	ASSERT_TRUE(add(&self->l, 1, NULL));
	ledger_tick(&self->l, 1000, 0);
	EXPECT_EQ(1000 + LEDGER_REST_MS, ledger_at(&self->l, UINT64_MAX));
	ledger_tick(&self->l, 1000 + LEDGER_REST_MS, 0);
	EXPECT_EQ(1000 + LEDGER_SIGN_MS, ledger_at(&self->l, UINT64_MAX));
	ledger_tick(&self->l, 999 + LEDGER_SIGN_MS, 0);
	EXPECT_NE(self->l.chain.n, self->l.signed_n);
	ledger_tick(&self->l, 1000 + LEDGER_SIGN_MS, 0);
	EXPECT_EQ(self->l.chain.n, self->l.signed_n);
}

TEST_F(ledger, a_line_that_cannot_be_made_leaves_nothing)
{
	char *text = malloc(LEDGER_LINE_MAX);
	uint64_t numbers[2];
	json_t *members[2];

	ASSERT_TRUE(add(&self->l, 1, NULL));
	take(self);
	memset(text, 'x', LEDGER_LINE_MAX - 1);
	text[LEDGER_LINE_MAX - 1] = '\0';
	members[0] = json_pack("{s:s}", "type", "request");
	members[1] = json_pack("{s:s, s:s}", "type", "request", "url", text);
	EXPECT_FALSE(ledger_append(&self->l, members, 2, 0, numbers));
	json_decref(members[1]);
	members[1] = NULL;
	EXPECT_FALSE(ledger_append(&self->l, members, 2, 0, numbers));
	json_decref(members[0]);
	free(text);
	ASSERT_EQ(self->file.n, load(self->dir, LEDGER_NAME).n);
	EXPECT_TRUE(add(&self->l, 1, NULL));
}

TEST_HARNESS_MAIN
