// SPDX-License-Identifier: MIT
#include "supervisor/policy_files.h"

#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND 1000000000ull

/* What is wrong with who may do what with the file; NULL: nothing. */
static const char *refused(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "expected a regular file";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "expected root or the agent's own user as its owner";
	if (st->st_mode & 077)
		return "expected no access for group and others (mode 0600)";
	return NULL;
}

/* Its text, appended to out; NULL, or what is wrong. */
static const char *read_all(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *wrong = NULL;
	char piece[4096];
	struct stat st;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		wrong = strerror(errno);
	else
		wrong = refused(&st);
	while (!wrong && (n = read(fd, piece, sizeof(piece))) > 0)
		if (!buf_add(out, piece, (size_t)n))
			wrong = "expected 64 KiB at most";
	if (!wrong && n < 0)
		wrong = strerror(errno);
	explicit_bzero(piece, sizeof(piece));
	if (fd >= 0)
		close(fd);
	return wrong;
}

static void wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->room);
	buf_free(b);
}

/* False after saying what is wrong; text is the file's. */
static bool read_file(const char *path, struct policy_keys *keys, struct buf *text)
{
	const char *wrong = read_all(path, text);
	unsigned int line = 0;

	if (wrong) {
		log_error("%s: %s: what needs a key of it is omitted", path, wrong);
		return false;
	}
	wrong = policy_keys_parse((const char *)text->data, text->len, keys, &line);
	if (!wrong)
		return true;
	if (line)
		log_error("%s:%u: expected %s: what needs a key of it is omitted", path, line,
			  wrong);
	else
		log_error("%s: expected %s: what needs a key of it is omitted", path, wrong);
	return false;
}

static void free_keys(struct policy_keys **keys)
{
	if (*keys)
		policy_keys_clear(*keys);
	free(*keys);
	*keys = NULL;
}

static void read_one(struct config *c, size_t i)
{
	struct policy_keys *keys = malloc(sizeof(*keys));
	struct buf text;

	free_keys(&c->policy_keys[i]);
	buf_init(&text, POLICY_KEY_TEXT_MAX);
	if (keys && read_file(c->policy_key_file[i], keys, &text)) {
		c->policy_keys[i] = keys;
		keys = NULL;
	}
	wipe(&text);
	free(keys);
}

void policy_files_read(struct config *c)
{
	for (size_t i = 0; i < CONFIG_SHARES_MAX; i++)
		if (c->policy_key_file[i])
			read_one(c, i);
		else
			free_keys(&c->policy_keys[i]);
}

/* ------------------------------------------------------------------ a new key */

static bool sync_directory(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	free(copy);
	return ok;
}

/* In place of the file, with all of its content on the disk before. */
static bool replace(const char *path, const struct buf *text)
{
	char *temporary = NULL;
	int fd = -1;
	bool ok;

	if (asprintf(&temporary, "%s.new", path) < 0)
		return false;
	unlink(temporary); /* of a rotation that a crash ended */
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	ok = fd >= 0 && write(fd, text->data, text->len) == (ssize_t)text->len &&
	     fsync(fd) == 0 && rename(temporary, path) == 0 && sync_directory(path);
	if (!ok)
		log_error("%s: no new key: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(temporary);
	return ok;
}

/* there: the file is, and the keys are its. */
static bool append_key(const char *path, bool there, const struct policy_keys *keys,
		       uint64_t now)
{
	uint8_t secret[POLICY_KEY_SECRET];
	struct buf text;
	bool ok;

	buf_init(&text, POLICY_KEY_TEXT_MAX);
	ok = RAND_bytes(secret, sizeof(secret)) == 1 && (!there || !read_all(path, &text)) &&
	     policy_key_line(keys, now, secret, &text) && replace(path, &text);
	explicit_bzero(secret, sizeof(secret));
	wipe(&text);
	return ok;
}

void policy_files_rotate(struct config *c, uint64_t now)
{
	for (size_t i = 0; i < CONFIG_SHARES_MAX; i++) {
		const struct policy_key *key =
			c->policy_keys[i] ? policy_keys_current(c->policy_keys[i]) : NULL;

		if (!key || !c->policy_key_period[i] || now < c->policy_key_retry[i] ||
		    now < key->created + c->policy_key_period[i] * SECOND)
			continue;
		if (append_key(c->policy_key_file[i], true, c->policy_keys[i], now)) {
			log_info("%s: a new key, the one before was older than key_period",
				 c->policy_key_file[i]);
			read_one(c, i);
		} else {
			c->policy_key_retry[i] = now + POLICY_KEY_RETRY;
			log_error(
				"%s: the key is older than key_period and stays in use; a new "
				"one is tried again in an hour",
				c->policy_key_file[i]);
		}
	}
}

bool policy_files_add(const char *path, uint64_t now, char id[static POLICY_KEY_ID_MAX])
{
	struct policy_keys *keys = calloc(1, sizeof(*keys));
	bool there = access(path, F_OK) == 0, ok;
	struct buf text;

	buf_init(&text, POLICY_KEY_TEXT_MAX);
	ok = keys && (!there || read_file(path, keys, &text)) &&
	     append_key(path, there, keys, now);
	buf_reset(&text);
	if (ok && read_file(path, keys, &text))
		strcpy(id, policy_keys_current(keys)->id);
	else
		ok = false;
	free_keys(&keys);
	wipe(&text);
	return ok;
}
