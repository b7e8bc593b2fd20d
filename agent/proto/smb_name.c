// SPDX-License-Identifier: MIT
/*
 * Names of SMB: strings, users ([MS-NLMP] 2.2.1.3), shares.
 *
 * A second connection of a session did not see who logged on and what was connected on the
 * first one, so names are kept for all of them.
 */
#include "proto/smb.h"

#include <stdlib.h>
#include <string.h>

struct name_key {
	uint64_t session;
	uint32_t tree;
	uint32_t user;
};

struct name {
	struct table_entry entry;
	struct name_key key;
	enum smb_share type;
	char *text;
};

struct shared_name {
	enum smb_share type;
	char text[];
};

/* -------------------------------------------------------------------- strings */

static void add_code(struct buf *b, uint32_t c)
{
	uint8_t out[4];
	size_t n = 0;

	if (c < 0x80) {
		out[n++] = c;
	} else if (c < 0x800) {
		out[n++] = 0xc0 | c >> 6;
		out[n++] = 0x80 | (c & 0x3f);
	} else if (c < 0x10000) {
		out[n++] = 0xe0 | c >> 12;
		out[n++] = 0x80 | (c >> 6 & 0x3f);
		out[n++] = 0x80 | (c & 0x3f);
	} else {
		out[n++] = 0xf0 | c >> 18;
		out[n++] = 0x80 | (c >> 12 & 0x3f);
		out[n++] = 0x80 | (c >> 6 & 0x3f);
		out[n++] = 0x80 | (c & 0x3f);
	}
	/* Cut between characters. */
	if (n <= b->max - b->len)
		buf_add(b, out, n);
	else
		b->max = b->len;
}

static void add_utf16(struct buf *b, const uint8_t *p, size_t n)
{
	struct cursor c = cursor_of(p, n & ~(size_t)1);
	uint32_t low, code;

	while (c.left && b->len < b->max) {
		code = cursor_le16(&c);
		if (!code)
			break;
		if (code >= 0xd800 && code < 0xdc00 && c.left) {
			low = (uint32_t)c.p[1] << 8 | c.p[0];
			if (low >= 0xdc00 && low < 0xe000) {
				cursor_skip(&c, 2);
				code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
			}
		}
		if (code >= 0xd800 && code < 0xe000)
			code = 0xfffd; /* half a pair */
		add_code(b, code);
	}
}

char *smb_string(const uint8_t *p, size_t n, bool unicode)
{
	struct buf b;
	char *s;

	buf_init(&b, SMB_NAME_BYTES);
	if (p && unicode)
		add_utf16(&b, p, n);
	else if (p)
		buf_add(&b, p, strnlen((const char *)p, n < b.max ? n : b.max));
	s = b.len && !b.failed ? strdup(buf_string(&b)) : NULL;
	buf_free(&b);
	return s;
}

/* ---------------------------------------------------------------------- users */

char *smb_user_join(const char *domain, const char *user)
{
	struct buf b;
	char *s;

	if (!user || !*user)
		return NULL;
	buf_init(&b, 2 * SMB_NAME_BYTES + 1);
	if (domain && *domain)
		buf_printf(&b, "%s\\", domain);
	buf_add_string(&b, user);
	s = b.failed ? NULL : strdup(buf_string(&b));
	buf_free(&b);
	return s;
}

/* A field of an NTLM message: length, room, offset. */
static char *ntlm_text(const uint8_t *p, size_t n, size_t at, bool unicode)
{
	struct cursor c = cursor_of(p, n);
	uint32_t length, offset;

	cursor_skip(&c, at);
	length = cursor_le16(&c);
	cursor_skip(&c, 2);
	offset = cursor_le32(&c);
	if (c.failed || offset > n || length > n - offset)
		return NULL;
	return smb_string(p + offset, length, unicode);
}

char *smb_ntlm_user(const uint8_t *p, size_t n)
{
	static const uint8_t authenticate[] = "NTLMSSP\0\3\0\0";
	const uint8_t *found = p ? memmem(p, n, authenticate, sizeof(authenticate)) : NULL;
	struct cursor c;
	bool unicode;
	char *domain, *user, *both;

	if (!found)
		return NULL;
	n -= found - p;
	c = cursor_of(found, n);
	cursor_skip(&c, 60);
	unicode = cursor_le32(&c) & 1; /* NTLMSSP_NEGOTIATE_UNICODE */
	domain = ntlm_text(found, n, 28, unicode);
	user = ntlm_text(found, n, 36, unicode);
	both = smb_user_join(domain, user);
	free(domain);
	free(user);
	return both;
}

