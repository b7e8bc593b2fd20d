// SPDX-License-Identifier: MIT
/*
 * What typing costs a file: JSON with nanoseconds, for each file that is named, of what its
 * head may become, of what it is by the table, and of libmagic's answer on its head.
 */
#include "clock.h"
#include "sample/media.h"
#include "sample/type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (16u << 20)
/* Of each question, in turns; the quickest turn counts, since others use the machine, too. */
#define TURNS 5
#define TURN_NS 20e6

struct memory {
	uint8_t *p;
	size_t n;
};

static ssize_t memory_read(void *arg, uint64_t offset, void *p, size_t n)
{
	const struct memory *m = arg;

	memcpy(p, m->p + offset, n);
	return (ssize_t)n;
}

static struct file_types *types;
static struct media *media;
static struct reader reader;
static struct memory content;
static size_t head;
static struct file_type_found found;
static char format[FILE_FORMAT_MAX];
static volatile uint32_t possible;

static void ask_possible(void)
{
	possible = file_types_possible(types, content.p, head, false);
}

static void ask_table(void)
{
	file_types_identify(types, &reader, &found);
}

static void ask_libmagic(void)
{
	media_type(media, content.p, head, format);
}

static double cost(void (*ask)(void))
{
	double best = 0;

	for (unsigned int turn = 0; turn < TURNS; turn++) {
		double begin = clock_ns(), spent;
		unsigned int n = 0;

		do {
			ask();
			n++;
			spent = clock_ns() - begin;
		} while (spent < TURN_NS);
		if (!turn || spent / n < best)
			best = spent / n;
	}
	return best;
}

static bool load(const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f)
		return false;
	content.n = fread(content.p, 1, FILE_MAX, f);
	fclose(f);
	head = content.n < FILE_TYPE_HEAD ? content.n : FILE_TYPE_HEAD;
	reader = (struct reader){.read = memory_read, .arg = &content, .size = content.n};
	return true;
}

static void measure(const char *path, bool first)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	double head_ns = cost(ask_possible), table_ns = cost(ask_table),
	       libmagic_ns = cost(ask_libmagic);

	printf("%s\"%s\": {\"bytes\": %zu, \"type\": \"%s\", \"format\": \"%s\", \"libmagic\": "
	       "\"%s\", "
	       "\"head_ns\": %.0f, \"table_ns\": %.0f, \"libmagic_ns\": %.0f}",
	       first ? "" : ", ", name, content.n,
	       found.type < FILE_TYPES_MAX ? file_types_name(types, found.type) : "other",
	       found.format, format, head_ns, table_ns, libmagic_ns);
}

int main(int argc, char **argv)
{
	types = file_types_read(NULL);
	media = media_open();
	content.p = malloc(FILE_MAX);
	if (!types || !media || !content.p)
		return 1;
	putchar('{');
	for (int i = 1; i < argc; i++) {
		if (!load(argv[i])) {
			perror(argv[i]);
			return 1;
		}
		measure(argv[i], i == 1);
	}
	puts("}");
	return 0;
}
