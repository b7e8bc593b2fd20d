// SPDX-License-Identifier: MIT
#include "supervisor/namespaces.h"

#include "lib/log.h"
#include "supervisor/live.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MS 1000
#define END_MS 3000 /* for the inspectors of one that is gone */
#define OWN "/proc/self/ns/net"

static const char *name_of(const struct namespace *n)
{
	return n->path ? n->path : "the agent's own";
}

/* ------------------------------------------------------------------- opening */

/* A descriptor of the network namespace that a path names, or -1. */
static int namespace_fd(const char *path, uint64_t *inode)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	/* The path of one that is being made, or was deleted, is a file of no meaning. */
	if (fd >= 0 && ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET && fstat(fd, &st) == 0) {
		*inode = st.st_ino;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	*inode = 0;
	return -1;
}

uint64_t namespace_inode(const char *path)
{
	uint64_t inode;
	int fd = namespace_fd(path, &inode);

	if (fd >= 0)
		close(fd);
	return inode;
}

/* What the configuration says of the module's settings; the rest stays as it is. */
static bool set_settings(const struct config *c, struct kernel *k)
{
	struct nl_msg *m = kernel_request(k, SLUICE_CMD_SETTINGS_SET, false);
	bool any = c->hooks;

	if (m && c->hooks)
		nla_put_u32(m, SLUICE_A_SETTINGS_HOOKS, c->hooks);
	for (size_t i = 0; m && i < LIST_KINDS; i++) {
		if (!c->udp[i].given)
			continue;
		nla_put(m, list_kinds[i].attr, (int)list_size(&list_kinds[i], &c->udp[i]),
			c->udp[i].bytes);
		any = true;
	}
	if (any)
		return kernel_call(k, m, "settings set", NULL, NULL);
	nlmsg_free(m);
	return true;
}

/* The rings of a namespace, one a child. */
static int *rings_of(struct supervisor *s, const struct namespace *n)
{
	return s->ring + (size_t)(n - s->namespace) * s->c->rings;
}

static struct child *children_of(struct supervisor *s, const struct namespace *n)
{
	return s->child + (size_t)(n - s->namespace) * s->c->rings;
}

static bool open_rings(struct supervisor *s, struct namespace *n)
{
	const struct config *c = s->c;
	int *ring = rings_of(s, n);

	for (uint32_t i = 0; i < c->rings; i++)
		if (!kernel_ring_open(&n->kernel, i, c->rings, c->ring_size, &ring[i]))
			return false;
	return true;
}

static void close_rings(struct supervisor *s, const struct namespace *n)
{
	int *ring = rings_of(s, n);

	for (uint32_t i = 0; i < s->c->rings; i++) {
		if (ring[i] >= 0)
			close(ring[i]);
		ring[i] = -1;
	}
}

static void close_one(struct supervisor *s, struct namespace *n)
{
	close_rings(s, n);
	kernel_close(&n->kernel);
	if (n->probe >= 0)
		close(n->probe);
	n->probe = -1;
	n->inode = 0;
}

/* Sockets belong to the namespace in which they were made.  Error in n->kernel.error. */
static bool open_sockets(struct namespace *n)
{
	if (!kernel_open(&n->kernel))
		return false;
	n->probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (n->probe >= 0)
		return true;
	snprintf(n->kernel.error, sizeof(n->kernel.error), "socket: %s", strerror(errno));
	return false;
}

/*
 * The same in another namespace.  We are back in our own before anything else happens; there
 * is one thread, and it is all that moves.
 */
static bool open_sockets_in(struct namespace *n, int fd)
{
	int own = open(OWN, O_RDONLY | O_CLOEXEC);
	bool ok;

	if (own < 0 || setns(fd, CLONE_NEWNET) < 0) {
		snprintf(n->kernel.error, sizeof(n->kernel.error),
			 "cannot enter it: %s (CAP_SYS_ADMIN is needed)", strerror(errno));
		if (own >= 0)
			close(own);
		return false;
	}
	ok = open_sockets(n);
	if (setns(own, CLONE_NEWNET) < 0) {
		log_error("cannot return from namespace %s: %s", n->path, strerror(errno));
		_exit(1); /* whatever came next would be done in the wrong network */
	}
	close(own);
	return ok;
}

enum open_result { OPEN_OK, OPEN_ABSENT, OPEN_FAILED };

static enum open_result open_one(struct supervisor *s, struct namespace *n)
{
	uint64_t inode;
	int fd = namespace_fd(n->path ? n->path : OWN, &inode);
	bool ok;

	if (fd < 0 && n->path)
		return OPEN_ABSENT;
	n->kernel.error[0] = '\0';
	ok = (n->path ? open_sockets_in(n, fd) : open_sockets(n)) &&
	     set_settings(s->c, &n->kernel) && open_rings(s, n);
	if (fd >= 0)
		close(fd);
	if (ok) {
		n->inode = inode;
		return OPEN_OK;
	}
	if (n->path)
		log_error("namespace %s: %s", n->path, n->kernel.error);
	else
		log_error("%s", n->kernel.error);
	close_one(s, n);
	return OPEN_FAILED;
}

/* --------------------------------------------------------------------- names */

