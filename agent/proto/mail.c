// SPDX-License-Identifier: MIT
/*
 * One mail message in, its files and links out.
 */
#include "proto/mail.h"

#include "lib/table.h"
#include "mime/address.h"
#include "mime/charset.h"
#include "mime/encoded_word.h"
#include "mime/links.h"
#include "proto/mail_private.h"
#include "mime/mime.h"
#include "mime/mime_param.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

/* More than a sighting takes, so that it notices what was cut. */
#define TEXT_MAX (16u << 10)

static void set(struct sighting *s, enum sighting_text which, const struct buf *b)
{
	sighting_set(s, which, b->data, b->len);
}

static void set_string(struct sighting *s, enum sighting_text which, const char *text)
{
	if (text)
		sighting_set(s, which, text, strlen(text));
}

void mail_sighting(struct mail *m, struct sighting *s, enum sighting_kind kind)
{
	static const enum sighting_text texts[] = {
		SIGHTING_EMAIL_SENDER,	 SIGHTING_EMAIL_RECIPIENT, SIGHTING_EMAIL_SUBJECT,
		SIGHTING_SMTP_MAIL_FROM, SIGHTING_SMTP_RCPT_TO,	   SIGHTING_MESSAGE_ID,
		SIGHTING_USER,
	};

	proto_session_sighting(m->session, s, m->sender, m->application);
	s->kind = kind;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		enum sighting_text t = texts[i];

		if (!m->texts.text[t])
			continue;
		sighting_set(s, t, m->texts.text[t], m->texts.text_len[t]);
		s->cut |= m->texts.cut & (1u << t);
	}
}

void mail_limited(struct mail *m)
{
	if (!m->limited)
		counter_add(m->env->counters, COUNTER_MAIL_LIMITS, 1);
	m->limited = true;
}

/* -------------------------------------------------------------------- header */

/* Mailboxes of a field, one a line, and their addresses alone. */
struct mailboxes {
	struct buf shown;
	struct buf addresses;
};

static void add_mailbox(void *arg, const struct address *a)
{
	struct mailboxes *b = arg;
	static const char separator = SIGHTING_LIST_SEPARATOR;

	if (b->shown.len)
		buf_add(&b->shown, &separator, 1);
	address_format(a, &b->shown);
	if (b->addresses.len)
		buf_add(&b->addresses, &separator, 1);
	buf_add(&b->addresses, a->addr, a->addr_len);
}

static void add_field(struct mailboxes *b, const struct buf *header, const char *name)
{
	struct buf value;
	const char *text;

	buf_init(&value, MIME_HEADER_MAX);
	text = mime_field(header, name, &value);
	if (text)
		address_list(text, add_mailbox, b);
	buf_free(&value);
}

static void mailboxes_init(struct mailboxes *b)
{
	buf_init(&b->shown, TEXT_MAX);
	buf_init(&b->addresses, TEXT_MAX);
}

static void mailboxes_free(struct mailboxes *b)
{
	buf_free(&b->shown);
	buf_free(&b->addresses);
}

/* Is the address among those of a list? */
static bool listed(const struct buf *list, const char *addr, size_t n)
{
	const char *p = (const char *)list->data;
	size_t left = list->len;

	while (left) {
		const char *end = memchr(p, SIGHTING_LIST_SEPARATOR, left);
		size_t len = end ? (size_t)(end - p) : left;

		if (len == n && !strncasecmp(p, addr, n))
			return true;
		len += end ? 1 : 0;
		p += len;
		left -= len;
	}
	return false;
}

/* Recipients that only the envelope knows: blind copies, lists. */
static void add_envelope(struct mailboxes *b, const char *rcpt)
{
	while (rcpt && *rcpt) {
		const char *end = strchrnul(rcpt, SIGHTING_LIST_SEPARATOR);
		struct address a = {.addr = rcpt, .addr_len = (size_t)(end - rcpt)};

		if (a.addr_len && !listed(&b->addresses, a.addr, a.addr_len))
			add_mailbox(b, &a);
		rcpt = *end ? end + 1 : end;
	}
}

static void take_subject(struct mail *m, const struct buf *header)
{
	struct buf value, subject;
	size_t at = 0;

	buf_init(&value, MIME_HEADER_MAX);
	buf_init(&subject, TEXT_MAX);
	if (mime_field(header, "Subject", &value)) {
		encoded_word_decode((const char *)value.data, value.len, &subject);
		while (subject.len && subject.data[subject.len - 1] == ' ')
			subject.len--;
		while (at < subject.len && subject.data[at] == ' ')
			at++;
		sighting_set(&m->texts, SIGHTING_EMAIL_SUBJECT, subject.data + at,
			     subject.len - at);
	}
	buf_free(&value);
	buf_free(&subject);
}

static void take_id(struct mail *m, const struct buf *header)
{
	struct buf value;
	const char *id;

	buf_init(&value, MIME_HEADER_MAX);
	id = mime_field(header, "Message-ID", &value);
	if (id)
		sighting_set(&m->texts, SIGHTING_MESSAGE_ID, id, strcspn(id, "\r\n"));
	buf_free(&value);
}

void mail_take_header(struct mail *m, const struct buf *header)
{
	struct mailboxes from, to;
	struct sighting s;

	mailboxes_init(&from);
	mailboxes_init(&to);
	add_field(&from, header, "From");
	if (from.shown.len)
		set(&m->texts, SIGHTING_EMAIL_SENDER, &from.shown);
	add_field(&to, header, "To");
	add_field(&to, header, "Cc");
	add_field(&to, header, "Bcc");
	add_envelope(&to, sighting_get(&m->texts, SIGHTING_SMTP_RCPT_TO));
	set(&m->texts, SIGHTING_EMAIL_RECIPIENT, &to.shown);
	mailboxes_free(&from);
	mailboxes_free(&to);
	take_subject(m, header);
	take_id(m, header);
	if (!m->raw)
		return;
	/* The file of the whole message was begun before any of this was known. */
	mail_sighting(m, &s, SIGHTING_KIND_MAIL);
	s.number = m->raw_number;
	file_describe(m->raw, &s);
	sighting_free(&s);
}

