#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The kind s3: a bucket that checks each byte of the requests, and their signatures.
import hashlib
import os
import re
import sys
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from collector import DROP, Collector, answer
from driven import DRIVER, Sample, all_asked, case, drive, head, replay, same, same_bytes
from sigv4 import signature

ACCESS, SECRET = "AKIDEXAMPLE", "s3cret/Of+the=Bucket"
SIGNATURE = re.compile(r"Authorization: AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([a-z0-9-]+)/s3/aws4_request, "
                       r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})\r\nX-Amz-Date: (\d{8}T\d{6}Z)\r\n")


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
        digest = hashlib.sha256(request.body).hexdigest()
        return access == ACCESS and date.startswith(day) and request.header("x-amz-content-sha256") == digest and mine == signature(
                request.method, request.target, {n: request.header(n) for n in names}, SECRET, day, region)

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
def s3_first(where):
    """s3: with sightings = first nothing is put of a later one"""
    b = Bucket()
    sample, envelope = objects(Sample())
    same(b.drive(where, later="first").results, ["sent"], "outcome")
    same(b.drive(where, later="first").results, ["known"], "outcome")
    same(b.asked(), [("HEAD", sample), ("PUT", envelope), ("PUT", sample), ("HEAD", sample)], "requests")
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


if __name__ == "__main__":
    sys.exit(replay.main(DRIVER))
