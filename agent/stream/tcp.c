// SPDX-License-Identifier: MIT
#include "stream/tcp_flow.h"

#include <stdlib.h>
#include <string.h>

/* Sequence numbers further ahead (no window is larger) or behind are not of this stream. */
#define FORWARD_MAX (1 << 30)
#define BACK_MAX (64 << 20)
/* Unless this many such segments follow each other and the other end acknowledges them. */
#define STRAYS 3
/*
 * A hole that will not close is kept until so much time and so many segments went by, or so
 * many bytes, for packets captured out of order.
 */
#define DOOM_TIME 1000000000ull
#define DOOM_SEGMENTS 10
#define DOOM_BYTES (256u << 10)
/* An acknowledgment further ahead than this is not waited for. */
#define ANSWERED_MAX (8u << 20)
/* A stream without SYN: how far before its first byte, and for how many segments, to look. */
#define SEARCH_BACK (64u << 10)
#define SEARCH_BLOCKS 4

/*
 * Bytes that acknowledge others were sent after those came, so they are delivered after
 * those: an answer after its question, however the capture has them.
 */
static bool answers_missing(const struct tcp *t, enum dir dir, const struct block *b)
{
	const struct flow *f = &t->flow[dir], *o = &t->flow[dir_other(dir)];
	int32_t ahead = distance(o->next, b->ack);

	/* What may be left out is not waited for. */
	if (o->skipping && distance(b->ack, o->skip_to) >= 0)
		return false;
	return b->ack_valid && o->started && !o->searching && !o->done && ahead > 0 &&
	       (uint32_t)ahead <= ANSWERED_MAX &&
	       !(f->hurried && distance(b->ack, f->hurry_ack) >= 0);
}

/* The next byte or the end is there, and waits for nothing but what it answers. */
static bool waits_with_answer(const struct tcp *t, enum dir dir)
{
	const struct flow *f = &t->flow[dir];
	struct block fin = {.ack = f->fin_ack, .ack_valid = f->fin_ack_valid};

	if (f->searching || f->syn_data || f->done)
		return false;
	if (pending(f) && f->block[f->head].sequence == f->next)
		return answers_missing(t, dir, &f->block[f->head]);
	return f->fin_known && f->next == f->fin && answers_missing(t, dir, &fin);
}

struct tcp *tcp_new(const struct tcp_limits *limits, struct counters *counters,
		    const struct tcp_sink *sink, void *arg)
{
	struct tcp *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->limits = limits;
	t->counters = counters;
	t->sink = *sink;
	t->arg = arg;
	return t;
}

void tcp_free(struct tcp *t)
{
	if (!t)
		return;
	for (int dir = 0; dir < DIR_COUNT; dir++)
		tcp_blocks_free(t, &t->flow[dir]);
	free(t);
}

/* ---------------------------------------------------------------- delivery */

static void deliver(struct tcp *t, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	t->flow[dir].next += (uint32_t)n;
	tcp_skip_passed(t, dir);
	t->sink.data(t->arg, dir, p, n, time);
}

static void gap(struct tcp *t, enum dir dir, uint32_t n, uint64_t time)
{
	t->flow[dir].next += n;
	tcp_skip_passed(t, dir);
	t->sink.gap(t->arg, dir, n, time);
}

static void skip(struct tcp *t, enum dir dir, uint32_t n, uint64_t time)
{
	counter_add(t->counters, COUNTER_TCP_GAPS, 1);
	counter_add(t->counters, COUNTER_TCP_GAP_BYTES, n);
	gap(t, dir, n, time);
}

/* What is not wanted and was sent before `to` will not come any more. */
static void leave_out(struct tcp *t, enum dir dir, uint32_t to, uint64_t time)
{
	uint32_t n = tcp_left_out(&t->flow[dir], to);

	if (!n)
		return;
	counter_add(t->counters, COUNTER_SKIPPED_BYTES, n);
	gap(t, dir, n, time);
}

