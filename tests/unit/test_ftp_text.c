// SPDX-License-Identifier: MIT
/*
 * What FTP says in words: addresses, sizes, names, paths.
 */
#include <kselftest_harness.h>

#include "proto/ftp_text.h"

#include <string.h>

TEST(addresses)
{
	char text[INET_TEXT_MAX];
	struct endpoint e;
	uint16_t port;

	EXPECT_TRUE(ftp_text_port("192,0,2,1,4,1", &e));
	EXPECT_EQ(1025, e.port);
	EXPECT_STREQ("192.0.2.1", inet_text(&e, text));
	EXPECT_TRUE(ftp_text_port("Entering Passive Mode (192,0,2,1,255,255)", &e));
	EXPECT_EQ(65535, e.port);
	EXPECT_TRUE(ftp_text_port("Mode 2: 192, 0, 2, 1, 4, 1", &e));
	EXPECT_FALSE(ftp_text_port("192,0,2,1,4", &e));
	EXPECT_FALSE(ftp_text_port("192,0,2,256,4,1", &e));
	EXPECT_FALSE(ftp_text_port("192,0,2,1,0,0", &e));
	EXPECT_FALSE(ftp_text_port("", &e));

	EXPECT_TRUE(ftp_text_eprt("|2|2001:db8::1|1234|", &e));
	EXPECT_EQ(1234, e.port);
	EXPECT_STREQ("2001:db8::1", inet_text(&e, text));
	EXPECT_TRUE(ftp_text_eprt("!1!192.0.2.1!1234!", &e));
	EXPECT_FALSE(ftp_text_eprt("|2|192.0.2.1|1234|", &e));
	EXPECT_FALSE(ftp_text_eprt("|1|192.0.2.1|", &e));
	EXPECT_FALSE(ftp_text_eprt("|1|192.0.2.1|70000|", &e));
	EXPECT_FALSE(ftp_text_eprt("", &e));

	EXPECT_TRUE(ftp_text_epsv("Entering (yes) Mode (|||1234|)", &port));
	EXPECT_EQ(1234, port);
	EXPECT_FALSE(ftp_text_epsv("(|||123456|)", &port));
	EXPECT_FALSE(ftp_text_epsv("(|||", &port));
	EXPECT_FALSE(ftp_text_epsv("(", &port));

	EXPECT_TRUE(ftp_text_long_port("(4,4,192,0,2,1,2,4,1)", &e));
	EXPECT_EQ(1025, e.port);
	EXPECT_TRUE(ftp_text_long_port("6,16,32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,1,2,4,1", &e));
	EXPECT_STREQ("2001:db8::1", inet_text(&e, text));
	EXPECT_FALSE(ftp_text_long_port("4,4,192,0,2,1", &e));
	EXPECT_FALSE(ftp_text_long_port("4,250,192,0,2,1,2,4,1", &e));
}

TEST(sizes)
{
	uint64_t n;

	EXPECT_TRUE(ftp_text_number(" 18446744073709551615 ", &n));
	EXPECT_EQ(UINT64_MAX, n);
	EXPECT_FALSE(ftp_text_number("18446744073709551616", &n));
	EXPECT_FALSE(ftp_text_number("12 x", &n));
	EXPECT_FALSE(ftp_text_number("", &n));
	EXPECT_TRUE(ftp_text_bytes("for a(1 byte)(5416666670 bytes).", &n));
	EXPECT_EQ(5416666670, n);
	EXPECT_FALSE(ftp_text_bytes("for a (1,2)", &n));
	EXPECT_TRUE(ftp_text_fact_size(" Type=file;Size=12;x=y; size=13;a", &n));
	EXPECT_EQ(12, n);
	EXPECT_FALSE(ftp_text_fact_size("type=file; size=13;a", &n));
	EXPECT_FALSE(ftp_text_fact_size("", &n));
}

static const char *opening(const char *text, char out[static 256])
{
	size_t n = 0;
	const char *p = ftp_text_opening(text, &n);

	snprintf(out, 256, "%.*s", (int)n, p ? p : "");
	return out;
}

TEST(names_of_replies)
{
	char out[256];
	struct buf b;
	size_t n;

	EXPECT_STREQ("a (1).txt", opening("Opening BINARY mode data connection for a (1).txt "
					  "(12 bytes).",
					  out));
	EXPECT_STREQ("a", opening("Opening data connection for a (192.0.2.1,20).", out));
	EXPECT_STREQ("", opening("Opening data connection.", out));
	EXPECT_NE(NULL, ftp_text_unique_name("FILE: x y ", &n));
	EXPECT_EQ(3, n);
	EXPECT_EQ(NULL, ftp_text_unique_name("Ok to send data.", &n));
	buf_init(&b, 100);
	EXPECT_TRUE(ftp_text_directory("\"/a \"\"b\"\"\" is it", &b));
	EXPECT_STREQ("/a \"b\"", buf_string(&b));
	EXPECT_FALSE(ftp_text_directory("\"/a", &b));
	buf_free(&b);
}

static const char *path_of(const char *directory, const char *name, struct buf *b)
{
	return ftp_text_path(directory, name, b) ? buf_string(b) : "too long";
}

TEST(paths)
{
	struct buf b;

	buf_init(&b, 20);
	EXPECT_STREQ("/a/b", path_of("/a", "b", &b));
	EXPECT_STREQ("/b", path_of("/a", "/b", &b));
	EXPECT_STREQ("/b", path_of("/a", "../b", &b));
	EXPECT_STREQ("/b", path_of("/a", "../../../b", &b));
	EXPECT_STREQ("/", path_of("/a", "..", &b));
	EXPECT_STREQ("b", path_of(NULL, "./b", &b));
	EXPECT_STREQ("a/b", path_of("a", "./x/..//b", &b));
	EXPECT_STREQ("b", path_of("a", "../b", &b));
	EXPECT_STREQ("too long", path_of("/0123456789", "0123456789", &b));
	EXPECT_STREQ("b.txt", ftp_text_last("/a/b.txt"));
	EXPECT_STREQ("b.txt", ftp_text_last("C:\\a\\b.txt"));
	EXPECT_STREQ("a\\b", ftp_text_last("a\\b"));
	buf_free(&b);
}

TEST_HARNESS_MAIN
