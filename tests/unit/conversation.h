/* SPDX-License-Identifier: MIT */
/*
 * A session fed by hand, and the files that came out of it.
 */
#ifndef SLUICE_TESTS_UNIT_CONVERSATION_H
#define SLUICE_TESTS_UNIT_CONVERSATION_H

#include "lib/log.h"
#include "proto/proto.h"
#include "scratch.h"

#include <arpa/inet.h>
#include <openssl/sha.h>

#define SEEN_MAX 64

struct conversation {
	char dir[SCRATCH_MAX];
	struct spool *spool;
	struct counters counters;
	struct proto_env env;
	struct session_info info;
	struct proto_session *ps;
	struct sighting seen[SEEN_MAX];
	size_t files;
	size_t shunts;
	uint64_t time;
};

static void conversation_sink(void *arg, const struct sighting *s)
{
	struct conversation *c = arg;

	if (c->files < SEEN_MAX)
		sighting_copy(&c->seen[c->files++], s);
}

static void conversation_shunt(void *arg, const struct session_info *s)
{
	((struct conversation *)arg)->shunts++;
}

static bool conversation_begin(struct conversation *c)
{
	struct file_limits limits = FILE_LIMITS_DEFAULT;
	struct spool_options o = {.dir = c->dir};

	memset(c, 0, sizeof(*c));
	if (!scratch_make(c->dir))
		return false;
	c->spool = spool_open(&o);
	c->env = (struct proto_env){
		.files = file_set_new(c->spool, &limits, &c->counters, conversation_sink, c),
		.counters = &c->counters,
		.decode = DECODE_LIMITS_DEFAULT,
		.shunt = conversation_shunt,
		.arg = c,
	};
	inet_parse("192.0.2.1", &c->info.end[DIR_OPENER]);
	inet_parse("198.51.100.2", &c->info.end[DIR_ANSWERER]);
	c->info.end[DIR_OPENER].port = 40000;
	c->info.end[DIR_ANSWERER].port = 80;
	c->time = 1;
	c->ps = proto_session_new(&c->env, &c->info);
	return c->ps;
}

static void say(struct conversation *c, enum dir dir, const void *p, size_t n)
{
	proto_session_data(c->ps, dir, p, n, c->time++);
}

static void ask(struct conversation *c, const char *text)
{
	say(c, DIR_OPENER, text, strlen(text));
}

static void answer(struct conversation *c, const char *text)
{
	say(c, DIR_ANSWERER, text, strlen(text));
}

/* A ClientHello without extensions, and an alert. */
static inline void tls_hellos(struct conversation *c)
{
	static const uint8_t client[50] = {22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3, [45] = 2,
					   0x13, 1, 1, 0};

	say(c, DIR_OPENER, client, sizeof(client));
	say(c, DIR_ANSWERER, "\x15\3\3\0\2\2\x28", 7);
}

static void fin(struct conversation *c, enum dir dir)
{
	proto_session_eof(c->ps, dir, c->time++);
}

static void conversation_close(struct conversation *c, enum file_reason reason)
{
	proto_session_free(c->ps, reason, c->time++);
	c->ps = NULL;
}

static void conversation_end(struct conversation *c)
{
	if (c->ps)
		conversation_close(c, FILE_REASON_NONE);
	for (size_t i = 0; i < c->files; i++)
		sighting_free(&c->seen[i]);
	file_set_free(c->env.files);
	spool_close(c->spool);
	scratch_remove(c->dir);
}

/* File i is whole and has just this content. */
static bool has_content(const struct conversation *c, size_t i, const void *p, size_t n)
{
	uint8_t hash[SHA256_SIZE];

	if (i >= c->files || c->seen[i].state != FILE_STATE_COMPLETE || c->seen[i].size != n)
		return false;
	SHA256(p, n, hash);
	return !memcmp(hash, c->seen[i].sha256, sizeof(hash));
}

static bool has_text(const struct conversation *c, size_t i, const char *text)
{
	return has_content(c, i, text, strlen(text));
}

static enum file_reason reason_of(const struct conversation *c, size_t i)
{
	return i < c->files ? c->seen[i].reason : FILE_REASON_COUNT;
}

/* Of what was seen, how many are of a kind, and where number n of these is. */
static size_t of_kind(const struct conversation *c, enum sighting_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < c->files; i++)
		n += c->seen[i].kind == kind;
	return n;
}

static size_t nth(const struct conversation *c, enum sighting_kind kind, size_t n)
{
	for (size_t i = 0; i < c->files; i++)
		if (c->seen[i].kind == kind && n-- == 0)
			return i;
	return SEEN_MAX;
}

static const char *text_at(const struct conversation *c, size_t i, enum sighting_text which)
{
	const char *s = i < c->files ? sighting_get(&c->seen[i], which) : NULL;

	return s ? s : "";
}

#endif
