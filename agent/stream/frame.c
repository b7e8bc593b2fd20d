// SPDX-License-Identifier: MIT
#include "stream/frame.h"

#include "lib/cursor.h"
#include "stream/fragment.h"

#include <netinet/in.h>
#include <pcap/dlt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LAYERS_MAX 40	  /* headers of one frame, extension headers and labels aside */
#define EXTENSIONS_MAX 16 /* IPv6 extension headers in a row */
#define LABELS_MAX 16	  /* MPLS labels in a row */
/* An IP length of 0 stands for offloaded packets; none is larger than this. */
#define OFFLOAD_MAX (1u << 20)

/* A number in one of the tables below, or an end. */
enum layer {
	LAYER_ETHERNET,
	LAYER_ETHERTYPE, /* by w->type */
	LAYER_LLC,
	LAYER_TOKEN_RING,
	LAYER_FDDI,
	LAYER_VLAN,
	LAYER_MPLS,
	LAYER_PPPOE,
	LAYER_PPP,
	LAYER_PPP_SERIAL,
	LAYER_CISCO_HDLC,
	LAYER_NULL,
	LAYER_SLL,
	LAYER_SLL2,
	LAYER_NFLOG,
	LAYER_IP, /* by its version */
	LAYER_IPV4,
	LAYER_IPV6,
	LAYER_IPV6_NEXT, /* by w->type: extension header or payload */
	LAYER_PROTOCOL,	 /* by w->type: IP protocol number */
	LAYER_AH,
	LAYER_GRE,
	LAYER_ERSPAN3,
	LAYER_ETHERIP,
	LAYER_UDP,
	LAYER_VXLAN,
	LAYER_VXLAN_GPE,
	LAYER_GENEVE,
	LAYER_TEREDO,
	LAYER_DATAGRAM, /* what is in UDP is no tunnel */
	LAYER_TCP,
	LAYER_COUNT,
	LAYER_DONE = LAYER_COUNT,
	LAYER_OTHER,
	LAYER_BAD,
};

struct frame_decoder {
	struct fragment_table *fragments;
	struct counters *counters;
};

/* Where the decoder stands.  cut: bytes the wire had behind the end of c. */
struct walk {
	struct cursor c;
	size_t cut;
	uint16_t type;
	struct cursor datagram; /* payload of the last UDP header */
	size_t datagram_cut;
	struct frame_decoder *decoder;
	struct frame *f;
	uint64_t time;
};

struct number {
	uint16_t value;
	uint16_t layer;
};

static enum layer number_find(const struct number *n, size_t count, uint16_t value,
			      enum layer otherwise)
{
	for (size_t i = 0; i < count; i++)
		if (n[i].value == value)
			return n[i].layer;
	return otherwise;
}

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/*
 * What follows is `length` bytes, what is behind that is padding.  False: the wire had
 * less, and a receiver would drop it.
 */
static bool walk_limit(struct walk *w, size_t length)
{
	if (length <= w->c.left) {
		w->c.left = length;
		w->cut = 0;
		return true;
	}
	if (length - w->c.left > w->cut)
		return false;
	w->cut = length - w->c.left;
	return true;
}

/* ------------------------------------------------------------- link layers */

static enum layer layer_ethernet(struct walk *w)
{
	cursor_skip(&w->c, 12);
	w->type = cursor_be16(&w->c);
	return LAYER_ETHERTYPE;
}

/* LAYER_OTHER: known, and never IP below. */
static const struct number ethertypes[] = {
	{0x0800, LAYER_IPV4},	  {0x86dd, LAYER_IPV6},	   {0x8100, LAYER_VLAN},
	{0x88a8, LAYER_VLAN},	  {0x9100, LAYER_VLAN},	   {0x9200, LAYER_VLAN},
	{0x9300, LAYER_VLAN},	  {0x8847, LAYER_MPLS},	   {0x8848, LAYER_MPLS},
	{0x8864, LAYER_PPPOE},	  {0x880b, LAYER_PPP},	   {0x6558, LAYER_ETHERNET},
	{0x88be, LAYER_ETHERNET}, {0x22eb, LAYER_ERSPAN3}, {0x0806, LAYER_OTHER},
	{0x8035, LAYER_OTHER},	  {0x8863, LAYER_OTHER},   {0x888e, LAYER_OTHER},
	{0x88cc, LAYER_OTHER},	  {0x9000, LAYER_OTHER},
};

