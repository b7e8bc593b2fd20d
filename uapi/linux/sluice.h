/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */
/*
 * Sluice: the interface between the kernel module and user space.
 *
 * Three things are defined here and nowhere else:
 *
 *  1. the twelve fields of a session that may be shared (SLUICE_FIELDS),
 *  2. the ring: how captured sessions and payload reach the reader,
 *  3. the generic netlink family "sluice": how everything else is asked for.
 *
 * The ring
 * --------
 *
 * SLUICE_CMD_RING_OPEN returns a file descriptor.  It is mapped with mmap(2)
 * at offset 0, or page by page:
 *
 *	offset            size       access      content
 *	0                 1 page     read-write  struct sluice_ring_consumer
 *	1 page            1 page     read-only   struct sluice_ring_producer
 *	2 pages           data_size  read-only   records
 *	2 pages+data_size data_size  read-only   the same records once more
 *
 * data_size is a power of two and a multiple of the page size.  Since the
 * data is mapped twice in a row a record is always contiguous: a record at
 * position p is found at data + (p & (data_size - 1)).
 *
 * Positions count bytes since the ring was opened and never wrap.  A reader
 *
 *	1. loads the producer position (acquire);
 *	2. while its own position is smaller: loads the length word of the record
 *	   at its position (acquire); stops when SLUICE_RECORD_BUSY is set;
 *	   handles the record unless SLUICE_RECORD_DISCARD is set; advances by
 *	   the length without the flags, rounded up to SLUICE_RECORD_ALIGN;
 *	3. stores its own position (release);
 *	4. waits with poll(2), which reports POLLIN once there is a committed record.
 *
 * The kernel believes nothing it reads from the consumer page: a position that
 * is not between the last one and the producer's makes the ring count as full.
 * Closing the descriptor (and the last mapping) ends the capture.
 *
 * All integers are in host byte order unless typed __be16.  Addresses are in
 * network order; an IPv4 address is in the first four bytes, the rest is zero.
 */
#ifndef _UAPI_LINUX_SLUICE_H
#define _UAPI_LINUX_SLUICE_H

#include <linux/types.h>

/* Of module, agent and tool alike: they are released together. */
#define SLUICE_VERSION "0.1.0"

/* Incremented whenever a record or an attribute changes its meaning. */
#define SLUICE_ABI_VERSION 2

/*
 * The twelve fields, in the order used everywhere.
 * X(CONSTANT, name, PAN-OS name of its exclusion)
 */
#define SLUICE_FIELDS(X)                                          \
	X(SOURCE_IP, source_ip, "exclude-src-ip")                 \
	X(SOURCE_PORT, source_port, "exclude-src-port")           \
	X(DESTINATION_IP, destination_ip, "exclude-dest-ip")      \
	X(DESTINATION_PORT, destination_port, "exclude-dest-port") \
	X(VIRTUAL_SYSTEM, virtual_system, "exclude-vsys-id")      \
	X(APPLICATION, application, "exclude-app-name")           \
	X(USER, user, "exclude-username")                         \
	X(URL, url, "exclude-url")                                \
	X(FILENAME, filename, "exclude-filename")                 \
	X(EMAIL_SENDER, email_sender, "exclude-email-sender")     \
	X(EMAIL_RECIPIENT, email_recipient, "exclude-email-recipient") \
	X(EMAIL_SUBJECT, email_subject, "exclude-email-subject")

enum sluice_field {
#define SLUICE_FIELD_ENUM(id, name, panos) SLUICE_FIELD_##id,
	SLUICE_FIELDS(SLUICE_FIELD_ENUM)
#undef SLUICE_FIELD_ENUM
	SLUICE_FIELD_COUNT
};

#define SLUICE_FIELD_BIT(field) (1U << (field))
#define SLUICE_SHARE_ALL ((1U << SLUICE_FIELD_COUNT) - 1)

/* ------------------------------------------------------------------ ring */

struct sluice_ring_consumer {
	__u64 position;		/* written by the reader, bytes consumed */
};

struct sluice_ring_producer {
	__u64 position;		/* bytes reserved so far */
	__u64 lost_records;	/* records that found no room, since open */
	__u64 lost_bytes;	/* their payload */
	__u32 data_size;	/* bytes of the data area, mapped twice */
	__u32 abi_version;	/* SLUICE_ABI_VERSION */
	__u32 index;		/* this ring, 0 .. count - 1 */
	__u32 count;		/* rings of this network namespace */
};

