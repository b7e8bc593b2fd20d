// SPDX-License-Identifier: MIT
/*
 * Plays the supervisor for a real forwarder process, for tests/cloud/forwarder.t.
 *
 *	forwarder_driver NAME=VALUE...
 *
 * Makes samples in dir/spool, submits them to a cloud "test" and waits for their
 * results. Like the supervisor it submits again, to a forwarder started again,
 * what was not acknowledged. Every message received is printed as a line. Status 0:
 * every submission has a final result.
 */
#include "cloud/request.h"
#include "forwarder/forwarder.h"
#include "lib/log.h"
#include "lib/msg.h"
#include "policy/rule.h"
#include "sample/spool.h"

#include <errno.h>
#include <openssl/sha.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* X(name, default, help) */
#define TEXT_OPTIONS(X)                                                                       \
	X(dir, "", "for queue.db and spool/")                                                 \
	X(kind, "wildfire", "of the cloud")                                                   \
	X(url, "", "of the cloud")                                                            \
	X(path, "", "of the cloud")                                                           \
	X(key, "KEY", "of the cloud")                                                         \
	X(token, "", "of the cloud")                                                          \
	X(certificate, "", "file")                                                            \
	X(certificate_key, "", "file")                                                        \
	X(pinned, "", "of the cloud")                                                         \
	X(user, "", "of the cloud")                                                           \
	X(s3_region, "", "of the cloud")                                                      \
	X(proxy, "", "of the cloud")                                                          \
	X(ca, "", "file")                                                                     \
	X(later, "", "sightings of the cloud: first or all")                                  \
	X(given, "",                                                                          \
	  "file of lines ID SHA256 SIZE KIND ENVELOPE-FILE UPLOAD-NAME: of samples that are " \
	  "in the spool")                                                                     \
	X(prefix, "", "of the samples' content: other samples")

#define NUMBER_OPTIONS(X)                                                      \
	X(samples, 1, "how many")                                              \
	X(size, 1000, "bytes of each, at least 32")                            \
	X(sightings, 1, "of each sample")                                      \
	X(session, 1, "send the envelope")                                     \
	X(refuse, 0, "so many envelopes are refused first")                    \
	X(silent, 0, "never answer for an envelope")                           \
	X(deny, 0, "so many requests may not leave at first")                  \
	X(deny_carrying, 0, "so many with a sample may not, at first")         \
	X(revoke, 0, "so many with a sample are revoked under way")            \
	X(retry_min, 1, "seconds")                                             \
	X(retry_max, 2, "seconds")                                             \
	X(timeout, 20, "seconds of one request")                               \
	X(uploads_per_minute, 0, "of the cloud")                               \
	X(queries_per_minute, 0, "of the cloud")                               \
	X(max_size, 0, "of the cloud")                                         \
	X(lookup_batch, 500, "samples in one question")                        \
	X(link_batch, 1, "links in one list")                                  \
	X(link_wait, 1, "seconds a link waits for others")                     \
	X(verdict_poll, 30, "seconds until a verdict is asked for")            \
	X(verdict_wait, 0, "seconds that one is waited for")                   \
	X(verdict_life, 0, "seconds that an answer is good")                   \
	X(link, 0, "samples are links")                                        \
	X(mark, 0, "of sockets")                                               \
	X(sandbox, 1, "enter it")                                              \
	X(kills, 0, "so many times SIGKILL, at random")                        \
	X(kill_after, 400, "milliseconds at most until the next kill")         \
	X(deny_many, 0, "so many times no question about many, by its second") \
	X(limit, 60, "seconds until the driver gives up")                      \
	X(submit, 1, "0: only wait for results of what is queued")             \
	X(preview, 0, "show what would leave, as in leave lines; end")         \
	X(linger, 0, "milliseconds to go on after the last result")