static enum layer layer_ethertype(struct walk *w)
{
	if (w->type <= 1500) { /* IEEE 802.3: a length */
		if (!walk_limit(w, w->type))
			return LAYER_BAD;
		return LAYER_LLC;
	}
	return number_find(ethertypes, COUNT_OF(ethertypes), w->type, LAYER_BAD);
}

static enum layer layer_llc(struct walk *w)
{
	uint16_t saps = cursor_be16(&w->c);
	uint8_t control = cursor_u8(&w->c);
	uint32_t oui;

	if (saps == 0x0606 && control == 0x03)
		return LAYER_IPV4;
	if (saps != 0xaaaa || control != 0x03)
		return LAYER_OTHER;
	oui = (uint32_t)cursor_be16(&w->c) << 8;
	oui |= cursor_u8(&w->c);
	w->type = cursor_be16(&w->c);
	/* RFC 1042, and the bridge tunnel OUI of IEEE 802.1H */
	if ((oui != 0 && oui != 0x0000f8) || w->type <= 1500)
		return LAYER_OTHER;
	return LAYER_ETHERTYPE;
}

/* IEEE 802.5 §3: the source's first bit says that a route follows, and its length. */
static enum layer layer_token_ring(struct walk *w)
{
	const uint8_t *h = cursor_take(&w->c, 14);

	if (!h || (h[1] & 0xc0) != 0x40)
		return h ? LAYER_OTHER : LAYER_BAD;
	if (h[8] & 0x80) {
		uint8_t length = cursor_u8(&w->c) & 0x1f;

		if (length < 2 || !cursor_skip(&w->c, length - 1u))
			return LAYER_BAD;
	}
	return LAYER_LLC;
}

/* ISO 9314-2: frame control, addresses. */
static enum layer layer_fddi(struct walk *w)
{
	uint8_t control = cursor_u8(&w->c);

	cursor_skip(&w->c, 12);
	return (control & 0xf0) == 0x50 ? LAYER_LLC : LAYER_OTHER;
}

static enum layer layer_vlan(struct walk *w)
{
	uint16_t id = cursor_be16(&w->c) & 0x0fff;
	uint16_t *vlan = w->f->vlan;

	if (id) { /* 0 is a priority alone */
		if (!vlan[0])
			vlan[0] = id;
		else if (!vlan[1])
			vlan[1] = id;
	}
	w->type = cursor_be16(&w->c);
	return LAYER_ETHERTYPE;
}

/* RFC 3032; below the last label IP, or with a control word (RFC 4385) Ethernet. */
static enum layer layer_mpls(struct walk *w)
{
	for (int i = 0; i < LABELS_MAX; i++) {
		uint32_t label = cursor_be32(&w->c);

		if (w->c.failed || w->c.left == 0)
			return LAYER_BAD;
		if (!(label & 0x100))
			continue;
		if (w->c.p[0] >> 4 == 0) {
			cursor_skip(&w->c, 4);
			return LAYER_ETHERNET;
		}
		return LAYER_IP;
	}
	return LAYER_BAD;
}

/* RFC 2516 */
static enum layer layer_pppoe(struct walk *w)
{
	uint8_t version = cursor_u8(&w->c);
	uint8_t code = cursor_u8(&w->c);
	uint16_t length;

	cursor_skip(&w->c, 2);
	length = cursor_be16(&w->c);
	if (w->c.failed || version != 0x11)
		return LAYER_BAD;
	if (code != 0)
		return LAYER_OTHER;
	return walk_limit(w, length) ? LAYER_PPP : LAYER_BAD;
}

static const struct number ppp_protocols[] = {
	{0x0021, LAYER_IPV4},
	{0x0057, LAYER_IPV6},
	{0x0281, LAYER_MPLS},
	{0x0283, LAYER_MPLS},
};

