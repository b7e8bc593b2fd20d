#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Every file of the corpus through the agent built with AddressSanitizer and
# UBSan: no crash, no report, no hang.  Files that are no captures are read as
# well, and must be refused with a message and exit status 1.
#
#	sanitize.t [--long]
#
# The short form takes one in four of those in a folder, and few that are alike.
import os
import sys

import replay

SLUICED = os.environ.get("SLUICED") or os.path.join(replay.ROOT, "build", "san", "sluiced")
TIME_LIMIT = 60
REPORTS = ("Sanitizer", "runtime error:")

os.environ.setdefault("ASAN_OPTIONS", "exitcode=99")
os.environ.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")


def judge(capture, out):
    status, messages = replay.run(SLUICED, os.path.join(replay.CORPUS, capture), out, TIME_LIMIT)
    tail = messages.splitlines()[-25:]
    if status is None:
        return [f"not done after {TIME_LIMIT} seconds", *tail], []
    if status not in (0, 1) or any(r in messages for r in REPORTS):
        return [f"exit status {status}", *tail], []
    if status == 1 and not messages.strip():
        return ["exit status 1 and no message"], []
    return [], []


def main(words):
    if not os.path.isdir(replay.CORPUS):
        replay.skip(f"no corpus at {replay.CORPUS}")
    replay.need(SLUICED)
    captures = []
    for where, _, names in os.walk(replay.CORPUS):
        for name in names:
            if not name.endswith(".tsv"):
                captures.append(os.path.relpath(os.path.join(where, name), replay.CORPUS))
    if not captures:
        replay.skip(f"an empty corpus at {replay.CORPUS}")
    captures.sort()
    if "--long" not in words:
        captures = replay.thinned(replay.fewer(captures, 100), 4)
    return replay.each(captures, judge, lambda item: item)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
