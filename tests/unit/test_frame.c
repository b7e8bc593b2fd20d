// SPDX-License-Identifier: MIT
/*
 * Frames of every link type and tunnel, built by hand.  Each is decoded whole and
 * then once for every length it could have been cut to.
 */
#include <kselftest_harness.h>

#include "stream/frame.h"

#include <netinet/in.h>
#include <pcap/dlt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PAYLOAD "GET / HTTP/1.1"
#define SEQUENCE 0x01020304u

/* A frame is built from the inside out: each header goes in front. */
struct build {
	uint8_t room[2048];
	size_t at; /* start of the frame */
};

static size_t length(const struct build *b)
{
	return sizeof(b->room) - b->at;
}

static void front(struct build *b, const void *p, size_t n)
{
	b->at -= n;
	memcpy(b->room + b->at, p, n);
}

#define FRONT(b, ...)                                   \
	do {                                            \
		const uint8_t bytes_[] = {__VA_ARGS__}; \
		front(b, bytes_, sizeof(bytes_));       \
	} while (0)

#define BE16(v) (uint8_t)((v) >> 8), (uint8_t)(v)
#define ZERO4 0, 0, 0, 0
#define ZERO8 ZERO4, ZERO4

static void tcp(struct build *b)
{
	b->at = sizeof(b->room);
	front(b, PAYLOAD, strlen(PAYLOAD));
	/* 1025 > 80, two words of options */
	FRONT(b, 0x04, 0x01, 0x00, 0x50, 1, 2, 3, 4, 5, 6, 7, 8, 0x70, TCP_ACK | 0x08, 0x20, 0,
	      0, 0, 0, 7, 1, 1, 1, 1, 2, 4, 5, 0xb4);
}

/* 10.0.0.1 > 10.0.0.2, with options when asked for */
static void ipv4_fragment(struct build *b, uint8_t protocol, size_t options, uint16_t where)
{
	static const uint8_t zero[40];
	size_t total = length(b) + 20 + options;

	front(b, zero, options);
	FRONT(b, (uint8_t)(0x45 + options / 4), 0, BE16(total), 0, 1, BE16(where), 64, protocol,
	      0, 0, 10, 0, 0, 1, 10, 0, 0, 2);
}

static void ipv4(struct build *b, uint8_t protocol)
{
	ipv4_fragment(b, protocol, 0, 0);
}

/* 2001:db8::1 > 2001:db8::2 */
static void ipv6(struct build *b, uint8_t next)
{
	size_t payload = length(b);

	FRONT(b, 0x60, 0, 0, 0, BE16(payload), next, 64, 0x20, 0x01, 0x0d, 0xb8, ZERO8, 0, 0, 0,
	      1, 0x20, 0x01, 0x0d, 0xb8, ZERO8, 0, 0, 0, 2);
}

static void udp(struct build *b, uint16_t from, uint16_t to)
{
	size_t total = length(b) + 8;

	FRONT(b, BE16(from), BE16(to), BE16(total), 0, 0);
}

static void ethernet(struct build *b, uint16_t type)
{
	FRONT(b, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, BE16(type));
}

/* ------------------------------------------------------------------- frames */

static void f_ethernet_ipv4(struct build *b)
{
	tcp(b);
	ipv4(b, 6);
	ethernet(b, 0x0800);
}

static void f_ipv4_options(struct build *b)
{
	tcp(b);
	ipv4_fragment(b, 6, 24, 0x4000);
	ethernet(b, 0x0800);
}

static void f_ethernet_ipv6(struct build *b)
{
	tcp(b);
	ipv6(b, 6);
	ethernet(b, 0x86dd);
}

static void f_ipv6_extensions(struct build *b)
{
	tcp(b);
	FRONT(b, 6, 4, 0, 0, ZERO4, ZERO8, ZERO8);  /* authentication */
	FRONT(b, 51, 0, 1, 4, ZERO4);		    /* destination */
	FRONT(b, 60, 0, 0, 0, 0, 0, 0, 9);	    /* atomic fragment */
	FRONT(b, 44, 2, 4, 0, ZERO4, ZERO8, ZERO8); /* routing */
	FRONT(b, 43, 0, 1, 4, ZERO4);		    /* hop by hop */
	ipv6(b, 0);
	ethernet(b, 0x86dd);
}

