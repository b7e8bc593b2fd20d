#!/bin/sh
# SPDX-License-Identifier: MIT
# A real forwarder process against the test cloud over TLS: every fault, every way to end, and
# SIGKILL at random moments, after which the cloud has seen each sample once.
# Run from the repository root; TESTCLOUD and DRIVER name the programs.
set -u
export LC_ALL=C.UTF-8
driver=${DRIVER:-build/tests/forwarder_driver}
. tests/cloud/cloud.sh
if ! [ -x "$driver" ]; then
	echo "Bail out! no program $driver"
	exit 1
fi

. tests/tap.sh
tap_log=$tmp/run

# said PATTERN NAME: a line of the last run; unsaid: none is like that
said()
{
	if grep -Eq -- "$1" "$tmp/run"; then pass "$2"; else fail "$2" "no line '$1' in:"; fi
}
unsaid()
{
	if grep -Eq -- "$1" "$tmp/run"; then fail "$2" "line '$1' in:"; else pass "$2"; fi
}

# fresh: an empty cloud without faults, and an empty queue
fresh()
{
	curl -sS -X POST "$control/reset" >/dev/null
	rm -rf "$tmp/agent"
	mkdir "$tmp/agent"
}
fault()
{
	curl -sS -d "rule=$1" "$control/fail" >/dev/null
}
# drive NAME=VALUE...: one run of the driver; sets status
drive()
{
	"$driver" dir="$tmp/agent" url="$base" ca="$tmp/tls/ca.pem" "$@" >"$tmp/run" 2>&1
	status=$?
}
# received: how often samples arrived, "COUNT of COUNT" samples once
received()
{
	curl -sS "$control/state" |
		jq -r '[.received[]] | "\(map(select(. == 1)) | length) once, \(map(select(. > 1)) | length) more"'
}
# requests: how many of each call
requests()
{
	curl -sS "$control/requests" | jq -r '[.[] | .path | split("/")[-1]] | group_by(.) |
		map("\(length) \(.[0])") | join(", ")'
}
queue()
{
	sqlite3 "$tmp/agent/queue.db" "$1"
}

start_cloud "$tmp"

# ------------------------------------------------------------------ the plain way
fresh
drive samples=5 sightings=2 lookup_batch=1
is "$status" 0 'five samples in ten sightings: all end'
is "$(grep -c '^result .* sent ' "$tmp/run")" 5 'each sample is uploaded once'
is "$(grep -c '^result .* known 0 ' "$tmp/run")" 5 'the second sighting is known'
is "$(received)" '5 once, 0 more' 'the cloud agrees'
said '^exit 0$' 'SIGTERM ends it with status 0'
is "$(stat -c %a "$tmp/agent/queue.db")" 600 'the queue is private'
is "$(queue 'select state, count(*) from queue group by state order by state' | tr '\n' ' ')" 'known|5 sent|5 ' \
	'the queue remembers'
is "$(jq -rs '[.[] | select(.path == "/publicapi/submit/file") | .session.sluice.sha256 == .file.sha256]
	| "\(length) \(all)"' "$tmp/log/requests.jsonl")" '5 true' 'the envelope is the one of the sample'
is "$(jq -rs '[.[] | .headers[] | select(.[0] == "X-Injected")] | length' \
	"$tmp/log/requests.jsonl")" 0 'a file name cannot add a header'
# left: hashes of the bodies that were given leave; arrived: of those the cloud saw whole
left()
{
	awk '$1 == "leave" { print $4 }' "$tmp/run" | sort
}
arrived()
{
	jq -r 'select(.fault != "aborted" and .path != null) | .body_sha256' "$tmp/log/requests.jsonl" | sort
}
is "$(left)" "$(arrived)" 'each request asked for leave, with the hash of its exact body'
is "$(awk '$1 == "leave" { print $3, $6 }' "$tmp/run" | sort | uniq -c | tr '\n' ' ' | tr -s ' ')" \
	' 10 get/verdict 0 5 submit/file 7 ' 'a question carries nothing, an upload name and envelope'
drive samples=5 sightings=2
is "$status:$(grep -c '^result ' "$tmp/run")" 0:10 'submitted again: results are told again'
is "$(received)" '5 once, 0 more' 'and nothing is sent'

fresh
drive samples=3 sightings=2 link=1 size=80
is "$status:$(grep -c '^result .* sent ' "$tmp/run"):$(grep -c '^result .* known 0 ' "$tmp/run")" 0:3:3 \
	'links are sent as links, each once'
