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
#include <openssl/evp.h>
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

/* An attempt between its envelope and the leave to store it. */
struct directory {
	int sample, dir;
	char *json;	  /* NULL: no envelope is stored */
	bool with_sample; /* it was not there */
	char *path;	  /* of the sample */
	uint8_t sha256[SHA256_SIZE];
	uint64_t bytes;
};

static void directory_free(struct directory *d)
{
	if (d->sample >= 0)
		close(d->sample);
	if (d->dir >= 0)
		close(d->dir);
	free(d->json);
	free(d->path);
	free(d);
}

static void finish(struct cloud_submission *s, const struct cloud_result *r)
{
	directory_free(s->kind);
	s->kind = NULL;
	s->done(s, r);
}

static bool there(const struct directory *d, const struct cloud_submission *s)
{
	char sha256[SHA256_TEXT];
	struct stat st;

	return !fstatat(d->dir, sha256_text(s->sha256, sha256), &st, AT_SYMLINK_NOFOLLOW) &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == s->size;
}

/* Full, read-only, gone: the next sample would fail the same way. */
static void failed(const struct cloud_submission *s, const char *what, struct cloud_result *r)
{
	cloud_result_set(r, CLOUD_DOWN, "%s: cannot write the %s: %s", s->cloud->path, what,
			 strerror(errno));
}

static void store(const struct cloud_submission *s, struct cloud_result *r)
{
	char sha256[SHA256_TEXT], id[SIGHTING_ID_TEXT];
	char name[SHA256_TEXT + SIGHTING_ID_TEXT + 8], temporary[SIGHTING_ID_TEXT + 8];
	const struct directory *d = s->kind;
	struct content sample = {.fd = d->sample, .size = s->size};
	struct content envelope = {.fd = -1, .memory = d->json};

	sha256_text(s->sha256, sha256);
	sighting_id_text(s->id, id);
	/* Of this submission alone, so what a crash left is overwritten by the next attempt. */
	snprintf(temporary, sizeof(temporary), ".%s.tmp", id);
	if (d->json) {
		snprintf(name, sizeof(name), "%s.%s.json", sha256, id);
		envelope.size = strlen(d->json);
		if (!place(d->dir, temporary, name, &envelope)) {
			failed(s, "envelope", r);
			return;
		}
	}
	if (d->with_sample && !place(d->dir, temporary, sha256, &sample))
		failed(s, "sample", r);
	else if (fsync(d->dir))
		failed(s, "folder", r);
	else if (d->with_sample)
		cloud_result_set(r, CLOUD_SENT, "stored");
	else
		cloud_result_set(r, CLOUD_KNOWN, "the folder has it");
}

/* What will be written, in the order it is: the envelope, then the sample. */
static bool hash(struct directory *d, uint64_t size)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t chunk[65536];
	bool ok = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL);
	uint64_t at = 0;

	if (ok && d->json) {
		d->bytes = strlen(d->json);
		ok = EVP_DigestUpdate(c, d->json, (size_t)d->bytes);
	}
	while (ok && d->with_sample && at < size) {
		size_t want = size - at < sizeof(chunk) ? (size_t)(size - at) : sizeof(chunk);
		ssize_t n = pread(d->sample, chunk, want, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		ok = n > 0 && EVP_DigestUpdate(c, chunk, (size_t)n);
		at += ok ? (uint64_t)n : 0;
	}
	d->bytes += at;
	ok = ok && EVP_DigestFinal_ex(c, d->sha256, NULL);
	EVP_MD_CTX_free(c);
	return ok;
}

static void directory_begin(struct cloud_loop *loop, struct cloud_submission *s)
{
	struct directory *d = calloc(1, sizeof(*d));
	struct cloud_result r;

	(void)loop;
	if (!d) {
		cloud_result_set(&r, CLOUD_RETRY, "out of memory");
		s->done(s, &r);
		return;
	}
	d->sample = d->dir = -1;
	s->kind = d;
	s->want_envelope(s);
}

/* Opens and hashes; false with r. */
static bool prepare(struct cloud_submission *s, const char *json, struct cloud_result *r)
{
	struct directory *d = s->kind;
	char sha256[SHA256_TEXT];

	d->sample = cloud_open_sample(s, r);
	if (d->sample < 0)
		return false;
	d->dir = open(s->cloud->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->dir < 0) {
		failed(s, "folder", r);
		return false;
	}
	d->with_sample = !there(d, s);
	d->json = s->cloud->session ? strdup(json) : NULL;
	if ((s->cloud->session && !d->json) ||
	    asprintf(&d->path, "%s/%s", s->cloud->path, sha256_text(s->sha256, sha256)) < 0) {
		d->path = NULL;
		cloud_result_set(r, CLOUD_RETRY, "out of memory");
		return false;
	}
	if (!hash(d, s->size)) {
		cloud_result_set(r, CLOUD_RETRY, "the sample cannot be read");
		return false;
	}
	return true;
}

static void directory_envelope(struct cloud_submission *s, const char *json,
			       const char *upload_name)
{
	struct directory *d = s->kind;
	struct cloud_leave leave = {
		.name = "store",
		.sha256 = d->sha256,
		.carries =
			CLOUD_CARRIES_SAMPLE | (s->cloud->session ? CLOUD_CARRIES_ENVELOPE : 0),
	};
	struct cloud_result r;

	(void)upload_name; /* here a sample is called by its hash */
	if (!json) {
		cloud_result_set(&r, CLOUD_RETRY, "no envelope");
		finish(s, &r);
	} else if (!prepare(s, json, &r)) {
		finish(s, &r);
	} else if (!d->json && !d->with_sample) {
		cloud_result_set(&r, CLOUD_KNOWN, "the folder has it");
		finish(s, &r);
	} else {
		leave.url = d->path;
		leave.bytes = d->bytes;
		s->want_leave(s, &leave);
	}
}

static void directory_go(struct cloud_submission *s, bool granted)
{
	const struct directory *d = s->kind;
	struct cloud_result r;

	if (!granted)
		cloud_result_set(&r, CLOUD_RETRY, "not allowed to leave");
	else if (d->with_sample == there(d, s))
		cloud_result_set(&r, CLOUD_RETRY, "the folder changed meanwhile");
	else
		store(s, &r);
	finish(s, &r);
}

static void directory_cancel(struct cloud_submission *s)
{
	if (s->kind)
		directory_free(s->kind);
	s->kind = NULL;
}

const struct cloud_ops cloud_directory = {
	.kind = "directory",
	.needs_path = true,
	.begin = directory_begin,
	.envelope = directory_envelope,
	.go = directory_go,
	.cancel = directory_cancel,
};
