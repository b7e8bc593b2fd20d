/* SPDX-License-Identifier: MIT */
/*
 * http and https URLs in a text or in HTML, pushed in pieces of any size.
 *
 * What a mail client makes a link of: in a text, what begins with a scheme, without the
 * punctuation and closing brackets that end the sentence around it; in HTML also
 * attributes that lead somewhere, entities decoded.  Bytes are UTF-8 (charset.h).
 */
#ifndef SLUICE_MIME_LINKS_H
#define SLUICE_MIME_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer one is not given on but as cut. */
#define LINK_MAX 2048

struct links;

/* url: as it stands there; cut: it is longer than LINK_MAX, n is its first bytes. */
typedef void links_sink(void *arg, const char *url, size_t n, bool cut);

/* NULL when out of memory. */
struct links *links_new(bool html, links_sink *sink, void *arg);
void links_data(struct links *l, const uint8_t *p, size_t n);
/* The text ends; frees l.  whole: here, and not because bytes are missing. */
void links_close(struct links *l, bool whole);

/*
 * The form of a URL that tells whether two are the same: scheme and host in lower case.
 * In place.
 */
void link_normalise(char *url, size_t n);

#endif
