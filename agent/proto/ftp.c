// SPDX-License-Identifier: MIT
/*
 * FTP's control connection (RFC 959 and what followed it).
 *
 * Commands wait in a queue for their replies.  Both halves may be late, have holes or be
 * missing altogether, so a reply goes to the first command it can be meant for, and
 * replies that came before their command are kept for it.
 *
 * What a command changes (type, mode, directory) counts from the command on, since commands
 * may be sent without waiting; a refusal takes it back.
 */
#include "proto/ftp.h"

#include "proto/ftp_text.h"
#include "proto/ftp_verb.h"
#include "proto/line.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_SIZE 8192
#define PATH_MAX_SIZE 4096
#define FTP_PORT_USUAL 21
#define QUEUE_MAX 64
#define CHANNELS_MAX 64
#define EARLY_MAX 16
#define EARLY_TIME 1000000000ull /* ns */
/* Lines in a row that are none of FTP's, and of one reply. */
#define STRANGE_MAX 32
#define REPLY_LINES_MAX 1024

/* A command without its reply. */
struct command {
	enum ftp_verb verb;
	bool under_way;		     /* a preliminary reply came */
	struct ftp_channel *channel; /* that it uses or asked for; in the list below */
	char *text;		     /* path; the directory before CWD */
	uint64_t number;	     /* what TYPE or MODE replaced */
};

/* A reply whose command did not come yet. */
struct early {
	unsigned int code;
	uint64_t time;
};

struct ftp {
	struct proto_session *ps;
	struct line line[DIR_COUNT];
	bool skip[DIR_COUNT]; /* to the next line: the begin of this one is missing */
	bool heard[DIR_COUNT];
	bool client_known;
	enum dir client;
	uint32_t strange;

	struct command queue[QUEUE_MAX];
	size_t first, count;
	struct early early[EARLY_MAX];
	size_t early_count;
	unsigned int many; /* code of the reply that goes on; 0: none */
	uint32_t many_lines;
	bool commands_lost; /* some of the client's bytes did not come by */

	char *user;
	struct buf directory; /* empty: not known */
	bool binary;
	enum ftp_mode mode;
	uint64_t rest;
	struct buf size_path; /* whose size is known */
	uint64_t size;
	bool size_known;

	struct endpoint active;	     /* last address of PORT */
	struct ftp_channel *current; /* of the next transfer; in the list */
	struct ftp_channel *channels[CHANNELS_MAX];
	size_t channel_count;
	struct buf path, url; /* room to work in */
};

/* ------------------------------------------------------------------- channels */

static struct endpoint *end_of(struct ftp *f, enum dir d)
{
	return (struct endpoint *)&proto_session_info(f->ps)->end[d];
}

static void forget_in_queue(struct ftp *f, const struct ftp_channel *ch)
{
	for (size_t i = 0; i < f->count; i++) {
		struct command *c = &f->queue[(f->first + i) % QUEUE_MAX];

		if (c->channel == ch)
			c->channel = NULL;
	}
}

static void channel_leave(struct ftp *f, size_t i, uint64_t time)
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

static bool in_queue(const struct ftp *f, const struct ftp_channel *ch)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->queue[(f->first + i) % QUEUE_MAX].channel == ch)
			return true;
	return false;
}

/* Those of which nothing more comes, and those that were asked for and not used. */
static void channels_sweep(struct ftp *f, uint64_t time)
{
	for (size_t i = f->channel_count; i-- > 0;) {
		struct ftp_channel *ch = f->channels[i];

		if (ch == f->current || in_queue(f, ch))
			continue;
		if (ftp_channel_ended(ch) || !ftp_channel_begun(ch))
			channel_leave(f, i, time);
	}
}

static struct ftp_channel *channel_add(struct ftp *f, uint64_t time)
{
	struct ftp_channel *ch;

	f->current = NULL;
	channels_sweep(f, time);
	if (f->channel_count == CHANNELS_MAX)
		channel_leave(f, 0, time);
	ch = ftp_channel_new(f->ps, f->client);
	if (!ch)
		return NULL;
	f->channels[f->channel_count++] = ch;
	f->current = ch;
	return ch;
}

/* The server connects to the client there; family 0: it was said wrongly. */
static void active(struct ftp *f, const struct endpoint *where, uint64_t time)
{
	struct ftp_channel *ch = channel_add(f, time);

	f->active = *where;
	if (ch)
		ftp_channel_announce(ch, f->client, where, time);
}

