// SPDX-License-Identifier: MIT
/*
 * ringtool: reads a ring and prints every record as a line.
 *
 *	ringtool [--index N] [--count N] [--size BYTES] [--payload DIR]
 *	         [--stall] [--nonsense]
 *	ringtool --protection
 *
 * Prints "open size=..." first.  Reads until SIGTERM, then what is still there,
 * then a summary.  With --stall it reads nothing before SIGUSR1.  With --nonsense
 * it leaves impossible positions in its consumer page before SIGUSR1.  With
 * --payload the bytes of direction D of session S go to DIR/S.D, each at its place
 * in the stream.
 *
 * Checks all the time that records are whole and in order, and at the end that
 *
 *	records tried = records read + records lost
 *
 * by the module's statistics, by the producer page and by what came through the
 * ring.  Exit status 1 when anything was wrong.  --protection tries to map what may
 * not be mapped.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/sluice.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "genl.h"

#define SESSIONS 65536

static struct ring {
	int fd;
	uint32_t size;
	size_t page;
	struct sluice_ring_consumer *consumer;
	const struct sluice_ring_producer *producer;
	const unsigned char *data;
	uint64_t position;
} ring;

static struct totals {
	uint64_t records;	/* read, without LOST and discarded ones */
	uint64_t bytes;
	uint64_t lost_records;	/* as LOST records say */
	uint64_t lost_bytes;
} total;

/* What is known of a session: by its id modulo SESSIONS, enough for a test. */
static struct seen {
	uint64_t id;
	bool begun, ended;
	bool base_known[SLUICE_DIR_COUNT];
	uint32_t base[SLUICE_DIR_COUNT];	/* sequence number of the first byte */
	bool datagrams;				/* UDP: base is what came so far */
	uint64_t lost_bytes[SLUICE_DIR_COUNT];
} seen[SESSIONS];

static const char *payload_dir;
static volatile sig_atomic_t stop, go;
static unsigned int wrongs;

static void on_signal(int number)
{
	if (number == SIGUSR1)
		go = 1;
	else
		stop = 1;
}

