// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "policy/envelope.h"
#include "policy/text.h"
#include "policy/url.h"

#include <arpa/inet.h>
#include <jansson.h>

static const struct treat_context no_context;

static void text(struct sighting *s, enum sighting_text which, const char *p)
{
	sighting_set(s, which, p, strlen(p));
}

static void end(struct endpoint *e, const char *ip, uint16_t port)
{
	inet_parse(ip, e);
	e->port = port;
}

FIXTURE(envelope)
{
	struct sighting s;
	struct policy policy;
	struct buf out;
	struct envelope_report report;
	json_t *json;
};

/* A download by 10.1.2.3 behind a masquerade, every field filled. */
FIXTURE_SETUP(envelope)
{
	struct sighting *s = &self->s;

	sighting_init(s);
	s->session.id = 7;
	s->session.uid = UINT32_MAX;
	s->session.netns = 4026531840;
	strcpy(s->session.in_name, "inside0");
	end(&s->session.end[DIR_OPENER], "10.1.2.3", 41234);
	end(&s->session.end[DIR_ANSWERER], "192.0.2.80", 8080);
	end(&s->session.nat[DIR_OPENER], "203.0.113.9", 61234);
	s->direction = DIRECTION_DOWNLOAD;
	s->begin = 1700000000000000001;
	s->end = 1700000001000000002;
	s->state = FILE_STATE_COMPLETE;
	s->stored = true;
	s->size = s->seen = 1234;
	s->http_status = 200;
	memset(s->sha256, 0xab, sizeof(s->sha256));
	text(s, SIGHTING_VIRTUAL_SYSTEM, "vsys-canary");
	text(s, SIGHTING_APPLICATION, "webapp-canary");
	text(s, SIGHTING_USER, "user-canary");
	text(s, SIGHTING_URL, "http://files.example/dir/name-canary.exe?q=1");
	text(s, SIGHTING_FILENAME, "name-canary.exe");
	text(s, SIGHTING_EMAIL_SENDER, "from-canary@example.org");
	text(s, SIGHTING_EMAIL_RECIPIENT, "to-canary@example.net\ncc-canary@example.net");
	text(s, SIGHTING_EMAIL_SUBJECT, "subject-canary");
	text(s, SIGHTING_HTTP_USER_AGENT, "agent-local");
	text(s, SIGHTING_HTTP_REFERRER, "referrer-local");
	text(s, SIGHTING_HTTP_METHOD, "METHOD-local");
	text(s, SIGHTING_HTTP_HOST, "host-local");
	text(s, SIGHTING_CONTENT_TYPE, "type/local");
	text(s, SIGHTING_RULE, "rule-local");
	sighting_make_id(s);
	self->policy = policy_all(POLICY_SHARE);
	buf_init(&self->out, 1 << 20);
	self->report = (struct envelope_report){0};
	self->json = NULL;
}

FIXTURE_TEARDOWN(envelope)
{
	json_decref(self->json);
	buf_free(&self->out);
	sighting_free(&self->s);
}

static const char *rendered(FIXTURE_DATA(envelope) *self)
{
	json_decref(self->json);
	self->json = NULL;
	buf_reset(&self->out);
	if (!envelope_render(&self->s, &self->policy, &no_context, &self->out, &self->report))
		return "";
	self->json = json_loadb((const char *)self->out.data, self->out.len, 0, NULL);
	return buf_string(&self->out);
}

/* The string at a path like "url.original"; NULL: absent. */
static const char *at(const json_t *v, const char *path)
{
	char copy[128], *state, *key;

	snprintf(copy, sizeof(copy), "%s", path);
	for (key = strtok_r(copy, ".", &state); key; key = strtok_r(NULL, ".", &state))
		v = json_object_get(v, key);
	return json_string_value(v);
}

/* What leaves of a URL when the given field is omitted. */
static const char *url_without(FIXTURE_DATA(envelope) *self, enum sluice_field field,
			       const char *url)
{
	const char *left;

	text(&self->s, SIGHTING_URL, url);
	self->policy = policy_all(POLICY_SHARE);
	policy_set(&self->policy, field, POLICY_OMIT);
	rendered(self);
	left = at(self->json, "url.original");
	return left ? left : "(none)";
}

