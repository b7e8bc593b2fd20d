# SPDX-License-Identifier: MIT
"""Dovecot: its configuration, its users, and how to start it. See lab.py for `start`."""
import os
import pwd
import shutil

IMAP_PORT, POP3_PORT = 143, 110
# Any name is a user
USER, PASSWORD = "alice", "secret1"
UNIX_USER = "nobody"
CONFIG = """\
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
protocols = imap pop3
listen = *, ::
ssl = {ssl}
{certificate}
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{dir}/mail/%u
mail_plugins = zlib
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={dir}/home
}}
service imap-login {{
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service auth {{
  unix_listener {dir}/auth {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
protocol imap {{
  mail_plugins = zlib imap_zlib
  mail_max_userip_connections = 50
}}
"""


def root(directory):
    return os.path.join(directory, "dovecot")


def auth_socket(directory):
    """Where others ask who a user is."""
    return os.path.join(root(directory), "auth")


def serve(start, directory, tls=None, imap_port=IMAP_PORT, pop3_port=POP3_PORT):
    """IMAP and POP3 for all users; deliver() gives them mail. tls: (certificate, key)."""
    own = root(directory)
    user = pwd.getpwnam(UNIX_USER)
    for name in ("", "run", "state", "home", "mail"):
        os.makedirs(os.path.join(own, name), exist_ok=True)
        os.chmod(os.path.join(own, name), 0o755)
        if name.startswith(("mail", "home")):
            shutil.chown(os.path.join(own, name), user.pw_uid, user.pw_gid)
    config = os.path.join(own, "dovecot.conf")
    with open(config, "w", encoding="ascii") as f:
        f.write(CONFIG.format(
            dir=own, ssl="yes" if tls else "no", imap_port=imap_port, pop3_port=pop3_port,
            certificate=f"ssl_cert = <{tls[0]}\nssl_key = <{tls[1]}" if tls else "",
            user=user.pw_uid, group=user.pw_gid, password=PASSWORD))
    return start("dovecot", "-F", "-c", config)


def deliver(directory, user, name, message):
    """A message into a user's inbox, where lines end with LF; names sort as they are numbered."""
    box = os.path.join(root(directory), "mail", user)
    paths = [box, *(os.path.join(box, d) for d in ("new", "cur", "tmp"))]
    for path in paths:
        os.makedirs(path, exist_ok=True)
    paths.append(os.path.join(box, "new", name))
    with open(paths[-1], "wb") as f:
        f.write(message.replace(b"\r\n", b"\n"))
    owner = pwd.getpwnam(UNIX_USER)
    for path in paths:
        os.chown(path, owner.pw_uid, owner.pw_gid)
