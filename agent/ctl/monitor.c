// SPDX-License-Identifier: MIT
#include "ctl/ctl.h"

#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct monitor {
	struct ctl *ctl;
	uint64_t left; /* lines still wanted; UINT64_MAX: no end */
};

const struct ctl_option ctl_monitor_options[] = {
	{'n', "count", "COUNT", "end after so many lines", NULL, ctl_take_count,
	 offsetof(struct monitor, left)},
	CTL_OPTIONS_END};

static const char *now(char *text, size_t size)
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	n = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(text + n, size - n, ".%03ld", ts.tv_nsec / 1000000);
	strftime(text + n, size - n, "%z", &tm);
	return text;
}

/* The end of a session tells its number, not its addresses again. */
static void print_session(struct nlattr **attr, const char *time)
{
	const struct sluice_record_session *r = ctl_session_record(attr);
	const struct sluice_record_end *end = ctl_session_end(attr);
	char client[CTL_ENDPOINT_MAX], server[CTL_ENDPOINT_MAX];

	if (end && end->reason)
		printf("%s session %llu end", time, (unsigned long long)end->session);
	else if (r)
		printf("%s session %llu begin", time, (unsigned long long)r->session);
	else
		return;
	if (r)
		printf(" %s %s > %s", ctl_protocol(r->protocol),
		       ctl_endpoint(r->family, r->original.src_ip, r->original.src_port,
				    client),
		       ctl_endpoint(r->family, r->reply.src_ip, r->reply.src_port, server));
	if (end && end->reason)
		printf(" %s sent %llu received %llu lost %llu", ctl_end_reason(end->reason),
		       (unsigned long long)end->count[SLUICE_DIR_OPENER].bytes,
		       (unsigned long long)end->count[SLUICE_DIR_ANSWERER].bytes,
		       (unsigned long long)(end->count[SLUICE_DIR_OPENER].lost_bytes +
					    end->count[SLUICE_DIR_ANSWERER].lost_bytes));
	putchar('\n');
}

static void print_share(struct nlattr **attr, const char *time)
{
	uint32_t mask = nla_get_u32(attr[SLUICE_A_SHARE_MASK]);
	bool any = false;
	int f;

	printf("%s share off:", time);
	for (f = 0; f < SLUICE_FIELD_COUNT; f++)
		if (!(mask & SLUICE_FIELD_BIT(f))) {
			printf(" %s", policy_field_name(f));
			any = true;
		}
	puts(any ? "" : " nothing");
}

static void print_settings(struct nlattr **attr, const char *time)
{
	json_t *all = ctl_settings_json(attr);
	char *text = json_dumps(all, JSON_COMPACT | JSON_PRESERVE_ORDER);

	printf("%s settings %s\n", time, text ? text : "?");
	free(text);
	json_decref(all);
}

static void event(void *arg, uint8_t cmd, struct nlattr **attr)
{
	struct monitor *m = arg;
	const char *name;
	json_t *j = NULL;
	char time[64];

	now(time, sizeof(time));
	if (!m->left)
		return;
	switch (cmd) {
	case SLUICE_CMD_SHARE_NTF:
		name = "share";
		if (!attr[SLUICE_A_SHARE_MASK] || !attr[SLUICE_A_SHARE_GENERATION])
			return;
		if (m->ctl->json)
			j = ctl_share_json(nla_get_u32(attr[SLUICE_A_SHARE_MASK]),
					   nla_get_u32(attr[SLUICE_A_SHARE_GENERATION]));
		else
			print_share(attr, time);
		break;
	case SLUICE_CMD_SETTINGS_NTF:
		name = "settings";
		if (m->ctl->json)
			j = json_pack("{s:o}", "settings", ctl_settings_json(attr));
		else
			print_settings(attr, time);
		break;
	case SLUICE_CMD_SESSION_BEGIN_NTF:
	case SLUICE_CMD_SESSION_END_NTF:
		name = cmd == SLUICE_CMD_SESSION_BEGIN_NTF ? "session-begin" : "session-end";
		if (m->ctl->json)
			j = ctl_session_json(attr);
		else
			print_session(attr, time);
		break;
	default:
		return;
	}
	if (j) {
		json_object_set_new(j, "event", json_string(name));
		json_object_set_new(j, "time", json_string(time));
		ctl_print_json_line(j);
	}
	fflush(stdout);
	if (m->left != UINT64_MAX)
		m->left--;
}

int ctl_monitor(struct ctl *ctl, int argc, char **argv)
{
	struct monitor m = {ctl, UINT64_MAX};
	bool config = false, sessions = false;
	int i;

	argc = ctl_options("monitor", ctl_monitor_options, argc, argv, 2, &m);
	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], SLUICE_MCGRP_CONFIG)) {
			config = true;
		} else if (!strcmp(argv[i], SLUICE_MCGRP_SESSIONS)) {
			sessions = true;
		} else {
			ctl_error("monitor: \"%s\"; expected config, sessions or -n COUNT",
				  argv[i]);
			return CTL_USAGE;
		}
	}
	if (argc < 0)
		return CTL_USAGE;
	if (((config || !sessions) && !kernel_join(&ctl->kernel, SLUICE_MCGRP_CONFIG)) ||
	    ((sessions || !config) && !kernel_join(&ctl->kernel, SLUICE_MCGRP_SESSIONS)))
		return ctl_kernel_error(ctl);
	/* A burst of sessions must fit until it is printed. */
	nl_socket_set_buffer_size(ctl->kernel.sock, 1 << 20, 0);
	while (m.left)
		if (!kernel_receive(&ctl->kernel, event, &m))
			return ctl_kernel_error(ctl);
	return CTL_OK;
}
