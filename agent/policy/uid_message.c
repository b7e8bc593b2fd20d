// SPDX-License-Identifier: MIT
#include "policy/uid_message.h"

#include "policy/user_time.h"

#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPAT_VERSION_NUMBER \
	(10000 * XML_MAJOR_VERSION + 100 * XML_MINOR_VERSION + XML_MICRO_VERSION)
#define VALUE_MAX 15 /* bytes of <version> and <type> */

enum place {
	OUTSIDE,
	MESSAGE,
	VERSION,
	TYPE,
	PAYLOAD,
	LOGIN,
	LOGIN_ENTRY,
	LOGOUT,
	LOGOUT_ENTRY,
	GROUPS,
	GROUP_ENTRY,
	MEMBERS,
	MEMBER_ENTRY,
	PLACE_COUNT
};

struct uid_message {
	XML_Parser parser;
	struct user_changes *s;
	enum place place;
	bool seen[PLACE_COUNT];
	bool done, failed;
	size_t total; /* bytes fed */
	size_t group; /* its name's place */
	char value[VALUE_MAX + 1];
	size_t value_len;
};

static void refuse(struct uid_message *m, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void refuse(struct uid_message *m, const char *format, ...)
{
	char *error = m->s->error;
	size_t room = sizeof(m->s->error);
	va_list args;
	int n;

	if (m->failed)
		return;
	m->failed = true;
	n = snprintf(error, room, "line %lu, column %lu: ",
		     (unsigned long)XML_GetCurrentLineNumber(m->parser),
		     (unsigned long)XML_GetCurrentColumnNumber(m->parser) + 1);
	va_start(args, format);
	vsnprintf(error + n, room - (size_t)n, format, args);
	va_end(args);
	XML_StopParser(m->parser, XML_FALSE);
}

static unsigned int line(const struct uid_message *m)
{
	return (unsigned int)XML_GetCurrentLineNumber(m->parser);
}

/* ------------------------------------------------------------------ entries */

struct attributes {
	const char *name, *ip, *timeout, *vsys;
};

/* The known ones, each once (XML sees to that). */
static bool read_attributes(struct uid_message *m, const char **given, const char *expected,
			    struct attributes *a)
{
	const struct {
		const char *name;
		const char **value;
	} known[] = {
		{"name", &a->name},
		{"ip", &a->ip},
		{"timeout", &a->timeout},
		{"vsys", &a->vsys},
	};
	size_t i;

	memset(a, 0, sizeof(*a));
	for (; *given; given += 2) {
		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (strcmp(given[0], known[i].name) == 0)
				break;
		if (i == sizeof(known) / sizeof(known[0]) || !strstr(expected, given[0])) {
			refuse(m, "attribute '%.40s': expected %s", given[0], expected);
			return false;
		}
		*known[i].value = given[1];
	}
	return true;
}

static bool keep(struct uid_message *m, const char *what, const char *text, size_t max,
		 size_t *place)
{
	if (!text)
		refuse(m, "the attribute %s is missing", what);
	else if (!user_name_good(text, max))
		refuse(m, "%s=\"%.40s\": expected 1 to %zu bytes without controls", what, text,
		       max);
	else if (!user_changes_text(m->s, text, place))
		refuse(m, "too much text, or out of memory");
	return !m->failed;
}

/* Minutes. */
static bool read_timeout(struct uid_message *m, const char *text, struct user_change *c)
{
	uint64_t n = 0;
	size_t i;

	if (!text)
		return true;
	for (i = 0; text[i] >= '0' && text[i] <= '9' && n <= USER_TIMEOUT_MAX; i++)
		n = 10 * n + (uint64_t)(text[i] - '0');
	if (i == 0 || text[i] || 60 * n > USER_TIMEOUT_MAX) {
		refuse(m, "timeout=\"%.40s\": expected minutes, 0 for never", text);
		return false;
	}
	c->has_timeout = true;
	c->timeout = 60 * n;
	return true;
}

static struct user_change *add(struct uid_message *m, enum user_change_kind kind)
{
	struct user_change *c = user_changes_add(m->s, kind, line(m));

	if (!c)
		refuse(m, "more than %zu entries, or out of memory", m->s->max);
	return c;
}

static void entry_at_address(struct uid_message *m, const char **given, bool login)
{
	struct user_change *c;
	struct attributes a;

	if (!read_attributes(m, given, login ? "name, ip, timeout or vsys" : "name, ip or vsys",
			     &a))
		return;
	c = add(m, login ? USER_CHANGE_LOGIN : USER_CHANGE_LOGOUT);
	if (!c || ((login || a.name) && !keep(m, "name", a.name, USER_NAME_MAX, &c->user)) ||
	    (a.vsys && !keep(m, "vsys", a.vsys, USER_VSYS_MAX, &c->vsys)) ||
	    !read_timeout(m, a.timeout, c))
		return;
	if (!a.ip)
		refuse(m, "the attribute ip is missing");
	else if (!user_address_parse(a.ip, &c->address))
		refuse(m, "ip=\"%.40s\": expected an address, IPv4 or IPv6", a.ip);
}

static void login_entry(struct uid_message *m, const char **given)
{
	entry_at_address(m, given, true);
}

static void logout_entry(struct uid_message *m, const char **given)
{
	entry_at_address(m, given, false);
}

static void group_entry(struct uid_message *m, const char **given)
{
	struct user_change *c;
	struct attributes a;

	if (!read_attributes(m, given, "name", &a))
		return;
	c = add(m, USER_CHANGE_EMPTY);
	if (c && keep(m, "name", a.name, USER_NAME_MAX, &c->group))
		m->group = c->group;
}

static void member_entry(struct uid_message *m, const char **given)
{
	struct user_change *c;
	struct attributes a;

	if (!read_attributes(m, given, "name", &a))
		return;
	c = add(m, USER_CHANGE_JOIN);
	if (c && keep(m, "name", a.name, USER_NAME_MAX, &c->user))
		c->group = m->group;
}

/* ----------------------------------------------------------------- structure */

static const struct {
	enum place in;
	const char *name;
	enum place to;
	bool once;
	void (*begin)(struct uid_message *m, const char **attributes); /* NULL: takes none */
} elements[] = {
	{OUTSIDE, "uid-message", MESSAGE, true, NULL},
	{MESSAGE, "version", VERSION, true, NULL},
	{MESSAGE, "type", TYPE, true, NULL},
	{MESSAGE, "payload", PAYLOAD, true, NULL},
	{PAYLOAD, "login", LOGIN, false, NULL},
	{PAYLOAD, "logout", LOGOUT, false, NULL},
	{PAYLOAD, "groups", GROUPS, false, NULL},
	{LOGIN, "entry", LOGIN_ENTRY, false, login_entry},
	{LOGOUT, "entry", LOGOUT_ENTRY, false, logout_entry},
	{GROUPS, "entry", GROUP_ENTRY, false, group_entry},
	{GROUP_ENTRY, "members", MEMBERS, false, NULL},
	{MEMBERS, "entry", MEMBER_ENTRY, false, member_entry},
};

#define ELEMENTS (sizeof(elements) / sizeof(elements[0]))

static void refuse_element(struct uid_message *m, const char *name)
{
	char expected[64];
	size_t n = 0;

	expected[0] = '\0';
	for (size_t i = 0; i < ELEMENTS; i++)
		if (elements[i].in == m->place)
			n += (size_t)snprintf(expected + n, sizeof(expected) - n, "%s%s",
					      n ? ", " : "", elements[i].name);
	refuse(m, "<%.40s>: expected %s", name, n ? expected : "no element here");
}

static void start_element(void *arg, const char *name, const char **attributes)
{
	struct uid_message *m = arg;
	size_t i;

	for (i = 0; i < ELEMENTS; i++)
		if (elements[i].in == m->place && strcmp(elements[i].name, name) == 0)
			break;
	if (i == ELEMENTS) {
		refuse_element(m, name);
		return;
	}
	if (elements[i].once && m->seen[elements[i].to]) {
		refuse(m, "<%s> a second time", name);
		return;
	}
	m->place = elements[i].to;
	m->seen[m->place] = true;
	m->value_len = 0;
	if (elements[i].begin)
		elements[i].begin(m, attributes);
	else if (*attributes)
		refuse(m, "attribute '%.40s': expected none", attributes[0]);
}

static void check_value(struct uid_message *m)
{
	m->value[m->value_len] = '\0';
	if (m->place == TYPE && strcmp(m->value, "update") != 0)
		refuse(m, "type '%s': expected update", m->value);
	if (m->place == VERSION && strcmp(m->value, "1.0") != 0 && strcmp(m->value, "2.0") != 0)
		refuse(m, "version '%s': expected 1.0 or 2.0", m->value);
}

static void end_element(void *arg, const char *name)
{
	struct uid_message *m = arg;

	(void)name;
	check_value(m);
	for (size_t i = 0; i < ELEMENTS; i++) {
		if (elements[i].to != m->place)
			continue;
		m->place = elements[i].in;
		break;
	}
	if (m->place != OUTSIDE || m->failed)
		return;
	if (!m->seen[TYPE] || !m->seen[PAYLOAD]) {
		refuse(m, "<%s> is missing", m->seen[TYPE] ? "payload" : "type");
		return;
	}
	m->done = true;
	/* What follows is another document, or none. */
	XML_StopParser(m->parser, XML_FALSE);
}

static void text(void *arg, const char *p, int n)
{
	struct uid_message *m = arg;

	for (int i = 0; i < n; i++) {
		if (strchr(" \t\r\n", p[i]) && p[i])
			continue;
		if (m->place != TYPE && m->place != VERSION) {
			refuse(m, "text: expected elements only");
			return;
		}
		if (m->value_len == VALUE_MAX) {
			refuse(m, "a value of more than %d bytes", VALUE_MAX);
			return;
		}
		m->value[m->value_len++] = p[i];
	}
}

static void doctype(void *arg, const char *name, const char *system, const char *public,
		    int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	refuse(arg, "a document type: expected none");
}

/* ------------------------------------------------------------------ feeding */

struct uid_message *uid_message_new(struct user_changes *s)
{
	struct uid_message *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->s = s;
	m->parser = XML_ParserCreate(NULL);
	if (!m->parser) {
		free(m);
		return NULL;
	}
#if EXPAT_VERSION_NUMBER >= 20600
	/* The end is to be seen when it comes, not once more has come: nothing more may. */
	XML_SetReparseDeferralEnabled(m->parser, XML_FALSE);
#endif
	XML_SetUserData(m->parser, m);
	XML_SetElementHandler(m->parser, start_element, end_element);
	XML_SetCharacterDataHandler(m->parser, text);
	XML_SetStartDoctypeDeclHandler(m->parser, doctype);
	return m;
}

void uid_message_free(struct uid_message *m)
{
	if (!m)
		return;
	XML_ParserFree(m->parser);
	free(m);
}

enum uid_message_state uid_message_feed(struct uid_message *m, const void *p, size_t n,
					size_t *used)
{
	size_t before = m->total;
	enum XML_Status status;

	*used = n;
	if (n > UID_MESSAGE_MAX - m->total) {
		refuse(m, "the document is longer than %u bytes", UID_MESSAGE_MAX);
		return UID_MESSAGE_BAD;
	}
	m->total += n;
	status = XML_Parse(m->parser, p, (int)n, 0);
	if (m->done) {
		/* Where the closing tag begins, and how long it is. */
		*used = (size_t)(XML_GetCurrentByteIndex(m->parser) +
				 XML_GetCurrentByteCount(m->parser)) -
			before;
		return UID_MESSAGE_DONE;
	}
	if (status != XML_STATUS_OK)
		refuse(m, "%s", XML_ErrorString(XML_GetErrorCode(m->parser)));
	return m->failed ? UID_MESSAGE_BAD : UID_MESSAGE_MORE;
}

void uid_message_cut(struct uid_message *m)
{
	if (XML_Parse(m->parser, "", 0, 1) != XML_STATUS_OK)
		refuse(m, "%s", XML_ErrorString(XML_GetErrorCode(m->parser)));
	refuse(m, "the document is not complete");
}
