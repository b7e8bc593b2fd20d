#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The kind https, and what all kinds have that are reached by HTTP: each request of a real forwarder
# is, byte for byte, what it must be, and it ends as it should whatever is answered.  wildfire is in
# forwarder.t, s3 in s3.t, cape and assemblyline in sandboxes.t.
import os
import ssl
import subprocess
import sys
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from collector import DROP, Collector, Proxy, answer, authority, certificate, pin, tls
from driven import (DRIVER, FILE_PART, JSON_PART, KEY, SLUICED, TOKEN, Sample, all_asked, case, drive, head, replay, same,
                    same_request)

# ------------------------------------------------------------------------------------ https

def https_request(s, port, headers=(), session=True, link=False):
    parts = [(b"sha256", b"", s.sha256.encode())]
    parts += [(b"link", b"", s.data)] if link else [(b"sample", FILE_PART, s.data)]
    if session:
        parts += [(b"envelope", JSON_PART, s.envelope)]
    body = s.form(*parts)
    headers = [*headers, 'Idempotency-Key: "%s"' % uuid.UUID(bytes=s.id)]
    mime = "multipart/form-data; boundary=" + s.boundary.decode()
    return head("POST", port, "/in/box", headers, mime, len(body)) + body


def https(folder, answers, sample=None, headers=(), session=True, link=False, cut=0, hold=0, **options):
    """One sample to a collector that gives these answers in turn; the run, and what came."""
    left = list(answers)
    c = Collector(lambda request: left.pop(0) if left else answer(200))
    c.cut, c.hold = cut, hold
    run = drive(folder, "https", "http://127.0.0.1:%d/in/box" % c.port, session=int(session), link=int(link), **options)
    c.close()
    wanted = https_request(sample or Sample(), c.port, headers, session, link)
    for r in c.requests:
        same_request(r, wanted)
    all_asked(run, c.requests)
    return run, c.requests


@case
def https_plain(where):
    """https: sample and envelope, each byte of the request as it must be"""
    run, requests = https(where, [answer(202, b"taken")])
    same((run.status, run.results, len(requests)), (0, ["sent"], 1), "outcome")
    same(run.leaves[0][2:3] + run.leaves[0][5:6], ["post", "7"], "name of the request, what it carries")


@case
def https_without_envelope(where):
    """https: session = no sends the sample alone"""
    run, requests = https(where, [], session=False)
    same((run.results, len(requests), run.leaves[0][5]), (["sent"], 1, "3"), "outcome")


@case
def https_link(where):
    """https: a link goes as text, without a file name"""
    run, requests = https(where, [], link=True, size=80, sample=Sample(link=True, size=80))
    same((run.results, len(requests), run.leaves[0][5]), (["sent"], 1, "5"), "outcome")


@case
def https_large(where):
    """https: a sample of 20 MB arrives whole"""
    run, _ = https(where, [], size=20000000, sample=Sample(size=20000000))
    same(run.results, ["sent"], "outcome")


@case
def https_credentials(where):
    """https: a token goes as Bearer, a key as X-API-Key, and neither into any message"""
    echo = answer(403, b"what is %s %s" % (TOKEN.encode(), KEY.encode()))
    run, _ = https(where, [echo], token=TOKEN, headers=["Authorization: Bearer " + TOKEN])
    run.said("HTTP 403, not allowed with these credentials")
    run, _ = https(where, [echo], key=KEY, headers=["X-API-Key: " + KEY])
    same(run.results, ["sent"], "outcome")


@case
def https_repeated(where):
    """https: after a lost answer or a cut body the same bytes come again, under the same key"""
    run, requests = https(where, [DROP, DROP])
    same((run.results, [r.whole for r in requests]), (["sent"], [True] * 3), "lost answers")
    same(len({r.connection for r in requests}), 3, "connections")
    run, requests = https(where, [], cut=700, size=900000, sample=Sample(size=900000))
    same((run.results, [r.whole for r in requests]), (["sent"], [False, True]), "cut")


# status, header: outcome, a word of the detail
STATUSES = (
    (200, None, "sent", "taken"), (201, None, "sent", "taken"), (204, None, "sent", "taken"),
    (409, None, "known", "has it"),
    (400, None, "refused", "request refused"), (410, None, "refused", "request refused"),
    (413, None, "refused", "too large"), (415, None, "refused", "media type"), (422, None, "refused", "processed"),
    (301, None, "down", "redirected"), (401, None, "down", "credentials"), (403, None, "down", "credentials"),
    (404, None, "down", "check the url"), (405, None, "down", "check the url"), (429, "2", "down", "too many"),
    (408, None, "retry", "too long"), (425, None, "retry", "early"), (500, None, "retry", "error"),
    (502, None, "retry", "gateway"), (503, "2", "retry", "not available"), (504, None, "retry", "timeout"),
    (599, None, "retry", "not expected"),
)


