// SPDX-License-Identifier: MIT
#include "supervisor/launcher.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FDS_MAX 2

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

/* A request: which process, and its descriptors (one or two). */
static bool send_request(int to, uint32_t which, const int *fds, size_t count)
{
	union control control = {0};
	struct iovec part = {&which, sizeof(which)};
	struct msghdr h = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	ssize_t n;

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	do {
		n = sendmsg(to, &h, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(which);
}

/* False at the end; fds that did not come are -1. */
static bool receive_request(int from, uint32_t *which, int fds[static FDS_MAX])
{
	union control control = {0};
	struct iovec part = {which, sizeof(*which)};
	struct msghdr h = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *c;
	ssize_t n;

	do {
		n = recvmsg(from, &h, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	fds[0] = fds[1] = -1;
	c = n == (ssize_t)sizeof(*which) ? CMSG_FIRSTHDR(&h) : NULL;
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(sizeof(int)))
		return false;
	memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	return true;
}

/* The launcher's whole life. */
static int serve(int fd, launcher_run *run, void *arg)
{
	int fds[FDS_MAX];
	uint32_t which;
	int32_t pid;

	signal(SIGTERM, SIG_IGN); /* it ends with the supervisor */
	while (receive_request(fd, &which, fds)) {
		/* Like fork(), but a child of our parent: there its end is waited for. */
		pid = (int32_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL,
				       NULL);
		if (pid == 0) {
			child_isolate(fds[0], fds[1]);
			exit(run(arg, which, fds[0], fds[1]));
		}
		if (pid < 0)
			pid = -errno;
		for (size_t i = 0; i < FDS_MAX; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		if (send(fd, &pid, sizeof(pid), MSG_NOSIGNAL) != (ssize_t)sizeof(pid))
			break;
	}
	return 0;
}

bool launcher_start(struct launcher *l, launcher_run *run, void *arg)
{
	int pair[2], saved;

	if (!msg_pair(pair))
		return false;
	l->pid = fork();
	if (l->pid == 0) {
		child_isolate(pair[1], -1);
		exit(serve(pair[1], run, arg));
	}
	saved = errno;
	close(pair[1]);
	if (l->pid < 0)
		close(pair[0]);
	else
		l->fd = pair[0];
	errno = saved;
	return l->pid > 0;
}

bool launcher_launch(struct launcher *l, struct child *c, uint32_t which, int extra)
{
	int pair[2], fds[FDS_MAX], error = 0;
	int32_t pid = 0;

	if (!msg_pair(pair))
		return false;
	fds[0] = pair[1];
	fds[1] = extra;
	if (!send_request(l->fd, which, fds, extra < 0 ? 1 : 2) ||
	    recv(l->fd, &pid, sizeof(pid), 0) != (ssize_t)sizeof(pid))
		error = EPIPE;
	else if (pid < 0)
		error = -pid;
	close(pair[1]);
	if (error) {
		close(pair[0]);
		errno = error;
		return false;
	}
	child_started(c, pid, pair[0]);
	return true;
}

void launcher_stop(struct launcher *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	if (l->pid > 0)
		while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
			;
	l->pid = 0;
}
