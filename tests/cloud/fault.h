/* SPDX-License-Identifier: MIT */
/*
 * Misbehaviour on request. A rule is a line of words,
 *
 *	KIND[=ARGUMENT] [path=PATH] [count=N] [skip=N] [stored] [retry-after=S]
 *
 * path	    only requests to this path (`submit/file` is short for `/publicapi/submit/file`)
 * count    so many requests, then the rule is used up (default: for ever)
 * skip	    let so many matching requests pass first
 * stored   status only: the submission is stored although the answer is an error
 * retry-after  status only: the answer has a Retry-After of so many seconds
 *
 * Words may also be separated by commas. The kinds are the table below.
 *
 * Nothing here is locked: the caller holds the state lock of http.c.
 */
#ifndef TESTCLOUD_FAULT_H
#define TESTCLOUD_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

#define FAULT_RULES_MAX 256

/* X(CONSTANT, name, argument: ' ' none, 'n' number, 's' seconds, help) */
#define FAULT_KINDS(X)                                                                        \
	X(SLOW, "slow", 's', "store, then wait so many seconds before the answer")            \
	X(STATUS, "status", 'n', "answer with this error, store nothing (see `stored`)")      \
	X(CUT_BEFORE, "cut-before", ' ', "close without an answer, store nothing")            \
	X(CUT_AFTER, "cut-after", ' ', "store, then close without an answer")                 \
	X(CUT_BODY, "cut-body", 'n', "close once so many bytes of the body have come")        \
	X(CUT_ANSWER, "cut-answer", ' ', "store, then close in the middle of the answer")     \
	X(BAD_XML, "bad-xml", ' ', "store, then send half of the answer as if it were whole") \
	X(EMPTY, "empty", ' ', "store, then answer 200 without a body")                       \
	X(BLANK_LINES, "blank-lines", ' ', "store, blank lines before the answer")            \
	X(CONTENT_TYPE, "content-type", ' ', "store, call the answer text/html")

enum fault_kind {
	FAULT_NONE,
#define X(constant, name, argument, help) FAULT_##constant,
	FAULT_KINDS(X)
#undef X
};

/* What is to go wrong with one request. */
struct fault_hit {
	enum fault_kind kind; /* anything but FAULT_SLOW, which combines with the others */
	double slow;	      /* seconds to wait */
	double argument;
	bool stored;
	unsigned long retry_after; /* seconds; 0: no such header */
};

/* Add @rule. Returns NULL, or what is wrong with it (a text that stays). */
const char *fault_add(const char *rule);
void fault_clear(void);

/* The faults for one request to @path; uses the rules up. */
struct fault_hit fault_take(const char *path);

/* Name of a kind, "" for FAULT_NONE. */
const char *fault_name(enum fault_kind kind);

/* Rules in force: an array of {rule, hits, left}. New reference. */
json_t *fault_state(void);

/* Print the table of kinds for --help. */
void fault_help(void);

#endif
