#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sluicectl over what sluiced -r leaves of public captures: sightings and show, without kernel or agent.

The same log is judged here by its JSON, so what the tool selects is known from somewhere else.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata

import replay

SLUICED = os.environ.get("SLUICED") or os.path.join(replay.ROOT, "build", "sluiced")
SLUICECTL = os.environ.get("SLUICECTL") or os.path.join(replay.ROOT, "build", "sluicectl")
COMPLETION = os.path.join(replay.ROOT, "scripts", "install", "sluicectl.bash")
CAPTURES = ["zeek/smb/smb2_100_small_files.pcap", "zeek/http/methods.pcap", "zeek/http/multipart.pcap",
            "zeek/http/206_example_c.pcap", "pcapplusplus/four_ipv6_http_streams.pcap",
            "arkime/http-post-upload.pcap", "arkime/smtp-subject-utf8-mixed.pcap",
            "suricata-verify/output-eve-ftp-data/input.pcap"]
ENV = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "CET-1CEST,M3.5.0,M10.5.0/3", "TERM": "xterm"}
ENV.pop("NO_COLOR", None)
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b]")


class Failure(Exception):
    pass


def check(good, what):
    if not good:
        raise Failure(what)


def same(got, wanted, what):
    check(got == wanted, f"{what}: got {str(got)[:600]!r}, wanted {str(wanted)[:600]!r}")


def ctl(*argv, status=0, env=None):
    done = subprocess.run([SLUICECTL, *argv], capture_output=True, text=True, timeout=60, env={**ENV, **(env or {})})
    same(done.returncode, status, " ".join(argv) + ": exit status, " + done.stderr)
    return done


def lines(log, *argv):
    return [json.loads(l) for l in ctl("--json", "sightings", "-d", log, *argv).stdout.splitlines()]


def terminal(width, *argv, env=None):
    """What a terminal of that width gets."""
    return replay.terminal((SLUICECTL, *argv), width, {**ENV, **(env or {})})


