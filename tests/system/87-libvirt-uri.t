#!/bin/sh
# Guests of a libvirt daemon instead of the driver of our own: one of the test's, whose sockets and state nobody else sees.
. "$(dirname "$0")/lib.sh"
need root loop fuse qemu libvirtd xorriso unshare
if [ -z "${OWN_MOUNTS:-}" ]; then
        rm -rf "$WORK"
        OWN_MOUNTS=1 exec unshare --mount --propagation private -- sh "$0"
fi
plan 16
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

# A bake that is killed: the daemon ends the guest when the connection breaks. One that it kept is ended by its UUID.
domains() { virsh -c qemu:///system list --all --name | grep -c .; }
"$BAKERY" build -force -plain t.json >killed.log 2>&1 &
pid=$!
until [ "$(domains)" = 1 ] || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done
kill -KILL $pid
wait $pid 2>/dev/null
tries=0
until run "$BAKERY" janitor sweep && printf '%s\n' "$out" | grep -q ' 0 held by the living$' || [ $tries -ge 600 ]; do
        tries=$((tries + 1))
        sleep 0.1
done
is "what a killed bake leaves is swept" "$code $(leaks)$(find "$BAKERY_HOME/run" -name 'guest-*')" "0 "
until [ "$(domains)" = 0 ] || [ $tries -ge 1200 ]; do           # one that came when the sweep had asked is the daemon's to end, when it notices
        tries=$((tries + 1))
        sleep 0.1
done
is "... and its guest is gone" "$(domains)" 0
uuid=6ba7b810-9dad-11d1-80b4-00c04fd430c8
cat >left.xml <<EOT
<domain type='qemu'><name>left</name><uuid>$uuid</uuid><memory unit='MiB'>64</memory><os><type arch='x86_64'>hvm</type></os></domain>
EOT
virsh -q -c qemu:///system create left.xml >/dev/null
sed "s/left/other/; s/$uuid/6ba7b811-9dad-11d1-80b4-00c04fd430c8/" left.xml >other.xml
virsh -q -c qemu:///system create other.xml >/dev/null
printf 'lease 2 before 1 1\ndomain %s qemu:///system\n' $uuid >"$BAKERY_HOME/run/leases/left.lease"
cp "$BAKERY_HOME/run/leases/left.lease" left.lease
exits "a guest that was left is ended" 0 "$BAKERY" janitor sweep
is "... and no other one" "$(virsh -c qemu:///system list --all --name | grep .)" other
cp left.lease "$BAKERY_HOME/run/leases/left.lease"
like "... once" "$("$BAKERY" janitor sweep)" "^not there: domain $uuid"
sed 's,qemu:///system,qemu:///nowhere,' left.lease >"$BAKERY_HOME/run/leases/left.lease"
exits "a driver that does not answer keeps the lease" 6 "$BAKERY" janitor sweep
like "... and is told" "$out" "^stuck: domain $uuid qemu:///nowhere .*guest $uuid of libvirt at 'qemu:///nowhere': "
rm "$BAKERY_HOME/run/leases/left.lease"
virsh -q -c qemu:///system destroy other >/dev/null
exit $failed
