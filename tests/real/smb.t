#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Samba and its clients, recorded: what smbclient gets and puts with each dialect, over IPv4 and
# IPv6, and what a client in Python reads and writes in any order.  Truth is the file's bytes.
import importlib.util
import json
import os
import sys

import lab
import samba

DIALECTS = ("NT1", "SMB2_02", "SMB2_10", "SMB3_00", "SMB3_11")
APPLICATIONS = {"NT1": "ms-ds-smbv1", "SMB2_02": "ms-ds-smbv2", "SMB2_10": "ms-ds-smbv2",
                "SMB3_00": "ms-ds-smbv3", "SMB3_11": "ms-ds-smbv3"}
BIG = 5_000_001
MANY = 40


def shell(l, host, commands, **more):
    l.client(*samba.shell(host, commands, **more), cwd=l.path("here"))


def expect(reading, body, name, direction, **more):
    """Faults unless that file was seen, as often as it was moved."""
    return [f"{name}: {fault}" for fault in lab.one(
        reading, body, file__name=name, sluice__direction=direction,
        user__name=f"{samba.GROUP}\\{samba.USER}", **more)]


def get_and_put(l, tap, host, network, dialect):
    """One file there, one back."""
    seed = f"{network} {dialect}"
    up, down = (l.noise(size, seed + way) for way, size in (("up", 300_001), ("down", 200_003)))
    l.write(up, "here", "up file.bin")
    l.write(down, "samba", samba.SHARE, "dir", "down.bin")
    os.chmod(l.path("samba", samba.SHARE, "dir"), 0o777)
    capture = l.record("get-and-put", lambda: shell(
        l, host, ['put "up file.bin"', "cd dir", "get down.bin"], protocol=dialect))
    reading = l.read(capture)
    share = f"\\\\{host}\\{samba.SHARE}"
    named = {"network__application": APPLICATIONS[dialect]}
    faults = expect(reading, up, "up file.bin", "upload", **named,
                    sluice__share=(share.upper() if dialect == "NT1" else share),
                    file__path="\\up file.bin" if dialect == "NT1" else "up file.bin")
    faults += expect(reading, down, "down.bin", "download", **named,
                     file__path="\\dir\\down.bin" if dialect == "NT1" else "dir\\down.bin")
    tap.test(f"smbclient, get and put: {network}, {dialect}", faults)


def big_and_many(l, tap, host):
    big = l.noise(BIG, "big")
    small = {f"small-{i:02}.txt": l.text(i * i + 1, i) for i in range(MANY)}
    l.write(big, "here", "big.bin")
    for name, body in small.items():
        l.write(body, "here", "many", name)
    os.makedirs(l.path("here", "back"), exist_ok=True)
    reading = l.read(l.record("big", lambda: shell(l, host, ["put big.bin", "get big.bin again"])))
    seen = reading.of(big)
    tap.test("several megabytes, both ways", [] if sorted(
        lab.member(s, "sluice.direction") for s in seen) == ["download", "upload"] else [
            f"{len(seen)} sightings", *(json.dumps(s) for s in reading.sightings)])
    reading = l.read(l.record("many", lambda: shell(l, host, [
        "prompt off", "lcd many", "mput small*", "lcd ../back", "mget small*"])))
    tap.test(f"{MANY} small files, both ways", [
        f"{name}: {len(reading.of(body))} sightings, expected two"
        for name, body in small.items() if len(reading.of(body)) != 2])


def scattered(l, tap, host, dialect):
    bodies = {"scattered-1": l.noise(100_000, "one"), "scattered-2": l.noise(77_777, "two"),
              "half": l.noise(20_000, "half")}
    for name, body in bodies.items():
        l.write(body, "here", name)
    client = os.path.join(lab.HERE, "smb_client.py")
    reading = l.read(l.record("scattered", lambda: l.client(
        sys.executable, client, host, samba.SHARE, samba.USER, samba.PASSWORD, dialect,
        l.path("here"))))
    faults = []
    for name in "scattered-1", "scattered-2":
        seen = sorted(lab.member(s, "sluice.direction") for s in reading.of(bodies[name]))
        if seen != ["download", "upload"]:
            faults.append(f"{name}: {seen}")
    half = [s for s in reading.sightings if s["file"].get("name") == "half"]
    if [lab.member(s, "sluice.file.state") for s in half] != ["truncated"]:
        faults.append(f"half: {half}")
    tap.test(f"pieces in any order, two files at once: {dialect}", faults)


def encrypted(l, tap, host):
    l.wait_port(host, samba.PORT)
    body = l.noise(100_000, "secret")
    l.write(body, "here", "secret.bin")
    capture = l.record("encrypted", lambda: shell(
        l, host, ["put secret.bin", "get secret.bin again"], encrypt="encrypt"))
    reading = l.read(capture)
    counted = reading.counters.get("smb_encrypted", 0)
    tap.test("encrypted: counted, and no file claimed", [
        *(json.dumps(s) for s in reading.sightings),
        *([] if counted > 4 else [f"{counted} messages counted"])])


def main():
    lab.need("smbd", "smbclient", "smbpasswd")
    l = lab.Lab()
    l.folder("here")
    server = samba.serve(l.start_server, l.folder("samba"), encrypt="off")
    for _, _, host in lab.NETWORKS:
        l.wait_port(host, samba.PORT)
    tap = lab.Tap()
    for network, _, host in lab.NETWORKS:
        for dialect in DIALECTS:
            get_and_put(l, tap, host, network, dialect)
    host = lab.NETWORKS[0][2]
    big_and_many(l, tap, host)
    for dialect in "NT1", "2.0", "2.1", "3.0":
        if importlib.util.find_spec("impacket"):
            scattered(l, tap, host, dialect)
        else:
            tap.skip(f"pieces in any order: {dialect}", "no impacket")
    l.stop(server)
    samba.serve(l.start_server, l.folder("samba"), encrypt="required")
    encrypted(l, tap, host)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
