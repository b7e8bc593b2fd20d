// SPDX-License-Identifier: MIT
/*
 * What the control socket is asked about users, without the socket.
 */
#include <kselftest_harness.h>

#include "supervisor/live.h"
#include "supervisor/user_commands.h"

#include <stdarg.h>
#include <stdio.h>

/* The answer, in place of control.c. */
struct control_client {
	json_t *lines;
	char error[512], text[512];
};

void control_line(struct control_client *c, json_t *line)
{
	json_array_append_new(c->lines, line);
}

void control_text(struct control_client *c, const char *text)
{
	snprintf(c->text, sizeof(c->text), "%s", text);
}

void control_error(struct control_client *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->error, sizeof(c->error), format, args);
	va_end(args);
}

#define MANY 70000

static struct supervisor supervisor;

FIXTURE(commands)
{
	struct users_config config;
	struct control_client client;
};

FIXTURE_SETUP(commands)
{
	memset(&supervisor, 0, sizeof(supervisor));
	self->config = (struct users_config){.timeout = 60, .max = MANY};
	supervisor.users = users_open(&self->config, NULL, &supervisor.counters);
	ASSERT_NE(NULL, supervisor.users);
	self->client.lines = NULL;
}

FIXTURE_TEARDOWN(commands)
{
	json_decref(self->client.lines);
	users_close(supervisor.users);
}

typedef void command(struct control_client *c, void *arg, json_t *request);

static const char *run(FIXTURE_DATA(commands) * self, command *command, json_t *request)
{
	json_decref(self->client.lines);
	self->client = (struct control_client){.lines = json_array()};
	command(&self->client, &supervisor, request);
	json_decref(request);
	return self->client.error;
}

/* A request with ' for ". */
static const char *ask(FIXTURE_DATA(commands) * self, command *command, const char *request)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s", request);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	return run(self, command, json_loads(text, JSON_ALLOW_NUL, NULL));
}

static json_int_t number(FIXTURE_DATA(commands) * self, const char *name)
{
	return json_integer_value(json_object_get(json_array_get(self->client.lines, 0), name));
}

static size_t listed(FIXTURE_DATA(commands) * self, const char *request)
{
	return *ask(self, users_command_list, request) ? SIZE_MAX
						       : json_array_size(self->client.lines);
}

struct wrong {
	command *command;
	const char *request, *error;
};

