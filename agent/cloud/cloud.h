/* SPDX-License-Identifier: MIT */
/*
 * A cloud: a named destination, and one table of functions per kind.
 *
 * A submission is a small state machine: the forwarder's loop asks the kind to
 * begin; the kind runs its requests on the loop's curl multi handle (or does its work at
 * once) and reports one outcome.
 */
#ifndef SLUICE_CLOUD_CLOUD_H
#define SLUICE_CLOUD_CLOUD_H

#include "lib/buf.h"
#include "lib/sighting.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOUD_MAX 64
#define CLOUD_NAME_MAX 64
#define CLOUD_S3_REGION "us-east-1"
#define CLOUD_ATTEMPTS 16 /* submissions to one cloud at once */
/*
 * Its requests at once: of each attempt, one question about many samples, one list of links,
 * one question about verdicts.
 */
enum { CLOUD_SLOT_LOOKUP = CLOUD_ATTEMPTS, CLOUD_SLOT_LINKS, CLOUD_SLOT_POLL, CLOUD_SLOTS };
#define CLOUD_LOOKUP_MAX 500 /* samples in one question */
#define CLOUD_LINKS_MAX 100  /* links in one list */

enum cloud_scope { CLOUD_PRIVATE, CLOUD_PUBLIC };

/*
 * What the operator allows to be sent to a cloud, by span of the clock (UTC).
 * X(CONSTANT, name in the configuration, counts requests that carry a sample, span in ms)
 */
#define CLOUD_QUOTAS(X)                                         \
	X(UPLOADS_PER_MINUTE, uploads_per_minute, true, 60000)  \
	X(UPLOADS_PER_DAY, uploads_per_day, true, 86400000)     \
	X(QUERIES_PER_MINUTE, queries_per_minute, false, 60000) \
	X(QUERIES_PER_DAY, queries_per_day, false, 86400000)

enum cloud_quota {
#define CLOUD_QUOTA_ENUM(id, name, upload, length) CLOUD_##id,
	CLOUD_QUOTAS(CLOUD_QUOTA_ENUM)
#undef CLOUD_QUOTA_ENUM
		CLOUD_QUOTA_COUNT
};

const char *cloud_quota_name(enum cloud_quota q);

struct cloud_ops;

/*
 * What comes of the later sightings of a sample that a cloud has: nothing, or their envelopes.
 */
enum cloud_sightings { CLOUD_SIGHTINGS_DEFAULT, CLOUD_SIGHTINGS_FIRST, CLOUD_SIGHTINGS_ALL };

/* An envelope without its sample. */
enum cloud_envelopes {
	CLOUD_ENVELOPE_BESIDE, /* the kind cannot take one */
	CLOUD_ENVELOPE_ALONE,  /* it can */
	CLOUD_ENVELOPE_EACH,   /* it has a place for that of each sighting: the default there */
};

/*
 * Settings that not every kind has.  X(CONSTANT, key of the configuration)
 */
#define CLOUD_SETTINGS(X)                    \
	X(URL, "url")                        \
	X(PATH, "path")                      \
	X(KEY, "key_file")                   \
	X(TOKEN, "token_file")               \
	X(CA, "ca_file")                     \
	X(CERTIFICATE, "client_certificate") \
	X(CERTIFICATE_KEY, "client_key")     \
	X(PROXY, "proxy")                    \
	X(PINNED, "pinned_key")              \
	X(S3_REGION, "s3_region")            \
	X(USER, "user")

enum {
#define CLOUD_SETTING_ENUM(id, name) CLOUD_SETTING_AT_##id,
	CLOUD_SETTINGS(CLOUD_SETTING_ENUM)
#undef CLOUD_SETTING_ENUM
#define CLOUD_SETTING_BIT(id, name) CLOUD_SETTING_##id = 1 << CLOUD_SETTING_AT_##id,
		CLOUD_SETTINGS(CLOUD_SETTING_BIT)
#undef CLOUD_SETTING_BIT
};

/* From the configuration; strings are owned by it, "" when not given. */
struct cloud_config {
	char name[CLOUD_NAME_MAX];
	const struct cloud_ops *ops;
	enum cloud_scope scope;
	char *url;  /* base, without trailing slash */
	char *path; /* directory */
	/* Read at start and reload. */
	char *key;	   /* API key, of key_file; words have a space between */
	char *token;	   /* OAuth bearer token, of token_file */
	char *certificate; /* PEM: who we are; with its key */
	char *certificate_key;
	char *proxy;	 /* URL */
	char *pinned;	 /* public keys of the cloud, as CURLOPT_PINNEDPUBLICKEY has them */
	char *region;	 /* where it is (cloud/region.h); "": not said */
	char *user;	 /* whose key it is */
	char *s3_region; /* that requests are signed for; "": CLOUD_S3_REGION */
	char *ca;	 /* PEM: trust these instead of the system's store */
	bool session;	 /* send the envelope at all */
	enum cloud_sightings sightings;
	uint32_t timeout;      /* seconds for one request */
	uint64_t max_size;     /* bytes of a sample; larger ones are not sent there */
	uint32_t reserve;      /* submissions that wait for it at most */
	uint32_t lookup_batch; /* samples in one question, at most CLOUD_LOOKUP_MAX; <= 1: one
				  by one */
	uint32_t link_batch; /* links in one list, at most CLOUD_LINKS_MAX; <= 1: one by one */
	uint32_t link_wait;  /* seconds the first link of a list waits for others */
	uint32_t quota[CLOUD_QUOTA_COUNT]; /* requests; 0: no limit */
	int line;			   /* of its section, for messages */
};

