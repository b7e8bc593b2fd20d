#!/bin/bash
# SPDX-License-Identifier: MIT
#
# UDP in the kernel module: what the settings name is captured, whole, and nothing else is.
# Runs in the virtual machine; elsewhere it starts one (KERNEL=6.1 or 6.12). CHANGES is how often
# the lists change under traffic.
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ -z "${SLUICE_VM-}" ]; then
	make -s modules tests KERNEL="${KERNEL:-6.1}" >&2 || exit 1
	exec scripts/vm --kernel "${KERNEL:-6.1}" -- "$0"
fi
. tests/vm/lib.sh
. tests/vm/reader.sh

# talk HOST PORT TEXT [OPTION...]
talk() { client udptool talk "${@:4}" "$1" "$2" "$3"; }
# lines REGEX: how many the reader has printed.
lines() { grep -Ec -- "$1" "$ring"; }
# of_port PORT: the number of the latest session whose opener has this port.
of_port() { sed -n "s/^session id=\([0-9]*\) original=[^ ]*#$1>.*/\1/p" "$ring" | tail -n 1; }
is_now() { [ "$(stat "$1")" = "$2" ]; }

modprobe nf_conntrack
check 'the module loads' insmod "$module"
topology '' || { echo 'Bail out! no namespaces'; exit 1; }
for port in 69 5000 6969; do
	ip netns exec server udptool serve $port >"$tmp/serve$port" 2>&1 &
	until_true 20 grep -q serving "$tmp/serve$port"
done
head -c 100000 /dev/urandom >"$tmp/file"
ip netns exec server tcptool serve 80 "$tmp/file" >"$tmp/serve" 2>&1 &
until_true 20 grep -q serving "$tmp/serve"

# --------------------------------------------------------------- settings

like 'at first nothing is named' "$(nl settings-get)" \
	'udp_timeout=60 udp_ports=none udp_prefixes=none$'
ip netns exec gateway nltool listen config 60 >"$tmp/config.ntf" &
listener=$!
until_true 10 grep -q listening "$tmp/config.ntf"
check 'lists are set' nl settings-set udp_ports=69,1000-1010 udp_prefixes=10.9.0.0/16,fd09::/64
wanted='udp_ports=69,1000-1010 udp_prefixes=10.9.0.0/16,fd09::/64$'
like 'and kept' "$(nl settings-get)" "$wanted"
like 'and told' "$(cat "$tmp/config.ntf")" "^settings-ntf .*$wanted"
kill $listener
like 'for this namespace only' "$(nltool settings-get)" 'udp_ports=none '
check 'another setting' nl settings-set udp_timeout=61
like 'leaves them alone' "$(nl settings-get)" "$wanted"

ports='#10' prefixes='#11'
ten=0a000000000000000000000000000000
refused 'half a range' 'at most 32 ranges.*offset' nl settings-set "$ports=450045"
refused 'too many ranges' 'at most 32 ranges' nl settings-set udp_ports="$(seq -s, 33)"
refused 'port 0' 'ports are 1 to 65535' nl settings-set "$ports=00000500"
refused 'a range upside down' 'not above its last' nl settings-set "$ports=450045000a000900"
refused 'half a prefix' 'whole entries' nl settings-set "$prefixes=0a00"
refused 'a prefix of no family' 'IPv4 or IPv6' nl settings-set "$prefixes=${ten}01080000"
refused 'an IPv4 prefix too long' '32 or 128' nl settings-set "$prefixes=${ten}02210000"
refused 'an IPv6 prefix too long' '32 or 128' nl settings-set "$prefixes=${ten}0a810000"
refused 'bits beyond the length' '0 beyond' nl settings-set "$prefixes=${ten}02060000"
refused 'an IPv4 address with a tail' '0 beyond' \
	nl settings-set "$prefixes=0a000000000000000000000000000001""02080000"
