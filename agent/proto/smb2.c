// SPDX-License-Identifier: MIT
/*
 * SMB 2 and 3: messages ([MS-SMB2] 2.2).
 *
 * A request that matters is kept until its answer comes; an answer of STATUS_PENDING
 * changes nothing, the final one has the same MessageId.  A related request of a compound is
 * about the file of the one before it, which may be a CREATE nobody has answered yet.
 */
#include "proto/smb.h"

#include <stdlib.h>
#include <string.h>

#define FLAG_RESPONSE 0x00000001u
#define FLAG_ASYNC 0x00000002u
#define FLAG_RELATED 0x00000004u

#define STATUS_SUCCESS 0x00000000u
#define STATUS_PENDING 0x00000103u
#define STATUS_END_OF_FILE 0xc0000011u

#define FILE_ATTRIBUTE_DIRECTORY 0x10
#define CREATE_ACTION_OPENED 1
#define SHARE_TYPE_PIPE 2
#define CLOSE_POSTQUERY 1

/* [MS-FSCC] 2.4, 2.3 */
#define INFO_FILE 1
#define FILE_STANDARD_INFORMATION 5
#define FILE_ALL_INFORMATION 18
#define FILE_ALLOCATION_INFORMATION 19
#define FILE_END_OF_FILE_INFORMATION 20
#define FILE_NETWORK_OPEN_INFORMATION 34

struct header {
	uint32_t status, flags, next, tree;
	uint16_t command;
	uint64_t message, session;
};

struct message {
	struct header h;
	struct smb *smb;
	const struct smb_unit *u;
	struct cursor body; /* behind the header */
	struct smb_request_key key;
};

static struct header header_of(const uint8_t *p)
{
	struct cursor c = cursor_of(p, SMB2_HEADER);
	struct header h;

	cursor_skip(&c, 8);
	h.status = cursor_le32(&c);
	h.command = cursor_le16(&c);
	cursor_skip(&c, 2);
	h.flags = cursor_le32(&c);
	h.next = cursor_le32(&c);
	h.message = cursor_le64(&c);
	cursor_skip(&c, 4);
	h.tree = cursor_le32(&c);
	h.session = cursor_le64(&c);
	return h;
}

bool smb2_is_response(const uint8_t *p)
{
	return header_of(p).flags & FLAG_RESPONSE;
}

bool smb2_plausible(const uint8_t *p)
{
	struct header h = header_of(p);

	return p[4] == SMB2_HEADER && !p[5] && h.command <= 0x12 && h.next % 8 == 0;
}

uint32_t smb2_unit_size(const uint8_t *p, uint32_t left)
{
	uint32_t next = header_of(p).next;

	return next >= SMB2_HEADER && next < left ? next : left;
}

/* ------------------------------------------------------------------ requests */

/* Two numbers: of a file that is open. */
static struct smb_target target_of(const struct message *m, struct cursor *c)
{
	struct smb_stream *st = &m->smb->stream[m->u->dir];
	struct smb_target t = {.fid.session = m->h.session, .tree = m->h.tree};

	t.fid.id[0] = cursor_le64(c);
	t.fid.id[1] = cursor_le64(c);
	if (m->h.flags & FLAG_RELATED && st->chained && t.fid.id[0] == UINT64_MAX &&
	    t.fid.id[1] == UINT64_MAX)
		return st->target;
	return t;
}

static struct smb_request *keep(struct message *m, enum smb_op op)
{
	struct smb_stream *st = &m->smb->stream[m->u->dir];
	struct smb_request *r = smb_request_add(m->smb, &m->key, op, m->h.command), *before;

	if (!r)
		return NULL;
	r->session = m->h.session;
	r->tree = m->h.tree;
	before = st->has_last ? smb_request_find(m->smb, &st->last) : NULL;
	if (before && before != r) {
		before->next = m->key;
		before->has_next = true;
	}
	st->last = m->key;
	st->has_last = true;
	return r;
}

/* The same, about an open file. */
static struct smb_request *keep_about(struct message *m, enum smb_op op,
				      const struct smb_target *t)
{
	struct smb_request *r = keep(m, op);

	if (r)
		r->target = *t;
	m->smb->stream[m->u->dir].target = *t;
	return r;
}

