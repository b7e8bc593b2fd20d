/* SPDX-License-Identifier: MIT */
/*
 * FTP's commands, which replies they can have, and how FTP is told from others.
 */
#ifndef SLUICE_PROTO_FTP_VERB_H
#define SLUICE_PROTO_FTP_VERB_H

#include "proto/proto.h"

#include <stdbool.h>
#include <stdint.h>

enum ftp_verb {
	FTP_NONE, /* no command at all */
	FTP_OTHER,
	FTP_USER,
	FTP_PASS,
	FTP_AUTH,
	FTP_PORT,
	FTP_EPRT,
	FTP_LPRT,
	FTP_PASV,
	FTP_EPSV,
	FTP_LPSV,
	FTP_TYPE,
	FTP_MODE,
	FTP_REST,
	FTP_SIZE,
	FTP_MLST,
	FTP_MDTM,
	FTP_STAT,
	FTP_CWD,
	FTP_CDUP,
	FTP_PWD,
	FTP_ABOR,
	FTP_REIN,
	FTP_QUIT,
	/* From here on with a data connection. */
	FTP_RETR,
	FTP_STOR,
	FTP_STOU,
	FTP_APPE,
	FTP_LISTING,
};

#define FTP_WORD_MAX 8

/*
 * The command of a line, its word in capitals, and what follows.  FTP_NONE: the line
 * is no command.
 */
enum ftp_verb ftp_verb_of(const char *line, char word[static FTP_WORD_MAX], const char **rest);

static inline bool ftp_is_transfer(enum ftp_verb v)
{
	return v >= FTP_RETR;
}

/* Can this reply be meant for that command? */
bool ftp_answers(unsigned int code, enum ftp_verb v, bool under_way);

/*
 * The code of a line of a reply; 0: it is none.  more: it goes on; text: what is behind
 * the code.
 */
unsigned int ftp_reply_of(const char *line, bool *more, const char **text);

enum probe ftp_probe(const struct proto_head head[DIR_COUNT]);

#endif
