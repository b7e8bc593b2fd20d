/* SPDX-License-Identifier: MIT */
/*
 * SMB 1: what its messages share ([MS-CIFS] 2.2, [MS-SMB] 2.2).
 *
 * A message has blocks of parameters ("words") and bytes; those whose command has AndX in its
 * name say where another block stands.  All offsets count from the header on.
 */
#ifndef SLUICE_PROTO_SMB1_H
#define SLUICE_PROTO_SMB1_H

#include "proto/smb.h"

enum {
	SMB1_OPEN = 0x02,
	SMB1_CREATE = 0x03,
	SMB1_CLOSE = 0x04,
	SMB1_FLUSH = 0x05,
	SMB1_READ = 0x0a,
	SMB1_WRITE = 0x0b,
	SMB1_CREATE_TEMPORARY = 0x0e,
	SMB1_CREATE_NEW = 0x0f,
	SMB1_LOCK_AND_READ = 0x13,
	SMB1_WRITE_AND_UNLOCK = 0x14,
	SMB1_READ_RAW = 0x1a,
	SMB1_READ_MPX = 0x1b,
	SMB1_WRITE_RAW = 0x1d,
	SMB1_WRITE_MPX = 0x1e,
	SMB1_LOCKING_ANDX = 0x24,
	SMB1_WRITE_AND_CLOSE = 0x2c,
	SMB1_OPEN_ANDX = 0x2d,
	SMB1_READ_ANDX = 0x2e,
	SMB1_WRITE_ANDX = 0x2f,
	SMB1_TRANSACTION2 = 0x32,
	SMB1_TREE_CONNECT = 0x70,
	SMB1_TREE_DISCONNECT = 0x71,
	SMB1_SESSION_SETUP_ANDX = 0x73,
	SMB1_LOGOFF_ANDX = 0x74,
	SMB1_TREE_CONNECT_ANDX = 0x75,
	SMB1_NT_TRANSACT = 0xa0,
	SMB1_NT_CREATE_ANDX = 0xa2,
	SMB1_NONE = 0xff,
};

/* One block of a message. */
struct smb1_block {
	struct smb *smb;
	const struct smb_unit *u;
	uint8_t command;
	bool good;    /* an answer: it was done */
	bool unicode; /* strings */
	uint16_t tree, user;
	struct smb_request_key key;
	uint8_t word_count;
	const uint8_t *words;
	uint32_t bytes; /* where they begin */
	bool created;	/* the message opens a file in a block before this one: */
	struct smb_request_key create;
};

/* The words from byte `at` on. */
struct cursor smb1_words(const struct smb1_block *b, size_t at);
/* n bytes of the message; NULL: not there. */
const uint8_t *smb1_at(const struct smb1_block *b, uint32_t offset, uint32_t n);
/* The string at *at, which moves behind it; NULL: none.  Heap. */
char *smb1_string(const struct smb1_block *b, uint32_t *at);
/* The file with that number, or the one this message opens. */
struct smb_target smb1_target(const struct smb1_block *b, uint16_t fid);
struct smb_request *smb1_keep(const struct smb1_block *b, enum smb_op op);
struct smb_request *smb1_keep_about(const struct smb1_block *b, enum smb_op op,
				    const struct smb_target *t);

/* smb1_open.c: requests and answers that open files, say or set their size. */

void smb1_ask_open(struct smb1_block *b);
void smb1_ask_open_andx(struct smb1_block *b);
void smb1_ask_nt_create(struct smb1_block *b);
void smb1_ask_transaction2(struct smb1_block *b);
void smb1_ask_nt_transact(struct smb1_block *b);
void smb1_answer_open(struct smb1_block *b, struct smb_request *r);
void smb1_answer_create(struct smb1_block *b, struct smb_request *r);
void smb1_answer_open_andx(struct smb1_block *b, struct smb_request *r);
void smb1_answer_nt_create(struct smb1_block *b, struct smb_request *r);
void smb1_answer_transaction2(struct smb1_block *b, struct smb_request *r);
void smb1_answer_nt_transact(struct smb1_block *b, struct smb_request *r);

#endif
