/* SPDX-License-Identifier: MIT */
/*
 * A line of the local session log (Elastic Common Schema 8.11): a session that nobody can
 * read, and what it said of itself in the clear.  It is for this host alone: no cloud's policy
 * has a say in it, because no cloud gets it.
 */
#ifndef SLUICE_POLICY_SESSION_LOG_H
#define SLUICE_POLICY_SESSION_LOG_H

#include "lib/buf.h"
#include "lib/session_note.h"

/*
 * source and client are the end that opened the connection.  virtual_system may be NULL.
 * Without a newline, appended to out; false when out of memory or room.
 */
bool session_log_render(const struct session_note *n, const char *virtual_system,
			struct buf *out);

#endif