static struct {
#define TEXT_FIELD(name, value, help) const char *name;
	TEXT_OPTIONS(TEXT_FIELD)
#define NUMBER_FIELD(name, value, help) unsigned long name;
	NUMBER_OPTIONS(NUMBER_FIELD)
} o = {
#define TEXT_DEFAULT(name, value, help) .name = value,
	TEXT_OPTIONS(TEXT_DEFAULT)
#define NUMBER_DEFAULT(name, value, help) .name = value,
		NUMBER_OPTIONS(NUMBER_DEFAULT)};

struct submission {
	uint8_t id[SIGHTING_ID_SIZE], sha256[SHA256_SIZE];
	uint64_t size;
	enum sighting_kind kind;
	char *envelope, *upload_name; /* NULL: made up */
	bool queued, final;
};

static struct submission *list;
static size_t count, finals;
static long last; /* time of the last of them */
static long last; /* time of the last of them */
static pid_t forwarder;
static int fd = -1;

static void die(const char *what)
{
	fprintf(stderr, "forwarder_driver: %s: %s\n", what, strerror(errno));
	if (forwarder)
		kill(forwarder, SIGKILL);
	exit(2);
}

static long clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void read_options(char **arg)
{
	for (; *arg; arg++) {
		char *value = strchr(*arg, '=');
		bool known = false;

		if (value)
			*value++ = '\0';
#define READ_TEXT(name, initial, help)       \
	if (value && !strcmp(*arg, #name)) { \
		o.name = value;              \
		known = true;                \
	}
		TEXT_OPTIONS(READ_TEXT)
#define READ_NUMBER(name, initial, help)           \
	if (value && !strcmp(*arg, #name)) {       \
		o.name = strtoul(value, NULL, 10); \
		known = true;                      \
	}
		NUMBER_OPTIONS(READ_NUMBER)
		if (!known) {
			fprintf(stderr, "forwarder_driver: unknown option %s\n", *arg);
			exit(2);
		}
	}
}

static void make_sample(size_t number, uint8_t sha256[static SHA256_SIZE])
{
	char text[64], path[SPOOL_PATH_MAX], spool[2048];
	uint8_t *content = calloc(1, o.size);
	FILE *f;

	snprintf(text, sizeof(text), "%s sample %zu\n", o.prefix, number);
	if (o.link) {
		memset(content, 'a', o.size);
		snprintf(text, sizeof(text), "https://host.test/%zu?%s=", number, o.prefix);
	}
	memcpy(content, text, strlen(text));
	SHA256(content, o.size, sha256);
	snprintf(spool, sizeof(spool), "%s/spool", o.dir);
	mkdir(spool, 0700);
	if (!spool_path(spool, sha256, path, sizeof(path)))
		die("path");
	*strrchr(path, '/') = '\0';
	*strrchr(path, '/') = '\0';
	mkdir(path, 0700);
	path[strlen(path)] = '/';
	mkdir(path, 0700);
	path[strlen(path)] = '/';
	f = fopen(path, "w");
	if (!f || fwrite(content, 1, o.size, f) != o.size || fclose(f))
		die(path);
	free(content);
}

static void make_list(void)
{
	count = o.samples * o.sightings;
	list = calloc(count, sizeof(*list));
	for (size_t i = 0; i < o.samples; i++) {
		uint8_t sha256[SHA256_SIZE];

		make_sample(i, sha256);
		for (size_t k = 0; k < o.sightings; k++) {
			struct submission *s = &list[i * o.sightings + k];

			memcpy(s->sha256, sha256, sizeof(sha256));
			memcpy(s->id, sha256, sizeof(s->id));
			s->id[0] = (uint8_t)k;
			s->queued = !o.submit;
			s->size = o.size;
			s->kind = o.link ? SIGHTING_KIND_LINK : SIGHTING_KIND_FILE;
		}
	}
}

static struct cloud_config configured(char *ca)
{
	return (struct cloud_config){
		.name = "test",
		.ops = cloud_find(o.kind),
		.url = (char *)o.url,
		.path = (char *)o.path,
		.key = (char *)o.key,
		.token = (char *)o.token,
		.pinned = (char *)o.pinned,
		.proxy = (char *)o.proxy,
		.user = (char *)o.user,
		.s3_region = (char *)o.s3_region,
		.ca = ca,
		.session = o.session,
		.sightings = !strcmp(o.later, "all")	 ? CLOUD_SIGHTINGS_ALL
			     : !strcmp(o.later, "first") ? CLOUD_SIGHTINGS_FIRST
							 : CLOUD_SIGHTINGS_DEFAULT,
		.timeout = o.timeout,
		.max_size = o.max_size,
		.lookup_batch = (uint32_t)o.lookup_batch,
		.link_batch = (uint32_t)o.link_batch,
		.link_wait = (uint32_t)o.link_wait,
		.quota[CLOUD_UPLOADS_PER_MINUTE] = (uint32_t)o.uploads_per_minute,
		.quota[CLOUD_QUERIES_PER_MINUTE] = (uint32_t)o.queries_per_minute,
	};
}

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "re");
	size_t room = 0;
	char *text = NULL;

	if (!f || getline(&text, &room, f) < 0)
		die(path);
	fclose(f);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* A line of `given`. */
static bool take_given(struct submission *s, char *line)
{
	char id[64], hash[SHA256_TEXT + 1], kind[16], path[1024];
	unsigned long long size;
	int name = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%63s %65s %llu %15s %1023s %n", id, hash, &size, kind, path, &name) !=
		    5 ||
	    !sighting_id_parse(id, s->id) || !sha256_parse(hash, s->sha256))
		return false;
	s->size = size;
	s->kind = strcmp(kind, "link") ? SIGHTING_KIND_FILE : SIGHTING_KIND_LINK;
	s->envelope = read_text(path);
	s->upload_name = strdup(line + name);
	return true;
}

