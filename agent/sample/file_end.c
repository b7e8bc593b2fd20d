// SPDX-License-Identifier: MIT
/*
 * The end of a file: what it is, its hash, the archive that it may be, and the spool.
 */
#include "sample/file_object.h"
#include "sample/members.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* All bytes are there: the hash.  False when that settled the file. */
static bool file_digest(struct file *f)
{
	if (!f->spool && f->chunk) {
		/* All of it is in the chunk. */
		if (!file_hash(f, f->chunk->data, f->chunk->len))
			return false;
	} else if (!file_flush(f)) {
		return false;
	}
	if (!EVP_DigestFinal_ex(f->digest, f->s.sha256, NULL)) {
		errno = ENOMEM;
		file_spool_failed(f, SPOOL_ERROR);
		return false;
	}
	return true;
}

/* Hands it to the spool under its hash. */
static void file_store(struct file *f)
{
	struct file_set *set = f->set;
	enum spool_result result;
	struct spool_file *spool;

	if (!f->spool) {
		if (spool_known(set->spool, f->s.sha256, f->s.size)) {
			result = SPOOL_KNOWN;
			goto done;
		}
		if (!file_write(f, 0, f->chunk->data, f->chunk->len))
			return;
	}
	spool = f->spool;
	f->spool = NULL;
	result = spool_commit(spool, f->s.sha256);
done:
	if (result != SPOOL_OK && result != SPOOL_KNOWN) {
		file_spool_failed(f, result);
		return;
	}
	counter_add(set->counters,
		    result == SPOOL_OK ? COUNTER_SAMPLES_NEW : COUNTER_SAMPLES_KNOWN, 1);
	f->s.stored = true;
}

static enum file_reason file_outcome(const struct file *f, enum file_reason reason)
{
	if (f->settled)
		return f->settled;
	if (reason)
		return reason;
	if (f->s.missing)
		return FILE_REASON_GAP;
	if (f->expected && f->s.size < f->expect)
		return FILE_REASON_RESET;
	return FILE_REASON_NONE;
}

/* Where files end, by reason. */
#define COUNTER_FILES_TRUNCATED_NONE COUNTER_FILES_COMPLETE

static const enum counter outcome_counters[FILE_REASON_COUNT] = {
#define OUTCOME_COUNTER(id, text) [FILE_REASON_##id] = COUNTER_FILES_TRUNCATED_##id,
	FILE_REASONS(OUTCOME_COUNTER)
#undef OUTCOME_COUNTER
};

void file_free(struct file *f)
{
	struct file_set *set = f->set;

	file_drop_chunk(f);
	file_drop_digest(f);
	if (f->spool)
		spool_abort(f->spool);
	set->extents -= f->extents.count;
	extents_free(&f->extents);
	set->open -= f->open;
	sighting_free(&f->s);
	free(f);
}

static void count_traits(struct file *f)
{
	static const enum counter counters[FILE_TRAIT_COUNT] = {
		[FILE_TRAIT_ENCRYPTED] = COUNTER_ARCHIVES_ENCRYPTED,
		[FILE_TRAIT_MULTI_PART] = COUNTER_ARCHIVES_MULTI_PART,
		[FILE_TRAIT_BOMB] = COUNTER_ARCHIVES_BOMBS,
		[FILE_TRAIT_NESTED] = COUNTER_ARCHIVES_NESTED,
	};

	for (enum file_trait t = 0; t < FILE_TRAIT_COUNT; t++)
		counter_add(f->set->counters, counters[t], f->s.traits >> t & 1);
}

/* Its outcome is known: counts it, reports it, frees it. */
static void file_end(struct file *f, enum file_reason reason, bool empty)
{
	struct file_set *set = f->set;
	struct sighting *s = &f->s;
	enum counter outcome;

	s->reason = reason;
	s->state = reason ? FILE_STATE_TRUNCATED : FILE_STATE_COMPLETE;
	if (reason)
		memset(s->sha256, 0, sizeof(s->sha256));
	outcome = empty && !reason ? COUNTER_FILES_EMPTY : outcome_counters[reason];
	counter_add(set->counters, outcome, 1);
	count_traits(f);
	if (!empty) {
		sighting_make_id(s);
		set->sink(set->arg, s);
	}
	file_free(f);
}

void file_finish(struct file *f)
{
	file_store(f);
	file_end(f, f->settled, false);
}

/* All of a complete file in the spool, where it stays while it is taken apart. */
static bool file_keep(struct file *f)
{
	if (!file_flush(f))
		return false;
	file_drop_chunk(f);
	return true;
}

/*
 * What a type is said of stays whole, even where it is built on ZIP; the others are opened by
 * what their beginning or their end says.
 */
static bool file_opens(const struct file *f, const struct reader *r)
{
	uint32_t typed = f->possible & ~(FILE_TYPE_ARCHIVE_BIT | FILE_TYPE_OTHER_BIT);

	return f->s.kind == SIGHTING_KIND_FILE && !(f->set->types && typed) &&
	       archive_is_zip(r);
}

/* A complete file: what it is, its hash; true when it is an archive that members_add() took. */
static bool file_opened(struct file *f)
{
	struct reader r = file_reader(f);
	bool opens;

	file_type(f, &r);
	opens = file_opens(f, &r);
	/* Its members may be wanted, also those of an archive behind something; or it has none.
	 */
	f->possible &= ~FILE_TYPE_ARCHIVE_BIT;
	if (opens)
		f->possible |= FILE_TYPE_ARCHIVE_BIT;
	if (!file_ask(f, true, f->s.size))
		return false;
	if (!opens)
		f->s.traits |= archive_traits(&r);
	return (!opens || file_keep(f)) && file_digest(f) && opens &&
	       members_add(f->set->members, f);
}

void file_close(struct file *f, enum file_reason reason, uint64_t time)
{
	struct sighting *s = &f->s;
	bool empty = !s->size && !f->settled && !(f->expected && f->expect);

	s->missing = s->size - s->seen;
	if (!s->seen)
		s->end = time;
	reason = file_outcome(f, reason);
	if (reason && !f->settled)
		file_type_cut(f);
	if (!reason && !empty) {
		if (file_opened(f))
			return;
		if (!f->settled)
			file_store(f);
		reason = f->settled;
	}
	file_end(f, reason, empty);
}
