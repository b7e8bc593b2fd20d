/* SPDX-License-Identifier: MIT */
/*
 * Frames of a capture file, read by libpcap.
 */
#ifndef SLUICE_SOURCE_PCAP_H
#define SLUICE_SOURCE_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pcap_frame {
	int link;	  /* DLT_ number */
	const uint8_t *p; /* valid until the next call */
	size_t len;	  /* bytes captured */
	size_t wire_len;  /* bytes on the wire */
	uint64_t time;	  /* ns since the epoch */
};

enum pcap_next { PCAP_FRAME, PCAP_END, PCAP_FAILED };

struct pcap_source;

#define PCAP_ERROR_MAX 512

/* "-": standard input.  NULL with a sentence in error: names the file and what is wrong. */
struct pcap_source *pcap_source_open(const char *path, char error[static PCAP_ERROR_MAX]);
void pcap_source_close(struct pcap_source *s);

/* PCAP_FAILED: cut or broken from here on; error says where and how. */
enum pcap_next pcap_source_next(struct pcap_source *s, struct pcap_frame *f,
				char error[static PCAP_ERROR_MAX]);

#endif