def columns(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def plain(text):
    return re.sub("\x1b\\[[0-9]*m", "", text)


class World:
    def __init__(self, top):
        self.top, self.log = top, os.path.join(top, "all")
        self.dirs = []
        os.mkdir(self.log)
        for i, name in enumerate(CAPTURES):
            out = os.path.join(top, str(i))
            os.mkdir(out)
            replay.run(SLUICED, os.path.join(replay.CORPUS, name), out, 120)
            self.dirs.append(os.path.join(out, "read"))
        with open(self.path("sightings.jsonl"), "w") as f:
            for d in self.dirs:
                with open(os.path.join(d, "sightings.jsonl")) as one:
                    shutil.copyfileobj(one, f)
        with open(self.path("sightings.jsonl")) as f:
            self.text = f.read()
        self.all = [json.loads(l) for l in self.text.splitlines()]
        check(len(self.all) > 100, "captures say too little: %d sightings" % len(self.all))

    def path(self, name):
        return os.path.join(self.log, name)

    def fresh(self, name, text=""):
        where = os.path.join(self.top, name)
        os.mkdir(where)
        with open(os.path.join(where, "sightings.jsonl"), "w") as f:
            f.write(text)
        return where


def last_ones(w):
    same(lines(w.log), w.all[-20:], "20 by default")
    same(lines(w.log, "-n", "3"), w.all[-3:], "-n")
    same(ctl("sightings", "-d", w.log, "-n", "all", "--json").stdout, w.text, "all, byte for byte")
    table = ctl("sightings", "-d", w.log, "-n5").stdout.splitlines()
    same(len(table), 6, "rows")
    check(table[0].startswith("TIME "), table[0])
    check(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+0[12]00  [↑↓]  ", table[1]), "local time: " + table[1])


def filters(w):
    def app(s):
        return s["network"].get("application")
    cases = [
        (["--application", "ftp"], lambda s: app(s) == "ftp"),
        (["-a", "smtp,ftp-data,ftp"], lambda s: app(s) in ("smtp", "ftp", "ftp-data")),
        (["--direction", "upload"], lambda s: s["sluice"]["direction"] == "upload"),
        (["--state=complete"], lambda s: s["sluice"]["file"]["state"] == "complete"),
        (["--state", "truncated", "--direction", "download"],
         lambda s: s["sluice"]["file"]["state"] == "truncated" and s["sluice"]["direction"] == "download"),
        (["--reason", "partial"], lambda s: s["sluice"]["file"]["reason"] == "partial"),
        (["--rule", "none"], lambda s: "rule" not in s),
        (["--rule", "local"], lambda s: s.get("rule", {}).get("name") == "local"),
        (["--kind", "file"], lambda s: s["sluice"]["kind"] == "file"),
        (["--name", "*.HTML"], lambda s: s["file"].get("name", "").lower().endswith(".html")),
        (["--sender", "::/0"], lambda s: ":" in s["source"]["ip"]),
        (["--receiver", "0.0.0.0/0"], lambda s: ":" not in s["destination"]["ip"]),
        (["--since", "2013-01-01"], lambda s: s["@timestamp"] >= "2012-12-31T23"),
        (["--until", "2013-01-01"], lambda s: s["@timestamp"] < "2012-12-31T23"),
        (["--vsys", "nowhere"], lambda s: False),
    ]
    some = 0
    for argv, wanted in cases:
        want = [s for s in w.all if wanted(s)]
        same(lines(w.log, "-n", "all", *argv), want, " ".join(argv))
        some += 0 < len(want) < len(w.all)
    check(some >= 8, "only %d filters had anything to do" % some)
    types = {s["sluice"]["file"].get("type") for s in w.all}
    for kind in types:
        same(lines(w.log, "-n", "all", "--type", kind or "none"),
             [s for s in w.all if s["sluice"]["file"].get("type") == kind], "type %s" % kind)
    for argv, expected in ((["-n", "0"], "a count, 1 or more, or all"), (["--colour"], "expected one of --last"),
                           (["--since", "soon"], "a time, as 10m"), (["--sender", "x"], "an address or a prefix"),
                           (["--sha256", "12"], "8 to 64 hex"), (["word"], "one word too many"), (["-t"], "expected TYPE")):
        check(expected in ctl("sightings", *argv, status=2).stderr, "sightings %s" % argv)


def places(w):
    check("No such file" in ctl("sightings", "-d", "/nonexistent", status=1).stderr, "no directory")
    where = os.path.join(w.top, "none")
    os.mkdir(where)
    check("there is no sightings.jsonl" in ctl("sightings", "-d", where, status=1).stderr, "no log")
    conf = os.path.join(w.top, "sluice.conf")
    with open(conf, "w") as f:
        f.write("[agent]\nstate_dir = %s  ; here\n[cloud broken\nkind = no\n" % w.log)
    same(ctl("--json", "sightings", "-c", conf, "-n", "1").stdout, w.text.splitlines()[-1] + "\n", "of a configuration")
    check("No such file" in ctl("sightings", "-c", "/nonexistent", status=1).stderr, "no configuration")
    if os.getuid() == 0:
        os.chmod(w.top, 0o711)
        where = w.fresh("shut")
        os.chmod(os.path.join(where, "sightings.jsonl"), 0o600)
        done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", SLUICECTL,
                               "sightings", "-d", where], capture_output=True, text=True)
        same((done.returncode, "Permission denied" in done.stderr), (1, True), "not permitted: " + done.stderr)


def rotated(w):
    rows = w.text.splitlines(True)
    where = w.fresh("rotated", "".join(rows[60:]) + rows[0][:50])
    with open(os.path.join(where, "sightings.jsonl.1"), "w") as f:
        f.write("".join(rows[30:60]) + "{broken\n")
    with open(os.path.join(where, "sightings.jsonl.2"), "w") as f:
        f.write("".join(rows[:30]))
    with open(os.path.join(where, "sightings.jsonl.3.gz"), "w") as f:
        f.write("no line\n")
    done = ctl("--json", "sightings", "-d", where, "-n", "all")
    same(done.stdout, w.text, "with predecessors, without what is half written")
    check("1 line is broken" in done.stderr, "broken lines are said: " + done.stderr)
    same(ctl("--json", "sightings", "-d", where, "-n", "2").stderr, "", "a predecessor that is not needed is not read")