refused 'a word that is reserved' 'IPv4' nl settings-set "$prefixes=${ten}02080001"
refused 'all or nothing' 'power of two' nl settings-set udp_ports=1 ring_size=65537
refused 'no timeout' 'out of range' nl settings-set udp_timeout=0
like 'nothing was changed by these' "$(nl settings-get)" "udp_timeout=61 $wanted"
check 'as many as there may be' nl settings-set udp_ports="$(seq -s, 32)" \
	udp_prefixes="$(seq -s, -f '10.%g.0.0/16' 32)"
check 'and none' nl settings-set udp_timeout=60 "$ports=" "$prefixes="
like 'none again' "$(nl settings-get)" 'udp_ports=none udp_prefixes=none$'
user='setpriv --reuid 65534 --regid 65534 --clear-groups'
refused 'a user may not set them' 'not permitted' \
	gateway $user nltool settings-set udp_ports=69

# ------------------------------------------------------- what is captured

ring_start
is 'not named: the datagram passes' "$(talk 10.2.0.2 69 hello)" '> hello'
is 'and nobody looks' "$(stat udp_packets) $(stat sessions)" '0 0'
nl settings-set udp_ports=69,4000-4002
is 'a port that is named' "$(talk 10.2.0.2 69 hello --from 3001)" '> hello'
saw 'is a session' '^session id=[0-9]+ original=10.1.0.2#3001>10.2.0.2#69 reply=10.2.0.2#69>10.1.0.2#3001 flags=0 in=in out=out .*protocol=17$'
id=$(of_port 3001)
saw 'its question' "^data id=$id dir=0 at=0 flags=200 length=5 "
saw 'its answer' "^data id=$id dir=1 at=0 flags=200 length=7 "
is 'byte by byte' "$(cat "$tmp/payload/$id.0" "$tmp/payload/$id.1")" 'hello> hello'
like 'one session' "$(nl session-get session_id="$id")" \
	"session_id=$id .*protocol=17 ports=3001,69 reason=0 bytes=5,7 "
is 'counted' "$(stat udp_packets) $(stat udp_bytes) $(stat sessions_udp)" '2 12 1'
is 'not among what is TCP' "$(stat packets) $(stat bytes)" '0 0'
talk 10.2.0.2 5000 hello --from 3002 >/dev/null
talk 10.2.0.2 5000 hello --from 4002 >/dev/null
talk fd02::2 69 hello --from 3003 >/dev/null
saw 'IPv6' 'original=fd01::2#3003>fd02::2#69 .*protocol=17$'
saw "the opener's port" 'original=10.1.0.2#4002>10.2.0.2#5000 '
is 'another port is not captured' "$(lines '#3002>') $(stat missed_invalid)" '0 0'

nl settings-set udp_ports=none udp_prefixes=10.2.0.0/30,fd01::/64
talk 10.2.0.2 69 more --from 3001 >/dev/null
saw 'a session goes on when nothing names it any more' "^data id=$id dir=0 at=5 flags=200 length=4 "
talk 10.2.0.2 5000 hello --from 3004 >/dev/null
saw "a prefix that has the answerer's address" '#3004>10.2.0.2#5000 '
talk fd02::2 5000 hello --from 3005 >/dev/null
saw "a prefix that has the opener's address" 'fd01::2#3005>fd02::2#5000 '
nl settings-set udp_prefixes=10.2.0.4/30,10.1.0.3,fd01::3/128,fd02::8000:0:0:0/65
talk 10.2.0.2 5000 hello --from 3006 >/dev/null
talk fd02::2 5000 hello --from 3007 >/dev/null
is 'prefixes that have neither' "$(lines '#300[67]>')" 0
nl settings-set udp_prefixes=0.0.0.0/0
talk fd02::2 5000 hello --from 3008 >/dev/null
talk 10.2.0.2 5000 hello --from 3009 >/dev/null
saw 'all of IPv4' '#3009>'
is 'and nothing of IPv6' "$(lines '#3008>')" 0
nl settings-set udp_prefixes=none

