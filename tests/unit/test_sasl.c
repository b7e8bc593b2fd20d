// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "proto/sasl.h"

#include <string.h>

/* What a client sends, and the name in it. */
static const struct {
	const char *start;
	const char *line[2];
	const char *user;
} exchanges[] = {
	{"PLAIN AGFsaWNlAHNlY3JldA==", {NULL}, "alice"},
	{"PLAIN YWRtaW4AYWxpY2UAc2VjcmV0", {NULL}, "alice"},
	{"plain", {"AGFsaWNlAHNlY3JldA=="}, "alice"},
	{"LOGIN", {"YWxpY2U=", "c2VjcmV0"}, "alice"},
	{"LOGIN YWxpY2U=", {"c2VjcmV0"}, "alice"},
	{"CRAM-MD5", {"YWxpY2UgYiA5ZTk1YWVlMDljNDBhZjJiODRhMGMyYjNiYmFlNzg2ZQ=="}, "alice b"},
	{"DIGEST-MD5",
	 {"Y2hhcnNldD11dGYtOCx1c2VybmFtZT0iY2hyaXMiLHJlYWxtPSJ4Ig==", ""},
	 "chris"},
	{"SCRAM-SHA-256",
	 {"biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=", "Yz1iaXdzLHI9eCxuPW90aGVyLHA9eQ=="},
	 "user"},
	{"EXTERNAL Y2Fyb2w=", {NULL}, "carol"},
	{"OAUTHBEARER bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9eAFhdXRoPUJlYXJlciB0AQE=",
	 {NULL},
	 "user@example.com"},
	{"XOAUTH2 dXNlcj1tZUBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB0AQE=", {NULL}, "me@example.com"},
	{"NTLM",
	 {"TlRMTVNTUAABAAAA", "TlRMTVNTUAADAAAAAAAAAEAAAAAAAAAAQAAAAAAAAABAAAAABgAGAEAAAAAAAAAA"
			      "QAAAAAAAAABAAAAAAQAAAGIAbwBiAA=="},
	 "bob"},
	{"GSSAPI", {"WUlJ"}, ""},
	{"PLAIN", {"*"}, ""},
};

TEST(user)
{
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
		struct sasl s;
		const char *name;

		sasl_init(&s);
		sasl_start(&s, exchanges[i].start);
		for (size_t j = 0; j < 2 && exchanges[i].line[j]; j++)
			sasl_response(&s, exchanges[i].line[j]);
		name = sasl_name(&s);
		EXPECT_STREQ(exchanges[i].user, name ? name : "");
		sasl_free(&s);
	}
}

TEST(a_new_exchange_forgets_the_last)
{
	struct sasl s;

	sasl_init(&s);
	sasl_user(&s, "alice", 5);
	EXPECT_STREQ("alice", sasl_name(&s));
	sasl_start(&s, "PLAIN");
	EXPECT_EQ(NULL, sasl_name(&s));
	sasl_free(&s);
}

/* MS-NLMP: lengths and offsets that point elsewhere */
TEST(ntlm_out_of_bounds)
{
	struct sasl s;

	sasl_init(&s);
	sasl_start(&s, "NTLM");
	sasl_response(&s, "TlRMTVNTUAADAAAAAAAAAEAAAAAAAAAAQAAAAAAAAABAAAAA/////"
			  "0AAAAAAAAAAQAAAAAAAAABAAAAAAQAAAGIAbwBiAA==");
	EXPECT_EQ(NULL, sasl_name(&s));
	sasl_response(&s, "TlRMTVNTUAADAAAAAAAAAEAAAAAAAAAAQAAAAAAAAABAAAAABgAGAP////"
			  "8AAAAAQAAAAAAAAABAAAAAAQAAAGIAbwBiAA==");
	EXPECT_EQ(NULL, sasl_name(&s));
	sasl_free(&s);
}

TEST_HARNESS_MAIN
