#!/bin/sh
# SPDX-License-Identifier: MIT
# The test cloud against curl: every path, every error text, every fault, and that what is
# recorded is what was sent. Run from the repository root; TESTCLOUD names the program.
set -u
export LC_ALL=C.UTF-8
. tests/cloud/cloud.sh
. tests/tap.sh

# ok NAME COMMAND...: the command succeeds
ok()
{
	name=$1
	shift
	if out=$("$@" 2>&1); then pass "$name"; else fail "$name" "$* : $out"; fi
}

# start DIR ARGUMENT...: one that has a second key and a plain port as well
start()
{
	folder=$1
	shift
	start_cloud "$folder" --key SECOND --plain-port 0 "$@"
	plain=$(sed -n 's/^plain //p' "$folder/out")
}
c() { curl -sS -m 20 --cacert "$tmp/tls/ca.pem" "$@"; }
# call PATH CURL-ARGUMENT...: sets code and body
call()
{
	path=$1
	shift
	code=$(c -o "$tmp/body" -w '%{http_code}' "$@" "$base/$path" 2>"$tmp/curl.err")
	curl_status=$?
	body=$(tr -d '\0' <"$tmp/body")
}
# Does the last answer have this status and error text?
error_is()
{
	want="<?xml version=\"1.0\" encoding=\"UTF-8\" ?><error><error-message>'$2'</error-message></error>"
	is "$code $body" "$1 $want" "$3"
}
xml() { xmllint --xpath "string($1)" "$tmp/body" 2>/dev/null; }
rule() { curl -sS --data-urlencode "rule=$1" "$control/fail" >"$tmp/rule"; }
last() { tail -n 1 "$log/requests.jsonl"; }
last_record() { printf '%s/conn-%06d.bin' "$log" "$(last | jq .conn)"; }
state() { curl -sS "$control/state"; }
records() { find "$log" -name 'conn-*.bin' | wc -l; }
sha() { sha256sum "$1" | cut -d' ' -f1; }

# --- command line -----------------------------------------------------------------------
ok 'help' "$cloud" --help
for args in '' '--port x' '--fail nonsense' '--fail status' '--fail status=200' '--fail cut-before=3' \
	'--verdict zz=1' '--pending x' '--quota -1' '--forget maybe' '--nothing' 'word' '--tls-dir t --log l'; do
	# shellcheck disable=SC2086
	"$cloud" $args >"$tmp/out" 2>"$tmp/err"
	is "$? $(grep -c . "$tmp/err" | sed 's/[1-9]/some/')" '2 some' "refused with a message: '$args'"
done

# --- TLS --------------------------------------------------------------------------------
start "$tmp/a" --name cloud.test --name 2001:db8::1
is "$(sed -n 's/^ready //p' "$tmp/a/out")" "$port" 'ready line and port file agree'
is "$(stat -c %a "$tmp/tls/key.pem")" 600 'private key is private'
ok 'certificate verifies' openssl verify -CAfile "$tmp/tls/ca.pem" -verify_hostname cloud.test "$tmp/tls/cert.pem"
ok 'certificate: address of --name' openssl verify -CAfile "$tmp/tls/ca.pem" -verify_ip 2001:db8::1 "$tmp/tls/cert.pem"
for host in 127.0.0.1 localhost; do
	ok "TLS to $host" c -o /dev/null "https://$host:$port/publicapi/test/pe"