static void f_vlan(struct build *b)
{
	f_ethernet_ipv4(b);
	b->at += 14;
	FRONT(b, 0x20, 100, 0x08, 0x00);
	ethernet(b, 0x8100);
}

static void f_qinq(struct build *b)
{
	tcp(b);
	ipv6(b, 6);
	FRONT(b, 0, 9, 0x86, 0xdd); /* the third id is not kept */
	FRONT(b, 0x2f, 0xff, 0x91, 0x00);
	FRONT(b, 0xe0, 0x00, 0x81, 0x00); /* a priority alone */
	FRONT(b, 0x00, 100, 0x81, 0x00);
	ethernet(b, 0x88a8);
}

static void f_snap(struct build *b)
{
	tcp(b);
	ipv4(b, 6);
	FRONT(b, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00);
	ethernet(b, (uint16_t)length(b));
}

static void f_llc(struct build *b)
{
	tcp(b);
	ipv4(b, 6);
	FRONT(b, 6, 6, 3);
	ethernet(b, (uint16_t)length(b));
}

static void f_pppoe(struct build *b)
{
	size_t n;

	tcp(b);
	ipv4(b, 6);
	FRONT(b, 0x00, 0x21);
	n = length(b);
	FRONT(b, 0x11, 0, 0, 1, BE16(n));
	ethernet(b, 0x8864);
}

static void f_mpls(struct build *b)
{
	tcp(b);
	ipv4(b, 6);
	FRONT(b, 0, 1, 0, 64, 0, 1, 1, 64);
	ethernet(b, 0x8847);
}

static void f_mpls_ethernet(struct build *b)
{
	f_vlan(b);
	FRONT(b, ZERO4);
	FRONT(b, 0, 1, 1, 64);
	ethernet(b, 0x8847);
}

static void f_raw4(struct build *b)
{
	tcp(b);
	ipv4(b, 6);
}

static void f_raw6(struct build *b)
{
	tcp(b);
	ipv6(b, 6);
}

static void f_null_little(struct build *b)
{
	f_raw4(b);
	FRONT(b, 2, 0, 0, 0);
}

static void f_null_big6(struct build *b)
{
	f_raw6(b);
	FRONT(b, 0, 0, 0, 30);
}

static void f_sll(struct build *b)
{
	f_raw4(b);
	FRONT(b, 0, 0, 0, 1, 0, 6, ZERO8, 0x08, 0x00);
}

static void f_sll_llc(struct build *b)
{
	f_snap(b);
	b->at += 14;
	FRONT(b, 0, 0, 0, 1, 0, 6, ZERO8, 0x00, 0x04);
}

static void f_sll2(struct build *b)
{
	f_raw6(b);
	FRONT(b, 0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, ZERO8);
}

static void f_ppp(struct build *b)
{
	f_raw4(b);
	FRONT(b, 0xff, 0x03, 0x00, 0x21);
}

static void f_ppp_compressed(struct build *b)
{
	f_raw6(b);
	FRONT(b, 0x57);
}

static void f_hdlc(struct build *b)
{
	f_raw4(b);
	FRONT(b, 0x0f, 0, 0x08, 0x00);
}

static void f_ppp_ether(struct build *b)
{
	f_pppoe(b);
	b->at += 14;
}

static void f_nflog(struct build *b)
{
	uint16_t payload[2] = {0, 9}, prefix[2] = {7, 10};

	f_raw4(b);
	payload[0] = (uint16_t)(length(b) + 4);
	front(b, payload, 4);
	FRONT(b, 'a', 'b', 0, 0); /* three bytes and padding */
	front(b, prefix, 4);
	FRONT(b, 2, 0, 0, 5);
}

static void f_ipip(struct build *b)
{
	f_raw4(b);
	ipv4(b, 4);
}

static void f_6in4(struct build *b)
{
	f_raw6(b);
	ipv4(b, 41);
}

static void f_4in6(struct build *b)
{
	f_raw4(b);
	ipv6(b, 4);
}

static void f_gre(struct build *b)
{
	f_raw6(b);
	FRONT(b, 0xb0, 0, 0x86, 0xdd, ZERO4, ZERO4, ZERO4); /* checksum, key, sequence */
	ipv4(b, 47);
}

static void f_nvgre(struct build *b)
{
	f_vlan(b);
	FRONT(b, 0x20, 0, 0x65, 0x58, 0, 0, 1, 0);
	ipv4(b, 47);
}

