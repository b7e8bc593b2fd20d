// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "policy/policy.h"

#include <stdlib.h>

/* Everything a field may have said of it, one of each mode and more of those with parameters. */
static const char *const treatments[] = {
	"share",
	"truncate",
	"truncate 24 48",
	"truncate 8 32",
	"truncate 16 64",
	"truncate 0 0",
	"truncate 32 128",
	"truncate path",
	"truncate origin",
	"encrypt",
	"encrypt prefix",
	"encrypt deterministic",
	"pseudonymise",
	"generalise",
	"omit",
};

#define TREATMENTS (sizeof(treatments) / sizeof(treatments[0]))

/* A policy with something in every field, mostly what the field can have. */
static struct policy any(unsigned int *seed)
{
	struct policy p;

	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		while (!policy_field_parse(f, treatments[rand_r(seed) % TREATMENTS],
					   &p.field[f]))
			;
	return p;
}

static int same(struct policy a, struct policy b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

TEST(names)
{
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		EXPECT_EQ(f, policy_field_find(policy_field_name(f)));
	EXPECT_EQ(SLUICE_FIELD_COUNT, policy_field_find("source_i"));
	EXPECT_EQ(SLUICE_FIELD_COUNT, policy_field_find("source_ips"));
	EXPECT_EQ(SLUICE_FIELD_COUNT, policy_field_find(""));
	for (unsigned int m = 0; m < POLICY_MODE_COUNT; m++)
		EXPECT_EQ(m, policy_mode_find(policy_mode_name(m)));
	EXPECT_EQ(POLICY_MODE_COUNT, policy_mode_find("trunc"));
	EXPECT_STREQ("unknown", policy_field_name(SLUICE_FIELD_COUNT));
}

/* Which field can have which mode: what the table of the documentation says. */
TEST(allowed)
{
	/* In the order of the modes: share, truncate, encrypt, pseudonymise, generalise, omit. */
	static const char *const table[SLUICE_FIELD_COUNT] = {
		[SLUICE_FIELD_SOURCE_IP] = "stepgo",	 [SLUICE_FIELD_SOURCE_PORT] = "st-p-o",
		[SLUICE_FIELD_DESTINATION_IP] = "stepgo", [SLUICE_FIELD_DESTINATION_PORT] = "st-p-o",
		[SLUICE_FIELD_VIRTUAL_SYSTEM] = "s--p-o", [SLUICE_FIELD_APPLICATION] = "s--p-o",
		[SLUICE_FIELD_USER] = "s--p-o",		 [SLUICE_FIELD_URL] = "st-p-o",
		[SLUICE_FIELD_FILENAME] = "st-p-o",	 [SLUICE_FIELD_EMAIL_SENDER] = "st-p-o",
		[SLUICE_FIELD_EMAIL_RECIPIENT] = "st-p-o", [SLUICE_FIELD_EMAIL_SUBJECT] = "s--p-o",
	};

	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		for (unsigned int m = 0; m < POLICY_MODE_COUNT; m++) {
			struct policy p = policy_all(POLICY_SHARE);
			struct policy_field parsed;
			bool can = table[f][m] != '-';

			EXPECT_EQ(can, policy_allows(f, m));
			EXPECT_EQ(can, policy_field_parse(f, policy_mode_name(m), &parsed));
			policy_set(&p, f, m);
			EXPECT_EQ(can ? m : POLICY_OMIT, policy_mode(&p, f));
			EXPECT_EQ(can ? m : POLICY_OMIT, parsed.mode);
			EXPECT_EQ(can, strstr(policy_field_expected(f), policy_mode_name(m)) != NULL);
		}
		EXPECT_FALSE(policy_allows(f, POLICY_MODE_COUNT));
	}
	EXPECT_FALSE(policy_allows(SLUICE_FIELD_COUNT, POLICY_SHARE));
}

