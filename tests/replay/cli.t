#!/bin/sh
# SPDX-License-Identifier: MIT
# The command line of sluiced, and what a capture file leaves behind.
set -u
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd)
sluiced=${SLUICED:-build/sluiced}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

. "$here/../tap.sh"

# there PATH NAME, absent PATH NAME
there()
{
	if [ -e "$1" ]; then pass "$2"; else fail "$2" "no $1"; fi
}
absent()
{
	if [ -e "$1" ]; then fail "$2" "there is $1"; else pass "$2"; fi
}

[ -x "$sluiced" ] && python3 "$here/onefile.py" "$tmp/c.pcap" || {
	echo "Bail out! no program $sluiced, or no capture to give it"
	exit 1
}

# run ARGUMENT...: sets status and said (both outputs)
run()
{
	status=0
	said=$("$sluiced" "$@" 2>&1 </dev/null) || status=$?
}

# refused STATUS TEXT ARGUMENT...: exits so, and says so in one line
refused()
{
	want=$1
	text=$2
	shift 2
	run "$@"
	lines=$(printf '%s\n' "$said" | wc -l)
	case "$status $lines $said" in
	"$want 1 "*"$text"*) pass "refused: $*" ;;
	*) fail "refused: $*" "exit status $status: $said" ;;
	esac
}

refused 2 '-r CAPTURE needs -o DIR' -r "$tmp/c.pcap"
refused 2 '-o DIR is for -r CAPTURE only' -o "$tmp/x"
refused 2 'no such option' --wrong
refused 2 'no such option' -x
refused 2 'expected an argument' -r
refused 2 "'stray': expected options only" stray
refused 1 'cannot read configuration /nonexistent' -c /nonexistent
refused 1 'cannot read configuration /nonexistent' --check --config /nonexistent
refused 1 'No such file' -c "$tmp/absent" -r "$tmp/c.pcap" -o "$tmp/x"
refused 1 'cannot make directory' -r "$tmp/c.pcap" -o /nonexistent/dir

run -h
is "$status" 0 'help: exit status'
has "$said" '--read' 'help: names options'
run --version
has "$said" 'sluiced 0.' 'version'

printf '[capture]\nrings = 0\n[cloud a]\nkind = no\n' >"$tmp/bad.conf"
run --check -c "$tmp/bad.conf"
is "$status" 1 'check of a wrong configuration: exit status'
has "$said" "$tmp/bad.conf:2: rings" 'its first error'
has "$said" "$tmp/bad.conf:4: kind" 'its second error'
run -r "$tmp/c.pcap" -o "$tmp/never" -c "$tmp/bad.conf"
is "$status" 1 'a capture is not read under a wrong configuration'
absent "$tmp/never" 'nothing was made'
run --check -c "$here/../../scripts/install/sluice.conf"
is "$status $said" "0 $here/../../scripts/install/sluice.conf: OK" 'the installed configuration'

# ---------------------------------------------------------------- a capture

sha_down=$(printf 'the downloaded file\n' | sha256sum | cut -c1-64)
sha_up=$(printf 'the uploaded file\n' | sha256sum | cut -c1-64)
sample()
{
	echo "$1/samples/$(printf %.2s "$2")/$2"
}

run -r "$tmp/c.pcap" -o "$tmp/out"
is "$status" 0 'capture: exit status'
has "$said" '2 files complete, 0 truncated' 'capture: summary'
for sha in "$sha_down" "$sha_up"; do
	file=$(sample "$tmp/out" "$sha")
	is "$(sha256sum <"$file" | cut -c1-64)" "$sha" "sample $sha"
	is "$(stat -c %a "$file")" 600 "its mode"
done
is "$(jq -s length "$tmp/out/sightings.jsonl")" 2 'local log: a line each'
is "$(find "$tmp/out/outbox/local" -name "$sha_down.*.json" | wc -l)" 1 'an envelope of the download'
is "$(find "$tmp/out/outbox" -type f | wc -l)" 2 'and one of the upload'
is "$(jq .counters.files_complete "$tmp/out/stats.json")" 2 'stats.json'

down=$(find "$tmp/out/outbox/local" -name "$sha_down.*.json")
up=$(find "$tmp/out/outbox/local" -name "$sha_up.*.json")
is "$(jq -c '[.source.ip, .source.port, .destination.ip, .client.ip, .network.direction,
	.sluice.direction]' "$down")" \
	'["192.0.2.80",8080,"10.1.2.3","10.1.2.3","inbound","download"]' 'ends of a download'
