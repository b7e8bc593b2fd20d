# SPDX-License-Identifier: MIT
"""Looks for values in bytes, however they may be written there.

A Search has some bytes, and a method for each kind of value: text, word, port, address, network. It
returns what was found, in the form it was found in, or None. The case of ASCII letters never counts.
"""
import base64
import functools
import html
import ipaddress
import json
import os
import re
import unicodedata
import urllib.parse

UNRESERVED = set(b'-._~') | set(range(48, 58)) | set(range(65, 91)) | set(range(97, 123))
PRINTABLE = set(range(33, 127)) - set(b'=?_')


def percent(data, which, sign='%'):
    return ''.join(sign + '%02X' % b if which(b) else chr(b) for b in data)


def escapes(text, everything):
    """As JSON may write it."""
    out = ''
    units = text.encode('utf-16-be')
    for at in range(0, len(units), 2):
        code = int.from_bytes(units[at:at + 2], 'big')
        out += '\\u%04x' % code if everything or code > 126 or chr(code) in '"\\/' else chr(code)
    return out


def entities(text, form, everything):
    """As HTML and XML may write it."""
    return ''.join(form % ord(c) if everything or not c.isalnum() or not c.isascii() else c for c in text)


def base64s(data):
    """The parts of its base64 that do not depend on what stands around it, at all three alignments."""
    for shift in range(3):
        begin = (0, 2, 3)[shift]
        whole = (shift + len(data)) // 3 * 4 - begin
        if whole >= 6:
            text = base64.b64encode(b'\0' * shift + data).decode()[begin:][:whole]
            yield text
            yield text.replace('+', '-').replace('/', '_')


def printed(text):
    """The ways that stay readable in part, as texts of their own."""
    data = text.encode()
    forms = {text, unicodedata.normalize('NFD', text), text.upper(), text.lower()}
    forms |= {percent(data, lambda b: True), percent(data, lambda b: b not in UNRESERVED),
              percent(data, lambda b: not chr(b).isascii() or not chr(b).isalnum()),
              urllib.parse.quote(text), urllib.parse.quote(text, safe=''), urllib.parse.quote_plus(text)}
    # Quoted-printable and the Q of RFC 2047.
    forms |= {percent(data, lambda b: True, '='), percent(data, lambda b: b not in PRINTABLE, '='),
              percent(data, lambda b: b not in PRINTABLE | {32}, '='),
              percent(data, lambda b: b not in PRINTABLE | {32}, '=').replace(' ', '_')}
    forms |= {escapes(text, True), escapes(text, False), json.dumps(text)[1:-1],
              json.dumps(text, ensure_ascii=False)[1:-1], text.replace('/', '\\/'), data.decode('latin-1')}
    forms |= {html.escape(text)}
    forms |= {entities(text, form, everything) for form in ('&#%d;', '&#x%x;', '%%u%04x')
              for everything in (True, False)}
    return forms


@functools.lru_cache(None)
def encodings(text):
    """Every way the bytes of a value might be written: those where case does not count, and the others."""
    forms = printed(text)
    forms |= {urllib.parse.quote(f, safe=safe) for f in list(forms) for safe in ('', '/')}  # and once more
    found = {f.encode('utf-8', 'surrogateescape') for f in forms} | {text.encode().hex().encode()}
    found |= {text.encode(coding).hex().encode() for coding in ('utf-16-le', 'utf-16-be')}
    found |= {text.encode(coding) for coding in ('utf-16-le', 'utf-16-be')}
    exact = {b.encode() for coding in ('utf-8', 'utf-16-le', 'utf-16-be') for b in base64s(text.encode(coding))}
    return tuple({f.lower() for f in found}), tuple(exact)


