# SPDX-License-Identifier: MIT
"""The whole product in one virtual machine: networks, module, agent, clouds, nginx, curl.

                 10.81.1.0/24  fd81:1::/64          10.81.2.0/24  fd81:2::/64
    client .2 -----------------------------.1 gate .1----------------------------- server .2 .3
           |                                   | .1                                   |
           |                                   | 10.81.3.0/24  fd81:3::/64            |
           |                                   | .2                                   |
           |                                 cloud                                    |
           | 10.81.4.0/24                                              10.81.5.0/24   |
           +.2 ----------------------------.1 other .1------------------------------.2+

`gate` masquerades what goes to the server's second address (.3, ::3), and publishes the server
on the client's side as 10.81.1.100 port 8000. `other` is a second gateway, with a namespace and an
agent of its own.

Runs as root, where it may do as it likes (scripts/vm). Every wait is bounded, nothing is killed
that was not started here.
"""
import contextlib
import ctypes
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get('BUILD', 'build'))
MODULE = os.path.join(BUILD, os.uname().release, 'sluice.ko')
SLUICED = os.path.join(BUILD, 'sluiced')
SLUICECTL = os.path.join(BUILD, 'sluicectl')
TESTCLOUD = os.path.join(BUILD, 'testcloud')
SYSFS = '/sys/kernel/sluice/share/'
FIELDS = ('source_ip source_port destination_ip destination_port virtual_system application user url '
          'filename email_sender email_recipient email_subject').split()
KEY = 'test-key-0123456789abcdef'

CLIENT, SERVER, SERVER_NAT, CLOUD = '10.81.1.2', '10.81.2.2', '10.81.2.3', '10.81.3.2'
CLIENT6, SERVER6, SERVER6_NAT, CLOUD6 = 'fd81:1::2', 'fd81:2::2', 'fd81:2::3', 'fd81:3::2'
GATE_OUTSIDE, GATE6_OUTSIDE = '10.81.2.1', 'fd81:2::1'
PUBLISHED, PUBLISHED_PORT = '10.81.1.100', 8000
SERVER_OTHER = '10.81.5.2'
SERVER_PORT = 18973             # beside 80

ALL_TO = '''
[cloud wf]
kind = wildfire
link_batch = 1
url = %s
key_file = %s
ca_file = %s
[share wf]
default = share
%s
[rule all]
cloud = wf
'''


# ---------------------------------------------------------------------- tests

class Failure(Exception):
    """What is not as it should be, in a sentence."""


def check(condition, text):
    if not condition:
        raise Failure(text)


def same(got, wanted, what):
    if got != wanted:
        raise Failure('%s: got %r, wanted %r' % (what, got, wanted))


def poll(function, timeout, what):
    """What function() returns once it is true; Failure after timeout seconds."""
    end = time.monotonic() + timeout
    while True:
        got = function()
        if got:
            return got
        if time.monotonic() > end:
            raise Failure('after %d s still waiting for %s' % (timeout, what))
        time.sleep(0.05)


class Tap:
    """One line per test; the plan comes last."""

    def __init__(self):
        self.count = self.failed = 0
        self.started = time.monotonic()

    def result(self, name, failure=None):
        self.count += 1
        if failure is not None:
            self.failed += 1
        print('%s %d - %s' % ('ok' if failure is None else 'not ok', self.count, name), flush=True)
        for line in (failure or '').splitlines():
            self.note(line)

    def note(self, text):
        print('# ' + text, flush=True)

    @contextlib.contextmanager
    def case(self, name, more=None):
        """A test that fails by an exception. more(): text for the failure's diagnosis."""
        try:
            yield
        except Exception as e:
            text = traceback.format_exc()
            if isinstance(e, Failure):
                lines = [f.lineno for f in traceback.extract_tb(e.__traceback__)
                         if os.path.basename(f.filename) not in ('rig.py', 'contextlib.py')]
                text = '%s (line %s)' % (e, ', '.join(map(str, lines)))
            if more:
                text += '\n' + more()
            self.result(name, text)
        else:
            self.result(name)

    def done(self):
        self.note('%.0f s' % (time.monotonic() - self.started))
        print('1..%d' % self.count, flush=True)
        return 1 if self.failed else 0


