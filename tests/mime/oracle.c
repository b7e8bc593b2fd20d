// SPDX-License-Identifier: MIT
/*
 * GMime as a second opinion on what a message holds: for every leaf its name, its
 * size and the hash of its decoded content.
 *
 *	mime_oracle [-n MESSAGES] [-s SEED] DIR
 *
 * First the messages of DIR, then random ones (generate.c), each given to Sluice in pieces of
 * another size.  What differs is left as build/mime-SEED.eml.  Left out of
 * the comparison, because GMime does something else on purpose: nested messages as files
 * of their own, leaves of no bytes, files inside texts.
 */
#include "generate.h"
#include "proto/mail.h"
#include "sample/file.h"
#include "../unit/scratch.h"

#include <gmime/gmime.h>
#include <openssl/sha.h>
#include <strings.h>

#define LEAVES_MAX 4096

struct leaf {
	char name[256];
	uint64_t size;
	uint8_t sha256[SHA256_SIZE];
	uint32_t number;
	bool bad;
};

struct leaves {
	size_t count;
	struct leaf leaf[LEAVES_MAX];
};

static struct leaves ours, theirs;
static size_t compared; /* leaves */

/* ------------------------------------------------------------------- GMime */

static void their_part(GMimeObject *parent, GMimeObject *part, gpointer unused);

static void their_object(GMimeObject *o)
{
	if (GMIME_IS_MESSAGE_PART(o)) {
		GMimeMessage *m = g_mime_message_part_get_message(GMIME_MESSAGE_PART(o));

		if (m)
			their_object(g_mime_message_get_mime_part(m));
	} else if (GMIME_IS_MULTIPART(o)) {
		for (int i = 0; i < g_mime_multipart_get_count(GMIME_MULTIPART(o)); i++)
			their_object(g_mime_multipart_get_part(GMIME_MULTIPART(o), i));
	} else if (GMIME_IS_PART(o)) {
		their_part(NULL, o, NULL);
	}
}

static void their_part(GMimeObject *parent, GMimeObject *part, gpointer unused)
{
	GMimeDataWrapper *content = g_mime_part_get_content(GMIME_PART(part));
	const char *name = g_mime_part_get_filename(GMIME_PART(part));
	GMimeStream *memory = g_mime_stream_mem_new();
	struct leaf *l = &theirs.leaf[theirs.count];
	GByteArray *bytes;

	if (content)
		g_mime_data_wrapper_write_to_stream(content, memory);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
	if (bytes->len && theirs.count < LEAVES_MAX) {
		snprintf(l->name, sizeof(l->name), "%s", name ? name : "");
		l->size = bytes->len;
		SHA256(bytes->data, bytes->len, l->sha256);
		theirs.count++;
	}
	g_object_unref(memory);
}

static bool read_theirs(const struct buf *message)
{
	GMimeStream *stream =
		g_mime_stream_mem_new_with_buffer((const char *)message->data, message->len);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *m = g_mime_parser_construct_message(parser, NULL);

	theirs.count = 0;
	if (m) {
		their_object(g_mime_message_get_mime_part(m));
		g_object_unref(m);
	}
	g_object_unref(parser);
	g_object_unref(stream);
	return m;
}

/* -------------------------------------------------------------------- Sluice */

static void on_file(void *arg, const struct sighting *s)
{
	struct leaf *l = &ours.leaf[ours.count];
	const char *name = sighting_get(s, SIGHTING_FILENAME);
	const char *type = sighting_get(s, SIGHTING_CONTENT_TYPE);

	if (s->kind != SIGHTING_KIND_FILE && s->kind != SIGHTING_KIND_MAIL_TEXT)
		return;
	if (type && !strncasecmp(type, "message/rfc822", 14))
		return;
	if (ours.count == LEAVES_MAX)
		return;
	snprintf(l->name, sizeof(l->name), "%s", name ? name : "");
	l->size = s->size;
	l->number = s->number;
	l->bad = s->state != FILE_STATE_COMPLETE;
	memcpy(l->sha256, s->sha256, sizeof(l->sha256));
	ours.count++;
}

