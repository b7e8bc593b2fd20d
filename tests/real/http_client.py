# SPDX-License-Identifier: MIT
"""What curl does not do: HOST pipeline PATH... | HOST websocket PATH."""
import os
import socket
import sys


def name_of(host):
    return f"[{host}]" if ":" in host else host


def pipeline(host, *paths):
    """All requests at once."""
    s = socket.create_connection((host, 80))
    for i, path in enumerate(paths):
        last = "Connection: close\r\n" if i + 1 == len(paths) else ""
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: {name_of(host)}\r\n{last}\r\n".encode())
    while s.recv(65536):
        pass


def websocket(host, path):
    """Some masked messages, and all that comes."""
    s = socket.create_connection((host, 8080))
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: {name_of(host)}:8080\r\nUpgrade: websocket\r\n"
              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    if not s.recv(65536).startswith(b"HTTP/1.1 101"):
        sys.exit("no upgrade")
    for _ in range(20):
        s.sendall(b"\x82\xe4" + os.urandom(4 + 100))
    s.shutdown(socket.SHUT_WR)
    while s.recv(65536):
        pass


if __name__ == "__main__":
    {"pipeline": pipeline, "websocket": websocket}[sys.argv[2]](sys.argv[1], *sys.argv[3:])
