// SPDX-License-Identifier: MIT
#include "supervisor/evict.h"

#include "lib/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A disk may take milliseconds for each of these. */
#define LISTED_PER_STEP 64
#define REMOVED_PER_STEP 4
#define REST_FACTOR 10 /* of the time that a round took */
#define REST_MIN_MS 250
#define REST_MAX_MS 60000
/* A sample of the future is one whose time is not known: the clock was wrong. */
#define FUTURE_SECONDS 86400

/* The tenth that is kept free, and the one that a round removes. */
static uint64_t tenth(uint64_t quota)
{
	return quota / 10 ? quota / 10 : 1;
}

static void set_marks(uint64_t quota, uint64_t largest, uint64_t *begin, uint64_t *until)
{
	uint64_t room = tenth(quota);

	*begin = *until = UINT64_MAX;
	if (!quota)
		return;
	if (largest > quota / 2)
		largest = quota / 2;
	if (room < largest)
		room = largest;
	*begin = quota - room;
	*until = *begin > tenth(quota) ? *begin - tenth(quota) : 0;
}

void evict_init(struct evict *e, struct spool *spool, const struct spool_options *options,
		uint64_t max_file_size, struct store *store, struct counters *counters)
{
	*e = (struct evict){.spool = spool, .store = store, .counters = counters};
	set_marks(options->max_bytes, max_file_size, &e->begin.bytes, &e->until.bytes);
	set_marks(options->max_files, 1, &e->begin.files, &e->until.files);
}

void evict_free(struct evict *e)
{
	spool_list_end(&e->list);
	free(e->chosen);
	e->chosen = NULL;
}

static bool over(const struct spool_usage *u, const struct spool_usage *mark)
{
	return u->bytes > mark->bytes || u->files > mark->files;
}

static bool is_due(const struct evict *e)
{
	struct spool_usage u = spool_usage(e->spool);

	return (u.bytes >= e->begin.bytes && u.bytes > e->until.bytes) ||
	       (u.files >= e->begin.files && u.files > e->until.files);
}

uint64_t evict_at(const struct evict *e)
{
	if (e->phase != EVICT_IDLE)
		return 0;
	return is_due(e) ? e->again : UINT64_MAX;
}

/* Once until it works again. */
static void failed(struct evict *e, const char *what, const char *why)
{
	if (!e->failure_logged)
		log_error("samples cannot be removed from the spool: %s: %s", what, why);
	e->failing = true;
	e->failure_logged = true;
}

static bool is_needed(struct evict *e, const uint8_t sha256[static SHA256_SIZE])
{
	bool needed;

	if (!store_needed(e->store, sha256, &needed))
		failed(e, "the database cannot be read", store_error(e->store));
	return needed;
}

/* -------------------------------------------------------------------- order */

static int compare(const void *one, const void *other)
{
	const struct timespec *a = &((const struct spool_sample *)one)->seen;
	const struct timespec *b = &((const struct spool_sample *)other)->seen;

	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	if (a->tv_nsec != b->tv_nsec)
		return a->tv_nsec < b->tv_nsec ? -1 : 1;
	return 0;
}

static void swap(struct spool_sample *a, struct spool_sample *b)
{
	struct spool_sample c = *a;

	*a = *b;
	*b = c;
}

static void sink(struct spool_sample *heap, size_t count, size_t i)
{
	for (size_t child; (child = 2 * i + 1) < count; i = child) {
		if (child + 1 < count && compare(&heap[child + 1], &heap[child]) > 0)
			child++;
		if (compare(&heap[i], &heap[child]) >= 0)
			return;
		swap(&heap[i], &heap[child]);
	}
}

static void rise(struct spool_sample *heap, size_t i)
{
	for (; i && compare(&heap[i], &heap[(i - 1) / 2]) > 0; i = (i - 1) / 2)
		swap(&heap[i], &heap[(i - 1) / 2]);
}

static void drop_newest(struct evict *e)
{
	e->chosen_sum.bytes -= e->chosen[0].size;
	e->chosen_sum.files--;
	e->chosen[0] = e->chosen[--e->chosen_count];
	sink(e->chosen, e->chosen_count, 0);
}

/* Is it enough without a sample of that size? */
static bool enough_without(const struct evict *e, uint64_t size, uint64_t files)
{
	return e->chosen_sum.bytes >= e->wanted.bytes + size &&
	       e->chosen_sum.files >= e->wanted.files + files;
}

static bool make_place(struct evict *e)
{
	size_t room = e->chosen_room ? 2 * e->chosen_room : 256;
	struct spool_sample *p;

	if (e->chosen_count < e->chosen_room)
		return true;
	if (e->chosen_room == EVICT_CHOSEN_MAX)
		return false;
	p = realloc(e->chosen, room * sizeof(*p));
	if (!p)
		return false;
	e->chosen = p;
	e->chosen_room = room;
	return true;
}

