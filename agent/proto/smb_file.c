// SPDX-License-Identifier: MIT
#include "proto/smb_file.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

struct smb_open *smb_open_new(const char *application, const char *path, const char *share,
			      const char *user)
{
	struct smb_open *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->application = application;
	o->path = copy(path);
	o->share = copy(share);
	o->user = copy(user);
	return o;
}

static void set_text(struct sighting *s, enum sighting_text which, const char *text)
{
	if (text)
		sighting_set(s, which, text, strlen(text));
}

static struct file *begin(const struct smb_open *o, struct proto_session *ps, enum dir sender,
			  uint64_t time)
{
	const char *name = o->path ? strrchr(o->path, '\\') : NULL;
	struct sighting s;
	struct file *f;

	proto_session_sighting(ps, &s, sender, o->application);
	set_text(&s, SIGHTING_FILENAME, name ? name + 1 : o->path);
	set_text(&s, SIGHTING_FILE_PATH, o->path);
	set_text(&s, SIGHTING_SHARE, o->share);
	set_text(&s, SIGHTING_USER, o->user);
	f = file_open(proto_session_env(ps)->files, &s, time);
	sighting_free(&s);
	return f;
}

static uint64_t end_of(uint64_t offset, uint64_t n)
{
	return n > UINT64_MAX - offset ? UINT64_MAX : offset + n;
}

/* Why a file that lacks bytes does. */
static enum file_reason hole(const struct smb_open *o)
{
	return o->lost ? FILE_REASON_GAP : FILE_REASON_PARTIAL;
}

/* -------------------------------------------------------------------- reading */

static void end_reader(struct smb_open *o, enum file_reason reason, uint64_t time)
{
	struct file *f = o->reader;

	o->reader = NULL;
	o->read_end = 0;
	if (f)
		file_close(f, reason, time);
}

static bool reader_whole(const struct smb_open *o)
{
	return o->reader && o->size_known && o->read_end == o->size && !file_lacks(o->reader);
}

static void finish_reader(struct smb_open *o, uint64_t time)
{
	if (!reader_whole(o))
		return;
	end_reader(o, FILE_REASON_NONE, time);
	o->read_done = true;
}

static bool want_reader(struct smb_open *o, struct proto_session *ps, enum dir sender,
			uint64_t time)
{
	if (o->read_done || o->ignored)
		return false;
	if (o->reader)
		return true;
	o->reader = begin(o, ps, sender, time);
	if (o->reader && o->size_known)
		file_declare(o->reader, o->size);
	return o->reader;
}

/* More than the server said there is: nobody knows its size any more. */
static void read_reaches(struct smb_open *o, uint64_t end)
{
	if (end > o->read_end)
		o->read_end = end;
	if (o->size_known && end > o->size)
		o->size_known = false;
}

void smb_open_read(struct smb_open *o, struct proto_session *ps, enum dir sender,
		   uint64_t offset, const uint8_t *p, size_t n, uint64_t time)
{
	if (!n || !want_reader(o, ps, sender, time))
		return;
	file_data(o->reader, offset, p, n, time);
	read_reaches(o, end_of(offset, n));
	finish_reader(o, time);
}

void smb_open_read_gap(struct smb_open *o, struct proto_session *ps, enum dir sender,
		       uint64_t offset, uint64_t n, uint64_t time)
{
	/* They may be read again, so this is a hole and not the end. */
	o->lost = true;
	if (n && want_reader(o, ps, sender, time))
		read_reaches(o, end_of(offset, n));
}

/* What was read belongs to another version of the file. */
static void outdate_reader(struct smb_open *o, uint64_t time)
{
	end_reader(o, hole(o), time);
	o->read_done = false;
}

/* -------------------------------------------------------------------- writing */

static void end_writer(struct smb_open *o, enum file_reason reason, uint64_t time)
{
	struct file *f = o->writer;

	o->writer = NULL;
	o->write_end = 0;
	if (f)
		file_close(f, reason, time);
}

static bool want_writer(struct smb_open *o, struct proto_session *ps, enum dir sender,
			uint64_t end, uint64_t time)
{
	if (o->ignored)
		return false;
	outdate_reader(o, time);
	if (!o->writer)
		o->writer = begin(o, ps, sender, time);
	if (end > o->write_end)
		o->write_end = end;
	if (o->size_known && end > o->size)
		o->size = end;
	return o->writer;
}

