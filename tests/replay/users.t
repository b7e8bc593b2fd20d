#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Users of a capture: who the file of [users] says was there at the time of each transfer, in the
# local log and in the envelope; and what is wrong in such a file, with its line.
import glob
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone

import replay
from replay import case, same
from synth import Capture, ftp, http, http_put

BUILD = os.environ.get("BUILD", os.path.join(replay.ROOT, "build"))
SLUICED = os.environ.get("SLUICED", os.path.join(BUILD, "sluiced"))

BEGIN = datetime.fromtimestamp(1_700_000_000, timezone.utc)     # of every capture
HOUR = 3600 * 10**9
INSIDE, OUTSIDE = "10.1.2.3", "192.0.2.80"
CLOUD = """
[cloud kept]
kind = directory
[share kept]
default = share
%s
[rule all]
cloud = kept
"""


def at(hours, zone=0):
    """RFC 3339, so many hours behind the begin of the capture."""
    there = (BEGIN + timedelta(hours=hours)).astimezone(timezone(timedelta(hours=zone)))
    return there.isoformat()


class Reading:
    """What sluiced made of a capture with such a file of users."""

    def __init__(self, where, users, *steps, share="", fails=False, argv=("-r", "c.pcap", "-o", "out")):
        self.dir = tempfile.mkdtemp(dir=where)
        capture = Capture()
        for step in steps:
            step(capture)
        capture.save(self.path("c.pcap"))
        self.users = self.path("users")
        with open(self.users, "wb") as f:
            f.write(users if isinstance(users, bytes) else users.encode())
        with open(self.path("conf"), "w") as f:
            f.write(CLOUD % share + f"[users]\nfile = {self.users}\n")
        done = subprocess.run([SLUICED, *argv, "-c", "conf"], cwd=self.dir, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60)
        self.said = done.stdout
        same(done.returncode, 1 if fails else 0, f"exit status ({self.said})")
        if fails or "--check" in argv:
            return
        with open(self.path("out", "sightings.jsonl")) as f:
            self.sightings = [json.loads(line) for line in f]
        with open(self.path("out", "stats.json")) as f:
            self.counters = json.load(f)["counters"]

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def of(self, name):
        found = [s for s in self.sightings if s["file"].get("name") == name]
        same(len(found), 1, f"sightings of {name} ({self.said})")
        return found[0]

    def users_of(self, name):
        """Names of user, sender, receiver, and of the login."""
        s = self.of(name)
        return (*(part.get("user", {}).get("name")
                  for part in (s, s.get("source", {}), s.get("destination", {}))),
                s["sluice"].get("login"))

    def envelope(self, name):
        sha = self.of(name)["file"]["hash"]["sha256"]
        (path,) = glob.glob(self.path("out", "outbox", "kept", sha + ".*.json"))
        with open(path) as f:
            return json.load(f)


def content(name):
    return hashlib.sha512(name.encode()).digest() * 20


def get(name, hours=0, client=INSIDE):
    def step(c):
        c.time += int(hours * HOUR)
        c.tcp(http("/" + name, content(name)), (bytes(map(int, client.split("."))), 30000 + c.count))
    return step


def put(name, hours=0):
    def step(c):
        c.time += int(hours * HOUR)
        c.tcp(http_put("/" + name, content(name)), (bytes(map(int, INSIDE.split("."))), 30000 + c.count))
    return step


@case
def time_of_transfer(where):
    """the mapping at the time of the transfer counts, to the second, in any zone"""
    r = Reading(where,
                f"{INSIDE} early begin={at(-1)} end={at(1)}\n"
                f"{INSIDE},corp\\late,2h,begin={at(3, 5)}  # until 5\n"
                f'{INSIDE} "Last, ""the"" user" begin={at(7, -3)}\n',
                get("a"), get("b", 2), get("c", 2), get("d", 2), get("e", 2))
    for name, user in (("a", "early"), ("b", None), ("c", "corp\\late"), ("d", None),
                       ("e", 'Last, "the" user')):
        same(r.users_of(name), (user, None, user, None), f"users of {name}")
        same(r.envelope(name).get("user", {}).get("name"), user, f"user of {name}'s envelope")
    same(r.counters["users_found"], 3, "users_found")


