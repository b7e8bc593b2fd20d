#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The kinds of clouds that are reached by HTTP, but for wildfire (forwarder.t): each request of a real
# forwarder is, byte for byte, what it must be, and it ends as it should whatever is answered.
import hashlib
import hmac
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "replay"), HERE]

import replay
from collector import DROP, Collector, Proxy, answer, authority, certificate, pin, tls
from replay import case, same

DRIVER = os.environ.get("DRIVER", os.path.join(os.environ.get("BUILD", os.path.join(ROOT, "build")),
                                               "tests", "forwarder_driver"))
SLUICED = os.environ.get("SLUICED", os.path.join(os.environ.get("BUILD", os.path.join(ROOT, "build")), "sluiced"))
with open(os.path.join(ROOT, "uapi", "linux", "sluice.h"), encoding="utf-8") as header:
    VERSION = re.search(r'define SLUICE_VERSION "([^"]+)"', header.read()).group(1)
KEY = "k3y+of/the=cloud"
TOKEN = "t0ken.of-the_cloud~"
NAME = b"na%22me%0D%0AX-Injected: yes"        # the driver's upload name, as it must stand in a form


class Sample:
    """One of the driver's, and its sighting of that number."""

    def __init__(self, number=0, size=1000, prefix="", link=False, sighting=0):
        text = b"%s sample %d\n" % (prefix.encode(), number)
        self.data = text + bytes(size - len(text))
        if link:
            text = b"https://host.test/%d?%s=" % (number, prefix.encode())
            self.data = text + b"a" * (size - len(text))
        self.hash = hashlib.sha256(self.data)
        self.id = bytes([sighting]) + self.hash.digest()[1:16]
        self.sha256 = self.hash.hexdigest()
        self.envelope = b'{"sluice":{"sha256":"%s"}}' % self.sha256.encode()
        seed = b"sluice multipart boundary\0" + self.hash.digest() + self.id
        self.boundary = b"sluice-" + hashlib.sha256(seed).digest()[:16].hex().encode()

    def form(self, *parts):
        """(name, what stands behind it in its head, value)..., as a body."""
        body = b"".join(b'--%s\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
                        % (self.boundary, name, more, value) for name, more, value in parts)
        return body + b"--%s--\r\n" % self.boundary


FILE_PART = b'; filename="' + NAME + b'"\r\nContent-Type: application/octet-stream'
JSON_PART = b"\r\nContent-Type: application/json"


def head(method, port, path, headers=(), mime=None, size=0):
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: 127.0.0.1:%d" % port, "User-Agent: sluice/" + VERSION,
             "Accept: */*", *headers]
    if mime:
        lines += ["Content-Type: " + mime, "Content-Length: %d" % size]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def same_bytes(got, wanted, what):
    """Says only where they differ."""
    if got != wanted:
        at = len(os.path.commonprefix([got, wanted]))
        begin = max(at - 60, 0)
        raise AssertionError("%s: differs from byte %d of %d, %d wanted: %r, wanted %r"
                             % (what, at, len(got), len(wanted), got[begin:at + 60], wanted[begin:at + 60]))


def same_request(request, wanted):
    """Each byte, or of one that was cut each that came."""
    got = request.head + request.body
    same_bytes(got, wanted if request.whole else wanted[:len(got)], "request")


class Run:
    """What a run of the driver said."""

    def __init__(self, status, lines):
        self.status, self.lines = status, lines
        self.results = [line.split(" ", 4)[2] for line in lines if line.startswith("result ")]
        self.leaves = [line.split(" ") for line in lines if line.startswith("leave ")]

    def said(self, pattern):
        assert any(re.search(pattern, line) for line in self.lines), "no line %r in\n%s" % (pattern, "\n".join(self.lines))


def drive(folder, kind, url, **options):
    with tempfile.TemporaryDirectory(dir=folder) as agent:
        argv = [DRIVER, "dir=" + agent, "kind=" + kind, "url=" + url]
        argv += ["%s=%s" % item for item in {"limit": 20, "key": "", **options}.items()]
        foretold = subprocess.run(argv + ["preview=1"], capture_output=True, timeout=60).stdout.decode()
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    text = done.stdout.decode(errors="replace")
    for secret in (KEY, TOKEN):
        assert secret not in text + foretold, "a secret is in a message:\n" + text + foretold
    run = Run(done.returncode, text.splitlines())
    run.foretold = [line.split(" ") for line in foretold.splitlines() if line.startswith("leave ")]
    return run


