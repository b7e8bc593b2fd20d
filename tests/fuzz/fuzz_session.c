// SPDX-License-Identifier: MIT
/*
 * Conversations, through everything that a session of a protocol has.
 *
 * Built once a protocol (FUZZ_PROTO, which the first session is told to be, unless the input
 * says that detection decides), once for detection alone, and once for datagrams (FUZZ_UDP).
 * An input is a byte of options, then records:
 *
 *	0    1        2       4
 *	| kind | session | length | payload
 *
 * kind is one of enum kind (what is left after a division by their number), session one of
 * four, length big endian.  seeds.py writes the same.
 */
#include "fuzz.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define SESSIONS 4
#define OPTION_DETECT 1
#define OPTION_LIVE 2

enum kind {
	KIND_OPEN, /* family (4, 6), address and port of opener, of answerer */
	KIND_OPENER,
	KIND_ANSWERER,
	KIND_OPENER_GAP, /* length as big endian number */
	KIND_ANSWERER_GAP,
	KIND_OPENER_END,
	KIND_ANSWERER_END,
	KIND_CLOSE, /* one byte: the reason */
	KIND_WAIT,  /* milliseconds as big endian number */
	KIND_COUNT
};

#ifndef FUZZ_UDP
#define FUZZ_UDP 0
#endif

struct world {
	struct fuzz_env env;
	struct proto_session *session[SESSIONS];
	bool ended[SESSIONS][DIR_COUNT];
	bool forced;
	uint64_t time;
	uint64_t ids;
};

static struct endpoint endpoint_of(struct fuzz_input *in, uint8_t family)
{
	struct endpoint e = {.family = family == 6 ? AF_INET6 : AF_INET};

	for (size_t i = 0; i < (family == 6 ? 16u : 4u); i++)
		e.ip[i] = fuzz_u8(in);
	e.port = fuzz_u16(in);
	return e;
}

#ifdef FUZZ_PROTO
static void release(void *arg)
{
}
#endif

static void force(struct world *w, const struct session_info *info)
{
#ifdef FUZZ_PROTO
	extern const struct proto_ops FUZZ_PROTO;
	struct expectation e = {
		.protocol = info->protocol,
		.opener = info->end[DIR_OPENER],
		.answerer = info->end[DIR_ANSWERER],
		.ops = &FUZZ_PROTO,
		.release = release,
	};

	if (e.ops->open)
		expect_add(w->env.proto.expected, info, &e, w->time);
#endif
}

static void open_session(struct world *w, int i, struct fuzz_input in)
{
	struct session_info info = {
		.id = ++w->ids,
		.start = w->time,
		.uid = UINT32_MAX,
		.protocol = FUZZ_UDP ? IPPROTO_UDP : IPPROTO_TCP,
	};
	uint8_t family = in.n ? fuzz_u8(&in) : 4;

	if (w->session[i])
		proto_session_free(w->session[i], FILE_REASON_RESET, w->time);
	if (in.n) {
		info.end[DIR_OPENER] = endpoint_of(&in, family);
		info.end[DIR_ANSWERER] = endpoint_of(&in, family);
	} else {
		inet_parse("10.0.0.1", &info.end[DIR_OPENER]);
		inet_parse("10.0.0.2", &info.end[DIR_ANSWERER]);
		info.end[DIR_OPENER].port = (uint16_t)(40000 + i);
		info.end[DIR_ANSWERER].port = 8000;
	}
	w->session[i] = proto_session_new(&w->env.proto, &info);
	MUST(w->session[i]);
	memset(w->ended[i], 0, sizeof(w->ended[i]));
	if (w->forced && i == 0)
		force(w, &info);
}

static void data(struct world *w, int i, enum dir dir, struct fuzz_input in)
{
	uint8_t *copy;

	if (w->ended[i][dir])
		return;
	copy = fuzz_copy(in);
	if (FUZZ_UDP)
		proto_session_datagram(w->session[i], dir, copy, in.n, w->time);
	else
		proto_session_data(w->session[i], dir, copy, in.n, w->time);
	free(copy);
}

static void gap(struct world *w, int i, enum dir dir, struct fuzz_input in)
{
	uint64_t n = 0;

	while (in.n)
		n = n << 8 | fuzz_u8(&in);
	if (n && !w->ended[i][dir] && !FUZZ_UDP)
		proto_session_gap(w->session[i], dir, n & 0xffffffffff, w->time);
}

static void end(struct world *w, int i, enum dir dir)
{
	if (w->ended[i][dir] || FUZZ_UDP)
		return;
	w->ended[i][dir] = true;
	proto_session_eof(w->session[i], dir, w->time);
}

static void record(struct world *w, struct fuzz_input *in)
{
	enum kind kind = fuzz_u8(in) % KIND_COUNT;
	int i = fuzz_u8(in) % SESSIONS;
	struct fuzz_input payload = fuzz_part(in, fuzz_u16(in));

	w->time += 1000000;
	if (kind == KIND_WAIT) {
		w->time += (uint64_t)fuzz_u16(&payload) * 1000000;
		expect_set_expire(w->env.proto.expected, w->time);
		shared_set_expire(w->env.proto.shared, w->time);
		range_set_expire(w->env.proto.ranges, w->time);
		return;
	}
	if (kind == KIND_OPEN) {
		open_session(w, i, payload);
		return;
	}
	if (!w->session[i])
		open_session(w, i, (struct fuzz_input){0});
	if (kind == KIND_OPENER || kind == KIND_ANSWERER) {
		data(w, i, kind == KIND_OPENER ? DIR_OPENER : DIR_ANSWERER, payload);
	} else if (kind == KIND_OPENER_GAP || kind == KIND_ANSWERER_GAP) {
		gap(w, i, kind == KIND_OPENER_GAP ? DIR_OPENER : DIR_ANSWERER, payload);
	} else if (kind == KIND_OPENER_END || kind == KIND_ANSWERER_END) {
		end(w, i, kind == KIND_OPENER_END ? DIR_OPENER : DIR_ANSWERER);
	} else {
		proto_session_free(w->session[i],
				   fuzz_u8(&payload) % 2 ? FILE_REASON_RESET : FILE_REASON_NONE,
				   w->time);
		w->session[i] = NULL;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fuzz_input in = {p, n};
	struct world w = {.time = 1000000000};
	uint8_t options = fuzz_u8(&in);

	fuzz_env_open(&w.env);
	w.forced = !(options & OPTION_DETECT);
	w.env.proto.private_talk = w.env.proto.whole_mails = !(options & OPTION_LIVE);
	while (in.n)
		record(&w, &in);
	for (int i = 0; i < SESSIONS; i++)
		if (w.session[i])
			proto_session_free(w.session[i], FILE_REASON_TIMEOUT, w.time);
	fuzz_env_close(&w.env);
	return 0;
}
