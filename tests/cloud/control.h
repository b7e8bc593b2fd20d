/* SPDX-License-Identifier: MIT */
/*
 * The control endpoint: how a test looks into the cloud and makes it misbehave while it
 * runs. Plain HTTP; answers are JSON.
 *
 *	GET  /control/state			    samples, counters, rules
 *	GET  /control/requests[?from=SEQ]	    the request log from that number on
 *	POST /control/fail     rule=RULE	    add a rule of fault.h; rule=none: forget all
 *	POST /control/verdict  hash=SHA256&verdict=N  the cloud knows it from now on
 *	POST /control/set      pending=.. quota=.. max-size=..
 *	POST /control/reset			    forget samples, rules, requests, quota used;
 *						    settings and files on disk stay
 *
 * Nothing here is locked: the caller holds the state lock of http.c.
 */
#ifndef TESTCLOUD_CONTROL_H
#define TESTCLOUD_CONTROL_H

#include "answer.h"
#include "form.h"

void control_answer(const char *method, const char *path, const struct form *form,
		    const struct form *query, struct answer *a);

/*
 * Set one of pending, quota, max-size; also used for the command line. Returns NULL or what
 * is wrong.
 */
const char *control_set(const char *name, const char *value);

/* Read "HASH" and a verdict. Returns NULL or what is wrong. */
const char *control_verdict(struct slice hash, const char *verdict);

#endif
