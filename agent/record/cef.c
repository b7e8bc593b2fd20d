// SPDX-License-Identifier: MIT
/*
 * Common Event Format, version 0 (ArcSight, revision 23), with PAN-OS's choice of keys where it
 * has one.  src is who sent the file; flexString2 says which way it went.
 *
 * In the header a pipe and a backslash get a backslash; in values an equals sign and a
 * backslash, and line ends are \n and \r.  Longer values than the dictionary has are not cut.
 */
#include "lib/json.h"
#include "record/format.h"

#include <string.h>

struct key {
	const char *key;
	const char *path;
	const char *label; /* what a custom key stands for, or NULL */
};

static const struct key keys[] = {
	{.key = "rt", .path = "record.time"},
	{.key = "start", .path = "record.begin"},
	{.key = "end", .path = "record.end"},
	{.key = "externalId", .path = "event.id"},
	{.key = "dvchost", .path = "record.host"},
	{.key = "cat", .path = "sluice.kind"},
	{.key = "src", .path = "record.source4"},
	{.key = "spt", .path = "source.port"},
	{.key = "dst", .path = "record.destination4"},
	{.key = "dpt", .path = "destination.port"},
	{.key = "sourceTranslatedAddress", .path = "source.nat.ip"},
	{.key = "sourceTranslatedPort", .path = "source.nat.port"},
	{.key = "destinationTranslatedAddress", .path = "destination.nat.ip"},
	{.key = "destinationTranslatedPort", .path = "destination.nat.port"},
	{.key = "proto", .path = "record.protocol"},
	{.key = "app", .path = "network.application"},
	{.key = "suser", .path = "record.sender_user"},
	{.key = "duser", .path = "record.receiver_user"},
	{.key = "deviceInboundInterface", .path = "observer.ingress.interface.name"},
	{.key = "deviceOutboundInterface", .path = "observer.egress.interface.name"},
	{.key = "fname", .path = "record.name"},
	{.key = "filePath", .path = "file.path"},
	{.key = "fsize", .path = "file.size"},
	{.key = "fileHash", .path = "file.hash.sha256"},
	{.key = "fileType", .path = "sluice.file.type"},
	{.key = "outcome", .path = "sluice.file.state"},
	{.key = "reason", .path = "sluice.file.reason"},
	{.key = "request", .path = "url.original"},
	{.key = "requestMethod", .path = "http.request.method"},
	{.key = "requestClientApplication", .path = "user_agent.original"},
	{.key = "requestContext", .path = "http.request.referrer"},
	{.key = "suid", .path = "record.from"},
	{.key = "duid", .path = "record.to"},
	{.key = "msg", .path = "email.subject"},
	{.key = "c6a2", .path = "record.source6", .label = "Source IPv6 Address"},
	{.key = "c6a3", .path = "record.destination6", .label = "Destination IPv6 Address"},
	{.key = "cs1", .path = "rule.name", .label = "Rule"},
	{.key = "cs2", .path = "sluice.cloud.name", .label = "Cloud"},
	{.key = "cs3", .path = "sluice.virtual_system", .label = "Virtual System"},
	{.key = "cs4", .path = "observer.ingress.zone", .label = "Source Zone"},
	{.key = "cs5", .path = "observer.egress.zone", .label = "Destination Zone"},
	{.key = "cs6", .path = "sluice.cloud.outcome", .label = "Outcome"},
	{.key = "cn1", .path = "sluice.session.id", .label = "Session ID"},
	{.key = "flexString1", .path = "record.verdict", .label = "Verdict"},
	{.key = "flexString2", .path = "record.flow", .label = "Direction"},
};

static void add_header(struct buf *out, const char *text)
{
	for (; text && *text; text++) {
		if (record_is_control(*text)) {
			buf_add(out, "\\", 1); /* of the one that follows */
			record_add_control(out, *text);
			continue;
		}
		if (*text == '|' || *text == '\\')
			buf_add(out, "\\", 1);
		buf_add(out, text, 1);
	}
	buf_add(out, "|", 1);
}

static void add_value(struct buf *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n' || p[i] == '\r') {
			buf_add_string(out, p[i] == '\n' ? "\\n" : "\\r");
		} else if (record_is_control(p[i])) {
			buf_add(out, "\\", 1); /* of the one that follows */
			record_add_control(out, p[i]);
		} else {
			if (p[i] == '=' || p[i] == '\\')
				buf_add(out, "\\", 1);
			buf_add(out, &p[i], 1);
		}
	}
}

/* The values that are there, one space before each but the first. */
static bool add_extension(const json_t *all, struct buf *out)
{
	const char *space = "";
	struct buf value;
	bool ok = true;

	buf_init(&value, RECORD_VALUE_MAX);
	for (size_t i = 0; ok && i < sizeof(keys) / sizeof(keys[0]); i++) {
		buf_reset(&value);
		ok = record_text(all, keys[i].path, &value) && !value.failed;
		if (!ok || !value.len)
			continue;
		if (keys[i].label)
			buf_printf(out, "%s%sLabel=%s %s=", space, keys[i].key, keys[i].label,
				   keys[i].key);
		else
			buf_printf(out, "%s%s=", space, keys[i].key);
		add_value(out, (const char *)value.data, value.len);
		space = " ";
	}
	buf_free(&value);
	return ok;
}

bool record_cef(const json_t *sighting, const struct record_context *context, struct buf *out)
{
	json_t *all = record_derive(sighting, context);
	bool ok = all && buf_add_string(out, "CEF:0|");

	if (ok) {
		add_header(out, json_text_at(all, "observer.vendor"));
		add_header(out, json_text_at(all, "observer.product"));
		add_header(out, json_text_at(all, "observer.version"));
		add_header(out, json_text_at(all, "event.dataset"));
		add_header(out, json_text_at(all, "record.title"));
		add_header(out, "1"); /* of 10: low */
		ok = add_extension(all, out);
	}
	json_decref(all);
	return ok;
}
