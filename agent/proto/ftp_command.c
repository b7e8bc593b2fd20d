// SPDX-License-Identifier: MIT
/*
 * FTP's commands: those that wait for their replies, and what they change.
 */
#include "proto/ftp_control.h"

#include "proto/ftp_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FTP_PORT_USUAL 21

/* ------------------------------------------------------------------- channels */

static void forget_in_queue(struct ftp_control *f, const struct ftp_channel *ch)
{
	for (size_t i = 0; i < f->count; i++) {
		struct ftp_command *c = &f->queue[(f->first + i) % FTP_QUEUE_MAX];

		if (c->channel == ch)
			c->channel = NULL;
	}
}

void ftp_control_leave(struct ftp_control *f, size_t i, uint64_t time)
{
	struct ftp_channel *ch = f->channels[i];

	if (f->current == ch)
		f->current = NULL;
	forget_in_queue(f, ch);
	memmove(f->channels + i, f->channels + i + 1,
		(f->channel_count - i - 1) * sizeof(*f->channels));
	f->channel_count--;
	ftp_channel_leave(ch, time);
}

static bool in_queue(const struct ftp_control *f, const struct ftp_channel *ch)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->queue[(f->first + i) % FTP_QUEUE_MAX].channel == ch)
			return true;
	return false;
}

/* Those of which nothing more comes, and those that were asked for and not used. */
void ftp_control_sweep(struct ftp_control *f, uint64_t time)
{
	for (size_t i = f->channel_count; i-- > 0;) {
		struct ftp_channel *ch = f->channels[i];

		if (ch == f->current || in_queue(f, ch))
			continue;
		if (ftp_channel_ended(ch) || !ftp_channel_begun(ch))
			ftp_control_leave(f, i, time);
	}
}

struct ftp_channel *ftp_control_channel(struct ftp_control *f, uint64_t time)
{
	struct ftp_channel *ch;

	f->current = NULL;
	ftp_control_sweep(f, time);
	if (f->channel_count == FTP_CHANNELS_MAX)
		ftp_control_leave(f, 0, time);
	ch = ftp_channel_new(f->ps, f->client);
	if (!ch)
		return NULL;
	f->channels[f->channel_count++] = ch;
	f->current = ch;
	return ch;
}

/* The server connects to the client there; family 0: it was said wrongly. */
static void active(struct ftp_control *f, const struct endpoint *where, uint64_t time)
{
	struct ftp_channel *ch = ftp_control_channel(f, time);

	f->active = *where;
	if (ch)
		ftp_channel_announce(ch, f->client, where, time);
}

/* ---------------------------------------------------------------------- queue */

struct ftp_command *ftp_command_at(struct ftp_control *f, size_t i)
{
	return &f->queue[(f->first + i) % FTP_QUEUE_MAX];
}

static void command_free(struct ftp_command *c)
{
	free(c->text);
	*c = (struct ftp_command){.verb = FTP_OTHER};
}

/* Its reply did not come by, or cannot be told from others. */
void ftp_command_lost(struct ftp_control *f, struct ftp_command *c, uint64_t time)
{
	struct ftp_channel *ch = c->channel;

	c->channel = NULL;
	for (size_t i = 0; ch && c->verb >= FTP_RETR && i < f->channel_count; i++)
		if (f->channels[i] == ch) {
			ftp_control_leave(f, i, time);
			break;
		}
	command_free(c);
}

struct ftp_command *ftp_command_add(struct ftp_control *f, enum ftp_verb verb, uint64_t time)
{
	struct ftp_command *c;

	if (f->count == FTP_QUEUE_MAX) {
		ftp_command_lost(f, ftp_command_at(f, 0), time);
		f->first = (f->first + 1) % FTP_QUEUE_MAX;
		f->count--;
	}
	c = ftp_command_at(f, f->count++);
	*c = (struct ftp_command){.verb = verb};
	return c;
}

/* Takes out one that was answered. */
void ftp_command_remove(struct ftp_control *f, size_t i)
{
	command_free(ftp_command_at(f, i));
	for (; i > 0; i--)
		*ftp_command_at(f, i) = *ftp_command_at(f, i - 1);
	*ftp_command_at(f, 0) = (struct ftp_command){.verb = FTP_OTHER};
	f->first = (f->first + 1) % FTP_QUEUE_MAX;
	f->count--;
}

/* ------------------------------------------------------------------- commands */

const char *ftp_control_path(struct ftp_control *f, const char *name)
{
	if (!ftp_text_path(f->directory.len ? buf_string(&f->directory) : NULL, name, &f->path))
		return name;
	return buf_string(&f->path);
}

const char *ftp_control_url(struct ftp_control *f, const char *path)
{
	return ftp_text_url("ftp", FTP_PORT_USUAL, ftp_control_end(f, dir_other(f->client)),
			    path, &f->url)
		       ? buf_string(&f->url)
		       : NULL;
}

bool ftp_control_size_is_of(struct ftp_control *f, const char *path)
{
	return f->size_known && !strcmp(buf_string(&f->size_path), path);
}

void ftp_control_size(struct ftp_control *f, const char *path, uint64_t size)
{
	buf_reset(&f->size_path);
	f->size_known = buf_add_string(&f->size_path, path);
	f->size = size;
}