done
if [ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6; then
	ok 'TLS to ::1' c -o /dev/null "https://[::1]:$port/publicapi/test/pe"
else
	pass 'TLS to ::1 # SKIP no IPv6 on the loopback'
fi
ok 'TLS to the name' c --resolve "cloud.test:$port:127.0.0.1" -o /dev/null "https://cloud.test:$port/publicapi/test/pe"
curl -sS -o /dev/null "$base/test/pe" 2>/dev/null
is $? 60 'not trusted without the authority'

# --- requests that are refused ------------------------------------------------------------
printf 'MZ some program' >"$tmp/p.exe"
psum=$(sha "$tmp/p.exe")
pmd5=$(md5sum "$tmp/p.exe" | cut -d' ' -f1)
call get/verdict -G -d apikey=KEY -d hash="$psum"
error_is 405 'Method not allowed, use POST' 'GET'
for path in submit/file submit/url submit/link submit/links submit/change-request get/verdict \
	get/verdicts get/verdicts/changed get/report get/sample get/pcap get/webartifacts; do
	call $path -d apikey=WRONG -d hash="$psum"
	error_is 401 'Invalid API key' "$path: wrong key"
	got=$(curl -sS -o /dev/null -w '%{http_code} %{redirect_url}' -d apikey=KEY "http://127.0.0.1:$plain/publicapi/$path")
	is "$got" "302 $base/$path" "$path: plain HTTP"
done
call get/verdict -d hash="$psum"
error_is 401 'Invalid API key' 'no key'
call get/nothing -d apikey=KEY
error_is 404 'Not found' 'unknown path'
call get/verdict -H 'Content-Type: text/plain' -d apikey=KEY
error_is 415 'Unsupported media type' 'neither form'
call get/verdict -H 'Content-Type: multipart/form-data; boundary=x' -d apikey=KEY
error_is 456 'Invalid request' 'multipart that is none'
call get/verdict -d 'apikey=KEY&hash=%zz'
error_is 456 'Invalid request' 'bad percent escape'

# --- verdicts -----------------------------------------------------------------------------
call get/verdict -d apikey=KEY
error_is 420 'Missing required field' 'get/verdict: neither hash nor url'
call get/verdict -d apikey=KEY -d hash=x-invalid
error_is 421 'invalid hash value' 'get/verdict: not a hash'
for form in -d -F; do
	call get/verdict $form apikey=SECOND $form hash="$psum"
	is "$code $(xml /wildfire/get-verdict-info/verdict) $(xml //sha256)" "200 -102 $psum" "unknown sample ($form)"
done
call get/verdict -d apikey=KEY -d url=http://nowhere.test/
is "$code $(xml //verdict) $(xml //url)" '200 -102 http://nowhere.test/' 'unknown link'

call submit/file -F apikey=KEY -F 'agent=pcc' -F "file=@$tmp/p.exe;filename=p & <q>.exe"
is "$code $(xml /wildfire/upload-file-info/sha256) $(xml //md5) $(xml //size) $(xml //filetype) $(xml //url)" \
	"200 $psum $pmd5 15 PE32 executable " 'submit/file'
is "$(xml //filename)" 'p & <q>.exe' 'submit/file: name comes back escaped'
call submit/file -F apikey=KEY
error_is 420 'Missing required field file' 'submit/file without a file'
call submit/file -F apikey=KEY -F file=text
error_is 420 'Missing required field file' 'submit/file without a file name'
for hash in "$psum" "$pmd5" "$(echo "$psum" | tr a-f A-F)"; do
	call get/verdict -d apikey=KEY -d hash="$hash"
	is "$code $(xml //verdict) $(xml //sha256) $(xml //md5)" "200 0 $psum $pmd5" "verdict of ${#hash} digits"
done
curl -sS -d "hash=$psum" -d verdict=1 "$control/verdict" >/dev/null
call get/verdict -d apikey=KEY -d hash="$psum"
is "$(xml //verdict)" 1 'verdict set by hand'
other=$(printf x | sha256sum | cut -d' ' -f1)
curl -sS -d "hash=$other" -d verdict=grayware "$control/verdict" >/dev/null
call get/verdict -d apikey=KEY -d hash="$other"
is "$(xml //verdict)" 2 'a hash the cloud knows without a submission'
for v in 4 5 -100 -101 -103 -104; do
	curl -sS -d "hash=$other" -d "verdict=$v" "$control/verdict" >/dev/null
	call get/verdict -d apikey=KEY -d hash="$other"
	is "$(xml //verdict)" "$v" "verdict $v"
done
printf x >"$tmp/x"
call submit/file -F apikey=KEY -F "file=@$tmp/x"
call get/verdict -d apikey=KEY -d hash="$other"
is "$(xml //verdict)" 0 'a new submission mends -104'
got=$(curl -sS -o /dev/null -w '%{http_code}' -d "hash=$other" -d verdict=3 "$control/verdict")
is "$got" 400 'verdict 3 does not exist'

call get/verdicts -F apikey=KEY
error_is 420 'Missing required field file' 'get/verdicts without a file'
: >"$tmp/empty"
call get/verdicts -F apikey=KEY -F "file=@$tmp/empty"
error_is 422 'Unprocessable Entities' 'get/verdicts of nothing'
seq 1 500 | while read -r i; do printf '%064x\n' "$i"; done >"$tmp/500"
call get/verdicts -F apikey=KEY -F "file=@$tmp/500"
is "$code $(xml 'count(//get-verdict-info)')" '200 500' 'get/verdicts of 500'
printf '%064x\n' 501 >>"$tmp/500"
call get/verdicts -F apikey=KEY -F "file=@$tmp/500"
error_is 413 'Only 500 entries are allowed for each file' 'get/verdicts of 501'
printf '%s\r\nbad\n%s\n' "$psum" "$pmd5" >"$tmp/mixed"
call get/verdicts -F apikey=KEY -F "file=<$tmp/mixed"
is "$(xml '//get-verdict-info[1]/verdict') $(xml '//get-verdict-info[2]/verdict') $(xml '//get-verdict-info[3]/verdict')" \
	'1 -103 1' 'get/verdicts: known, invalid, MD5'

call get/verdicts/changed -d apikey=KEY
error_is 420 'Missing required field date' 'changed without a date'
for day in 2 -31; do
	call get/verdicts/changed -d apikey=KEY -d "date=$(date -u -d "$day days" +%F)"
	error_is 403 'Invalid Date (longer than 30 days from now or newer than now)' "changed, $day days"
done
call get/verdicts/changed -d apikey=KEY -d date=yesterday
is "$code" 421 'changed, not a date'
for day in 0 -30; do
	call get/verdicts/changed -d apikey=KEY -d "date=$(date -u -d "$day days" +%F)"
	is "$code $(xml "//get-verdict-info[sha256='$psum']/verdict")" '200 1' "changed, $day days"
done

# --- links --------------------------------------------------------------------------------
link_text='Invalid webpage type url, url should start with http or https'
for l in '' ftp://foo sftp://foo; do
	call submit/link -F apikey=KEY -F "link=$l"
	error_is 421 "$link_text" "submit/link '$l'"
done
call submit/link -F apikey=KEY
error_is 420 'Missing required field link' 'submit/link without a link'
for l in ' ' foo http://foo 'https://foo/?a=1&b=<2>'; do
	full=$l
	case $l in http*) ;; *) full=http://$l ;; esac
	call submit/link -F apikey=KEY --form-string "link=$l"
	is "$code $(xml /wildfire/submit-link-info/url) $(xml //sha256) $(xml //md5)" \
		"200 $full $(printf %s "$full" | sha256sum | cut -d' ' -f1) $(printf %s "$full" | md5sum | cut -d' ' -f1)" \
		"submit/link '$l'"