static void read_given(void)
{
	FILE *f = fopen(o.given, "re");
	size_t room = 0;
	char *line = NULL;

	list = calloc(64, sizeof(*list));
	while (f && count < 64 && getline(&line, &room, f) > 0)
		if (!take_given(&list[count++], line))
			die(line);
	free(line);
	if (!f || fclose(f))
		die(o.given);
}

static void read_pem(const char *path, char text[static 65536])
{
	FILE *f = *path ? fopen(path, "re") : NULL;

	if (f) {
		text[fread(text, 1, 65535, f)] = '\0';
		fclose(f);
	} else if (*path) {
		die(path);
	}
}

static void run_forwarder(int socket)
{
	static char ca[65536], certificate[65536], certificate_key[65536];
	char queue[2048], spool[2048];
	struct cloud_config cloud = configured(ca);
	struct forwarder_config config = {
		.supervisor = socket,
		.queue_path = queue,
		.spool_dir = spool,
		.cloud = &cloud,
		.clouds = 1,
		.retry_min = o.retry_min,
		.retry_max = o.retry_max,
		.verdict = {.poll = (uint32_t)o.verdict_poll,
			    .wait = (uint32_t)o.verdict_wait,
			    .benign = (uint32_t)o.verdict_life,
			    .malicious = (uint32_t)o.verdict_life},
		.socket_mark = o.mark,
		.sandbox = o.sandbox,
	};

	read_pem(o.ca, ca);
	read_pem(o.certificate, certificate);
	read_pem(o.certificate_key, certificate_key);
	cloud.certificate = certificate;
	cloud.certificate_key = certificate_key;
	snprintf(queue, sizeof(queue), "%s/queue.db", o.dir);
	snprintf(spool, sizeof(spool), "%s/spool", o.dir);
	exit(forwarder_run(&config));
}

static void start_forwarder(void)
{
	int pair[2];

	if (!msg_pair(pair))
		die("socketpair");
	fflush(stdout);
	forwarder = fork();
	if (forwarder < 0)
		die("fork");
	if (forwarder == 0) {
		close(pair[0]);
		run_forwarder(pair[1]);
	}
	close(pair[1]);
	fd = pair[0];
}

static void on_message(const struct msg_view *v);

