# SPDX-License-Identifier: MIT
"""Seeds for the fuzz targets: what the public captures hold, in the form of their inputs.

seeds.make(FOLDER) fills FOLDER/<target>/; the formats are those that the targets describe.
Without the captures there are a few seeds made by hand.
"""
import bz2
import gzip
import hashlib
import io
import lzma
import os
import struct
import sys
import zipfile
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import corpus    # noqa: E402
import mangle    # noqa: E402
import replay    # noqa: E402

SIZE = 24_000   # bytes of a seed
EACH = 150      # seeds of a target
OPEN, OPENER, ANSWERER, OPENER_GAP, ANSWERER_GAP, OPENER_END, ANSWERER_END = range(7)
TARGETS = {"HTTP/1": "http1", "HTTP/2": "http2", "SMTP": "smtp", "POP3": "pop3", "IMAP": "imap",
           "FTP": "ftp", "SMB": "smb", "NFS": "nfs", "TFTP": "tftp", "TCP": "any"}


def record(kind, session, payload=b""):
    payload = payload[:65535]
    return bytes([kind, session]) + struct.pack(">H", len(payload)) + payload


class Session:
    def __init__(self, opener, answerer, family):
        self.opener, self.answerer, self.family = opener, answerer, family
        self.next = {}
        self.records = []       # (place in the capture, kind, bytes)
        self.size = 0

    def add(self, place, kind, data):
        self.records.append((place, kind, data))
        self.size += len(data) + 4

    def begin(self, number):
        pack = bytes([self.family])
        for address, port in (self.opener, self.answerer):
            pack += address + struct.pack(">H", port)
        return record(OPEN, number, pack)


def datagram(p):
    """(addresses and ports, payload) of a plain UDP packet."""
    d, at = p.data, {1: 14, 101: 0, 12: 0, 228: 0, 113: 16, 276: 20, 0: 4}.get(p.link)
    if at is None or len(d) < at + 28 or d[at] >> 4 != 4 or d[at + 9] != 17:
        return None
    head = (d[at] & 15) * 4
    if struct.unpack(">H", d[at + 6:at + 8])[0] & 0x3FFF or len(d) < at + head + 8:
        return None
    ports = struct.unpack(">HH", d[at + head:at + head + 4])
    n, = struct.unpack(">H", d[at + head + 4:at + head + 6])
    return (d[at + 12:at + 16], ports[0]), (d[at + 16:at + 20], ports[1]), \
        d[at + head + 8:at + head + n]


def sessions(packets):
    """The sessions of TCP and of UDP in a capture, in the order they begin."""
    tcp, udp = {}, {}
    for place, p in enumerate(packets):
        s = mangle.segment(p)
        if not s:
            u = datagram(p)
            if u:
                source, destination, payload = u
                key = frozenset((source, destination))
                one = udp.setdefault(key, Session(source, destination, 4))
                one.add(place, OPENER if source == one.opener else ANSWERER, payload)
            continue
        n = 4 if s.version == 4 else 16
        at = s.ip + (12 if n == 4 else 8)
        ports = struct.unpack(">HH", p.data[s.tcp:s.tcp + 4])
        source = (p.data[at:at + n], ports[0])
        destination = (p.data[at + n:at + 2 * n], ports[1])
        sequence, = struct.unpack(">I", p.data[s.tcp + 4:s.tcp + 8])
        flags, payload = p.data[s.tcp + 13], p.data[s.payload:s.end]
        key = frozenset((source, destination))
        if key not in tcp or (flags & 18 == 2 and tcp[key].records):
            first = flags & 2 and not flags & 16 or ports[1] < ports[0]
            tcp[key] = Session(*((source, destination) if first else (destination, source)),
                               s.version)
            tcp[key, place] = tcp[key]
        one = tcp[key]
        opener = source == one.opener
        if flags & 2:
            one.next[source] = sequence + 1 & 0xFFFFFFFF
        ahead = sequence - one.next.get(source, sequence) & 0xFFFFFFFF
        if payload and ahead >= 1 << 31:
            payload = payload[(1 << 32) - ahead:]
        elif payload and ahead:
            one.add(place, OPENER_GAP if opener else ANSWERER_GAP, struct.pack(">I", ahead))
        if payload:
            one.add(place, OPENER if opener else ANSWERER, payload)
            one.next[source] = sequence + (s.end - s.payload) & 0xFFFFFFFF
        if flags & 1:
            one.add(place, OPENER_END if opener else ANSWERER_END, b"")
    return [v for k, v in tcp.items() if isinstance(k, tuple)], list(udp.values())


