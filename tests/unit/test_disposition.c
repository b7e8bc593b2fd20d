// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "mime/disposition.h"
#include "proto/http_field.h"

#include <sys/socket.h>

/* field, the file name in it (NULL: none) */
static const struct {
	const char *field, *name;
} names[] = {
	{"attachment; filename=\"a b.exe\"", "a b.exe"},
	{"attachment; filename=plain.exe", "plain.exe"},
	{"attachment; filename=no quotes.exe ; x=y", "no quotes.exe"},
	{"attachment;FileName = \"case.exe\"", "case.exe"},
	{"attachment; filename=\"semi;colon.exe\"; size=3", "semi;colon.exe"},
	{"attachment; filename=\"quo\\\"te.exe\"", "quo\"te.exe"},
	{"attachment; filename=\"C:\\fake\\path\\x.exe\"", "x.exe"},
	{"attachment; filename=\"../../etc/passwd\"", "passwd"},
	{"attachment; filename=\"/\"", NULL},
	{"attachment; filename=\"\"", NULL},
	{"attachment; filename=\"not closed.exe", "not closed.exe"},
	{"attachment; filename*=UTF-8''%e2%82%ac%20rates.exe", "\xe2\x82\xac rates.exe"},
	{"attachment; filename*=iso-8859-1'en'%A3%20rates.exe", "\xc2\xa3 rates.exe"},
	{"attachment; filename=\"old.exe\"; filename*=utf-8''new.exe", "new.exe"},
	{"attachment; filename*=utf-8''new.exe; filename=\"old.exe\"", "new.exe"},
	{"attachment; filename*=broken; filename=\"old.exe\"", "old.exe"},
	{"attachment; filename*=utf-8''..%2f..%2fx.exe", "x.exe"},
	{"attachment; filename=\"=?UTF-8?B?w6TCo8O8?=.exe\"", "\xc3\xa4\xc2\xa3\xc3\xbc.exe"},
	{"attachment; filename==?iso-8859-1?Q?=E4_b.exe?=", "\xc3\xa4 b.exe"},
	{"attachment; filename=\"\xe4.exe\"", "\xc3\xa4.exe"},
	{"attachment; filename=\"\xc3\xa4.exe\"", "\xc3\xa4.exe"},
	{"attachment; filename=\"=?UTF-8?B?Li4vLi4veC5leGU=?=\"", "x.exe"},
	{"attachment; filename=\"=?no.exe\"", "=?no.exe"},
	{"attachment; filename*=windows-1251'ru'%EF.exe", "\xd0\xbf.exe"},
	{"attachment; xfilename=\"no.exe\"", NULL},
	{"attachment", NULL},
	{"", NULL},
	{";;; =; filename", NULL},
	{"form-data; name=\"filename=trap.exe\"; filename=\"right.exe\"", "right.exe"},
};

TEST(filename)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct buf b;
		bool found;

		buf_init(&b, 4096);
		found = disposition_filename((const uint8_t *)names[i].field,
					     strlen(names[i].field), &b);
		EXPECT_EQ(names[i].name != NULL, found) TH_LOG("%s", names[i].field);
		EXPECT_STREQ(names[i].name ? names[i].name : "", buf_string(&b))
			TH_LOG("%s", names[i].field);
		buf_free(&b);
	}
}

/* target, Host, server, URL, last part of its path */
static const struct {
	const char *target, *host, *server, *url, *name;
} urls[] = {
	{"/a/b.exe?q=/c", "example.org", "192.0.2.1", "http://example.org/a/b.exe?q=/c", "b.exe"},
	{"/a%20b.exe", "example.org:8080", "192.0.2.1", "http://example.org:8080/a%20b.exe",
	 "a b.exe"},
	{"http://proxied.org/x", "other.org", "192.0.2.1", "http://proxied.org/x", "x"},
	{"http://proxied.org", "other.org", "192.0.2.1", "http://proxied.org", NULL},
	{"/x", NULL, "192.0.2.1", "http://192.0.2.1/x", "x"},
	{"/x", NULL, "2001:db8::1", "http://[2001:db8::1]/x", "x"},
	{"/", "example.org", "192.0.2.1", "http://example.org/", NULL},
	{"/dir/", "example.org", "192.0.2.1", "http://example.org/dir/", NULL},
	{"x", "example.org", "192.0.2.1", "http://example.org/x", "x"},
	{"/a%2f..%2fb", "example.org", "192.0.2.1", "http://example.org/a%2f..%2fb", "b"},
	{"/x%00y", "example.org", "192.0.2.1", "http://example.org/x%00y", "x"},
	{"/100%", "example.org", "192.0.2.1", "http://example.org/100%", "100%"},
	{"/x#y/z", "example.org", "192.0.2.1", "http://example.org/x#y/z", "x"},
};