static void set_guid(struct smb *smb, int which, struct cursor *c)
{
	static const uint8_t none[SMB_GUID_SIZE];
	const uint8_t *guid = cursor_take(c, SMB_GUID_SIZE);

	if (!guid || !memcmp(guid, none, SMB_GUID_SIZE))
		return;
	memcpy(smb->guid[which], guid, SMB_GUID_SIZE);
	smb->guids[which] = true;
}

static void ask_negotiate(struct message *m)
{
	cursor_skip(&m->body, 12);
	set_guid(m->smb, 0, &m->body);
}

/* length bytes at an offset that counts from the header on; NULL: not there. */
static const uint8_t *at(const struct message *m, uint32_t offset, uint32_t length)
{
	return offset <= m->u->n && length <= m->u->n - offset ? m->u->p + offset : NULL;
}

static void ask_session_setup(struct message *m)
{
	uint16_t offset, length;
	char *user;

	cursor_skip(&m->body, 12);
	offset = cursor_le16(&m->body);
	length = cursor_le16(&m->body);
	user = m->body.failed ? NULL : smb_ntlm_user(at(m, offset, length), length);
	if (user)
		smb_user_set(m->smb, m->h.session, user);
	free(user);
}

static void ask_logoff(struct message *m)
{
	keep(m, SMB_LOGOFF);
}

static void ask_tree_disconnect(struct message *m)
{
	keep(m, SMB_TREE_DISCONNECT);
}

static void ask_tree_connect(struct message *m)
{
	struct smb_request *r = keep(m, SMB_TREE_CONNECT);
	uint16_t offset, length;

	cursor_skip(&m->body, 4);
	offset = cursor_le16(&m->body);
	length = cursor_le16(&m->body);
	if (r && !m->body.failed)
		r->share = smb_string(at(m, offset, length), length, true);
}

static void ask_create(struct message *m)
{
	struct smb *smb = m->smb;
	struct smb_stream *st = &smb->stream[m->u->dir];
	struct smb_request *r = keep(m, SMB_CREATE);
	enum smb_share type;
	const char *share = smb_share_of(smb, m->h.session, m->h.tree, &type);
	uint16_t offset, length;
	char *path;

	st->target = (struct smb_target){.fid.session = m->h.session,
					 .tree = m->h.tree,
					 .created = true,
					 .create = m->key};
	cursor_skip(&m->body, 44);
	offset = cursor_le16(&m->body);
	length = cursor_le16(&m->body);
	if (!r || m->body.failed || type == SMB_SHARE_PIPE)
		return;
	path = smb_string(at(m, offset, length), length, true);
	r->open =
		smb_open_new(smb_application(smb), path, share, smb_user_of(smb, m->h.session));
	free(path);
}

static void ask_close(struct message *m)
{
	struct smb_target t;
	struct smb_open *o;

	cursor_skip(&m->body, 8);
	t = target_of(m, &m->body);
	if (m->body.failed)
		return;
	keep_about(m, SMB_CLOSE, &t);
	o = smb_open_of(m->smb, &t, false);
	if (o)
		o->closing = true;
}

static void ask_read(struct message *m)
{
	struct smb_request *r;
	struct smb_target t;
	uint32_t length;
	uint64_t offset;

	cursor_skip(&m->body, 4);
	length = cursor_le32(&m->body);
	offset = cursor_le64(&m->body);
	t = target_of(m, &m->body);
	if (m->body.failed)
		return;
	r = keep_about(m, SMB_READ, &t);
	if (r) {
		r->length = length;
		r->offset = offset;
	}
}

static void ask_write(struct message *m)
{
	struct smb_request *r;
	struct smb_target t;
	struct smb_open *o;
	uint32_t length;
	uint16_t start;
	uint64_t offset;

	cursor_skip(&m->body, 2);
	start = cursor_le16(&m->body);
	length = cursor_le32(&m->body);
	offset = cursor_le64(&m->body);
	t = target_of(m, &m->body);
	if (m->body.failed)
		return;
	r = keep_about(m, SMB_WRITE, &t);
	if (r) {
		r->length = length;
		r->offset = offset;
	}
	if (smb_content(m->smb, m->u, true, &t, offset, start, length))
		return;
	/* Wherever that went to, it is not here. */
	o = smb_open_of(m->smb, &t, true);
	if (o)
		smb_open_doubt(o, FILE_REASON_PARTIAL);
}

