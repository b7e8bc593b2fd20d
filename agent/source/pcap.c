// SPDX-License-Identifier: MIT
#include "source/pcap.h"

#include "stream/frame.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libpcap reads a frame at a time: large reads are made by stdio. */
#define READ_SIZE (1u << 20)

struct pcap_source {
	pcap_t *pcap;
	char *path;
	char *room;
	uint64_t frames;
};

static void unreadable(char *error, const char *path, const char *why)
{
	snprintf(error, PCAP_ERROR_MAX, "%s: cannot be read as a capture: %s", path, why);
}

static bool link_check(pcap_t *pcap, const char *path, char *error)
{
	int link = pcap_datalink(pcap);
	const char *name = pcap_datalink_val_to_name(link);

	if (frame_link_known(link))
		return true;
	snprintf(error, PCAP_ERROR_MAX, "%s: link type %d (%s) is not supported", path, link,
		 name ? name : "unknown");
	return false;
}

struct pcap_source *pcap_source_open(const char *path, char error[static PCAP_ERROR_MAX])
{
	bool standard = strcmp(path, "-") == 0;
	struct pcap_source *s = calloc(1, sizeof(*s));
	char why[PCAP_ERRBUF_SIZE];
	FILE *f = NULL;

	if (!s || !(s->path = strdup(standard ? "standard input" : path)) ||
	    !(s->room = malloc(READ_SIZE))) {
		unreadable(error, path, "out of memory");
		goto fail;
	}
	f = standard ? stdin : fopen(path, "re");
	if (!f) {
		unreadable(error, s->path, strerror(errno));
		goto fail;
	}
	setvbuf(f, s->room, _IOFBF, READ_SIZE);
	s->pcap = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!s->pcap) {
		unreadable(error, s->path, why);
		goto fail;
	}
	f = NULL; /* libpcap's now */
	if (!link_check(s->pcap, s->path, error))
		goto fail;
	return s;

fail:
	if (f && f != stdin)
		fclose(f);
	pcap_source_close(s);
	return NULL;
}

void pcap_source_close(struct pcap_source *s)
{
	if (!s)
		return;
	if (s->pcap)
		pcap_close(s->pcap);
	free(s->room);
	free(s->path);
	free(s);
}

enum pcap_next pcap_source_next(struct pcap_source *s, struct pcap_frame *f,
				char error[static PCAP_ERROR_MAX])
{
	struct pcap_pkthdr *h;
	const u_char *p;

	switch (pcap_next_ex(s->pcap, &h, &p)) {
	case 1:
		break;
	case PCAP_ERROR_BREAK: /* libpcap's word for the end of a file */
		return PCAP_END;
	default:
		snprintf(error, PCAP_ERROR_MAX, "%s: cannot be read beyond frame %llu: %s",
			 s->path, (unsigned long long)s->frames, pcap_geterr(s->pcap));
		return PCAP_FAILED;
	}
	s->frames++;
	*f = (struct pcap_frame){
		.link = pcap_datalink(s->pcap),
		.p = p,
		.len = h->caplen,
		.wire_len = h->len > h->caplen ? h->len : h->caplen,
		/* Nanoseconds stand where microseconds used to. */
		.time = (uint64_t)h->ts.tv_sec * 1000000000u + (uint64_t)h->ts.tv_usec,
	};
	return PCAP_FRAME;
}
