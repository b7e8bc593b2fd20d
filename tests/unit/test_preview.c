// SPDX-License-Identifier: MIT
/* What a kind of cloud says that it would send. */
#include "cloud/request.h"

#include "kselftest_harness.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAMPLE "MZ and the rest of a sample"
#define ENVELOPE "{\"source\":{\"ip\":\"192.0.2.1\"}}"
#define KEY "0123456789abcdef"
#define SHOWN_MAX 32

struct shown {
	unsigned int count;
	char name[SHOWN_MAX][32], condition[SHOWN_MAX][128], url[SHOWN_MAX][256];
	uint64_t carries[SHOWN_MAX], bytes[SHOWN_MAX];
	uint8_t sha256[SHOWN_MAX][SHA256_SIZE];
	char *text[SHOWN_MAX]; /* by request_print(), with the sample */
};

FIXTURE(preview)
{
	char dir[32], path[64];
	struct cloud_config cloud;
	struct cloud_submission s;
	struct cloud_result r;
	struct shown shown;
};

FIXTURE_SETUP(preview)
{
	FILE *f;

	strcpy(self->dir, "/tmp/test_preview.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->path, sizeof(self->path), "%s/sample", self->dir);
	f = fopen(self->path, "w");
	fputs(SAMPLE, f);
	fclose(f);
	self->cloud = (struct cloud_config){.name = "test",
					    .ops = &cloud_wildfire,
					    .url = (char *)"https://cloud.test/publicapi",
					    .path = (char *)"/srv/samples",
					    .key = (char *)KEY,
					    .token = (char *)"",
					    .user = (char *)"gateway",
					    .session = true,
					    .timeout = 10};
	/* Without its callbacks: whoever calls one crashes. */
	self->s = (struct cloud_submission){
		.cloud = &self->cloud, .size = strlen(SAMPLE), .sample_path = self->path};
	SHA256((const uint8_t *)SAMPLE, strlen(SAMPLE), self->s.sha256);
	memset(&self->shown, 0, sizeof(self->shown));
}

FIXTURE_TEARDOWN(preview)
{
	for (unsigned int i = 0; i < self->shown.count; i++)
		free(self->shown.text[i]);
	unlink(self->path);
	rmdir(self->dir);
}

static void show(void *arg, const struct cloud_preview *p)
{
	struct shown *s = arg;
	size_t n = s->count++, size;
	FILE *f = open_memstream(&s->text[n], &size);

	snprintf(s->name[n], sizeof(s->name[n]), "%s", p->name);
	snprintf(s->condition[n], sizeof(s->condition[n]), "%s",
		 p->condition ? p->condition : "");
	snprintf(s->url[n], sizeof(s->url[n]), "%s",
		 buf_string((struct buf *)&p->request->url));
	s->carries[n] = p->carries;
	s->bytes[n] = p->request->bytes;
	memcpy(s->sha256[n], p->request->sha256, SHA256_SIZE);
	request_print(p->request, f, true);
	fclose(f);
}

#define PREVIEW() \
	self->cloud.ops->preview(&self->s, ENVELOPE, "name.exe", show, &self->shown, &self->r)

/* Whatever kinds there are, what they would send can be shown. */
TEST_F(preview, every_kind_has_one)
{
	char names[256], *name, *state;

	snprintf(names, sizeof(names), "%s", cloud_kinds());
	for (name = strtok_r(names, ", ", &state); name; name = strtok_r(NULL, ", ", &state)) {
		const struct cloud_ops *ops = cloud_find(name);

		ASSERT_NE(NULL, ops);
		ASSERT_NE(NULL, ops->preview)
		{
			TH_LOG("%s: what it would send cannot be shown", name);
		}
	}
}

/* So it is with every kind: the sample and the envelope are in it, the key is not. */
TEST_F(preview, all_of_every_kind)
{
	char names[256], *name, *state;

	snprintf(names, sizeof(names), "%s", cloud_kinds());
	for (name = strtok_r(names, ", ", &state); name; name = strtok_r(NULL, ", ", &state)) {
		bool sample = false, envelope = false;
		unsigned int before = self->shown.count;

		self->cloud.ops = cloud_find(name);
		ASSERT_TRUE(PREVIEW());
		for (unsigned int i = before; i < self->shown.count; i++) {
			EXPECT_EQ(NULL, strstr(self->shown.text[i], KEY));
			sample = sample || (strstr(self->shown.text[i], SAMPLE) &&
					    self->shown.carries[i] & CLOUD_CARRIES_SAMPLE);
			envelope =
				envelope || (strstr(self->shown.text[i], ENVELOPE) &&
					     self->shown.carries[i] & CLOUD_CARRIES_ENVELOPE);
		}
		EXPECT_TRUE(sample && envelope);
	}
}

TEST_F(preview, wildfire)
{
	ASSERT_TRUE(PREVIEW());
	ASSERT_EQ(2, self->shown.count);
	EXPECT_STREQ("get/verdict", self->shown.name[0]);
	EXPECT_NE(NULL, strstr(self->shown.condition[0], "as get/verdicts"));
	EXPECT_EQ(0, self->shown.carries[0]);
	EXPECT_STREQ("submit/file", self->shown.name[1]);
	EXPECT_STREQ("https://cloud.test/publicapi/submit/file", self->shown.url[1]);
	EXPECT_NE('\0', self->shown.condition[1][0]);
	EXPECT_NE(NULL, strstr(self->shown.text[1], "name.exe"));
}

TEST_F(preview, wildfire_link)
{
	self->s.sample_kind = SIGHTING_KIND_LINK;
	ASSERT_TRUE(PREVIEW());
	EXPECT_STREQ("submit/link", self->shown.name[1]);
	EXPECT_EQ(NULL, strstr(self->shown.text[1], "name.exe"));
	EXPECT_EQ(CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_ENVELOPE, self->shown.carries[1]);
}

/* Where the signature will stand is said; its keys are not, and nothing of it is made up. */
TEST_F(preview, s3)
{
	self->cloud.ops = &cloud_s3;
	self->cloud.key = (char *)"ACCESS SECRET";
	ASSERT_TRUE(PREVIEW());
	ASSERT_EQ(3, self->shown.count);
	EXPECT_STREQ("head", self->shown.name[0]);
	EXPECT_STREQ("put/envelope", self->shown.name[1]);
	EXPECT_STREQ("put/sample", self->shown.name[2]);
	EXPECT_EQ(CLOUD_CARRIES_ENVELOPE, self->shown.carries[1]);
	EXPECT_EQ(CLOUD_CARRIES_SAMPLE, self->shown.carries[2]);
	EXPECT_EQ('\0', self->shown.condition[1][0]);
	EXPECT_NE('\0', self->shown.condition[2][0]);
	for (unsigned int i = 0; i < 3; i++) {
		const char *text = self->shown.text[i];

		EXPECT_NE(NULL, strstr(text, "\r\nHost: cloud.test\r\nAuthorization: "
					     "AWS4-HMAC-SHA256 (made when it is sent)\r\n"
					     "X-Amz-Date: (made when it is sent)\r\n"));
		EXPECT_EQ(i > 0, strstr(text, "\r\nExpect: 100-continue\r\n\r\n") != NULL);
		EXPECT_EQ(NULL, strstr(text, "ACCESS"));
		EXPECT_EQ(NULL, strstr(text, "SECRET"));
	}
	EXPECT_NE(NULL, strstr(self->shown.text[2], "\r\n\r\n" SAMPLE));
}

/* With session = no the step that has an envelope alone is left out. */
TEST_F(preview, s3_first_sightings)
{
	self->cloud.ops = &cloud_s3;
	self->cloud.sightings = CLOUD_SIGHTINGS_FIRST;
	ASSERT_TRUE(PREVIEW());
	ASSERT_EQ(3, self->shown.count);
	EXPECT_STREQ(self->shown.condition[2], self->shown.condition[1]);
}

/* The envelope alone is shown where it may leave. */
TEST_F(preview, https_sightings)
{
	self->cloud.ops = &cloud_https;
	ASSERT_TRUE(PREVIEW());
	ASSERT_EQ(1, self->shown.count);
	self->cloud.sightings = CLOUD_SIGHTINGS_ALL;
	ASSERT_TRUE(PREVIEW());
	ASSERT_EQ(3, self->shown.count);
	EXPECT_STREQ("post/envelope", self->shown.name[2]);
	EXPECT_EQ(CLOUD_CARRIES_ENVELOPE, self->shown.carries[2]);
	EXPECT_NE(NULL, strstr(self->shown.text[2], ENVELOPE));
	EXPECT_EQ(NULL, strstr(self->shown.text[2], SAMPLE));
	self->cloud.session = false;
	ASSERT_TRUE(PREVIEW());
	EXPECT_EQ(4, self->shown.count);
}

TEST_F(preview, s3_without_envelope)
{
	self->cloud.ops = &cloud_s3;
	self->cloud.session = false;
	ASSERT_TRUE(PREVIEW());
	ASSERT_EQ(2, self->shown.count);
	EXPECT_STREQ("put/sample", self->shown.name[1]);
}

/* A link is a value of JSON there, with what JSON escapes. */
TEST_F(preview, assemblyline_link)
{
	FILE *f = fopen(self->path, "w");

	fputs("http://x.test/\"?\\", f);
	fclose(f);
	self->cloud.ops = &cloud_assemblyline;
	self->s.sample_kind = SIGHTING_KIND_LINK;
	self->s.size = 17;
	ASSERT_TRUE(PREVIEW());
	ASSERT_EQ(2, self->shown.count);
	EXPECT_NE(NULL,
		  strstr(self->shown.text[1], "\r\n\r\n{\"url\": \"http://x.test/\\\"?\\\\\", "
					      "\"metadata\": " ENVELOPE "}"));
	f = fopen(self->path, "w");
	fputs("http://x.test/\xff\xff\xff", f);
	fclose(f);
	EXPECT_FALSE(PREVIEW());
}

/* The bytes as they are written, the envelope first; nothing is written for it. */
TEST_F(preview, directory)
{
	static const char body[] = ENVELOPE SAMPLE;
	uint8_t sha256[SHA256_SIZE];

	self->cloud.ops = &cloud_directory;
	self->cloud.path = self->dir;
	ASSERT_TRUE(PREVIEW());
	ASSERT_EQ(1, self->shown.count);
	SHA256((const uint8_t *)body, strlen(body), sha256);
	EXPECT_EQ(0, memcmp(sha256, self->shown.sha256[0], SHA256_SIZE));
	EXPECT_EQ(strlen(body), self->shown.bytes[0]);
	EXPECT_NE(NULL, strstr(self->shown.text[0], "\r\n\r\n" ENVELOPE SAMPLE));
	unlink(self->path);
	EXPECT_EQ(0, rmdir(self->dir));
	ASSERT_EQ(0, mkdir(self->dir, 0700));
}

/* Where the real attempt would end, the preview does, for the same reason. */
TEST_F(preview, what_is_not_made)
{
	self->s.size++;
	EXPECT_FALSE(PREVIEW());
	EXPECT_EQ(CLOUD_REFUSED, self->r.outcome);
	EXPECT_EQ(1, self->shown.count);
	self->s.size--;
	unlink(self->path);
	EXPECT_FALSE(PREVIEW());
	EXPECT_EQ(CLOUD_RETRY, self->r.outcome);
	self->s.sample_kind = SIGHTING_KIND_LINK;
	self->s.size = 9000;
	EXPECT_FALSE(PREVIEW());
	EXPECT_NE(NULL, strstr(self->r.detail, "longer than a link"));
	self->cloud.ops = &cloud_directory;
	EXPECT_FALSE(PREVIEW());
}

TEST_HARNESS_MAIN
