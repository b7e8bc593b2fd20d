// SPDX-License-Identifier: MIT
/*
 * SMB (MS-SMB, MS-SMB2): to be written; found nowhere yet.
 */
#include "proto/proto.h"

const struct proto_ops proto_smb = {.name = "smb"};
