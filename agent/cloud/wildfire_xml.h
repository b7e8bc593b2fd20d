/* SPDX-License-Identifier: MIT */
/*
 * Answers of the WildFire API, which are XML:
 *
 *	<wildfire><get-verdict-info><sha256/><verdict/><md5/></get-verdict-info></wildfire>
 *	<wildfire><upload-file-info><sha256/>...</upload-file-info></wildfire>
 *	<wildfire><submit-link-info><url/><sha256/><md5/></submit-link-info></wildfire>
 *	<wildfire><get-verdict-info/><get-verdict-info/>...</wildfire>
 *	<error><error-message>'...'</error-message></error>
 *
 * A cloud is trusted with samples, not with our memory or time: document types
 * (and with them entities) are refused, size, depth and number of elements limited.
 */
#ifndef SLUICE_CLOUD_WILDFIRE_XML_H
#define SLUICE_CLOUD_WILDFIRE_XML_H

#include "lib/sighting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WILDFIRE_XML_MAX (1 << 20)
#define WILDFIRE_XML_DEPTH 8
#define WILDFIRE_XML_ELEMENTS 8192
#define WILDFIRE_TEXT_MAX 160

enum wildfire_answer_kind { WILDFIRE_VERDICT, WILDFIRE_UPLOAD, WILDFIRE_ERROR };

struct wildfire_answer {
	enum wildfire_answer_kind kind;
	int32_t verdict;		 /* WILDFIRE_VERDICT */
	char message[WILDFIRE_TEXT_MAX]; /* WILDFIRE_ERROR: text without its quotes */
};

/*
 * Parses the answer to a question about the sample sha256.  False when it is none
 * of these or speaks of another sample: `error` then says what is wrong
 * (at most 127 bytes, nothing of the answer in it).
 */
bool wildfire_parse(const void *p, size_t n, const uint8_t sha256[static SHA256_SIZE],
		    struct wildfire_answer *answer, char error[static 128]);

/*
 * Parses the answer to one request about many samples, count of them: the verdict of each, 0
 * for one that was taken, NONE where it says nothing.  False when it is no such answer
 * (WILDFIRE_ERROR, with a->message, counts as one), or speaks of a sample that was not asked
 * about, or twice of one.
 */
bool wildfire_parse_verdicts(const void *p, size_t n, const uint8_t (*sha256)[SHA256_SIZE],
			     size_t count, int32_t none, int32_t *verdict,
			     struct wildfire_answer *answer, char error[static 128]);

#endif
