// SPDX-License-Identifier: MIT
#include "proto/nfs_name.h"

#include <stdlib.h>
#include <string.h>

/* Handles known at once, of all clients. */
#define NODES_MAX 16384
#define NAME_MAX_LEN 1024
/* Directories above each other. */
#define DEPTH_MAX 32

struct nfs_names {
	struct table *nodes;
};

struct nfs_names *nfs_names_new(void)
{
	struct nfs_names *names = calloc(1, sizeof(*names));

	if (!names)
		return NULL;
	names->nodes = table_new(offsetof(struct nfs_node, key), sizeof(struct key), NODES_MAX);
	if (!names->nodes) {
		free(names);
		return NULL;
	}
	return names;
}

static struct nfs_node *oldest(struct nfs_names *names)
{
	return (struct nfs_node *)table_oldest(names->nodes);
}

static void forget(struct nfs_names *names, struct nfs_node *node)
{
	table_remove(names->nodes, &node->entry);
	free(node->name);
	free(node);
}

void nfs_names_free(struct nfs_names *names)
{
	struct nfs_node *node;

	while ((node = oldest(names)))
		forget(names, node);
	table_free(names->nodes);
	free(names);
}

struct nfs_node *nfs_node_find(struct nfs_names *names, const struct key *key)
{
	struct nfs_node *node = (struct nfs_node *)table_find(names->nodes, key);

	if (node)
		table_touch(names->nodes, &node->entry);
	return node;
}

struct nfs_node *nfs_node_make(struct nfs_names *names, const struct key *key)
{
	struct nfs_node *node = nfs_node_find(names, key);

	if (node)
		return node;
	node = calloc(1, sizeof(*node));
	if (!node)
		return NULL;
	node->key = *key;
	if (table_count(names->nodes) >= NODES_MAX)
		forget(names, oldest(names));
	if (table_add(names->nodes, &node->entry))
		return node;
	free(node);
	return NULL;
}

void nfs_node_name(struct nfs_node *node, const void *name, size_t n)
{
	char *copy;

	if (!n || n > NAME_MAX_LEN ||
	    (node->name && n == node->name_len && !memcmp(name, node->name, n)))
		return;
	copy = malloc(n);
	if (!copy)
		return;
	memcpy(copy, name, n);
	free(node->name);
	node->name = copy;
	node->name_len = n;
}

size_t nfs_node_path(struct nfs_names *names, const struct nfs_node *node,
		     char path[static NFS_PATH_MAX])
{
	size_t left = NFS_PATH_MAX;

	for (int depth = 0; depth < DEPTH_MAX && node && node->name; depth++) {
		if (left < node->name_len + 1)
			break;
		if (depth)
			path[--left] = '/';
		left -= node->name_len;
		memcpy(path + left, node->name, node->name_len);
		node = node->has_dir ? nfs_node_find(names, &node->dir) : NULL;
	}
	memmove(path, path + left, NFS_PATH_MAX - left);
	return NFS_PATH_MAX - left;
}
