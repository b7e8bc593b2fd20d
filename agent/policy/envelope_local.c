// SPDX-License-Identifier: MIT
/*
 * The local log: what is in every envelope, of all fields, and what never leaves.
 */
#include "policy/ecs.h"
#include "policy/envelope_render.h"

/* Where the file came in and went out: the sides of its sender and its receiver. */
static void add_way(struct render *r, json_t *root)
{
	const struct session_info *i = &r->s->session;
	bool download = r->s->direction == DIRECTION_DOWNLOAD;
	json_t *observer = render_member(r, root, "observer");
	const struct {
		const char *key;
		const char *interface;
		enum sighting_text zone;
	} ways[] = {
		{"ingress", download ? i->out_name : i->in_name, SIGHTING_SENDER_ZONE},
		{"egress", download ? i->in_name : i->out_name, SIGHTING_RECEIVER_ZONE},
	};

	for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++) {
		if (ways[k].interface[0])
			ecs_set_interface(&r->failed,
					  render_member(r,
							render_member(r, observer, ways[k].key),
							"interface"),
					  "name", ways[k].interface);
		if (sighting_get(r->s, ways[k].zone))
			render_local_text(r, render_member(r, observer, ways[k].key), "zone",
					  ways[k].zone);
	}
}

/* What its content says. */
static void add_content(struct render *r, json_t *file)
{
	char hex[SHA256_TEXT];
	json_t *traits, *container;

	render_local_text(r, file, "type", SIGHTING_FILE_TYPE);
	render_local_text(r, file, "format", SIGHTING_FILE_FORMAT);
	render_set(r, file, "level", ecs_number(r->s->level));
	if (r->s->traits) {
		traits = json_array();
		for (unsigned int i = 0; i < FILE_TRAIT_COUNT; i++)
			if (r->s->traits & (1u << i))
				json_array_append_new(traits, json_string(file_trait_text(i)));
		render_set(r, file, "traits", traits);
	}
	if (!r->s->contained)
		return;
	container = render_member(r, file, "container");
	render_set(r, container, "sha256", json_string(sha256_text(r->s->container, hex)));
	render_local_text(r, container, "path", SIGHTING_MEMBER_PATH);
}

static void add_file_state(struct render *r, json_t *sluice)
{
	json_t *file = render_member(r, sluice, "file");

	add_content(r, file);
	render_set(r, file, "state",
		   json_string(r->s->state == FILE_STATE_COMPLETE ? "complete" : "truncated"));
	render_set(r, file, "reason", json_string(file_reason_text(r->s->reason)));
	render_set(r, file, "stored", json_boolean(r->s->stored));
	render_set(r, file, "number", ecs_number(r->s->number));
	render_set(r, file, "seen", ecs_number(r->s->seen));
	render_set(r, file, "missing", ecs_number(r->s->missing));
	render_set(r, file, "overlap", ecs_number(r->s->overlap));
	if (r->s->size_known)
		render_set(r, file, "declared", ecs_number(r->s->declared));
}

static void add_cut(struct render *r, json_t *sluice)
{
	static const char *const names[SIGHTING_TEXT_COUNT] = {
#define TEXT_NAME(id, name, max) [SIGHTING_##id] = #name,
		SIGHTING_TEXTS(TEXT_NAME)
#undef TEXT_NAME
	};
	json_t *cut;

	if (!r->s->cut)
		return;
	cut = json_array();
	for (unsigned int i = 0; i < SIGHTING_TEXT_COUNT; i++)
		if (r->s->cut & (1u << i))
			json_array_append_new(cut, json_string(names[i]));
	render_set(r, sluice, "cut", cut);
}

static void add_http(struct render *r, json_t *root)
{
	json_t *http = json_object(), *agent = json_object();

	if (sighting_get(r->s, SIGHTING_HTTP_METHOD))
		render_local_text(r, render_member(r, http, "request"), "method",
				  SIGHTING_HTTP_METHOD);
	if (sighting_get(r->s, SIGHTING_HTTP_REFERRER))
		render_local_text(r, render_member(r, http, "request"), "referrer",
				  SIGHTING_HTTP_REFERRER);
	if (r->s->http_status)
		render_set(r, render_member(r, http, "response"), "status_code",
			   ecs_number(r->s->http_status));
	render_local_text(r, agent, "original", SIGHTING_HTTP_USER_AGENT);
	if (json_object_size(http))
		render_set(r, root, "http", json_incref(http));
	if (json_object_size(agent))
		render_set(r, root, "user_agent", json_incref(agent));
	json_decref(http);
	json_decref(agent);
}

/* The envelope of RFC 5321, which need not say what the message's header says. */
static void add_smtp(struct render *r, json_t *sluice)
{
	size_t n = r->s->text_len[SIGHTING_SMTP_RCPT_TO];
	json_t *smtp = json_object();

	render_local_text(r, smtp, "mail_from", SIGHTING_SMTP_MAIL_FROM);
	if (n)
		render_set(r, smtp, "rcpt_to",
			   ecs_list(&r->failed, sighting_get(r->s, SIGHTING_SMTP_RCPT_TO), n));
	if (json_object_size(smtp))
		render_set(r, sluice, "smtp", json_incref(smtp));
	json_decref(smtp);
}

static void add_overload(struct render *r, json_t *sluice)
{
	const char *clouds = sighting_get(r->s, SIGHTING_OVERLOAD);

	if (clouds)
		render_set(r, sluice, "overload",
			   ecs_list(&r->failed, clouds, r->s->text_len[SIGHTING_OVERLOAD]));
}

json_t *envelope_local(const struct sighting *s)
{
	static const struct treat_context none;
	struct render r = {.s = s,
			   .policy = policy_all(POLICY_SHARE),
			   .context = &none,
			   .text_max = TEXT_WHOLE};
	json_t *root = render_common(&r), *sluice = render_member(&r, root, "sluice");

	add_http(&r, root);
	render_local_text(&r, render_member(&r, root, "file"), "path", SIGHTING_FILE_PATH);
	if (sighting_get(s, SIGHTING_MESSAGE_ID))
		render_local_text(&r, render_member(&r, root, "email"), "message_id",
				  SIGHTING_MESSAGE_ID);
	render_local_text(&r, render_member(&r, root, "rule"), "name", SIGHTING_RULE);
	if (json_object_size(json_object_get(root, "rule")) == 0)
		json_object_del(root, "rule");
	render_set(&r, sluice, "kind", json_string(sighting_kind_text(s->kind)));
	render_local_text(&r, sluice, "http_host", SIGHTING_HTTP_HOST);
	render_local_text(&r, sluice, "command", SIGHTING_COMMAND);
	render_local_text(&r, sluice, "share", SIGHTING_SHARE);
	render_local_text(&r, sluice, "login", SIGHTING_LOGIN);
	add_way(&r, root);
	add_smtp(&r, sluice);
	render_set(&r, sluice, "session", ecs_session(&r.failed, &s->session));
	add_file_state(&r, sluice);
	add_overload(&r, sluice);
	add_cut(&r, sluice);
	if (r.failed) {
		json_decref(root);
		root = NULL;
	}
	return root;
}

bool envelope_render_local(const struct sighting *s, struct buf *out)
{
	json_t *root = envelope_local(s);
	bool ok = root && ecs_dump(root, out);

	json_decref(root);
	return ok;
}
