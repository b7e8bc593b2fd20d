// SPDX-License-Identifier: MIT
#include "policy/envelope.h"

#include "lib/inet.h"
#include "policy/ecs.h"
#include "policy/guard.h"
#include "policy/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPLOAD_NAME_MAX 255

/*
 * An envelope must fit into one message to the forwarder.  Where the texts as they
 * are would not, each is cut to TEXT_CUT bytes (of which JSON makes six at most).
 */
#define ENVELOPE_MAX (48u << 10)
#define TEXT_CUT 1024
#define TEXT_WHOLE SIZE_MAX
#define LINE_MAX_BYTES (1u << 20)

/* A rendering under way.  Once failed, nothing more is added. */
struct render {
	const struct sighting *s;
	struct policy policy;
	const struct guard *guard; /* NULL: the local log, nothing is withheld */
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

/* The bytes of a field's text that may leave; NULL: none. */
static const char *allowed_text(struct render *r, enum sluice_field field,
				enum sighting_text which, size_t *n)
{
	const char *text = sighting_get(r->s, which);

	if (!text || !shared(r, field))
		return NULL;
	*n = r->s->text_len[which];
	if (r->guard && guard_find(r->guard, text, *n) != SIZE_MAX) {
		withhold(r, field);
		return NULL;
	}
	if (*n > r->text_max) {
		*n = r->text_max;
		withhold(r, field);
	}
	report(r, field, *n);
	return text;
}

static void set_text(struct render *r, json_t *object, const char *key, enum sluice_field field,
		     enum sighting_text which)
{
	size_t n;
	const char *text = allowed_text(r, field, which, &n);

