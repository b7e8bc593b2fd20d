#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
HTTP/2 in the clear: Apache and nghttpd with curl and nghttp, by prior knowledge and by upgrade,
over IPv4 and IPv6.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import apache  # noqa: E402
import lab  # noqa: E402
import nghttpd  # noqa: E402
import web  # noqa: E402

KNOWN = "--http2-prior-knowledge"
NAME = "site.test"


def downloads(x):
    h = f"{x.host}:{apache.PORT}"
    body = x.files["text.txt"]
    x.get("gzip", f"http://{h}/gzip/h2/text.txt", body, KNOWN, "-H", "Accept-Encoding: gzip")
    x.get("br", f"http://{h}/br/h2/text.txt", body, KNOWN, "-H", "Accept-Encoding: br")
    x.get("zstd", f"http://{h}/x/h2/text.txt.zst", body, KNOWN)
    x.get("user of basic authentication", f"http://{h}/x/user/text.txt", body, KNOWN,
          "-u", "alice:secret", user="alice")
    x.get("large download", f"http://{h}/x/large/large.bin", x.files["large.bin"], KNOWN)
    x.lab.client("nghttp", "-n", "--timeout=30",
                 *[f"http://{h}/x/parallel/many{i}" for i in range(1, 41)])
    for i in range(1, 41):
        x.expect(f"streams side by side: {i}", f"http://{h}/x/parallel/many{i}",
                 x.files[f"many{i}"], "download", f"many{i}")


def upgrades(x):
    """By a name: Apache does not take the address of IPv6 as an authority then."""
    h = f"{NAME}:{apache.PORT}"
    there = "--http2", "--connect-to", f"{h}:{x.host}:{apache.PORT}"
    # curl has no room for much behind the answer that upgrades.
    body = x.files["small.txt"]
    x.get("upgraded", f"http://{h}/x/upgrade/small.txt", body, *there)
    x.get("gzip, upgraded", f"http://{h}/gzip/upgrade/small.txt", body, *there,
          "-H", "Accept-Encoding: gzip")
    x.get("br, upgraded", f"http://{h}/br/upgrade/small.txt", body, *there,
          "-H", "Accept-Encoding: br")
    x.get("zstd, upgraded", f"http://{h}/x/upgrade/small.txt.zst", body, *there)
    x.get("user of basic authentication, upgraded", f"http://{h}/x/upgrade-user/small.txt", body,
          *there, "-u", "alice:secret", user="alice")
    # The first is answered as stream 1 of the upgraded connection, the others after it.
    # Apache sometimes ends such a connection early.
    address = f"{x.host}:{apache.PORT}"
    for attempt in range(10):
        folder = f"/x/several{attempt}"
        said = x.lab.client("nghttp", "-nu", "--timeout=30", "-H", f"host: {h}",
                            *[f"http://{address}{folder}/many{i}" for i in range(60, 100)])
        if "not processed" not in said:
            break
    for i in range(60, 100):
        x.expect(f"several on an upgraded connection: {i}",
                 f"http://{h if i == 60 else address}{folder}/many{i}", x.files[f"many{i}"],
                 "download", f"many{i}")


def uploads(x):
    h, large = f"{x.host}:{apache.PORT}", x.files["large.bin"]
    x.get("upload by PUT", f"http://{h}/put/h2%20%C3%A4.bin", large, KNOWN,
          "-T", x.site.sent("large.bin"), direction="upload", name="h2 \u00e4.bin")
    h = f"{x.host}:{nghttpd.PORT}"
    url = f"http://{h}/form"
    x.curl(KNOWN, "-F", f"file=@{x.site.sent('large.bin')};filename=canary name.bin", url)
    x.expect("upload by form", url, large, "upload", "canary name.bin")
    url = f"http://{h}/body.bin"
    x.curl(KNOWN, "--data-binary", f"@{x.site.sent('text.txt')}", url)
    for direction in "upload", "download":
        x.expect(f"POST of a body, {direction}", url, x.files["text.txt"], direction, "body.bin")


