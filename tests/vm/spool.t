#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A gateway with a small spool: it never stops taking samples, and never loses one that waits.

  tests/vm/spool.t [--short]            --short: a spool of half the size
"""
import hashlib
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import SERVER, Agent, Cloud, check, main, poll, same, tail

QUOTA = 10 if '--short' in sys.argv[1:] else 20

FOLDER = '''
[cloud folder]
kind = directory
path = %(folder)s
[share folder]
default = share
'''
SETUP = FOLDER + '''
[rule all]
cloud = folder
'''
SETUP_TWO = FOLDER + '''
[cloud wf]
kind = wildfire
url = %(url)s
key_file = %(key)s
ca_file = %(ca)s
[share wf]
default = share
[rule all]
cloud = folder, wf
'''


class World:
    def __init__(self, tap, rig):
        self.tap, self.rig = tap, rig
        self.folder = rig.path('folder')
        self.cloud = Cloud(rig)
        self.agent = Agent(rig)
        self.configure(SETUP)
        self.agent.start()

    def configure(self, setup):
        self.agent.configure(setup % {
            'folder': self.folder, 'url': self.cloud.url(), 'key': self.agent.key, 'ca': self.cloud.ca},
            agent='retry_min = 1\nretry_max = 2\nspool_files = %d\n' % QUOTA)

    def case(self, name):
        def more():
            counted = {name: n for name, n in self.agent.counters().items() if n}
            return 'counters: %r\nlog of the agent:\n%s' % (counted, tail(self.agent.log))
        return self.tap.case(name, more)

    def get(self, name=None):
        """Downloads a fresh file, or one that is there: its name and hash."""
        if not name:
            name, _ = self.rig.file(2000)
        return name, self.rig.download('http://%s/%s' % (SERVER, name))

    def delivered(self, sha256, timeout=40):
        path = os.path.join(self.folder, sha256)
        poll(lambda: os.path.exists(path), timeout, path)
        with open(path, 'rb') as f:
            same(hashlib.sha256(f.read()).hexdigest(), sha256, path)

    def envelopes(self, sha256):
        return [n for n in os.listdir(self.folder) if n.startswith(sha256 + '.')]

    def spool(self):
        """Hashes of the samples in the spool."""
        return {name for _, _, names in os.walk(os.path.join(self.agent.state, 'spool', 'samples')) for name in names}

    def leftovers(self):
        return set(os.listdir(os.path.join(self.agent.state, 'spool', 'tmp'))) - {'usage'}

    def counter(self, name):
        self.agent.fresh_stats()
        return self.agent.counters()[name]


def endless(w):
    seen = []
    with w.case('three times as many files as the quota has, one after the other: all arrive'):
        for _ in range(3 * QUOTA):
            seen.append(w.get())
            w.delivered(seen[-1][1])
            check(len(w.spool()) <= QUOTA, '%d samples in the spool' % len(w.spool()))
        for _, sha256 in seen:
            w.delivered(sha256)
            same(len(w.envelopes(sha256)), 1, 'envelopes')
            line = w.agent.sighting(sha256)
            same(line['sluice']['file']['stored'], True, 'stored')
    with w.case('none was refused, the oldest are gone, the newest are there'):
        poll(lambda: len(w.spool()) < QUOTA * 0.9, 20, 'room')
        time.sleep(2.5)                                     # what inspectors count comes every two seconds
        same(w.counter('files_truncated_spool_full'), 0, 'files refused')
        same(w.counter('samples_missing'), 0, 'samples missing')
        same(w.counter('samples_evicted'), len(seen) - len(w.spool()), 'samples evicted')
        check(len(w.spool()) >= QUOTA * 0.7, 'only %d samples are left' % len(w.spool()))
        same(w.spool(), {sha256 for _, sha256 in seen[-len(w.spool()):]}, 'the spool')
        same(w.leftovers(), set(), 'left-overs in tmp')
    with w.case('a sample that is gone is seen again: it is stored and sent again'):
        name, sha256 = seen[0]
        check(sha256 not in w.spool(), 'it is not gone')
        os.unlink(os.path.join(w.folder, sha256))
        w.get(name)
        w.agent.sighting(sha256, count=2)
        w.delivered(sha256)
        check(sha256 in w.spool(), 'it is not in the spool')
    with w.case('a sample that is seen again and again outlives newer ones'):
        for i in range(QUOTA):
            _, other = w.get()
            w.delivered(other)
            w.get(name)
            w.agent.sighting(sha256, count=3 + i)
        poll(lambda: len(w.spool()) < QUOTA * 0.9, 20, 'room')
        check(sha256 in w.spool(), 'it is gone')


def waiting(w):
    """The cloud is away from the start."""
    seen = []
    with w.case('a cloud is away: what waits for it stays, what does not fit is refused'):
        w.agent.stop()
        w.cloud.start()
        w.cloud.stop()                                      # its certificate is there
        w.configure(SETUP_TWO)
        w.agent.start()
        for _ in range(QUOTA + 10):
            _, sha256 = w.get()
            line = w.agent.sighting(sha256) if len(seen) < QUOTA else None
            seen.append(sha256)
            if line:
                w.delivered(sha256)
        poll(lambda: w.counter('files_truncated_spool_full') == 10, 20, 'ten refusals')
        same(w.spool(), set(seen[:QUOTA]), 'the spool')
        check('wait for their clouds' in open(w.agent.log).read(), 'the log does not say it')
    with w.case('the agent is killed and started: all of it is still there'):
        w.agent.kill()
        w.agent.start()
        time.sleep(2)
        same(w.spool(), set(seen[:QUOTA]), 'the spool')
    with w.case('the cloud is back: all that waited arrives once, and there is room again'):
        w.cloud.start()
        for sha256 in seen[:QUOTA]:
            w.cloud.accepted(sha256)
            same(len(w.cloud.submissions(sha256)), 1, 'uploads of ' + sha256)
        poll(lambda: len(w.spool()) < QUOTA * 0.9, 30, 'room')
        _, sha256 = w.get()
        w.cloud.accepted(sha256)
        w.delivered(sha256)
        same(w.counter('samples_missing'), 0, 'samples missing')


def test(tap, rig):
    w = World(tap, rig)
    endless(w)
    waiting(w)


if __name__ == '__main__':
    sys.exit(main(test))