def show(w):
    done = 0
    for d in w.dirs:
        with open(os.path.join(d, "sightings.jsonl")) as f:
            rows = [json.loads(l) for l in f]
        hashes = [s["file"]["hash"]["sha256"] for s in rows if "hash" in s["file"]]
        for sha in sorted(set(hashes))[:3]:
            one = json.loads(ctl("show", sha[:10].upper(), "-d", d, "--json").stdout)
            mine = [s for s in rows if s["file"].get("hash", {}).get("sha256") == sha]
            same((one["sha256"], one["seen"]), (sha, len(mine)), "show " + sha)
            same(one["sightings"], mine[-20:], "its sightings")
            same(one["spool"]["present"], os.path.exists(os.path.join(d, "samples", sha[:2], sha)), "in the spool")
            envelopes = sorted(n for n in os.listdir(os.path.join(d, "outbox", "local")) if n.startswith(sha))
            same(sorted(os.path.basename(e["path"]) for e in one["envelopes"]), envelopes, "envelopes")
            text = ctl("show", sha[:8], "-d", d).stdout
            for s in mine[-20:]:
                for value in (s["source"]["ip"], s["destination"]["ip"], s["event"]["id"], s["network"].get("application")):
                    check(not value or value in text, "no %s in %s" % (value, text))
            done += 1
    check(done > 8, "%d samples" % done)
    sha = hashes[-1]
    check("no sample that begins with" in ctl("show", "0123456789", "-d", w.log, status=1).stderr, "not there")
    check("at least 8" in ctl("show", sha[:7], "-d", w.log, status=2).stderr, "too short")
    check("at least 8" in ctl("show", status=2).stderr, "nothing")
    a, b = "abcd1234" + "0" * 56, "abcd1234" + "f" * 56
    first = next(s for s in w.all if "hash" in s["file"])["file"]["hash"]["sha256"]
    line = json.dumps(next(s for s in w.all if "hash" in s["file"]))
    where = w.fresh("twins", "".join(line.replace(first, h) + "\n" for h in (a, b)))
    said = ctl("show", "abcd1234", "-d", where, status=1).stderr
    check(a in said and b in said and "2 samples" in said, "ambiguous: " + said)
    said = ctl("show", a[:9], "-d", where, "--run-dir", where)
    check("agent not running: clouds unknown" in said.stdout, said.stdout)
    same(said.stderr, "", "and that is no error")


HOSTILE = ["\x1b[2J\x1b[31mred", "\x9b31mcsi", "new\nline", "tab\there", "\u202efdp.exe", "日本語の名前" * 9, "e\u0301" * 30,
           "\u0301" * 40, "bell\x07", "\x1b]0;title\x07", "back\x08\x08\x7f", "zero\u200bwidth", "👩‍👩‍👧" * 5, "-" * 300]


def hostile(w):
    line = next(s for s in w.all if "hash" in s["file"])
    rows = []
    for name in HOSTILE:
        s = json.loads(json.dumps(line))
        s["file"]["name"] = s["url"] = s["user"] = s["rule"] = None
        s["file"]["name"], s["url"], s["user"], s["rule"] = name, {"original": "http://" + name}, {"name": name}, {"name": name}
        s["network"]["application"] = s["event"]["id"] = s["@timestamp"] = name
        s["sluice"]["file"]["type"] = name
        rows.append(json.dumps(s, ensure_ascii=False))
    where = w.fresh("hostile", "\n".join(rows) + "\n")
    sha = line["file"]["hash"]["sha256"]
    for argv in (("sightings", "-d", where, "-n", "all"), ("show", sha, "-d", where),
                 ("--json", "sightings", "-d", where, "-n", "all"), ("--json", "show", sha, "-d", where)):
        for width in (40, 80, 200):
            said = terminal(width, *argv, env={"NO_COLOR": "1"})
            check(not CONTROL.search(said), "%s at %d: %r" % (argv, width, CONTROL.search(said)))
            if "sightings" in argv and "--json" not in argv:
                same(len(said.splitlines()), len(HOSTILE) + 1, "one row each")
    check("\\x1b[2J" in ctl("sightings", "-d", where, "-n", "all").stdout, "said as it is")
    same([s["file"]["name"] for s in lines(where, "-n", "all")], HOSTILE, "JSON has the names as they were")
    said = terminal(80, "sightings", "-d", where, "-n", "all", env={"LC_ALL": "C", "NO_COLOR": "1"})
    check(all(c == "\n" or " " <= c <= "~" for c in said), "a terminal without UTF-8: %r" % said)


def widths(w):
    sizes = {}
    for width in (40, 80, 120, 200):
        said = terminal(width, "sightings", "-d", w.log, "-n", "60")
        rows = plain(said).splitlines()
        same(len(rows), 61, "rows at %d" % width)
        for row in rows:
            check(columns(row) <= width, "%d columns of %d: %s" % (columns(row), width, row))
        sizes[width] = len(rows[0].split())
        check("TIME" in rows[0] and "NAME" in rows[0], "titles at %d: %s" % (width, rows[0]))
        check(re.match(r"(\d{4}-)?\d\d-\d\d \d\d:\d\d:\d\d(\.\d{3})?\+0[12]00 ", rows[1]), "time: " + rows[1])
    check(sizes[40] < sizes[200], "columns give way: %r" % sizes)
    check("SENDER" in plain(terminal(200, "sightings", "-d", w.log)), "sender at 200")
    check(max(len(r) for r in ctl("sightings", "-d", w.log, "-n", "60").stdout.splitlines()) > 130, "no terminal, no limit")


