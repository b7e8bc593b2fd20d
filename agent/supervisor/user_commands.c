// SPDX-License-Identifier: MIT
#include "supervisor/user_commands.h"

#include "policy/uid_message.h"
#include "policy/user_list.h"
#include "policy/user_time.h"
#include "supervisor/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES_MAX 1000000 /* of one request */
#define WALK_MOST 256	    /* mappings looked at between looks at the time and the size */
#define LIST_BYTES (2u << 20)
#define LIST_PLACES 65536 /* mappings looked at for one answer */

/* ----------------------------------------------------------------- requests */

/* A member that is a text without NUL; NULL: absent.  False: something else. */
static bool get_text(struct control_client *c, json_t *request, const char *name,
		     const char **text)
{
	json_t *value = json_object_get(request, name);

	*text = NULL;
	if (!value || json_is_null(value))
		return true;
	if (!json_is_string(value) ||
	    strlen(json_string_value(value)) != json_string_length(value)) {
		control_error(c, "%s: expected a text", name);
		return false;
	}
	*text = json_string_value(value);
	return true;
}

/* The same, and fit for a name. */
static bool get_name(struct control_client *c, json_t *request, const char *name, size_t max,
		     const char **text)
{
	if (!get_text(c, request, name, text))
		return false;
	if (!*text || user_name_good(*text, max))
		return true;
	control_error(c, "%s: '%.40s': expected 1 to %zu bytes of text without controls", name,
		      *text, max);
	return false;
}

static bool get_address(struct control_client *c, json_t *request, struct endpoint *address,
			bool *given)
{
	const char *text;

	if (!get_text(c, request, "address", &text))
		return false;
	*given = text;
	if (!text || user_address_parse(text, address))
		return true;
	control_error(c, "address: '%.60s': expected an address, IPv4 or IPv6", text);
	return false;
}

static json_t *changed_json(const struct user_changed *done)
{
	return json_pack("{s:I, s:I, s:I}", "logins", (json_int_t)done->logins, "logouts",
			 (json_int_t)done->logouts, "members", (json_int_t)done->joins);
}

/* Does what was read, or says what was wrong with it. */
static void finish(struct control_client *c, struct supervisor *s, struct user_changes *changes,
		   bool read, enum user_source source)
{
	struct user_changed done;

	if (read && users_change(s->users, changes, source, &done))
		control_line(c, changed_json(&done));
	else
		control_error(c, "%s", changes->error);
	user_changes_free(changes);
}

/* ----------------------------------------------------------------------- add */

static bool join(struct user_changes *changes, struct control_client *c, const char *user,
		 json_t *group)
{
	const char *name = json_string_value(group);
	struct user_change *change;

	if (!name || !user_name_good(name, USER_NAME_MAX)) {
		control_error(c, "group: expected names of 1 to %d bytes", USER_NAME_MAX);
		return false;
	}
	change = user_changes_add(changes, USER_CHANGE_JOIN, 0);
	if (change && user_changes_text(changes, user, &change->user) &&
	    user_changes_text(changes, name, &change->group))
		return true;
	control_error(c, "%s", changes->error);
	return false;
}

static bool join_all(struct user_changes *changes, struct control_client *c, const char *user,
		     json_t *groups)
{
	size_t i;

	if (!groups || json_is_null(groups))
		return true;
	if (!json_is_array(groups))
		return join(changes, c, user, groups);
	for (i = 0; i < json_array_size(groups); i++)
		if (!join(changes, c, user, json_array_get(groups, i)))
			return false;
	return true;
}

void users_command_add(struct control_client *c, void *arg, json_t *request)
{
	const char *user, *vsys, *timeout;
	struct user_change login = {.kind = USER_CHANGE_LOGIN}, *change;
	struct user_changes changes;
	bool given, ok;

	if (!get_address(c, request, &login.address, &given) ||
	    !get_name(c, request, "user", USER_NAME_MAX, &user) ||
	    !get_name(c, request, "vsys", USER_VSYS_MAX, &vsys) ||
	    !get_text(c, request, "timeout", &timeout))
		return;
	if (!given || !user) {
		control_error(c, "expected an address and a user");
		return;
	}
	if (timeout && !user_timeout_parse(timeout, &login.timeout)) {
		control_error(c, "timeout: '%.40s': %s", timeout, USER_TIMEOUT_EXPECTED);
		return;
	}
	login.has_timeout = timeout;
	user_changes_init(&changes, CHANGES_MAX);
	change = user_changes_add(&changes, USER_CHANGE_LOGIN, 0);
	ok = change && user_changes_text(&changes, user, &login.user) &&
	     (!vsys || user_changes_text(&changes, vsys, &login.vsys));
	if (ok)
		*change = login;
	if (ok && !join_all(&changes, c, user, json_object_get(request, "group"))) {
		user_changes_free(&changes);
		return;
	}
	finish(c, arg, &changes, ok, USER_SOURCE_COMMAND);
}

