/* SPDX-License-Identifier: MIT */
/*
 * What the files of the NFS parser share.
 *
 *	records (RFC 5531 §11), datagrams     nfs_rpc.c
 *	  calls and replies, matched by xid   nfs_call.c
 *	    arguments and results             nfs2.c, nfs3.c, nfs4_call.c, nfs4_reply.c
 *	      names and files                 nfs_file.c
 *
 * A message is read in steps.  A step reads one unit (a header, an operation, an entry of a
 * directory) through a cursor; where bytes lack, it is called again with more.  The data of
 * a READ or WRITE is a payload, passed on as it comes.
 */
#ifndef SLUICE_PROTO_NFS_H
#define SLUICE_PROTO_NFS_H

#include "lib/buf.h"
#include "lib/cursor.h"
#include "lib/table.h"
#include "proto/nfs_file.h"
#include "proto/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of one step. */
#define NFS_STEP_MAX (16u << 10)
/* Operations of a compound; a longer one is read no further. */
#define NFS4_OPS_MAX 64
#define NFS4_HANDLE_MAX 128

struct nfs_session;
struct nfs_message;

/*
 * False: nothing more of this message is wanted.  c->failed: more bytes are needed; a step
 * changes nothing before it has checked that.
 */
typedef bool nfs_step(struct nfs_session *s, struct nfs_message *m, struct cursor *c);

/* One operation of a compound, as its result needs it. */
struct nfs4_op {
	uint32_t op;
	bool known;    /* range.file is the file it is about */
	bool truncate; /* OPEN that empties the file; SETATTR with a size, range.offset */
	struct nfs_range range;
	char *name; /* LOOKUP, OPEN, CREATE; may be NULL */
	size_t name_len;
};

/* A call that waits for its reply. */
struct nfs_call {
	struct table_entry entry;
	uint32_t xid;
	uint32_t version;
	uint32_t procedure;
	uint64_t moment; /* see nfs_moment() */
	bool wanted;	 /* was read, and its reply is worth reading */
	bool integrity;	 /* RPCSEC_GSS: the results are wrapped */
	bool tls;	 /* asks whether the server speaks TLS */
	bool truncate;	 /* CREATE, SETATTR: the file has range.offset bytes then */
	bool has_uid;
	uint32_t uid;
	struct nfs_range range; /* the file; for names, the directory */
	char *name;
	size_t name_len;
	struct nfs4_op *ops;
	uint32_t ops_count;
};

/* A message being read. */
struct nfs_message {
	enum dir dir;
	bool begun;
	bool skip; /* the rest of it */
	bool held; /* a reply before its call: kept in head */
	bool is_call;
	struct buf head; /* not yet read */
	size_t retry;	 /* length of head at which a step is tried again */
	nfs_step *step;
	struct nfs_call *call; /* owned */

	/* payload */
	uint32_t left;
	uint32_t pad;
	bool upload;
	bool wanted;
	bool eof;
	uint64_t at; /* of the next byte */
	struct nfs_range range;
	void (*after)(struct nfs_session *s, struct nfs_message *m);

	/* NFSv4: the current and the saved file handle, and what is under way */
	uint32_t ops_left; /* of the arguments; of results, how many there are */
	uint32_t op;
	bool has_current, has_saved;
	struct key current, saved;
	uint32_t child; /* op whose name the current file has in `current`; see nfs4_reply.c */
	bool has_child;
	uint32_t segments; /* of READ_PLUS */
};

/* Operations of NFSv4 (RFC 7530 §16, 8881 §18, 7862 §15, 8276). */
enum nfs4_opcode {
	NFS4_ACCESS = 3,
	NFS4_CLOSE,
	NFS4_COMMIT,
	NFS4_CREATE,
	NFS4_DELEGPURGE,
	NFS4_DELEGRETURN,
	NFS4_GETATTR,
	NFS4_GETFH,
	NFS4_LINK,
	NFS4_LOCK,
	NFS4_LOCKT,
	NFS4_LOCKU,
	NFS4_LOOKUP,
	NFS4_LOOKUPP,
	NFS4_NVERIFY,
	NFS4_OPEN,
	NFS4_OPENATTR,
	NFS4_OPEN_CONFIRM,
	NFS4_OPEN_DOWNGRADE,
	NFS4_PUTFH,
	NFS4_PUTPUBFH,
	NFS4_PUTROOTFH,
	NFS4_READ,
	NFS4_READDIR,
	NFS4_READLINK,
	NFS4_REMOVE,
	NFS4_RENAME,
	NFS4_RENEW,
	NFS4_RESTOREFH,
	NFS4_SAVEFH,
	NFS4_SECINFO,
	NFS4_SETATTR,
	NFS4_SETCLIENTID,
	NFS4_SETCLIENTID_CONFIRM,
	NFS4_VERIFY,
	NFS4_WRITE,
	NFS4_RELEASE_LOCKOWNER,
	NFS4_BIND_CONN_TO_SESSION = 41,
	NFS4_DESTROY_SESSION = 44,
	NFS4_FREE_STATEID,
	NFS4_GETDEVICEINFO = 47,
	NFS4_LAYOUTCOMMIT = 49,
	NFS4_LAYOUTGET,
	NFS4_LAYOUTRETURN,
	NFS4_SECINFO_NO_NAME,
	NFS4_SEQUENCE,
	NFS4_DESTROY_CLIENTID = 57,
	NFS4_RECLAIM_COMPLETE,
	NFS4_ALLOCATE,
	NFS4_COPY,
	NFS4_DEALLOCATE = 62,
	NFS4_IO_ADVISE,
	NFS4_LAYOUTSTATS = 65,
	NFS4_OFFLOAD_CANCEL,
	NFS4_OFFLOAD_STATUS,
	NFS4_READ_PLUS,
	NFS4_SEEK,
	NFS4_WRITE_SAME,
	NFS4_CLONE,
	NFS4_GETXATTR,
	NFS4_SETXATTR,
	NFS4_LISTXATTRS,
	NFS4_REMOVEXATTR,
	NFS4_OPS
};