/* What the capture left out of a packet, as far as nothing else has brought it. */
static void skip_cut(struct tcp *t, enum dir dir, uint32_t cut, uint64_t time)
{
	struct flow *f = &t->flow[dir];

	if (pending(f) && (uint32_t)distance(f->next, first(f)->sequence) < cut)
		cut = first(f)->sequence - f->next;
	cut = tcp_before_fin(f, f->next, cut);
	if (cut)
		skip(t, dir, cut, time);
}

/* Delivers what has become contiguous, and the end when that is reached. */
static void drain(struct tcp *t, enum dir dir, uint64_t time)
{
	struct flow *f = &t->flow[dir];
	uint32_t sent;

	if (f->done || f->searching || f->syn_data)
		return;
	for (;;) {
		struct block b;
		uint32_t n;

		if (!tcp_edge(f, &sent))
			sent = f->ack_known ? f->acked : f->next;
		leave_out(t, dir, sent, time);
		if (!pending(f) || first(f)->sequence != f->next ||
		    answers_missing(t, dir, first(f)))
			break;
		b = *first(f);
		n = tcp_before_fin(f, b.sequence, b.len);
		f->head++;
		if (n)
			deliver(t, dir, b.data, n, b.time);
		if (b.cut)
			skip_cut(t, dir, b.cut, b.time);
		tcp_block_release(t, f, &b);
		if (n < b.len)
			break;
	}
	if (f->fin_known && f->next == f->fin && !waits_with_answer(t, dir)) {
		f->done = true;
		tcp_blocks_free(t, f);
		t->sink.eof(t->arg, dir, time);
	} else if (!pending(f)) {
		f->head = f->count = 0;
		f->doomed = false;
	}
}

/* Ends the first hole at `to`. */
static void jump(struct tcp *t, enum dir dir, uint32_t to, uint64_t time)
{
	struct flow *f = &t->flow[dir];

	f->syn_data = false;
	if (f->searching) {
		f->searching = false;
		f->next = to;
	} else if (to != f->next) {
		skip(t, dir, to - f->next, time);
	}
}

static void hurry_to(struct flow *f, uint32_t ack)
{
	if (f->hurried && distance(f->hurry_ack, ack) <= 0)
		return;
	f->hurried = true;
	f->hurry_ack = ack;
}

/* Waits no longer for what is answered up to the next hole. */
static void hurry(struct flow *f)
{
	uint32_t end = f->next;

	for (size_t i = f->head; i < f->count && f->block[i].sequence == end; i++) {
		if (f->block[i].ack_valid)
			hurry_to(f, f->block[i].ack);
		end += f->block[i].len;
	}
	if (f->fin_known && f->fin == end && f->fin_ack_valid)
		hurry_to(f, f->fin_ack);
}

/* Gives up the first hole, or waiting at none; false when nothing waits. */
static bool give_up(struct tcp *t, enum dir dir, uint64_t time)
{
	struct flow *f = &t->flow[dir];
	uint32_t to;

	if (f->done || !tcp_edge(f, &to))
		return false;
	if (waits_with_answer(t, dir))
		hurry(f);
	jump(t, dir, to, time);
	drain(t, dir, time);
	return true;
}

void tcp_flush(struct tcp *t, uint64_t time)
{
	/* The older first: requests before their answers. */
	for (;;) {
		struct flow *o = &t->flow[DIR_OPENER], *a = &t->flow[DIR_ANSWERER];
		bool answerer = pending(a) && (!pending(o) || first(a)->time < first(o)->time);

		if (waits_with_answer(t, answerer ? DIR_ANSWERER : DIR_OPENER))
			answerer = !answerer;
		if (!give_up(t, answerer ? DIR_ANSWERER : DIR_OPENER, time) &&
		    !give_up(t, answerer ? DIR_OPENER : DIR_ANSWERER, time))
			return;
	}
}

/* ------------------------------------------------------------------- holes */

static bool waited(const struct tcp *t, uint64_t since, uint64_t moment, uint64_t time)
{
	return time > since && time - since > DOOM_TIME && t->moment - moment > DOOM_SEGMENTS;
}

