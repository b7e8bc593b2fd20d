// SPDX-License-Identifier: MIT
#include "policy/envelope.h"

#include "policy/ecs.h"
#include "policy/envelope_render.h"
#include "policy/guard.h"
#include "policy/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * An envelope must fit into one message to the forwarder.  Where the texts as they
 * are would not, each is cut to TEXT_CUT bytes (of which JSON makes six at most).
 */
#define ENVELOPE_MAX (48u << 10)
#define TEXT_CUT 1024
#define LIST_MAX 256 /* values of a list that is not shared as it is */
#define LINE_MAX_BYTES (1u << 20)

/* ----------------------------------------------------------- small pieces */

void render_set(struct render *r, json_t *object, const char *key, json_t *v)
{
	ecs_set(&r->failed, object, key, v);
}

json_t *render_member(struct render *r, json_t *object, const char *key)
{
	json_t *v = json_object_get(object, key);

	if (!v) {
		v = json_object();
		if (json_object_set_new(object, key, v) < 0) {
			r->failed = true;
			v = NULL;
		}
	}
	return v;
}

static bool shared(const struct render *r, enum sluice_field field)
{
	return policy_mode(&r->policy, field) == POLICY_SHARE;
}

/* So many bytes of a field's value are in the envelope. */
static void report(struct render *r, enum sluice_field field, size_t bytes)
{
	r->report.field[field].bytes += (uint32_t)bytes;
}

static void withhold(struct render *r, enum sluice_field field)
{
	r->report.withheld++;
	if (json_array_append_new(r->withheld, json_string(policy_field_name(field))) < 0)
		r->failed = true;
}

/*
 * A guard for what is left of a field: of its own value it may carry that.  NULL when out of
 * memory.
 */
static struct guard *guard_of_rest(struct render *r, enum sluice_field field)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	struct policy others = r->policy;

	if (!guard) {
		r->failed = true;
		return NULL;
	}
	policy_set(&others, field, POLICY_SHARE);
	guard_init(guard, r->s, &others);
	return guard;
}

/* Whether what is to leave carries what may not. */
static bool carries(struct render *r, enum sluice_field field, const char *text, size_t n)
{
	struct guard *guard;
	bool found;

	if (!r->guard || policy_mode(&r->policy, field) == POLICY_PSEUDONYMISE)
		return false; /* a pseudonym has nothing of any value */
	if (shared(r, field))
		return guard_find(r->guard, text, n) != SIZE_MAX;
	guard = guard_of_rest(r, field);
	found = !guard || guard_find(guard, text, n) != SIZE_MAX;
	if (guard)
		guard_free(guard);
	free(guard);
	return found;
}

/* What leaves of n bytes of a field's text; NULL: nothing. */
static json_t *treated(struct render *r, enum sluice_field field, const char *text, size_t n)
{
	json_t *v = NULL;
	struct buf out;

	buf_init(&out, n + PSEUDONYM_MAX);
	if (!treat_text(&r->policy, field, r->context, text, n, &out)) {
		r->failed = true;
	} else if (out.len && carries(r, field, (const char *)out.data, out.len)) {
		withhold(r, field);
	} else if (out.len) {
		if (out.len > r->text_max) {
			out.len = r->text_max;
			withhold(r, field);
		}
		report(r, field, out.len);
		v = ecs_text((const char *)out.data, out.len);
		r->failed = r->failed || !v;
	}
	buf_free(&out);
	return v;
}

static void set_text(struct render *r, json_t *object, const char *key, enum sluice_field field,
		     enum sighting_text which)
{
	const char *text = sighting_get(r->s, which);
	json_t *v = text ? treated(r, field, text, r->s->text_len[which]) : NULL;

	if (v)
		render_set(r, object, key, v);
}

/* Every one of a list by itself. */
static json_t *treated_list(struct render *r, enum sluice_field field, const char *p, size_t n)
{
	json_t *list = json_array(), *v;
	size_t bytes = r->report.field[field].bytes;

	while (n) {
		const char *end = memchr(p, SIGHTING_LIST_SEPARATOR, n);
		size_t k = end ? (size_t)(end - p) : n;

		if (json_array_size(list) == LIST_MAX ||
		    r->report.field[field].bytes - bytes >= r->text_max) {
			withhold(r, field);
			break;
		}
		v = k ? treated(r, field, p, k) : NULL;
		if (v && json_array_append_new(list, v) < 0)
			r->failed = true;
		k += end != NULL;
		p += k;
		n -= k;
	}
	return list;
}

static void set_list(struct render *r, json_t *email, const char *key, enum sluice_field field,
		     enum sighting_text which)
{
	const char *text = sighting_get(r->s, which);
	size_t n = r->s->text_len[which];
	json_t *list;

