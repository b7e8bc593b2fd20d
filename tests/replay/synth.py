# SPDX-License-Identifier: MIT
"""Captures made up: sessions of TCP and UDP with every protocol, to the byte as told.

	c = Capture()
	c.tcp(http("GET", "/a", body=b"..."))
	c.save("a.pcap")

A conversation is a list of (CLIENT or SERVER, bytes); a tuple may have a third member,
"lost": that part is on the wire and not in the capture.  The protocols' functions make such
lists; SMB and NFS speak only as much as moving a file takes.
"""
import base64
import struct

CLIENT, SERVER = 0, 1
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


class Capture:
    """Packets of raw IPv4, a millisecond apart or as told."""

    def __init__(self, mss=1448, step=10**6):
        self.parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 101)]
        self.time, self.step, self.mss = 1_700_000_000 * 10**9, step, mss
        self.count = self.payload = 0
        self.sessions = 0

    def packet(self, protocol, ends, sender, payload):
        (ca, cp), (sa, sp) = ends
        source, target = (ca, sa) if sender == CLIENT else (sa, ca)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0,
                         source, target)
        n = 20 + len(payload)
        self.parts.append(struct.pack("<IIII", self.time // 10**9, self.time % 10**9, n, n))
        self.parts.append(ip + payload)
        self.time += self.step
        self.count += 1

    def ends(self, client=None, server=None):
        """Addresses as (bytes, port); a client gets a port of its own."""
        if client is None:      # addresses change with each round of ports
            self.sessions += 1
            client = (bytes((10, 1, 2, 3 + self.sessions // 40000)),
                      20000 + self.sessions % 40000)
        return client, server or (b"\xc0\x00\x02\x50", 8000)

    def tcp(self, conversation, client=None, server=None, end=FIN, handshake=True, mss=None):
        for _ in self.tcp_steps(conversation, client, server, end, handshake, mss):
            pass

    def tcp_steps(self, conversation, client=None, server=None, end=FIN, handshake=True,
                  mss=None, begin=(1000, 9000)):
        """The same as a generator, one step a packet, so that sessions interleave."""
        ends = self.ends(client, server)
        at = list(begin)
        size = mss or self.mss

        def segment(who, flags, data=b""):
            ports = (ends[0][1], ends[1][1]) if who == CLIENT else (ends[1][1], ends[0][1])
            self.packet(6, ends, who, struct.pack(
                ">HHIIBBHHH", *ports, at[who] & 0xFFFFFFFF, at[1 - who] & 0xFFFFFFFF,
                5 << 4, flags, 65535, 0, 0) + data)

        if handshake:
            for who, flags in (CLIENT, SYN), (SERVER, SYN | ACK):
                segment(who, flags)
                at[who] += 1
                yield
        for who, data, *lost in conversation:
            if isinstance(data, int):       # so many bytes that nobody saw
                at[who] += data
                continue
            for i in range(0, len(data), size):
                part = data[i:i + size]
                if not lost:
                    segment(who, ACK | (PSH if i + size >= len(data) else 0), part)
                    self.payload += len(part)
                at[who] += len(part)
                yield
        for who in (CLIENT, SERVER) if end == FIN else (SERVER,) if end == RST else ():
            segment(who, end | ACK)
            at[who] += 1
            yield

    def udp(self, conversation, client, server):
        """(who, bytes, server's port) in order; ends may move as in TFTP."""
        for who, data, *port in conversation:
            to = (server[0], port[0]) if port else server
            ends = (client, to)
            ports = (client[1], to[1]) if who == CLIENT else (to[1], client[1])
            self.packet(17, ends, who, struct.pack(">HHHH", *ports, 8 + len(data), 0) + data)
            self.payload += len(data)

    def save(self, path):
        with open(path, "wb") as f:
            f.writelines(self.parts)
        return path


def together(*sessions):
    """Steps of several sessions, in turns."""
    sessions = list(sessions)
    while sessions:
        for s in list(sessions):
            if next(s, s) is s:
                sessions.remove(s)


# ------------------------------------------------------------------- HTTP


def http(path="/file.bin", body=b"", fields=b"", status=b"200 OK", length=True, host=b"a.example"):
    """A download."""
    head = b"HTTP/1.1 " + status + b"\r\n" + fields
    if length:
        head += b"Content-Length: %d\r\n" % len(body)
    return [(CLIENT, b"GET " + path.encode() + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"),
            (SERVER, head + b"\r\n" + body)]


def http_put(path, body, fields=b""):
    return [(CLIENT, b"PUT " + path.encode() + b" HTTP/1.1\r\nHost: a.example\r\n" + fields +
             b"Content-Length: %d\r\n\r\n" % len(body) + body),
            (SERVER, b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")]


def chunked(body, size):
    parts = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n" % len(p) + p + b"\r\n" for p in parts) + b"0\r\n\r\n"


def brotli(body):
    """Brotli (RFC 7932) that compresses nothing: stored meta-blocks."""
    out = b""
    for i in range(0, len(body), 65536):
        part = body[i:i + 65536]
        # ISLAST 0, MNIBBLES 4, MLEN - 1, ISUNCOMPRESSED 1; WBITS 16 once before the first
        bits, shift = (len(part) - 1) << 3 | 1 << 19, 0
        if i == 0:
            shift = 1
        out += (bits << shift).to_bytes(3, "little") + part
    return out + b"\x03"


def h2_frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + \
        struct.pack(">I", stream) + payload


def h2_text(text):
    return bytes([len(text)]) + text


def http2(path, body, frame=16384):
    """A download by prior knowledge."""
    field = lambda index, text: bytes([index]) + h2_text(text)     # without indexing
    request = b"\x82\x86" + field(4, path.encode()) + field(1, b"a.example")
    talk = [(CLIENT, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, 0, 0) +
             h2_frame(1, 5, 1, request)),
            (SERVER, h2_frame(4, 0, 0) + h2_frame(4, 1, 0) + h2_frame(1, 4, 1, b"\x88"))]
    parts = [body[i:i + frame] for i in range(0, len(body), frame)]
    return talk + [(SERVER, b"".join(h2_frame(0, i == len(parts) - 1, 1, p)
                                     for i, p in enumerate(parts)))]


# ------------------------------------------------------------------- mail


def lines64(data):
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def mail(name, body, encoded=None, text=b"hello\r\n"):
    """A message with one attachment; encoded: its base64 as it stands there."""
    return (b"From: a@a.example\r\nTo: b@b.example\r\nSubject: file\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n" + text +
            b"\r\n--x\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; "
            b"filename=\"" + name.encode() + b"\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
            (lines64(body) if encoded is None else encoded) + b"\r\n--x--\r\n")


def smtp(*messages):
    talk = [(SERVER, b"220 mx ESMTP\r\n"), (CLIENT, b"EHLO c\r\n"), (SERVER, b"250 mx\r\n")]
    for m in messages:
        talk += [(CLIENT, b"MAIL FROM:<a@a.example>\r\n"), (SERVER, b"250 ok\r\n"),
                 (CLIENT, b"RCPT TO:<b@b.example>\r\n"), (SERVER, b"250 ok\r\n"),
                 (CLIENT, b"DATA\r\n"), (SERVER, b"354 go\r\n"),
                 (CLIENT, m.replace(b"\r\n.", b"\r\n..") + b".\r\n"), (SERVER, b"250 ok\r\n")]
    return talk + [(CLIENT, b"QUIT\r\n"), (SERVER, b"221 bye\r\n")]


# -------------------------------------------------------------------- FTP


def ftp_begin():
    return [(SERVER, b"220 ftp\r\n"), (CLIENT, b"USER u\r\n"), (SERVER, b"331 password\r\n"),
            (CLIENT, b"PASS p\r\n"), (SERVER, b"230 in\r\n"), (CLIENT, b"TYPE I\r\n"),
            (SERVER, b"200 ok\r\n")]


def ftp(capture, transfers, control_port=21, server=b"\xc0\x00\x02\x15"):
    """Passive transfers [(verb, name, content)] with a control session."""
    client = capture.ends()[0]
    steps = []
    for i, (verb, name, content) in enumerate(transfers):
        port = 20000 + (capture.sessions * 7 + i) % 40000
        address = ",".join(str(b) for b in server) + f",{port >> 8},{port & 255}"
        before = [*(ftp_begin() if i == 0 else ()), (CLIENT, b"PASV\r\n"),
                  (SERVER, b"227 Entering Passive Mode (" + address.encode() + b")\r\n"),
                  (CLIENT, f"{verb} {name}\r\n".encode()), (SERVER, b"150 here\r\n")]
        sender = SERVER if verb == "RETR" else CLIENT
        steps.append((before, [(sender, content)], port))
    control = sum((b + [(SERVER, b"226 done\r\n")] for b, _, _ in steps), [])
    run = capture.tcp_steps(control, client, (server, control_port))
    sizes = [len(b) for b, _, _ in steps]
    next(run), next(run)        # the handshake
    for (before, data, port), n in zip(steps, sizes):
        for _ in range(n):
            next(run)
        capture.tcp(data, (client[0], 60000 + port % 5000), (server, port))
        next(run)               # 226
    for _ in run:
        pass


# -------------------------------------------------------------------- SMB


def smb2(command, message, body, reply=False, tree=1):
    head = struct.pack("<4sHHIHHIIQIIQ16s", b"\xfeSMB", 64, 1, 0, command, 1, 1 if reply else 0,
                       0, message, 0, tree, 0x11, b"")
    return struct.pack(">I", 64 + len(body)) + head + body


FILE_ID = b"FILE" * 4


def smb2_open(share, name, size):
    path, file = share.encode("utf-16-le"), name.encode("utf-16-le")
    return [
        (CLIENT, smb2(3, 1, struct.pack("<HHHH", 9, 0, 72, len(path)) + path, tree=0)),
        (SERVER, smb2(3, 1, struct.pack("<HBBIII", 16, 1, 0, 0, 0, 0x1F01FF), True)),
        (CLIENT, smb2(5, 2, struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, 0x12019F, 0x80, 7,
                                        3, 0x40, 120, len(file), 0, 0) + file)),
        (SERVER, smb2(5, 2, struct.pack("<HBBIQQQQQQII", 89, 0, 0, 1, 0, 0, 0, 0, size, size,
                                        0x80, 0) + FILE_ID + bytes(8), True)),
    ]


def smb2_close(message, size):
    return [(CLIENT, smb2(6, message, struct.pack("<HHI", 24, 1, 0) + FILE_ID)),
            (SERVER, smb2(6, message, struct.pack("<HHIQQQQQQI", 60, 1, 0, 0, 0, 0, 0, size, size,
                                                  0x80), True))]


def smb2_write(name, content, piece=65536, share="\\\\s\\share"):
    talk, n = smb2_open(share, name, 0), 3
    for at in range(0, len(content), piece):
        part = content[at:at + piece]
        talk += [(CLIENT, smb2(9, n, struct.pack("<HHIQ", 49, 112, len(part), at) + FILE_ID +
                               bytes(16) + part)),
                 (SERVER, smb2(9, n, struct.pack("<HHIIHH", 17, 0, len(part), 0, 0, 0), True))]
        n += 1
    return talk + smb2_close(n, len(content))


def smb2_read(name, content, piece=65536, share="\\\\s\\share"):
    talk, n = smb2_open(share, name, len(content)), 3
    for at in range(0, len(content), piece):
        part = content[at:at + piece]
        talk += [(CLIENT, smb2(8, n, struct.pack("<HBBIQ", 49, 80, 0, piece, at) + FILE_ID +
                               bytes(17))),
                 (SERVER, smb2(8, n, struct.pack("<HBBIII", 17, 80, 0, len(part), 0, 0) + part,
                               True))]
        n += 1
    return talk + smb2_close(n, len(content))


# -------------------------------------------------------------------- NFS


def rpc(body):
    return struct.pack(">I", 0x80000000 | len(body)) + body


def xdr(data):
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def nfs_call(xid, procedure, body):
    return rpc(struct.pack(">IIIIII", xid, 0, 2, 100003, 3, procedure) + bytes(16) + body)


def nfs_reply(xid, body):
    return rpc(struct.pack(">IIIIII", xid, 1, 0, 0, 0, 0) + body)


def nfs_attributes(size):
    return struct.pack(">IIIIIIQQQQQIIIIII", 1, 1, 0o644, 1, 0, 0, size, size, 0, 1, 77,
                       *([1] * 6))


HANDLE, FOLDER = xdr(b"H" * 32), xdr(b"D" * 32)


def nfs3_read(name, content, piece=65536):
    look = nfs_reply(1, struct.pack(">I", 0) + HANDLE + nfs_attributes(len(content)) + bytes(4))
    talk = [(CLIENT, nfs_call(1, 3, FOLDER + xdr(name.encode()))), (SERVER, look)]
    for n, at in enumerate(range(0, len(content), piece), 2):
        part = content[at:at + piece]
        talk += [(CLIENT, nfs_call(n, 6, HANDLE + struct.pack(">QI", at, piece))),
                 (SERVER, nfs_reply(n, struct.pack(">I", 0) + nfs_attributes(len(content)) +
                                    struct.pack(">II", len(part), at + piece >= len(content)) +
                                    xdr(part)))]
    return talk


# ------------------------------------------------------------------- TFTP


def tftp_read(name, content, port=40069):
    """With a block size of 1432; for Capture.udp(.., server=(address, 69))."""
    talk = [(CLIENT, b"\0\x01" + name.encode() + b"\0octet\0blksize\x001432\0", 69),
            (SERVER, b"\0\x06blksize\x001432\0", port), (CLIENT, b"\0\x04\0\0", port)]
    for n, at in enumerate(range(0, len(content) + 1, 1432), 1):
        number = struct.pack(">H", n & 0xFFFF)
        talk += [(SERVER, b"\0\x03" + number + content[at:at + 1432], port),
                 (CLIENT, b"\0\x04" + number, port)]
    return talk
