// SPDX-License-Identifier: MIT
/*
 * What policy costs a request, by preset: JSON with microseconds of deciding (the cloud's
 * policy and as many [narrow] sections as can be), of the policy's document and id, and of the
 * envelope with the upload's name; and, beside them, of hashing a sample of 100 kB.
 */
#include "clock.h"
#include "policy/envelope.h"
#include "policy/preset.h"
#include "supervisor/sharing.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 5000
#define SAMPLE 100000

static void text(struct sighting *s, enum sighting_text which, const char *p)
{
	sighting_set(s, which, p, strlen(p));
}

static void end(struct endpoint *e, const char *ip, uint16_t port)
{
	if (!inet_parse(ip, e))
		exit(1);
	e->port = port;
}

/* An attachment that came by web mail: all twelve fields have a value. */
static void fill(struct sighting *s)
{
	sighting_init(s);
	end(&s->session.end[DIR_OPENER], "10.1.2.3", 41234);
	end(&s->session.end[DIR_ANSWERER], "192.0.2.80", 443);
	s->direction = DIRECTION_DOWNLOAD;
	s->state = FILE_STATE_COMPLETE;
	s->size = s->seen = SAMPLE;
	text(s, SIGHTING_VIRTUAL_SYSTEM, "vsys1");
	text(s, SIGHTING_APPLICATION, "web-browsing");
	text(s, SIGHTING_USER, "example\\alice");
	text(s, SIGHTING_URL, "https://files.example/dir/report.exe?session=0123456789");
	text(s, SIGHTING_FILENAME, "report.exe");
	text(s, SIGHTING_EMAIL_SENDER, "bob@example.org");
	text(s, SIGHTING_EMAIL_RECIPIENT, "alice@example.net\ncarol@example.net");
	text(s, SIGHTING_EMAIL_SUBJECT, "the quarter's figures");
	text(s, SIGHTING_FILE_TYPE, "pe");
	text(s, SIGHTING_RULE, "rule-c");
}

struct cost {
	double decide, document, envelope;
};

/* One request's, added up; exits where something fails, so that nothing fast is measured. */
static void request(const struct config *c, const struct sighting *s, struct cost *cost)
{
	struct envelope_report report = {0};
	struct counters counters = {0};
	struct sharing sharing;
	struct policy policy;
	double begin = clock_us();
	struct buf out, name;

	policy = sharing_policy(c, NULL, 0, s);
	cost->decide += clock_us() - begin;
	begin = clock_us();
	if (!sharing_begin(&sharing, c, 0, &policy, &counters))
		exit(1);
	cost->document += clock_us() - begin;
	begin = clock_us();
	buf_init(&out, 1 << 20);
	buf_init(&name, 4096);
	if (!envelope_render(s, &sharing.policy, &sharing.context, &out, &report) ||
	    !envelope_upload_name(s, &sharing.policy, &name))
		exit(1);
	buf_free(&out);
	buf_free(&name);
	cost->envelope += clock_us() - begin;
	sharing_end(&sharing);
}

static void hash_sample(double *us)
{
	static uint8_t sample[SAMPLE];
	uint8_t digest[EVP_MAX_MD_SIZE];
	double begin = clock_us();

	if (!EVP_Digest(sample, sizeof(sample), digest, NULL, EVP_sha256(), NULL))
		exit(1);
	*us += clock_us() - begin;
}

int main(void)
{
	struct cost cost[8] = {0};
	struct config *c = calloc(1, sizeof(*c));
	struct policy_keys *keys = calloc(1, sizeof(*keys));
	struct sighting s;
	double sample = 0;

	if (!c || !keys || preset_count > sizeof(cost) / sizeof(cost[0]))
		return 1;
	strcpy(c->cloud[0].name, "wildfire");
	c->clouds = 1;
	c->has_share[0] = true;
	keys->count = 1;
	strcpy(keys->key[0].id, "k1");
	c->policy_keys[0] = keys;
	for (; c->narrows < NARROWS_MAX; c->narrows++) {
		struct narrow *n = &c->narrow[c->narrows];

		n->list[NARROW_RULE] = strdup("rule-a, rule-b, rule-c");
		n->list[NARROW_FILE_TYPE] = strdup("script, pdf, ms-office");
		if (!n->list[NARROW_RULE] || !n->list[NARROW_FILE_TYPE])
			return 1;
		n->policy = policy_all(POLICY_SHARE);
	}
	fill(&s);
	/* In turns, so that what else the machine does is shared by all. */
	for (size_t i = 0; i < ROUNDS; i++) {
		for (size_t p = 0; p < preset_count; p++) {
			if (!preset_find(presets[p].name, &c->share[0]))
				return 1;
			request(c, &s, &cost[p]);
		}
		hash_sample(&sample);
	}
	printf("{\"sample_us\": %.2f", sample / ROUNDS);
	for (size_t p = 0; p < preset_count; p++)
		printf(", \"%s\": {\"decide_us\": %.2f, \"document_us\": %.2f, "
		       "\"envelope_us\": %.2f}",
		       presets[p].name, cost[p].decide / ROUNDS, cost[p].document / ROUNDS,
		       cost[p].envelope / ROUNDS);
	printf("}\n");
	return 0;
}
