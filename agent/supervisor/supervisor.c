// SPDX-License-Identifier: MIT
/*
 * The supervisor's loop.
 *
 *	rules --RULES--> inspectors, when they start and at a reload
 *	inspectors --SIGHTING--> batch: local log, one commit -> outbox
 *	outbox --SUBMIT--> forwarder --QUEUED--> row removed with the next commit
 *	forwarder --RENDER--> envelope as policy and switches are now --ENVELOPE-->
 *	forwarder --LEAVE--> line in the ledger, synced --GO--> or, when policy becomes
 *		stricter meanwhile, --REVOKE-->
 *
 * Everything that is to be written waits in one batch and is committed once a
 * round.  While the disk fails the batch stays, nothing more is read, and the
 * commit is tried every second: nothing that was accepted is lost, and what was not
 * waits in the sockets and then in the rings.
 *
 * Samples are evicted between commits, when no sighting is taken and not yet stored.
 */
#include "supervisor/supervisor.h"

#include "lib/log.h"
#include "lib/notify.h"
#include "supervisor/live.h"
#include "supervisor/reload.h"
#include "supervisor/credentials.h"
#include "supervisor/policy_files.h"
#include "supervisor/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STATS_MS 5000
#define FORGET_MS 3600000
#define KEEP_MS (30ll * 86400000) /* sightings whose submissions have ended */
#define ROUND_MESSAGES 256	  /* of one child, before the others have their turn */

/* ------------------------------------------------------------- directories */

/* The directory and what is missing above it. */
static bool make_dir(const char *path, mode_t mode)
{
	char *copy = strdup(path), *slash;
	bool ok;

	if (!copy)
		return false;
	for (slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(copy, 0755);
		*slash = '/';
	}
	ok = mkdir(copy, mode) == 0 || errno == EEXIST;
	if (!ok)
		log_error("cannot make directory %s: %s", path, strerror(errno));
	free(copy);
	return ok;
}

static char *below(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		log_error("out of memory");
		return NULL;
	}
	return path;
}

static bool make_dirs(struct supervisor *s)
{
	char *queue_dir = below(s->c->state_dir, "forwarder");
	bool ok;

	s->spool_dir = below(s->c->state_dir, "spool");
	s->queue_path = queue_dir ? below(queue_dir, "queue.db") : NULL;
	ok = s->spool_dir && s->queue_path && make_dir(s->c->state_dir, 0700) &&
	     make_dir(s->spool_dir, 0700) && make_dir(queue_dir, 0700) &&
	     make_dir(s->c->run_dir, 0755);
	free(queue_dir);
	return ok;
}

/* One supervisor per state directory. */
static bool take_lock(struct supervisor *s)
{
	char *path = below(s->c->state_dir, "lock"), text[32] = "";
	ssize_t n;
	bool ok = false;

	if (!path)
		return false;
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0) {
		log_error("cannot open %s: %s", path, strerror(errno));
	} else if (flock(s->lock, LOCK_EX | LOCK_NB) == 0) {
		n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
		ok = ftruncate(s->lock, 0) == 0 && pwrite(s->lock, text, (size_t)n, 0) == n;
		if (!ok)
			log_error("cannot write %s: %s", path, strerror(errno));
	} else if (errno == EWOULDBLOCK) {
		n = pread(s->lock, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		text[strcspn(text, "\n")] = '\0';
		log_error("%s is in use by another sluiced, process %s", s->c->state_dir,
			  text[0] ? text : "unknown");
	} else {
		log_error("cannot lock %s: %s", path, strerror(errno));
	}
	free(path);
	return ok;
}

/* ------------------------------------------------------------------ kernel */

static void read_mark(void *arg, uint8_t cmd, struct nlattr **attr)
{
	uint32_t *mark = arg;

	if (attr[SLUICE_A_SETTINGS_IGNORE_MARK])
		*mark = nla_get_u32(attr[SLUICE_A_SETTINGS_IGNORE_MARK]);
}