TEST_F(commands, refused)
{
	static const struct wrong cases[] = {
		{users_command_add, "{}", "expected an address and a user"},
		{users_command_add, "{'address':'10.0.0.1'}", "expected an address and a user"},
		{users_command_add, "{'address':null,'user':'a'}", "expected an address and"},
		{users_command_add, "{'address':1,'user':'a'}", "address: expected a text"},
		{users_command_add, "{'address':'10.0.0.1/32','user':'a'}",
		 "address: '10.0.0.1/32': expected an address"},
		{users_command_add, "{'address':'10.0.0.1','user':''}",
		 "user: '': expected 1 to 255 bytes"},
		{users_command_add, "{'address':'10.0.0.1','user':'a\\u0000b'}",
		 "user: expected a text"},
		{users_command_add, "{'address':'10.0.0.1','user':'a\\n'}",
		 "user: 'a\n': expected 1 to 255 bytes"},
		{users_command_add, "{'address':'10.0.0.1','user':'a','vsys':''}",
		 "vsys: '': expected 1 to 63 bytes"},
		{users_command_add, "{'address':'10.0.0.1','user':'a','timeout':'45'}",
		 "timeout: '45': expected a number with"},
		{users_command_add, "{'address':'10.0.0.1','user':'a','timeout':45}",
		 "timeout: expected a text"},
		{users_command_add, "{'address':'10.0.0.1','user':'a','group':['b',1]}",
		 "group: expected names of 1 to 255 bytes"},
		{users_command_add, "{'address':'10.0.0.1','user':'a','group':{}}",
		 "group: expected names"},
		{users_command_del, "{'vsys':'x'}", "expected an address, a user, or both"},
		{users_command_del, "{'address':'x'}", "address: 'x': expected an address"},
		{users_command_import, "{}", "expected a text"},
		{users_command_import, "{'text':['10.0.0.1 a']}", "text: expected a text"},
		{users_command_import, "{'text':'10.0.0.1 a\\nnonsense'}", "line 2: "},
		{users_command_import, "{'text':'\\ufeff <uid-message>'}", "line 1, column "},
		{users_command_import,
		 "{'text':'<uid-message><type>update</type><payload><login><entry "
		 "name=\\'a\\' ip=\\'10.0.0.1\\'/></login></payload></uid-message> 10.0.0.2 "
		 "b'}",
		 "something follows the document"},
		{users_command_list, "{'from':-1}", "from: expected the number"},
		{users_command_list, "{'from':'1'}", "from: expected the number"},
		{users_command_list, "{'group':1}", "group: expected a text"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *error = ask(self, cases[i].command, cases[i].request);

		EXPECT_NE(NULL, strstr(error, cases[i].error))
		TH_LOG("%s: %s", cases[i].request, error);
		EXPECT_EQ(0, json_array_size(self->client.lines));
	}
	EXPECT_EQ(0, listed(self, "{'all':true}"));
}

TEST_F(commands, added_and_gone)
{
	EXPECT_STREQ("", ask(self, users_command_add,
			     "{'address':'10.0.0.1','user':'a','group':['g','h'],"
			     "'timeout':'1h'}"));
	EXPECT_EQ(1, number(self, "logins"));
	EXPECT_EQ(2, number(self, "members"));
	EXPECT_STREQ("", ask(self, users_command_add,
			     "{'address':'::ffff:10.0.0.2','user':'a','vsys':'x'}"));
	EXPECT_STREQ("", ask(self, users_command_add,
			     "{'address':'10.0.0.3','user':'b','group':'g'}"));
	EXPECT_EQ(3, listed(self, "{}"));
	EXPECT_EQ(3, listed(self, "{'group':'g'}"));
	EXPECT_EQ(2, listed(self, "{'group':'h'}"));
	EXPECT_EQ(0, listed(self, "{'group':'nobody'}"));
	EXPECT_EQ(1, listed(self, "{'vsys':'x'}"));
	EXPECT_EQ(1, listed(self, "{'user':'b'}"));
	/* Somebody else's, and another virtual system's, stay. */
	EXPECT_STREQ("", ask(self, users_command_del, "{'address':'10.0.0.1','user':'b'}"));
	EXPECT_EQ(0, number(self, "logouts"));
	EXPECT_STREQ("", ask(self, users_command_del, "{'address':'10.0.0.1','vsys':'x'}"));
	EXPECT_EQ(0, number(self, "logouts"));
	EXPECT_STREQ("", ask(self, users_command_del, "{'user':'a'}"));
	EXPECT_EQ(2, number(self, "logouts"));
	EXPECT_EQ(1, listed(self, "{}"));
	EXPECT_EQ(3, listed(self, "{'all':true}"));
}

/* Parts of a list that is longer than an answer: everybody once. */
TEST_F(commands, a_long_list)
{
	struct buf list;
	size_t parts = 0, total = 0;
	json_int_t next = 0;

	buf_init(&list, 16u << 20);
	for (unsigned int i = 0; i < MANY; i++)
		buf_printf(&list, "10.%u.%u.%u user%u\n", i >> 16, i >> 8 & 255, i & 255, i);
	EXPECT_STREQ("", run(self, users_command_import,
			     json_pack("{s:s}", "text", buf_string(&list))));
	EXPECT_EQ(MANY, number(self, "logins"));
	buf_free(&list);
	/* There is no room for one more, nor for anything that comes with it. */
	EXPECT_NE(NULL, strstr(ask(self, users_command_add,
				   "{'address':'10.9.0.1','user':'one more','group':'g'}"),
			       "room for 0"));
	EXPECT_EQ(2, supervisor.counters.value[COUNTER_USERS_REFUSED]);
	do {
		EXPECT_STREQ("",
			     run(self, users_command_list, json_pack("{s:I}", "from", next)));
		total += json_array_size(self->client.lines);
		next = json_integer_value(
			json_object_get(json_array_get(self->client.lines,
						       json_array_size(self->client.lines) - 1),
					"next"));
		total -= next != 0;
		parts++;
	} while (next && parts < 100);
	EXPECT_EQ(MANY, total);
	EXPECT_LT(4, parts);
	EXPECT_GT(20, parts);
	/* Few that match are looked for a part at a time as well. */
	EXPECT_EQ(1, listed(self, "{'user':'nobody'}"));
	EXPECT_LT(0, number(self, "next"));
	/* Behind the end there is nothing. */
	EXPECT_EQ(0, listed(self, "{'from':9000000000000000000}"));
}

/* ------------------------------------------------------------------- documents */

/* In pieces of n bytes; whether the connection may go on, and what is left of the text. */
static bool document(FIXTURE_DATA(commands) * self, const char **text, size_t n)
{
	void *d = live_documents.begin(&supervisor);
	bool complete = false, goes_on;
	size_t used;

	if (!d)
		abort();
	while (**text && !complete) {
		size_t left = strlen(*text);

		complete = live_documents.feed(d, *text, left < n ? left : n, &used);
		*text += used;
	}
	goes_on = live_documents.answer(d, &self->client, !complete);
	live_documents.drop(d);
	return goes_on;
}

#define ENTRY                                                                                  \
	"<uid-message><type>update</type><payload><login><entry name=\"a\" ip=\"10.0.0.%d\"/>" \
	"</login></payload></uid-message>"

TEST_F(commands, documents)
{
	char both[1024];
	const char *text;
	size_t given = 0;

	self->client = (struct control_client){.lines = NULL};
	for (size_t n = 1; n < 400; n = 2 * n + 1, given++) {
		snprintf(both, sizeof(both), ENTRY ENTRY, (int)n % 250, 251);
		text = both;
		EXPECT_TRUE(document(self, &text, n));
		EXPECT_NE(NULL, strstr(self->client.text, "\"success\"><msg>1 logged in, "));
		EXPECT_EQ(0, strncmp(text, "<uid-message>", 13));
	}
	/* What is wrong is said without being markup itself. */
	text = "<uid-message><type>a&lt;b&amp;\xc3\xa9</type></uid-message>";
	EXPECT_FALSE(document(self, &text, 1000));
	EXPECT_NE(NULL, strstr(self->client.text, "<response status=\"error\">"));
	EXPECT_NE(NULL, strstr(self->client.text, "a&lt;b&amp;??"));
	/* Half of one does nothing. */
	text = "<uid-message><type>update</type><payload><login><entry name=\"a\" "
	       "ip=\"10.0.0.99\"/></login>";
	EXPECT_FALSE(document(self, &text, 1000));
	EXPECT_NE(NULL, strstr(self->client.text, "status=\"error\""));
	EXPECT_EQ(given, listed(self, "{}"));
}

TEST_HARNESS_MAIN