@case
def in_the_middle(where):
    """one who logs in while a file is on its way is not its user"""
    def slow(c):
        for part in c.tcp_steps(http("/slow", content("slow") * 4), (bytes((10, 1, 2, 3)), 40000)):
            c.time += 60 * 10**9
    r = Reading(where, f"{INSIDE} first end={at(0.1)}\n{INSIDE} second begin={at(0.1)}\n", slow, get("then", 1))
    same(r.users_of("slow")[0], "first", "user of the slow file")
    same(r.users_of("then")[0], "second", "user of the next one")


@case
def ends(where):
    """sender and receiver by direction; the targeted one is the user"""
    r = Reading(where, f"{INSIDE} inside\n{OUTSIDE} outside\n", get("down"), put("up"))
    same(r.users_of("down"), ("inside", "outside", "inside", None), "users of a download")
    same(r.users_of("up"), ("inside", "inside", "outside", None), "users of an upload")
    for name in "down", "up":
        e = r.envelope(name)
        same(e["user"], {"name": "inside"}, "user of the envelope")
        if "outside" in json.dumps(e):
            raise AssertionError(f"the other end's user left: {e}")


@case
def omitted(where):
    """a user that the policy withholds stays in the local log"""
    r = Reading(where, f"{INSIDE} inside\n", get("down"), share="user = omit")
    same(r.users_of("down")[0], "inside", "user in the log")
    if "inside" in json.dumps(r.envelope("down")):
        raise AssertionError("the user left")


@case
def login(where):
    """FTP's login is kept beside the user, and is the user where nobody else is known"""
    def transfer(c):
        ftp(c, [("RETR", "f.bin", content("f"))])
    r = Reading(where, "192.0.2.200 nobody-here\n", transfer)
    same(r.users_of("f.bin"), ("u", None, None, "u"), "users")
    r = Reading(where, f"{INSIDE} x\n10.1.2.0 y\n", get("down"))
    same(r.users_of("down")[3], None, "login of HTTP")
    r = Reading(where, "10.1.2.3 alice\n", transfer)
    same(r.users_of("f.bin"), ("alice", None, "alice", "u"), "users")
    same(r.envelope("f.bin")["user"]["name"], "alice", "user of the envelope")


@case
def errors(where):
    """what is wrong in the file is said with file and line, and nothing is read"""
    good = f"# comment\n{INSIDE} alice\n"
    for line, part in (
            ("10.0.0.0/8 x", "'10.0.0.0/8': expected an address"),
            ("10.0.0.1", "the user is missing"),
            ("10.0.0.1 x 10", "timeout '10': expected a number with s, m, h or d"),
            ("10.0.0.1 x begin=yesterday", "begin 'yesterday': expected a time like"),
            ("10.0.0.1 x end=2026-02-30T00:00:00Z", "end '2026-02-30T00:00:00Z': expected a time"),
            (f"10.0.0.1 x begin={at(1)} end={at(0)}", "it ends before it begins"),
            (f"10.0.0.1 x 1h end={at(0)}", "expected a timeout or end=, not both"),
            ("10.0.0.1 x colour=red", "'colour=': expected vsys=, group=, begin= or end="),
            ('10.0.0.1 "x', "expected a quote to close"),
            (b"10.0.0.1 \xff\xfe", "UTF-8"),
            ("10.0.0.1 x 45m", "a timeout needs begin= where a capture is read")):
        text = good.encode() + (line if isinstance(line, bytes) else line.encode()) + b"\n10.0.0.2 y\n"
        r = Reading(where, text, get("a"), fails=True)
        if f"{r.users}:3: " not in r.said or part not in r.said:
            raise AssertionError(f"no '{r.users}:3: ... {part}' in: {r.said}")
    bad = Reading(where, "nonsense\n", fails=True, argv=("--check",))
    if f"{bad.users}:1: " not in bad.said:
        raise AssertionError(f"--check: {bad.said}")
    Reading(where, "10.0.0.1 x 45m\n", argv=("--check",))


@case
def many(where):
    """ten thousand mappings"""
    lines = [f"10.{7 + (i >> 16)}.{i >> 8 & 255}.{i & 255},corp\\user{i}\n" for i in range(10000)]
    r = Reading(where, "".join(lines), get("a", client="10.7.39.15"), get("b", client="10.7.39.16"))
    same((r.users_of("a")[0], r.users_of("b")[0]), ("corp\\user9999", None), "the last one, and no one")


sys.exit(replay.main(SLUICED))