static bool get_mark(struct supervisor *s)
{
	struct nl_msg *m = kernel_request(&s->kernel, SLUICE_CMD_SETTINGS_GET, false);

	return m && kernel_call(&s->kernel, m, "settings get", read_mark, &s->socket_mark);
}

/*
 * Our own namespace is where the switches are asked for, which are the same in all, and
 * where the forwarder's connections begin.  Captured or not, that mark is the right one:
 * no mark survives the way into another namespace.
 */
static bool open_kernel(struct supervisor *s)
{
	if (kernel_open(&s->kernel) && get_mark(s))
		return true;
	log_error("%s", s->kernel.error);
	return false;
}

/* ----------------------------------------------------------------- signals */

static bool open_signals(struct supervisor *s)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		log_error("signalfd: %s", strerror(errno));
	return s->signals >= 0;
}

static void on_hangup(struct supervisor *s)
{
	notify("RELOADING=1");
	journal_reopen(&s->journal);
	journal_reopen(&s->sessions);
	if (s->config_path)
		reload(s->c, s->config_path);
	namespaces_step(s, true);
	users_reload(s->users);
	permits_reloaded(&s->permits);
	sinks_reloaded(&s->sinks);
	for (size_t i = 0; i < s->inspectors; i++)
		rules_due(&s->rules[i]);
	notify("READY=1");
}

static void read_signals(struct supervisor *s)
{
	struct signalfd_siginfo i;

	while (read(s->signals, &i, sizeof(i)) == sizeof(i)) {
		switch (i.ssi_signo) {
		case SIGTERM:
		case SIGINT:
			live_stop_begin(s);
			break;
		case SIGHUP:
			on_hangup(s);
			break;
		case SIGUSR1:
			s->stats_at = s->now;
			break;
		case SIGCHLD:
			live_reap(s);
			break;
		}
	}
}

/* -------------------------------------------------------------------- loop */

/* A child is read while there is room for whatever it may say. */
static bool may_read(const struct supervisor *s, const struct child *c)
{
	if (c->fd < 0 || s->now < s->disk_again)
		return false;
	if (c > s->forwarder)
		return true;
	return c == s->forwarder ? s->words < LIVE_BATCH : s->pendings < LIVE_BATCH;
}

static void receive(struct supervisor *s, struct child *c)
{
	static uint8_t room[MSG_MAX];
	struct msg_view v;
	char name[32];

	for (int i = 0; i < ROUND_MESSAGES && may_read(s, c); i++) {
		switch (msg_receive(c->fd, room, &v)) {
		case MSG_OK:
			child_heard(c);
			live_take(s, c, &v);
			break;
		case MSG_AGAIN:
			child_quiet(c);
			return;
		case MSG_CLOSED:
			live_hang_up(s, c, false);
			return;
		case MSG_BAD:
			counter_add(&s->counters, COUNTER_MESSAGES_BAD, 1);
			log_error("%s sent a malformed message and is ended",
				  live_name(c, name));
			live_hang_up(s, c, true);
			return;
		case MSG_ERROR:
			log_error("cannot read from %s: %s", live_name(c, name),
				  strerror(errno));
			live_hang_up(s, c, true);
			return;
		}
	}
}

static void serve_forwarder(struct supervisor *s)
{
	enum msg_result result;

	if (s->forwarder->fd < 0 || s->phase == LIVE_STOP_FORWARDER)
		return;
	result = credentials_send(s->c, s->forwarder->fd);
	if (result == MSG_OK)
		result = permits_send(&s->permits, s->forwarder->fd);
	if (result == MSG_OK)
		result = deliver_send(&s->deliver, s->forwarder->fd);
	/* Closed: what it said before is read, then it is hung up on. */
	if (result == MSG_BAD || result == MSG_ERROR) {
		log_error("cannot send to the forwarder: %s", strerror(errno));
		live_hang_up(s, s->forwarder, true);
	}
}

/* Lines first, then what they are about may leave. */
static void keep_ledger(struct supervisor *s)
{
	int64_t time = live_wall();

	permits_step(&s->permits, time, s->phase == LIVE_STOP_FORWARDER);
	permits_watch(&s->permits, s->now);
	ledger_tick(&s->ledger, s->now, time);
}

