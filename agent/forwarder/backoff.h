/* SPDX-License-Identifier: MIT */
/*
 * How long to wait before trying again.
 */
#ifndef SLUICE_FORWARDER_BACKOFF_H
#define SLUICE_FORWARDER_BACKOFF_H

#include <stdint.h>

/*
 * Milliseconds to wait after the nth failure in a row (from 1): min seconds,
 * doubled with each, max at most, less up to half of it at random (so that a cloud that
 * comes back does not meet everybody at once), but never less than min.
 */
int64_t backoff_delay(uint32_t min, uint32_t max, uint32_t n, uint32_t random);

#endif