TEST_F(envelope, everything_shared)
{
	rendered(self);
	ASSERT_NE(NULL, self->json);
	EXPECT_STREQ("192.0.2.80", at(self->json, "source.ip"));
	EXPECT_STREQ("10.1.2.3", at(self->json, "destination.ip"));
	EXPECT_STREQ("203.0.113.9", at(self->json, "destination.nat.ip"));
	EXPECT_STREQ("10.1.2.3", at(self->json, "client.ip"));
	EXPECT_STREQ("192.0.2.80", at(self->json, "server.ip"));
	EXPECT_EQ(8080, json_integer_value(json_object_get(json_object_get(self->json, "source"),
							   "port")));
	EXPECT_STREQ("inbound", at(self->json, "network.direction"));
	EXPECT_STREQ("download", at(self->json, "sluice.direction"));
	EXPECT_STREQ("2023-11-14T22:13:21.000000002Z", at(self->json, "@timestamp"));
	EXPECT_STREQ("http://files.example/dir/name-canary.exe?q=1",
		     at(self->json, "url.original"));
	EXPECT_STREQ("files.example", at(self->json, "url.domain"));
	EXPECT_STREQ("name-canary.exe", at(self->json, "file.name"));
	EXPECT_STREQ("vsys-canary", at(self->json, "sluice.virtual_system"));
	EXPECT_EQ(2, json_array_size(json_object_get(json_object_get(json_object_get(self->json,
		"email"), "to"), "address")));
	EXPECT_EQ(NULL, json_object_get(json_object_get(self->json, "sluice"), "withheld"));
	EXPECT_EQ(0, self->report.withheld);
}

TEST_F(envelope, report_counts_what_is_in_it)
{
	static const uint32_t bytes[SLUICE_FIELD_COUNT] = {
		[SLUICE_FIELD_SOURCE_IP] = sizeof("192.0.2.80") - 1,
		[SLUICE_FIELD_SOURCE_PORT] = sizeof("8080") - 1,
		[SLUICE_FIELD_DESTINATION_IP] = sizeof("10.1.2.3" "203.0.113.9") - 1,
		[SLUICE_FIELD_DESTINATION_PORT] = sizeof("41234" "61234") - 1,
		[SLUICE_FIELD_VIRTUAL_SYSTEM] = sizeof("vsys-canary") - 1,
		[SLUICE_FIELD_APPLICATION] = sizeof("webapp-canary") - 1,
		[SLUICE_FIELD_USER] = sizeof("user-canary") - 1,
		[SLUICE_FIELD_URL] = sizeof("http://files.example/dir/name-canary.exe?q=1") - 1,
		[SLUICE_FIELD_FILENAME] = sizeof("name-canary.exe") - 1,
		[SLUICE_FIELD_EMAIL_SENDER] = sizeof("from-canary@example.org") - 1,
		[SLUICE_FIELD_EMAIL_RECIPIENT] =
			sizeof("to-canary@example.net\ncc-canary@example.net") - 1,
		[SLUICE_FIELD_EMAIL_SUBJECT] = sizeof("subject-canary") - 1,
	};

	for (int omitted = -1; omitted < SLUICE_FIELD_COUNT; omitted++) {
		self->policy = policy_all(POLICY_SHARE);
		if (omitted >= 0)
			policy_set(&self->policy, omitted, POLICY_OMIT);
		rendered(self);
		for (int f = 0; f < SLUICE_FIELD_COUNT; f++) {
			uint32_t there = self->report.field[f].bytes;

			EXPECT_EQ(f == omitted ? POLICY_OMIT : POLICY_SHARE,
				  self->report.field[f].mode);
			if (f == omitted) {
				EXPECT_EQ(0, there);
			} else if (f == SLUICE_FIELD_URL) {
				/* Shortened where it would carry what is omitted. */
				EXPECT_LT(0, there);
			} else {
				EXPECT_EQ(bytes[f], there) {
					TH_LOG("%s", policy_field_name(f));
				}
			}
		}
	}
}

TEST_F(envelope, upload_turns_round)
{
	self->s.direction = DIRECTION_UPLOAD;
	rendered(self);
	EXPECT_STREQ("10.1.2.3", at(self->json, "source.ip"));
	EXPECT_STREQ("192.0.2.80", at(self->json, "destination.ip"));
	EXPECT_STREQ("10.1.2.3", at(self->json, "client.ip"));
	EXPECT_STREQ("outbound", at(self->json, "network.direction"));
}

