#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# sluicectl policy: named policies, differences, PAN-OS's node in and out, keys. What it prints is
# a configuration that sluiced reads.
import json
import os
import re
import stat
import subprocess
import sys
import tempfile

import replay

BUILD = os.environ.get("BUILD", os.path.join(replay.ROOT, "build"))
SLUICECTL = os.environ.get("SLUICECTL", os.path.join(BUILD, "sluicectl"))
FIELDS = ("source_ip source_port destination_ip destination_port virtual_system application user url "
          "filename email_sender email_recipient email_subject").split()
PANOS = dict(zip(FIELDS, ("exclude-src-ip exclude-src-port exclude-dest-ip exclude-dest-port exclude-vsys-id "
                          "exclude-app-name exclude-username exclude-url exclude-filename "
                          "exclude-email-sender exclude-email-recipient exclude-email-subject").split()))
NODE = "<config><devices><wildfire><session-info-select>%s</session-info-select></wildfire></devices></config>"


def ctl(*argv, status=0, stdin=None, cwd=None):
    done = subprocess.run([SLUICECTL, *argv], input=stdin, capture_output=True, text=True, timeout=30, cwd=cwd)
    assert done.returncode == status, f"{argv}: exit status {done.returncode}: {done.stdout}{done.stderr}"
    return done


def fields_of(section):
    return dict(re.findall(r"^(\w+) = (.*)$", section, re.M))


def conf(directory, share, name="there"):
    path = os.path.join(directory, "sluice.conf")
    with open(path, "w") as f:
        f.write(f"[cloud {name}]\nkind = directory\npath = {directory}/there\n[rule all]\napplication = any\n"
                f"file_type = any\ndirection = both\ncloud = {name}\n[share {name}]\n{share}")
    return path


def presets(out):
    listed = {p["name"]: p["fields"] for p in json.loads(ctl("--json", "policy", "presets").stdout)}
    assert list(listed) == ["full", "balanced", "pseudonymous", "minimal"], listed
    assert all(sorted(f) == sorted(FIELDS) for f in listed.values())
    assert set(listed["full"].values()) == {"share"}
    for name, fields in listed.items():
        path = conf(out, f"preset = {name}\n")
        assert "no difference" in ctl("policy", "diff", "-c", path, name, "there").stdout
        # Said field by field it is the same.
        path = conf(out, "".join(f"{f} = {m}\n" for f, m in fields.items()))
        assert "no difference" in ctl("policy", "diff", "-c", path, name, "there").stdout
    assert "stricter" not in ctl("policy", "diff", "minimal", "full", status=1).stdout
    assert "looser" not in ctl("policy", "diff", "full", "minimal", status=1).stdout


def differences(out):
    path = conf(out, "default = share\nsource_ip = truncate 8 48\nurl = truncate origin\n")
    got = json.loads(ctl("--json", "policy", "diff", "-c", path, "full", "there", status=1).stdout)
    assert got == {"source_ip": ["share", "truncate 8 48", "stricter"],
                   "url": ["share", "truncate origin", "stricter"]}, got
    got = json.loads(ctl("--json", "policy", "diff", "-c", path, "there", "balanced", status=1).stdout)
    assert got["source_ip"] == ["truncate 8 48", "truncate 24 48", "looser"], got
    conf(out, "default = share\nsource_ip = truncate 16 64\n")
    got = json.loads(ctl("--json", "policy", "diff", "-c", path, "balanced", "there", status=1).stdout)
    assert got["source_ip"] == ["truncate 24 48", "truncate 16 64", "neither"], got
    assert "expected a [cloud] of" in ctl("policy", "diff", "-c", path, "full", "nowhere", status=1).stderr
    for wrong in ((), ("diff",), ("diff", "full"), ("nothing",), ("presets", "x"), ("export",), ("keygen",)):
        assert "expected" in ctl("policy", *wrong, status=2).stderr, wrong


def imported(out):
    """Each field by itself and all, in each spelling; what is printed is read as it was meant."""
    for chosen in [[f] for f in FIELDS] + [FIELDS, []]:
        for spelled in ("<%s>yes</%s>", "<member>%s</member>"):
            text = NODE % "".join(spelled.replace("%s", PANOS[f]) for f in chosen)
            got = fields_of(ctl("policy", "import", "-", stdin=text).stdout)
            assert got == {f: "omit" if f in chosen else "share" for f in FIELDS}, got
    section = ctl("policy", "import", "-", "--name", "there", stdin=NODE % "<exclude-url>yes</exclude-url>").stdout
    assert section.startswith("[share there]\n"), section
    path = conf(out, section.split("\n", 1)[1])
    got = json.loads(ctl("--json", "policy", "diff", "-c", path, "full", "there", status=1).stdout)
    assert got == {"url": ["share", "omit", "stricter"]}, got
    for text, words in ((NODE % "<exclude-all>yes</exclude-all>", "line 1, column"), ("<config/>", "expected one"),
                        (NODE % "<exclude-url>perhaps</exclude-url>", "expected yes or no"), ("", "no element"),
                        (NODE % "<member>url</member>", "'url'"), ("<a>\0</a>", "NUL")):
        done = ctl("policy", "import", "-", status=1, stdin=text)
        assert words in done.stderr and not done.stdout, (text, done)