@functools.lru_cache(None)
def address_words(text):
    """An address as numbers and names are written: to be found as words of their own."""
    a = ipaddress.ip_address(text)
    forms = {a.compressed, a.exploded, a.reverse_pointer, str(int(a)), '%x' % int(a), '0x%x' % int(a),
             a.packed.hex(), '0x' + a.packed.hex(), a.packed.hex(':'), a.packed[::-1].hex(), a.packed.hex('-')}
    if a.version == 4:
        p = a.packed
        forms |= {'::ffff:' + a.compressed, '::ffff:%s:%s' % (p[:2].hex(), p[2:].hex()),
                  '::ffff:%x:%x' % (int(a) >> 16, int(a) & 0xffff),
                  ipaddress.ip_address(b'\0' * 10 + b'\xff\xff' + p).exploded,
                  '%d.%d.%d' % (*p[:2], int.from_bytes(p[2:], 'big')), '%d.%d' % (p[0], int.from_bytes(p[1:], 'big')),
                  '.'.join('%03d' % b for b in p), '.'.join('0%o' % b for b in p), '.'.join('0x%x' % b for b in p),
                  '0%o' % int(a), str(int.from_bytes(p[::-1], 'big')), ', '.join(map(str, p)), ','.join(map(str, p)),
                  # Host names that others make of addresses.
                  a.compressed.replace('.', '-'), '.'.join(map(str, p[::-1])), '-'.join(map(str, p[::-1]))}
    else:
        forms |= {a.compressed.replace(':', '-'), a.exploded.replace(':', '-')}
    return tuple(re.compile(b'(?<![0-9a-zA-Z])%s(?![0-9a-zA-Z]|\\.[0-9])' % re.escape(f.encode()), re.I)
                 for f in sorted(forms))


@functools.lru_cache(None)
def address_encodings(text):
    """The other ways an address may be written."""
    a = ipaddress.ip_address(text)
    found, exact = encodings(a.compressed)
    found = tuple(f for f in found if not re.fullmatch(rb'[0-9a-f.:]+', f))
    more = [a.packed, a.packed[::-1]] + sorted(b.encode() for b in base64s(a.packed))
    return found, exact + tuple(more)


TIME = re.compile(rb'\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z')


class Search:
    """Looks for values in some bytes."""

    def __init__(self, data):
        self.data, self.lower = data, data.lower()

    def _any(self, forms):
        found, exact = forms
        for form in found:
            if form in self.lower:
                return form
        return next((form for form in exact if form in self.data), None)

    def text(self, value):
        return self._any(encodings(value))

    def word(self, value, before='', data=None):
        """A number or a short text: as a word, since digits of hashes would match it."""
        match = re.search(b'(?<![0-9a-zA-Z%s])%s(?![0-9a-zA-Z]|\\.[0-9])'
                          % (before.encode(), re.escape(value.encode())), self.data if data is None else data, re.I)
        return match and match.group()

    def port(self, value):
        # Of a small one the time of day has the digits, sooner or later.
        timeless = TIME.sub(b'', self.data)
        for form in str(value), '%x' % value, '0x%x' % value, '0%o' % value:
            found = self.word(form, '.', timeless)
            if found:
                return found
        # Two bytes say something only where they stand in no text.
        for packed in value.to_bytes(2, 'big'), value.to_bytes(2, 'little'):
            if any(b < 32 and b not in b'\t\r\n' for b in packed) and packed in self.data:
                return packed
        return None

    def network(self, value):
        """How an address begins: whole numbers with their dot or colon."""
        match = re.search(b'(?<![0-9a-zA-Z.:])' + re.escape(value.encode()), self.data, re.I)
        return match and match.group()

    def address(self, value):
        for form in address_words(value):
            match = form.search(self.data)
            if match:
                return match.group()
        return self._any(address_encodings(value))


def request_bytes(cloud, request):
    """The bytes of one request, as they came."""
    with open(os.path.join(cloud.log, 'conn-%06d.bin' % request['conn']), 'rb') as f:
        f.seek(request['offset'])
        return f.read(request['length'])


