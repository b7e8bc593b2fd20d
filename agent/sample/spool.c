// SPDX-License-Identifier: MIT
#include "sample/spool.h"
#include "lib/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SPOOL_NAME_MAX 48
/* Something else may remove samples: when full, look again, but not all the time. */
#define SPOOL_RECOUNT_SECONDS 60

/* In tmp/, before the hash: a sample on its way out. */
#define SPOOL_EVICTED_PREFIX "evicted-"
#define SPOOL_FOLDERS 256
/* Attempts to link a sample that others link and evict at the same time. */
#define SPOOL_LINK_ATTEMPTS 16

struct spool {
	int samples;
	int tmp;
	int proc; /* /proc/self/fd, to link nameless files */
	int usage_fd;
	struct spool_usage *usage; /* mapped from DIR/tmp/usage, shared by all */
	struct spool_options options;
	bool no_tmpfile;
	uint64_t pending;   /* bytes written to files that are not linked yet */
	unsigned int names; /* made in tmp/ so far */
	time_t counted;
};

struct spool_file {
	struct spool *spool;
	int fd;
	uint64_t written;
	uint64_t end;
	char name[SPOOL_NAME_MAX]; /* in tmp/, "": nameless */
};

static enum spool_result spool_failure(void)
{
	return errno == ENOSPC || errno == EDQUOT ? SPOOL_FULL : SPOOL_ERROR;
}

/* "ab/abcd..." below samples/ */
#define SPOOL_PLACE_MAX (SHA256_TEXT + 3)

static void spool_place(const uint8_t sha256[static SHA256_SIZE],
			char place[static SPOOL_PLACE_MAX])
{
	char text[SHA256_TEXT];

	sha256_text(sha256, text);
	snprintf(place, SPOOL_PLACE_MAX, "%.2s/%s", text, text);
}

bool spool_path(const char *dir, const uint8_t sha256[static SHA256_SIZE], char *path,
		size_t size)
{
	char place[SPOOL_PLACE_MAX];
	int n;

	spool_place(sha256, place);
	n = snprintf(path, size, "%s/samples/%s", dir, place);
	return n >= 0 && (size_t)n < size;
}

/* ------------------------------------------------------------------- usage */

typedef void spool_visit(void *arg, int dir, const char *name);

/* Calls visit for everything in a directory; false with errno. */
static bool spool_walk(int at, const char *name, spool_visit *visit, void *arg)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			visit(arg, fd, entry->d_name);
	closedir(dir);
	return true;
}

static void spool_count_file(void *arg, int dir, const char *name)
{
	struct spool_usage *usage = arg;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
		return;
	usage->bytes += st.st_size;
	usage->files++;
}

static void spool_count_folder(void *arg, int dir, const char *name)
{
	if (strlen(name) == 2 && strspn(name, "0123456789abcdef") == 2)
		spool_walk(dir, name, spool_count_file, arg);
}

struct spool_usage spool_usage(const struct spool *s)
{
	struct spool_usage u = {0};

	if (s->usage) {
		u.bytes = __atomic_load_n(&s->usage->bytes, __ATOMIC_RELAXED);
		u.files = __atomic_load_n(&s->usage->files, __ATOMIC_RELAXED);
	}
	return u;
}

static void spool_usage_add(struct spool *s, uint64_t bytes, uint64_t files)
{
	if (!s->usage)
		return;
	__atomic_fetch_add(&s->usage->bytes, bytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&s->usage->files, files, __ATOMIC_RELAXED);
}

/* Corrects the shared count by what a walk finds; others may commit meanwhile. */
static void spool_count(struct spool *s)
{
	struct spool_usage found = {0}, before = spool_usage(s);

	spool_walk(s->samples, ".", spool_count_folder, &found);
	spool_usage_add(s, found.bytes - before.bytes, found.files - before.files);
}

void spool_usage_found(struct spool *s, const struct spool_usage *before,
		       const struct spool_usage *found)
{
	struct spool_usage now = spool_usage(s);

	if (now.bytes == before->bytes && now.files == before->files)
		spool_usage_add(s, found->bytes - now.bytes, found->files - now.files);
}

