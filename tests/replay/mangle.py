# SPDX-License-Identifier: MIT
"""Capture files read, written, and made worse: what a network and a busy tap do to packets.

Both formats are read (pcap, pcapng); pcap with nanoseconds is written.  All chance comes
from a seed.  Packets keep the times of their places, so that time never goes backwards.
"""
import collections
import gzip
import random
import struct

Packet = collections.namedtuple("Packet", "time link data wire")    # time in ns

WINDOW = 8      # places that a packet may move
SILENCE = 10**9


# ----------------------------------------------------------------- the files


def load(path):
    with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as f:
        data = f.read()
    if data[:4] == b"\n\r\r\n":
        return list(read_pcapng(data))
    return list(read_pcap(data))


def read_pcap(data):
    for order in "<>":
        magic, = struct.unpack(order + "I", data[:4])
        if magic in (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34):
            break
    else:
        raise ValueError("no capture")
    unit = 1 if magic == 0xA1B23C4D else 1000
    more = 8 if magic == 0xA1B2CD34 else 0     # a modified header of old
    link = struct.unpack(order + "I", data[20:24])[0] & 0xFFFF
    at = 24
    while at + 16 + more <= len(data):
        seconds, part, n, wire = struct.unpack(order + "IIII", data[at:at + 16])
        at += 16 + more
        if at + n > len(data):
            return
        yield Packet(seconds * 10**9 + part * unit, link, data[at:at + n], wire)
        at += n


def read_pcapng(data):
    at, order, interfaces = 0, "<", []
    while at + 12 <= len(data):
        kind, = struct.unpack(order + "I", data[at:at + 4])
        if data[at:at + 4] == b"\n\r\r\n":
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
            kind = 0
        n, = struct.unpack(order + "I", data[at + 4:at + 8])
        if n < 12 or at + n > len(data):
            return
        body = data[at + 8:at + n - 4]
        at += n
        if kind == 1:
            link, = struct.unpack(order + "H", body[:2])
            interfaces.append((link, resolution(body[8:], order)))
        elif kind == 6:
            i, high, low, size, wire = struct.unpack(order + "IIIII", body[:20])
            link, unit = interfaces[i]
            yield Packet(int((high << 32 | low) * unit), link, body[20:20 + size], wire)
        elif kind == 3:
            wire, = struct.unpack(order + "I", body[:4])
            yield Packet(0, interfaces[0][0], body[4:4 + wire], wire)


def resolution(options, order):
    """Nanoseconds a unit of an interface's times."""
    while len(options) >= 4:
        code, n = struct.unpack(order + "HH", options[:4])
        if code == 9 and n == 1:
            v = options[4]
            return 10**9 / 2**(v & 127) if v & 128 else 10**9 / 10**v
        if code == 0:
            break
        options = options[4 + (n + 3 & ~3):]
    return 1000


LINKTYPES = {12: 101, 14: 101}     # numbers of one system for raw IP


def save(path, packets):
    """One link type a file: that of the first packet."""
    link = packets[0].link if packets else 1
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, LINKTYPES.get(link, link)))
        for p in packets:
            if p.link == link:
                f.write(struct.pack("<IIII", p.time // 10**9 & 0xFFFFFFFF, p.time % 10**9,
                                    len(p.data), p.wire) + p.data)


# --------------------------------------------------------------- one segment

Segment = collections.namedtuple("Segment", "ip version tcp payload end")
FIN, SYN, RST, PSH, URG = 1, 2, 4, 8, 32


