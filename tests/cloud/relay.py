# SPDX-License-Identifier: MIT
"""What stands between an agent and its cloud: a relay that cuts, and servers that are wrong.

Relay passes bytes on, TLS and all, and cuts connections where its plan says. Wrong is a TLS server
with a certificate of the caller's, and answers of the caller's; what it was sent is kept.
"""
import collections
import contextlib
import os
import select
import socket
import ssl
import struct
import subprocess
import threading

# After so many bytes of a direction, the client's (up) or the server's (down): by a reset, or properly.
Cut = collections.namedtuple('Cut', 'direction bytes reset')


def certificates(where, good_ca):
    """A second authority below where; trust.pem has both. Makes good, another name, expired, of nobody."""
    def openssl(*argv):
        subprocess.run(('openssl',) + argv, cwd=where, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def authority(name):
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650',
                '-subj', '/CN=' + name, '-keyout', name + '.key', '-out', name + '.pem')

    def leaf(name, alt, ca, days):
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=' + name,
                '-keyout', name + '.key', '-out', name + '.csr')
        with open(os.path.join(where, name + '.ext'), 'w') as f:
            f.write('subjectAltName = %s\n' % alt)
        openssl('x509', '-req', '-in', name + '.csr', '-CA', ca + '.pem', '-CAkey', ca + '.key', '-CAcreateserial',
                '-days', days, '-extfile', name + '.ext', '-out', name + '.pem')
    os.makedirs(where)
    authority('second')
    authority('nobody')
    leaf('good', 'IP:127.0.0.1', 'second', '30')
    leaf('other', 'DNS:cloud.example', 'second', '30')
    leaf('expired', 'IP:127.0.0.1', 'second', '0')
    leaf('unknown', 'IP:127.0.0.1', 'nobody', '30')
    trust = os.path.join(where, 'trust.pem')
    with open(trust, 'w') as f:
        for name in good_ca, os.path.join(where, 'second.pem'):
            with open(name) as g:
                f.write(g.read())
    return trust


class Listener:
    """A port on loopback; each connection has a thread, in which connection() runs."""

    def __init__(self, listen=True):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]
        self.lock = threading.Lock()
        if listen:
            self.listen()

    def listen(self):
        self.socket.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.socket.accept()[0]
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, contextlib.suppress(OSError):
            self.connection(client)

    def close(self):
        self.socket.close()


class Relay(Listener):
    def __init__(self, target, listen=True):
        self.target, self.plan = target, collections.deque()
        self.done = []          # cuts that happened
        self.largest = {'up': 0, 'down': 0}     # bytes of a connection that is not to be cut
        super().__init__(listen)

    def take(self):
        with self.lock:
            return self.plan.popleft() if self.plan else None

    def connection(self, client):
        cut = self.take()
        if cut and not cut.bytes and cut.direction == 'up':
            self.cut(client, cut)
            return
        passed = {'up': 0, 'down': 0}
        target = self.target
        with socket.create_connection(('127.0.0.1', target)) as server:
            if not self.passes(client, server, cut, passed, target):
                self.cut(client, cut)
                return
        if cut:         # it was not long enough, the next may be
            self.plan.append(cut)

    def passes(self, client, server, cut, passed, target):
        """Until one of them has no more to say, or has it to another now; False: the place to cut is reached."""
        to = {client: (server, 'up'), server: (client, 'down')}
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while True:
                for source in select.select(list(to), [], [])[0]:
                    other, direction = to[source]
                    data = source.recv(65536)
                    if cut and cut.direction == direction and passed[direction] + len(data) > cut.bytes:
                        other.sendall(data[:cut.bytes - passed[direction]])
                        return False
                    if not data or self.target != target:
                        return True
                    passed[direction] += len(data)
                    if not cut:
                        self.largest[direction] = max(self.largest[direction], passed[direction])
                    other.sendall(data)
        return True

    def cut(self, client, cut):
        if cut.reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        with self.lock:
            self.done.append(cut)


class Wrong(Listener):
    """answer(head, body, send) is called for each request; head and body are bytes."""

    def __init__(self, certificate, answer=None):
        self.answer, self.requests, self.connections = answer, [], 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, certificate.replace('.pem', '.key'))
        super().__init__()

    def connection(self, client):
        client.settimeout(30)
        with self.lock:
            self.connections += 1
        with self.context.wrap_socket(client, server_side=True) as tls:
            while True:
                got = b''
                while b'\r\n\r\n' not in got:
                    part = tls.recv(65536)
                    if not part:
                        return
                    got += part
                head, body = got.split(b'\r\n\r\n', 1)
                size = [int(line.split(b':')[1]) for line in head.split(b'\r\n') if
                        line.lower().startswith(b'content-length:')]
                while size and len(body) < size[0]:
                    body += tls.recv(65536)
                with self.lock:
                    self.requests.append((head, body))
                if not self.answer or not self.answer(head, body, tls.sendall):
                    return
