/* SPDX-License-Identifier: MIT */
/*
 * sluiced -r: a capture file in, a directory out; no kernel, cloud or database.
 *
 *	DIR/samples/<2 hex>/<sha256>
 *	DIR/sightings.jsonl
 *	DIR/outbox/<cloud>/<sha256>.<sighting id>.json
 *	DIR/stats.json
 *
 * The inspector and the rules are the live ones; the envelopes are what the
 * clouds would be sent with the kernel's switches all on.
 */
#ifndef SLUICE_SUPERVISOR_OFFLINE_H
#define SLUICE_SUPERVISOR_OFFLINE_H

#include "supervisor/config.h"

/*
 * Shows what each cloud would get of each sighting (supervisor/preview.h), too, on standard
 * output.
 */
enum offline_show { OFFLINE_SHOW_NOTHING, OFFLINE_SHOW_TEXT, OFFLINE_SHOW_JSON };

/* Returns the exit status: 0 when the capture was read to its end. */
int offline_run(struct config *c, const char *capture, const char *dir, enum offline_show show);

#endif