	if (!text || policy_mode(&r->policy, field) == POLICY_OMIT)
		return;
	if (shared(r, field)) {
		if (carries(r, field, text, n)) {
			withhold(r, field);
			return;
		}
		if (n > r->text_max) {
			n = r->text_max;
			withhold(r, field);
		}
		report(r, field, n);
		list = ecs_list(&r->failed, text, n);
	} else {
		list = treated_list(r, field, text, n);
	}
	if (shared(r, field) || json_array_size(list))
		render_set(r, render_member(r, email, key), "address", json_incref(list));
	json_decref(list);
}

void render_local_text(struct render *r, json_t *object, const char *key,
		       enum sighting_text which)
{
	const char *text = sighting_get(r->s, which);

	if (text)
		render_set(r, object, key, ecs_text(text, r->s->text_len[which]));
}

/* ------------------------------------------------------- parts of the JSON */

/* The address and the port of one side of an end, as they leave. */
static void set_side(struct render *r, json_t *object, enum dir end, const struct endpoint *e,
		     bool translated)
{
	bool source = end == sighting_sender(r->s);
	enum sluice_field ip = source ? SLUICE_FIELD_SOURCE_IP : SLUICE_FIELD_DESTINATION_IP;
	enum sluice_field at =
		source ? SLUICE_FIELD_SOURCE_PORT : SLUICE_FIELD_DESTINATION_PORT;
	struct treat_address address;
	struct treat_port port;
	char text[INET_TEXT_MAX];

	if (!e->family)
		return;
	if (!treat_address(&r->policy, ip, r->context, e, &address) ||
	    !treat_port(&r->policy, at, r->context, e->port, end == DIR_ANSWERER, &port)) {
		r->failed = true;
		return;
	}
	if (address.ip.family) {
		report(r, ip, strlen(inet_text(&address.ip, text)));
		render_set(r, object, "ip", json_string(text));
	}
	if (port.number) {
		report(r, at, (size_t)snprintf(text, sizeof(text), "%u", port.port));
		render_set(r, object, "port", json_integer(port.port));
	}
	/* ECS has no place for what is no address of the other side of a translation. */
	if (translated)
		return;
	if (address.text[0]) {
		report(r, ip, strlen(address.text));
		render_set(r, object, "address", json_string(address.text));
	}
	if (port.text[0])
		report(r, at, strlen(port.text));
}

/*
 * One end under two names: by who sent the file, and by who opened the
 * connection.  The fields are those of the former, so both show the same.
 */
static void add_end(struct render *r, json_t *root, enum dir end)
{
	bool source = end == sighting_sender(r->s);
	enum sighting_text user = source ? SIGHTING_SENDER_USER : SIGHTING_RECEIVER_USER;
	json_t *object = json_object(), *nat = json_object();

	set_side(r, object, end, &r->s->session.end[end], false);
	set_side(r, nat, end, &r->s->session.nat[end], true);
	if (json_object_size(nat))
		render_set(r, object, "nat", json_incref(nat));
	if (!r->guard && sighting_get(r->s, user))
		render_local_text(r, render_member(r, object, "user"), "name", user);
	if (json_object_size(object)) {
		render_set(r, root, source ? "source" : "destination", json_incref(object));
		render_set(r, root, end == DIR_OPENER ? "client" : "server",
			   json_incref(object));
	}
	if (!object || !nat)
		r->failed = true;
	json_decref(nat);
	json_decref(object);
}

/* Pseudonyms of ports, which are no numbers. */
static void add_port_name(struct render *r, json_t *sluice, enum dir end)
{
	bool source = end == sighting_sender(r->s);
	enum sluice_field field =
		source ? SLUICE_FIELD_SOURCE_PORT : SLUICE_FIELD_DESTINATION_PORT;
	const struct endpoint *e = &r->s->session.end[end];
	struct treat_port port;

	if (!e->family)
		return;
	if (!treat_port(&r->policy, field, r->context, e->port, end == DIR_ANSWERER, &port))
		r->failed = true;
	else if (port.text[0])
		render_set(r, sluice, policy_field_name(field), json_string(port.text));
}

