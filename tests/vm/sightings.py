# SPDX-License-Identifier: MIT
"""Transfers in which each of the twelve fields has a value that is nowhere else: an HTTP download
through NAT, an upload over IPv6, and a mail with an attachment and a link."""
import hashlib
import os
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'real')]
import letters                                                                     # noqa: E402
import postfix                                                                     # noqa: E402
from modes import ADDRESSES, PORTS                                                 # noqa: E402
from rig import SERVER_PORT, poll, popen, run, stop                                # noqa: E402

CLIENT, SERVER, NAT = '172.23.45.67', '198.51.100.23', '203.0.113.88'
CLIENT6, SERVER6 = 'fd5c:51:17::c1e4', '3fff:92:3::5e4f'
NAT_PORTS = 47112, 47199
NETWORK = 'netz-dompfaff', '198.51.100.0/24'
VSYS = 'Vsys-Rohrdommel/Zürich'
USERS = {CLIENT: 'nestcorp\\kanarienmensch', CLIENT6: 'nestcorp\\zeisigmensch'}
TRUNCATED, PATH, ORIGIN = 'truncate 24 48', 'truncate path', 'truncate origin'

# What a browser or a mail program says besides, which is in no field and leaves never.
NEVER = 'Passwort-Elster', 'Agentenname-Habicht', 'verweis-sperber', 'Keks-Milan', 'umschlag-bussard'

LETTER = '''From: =?utf-8?q?K=C3=BCken_Absendernest?= <kuekenabsender@absender-nest.example>
To: =?iso-8859-1?q?Sp=E4tzin?= <spatzempfang@empfang-nest.example>,
 <amselempfang@zweit-nest.example>
Subject: =?utf-8?b?%s?=
 =?utf-8?q?_den_Wiedehopf?=
Message-ID: <nachricht-wanderfalke@absender-nest.example>
Date: Tue, 24 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="grenze"

--grenze
Content-Type: text/plain

%s
--grenze
'''
SUBJECT = 'Pirol grüßt den Wiedehopf'
SENDER = 'Küken Absendernest <kuekenabsender@absender-nest.example>'
# Who is in the envelope alone is a recipient as well.
BLIND = 'falkenblind@blind-horst.example'
RECIPIENTS = ['Spätzin <spatzempfang@empfang-nest.example>', 'amselempfang@zweit-nest.example', BLIND]


class Sighting:
    """One sample in one session, as it was sent."""

    def __init__(self, name, sample, client, server, ports, application, upload, **fields):
        self.name, self.sample, self.sha256 = name, sample, hashlib.sha256(sample).hexdigest()
        self.client, self.server, self.client_port, self.server_port = client, server, *ports
        self.upload, self.nat, self.link = upload, None, name == 'link'
        self.off = ()               # fields that the kernel's switches had off
        self.text = {'virtual_system': VSYS, 'application': application, 'user': USERS[client], **fields}

    def end(self, field):
        """Of a field of an end: whether it is the client's."""
        return field.startswith('source') == self.upload

    def parts(self, field):
        """What of a field's value is looked for: (how, what, modes under which it may be found)."""
        if field in ADDRESSES:
            mine = (self.client, self.nat and self.nat[0]) if self.end(field) else (self.server,)
            return [p for a in mine if a for p in address_parts(a)]
        if field in PORTS:
            if not self.end(field):
                kept = self.server_port < 32768
                return [('port', self.server_port, {'share', 'truncate' if kept else 'share'})]
            return [('port', p, {'share'}) for p in (self.client_port, self.nat and self.nat[1]) if p]
        value = self.text.get(field)
        if value is None:
            return []
        if isinstance(value, list):
            return [p for v in value for p in mail_parts(v)]
        if field == 'email_sender':
            return mail_parts(value)
        if field == 'url':
            return url_parts(value)
        if field == 'filename':
            stem, _, extension = value.rpartition('.')
            return words(value, stem) + [('text', extension, {'share', 'truncate'})]
        if field == 'application':
            return [('text' if len(value) > 4 else 'word', value, {'share'})]
        return words(value, value)


def words(value, text):
    """A value and what one would recognise of it."""
    found = [w for w in ''.join(c if c.isalnum() else ' ' for c in text).split() if len(w) > 4]
    return [('text', v, {'share'}) for v in dict.fromkeys([value] + found)]


def address_parts(address):
    if ':' in address:
        groups = address.split(':')
        near, far = ':'.join(groups[:3]) + ':', ':'.join(groups[:2]) + ':'
    else:
        groups = address.split('.')
        near, far = '.'.join(groups[:3]) + '.', '.'.join(groups[:2]) + '.'
    return [('address', address, {'share'}), ('network', near, {'share', TRUNCATED}),
            ('network', far, {'share', TRUNCATED})]


def mail_parts(value):
    name, _, rest = value.rpartition('<')
    local, _, domain = rest.rstrip('>').partition('@')
    return words(value, name) + [('text', local, {'share'}), ('text', local + '@' + domain, {'share'}),
                                 ('text', domain, {'share', 'truncate'})]


def url_parts(value):
    u = urllib.parse.urlsplit(value)
    path = [p for p in u.path.split('/') if len(p) > 4]
    return ([('text', value, {'share'}), ('text', u.netloc, {'share', PATH, ORIGIN})] +
            [('text', p, {'share', PATH}) for p in path] +
            [('text', v, {'share'}) for _, v in urllib.parse.parse_qsl(u.query)])


