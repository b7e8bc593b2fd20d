// SPDX-License-Identifier: MIT
/*
 * killer: runs an agent and kills one of its processes at chosen system calls that write.
 *
 *	killer --role supervisor|forwarder [--kill N:WHEN]... -- SLUICED ARGUMENT...
 *	killer -- SLUICED ARGUMENT...		without a kill
 *
 * A process of the role is traced, and its calls that write (writing[] below) are counted from
 * its begin. At call N it gets SIGKILL, WHEN is
 *
 *	before	the call has no effect
 *	after	it is done, and never returns
 *	torn	half of the bytes, or all pieces of a vector but the last, are written; a call
 *		that has no half, as before
 *
 * --kill given again is about the next process of that role: a forwarder is started again by
 * its supervisor, of a supervisor there is one. SIGTERM is passed on to the supervisor; calls
 * on the way to its end count as well.
 *
 * Prints, at once,
 *
 *	kill ROLE N WHEN CALL		it was done
 *	calls ROLE COUNT		a process of that role ended by itself after so many
 *	status STATUS			of the supervisor, as waitpid() has it; the last line
 *
 * and ends when all processes of the agent have ended.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef __x86_64__
#error "registers are those of x86-64"
#endif

enum when { BEFORE, AFTER, TORN, WHENS };
static const char *const when_name[WHENS] = {"before", "after", "torn"};

enum role { SUPERVISOR, LAUNCHER, INSPECTOR, FORWARDER, ROLES };
static const char *const role_name[ROLES] = {"supervisor", "launcher", "inspector",
					     "forwarder"};

/*
 * Which argument says how much, to be halved; a vector's loses its last piece.
 *
 * STREAM	the third, but a datagram goes as a whole or not at all
 * FLAGS	writes only when its flags, the third argument, have O_CREAT or O_TRUNC
 */
enum part { WHOLE, THIRD, FOURTH, VECTOR, STREAM, FLAGS };

/* clang-format off */
#define WRITING(X)                                                                           \
	X(write, THIRD) X(pwrite64, THIRD) X(writev, VECTOR) X(pwritev, VECTOR)              \
	X(pwritev2, VECTOR) X(sendto, STREAM) X(sendmsg, WHOLE) X(sendmmsg, WHOLE)           \
	X(sendfile, FOURTH) X(copy_file_range, WHOLE) X(splice, WHOLE) X(fsync, WHOLE)       \
	X(fdatasync, WHOLE) X(msync, WHOLE) X(ftruncate, WHOLE) X(fallocate, WHOLE)          \
	X(rename, WHOLE) X(renameat, WHOLE) X(renameat2, WHOLE) X(link, WHOLE)               \
	X(linkat, WHOLE) X(unlink, WHOLE) X(unlinkat, WHOLE) X(mkdir, WHOLE)                 \
	X(mkdirat, WHOLE) X(rmdir, WHOLE) X(chmod, WHOLE) X(fchmod, WHOLE)                   \
	X(fchmodat, WHOLE) X(utimensat, WHOLE) X(bind, WHOLE) X(connect, WHOLE)              \
	X(openat, FLAGS)

