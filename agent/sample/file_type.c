// SPDX-License-Identifier: MIT
/*
 * What a file is, and whether anybody wants it.
 */
#include "sample/file_object.h"

#include <string.h>

static void file_name_type(struct file *f, const struct reader *r)
{
	struct file_set *set = f->set;
	uint8_t head[FILE_TYPE_HEAD];
	struct file_type_found found;
	const char *name;
	ssize_t n;

	file_types_identify(set->types, r, &found);
	if (!*found.format && set->media) {
		n = reader_read(r, 0, head, sizeof(head));
		media_type(set->media, head, n > 0 ? (size_t)n : 0, found.format);
	}
	name = found.type < FILE_TYPES_MAX ? file_types_name(set->types, found.type) : "";
	sighting_set(&f->s, SIGHTING_FILE_TYPE, name, strlen(name));
	sighting_set(&f->s, SIGHTING_FILE_FORMAT, found.format, strlen(found.format));
	f->possible = FILE_TYPE_BIT(found.type) | (found.zip ? FILE_TYPE_ARCHIVE_BIT : 0);
}

/* The type that a kind of sighting has whatever its content is; NULL: by content. */
static const char *type_of_kind(const struct sighting *s)
{
	if (s->kind == SIGHTING_KIND_LINK)
		return FILE_TYPE_LINK;
	return s->kind == SIGHTING_KIND_MAIL ? FILE_TYPE_MAIL : NULL;
}

/* True when the kind says it all. */
static bool file_type_by_kind(struct file *f)
{
	static const char format[] = "message/rfc822";
	const char *name = type_of_kind(&f->s);
	size_t type = name ? file_types_find(f->set->types, name) : FILE_TYPES_MAX;

	if (!name)
		return false;
	f->possible = FILE_TYPE_BIT(type);
	if (type == FILE_TYPES_MAX)
		return true;
	sighting_set(&f->s, SIGHTING_FILE_TYPE, name, strlen(name));
	if (f->s.kind == SIGHTING_KIND_MAIL)
		sighting_set(&f->s, SIGHTING_FILE_FORMAT, format, sizeof(format) - 1);
	return true;
}

static struct reader head_reader(struct file *f)
{
	uint64_t known = f->chunk ? f->flushed + f->chunk->len : f->flushed;

	return (struct reader){.read = file_read,
			       .arg = f,
			       .size = known < FILE_TYPE_HEAD ? known : FILE_TYPE_HEAD};
}

void file_look(struct file *f)
{
	struct reader r = head_reader(f);
	uint8_t head[FILE_TYPE_HEAD];
	ssize_t n;

	if (f->looked || !r.size)
		return;
	f->looked = true;
	if (!f->set->types || file_type_by_kind(f))
		return;
	n = reader_read(&r, 0, head, sizeof(head));
	if (n <= 0)
		return;
	f->possible = file_types_possible(f->set->types, head, (size_t)n, false);
	f->behind = n < 2 || memcmp(head, "PK", 2) != 0;
}

void file_type_cut(struct file *f)
{
	struct reader r = head_reader(f);
	bool certain;

	file_look(f);
	certain = !(f->possible & (f->possible - 1));
	if (f->looked && !f->typed && certain && !type_of_kind(&f->s))
		file_name_type(f, &r);
}

bool file_ask(struct file *f, bool size_known, uint64_t size)
{
	const struct file_judge *judge = &f->set->judge;
	uint32_t possible = f->possible;

	if (f->behind &&
	    (f->s.size > FILE_BEHIND_MAX || (size_known && size > FILE_BEHIND_MAX)))
		possible &= ~FILE_TYPE_ARCHIVE_BIT;
	if (!f->settled && judge->wanted &&
	    !judge->wanted(judge->arg, &f->s, possible, size_known, size))
		file_settle(f, FILE_REASON_UNWANTED);
	return !f->settled;
}

void file_type(struct file *f, const struct reader *r)
{
	if (f->set->types && !file_type_by_kind(f))
		file_name_type(f, r);
	f->looked = f->typed = true;
	f->behind = false;
}
