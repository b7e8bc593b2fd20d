// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "policy/envelope.h"
#include "policy/text.h"
#include "record/record.h"

#include <jansson.h>

static const char *const names[] = {"ecs", "eve", "ocsf", "panos", "cef"};
static const struct record_context context = {.host = "gate"};

/* As they may be on the wire; the last one is long. */
static const char *const hostile[] = {
	"\"",	    ",",	"\n",
	"\r\n",	    "|",	"=",
	"\\",	    "\\n",	"\x01\x1b[2J\x7f",
	"\xff\xfe", "\xc3",	"a\"b,c|d=e\\f\ng",
	" b=c",	    "From: x;", "\xe6\x97\xa5",
};
#define LONG 8192

static void set_end(struct endpoint *e, const char *ip, uint16_t port)
{
	inet_parse(ip, e);
	e->port = port;
}

FIXTURE(record)
{
	struct sighting s;
	struct buf out;
};

FIXTURE_SETUP(record)
{
	struct sighting *s = &self->s;

	sighting_init(s);
	s->session.id = 7;
	s->session.uid = UINT32_MAX;
	s->session.vlan[0] = 12;
	s->session.vlan[1] = 34;
	set_end(&s->session.end[DIR_OPENER], "10.1.2.3", 41234);
	set_end(&s->session.end[DIR_ANSWERER], "192.0.2.80", 8080);
	set_end(&s->session.nat[DIR_OPENER], "203.0.113.9", 61234);
	s->direction = DIRECTION_DOWNLOAD;
	s->begin = 1700000000000000001;
	s->end = 1700000001023456789;
	s->size = s->seen = 1234;
	sighting_set(s, SIGHTING_USER, "alice", 5);
	sighting_set(s, SIGHTING_SENDER_USER, "server", 6);
	sighting_make_id(s);
	buf_init(&self->out, 4 << 20);
}

FIXTURE_TEARDOWN(record)
{
	buf_free(&self->out);
	sighting_free(&self->s);
}

static const char *rendered(struct sighting *s, const char *format, struct buf *out)
{
	json_t *json = envelope_local(s);
	bool ok;

	buf_reset(out);
	ok = json && record_render(record_find(format), json, &context, out);
	json_decref(json);
	return ok ? buf_string(out) : NULL;
}

static void set_all(struct sighting *s, const char *p, size_t n)
{
	for (unsigned int i = 0; i < SIGHTING_TEXT_COUNT; i++)
		sighting_set(s, i, p, n);
}

static bool one_line_of_utf8(const struct buf *out)
{
	struct buf again;
	bool same;

	for (size_t i = 0; i < out->len; i++)
		if (out->data[i] < 0x20)
			return false;
	buf_init(&again, 3 * out->len + 1);
	text_add_utf8(&again, (const char *)out->data, out->len);
	same = again.len == out->len && !memcmp(again.data, out->data, out->len);
	buf_free(&again);
	return same;
}

/* Of PAN-OS's line; quotes that open and do not close: 0. */
static size_t count_columns(const char *p)
{
	bool quoted = false;
	size_t n = 1;

	for (; *p; p++) {
		if (*p == '"')
			quoted = !quoted;
		n += *p == ',' && !quoted;
	}
	return quoted ? 0 : n;
}

/* The n-th column, from 1, without its quotes. */
static void get_column(const char *p, size_t n, struct buf *value)
{
	bool quoted = false;

	buf_reset(value);
	for (; *p && n; p++) {
		if (*p == ',' && !quoted) {
			n--;
			continue;
		}
		if (*p == '"')
			quoted = !quoted;
		if (n == 1 && (*p != '"' || (p[1] == '"' && quoted == false)))
			buf_add(value, p, 1);
	}
}

/* Unescaped pipes of the header, and whether every other one and each '=' of a value is
 * escaped. */
static bool cef_is_sound(const char *p)
{
	unsigned int pipes = 0;
	bool key = true;

	for (; pipes < 7; p++) {
		if (!*p)
			return false;
		if (*p == '\\' && !*++p)
			return false;
		else if (*p == '|')
			pipes++;
	}
	for (; *p; p++) {
		if (key) {
			while ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			       (*p >= '0' && *p <= '9'))
				p++;
			if (*p != '=')
				return false;
			key = false;
			continue;
		}
		if (*p == '\\') {
			if (!*++p || !strchr("\\=nr", *p))
				return false;
			continue;
		}
		if (*p == '=')
			return false;
		/* A key begins where an '=' comes before the next space. */
		if (*p == ' ') {
			const char *q = p + 1;

			while ((*q >= 'a' && *q <= 'z') || (*q >= 'A' && *q <= 'Z') ||
			       (*q >= '0' && *q <= '9'))
				q++;
			key = q > p + 1 && *q == '=';
		}
	}
	return !key;
}