static void end_forwarder(int sig)
{
	static uint8_t room[MSG_MAX];
	struct msg_view v;
	int status;

	if (sig)
		kill(forwarder, sig);
	waitpid(forwarder, &status, 0);
	/* What it said before it died counts: it will not be said again. */
	while (msg_receive(fd, room, &v) == MSG_OK)
		on_message(&v);
	close(fd);
	if (WIFSIGNALED(status))
		printf("killed %d\n", WTERMSIG(status));
	else
		printf("exit %d\n", WEXITSTATUS(status));
	forwarder = 0;
}

static bool send_or_lose(struct msg *m)
{
	enum msg_result r = msg_send(fd, m);

	msg_free(m);
	return r == MSG_OK;
}

static bool submit(const struct submission *s)
{
	struct msg m;

	msg_init(&m);
	msg_begin(&m, MSG_SUBMIT);
	msg_put(&m, MSG_A_ID, s->id, sizeof(s->id));
	msg_put_string(&m, MSG_A_CLOUD, "test");
	msg_put(&m, MSG_A_SHA256, s->sha256, sizeof(s->sha256));
	msg_put_u64(&m, MSG_A_SIZE, s->size);
	msg_put_u64(&m, MSG_A_PRIORITY, RULE_PRIORITY_NORMAL);
	return send_or_lose(&m);
}

#define UPLOAD_NAME "na\"me\r\nX-Injected: yes"
#define ENVELOPE_SIZE 256

static const char *envelope(const struct submission *s, char json[static ENVELOPE_SIZE])
{
	char hash[SHA256_TEXT];

	snprintf(json, ENVELOPE_SIZE, "{\"sluice\":{\"sha256\":\"%s\"}}",
		 sha256_text(s->sha256, hash));
	return json;
}

static void print_leave(const uint8_t id[static SIGHTING_ID_SIZE], const char *name,
			const uint8_t sha256[static SHA256_SIZE], uint64_t size,
			uint64_t carries, const char *url)
{
	char text[SIGHTING_ID_TEXT], hash[SHA256_TEXT];

	printf("leave %s %s %s %llu %llu %s\n", sighting_id_text(id, text), name,
	       sha256_text(sha256, hash), (unsigned long long)size, (unsigned long long)carries,
	       url);
}

static void show(void *arg, const struct cloud_preview *p)
{
	const struct submission *s = arg;
	const struct request *r = p->request;
	char hash[SHA256_TEXT], *store = NULL;

	/* The ledger has the sample's path. */
	if (r->local && asprintf(&store, "%s/%s", o.path, sha256_text(s->sha256, hash)) < 0)
		die("memory");
	print_leave(s->id, p->name, r->sha256, r->bytes, p->carries,
		    store ? store : buf_string((struct buf *)&r->url));
	free(store);
}

static void preview(struct submission *s)
{
	struct cloud_config cloud = configured(NULL);
	struct cloud_submission sub = {
		.cloud = &cloud,
		.size = s->size,
		.sample_kind = s->kind,
	};
	char path[SPOOL_PATH_MAX], spool[2048], json[ENVELOPE_SIZE];
	struct cloud_result result;

	snprintf(spool, sizeof(spool), "%s/spool", o.dir);
	if (!spool_path(spool, s->sha256, path, sizeof(path)))
		die("path");
	sub.sample_path = path;
	memcpy(sub.id, s->id, sizeof(sub.id));
	memcpy(sub.sha256, s->sha256, sizeof(sub.sha256));
	if (!cloud.ops->preview(&sub, envelope(s, json), UPLOAD_NAME, show, s, &result))
		printf("not made: %s\n", result.detail);
}

