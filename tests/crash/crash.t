#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The supervisor and the forwarder killed at every system call that writes.

A walk kills at the first such call, at the second and so on, in turns before it, after it and in
its middle, until an agent comes to its end alive. `first`: each kill happens to an agent that was
never started before, and all is settled and judged after it. `again`: one after another on the
same state, each on what the one before left; settled and judged every now and then. Whatever was
killed: what was accepted is at its clouds once and nothing else is, the ledger verifies and has
every request, counters, databases and local log agree (world.py).

	tests/crash/crash.t [--long] [--keep] [--only TEXT] [--jobs N]

Without --long a walk takes long steps. --keep leaves the folder of a walk that failed.
"""
import argparse
import collections
import concurrent.futures
import os
import shutil
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import WHEN, Cloud, World
from rig import Failure, Tap, check, tail

GROUP = 20              # kills of `again` between two that settle
MEMORY = '/dev/shm'     # what a killed process wrote survives there too, and syncs cost nothing
# A walk ends where so many agents in a row lived; further than any it cannot go.
LIVED, CALLS_MAX = 2, 3000
KILLS_MIN = 4


class Walk:
    """step: between two kills; turn: with which of WHEN it begins."""

    def __init__(self, form, role, step, turn):
        self.form, self.role, self.step, self.turn = form, role, step, turn
        self.name = '%s, %s, from %s' % (role, form, WHEN[turn % 3])
        self.untold = 0

    def first(self, w):
        for i, n in enumerate(range(1, CALLS_MAX, self.step)):
            w.wipe()
            run = w.run(self.role, [(n, WHEN[(i + self.turn) % 3])])
            w.after(run)
            self.settle(w)
            yield run.kills
            if not run.kills:
                return

    def again(self, w):
        # A forwarder has successors in the same life of its supervisor.
        several = 1 if self.role == 'supervisor' else 3
        lived, count, n, i = 0, 0, 1, 0
        while lived < LIVED and n < CALLS_MAX:
            kills = []
            for _ in range(several):
                kills.append((n, WHEN[(i + self.turn) % 3]))
                n, i = n + self.step, i + 1
            run = w.run(self.role, kills, stay=False)
            w.after(run)
            lived = 0 if run.kills else lived + 1
            count += len(kills)
            if count >= GROUP:
                count = 0
                self.settle(w)
                w.wipe()
            yield run.kills
        self.settle(w)

    def settle(self, w):
        w.settle()
        w.judge()
        self.untold += w.untold

    def walk(self, w, each):
        for kills in getattr(self, self.form)(w):
            each(kills)


def walks(long):
    """The longest first."""
    if not long:
        return [Walk('first', 'forwarder', 37, 0), Walk('again', 'forwarder', 8, 0),
                Walk('again', 'supervisor', 8, 0), Walk('first', 'supervisor', 37, 0)]
    roles = 'forwarder', 'supervisor'
    return [Walk(form, role, 1, turn) for form in ('first', 'again') for role in roles for turn in range(3)]


class Test:
    def __init__(self, where, keep):
        self.where, self.keep = where, keep
        self.tap, self.lock, self.kills = Tap(), threading.Lock(), collections.Counter()
        self.cloud = Cloud(where)

    def walk(self, place, walk):
        w = World(os.path.join(self.where, '%d' % place), self.cloud, place << 20)
        begun, kills, failure = time.monotonic(), [], None
        try:
            walk.walk(w, kills.extend)
            check(len(kills) >= KILLS_MIN, 'the agent came to its end after %d kills' % len(kills))
        except Exception as e:
            failure = '%s\nkilled: %s\n%s' % (
                e if isinstance(e, Failure) else traceback.format_exc(), w.killed[-2 * GROUP:], tail(w.log))
            failure += '\nkept: ' + w.where if self.keep else ''
        if not failure or not self.keep:
            shutil.rmtree(w.where)
        calls = collections.Counter(name for _, _, _, name in kills)
        with self.lock:
            self.kills[walk.role] += len(kills)
            self.tap.result('%s: %d kills' % (walk.name, len(kills)), failure)
            self.tap.note('%.0f s, %d outcomes without a line' % (time.monotonic() - begun, walk.untold))
            self.tap.note(', '.join('%s %d' % c for c in calls.most_common()))

    def done(self):
        self.cloud.stop()
        if not self.keep or not self.tap.failed:
            shutil.rmtree(self.where)
        self.tap.note('%d kills of the supervisor, %d of the forwarder' % (
            self.kills['supervisor'], self.kills['forwarder']))
        return self.tap.done()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--long', action='store_true', help='every call in each way, some 2500 kills')
    parser.add_argument('--keep', action='store_true', help='keep the folder of what failed, and say where')
    parser.add_argument('--only', default='', metavar='TEXT', help='walks with that in their names')
    parser.add_argument('--jobs', type=int, default=4, metavar='N',
                        help='so many walks at a time, which mostly wait (default 4)')
    options = parser.parse_args()
    where = tempfile.mkdtemp(prefix='sluice-crash-', dir=MEMORY if os.path.isdir(MEMORY) else None)
    test = Test(where, options.keep)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for place, walk in enumerate(walks(options.long)):
            if options.only in walk.name:
                pool.submit(test.walk, place, walk)
    return test.done()


sys.exit(main())