# -------------------------------------------------------------------- NAT

gateway nft -f - <<END
table ip nat {
	chain pre {
		type nat hook prerouting priority -100;
		ip daddr 10.1.0.1 udp dport 1069 dnat to 10.2.0.2:69
	}
	chain post {
		type nat hook postrouting priority 100;
		oif "out" masquerade
	}
}
END
nl settings-set udp_ports=69
is 'NAT of both addresses' "$(talk 10.1.0.1 1069 hello --from 3010)" '> hello'
saw 'all four ends, and a port that only the answerer knows' \
	'original=10.1.0.2#3010>10.1.0.1#1069 reply=10.2.0.2#69>10.2.0.1#[0-9]+ '
nl settings-set udp_ports=1069
talk 10.1.0.1 1069 hello --from 3011 >/dev/null
saw 'and one that only the opener knows' '#3011>10.1.0.1#1069 reply=10.2.0.2#69>'
nl settings-set udp_ports=none udp_prefixes=10.2.0.1
talk 10.1.0.1 1069 hello --from 3012 >/dev/null
saw 'and an address that is nobody but a translation' '#3012>10.1.0.1#1069 '
gateway nft delete table ip nat
nl settings-set udp_prefixes=none

# ---------------------------------------------------------------- related

kill "$(server pgrep -f 'udptool serve 69$')" 2>/dev/null
ip netns exec server udptool serve --tftp 69 >"$tmp/tftp" 2>&1 &
until_true 20 grep -q serving "$tmp/tftp"
nl settings-set udp_ports=69
check 'TFTP without its helper' client udptool talk --tftp --from 3020 10.2.0.2 69 -
seen "#3020>10.2.0.2#69 "
is 'its answer is a stranger' "$(lines 'original=10.2.0.2#[0-9]+>10.1.0.2#3020 ')" 0
if modprobe nf_conntrack_tftp && gateway nft -f - <<END
table inet helpers {
	ct helper tftp { type "tftp" protocol udp; }
	chain pre {
		type filter hook prerouting priority 0;
		udp dport 69 ct helper set "tftp"
	}
}
END
then
	check 'TFTP with its helper' client udptool talk --tftp --from 3021 10.2.0.2 69 -
	seen '#3021>10.2.0.2#69 '
	saw 'its answer is related' \
		"original=10.2.0.2#[0-9]+>10.1.0.2#3021 .* related=$(of_port 3021) .*protocol=17$"
	id=$(sed -n 's/^session id=\([0-9]*\) original=10.2.0.2#[0-9]*>10.1.0.2#3021 .*/\1/p' "$ring")
	saw 'a block' "^data id=$id dir=0 at=0 flags=200 length=11 "
	saw 'its acknowledgment' "^data id=$id dir=1 at=0 flags=200 length=4 "
	check 'TFTP by IPv6' client udptool talk --tftp --from 3022 fd02::2 69 -
	saw 'is related, too' "original=fd02::2#[0-9]+>fd01::2#3022 .* related=$(of_port 3022) "
	nl settings-set udp_ports=none
	check 'TFTP that nobody named' client udptool talk --tftp --from 3023 10.2.0.2 69 -
	is 'nor what is related to it' "$(lines '#3023')" 0
	gateway nft delete table inet helpers
else
	result 1 'nf_conntrack_tftp and its rule'
fi

# --------------------------------------------------- datagrams of all kinds

