// SPDX-License-Identifier: MIT
#include "ctl/ctl.h"

#include "policy/policy.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct status {
	uint32_t mask, generation;
	uint32_t sessions, rings, count;
	uint64_t records, delivered, lost, missed;
	json_t *settings;
	char hooks[CTL_SETTING_MAX], udp_ports[CTL_SETTING_MAX], udp_prefixes[CTL_SETTING_MAX];
	char version[32];
	json_t *agent; /* stats.json, or NULL */
	bool agent_alive;
};

static uint64_t sum(struct nlattr **attr, const unsigned int *which, size_t n)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (attr[which[i]])
			total += nla_get_u64(attr[which[i]]);
	return total;
}

static void stats(void *arg, uint8_t cmd, struct nlattr **attr)
{
	static const unsigned int lost[] = {SLUICE_A_STATS_LOST_RING_FULL,
					    SLUICE_A_STATS_LOST_TOO_BIG,
					    SLUICE_A_STATS_LOST_UNREADABLE};
	static const unsigned int missed[] = {
		SLUICE_A_STATS_MISSED_INVALID, SLUICE_A_STATS_MISSED_MALFORMED,
		SLUICE_A_STATS_MISSED_TABLE_FULL, SLUICE_A_STATS_MISSED_NO_MEMORY,
		SLUICE_A_STATS_MISSED_NO_RING};
	static const unsigned int records = SLUICE_A_STATS_RECORDS;
	static const unsigned int delivered = SLUICE_A_STATS_RECORDS_DELIVERED;
	struct status *s = arg;

	(void)cmd;
	s->lost = sum(attr, lost, sizeof(lost) / sizeof(lost[0]));
	s->missed = sum(attr, missed, sizeof(missed) / sizeof(missed[0]));
	s->records = sum(attr, &records, 1);
	s->delivered = sum(attr, &delivered, 1);
	if (attr[SLUICE_A_STATS_SESSIONS_NOW])
		s->sessions = nla_get_u32(attr[SLUICE_A_STATS_SESSIONS_NOW]);
	if (attr[SLUICE_A_STATS_RINGS_OPEN])
		s->rings = nla_get_u32(attr[SLUICE_A_STATS_RINGS_OPEN]);
	if (attr[SLUICE_A_STATS_RINGS_COUNT])
		s->count = nla_get_u32(attr[SLUICE_A_STATS_RINGS_COUNT]);
}

static void settings(void *arg, uint8_t cmd, struct nlattr **attr)
{
	struct status *s = arg;

	(void)cmd;
	s->settings = ctl_settings_json(attr);
	ctl_setting_text(attr, SLUICE_A_SETTINGS_HOOKS, s->hooks);
	ctl_setting_text(attr, SLUICE_A_SETTINGS_UDP_PORTS, s->udp_ports);
	ctl_setting_text(attr, SLUICE_A_SETTINGS_UDP_PREFIXES, s->udp_prefixes);
}

static void module_version(struct status *s)
{
	FILE *f = fopen("/sys/module/sluice/version", "re");

	if (!f || !fgets(s->version, sizeof(s->version), f))
		snprintf(s->version, sizeof(s->version), "unknown version");
	s->version[strcspn(s->version, "\n")] = 0;
	if (f)
		fclose(f);
}