TEST(texts_of_fields)
{
	static const struct {
		enum sluice_field field;
		const char *text, *read; /* NULL: refused */
	} rows[] = {
		{SLUICE_FIELD_SOURCE_IP, "truncate", "truncate 24 48"},
		{SLUICE_FIELD_SOURCE_IP, " truncate\t0  128 ", "truncate 0 128"},
		{SLUICE_FIELD_SOURCE_IP, "truncate 33 48", NULL},
		{SLUICE_FIELD_SOURCE_IP, "truncate 24 129", NULL},
		{SLUICE_FIELD_SOURCE_IP, "truncate 24", NULL},
		{SLUICE_FIELD_SOURCE_IP, "truncate 24 48 64", NULL},
		{SLUICE_FIELD_SOURCE_IP, "truncate -1 48", NULL},
		{SLUICE_FIELD_SOURCE_IP, "truncate 256 48", NULL},
		{SLUICE_FIELD_SOURCE_IP, "encrypt", "encrypt prefix"},
		{SLUICE_FIELD_SOURCE_IP, "encrypt deterministic", "encrypt deterministic"},
		{SLUICE_FIELD_SOURCE_IP, "encrypt 24", NULL},
		{SLUICE_FIELD_SOURCE_IP, "share 24 48", NULL},
		{SLUICE_FIELD_URL, "truncate", "truncate path"},
		{SLUICE_FIELD_URL, "truncate origin", "truncate origin"},
		{SLUICE_FIELD_URL, "truncate 24 48", NULL},
		{SLUICE_FIELD_URL, "truncate origin path", NULL},
		{SLUICE_FIELD_FILENAME, "truncate", "truncate"},
		{SLUICE_FIELD_FILENAME, "truncate extension", NULL},
		{SLUICE_FIELD_USER, "truncate", NULL},
		{SLUICE_FIELD_USER, "Share", NULL},
		{SLUICE_FIELD_USER, "share omit", NULL},
		{SLUICE_FIELD_USER, "", NULL},
		{SLUICE_FIELD_USER, "hash", NULL},
		{SLUICE_FIELD_USER, "omit                                       ", NULL},
	};
	char text[POLICY_FIELD_TEXT_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy p = policy_all(POLICY_SHARE);
		struct policy_field f;

		EXPECT_EQ(rows[i].read != NULL, policy_field_parse(rows[i].field, rows[i].text, &f))
			TH_LOG("'%s'", rows[i].text);
		p.field[rows[i].field] = f;
		EXPECT_STREQ(rows[i].read ? rows[i].read : "omit",
			     policy_field_text(&p, rows[i].field, text));
	}
}

/* The stricter of two wins, and parameter by parameter where the mode is the same. */
TEST(strictest_of_fields)
{
	static const struct {
		enum sluice_field field;
		const char *a, *b, *both;
	} rows[] = {
		{SLUICE_FIELD_SOURCE_IP, "share", "truncate 24 48", "truncate 24 48"},
		{SLUICE_FIELD_SOURCE_IP, "truncate 24 32", "truncate 16 48", "truncate 16 32"},
		{SLUICE_FIELD_SOURCE_IP, "truncate 8 8", "encrypt prefix", "encrypt prefix"},
		{SLUICE_FIELD_SOURCE_IP, "encrypt prefix", "encrypt deterministic",
		 "encrypt deterministic"},
		{SLUICE_FIELD_SOURCE_IP, "encrypt deterministic", "pseudonymise", "pseudonymise"},
		{SLUICE_FIELD_SOURCE_IP, "pseudonymise", "generalise", "generalise"},
		{SLUICE_FIELD_SOURCE_IP, "generalise", "omit", "omit"},
		{SLUICE_FIELD_URL, "truncate path", "truncate origin", "truncate origin"},
		{SLUICE_FIELD_URL, "truncate origin", "pseudonymise", "pseudonymise"},
	};
	char text[POLICY_FIELD_TEXT_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy a = policy_all(POLICY_SHARE), b = a, r;

		ASSERT_TRUE(policy_field_parse(rows[i].field, rows[i].a, &a.field[rows[i].field]));
		ASSERT_TRUE(policy_field_parse(rows[i].field, rows[i].b, &b.field[rows[i].field]));
		r = policy_strictest(a, b);
		EXPECT_STREQ(rows[i].both, policy_field_text(&r, rows[i].field, text));
		r = policy_strictest(b, a);
		EXPECT_STREQ(rows[i].both, policy_field_text(&r, rows[i].field, text));
		EXPECT_TRUE(policy_within(&r, &a) && policy_within(&r, &b));
	}
}

