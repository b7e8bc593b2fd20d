/* SPDX-License-Identifier: MIT */
/*
 * The files of /publicapi/test/: tiny, harmless, recognisable by their type, and different
 * at every call.
 */
#ifndef TESTCLOUD_TESTFILE_H
#define TESTCLOUD_TESTFILE_H

#include "bytes.h"

/*
 * Make the file of @kind ("pe", "apk", "macos", "elf") in @out (initialised by this, release
 * with bytes_free()). Returns the name it is given out under, NULL for an unknown kind.
 */
const char *testfile_make(const char *kind, struct bytes *out);

#endif
