// SPDX-License-Identifier: MIT
/*
 * Giving up what a process does not need.
 *
 * Order: no_new_privs first (Landlock and seccomp want it), then capabilities, the
 * file system, and last the filter, which forbids the calls that all of this needs.
 */
#include "lib/sandbox.h"
#include "lib/log.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* ------------------------------------------------------------ capabilities */

static bool drop_capabilities(bool keep_net_admin)
{
	int result;

	capng_get_caps_process();
	keep_net_admin &= capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN);
	/* Without CAP_SETPCAP the bounding set stays; no_new_privs makes it harmless. */
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP)) {
		capng_clear(CAPNG_SELECT_BOUNDS);
		if (capng_apply(CAPNG_SELECT_BOUNDS)) {
			log_error("sandbox: bounding set of capabilities cannot be emptied");
			return false;
		}
	}
	capng_clear(CAPNG_SELECT_CAPS);
	if (keep_net_admin)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
	result = capng_apply(CAPNG_SELECT_CAPS);
	if (result)
		log_error("sandbox: capabilities cannot be dropped (libcap-ng: %d)", result);
	return !result;
}

/* ---------------------------------------------------------------- Landlock */

/*
 * Written out here (values of include/uapi/linux/landlock.h), since the kernel that
 * runs the agent may know more than the headers it was built with.
 */
enum {
	LL_EXECUTE = 1 << 0,
	LL_WRITE_FILE = 1 << 1,
	LL_READ_FILE = 1 << 2,
	LL_READ_DIR = 1 << 3,
	LL_REMOVE_DIR = 1 << 4,
	LL_REMOVE_FILE = 1 << 5,
	LL_MAKE_DIR = 1 << 7,
	LL_MAKE_REG = 1 << 8,
	LL_REFER = 1 << 13,
	LL_TRUNCATE = 1 << 14,
	LL_IOCTL_DEV = 1 << 15,
};

enum {
	LL_NET_BIND_TCP = 1 << 0,
	LL_NET_CONNECT_TCP = 1 << 1,
};

enum {
	LL_SCOPE_ABSTRACT_UNIX = 1 << 0,
	LL_SCOPE_SIGNAL = 1 << 1,
};

#define LL_CREATE_VERSION 1 /* flag: return the version of the interface */
#define LL_RULE_PATH_BENEATH 1

struct ll_ruleset {
	uint64_t fs;
	uint64_t net;	 /* since version 4 */
	uint64_t scoped; /* since version 6 */
};

struct ll_path_beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

/* Rights a file can have; the others are of directories, and refused for a file. */
#define LL_OF_FILES (LL_EXECUTE | LL_WRITE_FILE | LL_READ_FILE | LL_TRUNCATE | LL_IOCTL_DEV)

static const uint64_t access_rights[] = {
	[SANDBOX_READ] = LL_READ_FILE | LL_READ_DIR,
	[SANDBOX_WRITE] = LL_READ_FILE | LL_READ_DIR | LL_WRITE_FILE | LL_REMOVE_DIR |
			  LL_REMOVE_FILE | LL_MAKE_DIR | LL_MAKE_REG | LL_REFER | LL_TRUNCATE,
};

/* All file system rights that a version of the interface knows. */
static uint64_t known_rights(long version)
{
	if (version >= 5)
		return (LL_IOCTL_DEV << 1) - 1;
	return version >= 3 ? (LL_TRUNCATE << 1) - 1 : (LL_REFER << 1) - 1;
}

static bool allow_path(int ruleset, const struct sandbox_path *p, uint64_t known)
{
	struct ll_path_beneath rule = {.allowed = access_rights[p->access] & known};
	struct stat st;
	bool ok = false;

	rule.parent = open(p->path, O_PATH | O_CLOEXEC);
	if (rule.parent < 0) {
		/* What is not there needs no permission; who wants to use it will say so. */
		if (errno == ENOENT || errno == ENOTDIR)
			return true;
		log_error("sandbox: %s: %s", p->path, strerror(errno));
		return false;
	}
	if (!fstat(rule.parent, &st)) {
		if (!S_ISDIR(st.st_mode))
			rule.allowed &= LL_OF_FILES;
		ok = !syscall(SYS_landlock_add_rule, ruleset, LL_RULE_PATH_BENEATH, &rule, 0);
	}
	if (!ok)
		log_error("sandbox: %s cannot be allowed: %s", p->path, strerror(errno));
	close(rule.parent);
	return ok;
}

