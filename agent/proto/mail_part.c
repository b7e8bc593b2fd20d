// SPDX-License-Identifier: MIT
/*
 * The parts of a mail: what becomes of each leaf of its tree.
 *
 *	encoded bytes -> mime_decode -+-> file
 *				      +-> message     (a nested one)
 *				      +-> text_file -+-> file      (a file inside a text)
 *						     +-> mail text
 *						     +-> charset -> links
 */
#include "mime/charset.h"
#include "mime/disposition.h"
#include "mime/links.h"
#include "proto/mail_private.h"
#include "mime/mime.h"
#include "mime/mime_decode.h"
#include "mime/mime_param.h"
#include "mime/text_file.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define NAME_MAX_LEN 4096
#define CHARSET_NAME_MAX 64

struct output {
	struct file *file; /* NULL: nobody wants it */
	uint64_t at;
};

struct message {
	struct mail *mail;
	struct mime *mime;
	unsigned int depth;
	enum file_reason end; /* NONE: the message's end was seen */
	/* the present leaf */
	bool active;
	bool damaged; /* bytes are missing: nothing that follows counts */
	struct mime_decoder decoder;
	struct output out; /* the leaf's file, or its text */
	struct message *child;
	struct text_file *text_file;
	struct charset_stream *charset;
	struct links *links;
	size_t charset_len;
	char charset_name[CHARSET_NAME_MAX];
	/* a file inside its text */
	enum file_reason reason; /* why it ends early */
	struct output inner;
	struct joined *joined;
};

static void write_out(struct mail *m, struct output *o, const uint8_t *p, size_t n)
{
	if (o->file)
		file_data(o->file, o->at, p, n, m->time);
	o->at += n;
}

static void close_out(struct mail *m, struct output *o, enum file_reason reason)
{
	if (o->file)
		file_close(o->file, reason, m->time);
	*o = (struct output){NULL};
}

/* --------------------------------------------------------------------- links */

static void on_link(void *arg, const char *url, size_t n, bool cut)
{
	mail_take_link(((struct message *)arg)->mail, url, n, cut);
}

static void to_links(void *arg, const uint8_t *p, size_t n)
{
	struct message *m = arg;

	if (m->links)
		links_data(m->links, p, n);
}

static void look_for_links(struct message *m, const uint8_t *p, size_t n)
{
	if (!m->links)
		return;
	if (m->charset)
		charset_stream_push(m->charset, p, n, to_links, m);
	else
		links_data(m->links, p, n);
}

/* ------------------------------------------------------- files inside a text */

static void on_text(void *arg, const uint8_t *p, size_t n)
{
	struct message *m = arg;

	write_out(m->mail, &m->out, p, n);
	look_for_links(m, p, n);
}

static struct joined *find_joined(struct mail *m, const struct text_file_begin *b)
{
	for (size_t i = 0; i < m->joins; i++) {
		struct joined *j = &m->joined[i];

		if (j->size == b->size && j->name_len == b->name_len &&
		    !memcmp(j->name, b->name, b->name_len))
			return j;
	}
	return NULL;
}

static struct joined *new_joined(struct mail *m, const struct text_file_begin *b,
				 struct file *file)
{
	struct joined *j = &m->joined[m->joins];
	char *name = malloc(b->name_len);

	if (!name)
		return NULL;
	memcpy(name, b->name, b->name_len);
	*j = (struct joined){
		.file = file,
		.name = name,
		.name_len = b->name_len,
		.size = b->size,
	};
	file_declare_exact(file, b->size);
	m->joins++;
	return j;
}

static struct file *open_inner(struct message *m, const struct text_file_begin *b)
{
	struct buf text, name;
	struct sighting s;
	struct file *file;

