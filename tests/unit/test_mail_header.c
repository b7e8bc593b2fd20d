// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/buf.h"
#include "mime/address.h"
#include "mime/charset.h"
#include "mime/encoded_word.h"
#include "mime/mime_param.h"

static const struct {
	const char *name, *text, *decoded;
} words[] = {
	{"none", "just text", "just text"},
	{"Q", "=?iso-8859-1?Q?caf=E9_ol=e9?=", "caf\xc3\xa9 ol\xc3\xa9"},
	{"B", "=?UTF-8?b?w6kgw6k=?=", "\xc3\xa9 \xc3\xa9"},
	{"among text", "a =?utf-8?Q?=C3=A9?= b", "a \xc3\xa9 b"},
	{"blanks between words go", "=?utf-8?Q?a?= =?utf-8?Q?b?=\r\n =?utf-8?Q?c?= d", "abc d"},
	{"... also between charsets", "=?utf-8?Q?a?= =?iso-8859-1?Q?=E9?=", "a\xc3\xa9"},
	{"a character split between words", "=?utf-8?B?4oI=?= =?utf-8?B?rA==?=",
	 "\xe2\x82\xac"},
	{"a character split between words of another charset",
	 "=?gb2312?B?1tA=?= =?GB2312?Q?=CE?= =?gb2312?Q?=C4?=", "\xe4\xb8\xad\xe6\x96\x87"},
	{"shift sequences", "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac"},
	{"a language", "=?utf-8*en?Q?=C3=A9?=", "\xc3\xa9"},
	{"blanks in a word", "=?utf-8?Q?a b =C3=A9?=", "a b \xc3\xa9"},
	{"without blanks around it", "x=?utf-8?Q?=C3=A9?=y", "x\xc3\xa9y"},
	{"an escape at its beginning", "=?utf-8?Q?=C3=A9=3D?=", "\xc3\xa9="},
	{"an empty one", "=?utf-8?Q?" "?= a", " a"},
	{"a charset nobody knows, but valid UTF-8", "=?x-what?Q?=C3=A9?=", "\xc3\xa9"},
	{"a charset nobody knows", "=?x-what?Q?=93a=94?=", "\xe2\x80\x9c" "a\xe2\x80\x9d"},
	{"latin1 is windows-1252", "=?iso-8859-1?Q?See_What=92s?=", "See What\xe2\x80\x99s"},
	{"a coding that is none", "=?utf-8?X?abc?=", "=?utf-8?X?abc?="},
	{"never ended", "=?utf-8?Q?abc", "=?utf-8?Q?abc"},
	{"raw UTF-8", "\xc3\xa9", "\xc3\xa9"},
	{"raw windows-1252", "\x93\xe9\x94", "\xe2\x80\x9c\xc3\xa9\xe2\x80\x9d"},
	{"folded", "one\r\n two\r\n\tthree", "one two three"},
	{"control characters", "=?utf-8?Q?a=0D=0Ab=00c?=", "a  bc"},
	{"broken base64", "=?utf-8?B?w6k?=", "\xc3\xa9"},
};

TEST(encoded_words)
{
	struct buf out;

	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		buf_reset(&out);
		EXPECT_TRUE(encoded_word_decode(words[i].text, strlen(words[i].text), &out));
		EXPECT_STREQ(words[i].decoded, buf_string(&out))
		{
			TH_LOG("%s", words[i].name);
		}
	}
	buf_free(&out);
}

static const struct {
	const char *name, *disposition, *type, *filename;
} names[] = {
	{"plain", "attachment; filename=a.bin", NULL, "a.bin"},
	{"quoted", "attachment; filename=\"a; b.bin\"; size=3", NULL, "a; b.bin"},
	{"blanks without quotes", "attachment; filename=a b.bin ; x=y", NULL, "a b.bin"},
	{"extended", "attachment; filename*=utf-8''%c3%A9.bin", NULL, "\xc3\xa9.bin"},
	{"extended before plain", "attachment; filename=e.bin; filename*=iso-8859-1'fr'%E9.bin",
	 NULL, "\xc3\xa9.bin"},
	{"continued, in any order", "attachment; filename*1=\"b.bin\"; filename*0=\"a\"", NULL,
	 "ab.bin"},
	{"continued and extended",
	 "attachment; filename*0*=utf-8''%e2%82; filename*1*=%ac; filename*2=\" 100%25.bin\"",
	 NULL, "\xe2\x82\xac 100%25.bin"},
	{"a section is missing", "attachment; filename*0=a; filename*2=c", NULL, "a"},
	{"encoded words in quotes", "attachment; filename=\"=?utf-8?B?w6k=?=\r\n =?utf-8?Q?.bin?=\"",
	 NULL, "\xc3\xa9.bin"},
	{"encoded words without", "attachment; filename==?utf-8?Q?=C3=A9.bin?=", NULL,
	 "\xc3\xa9.bin"},
	{"encoded words over sections",
	 "attachment; filename*0=\"=?utf-8?B?w6k=?=\"; filename*1=\" =?utf-8?Q?.bin?=\"", NULL,
	 "\xc3\xa9.bin"},
	{"raw bytes", "attachment; filename=\"\xe9.bin\"", NULL, "\xc3\xa9.bin"},
	{"koi8-r", "attachment; filename*=koi8-r''%C1%C2.bin", NULL, "\xd0\xb0\xd0\xb1.bin"},
	{"of the type", "attachment", "image/png; name=\"a.png\"", "a.png"},
	{"the disposition's before the type's", "attachment; filename=a.bin",
	 "image/png; name=b.png", "a.bin"},
	{"an empty one", "attachment; filename=\"\"", "image/png; name=b.png", "b.png"},
	{"no name of its own", "attachment", "image/png", ""},
	{"no disposition", NULL, "image/png; name*=utf-8''a.png", "a.png"},
	{"a path", "attachment; filename=\"C:\\dir\\a.bin\"", NULL, "a.bin"},
	{"another", "attachment; filename=\"../../etc/a.bin\"", NULL, "a.bin"},
	{"an escaped quote", "attachment; filename=\"a\\\"b.bin\"", NULL, "a\"b.bin"},
	{"comments", "attachment (x); (y) filename (z) = (w) a.bin", NULL, "a.bin"},
	{"capitals", "ATTACHMENT; FileName=a.bin", NULL, "a.bin"},
	{"no quote at the end", "attachment; filename=\"a.bin", NULL, "a.bin"},
	{"no value", "; filename=a.bin", NULL, "a.bin"},
	{"another parameter that ends like it", "attachment; xfilename=b; filename=a.bin", NULL,
	 "a.bin"},
};

