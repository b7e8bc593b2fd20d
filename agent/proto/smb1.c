// SPDX-License-Identifier: MIT
/*
 * SMB 1: messages, AndX chains, sessions and shares, reads and writes.
 *
 * Where data stands is what DataOffset says, as servers have it, whatever lies between.
 */
#include "proto/smb1.h"

#include <stdlib.h>
#include <string.h>

#define FLAGS_RESPONSE 0x80
#define FLAGS2_UNICODE 0x8000
#define CHAIN_MAX 16

struct header {
	uint8_t command, flags;
	uint32_t status;
	uint16_t flags2, tree, pid, user, mid;
};

static struct header header_of(const uint8_t *p)
{
	struct cursor c = cursor_of(p, SMB1_HEADER);
	struct header h;

	cursor_skip(&c, 4);
	h.command = cursor_u8(&c);
	h.status = cursor_le32(&c);
	h.flags = cursor_u8(&c);
	h.flags2 = cursor_le16(&c);
	cursor_skip(&c, 12);
	h.tree = cursor_le16(&c);
	h.pid = cursor_le16(&c);
	h.user = cursor_le16(&c);
	h.mid = cursor_le16(&c);
	return h;
}

bool smb1_is_response(const uint8_t *p)
{
	return header_of(p).flags & FLAGS_RESPONSE;
}

bool smb1_plausible(const uint8_t *p)
{
	/* Reserved. */
	return !p[22] && !p[23];
}

static bool has_next(uint8_t command)
{
	switch (command) {
	case SMB1_LOCKING_ANDX:
	case SMB1_OPEN_ANDX:
	case SMB1_READ_ANDX:
	case SMB1_WRITE_ANDX:
	case SMB1_SESSION_SETUP_ANDX:
	case SMB1_LOGOFF_ANDX:
	case SMB1_TREE_CONNECT_ANDX:
	case SMB1_NT_CREATE_ANDX:
		return true;
	}
	return false;
}

/* Of a lone read or write, which may be large, all but the data; else the whole message. */
size_t smb1_need(const uint8_t *p, size_t n)
{
	struct header h;

	if (n <= SMB1_HEADER + 1)
		return SMB1_HEADER + 2;
	h = header_of(p);
	if (h.command == (h.flags & FLAGS_RESPONSE ? SMB1_READ_ANDX : SMB1_WRITE_ANDX) &&
	    n > SMB1_HEADER + 1 && p[SMB1_HEADER] >= 2 && p[SMB1_HEADER + 1] == SMB1_NONE)
		return SMB1_HEADER + 1 + 2 * p[SMB1_HEADER] + 2;
	return SMB_HEAD_MAX;
}

/* -------------------------------------------------------------------- helpers */

struct cursor smb1_words(const struct smb1_block *b, size_t at)
{
	struct cursor c = cursor_of(b->words, 2 * b->word_count);

	cursor_skip(&c, at);
	return c;
}

const uint8_t *smb1_at(const struct smb1_block *b, uint32_t offset, uint32_t n)
{
	return offset <= b->u->n && n <= b->u->n - offset ? b->u->p + offset : NULL;
}

/* A string ends with its NUL, or with the message. */
static uint32_t string_end(const struct smb1_block *b, uint32_t at)
{
	const uint8_t *p = b->u->p;
	uint32_t step = b->unicode ? 2 : 1;

	for (; at + step <= b->u->n; at += step)
		if (!p[at] && !p[at + step - 1])
			return at + step;
	return b->u->n;
}

char *smb1_string(const struct smb1_block *b, uint32_t *at)
{
	uint32_t start = *at + (b->unicode && *at % 2), end;

	if (start >= b->u->n)
		return NULL;
	end = string_end(b, start);
	*at = end;
	return smb_string(b->u->p + start, end - start, b->unicode);
}

struct smb_target smb1_target(const struct smb1_block *b, uint16_t fid)
{
	struct smb_target t = {.fid.id[0] = fid, .tree = b->tree};

	if (b->created) {
		t.created = true;
		t.create = b->create;
	}
	return t;
}

