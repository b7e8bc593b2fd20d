// SPDX-License-Identifier: MIT
/* Regions of the public WildFire clouds. */
#include "cloud/region.h"

#include "kselftest_harness.h"

#include <string.h>

/* Each row of the table is one: none ends the reading of those behind it. */
TEST(the_table_is_whole)
{
	const char *at = NULL;
	struct region r, first;
	unsigned int n = 0;

	while (region_next(&at, &r)) {
		n++;
		EXPECT_TRUE(region_name_good(r.name));
		EXPECT_NE(NULL, strstr(r.host, ".paloaltonetworks.com"));
		EXPECT_NE('\0', r.place[0]);
		EXPECT_TRUE(region_find(r.name, &first));
	}
	EXPECT_EQ(21, n);
	EXPECT_TRUE(region_find("es", &r));
}

TEST(names_and_hosts)
{
	struct region r;

	ASSERT_TRUE(region_find("us", &r));
	EXPECT_STREQ("wildfire.paloaltonetworks.com", r.host);
	EXPECT_FALSE(region_find("u", &r));
	EXPECT_FALSE(region_find("", &r));
	ASSERT_TRUE(region_of_url("https://US-native.wildfire.paloaltonetworks.com./x", &r));
	EXPECT_STREQ("us", r.name);
	ASSERT_TRUE(region_of_url("https://eu.wildfire.paloaltonetworks.com:8443", &r));
	EXPECT_STREQ("eu", r.name);
	EXPECT_FALSE(region_of_url("https://eu.wildfire.paloaltonetworks.com.test/", &r));
	EXPECT_FALSE(region_of_url("https://xeu.wildfire.paloaltonetworks.com/", &r));
	EXPECT_FALSE(region_of_url("https://sandbox.test/", &r));
	EXPECT_FALSE(region_name_good("EU"));
	EXPECT_FALSE(region_name_good("abcdefghijabcdefghijabcdefghijab"));
	EXPECT_EQ(0, strncmp(region_names(), "us, eu, jp,", 11));
}

TEST_HARNESS_MAIN
