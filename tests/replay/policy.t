#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Policies on a capture: what each mode makes of the fields of a transfer, seen in the envelope
# that sluiced -r writes; what a key file must be; and that a bad one shares nothing.
import glob
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import tempfile

import replay
from replay import case, same
from synth import Capture, http

BUILD = os.environ.get("BUILD", os.path.join(replay.ROOT, "build"))
SLUICED = os.environ.get("SLUICED", os.path.join(BUILD, "sluiced"))
SLUICECTL = os.environ.get("SLUICECTL", os.path.join(BUILD, "sluicectl"))

SECRET = bytes(range(32))
KEYS = f"# of the test\nk1 2023-01-01T00:00:00Z {bytes(32).hex()}\nk2 2024-01-31T12:00:00Z {SECRET.hex()}\n"
NAME = "Secret-Name.exe"
URL = f"http://a.example/{NAME}?token=secret"


def at(value, path):
    for key in path.split("."):
        value = value.get(key, {}) if isinstance(value, dict) else {}
    return None if value == {} else value


class Reading:
    """What sluiced made of a download of one file under such a [share] section."""

    def __init__(self, where, share, keys=KEYS, mode=0o600, more="", fails=False):
        self.dir = tempfile.mkdtemp(dir=where)
        capture = Capture()
        body = hashlib.sha512(b"policy").digest() * 40
        capture.tcp(http(f"/{NAME}?token=secret", body), (bytes((10, 1, 2, 3)), 41234))
        capture.save(self.path("c.pcap"))
        if keys is not None:
            with open(self.path("keys"), "w") as f:
                f.write(keys)
            os.chmod(self.path("keys"), mode)
        with open(self.path("users"), "w") as f:
            f.write("10.1.2.3 CORP\\Alice group=hr\n")
        with open(self.path("conf"), "w") as f:
            f.write(f"[cloud x]\nkind = directory\n[share x]\nkey_file = {self.path('keys')}\n{share}\n"
                    f"[rule all]\ncloud = x\n[users]\nfile = {self.path('users')}\n{more}\n")
        done = subprocess.run([SLUICED, "-r", "c.pcap", "-o", "out", "-c", "conf"], cwd=self.dir,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        self.said = done.stdout
        same(done.returncode, 1 if fails else 0, f"exit status ({self.said})")
        if fails:
            return
        (path,) = glob.glob(self.path("out", "outbox", "x", "*.json"))
        with open(path) as f:
            self.text = f.read()
        self.envelope = json.loads(self.text)
        with open(self.path("out", "stats.json")) as f:
            self.counters = json.load(f)["counters"]

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def is_at(self, **wanted):
        for path, value in wanted.items():
            path = path.replace("__", ".")
            same(at(self.envelope, path), value, f"{path} ({self.text})")

    def lacks(self, *texts):
        for text in texts:
            if text.lower() in self.text.lower():
                raise AssertionError(f"'{text}' is in {self.text}")


def token(field, value):
    def digest(key, data):
        return hmac.new(key, data, "sha256").digest()
    key = digest(digest(bytes(32), SECRET), b"sluice pseudonymise\x01")
    return "p1:k2:" + digest(key, field.encode() + b"\0" + value.encode())[:16].hex()


@case
def all_shared(where):
    """the full preset changes nothing, and says under which policy"""
    r = Reading(where, "preset = full")
    r.is_at(user__name="CORP\\Alice", file__name=NAME, destination__ip="10.1.2.3", destination__port=41234,
            sluice__policy__modes=None)
    if not re.fullmatch("[0-9a-f]{32}", at(r.envelope, "sluice.policy.id") or ""):
        raise AssertionError(r.text)


@case
def pseudonyms(where):
    """pseudonyms are what anybody with the key computes, of the newest key"""
    r = Reading(where, "default = pseudonymise")
    r.is_at(user__hash=token("user", "corp\\alice"), file__name=token("filename", NAME),
            url__original=token("url", URL), client__address=token("destination_ip", "10.1.2.3"),
            sluice__destination_port=token("destination_port", "41234"), destination__ip=None,
            user__name=None, url__domain=None, sluice__policy__modes__user="pseudonymise")
    r.lacks("alice", "secret", "10.1.2.3", "a.example", "41234")


@case
def truncated(where):
    """truncate keeps networks, services, paths and extensions"""
    r = Reading(where, "default = truncate")
    # The name is in the path, and is not shared.
    r.is_at(client__ip="10.1.2.0", client__port=0, url__original="http://a.example/", file__extension="exe",
            user=None, sluice__policy__modes__user="omit",
            sluice__policy__modes__source_ip="truncate 24 48")
    r.lacks("alice", "secret", "10.1.2.3")
    r = Reading(where, "default = share\nurl = truncate")
    r.is_at(url__original=f"http://a.example/{NAME}")
    r.lacks("token")


@case
def addresses(where):
    """encrypted addresses stay near each other, generalised ones are names"""
    r = Reading(where, "default = share\ndestination_ip = encrypt\nsource_ip = generalise",
                more="[network servers]\nprefixes = 0.0.0.0/0")
    if not re.fullmatch(r"[0-9.]+", at(r.envelope, "destination.ip")):
        raise AssertionError(r.text)
    r.is_at(source__address="servers", source__ip=None)
    r.lacks("10.1.2.3")
    r = Reading(where, "default = share\ndestination_ip = encrypt deterministic")
    if at(r.envelope, "destination.ip").count(":") < 2:
        raise AssertionError(r.text)
    r = Reading(where, "default = share\ndestination_ip = generalise")
    r.is_at(destination__address="internal", server__ip=at(r.envelope, "source.ip"))


@case
def narrowed(where):
    """the strictest of the cloud's policy and all that fits, by rule, type, system and group"""
    fits = ("cloud = y, x", "rule = all", "virtual_system = blue side, red",
            "user_group = hr", "cloud = x\nrule = all\nuser_group = it, hr")
    other = ("cloud = y", "rule = none", "virtual_system = red", "user_group = it", "file_type = pe",
             "rule = all\ncloud = y")
    rest = ("[cloud y]\nkind = directory\n[share y]\ndefault = share\n[rule none]\ncloud = y\nfile_type = pdf\n"
            "[capture]\nvirtual_system = blue side\n[vsys red]\nvlan = 7\n")
    for criteria in fits + other:
        r = Reading(where, "default = share\nuser = pseudonymise\nsource_ip = truncate 16 32",
                    more=rest + f"[narrow one]\n{criteria}\nuser = omit\nsource_ip = truncate 24 48\n"
                    "[narrow two]\nurl = truncate\nsource_ip = share\n")
        modes = {"source_ip": "truncate 16 32", "user": "omit" if criteria in fits else "pseudonymise",
                 "url": "truncate path"}
        same(at(r.envelope, "sluice.policy.modes"), modes, criteria)


@case
def keys(where):
    """a key file that is not as it should be is no key, and what needs one is omitted"""
    for bad, text in ((dict(keys=None), "No such file"), (dict(mode=0o640), "no access for group"),
                      (dict(keys=KEYS[:-1]), "newline at its end"),
                      (dict(keys=KEYS[:-9] + "\n"), "keys:3: expected 64 hex digits"),
                      (dict(keys=""), "at least one line")):
        r = Reading(where, "default = share\nuser = pseudonymise\nsource_ip = encrypt", **bad)
        r.is_at(user=None, source__ip=None, sluice__policy__modes={"user": "omit", "source_ip": "omit"})
        same(r.counters["policy_keys_missing"], 2, "policy_keys_missing")
        r.lacks("alice")
        if r.said.count(text) != 1:
            raise AssertionError(f"'{text}' is not said once: {r.said}")


@case
def refused(where):
    """an unknown mode or field is no configuration at all"""
    for line in ("user = hash", "user = truncate", "users = omit", "source_ip = truncate 99 48", "preset = none"):
        r = Reading(where, line, fails=True)
        if "conf:5: " not in r.said or "expected" not in r.said:
            raise AssertionError(r.said)


@case
def resolved(where):
    """sluicectl resolve: every pseudonym and encrypted address of an envelope, once the ledger has it"""
    asked = []

    def answer(request):
        asked.append(request)
        return [{"line": 7}, {"ok": True}]

    def resolve(r, *argv, status=0):
        done = subprocess.run([SLUICECTL, "--json", "--run-dir", r.dir, "resolve", *argv, "-c", r.path("conf"), "-d",
                               r.path("out")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        same(done.returncode, status, f"{argv}: exit status ({done.stdout}{done.stderr})")
        return json.loads(done.stdout) if status == 0 else done.stderr

    r = Reading(where, "default = pseudonymise\nsource_ip = encrypt prefix")
    told = set(re.findall(r"p1:k2:[0-9a-f]{32}", r.text))
    if "control.sock" not in resolve(r, *list(told)[:1], status=1):
        raise AssertionError("without an agent")
    end = replay.agent(r.dir, answer)
    try:
        found = {}
        for one in told:
            got = resolve(r, one)
            same((got["token"], got["cloud"], got["key"]), (one, "x", "k2"), "what was found")
            found[got["field"]] = got["value"]
        same(found, {"user": "CORP\\Alice", "filename": NAME, "url": URL, "destination_ip": "10.1.2.3",
                     "destination_port": 41234, "source_port": 8000, "application": "web-browsing"}, "values")
        address = at(r.envelope, "source.ip")
        same(resolve(r, address, "--cloud", "x")["field"], "source_ip", "field of the encrypted address")
        same(sorted(q["token"] for q in asked), sorted([*told, address]), "what the ledger was told")
        same({q["command"] for q in asked}, {"resolve"}, "commands")
        for argv, words, status in (
                (("p1:k2:" + 32 * "0",), "no value in the local log", 1), (("p1:k9:" + 32 * "0",), "no key_file", 1),
                ((address, "--cloud", "y"), "no key_file", 1), (("p1:k2:00",), "expected", 2), ((), "expected", 2)):
            if words not in resolve(r, *argv, status=status):
                raise AssertionError(f"{argv}")
    finally:
        end()
    os.unlink(r.path("control.sock"))
    end = replay.agent(r.dir, lambda request: [{"error": "the ledger cannot be written"}])
    try:
        if "the ledger cannot be written" not in resolve(r, *list(told)[:1], status=1):
            raise AssertionError("found without its line")
    finally:
        end()


sys.exit(replay.main(SLUICED, SLUICECTL))
