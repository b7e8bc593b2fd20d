/* SPDX-License-Identifier: MIT */
/*
 * PAN-OS's User-ID XML message ("User-ID XML API", type=user-id):
 *
 *	<uid-message>
 *	  <version>1.0</version>			1.0 or 2.0
 *	  <type>update</type>
 *	  <payload>
 *	    <login><entry name="domain\user" ip="10.1.1.1" timeout="20"/></login>
 *	    <logout><entry name="domain\user" ip="10.1.1.1"/></logout>
 *	    <groups><entry name="group"><members><entry name="user"/></members></entry></groups>
 *	  </payload>
 *	</uid-message>
 *
 * timeout is in minutes, 0 is never.  An entry of login and logout may have a vsys, by name.  A
 * group has the members of its last message.  Anything else is refused where it stands: unknown
 * elements, attributes, text, and every document type, so that there are no entities but XML's
 * own.
 */
#ifndef SLUICE_POLICY_UID_MESSAGE_H
#define SLUICE_POLICY_UID_MESSAGE_H

#include "policy/user_change.h"

#define UID_MESSAGE_MAX (16u << 20) /* bytes of a document */

struct uid_message;

enum uid_message_state { UID_MESSAGE_MORE, UID_MESSAGE_DONE, UID_MESSAGE_BAD };

/* Collects into s, which must outlive it.  NULL when out of memory. */
struct uid_message *uid_message_new(struct user_changes *s);
void uid_message_free(struct uid_message *m);
/*
 * Reads on.  DONE: the root element is closed, and *used bytes belong to the document.  BAD:
 * s->error says "line L, column C: ...".  Nothing may be fed after these two.
 */
enum uid_message_state uid_message_feed(struct uid_message *m, const void *p, size_t n,
					size_t *used);
/* Nothing more comes: what is missing, in s->error. */
void uid_message_cut(struct uid_message *m);

#endif
