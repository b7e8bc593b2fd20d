/* SPDX-License-Identifier: MIT */
/*
 * Messages between the agent's processes.
 *
 * A message is one datagram on a SOCK_SEQPACKET socket pair: a header with its
 * length, type and version, then attributes {u16 tag, u16 zero, u32 length,
 * bytes, padding to 8}.  Both ends are the same program, so host byte order.
 * The receiver still checks everything: an inspector taken over by the bytes
 * it parses must not be able to do more to its peer than send wrong values.
 */
#ifndef SLUICE_LIB_MSG_H
#define SLUICE_LIB_MSG_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSG_VERSION 1
#define MSG_MAX 65536 /* bytes, header included */

/* X(CONSTANT, name) */
#define MSG_TYPES(X)                                                                   \
	/* inspector to supervisor */                                                  \
	X(SIGHTING, "sighting") /* sighting attributes */                              \
	X(COUNTERS, "counters") /* COUNTER_NAME, COUNTER_VALUE pairs */                \
	X(SHUNT, "shunt")	/* SESSION */                                          \
	X(SKIP, "skip")		/* SESSION, DIRECTION, SEQUENCE, LENGTH */             \
	X(SESSION, "session")	/* a session that has a name, session_note.h */        \
	X(FINISHED, "finished") /* end of a capture file: STATUS, TEXT */              \
	/* supervisor to inspector */                                                  \
	X(RULES, "rules") /* RULE_LIMITS begins, RULE and RULE_APPLICATION */          \
	/* supervisor to forwarder */                                                  \
	X(SUBMIT, "submit")	/* ID, CLOUD, SHA256, SIZE, PRIORITY: queue this */    \
	X(ENVELOPE, "envelope") /* ID, CLOUD, STATUS, KIND, JSON, FILENAME */          \
	/* it may leave, or not: the first ID, CLOUD, SHA256, STATUS, TEXT, */         \
	/* DENIED of those that are the reason */                                      \
	X(GO, "go")                                                                    \
	X(CREDENTIALS, "credentials") /* CLOUD, KEY, TOKEN: instead of those before */ \
	X(REVOKE, "revoke")	      /* ID, CLOUD, TEXT: it may not any more */       \
	/* forwarder to supervisor */                                                  \
	X(QUEUED, "queued") /* ID, CLOUD: committed, outbox row may go */              \
	X(RENDER, "render") /* ID, CLOUD, SLOT: wanted now, about to be sent */        \
	/* a request is about to leave: ID (of each it is about), CLOUD, SLOT, */      \
	/* TEXT (its name), URL, SHA256 and SIZE of its body, CARRIES */               \
	X(LEAVE, "leave")                                                              \
	/* how a cloud does: CLOUD, UNTIL and TEXT of its pause, USED and RENEWED */   \
	X(CLOUD_STATE, "cloud-state")                                                  \
	X(RETRIES, "retries") /* CLOUD, COUNTER_VALUE: so many more of them */         \
	X(RESULT, "result")   /* ID, CLOUD, STATUS, VERDICT, TEXT */                   \
	X(VERDICT, "verdict") /* ID, CLOUD, SHA256, VERDICT: of a sample, later */     \
	/* supervisor to logger (and REVOKE: what was sent is forgotten) */            \
	X(RECORDS, "records") /* SEQUENCE, TEXT; the last of a batch: NUMBER */        \
	/* logger to supervisor */                                                     \
	X(OUTLET, "outlet")	/* SEQUENCE, STATUS, TEXT: open, or why it is not */   \
	X(RECORDED, "recorded") /* SEQUENCE, NUMBER: so far all has arrived */

enum msg_type {
	MSG_NONE,
#define MSG_TYPE_ENUM(id, name) MSG_##id,
	MSG_TYPES(MSG_TYPE_ENUM)
#undef MSG_TYPE_ENUM
		MSG_TYPE_COUNT
};

const char *msg_type_text(unsigned int type);

