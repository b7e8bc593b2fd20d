// SPDX-License-Identifier: MIT
/* Generic netlink by hand. */
#include "genl.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

bool genl_attr_next(const unsigned char **at, size_t *left, const struct nlattr **attr)
{
	size_t step;

	if (*left < NLA_HDRLEN)
		return false;
	*attr = (const struct nlattr *)*at;
	if ((*attr)->nla_len < NLA_HDRLEN || (*attr)->nla_len > *left)
		return false;
	step = NLA_ALIGN((*attr)->nla_len);
	if (step > *left)
		step = *left;
	*at += step;
	*left -= step;
	return true;
}

void genl_begin(struct genl *genl, struct genl_message *message, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)message->bytes;
	struct genlmsghdr *header = (struct genlmsghdr *)(message->bytes + NLMSG_HDRLEN);

	memset(message->bytes, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	nlh->nlmsg_type = genl->family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	nlh->nlmsg_seq = ++genl->seq;
	header->cmd = cmd;
	header->version = 1;
	message->length = NLMSG_HDRLEN + GENL_HDRLEN;
}

void genl_put(struct genl_message *message, uint16_t type, const void *data, size_t length)
{
	struct nlattr *attr = (struct nlattr *)(message->bytes + message->length);
	size_t room = sizeof(message->bytes) - message->length;

	if (length > UINT16_MAX - NLA_HDRLEN || NLA_ALIGN(NLA_HDRLEN + length) > room)
		errx(2, "attribute %u does not fit", type);
	memset(attr, 0, NLA_ALIGN(NLA_HDRLEN + length));
	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + length;
	if (length)
		memcpy(attr + 1, data, length);
	message->length += NLA_ALIGN(attr->nla_len);
}

static void read_error(const struct nlmsghdr *nlh, struct genl_error *error)
{
	const struct nlmsgerr *nlerr = NLMSG_DATA(nlh);
	size_t skip = NLMSG_HDRLEN + sizeof(*nlerr);
	const unsigned char *at;
	const struct nlattr *attr;
	size_t left;

	*error = (struct genl_error){ .code = -nlerr->error, .missing = -1, .offset = -1 };
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += nlerr->msg.nlmsg_len - NLMSG_HDRLEN;
	skip = NLMSG_ALIGN(skip);
	if (skip > nlh->nlmsg_len)
		return;
	at = (const unsigned char *)nlh + skip;
	left = nlh->nlmsg_len - skip;
	while (genl_attr_next(&at, &left, &attr)) {
		switch (attr->nla_type & NLA_TYPE_MASK) {
		case NLMSGERR_ATTR_MSG:
			snprintf(error->text, sizeof(error->text), "%.*s",
				 (int)genl_attr_length(attr), (const char *)genl_attr_data(attr));
			break;
		case NLMSGERR_ATTR_OFFS:
			memcpy(&error->offset, genl_attr_data(attr), sizeof(int));
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			memcpy(&error->missing, genl_attr_data(attr), sizeof(int));
			break;
		}
	}
}

typedef void genl_answer(uint8_t cmd, const unsigned char *attrs, size_t length, void *arg);

/* Returns true when the request has been answered in full. */
static bool take(const struct nlmsghdr *nlh, genl_answer *answer, void *arg,
		 struct genl_error *error)
{
	const struct genlmsghdr *header = NLMSG_DATA(nlh);

	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
		if (error)
			read_error(nlh, error);
		return true;
	case NLMSG_DONE:
		return true;
	default:
		if (answer && nlh->nlmsg_len >= NLMSG_HDRLEN + GENL_HDRLEN)
			answer(header->cmd, (const unsigned char *)header + GENL_HDRLEN,
			       nlh->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, arg);
		return false;
	}
}

static bool receive(struct genl *genl, genl_answer *answer, void *arg, struct genl_error *error)
{
	_Alignas(NLMSG_ALIGNTO) static unsigned char buffer[65536];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buffer;
	ssize_t n = recv(genl->fd, buffer, sizeof(buffer), 0);
	bool done = false;
	size_t left;

	if (n < 0)
		err(2, "netlink");
	for (left = n; NLMSG_OK(nlh, left); nlh = NLMSG_NEXT(nlh, left))
		done |= take(nlh, answer, arg, error);
	return done;
}

