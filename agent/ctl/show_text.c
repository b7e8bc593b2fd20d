// SPDX-License-Identifier: MIT
#include "ctl/show.h"

#include "ctl/filter.h"
#include "ctl/sighting_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL 12 /* columns */
#define TEXT_MAX 65536

/* A line "label  value", harmless; nothing where the value is empty. */
static void line(const char *indent, const char *label, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void line(const char *indent, const char *label, const char *format, ...)
{
	struct buf clean;
	char *text;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return;
	buf_init(&clean, 16 * TEXT_MAX);
	display_clean(&clean, text, (size_t)n);
	if (n)
		printf("%s%-*s %s\n", indent, LABEL, label, buf_string(&clean));
	buf_free(&clean);
	free(text);
}

/* A line above others, its first part bold. */
static void heading(const char *kind, const char *what, const char *more)
{
	struct buf clean;

	buf_init(&clean, 16 * TEXT_MAX);
	display_clean(&clean, what, strlen(what));
	printf("\n%s%s%s%s", ctl_colour(COLOUR_BOLD), kind, buf_string(&clean),
	       ctl_colour_end());
	buf_reset(&clean);
	display_clean(&clean, more, strlen(more));
	printf("%s%s\n", *more ? "  " : "", buf_string(&clean));
	buf_free(&clean);
}

static const char *text_of(const json_t *j, const char *path)
{
	const char *text = json_text_at(j, path);

	return text ? text : "";
}

/* Texts of an array, with commas. */
static const char *list(const json_t *array, char text[static TEXT_MAX])
{
	size_t n = 0, i;
	const json_t *v;

	text[0] = 0;
	json_array_foreach((json_t *)array, i, v)
	{
		const char *word = json_string_value(v);

		if (word && n < TEXT_MAX)
			n += (size_t)snprintf(text + n, TEXT_MAX - n, "%s%s", n ? ", " : "",
					      word);
	}
	return text;
}

static json_int_t number_of(const json_t *j, const char *path)
{
	return json_integer_value(json_at(j, path));
}

/* ------------------------------------------------------------- one sighting */

/* "192.0.2.7:80 (seen as 198.51.100.1:1025), opener, user alice, zone trust, interface eth0" */
static void end_line(const json_t *s, const char *label, const char *end, const char *way)
{
	static char text[TEXT_MAX];
	const json_t *e = json_object_get(s, end), *w = json_at(s, way);
	char address[END_TEXT_MAX], nat[END_TEXT_MAX];
	const char *user = json_text_at(e, "user.name"), *zone = json_text_at(w, "zone"),
		   *interface = json_text_at(w, "interface.name");

	end_text(e, address);
	end_text(json_object_get(e, "nat"), nat);
	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s%s%s%s%s%s", address,
		 *nat ? " (seen as " : "", nat, *nat ? ")" : "",
		 !e					       ? ""
		 : json_equal(e, json_object_get(s, "client")) ? ", opener"
							       : ", answerer",
		 user ? ", user " : "", user ? user : "", zone ? ", zone " : "",
		 zone ? zone : "", interface ? ", interface " : "", interface ? interface : "",
		 "");
	line("  ", label, "%s", text);
}

static void mail_lines(const json_t *s)
{
	static char text[TEXT_MAX];

	line("  ", "mail from", "%s", list(json_at(s, "email.from.address"), text));
	line("  ", "mail to", "%s", list(json_at(s, "email.to.address"), text));
	line("  ", "subject", "%s", text_of(s, "email.subject"));
	line("  ", "message id", "%s", text_of(s, "email.message_id"));
	line("  ", "envelope from", "%s", text_of(s, "sluice.smtp.mail_from"));
	line("  ", "envelope to", "%s", list(json_at(s, "sluice.smtp.rcpt_to"), text));
}

