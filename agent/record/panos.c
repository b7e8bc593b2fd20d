// SPDX-License-Identifier: MIT
/*
 * CSV of the log type THREAT, subtype wildfire, with the columns of PAN-OS 10.2 in their order
 * ("Threat Log Fields").  src is who sent the file, as on the firewall's own log.  A column
 * that a firewall alone can fill is empty.  The verdict is the clouds' and not the sighting's:
 * category is empty, too.
 */
#include "record/format.h"

#include <string.h>

struct column {
	const char *name; /* PAN-OS's */
	const char *path; /* or NULL */
	const char *text; /* where it is always the same, or NULL; else what stands before a
			     value */
	bool quoted;	  /* always, as PAN-OS does */
};

static const struct column columns[] = {
	{.name = "future_use1", .text = "1"},
	{.name = "receive_time", .path = "record.time_panos"},
	{.name = "serial"},
	{.name = "type", .text = "THREAT"},
	{.name = "subtype", .text = "wildfire"},
	{.name = "future_use2"},
	{.name = "time_generated", .path = "record.time_panos"},
	{.name = "src", .path = "source.ip"},
	{.name = "dst", .path = "destination.ip"},
	{.name = "natsrc", .path = "source.nat.ip"},
	{.name = "natdst", .path = "destination.nat.ip"},
	{.name = "rule", .path = "rule.name"},
	{.name = "srcuser", .path = "record.sender_user"},
	{.name = "dstuser", .path = "record.receiver_user"},
	{.name = "app", .path = "network.application"},
	{.name = "vsys", .path = "sluice.virtual_system"},
	{.name = "from", .path = "observer.ingress.zone"},
	{.name = "to", .path = "observer.egress.zone"},
	{.name = "inbound_if", .path = "observer.ingress.interface.name"},
	{.name = "outbound_if", .path = "observer.egress.interface.name"},
	{.name = "logset"},
	{.name = "future_use3"},
	{.name = "sessionid", .path = "sluice.session.id"},
	{.name = "repeatcnt", .text = "1"},
	{.name = "sport", .path = "source.port"},
	{.name = "dport", .path = "destination.port"},
	{.name = "natsport", .path = "source.nat.port"},
	{.name = "natdport", .path = "destination.nat.port"},
	{.name = "flags"},
	{.name = "proto", .path = "network.transport"},
	{.name = "action", .text = "allow"},
	{.name = "misc", .path = "record.name", .quoted = true},
	{.name = "threatid"},
	{.name = "category", .path = "record.verdict"},
	{.name = "severity", .text = "informational"},
	{.name = "direction", .path = "record.flow"},
	{.name = "seqno"},
	{.name = "actionflags"},
	{.name = "srcloc"},
	{.name = "dstloc"},
	{.name = "future_use4"},
	{.name = "contenttype", .path = "file.mime_type"},
	{.name = "pcap_id"},
	{.name = "filedigest", .path = "file.hash.sha256"},
	{.name = "cloud", .path = "sluice.cloud.name"},
	{.name = "url_idx"},
	{.name = "user_agent", .path = "user_agent.original"},
	{.name = "filetype", .path = "sluice.file.type"},
	{.name = "xff"},
	{.name = "referer", .path = "http.request.referrer"},
	{.name = "sender", .path = "record.from", .text = "From: "},
	{.name = "subject", .path = "email.subject"},
	{.name = "recipient", .path = "record.to", .text = "To: "},
	{.name = "reportid"},
	{.name = "dg_hier_level_1"},
	{.name = "dg_hier_level_2"},
	{.name = "dg_hier_level_3"},
	{.name = "dg_hier_level_4"},
	{.name = "vsys_name", .path = "sluice.virtual_system"},
	{.name = "device_name", .path = "record.host"},
	{.name = "future_use5"},
	{.name = "src_uuid"},
	{.name = "dst_uuid"},
	{.name = "http_method", .path = "http.request.method"},
	{.name = "imsi"},
	{.name = "imei"},
	{.name = "parent_session_id", .path = "sluice.session.related"},
	{.name = "parent_start_time"},
	{.name = "tunnel"},
	{.name = "thr_category"},
	{.name = "contentver"},
	{.name = "future_use6"},
	{.name = "assoc_id"},
	{.name = "ppid"},
	{.name = "http_headers"},
	{.name = "url_category_list"},
	{.name = "rule_uuid"},
	{.name = "http2_connection"},
	{.name = "dynusergroup_name"},
	{.name = "xff_ip"},
	{.name = "src_category"},
	{.name = "src_profile"},
	{.name = "src_model"},
	{.name = "src_vendor"},
	{.name = "src_osfamily"},
	{.name = "src_osversion"},
	{.name = "src_host"},
	{.name = "src_mac"},
	{.name = "dst_category"},
	{.name = "dst_profile"},
	{.name = "dst_model"},
	{.name = "dst_vendor"},
	{.name = "dst_osfamily"},
	{.name = "dst_osversion"},
	{.name = "dst_host"},
	{.name = "dst_mac"},
	{.name = "container_id"},
	{.name = "pod_namespace"},
	{.name = "pod_name"},
	{.name = "src_edl"},
	{.name = "dst_edl"},
	{.name = "hostid"},
	{.name = "serialnumber"},
	{.name = "domain_edl"},
	{.name = "src_dag"},
	{.name = "dst_dag"},
	{.name = "partial_hash"},
	{.name = "high_res_timestamp", .path = "record.time_milli"},
	{.name = "reason", .path = "sluice.cloud.outcome"},
	{.name = "justification"},
	{.name = "nssai_sst"},
	{.name = "subcategory_of_app"},
	{.name = "category_of_app"},
	{.name = "technology_of_app"},
	{.name = "risk_of_app"},
	{.name = "characteristic_of_app"},
	{.name = "container_of_app"},
	{.name = "tunneled_app"},
	{.name = "is_saas_of_app"},
	{.name = "sanctioned_state_of_app"},
	{.name = "cloud_reportid"},
};

