#!/bin/sh
# Builds the root of dropbear.ini: the smallest Debian with dropbear in it, its host key, and the key of who may log in as root.
#
# usage: build.sh KEY.pub [ROOT]      as root; needs debootstrap; ROOT is /ns/001 unless told
set -eu
key=${1:?usage: build.sh KEY.pub [ROOT]}
root=${2:-/ns/001}
test -f "$key"
if [ ! -x "$root/usr/sbin/dropbear" ]; then
  mkdir -p "$root"
  debootstrap --variant=minbase --include=dropbear-bin stable "$root"
fi
mkdir -p "$root/etc/dropbear"
if [ ! -f "$root/etc/dropbear/dropbear_ed25519_host_key" ]; then
  chroot "$root" dropbearkey -t ed25519 -f /etc/dropbear/dropbear_ed25519_host_key
fi
install -d -m 700 "$root/root/.ssh"
install -m 600 "$key" "$root/root/.ssh/authorized_keys"
echo "built $root: reeve dropbear.ini, then ssh -p 1022 root@localhost"