done
call get/verdict -d apikey=KEY -d url=foo
is "$(xml //verdict)" 0 'verdict of a link'
(echo panlnk && seq 1 1000) >"$tmp/links"
call submit/links -F apikey=KEY -F "file=@$tmp/links;filename=pan"
is "$code $(xml 'count(//submit-link-info)')" '200 1000' 'submit/links of 1000'
echo 1001 >>"$tmp/links"
call submit/links -F apikey=KEY -F "file=@$tmp/links;filename=pan"
error_is 422 'File contains too many entities, maxium 1000 entities allowed' 'submit/links of 1001'
printf 'panlnk\rhttp://a/\r\nhttp://b/\n' >"$tmp/links"
call submit/links -F apikey=KEY -F "file=@$tmp/links;filename=pan"
is "$code $(xml '//submit-link-info[2]/url')" '200 http://b/' 'submit/links: any line ending'
printf 'panlnk\nhttp://fresh/\nftp://b/\n' >"$tmp/links"
call submit/links -F apikey=KEY -F "file=@$tmp/links;filename=pan"
error_is 421 "$link_text" 'submit/links with a bad one'
call get/verdict -d apikey=KEY -d url=http://fresh/
is "$(xml //verdict)" -102 'submit/links: all or nothing'
printf 'panlnk\n' >"$tmp/links"
call submit/links -F apikey=KEY -F "file=@$tmp/links;filename=pan"
error_is 422 'Unprocessable Entities' 'submit/links of none'
printf 'http://a/\n' >"$tmp/links"
call submit/links -F apikey=KEY -F "file=@$tmp/links;filename=pan"
is "$code" 421 'submit/links without its first line'
call submit/url -F apikey=KEY -F url=http://a/b.pdf -F context=b.pdf
is "$code $(xml /wildfire/upload-file-info/url)" '200 http://a/b.pdf' 'submit/url'
call submit/url -F apikey=KEY -F url=ftp://a/
error_is 421 "$link_text" 'submit/url with another scheme'
call submit/url -F apikey=KEY
error_is 420 'Missing required field url' 'submit/url without a URL'