#define NFS_DONE_MAX 64
#define NFS_EARLY_MAX 16

struct nfs_done {
	uint32_t xid;
	uint64_t fingerprint;
};

struct nfs_early {
	uint32_t xid;
	uint64_t time;
	uint64_t moment;
	struct buf record;
};

/* One direction of a TCP session. */
struct nfs_stream {
	bool lost;     /* looking for a record */
	bool fresh;    /* nothing was read yet: a reply may stand here whose call nobody saw */
	bool last;     /* fragment of its record */
	uint32_t left; /* of the fragment */
	struct buf scan; /* while lost; else the bytes of a mark */
	struct nfs_message message;
};

struct nfs_session {
	struct proto_session *ps;
	struct nfs_files *files; /* during a call of the parser */
	uint64_t time;
	struct nfs_peer peer;
	bool has_client;
	struct table *calls;
	struct nfs_done done[NFS_DONE_MAX];
	uint32_t done_next;
	struct nfs_early early[NFS_EARLY_MAX];
	uint32_t early_next;
	size_t early_size;
	uint32_t errors;
	uint32_t encrypted; /* calls in a row */
	struct nfs_stream stream[DIR_COUNT];
};

/* nfs_rpc.c */
void nfs_stream_init(struct nfs_session *s, enum dir dir);
void nfs_stream_data(struct nfs_session *s, enum dir dir, const uint8_t *p, size_t n);
void nfs_stream_gap(struct nfs_session *s, enum dir dir, uint64_t n);
void nfs_stream_free(struct nfs_session *s, enum dir dir);
/* Gives up replies whose call did not come for a while, or all of them. */
void nfs_early_expire(struct nfs_session *s, bool all);
/* Whose message it is. */
const struct nfs_peer *nfs_peer_of(struct nfs_session *s, const struct nfs_message *m);
/* A whole one: a datagram, or what was kept. */
void nfs_record(struct nfs_session *s, enum dir dir, const uint8_t *p, size_t n);
/* The beginning of a record, without its mark. */
enum probe nfs_is_call(const uint8_t *p, size_t n);
enum probe nfs_is_reply(const uint8_t *p, size_t n);
#define NFS_RECORD_MAX (16u << 20)

/* nfs_call.c */
bool nfs_step_rpc(struct nfs_session *s, struct nfs_message *m, struct cursor *c);
struct nfs_call *nfs_call_find(struct nfs_session *s, uint32_t xid);
/* The call was read; waits for its reply. */
void nfs_call_wait(struct nfs_session *s, struct nfs_call *call);
/* The reply was read. */
void nfs_call_done(struct nfs_session *s, struct nfs_call *call);
/* One that was answered already comes again. */
bool nfs_call_repeated(struct nfs_session *s, const struct nfs_call *call);
void nfs_call_free(struct nfs_call *call);
void nfs_calls_free(struct nfs_session *s);
bool nfs_keep_name(char **name, size_t *len, const uint8_t *p, size_t n);
/*
 * Begins the payload: n bytes and what fills the last word.  Nothing is wanted behind it,
 * unless another step is set afterwards.
 */
void nfs_payload(struct nfs_message *m, const struct nfs_range *r, uint64_t at, uint32_t n,
		 bool upload);

/* nfs4_skip.c: what stands in a compound and says nothing about files. */
/* Its arguments; false: their length is not known. */
bool nfs4_skip_arguments(uint32_t op, struct cursor *c);
/* Its results, when it succeeded. */
bool nfs4_skip_results(uint32_t op, struct cursor *c);

/* by version */
bool nfs2_step_call(struct nfs_session *s, struct nfs_message *m, struct cursor *c);
bool nfs2_step_reply(struct nfs_session *s, struct nfs_message *m, struct cursor *c);
bool nfs3_step_call(struct nfs_session *s, struct nfs_message *m, struct cursor *c);
bool nfs3_step_reply(struct nfs_session *s, struct nfs_message *m, struct cursor *c);
bool nfs4_step_call(struct nfs_session *s, struct nfs_message *m, struct cursor *c);
bool nfs4_step_reply(struct nfs_session *s, struct nfs_message *m, struct cursor *c);

/* ------------------------------------------------------------- XDR, RFC 4506 */

static inline uint64_t xdr_u64(struct cursor *c)
{
	uint64_t high = cursor_be32(c);

	return high << 32 | cursor_be32(c);
}

/* Variable-length opaque data or a string; its length is in n.  NULL: c->failed. */
static inline const uint8_t *xdr_opaque(struct cursor *c, uint32_t max, size_t *n)
{
	uint32_t len = cursor_be32(c);
	const uint8_t *p;

	*n = 0;
	if (len > max)
		c->failed = true;
	p = cursor_take(c, len);
	if (c->failed || !cursor_skip(c, (4 - len % 4) % 4))
		return NULL;
	*n = len;
	return p ? p : c->p;
}

#endif
