#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""[log]: records to a file, to rsyslog over TLS, to the journal.

The agent is crash_agent with the clouds of world.py. rsyslog is Debian's own, started here on
loopback with certificates made here, and so is systemd's journald, on a /run of this test; what they
wrote is read back.

	tests/crash/logs.t [files|verdicts|syslog|policy|away|full|strangers|reset|ledger|deaths|journal|errors]...
"""
import contextlib
import csv
import ctypes
import hashlib
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'cloud')]
from world import FED, SLUICECTL, Agent, Cloud, World
from rig import BUILD, Tap, check, poll, same, tail
from collector import authority, certificate, tls

RSYSLOGD = '/usr/sbin/rsyslogd'
FORMATS = 'ecs', 'eve', 'ocsf', 'panos', 'cef'


def read(path):
    with contextlib.suppress(FileNotFoundError), open(path, encoding='utf-8') as f:
        return f.read()
    return ''


def lines(path):
    return read(path).splitlines()


def section(name, to, share=None, **more):
    text = '[log %s]\nto = %s\n' % (name, to)
    text += ''.join('%s = %s\n' % pair for pair in more.items())
    return text + ('[share %s]\n%s\n' % (name, share) if share else '')


def world(where, cloud, number, text):
    w = World(where, cloud, number << 20)
    with open(w.conf, 'a') as f:
        f.write(text)
    return w


def ctl(w, form):
    """What sluicectl makes of the local log."""
    done = subprocess.run([SLUICECTL, 'sightings', '-d', w.state, '--format', form], capture_output=True, text=True,
                          check=True)
    return done.stdout.splitlines()


def seen(records):
    """Those of a sighting itself, without the ones of how a submission ended."""
    return [r for r in records if 'sluice.outcome' not in r and '"cloud":{' not in r and 'cs2Label=Cloud' not in r and
            not re.search('"?,(wf|folder),', r)]


def files(tap, where, cloud, logs):
    out = os.path.join(where, 'out')
    os.mkdir(out)
    path = {f: os.path.join(out, f + '.log') for f in FORMATS}
    w = world(os.path.join(where, 'files'), cloud, 0,
              ''.join(section('to-' + f, 'file ' + path[f], format=f) for f in FORMATS))
    with Agent(w) as a:
        with tap.case('files: the records are what sluicectl makes of the local log', lambda: tail(w.log)):
            w.feed(a.child, a.ring)
            for f in FORMATS:
                poll(lambda: len(lines(path[f])) >= 3 * len(FED), 20, f + ': %s' % lines(path[f]))
                same(seen(lines(path[f])), ctl(w, f), f)
                same(os.stat(path[f]).st_mode & 0o777, 0o640, 'mode')
        with tap.case('files: one record of how each submission ended'):
            ends = [r for r in map(json.loads, lines(path['ecs'])) if r['event']['dataset'] == 'sluice.outcome']
            same(sorted((r['event']['id'].replace('-', ''), r['sluice']['cloud']['name']) for r in ends),
                 sorted((i, c) for i, c in w.submissions()), 'submissions')
            for r in ends:
                same(r['sluice']['cloud']['outcome'], 'sent', 'outcome')
            for f in FORMATS:
                same(len(lines(path[f])), 3 * len(FED), 'records, ' + f)
        with tap.case('files: one that was moved away is made again'):
            os.rename(path['ecs'], path['ecs'] + '.1')
            w.feed(a.child, a.ring)
            poll(lambda: len(lines(path['ecs'])) == 3 * len(FED), 20, 'the new file')
            same(len(lines(path['ecs'] + '.1')), 3 * len(FED), 'records in the old one')
        poll(lambda: a.stats()['counters']['records_written'] == 2 * 5 * 3 * len(FED), 10, 'records_written')
        same(w.rows('supervisor.db', 'select count(*) from records'), [(0,)], 'records that wait')


RSYSLOG = '''
global(workDirectory="%(where)s" maxMessageSize="256k" defaultNetstreamDriver="ossl"
       defaultNetstreamDriverCAFile="%(ca)s" defaultNetstreamDriverCertFile="%(pem)s.pem"
       defaultNetstreamDriverKeyFile="%(pem)s.key")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="%(auth)s")
template(name="raw" type="string" string="%%rawmsg%%\\n")
template(name="parsed" type="string" string="%%pri%%\\t%%timestamp:::date-rfc3339%%\\t%%hostname%%\\t%%app-name%%\\t%%procid%%\\t%%msgid%%\\t%%structured-data%%\\t%%msg%%\\n")
ruleset(name="all") {
    action(type="omfile" file="%(raw)s" template="raw")
    action(type="omfile" file="%(parsed)s" template="parsed")
}
input(type="imtcp" address="127.0.0.1" port="%(port)d" ruleset="all")
'''


@contextlib.contextmanager
def stopped(cloud):
    """At the end of the block."""
    try:
        yield
    finally:
        cloud.stop()


def verdicts(tap, where, cloud, logs):
    """Of a cloud that knows the samples as malware."""
    path = {f: os.path.join(where, 'verdict.' + f) for f in FORMATS}
    number, more = 14, []
    for i, size in enumerate(FED):
        body = hashlib.shake_128(b'%d %d' % (os.getpid(), (number << 20) + 1 + i)).digest(size)
        more += ['--verdict', hashlib.sha256(body).hexdigest() + '=malware']
    os.mkdir(os.path.join(where, 'knowing'))
    knowing = Cloud(os.path.join(where, 'knowing'), more=more)
    w = world(os.path.join(where, 'verdicts'), knowing, number,
              ''.join(section('to-' + f, 'file ' + path[f], format=f) for f in FORMATS))
    with stopped(knowing), Agent(w) as a, tap.case('a verdict stands where each format has it', lambda: tail(w.log)):
        w.feed(a.child, a.ring)
        for f in FORMATS:
            poll(lambda: len(lines(path[f])) == 3 * len(FED), 20, f)

        def of(f, mark):
            return sorted(r for r in lines(path[f]) if mark in r)
        for f in 'ecs', 'eve', 'ocsf':
            same(len(of(f, '"cloud":{"name":"wf","outcome":"known","verdict":1}')), len(FED), f)
        for line in of('panos', ',wf,'):
            columns = next(csv.reader([line]))
            same((columns[33], columns[44], columns[-13]), ('malicious', 'wf', 'known'), 'category, cloud and reason')
        same(len(of('panos', ',wf,')), len(FED), 'panos')
        same(len([r for r in of('cef', 'cs2Label=Cloud cs2=wf') if 'cs6Label=Outcome cs6=known' in r and
                  'flexString1Label=Verdict flexString1=malicious' in r]), len(FED), 'cef')


class Rsyslog:
    """Debian's rsyslogd on loopback, by TLS: `raw` gets each message as it came, `parsed` what was made of it."""

    def __init__(self, where, port, certificate, clients=None):
        os.makedirs(where, exist_ok=True)
        self.where, self.port = where, port
        self.raw, self.parsed, self.output = (os.path.join(where, n) for n in ('raw', 'parsed', 'out'))
        with open(os.path.join(where, 'conf'), 'w') as f:
            f.write(RSYSLOG % {'where': where, 'pem': certificate, 'port': port, 'raw': self.raw, 'parsed': self.parsed,
                               'ca': os.path.join(os.path.dirname(certificate), (clients or 'authority') + '.pem'),
                               'auth': 'x509/certvalid' if clients else 'anon'})
        self.start()

    def start(self):
        with open(self.output, 'ab') as out:
            self.child = subprocess.Popen([RSYSLOGD, '-n', '-i', 'NONE', '-f', os.path.join(self.where, 'conf')],
                                          stdout=out, stderr=out)
        poll(self.listens, 20, 'rsyslogd')

    def listens(self):
        check(self.child.poll() is None, 'rsyslogd does not start: ' + tail(self.output))
        with socket.socket() as s:
            return s.connect_ex(('127.0.0.1', self.port)) == 0

    def stop(self, kill=False):
        if kill:
            self.child.kill()
        else:
            self.child.terminate()
        self.child.wait()

    def messages(self):
        """What came, by RFC 5424: (priority, time, host, MSGID, sequenceId, text)."""
        found = []
        for line in lines(self.raw):
            m = re.fullmatch(r'<(\d+)>1 (\S+) (\S+) sluice - (\S+) \[meta sequenceId="(\d+)"\] (.*)', line)
            check(m, 'no message of RFC 5424: ' + line[:300])
            found.append(m.groups())
        return found


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Logs:
    """The servers and certificates of the tests below."""

    def __init__(self, where):
        self.where, self.number = where, 0
        self.tls = os.path.join(where, 'certs')
        os.mkdir(self.tls)
        for name in 'authority', 'other':
            authority(self.tls, name)
        certificate(self.tls, 'authority', 'server')
        certificate(self.tls, 'authority', 'client')
        certificate(self.tls, 'other', 'stranger')
        certificate(self.tls, 'authority', 'misnamed', 'subjectAltName=DNS:elsewhere.example')

    def path(self, name):
        return os.path.join(self.tls, name)

    def server(self, certificate='server', **more):
        self.number += 1
        return Rsyslog(os.path.join(self.where, 'rsyslog%d' % self.number), free_port(), self.path(certificate), **more)

    def section(self, name, port, share='default = share', **more):
        return section(name, 'syslog 127.0.0.1:%d' % port, share, **{'ca_file': self.path('authority.pem'), **more})


