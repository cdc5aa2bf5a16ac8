#!/usr/bin/env bash
# Builds the guest of the compute suite from Debian packages: a disk of 64 MiB that boots from a BIOS in seconds, even
# where everything is emulated, and gives a root shell on its serial console.
#
#   tests/images/guest.sh [CACHE_DIR]
#
# Leaves guest.qcow2 in CACHE_DIR (default ${XDG_CACHE_HOME:-$HOME/.cache}/imprint-test); one that is there already is
# not built again. Needs root, for mmdebstrap; uses no loop device.
#
# What it says on ttyS0, and nothing else does:
#   GUEST-READY boots=N     the shell is there; N counts how often this disk was booted
#   GUEST-POWER-BUTTON      it was asked to shut down, and does
set -euo pipefail

cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/imprint-test}
# In the order they are loaded: each after those it needs. What the kernel has built in is not there as a file.
modules=(virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk scsi_common scsi_mod
  sd_mod virtio_scsi nvme-common t10-pi crc64 crc64-rocksoft crct10dif_common nvme-core nvme button evdev
  crc16 mbcache jbd2 crc32c_generic ext4)

mkdir -p "$cache"
[ -s "$cache/guest.qcow2" ] && { echo "images: guest is cached"; exit; }
started=$SECONDS
work=$(mktemp -d "${TMPDIR:-/tmp}/imprint-guest.XXXXXX")
trap 'rm -rf "$work"' EXIT
packages=$work/packages initrd=$work/initrd root=$work/root raw=$work/guest.raw

mmdebstrap --quiet --mode=root --variant=extract --include=linux-image-cloud-amd64,busybox-static \
  bookworm "$packages" </dev/null
kernel=$(basename "$packages"/boot/vmlinuz-*)
kernel=${kernel#vmlinuz-}
busybox=$(find "$packages" -type f -perm -u+x -name busybox -print -quit)

# The first root: loads the drivers, finds the disk's file system, goes over to it.
mkdir -p "$initrd"/{bin,dev,proc,sys,disk,modules}
cp "$busybox" "$initrd/bin/busybox"
load=
for module in "${modules[@]}"; do
  file=$(find "$packages" -name "$module.ko" -print -quit)
  [ -n "$file" ] || continue
  cp "$file" "$initrd/modules/"
  load+="insmod /modules/$module.ko; "
done
cat > "$initrd/init" <<END
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
$load
tries=0
until disk=\$(findfs LABEL=guest) || [ \$((tries += 1)) -gt 100 ]; do sleep 0.1; done
mount -t ext4 "\$disk" /disk || { echo GUEST-HAS-NO-DISK > /dev/ttyS0; exec sh; }
for place in proc sys dev; do mount --move /\$place /disk/\$place; done
exec switch_root /disk /init
END

# The disk: the same program, and what it does once it is there.
mkdir -p "$root"/{bin,dev,proc,sys,boot,root,tmp,var/log,var/run,etc/acpi/PWRF}
cp "$busybox" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
echo 0 > "$root/etc/boots"
cat > "$root/init" <<'END'
#!/bin/sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root PS1='guest# '
hostname guest
boots=$(($(cat /etc/boots) + 1)); echo $boots > /etc/boots; sync
acpid
cd /root
echo "GUEST-READY boots=$boots" > /dev/ttyS0
while true; do setsid cttyhack sh < /dev/ttyS0 > /dev/ttyS0 2>&1; done
END
cat > "$root/etc/acpi/PWRF/00000080" <<'END'
#!/bin/sh
echo GUEST-POWER-BUTTON > /dev/ttyS0
sync
mount -o remount,ro /
poweroff -f
END
chmod 755 "$initrd/init" "$root/init" "$root/etc/acpi/PWRF/00000080"
cp "$packages/boot/vmlinuz-$kernel" "$root/boot/kernel"
(cd "$initrd" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | gzip -6) > "$root/boot/initrd"

truncate -s 64M "$raw"
printf 'label: dos\nstart=2048, type=83, bootable\n' | sfdisk --quiet --no-reread --no-tell-kernel "$raw"
mkfs.ext4 -q -F -L guest -O ^metadata_csum_seed,^orphan_file -d "$root" -E offset=1048576 "$raw" 63M 2>/dev/null ||
  mkfs.ext4 -q -F -L guest -O ^metadata_csum_seed -d "$root" -E offset=1048576 "$raw" 63M
# The boot loader fills the gap before the partition: its first sector expects the rest right behind it.
cat > "$work/grub.cfg" <<'END'
linux (hd0,msdos1)/boot/kernel console=ttyS0,115200 quiet panic=-1
initrd (hd0,msdos1)/boot/initrd
boot
END
grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot' -c "$work/grub.cfg" -o "$work/core.img" biosdisk part_msdos ext2 linux boot
dd if=/usr/lib/grub/i386-pc/boot.img of="$raw" bs=440 count=1 conv=notrunc status=none
dd if="$work/core.img" of="$raw" bs=512 seek=1 conv=notrunc status=none

qemu-img convert -c -f raw -O qcow2 "$raw" "$cache/guest.part"
mv "$cache/guest.part" "$cache/guest.qcow2"
echo "images: guest built in $((SECONDS - started)) s, $(stat -c %s "$cache/guest.qcow2") bytes"
