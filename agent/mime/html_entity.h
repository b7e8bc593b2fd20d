/* SPDX-License-Identifier: MIT */
/*
 * Character references of HTML, undone byte by byte.
 */
#ifndef SLUICE_MIME_HTML_ENTITY_H
#define SLUICE_MIME_HTML_ENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: nothing waits. */
struct html_entity {
	size_t len; /* of what began with "&" */
	char text[16];
};

typedef void html_entity_sink(void *arg, const uint8_t *p, size_t n);

void html_entity_byte(struct html_entity *e, uint8_t c, html_entity_sink *sink, void *arg);
/* The text ends: what waits is put out. */
void html_entity_end(struct html_entity *e, html_entity_sink *sink, void *arg);
void html_entity_reset(struct html_entity *e);

#endif
