// SPDX-License-Identifier: MIT
/*
 * Archives: an input is a byte (which way), a byte (size of steps), and a file.  It goes
 * through the file layer, as a file of a session does; or it is taken apart alone; or only its
 * headers are read.  Limits are small, so that they are met; what they promise is checked.
 */
#include "fuzz.h"

#include "sample/archive.h"
#include "sample/unpack.h"

#include <string.h>

#define OUT_MAX (1u << 20)

static const struct archive_limits limits = {
	.decode = {.layers = 4, .ratio = 50, .ratio_after = 64 << 10, .max_size = OUT_MAX},
	.members = 100,
	.entries = 200,
};

static bool open;
static unsigned int members;

static bool on_begin(void *arg, const struct archive_member *m)
{
	MUST(!open);
	MUST(++members <= limits.members);
	open = members % 7 != 0;
	return open;
}

static bool on_data(void *arg, const uint8_t *p, size_t n)
{
	MUST(open && n);
	return members % 5 != 0;
}

static void on_end(void *arg, enum file_reason reason)
{
	MUST(open);
	open = false;
}

/* A file in memory that is just as large as it says. */
static ssize_t read_copy(void *arg, uint64_t offset, void *p, size_t n)
{
	memcpy(p, (const uint8_t *)arg + offset, n);
	return (ssize_t)n;
}

static void take_apart(const struct reader *r, size_t step)
{
	static const struct archive_ops ops = {on_begin, on_data, on_end};
	struct archive_tree tree = {.limits = &limits, .size = r->size};
	struct archive *a = archive_open(r, &tree, &ops, NULL);
	unsigned int steps = 0;

	open = false;
	members = 0;
	MUST(a);
	while (archive_step(a, step))
		MUST(steps++ < 1u << 20);
	MUST(!open);
	MUST(tree.out <= OUT_MAX + (64 << 10));
	archive_found(a);
	archive_close(a);
}

static void unpack_one(struct fuzz_input in, uint16_t method, size_t room)
{
	struct unpack *u =
		unpack_new(&(struct unpack_method){method, (uint16_t)(room & 2), 100000});
	static uint8_t out[4096];
	enum unpack_result result = UNPACK_OK;
	size_t total = 0, left = in.n;
	const uint8_t *p = in.p;

	while (u && result == UNPACK_OK && total < OUT_MAX) {
		size_t n = room + 1, before = left;
		uint8_t *to = out;

		result = unpack_run(u, &p, &left, &to, &n);
		MUST(n <= room + 1 && left <= before);
		total += room + 1 - n;
		if (n == room + 1 && left == before)
			break;
	}
	if (u && result == UNPACK_END)
		MUST(unpack_unused(u) <= 8);
	unpack_free(u);
}

/* As a file of a session, at once or deferred. */
static void pass_by(struct fuzz_input in, bool defer, uint32_t level)
{
	struct sighting meta;
	struct fuzz_env env;
	struct file *f;

	fuzz_env_open(&env);
	file_set_defer(env.proto.files, defer);
	sighting_init(&meta);
	meta.level = level;
	f = file_open(env.proto.files, &meta, 1);
	MUST(f);
	file_data(f, 0, in.p, in.n, 2);
	file_close(f, FILE_REASON_NONE, 3);
	if (defer && level)
		while (file_set_work(env.proto.files, 1))
			;
	fuzz_env_close(&env);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint16_t methods[] = {0, 8, 9, 12, 14, 20, 93, 95};
	struct fuzz_input in = {p, n};
	uint8_t which = fuzz_u8(&in), size = fuzz_u8(&in);
	uint8_t *copy = fuzz_copy(in);
	struct reader r = {read_copy, copy, in.n};

	in.p = copy;
	switch (which % 5) {
	case 0:
	case 1:
		pass_by(in, which & 8, which >> 4 & 3);
		break;
	case 2:
		take_apart(&r, size * 16u + 1);
		break;
	case 3:
		archive_is_zip(&r);
		archive_traits(&r);
		break;
	default:
		unpack_one(in, methods[which >> 3 & 7], size * 8u);
		break;
	}
	free(copy);
	return 0;
}
