# SPDX-License-Identifier: MIT
"""An agent whose processes are killed, the clouds it sends to, and what must be true of them.

The agent is crash_agent: sluiced with a socket in place of the module's ring (kernel.c).
crash_killer starts it and kills where it is told to. Its clouds are `wf`, the test cloud on
loopback, and `folder`, a directory. A state directory is used for as many runs as the caller
likes; settle() is a run without a kill, after which everything must be at its place.
"""
import collections
import contextlib
import glob
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import stat
import struct
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, 'tests', 'vm'), os.path.join(TOP, 'tests', 'replay')]
from rig import BUILD, KEY, Failure, check, lines_of, poll, same, tail
from synth import http

AGENT = os.path.join(BUILD, 'tests', 'crash_agent')
KILLER = os.path.join(BUILD, 'tests', 'crash_killer')
SLUICECTL = os.path.join(BUILD, 'sluicectl')
TESTCLOUD = os.path.join(BUILD, 'testcloud')
RUN_MAX = 120           # seconds that a run may take
WHEN = 'before', 'after', 'torn'
FED = 3000, 40000       # sizes of the files that an agent gets to see

CONF = '''
[agent]
state_dir = %(state)s
run_dir = %(run)s
retry_min = 1
retry_max = 2
verdict_poll = 86400
[cloud wf]
kind = wildfire
url = %(url)s
key_file = %(key)s
ca_file = %(ca)s
[share wf]
default = share
key_file = %(keys)s
key_period = 90d
source_ip = pseudonymise
destination_ip = encrypt prefix
url = truncate origin
[cloud folder]
kind = directory
path = %(folder)s
[share folder]
default = share
[rule all]
application = any
cloud = wf, folder
'''
# Counters of what must not happen.
ZERO = ('messages_bad', 'failed', 'ledger_failures', 'ledger_results_lost', 'requests_refused', 'envelopes_refused',
        'samples_missing')
# Faults of the test cloud with which a request comes and its file is not taken.
NOT_TAKEN = 'cut-before', 'cut-body', 'status'
# Old, so that the first start makes a new one.
OLD_KEY = 'k1 2020-01-01T00:00:00Z ' + '5a' * 32 + '\n'


# ---------------------------------------------------------------------- ring

def record(kind, flags, body):
    return struct.pack('<IHH', 8 + len(body), kind, flags) + body


def download(number, name, body, clock=None):
    """The records of a session in which a client gets a file; of the time that the agent has."""
    now = time.time_ns() + (clock.offset if clock else 0)
    client, server = bytes((10, 1, number >> 8 & 255, number & 255)), bytes((192, 0, 2, 80))

    def two(source, source_port, target, target_port):
        return struct.pack('<16s16s', source, target) + struct.pack('>HHI', source_port, target_port, 0)
    yield record(1, 0, struct.pack('<QQ', number, now) + two(client, 20000, server, 80) +
                 two(server, 80, client, 20000) +
                 struct.pack('<QQIIIIIIIIIIBBHI16s16s', 0, 0, number, 0, 0, 0, 1, 2, 0, 0xffffffff,
                             0xfff, 1, socket.AF_INET, 6, 0, 0, b'in', b'out'))
    at = [1000, 9000]

    def data(who, flags, payload=b''):
        done = record(2, flags, struct.pack('<QQIIBBHIQ', number, now, at[who], at[1 - who], who, 0, 0, 0, 0) +
                      payload)
        at[who] += len(payload) + (1 if flags & 3 else 0)
        return done
    yield data(0, 2)
    yield data(1, 0x12)
    for who, payload in http('/' + name, body):
        for i in range(0, len(payload), 16384):
            yield data(who, 0x18, payload[i:i + 16384])
    yield data(0, 0x11)
    yield data(1, 0x11)
    yield record(3, 0, struct.pack('<QQII10Q', number, now, 1, 0, *(10 * [0])))


# --------------------------------------------------------------------- clouds

