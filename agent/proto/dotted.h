/* SPDX-License-Identifier: MIT */
/*
 * A text that ends with a line of one dot, its own leading dots doubled: a message in SMTP
 * (RFC 5321 §4.5.2), an answer of several lines in POP3 (RFC 1939 §3) or NNTP.
 *
 * Only CR LF "." CR LF ends a text whose first line ended with CR LF.  Where it ended with LF
 * alone, LF alone is a line break throughout, as clients that send such texts mean it.
 */
#ifndef SLUICE_PROTO_DOTTED_H
#define SLUICE_PROTO_DOTTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dotted {
	uint8_t state;
	bool bare;	/* LF alone is a line break */
	bool decided;	/* the first line has ended */
	uint64_t lines; /* line breaks of the text so far */
};

typedef void dotted_sink(void *arg, const uint8_t *p, size_t n);

void dotted_begin(struct dotted *d);
/*
 * Hands the text to the sink, dots undone, and says how many bytes belonged to it: fewer
 * than n only when it has ended, or may have; called again it goes on.
 */
size_t dotted_data(struct dotted *d, const uint8_t *p, size_t n, dotted_sink *sink, void *arg);
bool dotted_ended(const struct dotted *d);
/*
 * Bytes are missing.  What follows may be in the middle of a line, and the end may have been
 * among them: the caller has to notice.
 */
void dotted_gap(struct dotted *d);
/* The next byte begins a line. */
bool dotted_at_line(const struct dotted *d);
/*
 * A lone dot, with other line breaks than the text began with, was the last that came. It is
 * held back: where the other side takes it for the end, it was.
 */
bool dotted_maybe_ended(const struct dotted *d);

#endif