	buf_init(&text, NAME_MAX_LEN);
	buf_init(&name, NAME_MAX_LEN);
	charset_decode(m->charset_name, m->charset_len, b->name, b->name_len, &text);
	filename_without_path(&text, &name);
	mail_sighting(m->mail, &s, SIGHTING_KIND_FILE);
	sighting_set(&s, SIGHTING_FILENAME, name.data, name.len);
	file = file_open(m->mail->env->files, &s, m->mail->time);
	sighting_free(&s);
	buf_free(&text);
	buf_free(&name);
	return file;
}

static void on_inner_begin(void *arg, const struct text_file_begin *b)
{
	struct message *m = arg;
	struct mail *mail = m->mail;

	m->inner = (struct output){.at = b->offset};
	m->joined = b->total ? find_joined(mail, b) : NULL;
	if (m->joined)
		return;
	if (mail->parts == MAIL_PARTS_MAX || (b->total && mail->joins == MAIL_JOINED_MAX)) {
		mail_limited(mail);
		return;
	}
	mail->parts++;
	counter_add(mail->env->counters, COUNTER_MAIL_PARTS, 1);
	m->inner.file = open_inner(m, b);
	if (m->inner.file && b->total) {
		m->joined = new_joined(mail, b, m->inner.file);
		if (m->joined)
			m->inner.file = NULL;
	} else if (m->inner.file && b->yenc) {
		file_declare(m->inner.file, b->size);
	}
}

static void on_inner_data(void *arg, const uint8_t *p, size_t n)
{
	struct message *m = arg;
	struct joined *j = m->joined;

	if (!j) {
		write_out(m->mail, &m->inner, p, n);
		return;
	}
	/* More than its header says is no part of it. */
	if (n > j->size - m->inner.at) {
		n = j->size - m->inner.at;
		if (!j->reason)
			j->reason = FILE_REASON_DECODE;
	}
	file_data(j->file, m->inner.at, p, n, m->mail->time);
	if (m->inner.at == j->crc_to) {
		j->crc = (uint32_t)crc32(j->crc, p, (uInt)n);
		j->crc_to += n;
	}
	m->inner.at += n;
}

static void on_inner_end(void *arg, bool good, const uint32_t *crc)
{
	struct message *m = arg;
	enum file_reason reason = FILE_REASON_NONE;

	if (!good)
		reason = m->reason ? m->reason : FILE_REASON_DECODE;
	if (!m->joined) {
		close_out(m->mail, &m->inner, reason);
		return;
	}
	if (reason && !m->joined->reason)
		m->joined->reason = reason;
	if (crc) {
		m->joined->crc_told = true;
		m->joined->crc_want = *crc;
	}
	m->joined = NULL;
}

static const struct text_file_ops text_file_ops = {
	on_text,
	on_inner_begin,
	on_inner_data,
	on_inner_end,
};

/* --------------------------------------------------------------------- leaves */

/* Fields of a leaf's header, as texts; all owned by it. */
struct fields {
	struct buf disposition, type, encoding, value, name;
	bool attached; /* says it is */
};

static const char *read_field(const struct buf *header, const char *name, struct buf *b)
{
	buf_init(b, MIME_HEADER_MAX);
	return mime_field(header, name, b);
}

static void read_fields(const struct mime_leaf *leaf, struct fields *f)
{
	const char *disposition =
		read_field(leaf->header, "Content-Disposition", &f->disposition);
	const char *type = read_field(leaf->header, "Content-Type", &f->type);

	read_field(leaf->header, "Content-Transfer-Encoding", &f->encoding);
	buf_init(&f->value, MIME_HEADER_MAX);
	buf_init(&f->name, MIME_HEADER_MAX); /* what is too long for a name is cut later */
	f->attached = !strcmp(mime_value(disposition, &f->value), "attachment");
	mime_filename(disposition, type, &f->name);
}

static void free_fields(struct fields *f)
{
	buf_free(&f->disposition);
	buf_free(&f->type);
	buf_free(&f->encoding);
	buf_free(&f->value);
	buf_free(&f->name);
}

static enum mime_encoding encoding_of(struct fields *f)
{
	buf_reset(&f->value);
	return mime_encoding_find(mime_value(buf_string(&f->encoding), &f->value));
}

