// SPDX-License-Identifier: MIT
#include "policy/document.h"

#include "lib/list.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>

static json_t *fields(const struct policy *p, bool *keyed, bool *general)
{
	json_t *object = json_object();
	char text[POLICY_FIELD_TEXT_MAX];

	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		enum policy_mode mode = policy_mode(p, f);

		*keyed = *keyed || mode == POLICY_ENCRYPT || mode == POLICY_PSEUDONYMISE;
		*general = *general || mode == POLICY_GENERALISE;
		json_object_set_new(object, policy_field_name(f),
				    json_string(policy_field_text(p, f, text)));
	}
	return object;
}

static json_t *prefixes(const struct networks *n)
{
	const struct list_kind *kind = &list_kinds[LIST_UDP_PREFIXES];
	json_t *object = json_object();
	char text[LIST_ENTRY_TEXT];

	for (size_t i = 0; n && i < n->count; i++)
		json_object_set_new(object, n->network[i].name, json_array());
	for (size_t i = 0; n && i < n->entries; i++) {
		kind->text(&n->entry[i].prefix, text);
		json_array_append_new(
			json_object_get(object, n->network[n->entry[i].network].name),
			json_string(text));
	}
	return object;
}

static int append(const char *p, size_t n, void *arg)
{
	return buf_add(arg, p, n) ? 0 : -1;
}

bool policy_document(const char *cloud, const struct policy *p, const char *key_id,
		     const struct networks *networks, struct buf *out)
{
	bool keyed = false, general = false, ok;
	json_t *root =
		json_pack("{s:s,s:o}", "cloud", cloud, "fields", fields(p, &keyed, &general));

	ok = root &&
	     json_object_set_new(root, "key",
				 keyed && key_id ? json_string(key_id) : json_null()) == 0;
	if (ok && general)
		ok = json_object_set_new(root, "networks", prefixes(networks)) == 0;
	ok = ok && json_dump_callback(root, append, out, JSON_COMPACT | JSON_SORT_KEYS) == 0;
	json_decref(root);
	return ok && !out->failed;
}

bool policy_id(const struct buf *document, char id[static POLICY_ID_MAX])
{
	uint8_t hash[EVP_MAX_MD_SIZE];

	id[0] = '\0';
	if (!EVP_Digest(document->data, document->len, hash, NULL, EVP_sha256(), NULL))
		return false;
	for (size_t i = 0; i < (POLICY_ID_MAX - 1) / 2; i++)
		snprintf(id + 2 * i, 3, "%02x", hash[i]);
	return true;
}
