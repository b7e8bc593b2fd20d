// SPDX-License-Identifier: MIT
/*
 * nltool: one request to the netlink family "sluice", well-formed or not.
 *
 *	nltool [--dump] COMMAND [ATTRIBUTE...]
 *	nltool listen GROUP SECONDS
 *	nltool poll FILE SECONDS	wait for a change of a file in sysfs
 *	nltool reload FILE COUNT	unload the module, load it, open a ring and close
 *					it a moment later, so many times
 *
 * ATTRIBUTE is name=value, or #NUMBER=HEX for any type with any bytes.  Prints
 * every attribute of the answer as name=value, one message a line.  A refusal is
 * printed on standard error as "ERRNO text", exit status 1.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/sluice.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "genl.h"
#include "lib/list.h"

enum kind { U32, S32, U64, FLAG, SESSION, END, PAD, LIST };

static const struct {
	const char *name;
	enum kind kind;
} attributes[__SLUICE_A_MAX] = {
	[SLUICE_A_PAD] = { "pad", PAD },
#define SETTING(id, name, min, max, def, unit, help) [SLUICE_A_SETTINGS_##id] = { #name, U32 },
	SLUICE_SETTINGS(SETTING)
#define LIST_SETTING(id, name, type, help) [SLUICE_A_SETTINGS_##id] = { #name, LIST },
	SLUICE_LISTS(LIST_SETTING)
	[SLUICE_A_SHARE_MASK] = { "share_mask", U32 },
	[SLUICE_A_SHARE_SELECT] = { "share_select", U32 },
	[SLUICE_A_SHARE_GENERATION] = { "share_generation", U32 },
	[SLUICE_A_RING_INDEX] = { "ring_index", U32 },
	[SLUICE_A_RING_COUNT] = { "ring_count", U32 },
	[SLUICE_A_RING_SIZE_BYTES] = { "ring_size_bytes", U32 },
	[SLUICE_A_RING_FD] = { "ring_fd", S32 },
	[SLUICE_A_SESSION_ID] = { "session_id", U64 },
	[SLUICE_A_SESSION_RECORD] = { "session_record", SESSION },
	[SLUICE_A_SESSION_END_RECORD] = { "session_end_record", END },
	[SLUICE_A_SESSION_IDLE_MSEC] = { "session_idle_msec", U64 },
	[SLUICE_A_SESSION_RING] = { "session_ring", U32 },
	[SLUICE_A_SESSION_SHUNTED] = { "session_shunted", FLAG },
	[SLUICE_A_DIRECTION] = { "direction", U32 },
	[SLUICE_A_SEQUENCE] = { "sequence", U32 },
	[SLUICE_A_LENGTH] = { "length", U64 },
#define STAT(id, name, help) [SLUICE_A_STATS_##id] = { #name, U64 },
	SLUICE_STATS(STAT)
	[SLUICE_A_STATS_SESSIONS_NOW] = { "sessions_now", U32 },
	[SLUICE_A_STATS_RINGS_OPEN] = { "rings_open", U32 },
	[SLUICE_A_STATS_RINGS_COUNT] = { "rings_count", U32 },
};

static const char * const commands[__SLUICE_CMD_MAX] = {
	[SLUICE_CMD_SETTINGS_GET] = "settings-get",
	[SLUICE_CMD_SETTINGS_SET] = "settings-set",
	[SLUICE_CMD_SETTINGS_NTF] = "settings-ntf",
	[SLUICE_CMD_SHARE_GET] = "share-get",
	[SLUICE_CMD_SHARE_SET] = "share-set",
	[SLUICE_CMD_SHARE_NTF] = "share-ntf",
	[SLUICE_CMD_RING_OPEN] = "ring-open",
	[SLUICE_CMD_SESSION_GET] = "session-get",
	[SLUICE_CMD_SESSION_BEGIN_NTF] = "session-begin-ntf",
	[SLUICE_CMD_SESSION_END_NTF] = "session-end-ntf",
	[SLUICE_CMD_SKIP] = "skip",
	[SLUICE_CMD_SHUNT] = "shunt",
	[SLUICE_CMD_STATS_GET] = "stats-get",
};

static const struct list_kind *list_kind(unsigned int type)
{
	return &list_kinds[type == SLUICE_A_SETTINGS_UDP_PORTS ? LIST_UDP_PORTS :
								 LIST_UDP_PREFIXES];
}

/* Words separated by commas; it is the kernel that says what is wrong with too many. */
static void put_list(struct genl_message *message, unsigned int type, const char *text)
{
	const struct list_kind *kind = list_kind(type);
	char *copy = strdup(text), *word;
	unsigned char bytes[2048];
	struct list list = { 0 };
	size_t length = 0;
	char *state;

	for (word = strtok_r(copy, ",", &state); word; word = strtok_r(NULL, ",", &state)) {
		list = (struct list){ 0 };
		if (list_add(kind, &list, word))
			errx(2, "%s: no %s", word, kind->name);
		if (length + kind->size > sizeof(bytes))
			errx(2, "too long");
		memcpy(bytes + length, list.bytes, list_size(kind, &list));
		length += list_size(kind, &list);
	}
	free(copy);
	genl_put(message, type, bytes, length);
}