static void f_pptp(struct build *b)
{
	f_ppp(b);
	FRONT(b, 0x30, 0x81, 0x88, 0x0b, ZERO4, ZERO4, ZERO4);
	ipv4(b, 47);
}

static void f_erspan1(struct build *b)
{
	f_ethernet_ipv4(b);
	FRONT(b, 0, 0, 0x88, 0xbe);
	ipv4(b, 47);
}

static void f_erspan2(struct build *b)
{
	f_vlan(b);
	FRONT(b, 0x10, 0, 0x88, 0xbe, ZERO4, 0x10, 1, 0, 1, ZERO4);
	ipv4(b, 47);
}

static void f_erspan3(struct build *b)
{
	f_ethernet_ipv6(b);
	FRONT(b, 0x10, 0, 0x22, 0xeb, ZERO4, 0x20, 1, 0, 1, ZERO4, 0, 0, 0, 1, ZERO8);
	ipv4(b, 47);
}

static void f_etherip(struct build *b)
{
	f_ethernet_ipv6(b);
	FRONT(b, 0x30, 0);
	ipv4(b, 97);
}

static void f_vxlan(struct build *b)
{
	f_vlan(b);
	FRONT(b, 8, 0, 0, 0, 0, 0, 1, 0);
	udp(b, 50000, 4789);
	ipv6(b, 17);
}

static void f_vxlan_gpe(struct build *b)
{
	f_raw6(b);
	FRONT(b, 0x0c, 0, 0, 2, 0, 0, 1, 0);
	udp(b, 50000, 4790);
	ipv4(b, 17);
}

static void f_geneve(struct build *b)
{
	f_ethernet_ipv4(b);
	FRONT(b, 2, 0, 0x65, 0x58, 0, 0, 1, 0, ZERO8);
	udp(b, 50000, 6081);
	ipv4(b, 17);
}

static void f_gre_udp(struct build *b)
{
	f_raw4(b);
	FRONT(b, 0, 0, 0x08, 0);
	udp(b, 50000, 4754);
	ipv4(b, 17);
}

static void f_teredo(struct build *b)
{
	f_raw6(b);
	FRONT(b, 0, 0, 1, 2, 3, 4, 5, 6);			 /* origin */
	FRONT(b, 0, 1, 2, 3, 'i', 'd', 'k', 'e', 'y', ZERO8, 0); /* authentication */
	udp(b, 3544, 50000);
	ipv4(b, 17);
}

static void f_mpls_in_ip(struct build *b)
{
	f_raw6(b);
	FRONT(b, 0, 1, 1, 64);
	ipv4(b, 137);
}

/* X(name, link, build, family, outer VLAN, inner VLAN) */
static void f_token_ring(struct build *b)
{
	f_snap(b);
	b->at += 14;
	FRONT(b, 0x10, 0x40, 0, 0, 0, 0, 0, 1, 0x80, 0, 0, 0, 0, 2, 4, 0x30, 0x12, 0x30);
}

static void f_fddi(struct build *b)
{
	f_snap(b);
	b->at += 14;
	FRONT(b, 0x51, ZERO8, 0, 0, 0, 0);
}

