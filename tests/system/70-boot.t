#!/bin/sh
# The finished application image boots on both firmwares to a login prompt on the
# serial console, with no failed unit. Its layer is not written to.
. "$(dirname "$0")/lib.sh"
need root loop fuse net qemu
plan 14
fixture
cd "$WORK" || exit 1

# A layer more, which reports on the serial console what only the running system knows.
cat >report.service <<'EOT'
[Unit]
Description=Report the state of the boot
After=network-online.target
Wants=network-online.target
[Service]
Type=exec
ExecStart=/bin/sh -c 'state=$$(systemctl is-system-running --wait); page=$$(curl -s http://127.0.0.1/ | grep -c "<title>"); \
        { echo; echo "REPORT state=$$state page=$$page root=$$(findmnt -no SOURCE /) efi=$$(test -d /sys/firmware/efi && echo yes || echo no)"; \
        systemctl --failed --plain --no-legend --no-pager | sed "s/^/FAILED /"; echo "REPORT END"; } >/dev/ttyS0'
[Install]
WantedBy=multi-user.target
EOT
SOURCE=nginx template t.json '[
  { "type": "file", "source": "report.service", "destination": "/etc/systemd/system/report.service" },
  { "type": "shell", "inline": ["systemctl enable report.service"] } ]'
exits "a reporting layer is baked" 0 "$BAKERY" build t.json
disk=$("$BAKERY" image show test -path)
digest=$(sha256sum <"$disk")

# boot NAME FIRMWARE-OPTIONS...: the serial console's text until the report and the prompt have come, or ten minutes are over
boot() {
        name=$1
        shift
        mkfifo "$name.fifo"
        qemu-system-x86_64 -accel tcg -cpu max -m 1G -display none -monitor none -serial stdio -no-reboot -snapshot \
                -drive "file=$disk,format=qcow2,if=virtio" -nic user,restrict=on,model=virtio "$@" </dev/null >"$name.fifo" 2>&1 &
        guest=$!
        perl -e '$SIG{ALRM} = sub { exit 1 }; alarm 600; my $all = "";
                while (sysread STDIN, my $bytes, 4096) {
                        syswrite STDOUT, $bytes; $all .= $bytes;
                        exit 0 if $all =~ /REPORT END/ && $all =~ /localhost login: /;
                } exit 1' <"$name.fifo" >"$name.serial"
        kill $guest
        wait $guest
}
cp /usr/share/OVMF/OVMF_VARS_4M.fd vars.fd
boot bios -machine pc &
bios=$!
boot uefi -machine q35 -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd -drive if=pflash,format=raw,file=vars.fd
wait $bios

for firmware in bios uefi; do
        text=$(tr -d '\r' <$firmware.serial)
        like "$firmware: a login prompt on the serial console" "$text" "localhost login: "
        like "$firmware: every unit started" "$text" "REPORT state=running "
        unlike "$firmware: none failed" "$text" "FAILED"
        like "$firmware: the page is served" "$text" "REPORT .* page=1 "
        like "$firmware: booted by that firmware" "$text" "REPORT .* efi=$([ $firmware = uefi ] && echo yes || echo no)$"
        like "$firmware: the boot loader speaks on the console too" "$text" "Loading Linux|Welcome to GRUB|GNU GRUB|Booting"
        [ -z "${V:-}" ] || note "$text"
done
is "the layer is as it was" "$(sha256sum <"$disk")" "$digest"