/* ---------------------------------------------------------------------- queue */

static struct command *command_at(struct ftp *f, size_t i)
{
	return &f->queue[(f->first + i) % QUEUE_MAX];
}

static void command_free(struct command *c)
{
	free(c->text);
	*c = (struct command){.verb = FTP_OTHER};
}

/* Its reply did not come by, or cannot be told from others. */
static void command_lost(struct ftp *f, struct command *c, uint64_t time)
{
	struct ftp_channel *ch = c->channel;

	c->channel = NULL;
	for (size_t i = 0; ch && c->verb >= FTP_RETR && i < f->channel_count; i++)
		if (f->channels[i] == ch) {
			channel_leave(f, i, time);
			break;
		}
	command_free(c);
}

static struct command *command_add(struct ftp *f, enum ftp_verb verb, uint64_t time)
{
	struct command *c;

	if (f->count == QUEUE_MAX) {
		command_lost(f, command_at(f, 0), time);
		f->first = (f->first + 1) % QUEUE_MAX;
		f->count--;
	}
	c = command_at(f, f->count++);
	*c = (struct command){.verb = verb};
	return c;
}

/* Takes out one that was answered. */
static void command_remove(struct ftp *f, size_t i)
{
	command_free(command_at(f, i));
	for (; i > 0; i--)
		*command_at(f, i) = *command_at(f, i - 1);
	*command_at(f, 0) = (struct command){.verb = FTP_OTHER};
	f->first = (f->first + 1) % QUEUE_MAX;
	f->count--;
}

/* ------------------------------------------------------------------- commands */

static const char *path_of(struct ftp *f, const char *name)
{
	if (!ftp_text_path(f->directory.len ? buf_string(&f->directory) : NULL, name, &f->path))
		return name;
	return buf_string(&f->path);
}

static const char *url_of(struct ftp *f, const char *path)
{
	return ftp_text_url("ftp", FTP_PORT_USUAL, end_of(f, dir_other(f->client)), path,
			    &f->url)
		       ? buf_string(&f->url)
		       : NULL;
}

static bool size_is_of(struct ftp *f, const char *path)
{
	return f->size_known && !strcmp(buf_string(&f->size_path), path);
}

static void size_learn(struct ftp *f, const char *path, uint64_t size)
{
	buf_reset(&f->size_path);
	f->size_known = buf_add_string(&f->size_path, path);
	f->size = size;
}

/*
 * APPE brings a whole file of the client's, which is what counts; where the client asked
 * before how much of it is there, it sends the rest.
 */
static void transfer_begin(struct ftp *f, struct ftp_channel *ch, enum ftp_verb v,
			   const char *word, const char *name, uint64_t time)
{
	const char *path = *name ? path_of(f, name) : NULL;
	struct ftp_transfer t = {
		.what = v == FTP_LISTING ? FTP_NO_FILE
			: v == FTP_RETR	 ? FTP_DOWNLOAD
					 : FTP_UPLOAD,
		.mode = f->mode,
		.command = word,
		.user = f->user,
		.name = path ? ftp_text_last(path) : NULL,
		.path = path,
		.url = path ? url_of(f, path) : NULL,
		.image = f->binary,
		.offset = v == FTP_RETR || v == FTP_STOR ? f->rest : 0,
	};

	if (v == FTP_STOU && !path)
		t.name = "<stou>";
	if (v == FTP_APPE && path && size_is_of(f, path))
		t.offset = f->size;
	if (v == FTP_RETR && path && f->binary && size_is_of(f, path)) {
		t.size_known = true;
		t.size = f->size;
	}
	ftp_channel_begin(ch, &t, time);
}

/* Without a server to be heard nothing is worth waiting for. */
static void replies_missing(struct ftp *f, struct ftp_channel *ch, uint64_t time)
{
	if (!f->heard[dir_other(f->client)])
		ftp_channel_outcome(ch, FTP_DONE, time);
}

