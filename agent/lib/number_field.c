// SPDX-License-Identifier: MIT
#include "lib/number_field.h"

uint64_t number_field_load(const struct number_field *f, const void *base)
{
	const void *p = (const uint8_t *)base + f->offset;

	switch (f->size) {
	case 1:
		return *(const uint8_t *)p;
	case 2:
		return *(const uint16_t *)p;
	case 4:
		return *(const uint32_t *)p;
	default:
		return *(const uint64_t *)p;
	}
}

bool number_field_store(const struct number_field *f, void *base, uint64_t v)
{
	void *p = (uint8_t *)base + f->offset;

	if (v > f->max)
		return false;
	switch (f->size) {
	case 1:
		*(uint8_t *)p = (uint8_t)v;
		break;
	case 2:
		*(uint16_t *)p = (uint16_t)v;
		break;
	case 4:
		*(uint32_t *)p = (uint32_t)v;
		break;
	default:
		*(uint64_t *)p = v;
	}
	return true;
}
