#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The kernel module, from outside: everything that uapi/linux/sluice.h promises.
# Runs in the virtual machine; elsewhere it starts one (KERNEL=6.1 or 6.12).
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ -z "${SLUICE_VM-}" ]; then
	make -s modules tests KERNEL="${KERNEL:-6.1}" >&2 || exit 1
	exec scripts/vm --kernel "${KERNEL:-6.1}" -- "$0" "$@"
fi
. tests/vm/lib.sh
. tests/vm/reader.sh

share=/sys/kernel/sluice/share

# conversation COMMAND...: a connection that lasts until hang_up.
conversation()
{
	rm -f "$tmp/talk"
	mkfifo "$tmp/talk"
	"$@" <"$tmp/talk" >"$tmp/heard" 2>/dev/null &
	talk_pid=$!
	exec {talk_fd}>"$tmp/talk"
}
ask_for() { echo "$1" >&$talk_fd; }
has() { [ "$(wc -c <"$tmp/heard")" -ge "$1" ]; }
# heard BYTES: waits until so many came in all.
heard() { until_true 20 has "$1"; }
hang_up()
{
	eval "exec $talk_fd>&-"
	unset talk_fd
	wait $talk_pid 2>/dev/null
}

# ------------------------------------------------------------------- load

modprobe nf_conntrack
check 'the module loads' insmod "$module"
topology '' || { echo 'Bail out! no namespaces'; exit 1; }
head -c 300000 /dev/urandom >"$tmp/file"
ip netns exec server tcptool serve 80 "$tmp/file" >"$tmp/serve" 2>&1 &
until_true 20 grep -q serving "$tmp/serve"

# ------------------------------------------------------- share, sysfs, netlink

is 'twelve fields, all shared' "$(cat $share/* | tr -d '\n')" 111111111111
like 'netlink says the same' "$(nl share-get)" 'share_mask=4095 '
nltool listen config 60 >"$tmp/host.ntf" &
listeners=$!
ip netns exec gateway nltool listen config 60 >"$tmp/gateway.ntf" &
listeners="$listeners $!"
nltool poll $share/url 60 >"$tmp/poll" &
poller=$!
until_true 10 grep -q listening "$tmp/host.ntf"
until_true 10 grep -q listening "$tmp/gateway.ntf"
until_true 10 grep -q polling "$tmp/poll"
generation=$(ask share-get share_generation)
echo 0 >$share/source_ip
is 'a field off through sysfs' "$(nl share-get)" \
	"share-get share_mask=4094 share_generation=$((generation + 1))"
echo no >$share/source_ip
is 'once more changes nothing' "$(ask share-get share_generation)" $((generation + 1))
check 'a field off through netlink' nltool share-set share_mask=0 share_select=0x80
is 'sysfs says the same' "$(cat $share/source_ip $share/url $share/user)" $'0\n0\n1'
refused 'nonsense is refused by sysfs' 'Invalid argument' bash -c "echo maybe >$share/url"
wait $poller
is 'poll() sees a change by netlink' "$(tail -n 1 "$tmp/poll")" 'changed 0'
news="share-ntf share_mask=4094 share_generation=$((generation + 1))
share-ntf share_mask=3966 share_generation=$((generation + 2))"
is 'changes are told in the host' "$(grep ^share "$tmp/host.ntf")" "$news"
is 'and in another namespace' "$(grep ^share "$tmp/gateway.ntf")" "$news"

# --------------------------------------------------------------- settings

check 'a setting' nl settings-set session_timeout=77 wake_msec=3
like 'is kept' "$(nl settings-get)" 'session_timeout=77 .*wake_msec=3'
like 'for this namespace only' "$(nltool settings-get)" 'session_timeout=300 '
like 'and told there' "$(cat "$tmp/gateway.ntf")" '^settings-ntf .*session_timeout=77'
is 'and nowhere else' "$(grep -c settings "$tmp/host.ntf")" 0
refused 'all or nothing' 'power of two' nl settings-set session_timeout=78 ring_size=65537
is 'nothing' "$(ask settings-get session_timeout)" 77
nl settings-set session_timeout=300 wake_msec=10
kill $listeners
for field in source_ip url; do echo 1 >$share/$field; done

# --------------------------------------------------- requests that are wrong

