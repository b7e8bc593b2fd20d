// SPDX-License-Identifier: MIT
#include "supervisor/offline.h"

#include "inspector/inspector.h"
#include "lib/log.h"
#include "policy/envelope.h"
#include "supervisor/child.h"
#include "supervisor/intake.h"
#include "supervisor/journal.h"
#include "supervisor/policy_files.h"
#include "supervisor/preview.h"
#include "supervisor/rules.h"
#include "supervisor/sharing.h"
#include "supervisor/stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct offline {
	const struct config *c;
	const char *capture;
	const char *dir;
	enum offline_show show;
	struct child inspector;
	struct counters counters;
	struct users *users;
	struct journal journal, sessions;
	struct buf envelope;
	bool finished; /* the inspector said how it went */
	bool failed;
};

static bool make_dir(const char *path)
{
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		return true;
	log_error("cannot make directory %s: %s", path, strerror(errno));
	return false;
}

/* DIR/outbox/<cloud>, or DIR/outbox for NULL; the caller frees it. */
static char *outbox_path(const struct offline *o, const char *cloud)
{
	char *path;

	if (asprintf(&path, cloud ? "%s/outbox/%s" : "%s/outbox", o->dir, cloud) < 0)
		return NULL;
	return path;
}

static bool is_envelope(const char *name)
{
	size_t hash = SHA256_TEXT - 1, id = SIGHTING_ID_TEXT - 1;

	return strlen(name) == hash + 1 + id + strlen(".json") &&
	       strspn(name, "0123456789abcdef") == hash && name[hash] == '.' &&
	       strcmp(name + hash + 1 + id, ".json") == 0;
}

