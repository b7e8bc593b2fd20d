# SPDX-License-Identifier: MIT
# What the scripts share: the cache, how they talk, how they get Debian packages.
# Sourced by scripts that begin with `set -eu`.

# Who is not root seldom has these, and depmod, modprobe, ip and nft live there.
PATH=$PATH:/usr/sbin:/sbin
prog=${0##*/}
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/sluice

say()
{
	printf '%s: %s\n' "$prog" "$*" >&2
}

die()
{
	say "$*"
	exit 1
}

# Run a command as root, by sudo where we are not.
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root or sudo for: $*"
	fi
}

need_apt()
{
	command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
		die "needs Debian (or a relative with apt-get); packages wanted: see scripts/packages"
	export DEBIAN_FRONTEND=noninteractive
}

apt_get()
{
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 \
		-o APT::Get::Assume-Yes=true "$@"
}

# Bring the package lists up to date; mirrors and networks have bad moments.
apt_update()
{
	for pause in 2 5 15 0; do
		say "apt-get update"
		if apt_get -qq update >&2; then
			return 0
		fi
		sleep $pause
	done
	die "apt-get update fails; is there a network and a mirror in /etc/apt/sources.list?"
}

# deb_unpack DIR PACKAGE...: download packages and unpack them below DIR; nothing is installed.
deb_unpack()
{
	deb_dir=$1
	shift
	mkdir -p "$deb_dir/.debs"
	(cd "$deb_dir/.debs" && apt-get -qq -o APT::Sandbox::User=root download "$@" >&2) ||
		return 1
	for deb in "$deb_dir"/.debs/*.deb; do
		dpkg-deb -x "$deb" "$deb_dir" || return 1
	done
	rm -rf "$deb_dir/.debs"
}

# One at a time: scripts that fill the cache wait for each other. Descriptor 9 holds the lock.
cache_lock()
{
	mkdir -p "$cache"
	exec 9>"$cache/.lock"
	flock -n 9 || {
		say "waiting for another run that fills $cache"
		flock 9
	}
}
