// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/sandbox.h"
#include "sample/spool.h"
#include "scratch.h"

#include <arpa/inet.h>
#include <linux/capability.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>

#if defined(__SANITIZE_ADDRESS__)
#define FILTERED false	/* no system call filter under a sanitizer */
#else
#define FILTERED true
#endif

FIXTURE(sandbox)
{
	char dir[SCRATCH_MAX];
	char inside[2 * SCRATCH_MAX], readable[2 * SCRATCH_MAX], outside[2 * SCRATCH_MAX];
	struct sandbox_path paths[3];
};

FIXTURE_SETUP(sandbox)
{
	ASSERT_TRUE(scratch_make(self->dir));
	snprintf(self->inside, sizeof(self->inside), "%s/inside", self->dir);
	snprintf(self->readable, sizeof(self->readable), "%s/readable", self->dir);
	snprintf(self->outside, sizeof(self->outside), "%s/outside", self->dir);
	ASSERT_EQ(0, mkdir(self->inside, 0700));
	ASSERT_TRUE(scratch_write(self->dir, "readable", "r", 1));
	ASSERT_TRUE(scratch_write(self->dir, "outside", "o", 1));
	self->paths[0] = (struct sandbox_path){self->inside, SANDBOX_WRITE};
	self->paths[1] = (struct sandbox_path){self->readable, SANDBOX_READ};
	self->paths[2] = (struct sandbox_path){"/does/not/exist", SANDBOX_READ};
}

FIXTURE_TEARDOWN(sandbox)
{
	scratch_remove(self->dir);
}

/* Runs act() in a child within a sandbox; its exit status, or 256 plus the signal. */
static int within(struct _test_data_sandbox *self, enum sandbox_role role, bool net_admin,
		  int (*act)(struct _test_data_sandbox *self))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (!sandbox_enter(role, self->paths, 3, net_admin))
			_exit(99);
		_exit(act(self));
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* errno of an attempt to open; 0: it worked. */
static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int files(struct _test_data_sandbox *self)
{
	char path[3 * SCRATCH_MAX];

	snprintf(path, sizeof(path), "%s/new", self->inside);
	if (try_open(path, O_RDWR | O_CREAT | O_TRUNC) || unlink(path))
		return 1;
	if (try_open(self->readable, O_RDONLY))
		return 2;
	if (try_open(self->readable, O_WRONLY) != EACCES)
		return 3;
	if (try_open(self->outside, O_RDONLY) != EACCES)
		return 4;
	if (try_open("/etc/passwd", O_RDONLY) != EACCES)
		return 5;
	snprintf(path, sizeof(path), "%s/new", self->dir);
	return try_open(path, O_RDWR | O_CREAT) == EACCES ? 0 : 6;
}

TEST_F(sandbox, inspector_files)
{
	EXPECT_EQ(0, within(self, SANDBOX_INSPECTOR, false, files));
}

TEST_F(sandbox, forwarder_files)
{
	EXPECT_EQ(0, within(self, SANDBOX_FORWARDER, false, files));
}

/* What an inspector is there for: hash and store. */
static int store(struct _test_data_sandbox *self)
{
	static uint8_t content[100000];
	uint8_t sha256[SHA256_SIZE];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct spool_options o = {.dir = self->inside, .sync = true};
	struct spool *spool = spool_open(&o);
	enum spool_result r;
	struct spool_file *f = spool ? spool_begin(spool, &r) : NULL;

	if (!f || spool_write(f, 0, content, sizeof(content)) != SPOOL_OK)
		return 1;
	if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL) ||
	    !EVP_DigestUpdate(md, content, sizeof(content)) ||
	    !EVP_DigestFinal_ex(md, sha256, NULL))
		return 2;
	EVP_MD_CTX_free(md);
	if (spool_commit(f, sha256) != SPOOL_OK)
		return 3;
	spool_close(spool);
	return 0;
}

TEST_F(sandbox, inspector_stores_samples)
{
	EXPECT_EQ(0, within(self, SANDBOX_INSPECTOR, false, store));
	EXPECT_EQ(1, scratch_entries(self->inside, "samples"));
}

static int act_socket(struct _test_data_sandbox *self)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int act_exec(struct _test_data_sandbox *self)
{
	return execl("/bin/true", "true", NULL) && errno == EPERM ? 7 : 1;
}

static int act_fork(struct _test_data_sandbox *self)
{
	return fork() < 0;
}

static int act_ptrace(struct _test_data_sandbox *self)
{
	return ptrace(PTRACE_TRACEME, 0, 0, 0) && errno == EPERM ? 7 : 1;
}

