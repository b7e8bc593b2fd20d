/* SPDX-License-Identifier: MIT */
/*
 * Names of local users.
 */
#ifndef SLUICE_SUPERVISOR_PASSWD_H
#define SLUICE_SUPERVISOR_PASSWD_H

#include <stdint.h>

/*
 * The name of a uid in the passwd database, or "uid:1000" where it has none; valid until the
 * next call.  What is known is asked again after a minute.
 */
const char *passwd_name(uint32_t uid);

#endif
