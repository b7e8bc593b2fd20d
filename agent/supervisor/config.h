/* SPDX-License-Identifier: MIT */
/*
 * /etc/sluice/sluice.conf.
 *
 * Every error names file and line, what stands there and what was expected.
 */
#ifndef SLUICE_SUPERVISOR_CONFIG_H
#define SLUICE_SUPERVISOR_CONFIG_H

#include "forwarder/verdict.h"
#include "cloud/cloud.h"
#include "cloud/region.h"
#include "lib/list.h"
#include "policy/application.h"
#include "policy/narrow.h"
#include "policy/network.h"
#include "policy/policy.h"
#include "policy/policy_key.h"
#include "policy/rule.h"
#include "policy/vsys.h"
#include "record/sink.h"
#include "sample/file.h"
#include "sample/spool.h"
#include "sample/type.h"
#include "supervisor/users.h"

#include <stdbool.h>

#define CONFIG_PATH "/etc/sluice/sluice.conf" /* read without being named */
#define CONFIG_RULES_MAX RULES_MAX
#define CONFIG_NETNS_MAX 16
/* Policies: those of clouds, by their place, then those of logs. */
#define CONFIG_SHARES_MAX (CLOUD_MAX + SINK_MAX)
#define CONFIG_SINK_SHARE(sink) (CLOUD_MAX + (sink))

#define CONFIG_REGIONS_MAX 32
#define CONFIG_REGIONS_TEXT (CONFIG_REGIONS_MAX * (REGION_NAME_MAX + 2))

struct config {
	bool built_in; /* no file was read */

	/* [capture] */
	uint32_t rings;
	uint32_t ring_size;	     /* bytes; 0: the kernel's setting */
	uint32_t hooks;		     /* SLUICE_HOOK_*; 0: leave as they are */
	struct list udp[LIST_KINDS]; /* not given: leave as they are */
	char *virtual_system;	     /* of what no [vsys NAME] fits */
	char netns[CONFIG_NETNS_MAX][VSYS_PATH_MAX];
	size_t netns_count; /* 0: the namespace we run in */
	struct file_limits files;
	bool log_sessions; /* those of TLS and QUIC, by name */

	/* [agent] */
	char *state_dir; /* databases, spool, local log */
	char *run_dir;	 /* stats.json */
	char *metrics;	 /* where they are served; NULL: nowhere */
	char region[CONFIG_REGIONS_MAX][REGION_NAME_MAX]; /* where clouds may be */
	size_t regions;					  /* 0: anywhere */
	uint64_t spool_bytes, spool_files;
	uint32_t retry_min, retry_max; /* seconds between attempts */
	struct verdict_times verdict;
	struct application_table *applications; /* names by host: built in, or a file's */
	char *file_types_path;			/* NULL: the table that is built in */
	struct file_types *file_types;

	struct users_config users; /* [users] */

	/* [cloud NAME] and [share NAME], same index; those of logs: CONFIG_SINK_SHARE() */
	struct cloud_config cloud[CLOUD_MAX];
	struct policy share[CONFIG_SHARES_MAX];
	bool has_share[CONFIG_SHARES_MAX]; /* without one a cloud receives nothing */
	/* Keys of pseudonyms and of encryption; those that were read: supervisor/policy_files.h
	 */
	char *policy_key_file[CONFIG_SHARES_MAX];      /* NULL: none */
	uint64_t policy_key_period[CONFIG_SHARES_MAX]; /* seconds; 0: a key is never too old */
	uint64_t
		policy_key_retry[CONFIG_SHARES_MAX]; /* ns since the epoch: no new key before */
	struct policy_keys *policy_keys[CONFIG_SHARES_MAX];
	size_t clouds;
	uint64_t credentials; /* by cloud: key or token is to be told to the forwarder */

	struct sink_config sink[SINK_MAX]; /* [log NAME] */
	size_t sinks;
	/* A file that was read since does not have it: nothing more goes there. */
	bool sink_held[SINK_MAX];

	struct narrow narrow[NARROWS_MAX]; /* [narrow NAME] */
	size_t narrows;
	struct networks *networks; /* [network NAME]; NULL: none */

	/* [vsys NAME] and [zone NAME], with what their names stand for now */
	struct vsys_table vsys;

	/* [limits], over those of the table */
	struct rule_types types;

	/* [rule NAME] */
	struct rule rule[CONFIG_RULES_MAX];
	size_t rules;
};

/*
 * Nothing configured: one cloud "local" of kind directory, shared everything,
 * wanted by a rule that matches all, and no limit of any type.
 */
bool config_default(struct config *c);
/* Reads a file over the defaults of each key.  False after logging every error found. */
bool config_read(struct config *c, const char *path);
/*
 * To show what would be sent, by somebody who need not be able to send it: that the file of an
 * API key or of certificates cannot be read is said, and is no failure; the key is then "".
 */
bool config_read_shown(struct config *c, const char *path);
void config_free(struct config *c);

/* Whose policy that is: the name of a cloud or a log. */
const char *config_share_name(const struct config *c, size_t share);

/* Its rules, for policy/rule.h; they point into c. */
struct rule_set config_rules(const struct config *c);

#endif