static int by_number(const void *a, const void *b)
{
	const struct leaf *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* A hole in the message; n 0: none. */
struct hole {
	size_t at, n;
};

static void read_ours(struct proto_env *env, const struct buf *message, size_t piece,
		      struct hole hole)
{
	struct session_info info = {.id = 1};
	struct proto_session *ps = proto_session_new(env, &info);
	struct mail_options o = {.session = ps, .application = "smtp"};
	struct mail *m = mail_new(&o, 1);

	ours.count = 0;
	for (size_t at = 0, n; at < message->len; at += n) {
		uint8_t *exact;

		n = message->len - at < piece ? message->len - at : piece;
		if (hole.n && at == hole.at) {
			mail_gap(m, hole.n, 1);
			n = hole.n;
			continue;
		}
		if (hole.n && at < hole.at && hole.at - at < n)
			n = hole.at - at;
		exact = malloc(n);
		/* So that a sanitizer sees a read beyond it. */
		memcpy(exact, message->data + at, n);
		mail_data(m, exact, n, 1);
		free(exact);
	}
	mail_close(m, FILE_REASON_NONE, 1);
	proto_session_free(ps, FILE_REASON_NONE, 1);
	qsort(ours.leaf, ours.count, sizeof(ours.leaf[0]), by_number);
}

/* ---------------------------------------------------------------- comparison */

static bool same(const struct leaf *a, const struct leaf *b)
{
	return a->size == b->size && !a->bad && !strcmp(a->name, b->name) &&
	       !memcmp(a->sha256, b->sha256, sizeof(a->sha256));
}

static bool compare(const char *what)
{
	size_t n = ours.count > theirs.count ? ours.count : theirs.count;
	bool ok = ours.count == theirs.count;

	compared += theirs.count;

	for (size_t i = 0; i < n && ok; i++)
		ok = same(&ours.leaf[i], &theirs.leaf[i]);
	for (size_t i = 0; i < n && !ok; i++) {
		const struct leaf *a = &ours.leaf[i], *b = &theirs.leaf[i];
		char x[SHA256_TEXT] = "", y[SHA256_TEXT] = "";

		if (i < ours.count && i < theirs.count && same(a, b))
			continue;
		printf("# %s, leaf %zu: ours %s %llu %.16s%s, GMime %s %llu %.16s\n", what, i,
		       i < ours.count ? a->name : "-", (unsigned long long)a->size,
		       sha256_text(a->sha256, x), a->bad ? " truncated" : "",
		       i < theirs.count ? b->name : "-", (unsigned long long)b->size,
		       sha256_text(b->sha256, y));
	}
	return ok;
}

static unsigned int failures, tests;

static void result(bool ok, const char *what)
{
	failures += !ok;
	printf("%sok %u - %s\n", ok ? "" : "not ", ++tests, what);
}

static bool agree(struct proto_env *env, const struct buf *message, size_t piece,
		  const char *what)
{
	if (!read_theirs(message)) {
		printf("# %s: GMime cannot read it\n", what);
		return false;
	}
	read_ours(env, message, piece, (struct hole){0});
	return compare(what);
}

static bool read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	uint8_t room[4096];
	size_t n;

	if (!f)
		return false;
	while ((n = fread(room, 1, sizeof(room), f)))
		buf_add(out, room, n);
	fclose(f);
	return !out->failed;
}

static void compare_folder(struct proto_env *env, const char *dir)
{
	static const size_t pieces[] = {1, 7, 100000};
	struct dirent **list;
	int n = scandir(dir, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		char path[1024];
		struct buf message;
		bool ok = true;

		if (name[0] == '.')
			goto next;
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		buf_init(&message, 1u << 24);
		ok = read_file(path, &message);
		for (size_t k = 0; k < 3 && ok; k++)
			ok = agree(env, &message, pieces[k], name);
		result(ok, name);
		buf_free(&message);
	next:
		free(list[i]);
	}
	free(n < 0 ? NULL : list);
}

