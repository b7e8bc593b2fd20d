#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Live, through the module: transfers of each protocol cross the gateway, from and to real
programs, over IPv4 and IPv6, and the cloud gets the right file with the right fields. HTTP/1 is
in agent.t."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'real')]
import dovecot                                                                     # noqa: E402
import letters                                                                     # noqa: E402
import nghttpd                                                                     # noqa: E402
import postfix                                                                     # noqa: E402
import samba                                                                       # noqa: E402
import tftpd                                                                       # noqa: E402
import vsftpd                                                                      # noqa: E402
from rig import (CLIENT, CLIENT6, SERVER, SERVER6, Agent, Cloud, kernel_stats, main, poll,   # noqa: E402
                 popen, run, same, stop, tail)

# TFTP answers from a port of its own, so that its server is named
CAPTURE = 'udp_ports = 69\nudp_prefixes = %s/32, %s/128\nvirtual_system = main-site\n' % (SERVER, SERVER6)
HOSTS = SERVER, SERVER6


def member(value, path):
    for key in path.split('.'):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def bracketed(host):
    return '[%s]' % host if ':' in host else host


class World:
    def __init__(self, tap, rig):
        self.tap, self.rig = tap, rig
        self.cloud = Cloud(rig, 'wf', 8443)
        self.cloud.start()
        self.agent = Agent(rig)
        self.agent.configure(self.agent.all_to(self.cloud), CAPTURE)
        self.agent.start()

    def case(self, name):
        return self.tap.case(name, lambda: 'log of the agent:\n' + tail(self.agent.log))

    def start(self, *words, **more):
        """The `start` of the servers in tests/real."""
        child = popen('server', words, **more)
        self.rig.stack.callback(stop, child)
        return child

    def folder(self, name):
        path = self.rig.path(name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o755)
        return path

    def listens(self, port):
        connect = 'exec 3<>/dev/tcp/%s/%d' % (SERVER, port)
        poll(lambda: run('client', ('bash', '-c', connect), check_status=False).returncode == 0, 60,
             'a server on port %d' % port)

    def arrived(self, sha256, host, application, upload=False, **fields):
        """The sample is at the cloud, once, with these fields in its envelope."""
        client = CLIENT6 if ':' in host else CLIENT
        said = self.cloud.accepted(sha256, 60)['session']
        same(len(self.cloud.submissions(sha256)), 1, 'uploads of ' + sha256)
        wanted = {'client.ip': client, 'server.ip': host, 'network.application': application,
                  'source.ip': client if upload else host, 'destination.ip': host if upload else client,
                  'sluice.direction': 'upload' if upload else 'download',
                  'sluice.virtual_system': 'main-site'}
        wanted.update({name.replace('__', '.'): value for name, value in fields.items()})
        for path, value in wanted.items():
            same(member(said, path), value, path)

    def letter(self):
        """A message with a fresh attachment and a link: bytes, name, SHA-256, link."""
        name, sha256 = self.rig.file(directory=self.rig.work)
        link = 'https://%s.example/path' % name[:-4]
        with open(self.rig.path(name), 'rb') as f:
            body = f.read()
        text = letters.Attachment(None, None, letters.part('Content-Type: text/plain', link.encode()))
        return letters.message([text, letters.in_base64(name, body)]), name, sha256, link

    def link_arrived(self, link):
        poll(lambda: [r for r in self.cloud.requests() if r['path'].endswith('/submit/link') and
                      any(f.get('value') == link for f in r.get('fields') or ())], 40, 'the link at the cloud')


# ------------------------------------------------------------------ the protocols

def http2(w):
    nghttpd.serve(w.start, w.rig.www)
    w.listens(nghttpd.PORT)
    for host in HOSTS:
        name, sha256 = w.rig.file()
        url = 'http://%s:%d/%s' % (bracketed(host), nghttpd.PORT, name)
        same(w.rig.download(url, '--http2-prior-knowledge'), sha256, 'what the client got')
        w.arrived(sha256, host, 'web-browsing', file__name=name, url__original=url)


def ftp(w):
    directory = w.folder('ftpd')
    vsftpd.serve(w.start, directory)
    w.listens(vsftpd.PORT)
    for host in HOSTS:
        for how in ('--ftp-pasv',), ('--ftp-port', '-'):
            name, sha256 = w.rig.file(directory=os.path.join(directory, 'ftp'))
            same(w.rig.download('ftp://%s/%s' % (bracketed(host), name), *how), sha256, 'what the client got')
            w.arrived(sha256, host, 'ftp', file__name=name)
        name, sha256 = w.rig.file(directory=w.rig.work)
        w.rig.curl('-T', w.rig.path(name), 'ftp://%s/in/' % bracketed(host))
        w.arrived(sha256, host, 'ftp', upload=True, file__name=name)


