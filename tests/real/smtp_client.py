# SPDX-License-Identifier: MIT
"""What no client does by itself: smtp_client.py HOST WHAT FILE..., a message in each file."""
import socket
import ssl
import sys

FROM, TO, REFUSED = "sender@x.example", "alice@lab.example", "refused@lab.example"
CHUNK = 1000


class Client:
    def __init__(self, host):
        self.socket = socket.create_connection((host, 25), 20)
        self.replies = self.socket.makefile("rb")
        self.reply(220)
        self.ask("EHLO client.example", 250)

    def send(self, data):
        self.socket.sendall(data)

    def reply(self, *wanted):
        line = b"   -"
        while line[3:4] == b"-":
            line = self.replies.readline()
        if int(line[:3]) not in wanted:
            raise RuntimeError(f"{line!r}, not {wanted}")

    def ask(self, line, *wanted):
        self.send(line.encode() + b"\r\n")
        self.reply(*wanted)

    def envelope(self):
        self.ask(f"MAIL FROM:<{FROM}>", 250)
        self.ask(f"RCPT TO:<{TO}>", 250)

    def data(self, message):
        self.ask("DATA", 354)
        self.send(stuffed(message) + b".\r\n")
        self.reply(250)

    def quit(self):
        self.ask("QUIT", 221)


def stuffed(message):
    out = message.replace(b"\r\n.", b"\r\n..")
    return b"." + out if out.startswith(b".") else out


def several(c, messages):
    """In one session, one envelope given up in between."""
    for message in messages:
        c.ask("MAIL FROM:<other@x.example>", 250)
        c.ask("RSET", 250)
        c.envelope()
        c.ask(f"RCPT TO:<{REFUSED}>", 554)
        c.data(message)


def pipelined(c, messages):
    """Commands ahead of their replies (RFC 2920), a recipient of them refused."""
    for message in messages:
        c.send(f"MAIL FROM:<{FROM}>\r\nRCPT TO:<{REFUSED}>\r\nRCPT TO:<{TO}>\r\nDATA\r\n".encode())
        for wanted in 250, 554, 250, 354:
            c.reply(wanted)
        c.send(stuffed(message) + b".\r\n")
        c.reply(250)


def chunks(c, messages):
    """BDAT (RFC 3030), one after the other."""
    for message in messages:
        c.envelope()
        for at in range(0, len(message), CHUNK):
            piece = message[at:at + CHUNK]
            c.send(f"BDAT {len(piece)}\r\n".encode() + piece)
            c.reply(250)
        c.ask("BDAT 0 LAST", 250)


def chunks_pipelined(c, messages):
    """BDAT and the envelope, nothing waited for."""
    for message in messages:
        out = f"MAIL FROM:<{FROM}> BODY=8BITMIME\r\nRCPT TO:<{TO}>\r\n".encode()
        pieces = [message[at:at + CHUNK] for at in range(0, len(message), CHUNK)]
        for i, piece in enumerate(pieces):
            last = " LAST" if i == len(pieces) - 1 else ""
            out += f"BDAT {len(piece)}{last}\r\n".encode() + piece
        c.send(out)
        for _ in range(2 + len(pieces)):
            c.reply(250)


def refused(c, messages):
    """DATA and STARTTLS refused, and then a message."""
    c.ask("STARTTLS now", 501)
    c.send(f"MAIL FROM:<{FROM}>\r\nRCPT TO:<{REFUSED}>\r\nDATA\r\n".encode())
    for wanted in 250, 554, 554:
        c.reply(wanted)
    c.ask("RSET", 250)
    several(c, messages)


def international(c, messages):
    """SMTPUTF8 (RFC 6531)."""
    for message in messages:
        c.ask("MAIL FROM:<s\u00e9nder@x.example> SMTPUTF8", 250)
        c.ask("RCPT TO:<\u00e4lice@lab.example>", 250)
        c.data(message)


def broken_off(c, messages):
    """The connection ends within the message."""
    c.envelope()
    c.ask("DATA", 354)
    c.send(stuffed(messages[0])[:len(messages[0]) // 2])
    c.socket.close()
    sys.exit(0)


def tls(c, messages):
    """Nobody can read what follows."""
    c.ask("STARTTLS", 220)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    c.socket = context.wrap_socket(c.socket)
    c.replies = c.socket.makefile("rb")
    c.ask("EHLO client.example", 250)
    several(c, messages)


def main():
    host, what, *files = sys.argv[1:]
    messages = []
    for path in files:
        with open(path, "rb") as f:
            messages.append(f.read())
    c = Client(host)
    globals()[what](c, messages)
    c.quit()


if __name__ == "__main__":
    main()