static bool restrict_files(enum sandbox_role role, const struct sandbox_path *paths,
			   size_t count)
{
	static const struct sandbox_path sanitizer_reads = {"/proc/self", SANDBOX_READ};
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LL_CREATE_VERSION);
	struct ll_ruleset rules = {0};
	size_t size = sizeof(rules.fs);
	int fd;
	bool ok;

	/* Version 1 could not link a file into another directory, as the spool does. */
	if (version < 2) {
		log_info("sandbox: this kernel has no Landlock of version 2 or newer (Linux "
			 "5.19): files are not restricted");
		return true;
	}
	rules.fs = known_rights(version);
	if (version >= 4) {
		size = offsetof(struct ll_ruleset, scoped);
		/* The forwarder connects wherever a cloud is; nobody here listens. */
		rules.net = role == SANDBOX_FORWARDER ? LL_NET_BIND_TCP
						      : LL_NET_BIND_TCP | LL_NET_CONNECT_TCP;
	}
	if (version >= 6) {
		size = sizeof(rules);
		rules.scoped = LL_SCOPE_ABSTRACT_UNIX | LL_SCOPE_SIGNAL;
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0) {
		log_error("sandbox: no Landlock ruleset: %s", strerror(errno));
		return false;
	}
	ok = !SANITIZED || allow_path(fd, &sanitizer_reads, rules.fs);
	for (size_t i = 0; ok && i < count; i++)
		ok = allow_path(fd, &paths[i], rules.fs);
	if (ok && syscall(SYS_landlock_restrict_self, fd, 0)) {
		log_error("sandbox: Landlock cannot be applied: %s", strerror(errno));
		ok = false;
	}
	close(fd);
	return ok;
}

/* ------------------------------------------------------------ system calls */

/* Lists of X() in one line would be taken for expressions. */
/* clang-format off */

/* All an inspector does: read its source, write the spool, talk to the supervisor. */
#define INSPECTOR_CALLS(X)                                                                   \
	/* bytes */                                                                          \
	X(read) X(readv) X(pread64) X(preadv) X(write) X(writev) X(pwrite64) X(pwritev)      \
	X(lseek) X(close) X(fadvise64) X(readahead)                                          \
	/* files: which ones is Landlock's matter */                                         \
	X(openat) X(fstat) X(newfstatat) X(statx) X(faccessat) X(faccessat2) X(readlinkat)   \
	X(getdents64) X(linkat) X(unlinkat) X(renameat) X(renameat2) X(mkdirat) X(ftruncate) \
	X(fallocate) X(fsync) X(fdatasync) X(fchmod) X(fstatfs) X(statfs) X(umask)           \
	X(fcntl) X(dup) X(flock) X(utimensat)                                                \
	/* the same under the names that x86 kept */                                         \
	X(open) X(stat) X(lstat) X(access) X(readlink) X(link) X(unlink) X(rename) X(mkdir)  \
	X(rmdir)                                                                             \
	/* memory; mmap and mprotect stand below */                                          \
	X(munmap) X(mremap) X(brk) X(madvise)                                                \
	/* waiting and talking */                                                            \
	X(poll) X(ppoll) X(epoll_wait) X(epoll_pwait) X(epoll_ctl) X(sendmsg) X(recvmsg)     \
	X(sendto) X(recvfrom) X(shutdown) X(futex) X(sched_yield) X(nanosleep)               \
	X(clock_nanosleep) X(restart_syscall)                                                \
	/* time and numbers */                                                               \
	X(clock_gettime) X(clock_getres) X(gettimeofday) X(time) X(getrandom) X(getpid)      \
	X(gettid) X(getuid) X(geteuid) X(getgid) X(getegid) X(getrusage) X(sysinfo)          \
	X(uname) X(getcpu) X(sched_getaffinity)                                              \
	/* signals and the end */                                                            \
	X(rt_sigaction) X(rt_sigprocmask) X(rt_sigreturn) X(rt_sigpending) X(sigaltstack)    \
	X(exit) X(exit_group) X(rseq) X(set_robust_list)