def all_asked(run, requests):
    """Each request that came whole had leave, by the hash of its exact body, and was foretold."""
    asked = sorted(leave[3] for leave in run.leaves)
    came = sorted(hashlib.sha256(r.body).hexdigest() for r in requests if r.whole)
    for one in came:
        assert one in asked, "a request without leave"
        asked.remove(one)
    foretold = [leave[1:] for leave in run.foretold]
    for leave in run.leaves:
        assert leave[1:] in foretold, "not foretold: %r\n%r" % (leave, run.foretold)


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
    run = drive(where, "https", "http://127.0.0.1:%d/in/box" % c.port, samples=40, sightings=2, kills=8, kill_after=400,
                limit=60)
    c.close()
    same((run.status, len(bodies), {len(b) for b in bodies.values()}), (0, 80, {1}), "exit, keys, bodies of each")
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


# --------------------------------------------------------------------------------------- s3

ACCESS, SECRET = "AKIDEXAMPLE", "s3cret/Of+the=Bucket"
SIGNATURE = re.compile(r"Authorization: AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([a-z0-9-]+)/s3/aws4_request, "
                       r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})\r\nX-Amz-Date: (\d{8}T\d{6}Z)\r\n")


def signature(request, secret, day, region, names, date):
    """Signature Version 4 of a request, by the documentation of it."""
    def mac(key, text):
        return hmac.new(key, text.encode(), hashlib.sha256).digest()
    scope = "%s/%s/s3/aws4_request" % (day, region)
    canonical = "\n".join([request.method, request.target, "", *("%s:%s" % (n, request.header(n)) for n in names), "",
                           ";".join(names), hashlib.sha256(request.body).hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in (day, region, "s3", "aws4_request"):
        key = mac(key, part)
    return mac(key, text).hex()


class Bucket:
    """Objects behind a collector; a wrong signature is 403, as are all while it is shut."""

    def __init__(self, answers=(), region="us-east-1"):
        self.objects, self.left, self.region = {}, list(answers), region
        self.collector = Collector(self.reply)
        self.port = self.collector.port
        self.url = "http://127.0.0.1:%d/box/pre" % self.port

    def signed(self, request):
        found = SIGNATURE.search(request.head.decode())
        assert found, request.head
        access, day, region, names, mine, date = found.groups()
        names = names.split(";")
        for name in ("host", "x-amz-content-sha256", "x-amz-date"):
            assert name in names, names
        same(region, self.region, "region")
        return access == ACCESS and date.startswith(day) and request.header("x-amz-content-sha256") == hashlib.sha256(
            request.body).hexdigest() and mine == signature(request, SECRET, day, region, names, date)

    def reply(self, request):
        said = self.left.pop(0) if self.left else None
        if not self.signed(request):
            return answer(403)
        if request.method == "PUT" and (said is None or said is LOST):
            self.objects[request.target] = request.body
        if said is LOST:
            return DROP
        if said is not None:
            return said
        if request.method == "HEAD":
            return answer(200 if request.target in self.objects else 404)
        return answer(200)

    def drive(self, where, key=ACCESS + " " + SECRET, **options):
        before = len(self.collector.requests)
        run = drive(where, "s3", self.url, key=key, **options)
        for secret in key.split(" "):
            assert secret not in "\n".join(run.lines), run.lines
        for r in self.collector.requests:
            same_bytes(SIGNATURE.sub("", r.head.decode()).encode(), self.wanted(r), "head")
        all_asked(run, self.collector.requests[before:])
        return run

    def wanted(self, r):
        """All of its head but the signature."""
        size = int(r.header("Content-Length") or 0)
        lines = ["x-amz-content-sha256: " + r.header("x-amz-content-sha256")]
        mime = "application/json" if r.target.endswith(".json") else "application/octet-stream"
        text = head(r.method, self.port, r.target, lines, mime if r.method == "PUT" else None, size)
        return text[:-2] + b"Expect: 100-continue\r\n\r\n" if r.method == "PUT" else text

    def asked(self):
        return [(r.method, r.target[len("/box/pre/"):]) for r in self.collector.requests]


LOST = "stored, and no answer"


def objects(s):
    return s.sha256, "%s.%s.json" % (s.sha256, uuid.UUID(bytes=s.id))


@case
def s3_plain(where):
    """s3: question, envelope, sample, each signed; nothing of it is sent twice"""
    b, s = Bucket(), Sample()
    sample, envelope = objects(s)
    run = b.drive(where)
    same((run.status, run.results), (0, ["sent"]), "outcome")
    same(b.asked(), [("HEAD", sample), ("PUT", envelope), ("PUT", sample)], "requests")
    same(b.objects, {"/box/pre/" + sample: s.data, "/box/pre/" + envelope: s.envelope}, "objects")
    same([(leave[2], leave[5]) for leave in run.leaves], [("head", "0"), ("put/envelope", "4"), ("put/sample", "1")], "leaves")
    run = b.drive(where)
    same((run.results, b.asked()[3:]), (["known"], [("HEAD", sample), ("PUT", envelope)]), "a known one")
    same(len(b.objects), 2, "objects")
    b.collector.close()


@case
def s3_without_envelope(where):
    """s3: session = no puts the sample alone, and of a known one nothing"""
    b = Bucket()
    sample, _ = objects(Sample())
    same(b.drive(where, session=0).results, ["sent"], "outcome")
    same(b.drive(where, session=0).results, ["known"], "outcome")
    same(b.asked(), [("HEAD", sample), ("PUT", sample), ("HEAD", sample)], "requests")
    b.collector.close()


@case
def s3_link_region(where):
    """s3: a link is an object like any other; the region is the one that was set"""
    b, s = Bucket(region="eu-central-1"), Sample(link=True, size=80)
    same(b.drive(where, link=1, size=80, s3_region="eu-central-1").results, ["sent"], "outcome")
    same(b.objects["/box/pre/" + s.sha256], s.data, "object")
    b.collector.close()


@case
def s3_large(where):
    """s3: a sample of 20 MB arrives whole"""
    b, s = Bucket(), Sample(size=20000000)
    same(b.drive(where, size=20000000).results, ["sent"], "outcome")
    assert b.objects["/box/pre/" + s.sha256] == s.data
    b.collector.close()


@case
def s3_wrong_key(where):
    """s3: with a wrong key nothing is stored and everything waits"""
    b = Bucket()
    run = b.drive(where, key=ACCESS + " another", limit=2)
    same((run.results, b.objects, [m for m, _ in b.asked()]), ([], {}, ["HEAD"]), "outcome")
    run.said("warning: cloud test: head: HTTP 403, not allowed with these keys")
    b.collector.close()


@case
def s3_answers(where):
    """s3: answers that are lost or bad, at each step; what was stored is not sent again"""
    for lost in range(3):
        b = Bucket([None] * lost + [LOST])
        run = b.drive(where)
        same((run.results, len(b.objects)), (["known" if lost == 2 else "sent"], 2), "lost answer %d" % lost)
        same(b.asked().count(("PUT", Sample().sha256)), 1, "uploads")
        b.collector.close()
    for status, step, outcome, word in ((400, 0, "warning", "s3_region"), (404, 1, "warning", "no such bucket"),
                                        (503, 1, "retry", "not available"), (500, 2, "retry", "error"),
                                        (307, 0, "warning", "redirected"), (409, 2, "retry", "another request")):
        b = Bucket([None] * step + [answer(status)])
        run = b.drive(where)
        same((status, run.results, len(b.objects)), (status, ["sent"], 2), "outcome")
        run.said("%s.*HTTP %d, .*%s" % (outcome, status, word))
        b.collector.close()


@case
def s3_killed(where):
    """s3: killed at random moments, everything arrives, and an object's bytes are always the same"""
    b = Bucket()
    b.collector.hold = 0.02
    run = b.drive(where, samples=20, sightings=2, kills=6, kill_after=400, limit=60)
    same((run.status, len(b.objects)), (0, 60), "exit, objects")
    for i in range(20):
        assert b.objects["/box/pre/" + Sample(i).sha256] == Sample(i).data
    b.collector.close()


# ------------------------------------------------------------------------------------- cape

def as_json(value, status=200, *headers):
    return answer(status, json.dumps(value).encode(), "Content-Type: application/json", *headers)


class Api:
    """A cloud that is asked first: of each request it knows every byte that there must be.

    answers: in turn, in place of what it would answer; LOST: it takes it, and says nothing.
    """
    sample = {}

    def __init__(self, answers=(), session=True, **sample):
        self.s, self.session, self.link = Sample(**sample), session, sample.get("link", False)
        self.known, self.left = set(), list(answers)
        self.collector = Collector(self.reply)
        self.port = self.collector.port
        self.url = "http://127.0.0.1:%d%s" % (self.port, self.base)

    def reply(self, request):
        said = self.left.pop(0) if self.left else None
        if said not in (None, LOST):
            return said
        if request.method == "GET":
            return DROP if said is LOST else self.found(request.target)
        self.known.add(self.s.sha256)
        return DROP if said is LOST else self.taken()

    def run(self, where, **options):
        before = len(self.collector.requests)
        options = {"session": int(self.session), "link": int(self.link), "size": len(self.s.data), **options}
        run = drive(where, self.kind, self.url, key=KEY, **options)
        came = self.collector.requests[before:]
        for r in came:
            same_request(r, self.question() if r.method == "GET" else self.upload())
        all_asked(run, came)
        return run, [r.method for r in came]

    def close(self):
        self.collector.close()


class Cape(Api):
    kind, base = "cape", "/apiv2"
    headers = ["Authorization: Token " + KEY]

    def question(self):
        return head("GET", self.port, "/apiv2/tasks/search/sha256/%s/" % self.s.sha256, self.headers)

    def upload(self):
        parts = [(b"url", b"", self.s.data)] if self.link else [(b"file", FILE_PART, self.s.data)]
        if self.session:
            parts += [(b"custom", JSON_PART, self.s.envelope)]
        body = self.s.form(*parts)
        mime = "multipart/form-data; boundary=" + self.s.boundary.decode()
        path = "/apiv2/tasks/create/%s/" % ("url" if self.link else "file")
        return head("POST", self.port, path, self.headers, mime, len(body)) + body

    def found(self, target):
        if target.split("/")[-2] in self.known:
            return as_json({"error": [], "data": [{"id": 7, "sample": {"sha256": target.split("/")[-2]}}]})
        return as_json({"data": [], "error": False})

    @staticmethod
    def taken():
        return as_json({"error": [], "errors": [], "data": {"task_ids": [7], "message": "Task ID 7 has been submitted"}})


def asked_first(kind, where):
    """What holds of every cloud that is asked first."""
    for options in ({}, {"session": False}, {"size": 5000000}):
        api = kind(**options)
        run, methods = api.run(where)
        same((run.status, run.results, methods), (0, ["sent"], ["GET", "POST"]), "outcome with %r" % options)
        same([leave[5] for leave in run.leaves], ["0", "7" if api.session else "3"], "what they carry")
        run, methods = api.run(where)
        same((run.results, methods), (["known"], ["GET"]), "a known one")
        api.close()
    for link in ({}, {"session": False}):
        api = kind(link=True, size=80, **link)
        run, methods = api.run(where)
        same((run.results, methods, run.leaves[1][5]), (["sent"], ["GET", "POST"], "1" if link else "5"), "a link")
        api.close()
    for lost, outcome, methods in (([LOST], "sent", ["GET", "GET", "POST"]),
                                   ([None, LOST], "known", ["GET", "POST", "GET"])):
        api = kind(lost)
        run, came = api.run(where)
        same((run.results, came), ([outcome], methods), "a lost answer")
        api.close()


def answers(kind, where, table):
    """(step, its answer, outcome, what is said)...; what is no end is tried again, and taken."""
    for step, said, outcome, words in table:
        api = kind([None] * step + [said])
        run, methods = api.run(where)
        final = outcome in ("known", "refused")
        same((words, run.results), (words, [outcome if final else "sent"]), "outcome")
        same((words, methods.count("POST")), (words, step + (not final)), "uploads")
        run.said("%s: .*%s" % (outcome if outcome != "down" else "warning: cloud test", words))
        api.close()


@case
def cape_requests(where):
    """cape: a question, then file or url with the envelope as custom, each byte as it must be"""
    asked_first(Cape, where)


@case
def cape_answers(where):
    """cape: errors that come with status 200, and those that do not"""
    def error(words, **more):
        return as_json({"error": True, "error_value": words, **more})

    def of_file(words):
        return error("Error adding task to database", errors=[{"secret-name.exe": words}])
    answers(Cape, where, (
        (0, error("Task Search API is Disabled"), "down", "CAPE says .Task Search API is Disabled"),
        (0, answer(200, b"<html>"), "retry", "answer not understood"),
        (0, answer(200, b"[]"), "retry", "expected an object"),
        (0, as_json({"error": []}), "retry", "expected error and data"),
        (0, as_json({"detail": "Invalid token."}, 401), "down", "HTTP 401, credentials not accepted .*Invalid token"),
        (0, as_json({"detail": "Request was throttled."}, 429, "Retry-After: 1"), "down", "HTTP 429, too many requests"),
        (0, answer(404, b"<html>"), "down", "HTTP 404, no such API there"),
        (1, error("File Create API is Disabled"), "down", "CAPE says .File Create API is Disabled"),
        (1, of_file("Duplicated file, disable unique option on submit or in conf/web.conf to force submission"), "known",
         "Duplicated file"),
        (1, of_file("Uploaded file exceeds the maximum allowed size in conf/web.conf."), "refused", "exceeds"),
        (1, of_file("You uploaded an empty file."), "refused", "empty file"),
        (1, error("Error adding task to database", errors=[]), "retry", "CAPE says .Error adding task to database"),
        (1, as_json({"error": [], "data": {"task_ids": []}}), "retry", "expected task_ids"),
        (1, answer(500, b"<html>"), "retry", "HTTP 500, error in the cloud"),
        (1, answer(413), "refused", "HTTP 413, sample too large"),
    ))


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
