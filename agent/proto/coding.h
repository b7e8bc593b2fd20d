/* SPDX-License-Identifier: MIT */
/*
 * Content codings undone: a chain of decoders, each with its own limits.
 *
 * gzip, deflate (with and without zlib's header), br, zstd (RFC 9110 §8.4.1, RFC 1950
 * to 1952, RFC 7932, RFC 8878), and lzma as some clients took it.  What clients forgive is
 * forgiven: a wrong or missing checksum, bytes behind the end, a missing header, one of gzip
 * and deflate announced and the other sent, and a body that was announced as coded and is not.
 */
#ifndef SLUICE_PROTO_CODING_H
#define SLUICE_PROTO_CODING_H

#include "lib/sighting.h"
#include "proto/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct coding;

/* Takes decoded bytes; false: nothing more is wanted, decoding stops. */
typedef bool coding_sink(void *arg, const uint8_t *p, size_t n);

/*
 * True when the value of Content-Encoding names a coding that can be undone.
 * Unknown names are passed over: such a body is kept as it was transferred.
 */
bool coding_needed(const char *list, size_t n);

/*
 * A chain for a value of Content-Encoding (several fields joined by commas, in
 * the order they were applied).  limits is borrowed.  More layers than allowed: the
 * first byte ends in FILE_REASON_BOMB.  NULL when out of memory.
 */
struct coding *coding_new(const struct decode_limits *limits, const char *list, size_t n,
			  coding_sink *sink, void *arg);
void coding_free(struct coding *c);

/*
 * Coded bytes in.  FILE_REASON_NONE; FILE_REASON_DECODE: broken beyond what is
 * forgiven; FILE_REASON_BOMB: past a limit.  A reason stays.
 */
enum file_reason coding_data(struct coding *c, const uint8_t *p, size_t n);
/* Codings undone; what turned out not to be coded is none. */
uint32_t coding_layers(const struct coding *c);
/* Every layer saw the end its format marks. */
bool coding_has_end(const struct coding *c);
/* No more will come: FILE_REASON_DECODE when a layer had not seen its end. */
enum file_reason coding_end(struct coding *c);

#endif
