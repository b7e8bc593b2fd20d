#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""FTP: vsftpd with curl, lftp and ftplib, active and passive, over IPv4 and IPv6."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import vsftpd  # noqa: E402

OTHER = {"IPv4": "10.93.0.3", "IPv6": "fd93::3"}
CLIENT = os.path.join(lab.HERE, "ftp_client.py")
SIZE = 150_000


class Network(lab.Exchanges):
    def __init__(self, bench, family, client, host):
        super().__init__(bench, family, client, host)
        self.url = f"ftp://{lab.bracketed(host)}/"
        self.bodies = {}

    def body(self, name, size=SIZE):
        """A content of its own."""
        name = f"{self.family}-{name}"
        self.bodies[name] = self.lab.noise(size, f"{name}")
        return name, self.bodies[name]

    def on_server(self, name, size=SIZE, content=None):
        name, body = self.body(name, size)
        if content is not None:
            body = self.bodies[name] = content
        self.lab.write(body, "ftp", name)
        return name, body

    def curl(self, *words):
        self.lab.client("curl", "-sS", "--max-time", "30", *words)

    def download(self, case, *options):
        name, body = self.on_server(case + ".bin")
        self.steps.append(lambda: self.curl(*options, "-o", self.lab.path("got"), self.url + name))
        self.expect(f"{case}: curl {' '.join(options)}", body, sluice__command="RETR", file__name=name,
                    file__path="/" + name)

    def upload(self, case, command, *options):
        name, body = self.body(case + ".bin")
        path = self.lab.write(body, name)
        self.steps.append(lambda: self.curl(*options, "-T", path, f"{self.url}in/{name}"))
        self.expect(f"{case}: curl {' '.join(options)} -T", body, "upload", sluice__command=command,
                    file__name=name, file__path="/in/" + name)

    def python(self, *words):
        self.steps.append(lambda: self.lab.client(sys.executable, CLIENT, self.host, *words))

    def expect(self, case, body, direction="download", **more):
        ends = self.host, self.client
        sender, receiver = ends if direction == "download" else ends[::-1]
        more.setdefault("destination__ip", receiver)
        wanted = {"network__application": "ftp", "sluice__direction": direction,
                  "source__ip": sender, "source__user__name": None, **more}
        self.checks.append((case, body, wanted))

    def prepare(self):
        self.download("extended-passive")
        self.download("extended-active", "-P", "-")
        if self.family == "IPv4":
            self.download("passive", "--disable-epsv")
            self.download("active", "-P", "-", "--disable-eprt")
        self.upload("stor", "STOR")
        self.upload("stor-active", "STOR", "-P", "-")
        self.upload("appe", "APPE", "-a")
        self.resumed()
        self.many()
        self.segments()
        self.ascii()
        self.by_hand()

    def resumed(self):
        """A download that broke off, and what curl brings of the rest."""
        name, body = self.on_server("resumed.bin", 400_000)
        got = self.lab.path(name)

        def step():
            self.lab.client(sys.executable, CLIENT, self.host, "cut", name, "100000")
            with open(got, "wb") as f:
                f.write(body[:100_000])
            self.curl("-C", "-", "-o", got, self.url + name)

        self.steps.append(step)
        self.expect("cut and resumed by curl", body, file__name=name)

    def many(self):
        """Several at the same time, over several control connections."""
        names = [self.on_server(f"many-{i}.bin") for i in range(6)]
        folder = self.lab.folder("many")
        self.steps.append(lambda: self.lab.client(
            "lftp", "-c", f"open {self.url}; mget -P 3 -O {folder} "
            f"{' '.join(name for name, _ in names)}"))
        self.steps.append(lambda: [os.unlink(os.path.join(folder, n)) for n, _ in names])
        for name, body in names:
            self.expect(f"lftp mget: {name}", body, file__name=name)

    def segments(self):
        name, body = self.on_server("segments.bin", 3_000_000)
        got = self.lab.path("segments")
        self.steps.append(lambda: self.lab.client(
            "lftp", "-c", f"set net:limit-rate 2000000; set pget:min-chunk-size 65536; "
            f"set xfer:clobber on; pget -n 4 {self.url}{name} -o {got}"))
        self.expect("lftp pget: segments over several connections", body, file__name=name)

    def ascii(self):
        """What is on the way is what is kept."""
        text = self.lab.text(5000, self.family)
        name, _ = self.on_server("text.txt", content=text)
        self.steps.append(lambda: self.curl("--use-ascii", "-o", self.lab.path("got"),
                                            self.url + name))
        self.expect("ASCII", text.replace(b"\n", b"\r\n"), file__name=name)

    def by_hand(self):
        name, body = self.body("unique.bin")
        self.python("unique", self.lab.write(body, name))
        self.expect("STOU without a name", body, "upload", file__name="<stou>")
        one, two = self.on_server("one.bin"), self.on_server("two.bin")
        self.python("pipelined", one[0], two[0])
        self.expect("pipelined, the first", one[1], file__name=one[0])
        self.expect("pipelined, the second", two[1], file__name=two[0])
        name, body = self.on_server("bounce.bin")
        self.python("bounce", name, OTHER[self.family])
        self.expect("bounced to another host", body, file__name=name,
                    destination__ip=OTHER[self.family])
        self.aborted, _ = self.on_server("aborted.bin", 8_000_000)
        self.python("abort", self.aborted)
        self.python("listing")


def broken(network, reading):
    """Of the aborted one there is no sample, and no sighting of a listing at all."""
    out = []
    found = [s for s in reading.sightings if s["file"].get("name") == network.aborted]
    if len(found) != 1 or found[0]["sluice"]["file"]["state"] != "truncated":
        out.append(f"{len(found)} sightings of what was aborted")
        out += [f"{s['file']['size']} bytes, {s['sluice']['file']['state']} "
                f"{s['sluice']['file']['reason']}" for s in found]
    known = {*network.bodies, "<stou>"}
    out += [f"a sighting of {s['file'].get('name')}" for s in reading.sightings
            if s["file"].get("name") not in known]
    kept = [s for s in reading.sightings if s["sluice"]["file"]["state"] == "complete"]
    if len(kept) != len(network.checks):
        out.append(f"{len(kept)} complete files, expected {len(network.checks)}")
    return out


def main():
    lab.need("vsftpd", "curl", "lftp")
    bench, tap = lab.Lab(), lab.Tap()
    vsftpd.serve(bench.start_server, bench.dir, loose=True)
    for address in OTHER.values():
        # Only for who asks for it
        bench.command("ip", "-n", lab.CLIENT, "addr", "add", "dev", "veth",
                      *((address + "/64", "nodad", "preferred_lft", "0") if ":" in address
                        else (address + "/24",)))
    for family, client, host in lab.NETWORKS:
        network = Network(bench, family, client, host)
        network.prepare()
        bench.wait_port(host, vsftpd.PORT)
        reading = network.judge(tap)
        tap.test(f"{family}: nothing of an aborted file, of listings, or else",
                 broken(network, reading))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
