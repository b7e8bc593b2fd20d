#!/bin/bash
# SPDX-License-Identifier: MIT
# What can be judged without running: compiler and sparse on the module for both kernels,
# kernel style, format of the agent, manual pages, licences.
set -u
cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sluice
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
n=0

# check NAME FILE: passes when FILE (what a tool complained of) is empty.
check()
{
	n=$((n + 1))
	if [ -s "$2" ]; then
		echo "not ok $n - $1"
		head -n 40 "$2" | sed 's/^/# /'
	else
		echo "ok $n - $1"
	fi
}

# What the same tools found clean once is clean: sparse takes a minute a kernel.
judged()
{
	{ git ls-files kmod uapi Kbuild tests/static.t | xargs cat; gcc --version; sparse --version; scripts/kernels headers "$1"; } |
		sha256sum | cut -d ' ' -f 1
}

for kernel in 6.1 6.12; do
	log=$out/module-$kernel
	clean=$cache/static/$(judged $kernel)
	: >"$log.complaints"
	if [ ! -e "$clean" ] && ! make -f kmod/module.mk KERNEL=$kernel OUT="$out/$kernel" W=1 C=2 \
		CF='-D__CHECK_ENDIAN__' >"$log" 2>&1; then
		echo "the build failed" >>"$log.complaints"
		tail -n 20 "$log" >>"$log.complaints"
	fi
	# sparse itself stumbles over headers of the kernel: what counts is what names our files
	[ -e "$clean" ] || grep -E '(kmod|uapi|Kbuild)[^ ]*: ?.*(warning|error)' "$log" >>"$log.complaints"
	[ -s "$log.complaints" ] || { mkdir -p "$cache/static" && : >"$clean"; }
	check "module for $kernel: no warning of gcc W=1 or sparse" "$log.complaints"
done

checkpatch=$cache/linux-source-6.12/scripts/checkpatch.pl
ignore=$(sed -n 's/^\([A-Z_]\{1,\}\)\([[:space:]].*\)\{0,1\}$/\1/p' kmod/checkpatch.ignore 2>/dev/null | paste -sd,)
git ls-files -- kmod uapi Kbuild | grep -E '\.[ch]$' |
	xargs perl "$checkpatch" --no-tree --strict --terse --no-summary --show-types \
		${ignore:+--ignore "$ignore"} -f >"$out/checkpatch" 2>&1
check 'checkpatch.pl --strict, apart from kmod/checkpatch.ignore' "$out/checkpatch"

git ls-files -- agent | grep -E '\.[ch]$' |
	xargs clang-format --dry-run -Werror >"$out/format" 2>&1 && : >"$out/format"
check 'agent: .clang-format' "$out/format"

# clang-format folds a line that is too long into the one below, and then indents neither.
git grep -nE '^ \*[[:alnum:]=(]' -- '*.[ch]' >"$out/comments"
check 'comments: no line that was folded' "$out/comments"

git ls-files -- '*.8' '*.5' | while read -r f; do
	mandoc -T lint -W warning "$f"
done >"$out/man" 2>&1
check 'manual pages: mandoc lint' "$out/man"

git ls-files | grep -vE '^(\.gitignore|\.clang-format|LICENSES/|.*\.tsv|.*\.rst|README\.md|tests/.*/README.*|tests/fuzz/regress/.*)$' |
	xargs awk 'FNR <= 4 && /SPDX-License-Identifier:/ { has[FILENAME] = 1 }
		END { for (i = 1; i < ARGC; i++) if (!(ARGV[i] in has)) print ARGV[i] ": no SPDX line" }' >"$out/spdx"
check 'an SPDX line in every file' "$out/spdx"

git grep -nE 'LINUX_VERSION_CODE|KERNEL_VERSION' -- kmod Kbuild >"$out/version"
check 'module: no kernel version numbers, compile probes only' "$out/version"

echo "1..$n"
