// SPDX-License-Identifier: MIT
#include "policy/ipcrypt.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK 16
#define BITS (8 * BLOCK)
#define MAPPED_BITS 96 /* of ::ffff:0:0/96 */

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool to_bytes(const struct endpoint *e, uint8_t bytes[static BLOCK])
{
	if (e->family == AF_INET6) {
		memcpy(bytes, e->ip, BLOCK);
		return true;
	}
	memcpy(bytes, mapped, sizeof(mapped));
	memcpy(bytes + sizeof(mapped), e->ip, 4);
	return e->family == AF_INET;
}

static void from_bytes(struct endpoint *e, const uint8_t bytes[static BLOCK])
{
	memset(e->ip, 0, sizeof(e->ip));
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		e->family = AF_INET;
		memcpy(e->ip, bytes + sizeof(mapped), 4);
	} else {
		e->family = AF_INET6;
		memcpy(e->ip, bytes, BLOCK);
	}
}

static EVP_CIPHER_CTX *cipher(const uint8_t *key, bool decrypt)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	if (c && EVP_CipherInit_ex(c, EVP_aes_128_ecb(), NULL, key, NULL, !decrypt) &&
	    EVP_CIPHER_CTX_set_padding(c, 0))
		return c;
	EVP_CIPHER_CTX_free(c);
	return NULL;
}

static bool block(EVP_CIPHER_CTX *c, const uint8_t in[static BLOCK], uint8_t out[static BLOCK])
{
	int n = 0;

	return EVP_CipherUpdate(c, out, &n, in, BLOCK) && n == BLOCK;
}

bool ipcrypt_single(const uint8_t key[static IPCRYPT_SINGLE_KEY], bool decrypt,
		    struct endpoint *e)
{
	EVP_CIPHER_CTX *c = cipher(key, decrypt);
	uint8_t in[BLOCK], out[BLOCK];
	bool ok = c && to_bytes(e, in) && block(c, in, out);

	if (ok)
		from_bytes(e, out);
	else
		memset(e, 0, sizeof(*e));
	EVP_CIPHER_CTX_free(c);
	return ok;
}

/* ------------------------------------------------------- prefix-preserving */

static unsigned int get_bit(const uint8_t bytes[static BLOCK], unsigned int i)
{
	return bytes[i / 8] >> (7 - i % 8) & 1;
}

static void set_bit(uint8_t bytes[static BLOCK], unsigned int i, unsigned int value)
{
	bytes[i / 8] |= (uint8_t)(value << (7 - i % 8));
}

/*
 * The first `bits` bits of the address as the low bits of a number, with a one above them:
 * so that no two prefixes, of whatever length, are the same block.
 */
static void pad_prefix(const uint8_t bytes[static BLOCK], unsigned int bits,
		       uint8_t padded[static BLOCK])
{
	memset(padded, 0, BLOCK);
	set_bit(padded, BITS - 1 - bits, 1);
	for (unsigned int i = 0; i < bits; i++)
		set_bit(padded, BITS - bits + i, get_bit(bytes, i));
}

/* Bit by bit: what it is turned by depends on the plain bits before it. */
static bool turn(EVP_CIPHER_CTX *first, EVP_CIPHER_CTX *second, bool decrypt,
		 const uint8_t in[static BLOCK], uint8_t out[static BLOCK])
{
	unsigned int i = memcmp(in, mapped, sizeof(mapped)) == 0 ? MAPPED_BITS : 0;
	const uint8_t *plain = decrypt ? out : in;
	uint8_t padded[BLOCK], a[BLOCK], b[BLOCK];

	memset(out, 0, BLOCK);
	memcpy(out, in, i / 8);
	for (; i < BITS; i++) {
		pad_prefix(plain, i, padded);
		if (!block(first, padded, a) || !block(second, padded, b))
			return false;
		set_bit(out, i, get_bit(in, i) ^ ((a[BLOCK - 1] ^ b[BLOCK - 1]) & 1));
	}
	return true;
}

bool ipcrypt_prefix(const uint8_t key[static IPCRYPT_PREFIX_KEY], bool decrypt,
		    struct endpoint *e)
{
	/* The blocks are always encrypted, whichever way the address goes. */
	EVP_CIPHER_CTX *first = cipher(key, false), *second = cipher(key + BLOCK, false);
	uint8_t in[BLOCK], out[BLOCK];
	bool ok = first && second && to_bytes(e, in) && turn(first, second, decrypt, in, out);

	if (ok)
		from_bytes(e, out);
	else
		memset(e, 0, sizeof(*e));
	EVP_CIPHER_CTX_free(first);
	EVP_CIPHER_CTX_free(second);
	return ok;
}
