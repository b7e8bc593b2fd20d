/* SPDX-License-Identifier: MIT */
/*
 * A sighting: one file seen in one session, with everything known about both.
 *
 * Parsers fill it, the file object completes it, the supervisor stores it and
 * lets policy make an envelope of it.  It is one flat record, so that it can
 * cross a process boundary without a pointer.
 */
#ifndef SLUICE_LIB_SIGHTING_H
#define SLUICE_LIB_SIGHTING_H

#include "lib/inet.h"
#include "lib/msg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who sent the bytes.  Same values as enum sluice_direction. */
enum dir { DIR_OPENER, DIR_ANSWERER, DIR_COUNT };

static inline enum dir dir_other(enum dir d)
{
	return d == DIR_OPENER ? DIR_ANSWERER : DIR_OPENER;
}

/* Which end is on this host: a uid is that end's.  Both: its opener. */
enum session_local { SESSION_LOCAL_NONE, SESSION_LOCAL_OPENER, SESSION_LOCAL_ANSWERER };

/*
 * The session, as the source (ring or capture file) knows it.
 * opener and answerer are the untranslated ends; the *_nat ones are how that
 * end appears to the other (family 0 when not translated or not known).
 */
struct session_info {
	uint64_t id;	/* unique within its source */
	uint64_t start; /* ns since the epoch, first packet */
	struct endpoint end[DIR_COUNT];
	struct endpoint nat[DIR_COUNT];
	uint64_t related;
	uint64_t netns;
	uint32_t zone;
	uint32_t vlan[2]; /* outer, inner; 0: none */
	uint32_t vrf;
	uint32_t uid; /* owner of the local end's socket; UINT32_MAX: not known */
	enum session_local local;
	uint32_t ct_mark;
	uint32_t share_mask; /* the kernel's switches at its begin */
	uint8_t protocol;    /* IPPROTO_TCP */
	bool midstream;	     /* begin not seen */
	char in_name[16];
	char out_name[16];
};

/*
 * Text of a sighting, raw bytes as seen, without NUL.
 *
 *	USER		the targeted user: the receiver of a download, the sender of an upload
 *	LOGIN		the name that user gave to the protocol itself
 *	SENDER_USER	who is known at the sender's address; RECEIVER_USER at the other one
 *	SENDER_ZONE	zone of the interface on the sender's side; RECEIVER_ZONE the other
 *	FILE_TYPE	one of file_types.conf, by content; absent: none of them
 *	FILE_FORMAT	media type, by content
 *	MEMBER_PATH	of a file out of an archive: where it stood in it
 *	OVERLOAD	clouds that it is not sent to: too much waits for them
 *
 * X(CONSTANT, name, limit in bytes)
 */
#define SIGHTING_TEXTS(X)                         \
	X(VIRTUAL_SYSTEM, virtual_system, 255)    \
	X(APPLICATION, application, 63)           \
	X(USER, user, 255)                        \
	X(URL, url, 8192)                         \
	X(FILENAME, filename, 4096)               \
	X(EMAIL_SENDER, email_sender, 1024)       \
	X(EMAIL_RECIPIENT, email_recipient, 8192) \
	X(EMAIL_SUBJECT, email_subject, 4096)     \
	X(HTTP_METHOD, http_method, 32)           \
	X(HTTP_HOST, http_host, 255)              \
	X(HTTP_USER_AGENT, http_user_agent, 1024) \
	X(HTTP_REFERRER, http_referrer, 4096)     \
	X(CONTENT_TYPE, content_type, 255)        \
	X(COMMAND, command, 32)                   \
	X(FILE_PATH, file_path, 4096)             \
	X(SHARE, share, 1024)                     \
	X(SMTP_MAIL_FROM, smtp_mail_from, 1024)   \
	X(SMTP_RCPT_TO, smtp_rcpt_to, 8192)       \
	X(MESSAGE_ID, message_id, 998)            \
	X(RULE, rule, 63)                         \
	X(LOGIN, login, 255)                      \
	X(SENDER_USER, sender_user, 255)          \
	X(RECEIVER_USER, receiver_user, 255)      \
	X(SENDER_ZONE, sender_zone, 63)           \
	X(RECEIVER_ZONE, receiver_zone, 63)       \
	X(FILE_TYPE, file_type, 31)               \
	X(FILE_FORMAT, file_format, 127)          \
	X(MEMBER_PATH, member_path, 4096)         \
	X(OVERLOAD, overload, 4096)

