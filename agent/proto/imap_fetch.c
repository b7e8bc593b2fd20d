// SPDX-License-Identifier: MIT
/*
 * FETCH responses.
 *
 *	* 12 FETCH (UID 7 BODYSTRUCTURE (...) BODY[2]<0> {4096}
 *
 * A response is walked item by item as it comes; what is about a message is noted, what is
 * of one goes to mail.h.  Parts need the notes: without structure or header nobody knows
 * how a part is encoded, and it is reported as not decodable.
 */
#include "proto/imap_fetch.h"

#include "proto/imap_part.h"
#include "proto/imap_text.h"
#include "mime/mime_param.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADER_MAX (64u << 10)
#define ADDRESSES_MAX (16u << 10) /* a field */

void imap_fetch_init(struct imap_fetch *f, const struct mail_options *o)
{
	memset(f, 0, sizeof(*f));
	f->options = *o;
}

static void join_close(struct imap_join *j, enum file_reason reason, uint64_t time)
{
	if (j->mail)
		mail_close(j->mail, reason, time);
	j->mail = NULL;
}

static void joins_close(struct imap_fetch *f, enum file_reason reason, uint64_t time)
{
	for (size_t i = 0; i < IMAP_JOINS_MAX; i++)
		join_close(&f->join[i], reason, time);
}

void imap_fetch_forget(struct imap_fetch *f, uint64_t time)
{
	joins_close(f, FILE_REASON_PARTIAL, time);
	imap_notes_free(&f->notes);
}

void imap_fetch_free(struct imap_fetch *f, enum file_reason reason, uint64_t time)
{
	if (f->mail && !f->joined)
		mail_close(f->mail, reason, time);
	else if (f->joined)
		join_close(f->joined, reason, time);
	f->mail = NULL;
	f->joined = NULL;
	joins_close(f, FILE_REASON_PARTIAL, time);
	imap_notes_free(&f->notes);
}

/* --------------------------------------------------------------------- items */

static bool begins(const struct imap_token *t, const char *word)
{
	size_t n = strlen(word);

	return t->n > n && !strncasecmp((const char *)t->p, word, n);
}

/* "1.2", "1.2.TEXT", "TEXT", "": bytes of a message, not about one. */
static bool is_content(const char *section)
{
	const char *word = section + strspn(section, "0123456789.");

	return !*word || !strcmp(word, "TEXT");
}

/* BODY[section]<origin>; of a command the length as well. */
static bool parse_section(struct imap_item *item, const struct imap_token *t, size_t at,
			  uint64_t *length)
{
	const uint8_t *end = memchr(t->p + at, ']', t->n - at);
	size_t n = end ? (size_t)(end - t->p) - at : 0, i;
	unsigned long long origin, len = 0;
	char text[64];

	if (!end || n >= sizeof(item->section))
		return false;
	for (i = 0; i < n && t->p[at + i] != ' '; i++)
		item->section[i] = (char)toupper(t->p[at + i]);
	item->section[i] = 0;
	item->content = is_content(item->section);
	n = t->n - at - n - 1;
	if (!n)
		return true;
	if (n >= sizeof(text))
		return false;
	memcpy(text, end + 1, n);
	text[n] = 0;
	if (sscanf(text, "<%18llu.%18llu>", &origin, &len) < 1)
		return false;
	item->piece = true;
	item->origin = origin;
	if (length)
		*length = len;
	return true;
}