	if (text)
		set(r, object, key, ecs_text(text, n));
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

static void report_end(struct render *r, const struct endpoint *e, bool source, bool ip,
		       bool port)
{
	char text[INET_TEXT_MAX];

	if (!e->family)
		return;
	if (ip)
		report(r, source ? SLUICE_FIELD_SOURCE_IP : SLUICE_FIELD_DESTINATION_IP,
		       strlen(inet_text(e, text)));
	if (port)
		report(r, source ? SLUICE_FIELD_SOURCE_PORT : SLUICE_FIELD_DESTINATION_PORT,
		       (size_t)snprintf(text, sizeof(text), "%u", e->port));
}

/*
 * One end under two names: by who sent the file, and by who opened the
 * connection.  The fields are those of the former, so both show the same.
 */
static void add_end(struct render *r, json_t *root, enum dir end)
{
	bool source = end == sighting_sender(r->s);
	bool ip = shared(r, source ? SLUICE_FIELD_SOURCE_IP : SLUICE_FIELD_DESTINATION_IP);
	bool port =
		shared(r, source ? SLUICE_FIELD_SOURCE_PORT : SLUICE_FIELD_DESTINATION_PORT);
	enum sighting_text user = source ? SIGHTING_SENDER_USER : SIGHTING_RECEIVER_USER;
	json_t *object = json_object(), *nat = json_object();

	ecs_set_end(&r->failed, object, &r->s->session.end[end], ip, port);
	ecs_set_end(&r->failed, nat, &r->s->session.nat[end], ip, port);
	report_end(r, &r->s->session.end[end], source, ip, port);
	report_end(r, &r->s->session.nat[end], source, ip, port);
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

static void add_url(struct render *r, json_t *root)
{
	const char *url = sighting_get(r->s, SIGHTING_URL);
	size_t n = r->s->text_len[SIGHTING_URL], host_at, host_length;
	static const struct guard nothing;
	bool shortened = false;
	struct buf out;

	if (!url || !shared(r, SLUICE_FIELD_URL))
		return;
	buf_init(&out, n + sizeof(GUARD_HOST "/"));
	guard_url(r->guard ? r->guard : &nothing, url, n, &out, &shortened, &host_at,
		  &host_length);
	if (!r->guard) {
		/* The local log is complete: the parts are taken, the text is as seen. */
		set(r, member(r, root, "url"), "original", ecs_text(url, n));
	} else {
		if (out.len > r->text_max) {
			out.len = r->text_max;
			shortened = true;
		}
		if (shortened)
			withhold(r, SLUICE_FIELD_URL);
		report(r, SLUICE_FIELD_URL, out.len);
		if (out.len)
			set(r, member(r, root, "url"), "original",
			    ecs_text((const char *)out.data, out.len));
	}
	if (host_length && host_at + host_length <= out.len)
		set(r, member(r, root, "url"), "domain",
		    ecs_text((const char *)out.data + host_at, host_length));
	if (out.failed)
		r->failed = true;
	buf_free(&out);
}

static void add_file(struct render *r, json_t *root)
{
	json_t *file = member(r, root, "file");
	char hex[SHA256_TEXT];

	set_text(r, file, "name", SLUICE_FIELD_FILENAME, SIGHTING_FILENAME);
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
	const char *text;
	size_t n;

	text = allowed_text(r, SLUICE_FIELD_EMAIL_SENDER, SIGHTING_EMAIL_SENDER, &n);
	if (text)
		set(r, member(r, email, "from"), "address", ecs_list(&r->failed, text, n));
	text = allowed_text(r, SLUICE_FIELD_EMAIL_RECIPIENT, SIGHTING_EMAIL_RECIPIENT, &n);
	if (text)
		set(r, member(r, email, "to"), "address", ecs_list(&r->failed, text, n));
	set_text(r, email, "subject", SLUICE_FIELD_EMAIL_SUBJECT, SIGHTING_EMAIL_SUBJECT);
	if (json_object_size(email))
		set(r, root, "email", json_incref(email));
	json_decref(email);
}

/* What both renderings have. */
static json_t *common(struct render *r)
{
	json_t *root = json_object(), *user = json_object();

	add_event(r, root);
	add_end(r, root, sighting_sender(r->s));
	add_end(r, root, dir_other(sighting_sender(r->s)));
	add_network(r, root);
	set_text(r, user, "name", SLUICE_FIELD_USER, SIGHTING_USER);
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

static bool dump(const struct render *r, json_t *root, struct buf *out)
{
	return !r->failed && root && ecs_dump(root, out);
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
	if (json_array_size(r->withheld))
		set(r, member(r, root, "sluice"), "withheld", json_incref(r->withheld));
	ok = dump(r, root, out);
	json_decref(r->withheld);
	json_decref(root);
	return ok;
}

bool envelope_render(const struct sighting *s, const struct policy *effective, struct buf *out,
		     struct envelope_report *result)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	struct render r = {
		.s = s, .policy = *effective, .guard = guard, .text_max = TEXT_WHOLE};
	size_t begin = out->len;
	bool ok = false;

	if (!guard)
		return false;
	guard_init(guard, s, effective);
	ok = render_envelope(&r, out);
	if (ok && out->len - begin > ENVELOPE_MAX) {
		out->len = begin;
		r.text_max = TEXT_CUT;
		ok = render_envelope(&r, out);
	}
	*result = r.report;
	guard_free(guard);
	free(guard);
	return ok;
}

bool envelope_allowed(const struct sighting *s, const struct policy *effective)
{
	return s->kind != SIGHTING_KIND_LINK ||
	       policy_mode(effective, SLUICE_FIELD_URL) == POLICY_SHARE;
}

bool envelope_render_local(const struct sighting *s, struct buf *out)
{
	struct render r = {.s = s, .policy = policy_all(POLICY_SHARE), .text_max = TEXT_WHOLE};
	json_t *root = common(&r), *sluice = member(&r, root, "sluice");
	bool ok;

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
	ok = dump(&r, root, out);
	json_decref(root);
	return ok;
}

/* ------------------------------------------------------------ upload name */

/* Bytes a multipart header, a shell or a file system could take for something else. */
static bool harmless(unsigned char c)
{
	return c >= 0x20 && c != 0x7f && c != '"' && c != '\'' && c != '`';
}

static size_t sanitise(const char *p, size_t n, char *name)
{
	struct buf clean;
	size_t k = 0, length;
	const char *text;

	buf_init(&clean, 3 * n + 1);
	if (!text_add_utf8(&clean, p, n)) {
		buf_free(&clean);
		return 0;
	}
	text = buf_string(&clean);
	length = clean.len;
	for (size_t i = 0; i < length; i++) {
		/* C1 controls are U+0080 to U+009F: c2 80 to c2 9f. */
		if ((unsigned char)text[i] == 0xc2 && i + 1 < length &&
		    (unsigned char)text[i + 1] < 0xa0) {
			i++;
			continue;
		}
		if (harmless((unsigned char)text[i]) && k < UPLOAD_NAME_MAX)
			name[k++] = text[i];
	}
	if (k == UPLOAD_NAME_MAX) {
		/* No half of a character at the cut. */
		while (k && ((unsigned char)name[k - 1] & 0xc0) == 0x80)
			k--;
		if (k && (unsigned char)name[k - 1] >= 0xc0)
			k--;
	}
	buf_free(&clean);
	return k;
}

/* The usable part of the file's own name; 0: it has none that may leave. */
static size_t own_name(const struct sighting *s, const struct policy *p, char *name)
{
	const char *text = sighting_get(s, SIGHTING_FILENAME);
	size_t n = s->text_len[SIGHTING_FILENAME], k;
	struct guard *guard;
	bool carries;

	if (!text || policy_mode(p, SLUICE_FIELD_FILENAME) != POLICY_SHARE)
		return 0;
	guard = calloc(1, sizeof(*guard));
	if (!guard)
		return 0;
	guard_init(guard, s, p);
	carries = guard_find(guard, text, n) != SIZE_MAX;
	guard_free(guard);
	free(guard);
	if (carries)
		return 0;
	for (size_t i = n; i > 0; i--) {
		if (text[i - 1] == '/' || text[i - 1] == '\\') {
			text += i;
			n -= i;
			break;
		}
	}
	k = sanitise(text, n, name);
	return strspn(name, " .") < k ? k : 0;
}

bool envelope_upload_name(const struct sighting *s, const struct policy *effective,
			  struct buf *out)
{
	char name[UPLOAD_NAME_MAX + 1] = "", hex[SHA256_TEXT];
	size_t n = own_name(s, effective, name);

	if (n)
		return buf_add(out, name, n);
	return buf_add_string(out, sha256_text(s->sha256, hex));
}
