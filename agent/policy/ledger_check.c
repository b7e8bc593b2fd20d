// SPDX-License-Identifier: MIT
/* Is a ledger as it was written? */
#include "policy/ledger_chain.h"
#include "policy/ledger_line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static __attribute__((format(printf, 3, 4))) void problem(struct ledger_check *c, uint64_t line,
							  const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	c->problems++;
	c->problem(c->arg, line, text);
}

void ledger_check_begin(struct ledger_check *c, EVP_PKEY *key, const struct ledger_head *head,
			void (*report)(void *arg, uint64_t line, const char *text), void *arg)
{
	*c = (struct ledger_check){.key = key, .head = head, .problem = report, .arg = arg};
	ledger_chain_init(&c->chain);
}

static bool skip(const char **p, const char *end, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(end - *p) < n || memcmp(*p, text, n) != 0)
		return false;
	*p += n;
	return true;
}

/* What a line says of itself; prev points at 64 digits. */
struct line {
	uint64_t n;
	const char *prev;
	bool signature; /* of that type */
};

static bool read_line(const char *p, size_t size, struct line *l)
{
	static const char prev[] = ",\"prev\":\"";
	const size_t tail = strlen(prev) + LEDGER_HASH_TEXT - 1 + strlen("\"}");
	const size_t time = strlen("2026-11-24T17:30:00.123Z");
	const char *end = p + size, *at = p;
	unsigned int digits = 0;

	*l = (struct line){0};
	if (!skip(&at, end, "{\"n\":"))
		return false;
	for (; at < end && *at >= '0' && *at <= '9' && digits < 19; at++, digits++)
		l->n = l->n * 10 + (uint64_t)(*at - '0');
	if (!digits || !skip(&at, end, ",\"time\":\"") || (size_t)(end - at) < time)
		return false;
	at += time;
	if (!skip(&at, end, "\",\"type\":\""))
		return false;
	l->signature = skip(&at, end, "signature\"");
	if (l->signature) {
		if (!ledger_has_signature(p, size))
			return false;
		/* The brace was where the signature begins. */
		end -= LEDGER_SIGNATURE_SIZE - 1;
	}
	if ((size_t)(end - at) < tail || memcmp(end - tail, prev, strlen(prev)) != 0)
		return false;
	l->prev = end - strlen("\"}") - (LEDGER_HASH_TEXT - 1);
	return l->prev[LEDGER_HASH_TEXT - 1] == '"' && (l->signature || end[-1] == '}');
}

/* Where its number is not the next one. */
static void wrong_number(struct ledger_check *c, const struct line *l)
{
	uint64_t expected = c->chain.n + 1;

	if (l->n > expected)
		problem(c, c->lines,
			"it is number %" PRIu64 ", expected %" PRIu64 ": %" PRIu64
			" lines before it were removed, or it was moved here",
			l->n, expected, l->n - expected);
	else
		problem(c, c->lines,
			"it is number %" PRIu64 ", expected %" PRIu64
			": it was added, or stands in the wrong place",
			l->n, expected);
}

/* Lines behind those the head counts are those it has, in their order. */
static void check_pending(struct ledger_check *c, const char *p, size_t n)
{
	const struct ledger_head *h = c->head;

	if (h->pending_size - c->pending_at < n + 1 ||
	    memcmp(h->pending + c->pending_at, p, n) != 0 ||
	    h->pending[c->pending_at + n] != '\n')
		problem(c, c->lines,
			"the head does not know it: expected %s: it was altered or added",
			c->pending_at < h->pending_size ? "the line that is in the head"
							: "the end of the ledger");
	else
		c->pending_at += n + 1;
}

void ledger_check_line(struct ledger_check *c, const char *p, size_t n)
{
	char hash[LEDGER_HASH_TEXT];
	struct line l;

	c->lines++;
	ledger_hash(p, n, hash);
	if (!read_line(p, n, &l)) {
		problem(c, c->lines,
			"it is not what a line of a ledger looks like: expected "
			"{\"n\":%" PRIu64 ",\"time\":...,\"prev\":HASH}",
			c->chain.n + 1);
		l.n = c->chain.n + 1;
	} else {
		if (l.n != c->chain.n + 1)
			wrong_number(c, &l);
		else if (memcmp(l.prev, c->chain.hash, LEDGER_HASH_TEXT - 1) != 0)
			problem(c, c->lines > 1 ? c->lines - 1 : 1,
				"its hash is %s, expected %.*s by the line after it: one of "
				"them was altered",
				c->chain.hash, LEDGER_HASH_TEXT - 1, l.prev);
		if (l.signature && !ledger_signature_good(c->key, p, n))
			problem(c, c->lines,
				"its signature is not by this key over these lines: something "
				"before it was altered, or another key was used");
		else
			c->signatures += l.signature;
	}
	c->chain.n = l.n;
	memcpy(c->chain.hash, hash, sizeof(hash));
	if (!c->head)
		return;
	if (l.n == c->head->chain.n && strcmp(hash, c->head->chain.hash) != 0)
		problem(c, c->lines, "its hash is %s, expected %s by the head: it was altered",
			hash, c->head->chain.hash);
	if (c->lines > c->head->chain.n)
		check_pending(c, p, n);
}

bool ledger_check_end(struct ledger_check *c, const char *rest, size_t n)
{
	const struct ledger_head *h = c->head;

	if (h && c->lines < h->chain.n)
		problem(c, 0,
			"it ends after %" PRIu64 " lines, expected at least %" PRIu64
			" by the head: lines were removed",
			c->lines, h->chain.n);
	if (n && (!h || c->lines < h->chain.n || h->pending_size - c->pending_at <= n ||
		  memcmp(h->pending + c->pending_at, rest, n) != 0))
		problem(c, c->lines + 1, "it has no end: expected a newline behind it");
	return !c->problems;
}
