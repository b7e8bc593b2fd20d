# SPDX-License-Identifier: MIT
"""vsftpd: its configuration, and how to start it. See lab.py for `start`."""
import os

PORT = 21
CONFIG = """\
listen=NO
listen_ipv6=YES
background=NO
listen_port={port}
anonymous_enable=YES
no_anon_password=YES
anon_root={root}
anon_upload_enable=YES
anon_other_write_enable=YES
anon_mkdir_write_enable=YES
anon_umask=022
anon_world_readable_only=NO
write_enable=YES
ascii_download_enable=YES
ascii_upload_enable=YES
port_promiscuous={loose}
pasv_promiscuous={loose}
connect_from_port_20=NO
ftp_username={user}
seccomp_sandbox=NO
run_as_launching_user=NO
secure_chroot_dir={empty}
use_localtime=YES
xferlog_enable=NO
{more}
"""


def serve(start, directory, user="ftp", loose=False, more="", port=PORT):
    """Anonymous FTP of directory/ftp, which everybody may write to below directory/ftp/in."""
    root, empty = os.path.join(directory, "ftp"), os.path.join(directory, "empty")
    for path, mode in (root, 0o755), (os.path.join(root, "in"), 0o777), (empty, 0o755):
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
    config = os.path.join(directory, "vsftpd.conf")
    with open(config, "w", encoding="ascii") as f:
        f.write(CONFIG.format(root=root, empty=empty, user=user, port=port, more=more,
                              loose="YES" if loose else "NO"))
    os.chmod(config, 0o600)
    return start("vsftpd", config)
