# SPDX-License-Identifier: MIT
"""Running fuzz targets: which there are, where their inputs are, one run."""
import os
import shutil
import subprocess
import tempfile

import seeds

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, "build", "fuzz")
CRASHES = os.path.join(BUILD, "crashes")
KEPT = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
                    "sluice", "fuzz")
OPTIONS = ("-timeout=20", "-rss_limit_mb=1024", "-max_len=32768", "-print_final_stats=1",
           "-verbosity=0")


def targets():
    return sorted(name[5:] for name in os.listdir(BUILD)
                  if name.startswith("fuzz_") and "." not in name)


def seeded():
    """The folder of seeds, made once a build folder."""
    folder = os.path.join(BUILD, "seeds")
    if not os.path.isdir(folder):
        part = tempfile.mkdtemp(dir=BUILD)
        seeds.make(part)
        try:
            os.rename(part, folder)
        except OSError:     # somebody else was quicker
            shutil.rmtree(part)
    return folder


def program(target):
    return os.path.join(BUILD, f"fuzz_{target}")


def inputs(target):
    """Inputs that made it fail once."""
    folder = os.path.join(HERE, "regress", target)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [os.path.join(folder, name) for name in names]


def replay(target):
    """Why the inputs that once failed fail again; empty when they do not."""
    files = inputs(target)
    if not files:
        return []
    return judge(subprocess.run([program(target), *OPTIONS, *files], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, cwd=BUILD, timeout=300))


def run(target, seconds, keep):
    """Fuzzes for so long.  keep: goes on from what earlier runs found, and adds to it."""
    os.makedirs(CRASHES, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sluice-fuzz-") as fresh:
        mine = os.path.join(KEPT, target) if keep else fresh
        os.makedirs(mine, exist_ok=True)
        folders = [mine, *[f for f in (os.path.join(seeded(), target),) if os.path.isdir(f)]]
        done = subprocess.run(
            [program(target), *OPTIONS, f"-max_total_time={seconds}",
             f"-artifact_prefix={CRASHES}/{target}-", *folders],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=BUILD,
            timeout=seconds + 300)
    return judge(done)


def executions(text):
    for line in text.splitlines():
        if line.startswith("stat::number_of_executed_units:"):
            return int(line.split()[1])
    return 0


def judge(done):
    text = done.stdout.decode(errors="replace")
    if done.returncode == 0:
        return []
    lines = [line for line in text.splitlines() if line and not line.startswith("stat::")]
    return [f"exit status {done.returncode}", *lines[-60:]]
