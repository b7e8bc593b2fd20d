#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Each fuzz target replays what made it fail once, and then looks for something new for ten
# seconds ($FUZZ_TIME).  `make fuzz` does the same for as long as asked.
import concurrent.futures
import os
import sys

import fuzzing

SECONDS = int(os.environ.get("FUZZ_TIME", "10"))


def main():
    names = fuzzing.targets() if os.path.isdir(fuzzing.BUILD) else []
    print(f"1..{2 * len(names) or 1}")
    if not names:
        print("not ok 1 - the targets are built (make fuzz-targets)")
        return 1
    fuzzing.seeded()
    n = failed = 0

    def test(name, faults):
        nonlocal n, failed
        n += 1
        failed += bool(faults)
        print(f"{'not ok' if faults else 'ok'} {n} - {name}")
        for line in faults:
            print(f"#   {line}")
        sys.stdout.flush()

    for name in names:
        test(f"{name}: {len(fuzzing.inputs(name))} inputs that once failed", fuzzing.replay(name))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, faults in zip(names, pool.map(lambda x: fuzzing.run(x, SECONDS, False), names)):
            test(f"{name}: nothing new in {SECONDS} seconds", faults)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