#define SLUICE_RECORD_ALIGN 8
#define SLUICE_RECORD_BUSY (1U << 31)	 /* reserved, not yet committed */
#define SLUICE_RECORD_DISCARD (1U << 30) /* given up by the producer: skip it */
#define SLUICE_RECORD_LENGTH_MASK (SLUICE_RECORD_DISCARD - 1)

enum sluice_record_type {
	SLUICE_RECORD_SESSION = 1,
	SLUICE_RECORD_DATA,
	SLUICE_RECORD_END,
	SLUICE_RECORD_LOST,
};

/* Every record starts with this.  length includes it and excludes padding. */
struct sluice_record {
	__u32 length;
	__u16 type;		/* enum sluice_record_type; skip unknown ones */
	__u16 flags;		/* by type */
};

/*
 * The two directions of a session.  The opener is the source of conntrack's
 * original tuple: the end that sent the first packet.
 */
enum sluice_direction {
	SLUICE_DIR_OPENER = 0,	/* sent by the opener */
	SLUICE_DIR_ANSWERER = 1, /* sent by the answerer */
	SLUICE_DIR_COUNT
};

struct sluice_tuple {
	__u8 src_ip[16];
	__u8 dst_ip[16];
	__be16 src_port;
	__be16 dst_port;
	__u32 reserved;
};

/* flags of SLUICE_RECORD_SESSION */
#define SLUICE_SESSION_MIDSTREAM (1U << 0) /* begin not seen: SYN, or first datagram */
#define SLUICE_SESSION_LOCAL_IN (1U << 1)  /* ends on this host */
#define SLUICE_SESSION_LOCAL_OUT (1U << 2) /* begins on this host */

#define SLUICE_UID_NONE 0xffffffffU

/* SLUICE_RECORD_SESSION: always precedes every other record of its session. */
struct sluice_record_session {
	struct sluice_record hdr;
	__u64 session;		/* unique while the module is loaded, never 0 */
	__u64 time;		/* CLOCK_REALTIME, ns */
	/*
	 * As conntrack has them.  original: the opener as it really is to where
	 * it thinks it talks.  reply: the answerer as it really is to where it
	 * thinks it answers.  So original.src and reply.src are the two ends
	 * untranslated; reply.dst and original.dst are how each end appears to
	 * the other, and differ from the former only under NAT.
	 */
	struct sluice_tuple original;
	struct sluice_tuple reply;
	__u64 related;		/* session of the conntrack master, or 0 */
	__u64 netns;		/* inode number of the network namespace */
	__u32 ct_id;		/* what `conntrack -o id` prints */
	__u32 ct_mark;
	__u32 skb_mark;
	__u32 zone;		/* conntrack zone of the original direction */
	__u32 in_ifindex;
	__u32 out_ifindex;
	__u32 vrf_ifindex;	/* layer 3 master of the in interface, or 0 */
	__u32 uid;		/* of a local end's socket (both: the opener's), or UID_NONE */
	__u32 share_mask;	/* when the session was found */
	__u32 share_generation;
	__u8 family;		/* AF_INET or AF_INET6 */
	__u8 protocol;		/* IPPROTO_TCP or IPPROTO_UDP */
	__u16 reserved0;
	__u32 reserved1;
	char in_name[16];	/* NUL terminated interface names */
	char out_name[16];
};

/* flags of SLUICE_RECORD_DATA: the low byte is that of the TCP header, 0 with UDP */
#define SLUICE_DATA_FIN 0x01
#define SLUICE_DATA_SYN 0x02
#define SLUICE_DATA_RST 0x04
#define SLUICE_DATA_PSH 0x08
#define SLUICE_DATA_ACK 0x10
#define SLUICE_DATA_URG 0x20
#define SLUICE_DATA_LOST 0x0100	/* records of this direction were lost before */
#define SLUICE_DATA_DATAGRAM 0x0200 /* one of UDP */

/*
 * SLUICE_RECORD_DATA: one packet (a GSO packet is one) that carries payload,
 * SYN, FIN or RST.  The payload follows the struct: length - sizeof bytes.
 *
 * With UDP one whole datagram that is not empty, put together where it came in
 * fragments, taken apart where it came in a GSO packet.  sequence, acknowledgment and
 * urgent are 0.
 */
