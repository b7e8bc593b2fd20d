# SPDX-License-Identifier: MIT
"""A real forwarder, run by tests/unit/forwarder_driver.c, and what each byte of its requests must be."""
import hashlib
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "replay"))

import replay
from replay import case, same

__all__ = ["case", "replay", "same"]

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
