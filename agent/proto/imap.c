// SPDX-License-Identifier: MIT
/*
 * IMAP (RFC 9051, RFC 3501): to be written; found nowhere yet.
 */
#include "proto/proto.h"

const struct proto_ops proto_imap = {.name = "imap"};