static void check_hostile(struct __test_metadata *_metadata, FIXTURE_DATA(record) * self)
{
	const char *line;
	json_t *json;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		line = rendered(&self->s, names[i], &self->out);
		ASSERT_NE(NULL, line);
		EXPECT_TRUE(one_line_of_utf8(&self->out)) TH_LOG("%s: %s", names[i], line);
		if (record_find(names[i])->json) {
			json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
			EXPECT_TRUE(json_is_object(json)) TH_LOG("%s: %s", names[i], line);
			json_decref(json);
		}
	}
	line = rendered(&self->s, "panos", &self->out);
	EXPECT_EQ(121, count_columns(line)) TH_LOG("%s", line);
	EXPECT_EQ(NULL, strchr(line, 0x7f));
	line = rendered(&self->s, "cef", &self->out);
	EXPECT_TRUE(cef_is_sound(line)) TH_LOG("%s", line);
	EXPECT_EQ(NULL, strchr(line, 0x7f));
}

/* Whatever stands in all texts: one line each, of the format's form. */
TEST_F(record, hostile)
{
	char text[LONG];

	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		set_all(&self->s, hostile[i], strlen(hostile[i]));
		check_hostile(_metadata, self);
	}
	for (int c = 1; c < 256; c++) {
		memset(text, c, sizeof(text));
		set_all(&self->s, text, c == 0xff || c == ',' || c == '"' ? sizeof(text) : 3);
		check_hostile(_metadata, self);
	}
	/* What is behind a NUL was never there. */
	set_all(&self->s, "name\0hidden", 11);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		EXPECT_EQ(NULL, strstr(rendered(&self->s, names[i], &self->out), "hidden"));
}

static const char *column(FIXTURE_DATA(record) * self, size_t n, struct buf *value)
{
	get_column(rendered(&self->s, "panos", &self->out), n, value);
	return buf_string(value);
}

TEST_F(record, panos_columns)
{
	struct buf v;

	buf_init(&v, 1 << 16);
	sighting_set(&self->s, SIGHTING_FILENAME, "a \"b\", c", 8);
	sighting_set(&self->s, SIGHTING_URL, "http://h/x", 10);
	sighting_set(&self->s, SIGHTING_EMAIL_SENDER, "a@example.org", 13);
	sighting_set(&self->s, SIGHTING_EMAIL_RECIPIENT, "b@example.net\nc@example.net", 27);
	EXPECT_STREQ("2023/11/14 22:13:21", column(self, 7, &v));
	EXPECT_STREQ("192.0.2.80", column(self, 8, &v));
	EXPECT_STREQ("10.1.2.3", column(self, 9, &v));
	EXPECT_STREQ("", column(self, 10, &v));
	EXPECT_STREQ("203.0.113.9", column(self, 11, &v));
	EXPECT_STREQ("server", column(self, 13, &v));
	EXPECT_STREQ("alice", column(self, 14, &v));
	EXPECT_STREQ("8080", column(self, 25, &v));
	EXPECT_STREQ("41234", column(self, 26, &v));
	EXPECT_STREQ("a \"b\", c", column(self, 32, &v));
	EXPECT_STREQ("server-to-client", column(self, 36, &v));
	EXPECT_STREQ("From: a@example.org;", column(self, 51, &v));
	EXPECT_STREQ("To: b@example.net;c@example.net;", column(self, 53, &v));
	EXPECT_STREQ("gate", column(self, 60, &v));
	sighting_set(&self->s, SIGHTING_RULE, "' x", 3);
	EXPECT_STREQ("' x", column(self, 12, &v));
	EXPECT_NE(NULL, strstr(buf_string(&self->out), ",\"' x\","));
	/* Without a name the sample is called by its URL; without that by nothing, in quotes.
	 */
	sighting_set(&self->s, SIGHTING_FILENAME, NULL, 0);
	EXPECT_STREQ("http://h/x", column(self, 32, &v));
	sighting_set(&self->s, SIGHTING_URL, NULL, 0);
	EXPECT_STREQ("", column(self, 32, &v));
	EXPECT_NE(NULL, strstr(buf_string(&self->out), ",\"\","));
	/* The other way round everything turns. */
	self->s.direction = DIRECTION_UPLOAD;
	EXPECT_STREQ("10.1.2.3", column(self, 8, &v));
	EXPECT_STREQ("alice", column(self, 13, &v));
	EXPECT_STREQ("", column(self, 14, &v));
	EXPECT_STREQ("client-to-server", column(self, 36, &v));
	buf_free(&v);
}

TEST_F(record, cef_escapes)
{
	const char *line;

	sighting_set(&self->s, SIGHTING_FILENAME, "a=b\\c|d\ne", 9);
	line = rendered(&self->s, "cef", &self->out);
	EXPECT_NE(NULL, strstr(line, " fname=a\\=b\\\\c|d\\ne ")) TH_LOG("%s", line);
	EXPECT_NE(NULL, strstr(line, "|sluice.sighting|file, download|1|rt=1700000001023 "));
	EXPECT_NE(NULL, strstr(line, " src=192.0.2.80 spt=8080 dst=10.1.2.3 "));
	set_end(&self->s.session.end[DIR_OPENER], "2001:db8::1", 1);
	set_end(&self->s.session.end[DIR_ANSWERER], "2001:db8::2", 2);
	line = rendered(&self->s, "cef", &self->out);
	EXPECT_EQ(NULL, strstr(line, " src="));
	EXPECT_NE(NULL, strstr(line, " c6a2Label=Source IPv6 Address c6a2=2001:db8::2 "));
}

