// SPDX-License-Identifier: MIT
#include "proto/ftp_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define NUMBERS_MAX 24

/* ------------------------------------------------------------------ addresses */

/* Up to `most` bytes in decimal, separated by commas; how many there are. */
static size_t numbers(const char *p, uint8_t *out, size_t most)
{
	unsigned int v;
	size_t n = 0, digits;

	while (n < most) {
		for (v = 0, digits = 0; isdigit((unsigned char)*p) && digits < 4; p++, digits++)
			v = v * 10 + (unsigned int)(*p - '0');
		if (!digits || v > 255)
			break;
		out[n++] = (uint8_t)v;
		while (*p == ' ')
			p++;
		if (*p != ',')
			break;
		p++;
		while (*p == ' ')
			p++;
	}
	return n;
}

bool ftp_text_port(const char *text, struct endpoint *e)
{
	uint8_t n[6];

	for (const char *p = text; *p; p++) {
		if (!isdigit((unsigned char)*p) || (p > text && isdigit((unsigned char)p[-1])))
			continue;
		if (numbers(p, n, 6) < 6)
			continue;
		*e = (struct endpoint){.family = AF_INET, .port = (uint16_t)(n[4] << 8 | n[5])};
		memcpy(e->ip, n, 4);
		return e->port;
	}
	return false;
}

bool ftp_text_long_port(const char *text, struct endpoint *e)
{
	const char *p = strpbrk(text, "0123456789");
	uint8_t n[NUMBERS_MAX];
	size_t count = p ? numbers(p, n, NUMBERS_MAX) : 0, length;

	if (count < 2)
		return false;
	length = n[1];
	if (!(n[0] == 4 && length == 4) && !(n[0] == 6 && length == 16))
		return false;
	if (count < 2 + length + 3 || n[2 + length] != 2)
		return false;
	*e = (struct endpoint){
		.family = n[0] == 4 ? AF_INET : AF_INET6,
		.port = (uint16_t)(n[3 + length] << 8 | n[4 + length]),
	};
	memcpy(e->ip, n + 2, length);
	return e->port;
}

static bool port_text(const char *p, char end, uint16_t *port)
{
	uint32_t v = 0;
	size_t digits = 0;

	for (; isdigit((unsigned char)*p) && digits < 6; p++, digits++)
		v = v * 10 + (uint32_t)(*p - '0');
	if (!digits || v > UINT16_MAX || (*p && *p != end))
		return false;
	*port = (uint16_t)v;
	return v;
}

bool ftp_text_eprt(const char *text, struct endpoint *e)
{
	char address[INET_TEXT_MAX], mark = text[0];
	const char *first, *last;
	uint16_t port;

	if (!mark || (text[1] != '1' && text[1] != '2') || text[2] != mark)
		return false;
	first = text + 3;
	last = strchr(first, mark);
	if (!last || (size_t)(last - first) >= sizeof(address))
		return false;
	memcpy(address, first, (size_t)(last - first));
	address[last - first] = '\0';
	if (!inet_parse(address, e) || !port_text(last + 1, mark, &port))
		return false;
	e->port = port;
	return e->family == (text[1] == '1' ? AF_INET : AF_INET6);
}

