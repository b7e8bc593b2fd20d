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
#include "proto/ftp_control.h"

#include "proto/ftp_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_SIZE 8192
#define EARLY_TIME 1000000000ull /* ns */
/* Lines in a row that are none of FTP's, and of one reply. */
#define STRANGE_MAX 32
#define REPLY_LINES_MAX 1024

/* -------------------------------------------------------------------- replies */

static void passive(struct ftp_control *f, struct ftp_channel *ch, unsigned int code,
		    const char *text, uint64_t time)
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
		ch = ftp_control_channel(f, time);
	f->active.family = 0;
	if (ch)
		ftp_channel_announce(ch, server, &e, time);
}

/* What was taken as done is not. */
static void take_back(struct ftp_control *f, struct ftp_command *c, uint64_t time)
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
		if (c->text && ftp_control_size_is_of(f, c->text))
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

static void transfer_told(struct ftp_control *f, struct ftp_command *c, const char *text)
{
	const char *name;
	uint64_t size;
	size_t n;

	if (!c->channel)
		return;
	if (c->verb == FTP_STOU && (name = ftp_text_unique_name(text, &n))) {
		char *copy = strndup(name, n);
		const char *path = copy ? ftp_control_path(f, copy) : NULL;
		const char *url = path ? ftp_control_url(f, path) : NULL;

		if (path && url)
			ftp_channel_path(c->channel, path, url);
		free(copy);
	}
	if (c->verb == FTP_RETR && ftp_text_bytes(text, &size) &&
	    (f->binary || strcasestr(text, "binary")))
		ftp_channel_size(c->channel, size);
}