enum sighting_text {
#define SIGHTING_TEXT_ENUM(id, name, max) SIGHTING_##id,
	SIGHTING_TEXTS(SIGHTING_TEXT_ENUM)
#undef SIGHTING_TEXT_ENUM
		SIGHTING_TEXT_COUNT
};

/* Several stand in EMAIL_RECIPIENT, SMTP_RCPT_TO and OVERLOAD separated by this. */
#define SIGHTING_LIST_SEPARATOR '\n'

/*
 * What was seen.  Files and links leave as rules say, whole messages where a rule names
 * them; the rest is private talk, kept from captures and left alone on a live network.
 * X(CONSTANT, text used in JSON)
 */
#define SIGHTING_KINDS(X)                                                         \
	X(FILE, "file")                                                           \
	X(LINK, "link")		    /* of an e-mail: its content is the URL */    \
	X(FORM_FIELD, "form-field") /* of a form, naming no file */               \
	X(MAIL_TEXT, "mail-text")   /* what a person wrote: text, not attached */ \
	X(MAIL, "mail")		    /* a whole message as it was transferred */

enum sighting_kind {
#define SIGHTING_KIND_ENUM(id, text) SIGHTING_KIND_##id,
	SIGHTING_KINDS(SIGHTING_KIND_ENUM)
#undef SIGHTING_KIND_ENUM
		SIGHTING_KIND_COUNT
};

const char *sighting_kind_text(enum sighting_kind k);
/* Whether a rule can send it at all. */
static inline bool sighting_kind_leaves(enum sighting_kind k)
{
	return k == SIGHTING_KIND_FILE || k == SIGHTING_KIND_LINK || k == SIGHTING_KIND_MAIL;
}

enum direction { DIRECTION_DOWNLOAD, DIRECTION_UPLOAD };

/* Where a file ended.  Only FILE_COMPLETE makes a sample. */
enum file_state { FILE_STATE_COMPLETE, FILE_STATE_TRUNCATED };

/*
 * Why a file is not complete, or not kept.
 * X(CONSTANT, text used in logs, JSON and counters)
 */
#define FILE_REASONS(X)                                                                  \
	X(NONE, "none")		      /* complete and kept */                            \
	X(GAP, "gap")		      /* bytes of it never came by */                    \
	X(LIMIT, "limit")	      /* larger than the limit */                        \
	X(TIMEOUT, "timeout")	      /* the session went idle, or the source ended */   \
	X(RESET, "reset")	      /* the connection was reset or closed too early */ \
	X(DECODE, "decode")	      /* a coding could not be undone */                 \
	X(BOMB, "bomb")		      /* decoding passed its ratio or size limit */      \
	X(SPOOL_FULL, "spool-full")   /* no room in the spool's quota */                 \
	X(SPOOL_ERROR, "spool-error") /* the disk failed */                              \
	X(PARTIAL, "partial")	      /* a range of a larger file */                     \
	X(OPEN_FILES, "open-files")   /* too many files at once */                       \
	X(CONFLICT, "conflict")	      /* bytes of it came twice and were not the same */ \
	X(UNWANTED, "unwanted")	      /* no rule wants it: the rest was left out */      \
	X(ENCRYPTED, "encrypted")     /* of an archive, and needs a password */

enum file_reason {
#define FILE_REASON_ENUM(id, text) FILE_REASON_##id,
	FILE_REASONS(FILE_REASON_ENUM)
#undef FILE_REASON_ENUM
		FILE_REASON_COUNT
};

const char *file_reason_text(enum file_reason r);

/*
 * What is remarkable about a file's content.  One bit each.
 * X(CONSTANT, text used in JSON)
 */
#define FILE_TRAITS(X)                                                     \
	X(ENCRYPTED, "encrypted")   /* an archive that needs a password */ \
	X(MULTI_PART, "multi-part") /* one volume of an archive */         \
	X(BOMB, "bomb")		    /* an archive past its limits */       \
	X(NESTED, "nested")	    /* archives in it go deeper than allowed */

