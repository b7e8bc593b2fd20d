/* SPDX-License-Identifier: MIT */
/*
 * What mail.c and mail_part.c share: a message on its way through, and its parts.
 */
#ifndef SLUICE_PROTO_MAIL_PRIVATE_H
#define SLUICE_PROTO_MAIL_PRIVATE_H

#include "proto/mail.h"

#define MAIL_PARTS_MAX 1024
#define MAIL_LINKS_MAX 256
/* Files of yEnc that are put together at once. */
#define MAIL_JOINED_MAX 16

struct message;

/* A file that comes in parts, in several texts of a mail. */
struct joined {
	struct file *file;
	char *name; /* as it is there */
	size_t name_len;
	uint64_t size;
	enum file_reason reason; /* of the first part that was no good */
	uint64_t crc_to;	 /* crc is of the bytes up to here */
	uint32_t crc;
	bool crc_told; /* the last part says what it must be */
	uint32_t crc_want;
};

struct mail {
	struct proto_session *session;
	struct proto_env *env;
	enum dir sender;
	char application[64];
	struct sighting texts; /* only its texts count */
	uint64_t time;
	enum file_reason reason; /* of the end */
	struct message *top;
	struct file *raw; /* the message as a whole; NULL: not kept */
	uint32_t raw_number;
	uint64_t raw_at;
	size_t parts;
	bool limited;
	size_t links;
	uint64_t link[MAIL_LINKS_MAX];
	size_t joins;
	struct joined joined[MAIL_JOINED_MAX];
};

/* A sighting of this mail; sighting_free() by the caller. */
void mail_sighting(struct mail *m, struct sighting *s, enum sighting_kind kind);
/* The message's own header is known. */
void mail_take_header(struct mail *m, const struct buf *header);
void mail_take_link(struct mail *m, const char *url, size_t n, bool cut);
/* A limit was reached: counted once. */
void mail_limited(struct mail *m);

/* A message at this depth; NULL when out of memory. */
struct message *message_new(struct mail *m, unsigned int depth);
/* Its header, where what comes is but the body of a part. */
void message_header(struct message *m, const char *header);
void message_data(struct message *m, const uint8_t *p, size_t n);
void message_gap(struct message *m, uint64_t n);
/* Ends what is open of it; frees it.  NONE: it ended here. */
void message_close(struct message *m, enum file_reason reason);

#endif
