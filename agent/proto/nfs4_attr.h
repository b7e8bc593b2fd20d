/* SPDX-License-Identifier: MIT */
/*
 * Attributes of NFSv4 files (RFC 7530 §5, RFC 7531): a bitmap, and the values of its bits
 * in their order.
 */
#ifndef SLUICE_PROTO_NFS4_ATTR_H
#define SLUICE_PROTO_NFS4_ATTR_H

#include "proto/nfs.h"

struct nfs4_attributes {
	struct nfs_attr a;
	const uint8_t *handle; /* NULL: not there */
	size_t handle_len;
};

/* The first word of a bitmap4, which is passed over. */
uint32_t nfs4_bitmap(struct cursor *c);
/* A fattr4; what stands behind the handle is of no interest. */
void nfs4_attributes(struct cursor *c, struct nfs4_attributes *t);

#endif