struct sluice_record_data {
	struct sluice_record hdr;
	__u64 session;
	__u64 time;		/* CLOCK_REALTIME, ns */
	__u32 sequence;		/* of the TCP header */
	__u32 acknowledgment;
	__u8 direction;		/* enum sluice_direction */
	__u8 reserved0;
	__u16 urgent;
	__u32 reserved1;
	__u64 lost_bytes;	/* payload of this direction lost so far */
	__u8 payload[];
};

enum sluice_end_reason {
	SLUICE_END_FIN = 1,	/* both directions finished */
	SLUICE_END_RST,
	SLUICE_END_TIMEOUT,	/* idle for longer than session_timeout or udp_timeout */
	SLUICE_END_EVICTED,	/* the table was full and this one the idlest */
	SLUICE_END_REUSED,	/* a new connection took its addresses */
	SLUICE_END_SHUNT,	/* the agent or the filter asked for no more */
	SLUICE_END_CLOSED,	/* its ring was closed; only in SESSION_END_NTF */
};

struct sluice_direction_count {
	__u64 packets;		/* seen by the hook */
	__u64 bytes;		/* payload seen by the hook: captured, skipped and lost */
	__u64 skipped_bytes;	/* payload left out by skip or shunt */
	__u64 lost_records;
	__u64 lost_bytes;
};

/* SLUICE_RECORD_END: the last record of a session. */
struct sluice_record_end {
	struct sluice_record hdr;
	__u64 session;
	__u64 time;
	__u32 reason;		/* enum sluice_end_reason */
	__u32 reserved;
	struct sluice_direction_count count[SLUICE_DIR_COUNT];
};

/*
 * SLUICE_RECORD_LOST: the ring was full before this record.  At all times
 * records tried = records delivered + sum of lost records, LOST itself aside.
 */
struct sluice_record_lost {
	struct sluice_record hdr;
	__u64 time;
	__u64 records;		/* lost since the last LOST record */
	__u64 bytes;
};

/* --------------------------------------------------------- generic netlink */

#define SLUICE_GENL_NAME "sluice"
#define SLUICE_GENL_VERSION 1

/* Both groups require CAP_NET_ADMIN to join. */
#define SLUICE_MCGRP_CONFIG "config"	 /* SETTINGS_NTF, SHARE_NTF */
#define SLUICE_MCGRP_SESSIONS "sessions" /* SESSION_BEGIN_NTF, SESSION_END_NTF */

/*
 * Requests marked [admin] need CAP_NET_ADMIN in the user namespace that owns
 * the network namespace, [host] in the initial user namespace.
 *
 * SETTINGS_GET    -> settings attributes of this network namespace
 * SETTINGS_SET    [admin] any subset of them; all or nothing
 * SHARE_GET       -> SHARE_MASK, SHARE_GENERATION
 * SHARE_SET       [host] SHARE_MASK new bits, SHARE_SELECT which bits change
 * RING_OPEN       [admin] RING_INDEX, RING_COUNT, RING_SIZE (optional)
 *                 -> RING_FD, RING_SIZE
 * SESSION_GET     [admin] dump: one message a session; with SESSION_ID: one
 * SKIP            [admin] SESSION_ID, DIRECTION, SEQUENCE, LENGTH; TCP only.  Bytes
 *                 of that range which come from now on are left out, exactly those
 *                 (with SYN, RST or URG, and at its begin with FIN, a packet is taken
 *                 whole or not at all).  A direction has one range: another one
 *                 that touches it is more of it, else it takes its place.
 * SHUNT           [admin] SESSION_ID
 * STATS_GET       -> one attribute a counter
 */
enum sluice_cmd {
	SLUICE_CMD_UNSPEC,
	SLUICE_CMD_SETTINGS_GET,
	SLUICE_CMD_SETTINGS_SET,
	SLUICE_CMD_SETTINGS_NTF,
	SLUICE_CMD_SHARE_GET,
	SLUICE_CMD_SHARE_SET,
	SLUICE_CMD_SHARE_NTF,
	SLUICE_CMD_RING_OPEN,
	SLUICE_CMD_SESSION_GET,
	SLUICE_CMD_SESSION_BEGIN_NTF,
	SLUICE_CMD_SESSION_END_NTF,
	SLUICE_CMD_SKIP,
	SLUICE_CMD_SHUNT,
	SLUICE_CMD_STATS_GET,
	__SLUICE_CMD_MAX
};
#define SLUICE_CMD_MAX (__SLUICE_CMD_MAX - 1)

