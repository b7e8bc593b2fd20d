/* SPDX-License-Identifier: MIT */
/*
 * Messages of SMB made by hand, for a conversation of which both ends are us.
 */
#ifndef SLUICE_TESTS_UNIT_SMB_TALK_H
#define SLUICE_TESTS_UNIT_SMB_TALK_H

#include "conversation.h"

#include "lib/buf.h"

enum {
	NEGOTIATE,
	SETUP,
	LOGOFF,
	TREE,
	TREE_OFF,
	CREATE,
	CLOSE,
	FLUSH,
	READ,
	WRITE,
	LOCK,
	IOCTL,
	CANCEL,
	ECHO,
	FIND,
	NOTIFY,
	QUERY,
	SET,
	BREAK
};

#define PENDING 0x103
#define ACCESS_DENIED 0xc0000022
#define END_OF_FILE 0xc0000011
#define RELATED 4
#define SAME UINT64_MAX /* the file of the request before */

struct talk {
	struct conversation *c;
	struct buf message; /* being made: one, or a compound */
	size_t unit;	    /* where its last unit begins */
	size_t step;	    /* bytes a segment; 0: all at once */
	uint64_t mid, session;
	uint32_t tree;
	uint16_t tid, uid; /* SMB 1 */
	bool unicode;
};

static void talk_begin(struct talk *t, struct conversation *c)
{
	*t = (struct talk){.c = c, .session = 0x4400000001, .tree = 5, .tid = 7, .uid = 9};
	buf_init(&t->message, 1 << 20);
}

static void le(struct talk *t, uint64_t v, int bytes)
{
	for (; bytes--; v >>= 8)
		buf_add(&t->message, &(uint8_t){v}, 1);
}

static void zeros(struct talk *t, size_t n)
{
	while (n--)
		le(t, 0, 1);
}

static void utf16(struct talk *t, const char *s)
{
	for (; *s; s++)
		le(t, (uint8_t)*s, 2);
}

/* What was made goes out, in a NetBIOS frame unless bare. */
static void send_as(struct talk *t, enum dir dir, bool frame)
{
	uint8_t head[] = {0, t->message.len >> 16, t->message.len >> 8, t->message.len};
	size_t step = t->step ? t->step : t->message.len + 4, at = 0;
	struct buf all;

	buf_init(&all, 1 << 20);
	if (frame)
		buf_add(&all, head, sizeof(head));
	buf_add(&all, t->message.data, t->message.len);
	for (; at < all.len; at += step)
		say(t->c, dir, all.data + at, all.len - at < step ? all.len - at : step);
	buf_free(&all);
	buf_reset(&t->message);
}

static void ask_it(struct talk *t)
{
	send_as(t, DIR_OPENER, true);
}

static void answer_it(struct talk *t)
{
	send_as(t, DIR_ANSWERER, true);
}

/* ---------------------------------------------------------------------- SMB 2 */

/* Begins a unit; another one of the same message is aligned and linked. */
static void unit(struct talk *t, uint16_t command, uint32_t status, uint32_t flags,
		 uint64_t mid)
{
	uint32_t next;

	if (t->message.len) {
		while (t->message.len % 8)
			le(t, 0, 1);
		next = t->message.len - t->unit;
		memcpy(t->message.data + t->unit + 20, &next, sizeof(next));
	}
	t->unit = t->message.len;
	buf_add(&t->message, "\xfeSMB\x40\0\0\0", 8);
	le(t, status, 4);
	le(t, command, 2);
	le(t, 1, 2);
	le(t, flags, 4);
	le(t, 0, 4);
	le(t, mid, 8);
	le(t, 0, 4);
	le(t, t->tree, 4);
	le(t, t->session, 8);
	zeros(t, 16);
}

static void req(struct talk *t, uint16_t command, uint32_t flags)
{
	unit(t, command, 0, flags, t->mid++);
}

static void resp(struct talk *t, uint16_t command, uint64_t mid, uint32_t status)
{
	unit(t, command, status, 1, mid);
	if (status) {
		le(t, 9, 2);
		zeros(t, 7);
	}
}

static void fid(struct talk *t, uint64_t id)
{
	le(t, id, 8);
	le(t, id == SAME ? SAME : id + 1, 8);
}

