// SPDX-License-Identifier: MIT
#include "ctl/ctl.h"

#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

json_t *ctl_share_json(uint32_t mask, uint32_t generation)
{
	json_t *fields = json_object();
	int f;

	for (f = 0; f < SLUICE_FIELD_COUNT; f++)
		json_object_set_new(fields, policy_field_name(f),
				    json_boolean(mask & SLUICE_FIELD_BIT(f)));
	return json_pack("{s:o, s:I}", "share", fields, "generation", (json_int_t)generation);
}

static const char *const panos_name[SLUICE_FIELD_COUNT] = {
#define PANOS_NAME(id, name, panos) [SLUICE_FIELD_##id] = panos,
	SLUICE_FIELDS(PANOS_NAME)
#undef PANOS_NAME
};

static int list(struct ctl *ctl, uint32_t select)
{
	static const char *const titles[] = {"FIELD", "SHARED", "PAN-OS SETTING"};
	uint32_t mask, generation;
	struct ctl_table *t;
	int f;

	if (!kernel_share_get(&ctl->kernel, &mask, &generation))
		return ctl_kernel_error(ctl);
	if (ctl->json)
		return ctl_print_json(ctl_share_json(mask, generation));
	t = ctl_table_new(titles, 3);
	for (f = 0; f < SLUICE_FIELD_COUNT; f++) {
		bool on = mask & SLUICE_FIELD_BIT(f);

		if (!(select & SLUICE_FIELD_BIT(f)))
			continue;
		ctl_table_cell(t, "%s", policy_field_name(f));
		ctl_table_cell(t, "%s", on ? "on" : "off");
		ctl_table_cell(t, "%s %s", panos_name[f], on ? "no" : "yes");
	}
	ctl_table_print(t);
	return CTL_OK;
}

/* The bits that a name stands for; 0 with an error. */
static uint32_t field_bits(const char *name)
{
	enum sluice_field f = policy_field_find(name);
	int i;

	if (!strcmp(name, "all"))
		return SLUICE_SHARE_ALL;
	if (f < SLUICE_FIELD_COUNT)
		return SLUICE_FIELD_BIT(f);
	fprintf(stderr, "sluicectl: error: share: unknown field \"%s\"; expected all", name);
	for (i = 0; i < SLUICE_FIELD_COUNT; i++)
		fprintf(stderr, ", %s", policy_field_name(i));
	fputc('\n', stderr);
	return 0;
}

int ctl_share(struct ctl *ctl, int argc, char **argv)
{
	uint32_t select = 0, mask = 0;
	int i;

	if (argc == 0)
		return list(ctl, SLUICE_SHARE_ALL);
	if (argc == 1) {
		select = field_bits(argv[0]);
		return select ? list(ctl, select) : CTL_USAGE;
	}
	for (i = 0; i < argc; i += 2) {
		uint32_t bits = field_bits(argv[i]);
		const char *state = i + 1 < argc ? argv[i + 1] : "";

		if (!bits)
			return CTL_USAGE;
		if (!strcmp(state, "on")) {
			mask |= bits;
		} else if (!strcmp(state, "off")) {
			mask &= ~bits;
		} else {
			ctl_error("share %s: \"%s\" is no state; expected on or off", argv[i],
				  state);
			return CTL_USAGE;
		}
		select |= bits;
	}
	if (!kernel_share_set(&ctl->kernel, select, mask))
		return ctl_kernel_error(ctl);
	return ctl->json ? list(ctl, select) : CTL_OK;
}