/* Every pair of modes in every field: share only where both share. */
TEST(strictest)
{
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		for (unsigned int a = 0; a < POLICY_MODE_COUNT; a++) {
			for (unsigned int b = 0; b < POLICY_MODE_COUNT; b++) {
				struct policy pa = policy_all(POLICY_SHARE), pb = pa, r;

				policy_set(&pa, f, a);
				policy_set(&pb, f, b);
				r = policy_strictest(pa, pb);
				EXPECT_EQ(a || b, policy_mode(&r, f) != POLICY_SHARE);
				EXPECT_LE(policy_mode(&pa, f), policy_mode(&r, f));
				EXPECT_LE(policy_mode(&pb, f), policy_mode(&r, f));
				EXPECT_EQ(POLICY_SHARE,
					  policy_mode(&r, (f + 1) % SLUICE_FIELD_COUNT));
			}
		}
	}
}

/* What policies combine to does not depend on order or grouping. */
TEST(strictest_is_a_join)
{
	unsigned int seed = 5;

	for (int i = 0; i < 100000; i++) {
		struct policy a = any(&seed), b = any(&seed), c = any(&seed);
		struct policy ab = policy_strictest(a, b);

		ASSERT_TRUE(same(ab, policy_strictest(b, a)));
		ASSERT_TRUE(same(policy_strictest(ab, c),
				 policy_strictest(a, policy_strictest(b, c))));
		ASSERT_TRUE(same(a, policy_strictest(a, a)));
		ASSERT_TRUE(policy_within(&ab, &a) && policy_within(&ab, &b));
	}
}

/* Whatever is looser in one input, the result lets out no more than that input does. */
TEST(loosening)
{
	unsigned int seed = 6;

	for (int i = 0; i < 100000; i++) {
		struct policy strict = any(&seed), other = any(&seed), before, after;
		struct policy loose = strict, looser = any(&seed);
		unsigned int f = (unsigned int)rand_r(&seed) % SLUICE_FIELD_COUNT;

		loose.field[f] = looser.field[f];
		if (!policy_within(&strict, &loose))
			continue;
		before = policy_strictest(strict, other);
		after = policy_strictest(loose, other);
		ASSERT_TRUE(policy_within(&before, &after));
		ASSERT_TRUE(policy_within(&after, &loose));
		ASSERT_TRUE(policy_within(&after, &other));
		for (unsigned int k = 0; k < SLUICE_FIELD_COUNT; k++)
			if (k != f)
				ASSERT_EQ(0, memcmp(&before.field[k], &after.field[k],
						    sizeof(before.field[k])));
	}
}

TEST(masked)
{
	unsigned int seed = 7;

	for (uint32_t mask = 0; mask <= SLUICE_SHARE_ALL; mask++) {
		struct policy p = any(&seed), m = policy_masked(p, mask);

		ASSERT_TRUE(policy_within(&m, &p));
		for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
			ASSERT_EQ(mask & SLUICE_FIELD_BIT(f) ? policy_mode(&p, f) : POLICY_OMIT,
				  policy_mode(&m, f));
	}
}

/* A mask never adds. */
TEST(masked_omitted)
{
	struct policy p = policy_masked(policy_all(POLICY_OMIT), UINT32_MAX);

	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		EXPECT_EQ(POLICY_OMIT, policy_mode(&p, f));
}

TEST(without_a_key)
{
	unsigned int missing = 0;
	struct policy p = policy_all(POLICY_SHARE), k;

	policy_set(&p, SLUICE_FIELD_USER, POLICY_PSEUDONYMISE);
	policy_set(&p, SLUICE_FIELD_SOURCE_IP, POLICY_ENCRYPT);
	policy_set(&p, SLUICE_FIELD_DESTINATION_IP, POLICY_TRUNCATE);
	k = policy_keyless(p, &missing);
	EXPECT_EQ(2u, missing);
	EXPECT_TRUE(policy_within(&k, &p));
	EXPECT_EQ(POLICY_OMIT, policy_mode(&k, SLUICE_FIELD_USER));
	EXPECT_EQ(POLICY_OMIT, policy_mode(&k, SLUICE_FIELD_SOURCE_IP));
	EXPECT_EQ(POLICY_TRUNCATE, policy_mode(&k, SLUICE_FIELD_DESTINATION_IP));
	EXPECT_EQ(POLICY_SHARE, policy_mode(&k, SLUICE_FIELD_URL));
}

