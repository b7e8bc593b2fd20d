// SPDX-License-Identifier: MIT
/*
 * Files inside a text: uuencode and yEnc.
 */
#include "mime/text_file.h"

#include "lib/buf.h"
#include "mime/mime_decode.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* A line that may begin a file; names are at most 4096 bytes. */
#define HEAD_MAX 4352
#define PIECE 4096

enum state {
	STATE_TEXT,
	STATE_UU_FIRST, /* a line that says "begin" waits for one that is encoded */
	STATE_UU,
	STATE_UU_LAST,	  /* behind the line of no bytes */
	STATE_YENC_BEGIN, /* "=ybegin part=1" waits for its "=ypart" */
	STATE_YENC,
};

/*
 * Lines that may be of a file wait in `line` until their end; of others only the first
 * bytes do.  `head` holds a line with "begin" that the next one must confirm.
 */
struct text_file {
	const struct text_file_ops *ops;
	void *arg;
	enum state state;
	bool midline; /* of a line that is known to be text, or of yEnc's data */
	bool escape;
	bool good;
	struct buf line;
	struct buf head;
	struct text_file_begin file;
	uint64_t part_size; /* bytes this part must have */
	uint64_t done;
	uint32_t crc;
	size_t out_len;
	uint8_t out[PIECE];
};

struct text_file *text_file_new(const struct text_file_ops *ops, void *arg)
{
	struct text_file *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->ops = ops;
	t->arg = arg;
	buf_init(&t->line, HEAD_MAX);
	buf_init(&t->head, HEAD_MAX);
	return t;
}

static void text(struct text_file *t, const void *p, size_t n)
{
	if (n)
		t->ops->text(t->arg, p, n);
}

static void flush(struct text_file *t)
{
	if (t->out_len)
		t->ops->data(t->arg, t->out, t->out_len);
	if (t->file.yenc)
		t->crc = (uint32_t)crc32(t->crc, t->out, (uInt)t->out_len);
	t->done += t->out_len;
	t->out_len = 0;
}

static void put(struct text_file *t, uint8_t byte)
{
	if (t->out_len == PIECE)
		flush(t);
	t->out[t->out_len++] = byte;
}

static void begin(struct text_file *t, enum state state)
{
	t->state = state;
	t->done = 0;
	t->out_len = 0;
	t->crc = 0;
	t->escape = false;
	t->good = true;
	t->ops->begin(t->arg, &t->file);
}

static void end(struct text_file *t, bool good, const uint32_t *crc)
{
	flush(t);
	t->ops->end(t->arg, good && t->good, crc);
	t->state = STATE_TEXT;
	buf_reset(&t->head);
}

/* The line without its end. */
static size_t bare(const struct buf *line)
{
	size_t n = line->len;

	while (n && (line->data[n - 1] == '\n' || line->data[n - 1] == '\r'))
		n--;
	return n;
}

/* ---------------------------------------------------------------------- yEnc */

static bool starts(const struct buf *line, const char *with)
{
	return line->len >= strlen(with) && !memcmp(line->data, with, strlen(with));
}

/* The text of " key=" in a line; NULL: none.  It ends at a blank or at n. */
static const uint8_t *yenc_key(const struct buf *line, const char *key, size_t *n)
{
	size_t len = strlen(key), all = bare(line);

	for (size_t i = 6; i + len + 1 < all; i++) {
		if (line->data[i - 1] != ' ' || memcmp(line->data + i, key, len) ||
		    line->data[i + len] != '=')
			continue;
		i += len + 1;
		*n = all - i;
		return line->data + i;
	}
	return NULL;
}

static bool yenc_number(const struct buf *line, const char *key, int base, uint64_t *value)
{
	char digits[24];
	size_t n, at = 0;
	const uint8_t *p = yenc_key(line, key, &n);
	char *end_of;

	if (!p)
		return false;
	for (; at < n && at < sizeof(digits) - 1 && p[at] != ' '; at++)
		digits[at] = (char)p[at];
	digits[at] = 0;
	if (!at || digits[0] == '-' || digits[0] == '+')
		return false;
	*value = strtoull(digits, &end_of, base);
	return !*end_of;
}

