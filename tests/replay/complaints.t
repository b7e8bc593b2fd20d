#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# What users of other tools complain about, one test a complaint, named after where it was
# made (repository#number; "sv" is suricata-verify).  Most make a capture of their own
# (synth.py); some read public ones, or run the unit test that shows it.
import hashlib
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile

import corpus
import replay
from corpus import member
from synth import (CLIENT, FIN, RST, SERVER, Capture, brotli, chunked, ftp, ftp_begin, http,
                   http2, http_put, lines64, mail, nfs3_read, smb2, smb2_open, smb2_read,
                   smb2_write, smtp, tftp_read, together)

TESTS = []
CONTENT = random.Random(8).randbytes(3 << 20)      # larger than all default depths
SMALL = CONTENT[:4000]
BYTES_69 = b"sixty-nine bytes, the first of which are lower than the last: 123456."


def complaint(*names):
    """The test of these; it gets a folder, and gives what is wrong."""
    def keep(run):
        TESTS.append((", ".join(names), run))
        return run
    return keep


class Skip(Exception):
    pass


# ------------------------------------------------------------------- helpers


def read(out, make, *words):
    """What Sluice makes of the capture that make(Capture) fills."""
    c = Capture()
    make(c)
    where = tempfile.mkdtemp(dir=out)
    return corpus.read_file(c.save(os.path.join(where, "capture.pcap")), where)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def wants(reading, *contents, **texts):
    """These contents are samples, whole, and no others; of each sighting these texts hold."""
    faults = corpus.trouble(reading)
    have = {member(s, "file.hash.sha256"): s for s in reading.sightings
            if member(s, "sluice.kind") == "file"}
    for content in contents:
        s = have.pop(sha256(content), None)
        if s is None or reading.samples.get(sha256(content)) != len(content):
            faults.append(f"missing: {len(content)} bytes, {sha256(content)}")
            continue
        faults += [f"{k}: {member(s, k.replace('__', '.'))!r}, expected {v!r}"
                   for k, v in texts.items() if member(s, k.replace("__", ".")) != v]
    for s in have.values():
        faults.append(f"not expected: {s['file']} {s['sluice']['file']}")
    return faults


def truncated(reading, reason, **bounds):
    """Nothing is a sample, and one file is said to be cut for that reason."""
    faults = corpus.trouble(reading)
    files = [s for s in reading.sightings if member(s, "sluice.kind") == "file"]
    if reading.samples:
        faults.append(f"samples: {reading.samples}")
    if [member(s, "sluice.file.reason") for s in files] != [reason]:
        faults.append(f"reasons: {[s['sluice']['file'] for s in files]}, expected {reason}")
    for s in files:
        faults += [f"{k}: {member(s, 'sluice.file.' + k)}, expected {v}"
                   for k, v in bounds.items() if member(s, "sluice.file." + k) != v]
    return faults


def counter(reading, name):
    return reading.counters.get("counters", {}).get(name, 0)


