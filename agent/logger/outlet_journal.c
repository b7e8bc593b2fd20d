// SPDX-License-Identifier: MIT
/*
 * journald by its native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL): a datagram
 * for each entry, of fields
 *
 *	NAME=text\n		where the text has no newline
 *
 * and where it is too large for one, a sealed memory file with the same content, whose
 * descriptor is the datagram.  A batch is the content of one entry.
 */
#include "logger/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_PATH "/run/systemd/journal/socket"
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

static bool open_journal(struct outlet *o)
{
	static const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = SOCKET_PATH};

	o->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (o->fd >= 0 && connect(o->fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return true;
	outlet_error(o, "the journal: %s: %s", SOCKET_PATH, strerror(errno));
	outlet_close(o);
	return false;
}

/* -1 with errno. */
static int memory_file(const uint8_t *p, size_t n)
{
	int fd = memfd_create("sluice-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (write(fd, p, n) == (ssize_t)n && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool send_file(int to, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr h = {.msg_control = control.room, .msg_controllen = sizeof(control.room)};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(to, &h, MSG_NOSIGNAL) >= 0;
}

static bool send_large(int to, const uint8_t *p, size_t n)
{
	int fd = memory_file(p, n), error;
	bool ok = fd >= 0 && send_file(to, fd);

	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return ok;
}

static enum outlet_result write_journal(struct outlet *o, const uint8_t *p, size_t n,
					size_t *done)
{
	bool ok = send(o->fd, p, n, MSG_NOSIGNAL) >= 0;

	if (!ok && (errno == EMSGSIZE || errno == ENOBUFS))
		ok = send_large(o->fd, p, n);
	if (!ok && errno == EAGAIN)
		return OUTLET_AGAIN;
	if (!ok) {
		outlet_error(o, "the journal: %s: %s", SOCKET_PATH, strerror(errno));
		return OUTLET_BROKEN;
	}
	*done = n;
	return OUTLET_OK;
}

/* What is in its socket journald has, across its own restarts: systemd holds that socket. */
const struct outlet_ops outlet_journal = {
	.open = open_journal,
	.write = write_journal,
	.close = outlet_close,
};
