// SPDX-License-Identifier: MIT
#include "store.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_BUCKETS 65536
#define STORE_READ_MAX ((size_t)1 << 31)

static struct {
	struct store_sample *bucket[STORE_BUCKETS];
	struct store_sample *oldest, *youngest;
	size_t nr;
	struct store_pending pending;
	bool forgetful;
	int dir; /* of the samples */
} store = {.dir = -1};

static const struct {
	int verdict;
	const char *word;
} store_words[] = {
#define X(number, word) {number, word},
	STORE_VERDICTS(X)
#undef X
};

#define STORE_WORDS (sizeof(store_words) / sizeof(store_words[0]))

/* First bytes of what WildFire profiles name; anything else is taken too, without a type. */
static const struct {
	size_t n;
	const char *magic;
	const char *type;
} store_types[] = {
	{2, "MZ", "PE32 executable"},
	{4,
	 "\x7f"
	 "ELF",
	 "ELF executable"},
	{5, "%PDF-", "Adobe PDF document"},
	{4, "PK\3\4", "ZIP archive"},
	{4, "Rar!", "RAR archive"},
	{6, "7z\xbc\xaf\x27\x1c", "7zip archive"},
	{8, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Microsoft Office document"},
	{4, "\xcf\xfa\xed\xfe", "Mach-O executable"},
	{4, "\xca\xfe\xba\xbe", "Java class"},
	{2, "#!", "Script"},
};

static const char *store_type(struct slice file)
{
	for (size_t i = 0; i < sizeof(store_types) / sizeof(store_types[0]); i++) {
		if (file.n >= store_types[i].n &&
		    !memcmp(file.p, store_types[i].magic, store_types[i].n))
			return store_types[i].type;
	}
	return "Unknown";
}

bool store_open(const char *dir)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/samples", dir) < (int)sizeof(path) &&
	    (!mkdir(path, 0755) || errno == EEXIST))
		store.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store.dir < 0)
		fprintf(stderr, "testcloud: cannot make %s/samples: %s\n", dir,
			strerror(errno));
	return store.dir >= 0;
}

void store_clear(void)
{
	while (store.oldest) {
		struct store_sample *sample = store.oldest;

		store.oldest = sample->younger;
		free(sample->name);
		free(sample->url);
		free(sample);
	}
	memset(store.bucket, 0, sizeof(store.bucket));
	store.youngest = NULL;
	store.nr = 0;
}

void store_close(void)
{
	store_clear();
	if (store.dir >= 0)
		close(store.dir);
	store.dir = -1;
}

void store_set_pending(struct store_pending pending)
{
	store.pending = pending;
}

void store_set_forgetful(bool forgetful)
{
	store.forgetful = forgetful;
}

bool store_parse_pending(const char *text, struct store_pending *out)
{
	char *end;
	double number = strtod(text, &end);

	if (end == text || !(number >= 0 && number <= 1e9))
		return false;
	*out = (struct store_pending){.seconds = 0};
	if (!strcmp(end, "r"))
		out->polls = (unsigned int)number;
	else if (!*end || !strcmp(end, "s"))
		out->seconds = number;
	else
		return false;
	return true;
}

bool store_parse_verdict(const char *text, int *out)
{
	char *end;
	long number = strtol(text, &end, 10);
	bool is_number = end != text && !*end;

	for (size_t i = 0; i < STORE_WORDS; i++) {
		if (is_number ? number == store_words[i].verdict
			      : !strcmp(text, store_words[i].word)) {
			*out = store_words[i].verdict;
			return true;
		}
	}
	return false;
}

const char *store_verdict_word(int verdict)
{
	for (size_t i = 0; i < STORE_WORDS; i++) {
		if (store_words[i].verdict == verdict)
			return store_words[i].word;
	}
	return "error";
}

bool store_parse_hash(struct slice text, char out[BYTES_SHA256_HEX])
{
	if (!text.p || (text.n != BYTES_SHA256_HEX - 1 && text.n != BYTES_MD5_HEX - 1))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (!isxdigit((unsigned char)text.p[i]))
			return false;
		out[i] = (char)tolower((unsigned char)text.p[i]);
	}
	out[text.n] = '\0';
	return true;
}

/* A SHA-256 is evenly spread already: its first four digits are the bucket. */
static struct store_sample **store_bucket(const char *sha256)
{
	char digits[5] = "";

	memcpy(digits, sha256, 4);
	return &store.bucket[strtoul(digits, NULL, 16) % STORE_BUCKETS];
}

static struct store_sample *store_get(const char *sha256, bool make)
{
	struct store_sample **bucket = store_bucket(sha256);
	struct store_sample *sample;

	for (sample = *bucket; sample; sample = sample->next) {
		if (!strcmp(sample->sha256, sha256))
			return sample;
	}
	if (!make || store.nr == STORE_SAMPLES_MAX)
		return NULL;
	sample = bytes_alloc(sizeof(*sample));
	memcpy(sample->sha256, sha256, BYTES_SHA256_HEX);
	sample->filetype = "Unknown";
	sample->next = *bucket;
	*bucket = sample;
	if (store.youngest)
		store.youngest->younger = sample;
	else
		store.oldest = sample;
	store.youngest = sample;
	store.nr++;
	return sample;
}

