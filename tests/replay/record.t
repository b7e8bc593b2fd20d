#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Real traffic, recorded here: nginx, a small Python server and curl in two
# network namespaces of this test's own, tcpdump beside the client, and then
# `sluiced -r`.  The truth is the SHA-256 of what was served or sent.
#
#	client namespace            server namespace
#	  curl, tcpdump               nginx :80, Python :8080
#	  veth ────────────────────── veth
#
# One capture a network: IPv4, IPv6, and two that are given the tags a trunk's
# mirror port shows (VLAN, QinQ) once recorded, since not every kernel has VLAN
# interfaces.  Every exchange has a path of its own, by which its sightings are found again.
import atexit
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import replay

SLUICED = os.environ.get("SLUICED") or os.path.join(replay.ROOT, "build", "sluiced")
TAG = f"sr{os.getpid()}"
CLIENT, SERVER = TAG + "c", TAG + "s"
BROTLI = "/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so"

# name, tags (EtherType, id) from the outside, client, server, all exchanges or the short list
NETWORKS = (
    ("IPv4", (), "10.93.0.1", "10.93.0.2", True),
    ("IPv6", (), "fd93::1", "fd93::2", True),
    ("VLAN", ((0x8100, 100),), "10.93.1.1", "10.93.1.2", False),
    ("QinQ", ((0x88a8, 200), (0x8100, 300)), "10.93.2.1", "10.93.2.2", False),
)

NGINX = """
{module}
user root;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 256; }}
http {{
	access_log off;
	client_max_body_size 100m;
	client_body_temp_path {dir}/body;
	proxy_temp_path {dir}/proxy;
	fastcgi_temp_path {dir}/fastcgi;
	uwsgi_temp_path {dir}/uwsgi;
	scgi_temp_path {dir}/scgi;
	keepalive_requests 10000;
	server {{
		listen [::]:80 ipv6only=off;
		root {dir}/www;
		rewrite ^/(?:x|gzip|br)/[^/]+/(.*)$ /$1;
		location / {{ }}
	}}
	server {{
		listen [::]:81 ipv6only=off;
		root {dir}/www;
		gzip on;
		gzip_types *;
		gzip_min_length 1;
		{brotli}
		rewrite ^/[^/]+/(.*)$ /$1;
	}}
	server {{
		listen [::]:82 ipv6only=off;
		root {dir}/put;
		dav_methods PUT;
		create_full_put_path on;
	}}
}}
"""


def sh(*words, **more):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def inside(netns, *words, **more):
    return subprocess.Popen(["ip", "netns", "exec", netns, *words], **more)


# ---------------------------------------------------------------- the server