/* What stays at home whatever the policy. */
TEST_F(envelope, local_only)
{
	const char *json = rendered(self);

	EXPECT_EQ(NULL, strstr(json, "-local"));
	EXPECT_EQ(NULL, strstr(json, "inside0"));
	EXPECT_EQ(NULL, strstr(json, "session"));
	EXPECT_EQ(NULL, strstr(json, "netns"));
	buf_reset(&self->out);
	ASSERT_TRUE(envelope_render_local(&self->s, &self->out));
	json = buf_string(&self->out);
	EXPECT_NE(NULL, strstr(json, "agent-local"));
	EXPECT_NE(NULL, strstr(json, "rule-local"));
	EXPECT_NE(NULL, strstr(json, "inside0"));
	EXPECT_NE(NULL, strstr(json, "\"reason\":\"none\""));
}

/* Every subset of fields: a canary is there exactly when its field is shared. */
TEST_F(envelope, every_subset)
{
	static const char *const canary[SLUICE_FIELD_COUNT][2] = {
		[SLUICE_FIELD_SOURCE_IP] = {"192.0.2.80", NULL},
		[SLUICE_FIELD_SOURCE_PORT] = {"8080", NULL},
		[SLUICE_FIELD_DESTINATION_IP] = {"10.1.2.3", "203.0.113.9"},
		[SLUICE_FIELD_DESTINATION_PORT] = {"41234", "61234"},
		[SLUICE_FIELD_VIRTUAL_SYSTEM] = {"vsys-canary", NULL},
		[SLUICE_FIELD_APPLICATION] = {"webapp-canary", NULL},
		[SLUICE_FIELD_USER] = {"user-canary", NULL},
		[SLUICE_FIELD_URL] = {"files.example", NULL},
		[SLUICE_FIELD_FILENAME] = {"name-canary", NULL},
		[SLUICE_FIELD_EMAIL_SENDER] = {"from-canary", NULL},
		[SLUICE_FIELD_EMAIL_RECIPIENT] = {"to-canary", "cc-canary"},
		[SLUICE_FIELD_EMAIL_SUBJECT] = {"subject-canary", NULL},
	};

	for (uint32_t mask = 0; mask <= SLUICE_SHARE_ALL; mask++) {
		const char *json;

		self->policy = policy_masked(policy_all(POLICY_SHARE), mask);
		json = rendered(self);
		ASSERT_NE(NULL, self->json);
		for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
			bool shared = mask & SLUICE_FIELD_BIT(f);

			for (int k = 0; k < 2 && canary[f][k]; k++) {
				ASSERT_EQ(shared, strstr(json, canary[f][k]) != NULL) {
					TH_LOG("%s, mask %03x: %s", canary[f][k], mask, json);
				}
			}
		}
	}
}

/* Every omitted text in every shared one, in every disguise a client may use. */
TEST_F(envelope, omitted_inside_others)
{
	static const struct {
		enum sluice_field field;
		enum sighting_text text;
	} fields[] = {
		{SLUICE_FIELD_VIRTUAL_SYSTEM, SIGHTING_VIRTUAL_SYSTEM},
		{SLUICE_FIELD_APPLICATION, SIGHTING_APPLICATION},
		{SLUICE_FIELD_USER, SIGHTING_USER},
		{SLUICE_FIELD_URL, SIGHTING_URL},
		{SLUICE_FIELD_FILENAME, SIGHTING_FILENAME},
		{SLUICE_FIELD_EMAIL_SENDER, SIGHTING_EMAIL_SENDER},
		{SLUICE_FIELD_EMAIL_RECIPIENT, SIGHTING_EMAIL_RECIPIENT},
		{SLUICE_FIELD_EMAIL_SUBJECT, SIGHTING_EMAIL_SUBJECT},
	};
	static const char *const disguise[] = {
		"Secret-Value 1", "seCRET-vaLUE 1", "Secret%2DValue%201", "Secret%252dValue%25201",
		"Secret-Value+1", "%53ecret-Value%201",
	};
	const size_t count = sizeof(fields) / sizeof(fields[0]);
	char carrier[256];

	for (size_t o = 0; o < count; o++) {
		for (size_t c = 0; c < count; c++) {
			for (size_t k = 0; c != o && k < sizeof(disguise) / sizeof(disguise[0]); k++) {
				for (size_t i = 0; i < count; i++)
					text(&self->s, fields[i].text, "harmless");
				text(&self->s, fields[o].text, "Secret-Value 1");
				snprintf(carrier, sizeof(carrier), "http://h/a?b=%s&c=d",
					 disguise[k]);
				text(&self->s, fields[c].text, carrier);
				self->policy = policy_all(POLICY_SHARE);
				policy_set(&self->policy, fields[o].field, POLICY_OMIT);
				self->report = (struct envelope_report){0};
				rendered(self);
				ASSERT_NE(NULL, self->json);
				ASSERT_EQ(NULL, strstr(buf_string(&self->out), disguise[k])) {
					TH_LOG("%s in %s", disguise[k], buf_string(&self->out));
				}
				ASSERT_EQ(1, self->report.withheld);
				ASSERT_NE(NULL, strstr(buf_string(&self->out), "\"withheld\":[\""));
			}
		}
	}
}

