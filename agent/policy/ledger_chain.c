// SPDX-License-Identifier: MIT
/* Writing lines and the head; reading the head. */
#include "policy/ledger_chain.h"
#include "policy/ledger_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void ledger_chain_init(struct ledger_chain *c)
{
	*c = (struct ledger_chain){0};
	memset(c->hash, '0', LEDGER_HASH_TEXT - 1);
}

void ledger_hash(const void *p, size_t n, char text[static LEDGER_HASH_TEXT])
{
	static const char digit[] = "0123456789abcdef";
	uint8_t hash[32] = {0};

	EVP_Digest(p, n, hash, NULL, EVP_sha256(), NULL);
	for (size_t i = 0; i < sizeof(hash); i++) {
		text[2 * i] = digit[hash[i] >> 4];
		text[2 * i + 1] = digit[hash[i] & 15];
	}
	text[LEDGER_HASH_TEXT - 1] = '\0';
}

bool ledger_key_id(EVP_PKEY *key, char text[static LEDGER_HASH_TEXT])
{
	uint8_t raw[64];
	size_t n = sizeof(raw);

	if (EVP_PKEY_id(key) != EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_raw_public_key(key, raw, &n) != 1)
		return false;
	ledger_hash(raw, n, text);
	return true;
}

#define TIME_TEXT 32

/* "2026-11-24T17:30:00.123Z" */
static const char *time_text(int64_t time, char text[static TIME_TEXT])
{
	time_t seconds = (time_t)(time / 1000);
	struct tm tm = {0};
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, TIME_TEXT - n, ".%03uZ", (unsigned int)(time % 1000) % 1000);
	return text;
}

/* -------------------------------------------------------------- signatures */

/* Takes the '}' at the end of what begins at `begin` of out, and puts the signature there. */
static bool add_signature(EVP_PKEY *key, struct buf *out, size_t begin)
{
	uint8_t signature[LEDGER_SIGNATURE_BYTES];
	char text[LEDGER_SIGNATURE_TEXT];
	size_t n = sizeof(signature);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok;

	ok = c && EVP_DigestSignInit(c, NULL, NULL, NULL, key) == 1 &&
	     EVP_DigestSign(c, signature, &n, out->data + begin, out->len - begin) == 1 &&
	     n == sizeof(signature);
	EVP_MD_CTX_free(c);
	if (!ok)
		return false;
	EVP_EncodeBlock((unsigned char *)text, signature, sizeof(signature));
	out->len--;
	return buf_printf(out, LEDGER_SIGNATURE_BEGIN "%s" LEDGER_SIGNATURE_END, text);
}

bool ledger_signature_good(EVP_PKEY *key, const char *p, size_t n)
{
	size_t text = n - LEDGER_SIGNATURE_SIZE;
	const char *base64 = p + text + strlen(LEDGER_SIGNATURE_BEGIN);
	uint8_t signature[LEDGER_SIGNATURE_BYTES + 3];
	char *unsigned_line = NULL, again[LEDGER_SIGNATURE_TEXT];
	EVP_MD_CTX *c = NULL;
	bool ok = false;

	if (EVP_DecodeBlock(signature, (const unsigned char *)base64,
			    LEDGER_SIGNATURE_TEXT - 1) < LEDGER_SIGNATURE_BYTES)
		return false;
	/* Base64 has more than one text for the same bytes: only the one we write will do. */
	EVP_EncodeBlock((unsigned char *)again, signature, LEDGER_SIGNATURE_BYTES);
	if (memcmp(again, base64, LEDGER_SIGNATURE_TEXT - 1) != 0)
		return false;
	unsigned_line = malloc(text + 1);
	c = EVP_MD_CTX_new();
	if (c && unsigned_line) {
		memcpy(unsigned_line, p, text);
		unsigned_line[text] = '}';
		ok = EVP_DigestVerifyInit(c, NULL, NULL, NULL, key) == 1 &&
		     EVP_DigestVerify(c, signature, LEDGER_SIGNATURE_BYTES,
				      (uint8_t *)unsigned_line, text + 1) == 1;
	}
	EVP_MD_CTX_free(c);
	free(unsigned_line);
	return ok;
}

