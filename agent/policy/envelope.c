// SPDX-License-Identifier: MIT
#include "policy/envelope.h"

#include "policy/ecs.h"
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
#define TEXT_WHOLE SIZE_MAX
#define LIST_MAX 256 /* values of a list that is not shared as it is */
#define LINE_MAX_BYTES (1u << 20)

/* A rendering under way.  Once failed, nothing more is added. */
struct render {
	const struct sighting *s;
	struct policy policy;
	const struct guard *guard; /* NULL: the local log, nothing is withheld */
	const struct treat_context *context;
	size_t text_max;
	bool failed;
	json_t *withheld; /* names of fields */
	struct envelope_report report;
};

/* ----------------------------------------------------------- small pieces */

/* Takes the reference of v. */
static void set(struct render *r, json_t *object, const char *key, json_t *v)
{
	ecs_set(&r->failed, object, key, v);
}

/* The member object of that name, made when missing; borrowed; NULL when out of memory. */
static json_t *member(struct render *r, json_t *object, const char *key)
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
		set(r, object, key, v);
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
		set(r, member(r, email, key), "address", json_incref(list));
	json_decref(list);
}

/* A text that is in the local log only. */
static void set_local_text(struct render *r, json_t *object, const char *key,
			   enum sighting_text which)
{
	const char *text = sighting_get(r->s, which);