TEST_F(envelope, url_host)
{
	const enum sluice_field ip = SLUICE_FIELD_SOURCE_IP, inside = SLUICE_FIELD_DESTINATION_IP;
	static const char *const forms[] = {
		"192.0.2.80", "192.0.2.80.", "192.0.592", "0xc0000250", "3221226064",
		"0300.0.2.0120", "[::ffff:192.0.2.80]", "[::FFFF:c000:250]", "192%2e0.2.80",
	};
	char url[128];

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		snprintf(url, sizeof(url), "http://%s/a", forms[i]);
		EXPECT_STREQ("http://omitted.invalid/a", url_without(self, ip, url));
		EXPECT_EQ(NULL, at(self->json, "url.domain"));
		EXPECT_STREQ(url, url_without(self, SLUICE_FIELD_USER, url));
	}
	EXPECT_STREQ("http://192.0.2.81/a", url_without(self, ip, "http://192.0.2.81/a"));
	EXPECT_STREQ("http://omitted.invalid/", url_without(self, inside, "http://203.0.113.9/"));
	EXPECT_STREQ("http://omitted.invalid/",
		     url_without(self, ip, "http://192.0.2.80.nip.example/"));
	EXPECT_STREQ("http://h/r", url_without(self, inside, "http://h/r?ip=10.1.2.3&x=1"));
	EXPECT_STREQ("http://h/r?ip=110.1.2.30",
		     url_without(self, inside, "http://h/r?ip=110.1.2.30"));

	end(&self->s.session.end[DIR_ANSWERER], "2001:db8::1", 80);
	EXPECT_STREQ("http://omitted.invalid/", url_without(self, ip, "http://[2001:DB8:0::1]/"));
	EXPECT_STREQ("http://omitted.invalid/",
		     url_without(self, ip, "http://[2001:db8::1%25eth0]/"));
	EXPECT_STREQ("http://[2001:db8::2]/", url_without(self, ip, "http://[2001:db8::2]/"));
}

TEST_F(envelope, url_port)
{
	const enum sluice_field port = SLUICE_FIELD_SOURCE_PORT;

	EXPECT_STREQ("http://h/a", url_without(self, port, "http://h:8080/a"));
	EXPECT_STREQ("http://h/a", url_without(self, port, "http://h:08080/a"));
	EXPECT_STREQ("http://h/a", url_without(self, port, "http://h:8080x/a"));
	EXPECT_STREQ("http://h:81/a", url_without(self, port, "http://h:81/a"));
	EXPECT_STREQ("http://h:8080/a",
		     url_without(self, SLUICE_FIELD_SOURCE_IP, "http://h:8080/a"));
	EXPECT_STREQ("http://h/a", url_without(self, SLUICE_FIELD_DESTINATION_PORT,
					       "http://h:61234/a"));
	EXPECT_STREQ("h", url_without(self, port, "h:8080"));
	EXPECT_STREQ("http://h/", url_without(self, port, "http://h/?to=http://x:8080/"));
}

TEST_F(envelope, url_user)
{
	EXPECT_STREQ("ftp://h/a", url_without(self, SLUICE_FIELD_USER, "ftp://bob:pw@h/a"));
	EXPECT_STREQ("ftp://h/a", url_without(self, SLUICE_FIELD_USER, "ftp://bob@h/a"));
	/* A password never leaves. */
	EXPECT_STREQ("ftp://bob@h/a", url_without(self, SLUICE_FIELD_FILENAME, "ftp://bob:p@w@h/a"));
}

