/* SPDX-License-Identifier: MIT */
/*
 * Application protocols: the bytes of one session in, files out.
 *
 * A parser is a struct of functions.  It is chosen by the first bytes of both
 * directions, never by the port, or because another session announced this one
 * (expect.h).  It knows no socket, clock or other protocol: time comes with the data.
 */
#ifndef SLUICE_PROTO_PROTO_H
#define SLUICE_PROTO_PROTO_H

#include "lib/counter.h"
#include "lib/decode_limits.h"
#include "lib/session_note.h"
#include "lib/sighting.h"
#include "proto/expect.h"
#include "proto/shared.h"
#include "sample/file.h"
#include "sample/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all sessions of an inspector share. */
struct proto_env {
	struct file_set *files;
	struct range_set *ranges; /* NULL: ranges are not put together */
	struct counters *counters;
	struct decode_limits decode;
	/* Sessions that others announced; NULL: none ever is. */
	struct expect_set *expected;
	/* What sessions of one protocol know together; NULL: nothing. */
	struct shared_set *shared;
	/*
	 * Also make files of what is none: a form's fields, the text of mails (see
	 * SIGHTING_KINDS).  For captures; on a live network they are what people wrote, and
	 * stay where they are.
	 */
	bool private_talk;
	bool whole_mails; /* and of whole messages: where a rule names them */
	/*
	 * The name of that application with that host, n bytes as the client wrote it; NULL:
	 * as parsers name it.
	 */
	const char *(*refine)(void *arg, const char *application, const char *host, size_t n);
	/* A session that has a name though no file of it can be seen; may be NULL. */
	void (*note)(void *arg, const struct session_note *n);
	/* Nobody wants the rest of this session; may be NULL. */
	void (*shunt)(void *arg, const struct session_info *s);
	/*
	 * Nobody wants n bytes of a direction from that TCP sequence number on; NULL: the
	 * source cannot leave them out.  Called by stream/, not by parsers.
	 */
	void (*skip)(void *arg, const struct session_info *s, enum dir dir, uint32_t sequence,
		     uint64_t n);
	void *arg;
};

enum probe { PROBE_NO, PROBE_MORE, PROBE_YES };

struct proto_session;

/* What a detector is shown: the first bytes of each direction so far. */
struct proto_head {
	const uint8_t *p;
	size_t n;
	bool whole; /* nothing more will come in this direction */
};

struct proto_ops {
	const char *name; /* "http" */
	/* NULL: never found over TCP, or only when expected. */
	enum probe (*probe)(const struct proto_head head[DIR_COUNT]);
	/*
	 * The same for UDP, shown one datagram of a session; MORE asks for the next
	 * one as well, up to DATAGRAMS_PROBED.
	 */
	enum probe (*probe_datagram)(enum dir dir, const uint8_t *p, size_t n);
	/* NULL: out of memory, the session is given up. */
	void *(*open)(struct proto_session *ps);
	/* UDP; NULL where the protocol has none.  No gap and no eof there. */
	void (*datagram)(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time);
	void (*data)(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time);
	void (*gap)(void *state, enum dir dir, uint64_t n, uint64_t time);
	/* That direction ended in order (FIN). */
	void (*eof)(void *state, enum dir dir, uint64_t time);
	/* Last call: closes what is open with `reason`, frees state. */
	void (*close)(void *state, enum file_reason reason, uint64_t time);
};

/* Datagrams of a session after which nobody wanting it is final. */
#define DATAGRAMS_PROBED 4

extern const struct proto_ops proto_http1;
extern const struct proto_ops proto_http2;
extern const struct proto_ops proto_smtp;
extern const struct proto_ops proto_pop3;
extern const struct proto_ops proto_imap;
extern const struct proto_ops proto_ftp;
extern const struct proto_ops proto_smb;
extern const struct proto_ops proto_nfs;
extern const struct proto_ops proto_tftp;
extern const struct proto_ops proto_tls;
extern const struct proto_ops proto_quic;

/*
 * The streams of one TCP session, or the datagrams of one of UDP (info->protocol).
 * info is copied.  NULL when out of memory.
 */
