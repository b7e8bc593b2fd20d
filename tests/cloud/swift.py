# SPDX-License-Identifier: MIT
"""OpenStack Swift on loopback, with one disk and its middleware for the S3 protocol."""
import os
import pwd
import socket
import subprocess
import tempfile
import time

COMMON = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = %(port)d
user = %(user)s
swift_dir = %(folder)s
devices = %(folder)s
mount_check = false
workers = 0
"""
SERVER = COMMON + """recon_cache_path = %(folder)s
[pipeline:main]
pipeline = %(name)s-server
[app:%(name)s-server]
use = egg:swift#%(name)s
"""
PROXY = COMMON + """[pipeline:main]
pipeline = catch_errors listing_formats cache s3api tempauth proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:%(memcached)d
[filter:s3api]
use = egg:swift#s3api
auth_pipeline_check = false
location = %(region)s
[filter:tempauth]
use = egg:swift#tempauth
user_box_writer = %(secret)s .admin
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
"""
ACCESS = "box:writer"
NAMES = "account", "container", "object", "proxy"
RINGS = """
import sys
from swift.common.ring import RingBuilder
folder, *ports = sys.argv[1:]
for name, port in zip(("account", "container", "object"), ports):
    b = RingBuilder(4, 1, 1)
    b.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1, "ip": "127.0.0.1", "port": int(port), "device": "disk"})
    b.rebalance()
    b.get_ring().save("%s/%s.ring.gz" % (folder, name))
"""


def ports():
    """Free ones, as many as there are servers."""
    names = *NAMES, "memcached"
    held = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    found = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return dict(zip(names, found))


class Swift:
    """Runs until close(); secret is the key of the access key box:writer."""

    def __init__(self, secret, region):
        self.folder = tempfile.TemporaryDirectory(prefix="sluice-swift-")
        self.port, self.process = ports(), []
        os.mkdir(self.path("disk"))
        self.log = open(self.path("log"), "wb")
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        try:
            self.spawn("memcached", "-l", "127.0.0.1", "-p", str(self.port["memcached"]), "-u", self.user)
            subprocess.run(["/usr/bin/python3", "-c", RINGS, self.folder.name, *(str(self.port[n]) for n in NAMES[:3])],
                           check=True, stdout=self.log, stderr=self.log)
            for name in NAMES:
                self.start(name, secret, region)
            self.wait()
        except BaseException:
            self.close()
            raise
        self.url = "http://127.0.0.1:%d" % self.port["proxy"]

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def start(self, name, secret, region):
        with open(self.path(name + ".conf"), "w", encoding="ascii") as f:
            f.write((PROXY if name == "proxy" else SERVER) % {
                "port": self.port[name], "folder": self.folder.name, "name": name, "secret": secret, "region": region,
                "user": self.user, "memcached": self.port["memcached"]})
        self.spawn("/usr/bin/swift-%s-server" % name, self.path(name + ".conf"))

    def spawn(self, *argv):
        self.process.append(subprocess.Popen(argv, stdout=self.log, stderr=self.log))

    def said(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as f:
            return f.read()[-3000:]

    def wait(self):
        for port in self.port.values():
            end = time.monotonic() + 60
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    assert time.monotonic() < end and not any(p.poll() for p in self.process), self.said()
                    time.sleep(0.1)

    def close(self):
        for p in self.process:
            p.terminate()
        for p in self.process:
            p.wait()
        self.log.close()
        self.folder.cleanup()
