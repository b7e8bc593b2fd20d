// SPDX-License-Identifier: MIT
#include "supervisor/metrics_command.h"

#include "supervisor/live.h"
#include "supervisor/metrics.h"
#include "supervisor/stats.h"

void live_metrics(void *supervisor, struct buf *out)
{
	const struct supervisor *s = supervisor;
	struct counters sum = stats_sum(&s->counters, s->child, s->children);
	struct spool_usage usage = spool_usage(s->spool);
	bool counted = s->c->spool_bytes || s->c->spool_files;
	struct metrics m = {
		.c = s->c,
		.counters = &sum,
		.tally = &s->tally,
		.sinks = &s->sinks,
		.state = s->cloud_state,
		.now = live_wall(),
		.child = s->child,
		.children = s->children,
		.spool = counted ? &usage : NULL,
	};

	metrics_render(&m, out);
}

void metrics_command(struct control_client *c, void *supervisor, json_t *request)
{
	struct buf text;

	buf_init(&text, METRICS_TEXT_MAX);
	live_metrics(supervisor, &text);
	if (text.failed)
		control_error(c, "metrics: out of memory");
	else
		control_line(c, json_pack("{s:s}", "text", buf_string(&text)));
	buf_free(&text);
}