def form_of(text):
    if text.startswith('CEF:'):
        return 'cef'
    if not text.startswith('{'):
        return 'panos'
    return 'eve' if '"event_type"' in text else 'ocsf' if '"class_uid"' in text else 'ecs'


def same_policy(text):
    """Policies of two logs differ in their name, and so in their id."""
    return re.sub(r'"policy":{"id":"[0-9a-f]+"', '"policy":{"id":""', text)


def syslog(tap, where, cloud, logs):
    server = logs.server()
    try:
        for number, formats in (1, FORMATS[:3]), (2, FORMATS[3:]):
            path = {f: os.path.join(where, 'twin.' + f) for f in formats}
            w = world(os.path.join(where, 'syslog%d' % number), cloud, number, ''.join(
                logs.section('to-' + f, server.port, format=f) +
                section('twin-' + f, 'file ' + path[f], 'default = share', format=f) for f in formats))
            with Agent(w) as a, tap.case('rsyslog reads what a file gets: ' + ', '.join(formats), lambda: tail(w.log)):
                w.feed(a.child, a.ring)
                for f in formats:
                    poll(lambda: len([m for m in server.messages() if form_of(m[5]) == f]) == 3 * len(FED), 20, f)
                    poll(lambda: len(lines(path[f])) == 3 * len(FED), 20, 'the file of ' + f)
                    got = sorted(same_policy(m[5]) for m in server.messages() if form_of(m[5]) == f)
                    same(got, sorted(map(same_policy, lines(path[f]))), f)
                poll(lambda: a.stats()['counters']['records_written'] == 2 * len(formats) * 3 * len(FED), 10,
                     'records_written')
        with tap.case('rsyslog takes their heads apart as RFC 5424 has them'):
            parsed = [line.split('\t') for line in lines(server.parsed)]
            same([[p[0], p[1], p[2], p[5], p[6], p[7]] for p in parsed],
                 [[m[0], m[1], m[2], m[3], '[meta sequenceId="%s"]' % m[4], m[5]] for m in server.messages()], 'fields')
            for p, m in zip(parsed, server.messages()):
                same((p[0], p[2], p[3], p[4]), ('134', socket.gethostname(), 'sluice', '-'), 'head')
                check(p[5] in ('file', 'outcome'), p[5])
                if form_of(m[5]) == 'ecs':
                    same(p[1], json.loads(m[5])['@timestamp'][:26] + 'Z', 'time')
    finally:
        server.stop()