def serve(directory):
    """What nginx does not do; runs in the server's namespace."""
    import http.server
    import zlib

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def whole(self, body, **fields):
            self.send_response(200)
            for name, value in fields.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            kind, name = self.path.split("/")[1], self.path.split("/")[-1]
            with open(os.path.join(directory, "www", name), "rb") as f:
                body = f.read()
            if kind == "deflate":
                self.whole(zlib.compress(body), Content_Encoding="deflate")
            elif kind == "zstd":
                packed = subprocess.run(["zstd", "-c"], input=body, check=True,
                                        stdout=subprocess.PIPE).stdout
                self.whole(packed, Content_Encoding="zstd")
            elif kind == "named":
                self.whole(body, Content_Disposition="attachment; filename=\"given name.bin\"")
            elif kind == "early":
                self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n")
                self.whole(body)
            elif kind == "chunked":
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for at in range(0, len(body), 7001):
                    piece = body[at:at + 7001]
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\nX-Trailer: yes\r\n\r\n")
            else:               # close, cut
                self.send_response(200)
                if kind == "cut":
                    self.send_header("Content-Length", str(2 * len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.whole(b"")

    class Server(http.server.ThreadingHTTPServer):
        address_family = socket.AF_INET6
        daemon_threads = True

    Server(("::", 8080), Handler).serve_forever()


def pipeline(host, *paths):
    """All requests at once; runs in the client's namespace."""
    name = f"[{host}]" if ":" in host else host
    s = socket.create_connection((host, 80))
    for i, path in enumerate(paths):
        last = "Connection: close\r\n" if i + 1 == len(paths) else ""
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}\r\n{last}\r\n".encode())
    while s.recv(65536):
        pass


# ------------------------------------------------------------------- set-up


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


class Lab:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-record-")
        self.running = []
        atexit.register(self.close)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        for name in "www", "put", "sent":
            os.mkdir(os.path.join(self.dir, name))
        noise = random.Random(93)
        self.files = {}
        for name, size in (("small.txt", 700), ("text.txt", 150000), ("large.bin", 3000000)):
            body = noise.randbytes(size) if name.endswith(".bin") else \
                bytes(noise.choice(b"abcdefgh \n") for _ in range(size))
            self.files[name] = body
            for where in "www", "sent":
                with open(os.path.join(self.dir, where, name), "wb") as f:
                    f.write(body)
        for i in range(100):
            self.files[f"many{i}"] = body = noise.randbytes(1 + 37 * i)
            with open(os.path.join(self.dir, "www", f"many{i}"), "wb") as f:
                f.write(body)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def start(self, netns, *words, **more):
        p = inside(netns, *words, **more)
        self.running.append(p)
        return p

    def stop(self, p, how=signal.SIGTERM):
        p.send_signal(how)
        p.wait(20)
        self.running.remove(p)

    def close(self):
        for p in self.running[:]:
            try:
                self.stop(p)
            except subprocess.TimeoutExpired:
                p.kill()
        for netns in CLIENT, SERVER:
            subprocess.run(["ip", "netns", "del", netns], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)

    def network(self):
        for netns in CLIENT, SERVER:
            sh("ip", "netns", "add", netns)
        sh("ip", "link", "add", "veth", "netns", CLIENT, "type", "veth",
           "peer", "name", "veth", "netns", SERVER)
        for netns, index in (CLIENT, 2), (SERVER, 3):
            def ip(*words, n=netns):
                sh("ip", "-n", n, *words)

            ip("link", "set", "lo", "up")
            ip("link", "set", "veth", "up")
            for network in NETWORKS:
                ip("addr", "add", network[index] + ("/64" if ":" in network[index] else "/24"),
                   "dev", "veth", *(("nodad",) if ":" in network[index] else ()))

    def servers(self):
        brotli = os.path.exists(BROTLI)
        with open(self.path("nginx.conf"), "w", encoding="utf-8") as f:
            f.write(NGINX.format(
                dir=self.dir, module=f"load_module {BROTLI};" if brotli else "",
                brotli="brotli on; brotli_types *; brotli_min_length 1;" if brotli else ""))
        self.start(SERVER, "nginx", "-p", self.dir, "-e", self.path("error.log"),
                   "-c", self.path("nginx.conf"), "-g", "daemon off;")
        self.start(SERVER, sys.executable, os.path.abspath(__file__), "--serve", self.dir)
        for port in 80, 81, 82, 8080:
            for _ in range(100):
                p = inside(CLIENT, "curl", "-s", "-m", "2",
                           f"http://{NETWORKS[0][3]}:{port}/x/x/small.txt",
                           stdout=subprocess.DEVNULL)
                if p.wait() == 0:
                    break
                time.sleep(0.1)
            else:
                raise RuntimeError(f"no server on port {port}")
        return brotli

    def curl(self, *words):
        p = inside(CLIENT, "curl", "-s", "-S", "-m", "30", "-o", "/dev/null", *words,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = p.communicate()[0]
        return p.returncode, text.decode(errors="replace")

    def record(self, capture, actions):
        dump = self.start(CLIENT, "tcpdump", "-i", "veth", "-U", "-B", "65536",
                          "-w", capture, "tcp", stderr=subprocess.PIPE)
        for line in dump.stderr:
            if b"listening on" in line:
                break
        actions()
        # tcpdump may be behind: until nothing more is written
        size, still = -1, 0
        while still < 5:
            time.sleep(0.2)
            size, before = os.path.getsize(capture), size
            still = still + 1 if size == before else 0
        self.stop(dump, signal.SIGINT)
        lost = re.search(rb"(\d+) packets? dropped by kernel", dump.stderr.read())
        return lost is not None and int(lost.group(1)) == 0


# ------------------------------------------------------------ the exchanges


class Expect:
    """A file that must have been seen.  body None: none may be complete."""

    def __init__(self, what, url, body, direction, name, state="complete", reason="none",
                 user=None, missing=None):
        self.what, self.url, self.body, self.direction = what, url, body, direction
        self.name, self.state, self.reason, self.user = name, state, reason, user
        self.missing = missing


def exchanges(lab, host, everything, brotli):
    """Runs them; what must come out of the capture."""
    h = f"[{host}]" if ":" in host else host
    sent = lab.path("sent")
    files = lab.files
    out = []

    def curl(*words, fails=False):
        status, text = lab.curl(*words)
        if (status != 0) != fails:
            raise RuntimeError(f"curl {' '.join(words)}: {status} {text}")

    def get(what, url, body, *words, direction="download", fails=False, **more):
        curl(*words, url, fails=fails)
        more.setdefault("name", url.split("/")[-1])
        out.append(Expect(what, url, body, direction, **more))

    get("download", f"http://{h}/x/plain/large.bin", files["large.bin"])
    get("gzip by nginx, chunked", f"http://{h}:81/gzip/text.txt", files["text.txt"],
        "-H", "Accept-Encoding: gzip")
    get("upload by PUT", f"http://{h}:82/put/report%20%C3%A4.bin", files["large.bin"],
        "-T", f"{sent}/large.bin", direction="upload", name="report \u00e4.bin")
    url = f"http://{h}:8080/form"
    curl("-F", f"file=@{sent}/large.bin;filename=canary name.bin", url)
    out.append(Expect("upload by form", url, files["large.bin"], "upload", "canary name.bin"))
    if not everything:
        return out

    if brotli:
        get("br by nginx", f"http://{h}:81/br/text.txt", files["text.txt"],
            "-H", "Accept-Encoding: br")
    get("zstd", f"http://{h}:8080/zstd/text.txt", files["text.txt"])
    get("deflate", f"http://{h}:8080/deflate/text.txt", files["text.txt"])
    get("chunked with trailer", f"http://{h}:8080/chunked/large.bin", files["large.bin"])
    get("up to the end of the connection", f"http://{h}:8080/close/large.bin",
        files["large.bin"])
    get("103 before 200", f"http://{h}:8080/early/text.txt", files["text.txt"])
    get("name given by the server", f"http://{h}:8080/named/text.txt", files["text.txt"],
        name="given name.bin")
    get("user of basic authentication", f"http://{h}/x/user/text.txt", files["text.txt"],
        "-u", "alice:secret", user="alice")
    get("range that is the whole", f"http://{h}/x/whole/text.txt", files["text.txt"],
        "-r", "0-")
    get("range that is not", f"http://{h}/x/part/text.txt", None, "-r", "100-199",
        state="truncated", reason="partial", missing=150000 - 100)
    get("several ranges in one answer", f"http://{h}/x/parts/text.txt", files["text.txt"],
        "-r", "70000-,0-0,1-69999")

    def ranges(what, where, *parts, **more):
        """Every range on a connection of its own, or, in a list, these at once."""
        url = f"http://{h}/x/{where}/large.bin"
        for part in parts:
            at_once = part if isinstance(part, list) else [part]
            running = [inside(CLIENT, "curl", "-s", "-S", "-m", "30", "-o", "/dev/null", "-r",
                              r, url) for r in at_once]
            if any([p.wait() for p in running]):
                raise RuntimeError(f"ranges {part}")
        more.setdefault("name", "large.bin")
        out.append(Expect(what, url, more.pop("body", files["large.bin"]), "download", **more))

    ranges("ranges, the last one first", "ranges", "2000000-", "1000000-1999999", "0-999999")
    ranges("ranges that overlap", "overlap", "0-1500000", "1000000-2500000", "5-6", "2400000-")
    ranges("ranges in parallel", "parallel",
           [f"{n * 250000}-{n * 250000 + 249999}" for n in range(12)])
    ranges("several ranges an answer, several answers", "both",
           ["0-9,2000000-2999999", "10-99999,150000-1999999", "90000-160000"])
    ranges("a range that never comes", "missing", "0-999999", ["1000001-2000000", "2000001-"],
           body=None, state="truncated", reason="partial", missing=1)
    get("server that closes too early", f"http://{h}:8080/cut/text.txt", None, fails=True,
        state="truncated", reason="reset")
    get("PUT after 100 Continue", f"http://{h}:82/put/continue.bin", files["large.bin"],
        "-H", "Expect: 100-continue", "-T", f"{sent}/large.bin", direction="upload")
    get("POST of a body", f"http://{h}:8080/post/text.txt", files["text.txt"],
        "--data-binary", f"@{sent}/text.txt", direction="upload")
    sh("gzip", "-kf", f"{sent}/text.txt")
    get("POST of a coded body", f"http://{h}:8080/coded/text.txt", files["text.txt"],
        "-H", "Content-Encoding: gzip", "--data-binary", f"@{sent}/text.txt.gz",
        direction="upload")

    url = f"http://{h}/x/head/text.txt"
    curl("-I", url, "--next", "-s", "-o", "/dev/null", f"http://{h}/x/after/text.txt")
    out.append(Expect("HEAD has no body", url, None, "download", None, state=None))
    out.append(Expect("GET behind it", f"http://{h}/x/after/text.txt", files["text.txt"],
                      "download", "text.txt"))
    paths = [f"/x/pipe/many{i}" for i in range(30)]
    p = inside(CLIENT, sys.executable, os.path.abspath(__file__), "--pipeline", host, *paths)
    if p.wait():
        raise RuntimeError("pipelined requests")
    curl(f"http://{h}/x/many/many[1-99]")
    for what, where, count in ("pipelined", "pipe", 30), ("one connection", "many", 100):
        for i in range(1, count):
            out.append(Expect(f"{what}: {i}", f"http://{h}/x/{where}/many{i}", files[f"many{i}"],
                              "download", f"many{i}"))
    return out


# ------------------------------------------------------------------- judging


def judge(expect, sightings, stored, client, server):
    mine = [s for s in sightings if s.get("url", {}).get("original") == expect.url and
            s["sluice"]["direction"] == expect.direction]
    if expect.state is None:
        return [f"{len(mine)} sightings, expected none"] if mine else []
    if len(mine) != 1:
        return [f"{len(mine)} sightings of {expect.url}, expected one"]
    s = mine[0]
    faults = []

    def same(what, got, want):
        if got != want:
            faults.append(f"{what}: {got!r}, expected {want!r}")

    download = expect.direction == "download"
    same("state", s["sluice"]["file"]["state"], expect.state)
    same("reason", s["sluice"]["file"]["reason"], expect.reason)
    same("name", s["file"].get("name"), expect.name)
    same("source", s["source"]["ip"], server if download else client)
    same("destination", s["destination"]["ip"], client if download else server)
    same("client", s["client"]["ip"], client)
    same("server", s["server"]["ip"], server)
    same("user", s.get("user", {}).get("name"), expect.user)
    if expect.missing is not None:
        same("bytes missing", s["sluice"]["file"]["missing"], expect.missing)
    if expect.body is not None:
        sha256 = hashlib.sha256(expect.body).hexdigest()
        same("SHA-256", s["file"].get("hash", {}).get("sha256"), sha256)
        same("size", s["file"]["size"], len(expect.body))
        same("size of the sample", stored.get(sha256), len(expect.body))
    return faults


def main():
    if os.geteuid():
        replay.skip("network namespaces need root")
    replay.need(SLUICED)
    for program in "nginx", "curl", "tcpdump", "zstd", "gzip", "ip":
        if not shutil.which(program):
            replay.skip(f"no {program}")
    lab = Lab()
    lab.network()
    brotli = lab.servers()
    count = failed = 0

    def test(name, faults):
        nonlocal count, failed
        count += 1
        failed += bool(faults)
        print(f"{'not ok' if faults else 'ok'} {count} - {name}")
        for fault in faults:
            print(f"#   {fault}")
        sys.stdout.flush()

    for name, tags, client, server, everything in NETWORKS:
        capture = lab.path(f"{name}.pcap")
        for _ in range(3):      # a busy machine: once more if tcpdump lost packets
            expected = []
            if lab.record(capture, lambda: expected.extend(
                    exchanges(lab, server, everything, brotli))):
                break
        tag(capture, tags)
        out = lab.path(name)
        os.mkdir(out)
        status, messages = replay.run(SLUICED, capture, out, 60)
        test(f"{name}: capture read", [] if status == 0 else [f"exit status {status}", messages])
        if status != 0:
            continue
        with open(os.path.join(out, "read", "sightings.jsonl"), encoding="utf-8") as f:
            sightings = [json.loads(line) for line in f]
        stored = replay.samples(out)
        groups = {}
        for e in expected:      # those that only differ in their number are one test
            groups.setdefault(e.what.split(": ")[0], []).append(e)
        for what, group in groups.items():
            test(f"{name}: {what}",
                 [fault for e in group for fault in judge(e, sightings, stored, client, server)])
        if not brotli and everything:
            test(f"{name}: br by nginx # SKIP no nginx module for br", [])
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        sys.exit(serve(sys.argv[2]))
    if sys.argv[1:2] == ["--pipeline"]:
        sys.exit(pipeline(*sys.argv[2:]))
    sys.exit(main())