/*
 * The other end's SYN was seen, so that this one's only comes late: an acknowledgment, which
 * may come early, does not say where it begins, unless it came with SYN.
 */
static bool syn_due(const struct tcp *t, enum dir dir)
{
	const struct flow *f = &t->flow[dir];

	return t->flow[dir_other(dir)].begin_known && !f->begin_known && !f->hint_sure;
}

/* Has a stream without SYN shown where it begins? */
static void search(struct tcp *t, enum dir dir, uint64_t time)
{
	struct flow *f = &t->flow[dir];
	bool due = syn_due(t, dir);
	uint32_t at;

	if (!tcp_edge(f, &at))
		return;
	if ((!due && f->hint_known && f->hint == at) || f->count - f->head >= SEARCH_BLOCKS ||
	    (!due && f->ack_known && distance(at, f->acked) > 0) ||
	    (pending(f) && waited(t, first(f)->time, first(f)->moment, time)))
		give_up(t, dir, time);
}

static void judge(struct tcp *t, enum dir dir, uint64_t time)
{
	struct flow *f = &t->flow[dir];

	if (f->searching) {
		search(t, dir, time);
		return;
	}
	while (pending(f) && !f->syn_data) {
		uint32_t at = first(f)->sequence;

		if (f->doomed && distance(at, f->doom_ack) < 0)
			f->doomed = false;
		if (!f->doomed) {
			bool acked = f->ack_known && distance(at, f->acked) >= 0;

			if (!acked && !f->lost)
				return;
			f->doomed = true;
			f->doom_ack = acked ? f->acked : at;
			f->doom_time = time;
			/* What the source says is lost is not under way. */
			f->doom_moment = f->lost ? t->moment - DOOM_SEGMENTS - 1 : t->moment;
			f->doom_bytes = f->bytes;
		}
		if (f->bytes < f->doom_bytes)
			f->doom_bytes = f->bytes;
		if (!waited(t, f->doom_time, f->doom_moment, time) &&
		    f->bytes - f->doom_bytes < DOOM_BYTES)
			return;
		f->lost = false;
		while (pending(f) && distance(first(f)->sequence, f->doom_ack) >= 0) {
			/* No hole: settle() lets both directions go on in turn. */
			if (waits_with_answer(t, dir))
				return;
			give_up(t, dir, time);
		}
		f->doomed = false;
	}
}

/* ---------------------------------------------------------------- segments */

static bool room_for(const struct tcp *t, const struct flow *f, size_t n)
{
	const struct tcp_pool *pool = t->limits->pool;

	return f->count - f->head < t->limits->pending_segments &&
	       f->bytes + n <= t->limits->pending_bytes &&
	       (!pool || pool->used + n <= pool->max);
}

static bool in_order(const struct tcp *t, enum dir dir, const struct block *b)
{
	const struct flow *f = &t->flow[dir];

	return b->sequence == f->next && !f->searching && !f->syn_data &&
	       !answers_missing(t, dir, b);
}

/* Puts the parts of b that no block has into blocks, or delivers them. */
static void scatter(struct tcp *t, enum dir dir, struct block b)
{
	struct flow *f = &t->flow[dir];
	uint32_t cut = b.cut;

	b.cut = 0;
	while (b.len) {
		size_t i = tcp_block_find(f, b.sequence);
		int32_t ahead = INT32_MAX;
		struct block part = b;

		if (i < f->count)
			ahead = distance(b.sequence, f->block[i].sequence);
		if (ahead > 0) { /* new up to the next block */
			if ((uint32_t)ahead < part.len)
				part.len = (uint32_t)ahead;
			if (part.len == b.len)
				part.cut = cut;
			if (in_order(t, dir, &part)) {
				deliver(t, dir, part.data, part.len, part.time);
				if (part.cut)
					skip_cut(t, dir, part.cut, part.time);
			} else if (!tcp_block_insert(t, f, i, &part)) {
				return;
			}
		} else { /* the block has it */
			uint32_t inside = (uint32_t)-ahead;
			uint32_t same = f->block[i].len - inside;

			if (same < part.len)
				part.len = same;
			tcp_came_again(t, f->block[i].data + inside, part.data, part.len);
		}
		b.sequence += part.len;
		b.data += part.len;
		b.len -= part.len;
	}
}