class Cloud:
    """The test cloud; what it logged is read once."""

    def __init__(self, where, popen=subprocess.Popen, address='127.0.0.1', more=()):
        self.log, tls, port = (os.path.join(where, n) for n in ('cloud', 'tls', 'port'))
        os.mkdir(self.log)
        self.ca = os.path.join(tls, 'ca.pem')
        self.output = os.path.join(where, 'cloud.out')
        with open(self.output, 'wb') as out:
            self.child = popen([TESTCLOUD, '--listen', address, '--tls-dir', tls, '--log', self.log, '--key', KEY,
                                '--port-file', port, *more], stdout=out, stderr=subprocess.STDOUT)
        poll(lambda: 'ready ' in tail(self.output) or self.child.poll() is not None, 60, 'the cloud')
        check(self.child.poll() is None, 'the cloud does not start: ' + tail(self.output))
        with open(port) as f:
            self.port = int(f.read())
        self.url = 'https://%s:%d/publicapi' % (address, self.port)
        self.lock, self.at = threading.Lock(), 0
        self.by_sample = collections.defaultdict(list)

    def stop(self):
        self.child.terminate()
        self.child.wait()

    @staticmethod
    def about(r):
        """The samples that a request is about."""
        if r.get('lines'):
            return r['lines']
        asked = [p.get('value') for p in r.get('fields') or () if p['name'] == 'hash']
        return asked[:1] or [(r.get('file') or {}).get('sha256')]

    def requests(self, sha256):
        """The requests about a sample, in order."""
        with self.lock, open(os.path.join(self.log, 'requests.jsonl'), 'rb') as f:
            f.seek(self.at)
            for line in f:
                if not line.endswith(b'\n'):
                    break
                self.at += len(line)
                r = json.loads(line)
                for about in self.about(r):
                    self.by_sample[about].append(r)
            return self.by_sample[sha256]


# ---------------------------------------------------------------------- agent

# What is in the databases. offered: what a forwarder that starts is told of; ended: by its own word.
Tally = collections.namedtuple('Tally', 'sightings offered waiting accepted ended untold')
Run = collections.namedtuple('Run', 'kills calls status before')


class Clock:
    """The time of day of agents: so many seconds off the real one (clock.c)."""

    def __init__(self):
        self.fd = os.memfd_create('clock')
        os.ftruncate(self.fd, 8)
        self.offset = 0

    def set(self, seconds):
        self.offset = int(seconds * 1e9)
        os.pwrite(self.fd, struct.pack('q', self.offset), 0)


class Agent:
    """The agent of a World, alive, and nobody kills it."""

    def __init__(self, w, clock=None):
        self.w = w
        with contextlib.suppress(FileNotFoundError):    # of an agent before it
            os.unlink(os.path.join(w.run_dir, 'stats.json'))
        ours, ring = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        ours.settimeout(20)
        self.ring = ours
        with ring, open(w.log, 'ab') as log:
            more = {'SLUICE_CLOCK': str(clock.fd)} if clock else {}
            self.child = subprocess.Popen([AGENT, '-c', w.conf], stdout=log, stderr=log,
                                          pass_fds=[ring.fileno()] + ([clock.fd] if clock else []),
                                          env=dict(os.environ, SLUICE_RING=str(ring.fileno()), **more))

    def __enter__(self):
        poll(lambda: self.child.poll() is not None or os.path.exists(os.path.join(self.w.run_dir, 'stats.json')), 20,
             'the agent; ' + tail(self.w.log))
        check(self.child.poll() is None, 'the agent ended: ' + tail(self.w.log))
        return self

    def __exit__(self, *_):
        self.ring.close()
        self.child.terminate()
        self.child.wait()

    def stats(self):
        """As it is now: stats.json by itself may be five seconds old."""
        path = os.path.join(self.w.run_dir, 'stats.json')
        before = os.stat(path).st_ino
        self.child.send_signal(signal.SIGUSR1)
        poll(lambda: os.stat(path).st_ino != before, 10, 'stats.json')
        with open(path) as f:
            return json.load(f)


