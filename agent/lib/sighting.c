// SPDX-License-Identifier: MIT
#include "lib/sighting.h"

#include "lib/number_field.h"

#include <endian.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t text_max[SIGHTING_TEXT_COUNT] = {
#define SIGHTING_TEXT_MAX(id, name, max) [SIGHTING_##id] = max,
	SIGHTING_TEXTS(SIGHTING_TEXT_MAX)
#undef SIGHTING_TEXT_MAX
};

/* Every text at its limit, with headers and padding, leaves half a message to the rest. */
#define SIGHTING_TEXT_SUM(id, name, max) +(max) + 16
_Static_assert(0 SIGHTING_TEXTS(SIGHTING_TEXT_SUM) < MSG_MAX - 4096,
	       "a sighting must fit into a message");

const char *file_reason_text(enum file_reason r)
{
	static const char *const texts[FILE_REASON_COUNT] = {
#define FILE_REASON_TEXT(id, text) [FILE_REASON_##id] = text,
		FILE_REASONS(FILE_REASON_TEXT)
#undef FILE_REASON_TEXT
	};

	return (unsigned int)r < FILE_REASON_COUNT ? texts[r] : "unknown";
}

const char *file_trait_text(enum file_trait t)
{
	static const char *const texts[FILE_TRAIT_COUNT] = {
#define FILE_TRAIT_TEXT(id, text) [FILE_TRAIT_##id] = text,
		FILE_TRAITS(FILE_TRAIT_TEXT)
#undef FILE_TRAIT_TEXT
	};

	return (unsigned int)t < FILE_TRAIT_COUNT ? texts[t] : "unknown";
}

const char *sighting_kind_text(enum sighting_kind k)
{
	static const char *const texts[SIGHTING_KIND_COUNT] = {
#define SIGHTING_KIND_TEXT(id, text) [SIGHTING_KIND_##id] = text,
		SIGHTING_KINDS(SIGHTING_KIND_TEXT)
#undef SIGHTING_KIND_TEXT
	};

	return (unsigned int)k < SIGHTING_KIND_COUNT ? texts[k] : "unknown";
}

void sighting_init(struct sighting *s)
{
	memset(s, 0, sizeof(*s));
}

void sighting_free(struct sighting *s)
{
	unsigned int i;

	for (i = 0; i < SIGHTING_TEXT_COUNT; i++)
		free(s->text[i]);
	sighting_init(s);
}

bool sighting_copy(struct sighting *dst, const struct sighting *src)
{
	unsigned int i;

	*dst = *src;
	memset(dst->text, 0, sizeof(dst->text));
	for (i = 0; i < SIGHTING_TEXT_COUNT; i++) {
		if (!src->text[i])
			continue;
		dst->text[i] = malloc((size_t)src->text_len[i] + 1);
		if (!dst->text[i]) {
			sighting_free(dst);
			return false;
		}
		memcpy(dst->text[i], src->text[i], (size_t)src->text_len[i] + 1);
	}
	return true;
}

void sighting_set(struct sighting *s, enum sighting_text which, const void *p, size_t n)
{
	char *text = NULL;
	size_t len = 0;

	if (p) {
		len = strnlen(p, n < text_max[which] ? n : text_max[which]);
		text = len ? malloc(len + 1) : NULL;
		if (text) {
			memcpy(text, p, len);
			text[len] = 0;
		} else {
			len = 0;
		}
	}
	if (p && len < n)
		s->cut |= 1u << which;
	else
		s->cut &= ~(1u << which);
	free(s->text[which]); /* last: p may point into it */
	s->text[which] = text;
	s->text_len[which] = len;
}

const char *sighting_get(const struct sighting *s, enum sighting_text which)
{
	return s->text[which];
}

