# SPDX-License-Identifier: MIT
"""What no client does by itself: imap_client.py HOST USER PASSWORD WHAT [FILE...]."""
import re
import socket
import ssl
import sys
import zlib

PIECE = 4096


class Client:
    def __init__(self, host, user, password):
        self.socket = socket.create_connection((host, 143), 20)
        self.buffer = b""
        self.inflater = self.deflater = None
        self.tags = 0
        self.line()
        self.login = (user, password)

    def enter(self):
        self.ask("LOGIN %s %s" % self.login)
        self.ask("SELECT INBOX")

    def send(self, data):
        if self.deflater:
            data = self.deflater.compress(data) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(data)

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise RuntimeError("the server is gone")
        self.buffer += self.inflater.decompress(data) if self.inflater else data

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def take(self, n):
        while len(self.buffer) < n:
            self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def tag(self):
        self.tags += 1
        return f"c{self.tags}"

    def finish(self, tag):
        """Until the tagged response; the literals that came."""
        literals = []
        while True:
            line = self.line()
            while re.search(rb"\{\d+\}$", line):
                literals.append(self.take(int(re.search(rb"\{(\d+)\}$", line).group(1))))
                line = self.line()
            if line.startswith(tag.encode() + b" "):
                if not line.startswith(tag.encode() + b" OK"):
                    raise RuntimeError(line)
                return literals

    def ask(self, command):
        tag = self.tag()
        self.send(f"{tag} {command}\r\n".encode())
        return self.finish(tag)


def parts(c, _):
    """As mail programs do: what there is, then the attachment alone."""
    c.enter()
    c.ask("UID FETCH 1 (UID RFC822.SIZE ENVELOPE BODYSTRUCTURE)")
    c.ask("UID FETCH 1 (UID BODY.PEEK[2])")


def mime(c, _):
    """A part with its header, and the message's."""
    c.enter()
    c.ask("FETCH 1 (BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT)] BODY.PEEK[2.MIME] BODY.PEEK[2])")


def text(c, _):
    c.enter()
    c.ask("FETCH 1 BODY.PEEK[HEADER]")
    c.ask("FETCH 1 BODY.PEEK[TEXT]")


def rfc822(c, _):
    c.enter()
    c.ask("FETCH 1 (FLAGS RFC822)")


def pieces(c, _):
    """The whole message, until there is less than was asked for."""
    c.enter()
    at, got = 0, PIECE
    while got == PIECE:
        got = len(c.ask(f"UID FETCH 1 (BODY.PEEK[]<{at}.{PIECE}>)")[0])
        at += got


def part_pieces(c, _):
    c.enter()
    c.ask("UID FETCH 1 (UID ENVELOPE BODYSTRUCTURE)")
    at, got = 0, PIECE
    while got == PIECE:
        got = len(c.ask(f"UID FETCH 1 (UID BODY.PEEK[2]<{at}.{PIECE}>)")[0])
        at += got


def some_pieces(c, _):
    """One is never asked for."""
    c.enter()
    for at in 0, 2 * PIECE:
        c.ask(f"UID FETCH 1 (BODY.PEEK[]<{at}.{PIECE}>)")


def binary(c, _):
    """Decoded by the server (RFC 3516)."""
    c.enter()
    c.ask("UID FETCH 1 (UID ENVELOPE BODYSTRUCTURE)")
    c.ask("UID FETCH 1 (UID BINARY.PEEK[2])")


def pipelined(c, _):
    """Nothing waited for."""
    c.enter()
    c.send(b"p1 FETCH 1 (ENVELOPE BODYSTRUCTURE)\r\np2 NOOP\r\np3 FETCH 1 BODY.PEEK[2]\r\n")
    c.finish("p3")


def compress(c, _):
    """COMPRESS=DEFLATE (RFC 4978)."""
    c.enter()
    c.ask("COMPRESS DEFLATE")
    c.inflater = zlib.decompressobj(-15)
    c.deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    c.ask("FETCH 1 BODY.PEEK[]")


def append(c, messages):
    """One that waits for leave, then two that do not (RFC 3502, RFC 7888)."""
    c.enter()
    tag = c.tag()
    c.send(f"{tag} APPEND INBOX (\\Seen) {{{len(messages[0])}}}\r\n".encode())
    c.line()
    c.send(messages[0] + b"\r\n")
    c.finish(tag)
    tag = c.tag()
    out = f"{tag} APPEND INBOX".encode()
    for message in messages[1:]:
        out += f" (\\Seen) {{{len(message)}+}}\r\n".encode() + message
    c.send(out + b"\r\n")
    c.finish(tag)


def append_compressed(c, messages):
    c.enter()
    c.ask("COMPRESS DEFLATE")
    c.inflater = zlib.decompressobj(-15)
    c.deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    for message in messages:
        tag = c.tag()
        c.send(f"{tag} APPEND INBOX {{{len(message)}+}}\r\n".encode() + message + b"\r\n")
        c.finish(tag)


def tls(c, _):
    """Nobody can read what follows."""
    c.ask("STARTTLS")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    c.socket = context.wrap_socket(c.socket)
    c.enter()
    c.ask("FETCH 1 BODY.PEEK[]")


def main():
    host, user, password, what, *files = sys.argv[1:]
    messages = []
    for path in files:
        with open(path, "rb") as f:
            messages.append(f.read())
    c = Client(host, user, password)
    globals()[what](c, messages)
    c.ask("LOGOUT")


if __name__ == "__main__":
    main()
