#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# sluiced --dry-run: what it prints is what then leaves, byte for byte, by a real forwarder to the
# test cloud and to a folder; it sends nothing itself; and each mode has its mark. What sluicectl
# policy preview writes as a body is one.
import hashlib
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "replay"))
import replay  # noqa: E402
from replay import case, same  # noqa: E402
from synth import Capture, http, smtp  # noqa: E402

BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build"))
SLUICED = os.environ.get("SLUICED", os.path.join(BUILD, "sluiced"))
SLUICECTL = os.environ.get("SLUICECTL", os.path.join(BUILD, "sluicectl"))
TESTCLOUD = os.environ.get("TESTCLOUD", os.path.join(ROOT, "build", "testcloud"))
DRIVER = os.environ.get("DRIVER", os.path.join(BUILD, "tests", "forwarder_driver"))
KEY = "0123456789abcdef-KEY"
NAME = "Secret-Name.exe"
LINK = "http://links.example/for/you?who=alice"
MAIL = (f"From: Bob <bob@from.example>\r\nTo: <alice@to.example>, <carol@to.example>\r\n"
        f"Subject: secret words\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nSee {LINK} soon\r\n")


class Cloud:
    """The test cloud, and its log of requests."""

    def __init__(self, where):
        self.log = os.path.join(where, "log", "requests.jsonl")
        port = os.path.join(where, "port")
        self.process = subprocess.Popen([TESTCLOUD, "--tls-dir", os.path.join(where, "tls"), "--log",
                                         os.path.join(where, "log"), "--key", KEY, "--port-file", port],
                                        stdout=subprocess.PIPE, text=True)
        while not self.process.stdout.readline().startswith("ready"):
            assert self.process.poll() is None, "the test cloud does not start"
        with open(port) as f:
            self.url = f"https://127.0.0.1:{f.read().strip()}/publicapi"
        self.ca = os.path.join(where, "tls", "ca.pem")

    def requests(self):
        if not os.path.exists(self.log):
            return []
        with open(self.log) as f:
            return [r for r in map(json.loads, f) if r.get("path")]

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)


def capture(path):
    c = Capture()
    body = hashlib.sha512(path.encode()).digest() * 40
    c.tcp(http(f"/{NAME}?token=secret", body), (bytes((10, 1, 2, 3)), 41234))
    c.tcp(smtp(MAIL.replace("/for/", path).encode()), (bytes((10, 1, 2, 3)), 41235))
    c.save(path)