refused 'an attribute too short' 'Invalid|Numerical' nl settings-set '#2=01'
refused 'an attribute too long' '.' nl settings-set '#2=0100000001'
refused 'an attribute out of range' 'out of range.*offset' nl settings-set hooks=4
refused 'an attribute of another command' 'Unsupported|Unknown' nl settings-set session_id=1
refused 'an attribute nobody knows' 'Unknown|Unsupported' nl settings-set '#999=00'
refused 'an attribute where none belongs' 'Unknown|Unsupported' nl stats-get wake_msec=1
refused 'no setting at all' 'at least one' nl settings-set
refused 'a command nobody knows' 'not supported' nl 99
refused 'a mask of unknown fields' 'reserved bit' nltool share-set share_mask=0x1000 share_select=1
refused 'a mask without its selection' 'share-select is missing.*missing' \
	nltool share-set share_mask=1
refused 'a ring without an index' 'ring-index is missing' nl ring-open ring_count=1
refused 'an index beyond the count' 'below the count' nl ring-open ring_index=1 ring_count=1
refused 'too many rings' 'out of range' nl ring-open ring_index=0 ring_count=65
refused 'a ring of an odd size' 'power of two' \
	nl ring-open ring_index=0 ring_count=1 ring_size_bytes=100000
refused 'a ring too small' 'out of range' \
	nl ring-open ring_index=0 ring_count=1 ring_size_bytes=4096
refused 'a session nobody knows' 'no session with this id' nl session-get session_id=99
refused 'skip in none' 'no session with this id' \
	nl skip session_id=99 direction=0 sequence=0 length=1
refused 'skip in a third direction' 'out of range' \
	nl skip session_id=99 direction=2 sequence=0 length=1
refused 'skip of nothing' 'out of range' \
	nl skip session_id=99 direction=0 sequence=0 length=0
refused 'skip without a length' 'length is missing' nl skip session_id=9 direction=0 sequence=0
refused 'shunt of none' 'no session with this id' nl shunt session_id=99
refused 'a dump of one session' 'leave session-id out|Invalid argument' nl --dump session-get session_id=99

# ----------------------------------------------------------------- nobody

user='setpriv --reuid 65534 --regid 65534 --clear-groups'
refused 'a user may not set' 'not permitted' gateway $user nltool settings-set wake_msec=5
refused 'nor open a ring' 'not permitted' \
	gateway $user nltool ring-open ring_index=0 ring_count=1
refused 'nor list sessions' 'not permitted' gateway $user nltool --dump session-get
refused 'nor choose what is shared' 'not permitted' \
	gateway $user nltool share-set share_mask=0 share_select=1
refused 'nor by sysfs' '[Pp]ermission denied' $user sh -c "echo 0 >$share/url"
refused 'nor listen to sessions' 'not permitted' gateway $user nltool listen sessions 1
refused 'nor to settings' 'not permitted' gateway $user nltool listen config 1
like 'but read settings' "$(gateway $user nltool settings-get)" wake_msec
own="$user unshare --user --map-root-user --net"
check 'root of an own namespace may set' $own nltool settings-set wake_msec=5
refused 'but not what the host shares' 'not permitted' \
	$own nltool share-set share_mask=0 share_select=1

# ---------------------------------------------------------------- capture

client tcptool flood 10.2.0.2 80 2 >/dev/null
is 'without a ring nothing is looked at' "$(stat packets)" 0
ip netns exec gateway nltool listen sessions 300 >"$tmp/sessions.ntf" &
listener=$!
until_true 10 grep -q listening "$tmp/sessions.ntf"
ring_start
client tcptool talk 10.2.0.2 80 <<<300000 >"$tmp/got"
saw 'a session ends with FIN' '^end id=[0-9]+ reason=fin'
cmp "$tmp/got" "$tmp/file"
id=$(session 1)
like 'the tuple' "$(grep ^session "$ring")" \
	'original=10.1.0.2#([0-9]+)>10.2.0.2#80 reply=10.2.0.2#80>10.1.0.2#\1 flags=0 in=in out=out '
check 'what the server sent' cmp "$tmp/payload/$id.1" "$tmp/file"
is 'what the client sent' "$(cat "$tmp/payload/$id.0")" 300000
like 'the count at the end' "$(grep "^end id=$id" "$ring")" \
	'bytes=7,300000 skipped=0,0 lost_records=0,0 lost_bytes=0,0'
like 'SYN first' "$(grep -m 1 ^data "$ring")" 'dir=0 at=0 flags=002 length=0'
is 'namespace' "$(sed -n 's/^session.* netns=\([0-9]*\) .*/\1/p' "$ring")" \
	"$(gateway stat -Lc %i /proc/self/ns/net)"
