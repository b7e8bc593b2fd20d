# SPDX-License-Identifier: MIT
"""
Exchanges over HTTP and what must come out of them.  Every exchange has a path of its own, by
which its sightings are found again, and the truth is the SHA-256 of what was served or sent.
"""
import hashlib
import os
import subprocess
import time

import lab


class Expect:
    """A file that must have been seen.  body None: none may be complete."""

    def __init__(self, what, url, body, direction, name, state="complete", reason="none",
                 user=None, missing=None, application="web-browsing"):
        self.what, self.url, self.body, self.direction = what, url, body, direction
        self.name, self.state, self.reason, self.user = name, state, reason, user
        self.missing, self.application = missing, application


class Site:
    """The files that all servers serve, and clients send."""

    def __init__(self, bench):
        self.lab, self.files = bench, {}
        for name, size in (("small.txt", 700), ("text.txt", 150000), ("large.bin", 3000000)):
            self.add(name, bench.noise(size, name) if name.endswith(".bin") else
                     bench.text(size, name))
        for i in range(100):
            self.add(f"many{i}", bench.noise(1 + 37 * i, i))
        os.chmod(bench.path("www"), 0o755)
        # A client that reads slowly is sent little ahead.
        bench.client("sh", "-c", "echo 4096 65536 65536 > /proc/sys/net/ipv4/tcp_rmem")

    def add(self, name, body):
        self.files[name] = body
        for where in "www", "sent":
            self.lab.write(body, where, name)

    def sent(self, name):
        return self.lab.path("sent", name)


class Exchanges:
    """Those of one capture; done while it is recorded, so that they can be done again."""

    def __init__(self, site, host):
        self.site, self.lab, self.files = site, site.lab, site.files
        self.host = lab.bracketed(host)
        self.expected = []

    def expect(self, *words, **more):
        self.expected.append(Expect(*words, **more))

    def curl(self, *words, fails=False):
        try:
            self.lab.client("curl", "-sS", "-m", "30", "-o", "/dev/null", *words)
        except RuntimeError:
            if not fails:
                raise
            return
        if fails:
            raise RuntimeError(f"curl {' '.join(words)} did not fail")

    def get(self, what, url, body, *words, direction="download", fails=False, **more):
        self.curl(*words, url, fails=fails)
        more.setdefault("name", url.split("/")[-1])
        self.expect(what, url, body, direction, **more)

    def ranges(self, what, url, *parts, options=(), **more):
        """Every range on a connection of its own, or, in a list, these at once."""
        for part in parts:
            at_once = part if isinstance(part, list) else [part]
            running = [subprocess.Popen(["ip", "netns", "exec", lab.CLIENT, "curl", "-sS", "-m",
                                         "30", "-o", "/dev/null", *options, "-r", r, url])
                       for r in at_once]
            if any([p.wait() for p in running]):
                raise RuntimeError(f"ranges {part}")
        name = url.split("/")[-1]
        more.setdefault("name", name)
        self.expect(what, url, more.pop("body", self.files[name]), "download", **more)

    def resumed(self, what, url, *options):
        """A slow download that is given up and gone on with; {} in url makes it another."""
        part = self.lab.path("part")
        for attempt in range(5):
            this = url.format(attempt)
            name = this.split("/")[-1]
            got = self.cut_short(part, *options, this)
            if got < len(self.files[name]):
                break
        else:
            raise RuntimeError("a download could not be cut short")
        self.lab.client("curl", "-sS", "-m", "30", "-C", "-", "-o", part, *options, this)
        self.expect(what, this, self.files[name], "download", name)

    def cut_short(self, part, *words):
        """Ends curl as soon as something has come; how much it kept."""
        if os.path.exists(part):
            os.unlink(part)
        p = subprocess.Popen(["ip", "netns", "exec", lab.CLIENT, "curl", "-sS", "-m", "30",
                              "--limit-rate", "100k", "-o", part, *words])
        while p.poll() is None and not (os.path.exists(part) and os.path.getsize(part)):
            time.sleep(0.005)
        p.kill()
        p.wait()
        return os.path.getsize(part)


def judge(expect, reading, client, server):
    """Faults of one expectation."""
    mine = [s for s in reading.sightings if lab.member(s, "url.original") == expect.url and
            s["sluice"]["direction"] == expect.direction]
    if expect.state is None:
        return [f"{len(mine)} sightings, expected none"] if mine else []
    if len(mine) != 1:
        return [f"{len(mine)} sightings of {expect.url}, expected one",
                *(f"seen: {s['file']['size']} bytes, {s['sluice']['file']['state']} "
                  f"{s['sluice']['file']['reason']}" for s in mine[:5])]
    s = mine[0]
    sender, receiver = (server, client) if expect.direction == "download" else (client, server)
    out = lab.faults(s, sluice__file__state=expect.state, sluice__file__reason=expect.reason,
                     file__name=expect.name, source__ip=sender, destination__ip=receiver,
                     client__ip=client, server__ip=server, user__name=expect.user,
                     network__application=expect.application)
    if expect.missing is not None:
        out += lab.faults(s, sluice__file__missing=expect.missing)
    if expect.body is not None:
        sha256 = hashlib.sha256(expect.body).hexdigest()
        out += lab.faults(s, file__hash__sha256=sha256, file__size=len(expect.body))
        if reading.samples.get(sha256) != len(expect.body):
            out.append(f"the sample has {reading.samples.get(sha256)} bytes")
    return out


def judge_all(tap, network, expected, reading, client, server):
    """Those that only differ in their number are one test."""
    groups = {}
    for e in expected:
        groups.setdefault(e.what.split(": ")[0], []).append(e)
    for what, group in groups.items():
        tap.test(f"{network}: {what}",
                 [fault for e in group for fault in judge(e, reading, client, server)])