is "$(received)" '3 once, 0 more' 'the cloud knows them by the hash of their text'
is "$(jq -rs '[.[] | select(.path == "/publicapi/submit/link")] | length' "$tmp/log/requests.jsonl")" 3 \
	'by submit/link'
is "$(jq -rs '[.[] | select(.path == "/publicapi/submit/link") | .session.sluice.sha256 | length == 64]
	| all' "$tmp/log/requests.jsonl")" true 'with their envelope'
drive samples=1 link=1 size=9000 prefix=long
said '^result .* refused .*longer than a link may be' 'one of 9000 bytes is none'

fresh
drive samples=1 session=0
is "$(jq -rs 'last | "\(.file.size) \(.session)"' "$tmp/log/requests.jsonl")" '1000 null' 'session = no: no envelope'

# foretold NAME=VALUE...: what the driver says would leave, before it does; leaves: what did
foretold()
{
	"$driver" dir="$tmp/agent" url="$base" preview=1 "$@" | grep '^leave ' | sort
}
leaves()
{
	grep '^leave ' "$tmp/run" | sort
}
for how in 'samples=3' 'samples=2 link=1 size=80' 'samples=1 session=0 prefix=without' \
	"samples=2 kind=directory path=$tmp/shown" "samples=1 kind=directory path=$tmp/shown session=0 prefix=bare"; do
	fresh
	rm -rf "$tmp/shown"
	mkdir "$tmp/shown"
	before=$(wc -c <"$tmp/log/requests.jsonl")
	# shellcheck disable=SC2086 # options
	foretold $how >"$tmp/foretold"
	is "$(wc -c <"$tmp/log/requests.jsonl"):$(received):$(ls "$tmp/shown")" "$before:0 once, 0 more:" \
		"a preview of ${how%%path=*}sends nothing"
	# shellcheck disable=SC2086
	drive $how lookup_batch=1
	is "$status:$(cat "$tmp/foretold")" "0:$(leaves)" "what is shown of ${how%%path=*}is what then leaves, by its hash"
done

fresh
drive samples=1 size=30000000
is "$status:$(received)" '0:1 once, 0 more' 'a large sample'

fresh
drive samples=1 mark=7 url="https://localhost:$port/publicapi"
is "$status:$(received)" '0:1 once, 0 more' 'a name is resolved within the sandbox'
if [ "$(id -u)" = 0 ]; then
	unsaid 'cannot be marked' 'sockets are marked within the sandbox'
else
	pass 'sockets are marked within the sandbox # SKIP needs root'
fi

fresh
drive samples=2 max_size=999
said '^result .* refused .*limit is 999' 'larger than the cloud wants: not sent'
is "$(received)" '0 once, 0 more' 'really not'

# ---------------------------------------------------------------- answers and faults
# outcome RULE PATTERN NAME: one fault, then the sample arrives all the same
outcome()
{
	fresh
	fault "$1"
	drive samples=1 limit=30
	is "$status:$(received)" '0:1 once, 0 more' "$3: arrives once"
	said "$2" "$3: says so"
}
outcome 'status=401 count=1' 'warning: cloud test: get/verdict: HTTP 401, API key' 'key refused'
outcome 'status=403 path=submit/file count=1' 'submit/file: HTTP 403' 'upload forbidden'
outcome 'status=500 count=2' 'retry: get/verdict: HTTP 500' 'error 500'
outcome 'status=500 path=submit/file count=1 stored' 'submit/file: HTTP 500' 'stored, error 500'
outcome 'status=513 path=submit/file count=2' 'submit/file: HTTP 513' 'error 513'
outcome 'status=429 count=1' 'HTTP 429' 'too many requests'
outcome 'cut-before count=1' 'retry: get/verdict' 'question cut'
outcome 'cut-before path=submit/file count=1' 'retry: submit/file' 'upload cut before it is stored'
outcome 'cut-after path=submit/file count=1' 'retry: submit/file' 'upload cut after it is stored'
outcome 'cut-body=100 path=submit/file count=1' 'retry: submit/file' 'upload cut in its middle'
outcome 'cut-answer path=submit/file count=1' 'retry: submit/file' 'answer cut in its middle'
outcome 'bad-xml path=submit/file count=1' 'submit/file: answer not understood' 'upload, bad XML'
said 'counters.* cloud_answers_bad=1' 'bad XML is counted'
outcome 'bad-xml path=get/verdict count=1' 'get/verdict: answer not understood' 'verdict, bad XML'
outcome 'empty path=submit/file count=1' 'not understood: empty' 'empty answer'
outcome 'blank-lines count=2' '^result .* sent ' 'blank lines before the answer'
unsaid 'retry' 'blank lines are no reason to repeat'
outcome 'content-type count=2' '^result .* sent ' 'other content type'
outcome 'status=404 count=1' 'HTTP 404, no such API' 'wrong address'

