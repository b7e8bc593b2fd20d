/* SPDX-License-Identifier: MIT */
/*
 * Content transfer encodings (RFC 2045 §6) undone, in pieces of any size and without
 * keeping any of them.
 *
 * Broken encoding is read as mail clients read it.  Base64: what is none is skipped, padding
 * may be missing, or stand in the middle, and what follows it counts.  Quoted-printable: bad
 * escapes stand for themselves; blanks at the end of a line are kept, since no client
 * drops them, but for those behind the "=" of a soft break.
 */
#ifndef SLUICE_MIME_MIME_DECODE_H
#define SLUICE_MIME_MIME_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mime_encoding {
	MIME_IDENTITY, /* 7bit, 8bit, binary, and what nobody knows */
	MIME_BASE64,
	MIME_QUOTED_PRINTABLE,
	MIME_UUENCODE,
};

/* By the value of Content-Transfer-Encoding; NULL: IDENTITY. */
enum mime_encoding mime_encoding_find(const char *value);

#define UU_LINE_MAX 128
/* Bytes a line of uuencode stands for. */
#define UU_BYTES_MAX 63

struct mime_decoder {
	enum mime_encoding encoding;
	uint32_t bits;	 /* base64: what is not put out yet */
	uint8_t digits;	 /* digits in it */
	bool padded;	 /* one "=" of two was seen */
	uint8_t escape;	 /* quoted-printable: bytes kept of an escape */
	uint8_t kept[2]; /* these */
	bool soft;	 /* blanks behind "=", the line may end yet */
	size_t blanks;	 /* so many */
	bool begun;	 /* uuencode */
	bool ended;
	bool bad;
	size_t line_len;
	uint8_t line[UU_LINE_MAX];
};

typedef void mime_sink(void *arg, const uint8_t *p, size_t n);

void mime_decoder_init(struct mime_decoder *d, enum mime_encoding encoding);
void mime_decode(struct mime_decoder *d, const uint8_t *p, size_t n, mime_sink *sink,
		 void *arg);
/* No more comes.  False: what came out is not what was sent. */
bool mime_decode_end(struct mime_decoder *d, mime_sink *sink, void *arg);

/*
 * A line of uuencode without its end.  Bytes written to out; 0 is the last line; -1: it is
 * none.  Blanks lost from its end are put back.
 */
int uu_decode_line(const uint8_t *line, size_t n, uint8_t out[static UU_BYTES_MAX]);
/* "begin 644 name": where the name stands, or NULL. */
const uint8_t *uu_begin(const uint8_t *line, size_t n, size_t *name_len);

/* Two hexadecimal digits; -1: they are none. */
int hex_pair(const char *p);

#endif
