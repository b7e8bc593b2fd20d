// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "announced.h"

#define TFTP 69
#define BLOCK 512

FIXTURE(tftp)
{
	struct conversation c;
	struct proto_session *data;
	uint8_t content[200000];
};

FIXTURE_SETUP(tftp)
{
	ASSERT_TRUE(announced_begin(&self->c, TFTP, IPPROTO_UDP));
	for (size_t i = 0; i < sizeof(self->content); i++)
		self->content[i] = (uint8_t)(i * 7 + i / 251);
}

FIXTURE_TEARDOWN(tftp)
{
	proto_session_free(self->data, FILE_REASON_TIMEOUT, self->c.time);
	announced_end(&self->c);
}

#define c (&self->c)

/* Strings with their NULs: the literal's own NUL is the last one. */
#define ASK(text) datagram(c, c->ps, DIR_OPENER, text, sizeof(text))

static void datagram(struct conversation *k, struct proto_session *ps, enum dir dir,
		     const void *p, size_t n)
{
	proto_session_datagram(ps, dir, p, n, k->time++);
}

/* The server answers from a port of its own, and so is the opener. */
#define SERVER_SIDE DIR_OPENER
#define CLIENT_SIDE DIR_ANSWERER

static struct proto_session *answering(struct conversation *k)
{
	return announced(k, SERVER, 50000, CLIENT, CLIENT_PORT);
}

static void block_of_size(struct conversation *k, struct proto_session *ps, enum dir dir,
			  unsigned int number, const uint8_t *p, size_t n)
{
	uint8_t d[4 + 2048] = {0, 3, (uint8_t)(number >> 8), (uint8_t)number};

	memcpy(d + 4, p, n);
	datagram(k, ps, dir, d, 4 + n);
}

static void numbered(struct conversation *k, struct proto_session *ps, enum dir dir,
		     unsigned int op, unsigned int number)
{
	uint8_t d[] = {0, (uint8_t)op, (uint8_t)(number >> 8), (uint8_t)number};

	datagram(k, ps, dir, d, sizeof(d));
}

static void ack(struct conversation *k, struct proto_session *ps, enum dir dir,
		unsigned int number)
{
	numbered(k, ps, dir, 4, number);
}

/* Block `number` (from 1 on) of what is sent in blocks of that size. */
static void block(struct conversation *k, struct proto_session *ps, enum dir dir,
		  unsigned int number, const uint8_t *content, size_t total, size_t size)
{
	size_t at = (number - 1) * size, n = total - at < size ? total - at : size;

	block_of_size(k, ps, dir, number, content + at, n);
}

static void finish(struct conversation *k, struct proto_session **ps)
{
	proto_session_free(*ps, FILE_REASON_TIMEOUT, k->time++);
	*ps = NULL;
}

#define EXPECT_CUT(i, why)                                              \
	do {                                                            \
		ASSERT_LT(i, c->files);                                 \
		EXPECT_EQ(FILE_STATE_TRUNCATED, c->seen[i].state);      \
		EXPECT_STREQ(why, file_reason_text(c->seen[i].reason)); \
	} while (0)

TEST_F(tftp, read)
{
	ASK("\0\1dir/a.bin\0octet");
	self->data = answering(c);
	for (unsigned int i = 1; i <= 3; i++) {
		block(c, self->data, SERVER_SIDE, i, self->content, 1100, BLOCK);
		ack(c, self->data, CLIENT_SIDE, i);
	}
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 1100));
	EXPECT_EQ(DIRECTION_DOWNLOAD, c->seen[0].direction);
	EXPECT_EQ(CLIENT_PORT, c->seen[0].session.end[DIR_OPENER].port);
	EXPECT_STREQ("tftp", text_at(c, 0, SIGHTING_APPLICATION));
	EXPECT_STREQ("RRQ", text_at(c, 0, SIGHTING_COMMAND));
	EXPECT_STREQ("a.bin", text_at(c, 0, SIGHTING_FILENAME));
	EXPECT_STREQ("dir/a.bin", text_at(c, 0, SIGHTING_FILE_PATH));
	EXPECT_STREQ("tftp://198.51.100.2/dir/a.bin", text_at(c, 0, SIGHTING_URL));
	EXPECT_EQ(1, c->counters.value[COUNTER_TFTP_TRANSFERS]);
}