static void add_event(struct render *r, json_t *root)
{
	char id[SIGHTING_ID_TEXT];
	json_t *event;

	render_set(r, root, "@timestamp", ecs_time(r->s->end));
	render_set(r, render_member(r, root, "ecs"), "version", json_string(ECS_VERSION));
	event = render_member(r, root, "event");
	render_set(r, event, "id", json_string(sighting_id_text(r->s->id, id)));
	render_set(r, event, "kind", json_string("event"));
	render_set(r, event, "category", json_pack("[s,s]", "file", "network"));
	render_set(r, event, "type", json_pack("[s]", "info"));
	render_set(r, event, "module", json_string("sluice"));
	render_set(r, event, "dataset", json_string("sluice.sighting"));
	render_set(r, event, "start", ecs_time(r->s->begin));
	render_set(r, event, "end", ecs_time(r->s->end));
}

static void add_network(struct render *r, json_t *root)
{
	json_t *network = ecs_network(&r->failed, &r->s->session);
	bool download = r->s->direction == DIRECTION_DOWNLOAD;

	render_set(r, root, "network", network);
	render_set(r, network, "direction", json_string(download ? "inbound" : "outbound"));
	set_text(r, network, "application", SLUICE_FIELD_APPLICATION, SIGHTING_APPLICATION);
	render_set(r, render_member(r, root, "sluice"), "direction",
		   json_string(download ? "download" : "upload"));
}

static void set_url(struct render *r, json_t *root, struct buf *out, size_t host_at,
		    size_t host_length)
{
	if (out->len > r->text_max) {
		out->len = r->text_max;
		withhold(r, SLUICE_FIELD_URL);
	}
	report(r, SLUICE_FIELD_URL, out->len);
	if (out->len)
		render_set(r, render_member(r, root, "url"), "original",
			   ecs_text((const char *)out->data, out->len));
	if (host_length && host_at + host_length <= out->len)
		render_set(r, render_member(r, root, "url"), "domain",
			   ecs_text((const char *)out->data + host_at, host_length));
}

/* Shared or truncated: without what else may not leave, and cut first where it is to be. */
static void add_url_parts(struct render *r, json_t *root, const char *url, size_t n)
{
	size_t host_at, host_length;
	bool shortened = false, whole = shared(r, SLUICE_FIELD_URL);
	struct guard *rest = whole ? NULL : guard_of_rest(r, SLUICE_FIELD_URL);
	struct buf cut, out;

	buf_init(&cut, n);
	buf_init(&out, n + sizeof(GUARD_HOST "/"));
	if ((whole || rest) &&
	    treat_text(&r->policy, SLUICE_FIELD_URL, r->context, url, n, &cut) && cut.len) {
		guard_url(whole ? r->guard : rest, (const char *)cut.data, cut.len, &out,
			  &shortened, &host_at, &host_length);
		if (shortened)
			withhold(r, SLUICE_FIELD_URL);
		set_url(r, root, &out, host_at, host_length);
	}
	if (cut.failed || out.failed)
		r->failed = true;
	if (rest)
		guard_free(rest);
	free(rest);
	buf_free(&cut);
	buf_free(&out);
}

/* The local log is complete: the parts are taken, the text is as seen. */
static void add_local_url(struct render *r, json_t *root, const char *url, size_t n)
{
	static const struct guard nothing;
	size_t host_at, host_length;
	bool shortened;
	struct buf out;

	buf_init(&out, n + sizeof(GUARD_HOST "/"));
	guard_url(&nothing, url, n, &out, &shortened, &host_at, &host_length);
	render_set(r, render_member(r, root, "url"), "original", ecs_text(url, n));
	if (host_length && host_at + host_length <= out.len)
		render_set(r, render_member(r, root, "url"), "domain",
			   ecs_text((const char *)out.data + host_at, host_length));
	if (out.failed)
		r->failed = true;
	buf_free(&out);
}

static void add_url(struct render *r, json_t *root)
{
	const char *url = sighting_get(r->s, SIGHTING_URL);
	size_t n = r->s->text_len[SIGHTING_URL];

	if (!url || policy_mode(&r->policy, SLUICE_FIELD_URL) == POLICY_OMIT)
		return;
	if (!r->guard)
		add_local_url(r, root, url, n);
	else if (policy_mode(&r->policy, SLUICE_FIELD_URL) == POLICY_PSEUDONYMISE)
		set_text(r, render_member(r, root, "url"), "original", SLUICE_FIELD_URL,
			 SIGHTING_URL);
	else
		add_url_parts(r, root, url, n);
}

static void add_file(struct render *r, json_t *root)
{
	json_t *file = render_member(r, root, "file");
	char hex[SHA256_TEXT];

	bool extension = policy_mode(&r->policy, SLUICE_FIELD_FILENAME) == POLICY_TRUNCATE;

	set_text(r, file, extension ? "extension" : "name", SLUICE_FIELD_FILENAME,
		 SIGHTING_FILENAME);
	render_set(r, file, "size", ecs_number(r->s->size));
	if (r->s->state == FILE_STATE_COMPLETE)
		render_set(r, render_member(r, file, "hash"), "sha256",
			   json_string(sha256_text(r->s->sha256, hex)));
	if (!r->guard)
		render_local_text(r, file, "mime_type", SIGHTING_CONTENT_TYPE);
}