fresh
fault 'slow=3 path=submit/file count=1'
drive samples=1 timeout=1 limit=30
is "$status:$(received)" '0:1 once, 0 more' 'answer too late: arrives once'
said 'retry: submit/file: .*timed out' 'answer too late: says so'

for code in 413 415 418 420 421 422 456; do
	fresh
	fault "status=$code path=submit/file"
	drive samples=1 limit=20
	is "$status:$(received)" '0:0 once, 0 more' "HTTP $code: given up"
	said "^result .* refused .*HTTP $code" "HTTP $code: says so"
done
said 'HTTP 456, [^"]*\("' "the cloud's own words are in the detail"

# verdict VALUE OUTCOME
verdict()
{
	fresh
	drive samples=1 submit=0 limit=0	# makes the sample
	hash=$(basename "$(find "$tmp/agent/spool" -type f)")
	curl -sS -d "hash=$hash" -d "verdict=$1" "$control/verdict" >/dev/null
	drive samples=1 limit="$3"
	said "$2" "verdict $1"
	is "$(received)" '0 once, 0 more' "verdict $1: no upload"
}
verdict 1 '^result .* known 1 .*malware' 20
verdict 4 '^result .* known 4 ' 20
verdict -100 '^result .* known -100 ' 20
verdict -103 '^result .* refused -103 ' 20
verdict -101 '^result .* refused -101 .*cannot analyse it.*5 times' 20
is "$(grep -c 'retry: get/verdict: the cloud reports' "$tmp/run"):$(received)" '4:0 once, 0 more' \
	'verdict -101: tried four times more'

# flawed COUNT: the cloud calls that many samples of the next run flawed
flawed()
{
	drive samples="$1" submit=0 limit=0
	find "$tmp/agent/spool" -type f -printf '%f\n' | while read -r hash; do
		curl -sS -d "hash=$hash" -d verdict=-104 "$control/verdict" >/dev/null
	done
}
for batch in 1 500; do
	fresh
	flawed 3
	drive samples=3 lookup_batch=$batch limit=20
	is "$status:$(received)" '0:3 once, 0 more' "verdict -104, $batch in a question: sent again"
	is "$(grep -c '^result .* sent -100 ' "$tmp/run")" 3 "verdict -104, $batch in a question: they end as sent"
	fresh
	flawed 2
	fault 'status=513 path=submit/file'
	drive samples=2 lookup_batch=$batch limit=30
	is "$status:$(grep -c '^result .* refused -104 .*still calls it flawed after 3 attempts' "$tmp/run")" 0:2 \
		"verdict -104, $batch in a question: not for ever"
	is "$(requests | grep -o '[0-9]* file')" '6 file' "verdict -104, $batch in a question: three uploads of each"
done
# What failed before for another reason is no word of the cloud's about the sample.
fresh
fault 'status=500 path=get/verdict count=6'
flawed 1
drive samples=1 limit=30
is "$status:$(received)" '0:1 once, 0 more' 'verdict -104 after six errors: sent again'

# ------------------------------------------------------------------ pauses and quotas
for code in 429 503; do
	fresh
	fault "status=$code count=1 retry-after=6"
	drive samples=1 limit=2
	said "HTTP $code" "$code with Retry-After: waits"
	said 'counters.* cloud_pauses=1' "$code with Retry-After: is counted"
	drive samples=2 limit=2
	is "$status:$(requests)" '1:1 verdict' "$code with Retry-After: no sample is asked for after a restart either"
	said 'asked to be left alone for [345] s more' "$code with Retry-After: says so"
	drive samples=2 limit=30
	is "$status:$(received)" '0:2 once, 0 more' "$code with Retry-After: then all arrive"
done

# 419 alone: until the cloud's next day, which begins at 23:59:00 UTC, or five minutes after that
# when it has just begun.
fresh
fault status=419
drive samples=2 limit=2
said 'warning: .*HTTP 419, daily quota.*; next try in' '419: says so, and until when'
is "$(queue "select case when (until + 60000) % 86400000 <= 60000 then 'day'
	when (until + 60000) % 86400000 between 300000 and 360000 then 'day' else until end from pause")" day \
	"419: until the cloud's day begins"
