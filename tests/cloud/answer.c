// SPDX-License-Identifier: MIT
#include "answer.h"

#include <stdlib.h>

void answer_init(struct answer *a)
{
	*a = (struct answer){.status = 200, .type = ANSWER_XML};
	bytes_init(&a->body, ANSWER_MAX);
}

void answer_free(struct answer *a)
{
	bytes_free(&a->body);
	free(a->attachment);
	free(a->location);
}

void answer_json(struct answer *a, unsigned int status, json_t *value)
{
	char *text = json_dumps(value, JSON_INDENT(1));

	json_decref(value);
	if (!text)
		abort();
	a->status = status;
	a->type = ANSWER_JSON;
	bytes_text(&a->body, text);
	bytes_text(&a->body, "\n");
	free(text);
}
