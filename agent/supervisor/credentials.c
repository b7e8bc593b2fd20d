// SPDX-License-Identifier: MIT
#include "supervisor/credentials.h"

#include <string.h>

static bool take(char **to, char **from)
{
	char *text = *to;

	if (!strcmp(*to, *from))
		return false;
	*to = *from;
	*from = text; /* goes with the new configuration, wiped */
	return true;
}

bool credentials_take(struct config *c, size_t cloud, struct cloud_config *new)
{
	bool key = take(&c->cloud[cloud].key, &new->key);
	bool token = take(&c->cloud[cloud].token, &new->token);

	if (key || token)
		c->credentials |= 1ull << cloud;
	return key || token;
}

void credentials_restart(struct config *c)
{
	for (size_t i = 0; i < c->clouds; i++)
		if (c->cloud[i].key[0] || c->cloud[i].token[0])
			c->credentials |= 1ull << i;
}

enum msg_result credentials_send(struct config *c, int fd)
{
	enum msg_result result = MSG_OK;
	struct msg m;

	if (!c->credentials)
		return MSG_OK;
	msg_init(&m);
	for (size_t i = 0; result == MSG_OK && i < c->clouds; i++) {
		if (!(c->credentials & (1ull << i)))
			continue;
		msg_begin(&m, MSG_CREDENTIALS);
		msg_put_string(&m, MSG_A_CLOUD, c->cloud[i].name);
		msg_put_string(&m, MSG_A_KEY, c->cloud[i].key);
		msg_put_string(&m, MSG_A_TOKEN, c->cloud[i].token);
		result = msg_send(fd, &m);
		if (result == MSG_OK)
			c->credentials &= ~(1ull << i);
	}
	if (m.buf.data)
		explicit_bzero(m.buf.data, m.buf.len);
	msg_free(&m);
	return result;
}