static void ask_flush(struct message *m)
{
	struct smb_target t;

	cursor_skip(&m->body, 8);
	t = target_of(m, &m->body);
	if (!m->body.failed)
		keep_about(m, SMB_FLUSH, &t);
}

static void ask_ioctl(struct message *m)
{
	static const uint32_t pipe = 0x0011c017; /* FSCTL_PIPE_TRANSCEIVE */
	/* Of the file: COPYCHUNK, COPYCHUNK_WRITE, SET_ZERO_DATA, DUPLICATE_EXTENTS,
	 * OFFLOAD_WRITE */
	static const uint32_t writes[] = {0x001440f2, 0x001480f2, 0x000980c8, 0x00098344,
					  0x00098268};
	struct smb_target t;
	struct smb_open *o;
	uint32_t code;

	cursor_skip(&m->body, 4);
	code = cursor_le32(&m->body);
	t = target_of(m, &m->body);
	o = m->body.failed ? NULL : smb_open_of(m->smb, &t, false);
	if (!o)
		return;
	if (code == pipe)
		o->ignored = true;
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		if (code == writes[i])
			smb_open_doubt(o, FILE_REASON_PARTIAL);
}

static void ask_query_info(struct message *m)
{
	struct smb_request *r;
	struct smb_target t;
	uint8_t type, level;

	cursor_skip(&m->body, 2);
	type = cursor_u8(&m->body);
	level = cursor_u8(&m->body);
	cursor_skip(&m->body, 20);
	t = target_of(m, &m->body);
	if (m->body.failed || type != INFO_FILE)
		return;
	r = keep_about(m, SMB_QUERY_SIZE, &t);
	if (r)
		r->level = level;
}

static void ask_set_info(struct message *m)
{
	struct smb_target t;
	struct smb_open *o;
	uint8_t type, level;
	uint16_t offset;
	struct cursor c;
	uint64_t size;

	cursor_skip(&m->body, 2);
	type = cursor_u8(&m->body);
	level = cursor_u8(&m->body);
	cursor_skip(&m->body, 4);
	offset = cursor_le16(&m->body);
	cursor_skip(&m->body, 6);
	t = target_of(m, &m->body);
	if (m->body.failed || type != INFO_FILE ||
	    (level != FILE_END_OF_FILE_INFORMATION && level != FILE_ALLOCATION_INFORMATION))
		return;
	keep_about(m, SMB_RESIZE, &t);
	c = cursor_of(at(m, offset, 8), at(m, offset, 8) ? 8 : 0);
	size = cursor_le64(&c);
	o = smb_open_of(m->smb, &t, true);
	if (!o)
		return;
	if (c.failed)
		smb_open_doubt(o, FILE_REASON_PARTIAL);
	else if (level == FILE_END_OF_FILE_INFORMATION)
		smb_open_resize(o, size, m->smb->time);
	else
		smb_open_allocate(o, size, m->smb->time);
}

/* ------------------------------------------------------------------- answers */

static bool good(const struct message *m)
{
	return !(m->h.status & 0x80000000u);
}

/* MS-SMB2 §2.2.4; 0x02ff asks for another negotiation. */
static enum smb_version version_of(uint16_t dialect)
{
	if (dialect == 0x0202 || dialect == 0x0210)
		return SMB_VERSION_2;
	return dialect >= 0x0300 && dialect < 0x0400 ? SMB_VERSION_3 : SMB_VERSION_UNKNOWN;
}

static void answer_negotiate(struct message *m, struct smb_request *r)
{
	uint16_t dialect;

	cursor_skip(&m->body, 4);
	dialect = cursor_le16(&m->body);
	cursor_skip(&m->body, 2);
	if (!good(m))
		return;
	if (!m->body.failed)
		m->smb->version = version_of(dialect);
	set_guid(m->smb, 1, &m->body);
}

static void answer_logoff(struct message *m, struct smb_request *r)
{
	if (good(m))
		smb_closed_all(m->smb, r->session, 0, true);
}

static void answer_tree_disconnect(struct message *m, struct smb_request *r)
{
	if (good(m))
		smb_closed_all(m->smb, r->session, r->tree, false);
}