#define FRAMES(X)                                                         \
	X(ethernet_ipv4, DLT_EN10MB, f_ethernet_ipv4, AF_INET, 0, 0)      \
	X(ipv4_options, DLT_EN10MB, f_ipv4_options, AF_INET, 0, 0)        \
	X(ethernet_ipv6, DLT_EN10MB, f_ethernet_ipv6, AF_INET6, 0, 0)     \
	X(ipv6_extensions, DLT_EN10MB, f_ipv6_extensions, AF_INET6, 0, 0) \
	X(vlan, DLT_EN10MB, f_vlan, AF_INET, 100, 0)                      \
	X(qinq, DLT_EN10MB, f_qinq, AF_INET6, 100, 0xfff)                 \
	X(snap, DLT_EN10MB, f_snap, AF_INET, 0, 0)                        \
	X(llc, DLT_EN10MB, f_llc, AF_INET, 0, 0)                          \
	X(token_ring, DLT_IEEE802, f_token_ring, AF_INET, 0, 0)           \
	X(fddi, DLT_FDDI, f_fddi, AF_INET, 0, 0)                          \
	X(pppoe, DLT_EN10MB, f_pppoe, AF_INET, 0, 0)                      \
	X(mpls, DLT_EN10MB, f_mpls, AF_INET, 0, 0)                        \
	X(mpls_ethernet, DLT_EN10MB, f_mpls_ethernet, AF_INET, 100, 0)    \
	X(raw_12_ipv4, DLT_RAW, f_raw4, AF_INET, 0, 0)                    \
	X(raw_12_ipv6, DLT_RAW, f_raw6, AF_INET6, 0, 0)                   \
	X(raw_14, 14, f_raw4, AF_INET, 0, 0)                              \
	X(raw_101, 101, f_raw6, AF_INET6, 0, 0)                           \
	X(link_ipv4, DLT_IPV4, f_raw4, AF_INET, 0, 0)                     \
	X(link_ipv6, DLT_IPV6, f_raw6, AF_INET6, 0, 0)                    \
	X(null_little, DLT_NULL, f_null_little, AF_INET, 0, 0)            \
	X(null_big6, DLT_NULL, f_null_big6, AF_INET6, 0, 0)               \
	X(loop, DLT_LOOP, f_null_big6, AF_INET6, 0, 0)                    \
	X(sll, DLT_LINUX_SLL, f_sll, AF_INET, 0, 0)                       \
	X(sll_llc, DLT_LINUX_SLL, f_sll_llc, AF_INET, 0, 0)               \
	X(sll2, DLT_LINUX_SLL2, f_sll2, AF_INET6, 0, 0)                   \
	X(ppp, DLT_PPP, f_ppp, AF_INET, 0, 0)                             \
	X(ppp_compressed, DLT_PPP, f_ppp_compressed, AF_INET6, 0, 0)      \
	X(ppp_serial, DLT_PPP_SERIAL, f_ppp, AF_INET, 0, 0)               \
	X(ppp_serial_hdlc, DLT_PPP_SERIAL, f_hdlc, AF_INET, 0, 0)         \
	X(hdlc, DLT_C_HDLC, f_hdlc, AF_INET, 0, 0)                        \
	X(ppp_ether, DLT_PPP_ETHER, f_ppp_ether, AF_INET, 0, 0)           \
	X(nflog, DLT_NFLOG, f_nflog, AF_INET, 0, 0)                       \
	X(ipip, DLT_RAW, f_ipip, AF_INET, 0, 0)                           \
	X(six_in_four, DLT_RAW, f_6in4, AF_INET6, 0, 0)                   \
	X(four_in_six, DLT_RAW, f_4in6, AF_INET, 0, 0)                    \
	X(gre, DLT_RAW, f_gre, AF_INET6, 0, 0)                            \
	X(nvgre, DLT_RAW, f_nvgre, AF_INET, 100, 0)                       \
	X(pptp, DLT_RAW, f_pptp, AF_INET, 0, 0)                           \
	X(erspan1, DLT_RAW, f_erspan1, AF_INET, 0, 0)                     \
	X(erspan2, DLT_RAW, f_erspan2, AF_INET, 100, 0)                   \
	X(erspan3, DLT_RAW, f_erspan3, AF_INET6, 0, 0)                    \
	X(etherip, DLT_RAW, f_etherip, AF_INET6, 0, 0)                    \
	X(vxlan, DLT_RAW, f_vxlan, AF_INET, 100, 0)                       \
	X(vxlan_gpe, DLT_RAW, f_vxlan_gpe, AF_INET6, 0, 0)                \
	X(geneve, DLT_RAW, f_geneve, AF_INET, 0, 0)                       \
	X(gre_udp, DLT_RAW, f_gre_udp, AF_INET, 0, 0)                     \
	X(teredo, DLT_RAW, f_teredo, AF_INET6, 0, 0)                      \
	X(mpls_in_ip, DLT_RAW, f_mpls_in_ip, AF_INET6, 0, 0)

static struct counters counters;

/* From a block of exactly that size, so that the sanitizer sees a byte read too far. */
static enum frame_result decode(struct frame_decoder *d, int link, const uint8_t *p, size_t n,
				size_t wire, struct frame *f, uint8_t **block)
{
	*block = malloc(n ? n : 1);
	memcpy(*block, p, n);
	return frame_decode(d, link, *block, n, wire, 77, f);
}

