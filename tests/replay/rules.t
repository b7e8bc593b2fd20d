#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Rules on captures: what is kept, what leaves for which cloud, and what the local log says of the
# rest.  sluicectl must explain what sluiced did.
import glob
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile

import replay
from replay import case, same
from synth import Capture, chunked, ftp, http, http_put, mail, smtp

BUILD = os.environ.get("BUILD", os.path.join(replay.ROOT, "build"))
SLUICED = os.environ.get("SLUICED", os.path.join(BUILD, "sluiced"))
SLUICECTL = os.environ.get("SLUICECTL", os.path.join(BUILD, "sluicectl"))


def noise(label, n=600):
    out = b""
    while len(out) < n:
        out += hashlib.sha256(b"%s %d" % (label.encode(), len(out))).digest()
    return out[:n]


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in members.items():
            z.writestr(name.replace("__", "."), content)
    return out.getvalue()


def pe(label):
    """The headers of a 64-bit program, as far as anybody looks at them."""
    return (b"MZ" + bytes(58) + b"\x80\0\0\0" + bytes(64) + b"PE\0\0\x64\x86\1\0" + bytes(12) +
            b"\xf0\0\x22\0\x0b\2" + bytes(238) + noise(label))


with open("/bin/true", "rb") as program:
    ELF = program.read()
PDF = b"%PDF-1.4\n" + noise("pdf") + b"\n%%EOF\n"
SCRIPT = b"#!/bin/sh\n" + b"echo hello\n" * 40
TEXT = noise("of no type")
PE = pe("first")

CLOUDS = """
[cloud inside]
kind = directory
scope = private
[share inside]
default = share
[cloud outside]
kind = directory
[share outside]
default = share
[cloud mute]
kind = directory
scope = private
"""


class Reading:
    """What sluiced made of a capture under a configuration."""

    def __init__(self, where, conf, *steps):
        self.dir = tempfile.mkdtemp(dir=where)
        c = Capture()
        for step in steps:
            step(c) if callable(step) else c.tcp(step)
        argv = [SLUICED, "-r", c.save(self.path("c.pcap")), "-o", self.path("out")]
        if conf is not None:
            with open(self.path("conf"), "w") as f:
                f.write(conf)
            argv += ["-c", self.path("conf")]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60)
        self.said = done.stdout
        if done.returncode:
            raise AssertionError(f"exit status {done.returncode}: {self.said}")
        with open(self.path("out", "sightings.jsonl")) as f:
            self.sightings = [json.loads(line) for line in f]
        with open(self.path("out", "stats.json")) as f:
            self.counters = json.load(f)["counters"]

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def kept(self, content):
        sha = hashlib.sha256(content).hexdigest()
        return os.path.exists(self.path("out", "samples", sha[:2], sha))

    def clouds(self, content):
        """Names of the clouds that get this content."""
        pattern = self.path("out", "outbox", "*", hashlib.sha256(content).hexdigest() + ".*.json")
        return sorted(p.split(os.sep)[-2] for p in glob.glob(pattern))

    def of(self, name):
        """The sighting of the file of this name."""
        found = [s for s in self.sightings if s["file"].get("name") == name]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} sightings of {name}: {self.said}")
        return found[0]

    def kinds(self):
        return sorted({s["sluice"]["kind"] for s in self.sightings})

    def reason(self, name):
        s = self.of(name)["sluice"]["file"]
        return s["state"] if s["state"] == "complete" else s["reason"]


def explained(reading, *words):
    """Clouds that get a file, as sluicectl explains it."""
    done = subprocess.run([SLUICECTL, "--json", "rules", "test", *words, "-c", reading.path("conf")],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=20)
    if done.returncode:
        raise AssertionError(f"sluicectl: {done.stderr}")
    return sorted(c["name"] for c in json.loads(done.stdout)["clouds"] if c["sent"])


# -------------------------------------------------------------------- cases


@case
def types(where):
    """a rule names types, and content decides which they are"""
    r = Reading(where, CLOUDS + "[rule a]\nfile_type = linux, pe\ncloud = outside\n",
                http("/elf.txt", ELF), http("/exe.jpg", PE), http("/doc.exe", PDF),
                http("/script.exe", SCRIPT), http("/noise.exe", TEXT))
    for content, name, type_ in ((ELF, "elf.txt", "linux"), (PE, "exe.jpg", "pe"),
                                 (PDF, "doc.exe", "pdf"), (SCRIPT, "script.exe", "script"),
                                 (TEXT, "noise.exe", "other")):
        sent = ["outside"] if type_ in ("linux", "pe") else []
        same(r.clouds(content), sent, name)
        same(r.kept(content), bool(sent), f"{name} is kept")
        same(r.reason(name), "complete" if sent else "unwanted", name)
        same(explained(r, "--application", "web-browsing", "--type", type_, "--direction",
                       "download", "--size", str(len(content))), sent, f"{name} as explained")
    same(r.of("elf.txt")["sluice"].get("rule") or r.of("elf.txt").get("rule", {}).get("name"), "a",
         "its rule")
    same(r.counters["files_truncated_unwanted"], 3, "files_truncated_unwanted")