static void req_create(struct talk *t, const char *name, uint32_t flags)
{
	req(t, CREATE, flags);
	le(t, 57, 2);
	zeros(t, 42);
	le(t, 64 + 56, 2);
	le(t, strlen(name) * 2, 2);
	zeros(t, 8);
	utf16(t, name);
}

enum { OPENED = 1, CREATED = 2 };

static void resp_create(struct talk *t, uint64_t mid, uint32_t action, uint64_t size,
			uint32_t attributes, uint64_t id)
{
	resp(t, CREATE, mid, 0);
	le(t, 89, 2);
	zeros(t, 2);
	le(t, action, 4);
	zeros(t, 40);
	le(t, size, 8);
	le(t, attributes, 4);
	zeros(t, 4);
	fid(t, id);
	zeros(t, 8);
}

static void req_read(struct talk *t, uint64_t id, uint64_t offset, uint32_t n, uint32_t flags)
{
	req(t, READ, flags);
	le(t, 49, 2);
	le(t, 0x50, 2);
	le(t, n, 4);
	le(t, offset, 8);
	fid(t, id);
	zeros(t, 17);
}

static void resp_read(struct talk *t, uint64_t mid, const void *p, size_t n)
{
	resp(t, READ, mid, 0);
	le(t, 17, 2);
	le(t, 80, 2);
	le(t, n, 4);
	zeros(t, 8);
	buf_add(&t->message, p, n);
}

static void req_write(struct talk *t, uint64_t id, uint64_t offset, const void *p, size_t n,
		      uint32_t flags)
{
	req(t, WRITE, flags);
	le(t, 49, 2);
	le(t, 112, 2);
	le(t, n, 4);
	le(t, offset, 8);
	fid(t, id);
	zeros(t, 16);
	buf_add(&t->message, p, n);
}

static void resp_write(struct talk *t, uint64_t mid, size_t n)
{
	resp(t, WRITE, mid, 0);
	le(t, 17, 2);
	le(t, 0, 2);
	le(t, n, 4);
	zeros(t, 9);
}

static void req_close(struct talk *t, uint64_t id, uint32_t flags)
{
	req(t, CLOSE, flags);
	le(t, 24, 2);
	zeros(t, 6);
	fid(t, id);
}

#define NO_SIZE UINT64_MAX

static void resp_close(struct talk *t, uint64_t mid, uint64_t size)
{
	resp(t, CLOSE, mid, 0);
	le(t, 60, 2);
	le(t, size != NO_SIZE, 2);
	zeros(t, 4 + 32 + 8);
	le(t, size == NO_SIZE ? 0 : size, 8);
	zeros(t, 4);
}

static void req_resize(struct talk *t, uint64_t id, uint64_t size, uint8_t level)
{
	req(t, SET, 0);
	le(t, 33, 2);
	le(t, 1, 1);
	le(t, level, 1);
	le(t, 8, 4);
	le(t, 64 + 32, 2);
	zeros(t, 6);
	fid(t, id);
	le(t, size, 8);
}

static void negotiate_dialect(struct talk *t, uint16_t dialect)
{
	req(t, NEGOTIATE, 0);
	le(t, 36, 2);
	zeros(t, 10);
	buf_add(&t->message, "client-guid-0001", 16);
	zeros(t, 8);
	ask_it(t);
	resp(t, NEGOTIATE, t->mid - 1, 0);
	le(t, 65, 2);
	zeros(t, 2);
	le(t, dialect, 2);
	zeros(t, 2);
	buf_add(&t->message, "server-guid-0001", 16);
	zeros(t, 40);
	answer_it(t);
}

static void negotiate(struct talk *t)
{
	negotiate_dialect(t, 0x0311);
}

static void ntlm(struct talk *t, const char *domain, const char *user)
{
	size_t d = strlen(domain) * 2, u = strlen(user) * 2;

	buf_add(&t->message, "NTLMSSP\0\3\0\0\0", 12);
	zeros(t, 16);
	le(t, d, 2);
	le(t, d, 2);
	le(t, 64, 4);
	le(t, u, 2);
	le(t, u, 2);
	le(t, 64 + d, 4);
	zeros(t, 16);
	le(t, 1, 4);
	utf16(t, domain);
	utf16(t, user);
}