class Dry:
    """A dry run under such [share] sections: .shown is what it printed for programs."""

    def __init__(self, where, cloud, share, more="", session="yes", key=KEY,
                 keys=f"k1 2024-01-31T12:00:00Z {bytes(range(32)).hex()}"):
        self.dir = tempfile.mkdtemp(dir=where)
        capture(self.path("c.pcap"))
        os.mkdir(self.path("folder"))
        for name, text in (("api", key), ("keys", keys),
                           ("users", "10.1.2.3 CORP\\Alice group=hr")):
            if text is None:
                continue
            with open(self.path(name), "w") as f:
                f.write(text + "\n")
            os.chmod(self.path(name), 0o600)
        with open(self.path("conf"), "w") as f:
            f.write(f"[cloud w]\nkind = wildfire\nscope = private\nurl = {cloud.url}\nkey_file = {self.path('api')}\n"
                    f"session = {session}\n[cloud d]\nkind = directory\nscope = private\npath = {self.path('folder')}\n"
                    f"session = {session}\n[cloud mute]\nkind = directory\nscope = private\n"
                    f"[capture]\nvirtual_system = vs1\n"
                    f"[share w]\nkey_file = {self.path('keys')}\n{share}\n"
                    f"[share d]\nkey_file = {self.path('keys')}\n{share}\n"
                    f"[rule all]\nfile_type = any, email-link\ncloud = w, d, mute\n[users]\nfile = {self.path('users')}\n{more}\n")
        self.text = self.run("text")
        self.lines = self.run("json", "--json")
        self.shown = [json.loads(line) for line in self.lines.splitlines()]

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def run(self, name, *options):
        done = subprocess.run([SLUICED, "-r", "c.pcap", "-o", name, "-c", "conf", "--dry-run", *options],
                              cwd=self.dir, capture_output=True, text=True, timeout=60)
        same(done.returncode, 0, f"exit status ({done.stderr})")
        self.said = done.stderr
        return done.stdout

    def of(self, cloud, what="file"):
        (one,) = [o for o in self.shown if o["cloud"] == cloud and o["what"] == what]
        return one

    def deliver(self, cloud, name):
        """A real forwarder, with the envelopes of the outbox; returns its `leave` lines."""
        os.makedirs(self.path(name))
        os.symlink(self.path("json"), self.path(name, "spool"))
        with open(self.path(name, "given"), "w") as f:
            for o in self.shown:
                if o["cloud"] == name and "refused" not in o:
                    envelope = self.path("json", "outbox", name, f"{o['sample']}.{o['sighting']}.json")
                    f.write(f"{o['sighting']} {o['sample']} {o['size']} {o['what']} {envelope} {o['upload_name']}\n")
        kind = ["kind=directory", f"path={self.path('folder')}"] if name == "d" else [
            f"url={cloud.url}", f"ca={cloud.ca}", f"key={KEY}"]
        session = self.shown[0]["session"]
        done = subprocess.run([DRIVER, f"dir={self.path(name)}", f"given={self.path(name, 'given')}",
                               f"session={int(session)}", "limit=30", "lookup_batch=1", *kind],
                              capture_output=True, text=True, timeout=60)
        same(done.returncode, 0, f"the forwarder ({done.stdout[-800:]}{done.stderr[-800:]})")
        return [line.split() for line in done.stdout.splitlines() if line.startswith("leave ")]


def head(request):
    """As the test cloud logs it."""
    return sorted([k, v] for k, v in request["headers"].items())


def compare(where, cloud, **options):
    before = len(cloud.requests())
    dry = Dry(where, cloud, "default = share\nuser = pseudonymise\nsource_ip = encrypt\nfilename = share", **options)
    same(len(cloud.requests()), before, "requests of a dry run")
    same(os.listdir(dry.path("folder")), [], "files of a dry run")
    wanted = [r for o in dry.shown if o["cloud"] == "w" and "refused" not in o for r in o["requests"]]
    same(sorted(r["request"] for r in wanted), ["get/verdict", "get/verdict", "submit/file", "submit/link"], "requests")
    leaves = dry.deliver(cloud, "w")
    arrived = cloud.requests()[before:]
    same(sorted((r["path"].split("/publicapi/")[1], r["body_sha256"]) for r in arrived),
         sorted((r["request"], r["body"]["sha256"]) for r in wanted), "bodies at the cloud")
    same(sorted(sorted(r["headers"]) for r in arrived), sorted(head(r) for r in wanted), "headers at the cloud")
    same(sorted((l[2], l[3], l[4], l[6]) for l in leaves),
         sorted((r["request"], r["body"]["sha256"], str(r["body"]["bytes"]), r["url"]) for r in wanted), "the ledger's")
    for o in (dry.of("w"), dry.of("w", "link")):
        (got,) = [r.get("session") for r in arrived if r["body_sha256"] == o["requests"][1]["body"]["sha256"]]
        same(got, o["envelope"] if o["session"] else None, "envelope at the cloud")
    dry.deliver(cloud, "d")
    for o in dry.shown:
        if o["cloud"] != "d" or "refused" in o:
            continue
        (store,) = o["requests"]
        stored = b""
        for path, size in store["files"].items():
            with open(path, "rb") as f:
                content = f.read()
            same(len(content), size, path)
            stored += content
        same(hashlib.sha256(stored).hexdigest(), store["body"]["sha256"], "what is stored")
        same(len(stored), store["body"]["bytes"], "bytes stored")
    return dry


CLOUD = None


@case
def arrives(where):
    """file and link to the cloud, both to a folder: what is printed is what arrives, and nothing does before"""
    dry = compare(where, CLOUD)
    same(dry.of("w")["fields"]["filename"]["mark"], "shared", "the name")