TEST_F(envelope, url_filename)
{
	const enum sluice_field name = SLUICE_FIELD_FILENAME;

	EXPECT_STREQ("http://h/d/", url_without(self, name, "http://h/d/name-canary.exe"));
	EXPECT_STREQ("http://h/d/", url_without(self, name, "http://h/d/x-NAME-canary%2Eexe/y/z"));
	EXPECT_STREQ("http://h/get", url_without(self, name, "http://h/get?f=name-canary.exe&y=1"));
	EXPECT_STREQ("http://h/get?a=b",
		     url_without(self, name, "http://h/get?a=b&f=name-canary.exe"));
	EXPECT_STREQ("http://omitted.invalid/a",
		     url_without(self, name, "http://name-canary.exe.example/a"));
	text(&self->s, SIGHTING_FILENAME, "a");
	EXPECT_STREQ("http://h/", url_without(self, name, "http://h/a"));
	EXPECT_STREQ("http://h/bab", url_without(self, name, "http://h/bab"));
	text(&self->s, SIGHTING_FILENAME, "my%20file.pdf");
	EXPECT_STREQ("http://h/", url_without(self, name, "http://h/my+file.pdf"));
	text(&self->s, SIGHTING_FILENAME, "dir/file.pdf");
	EXPECT_STREQ("http://h/", url_without(self, name, "http://h/dir%2Ffile.pdf"));
	EXPECT_STREQ("http://h/", url_without(self, name, "http://h/dir/file.pdf"));
}

TEST_F(envelope, scheme_stays)
{
	text(&self->s, SIGHTING_APPLICATION, "http");
	EXPECT_STREQ("http://h/a", url_without(self, SLUICE_FIELD_APPLICATION, "http://h/a"));
}

/* The operator shares the name: that it stood in the URL is no reason to hide it. */
TEST_F(envelope, filename_without_url)
{
	policy_set(&self->policy, SLUICE_FIELD_URL, POLICY_OMIT);
	rendered(self);
	EXPECT_STREQ("name-canary.exe", at(self->json, "file.name"));
	EXPECT_EQ(NULL, at(self->json, "url.original"));
	EXPECT_EQ(NULL, strstr(buf_string(&self->out), "files.example"));
}

TEST_F(envelope, hostile_bytes)
{
	text(&self->s, SIGHTING_FILENAME, "a\"\\\n\x01\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80z\xe2\x82");
	text(&self->s, SIGHTING_URL, "\xff");
	text(&self->s, SIGHTING_EMAIL_RECIPIENT, "\n\n\n");
	rendered(self);
	ASSERT_NE(NULL, self->json);
	EXPECT_STREQ("\xef\xbf\xbd", at(self->json, "url.original"));
	EXPECT_EQ(NULL, strchr(buf_string(&self->out), '\n'));
	buf_reset(&self->out);
	EXPECT_TRUE(envelope_render_local(&self->s, &self->out));
}

