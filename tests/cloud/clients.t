#!/bin/sh
# SPDX-License-Identifier: MIT
# The test cloud against public clients of the API it speaks, as their authors made them: what they
# were tried with is the real cloud, so what they do not understand is wrong here. They are not
# packaged: CLIENTS is a folder with a copy of each (pan-python, pyldfire); what is not there is
# skipped. Run from the repository root; TESTCLOUD names the program.
set -u
export LC_ALL=C.UTF-8
clients=${CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice/clients}
python=/usr/bin/python3 # of the system, whose libraries scripts/packages has
. tests/cloud/cloud.sh
. tests/tap.sh

start_cloud "$tmp"
# Whom they trust is what this module says; with Debian's it would be the system's store alone.
mkdir "$tmp/py"
printf "__version__ = '1'\ndef where(): return '%s'\n" "$tmp/tls/ca.pem" >"$tmp/py/certifi.py"
export REQUESTS_CA_BUNDLE="$tmp/tls/ca.pem" PYTHONPATH="$tmp/py" PYTHONDONTWRITEBYTECODE=1 WFAPI_TAG=test HOME="$tmp"
printf 'hostname%%test=127.0.0.1:%s\napi_key%%test=KEY\n' "$port" >"$tmp/.panrc"

# announce HASH VERDICT: the cloud knows that sample
announce() { curl -sS -o /dev/null -d "hash=$1" -d "verdict=$2" "$control/verdict"; }
# One of the tests wants a verdict that changed since yesterday.
announce "$(printf 'somebody else has it' | sha256sum | cut -d' ' -f1)" 0
# Another knows that the cloud has the empty file.
: >"$tmp/empty"
curl -sS -o /dev/null --cacert "$tmp/tls/ca.pem" -F apikey=KEY -F "file=@$tmp/empty" \
	"$base/submit/file"

# Tests of pan-python that its author runs against the real cloud. Not among them: those that ask for
# what only that one has (its own pages, its analysis, several samples with one MD5, web artifacts), and
# those of the constructor, which go to it whatever they are told.
pan_python='
submit_file.test_01 submit_links.test_01 submit_links.test_02 submit_links.test_03
submit_links.test_04 verdict.test_01 verdict.test_02 verdict.test_03 verdicts.test_01 verdicts.test_02
verdicts.test_03 verdicts.test_04 verdicts.test_05 verdicts.test_06 verdicts.test_07 verdicts.test_08
verdicts_changed.test_01 verdicts_changed.test_02 verdicts_changed.test_03 verdicts_changed.test_04
testfile.test_01 testfile.test_02 web_artifacts.test_01 web_artifacts.test_02 web_artifacts.test_03
url_analysis.test_01'
if [ -e "$clients/pan-python/lib/pan/wfapi.py" ]; then
	# A thousand links at a time: one of its tests asks about random ones out of these.
	(cd "$clients/pan-python" && PYTHONPATH=lib:$tmp/py $python - <<'EOF'
import pan.wfapi
api = pan.wfapi.PanWFapi(tag='test')
for first in range(1000, 11000, 1000):
    api.submit(links=['http://%d/' % n for n in range(first, first + 1000)])
EOF
	) >"$tmp/links" 2>&1
	is "$? $(cat "$tmp/links")" '0 ' 'pan-python: ten thousand links'
	for test in $pan_python; do
		name=${test%.*}
		case $name in
		submit* | verdict*) name=appl_$name ;;
		esac
		got=$(cd "$clients/pan-python" && timeout 60 $python -m unittest \
			"tests.test_wfapi_cld_$name.PanWFapiTest.${test#*.}" 2>&1) &&
			pass "pan-python: its own $test" || fail "pan-python: its own $test" "$got"
	done
	# What its command line does, end to end.
	pan() { (cd "$clients/pan-python" && PYTHONPATH=lib:$tmp/py timeout 60 $python bin/panwfapi.py -t test "$@" 2>&1); }
	printf 'a sample of ours\n' >"$tmp/a sample.js"
	hash=$(sha256sum "$tmp/a sample.js" | cut -d' ' -f1)
	has "$(pan --submit "$tmp/a sample.js" -x)" "$hash" 'pan-python: submit'
	announce "$hash" malware
	has "$(pan --verdict --hash "$hash" -x)" '<verdict>1</verdict>' 'pan-python: verdict'
	(cd "$tmp" && PYTHONPATH=$clients/pan-python/lib:$tmp/py $python "$clients/pan-python/bin/panwfapi.py" \
		-t test --sample --hash "$hash" --dst got) >"$tmp/sample" 2>&1
	is "$(sha256sum "$tmp/got" 2>>"$tmp/sample" | cut -d' ' -f1)" "$hash" 'pan-python: the sample comes back'
	has "$(pan --report --hash "$hash" -x)" '<malware>yes</malware>' 'pan-python: report'
	sed -i 's/KEY/OTHER/' "$tmp/.panrc"
	has "$(pan --verdict --hash "$hash")" 'HTTP Error 401' 'pan-python: wrong key'
else
	pass "pan-python # SKIP no copy of it at $clients/pan-python"
fi

if [ -e "$clients/pyldfire/pyldfire.py" ]; then
	got=$(cd "$clients/pyldfire" && timeout 60 $python - "$port" "$tmp/tls/ca.pem" <<'EOF' 2>&1
import hashlib, io, sys
from pyldfire import WildFire, WildFireException
api = WildFire('KEY', host='127.0.0.1:' + sys.argv[1], verify=sys.argv[2])
sample = b'MZ another sample'
sha256 = hashlib.sha256(sample).hexdigest()
def show(*words):
    print(*words, end='; ')
show(api.get_verdicts(sha256))
got = api.submit_file(io.BytesIO(sample), 'a name.exe')
show(got['sha256'] == sha256, got['size'], got['filename'])
show(api.get_verdicts([sha256]))
link = api.submit_urls('http://example.com/x?y=1&z=2')
show(link['url'], link['sha256'] == hashlib.sha256(b'http://example.com/x?y=1&z=2').hexdigest())
show(api.get_sample(sha256) == sample)
show(api.get_report(sha256)['file_info']['malware'])
show(api.get_pdf_report(sha256)[:5])
show(api.get_malware_test_file()[:2])
try:
    WildFire('OTHER', host='127.0.0.1:' + sys.argv[1], verify=sys.argv[2]).get_verdicts(sha256)
except WildFireException as e:
    show(e)
EOF
	)
	is "$got" "not found; True 17 a name.exe; benign; http://example.com/x?y=1&z=2 True; True; no; b'%PDF-'; b'MZ'; API key is invalid; " \
		'pyldfire: verdict, file, link, sample, reports, test file, wrong key'
else
	pass "pyldfire # SKIP no copy of it at $clients/pyldfire"
fi
finish
