/* SPDX-License-Identifier: MIT */
/*
 * A listening socket by name, for who is on this machine.
 */
#ifndef SLUICE_SUPERVISOR_LOCAL_SOCKET_H
#define SLUICE_SUPERVISOR_LOCAL_SOCKET_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

/*
 * Listens on the address, a stream that never blocks. Its mode is that one, at no moment a
 * wider one. A name that a dead agent left is taken; one that somebody listens on, or that is
 * no socket, is not. -1 after logging why. Its owner removes the name when done.
 */
int local_socket_listen(const struct sockaddr_un *address, mode_t mode, int backlog);

/*
 * Accepts one who waits, at `now`, in ms; -1: nobody, or not now. poll() would say again and
 * again that somebody waits for whom there is no descriptor: then *again is when to poll and
 * to ask once more.
 */
int local_socket_accept(int fd, uint64_t now, uint64_t *again);

#endif