static void answer_tree_connect(struct message *m, struct smb_request *r)
{
	uint8_t type;

	cursor_skip(&m->body, 2);
	type = cursor_u8(&m->body);
	if (good(m) && !m->body.failed)
		smb_share_set(m->smb, m->h.session, m->h.tree, r->share,
			      type == SHARE_TYPE_PIPE ? SMB_SHARE_PIPE : SMB_SHARE_DISK);
}

static void answer_create(struct message *m, struct smb_request *r)
{
	struct smb_fid fid = {.session = r->session};
	enum smb_share type;
	uint32_t action, attributes;
	uint64_t size;

	cursor_skip(&m->body, 4);
	action = cursor_le32(&m->body);
	cursor_skip(&m->body, 40);
	size = cursor_le64(&m->body);
	attributes = cursor_le32(&m->body);
	cursor_skip(&m->body, 4);
	fid.id[0] = cursor_le64(&m->body);
	fid.id[1] = cursor_le64(&m->body);
	if (!good(m) || m->body.failed)
		return;
	smb_share_of(m->smb, r->session, r->tree, &type);
	if (attributes & FILE_ATTRIBUTE_DIRECTORY) {
		smb_open_free(r->open, FILE_REASON_PARTIAL, m->smb->time);
		r->open = NULL;
	} else if (r->open) {
		/* In a share nobody saw being connected, a pipe looks like an empty file. */
		if (type == SMB_SHARE_DISK || size || action != CREATE_ACTION_OPENED)
			smb_open_begins(r->open, size);
	}
	smb_created(m->smb, r, &fid);
}

static void answer_close(struct message *m, struct smb_request *r)
{
	uint16_t flags;
	uint64_t size;

	cursor_skip(&m->body, 2);
	flags = cursor_le16(&m->body);
	cursor_skip(&m->body, 4 + 32 + 8);
	size = cursor_le64(&m->body);
	if (good(m))
		smb_closed(m->smb, &r->target,
			   flags & CLOSE_POSTQUERY && !m->body.failed ? &size : NULL);
}

static void answer_read(struct message *m, struct smb_request *r)
{
	struct smb_open *o;
	uint32_t length;
	uint8_t start;

	if (m->h.status == STATUS_END_OF_FILE) {
		o = smb_open_of(m->smb, &r->target, false);
		if (o)
			smb_open_read_beyond(o, r->offset, m->smb->time);
		return;
	}
	cursor_skip(&m->body, 2);
	start = cursor_u8(&m->body);
	cursor_skip(&m->body, 1);
	length = cursor_le32(&m->body);
	if (!good(m) || m->body.failed)
		return;
	if (length > r->length)
		length = r->length;
	smb_content(m->smb, m->u, false, &r->target, r->offset, start, length);
}

static void answer_write(struct message *m, struct smb_request *r)
{
	struct smb_open *o;
	uint32_t count;

	cursor_skip(&m->body, 4);
	count = cursor_le32(&m->body);
	if (good(m) && !m->body.failed && count == r->length)
		return;
	o = smb_open_of(m->smb, &r->target, false);
	if (o)
		smb_open_doubt(o, FILE_REASON_PARTIAL);
}

static void answer_flush(struct message *m, struct smb_request *r)
{
	struct smb_open *o = good(m) ? smb_open_of(m->smb, &r->target, false) : NULL;

	if (o)
		smb_open_flushed(o);
}

static void answer_resize(struct message *m, struct smb_request *r)
{
	struct smb_open *o = good(m) ? NULL : smb_open_of(m->smb, &r->target, false);

	if (!o)
		return;
	o->size_known = false;
	smb_open_doubt(o, FILE_REASON_PARTIAL);
}

static void answer_query_info(struct message *m, struct smb_request *r)
{
	static const struct {
		uint16_t level, at;
	} sizes[] = {
		{FILE_STANDARD_INFORMATION, 8},
		{FILE_ALL_INFORMATION, 40 + 8},
		{FILE_NETWORK_OPEN_INFORMATION, 32 + 8},
	};
	struct smb_open *o;
	struct cursor c;
	const uint8_t *p;
	uint16_t offset;
	uint64_t size;

	cursor_skip(&m->body, 2);
	offset = cursor_le16(&m->body);
	o = m->h.status == STATUS_SUCCESS ? smb_open_of(m->smb, &r->target, false) : NULL;
	for (size_t i = 0; o && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = r->level == sizes[i].level ? at(m, offset + sizes[i].at, 8) : NULL;
		c = cursor_of(p, p ? 8 : 0);
		size = cursor_le64(&c);
		if (!c.failed)
			smb_open_size(o, size, m->smb->time);
	}
}

