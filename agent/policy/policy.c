// SPDX-License-Identifier: MIT
#include "policy/policy.h"

#include "lib/size.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_V4 24
#define DEFAULT_V6 48

static const char *const field_names[SLUICE_FIELD_COUNT] = {
#define FIELD_NAME(id, name, panos) [SLUICE_FIELD_##id] = #name,
	SLUICE_FIELDS(FIELD_NAME)
#undef FIELD_NAME
};

static const char *const mode_names[POLICY_MODE_COUNT] = {
#define MODE_NAME(id, name) [POLICY_##id] = name,
	POLICY_MODES(MODE_NAME)
#undef MODE_NAME
};

static const char *const url_variants[] = {
	[POLICY_URL_PATH] = "path", [POLICY_URL_ORIGIN] = "origin", NULL};
static const char *const encrypt_variants[] = {
	[POLICY_ENCRYPT_PREFIX] = "prefix", [POLICY_ENCRYPT_SINGLE] = "deterministic", NULL};

/* --------------------------------------------------------- what a field can have */

bool policy_is_address(enum sluice_field field)
{
	return field == SLUICE_FIELD_SOURCE_IP || field == SLUICE_FIELD_DESTINATION_IP;
}

bool policy_is_port(enum sluice_field field)
{
	return field == SLUICE_FIELD_SOURCE_PORT || field == SLUICE_FIELD_DESTINATION_PORT;
}

bool policy_allows(enum sluice_field field, enum policy_mode mode)
{
	if ((unsigned int)field >= SLUICE_FIELD_COUNT)
		return false;
	switch (mode) {
	case POLICY_SHARE:
	case POLICY_OMIT:
	case POLICY_PSEUDONYMISE:
		return true;
	case POLICY_ENCRYPT:
	case POLICY_GENERALISE:
		return policy_is_address(field);
	case POLICY_TRUNCATE:
		return policy_is_address(field) || policy_is_port(field) ||
		       field == SLUICE_FIELD_URL || field == SLUICE_FIELD_FILENAME ||
		       field == SLUICE_FIELD_EMAIL_SENDER ||
		       field == SLUICE_FIELD_EMAIL_RECIPIENT;
	default:
		return false;
	}
}

/* The names of the ways in which a field can have a mode, or NULL: there is one. */
static const char *const *variants(enum sluice_field field, unsigned int mode)
{
	if (mode == POLICY_ENCRYPT)
		return encrypt_variants;
	return mode == POLICY_TRUNCATE && field == SLUICE_FIELD_URL ? url_variants : NULL;
}

static bool good(enum sluice_field field, const struct policy_field *f)
{
	const char *const *names = variants(field, f->mode);
	bool prefix = f->mode == POLICY_TRUNCATE && policy_is_address(field);

	return policy_allows(field, f->mode) && f->v4 <= (prefix ? 32 : 0) &&
	       f->v6 <= (prefix ? 128 : 0) && f->variant <= (names ? 1 : 0);
}

struct policy_field policy_get(const struct policy *p, enum sluice_field field)
{
	if ((unsigned int)field < SLUICE_FIELD_COUNT && good(field, &p->field[field]))
		return p->field[field];
	return (struct policy_field){.mode = POLICY_OMIT};
}

enum policy_mode policy_mode(const struct policy *p, enum sluice_field field)
{
	return policy_get(p, field).mode;
}

void policy_set(struct policy *p, enum sluice_field field, enum policy_mode mode)
{
	struct policy_field f = {.mode = (uint8_t)mode};

	if (mode == POLICY_TRUNCATE && policy_is_address(field)) {
		f.v4 = DEFAULT_V4;
		f.v6 = DEFAULT_V6;
	}
	if (!policy_allows(field, mode))
		f.mode = POLICY_OMIT;
	p->field[field] = f;
}

struct policy policy_all(enum policy_mode mode)
{
	struct policy p;

	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		policy_set(&p, f, mode);
	return p;
}

