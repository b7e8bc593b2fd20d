// SPDX-License-Identifier: MIT
/*
 * The envelope of a message.
 */
#include "proto/smtp_envelope.h"

#include "lib/sighting.h"
#include "proto/smtp_command.h"

#include <string.h>

#define SENDER_MAX 1024
#define NOWHERE 0xffff /* there was no room for it */

static const char separator = SIGHTING_LIST_SEPARATOR;

void smtp_envelope_init(struct smtp_envelope *e)
{
	*e = (struct smtp_envelope){.number = 0};
	buf_init(&e->from, SENDER_MAX);
	buf_init(&e->to, SMTP_RECIPIENTS_MAX);
}

void smtp_envelope_free(struct smtp_envelope *e)
{
	buf_free(&e->from);
	buf_free(&e->to);
}

void smtp_envelope_reset(struct smtp_envelope *e)
{
	e->number++;
	e->recipients = 0;
	buf_reset(&e->from);
	buf_reset(&e->to);
}

/* What a reply finds it again by: where it is, and in which envelope. */
static uint32_t id_of(const struct smtp_envelope *e, size_t at)
{
	return (uint32_t)e->number << 16 | (uint32_t)at;
}

uint32_t smtp_envelope_from(struct smtp_envelope *e, const char *path)
{
	size_t n;
	const char *mailbox = smtp_mailbox(path, &n);

	buf_reset(&e->from);
	buf_add(&e->from, mailbox, n < SENDER_MAX ? n : SENDER_MAX);
	return id_of(e, 0);
}

uint32_t smtp_envelope_to(struct smtp_envelope *e, const char *path)
{
	size_t at = e->to.len, n;
	const char *mailbox = smtp_mailbox(path, &n);

	e->recipients++;
	buf_add(&e->to, mailbox, n);
	buf_add(&e->to, &separator, 1);
	if (!e->to.failed)
		return id_of(e, at);
	e->to.failed = false;
	e->to.len = at;
	return id_of(e, NOWHERE);
}

void smtp_envelope_from_refused(struct smtp_envelope *e, uint32_t id)
{
	if (id >> 16 == e->number)
		smtp_envelope_reset(e);
}

void smtp_envelope_to_refused(struct smtp_envelope *e, uint32_t id)
{
	size_t at = id & 0xffff;
	uint8_t *to = e->to.data;

	if (id >> 16 != e->number)
		return;
	if (e->recipients)
		e->recipients--;
	while (at < e->to.len && to[at] != (uint8_t)separator)
		to[at++] = (uint8_t)separator;
	/* Whoever tries many names at the end is given room again. */
	while (e->to.len && to[e->to.len - 1] == separator &&
	       (e->to.len == 1 || to[e->to.len - 2] == separator))
		e->to.len--;
}

const char *smtp_envelope_sender(struct smtp_envelope *e)
{
	return e->from.len ? buf_string(&e->from) : NULL;
}

const char *smtp_envelope_list(const struct smtp_envelope *e, struct buf *out)
{
	const uint8_t *p = e->to.data;
	size_t left = e->to.len;

	while (left) {
		const uint8_t *end = memchr(p, separator, left);
		size_t n = end ? (size_t)(end - p) : left;

		if (n && out->len)
			buf_add(out, &separator, 1);
		buf_add(out, p, n);
		n += end ? 1 : 0;
		p += n;
		left -= n;
	}
	return out->len ? buf_string(out) : NULL;
}
