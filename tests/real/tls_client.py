# SPDX-License-Identifier: MIT
"""
tls_client.py HOST PORT NAME RECORD SEGMENT   a handshake whose hello is in records and in
                                             segments of at most so many bytes
tls_client.py --proxy PORT TARGET            a proxy for CONNECT, all of it to TARGET here
"""
import socket
import ssl
import struct
import sys
import threading


def in_records(flight, size):
    """The bytes of handshake records again, in records of that size."""
    body, at = b"", 0
    while at < len(flight):
        length, = struct.unpack(">H", flight[at + 3:at + 5])
        body += flight[at + 5:at + 5 + length]
        at += 5 + length
    return b"".join(b"\x16\x03\x01" + struct.pack(">H", len(body[i:i + size])) + body[i:i + size]
                    for i in range(0, len(body), size))


def client(host, port, name, record, segment):
    context = ssl._create_unverified_context()    # pylint: disable=protected-access
    got, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(got, out, server_hostname=name)
    with socket.create_connection((host, port), 20) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        first = True
        while True:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            data = out.read()
            if first:
                data = in_records(data, record)
                for i in range(0, len(data), segment):
                    s.sendall(data[i:i + segment])
            elif data:
                s.sendall(data)
            first = False
            if done:
                return
            data = s.recv(65536)
            if not data:
                sys.exit("the server ended the handshake")
            got.write(data)


def pump(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.shutdown(socket.SHUT_WR)


def serve(s, target):
    with s:
        head = b""
        while b"\r\n\r\n" not in head:
            data = s.recv(4096)
            if not data:
                return
            head += data
        with socket.create_connection(("localhost", target), 20) as there:
            s.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(there, s))
            back.start()
            pump(s, there)
            back.join()


def proxy(port, target):
    with socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        while True:
            s, _ = listener.accept()
            threading.Thread(target=serve, args=(s, target), daemon=True).start()


if __name__ == "__main__":
    if sys.argv[1] == "--proxy":
        proxy(*map(int, sys.argv[2:4]))
    else:
        client(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
