// SPDX-License-Identifier: MIT
/*
 * SMB 1: the ways to open a file, and to ask for or set its size.
 */
#include "proto/smb1.h"

#include <stdlib.h>

#define ATTRIBUTE_DIRECTORY 0x10
#define RESOURCE_DISK 0
#define OPENED 1 /* and not made or emptied */

/* [MS-CIFS] 2.2.6, 2.2.7 */
#define TRANS2_OPEN2 0x00
#define TRANS2_QUERY_FILE_INFORMATION 0x07
#define TRANS2_SET_FILE_INFORMATION 0x08
#define NT_TRANSACT_CREATE 0x01

/* ----------------------------------------------------------------------- open */

/* path is freed. */
static void begin(struct smb1_block *b, char *path)
{
	struct smb_request *r = smb1_keep(b, SMB_CREATE);
	enum smb_share type;
	const char *share = smb_share_of(b->smb, 0, b->tree, &type);

	b->created = true;
	b->create = b->key;
	if (r && type != SMB_SHARE_PIPE)
		r->open = smb_open_new(smb_application(b->smb), path, share,
				       smb_user_of(b->smb, b->user));
	free(path);
}

struct opened {
	uint16_t fid;
	bool directory;
	bool fresh; /* made or emptied, not just opened */
	uint16_t resource;
	bool size_known;
	uint64_t size;
};

static void end(struct smb1_block *b, struct smb_request *r, const struct opened *file)
{
	struct smb_fid fid = {.id[0] = file->fid};
	enum smb_share type;

	smb_share_of(b->smb, 0, r->tree, &type);
	if (file->directory) {
		smb_open_free(r->open, FILE_REASON_PARTIAL, b->smb->time);
		r->open = NULL;
	} else if (r->open && file->resource != RESOURCE_DISK) {
		r->open->ignored = true;
	} else if (r->open && file->size_known &&
		   (type == SMB_SHARE_DISK || file->size || file->fresh)) {
		/* In a share nobody saw being connected, a pipe looks like an empty file. */
		smb_open_begins(r->open, file->size);
	}
	smb_created(b->smb, r, &fid);
}

void smb1_ask_open(struct smb1_block *b)
{
	uint32_t at = b->bytes + 1; /* behind the format */

	begin(b, smb1_string(b, &at));
}

void smb1_answer_open(struct smb1_block *b, struct smb_request *r)
{
	struct cursor c = smb1_words(b, 0);
	struct opened file = {.size_known = true};

	file.fid = cursor_le16(&c);
	file.directory = cursor_le16(&c) & ATTRIBUTE_DIRECTORY;
	cursor_skip(&c, 4);
	file.size = cursor_le32(&c);
	if (b->good && !c.failed)
		end(b, r, &file);
}

void smb1_answer_create(struct smb1_block *b, struct smb_request *r)
{
	struct cursor c = smb1_words(b, 0);
	struct opened file = {.size_known = true, .fresh = true};

	file.fid = cursor_le16(&c);
	if (b->good && !c.failed)
		end(b, r, &file);
}

void smb1_ask_open_andx(struct smb1_block *b)
{
	uint32_t at = b->bytes;

	begin(b, smb1_string(b, &at));
}

void smb1_answer_open_andx(struct smb1_block *b, struct smb_request *r)
{
	struct cursor c = smb1_words(b, 4);
	struct opened file = {.size_known = true};

	file.fid = cursor_le16(&c);
	file.directory = cursor_le16(&c) & ATTRIBUTE_DIRECTORY;
	cursor_skip(&c, 4);
	file.size = cursor_le32(&c);
	cursor_skip(&c, 2);
	file.resource = cursor_le16(&c);
	cursor_skip(&c, 2);
	file.fresh = (cursor_le16(&c) & 3) != OPENED;
	if (b->good && !c.failed)
		end(b, r, &file);
}

/* A name of known length; aligned when it is in Unicode. */
static char *name_at(const struct smb1_block *b, uint32_t at, uint32_t length)
{
	const uint8_t *p;

	if (b->unicode)
		at += at % 2;
	p = smb1_at(b, at, length);
	return smb_string(p, length, b->unicode);
}

