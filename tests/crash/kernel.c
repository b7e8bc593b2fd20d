// SPDX-License-Identifier: MIT
/*
 * The kernel's half for an agent on a machine without the module: stands in for lib/kernel.c
 * and source/ring.c, everything else of the agent is as it is.
 *
 * The ring is a socket of records, one a datagram, laid out as <linux/sluice.h> has them. Its
 * number is in the environment variable SLUICE_RING, inherited from whoever starts the agent.
 * Settings are taken and forgotten, all twelve switches are on, and what is to be skipped or
 * shunted comes all the same, as it may from the module.
 */
#include "lib/kernel.h"
#include "source/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------- netlink */

bool kernel_open(struct kernel *k)
{
	memset(k, 0, sizeof(*k));
	return true;
}

void kernel_close(struct kernel *k)
{
}

struct nl_msg *kernel_request(struct kernel *k, enum sluice_cmd cmd, bool dump)
{
	return nlmsg_alloc();
}

bool kernel_call(struct kernel *k, struct nl_msg *msg, const char *what, kernel_each *each,
		 void *arg)
{
	nlmsg_free(msg);
	return true;
}

bool kernel_share_get(struct kernel *k, uint32_t *mask, uint32_t *generation)
{
	*mask = SLUICE_SHARE_ALL;
	*generation = 1;
	return true;
}

bool kernel_share_set(struct kernel *k, uint32_t select, uint32_t mask)
{
	return true;
}

bool kernel_skip(struct kernel *k, uint64_t session, enum sluice_direction direction,
		 uint32_t sequence, uint64_t length)
{
	return true;
}

bool kernel_shunt(struct kernel *k, uint64_t session)
{
	return true;
}

bool kernel_join(struct kernel *k, const char *group)
{
	return true;
}

bool kernel_receive(struct kernel *k, kernel_each *each, void *arg)
{
	return true;
}

bool kernel_ring_open(struct kernel *k, uint32_t index, uint32_t count, uint32_t size, int *fd)
{
	const char *number = getenv("SLUICE_RING");

	*fd = number ? fcntl(atoi(number), F_DUPFD_CLOEXEC, 3) : -1;
	if (*fd < 0 || fcntl(*fd, F_SETFL, O_NONBLOCK) < 0) {
		snprintf(k->error, sizeof(k->error),
			 "SLUICE_RING=%s: expected the number of a socket that is open",
			 number ? number : "");
		return false;
	}
	return true;
}

/* ---------------------------------------------------------------------- ring */

#define RECORD_MAX 65536
#define HELD_MAX 1024 /* records between two calls of ring_release() */

struct ring {
	int fd;
	struct sluice_record *held[HELD_MAX];
	size_t count;
};

struct ring *ring_open(int fd, struct counters *counters, char error[static RING_ERROR_MAX])
{
	struct ring *r = calloc(1, sizeof(*r));

	if (r)
		r->fd = fd;
	else
		snprintf(error, RING_ERROR_MAX, "ring: out of memory");
	return r;
}

void ring_close(struct ring *r)
{
	if (r)
		ring_release(r);
	free(r);
}

const struct sluice_record *ring_next(struct ring *r)
{
	struct sluice_record *record = r->count < HELD_MAX ? malloc(RECORD_MAX) : NULL;
	ssize_t n = record ? read(r->fd, record, RECORD_MAX) : -1;

	if (n < (ssize_t)sizeof(*record)) {
		free(record);
		return NULL;
	}
	r->held[r->count++] = record;
	return record;
}

void ring_release(struct ring *r)
{
	while (r->count)
		free(r->held[--r->count]);
}