until_true 5 grep -q '^session-end-ntf' "$tmp/sessions.ntf"
like 'its begin is told' "$(cat "$tmp/sessions.ntf")" "^session-begin-ntf session_id=$id .*,80 "
like 'its end is told' "$(cat "$tmp/sessions.ntf")" \
	"^session-end-ntf session_id=$id reason=1 bytes=7,300000"
kill $listener

client tcptool talk fd02::2 80 <<<300000 >"$tmp/got"
id=$(session 2)
saw 'IPv6' "^session id=$id original=fd01::2#([0-9]+)>fd02::2#80 reply=fd02::2#80>fd01::2#\\1 "
check 'what came by IPv6' cmp "$tmp/payload/$id.1" "$tmp/file"

client tcptool talk --rst 10.2.0.2 80 </dev/null
saw 'a session ends with RST' '^end id=[0-9]+ reason=rst'

gateway nft -f - <<END
table ip nat {
	chain pre {
		type nat hook prerouting priority -100;
		ip daddr 10.1.0.1 tcp dport 8080 dnat to 10.2.0.2:80
	}
	chain post {
		type nat hook postrouting priority 100;
		oif "out" masquerade
	}
}
END
client tcptool talk 10.1.0.1 8080 <<<1000 >"$tmp/got"
saw 'NAT of both addresses: all four ends' \
	'original=10.1.0.2#[0-9]+>10.1.0.1#8080 reply=10.2.0.2#80>10.2.0.1#[0-9]+ '
gateway nft delete table ip nat

gateway nft -f - <<END
table ip marks {
	chain pre {
		type filter hook prerouting priority -150;
		tcp flags syn tcp dport 80 meta mark set 7 ct mark set 9
	}
}
END
client tcptool flood 10.2.0.2 80 1 >/dev/null
saw 'marks' '^session .* mark=7 ctmark=9 '
gateway nft delete table ip marks
seen "^end id=$(session 5) reason=fin"
ring_stop 'one reader saw all of it'

# ------------------------------------------- requests about one conversation

conversation ip netns exec client tcptool talk 10.2.0.2 80
ask_for 1000
heard 1000
ring_start
ask_for 1000
heard 2000
saw 'a session that has begun before' '^session .* flags=1 '
id=$(session 1)
like 'one session' "$(nl session-get session_id="$id")" \
	"^session-get session_id=$id .*,80 reason=0 bytes=5,1000 session_idle_msec=.* session_ring=0$"
like 'all sessions' "$(nl --dump session-get)" "^session-get session_id=$id "
next=$(sed -n "s/^data id=$id dir=1 .* length=1000 .* sequence=\([0-9]*\)/\1/p" "$ring")
ct_id=$(sed -n "s/^session id=$id .* ctid=\([0-9]*\) .*/\1/p" "$ring")
like "conntrack's id" "$(gateway conntrack -L -p tcp -o id 2>&1)" "dport=80 .* id=$ct_id( |$)"
# All of the large answer but its first and its last byte: the packets that have them are cut.
check 'skip' nl skip session_id="$id" direction=1 sequence=$((next + 3001)) length=99998
for n in 2000 100000 5000; do
	ask_for $n
	total=$((${total:-2000} + n))
	heard $total
done
hang_up
saw 'what was skipped is counted, to the byte' "^end id=$id reason=fin.* bytes=.*,108000 skipped=0,99998 "
skipped=$(sed -n "s/^end id=$id .* skipped=0,\([0-9]*\).*/\1/p" "$ring")
read=$(awk "/^data id=$id dir=1/ { sub(/.*length=/, \"\"); n += \$1 } END { print n }" "$ring")
is 'and what was not is there' "$read" $((108000 - skipped))
is 'the counter agrees' "$(stat skipped_bytes)" "$skipped"

conversation ip netns exec client tcptool talk 10.2.0.2 80
ask_for 1000
heard 1000
seen '^data id=[0-9]+ .* length=1000'
id=$(session 2)
check 'shunt' nl shunt session_id="$id"
check 'once more is no error' nl shunt session_id="$id"
saw 'its end comes at once' "^end id=$id reason=shunt.* bytes=5,1000 "
ask_for 5000
heard 6000
like 'it is still known' "$(nl session-get session_id="$id")" ' bytes=10,6000 .*session_shunted'
hang_up
is 'the rest is counted' "$(stat shunted_bytes)" 5005
is_now() { [ "$(stat "$1")" = "$2" ]; }
until_true 10 is_now sessions_now 0
like 'and is gone after its end' "$(nl session-get session_id="$id" 2>&1)" 'no session'

