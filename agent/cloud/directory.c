// SPDX-License-Identifier: MIT
/*
 * A folder as a cloud: the default of a box without any other.
 *
 *	PATH/<sha256>				the sample
 *	PATH/<sha256>.<sighting id>.json	its envelope, one per sighting; with
 *						sightings = first of the first one only
 *
 * Both appear whole or not at all (written under a temporary name, synced,
 * renamed), the envelope first, so who waits for samples finds the envelope
 * there.  Doing it again changes nothing.
 */
#include "cloud/cloud.h"
#include "cloud/request.h"

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

#define STORE "store" /* the request's name */

/* An attempt between its envelope and the leave to store it. */
struct directory {
	int sample, dir;
	bool with_sample; /* it was not there */
	struct request request;
	char *url; /* path of the sample */
};

static void directory_free(struct directory *d)
{
	if (d->sample >= 0)
		close(d->sample);
	if (d->dir >= 0)
		close(d->dir);
	request_free(&d->request);
	free(d->url);
	free(d);
}

static void finish(struct cloud_submission *s, const struct cloud_result *r)
{
	directory_free(s->kind);
	s->kind = NULL;
	s->done(s, r);
}

#define NAME_SIZE (SHA256_TEXT + SIGHTING_ID_TEXT + 8)

static const char *envelope_name(const struct cloud_submission *s, char name[static NAME_SIZE])
{
	char sha256[SHA256_TEXT], id[SIGHTING_ID_TEXT];

	snprintf(name, NAME_SIZE, "%s.%s.json", sha256_text(s->sha256, sha256),
		 sighting_id_text(s->id, id));
	return name;
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
	char name[NAME_SIZE], temporary[SIGHTING_ID_TEXT + 8];
	const struct directory *d = s->kind;
	const struct buf *json = &d->request.before;
	struct content sample = {.fd = d->sample, .size = s->size};
	struct content envelope = {
		.fd = -1, .memory = (const char *)json->data, .size = json->len};

	sha256_text(s->sha256, sha256);
	sighting_id_text(s->id, id);
	/* Of this submission alone, so what a crash left is overwritten by the next attempt. */
	snprintf(temporary, sizeof(temporary), ".%s.tmp", id);
	if (d->request.envelope &&
	    !place(d->dir, temporary, envelope_name(s, name), &envelope)) {
		failed(s, "envelope", r);
		return;
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

/* What will be written, whole: the envelope (NULL: none), then the sample (-1: none). */
static bool make_store(struct request *r, const struct cloud_submission *s, const char *json,
		       int sample, const char **problem)
{
	char sha256[SHA256_TEXT], name[NAME_SIZE];

	request_local(r, s->cloud->path);
	if (json)
		request_file(r, envelope_name(s, name), json, -1, 0);
	if (sample >= 0)
		request_file(r, sha256_text(s->sha256, sha256), NULL, sample, s->size);
	r->envelope = json;
	return request_end(r, problem);
}

static uint64_t store_carries(const struct cloud_submission *s, bool with_sample)
{
	return (with_sample ? CLOUD_CARRIES_SAMPLE : 0) |
	       (s->cloud->session ? CLOUD_CARRIES_ENVELOPE : 0);
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
	request_init(&d->request);
	s->kind = d;
	s->want_envelope(s);
}

/* Opens and hashes; false with r. */
static bool prepare(struct cloud_submission *s, const char *json, struct cloud_result *r)
{
	struct directory *d = s->kind;
	char sha256[SHA256_TEXT];
	const char *problem;

	d->sample = cloud_open_sample(s, r);
	if (d->sample < 0)
		return false;
	d->dir = open(s->cloud->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->dir < 0) {
		failed(s, "folder", r);
		return false;
	}
	d->with_sample = !there(d, s);
	if (!make_store(&d->request, s, s->cloud->session ? json : NULL,
			d->with_sample ? d->sample : -1, &problem)) {
		cloud_result_set(r, CLOUD_RETRY, "cannot be stored: %s", problem);
		return false;
	}
	if (asprintf(&d->url, "%s/%s", s->cloud->path, sha256_text(s->sha256, sha256)) < 0) {
		d->url = NULL;
		cloud_result_set(r, CLOUD_RETRY, "out of memory");
		return false;
	}
	return true;
}

static void directory_envelope(struct cloud_submission *s, const char *json,
			       const char *upload_name)
{
	struct directory *d = s->kind;
	struct cloud_leave leave = {
		.name = STORE,
		.sha256 = d->request.sha256,
	};
	struct cloud_result r;

	(void)upload_name; /* here a sample is called by its hash */
	if (!json) {
		cloud_result_set(&r, CLOUD_RETRY, "no envelope");
		finish(s, &r);
	} else if (!prepare(s, json, &r)) {
		finish(s, &r);
	} else if (!d->with_sample && !cloud_all_envelopes(s->cloud)) {
		cloud_result_set(&r, CLOUD_KNOWN, "the folder has it");
		finish(s, &r);
	} else {
		leave.url = d->url;
		leave.bytes = d->request.bytes;
		leave.carries = store_carries(s, d->with_sample);
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

static bool directory_preview(const struct cloud_submission *s, const char *json,
			      const char *upload_name,
			      void (*show)(void *arg, const struct cloud_preview *p), void *arg,
			      struct cloud_result *r)
{
	struct cloud_preview p = {
		.name = STORE,
		.method = "WRITE",
		.condition = cloud_all_envelopes(s->cloud)
				     ? "the sample itself only when the folder does not have it"
				     : "only when the folder does not have the sample",
		.carries = store_carries(s, true),
	};
	int sample = cloud_open_sample(s, r);
	struct request request;
	const char *problem;
	bool made;

	(void)upload_name;
	if (sample < 0)
		return false;
	request_init(&request);
	p.request = &request;
	made = make_store(&request, s, s->cloud->session ? json : NULL, sample, &problem);
	if (made)
		show(arg, &p);
	else
		cloud_result_set(r, CLOUD_RETRY, "cannot be stored: %s", problem);
	request_free(&request);
	close(sample);
	return made;
}

static void directory_cancel(struct cloud_submission *s)
{
	if (s->kind)
		directory_free(s->kind);
	s->kind = NULL;
}

const struct cloud_ops cloud_directory = {
	.kind = "directory",
	.takes = CLOUD_SETTING_PATH,
	.envelopes = CLOUD_ENVELOPE_EACH,
	.begin = directory_begin,
	.envelope = directory_envelope,
	.go = directory_go,
	.cancel = directory_cancel,
	.preview = directory_preview,
};