/* =ybegin [part=1 total=2] line=128 size=300 name=a b.bin */
static bool yenc_begin(struct text_file *t, const struct buf *line)
{
	uint64_t size, length, part = 0, total = 0;
	size_t n;
	const uint8_t *name = yenc_key(line, "name", &n);

	if (!name || !yenc_number(line, "line", 10, &length) ||
	    !yenc_number(line, "size", 10, &size) || size > UINT64_MAX / 2)
		return false;
	while (n && name[n - 1] == ' ')
		n--;
	if (n > 1 && name[0] == '"' && name[n - 1] == '"') {
		name++;
		n -= 2;
	}
	yenc_number(line, "part", 10, &part);
	yenc_number(line, "total", 10, &total);
	if (part && !total)
		total = part;
	t->file = (struct text_file_begin){
		.name = (const char *)name,
		.name_len = n,
		.yenc = true,
		.size = size,
		.total = part ? total < UINT32_MAX ? (uint32_t)total : UINT32_MAX : 0,
	};
	t->part_size = size;
	return true;
}

/* =ypart begin=1 end=100, counted from 1, both in it */
static bool yenc_part(struct text_file *t)
{
	uint64_t first, last;

	if (!starts(&t->line, "=ypart ") || !yenc_number(&t->line, "begin", 10, &first) ||
	    !yenc_number(&t->line, "end", 10, &last) || !first || last < first ||
	    last > t->file.size)
		return false;
	t->file.offset = first - 1;
	t->part_size = last - first + 1;
	return true;
}

/* =yend size=100 [part=1 pcrc32=0123abcd] [crc32=0123abcd] */
static void yenc_end(struct text_file *t)
{
	uint64_t size, crc;
	bool good;
	uint32_t whole;

	flush(t);
	good = yenc_number(&t->line, "size", 10, &size) && size == t->done &&
	       t->done == t->part_size;
	if (yenc_number(&t->line, "pcrc32", 16, &crc))
		good &= crc == t->crc;
	if (!yenc_number(&t->line, "crc32", 16, &crc)) {
		end(t, good, NULL);
		return;
	}
	whole = (uint32_t)crc;
	if (!t->file.total)
		good &= crc == t->crc;
	end(t, good, &whole);
}

static void yenc_bytes(struct text_file *t, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\r' || p[i] == '\n')
			continue;
		if (t->escape)
			put(t, (uint8_t)(p[i] - 64 - 42));
		else if (p[i] != '=')
			put(t, (uint8_t)(p[i] - 42));
		t->escape = !t->escape && p[i] == '=';
	}
}

/* ------------------------------------------------------------------ uuencode */

static void uu_file(struct text_file *t)
{
	size_t n;
	const uint8_t *name = uu_begin(t->head.data, bare(&t->head), &n);

	t->file = (struct text_file_begin){.name = (const char *)name, .name_len = n};
	begin(t, STATE_UU);
}

static void uu_data(struct text_file *t)
{
	uint8_t out[UU_BYTES_MAX];
	size_t n = bare(&t->line);
	int len;

	if (n == 3 && !memcmp(t->line.data, "end", 3)) {
		end(t, true, NULL);
		return;
	}
	if (!n)
		return;
	len = uu_decode_line(t->line.data, n, out);
	if (len < 0 || (t->state == STATE_UU_LAST && len)) {
		/* It ended somewhere before: what follows is text again. */
		end(t, false, NULL);
		text(t, t->line.data, t->line.len);
		return;
	}
	if (!len)
		t->state = STATE_UU_LAST;
	for (int i = 0; i < len; i++)
		put(t, out[i]);
}

/* Is it encoded, or just a sentence behind one that begins with "begin"? */
static bool uu_plausible(const struct buf *line)
{
	uint8_t out[UU_BYTES_MAX];
	size_t n = bare(line);
	int len = uu_decode_line(line->data, n, out);

	/* Blanks may have been lost from its end, but hardly all of it was. */
	return len > 0 && len <= 45 && n > 1 + ((size_t)len + 2) / 3 * 2;
}

/* --------------------------------------------------------------------- lines */

/* What is in `head` was text after all. */
static void head_is_text(struct text_file *t)
{
	text(t, t->head.data, t->head.len);
	buf_reset(&t->head);
	t->state = STATE_TEXT;
}

static void keep_head(struct text_file *t, enum state state)
{
	buf_reset(&t->head);
	buf_add(&t->head, t->line.data, t->line.len);
	t->state = state;
}