/* False: not of or about a message's content. */
static bool parse_item(struct imap_item *item, const struct imap_token *t, uint64_t *length)
{
	*item = (struct imap_item){.content = false};
	if (t->kind != IMAP_ATOM)
		return false;
	if (begins(t, "BODY["))
		return parse_section(item, t, strlen("BODY["), length);
	if (begins(t, "BODY.PEEK["))
		return parse_section(item, t, strlen("BODY.PEEK["), length);
	item->binary = begins(t, "BINARY[") || begins(t, "BINARY.PEEK[");
	if (begins(t, "BINARY["))
		return parse_section(item, t, strlen("BINARY["), length);
	if (begins(t, "BINARY.PEEK["))
		return parse_section(item, t, strlen("BINARY.PEEK["), length);
	item->content = true;
	if (imap_is(t, "RFC822"))
		return true;
	if (imap_is(t, "RFC822.TEXT")) {
		strcpy(item->section, "TEXT");
		return true;
	}
	item->content = false;
	strcpy(item->section, "HEADER");
	return imap_is(t, "RFC822.HEADER");
}

/* ------------------------------------------------------------------ requests */

void imap_fetch_command(struct imap_fetch *f, const void *text, size_t n)
{
	struct cursor c = cursor_of(text, n);
	struct imap_token t;

	while (imap_token(&c, &t) != IMAP_END && t.kind != IMAP_TORN) {
		struct imap_item item;
		uint64_t length = 0;

		if (!parse_item(&item, &t, &length) || !item.piece || !length)
			continue;
		f->asked[f->next_asked].origin = item.origin;
		f->asked[f->next_asked].length = length;
		memcpy(f->asked[f->next_asked].section, item.section, sizeof(item.section));
		f->next_asked = (f->next_asked + 1) % IMAP_ASKED_MAX;
		if (f->asks < IMAP_ASKED_MAX)
			f->asks++;
	}
}

/* How much was asked for, the last time; 0: not known. */
static uint64_t asked_length(const struct imap_fetch *f)
{
	for (size_t i = 1; i <= f->asks; i++) {
		const struct imap_asked *a =
			&f->asked[(f->next_asked + IMAP_ASKED_MAX - i) % IMAP_ASKED_MAX];

		if (a->origin == f->item.origin && !strcmp(a->section, f->item.section))
			return a->length;
	}
	return 0;
}

/* ------------------------------------------------------------------- content */

static const struct imap_note *note(struct imap_fetch *f, const char *key)
{
	return imap_note_get(&f->notes, &f->message, key);
}

/* A header with '\n' alone at its lines' ends, as fields are looked up in. */
static void unix_lines(const uint8_t *p, size_t n, struct buf *out)
{
	while (n) {
		const uint8_t *cr = memchr(p, '\r', n);
		size_t len = cr ? (size_t)(cr - p) : n;

		buf_add(out, p, len);
		len += cr ? 1 : 0;
		p += len;
		n -= len;
	}
}

/* Of a header only what is asked for with every part is looked for once. */
static void note_addresses(struct imap_fetch *f, const uint8_t *p, size_t n)
{
	static const char *const names[] = {"From", "To", "Subject"};
	struct buf lines, value, out;

	buf_init(&lines, HEADER_MAX);
	buf_init(&out, HEADER_MAX);
	unix_lines(p, n, &lines);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		buf_init(&value, ADDRESSES_MAX);
		if (mime_field(&lines, names[i], &value) && value.len)
			buf_printf(&out, "%s: %s\n", names[i], buf_string(&value));
		buf_free(&value);
	}
	if (out.len && !out.failed)
		imap_note_put(&f->notes, &f->message, "ADDRESSES", out.data, out.len);
	buf_free(&lines);
	buf_free(&out);
}

static bool header(struct imap_fetch *f, const char *key, struct buf *out)
{
	const struct imap_note *h = note(f, key);

	buf_reset(out);
	if (h)
		unix_lines(h->data, h->n, out);
	return h;
}