/*
 * How an attempt ended.
 * X(CONSTANT, name, final)
 */
#define CLOUD_OUTCOMES(X)                                                \
	X(SENT, "sent", true)	    /* uploaded and acknowledged */      \
	X(KNOWN, "known", true)	    /* the cloud has it: not uploaded */ \
	X(REFUSED, "refused", true) /* the cloud will never take it */   \
	X(RETRY, "retry", false)    /* again later: this submission */   \
	X(DOWN, "down", false)	    /* again later: the whole cloud (key, quota, away) */

enum cloud_outcome {
#define CLOUD_OUTCOME_ENUM(id, name, final) CLOUD_##id,
	CLOUD_OUTCOMES(CLOUD_OUTCOME_ENUM)
#undef CLOUD_OUTCOME_ENUM
		CLOUD_OUTCOME_COUNT
};

const char *cloud_outcome_name(enum cloud_outcome o);
bool cloud_outcome_final(enum cloud_outcome o);

#define CLOUD_VERDICT_NONE INT32_MIN
#define CLOUD_VERDICT_PENDING (-100) /* it has the sample, and no verdict yet */
#define CLOUD_VERDICT_UNKNOWN (-102) /* it does not have it */
#define CLOUD_DETAIL_MAX 256
#define CLOUD_PAUSE_MAX 86400 /* seconds a cloud is left alone at most because it says so */

struct cloud_result {
	enum cloud_outcome outcome;
	int32_t verdict;	       /* as the cloud gave it, or CLOUD_VERDICT_NONE */
	uint32_t retry_after;	       /* seconds the cloud asked to wait; 0: none */
	bool asked;		       /* the pause is the cloud's wish: kept across restarts */
	bool day_over;		       /* DOWN: its daily quota is used up */
	bool stuck;		       /* DOWN until somebody acts: wait longest */
	bool answer_bad;	       /* it answered, and not in its own language */
	char detail[CLOUD_DETAIL_MAX]; /* for the log: what happened, what the cloud said */
};

/*
 * Fills a result: no verdict, no wait, and a detail in which control characters
 * became spaces.  Detail must not contain what only the envelope may tell.
 */
void cloud_result_set(struct cloud_result *r, enum cloud_outcome outcome, const char *format,
		      ...) __attribute__((format(printf, 3, 4)));

/* What of a sighting is in a request. */
#define CLOUD_CARRIES_SAMPLE 1 /* it was made for an envelope, under that one's policy */
#define CLOUD_CARRIES_NAME 2   /* the file's name, beside the envelope */
#define CLOUD_CARRIES_ENVELOPE 4

/* A request that is about to leave, for the ledger. */
struct cloud_leave {
	const char *name; /* which call of the kind's */
	const char *url;  /* without any key */
	const uint8_t *sha256;
	uint64_t bytes; /* of its exact body, as the hash */
	uint64_t carries;
};

/* One request about several samples, and what the cloud says. */
struct cloud_batch {
	const struct exchange_step *step;
	size_t count; /* at most CLOUD_LOOKUP_MAX */
	uint8_t sha256[CLOUD_LOOKUP_MAX][SHA256_SIZE];
	int32_t verdict[CLOUD_LOOKUP_MAX]; /* CLOUD_VERDICT_NONE: the answer has none */
	/* Of a list of links: their texts, a line each, and their envelopes, a JSON array. */
	struct buf lines, envelopes;
	bool absent; /* the cloud has no such call, or not for us: to be asked one by one */
};

/* What came of a submission's attempts before. */
struct cloud_history {
	int32_t verdict;   /* the last the cloud gave, or CLOUD_VERDICT_NONE */
	uint32_t failures; /* those that ended in RETRY since it is that one */
};

