# SPDX-License-Identifier: MIT
"""Real programs in two network namespaces, recorded by tcpdump and read by `sluiced -r`.

	client namespace            server namespace
	  clients, tcpdump            servers
	  veth ────────────────────── veth

What a server needs (its configuration, how to start it) stands in a file of its own beside
this one, and takes a function that starts a program in the right place, so that the tests in
the virtual machine use the same: serve(start, directory, ...), start(*words, **popen).
"""
import atexit
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "replay"))
import replay  # noqa: E402

SLUICED = os.environ.get("SLUICED") or os.path.join(replay.ROOT, "build", "sluiced")
TAG = f"sl{os.getpid()}"
CLIENT, SERVER = TAG + "c", TAG + "s"
# name, client, server
NETWORKS = (("IPv4", "10.93.0.1", "10.93.0.2"), ("IPv6", "fd93::1", "fd93::2"))


def need(*programs):
    """Skips the whole test where it cannot run."""
    if os.geteuid():
        replay.skip("network namespaces need root")
    replay.need(SLUICED)
    for program in ("ip", "tcpdump", *programs):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            replay.skip(f"no {program}")


def bracketed(host):
    return f"[{host}]" if ":" in host else host


class Lab:
    """The two namespaces, a folder, and what was started in them; gone at exit."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-real-")
        os.chmod(self.dir, 0o755)
        self.running = []
        atexit.register(self.close)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        for netns in CLIENT, SERVER:
            self.command("ip", "netns", "add", netns)
        self.command("ip", "link", "add", "veth", "netns", CLIENT, "type", "veth",
                     "peer", "name", "veth", "netns", SERVER)
        for netns, index in (CLIENT, 1), (SERVER, 2):
            self.command("ip", "-n", netns, "link", "set", "lo", "up")
            self.command("ip", "-n", netns, "link", "set", "veth", "up")
            for network in NETWORKS:
                six = ":" in network[index]
                self.address(netns, network[index] + ("/64" if six else "/24"))

    def address(self, netns, address):
        self.command("ip", "-n", netns, "addr", "add", address, "dev", "veth",
                     *(("nodad",) if ":" in address else ()))

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def folder(self, *parts, mode=0o755):
        os.makedirs(self.path(*parts), exist_ok=True)
        os.chmod(self.path(*parts), mode)
        return self.path(*parts)

    def write(self, content, *parts):
        """Text or bytes into a file of this folder; its path."""
        data = content.encode() if isinstance(content, str) else content
        os.makedirs(os.path.dirname(self.path(*parts)), exist_ok=True)
        with open(self.path(*parts), "wb") as f:
            f.write(data)
        return self.path(*parts)

    @staticmethod
    def noise(size, seed=93):
        return random.Random(seed).randbytes(size)

    @staticmethod
    def text(size, seed=93):
        noise = random.Random(seed)
        return bytes(noise.choice(b"abcdefgh \n") for _ in range(size))

    @staticmethod
    def command(*words, **more):
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              **more)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.returncode} "
                               f"{done.stdout.decode(errors='replace')}")
        return done.stdout.decode(errors="replace")

    def client(self, *words, timeout=60, **more):
        """A program in the client's namespace that must succeed; what it said."""
        return self.command("ip", "netns", "exec", CLIENT, *words, timeout=timeout, **more)

    def start(self, netns, *words, **more):
        p = subprocess.Popen(["ip", "netns", "exec", netns, *words], **more)
        self.running.append(p)
        return p

    def start_server(self, *words, **more):
        """The `start` of the files beside this one."""
        return self.start(SERVER, *words, **more)

    def stop(self, p, how=signal.SIGTERM):
        if p.poll() is None:
            p.send_signal(how)
        p.wait(20)
        self.running.remove(p)

    def wait_port(self, host, port, seconds=20):
        """Until a server answers there, asked from the client's namespace."""
        end = time.monotonic() + seconds
        code = (f"import socket; socket.create_connection(({host!r}, {port}), 2).close()")
        while time.monotonic() < end:
            p = subprocess.run(["ip", "netns", "exec", CLIENT, sys.executable, "-c", code],
                               stderr=subprocess.DEVNULL, check=False)
            if p.returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError(f"no server at {host} port {port}")

    def close(self):
        for p in self.running[:]:
            try:
                self.stop(p)
            except subprocess.TimeoutExpired:
                p.kill()
        for netns in CLIENT, SERVER:
            subprocess.run(["ip", "netns", "del", netns], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def _record(self, capture, actions, what):
        dump = self.start(CLIENT, "tcpdump", "-i", "veth", "-U", "-B", "65536", "-w", capture,
                          what, stderr=subprocess.PIPE)
        for line in dump.stderr:
            if b"listening on" in line:
                break
        actions()
        # tcpdump may be behind: until nothing more is written
        size, still = -1, 0
        while still < 5:
            time.sleep(0.2)
            size, before = os.path.getsize(capture), size
            still = still + 1 if size == before else 0
        self.stop(dump, signal.SIGINT)
        lost = re.search(rb"(\d+) packets? dropped by kernel", dump.stderr.read())
        return lost is not None and int(lost.group(1)) == 0

    def record(self, name, actions, what="tcp or udp"):
        """
        Runs actions() while the traffic is recorded; the capture's path. Runs them once more where
        a busy machine lost packets, so they must be repeatable.
        """
        capture = self.path(f"{name}.pcap")
        for _ in range(3):
            if self._record(capture, actions, what):
                return capture
        raise RuntimeError("tcpdump lost packets three times")

    def read(self, capture, limit=60, config=None):
        """What the agent makes of a capture."""
        out = tempfile.mkdtemp(dir=self.dir)
        status, messages = replay.run(SLUICED, capture, out, limit,
                                      *(("-c", config) if config else ()))
        if status != 0:
            raise RuntimeError(f"sluiced -r: status {status}: {messages}")
        with open(os.path.join(out, "read", "sightings.jsonl"), encoding="utf-8") as f:
            sightings = [json.loads(line) for line in f]
        sessions = None
        if os.path.exists(os.path.join(out, "read", "sessions.jsonl")):
            with open(os.path.join(out, "read", "sessions.jsonl"), encoding="utf-8") as f:
                sessions = [json.loads(line) for line in f]
        with open(os.path.join(out, "read", "stats.json"), encoding="utf-8") as f:
            counters = json.load(f)["counters"]
        return Reading(sightings, replay.samples(out), counters, sessions)


class Reading:
    """Sightings, {SHA-256: size} of the samples, counters, sessions (None: no such log)."""

    def __init__(self, sightings, samples, counters, sessions):
        self.sightings, self.samples, self.counters = sightings, samples, counters
        self.sessions = sessions

    def of(self, body):
        """The sightings of a content."""
        return self.of_hash(hashlib.sha256(body).hexdigest())

    def of_hash(self, sha256):
        return [s for s in self.sightings
                if s["file"].get("hash", {}).get("sha256") == sha256]


def member(sighting, path):
    """member(s, "sluice.file.state"); None where absent."""
    for key in path.split("."):
        sighting = sighting.get(key) if isinstance(sighting, dict) else None
    return sighting


def faults(sighting, **wanted):
    """What differs; names with __ for dots: faults(s, file__name="a.txt")."""
    out = []
    for name, want in wanted.items():
        got = member(sighting, name.replace("__", "."))
        if got != want:
            out.append(f"{name.replace('__', '.')}: {got!r}, expected {want!r}")
    return out


def one(reading, body, **wanted):
    """Faults unless that content was seen in exactly one complete sighting like that."""
    found = reading.of(body)
    if len(found) != 1:
        return [f"{len(found)} sightings of {len(body)} bytes, expected one",
                *(f"seen: {s['file'].get('name')} {s['file']['size']} bytes, "
                  f"{s['sluice']['file']['state']} {s['sluice']['file']['reason']}"
                  for s in reading.sightings[:10])]
    sha256 = hashlib.sha256(body).hexdigest()
    out = faults(found[0], sluice__file__state="complete", **wanted)
    if reading.samples.get(sha256) != len(body):
        out.append(f"the sample has {reading.samples.get(sha256)} bytes, not {len(body)}")
    return out


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def test(self, name, problems):
        """problems: list of texts, empty when all is well."""
        self.count += 1
        self.failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.count} - {name}")
        for line in problems:
            print(f"#   {line}")
        sys.stdout.flush()

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}")

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failed else 0


class Exchanges:
    """
    All that is done over one network, recorded in one capture: steps, which are functions;
    checks, which are (case, content, what must be said of it); never, (case, content) of what
    must not become a sample.
    """

    def __init__(self, bench, family, client, host):
        self.lab, self.family, self.client, self.host = bench, family, client, host
        self.steps, self.checks, self.never = [], [], []

    def _run(self):
        for step in self.steps:
            step()

    def judge(self, tap):
        """Does it, and tests what came out; the reading."""
        reading = self.lab.read(self.lab.record(self.family, self._run))
        for case, body, wanted in self.checks:
            tap.test(f"{self.family}: {case}", one(reading, body, **wanted))
        for case, body in self.never:
            tap.test(f"{self.family}: {case}: no sample",
                     ["it is one"] if reading.of(body) else [])
        return reading
