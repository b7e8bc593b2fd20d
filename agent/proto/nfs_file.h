/* SPDX-License-Identifier: MIT */
/*
 * Files read and written by handle: what all NFS sessions of an inspector know together.
 *
 * A client may use several connections at once (nconnect), come back on a new one, or send each
 * request from another port (UDP), so nothing here belongs to a session.  A file is known
 * by the addresses of client and server and its handle.  A download is whole when all bytes up
 * to the size the server said were read; an upload when all of them were written, each WRITE
 * was answered, and the client closed the file or left it alone after its last COMMIT.
 */
#ifndef SLUICE_PROTO_NFS_FILE_H
#define SLUICE_PROTO_NFS_FILE_H

#include "lib/key.h"
#include "proto/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nfs_files;

/* Whose request it is. */
struct nfs_peer {
	struct proto_session *ps;
	enum dir client;
	uint64_t pair; /* the two addresses, see nfs_peer_init() */
	bool has_uid;
	uint32_t uid; /* AUTH_SYS */
};

/* What a reply says of a file; absent parts are not known. */
struct nfs_attr {
	bool has_size;
	bool has_version;
	uint64_t size;
	uint64_t version; /* mtime, or NFSv4's change: another one, other content */
};

/* A READ or WRITE. */
struct nfs_range {
	struct key file;
	uint64_t offset;
	uint32_t count; /* bytes asked for, or sent */
};

/* NULL: none can be had.  Valid until env->shared is used. */
struct nfs_files *nfs_files_find(struct proto_env *env, uint64_t now);
/* Ends files whose time has come. */
void nfs_files_expire(struct nfs_files *files, uint64_t now);

/* False when out of memory. */
bool nfs_peer_init(struct nfs_peer *peer, struct proto_session *ps, enum dir client);
/* The file of a handle.  False when out of memory. */
bool nfs_key(struct nfs_files *files, const struct nfs_peer *peer, const void *handle, size_t n,
	     struct key *key);

/* A directory (NULL: not known which) has that file under that name. */
void nfs_name(struct nfs_files *files, const struct key *file, const struct key *dir,
	      const void *name, size_t n);
/* A data server knows the file by another handle (RFC 8881 §13). */
void nfs_alias(struct nfs_files *files, const struct key *alias, const struct key *file);
void nfs_attributes(struct nfs_files *files, const struct key *file, const struct nfs_attr *a,
		    uint64_t now);
/* A point in the order of what came by. */
uint64_t nfs_moment(const struct nfs_files *files);
/* The client set the size; `asked` is when, now it was done. */
void nfs_resize(struct nfs_files *files, const struct key *file, uint64_t size, uint64_t asked,
		uint64_t now);

void nfs_read_data(struct nfs_files *files, const struct nfs_peer *peer,
		   const struct nfs_range *r, uint64_t at, const uint8_t *p, size_t n,
		   uint64_t now);
/* Bytes that came, but not by here. */
void nfs_read_gap(struct nfs_files *files, const struct nfs_peer *peer,
		  const struct nfs_range *r, uint64_t at, uint64_t n, uint64_t now);
/* The answer's bytes end at `end`, and there the file, if eof. */
void nfs_read_end(struct nfs_files *files, const struct nfs_range *r, uint64_t end, bool eof,
		  uint64_t now);

/* Before its data. */
void nfs_write(struct nfs_files *files, const struct nfs_peer *peer, const struct nfs_range *r,
	       uint64_t now);
void nfs_write_data(struct nfs_files *files, const struct nfs_range *r, uint64_t at,
		    const uint8_t *p, size_t n, uint64_t now);
void nfs_write_gap(struct nfs_files *files, const struct nfs_range *r, uint64_t at, uint64_t n);
/* The server took `count` bytes of it; stable: no COMMIT is needed. */
void nfs_written(struct nfs_files *files, const struct nfs_range *r, uint32_t count,
		 bool stable, uint64_t now);
/* count 0: from there to the end. */
void nfs_commit(struct nfs_files *files, const struct nfs_range *r, uint64_t now);
void nfs_close(struct nfs_files *files, const struct key *file, uint64_t now);
/* The server itself changed it (COPY and the like): what is in it now did not come by. */
void nfs_changed(struct nfs_files *files, const struct key *file);
/* A request of this client was lost, it may have been a WRITE to any of its files. */
void nfs_doubt(struct nfs_files *files, const struct nfs_peer *peer);
/* The session that touched them last is over: files that need nothing more are ended. */
void nfs_session_end(struct nfs_files *files, const struct nfs_peer *peer, uint64_t now);

#endif
