// SPDX-License-Identifier: MIT
#include "testfile.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#define TESTFILE_MAX 4096
#define TESTFILE_SALT 32 /* bytes that make each file different */

static void testfile_le(struct bytes *b, uint64_t value, unsigned int size)
{
	for (; size; size--, value >>= 8) {
		unsigned char c = (unsigned char)value;

		bytes_add(b, &c, 1);
	}
}

static void testfile_zero(struct bytes *b, size_t until)
{
	while (b->len < until && !b->over)
		testfile_le(b, 0, 1);
}

static void testfile_salt(unsigned char salt[TESTFILE_SALT])
{
	if (RAND_bytes(salt, TESTFILE_SALT) != 1)
		abort();
}

/* PE/COFF: DOS header, signature, file header, optional header PE32, one section. */
static void testfile_pe(struct bytes *b)
{
	unsigned char salt[TESTFILE_SALT];

	testfile_salt(salt);
	bytes_add(b, "MZ", 2);
	testfile_zero(b, 0x3c);
	testfile_le(b, 0x40, 4); /* e_lfanew */
	bytes_add(b, "PE\0\0", 4);
	testfile_le(b, 0x14c, 2); /* i386 */
	testfile_le(b, 1, 2);	  /* sections */
	testfile_le(b, 0, 4);
	testfile_le(b, 0, 8);
	testfile_le(b, 224, 2);	   /* optional header's size */
	testfile_le(b, 0x102, 2);  /* executable, 32 bits */
	testfile_le(b, 0x10b, 2);  /* PE32 */
	testfile_le(b, 0, 2);	   /* linker */
	testfile_le(b, 0x200, 4);  /* size of code */
	testfile_le(b, 0, 8);	   /* sizes of data */
	testfile_le(b, 0x1000, 4); /* entry */
	testfile_le(b, 0x1000, 4); /* base of code */
	testfile_le(b, 0x2000, 4); /* base of data */
	testfile_le(b, 0x400000, 4);
	testfile_le(b, 0x1000, 4); /* alignment in memory */
	testfile_le(b, 0x200, 4);  /* and in the file */
	testfile_le(b, 4, 8);
	testfile_le(b, 4, 8);
	testfile_le(b, 0x2000, 4); /* image */
	testfile_le(b, 0x200, 4);  /* headers */
	testfile_le(b, 0, 4);
	testfile_le(b, 3, 2); /* console */
	testfile_zero(b, 0x40 + 24 + 92);
	testfile_le(b, 16, 4); /* directories, all empty */
	testfile_zero(b, 0x40 + 24 + 224);
	bytes_add(b, ".text\0\0\0", 8);
	testfile_le(b, 0x200, 4);
	testfile_le(b, 0x1000, 4);
	testfile_le(b, 0x200, 4);
	testfile_le(b, 0x200, 4);
	testfile_zero(b, 0x200 - 4);
	testfile_le(b, 0x60000020, 4);
	bytes_add(b, "\x31\xc0\xc3", 3); /* xor eax, eax; ret */
	bytes_add(b, salt, sizeof(salt));
	testfile_zero(b, 0x400);
}

static void testfile_elf(struct bytes *b)
{
	unsigned char salt[TESTFILE_SALT];

	testfile_salt(salt);
	bytes_add(b,
		  "\x7f"
		  "ELF\2\1\1",
		  7);
	testfile_zero(b, 16);
	testfile_le(b, 2, 2);  /* executable */
	testfile_le(b, 62, 2); /* x86-64 */
	testfile_le(b, 1, 4);
	testfile_le(b, 0x400000 + 64 + 56, 8); /* entry */
	testfile_le(b, 64, 8);		       /* program headers */
	testfile_le(b, 0, 8);
	testfile_le(b, 0, 4);
	testfile_le(b, 64, 2);
	testfile_le(b, 56, 2);
	testfile_le(b, 1, 2);
	testfile_le(b, 64, 2);
	testfile_le(b, 0, 4);
	testfile_le(b, 1, 4); /* PT_LOAD */
	testfile_le(b, 5, 4); /* read, execute */
	testfile_le(b, 0, 8);
	testfile_le(b, 0x400000, 8);
	testfile_le(b, 0x400000, 8);
	testfile_le(b, 0xa4, 8);
	testfile_le(b, 0xa4, 8);
	testfile_le(b, 0x1000, 8);
	/* mov edi, 0; mov eax, 60; syscall */
	bytes_add(b, "\xbf\0\0\0\0\xb8\x3c\0\0\0\x0f\x05", 12);
	bytes_add(b, salt, sizeof(salt));
}

static void testfile_macos(struct bytes *b)
{
	unsigned char salt[TESTFILE_SALT];

	testfile_salt(salt);
	testfile_le(b, 0xfeedfacf, 4);
	testfile_le(b, 0x01000007, 4); /* x86-64 */
	testfile_le(b, 3, 4);
	testfile_le(b, 2, 4); /* executable */
	testfile_le(b, 1, 4); /* load commands and their size */
	testfile_le(b, 24, 4);
	testfile_le(b, 0, 8);
	testfile_le(b, 0x1b, 4); /* LC_UUID: the first half of the salt */
	testfile_le(b, 24, 4);
	bytes_add(b, salt, sizeof(salt));
}

/* CRC-32 of ZIP (APPNOTE 4.4.7), a bit at a time: the input is a few bytes. */
static uint32_t testfile_crc(const unsigned char *p, size_t n)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/* A ZIP file with one stored entry, the manifest every package has. */
static void testfile_apk(struct bytes *b)
{
	static const char name[] = "AndroidManifest.xml";
	unsigned char salt[TESTFILE_SALT];
	size_t directory;

	testfile_salt(salt);
	for (int central = 0; central < 2; central++) {
		directory = b->len;
		bytes_add(b, central ? "PK\1\2" : "PK\3\4", 4);
		if (central)
			testfile_le(b, 20, 2);
		testfile_le(b, 20, 2);
		testfile_le(b, 0, 4);	     /* flags; stored */
		testfile_le(b, 0x210000, 4); /* 1 January 1980 */
		testfile_le(b, testfile_crc(salt, sizeof(salt)), 4);
		testfile_le(b, sizeof(salt), 4);
		testfile_le(b, sizeof(salt), 4);
		testfile_le(b, strlen(name), 2);
		testfile_le(b, 0, 2);
		if (central)
			testfile_le(b, 0, 14);
		bytes_text(b, name);
		if (!central)
			bytes_add(b, salt, sizeof(salt));
	}
	bytes_add(b, "PK\5\6", 4);
	testfile_le(b, 0, 4);
	testfile_le(b, 1, 2);
	testfile_le(b, 1, 2);
	testfile_le(b, b->len - 12 - directory, 4);
	testfile_le(b, directory, 4);
	testfile_le(b, 0, 2);
}

static const struct {
	const char *kind;
	const char *name;
	void (*make)(struct bytes *b);
} testfile_table[] = {
	{"pe", "wildfire-test-pe-file.exe", testfile_pe},
	{"apk", "wildfire-test-apk-file.apk", testfile_apk},
	{"macos", "wildfire-test-macos-file", testfile_macos},
	{"elf", "wildfire-test-elf-file", testfile_elf},
};

const char *testfile_make(const char *kind, struct bytes *out)
{
	bytes_init(out, TESTFILE_MAX);
	for (size_t i = 0; i < sizeof(testfile_table) / sizeof(testfile_table[0]); i++) {
		if (!strcmp(kind, testfile_table[i].kind)) {
			testfile_table[i].make(out);
			return testfile_table[i].name;
		}
	}
	return NULL;
}