def policy(tap, where, cloud, logs):
    """What its policy keeps back is in no byte that the server wrote."""
    server, keys = logs.server(), os.path.join(where, 'log-keys')
    with open(os.open(keys, os.O_WRONLY | os.O_CREAT, 0o600), 'w') as f:
        f.write('k1 2026-01-01T00:00:00Z ' + '5a' * 32 + '\n')
    share = ('default = share\nkey_file = %s\nsource_ip = pseudonymise\ndestination_ip = omit\nurl = omit\n'
             'source_port = omit\nfilename = truncate\napplication = omit' % keys)
    w = world(os.path.join(where, 'policy'), cloud, 3, ''.join(
        logs.section('to-' + f, server.port, share, format=f) for f in FORMATS))
    try:
        with Agent(w) as a, tap.case('policy: nothing of it in what rsyslog wrote', lambda: tail(w.log)):
            w.feed(a.child, a.ring)
            poll(lambda: len(server.messages()) == 3 * len(FED) * len(FORMATS), 20, 'messages')
            text = read(server.raw)
            for kept in '192.0.2.80', '10.1.0.', 'file-%d' % w.number, 'a.example', 'web-browsing':
                same(kept in text, False, kept)
                check(kept in read(w.path('sightings.jsonl')), kept + ' is not in the local log either')
            for r in (json.loads(m[5]) for m in server.messages() if form_of(m[5]) == 'ecs'):
                check(re.fullmatch('p1:k1:[0-9a-f]{32}', r['source']['address']), r)
                same((r['file'].get('name'), r['file']['extension']), (None, 'bin'), 'name')
        with tap.case('policy: every batch is in the ledger, with policies that can be shown'):
            rows = [r for r in w.ledger() if r['type'] == 'log']
            same(sum(r['records'] for r in rows), 3 * len(FED) * len(FORMATS), 'records')
            kept = {i for i, in w.rows('supervisor.db', 'select id from policies')}
            for r in rows:
                check(r['policies'] and set(r['policies']) <= kept, r)
                same(r['url'], 'syslog-tls://127.0.0.1:%d' % server.port, 'url')
            w.verify()
    finally:
        server.stop()