def segment(p):
    """Where the parts of a TCP segment are in a packet; None: no plain one with all its bytes."""
    d = p.data
    at = {1: 14, 101: 0, 12: 0, 14: 0, 228: 0, 229: 0, 113: 16, 276: 20, 0: 4}.get(p.link)
    if at is None or p.wire != len(d):
        return None
    if p.link in (1, 113):
        kind = d[at - 2:at]
        while kind in (b"\x81\x00", b"\x88\xa8", b"\x91\x00"):
            kind, at = d[at + 2:at + 4], at + 4
        if kind not in (b"\x08\x00", b"\x86\xdd"):
            return None
    if len(d) < at + 40:
        return None
    version = d[at] >> 4
    if version == 4:
        head, total = (d[at] & 15) * 4, struct.unpack(">H", d[at + 2:at + 4])[0]
        if head < 20 or d[at + 9] != 6 or struct.unpack(">H", d[at + 6:at + 8])[0] & 0x3FFF:
            return None
    elif version == 6:
        head, total = 40, 40 + struct.unpack(">H", d[at + 4:at + 6])[0]
        if d[at + 6] != 6 or total == 40:
            return None
    else:
        return None
    tcp, end = at + head, at + total
    if end > len(d) or tcp + 20 > end:
        return None
    payload = tcp + (d[tcp + 12] >> 4) * 4
    if payload < tcp + 20 or payload > end:
        return None
    return Segment(at, version, tcp, payload, end)


def piece(p, s, first, last):
    """The segment with the bytes [first, last) of its payload only."""
    d = bytearray(p.data[:s.payload + last])
    n = last - first
    del d[s.payload:s.payload + first]
    if s.version == 4:
        struct.pack_into(">H", d, s.ip + 2, s.payload - s.ip + n)
    else:
        struct.pack_into(">H", d, s.ip + 4, s.payload - s.ip - 40 + n)
    sequence, = struct.unpack_from(">I", d, s.tcp + 4)
    struct.pack_into(">I", d, s.tcp + 4, sequence + first & 0xFFFFFFFF)
    if last != s.end - s.payload:
        d[s.tcp + 13] &= ~(FIN | PSH)
    return Packet(p.time, p.link, bytes(d), len(d))


# -------------------------------------------------------------- the disorder


def timed(packets, like):
    """The same packets at times that do not go back."""
    times = sorted(p.time for p in like)
    return [p._replace(time=times[min(i * len(times) // len(packets), len(times) - 1)])
            for i, p in enumerate(packets)]


def shuffled(packets, seed, window=WINDOW):
    """Every packet somewhere else, WINDOW places away at most, whatever session it is of;
    not across a second of silence, which no tap remembers a packet for."""
    rng = random.Random(seed)
    out, run = [], []
    for p in [*packets, None]:
        if run and (p is None or p.time - run[-1].time > SILENCE):
            order = sorted(range(len(run)), key=lambda i: i + rng.random() * window)
            out += timed([run[i] for i in order], run)
            run = []
        run.append(p)
    return out


def mistimed(packets, seed, window=WINDOW):
    """The same with each packet's own time, so that time goes back, and across silence."""
    rng = random.Random(seed)
    order = sorted(range(len(packets)), key=lambda i: i + rng.random() * window)
    return [packets[i] for i in order]


def duplicated(packets, seed):
    """A third of the packets twice, the copy up to WINDOW places later, in less than a second."""
    rng = random.Random(seed)
    places = []
    for i, p in enumerate(packets):
        places.append((i, p.time, p))
        if rng.random() < 1 / 3:
            to = i + rng.randrange(WINDOW)
            while to > i and (to >= len(packets) or packets[to].time - p.time > SILENCE):
                to -= 1
            places.append((to + 0.5, max(p.time, packets[to].time), p))
    return [p._replace(time=time) for _, time, p in sorted(places, key=lambda e: e[0])]


def overlapped(packets, seed):
    """Segments cut in up to four pieces that share bytes with their neighbours."""
    rng = random.Random(seed)
    out = []
    for p in packets:
        s = segment(p)
        n = s.end - s.payload if s else 0
        if n < 2 or p.data[s.tcp + 13] & (SYN | RST | URG):
            out.append(p)
            continue
        cuts = sorted(rng.randrange(1, n) for _ in range(rng.randrange(1, 4)))
        for first, last in zip([0, *cuts], [*cuts, n]):
            out.append(piece(p, s, max(0, first - rng.randrange(0, 40)),
                             min(n, last + rng.randrange(0, 40))))
    return out


def lossy(packets, seed, share=0.01):
    """One in a hundred packets missing, and one at least."""
    rng = random.Random(seed)
    gone = set(rng.sample(range(len(packets)), max(1, int(len(packets) * share))))
    return [p for i, p in enumerate(packets) if i not in gone]