# --- reports, samples, the rest -------------------------------------------------------------
call get/report -d apikey=KEY -d hash="$psum"
is "$code $(xml /wildfire/version) $(xml //file_info/sha256) $(xml //file_info/size) $(xml //file_info/malware)" \
	"200 2.0 $psum 15 yes" 'get/report'
call get/report -d apikey=KEY -d hash="$psum" -d format=maec
is "$code $(jq -r .verdict "$tmp/body")" '200 malware' 'get/report maec'
got=$(c -D - -o "$tmp/body" -d apikey=KEY -d hash="$psum" -d format=pdf "$base/get/report")
has "$got" "filename=\"$psum.pdf\"" 'get/report pdf'
call get/report -d apikey=KEY -d hash="$psum" -d format=txt
is "$code" 421 'get/report in no known format'
call get/report -d apikey=KEY -d url=http://foo
is "$code $(jq -r .result.report "$tmp/body" | jq -r .verdict)" '200 benign' 'get/report of a link'
got=$(c -D - -o "$tmp/body" -d apikey=KEY -d hash="$psum" "$base/get/sample")
has "$got" "filename=\"$psum\"" 'get/sample: name'
ok 'get/sample: the bytes' cmp "$tmp/body" "$tmp/p.exe"
ok 'the sample is in the log folder' cmp "$log/samples/$psum" "$tmp/p.exe"
none=$(printf none | sha256sum | cut -d' ' -f1)
for path in get/report get/sample get/pcap; do
	call $path -d apikey=KEY
	error_is 420 'Missing required field' "$path without a hash"
	call $path -d apikey=KEY -d hash=12
	error_is 421 'invalid hash value' "$path of no hash"
	call $path -d apikey=KEY -d hash="$none"
	error_is 404 'Not found' "$path of an unknown sample"
done
call get/pcap -d apikey=KEY -d hash="$psum"
error_is 404 'Not found' 'get/pcap of a known sample'
call get/webartifacts -d apikey=KEY
is "$code" 420 'get/webartifacts without a URL'
call get/webartifacts -d apikey=KEY -d url=
is "$code" 421 'get/webartifacts of nothing'
call get/webartifacts -d apikey=KEY -d url=http://foo
error_is 404 'Not found' 'get/webartifacts'
change() { call submit/change-request -F apikey=KEY -F hash="$1" -F verdict="$2" -F email=a@b.test -F "comment=$3"; }
change "$psum" 0 'please'
is "$code $(xml //sha256) $(xml //verdict)" "200 $psum 0" 'submit/change-request'
change "$none" 0 'please'
error_is 404 'Not found' 'submit/change-request of an unknown sample'
change 12 0 'please'
error_is 421 'invalid hash value' 'submit/change-request of no hash'
change "$psum" 7 'please'
is "$code" 421 'submit/change-request to no verdict'
change "$psum" 0 "$(head -c 2049 /dev/zero | tr '\0' x)"
is "$code" 421 'submit/change-request with too much to say'
change "$psum" 0 "$(head -c 2048 /dev/zero | tr '\0' x)"
is "$code" 200 'submit/change-request with just enough'
call submit/change-request -F apikey=KEY -F hash="$psum" -F verdict=0 -F email=a@b.test
error_is 420 'Missing required field comment' 'submit/change-request without a comment'

