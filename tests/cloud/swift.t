#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The kind s3 against a server of somebody else: OpenStack Swift, which checks each signature.
import http.client
import os
import sys
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sigv4
from driven import DRIVER, Sample, case, drive, replay, same
from swift import ACCESS, Swift

SECRET, REGION = "s3cret/Of+the=Bucket", "eu-central-1"
KEY = ACCESS + " " + SECRET


def ask(method, path):
    """A request of another client; status and body."""
    host = "127.0.0.1:%d" % SERVER.port["proxy"]
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request(method, path, headers=sigv4.headers(method, host, path, b"", ACCESS, SECRET, REGION, time.gmtime()))
    said = connection.getresponse()
    body = said.read()
    connection.close()
    return said.status, body


def put(where, path="/box/pre", key=KEY, **options):
    run = drive(where, "s3", SERVER.url + path, key=key, s3_region=REGION, timeout=60, **options)
    assert SECRET not in "\n".join(run.lines)
    return run, [leave[2] for leave in run.leaves]


@case
def stored(where):
    """sample and envelope are there, byte for byte; a second time only the envelope is put"""
    s = Sample(size=3000000)
    same(put(where, size=3000000)[0].results, ["sent"], "outcome")
    same(ask("GET", "/box/pre/" + s.sha256), (200, s.data), "the sample")
    same(ask("GET", "/box/pre/%s.%s.json" % (s.sha256, uuid.UUID(bytes=s.id))), (200, s.envelope), "the envelope")
    run, asked = put(where, size=3000000)
    same((run.results, asked), (["known"], ["head", "put/envelope"]), "a known one")


@case
def many(where):
    """killed at random moments: 12 samples with two sightings each are 36 objects"""
    run, _ = put(where, "/box/many", samples=12, sightings=2, kills=3, kill_after=1500, limit=120)
    same(run.status, 0, "exit: " + "\n".join(run.lines[-5:]))
    for i in range(12):
        same(ask("GET", "/box/many/" + Sample(i).sha256), (200, Sample(i).data), "sample %d" % i)
    _, listing = ask("GET", "/box")
    same(listing.count(b"<Key>many/"), 36, "objects")


@case
def refused(where):
    """a wrong key, a wrong region and a missing bucket: nothing is stored, and it is said"""
    for path, key, region, word in (("/box/no", ACCESS + " another", REGION, "HTTP 403, not allowed with these keys"),
                                    ("/box/no", KEY, "eu-west-9", "HTTP 400, request not accepted: check url, s3_region"),
                                    ("/none/no", KEY, REGION, "HTTP 404, no such bucket")):
        run = drive(where, "s3", SERVER.url + path, key=key, s3_region=region, timeout=60, limit=8, session=0)
        same((word, run.results), (word, []), "outcome")
        run.said("warning: cloud test: .*" + word)
    assert b"<Key>no/" not in ask("GET", "/box")[1]


if __name__ == "__main__":
    SERVER = Swift(SECRET, REGION)
    try:
        same(ask("PUT", "/box")[0], 200, "making the bucket")
        sys.exit(replay.main(DRIVER))
    finally:
        SERVER.close()