@case
def any_type(where):
    """any takes files of no type as well, and is the default"""
    for line in "", "file_type = any\n":
        r = Reading(where, CLOUDS + f"[rule a]\n{line}cloud = outside\n", http("/a", TEXT),
                    http("/b", PDF))
        same((r.clouds(TEXT), r.clouds(PDF)), (["outside"], ["outside"]), line or "no line")


@case
def direction_and_application(where):
    """direction and application decide before any byte does"""
    r = Reading(where, CLOUDS + "[rule a]\ndirection = download\napplication = web-browsing\n"
                "cloud = outside\n[rule b]\napplication = FTP\ncloud = inside\n",
                http("/down", PDF), http_put("/up", PE),
                lambda c: ftp(c, [("RETR", "get", SCRIPT), ("STOR", "put", ELF)]))
    same(r.clouds(PDF), ["outside"], "download")
    same(r.clouds(PE), [], "upload")
    same(r.kept(PE), False, "the upload is kept")
    same(r.reason("up"), "unwanted", "upload")
    same((r.clouds(SCRIPT), r.clouds(ELF)), (["inside"], ["inside"]), "FTP")
    same(explained(r, "--application", "ftp", "--type", "linux", "--direction", "upload"),
         ["inside"], "as explained")


@case
def private_and_public(where):
    """what matches a private and a public cloud goes to the private one only"""
    r = Reading(where, CLOUDS + "[rule all]\ncloud = outside\n[rule pdf]\nfile_type = pdf\n"
                "cloud = inside\n[rule script]\nfile_type = script\ncloud = mute\n",
                http("/a", PDF), http("/b", TEXT), http("/c", SCRIPT))
    same(r.clouds(PDF), ["inside"], "private and public")
    same(r.clouds(TEXT), ["outside"], "public alone")
    # A private cloud that receives nothing keeps it from the public one all the same.
    same(r.clouds(SCRIPT), [], "private without a policy, and public")
    for type_, sent in ("pdf", ["inside"]), ("other", ["outside"]), ("script", []):
        same(explained(r, "--application", "web-browsing", "--type", type_, "--direction",
                       "download"), sent, f"{type_} as explained")


@case
def no_rule(where):
    """no rule, nothing is kept and nothing is sent"""
    r = Reading(where, CLOUDS, http("/a", PDF), http("/b", TEXT), smtp(mail("c", PE)))
    same((r.clouds(PDF), r.clouds(TEXT), r.clouds(PE)), ([], [], []), "clouds")
    same({s["sluice"]["file"].get("reason") for s in r.sightings}, {"unwanted"}, "reasons")
    same(os.path.exists(r.path("out", "samples")) and sum(
        len(f) for _, _, f in os.walk(r.path("out", "samples"))), 0, "samples")


@case
def limits(where):
    """a file larger than the limit of its type goes nowhere, of declared size or not"""
    large, small = ELF + bytes((1 << 20) - len(ELF) + 1), ELF + bytes((1 << 20) - len(ELF))
    conf = CLOUDS + "[limits]\nlinux = 1M\n[rule a]\ncloud = outside\n"
    r = Reading(where, conf, http("/declared", large), http("/fits", small),
                http("/chunked", chunked(large, 8000), b"Transfer-Encoding: chunked\r\n",
                     length=False),
                http("/pdf", PDF + bytes(2 << 20)))
    same(r.clouds(large), [], "too large")
    same(r.kept(large), False, "too large, and kept")
    same(r.clouds(small), ["outside"], "as large as the limit")
    same(r.clouds(PDF + bytes(2 << 20)), ["outside"], "another type")
    same(r.reason("declared"), "unwanted", "declared")
    same(r.reason("chunked"), "unwanted", "not declared")
    same(r.counters["files_oversize"], 2, "files_oversize")
    words = ("--application", "web-browsing", "--type", "linux", "--direction", "download", "--size")
    same(explained(r, *words, "1M"), ["outside"], "1M as explained")
    same(explained(r, *words, "1048577"), [], "one byte more as explained")
    # The defaults of the table hold without the section.
    r = Reading(where, CLOUDS + "[rule a]\ncloud = outside\n", http("/s", SCRIPT * 50))
    same(r.clouds(SCRIPT * 50), [], "a script of more than 20K")