struct proto_session *proto_session_new(struct proto_env *env, const struct session_info *info);
/* In order, without overlap; a byte of a direction comes once. */
void proto_session_data(struct proto_session *ps, enum dir dir, const uint8_t *p, size_t n,
			uint64_t time);
void proto_session_gap(struct proto_session *ps, enum dir dir, uint64_t n, uint64_t time);
void proto_session_eof(struct proto_session *ps, enum dir dir, uint64_t time);
/* UDP: one whole datagram, in the order they came by. */
void proto_session_datagram(struct proto_session *ps, enum dir dir, const uint8_t *p, size_t n,
			    uint64_t time);
/* reason for files still open: RESET, TIMEOUT, or NONE after both FINs. */
void proto_session_free(struct proto_session *ps, enum file_reason reason, uint64_t time);
/* False once nothing more is wanted from either direction. */
bool proto_session_wanted(const struct proto_session *ps);
/*
 * Bytes of a direction that are not wanted, behind all that were given: they may be left
 * out, and what is missing of them is given as a gap; UINT64_MAX: all up to its end.
 */
uint64_t proto_session_unwanted(const struct proto_session *ps, enum dir dir);

/* For parsers. */
struct proto_env *proto_session_env(struct proto_session *ps);
const struct session_info *proto_session_info(const struct proto_session *ps);
/*
 * Who is the client of the conversation, where its parser can tell; the opener where nobody
 * says.  It is the answerer where a server opens a connection that its client asked for, and
 * where a session was seen from its middle, and an answer first.  In a sighting client and
 * opener are the same: the ends change places, with NAT, interfaces and the rest.
 */
void proto_session_client(struct proto_session *ps, enum dir client);
/*
 * A sighting's beginning: session, direction by who sends the file, application
 * and the number of the file in this session.
 */
void proto_session_sighting(struct proto_session *ps, struct sighting *s, enum dir sender,
			    const char *application);
/* The host that the client named stands in the sighting now: its application is refined. */
void proto_session_refine(struct proto_session *ps, struct sighting *s);
/* From now on this session has that name in place of the parser's own; a constant. */
void proto_session_rename(struct proto_session *ps, const char *application);
/* That name, or the one given. */
const char *proto_session_name(const struct proto_session *ps, const char *application);
/* The parser wants no more: the session is shunted where the source can. */
void proto_session_done(struct proto_session *ps);
/*
 * The parser does not want the next n bytes of that direction behind those it was given, the
 * ones of its present call included; UINT64_MAX: all up to its end.  They come as data or as
 * gaps, just as they are left out or not, and in the end exactly n.  May be said again with
 * what is left of them.
 */
void proto_session_skip(struct proto_session *ps, enum dir dir, uint64_t n);
/*
 * What is carried from here on is another protocol (CONNECT, Upgrade): rest says which
 * bytes the parser was given and did not use.  They are copied, and detection begins anew
 * with them after the parser's present call returns; its close() is called then with
 * FILE_REASON_NONE.  context may be NULL; it says what the parser that follows cannot see,
 * the request that was upgraded for one, and is copied.  False: out of memory or
 * handed over too often, and the session is done.
 */
bool proto_session_handover(struct proto_session *ps, const struct proto_head rest[DIR_COUNT],
			    const struct sighting *context);
/*
 * What is carried from here on is TLS, as both agreed: the same, for a parser that was given n
 * bytes of dir that it did not use.  Counted here.
 */
void proto_session_starttls(struct proto_session *ps, enum dir dir, const uint8_t *p, size_t n);
/* The protocol that handed this session over, and whether it did so to TLS; NULL: none. */
const char *proto_session_carrier(const struct proto_session *ps, bool *starttls);
/*
 * A session that nobody can read has that name, refined by note's server name.  note says
 * protocol and what TLS says; the rest is filled in here, and env->note() told.
 */
void proto_session_note(struct proto_session *ps, struct session_note *note,
			const char *application, uint64_t time);
/* That context, in open() and later; NULL: none. */
const struct sighting *proto_session_context(const struct proto_session *ps);
/*
 * In open(): the arg of the expectation that brought the session here, which belongs to
 * the parser from now on; NULL: found by its bytes.
 */
void *proto_session_expected(struct proto_session *ps);

#endif