struct smb_request *smb1_keep(const struct smb1_block *b, enum smb_op op)
{
	struct smb_request_key before = {.id = b->key.id, .part = b->key.part - 1};
	struct smb_request *r = smb_request_add(b->smb, &b->key, op, b->command), *last;

	if (!r)
		return NULL;
	r->tree = b->tree;
	r->session = b->user;
	last = b->key.part ? smb_request_find(b->smb, &before) : NULL;
	if (last) {
		last->next = b->key;
		last->has_next = true;
	}
	return r;
}

struct smb_request *smb1_keep_about(const struct smb1_block *b, enum smb_op op,
				    const struct smb_target *t)
{
	struct smb_request *r = smb1_keep(b, op);

	if (r)
		r->target = *t;
	return r;
}

/* -------------------------------------------------------- sessions and shares */

/* The names behind the passwords. */
static char *plain_user(struct smb1_block *b, uint32_t at)
{
	char *account = smb1_string(b, &at), *domain = smb1_string(b, &at);
	char *user = smb_user_join(domain, account);

	free(account);
	free(domain);
	return user;
}

static void ask_session_setup(struct smb1_block *b)
{
	struct cursor c = smb1_words(b, 14);
	uint32_t first = cursor_le16(&c), second = cursor_le16(&c);
	const uint8_t *blob;
	char *user = NULL;

	if (b->word_count == 12) {
		/* Extended security: the first length is the blob's. */
		blob = smb1_at(b, b->bytes, first);
		user = smb_ntlm_user(blob, blob ? first : 0);
	} else if (b->word_count == 13) {
		user = plain_user(b, b->bytes + first + second);
	} else if (b->word_count == 10) {
		user = plain_user(b, b->bytes + first);
	}
	if (user)
		smb_user_set(b->smb, b->user, user);
	free(user);
	smb1_keep(b, SMB_SESSION_SETUP);
}

/* The number of the session comes with the answer. */
static void answer_session_setup(struct smb1_block *b, struct smb_request *r)
{
	const char *user = smb_user_of(b->smb, r->session);
	char *copy;

	if (!b->good || !user || r->session == b->user)
		return;
	copy = strdup(user);
	if (copy)
		smb_user_set(b->smb, b->user, copy);
	free(copy);
}

static void ask_logoff(struct smb1_block *b)
{
	smb1_keep(b, SMB_LOGOFF);
}

static void answer_logoff(struct smb1_block *b, struct smb_request *r)
{
	/* Other sessions of the connection are rare; their files go on as unknown ones. */
	if (b->good)
		smb_closed_all(b->smb, 0, 0, true);
}

static void keep_share(struct smb1_block *b, uint32_t at)
{
	struct smb_request *r = smb1_keep(b, SMB_TREE_CONNECT);

	if (r)
		r->share = smb1_string(b, &at);
}

static void ask_tree_connect_andx(struct smb1_block *b)
{
	struct cursor c = smb1_words(b, 6);

	keep_share(b, b->bytes + cursor_le16(&c));
}

static void ask_tree_connect(struct smb1_block *b)
{
	struct smb1_block ascii = *b;

	/* Each string behind a format byte, and never in Unicode. */
	ascii.unicode = false;
	keep_share(&ascii, b->bytes + 1);
}

static bool is_pipe_share(const char *share)
{
	const char *last = share ? strrchr(share, '\\') : NULL;

	return last && !strcasecmp(last + 1, "IPC$");
}

static void answer_tree_connect(struct smb1_block *b, struct smb_request *r)
{
	const uint8_t *service = smb1_at(b, b->bytes, 3);
	bool pipe = is_pipe_share(r->share) || (b->command == SMB1_TREE_CONNECT_ANDX &&
						service && !memcmp(service, "IPC", 3));
	struct cursor c = smb1_words(b, 2);

	if (!b->good)
		return;
	if (b->command == SMB1_TREE_CONNECT)
		b->tree = cursor_le16(&c);
	smb_share_set(b->smb, 0, b->tree, r->share, pipe ? SMB_SHARE_PIPE : SMB_SHARE_DISK);
}

static void ask_tree_disconnect(struct smb1_block *b)
{
	smb1_keep(b, SMB_TREE_DISCONNECT);
}

