// SPDX-License-Identifier: MIT
#include "lib/size.h"

#include <stdio.h>
#include <string.h>

static const char units_known[] = "KMG";

bool size_parse(const char *text, bool units, uint64_t *number)
{
	const char *unit;
	uint64_t n = 0;
	size_t i;

	for (i = 0; text[i] >= '0' && text[i] <= '9'; i++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(text[i] - '0'), &n))
			return false;
	if (i == 0)
		return false;
	if (units && text[i] && (unit = strchr(units_known, text[i]))) {
		unsigned int shift = 10 * (unsigned int)(unit - units_known + 1);

		if (n > UINT64_MAX >> shift)
			return false;
		n <<= shift;
		i++;
	}
	*number = n;
	return text[i] == '\0';
}

const char *size_text(uint64_t n, char text[static SIZE_TEXT_MAX])
{
	size_t unit = 0;

	while (n && n % 1024 == 0 && unit < strlen(units_known)) {
		n /= 1024;
		unit++;
	}
	if (n == UINT64_MAX)
		snprintf(text, SIZE_TEXT_MAX, "none");
	else if (unit)
		snprintf(text, SIZE_TEXT_MAX, "%llu%c", (unsigned long long)n,
			 units_known[unit - 1]);
	else
		snprintf(text, SIZE_TEXT_MAX, "%llu", (unsigned long long)n);
	return text;
}