/* The largest sighting still makes an envelope that fits into a message. */
TEST_F(envelope, fits_into_a_message)
{
	char big[8193];

	memset(big, 1, sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (unsigned int i = 0; i < SIGHTING_TEXT_COUNT; i++)
		sighting_set(&self->s, i, big, sizeof(big) - 1);
	rendered(self);
	ASSERT_NE(NULL, self->json);
	EXPECT_GT(49153, self->out.len);
	EXPECT_EQ(1024, strlen(at(self->json, "url.original")));
	EXPECT_LT(0, self->report.withheld);
}

/* More values to look for than a guard holds: the texts stay at home. */
TEST_F(envelope, too_many_values)
{
	char list[8193];

	for (size_t i = 0; i + 4 < sizeof(list); i += 4)
		snprintf(list + i, 5, "%03zu\n", i / 4 % 1000);
	text(&self->s, SIGHTING_EMAIL_RECIPIENT, list);
	policy_set(&self->policy, SLUICE_FIELD_EMAIL_RECIPIENT, POLICY_OMIT);
	rendered(self);
	EXPECT_EQ(NULL, at(self->json, "file.name"));
	EXPECT_EQ(NULL, at(self->json, "email.subject"));
	EXPECT_STREQ("http://omitted.invalid/", at(self->json, "url.original"));
}

static const char *upload_name(FIXTURE_DATA(envelope) *self, const char *name)
{
	if (name)
		text(&self->s, SIGHTING_FILENAME, name);
	buf_reset(&self->out);
	return envelope_upload_name(&self->s, &self->policy, &self->out) ?
	       buf_string(&self->out) : "(failed)";
}

TEST_F(envelope, name_of_upload)
{
	char hash[SHA256_TEXT], big[1024];

	sha256_text(self->s.sha256, hash);
	EXPECT_STREQ("name-canary.exe", upload_name(self, NULL));
	EXPECT_STREQ("c.exe", upload_name(self, "..\\a/b\\c.exe"));
	EXPECT_STREQ("abc.exe", upload_name(self, "a\"b\r\n'c\x7f\xc2\x85.exe"));
	EXPECT_STREQ("\xc3\xbc.exe", upload_name(self, "\xc3\xbc.exe"));
	EXPECT_STREQ(hash, upload_name(self, ".."));
	EXPECT_STREQ(hash, upload_name(self, "a/"));
	EXPECT_STREQ(hash, upload_name(self, "\r\n"));
	memset(big, 'x', sizeof(big));
	big[253] = '\xe2', big[254] = '\x82', big[255] = '\xac';
	big[sizeof(big) - 1] = '\0';
	EXPECT_EQ(253, strlen(upload_name(self, big)));
	/* Neither itself nor what it carries. */
	text(&self->s, SIGHTING_USER, "alice.smith");
	EXPECT_STREQ("alice.smith.doc", upload_name(self, "alice.smith.doc"));
	policy_set(&self->policy, SLUICE_FIELD_USER, POLICY_OMIT);
	EXPECT_STREQ(hash, upload_name(self, "Alice.Smith.doc"));
	self->policy = policy_all(POLICY_SHARE);
	policy_set(&self->policy, SLUICE_FIELD_FILENAME, POLICY_OMIT);
	EXPECT_STREQ(hash, upload_name(self, "plain.doc"));
	self->policy = policy_all(POLICY_SHARE);
	sighting_set(&self->s, SIGHTING_FILENAME, NULL, 0);
	EXPECT_STREQ(hash, upload_name(self, NULL));
}

/* A link is a URL: it goes nowhere where none may. */
TEST_F(envelope, link_needs_url)
{
	EXPECT_TRUE(envelope_allowed(&self->s, &self->policy));
	self->s.kind = SIGHTING_KIND_LINK;
	EXPECT_TRUE(envelope_allowed(&self->s, &self->policy));
	policy_set(&self->policy, SLUICE_FIELD_URL, POLICY_OMIT);
	EXPECT_FALSE(envelope_allowed(&self->s, &self->policy));
	self->s.kind = SIGHTING_KIND_FILE;
	EXPECT_TRUE(envelope_allowed(&self->s, &self->policy));
}

TEST(percent_decoding)
{
	char out[32];
	uint32_t origin[32];
	size_t n = text_percent_decode("a%41%4%zz%", 10, NULL, out, origin);

	EXPECT_EQ(8, n);
	EXPECT_EQ(0, memcmp(out, "aA%4%zz%", n));
	EXPECT_EQ(1, origin[1]);
	EXPECT_EQ(4, origin[2]);
}

TEST(url_parts)
{
	static const struct {
		const char *url, *scheme, *userinfo, *host, *port, *rest;
	} rows[] = {
		{"http://h/p", "http://", "", "h", "", "/p"},
		{"http://u:p@h:1?q", "http://", "u:p", "h", "1", "?q"},
		{"http://[::1]:80/", "http://", "", "[::1]", "80", "/"},
		{"//h/p", "//", "", "h", "", "/p"},
		{"/p?a=http://x", "", "", "", "", "/p?a=http://x"},
		{"h:443", "", "", "h", "443", ""},
		{"http://a@b@h", "http://", "a@b", "h", "", ""},
		{"http://", "http://", "", "", "", ""},
		{"http://[::1", "http://", "", "[::1", "", ""},
		{"*", "", "", "*", "", ""},
		{"", "", "", "", "", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct {
			struct url_part part;
			const char *want;
		} *p;
		struct url_parts u;

		url_split(rows[i].url, strlen(rows[i].url), &u);
		for (p = (const __typeof__(*p)[]){{u.scheme, rows[i].scheme},
						  {u.userinfo, rows[i].userinfo},
						  {u.host, rows[i].host}, {u.port, rows[i].port},
						  {u.rest, rows[i].rest}, {{NULL, 0}, NULL}};
		     p->want; p++) {
			EXPECT_TRUE(p->part.n == strlen(p->want) &&
				    (p->part.n == 0 || !memcmp(p->part.p, p->want, p->part.n))) {
				TH_LOG("%s: '%.*s', expected '%s'", rows[i].url, (int)p->part.n,
				       p->part.p, p->want);
			}
		}
	}
}

TEST_HARNESS_MAIN
