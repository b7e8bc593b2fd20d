// SPDX-License-Identifier: MIT
#include "ctl/ctl.h"

#include "lib/inet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const end_reasons[] = {
	[SLUICE_END_FIN] = "fin",	  [SLUICE_END_RST] = "rst",
	[SLUICE_END_TIMEOUT] = "timeout", [SLUICE_END_EVICTED] = "evicted",
	[SLUICE_END_REUSED] = "reused",	  [SLUICE_END_SHUNT] = "shunt",
	[SLUICE_END_CLOSED] = "closed",
};

const char *ctl_end_reason(uint32_t reason)
{
	if (reason == 0)
		return "open";
	if (reason >= sizeof(end_reasons) / sizeof(end_reasons[0]) || !end_reasons[reason])
		return "unknown";
	return end_reasons[reason];
}

const struct sluice_record_session *ctl_session_record(struct nlattr **attr)
{
	struct nlattr *a = attr[SLUICE_A_SESSION_RECORD];

	return a && nla_len(a) >= (int)sizeof(struct sluice_record_session) ? nla_data(a)
									    : NULL;
}

const struct sluice_record_end *ctl_session_end(struct nlattr **attr)
{
	struct nlattr *a = attr[SLUICE_A_SESSION_END_RECORD];

	return a && nla_len(a) >= (int)sizeof(struct sluice_record_end) ? nla_data(a) : NULL;
}

const char *ctl_endpoint(uint8_t family, const uint8_t ip[16], uint16_t be_port, char *text)
{
	struct endpoint e = {.family = family};
	char address[INET_TEXT_MAX];

	memcpy(e.ip, ip, sizeof(e.ip));
	snprintf(text, CTL_ENDPOINT_MAX, family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		 inet_text(&e, address), ntohs(be_port));
	return text;
}

static json_t *side_json(uint8_t family, const uint8_t ip[16], uint16_t be_port)
{
	struct endpoint e = {.family = family};
	char address[INET_TEXT_MAX];

	memcpy(e.ip, ip, sizeof(e.ip));
	return json_pack("{s:s, s:i}", "ip", inet_text(&e, address), "port", ntohs(be_port));
}

/* Whether an end appears to the other under another address or port. */
static bool translated(const struct sluice_record_session *r, bool opener)
{
	const struct sluice_tuple *real = opener ? &r->original : &r->reply;
	const struct sluice_tuple *seen = opener ? &r->reply : &r->original;

	return memcmp(real->src_ip, seen->dst_ip, sizeof(real->src_ip)) ||
	       real->src_port != seen->dst_port;
}

static json_t *end_json(const struct sluice_record_session *r, bool opener)
{
	const struct sluice_tuple *real = opener ? &r->original : &r->reply;
	const struct sluice_tuple *seen = opener ? &r->reply : &r->original;
	json_t *j = side_json(r->family, real->src_ip, real->src_port);

	if (translated(r, opener))
		json_object_set_new(j, "nat",
				    side_json(r->family, seen->dst_ip, seen->dst_port));
	return j;
}

static json_t *count_json(const struct sluice_direction_count *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "packets", (json_int_t)c->packets,
			 "bytes", (json_int_t)c->bytes, "skipped_bytes",
			 (json_int_t)c->skipped_bytes, "lost_records",
			 (json_int_t)c->lost_records, "lost_bytes", (json_int_t)c->lost_bytes);
}

const char *ctl_protocol(uint8_t protocol)
{
	return protocol == IPPROTO_UDP ? "udp" : "tcp";
}

json_t *ctl_session_json(struct nlattr **attr)
{
	const struct sluice_record_session *r = ctl_session_record(attr);
	const struct sluice_record_end *end = ctl_session_end(attr);
	json_t *j = json_object();

	if (attr[SLUICE_A_SESSION_ID])
		json_object_set_new(
			j, "session",
			json_integer((json_int_t)nla_get_u64(attr[SLUICE_A_SESSION_ID])));
	if (r) {
		json_object_set_new(j, "protocol", json_string(ctl_protocol(r->protocol)));
		json_object_set_new(j, "client", end_json(r, true));
		json_object_set_new(j, "server", end_json(r, false));
		json_object_set_new(j, "start_ns", json_integer((json_int_t)r->time));
		json_object_set_new(j, "netns", json_integer((json_int_t)r->netns));
		json_object_set_new(j, "zone", json_integer(r->zone));
		json_object_set_new(j, "ct_id", json_integer(r->ct_id));
		json_object_set_new(j, "ct_mark", json_integer(r->ct_mark));
		json_object_set_new(j, "in", json_stringn(r->in_name, strnlen(r->in_name, 16)));
		json_object_set_new(j, "out",
				    json_stringn(r->out_name, strnlen(r->out_name, 16)));
		json_object_set_new(j, "midstream",
				    json_boolean(r->hdr.flags & SLUICE_SESSION_MIDSTREAM));
		json_object_set_new(j, "share_mask", json_integer(r->share_mask));
		if (r->uid != SLUICE_UID_NONE)
			json_object_set_new(j, "uid", json_integer(r->uid));
	}
	if (end) {
		json_object_set_new(j, "state", json_string(ctl_end_reason(end->reason)));
		json_object_set_new(j, "from_client",
				    count_json(&end->count[SLUICE_DIR_OPENER]));
		json_object_set_new(j, "from_server",
				    count_json(&end->count[SLUICE_DIR_ANSWERER]));
	}
	if (attr[SLUICE_A_SESSION_IDLE_MSEC])
		json_object_set_new(j, "idle_ms",
				    json_integer((json_int_t)nla_get_u64(
					    attr[SLUICE_A_SESSION_IDLE_MSEC])));
	if (attr[SLUICE_A_SESSION_RING])
		json_object_set_new(j, "ring",
				    json_integer(nla_get_u32(attr[SLUICE_A_SESSION_RING])));
	json_object_set_new(j, "shunted", json_boolean(attr[SLUICE_A_SESSION_SHUNTED] != NULL));
	return j;
}