static void line_of_text(struct text_file *t)
{
	size_t n;

	if (uu_begin(t->line.data, bare(&t->line), &n)) {
		keep_head(t, STATE_UU_FIRST);
	} else if (starts(&t->line, "=ybegin ") && yenc_begin(t, &t->line)) {
		keep_head(t, STATE_YENC_BEGIN);
		/* The name is in `line`, which goes; it is the same in `head`. */
		yenc_begin(t, &t->head);
		if (!t->file.total)
			begin(t, STATE_YENC);
	} else {
		text(t, t->line.data, t->line.len);
	}
}

/* A whole line, with its end, that waited. */
static void line_done(struct text_file *t)
{
	switch (t->state) {
	case STATE_UU_FIRST:
		if (uu_plausible(&t->line)) {
			uu_file(t);
			uu_data(t);
			break;
		}
		head_is_text(t);
		line_of_text(t);
		break;
	case STATE_YENC_BEGIN:
		if (yenc_part(t)) {
			begin(t, STATE_YENC);
			break;
		}
		head_is_text(t);
		line_of_text(t);
		break;
	case STATE_UU:
	case STATE_UU_LAST:
		uu_data(t);
		break;
	case STATE_YENC:
		if (starts(&t->line, "=yend ")) {
			yenc_end(t);
		} else if (starts(&t->line, "=ybegin ")) {
			end(t, false, NULL);
			line_of_text(t);
		} else {
			t->good = false;
		}
		break;
	case STATE_TEXT:
		line_of_text(t);
		break;
	}
	buf_reset(&t->line);
}

/* May a line that begins like this be one that must wait for its end? */
static bool may_wait(const struct text_file *t)
{
	static const char uu[] = "begin ", yenc[] = "=ybegin ", yenc_any[] = "=y";
	size_t n = t->line.len;

	if (n == HEAD_MAX)
		return false;
	switch (t->state) {
	case STATE_TEXT:
		return !memcmp(t->line.data, uu, n < 6 ? n : 6) ||
		       !memcmp(t->line.data, yenc, n < 8 ? n : 8);
	case STATE_UU_FIRST:
	case STATE_UU:
	case STATE_UU_LAST:
		return n <= UU_LINE_MAX;
	case STATE_YENC_BEGIN:
		return true;
	case STATE_YENC:
		return !memcmp(t->line.data, yenc_any, n < 2 ? n : 2);
	}
	return false;
}

/* The line does not wait any longer. */
static void let_go(struct text_file *t)
{
	if (t->state == STATE_UU || t->state == STATE_UU_LAST)
		end(t, false, NULL);
	if (t->state == STATE_UU_FIRST || t->state == STATE_YENC_BEGIN)
		head_is_text(t);
	if (t->state == STATE_YENC) {
		yenc_bytes(t, t->line.data, t->line.len);
	} else {
		text(t, t->line.data, t->line.len);
	}
	buf_reset(&t->line);
	t->midline = true;
}

/* Bytes up to and with a line's end, or to the piece's. */
static void midline(struct text_file *t, const uint8_t *p, size_t n)
{
	if (t->state != STATE_YENC) {
		text(t, p, n);
		return;
	}
	yenc_bytes(t, p, n);
}

static size_t rest_of_line(const uint8_t *p, size_t n)
{
	const uint8_t *nl = memchr(p, '\n', n);

	return nl ? (size_t)(nl - p) + 1 : n;
}

void text_file_data(struct text_file *t, const uint8_t *p, size_t n)
{
	while (n) {
		size_t used = 1;

		if (t->midline) {
			used = rest_of_line(p, n);
			midline(t, p, used);
			t->midline = p[used - 1] != '\n';
		} else {
			buf_add(&t->line, p, 1);
			if (*p == '\n' && (t->state != STATE_YENC || t->line.data[0] == '='))
				line_done(t);
			else if (!may_wait(t))
				let_go(t);
			if (*p == '\n')
				t->midline = false;
		}
		p += used;
		n -= used;
	}
}

void text_file_close(struct text_file *t)
{
	if (!t)
		return;
	if (t->line.len)
		line_done(t);
	if (t->state == STATE_UU_FIRST || t->state == STATE_YENC_BEGIN)
		head_is_text(t);
	else if (t->state != STATE_TEXT)
		end(t, false, NULL);
	buf_free(&t->line);
	buf_free(&t->head);
	free(t);
}
