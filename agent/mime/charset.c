// SPDX-License-Identifier: MIT
/*
 * Text of any charset seen in mail, to UTF-8.
 */
#include "mime/charset.h"

#include "lib/log.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define NAME_MAX_LEN 32
#define UTF_8 "UTF-8"

/* Names mail uses, lower case without a leading "x-", and the C library's. */
static const struct alias {
	const char *name;
	const char *iconv;
} aliases[] = {
	{"utf-8", UTF_8},
	{"utf8", UTF_8},
	{"unicode-1-1-utf-8", UTF_8},
	{"us-ascii", NULL}, /* guessed: what is not ASCII was mislabelled */
	{"ascii", NULL},
	{"ansi_x3.4-1968", NULL},
	{"iso-8859-1", "CP1252"},
	{"iso8859-1", "CP1252"},
	{"iso_8859-1", "CP1252"},
	{"8859-1", "CP1252"},
	{"latin1", "CP1252"},
	{"latin-1", "CP1252"},
	{"l1", "CP1252"},
	{"windows-1252", "CP1252"},
	{"cp1252", "CP1252"},
	{"cp-1252", "CP1252"},
	{"ansi", "CP1252"},
	{"iso-8859-2", "ISO-8859-2"},
	{"iso8859-2", "ISO-8859-2"},
	{"latin2", "ISO-8859-2"},
	{"iso-8859-3", "ISO-8859-3"},
	{"iso-8859-4", "ISO-8859-4"},
	{"iso-8859-5", "ISO-8859-5"},
	{"iso-8859-6", "ISO-8859-6"},
	{"iso-8859-7", "ISO-8859-7"},
	{"iso8859-7", "ISO-8859-7"},
	{"greek", "ISO-8859-7"},
	{"iso-8859-8", "ISO-8859-8"},
	{"iso-8859-8-i", "ISO-8859-8"},
	{"iso-8859-8-e", "ISO-8859-8"},
	{"iso-8859-9", "CP1254"},
	{"iso8859-9", "CP1254"},
	{"latin5", "CP1254"},
	{"iso-8859-10", "ISO-8859-10"},
	{"iso-8859-11", "CP874"},
	{"iso-8859-13", "ISO-8859-13"},
	{"iso-8859-14", "ISO-8859-14"},
	{"iso-8859-15", "ISO-8859-15"},
	{"iso8859-15", "ISO-8859-15"},
	{"latin9", "ISO-8859-15"},
	{"latin-9", "ISO-8859-15"},
	{"iso-8859-16", "ISO-8859-16"},
	{"windows-874", "CP874"},
	{"cp874", "CP874"},
	{"tis-620", "CP874"},
	{"tis620", "CP874"},
	{"windows-1250", "CP1250"},
	{"cp1250", "CP1250"},
	{"windows-1251", "CP1251"},
	{"cp1251", "CP1251"},
	{"windows-1253", "CP1253"},
	{"cp1253", "CP1253"},
	{"windows-1254", "CP1254"},
	{"cp1254", "CP1254"},
	{"windows-1255", "CP1255"},
	{"cp1255", "CP1255"},
	{"windows-1256", "CP1256"},
	{"cp1256", "CP1256"},
	{"windows-1257", "CP1257"},
	{"cp1257", "CP1257"},
	{"windows-1258", "CP1258"},
	{"cp1258", "CP1258"},
	{"koi8-r", "KOI8-R"},
	{"koi8r", "KOI8-R"},
	{"koi8", "KOI8-R"},
	{"koi8-u", "KOI8-U"},
	{"koi8-ru", "KOI8-U"},
	{"ibm437", "IBM437"},
	{"cp437", "IBM437"},
	{"ibm850", "IBM850"},
	{"cp850", "IBM850"},
	{"ibm852", "IBM852"},
	{"cp852", "IBM852"},
	{"ibm855", "IBM855"},
	{"cp855", "IBM855"},
	{"ibm858", "IBM858"},
	{"cp858", "IBM858"},
	{"ibm862", "IBM862"},
	{"cp862", "IBM862"},
	{"ibm866", "IBM866"},
	{"cp866", "IBM866"},
	{"macintosh", "MACINTOSH"},
	{"mac-roman", "MACINTOSH"},
	{"mac-cyrillic", "MAC-CYRILLIC"},
	{"viscii", "VISCII"},
	{"iso-2022-jp", "ISO-2022-JP"},
	{"iso-2022-jp-1", "ISO-2022-JP-2"},
	{"iso-2022-jp-2", "ISO-2022-JP-2"},
	{"cp50220", "ISO-2022-JP"},
	{"cp50221", "ISO-2022-JP"},
	{"shift_jis", "CP932"},
	{"shift-jis", "CP932"},
	{"sjis", "CP932"},
	{"ms_kanji", "CP932"},
	{"cp932", "CP932"},
	{"windows-31j", "CP932"},
	{"euc-jp", "EUC-JP-MS"},
	{"eucjp", "EUC-JP-MS"},
	{"cp51932", "EUC-JP-MS"},
	{"gb2312", "GB18030"},
	{"gb_2312-80", "GB18030"},
	{"euc-cn", "GB18030"},
	{"gbk", "GB18030"},
	{"cp936", "GB18030"},
	{"ms936", "GB18030"},
	{"windows-936", "GB18030"},
	{"gb18030", "GB18030"},
	{"hz-gb-2312", NULL}, /* the C library has none */
	{"iso-2022-cn", "ISO-2022-CN"},
	{"big5", "BIG5-HKSCS"},
	{"big-5", "BIG5-HKSCS"},
	{"cp950", "BIG5-HKSCS"},
	{"windows-950", "BIG5-HKSCS"},
	{"big5-hkscs", "BIG5-HKSCS"},
	{"euc-tw", "EUC-TW"},
	{"euc-kr", "UHC"},
	{"euckr", "UHC"},
	{"ks_c_5601-1987", "UHC"},
	{"ks_c_5601", "UHC"},
	{"ksc5601", "UHC"},
	{"ksc_5601", "UHC"},
	{"cp949", "UHC"},
	{"windows-949", "UHC"},
	{"uhc", "UHC"},
	{"iso-2022-kr", "ISO-2022-KR"},
	{"johab", "JOHAB"},
	{"utf-7", "UTF-7"},
	{"utf7", "UTF-7"},
	{"unicode-1-1-utf-7", "UTF-7"},
	{"utf-16", "UTF-16"},
	{"utf16", "UTF-16"},
	{"unicode", "UTF-16"},
	{"iso-10646-ucs-2", "UTF-16"},
	{"ucs-2", "UTF-16"},
	{"utf-16le", "UTF-16LE"},
	{"utf-16be", "UTF-16BE"},
	{"utf-32", "UTF-32"},
	{"utf-32le", "UTF-32LE"},
	{"utf-32be", "UTF-32BE"},
};