@case
def mails(where):
    """whole mails leave where a rule names eml, and are not even made elsewhere"""
    attached = mail("a.pdf", PDF, text=b"see http://a.example/x\r\n")
    r = Reading(where, CLOUDS + "[rule a]\ncloud = outside\n", smtp(attached))
    same(r.kinds(), ["file", "link"], "kinds under any")
    same(r.clouds(PDF), ["outside"], "the attachment")
    same(r.clouds(b"http://a.example/x"), ["outside"], "the link")
    r = Reading(where, CLOUDS + "[rule a]\nfile_type = eml\ncloud = inside\n", smtp(attached))
    same(r.clouds(PDF), [], "the attachment under eml")
    same(sum(s["sluice"]["kind"] == "mail" for s in r.sightings), 1, "mails under eml")
    same(len(glob.glob(r.path("out", "outbox", "inside", "*"))), 1, "envelopes under eml")
    same({s["sluice"]["file"].get("reason") for s in r.sightings if s["sluice"]["kind"] != "mail"},
         {"unwanted"}, "the rest")
    r = Reading(where, CLOUDS + "[rule a]\nfile_type = email-link\ncloud = inside\n", smtp(attached))
    same(r.clouds(b"http://a.example/x"), ["inside"], "the link by name")
    same(r.clouds(PDF), [], "the attachment under email-link")
    for kind, sent in ("mail", []), ("link", ["inside"]):
        same(explained(r, "--application", "smtp", "--kind", kind, "--direction", "upload"), sent,
             f"{kind} as explained")
    r = Reading(where, CLOUDS + "[rule a]\nfile_type = any, eml\ncloud = inside\n", smtp(attached))
    same(len(glob.glob(r.path("out", "outbox", "inside", "*"))), 3, "envelopes under any, eml")


@case
def containers(where):
    """a ZIP is looked into when a rule wants what may be in it"""
    exe, box = pe("member"), zipped(setup__exe=pe("member"), readme__txt=TEXT)
    r = Reading(where, CLOUDS + "[rule a]\nfile_type = pe\ncloud = outside\n", http("/a.zip", box))
    same(r.clouds(exe), ["outside"], "the member")
    same(r.clouds(TEXT), [], "the other member")
    same(r.clouds(box), [], "the archive")
    r = Reading(where, CLOUDS + "[rule a]\nfile_type = pe\ndirection = upload\ncloud = outside\n",
                http("/a.zip", box))
    same([x["sluice"]["file"].get("reason") for x in r.sightings], ["unwanted"], "a download")
    # What is in it is known at its end, where something stands in front of it, and in another one.
    for label, outer in (("short", noise("short") + box), ("long", noise("long", 9000) + box),
                         ("nested", zipped(a__zip=box, b__txt=noise("beside", 5000)))):
        r = Reading(where, CLOUDS + "[rule a]\nfile_type = pe\ncloud = outside\n", http("/a.bin", outer))
        same([r.clouds(x) for x in (exe, TEXT, box, outer)], [["outside"], [], [], []], label)
        same((r.reason("setup.exe"), r.reason("readme.txt")), ("complete", "unwanted"), label)
    # What has a type of its own is no archive: it stays whole, and nobody wants it.
    office = zipped(**{"[Content_Types]__xml": b"<Types/>", "word/document__xml": noise("w", 5000),
                       "setup__exe": exe})
    r = Reading(where, CLOUDS + "[rule a]\nfile_type = pe\ncloud = outside\n", http("/a.docx", office))
    same((r.clouds(exe), r.clouds(office), r.kept(office), r.reason("a.docx")),
         ([], [], False, "unwanted"), "a document")


@case
def everything(where):
    """without a configuration all is kept: every type, above every limit, private talk too"""
    r = Reading(where, None, http("/s", SCRIPT * 50), http("/noise", TEXT),
                smtp(mail("a.pdf", PDF)))
    same([r.clouds(x) for x in (SCRIPT * 50, TEXT, PDF)], [["local"]] * 3, "files")
    same(r.kinds(), ["file", "mail", "mail-text"], "kinds")
    same([s["sluice"]["kind"] for s in r.sightings if s["sluice"]["file"]["state"] != "complete"],
         [], "not complete")
    # An empty configuration is the same, but what people wrote stays alone.
    r = Reading(where, "", http("/s", SCRIPT * 50), http("/noise", TEXT), smtp(mail("a.pdf", PDF)))
    same([r.clouds(x) for x in (SCRIPT * 50, TEXT, PDF)], [["local"]] * 3, "files, empty")
    same(r.kinds(), ["file"], "kinds, empty")