/* RFC 1661, with address and control of RFC 1662 where they are there. */
static enum layer layer_ppp(struct walk *w)
{
	if (w->c.left >= 2 && w->c.p[0] == 0xff && w->c.p[1] == 0x03)
		cursor_skip(&w->c, 2);
	w->type = cursor_u8(&w->c);
	if (!(w->type & 1))
		w->type = (uint16_t)(w->type << 8 | cursor_u8(&w->c));
	return number_find(ppp_protocols, COUNT_OF(ppp_protocols), w->type, LAYER_OTHER);
}

static enum layer layer_cisco_hdlc(struct walk *w)
{
	cursor_skip(&w->c, 2);
	w->type = cursor_be16(&w->c);
	if (w->type == 0x8035) /* SLARP */
		return LAYER_OTHER;
	return LAYER_ETHERTYPE;
}

static enum layer layer_ppp_serial(struct walk *w)
{
	if (w->c.left && (w->c.p[0] == 0x0f || w->c.p[0] == 0x8f))
		return LAYER_CISCO_HDLC;
	return LAYER_PPP;
}

/* The address family of the capturing machine, in its byte order. */
static enum layer layer_null(struct walk *w)
{
	static const uint8_t v6[] = {10, 24, 28, 30}; /* Linux, the BSDs, macOS */
	uint32_t family = cursor_be32(&w->c);

	if (family > 0xffff)
		family = __builtin_bswap32(family);
	if (family == 2)
		return LAYER_IPV4;
	return family && family < 256 && memchr(v6, (int)family, sizeof(v6)) ? LAYER_IPV6
									     : LAYER_BAD;
}

/* linux/if_ether.h, below the EtherTypes */
#define SLL_802_3 0x0001
#define SLL_802_2 0x0004

static enum layer sll_type(struct walk *w)
{
	if (w->type == SLL_802_2)
		return LAYER_LLC;
	if (w->type == SLL_802_3)
		return LAYER_OTHER;
	return w->type <= 1500 ? LAYER_BAD : LAYER_ETHERTYPE;
}

static enum layer layer_sll(struct walk *w)
{
	cursor_skip(&w->c, 14);
	w->type = cursor_be16(&w->c);
	return sll_type(w);
}

static enum layer layer_sll2(struct walk *w)
{
	w->type = cursor_be16(&w->c);
	cursor_skip(&w->c, 18);
	return sll_type(w);
}

#define NFLOG_PAYLOAD 9

/* A header and attributes in host byte order (libpcap swaps); one is the packet. */
static enum layer layer_nflog(struct walk *w)
{
	cursor_skip(&w->c, 4);
	while (w->c.left) {
		const uint8_t *p = cursor_take(&w->c, 4);
		uint16_t length, type;

		if (!p)
			break;
		memcpy(&length, p, 2);
		memcpy(&type, p + 2, 2);
		if (length < 4)
			break;
		if (type == NFLOG_PAYLOAD)
			return walk_limit(w, length - 4u) ? LAYER_IP : LAYER_BAD;
		cursor_skip(&w->c, (length - 4u + 3u) & ~3u);
	}
	return LAYER_BAD;
}

/* --------------------------------------------------------------------- IP */

static enum layer layer_ip(struct walk *w)
{
	if (!w->c.left)
		return LAYER_BAD;
	switch (w->c.p[0] >> 4) {
	case 4:
		return LAYER_IPV4;
	case 6:
		return LAYER_IPV6;
	}
	return LAYER_BAD;
}

static void set_addresses(struct frame *f, uint8_t family, const uint8_t *source,
			  const uint8_t *destination, size_t n)
{
	memset(&f->source, 0, sizeof(f->source));
	memset(&f->destination, 0, sizeof(f->destination));
	f->source.family = f->destination.family = family;
	memcpy(f->source.ip, source, n);
	memcpy(f->destination.ip, destination, n);
}

