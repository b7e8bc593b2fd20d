// SPDX-License-Identifier: MIT
/*
 * The name that an upload bears (envelope.h).
 */
#include "policy/envelope.h"
#include "policy/guard.h"
#include "policy/text.h"

#include <stdlib.h>
#include <string.h>

#define UPLOAD_NAME_MAX 255

/* Bytes a multipart header, a shell or a file system could take for something else. */
static bool harmless(unsigned char c)
{
	return c >= 0x20 && c != 0x7f && c != '"' && c != '\'' && c != '`';
}

static size_t sanitise(const char *p, size_t n, char *name)
{
	struct buf clean;
	size_t k = 0, length;
	const char *text;

	buf_init(&clean, 3 * n + 1);
	if (!text_add_utf8(&clean, p, n)) {
		buf_free(&clean);
		return 0;
	}
	text = buf_string(&clean);
	length = clean.len;
	for (size_t i = 0; i < length; i++) {
		/* C1 controls are U+0080 to U+009F: c2 80 to c2 9f. */
		if ((unsigned char)text[i] == 0xc2 && i + 1 < length &&
		    (unsigned char)text[i + 1] < 0xa0) {
			i++;
			continue;
		}
		if (harmless((unsigned char)text[i]) && k < UPLOAD_NAME_MAX)
			name[k++] = text[i];
	}
	if (k == UPLOAD_NAME_MAX) {
		/* No half of a character at the cut. */
		while (k && ((unsigned char)name[k - 1] & 0xc0) == 0x80)
			k--;
		if (k && (unsigned char)name[k - 1] >= 0xc0)
			k--;
	}
	buf_free(&clean);
	return k;
}

/* Would the text carry a value that may not leave? */
static bool carries(const struct sighting *s, const struct policy *p, const char *text,
		    size_t n)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	bool found = true;

	if (guard) {
		guard_init(guard, s, p);
		found = guard_find(guard, text, n) != SIZE_MAX;
		guard_free(guard);
	}
	free(guard);
	return found;
}

/* ".EXT" of a name that is truncated; nothing where it has none. */
static bool add_extension(const struct sighting *s, const struct policy *p, struct buf *out)
{
	const struct treat_context none = {0};
	const char *text = sighting_get(s, SIGHTING_FILENAME);
	struct policy others = *p;
	struct buf extension;
	bool ok;

	if (!text || policy_mode(p, SLUICE_FIELD_FILENAME) != POLICY_TRUNCATE)
		return true;
	policy_set(&others, SLUICE_FIELD_FILENAME, POLICY_SHARE);
	buf_init(&extension, s->text_len[SIGHTING_FILENAME]);
	ok = treat_text(p, SLUICE_FIELD_FILENAME, &none, text, s->text_len[SIGHTING_FILENAME],
			&extension);
	if (ok && extension.len &&
	    !carries(s, &others, (const char *)extension.data, extension.len))
		ok = buf_add(out, ".", 1) && buf_add(out, extension.data, extension.len);
	buf_free(&extension);
	return ok;
}

/* The usable part of the file's own name; 0: it has none that may leave. */
static size_t own_name(const struct sighting *s, const struct policy *p, char *name)
{
	const char *text = sighting_get(s, SIGHTING_FILENAME);
	size_t n = s->text_len[SIGHTING_FILENAME], k;

	if (!text || policy_mode(p, SLUICE_FIELD_FILENAME) != POLICY_SHARE ||
	    carries(s, p, text, n))
		return 0;
	for (size_t i = n; i > 0; i--) {
		if (text[i - 1] == '/' || text[i - 1] == '\\') {
			text += i;
			n -= i;
			break;
		}
	}
	k = sanitise(text, n, name);
	return strspn(name, " .") < k ? k : 0;
}

bool envelope_upload_name(const struct sighting *s, const struct policy *effective,
			  struct buf *out)
{
	char name[UPLOAD_NAME_MAX + 1] = "", hex[SHA256_TEXT];
	size_t n = own_name(s, effective, name);

	if (n)
		return buf_add(out, name, n);
	return buf_add_string(out, sha256_text(s->sha256, hex)) &&
	       add_extension(s, effective, out);
}
