#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Names, subjects, senders, recipients and links: what upstream expects of the public
# captures (the last but one column of INDEX.tsv) against the sightings.
#
# An expectation is one of, separated by " | ", each with marks behind a ";":
#
#	NAME;SIZE;ALGORITHM:HASH;MARK...	a file: without a name nothing is asked here
#	mail{src=, dst=, subject=, filename=, from=, to=, mailfrom=, rcptto=}
#	mail{email.from=, email.to[0]=, email.attachment[0]=, email.url[0]=, smtp.mail_from=<>, ...}
#	ftp_data{ftp_data.command=, ftp_data.filename=}		ftp{RETR ftp://..., size=, user=}
#	tftp{tftp.file=}	nfs{nfs.filename=, nfs.file_tx=True}	http{GET host/path -> 200, ...}
#
# A sighting has to say so: of a file that came whole or not.  What was never transferred
# (opened only, a listing, an empty body) has none, so no sighting is asked for then.
# expect-exceptions.tsv says where upstream is not followed, and why: capture, expectation
# as the test prints it, reason.  One that holds all the same fails.
import os
import re
import sys

import corpus
import replay
from corpus import member

# Of those others the test of that upstream is about something else, or the opposite.
NOT_HERE = re.compile(r"must-not-appear|FILE_OPEN|FILE_DELETE|FILE_RENAME")


class Expectation:
    """holds(sightings) of a thing that text describes."""

    def __init__(self, text, holds):
        self.text, self.holds = text, holds


# ----------------------------------------------------------------- sightings


def any_of(sightings, *tests):
    return any(all(t(s) for t in tests) for s in sightings)


def kinds(*names):
    return lambda s: member(s, "sluice.kind") in names


def strings(v):
    return [v] if isinstance(v, str) else [x for x in v or [] if isinstance(x, str)]


def squeezed(text):
    return " ".join(text.split())


def addresses(text):
    """The bare addresses in a header's value."""
    return {a.lower().strip(".") for a in re.findall(r"[^\s<>,;\"'()&]+@[^\s<>,;\"'()&]+", text)}


def address(paths, wanted):
    """One of these members has one of the addresses of a text."""
    want = addresses(wanted) or {wanted.strip("<> ").lower()}

    def test(s):
        have = set()
        for path in paths:
            for v in strings(member(s, path)):
                have |= addresses(v) or {v.strip("<> ").lower()}
        return bool(want & have)
    return test


SENDER = "email.from.address", "sluice.smtp.mail_from"
RECIPIENT = "email.to.address", "sluice.smtp.rcpt_to"


def subject(wanted):
    want = squeezed(wanted)

    def test(s):
        have = squeezed(member(s, "email.subject") or "")
        return have == want or (len(want) >= 20 and have.startswith(want))
    return test


def base(name):
    return re.split(r"[\\/]", name)[-1]


def named(wanted):
    """The file's name, however much of the path upstream has."""
    def test(s):
        have = [member(s, "file.name"), member(s, "file.path")]
        return any(h and (h == wanted or base(h) == base(wanted) or
                          len(wanted) > 100 and h.startswith(wanted)) for h in have)
    return test


def linked(wanted):
    want = re.sub(r"^[a-z]+://", "", wanted).rstrip("/").lower()

    def test(s):
        have = re.sub(r"^[a-z]+://", "", member(s, "url.original") or "").rstrip("/").lower()
        return have == want
    return test


def command(name):
    return lambda s: (member(s, "sluice.command") or "").upper() == name


# -------------------------------------------------------------- expectations


def pairs(text):
    """{key: value} of "k=v, k=v": a key is a word, so that values may hold commas."""
    found = {}
    for part in re.split(r", (?=(?:part )?[A-Za-z_][\w.\[\]]*=)", text):
        key, eq, value = part.partition("=")
        if eq:
            found[key.strip()] = value
    return found


def of_mail(text):
    p = pairs(text)
    if not any(k for k in p if k not in ("smtp.helo", "email.status")):
        return
    envelope = re.compile(r"smtp\.rcpt_to\[")
    mail = kinds("mail", "mail-text", "file", "link")
    for key, value in p.items():
        if key in ("src",):
            for one in value.split(" & "):
                yield f"sender {one}", [mail, address(SENDER, one)]
        elif key in ("mailfrom", "smtp.mail_from"):
            yield f"envelope sender {value}", [mail, address(("sluice.smtp.mail_from",), value)]
        elif key in ("from", "email.from"):
            yield f"sender {value}", [mail, address(("email.from.address",), value)]
        elif key == "dst":
            for one in value.split(" & "):
                yield f"recipient {one}", [mail, address(RECIPIENT, one)]
        elif key == "rcptto" or envelope.match(key):
            yield f"envelope recipient {value}", \
                [mail, address(("sluice.smtp.rcpt_to",), value)]
        elif key == "to" or key.startswith("email.to["):
            yield f"recipient {value}", [mail, address(("email.to.address",), value)]
        elif key == "subject" or key == "email.subject":
            yield f"subject {value}", [mail, subject(value)]
        elif key == "filename" or key.startswith("email.attachment["):
            yield f"attachment {value}", [kinds("file"), named(value)]
        elif key.startswith("email.url["):
            # Only what a browser opens is a link here.
            if re.match(r"(https?://|(?![a-z]+:))", value):
                yield f"link {value}", [kinds("link"), linked(value)]


