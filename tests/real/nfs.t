#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Files put to and taken from NFS-Ganesha: NFS 3 over TCP (nfs-cp), over UDP, and NFS 4.0.
# The kernel's own client and server are in tests/vm/nfs.t.
import os
import sys

import ganesha
import lab

CLIENT = os.path.join(lab.HERE, "nfs_client.py")
# name, way, bytes, bytes in a request
FILES = (
    ("small3.bin", "nfs-cp", 700, None),
    ("large3.bin", "nfs-cp", 1500000, None),
    ("small.udp", "udp", 700, 8192),
    ("large.udp", "udp", 150000, 32768),
    ("small4.bin", "4", 700, 2048),
    ("large4.bin", "4", 30000, 2048),
)
WAYS = {"nfs-cp": "NFS 3 over TCP", "udp": "NFS 3 over UDP", "4": "NFS 4.0"}


def copy(net, host, what, name, way, piece, path):
    if way == "nfs-cp":
        url = f"nfs://{host}{ganesha.EXPORT}/{name}"
        words = ("nfs-cp", path, url) if what == "put" else ("nfs-cp", url, path)
    else:
        words = (sys.executable, CLIENT, way, host, what, name, path, str(piece))
    net.client(*words)


def main():
    lab.need(*ganesha.PROGRAMS)
    net, tap = lab.Lab(), lab.Tap()
    ganesha.serve(net.start_server, net.folder("server"))
    for network, _, host in lab.NETWORKS:
        net.wait_port(host, 2049)
        net.wait_port(host, 20048)

        bodies = {name: net.noise(size, hash((name, network)) & 0xffff)
                  for name, _, size, _ in FILES}

        def transfers(host=host, network=network, bodies=bodies):
            net.rounds = getattr(net, "rounds", 0) + 1
            for name, way, _, piece in FILES:
                there = f"{net.rounds}-{name}"
                back = net.path(f"back-{network}-{there}")
                copy(net, host, "put", there, way, piece, net.write(bodies[name], name))
                copy(net, host, "get", there, way, piece, back)
                with open(back, "rb") as f:
                    assert f.read() == bodies[name], f"{name} came back otherwise"

        reading = net.read(net.record(f"nfs-{network}", transfers))
        for name, way, _, _ in FILES:
            for direction, command in ("upload", "WRITE"), ("download", "READ"):
                tap.test(f"{WAYS[way]}, {network}: {direction} of {name}",
                         judge(net, reading, bodies[name], name, way, direction, command))
        tap.test(f"{network}: nothing else", [
            f"{s['file'].get('name')}: {s['sluice']['file']}" for s in reading.sightings
            if lab.member(s, "file.hash.sha256") is None or len(reading.samples) != len(FILES)])
    return tap.end()


def judge(net, reading, body, name, way, direction, command):
    found = [s for s in reading.of(body) if lab.member(s, "sluice.direction") == direction]
    if len(found) != 1:
        return [f"{len(found)} sightings, expected one"] + [
            f"seen: {s['file'].get('name')} {s['file']['size']} {s['sluice']['file']}"
            for s in reading.sightings[:20]]
    there = f"{net.rounds}-{name}"
    wanted = {"file__name": there, "network__application": "nfs",
              "sluice__file__state": "complete"}
    if way == "udp":
        wanted["user__name"] = "1234"
    return lab.faults(found[0], **wanted)


if __name__ == "__main__":
    sys.exit(main())
