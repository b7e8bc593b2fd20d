// SPDX-License-Identifier: MIT
#include "ctl/ctl.h"

#include "lib/list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct setting {
	unsigned int attr;
	const char *name;
	uint32_t min, max, def;
	const char *unit, *help;
	const struct list_kind *list; /* NULL: a number */
} settings[] = {
#define SETTING_ROW(id, name, min, max, def, unit, help) \
	{SLUICE_A_SETTINGS_##id, #name, min, max, def, unit, help, NULL},
	SLUICE_SETTINGS(SETTING_ROW)
#undef SETTING_ROW
#define LIST_ROW(id, name, type, help) \
	{SLUICE_A_SETTINGS_##id, #name, 0, 0, 0, "list", help, &list_kinds[LIST_##id]},
		SLUICE_LISTS(LIST_ROW)
#undef LIST_ROW
};
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static const struct {
	uint32_t bit;
	const char *name;
} hooks[] = {{SLUICE_HOOK_FORWARD, "forward"}, {SLUICE_HOOK_LOCAL, "local"}};
#define HOOKS (sizeof(hooks) / sizeof(hooks[0]))

static const struct setting *find(const char *name)
{
	size_t i;

	for (i = 0; i < SETTINGS; i++)
		if (!strcmp(settings[i].name, name))
			return &settings[i];
	fprintf(stderr,
		"sluicectl: error: settings: unknown setting \"%s\"; expected one of:", name);
	for (i = 0; i < SETTINGS; i++)
		fprintf(stderr, " %s", settings[i].name);
	fputc('\n', stderr);
	return NULL;
}

static const char *number_text(unsigned int attr, uint32_t value, char *text, size_t size)
{
	size_t i, n = 0;

	text[0] = 0;
	if (attr == SLUICE_A_SETTINGS_HOOKS) {
		for (i = 0; i < HOOKS; i++)
			if (value & hooks[i].bit)
				n += (size_t)snprintf(text + n, size - n, "%s%s", n ? "," : "",
						      hooks[i].name);
	} else if (attr == SLUICE_A_SETTINGS_IGNORE_MARK) {
		snprintf(text, size, "0x%x", value);
	} else {
		snprintf(text, size, "%u", value);
	}
	return text;
}

const char *ctl_setting_text(struct nlattr **attr, unsigned int which,
			     char text[static CTL_SETTING_MAX])
{
	const struct nlattr *a = attr[which];
	size_t i;

	_Static_assert(CTL_SETTING_MAX >= LIST_TEXT_MAX, "a whole list is a setting");
	if (!a)
		return "?";
	for (i = 0; i < LIST_KINDS; i++)
		if (list_kinds[i].attr == which)
			return list_text(&list_kinds[i], nla_data(a), (size_t)nla_len(a), text);
	return number_text(which, nla_get_u32(a), text, CTL_SETTING_MAX);
}

/* Names separated by commas as an array of them. */
static json_t *names_json(const char *text)
{
	json_t *names = json_array();

	while (*text) {
		size_t n = strcspn(text, ",");

		json_array_append_new(names, json_stringn(text, n));
		text += n + (text[n] == ',');
	}
	return names;
}

json_t *ctl_settings_json(struct nlattr **attr)
{
	char text[CTL_SETTING_MAX];
	json_t *all = json_object();
	size_t i;

	for (i = 0; i < SETTINGS; i++) {
		const struct setting *s = &settings[i];
		const struct nlattr *a = attr[s->attr];
		json_t *value;

		if (!a)
			continue;
		if (s->list && !nla_len(a))
			value = json_array();
		else if (s->list || s->attr == SLUICE_A_SETTINGS_HOOKS)
			value = names_json(ctl_setting_text(attr, s->attr, text));
		else
			value = json_integer(nla_get_u32(a));
		json_object_set_new(all, s->name, value);
	}
	return all;
}

static bool hooks_value(const char *text, uint32_t *value)
{
	const char *p = text;

	*value = 0;
	while (*p) {
		size_t n = strcspn(p, ","), i;

		for (i = 0; i < HOOKS; i++)
			if (strlen(hooks[i].name) == n && !memcmp(hooks[i].name, p, n))
				break;
		if (i == HOOKS)
			return false;
		*value |= hooks[i].bit;
		p += n + (p[n] == ',');
	}
	return *value != 0;
}

/* A number with K, M or G; the range is left to the kernel, which knows it. */
static bool number_value(const char *text, uint32_t *value)
{
	static const char units[] = "KMG";
	unsigned long long v;
	const char *unit;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 0);
	if (end == text || errno || text[0] == '-')
		return false;
	unit = *end ? strchr(units, *end) : NULL;
	if (*end && (!unit || end[1]))
		return false;
	if (unit)
		v = v > UINT32_MAX ? v : v << (10 * (unit - units + 1));
	if (v > UINT32_MAX)
		return false;
	*value = (uint32_t)v;
	return true;
}

/* An empty word clears a list as "none" does. */
static bool put_list(struct nl_msg *msg, const struct setting *s, const char *value)
{
	struct list list = {0};
	char word[LIST_ENTRY_TEXT];
	const char *expected;

	while (*value) {
		size_t n = strcspn(value, ",");

		snprintf(word, sizeof(word), "%.*s", (int)n, value);
		expected =
			n < sizeof(word) ? list_add(s->list, &list, word) : s->list->expected;
		if (expected) {
			ctl_error("settings set %s: \"%.*s\": expected %s", s->name, (int)n,
				  value, expected);
			return false;
		}
		value += n + (value[n] == ',');
	}
	nla_put(msg, (int)s->attr, (int)list_size(s->list, &list), list.bytes);
	return true;
}

static bool put_setting(struct nl_msg *msg, const char *name, const char *text)
{
	const struct setting *s = find(name);
	uint32_t value = 0;

	if (!s)
		return false;
	if (s->list)
		return put_list(msg, s, text);
	if (s->attr == SLUICE_A_SETTINGS_HOOKS) {
		if (!hooks_value(text, &value)) {
			ctl_error("settings set %s: \"%s\" is no list of hooks; expected "
				  "forward, local, or both separated by a comma",
				  s->name, text);
			return false;
		}
	} else if (!number_value(text, &value)) {
		ctl_error("settings set %s: \"%s\" is no number; expected %u to %u %s", s->name,
			  text, s->min, s->max, s->unit);
		return false;
	}
	nla_put_u32(msg, (int)s->attr, value);
	return true;
}

static int set(struct ctl *ctl, int argc, char **argv)
{
	struct nl_msg *msg;
	int i;

	if (argc == 0 || argc % 2) {
		ctl_error("settings set: expected NAME VALUE, in pairs");
		return CTL_USAGE;
	}
	msg = kernel_request(&ctl->kernel, SLUICE_CMD_SETTINGS_SET, false);
	for (i = 0; msg && i < argc; i += 2) {
		if (put_setting(msg, argv[i], argv[i + 1]))
			continue;
		nlmsg_free(msg);
		return CTL_USAGE;
	}
	if (!kernel_call(&ctl->kernel, msg, "settings set", NULL, NULL))
		return ctl_kernel_error(ctl);
	return CTL_OK;
}

struct wanted {
	struct ctl *ctl;
	int argc;
	char **argv;
};

static bool is_wanted(const struct wanted *w, const char *name)
{
	int i;

	for (i = 0; i < w->argc; i++)
		if (!strcmp(w->argv[i], name))
			return true;
	return w->argc == 0;
}

static void show(void *arg, uint8_t cmd, struct nlattr **attr)
{
	static const char *const titles[] = {"SETTING", "VALUE", "DEFAULT", "UNIT", "MEANING"};
	const struct wanted *w = arg;
	char text[CTL_SETTING_MAX];
	struct ctl_table *t;
	size_t i;

	(void)cmd;
	if (w->ctl->json) {
		json_t *all = ctl_settings_json(attr);

		for (i = 0; i < SETTINGS; i++)
			if (!is_wanted(w, settings[i].name))
				json_object_del(all, settings[i].name);
		ctl_print_json(all);
		return;
	}
	if (w->argc == 1) {
		for (i = 0; i < SETTINGS; i++)
			if (is_wanted(w, settings[i].name) && attr[settings[i].attr])
				puts(ctl_setting_text(attr, settings[i].attr, text));
		return;
	}
	t = ctl_table_new(titles, 5);
	for (i = 0; i < SETTINGS; i++) {
		const struct setting *s = &settings[i];

		if (!is_wanted(w, s->name) || !attr[s->attr])
			continue;
		ctl_table_cell(t, "%s", s->name);
		ctl_table_cell(t, "%s", ctl_setting_text(attr, s->attr, text));
		ctl_table_cell(t, "%s",
			       s->list ? LIST_NONE
				       : number_text(s->attr, s->def, text, sizeof(text)));
		ctl_table_cell(t, "%s", s->unit);
		ctl_table_cell(t, "%s", s->help);
	}
	ctl_table_print(t);
}

int ctl_settings(struct ctl *ctl, int argc, char **argv)
{
	struct wanted w = {ctl, argc, argv};
	int i;

	if (argc && !strcmp(argv[0], "set"))
		return set(ctl, argc - 1, argv + 1);
	if (argc && !strcmp(argv[0], "get")) {
		w.argc--;
		w.argv++;
	}
	for (i = 0; i < w.argc; i++)
		if (!find(w.argv[i]))
			return CTL_USAGE;
	if (!kernel_call(&ctl->kernel,
			 kernel_request(&ctl->kernel, SLUICE_CMD_SETTINGS_GET, false),
			 "settings get", show, &w))
		return ctl_kernel_error(ctl);
	return CTL_OK;
}
