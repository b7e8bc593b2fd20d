// SPDX-License-Identifier: MIT
/*
 * The user's name out of a SASL exchange.
 */
#include "proto/sasl.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* Decoded bytes of a response that are looked at: the name stands near its beginning. */
#define RESPONSE_MAX 1024

void sasl_init(struct sasl *s)
{
	*s = (struct sasl){.mechanism = SASL_OTHER};
	buf_init(&s->user, SASL_USER_MAX);
}

void sasl_free(struct sasl *s)
{
	buf_free(&s->user);
}

void sasl_forget(struct sasl *s)
{
	buf_reset(&s->user);
}

void sasl_user(struct sasl *s, const void *p, size_t n)
{
	buf_reset(&s->user);
	buf_add(&s->user, p, n < SASL_USER_MAX ? n : SASL_USER_MAX);
}

const char *sasl_name(struct sasl *s)
{
	return s->user.len ? buf_string(&s->user) : NULL;
}

static int digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static size_t base64(const char *line, uint8_t *out, size_t room)
{
	uint32_t bits = 0, have = 0;
	size_t n = 0;
	int d;

	for (; (d = digit(*line)) >= 0 && n < room; line++) {
		bits = bits << 6 | (uint32_t)d;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (uint8_t)(bits >> have);
		}
	}
	return n;
}

/* Up to the next byte `end`, or to the last. */
static void until(struct sasl *s, const uint8_t *p, size_t n, char end)
{
	const uint8_t *at = memchr(p, end, n);

	sasl_user(s, p, at ? (size_t)(at - p) : n);
}

/* Behind the first `mark`, up to `end`. */
static void behind(struct sasl *s, const uint8_t *p, size_t n, const char *mark, char end)
{
	const uint8_t *at = memmem(p, n, mark, strlen(mark));

	if (!at)
		return;
	at += strlen(mark);
	until(s, at, n - (size_t)(at - p), end);
}

/* MS-NLMP §2.2.1.3: length and offset of the name at 36, UTF-16 in it as a rule. */
static void ntlm(struct sasl *s, const uint8_t *p, size_t n)
{
	static const uint8_t begin[] = "NTLMSSP\0\3\0\0";
	uint8_t name[SASL_USER_MAX];
	size_t length, offset, len = 0;
	bool wide;

	if (n < 64 || memcmp(p, begin, sizeof(begin)))
		return;
	length = p[36] | (size_t)p[37] << 8;
	offset = p[40] | (size_t)p[41] << 8 | (size_t)p[42] << 16;
	wide = p[60] & 1;
	if (offset > n || length > n - offset)
		return;
	for (size_t i = 0; i < length && len < sizeof(name); i += wide ? 2 : 1) {
		/* Beyond ASCII it would have to be converted: rather none than a wrong one. */
		if (p[offset + i] > 0x7e || (wide && i + 1 < length && p[offset + i + 1]))
			return;
		name[len++] = p[offset + i];
	}
	sasl_user(s, name, len);
}

static void plain(struct sasl *s, const uint8_t *p, size_t n)
{
	const uint8_t *nul = memchr(p, 0, n);

	if (nul)
		until(s, nul + 1, n - (size_t)(nul + 1 - p), 0);
}

static void cram(struct sasl *s, const uint8_t *p, size_t n)
{
	const uint8_t *blank = memrchr(p, ' ', n);

	sasl_user(s, p, blank ? (size_t)(blank - p) : 0);
}

void sasl_response(struct sasl *s, const char *line)
{
	uint8_t p[RESPONSE_MAX];
	size_t n = base64(line, p, sizeof(p));
	unsigned int step = s->step++;

	switch (s->mechanism) {
	case SASL_PLAIN:
		if (step == 0)
			plain(s, p, n);
		break;
	case SASL_LOGIN:
		if (step == 0)
			until(s, p, n, 0);
		break;
	case SASL_EXTERNAL:
		if (step == 0)
			sasl_user(s, p, n);
		break;
	case SASL_CRAM_MD5:
		cram(s, p, n);
		break;
	case SASL_DIGEST_MD5:
		if (step == 0)
			behind(s, p, n, "username=\"", '"');
		break;
	case SASL_SCRAM:
		if (step == 0)
			behind(s, p, n, ",n=", ',');
		break;
	case SASL_OAUTHBEARER:
		if (step == 0)
			behind(s, p, n, ",a=", ',');
		break;
	case SASL_XOAUTH2:
		if (step == 0)
			behind(s, p, n, "user=", 1);
		break;
	case SASL_NTLM:
		ntlm(s, p, n);
		break;
	case SASL_OTHER:
		break;
	}
	explicit_bzero(p, sizeof(p));
}

void sasl_start(struct sasl *s, const char *arguments)
{
	static const struct {
		const char *name;
		enum sasl_mechanism mechanism;
		bool prefix;
	} known[] = {
		{"PLAIN", SASL_PLAIN, false},
		{"LOGIN", SASL_LOGIN, false},
		{"CRAM-MD5", SASL_CRAM_MD5, false},
		{"DIGEST-MD5", SASL_DIGEST_MD5, false},
		{"SCRAM-", SASL_SCRAM, true},
		{"EXTERNAL", SASL_EXTERNAL, false},
		{"OAUTHBEARER", SASL_OAUTHBEARER, false},
		{"XOAUTH2", SASL_XOAUTH2, false},
		{"NTLM", SASL_NTLM, false},
	};
	size_t n = strcspn(arguments, " \t");

	s->mechanism = SASL_OTHER;
	s->step = 0;
	sasl_forget(s);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t len = strlen(known[i].name);

		if ((n == len || (n > len && known[i].prefix)) &&
		    !strncasecmp(arguments, known[i].name, len))
			s->mechanism = known[i].mechanism;
	}
	arguments += n;
	arguments += strspn(arguments, " \t");
	if (*arguments)
		sasl_response(s, arguments);
}