nl settings-set udp_ports=6969,7777	# nobody answers at 7777
client udptool send --from 3030 10.2.0.2 6969 20000
seen '#3030>'
id=$(of_port 3030)
saw 'fragments are one datagram' "^data id=$id dir=0 at=0 flags=200 length=20000 "
client udptool send --from 3031 fd02::2 6969 20000
seen '#3031>'
saw 'so are those of IPv6' "^data id=$(of_port 3031) dir=0 at=0 flags=200 length=20000 "
client udptool send --from 3032 10.2.0.2 7777 0
client udptool send --from 3030 10.2.0.2 6969 0
client udptool send --from 3030 10.2.0.2 6969 1
saw 'an empty datagram has no record' "^data id=$id dir=0 at=20000 flags=200 length=1 "
is 'and begins no session' "$(lines '#3032>')" 0
malformed=$(stat missed_malformed)
invalid=$(stat missed_invalid)
for length in 0 7 13 65535; do
	client udptool wrong 10.2.0.2 7777 $length
done
is_missed() { [ $(($(stat missed_malformed) - malformed)) = 4 ]; }
until_true 10 is_missed
is 'wrong lengths are counted' "$(($(stat missed_malformed) - malformed))" 4
is 'and not captured' "$(lines '#4444>')" 0
client udptool wrong 10.2.0.2 7777 10
seen '#4444>'
saw 'a length below that of IP counts' \
	"^data id=$(of_port 4444) dir=0 at=0 flags=200 length=2 "
gateway nft -f - <<END
table ip raw {
	chain pre {
		type filter hook prerouting priority -300;
		udp sport 3033 notrack
	}
}
END
talk 10.2.0.2 6969 hello --from 3033 >/dev/null
talk 10.2.0.2 5000 hello --from 3033 >/dev/null
is 'what conntrack leaves alone counts as missed, if it is named' \
	"$(($(stat missed_invalid) - invalid))" 1
gateway nft delete table ip raw

# packets_forwarded: how many the gateway has passed of those to port 7777.
gateway nft -f - <<END
table inet count {
	counter forwarded { }
	chain pass {
		type filter hook forward priority 0;
		udp dport 7777 counter name forwarded
	}
}
END
packets_forwarded()
{
	gateway nft list counter inet count forwarded | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}
# segments NAME PORT: a GSO packet of 10 datagrams from this port, the last is shorter.
segments()
{
	local host=${3:-10.2.0.2} id
	client udptool send --from "$2" --gso 1000 "$host" 7777 9500
	seen "#$2>"
	id=$(of_port "$2")
	saw "$1: the last" "^data id=$id dir=0 at=9000 flags=200 length=500 "
	is "$1: all of them" "$(lines "^data id=$id dir=0 at=[0-9]+ flags=200 length=1000 ")" 9
	head -c 9500 "$tmp/payload/$id.0" | cmp - <(pattern 9500)
	result $? "$1: their bytes"
}
pattern() { head -c "$1" < <(while echo -n abcdefghijklmnopqrstuvw; do :; done); }
segments 'GSO' 3040
is 'which passed in one' "$(packets_forwarded)" 1
segments 'GSO of IPv6' 3041 fd02::2
client ethtool -K eth0 tx-udp-segmentation off >/dev/null
segments 'taken apart before' 3042
result $(($(packets_forwarded) != 12)) 'which passed one by one'
before=$(packets_forwarded)
gateway ethtool -K in gro on rx-gro-list on >/dev/null
segments 'a list of packets' 3043
result $(($(packets_forwarded) - before > 5)) 'which passed together'
gateway ethtool -K in gro off rx-gro-list off >/dev/null
client ethtool -K eth0 tx-udp-segmentation on >/dev/null
gateway nft delete table inet count

# --------------------------------------------------------- skip, shunt, ends

client udptool send --from 3034 10.2.0.2 7777 10
seen '#3034>'
id=$(of_port 3034)
refused 'skip in UDP' 'a session of UDP has no sequence' \
	nl skip session_id="$id" direction=0 sequence=0 length=1
