// SPDX-License-Identifier: MIT
/*
 * What the kind `wildfire` makes of each error of the public API, with the words that it has
 * (reference: error codes, and the texts that tests of a public client assert).
 */
#include <kselftest_harness.h>

#include "cloud/exchange.h"
#include "scratch.h"

#include <stdio.h>
#include <string.h>

static const struct {
	long status;
	const char *text;
	enum cloud_outcome outcome;
	bool stuck; /* until somebody acts */
} errors[] = {
	{401, "Invalid API key", CLOUD_DOWN, true},
	{403, "Forbidden", CLOUD_DOWN, true},
	{403, "Invalid Date (longer than 30 days from now or newer than now)", CLOUD_DOWN,
	 true},
	{404, "Not found", CLOUD_DOWN, true},
	{405, "Method not allowed", CLOUD_DOWN, true},
	{413, "Sample file size over max limit", CLOUD_REFUSED, false},
	{413, "Only 500 entries are allowed for each file", CLOUD_REFUSED, false},
	{415, "Unsupported media type", CLOUD_REFUSED, false},
	{418, "Unsupported file type", CLOUD_REFUSED, false},
	{419, "Request quota exceeded", CLOUD_DOWN, true},
	{420, "Missing required field", CLOUD_REFUSED, false},
	{420, "Missing required field file", CLOUD_REFUSED, false},
	{420, "Missing required field date", CLOUD_REFUSED, false},
	{421, "invalid hash value", CLOUD_REFUSED, false},
	{421, "Invalid webpage type url, url should start with http or https", CLOUD_REFUSED,
	 false},
	{422, "File contains too many entities, maxium 1000 entities allowed", CLOUD_REFUSED,
	 false},
	{422, "Unprocessable Entities", CLOUD_REFUSED, false},
	{456, "Invalid request", CLOUD_REFUSED, false},
	{500, "Internal error", CLOUD_RETRY, false},
	{502, "Bad gateway", CLOUD_RETRY, false},
	{503, "Service unavailable", CLOUD_RETRY, false},
	{513, "File upload failed", CLOUD_RETRY, false},
};

/* The answer to a step; false: the attempt goes on. */
static bool answer(const struct exchange_step *step, long status, const char *body,
		   struct cloud_result *r)
{
	static const struct cloud_config cloud = {.ops = &cloud_wildfire, .key = (char *)"KEY"};
	struct cloud_submission s = {.cloud = &cloud, .sha256 = {0xaa}};
	struct exchange e = {.sample = -1};
	bool ends;

	buf_init(&e.http.answer, HTTP_ANSWER_MAX);
	buf_add(&e.http.answer, body, strlen(body));
	ends = step->answer(&e, &s, status, r);
	buf_free(&e.http.answer);
	return ends;
}

TEST(every_error_text_of_the_api)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		char body[512], said[256];

		snprintf(body, sizeof(body),
			 "\n\n<?xml version=\"1.0\" encoding=\"UTF-8\" "
			 "?><error><error-message>'%s'"
			 "</error-message></error>",
			 errors[i].text);
		snprintf(said, sizeof(said), "(\"%s\")", errors[i].text);
		for (size_t step = 0; step < cloud_wildfire.steps; step++) {
			struct cloud_result r = {0};

			ASSERT_TRUE(
				answer(&cloud_wildfire.step[step], errors[i].status, body, &r));
			EXPECT_EQ(errors[i].outcome, r.outcome);
			EXPECT_EQ(errors[i].stuck, r.stuck);
			EXPECT_EQ(CLOUD_VERDICT_NONE, r.verdict);
			EXPECT_TRUE(strstr(r.detail, said) != NULL);
			if (strstr(r.detail, said) == NULL)
				TH_LOG("%s: %s", cloud_wildfire.step[step].name, r.detail);
		}
	}
}

TEST(an_error_without_words)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct cloud_result r = {0};
		char status[16];

		snprintf(status, sizeof(status), "HTTP %ld, ", errors[i].status);
		ASSERT_TRUE(answer(&cloud_wildfire.step[0], errors[i].status,
				   "<html>of a proxy</html>", &r));
		EXPECT_EQ(errors[i].outcome, r.outcome);
		EXPECT_EQ(0, strncmp(r.detail, status, strlen(status)));
		EXPECT_TRUE(strstr(r.detail, "proxy") == NULL);
	}
}

/* Plain HTTP to a call that wants a key is answered by a redirection. */
TEST(redirected)
{
	struct cloud_result r = {0};

	ASSERT_TRUE(answer(&cloud_wildfire.step[0], 302, "", &r));
	EXPECT_EQ(CLOUD_DOWN, r.outcome);
	EXPECT_TRUE(r.stuck);
}

/* The quota's end is the cloud's wish, which a restart must not forget. */
TEST(quota_is_asked_for)
{
	struct cloud_result r = {0};

	ASSERT_TRUE(answer(&cloud_wildfire.step[0], 419, "", &r));
	EXPECT_TRUE(r.asked);
	ASSERT_TRUE(answer(&cloud_wildfire.step[0], 401, "", &r));
	EXPECT_FALSE(r.asked);
}

TEST_HARNESS_MAIN