static void serve_inspectors(struct supervisor *s)
{
	for (size_t i = 0; i < s->inspectors; i++) {
		enum msg_result result;

		if (s->child[i].fd < 0)
			continue;
		result = rules_send(&s->rules[i], s->c, s->child[i].fd);
		/* Closed: as above. */
		if (result == MSG_BAD || result == MSG_ERROR) {
			log_error("cannot send rules to inspector %zu: %s", i, strerror(errno));
			live_hang_up(s, &s->child[i], true);
		}
	}
}

static void serve_loggers(struct supervisor *s)
{
	for (size_t i = 0; i < s->sinks.count; i++) {
		struct child *c = &s->forwarder[1 + i];
		enum msg_result result;
		char name[32];

		if (c->fd < 0 || s->phase == LIVE_STOP_FORWARDER)
			continue;
		result = sinks_send(&s->sinks, i, c->fd, s->now);
		/* Closed: as above. */
		if (result == MSG_BAD || result == MSG_ERROR) {
			log_error("cannot send to %s: %s", live_name(c, name), strerror(errno));
			live_hang_up(s, c, true);
		}
	}
	sinks_tick(&s->sinks, s->now);
}

static void write_stats(struct supervisor *s)
{
	bool ok;

	if (s->now < s->stats_at)
		return;
	s->stats_at = s->now + STATS_MS;
	ok = stats_write(s->c->run_dir, &s->counters, s->child, s->children,
			 &(struct stats_tally){.c = s->c,
					       .tally = &s->tally,
					       .sinks = &s->sinks,
					       .state = s->cloud_state,
					       .now = live_wall()});
	if (!ok && !s->stats_failing)
		log_error("cannot write %s/stats.json: %s", s->c->run_dir, strerror(errno));
	s->stats_failing = !ok;
}

static void forget(struct supervisor *s)
{
	struct timespec t;

	if (s->now < s->forget_at)
		return;
	s->forget_at = s->now + FORGET_MS;
	clock_gettime(CLOCK_REALTIME, &t);
	if (!store_forget(s->store, (int64_t)t.tv_sec * 1000 - KEEP_MS))
		log_warning("old sightings cannot be removed: %s", store_error(s->store));
}

static void evict(struct supervisor *s)
{
	struct timespec told = child_told(s->child, s->inspectors);

	if (!s->pendings && s->phase == LIVE_RUNNING)
		evict_step(&s->evict, s->now, &told);
}

static void wait_for_something(struct supervisor *s)
{
	struct pollfd fds[1 + LIVE_CHILDREN_MAX + CONTROL_FDS_MAX + METRICS_FDS_MAX] = {
		{.fd = s->signals, .events = POLLIN}};
	uint64_t when = s->stats_at < s->forget_at ? s->stats_at : s->forget_at;
	size_t count;

	if (s->disk_again && s->disk_again < when)
		when = s->disk_again;
	if (!s->pendings && s->phase == LIVE_RUNNING && evict_at(&s->evict) < when)
		when = evict_at(&s->evict);
	when = live_processes_at(s, namespaces_at(s, when));
	when = permits_at(&s->permits, ledger_at(&s->ledger, when));
	when = users_at(s->users, control_at(s->control, when));
	when = sinks_at(&s->sinks, metrics_server_at(s->metrics, when));
	for (size_t i = 0; i < s->children; i++) {
		const struct child *c = &s->child[i];
		short events = may_read(s, c) ? POLLIN : 0;

		if (c == s->forwarder && c->fd >= 0 &&
		    (s->deliver.blocked || s->permits.blocked))
			events |= POLLOUT;
		if (i < s->inspectors && c->fd >= 0 && s->rules[i].due)
			events |= POLLOUT;
		if (c > s->forwarder && s->sinks.sink[live_sink(s, c)].blocked)
			events |= POLLOUT;
		/* Without an event wanted the end of a peer would still be reported. */
		fds[1 + i] = (struct pollfd){.fd = events ? c->fd : -1, .events = events};
	}
	count = 1 + s->children;
	count += control_poll(s->control, fds + count);
	count += metrics_server_poll(s->metrics, fds + count);
	poll(fds, count, when > s->now ? (int)(when - s->now) : 0);
}

