// SPDX-License-Identifier: MIT
#include "supervisor/sharing.h"

#define DOCUMENT_MAX (1u << 20)

static bool in_group(void *arg, const char *user, const char *group)
{
	return users_in_group(arg, user, group);
}

/* Links and mails are of their own types, as rules have it. */
static const char *type_of(const struct sighting *s)
{
	if (s->kind == SIGHTING_KIND_LINK)
		return FILE_TYPE_LINK;
	return s->kind == SIGHTING_KIND_MAIL ? FILE_TYPE_MAIL
					     : sighting_get(s, SIGHTING_FILE_TYPE);
}

struct narrow_subject sharing_subject(const struct config *c, struct users *users, size_t cloud,
				      const struct sighting *s)
{
	return (struct narrow_subject){
		.text =
			{
				[NARROW_CLOUD] = config_share_name(c, cloud),
				[NARROW_RULE] = sighting_get(s, SIGHTING_RULE),
				[NARROW_VIRTUAL_SYSTEM] =
					sighting_get(s, SIGHTING_VIRTUAL_SYSTEM),
				[NARROW_FILE_TYPE] = type_of(s),
				[NARROW_USER_GROUP] = sighting_get(s, SIGHTING_USER),
			},
		.in_group = users ? in_group : NULL,
		.arg = users,
	};
}

struct policy sharing_policy(const struct config *c, struct users *users, size_t cloud,
			     const struct sighting *s)
{
	struct narrow_subject subject = sharing_subject(c, users, cloud, s);

	return narrow_apply(c->narrow, c->narrows, &subject, c->share[cloud]);
}

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
	return policy_document(config_share_name(c, cloud), &s->policy,
			       s->context.key ? s->context.key->id : NULL, c->networks,
			       &s->document) &&
	       policy_id(&s->document, s->id);
}

void sharing_end(struct sharing *s)
{
	buf_free(&s->document);
}
