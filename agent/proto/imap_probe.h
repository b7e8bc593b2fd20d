/* SPDX-License-Identifier: MIT */
/*
 * What a session of IMAP (RFC 9051, RFC 3501) looks like.
 */
#ifndef SLUICE_PROTO_IMAP_PROBE_H
#define SLUICE_PROTO_IMAP_PROBE_H

#include "proto/proto.h"

#include <stdbool.h>
#include <stddef.h>

/* A tag and a word of the protocol. */
bool imap_is_command(const char *line);
/* "* 1 FETCH", "* OK", "+ ", a tag and OK, NO or BAD. */
bool imap_is_response(const char *line);
enum probe imap_probe(const struct proto_head head[DIR_COUNT]);

#endif
