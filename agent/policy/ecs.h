/* SPDX-License-Identifier: MIT */
/*
 * What lines of JSON in the Elastic Common Schema are made of, whatever they are about.
 *
 * *failed becomes true when memory is out; nothing makes it false again.
 */
#ifndef SLUICE_POLICY_ECS_H
#define SLUICE_POLICY_ECS_H

#include "lib/buf.h"
#include "lib/sighting.h"

#include <jansson.h>

#define ECS_VERSION "8.11.0"

/* Takes the reference of v; NULL fails. */
void ecs_set(bool *failed, json_t *object, const char *key, json_t *v);

/* These make a value; NULL when out of memory. */
/* Of any bytes: what is no UTF-8 is replaced. */
json_t *ecs_text(const char *p, size_t n);
json_t *ecs_number(uint64_t v);
/* RFC 3339 with nanoseconds, of ns since the epoch. */
json_t *ecs_time(uint64_t ns);
/* Texts with SIGHTING_LIST_SEPARATOR between them; empty ones are left out. */
json_t *ecs_list(bool *failed, const char *p, size_t n);

/* Parts; what of an end is not known, or not wanted, is left out. */
void ecs_set_end(bool *failed, json_t *object, const struct endpoint *e, bool ip, bool port);
void ecs_set_interface(bool *failed, json_t *object, const char *key,
		       const char name[static 16]);
json_t *ecs_network(bool *failed, const struct session_info *i);
json_t *ecs_observer(void);
/* sluice.session */
json_t *ecs_session(bool *failed, const struct session_info *i);

/* Appends it to out as one line, without a newline; false when out of room, too. */
bool ecs_dump(const json_t *root, struct buf *out);

#endif
