/* SPDX-License-Identifier: MIT */
/*
 * Sessions that another one announced: the data connections of FTP, the port
 * a TFTP server answers from.
 *
 * Addresses are those of struct session_info: untranslated, as each end knows itself.
 */
#ifndef SLUICE_PROTO_EXPECT_H
#define SLUICE_PROTO_EXPECT_H

#include "lib/counter.h"
#include "lib/inet.h"
#include "lib/sighting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proto_ops;
struct expect_set;

#define EXPECT_MAX 65536
#define EXPECT_LIFETIME 60000000000ull /* ns */

struct expectation {
	uint8_t protocol;	  /* IPPROTO_TCP or IPPROTO_UDP */
	struct endpoint answerer; /* who waits, and where */
	struct endpoint opener;	  /* who comes; port 0: from any, family 0: anybody */
	const struct proto_ops *ops;
	void *arg; /* for its open(), through proto_session_expected() */
	/* Nobody came: arg is not needed any more. */
	void (*release)(void *arg);
};

/* Counters are borrowed.  NULL when out of memory. */
struct expect_set *expect_set_new(size_t max, uint64_t lifetime, struct counters *counters);
/* Releases all. */
void expect_set_free(struct expect_set *set);
void expect_set_expire(struct expect_set *set, uint64_t now);

/*
 * by: the session that says so; the one that comes is in the same networks.  A later
 * expectation for the same ends replaces an earlier one.  False when out of memory:
 * arg is then still the caller's.
 */
bool expect_add(struct expect_set *set, const struct session_info *by,
		const struct expectation *e, uint64_t now);
/* Releases the expectation for these ends, if its arg is that one. */
void expect_cancel(struct expect_set *set, const struct session_info *by,
		   const struct expectation *e);
/*
 * Is it this session?  Also where its opener was guessed wrong.  True: *e is filled, and is
 * not in the set any more.
 */
bool expect_take(struct expect_set *set, const struct session_info *session, uint64_t now,
		 struct expectation *e);

#endif