static void __attribute__((format(printf, 1, 2))) wrong(const char *format, ...)
{
	va_list args;

	wrongs++;
	printf("WRONG ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static uint64_t stats[SLUICE_A_MAX + 1];

static void take_stat(uint8_t cmd, const unsigned char *at, size_t left, void *arg)
{
	const struct nlattr *attr;

	(void)cmd;
	(void)arg;
	memset(stats, 0, sizeof(stats));
	while (genl_attr_next(&at, &left, &attr))
		if (attr->nla_type <= SLUICE_A_MAX)
			memcpy(&stats[attr->nla_type], genl_attr_data(attr),
			       genl_attr_length(attr) < 8 ? genl_attr_length(attr) : 8);
}

static void read_stats(struct genl *genl, uint64_t out[SLUICE_A_MAX + 1])
{
	struct genl_message message;
	struct genl_error error;

	genl_begin(genl, &message, SLUICE_CMD_STATS_GET, 0);
	if (genl_ask(genl, &message, take_stat, NULL, &error))
		errx(3, "statistics: %s %s", strerror(error.code), error.text);
	memcpy(out, stats, sizeof(stats));
}

static void take_fd(uint8_t cmd, const unsigned char *at, size_t left, void *arg)
{
	const struct nlattr *attr;

	(void)cmd;
	(void)arg;
	while (genl_attr_next(&at, &left, &attr)) {
		if (attr->nla_type == SLUICE_A_RING_FD)
			memcpy(&ring.fd, genl_attr_data(attr), sizeof(ring.fd));
		else if (attr->nla_type == SLUICE_A_RING_SIZE_BYTES)
			memcpy(&ring.size, genl_attr_data(attr), sizeof(ring.size));
	}
}

static void ring_open(struct genl *genl, uint32_t index, uint32_t count, uint32_t size)
{
	struct genl_message message;
	struct genl_error error;

	genl_begin(genl, &message, SLUICE_CMD_RING_OPEN, 0);
	genl_put(&message, SLUICE_A_RING_INDEX, &index, sizeof(index));
	genl_put(&message, SLUICE_A_RING_COUNT, &count, sizeof(count));
	if (size)
		genl_put(&message, SLUICE_A_RING_SIZE_BYTES, &size, sizeof(size));
	ring.fd = -1;
	if (genl_ask(genl, &message, take_fd, NULL, &error))
		errx(3, "ring: %s %s", strerror(error.code), error.text);
	if (ring.fd < 0)
		errx(3, "ring: no descriptor in the answer");
	if (!(fcntl(ring.fd, F_GETFD) & FD_CLOEXEC))
		wrong("the descriptor would survive exec");
}

static void *map(int protection, size_t length, size_t offset)
{
	return mmap(NULL, length, protection, MAP_SHARED, ring.fd, offset);
}

static void ring_map(void)
{
	size_t length = 2 * ring.page + 2 * (size_t)ring.size;
	unsigned char *all = map(PROT_READ, length, 0);

	ring.consumer = map(PROT_READ | PROT_WRITE, ring.page, 0);
	if (all == MAP_FAILED || ring.consumer == MAP_FAILED)
		err(3, "mmap");
	ring.producer = (const void *)(all + ring.page);
	ring.data = all + 2 * ring.page;
	if (ring.producer->data_size != ring.size ||
	    ring.producer->abi_version != SLUICE_ABI_VERSION)
		wrong("producer page: size %u version %u", ring.producer->data_size,
		      ring.producer->abi_version);
}

static void refuse(const char *what, const void *p)
{
	if (p != MAP_FAILED)
		wrong("may map %s", what);
	else
		printf("refused %s: %s\n", what, strerror(errno));
}

static void try_protection(void)
{
	size_t all = 2 * ring.page + 2 * (size_t)ring.size;
	int rw = PROT_READ | PROT_WRITE;
	void *p;

	refuse("everything writable", map(rw, all, 0));
	refuse("the producer page writable", map(rw, ring.page, ring.page));
	refuse("data writable", map(rw, ring.page, 2 * ring.page));
	refuse("two pages writable", map(rw, 2 * ring.page, 0));
	refuse("more than there is", map(PROT_READ, all + ring.page, 0));
	refuse("what comes after", map(PROT_READ, ring.page, all));
	refuse("a private writable copy",
	       mmap(NULL, ring.page, rw, MAP_PRIVATE, ring.fd, 0));
	p = map(PROT_READ, all, 0);
	if (p == MAP_FAILED)
		wrong("cannot map everything for reading");
	else if (!mprotect(p, all, rw))
		wrong("may make everything writable afterwards");
	p = map(rw, ring.page, 0);
	if (p == MAP_FAILED)
		wrong("cannot map the consumer page for writing");
}

static const char *address(int family, const uint8_t ip[16], uint16_t port)
{
	static char text[4][INET6_ADDRSTRLEN + 8];
	static unsigned int turn;
	char *to = text[turn++ % 4];
	char ip_text[INET6_ADDRSTRLEN];

	inet_ntop(family, ip, ip_text, sizeof(ip_text));
	snprintf(to, sizeof(text[0]), "%s#%u", ip_text, ntohs(port));
	return to;
}

static struct seen *known(uint64_t id, const char *what)
{
	struct seen *s = &seen[id % SESSIONS];

	if (s->id != id || !s->begun)
		wrong("%s of session %" PRIu64 " that has not begun", what, id);
	else if (s->ended)
		wrong("%s of session %" PRIu64 " that has ended", what, id);
	return s;
}

static void print_session(const struct sluice_record_session *r)
{
	struct seen *s = &seen[r->session % SESSIONS];

	if (s->id == r->session)
		wrong("session %" PRIu64 " begins again", (uint64_t)r->session);
	*s = (struct seen){ .id = r->session, .begun = true,
			    .datagrams = r->protocol == IPPROTO_UDP };
	printf("session id=%" PRIu64 " original=%s>%s reply=%s>%s", (uint64_t)r->session,
	       address(r->family, r->original.src_ip, r->original.src_port),
	       address(r->family, r->original.dst_ip, r->original.dst_port),
	       address(r->family, r->reply.src_ip, r->reply.src_port),
	       address(r->family, r->reply.dst_ip, r->reply.dst_port));
	printf(" flags=%u in=%s out=%s mark=%u ctmark=%u ctid=%u zone=%u netns=%" PRIu64
	       " vrf=%u uid=%d related=%" PRIu64 " share=%x generation=%u protocol=%u\n",
	       r->hdr.flags, r->in_name, r->out_name, r->skb_mark, r->ct_mark,
	       r->ct_id, r->zone, (uint64_t)r->netns, r->vrf_ifindex, (int)r->uid,
	       (uint64_t)r->related, r->share_mask, r->share_generation,
	       r->protocol);
}

/* Of the payload, in the stream of its direction. */
static uint32_t place(const struct sluice_record_data *r, const struct seen *s)
{
	if (s->datagrams)
		return s->base[r->direction];
	return r->sequence + !!(r->hdr.flags & SLUICE_DATA_SYN) - s->base[r->direction];
}

static void store_payload(const struct sluice_record_data *r, const struct seen *s, size_t length)
{
	char name[4096];
	int fd;

	snprintf(name, sizeof(name), "%s/%" PRIu64 ".%u", payload_dir, (uint64_t)r->session,
		 r->direction);
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || pwrite(fd, r->payload, length, place(r, s)) != (ssize_t)length)
		err(3, "%s", name);
	close(fd);
}

static void print_data(const struct sluice_record_data *r)
{
	struct seen *s = known(r->session, "data");
	size_t length = r->hdr.length - sizeof(*r);
	unsigned int d = r->direction;

	if (d >= SLUICE_DIR_COUNT) {
		wrong("direction %u", d);
		return;
	}
	if (s->datagrams != !!(r->hdr.flags & SLUICE_DATA_DATAGRAM))
		wrong("flags %x in session %" PRIu64, r->hdr.flags, (uint64_t)r->session);
	if (s->datagrams && (r->sequence || r->acknowledgment || r->urgent || !length ||
			     r->hdr.flags & 0xff))
		wrong("a datagram with words of TCP in session %" PRIu64, (uint64_t)r->session);
	if (!s->datagrams && !s->base_known[d]) {
		s->base_known[d] = true;
		s->base[d] = r->sequence + !!(r->hdr.flags & SLUICE_DATA_SYN);
	}
	if (r->lost_bytes < s->lost_bytes[d])
		wrong("lost bytes shrink in session %" PRIu64, (uint64_t)r->session);
	if (r->lost_bytes > s->lost_bytes[d] && !(r->hdr.flags & SLUICE_DATA_LOST))
		wrong("a loss in session %" PRIu64 " without its flag", (uint64_t)r->session);
	s->lost_bytes[d] = r->lost_bytes;
	total.bytes += length;
	printf("data id=%" PRIu64 " dir=%u at=%u flags=%03x length=%zu lost_bytes=%" PRIu64
	       " ack=%u sequence=%u\n",
	       (uint64_t)r->session, d, place(r, s), r->hdr.flags, length,
	       (uint64_t)r->lost_bytes, r->acknowledgment, r->sequence);
	if (payload_dir && length)
		store_payload(r, s, length);
	if (s->datagrams)
		s->base[d] += length;
}

static void print_pair(const char *name, uint64_t opener, uint64_t answerer)
{
	printf(" %s=%" PRIu64 ",%" PRIu64, name, opener, answerer);
}

static void print_end(const struct sluice_record_end *r)
{
	static const char * const reasons[] = {
		[SLUICE_END_FIN] = "fin", [SLUICE_END_RST] = "rst",
		[SLUICE_END_TIMEOUT] = "timeout", [SLUICE_END_EVICTED] = "evicted",
		[SLUICE_END_REUSED] = "reused", [SLUICE_END_SHUNT] = "shunt",
	};
	const struct sluice_direction_count *c = r->count;

	known(r->session, "end")->ended = true;
	if (r->reason >= sizeof(reasons) / sizeof(reasons[0]) || !reasons[r->reason]) {
		wrong("end for reason %u", r->reason);
		return;
	}
	printf("end id=%" PRIu64 " reason=%s", (uint64_t)r->session, reasons[r->reason]);
	print_pair("packets", c[0].packets, c[1].packets);
	print_pair("bytes", c[0].bytes, c[1].bytes);
	print_pair("skipped", c[0].skipped_bytes, c[1].skipped_bytes);
	print_pair("lost_records", c[0].lost_records, c[1].lost_records);
	print_pair("lost_bytes", c[0].lost_bytes, c[1].lost_bytes);
	printf("\n");
}

static void print_record(const struct sluice_record *r)
{
	const struct sluice_record_lost *lost = (const void *)r;

	if (r->type != SLUICE_RECORD_LOST)
		total.records++;
	switch (r->type) {
	case SLUICE_RECORD_SESSION:
		print_session((const void *)r);
		break;
	case SLUICE_RECORD_DATA:
		print_data((const void *)r);
		break;
	case SLUICE_RECORD_END:
		print_end((const void *)r);
		break;
	case SLUICE_RECORD_LOST:
		total.lost_records += lost->records;
		total.lost_bytes += lost->bytes;
		printf("lost records=%" PRIu64 " bytes=%" PRIu64 "\n", (uint64_t)lost->records,
		       (uint64_t)lost->bytes);
		break;
	default:
		wrong("record of type %u", r->type);
	}
}

static size_t least(uint16_t type)
{
	switch (type) {
	case SLUICE_RECORD_SESSION:
		return sizeof(struct sluice_record_session);
	case SLUICE_RECORD_DATA:
		return sizeof(struct sluice_record_data);
	case SLUICE_RECORD_END:
		return sizeof(struct sluice_record_end);
	case SLUICE_RECORD_LOST:
		return sizeof(struct sluice_record_lost);
	}
	return sizeof(struct sluice_record);
}

static void ring_drain(void)
{
	uint64_t end = __atomic_load_n(&ring.producer->position, __ATOMIC_ACQUIRE);

	if (end - ring.position > ring.size)
		wrong("more waits than fits: %" PRIu64, end - ring.position);
	while (ring.position < end) {
		size_t at = ring.position & (ring.size - 1);
		const struct sluice_record *r = (const void *)(ring.data + at);
		uint32_t word = __atomic_load_n(&r->length, __ATOMIC_ACQUIRE);
		uint32_t length = word & SLUICE_RECORD_LENGTH_MASK;

		if (word & SLUICE_RECORD_BUSY)
			break;
		if (length < least(r->type) || length > ring.size / 4) {
			wrong("record of type %u with %u bytes at %" PRIu64, r->type, length,
			      ring.position);
			exit(1);
		}
		if (!(word & SLUICE_RECORD_DISCARD))
			print_record(r);
		ring.position += (length + SLUICE_RECORD_ALIGN - 1) &
				 ~(uint64_t)(SLUICE_RECORD_ALIGN - 1);
		__atomic_store_n(&ring.consumer->position, ring.position, __ATOMIC_RELEASE);
	}
	fflush(stdout);
}

/* Without a time limit: a missing wake-up shows. */
static void ring_read(const sigset_t *waiting)
{
	struct pollfd wait = { .fd = ring.fd, .events = POLLIN };

	while (!stop) {
		ring_drain();
		ppoll(&wait, 1, NULL, waiting);
	}
	ring_drain();
}

static void compare(const char *what, uint64_t a, uint64_t b)
{
	if (a != b)
		wrong("%s: %" PRIu64 " and %" PRIu64, what, a, b);
}

static void check(const uint64_t before[], const uint64_t after[])
{
#define DELTA(name) (after[SLUICE_A_STATS_##name] - before[SLUICE_A_STATS_##name])
	uint64_t lost = DELTA(LOST_RING_FULL) + DELTA(LOST_TOO_BIG) + DELTA(LOST_UNREADABLE);

	printf("summary tried=%" PRIu64 " read=%" PRIu64 " lost=%" PRIu64 " bytes=%" PRIu64
	       " lost_bytes=%" PRIu64 " consumer_errors=%" PRIu64 "\n",
	       DELTA(RECORDS), total.records, lost, total.bytes, DELTA(LOST_BYTES),
	       DELTA(CONSUMER_ERRORS));
	compare("tried, delivered and lost", DELTA(RECORDS), DELTA(RECORDS_DELIVERED) + lost);
	compare("delivered and read", DELTA(RECORDS_DELIVERED), total.records);
	compare("delivered and read bytes", DELTA(BYTES_DELIVERED), total.bytes);
	compare("lost and the producer page", lost, ring.producer->lost_records);
	compare("lost bytes and the producer page", DELTA(LOST_BYTES), ring.producer->lost_bytes);
	if (total.lost_records > lost || total.lost_bytes > DELTA(LOST_BYTES))
		wrong("LOST records tell of %" PRIu64 " lost", total.lost_records);
#undef DELTA
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "index", required_argument, NULL, 'i' },
		{ "count", required_argument, NULL, 'c' },
		{ "size", required_argument, NULL, 's' },
		{ "payload", required_argument, NULL, 'p' },
		{ "stall", no_argument, NULL, 'w' },
		{ "nonsense", no_argument, NULL, 'n' },
		{ "protection", no_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	const struct sigaction action = { .sa_handler = on_signal };
	uint64_t before[SLUICE_A_MAX + 1], after[SLUICE_A_MAX + 1];
	bool stall = false, nonsense = false, protection = false;
	uint32_t index = 0, count = 1, size = 0;
	sigset_t blocked, waiting;
	int option;
	struct genl genl;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'i': index = atoi(optarg); break;
		case 'c': count = atoi(optarg); break;
		case 's': size = atoi(optarg); break;
		case 'p': payload_dir = optarg; break;
		case 'w': stall = true; break;
		case 'n': stall = nonsense = true; break;
		case 'm': protection = true; break;
		default: return 2;
		}
	}
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &waiting);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);

	ring.page = sysconf(_SC_PAGESIZE);
	genl_open(&genl, SLUICE_GENL_NAME);
	read_stats(&genl, before);
	ring_open(&genl, index, count, size);
	if (protection) {
		try_protection();
		return wrongs ? 1 : 0;
	}
	ring_map();
	printf("open size=%u index=%u count=%u\n", ring.size, ring.producer->index,
	       ring.producer->count);
	fflush(stdout);
	if (nonsense)
		ring.consumer->position = UINT64_MAX - 7;
	while (stall && !go && !stop)
		sigsuspend(&waiting);
	if (nonsense)
		ring.consumer->position = 0;
	ring_read(&waiting);
	read_stats(&genl, after);
	check(before, after);
	return wrongs ? 1 : 0;
}
