#!/bin/sh
# Debian's own installer takes a boot command and its answer file: as far as it gets without a mirror for its own parts. The answers
# tell it to power off as soon as they are read.
. "$(dirname "$0")/lib.sh"
need root loop fuse qemu xorriso
plan 5
cd "$WORK" || exit 1
if ! "$TOP/tests/system/installer/make-di-iso" di.iso >make.log 2>&1; then
        sed 's/^/# /' make.log
        echo "Bail out! the ISO cannot be made"
        exit 1
fi
mkdir http
echo 'd-i preseed/early_command string echo ANSWERED >/dev/ttyS0; poweroff -f' >http/preseed.cfg
cat >t.json <<'EOT'
{
  "builders": [{
    "type": "qemu", "name": "di", "image_name": "di", "iso_url": "di.iso", "iso_checksum": "none", "disk_size": "1G", "memory": 1024,
    "http_directory": "http", "boot_wait": "0s", "boot_key_interval": "auto", "boot_verify_typing": true, "evidence": true,
    "boot_command": ["<wait \"boot:\" 60s>linux auto=true priority=critical url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/preseed.cfg<enter>"],
    "communicator": "none", "shutdown_timeout": "2m"
  }]
}
EOT
begin=$(date +%s)
exits "the installer is started by what is typed" 0 "$BAKERY" build -plain t.json
note "in $(($(date +%s) - begin)) s"
like "it fetched its answers" "$out" "guest: GET /preseed.cfg 200"
where=$(printf '%s\n' "$out" | sed -n 's/.*evidence is in \(.*\)$/\1/p')
like "... and did what they say" "$(cat "$where/serial.log")" "ANSWERED"
like "... which ended the bake" "$out" "waiting for the guest to power itself off"
is "nothing is left" "$(leaks)" ""
exit $failed
