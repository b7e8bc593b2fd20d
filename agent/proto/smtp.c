// SPDX-License-Identifier: MIT
/*
 * SMTP (RFC 5321): to be written; found nowhere yet.
 */
#include "proto/proto.h"

const struct proto_ops proto_smtp = {.name = "smtp"};
