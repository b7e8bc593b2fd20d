// SPDX-License-Identifier: MIT
/*
 * NFS (RFC 1813, RFC 7530): to be written; found nowhere yet.
 */
#include "proto/proto.h"

const struct proto_ops proto_nfs = {.name = "nfs"};
