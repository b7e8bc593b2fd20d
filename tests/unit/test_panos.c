// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "policy/panos.h"
#include "policy/preset.h"

#include <stdlib.h>

static const char *error_of(const char *text)
{
	static char error[PANOS_ERROR_MAX];
	struct policy p;

	if (panos_read(text, strlen(text), &p, error))
		return "";
	/* What cannot be read shares nothing. */
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		if (policy_mode(&p, f) != POLICY_OMIT)
			return "shares";
	return error;
}

/* Every subset of the twelve, in both spellings, there and back. */
TEST(both_spellings)
{
	char error[PANOS_ERROR_MAX];

	for (uint32_t mask = 0; mask <= SLUICE_SHARE_ALL; mask++) {
		struct policy p = policy_masked(policy_all(POLICY_SHARE), mask), back;

		for (int members = 0; members < 2; members++) {
			struct buf out;

			buf_init(&out, 8192);
			ASSERT_EQ(0u, panos_write(&p, members, &out));
			ASSERT_TRUE(panos_read((const char *)out.data, out.len, &back, error));
			ASSERT_EQ(0, memcmp(&p, &back, sizeof(p)));
			buf_free(&out);
		}
	}
}

/* As devices write it: deep in a configuration, with attributes, "no", and both mixed. */
TEST(whole_configuration)
{
	static const char text[] =
		"<?xml version=\"1.0\"?>\n<config version=\"10.2.0\"><devices><entry name=\"x\">"
		"<deviceconfig><setting><wildfire><report-benign-file>no</report-benign-file>\n"
		"<session-info-select admin=\"a\" dirtyId=\"2\">\n <exclude-src-ip> yes\n</exclude-src-ip>"
		"<exclude-url>no</exclude-url><member>exclude-username</member>"
		"</session-info-select></wildfire></setting></deviceconfig></entry></devices>"
		"<shared>&lt;exclude-filename&gt;</shared></config>";
	char error[PANOS_ERROR_MAX];
	struct policy p;

	ASSERT_TRUE(panos_read(text, strlen(text), &p, error));
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		EXPECT_EQ(f == SLUICE_FIELD_SOURCE_IP || f == SLUICE_FIELD_USER ? POLICY_OMIT
									     : POLICY_SHARE,
			  policy_mode(&p, f));
	ASSERT_TRUE(panos_read("<session-info-select/>", 22, &p, error));
	EXPECT_EQ(POLICY_SHARE, policy_mode(&p, SLUICE_FIELD_USER));
}

TEST(refused)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"", "no element found"},
		{"<a>", "no element found"},
		{"<a></b>", "mismatched tag"},
		{"<a/>", "no <session-info-select>"},
		{"<session-info-select>", "no element found"},
		{"<a><session-info-select/><session-info-select/></a>", "a second"},
		{"<session-info-select><exclude-dst-ip>yes</exclude-dst-ip></session-info-select>",
		 "<exclude-dst-ip>: expected"},
		{"<session-info-select><member>exclude-dst-ip</member></session-info-select>",
		 "'exclude-dst-ip': expected"},
		{"<session-info-select><member></member></session-info-select>", "'': expected"},
		{"<session-info-select>\n<exclude-url>maybe</exclude-url></session-info-select>",
		 "line 2, column 19: <exclude-url>: 'maybe': expected yes or no"},
		{"<session-info-select><exclude-url/></session-info-select>",
		 "<exclude-url>: '': expected yes or no"},
		{"<session-info-select><exclude-url><x/></exclude-url></session-info-select>",
		 "<x>: expected text"},
		{"<session-info-select>yes</session-info-select>", "text between"},
		{"<session-info-select><member>exclude-url</member><exclude-url>no</exclude-url>"
		 "</session-info-select>",
		 "exclude-url is given twice"},
		{"<session-info-select><member>exclude-urlexclude-urlexclude-urlexclude-url</member>"
		 "</session-info-select>",
		 "longer than any"},
		{"<!DOCTYPE a [<!ENTITY e 'yes'>]><session-info-select/>", "a document type"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *error = error_of(rows[i].text);

		if (!strstr(error, rows[i].error))
			TH_LOG("%s: %s", rows[i].text, error);
		EXPECT_NE(NULL, strstr(error, rows[i].error));
	}
}

/* What a firewall cannot say is excluded there, and told. */
TEST(stricter_than_it_can_say)
{
	struct policy p, back;
	char error[PANOS_ERROR_MAX];
	struct buf out;

	ASSERT_TRUE(preset_find("balanced", &p));
	buf_init(&out, 8192);
	EXPECT_EQ(9u, panos_write(&p, false, &out));
	EXPECT_NE(NULL, strstr(buf_string(&out), "<exclude-src-ip>yes</exclude-src-ip> "
						"<!-- source_ip: truncate 24 48 -->"));
	ASSERT_TRUE(panos_read((const char *)out.data, out.len, &back, error));
	EXPECT_TRUE(policy_within(&back, &p));
	buf_free(&out);
}

/* Each is at least as strict as the one before, in every field, and not the same. */
TEST(presets_in_order)
{
	struct policy before, p;

	for (size_t i = 0; i < preset_count; i++) {
		ASSERT_TRUE(preset_find(presets[i].name, &p));
		if (i) {
			EXPECT_TRUE(policy_within(&p, &before));
			EXPECT_FALSE(policy_within(&before, &p));
			EXPECT_NE(NULL, strstr(preset_names(), presets[i].name));
		}
		before = p;
	}
	ASSERT_TRUE(preset_find("full", &p));
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		EXPECT_EQ(POLICY_SHARE, policy_mode(&p, f));
	EXPECT_FALSE(preset_find("nothing", &p));
	EXPECT_EQ(POLICY_OMIT, policy_mode(&p, SLUICE_FIELD_USER));
}

TEST_HARNESS_MAIN
