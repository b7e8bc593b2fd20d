// SPDX-License-Identifier: MIT
#include "ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct setting {
	unsigned int attr;
	const char *name;
	uint32_t min, max, def;
	const char *unit, *help;
} settings[] = {
#define SETTING_ROW(id, name, min, max, def, unit, help) \
	{SLUICE_A_SETTINGS_##id, #name, min, max, def, unit, help},
	SLUICE_SETTINGS(SETTING_ROW)
#undef SETTING_ROW
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

const char *ctl_setting_text(unsigned int attr, uint32_t value, char *text, size_t size)
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

json_t *ctl_settings_json(struct nlattr **attr)
{
	json_t *all = json_object();
	size_t i, h;

	for (i = 0; i < SETTINGS; i++) {
		uint32_t v;

		if (!attr[settings[i].attr])
			continue;
		v = nla_get_u32(attr[settings[i].attr]);
		if (settings[i].attr == SLUICE_A_SETTINGS_HOOKS) {
			json_t *names = json_array();

			for (h = 0; h < HOOKS; h++)
				if (v & hooks[h].bit)
					json_array_append_new(names,
							      json_string(hooks[h].name));
			json_object_set_new(all, settings[i].name, names);
		} else {
			json_object_set_new(all, settings[i].name, json_integer(v));
		}
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
		const struct setting *s = find(argv[i]);
		uint32_t value = 0;
		bool ok = s && (s->attr == SLUICE_A_SETTINGS_HOOKS
					? hooks_value(argv[i + 1], &value)
					: number_value(argv[i + 1], &value));

		if (!ok) {
			if (s && s->attr == SLUICE_A_SETTINGS_HOOKS)
				ctl_error(
					"settings set %s: \"%s\" is no list of hooks; expected "
					"forward, local, or both separated by a comma",
					s->name, argv[i + 1]);
			else if (s)
				ctl_error("settings set %s: \"%s\" is no number; expected %u "
					  "to %u "
					  "%s",
					  s->name, argv[i + 1], s->min, s->max, s->unit);
			nlmsg_free(msg);
			return CTL_USAGE;
		}
		nla_put_u32(msg, (int)s->attr, value);
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
	struct ctl_table *t;
	char text[64];
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
				puts(ctl_setting_text(settings[i].attr,
						      nla_get_u32(attr[settings[i].attr]), text,
						      sizeof(text)));
		return;
	}
	t = ctl_table_new(titles, 5);
	for (i = 0; i < SETTINGS; i++) {
		const struct setting *s = &settings[i];

		if (!is_wanted(w, s->name) || !attr[s->attr])
			continue;
		ctl_table_cell(t, "%s", s->name);
		ctl_table_cell(t, "%s",
			       ctl_setting_text(s->attr, nla_get_u32(attr[s->attr]), text,
						sizeof(text)));
		ctl_table_cell(t, "%s", ctl_setting_text(s->attr, s->def, text, sizeof(text)));
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
