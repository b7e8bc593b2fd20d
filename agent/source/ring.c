// SPDX-License-Identifier: MIT
#include "source/ring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct ring {
	struct sluice_ring_consumer *consumer;
	const struct sluice_ring_producer *producer;
	const uint8_t *data;
	size_t page;
	size_t data_size;
	size_t mapped; /* producer page and data */
	uint64_t position;
	uint64_t end; /* producer's position when last looked at */
	struct counters *counters;
};

/* Smallest length of each record type. */
static const uint32_t sizes[] = {
	[SLUICE_RECORD_SESSION] = sizeof(struct sluice_record_session),
	[SLUICE_RECORD_DATA] = sizeof(struct sluice_record_data),
	[SLUICE_RECORD_END] = sizeof(struct sluice_record_end),
	[SLUICE_RECORD_LOST] = sizeof(struct sluice_record_lost),
};

/* The data area's size is only known from the producer page. */
static bool map_data(struct ring *r, int fd, char *error)
{
	const struct sluice_ring_producer *p;
	void *m = mmap(NULL, r->page, PROT_READ, MAP_SHARED, fd, (off_t)r->page);
	uint32_t size, version;

	if (m == MAP_FAILED) {
		snprintf(error, RING_ERROR_MAX, "ring: producer page cannot be mapped: %s",
			 strerror(errno));
		return false;
	}
	p = m;
	size = p->data_size;
	version = p->abi_version;
	munmap(m, r->page);
	if (version != SLUICE_ABI_VERSION) {
		snprintf(error, RING_ERROR_MAX,
			 "ring: the module speaks version %u, this program version %u", version,
			 SLUICE_ABI_VERSION);
		return false;
	}
	if (size < r->page || size & (size - 1)) {
		snprintf(error, RING_ERROR_MAX,
			 "ring: data size %u is not a power of two pages", size);
		return false;
	}
	r->data_size = size;
	r->mapped = r->page + 2 * (size_t)size;
	m = mmap(NULL, r->mapped, PROT_READ, MAP_SHARED, fd, (off_t)r->page);
	if (m == MAP_FAILED) {
		r->mapped = 0;
		snprintf(error, RING_ERROR_MAX, "ring: %u bytes cannot be mapped: %s", size,
			 strerror(errno));
		return false;
	}
	r->producer = m;
	r->data = (const uint8_t *)m + r->page;
	return true;
}

struct ring *ring_open(int fd, struct counters *counters, char error[static RING_ERROR_MAX])
{
	struct ring *r = calloc(1, sizeof(*r));
	void *m;

	if (!r) {
		snprintf(error, RING_ERROR_MAX, "ring: out of memory");
		return NULL;
	}
	r->page = (size_t)sysconf(_SC_PAGESIZE);
	r->counters = counters;
	m = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED) {
		snprintf(error, RING_ERROR_MAX, "ring: consumer page cannot be mapped: %s",
			 strerror(errno));
		free(r);
		return NULL;
	}
	r->consumer = m;
	if (!map_data(r, fd, error)) {
		ring_close(r);
		return NULL;
	}
	r->position = r->end = r->consumer->position;
	return r;
}

void ring_close(struct ring *r)
{
	if (!r)
		return;
	munmap(r->consumer, r->page);
	if (r->mapped)
		munmap((void *)r->producer, r->mapped);
	free(r);
}

/* The chain is broken: go on behind everything that was written. */
static void resynchronise(struct ring *r)
{
	counter_add(r->counters, COUNTER_RECORDS_BAD, 1);
	r->position = r->end;
}

const struct sluice_record *ring_next(struct ring *r)
{
	for (;;) {
		const struct sluice_record *h;
		uint32_t word, length;
		uint64_t step;

		if (r->position == r->end) {
			r->end = __atomic_load_n(&r->producer->position, __ATOMIC_ACQUIRE);
			if (r->position == r->end)
				return NULL;
		}
		h = (const void *)(r->data + (r->position & (r->data_size - 1)));
		word = __atomic_load_n(&h->length, __ATOMIC_ACQUIRE);
		if (word & SLUICE_RECORD_BUSY)
			return NULL;
		length = word & SLUICE_RECORD_LENGTH_MASK;
		step = ((uint64_t)length + SLUICE_RECORD_ALIGN - 1) &
		       ~(SLUICE_RECORD_ALIGN - 1ull);
		if (length < sizeof(*h) || step > r->data_size || step > r->end - r->position) {
			resynchronise(r);
			continue;
		}
		r->position += step;
		if (word & SLUICE_RECORD_DISCARD)
			continue;
		if (h->type >= sizeof(sizes) / sizeof(sizes[0]) || !sizes[h->type])
			continue; /* of a newer module */
		if (length < sizes[h->type]) {
			counter_add(r->counters, COUNTER_RECORDS_BAD, 1);
			continue;
		}
		return h;
	}
}

void ring_release(struct ring *r)
{
	__atomic_store_n(&r->consumer->position, r->position, __ATOMIC_RELEASE);
}