static bool sound(const struct frame *f, uint8_t family, uint16_t outer, uint16_t inner)
{
	static const uint8_t v4[] = {10, 0, 0, 1}, v6[] = {0x20, 0x01, 0x0d, 0xb8};

	return f->protocol == IPPROTO_TCP && f->source.family == family &&
	       f->destination.family == family &&
	       memcmp(f->source.ip, family == AF_INET ? v4 : v6, 4) == 0 &&
	       f->destination.ip[family == AF_INET ? 3 : 15] == 2 && f->source.port == 1025 &&
	       f->destination.port == 80 && f->vlan[0] == outer && f->vlan[1] == inner &&
	       f->tcp.sequence == SEQUENCE && f->tcp.acknowledgment == 0x05060708 &&
	       f->tcp.flags == (TCP_ACK | 0x08) && f->tcp.urgent == 7 && f->tcp.time == 77 &&
	       f->tcp.wire_len == strlen(PAYLOAD) &&
	       memcmp(f->tcp.payload, PAYLOAD, f->tcp.len) == 0;
}

/* Whole, with padding behind it, and cut at every byte. */
static const char *try_frame(int link, void (*build)(struct build *b), uint8_t family,
			     uint16_t outer, uint16_t inner)
{
	struct frame_decoder *d = frame_decoder_new(&counters);
	const char *wrong = NULL;
	struct frame f;
	struct build b;
	uint8_t *block;
	size_t n;

	build(&b);
	n = length(&b);
	if (decode(d, link, b.room + b.at, n, n, &f, &block) != FRAME_TCP)
		wrong = "not decoded";
	else if (!sound(&f, family, outer, inner) || f.tcp.len != strlen(PAYLOAD))
		wrong = "decoded wrong";
	free(block);
	memmove(b.room, b.room + b.at, n);
	memset(b.room + n, 0xee, 6);
	if (decode(d, link, b.room, n + 6, n + 6, &f, &block) != FRAME_TCP ||
	    !sound(&f, family, outer, inner))
		wrong = "padding taken for payload";
	free(block);
	for (size_t cut = 0; cut < n; cut++) {
		enum frame_result r = decode(d, link, b.room, cut, n, &f, &block);

		/* As long as the TCP header is there the frame is worth something. */
		if ((r == FRAME_TCP) != (cut + strlen(PAYLOAD) + 8 >= n))
			wrong = "cut frame";
		if (r == FRAME_TCP && !sound(&f, family, outer, inner))
			wrong = "cut frame decoded wrong";
		free(block);
		/* The same, but the wire had no more: the lengths inside it lie. */
		if (decode(d, link, b.room, cut, cut, &f, &block) == FRAME_TCP)
			wrong = "short frame believed";
		free(block);
	}
	frame_decoder_free(d);
	return wrong;
}

#define FRAME_TEST(name, link, build, family, outer, inner)                       \
	TEST(name)                                                                \
	{                                                                         \
		const char *wrong = try_frame(link, build, family, outer, inner); \
		EXPECT_EQ(NULL, wrong)                                            \
		{                                                                 \
			TH_LOG("%s", wrong);                                      \
		}                                                                 \
		EXPECT_TRUE(frame_link_known(link));                              \
	}
FRAMES(FRAME_TEST)

/* Any byte changed to anything must not make the decoder read too far. */
TEST(every_byte_changed)
{
	void (*const builds[])(struct build *) = {
#define BUILD(name, link, build, family, outer, inner) build,
		FRAMES(BUILD)
#undef BUILD
	};
	static const int links[] = {
#define LINK(name, link, build, family, outer, inner) link,
		FRAMES(LINK)
#undef LINK
	};
	static const uint8_t values[] = {0, 1, 4, 6, 0x0f, 0x40, 0x60, 0x7f, 0x80, 0xff};
	struct frame_decoder *d = frame_decoder_new(&counters);

	for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
		struct build b;

		builds[i](&b);
		for (size_t at = b.at; at < sizeof(b.room); at++) {
			uint8_t was = b.room[at];

			for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
				struct frame f;
				uint8_t *block;

				b.room[at] = values[v];
				if (decode(d, links[i], b.room + b.at, length(&b), length(&b),
					   &f, &block) == FRAME_TCP)
					EXPECT_LE(f.tcp.len, length(&b));
				free(block);
			}
			b.room[at] = was;
		}
	}
	frame_decoder_free(d);
}