static void answer_envelope(const struct submission *s)
{
	char json[ENVELOPE_SIZE];
	bool refuse = o.refuse > 0;
	struct msg m;

	if (o.silent)
		return;
	if (refuse)
		o.refuse--;
	msg_init(&m);
	msg_begin(&m, MSG_ENVELOPE);
	msg_put(&m, MSG_A_ID, s->id, sizeof(s->id));
	msg_put_string(&m, MSG_A_CLOUD, "test");
	msg_put_u64(&m, MSG_A_STATUS, refuse);
	if (refuse) {
		msg_put_string(&m, MSG_A_TEXT, "policy in pieces");
	} else {
		msg_put_u64(&m, MSG_A_KIND, s->kind);
		msg_put_string(&m, MSG_A_JSON, s->envelope ? s->envelope : envelope(s, json));
		msg_put_string(&m, MSG_A_FILENAME,
			       s->upload_name ? s->upload_name : UPLOAD_NAME);
	}
	send_or_lose(&m);
}

static bool leave_denied(uint64_t carries)
{
	if (o.deny) {
		o.deny--;
		return true;
	}
	if (carries && o.deny_carrying) {
		o.deny_carrying--;
		return true;
	}
	return false;
}

/* How many sightings a request is about, and which is the second. */
static size_t count_ids(const struct msg_view *v, uint8_t second[static SIGHTING_ID_SIZE])
{
	const uint8_t *p;
	size_t at = 0, n, ids = 0;
	uint16_t tag;

	while (msg_next(v, &at, &tag, &p, &n))
		if (tag == MSG_A_ID && n == SIGHTING_ID_SIZE && ++ids == 2)
			memcpy(second, p, n);
	return ids;
}

static void answer_leave(const struct submission *s, const struct msg_view *v)
{
	uint8_t sha256[SHA256_SIZE];
	char text[64], url[256], id[SIGHTING_ID_TEXT];
	uint64_t size = 0, carries = 0, slot = 99;
	struct msg m;
	uint8_t second[SIGHTING_ID_SIZE];
	size_t many = count_ids(v, second);

	if (!msg_get_exact(v, MSG_A_SHA256, sha256, sizeof(sha256)) ||
	    !msg_get_string(v, MSG_A_TEXT, text, sizeof(text)) ||
	    !msg_get_string(v, MSG_A_URL, url, sizeof(url)) ||
	    !msg_get_u64(v, MSG_A_SIZE, &size) || !msg_get_u64(v, MSG_A_CARRIES, &carries) ||
	    !msg_get_u64(v, MSG_A_SLOT, &slot) || slot >= CLOUD_SLOTS ||
	    (many > 1 && slot < CLOUD_ATTEMPTS) || (many == 1 && slot == CLOUD_SLOT_LOOKUP)) {
		printf("bad leave\n");
		return;
	}
	msg_init(&m);
	msg_begin(&m, MSG_GO);
	msg_put(&m, MSG_A_ID, s->id, sizeof(s->id));
	msg_put_string(&m, MSG_A_CLOUD, "test");
	msg_put(&m, MSG_A_SHA256, sha256, sizeof(sha256));
	if (many > 1)
		printf("about %zu\n", many);
	if (many > 1 && o.deny_many) {
		o.deny_many--;
		msg_put(&m, MSG_A_DENIED, second, sizeof(second));
		o.deny++;
	}
	if (leave_denied(carries)) {
		printf("denied %s %s\n", sighting_id_text(s->id, id), text);
		msg_put_u64(&m, MSG_A_STATUS, 1);
		msg_put_string(&m, MSG_A_TEXT, "the ledger is on fire");
		send_or_lose(&m);
		return;
	}
	print_leave(s->id, text, sha256, size, carries, url);
	msg_put_u64(&m, MSG_A_STATUS, 0);
	if (!send_or_lose(&m) || !carries || !o.revoke)
		return;
	o.revoke--;
	usleep(300000);
	msg_init(&m);
	msg_begin(&m, MSG_REVOKE);
	msg_put(&m, MSG_A_ID, s->id, sizeof(s->id));
	msg_put_string(&m, MSG_A_CLOUD, "test");
	msg_put_string(&m, MSG_A_TEXT, "second thoughts");
	send_or_lose(&m);
}

static struct submission *find(const struct msg_view *v)
{
	uint8_t id[SIGHTING_ID_SIZE];

