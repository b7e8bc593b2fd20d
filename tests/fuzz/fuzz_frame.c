// SPDX-License-Identifier: MIT
/*
 * Frames of a capture: decoder, fragments, sessions, TCP order, protocols.  An input is the
 * link type (a byte), then frames: length (big endian), bytes of it that the capture left
 * out, tenths of a second since the last one, the frame.
 */
#include "fuzz.h"

#include "stream/frame.h"
#include "stream/tracker.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct tracker_limits limits = {.sessions = 16, .idle = 60000000000ull};
	struct fuzz_input in = {p, n};
	int link = fuzz_u8(&in);
	uint64_t time = 1000000000;
	struct frame_decoder *decoder;
	struct tracker *tracker;
	struct fuzz_env env;

	if (link >= 240) /* numbers beyond a byte */
		link += 30;
	if (!frame_link_known(link))
		link = 1;
	fuzz_env_open(&env);
	decoder = frame_decoder_new(&env.counters);
	tracker = tracker_new(TRACKER_CAPTURE, &limits, &env.proto);
	MUST(decoder && tracker);
	while (in.n) {
		size_t len = fuzz_u16(&in);
		size_t cut = fuzz_u8(&in);
		struct fuzz_input part;
		struct frame f;
		uint8_t *copy;

		time += fuzz_u8(&in) * 100000000ull + 1000;
		part = fuzz_part(&in, len);
		copy = fuzz_copy(part);
		switch (frame_decode(decoder, link, copy, part.n, part.n + cut, time, &f)) {
		case FRAME_TCP:
			MUST(f.tcp.len <= f.tcp.wire_len);
			tracker_frame(tracker, &f);
			break;
		case FRAME_UDP:
			MUST(f.udp.len <= f.udp.wire_len);
			tracker_frame(tracker, &f);
			break;
		default:
			break;
		}
		free(copy);
	}
	tracker_finish(tracker);
	tracker_free(tracker);
	frame_decoder_free(decoder);
	fuzz_env_close(&env);
	return 0;
}
