// SPDX-License-Identifier: MIT
/*
 * TFTP (RFC 1350): to be written; found nowhere yet.
 */
#include "proto/proto.h"

const struct proto_ops proto_tftp = {.name = "tftp"};