TEST(lengths_of_offload)
{
	struct frame_decoder *d = frame_decoder_new(&counters);
	struct build b;
	struct frame f;
	uint8_t *block;

	/* A total length of 0: all that was there is payload. */
	f_ethernet_ipv4(&b);
	b.room[b.at + 16] = b.room[b.at + 17] = 0;
	EXPECT_EQ(FRAME_TCP,
		  decode(d, DLT_EN10MB, b.room + b.at, length(&b), 100000, &f, &block));
	EXPECT_EQ(strlen(PAYLOAD), f.tcp.len);
	EXPECT_EQ(100000 - length(&b) + strlen(PAYLOAD), f.tcp.wire_len);
	free(block);
	EXPECT_EQ(FRAME_BAD,
		  decode(d, DLT_EN10MB, b.room + b.at, length(&b), 1u << 30, &f, &block));
	free(block);
	f_ethernet_ipv6(&b);
	b.room[b.at + 18] = b.room[b.at + 19] = 0;
	EXPECT_EQ(FRAME_TCP,
		  decode(d, DLT_EN10MB, b.room + b.at, length(&b), length(&b), &f, &block));
	EXPECT_EQ(strlen(PAYLOAD), f.tcp.len);
	free(block);
	frame_decoder_free(d);
}

/* Ever more of the same header must end somewhere. */
TEST(nesting_is_bounded)
{
	struct frame_decoder *d = frame_decoder_new(&counters);
	struct build b;
	struct frame f;
	uint8_t *block;

	tcp(&b);
	ipv4(&b, 6);
	for (int i = 0; i < 60; i++)
		ipv4(&b, 4);
	EXPECT_EQ(FRAME_BAD,
		  decode(d, DLT_RAW, b.room + b.at, length(&b), length(&b), &f, &block));
	free(block);

	tcp(&b);
	for (int i = 0; i < 100; i++)
		FRONT(&b, i ? 60 : 6, 0, 1, 4, ZERO4);
	ipv6(&b, 60);
	EXPECT_EQ(FRAME_BAD,
		  decode(d, DLT_RAW, b.room + b.at, length(&b), length(&b), &f, &block));
	free(block);

	tcp(&b);
	ipv4(&b, 6);
	for (int i = 0; i < 100; i++)
		FRONT(&b, 0, 5, 0x81, 0);
	ethernet(&b, 0x8100);
	EXPECT_EQ(FRAME_BAD,
		  decode(d, DLT_EN10MB, b.room + b.at, length(&b), length(&b), &f, &block));
	free(block);

	tcp(&b);
	ipv4(&b, 6);
	for (int i = 0; i < 100; i++)
		FRONT(&b, 0, 5, i == 0, 64);
	ethernet(&b, 0x8847);
	EXPECT_EQ(FRAME_BAD,
		  decode(d, DLT_EN10MB, b.room + b.at, length(&b), length(&b), &f, &block));
	free(block);
	frame_decoder_free(d);
}

/* One half of what tcp() builds as a fragment, within whatever `outer` adds. */
static enum frame_result half(struct frame_decoder *d, bool second, bool v6, bool tunnel,
			      struct frame *f)
{
	struct build whole, b = {.at = sizeof(b.room)};
	enum frame_result r;
	uint8_t *block;

	tcp(&whole);
	if (second)
		front(&b, whole.room + whole.at + 24, length(&whole) - 24);
	else
		front(&b, whole.room + whole.at, 24);
	if (v6) {
		FRONT(&b, 6, 0, 0, second ? 24 : 1, 9, 9, 9, 9);
		ipv6(&b, 44);
	} else {
		ipv4_fragment(&b, 6, 0, second ? 3 : 0x2000);
	}
	if (tunnel)
		ipv4(&b, v6 ? 41 : 4);
	r = decode(d, DLT_RAW, b.room + b.at, length(&b), length(&b), f, &block);
	free(block);
	return r;
}

TEST(fragments)
{
	for (int i = 0; i < 8; i++) {
		struct frame_decoder *d = frame_decoder_new(&counters);
		bool v6 = i & 1, tunnel = i & 2, backwards = i & 4;
		struct frame f;

		EXPECT_EQ(FRAME_OTHER, half(d, backwards, v6, tunnel, &f));
		EXPECT_EQ(FRAME_TCP, half(d, !backwards, v6, tunnel, &f));
		EXPECT_TRUE(sound(&f, v6 ? AF_INET6 : AF_INET, 0, 0));
		EXPECT_EQ(strlen(PAYLOAD), f.tcp.len);
		frame_decoder_free(d);
	}
}

