// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/buf.h"
#include "mime/links.h"

static void on_link(void *arg, const char *url, size_t n, bool cut)
{
	struct buf *out = arg;

	buf_add_string(out, cut ? "!" : " ");
	if (!cut)
		buf_add(out, url, n);
}

static void find(bool html, const char *text, size_t n, size_t piece, bool whole,
		 struct buf *out)
{
	struct links *l = links_new(html, on_link, out);

	buf_reset(out);
	for (size_t at = 0; at < n; at += piece) {
		size_t len = n - at < piece ? n - at : piece;
		uint8_t *exact = malloc(len);

		memcpy(exact, text + at, len);
		links_data(l, exact, len);
		free(exact);
	}
	links_close(l, whole);
}

static const struct {
	const char *name, *text, *links;
} texts[] = {
	{"one", "see http://a.example/x here", " http://a.example/x"},
	{"https, and at the text's end", "https://a.example", " https://a.example"},
	{"capitals", "HTTP://A.example/X", " HTTP://A.example/X"},
	{"other schemes", "ftp://a hxxp://a hxxps://a mailto:a@b javascript:x http:x http:/x", ""},
	{"a scheme that only ends like it", "xhttp://a shttps://b", ""},
	{"no host", "http:// http:///x http://. http://)", ""},
	{"the end of a sentence", "(http://a.example/x). http://b.example/y, http://c.example!",
	 " http://a.example/x http://b.example/y http://c.example"},
	{"brackets that belong to it", "http://a.example/x_(y) [http://b.example/z]",
	 " http://a.example/x_(y) http://b.example/z"},
	{"brackets in brackets", "((http://a.example/(x(y)))) {http://b.example/{z}}}",
	 " http://a.example/(x(y)) http://b.example/{z}"},
	{"angle brackets and quotes", "<http://a.example> \"http://b.example\" 'http://c.example'",
	 " http://a.example http://b.example http://c.example"},
	{"a query", "http://a.example/?a=1&b=2#c;", " http://a.example/?a=1&b=2#c"},
	{"an address and a port", "http://192.0.2.1:8080/ https://[2001:db8::1]/x",
	 " http://192.0.2.1:8080/ https://[2001:db8::1]/x"},
	{"a user", "http://u:p@a.example/", " http://u:p@a.example/"},
	{"line ends", "http://a.example/x\r\nhttp://b.example/y\n",
	 " http://a.example/x http://b.example/y"},
	{"names of other scripts", "http://b\xc3\xbc" "cher.example/\xe6\x97\xa5 x",
	 " http://b\xc3\xbc" "cher.example/\xe6\x97\xa5"},
	{"punctuation of other scripts",
	 "\xe2\x80\x9chttp://a.example/\xe2\x80\x9d http://b.example\xe3\x80\x82"
	 "http://c.example\xef\xbc\x89",
	 " http://a.example/ http://b.example http://c.example"},
	{"behind a colon", "Link:http://a.example h:http://b.example http:http://c.example",
	 " http://a.example http://b.example http://c.example"},
	{"the same twice", "http://a http://a", " http://a http://a"},
	{"a no-break space ends it", "http://a.example\xc2\xa0x", " http://a.example"},
	{"a tab, a bar", "http://a.example\tx|http://b.example|",
	 " http://a.example http://b.example"},
};

