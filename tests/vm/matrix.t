#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each field, under each of its modes, at each kind of cloud: what leaves is what the mode allows, and all of it.

One agent has as many clouds as it can, each with a policy and keys of its own: one for each mode of
each field while all others are shared, one for each field that is shared alone, presets, and
every field in the same mode. Each is sent a download, an upload and a mail with attachment and link, in
which each field has a value that is nowhere else (sightings.py). Every byte that came, of repeated and
of broken requests too, is searched for what that cloud may not know, in every encoding
(canary.py). Each envelope must be, leaf by leaf, what is worked out here once more (modes.py), and the ledger
must say of each request what is found in it.

  tests/vm/matrix.t [--short] [--seed N]

--short: each cloud is of one kind, by turns; else all are of each kind, one after the other.
"""
import argparse
import collections
import contextlib
import ipaddress
import json
import json
import os
import random
import re
import sqlite3
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import modes                                                                       # noqa: E402
from canary import Search, self_test                                               # noqa: E402
from kinds import ENDED, KINDS, leaves                                             # noqa: E402
from modes import ADDRESSES, FIELDS, MODES, PORTS                                  # noqa: E402
from rig import SYSFS, Agent, check, ctl, lines_of, main, poll, same, tail         # noqa: E402
from sightings import NETWORK, NEVER, USERS, VSYS, Traffic                         # noqa: E402

CLOUD_MAX = 64
PRESETS = {                         # as sluice.conf(5) has them, in the order of the fields
    'full': ['share'] * 12,
    'balanced': ['truncate 24 48', 'truncate', 'truncate 24 48', 'truncate', 'share', 'share', 'pseudonymise',
                 'truncate path', 'share', 'truncate', 'pseudonymise', 'pseudonymise'],
    'pseudonymous': ['encrypt prefix', 'truncate', 'encrypt prefix', 'truncate', 'pseudonymise', 'share',
                     'pseudonymise', 'truncate origin', 'truncate', 'pseudonymise', 'pseudonymise', 'pseudonymise'],
    'minimal': ['generalise', 'omit', 'generalise', 'omit', 'omit', 'share', 'omit', 'omit', 'truncate', 'omit',
                'omit', 'omit'],
}
# Every field alike, where it can.
ALIKE = 'omit', 'pseudonymise', 'truncate', 'encrypt prefix', 'encrypt deterministic', 'generalise'
# What an envelope has of every sighting, and nothing of a field.
COMMON = re.compile(r'@timestamp|ecs\.version|event\.(id|kind|category|type|module|dataset|start|end)|'
                    r'network\.(transport|type|direction)|file\.(size|hash\.sha256)|'
                    r'observer\.(vendor|product|version)|sluice\.(direction|policy\.id)')
TEXTS = {'virtual_system': 'sluice.virtual_system', 'application': 'network.application', 'user': 'user.name',
         'url': 'url.original', 'filename': 'file.name', 'email_subject': 'email.subject',
         'email_sender': 'email.from.address', 'email_recipient': 'email.to.address'}
OTHERWISE = {('user', 'pseudonymise'): 'user.hash', ('filename', 'truncate'): 'file.extension'}


class Place:
    """A cloud: its policy by field, its key."""

    def __init__(self, number, what, policy, numbers, session=True, lines=None):
        self.name, self.what, self.session = 'c%02d' % number, what, session
        self.policy = dict(zip(FIELDS, policy))
        self.key = modes.Key('k%d' % number, numbers.randbytes(32))
        self.lines = lines or ''.join('%s = %s\n' % pair for pair in self.policy.items())

    def mode(self, field, sighting):
        return 'omit' if field in sighting.off else self.policy[field]


def alike(mode):
    word = mode.split()[0]
    return [next((m for m in [mode] + MODES[f] if m in MODES[f] and m.split()[0] == word), 'omit') for f in FIELDS]


def places(numbers):
    """All policies that are tried, in the order of their names."""
    found = [('%s %s' % (f, m), [m if g == f else 'share' for g in FIELDS], {}) for f in FIELDS for m in MODES[f]]
    found += [('%s alone' % f, ['share' if g == f else 'omit' for g in FIELDS], {}) for f in FIELDS]
    found += [('preset ' + name, policy, {'lines': 'preset = %s\n' % name}) for name, policy in PRESETS.items()]
    found += [('all ' + m, alike(m), {}) for m in ALIKE]
    found.append(('no envelope', ['share'] * 12, {'session': False}))
    check(len(found) <= CLOUD_MAX, '%d clouds are more than an agent has' % len(found))
    return [Place(n, what, policy, numbers, **more) for n, (what, policy, more) in enumerate(found)]


# ------------------------------------------------------------------ what must be there

def ends_expected(place, s):
    """Of source and destination, and of the same ends as client and server."""
    found, networks = {}, [(ipaddress.ip_network(NETWORK[1]), NETWORK[0])]
    for side in 'source', 'destination':
        ip, port = side + '_ip', side + '_port'
        client = s.end(ip)
        of_ip = ip, place.mode(ip, s)
        of_port = port, place.mode(port, s)
        end = (s.client, s.client_port) if client else (s.server, s.server_port)
        leaf = {}
        leaf['ip'], leaf['address'] = modes.address(*of_ip, end[0], place.key, networks)
        leaf['port'], found['sluice.' + port] = modes.port(*of_port, end[1], place.key, not client)
        if client and s.nat:
            leaf['nat.ip'] = modes.address(*of_ip, s.nat[0], place.key, networks)[0]
            leaf['nat.port'] = modes.port(*of_port, s.nat[1], place.key, False)[0]
        for name in side, 'client' if client else 'server':
            found.update({'%s.%s' % (name, key): value for key, value in leaf.items()})
    return found


def expected(place, s):
    """The leaves of the envelope that come from fields."""
    found = ends_expected(place, s)
    for field, path in TEXTS.items():
        value, mode = s.text.get(field), place.mode(field, s)
        if value is None or mode == 'omit':
            continue
        if isinstance(value, list) or field == 'email_sender':
            value = value if isinstance(value, list) else [value]
            found[path] = [modes.text(field, mode, v, place.key) for v in value]
            continue
        path = OTHERWISE.get((field, mode), path)
        found[path] = modes.text(field, mode, value, place.key)
        if field == 'url' and mode != 'pseudonymise':
            found['url.domain'] = re.match('[a-z]+://([^/]+)', value)[1]
    for field in FIELDS:
        if place.mode(field, s) != 'share':
            found['sluice.policy.modes.' + field] = place.mode(field, s)
    return {path: value for path, value in found.items() if value is not None}


def name_expected(place, s):
    """Of the upload."""
    mode, name = place.mode('filename', s), s.text.get('filename')
    if name and mode == 'share':
        return name
    return s.sha256 + ('.' + name.rpartition('.')[2] if name and mode == 'truncate' else '')


def told(place, s, envelope):
    """Bytes of each field's value in an envelope, as the ledger counts them."""
    found = collections.Counter()
    for field in ADDRESSES + PORTS:
        side, _, what = field.partition('_')
        for path in (('ip', 'address', 'nat.ip') if what == 'ip' else ('port', 'nat.port')):
            found[field] += len(str(envelope.get('%s.%s' % (side, path), '')))
        found[field] += len(str(envelope.get('sluice.' + field, '')))
    for field, path in TEXTS.items():
        value = envelope.get(OTHERWISE.get((field, place.mode(field, s)), path), '')
        if isinstance(value, list):
            # A list that is shared is taken as it stands, with what separates its members.
            between = len(value) - 1 if place.mode(field, s) == 'share' else 0
            found[field] += sum(len(v.encode()) for v in value) + between
        else:
            found[field] += len(value.encode())
    return found


