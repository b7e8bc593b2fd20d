/* SPDX-License-Identifier: MIT */
/*
 * Telling systemd how we are: one datagram, as sd_notify(3) describes it.
 */
#ifndef SLUICE_LIB_NOTIFY_H
#define SLUICE_LIB_NOTIFY_H

/*
 * Sends e.g. "READY=1" to $NOTIFY_SOCKET.  Does nothing where there is none; a
 * service manager that does not listen is no reason to stop.
 */
void notify(const char *state);

#endif
