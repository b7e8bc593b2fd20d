// SPDX-License-Identifier: MIT
#include "supervisor/metrics.h"

#include <inttypes.h>
#include <string.h>

/* Text of a help line, or in a label's quotes. */
static void escaped(struct buf *out, const char *text, bool label)
{
	for (; *text; text++) {
		if (*text == '\\' || (label && *text == '"'))
			buf_add(out, "\\", 1);
		if (*text == '\n')
			buf_add(out, "\\n", 2);
		else
			buf_add(out, text, 1);
	}
}

/* The two lines before the samples of a metric; end: "_total" of a counter. */
static void family(struct buf *out, const char *kind, const char *name, const char *end,
		   const char *help)
{
	buf_printf(out, "# HELP sluice_%s%s%s ", kind, name, end);
	escaped(out, help, false);
	buf_printf(out, "\n# TYPE sluice_%s%s%s %s\n", kind, name, end,
		   strcmp(end, "_total") == 0 ? "counter" : "gauge");
}

static void sample(struct buf *out, const char *kind, const char *name, const char *end,
		   const char *label, const char *value, uint64_t n)
{
	buf_printf(out, "sluice_%s%s%s{%s=\"", kind, name, end, label);
	escaped(out, value, true);
	buf_printf(out, "\"} %" PRIu64 "\n", n);
}

static void counters(const struct metrics *m, struct buf *out)
{
	for (unsigned int i = 0; i < COUNTER_COUNT; i++) {
		family(out, "", counter_name(i), "_total", counter_help(i));
		buf_printf(out, "sluice_%s_total %" PRIu64 "\n", counter_name(i),
			   m->counters->value[i]);
	}
}

static void clouds(const struct metrics *m, struct buf *out)
{
	for (unsigned int k = 0; k < TALLY_CLOUD_COUNT; k++) {
		family(out, "cloud_", tally_cloud_name(k), "_total", tally_cloud_help(k));
		for (size_t i = 0; i < m->c->clouds; i++)
			sample(out, "cloud_", tally_cloud_name(k), "_total", "cloud",
			       m->c->cloud[i].name, m->tally->cloud[i][k]);
	}
	family(out, "cloud_", "waiting", "", TALLY_WAITING_HELP);
	for (size_t i = 0; i < m->c->clouds; i++)
		sample(out, "cloud_", "waiting", "", "cloud", m->c->cloud[i].name,
		       m->tally->waiting[i]);
}

/* Where the configuration has such a quota. */
static void quotas(const struct metrics *m, struct buf *out)
{
	for (unsigned int q = 0; q < CLOUD_QUOTA_COUNT; q++) {
		const char *name = cloud_quota_name(q);

		family(out, "cloud_", name, "_used", "requests made in this span of the quota");
		for (size_t i = 0; i < m->c->clouds; i++)
			if (m->c->cloud[i].quota[q])
				sample(out, "cloud_", name, "_used", "cloud",
				       m->c->cloud[i].name,
				       cloud_state_used(&m->state[i], q, m->now));
		family(out, "cloud_", name, "_limit", "the quota");
		for (size_t i = 0; i < m->c->clouds; i++)
			if (m->c->cloud[i].quota[q])
				sample(out, "cloud_", name, "_limit", "cloud",
				       m->c->cloud[i].name, m->c->cloud[i].quota[q]);
	}
	family(out, "cloud_", "paused_seconds", "", "how much longer the cloud is left alone");
	for (size_t i = 0; i < m->c->clouds; i++)
		sample(out, "cloud_", "paused_seconds", "", "cloud", m->c->cloud[i].name,
		       cloud_state_paused(&m->state[i], m->now));
}

static void types(const struct metrics *m, struct buf *out)
{
	for (unsigned int k = 0; k < TALLY_TYPE_COUNT; k++) {
		family(out, "type_", tally_type_name(k), "_total", tally_type_help(k));
		for (size_t i = 0; i < tally_type_places(m->c); i++)
			sample(out, "type_", tally_type_name(k), "_total", "type",
			       tally_type_label(m->c, i),
			       tally_type_counts(m->tally, m->c, i)[k]);
	}
}

static void reasons(const struct metrics *m, struct buf *out)
{
	family(out, "", "unsent", "_total", TALLY_UNSENT_HELP);
	for (unsigned int i = 0; i < TALLY_REASON_COUNT; i++)
		sample(out, "", "unsent", "_total", "reason", tally_reason_text(i),
		       m->tally->unsent[i]);
}

static void logs(const struct metrics *m, struct buf *out)
{
	const struct sinks *k = m->sinks;

	if (!k || !k->count)
		return;
	for (unsigned int f = 0; f < SINK_FIGURE_COUNT; f++) {
		family(out, "log_", sink_figure_name(f), "_total", sink_figure_help(f));
		for (size_t i = 0; i < k->count; i++)
			sample(out, "log_", sink_figure_name(f), "_total", "log",
			       k->sink[i].config->name, k->sink[i].figure[f]);
	}
	family(out, "log_", "waiting", "", SINK_WAITING_HELP);
	for (size_t i = 0; i < k->count; i++)
		sample(out, "log_", "waiting", "", "log", k->sink[i].config->name,
		       k->sink[i].waiting);
	family(out, "log_", "open", "", SINK_OPEN_HELP);
	for (size_t i = 0; i < k->count; i++)
		sample(out, "log_", "open", "", "log", k->sink[i].config->name, k->sink[i].up);
}

static void processes(const struct metrics *m, struct buf *out)
{
	static const char *const role[] = {"inspector", "forwarder", "log"};
	enum { ROLES = sizeof(role) / sizeof(role[0]) };
	uint64_t running[ROLES] = {0}, restarts[ROLES] = {0};

	for (size_t i = 0; i < m->children; i++) {
		size_t r = 0;

		while (r < ROLES - 1 && strcmp(m->child[i].role, role[r]))
			r++;
		running[r] += m->child[i].pid != 0;
		restarts[r] += m->child[i].restarts;
	}
	family(out, "", "processes", "", "processes that run now");
	for (size_t r = 0; r < ROLES; r++)
		sample(out, "", "processes", "", "role", role[r], running[r]);
	family(out, "", "process_restarts", "_total", "processes that were started again");
	for (size_t r = 0; r < ROLES; r++)
		sample(out, "", "process_restarts", "_total", "role", role[r], restarts[r]);
}

static void spool(const struct metrics *m, struct buf *out)
{
	if (!m->spool)
		return;
	family(out, "", "spool_bytes", "", "bytes of the samples in the spool");
	buf_printf(out, "sluice_spool_bytes %" PRIu64 "\n", m->spool->bytes);
	family(out, "", "spool_files", "", "samples in the spool");
	buf_printf(out, "sluice_spool_files %" PRIu64 "\n", m->spool->files);
}

void metrics_render(const struct metrics *m, struct buf *out)
{
	counters(m, out);
	clouds(m, out);
	quotas(m, out);
	types(m, out);
	reasons(m, out);
	logs(m, out);
	processes(m, out);
	spool(m, out);
}