static void choose(struct evict *e, const struct spool_sample *s)
{
	if (!make_place(e)) {
		if (!e->chosen_count)
			return;
		drop_newest(e);
	}
	e->chosen[e->chosen_count] = *s;
	rise(e->chosen, e->chosen_count++);
	e->chosen_sum.bytes += s->size;
	e->chosen_sum.files++;
	while (e->chosen_count && enough_without(e, e->chosen[0].size, 1))
		drop_newest(e);
}

/* ------------------------------------------------------------------- a round */

static bool not_told(const struct spool_sample *s, const struct timespec *told)
{
	/* Some file systems know seconds only: it may have been a second later. */
	time_t second = s->seen.tv_sec + !s->seen.tv_nsec;

	if (s->seen.tv_sec > told->tv_sec + FUTURE_SECONDS)
		return false;
	return second > told->tv_sec ||
	       (second == told->tv_sec && s->seen.tv_nsec >= told->tv_nsec);
}

static void consider(struct evict *e, const struct spool_sample *s, const struct timespec *told)
{
	bool full = e->chosen_count == EVICT_CHOSEN_MAX || enough_without(e, 0, 0);

	if (full && (!e->chosen_count || compare(s, &e->chosen[0]) >= 0))
		return;
	if (not_told(s, told))
		return;
	if (is_needed(e, s->sha256))
		e->needed++;
	else
		choose(e, s);
}

static uint64_t excess(uint64_t value, uint64_t mark)
{
	return value > mark ? value - mark : 0;
}

static void begin(struct evict *e, uint64_t now)
{
	e->phase = EVICT_LISTING;
	e->round_began = now;
	e->list = (struct spool_list){0};
	e->before = spool_usage(e->spool);
	e->wanted.bytes = excess(e->before.bytes, e->until.bytes);
	e->wanted.files = excess(e->before.files, e->until.files);
	e->chosen_sum = (struct spool_usage){0};
	e->chosen_count = 0;
	e->next = 0;
	e->needed = 0;
	e->failing = false;
}

static void end(struct evict *e, uint64_t now)
{
	uint64_t rest = (now - e->round_began) * REST_FACTOR;
	struct spool_usage u = spool_usage(e->spool);

	e->phase = EVICT_IDLE;
	e->again = now;
	e->failure_logged = e->failing;
	if (!over(&u, &e->until)) {
		e->short_of_room = false;
		return;
	}
	/* There were more than a round takes: the next one at once. */
	if (e->next == EVICT_CHOSEN_MAX)
		return;
	if (rest < REST_MIN_MS)
		rest = REST_MIN_MS;
	e->again += rest < REST_MAX_MS ? rest : REST_MAX_MS;
	if (e->needed && is_due(e) && !e->short_of_room) {
		log_warning("spool: %llu of %llu samples wait for their clouds and cannot be "
			    "removed; when it is full, new ones are refused",
			    (unsigned long long)e->needed, (unsigned long long)u.files);
		e->short_of_room = true;
	}
}

static void list_some(struct evict *e, const struct timespec *told)
{
	struct spool_sample s;

	for (unsigned int i = 0; i < LISTED_PER_STEP; i++) {
		switch (spool_list_next(e->spool, &e->list, &s)) {
		case SPOOL_LIST_SAMPLE:
			consider(e, &s, told);
			break;
		case SPOOL_LIST_OTHER:
			break;
		case SPOOL_LIST_ERROR:
			failed(e, "a folder cannot be read", strerror(errno));
			break;
		case SPOOL_LIST_END:
			if (!e->failing)
				spool_usage_found(e->spool, &e->before, &e->list.found);
			if (e->chosen_count)
				qsort(e->chosen, e->chosen_count, sizeof(*e->chosen), compare);
			e->phase = EVICT_REMOVING;
			return;
		}
	}
}

static void remove_one(struct evict *e, const struct spool_sample *s)
{
	/* Somebody may have asked for it since the listing. */
	if (is_needed(e, s->sha256))
		return;
	switch (spool_evict(e->spool, s)) {
	case SPOOL_EVICTED:
		counter_add(e->counters, COUNTER_SAMPLES_EVICTED, 1);
		break;
	case SPOOL_PUT_BACK:
		counter_add(e->counters, COUNTER_SAMPLES_RESTORED, 1);
		break;
	case SPOOL_STUCK:
		failed(e, "a sample cannot be removed", strerror(errno));
		break;
	case SPOOL_SEEN_AGAIN:
	case SPOOL_GONE:
		break;
	}
}

static void remove_some(struct evict *e, uint64_t now)
{
	struct spool_usage u = spool_usage(e->spool);

	for (unsigned int i = 0; i < REMOVED_PER_STEP; i++) {
		if (e->next == e->chosen_count || !over(&u, &e->until)) {
			end(e, now);
			return;
		}
		remove_one(e, &e->chosen[e->next++]);
		u = spool_usage(e->spool);
	}
}

void evict_step(struct evict *e, uint64_t now, const struct timespec *told)
{
	if (e->phase == EVICT_IDLE && is_due(e) && now >= e->again)
		begin(e, now);
	if (e->phase == EVICT_LISTING)
		list_some(e, told);
	else if (e->phase == EVICT_REMOVING)
		remove_some(e, now);
}