/* What is known of part `number`, or of the message it is (inner); false: not enough. */
static bool describe(struct imap_fetch *f, struct imap_part *p, const char *number, bool inner)
{
	const struct imap_note *n = note(f, "BODYSTRUCTURE");
	char key[IMAP_SECTION_MAX + 8];
	struct buf h;
	bool known;

	n = n ? n : note(f, "BODY");
	known = n && imap_part_structure(p, n->data, n->n, number, inner);
	n = note(f, "ENVELOPE");
	if (n)
		imap_part_envelope(p, n->data, n->n);
	buf_init(&h, HEADER_MAX);
	if (header(f, "ADDRESSES", &h))
		imap_part_header(p, &h);
	snprintf(key, sizeof(key), "%s.MIME", number);
	if (!inner && *number && header(f, key, &h)) {
		imap_part_mime(p, &h);
		known = true;
	}
	buf_free(&h);
	return known;
}

static const char *text_of(struct buf *b)
{
	return b->len ? buf_string(b) : NULL;
}

/* A part, or a message's body without its header. */
static struct mail *open_part(struct imap_fetch *f, const char *number, bool inner,
			      uint64_t time)
{
	struct imap_part p;
	struct mail *m;

	imap_part_init(&p);
	f->unknown = !describe(f, &p, number, inner);
	m = mail_new_part(&f->options,
			  &(struct mail_part){
				  .type = text_of(&p.type),
				  .encoding = f->item.binary ? "binary" : text_of(&p.encoding),
				  .disposition = text_of(&p.disposition),
				  .from = text_of(&p.from),
				  .to = text_of(&p.to),
				  .subject = text_of(&p.subject),
			  },
			  time);
	imap_part_free(&p);
	return m;
}

/* A message's body; its header was fetched before, with luck. */
static struct mail *open_text(struct imap_fetch *f, const char *number, uint64_t time)
{
	char key[IMAP_SECTION_MAX + 8];
	const struct imap_note *h;
	struct mail *m;

	snprintf(key, sizeof(key), "%s%sHEADER", number, *number ? "." : "");
	h = note(f, key);
	if (!h)
		return open_part(f, number, *number, time);
	m = mail_new(&f->options, time);
	if (m)
		mail_data(m, h->data, h->n, time);
	return m;
}

static struct mail *open_content(struct imap_fetch *f, uint64_t time)
{
	const char *section = f->item.section;
	char number[IMAP_SECTION_MAX];
	size_t n = strspn(section, "0123456789.");

	f->unknown = false;
	if (!*section)
		return mail_new(&f->options, time);
	memcpy(number, section, n);
	number[n] = 0;
	if (!section[n])
		return open_part(f, number, false, time);
	if (n)
		number[n - 1] = 0; /* the dot before TEXT */
	return open_text(f, number, time);
}

/* Bytes of the whole that pieces are of; 0: not known. */
static uint64_t total(struct imap_fetch *f)
{
	const struct imap_note *n;
	struct imap_part p;
	uint64_t octets = 0;

	if (!*f->item.section) {
		n = note(f, "RFC822.SIZE");
		for (size_t i = 0; n && i < n->n && i < 18; i++)
			octets = octets * 10 + (uint64_t)(n->data[i] - '0');
		return octets;
	}
	if (f->item.binary || strspn(f->item.section, "0123456789.") != strlen(f->item.section))
		return 0;
	imap_part_init(&p);
	if (describe(f, &p, f->item.section, false))
		octets = p.octets;
	imap_part_free(&p);
	return octets;
}

static bool is_join(const struct imap_fetch *f, const struct imap_join *j)
{
	bool same = j->message.uid && f->message.uid ? j->message.uid == f->message.uid
						     : j->message.number == f->message.number;

	return j->mail && same && j->binary == f->item.binary &&
	       !strcmp(j->section, f->item.section);
}

/* The join that this piece goes on or begins; NULL: it stands alone. */
static struct imap_join *join(struct imap_fetch *f, uint64_t time)
{
	struct imap_join *j = NULL;