/* where the module listens: bits of SLUICE_A_SETTINGS_HOOKS */
#define SLUICE_HOOK_FORWARD (1U << 0)
#define SLUICE_HOOK_LOCAL (1U << 1)	/* LOCAL_IN and LOCAL_OUT */
#define SLUICE_HOOK_ALL (SLUICE_HOOK_FORWARD | SLUICE_HOOK_LOCAL)

/*
 * Settings of a network namespace.
 * X(CONSTANT, name, minimum, maximum, default, unit, help)
 */
#define SLUICE_SETTINGS(X)                                                              \
	X(HOOKS, hooks, 1, SLUICE_HOOK_ALL, SLUICE_HOOK_FORWARD, "flags",               \
	  "where to listen: forward, local")                                            \
	X(MAX_SESSIONS, max_sessions, 16, 4194304, 131072, "sessions",                  \
	  "sessions kept at most; the idlest is evicted for a new one")                 \
	X(SESSION_TIMEOUT, session_timeout, 1, 86400, 300, "seconds",                   \
	  "a session without packets for this long is ended")                           \
	X(IGNORE_MARK, ignore_mark, 0, 0xffffffff, 0x51c1ce, "mark",                    \
	  "sessions whose first packet carries this socket mark are not captured; 0: none") \
	X(RING_SIZE, ring_size, 65536, 268435456, 8388608, "bytes",                     \
	  "data area of a ring opened without a size; a power of two")                  \
	X(WAKE_BYTES, wake_bytes, 0, 134217728, 65536, "bytes",                         \
	  "wake the reader once this much is waiting")                                  \
	X(WAKE_MSEC, wake_msec, 1, 10000, 10, "milliseconds",                           \
	  "wake the reader at the latest this long after a record")                     \
	X(UDP_TIMEOUT, udp_timeout, 1, 86400, 60, "seconds",                            \
	  "a session of UDP without packets for this long is ended")

/* An entry of SLUICE_A_SETTINGS_UDP_PORTS. */
struct sluice_port_range {
	__u16 first;		/* 1 .. 65535 */
	__u16 last;		/* not below first */
};

/* An entry of SLUICE_A_SETTINGS_UDP_PREFIXES. */
struct sluice_prefix {
	__u8 ip[16];		/* bits beyond length are 0 */
	__u8 family;		/* AF_INET or AF_INET6 */
	__u8 length;		/* in bits: 0 .. 32 or 128 */
	__u16 reserved;		/* 0 */
};

#define SLUICE_UDP_ENTRIES_MAX 32

/*
 * Settings that are lists; an empty one clears.  A session of UDP is captured when an
 * address or a port of it is in one of them, of either end, before or after NAT; or when
 * conntrack calls it related to one that is.  Both are empty by default: no UDP is captured.
 * A change holds for sessions that begin after it.
 * X(CONSTANT, name, type of an entry, help)
 */
#define SLUICE_LISTS(X)                                                                 \
	X(UDP_PORTS, udp_ports, struct sluice_port_range,                               \
	  "UDP ports whose sessions are captured")                                      \
	X(UDP_PREFIXES, udp_prefixes, struct sluice_prefix,                             \
	  "prefixes of addresses whose sessions of UDP are captured")

/*
 * Counters of a network namespace.  At all times bytes + udp_bytes = bytes_delivered +
 * lost_bytes + skipped_bytes + shunted_bytes + ignored_bytes + missed_bytes, but for packets
 * being handled.
 * X(CONSTANT, name, help)
 */
