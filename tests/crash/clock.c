// SPDX-License-Identifier: MIT
/*
 * The time of day as a test wants it: the real one, and so many nanoseconds more or less.
 *
 * They are an int64_t in a file that the agent inherits open, its number in the environment
 * variable SLUICE_CLOCK, and may change at any moment. All processes of the agent and all its
 * libraries see the same. Clocks that are not about the time of day are as they are.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static int (*real)(clockid_t clock, struct timespec *t);
static const volatile int64_t *offset;

__attribute__((constructor)) static void clock_take(void)
{
	const char *number = getenv("SLUICE_CLOCK");
	void *p;

	real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	if (!number)
		return;
	p = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, atoi(number), 0);
	if (!real || p == MAP_FAILED)
		abort();
	offset = p;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int64_t now;

	if (!real)
		clock_take();
	if (real(clock, t))
		return -1;
	if (offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
		now = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec + *offset;
		t->tv_sec = now / 1000000000;
		t->tv_nsec = now % 1000000000;
	}
	return 0;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &now))
		return -1;
	t->tv_sec = now.tv_sec;
	t->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *t)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now))
		return -1;
	if (t)
		*t = now.tv_sec;
	return now.tv_sec;
}
