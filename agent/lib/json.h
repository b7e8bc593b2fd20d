/* SPDX-License-Identifier: MIT */
/*
 * Values deep in a JSON object, by a path of names separated by dots.
 */
#ifndef SLUICE_LIB_JSON_H
#define SLUICE_LIB_JSON_H

#include <jansson.h>
#include <stdbool.h>

/* The value there, borrowed, or NULL; a name has 63 bytes at most. */
json_t *json_at(const json_t *root, const char *path);
/* The text there, or NULL. */
const char *json_text_at(const json_t *root, const char *path);
/*
 * Sets the value there, whose reference it takes, and makes the objects on the way.  False when
 * v is NULL, out of memory, or when something else than an object is in the way.
 */
bool json_set_at(json_t *root, const char *path, json_t *v);

#endif