bool ftp_text_epsv(const char *text, uint16_t *port)
{
	const char *p = text;
	char mark;

	while ((p = strchr(p, '('))) {
		mark = *++p;
		if (mark && p[1] == mark && p[2] == mark && port_text(p + 3, mark, port))
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------------- sizes */

static bool digits_to(const char **p, uint64_t *n)
{
	uint64_t v = 0;
	bool any = false;

	for (; isdigit((unsigned char)**p); (*p)++) {
		uint64_t d = (uint64_t)(**p - '0');

		if (v > (UINT64_MAX - d) / 10)
			return false;
		v = v * 10 + d;
		any = true;
	}
	*n = v;
	return any;
}

bool ftp_text_number(const char *text, uint64_t *n)
{
	while (*text == ' ')
		text++;
	if (!digits_to(&text, n))
		return false;
	while (*text == ' ')
		text++;
	return !*text;
}

/* "(1234 bytes": p is at the bracket. */
static bool bytes_at(const char *p, uint64_t *n)
{
	p++;
	return digits_to(&p, n) && !strncasecmp(p, " byte", 5);
}

bool ftp_text_bytes(const char *text, uint64_t *n)
{
	/* The last one: a name may look like it. */
	for (const char *p = text + strlen(text); p > text; p--)
		if (p[-1] == '(' && bytes_at(p - 1, n))
			return true;
	return false;
}

bool ftp_text_fact_size(const char *text, uint64_t *n)
{
	const char *end;

	while (*text == ' ')
		text++;
	/* Facts end with a blank, each with a semicolon. */
	end = strchr(text, ' ');
	while (*text && text != end) {
		const char *next = strchr(text, ';');

		if (!next || (end && next > end))
			return false;
		if (!strncasecmp(text, "size=", 5)) {
			text += 5;
			return digits_to(&text, n) && text == next;
		}
		text = next + 1;
	}
	return false;
}

/* ---------------------------------------------------------------------- names */

static const char *without_end(const char *p, size_t *n, const char *marks)
{
	size_t len = strlen(p);

	while (len && strchr(marks, p[len - 1]))
		len--;
	*n = len;
	return len ? p : NULL;
}

const char *ftp_text_unique_name(const char *text, size_t *n)
{
	const char *p;

	if (!strncasecmp(text, "FILE: ", 6))
		return without_end(text + 6, n, " ");
	p = strcasestr(text, "unique file name:");
	return p ? without_end(p + 17 + (p[17] == ' '), n, " .)") : NULL;
}

/* The end of [p, end) without a bracket of nothing but an address. */
static const char *before_address(const char *p, const char *end)
{
	const char *q = end;

	if (q - p < 4 || q[-1] != ')')
		return end;
	for (q--; q > p && strchr("0123456789abcdefABCDEF.,: ", q[-1]); q--)
		;
	return q > p && q[-1] == '(' ? q - 1 : end;
}

const char *ftp_text_opening(const char *text, size_t *n)
{
	const char *p = strcasestr(text, "data connection for "), *end;
	uint64_t bytes;

	if (!p)
		return NULL;
	p += strlen("data connection for ");
	end = p + strlen(p);
	for (const char *q = end; q > p; q--)
		if (q[-1] == '(' && bytes_at(q - 1, &bytes)) {
			end = q - 1;
			break;
		}
	while (end > p && strchr(" .", end[-1]))
		end--;
	end = before_address(p, end);
	while (end > p && end[-1] == ' ')
		end--;
	*n = (size_t)(end - p);
	return *n ? p : NULL;
}

bool ftp_text_is_listing(const char *text)
{
	static const char *const words[] = {"file list", "directory", "listing", "/bin/ls",
					    "ls ",	 "MLSD",      "NLST"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(text, words[i]))
			return true;
	return false;
}

bool ftp_text_directory(const char *text, struct buf *out)
{
	const char *p = strchr(text, '"');

	buf_reset(out);
	if (!p)
		return false;
	for (p++; *p; p++) {
		if (*p == '"' && *++p != '"')
			return out->len && !out->failed;
		buf_add(out, p, 1);
	}
	return false;
}

/* ---------------------------------------------------------------------- paths */

/* Appends the parts of a path to what is there. */
static void add_parts(struct buf *out, const char *path)
{
	size_t n;

	for (; *path; path += n) {
		while (*path == '/')
			path++;
		n = strcspn(path, "/");
		if (!n || (n == 1 && path[0] == '.'))
			continue;
		if (n == 2 && path[0] == '.' && path[1] == '.') {
			while (out->len && out->data[out->len - 1] != '/')
				out->len--;
			/* The first slash of all stays. */
			if (out->len > 1)
				out->len--;
			continue;
		}
		if (out->len && out->data[out->len - 1] != '/')
			buf_add(out, "/", 1);
		buf_add(out, path, n);
	}
}

bool ftp_text_path(const char *directory, const char *name, struct buf *out)
{
	buf_reset(out);
	if (name[0] == '/') {
		directory = NULL;
		buf_add(out, "/", 1);
	} else if (directory && directory[0] == '/') {
		buf_add(out, "/", 1);
	}
	if (directory)
		add_parts(out, directory);
	add_parts(out, name);
	return !out->failed;
}

const char *ftp_text_last(const char *path)
{
	const char *slash = strrchr(path, '/'), *back;
	const char *last = slash ? slash + 1 : path;

	/* A path of Windows as a whole, in what may be a directory of its own. */
	if (isalpha((unsigned char)last[0]) && last[1] == ':' && last[2] == '\\') {
		back = strrchr(last, '\\');
		return back[1] ? back + 1 : last;
	}
	return last;
}

static void add_escaped(struct buf *out, const char *path)
{
	static const char plain[] = "-._~!$&'()*+,;=:@/";

	for (const char *p = path; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if ((c < 0x80 && isalnum(c)) || strchr(plain, c))
			buf_add(out, p, 1);
		else
			buf_printf(out, "%%%02X", c);
	}
}

bool ftp_text_url(const char *scheme, uint16_t usual, const struct endpoint *server,
		  const char *path, struct buf *out)
{
	char host[INET_TEXT_MAX];
	bool six = server->family == AF_INET6;

	buf_reset(out);
	inet_text(server, host);
	buf_printf(out, "%s://%s%s%s", scheme, six ? "[" : "", host, six ? "]" : "");
	if (server->port != usual)
		buf_printf(out, ":%u", server->port);
	if (path[0] != '/')
		buf_add(out, "/", 1);
	add_escaped(out, path);
	return !out->failed;
}