def self_test(tap, check):
    """The search finds what it is to find, and nothing else."""
    with tap.case('the search finds a value in every encoding, and no other value'):
        for value in 'Gimpel 5 ä&=/"', 'Größe_Kanarie <x@y.example>':
            texts_found(value, check)
        s = Search(b'gimpel 5 a&=/ R2ltcGVs' * 10)
        check(not s.text('Gimpel 5 ä&=/"'), 'found in noise')
        addresses_found(check)
        for form in (b'"port":20202}', b'http://a:20202/', b'20202:x', b'x=20202&', b'0x4eea', b' 047352 '):
            check(Search(b'noise ' + form + b' noise').port(20202), 'not found: %r' % form)
        for form in b'\x4a\x1d', b'\x1d\x4a':
            check(Search(b'noise ' + form + b' noise').port(0x4a1d), 'not found: %r' % form)
        s = Search(b'"port":20202} 2026-11-24T05:10:24.020203000Z 00020203 a20203')
        check(not s.port(2020) and not s.port(20203), 'another port is taken for it')
        check(Search(b'"ip":"172.23.45.0"').network('172.23.45.'), 'network not found')
        check(not Search(b'"ip":"1.172.23.45" 172.23.4.5').network('172.23.45.'), 'another network is taken for it')


def texts_found(value, check):
    data = value.encode()
    hidden = [data, data.upper(), value.upper().encode(), urllib.parse.quote(value).encode(),
              urllib.parse.quote_plus(value).encode(), ''.join('%%%02x' % b for b in data).encode(),
              urllib.parse.quote(urllib.parse.quote(value)).encode(), ''.join('%%25%02X' % b for b in data).encode(),
              json.dumps(value)[1:-1].encode(), json.dumps(value, ensure_ascii=False)[1:-1].encode(),
              data.hex().encode(), data.hex().upper().encode(), value.encode('utf-16-le'), value.encode('utf-16-be'),
              html.escape(value).encode(), ''.join('&#%d;' % ord(c) for c in value).encode(),
              ''.join('&#x%X;' % ord(c) for c in value).encode(), ''.join('=%02X' % b for b in data).encode(),
              ("utf-8''" + urllib.parse.quote(value, safe='')).encode()]
    hidden += [base64.b64encode(b'x' * k + data + b'yz') for k in range(4)]
    hidden += [base64.urlsafe_b64encode(b'x' * k + data + b'yz') for k in range(4)]
    hidden += [base64.b64encode(b'x' * k + value.encode('utf-16-le') + b'yz') for k in range(4)]
    for form in hidden:
        check(Search(b'noise ' + form + b' noise').text(value), 'not found: %r' % form)


def addresses_found(check):
    for address, forms in (('10.81.1.2', (b'"10.81.1.2"', b'http://10.81.1.2:80/', b'ip:10.81.1.2', b'::ffff:10.81.1.2',
                                          b'\x0a\x51\x01\x02', b'\x02\x01\x51\x0a', b'0a510102', b'0A:51:01:02',
                                          b'10%2E81%2E1%2E2', b'10-81-1-2', base64.b64encode(b'a=10.81.1.2&'),
                                          b'2.1.81.10.in-addr.arpa', b'173080834', b'0xa510102', b'::ffff:a51:102',
                                          b'0000:0000:0000:0000:0000:ffff:0a51:0102', b'012.0121.01.02',
                                          '10.81.1.2'.encode('utf-16-le'), b'010.081.001.002')),
                           ('fd81:1::2', (b'[fd81:1::2]:80', b'FD81:1::2', b'fd81:0001:0000:0000:0000:0000:0000:0002',
                                          b'fd81%3A1%3A%3A2', ipaddress.ip_address('fd81:1::2').packed,
                                          ipaddress.ip_address('fd81:1::2').reverse_pointer.encode(),
                                          base64.b64encode(ipaddress.ip_address('fd81:1::2').packed)))):
        for form in forms:
            check(Search(b'noise ' + form + b' noise').address(address), 'not found: %r' % form)
    s = Search(b'"10.81.1.23" "10.81.10.2" "110.81.1.2" [fd81:1::23]')
    check(not s.address('10.81.1.2') and not s.address('fd81:1::2'), 'another address is taken for it')
