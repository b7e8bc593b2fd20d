// SPDX-License-Identifier: MIT
/*
 * FTP (RFC 959): to be written; found nowhere yet.
 */
#include "proto/proto.h"

const struct proto_ops proto_ftp = {.name = "ftp"};
