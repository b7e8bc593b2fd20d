// SPDX-License-Identifier: MIT
/*
 * A folder as a cloud: the default of a box without any other.
 *
 *	PATH/<sha256>				the sample
 *	PATH/<sha256>.<sighting id>.json	its envelope, one per sighting
 *
 * Both appear whole or not at all (written under a temporary name, synced,
 * renamed), the envelope first, so who waits for samples finds the envelope
 * there.  Doing it again changes nothing.
 */
#include "cloud/cloud.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes from either a descriptor (from its start) or memory. */
struct content {
	int fd; /* -1: memory */
	const char *memory;
	uint64_t size;
};

static bool write_content(int out, const struct content *c)
{
	uint64_t done = 0;

	while (done < c->size) {
		size_t want = c->size - done < (1 << 20) ? (size_t)(c->size - done) : 1 << 20;
		off_t at = (off_t)done;
		ssize_t n = c->fd >= 0 ? sendfile(out, c->fd, &at, want)
				       : write(out, c->memory + done, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO; /* the sample shrank under our hands */
		if (n <= 0)
			return false;
		done += (uint64_t)n;
	}
	return true;
}

/* Writes dir/name by way of dir/temporary; false with errno. */
static bool place(int dir, const char *temporary, const char *name, const struct content *c)
{
	int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			0640);
	int error;

	if (fd < 0)
		return false;
	if (write_content(fd, c) && !fsync(fd) && !renameat(dir, temporary, dir, name)) {
		close(fd);
		return true;
	}
	error = errno;
	close(fd);
	unlinkat(dir, temporary, 0);
	errno = error;
	return false;
}

static void store(const struct cloud_submission *s, const char *json, struct cloud_result *r)
{
	char sha256[SHA256_TEXT], id[SIGHTING_ID_TEXT];
	char name[SHA256_TEXT + SIGHTING_ID_TEXT + 8], temporary[SIGHTING_ID_TEXT + 8];
	struct content sample = {.size = s->size}, envelope = {.fd = -1, .memory = json};
	const char *path = s->cloud->path, *what = "folder";
	struct stat st;
	bool there;
	int dir;

	sample.fd = cloud_open_sample(s, r);
	if (sample.fd < 0)
		return;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		goto failed;
	sha256_text(s->sha256, sha256);
	sighting_id_text(s->id, id);
	/* Of this submission alone, so what a crash left is overwritten by the next attempt. */
	snprintf(temporary, sizeof(temporary), ".%s.tmp", id);
	if (s->cloud->session) {
		what = "envelope";
		snprintf(name, sizeof(name), "%s.%s.json", sha256, id);
		envelope.size = strlen(json);
		if (!place(dir, temporary, name, &envelope))
			goto failed;
	}
	what = "sample";
	there = !fstatat(dir, sha256, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
		(uint64_t)st.st_size == s->size;
	if (!there && !place(dir, temporary, sha256, &sample))
		goto failed;
	what = "folder";
	if (fsync(dir))
		goto failed;
	if (there)
		cloud_result_set(r, CLOUD_KNOWN, "the folder has it");
	else
		cloud_result_set(r, CLOUD_SENT, "stored");
	goto out;
failed:
	/* Full, read-only, gone: the next sample would fail the same way. */
	cloud_result_set(r, CLOUD_DOWN, "%s: cannot write the %s: %s", path, what,
			 strerror(errno));
out:
	if (dir >= 0)
		close(dir);
	close(sample.fd);
}

static void directory_begin(struct cloud_loop *loop, struct cloud_submission *s)
{
	(void)loop;
	s->want_envelope(s);
}

static void directory_envelope(struct cloud_submission *s, const char *json,
			       const char *upload_name)
{
	struct cloud_result r;

	(void)upload_name; /* here a sample is called by its hash */
	if (json)
		store(s, json, &r);
	else
		cloud_result_set(&r, CLOUD_RETRY, "no envelope");
	s->done(s, &r);
}

static void directory_cancel(struct cloud_submission *s)
{
	(void)s;
}

const struct cloud_ops cloud_directory = {
	.kind = "directory",
	.needs_path = true,
	.begin = directory_begin,
	.envelope = directory_envelope,
	.cancel = directory_cancel,
};
