// SPDX-License-Identifier: MIT
#include "policy/policy_key.h"

#include "policy/user_time.h"

#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#define SHA256_BYTES 32

/*
 * RFC 5869 §2: extract with no salt (as many zeros as the hash has bytes), then expand to at
 * most one block.
 */
static bool hkdf(const uint8_t secret[static POLICY_KEY_SECRET], const char *info, uint8_t *out,
		 size_t n)
{
	static const uint8_t salt[SHA256_BYTES];
	uint8_t prk[SHA256_BYTES], block[SHA256_BYTES], text[64];
	size_t length = strlen(info);
	bool ok;

	memcpy(text, info, length);
	text[length] = 1;
	ok = HMAC(EVP_sha256(), salt, sizeof(salt), secret, POLICY_KEY_SECRET, prk, NULL) &&
	     HMAC(EVP_sha256(), prk, sizeof(prk), text, length + 1, block, NULL);
	memset(out, 0, n);
	if (ok)
		memcpy(out, block, n);
	explicit_bzero(prk, sizeof(prk));
	explicit_bzero(block, sizeof(block));
	return ok;
}

static bool derive(struct policy_key *key, const uint8_t secret[static POLICY_KEY_SECRET])
{
	return hkdf(secret, "sluice pseudonymise", key->pseudonym, sizeof(key->pseudonym)) &&
	       hkdf(secret, "sluice encrypt deterministic", key->single, sizeof(key->single)) &&
	       hkdf(secret, "sluice encrypt prefix", key->prefix, sizeof(key->prefix));
}

/* ----------------------------------------------------------------- a file */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_secret(const char *text, uint8_t secret[static POLICY_KEY_SECRET])
{
	if (strlen(text) != 2 * POLICY_KEY_SECRET)
		return false;
	for (size_t i = 0; i < POLICY_KEY_SECRET; i++) {
		int high = hex(text[2 * i]), low = hex(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		secret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* One line without its newline, of which nothing but the key is left. */
static const char *take_line(char *text, struct policy_keys *keys)
{
	struct policy_key *k = &keys->key[keys->count];
	uint8_t secret[POLICY_KEY_SECRET];
	char *state, *id, *created, *digits;
	bool ok;

	id = strtok_r(text, " \t\r", &state);
	if (!id || id[0] == '#')
		return NULL;
	created = strtok_r(NULL, " \t\r", &state);
	digits = strtok_r(NULL, " \t\r", &state);
	if (!created || !digits || strtok_r(NULL, " \t\r", &state))
		return "ID CREATED HEX";
	if (strlen(id) >= sizeof(k->id) ||
	    id[strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789")] != '\0')
		return "an ID of 1 to 8 letters a-z and digits";
	if (policy_keys_find(keys, id))
		return "each ID once";
	if (keys->count == POLICY_KEYS_MAX)
		return "256 keys at most";
	memset(k, 0, sizeof(*k));
	strcpy(k->id, id);
	if (!user_time_parse(created, &k->created) ||
	    !strchr("Zz", created[strlen(created) - 1]))
		return "a time like 2024-01-31T12:00:00Z";
	if (!take_secret(digits, secret))
		return "64 hex digits";
	ok = derive(k, secret);
	explicit_bzero(secret, sizeof(secret));
	if (!ok)
		return "memory for the key";
	keys->count++;
	return NULL;
}

static const char *take_lines(const char *text, size_t n, struct policy_keys *keys,
			      unsigned int *line)
{
	const char *expected = NULL;
	char copy[256];

	*line = 0;
	while (n && !expected) {
		size_t k = (size_t)((const char *)memchr(text, '\n', n) - text);

		(*line)++;
		if (k >= sizeof(copy)) {
			expected = text[0] == '#' ? NULL : "a line of 255 bytes at most";
		} else {
			memcpy(copy, text, k);
			copy[k] = '\0';
			expected = take_line(copy, keys);
		}
		text += k + 1;
		n -= k + 1;
	}
	explicit_bzero(copy, sizeof(copy));
	return expected;
}

const char *policy_keys_parse(const char *text, size_t n, struct policy_keys *keys,
			      unsigned int *line)
{
	const char *expected = NULL;

	memset(keys, 0, sizeof(*keys));
	*line = 0;
	if (n == 0)
		expected = "at least one line ID CREATED HEX";
	else if (memchr(text, '\0', n))
		expected = "text";
	else if (text[n - 1] != '\n')
		expected = "a newline at its end: it was not written to its end";
	if (expected)
		return expected;
	expected = take_lines(text, n, keys, line);
	if (!expected && keys->count == 0) {
		*line = 0;
		expected = "at least one line ID CREATED HEX";
	}
	if (expected)
		policy_keys_clear(keys);
	return expected;
}

const struct policy_key *policy_keys_current(const struct policy_keys *keys)
{
	return keys->count ? &keys->key[keys->count - 1] : NULL;
}

const struct policy_key *policy_keys_find(const struct policy_keys *keys, const char *id)
{
	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(keys->key[i].id, id) == 0)
			return &keys->key[i];
	return NULL;
}

void policy_keys_clear(struct policy_keys *keys)
{
	explicit_bzero(keys, sizeof(*keys));
}

bool policy_key_line(const struct policy_keys *keys, uint64_t created,
		     const uint8_t secret[static POLICY_KEY_SECRET], struct buf *out)
{
	char id[POLICY_KEY_ID_MAX], time[USER_TIME_TEXT];
	unsigned int number = 0;

	do
		snprintf(id, sizeof(id), "k%u", ++number % 1000000);
	while (policy_keys_find(keys, id));
	buf_printf(out, "%s %s ", id, user_time_text(created, time));
	for (size_t i = 0; i < POLICY_KEY_SECRET; i++)
		buf_printf(out, "%02x", secret[i]);
	return buf_add_string(out, "\n") && !out->failed;
}