/* The log's own words stand in the header: what somebody made of them. */
TEST_F(record, cef_header)
{
	json_t *json = json_pack("{s:{s:s,s:s},s:{s:s}}", "observer", "vendor", "a|b",
				 "product", "c\\|\n", "sluice", "kind", "x|y");

	ASSERT_NE(NULL, json);
	ASSERT_TRUE(record_render(record_find("cef"), json, NULL, &self->out));
	EXPECT_STREQ("CEF:0|a\\|b|c\\\\\\|\\\\x0a|||x\\|y, download|1|cat=x|y",
		     buf_string(&self->out));
	json_decref(json);
}

TEST_F(record, eve_state)
{
	const char *line = rendered(&self->s, "eve", &self->out);

	EXPECT_NE(NULL, strstr(line, "\"vlan\":[12,34]"));
	EXPECT_NE(NULL, strstr(line, "\"timestamp\":\"2023-11-14T22:13:21.023456+0000\""));
	EXPECT_NE(NULL, strstr(line, "\"state\":\"CLOSED\""));
	EXPECT_NE(NULL, strstr(line, "\"gaps\":false"));
	EXPECT_NE(NULL, strstr(line, "\"filename\":\"\""));
	self->s.state = FILE_STATE_TRUNCATED;
	self->s.missing = 1;
	line = rendered(&self->s, "eve", &self->out);
	EXPECT_NE(NULL, strstr(line, "\"state\":\"TRUNCATED\""));
	EXPECT_NE(NULL, strstr(line, "\"gaps\":true"));
	EXPECT_EQ(NULL, strstr(line, "sha256"));
}

/* The schema allows an e-mail only with a sender or a recipient. */
TEST_F(record, ocsf_email)
{
	const char *line;

	sighting_set(&self->s, SIGHTING_EMAIL_SUBJECT, "s", 1);
	line = rendered(&self->s, "ocsf", &self->out);
	EXPECT_NE(NULL, strstr(line, "\"email\":{\"subject\":\"s\"}"));
	EXPECT_EQ(NULL, strstr(strstr(line, "\"evidences\""), "\"email\""));
	sighting_set(&self->s, SIGHTING_EMAIL_RECIPIENT, "b@example.net", 13);
	line = rendered(&self->s, "ocsf", &self->out);
	EXPECT_NE(NULL, strstr(strstr(line, "\"evidences\""), "\"email\":{\"to\":"));
}

/* A log that somebody wrote into is rendered as far as it can be, and never more than that. */
TEST_F(record, odd_lines)
{
	static const char *const lines[] = {
		"{}",
		"{\"source\":1,\"sluice\":[],\"file\":\"x\",\"email\":{\"from\":{\"address\":"
		"\"a\"}}}",
		"{\"@timestamp\":\"now\",\"event\":{\"start\":7},\"url\":{\"original\":[1]}}",
		"{\"@timestamp\":\"2026-11-24T20:22:32Z and "
		"more\",\"record\":{\"name\":\"x\"}}",
		"{\"sluice\":{\"direction\":3,\"session\":{\"id\":\"x\",\"vlan\":{}}},"
		"\"network\":{\"type\":7}}",
		"{\"url\":{\"original\":\"http://h:99999999999/"
		"\"},\"email\":{\"from\":{\"address\":[{},1]}}}",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
			json_t *json = json_loads(lines[i], 0, NULL);

			ASSERT_NE(NULL, json);
			buf_reset(&self->out);
			EXPECT_TRUE(
				record_render(record_find(names[k]), json, NULL, &self->out))
			TH_LOG("%s: %s", names[k], lines[i]);
			EXPECT_TRUE(one_line_of_utf8(&self->out));
			json_decref(json);
		}
	EXPECT_EQ(NULL, record_find("leef"));
	EXPECT_EQ(NULL, record_find(""));
}

/* Without room it fails, and leaves nothing behind. */
TEST_F(record, no_room)
{
	json_t *json = envelope_local(&self->s);
	struct buf small;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t whole = strlen(rendered(&self->s, names[i], &self->out));

		for (size_t room = 4; room < whole + 4; room += 41) {
			buf_init(&small, room);
			buf_add_string(&small, "abc ");
			EXPECT_FALSE(
				record_render(record_find(names[i]), json, &context, &small));
			EXPECT_EQ(4, small.len);
			buf_free(&small);
		}
	}
	json_decref(json);
}

TEST_HARNESS_MAIN
