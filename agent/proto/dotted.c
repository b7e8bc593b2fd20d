// SPDX-License-Identifier: MIT
/*
 * A text that ends with a line of one dot.
 */
#include "proto/dotted.h"

#include <string.h>

/*
 * LF is where a line may begin, and the CR before it is content like any other.  Held back
 * is only what may be the end:
 *
 *	LINE --"."--> DOT --CR--> DOT_CR --LF--> END
 *	               '--LF: END where that is a line break, else LOOSE_END
 *
 *	LOOSE --"."--> LOOSE_DOT --CR--> LOOSE_CR --LF--> LINE_END
 *	                '--LF--> LOOSE_END
 */
enum {
	STATE_TEXT,
	STATE_CR,     /* the last byte was CR */
	STATE_LINE,   /* a line begins */
	STATE_DOT,    /* with a dot */
	STATE_DOT_CR, /* and a CR */
	STATE_LOOSE,  /* as LINE, behind the line break that does not count */
	STATE_LOOSE_DOT,
	STATE_LOOSE_CR,
	STATE_LOOSE_END, /* such a line of one dot is held back */
	STATE_LINE_END,	 /* the same, and a line begins behind it */
	STATE_END,
};

void dotted_begin(struct dotted *d)
{
	*d = (struct dotted){.state = STATE_LINE};
}

bool dotted_ended(const struct dotted *d)
{
	return d->state == STATE_END;
}

bool dotted_at_line(const struct dotted *d)
{
	return d->state == STATE_LINE;
}

bool dotted_maybe_ended(const struct dotted *d)
{
	return d->state == STATE_LOOSE_END || d->state == STATE_LINE_END;
}

void dotted_gap(struct dotted *d)
{
	if (d->state != STATE_END)
		d->state = STATE_TEXT;
}

/* A line break was passed on; crlf: a CR was before it. */
static void line_break(struct dotted *d, bool crlf)
{
	if (!d->decided) {
		d->decided = true;
		d->bare = !crlf;
	}
	d->lines++;
	d->state = crlf || d->bare ? STATE_LINE : STATE_LOOSE;
}

/* Text up to and with the next LF. */
static size_t run(struct dotted *d, const uint8_t *p, size_t n, dotted_sink *sink, void *arg)
{
	const uint8_t *nl = memchr(p, '\n', n);
	size_t len = nl ? (size_t)(nl - p) + 1 : n;
	bool cr = len > 1 ? p[len - 2] == '\r' : d->state == STATE_CR;

	sink(arg, p, len);
	if (nl)
		line_break(d, cr);
	else
		d->state = p[len - 1] == '\r' ? STATE_CR : STATE_TEXT;
	return len;
}

/* Behind a lone dot: does the line end here? */
static size_t behind_dot(struct dotted *d, uint8_t b, dotted_sink *sink, void *arg)
{
	if (b == '\r') {
		d->state = STATE_DOT_CR;
		return 1;
	}
	if (b == '\n' && (d->bare || !d->decided)) {
		d->state = STATE_END;
		return 1;
	}
	if (b == '\n') { /* CR LF "." LF */
		d->state = STATE_LOOSE_END;
		return 1;
	}
	/* The dot was doubled, or should have been: both undo to one less. */
	d->state = STATE_TEXT;
	return 0;
}

/* Behind a line break of the wrong kind: how a byte goes on with what is held back. */
static size_t loose(struct dotted *d, uint8_t b, dotted_sink *sink, void *arg)
{
	static const struct {
		const char *held;
		uint8_t otherwise;
	} at[] = {
		[STATE_LOOSE] = {"", STATE_TEXT},
		[STATE_LOOSE_DOT] = {".", STATE_TEXT},
		[STATE_LOOSE_CR] = {".\r", STATE_CR},
		[STATE_LOOSE_END] = {".\n", STATE_LOOSE},
		[STATE_LINE_END] = {".\r\n", STATE_LINE},
	};
	const char *held = at[d->state].held;

	if (d->state == STATE_LOOSE && b == '.') {
		d->state = STATE_LOOSE_DOT;
		return 1;
	}
	if (d->state == STATE_LOOSE_DOT && (b == '\r' || b == '\n')) {
		d->state = b == '\r' ? STATE_LOOSE_CR : STATE_LOOSE_END;
		return 1;
	}
	if (d->state == STATE_LOOSE_CR && b == '\n') {
		d->state = STATE_LINE_END;
		return 1;
	}
	/* All of it is content, as long as nobody says otherwise. */
	if (d->state == STATE_LOOSE_END || d->state == STATE_LINE_END)
		d->lines++;
	if (*held)
		sink(arg, (const uint8_t *)held, strlen(held));
	d->state = at[d->state].otherwise;
	return 0;
}

size_t dotted_data(struct dotted *d, const uint8_t *p, size_t n, dotted_sink *sink, void *arg)
{
	size_t at = 0;

	while (at < n && d->state != STATE_END) {
		switch (d->state) {
		case STATE_TEXT:
		case STATE_CR:
			at += run(d, p + at, n - at, sink, arg);
			break;
		case STATE_LINE:
			d->state = p[at] == '.' ? STATE_DOT : STATE_TEXT;
			at += p[at] == '.';
			break;
		case STATE_DOT:
			at += behind_dot(d, p[at], sink, arg);
			break;
		case STATE_DOT_CR:
			if (p[at] == '\n') {
				d->state = STATE_END;
				at++;
			} else {
				sink(arg, (const uint8_t *)"\r", 1);
				d->state = STATE_CR;
			}
			break;
		default:
			at += loose(d, p[at], sink, arg);
			break;
		}
		/* Reached just now: before a byte behind it, it is left for good. */
		if (dotted_maybe_ended(d))
			break;
	}
	return at;
}