is "$(jq -c '[.source.ip, .source.port, .destination.ip, .server.ip, .network.direction,
	.sluice.direction]' "$up")" \
	'["10.1.2.3",41234,"192.0.2.80","192.0.2.80","outbound","upload"]' 'ends of an upload'
is "$(jq -r '.event.id' "$down")" "$(basename "$down" | cut -d. -f2)" 'the id is in the name'
hasnt "$(cat "$down")" agentcanary 'the user agent stays at home'
has "$(cat "$tmp/out/sightings.jsonl")" agentcanary 'and is in the local log'

run -r - -o "$tmp/stdin" <"$tmp/c.pcap"
status=0
"$sluiced" -r - -o "$tmp/stdin" <"$tmp/c.pcap" 2>/dev/null || status=$?
is "$status" 0 'standard input: exit status'
there "$(sample "$tmp/stdin" "$sha_up")" 'standard input: the sample'

# A run describes itself.
cat >"$tmp/omit.conf" <<-END
	[agent]
	state_dir = $tmp/state
	[cloud one]
	kind = directory
	[share one]
	default = share
	source_ip = omit
	source_port = omit
	filename = omit
	[cloud two]
	kind = directory
	[share two]
	application = share
	[cloud three]
	kind = directory
	[cloud four]
	kind = directory
	scope = private
	[share four]
	default = share
	[rule all]
	direction = download
	cloud = one two three
	[rule up]
	direction = upload
	cloud = one four
END
run -r "$tmp/c.pcap" -o "$tmp/out" -c "$tmp/omit.conf"
is "$status" 0 'with a configuration: exit status'
has "$said" '[cloud three] receives nothing' 'a cloud without a policy is warned about'
is "$(cd "$tmp/out/outbox" && find . -type f | cut -d/ -f2 | sort | tr '\n' ' ')" \
	'four one two ' 'each cloud has what rules chose: nothing of the run before'
is "$(find "$tmp/out/outbox/four" -name "$sha_up.*" | wc -l)" 1 'private keeps from public'
is "$(jq -s length "$tmp/out/sightings.jsonl")" 2 'the local log is of this run'
one=$(cat "$tmp/out/outbox/one/"*)
hasnt "$one" 192.0.2.80 'omitted: the address of the server, also in the URL'
hasnt "$one" 8080 'omitted: its port, also in the URL'
hasnt "$one" namecanary 'omitted: the name, also in the URL'
has "$one" urlcanary 'shared: the rest of the URL'
has "$one" '"withheld":["url"]' 'and it says so'
two=$(cat "$tmp/out/outbox/two/"*)
is "$(printf %s "$two" | jq -c 'del(."@timestamp", .ecs, .event, .observer, .file, .sluice.policy)')" \
	'{"network":{"transport":"tcp","type":"ipv4","direction":"inbound","application":"web-browsing"},"sluice":{"direction":"download"}}' \
	'no default: all but what is named is omitted'
is "$(printf %s "$two" | jq -c '.sluice.policy.modes | [length, (map(select(. == "omit")) | length)]')" '[11,11]' \
	'and it says so'
absent "$tmp/state" 'a capture makes no state directory'

# -------------------------------------------------------------- bad captures

refused_capture()
{
	run -r "$1" -o "$tmp/bad"
	is "$status" 1 "$2: exit status"
	has "$said" "$3" "$2: message"
}
refused_capture "$tmp/absent" 'no capture' "$tmp/absent"
printf 'no capture at all, and certainly none' >"$tmp/text"
refused_capture "$tmp/text" 'text' "$tmp/text"
: >"$tmp/empty"
refused_capture "$tmp/empty" 'empty file' "$tmp/empty"
head -c -10 "$tmp/c.pcap" >"$tmp/cut.pcap"
refused_capture "$tmp/cut.pcap" 'cut capture' 'truncated'
is "$(jq -s length "$tmp/bad/sightings.jsonl")" 2 'what was before the cut is there'

: >"$tmp/file"
run -r "$tmp/c.pcap" -o "$tmp/file"
is "$status" 1 'output is a file: exit status'
mkdir "$tmp/full"
mkdir "$tmp/full/sightings.jsonl"
run -r "$tmp/c.pcap" -o "$tmp/full"
is "$status" 1 'local log cannot be written: exit status'
has "$said" "cannot write the local log $tmp/full/sightings.jsonl" 'and the message'

finish