#define ALIASES (sizeof(aliases) / sizeof(aliases[0]))

/*
 * One of each kind, open for good: a converter in use stays in memory.  At the first name of
 * its kind; NULL: not opened yet.
 */
static iconv_t kept[ALIASES];

static iconv_t kept_open(const char *iconv_name)
{
	size_t i = 0;

	while (!aliases[i].iconv || strcmp(aliases[i].iconv, iconv_name))
		i++;
	if (!kept[i])
		kept[i] = iconv_open(UTF_8, iconv_name);
	return kept[i];
}

bool charset_prepare(void)
{
	size_t missing = 0;

	for (size_t i = 0; i < ALIASES; i++)
		missing += aliases[i].iconv && kept_open(aliases[i].iconv) == (iconv_t)-1;
	if (missing)
		log_warning("names of %zu charsets of mails are not understood: the C library "
			    "lacks their converters",
			    missing);
	return !missing;
}

const char *charset_find(const char *name, size_t n)
{
	if (!name)
		return NULL;
	while (n && (name[n - 1] == ' ' || name[n - 1] == '\t'))
		n--;
	if (n > 2 && !strncasecmp(name, "x-", 2)) {
		name += 2;
		n -= 2;
	}
	if (n > NAME_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < ALIASES; i++)
		if (strlen(aliases[i].name) == n && !strncasecmp(aliases[i].name, name, n))
			return aliases[i].iconv;
	return NULL;
}