static uint64_t interface_index(const struct namespace *n, const char *name)
{
	struct ifreq r = {0};

	strncpy(r.ifr_name, name, sizeof(r.ifr_name) - 1);
	return n->probe >= 0 && ioctl(n->probe, SIOCGIFINDEX, &r) == 0 ? (uint64_t)r.ifr_ifindex
								       : 0;
}

static void resolve(struct supervisor *s, struct vsys *v)
{
	if (v->given & (1u << VSYS_NETNS) && !v->netns_inode)
		vsys_resolve(&v->netns_now, 0, namespace_inode(v->netns), s->now);
	if (!(v->given & (1u << VSYS_VRF)) || v->vrf_index)
		return;
	for (size_t i = 0; i < s->namespaces; i++)
		if (s->namespace[i].inode)
			vsys_resolve(&v->vrf_now, s->namespace[i].inode,
				     interface_index(&s->namespace[i], v -> vrf), s->now);
}

static void resolve_all(struct supervisor *s)
{
	for (size_t i = 0; i < s->c->vsys.count; i++)
		resolve(s, &s->c->vsys.vsys[i]);
}

/* What a VRF was there is kept for the last sightings from it. */
static void unresolve(struct supervisor *s, uint64_t inode)
{
	for (size_t i = 0; i < s->c->vsys.count; i++)
		vsys_resolve(&s->c->vsys.vsys[i].vrf_now, inode, 0, s->now);
}

/* ------------------------------------------------------------ coming and going */

static void set_retired(struct supervisor *s, const struct namespace *n, bool retired)
{
	struct child *c = children_of(s, n);

	for (uint32_t i = 0; i < s->c->rings; i++) {
		c[i].retired = retired;
		if (!retired)
			c[i].start_at = s->now;
	}
}

static void leave(struct supervisor *s, struct namespace *n)
{
	struct child *c = children_of(s, n);

	log_warning("namespace %s is gone: its inspectors end, the others go on", n->path);
	counter_add(&s->counters, COUNTER_NAMESPACES_GONE, 1);
	unresolve(s, n->inode);
	set_retired(s, n, true);
	for (uint32_t i = 0; i < s->c->rings; i++) {
		if (!c[i].pid)
			continue;
		kill(c[i].pid, SIGTERM);
		c[i].kill_by = s->now + END_MS;
	}
	close_one(s, n);
}

/* Are the inspectors of its last time all gone? */
static bool free_again(struct supervisor *s, const struct namespace *n)
{
	const struct child *c = children_of(s, n);

	for (uint32_t i = 0; i < s->c->rings; i++)
		if (c[i].pid || c[i].fd >= 0)
			return false;
	return true;
}

static void enter(struct supervisor *s, struct namespace *n)
{
	enum open_result r;

	if (n->failing || !free_again(s, n))
		return;
	r = open_one(s, n);
	n->failing = r == OPEN_FAILED;
	if (r != OPEN_OK)
		return;
	log_info("namespace %s is there: capturing", n->path);
	set_retired(s, n, false);
}

static void look(struct supervisor *s, struct namespace *n)
{
	uint64_t inode = namespace_inode(n->path);

	if (n->inode && inode != n->inode)
		leave(s, n);
	if (!inode)
		n->failing = false;
	else if (!n->inode)
		enter(s, n);
}

void namespaces_step(struct supervisor *s, bool at_once)
{
	if (s->phase != LIVE_RUNNING || (!at_once && s->now < s->namespaces_at))
		return;
	s->namespaces_at = s->now + LOOK_MS;
	for (size_t i = 0; i < s->namespaces; i++)
		if (s->namespace[i].path)
			look(s, &s->namespace[i]);
	resolve_all(s);
}

static bool has_names(const struct vsys *v)
{
	return (v->given & (1u << VSYS_NETNS) && !v->netns_inode) ||
	       (v->given & (1u << VSYS_VRF) && !v->vrf_index);
}

uint64_t namespaces_at(const struct supervisor *s, uint64_t when)
{
	bool any = s->c->netns_count;

	for (size_t i = 0; i < s->c->vsys.count && !any; i++)
		any = has_names(&s->c->vsys.vsys[i]);
	return any && s->phase == LIVE_RUNNING && s->namespaces_at < when ? s->namespaces_at
									  : when;
}

bool namespaces_open(struct supervisor *s)
{
	const struct config *c = s->c;

	s->namespaces = c->netns_count ? c->netns_count : 1;
	for (size_t i = 0; i < s->namespaces; i++) {
		struct namespace *n = &s->namespace[i];

		*n = (struct namespace){.path = c->netns_count ? c->netns[i] : NULL,
					.probe = -1};
	}
	for (size_t i = 0; i < s->namespaces; i++) {
		struct namespace *n = &s->namespace[i];

		switch (open_one(s, n)) {
		case OPEN_FAILED:
			return false;
		case OPEN_ABSENT:
			log_warning("namespace %s is not there yet: waiting for it",
				    name_of(n));
			set_retired(s, n, true);
			break;
		case OPEN_OK:
			break;
		}
	}
	resolve_all(s);
	return true;
}

void namespaces_close(struct supervisor *s)
{
	for (size_t i = 0; i < s->namespaces; i++)
		close_one(s, &s->namespace[i]);
}

struct kernel *namespaces_kernel(struct supervisor *s, const struct child *c)
{
	struct namespace *n = &s->namespace[c->index / s->c->rings];

	return n->inode ? &n->kernel : NULL;
}
