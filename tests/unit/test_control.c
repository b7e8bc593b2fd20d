// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "supervisor/control.h"

#include "lib/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void echo(struct control_client *c, void *arg, json_t *request)
{
	(*(unsigned int *)arg)++;
	control_line(c, json_pack("{s:O}", "said", json_object_get(request, "say")));
}

static void fail(struct control_client *c, void *arg, json_t *request)
{
	control_line(c, json_pack("{s:s}", "half", "done"));
	control_error(c, "it is %s", "impossible\xff\n");
}

/* As many bytes as asked for. */
static void many(struct control_client *c, void *arg, json_t *request)
{
	json_int_t n = json_integer_value(json_object_get(request, "lines"));
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	while (n-- > 0)
		control_line(c, json_pack("{s:s}", "text", text));
}

static const struct control_command commands[] = {
	{"echo", echo},
	{"fail", fail},
	{"many", many},
	{0},
};

FIXTURE(control)
{
	char dir[64];
	char path[128];
	struct counters counters;
	unsigned int echoed;
	struct control *control;
	uint64_t now;
	struct buf got;
};

FIXTURE_SETUP(control)
{
	strcpy(self->dir, "/tmp/sluice-control-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->path, sizeof(self->path), "%s/%s", self->dir, CONTROL_NAME);
	memset(&self->counters, 0, sizeof(self->counters));
	self->echoed = 0;
	self->now = 1000;
	buf_init(&self->got, 64u << 20);
	self->control = control_open(self->dir, commands, NULL, &self->echoed, &self->counters);
	ASSERT_NE(NULL, self->control);
}

FIXTURE_TEARDOWN(control)
{
	control_close(self->control);
	EXPECT_NE(0, access(self->path, F_OK));
	EXPECT_EQ(0, rmdir(self->dir));
	buf_free(&self->got);
}

static int dial(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(to.sun_path, path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void steps(FIXTURE_DATA(control) *self, int n)
{
	while (n-- > 0)
		control_step(self->control, self->now);
}

/* What has come; *closed: and nothing more will. */
static const char *hear(FIXTURE_DATA(control) *self, int fd, bool *closed)
{
	char room[65536];
	ssize_t n;

	buf_reset(&self->got);
	if (closed)
		*closed = false;
	for (int i = 0; i < 2000; i++) {
		control_step(self->control, self->now);
		n = recv(fd, room, sizeof(room), 0);
		if (n > 0) {
			buf_add(&self->got, room, (size_t)n);
			i = 0;
		} else if (n == 0 || errno != EAGAIN) {
			if (closed)
				*closed = true;
			break;
		} else if (i > 20) {
			break;
		}
	}
	return buf_string(&self->got);
}

static void say(struct __test_metadata *_metadata, int fd, const char *text)
{
	ASSERT_EQ((ssize_t)strlen(text), send(fd, text, strlen(text), MSG_NOSIGNAL));
}

TEST_F(control, answers)
{
	int fd = dial(self->path);

	ASSERT_LE(0, fd);
	say(_metadata, fd, "{\"command\": \"echo\", \"say\": [1]}\n");
	EXPECT_STREQ("{\"said\":[1]}\n{\"ok\":true}\n", hear(self, fd, NULL));
	say(_metadata, fd, "{\"command\": \"commands\"}\n");
	EXPECT_STREQ("{\"command\":\"echo\"}\n{\"command\":\"fail\"}\n"
		     "{\"command\":\"many\"}\n{\"ok\":true}\n",
		     hear(self, fd, NULL));
	EXPECT_EQ(2, self->counters.value[COUNTER_CONTROL_REQUESTS]);
	close(fd);
	steps(self, 2);
}

/* An answer that is an error has nothing else in it, whatever was said before. */
TEST_F(control, errors)
{
	int fd = dial(self->path);

	say(_metadata, fd, "{\"command\": \"fail\"}\n");
	EXPECT_STREQ("{\"error\":\"it is impossible?\\n\"}\n", hear(self, fd, NULL));
	say(_metadata, fd, "{\"command\": \"nonsense\"}\n");
	EXPECT_NE(NULL, strstr(hear(self, fd, NULL), "\\\"nonsense\\\" is no command"));
	say(_metadata, fd, "[1]\n");
	EXPECT_NE(NULL, strstr(hear(self, fd, NULL), "expected an object"));
	say(_metadata, fd, "{\"command\": 1}\n");
	EXPECT_NE(NULL, strstr(hear(self, fd, NULL), "expected an object"));
	say(_metadata, fd, "{\"command\": \"echo\"\n");
	EXPECT_NE(NULL, strstr(hear(self, fd, NULL), "{\"error\":\"no JSON object"));
	say(_metadata, fd, "{\"command\": \"echo\", \"command\": \"fail\"}\n");
	EXPECT_NE(NULL, strstr(hear(self, fd, NULL), "duplicate"));
	/* And the line after it is as good as before. */
	say(_metadata, fd, "\n \n{\"command\": \"echo\", \"say\": 1}\n");
	EXPECT_STREQ("{\"said\":1}\n{\"ok\":true}\n", hear(self, fd, NULL));
	close(fd);
}

TEST_F(control, in_pieces_and_many_at_once)
{
	const char *text = "{\"command\":\"echo\",\"say\":1}\n";
	char twice[256];
	bool closed;
	int fd = dial(self->path);

	for (const char *p = text; *p; p++) {
		ASSERT_EQ(1, send(fd, p, 1, MSG_NOSIGNAL));
		steps(self, 1);
	}
	EXPECT_STREQ("{\"said\":1}\n{\"ok\":true}\n", hear(self, fd, NULL));
	/* The last one without an end of line, but then the end of it all. */
	snprintf(twice, sizeof(twice), "%s%s%.*s", text, text, (int)strlen(text) - 1, text);
	say(_metadata, fd, twice);
	shutdown(fd, SHUT_WR);
	EXPECT_STREQ("{\"said\":1}\n{\"ok\":true}\n{\"said\":1}\n{\"ok\":true}\n"
		     "{\"said\":1}\n{\"ok\":true}\n",
		     hear(self, fd, &closed));
	EXPECT_TRUE(closed);
	EXPECT_EQ(4, self->echoed);
	close(fd);
}

/* After a request that was served there is the next: nobody has to wake us. */
TEST_F(control, wakes_for_what_is_read_already)
{
	int fd = dial(self->path);

	steps(self, 1);
	EXPECT_EQ(self->now + CONTROL_IDLE_MS, control_at(self->control, UINT64_MAX));
	EXPECT_EQ(5, control_at(self->control, 5));
	say(_metadata, fd, "{\"command\":\"echo\"}\n{\"command\":\"echo\"}\n");
	steps(self, 1);
	EXPECT_EQ(self->now, control_at(self->control, UINT64_MAX));
	close(fd);
}

TEST_F(control, mode_and_peer)
{
	struct stat st;
	int status;
	pid_t pid;

	ASSERT_EQ(0, lstat(self->path, &st));
	EXPECT_TRUE(S_ISSOCK(st.st_mode));
	EXPECT_EQ(0600, st.st_mode & 07777);
	if (geteuid() != 0)
		SKIP(return, "needs root to be somebody else");
	/* Even where the mode would let them. */
	ASSERT_EQ(0, chmod(self->path, 0666));
	ASSERT_EQ(0, chmod(self->dir, 0755));
	pid = fork();
	if (pid == 0) {
		char text[256] = "";
		int fd;

		if (setgid(65534) || setuid(65534))
			_exit(1);
		fd = dial(self->path);
		if (fd < 0)
			_exit(2);
		fcntl(fd, F_SETFL, 0);
		_exit(recv(fd, text, sizeof(text) - 1, 0) > 0 && strstr(text, "not allowed") &&
				      recv(fd, text, sizeof(text), 0) == 0
			      ? 0
			      : 3);
	}
	for (int i = 0; i < 1000 && waitpid(pid, &status, WNOHANG) == 0; i++) {
		steps(self, 1);
		usleep(5000);
	}
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, self->counters.value[COUNTER_CONTROL_REFUSED]);
}

TEST_F(control, too_many_clients)
{
	int fd[CONTROL_CLIENTS_MAX + 1];
	bool closed;

	for (int i = 0; i <= CONTROL_CLIENTS_MAX; i++) {
		fd[i] = dial(self->path);
		ASSERT_LE(0, fd[i]);
		steps(self, 1);
	}
	EXPECT_NE(NULL, strstr(hear(self, fd[CONTROL_CLIENTS_MAX], &closed), "too many"));
	EXPECT_TRUE(closed);
	EXPECT_EQ(1, self->counters.value[COUNTER_CONTROL_REFUSED]);
	/* One that goes makes room. */
	close(fd[3]);
	close(fd[CONTROL_CLIENTS_MAX]);
	steps(self, 2);
	fd[3] = dial(self->path);
	steps(self, 1);
	say(_metadata, fd[3], "{\"command\":\"echo\",\"say\":3}\n");
	EXPECT_STREQ("{\"said\":3}\n{\"ok\":true}\n", hear(self, fd[3], NULL));
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fd[i]);
}

TEST_F(control, too_long_a_request)
{
	static char text[65536];
	bool closed = false;
	size_t sent = 0;
	int fd = dial(self->path);

	memset(text, ' ', sizeof(text));
	text[0] = '{';
	for (int i = 0; i < 100000 && sent <= 2ull * CONTROL_REQUEST_MAX; i++) {
		ssize_t n = send(fd, text, sizeof(text), MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		steps(self, 1);
	}
	EXPECT_LT(sent, 2ull * CONTROL_REQUEST_MAX);
	EXPECT_NE(NULL, strstr(hear(self, fd, &closed), "longer than 16777216 bytes"));
	EXPECT_TRUE(closed);
	EXPECT_EQ(1, self->counters.value[COUNTER_CONTROL_DROPPED]);
	close(fd);
}

TEST_F(control, long_answers)
{
	const char *got;
	int fd = dial(self->path);

	say(_metadata, fd, "{\"command\":\"many\",\"lines\":4000}\n");
	got = hear(self, fd, NULL);
	EXPECT_EQ(4000 * strlen("{\"text\":\"\"}\n") + 4000 * 999 + strlen("{\"ok\":true}\n"),
		  strlen(got));
	say(_metadata, fd, "{\"command\":\"many\",\"lines\":5000}\n");
	EXPECT_STREQ("{\"error\":\"the answer is longer than 4194304 bytes: ask for less\"}\n",
		     hear(self, fd, NULL));
	close(fd);
}

/* Who does not read is hung up on, and keeps nobody else from being served meanwhile. */
TEST_F(control, slow_and_idle)
{
	int slow = dial(self->path), idle = dial(self->path), good = dial(self->path);
	bool closed;

	steps(self, 4);
	say(_metadata, slow, "{\"command\":\"many\",\"lines\":4000}\n");
	steps(self, 10);
	say(_metadata, slow, "{\"command\":\"echo\"}\n");
	self->now += CONTROL_IDLE_MS / 2;
	say(_metadata, good, "{\"command\":\"echo\",\"say\":1}\n");
	EXPECT_STREQ("{\"said\":1}\n{\"ok\":true}\n", hear(self, good, NULL));
	EXPECT_EQ(1, self->echoed);
	self->now += CONTROL_IDLE_MS / 2;
	steps(self, 1);
	EXPECT_EQ(2, self->counters.value[COUNTER_CONTROL_DROPPED]);
	hear(self, idle, &closed);
	EXPECT_TRUE(closed);
	hear(self, slow, &closed);
	EXPECT_TRUE(closed);
	hear(self, good, &closed);
	EXPECT_FALSE(closed);
	close(slow);
	close(idle);
	close(good);
}

TEST_F(control, no_descriptor_for_one_more)
{
	struct pollfd fds[CONTROL_FDS_MAX];
	int fd = dial(self->path), next = dup(0);
	struct rlimit limit, less;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, next);
	close(next);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	less = limit;
	less.rlim_cur = (rlim_t)next;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &less));
	steps(self, 1);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	/* Not told of it for a second. */
	ASSERT_EQ(1, control_poll(self->control, fds));
	EXPECT_EQ(0, poll(fds, 1, 0));
	EXPECT_EQ(self->now + 1000, control_at(self->control, UINT64_MAX));
	self->now += 999;
	steps(self, 1);
	EXPECT_EQ(1, control_poll(self->control, fds));
	self->now++;
	steps(self, 1);
	EXPECT_EQ(2, control_poll(self->control, fds));
	EXPECT_LE(0, fds[0].fd);
	close(fd);
}

TEST_F(control, the_name)
{
	char path[sizeof(self->path)], longer[CONTROL_DIR_MAX + 2];
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd;

	/* Somebody listens. */
	EXPECT_EQ(NULL, control_open(self->dir, commands, NULL, NULL, &self->counters));
	EXPECT_EQ(0, access(self->path, F_OK));
	control_close(self->control);
	/* Nobody does any more. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(to.sun_path, self->path);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&to, sizeof(to)));
	close(fd);
	self->control = control_open(self->dir, commands, NULL, &self->echoed, &self->counters);
	ASSERT_NE(NULL, self->control);
	fd = dial(self->path);
	EXPECT_LE(0, fd);
	close(fd);
	control_close(self->control);
	/* It is something else. */
	memcpy(path, self->path, sizeof(path));
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	EXPECT_EQ(NULL, control_open(self->dir, commands, NULL, NULL, &self->counters));
	EXPECT_EQ(0, access(path, F_OK));
	close(fd);
	unlink(path);
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	EXPECT_EQ(NULL, control_open(longer, commands, NULL, NULL, &self->counters));
	self->control = control_open(self->dir, commands, NULL, &self->echoed, &self->counters);
	ASSERT_NE(NULL, self->control);
}

TEST_HARNESS_MAIN
