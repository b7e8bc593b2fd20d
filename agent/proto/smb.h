/* SPDX-License-Identifier: MIT */
/*
 * SMB over TCP: what its files share.
 *
 *	smb.c        NetBIOS frames, streams, gaps, detection
 *	smb1.c       messages of MS-CIFS and MS-SMB; smb1_open.c: its ways to open a file
 *	smb2.c       messages of MS-SMB2
 *	smb_state.c  what a connection knows: requests under way, open files
 *	smb_name.c   names: strings, users, shares
 *	smb_file.c   an open file
 *
 * A message, or one of a compound, is a unit.  Its first bytes are kept until they tell what it
 * is; the content of a READ or WRITE goes to its file as it comes.
 */
#ifndef SLUICE_PROTO_SMB_H
#define SLUICE_PROTO_SMB_H

#include "lib/buf.h"
#include "lib/cursor.h"
#include "lib/table.h"
#include "proto/proto.h"
#include "proto/smb_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMB_HEAD_MAX 0x11000 /* bytes of a unit that are kept */
#define SMB_REQUESTS_MAX 2048
#define SMB_OPENS_MAX 4096
#define SMB_NAMES_MAX 1024  /* users and shares of a connection */
#define SMB_NAME_BYTES 4096 /* of a path, as UTF-8 */
#define SMB_GUID_SIZE 16

/* What is open: SMB1 has only the first number of id, and no session. */
struct smb_fid {
	uint64_t session;
	uint64_t id[2];
};

/* MessageId, or PID and MID; part: of an AndX chain, from 0. */
struct smb_request_key {
	uint64_t id;
	uint64_t part;
};

/* The file a request is about. */
struct smb_target {
	struct smb_fid fid;
	uint32_t tree;
	bool created; /* by a request of the same message, not answered yet: */
	struct smb_request_key create;
};

enum smb_op {
	SMB_CREATE,
	SMB_CLOSE,
	SMB_READ,
	SMB_WRITE,
	SMB_RESIZE,
	SMB_QUERY_SIZE,
	SMB_FLUSH,
	SMB_SESSION_SETUP,
	SMB_TREE_CONNECT,
	SMB_TREE_DISCONNECT,
	SMB_LOGOFF,
};

/* A request whose answer matters. */
struct smb_request {
	struct table_entry entry;
	struct smb_request_key key;
	struct smb_request_key next; /* the next one of the same message */
	bool has_next;
	enum smb_op op;
	uint16_t command;
	uint16_t level; /* SMB_QUERY_SIZE: of information */
	uint64_t session;
	uint32_t tree;
	struct smb_target target; /* SMB_CREATE: none */
	uint64_t offset;
	uint32_t length;
	struct smb_open *open; /* SMB_CREATE: owned; NULL: a pipe's */
	char *share;	       /* SMB_TREE_CONNECT */
};

/* UNKNOWN: of SMB 2 or 3, whose negotiation was not seen. */
enum smb_version { SMB_VERSION_UNKNOWN, SMB_VERSION_1, SMB_VERSION_2, SMB_VERSION_3 };

enum smb_share { SMB_SHARE_UNKNOWN, SMB_SHARE_DISK, SMB_SHARE_PIPE };

/* Content on its way to a file. */
struct smb_io {
	bool active, write;
	struct smb_target target;
	uint64_t offset; /* in the file */
	uint32_t skip;	 /* bytes before it */
	uint32_t left;
};

enum smb_phase {
	SMB_PHASE_FRAME,  /* 4 bytes of NetBIOS header */
	SMB_PHASE_UNIT,	  /* first bytes of a unit */
	SMB_PHASE_REST,	  /* the rest of it */
	SMB_PHASE_SEARCH, /* nobody knows where a message begins */
};

/* One direction. */
struct smb_stream {
	enum smb_phase phase;
	struct buf head;
	uint32_t message; /* bytes of the message that are to come */
	uint32_t unit;	  /* size of this unit */
	bool first;	  /* it is the message's first */
	bool doubtful;	  /* it was searched for */
	uint64_t window;  /* last 8 bytes, while searching */
	uint64_t searched;
	struct smb_io io;
	/* SMB2: what a related request takes over from the one before it */
	bool chained;
	uint64_t session;
	struct smb_target target;
	struct smb_request_key last;
	bool has_last; /* it is waiting for its answer */
};