void smb1_ask_nt_create(struct smb1_block *b)
{
	struct cursor c = smb1_words(b, 5);
	uint16_t length = cursor_le16(&c);
	uint32_t at = b->bytes;
	char *path = name_at(b, at, length);

	/* Some count it in characters, or count its NUL, or the padding. */
	begin(b, path ? path : smb1_string(b, &at));
}

void smb1_answer_nt_create(struct smb1_block *b, struct smb_request *r)
{
	struct cursor c = smb1_words(b, 5);
	struct opened file = {.size_known = true};

	file.fid = cursor_le16(&c);
	file.fresh = cursor_le32(&c) != OPENED;
	cursor_skip(&c, 32 + 4 + 8);
	file.size = cursor_le64(&c);
	file.resource = cursor_le16(&c);
	cursor_skip(&c, 2);
	file.directory = cursor_u8(&c);
	if (b->good && !c.failed)
		end(b, r, &file);
}

/* --------------------------------------------------------------- transactions */

/* Parameters and data of a transaction, if all of it stands in one message. */
struct transaction {
	uint16_t function;
	struct cursor parameters, data;
	uint32_t parameters_at;
};

static struct cursor part_at(const struct smb1_block *b, uint32_t offset, uint32_t n)
{
	const uint8_t *p = smb1_at(b, offset, n);

	return cursor_of(p, p ? n : 0);
}

static bool transaction2(const struct smb1_block *b, bool response, struct transaction *t)
{
	struct cursor c = smb1_words(b, response ? 6 : 18);
	uint32_t n, at;

	n = cursor_le16(&c);
	at = cursor_le16(&c);
	t->parameters = part_at(b, at, n);
	t->parameters_at = at;
	if (response)
		cursor_skip(&c, 2);
	n = cursor_le16(&c);
	at = cursor_le16(&c);
	t->data = part_at(b, at, n);
	cursor_skip(&c, 2);
	t->function = response ? 0 : cursor_le16(&c);
	return !c.failed;
}

static bool nt_transaction(const struct smb1_block *b, bool response, struct transaction *t)
{
	struct cursor c = smb1_words(b, response ? 11 : 19);
	uint32_t n, at;

	n = cursor_le32(&c);
	at = cursor_le32(&c);
	t->parameters = part_at(b, at, n);
	t->parameters_at = at;
	if (response)
		cursor_skip(&c, 4);
	n = cursor_le32(&c);
	at = cursor_le32(&c);
	t->data = part_at(b, at, n);
	if (response)
		return !c.failed;
	cursor_skip(&c, 1);
	t->function = cursor_le16(&c);
	return !c.failed;
}

/* Levels of information, as they are and as those of NT (1000 more). */
enum {
	INFO_STANDARD = 0x0001,
	QUERY_FILE_STANDARD = 0x0102,
	QUERY_FILE_ALL = 0x0107,
	SET_FILE_ALLOCATION = 0x0103,
	SET_FILE_END = 0x0104,
	PASS_STANDARD = 1005,
	PASS_ALL = 1018,
	PASS_ALLOCATION = 1019,
	PASS_END = 1020,
	PASS_NETWORK_OPEN = 1034,
};

static void ask_set(struct smb1_block *b, struct transaction *t)
{
	struct smb_target target = smb1_target(b, cursor_le16(&t->parameters));
	uint16_t level = cursor_le16(&t->parameters);
	bool end_of_file = level == SET_FILE_END || level == PASS_END;
	uint64_t size = cursor_le64(&t->data);
	struct smb_open *o;

	if (t->parameters.failed ||
	    (!end_of_file && level != SET_FILE_ALLOCATION && level != PASS_ALLOCATION))
		return;
	smb1_keep_about(b, SMB_RESIZE, &target);
	o = smb_open_of(b->smb, &target, true);
	if (!o)
		return;
	if (t->data.failed)
		smb_open_doubt(o, FILE_REASON_PARTIAL);
	else if (end_of_file)
		smb_open_resize(o, size, b->smb->time);
	else
		smb_open_allocate(o, size, b->smb->time);
}

