/* SPDX-License-Identifier: MIT */
/*
 * Parts of a ledger's line that both its writer and its checker know.
 */
#ifndef SLUICE_POLICY_LEDGER_LINE_H
#define SLUICE_POLICY_LEDGER_LINE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#define LEDGER_SIGNATURE_BYTES 64
#define LEDGER_SIGNATURE_TEXT 89 /* in base64 */
#define LEDGER_SIGNATURE_BEGIN ",\"signature\":\""
#define LEDGER_SIGNATURE_END "\"}"
/* Of the member, with the brace that ends the line. */
#define LEDGER_SIGNATURE_SIZE                                             \
	(sizeof(LEDGER_SIGNATURE_BEGIN) - 1 + LEDGER_SIGNATURE_TEXT - 1 + \
	 sizeof(LEDGER_SIGNATURE_END) - 1)

/* Does the text end with a signature's member? */
bool ledger_has_signature(const char *p, size_t n);
/* Is it one over the text without it?  Only for what has one. */
bool ledger_signature_good(EVP_PKEY *key, const char *p, size_t n);

#endif