curl -sS -X POST "$control/reset" >/dev/null
drive samples=2 limit=2
is "$status:$(requests)" 1: '419: nothing is asked until then'
said 'asked to be left alone for [0-9]* s more' '419: a restart is no way around'
queue 'delete from pause; update queue set next_at = 0'
drive samples=2 limit=20
is "$status:$(received)" '0:2 once, 0 more' '419: on the next day all arrive'

# The minute must not end while its quota is looked at.
while [ "$(date +%-S)" -gt 50 ]; do
	sleep 1
done
fresh
drive samples=5 lookup_batch=1 uploads_per_minute=2 limit=2
is "$status:$(requests)" '1:2 file, 5 verdict' 'quota of uploads: two go, the others are asked about'
said 'uploads_per_minute is used up, the rest waits' 'quota of uploads: says so'
said 'counters.* quotas_used_up=1' 'quota of uploads: is counted'
unsaid 'retry: ' 'quota of uploads: waiting is no failure'
is "$(queue "select count(*) || ' ' || sum(attempts) from queue where state = 'waiting'")" '3 3' \
	'quota of uploads: they wait'
drive samples=5 lookup_batch=1 uploads_per_minute=2 limit=1
is "$(requests)" '2 file, 5 verdict' 'quota of uploads: asked about once, and a restart does not forget it'
queue "update quota set span = span - 1"
drive samples=5 lookup_batch=1 uploads_per_minute=2 limit=1
is "$(requests)" '4 file, 7 verdict' 'quota of uploads: the next minute has one of its own'
drive samples=5 limit=20
is "$status:$(received)" '0:5 once, 0 more' 'quota of uploads: without it all arrive'
fresh
drive samples=5 sightings=2 lookup_batch=1 uploads_per_minute=2 limit=2
is "$(grep -c '^result .* known ' "$tmp/run")" 2 'quota of uploads: what the cloud knows ends all the same'
fresh
drive samples=5 sightings=2 lookup_batch=1 queries_per_minute=3 limit=2
is "$(requests)" '3 file, 3 verdict' 'quota of queries: three questions'
fresh
drive samples=3 kind=directory path="$tmp/folder1" prefix=quota uploads_per_minute=1 limit=2
is "$(find "$tmp/folder1" -type f ! -name '*.json' | wc -l)" 1 'folder: has the quota as well'
rm -rf "$tmp/folder1"

# ------------------------------------------------------------- questions about many
# know NUMBER: the cloud knows the first so many samples of the next run
hashes()
{
	find "$tmp/agent/spool" -type f -printf '%f\n' | sort
}
know()
{
	hashes | head -n "$1" | while read -r hash; do
		printf 'url = %s\ndata = hash=%s\ndata = verdict=1\noutput = /dev/null\nnext\n' "$control/verdict" "$hash"
	done | curl -sS -K -
}
# asked: how many samples were asked about, and in how many requests
asked()
{
	jq -rs '[.[] | select(.path | test("get/verdict")) | .lines // [.fields[] | select(.name == "hash") | .value]]
		| "\(map(length) | add) in \(length)"' "$tmp/log/requests.jsonl"
}
# prepared ARGUMENT...: an empty queue, and the samples of the next run
prepared()
{
	fresh
	: >"$tmp/log/requests.jsonl"
	drive "$@" submit=0 limit=0
}
prepared samples=600 size=200
know 600
begin=$(date +%s%N)
drive samples=600 size=200
many=$(($(date +%s%N) - begin))
is "$status:$(grep -c '^result .* known 1 get/verdicts\?: malware' "$tmp/run")" 0:600 'known samples end with their verdict'
set -- $(asked)
if [ "$1" = 600 ] && [ "$3" -le 20 ]; then
	pass 'each was asked about once, in a few requests'
else
	fail 'each was asked about once, in a few requests' "$*"
fi
is "$(left)" "$(arrived)" 'which asked for leave'
requests_many=$3
rm -f "$tmp/agent"/queue.db*
: >"$tmp/log/requests.jsonl"
begin=$(date +%s%N)
drive samples=600 size=200 lookup_batch=1
one=$(($(date +%s%N) - begin))
is "$status:$(asked)" '0:600 in 600' 'one by one it is as many requests as samples'
echo "# 600 known samples: $requests_many requests and $((600 * 1000000000 / many)) a second;" \
	"one by one $((600 * 1000000000 / one)) a second"
if [ $((many * 2)) -lt "$one" ]; then
	pass 'together it takes less than half of the time'
else
	fail 'together it takes less than half of the time' "$many ns, $one ns"
fi