static void http_lines(const json_t *s)
{
	json_int_t status = number_of(s, "http.response.status_code");

	if (status)
		line("  ", "http", "%s, status %" JSON_INTEGER_FORMAT,
		     text_of(s, "http.request.method"), status);
	else
		line("  ", "http", "%s", text_of(s, "http.request.method"));
	line("  ", "referrer", "%s", text_of(s, "http.request.referrer"));
	line("  ", "user agent", "%s", text_of(s, "user_agent.original"));
	line("  ", "content type", "%s", text_of(s, "file.mime_type"));
}

static void state_line(const json_t *s)
{
	const char *state = text_of(s, "sluice.file.state"), *reason = state_text(s);
	json_int_t missing = number_of(s, "sluice.file.missing");

	if (!strcmp(state, reason))
		line("  ", "state", "%s", state);
	else if (missing)
		line("  ", "state", "%s: %s, %" JSON_INTEGER_FORMAT " bytes missing", state,
		     reason, missing);
	else
		line("  ", "state", "%s: %s", state, reason);
}

static void sighting_text(const json_t *s)
{
	static char text[TEXT_MAX];
	char time[TIME_TEXT_MAX];

	heading("", time_local(text_of(s, "@timestamp"), false, time), text_of(s, "event.id"));
	line("  ", "direction", "%s", text_of(s, "sluice.direction"));
	end_line(s, "sender", "source", "observer.ingress");
	end_line(s, "receiver", "destination", "observer.egress");
	line("  ", "application", "%s", text_of(s, "network.application"));
	line("  ", "user", "%s", text_of(s, "user.name"));
	line("  ", "login", "%s", text_of(s, "sluice.login"));
	line("  ", "vsys", "%s", text_of(s, "sluice.virtual_system"));
	line("  ", "name", "%s", text_of(s, "file.name"));
	line("  ", "path", "%s", text_of(s, "file.path"));
	line("  ", "share", "%s", text_of(s, "sluice.share"));
	line("  ", "in archive", "%s", text_of(s, "sluice.file.container.sha256"));
	line("  ", "member", "%s", text_of(s, "sluice.file.container.path"));
	line("  ", "url", "%s", text_of(s, "url.original"));
	http_lines(s);
	mail_lines(s);
	line("  ", "command", "%s", text_of(s, "sluice.command"));
	state_line(s);
	line("  ", "cut", "%s", list(json_at(s, "sluice.cut"), text));
	line("  ", "rule", "%s", text_of(s, "rule.name"));
}

/* ----------------------------------------------------------------- clouds */

/* The WildFire API's words for its numbers. */
static const char *verdict_text(json_int_t verdict)
{
	switch (verdict) {
	case 0:
		return "benign";
	case 1:
		return "malware";
	case 2:
		return "grayware";
	case 4:
		return "phishing";
	case 5:
		return "command and control";
	case -100:
		return "pending";
	case -101:
		return "error";
	case -102:
		return "unknown";
	case -103:
		return "invalid hash";
	case -104:
		return "flawed submission";
	default:
		return "no known verdict";
	}
}

static void submission_text(const json_t *s)
{
	static char text[TEXT_MAX];
	const json_t *verdict = json_object_get(s, "verdict");
	const char *state = text_of(s, "state");
	json_int_t v = json_integer_value(verdict);
	char time[TIME_TEXT_MAX];

	if (json_is_true(json_object_get(s, "more"))) {
		printf("\nand older submissions\n");
		return;
	}
	heading("cloud ", text_of(s, "cloud"), text_of(s, "sighting"));
	line("  ", "queued", "%s", time_local_ms(number_of(s, "queued"), time));
	line("  ", "priority", "%s", text_of(s, "priority"));
	if (!strcmp(state, "ended"))
		line("  ", "outcome", "%s, %s", text_of(s, "outcome"),
		     time_local_ms(number_of(s, "ended"), time));
	else
		line("  ", "outcome", "%s",
		     !strcmp(state, "outbox") ? "none yet: waits for the forwarder"
					      : "none yet: the forwarder has it");
	if (verdict) {
		fputs(v == 0  ? ctl_colour(COLOUR_GREEN)
		      : v > 0 ? ctl_colour(COLOUR_RED)
			      : "",
		      stdout);
		line("  ", "verdict", "%s (%" JSON_INTEGER_FORMAT ")", verdict_text(v), v);
		fputs(ctl_colour_end(), stdout);
	}
	line("  ", "detail", "%s", text_of(s, "detail"));
	if (json_is_false(json_object_get(s, "policy_readable")))
		line("  ", "policy", "could not be read: every field withheld");
	else if (json_array_size(json_object_get(s, "withheld")))
		line("  ", "policy", "all shared but %s",
		     list(json_object_get(s, "withheld"), text));
	else
		line("  ", "policy", "all twelve fields shared");
}

