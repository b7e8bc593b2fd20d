/* SPDX-License-Identifier: MIT */
/*
 * FTP between its control connection (ftp.c) and its data connections (ftp_data.c).
 *
 * A channel is one data connection: from the moment it is asked for (PORT, PASV) over the
 * command that uses it (RETR) and the bytes, to the reply that says how it went (226,
 * 426).  These come from two sessions, in nearly any order, and either session may be
 * gone first.  So a channel is counted: the control connection, each expectation and the
 * data session hold it.
 *
 * A file is what came up to the FIN of its sender, if no reply says that it failed.
 */
#ifndef SLUICE_PROTO_FTP_H
#define SLUICE_PROTO_FTP_H

#include "proto/proto.h"

#include <stdbool.h>
#include <stdint.h>

struct ftp_channel;

enum ftp_what {
	FTP_NO_FILE,  /* a listing */
	FTP_DOWNLOAD, /* the server sends */
	FTP_UPLOAD,
	FTP_EITHER, /* only a reply told of it */
};

enum ftp_mode {
	FTP_MODE_STREAM,
	FTP_MODE_ZLIB,	/* draft-preston-ftpext-deflate */
	FTP_MODE_OTHER, /* block, compressed: not read */
};

/* What a command says of the file.  Strings are read during the call; NULL: not known. */
struct ftp_transfer {
	enum ftp_what what;
	enum ftp_mode mode;
	const char *command; /* "RETR" */
	const char *user;
	const char *name;
	const char *path;
	const char *url;
	bool image;	 /* bytes are sent as they are */
	uint64_t offset; /* of the first byte in the file */
	bool size_known; /* size is that of the file, and image is set */
	uint64_t size;
};

enum ftp_outcome { FTP_PENDING, FTP_DONE, FTP_FAILED };

/*
 * A data connection of that control session; client says which end of it.  NULL when out of
 * memory.
 */
struct ftp_channel *ftp_channel_new(struct proto_session *control, enum dir client);

/*
 * Where it will be: `waits` is who said so, and where is the address that was said, which
 * is not always theirs.  Family 0: their own.
 */
void ftp_channel_announce(struct ftp_channel *ch, enum dir waits, const struct endpoint *where,
			  uint64_t now);
/* The command that uses it. */
void ftp_channel_begin(struct ftp_channel *ch, const struct ftp_transfer *t, uint64_t now);
/* That command was refused before anything came of it; false: something did. */
bool ftp_channel_undo(struct ftp_channel *ch);
/* A name or size that a reply told. */
void ftp_channel_path(struct ftp_channel *ch, const char *path, const char *url);
void ftp_channel_size(struct ftp_channel *ch, uint64_t size);
/* The reply that ends it. */
void ftp_channel_outcome(struct ftp_channel *ch, enum ftp_outcome outcome, uint64_t now);
/* The client asked to stop it: a good reply may be to that. */
void ftp_channel_abort(struct ftp_channel *ch);
/* Replies are missing: the one that tells of a failure may be among them. */
void ftp_channel_doubt(struct ftp_channel *ch);

/* A command uses it. */
bool ftp_channel_begun(const struct ftp_channel *ch);
/* There were bytes. */
bool ftp_channel_used(const struct ftp_channel *ch);
/* Nothing more comes of it. */
bool ftp_channel_ended(const struct ftp_channel *ch);

/* No more replies will come.  The control connection holds it no longer. */
void ftp_channel_leave(struct ftp_channel *ch, uint64_t now);

#endif
