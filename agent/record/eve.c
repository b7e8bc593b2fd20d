// SPDX-License-Identifier: MIT
/*
 * EVE `fileinfo`, as Suricata writes it (etc/schema.json there).  The event has the direction
 * of the file: src is who sent it.  What Suricata has no name for is under `sluice`, whole.
 */
#include "lib/json.h"
#include "record/format.h"

#include <string.h>

static const struct record_copy head[] = {
	{"timestamp", "record.time_micro", JSON_STRING},
	{"host", "record.host", JSON_STRING},
	{"flow_id", "sluice.session.id", JSON_INTEGER},
	{"in_iface", "sluice.session.in_interface", JSON_STRING},
	{"src_ip", "source.ip", JSON_STRING},
	{"src_port", "source.port", JSON_INTEGER},
	{"dest_ip", "destination.ip", JSON_STRING},
	{"dest_port", "destination.port", JSON_INTEGER},
	{"proto", "record.protocol", JSON_STRING},
	{"ip_v", "record.ip_version", JSON_INTEGER},
	{"app_proto", "record.app_proto", JSON_STRING},
	{"email.from", "record.from", JSON_STRING},
	{"email.to", "email.to.address", JSON_ARRAY},
	{"email.subject", "email.subject", JSON_STRING},
	{"email.message_id", "email.message_id", JSON_STRING},
	{"fileinfo.filename", "record.name", JSON_STRING},
	{"fileinfo.magic", "sluice.file.format", JSON_STRING},
	{"fileinfo.sha256", "file.hash.sha256", JSON_STRING},
	{"fileinfo.stored", "sluice.file.stored", JSON_TRUE},
	{"fileinfo.size", "file.size", JSON_INTEGER},
	{0},
};

/* Under `sluice`, beside what is there in the log. */
static const struct record_copy own[] = {
	{"id", "event.id", JSON_STRING},
	{"application", "network.application", JSON_STRING},
	{"user", "user.name", JSON_STRING},
	{"sender_user", "record.sender_user", JSON_STRING},
	{"receiver_user", "record.receiver_user", JSON_STRING},
	{"url", "url.original", JSON_STRING},
	{"rule", "rule.name", JSON_STRING},
	{"source_nat", "source.nat", JSON_OBJECT},
	{"destination_nat", "destination.nat", JSON_OBJECT},
	{0},
};

/* What Suricata says of the transaction, by its protocol. */
static const struct record_copy http[] = {
	{"http.hostname", "sluice.http_host", JSON_STRING},
	{"http.hostname", "url.domain", JSON_STRING},
	{"http.http_port", "record.port", JSON_INTEGER},
	{"http.url", "record.path", JSON_STRING},
	{"http.http_user_agent", "user_agent.original", JSON_STRING},
	{"http.http_content_type", "file.mime_type", JSON_STRING},
	{"http.http_refer", "http.request.referrer", JSON_STRING},
	{"http.http_method", "http.request.method", JSON_STRING},
	{"http.status", "http.response.status_code", JSON_INTEGER},
	{0},
};

static const struct record_copy smtp[] = {
	{"smtp.mail_from", "sluice.smtp.mail_from", JSON_STRING},
	{"smtp.rcpt_to", "sluice.smtp.rcpt_to", JSON_ARRAY},
	{0},
};

static const struct record_copy smb[] = {
	{"smb.filename", "file.path", JSON_STRING},
	{"smb.share", "sluice.share", JSON_STRING},
	{0},
};

static const struct record_copy nfs[] = {
	{"nfs.filename", "file.path", JSON_STRING},
	{0},
};

static const struct record_copy ftp[] = {
	{"ftp_data.filename", "file.path", JSON_STRING},
	{"ftp_data.filename", "file.name", JSON_STRING},
	{"ftp_data.command", "sluice.command", JSON_STRING},
	{0},
};

static const struct record_copy tftp[] = {
	{"tftp.file", "file.path", JSON_STRING},
	{"tftp.file", "file.name", JSON_STRING},
	{0},
};

static const struct {
	const char *protocol;
	const struct record_copy *table;
} protocols[] = {
	{"http", http}, {"smtp", smtp},	   {"smb", smb},
	{"nfs", nfs},	{"ftp-data", ftp}, {"tftp", tftp},
};

/* Outer and inner, where there is any. */
static bool add_vlan(const json_t *all, json_t *root)
{
	static const char *const paths[] = {"sluice.session.vlan", "sluice.session.inner_vlan"};
	json_t *list = json_array();
	bool ok = list != NULL;

	for (size_t i = 0; i < 2; i++)
		if (json_is_integer(json_at(all, paths[i])))
			ok = json_array_append(list, json_at(all, paths[i])) == 0 && ok;
	if (json_array_size(list))
		ok = json_set_at(root, "vlan", json_incref(list)) && ok;
	json_decref(list);
	return ok;
}

static bool add_protocol(const json_t *all, json_t *root)
{
	const char *name = json_text_at(root, "app_proto");

	for (size_t i = 0; name && i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (!strcmp(protocols[i].protocol, name))
			return record_copy(root, all, protocols[i].table);
	return true;
}

/* Suricata names a file always: what has no name by its path in the URL. */
static bool add_file(const json_t *all, json_t *root)
{
	const char *state = json_text_at(all, "sluice.file.state");
	const char *path = json_text_at(root, "http.url");
	bool whole = state && !strcmp(state, "complete"), ok = true;

	if (!json_at(root, "fileinfo.filename"))
		ok = json_set_at(root, "fileinfo.filename", json_string(path ? path : ""));
	ok = json_set_at(root, "fileinfo.gaps",
			 json_boolean(json_integer_value(json_at(all, "sluice.file.missing")) >
				      0)) &&
	     ok;
	return json_set_at(root, "fileinfo.state",
			   json_string(whole ? "CLOSED" : "TRUNCATED")) &&
	       ok;
}

static bool add_own(const json_t *all, json_t *root)
{
	json_t *there = json_object_get(all, "sluice");
	json_t *sluice = json_is_object(there) ? json_copy(there) : json_object();

	return sluice && json_set_at(root, "sluice", sluice) && record_copy(sluice, all, own);
}

bool record_eve(const json_t *sighting, const struct record_context *context, struct buf *out)
{
	json_t *all = record_derive(sighting, context), *root = json_object();
	bool ok = all && root && record_copy(root, all, head) && add_vlan(all, root) &&
		  json_set_at(root, "event_type", json_string("fileinfo")) &&
		  add_protocol(all, root) && add_file(all, root) && add_own(all, root) &&
		  record_dump(root, out);

	json_decref(root);
	json_decref(all);
	return ok;
}