def of_ftp_data(text):
    p = pairs(text)
    name, verb = p.get("ftp_data.filename"), p.get("ftp_data.command", "")
    if not name or verb in ("LIST", "NLST", "MLSD"):
        return
    yield f"{verb} {name}", [named(name), command(verb)]


def of_ftp(text):
    m = re.match(r"(RETR|STOR|APPE|STOU) (ftp://\S+?),", text)
    if not m:
        return
    user = re.search(r"user=([^,}]+)", text)
    tests = [named(m[2]), command(m[1])]
    if user and user[1] not in ("-", "<unknown>"):
        tests.append(lambda s: member(s, "user.name") == user[1])
    yield f"{m[1]} {m[2]}" + (f" by {user[1]}" if len(tests) > 2 else ""), tests


def of_tftp(text):
    p = pairs(text)
    if "tftp.file" in p:
        yield f"TFTP {p['tftp.file']}", [named(p["tftp.file"])]


def of_nfs(text):
    p = pairs(text)
    if p.get("nfs.file_tx") == "True" and p.get("nfs.filename"):
        yield f"NFS {p['nfs.filename']}", [named(p["nfs.filename"])]


def of_http(text):
    p = pairs(text)
    body = re.search(r"(req|resp)_len=[1-9]", text)
    m = re.match(r"(GET|PUT|POST) (\S+) -> (\d+)", text)
    if m and body and "/" in m[2]:
        path = re.sub(r"^[^/]*", "", m[2])
        yield f"{m[1]} {m[2]}", [lambda s: (member(s, "url.original") or "").endswith(path)]
    if "orig_filenames" in p:
        yield f"upload {p['orig_filenames']}", [named(p["orig_filenames"])]
    if p.get("uri") and p.get("statuscode") == "200" and "&" not in p["uri"]:
        yield f"uri {p['uri']}", [lambda s: (member(s, "url.original") or "").endswith(
            re.sub(r"^[^/]*", "", p["uri"]))]


FORMS = {"mail": of_mail, "ftp_data": of_ftp_data, "ftp": of_ftp, "tftp": of_tftp,
         "nfs": of_nfs, "http": of_http}


def of_file(text):
    parts = text.split(";")
    name, size = parts[0].strip(), parts[1] if len(parts) > 1 else ""
    if len(parts) < 3 or not name or size == "0" or name.startswith(("stream ", "reassembled ")):
        return
    if name.startswith("<") and name.endswith(">"):
        return      # upstream's word for a name it does not know
    yield f"file {name}", [kinds("file"), named(name)]


def expectations(text):
    """[(description, tests)] of a row, each once."""
    found = {}
    for one in re.split(r" \| ", text):
        m = re.match(r"(\w+)\{(.*)\}(.*)$", one)
        if NOT_HERE.search(m[3] if m else one):
            continue
        if m:
            of = FORMS.get(m[1])
            found.update(dict(of(m[2]) if of else ()))
        elif "{" not in one.split(";")[0]:
            found.update(dict(of_file(one)))
    return sorted(found.items())


def main():
    if not corpus.there():
        replay.skip(f"no corpus at {replay.CORPUS}")
    replay.need(corpus.SLUICED)
    excepted = {(r[0], r[1]): r[2]
                for r in replay.rows(os.path.join(replay.HERE, "expect-exceptions.tsv"))}
    items = [(name, wanted) for name, (_, text) in sorted(corpus.index().items())
             if (wanted := expectations(text))]

    def judge(item, out):
        name, wanted = item
        reading = corpus.read(name)
        faults, notes = corpus.trouble(reading), []
        for what, tests in wanted:
            reason = excepted.get((name, what))
            holds = any_of(reading.sightings, *tests)
            if reason and holds:
                faults.append(f"holds all the same: {what}")
            elif reason:
                notes.append(f"{what}: {reason}")
            elif not holds:
                faults.append(f"no sighting: {what}")
        if faults:
            faults += [f"got: {describe(s)}" for s in reading.sightings[:12]]
        return faults, notes

    status = replay.each(items, judge, lambda item: f"{item[0]}: {len(item[1])} expectations")
    return status


def describe(s):
    paths = ("sluice.kind", "sluice.file.state", "file.name", "url.original", "email.subject",
             "email.from.address", "email.to.address", "sluice.smtp.mail_from",
             "sluice.smtp.rcpt_to", "sluice.command", "user.name")
    return ", ".join(f"{p.split('.', 1)[-1]}={str(member(s, p))[:100]}" for p in paths if member(s, p))


if __name__ == "__main__":
    sys.exit(main())
