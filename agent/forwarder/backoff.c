// SPDX-License-Identifier: MIT
#include "forwarder/backoff.h"

int64_t backoff_delay(uint32_t min, uint32_t max, uint32_t n, uint32_t random)
{
	int64_t low = (int64_t)min * 1000, high = (int64_t)max * 1000, delay = low;

	while (n-- > 1 && delay < high)
		delay *= 2;
	if (delay > high)
		delay = high;
	delay -= delay / 2 * (random >> 16) / UINT16_MAX;
	return delay > low ? delay : low;
}
