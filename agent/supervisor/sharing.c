// SPDX-License-Identifier: MIT
#include "supervisor/sharing.h"

#define DOCUMENT_MAX (1u << 20)

bool sharing_begin(struct sharing *s, const struct config *c, size_t cloud,
		   const struct policy *effective, struct counters *counters)
{
	const struct policy_keys *keys = c->policy_keys[cloud];
	unsigned int missing = 0;

	s->policy = *effective;
	s->context = (struct treat_context){
		.key = keys ? policy_keys_current(keys) : NULL,
		.networks = c->networks,
		.policy_id = s->id,
	};
	buf_init(&s->document, DOCUMENT_MAX);
	if (!s->context.key) {
		s->policy = policy_keyless(s->policy, &missing);
		counter_add(counters, COUNTER_POLICY_KEYS_MISSING, missing);
	}
	return policy_document(c->cloud[cloud].name, &s->policy,
			       s->context.key ? s->context.key->id : NULL, c->networks,
			       &s->document) &&
	       policy_id(&s->document, s->id);
}

void sharing_end(struct sharing *s)
{
	buf_free(&s->document);
}
