#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""TFTP: tftpd-hpa with its own client and curl, over IPv4 and IPv6."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import tftpd  # noqa: E402


class Network(lab.Exchanges):
    def expect(self, case, body, name, command):
        read = command == "RRQ"
        self.checks.append((case, body, {
            "network__application": "tftp", "sluice__command": command, "file__name": name,
            "sluice__direction": "download" if read else "upload",
            "source__ip": self.host if read else self.client,
            "destination__ip": self.client if read else self.host,
            "client__ip": self.client}))

    def names(self, case, body):
        name = f"{self.family}-{case}"
        return name, self.lab.write(body, "local", name)

    def tftp(self, case, body, mode, command, write=False):
        """tftp-hpa's client."""
        name, path = self.names(case, body)
        if not write:
            self.lab.write(body, "tftp", name)
        words = ["put", path, name] if write else ["get", name, self.lab.path("got")]
        self.steps.append(lambda: self.lab.client("tftp", "-m", mode, self.host, "-c", *words))
        self.expect(f"tftp {words[0]}, {mode}, {len(body)} bytes", body, name, command)

    def curl(self, case, body, *options, write=False):
        name, path = self.names(case, body)
        if not write:
            self.lab.write(body, "tftp", name)
        url = f"tftp://{lab.bracketed(self.host)}/{name}"
        words = ["-T", path, url] if write else ["-o", self.lab.path("got"), url]
        self.steps.append(lambda: self.lab.client("curl", "-sS", "--max-time", "30", *options,
                                                  *words))
        self.expect(f"curl {' '.join(options)} {words[0]}, {len(body)} bytes", body, name,
                    "WRQ" if write else "RRQ")

    def prepare(self):
        noise, text = self.lab.noise, self.lab.text
        seed = self.family
        self.tftp("get", noise(100_000, seed + "1"), "octet", "RRQ")
        self.tftp("get-even", noise(5 * 512, seed + "2"), "octet", "RRQ")
        self.tftp("get-small", noise(1, seed + "3") + b"small" + seed.encode(), "octet", "RRQ")
        self.tftp("put", noise(100_000, seed + "4"), "octet", "WRQ", write=True)
        # What a text is here, it is there, whatever it is on the way
        self.tftp("get-text", text(20_000, seed + "5"), "netascii", "RRQ")
        self.tftp("put-text", text(20_000, seed + "6") + b"\r\n\r", "netascii", "WRQ",
                  write=True)
        self.curl("curl-get", noise(300_000, seed + "7"))
        self.curl("curl-get-large-blocks", noise(300_000, seed + "8"), "--tftp-blksize", "1400")
        self.curl("curl-get-no-options", noise(50_000, seed + "9"), "--tftp-no-options")
        self.curl("curl-put", noise(300_000, seed + "10"), write=True)
        # More blocks than there are numbers
        self.curl("curl-get-wraps", noise(70_000 * 8 + 3, seed + "11"), "--tftp-blksize", "8")


def main():
    lab.need("in.tftpd", "tftp", "curl")
    bench, tap = lab.Lab(), lab.Tap()
    tftpd.serve(bench.start_server, bench.dir)
    # Nothing tells when a server of UDP is ready
    time.sleep(1)
    for family, client, host in lab.NETWORKS:
        network = Network(bench, family, client, host)
        network.prepare()
        reading = network.judge(tap)
        kept = [s for s in reading.sightings if s["sluice"]["file"]["state"] == "complete"]
        tap.test(f"{family}: nothing else", [] if len(kept) == len(network.checks) else
                 [f"{len(kept)} complete files, expected {len(network.checks)}"])
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