/* What a process with the network has no use for, and an intruder would. */
#define FORWARDER_REFUSED(X)                                                                 \
	X(execve) X(execveat) X(ptrace) X(process_vm_readv) X(process_vm_writev)             \
	X(pidfd_getfd) X(kcmp) X(mount) X(umount2) X(pivot_root) X(chroot) X(move_mount)     \
	X(open_tree) X(fsopen) X(fsconfig) X(fsmount) X(fspick) X(mount_setattr) X(setns)    \
	X(unshare) X(bpf) X(perf_event_open) X(userfaultfd) X(keyctl) X(add_key)             \
	X(request_key) X(init_module) X(finit_module) X(delete_module) X(kexec_load)         \
	X(kexec_file_load) X(reboot) X(swapon) X(swapoff) X(acct) X(quotactl)                \
	X(open_by_handle_at) X(name_to_handle_at) X(settimeofday) X(clock_settime)           \
	X(clock_adjtime) X(adjtimex) X(sethostname) X(setdomainname) X(syslog) X(iopl)       \
	X(ioperm) X(io_uring_setup) X(io_uring_enter) X(io_uring_register) X(mknodat)        \
	X(mknod) X(personality) X(lookup_dcookie) X(nfsservctl) X(vhangup)

static const int inspector_calls[] = {
#define CALL(name) SCMP_SYS(name),
	INSPECTOR_CALLS(CALL)
};

static const int forwarder_refused[] = {
	FORWARDER_REFUSED(CALL)
#undef CALL
};

/* clang-format on */

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static int add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
	int error = 0;

	/* A call that this architecture does not have is no error. */
	for (size_t i = 0; i < count && !error; i++)
		error = seccomp_rule_add(filter, action, calls[i], 0);
	return error;
}

static int inspector_filter(scmp_filter_ctx filter)
{
	int error = add_all(filter, SCMP_ACT_ALLOW, inspector_calls, ROWS(inspector_calls));

	/* Memory, never memory to execute. */
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
					 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
					 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* abort() */
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
					 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	/* The C library asks whether a stream is a terminal. */
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
	/* Reading its own limits is all right, setting any is not. */
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
					 SCMP_A2(SCMP_CMP_EQ, 0));
	return error;
}

static int forwarder_filter(scmp_filter_ctx filter)
{
	static const scmp_datum_t namespaces[] = {CLONE_NEWNS,	  CLONE_NEWUSER, CLONE_NEWNET,
						  CLONE_NEWPID,	  CLONE_NEWIPC,	 CLONE_NEWUTS,
						  CLONE_NEWCGROUP};
	int error = add_all(filter, SCMP_ACT_ERRNO(EPERM), forwarder_refused,
			    ROWS(forwarder_refused));

	for (size_t i = 0; i < ROWS(namespaces) && !error; i++)
		error = seccomp_rule_add(
			filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	/* Its flags are in memory, out of a filter's sight; the C library then uses clone. */
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return error;
}

static bool restrict_calls(enum sandbox_role role)
{
	scmp_filter_ctx filter;
	int error;

	if (SANITIZED) {
		log_debug("sandbox: built with a sanitizer: system calls are not restricted");
		return true;
	}
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 && errno == EINVAL) {
		log_info("sandbox: this kernel has no seccomp: system calls are not "
			 "restricted");
		return true;
	}
	filter = seccomp_init(role == SANDBOX_INSPECTOR ? SCMP_ACT_KILL_PROCESS
							: SCMP_ACT_ALLOW);
	if (!filter) {
		log_error("sandbox: out of memory");
		return false;
	}
	error = role == SANDBOX_INSPECTOR ? inspector_filter(filter) : forwarder_filter(filter);
	/* The kernel's audit log then names the call that killed an inspector. */
	if (!error)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	if (error == -EOPNOTSUPP)
		error = 0;
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	if (error)
		log_error("sandbox: system calls cannot be restricted: %s", strerror(-error));
	return !error;
}

bool sandbox_enter(enum sandbox_role role, const struct sandbox_path *paths, size_t count,
		   bool keep_net_admin)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		log_error("sandbox: no_new_privs: %s", strerror(errno));
		return false;
	}
	return drop_capabilities(keep_net_admin) && restrict_files(role, paths, count) &&
	       restrict_calls(role);
}
