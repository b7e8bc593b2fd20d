/* SPDX-License-Identifier: MIT */
/*
 * Whom a connection of libcurl's trusts, and who we are there: PEM texts, as the configuration
 * has them.
 */
#ifndef SLUICE_LIB_TLS_IDENTITY_H
#define SLUICE_LIB_TLS_IDENTITY_H

#include <curl/curl.h>

/*
 * ca: trust these instead of the system's store.  certificate, key: ours.  NULL or "": none.
 * The texts must stay until the transfer has ended.
 */
void tls_identity_set(CURL *easy, char *ca, char *certificate, char *key);

#endif
