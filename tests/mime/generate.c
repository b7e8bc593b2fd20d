// SPDX-License-Identifier: MIT
/*
 * Random mail messages: parts in parts, encodings, line ends, and lines that look
 * like boundaries and are none.  Only what two readers can agree on: see oracle.c.
 */
#include "generate.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 6
#define BOUNDARIES 16

struct generator {
	uint64_t state;
	struct buf *out;
	const char *eol; /* NULL: another one at each line */
	const char *last_eol;
	unsigned int made;
	bool typed; /* the next leaf must say its type: it stands in a digest */
	char boundary[BOUNDARIES][80]; /* those in use, outermost first */
	size_t boundaries;
};

static uint64_t number(struct generator *g, uint64_t below)
{
	g->state ^= g->state << 13;
	g->state ^= g->state >> 7;
	g->state ^= g->state << 17;
	return g->state % below;
}

static bool chance(struct generator *g, unsigned int percent)
{
	return number(g, 100) < percent;
}

static void text(struct generator *g, const char *s)
{
	buf_add_string(g->out, s);
}

static void eol(struct generator *g)
{
	g->last_eol = g->eol ? g->eol : chance(g, 50) ? "\r\n" : "\n";
	text(g, g->last_eol);
}

/* GMime takes for the break before a boundary what stands behind it: so it is the same. */
static void same_eol(struct generator *g)
{
	text(g, g->last_eol);
}

static void line(struct generator *g, const char *s)
{
	text(g, s);
	eol(g);
}

static const char *pick(struct generator *g, const char *const *list, size_t count)
{
	return list[number(g, count)];
}

#define PICK(g, list) pick(g, list, sizeof(list) / sizeof((list)[0]))

static bool is_boundary(const struct generator *g, const char *p, size_t n)
{
	for (size_t i = 0; i < g->boundaries; i++)
		if (strlen(g->boundary[i]) == n && !memcmp(g->boundary[i], p, n))
			return true;
	return false;
}

/* A line that a careless reader takes for a boundary. */
static void trap(struct generator *g)
{
	static const char *const tails[] = {"x", "-", "-- x", "--x", " x", "---", "=", "\t."};
	const char *boundary = g->boundary[number(g, g->boundaries)];
	size_t n;

	switch (number(g, 6)) {
	case 0:
		n = number(g, strlen(boundary));
		if (!is_boundary(g, boundary, n))
			buf_printf(g->out, "--%.*s", (int)n, boundary);
		break;
	case 1:
		buf_printf(g->out, " --%s", boundary);
		break;
	case 2:
		buf_printf(g->out, "-%s", boundary);
		break;
	case 3:
		buf_printf(g->out, "> --%s--", boundary);
		break;
	case 4:
		text(g, "--");
		break;
	default:
		buf_printf(g->out, "--%s%s", boundary, PICK(g, tails));
		break;
	}
}

static void words(struct generator *g, bool eight_bit)
{
	size_t n = number(g, 12);

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 1 + number(g, 9); k; k--) {
			uint8_t c = (uint8_t)(eight_bit && chance(g, 10) ? 0x80 + number(g, 128)
									 : 'a' + number(g, 26));

			buf_add(g->out, &c, 1);
		}
		text(g, i + 1 < n ? " " : ".");
	}
}

/* Lines, with or without an end behind the last one. */
static void body_plain(struct generator *g, bool eight_bit)
{
	size_t n = number(g, 10);

	for (size_t i = 0; i < n; i++) {
		if (g->boundaries && chance(g, 20))
			trap(g);
		else if (chance(g, 15))
			text(g, "");
		else
			words(g, eight_bit);
		if (i + 1 < n || chance(g, 60))
			eol(g);
	}
}

static uint8_t random_byte(struct generator *g)
{
	return (uint8_t)(chance(g, 50) ? number(g, 256) : 'a' + number(g, 26));
}

