// SPDX-License-Identifier: MIT
/*
 * OCSF 1.7 Detection Finding (class 2004), created once, informational: that a file was seen is
 * no judgement.  src_endpoint is who sent the file.  What the schema has no name for is under
 * `unmapped`, whole.
 */
#include "lib/json.h"
#include "record/format.h"

#include <string.h>

#define SCHEMA_VERSION "1.7.0"
#define CLASS_UID 2004
#define ACTIVITY_CREATE 1

static const struct record_copy head[] = {
	{"time", "record.time", JSON_INTEGER},
	{"start_time", "record.begin", JSON_INTEGER},
	{"end_time", "record.end", JSON_INTEGER},
	{"message", "record.title", JSON_STRING},
	{"metadata.uid", "event.id", JSON_STRING},
	{"metadata.log_name", "event.dataset", JSON_STRING},
	{"metadata.original_time", "@timestamp", JSON_STRING},
	{"metadata.tenant_uid", "sluice.virtual_system", JSON_STRING},
	{"metadata.reporter.hostname", "record.host", JSON_STRING},
	{"metadata.product.name", "observer.product", JSON_STRING},
	{"metadata.product.vendor_name", "observer.vendor", JSON_STRING},
	{"metadata.product.version", "observer.version", JSON_STRING},
	{"finding_info.uid", "event.id", JSON_STRING},
	{"finding_info.title", "record.title", JSON_STRING},
	{"finding_info.first_seen_time", "record.begin", JSON_INTEGER},
	{"finding_info.last_seen_time", "record.end", JSON_INTEGER},
	{"unmapped.sluice", "sluice", JSON_OBJECT},
	{"unmapped.rule", "rule.name", JSON_STRING},
	{"unmapped.source_nat", "source.nat", JSON_OBJECT},
	{"unmapped.destination_nat", "destination.nat", JSON_OBJECT},
	{0},
};

static const struct record_copy evidence[] = {
	{"actor.app_name", "network.application", JSON_STRING},
	{"user.name", "user.name", JSON_STRING},
	{"src_endpoint.ip", "source.ip", JSON_STRING},
	{"src_endpoint.port", "source.port", JSON_INTEGER},
	{"src_endpoint.owner.name", "record.sender_user", JSON_STRING},
	{"src_endpoint.zone", "observer.ingress.zone", JSON_STRING},
	{"src_endpoint.interface_name", "observer.ingress.interface.name", JSON_STRING},
	{"dst_endpoint.ip", "destination.ip", JSON_STRING},
	{"dst_endpoint.port", "destination.port", JSON_INTEGER},
	{"dst_endpoint.owner.name", "record.receiver_user", JSON_STRING},
	{"dst_endpoint.zone", "observer.egress.zone", JSON_STRING},
	{"dst_endpoint.interface_name", "observer.egress.interface.name", JSON_STRING},
	{"connection_info.uid", "record.session", JSON_STRING},
	{"connection_info.protocol_name", "network.transport", JSON_STRING},
	{"connection_info.protocol_num", "record.protocol_number", JSON_INTEGER},
	{"connection_info.protocol_ver_id", "record.ip_version", JSON_INTEGER},
	{"file.name", "record.name", JSON_STRING},
	{"file.path", "file.path", JSON_STRING},
	{"file.size", "file.size", JSON_INTEGER},
	{"file.mime_type", "file.mime_type", JSON_STRING},
	{"file.mime_type", "sluice.file.format", JSON_STRING},
	{"url.url_string", "url.original", JSON_STRING},
	{"url.hostname", "url.domain", JSON_STRING},
	{"url.port", "record.port", JSON_INTEGER},
	{"email.from", "record.first_from", JSON_STRING},
	{"email.from_list", "email.from.address", JSON_ARRAY},
	{"email.to", "email.to.address", JSON_ARRAY},
	{"email.subject", "email.subject", JSON_STRING},
	{"email.message_uid", "email.message_id", JSON_STRING},
	{"email.smtp_from", "sluice.smtp.mail_from", JSON_STRING},
	{"email.smtp_to", "sluice.smtp.rcpt_to", JSON_ARRAY},
	{"http_request.http_method", "http.request.method", JSON_STRING},
	{"http_request.user_agent", "user_agent.original", JSON_STRING},
	{"http_request.referrer", "http.request.referrer", JSON_STRING},
	{"http_response.code", "http.response.status_code", JSON_INTEGER},
	{0},
};

