// SPDX-License-Identifier: MIT
/*
 * What is told about users: User-ID messages in pieces, and lists.  An input is: a byte of
 * options (1: a list, 2: into a small table), a byte that says how large pieces are, the text.
 *
 * A message means the same whatever its pieces, and what is refused changes nothing.
 */
#include "fuzz.h"

#include "policy/uid_message.h"
#include "policy/user_list.h"

#include <string.h>

#define OPTION_LIST 1
#define OPTION_SMALL 2

#define CHANGES_MAX 200 /* small, so that limits are met */
#define NOW (1700000000 * USER_NS)

/* Reads a message, and how much of it was used.  False: it was refused. */
static bool read_message(struct user_changes *s, struct fuzz_input in, size_t size,
			 size_t *total)
{
	struct uid_message *m = uid_message_new(s);
	enum uid_message_state state = UID_MESSAGE_MORE;

	MUST(m);
	*total = 0;
	while (state == UID_MESSAGE_MORE && in.n) {
		struct fuzz_input part = fuzz_part(&in, size ? size : in.n);
		uint8_t *copy = fuzz_copy(part);
		size_t used = SIZE_MAX;

		state = uid_message_feed(m, copy, part.n, &used);
		MUST(used <= part.n);
		MUST(state != UID_MESSAGE_MORE || used == part.n);
		*total += used;
		free(copy);
	}
	if (state == UID_MESSAGE_MORE)
		uid_message_cut(m);
	uid_message_free(m);
	return state == UID_MESSAGE_DONE;
}

static void same_changes(const struct user_changes *a, const struct user_changes *b)
{
	MUST(a->count == b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct user_change *x = &a->change[i], *y = &b->change[i];

		MUST(x->kind == y->kind && x->line == y->line);
		MUST(!memcmp(&x->address, &y->address, sizeof(x->address)));
		MUST(!strcmp(user_changes_at(a, x->user), user_changes_at(b, y->user)));
		MUST(!strcmp(user_changes_at(a, x->group), user_changes_at(b, y->group)));
		MUST(!strcmp(user_changes_at(a, x->vsys), user_changes_at(b, y->vsys)));
		MUST(x->has_timeout == y->has_timeout && x->timeout == y->timeout);
	}
}

/* What was understood is fit for a table. */
static void check_changes(const struct user_changes *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct user_change *c = &s->change[i];

		MUST(c->user < s->text.len || !c->user);
		MUST(!c->user || user_name_good(user_changes_at(s, c->user), USER_NAME_MAX));
		MUST(!c->group || user_name_good(user_changes_at(s, c->group), USER_NAME_MAX));
		MUST(!c->vsys || user_name_good(user_changes_at(s, c->vsys), USER_VSYS_MAX));
		MUST(c->kind != USER_CHANGE_LOGIN || c->user);
		MUST(c->line > 0);
	}
}

static void check_mapping(void *arg, const struct user_mapping *m)
{
	struct user_table *t = arg;

	MUST(m->begin <= m->end);
	MUST(user_name_good(m->user, USER_NAME_MAX));
	/* At any time an address has one user at most; one that ended as it began is nobody's. */
	if (m->begin == m->end)
		return;
	MUST(!strcmp(user_table_find(t, &m->address, m->vsys, m->begin), m->user));
}

static void apply(struct user_changes *s, struct user_table *t)
{
	struct user_defaults d = {.now = NOW, .begin = NOW, .timeout = 60};
	struct user_changed done;
	bool ok = user_changes_apply(s, t, &d, &done);
	size_t from = 0;

	MUST(ok || s->error[0]);
	MUST(ok || (user_table_count(t) == 0 && !done.logins && !done.joins));
	do
		from = user_table_walk(t, from, 100, check_mapping, t);
	while (from);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fuzz_input in = {p, n};
	uint8_t options = fuzz_u8(&in), size = fuzz_u8(&in);
	struct user_table *t = user_table_new(options & OPTION_SMALL ? 3 : 1000);
	struct user_changes s, whole;
	size_t used, used_whole;
	bool ok;

	MUST(t);
	user_changes_init(&s, CHANGES_MAX);
	user_changes_init(&whole, CHANGES_MAX);
	if (options & OPTION_LIST) {
		uint8_t *copy = fuzz_copy(in);

		ok = user_list_read(&s, (const char *)copy, in.n);
		free(copy);
	} else {
		ok = read_message(&s, in, size, &used);
		MUST(read_message(&whole, in, 0, &used_whole) == ok);
		if (ok) {
			MUST(used == used_whole);
			same_changes(&s, &whole);
		}
	}
	MUST(ok || s.error[0]);
	if (ok) {
		check_changes(&s);
		apply(&s, t);
	}
	user_changes_free(&s);
	user_changes_free(&whole);
	user_table_free(t);
	return 0;
}
