/* SPDX-License-Identifier: MIT */
/*
 * The state of an FTP control connection: the commands (ftp_command.c) and what their
 * replies make of it (ftp.c).
 */
#ifndef SLUICE_PROTO_FTP_CONTROL_H
#define SLUICE_PROTO_FTP_CONTROL_H

#include "proto/ftp.h"
#include "proto/ftp_verb.h"
#include "proto/line.h"

#define FTP_QUEUE_MAX 64
#define FTP_CHANNELS_MAX 64
#define FTP_EARLY_MAX 16
#define FTP_PATH_MAX 4096

/* A command without its reply. */
struct ftp_command {
	enum ftp_verb verb;
	bool under_way;		     /* a preliminary reply came */
	struct ftp_channel *channel; /* that it uses or asked for; in the list below */
	char *text;		     /* path; the directory before CWD */
	uint64_t number;	     /* what TYPE or MODE replaced */
};

/* A reply whose command did not come yet. */
struct ftp_early {
	unsigned int code;
	uint64_t time;
};

struct ftp_control {
	struct proto_session *ps;
	struct line line[DIR_COUNT];
	bool skip[DIR_COUNT]; /* to the next line: the begin of this one is missing */
	bool heard[DIR_COUNT];
	bool client_known;
	bool tls; /* what follows is TLS */
	enum dir client;
	uint32_t strange;

	struct ftp_command queue[FTP_QUEUE_MAX];
	size_t first, count;
	struct ftp_early early[FTP_EARLY_MAX];
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
	struct ftp_channel *channels[FTP_CHANNELS_MAX];
	size_t channel_count;
	struct buf path, url; /* room to work in */
};

/* The end of the session. */
static inline const struct endpoint *ftp_control_end(struct ftp_control *f, enum dir d)
{
	return &proto_session_info(f->ps)->end[d];
}

/* A new channel for the next transfer; one that waited for it is given up.  May be NULL. */
struct ftp_channel *ftp_control_channel(struct ftp_control *f, uint64_t time);
/* Gives up channel i, which is on its own from now on. */
void ftp_control_leave(struct ftp_control *f, size_t i, uint64_t time);
/* Gives up those of which nothing more comes, and those that were asked for and not used. */
void ftp_control_sweep(struct ftp_control *f, uint64_t time);

/*
 * A name as a path, and that path as an URL (NULL: it cannot be); valid until the next
 * call.
 */
const char *ftp_control_path(struct ftp_control *f, const char *name);
const char *ftp_control_url(struct ftp_control *f, const char *path);
/* The one file whose size the server told last. */
void ftp_control_size(struct ftp_control *f, const char *path, uint64_t size);
bool ftp_control_size_is_of(struct ftp_control *f, const char *path);

/* Command i of those that wait for their reply, from the oldest on. */
struct ftp_command *ftp_command_at(struct ftp_control *f, size_t i);
/* At the end of the queue; the oldest goes when there are too many. */
struct ftp_command *ftp_command_add(struct ftp_control *f, enum ftp_verb verb, uint64_t time);
/* Takes out one that was answered, or lost. */
void ftp_command_remove(struct ftp_control *f, size_t i);
/* Its reply did not come by, or cannot be told from others. */
void ftp_command_lost(struct ftp_control *f, struct ftp_command *c, uint64_t time);
/* Does what the command says: word in capitals, and what is behind it. */
void ftp_command_run(struct ftp_control *f, struct ftp_command *c, const char *word,
		     const char *rest, uint64_t time);

#endif