static void clouds_text(const json_t *sample)
{
	const json_t *sent = json_object_get(sample, "submissions"), *v;
	const json_t *envelopes = json_object_get(sample, "envelopes");
	size_t i;

	if (envelopes) {
		if (!json_array_size(envelopes))
			printf("\nno envelope: no rule sends it to a cloud\n");
		json_array_foreach((json_t *)envelopes, i, v)
		{
			printf("\n%scloud %s%s\n", ctl_colour(COLOUR_BOLD), text_of(v, "cloud"),
			       ctl_colour_end());
			line("  ", "envelope", "%s", text_of(v, "path"));
		}
	} else if (json_is_array(sent)) {
		if (!json_array_size(sent))
			printf("\nnever sent to a cloud, or forgotten by the agent\n");
		json_array_foreach((json_t *)sent, i, v) submission_text(v);
	} else {
		printf("\nagent not running: clouds unknown\n");
	}
}

/* ----------------------------------------------------------------- sample */

static void spool_line(const json_t *spool)
{
	const char *error = json_text_at(spool, "error");

	line("", "spool", "%s%s%s%s", text_of(spool, "path"), error ? ", " : "",
	     error ? error : "",
	     error					       ? ""
	     : json_is_true(json_object_get(spool, "present")) ? ""
							       : ", not there");
}

static void archive_lines(const json_t *sample)
{
	char size[SIGHTING_SIZE_MAX];
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(sample, "archives"), i, v)
		line("", i ? "" : "out of", "%s  %s", text_of(v, "sha256"), text_of(v, "path"));
	json_array_foreach(json_object_get(sample, "members"), i, v) line(
		"", i ? "" : "members", "%s  %s  %s  %s",
		json_text_at(v, "sha256") ? text_of(v, "sha256") : "(not whole)",
		json_text_at(v, "type") ? text_of(v, "type") : "-",
		sighting_size_text((uint64_t)number_of(v, "size"), size), text_of(v, "path"));
}

int show_text(json_t *sample)
{
	static char text[TEXT_MAX];
	const json_t *sightings, *v;
	char first[TIME_TEXT_MAX], last[TIME_TEXT_MAX];
	json_int_t seen;
	size_t i;

	if (!sample) {
		ctl_error("out of memory");
		return CTL_FAILED;
	}
	sightings = json_object_get(sample, "sightings");
	seen = number_of(sample, "seen");
	line("", "sha256", "%s", text_of(sample, "sha256"));
	line("", "type", "%s", text_of(sample, "type"));
	line("", "format", "%s", text_of(sample, "format"));
	if (json_object_get(sample, "size"))
		line("", "size", "%" JSON_INTEGER_FORMAT " bytes", number_of(sample, "size"));
	line("", "traits", "%s", list(json_object_get(sample, "traits"), text));
	spool_line(json_object_get(sample, "spool"));
	archive_lines(sample);
	if (seen)
		line("", "seen", "%" JSON_INTEGER_FORMAT " time%s, first %s, last %s", seen,
		     seen == 1 ? "" : "s", time_local(text_of(sample, "first"), false, first),
		     time_local(text_of(sample, "last"), false, last));
	else
		line("", "seen", "in no log that is here");
	if ((size_t)seen > json_array_size(sightings))
		line("", "", "the last %zu follow", json_array_size(sightings));
	json_array_foreach((json_t *)sightings, i, v) sighting_text(v);
	clouds_text(sample);
	json_decref(sample);
	return CTL_OK;
}