TEST_F(tftp, write)
{
	ASK("\0\2a\0OCTET");
	self->data = answering(c);
	ack(c, self->data, SERVER_SIDE, 0);
	block(c, self->data, CLIENT_SIDE, 1, self->content, 700, BLOCK);
	ack(c, self->data, SERVER_SIDE, 1);
	block(c, self->data, CLIENT_SIDE, 2, self->content, 700, BLOCK);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 700));
	EXPECT_EQ(DIRECTION_UPLOAD, c->seen[0].direction);
	EXPECT_STREQ("WRQ", text_at(c, 0, SIGHTING_COMMAND));
}

TEST_F(tftp, answered_from_the_same_port)
{
	ASK("\0\1a\0octet");
	block(c, c->ps, DIR_ANSWERER, 1, self->content, 10, BLOCK);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 10));
	EXPECT_EQ(DIRECTION_DOWNLOAD, c->seen[0].direction);
}

/* A last block that is full is followed by an empty one. */
TEST_F(tftp, multiple_of_the_block_size)
{
	ASK("\0\1a\0octet");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 1024, BLOCK);
	block(c, self->data, SERVER_SIDE, 2, self->content, 1024, BLOCK);
	EXPECT_EQ(0, c->files);
	block_of_size(c, self->data, SERVER_SIDE, 3, self->content, 0);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 1024));
}

TEST_F(tftp, options)
{
	ASK("\0\1a\0octet\0blksize\0"
	    "1428\0tsize\0"
	    "0\0windowsize\0"
	    "4");
	self->data = answering(c);
	datagram(c, self->data, SERVER_SIDE,
		 "\0\6BLKSIZE\0"
		 "1000\0tsize\0"
		 "2500\0",
		 26);
	ack(c, self->data, CLIENT_SIDE, 0);
	for (unsigned int i = 1; i <= 3; i++)
		block(c, self->data, SERVER_SIDE, i, self->content, 2500, 1000);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 2500));
	EXPECT_EQ(2500, c->seen[0].declared);
}

/* A server without options answers with data at once. */
TEST_F(tftp, options_not_taken)
{
	ASK("\0\1a\0octet\0blksize\0"
	    "1428");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 600, BLOCK);
	EXPECT_EQ(0, c->files);
	block(c, self->data, SERVER_SIDE, 2, self->content, 600, BLOCK);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 600));
}

TEST_F(tftp, options_taken_unseen)
{
	ASK("\0\1a\0octet\0blksize\0"
	    "1000");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 1500, 1000);
	block(c, self->data, SERVER_SIDE, 2, self->content, 1500, 1000);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 1500));
}

/* RFC 1123 §4.2.3.1: each block sent twice. */
TEST_F(tftp, sorcerers_apprentice)
{
	ASK("\0\1a\0octet");
	ASK("\0\1a\0octet");
	self->data = answering(c);
	for (unsigned int i = 1; i <= 3; i++) {
		block(c, self->data, SERVER_SIDE, i, self->content, 1100, BLOCK);
		block(c, self->data, SERVER_SIDE, i, self->content, 1100, BLOCK);
	}
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 1100));
}

TEST_F(tftp, repeated_with_other_content)
{
	ASK("\0\1a\0octet");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 600, BLOCK);
	EXPECT_TRUE(proto_session_wanted(self->data));
	block(c, self->data, SERVER_SIDE, 1, self->content + 1, 600, BLOCK);
	/* Nobody wants the rest. */
	EXPECT_FALSE(proto_session_wanted(self->data));
	EXPECT_EQ(1, c->shunts);
	proto_session_free(self->data, FILE_REASON_NONE, c->time++);
	self->data = NULL;
	EXPECT_CUT(0, "conflict");
}