/* ----------------------------------------------------------------------- kept */

bool smb_key(struct smb *smb, struct key *key, const char *what, const void *p, size_t n)
{
	const struct session_info *info = proto_session_info(smb->ps);
	struct key_text texts[] = {{"smb", 3}, {what, strlen(what)}, {p, n}, {0}, {0}};

	/* Several connections make a session only with SMB 3, which knows both ends. */
	if (smb->guids[0] && smb->guids[1]) {
		texts[3] = (struct key_text){smb->guid[0], SMB_GUID_SIZE};
		texts[4] = (struct key_text){smb->guid[1], SMB_GUID_SIZE};
	} else {
		texts[3] = (struct key_text){&info->id, sizeof(info->id)};
		texts[4] = (struct key_text){&info->start, sizeof(info->start)};
	}
	return key_make(key, info, texts, 5);
}

static void shared_name_drop(void *value, uint64_t time)
{
	free(value);
}

static void publish(struct smb *smb, const struct name *name)
{
	size_t n = strlen(name->text) + 1;
	struct shared_name *shared;
	struct key key;

	if (!smb->guids[0] || !smb->guids[1] ||
	    !smb_key(smb, &key, "name", &name->key, sizeof(name->key)))
		return;
	shared = malloc(sizeof(*shared) + n);
	if (!shared)
		return;
	shared->type = name->type;
	memcpy(shared->text, name->text, n);
	shared_remove(smb->shared, &key, smb->time);
	if (!shared_add(smb->shared, &key, shared, shared_name_drop, smb->time))
		free(shared);
}

bool smb_names_init(struct smb *smb)
{
	smb->names =
		table_new(offsetof(struct name, key), sizeof(struct name_key), SMB_NAMES_MAX);
	return smb->names;
}

static void name_free(struct smb *smb, struct name *name)
{
	table_remove(smb->names, &name->entry);
	free(name->text);
	free(name);
}

static struct name *name_set(struct smb *smb, const struct name_key *key, const char *text,
			     enum smb_share type)
{
	struct name *name = (struct name *)table_find(smb->names, key);

	if (name)
		name_free(smb, name);
	if (table_count(smb->names) >= SMB_NAMES_MAX)
		name_free(smb, (struct name *)table_oldest(smb->names));
	name = calloc(1, sizeof(*name));
	if (!name)
		return NULL;
	*name = (struct name){.key = *key, .type = type, .text = strdup(text)};
	if (name->text && table_add(smb->names, &name->entry))
		return name;
	free(name->text);
	free(name);
	return NULL;
}

static struct name *name_get(struct smb *smb, const struct name_key *k)
{
	struct name *name = (struct name *)table_find(smb->names, k);
	struct shared_name *shared;
	struct key key;

	if (name) {
		table_touch(smb->names, &name->entry);
		return name;
	}
	if (!smb->guids[0] || !smb->guids[1] || !smb_key(smb, &key, "name", k, sizeof(*k)))
		return NULL;
	shared = shared_find(smb->shared, &key, smb->time);
	return shared ? name_set(smb, k, shared->text, shared->type) : NULL;
}

static void set(struct smb *smb, const struct name_key *key, const char *text,
		enum smb_share type)
{
	struct name *name = name_set(smb, key, text, type);

	if (name)
		publish(smb, name);
}

void smb_user_set(struct smb *smb, uint64_t session, const char *user)
{
	set(smb, &(struct name_key){.session = session, .user = 1}, user, SMB_SHARE_UNKNOWN);
}

const char *smb_user_of(struct smb *smb, uint64_t session)
{
	struct name *name = name_get(smb, &(struct name_key){.session = session, .user = 1});

	return name ? name->text : NULL;
}

void smb_share_set(struct smb *smb, uint64_t session, uint32_t tree, const char *share,
		   enum smb_share type)
{
	set(smb, &(struct name_key){.session = session, .tree = tree}, share ? share : "",
	    type);
}

const char *smb_share_of(struct smb *smb, uint64_t session, uint32_t tree, enum smb_share *type)
{
	struct name *name = name_get(smb, &(struct name_key){.session = session, .tree = tree});

	*type = name ? name->type : SMB_SHARE_UNKNOWN;
	return name && *name->text ? name->text : NULL;
}

void smb_names_free(struct smb *smb)
{
	struct table_entry *e;

	while (smb->names && (e = table_oldest(smb->names)))
		name_free(smb, (struct name *)e);
	table_free(smb->names);
}