# --------------------------------------------------------- ends of other kinds

client tcptool talk --from 5555 10.2.0.2 80 <<<10 >"$tmp/got"
client tcptool talk --from 5556 10.2.0.2 80 </dev/null
conversation ip netns exec client tcptool talk --rst --from 5557 10.2.0.2 80
ask_for 10
heard 10
seen '5557>.*' && id=$(sed -n 's/^session id=\([0-9]*\) .*#5557>.*/\1/p' "$ring")
client nft 'add table ip cut; add chain ip cut out { type filter hook output priority 0; policy drop; }'
hang_up
gateway conntrack -F >/dev/null 2>&1
client nft delete table ip cut
client tcptool talk --from 5557 10.2.0.2 80 <<<10 >"$tmp/got"
saw 'a new connection between the same ports' "^end id=$id reason=reused"
like 'has a session of its own' "$(grep -c '^session .*#5557>' "$ring")" '^[2-9]'

nl settings-set session_timeout=1
conversation ip netns exec client tcptool talk 10.2.0.2 80
ask_for 10
saw 'a session times out' 'reason=timeout' 10
hang_up
nl settings-set session_timeout=300

nl settings-set max_sessions=16
evicted=$(stat sessions_evicted)
ip netns exec client tcptool flood --keep 10.2.0.2 80 40 >"$tmp/flood" &
flood=$!
until_true 20 grep -q done "$tmp/flood"
saw 'the table is full: the idlest is evicted' 'reason=evicted'
result $(($(stat sessions_now) > 16)) 'and never holds more than it should'
result $(($(stat sessions_evicted) - evicted < 20)) 'evictions are counted'
kill $flood
nl settings-set max_sessions=131072
ring_stop 'all of it was sound'

# ------------------------------------------------------------ the host itself

nl settings-set hooks=3
ip netns exec server tcptool serve 90 "$tmp/file" >/dev/null 2>&1 &
ip netns exec gateway tcptool serve 80 "$tmp/file" >"$tmp/serve2" 2>&1 &
gateway_server=$!
until_true 20 grep -q serving "$tmp/serve2"
ring_start
gateway tcptool talk 10.2.0.2 80 <<<1000 >"$tmp/got"
saw 'from this host, with its user' '^session .* flags=4 in= out=out .* uid=0 '
client tcptool talk 10.1.0.1 80 <<<1000 >"$tmp/got"
saw 'to this host' '^session .* flags=2 in=in out= '
gateway tcptool talk 127.0.0.1 80 <<<1000 >"$tmp/got"
saw 'within this host' '^session .*127.0.0.1#80 reply.* flags=6 '
saw 'once, not twice' "^end id=$(session 3) .* bytes=5,1000 "
ignored=$(stat ignored_mark)
sessions=$(stat sessions)
gateway tcptool talk --mark 0x51c1ce 10.2.0.2 80 <<<1000 >"$tmp/got"
is 'the ignore mark is counted' "$(stat ignored_mark)" $((ignored + 1))
is 'and makes no session' "$(stat sessions)" "$sessions"
nl settings-set hooks=1
packets=$(stat packets)
gateway tcptool talk 10.2.0.2 80 <<<1000 >"$tmp/got"
is 'hooks change while a ring is open' "$(stat packets)" "$packets"
ring_stop 'all of it was sound, too'
kill $gateway_server

# ------------------------------------------------------------------- rings

ring_start
refused 'a module in use stays' 'in use' rmmod sluice
ring_stop 'and is not disturbed'
check 'only the consumer page can be written' gateway ringtool --protection

# Several at a time, for several processors to write at a time.
floods()
{
	local pids=() n
	for n in 1 2 3; do
		ip netns exec client tcptool flood --bytes 60000 10.2.0.2 80 6 >/dev/null &
		pids+=($!)
	done
	wait "${pids[@]}"
}
ring_start --stall --size 65536
floods
result $(($(stat lost_ring_full) == 0)) 'a full ring loses'
kill -USR1 $reader
floods
saw 'and says so in the ring' '^lost records=[1-9]'
saw 'and with the next record' '^data .* flags=1..'
until_true 10 is_now sessions_now 0
ring_stop 'records tried = records read + records lost'
like 'some were lost, some were read' "$(grep ^summary "$ring")" 'read=[1-9].* lost=[1-9]'

