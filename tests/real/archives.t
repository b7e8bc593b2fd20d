#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Archives made by zip, 7-Zip and Python, sent over HTTP and read by `sluiced -r`: members, names,
levels, passwords, volumes, damage, and bombs with the time and memory they take. The truth is what
was packed.
"""
import bz2
import gzip
import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "replay"))
import replay  # noqa: E402
import synth  # noqa: E402

SLUICED = os.environ.get("SLUICED") or os.path.join(replay.ROOT, "build", "sluiced")
# What a bomb may take: seconds of a processor, memory.
SECONDS, MEGABYTES = 20, 160
MB = 1 << 20


def sha(body):
    return hashlib.sha256(body).hexdigest()


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def test(self, name, faults):
        self.count += 1
        self.failed += bool(faults)
        print(f"{'not ok' if faults else 'ok'} {self.count} - {name}")
        for line in faults:
            print(f"#   {line}")
        sys.stdout.flush()

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failed else 0


class Shop:
    """A folder in which programs pack what they are given."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-archives-")
        with open("/bin/true", "rb") as f:
            self.elf = f.read()
        self.text = b"".join(b"line %d of a text\n" % i for i in range(3000))
        self.script = b"#!/bin/sh\necho hello\n"
        self.noise = hashlib.shake_128(b"noise").digest(200_000)
        self.files = {"d/program.bin": self.elf, "d/text.txt": self.text,
                      "d/e/script": self.script, "noise.jpg": self.noise}
        for name, body in self.files.items():
            self.write(name, body)

    def write(self, name, body):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(body)

    def take(self, name):
        path = os.path.join(self.dir, name)
        with open(path, "rb") as f:
            body = f.read()
        os.unlink(path)
        return body

    def run(self, *words, **more):
        subprocess.run(words, cwd=self.dir, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, **more)

    def zip(self, *options, what=("d", "noise.jpg")):
        self.run("zip", "-q", "-r", *options, "out.zip", *what)
        return self.take("out.zip")

    def seven(self, *options, kind="zip", what=("d", "noise.jpg")):
        self.run("7z", "a", f"-t{kind}", *options, "out.7", *what)
        return self.take("out.7")

    def volumes(self, prefix):
        return {n: self.take(n) for n in sorted(os.listdir(self.dir)) if n.startswith(prefix)}

    def inside(self, name, body):
        """An archive of one file, by zip."""
        self.write(name, body)
        made = self.zip(what=(name,))
        os.unlink(os.path.join(self.dir, name))
        return made


class Reading:
    def __init__(self, capture, out):
        begin = time.monotonic()
        # By a program of its own: what this one has in memory would count as well.
        used = os.path.join(os.path.dirname(out), "used")
        p = subprocess.run(["time", "-q", "-f", "%U %S %M", "-o", used,
                            SLUICED, "-r", capture, "-o", out], stderr=subprocess.PIPE)
        self.messages = p.stderr.decode(errors="replace")
        self.status = p.returncode
        self.elapsed = time.monotonic() - begin
        with open(used, encoding="ascii") as f:
            user, system, kilobytes = f.read().split()
        self.seconds = float(user) + float(system)
        self.megabytes = int(kilobytes) // 1024
        with open(os.path.join(out, "sightings.jsonl"), encoding="utf-8") as f:
            self.sightings = [json.loads(line) for line in f]
        with open(os.path.join(out, "stats.json"), encoding="utf-8") as f:
            self.stats = json.dumps(json.load(f))
        self.samples = {n for _, _, names in os.walk(os.path.join(out, "samples")) for n in names}

    def of(self, name):
        """(the file itself, what was found in it by path) of a URL's last part."""
        mine = [s for s in self.sightings if s["url"]["original"].endswith("/" + name)]
        outer = [s for s in mine if "container" not in s["sluice"]["file"]]
        inner = {}
        for s in mine:
            if "container" in s["sluice"]["file"]:
                inner.setdefault(s["sluice"]["file"]["container"]["path"], []).append(s)
        return outer[0] if outer else None, inner


def read(shop, transfers):
    """transfers: (name, body, header fields, bytes on the wire or None)."""
    capture = synth.Capture(mss=60000)
    for name, body, fields, coded in transfers:
        capture.tcp(synth.http("/" + name, body if coded is None else coded, fields))
    path = capture.save(os.path.join(shop.dir, "capture.pcap"))
    out = tempfile.mkdtemp(dir=shop.dir)
    reading = Reading(path, out)
    os.unlink(path)
    shutil.rmtree(out)
    return reading


