#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Every file of the corpus through the agent built with AddressSanitizer and
# UBSan: no crash, no report, no hang.  Files that are no captures are read as
# well, and must be refused with a message and exit status 1.
#
#	sanitize.t [--long]
#
# The short form takes one in STRIDE of each source and protocol, and few of those that are alike.
import os
import sys

import corpus
import replay

SLUICED = os.environ.get("SLUICED") or os.path.join(replay.ROOT, "build", "san", "sluiced")
TIME_LIMIT = 60
STRIDE = 4
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
        kinds = corpus.index()
        captures = list(replay.sampled(replay.fewer(captures, 100), lambda name: (
            name.split(os.sep)[0], corpus.family(name, kinds.get(name, ("",))[0])), STRIDE))
    return replay.each(captures, judge, lambda item: item)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
