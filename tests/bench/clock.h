/* SPDX-License-Identifier: MIT */
/* The clock that all measure with. */
#ifndef SLUICE_BENCH_CLOCK_H
#define SLUICE_BENCH_CLOCK_H

#include <time.h>

/* Nanoseconds, of a clock that is never set. */
static inline double clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline double clock_us(void)
{
	return clock_ns() / 1e3;
}

#endif
