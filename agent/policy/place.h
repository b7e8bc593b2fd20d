/* SPDX-License-Identifier: MIT */
/*
 * Where a line of the local log, and an envelope, have each field.
 */
#ifndef SLUICE_POLICY_PLACE_H
#define SLUICE_POLICY_PLACE_H

#include "policy/policy.h"

#include <jansson.h>

/* Its value as it was seen, in a line of the local log; borrowed, NULL: it has none. */
json_t *place_seen(const json_t *line, enum sluice_field field);
/* What an envelope says of it, in whatever mode; borrowed, NULL: nothing. */
json_t *place_sent(const json_t *envelope, enum sluice_field field);

#endif
