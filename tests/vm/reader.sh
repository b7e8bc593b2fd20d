# SPDX-License-Identifier: MIT
#
# For tests of the kernel module: nltool and ringtool in the namespace of the gateway.
# Sourced after lib.sh.

tools=${SLUICE_TOOLS:-$PWD/build/tests}
module=${SLUICE_MODULE:-$PWD/build/$(uname -r)/sluice.ko}
PATH=$tools:$PATH

nl() { gateway nltool "$@"; }
stat() { nl stats-get | tr ' ' '\n' | sed -n "s/^$1=//p"; }
ask() { nl "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }

# ring_start [OPTION...]: a reader in the gateway; its words are in $ring.
ring=$tmp/ring
ring_start()
{
	rm -rf "$tmp/payload"
	mkdir "$tmp/payload"
	(
		# It must not keep a conversation open.
		eval "exec ${talk_fd:+$talk_fd>&-}"
		exec ip netns exec gateway ringtool --payload "$tmp/payload" "$@" >"$ring" 2>&1
	) &
	reader=$!
	until_true 20 grep -q '^open' "$ring" || say "no ring: $(cat "$ring")"
}

# ring_stop NAME: ends it; the test is that all it saw was sound.
ring_stop()
{
	kill -TERM $reader
	wait $reader
	local status=$?
	result $status "$1"
	[ $status = 0 ] || say "$(grep -v '^data' "$ring" | tail -n 20)"
}

# seen REGEX [SECONDS]: waits for a line of the reader.
seen() { until_true "${2:-10}" grep -Eq -- "$1" "$ring"; }
# saw NAME REGEX [SECONDS]
saw()
{
	seen "$2" "${3:-10}"
	local status=$?
	result $status "$1"
	[ $status = 0 ] || say "no '$2' in:"$'\n'"$(tail -n 20 "$ring")"
}
# The n-th session the reader saw: its id.
session() { sed -n 's/^session id=\([0-9]*\) .*/\1/p' "$ring" | sed -n "$1p"; }
