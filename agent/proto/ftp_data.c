// SPDX-License-Identifier: MIT
/*
 * The data connections of FTP.
 *
 * Their opener is the server where the client asked for that (PORT).  In sightings
 * the ends are always those of the whole conversation: the FTP client is the client, so what
 * RETR brings is a download however the connection was made.
 */
#include "proto/ftp.h"

#include "lib/log.h"
#include "proto/coding.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const struct proto_ops proto_ftp_data;

#define WAITS_MAX 2

struct ftp_channel {
	uint32_t refs;
	struct proto_env *env;
	struct session_info control;
	enum dir client; /* of control */

	struct expectation wait[WAITS_MAX];
	size_t waits;
	enum dir waiter; /* end of control that waits */

	bool begun;
	enum ftp_what what;
	enum ftp_mode mode;
	struct sighting about; /* texts alone */
	bool image;
	uint64_t offset;
	bool size_known;
	uint64_t size; /* of the whole file */

	enum ftp_outcome outcome;
	bool silent; /* no reply will come */
	bool aborted;
	bool doubt;

	struct proto_session *data; /* NULL: not begun, or gone */
	enum dir data_client;	    /* of the data session */
	bool used;
	bool over;
	enum file_reason reason; /* how it was over */
	bool ended;		 /* all is said */
	uint64_t time;		 /* of the last event */

	bool sender_known;
	enum dir sender; /* of the data session */
	struct sighting base;
	struct file *file;
	struct coding *coding;
	uint64_t at;
};

/* ------------------------------------------------------------------- lifetime */

static void channel_put(struct ftp_channel *ch)
{
	if (--ch->refs)
		return;
	sighting_free(&ch->about);
	sighting_free(&ch->base);
	free(ch);
}

struct ftp_channel *ftp_channel_new(struct proto_session *control, enum dir client)
{
	struct ftp_channel *ch = calloc(1, sizeof(*ch));

	if (!ch)
		return NULL;
	ch->refs = 1;
	ch->env = proto_session_env(control);
	ch->control = *proto_session_info(control);
	ch->client = client;
	return ch;
}

static void expected_no_more(void *arg)
{
	channel_put(arg);
}