static void read_charset(struct message *m, struct fields *f)
{
	struct buf unused;

	buf_reset(&f->value);
	buf_init(&unused, CHARSET_NAME_MAX);
	if (mime_param(buf_string(&f->type), "charset", &f->value, &unused) && f->value.len &&
	    f->value.len <= CHARSET_NAME_MAX) {
		m->charset_len = f->value.len;
		memcpy(m->charset_name, f->value.data, f->value.len);
	}
	buf_free(&unused);
}

static void begin_links(struct message *m, const char *type)
{
	bool html = !strcmp(type, "text/html");

	if (!html && strcmp(type, "text/plain"))
		return;
	m->links = links_new(html, on_link, m);
	m->charset = charset_stream_new(m->charset_name, m->charset_len);
}

static void open_leaf(struct message *m, const struct mime_leaf *leaf, const struct fields *f,
		      enum sighting_kind kind, bool named)
{
	struct sighting s;

	mail_sighting(m->mail, &s, kind);
	if (named)
		sighting_set(&s, SIGHTING_FILENAME, f->name.data, f->name.len);
	if (f->type.len)
		sighting_set(&s, SIGHTING_CONTENT_TYPE, f->type.data, f->type.len);
	else if (!strcmp(leaf->type, "message/rfc822")) /* what a digest says of its parts */
		sighting_set(&s, SIGHTING_CONTENT_TYPE, leaf->type, strlen(leaf->type));
	m->out.file = file_open(m->mail->env->files, &s, m->mail->time);
	sighting_free(&s);
}

static void begin_text(struct message *m, const struct mime_leaf *leaf, const struct fields *f)
{
	if (m->mail->env->private_talk)
		open_leaf(m, leaf, f, SIGHTING_KIND_MAIL_TEXT, false);
	else
		counter_add(m->mail->env->counters, COUNTER_MAIL_TEXTS, 1);
	m->text_file = text_file_new(&text_file_ops, m);
}

/* A fragment (RFC 2046 §5.2.2) that is all there is is a message like any other. */
static bool is_message(const struct mime_leaf *leaf, struct fields *f)
{
	struct buf unused;
	bool whole;

	if (!strcmp(leaf->type, "message/rfc822") || !strcmp(leaf->type, "message/global") ||
	    !strcmp(leaf->type, "message/news"))
		return true;
	if (strcmp(leaf->type, "message/partial"))
		return false;
	buf_reset(&f->value);
	buf_init(&unused, CHARSET_NAME_MAX);
	whole = mime_param(buf_string(&f->type), "total", &f->value, &unused) &&
		!strcmp(buf_string(&f->value), "1");
	buf_free(&unused);
	return whole;
}

static void begin_file(struct message *m, const struct mime_leaf *leaf, struct fields *f)
{
	bool nested = is_message(leaf, f);

	/* A fragment has its own content, but it is not the file that is named. */
	open_leaf(m, leaf, f, SIGHTING_KIND_FILE,
		  nested || strcmp(leaf->type, "message/partial"));
	if (nested && leaf->depth + 1 < MIME_DEPTH_MAX)
		m->child = message_new(m->mail, leaf->depth + 1);
	else if (nested)
		mail_limited(m->mail);
}

static void on_begin(void *arg, const struct mime_leaf *leaf)
{
	struct message *m = arg;
	bool text = !strncmp(leaf->type, "text/", 5), inside;
	enum mime_encoding encoding;
	struct fields f;

	if (m->mail->parts == MAIL_PARTS_MAX) {
		mail_limited(m->mail);
		return;
	}
	m->mail->parts++;
	counter_add(m->mail->env->counters, COUNTER_MAIL_PARTS, 1);
	m->active = true;
	m->damaged = false;
	m->reason = FILE_REASON_NONE;
	m->out = (struct output){NULL};
	read_fields(leaf, &f);
	encoding = encoding_of(&f);
	/* Uuencode knows the name where the header does not: read as a file inside a text. */
	inside = encoding == MIME_UUENCODE && !f.name.len;
	mime_decoder_init(&m->decoder, inside ? MIME_IDENTITY : encoding);
	m->charset_len = 0;
	if (text)
		read_charset(m, &f);
	/* A text is shown also where it has a name, unless it is attached. */
	if (text && !f.attached)
		begin_links(m, leaf->type);
	if (inside || (text && !f.attached && !f.name.len))
		begin_text(m, leaf, &f);
	else
		begin_file(m, leaf, &f);
	free_fields(&f);
}