@case
def https_statuses(where):
    """https: what each status means, and that Retry-After is kept"""
    for status, after, outcome, word in STATUSES:
        headers = ["Retry-After: " + after] if after else []
        run, requests = https(where, [answer(status, b"", *headers)])
        final = outcome in ("sent", "known", "refused")
        same((status, run.results), (status, [outcome if final else "sent"]), "outcome")
        same((status, len(requests)), (status, 1 if final else 2), "requests")
        run.said("%s.*HTTP %d, .*%s" % (outcome if outcome != "down" else "(down|warning)", status, word))


@case
def https_first(where):
    """https: of later sightings nothing leaves, unless the first one's answer was no"""
    run, requests = https(where, [], sightings=3)
    same((run.status, sorted(run.results), len(requests)), (0, ["known", "known", "sent"], 1), "outcome")
    run.said("known -[0-9]* known from an earlier sighting")
    c = Collector(lambda request: answer(413 if len(c.requests) == 1 else 200))
    run = drive(where, "https", "http://127.0.0.1:%d/in/box" % c.port, sightings=3)
    c.close()
    same((sorted(run.results), len(c.requests)), (["known", "refused", "sent"], 2), "the first one was refused")


@case
def https_all(where):
    """https: with sightings = all each later one brings its envelope, without the sample"""
    left = [answer(200), answer(503), DROP]
    c = Collector(lambda request: left.pop(0) if left else answer(200))
    run = drive(where, "https", "http://127.0.0.1:%d/in/box" % c.port, sightings=2, later="all")
    c.close()
    s = Sample(sighting=1)
    body = s.form((b"sha256", b"", s.sha256.encode()), (b"envelope", JSON_PART, s.envelope))
    key = 'Idempotency-Key: "%s-envelope"' % uuid.UUID(bytes=s.id)
    wanted = head("POST", c.port, "/in/box", [key], "multipart/form-data; boundary=" + s.boundary.decode(),
                  len(body)) + body
    same((run.status, run.results, len(c.requests)), (0, ["sent", "known"], 4), "outcome")
    same_request(c.requests[0], https_request(Sample(), c.port))
    for r in c.requests[1:]:
        same_request(r, wanted)
    same([(leave[2], leave[5]) for leave in run.leaves], [("post", "7")] + 3 * [("post/envelope", "4")], "leaves")
    all_asked(run, c.requests)
    run, requests = https(where, [], sightings=2, later="all", session=False)
    same((sorted(run.results), len(requests)), (["known", "sent"], 1), "without envelopes there is nothing to bring")


@case
def https_leave(where):
    """https: nothing leaves without leave; a revoked transfer ends before its envelope"""
    run, requests = https(where, [], deny=1)
    same((run.results, len(requests)), (["sent"], 1), "denied once")
    run, requests = https(where, [], revoke=1, hold=1, size=30000000, sample=Sample(size=30000000))
    same((run.results, [r.whole for r in requests]), (["sent"], [False, True]), "revoked once")
    run.said("revoked: second thoughts")


@case
def https_killed(where):
    """https: killed at random moments, each sighting's bytes are always the same, and all arrive"""
    bodies = {}

    def reply(request):
        bodies.setdefault(request.header("Idempotency-Key"), set()).add(request.body)
        return answer(200)
    c = Collector(reply)
    c.hold = 0.1
    run = drive(where, "https", "http://127.0.0.1:%d/in/box" % c.port, samples=40, sightings=2, later="all", kills=8,
                kill_after=400, limit=60)
    c.close()
    same((run.status, {len(b) for b in bodies.values()}), (0, {1}), "exit, bodies of each key")
    same(len({key[:37] for key in bodies}), 80, "sightings")
    # Such a cloud cannot be asked whether it has what was lost: another sighting may bring it, too.
    same(run.results.count("sent") - 40 in range(9), True, "samples, and one more for a kill at most")
    same(run.lines.count("killed 9"), 8, "kills")


@case
def https_tls(where):
    """https: a certificate of the cloud's authority, and no other"""
    for name in ("ours", "other"):
        authority(where, name)
    certificate(where, "ours", "cloud")
    c = Collector(lambda request: answer(200), tls(where, "cloud"))
    url = "https://127.0.0.1:%d/in/box" % c.port
    same(drive(where, "https", url, ca=where + "/ours.pem").results, ["sent"], "ours")
    run = drive(where, "https", url, ca=where + "/other.pem", limit=2)
    same((run.results, len(c.requests)), ([], 1), "another's")
    run.said("warning: cloud test: post: .*certificate")
    c.close()