/* ------------------------------------------------------------------ commands */

#define WHOLE UINT16_MAX

/* Bytes of the body that are looked at, and what looks at them. */
static const struct command {
	uint16_t ask_need, answer_need;
	void (*ask)(struct message *m);
	void (*answer)(struct message *m, struct smb_request *r);
} commands[] = {
	{28, 24, ask_negotiate, answer_negotiate},
	{WHOLE, 0, ask_session_setup, NULL},
	{0, 0, ask_logoff, answer_logoff},
	{WHOLE, 16, ask_tree_connect, answer_tree_connect},
	{0, 0, ask_tree_disconnect, answer_tree_disconnect},
	{WHOLE, 88, ask_create, answer_create},
	{24, 60, ask_close, answer_close},
	{24, 0, ask_flush, answer_flush},
	{48, 16, ask_read, answer_read},
	{48, 16, ask_write, answer_write},
	{0, 0, NULL, NULL}, /* LOCK */
	{24, 0, ask_ioctl, NULL},
	{0, 0, NULL, NULL}, /* CANCEL: has the number of what it cancels */
	{0, 0, NULL, NULL}, /* ECHO */
	{0, 0, NULL, NULL}, /* QUERY_DIRECTORY */
	{0, 0, NULL, NULL}, /* CHANGE_NOTIFY */
	{40, 8 + 64, ask_query_info, answer_query_info},
	{32 + 64, 0, ask_set_info, answer_resize},
};

static const struct command *command_of(uint16_t code)
{
	return code < sizeof(commands) / sizeof(commands[0]) ? &commands[code] : NULL;
}

size_t smb2_need(const uint8_t *p, size_t n)
{
	const struct command *command;
	struct header h;
	uint16_t wanted;

	if (n < SMB2_HEADER)
		return SMB2_HEADER;
	h = header_of(p);
	command = command_of(h.command);
	if (!command)
		return SMB2_HEADER;
	wanted = h.flags & FLAG_RESPONSE ? command->answer_need : command->ask_need;
	return wanted == WHOLE ? SMB_HEAD_MAX : SMB2_HEADER + wanted;
}

static void request(struct message *m, const struct command *command)
{
	struct smb_stream *st = &m->smb->stream[m->u->dir];

	if (m->h.flags & FLAG_RELATED && st->chained) {
		m->h.session = st->session;
		m->h.tree = st->target.tree;
	}
	if (!(m->h.flags & FLAG_RELATED) || !st->chained) {
		st->target =
			(struct smb_target){.fid.session = m->h.session, .tree = m->h.tree};
		st->session = m->h.session;
	}
	st->chained = true;
	if (command->ask)
		command->ask(m);
}

static void answer(struct message *m, const struct command *command)
{
	struct smb_request *r = smb_request_find(m->smb, &m->key);

	if (m->h.status == STATUS_PENDING)
		return;
	if (r && r->command != m->h.command)
		r = NULL;
	if (command->answer && (r || !m->h.command))
		command->answer(m, r);
	if (r)
		smb_request_remove(m->smb, r);
}

void smb2_unit(struct smb *smb, const struct smb_unit *u)
{
	struct message m = {.smb = smb, .u = u};
	const struct command *command;

	if (u->n < SMB2_HEADER)
		return;
	m.h = header_of(u->p);
	m.body = cursor_of(u->p + SMB2_HEADER, u->n - SMB2_HEADER);
	m.key = (struct smb_request_key){.id = m.h.message};
	command = command_of(m.h.command);
	if (!command || !smb_from(smb, u->dir, m.h.flags & FLAG_RESPONSE))
		return;
	if (smb->version == SMB_VERSION_1)
		smb->version = SMB_VERSION_UNKNOWN;
	if (m.h.flags & FLAG_RESPONSE)
		answer(&m, command);
	else
		request(&m, command);
}
