#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The public captures against the objects that are known to be in them.
#
# $CORPUS/OBJECTS.tsv says what a capture holds: file, object, size, SHA-256,
# found by, standing.  Two kinds of rows are taken, one test a capture:
#
#  - HTTP/1 objects whose standing is "confirms upstream": two independent
#    tools reach the same hash;
#  - the http-evader captures in which a browser sees EICAR: its 68 bytes and
#    nothing else.
#
# Objects that Sluice leaves out on purpose are in exceptions.tsv, each with a
# reason; a test fails as well when an exception turns out to be found.
import concurrent.futures
import gzip
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CORPUS = os.environ.get("CORPUS") or os.path.join(ROOT, "..", "shared", "pcaps")
SLUICED = os.environ.get("SLUICED") or os.path.join(ROOT, "build", "sluiced")
WORKERS = 2
TIME_LIMIT = 60

EICAR = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"
HTTP_TOOLS = ("export-objects http", "libhtp", "scapy + small parser")


def rows(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            line = line.rstrip("\n")
            if line and not line.startswith("#"):
                yield line.split("\t")


def wanted():
    """capture -> {hash: size}"""
    protocol = {}
    for row in rows(os.path.join(CORPUS, "INDEX.tsv")):
        protocol[row[0]] = row[3]
    captures = {}
    for row in rows(os.path.join(CORPUS, "OBJECTS.tsv")):
        if len(row) < 6 or row[0] == "file":
            continue
        name, _, size, sha256, tool, standing = row[:6]
        if not any(t in tool for t in HTTP_TOOLS):
            continue
        if "http-evader" in name:
            take = sha256 == EICAR
        else:
            take = "confirms upstream" in standing and "FTP" not in protocol.get(name, "")
        if take:
            captures.setdefault(name, {})[sha256] = int(size)
    return captures


def exceptions():
    """(capture, hash) -> reason"""
    return {(r[0], r[1]): r[2] for r in rows(os.path.join(HERE, "exceptions.tsv"))}


def replay(capture):
    """What comes out: {hash: size}, or a text that says what went wrong."""
    with tempfile.TemporaryDirectory(prefix="sluice-corpus-") as out:
        path = os.path.join(CORPUS, capture)
        if path.endswith(".gz"):
            packed, path = path, os.path.join(out, "capture")
            with gzip.open(packed) as source, open(path, "wb") as target:
                shutil.copyfileobj(source, target)
        try:
            run = subprocess.run(
                [SLUICED, "-r", path, "-o", out],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            return f"not done after {TIME_LIMIT} seconds"
        if run.returncode:
            text = run.stderr.decode(errors="replace").strip().splitlines()
            return f"exit status {run.returncode}: {text[-1] if text else ''}"
        found = {}
        for where, _, names in os.walk(os.path.join(out, "samples")):
            for name in names:
                found[name] = os.path.getsize(os.path.join(where, name))
        return found


def judge(capture, objects, excepted, found):
    if isinstance(found, str):
        return [found]
    faults = []
    for sha256, size in objects.items():
        reason = excepted.get((capture, sha256))
        if reason is None and sha256 not in found:
            faults.append(f"missing: {size} bytes, {sha256}")
        elif reason is None and found[sha256] != size:
            faults.append(f"{sha256} has {found[sha256]} bytes, expected {size}")
        elif reason is not None and sha256 in found:
            faults.append(f"found, though exceptions.tsv says: {reason}")
    if faults:
        faults += [f"got: {size} bytes, {sha256}" for sha256, size in sorted(found.items())]
    return faults


def main():
    if not os.path.exists(os.path.join(CORPUS, "OBJECTS.tsv")):
        print(f"ok 1 # SKIP no corpus at {CORPUS}\n1..1")
        return 0
    if not os.access(SLUICED, os.X_OK):
        print(f"not ok 1 - {SLUICED} is there\n1..1")
        return 1
    excepted = exceptions()
    captures = sorted(wanted().items())
    failed = 0
    print(f"1..{len(captures)}")
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        results = pool.map(replay, [name for name, _ in captures])
        for i, ((name, objects), found) in enumerate(zip(captures, results), 1):
            faults = judge(name, objects, excepted, found)
            failed += bool(faults)
            print(f"{'not ok' if faults else 'ok'} {i} - {name}")
            for fault in faults:
                print(f"#   {fault}")
            for sha256 in objects:
                if (name, sha256) in excepted:
                    print(f"#   left out: {excepted[name, sha256]}")
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
