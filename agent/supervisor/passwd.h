/* SPDX-License-Identifier: MIT */
/*
 * Names of local users.
 */
#ifndef SLUICE_SUPERVISOR_PASSWD_H
#define SLUICE_SUPERVISOR_PASSWD_H

#include <stdint.h>

/*
 * The name of a uid in the passwd database, or "uid:1000" where it has none; valid until the
 * next call.  What is known is asked again after a minute.  Asking may wait for a directory on
 * the network: after a slow answer nobody is asked for nine times as long, what was known
 * stands and the rest are numbers.
 */
const char *passwd_name(uint32_t uid);

#endif
