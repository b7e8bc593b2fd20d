// SPDX-License-Identifier: MIT
/* Adding to the ledger. */
#include "supervisor/ledger_files.h"

#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sluice.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool failed(struct ledger *l, const char *what)
{
	if (!l->failing)
		log_error("%s/%s: %s: %s; nothing leaves until it can be written", l->path,
			  LEDGER_NAME, what, strerror(errno));
	l->failing = true;
	return false;
}

/*
 * The batch before must be safe in the file before the head, which could restore it, is
 * replaced.  After a failure the kernel may have dropped what it could not write: once more.
 */
static bool settle(struct ledger *l)
{
	if (!l->written)
		return true;
	if ((l->failing &&
	     !ledger_write_at(l->fd, l->lines.data, l->lines.len, l->bytes - l->lines.len)) ||
	    fdatasync(l->fd) < 0)
		return failed(l, "cannot be synced");
	l->written = false;
	return true;
}

static bool add_line(struct ledger *l, struct ledger_chain *c, uint64_t *signed_n,
		     const json_t *members, int64_t time, uint64_t *number)
{
	static const char type[] = "signature";
	json_t *signature;
	bool ok = ledger_chain_add(c, members, time, NULL, &l->lines);

	*number = c->n;
	if (!ok || c->n - *signed_n < LEDGER_SIGN_LINES - 1)
		return ok;
	signature = json_pack("{s:s}", "type", type);
	ok = signature && ledger_chain_add(c, signature, time, l->key, &l->lines);
	json_decref(signature);
	*signed_n = c->n;
	return ok;
}

/* The lines of l->lines, from the end the ledger has to the one that c says. */
static bool write_batch(struct ledger *l, const struct ledger_chain *c)
{
	struct ledger_head head = {
		.chain = l->chain,
		.bytes = l->bytes,
		.pending = (const char *)l->lines.data,
		.pending_size = l->lines.len,
	};

	if (!ledger_replace_head(l, &head))
		return failed(l, "its head cannot be written");
	l->pending = true;
	l->rest_at = 0;
	if (!ledger_write_at(l->fd, l->lines.data, l->lines.len, l->bytes)) {
		int error = errno;

		/* Until the next head, a restart would add them: see rest(). */
		if (ftruncate(l->fd, (off_t)l->bytes) < 0)
			log_warning_once("%s/%s has an incomplete line", l->path, LEDGER_NAME);
		errno = error;
		return failed(l, "cannot be written");
	}
	l->chain = *c;
	l->bytes += l->lines.len;
	l->written = true;
	return true;
}

/* The head without the last batch, which is synced first, or is certain not to be there. */
static bool rest(struct ledger *l)
{
	struct ledger_head head = {.chain = l->chain, .bytes = l->bytes, .pending = ""};

	if (!settle(l))
		return false;
	if (ftruncate(l->fd, (off_t)l->bytes) < 0 || fdatasync(l->fd) < 0)
		return failed(l, "cannot be synced");
	if (!ledger_replace_head(l, &head))
		return failed(l, "its head cannot be written");
	l->pending = false;
	return true;
}

static json_t *start_line(struct ledger *l)
{
	char id[LEDGER_HASH_TEXT];

	return ledger_key_id(l->key, id) ? json_pack("{s:s, s:s, s:s}", "type", "start",
						     "version", SLUICE_VERSION, "key", id)
					 : NULL;
}

/* Builds the batch; false: no memory, or too much of it. */
static bool build(struct ledger *l, json_t *const *members, size_t count, int64_t time,
		  struct ledger_chain *c, uint64_t *signed_n, uint64_t *numbers)
{
	uint64_t number;
	bool ok = true;

	buf_reset(&l->lines);
	if (!l->begun) {
		json_t *start = start_line(l);

		ok = start && add_line(l, c, signed_n, start, time, &number);
		json_decref(start);
	}
	for (size_t i = 0; ok && i < count; i++)
		ok = members[i] && add_line(l, c, signed_n, members[i], time, &numbers[i]);
	if (!ok)
		errno = ENOMEM;
	return ok;
}

bool ledger_append(struct ledger *l, json_t *const *members, size_t count, int64_t time,
		   uint64_t *numbers)
{
	struct ledger_chain c = l->chain;
	uint64_t signed_n = l->signed_n;

	if (l->fd < 0 || !settle(l))
		return false;
	if (!build(l, members, count, time, &c, &signed_n, numbers))
		return failed(l, "lines cannot be made");
	if (!write_batch(l, &c))
		return false;
	if (l->failing)
		log_info("%s/%s: can be written again", l->path, LEDGER_NAME);
	l->failing = false;
	l->begun = true;
	l->signed_n = signed_n;
	return true;
}

static bool sign(struct ledger *l, int64_t time)
{
	struct ledger_chain c = l->chain;
	json_t *signature;
	bool ok;

	if (l->fd < 0 || !settle(l))
		return false;
	buf_reset(&l->lines);
	signature = json_pack("{s:s}", "type", "signature");
	ok = signature && ledger_chain_add(&c, signature, time, l->key, &l->lines);
	json_decref(signature);
	if (!ok || !write_batch(l, &c))
		return false;
	l->signed_n = l->chain.n;
	return true;
}

/* True, once, when *at is reached; it is set where it was not, and 0 where nothing is to do. */
static bool due(uint64_t *at, bool something, uint64_t now, uint64_t ms)
{
	bool reached = something && *at && now >= *at;

	if (!something || reached)
		*at = 0;
	else if (!*at)
		*at = now + ms;
	return reached;
}

void ledger_tick(struct ledger *l, uint64_t now, int64_t time)
{
	if (due(&l->sign_at, l->fd >= 0 && l->chain.n != l->signed_n, now, LEDGER_SIGN_MS))
		sign(l, time);
	if (due(&l->rest_at, l->fd >= 0 && l->pending, now, LEDGER_REST_MS))
		rest(l);
}

uint64_t ledger_at(const struct ledger *l, uint64_t when)
{
	if (l->sign_at && l->sign_at < when)
		when = l->sign_at;
	return l->rest_at && l->rest_at < when ? l->rest_at : when;
}

void ledger_close(struct ledger *l, int64_t time)
{
	if (l->fd >= 0) {
		if (l->chain.n != l->signed_n)
			sign(l, time);
		if (l->pending)
			rest(l);
		close(l->fd);
	}
	if (l->dir >= 0)
		close(l->dir);
	EVP_PKEY_free(l->key);
	buf_free(&l->lines);
	buf_free(&l->head);
	free(l->path);
	l->dir = l->fd = -1;
	l->key = NULL;
	l->path = NULL;
}
