/* SPDX-License-Identifier: MIT */
/*
 * What would leave: the envelope and the requests that one cloud would get of one sighting,
 * with what becomes of each field and why.  Nothing is sent, and nothing is stored.
 *
 * An object of JSON that is made in two steps, as the supervisor knows the policies and another
 * process may read the sample:
 *
 *	cloud, scope, kind	where to
 *	target			the same, as the cloud's `url` or `path` says
 *	sighting, sample,
 *	size, what		of what
 *	refused			why nothing of it leaves; then there is nothing more
 *	policy, key		ids; key null: none is needed, or there is none
 *	fields			{NAME: {mode, mark, seen, sent, because}}
 *	session			whether the envelope is sent at all
 *	envelope		it
 *	envelope_text		its exact bytes
 *	upload_name		what the upload may be called
 *	sample_path		file
 *
 *	requests		[{request, method, url, when, carries, headers or files,
 *				  body: {sha256, bytes}, text}], in their order
 *	stopped			why the last of them would not be made
 *	key_missing		the API key could not be read: no hash, no length
 *
 * mark is one of "shared" (as seen), "changed", "left out", "nothing" (to be shared).
 */
#ifndef SLUICE_SUPERVISOR_PREVIEW_H
#define SLUICE_SUPERVISOR_PREVIEW_H

#include "lib/sighting.h"
#include "supervisor/config.h"
#include "supervisor/users.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum preview_of {
	PREVIEW_RULES,	   /* as if it were seen now: rules decide */
	PREVIEW_SUBMITTED, /* it was submitted to the cloud */
	PREVIEW_PASSED,	   /* it was seen, and not submitted to this one */
};

struct preview {
	const struct config *c;
	struct users *users; /* NULL: nobody is in a group */
	size_t cloud;
	const struct sighting *s;
	const char *sample_path;
	enum preview_of of;
	const char *refusal;		  /* another reason why nothing leaves; NULL: none */
	const struct policy *seen;	  /* when it was seen; NULL: the same as now */
	uint32_t switches, switches_seen; /* of the kernel, now and then */
};

/* The first step; NULL when out of memory. */
json_t *preview_make(const struct preview *p);

/*
 * The second: the requests, by the functions of the cloud's kind.  c: has the credentials;
 * NULL: they are not known.  False when out of memory.
 */
bool preview_requests(json_t *preview, const struct cloud_config *c);

/*
 * Writes the exact body of that request, API key included.  False with *wrong: there is none,
 * or it cannot be read or written.
 */
bool preview_body(json_t *preview, const struct cloud_config *c, const char *request, FILE *to,
		  const char **wrong);

/*
 * For people: nothing of it can control a terminal (lib/display.h).  For programs: one line of
 * JSON.
 */
void preview_print(const json_t *preview, FILE *to);
void preview_print_json(const json_t *preview, FILE *to);

#endif
