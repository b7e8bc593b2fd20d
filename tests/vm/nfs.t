#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The kernel's own NFS server and client: cp over NFS 3, 4.0, 4.1 and 4.2, recorded and read.
# Truth is what was copied.
#
#	client                     server
#	10.3.0.1, fd03::1   ----   10.3.0.2, fd03::2
#	eth0                       eth0
#
# NFS over UDP is in tests/real/nfs.t: Debian's kernels refuse it.

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/vm/lib.sh
. tests/vm/knfsd.sh

sluiced=${SLUICED:-build/sluiced}
SIZE=400000	# more than a WRITE has

client() { ip netns exec client "$@"; }

setup()
{
	knfsd_setup || return 1
	ip netns add client && ip netns add server &&
	ip link add eth0 netns client type veth peer name eth0 netns server || return 1
	for n in client:1 server:2; do
		ip -n ${n%:*} -batch - <<-END || return 1
			link set lo up
			addr add 10.3.0.${n#*:}/24 dev eth0
			addr add fd03::${n#*:}/64 dev eth0 nodad
			link set eth0 up
		END
	done
	mkdir -p "$tmp/mnt" "$tmp/files"
}

answers()
{
	client bash -c ': </dev/tcp/10.3.0.2/2049 && : </dev/tcp/10.3.0.2/111'
}

# copy HOST OPTIONS NAME [HOW]: to the server, and, when nothing is remembered, back.
copy()
{
	client bash -c '
		host=$1 options=$2 name=$3 how=$4 mnt=$5/mnt files=$5/files
		path=/srv/share
		case $options in vers=4*) path=/ ;; esac
		again() { mount -t nfs -o "$options,nolock,soft,timeo=100" "[$host]:$path" "$mnt"; }
		case $host in *:*) ;; *)
			again() { mount -t nfs -o "$options,nolock,soft,timeo=100" "$host:$path" "$mnt"; } ;;
		esac
		again || exit 1
		mkdir -p "$mnt/in"
		case $how in
		append)		# a COMMIT in the middle, not where a page ends
			{
				head -c 100000 "$files/$name"
				sync -f "$mnt/in/$name"
				tail -c +100001 "$files/$name"
			} >"$mnt/in/$name" ;;
		over)		# what is there is longer
			head -c 500000 /dev/zero >"$mnt/in/$name"
			cat "$files/$name" >"$mnt/in/$name" ;;
		*)
			cp "$files/$name" "$mnt/in/$name" ;;
		esac
		umount "$mnt" && again && cmp "$mnt/in/$name" "$files/$name"
		status=$?
		umount "$mnt"
		exit $status' copy "$1" "$2" "$3" "${4-}" "$tmp"
}

# seen DIRECTION FILE: names of its complete sightings
seen()
{
	grep "^$1 $(sha256sum <"$tmp/files/$2" | cut -d' ' -f1) " "$tmp/seen" | cut -d' ' -f3-
}

setup || { echo "1..0 # SKIP no NFS in this kernel"; exit 0; }
check "server" knfsd_serve server
until_true 20 answers || { say "it does not answer"; finish; }
ip netns exec client tcpdump -i eth0 -U -B 65536 -s 0 -w "$tmp/capture" 'tcp or udp' 2>"$tmp/tcpdump" &
dump=$!
until_true 20 grep -q 'listening on' "$tmp/tcpdump"

files=
n=0
# each HOST VERSION OPTIONS [HOW]
each()
{
	local name=$((n += 1))-$2${4+-$4}
	case $1 in *:*) name=$name-six ;; esac
	if [ "${4-}" = sparse ]; then
		truncate -s $SIZE "$tmp/files/$name"
		printf '%s' "$name" | dd of="$tmp/files/$name" bs=1 seek=200000 conv=notrunc status=none
	else
		head -c $SIZE /dev/urandom >"$tmp/files/$name"
	fi
	check "$name is copied" copy "$1" "$3" "$name" "${4-}"
	files="$files $name"
}

each 10.3.0.2 3 vers=3,proto=tcp
each fd03::2 3 vers=3,proto=tcp6,nconnect=2,wsize=32768,rsize=32768 nconnect
each 10.3.0.2 3 vers=3,proto=tcp,sync,wsize=16384 sync
each 10.3.0.2 3 vers=3,proto=tcp append
each 10.3.0.2 4.0 vers=4.0
each fd03::2 4.1 vers=4.1,nconnect=2,wsize=32768,rsize=32768 nconnect
each 10.3.0.2 4.2 vers=4.2
each fd03::2 4.2 vers=4.2 over
each 10.3.0.2 4.2 vers=4.2 sparse

sleep 1		# it may be behind
kill $dump
wait $dump
like "all was recorded" "$(cat "$tmp/tcpdump")" '^0 packets dropped by kernel'
[ -z "${KEEP-}" ] || cp "$tmp/capture" "$KEEP"
check "read" $sluiced -r "$tmp/capture" -o "$tmp/out"
jq -r '"\(.sluice.direction) \(.file.hash.sha256) \(.file.path)"' "$tmp/out/sightings.jsonl" \
	>"$tmp/seen"
for name in $files; do
	is "$name: download" "$(seen download $name)" "in/$name"
	case $name in
	# Where nothing was written, nothing came by.
	*sparse*) is "$name: no upload" "$(seen upload $name)" "" ;;
	*) is "$name: upload" "$(seen upload $name)" "in/$name" ;;
	esac
done
[ $failures = 0 ] || say "$(jq -c '[.file.name, .file.size, .sluice.direction, .sluice.file]' \
	"$tmp/out/sightings.jsonl")"
finish