bool ledger_has_signature(const char *p, size_t n)
{
	const size_t begin = strlen(LEDGER_SIGNATURE_BEGIN), end = strlen(LEDGER_SIGNATURE_END);

	return n > LEDGER_SIGNATURE_SIZE &&
	       memcmp(p + n - LEDGER_SIGNATURE_SIZE, LEDGER_SIGNATURE_BEGIN, begin) == 0 &&
	       memcmp(p + n - end, LEDGER_SIGNATURE_END, end) == 0;
}

/* ------------------------------------------------------------------- lines */

bool ledger_chain_add(struct ledger_chain *c, const json_t *members, int64_t time,
		      EVP_PKEY *key, struct buf *out)
{
	char *text = json_dumps(members, JSON_COMPACT), when[TIME_TEXT];
	size_t begin = out->len, n = text ? strlen(text) : 0;
	bool ok = n > 2 && text[0] == '{';

	/* The members without their braces. */
	ok = ok &&
	     buf_printf(out, "{\"n\":%" PRIu64 ",\"time\":\"%s\",", c->n + 1,
			time_text(time, when)) &&
	     buf_add(out, text + 1, n - 2) && buf_printf(out, ",\"prev\":\"%s\"}", c->hash) &&
	     (!key || add_signature(key, out, begin)) && out->len - begin < LEDGER_LINE_MAX;
	free(text);
	if (ok) {
		struct ledger_chain next = {.n = c->n + 1};

		ledger_hash(out->data + begin, out->len - begin, next.hash);
		ok = buf_add(out, "\n", 1);
		if (ok)
			*c = next;
	}
	if (!ok)
		out->len = begin;
	return ok;
}

/* -------------------------------------------------------------------- head */

bool ledger_head_render(const struct ledger_head *h, EVP_PKEY *key, struct buf *out)
{
	char hash[LEDGER_HASH_TEXT];
	size_t begin = out->len;

	ledger_hash(h->pending, h->pending_size, hash);
	return buf_printf(out,
			  "{\"n\":%" PRIu64 ",\"hash\":\"%s\",\"bytes\":%" PRIu64
			  ",\"pending\":%zu,\"sha256\":\"%s\"}",
			  h->chain.n, h->chain.hash, h->bytes, h->pending_size, hash) &&
	       add_signature(key, out, begin) && buf_add(out, "\n", 1) &&
	       buf_add(out, h->pending, h->pending_size);
}

const char *ledger_head_parse(const char *p, size_t n, EVP_PKEY *key, struct ledger_head *h)
{
	const char *newline = memchr(p, '\n', n < LEDGER_HEAD_MAX ? n : LEDGER_HEAD_MAX);
	char line[LEDGER_HEAD_MAX], hash[LEDGER_HASH_TEXT], pending_hash[LEDGER_HASH_TEXT];
	size_t length;
	int used = 0;

	*h = (struct ledger_head){0};
	if (!newline)
		return "it is not complete";
	length = (size_t)(newline - p);
	memcpy(line, p, length);
	line[length] = '\0';
	if (!ledger_has_signature(line, length) || strlen(line) != length)
		return "it is not what a head looks like";
	if (sscanf(line,
		   "{\"n\":%" SCNu64 ",\"hash\":\"%64[0-9a-f]\",\"bytes\":%" SCNu64
		   ",\"pending\":%zu,\"sha256\":\"%64[0-9a-f]\"%n",
		   &h->chain.n, h->chain.hash, &h->bytes, &h->pending_size, pending_hash,
		   &used) != 5 ||
	    (size_t)used != length - LEDGER_SIGNATURE_SIZE ||
	    strlen(h->chain.hash) != LEDGER_HASH_TEXT - 1)
		return "it is not what a head looks like";
	if (key && !ledger_signature_good(key, line, length))
		return "it is not signed by this key, or was altered";
	h->pending = newline + 1;
	if (h->pending_size != n - length - 1)
		return "the lines in it are not complete";
	ledger_hash(h->pending, h->pending_size, hash);
	if (strcmp(hash, pending_hash) != 0)
		return "the lines in it were altered";
	return NULL;
}