RULES = """
[cloud first-of-them]
kind = directory
[share first-of-them]
default = share
[cloud second-of-them]
kind = directory
[share second-of-them]
default = share
[rule everything-they-move]
application = web-browsing, ftp, smtp, imap, pop3, nfs, tftp
file_type = pe, pdf, ms-office, apk, jar, script
cloud = first-of-them, second-of-them
"""
USERS = [{"address": address, "user": user, "vsys": vsys, "begin": None, "end": "2026-11-24T18:19:54Z",
          "source": "sluicectl", "groups": groups}
         for address, user, vsys, groups in (
             ("192.0.2.1", "corp\\alice", "", []), ("192.0.2.2", "corp\\" + "b" * 60, "", []),
             ("2001:db8:1234:5678:9abc:def0:1234:5678", "corp\\carol", "tenants", ["staff", "admins of everything"]))]
SYSTEMS = [{"vsys": "tenants", "conditions": [{"netns": "/run/netns/" + "t" * 60}], "now": []}, {"otherwise": "vsys1"},
           {"zone": "inside", "interface": ["eth%d" % i for i in range(20)]}]


def tables(w):
    conf = os.path.join(w.top, "rules.conf")
    with open(conf, "w") as f:
        f.write(RULES)
    users, systems = w.fresh("users"), w.fresh("systems")
    ends = replay.agent(users, USERS), replay.agent(systems, SYSTEMS)
    try:
        for argv, rows, at80 in (
                (("rules", "-c", conf), 2, "RULE APPLICATION FILE TYPE DIRECTION PRIORITY CLOUD"),
                (("types", "-c", conf), 10, "TYPE LIMIT DEFAULT RANGE FILES"),
                (("regions",), 20, "REGION URL WHERE"),
                (("user", "list", "--run-dir", users), 4, "ADDRESS USER VSYS UNTIL"),
                (("vsys", "--run-dir", systems), 6, "VIRTUAL SYSTEM CONDITIONS NOW")):
            whole = ctl(*argv).stdout.splitlines()
            check(max(map(columns, whole)) > 80, "%s fits by itself: %r" % (argv, whole))
            for width in (20, 40, 80, 400):
                shown = plain(terminal(width, *argv)).splitlines()
                check(len(shown) >= rows, "rows of %s: %r" % (argv, shown))
                for row in shown:
                    check(columns(row) <= width, "%d columns of %d: %s" % (columns(row), width, row))
                if width == 80:
                    same(" ".join(shown[0].split()), at80, "titles of %s" % (argv,))
        shown = plain(terminal(80, "user", "list", "--run-dir", users))
        for text in ("192.0.2.1 ", "2001:db8:123", "0:1234:5678 ", "corp\\alice ", "corp\\carol ", "corp\\bbbb"):
            check(text in shown, "no %s in %s" % (text, shown))
        check(re.search(r"2026-11-24 19:19:54 CET$", shown, re.M), "a time is whole: " + shown)
        shown = plain(terminal(400, "user", "list", "--run-dir", users))
        check("GROUPS" in shown and "staff, admins of everything" in shown, shown)
    finally:
        for end in ends:
            end()


def colours(w):
    argv = ("sightings", "-d", w.log, "-n", "all")
    check("\x1b[1m" in terminal(120, *argv), "titles are bold")
    row = json.loads(json.dumps(next(s for s in w.all if s["sluice"]["file"]["state"] == "complete")))
    row["sluice"]["file"].update(state="truncated", reason="gap")
    where = w.fresh("gap", json.dumps(row) + "\n")
    check("\x1b[33mgap" in terminal(120, "sightings", "-d", where), "what is not whole is yellow")
    row["sluice"]["file"]["traits"] = ["bomb"]
    where = w.fresh("bomb", json.dumps(row) + "\n")
    check("\x1b[31mgap, bomb" in terminal(120, "sightings", "-d", where), "what is remarkable is red")
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}):
        check("\x1b" not in terminal(120, *argv, env=env), "colour in spite of %r" % env)
    check("\x1b" not in terminal(120, "--color=never", *argv), "never")
    check("\x1b" in terminal(120, "--color", "always", *argv, env={"NO_COLOR": "1"}), "always")
    check("\x1b" in ctl(*argv, "--color=always").stdout, "always, not a terminal")
    check("\x1b" not in ctl(*argv).stdout, "not a terminal")
    check("auto, always or never" in ctl("--color=blue", *argv, status=2).stderr, "a wrong word")


