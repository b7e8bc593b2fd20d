// SPDX-License-Identifier: MIT
#include "supervisor/overload.h"

#include "lib/buf.h"
#include "lib/log.h"

#include <inttypes.h>
#include <string.h>

static void refuse(struct overload *o, const struct cloud_config *cloud, size_t i)
{
	o->refused[i]++;
	if (o->full[i])
		return;
	o->full[i] = true;
	log_warning("cloud %s: its reserve is full, %" PRIu32 " submissions wait: what comes "
		    "meanwhile is not sent there",
		    cloud->name, cloud->reserve);
}

uint64_t overload_take(struct overload *o, const struct config *c, const struct tally *t,
		       uint64_t clouds)
{
	uint64_t refused = 0;

	for (size_t i = 0; i < c->clouds; i++) {
		if (!(clouds & 1ull << i))
			continue;
		if (t->waiting[i] + o->coming[i] < c->cloud[i].reserve) {
			o->coming[i]++;
		} else {
			refuse(o, &c->cloud[i], i);
			refused |= 1ull << i;
		}
	}
	return refused;
}

void overload_name(const struct config *c, uint64_t clouds, struct sighting *s)
{
	struct buf names;

	buf_init(&names, CLOUD_MAX * CLOUD_NAME_MAX);
	for (size_t i = 0; i < c->clouds; i++)
		if (clouds & 1ull << i)
			buf_printf(&names, "%s%s", names.len ? "\n" : "", c->cloud[i].name);
	sighting_set(s, SIGHTING_OVERLOAD, names.data, names.len);
	buf_free(&names);
}

/* Said when a tenth is free: one that stays nearly full would say it again and again. */
void overload_settled(struct overload *o, const struct config *c, const struct tally *t)
{
	memset(o->coming, 0, sizeof(o->coming));
	for (size_t i = 0; i < c->clouds; i++) {
		uint64_t reserve = c->cloud[i].reserve;

		if (!o->full[i] || t->waiting[i] > reserve - (reserve + 9) / 10)
			continue;
		log_info("cloud %s: its reserve has room again; %" PRIu64
			 " submissions were not accepted meanwhile",
			 c->cloud[i].name, o->refused[i]);
		o->full[i] = false;
		o->refused[i] = 0;
	}
}
