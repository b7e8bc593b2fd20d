#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The public captures against the objects that are known to be in them, of every protocol.
#
#  - What two independent tools agree on, and EICAR in the http-evader captures in which a
#    browser sees it (its 68 bytes and nothing else), must be found.
#  - So must what one other tool finds.  Where Sluice is right not to, exceptions.tsv says
#    why, object by object; of what is a file, they are three in a hundred of each protocol at
#    most, or two where there are few.
#
# A test a capture, and one a protocol.  An exception that is found all the same fails too.
#
#	corpus.t [--report]
#
# --report prints, instead, what is found, missing, different (a sample of that name with
# another hash) and left out on purpose, protocol by protocol.
import collections
import concurrent.futures
import os
import sys

import corpus
import replay

FOUND, MISSING, DIFFERENT, EXCEPTED, UNEXPECTED = (
    "found", "missing", "different", "left out", "found all the same")


def state(o, reading, excepted):
    """How one object of the table stands."""
    found = reading.samples.get(o.sha256) == o.size
    if (o.capture, o.sha256) in excepted:
        return UNEXPECTED if found else EXCEPTED
    if found:
        return FOUND
    names = {corpus.member(s, "file.name") for s in reading.sightings
             if corpus.member(s, "sluice.file.state") == "complete"}
    return DIFFERENT if o.name and o.name in names else MISSING


def readings(names):
    with concurrent.futures.ThreadPoolExecutor(replay.WORKERS) as pool:
        for name, reading in zip(names, pool.map(corpus.read, names)):
            yield name, reading


def table(objects):
    captures = collections.OrderedDict()
    for o in sorted(objects, key=lambda o: o.capture):
        captures.setdefault(o.capture, []).append(o)
    return captures


def main():
    captures, excepted = table(corpus.objects()), corpus.exceptions()
    protocols = sorted({o.protocol for group in captures.values() for o in group})
    score = {p: collections.Counter() for p in protocols}
    print(f"1..{len(captures) + len(protocols) + 1}")
    failed = n = 0

    def test(name, faults, notes=()):
        nonlocal failed, n
        n += 1
        failed += bool(faults)
        print(f"{'not ok' if faults else 'ok'} {n} - {name}")
        for line in [*faults, *notes]:
            print(f"#   {line}")
        sys.stdout.flush()

    used = set()
    for capture, reading in readings(list(captures)):
        faults, notes = corpus.trouble(reading), []
        for o in captures[capture]:
            how = state(o, reading, excepted)
            used.add((o.capture, o.sha256))
            reason, file = excepted.get((o.capture, o.sha256), ("", True))
            if file and not o.upstream:
                score[o.protocol][how in (FOUND, UNEXPECTED)] += 1
            if how == EXCEPTED:
                notes.append(f"left out: {reason}")
            elif how != FOUND:
                faults.append(f"{how}: {o.protocol}, {o.size} bytes, {o.sha256} {o.name}")
        if faults:
            faults += [f"got: {size} bytes, {name}"
                       for name, size in sorted(reading.samples.items())[:20]]
        test(capture, faults, notes)
    for p in protocols:
        good, all_of_it = score[p][True], score[p].total()
        bad = good < min(corpus.SHARE * all_of_it, all_of_it - corpus.FEW)
        test(f"{p}: at least {corpus.SHARE:.0%} of the second opinions",
             [f"{good} of {all_of_it}"] if bad else [], [] if bad else [f"{good} of {all_of_it}"])
    test("every exception is of an object in the table",
         [f"{c} {h}" for c, h in excepted if (c, h) not in used])
    return 1 if failed else 0


def report():
    captures, excepted = table(corpus.objects()), corpus.exceptions()
    columns = FOUND, MISSING, DIFFERENT, EXCEPTED
    rows, lines = collections.defaultdict(collections.Counter), []
    for capture, reading in readings(list(captures)):
        lines += [f"{capture}: {line}" for line in corpus.trouble(reading)]
        for o in captures[capture]:
            how = state(o, reading, excepted)
            how = FOUND if how == UNEXPECTED else how
            rows[o.protocol][how] += 1
            rows["total"][how] += 1
            if how in (MISSING, DIFFERENT):
                lines.append(f"{how}: {o.protocol}: {capture}: {o.size} bytes, {o.sha256} "
                             f"{o.name} ({'sure' if o.sure else 'second opinion'})")
    print(f"{'protocol':10}" + "".join(f"{c:>12}" for c in columns))
    for name in [p for p in sorted(rows) if p != "total"] + ["total"]:
        print(f"{name:10}" + "".join(f"{rows[name][c]:12}" for c in columns))
    print("\n".join(["", *lines] if lines else []), end="\n" if lines else "")
    return 0


if __name__ == "__main__":
    if not corpus.there():
        replay.skip(f"no corpus at {replay.CORPUS}")
    replay.need(corpus.SLUICED)
    sys.exit(report() if sys.argv[1:] == ["--report"] else main())