static bool spool_over(const struct spool *s, uint64_t bytes, uint64_t files)
{
	const struct spool_options *o = &s->options;
	struct spool_usage u = spool_usage(s);

	return (o->max_bytes && u.bytes + bytes > o->max_bytes) ||
	       (o->max_files && u.files + files > o->max_files);
}

/* Would so many more be too many? */
static bool spool_full(struct spool *s, uint64_t bytes, uint64_t files)
{
	struct timespec now;

	if (!s->usage || !spool_over(s, bytes, files))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - s->counted < SPOOL_RECOUNT_SECONDS)
		return true;
	s->counted = now.tv_sec;
	spool_count(s);
	return spool_over(s, bytes, files);
}

/*
 * The first process counts, under an exclusive lock that turns into a shared
 * one; whoever comes while that is held uses the count it finds.
 */
static bool spool_usage_open(struct spool *s)
{
	struct spool_usage zero = {0};
	struct timespec now;
	bool first;

	s->usage_fd = openat(s->tmp, "usage", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->usage_fd < 0)
		return false;
	first = !flock(s->usage_fd, LOCK_EX | LOCK_NB);
	if (!first && flock(s->usage_fd, LOCK_SH))
		return false;
	/* Written, not truncated to size: touching a page the disk has no room for kills. */
	if (first && pwrite(s->usage_fd, &zero, sizeof(zero), 0) != sizeof(zero))
		return false;
	s->usage = mmap(NULL, sizeof(zero), PROT_READ | PROT_WRITE, MAP_SHARED, s->usage_fd, 0);
	if (s->usage == MAP_FAILED) {
		s->usage = NULL;
		return false;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	s->counted = now.tv_sec;
	if (first)
		spool_count(s);
	return !first || !flock(s->usage_fd, LOCK_SH);
}

/* ---------------------------------------------------------------- open, close */

/*
 * Puts tmp/NAME, whose eviction was given up or interrupted, back to its place.  When
 * the sample was written again meanwhile, this one is removed.  False with errno.
 */
static bool spool_put_back(struct spool *s, const char *name,
			   const uint8_t sha256[static SHA256_SIZE], uint64_t size)
{
	char place[SPOOL_PLACE_MAX];
	int failed;

	spool_place(sha256, place);
	failed = renameat2(s->tmp, name, s->samples, place, RENAME_NOREPLACE);
	if (failed && errno == EEXIST) {
		failed = unlinkat(s->tmp, name, 0);
		if (!failed)
			spool_usage_add(s, -size, -1);
	}
	/* A file system that cannot tell: what it may replace is the same file. */
	if (failed && (errno == EINVAL || errno == ENOSYS))
		failed = renameat(s->tmp, name, s->samples, place);
	return !failed;
}

/*
 * A file in tmp/ is locked while it is written, or being evicted; what is not is
 * left from a crash.
 */
static void spool_remove_left(void *arg, int dir, const char *name)
{
	const size_t prefix = strlen(SPOOL_EVICTED_PREFIX);
	uint8_t sha256[SHA256_SIZE];
	struct spool *s = arg;
	struct stat st;
	int fd;

	if (!strcmp(name, "usage"))
		return;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	if (!flock(fd, LOCK_EX | LOCK_NB)) {
		/*
		 * Nobody needed it when its eviction began, but a power failure may have
		 * undone half of a decision against it.
		 */
		if (strncmp(name, SPOOL_EVICTED_PREFIX, prefix) ||
		    !sha256_parse(name + prefix, sha256))
			unlinkat(dir, name, 0);
		else if (fstat(fd, &st) || !spool_put_back(s, name, sha256, st.st_size))
			log_warning("spool: tmp/%s cannot be put back: %m", name);
	}
	close(fd);
}

/* Directory `name` below `at`, made where missing; -1 with errno. */
static int spool_folder(int at, const char *name)
{
	if (mkdirat(at, name, 0700) && errno != EEXIST)
		return -1;
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void spool_raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

struct spool *spool_open(const struct spool_options *o)
{
	struct spool *s = malloc(sizeof(*s));
	const char *what = "the folder";
	int dir = -1;

	if (!s) {
		log_error("spool %s: out of memory", o->dir);
		return NULL;
	}
	*s = (struct spool){
		.samples = -1,
		.tmp = -1,
		.proc = -1,
		.usage_fd = -1,
		.options = *o,
		.no_tmpfile = o->no_tmpfile,
	};
	spool_raise_descriptors();
	dir = spool_folder(AT_FDCWD, o->dir);
	if (dir < 0)
		goto fail;
	what = "its folder samples";
	s->samples = spool_folder(dir, "samples");
	if (s->samples < 0)
		goto fail;
	what = "its folder tmp";
	s->tmp = spool_folder(dir, "tmp");
	if (s->tmp < 0 || !spool_walk(s->tmp, ".", spool_remove_left, s))
		goto fail;
	what = "its count tmp/usage";
	if ((o->max_bytes || o->max_files) && !spool_usage_open(s))
		goto fail;
	s->proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->proc < 0)
		s->no_tmpfile = true; /* nothing to link a nameless file with */
	close(dir);
	return s;
fail:
	log_error("spool %s: cannot open %s: %m", o->dir, what);
	if (dir >= 0)
		close(dir);
	spool_close(s);
	return NULL;
}

void spool_close(struct spool *s)
{
	int fd[] = {s->samples, s->tmp, s->proc, s->usage_fd};
	size_t i;

	if (s->usage)
		munmap(s->usage, sizeof(*s->usage));
	for (i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		if (fd[i] >= 0)
			close(fd[i]);
	free(s);
}

bool spool_known(struct spool *s, const uint8_t sha256[static SHA256_SIZE], uint64_t size)
{
	char place[SPOOL_PLACE_MAX];

	spool_place(sha256, place);
	/* In this order, see spool_evict().  What cannot be marked may still be read. */
	if (utimensat(s->samples, place, NULL, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
		return false;
	return spool_has(s, sha256, size);
}

bool spool_has(struct spool *s, const uint8_t sha256[static SHA256_SIZE], uint64_t size)
{
	char place[SPOOL_PLACE_MAX];
	struct stat st;

	spool_place(sha256, place);
	return !fstatat(s->samples, place, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == size;
}

/* ------------------------------------------------------------------- writing */

static bool no_tmpfile(int error)
{
	/* open(2): what kernels and file systems without O_TMPFILE say. */
	return error == EOPNOTSUPP || error == EISDIR || error == EINVAL || error == ENOENT;
}

/* A file in tmp/ with a name of its own, locked against spool_remove_left(). */
static int spool_create(struct spool *s, char name[static SPOOL_NAME_MAX])
{
	struct stat st;
	int fd;

	for (;;) {
		snprintf(name, SPOOL_NAME_MAX, "%ld.%u", (long)getpid(), s->names++);
		fd = openat(s->tmp, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0 || (!flock(fd, LOCK_EX) && !fstat(fd, &st) && st.st_nlink))
			return fd;
		close(fd); /* taken for a left-over before it was locked */
	}
}

struct spool_file *spool_begin(struct spool *s, enum spool_result *result)
{
	struct spool_file *f;

	*result = SPOOL_FULL;
	if (spool_full(s, s->pending, 1))
		return NULL;
	*result = SPOOL_ERROR;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->spool = s;
	f->fd = -1;
	if (!s->no_tmpfile) {
		f->fd = openat(s->tmp, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		s->no_tmpfile = f->fd < 0 && no_tmpfile(errno);
	}
	if (s->no_tmpfile)
		f->fd = spool_create(s, f->name);
	if (f->fd < 0) {
		*result = spool_failure();
		free(f);
		return NULL;
	}
	*result = SPOOL_OK;
	return f;
}

enum spool_result spool_write(struct spool_file *f, uint64_t offset, const void *p, size_t n)
{
	const uint8_t *at = p;
	ssize_t done;

	if (spool_full(f->spool, f->spool->pending + n, 1))
		return SPOOL_FULL;
	while (n) {
		done = pwrite(f->fd, at, n, offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return spool_failure();
		f->written += done;
		f->spool->pending += done;
		at += done;
		n -= done;
		offset += done;
		if (offset > f->end)
			f->end = offset;
	}
	return SPOOL_OK;
}

ssize_t spool_read(struct spool_file *f, uint64_t offset, void *p, size_t n)
{
	uint8_t *at = p;
	size_t got = 0;
	ssize_t done;

	while (got < n) {
		done = pread(f->fd, at + got, n - got, offset + got);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		if (!done)
			break;
		got += done;
	}
	return got;
}

/* 0 or -1 with errno; the directory `folder` may be missing (ENOENT). */
static int spool_link(struct spool_file *f, const char *place)
{
	struct spool *s = f->spool;
	char self[16];

	if (f->name[0]) /* what it may replace is the same file */
		return renameat(s->tmp, f->name, s->samples, place);
	snprintf(self, sizeof(self), "%d", f->fd);
	return linkat(s->proc, self, s->samples, place, AT_SYMLINK_FOLLOW);
}

static bool spool_sync_folder(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && !fsync(fd);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* A sample of this name but another size: written without sync before a crash. */
static void spool_remove_broken(struct spool *s, const char *place)
{
	struct stat st;

	if (fstatat(s->samples, place, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
		return;
	log_warning("spool: sample %s has %lld bytes, which is wrong: written again", place,
		    (long long)st.st_size);
	if (!unlinkat(s->samples, place, 0))
		spool_usage_add(s, -(uint64_t)st.st_size, -1);
}

/*
 * Links it at its place, unless that sample is there (*known).  *made: its folder is
 * new.  Others may link and evict the same sample meanwhile, hence the attempts.
 */
static enum spool_result spool_place_file(struct spool_file *f,
					  const uint8_t sha256[static SHA256_SIZE],
					  const char *place, const char *folder, bool *known,
					  bool *made)
{
	struct spool *s = f->spool;
	unsigned int i;
	int error = 0;

	for (i = 0; i < SPOOL_LINK_ATTEMPTS; i++) {
		*known = spool_known(s, sha256, f->end);
		if (*known)
			return SPOOL_OK;
		if (!i && spool_full(s, s->pending, 1))
			return SPOOL_FULL;
		spool_remove_broken(s, place);
		if (!i && s->options.sync && fdatasync(f->fd))
			return spool_failure();
		/* Its time is that of its commit, not of its last byte. */
		if (futimens(f->fd, NULL))
			return spool_failure();
		if (!spool_link(f, place))
			return SPOOL_OK;
		error = errno;
		if (error == ENOENT && !mkdirat(s->samples, folder, 0700))
			*made = true;
		else if (errno != EEXIST)
			return spool_failure();
	}
	errno = error;
	return SPOOL_ERROR;
}

static enum spool_result spool_settle(struct spool_file *f,
				      const uint8_t sha256[static SHA256_SIZE])
{
	struct spool *s = f->spool;
	char place[SPOOL_PLACE_MAX], folder[3];
	bool made = false, known = false;
	enum spool_result result;

	spool_place(sha256, place);
	memcpy(folder, place, 2);
	folder[2] = 0;
	result = spool_place_file(f, sha256, place, folder, &known, &made);
	if (result != SPOOL_OK)
		return result;
	if (!known) {
		f->name[0] = 0;
		spool_usage_add(s, f->end, 1);
	}
	/*
	 * Also when it was known: whoever linked it may have died before, or not
	 * have come to, this.  It costs little when there is nothing to write.
	 */
	if (s->options.sync && (!spool_sync_folder(s->samples, folder) ||
				(made && !spool_sync_folder(s->samples, "."))))
		return spool_failure();
	return known ? SPOOL_KNOWN : SPOOL_OK;
}

enum spool_result spool_commit(struct spool_file *f, const uint8_t sha256[static SHA256_SIZE])
{
	enum spool_result result = spool_settle(f, sha256);
	int saved = errno;

	spool_abort(f);
	errno = saved;
	return result;
}

void spool_abort(struct spool_file *f)
{
	f->spool->pending -= f->written;
	if (f->name[0])
		unlinkat(f->spool->tmp, f->name, 0);
	close(f->fd);
	free(f);
}

/* ------------------------------------------------------------------ eviction */

enum spool_listed spool_list_next(struct spool *s, struct spool_list *list,
				  struct spool_sample *sample)
{
	struct dirent *entry;
	struct stat st;
	char folder[3];
	int fd;

	if (list->folder == SPOOL_FOLDERS)
		return SPOOL_LIST_END;
	snprintf(folder, sizeof(folder), "%02x", list->folder & 0xff);
	if (!list->dir) {
		fd = openat(s->samples, folder,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		list->dir = fd < 0 ? NULL : fdopendir(fd);
		if (list->dir)
			return SPOOL_LIST_OTHER;
		list->folder++;
		if (fd >= 0)
			close(fd);
		return fd < 0 && errno == ENOENT ? SPOOL_LIST_OTHER : SPOOL_LIST_ERROR;
	}
	errno = 0;
	entry = readdir(list->dir);
	if (!entry) {
		bool failed = errno;

		closedir(list->dir);
		list->dir = NULL;
		list->folder++;
		return failed ? SPOOL_LIST_ERROR : SPOOL_LIST_OTHER;
	}
	if (entry->d_name[0] == '.' ||
	    fstatat(dirfd(list->dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
	    !S_ISREG(st.st_mode))
		return SPOOL_LIST_OTHER;
	list->found.bytes += st.st_size;
	list->found.files++;
	if (strncmp(entry->d_name, folder, 2) || !sha256_parse(entry->d_name, sample->sha256))
		return SPOOL_LIST_OTHER;
	sample->size = st.st_size;
	sample->seen = st.st_mtim;
	return SPOOL_LIST_SAMPLE;
}

void spool_list_end(struct spool_list *list)
{
	if (list->dir)
		closedir(list->dir);
	list->dir = NULL;
	list->folder = SPOOL_FOLDERS;
}

static bool spool_seen_since(const struct spool_sample *sample, const struct stat *st)
{
	return st->st_mtim.tv_sec != sample->seen.tv_sec ||
	       st->st_mtim.tv_nsec != sample->seen.tv_nsec ||
	       (uint64_t)st->st_size != sample->size;
}

/* With the sample open, as it was listed, and locked. */
static enum spool_evicted spool_remove(struct spool *s, const struct spool_sample *sample,
				       ino_t ino)
{
	char place[SPOOL_PLACE_MAX], name[SPOOL_PLACE_MAX + sizeof(SPOOL_EVICTED_PREFIX)];
	struct stat st;

	spool_place(sample->sha256, place);
	snprintf(name, sizeof(name), SPOOL_EVICTED_PREFIX "%s", place + 3);
	if (renameat(s->samples, place, s->tmp, name))
		return errno == ENOENT ? SPOOL_GONE : SPOOL_STUCK;
	if (fstatat(s->tmp, name, &st, AT_SYMLINK_NOFOLLOW) || st.st_ino != ino ||
	    spool_seen_since(sample, &st)) {
		if (!spool_put_back(s, name, sample->sha256, sample->size))
			return SPOOL_STUCK;
		place[2] = 0;
		if (s->options.sync && !spool_sync_folder(s->samples, place))
			return SPOOL_STUCK;
		return SPOOL_PUT_BACK;
	}
	if (unlinkat(s->tmp, name, 0))
		return SPOOL_STUCK;
	spool_usage_add(s, -sample->size, -1);
	return SPOOL_EVICTED;
}

/*
 * Who finds a sample known marks it first (its mtime), then looks whether it is at
 * its place.  We take it from its place first, then look for the mark.  So if they
 * found it there, we find the mark and put it back; and a mark that comes later finds no
 * sample, which is then written anew.
 */
enum spool_evicted spool_evict(struct spool *s, const struct spool_sample *sample)
{
	enum spool_evicted result = SPOOL_STUCK;
	char place[SPOOL_PLACE_MAX];
	struct stat st;
	int fd, saved;

	spool_place(sample->sha256, place);
	fd = openat(s->samples, place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? SPOOL_GONE : SPOOL_STUCK;
	/* The lock keeps spool_open() of others from taking it for a left-over. */
	if (!flock(fd, LOCK_EX | LOCK_NB) && !fstat(fd, &st))
		result = spool_seen_since(sample, &st) ? SPOOL_SEEN_AGAIN
						       : spool_remove(s, sample, st.st_ino);
	saved = errno;
	close(fd);
	errno = saved;
	return result;
}
