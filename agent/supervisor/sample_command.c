// SPDX-License-Identifier: MIT
#include "supervisor/sample_command.h"

#include "supervisor/live.h"

struct answer {
	struct control_client *client;
	size_t lines;
};

static json_t *withheld(const struct store_sent *sent)
{
	struct policy p = policy_masked(sent->policy, sent->share_mask);
	json_t *fields = json_array();

	for (int f = 0; f < SLUICE_FIELD_COUNT; f++)
		if (policy_mode(&p, f) != POLICY_SHARE)
			json_array_append_new(fields, json_string(policy_field_name(f)));
	return fields;
}

static void tell(void *arg, const struct store_sent *sent)
{
	struct answer *a = arg;
	char id[SIGHTING_ID_TEXT];
	json_t *line;

	if (a->lines++ == SAMPLE_COMMAND_MAX) {
		control_line(a->client, json_pack("{s:b}", "more", 1));
		return;
	}
	line = json_pack("{s:s, s:s, s:I, s:s, s:o, s:b, s:s}", "sighting",
			 sighting_id_text(sent->id, id), "cloud", sent->cloud, "queued",
			 (json_int_t)sent->queued, "state",
			 sent->outcome	   ? "ended"
			 : sent->in_outbox ? "outbox"
					   : "queued",
			 "withheld", withheld(sent), "policy_readable", sent->policy_readable,
			 "priority", rule_priority_text(sent->priority));
	if (line && sent->outcome) {
		json_object_set_new(line, "outcome", json_string(sent->outcome));
		json_object_set_new(line, "ended", json_integer(sent->ended));
	}
	if (line && sent->verdict != CLOUD_VERDICT_NONE)
		json_object_set_new(line, "verdict", json_integer(sent->verdict));
	if (line && sent->detail && *sent->detail)
		json_object_set_new(line, "detail", json_string(sent->detail));
	control_line(a->client, line);
}

void sample_command(struct control_client *c, void *arg, json_t *request)
{
	const char *text = json_string_value(json_object_get(request, "sha256"));
	const struct supervisor *s = arg;
	struct answer a = {.client = c};
	uint8_t sha256[SHA256_SIZE];

	if (!text || !sha256_parse(text, sha256))
		control_error(c, "sample: expected the member \"sha256\", of 64 hexadecimal "
				 "digits");
	else if (!store_sample(s->store, sha256, SAMPLE_COMMAND_MAX + 1, tell, &a))
		control_error(c, "sample: the database cannot be read: %s",
			      store_error(s->store));
}
