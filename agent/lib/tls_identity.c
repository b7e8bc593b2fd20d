// SPDX-License-Identifier: MIT
#include "lib/tls_identity.h"

#include <stdbool.h>
#include <string.h>

static bool set_pem(CURL *easy, CURLoption option, char *text)
{
	struct curl_blob pem = {.data = text, .len = text ? strlen(text) : 0};

	if (pem.len)
		curl_easy_setopt(easy, option, &pem);
	return pem.len;
}

void tls_identity_set(CURL *easy, char *ca, char *certificate, char *key)
{
	/* Without this the system's store would still be trusted beside it. */
	if (set_pem(easy, CURLOPT_CAINFO_BLOB, ca))
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	set_pem(easy, CURLOPT_SSLCERT_BLOB, certificate);
	set_pem(easy, CURLOPT_SSLKEY_BLOB, key);
}