for kind in pe:-pe-file.exe:4d5a apk:-apk-file.apk:504b macos:-macos-file:cffa elf:-elf-file:7f45; do
	type=${kind%%:*}
	magic=${kind##*:}
	name=${kind#*:}
	name=${name%:*}
	got=$(curl -sS -D - -o "$tmp/test1" "http://127.0.0.1:$plain/publicapi/test/$type")
	has "$got" "filename=\"wildfire-test$name\"" "test/$type: name, over plain HTTP"
	has "$got" 'application/octet-stream' "test/$type: binary"
	c -o "$tmp/test2" "$base/test/$type"
	if cmp -s "$tmp/test1" "$tmp/test2"; then fail "test/$type: fresh" 'twice the same'; else pass "test/$type: fresh"; fi
	is "$(head -c 2 "$tmp/test2" | od -An -tx1 | tr -d ' ')" "$magic" "test/$type: type"
done
call get/verdict -d apikey=KEY -d hash="$(sha "$tmp/test2")"
is "$(xml //verdict)" -102 'test file: unknown at first'
call submit/file -F apikey=KEY -F "file=@$tmp/test2"
call get/verdict -d apikey=KEY -d hash="$(sha "$tmp/test2")"
is "$(xml //verdict)" 1 'test file: malware once submitted'
call test/nothing
is "$code" 404 'test/nothing'

# --- the record -----------------------------------------------------------------------------
session='{"source":{"ip":"192.0.2.7","port":80},"destination":{"ip":"10.0.0.5","port":40000,"nat":{"ip":"203.0.113.9"}},"network.application":"http","email":{"to":{"address":["a@x.test","b@x.test"]}},"file":{"name":"Bericht ä.pdf"},"sluice":{"direction":"download"}}'
call 'submit/file?q=CANARYquery%2f' -A CANARYagent -F apikey=KEY -F "file=@$tmp/p.exe;filename=CANARY ü.exe" \
	--form-string "session=$session" -H 'X-Odd:   CANARYheader  '
for canary in 'POST /publicapi/submit/file?q=CANARYquery%2f HTTP/1.1' 'User-Agent: CANARYagent' 'X-Odd:   CANARYheader  ' \
	'filename="CANARY ü.exe"' '"192.0.2.7"' 'MZ some program'; do
	ok "recorded: $canary" grep -aqF -- "$canary" "$(last_record)"
done
entry=$(last)
is "$(echo "$entry" | jq -r '.target,.status,.file.name,.file.sha256,.session.source.ip' | tr '\n' '|')" \
	"/publicapi/submit/file?q=CANARYquery%2f|200|CANARY ü.exe|$psum|192.0.2.7|" 'log: target, status, file, session'
is "$(echo "$entry" | jq -rc '[.fields[]|.name,.size]')" "[\"apikey\",3,\"file\",15,\"session\",$(printf %s "$session" | wc -c)]" 'log: fields and sizes'
is "$(echo "$entry" | jq -r '.fields[0].value')" KEY 'log: small value verbatim'
# The same request again, from a client that keeps what it sent: not one byte may differ.
printf 'apikey=KEY&hash=%s' "$psum" >"$tmp/form"
{
	printf 'POST /publicapi/get/verdict HTTP/1.1\r\nhost: x\r\nCoNtEnT-type:application/x-www-form-urlencoded\r\nX-A: 1\r\nX-A:  2 \r\nX-Bytes: \351\r\n'
	printf 'Content-Length: %s\r\n\r\n' "$(wc -c <"$tmp/form")"
	cat "$tmp/form"
	printf 'POST /publicapi/get/verdict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n'
	printf '4;ext=1\r\napik\r\n%x\r\n' $(($(wc -c <"$tmp/form") - 4))
	tail -c +5 "$tmp/form"
	printf '\r\n0\r\n\r\n'
} >"$tmp/raw"
openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$port" -CAfile "$tmp/tls/ca.pem" <"$tmp/raw" >"$tmp/answer" 2>/dev/null &
raw_pid=$!
tries=0
until [ "$(tail -n 1 "$log/requests.jsonl" | jq '[.headers[]|select(.[0]=="Transfer-Encoding")]|length')" = 1 ] || [ $tries -gt 60 ]; do
	tries=$((tries + 1))
	sleep 0.05
done
wait $raw_pid
ok 'byte for byte, odd spacing, duplicate headers and chunks included' cmp "$tmp/raw" "$(last_record)"
is "$(last | jq .status)" 200 'chunked body understood'
call get/verdict -d apikey=KEY -d hash="$psum" --next -sS --cacert "$tmp/tls/ca.pem" -m 20 -o "$tmp/body" -d apikey=KEY -d hash="$pmd5" "$base/get/verdict"
one=$(tail -n 2 "$log/requests.jsonl" | head -n 1)
two=$(last)
is "$(echo "$two" | jq .conn)" "$(echo "$one" | jq .conn)" 'two requests on one connection'
dd if="$(last_record)" of="$tmp/piece" bs=1 \
	skip="$(echo "$two" | jq .offset)" count="$(echo "$two" | jq .length)" 2>/dev/null
is "$(head -n 1 "$tmp/piece" | tr -d '\r') $(tail -c 32 "$tmp/piece")" "POST /publicapi/get/verdict HTTP/1.1 $pmd5" 'offset and length find the request'
head -c 3000000 /dev/urandom >"$tmp/big"
call submit/file -F apikey=KEY -F "file=@$tmp/big"
is "$code $(xml //sha256)" "200 $(sha "$tmp/big")" 'three megabytes, with Expect: 100-continue'
is "$(stat -c %s "$(last_record)")" "$(last | jq .length)" 'three megabytes: recorded whole'

# --- faults ---------------------------------------------------------------------------------
received() { state | jq ".received[\"$1\"] // 0"; }
# submit TEXT: upload a file with this content; sets sum, code, body, curl_status
submit()
{
	printf %s "$1" >"$tmp/file"
	sum=$(sha "$tmp/file")
	call submit/file -F apikey=KEY -F "file=@$tmp/file"
}
# Was there no answer at all? curl says 52 (nothing) or 56 (reset), as the packets fall.
silent() { case "$curl_status $code" in '52 000' | '56 000') echo silent ;; *) echo "$curl_status $code" ;; esac; }
for entry in '401 Invalid API key' '403 Forbidden' '413 Sample file size over max limit' '418 Unsupported file type' \
	'419 Request quota exceeded' '420 Missing required field' '421 Invalid argument' '422 Unprocessable Entities' \
	'456 Invalid request' '500 Internal error' '502 Bad gateway' '503 Service unavailable' '513 File upload failed'; do
	rule "status=${entry%% *} path=submit/file count=1"
	submit "fault $entry"
	error_is "${entry%% *}" "${entry#* }" "fault status=${entry%% *}"
	is "$(received "$sum") $(last | jq -r '.fault,.status' | tr '\n' ' ')" "0 status ${entry%% *} " "fault status=${entry%% *}: nothing stored, logged"
