/* SPDX-License-Identifier: MIT */
/*
 * The request log: DIR/requests.jsonl, one JSON object a line, written before the answer
 * leaves; and the same objects in memory for /control/requests.
 *
 * Nothing here is locked: the caller holds the state lock of http.c.
 */
#ifndef TESTCLOUD_REQLOG_H
#define TESTCLOUD_REQLOG_H

#include <stdbool.h>
#include <jansson.h>

#define REQLOG_MEMORY_MAX 100000 /* objects kept in memory; the file has them all */

/* Open @dir/requests.jsonl for appending. Returns false after a message. */
bool reqlog_open(const char *dir);
void reqlog_close(void);

/* Forget what is in memory. The file is left alone. */
void reqlog_clear(void);

/* A new entry that begins with `seq` and `time`. */
json_t *reqlog_new(void);

/* Write @entry and keep it; the reference is taken. */
void reqlog_add(json_t *entry);

/* What is in memory; borrowed. */
json_t *reqlog_list(void);

#endif