check 'shunt' nl shunt session_id="$id"
saw 'its end comes at once' "^end id=$id reason=shunt "
client udptool send --from 3034 10.2.0.2 7777 100
until_true 10 is_now shunted_bytes 100
is 'the rest is counted' "$(stat shunted_bytes)" 100
nl settings-set udp_timeout=1
saw 'a session times out' "^end id=$(of_port 3043) reason=timeout packets=10,0 bytes=9500,0 "
until_true 20 is_now sessions_now 0
is 'and all others' "$(stat sessions_now)" 0
client udptool send --from 3034 10.2.0.2 7777 5
begun() { [ "$(of_port 3034)" != "$id" ]; }
until_true 10 begun
saw 'what was shunted begins anew after its end' \
	"^data id=$(of_port 3034) dir=0 at=0 flags=200 length=5 "
nl settings-set udp_timeout=60
nl settings-set udp_ports=none

# One conversation of TCP, and a flood of datagrams for a small table.
nl settings-set udp_ports=6969 max_sessions=16
mkfifo "$tmp/talk"
client tcptool talk 10.2.0.2 80 <"$tmp/talk" >"$tmp/heard" &
talker=$!
exec {talk_fd}>"$tmp/talk"
echo 1000 >&$talk_fd
seen '#80 .*protocol=6$'
id=$(sed -n 's/^session id=\([0-9]*\) .*#80 .*protocol=6$/\1/p' "$ring" | tail -n 1)
client udptool flood 10.2.0.2 6969 200
saw 'a flood of datagrams evicts' 'reason=evicted'
result $(($(stat sessions_now) > 16)) 'and the table never holds more than it should'
echo 1000 >&$talk_fd
exec {talk_fd}>&-
wait $talker
saw 'but the session of TCP is whole' "^end id=$id reason=fin .*bytes=10,2000 "
nl settings-set udp_ports=none max_sessions=131072

# ----------------------------------------------------------- the host itself

nl settings-set hooks=3 udp_ports=6969
ip netns exec gateway udptool serve 6969 >"$tmp/here" 2>&1 &
until_true 20 grep -q serving "$tmp/here"
talk 10.1.0.1 6969 hello --from 3050 >/dev/null
saw 'to this host' '#3050>10.1.0.1#6969 .* flags=2 in=in out= '
gateway udptool talk --from 3051 10.2.0.2 6969 hello >/dev/null
saw 'from this host, with its user' '#3051>10.2.0.2#6969 .* flags=4 in= out=out .* uid=0 '
gateway udptool talk --from 3052 127.0.0.1 6969 hello >/dev/null
saw 'within this host' '#3052>127.0.0.1#6969 .* flags=6 '
saw 'the answer' "^data id=$(of_port 3052) dir=1 .* length=7 "
is 'once, not twice' "$(lines "^data id=$(of_port 3052) ")" 2
ignored=$(stat ignored_mark)
gateway udptool talk --from 3053 --mark 0x51c1ce 10.2.0.2 6969 hello >/dev/null
is 'the ignore mark' "$(($(stat ignored_mark) - ignored)) $(lines '#3053>')" '1 0'
nl settings-set hooks=1

# ------------------------------------------------- changes, and the end of all

client udptool flood --seconds 8 10.2.0.2 6969 50 &
traffic=$!
for _ in $(seq "${CHANGES:-40}"); do
	nl settings-set udp_ports=none udp_prefixes=none
	nl settings-set udp_ports=6969 udp_prefixes=fd00::/8,10.0.0.0/8
done
wait $traffic
result $? 'the lists change under traffic'
talk 10.2.0.2 6969 hello --from 3060 >/dev/null
saw 'and the last ones hold' '#3060>'
ring_stop 'one reader saw all of it, and it was sound'
is 'no reader, no session' "$(stat sessions_now)" 0
client udptool flood --seconds 3 10.2.0.2 6969 50 &
traffic=$!
ring_start
check 'a ring holds the module' sh -c '! rmmod sluice'
ring_stop 'a ring closed under traffic'
wait $traffic
check 'the module unloads' rmmod sluice
finish