done
submit after
is "$code $(received "$sum")" '200 1' 'a rule is used up after its count'
rule 'status=500,path=submit/file,count=1,stored'
submit stored
is "$code $(received "$sum")" '500 1' 'stored although the answer is an error'
rule 'status=500 path=get/report count=1'
submit path
is "$code" 200 'a rule leaves other paths alone'
rule none
rule 'status=503 path=/publicapi/submit/file skip=1 count=2'
got=
for i in 1 2 3 4; do
	submit "skip $i"
	got="$got $code"
done
is "$got" ' 200 503 503 200' 'skip and count'
rule 'cut-before count=1'
submit cut-before
is "$(silent) $(received "$sum") $(last | jq -r .fault)" 'silent 0 cut-before' 'cut before'
rule 'cut-after count=1'
submit cut-after
is "$(silent) $(received "$sum") $(last | jq -r .fault)" 'silent 1 cut-after' 'cut after'
submit cut-after
is "$code $(received "$sum") $(state | jq .submissions)" "200 2 $(state | jq '[.received[]]|add')" 'a repetition is counted'
rule 'cut-body=100000 count=1'
call submit/file -H Expect: -F apikey=KEY -F "file=@$tmp/big"
is "$code $(received "$(sha "$tmp/big")") $(last | jq -r .fault)" '000 1 cut-body' 'cut in the body'
size=$(stat -c %s "$(last_record)")
if [ "$size" -ge 100000 ] && [ "$size" -lt 400000 ]; then pass 'cut in the body: near the place'; else fail 'cut in the body: near the place' "$size"; fi
rule 'cut-answer count=1'
submit cut-answer
is "$code $curl_status $(received "$sum")" '200 18 1' 'cut in the answer'
rule 'bad-xml count=1'
submit bad-xml
if xmllint --noout "$tmp/body" 2>/dev/null; then got=good; else got=bad; fi
is "$code $got $(received "$sum")" '200 bad 1' 'bad XML'
rule 'empty count=1'
submit empty
is "$code $body $(received "$sum")" '200  1' 'empty answer'
rule 'blank-lines count=1'
submit blank-lines
is "$code $(head -c 5 "$tmp/body" | od -An -tx1) $(received "$sum")" '200  0d 0a 0a 0d 0a 1' 'blank lines first'
rule 'content-type count=1'
submit content-type
got=$(c -o /dev/null -w '%{content_type}' -d apikey=KEY -d hash="$sum" "$base/get/verdict")
is "$got" application/xml 'content type as it should be'
rule 'content-type count=1'
got=$(c -o /dev/null -w '%{content_type}' -d apikey=KEY -d hash="$sum" "$base/get/verdict")
is "$got" text/html 'wrong content type'
rule 'slow=0.6 count=1'
before=$(date +%s%N)
submit slow
took=$((($(date +%s%N) - before) / 1000000))
if [ $took -ge 600 ] && [ $took -lt 5000 ]; then pass 'slow'; else fail 'slow' "$took ms"; fi
rule 'slow=30 count=1'
call submit/file -m 0.5 -F apikey=KEY -F "file=@$tmp/big;filename=again"
is "$curl_status $(received "$(sha "$tmp/big")")" '28 2' 'slow: stored before the client gave up'
rule 'slow=0.2 count=1'
rule 'status=500 count=1'
submit both
is "$code" 500 'slow goes with another fault'
rule 'jump count=1'
has "$(cat "$tmp/rule")" 'unknown kind of fault' 'a rule that is none'
is "$(state | jq '[.faults[]|select(.left==1)]|length')" 0 'state: no rule left over'
call get/verdict -H 'Content-Type: multipart/form-data; boundary=x' -H 'Content-Length: 1000' -m 0.5 -d short
sleep 0.2
is "$(last | jq -r '.fault,.body_size' | tr '\n' ' ')" 'aborted 5 ' 'a request that was broken off is logged'

