/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the forwarder share: its state, and who changes what.
 *
 *	forwarder.c	the loop, and setting it up
 *	talk.c		messages from and to the supervisor
 *	attempt.c	when a submission is tried, and what becomes of it
 *	target.c	how a cloud does: quotas, pauses, what outcomes say of it
 *	lookup.c	one question about many of them, in front of their attempts
 *	links.c		one list of many links, behind their questions
 *	changes.c	what becomes of many at once
 *	poll.c		questions about verdicts that are still to come
 */
#ifndef SLUICE_FORWARDER_STATE_H
#define SLUICE_FORWARDER_STATE_H

#include "forwarder/forwarder.h"
#include "forwarder/queue.h"
#include "lib/counter.h"
#include "lib/msg.h"
#include "sample/spool.h"

#define BATCH 64      /* submissions per commit, results per round */
#define EXIT_AGAIN 75 /* EX_TEMPFAIL: start us again */

enum job_state {
	JOB_FREE,
	JOB_RUNNING,  /* the kind works on it */
	JOB_RENDER,   /* an envelope is wanted, MSG_RENDER not sent yet */
	JOB_ENVELOPE, /* MSG_RENDER sent */
	JOB_LEAVE,    /* a request is ready, MSG_LEAVE not sent yet */
	JOB_PERMIT,   /* MSG_LEAVE sent */
	JOB_ENDED,    /* outcome known, not committed yet */
};

struct target;

struct job {
	enum job_state state;
	struct target *target;
	struct queue_item item;
	struct cloud_submission submission;
	const struct queue_item *items; /* of a request about many: as in its batch */
	bool *denied;			/* those the supervisor would not have in it */
	int64_t deadline;		/* of JOB_ENVELOPE and JOB_PERMIT */
	struct cloud_leave leave;	/* of JOB_LEAVE and JOB_PERMIT */
	const char *refusal;		/* why the supervisor would not have it */
	bool charged[2];		/* to the quota of queries, of uploads */
	bool asks;			/* has no place in the quota of uploads */
	bool held;   /* and the cloud does not know the sample: waits for one */
	bool reused; /* ended by an answer that is known */
	bool ours;   /* the outcome says nothing about the cloud */
	struct cloud_result result;
	char path[SPOOL_PATH_MAX];
};

/* A started submission whose attempt is about to begin. */
struct ready {
	struct queue_item item;
	int32_t verdict; /* as in cloud_submission */
};

/* A question about many, and the attempts that come of it. */
struct lookup {
	struct cloud_batch batch;
	struct queue_item item[CLOUD_LOOKUP_MAX]; /* as in the batch */
	bool denied[CLOUD_LOOKUP_MAX];		  /* the supervisor would not have them in it */
	struct ready ready[CLOUD_LOOKUP_MAX];
	size_t first, end;    /* of ready[]: those that are left */
	int64_t since;	      /* when they became ready */
	unsigned int useless; /* answers in a row that were bad */
};

/* What the supervisor shows of a cloud. */
struct shown {
	uint64_t used[CLOUD_QUOTA_COUNT];
	int64_t renewed[CLOUD_QUOTA_COUNT];
	int64_t paused_until;
};

/* Links on their way together. */
struct links {
	struct cloud_batch batch;
	struct queue_item item[CLOUD_LINKS_MAX]; /* as in the batch */
	bool denied[CLOUD_LINKS_MAX];
	/* Those it is made of; the first `rendered` have had their answer. */
	struct queue_item taken[CLOUD_LINKS_MAX];
	size_t takens, rendered;
	/* Those without an envelope, and why the last one had none. */
	struct queue_item refused[CLOUD_LINKS_MAX];
	size_t refuseds;
	char reason[CLOUD_DETAIL_MAX];
	/* Those that wait for others. */
	struct queue_item gathered[CLOUD_LINKS_MAX];
	size_t count;
	int64_t since; /* the first came */
	bool absent;   /* the cloud has no such call */
};

/* A question about samples that are there, whose verdicts are not. */
struct poll {
	struct cloud_batch batch;
	struct queue_poll row[CLOUD_LOOKUP_MAX]; /* as in the batch */
	struct queue_item item[CLOUD_LOOKUP_MAX];
	bool denied[CLOUD_LOOKUP_MAX];
};

/* A cloud and how it does. */
struct target {
	const struct cloud_config *config;
	struct forwarder *forwarder;
	unsigned int running;
	unsigned int streak; /* attempts since the last that reached an end */
	unsigned int downs;  /* times it was down since then */
	uint64_t retries;    /* attempts to be repeated, not told yet */
	int64_t down_until;
	int64_t asked_until;	    /* the cloud wants to be left alone */
	char why[CLOUD_DETAIL_MAX]; /* of the last time that it was down */
	struct quota quota[CLOUD_QUOTA_COUNT];
	struct shown shown;	     /* the last that was told */
	int64_t fresh_at;	     /* while it may only be asked: not before */
	int64_t next_due;	     /* no row is worth looking for before */
	bool one_by_one;	     /* it has no call to ask about many samples */
	struct job job[CLOUD_SLOTS]; /* attempts, and requests about many */
	struct lookup *lookup;	     /* NULL: never needed */
	struct links *links;	     /* the same */
	struct poll *poll;	     /* the same */
	int64_t poll_at;	     /* no verdict is to be asked for before */
};

struct forwarder {
	const struct forwarder_config *config;
	struct queue *queue;
	struct cloud_loop loop;
	struct target *target;
	int signals;
	int64_t now;

