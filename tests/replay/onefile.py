#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""onefile.py CAPTURE: writes a capture of one download and one upload over HTTP.

10.1.2.3:41234 asks 192.0.2.80:8080. Every value that a test may look for is a canary.
"""
import struct
import sys

CLIENT, SERVER = (bytes([10, 1, 2, 3]), 41234), (bytes([192, 0, 2, 80]), 8080)
DOWN = b"the downloaded file\n"
UP = b"the uploaded file\n"
CONVERSATION = [
    (CLIENT, b"GET /urlcanary/namecanary.bin?id=7 HTTP/1.1\r\nHost: 192.0.2.80:8080\r\n"
             b"User-Agent: agentcanary\r\n\r\n"),
    (SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(DOWN) + DOWN),
    (CLIENT, b"PUT /putcanary.bin HTTP/1.1\r\nHost: 192.0.2.80:8080\r\n"
             b"Content-Length: %d\r\n\r\n" % len(UP) + UP),
    (SERVER, b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
]
FIN, SYN, ACK = 1, 2, 16


def packet(sender, receiver, sequence, acknowledgment, flags, payload):
    tcp = struct.pack(">HHIIBBHHH", sender[1], receiver[1], sequence, acknowledgment,
                      5 << 4, flags, 65535, 0, 0)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 1, 0, 64, 6, 0)
    return ip + sender[0] + receiver[0] + tcp + payload


def packets():
    at = {CLIENT: 1000, SERVER: 9000}
    for sender, flags in (CLIENT, SYN), (SERVER, SYN | ACK):
        receiver = SERVER if sender == CLIENT else CLIENT
        yield packet(sender, receiver, at[sender], at[receiver], flags, b"")
        at[sender] += 1
    for sender, data in CONVERSATION:
        receiver = SERVER if sender == CLIENT else CLIENT
        yield packet(sender, receiver, at[sender], at[receiver], ACK, data)
        at[sender] += len(data)
    for sender in CLIENT, SERVER:
        receiver = SERVER if sender == CLIENT else CLIENT
        yield packet(sender, receiver, at[sender], at[receiver], FIN | ACK, b"")
        at[sender] += 1


with open(sys.argv[1], "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))  # raw IP
    for n, p in enumerate(packets()):
        f.write(struct.pack("<IIII", 1700000000 + n, 5, len(p), len(p)) + p)