def away(tap, where, cloud, logs):
    server = logs.server()
    w = world(os.path.join(where, 'away'), cloud, 4, logs.section('siem', server.port))
    try:
        def all_there():
            found = {(m[3], json.loads(m[5])['event']['id'], json.loads(m[5])['sluice'].get('cloud', {}).get('name'))
                     for m in server.messages()}
            return len(found) == 3 * len(w.sample)
        with tap.case('a server that dies and comes back: nothing is lost', lambda: tail(w.log)):
            with Agent(w) as a:
                w.feed(a.child, a.ring)
                poll(all_there, 20, 'the first ones')
                for _ in range(2):
                    w.feed(a.child, a.ring)
                    server.stop(kill=True)
                    w.feed(a.child, a.ring)
                    poll(lambda: 'trying again' in read(w.log), 20, 'an error')
                    server.start()
                    poll(all_there, 30, 'all of them: %d' % len(server.messages()))
                poll(lambda: 'records are written again' in read(w.log), 20, 'the good news')
        with tap.case('an agent that ends while the server is away: nothing is lost', lambda: tail(w.log)):
            server.stop()
            with Agent(w) as a:
                w.feed(a.child, a.ring)
                poll(lambda: w.live('supervisor.db', 'select count(*) from records') == [(3 * len(FED),)], 20,
                     'records that wait')
            server.start()
            with Agent(w) as a:
                poll(all_there, 20, 'all of them')
                poll(lambda: w.live('supervisor.db', 'select count(*) from records') == [(0,)], 20, 'none that waits')
        with tap.case('a clean end waits until what is under way has arrived', lambda: tail(w.log)):
            with Agent(w) as a:
                w.feed(a.child, a.ring)
                poll(all_there, 20, 'all of them')
            same(w.rows('supervisor.db', 'select count(*) from records'), [(0,)], 'records that wait')
    finally:
        server.stop()