static void answer_tree_disconnect(struct smb1_block *b, struct smb_request *r)
{
	if (b->good)
		smb_closed_all(b->smb, 0, r->tree, false);
}

/* --------------------------------------------------------------------- closes */

static void ask_close_of(struct smb1_block *b, uint16_t fid)
{
	struct smb_target t = smb1_target(b, fid);
	struct smb_open *o;

	smb1_keep_about(b, SMB_CLOSE, &t);
	o = smb_open_of(b->smb, &t, false);
	if (o)
		o->closing = true;
}

static void ask_close(struct smb1_block *b)
{
	struct cursor c = smb1_words(b, 0);
	uint16_t fid = cursor_le16(&c);

	if (!c.failed)
		ask_close_of(b, fid);
}

static void answer_close(struct smb1_block *b, struct smb_request *r)
{
	if (b->good)
		smb_closed(b->smb, &r->target, NULL);
}

/* ---------------------------------------------------------------------- reads */

static void keep_read(struct smb1_block *b, uint16_t fid, uint64_t offset, uint32_t length)
{
	struct smb_target t = smb1_target(b, fid);
	struct smb_request *r = smb1_keep_about(b, SMB_READ, &t);

	if (r) {
		r->offset = offset;
		r->length = length;
	}
}

static void ask_read_andx(struct smb1_block *b)
{
	struct cursor c = smb1_words(b, 4);
	uint16_t fid = cursor_le16(&c);
	uint64_t offset = cursor_le32(&c);
	uint32_t length = cursor_le16(&c), high;

	cursor_skip(&c, 2);
	high = cursor_le32(&c);
	cursor_skip(&c, 2);
	if (c.failed)
		return;
	if (b->word_count >= 12)
		offset |= (uint64_t)cursor_le32(&c) << 32;
	if (high != UINT32_MAX) /* else it is a timeout */
		length |= high << 16;
	keep_read(b, fid, offset, length);
}

static void ask_read(struct smb1_block *b)
{
	struct cursor c = smb1_words(b, 0);
	uint16_t fid = cursor_le16(&c);
	uint32_t length = cursor_le16(&c);
	uint64_t offset = cursor_le32(&c);

	if (!c.failed)
		keep_read(b, fid, offset, length);
}

static void answer_read_with(struct smb1_block *b, struct smb_request *r, uint32_t start,
			     uint32_t length)
{
	struct smb_open *o;

	if (!length) {
		o = r->length ? smb_open_of(b->smb, &r->target, false) : NULL;
		if (o)
			smb_open_read_beyond(o, r->offset, b->smb->time);
		return;
	}
	/* Servers know better than clients how much fits: not cut to what was asked for. */
	smb_content(b->smb, b->u, false, &r->target, r->offset, start, length);
}

static void answer_read_andx(struct smb1_block *b, struct smb_request *r)
{
	struct cursor c = smb1_words(b, 10);
	uint32_t length = cursor_le16(&c), start = cursor_le16(&c);

	length |= (uint32_t)cursor_le16(&c) << 16;
	if (b->good && !c.failed)
		answer_read_with(b, r, start, length);
}

static void answer_read(struct smb1_block *b, struct smb_request *r)
{
	struct cursor c = smb1_words(b, 0);
	uint32_t length = cursor_le16(&c);

	if (b->good && !c.failed)
		answer_read_with(b, r, b->bytes + 3, length); /* format and length */
}

/* --------------------------------------------------------------------- writes */

static void keep_write(struct smb1_block *b, uint16_t fid, uint64_t offset, uint32_t start,
		       uint32_t length)
{
	struct smb_target t = smb1_target(b, fid);
	struct smb_request *r = smb1_keep_about(b, SMB_WRITE, &t);
	struct smb_open *o;

	if (r) {
		r->offset = offset;
		r->length = length;
	}
	if (smb_content(b->smb, b->u, true, &t, offset, start, length))
		return;
	o = smb_open_of(b->smb, &t, true);
	if (o)
		smb_open_doubt(o, FILE_REASON_PARTIAL);
}

