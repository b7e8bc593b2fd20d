#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The public captures against the objects that are known to be in them.
#
# $CORPUS/OBJECTS.tsv says what a capture holds: file, object, size, SHA-256,
# found by, standing.  Two kinds of rows are taken, one test a capture:
#
#  - HTTP/1 objects whose standing is "confirms upstream": two independent
#    tools reach the same hash;
#  - the http-evader captures in which a browser sees EICAR: its 68 bytes and
#    nothing else.
#
# Objects that Sluice leaves out on purpose are in exceptions.tsv, each with a
# reason; a test fails as well when an exception turns out to be found.
import os
import sys

import replay

SLUICED = os.environ.get("SLUICED") or os.path.join(replay.ROOT, "build", "sluiced")
TIME_LIMIT = 60

EICAR = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"
HTTP_TOOLS = ("export-objects http", "libhtp", "scapy + small parser")


def wanted():
    """capture -> {hash: size}"""
    protocol = {row[0]: row[3] for row in replay.rows(os.path.join(replay.CORPUS, "INDEX.tsv"))}
    captures = {}
    for row in replay.rows(os.path.join(replay.CORPUS, "OBJECTS.tsv")):
        if len(row) < 6 or row[0] == "file":
            continue
        name, _, size, sha256, tool, standing = row[:6]
        if not any(t in tool for t in HTTP_TOOLS):
            continue
        if "http-evader" in name:
            take = sha256 == EICAR
        else:
            take = "confirms upstream" in standing and "FTP" not in protocol.get(name, "")
        if take:
            captures.setdefault(name, {})[sha256] = int(size)
    return captures


def main():
    if not os.path.exists(os.path.join(replay.CORPUS, "OBJECTS.tsv")):
        replay.skip(f"no corpus at {replay.CORPUS}")
    replay.need(SLUICED)
    excepted = {(r[0], r[1]): r[2]
                for r in replay.rows(os.path.join(replay.HERE, "exceptions.tsv"))}

    def judge(item, out):
        capture, objects = item
        status, messages = replay.run(SLUICED, os.path.join(replay.CORPUS, capture), out,
                                      TIME_LIMIT)
        if status is None:
            return [f"not done after {TIME_LIMIT} seconds"], []
        if status:
            return [f"exit status {status}", *messages.splitlines()[-5:]], []
        found = replay.samples(out)
        faults, notes = [], []
        for sha256, size in objects.items():
            reason = excepted.get((capture, sha256))
            if reason is not None:
                notes.append(f"left out: {reason}")
                if sha256 in found:
                    faults.append(f"found all the same: {sha256}")
            elif sha256 not in found:
                faults.append(f"missing: {size} bytes, {sha256}")
            elif found[sha256] != size:
                faults.append(f"{sha256} has {found[sha256]} bytes, expected {size}")
        if faults:
            faults += [f"got: {size} bytes, {name}" for name, size in sorted(found.items())]
        return faults, notes

    return replay.each(sorted(wanted().items()), judge, lambda item: item[0])


if __name__ == "__main__":
    sys.exit(main())
