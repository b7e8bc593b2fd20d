# SPDX-License-Identifier: MIT
"""How fast an agent gets rid of what waits, and what memory it needs for that.

The agent (crash_agent of tests/crash: all of sluiced but the module) accepted files while its cloud
was away, by its ring as always. Then it is started again, all of its processes on one core, with
the test cloud on another, over TLS, with ledger and databases on a disk that is synced. What it
costs in processor time says more than the rate on a machine where the cloud is the slower one, so
that the cloud's own is told beside it.

A million that wait are written into the databases directly, as copies of one that came by itself.
"""
import contextlib
import hashlib
import os
import shutil
import sqlite3
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'crash'))
import world

AGENT_CORE, CLOUD_CORE = 0, 1
TICK = os.sysconf('SC_CLK_TCK')


@contextlib.contextmanager
def on(core):
    """What is started here runs there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core % os.cpu_count()})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def tree(pid):
    pids, i = [pid], 0
    while i < len(pids):
        with contextlib.suppress(OSError), open('/proc/%d/task/%d/children' % (pids[i], pids[i])) as f:
            pids += [int(p) for p in f.read().split()]
        i += 1
    return pids


def cpu(pid):
    """Seconds of all processes of the tree, which have one thread each."""
    used = 0
    for p in tree(pid):
        with contextlib.suppress(OSError), open('/proc/%d/schedstat' % p) as f:
            used += int(f.read().split()[0]) / 1e9
    return used


def cpu_threads(pid):
    """Seconds of a process with threads that come and go, by the clock's ticks."""
    with open('/proc/%d/stat' % pid) as f:
        return sum(int(n) for n in f.read().rsplit(')', 1)[1].split()[11:13]) / TICK


def memory(pid, what):
    """Megabytes of all processes: Rss, or Pss, which counts what they share once."""
    total = 0
    for p in tree(pid):
        with contextlib.suppress(OSError), open('/proc/%d/smaps_rollup' % p) as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith(what + ':'))
    return total / 1024


class Bench:
    def __init__(self, where):
        self.where = tempfile.mkdtemp(prefix='forwarder-', dir=where)
        with on(CLOUD_CORE):
            self.cloud = world.Cloud(self.where)
        self.w = world.World(os.path.join(self.where, 'w'), self.cloud, 0)
        with open(self.w.conf) as f:
            conf = f.read()
        conf = conf[:conf.index('[cloud folder]')] + '[rule all]\napplication = any\ncloud = wf\n'
        self.conf = {True: conf, False: conf.replace(':%d/' % self.cloud.port, ':1/')}

    def agent(self, cloud):
        with open(self.w.conf, 'w') as f:
            f.write(self.conf[cloud])
        with on(AGENT_CORE):
            return world.Agent(self.w)

    def close(self):
        self.cloud.stop()
        shutil.rmtree(self.where)

    def ended(self):
        with contextlib.suppress(sqlite3.Error):
            return self.w.live('forwarder/queue.db', "select count(*) from queue where told = 1")[0][0]
        return 0

    def waiting(self):
        with contextlib.suppress(sqlite3.Error):
            return self.w.live('forwarder/queue.db', "select count(*) from queue where told = 0")[0][0]
        return 0

    def fill(self, sizes):
        """By the real way."""
        with self.agent(False) as a:
            before = self.waiting()
            for n, size in enumerate(sizes):
                self.w.number += 1
                body = hashlib.shake_128(b'%d %d' % (os.getpid(), self.w.number)).digest(size)
                for part in world.download(self.w.number, 'file-%d.bin' % self.w.number, body):
                    a.ring.send(part)
            world.poll(lambda: self.waiting() - before == len(sizes), 300, 'the queue')

    def drain(self, count):
        """So many, from the start: count, seconds, CPU seconds of agent and cloud, megabytes."""
        end = self.ended() + count
        clouds, since = cpu_threads(self.cloud.child.pid), time.monotonic()
        with self.agent(True) as a:
            while self.ended() < end:
                world.check(a.child.poll() is None and time.monotonic() < since + 600, world.tail(self.w.log))
                time.sleep(0.05)
            return (count, time.monotonic() - since, cpu(a.child.pid), cpu_threads(self.cloud.child.pid) - clouds,
                    memory(a.child.pid, 'Pss'))

    def multiply(self, count):
        """So many more that wait, each as the one that is there."""
        ids = sorted(os.urandom(16) for _ in range(count))
        for name, table in (('supervisor.db', 'sightings'), ('supervisor.db', 'submissions'),
                            ('forwarder/queue.db', 'queue')):
            with contextlib.closing(sqlite3.connect(self.w.path(name))) as db:
                db.execute('pragma synchronous = off')
                db.execute('pragma cache_size = -400000')
                columns = [c[1] for c in db.execute("pragma table_info('%s')" % table)]
                row = db.execute('select %s from %s limit 1' % (', '.join(columns), table)).fetchone()
                new = {'id': None, 'sha256': None, 'number': None}
                top = db.execute('select max(number) from queue').fetchone()[0] if 'number' in columns else 0

                def rows():
                    for n, i in enumerate(ids):
                        new['id'], new['sha256'], new['number'] = i, i + i, top + 1 + n
                        yield [new.get(c, v) if c in new else v for c, v in zip(columns, row)]
                db.executemany('insert into %s (%s) values (%s)' % (
                    table, ', '.join(columns), ', '.join('?' * len(columns))), rows())
                db.commit()


def small(b, count):
    b.fill([2000 + i * 7919 % 18000 for i in range(count)])
    return b.drain(count)


def large(b, megabytes, count):
    b.fill([megabytes << 20] * count)
    return b.drain(count)


def report(name, got, result, size=None):
    done, wall, used, clouds, pss = got
    line = '%-6s %6d in %6.2f s: %7.1f a second; CPU each: agent %6.2f ms, cloud %6.2f ms' % (
        name, done, wall, done / wall, used / done * 1e3, clouds / done * 1e3)
    if size:
        line += '; %.0f MB/s' % (done * size / wall / 1e6)
    print(line + '; memory at the end, all processes: %.1f MB (Pss)' % pss, flush=True)
    result[name] = {'count': done, 'wall_s': wall, 'cpu_s': used, 'cloud_cpu_s': clouds, 'pss_mb': pss}


def crowd(where, result, count):
    """Memory with so many that wait: while they are offered again after a start, and then sent."""
    b = Bench(where)
    try:
        b.fill([3000])
        b.multiply(count)
        most = {'Pss': 0, 'Rss': 0}
        for cloud, seconds in (False, 20), (True, 10):
            with b.agent(cloud) as a:
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    for what in most:
                        most[what] = max(most[what], memory(a.child.pid, what))
                    time.sleep(0.05)
                world.check(a.child.poll() is None, world.tail(b.w.log))
        print('%d wait: at most %.1f MB (Pss) of all processes, %.1f MB with what they share counted for each' % (
            count, most['Pss'], most['Rss']), flush=True)
        result['crowd'] = {'count': count, 'pss_mb': most['Pss'], 'rss_mb': most['Rss']}
    finally:
        b.close()


def main(where, result, count=3000, waiting=1000000):
    b = Bench(where)
    try:
        report('small', small(b, count), result)
        report('large', large(b, 32, 8), result, 32 << 20)
    finally:
        b.close()
    crowd(where, result, waiting)


if __name__ == '__main__':
    main(sys.argv[1], {}, *map(int, sys.argv[2:]))