static void ask_write_andx(struct smb1_block *b)
{
	struct cursor c = smb1_words(b, 4);
	uint16_t fid = cursor_le16(&c);
	uint64_t offset = cursor_le32(&c);
	uint32_t high, length, start;

	cursor_skip(&c, 8);
	high = cursor_le16(&c);
	length = cursor_le16(&c) | high << 16;
	start = cursor_le16(&c);
	if (c.failed)
		return;
	if (b->word_count >= 14)
		offset |= (uint64_t)cursor_le32(&c) << 32;
	keep_write(b, fid, offset, start, length);
}

static void ask_write(struct smb1_block *b)
{
	struct cursor c = smb1_words(b, 0);
	uint16_t fid = cursor_le16(&c);
	uint32_t length = cursor_le16(&c);
	uint64_t offset = cursor_le32(&c);
	struct smb_target t;
	struct smb_open *o;

	if (c.failed)
		return;
	if (length) {
		keep_write(b, fid, offset, b->bytes + 3, length); /* format and length */
		return;
	}
	/* No bytes: the file ends there. */
	t = smb1_target(b, fid);
	smb1_keep_about(b, SMB_RESIZE, &t);
	o = smb_open_of(b->smb, &t, true);
	if (o)
		smb_open_resize(o, offset, b->smb->time);
}

static void ask_write_and_close(struct smb1_block *b)
{
	struct cursor c = smb1_words(b, 0);
	uint16_t fid = cursor_le16(&c);
	uint32_t length = cursor_le16(&c);
	uint64_t offset = cursor_le32(&c);

	if (c.failed)
		return;
	keep_write(b, fid, offset, b->bytes + 1, length); /* padding */
	ask_close_of(b, fid);
}

static void check_written(struct smb1_block *b, struct smb_request *r, bool all)
{
	struct smb_open *o = b->good && all ? NULL : smb_open_of(b->smb, &r->target, false);

	if (o)
		smb_open_doubt(o, FILE_REASON_PARTIAL);
}

static void answer_write_andx(struct smb1_block *b, struct smb_request *r)
{
	struct cursor c = smb1_words(b, 4);
	uint32_t count = cursor_le16(&c);

	cursor_skip(&c, 2);
	count |= (uint32_t)cursor_le16(&c) << 16;
	check_written(b, r, !c.failed && count == r->length);
}

static void answer_write(struct smb1_block *b, struct smb_request *r)
{
	struct cursor c = smb1_words(b, 0);
	uint32_t count = cursor_le16(&c);

	check_written(b, r, !c.failed && count == r->length);
}

static void answer_write_and_close(struct smb1_block *b, struct smb_request *r)
{
	if (!b->good)
		check_written(b, r, false);
	smb_closed(b->smb, &r->target, NULL);
}

static void ask_flush(struct smb1_block *b)
{
	struct cursor c = smb1_words(b, 0);
	struct smb_target t = smb1_target(b, cursor_le16(&c));

	if (!c.failed)
		smb1_keep_about(b, SMB_FLUSH, &t);
}

static void answer_flush(struct smb1_block *b, struct smb_request *r)
{
	struct smb_open *o = b->good ? smb_open_of(b->smb, &r->target, false) : NULL;

	if (o)
		smb_open_flushed(o);
}

/* Raw and multiplexed reads and writes carry bytes that are not followed. */
static void ask_raw_write(struct smb1_block *b)
{
	struct cursor c = smb1_words(b, 0);
	struct smb_target t = smb1_target(b, cursor_le16(&c));
	struct smb_open *o = c.failed ? NULL : smb_open_of(b->smb, &t, true);

	if (o)
		smb_open_doubt(o, FILE_REASON_PARTIAL);
}

/* ------------------------------------------------------------------- messages */

