/* SPDX-License-Identifier: MIT */
/*
 * Where clouds are: the regions of the public WildFire clouds, which are data (regions.conf,
 * built in), and names that an operator gives to the places of others.
 */
#ifndef SLUICE_CLOUD_REGION_H
#define SLUICE_CLOUD_REGION_H

#include <stdbool.h>
#include <stddef.h>

#define REGION_NAME_MAX 32
#define REGION_URL_PATH "/publicapi" /* of the API, on each of the hosts */

struct region {
	char name[REGION_NAME_MAX];
	char host[128];
	char place[64]; /* in words */
};

/* Goes through the table, from *at NULL on; false at its end. */
bool region_next(const char **at, struct region *r);
/* The region of that name, with the host that is used; false: there is none. */
bool region_find(const char *name, struct region *r);
/* The region that the host of a URL is of; false: it is no host of the table. */
bool region_of_url(const char *url, struct region *r);
/* Whether a place can have that name: 1 to 31 letters a-z, digits and -. */
bool region_name_good(const char *name);
/* The names, for messages. */
const char *region_names(void);

#endif
