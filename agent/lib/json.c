// SPDX-License-Identifier: MIT
#include "lib/json.h"

#include <string.h>

#define NAME_MAX_BYTES 64

/* Takes the first name of a path; NULL when it is too long. */
static const char *first(const char **path, char name[static NAME_MAX_BYTES])
{
	size_t n = strcspn(*path, ".");

	if (n >= NAME_MAX_BYTES)
		return NULL;
	memcpy(name, *path, n);
	name[n] = 0;
	*path += n + ((*path)[n] == '.');
	return name;
}

json_t *json_at(const json_t *root, const char *path)
{
	char name[NAME_MAX_BYTES];

	while (root && *path)
		root = first(&path, name) ? json_object_get(root, name) : NULL;
	return (json_t *)root;
}

const char *json_text_at(const json_t *root, const char *path)
{
	return json_string_value(json_at(root, path));
}

bool json_set_at(json_t *root, const char *path, json_t *v)
{
	char name[NAME_MAX_BYTES];
	json_t *next;

	while (v && first(&path, name)) {
		if (!*path)
			return json_object_set_new(root, name, v) == 0;
		next = json_object_get(root, name);
		if (!next) {
			next = json_object();
			if (json_object_set_new(root, name, next) < 0)
				break;
		}
		root = next;
	}
	json_decref(v);
	return false;
}
