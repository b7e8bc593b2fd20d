/* SPDX-License-Identifier: MIT */
/*
 * The readable table of what the cloud received: one column for each submission, one row
 * for each thing the session envelope may say.
 */
#ifndef TESTCLOUD_TABLE_H
#define TESTCLOUD_TABLE_H

/*
 * Print the submissions in the request log @path ("-": standard input) whose `seq` is at
 * least @from, @columns characters wide (0: as wide as the terminal, COLUMNS, or 100).
 * Returns the exit status.
 */
int table_print(const char *path, long from, unsigned int columns);

#endif
