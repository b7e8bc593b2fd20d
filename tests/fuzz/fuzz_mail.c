// SPDX-License-Identifier: MIT
/*
 * A mail message in pieces.  An input is: a byte of options (1: the body of a part, whose
 * header follows as a line; 2: with a gap), a byte that says how large pieces are, the message.
 */
#include "fuzz.h"

#include "proto/mail.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define OPTION_PART 1
#define OPTION_GAP 2

/* Up to a line break, as a text that the caller frees; NULL when it is empty. */
static char *text(struct fuzz_input *in)
{
	const uint8_t *end = in->n ? memchr(in->p, '\n', in->n) : NULL;
	size_t n = end ? (size_t)(end - in->p) : 0;
	char *copy = n ? strndup((const char *)in->p, n) : NULL;

	if (end)
		fuzz_part(in, n + 1);
	return copy;
}

static struct mail *begin(struct proto_session *ps, struct fuzz_input *in, uint8_t options)
{
	struct mail_options o = {
		.session = ps,
		.sender = DIR_OPENER,
		.application = "smtp",
		.mail_from = "a@example.com",
		.rcpt_to = "b@example.com\nc@example.com",
	};
	char *type, *encoding, *disposition;
	struct mail_part part;
	struct mail *m;

	if (!(options & OPTION_PART))
		return mail_new(&o, 1);
	type = text(in);
	encoding = text(in);
	disposition = text(in);
	part = (struct mail_part){
		.type = type, .encoding = encoding, .disposition = disposition};
	m = mail_new_part(&o, &part, 1);
	free(type);
	free(encoding);
	free(disposition);
	return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fuzz_input in = {p, n};
	struct session_info info = {.id = 1, .start = 1, .protocol = IPPROTO_TCP};
	uint8_t options = fuzz_u8(&in), size = fuzz_u8(&in);
	struct proto_session *ps;
	struct fuzz_env env;
	struct mail *m;

	inet_parse("10.0.0.1", &info.end[DIR_OPENER]);
	inet_parse("10.0.0.2", &info.end[DIR_ANSWERER]);
	fuzz_env_open(&env);
	ps = proto_session_new(&env.proto, &info);
	m = begin(ps, &in, options);
	MUST(ps && m);
	while (in.n) {
		struct fuzz_input part = fuzz_part(&in, size ? size * 4u : in.n);
		uint8_t *copy = fuzz_copy(part);

		mail_data(m, copy, part.n, 2);
		free(copy);
		if (options & OPTION_GAP && in.n % 7 == 0)
			mail_gap(m, in.n, 3);
	}
	mail_close(m, options & 128 ? FILE_REASON_RESET : FILE_REASON_NONE, 4);
	proto_session_free(ps, FILE_REASON_NONE, 5);
	fuzz_env_close(&env);
	return 0;
}