	struct queue_item batch[BATCH];
	size_t batched;	     /* in batch */
	bool committed;	     /* batch is in the queue */
	size_t acknowledged; /* of batch */

	bool untold;	      /* results may wait in the queue */
	bool verdicts;	      /* verdicts may wait there to be told */
	bool blocked;	      /* the supervisor does not read */
	int64_t disk_again;   /* the database failed: not before */
	char disk_error[256]; /* what was logged about it */
	int64_t forget_at;
	bool clock_back; /* and the queue does not know yet */
	struct counters counters, sent;
	struct msg msg;
	int exit; /* status to end with, -1: go on */
};

/* Wall clock, milliseconds: what the queue stores must mean the same after a restart. */
int64_t forwarder_clock(void);
/* NULL: no cloud of that name is configured. */
struct target *forwarder_target(struct forwarder *f, const char *cloud);
/* The database refused a write or a read: nothing more of it for a second. */
void forwarder_disk_failed(struct forwarder *f, const char *doing);
/* After a write that went well. */
void forwarder_disk_works(struct forwarder *f);

/* Reads what the supervisor sent, as far as the batch has room. */
void talk_receive(struct forwarder *f);
/* Takes the batch of submissions to the queue. */
void talk_commit(struct forwarder *f);
/* Sends all there is to say, as far as the supervisor reads. */
void talk_send(struct forwarder *f);

/* What is left of an earlier run of a cloud's quotas and pause. */
bool target_load(struct target *t);
/* The clock was set back by so many milliseconds: waits stay as long as they were. */
void target_clock(struct target *t, int64_t back);
/* How many more requests its quotas have a place for, with a sample or as a question. */
uint64_t target_places(const struct target *t, bool upload);
/* Counts the request that may leave now; false: it cannot be counted, and must not. */
bool target_charge(struct job *job);
/*
 * When something is tried again after that outcome, which is not final; what it says of the
 * cloud as a whole is heeded.
 */
int64_t target_again(struct target *t, const struct cloud_result *r, uint32_t failures);
/* Learns from an outcome about the cloud. */
void target_learn(struct target *t, const struct cloud_result *r);
/* It answers as it should. */
void target_works(struct target *t);

/* When a cloud may be asked for something more; INT64_MAX: when an attempt has ended. */
int64_t attempt_next(const struct target *t);
/*
 * Whether a later sighting ends by what is known of its sample.  Kinds that can be asked and
 * give no verdict look each time whether the sample is still there.
 */
bool attempt_reuses(const struct target *t);
/* A job of that cloud, whose kind begins later. */
void attempt_prepare(struct job *job, struct target *t, const struct queue_item *item);
/* The envelope that a job waits for came; json NULL: there is none, and why. */
void attempt_envelope(struct job *job, const char *json, const char *upload_name,
		      const char *refusal);
/*
 * What is to be stored beside an outcome that is not final: how many attempts failed, and in *r
 * the verdict since when.
 */
uint32_t attempt_failures(const struct queue_item *item, struct cloud_result *r);
/* Counts an outcome that was stored, and logs it unless that was done. */
void attempt_count(struct target *t, const struct queue_item *item,
		   const struct cloud_result *r, bool log);
/* Begins what is due. */
void attempt_schedule(struct forwarder *f);
/* Lets curl work, and the kinds see what ended. */
void attempt_transfers(struct forwarder *f);
/* Ends what waited too long for the supervisor, and takes outcomes to the queue. */
void attempt_settle(struct forwarder *f);
/* Ends everything that runs, without an outcome. */
void attempt_cancel(struct forwarder *f);
/* After that. */
void attempt_free(struct target *t);

/* Whether many are to be taken from the queue at once. */
bool lookup_wanted(struct target *t);
/* Takes started submissions, at most CLOUD_LOOKUP_MAX, when lookup_wanted(). */
void lookup_begin(struct target *t, const struct queue_item *items, size_t count);
/* A question is under way, or some of its submissions wait: nothing is to be taken. */
bool lookup_busy(const struct target *t);
/* The attempt to begin next; NULL: none. It is begun when the caller counts `first` up. */
const struct ready *lookup_next(const struct target *t);
/* When those that are ready have waited too long; INT64_MAX: none is. */
int64_t lookup_stale(const struct target *t);
/* Lets them wait in the queue again. */
void lookup_give_back(struct target *t);
/* Takes the end of a question to disk; false: the disk failed, later. */
bool lookup_settle(struct job *job);

/*
 * An attempt whose envelope came has found out that it is a link.  True: it ends here, the
 * link waits for others.
 */
bool links_take(struct job *job);
/* When a list may be made; INT64_MAX: no link waits, or one is under way. */
int64_t links_at(const struct target *t);
void links_begin(struct target *t);
/* The envelope that was wanted; NULL: there is none, reason says why. */
void links_envelope(struct job *job, const char *json, const char *reason);
/* When those that wait have waited too long; INT64_MAX: none does. */
int64_t links_stale(const struct target *t);
void links_give_back(struct target *t);
/* Takes the end of a list to disk; false: the disk failed, later. */
bool links_settle(struct job *job);
void links_free(struct target *t);

/* When a cloud may be asked for verdicts; INT64_MAX: when a question has ended, or never. */
int64_t poll_next(const struct target *t);
/* Asks for those that are due. */
void poll_begin(struct target *t);
/* A submission has ended whose verdict may be still to come. */
void poll_expect(struct target *t);
/* Takes the end of such a question to disk; false: the disk failed, later. */
bool poll_settle(struct job *job);

#endif