prepared samples=60 size=200
know 20
drive samples=60 size=200
is "$status:$(grep -c '^result .* known 1 ' "$tmp/run"):$(grep -c '^result .* sent ' "$tmp/run")" 0:20:40 \
	'some known, some not: each has its end'
is "$(received):$(asked | cut -d' ' -f1)" '40 once, 0 more:60' 'the unknown are uploaded without a second question'

for code in 405 413 420; do
	prepared samples=20 size=200
	fault "status=$code path=get/verdicts"
	drive samples=20 size=200 limit=20
	is "$status:$(received):$(grep -c 'one by one from now on' "$tmp/run")" '0:20 once, 0 more:1' \
		"no get/verdicts, HTTP $code: one by one, said once"
	is "$(jq -rs '[.[] | select(.path | test("get/verdicts"))] | length' "$tmp/log/requests.jsonl")" 1 \
		"HTTP $code: tried once"
	unsaid 'retry: ' "HTTP $code: no sample had to wait"
done
prepared samples=20 size=200
fault 'bad-xml path=get/verdicts'
drive samples=20 size=200 limit=40
is "$status:$(received)" '0:20 once, 0 more' 'answers in pieces: all arrive once'
is "$(jq -rs '[.[] | select(.path | test("get/verdicts"))] | length < 4' "$tmp/log/requests.jsonl")" true \
	'answers in pieces: not for long'
for fault in 'status=503 count=1' 'cut-answer count=1' 'status=429 count=1 retry-after=2'; do
	prepared samples=20 size=200
	fault "$fault path=get/verdicts"
	drive samples=20 size=200 limit=40
	is "$status:$(received)" '0:20 once, 0 more' "get/verdicts, $fault: all arrive once"
	unsaid 'one by one' "get/verdicts, $fault: it is asked again"
done
prepared samples=20 size=200
drive samples=20 size=200 deny_many=1 limit=30
is "$status:$(received)" '0:20 once, 0 more' 'one of them may not leave: all arrive once'
said ' 1 of 20 samples: retry: no leave: the ledger is on fire' 'one of them may not leave: only that one waits'
is "$(queue 'select count(*) from queue where attempts > 2')" 0 'one of them may not leave: the others go on'
prepared samples=12 size=200
while [ "$(date +%-S)" -gt 50 ]; do
	sleep 1
done
drive samples=12 size=200 uploads_per_minute=2 limit=3
is "$(requests)" '2 file, 1 verdicts' 'quota of uploads: one question, two uploads'
prepared samples=12 size=200
drive samples=12 size=200 queries_per_minute=2 limit=20
is "$status:$(received)" '0:12 once, 0 more' 'quota of queries: a question about many is one'
prepared samples=12 size=200
know 12
drive samples=12 size=200 max_size=100 limit=5
is "$status:$(requests)" '0:' 'larger than the cloud wants: not asked about either'

# ---------------------------------------------------------------- links together
lists()
{
	jq -rs '[.[] | select(.path | test("submit/links$")) | .lines | length - 1] | join(" ")' "$tmp/log/requests.jsonl"
}
# linked ARGUMENT...: twelve links in lists
linked()
{
	drive samples=12 link=1 size=80 link_batch=12 link_wait=30 limit=40 "$@"
}
prepared samples=12 link=1 size=80
linked
is "$status:$(received):$(lists)" '0:12 once, 0 more:12' 'twelve links are one request'
is "$(grep -c '^result .* sent .*submit/links: uploaded' "$tmp/run")" 12 'each is a submission with its own end'
is "$(jq -rs '[.[] | select(.path | test("submit/links$"))][0] | .session | length' "$tmp/log/requests.jsonl")" 12 \
	'each has its envelope'
is "$(jq -r 'select(.path | test("submit/links$")) | .session[].sluice.sha256' "$tmp/log/requests.jsonl")" \
	"$(jq -r 'select(.path | test("submit/links$")) | .lines[1:][]' "$tmp/log/requests.jsonl" |
		while read -r line; do printf %s "$line" | sha256sum | cut -d' ' -f1; done)" 'in the order of the links'
is "$(left)" "$(arrived)" 'a list asks for leave, with the hash of its body'
said '^about 12$' 'and names all of its links'
prepared samples=5 link=1 size=80
drive samples=5 link=1 size=80 link_batch=100 link_wait=2 limit=20
is "$status:$(received):$(lists)" '0:5 once, 0 more:5' 'a list that does not fill goes after a while'
prepared samples=3 link=1 size=80
drive samples=3 link=1 size=80 link_batch=3 link_wait=30 session=0 limit=20
is "$status:$(jq -rs '[.[] | select(.path | test("submit/links$"))][0].session' "$tmp/log/requests.jsonl")" '0:null' \
	'session = no: a list without envelopes'