def ranges(x):
    h = f"{x.host}:{apache.PORT}"
    x.ranges("ranges, the last one first", f"http://{h}/x/ranges/large.bin", "2000000-",
             "1000000-1999999", "0-999999", options=(KNOWN,))
    x.get("several ranges in one answer", f"http://{h}/x/parts/text.txt", x.files["text.txt"],
          KNOWN, "-r", "70000-,0-0,1-69999")
    x.get("range that is not the whole", f"http://{h}/x/part/text.txt", None, KNOWN, "-r",
          "100-199", state="truncated", reason="partial", missing=150000 - 100)
    url = f"http://{h}/x/versions/large.bin"
    x.curl(KNOWN, "-r", "1500000-", url)
    x.curl("--http1.1", "-r", "0-1499999", url)
    x.expect("a range of each version", url, x.files["large.bin"], "download", "large.bin")
    x.resumed("resumed download", f"http://{h}/x/resumed{{}}/large.bin", KNOWN)


def nghttp(x):
    h = f"http://{x.host}:{nghttpd.PORT}"

    def run(*words):
        x.lab.client("nghttp", "-n", "--timeout=30", *words)

    run("-b", "255", f"{h}/large.bin")
    x.expect("padded both ways, with trailers", f"{h}/large.bin", x.files["large.bin"],
             "download", "large.bin")
    run("-b", "100", "--continuation", f"{h}/many50")
    x.expect("head in several frames", f"{h}/many50", x.files["many50"], "download", "many50")
    run(f"{h}/small.txt")
    x.expect("page", f"{h}/small.txt", x.files["small.txt"], "download", "small.txt")
    x.expect("pushed with the page", f"{h}/text.txt", x.files["text.txt"], "download",
             "text.txt")
    run("-b", "64", "-d", x.site.sent("large.bin"), "--trailer", "x-sum: 2", f"{h}/up.bin")
    for direction in "upload", "download":
        x.expect(f"upload that is sent back, {direction}", f"{h}/up.bin", x.files["large.bin"],
                 direction, "up.bin")
    run("-H", "x-long: " + "y" * 9000, "-H", "x-long-too: " + "z" * 9000,
        f"{h}/many51", f"{h}/many52")
    for i in 51, 52:
        x.expect(f"heads larger than a frame: {i}", f"{h}/many{i}", x.files[f"many{i}"],
                 "download", f"many{i}")
    run("-c", "0", "--encoder-header-table-size=0", f"{h}/many53", f"{h}/many54")
    run("-c", "65536", "--encoder-header-table-size=65536", f"{h}/many55", f"{h}/many56")
    for i in range(53, 57):
        x.expect(f"header tables of other sizes: {i}", f"{h}/many{i}", x.files[f"many{i}"],
                 "download", f"many{i}")


def tunnel(x):
    h = f"{x.host}:{apache.PORT}"
    x.get("HTTP/2 through a tunnel", f"http://{h}/x/tunnel/large.bin", x.files["large.bin"],
          KNOWN, "-x", f"http://{x.host}:{apache.PROXY}", "-p")


def main():
    lab.need("curl", "apache2", "nghttpd", "nghttp", "zstd")
    bench = lab.Lab()
    site = web.Site(bench)
    for name in "text.txt", "small.txt":
        bench.command("zstd", "-q", bench.path("www", name))
    apache.serve(bench.start_server, bench.folder("apache"), bench.path("www"))
    nghttpd.serve(bench.start_server, bench.path("www"), push=[("/small.txt", "/text.txt")])
    for port in apache.PORT, apache.PROXY, nghttpd.PORT:
        bench.wait_port(lab.NETWORKS[0][2], port)
    tap = lab.Tap()
    for name, client, server in lab.NETWORKS:
        expected = []

        def actions(host=server, into=expected):
            x = web.Exchanges(site, host)
            for part in downloads, upgrades, uploads, ranges, nghttp, tunnel:
                part(x)
            into[:] = x.expected

        capture = bench.record(name, actions)
        web.judge_all(tap, name, expected, bench.read(capture), client, server)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
