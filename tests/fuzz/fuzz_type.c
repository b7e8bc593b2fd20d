// SPDX-License-Identifier: MIT
/*
 * Types of files: an input is where it is cut (two bytes) and a file.  What the file is must be
 * among what its beginning may become, and so must what a whole file is of what it may be.
 */
#include "fuzz.h"

#include "sample/type.h"

#include <string.h>

/* Never asked beyond what there is: readers of the spool need not check that either. */
static ssize_t read_input(void *arg, uint64_t offset, void *p, size_t n)
{
	const struct fuzz_input *in = arg;

	MUST(offset <= in->n && n <= in->n - offset);
	memcpy(p, in->p + offset, n);
	return (ssize_t)n;
}

/* Among the possible ones, with all that a type means. */
static void must_be_possible(uint32_t possible, const struct file_type_found *found)
{
	MUST(!(possible & ~FILE_TYPE_ANY));
	MUST(possible & FILE_TYPE_BIT(found->type));
	MUST(!found->zip || possible & FILE_TYPE_ARCHIVE_BIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct file_types *types;
	struct fuzz_input in = {p, n};
	struct file_type_found found;
	uint8_t *whole, *head;
	struct reader r;
	size_t cut;

	if (!types)
		types = file_types_read(NULL);
	MUST(types);
	cut = fuzz_u16(&in);
	if (cut > in.n)
		cut = in.n;
	whole = fuzz_copy(in);
	head = fuzz_copy((struct fuzz_input){in.p, cut});
	in.p = whole;
	r = (struct reader){read_input, &in, in.n};
	file_types_identify(types, &r, &found);
	MUST(found.type <= FILE_TYPES_MAX);
	MUST(memchr(found.format, '\0', sizeof(found.format)));
	must_be_possible(file_types_possible(types, head, cut, false), &found);
	must_be_possible(file_types_possible(types, whole, in.n, true), &found);
	free(head);
	free(whole);
	return 0;
}
