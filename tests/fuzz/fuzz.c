// SPDX-License-Identifier: MIT
#include "fuzz.h"

#include "lib/log.h"

#include <string.h>

/* Small, so that limits are met. */
#define FILE_MAX (256u << 10)

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	log_init("fuzz", LOG_LEVEL_ERROR);
	return 0;
}

static void on_file(void *arg, const struct sighting *s)
{
	MUST(s->state == FILE_STATE_COMPLETE || s->reason != FILE_REASON_NONE);
	if (s->state == FILE_STATE_COMPLETE) {
		MUST(s->missing == 0);
		MUST(s->seen == s->size);
		MUST(s->size > 0);
	}
	MUST(s->size <= FILE_MAX || s->state != FILE_STATE_COMPLETE);
	for (int i = 0; i < SIGHTING_TEXT_COUNT; i++)
		MUST(!s->text[i] || strlen(s->text[i]) == s->text_len[i]);
}

static void on_note(void *arg, const struct session_note *n)
{
	static const uint8_t header[8];
	struct session_note back;
	struct msg_view v;
	struct msg m;

	MUST(n->application[0] && n->protocol[0]);
	MUST(strnlen(n->server_name, sizeof(n->server_name)) < sizeof(n->server_name));
	MUST(strnlen(n->offers, sizeof(n->offers)) < sizeof(n->offers));
	/* What an inspector says a supervisor takes. */
	msg_init(&m);
	MUST(session_note_encode(n, &m));
	v = (struct msg_view){MSG_SESSION, m.buf.data + sizeof(header),
			      m.buf.len - sizeof(header)};
	MUST(session_note_decode(&back, &v));
	MUST(!strcmp(back.server_name, n->server_name));
	msg_free(&m);
}

void fuzz_env_open(struct fuzz_env *e)
{
	struct file_limits files = {.max_size = FILE_MAX, .max_open = 64, .max_holes = 64};
	struct range_limits ranges = RANGE_LIMITS_DEFAULT;
	struct shared_limits shared = {.max = 64, .idle = 900000000000ull};
	struct spool_options o = {.dir = ""};

	memset(e, 0, sizeof(*e));
	e->spool = spool_open(&o);
	e->proto = (struct proto_env){
		.files = file_set_new(e->spool, &files, &e->counters, on_file, e),
		.counters = &e->counters,
		.decode = DECODE_LIMITS_DEFAULT,
		.expected = expect_set_new(64, EXPECT_LIFETIME, &e->counters),
		.shared = shared_set_new(&shared, &e->counters),
		.note = on_note,
		.private_talk = true,
		.whole_mails = true,
	};
	e->proto.decode.max_size = 4u << 20;
	e->proto.decode.ratio_after = 1u << 20;
	e->proto.ranges = range_set_new(e->proto.files, &ranges, &e->counters);
	MUST(e->spool && e->proto.files && e->proto.expected && e->proto.shared &&
	     e->proto.ranges);
}

void fuzz_env_close(struct fuzz_env *e)
{
	shared_set_finish(e->proto.shared);
	range_set_finish(e->proto.ranges);
	shared_set_free(e->proto.shared);
	expect_set_free(e->proto.expected);
	range_set_free(e->proto.ranges);
	file_set_free(e->proto.files);
	spool_close(e->spool);
}

uint8_t *fuzz_copy(struct fuzz_input in)
{
	uint8_t *copy = malloc(in.n ? in.n : 1);

	MUST(copy);
	if (in.n)
		memcpy(copy, in.p, in.n);
	return copy;
}