def full(tap, where, cloud, logs):
    w = world(os.path.join(where, 'full'), cloud, 5, logs.section('siem', free_port(), max_waiting=4))
    with Agent(w) as a, tap.case('max_waiting: what comes then is dropped and counted', lambda: tail(w.log)):
        w.feed(a.child, a.ring)
        poll(lambda: a.stats()['counters']['records_dropped'] == 3 * len(FED) - 4, 20, 'drops')
        same(w.live('supervisor.db', 'select count(*) from records'), [(4,)], 'records that wait')
        same({k: v for k, v in a.stats()['logs']['siem'].items() if k != 'breaks'},
             {'written': 0, 'dropped': 3 * len(FED) - 4, 'withheld': 0, 'waiting': 4, 'open': 0}, 'stats')
        done = subprocess.run([SLUICECTL, '--run-dir', w.run_dir, 'stats', '--prometheus'], capture_output=True, text=True)
        for line in 'sluice_log_waiting{log="siem"} 4', 'sluice_processes{role="log"} 1', 'sluice_log_open{log="siem"} 0':
            check(line in done.stdout.splitlines(), done.stdout + done.stderr)
        done = subprocess.run([SLUICECTL, '--run-dir', w.run_dir, 'stats', '--by', 'log'], capture_output=True, text=True)
        check(re.search('(?m)^LOG .* WAITING +OPEN$', done.stdout) and re.search('(?m)^siem .* 4 +0$', done.stdout),
              done.stdout + done.stderr)
        check('4 records wait for it, which is max_waiting' in read(w.log), tail(w.log))
        check('Connection refused' in read(w.log) or "Couldn't connect" in read(w.log), tail(w.log))


def strangers(tap, where, cloud, logs):
    """(what, certificate of the server, clients it takes, more of [log], text of the error)"""
    identity = {'client_certificate': logs.path('client.pem'), 'client_key': logs.path('client.key')}
    for number, what, name, clients, more, error in (
            (6, 'of another authority', 'stranger', None, {}, 'certificate'),
            (7, 'with another name', 'misnamed', None, {}, 'no alternative certificate subject name matches'),
            (8, 'that wants a certificate', 'server', 'authority', {}, 'trying again'),
            (9, 'that wants a certificate, and gets it', 'server', 'authority', identity, None)):
        server = logs.server(name, clients=clients)
        w = world(os.path.join(where, 'w%d' % number), cloud, number, logs.section('siem', server.port, **more))
        try:
            with Agent(w) as a, tap.case('a server ' + what, lambda: tail(w.log)):
                w.feed(a.child, a.ring)
                if error:
                    poll(lambda: error in read(w.log), 20, 'an error')
                    poll(lambda: w.live('supervisor.db', 'select count(*) from records') == [(3 * len(FED),)], 20,
                         'records that wait')
                    time.sleep(1.5)
                    same(read(server.raw), '', 'what came')
                    same(w.live('supervisor.db', 'select count(*) from records'), [(3 * len(FED),)], 'records')
                else:
                    poll(lambda: len(server.messages()) == 3 * len(FED), 20, 'messages')
        finally:
            server.stop()


def children(pid):
    with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
        return [int(word) for word in f.read().split()]


def holder(a, path):
    """The process below the agent that has the file open."""
    for pid in children(a.child.pid):
        with contextlib.suppress(FileNotFoundError):
            for fd in os.listdir('/proc/%d/fd' % pid):
                with contextlib.suppress(FileNotFoundError):
                    if os.readlink('/proc/%d/fd/%s' % (pid, fd)) == path:
                        return pid
    return None


