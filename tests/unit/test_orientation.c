// SPDX-License-Identifier: MIT
/*
 * Who is who: source is who sent the file, destination who received it, client and server
 * beside them, and NAT, interfaces, zones and users with their end; whoever opened the
 * connection, in every protocol shape, over both versions of IP.
 */
#include <kselftest_harness.h>

#include "announced.h"

#include "policy/envelope.h"
#include "policy/vsys.h"

#include <jansson.h>

#define CONTENT "hello"

/* One of the tested situations. */
struct situation {
	bool v6, snat, dnat;
	enum session_local local; /* of the client: OPENER, of the server: ANSWERER */
};

static const char *address(const struct situation *x, const char *v4, const char *v6)
{
	return x->v6 ? v6 : v4;
}

/* The session of a client and a server, as a source that saw its begin tells it. */
static struct session_info session(const struct situation *x, bool server_opens,
				   uint16_t client_port, uint16_t server_port)
{
	enum dir client = server_opens ? DIR_ANSWERER : DIR_OPENER, server = dir_other(client);
	struct session_info i = {.uid = UINT32_MAX, .start = 1, .netns = 1, .protocol = 6};

	inet_parse(address(x, "192.0.2.1", "2001:db8::1"), &i.end[client]);
	inet_parse(address(x, "198.51.100.2", "2001:db8::2"), &i.end[server]);
	i.end[client].port = client_port;
	i.end[server].port = server_port;
	if (x->snat) {
		inet_parse(address(x, "203.0.113.7", "2001:db8::7"), &i.nat[client]);
		i.nat[client].port = client_port + 1;
	}
	if (x->dnat) {
		inet_parse(address(x, "203.0.113.8", "2001:db8::8"), &i.nat[server]);
		i.nat[server].port = server_port + 1;
	}
	strcpy(client == DIR_OPENER ? i.in_name : i.out_name, "lan0");
	strcpy(client == DIR_OPENER ? i.out_name : i.in_name, "wan0");
	if (x->local) {
		bool opener = (x->local == SESSION_LOCAL_OPENER) == (client == DIR_OPENER);

		i.local = opener ? SESSION_LOCAL_OPENER : SESSION_LOCAL_ANSWERER;
		i.uid = 1000;
	}
	return i;
}

static void begin(struct conversation *k, const struct session_info *info)
{
	proto_session_free(k->ps, FILE_REASON_NONE, 1);
	k->info = *info;
	k->info.id = 1;
	k->ps = proto_session_new(&k->env, &k->info);
}

/* ---------------------------------------------------------------- the shapes */

#define GET "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
#define GOT "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define PUT "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
#define PUT_DONE "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"

static void speak(struct conversation *k, enum dir client, const char *request,
		  const char *response, bool response_first)
{
	if (!response_first)
		say(k, client, request, strlen(request));
	say(k, dir_other(client), response, strlen(response));
}

static void http(struct conversation *k, const struct situation *x, bool upload)
{
	struct session_info i = session(x, false, 40000, 80);

	begin(k, &i);
	speak(k, DIR_OPENER, upload ? PUT : GET, upload ? PUT_DONE : GOT, false);
}

/* Seen from its middle, and the server's packet was the first. */
static void http_from_the_middle(struct conversation *k, const struct situation *x, bool upload)
{
	struct session_info i = session(x, true, 40000, 80);

	i.midstream = true;
	begin(k, &i);
	speak(k, DIR_ANSWERER, upload ? PUT : GET, upload ? PUT_DONE : GOT, false);
}

static void http2(struct conversation *k, enum dir client, bool upload)
{
	/* SETTINGS; :method GET or POST, :scheme http, :path /, :authority x; :status 200 */
	static const uint8_t preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
					 "\0\0\0\4\0\0\0\0\0";
	static const uint8_t get[] = "\0\0\6\1\5\0\0\0\1\x82\x86\x84\x41\1x";
	static const uint8_t post[] = "\0\0\6\1\4\0\0\0\1\x83\x86\x84\x41\1x"
				      "\0\0\5\0\1\0\0\0\1hello";
	static const uint8_t settings[] = "\0\0\0\4\0\0\0\0\0";
	static const uint8_t got[] = "\0\0\1\1\4\0\0\0\1\x88"
				     "\0\0\5\0\1\0\0\0\1hello";
	static const uint8_t done[] = "\0\0\1\1\5\0\0\0\1\x88";

	say(k, client, preface, sizeof(preface) - 1);
	if (upload)
		say(k, client, post, sizeof(post) - 1);
	else
		say(k, client, get, sizeof(get) - 1);
	say(k, dir_other(client), settings, sizeof(settings) - 1);
	if (upload)
		say(k, dir_other(client), done, sizeof(done) - 1);
	else
		say(k, dir_other(client), got, sizeof(got) - 1);
}

