// SPDX-License-Identifier: MIT
/* Is the ledger as it was written? */
#include "ctl/ledger.h"

#include "policy/ledger_chain.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROBLEMS_SHOWN 20
#define TRIES 100 /* at a moment when the agent writes neither file */

struct verify {
	const struct ctl *ctl;
	const char *path;
	char *head_path;
	EVP_PKEY *key;
	struct buf head_text;
	struct ledger_head head;
	struct ledger_check check;
	json_t *problems; /* for --json */
	uint64_t shown;
};

static void on_problem(void *arg, uint64_t line, const char *text)
{
	struct verify *v = arg;

	if (v->shown++ >= PROBLEMS_SHOWN)
		return;
	if (v->ctl->json)
		json_array_append_new(v->problems, json_pack("{s:I, s:s}", "line",
							     (json_int_t)line, "text", text));
	else if (line)
		printf("%s:%" PRIu64 ": %s\n", v->path, line, text);
	else
		printf("%s: %s\n", v->path, text);
}

static char *beside(const char *path, const char *name)
{
	char *copy = strdup(path), *result;

	if (!copy || asprintf(&result, "%s/%s", dirname(copy), name) < 0)
		result = NULL;
	free(copy);
	return result;
}

static bool read_key(struct verify *v, const char *path)
{
	FILE *f = path ? fopen(path, "re") : NULL;

	if (!f) {
		ctl_error("%s: %s; expected the public half of the key that signs the ledger",
			  path ? path : LEDGER_PUB_NAME, strerror(errno));
		return false;
	}
	v->key = PEM_read_PUBKEY(f, NULL, NULL, NULL);
	fclose(f);
	if (v->key && EVP_PKEY_id(v->key) == EVP_PKEY_ED25519)
		return true;
	ctl_error("%s: expected a public Ed25519 key in PEM", path);
	return false;
}

/* All of the head's file; false with errno. */
static bool load_head(const char *path, struct buf *text)
{
	FILE *f = fopen(path, "re");
	char chunk[65536];
	bool ok = f;
	size_t n;

	buf_reset(text);
	while (ok && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		ok = buf_add(text, chunk, n);
	ok = ok && !ferror(f);
	if (f)
		fclose(f);
	return ok;
}

/*
 * A head, and how long the ledger was while that was the head: so both belong together, even
 * while the agent writes.
 */
static bool read_head(struct verify *v, int fd, uint64_t *size)
{
	struct buf again;
	struct stat st = {0};
	bool same = false;

	buf_init(&again, LEDGER_HEAD_MAX + LEDGER_PENDING_MAX);
	for (int i = 0; i < TRIES && !same; i++) {
		if (!load_head(v->head_path, &v->head_text) || fstat(fd, &st) < 0 ||
		    !load_head(v->head_path, &again))
			break;
		same = again.len == v->head_text.len &&
		       memcmp(again.data, v->head_text.data, again.len) == 0;
	}
	buf_free(&again);
	*size = (uint64_t)st.st_size;
	return same;
}

static void read_lines(struct verify *v, FILE *f, uint64_t size)
{
	char *line = NULL, *rest = NULL;
	size_t room = 0;
	ssize_t n = 0;

	while (size && (n = getline(&line, &room, f)) > 0) {
		if ((uint64_t)n > size)
			n = (ssize_t)size; /* written since */
		size -= (uint64_t)n;
		if (line[n - 1] != '\n') {
			rest = line;
			break;
		}
		ledger_check_line(&v->check, line, (size_t)n - 1);
	}
	ledger_check_end(&v->check, rest, rest ? (size_t)n : 0);
	free(line);
}

static int report(struct verify *v)
{
	const struct ledger_check *c = &v->check;
	char id[LEDGER_HASH_TEXT] = "";
	bool whole = !c->problems;

	ledger_key_id(v->key, id);
	if (v->ctl->json) {
		ctl_print_json(json_pack("{s:b, s:I, s:I, s:s, s:I, s:o}", "whole", whole,
					 "lines", (json_int_t)c->lines, "signatures",
					 (json_int_t)c->signatures, "key", id, "problem_count",
					 (json_int_t)c->problems, "problems",
					 json_incref(v->problems)));
		return whole ? CTL_OK : CTL_FAILED;
	}
	if (c->problems > PROBLEMS_SHOWN)
		printf("and %" PRIu64 " more\n", c->problems - PROBLEMS_SHOWN);
	printf("%s: %s, %" PRIu64 " lines, %" PRIu64 " signatures by key %.16s\n", v->path,
	       whole ? "whole" : "broken", c->lines, c->signatures, id);
	if (whole && c->pending_at < v->head.pending_size)
		printf("its last lines are in %s only; the agent adds them\n", v->head_path);
	return whole ? CTL_OK : CTL_FAILED;
}

static int verify(struct verify *v)
{
	FILE *f = fopen(v->path, "re");
	const char *problem;
	uint64_t size = 0;
	char text[256];
	bool head;

	if (!f) {
		ctl_error("%s: %s", v->path, strerror(errno));
		return CTL_FAILED;
	}
	head = read_head(v, fileno(f), &size);
	problem = head ? ledger_head_parse((const char *)v->head_text.data, v->head_text.len,
					   v->key, &v->head)
		       : strerror(errno);
	ledger_check_begin(&v->check, v->key, problem ? NULL : &v->head, on_problem, v);
	if (problem) {
		struct stat st;

		snprintf(text, sizeof(text),
			 "its head cannot be used (%s): whether its end is missing cannot be "
			 "known",
			 problem);
		on_problem(v, 0, text);
		v->check.problems++;
		size = fstat(fileno(f), &st) == 0 ? (uint64_t)st.st_size : 0;
	}
	read_lines(v, f, size);
	fclose(f);
	return report(v);
}

int ledger_verify(const struct ctl *ctl, const struct ledger_options *o, const char *path)
{
	struct verify v = {.ctl = ctl, .path = path, .problems = json_array()};
	char *key = o->key ? strdup(o->key) : beside(path, LEDGER_PUB_NAME);
	int status = CTL_FAILED;

	buf_init(&v.head_text, LEDGER_HEAD_MAX + LEDGER_PENDING_MAX);
	v.head_path = beside(path, LEDGER_HEAD_NAME);
	if (!v.head_path || !v.problems)
		ctl_error("out of memory");
	else if (read_key(&v, key))
		status = verify(&v);
	EVP_PKEY_free(v.key);
	buf_free(&v.head_text);
	json_decref(v.problems);
	free(v.head_path);
	free(key);
	return status;
}
