/* SPDX-License-Identifier: MIT */
/*
 * Of the control socket: what would leave of a sighting now.  Neither changes anything.
 *
 *	{"command": "policy.sightings", "sample": HEX | "last": N}
 *		a line {"sighting": ID} each, the newest first
 *	{"command": "policy.preview", "sighting": ID}
 *		{"clouds": [NAME, ...], "config": FILE, "sample_path": FILE, "message": HEX,
 *		 "switches": MASK, "switches_seen": MASK}: all that another configuration needs
 *		for its own answer; the message is the sighting's, as lib/sighting.h encodes it
 *	{"command": "policy.preview", "sighting": ID, "cloud": NAME}
 *		what preview_make() makes of it (supervisor/preview.h); the requests are for
 *		who asks to make, as that takes as long as the sample is large
 */
#ifndef SLUICE_SUPERVISOR_PREVIEW_COMMAND_H
#define SLUICE_SUPERVISOR_PREVIEW_COMMAND_H

#include "supervisor/control.h"

#define PREVIEW_SIGHTINGS_MAX 1000 /* of one answer */

void preview_command(struct control_client *c, void *arg, json_t *request);
void preview_command_sightings(struct control_client *c, void *arg, json_t *request);

#endif