/* Write the sample once; a later submission has the same bytes. */
static bool store_keep(const char *sha256, struct slice file)
{
	char part[BYTES_SHA256_HEX + 8];
	size_t done = 0;
	struct stat st;
	int fd;

	if (!fstatat(store.dir, sha256, &st, 0))
		return true;
	snprintf(part, sizeof(part), "%s.part", sha256);
	fd = openat(store.dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	while (fd >= 0 && done < file.n) {
		ssize_t n = write(fd, file.p + done, file.n - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (fd >= 0 && !close(fd) && done == file.n &&
	    !renameat(store.dir, part, store.dir, sha256))
		return true;
	fprintf(stderr, "testcloud: cannot keep sample %s: %s\n", sha256, strerror(errno));
	return false;
}

static void store_received(struct store_sample *sample)
{
	sample->received++;
	sample->polls = 0;
	clock_gettime(CLOCK_MONOTONIC, &sample->when);
	if (sample->verdict < 0) {
		sample->verdict = STORE_BENIGN;
		sample->verdict_set = false;
	}
}

struct store_sample *store_submit(struct slice file, struct slice name)
{
	char sha256[BYTES_SHA256_HEX];
	struct store_sample *sample;

	bytes_sha256(file, sha256);
	if (!store_keep(sha256, file))
		return NULL;
	sample = store_get(sha256, true);
	if (!sample)
		return NULL;
	bytes_md5(file, sample->md5);
	sample->size = file.n;
	sample->filetype = store_type(file);
	free(sample->name);
	sample->name = name.p ? bytes_dup(name.p, name.n) : NULL;
	store_received(sample);
	return sample;
}

struct store_sample *store_submit_link(struct slice url)
{
	char sha256[BYTES_SHA256_HEX];
	struct store_sample *sample;

	bytes_sha256(url, sha256);
	sample = store_get(sha256, true);
	if (!sample)
		return NULL;
	bytes_md5(url, sample->md5);
	free(sample->url);
	sample->url = bytes_dup(url.p, url.n);
	store_received(sample);
	return sample;
}

struct store_sample *store_find(const char *hash, struct store_sample *after)
{
	if (strlen(hash) == BYTES_SHA256_HEX - 1)
		return after ? NULL : store_get(hash, false);
	for (after = store_next(after); after; after = store_next(after)) {
		if (!strcmp(after->md5, hash))
			return after;
	}
	return NULL;
}

struct store_sample *store_next(struct store_sample *after)
{
	return after ? after->younger : store.oldest;
}

int store_verdict(struct store_sample *sample, bool asked)
{
	struct timespec now;
	double age;

	if (!sample || (!sample->received && !sample->verdict_set) ||
	    (asked && store.forgetful))
		return STORE_UNKNOWN;
	if (sample->verdict < 0 || !sample->received)
		return sample->verdict;
	clock_gettime(CLOCK_MONOTONIC, &now);
	age = (double)(now.tv_sec - sample->when.tv_sec) +
	      (double)(now.tv_nsec - sample->when.tv_nsec) / 1e9;
	if (age < store.pending.seconds || sample->polls < store.pending.polls) {
		if (asked)
			sample->polls++;
		return STORE_PENDING;
	}
	return sample->verdict;
}

bool store_set_verdict(const char *sha256, int verdict, bool announce)
{
	struct store_sample *sample = store_get(sha256, true);

	if (!sample)
		return false;
	sample->verdict = verdict;
	sample->verdict_set = announce;
	if (announce)
		sample->changed = time(NULL);
	return true;
}

bool store_read(const struct store_sample *sample, struct bytes *out)
{
	char block[65536];
	ssize_t n = -1;
	int fd;

	bytes_init(out, STORE_READ_MAX);
	fd = sample->url ? -1 : openat(store.dir, sample->sha256, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while ((n = read(fd, block, sizeof(block))) > 0)
		bytes_add(out, block, (size_t)n);
	close(fd);
	return !n && !out->over;
}

json_t *store_state(void)
{
	json_t *list = json_array();

	for (struct store_sample *s = store.oldest; s; s = s->younger) {
		json_t *entry = json_pack("{s:s,s:s,s:I,s:I,s:i,s:s}", "sha256", s->sha256,
					  "md5", s->md5, "size", (json_int_t)s->size,
					  "received", (json_int_t)s->received, "verdict",
					  store_verdict(s, false), "filetype", s->filetype);

		if (s->name)
			json_object_set_new(entry, "name", bytes_json(slice_of(s->name)));
		if (s->url)
			json_object_set_new(entry, "url", bytes_json(slice_of(s->url)));
		json_array_append_new(list, entry);
	}
	return list;
}
