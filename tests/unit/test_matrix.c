// SPDX-License-Identifier: MIT
/*
 * Twelve fields, every way to treat them, a canary in each: what leaves of a value that is
 * treated is what its mode allows, wherever else the value stands and however it is written;
 * and what is shared is really there.
 */
#include <kselftest_harness.h>

#include "policy/envelope.h"
#include "policy/ipcrypt.h"
#include "policy/pseudonym.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define CANARIES 2

/* Of each field: values that must not be found unless it is shared. */
static const struct {
	enum sighting_text text; /* SIGHTING_TEXT_COUNT: of an end */
	const char *value;
	const char *canary[CANARIES];
	const char *rest; /* of truncate: what may stay of it */
} fields[SLUICE_FIELD_COUNT] = {
	[SLUICE_FIELD_SOURCE_IP] = {SIGHTING_TEXT_COUNT, NULL, {"192.0.2.80"}, "192.0.2.0"},
	[SLUICE_FIELD_SOURCE_PORT] = {SIGHTING_TEXT_COUNT, NULL, {"48080"}, ":0"},
	[SLUICE_FIELD_DESTINATION_IP] = {SIGHTING_TEXT_COUNT, NULL,
					 {"10.17.34.51", "203.0.113.9"}, "10.17.34.0"},
	[SLUICE_FIELD_DESTINATION_PORT] = {SIGHTING_TEXT_COUNT, NULL, {"41234", "61234"}, ":0"},
	[SLUICE_FIELD_VIRTUAL_SYSTEM] = {SIGHTING_VIRTUAL_SYSTEM, "vsys-kanarie", {"vsys-kanarie"}},
	[SLUICE_FIELD_APPLICATION] = {SIGHTING_APPLICATION, "webapp-kanarie", {"webapp-kanarie"}},
	[SLUICE_FIELD_USER] = {SIGHTING_USER, "CORP\\user.kanarie", {"user.kanarie"}},
	[SLUICE_FIELD_URL] = {SIGHTING_URL, "http://files.example/pfad/x?q=url-kanarie",
			      {"q=url-kanarie"}, "http://files.example"},
	[SLUICE_FIELD_FILENAME] = {SIGHTING_FILENAME, "name kanarie.exe", {"name kanarie"}, "exe"},
	[SLUICE_FIELD_EMAIL_SENDER] = {SIGHTING_EMAIL_SENDER, "from-kanarie@sender.example",
				       {"from-kanarie"}, "sender.example"},
	[SLUICE_FIELD_EMAIL_RECIPIENT] = {SIGHTING_EMAIL_RECIPIENT,
					  "to-kanarie@one.example\ncc-kanarie@two.example",
					  {"to-kanarie", "cc-kanarie"}, "two.example"},
	[SLUICE_FIELD_EMAIL_SUBJECT] = {SIGHTING_EMAIL_SUBJECT, "subject kanarie \xc3\xa4",
					{"subject kanarie"}},
};

static const char *const treatments[] = {
	"truncate", "truncate 8 16", "truncate path", "truncate origin", "encrypt prefix",
	"encrypt deterministic", "pseudonymise", "generalise", "omit",
};

#define TREATMENTS (sizeof(treatments) / sizeof(treatments[0]))

FIXTURE(matrix)
{
	struct sighting s;
	struct policy_keys keys;
	struct networks networks;
	struct treat_context context;
	struct buf out, name;
	struct envelope_report report;
};

static void set(struct sighting *s, enum sighting_text which, const char *p)
{
	sighting_set(s, which, p, strlen(p));
}

static void fill(struct sighting *s)
{
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		if (fields[f].value)
			set(s, fields[f].text, fields[f].value);
}

FIXTURE_SETUP(matrix)
{
	static const char file[] = "k1 2024-01-31T12:00:00Z "
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
	struct sighting *s = &self->s;
	unsigned int line;

	sighting_init(s);
	inet_parse("10.17.34.51", &s->session.end[DIR_OPENER]);
	s->session.end[DIR_OPENER].port = 41234;
	inet_parse("192.0.2.80", &s->session.end[DIR_ANSWERER]);
	s->session.end[DIR_ANSWERER].port = 48080;
	inet_parse("203.0.113.9", &s->session.nat[DIR_OPENER]);
	s->session.nat[DIR_OPENER].port = 61234;
	s->direction = DIRECTION_DOWNLOAD;
	s->state = FILE_STATE_COMPLETE;
	s->stored = true;
	memset(s->sha256, 0xab, sizeof(s->sha256));
	fill(s);
	sighting_make_id(s);
	ASSERT_EQ(NULL, policy_keys_parse(file, strlen(file), &self->keys, &line));
	self->context = (struct treat_context){
		.key = policy_keys_current(&self->keys),
		.networks = &self->networks,
		.policy_id = "00112233445566778899aabbccddeeff",
	};
	buf_init(&self->out, 1 << 20);
	buf_init(&self->name, 4096);
}