def unit(program, *names):
    """Tests of a unit test program pass."""
    path = os.path.join(replay.ROOT, "build", "tests", f"test_{program}")
    if not os.access(path, os.X_OK):
        return [f"{path} is not built (make unit)"]
    done = subprocess.run([path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=replay.ROOT,
                          timeout=120)
    text = done.stdout.decode(errors="replace")
    return [f"test_{program}: {n} does not pass" for n in names
            if not re.search(rf"^ok \d+ \S*\b{n}$", text, re.M)]


def public(name):
    if not os.path.exists(os.path.join(replay.CORPUS, name)):
        raise Skip(f"no {name}")
    return corpus.read(name)


def everywhere():
    """All readings of the public captures, http-evader by the dozen."""
    if not corpus.there():
        raise Skip(f"no corpus at {replay.CORPUS}")
    names = [n for i, n in enumerate(corpus.captures()) if "http-evader" not in n or i % 12 == 0]
    return [(n, corpus.read(n)) for n in names]


EVERY_WAY = (
    ("HTTP", lambda c, b: c.tcp(http("/a.bin", b))),
    ("HTTP upload", lambda c, b: c.tcp(http_put("/a.bin", b))),
    ("HTTP/2", lambda c, b: c.tcp(http2("/a.bin", b))),
    ("SMTP", lambda c, b: c.tcp(smtp(mail("a.bin", b)))),
    ("FTP", lambda c, b: ftp(c, [("RETR", "a.bin", b)])),
    ("FTP upload", lambda c, b: ftp(c, [("STOR", "a.bin", b)])),
    ("SMB", lambda c, b: c.tcp(smb2_read("a.bin", b))),
    ("SMB upload", lambda c, b: c.tcp(smb2_write("a.bin", b))),
    ("NFS", lambda c, b: c.tcp(nfs3_read("a.bin", b))),
    ("TFTP", lambda c, b: c.udp(tftp_read("a.bin", b), (b"\x0a\0\0\1", 1234), (b"\x0a\0\0\2", 69))),
)


def every_way(out, content, ways=EVERY_WAY, **texts):
    faults = []
    for name, make in ways:
        faults += [f"{name}: {f}" for f in
                   wants(read(out, lambda c: make(c, content)), content, **texts)]
    return faults


# -------------------------------------------------- truncated or missing files


@complaint("suricata#3181", "suricata#3265", "suricata#4240", "suricata#5162: no depth cuts a file")
def _(out):
    return every_way(out, CONTENT)


@complaint("securityonion#4293: more than the first megabyte")
def _(out):
    return wants(read(out, lambda c: c.tcp(http("/a.bin", CONTENT + CONTENT))), CONTENT + CONTENT,
                 file__size=2 * len(CONTENT))


@complaint("suricata#9586: stored content is what its name says")
def _(out):
    c = Capture()
    for _, make in EVERY_WAY:
        make(c, CONTENT[:300_000])
    c.tcp(http("/b", CONTENT[:70_000], b"Accept-Ranges: bytes\r\n"))
    paths = [c.save(os.path.join(out, "own.pcap"))]
    if corpus.there():
        paths += [os.path.join(replay.CORPUS, n) for n in list(corpus.captures())[::9]]
    faults, seen = [], 0
    for path in paths:
        with tempfile.TemporaryDirectory(dir=out) as where:
            corpus.read_file(path, where)
            for at, _, names in os.walk(os.path.join(where, "read", "samples")):
                for name in names:
                    with open(os.path.join(at, name), "rb") as f:
                        seen += 1
                        if sha256(f.read()) != name:
                            faults.append(f"{path}: {name} is something else")
    return faults if seen > 3 else [f"only {seen} samples"]


@complaint("suricata#4726: an end that nobody announced is an end")
def _(out):
    faults = wants(read(out, lambda c: c.tcp(http("/a", SMALL, length=False))), SMALL)
    faults += wants(read(out, lambda c: c.tcp(http("/a", SMALL), end=None)), SMALL)
    return faults + wants(read(out, lambda c: c.tcp(http("/a", chunked(SMALL, 999),
                          b"Transfer-Encoding: chunked\r\n", length=False), end=None)), SMALL)


@complaint("zeek#807: seen is less than total only where bytes are missing")
def _(out):
    faults, states = [], set()
    for name, reading in everywhere():
        for s in reading.sightings:
            f, size = member(s, "sluice.file"), member(s, "file.size")
            states.add(f["state"])
            if f["state"] == "complete" and (f["missing"] or f["seen"] != size):
                faults.append(f"{name}: complete: {f}, {size} bytes")
            if f["reason"] == "gap" and not f["missing"]:
                faults.append(f"{name}: a gap of nothing: {f}")
    return faults or ([] if len(states) == 2 else [f"only {states}"])


# ------------------------------------------------- drops blamed on the tool


def with_loss(c):
    whole = http("/whole.bin", SMALL)
    c.tcp(whole)
    ask, (who, answer) = http("/torn.bin", CONTENT[:9000])
    c.tcp([ask, (who, answer[:3000]), (who, answer[3000:4448], "lost"), (who, answer[4448:])])


@complaint("zeek#1355: the capture lost it, and the file says so")
def _(out):
    r = read(out, with_loss)
    torn = [member(s, "sluice.file") for s in r.sightings if member(s, "file.name") == "torn.bin"]
    faults = [] if sha256(SMALL) in r.samples and len(r.samples) == 1 else [f"{r.samples}"]
    if len(torn) != 1 or (torn[0]["reason"], torn[0]["missing"]) != ("gap", 1448):
        faults.append(f"{torn}")
    return faults


@complaint("arkime#898: packets that were not captured are counted")
def _(out):
    r = read(out, with_loss)
    have = counter(r, "tcp_gaps"), counter(r, "tcp_gap_bytes")
    return [] if have == (1, 1448) else [f"tcp_gaps, tcp_gap_bytes: {have}"]


# --------------------------------------------------------- small-file blind spots


@complaint("securityonion#7829: files whose size nobody announced")
def _(out):
    return every_way(out, SMALL, (
        ("HTTP", lambda c, b: c.tcp(http("/a", b, length=False))),
        ("FTP", lambda c, b: ftp(c, [("STOR", "a.bin", b)])),
        ("SMB", lambda c, b: c.tcp(smb2_write("a.bin", b))),
        ("SMTP", lambda c, b: c.tcp(smtp(mail("a.bin", b))))))


@complaint("zeek#3977: a small SMB upload has its size")
def _(out):
    return wants(read(out, lambda c: c.tcp(smb2_write("a.txt", b"small"))), b"small", file__size=5,
                 file__name="a.txt")


# ---------------------------------------------------------------------- SMB


@complaint("zeek#1286: files of multi-channel sessions")
def _(out):
    faults = unit("smb", "several_channels")
    r = public("zeek/smb/smb3_multichannel.pcap")
    return faults + ([] if len(r.samples) > 20 else [f"{len(r.samples)} samples"])


@complaint("zeek#2923: several files open at once")
def _(out):
    return unit("smb", "write_out_of_order_to_several_files", "reads_answered_in_another_order")


@complaint("zeek#5069: a file ends once")
def _(out):
    faults = []
    for name, reading in everywhere():
        ids = [member(s, "event.id") for s in reading.sightings]
        if len(ids) != len(set(ids)):
            faults.append(f"{name}: {len(ids)} sightings, {len(set(ids))} ids")
    return faults


@complaint("zeek#1288: partial sessions")
def _(out):
    talk = smb2_read("a.bin", SMALL)
    return unit("smb", "partial_session") + wants(
        read(out, lambda c: c.tcp(talk[2:], handshake=False, end=None,
                                  server=(b"\xc0\0\2\x50", 445))), SMALL, file__name="a.bin")


# ---------------------------------------------------------------------- FTP


@complaint("zeek#671: data and control of FTP meet, whoever comes first")
def _(out):
    def make(c):
        client, server = (b"\x0a\1\2\4", 40001), (b"\xc0\0\2\x15", 21)
        for n in range(20):     # each on a port that nothing hints at
            port = 30000 + 7 * n
            control = [*ftp_begin(), (CLIENT, b"PASV\r\n"),
                       (SERVER, b"227 ok (192,0,2,21,%d,%d)\r\n" % (port >> 8, port & 255)),
                       (CLIENT, b"RETR %d.bin\r\n" % n), (SERVER, b"150 here\r\n"),
                       (SERVER, b"226 done\r\n")]
            run = c.tcp_steps(control, (client[0], client[1] + n), server)
            for _ in range(2 + 9):      # up to PASV's answer
                next(run)
            together(run, c.tcp_steps([(SERVER, SMALL[n:])], (client[0], 50000 + n),
                                      (server[0], port)))
    return wants(read(out, make), *[SMALL[n:] for n in range(20)], network__application="ftp")


@complaint("nDPI#28: data of FTP is known as such")
def _(out):
    r = read(out, lambda c: ftp(c, [("RETR", "a.bin", SMALL), ("STOR", "b.bin", SMALL[1:])]))
    faults = wants(r, SMALL, SMALL[1:], network__application="ftp")
    have = counter(r, "sessions_unknown"), counter(r, "sessions_expected")
    return faults + ([] if have == (0, 2) else [f"sessions_unknown, sessions_expected: {have}"])


@complaint("snort3#209: files of FTP, both ways, active and passive")
def _(out):
    return unit("ftp", "passive_download", "passive_upload", "active_download", "active_upload")


# --------------------------------------------------------------------- HTTP


@complaint("zeek#1799: a declared type does not change what comes")
def _(out):
    program = b"MZ\x90\0" + SMALL + b"\r\n--x\r\n\r\nFrom: a\r\n\r\n.\r\n"
    faults = []
    for kind in (b"message/rfc822", b"multipart/mixed; boundary=x", b"text/html", b"nonsense"):
        faults += wants(read(out, lambda c: c.tcp(http("/a.exe", program, b"Content-Type: " + kind +
                                                       b"\r\n"))), program, file__name="a.exe")
    return faults


@complaint("zeek#5547: brotli")
def _(out):
    return wants(read(out, lambda c: c.tcp(http("/a", brotli(SMALL), b"Content-Encoding: br\r\n"))),
                 SMALL)


@complaint("zeek#3731: HTTP/2")
def _(out):
    return wants(read(out, lambda c: c.tcp(http2("/dir/a.bin", SMALL))), SMALL,
                 file__name="a.bin")


@complaint("tcpflow#54: chunk headers are not content")
def _(out):
    return wants(read(out, lambda c: c.tcp(http("/a", chunked(SMALL, 100),
                      b"Transfer-Encoding: chunked\r\n", length=False))), SMALL)


@complaint("tcpflow#121", "tcpflow#9: gzip is undone")
def _(out):
    import gzip
    faults = wants(read(out, lambda c: c.tcp(http("/a", gzip.compress(SMALL),
                        b"Content-Encoding: gzip\r\n"))), SMALL)
    return faults + wants(read(out, lambda c: c.tcp(http("/a", chunked(gzip.compress(SMALL), 77),
                          b"Transfer-Encoding: chunked\r\nContent-Encoding: x-gzip\r\n",
                          length=False))), SMALL)


# --------------------------------------------------------------------- mail


@complaint("sv#1202: the line break before a boundary is not content")
def _(out):
    content = b"sixty-eight bytes of text that end exactly here, without a line end."
    faults = [] if len(content) == 68 else [f"{len(content)} bytes"]
    plain = mail("a.txt", content, content).replace(b"base64", b"7bit")
    for message in plain, mail("a.txt", content):
        r = read(out, lambda c: c.tcp(smtp(message)))
        faults += wants(r, content, file__size=68, file__name="a.txt")
    return faults


@complaint("sv#1313: broken base64 is read as others read it")
def _(out):
    whole = lines64(SMALL[:300])
    broken = whole.replace(b"\r\n", b" \r\n!\r\n", 1).replace(b"=", b"")
    return wants(read(out, lambda c: c.tcp(smtp(mail("a.bin", b"", broken)))), SMALL[:300])


@complaint("suricata#4552: a long name does not cost the file")
def _(out):
    name = "n" * 300 + ".exe"
    faults = wants(read(out, lambda c: c.tcp(smtp(mail(name, SMALL)))), SMALL, file__name=name)
    longer = "n" * 6000 + ".exe"
    r = read(out, lambda c: c.tcp(smtp(mail(longer, SMALL))))
    faults += wants(r, SMALL)
    shown = [member(s, "file.name") for s in r.sightings if member(s, "sluice.kind") == "file"]
    if not shown or not shown[0] or not longer.startswith(shown[0]) or len(shown[0]) < 255:
        faults.append(f"the name of 6004 bytes is {str(shown)[:60]}")
    return faults


# ------------------------------------------------------------- names and events


@complaint("snort3#91: a complete file has its hash in the log")
def _(out):
    return [f"{name}: {s['file']}" for name, reading in everywhere() for s in reading.sightings
            if (member(s, "sluice.file.state") == "complete") !=
            bool(re.fullmatch("[0-9a-f]{64}", member(s, "file.hash.sha256") or ""))]


@complaint("snort3#11: a file of 69 bytes")
def _(out):
    faults = [] if len(BYTES_69) == 69 else [f"{len(BYTES_69)} bytes"]
    return faults + every_way(out, BYTES_69, file__size=69)


# ---------------------------------------------------------------- performance


def cpu(path, out):
    """Seconds of processor time and resident memory in MB that a reading takes, at best."""
    best = most = None
    for _ in range(3):
        with tempfile.TemporaryDirectory(dir=out) as where:
            child = subprocess.Popen([corpus.SLUICED, "-r", path, "-o", where],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, _, use = os.wait4(child.pid, 0)
            child.returncode = 0
        seconds = use.ru_utime + use.ru_stime
        best = seconds if best is None else min(best, seconds)
        most = max(most or 0, use.ru_maxrss / 1024)
    return best, most


@complaint("zeek#1435: pieces of 20 bytes do not cost a write each")
def _(out):
    body = CONTENT[:1 << 20]
    c = Capture()
    c.tcp(http("/a", body), mss=20)
    fine = c.save(os.path.join(out, "fine.pcap"))
    faults = wants(corpus.read_file(fine, out), body)
    # As many packets, of which nothing is a file.
    c = Capture()
    c.tcp([(CLIENT, b"\0" * 20), (SERVER, b"\0" * len(body))], mss=20)
    idle = cpu(c.save(os.path.join(out, "idle.pcap")), out)[0]
    busy = cpu(fine, out)[0]
    if busy > 3.5 * idle + 0.1:
        faults.append(f"{busy:.2f} s of processor time; {idle:.2f} s for as many idle packets")
    trace = subprocess.run(["strace", "-f", "-c", "-e", "trace=pwrite64,write", corpus.SLUICED, "-r",
                            fine, "-o", os.path.join(out, "traced")], stderr=subprocess.PIPE,
                           check=False).stderr.decode() if has("strace") else ""
    calls = re.search(r"\s(\d+)\s+(?:\d+\s+)?total", trace)
    if calls and int(calls[1]) > 1000:
        faults.append(f"{calls[1]} writes for {len(body)} bytes")
    return faults


def has(program):
    return any(os.access(os.path.join(d, program), os.X_OK)
               for d in os.environ.get("PATH", "").split(":"))


@complaint("tcpflow#73: 1.2 GB that a small capture speaks of are not written")
def _(out):
    size = 1_200_000_000

    def make(c):
        ask, (who, head) = http("/a", b"", b"Content-Length: %d\r\n" % size, length=False)
        c.tcp([ask, (who, head + SMALL[:1000]), (SERVER, size - 2000), (SERVER, SMALL[:1000])])
    c = Capture()
    make(c)
    path = c.save(os.path.join(out, "jump.pcap"))
    if os.path.getsize(path) > 6000:
        return [f"a capture of {os.path.getsize(path)} bytes"]
    r = corpus.read_file(path, out)
    faults = corpus.trouble(r) + ([f"samples: {r.samples}"] if r.samples else [])
    used = int(subprocess.run(["du", "-sk", os.path.join(out, "read")], stdout=subprocess.PIPE,
                              check=True).stdout.split()[0])
    if used > 1000:
        faults.append(f"{used} KB on disk")
    memory = cpu(path, out)[1]
    if memory > 100:
        faults.append(f"{memory:.0f} MB of memory")
    return faults


@complaint("tcpflow#272: what is missing is not zeros")
def _(out):
    ask, (who, answer) = http("/a", SMALL)
    return truncated(read(out, lambda c: c.tcp([ask, (who, answer[:1000]),
                     (who, answer[1000:2000], "lost"), (who, answer[2000:])])), "gap", missing=1000)


@complaint("tcpflow#69: what is sent again is there once")
def _(out):
    ask, (who, answer) = http("/a", SMALL)
    back = lambda n: (SERVER, -n)
    r = read(out, lambda c: c.tcp([ask, (who, answer[:2000]), back(2000), (who, answer[:2000]),
                                   back(700), (who, answer[1300:3000]), (who, answer[3000:])]))
    return wants(r, SMALL) + ([] if counter(r, "tcp_retransmitted") == 2700 else ["not counted"])


# --------------------------------------------------------------- misdetection


def on_port(port):
    return b"\xc0\0\2\x50", port


@complaint("nDPI#2922: SMTP is not Whois-DAS")
def _(out):
    faults = []
    for port in (25, 43, 4343):
        faults += wants(read(out, lambda c: c.tcp(smtp(mail("a.bin", SMALL)), server=on_port(port))),
                        SMALL, network__application="smtp")
    return faults


@complaint("nDPI#2231: a port is not a protocol")
def _(out):
    faults = []
    for port in (21, 25, 53, 110, 143, 443, 445, 2049, 5060):
        faults += wants(read(out, lambda c: c.tcp(http("/a", SMALL), server=on_port(port))), SMALL,
                        network__application="web-browsing")
    return faults


@complaint("nDPI#94: every protocol on a port of another")
def _(out):
    return every_way(out, SMALL, (
        ("SMTP", lambda c, b: c.tcp(smtp(mail("a.bin", b)), server=on_port(80))),
        ("FTP", lambda c, b: ftp(c, [("RETR", "a.bin", b)], control_port=80)),
        ("SMB", lambda c, b: c.tcp(smb2_read("a.bin", b), server=on_port(80))),
        ("NFS", lambda c, b: c.tcp(nfs3_read("a.bin", b), server=on_port(80)))))


# ------------------------------------------------------------------ usability


@complaint("snort3#406", "snort3#420: one command, no tables, and the file is there")
def _(out):
    c = Capture()
    c.tcp(http("/a.bin", SMALL))
    done = subprocess.run([corpus.SLUICED, "-r", c.save(os.path.join(out, "a.pcap")), "-o",
                           os.path.join(out, "found")], stderr=subprocess.PIPE, env={}, check=False)
    h = sha256(SMALL)
    there = os.path.exists(os.path.join(out, "found", "samples", h[:2], h))
    return [] if done.returncode == 0 and there else [done.stderr.decode()]


# -------------------------------------------------------------------- privacy


@complaint("falcosecurity/libs#17: what may not leave never reaches what leaves")
def _(out):
    config = os.path.join(out, "sluice.conf")
    with open(config, "w", encoding="utf-8") as f:
        f.write("[cloud local]\nkind = directory\nscope = public\npath = " + os.path.join(out, "cloud") +
                "\n\n[share local]\ndefault = omit\n\n[rule all]\napplication = any\n"
                "file_type = any\ndirection = both\ncloud = local\n")
    canary = "canary"
    c = Capture()
    c.tcp(http(f"/{canary}/{canary}.bin?{canary}=1", SMALL, host=b"canary.example"))
    message = mail(canary + ".bin", SMALL[1:]).replace(b"Subject: file", b"Subject: canary").replace(
        b"a@a.example", b"canary@a.example").replace(b"b@b.example", b"canary@b.example")
    c.tcp(smtp(message))
    path = c.save(os.path.join(out, "a.pcap"))
    done = subprocess.run([corpus.SLUICED, "-c", config, "-r", path, "-o", os.path.join(out, "found")],
                          stderr=subprocess.PIPE, check=False)
    if done.returncode:
        return [done.stderr.decode()]
    faults, envelopes = [], 0
    for at, _, names in os.walk(os.path.join(out, "found", "outbox")):
        for name in names:
            with open(os.path.join(at, name), encoding="utf-8") as f:
                text = f.read()
            envelopes += 1
            faults += [f"{name}: {word}" for word in (canary, "10.1.2.3", "192.0.2.80")
                       if word in text]
    with open(os.path.join(out, "found", "sightings.jsonl"), encoding="utf-8") as f:
        if canary not in f.read():
            faults.append("the local log lacks it as well")
    if envelopes < 2:
        faults.append(f"{envelopes} envelopes")
    return faults + unit("envelope", "every_subset")


# ------------------------------------------------------------------------------


def unnamed():
    """Complaints of the study that no test is named after."""
    path = os.path.join(replay.CORPUS, "..", "reference", "userspace.md")
    if not os.path.exists(path):
        raise Skip(f"no {path}")
    with open(path, encoding="utf-8") as f:
        table = f.read().split("### 1.8")[1].split("\n## ")[0]
    want, project = set(), ""
    for name, number in re.findall(r"([\w/-]*)#(\d+)", table.replace("suricata-verify", "sv")):
        project = name or project
        want.add(f"{project}#{number}")
    have = set(re.findall(r"[\w/-]+#\d+", " ".join(n for n, _ in TESTS)))
    return [f"no test is named {n}" for n in sorted(want - have)]


def main():
    replay.need(corpus.SLUICED)
    items = [*TESTS, ("every complaint of the study has its test", lambda out: unnamed())]

    def judge(item, out):
        try:
            return item[1](out), []
        except Skip as e:
            return [], [f"left out: {e}"]

    return replay.each(items, judge, lambda item: item[0])


if __name__ == "__main__":
    sys.exit(main())
