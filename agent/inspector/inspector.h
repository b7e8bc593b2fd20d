/* SPDX-License-Identifier: MIT */
/*
 * The inspector process: a source of packets in, sightings out.
 *
 * It parses hostile bytes, so it has no network, no key, no file but the spool
 * and its source.
 */
#ifndef SLUICE_INSPECTOR_INSPECTOR_H
#define SLUICE_INSPECTOR_INSPECTOR_H

#include "policy/application.h"
#include "sample/file.h"

#include <stdbool.h>

struct inspector_config {
	int supervisor;	     /* our end of the socket pair */
	const char *capture; /* capture file, "-": standard input; NULL: the ring */
	int ring_fd;	     /* when capture is NULL */
	uint32_t ring_index;
	struct spool_options spool;
	struct file_limits files;
	const struct file_types *types; /* NULL: the built-in table */
	bool judged; /* the supervisor sends rules; without, all of a capture is kept */
	const struct application_table *applications; /* NULL: none are refined */
	bool log_sessions; /* tell the supervisor those of TLS and QUIC */
	bool sandbox;
};

/*
 * Runs until the capture file ends, the supervisor closes its end or SIGTERM comes.
 * Returns the exit status of the process: 0, or 1 after a MSG_FINISHED with
 * status 1 and a text (capture unreadable).
 */
int inspector_run(const struct inspector_config *c);

#endif
