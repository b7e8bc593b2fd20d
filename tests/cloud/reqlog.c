// SPDX-License-Identifier: MIT
#include "reqlog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
	json_t *list;
	json_int_t seq;
	int fd;
} reqlog = {.fd = -1};

/* Lines that are there already: numbers go on after them. */
static json_int_t reqlog_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	json_int_t lines = 0;
	int c;

	if (!file)
		return 0;
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

bool reqlog_open(const char *dir)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/requests.jsonl", dir) >= (int)sizeof(path)) {
		fprintf(stderr, "testcloud: path too long: %s\n", dir);
		return false;
	}
	reqlog.seq = reqlog_lines(path);
	reqlog.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (reqlog.fd < 0) {
		fprintf(stderr, "testcloud: cannot write %s: %s\n", path, strerror(errno));
		return false;
	}
	reqlog.list = json_array();
	return true;
}

void reqlog_close(void)
{
	if (reqlog.fd >= 0)
		close(reqlog.fd);
	reqlog.fd = -1;
	json_decref(reqlog.list);
	reqlog.list = NULL;
}

void reqlog_clear(void)
{
	json_array_clear(reqlog.list);
}

json_t *reqlog_new(void)
{
	struct timespec now;
	struct tm tm;
	char stamp[40];
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(stamp + n, sizeof(stamp) - n, ".%03ldZ", now.tv_nsec / 1000000);
	return json_pack("{s:I,s:s}", "seq", ++reqlog.seq, "time", stamp);
}

void reqlog_add(json_t *entry)
{
	char *line = json_dumps(entry, JSON_COMPACT);
	size_t n, done = 0;

	if (!line)
		abort();
	n = strlen(line);
	line[n++] = '\n'; /* takes the place of the final zero */
	while (done < n) {
		ssize_t put = write(reqlog.fd, line + done, n - done);

		if (put < 0) {
			fprintf(stderr, "testcloud: cannot write requests.jsonl: %s\n",
				strerror(errno));
			break;
		}
		done += (size_t)put;
	}
	free(line);
	if (json_array_size(reqlog.list) < REQLOG_MEMORY_MAX)
		json_array_append(reqlog.list, entry);
	json_decref(entry);
}

json_t *reqlog_list(void)
{
	return reqlog.list;
}
