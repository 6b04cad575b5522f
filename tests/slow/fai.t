#!/bin/sh
# A machine is installed by FAI from a CD, by commands that are typed at GRUB, and provisioned over SSH. Half an hour under
# emulation; `make check-slow` runs it. BAKERY_FAI_STATE keeps what FAI makes on the host between runs.
TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/system/lib.sh"
need root loop fuse net qemu fai-make-nfsroot fai-cd fai-mirror reprepro aptitude xorriso
plan 6
cd "$WORK" || exit 1
started=$(date +%s)
if ! "$TOP/tests/slow/fai-iso" "${BAKERY_FAI_STATE:-$WORK/fai}" "$WORK/fai.iso" >fai.log 2>&1; then
        sed 's/^/# /' fai.log
        echo "Bail out! the FAI CD cannot be made"
        exit 1
fi
note "the CD took $(($(date +%s) - started)) s"
sha256sum fai.iso >SHA256SUMS
started=$(date +%s)
exits "an installation by FAI is baked" 0 "$BAKERY" build -var iso_url="$WORK/fai.iso" -var iso_checksum="file:$WORK/SHA256SUMS" \
        "$TOP/images/foundation/fai/template.json"
note "the bake took $(($(date +%s) - started)) s"
[ $code -eq 0 ] || note "$out"
SOURCE=fai template look.json '[ { "type": "shell", "inline": [
        "cat /etc/hostname", "ls /var/log/fai/baked", "test ! -e /etc/ssh/sshd_config.d/20-installer.conf && echo tidied" ] } ]'
exits "a chroot layer stands on it" 0 "$BAKERY" build look.json
like "its name is that of the command line" "$out" "baked"
like "FAI left its logs" "$out" "last-install"
like "it was provisioned over SSH" "$out" "tidied"
is "nothing is left" "$(leaks)" ""