	if (text)
		set(r, object, key, ecs_text(text, r->s->text_len[which]));
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
		set(r, object, "ip", json_string(text));
	}
	if (port.number) {
		report(r, at, (size_t)snprintf(text, sizeof(text), "%u", port.port));
		set(r, object, "port", json_integer(port.port));
	}
	/* ECS has no place for what is no address of the other side of a translation. */
	if (translated)
		return;
	if (address.text[0]) {
		report(r, ip, strlen(address.text));
		set(r, object, "address", json_string(address.text));
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
		set(r, object, "nat", json_incref(nat));
	if (!r->guard && sighting_get(r->s, user))
		set_local_text(r, member(r, object, "user"), "name", user);
	if (json_object_size(object)) {
		set(r, root, source ? "source" : "destination", json_incref(object));
		set(r, root, end == DIR_OPENER ? "client" : "server", json_incref(object));
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
		set(r, sluice, policy_field_name(field), json_string(port.text));
}

static void add_event(struct render *r, json_t *root)
{
	char id[SIGHTING_ID_TEXT];
	json_t *event;

	set(r, root, "@timestamp", ecs_time(r->s->end));
	set(r, member(r, root, "ecs"), "version", json_string(ECS_VERSION));
	event = member(r, root, "event");
	set(r, event, "id", json_string(sighting_id_text(r->s->id, id)));
	set(r, event, "kind", json_string("event"));
	set(r, event, "category", json_pack("[s,s]", "file", "network"));
	set(r, event, "type", json_pack("[s]", "info"));
	set(r, event, "module", json_string("sluice"));
	set(r, event, "dataset", json_string("sluice.sighting"));
	set(r, event, "start", ecs_time(r->s->begin));
	set(r, event, "end", ecs_time(r->s->end));
}

static void add_network(struct render *r, json_t *root)
{
	json_t *network = ecs_network(&r->failed, &r->s->session);
	bool download = r->s->direction == DIRECTION_DOWNLOAD;

	set(r, root, "network", network);
	set(r, network, "direction", json_string(download ? "inbound" : "outbound"));
	set_text(r, network, "application", SLUICE_FIELD_APPLICATION, SIGHTING_APPLICATION);
	set(r, member(r, root, "sluice"), "direction",
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
		set(r, member(r, root, "url"), "original",
		    ecs_text((const char *)out->data, out->len));
	if (host_length && host_at + host_length <= out->len)
		set(r, member(r, root, "url"), "domain",
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
	set(r, member(r, root, "url"), "original", ecs_text(url, n));
	if (host_length && host_at + host_length <= out.len)
		set(r, member(r, root, "url"), "domain",
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
		set_text(r, member(r, root, "url"), "original", SLUICE_FIELD_URL, SIGHTING_URL);
	else
		add_url_parts(r, root, url, n);
}

static void add_file(struct render *r, json_t *root)
{
	json_t *file = member(r, root, "file");
	char hex[SHA256_TEXT];

	bool extension = policy_mode(&r->policy, SLUICE_FIELD_FILENAME) == POLICY_TRUNCATE;

	set_text(r, file, extension ? "extension" : "name", SLUICE_FIELD_FILENAME,
		 SIGHTING_FILENAME);
	set(r, file, "size", ecs_number(r->s->size));
	if (r->s->state == FILE_STATE_COMPLETE)
		set(r, member(r, file, "hash"), "sha256",
		    json_string(sha256_text(r->s->sha256, hex)));
	if (!r->guard)
		set_local_text(r, file, "mime_type", SIGHTING_CONTENT_TYPE);
}

static void add_email(struct render *r, json_t *root)
{
	json_t *email = json_object();

	set_list(r, email, "from", SLUICE_FIELD_EMAIL_SENDER, SIGHTING_EMAIL_SENDER);
	set_list(r, email, "to", SLUICE_FIELD_EMAIL_RECIPIENT, SIGHTING_EMAIL_RECIPIENT);
	set_text(r, email, "subject", SLUICE_FIELD_EMAIL_SUBJECT, SIGHTING_EMAIL_SUBJECT);
	if (json_object_size(email))
		set(r, root, "email", json_incref(email));
	json_decref(email);
}

/* What both renderings have. */
static json_t *common(struct render *r)
{
	bool pseudonym = policy_mode(&r->policy, SLUICE_FIELD_USER) == POLICY_PSEUDONYMISE;
	json_t *root = json_object(), *user = json_object();

	add_event(r, root);
	add_end(r, root, sighting_sender(r->s));
	add_end(r, root, dir_other(sighting_sender(r->s)));
	add_network(r, root);
	set_text(r, user, pseudonym ? "hash" : "name", SLUICE_FIELD_USER, SIGHTING_USER);
	if (json_object_size(user))
		set(r, root, "user", json_incref(user));
	json_decref(user);
	add_url(r, root);
	add_file(r, root);
	add_email(r, root);
	set(r, root, "observer", ecs_observer());
	set_text(r, member(r, root, "sluice"), "virtual_system", SLUICE_FIELD_VIRTUAL_SYSTEM,
		 SIGHTING_VIRTUAL_SYSTEM);
	return root;
}

/* ---------------------------------------------------- local log: the rest */

/* Where the file came in and went out: the sides of its sender and its receiver. */
static void add_way(struct render *r, json_t *root)
{
	const struct session_info *i = &r->s->session;
	bool download = r->s->direction == DIRECTION_DOWNLOAD;
	json_t *observer = member(r, root, "observer");
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
			ecs_set_interface(
				&r->failed,
				member(r, member(r, observer, ways[k].key), "interface"),
				"name", ways[k].interface);
		if (sighting_get(r->s, ways[k].zone))
			set_local_text(r, member(r, observer, ways[k].key), "zone",
				       ways[k].zone);
	}
}

/* What its content says. */
static void add_content(struct render *r, json_t *file)
{
	char hex[SHA256_TEXT];
	json_t *traits, *container;

	set_local_text(r, file, "type", SIGHTING_FILE_TYPE);
	set_local_text(r, file, "format", SIGHTING_FILE_FORMAT);
	set(r, file, "level", ecs_number(r->s->level));
	if (r->s->traits) {
		traits = json_array();
		for (unsigned int i = 0; i < FILE_TRAIT_COUNT; i++)
			if (r->s->traits & (1u << i))
				json_array_append_new(traits, json_string(file_trait_text(i)));
		set(r, file, "traits", traits);
	}
	if (!r->s->contained)
		return;
	container = member(r, file, "container");
	set(r, container, "sha256", json_string(sha256_text(r->s->container, hex)));
	set_local_text(r, container, "path", SIGHTING_MEMBER_PATH);
}

static void add_file_state(struct render *r, json_t *sluice)
{
	json_t *file = member(r, sluice, "file");

	add_content(r, file);
	set(r, file, "state",
	    json_string(r->s->state == FILE_STATE_COMPLETE ? "complete" : "truncated"));
	set(r, file, "reason", json_string(file_reason_text(r->s->reason)));
	set(r, file, "stored", json_boolean(r->s->stored));
	set(r, file, "number", ecs_number(r->s->number));
	set(r, file, "seen", ecs_number(r->s->seen));
	set(r, file, "missing", ecs_number(r->s->missing));
	set(r, file, "overlap", ecs_number(r->s->overlap));
	if (r->s->size_known)
		set(r, file, "declared", ecs_number(r->s->declared));
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
	set(r, sluice, "cut", cut);
}

static void add_http(struct render *r, json_t *root)
{
	json_t *http = json_object(), *agent = json_object();

	if (sighting_get(r->s, SIGHTING_HTTP_METHOD))
		set_local_text(r, member(r, http, "request"), "method", SIGHTING_HTTP_METHOD);
	if (sighting_get(r->s, SIGHTING_HTTP_REFERRER))
		set_local_text(r, member(r, http, "request"), "referrer",
			       SIGHTING_HTTP_REFERRER);
	if (r->s->http_status)
		set(r, member(r, http, "response"), "status_code",
		    ecs_number(r->s->http_status));
	set_local_text(r, agent, "original", SIGHTING_HTTP_USER_AGENT);
	if (json_object_size(http))
		set(r, root, "http", json_incref(http));
	if (json_object_size(agent))
		set(r, root, "user_agent", json_incref(agent));
	json_decref(http);
	json_decref(agent);
}

/* The envelope of RFC 5321, which need not say what the message's header says. */
static void add_smtp(struct render *r, json_t *sluice)
{
	size_t n = r->s->text_len[SIGHTING_SMTP_RCPT_TO];
	json_t *smtp = json_object();

	set_local_text(r, smtp, "mail_from", SIGHTING_SMTP_MAIL_FROM);
	if (n)
		set(r, smtp, "rcpt_to",
		    ecs_list(&r->failed, sighting_get(r->s, SIGHTING_SMTP_RCPT_TO), n));
	if (json_object_size(smtp))
		set(r, sluice, "smtp", json_incref(smtp));
	json_decref(smtp);
}

/* ----------------------------------------------------------------- output */

/* Under which policy it was made, and what of it is not as it was seen. */
static void add_policy(struct render *r, json_t *sluice)
{
	json_t *policy = json_object(), *modes = json_object();
	char text[POLICY_FIELD_TEXT_MAX];

	if (r->context->policy_id)
		set(r, policy, "id", json_string(r->context->policy_id));
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		if (!shared(r, f))
			set(r, modes, policy_field_name(f),
			    json_string(policy_field_text(&r->policy, f, text)));
	if (json_object_size(modes))
		set(r, policy, "modes", json_incref(modes));
	if (json_object_size(policy))
		set(r, sluice, "policy", json_incref(policy));
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
	root = common(r);
	add_port_name(r, member(r, root, "sluice"), DIR_OPENER);
	add_port_name(r, member(r, root, "sluice"), DIR_ANSWERER);
	add_policy(r, member(r, root, "sluice"));
	if (json_array_size(r->withheld))
		set(r, member(r, root, "sluice"), "withheld", json_incref(r->withheld));
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

json_t *envelope_local(const struct sighting *s)
{
	static const struct treat_context none;
	struct render r = {.s = s,
			   .policy = policy_all(POLICY_SHARE),
			   .context = &none,
			   .text_max = TEXT_WHOLE};
	json_t *root = common(&r), *sluice = member(&r, root, "sluice");

	add_http(&r, root);
	set_local_text(&r, member(&r, root, "file"), "path", SIGHTING_FILE_PATH);
	if (sighting_get(s, SIGHTING_MESSAGE_ID))
		set_local_text(&r, member(&r, root, "email"), "message_id",
			       SIGHTING_MESSAGE_ID);
	set_local_text(&r, member(&r, root, "rule"), "name", SIGHTING_RULE);
	if (json_object_size(json_object_get(root, "rule")) == 0)
		json_object_del(root, "rule");
	set(&r, sluice, "kind", json_string(sighting_kind_text(s->kind)));
	set_local_text(&r, sluice, "http_host", SIGHTING_HTTP_HOST);
	set_local_text(&r, sluice, "command", SIGHTING_COMMAND);
	set_local_text(&r, sluice, "share", SIGHTING_SHARE);
	set_local_text(&r, sluice, "login", SIGHTING_LOGIN);
	add_way(&r, root);
	add_smtp(&r, sluice);
	set(&r, sluice, "session", ecs_session(&r.failed, &s->session));
	add_file_state(&r, sluice);
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
