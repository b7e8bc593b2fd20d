// SPDX-License-Identifier: MIT
#include "policy/preset.h"

#include <stdio.h>
#include <string.h>

const struct preset presets[] = {
	{
		"full",
		"all twelve as seen: what a WildFire firewall shares by default",
		"source_ip=share source_port=share destination_ip=share "
		"destination_port=share virtual_system=share application=share user=share "
		"url=share filename=share email_sender=share email_recipient=share "
		"email_subject=share",
	},
	{
		"balanced",
		"networks instead of hosts, no queries, people under pseudonyms",
		"source_ip=truncate,24,48 source_port=truncate destination_ip=truncate,24,48 "
		"destination_port=truncate virtual_system=share application=share "
		"user=pseudonymise url=truncate,path filename=share email_sender=truncate "
		"email_recipient=pseudonymise email_subject=pseudonymise",
	},
	{
		"pseudonymous",
		"who is the same can be seen, who it is cannot",
		"source_ip=encrypt,prefix source_port=truncate destination_ip=encrypt,prefix "
		"destination_port=truncate virtual_system=pseudonymise application=share "
		"user=pseudonymise url=truncate,origin filename=truncate "
		"email_sender=pseudonymise email_recipient=pseudonymise "
		"email_subject=pseudonymise",
	},
	{
		"minimal",
		"inside or outside, the application and the kind of file",
		"source_ip=generalise source_port=omit destination_ip=generalise "
		"destination_port=omit virtual_system=omit application=share user=omit "
		"url=omit filename=truncate email_sender=omit email_recipient=omit "
		"email_subject=omit",
	},
};

const size_t preset_count = sizeof(presets) / sizeof(presets[0]);

bool preset_find(const char *name, struct policy *p)
{
	for (size_t i = 0; i < preset_count; i++)
		if (strcmp(presets[i].name, name) == 0)
			return policy_parse(presets[i].text, p);
	*p = policy_all(POLICY_OMIT);
	return false;
}

const char *preset_names(void)
{
	static char text[128];
	size_t n = 0;

	for (size_t i = 0; i < preset_count && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? ", " : "",
				      presets[i].name);
	return text;
}
