/* SPDX-License-Identifier: MIT */
/*
 * What was fetched about the messages of the selected mailbox (structures, envelopes,
 * headers, sizes), for the parts that are fetched later.
 *
 * Bounded in number and bytes; the least recently used go first.
 */
#ifndef SLUICE_PROTO_IMAP_NOTE_H
#define SLUICE_PROTO_IMAP_NOTE_H

#include <stddef.h>
#include <stdint.h>

#define IMAP_NOTES_MAX 512
#define IMAP_NOTES_BYTES (256u << 10)
/* "HEADER", "1.2.MIME" */
#define IMAP_SECTION_MAX 64

/* A message by its number, and by its UID where that is known. */
struct imap_message {
	uint64_t number;
	uint64_t uid; /* 0: not known */
};

struct imap_note {
	struct imap_note *next;
	struct imap_message message;
	char key[IMAP_SECTION_MAX];
	size_t n;
	uint8_t data[];
};

struct imap_notes {
	struct imap_note *first; /* the last used */
	size_t count;
	size_t bytes;
};

void imap_notes_free(struct imap_notes *s);
/* Copies n bytes; another note of that key is replaced. */
void imap_note_put(struct imap_notes *s, const struct imap_message *m, const char *key,
		   const void *p, size_t n);
/* Valid until the next put; NULL: none. */
const struct imap_note *imap_note_get(struct imap_notes *s, const struct imap_message *m,
				      const char *key);
/* The message is gone, those behind it move up. */
void imap_notes_expunge(struct imap_notes *s, uint64_t number);

#endif