@case
def without_envelope(where):
    """without envelopes: the same, and marks say so"""
    dry = compare(where, CLOUD, session="no")
    fields = dry.of("w")["fields"]
    same([fields[f]["mark"] for f in ("source_ip", "user", "url", "filename")],
         ["left out", "left out", "left out", "shared"], "marks")
    same(dry.of("w", "link")["fields"]["url"]["mark"], "shared", "the link")
    same(dry.of("d")["fields"]["filename"]["mark"], "left out", "the name in a folder")


def marks(dry, cloud="w", what="file"):
    return {k: (v["mode"], v["mark"], v["seen"], v["sent"]) for k, v in dry.of(cloud, what)["fields"].items()}


@case
def every_mode(where):
    """each mode has its mark, with what was seen and what would be sent"""
    dry = Dry(where, CLOUD, "default = share\nsource_ip = truncate\nsource_port = omit\ndestination_ip = generalise\n"
              "destination_port = truncate\nuser = pseudonymise\nvirtual_system = omit\nfilename = truncate\nurl = truncate")
    got = marks(dry)
    token = got["user"][3]
    assert token.startswith("p1:k1:"), token
    same(got, {
        "source_ip": ("truncate 24 48", "changed", "192.0.2.80", "192.0.2.0"),
        "source_port": ("omit", "left out", 8000, None),
        "destination_ip": ("generalise", "changed", "10.1.2.3", "internal"),
        "destination_port": ("truncate", "changed", 41234, 0),
        "virtual_system": ("omit", "left out", "vs1", None),
        "application": ("share", "shared", "web-browsing", "web-browsing"),
        "user": ("pseudonymise", "changed", "CORP\\Alice", token),
        "url": ("truncate path", "changed", f"http://a.example/{NAME}?token=secret", "http://a.example/"),
        "filename": ("truncate", "changed", NAME, "exe"),
        "email_sender": ("share", "nothing", None, None),
        "email_recipient": ("share", "nothing", None, None),
        "email_subject": ("share", "nothing", None, None)}, "fields")
    for line in ("~ source_ip ", "- source_port ", "= application ", "  email_sender "):
        assert "\n" + line in dry.text, line
    assert "nothing leaves: it is a link, and url is not shared" in dry.text
    dry = Dry(where, CLOUD, "default = share\nsource_ip = encrypt\nemail_recipient = pseudonymise\n"
              "email_sender = truncate\nemail_subject = omit")
    got = marks(dry, what="link")
    same(got["source_ip"][:3], ("encrypt prefix", "changed", "10.1.2.3"), "an encrypted address")
    assert got["source_ip"][3] not in ("10.1.2.3", None), got["source_ip"]
    same([v[:6] for v in got["email_recipient"][3]], ["p1:k1:"] * len(got["email_recipient"][2]), "recipients")
    same(got["email_sender"][3], ["from.example"], "domain of the sender")
    same(got["email_subject"], ("omit", "left out", "secret words", None), "subject")


@case
def why(where):
    """why: sections, a missing key, what of another field was in it, and what keeps all of it back"""
    dry = Dry(where, CLOUD, "default = share\nfilename = omit", more="[narrow n]\ncloud = w\nuser_group = hr\nuser = omit")
    fields = dry.of("w")["fields"]
    same(fields["user"]["because"], ["[narrow n]"], "the user at w")
    same(dry.of("d")["fields"]["user"]["mark"], "shared", "the user at d")
    same(fields["url"]["mark"], "changed", "the URL with the name")
    assert "another field in it, or its length" in fields["url"]["because"], fields["url"]
    same(dry.of("mute")["refused"], "the cloud receives nothing: it has no [share]", "no [share]")
    dry = Dry(where, CLOUD, "default = share\nuser = pseudonymise", keys=None)
    same(dry.of("w")["fields"]["user"]["mark"], "left out", "without a key")
    assert "no key" in dry.of("w")["fields"]["user"]["because"]
    dry = Dry(where, CLOUD, "default = share", more="[cloud pub]\nkind = directory\n[share pub]\ndefault = share\n"
              "[rule pub]\nfile_type = email-link\ncloud = pub\n[cloud small]\nkind = directory\nscope = private\n"
              "max_size = 1K\n[share small]\n[rule small]\ncloud = small\n")
    same(dry.of("pub")["refused"], "no [rule] sends it there", "no rule")
    same(dry.of("pub", "link")["refused"], "a private cloud receives it, so that this public one does not", "private")
    same(dry.of("small")["refused"], "2560 bytes, the cloud's limit is 1024", "size")


