#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""IMAP and POP3: Dovecot with mbsync, mpop, curl and what no client does, over IPv4 and IPv6."""
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dovecot  # noqa: E402
import lab  # noqa: E402
import letters  # noqa: E402
import postfix  # noqa: E402

CLIENT = os.path.join(lab.HERE, "imap_client.py")
SHOWN = f"Sender <{letters.SENDER}>"
MBSYNC = """\
IMAPAccount lab
Host {host}
Port {port}
User {user}
Pass {password}
SSLType None
AuthMechs LOGIN

IMAPStore far
Account lab

MaildirStore near
Path {dir}/
Inbox {dir}/inbox

Channel all
Far :far:
Near :near:
Pattern INBOX
Create Both
Sync All
SyncState {dir}/state-
"""


class Network(letters.Exchanges):
    SIZE = 20_000

    def inbox(self, case, *attachments, boundary="outer"):
        """A user who has this message, and it alone."""
        user = f"{self.family}-{case}".lower()
        dovecot.deliver(self.lab.dir, user, "1", letters.message(attachments, boundary=boundary))
        return user

    def expect(self, case, attachment, user, protocol="imap", upload=False, **more):
        ends = (self.client, self.host) if upload else (self.host, self.client)
        wanted = {"network__application": protocol,
                  "sluice__direction": "upload" if upload else "download",
                  "source__ip": ends[0], "destination__ip": ends[1],
                  "file__name": attachment.name, "email__subject": letters.SUBJECT,
                  "email__from__address": [SHOWN], "email__to__address": [letters.RECIPIENT],
                  "user__name": user}
        self.checks.append((case, attachment.body, {**wanted, **more}))

    def run(self, *words, **more):
        self.steps.append(lambda: self.lab.client(*words, **more))

    def curl(self, scheme, tail, user, *more):
        self.run("curl", "-sS", "--max-time", "30", "-u", f"{user}:{dovecot.PASSWORD}",
                 "-o", "/dev/null", *more, f"{scheme}://{lab.bracketed(self.host)}/{tail}")

    # ------------------------------------------------------------------ POP3

    def mpop(self):
        """RETR, pipelined; every encoding in one message."""
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
        user = self.inbox("mpop", *(a for _, a in made))
        other = letters.in_base64(*self.body("second.bin"))
        dovecot.deliver(self.lab.dir, user, "2", letters.message([other]))
        home = self.lab.folder(f"{self.family}-mpop")
        box = self.lab.folder(f"{self.family}-mpop", "box")
        for name in "new", "cur", "tmp":
            self.lab.folder(f"{self.family}-mpop", "box", name)
        self.run("sh", "-c", f"rm -f {home}/uidls; exec \"$@\"", "mpop", "mpop", "-C", "/dev/null",
                 f"--host={self.host}", "--tls=off", "--auth=user", f"--user={user}",
                 f"--passwordeval=echo {dovecot.PASSWORD}", "--keep=on", f"--delivery=maildir,{box}",
                 f"--uidls-file={home}/uidls")
        for what, attachment in made:
            self.expect(f"mpop: {what}", attachment, user, "pop3")
        self.expect("mpop: a second message", other, user, "pop3")

    def curl_pop3(self):
        whole = letters.in_base64(*self.body("retr.bin"))
        user = self.inbox("retr", whole)
        self.curl("pop3", "1", user)
        self.expect("curl pop3", whole, user, "pop3")
        cut = letters.in_base64(*self.body("top.bin"))
        user = self.inbox("top", cut)
        self.curl("pop3", "", user, "-X", "TOP 1 100")
        self.never.append(("POP3 TOP", cut.body))
        tls = letters.in_base64(*self.body("stls.bin"))
        user = self.inbox("stls", tls)
        self.curl("pop3", "1", user, "--ssl-reqd", "--insecure")
        self.never.append(("POP3 STLS", tls.body))

    # ------------------------------------------------------------------ IMAP

    def mbsync(self):
        """It fetches what it lacks, and appends what the server lacks."""
        down = letters.in_base64(*self.body("mbsync-down.bin"))
        up = letters.in_base64(*self.body("mbsync-up.bin"))
        user = self.inbox("mbsync", down)
        home = self.lab.path(f"{self.family}-mbsync")
        config = self.lab.write(MBSYNC.format(host=self.host, port=dovecot.IMAP_PORT, user=user,
                                              password=dovecot.PASSWORD, dir=home),
                                f"{self.family}-mbsyncrc")

        def sync():
            # As it was before the first run
            shutil.rmtree(home, ignore_errors=True)
            for name in "new", "cur", "tmp":
                os.makedirs(os.path.join(home, "inbox", name))
            shutil.rmtree(os.path.join(dovecot.root(self.lab.dir), "mail", user))
            self.inbox("mbsync", down)
            self.lab.write(letters.message([up]).replace(b"\r\n", b"\n"), home, "inbox", "new", "1")
            self.lab.client("mbsync", "-c", config, "-a")
        self.steps.append(sync)
        self.expect("mbsync fetches", down, user)
        self.expect("mbsync appends", up, user, upload=True)

    def curl_imap(self):
        whole = letters.in_base64(*self.body("curl.bin"))
        user = self.inbox("curl", whole)
        self.curl("imap", "INBOX;UID=1", user)
        self.expect("curl imap", whole, user)
        alone = letters.in_base64(*self.body("section.bin"))
        user = self.inbox("section", alone)
        self.curl("imap", "INBOX;UID=1;SECTION=2", user)
        self.never.append(("a part of which nobody says how it is encoded", alone.body))
        up = letters.in_base64(*self.body("curl-up.bin"))
        user = self.inbox("curl-up", letters.in_base64(*self.body("other.bin")))
        self.curl("imap", "INBOX", user, "-T", self.letter("curl-up", up))
        self.expect("curl imap -T", up, user, upload=True)

    def by_hand(self, what, never=False, encode=letters.in_base64, text=False, **more):
        attachment = encode(*self.body(f"{what}.bin", text))
        user = self.inbox(what, attachment)
        self.run(sys.executable, CLIENT, self.host, user, dovecot.PASSWORD, what)
        if never:
            self.never.append((what, attachment.body))
        else:
            self.expect(what, attachment, user, **more)

    def appended(self, what, count):
        made = [letters.in_base64(*self.body(f"{what}-{i}.bin")) for i in range(count)]
        files = [self.letter(f"{what}-{i}", a) for i, a in enumerate(made)]
        user = self.inbox(what, letters.in_base64(*self.body(f"{what}-other.bin")))
        self.run(sys.executable, CLIENT, self.host, user, dovecot.PASSWORD, what, *files)
        for i, attachment in enumerate(made):
            self.expect(f"{what}, message {i + 1} of {count}", attachment, user, upload=True)

    def prepare(self):
        self.mpop()
        self.curl_pop3()
        self.mbsync()
        self.curl_imap()
        for what in ("parts", "mime", "text", "rfc822", "pieces", "part_pieces", "binary", "pipelined",
                     "compress"):
            self.by_hand(what)
        self.by_hand("some_pieces", never=True)
        self.by_hand("tls", never=True)
        self.appended("append", 3)
        self.appended("append_compressed", 2)


def main():
    lab.need("dovecot", "mbsync", "mpop", "curl", "uuencode", "uuenview", "openssl")
    bench, tap = lab.Lab(), lab.Tap()
    dovecot.serve(bench.start_server, bench.dir, tls=postfix.certificate(bench.dir))
    for family, client, host in lab.NETWORKS:
        network = Network(bench, family, client, host)
        network.prepare()
        bench.wait_port(host, dovecot.IMAP_PORT)
        bench.wait_port(host, dovecot.POP3_PORT)
        reading = network.judge(tap)
        # Of a wrong content, that is: beside those that are expected and texts
        known = {wanted["file__name"] for _, _, wanted in network.checks}
        strange = [s for s in reading.sightings if s["sluice"]["kind"] == "file"
                   and s["sluice"]["file"]["state"] == "complete"
                   and s["file"].get("name") not in known
                   and s["file"].get("mime_type", "").split(";")[0] != "message/rfc822"]
        tap.test(f"{family}: no other file",
                 [f"{s['file'].get('name')}: {s['file']}" for s in strange])
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