/* ----------------------------------------------------------------------- del */

void users_command_del(struct control_client *c, void *arg, json_t *request)
{
	struct supervisor *s = arg;
	struct user_change logout = {.kind = USER_CHANGE_LOGOUT}, *change;
	struct user_changes changes;
	const char *user, *vsys;
	bool given, ok;

	if (!get_address(c, request, &logout.address, &given) ||
	    !get_name(c, request, "user", USER_NAME_MAX, &user) ||
	    !get_name(c, request, "vsys", USER_VSYS_MAX, &vsys))
		return;
	if (!given && !user) {
		control_error(c, "expected an address, a user, or both");
		return;
	}
	if (!given) {
		control_line(c, json_pack("{s:I}", "logouts",
					  (json_int_t)users_logout(s->users, user, vsys)));
		return;
	}
	user_changes_init(&changes, 1);
	change = user_changes_add(&changes, USER_CHANGE_LOGOUT, 0);
	ok = change && (!user || user_changes_text(&changes, user, &logout.user)) &&
	     (!vsys || user_changes_text(&changes, vsys, &logout.vsys));
	if (ok)
		*change = logout;
	finish(c, s, &changes, ok, USER_SOURCE_COMMAND);
}

/* -------------------------------------------------------------------- import */

static bool read_message(struct user_changes *changes, const char *text, size_t n)
{
	struct uid_message *m = uid_message_new(changes);
	enum uid_message_state state;
	size_t used;

	if (!m)
		return false;
	state = uid_message_feed(m, text, n, &used);
	if (state == UID_MESSAGE_MORE)
		uid_message_cut(m);
	uid_message_free(m);
	if (state != UID_MESSAGE_DONE)
		return false;
	used += strspn(text + used, " \t\r\n");
	if (used == n)
		return true;
	snprintf(changes->error, sizeof(changes->error),
		 "byte %zu: something follows the document", used);
	return false;
}

void users_command_import(struct control_client *c, void *arg, json_t *request)
{
	struct user_changes changes;
	const char *text, *first;
	bool xml, ok;

	if (!get_text(c, request, "text", &text))
		return;
	if (!text) {
		control_error(c, "expected a text");
		return;
	}
	first = text + (strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
	first += strspn(first, " \t\r\n");
	xml = *first == '<';
	user_changes_init(&changes, CHANGES_MAX);
	ok = xml ? read_message(&changes, text, strlen(text))
		 : user_list_read(&changes, text, strlen(text));
	finish(c, arg, &changes, ok, xml ? USER_SOURCE_UID : USER_SOURCE_IMPORT);
}

/* ---------------------------------------------------------------------- list */

struct listing {
	struct control_client *c;
	const char *user, *group, *vsys;
	bool all;
	uint64_t now;
	size_t bytes; /* of the answer, roughly */
};

static json_t *groups_json(struct listing *l, struct user_table *t, const char *user)
{
	struct user_name *name = user_names_find(user_table_names(t), USER_NAME_USER, user);
	json_t *groups = json_array();

	for (struct user_member *m = name ? name->list : NULL; m && l->bytes < LIST_BYTES;
	     m = m->next_group) {
		json_array_append_new(groups, json_string(m->group->text));
		l->bytes += strlen(m->group->text) + 4;
	}
	return groups;
}

static bool in_group(struct user_table *t, const char *user, const char *group)
{
	struct user_name *name = user_names_find(user_table_names(t), USER_NAME_USER, user);
	struct user_member *m = name ? name->list : NULL;

	while (m && strcmp(m->group->text, group) != 0)
		m = m->next_group;
	return m;
}

static json_t *time_json(uint64_t ns)
{
	char text[USER_TIME_TEXT];

	/* Since ever, or for ever. */
	if (ns == 0 || ns == USER_FOREVER)
		return json_null();
	return json_string(user_time_text(ns, text));
}

static void list_one(void *arg, struct user_table *t, const struct user_mapping *m)
{
	struct listing *l = arg;
	char address[INET_TEXT_MAX];

	if ((!l->all && (m->end <= l->now || m->begin > l->now)) ||
	    (l->user && strcmp(m->user, l->user) != 0) ||
	    (l->vsys && strcmp(m->vsys, l->vsys) != 0) ||
	    (l->group && !in_group(t, m->user, l->group)))
		return;
	l->bytes += 200 + strlen(m->user);
	control_line(l->c, json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:o}", "address",
				     inet_text(&m->address, address), "user", m->user, "vsys",
				     m->vsys, "begin", time_json(m->begin), "end",
				     time_json(m->end), "source", user_source_text(m->source),
				     "groups", groups_json(l, t, m->user)));
}