ring_start --nonsense --size 65536
client tcptool flood 10.2.0.2 80 1 >/dev/null
result $(($(stat consumer_errors) == 0)) 'a position that cannot be is counted'
kill -USR1 $reader
client tcptool flood 10.2.0.2 80 1 >/dev/null
saw 'which is told' '^lost'
ring_stop 'and makes the ring full until it is sound'

ip -n client -batch - <<END
addr add 10.1.0.3/24 dev eth0
addr add 10.1.0.4/24 dev eth0
addr add 10.1.0.5/24 dev eth0
addr add 10.1.0.6/24 dev eth0
addr add 10.1.0.7/24 dev eth0
END
missed=$(stat missed_no_ring)
ring_start --index 1 --count 2
ip netns exec gateway ringtool --index 0 --count 2 >"$tmp/ring0" 2>&1 &
other=$!
until_true 10 grep -q ^open "$tmp/ring0"
refused 'a ring is opened once' 'open already' nl ring-open ring_index=1 ring_count=2
refused 'and its count is kept' 'another count' nl ring-open ring_index=0 ring_count=3
like 'two rings are open' "$(nl stats-get)" 'rings_open=2 rings_count=2'
for n in 2 3 4 5 6 7; do
	ip -n client route replace 10.2.0.2 via 10.1.0.1 src 10.1.0.$n
	client tcptool flood 10.2.0.2 80 2 >/dev/null
done
sessions_in() { grep -c "^session" "$1"; }
all_there() { [ $(($(sessions_in "$ring") + $(sessions_in "$tmp/ring0"))) = 12 ]; }
check 'each session is in one of them' until_true 10 all_there
twice=$(sed -n 's/^session.* original=\([0-9.]*\)#.*/\1/p' "$ring" | sort | uniq -c | grep -vc ' 2 ')
is 'an address always in the same' "$twice" 0
kill -KILL $other
wait $other 2>/dev/null
until_true 10 is_now rings_open 1
client tcptool flood 10.2.0.2 80 2 >/dev/null
for n in 2 3 4 5 6 7; do
	ip -n client route replace 10.2.0.2 via 10.1.0.1 src 10.1.0.$n
	client tcptool flood 10.2.0.2 80 1 >/dev/null
done
result $(($(stat missed_no_ring) == missed)) 'sessions of a ring whose reader was killed are missed'
kill $reader
wait $reader
ring_start
client tcptool flood 10.2.0.2 80 1 >/dev/null
saw 'after them anybody can open again' '^end .*reason=fin'
like 'what was missed before is not now' "$(nl stats-get)" 'rings_open=1 rings_count=1'

# ------------------------------------------------------------- two namespaces

topology 2
ip netns exec server2 tcptool serve 80 "$tmp/file" >"$tmp/serve3" &
until_true 20 grep -q serving "$tmp/serve3"
ip netns exec gateway2 ringtool >"$tmp/ring2" 2>&1 &
other=$!
until_true 10 grep -q ^open "$tmp/ring2"
before=$(grep -c ^session "$ring")
ip netns exec client2 tcptool flood 10.2.0.2 80 3 >/dev/null
seen_there() { [ "$(grep -c ^session "$tmp/ring2")" = 3 ]; }
until_true 10 seen_there
is 'a namespace sees its own' "$(grep -c ^session "$tmp/ring2")" 3
is 'and no other' "$(grep -c ^session "$ring")" "$before"
refused 'nor asks about it' 'no session' nl session-get \
	session_id="$(sed -n 's/^session id=\([0-9]*\) .*/\1/p' "$tmp/ring2" | tail -n 1)"
kill -KILL $other
wait $other 2>/dev/null
for ns in client2 server2 gateway2; do
	ip netns pids $ns | xargs -r kill
	ip netns del $ns
done
ring_stop 'neither was disturbed'

# ----------------------------------------------------------------- unloading

ip netns exec client tcptool flood --seconds 600 --bytes 3000 10.2.0.2 80 1 >/dev/null &
traffic=$!
loads=20
[ "${1:-}" = --long ] && loads=100
strip --strip-debug -o "$tmp/sluice.ko" "$module"
like "unloaded under traffic and loaded again, $loads times" \
	"$(gateway nltool reload "$tmp/sluice.ko" "$loads" 2>&1)" \
	"^reloaded $loads times, with records sometimes"
kill $traffic
wait $traffic 2>/dev/null
ring_start
client tcptool flood 10.2.0.2 80 1 >/dev/null
saw 'and works' '^end .*reason=fin'
ring_stop 'as before'
check 'the module unloads' rmmod sluice
finish