prepared samples=3 link=1 size=80 prefix='a b'
drive samples=3 link=1 size=80 prefix='a b' link_batch=3 link_wait=30 limit=20
is "$status:$(lists)" '0:' 'what has a blank is no line: it goes alone'
for code in 405 413 421; do
	prepared samples=12 link=1 size=80
	fault "status=$code path=submit/links"
	linked
	is "$status:$(received):$(lists)" '0:12 once, 0 more:12' "a list refused with $code: each link by itself"
done
prepared samples=12 link=1 size=80
fault 'cut-after path=submit/links count=1'
linked
is "$status:$(received):$(lists)" '0:12 once, 0 more:12' 'a list whose answer is lost: known when asked again'
prepared samples=12 link=1 size=80
fault 'status=503 path=submit/links count=1'
linked link_wait=1
is "$status:$(received)" '0:12 once, 0 more' 'a list and error 503: arrives later'
prepared samples=12 link=1 size=80
linked link_wait=1 refuse=1
is "$status:$(received)" '0:12 once, 0 more' 'a link without an envelope is left out, and comes later'
said 'no envelope: policy in pieces' "with the supervisor's reason"
prepared samples=12 link=1 size=80
linked link_wait=1 deny_carrying=1
is "$status:$(received)" '0:12 once, 0 more' 'a list that is denied: arrives later'
prepared samples=12 link=1 size=80
fault 'slow=3 path=submit/links count=1'
linked link_wait=1 revoke=1
is "$status:$(received)" '0:12 once, 0 more' 'a list revoked under way: arrives once'
said 'counters.* requests_revoked=1' 'a list revoked under way: is counted'
prepared samples=12 link=1 size=80
while [ "$(date +%-S)" -gt 50 ]; do
	sleep 1
done
linked uploads_per_minute=1
is "$status:$(received)" '0:12 once, 0 more' 'a list is one upload'
prepared samples=40 link=1 size=80
drive samples=40 link=1 size=80 link_batch=10 link_wait=0 kills=8 kill_after=400 limit=60
is "$status:$(received)" '0:40 once, 0 more' 'lists, and killed eight times: the cloud saw each link once'
prepared samples=3 link=1 size=80
drive samples=3 link=1 size=80 link_batch=3 link_wait=30 verdict_poll=1 verdict_wait=60 linger=3000 limit=20
is "$status:$(lists):$(grep -c '^result .* sent -100 ' "$tmp/run"):$(grep -c '^verdict .* 0$' "$tmp/run")" '0:3:3:3' \
	'links of a list: their verdicts are asked for as well'

# ------------------------------------------------------------------------ verdicts
cloud_set() { curl -sS -d "$1" "$control/set" >/dev/null; }
fresh
cloud_set pending=3
drive samples=4 verdict_poll=1 verdict_wait=60 linger=6000
is "$status:$(received)" '0:4 once, 0 more' 'verdicts: the samples arrive'
is "$(grep -c '^result .* sent -100 ' "$tmp/run")" 4 'verdicts: pending at first'
is "$(grep -c '^verdict .* 0$' "$tmp/run")" 4 'verdicts: then each is told'
said 'counters.* verdicts=4' 'verdicts: and counted'
is "$(queue "select count(*) from verdict where value = 0 and next_at is null and told")" 4 'verdicts: and kept'
is "$(curl -sS "$control/requests" | jq '[.[] | select(.path | test("submit/file"))] | length')" 4 \
	'verdicts: nobody sends the samples again'
is "$(curl -sS "$control/requests" | jq '[.[] | select(.path | test("get/verdicts$"))] | length < 6')" true \
	'verdicts: one question is about all'
is "$(left)" "$(curl -sS "$control/requests" | jq -r '.[].body_sha256' | sort)" \
	'verdicts: each question asked for leave'
drive samples=4 prefix= sightings=1 linger=1500
is "$(grep -c '^verdict .* 0$' "$tmp/run")" 4 'verdicts: told again to a supervisor that may have lost them'

fresh
cloud_set pending=100
drive samples=1 verdict_poll=1 verdict_wait=4 linger=9000
said 'counters.* verdicts_late=1' 'a verdict that does not come is not waited for for ever'
unsaid '^verdict ' 'and none is told'
is "$(requests)" '1 file, 4 verdict' \
	'it was asked for after 1, 3 and 4 seconds'

