/* SPDX-License-Identifier: MIT */
/*
 * What a session of POP3 (RFC 1939) looks like.
 */
#ifndef SLUICE_PROTO_POP3_PROBE_H
#define SLUICE_PROTO_POP3_PROBE_H

#include "proto/proto.h"

#include <stdbool.h>

/* A line of a client: one of the protocol's words, with or without arguments. */
bool pop3_is_command(const char *line);
enum probe pop3_probe(const struct proto_head head[DIR_COUNT]);

#endif
