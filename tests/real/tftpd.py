# SPDX-License-Identifier: MIT
"""tftpd-hpa: how to start it. See lab.py for `start`."""
import os

PORT = 69


def serve(start, directory, *options):
    """TFTP of directory/tftp, where files may be made; they are read by anybody."""
    root = os.path.join(directory, "tftp")
    os.makedirs(root, exist_ok=True)
    os.chmod(root, 0o777)
    return start("in.tftpd", "-L", "-s", "-c", "-p", "-u", "nobody", "-U", "022",
                 *options, root)
