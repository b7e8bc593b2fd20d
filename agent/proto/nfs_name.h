/* SPDX-License-Identifier: MIT */
/*
 * What is known of file handles without their content: name, directory and size, from LOOKUP,
 * CREATE, READDIRPLUS, OPEN and every reply with attributes.  The handle that was not asked for
 * longest is forgotten when there are too many.
 */
#ifndef SLUICE_PROTO_NFS_NAME_H
#define SLUICE_PROTO_NFS_NAME_H

#include "lib/key.h"
#include "lib/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nfs_node {
	struct table_entry entry;
	struct key key;
	struct key dir;	  /* has_dir */
	struct key alias; /* has_alias: the file it stands for */
	bool has_dir;
	bool has_alias;
	bool has_size;
	bool has_version;
	uint64_t size;
	uint64_t version;
	char *name; /* NULL: not known */
	size_t name_len;
};

struct nfs_names;

struct nfs_names *nfs_names_new(void);
void nfs_names_free(struct nfs_names *names);
/* NULL: nothing is known of it. */
struct nfs_node *nfs_node_find(struct nfs_names *names, const struct key *key);
/* NULL when out of memory. */
struct nfs_node *nfs_node_make(struct nfs_names *names, const struct key *key);
void nfs_node_name(struct nfs_node *node, const void *name, size_t n);

#define NFS_PATH_MAX 4096

/* The path down to the file, as far up as names are known, joined by '/'; its length. */
size_t nfs_node_path(struct nfs_names *names, const struct nfs_node *node,
		     char path[static NFS_PATH_MAX]);

#endif