static void log_on(struct talk *t)
{
	size_t length, at;

	req(t, SETUP, 0);
	le(t, 25, 2);
	zeros(t, 10);
	le(t, 64 + 24, 2);
	length = t->message.len;
	le(t, 0, 2);
	zeros(t, 8);
	at = t->message.len;
	ntlm(t, "DOMAIN", "alice");
	t->message.data[length] = t->message.len - at;
	ask_it(t);
	resp(t, SETUP, t->mid - 1, 0);
	zeros(t, 8);
	answer_it(t);
}

static void connect_tree(struct talk *t, const char *share, uint8_t type)
{
	req(t, TREE, 0);
	le(t, 9, 2);
	le(t, 0, 2);
	le(t, 64 + 8, 2);
	le(t, strlen(share) * 2, 2);
	utf16(t, share);
	ask_it(t);
	resp(t, TREE, t->mid - 1, 0);
	le(t, 16, 2);
	le(t, type, 1);
	zeros(t, 13);
	answer_it(t);
}

static void start2(struct talk *t)
{
	negotiate(t);
	log_on(t);
	connect_tree(t, "\\\\server\\share", 1);
}

static void do_create(struct talk *t, const char *name, uint32_t action, uint64_t size,
		      uint64_t id)
{
	req_create(t, name, 0);
	ask_it(t);
	resp_create(t, t->mid - 1, action, size, 0x20, id);
	answer_it(t);
}

static void do_read(struct talk *t, uint64_t id, uint64_t offset, const void *p, size_t n)
{
	req_read(t, id, offset, n, 0);
	ask_it(t);
	resp_read(t, t->mid - 1, p, n);
	answer_it(t);
}

static void do_write(struct talk *t, uint64_t id, uint64_t offset, const void *p, size_t n)
{
	req_write(t, id, offset, p, n, 0);
	ask_it(t);
	resp_write(t, t->mid - 1, n);
	answer_it(t);
}

static void do_close(struct talk *t, uint64_t id, uint64_t size)
{
	req_close(t, id, 0);
	ask_it(t);
	resp_close(t, t->mid - 1, size);
	answer_it(t);
}

static void do_resize(struct talk *t, uint64_t id, uint64_t size)
{
	req_resize(t, id, size, 20);
	ask_it(t);
	resp(t, SET, t->mid - 1, 0);
	le(t, 2, 2);
	answer_it(t);
}

/* ---------------------------------------------------------------------- SMB 1 */

static void head1(struct talk *t, uint8_t command, bool response, uint32_t status)
{
	buf_add(&t->message, "\xffSMB", 4);
	le(t, command, 1);
	le(t, status, 4);
	le(t, response ? 0x80 : 0, 1);
	le(t, 0x4001 | (t->unicode ? 0x8000 : 0), 2);
	zeros(t, 12);
	le(t, t->tid, 2);
	le(t, 1, 2);
	le(t, t->uid, 2);
	le(t, t->mid, 2);
}

static void words(struct talk *t, int count)
{
	le(t, count, 1);
}

static void andx(struct talk *t, uint8_t next, uint16_t at)
{
	le(t, next, 1);
	le(t, 0, 1);
	le(t, at, 2);
}

static void text1(struct talk *t, const char *s)
{
	if (t->unicode && t->message.len % 2)
		le(t, 0, 1);
	if (t->unicode)
		utf16(t, s);
	else
		buf_add_string(&t->message, s);
	zeros(t, t->unicode ? 2 : 1);
}

static void tree1(struct talk *t, const char *share, const char *service)
{
	head1(t, 0x75, false, 0);
	words(t, 4);
	andx(t, 0xff, 0);
	le(t, 0, 2);
	le(t, 1, 2);
	le(t, 0, 2);
	le(t, 0, 1); /* password */
	text1(t, share);
	buf_add(&t->message, service, strlen(service) + 1);
	ask_it(t);
	head1(t, 0x75, true, 0);
	words(t, 3);
	andx(t, 0xff, 0);
	le(t, 0, 2);
	le(t, 4, 2);
	buf_add(&t->message, service, strlen(service) + 1);
	answer_it(t);
	t->mid++;
}