def value(s, key):
    return s["sluice"]["file"].get(key)


def judge(reading, name, body, members, traits=(), level=0):
    """members: {path: content, or the reason why there is none}."""
    faults = []
    outer, inner = reading.of(name)
    if not outer:
        return [f"no sighting of {name}"]
    if outer["file"].get("hash", {}).get("sha256") != sha(body) or sha(body) not in reading.samples:
        faults.append("the archive itself is no sample")
    if sorted(value(outer, "traits") or ()) != sorted(traits):
        faults.append(f"traits {value(outer, 'traits')}, expected {traits}")
    if (value(outer, "level") or 0) != level:
        faults.append(f"level {value(outer, 'level')}, expected {level}")
    for path, want in members.items():
        here = inner.pop(path, [])
        if len(here) != 1:
            faults.append(f"{len(here)} sightings of {path}")
            continue
        s = here[0]
        if isinstance(want, str):
            if value(s, "reason") != want:
                faults.append(f"{path}: reason {value(s, 'reason')}, expected {want}")
            continue
        if value(s, "reason") != "none" or s["file"]["hash"]["sha256"] != sha(want):
            faults.append(f"{path}: reason {value(s, 'reason')}, or another content")
        elif sha(want) not in reading.samples:
            faults.append(f"{path}: not in the spool")
        if s["file"]["name"] != path.split("/")[-1]:
            faults.append(f"{path}: named {s['file']['name']}")
        if value(s, "level") != level + 1 + path.count("!/"):
            faults.append(f"{path}: level {value(s, 'level')}")
    faults += [f"unexpected {path}: {[value(s, 'reason') for s in more]}"
               for path, more in inner.items()]
    return faults


# ------------------------------------------------------------------ by programs


def patched(data, method):
    """A stored member said to be of another method: for methods nothing here packs with."""
    data = bytearray(data)
    struct.pack_into("<H", data, 8, method)
    struct.pack_into("<H", data, data.index(b"PK\1\2") + 10, method)
    return bytes(data)