static int act_kill(struct _test_data_sandbox *self)
{
	return kill(getppid(), 0) < 0;
}

static int act_unshare(struct _test_data_sandbox *self)
{
	return unshare(CLONE_NEWUSER) && errno == EPERM ? 7 : 1;
}

static int act_code(struct _test_data_sandbox *self)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0) == MAP_FAILED;
}

static int act_code_later(struct _test_data_sandbox *self)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int act_abort(struct _test_data_sandbox *self)
{
	signal(SIGABRT, SIG_DFL);
	abort();
}

TEST_F(sandbox, inspector_calls)
{
	static const struct {
		const char *name;
		int (*act)(struct _test_data_sandbox *self);
	} killed[] = {
		{"socket", act_socket}, {"exec", act_exec}, {"fork", act_fork},
		{"ptrace", act_ptrace}, {"kill", act_kill}, {"unshare", act_unshare},
		{"mmap exec", act_code}, {"mprotect exec", act_code_later},
	};

	if (!FILTERED)
		SKIP(return, "system calls are not filtered under a sanitizer");
	for (size_t i = 0; i < sizeof(killed) / sizeof(killed[0]); i++) {
		EXPECT_EQ(256 + SIGSYS, within(self, SANDBOX_INSPECTOR, false, killed[i].act)) {
			TH_LOG("%s", killed[i].name);
		}
	}
	/* It may still die of its own will, and be seen to. */
	EXPECT_EQ(256 + SIGABRT, within(self, SANDBOX_INSPECTOR, false, act_abort));
}

static void *thread(void *arg)
{
	return arg;
}

/* Connects to itself would need bind(), so: to a port where nobody is. */
static int network(struct _test_data_sandbox *self)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(1),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t t;

	if (fd < 0)
		return 1;
	if (!connect(fd, (struct sockaddr *)&a, sizeof(a)) || errno != ECONNREFUSED)
		return 2;
	if (pthread_create(&t, NULL, thread, NULL) || pthread_join(t, NULL))
		return 3;	/* names are resolved in threads */
	return 0;
}

TEST_F(sandbox, forwarder_calls)
{
	EXPECT_EQ(0, within(self, SANDBOX_FORWARDER, false, network));
	if (!FILTERED)
		SKIP(return, "system calls are not filtered under a sanitizer");
	EXPECT_EQ(7, within(self, SANDBOX_FORWARDER, false, act_exec));
	EXPECT_EQ(7, within(self, SANDBOX_FORWARDER, false, act_ptrace));
	EXPECT_EQ(7, within(self, SANDBOX_FORWARDER, false, act_unshare));
}

/* Effective, permitted and bounding set of this process. */
static bool capabilities(uint64_t set[static 3])
{
	static const char *const names[] = {"CapEff:", "CapPrm:", "CapBnd:"};
	FILE *f = fopen("/proc/self/status", "r");
	int found = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		for (int i = 0; i < 3; i++)
			if (!strncmp(line, names[i], 7)) {
				set[i] = strtoull(line + 7, NULL, 16);
				found++;
			}
	if (f)
		fclose(f);
	return found == 3;
}

static int act_capabilities(struct _test_data_sandbox *self)
{
	uint64_t set[3];

	if (!capabilities(set))
		return 1;
	if (set[0] == 0 && set[1] == 0)
		return set[2] ? 2 : 3;
	return set[0] == 1ull << CAP_NET_ADMIN && set[1] == set[0] ? 4 : 5;
}

static int act_mark(struct _test_data_sandbox *self)
{
	int mark = 7, fd = socket(AF_INET, SOCK_STREAM, 0);

	return setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) ? 1 : 0;
}

TEST_F(sandbox, capabilities)
{
	uint64_t set[3];

	ASSERT_TRUE(capabilities(set));
	if (!(set[0] & 1ull << CAP_NET_ADMIN))
		SKIP(return, "needs CAP_NET_ADMIN to give up");
	/* They are read from here, so allow it. */
	self->paths[2].path = "/proc";
	EXPECT_EQ(3, within(self, SANDBOX_INSPECTOR, false, act_capabilities));
	EXPECT_EQ(3, within(self, SANDBOX_FORWARDER, false, act_capabilities));
	EXPECT_EQ(4, within(self, SANDBOX_FORWARDER, true, act_capabilities));
	EXPECT_EQ(1, within(self, SANDBOX_FORWARDER, false, act_mark));
	EXPECT_EQ(0, within(self, SANDBOX_FORWARDER, true, act_mark));
}

TEST_HARNESS_MAIN