# ------------------------------------------------------------------ what must not

class Checks:
    """Judges arrivals, and keeps what is wrong with them."""

    def __init__(self, places_, ledger):
        self.place = {p.name: p for p in places_}
        self.lines = {}
        for line in ledger:
            if line['type'] == 'request':
                self.lines.setdefault((line['cloud'], line['body']['sha256']), line)
        self.wrong, self.searched, self.tokens = [], 0, {}

    def say(self, arrival, text):
        self.wrong.append('%s (%s), %s, %s: %s' % (arrival.cloud, self.place[arrival.cloud].what,
                                                   arrival.sighting.name, arrival.request, text))

    def forbidden(self, place, s):
        for field in FIELDS:
            mode = place.mode(field, s)
            # Without an envelope there are the name and, of a link, what it is.
            if not place.session and field != 'filename' and not (s.link and field == 'url'):
                mode = 'omit'
            for how, value, stays in s.parts(field):
                if mode not in stays:
                    yield '%s = %s' % (field, mode), how, value
        for value in NEVER:
            yield 'no field', 'text', value

    def search(self, arrivals):
        """Nothing that may not be known, in anything that came."""
        together = collections.defaultdict(list)
        for a in arrivals:
            together[a.cloud, a.sighting.name].append(a)
        for (cloud, _), group in together.items():
            search = Search(b'\n'.join(a.data for a in group))
            for what, how, value in self.forbidden(self.place[cloud], group[0].sighting):
                found = getattr(search, how)(value)
                self.searched += 1
                if found:
                    (arrival, *_) = [a for a in group if getattr(Search(a.data), how)(value)] or group
                    self.say(arrival, '%s, and %r left as %r' % (what, value, found))

    def has(self, arrivals):
        """What is shared or changed is there, as it should be, and nothing else."""
        for a in arrivals:
            place, s = self.place[a.cloud], a.sighting
            if s.link and a.request != 'get/verdict' and place.mode('url', s) != 'share':
                self.say(a, 'a link left where the URL is not shared')
            if a.name is not None and a.name != name_expected(place, s):
                self.say(a, 'the upload is called %r, not %r' % (a.name, name_expected(place, s)))
            if a.envelope is not None:
                self.envelope(a, place, s, leaves(a.envelope))
            elif a.body_sha256 and a.request != 'get/verdict' and place.session:
                self.say(a, 'there is no envelope')
            if a.body_sha256:
                self.ledger(a, place, s)
            elif a.cloud not in {cloud for cloud, _ in self.lines}:
                self.say(a, 'it came, and the ledger knows nothing')

    def envelope(self, a, place, s, got):
        wanted = expected(place, s)
        for path in sorted(set(got) | set(wanted)):
            if COMMON.fullmatch(path):
                continue
            if got.get(path) != wanted.get(path):
                self.say(a, '%s is %r, not %r' % (path, got.get(path), wanted.get(path)))
            # A pseudonym is the same here for the same value, and at no other cloud.
            for value in got[path] if isinstance(got.get(path), list) else [got.get(path)]:
                if str(value).startswith('p1:') and self.tokens.setdefault(value, a.cloud) != a.cloud:
                    self.say(a, '%s is the same at %s' % (value, self.tokens[value]))

    def ledger(self, a, place, s):
        line = self.lines.get((a.cloud, a.body_sha256))
        if not line:
            self.say(a, 'no line of the ledger has the hash of its body')
            return
        if (line['request'], line['sample'], line['sighting']) != (a.request, s.sha256, s.uuid):
            self.say(a, 'the ledger says something else: %r' % line)
        bytes_of = collections.Counter()
        if a.envelope is not None:
            got = leaves(a.envelope)
            bytes_of = told(place, s, got)
            if line['policy'] != got['sluice.policy.id']:
                self.say(a, 'policy %s, in the envelope %s' % (line['policy'], got['sluice.policy.id']))
        elif a.name is not None and a.name == s.text.get('filename'):
            bytes_of['filename'] = len(a.name.encode())
        elif s.link:
            bytes_of['url'] = len(s.text['url'].encode())
        wanted = {f: {'mode': place.mode(f, s), 'bytes': bytes_of[f]} for f in FIELDS
                  if a.request != 'get/verdict' and (bytes_of[f] or place.mode(f, s) != 'share')}
        if line['fields'] != wanted:
            self.say(a, 'fields of the ledger: %r, found: %r' % (line['fields'], wanted))

    def end(self, what):
        wrong, self.wrong = self.wrong, []
        same(wrong[:20], [], '%d times %s' % (len(wrong), what))