class World:
    def __init__(self, where, cloud, begin):
        self.cloud, self.where, self.number, self.end = cloud, where, begin, None
        self.state, self.run_dir, self.folder, self.keys = (
            os.path.join(where, n) for n in ('state', 'run', 'folder', 'keys'))
        self.log, self.conf, key = (os.path.join(where, n) for n in ('log', 'conf', 'apikey'))
        os.makedirs(where)
        for path, text in (key, KEY + '\n'), (self.conf, CONF % {
                'state': self.state, 'run': self.run_dir, 'url': cloud.url, 'key': key, 'ca': cloud.ca,
                'keys': self.keys, 'folder': self.folder}):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), 'w') as f:
                f.write(text)
        self.seen = None        # of the databases, last
        self.queue_lost = False # the queue is not the first one: of what ended before only the supervisor knows
        self.wipe()

    def wipe(self):
        """As before the first start."""
        for path in self.state, self.run_dir, self.folder:
            shutil.rmtree(path, ignore_errors=True)
        for path in glob.glob(self.keys + '*'):
            os.unlink(path)
        open(self.log, 'w').close()
        with open(os.open(self.keys, os.O_WRONLY | os.O_CREAT, 0o600), 'w') as f:
            f.write(OLD_KEY)
        self.sample = {}        # by hash: the bytes, all that was ever in the ring
        self.accepted = {}      # by (sighting, cloud): the hash
        self.killed = []        # (role, call, when, name)

    def start(self, argv, log):
        """An agent under the killer, and what feed() takes."""
        ours, ring = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        ours.settimeout(20)
        with ring:      # the killer has one as long as it lives
            child = subprocess.Popen(argv + ['--', AGENT, '-c', self.conf], stdout=subprocess.PIPE, stderr=log,
                                     text=True, pass_fds=[ring.fileno()],
                                     env=dict(os.environ, SLUICE_RING=str(ring.fileno())))
        return child, ours

    def feed(self, child, ring, clock=None):
        """Two more files, one of them several packets and writes long."""
        for size in FED:
            self.number += 1
            body = hashlib.shake_128(b'%d %d' % (os.getpid(), self.number)).digest(size)
            self.sample[hashlib.sha256(body).hexdigest()] = body
            for part in download(self.number, 'file-%d.bin' % self.number, body, clock):
                ring.send(part)

    def run(self, role=None, kills=(), stay=True):
        """One life of the agent; kills: (call, when). It gets SIGTERM when all that was accepted has ended or,
        unless it is to stay, with the last kill. For each kill of a forwarder more is fed."""
        argv = [KILLER] + (['--role', role] if role else [])
        for n, when in kills:
            argv += ['--kill', '%d:%s' % (n, when)]
        before, fed = self.tally(self.rows), len(self.sample)
        done, calls, status = [], [], None
        with open(self.log, 'ab') as log:
            child, ring = self.start(argv, log)
        with child, ring:
            over = threading.Event()
            watch = threading.Thread(target=self.watch, args=(
                child, over, lambda: before.sightings + max(len(self.sample) - fed, len(FED))))
            watch.start()
            try:
                self.feed(child, ring)
                for line in child.stdout:
                    word = line.split()
                    if word[0] == 'kill':
                        done.append((word[1], int(word[2]), word[3], word[4]))
                        if len(done) == len(kills) and not stay:
                            child.terminate()
                        elif role == 'forwarder':
                            self.feed(child, ring)
                    elif word[0] == 'calls':
                        calls.append(int(word[2]))
                    elif word[0] == 'status':
                        status = int(word[1])
            except BaseException:
                child.kill()    # and with it all that it traces
                raise
            finally:
                over.set()
                watch.join()
        self.killed += done
        check(status is not None, 'the agent did not end within %d s, or its killer failed: %s; %s; before: %s' %
              (RUN_MAX, tail(self.log), self.seen, before))
        return Run(done, calls, status, before)

    def watch(self, child, over, sightings):
        """Ends a run when all is settled, and one that does not come so far."""
        end = time.monotonic() + RUN_MAX
        while not over.wait(0.1):
            if time.monotonic() > end:
                child.kill()
                return
            try:
                self.seen = self.tally(self.live)
            except sqlite3.Error as e:      # not made yet, or a reader has to wait too long
                self.seen = str(e)
                continue
            t = self.seen
            if t.sightings == sightings() and not t.offered and not t.untold and t.ended == t.accepted:
                child.terminate()
                return

    def after(self, run):
        """What is true between any two runs: nothing of what was accepted is lost, the ledger holds."""
        now = self.submissions()
        for key, sha256 in self.accepted.items():
            same(now.get(key), sha256, 'the submission %s, accepted before' % (key,))
        self.accepted = now
        self.verify()

    def settle(self):
        """A run without a kill, until all that was accepted has ended; then stopped as systemd would."""
        run = self.run()
        same(run.status, 0, 'status of the agent; ' + tail(self.log))
        self.after(run)
        with open(os.path.join(self.run_dir, 'stats.json')) as f:
            stats = json.load(f)
        self.counters(stats['counters'], run.before)
        self.by_cloud(stats['clouds'])

    # ------------------------------------------------------------ looking at it

    def path(self, *names):
        return os.path.join(self.state, *names)

    def live(self, name, query):
        # Closed whatever happens: SQLite takes a file that is made later for this one if its inode is the same.
        with contextlib.closing(sqlite3.connect('file:%s?mode=ro' % self.path(name), uri=True, timeout=5)) as db:
            return db.execute(query).fetchall()

    def rows(self, name, query):
        """Of a copy, so that what a crash left is as it was; none when there is no such table yet."""
        if not os.path.exists(self.path(name)):
            return []
        copy = os.path.join(self.where, 'copy.db')
        for end in '', '-wal':
            if os.path.exists(copy + end):
                os.unlink(copy + end)
            if os.path.exists(self.path(name + end)):
                shutil.copy(self.path(name + end), copy + end)
        with contextlib.closing(sqlite3.connect(copy)) as db:
            try:
                return db.execute(query).fetchall()
            except sqlite3.OperationalError as e:
                check('no such table' in str(e), '%s: %s' % (name, e))
                return []

    def tally(self, ask):
        def one(name, query):
            rows = ask(name, 'select count(*) from ' + query)
            return rows[0][0] if rows else 0
        final = "queue where state not in ('waiting', 'started')"
        return Tally(one('supervisor.db', 'sightings'),
                     one('supervisor.db', 'submissions where outcome is null or (id, cloud) in'
                         ' (select id, cloud from outbox)'),
                     one('supervisor.db', 'submissions where outcome is null'),
                     one('supervisor.db', 'submissions'),
                     one('supervisor.db', 'submissions where outcome is not null') if self.queue_lost else
                     one('forwarder/queue.db', final),
                     one('forwarder/queue.db', final + ' and told = 0'))

    def submissions(self):
        return {(i, cloud): sha256 for i, cloud, sha256 in self.rows(
            'supervisor.db', 'select lower(hex(id)), cloud, lower(hex(sha256)) from submissions')}

    def ledger(self):
        return lines_of(self.path('ledger.jsonl'))

    def verify(self):
        if not os.path.exists(self.path('ledger.head')):        # it died before it had made the first
            check(not os.path.exists(self.path('ledger.jsonl')) or not os.path.getsize(self.path('ledger.jsonl')),
                  'a ledger without a head')
            return
        done = subprocess.run([SLUICECTL, 'ledger', 'verify', '-d', self.state], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        same(done.returncode, 0, 'sluicectl ledger verify: ' + done.stdout)

    # ----------------------------------------------------------------- judging

    def counters(self, counters, before):
        """Those of a run without a kill, against what is on the disk."""
        lines = self.ledger()
        begin = max(i for i, line in enumerate(lines) if line['type'] == 'start')
        kinds = collections.Counter(line['type'] for line in lines[begin:])
        same(counters['sightings'], len(FED), 'counter sightings')
        same(counters['queued'], before.offered + 2 * len(FED), 'counter queued; what was open, and two samples for two clouds')
        same(counters['requests'], kinds['request'], 'counter requests; such lines in the ledger')
        same(counters['submitted'] + counters['known'] + counters['failed'], len(self.accepted) - before.ended,
             'counters submitted, known and failed; what ended')
        same(kinds['result'], before.waiting + 2 * len(FED), 'results in the ledger; what had none, and these')
        for name in ZERO:
            same(counters[name], 0, 'counter ' + name)

    def by_cloud(self, clouds):
        lines = self.ledger()
        begin = max(i for i, line in enumerate(lines) if line['type'] == 'start')
        for name, c in clouds.items():
            mine = [r for r in lines[begin:] if r.get('cloud') == name]
            same(c['requests'], sum(1 for r in mine if r['type'] == 'request'), 'requests of ' + name)
            same(c['request_bytes'], sum(r['body']['bytes'] for r in mine if r['type'] == 'request'), 'bytes of ' + name)
            same(c['sent'] + c['known'] + c['refused'], sum(1 for r in mine if r['type'] == 'result'), 'results of ' + name)
            same(c['carried'] + c['accepted'], c['waiting'] + c['sent'] + c['known'] + c['refused'],
                 'what came and what became of it, of ' + name)
            same(c['seen'], c['overload'] + c['accepted'], 'what came and was taken, of ' + name)
            same((c['waiting'], c['accepted']), (0, len(FED)), 'waiting, and accepted, of ' + name)

    def judge(self):
        """After settle(): everything is where it should be, once, and the books agree."""
        for name in 'supervisor.db', 'forwarder/queue.db', 'users.db':
            same(self.rows(name, 'pragma integrity_check'), [('ok',)], 'integrity of ' + name)
        ours = self.rows('supervisor.db', 'select lower(hex(id)), cloud, outcome from submissions order by 1, 2')
        theirs = self.rows('forwarder/queue.db', 'select lower(hex(id)), cloud, state from queue order by 1, 2')
        if self.queue_lost:
            ended = {(i, cloud) for i, cloud, _ in ours}
            check(all((i, cloud) in ended for i, cloud, _ in theirs), 'the queue has what the supervisor does not know')
        else:
            same(ours, theirs, 'outcomes of the supervisor, and of the forwarder')
        for i, cloud, outcome in ours:
            check(outcome in ('sent', 'known'), 'outcome of %s at %s: %s' % (i, cloud, outcome))
        same({i for i, _ in self.accepted}, {i for i, in self.rows('supervisor.db', 'select lower(hex(id)) from'
                                                                   ' sightings')}, 'sightings, and their submissions')
        lines = self.ledger()
        self.policies = self.rows('supervisor.db', 'select id from policies')
        self.judge_wildfire([r for r in lines if r['type'] == 'request' and r['cloud'] == 'wf'])
        self.judge_folder([r for r in lines if r['type'] == 'request' and r['cloud'] == 'folder'])
        self.judge_results([r for r in lines if r['type'] == 'result'])
        self.judge_log()
        self.judge_files()

    def judge_wildfire(self, lines):
        line = collections.Counter((r['request'], r['body']['sha256']) for r in lines)
        counted = set()
        per_sample = collections.Counter(s for r in lines for s in r.get('samples') or [r['sample']])
        accepted = {sha256 for (_, cloud), sha256 in self.accepted.items() if cloud == 'wf'}
        for sha256, body in self.sample.items():
            requests = self.cloud.requests(sha256)
            whole = [r for r in requests if r.get('fault') != 'aborted']
            uploads = [r for r in whole if r['path'].endswith('/submit/file') and r.get('fault') not in NOT_TAKEN]
            same(len(uploads), sha256 in accepted, 'uploads of %s, %s' % (
                sha256, 'accepted' if sha256 in accepted else 'not accepted'))
            check(len(requests) <= per_sample[sha256], '%s: %d requests, %d lines in the ledger' % (
                sha256, len(requests), per_sample[sha256]))
            for r in whole:
                if r['seq'] in counted:     # about another sample as well
                    continue
                counted.add(r['seq'])
                key = r['path'].replace('/publicapi/', ''), r['body_sha256']
                line[key] -= 1
                check(line[key] >= 0, 'a request that arrived, and is not in the ledger: %s' % (key,))
            for r in uploads:
                same(r['file']['size'], len(body), 'size of the upload')
                self.judge_policy(r['session'])

    def judge_folder(self, lines):
        stored = {r['sample'] for r in lines}
        wanted = {}
        for (i, cloud), sha256 in self.accepted.items():
            if cloud == 'folder':
                same(sha256 in wanted, False, 'two sightings of ' + sha256)
                wanted[sha256] = i
                check(sha256 in stored, 'in the folder, and not in the ledger: ' + sha256)
        found = sorted(os.listdir(self.folder))
        names = {n.replace('-', '').lower() for n in found}
        same(names, {s for s in wanted} | {'%s.%s.json' % (s, i) for s, i in wanted.items()}, 'the folder')
        for sha256 in wanted:
            with open(os.path.join(self.folder, sha256), 'rb') as f:
                check(f.read() == self.sample[sha256], 'other bytes in the folder: ' + sha256)
        for name in found:
            if name.endswith('.json'):
                with open(os.path.join(self.folder, name)) as f:
                    self.judge_policy(json.load(f))

    def judge_policy(self, envelope):
        """What it left under can be shown."""
        policy = envelope['sluice']['policy']['id']
        check((policy,) in self.policies, 'an envelope under the policy %s, which was not kept' % policy)

    def judge_results(self, lines):
        """One for each submission; a supervisor killed between commit and line leaves none."""
        told = collections.Counter((r['sighting'].replace('-', ''), r['cloud']) for r in lines)
        check(max(told.values()) == 1, 'results told twice: %s' % told.most_common(3))
        check(set(told) <= set(self.accepted), 'results of what was not accepted')
        self.untold = len(self.accepted) - len(told)
        deaths = sum(1 for k in self.killed if k[0] == 'supervisor')
        check(self.untold <= 4 * deaths, '%d submissions without a result in the ledger, %d kills' % (
            self.untold, deaths))

    def judge_log(self):
        with open(self.path('sightings.jsonl'), 'rb') as f:
            text = f.read()
        check(text.endswith(b'\n'), 'the last line of the local log is cut')
        seen, broken = collections.Counter(), 0
        for line in text.splitlines():
            try:
                seen[json.loads(line)['event']['id'].replace('-', '')] += 1
            except ValueError:
                broken += 1
        torn = sum(1 for role, _, when, name in self.killed if (role, when, name) == ('supervisor', 'torn', 'write'))
        check(broken <= torn, '%d lines of the local log are no JSON, %d were cut' % (broken, torn))
        for i, _ in self.accepted:
            same(seen[i], 1, 'lines of the local log about %s' % i)

    def judge_files(self):
        left = glob.glob(self.path('*.new')) + glob.glob(self.path('.*.new')) + glob.glob(self.keys + '.new') + \
            glob.glob(os.path.join(self.run_dir, '.*')) + glob.glob(self.path('spool', 'tmp', 'evicted-*'))
        same(left, [], 'files that a crash left')
        for top, dirs, names in os.walk(self.state):
            for name in dirs + names:
                mode = stat.S_IMODE(os.lstat(os.path.join(top, name)).st_mode)
                check(not mode & 0o077 or name == 'ledger.pub', '%s has mode %o' % (os.path.join(top, name), mode))
        for sha256 in self.accepted.values():
            with open(self.path('spool', 'samples', sha256[:2], sha256), 'rb') as f:
                check(f.read() == self.sample[sha256], 'the sample in the spool')
