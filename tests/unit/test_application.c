// SPDX-License-Identifier: MIT
/*
 * The names of applications, and their refinement by host.
 */
#include "kselftest_harness.h"

#include "policy/application.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct errors {
	unsigned int count;
	unsigned int line[16];
	char text[16][256];
};

static void note(void *arg, unsigned int line, const char *text)
{
	struct errors *e = arg;

	if (e->count < 16) {
		e->line[e->count] = line;
		snprintf(e->text[e->count], sizeof(e->text[0]), "%.255s", text);
	}
	e->count++;
}

static struct application_table *parse(const char *text, struct errors *e)
{
	memset(e, 0, sizeof(*e));
	return application_table_parse(text, strlen(text), note, e);
}

static const char *refine(const struct application_table *t, const char *application,
			  const char *host)
{
	return application_refine(t, application, host, strlen(host));
}

TEST(vocabulary_has_every_name_once)
{
	for (size_t i = 0; i < application_count; i++) {
		EXPECT_LT(strlen(applications[i].name), APPLICATION_NAME_MAX);
		EXPECT_NE(0, applications[i].meaning[0]);
		for (size_t k = 0; k < i; k++)
			EXPECT_NE(0, strcmp(applications[i].name, applications[k].name));
	}
}

TEST(built_in_table_is_right)
{
	struct application_table *t = application_table_built_in();
	static const struct {
		const char *host, *name;
	} cases[] = {
		{"dropbox.com", "dropbox-base"},
		{"dl.dropboxusercontent.com", "dropbox-base"},
		{"drive.google.com", "google-drive-web"},
		{"www.google.com", "google-base"},
		{"contoso.sharepoint.com", "sharepoint-online"},
		{"outlook.office.com", "outlook-web-online"},
		{"www.office.com", "ms-office365-base"},
		{"google.com.example.net", "web-browsing"},
	};

	ASSERT_NE(NULL, t);
	EXPECT_LT(30, application_table_count(t));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		EXPECT_STREQ(cases[i].name, refine(t, "web-browsing", cases[i].host));
	application_table_free(t);
}

FIXTURE(table)
{
	struct application_table *t;
	struct errors errors;
};

FIXTURE_SETUP(table)
{
	self->t = parse("# comment\n"
			"example.com      example-base   web-browsing, ssl\n"
			"a.example.com\texample-a\tssl   # TLS only\r\n"
			"\n"
			"EXAMPLE.org  example-org  web-browsing webdav,quic\n"
			"example.org  example-tls  ssl\n"
			"xn--bcher-kva.example books web-browsing\n"
			"intranet home web-browsing",
			&self->errors);
	ASSERT_NE(NULL, self->t);
	EXPECT_EQ(0, self->errors.count);
	EXPECT_EQ(6, application_table_count(self->t));
}

FIXTURE_TEARDOWN(table)
{
	application_table_free(self->t);
}

TEST_F(table, longest_suffix_on_a_label_boundary)
{
	EXPECT_STREQ("example-base", refine(self->t, "web-browsing", "example.com"));
	EXPECT_STREQ("example-base", refine(self->t, "ssl", "www.example.com"));
	EXPECT_STREQ("example-a", refine(self->t, "ssl", "a.example.com"));
	EXPECT_STREQ("example-a", refine(self->t, "ssl", "b.a.example.com"));
	/* The longer line is not for this application, the shorter one is. */
	EXPECT_STREQ("example-base", refine(self->t, "web-browsing", "a.example.com"));
	EXPECT_STREQ("ssl", refine(self->t, "ssl", "notexample.com"));
	EXPECT_STREQ("ssl", refine(self->t, "ssl", "example.com.net"));
	EXPECT_STREQ("ssl", refine(self->t, "ssl", "com"));
	EXPECT_STREQ("example-base", refine(self->t, "ssl", "ba.example.com"));
}

