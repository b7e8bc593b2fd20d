// SPDX-License-Identifier: MIT
/*
 * What was fetched about messages.
 */
#include "proto/imap_note.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_of(const struct imap_note *note, const struct imap_message *m)
{
	if (note->message.uid && m->uid)
		return note->message.uid == m->uid;
	return note->message.number == m->number;
}

static void drop(struct imap_notes *s, struct imap_note **at)
{
	struct imap_note *note = *at;

	*at = note->next;
	s->count--;
	s->bytes -= note->n;
	free(note);
}

void imap_notes_free(struct imap_notes *s)
{
	while (s->first)
		drop(s, &s->first);
}

static struct imap_note **find(struct imap_notes *s, const struct imap_message *m,
			       const char *key)
{
	struct imap_note **at = &s->first;

	while (*at && (strcmp((*at)->key, key) || !is_of(*at, m)))
		at = &(*at)->next;
	return at;
}

static void drop_last(struct imap_notes *s)
{
	struct imap_note **at = &s->first;

	while (*at && (*at)->next)
		at = &(*at)->next;
	if (*at)
		drop(s, at);
}

void imap_note_put(struct imap_notes *s, const struct imap_message *m, const char *key,
		   const void *p, size_t n)
{
	struct imap_note **at = find(s, m, key), *note;

	if (*at)
		drop(s, at);
	if (n > IMAP_NOTES_BYTES || strlen(key) >= IMAP_SECTION_MAX)
		return;
	while (s->count >= IMAP_NOTES_MAX || s->bytes + n > IMAP_NOTES_BYTES)
		drop_last(s);
	note = malloc(sizeof(*note) + n);
	if (!note)
		return;
	note->message = *m;
	snprintf(note->key, sizeof(note->key), "%s", key);
	note->n = n;
	if (n)
		memcpy(note->data, p, n);
	note->next = s->first;
	s->first = note;
	s->count++;
	s->bytes += n;
}

const struct imap_note *imap_note_get(struct imap_notes *s, const struct imap_message *m,
				      const char *key)
{
	struct imap_note **at = find(s, m, key), *note = *at;

	if (!note || at == &s->first)
		return note;
	*at = note->next;
	note->next = s->first;
	s->first = note;
	return note;
}

void imap_notes_expunge(struct imap_notes *s, uint64_t number)
{
	struct imap_note **at = &s->first;

	while (*at) {
		if ((*at)->message.number == number) {
			drop(s, at);
			continue;
		}
		if ((*at)->message.number > number)
			(*at)->message.number--;
		at = &(*at)->next;
	}
}