static void decoded(void *arg, const uint8_t *p, size_t n)
{
	struct message *m = arg;

	if (m->text_file) {
		text_file_data(m->text_file, p, n);
		return;
	}
	write_out(m->mail, &m->out, p, n);
	look_for_links(m, p, n);
	if (m->child)
		message_data(m->child, p, n);
}

static void on_data(void *arg, const uint8_t *p, size_t n)
{
	struct message *m = arg;

	if (!m->active)
		return;
	if (!m->damaged)
		mime_decode(&m->decoder, p, n, decoded, m);
	else if (m->child && m->decoder.encoding == MIME_IDENTITY)
		/* It finds its own boundaries again. */
		message_data(m->child, p, n);
}

/* Ends what looks into the text. */
static void end_text(struct message *m, bool whole)
{
	text_file_close(m->text_file);
	m->text_file = NULL;
	charset_stream_close(m->charset, to_links, m);
	m->charset = NULL;
	links_close(m->links, whole);
	m->links = NULL;
}

static void on_gap(void *arg, uint64_t n)
{
	struct message *m = arg;

	if (!m->active)
		return;
	if (!m->damaged) {
		m->reason = FILE_REASON_GAP;
		end_text(m, false);
		if (m->out.file)
			file_gap(m->out.file, m->out.at, n);
	}
	m->damaged = true;
	if (m->child)
		message_gap(m->child, n);
}

static void on_end(void *arg, bool whole)
{
	struct message *m = arg;
	enum file_reason reason = FILE_REASON_NONE;

	if (!m->active)
		return;
	m->active = false;
	if (!m->damaged && !mime_decode_end(&m->decoder, decoded, m))
		reason = FILE_REASON_DECODE;
	if (!whole)
		reason = m->end;
	/* After a gap a nested message may have found its own boundaries again. */
	if (m->child)
		message_close(m->child, reason);
	m->child = NULL;
	if (m->damaged)
		reason = FILE_REASON_GAP;
	m->reason = reason;
	end_text(m, !reason);
	close_out(m->mail, &m->out, reason);
}

/* ------------------------------------------------------------------- messages */

static void on_header(void *arg, const struct buf *header)
{
	struct message *m = arg;

	/* Who sent a message that is in another one says nothing of this session. */
	if (!m->depth)
		mail_take_header(m->mail, header);
}

static void on_limit(void *arg)
{
	mail_limited(((struct message *)arg)->mail);
}

static const struct mime_ops mime_ops = {
	.header = on_header,
	.begin = on_begin,
	.data = on_data,
	.gap = on_gap,
	.end = on_end,
	.limit = on_limit,
};

struct message *message_new(struct mail *mail, unsigned int depth)
{
	struct message *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->mail = mail;
	m->depth = depth;
	m->mime = mime_new(&mime_ops, m, depth);
	if (!m->mime) {
		free(m);
		return NULL;
	}
	return m;
}

void message_header(struct message *m, const char *header)
{
	mime_header(m->mime, header);
}

void message_data(struct message *m, const uint8_t *p, size_t n)
{
	mime_data(m->mime, p, n);
}

void message_gap(struct message *m, uint64_t n)
{
	mime_gap(m->mime, n);
}

void message_close(struct message *m, enum file_reason reason)
{
	m->end = reason;
	mime_end(m->mime, !reason);
	mime_free(m->mime);
	free(m);
}
