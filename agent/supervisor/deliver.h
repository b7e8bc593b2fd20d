/* SPDX-License-Identifier: MIT */
/*
 * What goes to the forwarder: rows of the outbox, and envelopes made when asked for.
 *
 * The outbox is the buffer: rows are read when the socket has room, and at most
 * DELIVER_WINDOW of them are under way without the forwarder's word that it has
 * committed them.  Of envelopes only the wish is kept; each is rendered at the
 * moment it is sent, under the policy of that moment.  So the supervisor never waits
 * for the forwarder, and a forwarder that does not read costs no memory.
 */
#ifndef SLUICE_SUPERVISOR_DELIVER_H
#define SLUICE_SUPERVISOR_DELIVER_H

#include "lib/counter.h"
#include "lib/kernel.h"
#include "lib/msg.h"
#include "supervisor/config.h"
#include "supervisor/permit.h"
#include "supervisor/store.h"
#include "supervisor/users.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DELIVER_WINDOW 64
#define DELIVER_WISHES_MAX 1024

/* Why something may not leave; the forwarder shows it. */
#define DELIVER_REASON_MAX 256

struct wish {
	uint8_t id[SIGHTING_ID_SIZE];
	char cloud[CLOUD_NAME_MAX];
	uint64_t slot; /* which attempt wants it */
};

struct deliver {
	const struct config *c;
	struct store *store;
	struct users *users;
	struct kernel *kernel;
	struct counters *counters;
	struct permits *permits; /* is told of envelopes */
	struct msg msg;
	struct buf json, name;

	struct wish wish[DELIVER_WISHES_MAX]; /* a ring */
	size_t wish_first, wishes;
	int64_t sent;	     /* number of the last outbox row that was sent */
	unsigned int window; /* rows sent and not yet acknowledged */
	bool more;	     /* the outbox may have rows beyond `sent` */
	bool blocked;	     /* the forwarder's socket is full */
	bool kernel_failing; /* the switches could not be read, and that was logged */
};

void deliver_init(struct deliver *d);
void deliver_free(struct deliver *d);
/* A new forwarder: everything in the outbox once more, wishes of the old one forgotten. */
void deliver_restart(struct deliver *d);
/* The outbox has new rows. */
void deliver_added(struct deliver *d);
/* A row was acknowledged and removed. */
void deliver_acknowledged(struct deliver *d);
/* Takes a MSG_RENDER; false: malformed, or more wishes than an honest forwarder has. */
bool deliver_wish(struct deliver *d, const struct msg_view *v);
/* Sends what the socket takes.  MSG_OK, or why the forwarder cannot be talked to. */
enum msg_result deliver_send(struct deliver *d, int fd);

/*
 * The kernel's switches at this moment.  When they cannot be read all are off: what
 * is not clearly allowed does not leave.
 */
uint32_t deliver_mask(struct deliver *d);

/*
 * The policy that holds for a sighting and a cloud at this moment, and the sample's hash.
 * False with the reason why nothing of it may leave.
 */
bool deliver_effective(struct deliver *d, const uint8_t id[static SIGHTING_ID_SIZE],
		       const char *cloud, struct policy *effective,
		       uint8_t sample[static SHA256_SIZE],
		       char reason[static DELIVER_REASON_MAX]);

#endif