def main(test):
    """Runs test(tap, rig) with the networks up; the exit status of the script."""
    tap = Tap()
    if os.geteuid() != 0 or not os.environ.get('SLUICE_VM'):
        print('1..0 # SKIP changes networks and loads a module: run it by scripts/vm')
        return 0
    with contextlib.ExitStack() as stack:
        try:
            test(tap, stack.enter_context(Rig()))
        except Exception:
            tap.result('the rest of %s' % os.path.basename(sys.argv[0]), traceback.format_exc())
    return tap.done()


# ----------------------------------------------------------------- namespaces

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def enter(ns):
    """Puts the calling thread into a network namespace."""
    fd = os.open('/run/netns/' + ns, os.O_RDONLY | os.O_CLOEXEC)
    if _libc.setns(fd, CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), 'setns ' + ns)
    os.close(fd)


@contextlib.contextmanager
def inside(ns):
    """Sockets made in here belong to the namespace."""
    home = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(ns)
        yield
    finally:
        _libc.setns(home, CLONE_NEWNET)
        os.close(home)


def popen(ns, argv, **kw):
    """A process in a network namespace; None: in that of the caller."""
    with inside(ns) if ns else contextlib.nullcontext():
        return subprocess.Popen([str(a) for a in argv], **kw)


def run(ns, argv, timeout=60, check_status=True, **kw):
    """A finished process with its output as text."""
    kw.setdefault('stdin', subprocess.DEVNULL)
    kw.setdefault('stdout', subprocess.PIPE)
    kw.setdefault('stderr', subprocess.PIPE)
    child = popen(ns, argv, text=True, **kw)
    try:
        out, err = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        raise Failure('%s: not ended after %d s' % (' '.join(map(str, argv)), timeout))
    if check_status and child.returncode:
        raise Failure('%s: exit status %d: %s%s' % (' '.join(map(str, argv)), child.returncode, out, err))
    return subprocess.CompletedProcess(argv, child.returncode, out, err)


def ctl(*argv, ns='gate', **kw):
    return run(ns, (SLUICECTL,) + argv, **kw).stdout


def ctl_json(*argv, ns='gate'):
    return json.loads(ctl('--json', *argv, ns=ns))


def kernel_stats(ns='gate'):
    return ctl_json('stats', ns=ns)['module']


def stop(child, sig=signal.SIGTERM, timeout=20):
    """Ends a process started here; its exit status, None when it had to be killed."""
    if child.poll() is None:
        child.send_signal(sig)
        try:
            child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            return None
    return child.returncode


def tail(path, lines=15):
    try:
        with open(path, errors='replace') as f:
            return ''.join(f.readlines()[-lines:])
    except OSError as e:
        return str(e)


def lines_of(path):
    """The whole lines of a JSON lines file."""
    try:
        with open(path, 'rb') as f:
            data = f.read()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in data[:data.rfind(b'\n') + 1].splitlines()]


# ----------------------------------------------------- generic netlink, by hand

def _attribute(kind, payload):
    return struct.pack('=HH', 4 + len(payload), kind) + payload + b'\0' * (-len(payload) % 4)