	if (msg_get_exact(v, MSG_A_ID, id, sizeof(id)))
		for (size_t i = 0; i < count; i++)
			if (!memcmp(list[i].id, id, sizeof(id)))
				return &list[i];
	return NULL;
}

static void print_counters(const struct msg_view *v)
{
	const uint8_t *p;
	uint64_t value;
	uint16_t tag;
	size_t at = 0, n;

	printf("counters");
	while (msg_next(v, &at, &tag, &p, &n)) {
		if (tag == MSG_A_COUNTER_NAME) {
			printf(" %.*s", (int)n, (const char *)p);
		} else {
			memcpy(&value, p, sizeof(value));
			printf("=%llu", (unsigned long long)value);
		}
	}
	printf("\n");
}

static void on_message(const struct msg_view *v)
{
	struct submission *s = find(v);
	char id[SIGHTING_ID_TEXT], text[CLOUD_DETAIL_MAX];
	uint64_t status = 0, verdict = 0;

	if (v->type == MSG_COUNTERS) {
		print_counters(v);
		return;
	}
	if (!s) {
		printf("stranger %s\n", msg_type_text(v->type));
		return;
	}
	sighting_id_text(s->id, id);
	switch (v->type) {
	case MSG_QUEUED:
		printf("queued %s\n", id);
		s->queued = true;
		break;
	case MSG_RENDER:
		printf("render %s\n", id);
		answer_envelope(s);
		break;
	case MSG_LEAVE:
		answer_leave(s, v);
		break;
	case MSG_VERDICT:
		msg_get_u64(v, MSG_A_VERDICT, &verdict);
		printf("verdict %s %lld\n", id, (long long)(int64_t)verdict);
		break;
	case MSG_RESULT:
		msg_get_u64(v, MSG_A_STATUS, &status);
		msg_get_u64(v, MSG_A_VERDICT, &verdict);
		msg_get_string(v, MSG_A_TEXT, text, sizeof(text));
		printf("result %s %s %lld %s\n", id, cloud_outcome_name(status),
		       (long long)(int64_t)verdict, text);
		if (cloud_outcome_final(status) && !s->final) {
			s->final = true;
			finals++;
			last = clock_ms();
		}
		break;
	}
}

/* One life of a forwarder; true: it was ours to end. */
static bool serve(long until)
{
	static uint8_t room[MSG_MAX];
	size_t next = 0;

	while (clock_ms() < until && (finals < count || clock_ms() < last + (long)o.linger)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		struct msg_view v;

		while (next < count && list[next].queued)
			next++;
		if (next < count)
			p.events |= POLLOUT;
		if (poll(&p, 1, 20) < 0)
			die("poll");
		if (p.revents & POLLIN) {
			switch (msg_receive(fd, room, &v)) {
			case MSG_OK:
				on_message(&v);
				break;
			case MSG_CLOSED:
				return false;
			default:
				die("message of the forwarder");
			}
		} else if (p.revents & POLLOUT) {
			if (submit(&list[next++]) == false)
				return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	long end;

	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	read_options(argv + 1);
	log_init("forwarder", LOG_LEVEL_DEBUG);
	signal(SIGPIPE, SIG_IGN);
	srandom((unsigned int)getpid());
	if (*o.given)
		read_given();
	else
		make_list();
	if (o.preview) {
		for (size_t i = 0; i < count; i++)
			preview(&list[i]);
		return 0;
	}
	end = clock_ms() + (long)o.limit * 1000;
	while (finals < count && clock_ms() < end) {
		long life = o.kills ? 1 + random() % (long)o.kill_after : 0;
		long until = o.kills ? clock_ms() + life : end;
		bool alive;

		start_forwarder();
		alive = serve(until);
		if (o.kills) {
			end_forwarder(SIGKILL);
			o.kills--;
			continue;
		}
		end_forwarder(alive ? SIGTERM : 0);
		if (!alive)
			break;
	}
	printf("final %zu of %zu\n", finals, count);
	return finals == count ? 0 : 1;
}