static void print_value(const struct nlattr *attr)
{
	const void *data = genl_attr_data(attr);
	size_t length = genl_attr_length(attr);
	unsigned int type = attr->nla_type & NLA_TYPE_MASK;
	const struct sluice_record_session *session = data;
	const struct sluice_record_end *end = data;
	char text[LIST_TEXT_MAX];
	uint64_t u64 = 0;
	int32_t s32;

	if (type >= __SLUICE_A_MAX || !attributes[type].name) {
		printf(" #%u", type);
		return;
	}
	switch (attributes[type].kind) {
	case PAD:
		return;
	case FLAG:
		printf(" %s", attributes[type].name);
		return;
	case SESSION:
		if (length != sizeof(*session))
			errx(2, "session record of %zu bytes", length);
		printf(" flags=%u netns=%llu protocol=%u ports=%u,%u", session->hdr.flags,
		       (unsigned long long)session->netns, session->protocol,
		       __builtin_bswap16(session->original.src_port),
		       __builtin_bswap16(session->original.dst_port));
		return;
	case END:
		if (length != sizeof(*end))
			errx(2, "end record of %zu bytes", length);
		printf(" reason=%u bytes=%llu,%llu", end->reason,
		       (unsigned long long)end->count[0].bytes,
		       (unsigned long long)end->count[1].bytes);
		return;
	case LIST:
		printf(" %s=%s", attributes[type].name,
		       list_text(list_kind(type), data, length, text));
		return;
	case S32:
		memcpy(&s32, data, sizeof(s32));
		printf(" %s=%d", attributes[type].name, s32);
		return;
	case U32:
	case U64:
		memcpy(&u64, data, length < sizeof(u64) ? length : sizeof(u64));
		printf(" %s=%llu", attributes[type].name, (unsigned long long)u64);
	}
}

static void print_message(uint8_t cmd, const unsigned char *at, size_t left, void *arg)
{
	const struct nlattr *attr;

	(void)arg;
	printf("%s", cmd < __SLUICE_CMD_MAX && commands[cmd] ? commands[cmd] : "unknown");
	while (genl_attr_next(&at, &left, &attr))
		print_value(attr);
	printf("\n");
	fflush(stdout);
}

/* #NUMBER=HEX */
static void put_raw(struct genl_message *message, const char *text)
{
	unsigned char bytes[256];
	size_t length = 0;
	unsigned int byte;
	char *hex;
	unsigned long type = strtoul(text + 1, &hex, 0);

	if (*hex++ != '=' || type > UINT16_MAX)
		errx(2, "#NUMBER=HEX wanted, not %s", text);
	for (; *hex && length < sizeof(bytes); hex += 2) {
		if (sscanf(hex, "%2x", &byte) != 1 || !hex[1])
			errx(2, "not hexadecimal: %s", hex);
		bytes[length++] = byte;
	}
	genl_put(message, type, bytes, length);
}

static void put(struct genl_message *message, const char *text)
{
	const char *equals = strchr(text, '=');
	unsigned int type;
	uint64_t u64;
	uint32_t u32;

	if (*text == '#') {
		put_raw(message, text);
		return;
	}
	if (!equals)
		errx(2, "NAME=VALUE wanted, not %s", text);
	for (type = 0; type < __SLUICE_A_MAX; type++)
		if (attributes[type].name &&
		    strlen(attributes[type].name) == (size_t)(equals - text) &&
		    !strncmp(attributes[type].name, text, equals - text))
			break;
	if (type == __SLUICE_A_MAX)
		errx(2, "no attribute %s", text);
	if (attributes[type].kind == LIST) {
		put_list(message, type, equals + 1);
		return;
	}
	u64 = strtoull(equals + 1, NULL, 0);
	u32 = u64;
	if (attributes[type].kind == U64)
		genl_put(message, type, &u64, sizeof(u64));
	else
		genl_put(message, type, &u32, sizeof(u32));
}