static void body_base64(struct generator *g)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = chance(g, 5) ? number(g, 20000) : number(g, 300);
	size_t width = chance(g, 50) ? 76 : 1 + number(g, 90), at = 0;
	bool stray = chance(g, 20);

	for (size_t i = 0; i < n; i += 3) {
		uint8_t b[3] = {random_byte(g), random_byte(g), random_byte(g)};
		char four[4] = {digits[b[0] >> 2], digits[(b[0] & 3) << 4 | b[1] >> 4],
				digits[(b[1] & 15) << 2 | b[2] >> 6], digits[b[2] & 63]};

		if (n - i == 1) {
			four[1] = digits[(b[0] & 3) << 4];
			four[2] = '=';
		} else if (n - i == 2) {
			four[2] = digits[(b[1] & 15) << 2];
		}
		if (n - i < 3)
			four[3] = '=';
		for (size_t k = 0; k < 4; k++) {
			buf_add(g->out, four + k, 1);
			if (stray && chance(g, 2))
				text(g, chance(g, 50) ? "!" : " ");
			if (++at % width == 0)
				eol(g);
		}
	}
	if (chance(g, 70))
		eol(g);
}

static void body_quoted(struct generator *g)
{
	static const char *const bad[] = {"=zz", "=4G", "=?x"};
	size_t n = number(g, 200), at = 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t b = random_byte(g);

		if (chance(g, 2)) {
			text(g, PICK(g, bad));
			text(g, ".");
		} else if (b < 0x21 || b > 0x7e || b == '=' || b == '-' || chance(g, 5)) {
			buf_printf(g->out, chance(g, 80) ? "=%02X" : "=%02x", b);
		} else {
			buf_add(g->out, &b, 1);
		}
		at++;
		if (at > 20 && chance(g, 10)) {
			text(g, chance(g, 70) ? "=" : "");
			eol(g);
			at = 0;
		}
	}
	if (chance(g, 50))
		eol(g);
}

static void field_name(struct generator *g, const char *field, const char *param)
{
	static const char *const folds[] = {" ", "\n\t", "\n "};
	unsigned int id = g->made;
	const char *fold = PICK(g, folds);

	text(g, field);
	text(g, ";");
	if (*fold == '\n') {
		eol(g);
		fold++;
	}
	text(g, fold);
	switch (number(g, 7)) {
	case 0:
		buf_printf(g->out, "%s=n%u.bin", param, id);
		break;
	case 1:
		buf_printf(g->out, "%s=\"a b %u; c.bin\"", param, id);
		break;
	case 2:
		buf_printf(g->out, "%s*=utf-8''%%c3%%a9%%E2%%82%%AC%u.bin", param, id);
		break;
	case 3:
		buf_printf(g->out, "%s*0*=iso-8859-1'en'%%e9; %s*1=\"-%u\"; %s*2*=%%2ebin",
			   param, param, id, param);
		break;
	case 4:
		buf_printf(g->out, "%s=\"=?utf-8?B?w6k=?=\";%ssize=12", param, fold);
		break;
	case 5:
		buf_printf(g->out, "%s=\"=?koi8-r?Q?=C1=C2?= =?koi8-r?Q?=D7%u?=\"", param, id);
		break;
	default:
		buf_printf(g->out, "%s*1=\"%u.bin\"; %s*0=\"abc\"", param, id, param);
		break;
	}
	eol(g);
}

static void leaf(struct generator *g)
{
	static const char *const types[] = {
		"text/plain",
		"text/html; charset=utf-8",
		"application/octet-stream",
		"image/PNG",
		"Application/PDF",
		"text/plain; charset=\"iso-8859-1\" (Latin)",
	};
	static const char *const identities[] = {"7bit", "8bit", "Binary", "x-unknown",
						 "\"8bit\""};
	bool disposition = chance(g, 50), name = chance(g, 30);
	unsigned int coding = (unsigned int)number(g, 4);

	g->made++;
	if (chance(g, 20))
		line(g, "X-Other: one");
	if (name)
		field_name(g,
			   chance(g, 50) ? "Content-Type: application/zip"
					 : "content-type :text/csv",
			   "name");
	else if (g->typed || chance(g, 80))
		buf_printf(g->out, "Content-Type: %s", PICK(g, types)), eol(g);
	g->typed = false;
	if (disposition)
		field_name(g,
			   chance(g, 80) ? "Content-Disposition: attachment"
					 : "Content-Disposition: inline",
			   "filename");
	if (coding == 1)
		line(g, chance(g, 80) ? "Content-Transfer-Encoding: base64"
				      : "content-transfer-encoding:\tBASE64 ");
	else if (coding == 2)
		line(g, "Content-Transfer-Encoding: quoted-printable");
	else if (chance(g, 70))
		buf_printf(g->out, "Content-Transfer-Encoding: %s", PICK(g, identities)),
			eol(g);
	eol(g);
	if (coding == 1)
		body_base64(g);
	else if (coding == 2)
		body_quoted(g);
	else
		body_plain(g, coding == 3);
}

