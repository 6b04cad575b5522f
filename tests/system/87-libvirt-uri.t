#!/bin/sh
# Guests of a libvirt daemon instead of the driver of our own: one of the test's, whose sockets and state nobody else sees.
. "$(dirname "$0")/lib.sh"
need root loop fuse qemu libvirtd xorriso unshare
if [ -z "${OWN_MOUNTS:-}" ]; then
        rm -rf "$WORK"
        OWN_MOUNTS=1 exec unshare --mount --propagation private -- sh "$0"
fi
plan 9
fixture
chmod 755 "$WORK"         # its QEMU runs as another user, who must get at the state folder
cd "$WORK" || exit 1
for folder in /var/lock /run/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /etc/libvirt; do
        [ -d $folder ] || continue
        [ $folder != /etc/libvirt ] || cp -r /etc/libvirt "$WORK/etc-libvirt"
        mount -t tmpfs -o mode=0755 tmpfs $folder
done
cp -r "$WORK/etc-libvirt/." /etc/libvirt
rm -rf /etc/libvirt/qemu/networks/autostart /etc/libvirt/qemu/autostart
printf 'dynamic_ownership = 0\nremember_owner = 0\nnamespaces = []\ncgroup_controllers = []\nsecurity_driver = "none"\nstdio_handler = "file"\n' >/etc/libvirt/qemu.conf
mkfifo ready
libvirtd --timeout 300 >libvirtd.log 2>&1 &
daemon=$!
CLEANUP="kill $daemon 2>/dev/null; wait $daemon 2>/dev/null"
until virsh -c qemu:///system version >/dev/null 2>&1 || ! kill -0 $daemon 2>/dev/null; do sleep 0.1; done

cat >t.json <<'EOT'
{
  "builders": [{
    "type": "qemu", "name": "m", "image_name": "m", "source_image": "nginx", "libvirt_uri": "qemu:///system", "boot_wait": "0s",
    "efi_boot": true, "cd_content": { "user-data": "#cloud-config\n", "meta-data": "instance-id: x\n" }, "cd_label": "cidata",
    "boot_command": ["<wait serial \"login: \" 1m>"]
  }],
  "provisioners": [{ "type": "shell", "inline": [
    "echo efi=$(test -d /sys/firmware/efi && echo yes) cd=$(blkid -o value -s LABEL /dev/sr0)", "echo hello >/etc/hello" ] }]
}
EOT
exits "a guest of a libvirt daemon is baked" 0 "$BAKERY" build -plain t.json
like "its serial console was read" "$out" "typed in"
like "it has its firmware and its CD" "$out" "efi=yes cd=cidata"
is "the daemon has no guest any more" "$(virsh -c qemu:///system list --all --name | grep -c .)" 0
is "nothing is left" "$(leaks)" ""

SOURCE=m template look.json '[{ "type": "shell", "inline": ["cat /etc/hello"] }]'
exits "a chroot goes on from it" 0 "$BAKERY" build -plain look.json
like "with what was made there" "$out" "hello"

sed 's,qemu:///system,qemu:///nowhere,; s/"m"/"n"/g' t.json >n.json
exits "a driver that is not there is told" 6 "$BAKERY" build -plain n.json
like "... by its name" "$out" "cannot connect to libvirt at 'qemu:///nowhere'"
exit $failed
