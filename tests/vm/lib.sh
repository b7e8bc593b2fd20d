# SPDX-License-Identifier: MIT
#
# For tests inside the virtual machine: TAP, and a client, a gateway and a server.
#
#	 client                 gateway                  server
#	 10.1.0.2   ----  10.1.0.1     10.2.0.1  ----  10.2.0.2
#	 fd01::2    ----  fd01::1       fd02::1  ----  fd02::2
#	    eth0          in                 out          eth0
#
# Sourced by bash with `set -u`.  Everything is made in $tmp and in namespaces,
# which go with the machine.

tests=0
failures=0
tmp=$(mktemp -d)

# result STATUS NAME: one line of TAP; 0 is good.
result()
{
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tests - $2"
	else
		failures=$((failures + 1))
		echo "not ok $tests - $2"
	fi
}

# Said below a "not ok".
say()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

# is NAME GOT WANT
is()
{
	[ "$2" = "$3" ]
	result $? "$1"
	[ "$2" = "$3" ] || say "got '$2', wanted '$3'"
}

# like NAME TEXT REGEX
like()
{
	printf '%s\n' "$2" | grep -Eq -- "$3"
	local status=$?
	result $status "$1"
	[ $status = 0 ] || say "no match for '$3' in:"$'\n'"$2"
}

# check NAME COMMAND...: it must succeed.
check()
{
	local name=$1 output status
	shift
	output=$("$@" 2>&1)
	status=$?
	result $status "$name"
	[ $status = 0 ] || say "$* failed with $status:"$'\n'"$output"
}

# refused NAME REGEX COMMAND...: it must fail and say REGEX.
refused()
{
	local name=$1 regex=$2 output
	shift 2
	if output=$("$@" 2>&1); then
		result 1 "$name"
		say "$* succeeded: $output"
	else
		like "$name" "$output" "$regex"
	fi
}

# until_true SECONDS COMMAND...: tries again and again.
until_true()
{
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# The last lines: the plan, and success only when all was good.
finish()
{
	echo "1..$tests"
	[ $failures = 0 ]
	exit
}

# topology SUFFIX: namespaces client, gateway, server, each with the suffix.  TCP is
# told to be patient: an emulated machine is slow, and a packet that was late, or came
# behind a later one, is not one that was lost.
topology()
{
	local c=client$1 g=gateway$1 s=server$1
	ip netns add "$c" && ip netns add "$g" && ip netns add "$s" &&
	ip -n "$c" link add eth0 type veth peer name in netns "$g" &&
	ip -n "$s" link add eth0 type veth peer name out netns "$g" || return 1
	ip -n "$c" -batch - <<-END || return 1
		link set lo up
		addr add 10.1.0.2/24 dev eth0
		addr add fd01::2/64 dev eth0 nodad
		link set eth0 up
		route add default via 10.1.0.1 rto_min 10s
		route add default via fd01::1 rto_min 10s
	END
	ip -n "$s" -batch - <<-END || return 1
		link set lo up
		addr add 10.2.0.2/24 dev eth0
		addr add fd02::2/64 dev eth0 nodad
		link set eth0 up
		route add default via 10.2.0.1 rto_min 10s
		route add default via fd02::1 rto_min 10s
	END
	ip -n "$g" -batch - <<-END || return 1
		link set lo up
		addr add 10.1.0.1/24 dev in
		addr add fd01::1/64 dev in nodad
		addr add 10.2.0.1/24 dev out
		addr add fd02::1/64 dev out nodad
		link set in up
		link set out up
	END
	for ns in $c $s; do
		ip netns exec $ns sh -c 'cd /proc/sys/net/ipv4 && echo 0 >tcp_early_retrans &&
			echo 0 >tcp_recovery && echo 300 >tcp_reordering' || return 1
	done
	ip netns exec "$g" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward &&
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}

# Run in a namespace.
client() { ip netns exec client "$@"; }
gateway() { ip netns exec gateway "$@"; }
server() { ip netns exec server "$@"; }