# ------------------------------------------------------------------ the run

class Round:
    """An agent, its clouds, and what came to them."""

    def __init__(self, tap, rig, traffic, name, kinds, numbers):
        self.tap, self.rig, self.traffic, self.name = tap, rig, traffic, name
        self.places = places(numbers)
        self.kind_of, self.sightings = {}, []
        offset = numbers.randrange(len(kinds))
        by_kind = collections.defaultdict(list)
        for n, place in enumerate(self.places):
            by_kind[kinds[(n + offset) % len(kinds)]].append(place.name)
        self.kinds = [kind(rig, names) for kind, names in by_kind.items()]
        for kind, names in zip(self.kinds, by_kind.values()):
            self.kind_of.update(dict.fromkeys(names, kind))
        self.agent = Agent(rig, name='agent-' + name)
        self.agent.options = ('-d',)
        self.configure(self.places)
        self.agent.start()
        for address, user in USERS.items():
            ctl('--run-dir', self.agent.run, 'user', 'add', address, user)

    def case(self, name):
        return self.tap.case('%s: %s' % (self.name, name), lambda: 'log of the agent:\n' + tail(self.agent.log))

    def configure(self, receivers):
        """All clouds, and rules that send to some."""
        text = '[network %s]\nprefixes = %s\n' % NETWORK
        for place in self.places:
            key = self.rig.path('%s-%s.keys' % (self.name, place.name))
            with open(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as f:
                f.write('# an older one\nold 2025-01-01T00:00:00Z %s\n' % ('5a' * 32) + place.key.line)
            text += '[cloud %s]\n%s' % (place.name, self.kind_of[place.name].section(place.name, place.session))
            text += '[share %s]\nkey_file = %s\n%s' % (place.name, key, place.lines)
        for at in range(0, len(receivers), 32):
            text += '[rule r%d]\ncloud = %s\n' % (at, ' '.join(p.name for p in receivers[at:at + 32]))
        self.agent.configure(text, 'virtual_system = %s\n' % VSYS)

    def send(self, transfers, off=()):
        """Has some transfers, and waits for the local log to tell of their samples."""
        new = [s for transfer in transfers for s in transfer()]
        for s in new:
            seen = self.agent.sighting(s.sha256)
            s.uuid, s.id, s.off = seen['event']['id'], seen['event']['id'].replace('-', ''), off
            nat = seen['client'].get('nat')
            s.nat = nat and (nat['ip'], nat['port'])
        self.sightings += new
        return new

    def ledger(self):
        return lines_of(os.path.join(self.agent.state, 'ledger.jsonl'))

    def wait(self, sightings, receivers):
        """Until each has what it is to have."""
        wanted = {(p.name, s.uuid) for p in receivers for s in sightings if not s.link or p.mode('url', s) == 'share'}
        end = time.monotonic() + 400
        with open(os.path.join(self.agent.state, 'ledger.jsonl'), 'rb') as ledger:
            while wanted:
                check(time.monotonic() < end, '%d submissions are missing: %s' % (len(wanted), sorted(wanted)[:4]))
                line = ledger.readline()
                if not line.endswith(b'\n'):
                    ledger.seek(-len(line), os.SEEK_CUR)
                    time.sleep(0.5)
                elif b'"type":"result"' in line:
                    line = json.loads(line)
                    if line['outcome'] in ENDED:
                        wanted.discard((line['cloud'], line['sighting']))

    def arrivals(self, sightings):
        ids = {s.uuid for s in sightings}
        return [a for kind in self.kinds for a in kind.arrivals(self.sightings) if a.sighting.uuid in ids]

    def judge(self, sightings, what):
        checks, arrivals = Checks(self.places, self.ledger()), []
        with self.case(what + ': nothing left that policy does not allow'):
            arrivals = self.arrivals(sightings)
            checks.search(arrivals)
            checks.end('something left')
            self.tap.note('%d requests, %d searches' % (len(arrivals), checks.searched))
        with self.case(what + ': what policy allows is there as it should be, and the ledger says so'):
            checks.has(arrivals)
            checks.end('something is not as it should be')
        return arrivals

    def main(self):
        with self.case('every sighting reached every cloud'):
            traffic = self.traffic
            self.sent = self.send((traffic.download, traffic.upload, traffic.mail))
            self.wait(self.sent, self.places)
        arrivals = self.judge(self.sent, '%d policies' % len(self.places))
        with self.case('requests were repeated after faults'):
            calls = collections.Counter((a.cloud, a.sighting.name, a.request) for a in arrivals)
            again = {request for (_, _, request), n in calls.items() if n > 1}
            same(again, set().union(*(kind.repeated for kind in self.kinds)), 'what was repeated')
        with self.case('addresses that were near each other are so encrypted, and no others'):
            self.near(arrivals)

    def near(self, arrivals):
        """encrypt prefix: as many bits in common as before, where there are several of one family."""
        (name,) = [p.name for p in self.places if p.what == 'all encrypt prefix']
        (download,) = [s for s in self.sent if s.name == 'download']
        (said,) = [leaves(a.envelope) for a in arrivals if (a.cloud, a.sighting) == (name, download) and a.envelope][:1]
        for plain, path in (download.client, 'client.ip'), (download.nat[0], 'client.nat.ip'):
            same(modes.common(said[path], said['server.ip']), modes.common(plain, download.server), 'bits in common')

    def switches(self, numbers):
        """The kernel's switch is stricter than any mode."""
        off = sorted(numbers.sample(FIELDS, 6))
        names = ['all ' + m for m in ALIKE] + ['preset full', 'no envelope'] + ['%s alone' % f for f in off[:2]]
        receivers = [p for p in self.places if p.what in names]
        with self.case('switched off by the kernel: ' + ', '.join(off)):
            self.configure(receivers)
            self.agent.reload()
            for field in off[:3]:
                with open(SYSFS + field, 'w') as f:
                    f.write('0')
            ctl('share', *[word for field in off[3:] for word in (field, 'off')])
            try:
                sightings = self.send((self.traffic.download, self.traffic.upload, self.traffic.mail), tuple(off))
                self.wait(sightings, receivers)
            finally:
                ctl('share', *[word for field in off for word in (field, 'on')])
        self.judge(sightings, 'with switches off')

    def end(self):
        with self.case('the ledger is whole, each outcome has its request, and nothing was refused'):
            self.agent.fresh_stats()
            counters = self.agent.counters()
            names = 'envelopes_refused', 'messages_bad', 'failed', 'policy_keys_missing', 'ledger_failures'
            same([counters[n] for n in names], [0] * len(names), 'counters')
            same(self.agent.stop(), 0, 'exit status of the agent')
            check(': whole, ' in ctl('ledger', 'verify', '-d', self.agent.state), 'ledger')
            self.outcomes()
        with self.case('the log and the queue of the forwarder have nothing of any field'):
            with open(self.agent.log, 'rb') as f:
                lines = {without_hashes(line) for line in f.read().splitlines() if b'forwarder' in line}
            check(len(lines) > 10, 'lines of the forwarder: %r' % lines)
            self.clean(b'\n'.join(lines), 'the log')
            with contextlib.closing(sqlite3.connect(os.path.join(self.agent.state, 'forwarder', 'queue.db'))) as queue:
                rows = {without_hashes(line.encode()) for line in queue.iterdump()}
            check(len(rows) > 10, 'rows of the queue: %r' % rows)
            self.clean(b'\n'.join(rows), 'the queue')

    def outcomes(self):
        lines = self.ledger()
        requests = {line['n']: line for line in lines if line['type'] == 'request'}
        for line in lines:
            if line['type'] == 'result':
                request = requests.get(line['of'], {})
                same([request.get(k) for k in ('cloud', 'sample', 'sighting')],
                     [line['cloud'], line.get('sample'), line['sighting']], 'what outcome %d is of' % line['n'])

    def clean(self, data, what):
        search = Search(data)
        values = {(how, value) for s in self.sightings for field in FIELDS for how, value, _ in s.parts(field)
                  if how in ('text', 'address')}
        for how, value in sorted(values):
            found = getattr(search, how)(value)
            check(not found, '%s: %r as %r' % (what, value, found))


def without_hashes(line):
    """So that lines about different samples are the same."""
    return re.sub(rb"(?<![0-9a-f])([0-9a-f]{64}|X'[0-9A-F]{32,64}')|[0-9]{13,}", b'', line, flags=re.I)


def test(tap, rig):
    parser = argparse.ArgumentParser()
    parser.add_argument('--short', action='store_true')
    parser.add_argument('--seed', type=int, default=int.from_bytes(os.urandom(3), 'big'))
    args = parser.parse_args()
    tap.note('seed %d' % args.seed)
    numbers = random.Random(args.seed)

    self_test(tap, check)
    traffic = Traffic(rig)
    # A folder is the least work, and the envelope is the same.
    rounds = {'mixed': KINDS + KINDS[-1:] * 2} if args.short else {kind.kind: (kind,) for kind in KINDS}
    for name, kinds in rounds.items():
        one = Round(tap, rig, traffic, name, kinds, numbers)
        tap.note('%s, set up after %.0f s' % (name, time.monotonic() - tap.started))
        one.main()
        tap.note('%.0f s' % (time.monotonic() - tap.started))
        one.switches(numbers)
        one.end()


if __name__ == '__main__':
    sys.exit(main(test))