	for (size_t i = 0; i < IMAP_JOINS_MAX; i++)
		if (is_join(f, &f->join[i]))
			j = &f->join[i];
	if (j && j->next == f->item.origin)
		return j;
	if (j)
		join_close(j, FILE_REASON_PARTIAL, time);
	if (f->item.origin)
		return NULL;
	if (!j) {
		j = &f->join[f->next_join];
		f->next_join = (f->next_join + 1) % IMAP_JOINS_MAX;
		join_close(j, FILE_REASON_PARTIAL, time);
	}
	*j = (struct imap_join){
		.mail = open_content(f, time),
		.message = f->message,
		.binary = f->item.binary,
		.total = total(f),
	};
	j->unknown = f->unknown;
	memcpy(j->section, f->item.section, sizeof(j->section));
	return j;
}

static void begin(struct imap_fetch *f, uint64_t time)
{
	f->size = 0;
	f->joined = f->item.piece ? join(f, time) : NULL;
	f->mail = f->joined ? f->joined->mail : open_content(f, time);
	if (f->joined)
		f->unknown = f->joined->unknown;
	/* A piece alone lacks what is before it. */
	if (f->mail && f->item.piece && !f->joined)
		mail_gap(f->mail, f->item.origin, time);
}

void imap_fetch_bytes(struct imap_fetch *f, const uint8_t *p, size_t n, uint64_t time)
{
	f->size += n;
	if (f->mail)
		mail_data(f->mail, p, n, time);
}

void imap_fetch_gap(struct imap_fetch *f, uint64_t n, uint64_t time)
{
	f->size += n;
	if (f->mail)
		mail_gap(f->mail, n, time);
}

/* Was that the last piece? */
static bool is_last(const struct imap_fetch *f)
{
	uint64_t length = asked_length(f);

	if (!f->size || (length && f->size < length))
		return true;
	return f->joined->total && f->joined->next == f->joined->total;
}

void imap_fetch_end(struct imap_fetch *f, bool whole, uint64_t time)
{
	enum file_reason reason = FILE_REASON_NONE;
	struct imap_join *j = f->joined;
	struct mail *m = f->mail;

	f->mail = NULL;
	f->joined = NULL;
	if (!m)
		return;
	if (!whole)
		reason = FILE_REASON_GAP;
	else if (f->unknown)
		reason = FILE_REASON_DECODE;
	else if (f->item.piece && !j)
		reason = FILE_REASON_PARTIAL;
	if (!j) {
		mail_close(m, reason, time);
		return;
	}
	j->next += f->size;
	f->joined = j;
	if (reason || is_last(f))
		join_close(j, reason, time);
	f->joined = NULL;
}

/* ------------------------------------------------------------------ response */

/* Of small content, in the text itself. */
static void inline_content(struct imap_fetch *f, const struct imap_token *value, uint64_t time)
{
	struct buf bytes;

	buf_init(&bytes, IMAP_TEXT_MAX);
	imap_add_bytes(value, &bytes);
	begin(f, time);
	imap_fetch_bytes(f, bytes.data, bytes.len, time);
	imap_fetch_end(f, !bytes.failed, time);
	buf_free(&bytes);
}

/* span: the value as it is there. */
static void take_item(struct imap_fetch *f, const struct imap_token *name,
		      const struct imap_token *value, struct cursor span, uint64_t time)
{
	static const char *const kept[] = {"ENVELOPE", "BODYSTRUCTURE", "BODY", "RFC822.SIZE"};
	uint64_t number;

	if (imap_is(name, "UID") && imap_number(value, &number))
		f->message.uid = number;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (imap_is(name, kept[i]) &&
		    (value->kind == IMAP_OPEN || imap_number(value, &number)))
			imap_note_put(&f->notes, &f->message, kept[i], span.p, span.left);
	if (value->kind != IMAP_STRING || !parse_item(&f->item, name, NULL))
		return;
	if (f->item.content) {
		inline_content(f, value, time);
	} else if (!f->item.piece) {
		imap_note_put(&f->notes, &f->message, f->item.section, value->p, value->n);
		if (!strncmp(f->item.section, "HEADER", strlen("HEADER")))
			note_addresses(f, value->p, value->n);
	}
}

