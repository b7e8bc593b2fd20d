// SPDX-License-Identifier: MIT
#include "ctl/agent.h"

#include "ctl/ctl.h"
#include "supervisor/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_SECONDS 30

static int refused(const struct sockaddr_un *to)
{
	if (errno == ENOENT || errno == ECONNREFUSED)
		ctl_error("no agent is running: nobody listens on %s", to->sun_path);
	else if (errno == EACCES || errno == EPERM)
		ctl_error("%s: no permission: expected root or the agent's own user",
			  to->sun_path);
	else
		ctl_error("%s: %s", to->sun_path, strerror(errno));
	return -1;
}

/* The connected socket, or -1 after an error message. */
static int agent_connect(const char *run_dir)
{
	struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd;

	if (snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s", run_dir, CONTROL_NAME) >=
	    (int)sizeof(to.sun_path)) {
		ctl_error("--run-dir: longer than %d bytes", CONTROL_DIR_MAX);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		refused(&to);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* What cannot be sent to the end was refused before it: the answer says why. */
static bool send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno == EPIPE || errno == ECONNRESET;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

enum word { WORD_LINE, WORD_OK, WORD_ERROR };

static enum word take(const char *text, void (*line)(void *arg, json_t *object), void *arg)
{
	json_t *object = json_loads(text, 0, NULL);
	enum word word = WORD_LINE;

	if (!json_is_object(object)) {
		ctl_error("the agent's answer is no JSON object: %.80s", text);
		word = WORD_ERROR;
	} else if (json_object_get(object, "error")) {
		ctl_error("%s", json_string_value(json_object_get(object, "error")));
		word = WORD_ERROR;
	} else if (json_is_true(json_object_get(object, "ok"))) {
		word = WORD_OK;
	} else if (line) {
		line(arg, object);
	}
	json_decref(object);
	return word;
}

static bool receive(int fd, void (*line)(void *arg, json_t *object), void *arg)
{
	FILE *from = fdopen(fd, "r");
	enum word word = WORD_LINE;
	char *text = NULL;
	size_t room = 0;

	if (!from) {
		ctl_error("out of memory");
		close(fd);
		return false;
	}
	errno = 0;
	while (word == WORD_LINE && getline(&text, &room, from) > 0)
		word = take(text, line, arg);
	if (word == WORD_LINE && errno == EAGAIN)
		ctl_error("the agent did not answer within %d seconds", ANSWER_SECONDS);
	else if (word == WORD_LINE)
		ctl_error("the agent hung up before its answer was complete");
	free(text);
	fclose(from);
	return word == WORD_OK;
}

bool agent_call(const char *run_dir, json_t *request, void (*line)(void *arg, json_t *object),
		void *arg)
{
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	bool ok = false;
	int fd;

	json_decref(request);
	if (!text) {
		ctl_error("out of memory");
		return false;
	}
	fd = agent_connect(run_dir);
	if (fd >= 0 && send_all(fd, text, strlen(text)) && send_all(fd, "\n", 1)) {
		ok = receive(fd, line, arg);
	} else if (fd >= 0) {
		ctl_error("cannot send to the agent: %s", strerror(errno));
		close(fd);
	}
	free(text);
	return ok;
}