# --- limits, pending, reset -------------------------------------------------------------------
curl -sS -d max-size=100 "$control/set" >/dev/null
call submit/file -F apikey=KEY -F "file=@$tmp/500"
error_is 413 'Sample file size over max limit' 'max-size'
call submit/file -F apikey=KEY -F "file=@$tmp/big"
error_is 413 'Sample file size over max limit' 'max-size, far above'
curl -sS -d max-size=1000000 -d pending=2r "$control/set" >/dev/null
submit pending
got=
for i in 1 2 3; do
	call get/verdict -d apikey=KEY -d hash="$sum"
	got="$got $(xml //verdict)"
done
is "$got" ' -100 -100 0' 'pending for two requests'
curl -sS -d pending=0.7 "$control/set" >/dev/null
submit 'pending too'
call get/verdict -d apikey=KEY -d hash="$sum"
is "$(xml //verdict)" -100 'pending at first'
call get/report -d apikey=KEY -d hash="$sum"
is "$code" 404 'no report while pending'
sleep 0.8
call get/verdict -d apikey=KEY -d hash="$sum"
is "$(xml //verdict)" 0 'pending no longer'
used=$(state | jq .quota_used)
curl -sS -d "quota=$((used + 1))" "$control/set" >/dev/null
submit quota1
submit quota2
error_is 419 'Request quota exceeded' 'quota'
is "$(received "$sum")" 0 'quota: nothing stored'
got=$(curl -sS -o /dev/null -w '%{http_code}' -d speed=3 "$control/set")
is "$got" 400 'unknown setting'
seq=$(last | jq .seq)
is "$(curl -sS "$control/requests?from=$seq" | jq '.[0].seq,length' | tr '\n' ' ')" "$seq 1 " 'control/requests from a number'
is "$(curl -sS "$control/requests" | jq length)" "$(grep -c . "$log/requests.jsonl")" 'control/requests has what the file has'
curl -sS -X POST "$control/reset" >/dev/null
is "$(state | jq -c '[.submissions,.requests,.quota_used,(.samples|length)]')" '[0,0,0,0]' 'reset'
is "$(curl -sS -o /dev/null -w '%{http_code}' "$control/reset")" 405 'control: wrong method'
is "$(curl -sS -o /dev/null -w '%{http_code}' "http://127.0.0.1:$plain/control/state")" 404 'control is not on the API side'

