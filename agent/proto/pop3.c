// SPDX-License-Identifier: MIT
/*
 * POP3 (RFC 1939): to be written; found nowhere yet.
 */
#include "proto/proto.h"

const struct proto_ops proto_pop3 = {.name = "pop3"};