static void take(struct tcp *t, enum dir dir, struct block b)
{
	struct flow *f = &t->flow[dir];

	for (;;) {
		uint32_t at;

		if (f->done || !tcp_trim(t, f, &b))
			return;
		if (in_order(t, dir, &b)) {
			if (pending(f))
				break;
			if (b.len)
				deliver(t, dir, b.data, b.len, b.time);
			if (b.cut)
				skip_cut(t, dir, b.cut, b.time);
			return;
		}
		if (!b.len) /* nothing captured of it: a hole like any other */
			return;
		if (room_for(t, f, b.len))
			break;
		if (b.sequence == f->next && !f->searching && !f->syn_data) {
			hurry_to(f, b.ack);
		} else if (tcp_edge(f, &at) && distance(at, b.sequence) >= 0)
			give_up(t, dir, b.time);
		else
			jump(t, dir, b.sequence, b.time);
	}
	scatter(t, dir, b);
}

static bool far(const struct flow *f, uint32_t sequence)
{
	int32_t ahead = distance(f->next, sequence);

	return ahead > FORWARD_MAX || ahead < -BACK_MAX;
}

/*
 * Nothing was seen of so many bytes that the stream looks like another.  True when
 * it is certainly this one: the next byte is then that of b.
 */
static bool found_again(struct tcp *t, enum dir dir, const struct block *b)
{
	struct flow *f = &t->flow[dir];
	uint32_t end = b->sequence + b->len + b->cut;

	if (end == b->sequence)
		return false;
	if (f->stray_count == 0 || b->sequence != f->stray_end) {
		f->stray_count = 0;
		f->stray_begin = b->sequence;
	}
	f->stray_count++;
	f->stray_end = end;
	if (f->stray_count < STRAYS || !f->stray_acked ||
	    distance(f->stray_begin, f->stray_ack) < 0 || distance(f->stray_ack, end) < 0)
		return false;
	f->stray_count = 0;
	f->stray_acked = f->ack_known = false;
	while (give_up(t, dir, b->time))
		;
	if (f->done)
		return false;
	jump(t, dir, b->sequence, b->time);
	f->top = end;
	return true;
}

static void start(struct flow *f, uint32_t sequence)
{
	f->started = true;
	f->next = f->top = f->from = sequence;
}

/* False: a SYN of another connection. */
static bool on_syn(struct tcp *t, enum dir dir, uint32_t begin, uint64_t time)
{
	struct flow *f = &t->flow[dir];
	uint32_t at;

	if (f->begin_known)
		return begin == f->begin;
	if (!f->started) {
		start(f, begin);
	} else if (f->searching || begin != f->from) {
		if (!f->searching || distance(begin, f->top) > FORWARD_MAX ||
		    (tcp_edge(f, &at) && distance(begin, at) < 0))
			return false;
		f->searching = false;
		f->next = begin;
		drain(t, dir, time);
	}
	f->begin = begin;
	f->begin_known = true;
	return true;
}

static void on_ack(struct tcp *t, enum dir dir, uint32_t ack, bool with_syn, uint64_t time)
{
	struct flow *f = &t->flow[dir];

	if (!f->started) {
		if (!f->hint_sure)
			f->hint = ack;
		f->hint_known = true;
		f->hint_sure |= with_syn;
		return;
	}
	if (far(f, ack)) {
		f->stray_ack = ack;
		f->stray_acked = true;
		return;
	}
	if (!f->ack_known || distance(f->acked, ack) > 0) {
		f->acked = ack;
		f->ack_known = true;
	}
	if (f->syn_data) {
		/* Data with a SYN counts only when the other end took it (RFC 7413 §4.2.2). */
		if (distance(f->next, ack) <= 0) {
			tcp_blocks_free(t, f);
			f->top = f->next;
		}
		f->syn_data = false;
		drain(t, dir, time);
	}
	if (f->skipping)
		drain(t, dir, time);
	if (pending(f) || f->searching)
		judge(t, dir, time);
}

