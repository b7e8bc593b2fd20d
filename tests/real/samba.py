# SPDX-License-Identifier: MIT
"""Samba: its configuration, its user, and how to start it. See lab.py for `start`."""
import os
import subprocess

PORT = 445
USER, PASSWORD, GROUP = "alice", "secret1", "LAB"
UNIX_USER = "nobody"
SHARE = "files"
CONFIG = """\
[global]
workgroup = {group}
netbios name = SLUICELAB
server role = standalone server
disable netbios = yes
smb ports = {port}
server min protocol = {least}
server max protocol = {most}
server smb encrypt = {encrypt}
server multi channel support = yes
ntlm auth = ntlmv1-permitted
map to guest = never
username map = {dir}/users
passdb backend = tdbsam:{dir}/private/passdb.tdb
private dir = {dir}/private
lock directory = {dir}/lock
state directory = {dir}/state
cache directory = {dir}/cache
pid directory = {dir}/run
ncalrpc dir = {dir}/ncalrpc
log file = {dir}/log
load printers = no
printcap name = /dev/null
disable spoolss = yes
{more}

[{share}]
path = {dir}/{share}
read only = no
create mask = 0666
"""


def serve(start, directory, least="NT1", most="SMB3_11", encrypt="default", port=PORT, more=""):
    """A share of directory/files, for one user; all of Samba's own files are in directory."""
    for name, mode in (("private", 0o700), ("lock", 0o755), ("state", 0o755), ("cache", 0o755),
                       ("run", 0o755), ("ncalrpc", 0o755), (SHARE, 0o777)):
        os.makedirs(os.path.join(directory, name), exist_ok=True)
        os.chmod(os.path.join(directory, name), mode)
    with open(os.path.join(directory, "users"), "w", encoding="ascii") as f:
        f.write(f"{UNIX_USER} = {USER}\n")
    config = os.path.join(directory, "smb.conf")
    with open(config, "w", encoding="ascii") as f:
        f.write(CONFIG.format(group=GROUP, port=port, least=least, most=most, encrypt=encrypt,
                              dir=directory, share=SHARE, more=more))
    subprocess.run(["smbpasswd", "-c", config, "-s", "-a", UNIX_USER], check=True,
                   input=f"{PASSWORD}\n{PASSWORD}\n", encoding="ascii",
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return start("smbd", "-F", "-s", config, stdin=subprocess.DEVNULL,
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def shell(host, commands, protocol="SMB3_11", encrypt=None, port=PORT):
    """The words of a smbclient that runs these commands."""
    more = [f"--client-protection={encrypt}"] if encrypt else []
    return ["smbclient", f"//{host}/{SHARE}", "-s", "/dev/null", "-p", str(port), "-I", host,
            "-U", f"{GROUP}\\{USER}%{PASSWORD}", "-m", protocol,
            "--option=client min protocol=NT1", *more, "-c", "; ".join(commands)]