#define SLUICE_STATS(X)                                                          \
	X(PACKETS, packets, "TCP packets of tracked connections seen")           \
	X(BYTES, bytes, "their payload")                                         \
	X(UDP_PACKETS, udp_packets, "datagrams of captured sessions seen")       \
	X(UDP_BYTES, udp_bytes, "their payload")                                 \
	X(SESSIONS, sessions, "sessions begun")                                  \
	X(SESSIONS_UDP, sessions_udp, "of these, of UDP")                        \
	X(SESSIONS_ENDED, sessions_ended, "sessions ended")                      \
	X(SESSIONS_EVICTED, sessions_evicted, "of these, evicted from a full table") \
	X(RECORDS, records, "records tried: delivered and lost")                 \
	X(RECORDS_DELIVERED, records_delivered, "records written to a ring")     \
	X(BYTES_DELIVERED, bytes_delivered, "payload written to a ring")         \
	X(LOST_RING_FULL, lost_ring_full, "records lost: no room in the ring")   \
	X(LOST_TOO_BIG, lost_too_big, "records lost: larger than a quarter of the ring") \
	X(LOST_UNREADABLE, lost_unreadable, "records lost: payload could not be read") \
	X(LOST_BYTES, lost_bytes, "payload of all lost records")                 \
	X(MISSED_INVALID, missed_invalid,                                        \
	  "packets not captured: invalid to conntrack or not tracked")           \
	X(MISSED_MALFORMED, missed_malformed, "packets not captured: no readable header") \
	X(MISSED_TABLE_FULL, missed_table_full, "packets not captured: session table full") \
	X(MISSED_NO_MEMORY, missed_no_memory, "packets not captured: no memory for a session") \
	X(MISSED_NO_RING, missed_no_ring,                                        \
	  "packets not captured: the session's ring is not open")                \
	X(MISSED_BYTES, missed_bytes,                                            \
	  "payload of TCP packets not captured: no session for them")            \
	X(IGNORED_MARK, ignored_mark, "sessions not captured: ignore_mark")      \
	X(IGNORED_BYTES, ignored_bytes, "their payload")                         \
	X(SKIPPED_BYTES, skipped_bytes, "payload left out because of skip")      \
	X(SHUNTED_BYTES, shunted_bytes, "payload left out because of shunt")     \
	X(SHUNTED_SESSIONS, shunted_sessions, "sessions shunted")                \
	X(CONSUMER_ERRORS, consumer_errors, "nonsense positions in a consumer page") \
	X(NOTIFY_ERRORS, notify_errors, "notifications that could not be sent")

enum sluice_attr {
	SLUICE_A_UNSPEC,
	SLUICE_A_PAD,

	/* settings: u32 each */
#define SLUICE_SETTING_ENUM(id, name, min, max, def, unit, help) SLUICE_A_SETTINGS_##id,
	SLUICE_SETTINGS(SLUICE_SETTING_ENUM)
#undef SLUICE_SETTING_ENUM

	/* arrays in binary, SLUICE_UDP_ENTRIES_MAX entries at most */
#define SLUICE_LIST_ENUM(id, name, type, help) SLUICE_A_SETTINGS_##id,
	SLUICE_LISTS(SLUICE_LIST_ENUM)
#undef SLUICE_LIST_ENUM

	SLUICE_A_SHARE_MASK,		/* u32, SLUICE_FIELD_BIT()s; set: shared */
	SLUICE_A_SHARE_SELECT,		/* u32 */
	SLUICE_A_SHARE_GENERATION,	/* u32, one more at every change */

	SLUICE_A_RING_INDEX,		/* u32 */
	SLUICE_A_RING_COUNT,		/* u32, 1 .. SLUICE_RINGS_MAX */
	SLUICE_A_RING_SIZE_BYTES,	/* u32, power of two */
	SLUICE_A_RING_FD,		/* s32 */

	SLUICE_A_SESSION_ID,		/* u64 */
	SLUICE_A_SESSION_RECORD,	/* binary, struct sluice_record_session */
	SLUICE_A_SESSION_END_RECORD,	/* binary, struct sluice_record_end; reason 0: none */
	SLUICE_A_SESSION_IDLE_MSEC,	/* u64 */
	SLUICE_A_SESSION_RING,		/* u32 */
	SLUICE_A_SESSION_SHUNTED,	/* flag */

	SLUICE_A_DIRECTION,		/* u32, enum sluice_direction */
	SLUICE_A_SEQUENCE,		/* u32, TCP sequence number of the first byte */
	SLUICE_A_LENGTH,		/* u64, bytes, 1 .. SLUICE_SKIP_MAX */

	/* statistics: u64 each */
#define SLUICE_STAT_ENUM(id, name, help) SLUICE_A_STATS_##id,
	SLUICE_STATS(SLUICE_STAT_ENUM)
#undef SLUICE_STAT_ENUM
	SLUICE_A_STATS_SESSIONS_NOW,	/* u32, sessions in the table */
	SLUICE_A_STATS_RINGS_OPEN,	/* u32 */
	SLUICE_A_STATS_RINGS_COUNT,	/* u32, 0: none open */

	__SLUICE_A_MAX
};
#define SLUICE_A_MAX (__SLUICE_A_MAX - 1)

#define SLUICE_RINGS_MAX 64
#define SLUICE_SKIP_MAX (1ULL << 62)

#endif /* _UAPI_LINUX_SLUICE_H */