static const struct {
	const char *name, *text, *links;
} pages[] = {
	{"a link", "<p><a href=\"http://a.example/x\">here</a>", " http://a.example/x"},
	{"other quotes, capitals", "<A HREF='HTTPS://a.example/'>", " HTTPS://a.example/"},
	{"no quotes", "<a href=http://a.example/x>y</a>", " http://a.example/x"},
	{"blanks everywhere", "<a\n href\t= \r\n \" http://a.example/x \" >", " http://a.example/x"},
	{"entities", "<a href=\"http://a.example/?a=1&amp;b=2&#38;c&#x26;d\">",
	 " http://a.example/?a=1&b=2&c&d"},
	{"entities that hide the scheme",
	 "<a href=\"ht&#116;p&colon;&sol;&sol;a.example\"><a href=\"&#104ttps://b.example\">",
	 " http://a.example https://b.example"},
	{"line ends inside", "<a href=\"ht\ntp://a.ex\tample/\r\nx\">", " http://a.example/x"},
	{"a form, an image, a frame",
	 "<form action=http://a.example><img src='http://b.example/i.png'><iframe src=http://c>",
	 " http://a.example http://b.example/i.png http://c"},
	{"what leads nowhere", "<a title=\"http://a.example\" href=#x alt='http://b.example'>", ""},
	{"a text", "see http://a.example/?a=1&amp;b=2<br>https://b.example.",
	 " http://a.example/?a=1&b=2 https://b.example"},
	{"a tag ends a text", "http://a.example/x<b>y</b>", " http://a.example/x"},
	{"other schemes", "<a href=\"mailto:a@b\"><a href='javascript:\"http://a\"'><a href=//c>", ""},
	{"a comment", "<!-- <a href=http://a.example> --><a href=http://b.example>",
	 " http://b.example"},
	{"a comment for some", "<!--[if mso]><a href=http://a.example><![endif]-->",
	 " http://a.example"},
	{"empty comments", "<!----><a href=http://a><!--><a href=http://b><!---><a href=http://c>",
	 " http://a http://b http://c"},
	{"script and style", "<style>a{x:url(http://a.example)}</style><script>\"<a href=http://b>\""
			     "</script><a href=http://c.example>",
	 " http://c.example"},
	{"a '<' that is none", "1 < 2 http://a.example <3 http://b.example",
	 " http://a.example http://b.example"},
	{"nothing between attributes", "<a class=\"x\"href=\"http://a.example\">",
	 " http://a.example"},
	{"backslashes as browsers read them", "<a href=\"http:\\\\a.example\\x\">",
	 " http://a.example\\x"},
	{"a refresh", "<meta http-equiv=refresh content=\"0; URL='http://a.example'\">"
		      "<meta content=\"http://b.example\">",
	 " http://a.example"},
	{"a tag that never ends", "<a href=\"http://a.example", ""},
	{"the text's end", "http://a.example/?a&amp", " http://a.example/?a&"},
	{"declarations", "<!DOCTYPE html><?xml version='1.0'?><a href=http://a.example>",
	 " http://a.example"},
	{"a slash at the tag's end", "<img src=\"http://a.example\"/><img src=http://b.example/ />",
	 " http://a.example http://b.example/"},
};

TEST(links_of_texts)
{
	struct buf out;

	buf_init(&out, 1u << 16);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t n = strlen(texts[i].text);

		for (size_t piece = 1; piece <= n; piece++) {
			find(false, texts[i].text, n, piece, true, &out);
			EXPECT_STREQ(texts[i].links, buf_string(&out))
			{
				TH_LOG("%s, piece %zu", texts[i].name, piece);
			}
		}
	}
	buf_free(&out);
}

TEST(links_of_html)
{
	struct buf out;

	buf_init(&out, 1u << 16);
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		size_t n = strlen(pages[i].text);

		for (size_t piece = 1; piece <= n; piece++) {
			find(true, pages[i].text, n, piece, true, &out);
			EXPECT_STREQ(pages[i].links, buf_string(&out))
			{
				TH_LOG("%s, piece %zu", pages[i].name, piece);
			}
		}
	}
	buf_free(&out);
}

TEST(longer_than_the_limit)
{
	struct buf text, out;

	buf_init(&text, 1u << 16);
	buf_init(&out, 1u << 16);
	for (size_t n = LINK_MAX - 1; n <= LINK_MAX + 1; n++) {
		for (int html = 0; html < 2; html++) {
			buf_reset(&text);
			buf_add_string(&text, html ? "<a href='" : "");
			for (size_t i = 0; i < n; i++)
				buf_add(&text, i < 8 ? &"http://a"[i] : "x", 1);
			buf_add_string(&text, html ? "'>" : " ");
			find(html, (const char *)text.data, text.len, 100, true, &out);
			EXPECT_EQ(n > LINK_MAX ? 1 : 1 + n, out.len);
			EXPECT_EQ(n > LINK_MAX ? '!' : ' ', out.data[0]);
		}
	}
	buf_free(&text);
	buf_free(&out);
}

/* One that is not whole is none. */
TEST(the_text_is_cut)
{
	struct buf out;

	buf_init(&out, 1000);
	find(false, "http://a.example/ http://b.exam", 31, 5, false, &out);
	EXPECT_STREQ(" http://a.example/", buf_string(&out));
	find(true, "http://b.exam", 13, 5, false, &out);
	EXPECT_STREQ("", buf_string(&out));
	buf_free(&out);
}

TEST(normal_form)
{
	char a[] = "HTTP://Bob@Example.ORG:80/Path?Query", b[] = "http://A?B", c[] = "http://A";

	link_normalise(a, strlen(a));
	EXPECT_STREQ("http://bob@example.org:80/Path?Query", a);
	link_normalise(b, strlen(b));
	EXPECT_STREQ("http://a?B", b);
	link_normalise(c, strlen(c));
	EXPECT_STREQ("http://a", c);
}

TEST_HARNESS_MAIN