static bool same_address(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

static void wait_at(struct ftp_channel *ch, const struct endpoint *where, uint64_t now)
{
	const struct session_info *c = &ch->control;
	struct expectation *e = &ch->wait[ch->waits];

	*e = (struct expectation){
		.protocol = IPPROTO_TCP,
		.answerer = *where,
		.opener = c->end[dir_other(ch->waiter)],
		.ops = &proto_ftp_data,
		.arg = ch,
		.release = expected_no_more,
	};
	e->opener.port = 0;
	ch->refs++;
	ch->waits++;
	if (!ch->env->expected || !expect_add(ch->env->expected, c, e, now)) {
		ch->refs--;
		ch->waits--;
	}
}

/* Behind address translation what is announced may be wrong, and clients ignore it. */
void ftp_channel_announce(struct ftp_channel *ch, enum dir waits, const struct endpoint *where,
			  uint64_t now)
{
	const struct session_info *c = &ch->control;
	struct endpoint own = c->end[waits];

	own.port = where->port;
	ch->waiter = waits;
	if (where->family && !same_address(where, &own)) {
		if (!same_address(where, &c->nat[waits])) {
			log_warning_once("ftp: a data connection was announced for another "
					 "host than the one that announced it");
			counter_add(ch->env->counters, COUNTER_FTP_BOUNCES, 1);
		}
		wait_at(ch, where, now);
	}
	wait_at(ch, &own, now);
}

static void waits_cancel(struct ftp_channel *ch)
{
	while (ch->waits)
		expect_cancel(ch->env->expected, &ch->control, &ch->wait[--ch->waits]);
}

/* ------------------------------------------------------------------- the file */

static bool is_file(const struct ftp_channel *ch)
{
	if (!ch->begun || ch->what == FTP_EITHER)
		return true;
	if (ch->what == FTP_NO_FILE)
		return false;
	return !ch->sender_known || (ch->what == FTP_UPLOAD) == (ch->sender == ch->data_client);
}

static void base_make(struct ftp_channel *ch)
{
	proto_session_client(ch->data, ch->data_client);
	proto_session_sighting(ch->data, &ch->base, ch->sender, "ftp");
	if (!ch->base.session.related)
		ch->base.session.related = ch->control.id;
}

/* What the command said, on top of what the data session says. */
static bool meta_make(const struct ftp_channel *ch, struct sighting *s)
{
	if (!sighting_copy(s, &ch->base))
		return false;
	for (int i = 0; i < SIGHTING_TEXT_COUNT; i++)
		if (ch->about.text[i])
			sighting_set(s, (enum sighting_text)i, ch->about.text[i],
				     ch->about.text_len[i]);
	s->cut |= ch->about.cut;
	if (!sighting_get(s, SIGHTING_COMMAND) && ch->begun)
		sighting_set(s, SIGHTING_COMMAND,
			     s->direction == DIRECTION_DOWNLOAD ? "RETR" : "STOR", 4);
	return true;
}

static bool decoded(void *arg, const uint8_t *p, size_t n)
{
	struct ftp_channel *ch = arg;

	file_data(ch->file, ch->at, p, n, ch->time);
	ch->at += n;
	return file_wanted(ch->file);
}

static void file_begin(struct ftp_channel *ch, uint64_t time)
{
	struct sighting meta;

	ch->used = true;
	base_make(ch);
	counter_add(ch->env->counters, COUNTER_FTP_TRANSFERS, 1);
	if (!meta_make(ch, &meta))
		return;
	ch->file = file_open(ch->env->files, &meta, time);
	sighting_free(&meta);
	if (!ch->file)
		return;
	if (ch->size_known && !ch->mode)
		file_declare(ch->file, ch->size);
	if (ch->mode == FTP_MODE_ZLIB)
		ch->coding = coding_new(&ch->env->decode, "deflate", 7, decoded, ch);
}

static void file_drop(struct ftp_channel *ch)
{
	if (ch->file)
		file_forget(ch->file);
	ch->file = NULL;
}

/* All there is to be said of the file is known. */
static enum file_reason verdict(struct ftp_channel *ch)
{
	enum file_reason reason = ch->reason;
	bool whole = ch->size_known && !ch->mode && ch->at == ch->size;

	if (ch->mode == FTP_MODE_OTHER || (ch->mode && !ch->coding))
		return FILE_REASON_DECODE;
	if (ch->coding && coding_end(ch->coding))
		return FILE_REASON_DECODE;
	if (ch->outcome == FTP_FAILED || ch->aborted)
		reason = FILE_REASON_RESET;
	else if (!reason && ch->outcome == FTP_PENDING && ch->doubt)
		reason = FILE_REASON_GAP;
	/* Nothing can be missing, whatever came after. */
	if (whole)
		reason = FILE_REASON_NONE;
	if (!reason && ch->offset)
		reason = FILE_REASON_PARTIAL;
	return reason;
}

/*
 * What parts of the same file have in common; their total is known with the last of them.
 * Nearly everybody's first directory is "/", which some clients ask for and others do not.
 */
static bool join_key(const struct ftp_channel *ch, struct key *key)
{
	const char *path = sighting_get(&ch->about, SIGHTING_FILE_PATH);
	const char *user = sighting_get(&ch->about, SIGHTING_USER);
	bool upload = ch->what == FTP_UPLOAD;

	if (!path || !ch->env->ranges)
		return false;
	path += path[0] == '/';
	return range_key_make(key, &ch->control, ch->client,
			      (const struct key_text[]){
				      {"ftp", 3},
				      {&upload, sizeof(upload)},
				      {user, user ? strlen(user) : 0},
				      {path, strlen(path)},
			      },
			      4);
}

struct refill {
	struct range_piece *piece;
	uint64_t time;
};

static void refill(void *arg, const void *p, size_t n)
{
	struct refill *r = arg;

	range_data(r->piece, p, n, r->time);
}

/*
 * A part of a file: what was cut, and what REST continues.  The one that has the end
 * tells how much there is.
 */
static bool file_join(struct ftp_channel *ch, const struct sighting *meta,
		      enum file_reason reason)
{
	bool end = !reason || reason == FILE_REASON_PARTIAL;
	struct byte_range r = {.first = ch->offset, .last = ch->offset + ch->at - 1};
	struct refill to = {.time = ch->time};
	struct key key;

	if (!ch->image || ch->mode || !ch->at || ch->at > UINT64_MAX - ch->offset ||
	    !file_wanted(ch->file) || !join_key(ch, &key))
		return false;
	to.piece = range_open(ch->env->ranges, &key, &r, meta, ch->time);
	if (!to.piece)
		return false;
	if (!file_replay(ch->file, refill, &to)) {
		range_close(to.piece);
		return false;
	}
	if (end) {
		range_total(to.piece, ch->offset + ch->at, ch->time);
		range_close(to.piece);
	} else {
		range_cut(to.piece, reason);
	}
	return true;
}

static void file_end(struct ftp_channel *ch)
{
	enum file_reason reason;
	struct sighting meta;

	if (!ch->file)
		return;
	if (!ch->begun || !is_file(ch)) {
		file_drop(ch);
		return;
	}
	reason = verdict(ch);
	if (meta_make(ch, &meta)) {
		file_describe(ch->file, &meta);
		if (reason && file_join(ch, &meta, reason))
			file_drop(ch);
		sighting_free(&meta);
	}
	if (ch->file)
		file_close(ch->file, reason, ch->time);
	ch->file = NULL;
	coding_free(ch->coding);
	ch->coding = NULL;
}

/* Ends the file as soon as nothing can change it. */
static void settle(struct ftp_channel *ch)
{
	bool waits = !ch->begun || (!ch->reason && ch->outcome == FTP_PENDING);

	if (ch->ended || !ch->over || (waits && !ch->silent))
		return;
	ch->ended = true;
	file_end(ch);
}

/* ------------------------------------------------------- the control's side */

void ftp_channel_begin(struct ftp_channel *ch, const struct ftp_transfer *t, uint64_t now)
{
	struct {
		enum sighting_text which;
		const char *text;
	} texts[] = {
		{SIGHTING_COMMAND, t->command}, {SIGHTING_USER, t->user},
		{SIGHTING_FILENAME, t->name},	{SIGHTING_FILE_PATH, t->path},
		{SIGHTING_URL, t->url},
	};
	struct key key;

	ch->begun = true;
	ch->what = t->what;
	ch->mode = t->mode;
	ch->image = t->image;
	ch->offset = t->offset;
	ch->time = now;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].text)
			sighting_set(&ch->about, texts[i].which, texts[i].text,
				     strlen(texts[i].text));
	if (t->size_known)
		ftp_channel_size(ch, t->size);
	if (!is_file(ch)) {
		file_drop(ch);
		if (ch->data)
			proto_session_done(ch->data);
	} else if (!ch->offset && t->path && join_key(ch, &key)) {
		range_give_up(ch->env->ranges, &key, 0);
	}
	settle(ch);
}

