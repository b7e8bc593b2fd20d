# SPDX-License-Identifier: MIT
#
# The test cloud and a folder for tests in sh, both gone at the end: sourced, with `set -u`, at the
# top of the tree. TESTCLOUD names the program.

cloud=${TESTCLOUD:-build/testcloud}
tmp=$(mktemp -d)
pid=

cleanup()
{
	[ -n "$pid" ] && kill "$pid" 2>/dev/null && wait "$pid"
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

if ! [ -x "$cloud" ]; then
	echo "Bail out! no program $cloud"
	exit 1
fi

# start_cloud DIR ARGUMENT...: with its log in DIR; sets pid, port, base, log and control
start_cloud()
{
	dir=$1
	shift
	mkdir -p "$dir"
	: >"$dir/out"
	"$cloud" --tls-dir "$tmp/tls" --log "$dir/log" --key KEY --port-file "$dir/port" --control 0 "$@" \
		>"$dir/out" 2>"$dir/err" &
	pid=$!
	tries=0
	until grep -q '^ready ' "$dir/out"; do
		tries=$((tries + 1))
		if [ $tries -gt 400 ] || ! kill -0 "$pid" 2>/dev/null; then
			echo "Bail out! the cloud does not start: $(cat "$dir/err")"
			exit 1
		fi
		sleep 0.05
	done
	port=$(cat "$dir/port")
	base=https://127.0.0.1:$port/publicapi
	log=$dir/log
	control=http://127.0.0.1:$(sed -n 's/^control //p' "$dir/out")/control
}
# stop_cloud: returns its status
stop_cloud()
{
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	status=$?
	pid=
	return $status
}