/*
 * APPE brings a whole file of the client's, which is what counts; where the client asked
 * before how much of it is there, it sends the rest.
 */
static void transfer_begin(struct ftp_control *f, struct ftp_channel *ch, enum ftp_verb v,
			   const char *word, const char *name, uint64_t time)
{
	const char *path = *name ? ftp_control_path(f, name) : NULL;
	struct ftp_transfer t = {
		.what = v == FTP_LISTING ? FTP_NO_FILE
			: v == FTP_RETR	 ? FTP_DOWNLOAD
					 : FTP_UPLOAD,
		.mode = f->mode,
		.command = word,
		.user = f->user,
		.name = path ? ftp_text_last(path) : NULL,
		.path = path,
		.url = path ? ftp_control_url(f, path) : NULL,
		.image = f->binary,
		.offset = v == FTP_RETR || v == FTP_STOR ? f->rest : 0,
	};

	if (v == FTP_STOU && !path)
		t.name = "<stou>";
	if (v == FTP_APPE && path && ftp_control_size_is_of(f, path))
		t.offset = f->size;
	if (v == FTP_RETR && path && f->binary && ftp_control_size_is_of(f, path)) {
		t.size_known = true;
		t.size = f->size;
	}
	ftp_channel_begin(ch, &t, time);
}

/* Without a server to be heard nothing is worth waiting for. */
static void replies_missing(struct ftp_control *f, struct ftp_channel *ch, uint64_t time)
{
	if (!f->heard[dir_other(f->client)])
		ftp_channel_outcome(ch, FTP_DONE, time);
}

static void transfer(struct ftp_control *f, struct ftp_command *c, const char *word,
		     const char *name, uint64_t time)
{
	struct ftp_channel *ch;

	/* The same address again, or the one the control connection comes from. */
	if (!f->current)
		active(f, f->active.family ? &f->active : ftp_control_end(f, f->client), time);
	ch = f->current;
	f->current = NULL;
	if (ch) {
		c->channel = ch;
		transfer_begin(f, ch, c->verb, word, name, time);
		replies_missing(f, ch, time);
	}
	if (c->verb != FTP_RETR && c->verb != FTP_LISTING)
		f->size_known = false;
	f->rest = 0;
}

static void user_is(struct ftp_control *f, const char *name)
{
	free(f->user);
	f->user = *name ? strdup(name) : NULL;
	/* Another one has other directories. */
	buf_reset(&f->directory);
}

static void directory_is(struct ftp_control *f, struct ftp_command *c, const char *name)
{
	c->text = strdup(buf_string(&f->directory));
	if (ftp_text_path(f->directory.len ? buf_string(&f->directory) : NULL, name,
			  &f->path)) {
		buf_reset(&f->directory);
		buf_add(&f->directory, f->path.data, f->path.len);
	}
}

static void type_is(struct ftp_control *f, struct ftp_command *c, const char *name)
{
	c->number = f->binary;
	f->binary =
		toupper((unsigned char)*name) == 'I' || toupper((unsigned char)*name) == 'L';
}

static void mode_is(struct ftp_control *f, struct ftp_command *c, const char *name)
{
	char m = (char)toupper((unsigned char)*name);

	c->number = f->mode;
	f->mode = m == 'S' ? FTP_MODE_STREAM : m == 'Z' ? FTP_MODE_ZLIB : FTP_MODE_OTHER;
}

static void aborted(struct ftp_control *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (ftp_is_transfer(ftp_command_at(f, i)->verb) &&
		    ftp_command_at(f, i)->channel)
			ftp_channel_abort(ftp_command_at(f, i)->channel);
}

void ftp_command_run(struct ftp_control *f, struct ftp_command *c, const char *word,
		     const char *rest, uint64_t time)
{
	struct endpoint e = {.family = 0};

	switch (c->verb) {
	case FTP_USER:
		user_is(f, rest);
		break;
	case FTP_PORT:
		if (ftp_text_port(rest, &e))
			active(f, &e, time);
		break;
	case FTP_EPRT:
		if (ftp_text_eprt(rest, &e))
			active(f, &e, time);
		break;
	case FTP_LPRT:
		if (ftp_text_long_port(rest, &e))
			active(f, &e, time);
		break;
	case FTP_EPSV:
		/* EPSV ALL only promises something. */
		if (!strncasecmp(rest, "ALL", 3)) {
			c->verb = FTP_OTHER;
			break;
		}
		/* fall through */
	case FTP_PASV:
	case FTP_LPSV:
		c->channel = ftp_control_channel(f, time);
		break;
	case FTP_TYPE:
		type_is(f, c, rest);
		break;
	case FTP_MODE:
		mode_is(f, c, rest);
		break;
	case FTP_REST:
		if (!ftp_text_number(rest, &f->rest))
			f->rest = 0;
		break;
	case FTP_SIZE:
	case FTP_MLST:
		if (*rest)
			c->text = strdup(ftp_control_path(f, rest));
		break;
	case FTP_CWD:
		directory_is(f, c, rest);
		break;
	case FTP_CDUP:
		directory_is(f, c, "..");
		break;
	case FTP_ABOR:
		aborted(f);
		break;
	case FTP_RETR:
	case FTP_STOR:
	case FTP_STOU:
	case FTP_APPE:
	case FTP_LISTING:
		transfer(f, c, word, rest, time);
		break;
	default:
		break;
	}
}