static void transfer(struct ftp *f, struct command *c, const char *word, const char *name,
		     uint64_t time)
{
	struct ftp_channel *ch;

	/* The same address again, or the one the control connection comes from. */
	if (!f->current)
		active(f, f->active.family ? &f->active : end_of(f, f->client), time);
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

static void user_is(struct ftp *f, const char *name)
{
	free(f->user);
	f->user = *name ? strdup(name) : NULL;
	/* Another one has other directories. */
	buf_reset(&f->directory);
}

static void directory_is(struct ftp *f, struct command *c, const char *name)
{
	c->text = strdup(buf_string(&f->directory));
	if (ftp_text_path(f->directory.len ? buf_string(&f->directory) : NULL, name,
			  &f->path)) {
		buf_reset(&f->directory);
		buf_add(&f->directory, f->path.data, f->path.len);
	}
}

static void type_is(struct ftp *f, struct command *c, const char *name)
{
	c->number = f->binary;
	f->binary =
		toupper((unsigned char)*name) == 'I' || toupper((unsigned char)*name) == 'L';
}

static void mode_is(struct ftp *f, struct command *c, const char *name)
{
	char m = (char)toupper((unsigned char)*name);

	c->number = f->mode;
	f->mode = m == 'S' ? FTP_MODE_STREAM : m == 'Z' ? FTP_MODE_ZLIB : FTP_MODE_OTHER;
}

static void aborted(struct ftp *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (ftp_is_transfer(command_at(f, i)->verb) && command_at(f, i)->channel)
			ftp_channel_abort(command_at(f, i)->channel);
}

static void run(struct ftp *f, struct command *c, const char *word, const char *rest,
		uint64_t time)
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
		c->channel = channel_add(f, time);
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
			c->text = strdup(path_of(f, rest));
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

/* -------------------------------------------------------------------- replies */

static void passive(struct ftp *f, struct ftp_channel *ch, unsigned int code, const char *text,
		    uint64_t time)
{
	struct endpoint e = {.family = 0};
	enum dir server = dir_other(f->client);
	bool ok;

	if (code == 229)
		ok = ftp_text_epsv(text, &e.port);
	else
		ok = code == 228 ? ftp_text_long_port(text, &e) : ftp_text_port(text, &e);
	if (!ok)
		return;
	if (!ch)
		ch = channel_add(f, time);
	f->active.family = 0;
	if (ch)
		ftp_channel_announce(ch, server, &e, time);
}

/* What was taken as done is not. */
static void take_back(struct ftp *f, struct command *c, uint64_t time)
{
	switch (c->verb) {
	case FTP_TYPE:
		f->binary = c->number;
		break;
	case FTP_MODE:
		f->mode = (enum ftp_mode)c->number;
		break;
	case FTP_REST:
		f->rest = 0;
		break;
	case FTP_CWD:
	case FTP_CDUP:
		buf_reset(&f->directory);
		if (c->text)
			buf_add_string(&f->directory, c->text);
		break;
	case FTP_PASV:
	case FTP_EPSV:
	case FTP_LPSV:
		if (f->current && f->current == c->channel)
			f->current = NULL;
		break;
	case FTP_SIZE:
	case FTP_MLST:
		if (c->text && size_is_of(f, c->text))
			f->size_known = false;
		break;
	default:
		break;
	}
	if (!ftp_is_transfer(c->verb) || !c->channel)
		return;
	if (c->under_way || f->current || !ftp_channel_undo(c->channel))
		ftp_channel_outcome(c->channel, FTP_FAILED, time);
	else
		f->current = c->channel;
}

static void transfer_told(struct ftp *f, struct command *c, const char *text)
{
	const char *name;
	uint64_t size;
	size_t n;

	if (!c->channel)
		return;
	if (c->verb == FTP_STOU && (name = ftp_text_unique_name(text, &n))) {
		char *copy = strndup(name, n);
		const char *path = copy ? path_of(f, copy) : NULL;
		const char *url = path ? url_of(f, path) : NULL;

		if (path && url)
			ftp_channel_path(c->channel, path, url);
		free(copy);
	}
	if (c->verb == FTP_RETR && ftp_text_bytes(text, &size) &&
	    (f->binary || strcasestr(text, "binary")))
		ftp_channel_size(c->channel, size);
}

static void accept_reply(struct ftp *f, struct command *c, unsigned int code, const char *text,
			 uint64_t time)
{
	uint64_t size;

	switch (c->verb) {
	case FTP_AUTH:
		counter_add(proto_session_env(f->ps)->counters, COUNTER_SESSIONS_TLS, 1);
		proto_session_done(f->ps);
		break;
	case FTP_PASV:
	case FTP_EPSV:
	case FTP_LPSV:
		if (c->channel)
			passive(f, c->channel, code, text, time);
		break;
	case FTP_PWD:
		if (ftp_text_directory(text, &f->path)) {
			buf_reset(&f->directory);
			buf_add(&f->directory, f->path.data, f->path.len);
		}
		break;
	case FTP_SIZE:
		if (c->text && f->binary && ftp_text_number(text, &size))
			size_learn(f, c->text, size);
		break;
	default:
		break;
	}
	if (ftp_is_transfer(c->verb)) {
		transfer_told(f, c, text);
		if (c->channel)
			ftp_channel_outcome(c->channel, FTP_DONE, time);
	}
}

/* A command that did not come by, as far as the reply to it tells. */
static void transfer_guess(struct ftp *f, const char *text, uint64_t time)
{
	struct ftp_transfer t = {.what = FTP_EITHER, .user = f->user};
	struct ftp_channel *ch = f->current;
	struct command *c;
	const char *name;
	char *copy = NULL;
	size_t n;

	if (!ch || (f->heard[f->client] && !f->commands_lost))
		return;
	name = ftp_text_opening(text, &n);
	if (name && !ftp_text_is_listing(text))
		copy = strndup(name, n);
	if (copy) {
		t.path = path_of(f, copy);
		t.name = ftp_text_last(t.path);
		t.url = url_of(f, t.path);
	} else {
		t.what = FTP_NO_FILE;
	}
	f->current = NULL;
	c = command_add(f, FTP_RETR, time);
	c->channel = ch;
	c->under_way = true;
	ftp_channel_begin(ch, &t, time);
	if (ftp_text_bytes(text, &t.size) && strcasestr(text, "binary"))
		ftp_channel_size(ch, t.size);
	free(copy);
}

static void reply_early(struct ftp *f, unsigned int code, const char *text, uint64_t time)
{
	if (code < 200)
		transfer_guess(f, text, time);
	if (code < 200 || code == 220)
		return;
	if (code >= 227 && code <= 229)
		passive(f, NULL, code, text, time);
	if (f->early_count == EARLY_MAX)
		memmove(f->early, f->early + 1, --f->early_count * sizeof(*f->early));
	f->early[f->early_count++] = (struct early){code, time};
}

/* Was this command answered already?  0: no. */
static unsigned int take_early(struct ftp *f, enum ftp_verb v, uint64_t time)
{
	struct early e = {.code = 0};

	while (f->early_count && !e.code) {
		e = f->early[0];
		memmove(f->early, f->early + 1, --f->early_count * sizeof(*f->early));
		if (!ftp_answers(e.code, v, false) || time > e.time + EARLY_TIME)
			e.code = 0;
	}
	return e.code;
}

/* Replies are in order, but for what a client may ask while data is on its way. */
static bool stays(const struct command *c, enum ftp_verb answered)
{
	return c->under_way && (answered == FTP_STAT || answered == FTP_OTHER);
}

static void reply(struct ftp *f, unsigned int code, const char *text, uint64_t time)
{
	struct command *c;
	size_t i;

	for (i = 0; i < f->count; i++)
		if (ftp_answers(code, command_at(f, i)->verb, command_at(f, i)->under_way))
			break;
	if (i == f->count) {
		reply_early(f, code, text, time);
		return;
	}
	while (i && !stays(command_at(f, 0), command_at(f, i)->verb)) {
		command_lost(f, command_at(f, 0), time);
		command_remove(f, 0);
		i--;
	}
	c = command_at(f, i);
	if (code < 200) {
		c->under_way = true;
		transfer_told(f, c, text);
		return;
	}
	if (code >= 400)
		take_back(f, c, time);
	else
		accept_reply(f, c, code, text, time);
	command_remove(f, i);
	channels_sweep(f, time);
}

/* ---------------------------------------------------------------------- lines */

static void strange(struct ftp *f)
{
	if (++f->strange < STRANGE_MAX)
		return;
	counter_add(proto_session_env(f->ps)->counters, COUNTER_FTP_ERRORS, 1);
	proto_session_done(f->ps);
}

static void command_line(struct ftp *f, const char *line, uint64_t time)
{
	char word[FTP_WORD_MAX];
	const char *rest;
	enum ftp_verb v = ftp_verb_of(line, word, &rest);
	struct command *c;
	unsigned int code;

	if (v == FTP_NONE) {
		strange(f);
		return;
	}
	f->strange = 0;
	code = take_early(f, v, time);
	c = command_add(f, v, time);
	if (!code || (v != FTP_PASV && v != FTP_EPSV && v != FTP_LPSV))
		run(f, c, word, rest, time);
	if (!code)
		return;
	if (code >= 400)
		take_back(f, c, time);
	else
		accept_reply(f, c, code, "", time);
	command_remove(f, f->count - 1);
}

/* Facts of MLST stand between its first and last line. */
static void reply_line_between(struct ftp *f, const char *line)
{
	struct command *c = f->count ? command_at(f, 0) : NULL;
	uint64_t size;

	if (c && c->verb == FTP_MLST && c->text && ftp_text_fact_size(line, &size))
		size_learn(f, c->text, size);
}

static void reply_line(struct ftp *f, const char *line, uint64_t time)
{
	const char *text;
	bool more = false;
	unsigned int code = ftp_reply_of(line, &more, &text);

	if (f->many && (code != f->many || more)) {
		reply_line_between(f, line);
		if (++f->many_lines > REPLY_LINES_MAX)
			f->many = 0;
		return;
	}
	if (!code) {
		strange(f);
		return;
	}
	f->strange = 0;
	f->many = more ? code : 0;
	f->many_lines = 0;
	if (!more)
		reply(f, code, text, time);
}

/* ------------------------------------------------------------------ interface */

static void *ftp_open(struct proto_session *ps)
{
	struct ftp *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->ps = ps;
	f->client = DIR_OPENER;
	f->client_known = !proto_session_info(ps)->midstream;
	for (int d = 0; d < DIR_COUNT; d++)
		line_init(&f->line[d], LINE_MAX_SIZE);
	buf_init(&f->directory, PATH_MAX_SIZE);
	buf_init(&f->size_path, PATH_MAX_SIZE);
	buf_init(&f->path, PATH_MAX_SIZE);
	buf_init(&f->url, 4 * PATH_MAX_SIZE);
	return f;
}

static bool is_tls(const uint8_t *p, size_t n)
{
	return n >= 2 && p[0] == 0x16 && p[1] == 0x03;
}

static void line(struct ftp *f, enum dir dir, uint64_t time)
{
	const char *text = line_text(&f->line[dir]);

	if (f->skip[dir]) {
		f->skip[dir] = false;
		return;
	}
	if (!f->client_known) {
		f->client_known = true;
		f->client = isdigit((unsigned char)text[0]) ? dir_other(dir) : dir;
	}
	f->heard[dir] = true;
	if (dir == f->client)
		command_line(f, text, time);
	else
		reply_line(f, text, time);
}

static void ftp_data(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct ftp *f = state;
	struct line *l = &f->line[dir];
	size_t used;

	/* The reply that allowed it was not seen. */
	if ((l->whole || !l->length) && is_tls(p, n)) {
		counter_add(proto_session_env(f->ps)->counters, COUNTER_SESSIONS_TLS, 1);
		proto_session_done(f->ps);
	}
	while (n && proto_session_wanted(f->ps)) {
		used = line_add(l, p, n);
		if (l->whole)
			line(f, dir, time);
		/* It may have been a password. */
		if (l->whole)
			line_wipe(l);
		p += used;
		n -= used;
	}
}

static void ftp_gap(void *state, enum dir dir, uint64_t n, uint64_t time)
{
	struct ftp *f = state;

	line_reset(&f->line[dir]);
	f->skip[dir] = true;
	if (f->client_known && dir == f->client) {
		f->commands_lost = true;
		return;
	}
	f->many = 0;
	for (size_t i = 0; i < f->channel_count; i++)
		ftp_channel_doubt(f->channels[i]);
}

static void leave_all(struct ftp *f, uint64_t time)
{
	while (f->channel_count)
		channel_leave(f, f->channel_count - 1, time);
}

static void ftp_eof(void *state, enum dir dir, uint64_t time)
{
	struct ftp *f = state;

	if (dir != f->client)
		leave_all(f, time);
}

static void ftp_close(void *state, enum file_reason reason, uint64_t time)
{
	struct ftp *f = state;

	leave_all(f, time);
	while (f->count)
		command_remove(f, 0);
	for (int d = 0; d < DIR_COUNT; d++)
		line_free(&f->line[d]);
	buf_free(&f->directory);
	buf_free(&f->size_path);
	buf_free(&f->path);
	buf_free(&f->url);
	free(f->user);
	free(f);
}

const struct proto_ops proto_ftp = {
	.name = "ftp",
	.probe = ftp_probe,
	.open = ftp_open,
	.data = ftp_data,
	.gap = ftp_gap,
	.eof = ftp_eof,
	.close = ftp_close,
};
