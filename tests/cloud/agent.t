#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A whole agent with clouds of the kinds s3, cape and assemblyline (crash_agent of tests/crash, and
nobody who kills it): what came to each is what its policy allows, and the ledger has every request.
"""
import collections
import hashlib
import json
import os
import re
import signal
import sqlite3
import sys
import tempfile
import types

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'crash')]
from collector import Collector, answer
from world import FED, Agent, World
from rig import Failure, Tap, check, poll, same, tail

KEYS = {'s3': 'ACCESS secret-of-s3', 'cape': 'secret-of-cape', 'assemblyline': 'name:secret-of-assemblyline'}
BASE = {'s3': '/box', 'cape': '/apiv2', 'assemblyline': '/api/v4'}
SHARE = 'default = share\nsource_ip = omit\ndestination_ip = omit\nfilename = omit\nurl = omit\n'


def as_json(status, value):
    return answer(status, json.dumps(value).encode())


def s3(request, known):
    if request.method == 'HEAD':
        return answer(200 if request.target in known else 404)
    known.add(request.target)
    return answer(200)


def cape(request, _):
    if request.method == 'GET':
        return as_json(200, {'error': False, 'data': []})
    return as_json(200, {'error': [], 'data': {'task_ids': [7]}})


def assemblyline(request, _):
    if request.method == 'GET':
        return as_json(404, {'api_response': {}, 'api_error_message': 'This file does not exists.'})
    return as_json(200, {'api_response': {'sid': 'x7'}, 'api_error_message': ''})


class Clouds:
    def __init__(self, where):
        self.where, self.at = where, {}
        os.makedirs(where)
        for reply in s3, cape, assemblyline:
            known = set()
            self.at[reply.__name__] = Collector(lambda r, reply=reply, known=known: reply(r, known))
        for kind, key in KEYS.items():
            with open(os.open(self.key(kind), os.O_WRONLY | os.O_CREAT, 0o600), 'w') as f:
                f.write(key + '\n')

    def key(self, kind):
        return os.path.join(self.where, kind + '.key')

    def section(self, kind, more=''):
        if kind == 'assemblyline':
            more += 'user = gateway\n'
        return ('[cloud %s]\nkind = %s\nurl = http://127.0.0.1:%d%s\nkey_file = %s\n%s[share %s]\n%s'
                % (kind, kind, self.at[kind].port, BASE[kind], self.key(kind), more, kind, SHARE))

    def world(self, name, text, agent=''):
        w = World(os.path.join(self.where, name), types.SimpleNamespace(url='https://none.test', ca='/none'), 0)
        with open(w.conf, 'w', encoding='ascii') as f:
            f.write('[agent]\nstate_dir = %s\nrun_dir = %s\nretry_min = 1\nretry_max = 2\n%s%s[rule all]\ncloud = %s\n'
                    % (w.state, w.run_dir, agent, text, ', '.join(KEYS)))
        return w

    def close(self):
        for c in self.at.values():
            c.close()


def calls(kind, request):
    """What the ledger calls it."""
    if kind == 's3':
        return 'head' if request.method == 'HEAD' else 'put/envelope' if request.target.endswith('.json') else 'put/sample'
    if request.method == 'GET':
        return {'cape': 'tasks/search', 'assemblyline': 'file/info'}[kind]
    return {'cape': 'tasks/create/file', 'assemblyline': 'submit'}[kind]


def ended(w):
    """Whether all that was fed has reached its ends."""
    try:
        t = w.tally(w.live)
    except sqlite3.OperationalError:        # not made yet
        return False
    return t.ended == len(KEYS) * len(FED) and not t.untold


def whole_agent(tap, clouds):
    w = clouds.world('all', ''.join(clouds.section(kind) for kind in KEYS))
    with Agent(w) as a:
        with tap.case('each cloud gets every sample', lambda: tail(w.log)):
            w.feed(a.child, a.ring)
            poll(lambda: ended(w), 40, 'the ends')
            for kind, c in clouds.at.items():
                same(len(c.requests), len(FED) * (3 if kind == 's3' else 2), 'requests to ' + kind)
                for body in w.sample.values():
                    same(sum(1 for r in c.requests if body in r.body), 1, 'uploads to ' + kind)
        with tap.case('the counters of each cloud add up'):
            stats = a.stats()
            w.by_cloud(stats['clouds'])
            for name in 'failed', 'messages_bad', 'requests_refused', 'envelopes_refused', 'cloud_answers_bad':
                same(stats['counters'][name], 0, name)
    with tap.case('the ledger has each request, by its body, and is whole'):
        lines = collections.Counter((r['cloud'], r['request'], r['body']['sha256']) for r in w.ledger()
                                    if r['type'] == 'request')
        same(lines, collections.Counter((kind, calls(kind, r), hashlib.sha256(r.body).hexdigest())
                                        for kind, c in clouds.at.items() for r in c.requests), 'requests')
        w.verify()
    with tap.case('what policy keeps back is in none of their bytes, and what it shares is'):
        for kind, c in clouds.at.items():
            data = b''.join(r.head + r.body for r in c.requests)
            for kept in b'192.0.2.80', b'10.1.0.', b'file-', b'a.example':
                check(kept not in data, '%r came to %s' % (kept, kind))
            same(data.count(b'"web-browsing"'), len(FED), 'envelopes that came to ' + kind)
    with tap.case('the log has no key'):
        with open(w.log, encoding='utf-8', errors='replace') as f:
            found = re.search('secret-of-|ACCESS', f.read())
        check(not found, found)


def elsewhere(tap, clouds):
    before = sum(c.connections for c in clouds.at.values())
    for what, more, agent, error in (
            ('outside', 'region = us\n', 'region = eu, de\n', 'region us is outside of those that [agent] allows'),
            ('unknown', '', 'region = eu\n', 'it is not known where it is')):
        w = clouds.world(what, clouds.section('s3', more) + ''.join(clouds.section(k, 'region = eu\n') for k in KEYS
                                                                    if k != 's3'), agent)
        with tap.case('a cloud whose region is %s: the agent does not start, and nothing is asked' % what):
            try:
                with Agent(w):
                    raise AssertionError('it runs')
            except Failure as e:
                check(error in str(e), e)
            same(sum(c.connections for c in clouds.at.values()), before, 'connections')


def renewed(tap, clouds):
    """A key that is not accepted any more is replaced in its file, and the agent told so."""
    clouds.at['cape'].close()
    clouds.at['cape'] = Collector(lambda r: cape(r, None) if b'Token renewed-secret\r' in r.head else as_json(401, {}))
    w = clouds.world('renewed', clouds.section('cape').replace('[cloud cape]', '[rule cape]\ncloud = cape\n[cloud cape]'))
    with open(w.conf, encoding='ascii') as f:
        text = f.read()
    with open(w.conf, 'w', encoding='ascii') as f:
        f.write(text[:text.index('[rule all]')])
    with Agent(w) as a:
        with tap.case('a key that is renewed while the agent runs is used after a reload', lambda: tail(w.log)):
            w.feed(a.child, a.ring)
            poll(lambda: clouds.at['cape'].requests, 20, 'a request')
            with open(clouds.key('cape'), 'w', encoding='ascii') as f:
                f.write('renewed-secret\n')
            a.child.send_signal(signal.SIGHUP)
            poll(lambda: w.tally(w.live).ended == len(FED), 20, 'the ends')
            with open(w.log, encoding='utf-8', errors='replace') as f:
                check('renewed-secret' not in f.read(), 'the log has the key')


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix='sluice-agent-') as where:
        clouds = Clouds(os.path.join(where, 'clouds'))
        try:
            whole_agent(tap, clouds)
            elsewhere(tap, clouds)
            renewed(tap, clouds)
        finally:
            clouds.close()
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
