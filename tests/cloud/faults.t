#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clouds, networks, disks, clocks and databases that fail under a whole agent.

Each case has an agent (crash_agent of tests/crash, with nobody who kills it) and a cloud of its
own, something fails for a while, and then all is well again. After it what was accepted is at its
clouds once and nothing else is, the ledger verifies and has every request, counters, databases and
local log agree (tests/crash/world.py).

	tests/cloud/faults.t [--long] [--keep] [--only TEXT] [--jobs N]
"""
import argparse
import concurrent.futures
import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'crash')]
from relay import Cut, Relay, Wrong, certificates
from world import FED, Agent, Clock, Cloud, World
from rig import Failure, Tap, check, lines_of, poll, same, tail

FAULT_MAX = 90          # seconds in which a fault must have been met
END_MAX = 90            # and in which all must be at its place when it is over

CASES = []


def case(function):
    CASES.append(function)
    return function


class Away:
    """A cloud by way of a relay."""

    def __init__(self, cloud, relay, ca):
        self.url, self.ca, self.requests = 'https://127.0.0.1:%d/publicapi' % relay.port, ca, cloud.requests


class Place:
    """What a case has: a folder, clouds, and the worlds of agents."""

    def __init__(self, where, number, options):
        self.where, self.number, self.options = where, number, options
        self.long, self.begin, self.open, self.notes = options.long, number << 20, [], []
        self.skip = None
        os.makedirs(where)

    def cloud(self, *more):
        where = os.path.join(self.where, 'c')
        os.mkdir(where)
        cloud = Cloud(where, more=more)
        self.open.append(cloud.stop)
        return cloud

    def relay(self, port, listen=True):
        relay = Relay(port, listen)
        self.open.append(relay.close)
        return relay

    def wrong(self, certificate, answer=None):
        wrong = Wrong(certificate, answer)
        self.open.append(wrong.close)
        return wrong

    def world(self, cloud):
        self.w = World(os.path.join(self.where, 'w'), cloud, self.begin)
        return self.w

    def note(self, text):
        self.notes.append(text)

    def close(self):
        for close in self.open:
            close()


def log_has(w, pattern, what=None):
    def found():
        with open(w.log, errors='replace') as f:
            return re.search(pattern, f.read())
    poll(found, FAULT_MAX, '%s: "%s" in the log' % (what or 'the fault', pattern))


def end_all(w, agent, lost=0):
    """Until all that was accepted has ended, and all that was fed was accepted but so many."""
    def ended():
        try:
            t = w.tally(w.live)
        except Exception as e:          # a reader may have to wait too long
            w.seen = str(e)
            return False
        w.seen = t
        return t.sightings == len(w.sample) - lost and not t.offered and not t.untold and t.ended == t.accepted
    end = time.monotonic() + END_MAX
    while not ended():
        check(agent.child.poll() is None, 'the agent ended: ' + tail(w.log))
        check(time.monotonic() < end, 'not all ended: %s; %d fed\n%s' % (w.seen, len(w.sample), tail(w.log)))
        time.sleep(0.1)


def requests(cloud):
    return lines_of(os.path.join(cloud.log, 'requests.jsonl'))


def judge(w):
    """Nothing lost, nothing twice, nothing that may not."""
    w.after(None)
    w.settle()
    w.judge()


# --------------------------------------------------------------------- network

@case
def cuts(p):
    """connections refused, then cut at places of every phase, in both directions"""
    cloud = p.cloud()
    relay = p.relay(cloud.port, listen=False)
    w = p.world(Away(cloud, relay, cloud.ca))
    with Agent(w) as a:
        w.feed(a.child, a.ring)
        log_has(w, 'cloud wf: .*(refused|connect)', 'connections that are refused')
        relay.listen()
        end_all(w, a)
        # Now it is known how long they are when nobody cuts.
        places = 60 if p.long else 9
        for i in range(places):
            for direction, most in relay.largest.items():
                relay.plan.append(Cut(direction, most * i // places, i % 2))
        wanted = len(relay.plan)
        end = time.monotonic() + (600 if p.long else 45)
        while len(relay.done) < wanted and time.monotonic() < end:
            if w.tally(w.live).waiting < 6:
                w.feed(a.child, a.ring)
            time.sleep(0.2)
        relay.plan.clear()
        check(len(relay.done) >= wanted * 2 // 3, '%d of %d cuts happened' % (len(relay.done), wanted))
        p.note('%d cuts at up to %s bytes' % (len(relay.done), relay.largest))
        end_all(w, a)
    judge(w)


@case
def spoiled(p):
    """a slow cloud, and one that cuts or spoils its answers before, while and after it takes a file"""
    # What takes nothing comes first: a file that was taken is not uploaded again.
    nothing = 'cut-before', 'status=503', 'status=500', 'status=429,retry-after=1', 'status=419,retry-after=1', 'status=401'
    taken = 'slow=3', 'cut-after', 'cut-answer', 'bad-xml', 'empty', 'content-type', 'blank-lines'
    rules = ['cut-body=%d,path=submit/file,count=1' % n for n in (1, 300, 900, 2000, 9000, 30000)]
    rules += ['%s,path=%s,count=1' % (kind, path) for kind in nothing + taken for path in ('get/verdict', 'submit/file')]
    cloud = p.cloud(*[word for rule in rules for word in ('--fail', rule)])
    w = p.world(cloud)
    with Agent(w) as a:
        for _ in range(20 if p.long else 6):
            w.feed(a.child, a.ring)
        end_all(w, a)
    met = [(r['path'].replace('/publicapi/', ''), r['fault']) for r in requests(cloud) if r.get('fault')]
    for rule in rules:
        kind, path = re.match(r'([a-z-]+).*path=([a-z/]+)', rule).groups()
        check(kind == 'slow' or (path, kind) in met, '%s did not happen: %s' % (rule, met))
    judge(w)


# ---------------------------------------------------------------- certificates

@case
def trust(p):
    """a cloud with a wrong certificate, or not the pinned key, gets no byte of a request"""
    cloud = p.cloud()
    where = os.path.join(p.where, 'ca')
    ca = certificates(where, cloud.ca)
    relay = p.relay(cloud.port)
    w = p.world(Away(cloud, relay, ca))

    def name(which):
        return os.path.join(where, which + '.pem')
    with open(w.conf) as f:
        conf = f.read()
    wrongs = (('unknown', 'unable to get (local )?issuer certificate', ''),
              ('other', 'no alternative certificate subject name matches|does not match', ''),
              ('expired', 'certificate has expired', ''),
              ('good', 'pinned|public key', 'pinned_key = sha256//%s=\n' % ('A' * 43)))
    fed = False
    for which, text, more in wrongs:
        wrong = p.wrong(name(which))
        relay.target = wrong.port
        open(w.log, 'w').close()
        with open(w.conf, 'w') as f:
            f.write(conf.replace('[share wf]', more + '[share wf]', 1))
        with Agent(w) as a:
            if not fed:
                w.feed(a.child, a.ring)
                fed = True
            log_has(w, 'cloud wf: .*(%s)' % text, 'the certificate ' + which)
            poll(lambda: wrong.connections > 1, FAULT_MAX, 'a second try')
        same(wrong.requests, [], 'requests to a cloud that is not to be trusted')
    relay.target = cloud.port
    with open(w.conf, 'w') as f:
        f.write(conf)
    with Agent(w) as a:
        end_all(w, a)
    judge(w)


# --------------------------------------------------------------- wrong answers

def answer(status, body, kind='application/xml', more=''):
    return ('HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n' % (
        status, kind, len(body), more)).encode() + body.encode()


def verdict(sha256, value):
    return ('<?xml version="1.0" encoding="UTF-8"?><wildfire><get-verdict-info><sha256>%s</sha256><verdict>%s'
            '</verdict><md5></md5></get-verdict-info></wildfire>' % (sha256, value))


def endless(send, head, piece):
    send(head)
    while True:
        send(piece)


@case
def answers(p):
    """answers that make no sense are neither a yes nor a no, and are asked for again"""
    cloud = p.cloud()
    where = os.path.join(p.where, 'ca')
    ca = certificates(where, cloud.ca)
    elsewhere = p.wrong(os.path.join(where, 'good.pem'))
    no, other = verdict('%s', -102), '%064x' % 1
    # Name, what the log says, what is sent about a hash. None: the cloud counts as down, which is logged once.
    wrongs = (
        ('no XML', 'not understood', lambda s, h: s(answer('200 OK', 'unknown sample'))),
        ('half', 'not understood', lambda s, h: s(answer('200 OK', (no % h)[:90]))),
        ('another hash', 'about another sample', lambda s, h: s(answer('200 OK', no % other))),
        ('another hash, known', 'about another sample', lambda s, h: s(answer('200 OK', verdict(other, 0)))),
        ('verdict of tomorrow', 'verdict -107, meaning not known',
         lambda s, h: s(answer('200 OK', verdict(h, -107)))),
        ('no number', 'verdict is not a number', lambda s, h: s(answer('200 OK', verdict(h, 'clean')))),
        ('HTML', 'not understood', lambda s, h: s(answer('200 OK', '<html><body>Welcome</body></html>', 'text/html'))),
        ('of an upload', 'another question', lambda s, h: s(answer(
            '200 OK', '<wildfire><upload-file-info><sha256>%s</sha256></upload-file-info></wildfire>' % h))),
        ('a document type', 'not understood', lambda s, h: s(answer(
            '200 OK', '<!DOCTYPE a [<!ENTITY b "c">]>' + no % h))),
        ('not HTTP', None, lambda s, h: s(b'220 mail.example ESMTP\r\n')),
        ('endless', 'answer of more than', lambda s, h: endless(
            s, b'HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n<wildfire>', b'<a/>' * 1000)),
        ('endless headers', 'get/verdict', lambda s, h: endless(
            s, b'HTTP/1.1 200 OK\r\n', b'X-A: ' + b'a' * 8000 + b'\r\n')),
        ('one endless header', 'get/verdict', lambda s, h: endless(s, b'HTTP/1.1 200 OK\r\nX-A: ', b'a' * 8000)),
        ('elsewhere', None, lambda s, h: s(answer('307 Temporary Redirect', '', more=(
            'Location: https://127.0.0.1:%d/publicapi/get/verdict\r\n' % elsewhere.port)))),
        ('status 304', None, lambda s, h: s(b'HTTP/1.1 304 Not Modified\r\n\r\n')),
        ('nothing but 100', 'get/verdict', lambda s, h: endless(s, b'', b'HTTP/1.1 100 Continue\r\n\r\n')),
    )
    relay = p.relay(cloud.port)
    w = p.world(Away(cloud, relay, ca))
    with Agent(w) as a:
        for i, (name, text, send) in enumerate(wrongs):
            def reply(head, body, sendall, send=send):
                asked = re.search(rb'[0-9a-f]{64}', body)
                send(sendall, asked.group().decode() if asked else '')
            wrong = p.wrong(os.path.join(where, 'good.pem'), reply)
            relay.target = wrong.port
            open(w.log, 'w').close()        # the agent appends
            if i == 0:
                w.feed(a.child, a.ring)
            if text:
                log_has(w, 'cloud wf: .*(%s)' % text, 'the answer "%s"' % name)
            else:
                poll(lambda: len(wrong.requests) > 1, FAULT_MAX, 'a second request for the answer "%s"' % name)
            if i == 0:
                poll(lambda: w.tally(w.live)[:3:2] == (len(FED), len(FED)), FAULT_MAX, 'what waits for the cloud')
            wrong.close()
            for head, _ in wrong.requests:
                check(b'/get/verdict' in head, '%s: %s' % (name, head[:200]))
            t = w.tally(w.live)
            same((t.sightings, t.waiting), (len(w.sample), len(w.sample)), name + ': accepted, and waiting')
            # a question about many is a file as well
            check(not any(part in body for _, body in wrong.requests for part in (b'session', b'.bin"')), 'an upload')
        same(elsewhere.requests, [], 'requests where a redirect points')
        relay.target = cloud.port
        end_all(w, a)
    judge(w)


# ------------------------------------------------------------- clock, disk, databases

@case
def clock(p):
    """a time of day that is set forward and back while submissions wait"""
    cloud = p.cloud()
    relay = p.relay(cloud.port, listen=False)
    w = p.world(Away(cloud, relay, cloud.ca))
    clock, day = Clock(), 86400
    clock.set(20 * day)
    with Agent(w, clock) as a:
        w.feed(a.child, a.ring, clock)
        log_has(w, 'cloud wf: ')
        poll(lambda: w.live('forwarder/queue.db', 'select count(*) from queue where attempts > 0')[0][0] > len(FED),
             FAULT_MAX, 'the first attempts')
        for days in 0, 10, -1, 25, 24.99, 3:
            clock.set(days * day)
            w.feed(a.child, a.ring, clock)     # whole before the next step, which ends sessions
            poll(lambda: w.tally(w.live).sightings == len(w.sample), FAULT_MAX, 'sightings')
        relay.listen()
        end_all(w, a)
    clock.set(0)
    with Agent(w, clock) as a:          # what it stored is of a time to come
        w.feed(a.child, a.ring, clock)
        end_all(w, a)
    judge(w)


def unstored(agent):
    c = agent.stats()['counters']
    return c['files_truncated_spool_full'] + c['files_truncated_spool_error']


@case
def disk(p):
    """a state directory that is full, at the start and while it works"""
    cloud = p.cloud()
    w = p.world(cloud)
    os.makedirs(w.state, mode=0o700, exist_ok=True)
    done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8m,mode=700', 'sluice-faults', w.state],
                          stderr=subprocess.PIPE, text=True)
    if done.returncode:
        p.skip = 'no tmpfs can be mounted: ' + done.stderr.strip()
        return
    p.open.append(lambda: subprocess.run(['umount', w.state], check=True))
    filler = os.path.join(w.state, 'filler')

    def fill():
        with open(filler, 'wb', buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(bytes(4096))
    with Agent(w) as a:
        w.feed(a.child, a.ring)
        end_all(w, a)
        whole = len(w.sample)
        fill()
        w.feed(a.child, a.ring)
        poll(lambda: unstored(a), FAULT_MAX, 'files that are not stored')
        # Some room: the content is stored, and then there is none for its sighting.
        for room in (20 << 10, 60 << 10, 90 << 10, 120 << 10):
            os.truncate(filler, os.path.getsize(filler) - room)
            w.feed(a.child, a.ring)
            time.sleep(1.5)
        fill()
        time.sleep(1)
        log_has(w, 'full', 'the full disk')
        os.unlink(filler)
        w.feed(a.child, a.ring)

        def all_seen():
            c = a.stats()['counters']
            return c['files_complete'] + sum(v for k, v in c.items() if k.startswith('files_truncated')) == len(w.sample)
        poll(all_seen, END_MAX, 'what was fed')
        lost = unstored(a)
        end_all(w, a, lost)
        p.note('%d of %d files not stored, and counted' % (lost, len(w.sample) - whole))
    # What was not stored was never accepted.
    accepted = {row[0] for row in w.rows('supervisor.db', 'select distinct lower(hex(sha256)) from submissions')}
    same(len(w.sample) - len(accepted), lost, 'files that were fed and not accepted')
    judge(w)


@case
def locked(p):
    """databases that another process has locked, at the start and while they are used"""
    cloud = p.cloud()
    w = p.world(cloud)
    names = 'forwarder/queue.db', 'supervisor.db'
    with Agent(w) as a:
        w.feed(a.child, a.ring)
        end_all(w, a)
        for name in names:
            with contextlib.closing(sqlite3.connect(w.path(name), isolation_level=None)) as db:
                db.execute('begin immediate')
                w.feed(a.child, a.ring)
                log_has(w, '%s: .*database is locked' % name, 'the lock of ' + name)
                db.execute('rollback')
            end_all(w, a)
    for name in names:
        open(w.log, 'w').close()
        db = sqlite3.connect(w.path(name), isolation_level=None)
        db.execute('pragma locking_mode = exclusive')
        db.execute('begin immediate')
        a = Agent(w)
        log_has(w, '%s: .*database is locked' % name, 'the lock of ' + name)
        db.close()
        if name == 'supervisor.db':
            same(a.child.wait(20), 1, 'status of the agent')
            a.ring.close()
        else:
            with a:
                w.feed(a.child, a.ring)
                end_all(w, a)
    judge(w)


def overwrite(path, page=None):
    """A page with bytes of nobody; None: the header is all zero."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        size = db.execute('pragma page_size').fetchone()[0]
        root = page and db.execute('select rootpage from sqlite_schema where name = ?', (page,)).fetchone()[0]
    with open(path, 'r+b') as f:
        f.seek((root - 1) * size if root else 0)
        f.write(os.urandom(size) if root else bytes(100))


