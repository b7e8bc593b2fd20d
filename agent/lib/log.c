// SPDX-License-Identifier: MIT
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_TEXT_MAX 4096
#define LOG_PREFIX_MAX 256

static const struct {
	const char *plain;
	const char *journal; /* sd-daemon(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error: ", "<3>"},
	[LOG_LEVEL_WARNING] = {"warning: ", "<4>"},
	[LOG_LEVEL_INFO] = {"", "<6>"},
	[LOG_LEVEL_DEBUG] = {"debug: ", "<7>"},
};

static const char *log_program = "sluice";
static enum log_level log_most = LOG_LEVEL_INFO;
static bool log_journal;
static char log_role_text[32];

/* JOURNAL_STREAM is inherited; it counts only while stderr still is that stream. */
static bool log_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

void log_init(const char *program, enum log_level most)
{
	log_program = program;
	log_most = most;
	log_journal = log_is_journal();
}

void log_role(const char *role)
{
	snprintf(log_role_text, sizeof(log_role_text), "%s", role ? role : "");
}

/* Length of the printable UTF-8 character at p; 0: a control, or none (RFC 3629). */
static size_t log_printable(const uint8_t *p, size_t left)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t i, n = p[0] < 0x80	? 1
		      : p[0] >> 5 == 6	? 2
		      : p[0] >> 4 == 14 ? 3
		      : p[0] >> 3 == 30 ? 4
					: 0;
	uint32_t c;

	if (n == 1)
		return p[0] >= 0x20 && p[0] != 0x7f;
	if (!n || n > left)
		return 0;
	c = p[0] & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	/* U+0080 to U+009F are controls of terminals, too. */
	if (c < least[n] || c < 0xa0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return n;
}

void log_at(enum log_level level, const char *format, ...)
{
	char line[LOG_PREFIX_MAX + 4 * LOG_TEXT_MAX], text[LOG_TEXT_MAX];
	const uint8_t *p = (const uint8_t *)text;
	int at, saved = errno;
	size_t len, n;
	va_list args;

	if (level > log_most)
		return;
	va_start(args, format);
	at = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	len = at < 0 ? 0 : (size_t)at;
	if (len >= sizeof(text)) {
		len = sizeof(text) - 1;
		memcpy(text + len - 3, "...", 3);
	}

	if (log_journal)
		at = snprintf(line, LOG_PREFIX_MAX, "%s%s%s", levels[level].journal,
			      log_role_text, log_role_text[0] ? ": " : "");
	else
		at = snprintf(line, LOG_PREFIX_MAX, "%s: %s%s%s", log_program, log_role_text,
			      log_role_text[0] ? ": " : "", levels[level].plain);
	if (at >= LOG_PREFIX_MAX)
		at = LOG_PREFIX_MAX - 1;
	/* What arguments say may be hostile: it must not move a cursor or forge a line. */
	while (len) {
		n = log_printable(p, len);
		if (n) {
			memcpy(line + at, p, n);
			at += n;
		} else {
			n = 1;
			at += sprintf(line + at, "\\x%02x", p[0]);
		}
		p += n;
		len -= n;
	}
	line[at++] = '\n';
	/* One write: lines of several processes do not mix. Nobody to tell if it fails. */
	while (write(STDERR_FILENO, line, at) < 0 && errno == EINTR)
		;
	errno = saved;
}
