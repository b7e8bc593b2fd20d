// SPDX-License-Identifier: MIT
#include "supervisor/policy_commands.h"

#include "lib/inet.h"
#include "policy/pseudonym.h"
#include "supervisor/live.h"

#include <string.h>

void policy_command_show(struct control_client *c, void *arg, json_t *request)
{
	const char *id = json_string_value(json_object_get(request, "id"));
	const struct supervisor *s = arg;
	struct buf document;
	int64_t first = 0;

	if (!id || strlen(id) != POLICY_ID_MAX - 1) {
		control_error(c,
			      "policy.show: expected the member \"id\", of %d hexadecimal "
			      "digits",
			      POLICY_ID_MAX - 1);
		return;
	}
	buf_init(&document, CONTROL_ANSWER_MAX);
	switch (store_policy_find(s->store, id, &document, &first)) {
	case STORE_OK:
		control_line(c, json_pack("{s:s, s:I, s:o}", "id", id, "first",
					  (json_int_t)first, "document",
					  json_loadb((const char *)document.data, document.len,
						     0, NULL)));
		break;
	case STORE_ABSENT:
		control_error(c, "policy.show: nothing was sent under a policy %s", id);
		break;
	default:
		control_error(c, "policy.show: the database cannot be read: %s",
			      store_error(s->store));
	}
	buf_free(&document);
}

void policy_command_resolve(struct control_client *c, void *arg, json_t *request)
{
	const char *token = json_string_value(json_object_get(request, "token"));
	struct supervisor *s = arg;
	char id[POLICY_KEY_ID_MAX];
	struct endpoint address;
	uint64_t line = 0;
	json_t *members;
	bool ok;

	if (!token || strlen(token) > RESOLVE_TOKEN_MAX ||
	    (!pseudonym_parse(token, id) && !inet_parse(token, &address))) {
		control_error(c, "resolve: expected the member \"token\", a pseudonym "
				 "(p1:KEY:HEX) or an address");
		return;
	}
	members = json_pack("{s:s, s:s}", "type", "resolve", "token", token);
	ok = members && ledger_append(&s->ledger, &members, 1, live_wall(), &line);
	json_decref(members);
	if (ok)
		control_line(c, json_pack("{s:I}", "line", (json_int_t)line));
	else
		control_error(c, "resolve: the ledger cannot be written: nothing is looked up");
}
