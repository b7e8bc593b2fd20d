// SPDX-License-Identifier: MIT
#include "policy/place.h"

#include "lib/json.h"

#include <stddef.h>

/* instead: where an envelope has what does not stand where the value would (envelope.h). */
static const struct {
	const char *path, *instead;
} places[SLUICE_FIELD_COUNT] = {
	[SLUICE_FIELD_SOURCE_IP] = {"source.ip", "source.address"},
	[SLUICE_FIELD_SOURCE_PORT] = {"source.port", "sluice.source_port"},
	[SLUICE_FIELD_DESTINATION_IP] = {"destination.ip", "destination.address"},
	[SLUICE_FIELD_DESTINATION_PORT] = {"destination.port", "sluice.destination_port"},
	[SLUICE_FIELD_VIRTUAL_SYSTEM] = {"sluice.virtual_system", NULL},
	[SLUICE_FIELD_APPLICATION] = {"network.application", NULL},
	[SLUICE_FIELD_USER] = {"user.name", "user.hash"},
	[SLUICE_FIELD_URL] = {"url.original", NULL},
	[SLUICE_FIELD_FILENAME] = {"file.name", "file.extension"},
	[SLUICE_FIELD_EMAIL_SENDER] = {"email.from.address", NULL},
	[SLUICE_FIELD_EMAIL_RECIPIENT] = {"email.to.address", NULL},
	[SLUICE_FIELD_EMAIL_SUBJECT] = {"email.subject", NULL},
};

json_t *place_seen(const json_t *line, enum sluice_field field)
{
	return json_at(line, places[field].path);
}

json_t *place_sent(const json_t *envelope, enum sluice_field field)
{
	json_t *v = json_at(envelope, places[field].path);

	return v || !places[field].instead ? v : json_at(envelope, places[field].instead);
}
