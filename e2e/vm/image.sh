#!/usr/bin/env bash
# image.sh DIR: makes a virtual machine of Debian in DIR: disk.raw, vmlinuz, initrd
# and the keys of its SSH, where id is a key that root is let in with. The folder
# of the image is named after the hash of this file: see image.go.
set -euo pipefail

out=$1
suite=bookworm
packages=systemd-sysv,dbus,udev,kmod,openssh-server,openvswitch-switch,iproute2,iptables,iputils-ping,docker.io,busybox-static,procps,ca-certificates

# The mirror is the one that this machine installs from, if that is Debian's.
mirror=${NETRUN_VM_MIRROR:-$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
  awk -v suite="$suite" '$2 == suite && $3 == "main" { print $1; exit }')}
mirror=${mirror:-http://deb.debian.org/debian}

root=$out/root
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include="$packages" "$suite" "$root" "$mirror"

# The kernel is unpacked, not installed: it starts with an initrd of our own, and so
# needs none of the programs that make one.
kernel=$(chroot "$root" apt-cache depends --important linux-image-cloud-amd64 | awk '$1 == "Depends:" { print $2; exit }')
chroot "$root" sh -c 'cd /tmp && apt-get download -q "$1"' sh "$kernel"
dpkg-deb --fsys-tarfile "$root"/tmp/linux-image-*.deb | tar -x -C "$root" --keep-directory-symlink # /lib is one
rm "$root"/tmp/linux-image-*.deb "$root"/var/cache/apt/archives/*.deb
release=${kernel#linux-image-}
mv "$root/boot/vmlinuz-$release" "$out/vmlinuz"
depmod -b "$root" "$release"

# SSH: known before the first start, so that nobody has to trust anything.
ssh-keygen -q -t ed25519 -N '' -C 'netrun vm' -f "$out/id"
mkdir -m 700 -p "$root/root/.ssh"
install -m 600 "$out/id.pub" "$root/root/.ssh/authorized_keys"
rm -f "$root"/etc/ssh/ssh_host_*_key*
ssh-keygen -q -t ed25519 -N '' -C 'netrun vm' -f "$root/etc/ssh/ssh_host_ed25519_key"
cp "$root/etc/ssh/ssh_host_ed25519_key.pub" "$out/host.pub"
sed -i 's/^#\?UseDNS.*/UseDNS no/; s/^#\?PrintMotd.*/PrintMotd no/' "$root/etc/ssh/sshd_config"

# The first interface is for SSH. The others are left alone: they are for tests.
cat > "$root/etc/systemd/network/10-ssh.network" <<'EOF'
[Match]
Name=ens3
[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
LinkLocalAddressing=no
EOF
echo '/dev/vda / ext4 defaults 0 1' > "$root/etc/fstab"
: > "$root/etc/machine-id"
rm -f "$root/etc/hostname"
chroot "$root" systemctl --quiet enable systemd-networkd.service
chroot "$root" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  e2scrub_reap.service fstrim.timer systemd-networkd-wait-online.service getty@tty1.service

# What containers are made of: docker import takes it.
tree=$out/tree
mkdir -p "$tree/bin"
cp "$root/bin/busybox" "$tree/bin/busybox"
for applet in $("$tree/bin/busybox" --list); do
  [ "$applet" = busybox ] || ln -s busybox "$tree/bin/$applet"
done
mkdir -p "$root/usr/local/share"
tar -C "$tree" -cf "$root/usr/local/share/busybox.tar" .

# The initrd loads what the disk needs, and goes over to it.
rm -rf "$tree"
mkdir -p "$tree/bin" "$tree/proc" "$tree/sys" "$tree/dev" "$tree/mnt" "$tree/modules"
cp "$root/bin/busybox" "$tree/bin/busybox"
n=10
for module in virtio_pci virtio_blk ext4; do
  while read -r word path _; do
    [ "$word" = insmod ] || continue # builtin
    [ -z "$(ls "$tree/modules" | grep -x "..-${path##*/}")" ] || continue
    cp "$path" "$tree/modules/$((n++))-${path##*/}"
  done < <(modprobe -d "$root" -S "$release" --show-depends "$module")
done
cat > "$tree/init" <<'EOF'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
for word in $(/bin/busybox cat /proc/cmdline); do
  # A probe of whether machines start at all: see accel in machine.go.
  [ "$word" = netrun.probe ] && echo "netrun probe ok" >/dev/console && /bin/busybox poweroff -f
done
for module in /modules/*.ko; do /bin/busybox insmod "$module" || echo "insmod $module: $?"; done
n=0
while [ ! -b /dev/vda ] && [ $n -lt 100 ]; do /bin/busybox sleep 0.1; n=$((n + 1)); done
/bin/busybox mount -t ext4 /dev/vda /mnt
/bin/busybox umount /proc
exec /bin/busybox switch_root /mnt /sbin/init
EOF
chmod 755 "$tree/init"
(cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) > "$out/initrd"
rm -rf "$tree"

truncate -s 4G "$out/disk.raw"
mkfs.ext4 -q -F -L root -d "$root" "$out/disk.raw"