static void http2_opened_by_client(struct conversation *k, const struct situation *x, bool upload)
{
	struct session_info i = session(x, false, 40000, 80);

	begin(k, &i);
	http2(k, DIR_OPENER, upload);
}

static void http2_opened_by_server(struct conversation *k, const struct situation *x, bool upload)
{
	struct session_info i = session(x, true, 40000, 80);

	i.midstream = true;
	begin(k, &i);
	http2(k, DIR_ANSWERER, upload);
}

/* Mail: sent over SMTP, fetched over POP3 and IMAP. */
#define ATTACHED                                                                 \
	"Subject: x\r\nContent-Type: application/octet-stream; name=a.bin\r\n"   \
	"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"

static void mail(struct conversation *k, enum dir client, bool upload)
{
	enum dir server = dir_other(client);

#define SAY(dir, text) say(k, dir, text, strlen(text))
	if (upload) {
		SAY(server, "220 x ESMTP\r\n");
		SAY(client, "EHLO c\r\n");
		SAY(server, "250 x\r\n");
		SAY(client, "MAIL FROM:<a@x>\r\n");
		SAY(server, "250 ok\r\n");
		SAY(client, "RCPT TO:<b@x>\r\n");
		SAY(server, "250 ok\r\n");
		SAY(client, "DATA\r\n");
		SAY(server, "354 go\r\n");
		SAY(client, ATTACHED ".\r\n");
		SAY(server, "250 taken\r\n");
	} else {
		SAY(server, "+OK x\r\n");
		SAY(client, "USER u\r\n");
		SAY(server, "+OK\r\n");
		SAY(client, "PASS p\r\n");
		SAY(server, "+OK\r\n");
		SAY(client, "RETR 1\r\n");
		SAY(server, "+OK\r\n" ATTACHED ".\r\n");
	}
#undef SAY
}

static void mail_opened_by_client(struct conversation *k, const struct situation *x, bool upload)
{
	struct session_info i = session(x, false, 40000, upload ? 25 : 110);

	begin(k, &i);
	mail(k, DIR_OPENER, upload);
}

static void mail_opened_by_server(struct conversation *k, const struct situation *x, bool upload)
{
	struct session_info i = session(x, true, 40000, upload ? 25 : 110);

	i.midstream = true;
	begin(k, &i);
	mail(k, DIR_ANSWERER, upload);
}

static void ftp(struct conversation *k, const struct situation *x, bool upload, bool active)
{
	struct session_info i = session(x, false, 40000, 21), d;
	char text[128], client[INET_TEXT_MAX];
	enum dir data_client = active ? DIR_ANSWERER : DIR_OPENER;
	struct proto_session *data;

	begin(k, &i);
	answer(k, "220 ready\r\n");
	ask(k, "USER u\r\n");
	answer(k, "331 password\r\n");
	ask(k, "PASS p\r\n");
	answer(k, "230 welcome\r\n");
	snprintf(text, sizeof(text), "EPRT |%d|%s|40001|\r\n", x->v6 ? 2 : 1,
		 inet_text(&i.end[DIR_OPENER], client));
	ask(k, active ? text : "EPSV\r\n");
	answer(k, active ? "200 ok\r\n" : "229 Entering Extended Passive Mode (|||1025|)\r\n");
	ask(k, upload ? "STOR a\r\n" : "RETR a\r\n");
	answer(k, "150 go on\r\n");
	d = session(x, active, 40001, active ? 20 : 1025);
	d.id = 2;
	data = proto_session_new(&k->env, &d);
	proto_session_data(data, upload ? data_client : dir_other(data_client),
			   (const uint8_t *)CONTENT, 5, k->time++);
	proto_session_eof(data, upload ? data_client : dir_other(data_client), k->time++);
	answer(k, "226 done\r\n");
	proto_session_free(data, FILE_REASON_NONE, k->time++);
}

