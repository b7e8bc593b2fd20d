# SPDX-License-Identifier: MIT
"""Mail with attachments in every encoding, by the programs that make them where there are any."""
import base64
import collections
import quopri
import subprocess

import lab

SENDER, RECIPIENT = "sender@x.example", "alice@lab.example"
SUBJECT = "Gr\u00fc\u00dfe, \u65e5\u672c"
ENCODED_SUBJECT = "=?utf-8?q?Gr=C3=BC=C3=9Fe,_?= =?utf-8?b?" + base64.b64encode(
    "\u65e5\u672c".encode()).decode() + "?="

# name: as it must be seen
Attachment = collections.namedtuple("Attachment", "name body part")


def program(*words, data=None):
    return subprocess.run(words, input=data, stdout=subprocess.PIPE, check=True).stdout


def lines(data):
    """Line ends as they travel."""
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def part(header, body):
    return header.encode() + b"\r\n\r\n" + body


def in_base64(name, body):
    return Attachment(name, body, part(
        f'Content-Type: application/octet-stream; name="{name}"\r\n'
        f'Content-Disposition: attachment; filename="{name}"\r\n'
        "Content-Transfer-Encoding: base64", lines(base64.encodebytes(body))))


def in_quoted_printable(name, body):
    """A text: its lines end as they travel."""
    return Attachment(name, lines(body), part(
        f'Content-Type: text/x-patch; name="{name}"\r\n'
        f'Content-Disposition: attachment; filename="{name}"\r\n'
        "Content-Transfer-Encoding: quoted-printable", lines(quopri.encodestring(body))))


def in_rfc2231(name, body):
    """A long name, in pieces and UTF-8."""
    coded = "".join(f"%{b:02X}" for b in name.encode())
    cut = len(coded) // 6 * 3
    return Attachment(name, body, part(
        "Content-Type: application/octet-stream\r\n"
        f"Content-Disposition: attachment;\r\n filename*0*=utf-8''{coded[:cut]};\r\n"
        f" filename*1*={coded[cut:]}\r\n"
        "Content-Transfer-Encoding: base64", lines(base64.encodebytes(body))))


def in_uuencode(name, body):
    return Attachment(name, body, part("Content-Type: text/plain", b"see this:\r\n\r\n" + lines(
        program("uuencode", name, data=body))))


def in_yenc(path, name, body):
    """path: a file of that name and body."""
    coded = program("uuenview", "-y", path)
    begin = coded.index(b"=ybegin")
    return Attachment(name, body, part(
        "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit",
        coded[begin:].rstrip(b"\r\n").replace(b"\n", b"\r\n") + b"\r\n"))


def nested(attachment, boundary="inner"):
    """It is in a message that is attached."""
    inner = message([attachment], boundary=boundary, subject="inner")
    return Attachment(attachment.name, attachment.body, part(
        "Content-Type: message/rfc822\r\nContent-Disposition: attachment", inner))


def message(attachments, boundary="outer", subject=ENCODED_SUBJECT, sender=SENDER,
            recipient=RECIPIENT):
    """The whole, with a dot at the begin of a line in its text."""
    out = [f"From: Sender <{sender}>\r\nTo: {recipient}\r\nSubject: {subject}\r\n"
           "MIME-Version: 1.0\r\n"
           f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'.encode(),
           f"--{boundary}\r\n".encode(), part("Content-Type: text/plain", b".\r\n..hello\r\n")]
    for a in attachments:
        out += [f"\r\n--{boundary}\r\n".encode(), a.part]
    return b"".join(out) + f"\r\n--{boundary}--\r\n".encode()


class Exchanges(lab.Exchanges):
    SIZE = 0    # of a file; each test has its own

    def body(self, name, text=False):
        """A file of its own: name and content."""
        name = f"{self.family}-{name}"
        make = self.lab.text if text else self.lab.noise
        return name, make(self.SIZE, name)

    def letter(self, case, *attachments):
        return self.lab.write(message(attachments), f"{self.family}-{case}.eml")