static void add_email(struct render *r, json_t *root)
{
	json_t *email = json_object();

	set_list(r, email, "from", SLUICE_FIELD_EMAIL_SENDER, SIGHTING_EMAIL_SENDER);
	set_list(r, email, "to", SLUICE_FIELD_EMAIL_RECIPIENT, SIGHTING_EMAIL_RECIPIENT);
	set_text(r, email, "subject", SLUICE_FIELD_EMAIL_SUBJECT, SIGHTING_EMAIL_SUBJECT);
	if (json_object_size(email))
		render_set(r, root, "email", json_incref(email));
	json_decref(email);
}

json_t *render_common(struct render *r)
{
	bool pseudonym = policy_mode(&r->policy, SLUICE_FIELD_USER) == POLICY_PSEUDONYMISE;
	json_t *root = json_object(), *user = json_object();

	add_event(r, root);
	add_end(r, root, sighting_sender(r->s));
	add_end(r, root, dir_other(sighting_sender(r->s)));
	add_network(r, root);
	set_text(r, user, pseudonym ? "hash" : "name", SLUICE_FIELD_USER, SIGHTING_USER);
	if (json_object_size(user))
		render_set(r, root, "user", json_incref(user));
	json_decref(user);
	add_url(r, root);
	add_file(r, root);
	add_email(r, root);
	render_set(r, root, "observer", ecs_observer());
	set_text(r, render_member(r, root, "sluice"), "virtual_system",
		 SLUICE_FIELD_VIRTUAL_SYSTEM, SIGHTING_VIRTUAL_SYSTEM);
	return root;
}

/* ----------------------------------------------------------------- output */

/* Under which policy it was made, and what of it is not as it was seen. */
static void add_policy(struct render *r, json_t *sluice)
{
	json_t *policy = json_object(), *modes = json_object();
	char text[POLICY_FIELD_TEXT_MAX];

	if (r->context->policy_id)
		render_set(r, policy, "id", json_string(r->context->policy_id));
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		if (!shared(r, f))
			render_set(r, modes, policy_field_name(f),
				   json_string(policy_field_text(&r->policy, f, text)));
	if (json_object_size(modes))
		render_set(r, policy, "modes", json_incref(modes));
	if (json_object_size(policy))
		render_set(r, sluice, "policy", json_incref(policy));
	json_decref(modes);
	json_decref(policy);
}

static bool render_envelope(struct render *r, struct buf *out)
{
	json_t *root;
	bool ok;

	r->withheld = json_array();
	memset(&r->report, 0, sizeof(r->report));
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		r->report.field[f].mode = policy_mode(&r->policy, f);
	root = render_common(r);
	add_port_name(r, render_member(r, root, "sluice"), DIR_OPENER);
	add_port_name(r, render_member(r, root, "sluice"), DIR_ANSWERER);
	add_policy(r, render_member(r, root, "sluice"));
	if (json_array_size(r->withheld))
		render_set(r, render_member(r, root, "sluice"), "withheld",
			   json_incref(r->withheld));
	ok = !r->failed && root && ecs_dump(root, out);
	json_decref(r->withheld);
	json_decref(root);
	return ok;
}

bool envelope_render(const struct sighting *s, const struct policy *effective,
		     const struct treat_context *context, struct buf *out,
		     struct envelope_report *result)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	struct render r = {.s = s,
			   .policy = *effective,
			   .guard = guard,
			   .context = context,
			   .text_max = TEXT_WHOLE};
	unsigned int missing = 0;
	bool ok = false;
	struct buf line;

	if (!guard)
		return false;
	buf_init(&line, LINE_MAX_BYTES);
	if (!context->key)
		r.policy = policy_keyless(r.policy, &missing);
	guard_init(guard, s, &r.policy);
	ok = render_envelope(&r, &line);
	if (ok && line.len > ENVELOPE_MAX) {
		buf_reset(&line);
		r.text_max = TEXT_CUT;
		ok = render_envelope(&r, &line);
	}
	ok = ok && buf_add(out, line.data, line.len);
	*result = r.report;
	buf_free(&line);
	guard_free(guard);
	free(guard);
	return ok;
}

bool envelope_allowed(const struct sighting *s, const struct policy *effective)
{
	return s->kind != SIGHTING_KIND_LINK ||
	       policy_mode(effective, SLUICE_FIELD_URL) == POLICY_SHARE;
}
