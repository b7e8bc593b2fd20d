# SPDX-License-Identifier: MIT
"""The tables of the corpus, and what Sluice finds in its captures.

$CORPUS/INDEX.tsv says what a capture is: file, source repository, path there, protocol,
what upstream expects of it, licence.  $CORPUS/OBJECTS.tsv says what other tools find in it:
file, object, size, SHA-256, found by, standing.

What Sluice found is kept below build/replay, so that a run of several tests reads a capture
once; it is read again when the program or the capture changed.
"""
import collections
import gzip
import hashlib
import json
import os
import re
import tempfile

import replay

SLUICED = os.environ.get("SLUICED") or os.path.join(replay.ROOT, "build", "sluiced")
KEPT = os.path.join(replay.ROOT, "build", "replay")
TIME_LIMIT = 120

EICAR = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"
EMPTY = hashlib.sha256().hexdigest()
SHARE, FEW = 0.97, 2    # of the second opinions of a protocol; or all but so many

# upstream: what upstream expects and a tool finds are the same; sure: certain for any reason
Object = collections.namedtuple("Object", "capture name size sha256 tool upstream sure protocol")
# samples: {hash: size}
Reading = collections.namedtuple("Reading", "status messages samples sightings counters")


def there():
    return os.path.exists(os.path.join(replay.CORPUS, "OBJECTS.tsv"))


def index():
    """{capture: (protocol, upstream expectation)}"""
    return {row[0]: (row[3], row[4] if len(row) > 4 else "")
            for row in replay.rows(os.path.join(replay.CORPUS, "INDEX.tsv")) if row[0] != "file"}


def is_capture(path):
    """Whether a file is one at all: the corpus has byte streams as well."""
    try:
        with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as f:
            return f.read(4).hex() in ("a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1",
                                       "0a0d0d0a", "a1b2cd34", "34cdb2a1")
    except (OSError, EOFError):
        return False


def captures():
    """All captures that INDEX.tsv names, {capture: its protocol by family()}."""
    return {name: family(name, text) for name, (text, _) in sorted(index().items())
            if is_capture(os.path.join(replay.CORPUS, name))}


FAMILIES = (
    ("HTTP/2", r"HTTP/2|gRPC"), ("SMTP", r"SMTP"), ("POP3", r"POP3"), ("IMAP", r"\bIMAP"),
    ("FTP", r"\bFTP"), ("SMB", r"SMB"), ("NFS", r"NFS"), ("TFTP", r"TFTP"), ("HTTP/1", r"HTTP"),
)
TOOLS = (
    ("export-objects smb", "SMB"), ("export-objects tftp", "TFTP"),
    ("export-objects ftp-data", "FTP"), ("python email", "SMTP"),
)


def family(capture, text, tool=""):
    """The protocol a row counts for: the tool that found it knows best, then the index."""
    for part, name in TOOLS:
        if part in tool:
            return name
    if "http" in tool:
        return "HTTP/2" if "HTTP/2" in text or "http2" in capture else "HTTP/1"
    for name, pattern in FAMILIES:
        if re.search(pattern, text):
            return name
    return "HTTP/2" if "http2" in capture else "HTTP/1" if "http" in capture else "TCP"


def objects():
    """What is expected; by rule, no byte is no sample."""
    known = index()
    found = []
    for row in replay.rows(os.path.join(replay.CORPUS, "OBJECTS.tsv")):
        if len(row) < 6 or row[0] == "file" or row[3] == EMPTY or int(row[2]) == 0:
            continue
        name, what, size, sha256, tool, standing = row[:6]
        upstream = "confirms upstream" in standing
        sure = upstream or ("http-evader" in name and sha256 == EICAR)
        found.append(Object(name, what, int(size), sha256, tool, upstream, sure,
                            family(name, known.get(name, ("", ""))[0], tool)))
    for name, what, size, sha256, _ in replay.rows(os.path.join(replay.HERE, "expected.tsv")):
        found.append(Object(name, what, int(size), sha256, "by hand", False, True,
                            family(name, known.get(name, ("", ""))[0])))
    return found


def exceptions():
    """{(capture, hash): (reason, it is a file)}"""
    return {(r[0], r[1]): (r[2], r[3:] != ["no file"])
            for r in replay.rows(os.path.join(replay.HERE, "exceptions.tsv"))}


def stamp(*paths):
    return [(p, os.stat(p).st_size, os.stat(p).st_mtime_ns) for p in paths]


def read(capture):
    """What Sluice makes of a capture of the corpus."""
    path = os.path.join(replay.CORPUS, capture)
    kept = os.path.join(KEPT, capture.replace("/", "_") + ".json")
    key = json.loads(json.dumps(stamp(SLUICED, path)))
    try:
        with open(kept, encoding="utf-8") as f:
            old = json.load(f)
        if old["key"] == key:
            return Reading(*old["reading"])
    except (OSError, ValueError, KeyError):
        pass
    with tempfile.TemporaryDirectory(prefix="sluice-replay-") as out:
        reading = read_file(path, out)
    os.makedirs(KEPT, exist_ok=True)
    fd, part = tempfile.mkstemp(dir=KEPT)
    with os.fdopen(fd, "w", encoding="utf-8") as f:
        json.dump({"key": key, "reading": reading}, f)
    os.rename(part, kept)
    return reading


def read_file(path, out, sluiced=SLUICED, limit=TIME_LIMIT):
    """What Sluice makes of any capture, with a folder to do it in."""
    status, messages = replay.run(sluiced, path, out, limit)
    sightings, counters = [], {}
    try:
        with open(os.path.join(out, "read", "sightings.jsonl"), encoding="utf-8") as f:
            sightings = [json.loads(line) for line in f]
        with open(os.path.join(out, "read", "stats.json"), encoding="utf-8") as f:
            counters = json.load(f)
    except (OSError, ValueError):
        pass
    return Reading(status, messages, replay.samples(out), sightings, counters)


def trouble(reading):
    """Why a reading counts for nothing; empty when it went well."""
    if reading.status is None:
        return [f"not done after {TIME_LIMIT} seconds"]
    if reading.status:
        return [f"exit status {reading.status}", *reading.messages.splitlines()[-5:]]
    return []


def sighted(reading, **want):
    """Sightings of which members (dots as in file_name -> file.name) are as given."""
    return [s for s in reading.sightings
            if all(member(s, k.replace("__", ".")) == v for k, v in want.items())]


def member(sighting, path):
    for key in path.split("."):
        sighting = sighting.get(key) if isinstance(sighting, dict) else None
    return sighting
