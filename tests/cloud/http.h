/* SPDX-License-Identifier: MIT */
/*
 * Requests: libmicrohttpd's callbacks, the request log's entries, and faults on the way
 * out. Holds the one lock around all state (api, store, fault, reqlog, control).
 */
#ifndef TESTCLOUD_HTTP_H
#define TESTCLOUD_HTTP_H

#include <microhttpd.h>

/* Start libmicrohttpd without a socket of its own. NULL after a message. */
struct MHD_Daemon *http_start(void);

/* Wake up answers that are slow on purpose; they fail from now on. */
void http_wake(void);

void http_stop(struct MHD_Daemon *daemon);

#endif