def deaths(tap, where, cloud, logs):
    """Of a logger, and of all at once; a disk that is full."""
    disk = os.path.join(where, 'disk')
    os.mkdir(disk)
    mount('tmpfs', disk, 'tmpfs', 0, 'size=256k')
    path = os.path.join(disk, 'log')
    w = world(os.path.join(where, 'deaths'), cloud, 10, section('own', 'file ' + path))

    def found():
        return [(r['event']['id'], r['sluice'].get('cloud', {}).get('name')) for r in map(json.loads, lines(path))]
    try:
        with Agent(w) as a, tap.case('a logger that is killed: nothing is lost', lambda: tail(w.log)):
            w.feed(a.child, a.ring)
            os.kill(poll(lambda: holder(a, path), 20, 'the logger'), signal.SIGKILL)
            w.feed(a.child, a.ring)
            poll(lambda: len(set(found())) == 3 * len(w.sample), 20, 'all of them')
            check('log own ended: signal 9' in read(w.log), tail(w.log))
        with Agent(w) as a, tap.case('a full disk: no broken line, and nothing is lost', lambda: tail(w.log)):
            filler = os.path.join(disk, 'filler')
            fd = os.open(filler, os.O_WRONLY | os.O_CREAT)
            with contextlib.suppress(OSError):
                while os.write(fd, bytes(4096)):
                    pass
            os.close(fd)
            for _ in range(8):          # the last page of the log takes some of it
                w.feed(a.child, a.ring)
            poll(lambda: 'cannot write %s: No space left on device' % path in read(w.log), 20, 'an error')
            found()
            os.unlink(filler)
            poll(lambda: len(set(found())) == 3 * len(w.sample), 30, 'all of them')
            check('records are written again' in read(w.log), tail(w.log))
            found()
        with tap.case('an agent that is killed at once with all its processes: nothing is lost', lambda: tail(w.log)):
            for _ in range(3):
                with Agent(w) as a:
                    w.feed(a.child, a.ring)
                    poll(lambda: len(w.live('supervisor.db', 'select 1 from sightings')) == len(w.sample), 20, 'sightings')
                    pids = [a.child.pid] + children(a.child.pid)
                    for pid in pids:
                        os.kill(pid, signal.SIGKILL)
                    a.child.wait()
            with Agent(w) as a:
                poll(lambda: len(set(found())) == 3 * len(w.sample), 20, 'all of them')
    finally:
        libc.umount2(disk.encode(), 2)


class Journald:
    """systemd's own, on the /run of this test."""

    def __init__(self, where):
        self.output = os.path.join(where, 'journald.out')
        os.makedirs('/run/systemd/journald.conf.d')
        with open('/run/systemd/journald.conf.d/test.conf', 'w') as f:
            f.write('[Journal]\nStorage=volatile\nAudit=no\nReadKMsg=no\nRateLimitBurst=0\n')
        self.start()

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink('/run/systemd/journal/socket')
        os.makedirs('/run/log/journal', exist_ok=True)
        with open(self.output, 'ab') as out:
            self.child = subprocess.Popen(['/lib/systemd/systemd-journald'], stdout=out, stderr=out)
        poll(lambda: os.path.exists('/run/systemd/journal/socket'), 20, 'journald')

    def stop(self):
        self.child.terminate()
        self.child.wait()

    def entries(self):
        done = subprocess.run(['journalctl', '--directory=/run/log/journal', '-o', 'json', '--all', '--no-pager',
                               'SYSLOG_IDENTIFIER=sluice'], capture_output=True, text=True)
        return [json.loads(line) for line in done.stdout.splitlines()]


