/* SPDX-License-Identifier: MIT */
/*
 * The ledger as bytes: what a line is, how lines hang together, and how it is checked.
 *
 *	{"n":N,"time":"2026-11-24T17:30:00.123Z","type":TYPE,...,"prev":HASH}
 *
 * prev is the SHA-256 of the line before, without its newline, 64 zeros for the first.  A line
 * of type "signature" ends with ,"signature":"BASE64"} instead: Ed25519 over the line as it is
 * without that member, and so over all lines before it.
 *
 * Beside the ledger stands its head, which knows how it ends, so that lines missing at the
 * end are found, and which holds the lines that were about to be added:
 *
 *	{"n":N,"hash":HASH,"bytes":B,"pending":P,"sha256":HASH,"signature":"BASE64"}
 *	P bytes: lines that follow
 *
 * Ledger whole: B bytes that are lines 1 to N, then as many of the P bytes as a crash (or a
 * writer at work) has left.  Pure functions; times are ms since the epoch.
 */
#ifndef SLUICE_POLICY_LEDGER_CHAIN_H
#define SLUICE_POLICY_LEDGER_CHAIN_H

#include "lib/buf.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_NAME "ledger.jsonl"
#define LEDGER_HEAD_NAME "ledger.head"
#define LEDGER_KEY_NAME "ledger.key"
#define LEDGER_PUB_NAME "ledger.pub"

#define LEDGER_HASH_TEXT 65	       /* hexadecimal SHA-256 */
#define LEDGER_LINE_MAX (256u << 10)   /* bytes, newline included */
#define LEDGER_PENDING_MAX (32u << 20) /* bytes of lines added at once */
#define LEDGER_SIGN_LINES 256	       /* lines after which one is a signature */
#define LEDGER_HEAD_MAX 1024	       /* bytes of the head's first line */

/* Where a ledger ends; n 0: it is empty. */
struct ledger_chain {
	uint64_t n;
	char hash[LEDGER_HASH_TEXT]; /* of line n */
};

void ledger_chain_init(struct ledger_chain *c);
/*
 * Appends the next line and its newline to out.  members has its type and what belongs to
 * it; key: the line is signed.  False, with c as it was: out of memory or room, or no JSON.
 */
bool ledger_chain_add(struct ledger_chain *c, const json_t *members, int64_t time,
		      EVP_PKEY *key, struct buf *out);
void ledger_hash(const void *p, size_t n, char text[static LEDGER_HASH_TEXT]);
/* Hash of a key's public half, to tell keys apart; false: it is no Ed25519 key. */
bool ledger_key_id(EVP_PKEY *key, char text[static LEDGER_HASH_TEXT]);

/* pending points into what was parsed. */
struct ledger_head {
	struct ledger_chain chain;
	uint64_t bytes;
	const char *pending;
	size_t pending_size;
};

bool ledger_head_render(const struct ledger_head *h, EVP_PKEY *key, struct buf *out);
/* NULL, or what is wrong; its signature is checked where a key is given. */
const char *ledger_head_parse(const char *p, size_t n, EVP_PKEY *key, struct ledger_head *h);

/* Checks a ledger line by line. */
struct ledger_check {
	EVP_PKEY *key;
	const struct ledger_head *head;
	/* line: by its place in the file, from 1; 0: the file as a whole. */
	void (*problem)(void *arg, uint64_t line, const char *text);
	void *arg;

	struct ledger_chain chain; /* as its last line says */
	uint64_t lines;		   /* seen */
	uint64_t signatures;	   /* good ones */
	uint64_t problems;
	size_t pending_at; /* so many of the head's pending bytes were met */
};

void ledger_check_begin(struct ledger_check *c, EVP_PKEY *key, const struct ledger_head *head,
			void (*problem)(void *arg, uint64_t line, const char *text), void *arg);
/* A line without its newline. */
void ledger_check_line(struct ledger_check *c, const char *p, size_t n);
/* The end, with what stands behind the last newline; true: all is whole. */
bool ledger_check_end(struct ledger_check *c, const char *rest, size_t n);

#endif
