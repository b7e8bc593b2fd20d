/* SPDX-License-Identifier: MIT */
/*
 * FETCH responses of IMAP (RFC 9051 §7.5.2, RFC 3516): messages and parts of them, whole or
 * piece by piece.
 */
#ifndef SLUICE_PROTO_IMAP_FETCH_H
#define SLUICE_PROTO_IMAP_FETCH_H

#include "proto/imap_note.h"
#include "proto/imap_stream.h"
#include "proto/mail.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Messages that come in pieces, at once. */
#define IMAP_JOINS_MAX 8
/* Pieces asked for whose answer is looked out for. */
#define IMAP_ASKED_MAX 32

struct imap_item {
	char section[IMAP_SECTION_MAX]; /* upper case: "", "TEXT", "1.2", "1.2.MIME" */
	bool content;			/* of a message or part; else something about one */
	bool binary;			/* decoded by the server */
	bool piece;
	uint64_t origin; /* of the piece */
};

struct imap_join {
	struct mail *mail; /* NULL: free */
	struct imap_message message;
	char section[IMAP_SECTION_MAX];
	bool binary;
	bool unknown;	/* how it is encoded */
	uint64_t next;	/* the byte to come */
	uint64_t total; /* 0: not known */
};

struct imap_asked {
	char section[IMAP_SECTION_MAX];
	uint64_t origin;
	uint64_t length;
};

struct imap_fetch {
	struct mail_options options; /* user is set before each call */
	struct imap_notes notes;
	struct imap_join join[IMAP_JOINS_MAX];
	size_t next_join;
	struct imap_asked asked[IMAP_ASKED_MAX]; /* a ring */
	size_t next_asked;
	size_t asks;

	/* The response that is coming. */
	struct imap_message message;
	size_t walked; /* bytes of it */
	bool broken;

	/* The content that is coming. */
	struct imap_item item;
	struct mail *mail;
	struct imap_join *joined; /* it is a piece of this one */
	bool unknown;		  /* nobody knows how it is encoded */
	uint64_t size;		  /* so far */
};

void imap_fetch_init(struct imap_fetch *f, const struct mail_options *o);
/* Closes what is open. */
void imap_fetch_free(struct imap_fetch *f, enum file_reason reason, uint64_t time);
/* A FETCH command of the client: the pieces it asks for. */
void imap_fetch_command(struct imap_fetch *f, const void *text, size_t n);
/* A literal is announced behind this much of a response. IMAP_STREAM: bytes and end follow. */
enum imap_fate imap_fetch_literal(struct imap_fetch *f, const struct imap_stream *s,
				  uint64_t time);
void imap_fetch_bytes(struct imap_fetch *f, const uint8_t *p, size_t n, uint64_t time);
void imap_fetch_gap(struct imap_fetch *f, uint64_t n, uint64_t time);
/* whole: all of its bytes were told. */
void imap_fetch_end(struct imap_fetch *f, bool whole, uint64_t time);
/* A response as a whole. */
void imap_fetch_line(struct imap_fetch *f, const struct imap_stream *s, uint64_t time);
/* Another mailbox is selected, or nobody knows. */
void imap_fetch_forget(struct imap_fetch *f, uint64_t time);

#endif