/* Bytes of the valid UTF-8 sequence at p (RFC 3629); 0 when there is none. */
static size_t sequence(const uint8_t *p, size_t n)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (!len || p[0] > 0xf4 || n < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, beyond Unicode. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

bool utf8_valid(const uint8_t *p, size_t n)
{
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		len = sequence(p + i, n - i);
		if (!len)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ in pieces */

/* The longest character of a charset above, with its shift sequences. */
#define TAIL_MAX 32
#define OUT_SIZE 1024

struct charset_stream {
	iconv_t cd;
	size_t tail_len;
	uint8_t tail[TAIL_MAX]; /* the beginning of a character */
};

/*
 * Converts what it can and returns how many bytes of p were used; the rest is the
 * beginning of a character.
 */
static size_t convert(iconv_t cd, const uint8_t *p, size_t n, charset_sink *sink, void *arg)
{
	char *in = (char *)p;
	size_t left = n;

	while (left) {
		char out[OUT_SIZE], *to = out;
		size_t room = sizeof(out);
		size_t r = iconv(cd, &in, &left, &to, &room);
		int error = errno;

		if (to > out)
			sink(arg, (const uint8_t *)out, (size_t)(to - out));
		if (r != (size_t)-1 || error == EINVAL)
			break;
		if (error == E2BIG)
			continue;
		sink(arg, (const uint8_t *)REPLACEMENT, strlen(REPLACEMENT));
		in++;
		left--;
	}
	return n - left;
}

struct charset_stream *charset_stream_new(const char *name, size_t n)
{
	const char *iconv_name = charset_find(name, n);
	struct charset_stream *s;

	if (!iconv_name || !strcmp(iconv_name, UTF_8))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->cd = iconv_open(UTF_8, iconv_name);
	if (s->cd == (iconv_t)-1) {
		free(s);
		s = NULL;
	}
	return s;
}

void charset_stream_push(struct charset_stream *s, const uint8_t *p, size_t n,
			 charset_sink *sink, void *arg)
{
	size_t used;

	while (n && s->tail_len) {
		s->tail[s->tail_len++] = *p++;
		n--;
		used = convert(s->cd, s->tail, s->tail_len, sink, arg);
		s->tail_len -= used;
		memmove(s->tail, s->tail + used, s->tail_len);
		if (s->tail_len == TAIL_MAX) {
			/* No character is that long. */
			sink(arg, (const uint8_t *)REPLACEMENT, strlen(REPLACEMENT));
			s->tail_len = 0;
		}
	}
	if (!n)
		return;
	used = convert(s->cd, p, n, sink, arg);
	if (n - used < TAIL_MAX) {
		memcpy(s->tail, p + used, n - used);
		s->tail_len = n - used;
	}
}

/* A letter may have waited for an accent.  The converter is as new. */
static void finish(iconv_t cd, bool cut, charset_sink *sink, void *arg)
{
	char out[TAIL_MAX], *to = out;
	size_t room = sizeof(out);

	iconv(cd, NULL, NULL, &to, &room);
	if (to > out)
		sink(arg, (const uint8_t *)out, (size_t)(to - out));
	if (cut)
		sink(arg, (const uint8_t *)REPLACEMENT, strlen(REPLACEMENT));
}

void charset_stream_close(struct charset_stream *s, charset_sink *sink, void *arg)
{
	if (!s)
		return;
	finish(s->cd, s->tail_len, sink, arg);
	iconv_close(s->cd);
	free(s);
}

/* -------------------------------------------------------------- a whole text */

/* Adds valid UTF-8 but NUL, up to the last character that has room. */
static void add_utf8(void *arg, const uint8_t *p, size_t n)
{
	struct buf *out = arg;

	while (n && !out->failed) {
		size_t len = sequence(p, n);
		size_t run = 0;

		while (run < n && p[run] && (len = sequence(p + run, n - run)) &&
		       run + len <= out->max - out->len)
			run += len;
		buf_add(out, p, run);
		p += run;
		n -= run;
		if (!n)
			return;
		if (!*p || !sequence(p, n)) {
			if (*p)
				buf_add(out, REPLACEMENT, strlen(REPLACEMENT));
			p++;
			n--;
		} else {
			out->failed = true;
		}
	}
}

bool charset_decode(const char *name, size_t name_len, const void *p, size_t n, struct buf *out)
{
	const char *iconv_name = charset_find(name, name_len);
	iconv_t cd = (iconv_t)-1;
	/* What such a converter learned of the byte order it does not forget. */
	bool fresh =
		iconv_name && (!strcmp(iconv_name, "UTF-16") || !strcmp(iconv_name, "UTF-32"));
	bool cut;

	if (!iconv_name)
		iconv_name = utf8_valid(p, n) ? UTF_8 : "CP1252";
	if (strcmp(iconv_name, UTF_8))
		cd = fresh ? iconv_open(UTF_8, iconv_name) : kept_open(iconv_name);
	if (cd == (iconv_t)-1) {
		add_utf8(out, p, n);
		return !out->failed;
	}
	cut = convert(cd, p, n, add_utf8, out) < n;
	finish(cd, cut, add_utf8, out);
	if (fresh)
		iconv_close(cd);
	return !out->failed;
}
