// SPDX-License-Identifier: MIT
/*
 * HTTP/2 (RFC 9113): to be written; found nowhere yet.
 */
#include "proto/proto.h"

const struct proto_ops proto_http2 = {.name = "http2"};
