# SPDX-License-Identifier: MIT
"""NFS-Ganesha, a server in user space: NFS 3 over TCP and UDP, and 4.0 to 4.2."""
import os

EXPORT = "/share"
PROGRAMS = ("ganesha.nfsd", "rpcbind", "nfs-cp", "sh")
# Files live in memory, as long as the server does.
CONFIGURATION = """\
NFS_CORE_PARAM {
	Protocols = 3, 4;
	MNT_Port = 20048;
	Enable_NLM = false;
	Enable_RQUOTA = false;
	Enable_UDP = true;
	mount_path_pseudo = true;
}
NFSV4 {
	Graceless = true;
	RecoveryBackend = fs;
	Minor_Versions = 0, 1, 2;
}
MEM {
	Inode_Size = 2097152;
}
EXPORT {
	Export_Id = 1;
	Path = "/share";
	Pseudo = "/share";
	Access_Type = RW;
	Squash = None;
	SecType = sys;
	Protocols = 3, 4;
	Transports = UDP, TCP;
	FSAL {
		Name = MEM;
	}
}
"""
# Both want /run for themselves, and Ganesha is slow to end.
SCRIPT = """\
mount -t tmpfs tmpfs /run && mkdir -p /run/ganesha || exit 1
rpcbind -f & portmap=$!
sleep 0.3
ganesha.nfsd -F -f "$1/ganesha.conf" -L "$1/log" -p /run/ganesha.pid & server=$!
trap 'kill -KILL $portmap $server; exit 0' TERM
wait
"""


def serve(start, directory):
    """Starts it; it answers at port 2049, and for MOUNT at 20048."""
    with open(os.path.join(directory, "ganesha.conf"), "w", encoding="ascii") as f:
        f.write(CONFIGURATION)
    return start("sh", "-c", SCRIPT, "sh", directory)