FIXTURE_TEARDOWN(matrix)
{
	buf_free(&self->out);
	buf_free(&self->name);
	sighting_free(&self->s);
}

static bool render(FIXTURE_DATA(matrix) *self, const struct policy *p)
{
	buf_reset(&self->out);
	buf_reset(&self->name);
	return envelope_render(&self->s, p, &self->context, &self->out, &self->report) &&
	       envelope_upload_name(&self->s, p, &self->name);
}

/* The value as it is, percent-encoded, in base64 at any place of a group, escaped for JSON. */
static bool found(const char *text, const char *canary)
{
	char form[256], shifted[128];
	size_t n = strlen(canary), at = 0;

	if (strcasestr(text, canary))
		return true;
	for (size_t i = 0; i < n; i++)
		at += (size_t)sprintf(form + at, strchr(" \\/=", canary[i]) ? "%%%02X" : "%c",
				      (unsigned char)canary[i]);
	if (strcasestr(text, form))
		return true;
	for (at = 0; at < 3; at++) {
		snprintf(shifted, sizeof(shifted), "%.*s%s", (int)at, "xx", canary);
		/* What depends on the bytes around it is left out on both sides. */
		EVP_EncodeBlock((unsigned char *)form, (unsigned char *)shifted,
				(int)(strlen(shifted) / 3 * 3));
		if (strlen(form) > 8 && strstr(text, form + (at ? 4 : 0)))
			return true;
	}
	at = 0;
	for (size_t i = 0; i < n; i++)
		at += (size_t)sprintf(form + at, strchr("\\\"/", canary[i]) ? "\\%c" : "%c",
				      canary[i]);
	return strstr(text, form);
}

static bool leaves(FIXTURE_DATA(matrix) *self, enum sluice_field field)
{
	for (size_t k = 0; k < CANARIES && fields[field].canary[k]; k++)
		if (found(buf_string(&self->out), fields[field].canary[k]) ||
		    found(buf_string(&self->name), fields[field].canary[k]))
			return true;
	return false;
}

/* The search finds what it is for. */
TEST(forms_are_found)
{
	EXPECT_TRUE(found("..name kanarie..", "name kanarie"));
	EXPECT_TRUE(found("..NAME%20kanarie..", "name kanarie"));
	EXPECT_TRUE(found("bmFtZSBrYW5hcmll", "name kanarie"));
	EXPECT_TRUE(found("eHhuYW1lIGthbmFyaWU=", "name kanarie"));
	EXPECT_FALSE(found("name  kanari", "name kanarie"));
}

/* Each field i shared and each field j treated, the rest shared or omitted. */
TEST_F(matrix, every_pair)
{
	unsigned int checked = 0;

	for (unsigned int j = 0; j < SLUICE_FIELD_COUNT; j++) {
		for (size_t t = 0; t < TREATMENTS; t++) {
			struct policy_field treated;

			if (!policy_field_parse(j, treatments[t], &treated))
				continue;
			for (unsigned int i = 0; i < SLUICE_FIELD_COUNT; i++) {
				struct policy p = policy_all(i == j ? POLICY_SHARE : POLICY_OMIT);

				policy_set(&p, i, POLICY_SHARE);
				p.field[j] = treated;
				ASSERT_TRUE(render(self, &p));
				for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
					bool shared = policy_mode(&p, f) == POLICY_SHARE;

					ASSERT_EQ(shared, leaves(self, f)) {
						TH_LOG("%s, %s %s: %s %s", policy_field_name(f),
						       policy_field_name(j), treatments[t],
						       buf_string(&self->out),
						       buf_string(&self->name));
					}
					ASSERT_EQ(policy_mode(&p, f), self->report.field[f].mode);
					ASSERT_EQ(policy_mode(&p, f) != POLICY_OMIT,
						  self->report.field[f].bytes != 0);
					checked++;
				}
				/* A truncated one says what it may. */
				if (treated.mode == POLICY_TRUNCATE && t == 0 && i != j) {
					ASSERT_NE(NULL, strstr(buf_string(&self->out),
							       fields[j].rest)) {
						TH_LOG("%s", buf_string(&self->out));
					}
				}
			}
		}
	}
	EXPECT_LT(4000, checked);
}