static enum layer fragment(struct walk *w, uint32_t id, uint8_t protocol, uint32_t offset,
			   bool more, enum layer next)
{
	struct frame *f = w->f;
	struct fragment g = {
		.key.id = id,
		.key.vlan = {f->vlan[0], f->vlan[1]},
		.key.family = f->source.family,
		.key.protocol = f->source.family == AF_INET ? protocol : 0,
		.p = w->c.p,
		.len = w->c.left,
		.offset = offset,
		.more = more,
		.next = protocol,
		.time = w->time,
	};
	const uint8_t *p;
	size_t len;

	if (w->cut) {
		counter_add(w->decoder->counters, COUNTER_FRAGMENTS_DROPPED, 1);
		return LAYER_BAD;
	}
	memcpy(g.key.source, f->source.ip, sizeof(g.key.source));
	memcpy(g.key.destination, f->destination.ip, sizeof(g.key.destination));
	p = fragment_add(w->decoder->fragments, &g, &len, &protocol);
	if (!p)
		return LAYER_OTHER;
	w->c = cursor_of(p, len);
	w->type = protocol;
	return next;
}

/* RFC 791 §3.1 */
static enum layer layer_ipv4(struct walk *w)
{
	const uint8_t *h = cursor_take(&w->c, 20);
	size_t header, total;
	uint16_t where;

	if (!h || h[0] >> 4 != 4)
		return LAYER_BAD;
	header = (h[0] & 0x0f) * 4u;
	total = (size_t)h[2] << 8 | h[3];
	if (total == 0) { /* segmentation offload, or larger than 64 KiB */
		total = 20 + w->c.left + w->cut;
		if (total > OFFLOAD_MAX)
			return LAYER_BAD;
	}
	if (header < 20 || total < header || !walk_limit(w, total - 20) ||
	    !cursor_skip(&w->c, header - 20))
		return LAYER_BAD;
	set_addresses(w->f, AF_INET, h + 12, h + 16, 4);
	where = (uint16_t)(h[6] << 8 | h[7]);
	w->type = h[9];
	if (where & 0x3fff)
		return fragment(w, (uint32_t)h[4] << 8 | h[5], h[9], (where & 0x1fff) * 8u,
				where & 0x2000, LAYER_PROTOCOL);
	return LAYER_PROTOCOL;
}

/* RFC 8200 §3 */
static enum layer layer_ipv6(struct walk *w)
{
	const uint8_t *h = cursor_take(&w->c, 40);
	size_t length;

	if (!h || h[0] >> 4 != 6)
		return LAYER_BAD;
	length = (size_t)h[4] << 8 | h[5];
	/* Length 0: larger than 64 KiB (RFC 2675, or Linux without the option), or offload. */
	if (length ? !walk_limit(w, length) : w->c.left + w->cut > OFFLOAD_MAX)
		return LAYER_BAD;
	set_addresses(w->f, AF_INET6, h + 8, h + 24, 16);
	w->type = h[6];
	return LAYER_IPV6_NEXT;
}

static enum layer ipv6_fragment(struct walk *w)
{
	const uint8_t *h = cursor_take(&w->c, 8);
	uint32_t id;
	uint16_t where;

	if (!h)
		return LAYER_BAD;
	where = (uint16_t)(h[2] << 8 | h[3]);
	w->type = h[0];
	if (!(where & 0xfff9)) /* atomic, RFC 6946 */
		return LAYER_IPV6_NEXT;
	id = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
	return fragment(w, id, h[0], where & 0xfff8, where & 1, LAYER_IPV6_NEXT);
}

static enum layer layer_ipv6_next(struct walk *w)
{
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		const uint8_t *h;

		switch (w->type) {
		case 44:
			return ipv6_fragment(w);
		case 0:	  /* hop by hop */
		case 43:  /* routing */
		case 60:  /* destination */
		case 135: /* mobility */
		case 139: /* host identity */
		case 140: /* shim6 */
			h = cursor_take(&w->c, 2);
			if (!h || !cursor_skip(&w->c, 6 + h[1] * 8u))
				return LAYER_BAD;
			w->type = h[0];
			break;
		default:
			return LAYER_PROTOCOL;
		}
	}
	return LAYER_BAD;
}

static const struct number protocols[] = {
	{6, LAYER_TCP},	 {17, LAYER_UDP}, {4, LAYER_IPV4},     {41, LAYER_IPV6},
	{47, LAYER_GRE}, {51, LAYER_AH},  {97, LAYER_ETHERIP}, {137, LAYER_MPLS},
};

static enum layer layer_protocol(struct walk *w)
{
	return number_find(protocols, COUNT_OF(protocols), w->type, LAYER_OTHER);
}

