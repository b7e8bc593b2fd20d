#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
HTTP/1: nginx, Apache and a small server with curl, over IPv4 and IPv6, through a proxy, and with
the tags a trunk's mirror port shows (VLAN, QinQ), given to a capture once it is recorded, since
not every kernel has VLAN interfaces.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import apache  # noqa: E402
import http_server  # noqa: E402
import lab  # noqa: E402
import nginx  # noqa: E402
import web  # noqa: E402

CLIENT = os.path.join(lab.HERE, "http_client.py")

# name, client, server, tags (EtherType, id) from the outside
TAGGED = (
    ("VLAN", "10.93.1.1", "10.93.1.2", ((0x8100, 100),)),
    ("QinQ", "10.93.2.1", "10.93.2.2", ((0x88a8, 200), (0x8100, 300))),
)


def tag(capture, tags):
    """Puts VLAN tags into every frame of a capture file (libpcap's format, Ethernet)."""
    with open(capture, "rb") as f:
        data = f.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    inserted = b"".join(struct.pack(">HH", kind, number) for kind, number in tags)
    out, at = [data[:24]], 24
    while at < len(data):
        seconds, fraction, length, wire = struct.unpack_from(order + "IIII", data, at)
        frame = data[at + 16:at + 16 + length]
        out.append(struct.pack(order + "IIII", seconds, fraction, length + len(inserted),
                               wire + len(inserted)))
        out.append(frame[:12] + inserted + frame[12:])
        at += 16 + length
    with open(capture, "wb") as f:
        f.write(b"".join(out))


def few(x):
    """What is done in every network."""
    h, large, text = x.host, x.files["large.bin"], x.files["text.txt"]
    x.get("download", f"http://{h}/x/plain/large.bin", large)
    x.get("gzip by nginx, chunked", f"http://{h}:81/gzip/text.txt", text,
          "-H", "Accept-Encoding: gzip")
    x.get("upload by PUT", f"http://{h}:82/put/report%20%C3%A4.bin", large,
          "-T", x.site.sent("large.bin"), direction="upload", name="report \u00e4.bin")
    url = f"http://{h}:8080/form"
    x.curl("-F", f"file=@{x.site.sent('large.bin')};filename=canary name.bin", url)
    x.expect("upload by form", url, large, "upload", "canary name.bin")


def codings_and_framing(x):
    h, large, text = x.host, x.files["large.bin"], x.files["text.txt"]
    if nginx.has_brotli():
        x.get("br by nginx", f"http://{h}:81/br/text.txt", text, "-H", "Accept-Encoding: br")
    x.get("zstd", f"http://{h}:8080/zstd/text.txt", text)
    x.get("deflate", f"http://{h}:8080/deflate/text.txt", text)
    x.get("gzip by Apache", f"http://{h}:{apache.PORT}/gzip/h1/text.txt", text,
          "-H", "Accept-Encoding: gzip")
    x.get("br by Apache", f"http://{h}:{apache.PORT}/br/h1/text.txt", text,
          "-H", "Accept-Encoding: br")
    x.get("chunked with trailer", f"http://{h}:8080/chunked/large.bin", large)
    x.get("up to the end of the connection", f"http://{h}:8080/close/large.bin", large)
    x.get("103 before 200", f"http://{h}:8080/early/text.txt", text)
    x.get("name given by the server", f"http://{h}:8080/named/text.txt", text,
          name="given name.bin")
    x.get("declared type does not parse the body", f"http://{h}:8080/typed/large.bin", large)
    x.get("user of basic authentication", f"http://{h}/x/user/text.txt", text,
          "-u", "alice:secret", user="alice")
    x.get("server that closes too early", f"http://{h}:8080/cut/text.txt", None, fails=True,
          state="truncated", reason="reset")


def ranges(x):
    h = x.host
    x.get("range that is the whole", f"http://{h}/x/whole/text.txt", x.files["text.txt"],
          "-r", "0-")
    x.get("range that is not", f"http://{h}/x/part/text.txt", None, "-r", "100-199",
          state="truncated", reason="partial", missing=150000 - 100)
    x.get("several ranges in one answer", f"http://{h}/x/parts/text.txt", x.files["text.txt"],
          "-r", "70000-,0-0,1-69999")

    def large(what, where, *parts, **more):
        x.ranges(what, f"http://{h}/x/{where}/large.bin", *parts, **more)

    large("ranges, the last one first", "ranges", "2000000-", "1000000-1999999", "0-999999")
    large("ranges that overlap", "overlap", "0-1500000", "1000000-2500000", "5-6", "2400000-")
    large("ranges in parallel", "parallel",
          [f"{n * 250000}-{n * 250000 + 249999}" for n in range(12)])
    large("several ranges an answer, several answers", "both",
          ["0-9,2000000-2999999", "10-99999,150000-1999999", "90000-160000"])
    large("a range that never comes", "missing", "0-999999", ["1000001-2000000", "2000001-"],
          body=None, state="truncated", reason="partial", missing=1)
    x.resumed("resumed download", f"http://{h}/x/resumed{{}}/large.bin")


