/* SPDX-License-Identifier: MIT */
/*
 * The structure of a ZIP archive (PKWARE's APPNOTE.TXT 6.3): which members there are and where.
 *
 *	[anything] local header, data, [descriptor] ... central directory, end of it
 *
 * What counts is what somebody's unpacker would find, and they do not agree: most go by the
 * central directory, some by the local headers from the front.  So members of every directory
 * that an end record leads to are listed, and zip_find() finds local headers that no directory
 * names.  Numbers of entries are not believed, signatures are.
 */
#ifndef SLUICE_SAMPLE_ZIP_H
#define SLUICE_SAMPLE_ZIP_H

#include "sample/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZIP_SIZE_UNKNOWN UINT64_MAX /* stands behind the data */
#define ZIP_NAME_MAX 4096

struct zip_entry {
	uint64_t local;	    /* its local header in the file, where the end record is right */
	uint64_t local_raw; /* the same as the directory says it */
	uint64_t packed;
	uint64_t size;
	uint64_t name_at; /* in the file */
	uint32_t crc;
	uint16_t name_len;
	uint16_t method; /* that of the content, where AES hides it */
	uint16_t flags;
	bool encrypted;
	bool elsewhere; /* on another volume */
	bool weak;	/* of a directory that is not the main one */
};

struct zip {
	struct zip_entry *entries; /* by place */
	size_t count;
	bool directory; /* there is one */
	bool multi_part;
	bool too_many; /* entries left out */
};

/*
 * The file is one: it begins like one, or its end leads to a directory.  What begins as
 * something else is one only by its end.
 */
bool zip_probe(const struct reader *r);
/* Reads the directories, max entries of them.  False: out of memory. */
bool zip_open(struct zip *z, const struct reader *r, size_t max);
void zip_close(struct zip *z);
/* The local header at that place.  False: none.  *data: where its data begin. */
bool zip_local(const struct reader *r, uint64_t at, struct zip_entry *e, uint64_t *data);
/*
 * The first signature of a local header (or, with `any`, of a descriptor or directory as well)
 * in [from, to); `to` when there is none.
 */
uint64_t zip_find(const struct reader *r, uint64_t from, uint64_t to, bool any);

#endif