static struct text text(const char *s)
{
	return (struct text){(const uint8_t *)s, s ? strlen(s) : 0};
}

TEST(url)
{
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct endpoint server;
		struct buf url, name;

		buf_init(&url, 4096);
		buf_init(&name, 4096);
		ASSERT_TRUE(inet_parse(urls[i].server, &server));
		server.port = 80;
		http_url(text(urls[i].target), text(urls[i].host), &server, &url);
		EXPECT_STREQ(urls[i].url, buf_string(&url));
		EXPECT_EQ(urls[i].name != NULL, http_url_name(&url, &name));
		EXPECT_STREQ(urls[i].name ? urls[i].name : "", buf_string(&name));
		buf_free(&url);
		buf_free(&name);
	}
}

TEST(url_names_the_port_of_an_address)
{
	struct endpoint server;
	struct buf url;

	buf_init(&url, 4096);
	ASSERT_TRUE(inet_parse("2001:db8::1", &server));
	server.port = 8080;
	http_url(text("/x"), text(NULL), &server, &url);
	EXPECT_STREQ("http://[2001:db8::1]:8080/x", buf_string(&url));
	buf_free(&url);
}

TEST(range)
{
	static const struct {
		const char *text;
		struct byte_range range;
		bool whole;
	} ranges[] = {
		{"bytes 0-99/100", {0, 99, 100}, true},
		{"Bytes  0-0/1 ", {0, 0, 1}, true},
		{"bytes 0-98/100", {0, 98, 100}, false},
		{"bytes 1-99/100", {1, 99, 100}, false},
		{"bytes 7-7/18446744073709551615", {7, 7, UINT64_MAX}, false},
		{"bytes 0-99/*", {0}, false},
		{"bytes */100", {0}, false},
		{"bytes 5-4/100", {0}, false},
		{"bytes 90-100/100", {0}, false},
		{"bytes 0--5/100", {0}, false},
		{"bytes 0-18446744073709551615/0", {0}, false},
		{"bytes 0-99999999999999999999/100000000000000000000", {0}, false},
		/* a field that came twice, as libhtp joins them */
		{"bytes 0-4/10, bytes 5-9/10", {0}, false},
		{"bytes 0-", {0}, false},
		{"bytes", {0}, false},
		{"", {0}, false},
		{NULL, {0}, false},
	};
	struct byte_range r;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		memset(&r, 0xff, sizeof(r));
		EXPECT_EQ(ranges[i].range.total != 0, http_range(text(ranges[i].text), &r));
		EXPECT_EQ(0, memcmp(&ranges[i].range, &r, sizeof(r)))
			TH_LOG("%s", ranges[i].text);
		EXPECT_EQ(ranges[i].whole, byte_range_is_whole(&r));
	}
}

TEST(length)
{
	uint64_t n;

	EXPECT_TRUE(http_length(text("68"), &n));
	EXPECT_TRUE(http_length(text(" 68\t"), &n));
	EXPECT_EQ(68, n);
	EXPECT_FALSE(http_length(text("34 68"), &n));
	EXPECT_EQ(0, n);
	EXPECT_FALSE(http_length(text("(68) 34"), &n));
	EXPECT_FALSE(http_length(text("+68"), &n));
	EXPECT_FALSE(http_length(text("99999999999999999999"), &n));
	EXPECT_FALSE(http_length(text(NULL), &n));
}

TEST_HARNESS_MAIN