TEST_F(tftp, lost_block)
{
	ASK("\0\1a\0octet");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 1100, BLOCK);
	block(c, self->data, SERVER_SIDE, 3, self->content, 1100, BLOCK);
	ack(c, self->data, CLIENT_SIDE, 3);
	EXPECT_EQ(0, c->files);
	finish(c, &self->data);
	EXPECT_CUT(0, "gap");
}

/* In a window the block that was lost is sent again. */
TEST_F(tftp, late_block)
{
	ASK("\0\1a\0octet\0windowsize\0"
	    "3");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 1100, BLOCK);
	block(c, self->data, SERVER_SIDE, 3, self->content, 1100, BLOCK);
	ack(c, self->data, CLIENT_SIDE, 1);
	block(c, self->data, SERVER_SIDE, 2, self->content, 1100, BLOCK);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 1100));
}

TEST_F(tftp, first_block_lost)
{
	ASK("\0\1a\0octet");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 2, self->content, 600, BLOCK);
	ack(c, self->data, CLIENT_SIDE, 2);
	finish(c, &self->data);
	EXPECT_CUT(0, "gap");
}

TEST_F(tftp, error)
{
	ASK("\0\1a\0octet");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 600, BLOCK);
	datagram(c, self->data, CLIENT_SIDE, "\0\5\0\3full", 9);
	EXPECT_CUT(0, "reset");
}

TEST_F(tftp, no_end)
{
	ASK("\0\1a\0octet");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 600, BLOCK);
	finish(c, &self->data);
	EXPECT_CUT(0, "timeout");
}

TEST_F(tftp, all_of_the_announced_size_without_an_end)
{
	ASK("\0\2a\0octet\0tsize\0"
	    "1024");
	self->data = answering(c);
	block(c, self->data, CLIENT_SIDE, 1, self->content, 1024, BLOCK);
	block(c, self->data, CLIENT_SIDE, 2, self->content, 1024, BLOCK);
	finish(c, &self->data);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 1024));
}

/* Sends 65536 blocks and more of eight bytes; what follows number 65535 is `next`. */
static bool wraps(struct conversation *k, struct proto_session *ps, const uint8_t *content,
		  unsigned int next)
{
	static uint8_t all[8 * 65540 + 3];
	unsigned int number = 1;

	memcpy(all, content, sizeof(all) < 200000 ? sizeof(all) : 200000);
	for (size_t at = 0; at < sizeof(all); at += 8) {
		size_t n = sizeof(all) - at < 8 ? sizeof(all) - at : 8;

		block_of_size(k, ps, SERVER_SIDE, number, all + at, n);
		number = number == 65535 ? next : number + 1;
	}
	return k->files == 1 && has_content(k, 0, all, sizeof(all));
}

TEST_F(tftp, numbers_wrap_to_zero)
{
	ASK("\0\1a\0octet\0blksize\0"
	    "8");
	self->data = answering(c);
	datagram(c, self->data, SERVER_SIDE,
		 "\0\6blksize\0"
		 "8\0",
		 12);
	EXPECT_TRUE(wraps(c, self->data, self->content, 0));
}

TEST_F(tftp, numbers_wrap_to_one)
{
	ASK("\0\1a\0octet\0blksize\0"
	    "8");
	self->data = answering(c);
	datagram(c, self->data, SERVER_SIDE,
		 "\0\6blksize\0"
		 "8\0",
		 12);
	EXPECT_TRUE(wraps(c, self->data, self->content, 1));
}

