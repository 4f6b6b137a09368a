#!/bin/sh
# set_up.sh ROOT SCRATCH REEVE COMMAND...: mounts ROOT, read-only, on SCRATCH/root as the end-to-end tests need it, and runs
# COMMAND. To be called in mount, PID and net namespaces of its own, with which all of these mounts and all processes vanish.
set -e
from=$1 scratch=$2 reeve=$3
shift 3
root=$scratch/root
ip link set lo up
mount --bind "$from" "$root"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount --bind "$reeve" "$root/reeve"
# The directory of the tests is the same inside and outside; inside.c binds it, with what a test has mounted there.
mount --bind "$scratch/tmp" "$scratch/tmp"
mount --make-shared "$scratch/tmp"
mkdir -p "$root$scratch/tmp"
# Users are the host's, since the programs behind the doors are: where the root has such files at all.
for file in /etc/passwd /etc/group; do
  test ! -e "$root$file" || mount --bind "$file" "$root$file"
done
mount -o remount,bind,ro "$root"
# Names of network namespaces are files: these must not meet those of others.
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns
exec "$scratch/first" "$@"