void users_command_list(struct control_client *c, void *arg, json_t *request)
{
	struct supervisor *s = arg;
	struct listing l = {.c = c, .now = users_clock()};
	json_t *from = json_object_get(request, "from");
	uint64_t next = (uint64_t)json_integer_value(from);
	size_t places = 0;

	if ((from && (!json_is_integer(from) || json_integer_value(from) < 0))) {
		control_error(c, "from: expected the number of an answer's \"next\"");
		return;
	}
	if (!get_text(c, request, "user", &l.user) ||
	    !get_text(c, request, "group", &l.group) || !get_text(c, request, "vsys", &l.vsys))
		return;
	l.all = json_is_true(json_object_get(request, "all"));
	do {
		next = users_walk(s->users, next, WALK_MOST, list_one, &l);
		places += WALK_MOST;
	} while (next && l.bytes < LIST_BYTES && places < LIST_PLACES);
	if (next)
		control_line(c, json_pack("{s:I}", "next", (json_int_t)next));
}

/* ----------------------------------------------------------------- documents */

struct document {
	struct supervisor *s;
	struct user_changes changes;
	struct uid_message *message;
	enum uid_message_state state;
};

static void document_drop(void *document)
{
	struct document *d = document;

	uid_message_free(d->message);
	user_changes_free(&d->changes);
	free(d);
}

static void *document_begin(void *arg)
{
	struct document *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->s = arg;
	user_changes_init(&d->changes, CHANGES_MAX);
	d->message = uid_message_new(&d->changes);
	if (d->message)
		return d;
	document_drop(d);
	return NULL;
}

static bool document_feed(void *document, const void *p, size_t n, size_t *used)
{
	struct document *d = document;

	d->state = uid_message_feed(d->message, p, n, used);
	return d->state != UID_MESSAGE_MORE;
}

/* Text of XML: what would be markup, or is no character of it, is written as entity or '?'. */
static void add_escaped(struct buf *b, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			buf_add_string(b, "&lt;");
		else if (*text == '>')
			buf_add_string(b, "&gt;");
		else if (*text == '&')
			buf_add_string(b, "&amp;");
		else
			buf_add(b, *text & 0x80 || (uint8_t)*text < ' ' ? "?" : text, 1);
	}
}

static bool document_answer(void *document, struct control_client *c, bool cut)
{
	struct document *d = document;
	struct user_changed done;
	struct buf b;
	bool ok;

	if (cut)
		uid_message_cut(d->message);
	ok = d->state == UID_MESSAGE_DONE &&
	     users_change(d->s->users, &d->changes, USER_SOURCE_UID, &done);
	buf_init(&b, 4096);
	if (ok) {
		buf_printf(&b,
			   "<response status=\"success\"><msg>%zu logged in, %zu logged out, "
			   "%zu members of groups</msg></response>\n",
			   done.logins, done.logouts, done.joins);
	} else {
		buf_add_string(&b, "<response status=\"error\"><msg><line>");
		add_escaped(&b, d->changes.error);
		buf_add_string(&b, "</line></msg></response>\n");
	}
	control_text(c, buf_string(&b));
	buf_free(&b);
	return d->state == UID_MESSAGE_DONE;
}

const struct control_documents live_documents = {
	.begin = document_begin,
	.feed = document_feed,
	.answer = document_answer,
	.drop = document_drop,
};
