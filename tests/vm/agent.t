#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The agent on a gateway with the real module: what crosses it arrives at the clouds, once, whole,
with the story of its session, whatever is killed or away in between."""
import collections
import hashlib
import json
import os
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import (CLIENT, CLIENT6, CLOUD, CLOUD6, GATE6_OUTSIDE, GATE_OUTSIDE, PUBLISHED, PUBLISHED_PORT,
                 SERVER, SERVER6, SERVER6_NAT, SERVER_NAT, SERVER_OTHER, SLUICECTL, SYSFS, Agent, Cloud, Failure, alive,
                 check, ctl, ctl_json, kernel_stats, lines_of, main, poll, run, same, tail)

# The ring is small, so that one file overflows it.
CAPTURE = 'ring_size = 1M\nvirtual_system = main-site\n'

SETUP = '''
[cloud wf]
kind = wildfire
url = %(wf)s
key_file = %(key)s
ca_file = %(wf_ca)s
%(wf_share)s
[cloud bare]
kind = wildfire
url = %(bare)s
key_file = %(key)s
ca_file = %(bare_ca)s
session = no
[share bare]
default = share
[cloud folder]
kind = directory
path = %(folder)s
[share folder]
default = share
[rule all]
application = any
direction = both
cloud = wf, bare, folder
'''
ALL = '[share wf]\ndefault = share\n'


class World:
    def __init__(self, tap, rig):
        self.tap, self.rig = tap, rig
        self.wf = Cloud(rig, 'wf', 8443)
        self.bare = Cloud(rig, 'bare', 8444)
        self.folder = rig.path('folder')
        for cloud in (self.wf, self.bare):
            cloud.start()
        self.agent = Agent(rig)
        self.configure()
        self.agent.start()

    def configure(self, share=ALL):
        self.agent.configure(SETUP % {
            'wf': self.wf.url(), 'bare': self.bare.url(CLOUD6), 'key': self.agent.key, 'wf_ca': self.wf.ca,
            'bare_ca': self.bare.ca, 'folder': self.folder, 'wf_share': share}, CAPTURE,
            'retry_min = 1\nretry_max = 2\nmetrics = %s/metrics.sock\n' % self.agent.run)

    def case(self, name):
        return self.tap.case(name, lambda: 'log of the agent:\n' + tail(self.agent.log))

    def get(self, host, path='', size=20000, **kw):
        """Downloads a fresh file through the gateway: its name and hash."""
        name, sha256 = self.rig.file(size)
        same(self.rig.download('http://%s/%s' % (host, path + name), **kw), sha256, 'what the client got')
        return name, sha256

    def put(self, host, size=20000):
        name, sha256 = self.rig.file(size, directory=self.rig.work)
        self.rig.curl('-T', self.rig.path(name), 'http://%s/put/%s' % (host, name))
        return name, sha256

    def post(self, host, size=20000):
        name, sha256 = self.rig.file(size, directory=self.rig.work)
        self.rig.curl('-F', 'note=hello', '-F', 'upload=@' + self.rig.path(name), 'http://%s/post/form' % host)
        return name, sha256

    def once(self, sha256, cloud=None):
        """The sample is at the cloud with exactly its bytes, and was sent there once."""
        cloud = cloud or self.wf
        request = cloud.accepted(sha256)
        same(len(cloud.submissions(sha256)), 1, 'uploads of ' + sha256)
        same(hashlib.sha256(cloud.sample(sha256)).hexdigest(), sha256, 'the sample at the cloud')
        return request


def stored(cloud, sha256):
    """The uploads that the cloud took, whether or not it could say so."""
    return [r for r in cloud.submissions(sha256) if r['status'] == 200 or r.get('fault') == 'cut-after']


def settled(cloud, sha256):
    """The cloud has the sample, and the agent knows it."""
    about = cloud.verdicts(sha256) + cloud.submissions(sha256)
    return stored(cloud, sha256) and max(about, key=lambda r: r['seq'])['status'] == 200


def ends(said, client, server, client_nat=None, server_nat=None, upload=False, what=''):
    """client and server, source and destination of an envelope or of a line of the local log."""
    for key, ip, nat in (('client', client, client_nat), ('server', server, server_nat)):
        same(said[key]['ip'], ip, what + key + '.ip')
        same(said[key].get('nat', {}).get('ip'), nat, what + key + '.nat.ip')
    source, destination = ('client', 'server') if upload else ('server', 'client')
    same(said['source'], said[source], what + 'source')
    same(said['destination'], said[destination], what + 'destination')
    same(said['sluice']['direction'], 'upload' if upload else 'download', what + 'direction')


def ways(w):
    """Every way through the gateway: all at once, then what became of each."""
    v6, v6_nat = '[%s]' % SERVER6, '[%s]' % SERVER6_NAT
    published = '%s:%d' % (PUBLISHED, PUBLISHED_PORT)
    wanted = (
        ('download, IPv4', w.get, SERVER, dict(client=CLIENT, server=SERVER)),
        ('download, IPv6', w.get, v6, dict(client=CLIENT6, server=SERVER6)),
        ('upload by PUT, IPv4', w.put, SERVER, dict(client=CLIENT, server=SERVER, upload=True)),
        ('upload by PUT, IPv6', w.put, v6, dict(client=CLIENT6, server=SERVER6, upload=True)),
        ('upload by a form, IPv4', w.post, SERVER, dict(client=CLIENT, server=SERVER, upload=True)),
        ('upload by a form, IPv6', w.post, v6, dict(client=CLIENT6, server=SERVER6, upload=True)),
        ('download, masqueraded client', w.get, SERVER_NAT,
         dict(client=CLIENT, server=SERVER_NAT, client_nat=GATE_OUTSIDE)),
        ('upload, masqueraded client', w.put, SERVER_NAT,
         dict(client=CLIENT, server=SERVER_NAT, client_nat=GATE_OUTSIDE, upload=True)),
        ('download, masqueraded client, IPv6', w.get, v6_nat,
         dict(client=CLIENT6, server=SERVER6_NAT, client_nat=GATE6_OUTSIDE)),
        ('download, published server', w.get, published,
         dict(client=CLIENT, server=SERVER, server_nat=PUBLISHED)),
        ('upload, published server', w.post, published,
         dict(client=CLIENT, server=SERVER, server_nat=PUBLISHED, upload=True)),
    )
    done = {}
    for name, how, host, _ in wanted:
        try:
            done[name] = how(host)
        except Failure as e:
            done[name] = e
    for name, how, host, expected in wanted:
        with w.case(name):
            if isinstance(done[name], Failure):
                raise done[name]
            filename, sha256 = done[name]
            envelope = w.once(sha256)['session']
            line = w.agent.sighting(sha256)
            for what, said in (('envelope: ', envelope), ('local log: ', line)):
                ends(said, what=what, **expected)
                same(said['file']['hash']['sha256'], sha256, what + 'hash')
                same(said['file']['name'], filename, what + 'file.name')
                same(said['file']['size'], 20000, what + 'file.size')
                same(said['network']['application'], 'web-browsing', what + 'application')
                same(said['network']['type'], 'ipv6' if ':' in expected['client'] else 'ipv4', what + 'type')
                same(said['sluice']['virtual_system'], 'main-site', what + 'virtual_system')
                check(said['url']['original'].startswith('http://%s/' % host), what + said['url']['original'])
            port = PUBLISHED_PORT if 'server_nat' in expected else 80
            same((line['server']['port'], line['server'].get('nat', {}).get('port', port)), (80, port), 'ports')
            same(line['sluice']['file']['state'], 'complete', 'state')
            same(envelope['event']['id'], line['event']['id'], 'event.id')

    with w.case('a cloud with session = no gets the samples and no session'):
        for _, sha256 in done.values():
            request = w.once(sha256, w.bare)
            check(not request.get('session'), 'a session part: %r' % request.get('session'))
            check(not any(f['name'] == 'session' for f in request['fields']), 'a part called session')
            for value in (CLIENT, CLIENT6, SERVER, 'main-site'):
                check(value not in repr(request), value)

    with w.case('a cloud that is a folder gets samples and envelopes'):
        for _, sha256 in done.values():
            path = os.path.join(w.folder, sha256)
            poll(lambda: os.path.exists(path), 20, path)
            same(len([n for n in os.listdir(w.folder) if n.startswith(sha256 + '.')]), 1, 'envelopes')


def known(w):
    with w.case('a sample the cloud knows is not uploaded again'):
        name, sha256 = w.get(SERVER)
        w.once(sha256)
        asked = len(w.wf.verdicts(sha256))
        same(w.rig.download('http://[%s]/%s' % (SERVER6, name)), sha256, 'the second download')
        w.agent.sighting(sha256, count=2)
        time.sleep(2)
        same(len(w.wf.verdicts(sha256)), asked, 'questions: what it said before is good for this sighting, too')
        same(len(w.wf.submissions(sha256)), 1, 'uploads')

    with w.case('a sample that somebody else sent there is not uploaded'):
        name, sha256 = w.rig.file()
        w.wf.stop()
        w.wf.options = ('--verdict', sha256 + '=malware')
        w.wf.start()
        w.rig.download('http://%s/%s' % (SERVER, name))
        poll(lambda: w.wf.verdicts(sha256), 40, 'get/verdict')
        w.once(sha256, w.bare)
        same(w.wf.submissions(sha256), [], 'uploads')


def previews(w, *options):
    return [json.loads(line) for line in ctl('--json', '--run-dir', w.agent.run, 'policy', 'preview',
                                             *options).splitlines()]


def preview(w, sha256):
    """What is shown of a sample that has left, against what arrived."""
    for name, cloud in (('wf', w.wf), ('bare', w.bare)):
        (one,) = previews(w, '--sample', sha256, '--cloud', name)
        (came,) = cloud.submissions(sha256)
        question, submit = one['requests']
        same(submit['body'], {'sha256': came['body_sha256'], 'bytes': came['body_size']}, 'body at ' + name)
        same(sorted(map(list, submit['headers'].items())), sorted(map(list, came['headers'])), 'headers at ' + name)
        check(question['body']['sha256'] in [r['body_sha256'] for r in cloud.requests()], 'the question')
        same(one['envelope'] if one['session'] else None, came.get('session'), 'envelope at ' + name)
        raw = run('gate', ('sh', '-c', '"$@" | sha256sum', 'sh', SLUICECTL, '--run-dir', w.agent.run, 'policy',
                           'preview', '--sighting', one['sighting'], '--cloud', name, '--raw', 'submit/file')).stdout
        same(raw.split()[0], came['body_sha256'], '--raw')


def tool(w):
    with w.case('sluicectl show: what became of a sample at each cloud; sightings: who got it'):
        name, sha256 = w.get(SERVER)
        w.once(sha256)
        w.once(sha256, w.bare)

        def ended():
            one = ctl_json('show', sha256[:12], '-c', w.agent.conf)
            return one if {s['cloud'] for s in one['submissions'] if s['state'] == 'ended'} == {
                'wf', 'bare', 'folder'} else None
        one = poll(ended, 60, 'all three clouds to have it')
        same({s['outcome'] for s in one['submissions']}, {'sent'}, 'outcomes')
        same({tuple(s['withheld']) for s in one['submissions']}, {()}, 'policies')
        check(all(s['queued'] <= s['ended'] for s in one['submissions']), 'times: %r' % one['submissions'])
        same((one['seen'], one['spool']['present']), (1, True), 'seen, in the spool')
        same({s['sighting'] for s in one['submissions']}, {one['sightings'][0]['event']['id']}, 'sightings')
        text = ctl('show', sha256, '-c', w.agent.conf)
        for word in (name, CLIENT, 'cloud wf', 'cloud bare', 'cloud folder', 'sent, 20', 'all twelve fields shared'):
            check(word in text, 'no %r in\n%s' % (word, text))
        row = ctl('sightings', '-c', w.agent.conf, '--sender', SERVER, '--name', name).splitlines()
        same(len(row), 2, 'rows: %r' % row)
        check(name in row[1] and 'web-browsing' in row[1] and row[1].endswith('all'), row[1])

    with w.case('sluicectl policy preview: the very bodies that left, by the running agent'):
        before = len(w.wf.requests()), len(ledger_lines(w))
        preview(w, sha256)
        same((len(w.wf.requests()), len(ledger_lines(w))), before, 'requests and lines of the ledger')
        ctl('share', 'user', 'off')
        ctl('share', 'url', 'off')
        try:
            url = previews(w, '--sample', sha256, '--cloud', 'wf')[0]['fields']['url']
            same((url['mark'], url['because']), ('left out', ["the kernel's switch"]), 'a switch that is off')
        finally:
            ctl('share', 'user', 'on')
            ctl('share', 'url', 'on')
        other = w.rig.path('other.conf')
        with open(other, 'w') as f:
            f.write('[cloud new]\nkind = directory\n[share new]\ndefault = share\nfilename = pseudonymise\n'
                    '[rule all]\ncloud = new\n')
        (one,) = previews(w, '--sample', sha256, '-c', other)
        same((one['cloud'], one['fields']['filename']['mark'], one['fields']['source_ip']['mark']),
             ('new', 'left out', 'shared'), 'another configuration')
        check('no key' in one['fields']['filename']['because'], repr(one['fields']['filename']))

    with w.case('sluicectl show: without an agent, and for nobody'):
        text = ctl('show', sha256, '-d', w.agent.state, '--run-dir', w.rig.path('nothing'))
        check('agent not running: clouds unknown' in text, text)
        done = run('gate', ('setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups', SLUICECTL,
                            'sightings', '-d', w.agent.state), check_status=False)
        same((done.returncode, done.stdout), (1, ''), 'another user')
        check('Permission denied' in done.stderr, done.stderr)


def away(w):
    with w.case('the cloud is away: what was seen arrives when it is back'):
        w.wf.stop()
        seen = [w.get(SERVER)[1], w.put(SERVER)[1]]
        for sha256 in seen:
            w.agent.sighting(sha256)
            w.once(sha256, w.bare)
        w.wf.start()
        for sha256 in seen:
            w.once(sha256)

    with w.case('the agent is killed with samples waiting: each arrives once'):
        w.wf.stop()
        seen = [w.get(SERVER)[1] for _ in range(3)]
        for sha256 in seen:
            w.agent.sighting(sha256)
        w.agent.kill()
        check('idle' in ctl('status'), 'the rings of a killed agent are open')
        w.agent.start()
        w.wf.start()
        for sha256 in seen:
            w.once(sha256)
            w.once(sha256, w.bare)

    with w.case('the agent is killed in the middle of uploads: each arrives once'):
        seen = []
        for _ in range(3):
            seen.append(w.get(SERVER, size=200000)[1])
        w.agent.sighting(seen[-1])
        w.agent.kill()
        w.agent.start()
        for sha256 in seen:
            w.once(sha256)

    with w.case('uploads cut in the middle and answers that never came: each sample is stored once'):
        w.wf.stop()
        w.wf.options = ('--fail', 'status=500 path=get/verdict count=1', '--fail',
                        'cut-before path=submit/file count=1', '--fail', 'cut-after path=submit/file count=1')
        w.wf.start()
        seen = [w.get(SERVER)[1] for _ in range(3)]
        for sha256 in seen:
            poll(lambda: settled(w.wf, sha256), 60, 'the last word about ' + sha256)
            same(len(stored(w.wf, sha256)), 1, 'uploads that the cloud took')
        faults = [r.get('fault') for r in w.wf.requests()]
        for fault in ('status', 'cut-before', 'cut-after'):
            same(faults.count(fault), 1, 'faults of the kind ' + fault)
        w.wf.stop()
        w.wf.options = ()
        w.wf.start()


def replace(w, role):
    """Kills a process, and waits for the one that takes its place."""
    w.agent.fresh_stats()
    pid = w.agent.children()[role]
    os.kill(pid, signal.SIGKILL)

    def another():
        w.agent.fresh_stats()
        new = w.agent.children().get(role)
        return new not in (None, 0, pid) and alive(new)
    poll(another, 30, 'another ' + role)
    check(alive(w.agent.child.pid), 'the supervisor ended')
    poll(lambda: not alive(pid), 10, 'the end of the old one')


def processes(w):
    for role in ('inspector', 'forwarder'):
        with w.case('the %s is killed: it is started again, and nothing is missed after that' % role):
            replace(w, role)
            for _, sha256 in (w.get(SERVER), w.put('[%s]' % SERVER6)):
                w.once(sha256)

    with w.case('one agent per state directory: a second one is refused'):
        done = run('gate', (os.path.join(os.environ.get('BUILD', 'build'), 'sluiced'), '-c', w.agent.conf),
                   check_status=False)
        same(done.returncode, 1, 'exit status')
        check('in use by another sluiced' in done.stderr, done.stderr)


def reload(w):
    with w.case('SIGHUP with a stricter policy: what waits leaves under the stricter'):
        w.wf.stop()
        _, sha256 = w.get(SERVER)
        w.agent.sighting(sha256)
        w.configure('[share wf]\ndefault = share\nsource_ip = omit\nurl = omit\n')
        w.agent.reload()
        w.wf.start()
        envelope = w.once(sha256)['session']
        check('ip' not in envelope['source'] and 'url' not in envelope, envelope)
        same(envelope['destination']['ip'], CLIENT, 'destination')
        check(SERVER not in repr(envelope), envelope)

    with w.case('SIGHUP with a laxer policy: what was seen before leaves under the stricter'):
        w.wf.stop()
        _, sha256 = w.get(SERVER)
        w.agent.sighting(sha256)
        w.configure()
        w.agent.reload()
        _, later = w.get(SERVER)
        w.agent.sighting(later)
        w.wf.start()
        envelope = w.once(sha256)['session']
        check('ip' not in envelope['source'] and 'url' not in envelope, envelope)
        same(w.once(later)['session']['source']['ip'], SERVER, 'what was seen after that')

    with w.case('SIGHUP with an error in the file: the old policy stays'):
        before = len(open(w.agent.log).read())
        w.configure('[share wf]\ndefault = sometimes\n')
        w.agent.child.send_signal(signal.SIGHUP)
        poll(lambda: 'has errors: the configuration stays' in open(w.agent.log).read()[before:], 20, 'the refusal')
        check("'sometimes'" in open(w.agent.log).read()[before:], 'what is wrong is not said')
        w.configure()
        _, sha256 = w.get(SERVER)
        same(w.once(sha256)['session']['source']['ip'], SERVER, 'source')


def rules(w):
    def left_out():
        """A download that no rule wants: nothing of it stays but a line."""
        name, sha256 = w.get(SERVER)
        said = poll(lambda: [s for s in w.agent.sightings() if s['file'].get('name') == name], 40,
                    'the line of ' + name)[0]['sluice']['file']
        same((said['state'], said.get('reason')), ('truncated', 'unwanted'), name)
        check(not os.path.exists(os.path.join(w.agent.state, 'spool', 'samples', sha256[:2], sha256)), sha256)

    def reload_with(old, new):
        with open(w.agent.conf) as f:
            text = f.read()
        check(old in text, text)
        with open(w.agent.conf, 'w') as f:
            f.write(text.replace(old, new))
        w.agent.reload()

    with w.case('SIGHUP with other rules: inspectors keep what these want'):
        reload_with('direction = both', 'direction = upload')
        left_out()
        _, sha256 = w.put(SERVER)
        w.once(sha256)

    with w.case('an inspector that is started again knows the rules of that time'):
        replace(w, 'inspector')
        left_out()

    with w.case('SIGHUP with a rule that names a type: content decides'):
        reload_with('direction = upload', 'file_type = pdf')
        left_out()
        name, sha256 = w.rig.file(20000)
        with open(os.path.join(w.rig.www, name), 'r+b') as f:
            content = b'%PDF-1.4\n' + f.read()[9:]
            f.seek(0)
            f.write(content)
        sha256 = hashlib.sha256(content).hexdigest()
        same(w.rig.download('http://%s/%s' % (SERVER, name)), sha256, 'what the client got')
        w.once(sha256)
        same(w.agent.sighting(sha256)['sluice']['file']['type'], 'pdf', 'its type')
        w.configure()
        w.agent.reload()
        _, sha256 = w.get(SERVER)
        w.once(sha256)


def switches(w):
    with w.case('a switch in sysfs: the next envelope has none of it'):
        with open(SYSFS + 'destination_ip', 'w') as f:
            f.write('0')
        _, sha256 = w.get(SERVER_NAT)
        envelope = w.once(sha256)['session']
        check('ip' not in envelope['destination'] and 'ip' not in envelope['destination'].get('nat', {}), envelope)
        for value in (CLIENT, GATE_OUTSIDE):
            check('"%s"' % value not in repr(envelope).replace("'", '"'), envelope)
        same(w.agent.sighting(sha256)['destination']['ip'], CLIENT, 'the local log is complete')

    with w.case('a switch by netlink: the next envelope has none of it either'):
        ctl('share', 'url', 'off')
        _, sha256 = w.get(SERVER)
        envelope = w.once(sha256)['session']
        check('url' not in envelope and 'ip' not in envelope['destination'], envelope)
        same(envelope['source']['ip'], SERVER, 'what is not switched off')

    with w.case('a switch thrown while a sample waits holds for it'):
        ctl('share', 'all', 'on')
        w.wf.stop()
        _, sha256 = w.get(SERVER)
        w.agent.sighting(sha256)
        ctl('share', 'filename', 'off')
        w.wf.start()
        request = w.once(sha256)
        check('name' not in request['session']['file'], request['session'])
        same(request['file']['name'], sha256, 'name of the upload')
        ctl('share', 'all', 'on')
        _, sha256 = w.get(SERVER)
        same(w.once(sha256)['session']['url']['domain'], SERVER, 'url, switched on again')


def overflow(w):
    with w.case('ring overflow: every lost record is counted, the file is truncated by a gap, never sent'):
        w.agent.fresh_stats()
        inspector = w.agent.children()['inspector']
        before, seen = kernel_stats(), len(w.agent.sightings())
        os.kill(inspector, signal.SIGSTOP)
        try:
            name, sha256 = w.rig.file(4 << 20)
            same(w.rig.download('http://%s/%s' % (SERVER, name)), sha256, 'the client loses nothing')
        finally:
            os.kill(inspector, signal.SIGCONT)
        line = poll(lambda: [s for s in w.agent.sightings()[seen:] if name in s['url']['original']], 60,
                    'the sighting of the truncated file')[0]
        state = line['sluice']['file']
        same((state['state'], state['reason'], state['stored']), ('truncated', 'gap', False), 'file')
        check('hash' not in line['file'], 'a hash: %r' % line['file'])

        stats = kernel_stats()
        moved = {k: stats[k] - before[k] for k in stats}
        lost = moved['lost_ring_full'] + moved['lost_too_big'] + moved['lost_unreadable']
        check(moved['lost_ring_full'] > 0, 'nothing was lost: %r' % moved)
        same(stats['records'], stats['records_delivered'] + stats['lost_ring_full'] + stats['lost_too_big'] +
             stats['lost_unreadable'], 'records')
        same(moved['records'], moved['records_delivered'] + lost, 'records since')
        same(moved['bytes'], moved['bytes_delivered'] + moved['lost_bytes'] + moved['skipped_bytes'] +
             moved['shunted_bytes'], 'bytes since')

        def told():
            w.agent.fresh_stats()
            return w.agent.counters().get('ring_lost_records') == stats['lost_ring_full']
        poll(told, 30, 'the agent to count the same as the kernel: %r, %r' % (w.agent.counters(), stats))

    with w.case('ring overflow: the next file is whole again'):
        _, next_one = w.get(SERVER)
        w.once(next_one)
        same((w.wf.submissions(sha256), w.wf.verdicts(sha256)), ([], []), 'the truncated file at the cloud')
        check(not os.path.exists(os.path.join(w.agent.state, 'spool', 'samples', sha256[:2], sha256)), 'in the spool')


def local(w):
    with w.case('hooks = forward,local: our own uploads are not captured'):
        before = kernel_stats()
        ctl('settings', 'set', 'hooks', 'forward,local')
        _, sha256 = w.get(SERVER)
        w.once(sha256)
        w.once(sha256, w.bare)
        check(kernel_stats()['ignored_mark'] > before['ignored_mark'], 'ignored_mark did not move')
        ports = [s['server']['port'] for s in sessions()]
        check(8443 not in ports and 8444 not in ports, 'a session to a cloud: %r' % ports)
        for line in w.agent.sightings():
            check(line['server']['ip'] not in (CLOUD, CLOUD6), 'captured: %r' % line)

    with w.case('hooks = forward,local: what the gateway itself downloads and uploads is captured'):
        name, sha256 = w.rig.file()
        w.rig.download('http://%s/%s' % (SERVER, name), ns='gate')
        envelope = w.once(sha256)['session']
        ends(envelope, GATE_OUTSIDE, SERVER)
        name, sha256 = w.rig.file(directory=w.rig.work)
        w.rig.curl('-T', w.rig.path(name), 'http://%s/put/%s' % (SERVER, name), ns='gate')
        ends(w.once(sha256)['session'], GATE_OUTSIDE, SERVER, upload=True)
        ctl('settings', 'set', 'hooks', 'forward')

    with w.case('TLS that crosses the gateway is shunted: nobody here can read it'):
        before, seen = kernel_stats(), len(w.agent.sightings())
        run('client', ('curl', '-sk', '-o', '/dev/null', 'https://%s:8443/' % CLOUD), check_status=False)
        poll(lambda: kernel_stats()['shunted_sessions'] > before['shunted_sessions'], 20, 'a shunted session')
        same(len(w.agent.sightings()), seen, 'sightings')


def sessions(ns='gate'):
    found = ctl_json('sessions', ns=ns)
    return found['sessions'] if isinstance(found, dict) else found


def apart(w):
    with w.case('two namespaces, two agents: each sees its own'):
        second = Agent(w.rig, 'other')
        second.configure('', 'virtual_system = branch\n')
        second.start()
        _, here = w.get(SERVER)
        _, there = w.get(SERVER_OTHER)
        w.once(here)
        line = second.sighting(there)
        same((line['server']['ip'], line['sluice']['virtual_system']), (SERVER_OTHER, 'branch'), 'the other agent')
        path = os.path.join(second.state, 'local', there)
        poll(lambda: os.path.exists(path), 30, 'the sample in the default cloud, ' + path)
        same((second.sightings(here), w.agent.sightings(there)), ([], []), 'sightings of the other one')
        check(kernel_stats('other')['records'] < kernel_stats('gate')['records'], 'counters')
        same(second.stop(), 0, 'exit status')
        check('idle' in ctl('status', ns='other') and 'capturing' in ctl('status'), 'status')


def ledger_lines(w):
    return lines_of(os.path.join(w.agent.state, 'ledger.jsonl'))


def allowed(w, cloud):
    """Hashes of the bodies that the ledger says may have left, and of those that arrived whole.

    A kill may cut a request within its head: the cloud then knows no length of it.
    """
    left = collections.Counter(l['body']['sha256'] for l in ledger_lines(w)
                               if l['type'] == 'request' and l['cloud'] == cloud)
    came = collections.Counter(r['body_sha256'] for r in (w.wf if cloud == 'wf' else w.bare).requests()
                               if dict(r['headers']).get('Content-Length') == str(r['body_size']))
    return left, came


def metrics(w):
    with w.case('GET /metrics by curl: the same by cloud, type and reason as sluicectl says'):
        def by(what):
            return ctl_json('--run-dir', w.agent.run, 'stats', '--by', what)

        def ended():
            w.agent.fresh_stats()
            return not any(c['waiting'] for c in by('cloud').values())
        w.get(SERVER)
        poll(lambda: by('type')['other']['accepted'], 20, 'the file to be seen')
        poll(ended, 60, 'everything to end')
        told = {what: by(what) for what in ('cloud', 'type', 'reason')}
        text = run('gate', ('curl', '-sS', '--unix-socket', os.path.join(w.agent.run, 'metrics.sock'),
                            'http://localhost/metrics')).stdout
        same(ctl_json('--run-dir', w.agent.run, 'stats')['clouds'], told['cloud'], 'stats --json')
        check(told['cloud']['wf']['sent'] and told['type']['other']['sent'], told)
        lines = set(text.splitlines())
        for cloud, counts in told['cloud'].items():
            for name in 'accepted', 'sent', 'known', 'refused', 'requests', 'request_bytes':
                line = 'sluice_cloud_%s_total{cloud="%s"} %d' % (name, cloud, counts[name])
                check(line in lines, line)
        for reason, n in told['reason'].items():
            check('sluice_unsent_total{reason="%s"} %d' % (reason, n) in lines, (reason, n))


def ledger(w):
    with w.case('ledger: whole after all of this, and no request without its line'):
        text = ctl('ledger', 'verify', '-d', w.agent.state)
        check(': whole, ' in text, text)
        for cloud in ('wf', 'bare'):
            left, came = allowed(w, cloud)
            check(came, 'no requests at ' + cloud)
            same(came - left, collections.Counter(), 'requests without a line at ' + cloud)

    with w.case('ledger: one line for each request, with the hash of its body, what it told and its outcome'):
        before = {cloud: allowed(w, cloud) for cloud in ('wf', 'bare')}
        seen = [w.get(SERVER)[1] for _ in range(3)]
        for sha256 in seen:
            w.once(sha256)
            w.once(sha256, w.bare)
        poll(lambda: len([l for l in ledger_lines(w) if l['type'] == 'result' and l.get('sample') in seen]) == 9,
             20, 'nine outcomes')
        for cloud, (left, came) in before.items():
            now = allowed(w, cloud)
            same(now[0] - left, now[1] - came, 'lines and requests at ' + cloud)
        lines = {l['n']: l for l in ledger_lines(w)}
        for result in lines.values():
            if result['type'] != 'result' or result.get('sample') not in seen:
                continue
            request = lines[result['of']]
            same((result['outcome'], result['cloud'], result['sample']),
                 ('sent', request['cloud'], request['sample']), 'outcome')
            same(request['envelope'], request['cloud'] != 'bare', 'envelope')
            if request['cloud'] == 'wf':
                same(request['fields']['source_ip'], {'mode': 'share', 'bytes': len(SERVER)}, 'source_ip')
            if request['cloud'] == 'bare':
                same(list(request['fields']), ['filename'], 'fields')
        shown = [json.loads(line) for line in ctl('--json', 'ledger', 'show', '--sample', seen[0], '--cloud', 'wf',
                                                  '-d', w.agent.state).splitlines()]
        same([l.get('request') or l['outcome'] for l in shown], ['get/verdict', 'submit/file', 'sent'], 'show')

    with w.case('ledger: a line that was altered is found'):
        copy = w.rig.path('ledger-copy')
        os.makedirs(copy)
        for name in ('ledger.jsonl', 'ledger.head', 'ledger.pub'):
            shutil.copy(os.path.join(w.agent.state, name), copy)
        path = os.path.join(copy, 'ledger.jsonl')
        with open(path) as f:
            text = f.read().split('\n')
        text[6] = text[6].replace('"type":"', '"type":" ', 1)
        with open(path, 'w') as f:
            f.write('\n'.join(text))
        done = run('gate', (SLUICECTL, 'ledger', 'verify', '--file', path), check_status=False)
        same(done.returncode, 1, 'exit status')
        check(path + ':7: ' in done.stdout and 'broken' in done.stdout, done.stdout)

    with w.case('a switch turned off while an upload runs ends it'):
        w.wf.stop()
        w.wf.options = ('--fail', 'slow=6 path=submit/file count=1')
        w.wf.start()
        revoked = w.agent.counters().get('requests_revoked', 0)
        _, sha256 = w.get(SERVER)
        poll(lambda: [l for l in ledger_lines(w) if l.get('sample') == sha256 and
                      l.get('request') == 'submit/file' and l['cloud'] == 'wf'], 20, 'its line')
        ctl('share', 'url', 'off')
        try:
            poll(lambda: w.agent.counters().get('requests_revoked', 0) == revoked + 1, 20, 'a revoked request')
        finally:
            ctl('share', 'url', 'on')
        poll(lambda: settled(w.wf, sha256) or len(w.wf.verdicts(sha256)) > 1, 40, 'another attempt')
        w.wf.stop()
        w.wf.options = ()
        w.wf.start()

    with w.case('without the key of its ledger nothing leaves; with it again, everything'):
        key = os.path.join(w.agent.state, 'ledger.key')
        same(w.agent.stop(), 0, 'exit status')
        os.rename(key, key + '.away')
        w.agent.start()
        before = len(w.wf.requests()), len(w.bare.requests())
        _, sha256 = w.get(SERVER)
        poll(lambda: w.agent.counters().get('ledger_failures', 0) > 1, 20, 'refused requests')
        same((len(w.wf.requests()), len(w.bare.requests())), before, 'requests')
        check(not os.path.exists(os.path.join(w.folder, sha256)), 'the folder got it')
        check('ledger.key: No such file' in open(w.agent.log).read(), tail(w.agent.log))
        same(w.agent.stop(), 0, 'exit status')
        check(not os.path.exists(key), 'a new key was made')
        os.rename(key + '.away', key)
        w.agent.start()
        w.once(sha256)
        w.once(sha256, w.bare)


def ending(w):
    with w.case('SIGTERM: a clean end, the hooks gone, traffic as before'):
        _, sha256 = w.get(SERVER)
        w.agent.sighting(sha256)
        pids = w.agent.tree()
        same(w.agent.stop(), 0, 'exit status: ' + tail(w.agent.log))
        check(not any(alive(pid) for pid in pids), 'a process is left')
        check('idle' in ctl('status'), ctl('status'))
        before = kernel_stats()
        w.get(SERVER)
        same(kernel_stats(), before, 'counters of an idle module')

    with w.case('started again after a clean end: what was left is sent, capture goes on, the module can go'):
        w.agent.start()
        w.once(sha256)
        _, sha256 = w.get(SERVER)
        w.once(sha256)
        same(w.agent.stop(), 0, 'exit status')
        check(': whole, ' in ctl('ledger', 'verify', '-d', w.agent.state), 'the ledger')
        check('Sanitizer' not in open(w.agent.log).read(), 'log')
        run(None, ('rmmod', 'sluice'))


def test(tap, rig):
    w = World(tap, rig)
    for part in (ways, known, tool, away, processes, reload, rules, switches, overflow, local, apart, metrics, ledger, ending):
        if not wanted or part.__name__ in wanted:
            part(w)


if __name__ == '__main__':
    wanted = sys.argv[1:]
    sys.exit(main(test))
