// SPDX-License-Identifier: MIT
/* Answers of the WildFire API. */
#include "cloud/wildfire_xml.h"

#include <errno.h>
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	XML_Parser parser;
	const char *error; /* ours, when we stopped the parser */
	unsigned int depth, elements;
	const uint8_t (*wanted)[SHA256_SIZE]; /* the samples, `count` of them */
	size_t count, place;		      /* of the one that the open entry is about */
	int32_t *verdicts;		      /* one for each; NULL: an answer about one */
	int32_t none;
	struct wildfire_answer *answer;
	bool found;	      /* answer is filled */
	unsigned int foreign; /* entries about other samples */

	char text[WILDFIRE_TEXT_MAX]; /* of the element that is open, cut to fit */
	size_t text_len;

	/* The entry that is open. */
	bool has_sha256, right_sha256, has_verdict;
	int32_t verdict;
};

static void stop(struct reader *r, const char *error)
{
	if (!r->error)
		r->error = error;
	XML_StopParser(r->parser, XML_FALSE);
}

/* The text without white space around it. */
static char *trimmed(struct reader *r)
{
	char *p = r->text;

	r->text[r->text_len] = '\0';
	while (r->text_len && strchr(" \t\r\n", r->text[r->text_len - 1]))
		r->text[--r->text_len] = '\0';
	while (*p && strchr(" \t\r\n", *p))
		p++;
	return p;
}

static void end_sha256(struct reader *r)
{
	uint8_t sha256[SHA256_SIZE];
	const char *text = trimmed(r);

	if (!*text)
		return; /* the cloud does not say */
	r->has_sha256 = true;
	r->right_sha256 = false;
	if (!sha256_parse(text, sha256))
		return;
	for (size_t i = 0; i < r->count && !r->right_sha256; i++) {
		r->right_sha256 = !memcmp(sha256, r->wanted[i], SHA256_SIZE);
		r->place = i;
	}
}

static void end_verdict(struct reader *r)
{
	const char *text = trimmed(r);
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 10);
	if (end == text || *end || errno || v < -1000 || v > 1000) {
		stop(r, "verdict is not a number");
		return;
	}
	r->has_verdict = true;
	r->verdict = (int32_t)v;
}

static void end_entry(struct reader *r, enum wildfire_answer_kind kind)
{
	/*
	 * One MD5 may stand for several samples, so answers may have several
	 * entries: ours is the one with our hash, or one without any.
	 */
	if (r->has_sha256 && !r->right_sha256) {
		r->foreign++;
		return;
	}
	if (kind == WILDFIRE_VERDICT && !r->has_verdict) {
		stop(r, "verdict is missing");
		return;
	}
	if (kind == WILDFIRE_UPLOAD && !r->has_sha256) {
		stop(r, "hash of the upload is missing");
		return;
	}
	r->found = true;
	r->answer->kind = kind;
	r->answer->verdict = kind == WILDFIRE_VERDICT ? r->verdict : 0;
	if (!r->verdicts || !r->has_sha256)
		return;
	if (r->verdicts[r->place] != r->none)
		stop(r, "two entries about one sample");
	r->verdicts[r->place] = r->answer->verdict;
}

static void end_verdict_info(struct reader *r)
{
	end_entry(r, WILDFIRE_VERDICT);
}

static void end_upload_info(struct reader *r)
{
	end_entry(r, WILDFIRE_UPLOAD);
}

static void end_message(struct reader *r)
{
	char *text = trimmed(r);
	size_t n = strlen(text);

	if (n >= 2 && text[0] == '\'' && text[n - 1] == '\'') {
		text[n - 1] = '\0';
		text++;
	}
	r->found = true;
	r->answer->kind = WILDFIRE_ERROR;
	snprintf(r->answer->message, sizeof(r->answer->message), "%s", text);
}