static const struct command {
	uint8_t code;
	void (*ask)(struct smb1_block *b);
	void (*answer)(struct smb1_block *b, struct smb_request *r);
} commands[] = {
	{SMB1_OPEN, smb1_ask_open, smb1_answer_open},
	{SMB1_CREATE, smb1_ask_open, smb1_answer_create},
	{SMB1_CREATE_NEW, smb1_ask_open, smb1_answer_create},
	{SMB1_CREATE_TEMPORARY, smb1_ask_open, smb1_answer_create},
	{SMB1_CLOSE, ask_close, answer_close},
	{SMB1_FLUSH, ask_flush, answer_flush},
	{SMB1_READ, ask_read, answer_read},
	{SMB1_LOCK_AND_READ, ask_read, answer_read},
	{SMB1_WRITE, ask_write, answer_write},
	{SMB1_WRITE_AND_UNLOCK, ask_write, answer_write},
	{SMB1_WRITE_RAW, ask_raw_write, NULL},
	{SMB1_WRITE_MPX, ask_raw_write, NULL},
	{SMB1_WRITE_AND_CLOSE, ask_write_and_close, answer_write_and_close},
	{SMB1_OPEN_ANDX, smb1_ask_open_andx, smb1_answer_open_andx},
	{SMB1_READ_ANDX, ask_read_andx, answer_read_andx},
	{SMB1_WRITE_ANDX, ask_write_andx, answer_write_andx},
	{SMB1_TRANSACTION2, smb1_ask_transaction2, smb1_answer_transaction2},
	{SMB1_TREE_CONNECT, ask_tree_connect, answer_tree_connect},
	{SMB1_TREE_DISCONNECT, ask_tree_disconnect, answer_tree_disconnect},
	{SMB1_SESSION_SETUP_ANDX, ask_session_setup, answer_session_setup},
	{SMB1_LOGOFF_ANDX, ask_logoff, answer_logoff},
	{SMB1_TREE_CONNECT_ANDX, ask_tree_connect_andx, answer_tree_connect},
	{SMB1_NT_TRANSACT, smb1_ask_nt_transact, smb1_answer_nt_transact},
	{SMB1_NT_CREATE_ANDX, smb1_ask_nt_create, smb1_answer_nt_create},
};

static const struct command *command_of(uint8_t code)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].code == code)
			return &commands[i];
	return NULL;
}

static void answer(struct smb1_block *b, const struct command *command)
{
	struct smb_request *r = smb_request_find(b->smb, &b->key);

	if (!r)
		return;
	if (r->command == b->command && command && command->answer)
		command->answer(b, r);
	smb_request_remove(b->smb, r);
}

static void block(struct smb1_block *b, bool response)
{
	const struct command *command = command_of(b->command);

	if (response)
		answer(b, command);
	else if (command)
		command->ask(b);
}

/* What was asked behind a block that failed is never answered. */
static void forget_rest(struct smb *smb, struct smb_request_key key)
{
	struct smb_request *r;

	for (int i = 0; i < CHAIN_MAX; i++) {
		key.part++;
		r = smb_request_find(smb, &key);
		if (r)
			smb_request_remove(smb, r);
	}
}

/* The words at *at; false: they are not all there. */
static bool block_at(struct smb1_block *b, uint32_t at)
{
	struct cursor c = cursor_of(b->u->p, b->u->n);

	cursor_skip(&c, at);
	b->word_count = cursor_u8(&c);
	b->words = cursor_take(&c, 2 * b->word_count);
	b->bytes = at + 1 + 2 * b->word_count + 2;
	return !c.failed;
}

void smb1_unit(struct smb *smb, const struct smb_unit *u)
{
	struct header h;
	struct smb1_block b = {.smb = smb, .u = u};
	uint32_t at = SMB1_HEADER;
	uint8_t next;
	bool response;

	if (u->n < SMB1_HEADER)
		return;
	h = header_of(u->p);
	response = h.flags & FLAGS_RESPONSE;
	if (!smb_from(smb, u->dir, response))
		return;
	smb->version = SMB_VERSION_1;
	b.command = h.command;
	b.unicode = h.flags2 & FLAGS2_UNICODE;
	b.tree = h.tree;
	b.user = h.user;
	b.key.id = (uint64_t)h.pid << 16 | h.mid;
	for (int i = 0; i < CHAIN_MAX && block_at(&b, at); i++, b.key.part++) {
		next = has_next(b.command) && b.word_count >= 2 ? b.words[0] : SMB1_NONE;
		b.good = !h.status || next != SMB1_NONE;
		if (next != SMB1_NONE)
			at = (uint32_t)b.words[3] << 8 | b.words[2];
		block(&b, response);
		if (next == SMB1_NONE)
			break;
		b.command = next;
	}
	if (response)
		forget_rest(smb, b.key);
}