struct smb {
	struct proto_session *ps;
	struct proto_env *env;
	struct shared_set *shared;
	struct shared_set *own_shared; /* that, where the inspector has none */
	struct smb_stream stream[DIR_COUNT];
	struct table *requests, *opens, *names;
	bool client_known;
	enum dir client;
	bool guids[2]; /* known: of client, server */
	uint8_t guid[2][SMB_GUID_SIZE];
	enum smb_version version;      /* of the dialect both agreed on */
	uint32_t encrypted[DIR_COUNT]; /* messages since the last readable one */
	uint64_t time;
	bool done;
};

/* A unit as a version sees it. */
struct smb_unit {
	enum dir dir;
	const uint8_t *p;
	size_t n;      /* bytes there */
	uint32_t size; /* of it all; the rest is to come */
};

/* smb.c */

/*
 * Of the unit, `length` bytes from `start` on are content: they go to `offset` of the target's
 * file as they come.  Once a unit, except where all of it is there.  False: it does not
 * hold that many.
 */
bool smb_content(struct smb *smb, const struct smb_unit *u, bool write,
		 const struct smb_target *target, uint64_t offset, uint32_t start,
		 uint32_t length);
/* The application's name, by version. */
const char *smb_application(const struct smb *smb);
/* False: the message comes from the wrong end. */
bool smb_from(struct smb *smb, enum dir dir, bool response);

/* smb1.c, smb2.c */

#define SMB1_HEADER 32
#define SMB2_HEADER 64

/* Bytes that must be there before the unit can be looked at; n is 4 at least. */
size_t smb1_need(const uint8_t *p, size_t n);
size_t smb2_need(const uint8_t *p, size_t n);
/* Of a whole header. */
bool smb1_is_response(const uint8_t *p);
bool smb2_is_response(const uint8_t *p);
/* Does it make sense? */
bool smb1_plausible(const uint8_t *p);
bool smb2_plausible(const uint8_t *p);
/* Of `left` bytes of the message, how many are this unit's? */
uint32_t smb2_unit_size(const uint8_t *p, uint32_t left);
void smb1_unit(struct smb *smb, const struct smb_unit *u);
void smb2_unit(struct smb *smb, const struct smb_unit *u);

/* smb_state.c */

bool smb_state_init(struct smb *smb);
void smb_state_free(struct smb *smb, enum file_reason reason);
/* NULL when out of memory; replaces one that has the same key. */
struct smb_request *smb_request_add(struct smb *smb, const struct smb_request_key *key,
				    enum smb_op op, uint16_t command);
struct smb_request *smb_request_find(struct smb *smb, const struct smb_request_key *key);
/* Ends what it still owns. */
void smb_request_remove(struct smb *smb, struct smb_request *r);
/* Forgets all: their answers may be gone, and their numbers come again. */
void smb_requests_forget(struct smb *smb);
/* make: also one nobody saw being opened.  NULL: none, or no memory. */
struct smb_open *smb_open_of(struct smb *smb, const struct smb_target *t, bool make);
/* The answer to a CREATE: its open file has a number now. */
void smb_created(struct smb *smb, struct smb_request *r, const struct smb_fid *fid);
/* size may be NULL: not said. */
void smb_closed(struct smb *smb, const struct smb_target *t, const uint64_t *size);
/* Closes the files of a session; of one tree unless every. */
void smb_closed_all(struct smb *smb, uint64_t session, uint32_t tree, bool every);
/* Messages of that direction did not come by. */
void smb_lost(struct smb *smb, enum dir dir);
/* No file is open here. */
bool smb_idle(const struct smb *smb);

/* smb_name.c */

/* UTF-16LE or bytes, to the first NUL; "" is NULL, and so is no memory.  Heap. */
char *smb_string(const uint8_t *p, size_t n, bool unicode);
/* The user of a security blob that carries an NTLMSSP AUTHENTICATE; NULL: none. */
char *smb_ntlm_user(const uint8_t *p, size_t n);
/* "DOMAIN\user"; either may be NULL.  Heap. */
char *smb_user_join(const char *domain, const char *user);
void smb_user_set(struct smb *smb, uint64_t session, const char *user);
const char *smb_user_of(struct smb *smb, uint64_t session);
void smb_share_set(struct smb *smb, uint64_t session, uint32_t tree, const char *share,
		   enum smb_share type);
const char *smb_share_of(struct smb *smb, uint64_t session, uint32_t tree,
			 enum smb_share *type);
bool smb_names_init(struct smb *smb);
void smb_names_free(struct smb *smb);
/* Of what all connections of a session know together; what: "open", "name". */
bool smb_key(struct smb *smb, struct key *key, const char *what, const void *p, size_t n);

#endif
