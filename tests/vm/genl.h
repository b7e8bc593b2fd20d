/* SPDX-License-Identifier: MIT */
/*
 * Generic netlink by hand, for test tools that also send what no library would.
 */
#ifndef TESTS_VM_GENL_H
#define TESTS_VM_GENL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

/* A request under construction; never longer than its buffer, or it exits. */
struct genl_message {
	_Alignas(NLMSG_ALIGNTO) unsigned char bytes[4096];
	size_t length;
};

struct genl {
	int fd;
	uint16_t family;
	uint32_t seq;
};

/* What the kernel said of a request it refused; code 0 if it did not. */
struct genl_error {
	int code;		/* errno, positive */
	char text[256];		/* extack, may be empty */
	int missing;		/* type of the attribute that is missing, or -1 */
	int offset;		/* of the attribute that is wrong, or -1 */
};

/* One attribute after the other; returns false at the end. */
bool genl_attr_next(const unsigned char **at, size_t *left, const struct nlattr **attr);

static inline const void *genl_attr_data(const struct nlattr *attr)
{
	return (const unsigned char *)attr + NLA_HDRLEN;
}

static inline size_t genl_attr_length(const struct nlattr *attr)
{
	return attr->nla_len - NLA_HDRLEN;
}

/* Opens a socket; resolves @family when it is not NULL.  Exits when it cannot. */
void genl_open(struct genl *genl, const char *family);

/* Joins a multicast group by its number; returns 0 or an errno. */
int genl_join(struct genl *genl, const char *family, const char *group);

void genl_begin(struct genl *genl, struct genl_message *message, uint8_t cmd, uint16_t flags);
void genl_put(struct genl_message *message, uint16_t type, const void *data, size_t length);

/*
 * Sends, and hands each answer to @answer.  Returns 0 or -1, then @error says why.
 */
int genl_ask(struct genl *genl, struct genl_message *message,
	     void (*answer)(uint8_t cmd, const unsigned char *attrs, size_t length, void *arg),
	     void *arg, struct genl_error *error);

/* Waits for notifications for as long as @seconds, -1: for ever. */
void genl_listen(struct genl *genl, int seconds,
		 void (*answer)(uint8_t cmd, const unsigned char *attrs, size_t length, void *arg),
		 void *arg);

#endif
