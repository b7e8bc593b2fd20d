// SPDX-License-Identifier: MIT
#include "proto/ftp_verb.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Nobody else has it: one line is enough. */
#define OWN 1
/* Others have it as well, POP3 above all. */
#define COMMON 2

/* clang-format off */
static const struct {
	char name[5];
	uint8_t verb;
	uint8_t whose;
} verbs[] = {
	{"USER", FTP_USER, COMMON},
	{"PASS", FTP_PASS, COMMON},
	{"ACCT", FTP_OTHER, OWN},
	{"AUTH", FTP_AUTH, COMMON},
	{"PORT", FTP_PORT, OWN},
	{"EPRT", FTP_EPRT, OWN},
	{"LPRT", FTP_LPRT, OWN},
	{"PASV", FTP_PASV, OWN},
	{"EPSV", FTP_EPSV, OWN},
	{"LPSV", FTP_LPSV, OWN},
	{"TYPE", FTP_TYPE, OWN},
	{"MODE", FTP_MODE, COMMON},
	{"STRU", FTP_OTHER, OWN},
	{"REST", FTP_REST, OWN},
	{"SIZE", FTP_SIZE, OWN},
	{"MLST", FTP_MLST, OWN},
	{"MDTM", FTP_MDTM, OWN},
	{"MFMT", FTP_OTHER, OWN},
	{"STAT", FTP_STAT, COMMON},
	{"CWD", FTP_CWD, OWN},
	{"XCWD", FTP_CWD, OWN},
	{"CDUP", FTP_CDUP, OWN},
	{"XCUP", FTP_CDUP, OWN},
	{"PWD", FTP_PWD, OWN},
	{"XPWD", FTP_PWD, OWN},
	{"ABOR", FTP_ABOR, OWN},
	{"REIN", FTP_REIN, OWN},
	{"QUIT", FTP_QUIT, COMMON},
	{"SYST", FTP_OTHER, OWN},
	{"FEAT", FTP_OTHER, OWN},
	{"OPTS", FTP_OTHER, OWN},
	{"CLNT", FTP_OTHER, OWN},
	{"HOST", FTP_OTHER, OWN},
	{"ALLO", FTP_OTHER, OWN},
	{"MKD", FTP_OTHER, OWN},
	{"XMKD", FTP_OTHER, OWN},
	{"RMD", FTP_OTHER, OWN},
	{"XRMD", FTP_OTHER, OWN},
	{"DELE", FTP_OTHER, COMMON},
	{"RNFR", FTP_OTHER, OWN},
	{"RNTO", FTP_OTHER, OWN},
	{"SITE", FTP_OTHER, OWN},
	{"PBSZ", FTP_OTHER, OWN},
	{"PROT", FTP_OTHER, OWN},
	{"CCC", FTP_OTHER, OWN},
	{"NOOP", FTP_OTHER, COMMON},
	{"HELP", FTP_OTHER, COMMON},
	{"LANG", FTP_OTHER, COMMON},
	{"SMNT", FTP_OTHER, OWN},
	{"RETR", FTP_RETR, COMMON},
	{"STOR", FTP_STOR, OWN},
	{"STOU", FTP_STOU, OWN},
	{"APPE", FTP_APPE, OWN},
	{"LIST", FTP_LISTING, COMMON},
	{"NLST", FTP_LISTING, OWN},
	{"MLSD", FTP_LISTING, OWN},
};
/* clang-format on */

/* Index into verbs; COUNT_OF(verbs): none. */
static size_t verb_find(const char *word)
{
	size_t i;

	for (i = 0; i < COUNT_OF(verbs); i++)
		if (!strcmp(word, verbs[i].name))
			break;
	return i;
}

static const char *word_of(const char *line, char word[static FTP_WORD_MAX])
{
	size_t n = 0;

	/* Telnet's marks before ABOR. */
	while ((unsigned char)*line >= 0xf0 || *line == ' ')
		line++;
	while (isalpha((unsigned char)*line) && n < FTP_WORD_MAX - 1)
		word[n++] = (char)toupper((unsigned char)*line++);
	word[n] = '\0';
	if (*line && *line != ' ')
		word[0] = '\0';
	while (*line == ' ')
		line++;
	return line;
}

enum ftp_verb ftp_verb_of(const char *line, char word[static FTP_WORD_MAX], const char **rest)
{
	size_t i;

	*rest = word_of(line, word);
	if (!word[0])
		return FTP_NONE;
	i = verb_find(word);
	return i < COUNT_OF(verbs) ? (enum ftp_verb)verbs[i].verb : FTP_OTHER;
}

/* -------------------------------------------------------------------- replies */

/* Codes that are said to these commands and never to others. */
static const struct {
	uint16_t code;
	uint8_t verbs[4];
} special[] = {
	{211, {FTP_STAT, FTP_OTHER, FTP_ABOR}},
	{212, {FTP_STAT}},
	{213, {FTP_SIZE, FTP_MDTM, FTP_STAT}},
	{214, {FTP_OTHER}},
	{215, {FTP_OTHER}},
	{220, {FTP_REIN}},
	{221, {FTP_QUIT}},
	{227, {FTP_PASV}},
	{228, {FTP_LPSV}},
	{229, {FTP_EPSV}},
	{230, {FTP_USER, FTP_PASS, FTP_OTHER}},
	{234, {FTP_AUTH}},
	{257, {FTP_PWD, FTP_OTHER}},
	{331, {FTP_USER}},
	{332, {FTP_USER, FTP_PASS}},
	{334, {FTP_AUTH}},
	{350, {FTP_REST, FTP_OTHER}},
};

