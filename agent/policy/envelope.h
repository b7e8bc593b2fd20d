/* SPDX-License-Identifier: MIT */
/*
 * A sighting as JSON (Elastic Common Schema 8.11).
 *
 * One renderer for both uses: the local log (everything) and the envelope that
 * leaves with a sample (only what policy allows).
 *
 * A value that is not shared does not leave inside another one either: the
 * server's address as host of the URL, its port there, a file name as the URL's last
 * segment, and so on.  A text that would carry it is shortened or withheld.
 */
#ifndef SLUICE_POLICY_ENVELOPE_H
#define SLUICE_POLICY_ENVELOPE_H

#include "lib/buf.h"
#include "lib/sighting.h"
#include "policy/treat.h"

#include <jansson.h>

/* What an envelope says of each field. */
struct envelope_report {
	struct {
		uint8_t mode;	/* enum policy_mode */
		uint32_t bytes; /* of its value, translated addresses too; 0: left out */
	} field[SLUICE_FIELD_COUNT];
	unsigned int withheld; /* fields shortened or left out because of another field */
};

/*
 * The envelope under an effective policy, one line without a newline, appended
 * to out.  Without a key, what needs one is omitted.  False when out of memory or room.
 *
 * Values that are truncated or encrypted stand where they would as they are (of a file name:
 * file.extension).  Pseudonyms do so too, but for addresses, which as what is generalised are
 * at source.address and the like, for ports (sluice.source_port) and for the user (user.hash).
 * sluice.policy has the policy's id and the mode of each field that is not shared.
 */
bool envelope_render(const struct sighting *s, const struct policy *effective,
		     const struct treat_context *context, struct buf *out,
		     struct envelope_report *report);

/*
 * Whether the sample itself may go where this policy holds.  A link is a URL, so
 * that it goes only where url is shared; what is in a file is no policy's matter.
 */
bool envelope_allowed(const struct sighting *s, const struct policy *effective);

/*
 * The name to put on the upload itself: the file's own where policy allows and it has
 * one (its last path component, without control characters), else the
 * hash, with the extension of a name that is truncated.  Appended to out.
 */
bool envelope_upload_name(const struct sighting *s, const struct policy *effective,
			  struct buf *out);

/* What the local log says: every field, state, reason, byte counts, http.*; NULL: no memory. */
json_t *envelope_local(const struct sighting *s);
/* The same as a line of that log, without a newline. */
bool envelope_render_local(const struct sighting *s, struct buf *out);

#endif
