# SPDX-License-Identifier: MIT
"""The kinds of clouds, for tests that ask each what it was given.

A kind has many clouds at once. For each it writes the section of the configuration, and says what
arrived, as Arrivals: every byte of it, whatever became of it. KINDS is the table of them.
"""
import hashlib
import json
import os
import re
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cloud'))
import collector
from canary import request_bytes
from modes import boundary
from rig import CLOUD, KEY, Cloud, check, inside, same

ENDED = 'sent', 'known'             # outcomes after which nothing more comes
HEAD = re.compile(rb'POST /publicapi/(get/verdict|submit/file|submit/link) HTTP/1\.1\r\n'
                  rb'Host: (\S+)\r\nUser-Agent: sluice/[0-9.]+\r\nAccept: \*/\*\r\nContent-Type: ([^\r\n]+)\r\n'
                  rb'Content-Length: ([0-9]+)\r\n\r\n')
PART = re.compile(rb'Content-Disposition: form-data; name="([a-z0-9]+)"(?:; filename="([^"\r\n]*)"\r\n'
                  rb'Content-Type: application/octet-stream|\r\nContent-Type: application/json)?$')


POST = re.compile(rb'POST /(c[0-9]+) HTTP/1\.1\r\nHost: (\S+):(\d+)\r\nUser-Agent: sluice/[0-9.]+\r\n'
                  rb'Accept: \*/\*\r\n(Authorization: Bearer |X-API-Key: )(\S+)\r\n'
                  rb'Idempotency-Key: "([0-9a-f-]{36})"\r\n'
                  rb'Content-Type: multipart/form-data; boundary=(\S+)\r\nContent-Length: ([0-9]+)\r\n\r\n')


class Arrival:
    """Something that came to a cloud about one sighting."""

    def __init__(self, cloud, sighting, request, data):
        self.cloud, self.sighting, self.request, self.data = cloud, sighting, request, data
        self.body_sha256 = None     # of a request that came whole
        self.envelope = None        # its bytes
        self.name = None            # of the uploaded file


def without_sample(data, sample):
    """data, from whose beginning on a sample stands, or the part of one that came."""
    return data[len(os.path.commonprefix([data, sample])):]