def conversation(group):
    """Up to four sessions as one input."""
    out = b"\x02" + b"".join(s.begin(i) for i, s in enumerate(group))
    merged = sorted((place, kind, i, data) for i, s in enumerate(group)
                    for place, kind, data in s.records)
    for _, kind, i, data in merged:
        out += record(kind, i, data)
        if len(out) > SIZE:
            break
    return out[:SIZE]


def mails(session):
    text = b"".join(data for _, kind, data in session.records if kind == OPENER)
    for part in text.split(b"DATA\r\n")[1:]:
        yield b"\0\x10" + part.split(b"\r\n.\r\n")[0][:SIZE]


def frames(packets):
    link = packets[0].link
    out = bytes([link if link < 240 else min(255, link - 30)])
    for p in packets:
        if p.link == link and len(p.data) < 2000:
            out += struct.pack(">HBB", len(p.data), min(255, p.wire - len(p.data)), 0) + p.data
        if len(out) > SIZE:
            break
    return out


def length(size, data):
    return len(data).to_bytes(size, "big") + data


def hellos():
    """TLS, both hellos, whole and in small records; behind STARTTLS."""
    extensions = b"".join(kind.to_bytes(2, "big") + length(2, data) for kind, data in (
        (0x1a1a, b"\0"), (0, length(2, b"\0" + length(2, b"www.dropbox.com"))),
        (16, length(2, b"\2h2\x08http/1.1")), (43, length(1, b"\x2a\x2a\3\4\3\3")),
        (0xfe0d, b"\0")))
    client = b"\1" + length(3, b"\3\3" + bytes(32) + length(1, bytes(32)) + length(2, b"\x13\1")
                            + length(1, b"\0") + length(2, extensions))
    server = b"\2" + length(3, b"\3\3" + bytes(32) + b"\0\x13\1\0" + length(
        2, b"\0\x2b" + length(2, b"\3\4") + b"\0\x10" + length(2, length(2, b"\2h2"))))
    begin = record(OPEN, 0, b"\x04" + b"\x0a\0\0\1\xc0\0" + b"\x0a\0\0\2\1\xbb")
    for size in 1000, 9:
        said = [record(kind, 0, b"".join(b"\x16\3\1" + length(2, text[i:i + size])
                                        for i in range(0, len(text), size)))
                for kind, text in ((OPENER, client), (ANSWERER, server))]
        yield b"\x02" + begin + b"".join(said)
        yield b"\x03" + begin + record(ANSWERER, 0, b"220 mx.example ESMTP\r\n") + record(
            OPENER, 0, b"EHLO a\r\nSTARTTLS\r\n") + record(
                ANSWERER, 0, b"250 a\r\n220 go\r\n") + b"".join(said)


def by_hand():
    for hello in hellos():
        yield "tls", hello
    text = b"<p>a <a href=\"http://a.example/x?y=1&amp;z=2\">b</a> https://b.example/)</p>" * 3
    for coding, body in ((b"gzip", gzip.compress(text)), (b"deflate", zlib.compress(text)),
                         (b"gzip, deflate", zlib.compress(gzip.compress(text)))):
        yield "body", b"\0\x09" + coding + b"\n" + body
    yield "body", b"\x01\x07multipart/form-data; boundary=x\n--x\r\nContent-Disposition: " \
        b"form-data; name=a; filename=\"b\"\r\n\r\nc\r\n--x--\r\n"
    yield "body", b"\x02\0attachment; filename*=UTF-8''a%20b; filename=\"..\\\\c\"\n"
    yield "body", b"\x03\x05\n" + text
    yield "body", b"\x04\x05\n" + text
    yield "tcp", bytes(4) + b"".join(
        struct.pack(">BhhHB", flags, sequence, 0, 100, 1)
        for flags, sequence in ((16, 0), (16, 200), (80, 0), (16, 100), (17, 300), (81, 100)))
    yield "mail", b"\0\x08From: a@b.example\r\nSubject: =?utf-8?B?w6k=?=\r\nContent-Type: " \
        b"multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhttp://a.example/\r\nbegin 644 a\r\n" \
        b"#86)C\r\n`\r\nend\r\n--x\r\nContent-Type: application/x; name*0=a; name*1=b\r\n" \
        b"Content-Transfer-Encoding: base64\r\n\r\nYWJj\r\n--x--\r\n"