/* -------------------------------------------------------------- combining them */

static uint8_t least(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

static uint8_t most(uint8_t a, uint8_t b)
{
	return a > b ? a : b;
}

static struct policy_field stricter(struct policy_field a, struct policy_field b)
{
	if (a.mode != b.mode)
		return a.mode > b.mode ? a : b;
	return (struct policy_field){
		.mode = a.mode,
		.v4 = least(a.v4, b.v4),
		.v6 = least(a.v6, b.v6),
		.variant = most(a.variant, b.variant),
	};
}

struct policy policy_strictest(struct policy a, struct policy b)
{
	struct policy r;

	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		r.field[f] = stricter(policy_get(&a, f), policy_get(&b, f));
	return r;
}

struct policy policy_masked(struct policy p, uint32_t share_mask)
{
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		if (!(share_mask & SLUICE_FIELD_BIT(f)))
			policy_set(&p, f, POLICY_OMIT);
	return p;
}

struct policy policy_keyless(struct policy p, unsigned int *missing)
{
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		enum policy_mode mode = policy_mode(&p, f);

		if (mode != POLICY_ENCRYPT && mode != POLICY_PSEUDONYMISE)
			continue;
		policy_set(&p, f, POLICY_OMIT);
		(*missing)++;
	}
	return p;
}

bool policy_within(const struct policy *a, const struct policy *b)
{
	struct policy both = policy_strictest(*a, *b);

	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		struct policy_field x = policy_get(a, f);

		if (memcmp(&x, &both.field[f], sizeof(x)) != 0)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------ names */

const char *policy_field_name(enum sluice_field field)
{
	return (unsigned int)field < SLUICE_FIELD_COUNT ? field_names[field] : "unknown";
}

/* Index of the n bytes at name in a table of names, or its size. */
static unsigned int find(const char *const *names, unsigned int count, const char *name,
			 size_t n)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
			break;
	return i;
}

enum sluice_field policy_field_find(const char *name)
{
	return find(field_names, SLUICE_FIELD_COUNT, name, strlen(name));
}

const char *policy_mode_name(enum policy_mode mode)
{
	return (unsigned int)mode < POLICY_MODE_COUNT ? mode_names[mode]
						      : mode_names[POLICY_OMIT];
}

enum policy_mode policy_mode_find(const char *name)
{
	return find(mode_names, POLICY_MODE_COUNT, name, strlen(name));
}

/* --------------------------------------------------------------- texts of fields */

static const char *field_text(const struct policy *p, enum sluice_field field, char between,
			      char text[static POLICY_FIELD_TEXT_MAX])
{
	struct policy_field f = policy_get(p, field);
	const char *const *names = variants(field, f.mode);
	const char *mode = mode_names[f.mode];

	if (f.mode == POLICY_TRUNCATE && policy_is_address(field))
		snprintf(text, POLICY_FIELD_TEXT_MAX, "%s%c%u%c%u", mode, between, f.v4,
			 between, f.v6);
	else if (names)
		snprintf(text, POLICY_FIELD_TEXT_MAX, "%s%c%s", mode, between,
			 names[f.variant]);
	else
		snprintf(text, POLICY_FIELD_TEXT_MAX, "%s", mode);
	return text;
}

const char *policy_field_text(const struct policy *p, enum sluice_field field,
			      char text[static POLICY_FIELD_TEXT_MAX])
{
	return field_text(p, field, ' ', text);
}

#define SEPARATORS " \t,"

static bool take_bits(const char *word, uint64_t max, uint8_t *bits)
{
	uint64_t n;

	if (!size_parse(word, false, &n) || n > max)
		return false;
	*bits = (uint8_t)n;
	return true;
}

/* The words behind the mode; NULL: no such word. */
static bool take_parameters(enum sluice_field field, const char *first, const char *second,
			    struct policy_field *f)
{
	const char *const *names = variants(field, f->mode);

