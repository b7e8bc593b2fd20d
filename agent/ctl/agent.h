/* SPDX-License-Identifier: MIT */
/*
 * Asking the running agent, over RUN_DIR/control.sock (supervisor/control.h).
 */
#ifndef SLUICE_CTL_AGENT_H
#define SLUICE_CTL_AGENT_H

#include <jansson.h>
#include <stdbool.h>

/*
 * Sends a request (the reference is taken) and calls line (NULL: nobody) for each object of
 * the answer but the last, {"ok": true}; the object is the caller's again after that.  False
 * after an error message: no agent, not allowed, or what the agent said against it.
 */
bool agent_call(const char *run_dir, json_t *request, void (*line)(void *arg, json_t *object),
		void *arg);

#endif