TEST(file_names)
{
	struct buf out;

	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		buf_reset(&out);
		EXPECT_EQ(*names[i].filename != 0,
			  mime_filename(names[i].disposition, names[i].type, &out));
		EXPECT_STREQ(names[i].filename, buf_string(&out))
		{
			TH_LOG("%s", names[i].name);
		}
	}
	buf_free(&out);
}

/* A field of 64 KiB with as many sections as fit is read in time. */
TEST(many_sections)
{
	struct buf field, out;

	buf_init(&field, 64u << 10);
	buf_init(&out, 4096);
	buf_add_string(&field, "attachment");
	for (int i = 0; field.len < (63u << 10); i++)
		buf_printf(&field, "; filename*%d=a", i);
	EXPECT_TRUE(mime_filename(buf_string(&field), NULL, &out));
	EXPECT_EQ(256, out.len);
	buf_free(&field);
	buf_free(&out);
}

static void add_one(void *arg, const struct address *a)
{
	struct buf *out = arg;

	if (out->len)
		buf_add_string(out, "|");
	address_format(a, out);
}

static const struct {
	const char *name, *field, *list;
} lists[] = {
	{"an address", "a@example.org", "a@example.org"},
	{"brackets", "<a@example.org>", "a@example.org"},
	{"a name", "Ann Onymous <a@example.org>", "Ann Onymous <a@example.org>"},
	{"a quoted name", "\"Ann O.\" <a@example.org>", "Ann O. <a@example.org>"},
	{"a name that needs its quotes", "\"Onymous, Ann \\\"O\\\"\" <a@example.org>",
	 "\"Onymous, Ann \\\"O\\\"\" <a@example.org>"},
	{"an encoded name", "=?utf-8?Q?=C3=A9?= <a@example.org>", "\xc3\xa9 <a@example.org>"},
	{"an encoded name in quotes", "\"=?utf-8?Q?=C3=A9=2C?=\" <a@example.org>",
	 "\"\xc3\xa9,\" <a@example.org>"},
	{"several", "a@x, B <b@x> ,\r\n c@x,,", "a@x|B <b@x>|c@x"},
	{"the name in a comment", "a@x (Ann (really))", "\"Ann (really)\" <a@x>"},
	{"comments elsewhere", "(x) Ann (y) <a@x> (z)", "Ann <a@x>"},
	{"a group", "Friends: a@x, \"B\" <b@x>;, c@x", "a@x|B <b@x>|c@x"},
	{"a group with a quoted name", "\"My, Friends\":a@x;", "a@x"},
	{"an empty group", "undisclosed-recipients:;", ""},
	{"a quoted local part", "\"a b\"@x, <\"c d\"@x>", "\"a b\"@x|\"c d\"@x"},
	{"a local part that needs no quotes", "\"a\"@x", "a@x"},
	{"a route", "<@r1,@r2:a@x>", "a@x"},
	{"a domain literal", "a@[192.0.2.1]", "a@[192.0.2.1]"},
	{"a local user", "root", "root"},
	{"raw bytes", "\xe9 <a@x>", "\xc3\xa9 <a@x>"},
	{"a bracket that is not closed", "Ann <a@x", "Ann <a@x>"},
	{"semicolons as Outlook writes them", "a@x; b@x", "a@x|b@x"},
	{"nothing", "  ", ""},
	{"a name and no address", "Ann <>", "Ann"},
};

TEST(address_lists)
{
	struct buf out;

	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		buf_reset(&out);
		address_list(lists[i].field, add_one, &out);
		EXPECT_STREQ(lists[i].list, buf_string(&out))
		{
			TH_LOG("%s", lists[i].name);
		}
	}
	buf_free(&out);
}

TEST(a_field_that_is_cut)
{
	struct buf out;

	buf_init(&out, 4);
	EXPECT_FALSE(encoded_word_decode("\xc3\xa9\xc3\xa9\xc3\xa9", 6, &out));
	EXPECT_EQ(4, out.len);
	buf_free(&out);
	buf_init(&out, 3);
	EXPECT_FALSE(encoded_word_decode("\xc3\xa9\xc3\xa9\xc3\xa9", 6, &out));
	EXPECT_EQ(2, out.len);
	buf_free(&out);
}

TEST_HARNESS_MAIN