static const struct writing {
	long number;
	const char *name;
	enum part part;
} writing[] = {
#define ROW(name, part) {SYS_##name, #name, part},
	WRITING(ROW)
#undef ROW
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define PROCESSES_MAX 64
#define KILLS_MAX 64

struct process {
	pid_t pid;
	enum role role;
	bool doomed;	    /* killed when it returns */
	unsigned int calls; /* that wrote */
	const struct writing *call;
};

struct wanted {
	unsigned int call;
	enum when when;
};

static struct process process[PROCESSES_MAX];
static struct wanted wanted[KILLS_MAX];
static size_t kills, killed;
static enum role target;
static pid_t supervisor;
static int status = -1;
static unsigned int launched;

static struct process *find(pid_t pid)
{
	for (size_t i = 0; i < PROCESSES_MAX; i++)
		if (process[i].pid == pid)
			return &process[i];
	return NULL;
}

static struct process *add(pid_t pid, enum role role)
{
	struct process *p = find(0);

	if (!p)
		errx(1, "more than %d processes", PROCESSES_MAX);
	*p = (struct process){.pid = pid, .role = role};
	return p;
}

static void say(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	fflush(stdout);
}

/* --------------------------------------------------------------------- calls */

static const struct writing *writes(const struct __ptrace_syscall_info *call)
{
	for (size_t i = 0; i < COUNT(writing); i++)
		if (writing[i].number == (long)call->entry.nr)
			return writing[i].part == FLAGS &&
					       !(call->entry.args[2] & (O_CREAT | O_TRUNC))
				       ? NULL
				       : &writing[i];
	return NULL;
}

static bool is_stream(pid_t pid, int socket)
{
	int handle = (int)syscall(SYS_pidfd_open, pid, 0), type = 0;
	int fd = handle < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, handle, socket, 0);
	socklen_t size = sizeof(type);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		err(1, "socket %d of %d", socket, (int)pid);
	close(fd);
	close(handle);
	return type == SOCK_STREAM;
}

/* Makes the call do half of what it should; false: it has no half. */
static bool tear(pid_t pid, struct user_regs_struct *r, enum part part)
{
	unsigned long long *size = part == FOURTH ? &r->r10 : &r->rdx;

	if (part == WHOLE || part == FLAGS || *size < 2 ||
	    (part == STREAM && !is_stream(pid, (int)r->rdi)))
		return false;
	*size = part == VECTOR ? *size - 1 : *size / 2;
	return true;
}

static void shoot(struct process *p)
{
	const struct wanted *w = &wanted[killed++];

	kill(p->pid, SIGKILL);
	say("kill %s %u %s %s\n", role_name[p->role], w->call, when_name[w->when],
	    p->call->name);
	p->call = NULL;
}

/* At the begin of a call that writes, its turn to be the last. */
static void doom(struct process *p)
{
	enum when when = wanted[killed].when;
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, p->pid, NULL, &r) < 0)
		err(1, "PTRACE_GETREGS");
	if (when == TORN && !tear(p->pid, &r, p->call->part))
		when = BEFORE;
	if (when == BEFORE)
		r.orig_rax = (unsigned long long)-1;
	if (when != AFTER && ptrace(PTRACE_SETREGS, p->pid, NULL, &r) < 0)
		err(1, "PTRACE_SETREGS");
	p->doomed = true;
	if (when == BEFORE)
		shoot(p);
}

static void on_call(struct process *p)
{
	struct __ptrace_syscall_info call;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof(call), &call) < 0)
		return; /* killed meanwhile */
	if (call.op == PTRACE_SYSCALL_INFO_EXIT && p->doomed && p->call)
		shoot(p);
	if (call.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	p->call = writes(&call);
	if (!p->call)
		return;
	p->calls++;
	if (killed < kills && p->calls == wanted[killed].call)
		doom(p);
}

/* ----------------------------------------------------------------- processes */

/* One ring is configured: its inspector is launched first, and never again. */
static enum role role_of_child(const struct process *parent)
{
	if (parent->role == SUPERVISOR)
		return LAUNCHER;
	if (parent->role == LAUNCHER)
		return launched++ ? FORWARDER : INSPECTOR;
	return parent->role;
}

static void go_on(struct process *p, int signal)
{
	int how = p->role == target ? PTRACE_SYSCALL : PTRACE_CONT;

	/* ESRCH: it was killed. */
	if (ptrace(how, p->pid, NULL, signal) < 0 && errno != ESRCH)
		err(1, "ptrace");
}

static void ended(struct process *p, int how)
{
	if (p->role == target && !p->doomed)
		say("calls %s %u\n", role_name[p->role], p->calls);
	if (p->pid == supervisor)
		status = how;
	p->pid = 0;
}