/* "* 12 FETCH (" */
static bool walk_begin(struct imap_fetch *f, struct cursor *c)
{
	struct imap_token t;

	f->broken = true;
	f->message.uid = 0;
	imap_token(c, &t);
	if (!imap_is(&t, "*"))
		return false;
	imap_token(c, &t);
	if (!imap_number(&t, &f->message.number))
		return false;
	imap_token(c, &t);
	if (!imap_is(&t, "FETCH") || imap_token(c, &t) != IMAP_OPEN)
		return false;
	f->broken = false;
	return true;
}

/* Takes the items whose value is there; what is left is the name of one that comes. */
static void walk(struct imap_fetch *f, const struct imap_stream *s, uint64_t time)
{
	struct cursor c = cursor_of(s->text.data, s->text.len);

	if (f->broken || (!f->walked && !walk_begin(f, &c)))
		return;
	if (!f->walked)
		f->walked = (size_t)(c.p - s->text.data);
	c = cursor_of(s->text.data + f->walked, s->text.len - f->walked);
	for (;;) {
		struct imap_token name, value;
		struct cursor from, peek;

		if (imap_token(&c, &name) != IMAP_ATOM)
			return;
		from = peek = c;
		imap_token(&peek, &value);
		if (!imap_skip(&c))
			return;
		while (from.left && *from.p == ' ')
			cursor_take(&from, 1);
		take_item(f, &name, &value, cursor_of(from.p, (size_t)(c.p - from.p)), time);
		f->walked = (size_t)(c.p - s->text.data);
	}
}

/* Is the last word of the text an item that has content? */
static bool ends_with_item(const struct imap_stream *s)
{
	static const char *const words[] = {"RFC822", ".TEXT", ".HEADER"};
	size_t n = s->text.len;

	while (n && s->text.data[n - 1] == ' ')
		n--;
	if (!n || s->cut)
		return false;
	if (strchr("]>", s->text.data[n - 1]))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i]);

		if (n > len &&
		    !strncasecmp((const char *)s->text.data + n - len, words[i], len))
			return true;
	}
	return false;
}

enum imap_fate imap_fetch_literal(struct imap_fetch *f, const struct imap_stream *s,
				  uint64_t time)
{
	struct imap_token name, t;
	struct cursor c;

	if (s->cut)
		return IMAP_SKIP;
	if (!ends_with_item(s))
		return s->literal < IMAP_TEXT_MAX / 2 ? IMAP_KEEP : IMAP_SKIP;
	walk(f, s, time);
	if (f->broken)
		return IMAP_SKIP;
	c = cursor_of(s->text.data + f->walked, s->text.len - f->walked);
	imap_token(&c, &name);
	if (imap_token(&c, &t) != IMAP_END || !parse_item(&f->item, &name, NULL)) {
		/* Something before it does not end: nothing of it can be told any more. */
		f->broken = true;
		return IMAP_SKIP;
	}
	if (!f->item.content)
		return s->literal < HEADER_MAX ? IMAP_KEEP : IMAP_SKIP;
	begin(f, time);
	if (!s->literal)
		imap_fetch_end(f, true, time);
	return IMAP_STREAM;
}

void imap_fetch_line(struct imap_fetch *f, const struct imap_stream *s, uint64_t time)
{
	struct cursor c = cursor_of(s->text.data, s->text.len);
	struct imap_token star, number, word;
	uint64_t n;

	imap_token(&c, &star);
	imap_token(&c, &number);
	imap_token(&c, &word);
	if (imap_is(&word, "FETCH"))
		walk(f, s, time);
	else if (imap_is(&word, "EXPUNGE") && imap_number(&number, &n))
		imap_notes_expunge(&f->notes, n);
	else if (imap_is(&number, "VANISHED") || begins(&word, "[UIDVALIDITY") ||
		 begins(&word, "[CLOSED"))
		imap_fetch_forget(f, time);
	f->walked = 0;
	f->broken = false;
}