static void run(struct supervisor *s)
{
	while (s->phase != LIVE_STOPPED) {
		s->now = child_clock();
		read_signals(s);
		for (size_t i = 0; i < s->children; i++)
			receive(s, &s->child[i]);
		live_commit(s);
		evict(s);
		keep_ledger(s);
		serve_forwarder(s);
		serve_inspectors(s);
		serve_loggers(s);
		control_step(s->control, s->now);
		metrics_server_step(s->metrics, s->now);
		users_step(s->users, s->now);
		policy_files_rotate(s->c, users_clock());
		live_stop_step(s);
		namespaces_step(s, false);
		if (s->phase == LIVE_RUNNING)
			live_start_due(s);
		write_stats(s);
		forget(s);
		if (s->phase != LIVE_STOPPED)
			wait_for_something(s);
	}
}

/* ------------------------------------------------------------------ set-up */

static void prepare_children(struct supervisor *s)
{
	size_t namespaces = s->c->netns_count ? s->c->netns_count : 1;

	s->inspectors = s->c->rings * namespaces;
	for (uint32_t i = 0; i < s->inspectors; i++)
		s->child[i] = (struct child){
			.role = "inspector",
			.index = i,
			.netns = s->c->netns_count ? s->c->netns[i / s->c->rings] : NULL,
			.fd = -1,
		};
	s->forwarder = &s->child[s->inspectors];
	*s->forwarder = (struct child){.role = "forwarder", .fd = -1};
	s->children = s->inspectors + 1 + s->c->sinks;
	for (uint32_t i = 0; i < s->c->sinks; i++)
		s->forwarder[1 + i] = (struct child){
			.role = "log",
			.name = s->c->sink[i].name,
			.index = i,
			.fd = -1,
		};
}

static void take_open_count(void *arg, const char *cloud, uint64_t count)
{
	struct supervisor *s = arg;

	tally_waiting(&s->tally, s->c, cloud, count);
}

static bool open_store(struct supervisor *s)
{
	char *path = below(s->c->state_dir, "supervisor.db");

	s->store = path ? store_open(path) : NULL;
	s->deliver.store = s->store;
	free(path);
	if (!s->store || !journal_open(&s->journal, s->c->state_dir, JOURNAL_NAME, false) ||
	    (s->c->log_sessions &&
	     !journal_open(&s->sessions, s->c->state_dir, JOURNAL_SESSIONS, false)))
		return false;
	/* A full disk is no reason not to start: the next start will do. */
	for (size_t i = 0; i < s->c->clouds; i++)
		if (!store_out_again(s->store, s->c->cloud[i].name))
			log_warning("what waits for cloud %s cannot be offered again: %s",
				    s->c->cloud[i].name, store_error(s->store));
	if (!store_open_counts(s->store, take_open_count, s))
		log_warning("what waits cannot be counted: %s", store_error(s->store));
	return true;
}

/* An agent that may not send still captures: what waits leaves when the ledger is right. */
static bool open_ledger(struct supervisor *s)
{
	if (ledger_open(&s->ledger, s->c->state_dir))
		ledger_append(&s->ledger, NULL, 0, live_wall(), NULL);
	s->permits.deliver = &s->deliver;
	s->permits.ledger = &s->ledger;
	s->permits.counters = &s->counters;
	s->permits.tally = &s->tally;
	s->deliver.permits = &s->permits;
	return permits_init(&s->permits, s->c);
}

static bool open_spool(struct supervisor *s)
{
	struct spool_options options = live_spool(s);

	s->spool = spool_open(&options);
	if (!s->spool)
		return false;
	evict_init(&s->evict, s->spool, &options, s->c->files.max_size, s->store, &s->counters);
	return true;
}

