// SPDX-License-Identifier: MIT
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "fault.h"
#include "front.h"
#include "reqlog.h"
#include "store.h"

#define CONTROL_VALUE_MAX 1024

static bool control_number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return end != text && !*end && *text != '-' && !errno;
}

const char *control_set(const char *name, const char *value)
{
	struct store_pending pending;
	uint64_t number;

	if (!strcmp(name, "pending")) {
		if (!store_parse_pending(value, &pending))
			return "pending: expected seconds (5) or requests (3r)";
		store_set_pending(pending);
	} else if (!strcmp(name, "quota")) {
		if (!control_number(value, &number))
			return "quota: expected a number of submissions, 0 for no limit";
		api_config.quota = number;
	} else if (!strcmp(name, "max-size")) {
		if (!control_number(value, &number) || number > (uint64_t)1 << 30)
			return "max-size: expected a number of bytes, at most 1073741824";
		api_config.max_size = number;
	} else if (!strcmp(name, "forget")) {
		if (strcmp(value, "yes") && strcmp(value, "no"))
			return "forget: expected yes or no";
		store_set_forgetful(!strcmp(value, "yes"));
	} else {
		return "unknown setting, expected pending, quota, max-size or forget";
	}
	return NULL;
}

const char *control_verdict(struct slice text, const char *word)
{
	char hash[BYTES_SHA256_HEX];
	int verdict;

	if (!store_parse_hash(text, hash) || strlen(hash) != BYTES_SHA256_HEX - 1)
		return "hash: expected 64 hexadecimal digits";
	if (!store_parse_verdict(word, &verdict))
		return "verdict: expected 0 1 2 4 5, -100 to -104, or its word";
	if (!store_set_verdict(hash, verdict, true))
		return "too many samples";
	return NULL;
}

static void control_error(struct answer *a, unsigned int status, const char *text)
{
	answer_json(a, status, json_pack("{s:s}", "error", text));
}

static void control_done(struct answer *a, const char *error)
{
	if (error)
		control_error(a, 400, error);
	else
		answer_json(a, 200, json_pack("{s:b}", "ok", 1));
}

/* A value as a C string, "" when absent; release with free(). */
static char *control_text(struct slice value)
{
	return bytes_dup(value.p, value.n < CONTROL_VALUE_MAX ? value.n : CONTROL_VALUE_MAX);
}

static void control_state(const struct form *form, const struct form *query, struct answer *a)
{
	struct front_counters counters = front_counters();
	json_t *received = json_object();
	struct store_sample *sample = NULL;
	json_int_t submissions = 0;

	(void)form;
	(void)query;
	while ((sample = store_next(sample))) {
		if (!sample->received)
			continue;
		json_object_set_new(received, sample->sha256, json_integer(sample->received));
		submissions += sample->received;
	}
	answer_json(a, 200,
		    json_pack("{s:o,s:I,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I}", "received", received,
			      "submissions", submissions, "samples", store_state(), "faults",
			      fault_state(), "requests",
			      (json_int_t)json_array_size(reqlog_list()), "quota_used",
			      (json_int_t)api_quota_used(), "quota",
			      (json_int_t)api_config.quota, "connections",
			      (json_int_t)counters.connections, "handshakes_failed",
			      (json_int_t)counters.handshakes_failed, "connections_refused",
			      (json_int_t)counters.refused));
}

static void control_requests(const struct form *form, const struct form *query,
			     struct answer *a)
{
	char *from = control_text(form_value(query, "from"));
	json_int_t first = strtoll(from, NULL, 10);
	json_t *list = json_array(), *entry;
	size_t i;

	(void)form;
	json_array_foreach(reqlog_list(), i, entry)
	{
		if (json_integer_value(json_object_get(entry, "seq")) >= first)
			json_array_append(list, entry);
	}
	answer_json(a, 200, list);
	free(from);
}

static void control_fail(const struct form *form, const struct form *query, struct answer *a)
{
	const char *error = form_find(form, "rule") ? NULL : "missing field rule";

	(void)query;
	for (size_t i = 0; i < form->nr && !error; i++) {
		char *rule = control_text(form->part[i].value);

		if (!slice_is(form->part[i].name, "rule"))
			error = "unknown field, expected rule";
		else if (!strcmp(rule, "none"))
			fault_clear();
		else
			error = fault_add(rule);
		free(rule);
	}
	control_done(a, error);
}

static void control_set_verdict(const struct form *form, const struct form *query,
				struct answer *a)
{
	char *verdict = control_text(form_value(form, "verdict"));

	(void)query;
	control_done(a, control_verdict(form_value(form, "hash"), verdict));
	free(verdict);
}

static void control_settings(const struct form *form, const struct form *query,
			     struct answer *a)
{
	const char *error = form->nr ? NULL : "nothing to set";

	(void)query;
	for (size_t i = 0; i < form->nr && !error; i++) {
		char *name = control_text(form->part[i].name);
		char *value = control_text(form->part[i].value);

		error = control_set(name, value);
		free(name);
		free(value);
	}
	control_done(a, error);
}

static void control_reset(const struct form *form, const struct form *query, struct answer *a)
{
	(void)form;
	(void)query;
	fault_clear();
	store_clear();
	reqlog_clear();
	api_reset();
	control_done(a, NULL);
}

static const struct {
	const char *method;
	const char *path;
	void (*answer)(const struct form *form, const struct form *query, struct answer *a);
} control_routes[] = {
	{"GET", "/control/state", control_state},
	{"GET", "/control/requests", control_requests},
	{"POST", "/control/fail", control_fail},
	{"POST", "/control/verdict", control_set_verdict},
	{"POST", "/control/set", control_settings},
	{"POST", "/control/reset", control_reset},
};

void control_answer(const char *method, const char *path, const struct form *form,
		    const struct form *query, struct answer *a)
{
	bool known = false;

	for (size_t i = 0; i < sizeof(control_routes) / sizeof(control_routes[0]); i++) {
		if (strcmp(path, control_routes[i].path))
			continue;
		known = true;
		if (!strcmp(method, control_routes[i].method)) {
			control_routes[i].answer(form, query, a);
			return;
		}
	}
	control_error(a, known ? 405 : 404, known ? "wrong method" : "no such control path");
}