static void ftp_passive(struct conversation *k, const struct situation *x, bool upload)
{
	ftp(k, x, upload, false);
}

static void ftp_active(struct conversation *k, const struct situation *x, bool upload)
{
	ftp(k, x, upload, true);
}

/* The server answers from a port of its own, and so opens a session. */
static void tftp(struct conversation *k, const struct situation *x, bool upload)
{
	static const uint8_t ask_read[] = "\0\1a\0octet", ask_write[] = "\0\2a\0octet";
	static const uint8_t block[] = "\0\3\0\1hello", ack0[] = {0, 4, 0, 0},
			     ack1[] = {0, 4, 0, 1};
	struct session_info i = session(x, false, 40000, 69), d;
	struct proto_session *ps;

	i.protocol = IPPROTO_UDP;
	begin(k, &i);
	proto_session_datagram(k->ps, DIR_OPENER, upload ? ask_write : ask_read,
			       sizeof(ask_read), k->time++);
	d = session(x, true, 40000, 50000);
	d.protocol = IPPROTO_UDP;
	d.id = 2;
	ps = proto_session_new(&k->env, &d);
	if (upload) {
		proto_session_datagram(ps, DIR_OPENER, ack0, 4, k->time++);
		proto_session_datagram(ps, DIR_ANSWERER, block, sizeof(block) - 1, k->time++);
		proto_session_datagram(ps, DIR_OPENER, ack1, 4, k->time++);
	} else {
		proto_session_datagram(ps, DIR_OPENER, block, sizeof(block) - 1, k->time++);
		proto_session_datagram(ps, DIR_ANSWERER, ack1, 4, k->time++);
	}
	proto_session_free(ps, FILE_REASON_NONE, k->time++);
}

static const struct shape {
	const char *name;
	void (*run)(struct conversation *k, const struct situation *x, bool upload);
} shapes[] = {
	{"http", http},
	{"http, the server's packet first", http_from_the_middle},
	{"http/2", http2_opened_by_client},
	{"http/2, the server's packet first", http2_opened_by_server},
	{"mail", mail_opened_by_client},
	{"mail, the server's packet first", mail_opened_by_server},
	{"ftp, passive", ftp_passive},
	{"ftp, active", ftp_active},
	{"tftp", tftp},
};

/* ------------------------------------------------------------------ judgement */

static const char *at(json_t *root, const char *path)
{
	char copy[128], *state, *key;

	snprintf(copy, sizeof(copy), "%s", path);
	for (key = strtok_r(copy, ".", &state); key; key = strtok_r(NULL, ".", &state))
		root = json_object_get(root, key);
	return json_is_string(root) ? json_string_value(root) : "-";
}

static json_t *rendered(const struct sighting *s, bool local)
{
	struct policy all = policy_all(POLICY_SHARE);
	struct envelope_report report = {0};
	struct buf out;
	json_t *root = NULL;

	buf_init(&out, 1 << 20);
	if (local ? envelope_render_local(s, &out) : envelope_render(s, &all, &(struct treat_context){0}, &out, &report))
		root = json_loadb((const char *)out.data, out.len, 0, NULL);
	buf_free(&out);
	return root;
}

/* The zones of both interfaces, and who is known at the ends, as the supervisor does. */
static void complete(struct sighting *s, struct vsys_table *t)
{
	const char *names[DIR_COUNT] = {"client", "server"};
	enum dir sender = sighting_sender(s);

	memset(t, 0, sizeof(*t));
	strcpy(t->zone[0].name, "inside");
	vsys_pattern(&t->zone[0].interfaces, "lan*");
	strcpy(t->zone[1].name, "outside");
	vsys_pattern(&t->zone[1].interfaces, "wan*");
	t->zones = 2;
	vsys_complete(t, "vsys1", s);
	sighting_set(s, SIGHTING_SENDER_USER, names[sender], 6);
	sighting_set(s, SIGHTING_RECEIVER_USER, names[dir_other(sender)], 6);
}

/* What must be at a path of the local log and of the envelope, by situation. */
static void wish(const struct situation *x, bool upload, const char *end, char ip[static 32],
		 char nat[static 32])
{
	bool client = !strcmp(end, "client") || (!strcmp(end, "source") && upload) ||
		      (!strcmp(end, "destination") && !upload);
	bool translated = client ? x->snat : x->dnat;

	if (client) {
		strcpy(ip, address(x, "192.0.2.1", "2001:db8::1"));
		strcpy(nat, translated ? address(x, "203.0.113.7", "2001:db8::7") : "-");
	} else {
		strcpy(ip, address(x, "198.51.100.2", "2001:db8::2"));
		strcpy(nat, translated ? address(x, "203.0.113.8", "2001:db8::8") : "-");
	}
}

