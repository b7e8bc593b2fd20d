/* SPDX-License-Identifier: MIT */
/*
 * The test cloud's certificate: an authority and one server certificate signed by it,
 * made when the program starts.
 */
#ifndef TESTCLOUD_CERT_H
#define TESTCLOUD_CERT_H

#include <stddef.h>
#include <openssl/ssl.h>

/*
 * See to it that @dir (made when missing) holds ca.pem, cert.pem and key.pem, and that the
 * certificate is good for every one of the @nr names (host names or addresses) in @name.
 * Files of an earlier run that are still good are kept, so that a restarted cloud is trusted
 * by whoever trusted it before.
 *
 * Returns a server context to be freed with SSL_CTX_free(), or NULL after a message.
 */
SSL_CTX *cert_context(const char *dir, const char *const *name, size_t nr);

#endif