static void req_nt_create(struct talk *t, const char *name, uint8_t next)
{
	size_t from = t->message.len, n = strlen(name) * (t->unicode ? 2 : 1);

	words(t, 24);
	andx(t, next, 0);
	le(t, 0, 1);
	le(t, n, 2);
	zeros(t, 41);
	le(t, n + 1, 2);
	text1(t, name);
	if (next != 0xff) {
		t->message.data[from + 3] = t->message.len;
		t->message.data[from + 4] = t->message.len >> 8;
	}
}

static void resp_nt_create(struct talk *t, uint16_t id, uint32_t action, uint64_t size,
			   uint16_t type, uint8_t next)
{
	size_t from = t->message.len;

	words(t, 34);
	andx(t, next, 0);
	le(t, 0, 1);
	le(t, id, 2);
	le(t, action, 4);
	zeros(t, 32 + 4 + 8);
	le(t, size, 8);
	le(t, type, 2);
	le(t, 0, 2);
	le(t, 0, 1);
	le(t, 0, 2);
	if (next != 0xff) {
		t->message.data[from + 3] = t->message.len;
		t->message.data[from + 4] = t->message.len >> 8;
	}
}

static void nt_create1(struct talk *t, const char *name, uint16_t id, uint32_t action,
		       uint64_t size, uint16_t type)
{
	head1(t, 0xa2, false, 0);
	req_nt_create(t, name, 0xff);
	ask_it(t);
	head1(t, 0xa2, true, 0);
	resp_nt_create(t, id, action, size, type, 0xff);
	answer_it(t);
	t->mid++;
}

/* pad: bytes between the byte count and the data. */
static void req_write_andx(struct talk *t, uint16_t id, uint64_t offset, const void *p,
			   size_t n, size_t pad)
{
	words(t, 14);
	andx(t, 0xff, 0);
	le(t, id, 2);
	le(t, offset, 4);
	zeros(t, 8);
	le(t, n >> 16, 2);
	le(t, n, 2);
	le(t, t->message.len + 2 + 4 + 2 + pad, 2);
	le(t, offset >> 32, 4);
	le(t, n + pad, 2);
	for (size_t i = 0; i < pad; i++)
		buf_add_string(&t->message, "!");
	buf_add(&t->message, p, n);
}

static void resp_write_andx(struct talk *t, size_t n)
{
	words(t, 6);
	andx(t, 0xff, 0);
	le(t, n, 2);
	le(t, 0, 2);
	le(t, n >> 16, 2);
	zeros(t, 4);
}

static void write1(struct talk *t, uint16_t id, uint64_t offset, const void *p, size_t n,
		   size_t pad)
{
	head1(t, 0x2f, false, 0);
	req_write_andx(t, id, offset, p, n, pad);
	ask_it(t);
	head1(t, 0x2f, true, 0);
	resp_write_andx(t, n);
	answer_it(t);
	t->mid++;
}

static void read1(struct talk *t, uint16_t id, uint64_t offset, const void *p, size_t n,
		  size_t pad)
{
	head1(t, 0x2e, false, 0);
	words(t, 12);
	andx(t, 0xff, 0);
	le(t, id, 2);
	le(t, offset, 4);
	le(t, n, 2);
	zeros(t, 2);
	le(t, n >> 16, 4);
	le(t, 0, 2);
	le(t, offset >> 32, 4);
	le(t, 0, 2);
	ask_it(t);
	head1(t, 0x2e, true, 0);
	words(t, 12);
	andx(t, 0xff, 0);
	zeros(t, 6);
	le(t, n, 2);
	le(t, 32 + 1 + 24 + 2 + pad, 2);
	le(t, n >> 16, 2);
	zeros(t, 8);
	le(t, n + pad, 2);
	for (size_t i = 0; i < pad; i++)
		buf_add_string(&t->message, "!");
	buf_add(&t->message, p, n);
	answer_it(t);
	t->mid++;
}

static void close1(struct talk *t, uint16_t id)
{
	head1(t, 0x04, false, 0);
	words(t, 3);
	le(t, id, 2);
	le(t, 0, 4);
	le(t, 0, 2);
	ask_it(t);
	head1(t, 0x04, true, 0);
	words(t, 0);
	le(t, 0, 2);
	answer_it(t);
	t->mid++;
}

#endif