/* ---------------------------------------------------------------- datagrams */

static void datagram(struct build *b, const void *p, size_t n, uint16_t from, uint16_t to)
{
	b->at = sizeof(b->room);
	front(b, p, n);
	udp(b, from, to);
}

static bool is_datagram(const struct frame *f, uint16_t from, uint16_t to, const void *p,
			size_t n)
{
	return f->protocol == IPPROTO_UDP && f->source.port == from &&
	       f->destination.port == to && f->udp.time == 77 && f->udp.len == n &&
	       f->udp.wire_len == n && memcmp(f->udp.payload, p, n) == 0;
}

TEST(datagrams)
{
	for (int i = 0; i < 4; i++) {
		struct frame_decoder *d = frame_decoder_new(&counters);
		bool v6 = i & 1, empty = i & 2;
		size_t n = empty ? 0 : 5;
		struct build b;
		struct frame f;
		uint8_t *block;

		datagram(&b, "hello", n, 40000, 69);
		if (v6)
			ipv6(&b, 17);
		else
			ipv4(&b, 17);
		ethernet(&b, v6 ? 0x86dd : 0x0800);
		memmove(b.room, b.room + b.at, length(&b));
		memset(b.room + length(&b), 0xee, 6);
		for (size_t padding = 0; padding <= 6; padding += 6) {
			EXPECT_EQ(FRAME_UDP, decode(d, DLT_EN10MB, b.room, length(&b) + padding,
						    length(&b) + padding, &f, &block));
			EXPECT_TRUE(is_datagram(&f, 40000, 69, "hello", n));
			EXPECT_EQ(v6 ? AF_INET6 : AF_INET, f.source.family);
			EXPECT_EQ(v6 ? AF_INET6 : AF_INET, f.destination.family);
			free(block);
		}
		frame_decoder_free(d);
	}
}

TEST(datagram_cut_by_the_capture)
{
	struct frame_decoder *d = frame_decoder_new(&counters);
	struct build b;
	struct frame f;
	uint8_t *block;

	datagram(&b, "hello", 5, 40000, 69);
	ipv4(&b, 17);
	for (size_t cut = 1; cut <= length(&b); cut++) {
		enum frame_result r = decode(d, DLT_RAW, b.room + b.at, length(&b) - cut,
					     length(&b), &f, &block);

		EXPECT_EQ(cut <= 5 ? FRAME_UDP : FRAME_BAD, r);
		if (r == FRAME_UDP) {
			EXPECT_EQ(5 - cut, f.udp.len);
			EXPECT_EQ(5, f.udp.wire_len);
		}
		free(block);
		/* The wire had no more: a receiver would drop it. */
		EXPECT_EQ(FRAME_BAD, decode(d, DLT_RAW, b.room + b.at, length(&b) - cut,
					    length(&b) - cut, &f, &block));
		free(block);
	}
	frame_decoder_free(d);
}

/* RFC 768: the length may be less than IP has, never less than its own header. */
TEST(datagram_lengths)
{
	struct frame_decoder *d = frame_decoder_new(&counters);
	static const struct {
		uint8_t length;
		enum frame_result result;
		size_t n;
	} cases[] = {
		{13, FRAME_UDP, 5}, {10, FRAME_UDP, 2}, {8, FRAME_UDP, 0}, {7, FRAME_BAD, 0},
		{1, FRAME_BAD, 0},  {14, FRAME_BAD, 0}, {0, FRAME_UDP, 5},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct build b;
		struct frame f;
		uint8_t *block;

		datagram(&b, "hello", 5, 40000, 69);
		b.room[b.at + 5] = cases[i].length;
		ipv4(&b, 17);
		EXPECT_EQ(cases[i].result,
			  decode(d, DLT_RAW, b.room + b.at, length(&b), length(&b), &f, &block))
		{
			TH_LOG("length %u", cases[i].length);
		}
		if (cases[i].result == FRAME_UDP)
			EXPECT_TRUE(is_datagram(&f, 40000, 69, "hello", cases[i].n));
		free(block);
	}
	frame_decoder_free(d);
}

