#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""NFS clients that no program is for: NFS 3 over UDP, and libnfs in pieces.

	nfs_client.py udp|4 HOST put|get NAME FILE [PIECE]

The first speaks the protocol itself: a library for datagrams there is none.
"""
import ctypes
import os
import socket
import struct
import sys
import time

EXPORT = "/share"
MOUNT, NFS = (100005, 3, 20048), (100003, 3, 2049)
LOOKUP, READ, WRITE, CREATE, COMMIT = 3, 6, 7, 8, 21


def opaque(data):
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        part = self.data[self.at:self.at + n]
        self.at += n
        return part

    def word(self):
        return struct.unpack(">I", self.take(4))[0]

    def opaque(self):
        n = self.word()
        data = self.take(n)
        self.take(-n % 4)
        return data

    def attributes(self):
        """post_op_attr"""
        if self.word():
            self.take(84)


class Datagrams:
    """NFS 3 over UDP: one request at a time, from a port that changes, as old clients do."""

    def __init__(self, host):
        self.host, self.xid, self.ports = host, int(time.time()), 0
        r = self.call(MOUNT, 1, opaque(EXPORT.encode()))
        assert r.word() == 0, "MNT"
        self.root = r.opaque()

    def call(self, program, procedure, arguments):
        number, version, port = program
        self.xid += 1
        cred = struct.pack(">I", 1) + opaque(b"lab") + struct.pack(">4I", 1234, 100, 1, 100)
        message = struct.pack(">6I", self.xid & 0xffffffff, 0, 2, number, version, procedure)
        message += struct.pack(">I", 1) + opaque(cred) + bytes(8) + arguments
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            self.ports += 1
            s.bind(("", 700 + self.ports % 20))
            s.settimeout(5)
            for _ in range(3):
                s.sendto(message, (self.host, port))
                try:
                    r = Reader(s.recv(70000))
                    break
                except socket.timeout:
                    continue
            else:
                raise RuntimeError("no answer")
        head = struct.unpack(">6I", r.take(24))
        assert head[0] == self.xid & 0xffffffff and head[5] == 0, head
        return r

    def put(self, name, data, piece):
        r = self.call(NFS, CREATE, opaque(self.root) + opaque(name.encode()) +
                      struct.pack(">7I", 0, 1, 0o644, 0, 0, 1, 0) + bytes(12))
        assert r.word() == 0 and r.word() == 1, "CREATE"
        handle = r.opaque()
        for at in range(0, len(data), piece):
            part = data[at:at + piece]
            r = self.call(NFS, WRITE, opaque(handle) + struct.pack(">QII", at, len(part), 0) +
                          opaque(part))
            assert r.word() == 0, "WRITE"
        assert self.call(NFS, COMMIT, opaque(handle) + bytes(12)).word() == 0, "COMMIT"

    def get(self, name, piece):
        r = self.call(NFS, LOOKUP, opaque(self.root) + opaque(name.encode()))
        assert r.word() == 0, "LOOKUP"
        handle, data, eof = r.opaque(), b"", 0
        while not eof:
            r = self.call(NFS, READ, opaque(handle) + struct.pack(">QI", len(data), piece))
            assert r.word() == 0, "READ"
            r.attributes()
            r.word()
            eof = r.word()
            data += r.opaque()
        return data


class LibNfs:
    """libnfs with NFS 4.0, in pieces as small as it takes them."""

    def __init__(self, host):
        self.lib = ctypes.CDLL("libnfs.so.13")
        self.lib.nfs_init_context.restype = ctypes.c_void_p
        self.lib.nfs_get_error.restype = ctypes.c_char_p
        self.nfs = ctypes.c_void_p(self.lib.nfs_init_context())
        self.check(self.lib.nfs_set_version(self.nfs, 4))
        self.check(self.lib.nfs_mount(self.nfs, host.encode(), EXPORT.encode()))

    def check(self, result):
        if result < 0:
            raise RuntimeError(self.lib.nfs_get_error(self.nfs).decode())
        return result

    def put(self, name, data, piece):
        file = ctypes.c_void_p()
        self.check(self.lib.nfs_open2(self.nfs, f"/{name}".encode(),
                                      os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644,
                                      ctypes.byref(file)))
        for at in range(0, len(data), piece):
            part = data[at:at + piece]
            self.check(self.lib.nfs_write(self.nfs, file, ctypes.c_uint64(len(part)), part))
        self.check(self.lib.nfs_close(self.nfs, file))

    def get(self, name, piece):
        file, data = ctypes.c_void_p(), b""
        self.check(self.lib.nfs_open(self.nfs, f"/{name}".encode(), os.O_RDONLY,
                                     ctypes.byref(file)))
        room = ctypes.create_string_buffer(piece)
        while n := self.check(self.lib.nfs_read(self.nfs, file, ctypes.c_uint64(piece), room)):
            data += room.raw[:n]
        self.check(self.lib.nfs_close(self.nfs, file))
        return data


def main(words):
    kind, host, what, name, path = words[:5]
    piece = int(words[5]) if len(words) > 5 else 4096
    client = (Datagrams if kind == "udp" else LibNfs)(host)
    if what == "put":
        with open(path, "rb") as f:
            client.put(name, f.read(), piece)
    else:
        with open(path, "wb") as f:
            f.write(client.get(name, piece))


if __name__ == "__main__":
    main(sys.argv[1:])
