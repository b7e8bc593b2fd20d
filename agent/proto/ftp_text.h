/* SPDX-License-Identifier: MIT */
/*
 * What the lines of an FTP control connection say: addresses, sizes, names, paths.
 * RFC 959, RFC 2428 (EPRT, EPSV), RFC 1639 (LPRT, LPSV), RFC 3659 (SIZE, MLST).
 */
#ifndef SLUICE_PROTO_FTP_TEXT_H
#define SLUICE_PROTO_FTP_TEXT_H

#include "lib/buf.h"
#include "lib/inet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "h1,h2,h3,h4,p1,p2" wherever it begins: of PORT, and of 227 with or without brackets. */
bool ftp_text_port(const char *text, struct endpoint *e);
/* "|1|192.0.2.1|1234|" of EPRT. */
bool ftp_text_eprt(const char *text, struct endpoint *e);
/* "(|||1234|)" of 229; the address is another's to know. */
bool ftp_text_epsv(const char *text, uint16_t *port);
/* "4,4,h1,..,h4,2,p1,p2" and "6,16,h1,..,h16,2,p1,p2" of LPRT and 228. */
bool ftp_text_long_port(const char *text, struct endpoint *e);

/* A decimal number and nothing but blanks behind it. */
bool ftp_text_number(const char *text, uint64_t *n);
/* "(1234 bytes)" of a 150 or 125. */
bool ftp_text_bytes(const char *text, uint64_t *n);
/* Fact "size" of a line of MLST. */
bool ftp_text_fact_size(const char *text, uint64_t *n);
/* "FILE: name" (RFC 1123 §4.1.2.9) and "unique file name: name"; NULL when there is none. */
const char *ftp_text_unique_name(const char *text, size_t *n);
/* "Opening BINARY mode data connection for name (1234 bytes)."; NULL when there is none. */
const char *ftp_text_opening(const char *text, size_t *n);
/* Does a 150 speak of a listing? */
bool ftp_text_is_listing(const char *text);
/* The directory of a 257, its quotes undone; false when there is none. */
bool ftp_text_directory(const char *text, struct buf *out);

/*
 * A path as the server understands it: name, taken from the directory where it is
 * relative ("" or NULL: not known), without "." and "..".
 */
bool ftp_text_path(const char *directory, const char *name, struct buf *out);
/* Its last part. */
const char *ftp_text_last(const char *path);
/* scheme://host[:port]/path, without a port that is the usual one. */
bool ftp_text_url(const char *scheme, uint16_t usual, const struct endpoint *server,
		  const char *path, struct buf *out);

#endif
