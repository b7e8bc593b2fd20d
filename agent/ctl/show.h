/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SHOW_H
#define SLUICE_CTL_SHOW_H

#include "ctl/ctl.h"

/* Prints what ctl_show() found out about a sample, in words; the reference is taken. */
int show_text(json_t *sample);

#endif
