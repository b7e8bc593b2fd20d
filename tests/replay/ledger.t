#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# sluicectl ledger, by its own words: verify names the line of whatever was done to a ledger, also
# by who counts the hashes anew but lacks the key; show finds lines.
import hashlib
import json
import os
import shutil
import subprocess

import replay
from replay import case, same

BUILD = os.environ.get("BUILD", os.path.join(replay.ROOT, "build"))
SLUICECTL = os.environ.get("SLUICECTL", os.path.join(BUILD, "sluicectl"))
WRITER = os.path.join(BUILD, "tests", "bench_ledger")
LINES = 16000


def sluicectl(*words):
    done = subprocess.run([SLUICECTL, "ledger", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=60)
    return done.returncode, done.stdout, done.stderr


class Ledger:
    """A ledger that the agent's own code wrote, to do things to."""

    def __init__(self, where, name):
        self.dir = os.path.join(where, name)
        first = os.path.join(where, "first")
        if not os.path.exists(first):
            os.mkdir(first)
            subprocess.run([WRITER, first, str(LINES)], check=True, stdout=subprocess.DEVNULL, timeout=120)
        shutil.copytree(first, self.dir)
        self.path = os.path.join(self.dir, "ledger.jsonl")

    def lines(self):
        with open(self.path, "rb") as f:
            return f.read().splitlines(keepends=True)

    def write(self, lines):
        with open(self.path, "wb") as f:
            f.writelines(lines)

    def verify(self, *words):
        status, out, _ = sluicectl("verify", "--json", "--file", self.path, *words)
        said = json.loads(out)
        same(status, 0 if said["whole"] else 1, "exit status")
        return said

    def broken_at(self, line, text=None):
        """It is broken, and line is the first that is named."""
        said = self.verify()
        same(said["whole"], False, "whole")
        same(said["problems"][0]["line"], line, f"line of {said['problems'][0]}")
        if text and text not in said["problems"][0]["text"]:
            raise AssertionError(f"{said['problems'][0]} does not say {text!r}")
        status, out, _ = sluicectl("verify", "--file", self.path)
        same(status, 1, "exit status")
        if f"{self.path}:{line}: " not in out:
            raise AssertionError(f"it does not begin with the place: {out}")


def relinked(lines, begin):
    """Whoever alters a line can count the hashes of all that follow."""
    for i in range(begin, len(lines)):
        line = json.loads(lines[i])
        line["prev"] = hashlib.sha256(lines[i - 1].rstrip(b"\n")).hexdigest()
        lines[i] = json.dumps(line, separators=(",", ":")).encode() + b"\n"
    return lines


@case
def whole(where):
    """a ledger as it was written is whole, as text and as JSON"""
    ledger = Ledger(where, "whole")
    said = ledger.verify()
    same(said["whole"], True, f"whole ({said})")
    same(said["lines"], len(ledger.lines()), "lines")
    signatures = sum(json.loads(line)["type"] == "signature" for line in ledger.lines())
    same(said["signatures"], signatures, "signatures")
    status, out, _ = sluicectl("verify", "--file", ledger.path)
    same(status, 0, "exit status")
    if "whole" not in out:
        raise AssertionError(out)


@case
def altered(where):
    """one digit of any line is found, and the line is named"""
    for at in (0, 1, 2, 255, 256, 257, 7000):
        ledger = Ledger(where, f"altered-{at}")
        lines = ledger.lines()
        one = lines[at]
        lines[at] = one.replace(b'"time":"2', b'"time":"1')
        if lines[at] == one:
            raise AssertionError(f"there is no time in {one!r}")
        ledger.write(lines)
        ledger.broken_at(at + 1)


@case
def removed(where):
    """so is a line that is gone, the first one too; and a tail that is gone, of any length"""
    for at in (0, 1, 256, 9000):
        ledger = Ledger(where, f"removed-{at}")
        lines = ledger.lines()
        del lines[at]
        ledger.write(lines)
        ledger.broken_at(at + 1)
    for count in (1, 2, 300, LINES // 2, LINES):
        ledger = Ledger(where, f"tail-{count}")
        ledger.write(ledger.lines()[:-count])
        same(ledger.verify()["whole"], False, f"whole without the last {count}")


@case
def reordered(where):
    """two lines that changed places, a line that is there twice, and one of another ledger"""
    ledger = Ledger(where, "reordered")
    lines = ledger.lines()
    lines[500], lines[501] = lines[501], lines[500]
    ledger.write(lines)
    ledger.broken_at(501)
    ledger = Ledger(where, "twice")
    lines = ledger.lines()
    lines.insert(700, lines[699])
    ledger.write(lines)
    ledger.broken_at(701)
    ledger = Ledger(where, "added")
    ledger.write([*ledger.lines(), ledger.lines()[5]])
    same(ledger.verify()["whole"], False, "whole with a line more")


@case
def forged(where):
    """hashes that were counted anew do not help: the next signature or the head does not fit"""
    ledger = Ledger(where, "forged")
    lines = ledger.lines()
    at = 600
    line = json.loads(lines[at])
    line["cloud"] = "elsewhere"
    lines[at] = json.dumps(line, separators=(",", ":")).encode() + b"\n"
    ledger.write(relinked(lines, at + 1))
    said = ledger.verify()
    same(said["whole"], False, "whole")
    following = next(i + 1 for i, text in enumerate(lines) if i > at and json.loads(text)["type"] == "signature")
    same(said["problems"][0]["line"], following, f"line of {said['problems'][0]}")


@case
def keys(where):
    """another key, a file that is none, and a head that is missing are errors that say so"""
    ledger, other = Ledger(where, "keys"), os.path.join(where, "other.pem")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", other + ".key"], check=True,
                   stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "pkey", "-in", other + ".key", "-pubout", "-out", other], check=True)
    same(ledger.verify("--key", other)["whole"], False, "whole by another key")
    status, out, error = sluicectl("verify", "--file", ledger.path, "--key", ledger.path)
    same((status != 0, out), (True, ""), "with a key file that is none")
    if "expected a public Ed25519 key" not in error:
        raise AssertionError(error)
    os.unlink(os.path.join(ledger.dir, "ledger.head"))
    said = ledger.verify()
    same(said["whole"], False, "whole without a head")
    if "end is missing" not in said["problems"][0]["text"]:
        raise AssertionError(said["problems"])
    status, out, error = sluicectl("verify", "--file", os.path.join(where, "absent"))
    same((status != 0, out), (True, ""), "of a ledger that is not there")


@case
def shown(where):
    """show: by sample, by cloud and since when; what is not there is nothing"""
    ledger = Ledger(where, "shown")
    lines = [json.loads(line) for line in ledger.lines()]
    requests = [line for line in lines if line["type"] == "request"]
    one = requests[1234]

    def show(*words):
        status, out, error = sluicectl("show", "--json", "--state-dir", ledger.dir, *words)
        same(status, 0, f"exit status of {words} ({error})")
        return [json.loads(line) for line in out.splitlines()]

    same(show("--sample", one["sample"]), [one], "by sample")
    same(show("--cloud", "elsewhere"), [], "of no cloud of that name")
    same(show("--cloud", one["cloud"]), requests, "of the one cloud")
    same(show("--since", lines[-3]["time"]), [line for line in lines if line["time"] >= lines[-3]["time"]], "since")
    same(sluicectl("show", "--state-dir", ledger.dir, "--since", "yesterday-ish")[0] != 0, True, "a time that is none")
    _, text, _ = sluicectl("show", "--state-dir", ledger.dir, "--sample", one["sample"])
    if one["cloud"] not in text or one["request"] not in text:
        raise AssertionError(text)


if __name__ == "__main__":
    replay.main(SLUICECTL, WRITER)
