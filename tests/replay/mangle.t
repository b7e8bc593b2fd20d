#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Order and loss: the public captures once more, made worse (mangle.py).
#
#	shuffled	each packet up to eight places from where it was, across sessions
#	mistimed	the same, with times that go back
#	duplicated	a third of them twice
#	overlapped	segments cut anew, with bytes that are in two of them
#	lost		one packet in a hundred is not there
#
# The same samples must come out, and after a loss none that was not there before: a file
# that was hit is reported as truncated, or not at all.  So may be what came by UDP in disorder.
#
#	mangle.t [--long] [PATTERN]
#
# A test a capture, with all of these, and several seeds, of --long.  The short form takes one in
# STRIDE of the small captures of each source and protocol, few of those that are alike, and two of
# these for each.  $SEED takes another seed than the usual one.
import os
import re
import sys
import zlib

import corpus
import mangle
import replay

SHORT = 400_000     # bytes of a capture
STRIDE = 3
KINDS = (
    ("shuffled", mangle.shuffled, True),
    ("mistimed", mangle.mistimed, True),
    ("duplicated", mangle.duplicated, True),
    ("overlapped", mangle.overlapped, True),
    ("lost", mangle.lossy, False),
)
UNREADABLE = "is not supported|different from the type of the first"
DISORDER = "shuffled", "mistimed"
SEED = int(os.environ.get("SEED", "1"))


def chosen(long, pattern):
    families = {n: f for n, f in corpus.captures().items() if re.search(pattern, n)}
    if long:
        return list(families)
    small = [n for n in replay.fewer(list(families))
             if os.path.getsize(os.path.join(replay.CORPUS, n)) < SHORT]
    return list(replay.sampled(small, lambda n: (n.split("/")[0], families[n]), STRIDE))


def is_udp(reading):
    """Nothing says in which order datagrams were sent."""
    return any(corpus.member(s, "network.transport") == "udp" for s in reading.sightings)


def truncated(reading):
    return sum(corpus.member(s, "sluice.file.state") != "complete" for s in reading.sightings)


def judge_with(seeds, long):
    limits = {(r[0], r[1]): (r[2], r[3])
              for r in replay.rows(os.path.join(replay.HERE, "mangle-exceptions.tsv"))}

    def judge(capture, out):
        packets = mangle.load(os.path.join(replay.CORPUS, capture))
        if not packets:
            return [], ["no packets"]
        plain = corpus.read(capture)
        faults, notes = corpus.trouble(plain), []
        if plain.status == 1 and re.search(UNREADABLE, plain.messages):
            return [], ["a capture that cannot be read: " + plain.messages.splitlines()[0]]
        if faults:
            return faults, notes
        turn = zlib.crc32(capture.encode()) % len(KINDS)
        kinds = KINDS if long else (KINDS * 2)[turn:turn + 2]
        for seed in seeds:
            for kind, make, same in kinds:
                mine = zlib.crc32(capture.encode()) ^ seed
                path, where = os.path.join(out, "mangled.pcap"), os.path.join(out, f"{kind}{seed}")
                os.mkdir(where)
                mangle.save(path, make(packets, mine))
                got = corpus.read_file(path, where)
                wrong = corpus.trouble(got)
                wrong += [f"new: {size} bytes, {name}" for name, size in got.samples.items()
                          if name not in plain.samples]
                gone = [f"gone: {size} bytes, {name}" for name, size in plain.samples.items()
                        if name not in got.samples]
                what, reason = limits.get((capture, kind), ("", ""))
                lacks = gone if same and not (kind in DISORDER and is_udp(plain)) else []
                if reason and (lacks or what == "other" and wrong):
                    notes.append(f"{kind}: {reason}")
                    lacks = []
                if what == "other":
                    wrong = []
                wrong += lacks
                if wrong:
                    faults.append(f"{kind}, seed {seed}:")
                    faults += wrong[:8]
                elif gone:
                    notes.append(f"{kind}: {len(gone)} of {len(plain.samples)} samples gone, "
                                 f"{truncated(got) - truncated(plain)} more files truncated")
        return faults, notes

    return judge


def main(words):
    if not corpus.there():
        replay.skip(f"no corpus at {replay.CORPUS}")
    replay.need(corpus.SLUICED)
    long = "--long" in words
    pattern = ([w for w in words if not w.startswith("-")] or [""])[0]
    seeds = range(SEED, SEED + (5 if long else 1))
    return replay.each(chosen(long, pattern), judge_with(seeds, long), lambda name: name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
