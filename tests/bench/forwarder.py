# SPDX-License-Identifier: MIT
"""How fast an agent gets rid of what waits, and what memory it needs for that.

The agent (crash_agent of tests/crash: all of sluiced but the module) accepted files while its cloud
was away, by its ring as always. Then it is started again, all of its processes on one core, with
the test cloud on another, over TLS, with ledger and databases on a disk that is synced.
"""
import contextlib
import hashlib
import os
import shutil
import sqlite3
import subprocess
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
    """Seconds of each process of the tree, by its name."""
    used = {}
    for p in tree(pid):
        with contextlib.suppress(OSError), open('/proc/%d/stat' % p) as f:
            name, rest = f.read().rsplit(')', 1)
            name = name.split('(')[1]
            used[name] = used.get(name, 0) + sum(int(n) for n in rest.split()[11:13]) / TICK
    return used


def memory(pid, what):
    """Megabytes of all processes: Rss or Pss now, or VmHWM, the most that each ever had."""
    total = 0
    for p in tree(pid):
        name = 'status' if what == 'VmHWM' else 'smaps_rollup'
        with contextlib.suppress(OSError), open('/proc/%d/%s' % (p, name)) as f:
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
        """Seconds, and CPU seconds of the agent by process, for that many."""
        begin = self.ended()
        with self.agent(True) as a:
            at = time.monotonic()
            world.poll(lambda: self.ended() > begin, 60, 'the first')
            first, used, since = self.ended(), cpu(a.child.pid), time.monotonic()
            while self.ended() < begin + count:
                world.check(a.child.poll() is None and time.monotonic() < at + 600, world.tail(self.w.log))
                time.sleep(0.1)
            wall = time.monotonic() - since
            print('cloud cpu', cpu(self.cloud.child.pid))
            after = cpu(a.child.pid)
            done = begin + count - first
            return done, wall, {k: v - used.get(k, 0) for k, v in after.items()}, memory(a.child.pid, 'VmHWM')


def small(b, count):
    b.fill([2000 + i * 7919 % 18000 for i in range(count)])
    return b.drain(count)


def large(b, megabytes, count):
    b.fill([megabytes << 20] * count)
    return b.drain(count)


def report(name, got, result, size=None):
    done, wall, used, most = got
    total = sum(used.values())
    line = '%-8s %6d in %6.2f s: %7.1f a second, %6.2f ms CPU each' % (name, done, wall, done / wall, total / done * 1e3)
    if size:
        line += ', %.0f MB/s' % (done * size / wall / 1e6)
    print(line + ' (%s); peak memory of the processes %.1f MB' % (
        ', '.join('%s %.2f' % (k, v / done * 1e3) for k, v in used.items() if v), most), flush=True)
    result[name] = {'count': done, 'wall_s': wall, 'cpu_s': total, 'memory_mb': most}


def main(where, result, count=3000):
    b = Bench(where)
    try:
        report('small', small(b, count), result)
        report('large', large(b, 32, 8), result, 32 << 20)
    finally:
        b.close()


if __name__ == '__main__':
    main(sys.argv[1] if len(sys.argv) > 1 else '/tmp', {}, int(sys.argv[2]) if len(sys.argv) > 2 else 3000)