/* One sample on its way to one cloud. */
struct cloud_submission {
	const struct cloud_config *cloud;
	uint8_t id[SIGHTING_ID_SIZE];
	uint8_t sha256[SHA256_SIZE];
	uint64_t size;
	const char *sample_path;
	enum sighting_kind sample_kind; /* set when the envelope is there */
	struct cloud_history before;
	/*
	 * By which the cloud said a moment ago that it wants the sample: the attempt begins
	 * behind the question.  CLOUD_VERDICT_NONE: it was not asked.
	 */
	int32_t verdict;
	/* Of a blind kind: a sighting before brought the sample, the envelope is sent alone. */
	bool later;
	/* Only the question, for its verdict: nothing is sent whatever the answer is. */
	bool verdict_only;
	/*
	 * Not an attempt, but a request about all of these; id and sha256 are the first one's.
	 * It ended with a final outcome when verdict[] is filled: of links, those that have one
	 * were taken.  NULL: an attempt.
	 */
	struct cloud_batch *batch;
	void *kind; /* state of the kind while it runs */
	/*
	 * Asks the supervisor for the envelope as policy allows it at this moment.
	 * The answer comes by cloud_ops.envelope.  The kind calls this right before the
	 * request that carries it.
	 */
	void (*want_envelope)(struct cloud_submission *s);
	/*
	 * Asks the supervisor for leave to send a request, before any byte of it leaves.  The
	 * answer comes by cloud_ops.go, and until then what l points to must stay.
	 */
	void (*want_leave)(struct cloud_submission *s, const struct cloud_leave *l);
	/* The attempt is over; s->kind has been freed by the kind. */
	void (*done)(struct cloud_submission *s, const struct cloud_result *r);
	void *owner; /* the forwarder's */
};

struct request;

/* A request that an attempt would make. */
struct cloud_preview {
	const char *name;	       /* as in cloud_leave */
	const char *method;	       /* of HTTP; "WRITE": into files of this machine */
	const char *condition;	       /* when it is made; NULL: always */
	const struct request *request; /* complete (cloud/request.h) */
	uint64_t carries;
};

/* What the forwarder's loop offers. */
struct cloud_loop {
	CURLM *multi;
	uint32_t socket_mark; /* SO_MARK of every connection; 0: none */
};

struct exchange_step;

/* How a kind asks about many samples at once. */
struct cloud_lookup {
	const struct exchange_step *step;
	/* What one of its verdicts means; false: the cloud wants the sample. */
	bool (*verdict)(int32_t verdict, const struct cloud_history *before,
			struct cloud_result *r);
};

struct cloud_ops {
	const char *kind;	   /* as written in the configuration */
	unsigned int needs, takes; /* CLOUD_SETTING_*: those that must, and may, be given */
	const char *key_words;	   /* what its key is, where that is two words; else NULL */
	bool regional;		   /* its url can come from a region of cloud/region.h */
	bool plain_path;	   /* its url may have nothing that %XX stands for */
	enum cloud_envelopes envelopes;
	bool blind; /* it cannot be asked what it has: the forwarder's queue says */
	/* Starts an attempt.  Calls done(), now or later, exactly once. */
	void (*begin)(struct cloud_loop *loop, struct cloud_submission *s);
	/*
	 * The envelope that was wanted.  json NULL: the cloud's policy is unusable,
	 * nothing may be sent (the kind ends with RETRY).  upload_name: what the
	 * upload may be called.
	 */
	void (*envelope)(struct cloud_submission *s, const char *json, const char *upload_name);
	/* The request may leave, or may not (the kind ends with RETRY). */
	void (*go)(struct cloud_submission *s, bool granted);
	/*
	 * What is being sent may not be any more: ends the transfer and the attempt, with
	 * RETRY. NULL where nothing of the kind's runs between go() and its end.
	 */
	void (*revoke)(struct cloud_submission *s);
	/* A curl transfer of this submission ended; NULL where the kind has none. */
	void (*transfer_done)(struct cloud_submission *s, CURL *easy, CURLcode code);
	/* Ends an attempt without calling done(): the process stops. */
	void (*cancel)(struct cloud_submission *s);
	/*
	 * Shows the requests of an attempt in their order, made by the very functions that make
	 * those that are sent.  Nothing leaves, no callback of s is called, and only its sample
	 * is read.  False with r when there is one that would not be made, or cannot be.
	 */
	bool (*preview)(const struct cloud_submission *s, const char *json,
			const char *upload_name,
			void (*show)(void *arg, const struct cloud_preview *p), void *arg,
			struct cloud_result *r);
	/* Of a kind whose functions are those of cloud/exchange.h. */
	const struct exchange_step *step;
	size_t steps;
	const struct cloud_lookup *lookup; /* NULL: one by one */
	const struct exchange_step *links; /* sends many links at once; NULL: one by one */
	bool verdicts; /* its first step asks for one, which may come later */
};

extern const struct cloud_ops cloud_directory;
extern const struct cloud_ops cloud_wildfire;
extern const struct cloud_ops cloud_https;
extern const struct cloud_ops cloud_s3;
extern const struct cloud_ops cloud_cape;
extern const struct cloud_ops cloud_assemblyline;

/* The kind of that name, or NULL; cloud_kinds() lists all, for messages. */
const struct cloud_ops *cloud_find(const char *kind);
const char *cloud_kinds(void);

/* Whether later sightings of a sample bring their envelopes there. */
bool cloud_all_envelopes(const struct cloud_config *c);

/*
 * Opens the sample for reading and compares its size with what the submission
 * says.  -1 with r filled: RETRY when it cannot be read, REFUSED when it is
 * not the file that was accepted.
 */
int cloud_open_sample(const struct cloud_submission *s, struct cloud_result *r);

/* CURLOPT_PRIVATE of every easy handle must be its struct cloud_submission. */

#endif