def uploads(x):
    h, large, text = x.host, x.files["large.bin"], x.files["text.txt"]
    x.get("PUT after 100 Continue", f"http://{h}:82/put/continue.bin", large,
          "-H", "Expect: 100-continue", "-T", x.site.sent("large.bin"), direction="upload")
    x.get("PUT to Apache", f"http://{h}:{apache.PORT}/put/h1.bin", large,
          "-T", x.site.sent("large.bin"), direction="upload")
    x.get("POST of a body", f"http://{h}:8080/post/text.txt", text,
          "--data-binary", f"@{x.site.sent('text.txt')}", direction="upload")
    x.lab.command("gzip", "-kf", x.site.sent("text.txt"))
    x.get("POST of a coded body", f"http://{h}:8080/coded/text.txt", text,
          "-H", "Content-Encoding: gzip", "--data-binary", f"@{x.site.sent('text.txt.gz')}",
          direction="upload")


def many(x):
    h = x.host
    url = f"http://{h}/x/head/text.txt"
    x.curl("-I", url, "--next", "-s", "-o", "/dev/null", f"http://{h}/x/after/text.txt")
    x.expect("HEAD has no body", url, None, "download", None, state=None)
    x.expect("GET behind it", f"http://{h}/x/after/text.txt", x.files["text.txt"], "download",
             "text.txt")
    x.lab.client(sys.executable, CLIENT, h.strip("[]"), "pipeline",
                 *[f"/x/pipe/many{i}" for i in range(30)])
    x.curl(f"http://{h}/x/many/many[1-99]")
    for what, where, count in ("pipelined", "pipe", 30), ("one connection", "many", 100):
        for i in range(1, count):
            x.expect(f"{what}: {i}", f"http://{h}/x/{where}/many{i}", x.files[f"many{i}"],
                     "download", f"many{i}")


def other_protocols(x):
    """What goes on as another protocol: a tunnel, a websocket."""
    h = x.host
    proxy = f"http://{h}:{apache.PROXY}"
    x.get("through a tunnel", f"http://{h}/x/tunnel/large.bin", x.files["large.bin"],
          "-x", proxy, "-p")
    x.get("upload through a tunnel", f"http://{h}:82/put/tunnel.bin", x.files["large.bin"],
          "-x", proxy, "-p", "-T", x.site.sent("large.bin"), direction="upload")
    x.get("refused tunnel, then without", f"http://{h}/x/refused/text.txt", x.files["text.txt"],
          "-x", f"http://{h}:80", "-p", fails=True, state=None)
    x.lab.client(sys.executable, CLIENT, h.strip("[]"), "websocket", "/websocket/large.bin")
    x.expect("websocket makes no file", f"http://{h}:8080/websocket/large.bin", None, "download",
             None, state=None)
    x.get("plain after a websocket", f"http://{h}/x/plainer/text.txt", x.files["text.txt"])


EVERYTHING = few, codings_and_framing, ranges, uploads, many, other_protocols


def main():
    lab.need("nginx", "curl", "apache2", "zstd", "gzip")
    bench = lab.Lab()
    site = web.Site(bench)
    for _, client, server, _ in TAGGED:
        bench.address(lab.CLIENT, client + "/24")
        bench.address(lab.SERVER, server + "/24")
    nginx.serve(bench.start_server, bench.folder("nginx"), bench.path("www"))
    apache.serve(bench.start_server, bench.folder("apache"), bench.path("www"))
    http_server.serve(bench.start_server, bench.path("www"))
    for port in *nginx.PORTS, apache.PORT, apache.PROXY, http_server.PORT:
        bench.wait_port(lab.NETWORKS[0][2], port)
    tap = lab.Tap()
    networks = [(*n, (), EVERYTHING) for n in lab.NETWORKS] + [(*n, (few,)) for n in TAGGED]
    for name, client, server, tags, what in networks:
        expected = []

        def actions(host=server, parts=what, into=expected):
            x = web.Exchanges(site, host)
            for part in parts:
                part(x)
            into[:] = x.expected

        capture = bench.record(name, actions)
        tag(capture, tags)
        web.judge_all(tap, name, expected, bench.read(capture), client, server)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