def archive(method, *members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in members:
            z.writestr(name, data)
    return out.getvalue()


def archives():
    text = b"what an archive holds " * 30
    for method in zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA:
        inner = archive(method, ("a/b.txt", text), ("c", text[:100]), ("d/", b""))
        for data in inner, archive(method, ("in.zip", inner), ("e", b"x")), inner[:-90], \
                b"before it" + inner:
            for which in b"\0", b"\x18", b"\2", b"\3":
                yield "archive", which + b"\x40" + data
    for number, data in enumerate((text, zlib.compress(text)[2:-4], zlib.compress(text)[2:-4],
                                   bz2.compress(text), b"\5\4\5\0" + lzma.compress(
                                       text, lzma.FORMAT_ALONE)[:5] + lzma.compress(
                                       text, lzma.FORMAT_ALONE)[13:], b"\x28\xb5\x2f\xfd\x04\0",
                                   b"\x28\xb5\x2f\xfd\x04\0", lzma.compress(text))):
        which = next(w for w in range(256) if w % 5 == 4 and w >> 3 & 7 == number)
        yield "archive", bytes([which, 255]) + data
    yield "archive", b"\x03\0Rar!\x1a\x07\0" + b"\0\0\x73\1\0\x0d\0" + bytes(6) + \
        b"\0\0\x74\4\x80\x20\0\2" + bytes(26)
    yield "archive", b"\x03\0Rar!\x1a\x07\1\0" + b"\0\0\0\0\3\1\0\0" + \
        b"\0\0\0\0\x09\2\3\3\2zz\2\1\0xx" + b"\0\0\0\0\3\5\0\0"
    header = b"\x01\x04\x06\0\x01\x09\x02\0\x07\x0b\x01\0\x01\x04\x06\xf1\x07\x01" \
        b"\x0c\x02\0\0\0"
    yield "archive", b"\x03\x007z\xbc\xaf\x27\x1c\0\4" + bytes(4) + struct.pack(
        "<QQ", 2, len(header)) + bytes(4) + b"xx" + header


def types():
    """One file of each way in which the table recognises types, cut at several points."""
    dos = b"MZ" + bytes(58) + b"\x40\0\0\0" + b"PE\0\0\x64\x86"
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + b"\x3e\0\3\0\xfe\xff\x09\0\6\0" + \
        bytes(10) + struct.pack("<IIIIIIIII", 1, 1, 0, 4096, 0xfffffffe, 0, 0xfffffffe, 0, 0) + \
        b"\xff" * 432 + "WordDocument".encode("utf-16-le").ljust(64, b"\0") + b"\x1a\0\2" + \
        bytes(445) + struct.pack("<II", 0xfffffffe, 0xfffffffd) + b"\xff" * 504
    members = [archive(zipfile.ZIP_DEFLATED, *((name, b"x") for name in names)) for names in (
        ("AndroidManifest.xml",), ("[Content_Types].xml", "word/document.xml"), ("a/B.class",),
        ("META-INF/MANIFEST.MF", "x"), ("readme.txt",))]
    koly = bytes(300) + b"koly\0\0\0\4\0\0\2\0" + bytes(500)
    for data in (dos, ole, koly, *members, members[2][:-60], b"noise " * 9 + members[3],
                 b"\x7fELF" + bytes(60), b"\xca\xfe\xba\xbe\0\0\0\2" + bytes(40),
                 b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(40), b"CWS\x0a\0\1\0\0x",
                 b"xar!\0\x1c\0\1", b"dex\n035\0", b"Rar!\x1a\7\1\0", b"\r\n" * 200 + b"%PDF-1.7\n",
                 b"#! /usr/bin/env -S python3 -u\nprint(1)\n", b"{\"a\": [1, null, \"b\\u00e9\"]}\n",
                 b"From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\n\r\ntext\r\n",
                 b"@echo off\r\nset a=%1\r\nif exist %temp%\\x goto end\r\n:end\r\n",
                 "var a = function() { return unescape(x); };".encode("utf-16"),
                 b"<html><hta:application id=a></html>", b"<?php echo 1;", b"<!DOCTYPE html><p>",
                 b"a" * 4095 + b"\xc3\xa9", b"a\r" * 2048 + b"\n"):
        for cut in 0, 3, 8, len(data) // 2, 4096, 65535:
            yield "type", struct.pack(">H", cut) + data


def users():
    """User-ID messages and lists, right and nearly right."""
    message = b"<?xml version=\"1.0\"?>\n<uid-message>\n<version>1.0</version><type>update</type>\n<payload>" \
        b"<login><entry name=\"corp\\a&amp;b\" ip=\"10.1.1.1\" timeout=\"20\"/>" \
        b"<entry name=\"\xc3\xa9\" ip=\"::ffff:10.1.1.2\" vsys=\"v\"/></login>" \
        b"<logout><entry ip=\"fd00::1\"/><entry name=\"c\" ip=\"10.1.1.1\"/></logout><groups><entry name=\"g\">" \
        b"<members><entry name=\"u\"/><entry name=\"w\"/></members></entry></groups></payload></uid-message>\n"
    for text in (message, message * 2, message[:-9], message.replace(b"<payload>", b"<payload/>"),
                 message.replace(b"timeout", b"colour"), message.replace(b"update", b"<![CDATA[update]]>"),
                 message.replace(b"\n<uid", b"<!DOCTYPE a [<!ENTITY b \"c\">]><uid", 1),
                 message.decode().encode("utf-16")):
        for size in b"\0", b"\1", b"\x11":
            yield "uid", b"\0" + size + text
    lines = b"# comment\n10.0.0.1 alice\n10.0.0.2,corp\\bob,8h\r\nfd00::1 \"a \"\"b\"\"\" never vsys=v " \
        b"group=g group=\"h, i\"\n10.0.0.1 carol begin=2023-11-14T22:13:20Z end=2023-11-14T23:13:20.5+01:00\n"
    for text in lines, lines[:-9], b"\xef\xbb\xbf" + lines, lines * 9, lines.replace(b"8h", b"8x"):
        for options in b"\1", b"\3":
            yield "uid", options + b"\0" + text


def inputs():
    """(target, input)"""
    yield from users()
    yield from by_hand()
    yield from archives()
    yield from types()
    if not corpus.there():
        return
    for name, family in corpus.captures().items():
        if "http-evader" in name and zlib.crc32(name.encode()) % 12:
            continue
        packets = mangle.load(os.path.join(replay.CORPUS, name))
        if not packets:
            continue
        yield "frame", frames(packets)
        tcp, udp = sessions(packets)
        target = TARGETS[family]
        if target == "ftp":
            tcp = [tcp[:4]] if tcp else []
        else:
            tcp = [[s] for s in tcp[:8]]
        for group in tcp:
            if not any(s.size for s in group):
                continue
            yield target, conversation(group)
            yield "any", b"\x01" + conversation(group)[1:]
            if target == "smtp":
                for mail in mails(group[0]):
                    yield "mail", mail
        if udp:
            yield "datagram", conversation(udp[:4])
            if target == "tftp":
                yield target, conversation(udp[:4])


def make(folder):
    count = {}
    for target, data in inputs():
        count[target] = count.get(target, 0) + 1
        if count[target] <= EACH:
            os.makedirs(os.path.join(folder, target), exist_ok=True)
            with open(os.path.join(folder, target, hashlib.sha1(data).hexdigest()), "wb") as f:
                f.write(data)


if __name__ == "__main__":
    make(sys.argv[1])
