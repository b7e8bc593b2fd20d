// SPDX-License-Identifier: MIT
/*
 * The spool in memory, for the fuzz targets: takes the place of sample/spool.c.  Nothing is
 * kept; what is committed has to be what its hash says.
 */
#include "fuzz.h"

#include "sample/spool.h"

#include <openssl/sha.h>
#include <string.h>

struct spool {
	int files; /* open */
};

struct spool_file {
	struct spool *spool;
	uint8_t *data;
	size_t len;
	size_t room;
};

struct spool *spool_open(const struct spool_options *o)
{
	return calloc(1, sizeof(struct spool));
}

void spool_close(struct spool *s)
{
	MUST(s->files == 0);
	free(s);
}

bool spool_known(struct spool *s, const uint8_t sha256[static SHA256_SIZE], uint64_t size)
{
	return false;
}

bool spool_has(struct spool *s, const uint8_t sha256[static SHA256_SIZE], uint64_t size)
{
	return false;
}

struct spool_file *spool_begin(struct spool *s, enum spool_result *result)
{
	struct spool_file *f = calloc(1, sizeof(*f));

	MUST(f);
	f->spool = s;
	s->files++;
	*result = SPOOL_OK;
	return f;
}

enum spool_result spool_write(struct spool_file *f, uint64_t offset, const void *p, size_t n)
{
	size_t room = f->room ? f->room : 4096;

	MUST(offset < 1u << 30 && n < 1u << 30);
	while (room < offset + n)
		room *= 2;
	if (room != f->room) {
		f->data = realloc(f->data, room);
		MUST(f->data);
		memset(f->data + f->room, 0, room - f->room);
		f->room = room;
	}
	memcpy(f->data + offset, p, n);
	if (f->len < offset + n)
		f->len = offset + n;
	return SPOOL_OK;
}

ssize_t spool_read(struct spool_file *f, uint64_t offset, void *p, size_t n)
{
	if (offset >= f->len)
		return 0;
	if (n > f->len - offset)
		n = f->len - offset;
	memcpy(p, f->data + offset, n);
	return (ssize_t)n;
}

void spool_abort(struct spool_file *f)
{
	f->spool->files--;
	free(f->data);
	free(f);
}

enum spool_result spool_commit(struct spool_file *f, const uint8_t sha256[static SHA256_SIZE])
{
	uint8_t mine[SHA256_SIZE];

	SHA256(f->data, f->len, mine);
	MUST(memcmp(mine, sha256, sizeof(mine)) == 0);
	spool_abort(f);
	return SPOOL_OK;
}