static void compare_random(struct proto_env *env, uint64_t seed, unsigned int count)
{
	unsigned int differ = 0;
	char name[64], path[80];
	struct buf message;
	FILE *f;

	compared = 0;
	buf_init(&message, 1u << 24);
	for (unsigned int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "mime-%llu.eml", (unsigned long long)(seed + i));
		buf_reset(&message);
		generate(seed + i, &message);
		if (agree(env, &message, i % 3 ? 1 + i % 97 : message.len + 1, name))
			continue;
		if (++differ > 3)
			continue;
		snprintf(path, sizeof(path), "build/%s", name);
		f = fopen(path, "wb");
		if (f) {
			fwrite(message.data, 1, message.len, f);
			fclose(f);
		}
	}
	buf_free(&message);
	snprintf(name, sizeof(name), "%u random messages of %zu leaves", count, compared);
	result(!differ && compared > count, name);
}

static bool among(const struct leaves *all, const struct leaf *l)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->leaf[i].size == l->size &&
		    !memcmp(all->leaf[i].sha256, l->sha256, sizeof(l->sha256)))
			return true;
	return false;
}

/* Bytes are missing: what is called whole all the same is what it is without that. */
static void lose_random(struct proto_env *env, uint64_t seed, unsigned int count)
{
	unsigned int wrong = 0;
	size_t whole = 0, hit = 0;
	char name[64];
	struct buf message;

	buf_init(&message, 1u << 24);
	for (unsigned int i = 0; i < count; i++) {
		uint64_t state = seed + i + 1;
		struct hole hole;

		buf_reset(&message);
		generate(seed + i, &message);
		read_ours(env, &message, message.len, (struct hole){0});
		theirs = ours;
		hole.at = scratch_random(&state) % message.len;
		hole.n = 1 + scratch_random(&state) % (i % 2 ? 20 : 1460);
		if (hole.n > message.len - hole.at)
			hole.n = message.len - hole.at;
		read_ours(env, &message, 1 + i % 300, hole);
		for (size_t k = 0; k < ours.count; k++) {
			hit += ours.leaf[k].bad;
			whole += !ours.leaf[k].bad;
			if (ours.leaf[k].bad || among(&theirs, &ours.leaf[k]))
				continue;
			printf("# seed %llu, leaf %zu: whole, and never was there\n",
			       (unsigned long long)(seed + i), k);
			wrong++;
		}
	}
	buf_free(&message);
	snprintf(name, sizeof(name), "%u messages with a hole: %zu leaves hit, %zu not", count,
		 hit, whole);
	result(!wrong && hit > count / 2 && whole > count, name);
}

int main(int argc, char **argv)
{
	struct file_limits limits = FILE_LIMITS_DEFAULT;
	struct counters counters = {{0}};
	char dir[SCRATCH_MAX];
	struct spool_options spool = {.dir = dir};
	struct proto_env env = {.counters = &counters, .private_talk = true, .whole_mails = true};
	unsigned int count = 2000;
	uint64_t seed = 1;
	int c;

	while ((c = getopt(argc, argv, "n:s:")) != -1) {
		if (c == 'n')
			count = (unsigned int)strtoul(optarg, NULL, 10);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	g_mime_init();
	if (optind + 1 != argc || !scratch_make(dir))
		return 2;
	struct spool *sp = spool_open(&spool);
	env.files = file_set_new(sp, &limits, &counters, on_file, NULL);
	printf("TAP version 13\n");
	compare_folder(&env, argv[optind]);
	compare_random(&env, seed, count);
	lose_random(&env, seed, count / 2);
	printf("1..%u\n", tests);
	file_set_free(env.files);
	spool_close(sp);
	scratch_remove(dir);
	g_mime_shutdown();
	return failures != 0;
}
