/* SPDX-License-Identifier: MIT */
/*
 * The network namespaces that are captured: in each a netlink handle, its rings and its
 * inspectors.
 *
 * The handle and the rings hold a namespace, so that one that was deleted would live on
 * for us alone.  Whether its path still names it is looked at every second; when it does
 * not, its inspectors are ended and everything of it is closed.  A path that names a
 * namespace again, or at last, is captured from then on.
 */
#ifndef SLUICE_SUPERVISOR_NAMESPACES_H
#define SLUICE_SUPERVISOR_NAMESPACES_H

#include "lib/kernel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct supervisor;
struct child;

struct namespace
{
	const char *path; /* NULL: the one we run in */
	uint64_t inode;	  /* 0: not there, or not captured */
	struct kernel kernel;
	int probe;    /* a socket in it, to ask for interfaces; or -1 */
	bool failing; /* it is there and cannot be captured, and that was logged */
};

/*
 * At the start: opens each.  A path that names no namespace yet is waited for; anything
 * else that fails is logged, and false.
 */
bool namespaces_open(struct supervisor *s);
void namespaces_close(struct supervisor *s);
/*
 * Every second: which came and went, and what the names in [vsys] sections stand for;
 * at_once: now.
 */
void namespaces_step(struct supervisor *s, bool at_once);
/* When it has something to do, at most `when`. */
uint64_t namespaces_at(const struct supervisor *s, uint64_t when);
/* The handle of a child's namespace; NULL: that is not there any more. */
struct kernel *namespaces_kernel(struct supervisor *s, const struct child *c);

/* Inode of the namespace that a path names; 0: none. */
uint64_t namespace_inode(const char *path);

#endif