/* A client's port may be a tunnel's by chance: what is in there is then no tunnel. */
TEST(datagram_on_the_port_of_a_tunnel)
{
	static const uint16_t ports[] = {4789, 8472, 4790, 6081, 3544};
	static const char *const texts[] = {"", "\0\3", "\0\3\1\1data",
					    "\0\3\0\1\0\0data of it"};
	static const size_t sizes[] = {0, 2, 8, 16};
	struct frame_decoder *d = frame_decoder_new(&counters);

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(texts); j++) {
			struct build b;
			struct frame f;
			uint8_t *block;

			datagram(&b, texts[j], sizes[j], 5000, ports[i]);
			ipv4(&b, 17);
			EXPECT_EQ(FRAME_UDP, decode(d, DLT_RAW, b.room + b.at, length(&b),
						    length(&b), &f, &block))
			{
				TH_LOG("port %u, text %zu", ports[i], j);
			}
			EXPECT_TRUE(is_datagram(&f, 5000, ports[i], texts[j], sizes[j]));
			EXPECT_EQ(1, f.source.ip[3]);
			free(block);
		}
	}
	frame_decoder_free(d);
}

/* The inner datagram is what counts, with the inner addresses. */
TEST(datagram_in_a_tunnel)
{
	struct frame_decoder *d = frame_decoder_new(&counters);
	struct build b;
	struct frame f;
	uint8_t *block;

	datagram(&b, "hello", 5, 40000, 69);
	ipv6(&b, 17);
	ethernet(&b, 0x86dd);
	FRONT(&b, 8, 0, 0, 0, 0, 0, 1, 0);
	udp(&b, 50000, 4789);
	ipv4(&b, 17);
	EXPECT_EQ(FRAME_UDP,
		  decode(d, DLT_RAW, b.room + b.at, length(&b), length(&b), &f, &block));
	EXPECT_TRUE(is_datagram(&f, 40000, 69, "hello", 5));
	EXPECT_EQ(AF_INET6, f.source.family);
	free(block);
	frame_decoder_free(d);
}

/* 4000 bytes in three fragments, in any order. */
TEST(datagram_in_fragments)
{
	static const int orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}};
	static uint8_t whole[8 + 4000];

	for (size_t i = 0; i < sizeof(whole); i++)
		whole[i] = (uint8_t)(i * 7);
	memcpy(whole, (const uint8_t[]){BE16(40000), BE16(2049), BE16(4008), 0, 0}, 8);
	for (size_t o = 0; o < ARRAY_SIZE(orders); o++) {
		struct frame_decoder *d = frame_decoder_new(&counters);
		struct frame f;

		for (int i = 0; i < 3; i++) {
			size_t from = (size_t)orders[o][i] * 1480;
			bool last = orders[o][i] == 2;
			struct build b = {.at = sizeof(b.room)};
			uint8_t *block;

			front(&b, whole + from, last ? sizeof(whole) - from : 1480);
			ipv4_fragment(&b, 17, 0, (uint16_t)(from / 8 | (last ? 0 : 0x2000)));
			EXPECT_EQ(i == 2 ? FRAME_UDP : FRAME_OTHER,
				  decode(d, DLT_RAW, b.room + b.at, length(&b), length(&b), &f,
					 &block));
			free(block);
		}
		EXPECT_TRUE(is_datagram(&f, 40000, 2049, whole + 8, 4000));
		frame_decoder_free(d);
	}
}

TEST(others)
{
	static const uint8_t arp[14 + 28] = {[12] = 0x08, [13] = 0x06};
	struct frame_decoder *d = frame_decoder_new(&counters);
	struct frame f;
	struct build b;

	EXPECT_EQ(FRAME_OTHER,
		  frame_decode(d, DLT_EN10MB, arp, sizeof(arp), sizeof(arp), 0, &f));
	b.at = sizeof(b.room);
	udp(&b, 53, 5353);
	ipv4(&b, 136); /* UDP-Lite: another protocol */
	EXPECT_EQ(FRAME_OTHER,
		  frame_decode(d, DLT_RAW, b.room + b.at, length(&b), length(&b), 0, &f));
	EXPECT_FALSE(frame_link_known(DLT_USB_LINUX));
	EXPECT_FALSE(frame_link_known(-1));
	EXPECT_FALSE(frame_link_known(1 << 16 | DLT_EN10MB));
	EXPECT_EQ(FRAME_BAD,
		  frame_decode(d, DLT_USB_LINUX, arp, sizeof(arp), sizeof(arp), 0, &f));
	frame_decoder_free(d);
}

TEST_HARNESS_MAIN