/* As a receiver stores it: the same as it was before the sender coded it. */
TEST_F(tftp, netascii)
{
	uint8_t d[BLOCK], stored[2 * BLOCK];

	memset(d, 'x', sizeof(d));
	memcpy(d, "a\r\nb\r\0c\rd\r\r\n", 12);
	d[BLOCK - 1] = '\r';
	ASK("\0\1a\0netascii");
	self->data = answering(c);
	block_of_size(c, self->data, SERVER_SIDE, 1, d, BLOCK);
	block_of_size(c, self->data, SERVER_SIDE, 1, d, BLOCK);
	block_of_size(c, self->data, SERVER_SIDE, 2, (const uint8_t *)"\nend\r", 5);
	ASSERT_EQ(1, c->files);
	memcpy(stored, "a\nb\rc\rd\r\n", 9);
	memcpy(stored + 9, d + 12, BLOCK - 13);
	memcpy(stored + 9 + BLOCK - 13, "\nend\r", 5);
	EXPECT_TRUE(has_content(c, 0, stored, 9 + BLOCK - 13 + 5));
}

TEST_F(tftp, netascii_with_a_lost_block)
{
	ASK("\0\1a\0netascii");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 1100, BLOCK);
	block(c, self->data, SERVER_SIDE, 3, self->content, 1100, BLOCK);
	ack(c, self->data, CLIENT_SIDE, 3);
	finish(c, &self->data);
	EXPECT_CUT(0, "gap");
}

TEST_F(tftp, netascii_out_of_order)
{
	ASK("\0\1a\0netascii");
	self->data = answering(c);
	block_of_size(c, self->data, SERVER_SIDE, 2, (const uint8_t *)"\nb", 2);
	memset(self->content, 'x', BLOCK);
	self->content[BLOCK - 1] = '\r';
	block_of_size(c, self->data, SERVER_SIDE, 1, self->content, BLOCK);
	ASSERT_EQ(1, c->files);
	memcpy(self->content + BLOCK - 1, "\nb", 2);
	EXPECT_TRUE(has_content(c, 0, self->content, BLOCK + 1));
}

/* Captures show answers before their questions. */
TEST_F(tftp, answer_before_its_request)
{
	self->data = answering(c);
	ack(c, self->data, CLIENT_SIDE, 1);
	block(c, self->data, SERVER_SIDE, 2, self->content, 1100, BLOCK);
	block(c, self->data, SERVER_SIDE, 1, self->content, 1100, BLOCK);
	ASK("\0\1a\0octet");
	EXPECT_EQ(0, c->files);
	block(c, self->data, SERVER_SIDE, 3, self->content, 1100, BLOCK);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 1100));
}

TEST_F(tftp, all_of_the_answer_before_its_request)
{
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 100, BLOCK);
	ASK("\0\1a\0octet");
	finish(c, &self->data);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 100));
}

TEST_F(tftp, answers_nobody_asked_for)
{
	self->data = answering(c);
	for (unsigned int i = 1; i <= 20; i++)
		block(c, self->data, SERVER_SIDE, i, self->content, 20000, BLOCK);
	EXPECT_FALSE(proto_session_wanted(self->data));
	EXPECT_EQ(1, c->counters.value[COUNTER_SESSIONS_UNKNOWN]);
	EXPECT_EQ(0, c->files);
}

TEST_F(tftp, options_behind_the_first_block)
{
	ASK("\0\1a\0octet\0blksize\0" "1428");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 1000, 1428);
	EXPECT_EQ(0, c->files);
	datagram(c, self->data, SERVER_SIDE, "\0\6blksize\0" "1428", 15);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 1000));
}

TEST_F(tftp, options_behind_the_second_block)
{
	ASK("\0\1a\0octet\0blksize\0" "8");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 2, self->content, 20, 8);
	block(c, self->data, SERVER_SIDE, 1, self->content, 20, 8);
	datagram(c, self->data, SERVER_SIDE, "\0\6blksize\0" "8", 12);
	block(c, self->data, SERVER_SIDE, 3, self->content, 20, 8);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 20));
}

/* The server may take less than was asked: a short first block need not be the last. */
TEST_F(tftp, less_than_asked_taken_unseen)
{
	ASK("\0\1a\0octet\0blksize\0" "1428");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 2500, 1000);
	EXPECT_EQ(0, c->files);
	block(c, self->data, SERVER_SIDE, 2, self->content, 2500, 1000);
	block(c, self->data, SERVER_SIDE, 3, self->content, 2500, 1000);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 2500));
}