/* RFC 4302 §2: authenticated, not encrypted */
static enum layer layer_ah(struct walk *w)
{
	const uint8_t *h = cursor_take(&w->c, 12);

	if (!h || h[1] < 1 || !cursor_skip(&w->c, (h[1] + 2u) * 4u - 12u))
		return LAYER_BAD;
	w->type = h[0];
	return w->f->source.family == AF_INET6 ? LAYER_IPV6_NEXT : LAYER_PROTOCOL;
}

/* ---------------------------------------------------------------- tunnels */

#define GRE_CHECKSUM 0x8000
#define GRE_ROUTING 0x4000
#define GRE_KEY 0x2000
#define GRE_SEQUENCE 0x1000
#define GRE_ACK 0x0080
#define GRE_ERSPAN 0x88be

/* RFC 2784, 2890; version 1 is RFC 2637 */
static enum layer layer_gre(struct walk *w)
{
	uint16_t flags = cursor_be16(&w->c);
	unsigned int version = flags & 7;

	w->type = cursor_be16(&w->c);
	if (flags & GRE_ROUTING || version > 1)
		return LAYER_OTHER;
	if (version == 1 && !(flags & GRE_SEQUENCE))
		return LAYER_OTHER; /* acknowledges only */
	if (flags & GRE_CHECKSUM)
		cursor_skip(&w->c, 4);
	if (flags & GRE_KEY)
		cursor_skip(&w->c, 4);
	if (flags & GRE_SEQUENCE)
		cursor_skip(&w->c, 4);
	if (version == 1 && flags & GRE_ACK)
		cursor_skip(&w->c, 4);
	/* ERSPAN type I has no header of its own and no sequence number, type II both. */
	if (w->type == GRE_ERSPAN && flags & GRE_SEQUENCE)
		cursor_skip(&w->c, 8);
	if (w->type <= 1500)
		return LAYER_OTHER;
	return LAYER_ETHERTYPE;
}

static enum layer layer_erspan3(struct walk *w)
{
	const uint8_t *h = cursor_take(&w->c, 12);

	if (!h)
		return LAYER_BAD;
	if (h[11] & 1) /* platform specific part */
		cursor_skip(&w->c, 8);
	return LAYER_ETHERNET;
}

/* RFC 3378 */
static enum layer layer_etherip(struct walk *w)
{
	return cursor_be16(&w->c) == 0x3000 ? LAYER_ETHERNET : LAYER_BAD;
}

#define TEREDO_PORT 3544

/* 8472 is Linux's older default for VXLAN, 4754 is RFC 8086. */
static const struct number udp_ports[] = {
	{4789, LAYER_VXLAN},  {8472, LAYER_VXLAN}, {4790, LAYER_VXLAN_GPE},
	{6081, LAYER_GENEVE}, {4754, LAYER_GRE},   {TEREDO_PORT, LAYER_TEREDO},
};

/* RFC 768; length 0: larger than 64 KiB (RFC 2675 §4), or offload. */
static enum layer layer_udp(struct walk *w)
{
	uint16_t source = cursor_be16(&w->c);
	uint16_t destination = cursor_be16(&w->c);
	uint16_t length = cursor_be16(&w->c);

	cursor_skip(&w->c, 2);
	if (w->c.failed || (length && (length < 8 || !walk_limit(w, length - 8u))))
		return LAYER_BAD;
	w->f->source.port = source;
	w->f->destination.port = destination;
	w->datagram = w->c;
	w->datagram_cut = w->cut;
	if (source == TEREDO_PORT)
		return LAYER_TEREDO;
	return number_find(udp_ports, COUNT_OF(udp_ports), destination, LAYER_DATAGRAM);
}

/* The port may be a tunnel's by chance: then its header is none. */
static enum layer layer_datagram(struct walk *w)
{
	struct datagram *d = &w->f->udp;

	w->c = w->datagram;
	d->payload = w->c.p;
	d->len = w->c.left;
	d->wire_len = w->c.left + w->datagram_cut;
	d->time = w->time;
	w->f->protocol = IPPROTO_UDP;
	return LAYER_DONE;
}

