# SPDX-License-Identifier: MIT
#
# The kernel's own NFS server, for tests inside the virtual machine; sourced by bash.

# A folder in memory, /srv/share, that everybody may mount.  False: no NFS in this kernel.
knfsd_setup()
{
	modprobe nfsd && modprobe nfs && modprobe nfsv3 && modprobe nfsv4 &&
	mkdir -p /srv/share &&
	mount -t tmpfs none /srv/share && chmod 777 /srv/share &&
	echo '/srv/share *(rw,no_root_squash,insecure,no_subtree_check,fsid=0)' >/etc/exports
}

# knfsd_serve NAMESPACE: all in one call, since each of `ip netns exec` has mounts of its own.
knfsd_serve()
{
	ip netns exec "$1" bash -c '
		mkdir -p /var/lib/nfs/v4recovery &&
		mount -t nfsd nfsd /proc/fs/nfsd &&
		rpcbind && exportfs -ra && rpc.mountd &&
		echo 10 >/proc/fs/nfsd/nfsv4leasetime &&
		echo 10 >/proc/fs/nfsd/nfsv4gracetime && rpc.nfsd 4'
}
