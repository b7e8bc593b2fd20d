#!/bin/sh
# SPDX-License-Identifier: MIT
# A day of submissions to three clouds with quotas, outages, restarts and a full reserve, in the
# clouds' time (day.c says what is judged, and how): 2,000 of them, or with --long 100,000.
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.." || exit 1
day=${DAY:-build/tests/day}
count=2000
[ "${1-}" = --long ] && count=100000
# The queue syncs each commit, which this is not about.
tmp=$(mktemp -d -p "$([ -d /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM

. tests/tap.sh
tap_log=$tmp/out

# of CLOUD WORD: the number behind that word in the cloud's line
of()
{
	awk -v cloud="$1" -v word="$2" '$1 == cloud { for (i = 2; i < NF; i++) if ($i == word) print $(i + 1) }' \
		"$tmp/out"
}
# some CLOUD WORD NAME: it is not 0
some()
{
	if [ "$(of "$1" "$2")" -gt 0 ] 2>/dev/null; then pass "$3"; else fail "$3" "$1 has none $2:"; fi
}

seed=$(date +%s)
mkdir "$tmp/queue"
"$day" "$tmp/queue" $count "$seed" >"$tmp/out" 2>&1
is "$?" 0 "$count submissions: counters add up after each round, each has one end, none is at a cloud twice"
is "$(awk '/^cloud/ { n += $3 + $5 + $7 + $9 } END { print n }' "$tmp/out")" $count 'they are all there'
for cloud in cloud0 cloud1 cloud2; do
	some $cloud sent "$cloud: samples are uploaded"
	some $cloud known "$cloud: samples are known"
	some $cloud refused "$cloud: samples are refused"
done
some cloud2 overload 'cloud2: its reserve was full'
is "$(of cloud0 overload) $(of cloud1 overload)" '0 0' 'the others had room'
some submissions restarts 'it was restarted'
some submissions answers-lost 'answers were lost'
echo "# seed $seed; $(grep ^submissions "$tmp/out")"
finish