/* Every byte that is no treatment of its field omits it. */
TEST(fails_closed)
{
	struct policy p = policy_all(POLICY_SHARE), r;
	unsigned int seed = 8;

	p.field[SLUICE_FIELD_USER].mode = 77;
	EXPECT_EQ(POLICY_OMIT, policy_mode(&p, SLUICE_FIELD_USER));
	EXPECT_EQ(POLICY_OMIT, policy_mode(&p, SLUICE_FIELD_COUNT));
	r = policy_strictest(p, policy_all(POLICY_SHARE));
	EXPECT_EQ(POLICY_OMIT, policy_mode(&r, SLUICE_FIELD_USER));
	EXPECT_STREQ("omit", policy_mode_name(77));

	for (int i = 0; i < 100000; i++) {
		char text[POLICY_FIELD_TEXT_MAX];
		struct policy_field f, back;
		unsigned int field = (unsigned int)rand_r(&seed) % SLUICE_FIELD_COUNT;

		for (size_t k = 0; k < sizeof(f); k++)
			((uint8_t *)&f)[k] = (uint8_t)(rand_r(&seed) % 8);
		p.field[field] = f;
		f = policy_get(&p, field);
		ASSERT_TRUE(policy_allows(field, f.mode));
		ASSERT_TRUE(policy_field_parse(field, policy_field_text(&p, field, text), &back));
		ASSERT_EQ(0, memcmp(&f, &back, sizeof(f)));
	}
}

TEST(text_and_back)
{
	char text[POLICY_TEXT_MAX];
	struct policy p, back;
	unsigned int seed = 9;

	for (int i = 0; i < 10000; i++) {
		p = any(&seed);
		ASSERT_TRUE(policy_parse(policy_text(&p, text), &back));
		ASSERT_EQ(0, memcmp(&p, &back, sizeof(p)));
	}
	p = policy_all(POLICY_TRUNCATE);
	policy_set(&p, SLUICE_FIELD_SOURCE_IP, POLICY_ENCRYPT);
	EXPECT_GT(POLICY_TEXT_MAX / 2, strlen(policy_text(&p, text)));
}

/* What the store holds from before there were more modes. */
TEST(text_of_old)
{
	struct policy p;

	EXPECT_TRUE(policy_parse("source_ip=share source_port=omit destination_ip=share "
				 "destination_port=share virtual_system=share application=omit "
				 "user=omit url=share filename=share email_sender=share "
				 "email_recipient=share email_subject=share",
				 &p));
	EXPECT_EQ(POLICY_SHARE, policy_mode(&p, SLUICE_FIELD_SOURCE_IP));
	EXPECT_EQ(POLICY_OMIT, policy_mode(&p, SLUICE_FIELD_APPLICATION));
}

/* What cannot be read is omitted, and only the rest is as it says. */
TEST(parse_broken)
{
	static const char *const broken[] = {
		"", "x", "=", "user", "user=", "=share", "user=maybe", "nobody=share",
		"user=share  url=share", "USER=share", "user=share\n", "user=truncate",
		"source_ip=truncate,24", "source_ip=truncate,99,48", "url=truncate,24,48",
		"user=sharesharesharesharesharesharesharesharesharesharesharesharesharesh",
	};
	char text[POLICY_TEXT_MAX];
	struct policy all = policy_all(POLICY_SHARE), p;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		EXPECT_FALSE(policy_parse(broken[i], &p));
		EXPECT_EQ(POLICY_OMIT, policy_mode(&p, SLUICE_FIELD_SOURCE_IP));
	}
	policy_parse("url=share user=maybe", &p);
	EXPECT_EQ(POLICY_SHARE, policy_mode(&p, SLUICE_FIELD_URL));
	EXPECT_EQ(POLICY_OMIT, policy_mode(&p, SLUICE_FIELD_USER));

	policy_text(&all, text);
	strcat(text, " url=share");
	EXPECT_FALSE(policy_parse(text, &p));
	EXPECT_EQ(POLICY_OMIT, policy_mode(&p, SLUICE_FIELD_URL));
	EXPECT_EQ(POLICY_SHARE, policy_mode(&p, SLUICE_FIELD_USER));
}

TEST_HARNESS_MAIN