/* Whether a process of the agent still lives; its supervisor comes first. */
static void agent(const struct ctl *ctl, struct status *s)
{
	char path[4096];
	json_int_t pid;

	snprintf(path, sizeof(path), "%s/stats.json", ctl->run_dir);
	s->agent = json_load_file(path, 0, NULL);
	pid = json_integer_value(json_object_get(
		json_array_get(json_object_get(s->agent, "processes"), 0), "pid"));
	s->agent_alive = pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

static long long agent_counter(const struct status *s, const char *name)
{
	return json_integer_value(json_object_get(json_object_get(s->agent, "counters"), name));
}

static void print_agent(const struct status *s)
{
	long long whole_unwanted = agent_counter(s, "sightings_unmatched");
	long long whole_oversize = agent_counter(s, "sightings_oversize");

	printf("agent     running: %lld files complete, %lld sightings, %lld submitted, "
	       "%lld known, %lld failed\n",
	       agent_counter(s, "files_complete"), agent_counter(s, "sightings"),
	       agent_counter(s, "submitted"), agent_counter(s, "known"),
	       agent_counter(s, "failed"));
	printf("rules     %lld files that none wants, %lld of these too large for their type\n",
	       agent_counter(s, "files_truncated_unwanted") + whole_unwanted + whole_oversize,
	       agent_counter(s, "files_oversize") + whole_oversize);
	printf("archives  %lld taken apart, %lld files in them\n", agent_counter(s, "archives"),
	       agent_counter(s, "archive_members"));
	printf("users     %lld logins told, %lld sightings with a known user\n",
	       agent_counter(s, "users_logins"), agent_counter(s, "users_found"));
	printf("sealed    %lld TLS and %lld QUIC sessions, not readable\n",
	       agent_counter(s, "sessions_tls"), agent_counter(s, "sessions_quic"));
}

static int print_json(struct status *s)
{
	json_t *j = json_pack(
		"{s:{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}, s:o, s:b}", "module",
		"version", s->version, "rings_open", (json_int_t)s->rings, "rings_count",
		(json_int_t)s->count, "sessions_now", (json_int_t)s->sessions, "records",
		(json_int_t)s->records, "records_delivered", (json_int_t)s->delivered,
		"records_lost", (json_int_t)s->lost, "packets_missed", (json_int_t)s->missed,
		"settings", s->settings, "share", ctl_share_json(s->mask, s->generation),
		"agent_running", s->agent_alive);

	if (j && s->agent)
		json_object_set(j, "agent", s->agent);
	json_decref(s->agent);
	return ctl_print_json(j);
}

int ctl_status(struct ctl *ctl, int argc, char **argv)
{
	struct status s = {0};
	int f, off = 0;

	if (argc) {
		ctl_error("status: \"%s\": no argument is expected", argv[0]);
		return CTL_USAGE;
	}
	if (!kernel_share_get(&ctl->kernel, &s.mask, &s.generation) ||
	    !kernel_call(&ctl->kernel,
			 kernel_request(&ctl->kernel, SLUICE_CMD_STATS_GET, false), "stats",
			 stats, &s) ||
	    !kernel_call(&ctl->kernel,
			 kernel_request(&ctl->kernel, SLUICE_CMD_SETTINGS_GET, false),
			 "settings get", settings, &s)) {
		json_decref(s.settings);
		return ctl_kernel_error(ctl);
	}
	module_version(&s);
	agent(ctl, &s);
	if (ctl->json)
		return print_json(&s);

	printf("module    sluice %s, %s\n", s.version,
	       s.rings ? "capturing" : "idle: no ring is open, so nothing is captured");
	printf("hooks     %s\n", s.hooks);
	printf("udp       ports %s, prefixes %s\n", s.udp_ports, s.udp_prefixes);
	printf("rings     %u open of %u\n", s.rings, s.count);
	printf("sessions  %u now\n", s.sessions);
	printf("records   %llu, %llu lost; %llu packets not captured\n",
	       (unsigned long long)s.records, (unsigned long long)s.lost,
	       (unsigned long long)s.missed);
	printf("share     ");
	for (f = 0; f < SLUICE_FIELD_COUNT; f++)
		if (!(s.mask & SLUICE_FIELD_BIT(f)))
			printf("%s%s", off++ ? ", " : "all but ", policy_field_name(f));
	puts(off ? "" : "all twelve fields");
	if (!s.agent_alive)
		printf("agent     not running (no live process in %s/stats.json)\n",
		       ctl->run_dir);
	else
		print_agent(&s);
	json_decref(s.settings);
	json_decref(s.agent);
	return CTL_OK;
}