bool ftp_channel_undo(struct ftp_channel *ch)
{
	if (ch->used || ch->over)
		return false;
	ch->begun = false;
	ch->size_known = false;
	sighting_free(&ch->about);
	sighting_init(&ch->about);
	return true;
}

void ftp_channel_path(struct ftp_channel *ch, const char *path, const char *url)
{
	sighting_set(&ch->about, SIGHTING_FILE_PATH, path, strlen(path));
	sighting_set(&ch->about, SIGHTING_URL, url, strlen(url));
}

void ftp_channel_size(struct ftp_channel *ch, uint64_t size)
{
	/* Behind REST some say how much is left. */
	if (ch->offset)
		return;
	ch->size_known = true;
	ch->size = size;
	if (ch->file && !ch->mode)
		file_declare(ch->file, size);
}

void ftp_channel_outcome(struct ftp_channel *ch, enum ftp_outcome outcome, uint64_t now)
{
	ch->outcome = outcome;
	ch->time = now;
	settle(ch);
}

void ftp_channel_abort(struct ftp_channel *ch)
{
	/* The sender's FIN came first: it had sent all. */
	if (!ch->over)
		ch->aborted = true;
}

void ftp_channel_doubt(struct ftp_channel *ch)
{
	ch->doubt = true;
}

