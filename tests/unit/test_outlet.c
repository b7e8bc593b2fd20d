// SPDX-License-Identifier: MIT
/*
 * What a log gets as bytes: frames of syslog, entries of the journal, and those that are too
 * large for a datagram.
 */
#include "logger/outlet.h"
#include "record/journal.h"

#include "kselftest_harness.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct syslog_head head = {
	.severity = SYSLOG_INFO,
	.time = "2026-11-25T00:26:17.718858123Z",
	.host = "gate",
	.id = "file",
	.sequence = 7,
};

TEST(frame)
{
	static const char first[] = "<134>1 2026-11-25T00:26:17.718858Z gate sluice - file "
				    "[meta sequenceId=\"7\"] text";
	struct buf out;
	char wanted[256];

	buf_init(&out, 1024);
	snprintf(wanted, sizeof(wanted), "%zu %s", strlen(first), first);
	ASSERT_TRUE(syslog_frame(&head, "text", 4, &out));
	EXPECT_STREQ(buf_string(&out), wanted);
	buf_free(&out);
}

TEST(frame_of_what_is_not_known)
{
	struct syslog_head none = {.severity = SYSLOG_WARNING,
				   .host = "no host",
				   .id = "",
				   .sequence = 2147483648};
	struct buf out;

	buf_init(&out, 1024);
	ASSERT_TRUE(syslog_frame(&none, "\n", 1, &out));
	EXPECT_STREQ(buf_string(&out), "45 <132>1 - - sluice - - [meta sequenceId=\"1\"] \n");
	none.time = "2026-11-25T00:26:17Z";
	buf_reset(&out);
	ASSERT_TRUE(syslog_frame(&none, "", 0, &out));
	EXPECT_STREQ(buf_string(&out),
		     "63 <132>1 2026-11-25T00:26:17Z - sluice - - [meta sequenceId=\"1\"] ");
	buf_free(&out);
}

TEST(frame_without_room)
{
	struct buf out;

	buf_init(&out, 60);
	EXPECT_FALSE(syslog_frame(&head, "text", 4, &out));
	buf_free(&out);
}

TEST(entry)
{
	static const char wanted[] = "MESSAGE=a text\nSYSLOG_IDENTIFIER=sluice\nPRIORITY=6\n"
				     "SLUICE_KIND=file\nSLUICE_RECORD=7\nSLUICE_FILENAME\n"
				     "\3\0\0\0\0\0\0\0a\nb\nSLUICE_VERDICT=-1\n";
	json_t *record = json_pack("{s:{s:s}, s:{s:{s:i}}}", "file", "name", "a\nb", "sluice",
				   "cloud", "verdict", -1);
	struct buf out;

	buf_init(&out, 1024);
	ASSERT_TRUE(journal_entry(&head, record, "a text", 6, &out));
	ASSERT_EQ(out.len, sizeof(wanted) - 1);
	EXPECT_EQ(memcmp(out.data, wanted, out.len), 0);
	json_decref(record);
	buf_free(&out);
}

/* The descriptor that came, or -1. */
static int take_fd(int from)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec part = {&byte, 1};
	struct msghdr h = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = control.room,
			   .msg_controllen = sizeof(control.room)};
	int fd = -1;

	if (recvmsg(from, &h, MSG_DONTWAIT) == 0 && CMSG_FIRSTHDR(&h))
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

TEST(journal_large)
{
	static uint8_t large[300000], got[sizeof(large) + 1];
	struct outlet o = {0};
	int pair[2], size = 4096, fd;
	size_t done = 0;

	memset(large, 'a', sizeof(large));
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
	ASSERT_EQ(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	o.fd = pair[0];
	ASSERT_EQ(outlet_journal.write(&o, large, sizeof(large), &done), OUTLET_OK);
	EXPECT_EQ(done, sizeof(large));
	fd = take_fd(pair[1]);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(pread(fd, got, sizeof(got), 0), (ssize_t)sizeof(large));
	EXPECT_EQ(memcmp(got, large, sizeof(large)), 0);
	EXPECT_EQ(fcntl(fd, F_GET_SEALS),
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	close(fd);
	close(pair[1]);
	EXPECT_EQ(outlet_journal.write(&o, large, 10, &done), OUTLET_BROKEN);
	outlet_journal.close(&o);
}

TEST_HARNESS_MAIN
