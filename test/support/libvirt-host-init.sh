#!/bin/sh
# PID 1 of a test host: gives its namespaces a file tree of their own, starts libvirtd and reaps what dies.
# Usage: libvirt-host-init.sh <directory of the host> <host name> <masked|shared>
set -eu
directory=$1
name=$2
kvm=$3

mount --make-rprivate /
hostname "$name"
mount -t sysfs sysfs /sys
# Control groups stay the machine's: libvirt is told to leave them alone, and sees none.
mount -t tmpfs -o ro,size=4k tmpfs /sys/fs/cgroup
for path in etc/libvirt var/lib/libvirt var/cache/libvirt var/log/libvirt run; do
  mkdir -p "/$path"
  mount --bind "$directory/$path" "/$path"
done
mount --bind "$directory/etc/machine-id" /etc/machine-id
if [ "$kvm" = masked ] && [ -e /dev/kvm ]; then
  # Read-only, so that even root finds it unusable: libvirt would look for KVM again at every define otherwise.
  mount --bind "$directory/no-kvm" /dev/kvm
  mount -o remount,bind,ro /dev/kvm
fi
mkdir -p /run/lock
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward

libvirtd -d
# The shell's wait reaps every child, also those that libvirtd leaves behind.
sleep infinity &
wait $!