# One that the cloud has forgotten meanwhile.
fresh
cloud_set pending=100
drive samples=1 verdict_poll=30 verdict_wait=60
cloud_set pending=0
cloud_set forget=yes
queue 'update verdict set next_at = 1'
drive samples=1 submit=0 limit=2 verdict_wait=60
said '^verdict .* -102$' 'a sample that the cloud has forgotten: said'
is "$(received)" '1 once, 0 more' 'and not sent again for that'
cloud_set forget=no

# What is known is not asked: not while the cloud is away either.
fresh
drive samples=3 sightings=2 lookup_batch=1 verdict_wait=60 verdict_life=60
is "$status:$(requests)" '0:3 file, 3 verdict' 'a later sighting needs no question'
is "$(grep -c '^result .* known -100 known from an earlier sighting' "$tmp/run")" 3 'it ends with what is known'
queue 'update verdict set value = 1, next_at = null'
fault 'cut-before'
drive samples=3 sightings=4 verdict_wait=60 verdict_life=60 limit=8
is "$status:$(grep -c '^result .* known 1 known from an earlier sighting' "$tmp/run")" 0:9 \
	'nor a cloud that answers'
unsaid '^leave ' 'and no leave'
queue 'update verdict set until = 1'
fault none
drive samples=3 sightings=5 lookup_batch=1 verdict_wait=60 verdict_life=60
is "$status:$(awk '$1 == "leave" { print $3 }' "$tmp/run" | sort | uniq -c | tr -s ' ')" '0: 3 get/verdict' \
	'an answer whose life is over is asked for anew, once'

# ------------------------------------------------------------------------ envelope
fresh
drive samples=1 refuse=1 limit=30
is "$status:$(received)" '0:1 once, 0 more' 'envelope refused once: arrives later'
said 'no envelope: policy in pieces' "envelope refused: the supervisor's reason is told"
is "$(grep -c ^render "$tmp/run")" 2 'an envelope is made for each attempt'

# --------------------------------------------------------------------------- leave
fresh
drive samples=1 deny=2 limit=30
is "$status:$(received)" '0:1 once, 0 more' 'leave denied twice: arrives later'
is "$(grep -c '^denied .* get/verdict' "$tmp/run"):$(curl -sS "$control/requests" | jq 'length')" 2:2 \
	'leave denied: nothing was sent'
said "retry: no leave: the ledger is on fire" "leave denied: the supervisor's reason is told"
fresh
drive samples=1 deny_carrying=1 limit=30
is "$status:$(received)" '0:1 once, 0 more' 'upload denied once: arrives later'
is "$(grep -c ^render "$tmp/run")" 2 'upload denied: a new envelope is made'
is "$(curl -sS "$control/requests" | jq -r '[.[] | .path | split("/")[-1]] | join(" ")')" \
	'verdict verdict file' 'upload denied: it was not sent'
fresh
fault 'slow=5 path=submit/file count=1'
drive samples=1 revoke=1 limit=30
is "$status:$(received)" '0:1 once, 0 more' 'revoked under way: arrives once'
said 'retry: revoked: second thoughts' 'revoked: says so'
said 'counters.* requests_revoked=1' 'revoked: is counted'
fresh
drive kind=directory path="$tmp/folder0" samples=1 deny=1 prefix=y limit=30
is "$status:$(grep -c '^denied .* store' "$tmp/run"):$(grep -c '^leave .* store' "$tmp/run")" 0:1:1 \
	'folder: asks for leave too'
is "$(awk '$1 == "leave" { print $4 }' "$tmp/run")" \
	"$(cat "$tmp/folder0"/*.json "$(find "$tmp/folder0" -type f ! -name '*.json')" | sha256sum | cut -d' ' -f1)" \
	'folder: with the hash of the envelope and the sample'

# --------------------------------------------------------------------- cloud is away
fresh
stop_cloud
drive samples=20 limit=3
is "$status" 1 'cloud away: nothing ends'
is "$(grep -c ^queued "$tmp/run")" 20 'cloud away: everything is queued'
is "$(grep -c warning "$tmp/run")" 1 'cloud away: one warning'
is "$(grep -c 'down: ' "$tmp/run" | awk '{ print $1 < 14 ? "few" : "many" }')" few \
	'cloud away: one at a time is tried'
is "$(queue 'select group_concat(distinct state) from queue')" waiting 'cloud away: it waits'
start_cloud "$tmp"
drive samples=20 submit=0 limit=30
is "$status:$(received)" '0:20 once, 0 more' 'cloud back: everything arrives once'

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=other \
	-keyout "$tmp/other.key" -out "$tmp/other.pem" 2>/dev/null