def _attributes(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from('=HH', data)
        if length < 4:
            break
        found[kind & 0x3fff] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


def _ask(sock, family, command, attributes):
    body = struct.pack('=BBH', command, 1, 0) + attributes
    sock.send(struct.pack('=IHHII', 16 + len(body), family, 5, 1, 0) + body)    # REQUEST | ACK
    answer = None
    while True:
        data = sock.recv(1 << 16)
        while len(data) >= 16:
            length, kind = struct.unpack_from('=IH', data)
            message, data = data[16:length], data[(length + 3) & ~3:]
            if kind == 2:                                                   # NLMSG_ERROR
                error = -struct.unpack_from('=i', message)[0]
                if error:
                    raise OSError(error, os.strerror(error))
                return answer
            answer = _attributes(message[4:])


def open_ring(ns='gate', size=1 << 20):
    """A descriptor of a ring that nobody reads: enough for sessions to be tracked."""
    with inside(ns):
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)         # NETLINK_GENERIC
    with sock:
        sock.bind((0, 0))
        found = _ask(sock, 16, 3, _attribute(2, b'sluice\0'))                # CTRL_CMD_GETFAMILY
        family = struct.unpack('=H', found[1])[0]
        word = struct.Struct('=I').pack
        answer = _ask(sock, family, 7, _attribute(15, word(0)) + _attribute(16, word(1)) +
                      _attribute(17, word(size)))                            # RING_OPEN
        return struct.unpack('=i', answer[18])[0]


# ------------------------------------------------------------------- the parts

