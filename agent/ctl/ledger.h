/* SPDX-License-Identifier: MIT */
/*
 * The ledger as the tool reads it.
 */
#ifndef SLUICE_CTL_LEDGER_H
#define SLUICE_CTL_LEDGER_H

#include "ctl/ctl.h"
#include "ctl/filter.h"
#include "ctl/sightlog.h"

struct ledger_options {
	struct sightlog_place place;
	const char *file, *key; /* in place of those in the state directory */
	const char *sample, *cloud;
	char since[FILTER_TIME_MAX];
};

/* path: of ledger.jsonl. */
int ledger_verify(const struct ctl *ctl, const struct ledger_options *o, const char *path);
int ledger_show(const struct ctl *ctl, const struct ledger_options *o, const char *path);

#endif
