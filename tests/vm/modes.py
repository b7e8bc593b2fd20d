# SPDX-License-Identifier: MIT
"""What each mode makes of a value, worked out once more and by other means than the agent's: HKDF of
RFC 5869, HMAC, and ipcrypt (draft-denis-ipcrypt) bit by bit."""
import functools
import hashlib
import hmac
import ipaddress
import urllib.parse

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.modes import ECB

ADDRESSES = 'source_ip', 'destination_ip'
PORTS = 'source_port', 'destination_port'
FIELDS = ('source_ip source_port destination_ip destination_port virtual_system application user url '
          'filename email_sender email_recipient email_subject').split()

MODES = {f: ['omit', 'pseudonymise'] for f in FIELDS}
for _field in ADDRESSES:
    MODES[_field] += ['truncate 24 48', 'truncate 7 15', 'encrypt prefix', 'encrypt deterministic', 'generalise']
for _field in PORTS + ('filename', 'email_sender', 'email_recipient'):
    MODES[_field] += ['truncate']
MODES['url'] += ['truncate path', 'truncate origin']


def hkdf(secret, info, size):
    key = hmac.digest(bytes(32), secret, 'sha256')
    return hmac.digest(key, info.encode() + b'\1', 'sha256')[:size]


def aes(key, blocks):
    cipher = Cipher(algorithms.AES(key), ECB()).encryptor()
    return cipher.update(blocks) + cipher.finalize()


class Key:
    """A line of a key file, and what comes of it."""

    def __init__(self, name, secret):
        self.name, self.secret = name, secret
        self.line = '%s 2026-01-02T03:04:05Z %s\n' % (name, secret.hex())

    def pseudonym(self, field, value):
        digest = hmac.digest(hkdf(self.secret, 'sluice pseudonymise', 32),
                             field.encode() + b'\0' + normalised(field, value).encode(), 'sha256')
        return 'p1:%s:%s' % (self.name, digest.hex()[:32])

    @functools.lru_cache(None)
    def encrypted(self, address, prefix):
        packed = mapped(address)
        if prefix:
            packed = self._prefix(packed)
        else:
            packed = aes(hkdf(self.secret, 'sluice encrypt deterministic', 16), packed)
        found = ipaddress.IPv6Address(packed)
        return str(found.ipv4_mapped or found)

    def _prefix(self, packed):
        bits = ''.join('{:08b}'.format(b) for b in packed)
        begin = 96 if packed.startswith(bytes(10) + b'\xff\xff') else 0
        # Each bit is turned by what both halves of the key make of all bits before it.
        blocks = b''.join(int(('1' + bits[:at]).zfill(128), 2).to_bytes(16, 'big') for at in range(begin, 128))
        key = hkdf(self.secret, 'sluice encrypt prefix', 32)
        halves = aes(key[:16], blocks), aes(key[16:], blocks)
        turned = ''.join(str(int(bits[begin + i]) ^ ((halves[0][16 * i + 15] ^ halves[1][16 * i + 15]) & 1))
                         for i in range(128 - begin))
        return int(bits[:begin] + turned, 2).to_bytes(16, 'big')


def mapped(address):
    a = ipaddress.ip_address(address)
    return a.packed if a.version == 6 else bytes(10) + b'\xff\xff' + a.packed


def common(a, b):
    """Bits that two addresses have in common at their beginning."""
    differ = int(ipaddress.ip_address(a)) ^ int(ipaddress.ip_address(b))
    return ipaddress.ip_address(a).max_prefixlen - differ.bit_length()


def lower(text):
    return ''.join(c.lower() if c.isascii() else c for c in text)


def normalised(field, value):
    """The form of which the pseudonym is made."""
    if field in ADDRESSES:
        return str(ipaddress.ip_address(value))
    if field in PORTS:
        return str(value)
    value = value.strip()
    if field in ('application', 'user'):
        return lower(value)
    if field.startswith('email_') and field != 'email_subject':
        return lower(value[value.rindex('<') + 1:-1].strip() if '<' in value and value.endswith('>') else value)
    if field == 'url':
        u = urllib.parse.urlsplit(value)
        port = ':%d' % u.port if u.port and u.port != {'http': 80, 'https': 443}.get(u.scheme) else ''
        return '%s://%s%s%s%s' % (u.scheme.lower(), lower(u.hostname), port, u.path or '/',
                                  '?' + u.query if u.query else '')
    if field == 'filename':
        return value.replace('\\', '/').rpartition('/')[2].strip()
    return ' '.join(value.split())


def address(field, mode, value, key, networks):
    """What leaves of an address: (as `ip`, as `address`)."""
    word, *rest = mode.split()
    if word == 'share':
        return value, None
    if word == 'truncate':
        bits = rest[':' in value]
        return str(ipaddress.ip_network('%s/%s' % (value, bits), strict=False).network_address), None
    if word == 'encrypt':
        return key.encrypted(value, rest == ['prefix']), None
    if word == 'pseudonymise':
        return None, key.pseudonym(field, value)
    if word == 'generalise':
        return None, network(value, networks)
    return None, None


def network(value, networks):
    a = ipaddress.ip_address(value)
    fits = [(n.prefixlen, name) for n, name in networks if n.version == a.version and a in n]
    internal = ('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7')
    if fits:
        return max(fits)[1]
    inside = any(a in ipaddress.ip_network(n) for n in internal if ipaddress.ip_network(n).version == a.version)
    return 'internal' if inside else 'external'


def port(field, mode, value, key, answered):
    """What leaves of a port: (as `port`, under the field's name)."""
    if mode == 'share':
        return value, None
    if mode == 'truncate':
        return (value if value < (32768 if answered else 1024) else 0), None
    if mode == 'pseudonymise':
        return None, key.pseudonym(field, value)
    return None, None


def text(field, mode, value, key):
    """What leaves of a text, or of one of a list; None: nothing."""
    if mode == 'share':
        return value
    if mode == 'pseudonymise':
        return key.pseudonym(field, value)
    if not mode.startswith('truncate'):
        return None
    if field == 'filename':
        return value.rpartition('.')[2]
    if field == 'url':
        u = urllib.parse.urlsplit(value)
        return '%s://%s%s' % (u.scheme, u.netloc, u.path if mode == 'truncate path' else '')
    return value.rpartition('@')[2].rstrip('>')


def boundary(sha256, sighting):
    """The boundary of a multipart request, by which it is known of which sighting a cut one is."""
    seed = b'sluice multipart boundary\0' + bytes.fromhex(sha256) + bytes.fromhex(sighting)
    return 'sluice-' + hashlib.sha256(seed).hexdigest()[:32]