/*
 * PAN-OS quotes a value that has a comma or a double quote.  Of one that begins with a single
 * quote some readers would make syntax, and refuse the line or take the next columns for it
 * (syslog-ng's panos-parser).
 */
static bool needs_quotes(const char *p, size_t n)
{
	return n && (memchr(p, ',', n) || memchr(p, '"', n) || *p == '\'');
}

/* As one line; in double quotes one of these is doubled. */
static void add(struct buf *out, const char *p, size_t n, bool quoted)
{
	quoted = quoted || needs_quotes(p, n);
	if (quoted)
		buf_add(out, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		if (record_is_control(p[i])) {
			record_add_control(out, p[i]);
			continue;
		}
		if (p[i] == '"')
			buf_add(out, "\"", 1);
		buf_add(out, &p[i], 1);
	}
	if (quoted)
		buf_add(out, "\"", 1);
}

static bool add_column(const json_t *all, const struct column *c, struct buf *value,
		       struct buf *out)
{
	buf_reset(value);
	if (c->text)
		buf_add_string(value, c->text);
	if (c->path) {
		size_t before = value->len;

		record_text(all, c->path, value);
		if (value->len == before)
			value->len = 0; /* what stands before nothing is nothing */
		else if (c->text)
			buf_add(value, ";", 1);
	}
	if (value->failed)
		return false;
	add(out, buf_string(value), value->len, c->quoted);
	return !out->failed;
}

/* A sample without a name is called by its URL, as PAN-OS does. */
static bool name_by_url(json_t *all)
{
	json_t *record = json_object_get(all, "record");
	json_t *url = json_object_get(json_object_get(all, "url"), "original");

	return json_object_get(record, "name") || !json_is_string(url) ||
	       json_object_set(record, "name", url) == 0;
}

bool record_panos(const json_t *sighting, const struct record_context *context, struct buf *out)
{
	json_t *all = record_derive(sighting, context);
	bool ok = all && name_by_url(all);
	struct buf value;

	buf_init(&value, RECORD_VALUE_MAX);
	for (size_t i = 0; ok && i < sizeof(columns) / sizeof(columns[0]); i++) {
		if (i)
			buf_add(out, ",", 1);
		ok = add_column(all, &columns[i], &value, out);
	}
	buf_free(&value);
	json_decref(all);
	return ok;
}
