// SPDX-License-Identifier: MIT
#include "lib/msg.h"
#include "lib/cursor.h"

#include <errno.h>
#include <sys/socket.h>

/* {u32 length of all, u16 type, u16 version}, then attributes on 8-byte boundaries. */
#define MSG_HEADER 8
#define MSG_ATTR_HEADER 8

const char *msg_type_text(unsigned int type)
{
	static const char *const names[MSG_TYPE_COUNT] = {[MSG_NONE] = "none",
#define MSG_TYPE_NAME(id, name) [MSG_##id] = name,
							  MSG_TYPES(MSG_TYPE_NAME)
#undef MSG_TYPE_NAME
	};

	return type < MSG_TYPE_COUNT ? names[type] : "unknown";
}

void msg_init(struct msg *m)
{
	*m = (struct msg){0};
	buf_init(&m->buf, MSG_MAX);
}

void msg_free(struct msg *m)
{
	buf_free(&m->buf);
}

void msg_begin(struct msg *m, enum msg_type type)
{
	static const uint8_t zero[MSG_HEADER];

	buf_reset(&m->buf);
	buf_add(&m->buf, zero, sizeof(zero)); /* filled in by msg_send() */
	m->type = type;
}

static size_t msg_padding(size_t n)
{
	return -n & 7;
}

bool msg_put(struct msg *m, uint16_t tag, const void *p, size_t n)
{
	static const uint8_t zero[8];
	uint8_t header[MSG_ATTR_HEADER] = {0};
	uint32_t length = n;

	if (n > MSG_MAX) {
		m->buf.failed = true;
		return false;
	}
	memcpy(header, &tag, sizeof(tag));
	memcpy(header + 4, &length, sizeof(length));
	return buf_add(&m->buf, header, sizeof(header)) && buf_add(&m->buf, p, n) &&
	       buf_add(&m->buf, zero, msg_padding(n));
}

bool msg_put_u64(struct msg *m, uint16_t tag, uint64_t v)
{
	return msg_put(m, tag, &v, sizeof(v));
}

bool msg_put_string(struct msg *m, uint16_t tag, const char *s)
{
	return msg_put(m, tag, s, strlen(s));
}

enum msg_result msg_send(int fd, struct msg *m)
{
	uint32_t length = m->buf.len;
	uint16_t version = MSG_VERSION;
	ssize_t n;

	if (m->buf.failed || length < MSG_HEADER)
		return MSG_BAD;
	memcpy(m->buf.data, &length, 4);
	memcpy(m->buf.data + 4, &m->type, 2);
	memcpy(m->buf.data + 6, &version, 2);
	do {
		n = send(fd, m->buf.data, m->buf.len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return MSG_OK;
	switch (errno) {
	case EAGAIN:
		return MSG_AGAIN;
	case EPIPE:
	case ECONNRESET:
		return MSG_CLOSED;
	case EMSGSIZE:
		return MSG_BAD;
	default:
		return MSG_ERROR;
	}
}

/* One attribute; false when the cursor has no whole one. */
static bool msg_attr(struct cursor *c, uint16_t *tag, const uint8_t **p, size_t *n)
{
	const uint8_t *header = cursor_take(c, MSG_ATTR_HEADER);
	const uint8_t *padding;
	uint16_t zero;
	uint32_t length;
	size_t i;

	if (!header)
		return false;
	memcpy(tag, header, 2);
	memcpy(&zero, header + 2, 2);
	memcpy(&length, header + 4, 4);
	*n = length;
	*p = cursor_take(c, length);
	padding = *p ? cursor_take(c, msg_padding(length)) : NULL;
	if (!padding || zero)
		return false;
	for (i = 0; i < msg_padding(length); i++)
		if (padding[i])
			return false;
	return true;
}

bool msg_parse(const uint8_t *p, size_t n, struct msg_view *v)
{
	struct cursor c = cursor_of(p, n);
	uint32_t length = cursor_u32(&c);
	const uint8_t *rest = cursor_take(&c, 4);
	const uint8_t *value;
	uint16_t type, version, tag;
	size_t size;

	*v = (struct msg_view){0};
	if (!rest || n > MSG_MAX || length != n)
		return false;
	memcpy(&type, rest, 2);
	memcpy(&version, rest + 2, 2);
	if (version != MSG_VERSION || type == MSG_NONE || type >= MSG_TYPE_COUNT)
		return false;
	v->attrs = c.p;
	v->len = c.left;
	while (c.left) {
		if (!msg_attr(&c, &tag, &value, &size) || tag == MSG_A_NONE) {
			*v = (struct msg_view){0};
			return false;
		}
	}
	v->type = type;
	return true;
}

enum msg_result msg_receive(int fd, uint8_t room[static MSG_MAX], struct msg_view *v)
{
	struct iovec part = {room, MSG_MAX};
	struct msghdr h = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n;

	*v = (struct msg_view){0};
	/*
	 * A peer that dies with messages of ours unread leaves ECONNRESET, reported once and
	 * before what it had sent itself: that is still there, and must not be lost.
	 */
	do {
		n = recvmsg(fd, &h, 0);
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return errno == EAGAIN ? MSG_AGAIN : MSG_ERROR;
	/* Without room for control data the kernel has closed whatever descriptor was sent. */
	if (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return MSG_BAD;
	if (!n)
		return MSG_CLOSED;
	return msg_parse(room, n, v) ? MSG_OK : MSG_BAD;
}

bool msg_next(const struct msg_view *v, size_t *at, uint16_t *tag, const uint8_t **p, size_t *n)
{
	struct cursor c;

	if (*at >= v->len)
		return false;
	c = cursor_of(v->attrs + *at, v->len - *at);
	if (!msg_attr(&c, tag, p, n))
		return false;
	*at = v->len - c.left;
	return true;
}

bool msg_get(const struct msg_view *v, uint16_t tag, const uint8_t **p, size_t *n)
{
	uint16_t found;
	size_t at = 0;

	while (msg_next(v, &at, &found, p, n))
		if (found == tag)
			return true;
	return false;
}

bool msg_get_exact(const struct msg_view *v, uint16_t tag, void *p, size_t n)
{
	const uint8_t *value;
	size_t size;

	if (!msg_get(v, tag, &value, &size) || size != n)
		return false;
	memcpy(p, value, n);
	return true;
}

bool msg_get_u64(const struct msg_view *v, uint16_t tag, uint64_t *value)
{
	return msg_get_exact(v, tag, value, sizeof(*value));
}

bool msg_get_string(const struct msg_view *v, uint16_t tag, char *s, size_t size)
{
	const uint8_t *value;
	size_t n;

	if (!msg_get(v, tag, &value, &n) || n >= size || memchr(value, 0, n))
		return false;
	memcpy(s, value, n);
	s[n] = 0;
	return true;
}

bool msg_pair(int fd[static 2])
{
	return !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd);
}