def stored(name, body, size=None):
    """A ZIP archive of one stored member, which may say another size of content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as z:
        z.writestr(name, body)
    data = bytearray(out.getvalue())
    if size is not None:
        struct.pack_into("<I", data, 22, size)
        struct.pack_into("<I", data, data.index(b"PK\1\2") + 24, size)
    return bytes(data)


def by_python(method, files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, body in files.items():
            z.writestr(name, body)
    return out.getvalue()


def packed(shop):
    """(what, name on the wire, archive, members, traits)"""
    all_of_it = shop.files
    yield "zip", "a.zip", shop.zip(), all_of_it, ()
    yield "zip, named otherwise", "b.jpg", shop.zip(), all_of_it, ()
    yield "zip, named nothing", "c", shop.zip(), all_of_it, ()
    yield "zip -0", "stored.zip", shop.zip("-0"), all_of_it, ()
    yield "zip with descriptors", "fd.zip", shop.zip("-fd"), all_of_it, ()
    yield "zip64", "fz.zip", shop.zip("-fz"), all_of_it, ()
    yield "zip -Z bzip2", "bz.zip", shop.zip("-Z", "bzip2"), all_of_it, ()
    made = subprocess.run(["zip", "-q", "-", "-"], cwd=shop.dir, input=shop.text, check=True,
                          stdout=subprocess.PIPE).stdout
    yield "zip of a pipe", "pipe.zip", made, {"-": shop.text}, ()
    for method in "Copy", "Deflate", "Deflate64", "BZip2", "LZMA", "xz":
        yield f"7-Zip, {method}", f"7{method}.zip", shop.seven(f"-mm={method}"), all_of_it, ()
    yield "7-Zip, LZMA with its largest window", "7max.zip", \
        shop.seven("-mm=LZMA", "-mx=9", "-md=64m"), all_of_it, ()
    yield "7-Zip, PPMd, which is not read", "7ppmd.zip", shop.seven("-mm=PPMd"), \
        {n: "decode" if n in ("d/program.bin", "d/text.txt") else b
         for n, b in all_of_it.items()}, ()
    zstd = subprocess.run(["zstd", "-qc"], input=shop.text, check=True,
                          stdout=subprocess.PIPE).stdout
    yield "Zstandard", "zstd.zip", patched(stored("t", zstd, len(shop.text)), 93), \
        {"t": shop.text}, ()
    for method in zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA:
        yield f"Python, method {method}", f"py{method}.zip", by_python(method, all_of_it), \
            all_of_it, ()
    yield "something before it", "sfx.zip", b"not an archive\n" * 5000 + shop.zip(), all_of_it, ()
    cut = shop.zip("-0")
    yield "without its directory", "open.zip", cut[:cut.index(b"PK\1\2")], all_of_it, ()
    yield "two behind each other", "two.zip", \
        stored("first", shop.text) + stored("second", shop.script), \
        {"first": shop.text, "second": shop.script}, ()
    whole = by_python(zipfile.ZIP_DEFLATED, {"one": shop.text, "two": shop.elf})
    yield "cut in its second member", "cut.zip", whole[:whole.index(b"two") + 5000], \
        {"one": shop.text, "two": "partial"}, ("multi-part",)
    broken = bytearray(whole)
    at = whole.index(b"one") + 1000
    broken[at:at + 40] = bytes(40)
    yield "damaged", "damaged.zip", bytes(broken), {"one": "decode", "two": shop.elf}, ()
    inner = shop.zip()
    yield "zip in zip", "zz.zip", stored("in.zip", inner), \
        {"in.zip": inner, **{f"in.zip!/{n}": b for n, b in all_of_it.items()}}, ()


def whole():
    """Built on ZIP, and one thing."""
    jar = {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n", "A.class": b"\xca\xfe\xba\xbe"}
    docx = {"[Content_Types].xml": b"<Types/>", "_rels/.rels": b"<Relationships/>",
            "word/document.xml": b"<document/>"}
    apk = {"AndroidManifest.xml": b"\3\0\x08\0", "classes.dex": b"dex\n035\0"}
    for name, files in ("a.jar", jar), ("a.docx", docx), ("a.apk", apk):
        made = by_python(zipfile.ZIP_DEFLATED, files)
        yield f"{name} stays whole", name, made, {}, ()
        yield f"{name} in a zip", f"{name}.zip", stored(name, made), {name: made}, ()


def protected(shop):
    files = {n: "encrypted" for n in shop.files}
    yield "zip -P", "zip-p.zip", shop.zip("-P", "secret"), files, ("encrypted",)
    yield "7-Zip -p, AES", "aes.zip", shop.seven("-psecret", "-mem=AES256"), files, ("encrypted",)
    yield "7z", "plain.7z", shop.seven(kind="7z"), {}, ()
    yield "7z, plain header", "plain-header.7z", shop.seven("-mhc=off", kind="7z"), {}, ()
    yield "7z -p", "p.7z", shop.seven("-psecret", kind="7z"), {}, ("encrypted",)
    yield "7z -p, plain header", "p-header.7z", shop.seven("-psecret", "-mhc=off", kind="7z"), {}, \
        ("encrypted",)
    yield "7z -p -mhe", "mhe.7z", shop.seven("-psecret", "-mhe=on", kind="7z"), {}, ("encrypted",)
    shop.run("7z", "a", "-v50k", "vol.7z", "d", "noise.jpg")
    for name, body in shop.volumes("vol.7z").items():
        # Those between the first and the last are just bytes.
        yield f"7z -v: {name}", name, body, {}, ("multi-part",) if name.endswith("001") else ()
    shop.run("zip", "-q", "-0", "-r", "-s", "64k", "split.zip", "d", "noise.jpg")
    parts = shop.volumes("split.z")
    for name in "split.z01", "split.zip":
        yield f"zip -s: {name}", name, parts[name], None, ("multi-part",)
    shop.run("7z", "a", "-tzip", "-v50k", "vol.zip", "noise.jpg")
    parts = shop.volumes("vol.zip")
    yield "7-Zip -v: vol.zip.001", "vol.zip.001", parts["vol.zip.001"], {"noise.jpg": "partial"}, \
        ("multi-part",)
    last = sorted(parts)[-1]
    yield f"7-Zip -v: {last}", last, parts[last], {}, ("multi-part",)
    rar = b"Rar!\x1a\x07\0" + b"\0\0\x73" + struct.pack("<HH", 0x81, 13) + bytes(6) + b"anything"
    yield "RAR 4, encrypted, a volume", "a.rar", rar, {}, ("encrypted", "multi-part")
    rar = b"Rar!\x1a\x07\1\0" + b"\0\0\0\0\3\1\0\0" + b"\0\0\0\0\x09\2\3\3\2zz\2\1\0xx" + \
        b"\0\0\0\0\3\5\0\0"
    yield "RAR 5, encrypted", "b.rar", rar, {}, ("encrypted",)


def check(tap, shop, cases):
    cases = list(cases)
    reading = read(shop, [(name, body, b"", None) for _, name, body, _, _ in cases])
    for what, name, body, members, traits in cases:
        if members is None:
            outer, _ = reading.of(name)
            got = value(outer, "traits") if outer else None
            tap.test(what, [] if got == list(traits) else [f"traits {got}, expected {traits}"])
        else:
            tap.test(what, judge(reading, name, body, members, traits))
    for s in reading.sightings:
        if s["sluice"]["file"].get("container") and \
                s["sluice"]["file"]["container"]["sha256"] not in reading.samples:
            tap.test("every container is a sample", [s["sluice"]["file"]["container"]["sha256"]])
            break
    else:
        tap.test("every container is a sample", [])
    ids = [s["event"]["id"] for s in reading.sightings]
    tap.test("ids of sightings differ", [i for i in ids if ids.count(i) > 1][:3])
    return reading


# ----------------------------------------------------------------------- levels


def levels(tap, shop):
    members, name, body = {}, "program.bin", shop.elf
    chain = [(name, body)]
    for level in range(1, 6):
        body = shop.inside(name, body)
        name = f"l{level}.zip"
        chain.append((name, body))
        path, members = "", {}
        for inner, content in reversed(chain[max(0, len(chain) - 5):-1]):
            path += ("!/" if path else "") + inner
            members[path] = content
        reading = read(shop, [(name, body, b"", None)])
        tap.test(f"{level} levels of zip", judge(reading, name, body, members,
                                                 ("nested",) if level == 5 else ()))
    for count, traits in (3, ()), (4, ("nested",)):
        name, body = chain[count]
        path, members = "", {}
        for inner, content in list(reversed(chain[:count]))[:3]:
            path += ("!/" if path else "") + inner
            members[path] = content
        reading = read(shop, [(name, body, b"Content-Encoding: gzip\r\n", gzip.compress(body))])
        tap.test(f"gzip, and {count} levels of zip", judge(reading, name, body, members, traits, 1))


# ------------------------------------------------------------------------ bombs


def zeros(n):
    return bytes(n)


def deflated(body):
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return z.compress(body) + z.flush()


def local(name, method, crc, packed_len, size):
    return struct.pack("<IHHHIIIIHH", 0x04034b50, 20, 0, method, 0, crc, packed_len, size,
                       len(name), 0) + name


def central(name, method, crc, packed_len, size, place):
    return struct.pack("<IHHHHIIIIHHHHHII", 0x02014b50, 20, 20, 0, method, 0, crc, packed_len, size,
                       len(name), 0, 0, 0, 0, 0, place) + name


def finish(body, directory, count):
    return body + directory + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, count & 0xFFFF,
                                          count & 0xFFFF, len(directory), len(body), 0)


def overlapping(count, size):
    """
    Many members share one kernel: each one's data are a stored block that quotes the local header
    of the next, and go on with that one's.
    """
    kernel = deflated(zeros(size))
    names = [b"%04d" % i for i in range(count)]
    body, packed, unpacked = kernel, len(kernel), size
    head = local(names[-1], 8, 0, packed, unpacked)
    sizes = [(packed, unpacked)]
    for name in reversed(names[:-1]):
        quote = b"\0" + struct.pack("<HH", len(head), len(head) ^ 0xFFFF) + head
        body = quote + body
        packed, unpacked = len(body), unpacked + len(head)
        head = local(name, 8, 0, packed, unpacked)
        sizes.append((packed, unpacked))
    body, directory, place = head + body, b"", 0
    for name, (packed, unpacked) in zip(names, reversed(sizes)):
        directory += central(name, 8, 0, packed, unpacked, place)
        place += len(head) + 5
    return finish(body, directory, count)


def same(count, size):
    """Many members of one content, each of another packed size."""
    kernel = deflated(zeros(size))
    body = local(b"a", 8, 0, len(kernel), size) + kernel
    directory = b"".join(central(b"a", 8, 0, len(kernel) + i, size, 0) for i in range(count))
    return finish(body + bytes(count), directory, count)


def recursive(width, depth):
    body = by_python(zipfile.ZIP_DEFLATED, {"0": zeros(64 * MB)})
    for _ in range(depth):
        body = by_python(zipfile.ZIP_DEFLATED, {f"{i}.zip": body for i in range(width)})
    return body


def many(count):
    body, directory = b"", b""
    for i in range(count):
        name, data = b"%06d" % i, b"%d" % i
        directory += central(name, 0, zlib.crc32(data), len(data), len(data), len(body))
        body += local(name, 0, zlib.crc32(data), len(data), len(data)) + data
    return finish(body, directory, count)


def bombs():
    """(what, archive, reasons members may end with, traits)"""
    yield "a member larger than a file may be", \
        patched(stored("big", deflated(zeros(300 * MB)), 300 * MB), 8), {"limit"}, []
    large = deflated(zeros(99 * MB))
    body, directory = b"", b""
    for i in range(14):
        name = b"%02d" % i
        directory += central(name, 8, 0, len(large), 99 * MB, len(body))
        body += local(name, 8, 0, len(large), 99 * MB) + large
    yield "many large members", finish(body, directory, 14), {"none", "bomb"}, ["bomb"]
    yield "bzip2, a thousandfold and more", \
        patched(stored("big", bz2.compress(zeros(60 * MB)), 60 * MB), 12), {"bomb"}, ["bomb"]
    yield "members that quote each other", overlapping(2000, 10 * MB), {"none"}, ["bomb"]
    yield "members that share their data", same(3000, 10 * MB), {"none", "bomb"}, ["bomb"]
    yield "archives in archives, sixteen times each", recursive(16, 4), None, None
    yield "sizes that are lies", patched(stored("big", deflated(zeros(60 * MB)), 10), 8), \
        {"none"}, []
    yield "twelve thousand members", many(12000), {"none"}, ["bomb"]


def coded_bombs():
    def by(*words):
        source = subprocess.Popen(["head", "-c", "1200M", "/dev/zero"], stdout=subprocess.PIPE)
        out = subprocess.run(words, stdin=source.stdout, stdout=subprocess.PIPE, check=True)
        source.wait()
        return out.stdout

    yield "gzip", b"gzip", by("gzip", "-1c")
    yield "br", b"br", by("brotli", "-q", "1", "-c")
    yield "zstd", b"zstd", by("zstd", "-qc")
    yield "gzip twice", b"gzip, gzip", gzip.compress(gzip.compress(zeros(300 * MB)))


def bounds(reading):
    faults = []
    if reading.status:
        faults.append(f"exit status {reading.status}: {reading.messages[-200:]}")
    if reading.seconds > SECONDS:
        faults.append(f"{reading.seconds:.1f} seconds")
    if reading.megabytes > MEGABYTES:
        faults.append(f"{reading.megabytes} MB of memory")
    return faults


def figures(reading):
    return f"{reading.seconds:.1f} s of {reading.elapsed:.1f} s, {reading.megabytes} MB"


def explode(tap, shop):
    for what, body, reasons, traits in bombs():
        reading = read(shop, [("bomb.zip", body, b"", None)])
        faults = bounds(reading)
        outer, inner = reading.of("bomb.zip")
        got = {value(s, "reason") for one in inner.values() for s in one}
        if not outer or outer["file"]["hash"]["sha256"] != sha(body):
            faults.append("the archive itself is no sample")
        elif traits is not None and (value(outer, "traits") or []) != traits:
            faults.append(f"traits {value(outer, 'traits')}, expected {traits}")
        elif traits is None and not value(outer, "traits"):
            faults.append("no trait of it")
        if reasons is not None and got != reasons:
            faults.append(f"members ended with {got}, expected {reasons}")
        tap.test(f"bomb: {what} ({len(body)} bytes: {figures(reading)})", faults)
    for what, coding, body in coded_bombs():
        fields = b"Content-Encoding: " + coding + b"\r\n"
        reading = read(shop, [("bomb", body, fields, None)])
        outer, _ = reading.of("bomb")
        faults = bounds(reading)
        if not outer or value(outer, "reason") not in ("bomb", "limit") or reading.samples:
            faults.append(f"{outer and value(outer, 'reason')}, samples {reading.samples}")
        tap.test(f"bomb: {what} ({len(body)} bytes: {figures(reading)})", faults)


def counters(tap, reading):
    faults = []
    for name in "archives", "archive_members", "archives_encrypted", "archives_multi_part":
        if f'"{name}": 0' in reading.stats or f'"{name}"' not in reading.stats:
            faults.append(f"{name} is 0")
    tap.test("they are counted", faults)


def main():
    replay.need(SLUICED)
    for program in "zip", "7z", "zstd", "brotli", "time":
        if not shutil.which(program):
            replay.skip(f"no {program}")
    tap, shop = Tap(), Shop()
    try:
        check(tap, shop, packed(shop))
        check(tap, shop, whole())
        counters(tap, check(tap, shop, protected(shop)))
        levels(tap, shop)
        explode(tap, shop)
    finally:
        shutil.rmtree(shop.dir)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