class Wildfire:
    """One test cloud stands for all: each has a key of its own."""
    kind = 'wildfire'
    repeated = {'get/verdict', 'submit/file', 'submit/link'}
    # Each is met by somebody's upload, and that is repeated.
    faults = ('status=503 path=submit/file count=4 skip=3', 'cut-body=700 path=submit/file count=4 skip=2',
              'cut-after path=submit/file count=3 skip=4', 'cut-before path=get/verdict count=2 skip=20',
              'status=500 path=get/verdict count=2 skip=9', 'status=503 path=submit/link count=2 skip=1')

    def __init__(self, rig, names):
        self.keys = {(KEY + '-%d' % n if n else KEY).encode(): name for n, name in enumerate(names)}
        self.files = {}
        for key, name in self.keys.items():
            self.files[name] = rig.path('api-' + name)
            with open(os.open(self.files[name], os.O_WRONLY | os.O_CREAT, 0o600), 'wb') as f:
                f.write(key + b'\n')
        options = ['--forget', 'yes'] + [w for f in self.faults for w in ('--fail', f)]
        options += [w for key in list(self.keys)[1:] for w in ('--key', key.decode())]
        self.cloud = Cloud(rig, 'wf', 8443, options)
        self.cloud.start()

    def section(self, name, session):
        return ('kind = wildfire\nlookup_batch = 1\nlink_batch = 1\nurl = %s\nkey_file = %s\nca_file = %s\nsession = %s\n'
                % (self.cloud.url(), self.files[name], self.cloud.ca, 'yes' if session else 'no'))

    def arrivals(self, sightings):
        """All so far; nothing that came belongs to none."""
        requests = self.cloud.requests()
        covered = {}
        for r in requests:
            file = 'conn-%06d.bin' % r['conn']
            same(r['offset'], covered.get(file, 0), 'where request %d begins' % r['seq'])
            covered[file] = r['offset'] + r['length']
        for file, data in self.cloud.records().items():
            same(len(data), covered.get(file, 0), 'bytes of requests in ' + file)
        return [self.arrival(r, request_bytes(self.cloud, r), sightings) for r in requests]

    def arrival(self, request, data, sightings):
        head = HEAD.match(data)
        check(head, 'the head of a request is not as it should be: %r' % data[:600])
        call, host, mime, length = head.groups()
        same(host.decode(), '%s:%d' % (CLOUD, self.cloud.port), 'Host')
        body = data[head.end():]
        whole = len(body) == int(length)
        if call == b'get/verdict':
            form = re.fullmatch(rb'apikey=([^&]+)&hash=([0-9a-f]{64})', body)
            check(mime == b'application/x-www-form-urlencoded' and form, 'a question: %r' % data)
            (sighting,) = [s for s in sightings if s.sha256.encode() == form[2]]
            found = Arrival(self.keys[form[1]], sighting, call.decode(), data)
        else:
            limit = re.fullmatch(rb'multipart/form-data; boundary=(\S+)', mime)[1]
            (sighting,) = [s for s in sightings if boundary(s.sha256, s.id).encode() == limit]
            found = self.upload(call.decode(), sighting, head.group(), body, limit, whole)
        found.body_sha256 = hashlib.sha256(body).hexdigest() if whole else None
        check(whole or request['fault'], 'a request that was cut by nobody: %r' % request)
        return found

    def upload(self, call, sighting, head, body, limit, whole):
        """The parts of a multipart body, as many as came; the sample's bytes are taken out."""
        parts = body.split(b'--' + limit)
        same(parts[0], b'', 'bytes before the first part')
        if whole:
            same(parts.pop(), b'--\r\n', 'end of the last part')
        key = None
        found = Arrival(None, sighting, call, head)
        for number, part in enumerate(parts[1:]):
            about, _, content = part.partition(b'\r\n\r\n')
            match = PART.fullmatch(about[2:])
            check(match or not whole, 'a part: %r' % about)
            name = match and match[1]
            same(name, (b'apikey', call[7:].encode(), b'session')[number], 'part %d' % number)
            if number == 0:
                key = content[:-2]
            elif number == 1:
                found.name = None if match[2] is None else match[2].decode()
                # A link is sent as what it is: a value of the URL.
                content = content if sighting.link else without_sample(content, sighting.sample)
            elif whole:
                found.envelope = content[:-2]
            found.data += about + content
        found.cloud = self.keys[key]
        return found


