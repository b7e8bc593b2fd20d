#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Virtual systems, live: the same connection, to the last bit of its addresses and ports, at the
same time in two conntrack zones, two VRFs and another namespace, and each file is seen whole and in
its own virtual system. Then who is who behind NAT, both ways.

                        ,--- in-zone1  many  out-zone1 ---.
    10.1.0.2 (five) ---<--- in-zone2         out-zone2 ---->--- 10.2.0.2 (five)
                       |`-- in-red  (VRF)    out-red  ----|
                       |`-- in-blue (VRF)    out-blue ----|
                        `-- in-side   side   out-side ---'

  tests/vm/vsys.t [--short]             --short: each kind of NAT in one direction, in turns
"""
import hashlib
import http.server
import json
import os
import socket
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from rig import (CLIENT, CLIENT6, GATE6_OUTSIDE, GATE_OUTSIDE, PUBLISHED, PUBLISHED_PORT, SERVER,  # noqa: E402
                 SERVER6, SERVER6_NAT, SERVER_NAT, Agent, check, ctl, inside, main, popen, poll, run, same, tail)

SITES = {'zone1': 'Zone one', 'zone2': 'Zone two', 'red': 'Red: cars', 'blue': 'vsys4', 'side': 'Side street'}
OPENER, ANSWERER = '10.1.0.2', '10.2.0.2'
PORT, TFTP_PORT, TFTP_DATA = 40000, 50000, 50069
SIZE = 300000

CONFIG = '''
[cloud kept]
kind = directory
path = %s
[share kept]
default = share
[rule all]
cloud = kept

[vsys Side street]
netns = /run/netns/side
[vsys Zone one]
netns = /run/netns/many
zone = 1
[vsys Zone two]
zone = 2
[vsys Red: cars]
vrf = red
[vsys vsys4]
vrf = blue
interface = in-b*, nothing

[zone inside]
interface = in-*, client
[zone outside]
interface = out-*
[zone gate's own]
virtual_system = rest
interface = server
'''
CAPTURE = ('netns = /run/netns/gate, /run/netns/many, /run/netns/side\nvirtual_system = rest\n'
           'udp_prefixes = %s/32\n' % ANSWERER)


def gateway_of(site):
    return 'side' if site == 'side' else 'many'


def forward(ns):
    with inside(ns):
        for name, value in (('ip_forward', '1'), ('conf/all/rp_filter', '0'), ('conf/default/rp_filter', '0')):
            with open('/proc/sys/net/ipv4/' + name, 'w') as f:
                f.write(value)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *unused):
        pass

    def do_GET(self):
        body = self.server.body
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        # nobody gets to the end before all are in the middle
        self.wfile.write(body[:len(body) // 2])
        self.wfile.flush()
        self.server.barrier().wait(120)
        self.wfile.write(body[len(body) // 2:])

    def do_PUT(self):
        rest = int(self.headers['Content-Length'])
        half = rest // 2
        if self.headers.get('Expect'):
            self.send_response_only(100)
            self.end_headers()
        while rest > half:
            rest -= len(self.rfile.read(min(rest - half, 65536)))
        self.server.barrier().wait(120)
        while rest:
            rest -= len(self.rfile.read(min(rest, 65536)))
        self.send_response(201)
        self.send_header('Content-Length', '0')
        self.end_headers()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, site, world):
        self.barrier, self.body = lambda: world.barrier, b''
        with inside('server-' + site):
            super().__init__((ANSWERER, 80), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class World:
    def __init__(self, tap, rig):
        self.tap, self.rig, self.barrier = tap, rig, None
        self.kept = rig.path('kept')
        os.makedirs(self.kept)
        spaces = [end + site for site in SITES for end in ('client-', 'server-')] + ['many']
        rig.stack.callback(lambda: [run(None, ('ip', 'netns', 'del', ns), check_status=False)
                                    for ns in spaces + ['side']])
        rig.batch(None, ['netns add ' + ns for ns in spaces])
        rig.batch('many', ['link set lo up', 'link add red type vrf table 201', 'link set red up',
                           'link add blue type vrf table 202', 'link set blue up'])
        forward('many')
        for site in SITES:
            for end in 'client-', 'server-':
                rig.batch(end + site, ['link set lo up'])
            if site != 'side':
                self.attach(site)
        path = rig.path('zones')
        with open(path, 'w') as f:
            f.write('table inet zones {\n chain first { type filter hook prerouting priority raw;\n'
                    '  iifname { in-zone1, out-zone1 } ct zone set 1\n'
                    '  iifname { in-zone2, out-zone2 } ct zone set 2\n'
                    # conntrack knows no VRF: the same ports in two of them need zones, too
                    '  iifname { in-blue, out-blue, blue } ct zone set 4\n }\n}\n')
        run('many', ('nft', '-f', path))
        self.servers = {site: Server(site, self) for site in SITES if site != 'side'}
        self.agent = Agent(rig)
        self.agent.configure(CONFIG % self.kept, CAPTURE)
        self.agent.start()

    def attach(self, site):
        """Links a client and a server to a gateway."""
        gateway, batch = gateway_of(site), []
        self.rig.batch(None, ['link add %s netns %s type veth peer name eth0 netns %s%s'
                              % (side + site, gateway, end, site)
                              for side, end in (('in-', 'client-'), ('out-', 'server-'))])
        for side, net in ('in-', 1), ('out-', 2):
            device = side + site
            if site in ('red', 'blue'):
                batch.append('link set %s master %s' % (device, site))
            batch += ['addr add 10.%d.0.1/24 dev %s%s' % (net, device, ' noprefixroute' if 'zone' in site else ''),
                      'link set %s up' % device]
            if 'zone' in site:
                table = 100 + int(site[-1])
                batch += ['route add 10.%d.0.0/24 dev %s table %d' % (net, device, table),
                          'rule add iif %s lookup %d' % (device, table)]
        self.rig.batch(gateway, batch)
        for end, own, gate in ('client-', OPENER, '10.1.0.1'), ('server-', ANSWERER, '10.2.0.1'):
            self.rig.batch(end + site, ['addr add %s/24 dev eth0' % own, 'link set eth0 up',
                                        'route add default via ' + gate])

    def side(self):
        """The namespace that comes, and goes, and comes again."""
        self.rig.batch(None, ['netns add side'])
        forward('side')
        self.attach('side')
        if 'side' not in self.servers:
            self.servers['side'] = Server('side', self)

    def captured(self, times):
        poll(lambda: tail(self.agent.log, 200).count('/side is there: capturing') == times, 20,
             'the agent to capture the namespace: ' + tail(self.agent.log))

    def case(self, name):
        return self.tap.case(name, lambda: 'log of the agent:\n' + tail(self.agent.log))

    def envelope(self, sha256):
        def found():
            for folder, _, names in os.walk(self.kept):
                for name in names:
                    if name.endswith('.json') and sha256 in name:
                        with open(os.path.join(folder, name)) as f:
                            return json.load(f)
        return poll(found, 40, 'the envelope of ' + sha256)

    def together(self, sites, port, upload):
        """The same transfer at all of them, at the same time; SHA-256 of each content."""
        self.barrier = threading.Barrier(len(sites))
        wanted, children = {}, {}
        for site in sites:
            body = self.rig.content(SIZE, site)
            wanted[site] = hashlib.sha256(body).hexdigest()
            path = self.rig.path('%s-%d' % (site, port))
            if upload:
                with open(path, 'wb') as f:
                    f.write(body)
            else:
                self.servers[site].body = body
            children[site] = path, popen('client-' + site, [
                'curl', '-sS', '--fail', '--max-time', '100', '--local-port', port, '-T' if upload else '-o',
                path, 'http://%s/same.bin' % ANSWERER])
        for site, (path, child) in children.items():
            same(child.wait(120), 0, 'curl at ' + site)
            with open(path, 'rb') as f:
                same(hashlib.sha256(f.read()).hexdigest(), wanted[site], 'content at ' + site)
        return wanted

    def judge(self, site, sha256, upload, **more):
        s = self.agent.sighting(sha256)
        same(len(self.agent.sightings(sha256)), 1, 'sightings')
        got = {'vsys': s['sluice']['virtual_system'], 'direction': s['sluice']['direction'],
               'source': s['source']['ip'], 'client': s['client']['ip'],
               'ingress': s['observer']['ingress'], 'egress': s['observer']['egress'],
               'envelope': self.envelope(sha256)['sluice']['virtual_system'],
               'size': s['file']['size'], 'reason': s['sluice']['file']['reason']}
        ways = [{'interface': {'name': 'in-' + site}, 'zone': 'inside'},
                {'interface': {'name': 'out-' + site}, 'zone': 'outside'}]
        wanted = {'vsys': SITES[site], 'direction': 'upload' if upload else 'download',
                  'source': OPENER if upload else ANSWERER, 'client': OPENER,
                  'ingress': ways[not upload], 'egress': ways[bool(upload)],
                  'envelope': SITES[site], 'size': SIZE, 'reason': 'none'}
        wanted.update(more)
        same(got, wanted, 'the sighting at ' + site)
        session = s['sluice']['session']
        same(session.get('zone', 0), {'zone1': 1, 'zone2': 2, 'blue': 4}.get(site, 0), 'conntrack zone')
        with inside(gateway_of(site)):
            same(session['netns'], os.stat('/proc/thread-self/ns/net').st_ino, 'inode of the namespace')
            vrf = socket.if_nametoindex(site) if site in ('red', 'blue') else 0
        same(session.get('vrf', 0), vrf, 'VRF')

    # --------------------------------------------------------------- TFTP by hand

    def tftp_server(self, site, body):
        with inside('server-' + site):
            listen, data = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        with listen, data:
            for s, port in (listen, 69), (data, TFTP_DATA):
                s.bind((ANSWERER, port))
                s.settimeout(60)
            self.barrier.wait(120)
            _, peer = listen.recvfrom(600)
            for n in range(len(body) // 512 + 1):
                data.sendto(b'\0\3' + (n + 1).to_bytes(2, 'big') + body[n * 512:][:512], peer)
                data.recvfrom(600)
                if n == 2:
                    self.barrier.wait(120)

    def tftp_client(self, site, got):
        with inside('client-' + site):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with s:
            s.bind((OPENER, TFTP_PORT))
            s.settimeout(60)
            self.barrier.wait(120)
            s.sendto(b'\0\1same.bin\0octet\0', (ANSWERER, 69))
            body, block = b'', None
            while block is None or len(block) == 512:
                packet, peer = s.recvfrom(600)
                block = packet[4:]
                body += block
                s.sendto(b'\0\4' + packet[2:4], peer)
            got[site] = body


def test(tap, rig):
    w = World(tap, rig)
    with w.case('an agent that waits for a namespace captures it once it is there'):
        check('/side is not there yet' in tail(w.agent.log, 50), 'nothing said')
        w.side()
        w.captured(1)

    with w.case('sluicectl vsys: what the names stand for'):
        told = json.loads(ctl('--json', '--run-dir', w.agent.run, 'vsys'))
        systems = {line['vsys']: line for line in told if 'vsys' in line}
        same(list(systems), ['Side street', 'Zone one', 'Zone two', 'Red: cars', 'vsys4'], 'virtual systems')
        inodes = {}
        for ns in 'gate', 'many', 'side':
            with inside(ns):
                inodes[ns] = os.stat('/proc/thread-self/ns/net').st_ino
        same(systems['Side street']['now'], {'netns': [inodes['side']]}, 'namespace')
        with inside('many'):
            red = socket.if_nametoindex('red')
        same(systems['Red: cars']['now'], {'vrf': [{'netns': inodes['many'], 'ifindex': red}]}, 'VRF')
        same(systems['vsys4']['conditions'], {'vrf': 'blue', 'interface': ['in-b*', 'nothing']}, 'conditions')
        same([line['zone'] for line in told if 'zone' in line], ['inside', 'outside', "gate's own"], 'zones')
        same({line['namespace']: line['inode'] for line in told if 'namespace' in line},
             {'/run/netns/' + ns: inode for ns, inode in inodes.items()}, 'captured')
        same(told[-1], {'otherwise': 'rest'}, 'the last line')
        text = ctl('--run-dir', w.agent.run, 'vsys')
        for wanted in 'netns=/run/netns/many zone=1', 'interface=in-b*,nothing', 'whatever is left', 'in-*,client':
            check(wanted in text, '%r is not in %s' % (wanted, text))

    for upload in False, True:
        with w.case('%s: one connection in five networks' % ('upload' if upload else 'download')):
            for site, sha256 in w.together(SITES, PORT + upload, upload).items():
                w.judge(site, sha256, upload)

    with w.case('UDP: a transfer from a port of its own, in five networks'):
        bodies = {site: rig.content(5000, site) for site in SITES}
        got = {}

        class Half:
            """All ten meet at the begin, the five servers in the middle."""
            def __init__(self):
                self.all, self.five = threading.Barrier(2 * len(SITES)), threading.Barrier(len(SITES))
                self.begun = threading.local()

            def wait(self, timeout):
                barrier = self.five if getattr(self.begun, 'yes', False) else self.all
                self.begun.yes = True
                barrier.wait(timeout)
        w.barrier = Half()
        threads = [threading.Thread(target=f, args=(site, what)) for site in SITES
                   for f, what in ((w.tftp_server, bodies[site]), (w.tftp_client, got))]
        for t in threads:
            t.start()
        for t in threads:
            t.join(150)
        same(got, bodies, 'what was transferred')
        for site, body in bodies.items():
            w.judge(site, hashlib.sha256(body).hexdigest(), False, size=5000)

    for n, (name, (address, port, seen)) in enumerate({
            'no NAT': (SERVER, 80, {}),
            'no NAT, IPv6': (SERVER6, 80, {}),
            'SNAT': (SERVER_NAT, 80, {'client': GATE_OUTSIDE}),
            'SNAT, IPv6': (SERVER6_NAT, 80, {'client': GATE6_OUTSIDE}),
            'DNAT': (PUBLISHED, PUBLISHED_PORT, {'server': PUBLISHED})}.items()):
        for upload in (False, True) if '--short' not in sys.argv[1:] else (n % 2 == 1,):
            with w.case('orientation: %s, %s' % ('upload' if upload else 'download', name)):
                orientation(w, address, port, seen, upload)

    with w.case('a namespace that is deleted takes its inspector along, and nothing else'):
        pid = {p['index']: p['pid'] for p in processes(w)}
        run(None, ('ip', 'netns', 'del', 'side'))
        poll(lambda: '/side is gone' in tail(w.agent.log, 200), 20, 'the agent to see it')
        # the kernel frees it, and its links with it, once nobody holds it
        poll(lambda: run('client-side', ('ip', 'link', 'show', 'eth0'), check_status=False).returncode, 30,
             'the end of the namespace itself')
        poll(lambda: processes(w, 2)['pid'] == 0, 20, 'the end of its inspector')
        for i in 0, 1:
            same(processes(w, i)['pid'], pid[i], 'inspector %d' % i)
        same(w.agent.counters()['namespaces_gone'], 1, 'namespaces_gone')
        for site, sha256 in w.together(['zone2', 'red'], PORT + 5, False).items():
            w.judge(site, sha256, False)

    with w.case('and comes again under its old name'):
        w.side()
        w.captured(2)
        for site, sha256 in w.together(['side', 'blue'], PORT + 6, True).items():
            w.judge(site, sha256, True)

    with w.case('SIGHUP: other names from now on'):
        w.agent.configure(CONFIG.replace('[vsys Zone two]', '[vsys Zone deux]') % w.kept, CAPTURE)
        w.agent.reload()
        SITES['zone2'] = 'Zone deux'
        for site, sha256 in w.together(['zone1', 'zone2', 'side'], PORT + 7, False).items():
            w.judge(site, sha256, False)

    same(w.agent.stop(), 0, 'exit status of the agent')


def processes(w, index=None):
    w.agent.fresh_stats()
    with open(os.path.join(w.agent.run, 'stats.json')) as f:
        found = [p for p in json.load(f)['processes'] if p['role'] == 'inspector']
    return found if index is None else found[index]


def orientation(w, address, port, seen, upload):
    """Who sent, who opened, and how each looked to the other."""
    v6 = ':' in address
    client, server = (CLIENT6, SERVER6) if v6 else (CLIENT, SERVER)
    if address in (SERVER_NAT, SERVER6_NAT):
        server = address
    name, sha256 = w.rig.file(directory=w.rig.work if upload else None)
    base = 'http://%s:%d/' % ('[%s]' % address if v6 else address, port)
    if upload:
        w.rig.curl('-T', w.rig.path(name), base + 'put/')
    else:
        same(w.rig.download(base + name), sha256, 'what the client got')
    log, envelope = w.agent.sighting(sha256), w.envelope(sha256)
    for told in log, envelope:
        ends = {'client': {'ip': client}, 'server': {'ip': server, 'port': 80}}
        for end, ip in seen.items():
            ends[end]['nat'] = {'ip': ip}
        for end, wanted in ends.items():
            got = told[end]
            if 'port' not in wanted:
                check(got['port'] > 1023, 'port of the client')
            same({k: got[k] for k in wanted if k != 'nat'}, {k: v for k, v in wanted.items() if k != 'nat'}, end)
            same((got.get('nat') or {}).get('ip'), (wanted.get('nat') or {}).get('ip'), 'NAT of the ' + end)
        same(told['source'], told['client' if upload else 'server'], 'source')
        same(told['destination'], told['server' if upload else 'client'], 'destination')
        same(told['sluice']['direction'], 'upload' if upload else 'download', 'direction')
        same(told['sluice']['virtual_system'], 'rest', 'virtual system')
    ways = {'client': {'interface': {'name': 'client'}, 'zone': 'inside'},
            'server': {'interface': {'name': 'server'}, 'zone': "gate's own"}}
    same(log['observer']['ingress'], ways['client' if upload else 'server'], 'ingress')
    same(log['observer']['egress'], ways['server' if upload else 'client'], 'egress')
    check('ingress' not in envelope['observer'], 'interfaces and zones stay here')


if __name__ == '__main__':
    sys.exit(main(test))
