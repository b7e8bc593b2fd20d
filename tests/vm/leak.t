#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is switched off leaves for no cloud, in no encoding.

Each case sends a download and an upload through the gateway. Every field that HTTP can fill has a
value nobody else has, new in each case, and these values stand in each other's places as well: the
server's address is the host of the URL or hides in its query, the file's name is its last segment, the
user is a parameter. Then all bytes of all connections to the cloud are searched for each value
of each field that is off, and the envelope must have the value of each field that is on.

  tests/vm/leak.t [--short] [--seed N]
"""
import argparse
import os
import random
import re
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from canary import Search, request_bytes, self_test
from rig import (CLIENT, CLIENT6, FIELDS, GATE6_OUTSIDE, GATE_OUTSIDE, SERVER, SERVER6, SERVER6_NAT, SERVER_NAT,
                 SERVER_PORT, SYSFS, Agent, Cloud, check, ctl, main, same, tail)

# E-mail fields are not filled by HTTP; they are switched here as well, and nothing must come of it.
FILLED = [f for f in FIELDS if not f.startswith('email_')]

VSYS = 'Vsys_Canary-7c51/Zürich'


# ------------------------------------------------------------------ one case

class Case:
    """A download and an upload with values of their own."""

    def __init__(self, rig, seed, ports):
        self.rig, self.ports, r = rig, ports, random.Random(seed)
        self.six = r.random() < 0.5
        self.nat = r.random() < 0.7
        self.client = CLIENT6 if self.six else CLIENT
        self.server = ((SERVER6_NAT if self.nat else SERVER6) if self.six else (SERVER_NAT if self.nat else SERVER))
        self.gate = (GATE6_OUTSIDE if self.six else GATE_OUTSIDE) if self.nat else None
        word = lambda: '%s%06x' % (r.choice(('kanarie', 'Zeisig', 'papegaai', 'Gimpel')), r.getrandbits(24))
        self.server_port = r.choice((80, SERVER_PORT))
        # Host is a name, or the server's address itself.
        self.host = word() + '.example' if r.random() < 0.6 else None
        self.users = [word(), word() + '@Corp']
        self.paths = [word() + '-Pfad', word() + '-Pfad']
        self.queries = [word() + ' ä&=+/"', word() + ' ä&=+/"']
        # The download's name stands in a header, or in the URL alone.
        self.disposition = r.random() < 0.6
        self.names = [word() + (' größe' if self.disposition else '-x') + '.bin', word() + ' größe.doc']
        # Other values where they do not belong.
        self.strays = [r.sample(('user', 'name', 'client', 'server', 'port', 'vsys'), 3) for _ in range(2)]

    def url(self, i, last):
        value = {'user': self.users[i], 'name': self.names[i], 'client': self.client, 'server': self.server,
                 'port': str(self.ports[i]), 'vsys': VSYS}
        query = [('q', self.queries[i])] + [('s%d' % k, value[s]) for k, s in enumerate(self.strays[i])]
        host = self.host or ('[%s]' % self.server if self.six else self.server)
        port = '' if self.server_port == 80 else ':%d' % self.server_port
        return 'http://%s%s%s?%s' % (host, port, last, urllib.parse.urlencode(query))

    def curl(self, i, *argv):
        connect = '[%s]' % self.server if self.six else self.server
        self.rig.curl('--local-port', str(self.ports[i]), '-u', self.users[i] + ':Passwort-%x' % self.ports[i],
                      '-A', 'Agentenname/%d' % self.ports[i], '-e', 'http://verweis.example/%d' % self.ports[i],
                      '--connect-to', '::%s:%d' % (connect, self.server_port), '-o', '/dev/null', *argv)

    def run(self):
        """Sends both; their hashes."""
        # The name of the file on the server is in the path before the last segment.
        plain = '%x' % self.rig.numbers.getrandbits(40)
        _, down = self.rig.file(3000, plain)
        last = urllib.parse.quote(self.names[0]) if not self.disposition else 'get'
        self.down_url = self.url(0, '/any/%s/%s/%s' % (self.paths[0], plain, last))
        argv = ['-H', 'X-Disposition: attachment; filename="%s"' % self.names[0]] if self.disposition else []
        self.curl(0, *argv, self.down_url)
        _, up = self.rig.file(3000, 'upload', self.rig.work)
        self.up_url = self.url(1, '/post/' + self.paths[1])
        self.curl(1, '-F', 'upload=@%s;filename="%s"' % (self.rig.path('upload'), self.names[1]), self.up_url)
        return down, up

    def values(self, i):
        """By field: what must not be found where it is off, as (how to look, value)."""
        client = [('address', a) for a in (self.client, self.gate) if a]
        server = [('address', self.server)]
        client_port = [('port', self.ports[i])]
        # 80 is no value of its own: the envelope is looked at instead.
        server_port = [('port', self.server_port)] if self.server_port != 80 else []
        source_is_client = i == 1
        found = {
            'source_ip': client if source_is_client else server,
            'destination_ip': server if source_is_client else client,
            'source_port': client_port if source_is_client else server_port,
            'destination_port': server_port if source_is_client else client_port,
            'virtual_system': [('text', VSYS), ('text', 'Vsys_Canary-7c51')],
            'application': [('text', 'web-browsing')],
            'user': [('text', self.users[i]), ('text', self.users[i] + ':Passwort')],
            'url': [('text', self.paths[i]), ('text', self.queries[i]), ('text', self.queries[i].split()[0])],
            'filename': [('text', self.names[i]), ('text', self.names[i].split(' ')[0])],
        }
        if self.host:
            found['url'].append(('text', self.host))
        return found

    def never(self, i):
        """What is in no field and leaves never."""
        return [('text', 'Passwort-%x' % self.ports[i]), ('text', 'Agentenname/%d' % self.ports[i]),
                ('text', 'verweis.example')]

    def has(self, i, off, envelope, upload_name):
        """Every field that is on is there; fields that carry an omitted one may be shorter."""
        source, destination = envelope.get('source', {}), envelope.get('destination', {})
        client, server = (source, destination) if i == 1 else (destination, source)
        ip_of = {'source': self.client if i == 1 else self.server, 'destination': self.server if i == 1 else self.client}
        port_of = {'source': self.ports[1] if i == 1 else self.server_port,
                   'destination': self.server_port if i == 1 else self.ports[0]}
        for end, said in (('source', source), ('destination', destination)):
            same(said.get('ip'), None if end + '_ip' in off else ip_of[end], end + '.ip')
            same(said.get('port'), None if end + '_port' in off else port_of[end], end + '.port')
        if self.gate:
            field = 'source_ip' if i == 1 else 'destination_ip'
            same(client.get('nat', {}).get('ip'), None if field in off else self.gate, 'client.nat.ip')
        for key, said in (('client', client), ('server', server)):
            same(envelope.get(key, {}), said, key)
        same(envelope['sluice'].get('virtual_system'), None if 'virtual_system' in off else VSYS, 'virtual_system')
        same(envelope['network'].get('application'), None if 'application' in off else 'web-browsing', 'application')
        same(envelope.get('user', {}).get('name'), None if 'user' in off else self.users[i], 'user.name')
        name = envelope['file'].get('name')
        url = envelope.get('url', {}).get('original')
        if 'filename' in off:
            same(name, None, 'file.name')
            check(re.fullmatch('[0-9a-f]{64}', upload_name), 'name of the upload: ' + upload_name)
        else:
            same(name, self.names[i], 'file.name')
            same(upload_name, self.names[i], 'name of the upload')
        if 'url' in off:
            same(url, None, 'url')
            return
        whole = self.up_url if i else self.down_url
        strays = {'user': 'user' in off, 'name': 'filename' in off, 'vsys': 'virtual_system' in off,
                  'client': ('source_ip' if i else 'destination_ip') in off,
                  'server': ('destination_ip' if i else 'source_ip') in off,
                  'port': ('source_port' if i else 'destination_port') in off}
        in_name = not i and not self.disposition and 'filename' in off
        port_in_url = self.server_port != 80 and ('destination_port' if i else 'source_port') in off
        hidden = (in_name or port_in_url or any(strays[s] for s in self.strays[i]) or
                  (not self.host and strays['server']))
        if not hidden:
            same(url, whole, 'url.original')
            return
        check(url != whole, 'the URL carries what is off, whole: ' + url)
        check('url' in envelope['sluice'].get('withheld', []), 'nothing says that the URL was shortened')
        # What stands before the first stray is still there.
        if not (not self.host and strays['server']):
            check(self.paths[i] in url, 'the path is not in ' + url)
            if not in_name:
                check(urllib.parse.quote_plus(self.queries[i]) in url, 'the query is not in ' + url)


class Leak:
    def __init__(self, tap, rig, seed):
        self.tap, self.rig = tap, rig
        self.cloud = Cloud(rig, 'wf', 8443)
        self.cloud.start()
        # Each is used once: no connection waits for the end of another.
        self.ports = iter(random.Random(seed).sample(range(20011, 29999), 1000))
        self.agent = Agent(rig)
        self.configure(())
        self.agent.start()

    def configure(self, off):
        self.agent.configure(self.agent.all_to(self.cloud, off), 'virtual_system = %s\n' % VSYS)

    def switch(self, off, how):
        """Switches fields off by sysfs, netlink or configuration."""
        for field in off:
            if how[field] == 'sysfs':
                with open(SYSFS + field, 'w') as f:
                    f.write('0')
        by_netlink = [f for f in off if how[f] == 'netlink']
        if by_netlink:
            ctl('share', *[word for f in by_netlink for word in (f, 'off')])
        by_file = [f for f in off if how[f] == 'configuration']
        if by_file:
            self.configure(by_file)
            self.agent.reload()

    def switch_back(self, off, how):
        for field in FIELDS:
            with open(SYSFS + field, 'w') as f:
                f.write('1')
        if any(how[f] == 'configuration' for f in off):
            self.configure(())
            self.agent.reload()

    def case(self, name, off, how, seed):
        with self.tap.case('%s (seed %d)' % (name, seed), lambda: 'log of the agent:\n' + tail(self.agent.log)):
            self.switch(off, how)
            try:
                case = Case(self.rig, seed, (next(self.ports), next(self.ports)))
                before = {name: len(data) for name, data in self.cloud.records().items()}
                sent = [self.cloud.accepted(sha256) for sha256 in case.run()]
                search = Search(b'\n'.join(d[before.get(n, 0):] for n, d in self.cloud.records().items()))
                for i, request in enumerate(sent):
                    what = ('download', 'upload')[i]
                    values = case.values(i)
                    searched = [(f, v) for f in off for v in values.get(f, ())]
                    searched += [('nothing', v) for v in case.never(i)]
                    # The same value may be allowed in the other direction: look at this request alone then.
                    only = Search(request_bytes(self.cloud, request))
                    for field, (kind, value) in searched:
                        found = getattr(only, kind)(value)
                        check(not found, '%s: %s is off, and %r left as %r' % (what, field, value, found))
                    case.has(i, off, request['session'], request['file']['name'])
                self.whole(case, off, search)
            finally:
                self.switch_back(off, how)

    def whole(self, case, off, search):
        """All bytes since: questions, repetitions, anything else. Values that are off both ways."""
        both = [case.values(0), case.values(1)]
        allowed = [v for values in both for f in FIELDS if f not in off for v in values.get(f, ())]
        for values in both:
            for field in off:
                for kind, value in values.get(field, ()):
                    if (kind, value) not in allowed:
                        found = getattr(search, kind)(value)
                        check(not found, '%s is off, and %r left as %r' % (field, value, found))
        for i in range(2):
            for kind, value in case.never(i):
                found = getattr(search, kind)(value)
                check(not found, '%r left as %r' % (value, found))


def test(tap, rig):
    parser = argparse.ArgumentParser()
    parser.add_argument('--short', action='store_true')
    parser.add_argument('--seed', type=int, default=int.from_bytes(os.urandom(3), 'big'))
    args = parser.parse_args()
    tap.note('seed %d' % args.seed)
    numbers = random.Random(args.seed)
    ways = ('sysfs', 'netlink', 'configuration')

    self_test(tap, check)
    leak = Leak(tap, rig, args.seed)
    leak.case('nothing is off: everything is there', (), {}, args.seed)
    for n, field in enumerate(FIELDS):
        for way in ways if not args.short else (ways[n % 3],):
            leak.case('%s off by %s' % (field, way), (field,), {field: way}, numbers.getrandbits(24))
    for n in range(3 if args.short else 10):
        off = [f for f in FIELDS if numbers.random() < 0.5]
        how = {f: numbers.choice(ways) for f in off}
        leak.case('random: off are ' + ', '.join('%s by %s' % (f, how[f]) for f in off), off, how,
                  numbers.getrandbits(24))
    leak.case('all off', FIELDS, {f: 'sysfs' for f in FIELDS}, numbers.getrandbits(24))
    with tap.case('the agent withheld fields, and refused nothing'):
        leak.agent.fresh_stats()
        counters = leak.agent.counters()
        check(counters['fields_withheld'] > 0, counters)
        same((counters['envelopes_refused'], counters['messages_bad'], counters['failed']), (0, 0, 0), 'counters')


if __name__ == '__main__':
    sys.exit(main(test))