/* The value of j in the text of i, in every disguise. */
TEST_F(matrix, every_carrier)
{
	static const char *const carriers[] = {"http://h/a/%s/b?c=%s", "%s", "x-%s.doc", "<%s>"};

	for (unsigned int j = 0; j < SLUICE_FIELD_COUNT; j++) {
		for (size_t t = 0; t < TREATMENTS; t++) {
			struct policy p = policy_all(POLICY_SHARE);

			if (!policy_field_parse(j, treatments[t], &p.field[j]))
				continue;
			for (unsigned int i = 0; i < SLUICE_FIELD_COUNT; i++) {
				for (size_t k = 0; fields[i].value && i != j && k < 4; k++) {
					const char *value = fields[j].value ? fields[j].value
									    : fields[j].canary[0];
					char one[64], text[256];

					/* A recipient is one of a list. */
					snprintf(one, sizeof(one), "%.*s",
						 (int)strcspn(value, "\n"), value);
					snprintf(text, sizeof(text), carriers[k], one, one);
					fill(&self->s);
					set(&self->s, fields[i].text, text);
					ASSERT_TRUE(render(self, &p));
					ASSERT_FALSE(leaves(self, j)) {
						TH_LOG("%s %s in %s: %s %s", policy_field_name(j),
						       treatments[t], policy_field_name(i),
						       buf_string(&self->out),
						       buf_string(&self->name));
					}
				}
			}
			fill(&self->s);
		}
	}
}

/* All fields under each treatment they can have. */
TEST_F(matrix, all_at_once)
{
	for (size_t t = 0; t < TREATMENTS; t++) {
		struct policy p = policy_all(POLICY_OMIT);

		for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
			policy_field_parse(f, treatments[t], &p.field[f]);
		ASSERT_TRUE(render(self, &p));
		for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
			EXPECT_FALSE(leaves(self, f));
	}
}

static json_t *load(FIXTURE_DATA(matrix) *self, const struct policy *p)
{
	return render(self, p) ? json_loadb((const char *)self->out.data, self->out.len, 0, NULL)
			       : NULL;
}

/* The string at a path like "url.original"; "": absent. */
static const char *at(const json_t *v, const char *path)
{
	char copy[128], *state, *key;

	snprintf(copy, sizeof(copy), "%s", path);
	for (key = strtok_r(copy, ".", &state); key; key = strtok_r(NULL, ".", &state))
		v = json_is_array(v) ? json_array_get(v, (size_t)atoi(key)) : json_object_get(v, key);
	return v && json_is_string(v) ? json_string_value(v) : "";
}

static bool token_at(const json_t *v, const char *path)
{
	char id[POLICY_KEY_ID_MAX];

	return pseudonym_parse(at(v, path), id) && strcmp(id, "k1") == 0;
}

TEST_F(matrix, where_pseudonyms_stand)
{
	static const char *const paths[] = {
		"source.address", "server.address", "destination.address", "client.address",
		"sluice.source_port", "sluice.destination_port", "sluice.virtual_system",
		"network.application", "user.hash", "url.original", "file.name",
		"email.from.address.0", "email.to.address.0", "email.to.address.1",
		"email.subject",
	};
	struct policy p = policy_all(POLICY_PSEUDONYMISE);
	json_t *v = load(self, &p);

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		EXPECT_TRUE(token_at(v, paths[i])) {
			TH_LOG("%s: '%s'", paths[i], at(v, paths[i]));
		}
	}
	EXPECT_STREQ("", at(v, "source.ip"));
	EXPECT_STREQ("", at(v, "url.domain"));
	EXPECT_STREQ("", at(v, "user.name"));
	EXPECT_STREQ("pseudonymise", at(v, "sluice.policy.modes.user"));
	EXPECT_STREQ(self->context.policy_id, at(v, "sluice.policy.id"));
	json_decref(v);
	/* Two mails to the same address. */
	set(&self->s, SIGHTING_EMAIL_RECIPIENT, "a@b.c\n<A@B.C>");
	v = load(self, &p);
	EXPECT_STREQ(at(v, "email.to.address.0"), at(v, "email.to.address.1"));
	json_decref(v);
	/* Without a key there is nothing. */
	self->context.key = NULL;
	v = load(self, &p);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		EXPECT_STREQ("", at(v, paths[i]));
	EXPECT_STREQ("omit", at(v, "sluice.policy.modes.user"));
	json_decref(v);
}

