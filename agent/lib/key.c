// SPDX-License-Identifier: MIT
#include "lib/key.h"

#include <openssl/evp.h>

static bool digest_text(EVP_MD_CTX *digest, const void *p, size_t n)
{
	uint64_t length = n;

	/* With its length, so that no two lists of texts look the same. */
	return EVP_DigestUpdate(digest, &length, sizeof(length)) &&
	       (!n || EVP_DigestUpdate(digest, p, n));
}

struct networks {
	uint64_t netns;
	uint32_t zone, vrf, vlan[2];
};

_Static_assert(sizeof(struct networks) == 8 + 4 * 4, "no padding");

bool key_make(struct key *key, const struct session_info *session, const struct key_text *texts,
	      size_t count)
{
	struct networks networks = {
		.netns = session->netns,
		.zone = session->zone,
		.vrf = session->vrf,
		.vlan = {session->vlan[0], session->vlan[1]},
	};
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool ok;

	ok = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) &&
	     digest_text(digest, &networks, sizeof(networks));
	for (size_t i = 0; ok && i < count; i++)
		ok = digest_text(digest, texts[i].p, texts[i].n);
	ok = ok && EVP_DigestFinal_ex(digest, key->digest, NULL);
	EVP_MD_CTX_free(digest);
	return ok;
}
