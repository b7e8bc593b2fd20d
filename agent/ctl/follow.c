// SPDX-License-Identifier: MIT
#include "ctl/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define WITHOUT_NOTIFY_MS 250
#define WITH_NOTIFY_MS 2000 /* what no notice comes for: file systems of other hosts */

bool follow_open(struct follow *f, const char *path, const char *dir, int fd, uint64_t begin)
{
	memset(f, 0, sizeof(*f));
	f->path = path;
	f->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (f->notify >= 0 &&
	    inotify_add_watch(f->notify, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
		close(f->notify);
		f->notify = -1;
	}
	return lines_from(&f->lines, fd, begin);
}

void follow_close(struct follow *f)
{
	if (f->lines.fd >= 0)
		close(f->lines.fd);
	lines_free(&f->lines);
	if (f->notify >= 0)
		close(f->notify);
}

static bool restart(struct follow *f, int fd)
{
	f->too_long += f->lines.too_long;
	lines_free(&f->lines);
	return lines_from(&f->lines, fd, 0);
}

/* Who copied the log and emptied it left the file and took its lines. */
static bool emptied(const struct follow *f)
{
	struct stat st;

	return f->lines.fd >= 0 && fstat(f->lines.fd, &st) == 0 &&
	       (uint64_t)st.st_size < f->lines.at;
}

/*
 * The file that has the name now, if it is another one and has begun to be written: until then
 * the old one, under whatever name, may still be written to, afterwards no more.
 */
static int successor(const struct follow *f)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat now, old = {0};

	if (fd < 0)
		return -1;
	if (f->lines.fd >= 0)
		fstat(f->lines.fd, &old);
	if (fstat(fd, &now) == 0 && S_ISREG(now.st_mode) && now.st_size > 0 &&
	    (f->lines.fd < 0 || now.st_ino != old.st_ino || now.st_dev != old.st_dev))
		return fd;
	close(fd);
	return -1;
}

const char *follow_next(struct follow *f, size_t *n)
{
	const char *line;
	int fd;

	for (;;) {
		if (emptied(f) && !restart(f, f->lines.fd))
			return NULL;
		/* Asked before the rest of the old one is read, so that nothing is missed. */
		fd = successor(f);
		line = f->lines.fd >= 0 ? lines_on(&f->lines, n) : NULL;
		if (line || fd < 0) {
			if (fd >= 0)
				close(fd);
			return line;
		}
		if (f->lines.fd >= 0)
			close(f->lines.fd);
		if (!restart(f, fd))
			return NULL;
	}
}

bool follow_wait(struct follow *f)
{
	struct pollfd fds[] = {{.fd = STDOUT_FILENO}, {.fd = f->notify, .events = POLLIN}};
	char events[4096];

	poll(fds, 2, f->notify < 0 ? WITHOUT_NOTIFY_MS : WITH_NOTIFY_MS);
	if (fds[0].revents & (POLLERR | POLLNVAL))
		return false;
	while (f->notify >= 0 && read(f->notify, events, sizeof(events)) > 0)
		;
	return true;
}