static void accept_reply(struct ftp_control *f, struct ftp_command *c, unsigned int code,
			 const char *text, uint64_t time)
{
	uint64_t size;

	switch (c->verb) {
	case FTP_AUTH:
		if (code == 234) {
			f->tls = true; /* ftp_data() hands it over */
			break;
		}
		/* Kerberos (RFC 2228 §3): what follows is as unreadable. */
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
			ftp_control_size(f, c->text, size);
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
static void transfer_guess(struct ftp_control *f, const char *text, uint64_t time)
{
	struct ftp_transfer t = {.what = FTP_EITHER, .user = f->user};
	struct ftp_channel *ch = f->current;
	struct ftp_command *c;
	const char *name;
	char *copy = NULL;
	size_t n;

	if (!ch || (f->heard[f->client] && !f->commands_lost))
		return;
	name = ftp_text_opening(text, &n);
	if (name && !ftp_text_is_listing(text))
		copy = strndup(name, n);
	if (copy) {
		t.path = ftp_control_path(f, copy);
		t.name = ftp_text_last(t.path);
		t.url = ftp_control_url(f, t.path);
	} else {
		t.what = FTP_NO_FILE;
	}
	f->current = NULL;
	c = ftp_command_add(f, FTP_RETR, time);
	c->channel = ch;
	c->under_way = true;
	ftp_channel_begin(ch, &t, time);
	if (ftp_text_bytes(text, &t.size) && strcasestr(text, "binary"))
		ftp_channel_size(ch, t.size);
	free(copy);
}

static void reply_early(struct ftp_control *f, unsigned int code, const char *text,
			uint64_t time)
{
	if (code < 200)
		transfer_guess(f, text, time);
	if (code < 200 || code == 220)
		return;
	if (code >= 227 && code <= 229)
		passive(f, NULL, code, text, time);
	if (f->early_count == FTP_EARLY_MAX)
		memmove(f->early, f->early + 1, --f->early_count * sizeof(*f->early));
	f->early[f->early_count++] = (struct ftp_early){code, time};
}

/* Was this command answered already?  0: no. */
static unsigned int take_early(struct ftp_control *f, enum ftp_verb v, uint64_t time)
{
	struct ftp_early e = {.code = 0};

	while (f->early_count && !e.code) {
		e = f->early[0];
		memmove(f->early, f->early + 1, --f->early_count * sizeof(*f->early));
		if (!ftp_answers(e.code, v, false) || time > e.time + EARLY_TIME)
			e.code = 0;
	}
	return e.code;
}

/* Replies are in order, but for what a client may ask while data is on its way. */
static bool stays(const struct ftp_command *c, enum ftp_verb answered)
{
	return c->under_way && (answered == FTP_STAT || answered == FTP_OTHER);
}

static void reply(struct ftp_control *f, unsigned int code, const char *text, uint64_t time)
{
	struct ftp_command *c;
	size_t i;

	for (i = 0; i < f->count; i++)
		if (ftp_answers(code, ftp_command_at(f, i)->verb,
				ftp_command_at(f, i)->under_way))
			break;
	if (i == f->count) {
		reply_early(f, code, text, time);
		return;
	}
	while (i && !stays(ftp_command_at(f, 0), ftp_command_at(f, i)->verb)) {
		ftp_command_lost(f, ftp_command_at(f, 0), time);
		ftp_command_remove(f, 0);
		i--;
	}
	c = ftp_command_at(f, i);
	if (code < 200) {
		c->under_way = true;
		transfer_told(f, c, text);
		return;
	}
	if (code >= 400)
		take_back(f, c, time);
	else
		accept_reply(f, c, code, text, time);
	ftp_command_remove(f, i);
	ftp_control_sweep(f, time);
}

/* ---------------------------------------------------------------------- lines */

static void strange(struct ftp_control *f)
{
	if (++f->strange < STRANGE_MAX)
		return;
	counter_add(proto_session_env(f->ps)->counters, COUNTER_FTP_ERRORS, 1);
	proto_session_done(f->ps);
}

static void command_line(struct ftp_control *f, const char *line, uint64_t time)
{
	char word[FTP_WORD_MAX];
	const char *rest;
	enum ftp_verb v = ftp_verb_of(line, word, &rest);
	struct ftp_command *c;
	unsigned int code;

	if (v == FTP_NONE) {
		strange(f);
		return;
	}
	f->strange = 0;
	code = take_early(f, v, time);
	c = ftp_command_add(f, v, time);
	if (!code || (v != FTP_PASV && v != FTP_EPSV && v != FTP_LPSV))
		ftp_command_run(f, c, word, rest, time);
	if (!code)
		return;
	if (code >= 400)
		take_back(f, c, time);
	else
		accept_reply(f, c, code, "", time);
	ftp_command_remove(f, f->count - 1);
}

/* Facts of MLST stand between its first and last line. */
static void reply_line_between(struct ftp_control *f, const char *line)
{
	struct ftp_command *c = f->count ? ftp_command_at(f, 0) : NULL;
	uint64_t size;

	if (c && c->verb == FTP_MLST && c->text && ftp_text_fact_size(line, &size))
		ftp_control_size(f, c->text, size);
}

static void reply_line(struct ftp_control *f, const char *line, uint64_t time)
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
	struct ftp_control *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->ps = ps;
	f->client = DIR_OPENER;
	f->client_known = !proto_session_info(ps)->midstream;
	for (int d = 0; d < DIR_COUNT; d++)
		line_init(&f->line[d], LINE_MAX_SIZE);
	buf_init(&f->directory, FTP_PATH_MAX);
	buf_init(&f->size_path, FTP_PATH_MAX);
	buf_init(&f->path, FTP_PATH_MAX);
	buf_init(&f->url, 4 * FTP_PATH_MAX);
	return f;
}

static bool is_tls(const uint8_t *p, size_t n)
{
	return n >= 2 && p[0] == 0x16 && p[1] == 0x03;
}

static void line(struct ftp_control *f, enum dir dir, uint64_t time)
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
	struct ftp_control *f = state;
	struct line *l = &f->line[dir];
	size_t used;

	/* The reply that allowed it was not seen. */
	if (!f->tls && (l->whole || !l->length) && is_tls(p, n))
		f->tls = true;
	while (n && !f->tls && proto_session_wanted(f->ps)) {
		used = line_add(l, p, n);
		if (l->whole)
			line(f, dir, time);
		/* It may have been a password. */
		if (l->whole)
			line_wipe(l);
		p += used;
		n -= used;
	}
	if (f->tls && proto_session_wanted(f->ps))
		proto_session_starttls(f->ps, dir, p, n);
}

static void ftp_gap(void *state, enum dir dir, uint64_t n, uint64_t time)
{
	struct ftp_control *f = state;

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

static void leave_all(struct ftp_control *f, uint64_t time)
{
	while (f->channel_count)
		ftp_control_leave(f, f->channel_count - 1, time);
}

static void ftp_eof(void *state, enum dir dir, uint64_t time)
{
	struct ftp_control *f = state;

	if (dir != f->client)
		leave_all(f, time);
}

static void ftp_close(void *state, enum file_reason reason, uint64_t time)
{
	struct ftp_control *f = state;

	leave_all(f, time);
	while (f->count)
		ftp_command_remove(f, 0);
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
