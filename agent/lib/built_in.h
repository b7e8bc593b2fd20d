/* SPDX-License-Identifier: MIT */
/*
 * Data files that are part of the program.
 *
 * The path is relative to the top of the tree, where the compiler runs.  The Makefile
 * names the file as a prerequisite of the object (BUILT_IN).
 */
#ifndef SLUICE_LIB_BUILT_IN_H
#define SLUICE_LIB_BUILT_IN_H

/* Declares symbol[], the file's bytes and a NUL, and symbol_end[], that NUL. */
#define BUILT_IN(symbol, path)                                                       \
	__asm__(".pushsection .rodata\n" #symbol ":\n.incbin \"" path "\"\n" #symbol \
		"_end:\n.byte 0\n.popsection\n");                                    \
	extern const char symbol[] __attribute__((visibility("hidden")));            \
	extern const char symbol##_end[] __attribute__((visibility("hidden")))

#endif
