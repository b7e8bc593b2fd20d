// SPDX-License-Identifier: MIT
/*
 * What headers of RAR and 7z archives say.
 */
#include <kselftest_harness.h>

#include "sample/archive.h"
#include "zip_maker.h"

static uint32_t traits_of(const void *p, size_t n)
{
	struct reader r = {read_memory, (void *)p, n};

	return archive_traits(&r);
}

#define TRAITS(bytes) traits_of(bytes, sizeof(bytes) - 1)

TEST(rar4)
{
#define RAR4 "Rar!\x1a\x07\x00"
#define END4 "\xc4\x3d\x7b\x00\x40\x07\x00"
	/* main header of 13 bytes: flags; file header of 32 with 2 bytes of data: flags */
#define MAIN4(flags) "\0\0\x73" flags "\x0d\0\0\0\0\0\0\0"
#define FILE4(flags)                                                                    \
	"\0\0\x74" flags "\x20\0\x02\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" \
	"xx"
	EXPECT_EQ(0, TRAITS(RAR4 MAIN4("\0\0") FILE4("\0\x80") END4));
	EXPECT_EQ(TRAIT(MULTI_PART), TRAITS(RAR4 MAIN4("\1\0") FILE4("\0\x80") END4));
	EXPECT_EQ(TRAIT(MULTI_PART), TRAITS(RAR4 MAIN4("\0\0") FILE4("\2\x80") END4));
	EXPECT_EQ(TRAIT(ENCRYPTED), TRAITS(RAR4 MAIN4("\x80\0") "anything"));
	EXPECT_EQ(TRAIT(ENCRYPTED),
		  TRAITS(RAR4 MAIN4("\0\0") FILE4("\0\x80") FILE4("\4\x80") END4));
	EXPECT_EQ(0, TRAITS(RAR4));
	EXPECT_EQ(0, TRAITS(RAR4 "\0\0\x73\0\0\0\0\0\0\0\0\0\0\0"));
}

TEST(rar5)
{
#define RAR5 "Rar!\x1a\x07\x01\x00"
#define MAIN5(flags) "\0\0\0\0\x03\x01\0" flags
#define END5 "\0\0\0\0\x03\x05\0\0"
	/* size, type, flags, (extra size,) data size, rest, (extra,) data */
	EXPECT_EQ(0, TRAITS(RAR5 MAIN5("\0") "\0\0\0\0\x05\x02\x02\x02zzxx" END5));
	EXPECT_EQ(TRAIT(MULTI_PART), TRAITS(RAR5 MAIN5("\1") END5));
	EXPECT_EQ(TRAIT(MULTI_PART),
		  TRAITS(RAR5 MAIN5("\0") "\0\0\0\0\x05\x02\x12\x02zzxx" END5));
	EXPECT_EQ(TRAIT(ENCRYPTED), TRAITS(RAR5 "\0\0\0\0\x05\x04\0\0\0\x0f"
						"anything"));
	EXPECT_EQ(TRAIT(ENCRYPTED),
		  TRAITS(RAR5 MAIN5("\0") "\0\0\0\0\x09\x02\x03\x03\x02zz\x02\x01\x00xx" END5));
	EXPECT_EQ(0,
		  TRAITS(RAR5 MAIN5("\0") "\0\0\0\0\x09\x02\x03\x03\x02zz\x02\x02\x00xx" END5));
	EXPECT_EQ(0, TRAITS(RAR5 "\0\0\0\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"));
}

/* Packed headers are in tests/real/archives.t, made by 7-Zip itself. */
TEST(sevenzip)
{
#define SEVEN(header) \
	"7z\xbc\xaf\x27\x1c\0\4\0\0\0\0\2\0\0\0\0\0\0\0" header "\0\0\0\0\0\0\0\0\0\0\0xx"
	/* streams: packed at 0, one of 2 bytes; one folder of one coder; unpacked size */
#define STREAMS(coder) "\x01\x04\x06\0\x01\x09\x02\0\x07\x0b\x01\0\x01" coder "\x0c\x02\0\0\0"
	EXPECT_EQ(0, TRAITS(SEVEN("\x14") STREAMS("\x01\x21")));
	EXPECT_EQ(TRAIT(ENCRYPTED), TRAITS(SEVEN("\x17") STREAMS("\x04\x06\xf1\x07\x01")));
	EXPECT_EQ(TRAIT(MULTI_PART), TRAITS(SEVEN("\x7f") STREAMS("\x01\x21")));
	EXPECT_EQ(0, TRAITS("7z\xbc\xaf\x27\x1c\0\4"));
}

TEST_HARNESS_MAIN
