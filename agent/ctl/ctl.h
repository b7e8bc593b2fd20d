/* SPDX-License-Identifier: MIT */
/*
 * sluicectl: a table of subcommands over the module's netlink family.
 */
#ifndef SLUICE_CTL_CTL_H
#define SLUICE_CTL_CTL_H

#include "ctl/options.h"
#include "ctl/table.h"
#include "lib/kernel.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit statuses. */
enum { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

#define CTL_RUN_DIR "/run/sluice"

struct ctl {
	struct kernel kernel; /* connected, unless the command says `offline` */
	bool json;
	const char *run_dir; /* the agent's stats.json and control.sock are there */
};

struct ctl_command {
	const char *name;
	const char *arguments;
	const char *help;
	int (*run)(struct ctl *ctl, int argc, char **argv);
	bool offline;	  /* needs no kernel */
	const char *more; /* a paragraph for `help NAME` */
	const struct ctl_option *options;
	const char *words; /* what may follow it, for the completion, separated by spaces */
};

int ctl_status(struct ctl *ctl, int argc, char **argv);
int ctl_share(struct ctl *ctl, int argc, char **argv);
int ctl_settings(struct ctl *ctl, int argc, char **argv);
int ctl_sessions(struct ctl *ctl, int argc, char **argv);
int ctl_stats(struct ctl *ctl, int argc, char **argv);
int ctl_monitor(struct ctl *ctl, int argc, char **argv);
int ctl_sightings(struct ctl *ctl, int argc, char **argv);
int ctl_show(struct ctl *ctl, int argc, char **argv);
int ctl_vsys(struct ctl *ctl, int argc, char **argv);
int ctl_user(struct ctl *ctl, int argc, char **argv);
int ctl_rules(struct ctl *ctl, int argc, char **argv);
int ctl_ledger(struct ctl *ctl, int argc, char **argv);
int ctl_types(struct ctl *ctl, int argc, char **argv);
int ctl_regions(struct ctl *ctl, int argc, char **argv);
int ctl_policy(struct ctl *ctl, int argc, char **argv);
int ctl_resolve(struct ctl *ctl, int argc, char **argv);

#define CTL_POLICY_WORDS "show preview explain presets diff import export keygen"

extern const struct ctl_option ctl_monitor_options[], ctl_sightings_options[],
	ctl_show_options[], ctl_rules_options[], ctl_types_options[], ctl_user_options[],
	ctl_stats_options[], ctl_policy_options[], ctl_resolve_options[], ctl_ledger_options[];

/* "sluicectl: error: ..." on standard error. */
void ctl_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ctl_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The kernel's answer in ctl->kernel.error as an error; returns CTL_FAILED. */
int ctl_kernel_error(const struct ctl *ctl);
/* Prints and drops the value; returns CTL_OK, or CTL_FAILED when it is NULL. */
int ctl_print_json(json_t *value);
/* Prints one compact line at once, for streams of events. */
void ctl_print_json_line(json_t *value);

/* Sessions as text and JSON, shared by sessions and monitor. */
json_t *ctl_session_json(struct nlattr **attr);
/* "192.0.2.1:80" or "[2001:db8::1]:80"; text has CTL_ENDPOINT_MAX bytes. */
#define CTL_ENDPOINT_MAX 64
const char *ctl_endpoint(uint8_t family, const uint8_t ip[16], uint16_t be_port, char *text);
const struct sluice_record_session *ctl_session_record(struct nlattr **attr);
const struct sluice_record_end *ctl_session_end(struct nlattr **attr);
const char *ctl_end_reason(uint32_t reason);
const char *ctl_protocol(uint8_t protocol);

/* Settings as text, shared by settings, status and monitor. */
#define CTL_SETTING_MAX 2048
/* The value of attribute `which` of an answer; lists with commas, empty ones "none". */
const char *ctl_setting_text(struct nlattr **attr, unsigned int which,
			     char text[static CTL_SETTING_MAX]);
json_t *ctl_settings_json(struct nlattr **attr);
json_t *ctl_share_json(uint32_t mask, uint32_t generation);

#endif
