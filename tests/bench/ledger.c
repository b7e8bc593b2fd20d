// SPDX-License-Identifier: MIT
/*
 * What the ledger costs: JSON with microseconds of a line, by how many are added at once, each
 * time synced.  The folder's ledger then has LINES lines, for the time of
 * `sluicectl ledger verify`.
 *
 *	bench_ledger DIR LINES
 */
#include "clock.h"
#include "lib/log.h"
#include "supervisor/permit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 8192
#define ROUNDS 200

/* Lines as they are: an upload with most of the fields. */
static void add(struct ledger *l, size_t count)
{
	static const struct cloud_config cloud = {.name = "wildfire", .ops = &cloud_wildfire};
	static uint64_t number[MOST];
	static json_t *line[MOST];
	static uint64_t serial;

	for (size_t i = 0; i < count; i++) {
		struct permit t = {
			.carries = CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_ENVELOPE,
			.request = "submit/file",
			.url = (char *)"https://wildfire.example/publicapi/submit/file",
			.bytes = 100000 + serial,
		};

		serial++;
		memcpy(t.sample, &serial, sizeof(serial));
		memcpy(t.sha256, &serial, sizeof(serial));
		memset(t.envelope.policy, 'a', sizeof(t.envelope.policy) - 1);
		t.envelope.effective = policy_all(POLICY_SHARE);
		policy_set(&t.envelope.effective, SLUICE_FIELD_SOURCE_IP, POLICY_OMIT);
		for (int f = 0; f < SLUICE_FIELD_COUNT; f++)
			t.envelope.report.field[f].bytes = f % 4 ? 20 : 0;
		line[i] = permit_line_request(&t, &cloud);
	}
	if (!ledger_append(l, line, count, 1764000000000 + (int64_t)serial, number))
		exit(1);
	for (size_t i = 0; i < count; i++)
		json_decref(line[i]);
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = {1, 8, 64};
	struct ledger l;
	double begin;
	size_t lines;

	log_init("bench_ledger", LOG_LEVEL_WARNING);
	if (argc != 3 || !ledger_open(&l, argv[1]))
		return 1;
	printf("{");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		begin = clock_us();
		for (size_t k = 0; k < ROUNDS; k++)
			add(&l, sizes[i]);
		printf("\"%zu\": %.1f, ", sizes[i],
		       (clock_us() - begin) / ROUNDS / (double)sizes[i]);
	}
	lines = strtoul(argv[2], NULL, 10);
	begin = clock_us();
	while (l.chain.n + 1 < lines)
		add(&l, lines - l.chain.n - 1 < MOST ? lines - l.chain.n - 1 : MOST);
	ledger_close(&l, 1764000000000);
	printf("\"fill_seconds\": %.2f}\n", (clock_us() - begin) / 1e6);
	return 0;
}
