/* SPDX-License-Identifier: MIT */
/*
 * An entry of the systemd journal, as its native protocol has it
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL).  Pure.
 */
#ifndef SLUICE_RECORD_JOURNAL_H
#define SLUICE_RECORD_JOURNAL_H

#include "record/syslog.h"

#include <jansson.h>
#include <stdbool.h>

/*
 * Appends the fields of one entry: MESSAGE, which is the rendered record; SYSLOG_IDENTIFIER,
 * PRIORITY, SLUICE_KIND, SLUICE_RECORD (its number, the same whenever it is written again), and
 * what of these the record has: SLUICE_ID, SLUICE_SHA256, SLUICE_FILENAME, SLUICE_STATE,
 * SLUICE_DIRECTION, SLUICE_CLOUD, SLUICE_OUTCOME, SLUICE_VERDICT.  False when out of memory or
 * room.
 */
bool journal_entry(const struct syslog_head *head, const json_t *record, const void *text,
		   size_t n, struct buf *out);

#endif
