#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sluicectl against the real module: every command, as text and as JSON, and every refusal."""
import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import (FIELDS, SERVER, SERVER6, SERVER_NAT, SLUICECTL, SYSFS, TOP, check, ctl, ctl_json,
                 inside, main, open_ring, poll, popen, run, same, stop)

SETTINGS = {'hooks': ['forward'], 'max_sessions': 131072, 'session_timeout': 300,
            'ignore_mark': 0x51c1ce, 'ring_size': 8388608, 'wake_bytes': 65536, 'wake_msec': 10,
            'udp_timeout': 60, 'udp_ports': [], 'udp_prefixes': []}


def refused(argv, status, *words, **kw):
    """The command fails with that status and one line that has the words."""
    done = run('gate', (SLUICECTL,) + tuple(argv), check_status=False, **kw)
    what = 'sluicectl ' + ' '.join(argv)
    same(done.returncode, status, what + ': exit status')
    same(done.stdout, '', what + ': output')
    same(done.stderr.count('\n'), 1, what + ': lines of ' + repr(done.stderr))
    check(done.stderr.startswith('sluicectl: error: '), what + ': ' + done.stderr)
    for word in words:
        check(word in done.stderr, '%s: no %r in %r' % (what, word, done.stderr))


def socket_in(namespace):
    with inside(namespace):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(20)
    return s


class Server:
    """Connections that stay open, through the gateway."""

    def __init__(self):
        self.open = []
        with inside('server'):
            self.listen4 = socket.create_server((SERVER, 5555), backlog=8)
            self.listen_nat = socket.create_server((SERVER_NAT, 5555), backlog=8)
            self.listen6 = socket.create_server((SERVER6, 5555), family=socket.AF_INET6, backlog=8)

    def connect(self, address, listening, data=b'hello'):
        with inside('client'):
            a = socket.create_connection(address, timeout=20)
        b = listening.accept()[0]
        b.settimeout(20)
        a.sendall(data)
        same(b.recv(100), data, 'what went through the gateway')
        self.open += [a, b]
        return a, b

    def close(self):
        for s in self.open:
            s.close()
        self.open = []