TEST_F(matrix, what_truncate_leaves)
{
	struct policy p = policy_all(POLICY_TRUNCATE);
	json_t *v = load(self, &p);

	EXPECT_STREQ("192.0.2.0", at(v, "source.ip"));
	EXPECT_STREQ("10.17.34.0", at(v, "client.ip"));
	EXPECT_STREQ("203.0.113.0", at(v, "destination.nat.ip"));
	EXPECT_STREQ("http://files.example/pfad/x", at(v, "url.original"));
	EXPECT_STREQ("files.example", at(v, "url.domain"));
	EXPECT_STREQ("exe", at(v, "file.extension"));
	EXPECT_STREQ("sender.example", at(v, "email.from.address.0"));
	EXPECT_STREQ("two.example", at(v, "email.to.address.1"));
	EXPECT_STREQ("truncate 24 48", at(v, "sluice.policy.modes.source_ip"));
	EXPECT_EQ(NULL, json_object_get(json_object_get(v, "sluice"), "withheld"));
	EXPECT_STREQ(".exe", strchr(buf_string(&self->name), '.'));
	json_decref(v);
	/* The whole URL is what is left of it: that hides nothing of its own. */
	set(&self->s, SIGHTING_URL, "http://files.example/pfad/x");
	v = load(self, &p);
	EXPECT_STREQ("http://files.example/pfad/x", at(v, "url.original"));
	json_decref(v);
	policy_field_parse(SLUICE_FIELD_URL, "truncate origin", &p.field[SLUICE_FIELD_URL]);
	set(&self->s, SIGHTING_URL, "http://u:p@files.example:81/pfad?x");
	v = load(self, &p);
	EXPECT_STREQ("http://files.example:81", at(v, "url.original"));
	json_decref(v);
	set(&self->s, SIGHTING_URL, "/pfad?x");
	set(&self->s, SIGHTING_FILENAME, ".profile");
	set(&self->s, SIGHTING_EMAIL_SENDER, "nobody");
	v = load(self, &p);
	EXPECT_STREQ("", at(v, "url.original"));
	EXPECT_STREQ("", at(v, "file.extension"));
	EXPECT_STREQ("", at(v, "email.from.address.0"));
	EXPECT_EQ(NULL, strchr(buf_string(&self->name), '.'));
	json_decref(v);
}

TEST_F(matrix, what_addresses_become)
{
	struct policy p = policy_all(POLICY_GENERALISE);
	json_t *v = load(self, &p);
	struct endpoint e;

	EXPECT_STREQ("external", at(v, "source.address"));
	EXPECT_STREQ("internal", at(v, "destination.address"));
	json_decref(v);
	p = policy_all(POLICY_ENCRYPT);
	v = load(self, &p);
	ASSERT_TRUE(inet_parse(at(v, "source.ip"), &e));
	EXPECT_TRUE(ipcrypt_prefix(self->context.key->prefix, true, &e));
	EXPECT_EQ(0, memcmp(e.ip, self->s.session.end[DIR_ANSWERER].ip, 4));
	json_decref(v);
}

static int port_of(const json_t *v, const char *end)
{
	return (int)json_integer_value(json_object_get(json_object_get(v, end), "port"));
}

/* A service's port is kept, and may stand in the URL. */
TEST_F(matrix, ports)
{
	struct policy p = policy_all(POLICY_SHARE);
	json_t *v;

	policy_set(&p, SLUICE_FIELD_SOURCE_PORT, POLICY_TRUNCATE);
	policy_set(&p, SLUICE_FIELD_DESTINATION_PORT, POLICY_TRUNCATE);
	self->s.session.end[DIR_ANSWERER].port = 8080;
	set(&self->s, SIGHTING_URL, "http://h:8080/x");
	v = load(self, &p);
	EXPECT_EQ(8080, port_of(v, "source"));
	EXPECT_EQ(0, port_of(v, "destination"));
	EXPECT_STREQ("http://h:8080/x", at(v, "url.original"));
	json_decref(v);
	self->s.session.end[DIR_ANSWERER].port = 48080;
	set(&self->s, SIGHTING_URL, "http://h:48080/x");
	v = load(self, &p);
	EXPECT_EQ(0, port_of(v, "server"));
	EXPECT_STREQ("http://h/x", at(v, "url.original"));
	json_decref(v);
}

TEST_HARNESS_MAIN