def journal(tap, where, cloud, logs):
    w = world(os.path.join(where, 'journal'), cloud, 11, section('own', 'journal'))
    daemon = Journald(where)
    try:
        with Agent(w) as a:
            with tap.case('the journal: each record is an entry, with fields to look for', lambda: tail(w.log)):
                w.feed(a.child, a.ring)
                poll(lambda: len(daemon.entries()) == 3 * len(FED), 20, 'entries')
                got = daemon.entries()
                same(seen([e['MESSAGE'] for e in got]), ctl(w, 'ecs'), 'the records')
                for e in got:
                    r = json.loads(e['MESSAGE'])
                    same((e['SLUICE_ID'], e['SLUICE_SHA256'], e['SLUICE_FILENAME'], e['PRIORITY']),
                         (r['event']['id'], r['file']['hash']['sha256'], r['file']['name'], '6'), 'fields')
                    same(e['SLUICE_KIND'], 'outcome' if 'SLUICE_OUTCOME' in e else 'file', 'kind')
                    same(e.get('SLUICE_CLOUD'), r['sluice'].get('cloud', {}).get('name'), 'cloud')
                same(sorted(e['SLUICE_RECORD'] for e in got), [str(i + 1) for i in range(len(got))], 'numbers')
            with tap.case('the journal: away, and back', lambda: tail(w.log)):
                daemon.stop()
                w.feed(a.child, a.ring)
                poll(lambda: 'the journal: /run/systemd/journal/socket: Connection refused' in read(w.log), 20, 'an error')
                daemon.start()
                poll(lambda: len({e['SLUICE_RECORD'] for e in daemon.entries()}) == 6 * len(FED), 20, 'all of them')
    finally:
        daemon.stop()


class Bytes:
    """A server that keeps the bytes of each connection; unread: of so many it reads none, and ends when some wait."""

    def __init__(self, logs, unread=0):
        context = tls(logs.tls, 'server')
        self.got = []
        self.listening = socket.create_server(('127.0.0.1', 0))
        self.port = self.listening.getsockname()[1]

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = self.listening.accept()
                    self.got.append(b'')
                    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as c:
                        if len(self.got) <= unread:
                            select.select([c], [], [])
                            time.sleep(0.3)
                            continue
                        while piece := c.recv(65536):
                            self.got[-1] += piece
        threading.Thread(target=serve, daemon=True).start()


def reset(tap, where, cloud, logs):
    server = Bytes(logs, unread=2)
    w = world(os.path.join(where, 'reset'), cloud, 13, logs.section('siem', server.port))
    with Agent(w) as a, tap.case('what a server had in its socket when it died is sent again', lambda: tail(w.log)):
        w.feed(a.child, a.ring)
        poll(lambda: len(server.got) == 3 and server.got[2].count(b'sequenceId') == 3 * len(FED), 20, 'all of them')
        numbers = [int(n) for n in re.findall(rb'sequenceId="(\d+)"', server.got[2])]
        same(numbers, list(range(1, 3 * len(FED) + 1)), 'numbers')
        check('the server broke the connection off' in read(w.log), tail(w.log))


def ledger(tap, where, cloud, logs):
    server = Bytes(logs)
    w = world(os.path.join(where, 'ledger'), cloud, 12, logs.section('siem', server.port))
    with Agent(w) as a:
        with tap.case('what leaves is, byte for byte, what the ledger has'):
            w.feed(a.child, a.ring)
            poll(lambda: a.stats()['counters']['records_written'] == 3 * len(FED), 20, 'records_written')
            data = server.got[0]
            for row in (r for r in w.ledger() if r['type'] == 'log'):
                batch, data = data[:row['body']['bytes']], data[row['body']['bytes']:]
                same(hashlib.sha256(batch).hexdigest(), row['body']['sha256'], 'hash')
                for _ in range(row['records']):
                    n, batch = batch.split(b' ', 1)
                    check(batch[:int(n)].endswith(b'}'), 'a frame of another length')
                    batch = batch[int(n):]
                same(batch, b'', 'rest of the batch')
            same(data, b'', 'what is not in the ledger')
        with tap.case('a stricter policy holds at once after a reload', lambda: tail(w.log)):
            text = read(w.conf)
            with open(w.conf, 'w') as f:
                f.write(text.replace('[share siem]\ndefault = share', '[share siem]\ndefault = share\nurl = omit'))
            a.child.send_signal(signal.SIGHUP)
            poll(lambda: len(server.got) == 2, 20, 'a new connection')
            w.feed(a.child, a.ring)
            poll(lambda: server.got[1].count(b'sluice.sighting') == len(FED), 20, 'the records')
            same(server.got[1].count(b'a.example'), 0, 'URLs')
        with tap.case('a log that a reload finds gone gets nothing more', lambda: tail(w.log)):
            with open(w.conf, 'w') as f:
                f.write(text[:text.index('[log siem]')])
            a.child.send_signal(signal.SIGHUP)
            poll(lambda: len(server.got) == 3, 20, 'a new connection')
            w.feed(a.child, a.ring)
            poll(lambda: w.live('supervisor.db', 'select count(*) from records')[0][0] >= 3 * len(FED), 20, 'records')
            time.sleep(1.5)
            same(server.got[2], b'', 'what came')
            check('waits for a restart' in read(w.log), tail(w.log))
        with tap.case('sluicectl ledger shows what a log got'):
            done = subprocess.run([SLUICECTL, 'ledger', '-d', w.state, '--cloud', 'siem'], capture_output=True, text=True)
            check(re.search(r'(?m) siem +\d+ records ', done.stdout), done.stdout + done.stderr)
    with Agent(w), tap.case('what waits for a log that is gone is forgotten at the next start', lambda: tail(w.log)):
        same(w.live('supervisor.db', 'select count(*) from records'), [(0,)], 'records')
        check('records wait for [log siem], which is not configured: they are forgotten' in read(w.log), tail(w.log))