@case
def many(where):
    """more rules than fit into one message"""
    names = " ".join(f"application-{i:02}" for i in range(9))
    conf = CLOUDS + "".join(f"[rule r{i}]\napplication = {names}\nfile_type = pe\ncloud = outside\n"
                            for i in range(255))
    r = Reading(where, conf + "[rule last]\nfile_type = pdf\ncloud = inside\n", http("/a", PDF),
                http("/b", PE))
    same(r.clouds(PDF), ["inside"], "the last of 256 rules")
    same(r.clouds(PE), [], "none of the others")


@case
def tool(where):
    """sluicectl lists rules and types, and says what is wrong with a question"""
    r = Reading(where, CLOUDS + "[share mute]\n[limits]\npe = 2M\n[rule first]\napplication = smtp, imap\n"
                "file_type = pe, pdf\ndirection = upload\npriority = high\ncloud = inside, outside\n",
                http("/a", PDF))

    def ctl(*words, status=0):
        done = subprocess.run([SLUICECTL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=20)
        same(done.returncode, status, f"{words}: {done.stderr}")
        return done.stdout if status == 0 else done.stderr

    conf = ("-c", r.path("conf"))
    row = ctl("rules", *conf).splitlines()[1]
    same(re.split(r" {2,}", row), ["first", "smtp, imap", "pe, pdf", "upload", "high", "inside, outside"],
         "rules")
    same(json.loads(ctl("rules", "--json", *conf))["rules"],
         [{"name": "first", "application": ["smtp", "imap"], "file_type": ["pe", "pdf"],
           "direction": "upload", "cloud": ["inside", "outside"], "priority": "high"}], "rules as JSON")
    found = {t["name"]: t for t in json.loads(ctl("types", "--json", *conf))["types"]}
    same(len(found), 12, "types")
    same((found["pe"]["limit"], found["pe"]["default"], found["script"]["limit"],
          found["email-link"]["limit"]), (2 << 20, 16 << 20, 20 << 10, None), "limits")
    same([t["name"] for t in found.values() if not t["what"]], [], "types that say nothing")
    table = ctl("types", *conf).splitlines()
    same(len(table), 13, "lines of types")
    same(re.split(r" {2,}", table[3].strip()), ["pdf", "3M", "3M", "100K-50M", found["pdf"]["what"]],
         "a line of types")
    other = r.path("other.conf")
    with open(other, "w") as f:
        f.write('type pdf 1M 1K 2M "what is read"\ntype pe - \npdf magic 0 "%PDF-" -\n')
    with open(r.path("own"), "w") as f:
        f.write(f"[agent]\nfile_types = {other}\n")
    same([re.split(r" {2,}", row) for row in ctl("types", "-c", r.path("own")).splitlines()[1:]],
         [["pdf", "none", "1M", "1K-2M", "what is read"], ["pe", "none", "none", "-", "-"]], "another table")
    test = ("rules", "test", *conf, "--application", "ftp", "--direction", "upload")
    said = ctl(*test, "--type", "pe", "--size", "3M")
    for part in ("application is ftp, expected smtp, imap", "limit is 3M, expected at most 2M"):
        if part not in said:
            raise AssertionError(f"no '{part}' in: {said}")
    answer = json.loads(ctl(*test, "--type", "apk", "--json"))
    same([f["criterion"] for f in answer["rules"][0]["failures"]], ["application", "file_type"],
         "criteria")
    for words, part in (
            (("--type", "exe"), 'expected one of pe,'),
            (("--type", "pe", "--size", "3MB"), 'expected a size in bytes'),
            (("--type", "pe", "--kind", "text"), 'expected file, link or mail'),
            (("--type", "pe", "--kind", "link"), 'a link has a type of its own'),
            (("--type",), '--type'),
            (("--colour", "red"), '"--colour"'),
            ((), '--type is missing'),
            (("--type", "pe", "--direction", "in"), 'expected download or upload')):
        said = ctl(*test, *words, status=2)
        if part not in said or said.count("\n") != 1:
            raise AssertionError(f"{words}: no '{part}' alone in: {said}")
    with open(r.path("bad"), "w") as f:
        f.write("[rule a]\nfile_type = exe\n[limits]\npe = 1G\n")
    said = ctl("rules", "-c", r.path("bad"), status=1)
    for part in "bad:2: file_type: 'exe': expected any, or", "bad:4: pe: '1G': expected a number":
        if part not in said:
            raise AssertionError(f"no '{part}' in: {said}")


sys.exit(replay.main(SLUICED, SLUICECTL))