static const struct {
	unsigned int depth;
	const char *name;
	void (*end)(struct reader *r);
	bool entry; /* what came before belongs to another one */
} elements[] = {
	{2, "get-verdict-info", end_verdict_info, true},
	{2, "upload-file-info", end_upload_info, true},
	{2, "submit-link-info", end_upload_info, true},
	{2, "error-message", end_message, false},
	{3, "sha256", end_sha256, false},
	{3, "verdict", end_verdict, false},
};

static int element_find(unsigned int depth, const char *name)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if (elements[i].depth == depth && !strcmp(elements[i].name, name))
			return (int)i;
	return -1;
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = arg;
	int e;

	(void)attributes;
	if (++r->depth > WILDFIRE_XML_DEPTH || ++r->elements > WILDFIRE_XML_ELEMENTS) {
		stop(r, "too many or too deep elements");
		return;
	}
	if (r->depth == 1 && strcmp(name, "wildfire") && strcmp(name, "error")) {
		stop(r, "neither <wildfire> nor <error>");
		return;
	}
	r->text_len = 0;
	e = element_find(r->depth, name);
	if (e >= 0 && elements[e].entry)
		r->has_sha256 = r->right_sha256 = r->has_verdict = false;
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
	struct reader *r = arg;
	int e = element_find(r->depth, name);

	if (e >= 0 && !r->error)
		elements[e].end(r);
	r->depth--;
	r->text_len = 0;
}

static void XMLCALL on_text(void *arg, const XML_Char *p, int n)
{
	struct reader *r = arg;
	size_t room = sizeof(r->text) - 1 - r->text_len;
	size_t take = (size_t)n < room ? (size_t)n : room;

	memcpy(r->text + r->text_len, p, take);
	r->text_len += take;
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
			       const XML_Char *public_id, int internal)
{
	(void)name, (void)system_id, (void)public_id, (void)internal;
	stop(arg, "document types are not accepted");
}

static bool parse(struct reader *r, const void *p, size_t n, char error[static 128])
{
	const char *text = p;
	bool ok = false;

	memset(r->answer, 0, sizeof(*r->answer));
	/* Clients have seen blank lines before the XML declaration, where XML forbids them. */
	while (n && *text && strchr(" \t\r\n", *text)) {
		text++;
		n--;
	}
	if (!n || n > WILDFIRE_XML_MAX) {
		snprintf(error, 128, "%s", n ? "too long" : "empty");
		return false;
	}
	r->parser = XML_ParserCreate(NULL);
	if (!r->parser) {
		snprintf(error, 128, "out of memory");
		return false;
	}
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	if (XML_Parse(r->parser, text, (int)n, 1) != XML_STATUS_OK)
		snprintf(error, 128, "%s in line %lu",
			 r->error ? r->error : XML_ErrorString(XML_GetErrorCode(r->parser)),
			 (unsigned long)XML_GetCurrentLineNumber(r->parser));
	else if (!r->found)
		snprintf(error, 128, "%s",
			 r->foreign ? "about another sample"
				    : "no verdict, no upload, no error in it");
	else
		ok = true;
	XML_ParserFree(r->parser);
	return ok;
}

bool wildfire_parse(const void *p, size_t n, const uint8_t sha256[static SHA256_SIZE],
		    struct wildfire_answer *answer, char error[static 128])
{
	struct reader r = {
		.wanted = (const uint8_t(*)[SHA256_SIZE])sha256, .count = 1, .answer = answer};

	return parse(&r, p, n, error);
}

bool wildfire_parse_verdicts(const void *p, size_t n, const uint8_t (*sha256)[SHA256_SIZE],
			     size_t count, int32_t none, int32_t *verdict,
			     struct wildfire_answer *answer, char error[static 128])
{
	struct reader r = {.wanted = sha256,
			   .count = count,
			   .verdicts = verdict,
			   .none = none,
			   .answer = answer};

	for (size_t i = 0; i < count; i++)
		verdict[i] = none;
	if (!parse(&r, p, n, error))
		return false;
	if (answer->kind != WILDFIRE_ERROR && r.foreign) {
		snprintf(error, 128, "about another sample");
		return false;
	}
	return true;
}