fresh
drive samples=1 ca="$tmp/other.pem" limit=2
is "$status" 1 'certificate of another authority: nothing is sent'
said 'warning: cloud test: .*certificate' 'certificate: says so'
is "$(curl -sS "$control/state" | jq '.received | length')" 0 'certificate: really nothing'
fresh
drive samples=1 ca= limit=2
said 'warning: cloud test: .*certificate' "the system's store does not know it either"

# ------------------------------------------------------------------------- directory
mkdir "$tmp/folder"
fresh
drive kind=directory path="$tmp/folder" samples=4 sightings=2
is "$status" 0 'folder: all end'
is "$(find "$tmp/folder" -type f | wc -l)" 12 'folder: four samples, eight envelopes'
is "$(cd "$tmp/folder" && for f in *; do case $f in *.json) jq -r .sluice.sha256 "$f" | grep -qx "${f%%.*}" ;;
	*) echo "$f  $f" | sha256sum -c --status ;; esac || echo "$f"; done)" '' 'folder: all as it should be'
is "$(grep -c '^leave .* store .* 4 ' "$tmp/run")" 4 'folder: a later envelope is stored alone'
rm -rf "$tmp/folder"
mkdir "$tmp/folder"
fresh
drive kind=directory path="$tmp/folder" later=first samples=4 sightings=2
is "$status:$(find "$tmp/folder" -type f | wc -l):$(grep -c '^result .* known ' "$tmp/run")" 0:8:4 \
	'folder: with sightings = first four samples, four envelopes'
rm -rf "$tmp/folder"
drive kind=directory path="$tmp/missing/folder" samples=1 prefix=x limit=2
said 'down: .*/missing/folder: cannot write the folder: No such file' 'folder missing: says so'
if [ "$(id -u)" = 0 ] && mkdir "$tmp/small" && mount -t tmpfs -o size=64k none "$tmp/small" 2>/dev/null; then
	fresh
	drive kind=directory path="$tmp/small" samples=1 size=200000 limit=3
	said 'down: .*No space left' 'folder full: says so'
	is "$(find "$tmp/small" -type f | grep -cv json)" 0 'folder full: no half sample'
	mount -o remount,size=4m "$tmp/small"
	drive kind=directory path="$tmp/small" samples=1 size=200000 submit=0 limit=20
	is "$status" 0 'folder has room again: arrives'
	umount "$tmp/small"
else
	pass 'folder full # SKIP needs root'
fi

# -------------------------------------------------------------------- damaged queue
fresh
drive samples=1
cp "$tmp/agent/queue.db" "$tmp/good.db"
# refused NAME PATTERN
refused()
{
	drive samples=1 limit=5
	said '^exit 1$' "$1: the forwarder ends"
	said "error: .*queue.db: .*$2" "$1: says so"
}
rm -f "$tmp/agent"/queue.db*
head -c 20000 /dev/urandom >"$tmp/agent/queue.db"
refused 'queue is no database' 'move it away'
cp "$tmp/good.db" "$tmp/agent/queue.db"
dd if=/dev/urandom of="$tmp/agent/queue.db" bs=1 seek=4096 count=8000 conv=notrunc 2>/dev/null
refused 'queue is damaged' 'move it away'
rm -f "$tmp/agent"/queue.db*
sqlite3 "$tmp/agent/queue.db" 'create table x (y)'
refused 'queue is something else' 'a database of something else'
cp "$tmp/good.db" "$tmp/agent/queue.db"
queue 'pragma user_version = 99'
refused 'queue of another version' 'version 99'
rm -f "$tmp/agent"/queue.db*
mkdir "$tmp/agent/queue.db"
refused 'queue is a folder' 'Is a directory'

# -------------------------------------------------------------------------- SIGKILL
# Random moments, faults on top; sync and TLS make attempts last long enough to be hit.
fresh
fault 'slow=0.3 path=submit/file'
fault 'cut-after path=submit/file count=3'
drive samples=100 sightings=2 size=50000 kills=20 kill_after=300 limit=120
is "$status" 0 'killed twenty times: everything ends'
is "$(grep -c '^killed 9' "$tmp/run")" 20 'it really was'
is "$(received)" '100 once, 0 more' 'killed twenty times: the cloud saw each sample once'
is "$(queue "select count(*) from queue where state in ('sent', 'known')")" 200 \
	'killed twenty times: the queue lost nothing'

finish