class Traffic:
    """Sends them through the gateway."""

    def __init__(self, rig):
        self.rig = rig
        # Numbers of no other field, and whose two bytes stand in no text.
        ports = [p for p in range(40960, 47000) if 0xe < p % 256 < 0x20 or p % 256 < 9]
        self.ports = iter(rig.numbers.sample(ports, 100))
        self.networks()
        self.postfix()

    def networks(self):
        batch = {'client': ('addr add %s/32 dev gate' % CLIENT, 'addr add %s/128 dev gate nodad' % CLIENT6,
                            'route add %s via 10.81.1.1' % SERVER, 'route add %s via fd81:1::1' % SERVER6),
                 'server': ('addr add %s/32 dev gate' % SERVER, 'addr add %s/128 dev gate nodad' % SERVER6,
                            'route add %s via 10.81.2.1' % CLIENT, 'route add %s via 10.81.2.1' % NAT,
                            'route add %s via fd81:2::1' % CLIENT6),
                 'gate': ('route add %s via 10.81.1.2' % CLIENT, 'route add %s via 10.81.2.2' % SERVER,
                          'route add %s via fd81:1::2' % CLIENT6, 'route add %s via fd81:2::2' % SERVER6)}
        for ns, lines in batch.items():
            self.rig.batch(ns, lines)
        run('gate', ('nft', 'add table ip matrix; add chain ip matrix out { type nat hook postrouting priority 90; }; '
                     'add rule ip matrix out ip daddr %s tcp dport %d snat to %s:%d-%d'
                     % (SERVER, SERVER_PORT, NAT, *NAT_PORTS)))

    def postfix(self):
        folder = self.rig.path('postfix')
        os.makedirs(folder)
        os.chmod(folder, 0o755)

        def start(*argv, **more):
            child = popen('server', argv, **more)
            self.rig.stack.callback(stop, child)
            return child
        postfix.serve(start, folder)
        connect = 'exec 3<>/dev/tcp/%s/%d' % (SERVER, postfix.PORT)
        poll(lambda: run('client', ('bash', '-c', connect), check_status=False).returncode == 0, 60, 'postfix')

    def curl(self, client, port, *argv):
        self.rig.curl('--interface', client, '--local-port', port, '-o', '/dev/null', *argv)

    def http(self, client, port, *argv):
        self.curl(client, port, '-u', 'anmeldung:' + NEVER[0], '-A', NEVER[1], '-e', 'http://%s.example/' % NEVER[2],
                  '-H', 'Cookie: sitzung=' + NEVER[3], *argv)

    def sample(self, size, hold=''):
        """A fresh one; policy is not about what it holds."""
        return self.rig.content(size) + hold.encode()

    def download(self):
        """The sample holds what is canary elsewhere: the URL, the user and both addresses."""
        port, plain = next(self.ports), '%x' % self.rig.numbers.getrandbits(40)
        path = '/any/Pfad-Gimpel/Zweig-Kleiber/%s/get' % plain
        url = 'http://wirt-kanarie.example%s?frage=Frage-Pieper+%%C3%%A4%%26&b=Zweitfrage-Stelze' % path
        name = 'Name-Drossel größe.k7q'
        sample = self.sample(500, '%s %s %s %s %s' % (url, name, USERS[CLIENT], CLIENT, SERVER))
        with open(os.path.join(self.rig.www, plain), 'wb') as f:
            f.write(sample)
        target = url.replace('wirt-kanarie.example', '%s:%d' % (SERVER, SERVER_PORT))
        self.http(CLIENT, port, '-H', 'Host: wirt-kanarie.example',
                  '-H', "X-Disposition: attachment; filename*=UTF-8''" + urllib.parse.quote(name), target)
        return [Sighting('download', sample, CLIENT, SERVER, (port, SERVER_PORT), 'web-browsing', False,
                         url=url, filename=name)]

    def upload(self):
        port, sample = next(self.ports), self.sample(500)
        name, url = 'Gabe-Sprosser größe.z5x', 'http://wirt-zeisig.example/quiet/Pfad-Rotkehlchen?frage=Frage-Fitis'
        with open(self.rig.path('upload'), 'wb') as f:
            f.write(sample)
        target = url.replace('wirt-zeisig.example', '[%s]:%d' % (SERVER6, SERVER_PORT))
        self.http(CLIENT6, port, '-H', 'Host: wirt-zeisig.example',
                  '-F', 'upload=@%s;filename="%s"' % (self.rig.path('upload'), name), target)
        return [Sighting('upload', sample, CLIENT6, SERVER6, (port, SERVER_PORT), 'web-browsing', True,
                         url=url, filename=name)]

    def mail(self):
        port, sample = next(self.ports), self.sample(500)
        link = 'https://ziel-girlitz.example/Pfad-Stieglitz/%x?frage=Frage-Ammer' % self.rig.numbers.getrandbits(40)
        name = 'Rechnung-Bluthänfling.q9w'
        begin = letters.base64.b64encode('Pirol grüßt'.encode()).decode()
        text = letters.lines((LETTER % (begin, link)).encode())
        text += letters.in_rfc2231(name, sample).part + b'\r\n--grenze--\r\n'
        with open(self.rig.path('letter'), 'wb') as f:
            f.write(text)
        self.curl(CLIENT, port, '--mail-from', NEVER[4] + '@umschlag.example',
                  *[a for r in ('spatzempfang@empfang-nest.example', 'amselempfang@zweit-nest.example',
                                BLIND) for a in ('--mail-rcpt', r)],
                  '-T', self.rig.path('letter'), 'smtp://%s' % SERVER)
        both = {'email_sender': SENDER, 'email_recipient': RECIPIENTS, 'email_subject': SUBJECT}
        ends = CLIENT, SERVER, (port, postfix.PORT), 'smtp', True
        return [Sighting('attachment', sample, *ends, filename=name, **both),
                Sighting('link', link.encode(), *ends, url=link, **both)]
