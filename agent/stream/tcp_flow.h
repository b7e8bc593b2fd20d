/* SPDX-License-Identifier: MIT */
/*
 * What tcp.c keeps of a direction, and the bytes that wait in it.
 */
#ifndef SLUICE_STREAM_TCP_FLOW_H
#define SLUICE_STREAM_TCP_FLOW_H

#include "stream/tcp.h"

/* Bytes that wait: behind a hole, or for what they answer. */
struct block {
	uint32_t sequence;
	uint32_t len;
	uint32_t cut; /* bytes behind these that the capture left out */
	uint32_t ack; /* what their sender had got by then */
	bool ack_valid;
	uint64_t time;
	uint64_t moment; /* segments of the connection before it */
	uint8_t *data;
};

/*
 * One direction.
 *
 *	     delivered        hole    block  hole  block
 *	...................|         |=====|      |=====|
 *	                  next
 *
 * Blocks are sorted, apart from each other, and all behind next; at next only while what
 * they answer is missing.
 */
struct flow {
	uint32_t next;	  /* sequence number of the next byte to deliver */
	uint32_t begin;	  /* of the first byte */
	uint32_t from;	  /* of the first segment seen */
	uint32_t top;	  /* end of the last byte seen */
	uint32_t fin;	  /* sequence number behind the last byte */
	uint32_t fin_ack; /* acknowledged with it */
	uint32_t acked;	  /* by the other end */
	uint32_t hint;	  /* before the start: where it probably is */
	bool started;	  /* next and top are valid */
	bool searching;	  /* the first hole is only room for an earlier start */
	bool begin_known; /* SYN seen: begin is valid */
	bool syn_data;	  /* what waits came with SYN and is not acknowledged */
	bool fin_known;
	bool fin_ack_valid;
	bool ack_known;
	bool hint_known;
	bool hint_sure;	   /* it acknowledged SYN itself */
	bool lost;	   /* the source lost something that is still missing */
	bool doomed;	   /* the first hole will not close, unless very soon */
	bool done;	   /* eof delivered */
	uint32_t doom_ack; /* holes below this are doomed */
	size_t doom_bytes;
	uint64_t doom_time;
	uint64_t doom_moment;
	uint64_t fin_time;
	uint64_t fin_moment;
	bool skipping;	    /* next .. skip_to - 1 is not wanted and may never come */
	uint32_t skip_to;   /* never before next */
	uint64_t skip_more; /* behind that, not yet asked for */
	bool hurried;	    /* what acknowledges up to hurry_ack is not waited with */
	uint32_t hurry_ack;
	uint32_t stray_begin; /* segments far from next, each behind the one before */
	uint32_t stray_end;
	uint32_t stray_count;
	uint32_t stray_ack; /* acknowledgment far from next */
	bool stray_acked;

	struct block *block; /* head .. count - 1 */
	size_t head;
	size_t count;
	size_t room;
	size_t bytes;
};

struct tcp {
	struct flow flow[DIR_COUNT];
	uint64_t moment; /* segments so far */
	bool reset;	 /* RST came; the connection ends once what was sent before has come */
	uint32_t reset_at[DIR_COUNT];
	uint64_t reset_time;
	uint64_t reset_moment;
	const struct tcp_limits *limits;
	struct counters *counters;
	struct tcp_sink sink;
	void *arg;
};

static inline int32_t distance(uint32_t from, uint32_t to)
{
	return (int32_t)(to - from);
}

static inline bool pending(const struct flow *f)
{
	return f->head < f->count;
}

static inline struct block *first(const struct flow *f)
{
	return &f->block[f->head];
}

/* Where what waits begins: the first block or FIN; false: nothing waits. */
bool tcp_edge(const struct flow *f, uint32_t *sequence);
/*
 * next moved: is the range that is not wanted passed, and the next part of it to be asked
 * for?
 */
void tcp_skip_passed(struct tcp *t, enum dir dir);
/* Bytes from next on that the source left out, now that those before `to` were sent. */
uint32_t tcp_left_out(const struct flow *f, uint32_t to);
/* Bytes of n from `sequence` that are before FIN. */
uint32_t tcp_before_fin(const struct flow *f, uint32_t sequence, size_t n);
/* Counts n bytes that came again; kept: the first copy, where it is still there. */
void tcp_came_again(struct tcp *t, const uint8_t *kept, const uint8_t *p, size_t n);
/* Cuts off what was delivered already; false when nothing is left. */
bool tcp_trim(struct tcp *t, const struct flow *f, struct block *b);
/* Index of the first block that ends behind `sequence`. */
size_t tcp_block_find(const struct flow *f, uint32_t sequence);
/* Copies b's bytes.  False when out of memory: as if the segment had not come. */
bool tcp_block_insert(struct tcp *t, struct flow *f, size_t at, const struct block *b);
/* Frees the bytes of a block that is not in f any more. */
void tcp_block_release(struct tcp *t, struct flow *f, struct block *b);
void tcp_blocks_free(struct tcp *t, struct flow *f);

#endif
