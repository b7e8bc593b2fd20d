/* SPDX-License-Identifier: MIT */
/*
 * What became of files, by type, by cloud and by reason: counted by the supervisor, which
 * sees each sighting and each outcome. Begins anew with it, as all counters do; what waits
 * for a cloud is read from the database then.
 *
 * A sighting either goes to a cloud at least, or has one reason why it does not:
 *
 *	sightings accepted by the supervisor = sum of type[].accepted + sum of unsent[]
 *
 * and of each cloud, after every call of a function below,
 *
 *	seen = overload + accepted
 *	carried + accepted = waiting + sent + known + refused
 *
 * Names of types, clouds and reasons are all there is here: nothing of a session.
 */
#ifndef SLUICE_SUPERVISOR_TALLY_H
#define SLUICE_SUPERVISOR_TALLY_H

#include "supervisor/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(CONSTANT, name, help), of a cloud. A submission is a sighting on its way to one cloud. */
#define TALLY_CLOUDS(X)                                                       \
	X(SEEN, seen, "submissions that rules made for the cloud")            \
	X(OVERLOAD, overload, "submissions not accepted: too many waited")    \
	X(ACCEPTED, accepted, "submissions accepted for the cloud")           \
	X(SENT, sent, "submissions that ended: the sample was uploaded")      \
	X(KNOWN, known, "submissions that ended: the cloud knew the sample")  \
	X(REFUSED, refused, "submissions that ended: the cloud refused them") \
	X(CARRIED, carried, "submissions that waited when the agent started") \
	X(RETRIES, retries, "attempts that will be repeated")                 \
	X(REQUESTS, requests, "requests to the cloud that were allowed")      \
	X(REQUEST_BYTES, request_bytes, "bytes of the bodies of these")       \
	X(REQUESTS_REFUSED, requests_refused,                                 \
	  "requests to the cloud that were not allowed: policy, or the ledger")

/* Of a file type. Sent and known: submissions, of which a sighting may have several. */
#define TALLY_TYPES(X)                                                    \
	X(SEEN, seen, "sightings of the type")                            \
	X(COMPLETE, complete, "sightings of the type that were whole")    \
	X(ACCEPTED, accepted, "sightings of the type that go to a cloud") \
	X(SENT, sent, "submissions of the type that were uploaded")       \
	X(KNOWN, known, "submissions of the type that the cloud knew of") \
	X(OVERLOAD, overload, "submissions of the type not accepted: too many waited")

/* Why a sighting goes to no cloud, beside the reasons why a file is not whole or not kept. */
#define TALLY_REASONS(X)                                                              \
	X(NO_RULE, "no-rule")	/* whole, and no rule wants it */                     \
	X(OVERSIZE, "oversize") /* larger than the limit of its type */               \
	X(POLICY, "policy")	/* the cloud's policy lets none of its kind go */     \
	X(OVERLOAD, "overload") /* too much waits: for its clouds, or in the spool */ \
	X(REPEATED, "repeated") /* announced again after a restart */

enum tally_cloud {
#define TALLY_CLOUD_ENUM(id, name, help) TALLY_CLOUD_##id,
	TALLY_CLOUDS(TALLY_CLOUD_ENUM)
#undef TALLY_CLOUD_ENUM
		TALLY_CLOUD_COUNT
};

enum tally_type {
#define TALLY_TYPE_ENUM(id, name, help) TALLY_TYPE_##id,
	TALLY_TYPES(TALLY_TYPE_ENUM)
#undef TALLY_TYPE_ENUM
		TALLY_TYPE_COUNT
};

/* Below FILE_REASON_COUNT it is an enum file_reason. */
enum tally_reason {
	TALLY_REASON_BEFORE = FILE_REASON_COUNT - 1,
#define TALLY_REASON_ENUM(id, text) TALLY_REASON_##id,
	TALLY_REASONS(TALLY_REASON_ENUM)
#undef TALLY_REASON_ENUM
		TALLY_REASON_COUNT
};

#define TALLY_TYPE_OTHER FILE_TYPES_MAX /* of none of the types */

/* By place in the configuration's clouds, which does not change while the agent runs. */
struct tally {
	uint64_t cloud[CLOUD_MAX][TALLY_CLOUD_COUNT];
	uint64_t waiting[CLOUD_MAX]; /* submissions without an outcome, now */
	uint64_t type[FILE_TYPES_MAX + 1][TALLY_TYPE_COUNT];
	uint64_t unsent[TALLY_REASON_COUNT];
};

const char *tally_cloud_name(enum tally_cloud c);
const char *tally_cloud_help(enum tally_cloud c);
const char *tally_type_name(enum tally_type t);
const char *tally_type_help(enum tally_type t);
const char *tally_reason_text(unsigned int reason);
#define TALLY_WAITING_HELP "submissions that have no outcome yet"
#define TALLY_UNSENT_HELP "sightings that go to no cloud"

/* The types and, as the last of so many places, "other": name and counts of one. */
size_t tally_type_places(const struct config *c);
const char *tally_type_label(const struct config *c, size_t place);
const uint64_t *tally_type_counts(const struct tally *t, const struct config *c, size_t place);
/* Adds to what a cloud has; one that is not configured is left alone. */
void tally_cloud(struct tally *t, const struct config *c, const char *cloud,
		 enum tally_cloud which, uint64_t n);

/*
 * A sighting that was stored, or needed no storing. clouds: those it goes to, by bit; overload:
 * those it does not go to because too much waits for them.
 */
void tally_sighting(struct tally *t, const struct config *c, const struct sighting *s,
		    uint64_t clouds, uint64_t overload, unsigned int reason);
/* The end of a submission, told once. type: of its sighting, NULL: none. */
void tally_ended(struct tally *t, const struct config *c, const char *cloud, const char *type,
		 enum cloud_outcome outcome);
/* What waits since before the start. */
void tally_waiting(struct tally *t, const struct config *c, const char *cloud, uint64_t n);

#endif
