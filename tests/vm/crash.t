#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What tests/crash/crash.t does at every system call that writes, at some of them on a gateway with the
real module: its agent is killed, and what crossed it and was accepted is at its clouds once."""
import contextlib
import os
import subprocess
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TESTS, 'vm'), os.path.join(TESTS, 'crash')]
import world
from rig import CLOUD, SERVER, SLUICED, check, main, poll, popen, same, tail

KILLS = 10              # of each process
# The first, and how far apart: past what makes the folders, within what two files take.
BEGIN, STEP = 40, 17
READY = 'capturing with 1 ring'


class Gateway(world.World):
    """Its files are downloaded by the client; an agent that died before it was ready sees none."""

    def __init__(self, rig, cloud):
        self.rig = rig
        super().__init__(rig.path('crash'), cloud, 0)

    def start(self, argv, log):
        self.said = os.path.getsize(self.log)
        return popen('gate', argv + ['--', SLUICED, '-c', self.conf], stdout=subprocess.PIPE, stderr=log,
                     text=True), contextlib.nullcontext()

    def ready(self):
        with open(self.log) as f:
            f.seek(self.said)
            return READY in f.read()

    def feed(self, child, ring):
        poll(lambda: self.ready() or child.poll() is not None, 60, 'the agent')
        for size in world.FED:
            if child.poll() is not None:
                return
            name, sha256 = self.rig.file(size)
            with open(os.path.join(self.rig.www, name), 'rb') as f:
                self.sample[sha256] = f.read()
            same(self.rig.download('http://%s/%s' % (SERVER, name)), sha256, 'what the client got')


def kills(tap, w, role):
    done = []
    with tap.case('%s: killed at %d calls that write' % (role, KILLS), lambda: '%s\n%s' % (done, tail(w.log))):
        w.settle()
        for i in range(KILLS):
            run = w.run(role, [(BEGIN + i * STEP, world.WHEN[i % 3])], stay=False)
            w.after(run)
            done += run.kills
            if i % 5 == 4:
                w.settle()
                w.judge()
        check(len(done) > KILLS // 2, 'only %d kills' % len(done))
    tap.note(', '.join('%s %d' % (name, n) for _, n, _, name in done))


def test(tap, rig):
    world.RUN_MAX = 150             # an emulated machine is slow
    cloud = world.Cloud(rig.work, lambda argv, **kw: popen('cloud', argv, **kw), CLOUD)
    rig.stack.callback(cloud.stop)
    w = Gateway(rig, cloud)
    for role in 'supervisor', 'forwarder':
        kills(tap, w, role)


sys.exit(main(test))
