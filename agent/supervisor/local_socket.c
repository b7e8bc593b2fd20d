// SPDX-License-Identifier: MIT
#include "supervisor/local_socket.h"

#include "lib/log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAUSE_MS 1000 /* without a descriptor for one more connection */

/* A name that a dead agent left is free; one that somebody listens on is not. */
static bool take_name(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;
	bool used;

	if (fd < 0) {
		log_error("socket: %s", strerror(errno));
		return false;
	}
	used = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	       errno == EAGAIN;
	close(fd);
	if (used) {
		log_error("%s is in use by another sluiced: expected a run_dir of its own",
			  address->sun_path);
		return false;
	}
	if (lstat(address->sun_path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		log_error("%s is no socket: expected that name to be free", address->sun_path);
		return false;
	}
	if (unlink(address->sun_path) < 0 && errno != ENOENT) {
		log_error("cannot remove %s: %s", address->sun_path, strerror(errno));
		return false;
	}
	return true;
}

int local_socket_listen(const struct sockaddr_un *address, mode_t mode, int backlog)
{
	int fd;

	if (!take_name(address))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode before the name, and once more: the umask may have taken some of it. */
	if (fd >= 0 && fchmod(fd, mode) == 0 &&
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
	    chmod(address->sun_path, mode) == 0 && listen(fd, backlog) == 0)
		return fd;
	log_error("cannot listen on %s: %s", address->sun_path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int local_socket_accept(int fd, uint64_t now, uint64_t *again)
{
	int client;

	if (now < *again)
		return -1;
	client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0 &&
	    (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
		*again = now + PAUSE_MS;
	return client;
}
