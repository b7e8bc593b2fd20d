#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
TLS: who is asked for, by real clients and servers: curl and openssl s_server, directly and
through a proxy, and of Postfix behind STARTTLS; and hellos in pieces of any size.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import postfix  # noqa: E402

PORT, PROXY = 8443, 3128
CLIENT = os.path.join(lab.HERE, "tls_client.py")
TABLE = "include built-in\nfiles.lab.example  lab-files  ssl, web-browsing\n"


class Network:
    """One network's sessions: steps, and what must be said of each, by its server's name."""

    def __init__(self, bench, family, client, host):
        self.lab, self.family, self.client, self.host = bench, family, client, host
        self.steps, self.checks = [], []

    def expect(self, case, name, step, **wanted):
        self.steps.append(step)
        self.checks.append((case, name, {
            "client__ip": self.client, "server__ip": self.host, "network__protocol": "tls",
            "network__transport": "tcp", "network__application": "ssl",
            "tls__client__server_name": name, "tls__version": "1.3",
            "sluice__tls__offered_version": "1.3", **wanted}))

    def curl(self, case, name, *words, **wanted):
        host = lab.bracketed(self.host)
        self.expect(case, name, lambda: self.lab.client(
            "curl", "-sSk", "-o", "/dev/null", "--max-time", "30", "--connect-to",
            f"::{host}:{PORT}", *words, f"https://{name}:{PORT}/"), **wanted)

    def prepare(self):
        offers = ["h2", "http/1.1"]
        self.curl("curl, TLS 1.3", f"{self.family}.one.example".lower(),
                  sluice__tls__offered_protocols=offers, tls__next_protocol=None,
                  sluice__tls__carrier=None)
        self.curl("curl, TLS 1.2: the protocol is in the clear", f"{self.family}.two.example".lower(),
                  "--tls-max", "1.2", tls__version="1.2", sluice__tls__offered_version="1.2",
                  tls__next_protocol="http/1.1", sluice__tls__offered_protocols=offers)
        self.curl("curl, without ALPN", f"{self.family}.none.example".lower(), "--no-alpn",
                  sluice__tls__offered_protocols=None)
        self.curl("refined by the built-in table", f"{self.family}.dropbox.com".lower(),
                  network__application="dropbox-base")
        self.curl("refined by the table of the configuration",
                  f"{self.family}.files.lab.example".lower(), network__application="lab-files")
        name = f"{self.family}.proxy.example".lower()
        self.expect("curl, through a proxy", name, lambda n=name: self.lab.client(
            "curl", "-sSk", "-o", "/dev/null", "--max-time", "30", "-x",
            f"http://{lab.bracketed(self.host)}:{PROXY}", f"https://{n}:{PORT}/"),
            sluice__tls__carrier="http", server__port=PROXY)
        for record, segment in ((1, 1), (7, 3), (100, 1000), (5000, 10)):
            name = f"{self.family}.split-{record}-{segment}.example".lower()
            self.expect(f"a hello in records of {record} and segments of {segment}", name,
                        lambda r=record, s=segment, n=name: self.lab.client(
                            sys.executable, CLIENT, self.host, str(PORT), n, str(r), str(s)))
        name = f"{self.family}.mail.example".lower()
        letter = self.lab.write("Subject: hello\r\n\r\nhello\r\n", "letter")
        self.expect("curl, behind STARTTLS", name, lambda: self.lab.client(
            "curl", "-sSk", "--max-time", "30", "--ssl-reqd", "--connect-to",
            f"::{lab.bracketed(self.host)}:{postfix.PORT}", f"smtp://{name}/x.example",
            "--mail-from", "a@x.example", "--mail-rcpt", "b@lab.example", "-T", letter),
            sluice__tls__carrier="smtp", server__port=postfix.PORT)

    def judge(self, tap, conf):
        capture = self.lab.record(self.family, lambda: [step() for step in self.steps])
        reading = self.lab.read(capture, config=conf)
        for case, name, wanted in self.checks:
            found = [s for s in reading.sessions
                     if lab.member(s, "tls.client.server_name") == name]
            tap.test(f"{self.family}: {case}", lab.faults(found[0], **wanted)
                     if len(found) == 1 else [f"{len(found)} sessions of {name}"])
        count = reading.counters.get("sessions_tls"), reading.counters.get("sessions_tls_named")
        tap.test(f"{self.family}: all are counted, and no other",
                 [] if count == (len(self.checks),) * 2 else [f"{count}, {len(self.checks)}"])
        tap.test(f"{self.family}: no file is claimed of what was encrypted", [
            s["file"].get("name", "?") for s in reading.sightings
            if s["sluice"]["kind"] == "file" and s["network"]["application"] != "http-proxy"])
        off = self.lab.read(capture, config=self.lab.write(
            "[capture]\nlog_sessions = no\n", "off.conf"))
        tap.test(f"{self.family}: log_sessions = no",
                 ["there is a session log"] if off.sessions is not None else [])


def main():
    lab.need("curl", "openssl", "postfix")
    bench, tap = lab.Lab(), lab.Tap()
    cert, key = postfix.certificate(bench.dir)
    bench.start_server("openssl", "s_server", "-accept", str(PORT), "-cert", cert, "-key", key,
                       "-alpn", "http/1.1", "-www", "-quiet")
    bench.start_server(sys.executable, CLIENT, "--proxy", str(PROXY), str(PORT))
    postfix.serve(bench.start_server, bench.dir, tls=(cert, key))
    table = bench.write(TABLE, "applications.conf")
    conf = bench.write(f"[agent]\napplications = {table}\n", "sluice.conf")
    for family, client, host in lab.NETWORKS:
        for port in PORT, PROXY, postfix.PORT:
            bench.wait_port(host, port)
        network = Network(bench, family, client, host)
        network.prepare()
        network.judge(tap, conf)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
