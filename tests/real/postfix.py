# SPDX-License-Identifier: MIT
"""Postfix: its configuration, and how to start it. See lab.py for `start`."""
import os
import shutil
import subprocess

PORT = 25
HOSTNAME = "mx.lab.example"
DAEMONS = "/usr/lib/postfix/sbin"
MAIN = """\
compatibility_level = 3.6
myhostname = {hostname}
mydestination = lab.example
mynetworks = 0.0.0.0/0 [::]/0
inet_interfaces = all
inet_protocols = all
queue_directory = {dir}/queue
data_directory = {dir}/data
daemon_directory = {daemons}
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
alias_maps =
alias_database =
local_recipient_maps =
local_transport = discard
default_transport = discard
relay_transport = discard
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{refused@lab.example=REJECT}}, permit
smtpd_client_connection_rate_limit = 0
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtputf8_enable = yes
smtp_dns_support_level = disabled
{more}
"""
MASTER = """\
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
TLS = """\
smtpd_tls_security_level = may
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
"""
# Who logs in is asked elsewhere: a Dovecot's socket
SASL = """\
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {socket}
"""


def certificate(directory):
    """(certificate, key), made for this."""
    cert, key = os.path.join(directory, "cert.pem"), os.path.join(directory, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", f"/CN={HOSTNAME}", "-out", cert, "-keyout", key], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return cert, key


def serve(start, directory, port=PORT, tls=None, sasl=None):
    """
    A server that takes everything and keeps nothing, but for refused@lab.example. tls: a
    certificate() for STARTTLS; sasl: the socket of who knows the users.
    """
    own = os.path.join(directory, "postfix")
    for name in ("", "queue", "data"):
        os.makedirs(os.path.join(own, name), exist_ok=True)
    os.chmod(own, 0o755)
    shutil.chown(os.path.join(own, "data"), "postfix")
    more = TLS.format(cert=tls[0], key=tls[1]) if tls else ""
    more += SASL.format(socket=sasl) if sasl else ""
    with open(os.path.join(own, "main.cf"), "w", encoding="ascii") as f:
        f.write(MAIN.format(dir=own, hostname=HOSTNAME, daemons=DAEMONS, more=more))
    with open(os.path.join(own, "master.cf"), "w", encoding="ascii") as f:
        f.write(MASTER.format(port=port))
    # Makes the queue's folders; master itself stays in the foreground
    subprocess.run(["postfix", "-c", own, "check"], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return start(os.path.join(DAEMONS, "master"), "-c", own, "-d", stdin=subprocess.DEVNULL,
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