TEST_F(table, only_what_the_line_names)
{
	EXPECT_STREQ("webdav", refine(self->t, "webdav", "example.com"));
	EXPECT_STREQ("example-org", refine(self->t, "webdav", "example.org"));
	EXPECT_STREQ("example-org", refine(self->t, "quic", "example.org"));
	/* Several lines of a domain, each with its own. */
	EXPECT_STREQ("example-tls", refine(self->t, "ssl", "example.org"));
	EXPECT_STREQ("smtp", refine(self->t, "smtp", "example.org"));
	EXPECT_STREQ("unheard-of", refine(self->t, "unheard-of", "example.org"));
}

TEST_F(table, case_port_and_dot_do_not_matter)
{
	EXPECT_STREQ("example-base", refine(self->t, "ssl", "EXAMPLE.Com"));
	EXPECT_STREQ("example-base", refine(self->t, "web-browsing", "www.example.com:8080"));
	EXPECT_STREQ("example-base", refine(self->t, "web-browsing", "www.example.com:"));
	EXPECT_STREQ("example-base", refine(self->t, "web-browsing", "example.com."));
	EXPECT_STREQ("example-base", refine(self->t, "web-browsing", "example.com.:80"));
	EXPECT_STREQ("ssl", refine(self->t, "ssl", "example.com.."));
	EXPECT_STREQ("books", refine(self->t, "web-browsing", "XN--BCHER-KVA.example"));
	EXPECT_STREQ("home", refine(self->t, "web-browsing", "intranet"));
}

TEST_F(table, what_is_no_name_never_matches)
{
	static const char *const hosts[] = {
		"",
		".",
		":80",
		"192.0.2.1",
		"192.0.2.1:80",
		"[2001:db8::1]",
		"[2001:db8::1]:80",
		"2001:db8::1",
		"example.com.1",
		"b\xc3\xbc"
		"cher.example",
	};
	char longer[400];

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		EXPECT_STREQ("ssl", refine(self->t, "ssl", hosts[i]));
	EXPECT_STREQ("ssl", application_refine(self->t, "ssl", NULL, 0));
	EXPECT_STREQ("ssl", application_refine(NULL, "ssl", "example.com", 11));
	memset(longer, 'a', sizeof(longer));
	memcpy(longer + sizeof(longer) - 12, ".example.com", 12);
	EXPECT_STREQ("ssl", application_refine(self->t, "ssl", longer, sizeof(longer)));
	/* A NUL in the middle hides nothing. */
	EXPECT_STREQ("ssl", application_refine(self->t, "ssl", "example.com\0.net", 16));
}

TEST_F(table, what_can_carry_files)
{
	EXPECT_TRUE(application_possible(self->t, "web-browsing"));
	EXPECT_TRUE(application_possible(self->t, "Web-Browsing"));
	EXPECT_TRUE(application_possible(self->t, "example-base"));
	EXPECT_TRUE(application_possible(self->t, "example-org"));
	EXPECT_FALSE(application_possible(self->t, "ssl"));
	EXPECT_FALSE(application_possible(self->t, "example-a"));
	EXPECT_FALSE(application_possible(self->t, "dropbox-base"));
	EXPECT_FALSE(application_possible(NULL, "example-base"));
}

TEST(text_wins_over_what_it_includes)
{
	struct errors e;
	struct application_table *t = parse("dropbox.com my-box ssl\n"
					    "include built-in\n"
					    "www.dropbox.com front web-browsing\n",
					    &e);

	ASSERT_NE(NULL, t);
	EXPECT_STREQ("my-box", refine(t, "ssl", "dropbox.com"));
	EXPECT_STREQ("dropbox-base", refine(t, "web-browsing", "dropbox.com"));
	EXPECT_STREQ("front", refine(t, "web-browsing", "www.dropbox.com"));
	EXPECT_STREQ("google-base", refine(t, "ssl", "google.com"));
	application_table_free(t);
	/* Without, the built-in table is not there. */
	t = parse("example.com x ssl\n", &e);
	ASSERT_NE(NULL, t);
	EXPECT_STREQ("ssl", refine(t, "ssl", "google.com"));
	application_table_free(t);
	t = parse("", &e);
	ASSERT_NE(NULL, t);
	EXPECT_STREQ("ssl", refine(t, "ssl", "google.com"));
	application_table_free(t);
}