/* RFC 7348 §5 */
static enum layer layer_vxlan(struct walk *w)
{
	const uint8_t *h = cursor_take(&w->c, 8);

	return h && h[0] & 0x08 ? LAYER_ETHERNET : LAYER_DATAGRAM;
}

static const struct number gpe_protocols[] = {
	{1, LAYER_IPV4},
	{2, LAYER_IPV6},
	{3, LAYER_ETHERNET},
	{5, LAYER_MPLS},
};

/* draft-ietf-nvo3-vxlan-gpe §3.1: says what is below, where plain VXLAN has Ethernet. */
static enum layer layer_vxlan_gpe(struct walk *w)
{
	const uint8_t *h = cursor_take(&w->c, 8);

	if (!h || !(h[0] & 0x08))
		return LAYER_DATAGRAM;
	if (!(h[0] & 0x04))
		return LAYER_ETHERNET;
	return number_find(gpe_protocols, COUNT_OF(gpe_protocols), h[3], LAYER_OTHER);
}

/* RFC 8926 §3.4 */
static enum layer layer_geneve(struct walk *w)
{
	const uint8_t *h = cursor_take(&w->c, 8);

	if (!h || h[0] >> 6 != 0 || !cursor_skip(&w->c, (h[0] & 0x3f) * 4u))
		return LAYER_DATAGRAM;
	w->type = (uint16_t)(h[2] << 8 | h[3]);
	return number_find(ethertypes, COUNT_OF(ethertypes), w->type, LAYER_DATAGRAM);
}

/* RFC 4380 §5.1.1: authentication, origin indication, then IPv6 */
static enum layer layer_teredo(struct walk *w)
{
	const uint8_t *h;

	if (w->c.left >= 4 && w->c.p[0] == 0 && w->c.p[1] == 1) {
		h = cursor_take(&w->c, 4);
		if (!cursor_skip(&w->c, h[2] + h[3] + 9u))
			return LAYER_DATAGRAM;
	}
	if (w->c.left >= 8 && w->c.p[0] == 0 && w->c.p[1] == 0)
		cursor_skip(&w->c, 8);
	return w->c.left && w->c.p[0] >> 4 == 6 ? LAYER_IPV6 : LAYER_DATAGRAM;
}

/* -------------------------------------------------------------------- TCP */

/* RFC 9293 §3.1 */
static enum layer layer_tcp(struct walk *w)
{
	const uint8_t *h = cursor_take(&w->c, 20);
	struct tcp_segment *s = &w->f->tcp;
	size_t options;

	if (!h || h[12] >> 4 < 5)
		return LAYER_BAD;
	options = (h[12] >> 4) * 4u - 20;
	if (options > w->c.left + w->cut)
		return LAYER_BAD;
	if (options > w->c.left) { /* cut within the options: no payload was captured */
		w->cut -= options - w->c.left;
		options = w->c.left;
	}
	cursor_skip(&w->c, options);
	w->f->source.port = (uint16_t)(h[0] << 8 | h[1]);
	w->f->destination.port = (uint16_t)(h[2] << 8 | h[3]);
	s->sequence = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
	s->acknowledgment =
		(uint32_t)h[8] << 24 | (uint32_t)h[9] << 16 | (uint32_t)h[10] << 8 | h[11];
	s->flags = h[13];
	s->urgent = (uint16_t)(h[18] << 8 | h[19]);
	s->payload = w->c.p;
	s->len = w->c.left;
	s->wire_len = w->c.left + w->cut;
	s->time = w->time;
	w->f->protocol = IPPROTO_TCP;
	return LAYER_DONE;
}

/* ------------------------------------------------------------------ driver */