def errors(tap, where, cloud, logs):
    """(lines, the complaint)"""
    path = os.path.join(where, 'bad.conf')
    with tap.case('what a [log] cannot be'):
        for text, wanted in (
                ('[log a]\nformat = eve\n', '[log a]: to is missing: expected file PATH, journal, or syslog HOST'),
                ('[log a]\nto = file log\n', "to: 'file log': expected file PATH"),
                ('[log a]\nto = syslog a.example:0\n[share a]\ndefault = share\n', 'expected file PATH'),
                ('[log a]\nto = syslog /dev/log\n', 'expected a server that is reached by TLS'),
                ('[log a]\nto = journal\nformat = leef\n', "'leef': expected one of ecs eve ocsf panos cef"),
                ('[log a]\nto = syslog a.example\n', 'records that leave this machine need a policy: expected a [share a]'),
                ('[log a]\nto = syslog [::1]:514\n[share a]\ndefault = share\nclient_key = /x\n', "'client_key' is no field"),
                ('[log a]\nto = journal\nca_file = %s\n' % logs.path('authority.pem'),
                 'are for syslog only'),
                ('[log a]\nto = journal\n[cloud a]\nkind = directory\n', 'a cloud has that name'),
                ('[log a]\nto = journal\n[log a]\nto = journal\n', 'this section stands in line 1 already'),
                ('[share b]\ndefault = share\n[log a]\nto = journal\n', 'there is no [cloud b] and no [log b]'),
                (''.join('[log a%d]\nto = journal\n' % i for i in range(9)), 'expected 8 at most')):
            with open(path, 'w') as f:
                f.write(text)
            done = subprocess.run([os.path.join(BUILD, 'sluiced'), '--check', '-c', path], capture_output=True, text=True)
            same(done.returncode, 1, 'status of ' + text)
            check(wanted in done.stderr, '%s: %s' % (wanted, done.stderr))


libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18


def mount(what, where, kind, flags, data):
    if libc.mount(what.encode(), where.encode(), kind.encode(), flags, data.encode()):
        raise OSError(ctypes.get_errno(), 'mount ' + where)


def main():
    tap, where = Tap(), tempfile.mkdtemp(prefix='sluice-logs-')
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNS):
        print('1..0 # SKIP a /run of its own, for the journal, needs root')
        return 0
    os.umask(0o077)         # as sluiced.service has it
    mount('none', '/', 'none', MS_REC | MS_PRIVATE, '')
    mount('tmpfs', '/run', 'tmpfs', 0, '')
    cloud = Cloud(where)
    try:
        logs = Logs(where)
        for test in files, verdicts, syslog, policy, away, full, strangers, reset, ledger, deaths, journal, errors:
            if test.__name__ in sys.argv[1:] or not sys.argv[1:]:
                test(tap, where, cloud, logs)
    finally:
        cloud.stop()
        shutil.rmtree(where)
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