enum file_trait {
#define FILE_TRAIT_ENUM(id, text) FILE_TRAIT_##id,
	FILE_TRAITS(FILE_TRAIT_ENUM)
#undef FILE_TRAIT_ENUM
		FILE_TRAIT_COUNT
};

const char *file_trait_text(enum file_trait t);

/* Types of files that are told apart at most; which ones is data (sample/type.h). */
#define FILE_TYPES_MAX 24

#define SIGHTING_ID_SIZE 16
#define SHA256_SIZE 32

struct sighting {
	struct session_info session;
	enum sighting_kind kind;
	enum direction direction; /* download: the answerer sent the file */
	uint64_t begin;		  /* packet time of its first byte, ns */
	uint64_t end;		  /* of its last */
	uint32_t number;	  /* of the file in its session, from 0 */
	uint32_t http_status;	  /* 0: none */

	enum file_state state;
	enum file_reason reason;
	bool size_known;   /* the protocol declared a size */
	uint64_t declared; /* that size, bytes as transferred */
	uint64_t size;	   /* bytes of content, decoded, from 0 to the end */
	uint64_t seen;	   /* bytes of content that came by */
	uint64_t missing;  /* bytes in holes */
	uint64_t overlap;  /* bytes that came more than once */
	bool stored;	   /* a sample of this hash is in the spool */
	uint32_t level;	   /* codings and archives it was taken out of */
	uint32_t traits;   /* bits, by enum file_trait */
	bool contained;	   /* it is a member of the archive `container` */
	uint8_t container[SHA256_SIZE];
	uint8_t sha256[SHA256_SIZE];  /* valid when state is COMPLETE */
	uint8_t id[SIGHTING_ID_SIZE]; /* UUID, by sighting_make_id() */

	uint32_t cut; /* bit per text that was longer than its limit */
	uint32_t text_len[SIGHTING_TEXT_COUNT];
	char *text[SIGHTING_TEXT_COUNT]; /* heap, NUL terminated, or NULL */
};

/* All zero; nothing allocated. */
void sighting_init(struct sighting *s);
void sighting_free(struct sighting *s);
/* Deep copy; false when out of memory (dst is then empty). */
bool sighting_copy(struct sighting *dst, const struct sighting *src);
/*
 * Sets a text to n bytes at p (copied, cut at its limit and at the first NUL;
 * cutting sets its bit in `cut`).  n == 0 or p == NULL: removes it.
 */
void sighting_set(struct sighting *s, enum sighting_text which, const void *p, size_t n);
/* The text or NULL. */
const char *sighting_get(const struct sighting *s, enum sighting_text which);

/* The ends by who sent the file. */
static inline enum dir sighting_sender(const struct sighting *s)
{
	return s->direction == DIRECTION_DOWNLOAD ? DIR_ANSWERER : DIR_OPENER;
}

/*
 * Computes id: a version 8 UUID (RFC 9562) from SHA-256 over session id, its
 * start, the file's number, begin time and hash.  The same sighting always gets
 * the same id, so that announcing it twice is harmless.
 */
void sighting_make_id(struct sighting *s);
#define SIGHTING_ID_TEXT 37
const char *sighting_id_text(const uint8_t id[static SIGHTING_ID_SIZE],
			     char text[static SIGHTING_ID_TEXT]);
/* That text again, digits in lower or upper case; false otherwise. */
bool sighting_id_parse(const char *text, uint8_t id[static SIGHTING_ID_SIZE]);
#define SHA256_TEXT 65
const char *sha256_text(const uint8_t sha256[static SHA256_SIZE],
			char text[static SHA256_TEXT]);
/* 64 lower or upper case hex digits; false otherwise. */
bool sha256_parse(const char *text, uint8_t sha256[static SHA256_SIZE]);

/* As attributes of a message.  Decoding checks every length; false: refuse it. */
bool sighting_encode(const struct sighting *s, struct msg *m);
bool sighting_decode(struct sighting *s, const struct msg_view *v);

#endif