static enum layer (*const layers[LAYER_COUNT])(struct walk *w) = {
	[LAYER_ETHERNET] = layer_ethernet,
	[LAYER_ETHERTYPE] = layer_ethertype,
	[LAYER_LLC] = layer_llc,
	[LAYER_TOKEN_RING] = layer_token_ring,
	[LAYER_FDDI] = layer_fddi,
	[LAYER_VLAN] = layer_vlan,
	[LAYER_MPLS] = layer_mpls,
	[LAYER_PPPOE] = layer_pppoe,
	[LAYER_PPP] = layer_ppp,
	[LAYER_PPP_SERIAL] = layer_ppp_serial,
	[LAYER_CISCO_HDLC] = layer_cisco_hdlc,
	[LAYER_NULL] = layer_null,
	[LAYER_SLL] = layer_sll,
	[LAYER_SLL2] = layer_sll2,
	[LAYER_NFLOG] = layer_nflog,
	[LAYER_IP] = layer_ip,
	[LAYER_IPV4] = layer_ipv4,
	[LAYER_IPV6] = layer_ipv6,
	[LAYER_IPV6_NEXT] = layer_ipv6_next,
	[LAYER_PROTOCOL] = layer_protocol,
	[LAYER_AH] = layer_ah,
	[LAYER_GRE] = layer_gre,
	[LAYER_ERSPAN3] = layer_erspan3,
	[LAYER_ETHERIP] = layer_etherip,
	[LAYER_UDP] = layer_udp,
	[LAYER_VXLAN] = layer_vxlan,
	[LAYER_VXLAN_GPE] = layer_vxlan_gpe,
	[LAYER_GENEVE] = layer_geneve,
	[LAYER_TEREDO] = layer_teredo,
	[LAYER_DATAGRAM] = layer_datagram,
	[LAYER_TCP] = layer_tcp,
};

static const struct number links[] = {
	{DLT_EN10MB, LAYER_ETHERNET},
	{DLT_IEEE802, LAYER_TOKEN_RING},
	{DLT_FDDI, LAYER_FDDI},
	{DLT_RAW, LAYER_IP},
	{14, LAYER_IP},	 /* DLT_RAW of OpenBSD */
	{101, LAYER_IP}, /* LINKTYPE_RAW */
	{DLT_IPV4, LAYER_IPV4},
	{DLT_IPV6, LAYER_IPV6},
	{DLT_NULL, LAYER_NULL},
	{DLT_LOOP, LAYER_NULL},
	{DLT_LINUX_SLL, LAYER_SLL},
	{DLT_LINUX_SLL2, LAYER_SLL2},
	{DLT_PPP, LAYER_PPP},
	{DLT_PPP_SERIAL, LAYER_PPP_SERIAL},
	{DLT_PPP_ETHER, LAYER_PPPOE},
	{DLT_C_HDLC, LAYER_CISCO_HDLC},
	{DLT_NFLOG, LAYER_NFLOG},
};

static enum layer link_layer(int link)
{
	if (link < 0 || link > UINT16_MAX)
		return LAYER_BAD;
	return number_find(links, COUNT_OF(links), (uint16_t)link, LAYER_BAD);
}

bool frame_link_known(int link)
{
	return link_layer(link) != LAYER_BAD;
}

struct frame_decoder *frame_decoder_new(struct counters *counters)
{
	static const struct fragment_limits limits = FRAGMENT_LIMITS_DEFAULT;
	struct frame_decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->counters = counters;
	d->fragments = fragment_table_new(&limits, counters);
	if (!d->fragments) {
		free(d);
		return NULL;
	}
	return d;
}

void frame_decoder_free(struct frame_decoder *d)
{
	if (!d)
		return;
	fragment_table_free(d->fragments);
	free(d);
}

enum frame_result frame_decode(struct frame_decoder *d, int link, const uint8_t *p, size_t len,
			       size_t wire_len, uint64_t time, struct frame *f)
{
	enum layer layer = link_layer(link);
	struct walk w = {
		.c = cursor_of(p, len),
		.cut = wire_len > len ? wire_len - len : 0,
		.decoder = d,
		.f = f,
		.time = time,
	};

	memset(f, 0, sizeof(*f));
	fragment_recycle(d->fragments);
	for (int i = 0; layer < LAYER_COUNT; i++) {
		if (i == LAYERS_MAX)
			return FRAME_BAD;
		layer = layers[layer](&w);
		if (w.c.failed && layer != LAYER_DATAGRAM)
			return FRAME_BAD;
	}
	switch (layer) {
	case LAYER_DONE:
		return f->protocol == IPPROTO_UDP ? FRAME_UDP : FRAME_TCP;
	case LAYER_OTHER:
		return FRAME_OTHER;
	default:
		return FRAME_BAD;
	}
}
