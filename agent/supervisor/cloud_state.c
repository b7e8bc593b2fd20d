// SPDX-License-Identifier: MIT
#include "supervisor/cloud_state.h"

#include <string.h>
#include <time.h>

bool cloud_state_take(struct cloud_state states[static CLOUD_MAX], const struct config *c,
		      const struct msg_view *v)
{
	struct cloud_state s;
	char cloud[CLOUD_NAME_MAX];
	uint64_t until;

	if (!msg_get_string(v, MSG_A_CLOUD, cloud, sizeof(cloud)) ||
	    !msg_get_u64(v, MSG_A_UNTIL, &until) || until > INT64_MAX ||
	    !msg_get_string(v, MSG_A_TEXT, s.why, sizeof(s.why)) ||
	    !msg_get_exact(v, MSG_A_USED, s.used, sizeof(s.used)) ||
	    !msg_get_exact(v, MSG_A_RENEWED, s.renewed, sizeof(s.renewed)))
		return false;
	s.paused_until = (int64_t)until;
	for (size_t i = 0; i < c->clouds; i++)
		if (strcmp(c->cloud[i].name, cloud) == 0)
			states[i] = s;
	return true;
}

uint64_t cloud_state_used(const struct cloud_state *s, enum cloud_quota quota, int64_t now)
{
	return now < s->renewed[quota] ? s->used[quota] : 0;
}

uint64_t cloud_state_paused(const struct cloud_state *s, int64_t now)
{
	return now < s->paused_until ? (uint64_t)(s->paused_until - now + 999) / 1000 : 0;
}

static json_t *time_json(int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

void cloud_state_json(const struct cloud_state *s, const struct cloud_config *cloud,
		      int64_t now, json_t *into)
{
	json_t *quotas = json_object();

	for (unsigned int q = 0; q < CLOUD_QUOTA_COUNT; q++) {
		json_t *one;

		if (!cloud->quota[q])
			continue;
		one = json_pack("{s:I, s:I}", "used", (json_int_t)cloud_state_used(s, q, now),
				"limit", (json_int_t)cloud->quota[q]);
		if (now < s->renewed[q])
			json_object_set_new(one, "renewed", time_json(s->renewed[q]));
		json_object_set_new(quotas, cloud_quota_name(q), one);
	}
	json_object_set_new(into, "quotas", quotas);
	if (!cloud_state_paused(s, now))
		return;
	json_object_set_new(into, "paused_until", time_json(s->paused_until));
	json_object_set_new(into, "paused_why", json_string(s->why));
}