/* A child may stop for the first time before its parent tells of it. */
static void on_fork(struct process *parent)
{
	unsigned long pid;
	struct process *p;

	if (ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &pid) < 0)
		return;
	p = find((pid_t)pid);
	if (p) {
		p->role = role_of_child(parent);
		go_on(p, 0);
	} else {
		add((pid_t)pid, role_of_child(parent));
	}
}

static void on_stop(struct process *p, int how)
{
	int signal = WSTOPSIG(how), event = how >> 16;

	if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
	    event == PTRACE_EVENT_CLONE) {
		on_fork(p);
		go_on(p, 0);
	} else if (event == PTRACE_EVENT_STOP && p->role == ROLES) {
		/* waits for its parent's word */
	} else if (event) {
		go_on(p, 0);
	} else if (signal == (SIGTRAP | 0x80)) {
		on_call(p);
		go_on(p, 0);
	} else {
		go_on(p, signal);
	}
}

static void reap(void)
{
	int how;
	pid_t pid;

	while ((pid = waitpid(-1, &how, WNOHANG | __WALL)) > 0) {
		struct process *p = find(pid);

		if (WIFSTOPPED(how))
			on_stop(p ? p : add(pid, ROLES), how);
		else if (p)
			ended(p, how);
	}
}

static bool alive(void)
{
	for (size_t i = 0; i < PROCESSES_MAX; i++)
		if (process[i].pid)
			return true;
	return false;
}

static void start(char **argv)
{
	int gate[2];
	char byte;

	if (pipe2(gate, O_CLOEXEC) < 0)
		err(1, "pipe");
	supervisor = fork();
	if (supervisor < 0)
		err(1, "fork");
	if (!supervisor) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		close(gate[1]);
		if (read(gate[0], &byte, 1) < 0)
			_exit(127);
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	if (ptrace(PTRACE_SEIZE, supervisor, NULL,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			   PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, supervisor, NULL, NULL) < 0)
		err(1, "cannot trace");
	add(supervisor, SUPERVISOR);
	close(gate[0]);
	close(gate[1]);
}

/* ---------------------------------------------------------------------- main */

static void parse_kill(const char *text)
{
	char name[16] = "";
	struct wanted *w = &wanted[kills];

	if (kills == KILLS_MAX || sscanf(text, "%u:%15s", &w->call, name) != 2 || !w->call)
		errx(2, "--kill %s: expected N:before, N:after or N:torn, %d at most", text,
		     KILLS_MAX);
	for (w->when = 0; w->when < WHENS; w->when++)
		if (!strcmp(name, when_name[w->when]))
			break;
	if (w->when == WHENS)
		errx(2, "--kill %s: expected before, after or torn", text);
	kills++;
}

/* Until all have ended. */
static void watch(const sigset_t *signals)
{
	static const struct timespec moment = {.tv_nsec = 20000000};

	while (alive()) {
		int signal = sigtimedwait(signals, NULL, &moment);

		reap();
		if (signal == SIGTERM && find(supervisor))
			kill(supervisor, SIGTERM);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"role", required_argument, NULL, 'r'},
						{"kill", required_argument, NULL, 'k'},
						{NULL, 0, NULL, 0}};
	sigset_t signals;
	int c;

	target = ROLES;
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 'r')
			for (target = 0; target < ROLES; target++)
				if (!strcmp(optarg, role_name[target]))
					break;
		if (c == 'k')
			parse_kill(optarg);
		else if (c == '?')
			return 2;
	}
	if ((target != SUPERVISOR && target != FORWARDER && (target != ROLES || kills)) ||
	    optind == argc)
		errx(2, "expected --role supervisor or forwarder, and a program");
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	start(argv + optind);
	watch(&signals);
	say("status %d\n", status);
	return 0;
}
