/* SPDX-License-Identifier: MIT */
/*
 * A file that is open over SMB, whatever the dialect: what is read from it and what
 * is written to it, each a file object of its own.
 *
 * The size on the server is followed from what both ends say.  What is read is whole when every
 * byte below that size was read, in any order and by any number of reads; it ends with its last
 * byte.  What is written is whole when every byte below the size the file has at its close was
 * written by this open.  Where the size is not known, nothing is whole.
 */
#ifndef SLUICE_PROTO_SMB_FILE_H
#define SLUICE_PROTO_SMB_FILE_H

#include "proto/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smb_open {
	char *path; /* as in the request, UTF-8; NULL: its CREATE was not seen */
	char *share;
	char *user;
	const char *application; /* of the connection it was opened on */
	uint64_t begin;		 /* when it was opened, or met first */
	uint32_t connections;	 /* that know it */
	bool size_known;
	uint64_t size;	    /* of the file, with what was written so far */
	uint64_t announced; /* the client says it will be so large; 0: it did not */
	bool ignored;	    /* a pipe: its bytes are no file's */
	bool closing;	    /* the client asked for its close */
	bool lost;	    /* messages of its connection did not come by */
	bool read_done;	    /* that version was seen whole */
	struct file *reader;
	struct file *writer;
	uint64_t read_end; /* of the bytes read last to the end */
	uint64_t write_end;
	enum file_reason doubt; /* why what is written cannot be whole; NONE: it can */
	enum file_reason end;	/* why it ends without a close; NONE: forgotten */
};

/* application: a constant; copies the others, any of which may be NULL.  NULL when out of
 * memory. */
struct smb_open *smb_open_new(const char *application, const char *path, const char *share,
			      const char *user);
/* Ends what is open with that reason and frees it. */
void smb_open_free(struct smb_open *o, enum file_reason reason, uint64_t time);
/* The same, as shared_add() wants it. */
void smb_open_drop(void *value, uint64_t time);

/* n bytes at offset of a READ's answer, sent by `sender`, or of a WRITE. */
void smb_open_read(struct smb_open *o, struct proto_session *ps, enum dir sender,
		   uint64_t offset, const uint8_t *p, size_t n, uint64_t time);
void smb_open_write(struct smb_open *o, struct proto_session *ps, enum dir sender,
		    uint64_t offset, const uint8_t *p, size_t n, uint64_t time);
/* The same bytes, when they did not come by. */
void smb_open_read_gap(struct smb_open *o, struct proto_session *ps, enum dir sender,
		       uint64_t offset, uint64_t n, uint64_t time);
void smb_open_write_gap(struct smb_open *o, struct proto_session *ps, enum dir sender,
			uint64_t offset, uint64_t n, uint64_t time);

/* It is open, and so large. */
void smb_open_begins(struct smb_open *o, uint64_t size);
/* The server says how large the file is. */
void smb_open_size(struct smb_open *o, uint64_t size, uint64_t time);
/* The server had nothing to read at offset: the file ends there or before. */
void smb_open_read_beyond(struct smb_open *o, uint64_t offset, uint64_t time);
/* The client sets the size. */
void smb_open_resize(struct smb_open *o, uint64_t size, uint64_t time);
/* The client sets the room that is kept for it, which cuts it where it is less. */
void smb_open_allocate(struct smb_open *o, uint64_t room, uint64_t time);
/* The server made safe what was written so far. */
void smb_open_flushed(struct smb_open *o);
/* What is written is not, or not all, what the server has. */
void smb_open_doubt(struct smb_open *o, enum file_reason reason);
/*
 * It was closed in order: ends what is open, whole where it can be proven.  size: of
 * the file, as the server says with its close; NULL: it does not.
 */
void smb_open_close(struct smb_open *o, const uint64_t *size, uint64_t time);

#endif