/* --------------------------------------------------------------------- links */

static uint64_t link_hash(const char *url, size_t n)
{
	static uint8_t key[16];
	static bool made;
	char same[LINK_MAX];

	if (!made)
		made = getrandom(key, sizeof(key), 0) == (ssize_t)sizeof(key);
	memcpy(same, url, n);
	link_normalise(same, n);
	return siphash24(key, same, n);
}

void mail_take_link(struct mail *m, const char *url, size_t n, bool cut)
{
	struct sighting s;
	struct file *file;
	struct buf text;
	uint64_t hash;

	if (!cut) {
		hash = link_hash(url, n);
		for (size_t i = 0; i < m->links; i++)
			if (m->link[i] == hash)
				return;
	}
	if (cut || m->links == MAIL_LINKS_MAX) {
		counter_add(m->env->counters, COUNTER_MAIL_LINKS_CUT, 1);
		return;
	}
	m->link[m->links++] = hash;
	counter_add(m->env->counters, COUNTER_MAIL_LINKS, 1);
	/* Where the text's charset is not known, its bytes may be of any. */
	buf_init(&text, 4 * LINK_MAX);
	charset_decode(NULL, 0, url, n, &text);
	mail_sighting(m, &s, SIGHTING_KIND_LINK);
	set(&s, SIGHTING_URL, &text);
	file = file_open(m->env->files, &s, m->time);
	if (file) {
		file_data(file, 0, text.data, text.len, m->time);
		file_close(file, FILE_REASON_NONE, m->time);
	}
	sighting_free(&s);
	buf_free(&text);
}

/* ---------------------------------------------------------------------- mail */

static struct mail *mail_begin(const struct mail_options *o, uint64_t time)
{
	struct mail *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->session = o->session;
	m->env = proto_session_env(o->session);
	m->sender = o->sender;
	m->time = time;
	strncpy(m->application, o->application, sizeof(m->application) - 1);
	sighting_init(&m->texts);
	set_string(&m->texts, SIGHTING_SMTP_MAIL_FROM, o->mail_from);
	set_string(&m->texts, SIGHTING_SMTP_RCPT_TO, o->rcpt_to);
	set_string(&m->texts, SIGHTING_EMAIL_SENDER, o->mail_from);
	set_string(&m->texts, SIGHTING_EMAIL_RECIPIENT, o->rcpt_to);
	set_string(&m->texts, SIGHTING_USER, o->user);
	m->top = message_new(m, 0);
	if (!m->top) {
		sighting_free(&m->texts);
		free(m);
		return NULL;
	}
	counter_add(m->env->counters, COUNTER_MAILS, 1);
	return m;
}

struct mail *mail_new(const struct mail_options *o, uint64_t time)
{
	struct mail *m = mail_begin(o, time);
	struct sighting s;

	if (!m || !m->env->whole_mails)
		return m;
	mail_sighting(m, &s, SIGHTING_KIND_MAIL);
	m->raw_number = s.number;
	m->raw = file_open(m->env->files, &s, time);
	sighting_free(&s);
	return m;
}

static void add_line(struct buf *header, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(header, "%s: ", name);
	for (; *value; value++)
		buf_add(header, *value == '\r' || *value == '\n' ? " " : value, 1);
	buf_add(header, "\n", 1);
}

struct mail *mail_new_part(const struct mail_options *o, const struct mail_part *part,
			   uint64_t time)
{
	struct mail *m = mail_begin(o, time);
	struct buf header;

	if (!m)
		return NULL;
	buf_init(&header, MIME_HEADER_MAX);
	add_line(&header, "Content-Type", part->type);
	add_line(&header, "Content-Transfer-Encoding", part->encoding);
	add_line(&header, "Content-Disposition", part->disposition);
	add_line(&header, "From", part->from);
	add_line(&header, "To", part->to);
	add_line(&header, "Subject", part->subject);
	message_header(m->top, buf_string(&header));
	buf_free(&header);
	return m;
}

void mail_data(struct mail *m, const uint8_t *p, size_t n, uint64_t time)
{
	m->time = time;
	if (m->raw)
		file_data(m->raw, m->raw_at, p, n, time);
	m->raw_at += n;
	message_data(m->top, p, n);
}

void mail_gap(struct mail *m, uint64_t n, uint64_t time)
{
	m->time = time;
	if (m->raw)
		file_gap(m->raw, m->raw_at, n);
	m->raw_at += n;
	message_gap(m->top, n);
}

static void joined_close(struct mail *m, struct joined *j)
{
	if (!j->reason && file_lacks(j->file))
		j->reason = m->reason ? m->reason : FILE_REASON_PARTIAL;
	if (!j->reason && j->crc_told && j->crc_to == j->size && j->crc != j->crc_want)
		j->reason = FILE_REASON_DECODE;
	file_close(j->file, j->reason, m->time);
	free(j->name);
}

void mail_close(struct mail *m, enum file_reason reason, uint64_t time)
{
	if (!m)
		return;
	m->time = time;
	m->reason = reason;
	message_close(m->top, reason);
	for (size_t i = 0; i < m->joins; i++)
		joined_close(m, &m->joined[i]);
	if (m->raw)
		file_close(m->raw, reason, time);
	sighting_free(&m->texts);
	free(m);
}