void sighting_make_id(struct sighting *s)
{
	/* Big-endian, so that an id can be recomputed from the local log by hand. */
	struct {
		uint64_t session, start, begin;
		uint32_t number;
		uint8_t sha256[SHA256_SIZE];
	} __attribute__((packed)) in = {
		.session = htobe64(s->session.id),
		.start = htobe64(s->session.start),
		.begin = htobe64(s->begin),
		.number = htobe32(s->number),
	};
	uint8_t out[SHA256_DIGEST_LENGTH];

	memcpy(in.sha256, s->sha256, SHA256_SIZE);
	SHA256((const uint8_t *)&in, sizeof(in), out);
	memcpy(s->id, out, SIGHTING_ID_SIZE);
	s->id[6] = (s->id[6] & 0x0f) | 0x80; /* version 8 */
	s->id[8] = (s->id[8] & 0x3f) | 0x80; /* variant of RFC 9562 */
}

static char *hex_text(const uint8_t *p, size_t n, char *text)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		*text++ = digits[p[i] >> 4];
		*text++ = digits[p[i] & 15];
	}
	*text = 0;
	return text;
}

const char *sighting_id_text(const uint8_t id[static SIGHTING_ID_SIZE],
			     char text[static SIGHTING_ID_TEXT])
{
	static const uint8_t groups[] = {4, 2, 2, 2, 6};
	char *at = text;
	size_t i;

	for (i = 0; i < sizeof(groups); id += groups[i++]) {
		if (i)
			*at++ = '-';
		at = hex_text(id, groups[i], at);
	}
	return text;
}