/*
 * Believed only where the other end would believe it (RFC 5961 §3.2): at the next
 * byte it expects, as far as that is known here: of what the source leaves out, any.
 * Anything else may be forged.
 */
static bool reset_believed(const struct tcp *t, const struct tcp_segment *s)
{
	const struct flow *f = &t->flow[s->dir];
	const struct flow *o = &t->flow[dir_other(s->dir)];

	if (!f->started) {
		if (f->hint_known && s->sequence == f->hint)
			return true;
		/* The answer to a SYN has no sequence number yet, but acknowledges it. */
		return s->flags & TCP_ACK && o->started &&
		       distance(o->next, s->acknowledgment) >= 0 &&
		       distance(s->acknowledgment, o->top) >= 0;
	}
	return s->sequence == f->next || s->sequence == f->top ||
	       (f->skipping && distance(f->next, s->sequence) > 0 &&
		distance(s->sequence, f->skip_to) >= 0) ||
	       (f->fin_known && s->sequence == f->fin + 1) ||
	       (f->ack_known && s->sequence == f->acked);
}

static void on_reset(struct tcp *t, const struct tcp_segment *s)
{
	enum dir other = dir_other(s->dir);

	if (t->reset || !reset_believed(t, s))
		return;
	t->reset = true;
	t->reset_time = s->time;
	t->reset_moment = t->moment;
	t->reset_at[s->dir] = s->sequence;
	t->reset_at[other] = s->flags & TCP_ACK ? s->acknowledgment : t->flow[other].next;
	for (int dir = 0; dir < DIR_COUNT; dir++)
		leave_out(t, dir, t->reset_at[dir], s->time);
}

/* RST may be captured before what was sent before it. */
static bool is_reset(const struct tcp *t, uint64_t time)
{
	if (!t->reset || waited(t, t->reset_time, t->reset_moment, time))
		return t->reset;
	for (int dir = 0; dir < DIR_COUNT; dir++) {
		const struct flow *f = &t->flow[dir];
		int32_t ahead = distance(f->next, t->reset_at[dir]);

		if (f->started && !f->searching && !f->done && ahead > 0 &&
		    (uint32_t)ahead <= ANSWERED_MAX && !(f->fin_known && f->next == f->fin))
			return false;
	}
	return true;
}

/* The other end's SYN acknowledged this one's: what is missing before `sequence` is a hole. */
static bool begin_is_sure(const struct flow *f, uint32_t sequence)
{
	int32_t ahead = distance(f->hint, sequence);

	return f->hint_known && f->hint_sure && ahead >= 0 && ahead <= FORWARD_MAX;
}

