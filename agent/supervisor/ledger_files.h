/* SPDX-License-Identifier: MIT */
/*
 * The ledger's files: what opening and adding share.
 */
#ifndef SLUICE_SUPERVISOR_LEDGER_FILES_H
#define SLUICE_SUPERVISOR_LEDGER_FILES_H

#include "supervisor/ledger.h"

/* All n bytes at a place; false with errno. */
bool ledger_write_at(int fd, const void *p, size_t n, uint64_t at);
/* Written aside, synced, renamed, the directory synced; false with errno. */
bool ledger_replace(int dir, const char *name, mode_t mode, const void *p, size_t n);
bool ledger_replace_head(struct ledger *l, const struct ledger_head *h);
/* ledger_key.c: reads the key, or makes one where `may_make`; false after logging why. */
bool ledger_load_key(struct ledger *l, bool may_make);

#endif