static void new_boundary(struct generator *g)
{
	char *b = g->boundary[g->boundaries];
	char outer[sizeof(g->boundary[0])] = "";

	g->made++;
	/* One that begins like another that is open. */
	if (g->boundaries)
		memcpy(outer, g->boundary[number(g, g->boundaries)], sizeof(outer));
	if (g->boundaries && strlen(outer) < 50 && chance(g, 40))
		snprintf(b, sizeof(g->boundary[0]), "%.50s%c%u", outer,
			 chance(g, 50) ? '-' : '_', g->made);
	else
		snprintf(b, sizeof(g->boundary[0]), "%s%llx%u", chance(g, 50) ? "----=_" : "",
			 (unsigned long long)number(g, 1u << 30), g->made);
	g->boundaries++;
}

static void entity(struct generator *g, unsigned int depth);

static void message_head(struct generator *g)
{
	line(g, "From: a@example.org");
	line(g, "Subject: =?utf-8?Q?=C3=A9?=");
	if (chance(g, 70))
		line(g, "MIME-Version: 1.0");
}

static void delimiter(struct generator *g, const char *tail)
{
	buf_printf(g->out, "--%s%s%s", g->boundary[g->boundaries - 1], tail,
		   chance(g, 10) ? "  " : "");
}

static void multipart(struct generator *g, unsigned int depth)
{
	static const char *const subtypes[] = {"mixed",	 "alternative", "related",
					       "signed", "X-Other",	"report"};
	bool digest = chance(g, 10);
	size_t n = chance(g, 5) ? 0 : 1 + number(g, 5);

	new_boundary(g);
	buf_printf(g->out, "Content-Type: multipart/%s", digest ? "digest" : PICK(g, subtypes));
	text(g, ";");
	if (chance(g, 50)) {
		eol(g);
		text(g, "\t");
	}
	buf_printf(g->out, chance(g, 70) ? "boundary=\"%s\"" : "BOUNDARY=\"%s\"; x=y",
		   g->boundary[g->boundaries - 1]);
	eol(g);
	eol(g);
	if (chance(g, 30)) {
		g->boundaries--;
		words(g, false);
		eol(g);
		g->boundaries++;
	}
	for (size_t i = 0; i < n; i++) {
		delimiter(g, "");
		same_eol(g);
		g->typed = digest && chance(g, 30);
		if (digest && !g->typed) {
			/* the default of its parts: a message, without saying so */
			eol(g);
			message_head(g);
		}
		entity(g, depth + 1);
		eol(g);
	}
	if (!n || chance(g, 85)) {
		delimiter(g, "--");
		same_eol(g);
		if (chance(g, 20)) {
			eol(g);
			words(g, false);
			eol(g);
		}
	}
	g->boundaries--;
}

static void entity(struct generator *g, unsigned int depth)
{
	if (depth < DEPTH_MAX && g->boundaries < BOUNDARIES && chance(g, depth ? 30 : 85)) {
		multipart(g, depth);
	} else if (depth && depth < DEPTH_MAX && chance(g, 15)) {
		line(g, "Content-Type: message/rfc822");
		if (chance(g, 20))
			line(g, "Content-Disposition: attachment; filename=\"m.eml\"");
		eol(g);
		message_head(g);
		entity(g, depth + 1);
	} else {
		leaf(g);
	}
}

void generate(uint64_t seed, struct buf *out)
{
	struct generator g = {.state = seed * 0x9e3779b97f4a7c15ull | 1, .out = out};

	for (int i = 0; i < 4; i++)
		number(&g, 2);
	g.eol = chance(&g, 70) ? "\r\n" : chance(&g, 70) ? "\n" : NULL;
	message_head(&g);
	entity(&g, 0);
}
