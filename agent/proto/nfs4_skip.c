// SPDX-License-Identifier: MIT
/*
 * Arguments and results of NFSv4 operations by their shape only (RFC 7531, 5662, 7863).
 *
 *	w  a word                    d  two words
 *	s  a stateid or session id   o  opaque data or a string, also a bitmap of bytes
 *	b  a bitmap of words         a  attributes: a bitmap and opaque data
 */
#include "proto/nfs.h"

struct shape {
	const char *arguments; /* NULL: not known, or not only a shape */
	const char *results;
};

static const struct shape shapes[NFS4_OPS] = {
	[NFS4_ACCESS] = {"w", "ww"},
	[NFS4_CLOSE] = {"ws", "s"},
	[NFS4_COMMIT] = {"dw", "d"},
	[NFS4_CREATE] = {NULL, "wddb"},
	[NFS4_DELEGPURGE] = {"d", ""},
	[NFS4_DELEGRETURN] = {"s", ""},
	[NFS4_GETATTR] = {"b", "a"},
	[NFS4_GETFH] = {"", "o"},
	[NFS4_LINK] = {"o", "wdd"},
	[NFS4_LOCK] = {NULL, "s"},
	[NFS4_LOCKT] = {"wdddo", ""},
	[NFS4_LOCKU] = {"wwsdd", "s"},
	[NFS4_LOOKUP] = {"o", ""},
	[NFS4_LOOKUPP] = {"", ""},
	[NFS4_NVERIFY] = {"a", ""},
	[NFS4_OPENATTR] = {"w", ""},
	[NFS4_OPEN_CONFIRM] = {"sw", "s"},
	[NFS4_OPEN_DOWNGRADE] = {"swww", "s"},
	[NFS4_PUTFH] = {"o", ""},
	[NFS4_PUTPUBFH] = {"", ""},
	[NFS4_PUTROOTFH] = {"", ""},
	[NFS4_READ] = {"sdw", NULL},
	[NFS4_READDIR] = {"ddwwb", NULL},
	[NFS4_READLINK] = {"", "o"},
	[NFS4_REMOVE] = {"o", "wdd"},
	[NFS4_RENAME] = {"oo", "wddwdd"},
	[NFS4_RENEW] = {"d", ""},
	[NFS4_RESTOREFH] = {"", ""},
	[NFS4_SAVEFH] = {"", ""},
	[NFS4_SECINFO] = {"o", NULL},
	[NFS4_SETATTR] = {"sa", "b"},
	[NFS4_SETCLIENTID] = {"dowoow", "dd"},
	[NFS4_SETCLIENTID_CONFIRM] = {"dd", ""},
	[NFS4_VERIFY] = {"a", ""},
	[NFS4_WRITE] = {NULL, "wwd"},
	[NFS4_RELEASE_LOCKOWNER] = {"do", ""},
	[NFS4_BIND_CONN_TO_SESSION] = {"sww", "sww"},
	[NFS4_DESTROY_SESSION] = {"s", ""},
	[NFS4_FREE_STATEID] = {"s", ""},
	[NFS4_GETDEVICEINFO] = {"swwb", NULL},
	[NFS4_LAYOUTCOMMIT] = {NULL, NULL},
	[NFS4_LAYOUTGET] = {"wwwdddsw", NULL},
	[NFS4_LAYOUTRETURN] = {NULL, NULL},
	[NFS4_SECINFO_NO_NAME] = {"w", NULL},
	[NFS4_SEQUENCE] = {"swwww", "swwwww"},
	[NFS4_DESTROY_CLIENTID] = {"d", ""},
	[NFS4_RECLAIM_COMPLETE] = {"w", ""},
	[NFS4_ALLOCATE] = {"sdd", ""},
	[NFS4_DEALLOCATE] = {"sdd", ""},
	[NFS4_IO_ADVISE] = {"sddb", "b"},
	[NFS4_LAYOUTSTATS] = {"ddsddddswo", ""},
	[NFS4_OFFLOAD_CANCEL] = {"s", ""},
	[NFS4_READ_PLUS] = {"sdw", NULL},
	[NFS4_SEEK] = {"sdw", "wd"},
	[NFS4_CLONE] = {"ssddd", ""},
	[NFS4_GETXATTR] = {"o", "o"},
	[NFS4_SETXATTR] = {"woo", "wdd"},
	[NFS4_LISTXATTRS] = {"dw", NULL},
	[NFS4_REMOVEXATTR] = {"o", "wdd"},
};

#define BITMAP_WORDS_MAX 64

static void skip_bitmap(struct cursor *c)
{
	uint32_t words = cursor_be32(c);

	if (words > BITMAP_WORDS_MAX)
		c->failed = true;
	else
		cursor_skip(c, 4 * (size_t)words);
}

static void skip_shape(struct cursor *c, const char *shape)
{
	size_t n;

	for (; *shape; shape++) {
		switch (*shape) {
		case 'w':
			cursor_skip(c, 4);
			break;
		case 'd':
			cursor_skip(c, 8);
			break;
		case 's':
			cursor_skip(c, 16);
			break;
		case 'a':
			skip_bitmap(c);
			xdr_opaque(c, NFS_STEP_MAX, &n);
			break;
		case 'b':
			skip_bitmap(c);
			break;
		case 'o':
			xdr_opaque(c, NFS_STEP_MAX, &n);
			break;
		}
	}
}

/* locker4: a new lock owner, or one that has locks */
static void skip_lock(struct cursor *c)
{
	skip_shape(c, "wwdd");
	skip_shape(c, cursor_be32(c) ? "wswdo" : "sw");
}

/* The last byte written and the time, where they are given. */
static void skip_layoutcommit(struct cursor *c)
{
	skip_shape(c, "ddws");
	if (cursor_be32(c))
		skip_shape(c, "d");
	if (cursor_be32(c))
		skip_shape(c, "dw");
	skip_shape(c, "wo");
}

static void skip_layoutreturn(struct cursor *c)
{
	enum { LAYOUTRETURN4_FILE = 1 };

	skip_shape(c, "www");
	if (cursor_be32(c) == LAYOUTRETURN4_FILE)
		skip_shape(c, "ddso");
}

bool nfs4_skip_arguments(uint32_t op, struct cursor *c)
{
	if (op >= NFS4_OPS)
		return false;
	if (shapes[op].arguments)
		skip_shape(c, shapes[op].arguments);
	else if (op == NFS4_LOCK)
		skip_lock(c);
	else if (op == NFS4_LAYOUTCOMMIT)
		skip_layoutcommit(c);
	else if (op == NFS4_LAYOUTRETURN)
		skip_layoutreturn(c);
	else
		return false;
	return true;
}

bool nfs4_skip_results(uint32_t op, struct cursor *c)
{
	if (op >= NFS4_OPS)
		return false;
	if (shapes[op].results)
		skip_shape(c, shapes[op].results);
	else if (op == NFS4_LAYOUTCOMMIT)
		skip_shape(c, cursor_be32(c) ? "d" : "");
	else if (op == NFS4_LAYOUTRETURN)
		skip_shape(c, cursor_be32(c) ? "s" : "");
	else
		return false;
	return true;
}