/* Bytes of this direction: payload, SYN, FIN. */
static void on_bytes(struct tcp *t, const struct tcp_segment *s)
{
	struct flow *f = &t->flow[s->dir];
	struct block b = {
		.sequence = s->sequence,
		.len = (uint32_t)s->len,
		.cut = (uint32_t)(s->wire_len - s->len),
		.ack = s->acknowledgment,
		.ack_valid = s->flags & TCP_ACK,
		.time = s->time,
		.moment = t->moment,
		.data = (uint8_t *)s->payload, /* read only until copied */
	};
	uint32_t end;

	if (s->flags & TCP_SYN && !on_syn(t, s->dir, ++b.sequence, s->time))
		return;
	end = b.sequence + b.len + b.cut;
	if (!f->started) {
		if (end == b.sequence && !(s->flags & TCP_FIN)) {
			f->hint = b.sequence;
			f->hint_known = true;
			return;
		}
		start(f, b.sequence);
		if (begin_is_sure(f, b.sequence)) {
			f->next = f->from = f->hint;
		} else if (!f->hint_known || f->hint != b.sequence || syn_due(t, s->dir)) {
			f->searching = true;
			f->next -= SEARCH_BACK;
		}
	}
	if (f->done || (far(f, b.sequence) && !found_again(t, s->dir, &b)))
		return;
	leave_out(t, s->dir, b.sequence, s->time);
	if (s->lost_before) {
		f->lost = true;
		while (pending(f) && distance(first(f)->sequence, b.sequence) >= 0)
			give_up(t, s->dir, s->time);
		if (!f->searching && !f->done && distance(f->next, b.sequence) > 0) {
			uint32_t n = tcp_before_fin(f, f->next, b.sequence - f->next);

			if (n)
				skip(t, s->dir, n, s->time);
			f->lost = false;
			drain(t, s->dir, s->time);
		}
		if (f->done)
			return;
	}
	if (distance(f->top, end) > 0)
		f->top = end;
	if (s->flags & TCP_SYN) {
		if (b.len && f->next == b.sequence && !pending(f))
			f->syn_data = true;
	} else if (f->syn_data) {
		f->syn_data = false;
		drain(t, s->dir, s->time);
	}
	if (b.len || b.cut)
		take(t, s->dir, b);
	if (s->flags & TCP_FIN && !f->fin_known && distance(f->next, end) >= 0) {
		f->fin = end;
		f->fin_known = true;
		f->fin_ack = s->acknowledgment;
		f->fin_ack_valid = s->flags & TCP_ACK;
		f->fin_time = s->time;
		f->fin_moment = t->moment;
	}
	if (f->fin_known || pending(f)) {
		drain(t, s->dir, s->time);
		if (pending(f) || f->searching)
			judge(t, s->dir, s->time);
	}
}

/*
 * What is answered did not come in time.  Where that is a hole, only the hole is given up, so
 * that what follows it still comes before its answers.
 */
static bool give_up_question(struct tcp *t, enum dir dir, uint64_t time)
{
	struct flow *f = &t->flow[dir];

	return pending(f) && !f->searching && !f->syn_data && !waits_with_answer(t, dir) &&
	       give_up(t, dir, time);
}

/* What waits for bytes of the other direction: have they come, or not in time? */
static void catch_up(struct tcp *t, enum dir dir, uint64_t time)
{
	struct flow *f = &t->flow[dir];
	bool late;

	if (f->hurried && distance(f->hurry_ack, t->flow[dir_other(dir)].next) >= 0)
		f->hurried = false;
	if (pending(f))
		late = waited(t, first(f)->time, first(f)->moment, time);
	else
		late = waited(t, f->fin_time, f->fin_moment, time);
	if (waits_with_answer(t, dir) && (late || f->bytes >= DOOM_BYTES) &&
	    !give_up_question(t, dir_other(dir), time))
		hurry(f);
	drain(t, dir, time);
}

/* Each direction may have waited for the other, and the other for it. */
static void settle(struct tcp *t, uint64_t time)
{
	bool more = true;

	while (more) {
		more = false;
		for (int dir = 0; dir < DIR_COUNT; dir++) {
			const struct flow *f = &t->flow[dir];
			uint32_t next = f->next;
			bool done = f->done;

			if (pending(f) || (f->fin_known && !done))
				catch_up(t, dir, time);
			more |= f->next != next || f->done != done;
		}
	}
}

enum tcp_end tcp_segment(struct tcp *t, const struct tcp_segment *s)
{
	t->moment++;
	if (s->flags & TCP_ACK && !(s->flags & TCP_RST))
		on_ack(t, dir_other(s->dir), s->acknowledgment, s->flags & TCP_SYN, s->time);
	if (s->flags & TCP_RST) { /* text in it is not part of the stream */
		on_reset(t, s);
	} else {
		on_bytes(t, s);
		settle(t, s->time);
	}
	if (t->flow[DIR_OPENER].done && t->flow[DIR_ANSWERER].done)
		return TCP_CLOSED_FIN;
	return is_reset(t, s->time) ? TCP_CLOSED_RST : TCP_OPEN;
}