static bool add_class(json_t *root)
{
	static const struct {
		const char *path;
		json_int_t value;
	} ids[] = {
		{"class_uid", CLASS_UID},
		{"category_uid", CLASS_UID / 1000},
		{"activity_id", ACTIVITY_CREATE},
		{"type_uid", CLASS_UID * 100 + ACTIVITY_CREATE},
		{"severity_id", 1},
		{"status_id", 1},
	};
	static const struct {
		const char *path, *value;
	} names[] = {
		{"class_name", "Detection Finding"},
		{"category_name", "Findings"},
		{"activity_name", "Create"},
		{"type_name", "Detection Finding: Create"},
		{"severity", "Informational"},
		{"status", "New"},
		{"metadata.version", SCHEMA_VERSION},
	};
	bool ok = true;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		ok = json_set_at(root, ids[i].path, json_integer(ids[i].value)) && ok;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ok = json_set_at(root, names[i].path, json_string(names[i].value)) && ok;
	return ok;
}

/* The schema wants a name; what has none is named after what it is. */
static bool add_file(const json_t *all, json_t *e)
{
	const char *kind = json_text_at(all, "sluice.kind");
	const char *sha256 = json_text_at(all, "file.hash.sha256");
	bool ok = json_set_at(e, "file.type_id", json_integer(1));

	if (!json_at(e, "file.name"))
		ok = json_set_at(e, "file.name", json_sprintf("(%s)", kind ? kind : "file")) &&
		     ok;
	if (sha256)
		ok = json_set_at(e, "file.hashes",
				 json_pack("[{s:i,s:s,s:s}]", "algorithm_id", 3, "algorithm",
					   "SHA-256", "value", sha256)) &&
		     ok;
	return ok;
}

/* The schema allows no e-mail without sender and recipient. */
static bool settle_email(json_t *root, json_t *e)
{
	json_t *email = json_object_get(e, "email");
	bool ok = true;

	if (email && !json_object_get(email, "from") && !json_object_get(email, "to")) {
		ok = json_set_at(root, "unmapped.email", json_incref(email));
		json_object_del(e, "email");
	}
	return ok;
}

/* Other methods than these are none to the schema. */
static bool settle_method(json_t *root, json_t *e)
{
	static const char *const known[] = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS",
					    "PATCH",   "POST",	 "PUT", "TRACE"};
	json_t *request = json_object_get(e, "http_request");
	json_t *method = json_object_get(request, "http_method");
	bool ok;

	for (size_t i = 0; method && i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i], json_string_value(method)))
			method = NULL;
	if (!method)
		return true;
	ok = json_set_at(root, "unmapped.http_method", json_incref(method));
	json_object_del(request, "http_method");
	if (!json_object_size(request))
		json_object_del(e, "http_request");
	return ok;
}

static bool add_connection(const json_t *all, json_t *e)
{
	const char *direction = json_text_at(all, "network.direction");
	bool in = direction && !strcmp(direction, "inbound"), known = direction;

	return json_set_at(e, "connection_info.direction_id",
			   json_integer(in	? 1
					: known ? 2
						: 0)) &&
	       json_set_at(e, "connection_info.direction",
			   json_string(in      ? "Inbound"
				       : known ? "Outbound"
					       : "Unknown"));
}

bool record_ocsf(const json_t *sighting, const struct record_context *context, struct buf *out)
{
	json_t *all = record_derive(sighting, context);
	json_t *root = json_object(), *e = json_object();
	bool ok = all && root && e && add_class(root) && record_copy(root, all, head) &&
		  record_copy(e, all, evidence) && add_file(all, e) && add_connection(all, e) &&
		  settle_email(root, e) && settle_method(root, e) &&
		  json_set_at(root, "evidences", json_pack("[O]", e)) && record_dump(root, out);

	json_decref(e);
	json_decref(root);
	json_decref(all);
	return ok;
}