# --- end and new start --------------------------------------------------------------------------
rule 'slow=30'
c -o /dev/null -d apikey=KEY -d hash="$psum" "$base/get/verdict" 2>/dev/null &
hanging=$!
sleep 0.2
before=$(date +%s%N)
stop_cloud
is $? 0 'SIGTERM: clean exit'
took=$((($(date +%s%N) - before) / 1000000))
if [ $took -lt 5000 ]; then pass 'SIGTERM: at once, slow answers or not'; else fail 'SIGTERM' "$took ms"; fi
wait $hanging
is "$(cat "$tmp/a/err")" '' 'nothing on standard error'
before=$(sha "$tmp/tls/ca.pem")
number=$(records)
start "$tmp/a" --port "$port" --verdict "$psum=1" --fail 'status=500 path=get/report' --listen ::1 --listen 127.0.0.1
is "$(sha "$tmp/tls/ca.pem")" "$before" 'started again: same authority'
call get/verdict -d apikey=KEY -d hash="$psum"
is "$(xml //verdict)" 1 'option --verdict'
call get/report -d apikey=KEY -d hash="$psum"
is "$code" 500 'option --fail'
is "$(records)" $((number + 2)) 'records go on after the last number'
is "$(last | jq .seq)" "$(grep -c . "$log/requests.jsonl")" 'so does the request log'
stop_cloud
"$cloud" --tls-dir "$tmp/tls" --log "$tmp/b" --key K --control "$tmp/sock" --name other.test >"$tmp/out" 2>"$tmp/err" &
pid=$!
tries=0
until grep -q '^ready' "$tmp/out" || [ $tries -gt 100 ]; do
	tries=$((tries + 1))
	sleep 0.05
done
is "$(curl -sS --unix-socket "$tmp/sock" http://x/control/state | jq .submissions)" 0 'control on a unix socket'
if [ "$(sha "$tmp/tls/ca.pem")" != "$before" ]; then pass 'a new name: a new certificate'; else fail 'a new name: a new certificate' same; fi
stop_cloud
if [ -e "$tmp/sock" ]; then fail 'socket removed' "$tmp/sock"; else pass 'socket removed'; fi

# --- the table ------------------------------------------------------------------------------------
jq -c 'select(.session and .status==200)' "$log/requests.jsonl" | head -n 1 >"$tmp/table.jsonl"
"$cloud" --table "$tmp/table.jsonl" --columns 70 >"$tmp/table"
row() { sed -n "s/^$1  *│ \(.*[^ ]\) *$/\1/p" "$tmp/table"; }
is "$(row source_ip)|$(row source_port)|$(row destination_ip)|$(row '  after NAT')" '192.0.2.7|80|10.0.0.5|203.0.113.9' 'table: addresses'
is "$(row application)|$(row filename)|$(row '  in the upload')|$(row email_recipient)|$(row direction)" \
	'http|Bericht ä.pdf|CANARY ü.exe|a@x.test, b@x.test|download' 'table: dotted keys, UTF-8, lists'
is "$(row user)|$(row url)|$(row email_subject)|$(row virtual_system)" '—|—|—|—' 'table: absent fields'
has "$(row sample)" "$(echo "$psum" | cut -c 1-12)" 'table: short hash'
for i in 1 2 3 4 5; do cat "$tmp/table.jsonl"; done >"$tmp/many.jsonl"
for w in 30 60 80 200; do
	"$cloud" --table "$tmp/many.jsonl" --columns $w >"$tmp/table"
	is "$? $(wc -L <"$tmp/table" | awk -v w=$((w < 34 ? 34 : w)) '{print ($1 <= w)}') $(grep -o '#[1-5]' "$tmp/table" | tr -d '\n')" '0 1 #1#2#3#4#5' "table: $w columns"
done
jq -c '.session.user.name = "evil\u001b[2Jname\n"' "$tmp/table.jsonl" | "$cloud" --table - >"$tmp/table"
is "$(row user)" 'evil?[2Jname?' 'table: no control characters'
is "$("$cloud" --table "$tmp/table.jsonl" --from 999999)" 'No submission.' 'table: --from'
echo '{"seq":1' | "$cloud" --table - >/dev/null 2>"$tmp/err"
is "$? $(grep -c '^-:1: ' "$tmp/err")" '1 1' 'table: a line that is none'
"$cloud" --table "$tmp/nowhere" 2>/dev/null
is $? 1 'table: no such file'

finish