def tftp(w):
    directory = w.folder('tftpd')
    for host in HOSTS:
        tftpd.serve(w.start, directory, '--address', '%s:%d' % (bracketed(host), tftpd.PORT))
    for host in HOSTS:
        name, sha256 = w.rig.file(directory=os.path.join(directory, 'tftp'))
        url = 'tftp://%s/%s' % (bracketed(host), name)
        same(w.rig.download(url, '--retry', '5', '--retry-all-errors'), sha256, 'what the client got')
        w.arrived(sha256, host, 'tftp', file__name=name, network__transport='udp')


def smb(w):
    directory = w.folder('smbd')
    samba.serve(w.start, directory)
    w.listens(samba.PORT)
    for host in HOSTS:
        for protocol, name in ('SMB3_11', 'ms-ds-smbv3'), ('NT1', 'ms-ds-smbv1'):
            get, got = w.rig.file(directory=os.path.join(directory, samba.SHARE))
            put, sent = w.rig.file(directory=w.rig.work)
            commands = ('lcd ' + w.rig.work, 'get %s got' % get, 'put %s sent-%s' % (put, put))
            run('client', samba.shell(host, commands, protocol))
            w.arrived(got, host, name, file__name=get)
            w.arrived(sent, host, name, upload=True, file__name='sent-' + put)


MAIL = {'email__from__address': ['Sender <%s>' % letters.SENDER], 'email__subject': letters.SUBJECT,
        'email__to__address': [letters.RECIPIENT]}


def smtp(w):
    postfix.serve(w.start, w.folder('postfix'))
    w.listens(postfix.PORT)
    for host in HOSTS:
        message, name, sha256, link = w.letter()
        path = w.rig.path('letter')
        with open(path, 'wb') as f:
            f.write(message)
        w.rig.curl('--mail-from', letters.SENDER, '--mail-rcpt', letters.RECIPIENT, '-T', path,
                   'smtp://%s' % bracketed(host))
        w.arrived(sha256, host, 'smtp', upload=True, file__name=name, **MAIL)
        w.link_arrived(link)


def mailbox(w):
    directory = w.folder('dovecot')
    dovecot.serve(w.start, directory)
    w.listens(dovecot.IMAP_PORT)
    w.listens(dovecot.POP3_PORT)
    for host in HOSTS:
        for protocol, place in ('imap', 'INBOX;MAILINDEX=1'), ('pop3', '1'):
            message, name, sha256, link = w.letter()
            user = '%s-%d' % (protocol, host.count(':'))
            dovecot.deliver(directory, user, '1', message)
            w.rig.curl('-u', '%s:%s' % (user, dovecot.PASSWORD), '-o', w.rig.path('got'),
                       '%s://%s/%s' % (protocol, bracketed(host), place))
            w.arrived(sha256, host, protocol, file__name=name, user__name=user, **MAIL)
            w.link_arrived(link)


NFS_COPY = '''
mkdir -p "$3" && mount -t nfs -o "$1,nolock,soft,timeo=100" "$2" "$3" || exit 1
if [ "$6" = put ]; then cp "$4" "$3/$5"; else cp "$3/$5" "$4"; fi
status=$?
umount "$3"
exit $status
'''


def nfs(w):
    script = '. %s && knfsd_setup && knfsd_serve server' % os.path.join(HERE, 'knfsd.sh')
    run(None, ('bash', '-c', script), timeout=120)
    w.listens(2049)
    for host in HOSTS:
        for version, path in ('vers=3', '/srv/share'), ('vers=4.2', '/'):
            for way in 'get', 'put':
                name, sha256 = w.rig.file(directory='/srv/share' if way == 'get' else w.rig.work)
                local = w.rig.path('got' if way == 'get' else name)
                proto = ',proto=tcp' + ('6' if ':' in host else '')
                run('client', ('ip', 'netns', 'exec', 'client', 'bash', '-c', NFS_COPY, 'copy', version + proto,
                               '%s:%s' % (bracketed(host), path), w.rig.path('mnt'), local, name, way),
                    timeout=120)
                w.arrived(sha256, host, 'nfs', upload=way == 'put', file__name=name)


PROTOCOLS = (
    ('HTTP/2', http2),
    ('FTP: active and passive, both directions', ftp),
    ('TFTP', tftp),
    ('SMB 1 and 3: both directions', smb),
    ('SMTP: attachment and link', smtp),
    ('IMAP and POP3: attachment and link', mailbox),
    ('NFS 3 and 4: both directions', nfs),
)


def test(tap, rig):
    w = World(tap, rig)
    for name, transfer in PROTOCOLS:
        with w.case(name):
            transfer(w)
    with w.case('the ring lost nothing'):
        same({n: v for n, v in kernel_stats().items() if n.startswith('lost_') and v}, {}, 'losses')
    same(w.agent.stop(), 0, 'exit status of the agent')


if __name__ == '__main__':
    sys.exit(main(test))