bool ftp_answers(unsigned int code, enum ftp_verb v, bool under_way)
{
	if (code < 200)
		return code != 120 && ftp_is_transfer(v);
	for (size_t i = 0; i < COUNT_OF(special); i++)
		if (special[i].code == code)
			return memchr(special[i].verbs, v, sizeof(special[i].verbs));
	if (code == 225 || code == 226)
		return ftp_is_transfer(v) || v == FTP_ABOR;
	if (code == 250)
		return ftp_is_transfer(v) || v == FTP_CWD || v == FTP_CDUP || v == FTP_MLST ||
		       v == FTP_OTHER;
	if (code == 425 || code == 426)
		return ftp_is_transfer(v);
	if (code >= 400)
		return true;
	return !under_way && v != FTP_PASV && v != FTP_EPSV && v != FTP_LPSV && v != FTP_SIZE;
}

unsigned int ftp_reply_of(const char *line, bool *more, const char **text)
{
	for (int i = 0; i < 3; i++)
		if (!isdigit((unsigned char)line[i]))
			return 0;
	if (line[0] < '1' || line[0] > '6' || (line[3] && line[3] != ' ' && line[3] != '-'))
		return 0;
	*more = line[3] == '-';
	*text = line + 3 + (line[3] != '\0');
	return (unsigned int)((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
}

/* ---------------------------------------------------------------------- probe */

/* The next whole line at *p; false when there is none. */
static bool next_line(const struct proto_head *h, size_t *at, char line[static 256])
{
	const uint8_t *p = h->p + *at, *nl = h->n > *at ? memchr(p, '\n', h->n - *at) : NULL;
	size_t n;

	if (!nl)
		return false;
	n = (size_t)(nl - p);
	*at += n + 1;
	if (n && p[n - 1] == '\r')
		n--;
	if (n > 255)
		n = 255;
	memcpy(line, p, n);
	line[n] = '\0';
	return true;
}

struct client_view {
	unsigned int lines;
	bool own; /* a command only FTP has */
	bool none;
};

#define LINES_LOOKED_AT 8

static bool may_be_text(const struct proto_head *h)
{
	size_t n = h->n < 64 ? h->n : 64;

	for (size_t i = 0; i < n; i++)
		if (h->p[i] < ' ' && !strchr("\r\n\t", h->p[i]))
			return false;
	return true;
}

static struct client_view view_client(const struct proto_head *h)
{
	char line[256], word[FTP_WORD_MAX];
	struct client_view v = {.none = h->n && !may_be_text(h)};
	const char *rest;
	size_t at = 0, i;

	while (!v.none && v.lines < LINES_LOOKED_AT && next_line(h, &at, line)) {
		rest = word_of(line, word);
		i = word[0] ? verb_find(word) : COUNT_OF(verbs);
		if (i < COUNT_OF(verbs))
			v.own |= verbs[i].whose == OWN ||
				 (verbs[i].verb == FTP_AUTH && (!strncasecmp(rest, "TLS", 3) ||
								!strncasecmp(rest, "SSL", 3)));
		else if (!v.lines)
			v.none = true;
		v.lines++;
	}
	/* The begin of a word that is none. */
	if (!at && h->n >= FTP_WORD_MAX && !memchr(h->p, ' ', h->n))
		v.none = true;
	return v;
}

struct server_view {
	bool greets; /* 220 */
	bool own;    /* a reply only FTP has */
	bool none;
};

static struct server_view view_server(const struct proto_head *h)
{
	static const uint16_t own[] = {331, 230, 227, 229, 257, 226, 234};
	struct server_view v = {.none = h->n && !isdigit(h->p[0])};
	unsigned int code, many = 0;
	const char *text;
	char line[256];
	size_t at = 0;
	bool more = false;

	while (!v.none && next_line(h, &at, line)) {
		code = ftp_reply_of(line, &more, &text);
		if (many) {
			if (code == many && !more)
				many = 0;
			continue;
		}
		v.none = !code;
		if (more)
			many = code;
		v.greets |= code == 220 || code == 120;
		for (size_t i = 0; i < COUNT_OF(own); i++)
			v.own |= code == own[i];
	}
	/* NNTP has some of these, behind a greeting of its own. */
	if (v.own && h->n >= 3 && !memcmp(h->p, "20", 2))
		v.none = true;
	return v;
}

static enum probe probe_roles(const struct proto_head *client, const struct proto_head *server)
{
	struct client_view c = view_client(client);
	struct server_view s = view_server(server);

	if (c.none || s.none || (!client->n && !server->n))
		return PROBE_NO;
	if (s.greets && c.lines)
		return PROBE_YES;
	if (s.own && (c.lines || !client->n))
		return PROBE_YES;
	/* A client that is heard alone, or seen in the middle. */
	if (c.own && (server->n >= 4 || c.lines > 1))
		return PROBE_YES;
	return client->whole && server->whole ? PROBE_NO : PROBE_MORE;
}

enum probe ftp_probe(const struct proto_head head[DIR_COUNT])
{
	enum probe r = probe_roles(&head[DIR_OPENER], &head[DIR_ANSWERER]);
	enum probe other;

	if (r == PROBE_YES)
		return r;
	/* Whoever seems to have opened it. */
	other = probe_roles(&head[DIR_ANSWERER], &head[DIR_OPENER]);
	if (other == PROBE_YES)
		return other;
	return r == PROBE_MORE || other == PROBE_MORE ? PROBE_MORE : PROBE_NO;
}