TEST(every_error_has_its_line)
{
	static const struct {
		const char *line, *about;
	} cases[] = {
		{"example.com", "DOMAIN NAME APPLICATION"},
		{"example.com name", "DOMAIN NAME APPLICATION"},
		{"example.com name http", "names of what is refined"},
		{"example.com Na/me ssl", "a name of"},
		{"192.0.2.1 name ssl", "not an address"},
		{"*.example.com name ssl", "a domain of letters"},
		{"example.com:80 name ssl", "a domain of letters"},
		{".example.com name ssl", "labels"},
		{"example..com name ssl", "labels"},
		{"example.com. name ssl", "labels"},
		{"b\xc3\xbc"
		 "cher.example name ssl",
		 "A-labels"},
		{"include everything", "include built-in"},
		{"include", "include built-in"},
		{"ok.example other ssl", "line 2 already"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example x "
		 "ssl",
		 "63"},
		{"example.com "
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ssl",
		 "63"},
	};
	struct errors e;
	char text[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "# first\nok.example ok ssl\n%s\n", cases[i].line);
		EXPECT_EQ(NULL, parse(text, &e));
		EXPECT_EQ(1, e.count);
		EXPECT_EQ(3, e.line[0]);
		EXPECT_NE(NULL, strstr(e.text[0], cases[i].about))
		TH_LOG("'%s' gives '%s'", cases[i].line, e.text[0]);
	}
}

TEST(all_errors_of_a_text_are_told)
{
	struct errors e;

	EXPECT_EQ(NULL, parse("a b c\nd.example e ssl\n-\n1.2.3.4 e ssl\n", &e));
	EXPECT_EQ(3, e.count);
	EXPECT_EQ(1, e.line[0]);
	EXPECT_EQ(3, e.line[1]);
	EXPECT_EQ(4, e.line[2]);
}

TEST(binary_and_endless_lines_are_refused)
{
	struct errors e;
	char text[5000];

	memset(&e, 0, sizeof(e));
	EXPECT_EQ(NULL, application_table_parse("a.example\0b c ssl", 17, note, &e));
	EXPECT_EQ(1, e.count);
	memset(text, 'a', sizeof(text));
	memset(&e, 0, sizeof(e));
	EXPECT_EQ(NULL, application_table_parse(text, sizeof(text), note, &e));
	EXPECT_EQ(1, e.count);
}

TEST(table_has_a_limit)
{
	size_t n = 0, room = 40u * (APPLICATION_ENTRIES_MAX + 1);
	char *text = malloc(room);
	struct application_table *t;
	struct errors e = {0};

	ASSERT_NE(NULL, text);
	for (unsigned int i = 0; i < APPLICATION_ENTRIES_MAX; i++)
		n += (size_t)sprintf(text + n, "d%u.example n%u ssl\n", i, i);
	t = application_table_parse(text, n, note, &e);
	ASSERT_NE(NULL, t);
	EXPECT_STREQ("n65535", refine(t, "ssl", "www.d65535.example"));
	application_table_free(t);
	n += (size_t)sprintf(text + n, "more.example more ssl\n");
	EXPECT_EQ(NULL, application_table_parse(text, n, note, &e));
	EXPECT_EQ(1, e.count);
	EXPECT_EQ(APPLICATION_ENTRIES_MAX + 1, e.line[0]);
	free(text);
}

TEST(equal_tables)
{
	struct application_table *a = application_table_built_in();
	struct application_table *b = application_table_built_in();
	struct errors e;
	struct application_table *c = parse("example.com x ssl\n", &e);

	EXPECT_TRUE(application_table_equal(a, b));
	EXPECT_FALSE(application_table_equal(a, c));
	EXPECT_FALSE(application_table_equal(NULL, c));
	EXPECT_TRUE(application_table_equal(NULL, NULL));
	application_table_free(a);
	application_table_free(b);
	application_table_free(c);
}

TEST_HARNESS_MAIN