def follow(w):
    rows = w.text.splitlines(True)
    where = w.fresh("follow", "".join(rows[:5]))
    log = os.path.join(where, "sightings.jsonl")
    out = os.path.join(w.top, "followed")
    with open(out, "w") as f:
        child = subprocess.Popen([SLUICECTL, "--json", "sightings", "-f", "-n", "2", "-d", where], stdout=f, env=ENV)

    def wait(wanted, what):
        end = time.monotonic() + 20
        while True:
            with open(out) as f:
                got = f.read()
            if got == wanted:
                return
            check(time.monotonic() < end and child.poll() is None, "%s: %d lines, wanted %d" % (
                what, got.count("\n"), wanted.count("\n")))
            time.sleep(0.02)
    try:
        want = "".join(rows[3:5])
        wait(want, "the last two")
        writer = open(log, "a")
        writer.write(rows[5] + rows[6][:40])
        writer.flush()
        want += rows[5]
        wait(want, "a new one, and not the half of the next")
        # logrotate: renamed, a new file made, and the writer told only then
        os.rename(log, log + ".1")
        open(log, "w").close()
        writer.write(rows[6][40:] + rows[7])
        writer.close()
        want += rows[6] + rows[7]
        wait(want, "the old file under its new name")
        with open(log, "a") as f:
            f.write(rows[8])
        want += rows[8]
        wait(want, "the new file")
        # copytruncate
        os.truncate(log, 0)
        with open(log, "a") as f:
            f.write(rows[9][:-1])
        time.sleep(0.1)
        with open(log, "a") as f:
            f.write("\n")
        want += rows[9]
        wait(want, "after it was emptied")
        for row in rows[10:40]:
            with open(log, "a") as f:
                f.write(row)
        want += "".join(rows[10:40])
        wait(want, "many")
    finally:
        child.terminate()
        child.wait()
    # Nobody reads any more: it ends by itself.
    child = subprocess.Popen([SLUICECTL, "sightings", "-f", "-d", where], stdout=subprocess.PIPE, env=ENV)
    child.stdout.readline()
    child.stdout.close()
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        child.kill()
        raise Failure("it follows for nobody") from None


def completion(w):
    script = '''. %s
sluicectl() { %s "$@"; }
words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _sluicectl; echo "${COMPREPLY[*]}"; }
words sluicectl sight
words sluicectl sightings --ty
words sluicectl sightings --state ''
words sluicectl sightings --reason spool
words sluicectl --color a
words sluicectl show --state-dir %s/samp
words sluicectl monitor s
words sluicectl help sho
''' % (COMPLETION, SLUICECTL, w.dirs[0])
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=ENV)
    same(done.stdout.splitlines(), ["sightings", "--type", "complete truncated", "spool-full spool-error", "auto always",
                                    w.dirs[0] + "/samples", "sessions", "show"], "completions " + done.stderr)
    for command in ctl("help", "--complete").stdout.split():
        text = ctl("help", command).stdout
        for option in re.findall("^--.*", ctl("help", "--complete", command).stdout, re.M):
            check(option in text, "help %s does not name %s" % (command, option))


def main():
    replay.need(SLUICED)
    replay.need(SLUICECTL)
    if not os.path.isdir(replay.CORPUS):
        replay.skip(f"no corpus at {replay.CORPUS}")
    tests = (last_ones, filters, places, rotated, show, hostile, widths, tables, colours, follow, completion)
    failed = 0
    print(f"1..{len(tests)}")
    with tempfile.TemporaryDirectory(prefix="sluice-tool-") as top:
        w = World(top)
        for i, test in enumerate(tests, 1):
            try:
                test(w)
                print(f"ok {i} - {test.__name__}")
            except (Failure, subprocess.TimeoutExpired, KeyError, ValueError, OSError) as e:
                failed += 1
                print(f"not ok {i} - {test.__name__}")
                print("\n".join("# " + l for l in f"{type(e).__name__}: {e}".splitlines()))
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
