# SPDX-License-Identifier: MIT
"""What the replay tests share: where things are, running the agent on a capture, TAP.

A test is a file of @case functions, or one judge() of many items; main() or each() runs it.
"""
import collections
import concurrent.futures
import fcntl
import gzip
import json
import os
import pty
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CORPUS = os.environ.get("CORPUS") or os.path.join(ROOT, "..", "shared", "pcaps")
WORKERS = 2


def skip(reason):
    print(f"1..1\nok 1 # SKIP {reason}")
    sys.exit(0)


def need(program):
    if not os.access(program, os.X_OK):
        print(f"1..1\nnot ok 1 - {program} is there")
        sys.exit(1)


def rows(path):
    """The rows of a table, comments left out."""
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            line = line.rstrip("\n")
            if line and not line.startswith("#"):
                yield line.split("\t")


def run(sluiced, capture, out, limit, *options):
    """Reads a capture into a folder; (exit status or None when out of time, its messages)."""
    path = capture
    if capture.endswith(".gz"):
        path = os.path.join(out, "capture")
        try:
            with gzip.open(capture) as source, open(path, "wb") as target:
                shutil.copyfileobj(source, target)
        except (OSError, EOFError):
            path = capture      # damaged on purpose: taken as it is
    try:
        done = subprocess.run([sluiced, "-r", path, "-o", os.path.join(out, "read"), *options],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=limit)
    except subprocess.TimeoutExpired as e:
        return None, (e.stderr or b"").decode(errors="replace")
    return done.returncode, done.stderr.decode(errors="replace")


def samples(out):
    """{name: size} of the samples in a folder run() filled."""
    found = {}
    for where, _, names in os.walk(os.path.join(out, "read", "samples")):
        for name in names:
            found[name] = os.path.getsize(os.path.join(where, name))
    return found


def fewer(names, share=20):
    """Without most of those that are alike: one in so many of the http-evader captures stays."""
    alike = [name for name in names if "http-evader" in name]
    left_out = set(alike) - set(alike[::share])
    return [name for name in names if name not in left_out]


def sampled(names, kind, stride):
    """One in so many of each kind, the first of each among them: the same at every run."""
    seen = collections.Counter()
    for name in names:
        if seen[kind(name)] % stride == 0:
            yield name
        seen[kind(name)] += 1


def each(items, judge, name):
    """One test an item, in parallel: judge(item, folder) gives (faults, notes)."""

    def one(item):
        with tempfile.TemporaryDirectory(prefix="sluice-replay-") as out:
            return judge(item, out)

    failed = 0
    print(f"1..{len(items)}")
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for i, (item, (faults, notes)) in enumerate(zip(items, pool.map(one, items)), 1):
            failed += bool(faults)
            print(f"{'not ok' if faults else 'ok'} {i} - {name(item)}")
            for line in faults + notes:
                print(f"#   {line}")
            sys.stdout.flush()
    return 1 if failed else 0


def same(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def terminal(argv, width, env):
    """What a terminal of that width gets of a program that ends well."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    child = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=env)
    os.close(slave)
    said = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        said += part
    os.close(master)
    same(child.wait(60), 0, "exit status on a terminal: %r" % said)
    return said.decode().replace("\r\n", "\n")


CASES = []


def agent(where, answer):
    """
    Answers everything asked on a control socket there; answer: lines before {"ok": true}, or a
    function of the request that gives all lines. Call what it returns to end it.
    """
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(os.path.join(where, "control.sock"))
    listening.listen()

    def serve():
        while True:
            try:
                one, _ = listening.accept()
            except OSError:
                return
            with one:
                request = one.recv(65536)
                lines = answer(json.loads(request)) if callable(answer) else (*answer, {"ok": True})
                one.sendall("".join(json.dumps(line) + "\n" for line in lines).encode())
    thread = threading.Thread(target=serve)
    thread.start()

    def end():
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        listening.close()
    return end


def case(run):
    """A test of the file, called with a folder for all of them; named by its description."""
    CASES.append(run)
    return run


def main(*programs):
    """Runs the cases; exit status."""
    for program in programs:
        need(program)
    failed = 0
    print(f"1..{len(CASES)}")
    with tempfile.TemporaryDirectory(prefix="sluice-replay-") as where:
        for i, run in enumerate(CASES, 1):
            try:
                run(where)
                print(f"ok {i} - {run.__doc__}", flush=True)
            except Exception as e:      # whatever went wrong is that test's
                failed += 1
                print(f"not ok {i} - {run.__doc__}")
                print("\n".join("# " + l for l in f"{run.__name__}: {e!s} ({type(e).__name__})".splitlines()), flush=True)
    return 1 if failed else 0
