/* SPDX-License-Identifier: MIT */
/*
 * Numbers of bytes as operators write them: 3072K, 16M, 2G (powers of 1024).
 */
#ifndef SLUICE_LIB_SIZE_H
#define SLUICE_LIB_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A decimal number, with K, M or G behind it where units are allowed, and nothing else. */
bool size_parse(const char *text, bool units, uint64_t *n);

/* The shortest such text of a number: 16M, not 16384K; UINT64_MAX is "none". */
#define SIZE_TEXT_MAX 24
const char *size_text(uint64_t n, char text[static SIZE_TEXT_MAX]);

#endif
