/* SPDX-License-Identifier: MIT */
/*
 * What may leave: what happens to each field, and how several policies combine.
 *
 * Pure functions.  Everything that is not clearly allowed is omitted.
 */
#ifndef SLUICE_POLICY_POLICY_H
#define SLUICE_POLICY_POLICY_H

#include <linux/sluice.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Modes from least to most strict, by what an outsider learns: the value, a part of it, who
 * is near whom, who is the same, of which kind it is, nothing.  The stricter of two is the
 * larger.
 * X(CONSTANT, name)
 */
#define POLICY_MODES(X)                 \
	X(SHARE, "share")               \
	X(TRUNCATE, "truncate")         \
	X(ENCRYPT, "encrypt")           \
	X(PSEUDONYMISE, "pseudonymise") \
	X(GENERALISE, "generalise")     \
	X(OMIT, "omit")

enum policy_mode {
#define POLICY_MODE_ENUM(id, name) POLICY_##id,
	POLICY_MODES(POLICY_MODE_ENUM)
#undef POLICY_MODE_ENUM
		POLICY_MODE_COUNT
};

/* How a mode does it, where it can in more than one way; the stricter is the larger. */
enum { POLICY_URL_PATH, POLICY_URL_ORIGIN };	       /* truncate of url */
enum { POLICY_ENCRYPT_PREFIX, POLICY_ENCRYPT_SINGLE }; /* prefix-preserving, deterministic */

/* What happens to a field.  What does not belong to its mode is 0. */
struct policy_field {
	uint8_t mode;	 /* enum policy_mode */
	uint8_t v4, v6;	 /* truncate of addresses: bits kept */
	uint8_t variant; /* see above */
};

struct policy {
	struct policy_field field[SLUICE_FIELD_COUNT];
};

/* All fields in one mode; a mode that a field does not have omits it. */
struct policy policy_all(enum policy_mode mode);
/* The stricter treatment of each field. */
struct policy policy_strictest(struct policy a, struct policy b);
/* Fields whose bit is off in a share mask are omitted. */
struct policy policy_masked(struct policy p, uint32_t share_mask);
/*
 * What needs a key, where there is none: omitted.  *missing is increased by the number of
 * fields that became so.
 */
struct policy policy_keyless(struct policy p, unsigned int *missing);
/* Whether a lets nothing out that b does not, in any field. */
bool policy_within(const struct policy *a, const struct policy *b);

/* What happens to a field: omitted where that is nothing it can have. */
struct policy_field policy_get(const struct policy *p, enum sluice_field field);
/* Its mode alone. */
enum policy_mode policy_mode(const struct policy *p, enum sluice_field field);
void policy_set(struct policy *p, enum sluice_field field, enum policy_mode mode);

/* May a field have that mode? */
bool policy_allows(enum sluice_field field, enum policy_mode mode);
bool policy_is_address(enum sluice_field field);
bool policy_is_port(enum sluice_field field);

const char *policy_field_name(enum sluice_field field);
/* SLUICE_FIELD_COUNT when the name is none. */
enum sluice_field policy_field_find(const char *name);
const char *policy_mode_name(enum policy_mode mode);
/* POLICY_MODE_COUNT when the name is none. */
enum policy_mode policy_mode_find(const char *name);

/*
 * What the configuration says of one field: a mode, with its parameters behind it:
 *
 *	truncate [V4 V6]	of an address: bits kept, 24 and 48 when not given
 *	truncate [path|origin]	of a URL: all before the query, or scheme, host and port
 *	encrypt [prefix|deterministic]
 *
 * Parsing leaves *f omitted and returns false where the field cannot have that.
 */
#define POLICY_FIELD_TEXT_MAX 32
const char *policy_field_text(const struct policy *p, enum sluice_field field,
			      char text[static POLICY_FIELD_TEXT_MAX]);
bool policy_field_parse(enum sluice_field field, const char *text, struct policy_field *f);
/* What it could have said, for messages: "share, omit, truncate [V4 V6], ...". */
const char *policy_field_expected(enum sluice_field field);

/*
 * Text form "source_ip=truncate,24,48 source_port=omit ..." for storing a policy as it
 * was.  Reading back fails closed: what is missing, unknown or malformed is
 * omitted, and false is returned.
 */
#define POLICY_TEXT_MAX 1024
const char *policy_text(const struct policy *p, char text[static POLICY_TEXT_MAX]);
bool policy_parse(const char *text, struct policy *p);

#endif