void smb_open_write(struct smb_open *o, struct proto_session *ps, enum dir sender,
		    uint64_t offset, const uint8_t *p, size_t n, uint64_t time)
{
	if (n && want_writer(o, ps, sender, end_of(offset, n), time))
		file_data(o->writer, offset, p, n, time);
}

void smb_open_write_gap(struct smb_open *o, struct proto_session *ps, enum dir sender,
			uint64_t offset, uint64_t n, uint64_t time)
{
	o->lost = true;
	if (n && want_writer(o, ps, sender, end_of(offset, n), time))
		file_gap(o->writer, offset, n);
	smb_open_doubt(o, FILE_REASON_GAP);
}

void smb_open_doubt(struct smb_open *o, enum file_reason reason)
{
	if (!o->doubt)
		o->doubt = reason;
}

/* The outcome of what was written, if the file is as it is now. */
static enum file_reason writer_outcome(struct smb_open *o)
{
	if (o->doubt)
		return o->doubt;
	if (!o->size_known || o->write_end != o->size)
		return hole(o);
	file_declare(o->writer, o->size);
	return file_lacks(o->writer) ? hole(o) : FILE_REASON_NONE;
}

static void finish_writer(struct smb_open *o, uint64_t time)
{
	if (o->writer)
		end_writer(o, writer_outcome(o), time);
}

/* ----------------------------------------------------------------------- size */

void smb_open_begins(struct smb_open *o, uint64_t size)
{
	/* The same message may have set its size or brought content already. */
	if (o->size_known)
		return;
	o->size_known = true;
	o->size = size > o->write_end ? size : o->write_end;
}

void smb_open_size(struct smb_open *o, uint64_t size, uint64_t time)
{
	/* While writes are under way, nobody knows which of them it counts. */
	if (o->writer && o->size_known)
		return;
	if (o->size_known && o->size != size)
		o->read_done = false;
	o->size_known = true;
	o->size = size;
	if (!o->reader)
		return;
	file_declare(o->reader, size);
	finish_reader(o, time);
}

void smb_open_read_beyond(struct smb_open *o, uint64_t offset, uint64_t time)
{
	if (o->size_known && o->size > offset)
		o->size_known = false; /* somebody cut it */
	if (!o->size_known && o->reader && o->read_end == offset)
		smb_open_size(o, offset, time);
}

void smb_open_resize(struct smb_open *o, uint64_t size, uint64_t time)
{
	outdate_reader(o, time);
	if (size < o->write_end || !size) {
		/* What was written and cut off again cannot be taken back. */
		end_writer(o, hole(o), time);
		o->doubt = size ? FILE_REASON_PARTIAL : FILE_REASON_NONE;
	}
	o->size_known = true;
	o->size = size;
	o->announced = size;
}

void smb_open_allocate(struct smb_open *o, uint64_t room, uint64_t time)
{
	if (!room || (o->size_known && room < o->size) || room < o->write_end)
		smb_open_resize(o, room, time);
	else if (room > o->size)
		o->announced = room;
}

void smb_open_flushed(struct smb_open *o)
{
	if (o->writer && o->size_known)
		o->announced = o->size;
}

/* ------------------------------------------------------------------------ end */

void smb_open_close(struct smb_open *o, const uint64_t *size, uint64_t time)
{
	if (size) {
		o->size_known = true;
		o->size = *size;
	}
	if (o->reader && o->size_known)
		file_declare(o->reader, o->size);
	finish_reader(o, time);
	end_reader(o, hole(o), time);
	finish_writer(o, time);
}

void smb_open_free(struct smb_open *o, enum file_reason reason, uint64_t time)
{
	if (!o)
		return;
	if (o->closing)
		smb_open_close(o, NULL, time);
	/* All the client announced is there, only nobody saw the close. */
	if (o->writer && o->announced == o->size && !writer_outcome(o))
		end_writer(o, FILE_REASON_NONE, time);
	end_reader(o, reason, time);
	end_writer(o, o->doubt ? o->doubt : reason, time);
	free(o->path);
	free(o->share);
	free(o->user);
	free(o);
}

void smb_open_drop(void *value, uint64_t time)
{
	struct smb_open *o = value;

	smb_open_free(o, o->end ? o->end : FILE_REASON_TIMEOUT, time);
}
