/* SPDX-License-Identifier: MIT */
/*
 * The forwarder process: submissions in, requests to clouds out.
 *
 * It has the network, and so nothing else: no capability but the one for its
 * socket mark, the spool read-only, and of a sighting only what may leave, at the moment it
 * leaves.
 */
#ifndef SLUICE_FORWARDER_FORWARDER_H
#define SLUICE_FORWARDER_FORWARDER_H

#include "cloud/cloud.h"
#include "forwarder/verdict.h"

#include <stdbool.h>

struct forwarder_config {
	int supervisor;		/* our end of the socket pair */
	const char *queue_path; /* its own database */
	const char *spool_dir;
	struct cloud_config *cloud; /* keys and tokens of theirs may change */
	size_t clouds;
	uint32_t retry_min, retry_max; /* seconds */
	struct verdict_times verdict;
	uint32_t socket_mark; /* SO_MARK of every connection; 0: none */
	bool sandbox;
};

/* Runs until the supervisor closes its end or SIGTERM comes; returns the exit status. */
int forwarder_run(const struct forwarder_config *c);

#endif
