/* SPDX-License-Identifier: MIT */
/*
 * What the first bytes of a direction look like to HTTP/1.
 */
#ifndef SLUICE_PROTO_HTTP1_H
#define SLUICE_PROTO_HTTP1_H

#include "proto/proto.h"

/* A request line: a known method, or any with a version behind it. */
enum probe http1_is_request(const uint8_t *p, size_t n);
/* A status line. */
enum probe http1_is_response(const uint8_t *p, size_t n);
/* The verdict on both directions together: proto_ops.probe. */
enum probe http1_probe(const struct proto_head head[DIR_COUNT]);

#endif