class Rig:
    def __init__(self):
        self.work = tempfile.mkdtemp(prefix='sluice-rig-')
        os.chmod(self.work, 0o755)
        self.www = self.path('www')
        self.stack = contextlib.ExitStack()
        self.numbers = random.Random(os.environ.get('SLUICE_SEED') or None)
        self.curls = 0

    def path(self, *names):
        return os.path.join(self.work, *names)

    def __enter__(self):
        try:
            self.networks()
            self.module()
            self.nginx()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        self.stack.close()
        for ns in ('client', 'gate', 'other', 'server', 'cloud'):
            subprocess.run(('ip', 'netns', 'del', ns), stderr=subprocess.DEVNULL)
        shutil.rmtree(self.work, ignore_errors=True)

    def networks(self):
        spaces = ('client', 'gate', 'other', 'server', 'cloud')
        batch = ['netns add ' + ns for ns in spaces]
        #        left     right     net  addresses of the left and of the right end
        links = (('client', 'gate', 1, '2', '1'), ('gate', 'server', 2, '1', '2 3'),
                 ('gate', 'cloud', 3, '1', '2'), ('client', 'other', 4, '2', '1'),
                 ('other', 'server', 5, '1', '2'))
        for left, right, n, _, _ in links:
            batch.append('link add %s netns %s type veth peer name %s netns %s'
                         % (right, left, left, right))
        self.batch(None, batch)
        inside_each = {ns: ['link set lo up'] for ns in spaces}
        for left, right, n, own, peer in links:
            for ns, device, numbers in ((left, right, own), (right, left, peer)):
                for number in numbers.split():
                    inside_each[ns] += ['addr add 10.81.%d.%s/24 dev %s' % (n, number, device),
                                        'addr add fd81:%d::%s/64 dev %s nodad' % (n, number, device)]
                inside_each[ns].append('link set %s up' % device)
        for ns, net in (('client', 1), ('server', 2), ('cloud', 3)):
            inside_each[ns] += ['route add 10.81.0.0/16 via 10.81.%d.1' % net,
                                'route add fd81::/16 via fd81:%d::1' % net]
        inside_each['client'].append('route add 10.81.5.0/24 via 10.81.4.1')
        inside_each['server'].append('route add 10.81.4.0/24 via 10.81.5.1')
        inside_each['gate'].append('addr add %s/24 dev client' % PUBLISHED)
        for ns, batch in inside_each.items():
            self.batch(ns, batch)
        for ns in ('gate', 'other'):
            with inside(ns):
                # /proc/sys/net is that of the thread that opens it.
                for name in ('ipv4/ip_forward', 'ipv6/conf/all/forwarding'):
                    with open('/proc/sys/net/' + name, 'w') as f:
                        f.write('1')
        self.nat()

    def nat(self):
        path = self.path('nat')
        with open(path, 'w') as f:
            f.write('table inet rig {\n'
                    ' chain published { type nat hook prerouting priority dstnat;\n'
                    '  ip daddr %s tcp dport %d dnat ip to %s:80\n }\n'
                    ' chain translated { type nat hook postrouting priority srcnat;\n'
                    '  ip daddr %s masquerade\n  ip6 daddr %s masquerade\n }\n}\n'
                    % (PUBLISHED, PUBLISHED_PORT, SERVER, SERVER_NAT, SERVER6_NAT))
        run('gate', ('nft', '-f', path))

    def batch(self, ns, commands):
        argv = ['ip', '-batch', '-']
        text = '\n'.join(commands) + '\n'
        with inside(ns) if ns else contextlib.nullcontext():
            done = subprocess.run(argv, input=text, text=True, capture_output=True)
        check(done.returncode == 0, 'ip: %s%s' % (done.stdout, done.stderr))

    def module(self):
        for name in ('nf_conntrack', 'nf_defrag_ipv6'):
            subprocess.run(('modprobe', name), check=True)
        subprocess.run(('insmod', MODULE), check=True)

    def nginx(self):
        os.makedirs(self.path('www', 'put'))
        conf = self.path('nginx.conf')
        with open(conf, 'w') as f:
            f.write('load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;\n'
                    'user root; daemon off; pid %(w)s/nginx.pid; error_log %(w)s/nginx.log;\n'
                    'events {}\n'
                    'http { access_log off; client_body_temp_path %(w)s/body;\n'
                    ' proxy_temp_path %(w)s/t1; fastcgi_temp_path %(w)s/t2;\n'
                    ' uwsgi_temp_path %(w)s/t3; scgi_temp_path %(w)s/t4;\n'
                    ' client_max_body_size 0; default_type application/octet-stream;\n'
                    ' server { listen 80; listen [::]:80; listen %(p)d; listen [::]:%(p)d; root %(w)s/www;\n'
                    # The header of the answer is what the request wishes it to be.
                    '  add_header Content-Disposition $http_x_disposition;\n'
                    '  location /put/ { dav_methods PUT; create_full_put_path on; }\n'
                    '  location /post/ { echo_read_request_body; echo taken; }\n'
                    '  location /quiet/ { return 204; }\n'
                    '  location /any/ { rewrite ^/any/.*/([0-9a-z]+)/[^/]*$ /$1 break; }\n'
                    ' } }\n' % {'w': self.work, 'p': SERVER_PORT})
        child = popen('server', ('nginx', '-c', conf, '-e', self.path('nginx.log')))
        self.stack.callback(stop, child)

        def listens():
            with inside('server'), socket.socket() as s:
                return s.connect_ex((SERVER, 80)) == 0
        poll(listens, 30, 'nginx: ' + tail(self.path('nginx.log')))

    def content(self, size, tag=''):
        """Bytes that nobody has seen before, without anything a search may take for a value."""
        head = ('sluice test file %s %x\n' % (tag, self.numbers.getrandbits(64))).encode()
        block = self.numbers.randbytes(min(size, 4096)).hex().translate(
            str.maketrans('0123456789abcdef', 'ghijklmnopqrstuv')).encode()
        data = head + block * (size // max(1, len(block)) + 1)
        return data[:max(size, len(head))]

    def file(self, size=20000, name=None, directory=None):
        """A fresh file, below www where no directory is given: its name and its SHA-256."""
        data = self.content(size)
        name = name or 'f%08x.bin' % self.numbers.getrandbits(32)
        with open(os.path.join(directory or self.www, name), 'wb') as f:
            f.write(data)
        return name, hashlib.sha256(data).hexdigest()

    def curl(self, *argv, ns='client', timeout=60):
        return run(ns, ('curl', '-sS', '--fail', '--max-time', timeout) + argv, timeout=timeout + 10)

    def download(self, url, *argv, ns='client'):
        """SHA-256 of what curl got."""
        self.curls += 1
        path = self.path('got%d' % self.curls)
        self.curl('-o', path, *argv, url, ns=ns)
        with open(path, 'rb') as f:
            digest = hashlib.sha256(f.read()).hexdigest()
        os.unlink(path)
        return digest


class Cloud:
    """build/testcloud: started, stopped and asked."""

    def __init__(self, rig, name='cloud', port=8443, options=()):
        self.rig, self.name, self.port, self.options = rig, name, port, options
        self.log = rig.path(name)
        self.tls = rig.path(name + '-tls')
        self.ca = os.path.join(self.tls, 'ca.pem')
        self.child = None
        rig.stack.callback(self.stop)

    def url(self, host=CLOUD):
        return 'https://%s:%d/publicapi' % ('[%s]' % host if ':' in host else host, self.port)

    def start(self):
        argv = [TESTCLOUD, '--listen', CLOUD, '--listen', CLOUD6, '--port', self.port,
                '--tls-dir', self.tls, '--log', self.log, '--key', KEY] + list(self.options)
        self.output = open(self.rig.path(self.name + '.out'), 'wb')
        os.makedirs(self.log, exist_ok=True)
        self.child = popen('cloud', argv, stdout=self.output, stderr=subprocess.STDOUT)
        poll(lambda: 'ready ' in tail(self.output.name) or self.child.poll() is not None, 60, 'the cloud')
        check(self.child.poll() is None, 'the cloud does not start: ' + tail(self.output.name))

    def stop(self):
        if self.child:
            stop(self.child)
            self.child = None
            self.output.close()

    def requests(self):
        return lines_of(os.path.join(self.log, 'requests.jsonl'))

    def submissions(self, sha256):
        """Uploads of a sample, whatever was answered."""
        return [r for r in self.requests() if r['path'].endswith('/submit/file') and
                (r.get('file') or {}).get('sha256') == sha256]

    def accepted(self, sha256, timeout=40):
        """The one upload of a sample, waited for."""
        return poll(lambda: [r for r in self.submissions(sha256) if r['status'] == 200], timeout,
                    'the sample %s at the %s' % (sha256, self.name))[0]

    def verdicts(self, sha256):
        """The questions about a sample, alone or among others."""
        return [r for r in self.requests() if (r['path'].endswith('/get/verdict') and any(
            f.get('value') == sha256 for f in r.get('fields') or ())) or (
                r['path'].endswith('/get/verdicts') and sha256 in (r.get('lines') or ()))]

    def sample(self, sha256):
        with open(os.path.join(self.log, 'samples', sha256), 'rb') as f:
            return f.read()

    def records(self):
        """Every byte that arrived, per connection."""
        found = {}
        for name in sorted(os.listdir(self.log)):
            if name.startswith('conn-'):
                with open(os.path.join(self.log, name), 'rb') as f:
                    found[name] = f.read()
        return found


class Agent:
    """build/sluiced with a configuration of its own."""

    def __init__(self, rig, ns='gate', name=None, state=None):
        self.rig, self.ns, self.name = rig, ns, name or 'agent-' + ns
        self.state = state or rig.path(self.name)
        self.run = rig.path(self.name + '-run')
        self.conf = rig.path(self.name + '.conf')
        self.log = rig.path(self.name + '.log')
        self.key = rig.path(self.name + '.key')
        self.options = ()           # of the command line
        self.child = None
        os.makedirs(self.state, mode=0o700, exist_ok=True)
        os.makedirs(self.run, exist_ok=True)
        with open(os.open(self.key, os.O_WRONLY | os.O_CREAT, 0o600), 'w') as f:
            f.write(KEY + '\n')
        rig.stack.callback(self.kill)

    def configure(self, text, capture='', agent='retry_min = 1\nretry_max = 2\n'):
        with open(self.conf, 'w') as f:
            # No question about a verdict comes between two looks at the same thing.
            f.write('[capture]\n%s\n[agent]\nverdict_poll = 86400\nstate_dir = %s\nrun_dir = %s\n%s\n%s'
                    % (capture, self.state, self.run, agent, text))

    def all_to(self, cloud, off=()):
        """The text that has everything go to one cloud, without the fields that are off."""
        return ALL_TO % (cloud.url(), self.key, cloud.ca, ''.join('%s = omit\n' % f for f in off))

    def start(self, timeout=60):
        """Returns once the agent says that it is ready, as it says it to systemd."""
        path = self.rig.path(self.name + '.notify')
        if os.path.exists(path):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, open(self.log, 'ab') as log:
            ready.bind(path)
            ready.settimeout(timeout)
            self.child = popen(self.ns, (SLUICED, '-c', self.conf) + self.options, stdin=subprocess.DEVNULL, stdout=log,
                               stderr=log, env=dict(os.environ, NOTIFY_SOCKET=path))
            ready.settimeout(1)
            end = time.monotonic() + timeout
            while True:
                try:
                    if b'READY=1' in ready.recv(4096):
                        return
                except socket.timeout:
                    pass
                check(self.child.poll() is None, 'sluiced ended: ' + tail(self.log))
                check(time.monotonic() < end, 'sluiced is not ready: ' + tail(self.log))

    def children(self):
        """Process ids by name: {'inspector': pid, 'forwarder': pid}, of those that stats.json names."""
        try:
            with open(os.path.join(self.run, 'stats.json')) as f:
                told = json.load(f)['processes']
        except (OSError, ValueError):
            return {}
        return {p['role']: p['pid'] for p in told}

    def tree(self):
        """The supervisor and its children, as the kernel has them."""
        pids = [self.child.pid]
        for pid in pids:
            with contextlib.suppress(OSError), open('/proc/%d/task/%d/children' % (pid, pid)) as f:
                pids += [int(p) for p in f.read().split()]
        return pids

    def kill(self):
        """SIGKILL to all its processes."""
        if not self.child or self.child.poll() is not None:
            return
        pids = self.tree()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.child.wait()
        poll(lambda: not any(alive(pid) for pid in pids), 20, 'the end of the agent')

    def stop(self, timeout=30):
        return stop(self.child, timeout=timeout)

    def reload(self):
        """SIGHUP, and wait until the log says that it was done."""
        with open(self.log, 'rb') as f:
            before = len(f.read())

        def done():
            with open(self.log, 'rb') as f:
                f.seek(before)
                return b'read again' in f.read()
        self.child.send_signal(signal.SIGHUP)
        poll(done, 20, 'the configuration to be read again: ' + tail(self.log))

    def fresh_stats(self):
        """Has stats.json written now."""
        path = os.path.join(self.run, 'stats.json')

        def written():
            with contextlib.suppress(OSError):
                return os.stat(path).st_ino
        before = written()
        self.child.send_signal(signal.SIGUSR1)
        poll(lambda: written() not in (None, before), 20, 'a new ' + path)

    def counters(self):
        try:
            with open(os.path.join(self.run, 'stats.json')) as f:
                return json.load(f)['counters']
        except (OSError, ValueError):
            return {}

    def sightings(self, sha256=None):
        found = lines_of(os.path.join(self.state, 'sightings.jsonl'))
        if sha256:
            found = [s for s in found if s['file'].get('hash', {}).get('sha256') == sha256]
        return found

    def sighting(self, sha256, timeout=40, count=1):
        """The last of `count` sightings of a sample, waited for."""
        return poll(lambda: self.sightings(sha256)[count - 1:], timeout,
                    'sighting %d of %s in the local log' % (count, sha256))[-1]


def alive(pid):
    """Whether a process runs (a zombie does not)."""
    try:
        with open('/proc/%d/stat' % pid) as f:
            return f.read().rpartition(')')[2].split()[0] not in 'ZX'
    except OSError:
        return False
