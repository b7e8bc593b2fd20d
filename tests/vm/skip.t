#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What nobody wants does not cross the ring: the agent has the kernel leave it out, and sees what
comes behind it. And no byte is unaccounted for, in the statistics and in each session."""
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = here, os.path.join(here, '..', 'real')
import vsftpd                                                                      # noqa: E402
from rig import (SERVER, SERVER6, SLUICECTL, Agent, check, enter, inside, kernel_stats, lines_of,  # noqa: E402
                 main, poll, popen, run, same, stop, tail)

MB = 1 << 20
LARGE = 200 * MB
LIMIT = MB         # larger ones are not of the type that is wanted
WANTED = b'%PDF-1.7\n'
OTHER = b'\x1f\x8b\x08'
ANY = 16 * MB       # data of no known format may still be anything up to this size
WEB = 8081

CONF = '''
[cloud local]
kind = directory
path = %s
[share local]
default = share
[rule documents]
application = any
file_type = pdf
direction = both
cloud = local
'''


class Web(threading.Thread):
    """Keep-alive on the server's side: GET /N is N bytes, anything sent is taken. nginx would have to
    have the 200 MB in a file."""

    def __init__(self):
        super().__init__(daemon=True)
        self.block = bytes(range(256)) * 1024

    def run(self):
        enter('server')
        with socket.create_server(('::', WEB), family=socket.AF_INET6, dualstack_ipv6=True) as s:
            while True:
                connection, _ = s.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        enter('server')
        with connection, connection.makefile('rb') as file:
            while True:
                words = file.readline().split()
                if len(words) != 3:
                    return
                length = 0
                for line in iter(file.readline, b'\r\n'):
                    name, _, value = line.partition(b':')
                    if name.lower() == b'content-length':
                        length = int(value)
                while length:
                    length -= len(file.read1(min(length, 1 << 18)))
                if words[0] == b'GET':
                    size, _, tag = words[1].strip(b'/').partition(b'-')
                    send(connection, b'HTTP/1.1 200 OK\r\n', int(size), tag, self.block)
                else:
                    connection.sendall(b'HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n')


def content(size, tag, block):
    """A small body is told from others by its tag."""
    return (WANTED + tag + block * (size // len(block) + 1))[:size]


def send(connection, head, size, tag, block):
    connection.sendall(head + b'Content-Length: %d\r\n\r\n' % size)
    if size <= LIMIT:
        connection.sendall(content(size, tag, block))
        return
    if size <= ANY:
        connection.sendall(OTHER)
        size -= len(OTHER)
    while size:
        size -= connection.send(memoryview(block)[:min(size, len(block))])


class Client:
    """One connection of the client to the server, kept alive."""

    def __init__(self, host, web):
        with inside('client'):
            self.socket = socket.create_connection((host, WEB), timeout=100)
        self.file = self.socket.makefile('rb')
        self.block = web.block
        self.port = self.socket.getsockname()[1]

    def answer(self):
        length = 0
        check(self.file.readline().startswith(b'HTTP/1.1 20'), 'the answer')
        for line in iter(self.file.readline, b'\r\n'):
            if line.lower().startswith(b'content-length:'):
                length = int(line.split(b':')[1])
        return length

    def take(self, length):
        room = bytearray(1 << 18)
        while length:
            got = self.file.readinto1(memoryview(room)[:min(length, len(room))])
            check(got, 'the server closed')
            length -= got

    def ask(self, *sizes):
        """GETs at once, one behind the other; returns what the small answers have to be."""
        tags = [b'%d-%s' % (size, os.urandom(8).hex().encode()) for size in sizes]
        self.socket.sendall(b''.join(b'GET /%s HTTP/1.1\r\nHost: h\r\n\r\n' % t for t in tags))
        return [hashlib.sha256(content(s, t.partition(b'-')[2], self.block)).hexdigest()
                for s, t in zip(sizes, tags) if s <= LIMIT]

    def get(self, *sizes):
        hashes = self.ask(*sizes)
        for size in sizes:
            same(self.answer(), size, 'Content-Length')
            self.take(size)
        return hashes

    def put(self, size):
        tag = os.urandom(8).hex().encode()
        send(self.socket, b'PUT /%s HTTP/1.1\r\nHost: h\r\n' % tag, size, tag, self.block)
        self.take(self.answer())
        return [hashlib.sha256(content(size, tag, self.block)).hexdigest()] if size <= LIMIT else []

    def close(self):
        self.file.close()
        self.socket.close()


class World:
    def __init__(self, tap, rig):
        self.tap, self.rig = tap, rig
        self.web = Web()
        self.web.start()
        self.agent = Agent(rig)
        self.agent.configure(CONF % rig.path('local'), 'max_file_size = 1G\n')
        self.agent.start()
        self.monitor()
        self.warm_up()

    def monitor(self):
        self.events = self.rig.path('events')
        with open(self.events, 'wb') as out:
            self.rig.stack.callback(stop, popen('gate', (SLUICECTL, '--json', 'monitor', 'sessions'), stdout=out))

    def warm_up(self):
        """Programs run for the first time here are slow: nothing of that is measured."""
        self.mark()

        def served():
            with inside('client'), socket.socket() as s:
                return s.connect_ex((SERVER, WEB)) == 0
        poll(served, 20, 'the server')

        def heard():
            c = Client(SERVER, self.web)
            c.get(4 * MB, 100)
            c.put(4 * MB)
            c.close()
            return lines_of(self.events)
        poll(heard, 30, 'the monitor to say something')
        poll(lambda: not kernel_stats()['sessions_now'], 30, 'the end of the first sessions')
        self.began, self.heard = kernel_stats(), len(lines_of(self.events))
        self.agent.fresh_stats()
        self.warm = self.agent.counters()

    def case(self, name):
        return self.tap.case(name, lambda: 'agent: %s\nkernel: %r\nlog: %s' % (
            {k: v for k, v in self.agent.counters().items() if 'skip' in k or 'tcp' in k or 'files' in k},
            self.moved(self.before), tail(self.agent.log)))

    def mark(self):
        self.before = kernel_stats()
        self.seen = len(self.agent.sightings())

    @staticmethod
    def moved(before):
        now = kernel_stats()
        return {k: now[k] - before[k] for k in now}

    def accounted(self):
        """Every byte the hook saw is one of these; nothing is under way."""
        def settled():
            m = self.moved(self.before)
            return m['bytes'] + m['udp_bytes'] == sum(m[k] for k in (
                'bytes_delivered', 'lost_bytes', 'skipped_bytes', 'shunted_bytes', 'ignored_bytes',
                'missed_bytes')) and m
        return poll(settled, 5, 'bytes = delivered + lost + skipped + shunted + ignored + missed')

    def whole(self, hashes):
        for sha256 in hashes:
            self.agent.sighting(sha256)

    def unwanted(self, count, size):
        """Truncated sightings of large files, with the reason."""
        def there():
            found = [s for s in self.agent.sightings()[self.seen:]
                     if s['sluice']['file'].get('reason') == 'unwanted']
            return len(found) >= count and found
        found = poll(there, 30, '%d sightings of what was left out' % count)
        same(len(found), count, 'sightings of what was left out')
        for s in found:
            same((s['sluice']['file']['state'], s['sluice']['file']['stored']), ('truncated', False), 'state')
            same(s['file']['size'], size, 'file.size')


def share(moved, of):
    return 100.0 * moved['bytes_delivered'] / of


def large(w):
    for name, host in (('IPv4', SERVER), ('IPv6', SERVER6)):
        for what in ('download', 'upload'):
            size = LARGE
            with w.case('%d MB %s nobody wants, %s: under 1 %% of it in the ring, what follows is whole' % (
                    size // MB, what, name)):
                w.mark()
                c = Client(host, w.web)
                begun = time.monotonic()
                whole = c.get(size, 20000, 20000) if what == 'download' else c.put(size) + c.put(20000) + c.put(20000)
                took = time.monotonic() - begun
                w.whole(whole)
                w.unwanted(1, size)
                m = w.accounted()
                check(m['bytes'] >= size, 'bytes seen: %r' % m)
                w.tap.note('%.2f %% of %d MB delivered, %d MB/s' % (share(m, size), size // MB, size / MB / took))
                check(share(m, size) < 1, '%.2f %% of it were delivered' % share(m, size))
                same(m['lost_bytes'], 0, 'lost')
                c.close()


def in_a_row(w, size, rounds, host):
    """Wanted and unwanted ones, one after the other and without waiting, both ways, on one connection."""
    c = Client(host, w.web)
    whole = []
    for _ in range(rounds):
        whole += c.get(size, 20000, size, size, 5000) + c.put(size) + c.put(20000) + c.get(10000)
    c.close()
    w.whole(whole)
    w.unwanted(4 * rounds, size)
    return 4 * rounds * size


def kept_alive(w):
    with w.case('several nobody wants in a row, pipelined, between such that are wanted, both directions'):
        w.mark()
        total = in_a_row(w, 5 * MB, 2, SERVER)
        m = w.accounted()
        w.tap.note('%.2f %% of %d MB delivered' % (share(m, total), total // MB))
        check(m['skipped_bytes'] > total // 2, 'skipped: %r' % m)


def loss(w):
    links = (('server', 'gate'), ('client', 'gate'), ('gate', 'client'), ('gate', 'server'))
    run(None, ('modprobe', 'sch_netem'))
    for ns, device in links:
        run(ns, ('tc', 'qdisc', 'add', 'dev', device, 'root', 'netem', 'loss', '1%'))
    for name, host in (('IPv4', SERVER), ('IPv6', SERVER6)):
        with w.case('the same with 1 %% of the packets lost before and behind the gateway, %s' % name):
            w.mark()
            total = in_a_row(w, 3 * MB, 1, host)
            m = w.accounted()
            w.tap.note('%.2f %% of %d MB delivered, %d bytes sent again' % (
                share(m, total), total // MB, m['bytes'] - total))
            check(m['skipped_bytes'] > total // 4, 'skipped: %r' % m)
    for ns, device in links:
        run(ns, ('tc', 'qdisc', 'del', 'dev', device, 'root'))


def document(directory, name, begin, size):
    data = begin + os.urandom(size)
    with open(os.path.join(directory, name), 'wb') as f:
        f.write(data)
    return name, hashlib.sha256(data).hexdigest()


def ftp(w):
    directory = w.rig.path('ftpd')
    os.makedirs(directory)

    def start(*argv):
        child = popen('server', argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        w.rig.stack.callback(stop, child)
    vsftpd.serve(start, directory)
    with w.case('FTP: the data nobody wants is shunted, the file after it is whole'):
        large = document(os.path.join(directory, 'ftp'), 'large.gz', OTHER, 20 * MB)[0]
        small, sha256 = document(os.path.join(directory, 'ftp'), 'small.pdf', WANTED, 20000)

        def listens():
            with inside('client'), socket.socket() as s:
                return s.connect_ex((SERVER, vsftpd.PORT)) == 0
        poll(listens, 30, 'vsftpd')
        w.mark()
        w.rig.curl('-o', '/dev/null', '-o', '/dev/null', 'ftp://%s/%s' % (SERVER, large),
                   'ftp://%s/%s' % (SERVER, small))
        w.whole([sha256])
        m = w.accounted()
        w.tap.note('%.2f %% of 20 MB delivered' % share(m, 20 * MB))
        same(m['shunted_sessions'], 1, 'sessions shunted')
        check(m['shunted_bytes'] > 10 * MB, 'shunted: %r' % m)
        same(w.agent.sighting(sha256)['network']['application'], 'ftp', 'application')


def ends(w):
    with w.case('the ends of all sessions say the same as the statistics, to the byte'):
        w.before = w.began
        poll(lambda: not kernel_stats()['sessions_now'], 60, 'the end of all sessions')
        m = w.accounted()
        poll(lambda: sum(e['event'] == 'session-end' for e in lines_of(w.events)[w.heard:]) == m['sessions'], 10,
             'the ends of %d sessions' % m['sessions'])
        count = dict.fromkeys(('bytes', 'skipped_bytes', 'lost_bytes'), 0)
        for e in lines_of(w.events)[w.heard:]:
            for side in ('from_client', 'from_server'):
                for name in count:
                    count[name] += e[side][name] if e['event'] == 'session-end' else 0
        # A shunted session's end comes with the shunt.
        same(count['bytes'] + m['shunted_bytes'], m['bytes'], 'bytes')
        same(count['skipped_bytes'], m['skipped_bytes'], 'skipped')
        same(count['lost_bytes'], m['lost_bytes'], 'lost')
        same(count['bytes'] - count['skipped_bytes'] - count['lost_bytes'], m['bytes_delivered'], 'captured')

    with w.case('the agent counts what it asked for, and holds no hole that it was not asked to leave'):
        w.agent.fresh_stats()
        c = {k: v - w.warm[k] for k, v in w.agent.counters().items()}
        check(c['skips'] >= 20 and c['skip_bytes'] > LARGE, 'skips: %r' % c)
        check(c['skip_bytes'] >= c['skipped_bytes'] > LARGE // 10 * 9, 'skipped: %r' % c)
        same((c['records_bad'], c['messages_bad'], c['http_errors'], c['tcp_gaps']), (0, 0, 0, 0), 'errors, holes')
        check('Sanitizer' not in open(w.agent.log).read(), 'log')


def test(tap, rig):
    w = World(tap, rig)
    for part in (large, kept_alive, loss, ftp, ends):
        part(w)


if __name__ == '__main__':
    sys.exit(main(test))
