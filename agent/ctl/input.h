/* SPDX-License-Identifier: MIT */
/*
 * Files that the user names.
 */
#ifndef SLUICE_CTL_INPUT_H
#define SLUICE_CTL_INPUT_H

#include <stddef.h>

/*
 * The text of a file, "-": of standard input, fewer than max bytes, to be freed.  NULL after an
 * error that names the command.
 */
char *ctl_read_all(const char *command, const char *path, size_t max);

#endif