@case
def api_key(where):
    """the API key is not printed, and one that cannot be read stops nothing"""
    dry = Dry(where, CLOUD, "default = share")
    assert KEY not in dry.text + dry.lines + dry.said
    assert "*" * len(KEY) in dry.text
    dry = Dry(where, CLOUD, "default = share", key=None)
    assert "The API key cannot be read" in dry.text, dry.text
    assert "cannot read" in dry.said, dry.said
    same(dry.of("w")["requests"][1]["body"], {"sha256": None, "bytes": None}, "body without its key")
    same(dry.of("w")["key_missing"], True, "key_missing")


@case
def again(where):
    """two runs print the same, and neither ledger nor database appears"""
    dry = Dry(where, CLOUD, "default = pseudonymise")
    text, lines = dry.run("text"), dry.run("json", "--json")
    same((text, lines), (dry.text, dry.lines), "a second run")
    same(sorted(os.listdir(dry.path("text"))), ["outbox", "samples", "sessions.jsonl", "sightings.jsonl", "stats.json", "tmp"], "the output directory")
    for words in (["--dry-run"], ["-r", "c.pcap", "-o", "x", "--json"]):
        done = subprocess.run([SLUICED, *words], cwd=dry.dir, capture_output=True, text=True, timeout=60)
        same(done.returncode, 2, f"exit status of {words}")


@case
def hostile(where):
    """what is printed for people controls no terminal, and no value pretends to be another line"""
    global NAME
    name, NAME = NAME, "a%1b%5b2Jb%0a=%20user%20share.exe"
    try:
        dry = Dry(where, CLOUD, "default = share")
    finally:
        NAME = name
    assert "\x1b" not in dry.text, repr(dry.text)
    assert "\n" in dry.of("w")["fields"]["filename"]["seen"], dry.of("w")["fields"]
    lines = [line for line in dry.text.splitlines() if line[:2] in ("= ", "~ ", "- ") and line[2:7] == "user "]
    assert len(lines) == dry.text.count("\npolicy "), lines


@case
def raw_body(where):
    """policy preview --raw: the body of one cloud and one sighting, and of more nothing at all"""
    dry = Dry(where, CLOUD, "default = share")
    shown = dry.of("d")
    (store,) = shown.pop("requests")

    def answer(request):
        if request["command"] == "policy.sightings":
            return [{"sighting": shown["sighting"]}] * request["last"] + [{"ok": True}]
        return [shown if "cloud" in request else {"clouds": ["d"], "config": ""}, {"ok": True}]
    end = replay.agent(dry.dir, answer)
    try:
        for last, status, hashed in (("1", 0, store["body"]["sha256"]), ("2", 1, hashlib.sha256(b"").hexdigest())):
            done = subprocess.run([SLUICECTL, "--run-dir", dry.dir, "policy", "preview", "--last", last, "--raw", "store"],
                                  cwd=dry.dir, capture_output=True, timeout=60)
            same((done.returncode, hashlib.sha256(done.stdout).hexdigest()), (status, hashed), f"--last {last}: {done.stderr}")
        assert b"expected one" in done.stderr, done.stderr
    finally:
        end()


def main():
    global CLOUD
    for program in (TESTCLOUD, DRIVER, SLUICECTL):
        replay.need(program)
    with tempfile.TemporaryDirectory(prefix="sluice-dryrun-") as where:
        CLOUD = Cloud(where)
        try:
            return replay.main(SLUICED)
        finally:
            CLOUD.stop()


sys.exit(main())