	if (!first)
		return true;
	if (f->mode == POLICY_TRUNCATE && policy_is_address(field))
		return second && take_bits(first, 32, &f->v4) && take_bits(second, 128, &f->v6);
	if (!names || second)
		return false;
	f->variant = (uint8_t)find(names, 2, first, strlen(first));
	return f->variant < 2;
}

bool policy_field_parse(enum sluice_field field, const char *text, struct policy_field *f)
{
	char copy[POLICY_FIELD_TEXT_MAX], *state, *mode, *first, *second, *more;
	struct policy p;
	unsigned int m;

	*f = (struct policy_field){.mode = POLICY_OMIT};
	if (strlen(text) >= sizeof(copy))
		return false;
	strcpy(copy, text);
	mode = strtok_r(copy, SEPARATORS, &state);
	first = mode ? strtok_r(NULL, SEPARATORS, &state) : NULL;
	second = first ? strtok_r(NULL, SEPARATORS, &state) : NULL;
	more = second ? strtok_r(NULL, SEPARATORS, &state) : NULL;
	m = mode ? policy_mode_find(mode) : POLICY_MODE_COUNT;
	if (more || !policy_allows(field, m))
		return false;
	policy_set(&p, field, m);
	if (!take_parameters(field, first, second, &p.field[field]))
		return false;
	*f = p.field[field];
	return true;
}

const char *policy_field_expected(enum sluice_field field)
{
	if (policy_is_address(field))
		return "share, truncate [V4 V6], encrypt [prefix|deterministic], pseudonymise, "
		       "generalise or omit";
	if (field == SLUICE_FIELD_URL)
		return "share, truncate [path|origin], pseudonymise or omit";
	if (policy_allows(field, POLICY_TRUNCATE))
		return "share, truncate, pseudonymise or omit";
	return "share, pseudonymise or omit";
}

/* ------------------------------------------------------------- text of a policy */

const char *policy_text(const struct policy *p, char text[static POLICY_TEXT_MAX])
{
	char field[POLICY_FIELD_TEXT_MAX];
	size_t n = 0;

	/* The longest text is far below POLICY_TEXT_MAX. */
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		n += (size_t)snprintf(text + n, POLICY_TEXT_MAX - n, "%s%s=%s", f ? " " : "",
				      field_names[f], field_text(p, f, ',', field));
	return text;
}

/* The n bytes NAME=MODE; the field that is named, or SLUICE_FIELD_COUNT. */
static enum sluice_field parse_one(const char *text, size_t n, struct policy_field *f, bool *ok)
{
	const char *equal = memchr(text, '=', n);
	char value[POLICY_FIELD_TEXT_MAX];
	size_t length = equal ? n - (size_t)(equal + 1 - text) : 0;
	enum sluice_field field = SLUICE_FIELD_COUNT;

	*f = (struct policy_field){.mode = POLICY_OMIT};
	if (equal)
		field = find(field_names, SLUICE_FIELD_COUNT, text, (size_t)(equal - text));
	if (field == SLUICE_FIELD_COUNT || length >= sizeof(value)) {
		*ok = false;
		return field;
	}
	memcpy(value, equal + 1, length);
	value[length] = '\0';
	if (!policy_field_parse(field, value, f))
		*ok = false;
	return field;
}

bool policy_parse(const char *text, struct policy *p)
{
	struct policy_field one;
	uint32_t seen = 0;
	bool ok = true;

	*p = policy_all(POLICY_OMIT);
	while (*text) {
		size_t n = strcspn(text, " ");
		enum sluice_field field = parse_one(text, n, &one, &ok);

		if (field != SLUICE_FIELD_COUNT) {
			if (seen & SLUICE_FIELD_BIT(field)) {
				ok = false;
				one = (struct policy_field){.mode = POLICY_OMIT};
			}
			p->field[field] = one;
			seen |= SLUICE_FIELD_BIT(field);
		}
		text += n;
		if (*text)
			text++;
	}
	return ok && seen == SLUICE_SHARE_ALL;
}