/* Attributes outside a sighting; those of a sighting start at MSG_A_SIGHTING. */
enum msg_attr {
	MSG_A_NONE,
	MSG_A_ID,    /* SIGHTING_ID_SIZE bytes */
	MSG_A_CLOUD, /* name of a cloud */
	MSG_A_SHA256,
	MSG_A_SIZE,    /* u64 */
	MSG_A_STATUS,  /* u64 */
	MSG_A_VERDICT, /* u64, a cast int64_t */
	MSG_A_TEXT,
	MSG_A_JSON,
	MSG_A_FILENAME,
	MSG_A_COUNTER_NAME,
	MSG_A_COUNTER_VALUE, /* u64, belongs to the name before it */
	MSG_A_SESSION,	     /* u64 */
	MSG_A_KIND,	     /* u64, enum sighting_kind */
	MSG_A_DIRECTION,     /* u64, enum sluice_direction */
	MSG_A_SEQUENCE,	     /* u64, 32 bits of TCP */
	MSG_A_LENGTH,	     /* u64, bytes */
	MSG_A_SLOT,	     /* u64, which of the attempts at this cloud */
	MSG_A_URL,
	MSG_A_CARRIES,	   /* u64, CLOUD_CARRIES_... */
	MSG_A_DENIED,	   /* as MSG_A_ID */
	MSG_A_PRIORITY,	   /* u64, enum rule_priority */
	MSG_A_UNTIL,	   /* u64, ms since the epoch; 0: not */
	MSG_A_USED,	   /* u64 of each enum cloud_quota */
	MSG_A_RENEWED,	   /* int64_t of each, ms since the epoch */
	MSG_A_RULE_LIMITS, /* see policy/rule_message.h */
	MSG_A_RULE,
	MSG_A_RULE_APPLICATION, /* text, belongs to the rule before it */
	MSG_A_NUMBER,		/* u64 */
	MSG_A_KEY,
	MSG_A_TOKEN,
	MSG_A_SIGHTING = 256, /* first of sighting.c's own */
};

/* A message being written. */
struct msg {
	struct buf buf; /* limit MSG_MAX */
	uint16_t type;
};

void msg_init(struct msg *m);
void msg_free(struct msg *m);
void msg_begin(struct msg *m, enum msg_type type);
bool msg_put(struct msg *m, uint16_t tag, const void *p, size_t n);
bool msg_put_u64(struct msg *m, uint16_t tag, uint64_t v);
bool msg_put_string(struct msg *m, uint16_t tag, const char *s);

enum msg_result {
	MSG_OK,
	MSG_AGAIN,  /* nothing there, or no room (non-blocking descriptor) */
	MSG_CLOSED, /* the other end is gone */
	MSG_BAD,    /* malformed, too long, too large to send: log and drop the peer */
	MSG_ERROR,  /* errno says */
};

/* Sends the message as one datagram.  Blocks if the descriptor does. */
enum msg_result msg_send(int fd, struct msg *m);

/* A received message; points into the caller's buffer. */
struct msg_view {
	uint16_t type;
	const uint8_t *attrs;
	size_t len;
};

/*
 * Receives one message into `room` (MSG_MAX bytes) and checks header, lengths
 * and that every attribute is whole.
 */
enum msg_result msg_receive(int fd, uint8_t room[static MSG_MAX], struct msg_view *v);
/* The check alone, for tests and fuzzing. */
bool msg_parse(const uint8_t *p, size_t n, struct msg_view *v);

/* Walks attributes: start with *at = 0; false at the end. */
bool msg_next(const struct msg_view *v, size_t *at, uint16_t *tag, const uint8_t **p,
	      size_t *n);
/* First attribute of that tag; false when absent. */
bool msg_get(const struct msg_view *v, uint16_t tag, const uint8_t **p, size_t *n);
/* False when absent or not 8 bytes. */
bool msg_get_u64(const struct msg_view *v, uint16_t tag, uint64_t *value);
/* Copies with NUL; false when absent, longer than size - 1, or containing NUL. */
bool msg_get_string(const struct msg_view *v, uint16_t tag, char *s, size_t size);
/* False when absent or not exactly n bytes. */
bool msg_get_exact(const struct msg_view *v, uint16_t tag, void *p, size_t n);

/* A connected pair; close-on-exec, blocking; false with errno. */
bool msg_pair(int fd[static 2]);

#endif
