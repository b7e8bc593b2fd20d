#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the agent counts by cloud, type and reason, and GET /metrics under clients that mean ill.

The agent is crash_agent (kernel.c) with the clouds of world.py, and nothing is killed: what
`sluicectl stats`, stats.json and /metrics say is held against what was sent, the ledger and the
databases. /metrics is read by the parser of the Prometheus project, and where promtool is
installed, by that too.

	tests/crash/metrics.t
"""
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import types
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'cloud')]
from relay import Relay
import world
from world import FED, SLUICECTL, Cloud, World, download
from rig import Tap, check, poll, same, tail
from prometheus_client.parser import text_string_to_metric_families

HOSTILE = 1000          # connections at once
CLIENTS_MAX = 8         # supervisor/metrics_server.h
TIME = 5                # seconds of a connection, as there
QUICK = 1               # seconds in which the agent answers whatever else goes on
PE = b'MZ' + bytes(58) + b'\x40\0\0\0PE\0\0\x4c\x01\0\0' + bytes(12) + b'\xe0\0\x02\x01\x0b\x01' + bytes(300)
TYPES = 'accepted', 'complete', 'seen'


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Agent(world.Agent):
    """With a metrics endpoint, and more in its configuration."""

    def __init__(self, w, metrics, more=''):
        with open(w.conf) as f:
            text = f.read()
        with open(w.conf, 'w') as f:
            f.write(text.replace('retry_min', 'metrics = %s\nretry_min' % metrics) + more)
        super().__init__(w)

    def ctl(self, *argv):
        done = subprocess.run([SLUICECTL, '--run-dir', self.w.run_dir, *argv], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        same(done.returncode, 0, 'sluicectl %s: %s' % (' '.join(argv), done.stdout))
        return done.stdout

    def fds(self):
        return len(os.listdir('/proc/%d/fd' % self.child.pid))


def families(text):
    """{name of a sample: {value of its label: value}}, by the parser of the Prometheus project."""
    found = {}
    for family in text_string_to_metric_families(text):
        check(family.documentation and family.type in ('counter', 'gauge'), 'no HELP or TYPE: %s' % (family,))
        for s in family.samples:
            check(len(s.labels) <= 1, s)
            values = found.setdefault(s.name, {})
            label = next(iter(s.labels.values()), None)
            check(label not in values, 'twice: %s' % (s,))
            values[label] = s.value
    return found


def get(url, method='GET'):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as r:
            return r.status, dict(r.headers), r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, dict(e.headers), e.read().decode()


def raw(address, data):
    """All that comes until the agent hangs up, after data in one piece."""
    with contextlib.closing(dial(address)) as s:
        s.settimeout(20)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            s.sendall(data)
        return drain(s)


def drain(s):
    got = b''
    with contextlib.suppress(ConnectionResetError):
        while True:
            part = s.recv(65536)
            if not part:
                break
            got += part
    return got


def dial(address):
    s = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    s.connect(address)
    return s


def feed(a, name, body, cut=False):
    a.w.number += 1
    parts = list(download(a.w.number, name, body))
    if cut:         # what its header fields announced does not come
        del parts[6:-1]
    for part in parts:
        a.ring.send(part)


def settled(a, ended):
    """Everything has its outcome; what the forwarder and the inspector counted of it comes a moment later."""
    def done():
        stats = a.stats()
        clouds, counters = stats['clouds'].values(), stats['counters']
        return sum(c['sent'] + c['known'] + c['refused'] for c in clouds) == ended and \
            counters['submitted'] + counters['known'] + counters['failed'] == ended and \
            counters['files'] >= counters['sightings'] and not any(c['waiting'] for c in clouds)
    poll(done, 60, 'outcomes: %s; %s' % (a.stats()['clouds'], tail(a.w.log)))


def figures(tap, a, url):
    w = a.w
    w.feed(a.child, a.ring)                              # two of no type
    feed(a, 'a.exe', PE)
    feed(a, 'again.exe', PE)                    # the same sample once more
    feed(a, 'big.exe', PE + bytes(2 << 20))       # over the limit of pe
    feed(a, 'cut.bin', bytes(100000), cut=True)
    settled(a, 2 * (len(FED) + 2))
    stats = a.stats()
    ledger = w.ledger()

    with tap.case('by cloud: what the ledger and the databases say'):
        rows = w.rows('supervisor.db', 'select cloud, outcome, count(*) from submissions group by 1, 2')
        for name, cloud in stats['clouds'].items():
            lines = [r for r in ledger if r['type'] == 'request' and r['cloud'] == name]
            same(cloud['requests'], len(lines), 'requests of ' + name)
            same(cloud['request_bytes'], sum(r['body']['bytes'] for r in lines), 'bytes of ' + name)
            same({(name, o): cloud[o] for o in ('sent', 'known', 'refused') if cloud[o]},
                 {(c, o): n for c, o, n in rows if c == name}, 'outcomes of ' + name)
            same(cloud['accepted'], len(FED) + 2, 'accepted of ' + name)
        for ours, theirs in ('submitted', 'sent'), ('known', 'known'), ('requests', 'requests'), ('retries', 'retries'):
            same(stats['counters'][ours], sum(c[theirs] for c in stats['clouds'].values()), ours)
        check(stats['counters']['known'] >= 1, 'the sample that came twice was not known: %s' % stats['clouds'])
    with tap.case('by type and by reason: each sighting is counted once'):
        same({k: {n: v[n] for n in TYPES} for k, v in stats['types'].items() if v['seen']},
             {'pe': {'seen': 3, 'complete': 2, 'accepted': 2},
              'other': {'seen': 3, 'complete': 2, 'accepted': 2}}, 'types')
        for what in 'sent', 'known':
            same(sum(t[what] for t in stats['types'].values()), sum(c[what] for c in stats['clouds'].values()), what)
        unsent = {k: v for k, v in stats['unsent'].items() if v}
        same(unsent, {'unwanted': 1, 'reset': 1}, 'reasons')     # left out as soon as its size was known
        same(stats['counters']['sightings'],
             sum(t['accepted'] for t in stats['types'].values()) + sum(unsent.values()), 'sightings')
    with tap.case('sluicectl stats --by: the same'):
        for by, part in ('cloud', 'clouds'), ('type', 'types'), ('reason', 'unsent'):
            same(json.loads(a.ctl('stats', '--by', by, '--json')), stats[part], by)
        rows = [line.split() for line in a.ctl('stats', '--by', 'cloud').splitlines()]
        same([r[0] for r in rows], ['CLOUD', 'wf', 'folder', 'all'], 'rows')
        columns = 'seen', 'overload', 'accepted', 'sent'
        same(rows[1][1:5], [str(stats['clouds']['wf'][k]) for k in columns], 'columns')
        same(rows[3][1:5], [str(sum(c[k] for c in stats['clouds'].values())) for k in columns], 'all')
        same([r.split()[0] for r in a.ctl('stats', '--by', 'type').splitlines()], ['TYPE', 'pe', 'other'], 'types')

    status, headers, text = get(url)
    with tap.case('GET /metrics: read by the parser of the Prometheus project, and the same figures'):
        same((status, headers['Content-Type']), (200, 'text/plain; version=0.0.4; charset=utf-8'), 'answer')
        found, stats = families(text), a.stats()
        for name, value in stats['counters'].items():
            # Of those that move by being looked at it is enough that they are there.
            now = found['sluice_%s_total' % name][None]
            check(now == value or name.startswith(('metrics_', 'control_')), '%s: %d, %d' % (name, now, value))
        for part, label in ('clouds', 'cloud'), ('types', 'type'):
            for column in (k for k, v in next(iter(stats[part].values())).items() if isinstance(v, int)):
                name = 'sluice_%s_%s%s' % (label, column, '' if column == 'waiting' else '_total')
                same(found[name], {k: v[column] for k, v in stats[part].items()}, name)
        same({k: v['quotas'] for k, v in stats['clouds'].items()}, {'wf': {}, 'folder': {}}, 'quotas')
        same(found['sluice_cloud_paused_seconds'], {'wf': 0, 'folder': 0}, 'pauses')
        same(found['sluice_unsent_total'], stats['unsent'], 'unsent')
        same(found['sluice_processes'], {'inspector': 1, 'forwarder': 1, 'log': 0}, 'processes')
        spool = [os.path.getsize(os.path.join(top, n)) for top, _, names in os.walk(w.path('spool', 'samples'))
                 for n in names]
        same((found['sluice_spool_files'][None], found['sluice_spool_bytes'][None]), (len(spool), sum(spool)), 'spool')
    with tap.case('sluicectl stats --prometheus: the same text'):
        def steady(t):
            return [line for line in t.splitlines() if not line.startswith(('sluice_metrics_', 'sluice_control_'))]
        same(steady(a.ctl('stats', '--prometheus')), steady(text), 'text')
    with tap.case('no value of any session is in it'):
        for value in '192.0.2.80', '10.1.', 'file-', 'a.exe', 'http:', *w.sample:
            check(value not in text, value)
    if shutil.which('promtool'):
        with tap.case('promtool check metrics'):
            done = subprocess.run(['promtool', 'check', 'metrics'], input=text, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
            same(done.returncode, 0, done.stdout)
    else:
        tap.note('promtool is not installed: not asked')


def requests(tap, url, address):
    with tap.case('HEAD, a query; 404, 405, 400 and 431 for anything else'):
        status, headers, text = get(url, 'HEAD')
        check(status == 200 and text == '' and int(headers['Content-Length']) > 1000, (status, headers))
        same(get(url + '?a=b')[0], 200, 'with a query')
        same(get(url + '/x')[0], 404, 'another path')
        same(get(url.replace('/metrics', '/'))[0], 404, 'the root')
        status, headers, _ = get(url, 'POST')
        same((status, headers['Allow']), (405, 'GET, HEAD'), 'POST')
        for data in b'\r\n\r\n', b'GET\r\n\r\n', b'GET /metrics\r\n\r\n', b'GET /metrics SPDY/3\r\n\r\n', b'\0\n\n', \
                b'\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\n\n':
            check(raw(address, data).startswith(b'HTTP/1.1 400 '), data)
        got = raw(address, b'GET /metrics HTTP/1.1\r\nX: ' + bytes(1 << 20).replace(b'\0', b'a'))
        check(got.startswith(b'HTTP/1.1 431 '), 'a long header field: %r' % got[:100])
        check(raw(address, b'GET /metrics HTTP/1.0\n\n').startswith(b'HTTP/1.1 200 OK\r\n'), 'HTTP/1.0')


def latency(a, url):
    """Seconds that the control socket and /metrics take."""
    begun = time.monotonic()
    with contextlib.closing(dial(os.path.join(a.w.run_dir, 'control.sock'))) as s:
        s.settimeout(20)
        s.sendall(b'{"command": "agent.status"}\n')
        check(b'"ok"' in s.recv(65536), 'the control socket')
    control = time.monotonic() - begun
    status, _, _ = get(url)
    same(status, 200, 'status')
    return control, time.monotonic() - begun - control


def hostile(tap, a, url, address):
    idle = a.fds()
    with tap.case('%d connections that say nothing, or half of a request' % HOSTILE):
        held = []
        for i in range(HOSTILE):
            s = dial(address)
            held.append(s)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                s.sendall((b'', b'GET /metr', b'GET /metrics HTTP/1.1\r\nHost: a\r\n')[i % 3])
        control, scrape = latency(a, url)
        check(a.fds() <= idle + CLIENTS_MAX, '%d descriptors, %d when idle' % (a.fds(), idle))
        check(control < QUICK and scrape < QUICK, 'control socket %.3f s, metrics %.3f s' % (control, scrape))
        before = a.stats()['counters']['sightings']
        a.w.feed(a.child, a.ring)
        poll(lambda: a.stats()['counters']['sightings'] == before + len(FED), 20, 'files to be seen meanwhile')
        poll(lambda: a.fds() <= idle, TIME + 5, 'the agent to hang up: %d descriptors, %d when idle' % (a.fds(), idle))
        for s in held:
            s.close()
        check(a.stats()['counters']['metrics_dropped'] >= HOSTILE, a.stats()['counters']['metrics_dropped'])
        tap.note('control socket %.1f ms, metrics %.1f ms' % (1000 * control, 1000 * scrape))
    with tap.case('who sends a byte at a time, or does not read, has %d seconds' % TIME):
        slow, deaf = dial(address), [dial(address) for _ in range(3)]
        for s in deaf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            s.sendall(b'GET /metrics HTTP/1.1\r\n\r\n')
        begun, gone = time.monotonic(), None
        while gone is None and time.monotonic() < begun + 2 * TIME:
            try:
                slow.sendall(b'x')
                time.sleep(0.1)
            except (BrokenPipeError, ConnectionResetError):
                gone = time.monotonic() - begun
            check(max(latency(a, url)) < QUICK, 'late')
        check(gone and TIME - 0.5 < gone < TIME + 2, 'the slow one was hung up on after %s s' % gone)
        poll(lambda: a.fds() <= idle, TIME + 5, 'the agent to hang up on those that do not read')
        for s in deaf + [slow]:
            s.close()


def away(tap, w):
    """No cloud answers any more: attempts fail, and what waits is known to the next agent too."""
    def waits(a):
        clouds = a.stats()['clouds']
        return {k: v['waiting'] for k, v in clouds.items()}
    name = os.path.join(w.run_dir, 'metrics.sock')
    with tap.case('retries of the cloud that is away, and what waits for it, also after a restart'):
        with Agent(w, name) as a:
            w.feed(a.child, a.ring)
            poll(lambda: a.stats()['clouds']['folder']['sent'] == len(FED), 30, 'the folder')

            def told():
                stats = a.stats()
                retries = {k: v['retries'] for k, v in stats['clouds'].items()}
                return retries['wf'] > 1 and retries == {'wf': stats['counters']['retries'], 'folder': 0}
            poll(told, 30, 'retries: %s' % a.stats()['clouds'])
            poll(lambda: 'paused_until' in a.stats()['clouds']['wf'], 30, 'a pause')
            poll(lambda: 'cloud wf is left alone until ' in a.ctl('stats', '--by', 'cloud'), 30, 'sluicectl stats')
            same(waits(a), {'wf': len(FED), 'folder': 0}, 'waiting')
        with open(w.conf) as f:
            text = f.read()
        with open(w.conf, 'w') as f:
            f.write(text.replace('metrics = %s\n' % name, ''))
        with Agent(w, name) as a:
            same(waits(a), {'wf': len(FED), 'folder': 0}, 'waiting, after a restart')
            wf = a.stats()['clouds']['wf']
            same((wf['accepted'], wf['carried']), (0, len(FED)), 'accepted, and carried over, after a restart')


def full(tap, where, cloud):
    """A reserve of three, and a cloud that cannot be reached for a while."""
    relay = Relay(cloud.port, False)
    away = types.SimpleNamespace(url='https://127.0.0.1:%d/publicapi' % relay.port, ca=cloud.ca)
    w = World(where, away, 4 << 20)
    with open(w.conf) as f:
        text = f.read()
    with open(w.conf, 'w') as f:
        f.write(text.replace('kind = wildfire\n', 'kind = wildfire\nreserve = 3\n'))

    def lines(pattern):
        with open(w.log, errors='replace') as f:
            return re.findall(pattern, f.read())

    def refused():
        with open(os.path.join(w.state, 'sightings.jsonl')) as f:
            return [s.get('overload') for s in (json.loads(line)['sluice'] for line in f)]

    def counted(wf, folder):
        """seen, overload, accepted, sent, known and waiting, of each; and then the rest adds up."""
        stats = {}

        def now():
            stats.update(a.stats())
            clouds = stats['clouds']
            return all(tuple(clouds[k][n] for n in ('seen', 'overload', 'accepted', 'sent', 'known', 'waiting')) == v
                       for k, v in (('wf', wf), ('folder', folder)))
        poll(now, 60, 'wf %s, folder %s: %s; %s' % (wf, folder, stats.get('clouds'), tail(w.log)))
        for c in stats['clouds'].values():
            same(c['seen'], c['overload'] + c['accepted'], 'seen')
            same(c['carried'] + c['accepted'], c['waiting'] + c['sent'] + c['known'] + c['refused'], 'accepted')
        same(sum(t['overload'] for t in stats['types'].values()), wf[1], 'by type')
        same(sum(t['accepted'] for t in stats['types'].values()) + sum(stats['unsent'].values()),
             stats['counters']['sightings'], 'sightings')
    try:
        with Agent(w, os.path.join(w.run_dir, 'metrics.sock')) as a:
            with tap.case('a full reserve: what comes is refused, counted and said once'):
                for _ in range(3):
                    w.feed(a.child, a.ring)
                counted((6, 3, 3, 0, 0, 3), (6, 0, 6, 6, 0, 0))
                same(lines('cloud wf: its reserve is full, 3 submissions wait'),
                     ['cloud wf: its reserve is full, 3 submissions wait'], 'log')
                same(refused(), 3 * [None] + 3 * [['wf']], 'local log')
                check('complete, overload' in a.ctl('sightings', '--state-dir', w.state),
                      'sluicectl sightings')
            with tap.case('and when it has drained it takes again what comes'):
                relay.listen()
                counted((6, 3, 3, 3, 0, 0), (6, 0, 6, 6, 0, 0))
                same(len(lines('cloud wf: its reserve has room again; 3 submissions were not accepted')), 1, 'log')
                w.feed(a.child, a.ring)
                counted((8, 3, 5, 5, 0, 0), (8, 0, 8, 8, 0, 0))
                same(refused()[6:], [None, None], 'local log')
    finally:
        relay.close()


def limited(tap, w):
    """Two uploads a day for one cloud, which waits then."""
    with open(w.conf) as f:
        text = f.read()
    with open(w.conf, 'w') as f:
        f.write(text.replace('kind = wildfire\n', 'kind = wildfire\nuploads_per_day = 2\n'))
    with tap.case('what is used of a quota, and when it is renewed'), \
            Agent(w, os.path.join(w.run_dir, 'metrics.sock')) as a:
        w.feed(a.child, a.ring)
        w.feed(a.child, a.ring)

        def quota():
            return a.stats()['clouds']['wf']['quotas']['uploads_per_day']
        poll(lambda: quota()['used'] == 2, 30, 'the quota: %s; %s' % (a.stats()['clouds'], tail(w.log)))
        used = quota()
        check(used['limit'] == 2 and used['renewed'].endswith('T23:59:00Z'), used)
        row = [r.split() for r in a.ctl('stats', '--by', 'cloud').splitlines() if 'uploads_per_day' in r]
        same(row, [['wf', 'uploads_per_day', '2', '2', used['renewed']]], 'sluicectl stats')
        found = families(a.ctl('stats', '--prometheus'))
        same((found['sluice_cloud_uploads_per_day_used'], found['sluice_cloud_uploads_per_day_limit']),
             ({'wf': 2}, {'wf': 2}), 'metrics')


def crowded(tap, w):
    """A spool of ten files, and a cloud that is away."""
    with open(w.conf) as f:
        text = f.read()
    with open(w.conf, 'w') as f:
        f.write(text.replace('retry_min', 'spool_files = 10\nretry_min'))
    with tap.case('a spool full of what waits: refused for the same reason'), \
            Agent(w, os.path.join(w.run_dir, 'metrics.sock')) as a:
        def seen(n):
            poll(lambda: a.stats()['counters']['sightings'] == n, 20, '%d sightings: %s' % (n, tail(w.log)))
        for n in range(2, 12, 2):
            w.feed(a.child, a.ring)
            seen(n)
        poll(lambda: 'samples wait for their clouds and cannot be removed' in tail(w.log, 1 << 20), 20, 'the log')
        w.feed(a.child, a.ring)
        seen(12)
        stats = a.stats()
        same({k: v for k, v in stats['unsent'].items() if v}, {'overload': 2}, 'reasons')
        same(stats['clouds']['wf']['waiting'], 10, 'waiting')
        poll(lambda: a.stats()['counters']['files_truncated_spool_full'] == 2, 20, 'files refused')


def path(tap, w):
    name = os.path.join(w.run_dir, 'metrics.sock')
    with Agent(w, name):
        with tap.case('a socket in the run directory, which whoever reads stats.json may use'):
            got = raw(name, b'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n').decode()
            check(got.startswith('HTTP/1.1 200 OK\r\n'), got[:200])
            found = families(got.split('\r\n\r\n', 1)[1])
            check('sluice_packets_total' in found, list(found))
            same(stat.S_IMODE(os.stat(name).st_mode), 0o666, 'mode')
    same(os.path.exists(name), False, 'the name, after the end')


def taken(tap, w):
    with socket.socket() as s, tap.case('a port that somebody else has is an error at the start'):
        s.bind(('127.0.0.1', 0))
        s.listen()
        a = Agent(w, '127.0.0.1:%d' % s.getsockname()[1])
        same(a.child.wait(20), 1, 'status')
        check('metrics: cannot listen on 127.0.0.1:%d: ' % s.getsockname()[1] in tail(w.log), tail(w.log))
        a.ring.close()


def main():
    tap, where = Tap(), tempfile.mkdtemp(prefix='sluice-metrics-')
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    cloud = Cloud(where)
    try:
        port = free_port()
        url, address = 'http://127.0.0.1:%d/metrics' % port, ('127.0.0.1', port)
        with Agent(World(os.path.join(where, 'tcp'), cloud, 0), '127.0.0.1:%d' % port, '[limits]\npe = 1M\n') as a:
            figures(tap, a, url)
            requests(tap, url, address)
            hostile(tap, a, url, address)
        path(tap, World(os.path.join(where, 'path'), cloud, 1 << 20))
        taken(tap, World(os.path.join(where, 'taken'), cloud, 2 << 20))
        full(tap, os.path.join(where, 'full'), cloud)
        limited(tap, World(os.path.join(where, 'limited'), cloud, 6 << 20))
        cloud.stop()
        crowded(tap, World(os.path.join(where, 'crowded'), cloud, 5 << 20))
        away(tap, World(os.path.join(where, 'away'), cloud, 3 << 20))
    finally:
        cloud.stop()
        shutil.rmtree(where)
    return tap.done()


sys.exit(main())