/* A run describes itself: envelopes of an earlier one go. */
static void clean_outbox(struct offline *o)
{
	char *path = outbox_path(o, NULL);
	DIR *outbox = path ? opendir(path) : NULL;
	struct dirent *e, *f;

	while (outbox && (e = readdir(outbox))) {
		int fd = e->d_name[0] == '.'
				 ? -1
				 : openat(dirfd(outbox), e->d_name,
					  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		DIR *cloud = fd < 0 ? NULL : fdopendir(fd);

		while (cloud && (f = readdir(cloud)))
			if (is_envelope(f->d_name))
				unlinkat(dirfd(cloud), f->d_name, 0);
		if (cloud)
			closedir(cloud);
		else if (fd >= 0)
			close(fd);
	}
	if (outbox)
		closedir(outbox);
	free(path);
}

static bool prepare(struct offline *o)
{
	char *path;
	bool ok;

	if (!make_dir(o->dir))
		return false;
	clean_outbox(o);
	path = outbox_path(o, NULL);
	ok = path && make_dir(path);
	free(path);
	for (size_t i = 0; ok && i < o->c->clouds; i++) {
		if (!o->c->has_share[i])
			continue;
		path = outbox_path(o, o->c->cloud[i].name);
		ok = path && make_dir(path);
		free(path);
	}
	return ok && journal_open(&o->journal, o->dir, JOURNAL_NAME, true) &&
	       (!o->c->log_sessions ||
		journal_open(&o->sessions, o->dir, JOURNAL_SESSIONS, true));
}

static bool write_file(const char *path, const struct buf *b)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = fd >= 0 && write(fd, b->data, b->len) == (ssize_t)b->len &&
		  write(fd, "\n", 1) == 1;

	if (!ok)
		log_error("cannot write %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

static void write_envelope(struct offline *o, size_t cloud, const struct sighting *s)
{
	struct policy policy =
		policy_masked(sharing_policy(o->c, o->users, cloud, s), SLUICE_SHARE_ALL);
	char hex[SHA256_TEXT], id[SIGHTING_ID_TEXT], *path;
	struct envelope_report report = {0};
	struct sharing sharing;

	buf_reset(&o->envelope);
	if (!sharing_begin(&sharing, o->c, cloud, &policy, &o->counters) ||
	    !envelope_render(s, &sharing.policy, &sharing.context, &o->envelope, &report) ||
	    asprintf(&path, "%s/outbox/%s/%s.%s.json", o->dir, o->c->cloud[cloud].name,
		     sha256_text(s->sha256, hex), sighting_id_text(s->id, id)) < 0) {
		log_error("out of memory for an envelope");
		o->failed = true;
		sharing_end(&sharing);
		return;
	}
	sharing_end(&sharing);
	counter_add(&o->counters, COUNTER_ENVELOPES, 1);
	counter_add(&o->counters, COUNTER_FIELDS_WITHHELD, report.withheld);
	if (!write_file(path, &o->envelope))
		o->failed = true;
	free(path);
}

static void show_one(struct offline *o, size_t cloud, const struct sighting *s)
{
	char path[SPOOL_PATH_MAX] = "";
	struct preview p = {
		.c = o->c,
		.users = o->users,
		.cloud = cloud,
		.s = s,
		.sample_path = path,
		.switches = SLUICE_SHARE_ALL,
		.switches_seen = SLUICE_SHARE_ALL,
	};
	json_t *shown;

	if (s->stored)
		spool_path(o->dir, s->sha256, path, sizeof(path));
	shown = preview_make(&p);
	if (!shown || !preview_requests(shown, &o->c->cloud[cloud])) {
		log_error("out of memory for what would leave");
		o->failed = true;
	} else if (o->show == OFFLINE_SHOW_JSON) {
		preview_print_json(shown, stdout);
	} else {
		preview_print(shown, stdout);
	}
	json_decref(shown);
}

static void show_all(struct offline *o, const struct sighting *s)
{
	for (size_t i = 0; i < o->c->clouds && o->show != OFFLINE_SHOW_NOTHING; i++)
		show_one(o, i, s);
}

static void take_sighting(struct offline *o, const struct msg_view *v)
{
	struct sighting s;
	uint64_t clouds;

	if (!intake_sighting(o->c, o->users, &o->counters, v, &s, &clouds)) {
		log_warning("the inspector sent a sighting that makes no sense");
		return;
	}
	if (!journal_append(&o->journal, &s))
		o->failed = true;
	intake_withhold(o->c, o->users, &o->counters, &s, SLUICE_SHARE_ALL, &clouds);
	for (size_t i = 0; i < o->c->clouds; i++)
		if (clouds & (1ull << i))
			write_envelope(o, i, &s);
	show_all(o, &s);
	sighting_free(&s);
}

static void take_finished(struct offline *o, const struct msg_view *v)
{
	char text[1024] = "";
	uint64_t status = 1;

	msg_get_u64(v, MSG_A_STATUS, &status);
	msg_get_string(v, MSG_A_TEXT, text, sizeof(text));
	o->finished = true;
	if (status) {
		log_error("%s", text[0] ? text : "the capture could not be read to its end");
		o->failed = true;
	}
}

static void take(struct offline *o, const struct msg_view *v)
{
	switch (v->type) {
	case MSG_SIGHTING:
		take_sighting(o, v);
		break;
	case MSG_SESSION:
		if (o->sessions.fd < 0 || !intake_session(o->c, &o->counters, v, &o->sessions))
			counter_add(&o->counters, COUNTER_MESSAGES_BAD, 1);
		break;
	case MSG_COUNTERS:
		if (!child_counters(&o->inspector, v))
			counter_add(&o->counters, COUNTER_MESSAGES_BAD, 1);
		break;
	case MSG_FINISHED:
		take_finished(o, v);
		break;
	case MSG_SHUNT:
		break; /* a capture file cannot be told to leave anything out */
	default:
		counter_add(&o->counters, COUNTER_MESSAGES_BAD, 1);
		log_warning("the inspector sent a message of type %u", v->type);
		break;
	}
}

/* All of them at once: it waits for nothing else.  One that is gone says why itself. */
static void send_rules(struct offline *o)
{
	struct rules_sending sending;

	rules_due(&sending);
	if (!o->c->built_in)
		rules_send(&sending, o->c, o->inspector.fd);
}

static void receive_all(struct offline *o)
{
	static uint8_t room[MSG_MAX];
	enum msg_result result;
	struct msg_view v;

	for (;;) {
		result = msg_receive(o->inspector.fd, room, &v);
		if (result == MSG_OK) {
			take(o, &v);
		} else if (result == MSG_CLOSED) {
			return;
		} else if (result == MSG_BAD) {
			counter_add(&o->counters, COUNTER_MESSAGES_BAD, 1);
			log_error("the inspector sent a malformed message");
			o->failed = true;
			return;
		} else if (result == MSG_ERROR && errno != EINTR) {
			log_error("cannot read from the inspector: %s", strerror(errno));
			o->failed = true;
			return;
		}
	}
}

static int run_inspector(int fd, void *arg)
{
	struct offline *o = arg;
	struct inspector_config i = {
		.supervisor = fd,
		.capture = o->capture,
		.ring_fd = -1,
		.spool =
			{
				.dir = o->dir,
				.max_bytes = o->c->spool_bytes,
				.max_files = o->c->spool_files,
			},
		.files = o->c->files,
		.judged = !o->c->built_in,
		.types = o->c->file_types,
		.applications = o->c->applications,
		.log_sessions = o->c->log_sessions,
		.sandbox = true,
	};

	log_role("inspector");
	return inspector_run(&i);
}

static void await_inspector(struct offline *o)
{
	char text[CHILD_STATUS_MAX];
	int status;

	close(o->inspector.fd);
	while (waitpid(o->inspector.pid, &status, 0) < 0)
		if (errno != EINTR)
			return;
	o->inspector.pid = 0;
	if (WIFSIGNALED(status) || (WEXITSTATUS(status) && !o->failed) || !o->finished) {
		log_error("the inspector ended early: %s", child_status_text(status, text));
		o->failed = true;
	}
}

static void summary(const struct offline *o)
{
	struct counters sum = stats_sum(&o->counters, &o->inspector, 1);
	uint64_t files = sum.value[COUNTER_FILES], whole = sum.value[COUNTER_FILES_COMPLETE];
	uint64_t empty = sum.value[COUNTER_FILES_EMPTY];
	uint64_t ms = child_clock() - o->inspector.started;

	log_info("%llu packets, %llu sessions, %llu files complete, %llu truncated, "
		 "%llu.%02llu seconds",
		 (unsigned long long)sum.value[COUNTER_PACKETS],
		 (unsigned long long)sum.value[COUNTER_SESSIONS], (unsigned long long)whole,
		 (unsigned long long)(files > whole + empty ? files - whole - empty : 0),
		 (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000 / 10));
}

int offline_run(struct config *c, const char *capture, const char *dir, enum offline_show show)
{
	struct offline o = {
		.c = c,
		.capture = capture,
		.dir = dir,
		.show = show,
		.inspector = {.role = "inspector", .fd = -1},
		.journal.fd = -1,
		.sessions.fd = -1,
	};

	buf_init(&o.envelope, MSG_MAX);
	o.users = users_open(&c->users, NULL, &o.counters);
	if (!o.users || !prepare(&o)) {
		o.failed = true;
		goto out;
	}
	if (!child_start(&o.inspector, -1, run_inspector, &o)) {
		log_error("cannot start the inspector: %s", strerror(errno));
		o.failed = true;
		goto out;
	}
	/* Only now: what parses a capture has no keys. */
	policy_files_read(c);
	send_rules(&o);
	receive_all(&o);
	await_inspector(&o);
	if (!stats_write(dir, &o.counters, &o.inspector, 1, NULL)) {
		log_error("cannot write %s/stats.json: %s", dir, strerror(errno));
		o.failed = true;
	}
	if (fflush(stdout) || ferror(stdout)) {
		log_error("cannot write to standard output: %s", strerror(errno));
		o.failed = true;
	}
	summary(&o);
out:
	users_close(o.users);
	journal_close(&o.journal);
	journal_close(&o.sessions);
	buf_free(&o.envelope);
	return o.failed ? 1 : 0;
}
