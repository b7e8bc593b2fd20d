// SPDX-License-Identifier: MIT
/* The kinds of cloud, and what they share. */
#include "cloud/cloud.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct cloud_ops *const kinds[] = {
	&cloud_directory, &cloud_wildfire, &cloud_https,
	&cloud_s3,	  &cloud_cape,	   &cloud_assemblyline,
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct {
	const char *name;
	bool final;
} outcomes[CLOUD_OUTCOME_COUNT] = {
#define CLOUD_OUTCOME_ROW(id, text, is_final) [CLOUD_##id] = {text, is_final},
	CLOUD_OUTCOMES(CLOUD_OUTCOME_ROW)
#undef CLOUD_OUTCOME_ROW
};

const char *cloud_quota_name(enum cloud_quota q)
{
	static const char *const names[CLOUD_QUOTA_COUNT] = {
#define QUOTA_NAME(id, name, upload, length) [CLOUD_##id] = #name,
		CLOUD_QUOTAS(QUOTA_NAME)
#undef QUOTA_NAME
	};

	return q < CLOUD_QUOTA_COUNT ? names[q] : "?";
}

const char *cloud_outcome_name(enum cloud_outcome o)
{
	return o < CLOUD_OUTCOME_COUNT ? outcomes[o].name : "?";
}

bool cloud_outcome_final(enum cloud_outcome o)
{
	return o < CLOUD_OUTCOME_COUNT && outcomes[o].final;
}

void cloud_result_set(struct cloud_result *r, enum cloud_outcome outcome, const char *format,
		      ...)
{
	va_list args;

	*r = (struct cloud_result){.outcome = outcome, .verdict = CLOUD_VERDICT_NONE};
	va_start(args, format);
	vsnprintf(r->detail, sizeof(r->detail), format, args);
	va_end(args);
	for (char *c = r->detail; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
}

const struct cloud_ops *cloud_find(const char *kind)
{
	for (size_t i = 0; i < KINDS; i++)
		if (!strcmp(kinds[i]->kind, kind))
			return kinds[i];
	return NULL;
}

const char *cloud_kinds(void)
{
	static char text[128];
	size_t at = 0;

	for (size_t i = 0; i < KINDS && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? ", " : "",
				       kinds[i]->kind);
	return text;
}

bool cloud_all_envelopes(const struct cloud_config *c)
{
	if (!c->session)
		return false;
	if (c->sightings == CLOUD_SIGHTINGS_DEFAULT)
		return c->ops->envelopes == CLOUD_ENVELOPE_EACH;
	return c->sightings == CLOUD_SIGHTINGS_ALL;
}

int cloud_open_sample(const struct cloud_submission *s, struct cloud_result *r)
{
	struct stat st;
	int fd = open(s->sample_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st)) {
		/* Perhaps the spool is not mounted: no reason to give up what was accepted. */
		cloud_result_set(r, CLOUD_RETRY, "sample cannot be read from the spool: %s",
				 strerror(errno));
	} else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != s->size) {
		cloud_result_set(r, CLOUD_REFUSED,
				 "sample in the spool has %lld bytes, %llu were accepted",
				 (long long)st.st_size, (unsigned long long)s->size);
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}