int genl_ask(struct genl *genl, struct genl_message *message, genl_answer *answer, void *arg,
	     struct genl_error *error)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)message->bytes;

	*error = (struct genl_error){ .missing = -1, .offset = -1 };
	nlh->nlmsg_len = message->length;
	if (send(genl->fd, message->bytes, message->length, 0) < 0)
		err(2, "netlink");
	while (!receive(genl, answer, arg, error))
		;
	return error->code ? -1 : 0;
}

void genl_listen(struct genl *genl, int seconds, genl_answer *answer, void *arg)
{
	struct pollfd wait = { .fd = genl->fd, .events = POLLIN };
	time_t end = time(NULL) + seconds;

	for (;;) {
		time_t left = end - time(NULL);

		if (seconds >= 0 && left <= 0)
			return;
		if (poll(&wait, 1, seconds < 0 ? -1 : (int)left * 1000) > 0)
			receive(genl, answer, arg, NULL);
	}
}

struct lookup {
	const char *group;
	uint16_t family;
	uint32_t group_id;
};

static void look_in_group(const struct nlattr *group, struct lookup *lookup)
{
	const unsigned char *at = genl_attr_data(group);
	size_t left = genl_attr_length(group);
	const char *name = "";
	const struct nlattr *attr;
	uint32_t id = 0;

	while (genl_attr_next(&at, &left, &attr)) {
		if (attr->nla_type == CTRL_ATTR_MCAST_GRP_NAME)
			name = genl_attr_data(attr);
		else if (attr->nla_type == CTRL_ATTR_MCAST_GRP_ID)
			memcpy(&id, genl_attr_data(attr), sizeof(id));
	}
	if (lookup->group && !strcmp(name, lookup->group))
		lookup->group_id = id;
}

static void look(uint8_t cmd, const unsigned char *at, size_t left, void *arg)
{
	struct lookup *lookup = arg;
	const struct nlattr *attr;

	(void)cmd;
	while (genl_attr_next(&at, &left, &attr)) {
		if (attr->nla_type == CTRL_ATTR_FAMILY_ID) {
			memcpy(&lookup->family, genl_attr_data(attr), sizeof(lookup->family));
		} else if ((attr->nla_type & NLA_TYPE_MASK) == CTRL_ATTR_MCAST_GROUPS) {
			const unsigned char *in = genl_attr_data(attr);
			size_t more = genl_attr_length(attr);
			const struct nlattr *group;

			while (genl_attr_next(&in, &more, &group))
				look_in_group(group, lookup);
		}
	}
}

static int resolve(struct genl *genl, const char *family, struct lookup *lookup)
{
	struct genl control = { .fd = genl->fd, .family = GENL_ID_CTRL };
	struct genl_message message;
	struct genl_error error;

	genl_begin(&control, &message, CTRL_CMD_GETFAMILY, 0);
	genl_put(&message, CTRL_ATTR_FAMILY_NAME, family, strlen(family) + 1);
	return genl_ask(&control, &message, look, lookup, &error);
}

void genl_open(struct genl *genl, const char *family)
{
	struct lookup lookup = { 0 };
	int one = 1;

	genl->seq = 0;
	genl->family = GENL_ID_CTRL;
	genl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (genl->fd < 0)
		err(2, "netlink socket");
	setsockopt(genl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(genl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (!family)
		return;
	if (resolve(genl, family, &lookup))
		errx(3, "no netlink family %s: is the module loaded?", family);
	genl->family = lookup.family;
}

int genl_join(struct genl *genl, const char *family, const char *group)
{
	struct lookup lookup = { .group = group };

	if (resolve(genl, family, &lookup) || !lookup.group_id)
		return ENOENT;
	if (setsockopt(genl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &lookup.group_id,
		       sizeof(lookup.group_id)))
		return errno;
	return 0;
}