@case
def client_certificate(where):
    """a cloud that wants a certificate gets ours, and without it nothing arrives"""
    c = Collector(lambda request: answer(200), tls(where, "cloud", clients="other"))
    certificate(where, "other", "gateway")
    options = {"url": "https://127.0.0.1:%d/in/box" % c.port, "ca": where + "/ours.pem"}
    run = drive(where, "https", certificate=where + "/gateway.pem", certificate_key=where + "/gateway.key", **options)
    same((run.results, len(c.requests)), (["sent"], 1), "with")
    with open(where + "/gateway.pem", encoding="ascii") as f:
        same(c.requests[0].certificate, ssl.PEM_cert_to_DER_cert(f.read()), "certificate that was shown")
    run = drive(where, "https", limit=2, **options)
    same((run.results, len(c.requests)), ([], 1), "without")
    run.said("retry: post: ")      # in TLS 1.3 it learns after its handshake, in words that depend on when
    c.close()


@case
def pinned_key(where):
    """with a pinned key only that one is talked to, whoever signed it"""
    c = Collector(lambda request: answer(200), tls(where, "cloud"))
    options = {"url": "https://127.0.0.1:%d/in/box" % c.port, "ca": where + "/ours.pem"}
    right, wrong = pin(where, "cloud"), pin(where, "gateway")
    same(drive(where, "https", pinned=right, **options).results, ["sent"], "the right one")
    same(drive(where, "https", pinned=wrong + ";" + right, **options).results, ["sent"], "one of two")
    run = drive(where, "https", pinned=wrong, limit=2, **options)
    same((run.results, len(c.requests)), ([], 2), "another")
    run.said("warning: cloud test: post: .*public key does not match")
    c.close()


@case
def proxy(where):
    """by a proxy, which learns where to and nothing else; without it nothing arrives"""
    c = Collector(lambda request: answer(200), tls(where, "cloud"))
    p = Proxy()
    options = {"url": "https://127.0.0.1:%d/in/box" % c.port, "ca": where + "/ours.pem", "token": TOKEN}
    same(drive(where, "https", proxy=p.url, **options).results, ["sent"], "outcome")
    same_request(c.requests[0], https_request(Sample(), c.port, ["Authorization: Bearer " + TOKEN]))
    to = "127.0.0.1:%d" % c.port
    same(p.asked, [("CONNECT %s HTTP/1.1\r\nHost: %s\r\nProxy-Connection: Keep-Alive\r\n\r\n" % (to, to)).encode()],
         "what the proxy was asked")
    p.close()
    run = drive(where, "https", proxy=p.url, limit=2, **options)
    same((run.results, len(c.requests)), ([], 1), "proxy away")
    c.close()


def checked(where, settings, kind="https"):
    """What sluiced --check says of a cloud with these settings."""
    conf = where + "/sluice.conf"
    with open(conf, "w", encoding="ascii") as f:
        f.write("[cloud a]\nkind = " + kind + "\nurl = https://x.test/\n%s[share a]\ndefault = share\n" % settings)
    done = subprocess.run([SLUICED, "--check", "-c", conf], capture_output=True, timeout=60)
    return done.returncode, done.stderr.decode()


@case
def configuration(where):
    """certificate and key are read and must belong together; a token and a key exclude each other"""
    mine = "client_certificate = %s/gateway.pem\n" % where
    with open(where + "/token", "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(TOKEN + "\n")
    good = mine + "client_key = %s/gateway.key\ntoken_file = %s/token\npinned_key = %s\nproxy = http://p.test:8080\n" % (
        where, where, pin(where, "cloud"))
    same(checked(where, good)[0], 0, "exit status of what is right: " + checked(where, good)[1])
    for settings, error in ((mine, "expected client_certificate and client_key, both or neither"),
                            (mine + "client_key = %s/cloud.key\n" % where, "client_key is not the key of client_certificate"),
                            ("token_file = %s/token\nkey_file = %s/token\n" % (where, where), "not both")):
        status, said = checked(where, settings)
        assert status != 0 and error in said, (status, said)
        assert TOKEN not in said, said


@case
def key_words(where):
    """s3 has a key of two words, on one line or two, and all other kinds one of one word"""
    for kind, text, error in (("s3", "AKID secret\n", None), ("s3", "AKID\nsecret\n", None), ("https", "secret\n", None),
                              ("s3", "secret\n", "expected two words, the access key and the secret key"),
                              ("s3", "a b c\n", "expected one line of printable ASCII"),
                              ("https", "a b\n", "expected one line of printable ASCII"),
                              ("s3", "AKID s\1\n", "expected one line of printable ASCII")):
        with open(where + "/words", "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)
        status, said = checked(where, "key_file = %s/words\n" % where, kind)
        same((kind, text, status == 0), (kind, text, error is None), said)
        assert (error or "") in said and "secret\n" not in said, said


if __name__ == "__main__":
    sys.exit(replay.main(DRIVER, SLUICED))
