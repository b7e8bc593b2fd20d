// SPDX-License-Identifier: MIT
/* Where clouds are, and how many keys a section can have. */
#include <kselftest_harness.h>
#include "scratch.h"
#include "supervisor/config.h"
#include "supervisor/config_parse.h"

#include <stdlib.h>
#include <string.h>

/* A region has a url, a url a region, and a restriction lets those through that it names. */
TEST(regions)
{
	static const char form[] = "[cloud a]\nkind = wildfire\nregion = de\nkey_file = %s\n"
				   "[cloud b]\nkind = wildfire\nkey_file = %s\n"
				   "url = https://uk.wildfire.paloaltonetworks.com/publicapi\n"
				   "[cloud c]\nkind = directory\nregion = cellar\n"
				   "[agent]\nregion = de, cellar uk\n";
	char dir[SCRATCH_MAX], *key, *text = NULL;
	struct config *c = calloc(1, sizeof(*c));

	ASSERT_TRUE(c && scratch_make(dir));
	ASSERT_TRUE(scratch_write(dir, "key", "s3cret\n", 7));
	key = strdup(scratch_path(dir, "key"));
	ASSERT_LT(0, asprintf(&text, form, key, key));
	ASSERT_TRUE(scratch_write(dir, "conf", text, strlen(text)));
	ASSERT_TRUE(config_read(c, scratch_path(dir, "conf")));
	EXPECT_STREQ("https://de.wildfire.paloaltonetworks.com/publicapi", c->cloud[0].url);
	EXPECT_STREQ("uk", c->cloud[1].region);
	EXPECT_STREQ("cellar", c->cloud[2].region);
	EXPECT_STREQ("", c->cloud[2].url);
	config_free(c);
	scratch_remove(dir);
	free(text);
	free(key);
	free(c);
}

/* Each key of a section has a bit of its own: a section with more than 64 has not. */
TEST(key_bits)
{
	uint64_t seen[SECTION_NONE] = {0};

	for (size_t i = 0; i < config_key_count; i++) {
		const struct key *k = &config_keys[i];
		uint64_t bit = config_key_bit(k->section, k->name);

		EXPECT_NE(0, bit);
		EXPECT_EQ(0, seen[k->section] & bit);
		seen[k->section] |= bit;
	}
	EXPECT_EQ(0, config_key_bit(SECTION_CLOUD, "kinds"));
}

TEST_HARNESS_MAIN