def exported(out):
    for name in ("full", "balanced", "pseudonymous", "minimal"):
        for form in ((), ("-m",)):
            done = ctl("policy", "export", name, *form)
            xml = os.path.join(out, "node.xml")
            with open(xml, "w") as f:
                f.write(done.stdout)
            again = fields_of(ctl("policy", "import", xml).stdout)
            for p in json.loads(ctl("--json", "policy", "presets").stdout):
                if p["name"] == name:
                    wanted = {f: "share" if m == "share" else "omit" for f, m in p["fields"].items()}
                    meant = sum(m not in ("share", "omit") for m in p["fields"].values())
            assert again == wanted, (name, again)
            assert (f"{meant} fields" in done.stderr) == bool(meant), done.stderr
            # Never looser than what it was made of.
            assert "looser" not in ctl("policy", "diff", name, xml, status=int(bool(meant))).stdout


def keys(out):
    path = os.path.join(out, "key")
    ctl("policy", "keygen", path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path) as f:
        first = f.read()
    assert json.loads(ctl("--json", "policy", "keygen", path).stdout) == {"file": path, "key": "k2"}
    with open(path) as f:
        both = f.read()
    assert both.startswith(first) and re.fullmatch(r"(k\d \S+Z [0-9a-f]{64}\n){2}", both), both
    assert len({line.split()[2] for line in both.splitlines()}) == 2
    os.chmod(path, 0o640)
    assert "mode 0600" in ctl("policy", "keygen", path, status=1).stderr
    os.chmod(path, 0o600)
    with open(path, "a") as f:
        f.write("k3 2026-01-01T00:00:00Z 0011")                        # half of a line
    ctl("policy", "keygen", path, status=1)
    with open(path) as f:
        assert f.read().startswith(both + "k3 "), "a file with an error was written to"
    ctl("policy", "keygen", os.path.join(out, "no", "key"), status=1)
    ctl("policy", "keygen", "here", cwd=out)
    assert os.path.getsize(os.path.join(out, "here"))


def explained(out):
    """The strictest of all that fit, with its name."""
    path = conf(out, "preset = balanced\nurl = share\n[narrow hr]\nuser_group = hr\nuser = omit\n"
                "source_ip = truncate 16 64\n[narrow docs]\ncloud = there\nfile_type = pdf\nrule = all\ndefault = omit\n"
                "[narrow elsewhere]\nvirtual_system = lab\nurl = truncate origin\n[vsys lab]\nzone = 7\n")

    def told(*argv):
        got = json.loads(ctl("--json", "policy", "explain", "there", "-c", path, *argv).stdout)["fields"]
        return {f: (v["mode"], v["because"]) for f, v in got.items()}

    share = ["[share there]"]
    plain = told()
    assert plain["url"] == ("share", share) and plain["source_ip"] == ("truncate 24 48", share), plain
    assert plain["user"] == ("omit", ["no key"]), plain["user"]
    hr = told("--group", "hr")
    assert hr["user"] == ("omit", ["[narrow hr]", "no key"]) or hr["user"] == ("omit", ["[narrow hr]"]), hr["user"]
    assert hr["source_ip"] == ("truncate 16 48", ["[share there]", "[narrow hr]"]), hr["source_ip"]
    assert hr["url"] == ("share", share), hr["url"]
    assert told("--group", "sales") == plain and told("--type", "pdf") == plain and told("--rule", "all") == plain
    for option in ("--type", "--rule"):
        assert "there is no" in ctl("policy", "explain", "there", "-c", path, option, "pfd", status=1).stderr
    docs = told("--type", "pdf", "--rule", "all")
    assert all(mode == "omit" and "[narrow docs]" in why for mode, why in docs.values()), docs
    assert told("--vsys", "lab")["url"] == ("truncate origin", ["[narrow elsewhere]"])
    ctl("policy", "keygen", os.path.join(out, "key"))
    path = conf(out, f"preset = balanced\nkey_file = {out}/key\n")
    assert told()["user"] == ("pseudonymise", share), told()["user"]
    text = ctl("policy", "explain", "there", "-c", path).stdout
    assert re.search(r"^user +pseudonymise +\[share there\]$", text, re.M), text
    assert "expected a [cloud]" in ctl("policy", "explain", "nowhere", "-c", path, status=1).stderr


CASES = [
    ("explain: the strictest of all that fit, with its name", explained),
    ("presets: named, and in a configuration the same as field by field", presets),
    ("diff: which fields, and which way", differences),
    ("import: PAN-OS's node in both spellings, refused where it is not understood", imported),
    ("export: read back, and never looser", exported),
    ("keygen: makes and adds keys, refuses what others could read or nobody finished", keys),
]


def main():
    replay.need(SLUICECTL)
    failed = 0
    print(f"1..{len(CASES)}")
    for n, (name, case) in enumerate(CASES, 1):
        with tempfile.TemporaryDirectory(prefix="sluice-policy-") as out:
            try:
                case(out)
                print(f"ok {n} - {name}")
            except (AssertionError, ValueError, KeyError) as e:
                failed += 1
                print(f"not ok {n} - {name}")
                for line in str(e).splitlines():
                    print(f"#   {line}")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