static void ask_query(struct smb1_block *b, struct transaction *t)
{
	struct smb_target target = smb1_target(b, cursor_le16(&t->parameters));
	uint16_t level = cursor_le16(&t->parameters);
	struct smb_request *r =
		t->parameters.failed ? NULL : smb1_keep_about(b, SMB_QUERY_SIZE, &target);

	if (r)
		r->level = level;
}

void smb1_ask_transaction2(struct smb1_block *b)
{
	struct transaction t;
	uint32_t at;

	if (!transaction2(b, false, &t))
		return;
	switch (t.function) {
	case TRANS2_OPEN2:
		at = t.parameters_at + 28;
		begin(b, smb1_string(b, &at));
		break;
	case TRANS2_QUERY_FILE_INFORMATION:
		ask_query(b, &t);
		break;
	case TRANS2_SET_FILE_INFORMATION:
		ask_set(b, &t);
		break;
	}
}

static void answer_open2(struct smb1_block *b, struct smb_request *r, struct cursor *c)
{
	struct opened file = {.size_known = true};

	file.fid = cursor_le16(c);
	file.directory = cursor_le16(c) & ATTRIBUTE_DIRECTORY;
	cursor_skip(c, 4);
	file.size = cursor_le32(c);
	cursor_skip(c, 2);
	file.resource = cursor_le16(c);
	cursor_skip(c, 2);
	file.fresh = (cursor_le16(c) & 3) != OPENED;
	if (!c->failed)
		end(b, r, &file);
}

static void answer_query(struct smb1_block *b, struct smb_request *r, struct cursor *c)
{
	struct smb_open *o = smb_open_of(b->smb, &r->target, false);
	uint64_t size;

	switch (r->level) {
	case INFO_STANDARD:
		cursor_skip(c, 12);
		size = cursor_le32(c);
		break;
	case QUERY_FILE_STANDARD:
	case PASS_STANDARD:
		cursor_skip(c, 8);
		size = cursor_le64(c);
		break;
	case QUERY_FILE_ALL:
	case PASS_ALL:
		cursor_skip(c, 40 + 8);
		size = cursor_le64(c);
		break;
	case PASS_NETWORK_OPEN:
		cursor_skip(c, 32 + 8);
		size = cursor_le64(c);
		break;
	default:
		return;
	}
	if (o && !c->failed)
		smb_open_size(o, size, b->smb->time);
}

static void answer_resize(struct smb1_block *b, struct smb_request *r)
{
	struct smb_open *o = b->good ? NULL : smb_open_of(b->smb, &r->target, false);

	if (!o)
		return;
	o->size_known = false;
	smb_open_doubt(o, FILE_REASON_PARTIAL);
}

void smb1_answer_transaction2(struct smb1_block *b, struct smb_request *r)
{
	struct transaction t;

	if (r->op == SMB_RESIZE)
		answer_resize(b, r);
	else if (!b->good || !transaction2(b, true, &t))
		return;
	else if (r->op == SMB_CREATE)
		answer_open2(b, r, &t.parameters);
	else if (r->op == SMB_QUERY_SIZE)
		answer_query(b, r, &t.data);
}

void smb1_ask_nt_transact(struct smb1_block *b)
{
	struct transaction t;
	uint32_t length;

	if (!nt_transaction(b, false, &t) || t.function != NT_TRANSACT_CREATE)
		return;
	cursor_skip(&t.parameters, 44);
	length = cursor_le32(&t.parameters);
	begin(b, name_at(b, t.parameters_at + 53, length));
}

void smb1_answer_nt_transact(struct smb1_block *b, struct smb_request *r)
{
	struct opened file = {.size_known = true};
	struct transaction t;
	struct cursor *c = &t.parameters;

	if (!b->good || !nt_transaction(b, true, &t))
		return;
	cursor_skip(c, 2);
	file.fid = cursor_le16(c);
	file.fresh = cursor_le32(c) != OPENED;
	cursor_skip(c, 4 + 32 + 4 + 8);
	file.size = cursor_le64(c);
	file.resource = cursor_le16(c);
	cursor_skip(c, 2);
	file.directory = cursor_u8(c);
	if (!c->failed)
		end(b, r, &file);
}