static int poll_file(const char *name, int seconds)
{
	struct pollfd wait = { .fd = open(name, O_RDONLY), .events = POLLPRI };
	char text[64] = "";

	if (wait.fd < 0 || read(wait.fd, text, sizeof(text) - 1) < 0)
		err(2, "%s", name);
	printf("polling\n");
	fflush(stdout);
	if (poll(&wait, 1, seconds * 1000) <= 0)
		errx(1, "%s did not change", name);
	if (pread(wait.fd, text, sizeof(text) - 1, 0) < 0)
		err(2, "%s", name);
	printf("changed %s", text);
	return 0;
}

static void take_fd(uint8_t cmd, const unsigned char *at, size_t left, void *arg)
{
	const struct nlattr *attr;

	(void)cmd;
	while (genl_attr_next(&at, &left, &attr))
		if (attr->nla_type == SLUICE_A_RING_FD)
			memcpy(arg, genl_attr_data(attr), sizeof(int));
}

/* Opens a ring for a moment; returns how many packets were seen in it. */
static uint64_t capture_a_moment(int milliseconds)
{
	const uint32_t index = 0, count = 1, size = 65536;
	const struct sluice_ring_producer *producer;
	struct genl_message message;
	struct genl_error error;
	uint64_t position;
	struct genl genl;
	int fd = -1;

	genl_open(&genl, SLUICE_GENL_NAME);
	genl_begin(&genl, &message, SLUICE_CMD_RING_OPEN, 0);
	genl_put(&message, SLUICE_A_RING_INDEX, &index, sizeof(index));
	genl_put(&message, SLUICE_A_RING_COUNT, &count, sizeof(count));
	genl_put(&message, SLUICE_A_RING_SIZE_BYTES, &size, sizeof(size));
	if (genl_ask(&genl, &message, take_fd, &fd, &error))
		errx(1, "ring: %s", error.text);
	producer = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
	if (producer == MAP_FAILED)
		err(1, "mmap");
	usleep(milliseconds * 1000);
	position = __atomic_load_n(&producer->position, __ATOMIC_ACQUIRE);
	munmap((void *)producer, 4096);
	close(fd);
	close(genl.fd);
	return position;
}

static int reload(const char *name, int count)
{
	int file = open(name, O_RDONLY), busy = 0, i;

	if (file < 0)
		err(2, "%s", name);
	for (i = 0; i < count; i++) {
		if (syscall(SYS_delete_module, "sluice", O_NONBLOCK))
			err(1, "unload, time %d", i + 1);
		if (syscall(SYS_finit_module, file, "", 0))
			err(1, "load, time %d", i + 1);
		busy += capture_a_moment(i % 40) > 0;
	}
	printf("reloaded %d times, with records %s\n", count, busy ? "sometimes" : "never");
	return 0;
}

static int listen_to(const char *group, int seconds)
{
	struct genl genl;
	int code;

	genl_open(&genl, SLUICE_GENL_NAME);
	code = genl_join(&genl, SLUICE_GENL_NAME, group);
	if (code) {
		fprintf(stderr, "%s\n", strerror(code));
		return 1;
	}
	printf("listening\n");
	fflush(stdout);
	genl_listen(&genl, seconds, print_message, NULL);
	return 0;
}

static uint8_t command(const char *name)
{
	int i;

	for (i = 0; i < __SLUICE_CMD_MAX; i++)
		if (commands[i] && !strcmp(commands[i], name))
			return i;
	if (*name >= '0' && *name <= '9')
		return atoi(name);
	errx(2, "no command %s", name);
}

int main(int argc, char **argv)
{
	struct genl_message message;
	struct genl_error error;
	uint16_t flags = 0;
	struct genl genl;
	int i = 1;

	if (argc == 4 && !strcmp(argv[1], "listen"))
		return listen_to(argv[2], atoi(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "poll"))
		return poll_file(argv[2], atoi(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "reload"))
		return reload(argv[2], atoi(argv[3]));
	if (argc > i && !strcmp(argv[i], "--dump")) {
		flags |= NLM_F_DUMP;
		i++;
	}
	if (argc <= i)
		errx(2, "usage: nltool [--dump] COMMAND [NAME=VALUE...] | listen GROUP SECONDS");
	genl_open(&genl, SLUICE_GENL_NAME);
	genl_begin(&genl, &message, command(argv[i++]), flags);
	for (; i < argc; i++)
		put(&message, argv[i]);
	if (genl_ask(&genl, &message, print_message, NULL, &error)) {
		fprintf(stderr, "%s %s", strerror(error.code), error.text);
		if (error.missing >= 0)
			fprintf(stderr, " (missing %d)", error.missing);
		if (error.offset >= 0)
			fprintf(stderr, " (offset %d)", error.offset);
		fprintf(stderr, "\n");
		return 1;
	}
	return 0;
}