FIXTURE(orientation)
{
	struct conversation c;
	struct vsys_table *t;
};

FIXTURE_SETUP(orientation)
{
	self->t = malloc(sizeof(*self->t));
	ASSERT_NE(NULL, self->t);
}

FIXTURE_TEARDOWN(orientation)
{
	free(self->t);
}

FIXTURE_VARIANT(orientation)
{
	bool upload;
};

FIXTURE_VARIANT_ADD(orientation, download)
{
	.upload = false,
};

FIXTURE_VARIANT_ADD(orientation, upload)
{
	.upload = true,
};

static void judge(struct __test_metadata *_metadata, struct sighting *s,
		  const struct situation *x, bool upload, struct vsys_table *t, const char *what)
{
	static const char *const ends[] = {"source", "destination", "client", "server"};
	const char *locals[] = {"-", "client", "server"};
	char path[64], ip[32], nat[32];
	json_t *root;

	complete(s, t);
	for (int local = 0; local < 2; local++) {
		root = rendered(s, local);
		ASSERT_NE(NULL, root);
		EXPECT_STREQ(upload ? "upload" : "download", at(root, "sluice.direction"))
			TH_LOG("%s", what);
		for (size_t i = 0; i < 4; i++) {
			wish(x, upload, ends[i], ip, nat);
			snprintf(path, sizeof(path), "%s.ip", ends[i]);
			EXPECT_STREQ(ip, at(root, path))
				TH_LOG("%s: %s", what, path);
			snprintf(path, sizeof(path), "%s.nat.ip", ends[i]);
			EXPECT_STREQ(nat, at(root, path))
				TH_LOG("%s: %s", what, path);
		}
		if (local) {
			EXPECT_STREQ(upload ? "lan0" : "wan0",
				     at(root, "observer.ingress.interface.name"))
				TH_LOG("%s", what);
			EXPECT_STREQ(upload ? "wan0" : "lan0",
				     at(root, "observer.egress.interface.name"))
				TH_LOG("%s", what);
			EXPECT_STREQ(upload ? "inside" : "outside",
				     at(root, "observer.ingress.zone"))
				TH_LOG("%s", what);
			EXPECT_STREQ(upload ? "outside" : "inside",
				     at(root, "observer.egress.zone"))
				TH_LOG("%s", what);
			EXPECT_STREQ(upload ? "client" : "server", at(root, "source.user.name"));
			EXPECT_STREQ(upload ? "server" : "client",
				     at(root, "destination.user.name"));
			EXPECT_STREQ("client", at(root, "client.user.name"));
			EXPECT_STREQ(locals[x->local], at(root, "sluice.session.local"))
				TH_LOG("%s", what);
		}
		json_decref(root);
	}
}

TEST_F(orientation, all)
{
	char what[128];

	for (size_t n = 0; n < sizeof(shapes) / sizeof(shapes[0]); n++) {
		for (unsigned int bits = 0; bits < 8; bits++) {
			struct situation x = {
				.v6 = bits & 1, .snat = bits & 2, .dnat = bits & 4,
				.local = bits % 3,
			};
			size_t files;

			snprintf(what, sizeof(what), "%s, IPv%d%s%s", shapes[n].name,
				 x.v6 ? 6 : 4, x.snat ? ", SNAT" : "", x.dnat ? ", DNAT" : "");
			ASSERT_TRUE(announced_begin(&self->c, 80, 6));
			shapes[n].run(&self->c, &x, variant->upload);
			for (size_t i = files = 0; i < self->c.files; i++) {
				if (self->c.seen[i].kind != SIGHTING_KIND_FILE)
					continue;
				files++;
				EXPECT_TRUE(has_text(&self->c, i, CONTENT))
					TH_LOG("%s", what);
				judge(_metadata, &self->c.seen[i], &x, variant->upload,
				      self->t, what);
			}
			EXPECT_EQ(1, files)
				TH_LOG("%s", what);
			announced_end(&self->c);
		}
	}
}

TEST_HARNESS_MAIN
