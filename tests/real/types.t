#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Types of files by content: real files of every type, sent over HTTP under true, false and no
extension, and cut short, read by `sluiced -r`. libmagic is the second opinion; where it has another
one, types-file.tsv says why.
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "replay"))
sys.path.insert(0, HERE)
import replay  # noqa: E402
import synth  # noqa: E402
import type_samples  # noqa: E402

SLUICED = os.environ.get("SLUICED") or os.path.join(replay.ROOT, "build", "sluiced")
NAMES = ("true", "/get/{}"), ("false", "/get/holiday.jpg"), ("no", "/get/x")


def digest(body):
    return hashlib.sha256(body).hexdigest()


def sightings(dir, capture, name):
    path, out = os.path.join(dir, name + ".pcap"), os.path.join(dir, name)
    capture.save(path)
    subprocess.run([SLUICED, "-r", path, "-o", out], check=True, capture_output=True, timeout=120)
    with open(os.path.join(out, "sightings.jsonl")) as f:
        return [json.loads(line) for line in f]


def second_opinion(dir, body):
    path = os.path.join(dir, "body")
    with open(path, "wb") as f:
        f.write(body)
    return subprocess.run(["file", "-b", "--mime-type", path], check=True, capture_output=True,
                          text=True).stdout.strip()


def known_disagreements():
    with open(os.path.join(HERE, "types-file.tsv")) as f:
        rows = [line.rstrip("\n").split("\t") for line in f if line[0] != "#"]
    return {(ours, theirs): why for ours, theirs, why in rows}


class Tap:
    count = failed = 0

    def test(self, name, faults):
        self.count += 1
        self.failed += bool(faults)
        print(f"{'not ok' if faults else 'ok'} {self.count} - {name}")
        for line in faults:
            print(f"#   {line}")


def under_names(tap, dir, samples):
    """Returns the format of each sample."""
    formats = {}
    for kind, path in NAMES:
        capture = synth.Capture()
        for name, _, body in samples:
            capture.tcp(synth.http(path.format(name), body, b"Content-Type: image/jpeg\r\n"))
        found = {s["file"]["hash"]["sha256"]: s["sluice"]["file"]
                 for s in sightings(dir, capture, kind) if s["sluice"]["file"]["level"] == 0}
        faults = []
        for name, expected, body in samples:
            got = found.get(digest(body), {"type": "nothing seen"})
            if got.get("type", "") != expected:
                faults.append(f"{name}: {got.get('type', 'none')}, expected {expected or 'none'}")
            formats[name] = got.get("format", "")
        tap.test(f"types of {len(samples)} files under {kind} extensions", faults)
    return formats


def cut(tap, dir, samples):
    """A file cut short has its type or none, never another one."""
    faults, certain = [], 0
    for part in 0.3, 0.9:
        capture, order = synth.Capture(), []
        for name, expected, body in samples:
            n = int(len(body) * part)
            conversation = synth.http("/get/" + name, body)
            whole = conversation[-1][1]
            capture.tcp(conversation[:-1] + [(synth.SERVER, whole[:len(whole) - len(body) + n])],
                        end=synth.RST)
            order.append((name, expected))
        for s in sightings(dir, capture, f"cut-{part}"):
            name, expected = order[s["source"].get("index", 0)] if "index" in s["source"] else \
                order[s["client"]["port"] - 20001]
            got = s["sluice"]["file"]
            certain += got.get("type", "") == expected != ""
            if got["state"] != "truncated" or got.get("type", expected) != expected:
                faults.append(f"{name}: {got['state']} {got.get('type')}, expected {expected}")
    if certain < len(samples) // 3:
        faults.append(f"only {certain} have their type")
    tap.test(f"cut short: {certain} are certain, none is another type", faults)


def opinions(tap, dir, samples, formats):
    known, used, faults = known_disagreements(), set(), []
    for name, _, body in samples:
        pair = formats[name], second_opinion(dir, body)
        if pair[0] != pair[1]:
            used.add(pair)
            if pair not in known:
                faults.append(f"{name}: {pair[0]}, libmagic {pair[1]}: not in types-file.tsv")
    faults += [f"in types-file.tsv and not met: {pair}" for pair in set(known) - used]
    tap.test(f"libmagic: {len(used)} disagreements, each with a reason", faults)


def main():
    for program in "file", "gcc", "x86_64-w64-mingw32-gcc-win32", "clang", "javac", "zip", "7z", \
            "genisoimage":
        replay.need(shutil.which(program) or program)
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="sluice-types-") as dir:
        samples = list(type_samples.all(dir))
        formats = under_names(tap, dir, samples)
        cut(tap, dir, samples)
        opinions(tap, dir, samples, formats)
    print(f"1..{tap.count}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