TEST_F(tftp, acknowledged_before_the_missing_block)
{
	ASK("\0\1a\0octet");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 1100, BLOCK);
	block(c, self->data, SERVER_SIDE, 3, self->content, 1100, BLOCK);
	ack(c, self->data, CLIENT_SIDE, 3);
	block(c, self->data, SERVER_SIDE, 2, self->content, 1100, BLOCK);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 1100));
}

TEST_F(tftp, request_repeated_late)
{
	ASK("\0\1a\0octet");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 1100, BLOCK);
	block(c, self->data, SERVER_SIDE, 2, self->content, 1100, BLOCK);
	ASK("\0\1a\0octet");
	block(c, self->data, SERVER_SIDE, 1, self->content, 1100, BLOCK);
	block(c, self->data, SERVER_SIDE, 3, self->content, 1100, BLOCK);
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_content(c, 0, self->content, 1100));
}

TEST_F(tftp, two_requests_from_one_port)
{
	ASK("\0\1a\0octet");
	block(c, c->ps, DIR_ANSWERER, 1, self->content, 10, BLOCK);
	ASK("\0\1b\0octet");
	block(c, c->ps, DIR_ANSWERER, 1, self->content, 20, BLOCK);
	ASSERT_EQ(2, c->files);
	EXPECT_TRUE(has_content(c, 1, self->content, 20));
	EXPECT_STREQ("b", text_at(c, 1, SIGHTING_FILENAME));
}

/* Both ports again for the next file. */
TEST_F(tftp, two_requests_answered_from_one_port)
{
	self->data = answering(c);
	ASK("\0\1a\0octet");
	block(c, self->data, SERVER_SIDE, 1, self->content, 10, BLOCK);
	ASK("\0\1b\0octet");
	block(c, self->data, SERVER_SIDE, 1, self->content, 20, BLOCK);
	ASSERT_EQ(2, c->files);
	EXPECT_TRUE(has_content(c, 1, self->content, 20));
	EXPECT_STREQ("b", text_at(c, 1, SIGHTING_FILENAME));
}

TEST_F(tftp, answers_of_others_are_nothing)
{
	ASK("\0\1a\0octet");
	self->data = announced(c, OTHER, 50000, CLIENT, CLIENT_PORT);
	block(c, self->data, SERVER_SIDE, 1, self->content, 10, BLOCK);
	EXPECT_EQ(0, c->files);
}

TEST_F(tftp, blocks_larger_than_agreed)
{
	ASK("\0\1a\0octet");
	self->data = answering(c);
	block(c, self->data, SERVER_SIDE, 1, self->content, 600, BLOCK);
	block_of_size(c, self->data, SERVER_SIDE, 2, self->content, 600);
	EXPECT_CUT(0, "conflict");
}

#undef c
#define PROBE(text) proto_tftp.probe_datagram(DIR_OPENER, (const uint8_t *)text, sizeof(text))

TEST(detection)
{
	EXPECT_EQ(PROBE_YES, PROBE("\0\1a\0octet"));
	EXPECT_EQ(PROBE_YES, PROBE("\0\2a\0netascii\0blksize\0"
				   "1428"));
	EXPECT_EQ(PROBE_NO, PROBE("\0\1a\0mode"));
	EXPECT_EQ(PROBE_NO, PROBE("\0\3a\0octet"));
	EXPECT_EQ(PROBE_YES, PROBE("\0\3\0\1data"));
	EXPECT_EQ(PROBE_NO, PROBE("\0\4\0\1data"));
	EXPECT_EQ(PROBE_YES, PROBE("\0\6blksize\0" "512"));
	EXPECT_EQ(PROBE_NO, PROBE("\0\6a\0b"));
	EXPECT_EQ(PROBE_NO, PROBE("\0\1a\1\0octet"));
	EXPECT_EQ(PROBE_NO, PROBE("\0\1"));
	EXPECT_EQ(PROBE_NO, PROBE(""));
}

TEST_HARNESS_MAIN