bool ftp_channel_begun(const struct ftp_channel *ch)
{
	return ch->begun;
}

bool ftp_channel_used(const struct ftp_channel *ch)
{
	return ch->used;
}

bool ftp_channel_ended(const struct ftp_channel *ch)
{
	return ch->ended;
}

void ftp_channel_leave(struct ftp_channel *ch, uint64_t now)
{
	ch->silent = true;
	if (!ch->begun) {
		waits_cancel(ch);
		file_drop(ch);
		if (ch->data)
			proto_session_done(ch->data);
	}
	settle(ch);
	channel_put(ch);
}

/* ---------------------------------------------------------- the data session */

static void *data_open(struct proto_session *ps)
{
	const struct session_info *s = proto_session_info(ps);
	struct ftp_channel *ch = proto_session_expected(ps);
	enum dir waiter = DIR_ANSWERER;

	/* Which end is it that waited? */
	for (size_t i = 0; i < ch->waits; i++)
		if (inet_equal(&ch->wait[i].answerer, &s->end[DIR_OPENER]))
			waiter = DIR_OPENER;
	waits_cancel(ch);
	ch->data = ps;
	ch->data_client = ch->waiter == ch->client ? waiter : dir_other(waiter);
	return ch;
}

/* Whether bytes of that direction are of a file. */
static bool takes(struct ftp_channel *ch, enum dir dir, uint64_t time)
{
	ch->time = time;
	if (ch->ended || ch->over)
		return false;
	if (!ch->sender_known) {
		ch->sender_known = ch->begun && ch->what != FTP_EITHER;
		ch->sender =
			ch->what == FTP_UPLOAD ? ch->data_client : dir_other(ch->data_client);
		if (!ch->sender_known)
			ch->sender = dir;
		ch->sender_known = true;
	}
	if (!is_file(ch)) {
		proto_session_done(ch->data);
		return false;
	}
	if (dir != ch->sender)
		return false;
	if (!ch->used)
		file_begin(ch, time);
	return ch->file;
}

static void data_data(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct ftp_channel *ch = state;

	if (!takes(ch, dir, time))
		return;
	if (ch->coding)
		coding_data(ch->coding, p, n);
	else
		decoded(ch, p, n);
	/* It is all this session carries.  In a capture its size still gets known. */
	if (ch->env->shunt && !file_wanted(ch->file))
		proto_session_done(ch->data);
}

static void data_gap(void *state, enum dir dir, uint64_t n, uint64_t time)
{
	struct ftp_channel *ch = state;

	if (!takes(ch, dir, time))
		return;
	file_gap(ch->file, ch->at, n);
	if (!ch->coding)
		ch->at += n;
}

static void over(struct ftp_channel *ch, enum file_reason reason, uint64_t time)
{
	if (ch->over)
		return;
	ch->over = true;
	ch->reason = reason;
	ch->time = time;
	settle(ch);
}

static void data_eof(void *state, enum dir dir, uint64_t time)
{
	struct ftp_channel *ch = state;

	if (ch->sender_known && dir == ch->sender)
		over(ch, FILE_REASON_NONE, time);
}

static void data_close(void *state, enum file_reason reason, uint64_t time)
{
	struct ftp_channel *ch = state;

	over(ch, reason ? reason : FILE_REASON_RESET, time);
	ch->data = NULL;
	channel_put(ch);
}

static const struct proto_ops proto_ftp_data = {
	.name = "ftp-data",
	.open = data_open,
	.data = data_data,
	.gap = data_gap,
	.eof = data_eof,
	.close = data_close,
};
