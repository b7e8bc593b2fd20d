#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The machine dies while samples wait for a cloud that is away: all of them arrive after the next boot.

Runs on the host and starts two virtual machines per kernel, with one disk for the agent's state.

  tests/vm/reboot.t [KERNEL ...]        default: that of the variable KERNEL, or 6.1 and 6.12
"""
import contextlib
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig
from rig import SERVER, TOP, Agent, Cloud, Tap, check, popen, poll, run, same, tail

DISK_MB = 192


# ------------------------------------------------------- inside the machines

def world(r):
    """Cloud and agent as both machines have them, the agent's state on the disk."""
    where = r.path('disk')
    os.mkdir(where)
    run(None, ('mount', '/dev/vda', where))
    return Cloud(r, 'wf'), Agent(r, state=os.path.join(where, 'state'))


def rows(agent, database, query):
    try:
        with contextlib.closing(sqlite3.connect('file:%s/%s?mode=ro' % (agent.state, database), uri=True)) as db:
            return db.execute(query).fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def first(tap, r, shared):
    """Accepts samples, and dies."""
    cloud, agent = world(r)
    cloud.start()           # its certificate must be there
    cloud.stop()
    agent.configure(agent.all_to(cloud))
    agent.start()
    accepted = {}

    def accept(size):
        name, sha256 = r.file(size)
        same(r.download('http://%s/%s' % (SERVER, name)), sha256, 'what the client got')
        agent.sighting(sha256)
        accepted[sha256] = {'name': name, 'size': size}
    # These come as far as the forwarder's queue ...
    for size in (100, 20000, 300000):
        accept(size)

    def queued():
        agent.fresh_stats()
        return agent.counters().get('queued', 0) >= 3
    poll(queued, 40, 'the forwarder to take the samples: ' + tail(agent.log))
    # ... these no further than the supervisor's database ...
    agent.fresh_stats()
    os.kill(agent.children()['forwarder'], signal.SIGSTOP)
    for size in (101, 20001, 300001):
        accept(size)
    poll(lambda: rows(agent, 'supervisor.db', 'SELECT count(*) FROM outbox') >= 3, 40, 'rows of the outbox')
    same(rows(agent, 'supervisor.db', 'SELECT count(*) FROM sightings'), 6, 'sightings in the database')
    # ... and this one is under way when the machine dies.
    name, never = r.file(2000000)
    # A window smaller than the file: or all of it has crossed the gateway before curl has read it.
    with rig.inside('client'), open('/proc/sys/net/ipv4/tcp_rmem', 'w') as f:
        f.write('4096 65536 65536')
    client = popen('client', ('curl', '-s', '--limit-rate', '100k', '-o', '/dev/null',
                              'http://%s/%s' % (SERVER, name)))
    r.stack.callback(rig.stop, client)
    poll(lambda: rig.ctl_json('sessions'), 20, 'the session')
    with open(os.path.join(shared, 'accepted.json'), 'w') as f:
        json.dump({'accepted': accepted, 'never': never}, f)
        f.flush()
        os.fsync(f.fileno())
    with open('/proc/sysrq-trigger', 'w') as f:
        f.write('b')
    poll(lambda: False, 30, 'the end of the machine')


def second(tap, r, shared):
    """The same disk, and the cloud is there."""
    with open(os.path.join(shared, 'accepted.json')) as f:
        told = json.load(f)
    cloud, agent = world(r)
    cloud.start()
    agent.configure(agent.all_to(cloud))
    with tap.case('after the reboot the agent starts from what is on the disk'):
        agent.start()
    for sha256, was in told['accepted'].items():
        with tap.case('%d bytes accepted before arrive once, intact, with their story' % was['size'],
                      lambda: tail(agent.log)):
            envelope = cloud.accepted(sha256)['session']
            data = cloud.sample(sha256)
            same(hashlib.sha256(data).hexdigest(), sha256, 'the sample')
            same((envelope['source']['ip'], envelope['file']['name']), (SERVER, was['name']), 'envelope')
    with tap.case('what had not been whole is no sample, and new files are'):
        name, fresh = r.file()
        r.download('http://%s/%s' % (SERVER, name))
        cloud.accepted(fresh)
        same(cloud.submissions(told['never']), [], 'the file that was under way')
        for sha256 in told['accepted']:
            same(len(cloud.submissions(sha256)), 1, 'uploads of ' + sha256)
        with open(agent.log) as f:
            check('error' not in f.read(), 'errors: ' + tail(agent.log))
    with tap.case('the spool holds these samples and nothing else'):
        found = [n for _, _, names in os.walk(os.path.join(agent.state, 'spool', 'samples')) for n in names]
        same(sorted(found), sorted(list(told['accepted']) + [fresh]), 'files')
        same(agent.stop(), 0, 'exit status')
        run(None, ('umount', r.path('disk')))


# ------------------------------------------------------------------- the host

def machine(kernel, part, shared, disk):
    argv = [os.path.join(TOP, 'scripts', 'vm'), '--kernel', kernel, '--timeout', '200', '--share', shared,
            '--disk', disk]
    if 'BUILD' in os.environ:
        argv += ['--env', 'BUILD']
    argv += ['--console', os.path.join(shared, 'console'), '--', os.path.join(TOP, 'tests', 'vm', 'reboot.t'), part,
             shared]
    return subprocess.run(argv, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def reboot(tap, kernel):
    shared = tempfile.mkdtemp(prefix='sluice-reboot-')
    disk = os.path.join(shared, 'disk.img')
    try:
        with open(disk, 'wb') as f:
            f.truncate(DISK_MB << 20)
        subprocess.run(('mkfs.ext4', '-q', '-F', disk), check=True)
        done = machine(kernel, '--first', shared, disk)
        accepted = os.path.join(shared, 'accepted.json')
        died = done.returncode == 125 and os.path.exists(accepted)
        tap.result('%s: the machine died with samples waiting' % kernel,
                   None if died else 'exit status %d\n%s' % (done.returncode, done.stdout))
        if not died:
            return
        done = machine(kernel, '--second', shared, disk)
        lines, why = done.stdout.splitlines(), []
        results = [(i, line) for i, line in enumerate(lines) if line.startswith(('ok ', 'not ok '))]
        for k, (i, line) in enumerate(results):
            end = results[k + 1][0] if k + 1 < len(results) else len(lines)
            why = '\n'.join(l.lstrip('# ') for l in lines[i + 1:end])
            tap.result('%s: %s' % (kernel, line.partition(' - ')[2]), why if line.startswith('not') else None)
        if done.returncode and not any(line.startswith('not') for _, line in results):
            tap.result('%s: the second machine' % kernel, 'exit status %d\n%s' % (done.returncode, done.stdout))
    finally:
        shutil.rmtree(shared)


def main(argv):
    if argv and argv[0] in ('--first', '--second'):
        part = first if argv[0] == '--first' else second
        return rig.main(lambda tap, r: part(tap, r, argv[1]))
    tap = Tap()
    for kernel in argv or ([os.environ['KERNEL']] if os.environ.get('KERNEL') else ['6.1', '6.12']):
        reboot(tap, kernel)
    return tap.done()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