struct listing {
	json_t *array;
	struct ctl_table *table;
};

static void each(void *arg, uint8_t cmd, struct nlattr **attr)
{
	const struct sluice_record_session *r = ctl_session_record(attr);
	const struct sluice_record_end *end = ctl_session_end(attr);
	char client[CTL_ENDPOINT_MAX], server[CTL_ENDPOINT_MAX], nat[CTL_ENDPOINT_MAX];
	struct listing *l = arg;

	(void)cmd;
	if (l->array) {
		json_array_append_new(l->array, ctl_session_json(attr));
		return;
	}
	if (!r || !end)
		return;
	ctl_table_cell(l->table, "%llu", (unsigned long long)r->session);
	ctl_table_cell(l->table, "%s", ctl_protocol(r->protocol));
	ctl_table_cell(
		l->table, "%s",
		ctl_endpoint(r->family, r->original.src_ip, r->original.src_port, client));
	ctl_table_cell(l->table, "%s",
		       ctl_endpoint(r->family, r->reply.src_ip, r->reply.src_port, server));
	ctl_table_cell(l->table, "%llu",
		       (unsigned long long)end->count[SLUICE_DIR_OPENER].bytes);
	ctl_table_cell(l->table, "%llu",
		       (unsigned long long)end->count[SLUICE_DIR_ANSWERER].bytes);
	ctl_table_cell(l->table, "%.1f",
		       attr[SLUICE_A_SESSION_IDLE_MSEC]
			       ? (double)nla_get_u64(attr[SLUICE_A_SESSION_IDLE_MSEC]) / 1000
			       : 0.0);
	ctl_table_cell(l->table, "%s",
		       attr[SLUICE_A_SESSION_SHUNTED] ? "shunt" : ctl_end_reason(end->reason));
	ctl_table_cell(l->table, "%.16s > %.16s", r->in_name[0] ? r->in_name : "-",
		       r->out_name[0] ? r->out_name : "-");
	ctl_table_cell(l->table, "%s",
		       translated(r, true)    ? ctl_endpoint(r->family, r->reply.dst_ip,
							     r->reply.dst_port, nat)
		       : translated(r, false) ? ctl_endpoint(r->family, r->original.dst_ip,
							     r->original.dst_port, nat)
					      : "-");
}

int ctl_sessions(struct ctl *ctl, int argc, char **argv)
{
	static const char *const titles[] = {"SESSION",	   "PROTOCOL",	"CLIENT",  "SERVER",
					     ">SENT",	   ">RECEIVED", ">IDLE s", "STATE",
					     "INTERFACES", "SEEN AS"};
	/* A number is whole or is not there. */
	static const struct ctl_column columns[] = {
		{0},
		{.rank = 5, .least = 8},
		{.rank = 1, .least = 15, .stays = true, .cut = DISPLAY_CUT_MIDDLE},
		{.rank = 1, .least = 15, .stays = true, .cut = DISPLAY_CUT_MIDDLE},
		{.rank = 4, .least = 20},
		{.rank = 4, .least = 20},
		{.rank = 6, .least = 20},
		{.rank = 3, .least = 6},
		{.rank = 7, .least = 12},
		{.rank = 8, .least = 15, .optional = true}};
	struct listing l = {0};
	struct nl_msg *msg;
	uint64_t id = 0;
	char *end;

	if (argc > 1) {
		ctl_error("sessions: one ID at most is expected");
		return CTL_USAGE;
	}
	if (argc) {
		errno = 0;
		id = strtoull(argv[0], &end, 10);
		if (errno || *end || end == argv[0] || argv[0][0] == '-' || !id) {
			ctl_error("sessions: \"%s\" is no session; expected the number in the "
				  "first "
				  "column of \"sluicectl sessions\"",
				  argv[0]);
			return CTL_USAGE;
		}
	}
	if (ctl->json)
		l.array = json_array();
	else
		l.table = ctl_table_new(titles, sizeof(titles) / sizeof(titles[0]));
	if (l.table)
		ctl_table_columns(l.table, columns);
	msg = kernel_request(&ctl->kernel, SLUICE_CMD_SESSION_GET, !argc);
	if (msg && argc)
		nla_put_u64(msg, SLUICE_A_SESSION_ID, id);
	if (!kernel_call(&ctl->kernel, msg, "sessions", each, &l)) {
		json_decref(l.array);
		return ctl_kernel_error(ctl);
	}
	if (ctl->json)
		return ctl_print_json(l.array);
	ctl_table_print(l.table);
	return CTL_OK;
}
