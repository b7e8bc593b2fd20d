/* SPDX-License-Identifier: MIT */
/*
 * Names of applications, in PAN-OS's vocabulary where that has one.
 *
 * What a parser knows is one of APPLICATIONS.  A loadable table then refines it by the host
 * that the client named (Host of HTTP, SNI of TLS): one line per domain,
 *
 *	dropbox.com  dropbox-base  web-browsing, ssl
 *
 * says that a session with dropbox.com, or anything below it, that is web-browsing or ssl, is
 * called dropbox-base.  The longest domain that has a line for the application wins.
 */
#ifndef SLUICE_POLICY_APPLICATION_H
#define SLUICE_POLICY_APPLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * All that parsers say.  files: a file can be seen in it; the others only name sessions.
 * X(name, files, meaning)
 */
#define APPLICATIONS(X)                                                       \
	X("web-browsing", true, "HTTP/1 and HTTP/2")                          \
	X("webdav", true, "HTTP, once a method of RFC 4918 was used")         \
	X("http-proxy", true, "HTTP's CONNECT; not what goes through it")     \
	X("smtp", true, "SMTP and LMTP")                                      \
	X("pop3", true, "POP3")                                               \
	X("imap", true, "IMAP")                                               \
	X("ftp", true, "FTP, control and data")                               \
	X("ms-ds-smbv1", true, "SMB 1, CIFS")                                 \
	X("ms-ds-smbv2", true, "SMB 2.0.2 and 2.1")                           \
	X("ms-ds-smbv3", true, "SMB 3.x")                                     \
	X("ms-ds-smb-base", true, "SMB 2 or 3: its negotiation was not seen") \
	X("nfs", true, "NFS 2 to 4")                                          \
	X("tftp", true, "TFTP")                                               \
	X("ssl", false, "TLS, directly, by STARTTLS or through a proxy")      \
	X("quic", false, "QUIC")

struct application {
	const char *name;
	bool files;
	const char *meaning;
};

extern const struct application applications[];
extern const size_t application_count;

#define APPLICATION_NAME_MAX 64 /* bytes, NUL included */
/* Lines of a table, and bytes of its file. */
#define APPLICATION_ENTRIES_MAX 65536
#define APPLICATION_TEXT_MAX (4u << 20)

struct application_table;

/* What is wrong in a line, and what was expected. */
typedef void application_error(void *arg, unsigned int line, const char *text);

/*
 * The table in a text.  A line `include built-in` takes in the one that is part of the program;
 * a line of the text wins over one of that.  NULL after reporting every error, or (line 0) when
 * out of memory.
 */
struct application_table *application_table_parse(const char *text, size_t n,
						  application_error *error, void *arg);
/* The one that is part of the program; NULL when out of memory. */
struct application_table *application_table_built_in(void);
void application_table_free(struct application_table *t);
size_t application_table_count(const struct application_table *t);
bool application_table_equal(const struct application_table *a,
			     const struct application_table *b);

/*
 * What that application is called with that host (n bytes, as the client wrote it: case, a
 * port and a dot at the end do not matter).  The application itself where no line matches, as
 * for addresses.  Lives as long as the table; t may be NULL.
 */
const char *application_refine(const struct application_table *t, const char *application,
			       const char *host, size_t n);

/* Whether any file can ever be seen under that name. */
bool application_possible(const struct application_table *t, const char *name);

#endif
