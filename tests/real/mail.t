#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SMTP: Postfix with swaks, msmtp, curl and what no client does, over IPv4 and IPv6."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dovecot  # noqa: E402
import lab  # noqa: E402
import letters  # noqa: E402
import postfix  # noqa: E402

CLIENT = os.path.join(lab.HERE, "smtp_client.py")
SHOWN = f"Sender <{letters.SENDER}>"


class Network(letters.Exchanges):
    SIZE = 30_000

    def expect(self, case, attachment, **more):
        wanted = {"network__application": "smtp", "sluice__direction": "upload",
                  "source__ip": self.client, "destination__ip": self.host,
                  "file__name": attachment.name, "email__subject": letters.SUBJECT,
                  "email__from__address": [SHOWN], "email__to__address": [letters.RECIPIENT],
                  "sluice__smtp__mail_from": letters.SENDER,
                  "sluice__smtp__rcpt_to": [letters.RECIPIENT], "user__name": None}
        self.checks.append((case, attachment.body, {**wanted, **more}))

    def run(self, *words, **more):
        self.steps.append(lambda: self.lab.client(*words, **more))

    def all_encodings(self):
        """msmtp sends it all in one message."""
        yname, ybody = self.body("yenc.bin")
        path = self.lab.write(ybody, yname)
        made = [
            ("base64", letters.in_base64(*self.body("base64.exe"))),
            ("quoted-printable", letters.in_quoted_printable(*self.body("patch.txt", text=True))),
            ("a name in the pieces of RFC 2231",
             letters.in_rfc2231(*self.body("\u00fcber \u65e5\u672c.bin"))),
            ("uuencode", letters.in_uuencode(*self.body("uu.bin"))),
            ("yEnc", letters.in_yenc(path, yname, ybody)),
            ("in a nested message", letters.nested(letters.in_base64(*self.body("nested.bin")))),
        ]
        letter = self.letter("all", *(a for _, a in made))
        with open(letter, "rb") as f:
            message = f.read().replace(b"\r\n", b"\n")
        self.run("msmtp", "-C", "/dev/null", f"--host={self.host}", "--port=25", "--domain=x.example",
                 f"--from={letters.SENDER}", "--tls=off", letters.RECIPIENT, input=message)
        for what, attachment in made:
            self.expect(f"msmtp: {what}", attachment)

    def swaks(self):
        name, body = self.body("swaks.exe")
        path = self.lab.write(body, name)
        words = ["swaks", "--server", self.host, "--from", letters.SENDER, "--to",
                 letters.RECIPIENT, "--ehlo", "x.example", "--header", "Subject: from swaks",
                 "--attach-type", "application/octet-stream", "--attach-name", name, "--attach",
                 "@" + path, "--auth", "PLAIN", "--auth-user", dovecot.USER, "--auth-password",
                 dovecot.PASSWORD]
        self.run(*words)
        self.expect("swaks: an attachment by who logged in", letters.Attachment(name, body, b""),
                    email__subject="from swaks", email__from__address=[letters.SENDER],
                    user__name=dovecot.USER)

    def curl(self):
        name, body = self.body("curl.txt", text=True)
        path = self.lab.write(body.replace(b"\n", b"\r\n"), name)
        body = body.replace(b"\n", b"\r\n")
        self.run("curl", "-sS", "--max-time", "30", f"smtp://{lab.bracketed(self.host)}/x.example",
                 "--mail-from", letters.SENDER, "--mail-rcpt", letters.RECIPIENT,
                 "-H", "Subject: from curl", "-H", f"From: {SHOWN}",
                 "-H", f"To: {letters.RECIPIENT}", "-F", "=text;type=text/plain",
                 "-F", f"=@{path};encoder=quoted-printable;filename={name}")
        self.expect("curl: quoted-printable", letters.Attachment(name, body, b""),
                    email__subject="from curl")

    def by_hand(self, what, count=1, never=False, **more):
        made = [letters.in_base64(*self.body(f"{what}-{i}.bin")) for i in range(count)]
        files = [self.letter(f"{what}-{i}", a) for i, a in enumerate(made)]
        self.run(sys.executable, CLIENT, self.host, what, *files)
        for i, attachment in enumerate(made):
            if never:
                self.never.append((what, attachment.body))
            else:
                self.expect(f"{what}, message {i + 1} of {count}", attachment, **more)

    def prepare(self):
        self.all_encodings()
        self.swaks()
        self.curl()
        self.by_hand("several", 3)
        self.by_hand("pipelined", 2)
        self.by_hand("chunks", 2)
        self.by_hand("chunks_pipelined", 2)
        self.by_hand("refused")
        self.by_hand("international",
                     email__to__address=[letters.RECIPIENT, "\u00e4lice@lab.example"],
                     sluice__smtp__mail_from="s\u00e9nder@x.example",
                     sluice__smtp__rcpt_to=["\u00e4lice@lab.example"])
        self.by_hand("broken_off", never=True)
        self.by_hand("tls", never=True)


def main():
    lab.need("swaks", "msmtp", "curl", "uuencode", "uuenview", "openssl", "postfix", "dovecot")
    bench, tap = lab.Lab(), lab.Tap()
    dovecot.serve(bench.start_server, bench.dir)
    postfix.serve(bench.start_server, bench.dir, tls=postfix.certificate(bench.dir),
                  sasl=dovecot.auth_socket(bench.dir))
    for family, client, host in lab.NETWORKS:
        network = Network(bench, family, client, host)
        network.prepare()
        bench.wait_port(host, postfix.PORT)
        reading = network.judge(tap)
        cut = [s for s in reading.sightings if s["sluice"]["file"]["state"] != "complete"
               and s["sluice"]["kind"] == "file"]
        tap.test(f"{family}: the attachment broken off is the only one cut",
                 [] if [s["file"].get("name") for s in cut] == [f"{family}-broken_off-0.bin"]
                 else [f"{s['file'].get('name')}: {s['sluice']['file']}" for s in cut] or ["none"])
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
