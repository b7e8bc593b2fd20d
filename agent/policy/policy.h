/* SPDX-License-Identifier: MIT */
/*
 * What may leave: modes per field, and how several policies combine.
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
 * Modes from least to most strict: the stricter of two is the larger.
 * X(CONSTANT, name)
 */
#define POLICY_MODES(X)   \
	X(SHARE, "share") \
	X(OMIT, "omit")

enum policy_mode {
#define POLICY_MODE_ENUM(id, name) POLICY_##id,
	POLICY_MODES(POLICY_MODE_ENUM)
#undef POLICY_MODE_ENUM
		POLICY_MODE_COUNT
};

struct policy {
	uint8_t mode[SLUICE_FIELD_COUNT]; /* enum policy_mode; any other value omits */
};

/* All fields in one mode. */
struct policy policy_all(enum policy_mode mode);
/* The stricter mode of each field. */
struct policy policy_strictest(struct policy a, struct policy b);
/* Fields whose bit is off in a share mask are omitted. */
struct policy policy_masked(struct policy p, uint32_t share_mask);
/* The mode of a field; POLICY_OMIT for any value that is not a mode. */
enum policy_mode policy_mode(const struct policy *p, enum sluice_field field);

const char *policy_field_name(enum sluice_field field);
/* SLUICE_FIELD_COUNT when the name is none. */
enum sluice_field policy_field_find(const char *name);
const char *policy_mode_name(enum policy_mode mode);
/* POLICY_MODE_COUNT when the name is none. */
enum policy_mode policy_mode_find(const char *name);

/*
 * Text form "source_ip=share source_port=omit ..." for storing a policy as it
 * was.  Reading back fails closed: what is missing, unknown or malformed is
 * omitted, and false is returned.
 */
#define POLICY_TEXT_MAX 512
const char *policy_text(const struct policy *p, char text[static POLICY_TEXT_MAX]);
bool policy_parse(const char *text, struct policy *p);

#endif
