/* SPDX-License-Identifier: MIT */
/*
 * What the file object has for members.c alone.
 */
#ifndef SLUICE_SAMPLE_FILE_PRIVATE_H
#define SLUICE_SAMPLE_FILE_PRIVATE_H

#include "sample/file.h"
#include "sample/reader.h"

/* What is known of it; its hash once file_close() has it complete. */
struct sighting *file_sighting(struct file *f);
/* Its content, complete and in the spool. */
struct reader file_reader(struct file *f);
/* It will not be complete: what was settled before stays. */
void file_give_up(struct file *f, enum file_reason reason);
/* The end of file_close() for a complete file that members_add() took. */
void file_finish(struct file *f);

#endif
