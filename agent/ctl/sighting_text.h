/* SPDX-License-Identifier: MIT */
/*
 * A sighting, as a line of the local log has it, in words.
 */
#ifndef SLUICE_CTL_SIGHTING_TEXT_H
#define SLUICE_CTL_SIGHTING_TEXT_H

#include "ctl/table.h"
#include "lib/sighting.h"

#include <jansson.h>
#include <stdint.h>

/* What the completion offers. */
#define SIGHTING_TYPE_WORDS \
	"pe apk pdf ms-office jar flash MacOSX archive linux script eml email-link none"
#define SIGHTING_APPLICATION_WORDS \
	"web-browsing smtp pop3 imap ftp ms-ds-smbv1 ms-ds-smbv2 ms-ds-smbv3 nfs tftp"
#define SIGHTING_WORD(id, text) text " "
#define SIGHTING_REASON_WORDS FILE_REASONS(SIGHTING_WORD)
#define SIGHTING_TRAIT_WORDS FILE_TRAITS(SIGHTING_WORD) "none"
#define SIGHTING_KIND_WORDS SIGHTING_KINDS(SIGHTING_WORD)

/* An empty table of sightings; live: rows come one by one. */
struct ctl_table *sighting_table(bool live);
void sighting_row(struct ctl_table *t, const json_t *sighting);

#define TIME_TEXT_MAX 64
/*
 * A time of the log (RFC 3339, UTC) as local time with its zone; brief: without year and
 * fractions.  What is no time stays as it is.
 */
const char *time_local(const char *utc, bool brief, char text[static TIME_TEXT_MAX]);
/* The same of milliseconds since the epoch. */
const char *time_local_ms(int64_t ms, char text[static TIME_TEXT_MAX]);
#define SIGHTING_SIZE_MAX 32
/* "17", "4.2K", "1.0M". */
const char *sighting_size_text(uint64_t size, char text[static SIGHTING_SIZE_MAX]);

/* "192.0.2.7:80" of an end; "" where nothing is known. */
#define END_TEXT_MAX 80
const char *end_text(const json_t *end, char text[static END_TEXT_MAX]);
/* How the file ended: "complete", or why it did not. */
const char *state_text(const json_t *sighting);

#endif
