// SPDX-License-Identifier: MIT
/*
 * What rules cost a sighting: JSON with nanoseconds of each question, for a table of 256 rules
 * that name applications and types as a large site's would, and for one rule.
 */
#include "clock.h"
#include "policy/rule.h"

#include <stdio.h>
#include <string.h>

#define RULES 256
#define ROUNDS 200000

static struct rule rules[RULES];
static struct rule_types types = {.link = 1u << 11, .mail = 1u << 10};
static const char *const applications[] = {"web-browsing", "smtp", "imap", "ftp",
					   "ms-ds-smbv3"};
#define APPLICATIONS (sizeof(applications) / sizeof(applications[0]))

static void fill(void)
{
	for (size_t i = 0; i < FILE_TYPES_MAX; i++)
		types.limit[i] = 16u << 20;
	for (size_t i = 0; i < RULES; i++) {
		struct rule *r = &rules[i];

		for (size_t k = 0; k < 8; k++)
			snprintf(r->application[k], RULE_NAME_MAX, "application-%zu", i + k);
		strcpy(r->application[8], applications[i % APPLICATIONS]);
		r->applications = 9;
		r->types = 1u << i % 12 | 1u << (i + 5) % 12;
		r->direction = i % 3;
		r->clouds = 1ull << i % 8;
	}
}

static struct rule_file file_of(unsigned int i)
{
	return (struct rule_file){
		.kind = SIGHTING_KIND_FILE,
		.direction = i & 1 ? DIRECTION_UPLOAD : DIRECTION_DOWNLOAD,
		.application = applications[i % APPLICATIONS],
		.types = 1u << i % 11,
		.size_known = true,
		.size = i % (20u << 20),
	};
}

static void measure(size_t count, const char *name)
{
	struct rule_set set = {.rule = rules,
			       .count = count,
			       .private_clouds = 3,
			       .receiving = 0x7f,
			       .types = &types};
	double begin, match, wants;
	uint64_t sum = 0;
	size_t chosen;

	begin = clock_ns();
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct rule_file f = file_of(i);

		sum += rule_match(&set, &f, &chosen);
	}
	match = (clock_ns() - begin) / ROUNDS;
	begin = clock_ns();
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct rule_file f = file_of(i);

		sum += rule_wants(&set, &f);
	}
	wants = (clock_ns() - begin) / ROUNDS;
	/* The sum keeps the calls from being left out. */
	printf("%s\"%s\": {\"rules\": %zu, \"match_ns\": %.0f, \"wants_ns\": %.0f, \"sum\": "
	       "%llu}",
	       count == 1 ? "" : ", ", name, count, match, wants, (unsigned long long)sum);
}

int main(void)
{
	fill();
	putchar('{');
	measure(1, "one");
	measure(RULES, "many");
	puts("}");
	return 0;
}
