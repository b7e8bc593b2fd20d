# SPDX-License-Identifier: MIT
"""A small HTTP/1 server on port 8080 for what the others do not do; also a program."""
import base64
import hashlib
import http.server
import os
import socket
import subprocess
import sys
import zlib

PORT = 8080
ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3


def serve(start, www):
    """/KIND/.../NAME: the file NAME of `www`, sent in a way that KIND says."""
    return start(sys.executable, os.path.abspath(__file__), www)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    www = "."

    def log_message(self, *args):
        pass

    def whole(self, body, **fields):
        self.send_response(200)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        kind, name = self.path.split("/")[1], self.path.split("/")[-1]
        with open(os.path.join(self.www, name), "rb") as f:
            body = f.read()
        how = getattr(self, f"send_{kind}", None)
        if how:
            how(body)
        else:
            self.to_the_end(body, len(body) if kind == "close" else 2 * len(body),
                            kind == "cut")

    def send_deflate(self, body):
        self.whole(zlib.compress(body), Content_Encoding="deflate")

    def send_zstd(self, body):
        packed = subprocess.run(["zstd", "-c"], input=body, check=True,
                                stdout=subprocess.PIPE).stdout
        self.whole(packed, Content_Encoding="zstd")

    def send_named(self, body):
        self.whole(body, Content_Disposition="attachment; filename=\"given name.bin\"")

    def send_typed(self, body):
        self.whole(body, Content_Type="message/rfc822")

    def send_early(self, body):
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n")
        self.whole(body)

    def send_chunked(self, body):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at in range(0, len(body), 7001):
            piece = body[at:at + 7001]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\nX-Trailer: yes\r\n\r\n")

    def to_the_end(self, body, length, announced):
        self.send_response(200)
        if announced:
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def send_websocket(self, body):
        """The file in messages of 100 bytes, whatever the client says."""
        key = self.headers["Sec-WebSocket-Key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + ACCEPT).digest()).decode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        for at in range(0, len(body), 100):
            piece = body[at:at + 100]
            self.wfile.write(bytes((0x82, len(piece))) + piece)
        self.wfile.write(b"\x88\0")
        while self.rfile.read(65536):
            pass
        self.close_connection = True

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.whole(b"")


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True


if __name__ == "__main__":
    Handler.www = sys.argv[1]
    Server(("::", PORT), Handler).serve_forever()
