/* SPDX-License-Identifier: MIT */
/*
 * Addresses encrypted with AES-128, so that only who has the key can tell which they were
 * (draft-denis-ipcrypt).
 *
 * An address is worked on as its 16 bytes, IPv4 as ::ffff:a.b.c.d.  Ports are left alone.
 * Functions return false when the library fails; the address is then of no family.
 */
#ifndef SLUICE_POLICY_IPCRYPT_H
#define SLUICE_POLICY_IPCRYPT_H

#include "lib/inet.h"

#include <stdbool.h>
#include <stdint.h>

#define IPCRYPT_SINGLE_KEY 16
#define IPCRYPT_PREFIX_KEY 32

/*
 * ipcrypt-deterministic: the 16 bytes are one block.  What comes out is any IPv6 address,
 * of an IPv4 one too (and very rarely it is an IPv4 one).
 */
bool ipcrypt_single(const uint8_t key[static IPCRYPT_SINGLE_KEY], bool decrypt,
		    struct endpoint *e);

/*
 * ipcrypt-pfx: addresses that have their first bits in common have as many in common
 * afterwards, and an IPv4 address stays one.
 */
bool ipcrypt_prefix(const uint8_t key[static IPCRYPT_PREFIX_KEY], bool decrypt,
		    struct endpoint *e);

#endif
