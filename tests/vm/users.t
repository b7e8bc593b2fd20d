#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Users on a live gateway: told by the tool, by XML on the control socket and by a file; the one who was
there at the time of the transfer counts; who owns a local socket; and a restart forgets nobody."""
import contextlib
import json
import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import CLIENT, SERVER, SLUICECTL, Agent, Cloud, Failure, check, ctl, main, poll, run, same, tail  # noqa: E402

XML = ('<?xml version="1.0"?><uid-message><version>1.0</version><type>update</type><payload>'
       '<login><entry name="corp\\%s" ip="%s" timeout="20"/></login>'
       '<groups><entry name="staff"><members><entry name="corp\\%s"/></members></entry></groups>'
       '</payload></uid-message>\n')
USERS = '[users]\nfile = %s\ntimeout = 45m\n'


@contextlib.contextmanager
def stranger():
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


class World:
    def __init__(self, tap, rig):
        self.tap, self.rig = tap, rig
        self.cloud = Cloud(rig)
        self.cloud.start()
        self.agent = Agent(rig)
        self.file = rig.path('users.list')
        self.write('# nobody yet\n')
        self.agent.configure(self.agent.all_to(self.cloud) + USERS % self.file, 'hooks = forward, local\n')
        self.agent.start()

    def write(self, text):
        with open(self.file, 'w') as f:
            f.write(text)

    def case(self, name):
        return self.tap.case(name, lambda: 'log of the agent:\n' + tail(self.agent.log))

    def user(self, *argv, **kw):
        return ctl('--run-dir', self.agent.run, 'user', *argv, **kw)

    def refused(self, *argv):
        """What the tool says when it does not do it."""
        done = run('gate', (SLUICECTL, '--run-dir', self.agent.run, 'user') + argv, check_status=False)
        same((done.returncode, done.stdout), (1, ''), 'status and output of a refusal')
        return done.stderr

    def get(self):
        name, sha256 = self.rig.file(2000)
        same(self.rig.download('http://%s/%s' % (SERVER, name)), sha256, 'what the client got')
        return sha256

    def seen(self, sha256):
        """Who the local log says it was: the user, the receiver, the sender."""
        s = self.agent.sighting(sha256)
        return tuple(part.get('user', {}).get('name')
                     for part in (s, s.get('destination', {}), s.get('source', {})))

    def sent(self, sha256):
        return self.cloud.accepted(sha256)['session'].get('user', {}).get('name')

    def talk(self, data):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(os.path.join(self.agent.run, 'control.sock'))
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            said = b''
            while True:
                part = s.recv(65536)
                if not part:
                    return said.decode()
                said += part


def told(w):
    with w.case('added by the tool: in the log and in the envelope'):
        same(w.seen(w.get()), (None, None, None), 'before anybody is known')
        w.user('add', CLIENT, 'corp\\alice', '--group', 'staff')
        sha256 = w.get()
        same(w.seen(sha256), ('corp\\alice', 'corp\\alice', None), 'users')
        same(w.sent(sha256), 'corp\\alice', 'user of the envelope')
        (listed,) = json.loads(w.user('list', '--json', '--group', 'staff'))
        same((listed['address'], listed['user'], listed['source'], listed['groups']),
             (CLIENT, 'corp\\alice', 'sluicectl', ['staff']), 'the list')
    with w.case('told by XML on the control socket, malformed XML refused'):
        said = w.talk((XML % ('bob', CLIENT, 'bob')).encode())
        check('status="success"' in said and '1 logged in' in said, said)
        same(w.seen(w.get())[0], 'corp\\bob', 'user')
        said = w.talk(b'<uid-message>\n <version>1.0</version>\n <bad/>\n</uid-message>')
        check('status="error"' in said and 'line 3, column 2' in said, said)
        said = w.talk(b'<uid-message><type>update</type><payload><logout><entry name="corp\\bob" ip="%s"/></logout>'
                      b'</payload></uid-message>' % CLIENT.encode())
        check('1 logged out' in said, said)
        same(w.seen(w.get())[0], None, 'user after the logout')
        path = w.rig.path('bad.xml')
        with open(path, 'w') as f:
            f.write((XML % ('carol', CLIENT, 'carol')).replace('</login>', '</logout>'))
        said = w.refused('import', path)
        check('line 1, column ' in said, said)
        same(w.seen(w.get())[0], None, 'user after what was refused')
        path = w.rig.path('login.xml')
        with open(path, 'w') as f:
            f.write(XML % ('carol', CLIENT, 'carol'))
        w.user('import', path)
        same(w.seen(w.get())[0], 'corp\\carol', 'user')
        (listed,) = json.loads(w.user('list', '--json', '--group', 'staff'))
        same(listed['user'], 'corp\\carol', 'the only one of the group now')
    with w.case('gone by a logout and by time'):
        w.user('del', CLIENT)
        same(w.seen(w.get())[0], None, 'user after a logout')
        w.user('add', CLIENT, 'dave', '--timeout', '1s')
        time.sleep(1.2)
        same(w.seen(w.get())[0], None, 'user after the timeout')
    with w.case('a file, read again at SIGHUP'):
        w.write('%s erin\n' % CLIENT)
        w.agent.reload()
        poll(lambda: 'erin' in w.user('list'), 20, 'the file to be read')
        same(w.seen(w.get())[0], 'erin', 'user')
        w.write('%s frank\nnonsense\n' % CLIENT)
        w.agent.reload()
        poll(lambda: w.file + ':2: ' in tail(w.agent.log), 20, 'the error in the log')
        same(w.seen(w.get())[0], 'erin', 'user, with a file that has an error')


def then_and_now(w):
    """Who was there when it was transferred, not who is there when it is sent."""
    with w.case('the mapping of the transfer counts, not that of the upload'):
        w.cloud.stop()
        w.user('add', CLIENT, 'early')
        first = w.get()
        same(w.seen(first)[0], 'early', 'user in the log')
        w.user('add', CLIENT, 'late')
        second = w.get()
        same(w.seen(second)[0], 'late', 'user in the log')
        w.cloud.start()
        same((w.sent(first), w.sent(second)), ('early', 'late'), 'users of the envelopes')


def local(w):
    with w.case('a local socket: its owner, by name and by number'):
        for uid, name in ((65534, 'nobody'), (54321, 'uid:54321')):
            file, sha256 = w.rig.file(2000)
            run('gate', ('setpriv', '--reuid=%d' % uid, '--clear-groups', 'curl', '-sS', '-o', '/dev/null',
                         'http://%s/%s' % (SERVER, file)))
            same(w.seen(sha256)[:2], (name, name), 'user')


def many(w):
    with w.case('ten thousand mappings in one import, all or nothing'):
        path = w.rig.path('many.csv')
        lines = ['10.77.%d.%d,corp\\user%d,8h\n' % (i >> 8, i & 255, i) for i in range(10000)]
        with open(path, 'w') as f:
            f.writelines(lines[:9999] + ['10.77.256.1,x\n'])
        said = w.refused('import', path)
        check('line 10000' in said, said)
        same(len(json.loads(w.user('list', '--json', '--user', 'corp\\user0'))), 0, 'mappings of a bad file')
        with open(path, 'w') as f:
            f.writelines(lines)
        begin = time.monotonic()
        w.user('import', path)
        seconds = time.monotonic() - begin
        w.tap.note('ten thousand mappings in %.2f seconds, in an emulated machine' % seconds)
        check(seconds < 30, 'it took %.1f seconds' % seconds)
        same(len(json.loads(w.user('list', '--json', '--user', 'corp\\user9999'))), 1, 'the last one')


def restart(w):
    with w.case('a restart keeps them, SIGKILL what was saved'):
        w.write('%s frank\n' % CLIENT)
        w.agent.stop()
        w.agent.start()
        same(w.seen(w.get())[0], 'late', 'user after a stop')
        same(len(json.loads(w.user('list', '--json', '--user', 'corp\\user9999'))), 1, 'the last of many')
        w.user('add', CLIENT, 'latest')
        time.sleep(4)
        w.agent.kill()
        w.agent.start()
        same(w.seen(w.get())[0], 'latest', 'user after SIGKILL')
        same(len(json.loads(w.user('list', '--json', '--user', 'corp\\user9999'))), 1, 'the last of many')
    with w.case('the socket goes with the agent, and the tool says so'):
        path = os.path.join(w.agent.run, 'control.sock')
        same(os.stat(path).st_mode & 0o7777, 0o600, 'mode of the socket')
        with socket.socket(socket.AF_UNIX) as s, stranger():
            try:
                s.connect(path)
                raise Failure('a stranger may connect')
            except PermissionError:
                pass
        w.agent.stop()
        check(not os.path.exists(path), 'the socket is still there')
        said = w.refused('list')
        check('no agent' in said, said)


def test(tap, rig):
    w = World(tap, rig)
    told(w)
    then_and_now(w)
    local(w)
    many(w)
    restart(w)


main(test)