@contextlib.contextmanager
def monitor(*argv):
    """A running monitor; yields a function that waits for the next line."""
    child = popen('gate', (SLUICECTL, 'monitor') + argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.set_blocking(child.stdout.fileno(), False)
    pending = b''

    def line(timeout=20):
        nonlocal pending
        end = time.monotonic() + timeout
        while b'\n' not in pending:
            check(time.monotonic() < end, 'the monitor said nothing more; so far: %r' % pending)
            if select.select([child.stdout], [], [], 0.2)[0]:
                pending += child.stdout.read() or b''
        first, _, pending = pending.partition(b'\n')
        return first.decode()

    # It listens once it has joined its groups.
    wanted = 1 if set(argv) & {'config', 'sessions'} else 2

    def listening():
        check(child.poll() is None, 'the monitor ended')
        with open('/proc/%d/net/netlink' % child.pid) as f:
            rows = [row.split() for row in f.readlines()[1:]]
        return any(int(row[2]) & 0x3fffff == child.pid and bin(int(row[3], 16)).count('1') == wanted
                   for row in rows)
    try:
        poll(listening, 20, 'the monitor to listen')
        yield line, child
    finally:
        stop(child)
        child.stdout.close()
        child.stderr.close()


def plain(tap):
    with tap.case('status: idle without a ring, as text and as JSON'):
        text = ctl('status')
        for word in ('idle', 'no ring is open', 'hooks     forward', 'rings     0 open of 0', 'all twelve fields',
                     'agent     not running'):
            check(word in text, 'no %r in\n%s' % (word, text))
        same(ctl(), text, 'no command')
        status = ctl_json('status')
        same(status['module']['rings_open'], 0, 'rings_open')
        same(status['module']['settings'], SETTINGS, 'settings')
        same(status['agent_running'], False, 'agent_running')
        same(set(status['share']['share'].values()), {True}, 'share')
        same(json.loads(ctl('status', '--json')), status, '--json behind the command')
        same(json.loads(ctl('-j')), status, '-j')

    with tap.case('help, version: without the module\'s help'):
        text = ctl('--help')
        for command in ('status', 'share', 'settings', 'sessions', 'stats', 'monitor', 'help', 'version'):
            check('\n  ' + command + ' ' in text, command + ' is not in the help')
            check(ctl('help', command).startswith('Usage: sluicectl ' + command), 'help ' + command)
            same(ctl(command, '--help'), ctl('help', command), command + ' --help')
        same(ctl('help'), text, 'help')
        check(ctl('version').startswith('sluicectl '), 'version')
        same(ctl('--version'), ctl('version'), '--version')
        same(ctl_json('version')['abi_version'], 2, 'abi_version')

    with tap.case('stats: every counter with its meaning; one by name'):
        stats = ctl_json('stats')['module']
        check(len(stats) >= 26 and all(isinstance(v, int) for v in stats.values()), stats)
        rows = ctl('stats').splitlines()
        same(rows[0].split()[:3], ['PART', 'COUNTER', 'VALUE'], 'titles')
        same([r.split()[1] for r in rows[1:]], list(stats), 'counters')
        check(all(len(r.split()) > 4 for r in rows[1:]), 'a counter without its meaning')
        same(ctl('stats', 'records'), '%d\n' % stats['records'], 'stats records')
        same(ctl_json('stats', 'records', 'bytes'), {'module': {'records': 0, 'bytes': 0}}, 'two counters')


def share(tap):
    with tap.case('share: lists the twelve fields, one, and switches several in one step'):
        rows = ctl('share').splitlines()
        same([r.split()[0] for r in rows[1:]], FIELDS, 'fields')
        check(rows[1].split()[1:] == ['on', 'exclude-src-ip', 'no'], rows[1])
        before = ctl_json('share')
        same(list(before['share']), FIELDS, 'fields of the JSON')
        same(ctl('share', 'url', 'off', 'user', 'off'), '', 'switching says nothing')
        after = ctl_json('share')
        same([f for f in FIELDS if not after['share'][f]], ['user', 'url'], 'what is off')
        same(after['generation'], before['generation'] + 1, 'one step, one generation')
        same(ctl('share', 'url').splitlines()[1].split(), ['url', 'off', 'exclude-url', 'yes'], 'share url')
        check('all but user, url' in ctl('status'), 'status does not say what is off')
        same(ctl_json('share', 'all', 'on')['share'], before['share'], 'all on')
        ctl('share', 'all', 'on')
        same(ctl_json('share')['generation'], after['generation'] + 1, 'no change, no new generation')

    with tap.case('share: the same bits as sysfs, both ways'):
        for i, field in enumerate(FIELDS):
            with open(SYSFS + field, 'w') as f:
                f.write('0')
            off = [n for n, on in ctl_json('share')['share'].items() if not on] if i % 4 == 0 else [field]
            same(off, [field], 'off by sysfs')
            ctl('share', field, 'on')
            with open(SYSFS + field) as f:
                same(f.read(), '1\n', SYSFS + field)

    with tap.case('share: poll() on the sysfs file wakes'):
        with open(SYSFS + 'url') as f:
            f.read()
            p = select.poll()
            p.register(f, select.POLLPRI | select.POLLERR)
            same(p.poll(0), [], 'before the change')
            ctl('share', 'url', 'off')
            check(p.poll(10000), 'not woken')
            f.seek(0)
            same(f.read(), '0\n', 'the file')
            same(p.poll(0), [], 'after it was read')
        ctl('share', 'url', 'on')

    with tap.case('share: wrong words'):
        refused(['share', 'colour'], 2, 'unknown field "colour"', 'source_ip', 'email_subject')
        refused(['share', 'colour', 'off'], 2, 'unknown field "colour"')
        refused(['share', 'url', 'maybe'], 2, '"maybe"', 'on or off')
        refused(['share', 'user', 'off', 'url'], 2, 'on or off')
        same(ctl_json('share')['share']['user'], True, 'a refused line changes nothing')


def settings(tap):
    with tap.case('settings: get, set, and back again'):
        rows = ctl('settings').splitlines()
        same([r.split()[0] for r in rows[1:]], list(SETTINGS), 'settings')
        same(ctl_json('settings'), SETTINGS, 'defaults')
        same(ctl_json('settings', 'get'), SETTINGS, 'settings get')
        wanted = {'hooks': ['forward', 'local'], 'max_sessions': 65536, 'session_timeout': 17,
                  'ignore_mark': 0xbeef, 'ring_size': 1 << 20, 'wake_bytes': 0, 'wake_msec': 1000,
                  'udp_timeout': 5, 'udp_ports': ['69', '1000-1010'], 'udp_prefixes': ['10.0.0.0/8', 'fd00::1/128']}
        same(ctl('settings', 'set', 'hooks', 'forward,local', 'max_sessions', '64K', 'session_timeout', '17',
                 'ignore_mark', '0xbeef', 'ring_size', '1M', 'wake_bytes', '0', 'wake_msec', '1000', 'udp_timeout', '5',
                 'udp_ports', '69,1000-1010', 'udp_prefixes', '10.0.0.0/8,fd00::1'), '', 'set')
        same(ctl_json('settings'), wanted, 'after set')
        same(ctl('settings', 'get', 'hooks'), 'forward,local\n', 'get hooks')
        same(ctl('settings', 'get', 'ignore_mark'), '0xbeef\n', 'get ignore_mark')
        same(ctl('settings', 'get', 'udp_prefixes'), '10.0.0.0/8,fd00::1/128\n', 'get udp_prefixes')
        same(ctl_json('settings', 'get', 'wake_msec'), {'wake_msec': 1000}, 'get one as JSON')
        same(ctl_json('settings', ns='other'), SETTINGS, 'another namespace has its own')
        ctl('settings', 'set', 'hooks', 'forward', 'max_sessions', '131072', 'session_timeout', '300',
            'ignore_mark', '0x51c1ce', 'ring_size', '8M', 'wake_bytes', '64K', 'wake_msec', '10', 'udp_timeout', '60',
            'udp_ports', 'none', 'udp_prefixes', '')
        same(ctl_json('settings'), SETTINGS, 'set back')

    with tap.case('settings: out of range, in the kernel\'s words, all or nothing'):
        refused(['settings', 'set', 'wake_msec', '0'], 1, 'settings set')
        refused(['settings', 'set', 'wake_msec', '5', 'max_sessions', '3'], 1, 'settings set')
        refused(['settings', 'set', 'ring_size', '65537'], 1, 'ring_size must be a power of two')
        same(ctl_json('settings'), SETTINGS, 'nothing was changed')

    with tap.case('settings: wrong words'):
        refused(['settings', 'colour'], 2, 'unknown setting "colour"', 'hooks', 'wake_msec')
        refused(['settings', 'get', 'colour'], 2, 'unknown setting "colour"')
        refused(['settings', 'set', 'colour', '1'], 2, 'unknown setting "colour"')
        refused(['settings', 'set', 'wake_msec'], 2, 'NAME VALUE')
        refused(['settings', 'set'], 2, 'NAME VALUE')
        refused(['settings', 'set', 'wake_msec', 'soon'], 2, '"soon"', '1 to 10000 milliseconds')
        refused(['settings', 'set', 'wake_msec', '-1'], 2, '"-1"')
        refused(['settings', 'set', 'ring_size', '99999999999999999999'], 2, 'no number')
        refused(['settings', 'set', 'hooks', 'bridge'], 2, '"bridge"', 'forward')
        refused(['settings', 'set', 'udp_ports', '69,tftp'], 2, 'udp_ports: "tftp"', '1000-1010')
        refused(['settings', 'set', 'udp_ports', ','.join(map(str, range(1, 34)))], 2, '"33"', '32 entries')
        refused(['settings', 'set', 'udp_ports', '69,none'], 2, '"none"')
        refused(['settings', 'set', 'udp_prefixes', '10.1.0.0/8'], 2, '"10.1.0.0/8"', 'no bit set')
        same(ctl('settings', 'get', 'udp_ports'), 'none\n', 'an empty list in words')


def others(tap):
    with tap.case('wrong commands, options, counters'):
        refused(['colour'], 2, 'unknown command "colour"', 'status', 'monitor')
        refused(['--colour'], 2, 'unknown option "--colour"')
        refused(['help', 'colour'], 2, 'unknown command')
        refused(['stats', 'colour'], 2, 'unknown counter "colour"')
        refused(['status', 'colour'], 2, '"colour"')
        refused(['sessions', 'colour'], 2, '"colour"')
        refused(['monitor', 'colour'], 2, '"colour"')
        refused(['monitor', '-n', '0'], 2, '"0"')
        refused(['--run-dir'], 2, '--run-dir')
        done = run('gate', ('bash', '-c', '"$0" stats > /dev/full', SLUICECTL), check_status=False)
        same((done.returncode, done.stderr), (1, 'sluicectl: error: standard output: cannot be written\n'),
             'a full disk')


def numbers():
    return {s['session'] for s in ctl_json('sessions')}


def sessions(tap):
    ring = open_ring()
    server = Server()
    try:
        with tap.case('sessions: both ends, NAT, bytes; as text, as JSON, one alone'):
            server.connect((SERVER, 5555), server.listen4)
            server.connect((SERVER6, 5555), server.listen6)
            a, _ = server.connect((SERVER_NAT, 5555), server.listen_nat, b'masqueraded')
            found = ctl_json('sessions')
            found = found['sessions'] if isinstance(found, dict) else found
            same(len(found), 3, 'sessions: %r' % found)
            by_server = {s['server']['ip']: s for s in found}
            s = by_server[SERVER_NAT]
            same(s['client'], {'ip': '10.81.1.2', 'port': a.getsockname()[1],
                               'nat': {'ip': '10.81.2.1', 'port': s['client']['nat']['port']}}, 'client')
            same(s['from_client']['bytes'], 11, 'bytes of the client')
            same((s['in'], s['out'], s['midstream'], s['state']), ('client', 'server', False, 'open'), 'state')
            same(s['protocol'], 'tcp', 'protocol')
            same(by_server[SERVER6]['client']['ip'], 'fd81:1::2', 'IPv6 client')
            text = ctl('sessions')
            for word in (SERVER, '[%s]:5555' % SERVER6, '10.81.2.1', str(s['session'])):
                check(word in text, 'no %s in\n%s' % (word, text))
            one = ctl_json('sessions', str(s['session']))
            one = one['sessions'] if isinstance(one, dict) and 'sessions' in one else one
            one = one[0] if isinstance(one, list) else one
            same((one['session'], one['client']), (s['session'], s['client']), 'one session')
            refused(['sessions', '999999'], 1, 'no session with this id')
            check('capturing' in ctl('status'), 'status')
            same(ctl('stats', 'sessions_now'), '3\n', 'sessions_now')
            same(ctl_json('sessions', ns='other') in ([], {'sessions': []}), True, 'another namespace')

        with tap.case('settings: UDP is captured once it is named'):
            udp = [socket_in('client'), socket_in('server')]
            udp[1].bind((SERVER, 6969))
            udp[0].sendto(b'one', (SERVER, 6969))
            ctl('settings', 'set', 'udp_ports', '6969', 'udp_timeout', '10')
            udp[0].sendto(b'two', (SERVER, 6969))
            for want in (b'one', b'two'):
                same(udp[1].recv(10), want, 'received')
            found = [s for s in ctl_json('sessions') if s['protocol'] == 'udp']
            same([(s['server'], s['from_client']['bytes']) for s in found],
                 [({'ip': SERVER, 'port': 6969}, 3)], 'sessions of UDP')
            check('udp ' in ctl('sessions', str(found[0]['session'])), 'as text')
            check('udp       ports 6969, prefixes none' in ctl('status'), 'status')
            # Its end is not what a monitor waits for
            poll(lambda: not [s for s in ctl_json('sessions') if s['protocol'] == 'udp'], 40, 'its end')
            ctl('settings', 'set', 'udp_ports', 'none', 'udp_timeout', '60')

        with tap.case('settings: hooks change while a ring is open'):
            ctl('settings', 'set', 'hooks', 'forward,local')
            ctl('settings', 'set', 'hooks', 'forward')

        with tap.case('monitor: share, settings and sessions, live'):
            with monitor() as (line, _):
                ctl('share', 'url', 'off')
                check(line().endswith(' share off: url'), 'share off')
                with open(SYSFS + 'url', 'w') as f:
                    f.write('1')
                check(line().endswith(' share off: nothing'), 'share on')
                ctl('settings', 'set', 'wake_msec', '11')
                text = line()
                check(' settings {' in text and '"wake_msec":11' in text, text)
                a, b = server.connect((SERVER, 5555), server.listen4)
                text = line()
                check(' begin ' in text and '%s:5555' % SERVER in text, text)
                a.close()
                b.close()
                text = line()
                check(' end ' in text and ' fin sent 5 received 0 lost 0' in text, text)

        with tap.case('monitor --json: one object a line; groups; -n ends it'):
            before = numbers()
            with monitor('--json', 'config', '-n', '2') as (line, child):
                a, b = server.connect((SERVER, 5555), server.listen4)
                a.close()
                b.close()
                ctl('share', 'user', 'off')
                event = json.loads(line())
                same((event['event'], event['share']['user']), ('share', False), 'event')
                ctl('settings', 'set', 'wake_msec', '10')
                event = json.loads(line())
                same((event['event'], event['settings']['wake_msec']), ('settings', 10), 'event')
                same(child.wait(20), 0, 'exit status after two lines')
                ctl('share', 'user', 'on')
            # Nor is that of this connection
            poll(lambda: numbers() == before, 40, 'its end')
            with monitor('sessions', '--json') as (line, child):
                ctl('share', 'user', 'off', 'url', 'off')
                a, b = server.connect((SERVER, 5555), server.listen4)
                event = json.loads(line())
                same((event['event'], event['server']['ip']), ('session-begin', SERVER), 'event')
                a.close()
                b.close()
                event = json.loads(line())
                same((event['event'], event['state']), ('session-end', 'fin'), 'event')
                ctl('share', 'all', 'on')
    finally:
        server.close()
        os.close(ring)

    with tap.case('status: idle again when the ring is closed'):
        poll(lambda: 'idle' in ctl('status'), 20, 'idle')
        same(ctl('stats', 'rings_open'), '0\n', 'rings_open')


def users(tap):
    nobody = ['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups', '--bounding-set=-all']
    with tap.case('another user reads status, share, settings and stats'):
        for argv in (['status'], ['share'], ['settings'], ['stats'], ['--json', 'status']):
            same(run('gate', nobody + [SLUICECTL] + argv).returncode, 0, ' '.join(argv))

    with tap.case('another user is refused everything else, with a text'):
        for argv in (['share', 'url', 'off'], ['settings', 'set', 'wake_msec', '5'], ['sessions'],
                     ['sessions', '1'], ['monitor', '-n', '1'], ['monitor', 'config', '-n', '1'],
                     ['monitor', 'sessions', '-n', '1']):
            done = run('gate', nobody + [SLUICECTL] + argv, check_status=False, timeout=20)
            same(done.returncode, 1, ' '.join(argv))
            check(done.stderr.startswith('sluicectl: error: ') and done.stderr.count('\n') == 1 and
                  ('permitted' in done.stderr or 'CAP_NET_ADMIN' in done.stderr or 'root' in done.stderr),
                  '%s: %r' % (argv, done.stderr))
        done = run('gate', nobody + ['sh', '-c', 'echo 0 > ' + SYSFS + 'url'], check_status=False)
        check(done.returncode != 0, 'sysfs')
        same(set(ctl_json('share')['share'].values()), {True}, 'share')
        same(ctl_json('settings'), SETTINGS, 'settings')

    with tap.case('root of a user namespace of its own does not switch what the host shares'):
        done = run('gate', ('unshare', '-Urn', SLUICECTL, 'share', 'url', 'off'), check_status=False)
        same(done.returncode, 1, 'exit status: ' + done.stderr)
        same(ctl_json('share')['share']['url'], True, 'url')


def completion(tap):
    script = '''
. %s/scripts/install/sluicectl.bash
sluicectl() { %s "$@"; }
complete_words() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _sluicectl; echo "${COMPREPLY[*]}"
}
complete_words sluicectl s
complete_words sluicectl share so
complete_words sluicectl share user ''
complete_words sluicectl settings set wake_
complete_words sluicectl settings set hooks ''
complete_words sluicectl settings set udp_p
complete_words sluicectl stats lost_r
complete_words sluicectl help mon
complete_words sluicectl monitor ''
complete -p sluicectl
''' % (TOP, SLUICECTL)
    with tap.case('bash completion: commands, fields, settings, counters'):
        lines = run('gate', ('bash', '-c', script)).stdout.splitlines()
        same([l.split() for l in lines[:9]], [
            ['status', 'share', 'settings', 'sessions', 'stats', 'sightings', 'show'], ['source_ip', 'source_port'], ['on', 'off', '--json'],
            ['wake_bytes', 'wake_msec'], ['forward', 'local', 'forward,local', '--json'],
            ['udp_ports', 'udp_prefixes'], ['lost_ring_full'],
            ['monitor'], ['config', 'sessions', '--count', '--json']], 'completions')
        check(lines[9].endswith('-F _sluicectl sluicectl'), lines[9])


def agent(tap, rig):
    with tap.case('status and stats show what an agent leaves in its run directory'):
        where = rig.path('run')
        os.mkdir(where)
        with open(os.path.join(where, 'stats.json'), 'w') as f:
            json.dump({'time': 'now', 'counters': {
                'files_complete': 7, 'sightings': 6, 'submitted': 5, 'files_truncated_unwanted': 4, 'files_oversize': 2,
                'sightings_unmatched': 10, 'sightings_oversize': 1, 'archives': 8, 'archive_members': 9,
                'users_logins': 11, 'users_found': 12, 'sessions_tls': 13, 'sessions_quic': 14},
                       'processes': [{'role': 'supervisor', 'index': 0, 'pid': os.getpid(), 'restarts': 0}]}, f)
        text = ctl('--run-dir', where)
        for line in ('agent     running: 7 files complete, 6 sightings, 5 submitted',
                     'rules     15 files that none wants, 3 of these too large', 'archives  8 taken apart, 9 files',
                     'users     11 logins told, 12 sightings', 'sealed    13 TLS and 14 QUIC sessions'):
            check(line in text, 'no %r in\n%s' % (line, text))
        same(ctl('--run-dir', where, 'stats', 'files_complete'), '7\n', 'stats')
        same(ctl_json('--run-dir', where, 'stats')['agent']['sightings'], 6, 'stats as JSON')
        same(ctl_json('--run-dir', where)['agent_running'], True, 'agent_running')


def unloaded(tap):
    with tap.case('without the module: every command says so'):
        subprocess.run(('rmmod', 'sluice'), check=True)
        for argv in (['status'], ['share'], ['settings'], ['stats'], ['sessions'], ['monitor']):
            refused(argv, 1, 'sluice', 'load')
        check(ctl('version').startswith('sluicectl'), 'version')


def test(tap, rig):
    plain(tap)
    share(tap)
    settings(tap)
    others(tap)
    sessions(tap)
    users(tap)
    completion(tap)
    agent(tap, rig)
    unloaded(tap)


if __name__ == '__main__':
    sys.exit(main(test))
