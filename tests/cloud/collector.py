# SPDX-License-Identifier: MIT
"""A cloud for tests that keeps every byte of each request and answers as it is told.

It knows no API: a test says what a request must be, byte for byte, and what is answered.
"""
import base64
import hashlib
import socket
import ssl
import subprocess
import threading
import time


class Request:
    """What came on a connection until its Content-Length was there, or the end."""

    def __init__(self, connection, head, body, whole, certificate):
        self.connection, self.head, self.body, self.whole = connection, head, body, whole
        self.certificate = certificate          # of the client, DER; None: it has shown none
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target = lines[0].split(" ")[:2]
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:] if line]

    def header(self, name):
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)


def answer(status, body=b"", *headers):
    """The bytes of an answer."""
    head = ["HTTP/1.1 %d Whatever" % status, "Content-Length: %d" % len(body), *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


DROP = None     # instead of an answer: the connection ends without one


class Collector:
    """reply(request) gives the bytes of an answer, or DROP."""

    def __init__(self, reply, context=None, address="127.0.0.1"):
        self.reply, self.context = reply, context
        self.requests, self.connections = [], 0
        self.cut = 0            # so many bytes of the next body are read, then it hangs up
        self.hold = 0           # seconds before a body is read
        self.lock = threading.Lock()
        self.listening = socket.create_server((address, 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection, self.connections), daemon=True).start()

    def serve(self, connection, number):
        try:
            connection.settimeout(60)
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                while self.one(connection, number):
                    pass
        except OSError:
            pass

    def one(self, connection, number):
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return False
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        certificate = connection.getpeercert(True) if self.context else None
        request = Request(number, head + b"\r\n\r\n", body, False, certificate)
        size = 0 if request.method in ("GET", "HEAD") else int(request.header("Content-Length"))
        time.sleep(self.hold)
        if request.header("Expect") == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        cut, self.cut = self.cut, 0
        body = bytearray(body)
        while len(body) < (min(cut, size) if cut else size):
            more = connection.recv(1 << 20)
            if not more:
                break
            body += more
        request.body = bytes(body)
        request.whole = len(request.body) == size
        with self.lock:
            self.requests.append(request)
            said = DROP if cut or not request.whole else self.reply(request)
        if said is DROP:
            return False
        connection.sendall(said)
        return True

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


class Proxy:
    """CONNECT to where it is told, and nothing else; keeps what it was asked."""

    def __init__(self):
        self.asked = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listening.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        self.asked.append(head)
        host, port = head.split(b" ")[1].decode().split(":")
        cloud = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        threading.Thread(target=self.copy, args=(cloud, client), daemon=True).start()
        self.copy(client, cloud)

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


def run(*argv):
    subprocess.run(argv, check=True, capture_output=True)


def authority(folder, name):
    """Makes an authority; its certificate is folder/name.pem."""
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=" + name, "-keyout", "%s/%s.key" % (folder, name), "-out", "%s/%s.pem" % (folder, name))


def certificate(folder, issuer, name, extension="subjectAltName=IP:127.0.0.1,DNS:localhost"):
    """Makes folder/name.pem and .key, signed by that authority."""
    key, request, pem = ("%s/%s.%s" % (folder, name, end) for end in ("key", "csr", "pem"))
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=" + name,
        "-addext", extension, "-keyout", key, "-out", request)
    run("openssl", "x509", "-req", "-in", request, "-CA", "%s/%s.pem" % (folder, issuer), "-CAkey",
        "%s/%s.key" % (folder, issuer), "-CAcreateserial", "-days", "2", "-copy_extensions", "copy", "-out", pem)


def pin(folder, name):
    """Its public key, as a configuration names it."""
    der = subprocess.run("openssl x509 -in %s/%s.pem -noout -pubkey | openssl pkey -pubin -outform DER" % (folder, name),
                         shell=True, check=True, capture_output=True).stdout
    return "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def tls(folder, name, clients=None):
    """What a server with that certificate needs; clients: the authority of theirs, which they must have."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("%s/%s.pem" % (folder, name), "%s/%s.key" % (folder, name))
    if clients:
        context.load_verify_locations("%s/%s.pem" % (folder, clients))
        context.verify_mode = ssl.CERT_REQUIRED
    return context