static bool open_users(struct supervisor *s)
{
	char *path = below(s->c->state_dir, "users.db");

	s->users = path ? users_open(&s->c->users, path, &s->counters) : NULL;
	free(path);
	s->deliver.users = s->users;
	return s->users;
}

static void open_sinks(struct supervisor *s)
{
	s->sinks.c = s->c;
	s->sinks.store = s->store;
	s->sinks.users = s->users;
	s->sinks.ledger = &s->ledger;
	s->sinks.deliver = &s->deliver;
	s->sinks.counters = &s->counters;
	sinks_open(&s->sinks);
}

static bool open_control(struct supervisor *s)
{
	s->control =
		control_open(s->c->run_dir, live_commands, &live_documents, s, &s->counters);
	return s->control;
}

static bool open_metrics(struct supervisor *s)
{
	if (!s->c->metrics)
		return true;
	s->metrics = metrics_server_open(s->c->metrics, s->c->run_dir, live_metrics, s,
					 &s->counters);
	return s->metrics;
}

static bool set_up(struct supervisor *s)
{
	if (!make_dirs(s) || !take_lock(s) || !open_signals(s) || !open_kernel(s))
		return false;
	prepare_children(s);
	if (!namespaces_open(s))
		return false;
	/*
	 * Before the database and the control socket are open: the launcher must not know any
	 * sighting, user or client.
	 */
	if (!launcher_start(&s->launcher, live_run, s)) {
		log_error("cannot start the launcher: %s", strerror(errno));
		return false;
	}
	policy_files_read(s->c); /* the same holds for keys */
	s->now = child_clock();
	if (!open_store(s) || !open_spool(s) || !open_users(s) || !open_ledger(s))
		return false;
	open_sinks(s);
	if (!open_control(s) || !open_metrics(s) || !live_start_due(s))
		return false;
	s->stats_at = s->now;
	s->forget_at = s->now;
	if (s->c->netns_count)
		log_info("capturing in %zu namespace%s, with %u ring%s each", s->namespaces,
			 s->namespaces == 1 ? "" : "s", s->c->rings,
			 s->c->rings == 1 ? "" : "s");
	else
		log_info("capturing with %u ring%s", s->c->rings, s->c->rings == 1 ? "" : "s");
	notify("READY=1");
	return true;
}

static void tear_down(struct supervisor *s)
{
	control_close(s->control);
	metrics_server_close(s->metrics);
	users_close(s->users);
	live_abandon(s);
	for (size_t i = 0; i < s->children; i++)
		if (s->child[i].fd >= 0)
			close(s->child[i].fd);
	launcher_stop(&s->launcher);
	namespaces_close(s);
	kernel_close(&s->kernel);
	deliver_free(&s->deliver);
	permits_free(&s->permits);
	sinks_free(&s->sinks);
	ledger_close(&s->ledger, live_wall());
	evict_free(&s->evict);
	if (s->spool)
		spool_close(s->spool);
	journal_close(&s->journal);
	journal_close(&s->sessions);
	store_close(s->store);
	if (s->signals >= 0)
		close(s->signals);
	if (s->lock >= 0)
		close(s->lock);
	free(s->spool_dir);
	free(s->queue_path);
}

int supervisor_run(struct config *c, const char *config_path)
{
	static struct supervisor s;
	bool ok;

	s = (struct supervisor){.c = c, .config_path = config_path, .lock = -1, .signals = -1};
	s.journal.fd = -1;
	s.sessions.fd = -1;
	s.launcher.fd = -1;
	s.ledger.fd = s.ledger.dir = -1;
	memset(s.ring, -1, sizeof(s.ring));
	s.deliver.c = c;
	s.deliver.kernel = &s.kernel;
	s.deliver.counters = &s.counters;
	deliver_init(&s.deliver);

	ok = set_up(&s);
	if (ok) {
		run(&s);
		s.stats_at = 0;
		write_stats(&s);
		log_info("stopped");
	}
	tear_down(&s);
	return ok && !s.failed ? 0 : 1;
}
