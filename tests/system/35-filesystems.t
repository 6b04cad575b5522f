#!/bin/sh
# Foundations on every file system: a disk with the partitions, the boot loader and the fstab that it should have,
# and a layer on it.
. "$(dirname "$0")/lib.sh"
need root loop fuse net mmdebstrap
plan 21
fixture
cd "$WORK" || exit 1

for fs in ext4 xfs btrfs; do
        case $fs in ext4) tools=e2fsprogs ;; xfs) tools=xfsprogs ;; btrfs) tools=btrfs-progs ;; esac
        cat >root.json <<-EOT
	{ "builders": [{ "type": "foundation", "name": "$fs", "image_name": "$fs-root", "release": "bookworm", "kernel": "",
	                 "filesystem": "$fs", "packages": ["$tools"], "disk_size": "2G" }] }
	EOT
        exits "$fs: a foundation" 0 "$BAKERY" build root.json
        SOURCE=$fs-root template layer.json '[{ "type": "shell", "inline": ["findmnt -no FSTYPE / | tee /etc/layer", "cat /etc/fstab >&2"] }]'
        exits "$fs: a layer on it" 0 "$BAKERY" build layer.json
        like "  is provisioned on it" "$out" "test: $fs$"
        "$BAKERY" image export test "$WORK/disk.raw" >/dev/null
        is "  three partitions: BIOS boot, EFI system, root" \
                "$(sfdisk -J disk.raw | jq -r '[.partitiontable.partitions[].type] | join(" ")')" \
                "21686148-6449-6E6F-744E-656564454649 C12A7328-F81F-11D2-BA4B-00A0C93EC93B 4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"
        offset=$(sfdisk -J disk.raw | jq '.partitiontable.partitions[2].start * 512')
        uuid=$(blkid -p -o value -s UUID -O "$offset" disk.raw)
        like "  fstab names the root by its UUID" "$out" "^ *test: UUID=$uuid +/ +$fs "
        esp=$(sfdisk -J disk.raw | jq '.partitiontable.partitions[1].start * 512')
        like "  the removable EFI path holds a boot loader" "$(mdir -b -i "disk.raw@@$esp" ::/EFI/BOOT 2>&1)" "BOOTX64.EFI"
        is "  the MBR boots" "$(dd if=disk.raw bs=1 skip=510 count=2 2>/dev/null | od -An -tx1)" " 55 aa"
        rm -f disk.raw
done