const char *sha256_text(const uint8_t sha256[static SHA256_SIZE], char text[static SHA256_TEXT])
{
	hex_text(sha256, SHA256_SIZE, text);
	return text;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool sighting_id_parse(const char *text, uint8_t id[static SIGHTING_ID_SIZE])
{
	char again[SIGHTING_ID_TEXT];
	const char *at = text;
	int i, high, low;

	for (i = 0; i < SIGHTING_ID_SIZE; i++) {
		at += *at == '-';
		high = hex_digit(at[0]);
		low = high < 0 ? -1 : hex_digit(at[1]);
		if (low < 0)
			return false;
		id[i] = high << 4 | low;
		at += 2;
	}
	return strcasecmp(sighting_id_text(id, again), text) == 0;
}

bool sha256_parse(const char *text, uint8_t sha256[static SHA256_SIZE])
{
	int i, high, low;

	for (i = 0; i < SHA256_SIZE; i++) {
		high = hex_digit(text[2 * i]);
		low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
		if (low < 0)
			return false;
		sha256[i] = high << 4 | low;
	}
	return !text[2 * i];
}

/*
 * The parts of a sighting on the wire.  A part's tag is its place in these
 * tables; the receiver wants each number and block once, each text at most once.
 */
static const struct number_field numbers[] = {
#define NUMBER(member, most) NUMBER_FIELD(struct sighting, member, most)
	NUMBER_FIELDS_SESSION(struct sighting),
	NUMBER(kind, SIGHTING_KIND_COUNT - 1),
	NUMBER(direction, DIRECTION_UPLOAD),
	NUMBER(begin, UINT64_MAX),
	NUMBER(end, UINT64_MAX),
	NUMBER(number, UINT32_MAX),
	NUMBER(http_status, UINT32_MAX),
	NUMBER(state, FILE_STATE_TRUNCATED),
	NUMBER(reason, FILE_REASON_COUNT - 1),
	NUMBER(size_known, true),
	NUMBER(declared, UINT64_MAX),
	NUMBER(size, UINT64_MAX),
	NUMBER(seen, UINT64_MAX),
	NUMBER(missing, UINT64_MAX),
	NUMBER(overlap, UINT64_MAX),
	NUMBER(stored, true),
	NUMBER(level, UINT32_MAX),
	NUMBER(traits, (1u << FILE_TRAIT_COUNT) - 1),
	NUMBER(contained, true),
	NUMBER(cut, (1u << SIGHTING_TEXT_COUNT) - 1),
#undef NUMBER
};

static const struct sighting_block {
	uint16_t offset;
	uint16_t size;
} blocks[] = {
#define BLOCK(member)                                           \
	{                                                       \
		.offset = offsetof(struct sighting, member),    \
		.size = sizeof(((struct sighting *)0)->member), \
	}
	BLOCK(session.end[DIR_OPENER]),
	BLOCK(session.end[DIR_ANSWERER]),
	BLOCK(session.nat[DIR_OPENER]),
	BLOCK(session.nat[DIR_ANSWERER]),
	BLOCK(session.in_name),
	BLOCK(session.out_name),
	BLOCK(sha256),
	BLOCK(container),
	BLOCK(id),
#undef BLOCK
};

_Static_assert(sizeof(struct endpoint) == 20, "an endpoint crosses as it is, without padding");
_Static_assert(SIGHTING_TEXT_COUNT < 32, "one bit a text in `cut`");

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

enum {
	TAG_NUMBER = MSG_A_SIGHTING,
	TAG_BLOCK = TAG_NUMBER + COUNT_OF(numbers),
	TAG_TEXT = TAG_BLOCK + COUNT_OF(blocks),
	TAG_END = TAG_TEXT + SIGHTING_TEXT_COUNT,
};

bool sighting_encode(const struct sighting *s, struct msg *m)
{
	const uint8_t *base = (const uint8_t *)s;
	bool ok = true;
	unsigned int i;

	for (i = 0; i < COUNT_OF(numbers); i++)
		ok &= msg_put_u64(m, TAG_NUMBER + i, number_field_load(&numbers[i], base));
	for (i = 0; i < COUNT_OF(blocks); i++)
		ok &= msg_put(m, TAG_BLOCK + i, base + blocks[i].offset, blocks[i].size);
	for (i = 0; i < SIGHTING_TEXT_COUNT; i++)
		if (s->text[i])
			ok &= msg_put(m, TAG_TEXT + i, s->text[i], s->text_len[i]);
	return ok;
}

static bool part_decode(struct sighting *s, unsigned int tag, const uint8_t *p, size_t n)
{
	uint8_t *base = (uint8_t *)s;
	uint64_t v;

	if (tag < TAG_BLOCK) {
		if (n != sizeof(v))
			return false;
		memcpy(&v, p, sizeof(v));
		return number_field_store(&numbers[tag - TAG_NUMBER], base, v);
	}
	if (tag < TAG_TEXT) {
		const struct sighting_block *block = &blocks[tag - TAG_BLOCK];

		if (n != block->size)
			return false;
		memcpy(base + block->offset, p, n);
		return true;
	}
	tag -= TAG_TEXT;
	if (!n || n > text_max[tag] || memchr(p, 0, n))
		return false;
	s->text[tag] = malloc(n + 1);
	if (!s->text[tag])
		return false;
	memcpy(s->text[tag], p, n);
	s->text[tag][n] = 0;
	s->text_len[tag] = n;
	return true;
}

static bool name_valid(const char name[static 16])
{
	return memchr(name, 0, 16);
}

/* What no honest sender says: only whole files are complete, only complete ones are stored. */
static bool state_valid(const struct sighting *s)
{
	if (s->state == FILE_STATE_COMPLETE)
		return s->reason == FILE_REASON_NONE && !s->missing && s->seen == s->size;
	return s->reason != FILE_REASON_NONE && !s->stored;
}

bool sighting_decode(struct sighting *s, const struct msg_view *v)
{
	bool got[TAG_END - TAG_NUMBER] = {false};
	const uint8_t *p;
	size_t n, at = 0;
	uint16_t tag;
	unsigned int i;

	sighting_init(s);
	while (msg_next(v, &at, &tag, &p, &n)) {
		if (tag < TAG_NUMBER || tag >= TAG_END || got[tag - TAG_NUMBER])
			goto refuse;
		got[tag - TAG_NUMBER] = true;
		if (!part_decode(s, tag, p, n))
			goto refuse;
	}
	for (i = 0; i < TAG_TEXT - TAG_NUMBER; i++)
		if (!got[i])
			goto refuse;
	for (i = 0; i < DIR_COUNT; i++)
		if (!inet_check(&s->session.end[i]) || !inet_check(&s->session.nat[i]))
			goto refuse;
	if (!name_valid(s->session.in_name) || !name_valid(s->session.out_name))
		goto refuse;
	if (!state_valid(s))
		goto refuse;
	return true;
refuse:
	sighting_free(s);
	return false;
}