class Https:
    """One collector for all: each has a path and a secret of its own, every other one as a token."""
    kind = 'https'
    repeated = {'post'}

    def __init__(self, rig, names):
        self.secret, self.file, self.folder = {}, {}, rig.path('collector')
        os.mkdir(self.folder)
        for n, name in enumerate(names):
            self.secret[name] = (b'Authorization: Bearer ' if n % 2 else b'X-API-Key: ', b'secret-of-' + name.encode())
            self.file[name] = rig.path('secret-' + name)
            with open(os.open(self.file[name], os.O_WRONLY | os.O_CREAT, 0o600), 'wb') as f:
                f.write(self.secret[name][1] + b'\n')
        collector.authority(self.folder, 'authority')
        collector.certificate(self.folder, 'authority', 'server', 'subjectAltName=IP:' + CLOUD)
        with inside('cloud'):
            self.cloud = collector.Collector(self.reply, collector.tls(self.folder, 'server'), CLOUD)

    def reply(self, request):
        """Some of the first uploads are refused for now, cut, or taken without an answer."""
        n = len(self.cloud.requests)
        if n in (10, 40):
            self.cloud.cut = 700
        if n in (3, 11, 30):
            return collector.answer(503)
        return collector.DROP if n in (5, 21, 33) else collector.answer(200)

    def section(self, name, session):
        secret = 'token_file' if self.secret[name][0].endswith(b'Bearer ') else 'key_file'
        return ('kind = https\nurl = https://%s:%d/%s\n%s = %s\nca_file = %s/authority.pem\nsession = %s\n'
                % (CLOUD, self.cloud.port, name, secret, self.file[name], self.folder, 'yes' if session else 'no'))

    def arrivals(self, sightings):
        with self.cloud.lock:
            return [self.arrival(r, sightings) for r in self.cloud.requests]

    def arrival(self, request, sightings):
        head = POST.fullmatch(request.head)
        check(head, 'the head of a request is not as it should be: %r' % request.head)
        name, host, port, how, secret, uuid, limit, length = head.groups()
        name = name.decode()
        same((host.decode(), int(port), (how, secret)), (CLOUD, self.cloud.port, self.secret[name]), 'whose it is')
        same(request.whole, len(request.body) == int(length), 'whole')
        (s,) = [s for s in sightings if s.uuid == uuid.decode()]
        same(limit.decode(), boundary(s.sha256, s.id), 'boundary')
        found = Arrival(name, s, 'post', request.head)
        found.body_sha256 = hashlib.sha256(request.body).hexdigest() if request.whole else None
        parts = request.body.split(b'--' + limit)
        same(parts[0], b'', 'bytes before the first part')
        if request.whole:
            same(parts.pop(), b'--\r\n', 'end of the last part')
        for number, part in enumerate(parts[1:]):
            about, _, content = part.partition(b'\r\n\r\n')
            match = PART.fullmatch(about[2:])
            check(match or not request.whole, 'a part: %r' % about)
            wanted = b'sha256', b'link' if s.link else b'sample', b'envelope'
            same(match and match[1], wanted[number], 'part %d' % number)
            if number == 1:
                found.name = None if match[2] is None else match[2].decode()
                content = content if s.link else without_sample(content, s.sample)
            elif number == 2 and request.whole:
                found.envelope = content[:-2]
            found.data += about + content
        return found


class Directory:
    """A folder for each."""
    kind = 'directory'
    repeated = set()

    def __init__(self, rig, names):
        self.folder = {name: rig.path('folder-' + name) for name in names}
        for path in self.folder.values():
            os.mkdir(path)

    def section(self, name, session):
        return 'kind = directory\npath = %s\nsession = %s\n' % (self.folder[name], 'yes' if session else 'no')

    def arrivals(self, sightings):
        return [a for name in self.folder for a in self.stored(name, sightings)]

    def stored(self, name, sightings):
        files = {}
        for file in os.listdir(self.folder[name]):
            with open(os.path.join(self.folder[name], file), 'rb') as f:
                files[file] = f.read()
        for s in sightings:
            sample, envelope = files.pop(s.sha256, None), files.pop('%s.%s.json' % (s.sha256, s.uuid), None)
            if sample is None:
                check(envelope is None, 'an envelope without its sample')
                continue
            same(sample, s.sample, 'the sample')
            found = Arrival(name, s, 'store', s.sha256.encode() + b' ' + s.uuid.encode() + b' ' + (envelope or b''))
            found.data += sample if s.link else b''
            found.body_sha256 = hashlib.sha256((envelope or b'') + sample).hexdigest()
            found.envelope = envelope
            yield found
        same(sorted(files), [], 'other files in the folder of ' + name)


KINDS = (
    Wildfire,
    Https,
    Directory,
)


def flat(value, path=''):
    """The leaves of an envelope by their path; a list is a leaf."""
    if not isinstance(value, dict):
        return {path: value}
    return {p: v for k, part in value.items() for p, v in flat(part, path + '.' + k if path else k).items()}


def leaves(data):
    def once(pairs):
        check(len(dict(pairs)) == len(pairs), 'a key stands twice in %r' % data)
        return dict(pairs)
    return flat(json.loads(data, object_pairs_hook=once))