def truncate(path):
    os.truncate(path, os.path.getsize(path) // 2)


@case
def queue(p):
    """a damaged queue is told, and moved away: what waited comes again, nothing leaves twice"""
    cloud = p.cloud()
    relay = p.relay(cloud.port)
    w = p.world(Away(cloud, relay, cloud.ca))
    path = w.path('forwarder', 'queue.db')
    old = os.path.join(w.where, 'old.db')

    def restore():          # as it was before all that is in the journal now
        shutil.copy(old, path)
    for damage in (overwrite, lambda path: overwrite(path, 'queue'), truncate, lambda path: restore()):
        relay.target = cloud.port
        with Agent(w) as a:
            w.feed(a.child, a.ring)
            end_all(w, a)
            shutil.copy(path, old)
            w.feed(a.child, a.ring)
            end_all(w, a)
            relay.target = 1
            w.feed(a.child, a.ring)
            poll(lambda: w.tally(w.live).waiting == len(FED), FAULT_MAX, 'what waits')
        open(w.log, 'w').close()
        damage(path)
        w.queue_lost = True
        relay.target = cloud.port
        if damage.__name__ != '<lambda>' or not same_bytes(path, old):
            with Agent(w):
                log_has(w, r'queue\.db: damaged \(.*\); move it away \(with its -wal and -shm\)')
            away = os.path.join(w.where, 'away')
            os.makedirs(away, exist_ok=True)
            for end in '', '-wal', '-shm':
                if os.path.exists(path + end):
                    os.rename(path + end, os.path.join(away, 'queue.db' + end))
        with Agent(w) as a:
            w.feed(a.child, a.ring)
            end_all(w, a)
    judge(w)


def same_bytes(one, other):
    with open(one, 'rb') as f, open(other, 'rb') as g:
        return f.read() == g.read()


@case
def store(p):
    """a damaged supervisor.db is told, at the start or when it is met; without it the agent begins anew"""
    cloud = p.cloud()
    w = p.world(cloud)
    path, told = w.path('supervisor.db'), r'supervisor\.db: damaged \(.*\); move it away \(with its -wal and -shm\)'
    fed = []
    for damage in overwrite, lambda path: overwrite(path, 'submissions_sample'):
        with Agent(w) as a:
            w.feed(a.child, a.ring)
            end_all(w, a)
        fed += w.sample
        open(w.log, 'w').close()
        damage(path)
        a = Agent(w)
        if damage is overwrite:
            log_has(w, told)
            same(a.child.wait(20), 1, 'status of the agent')
            a.ring.close()
        else:
            with a:
                w.feed(a.child, a.ring)     # what cannot be stored is not accepted
                log_has(w, told)
        w.verify()
        for end in '', '-wal', '-shm':
            if os.path.exists(path + end):
                os.rename(path + end, os.path.join(w.where, 'away' + end))
        w.sample, w.accepted, w.queue_lost = {}, {}, True
    with Agent(w) as a:
        w.feed(a.child, a.ring)
        poll(lambda: w.tally(w.live)[:3] == (len(FED), 0, 0), END_MAX, 'what was fed at last')
    w.verify()
    for sha256 in fed + list(w.sample):
        uploads = [r for r in cloud.requests(sha256) if r['path'].endswith('/submit/file')]
        same(len(uploads), 1, 'uploads of ' + sha256)


# ------------------------------------------------------------------------ main

class Test:
    def __init__(self, options):
        self.options, self.tap, self.lock = options, Tap(), threading.Lock()
        self.where = tempfile.mkdtemp(prefix='sluice-faults-')

    def run(self, number, function):
        begun, failure = time.monotonic(), None
        p = Place(os.path.join(self.where, function.__name__), number, self.options)
        try:
            function(p)
        except Exception as e:
            failure = str(e) if isinstance(e, Failure) else ''
            failure += '\n' + traceback.format_exc()
            if hasattr(p, 'w'):
                failure += tail(p.w.log)
        p.close()
        if not failure or not self.options.keep:
            shutil.rmtree(p.where, ignore_errors=True)
        with self.lock:
            self.tap.result(function.__doc__.split('\n')[0] + (' # SKIP ' + p.skip if p.skip else ''), failure)
            for text in p.notes + ['%s: %.0f s' % (function.__name__, time.monotonic() - begun)]:
                self.tap.note(text)

    def done(self):
        if not self.options.keep or not self.tap.failed:
            shutil.rmtree(self.where, ignore_errors=True)
        return self.tap.done()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--long', action='store_true', help='many more places')
    parser.add_argument('--keep', action='store_true', help='keep the folder of what failed')
    parser.add_argument('--only', default='', metavar='TEXT', help='cases with that in their names')
    parser.add_argument('--jobs', type=int, default=8, metavar='N', help='so many at a time, which mostly wait')
    options = parser.parse_args()
    test = Test(options)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for number, function in enumerate(CASES):
            if options.only in function.__name__:
                pool.submit(test.run, number + 1, function)
    return test.done()


sys.exit(main())
