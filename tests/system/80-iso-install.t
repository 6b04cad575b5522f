#!/bin/sh
# From an ISO to an image and on: an installer is typed at through its prompt, fetches its answers over HTTP,
# installs, reboots into SSH, is provisioned, shut down, sealed, registered - and the image is booted again,
# by a bake that goes on from it without a copy, and on the terminal.
. "$(dirname "$0")/lib.sh"
need root loop fuse qemu mmdebstrap xorriso
plan 35
cd "$WORK" || exit 1

# The ISO is made once a build (see installer/make-iso).
if ! "$TOP/tests/system/installer/make-iso" "$TOP/build/installer" tiny.iso >make-iso.log 2>&1; then
        sed 's/^/# /' make-iso.log
        echo "Bail out! the ISO cannot be made"
        exit 1
fi
sha256sum tiny.iso >SHA256SUMS
mkdir http
printf 'hostname=tiny\nroot_password=root-pass\n' >http/answers
seq 200000 >upload.txt

cat >install.json <<'EOT'
{
  "variables": { "password": "root-pass" },
  "sensitive-variables": ["password"],
  "builders": [{
    "type": "qemu", "name": "iso", "image_name": "tiny", "image_type": "foundation", "attributes": { "release": "bookworm" },
    "iso_url": "tiny.iso", "iso_checksum": "file:SHA256SUMS", "disk_size": "2G", "memory": 1024, "http_directory": "http",
    "boot_wait": "0s", "boot_key_interval": "auto", "boot_verify_typing": true,
    "boot_command": ["<wait \"boot:\" 60s>linux answers=http://{{ .HTTPIP }}:{{ .HTTPPort }}/answers<enter>",
                     "<wait serial \"INSTALL DONE\" 3m>", "<wait port 22 3m>"],
    "ssh_username": "root", "ssh_password": "{{user `password`}}", "ssh_timeout": "5m", "shutdown_command": "poweroff", "evidence": true
  }],
  "provisioners": [
    { "type": "shell", "environment_vars": ["GREETING=hello"], "inline": ["echo $GREETING $PACKER_BUILDER_TYPE >/etc/greeting", "echo secret root-pass shown"] },
    { "type": "file", "source": "upload.txt", "destination": "/root/" }
  ]
}
EOT
begin=$(date +%s)
exits "an ISO becomes an image" 0 "$BAKERY" build -plain install.json
note "in $(($(date +%s) - begin)) s"
log=$out
like "the guest fetched its answers, and the log shows it" "$log" "guest: GET /answers 200 [0-9]+ from"
like "emulation is said, with its consequence" "$log" "emulating the guest, time-outs are 5 times longer|starting the guest"
like "it was logged in" "$log" "logged in after"
unlike "no secret is in the log" "$log" "root-pass"
where=$(printf '%s\n' "$log" | sed -n 's/.*evidence is in \(.*\)$/\1/p')
like "what was typed is kept" "$(cat "$where/typed.txt")" "linux answers=http://10\.0\.2\.2:[0-9]+/answers<enter>"
like "the requests are kept" "$(cat "$where/http.log")" "GET /answers 200"
like "the console is kept" "$(cat "$where/serial.log")" "INSTALL DONE"
is "the image is registered" "$("$BAKERY" images 'tiny?release=bookworm' -json | jq -r '.type + " " + .state')" "foundation baked"
like "its packages are known, without its disk being mounted" "$("$BAKERY" image show tiny -packages)" "openssh-server +1:9"
is "nothing is left" "$(leaks)" ""
exits "a second bake finds nothing to do" 4 "$BAKERY" build -exit-code -plain install.json
digest=$(sha256sum <"$("$BAKERY" image show tiny -path)" | cut -d' ' -f1)
is "its layer is what the registry says" "sha256:$digest" "$("$BAKERY" images tiny -json | jq -r .layer)"

# --- on from there ---------------------------------------------------------------------------
cat >layer.json <<'EOT'
{
  "builders": [{
    "type": "qemu", "name": "layer", "image_name": "layer", "source_image": "tiny", "boot_wait": "0s", "memory": 1024,
    "ssh_username": "root", "ssh_timeout": "5m", "shutdown_command": "poweroff", "sysprep": "false"
  }],
  "provisioners": [
    { "type": "shell", "inline": ["cat /etc/greeting", "wc -l </root/upload.txt", "cat /root/.ssh/authorized_keys", "reboot"], "expect_disconnect": true },
    { "type": "shell", "inline": ["echo up $(cut -d. -f1 /proc/uptime) s; echo again >/etc/again; mkdir -p /root/d; echo a >/root/d/a"] },
    { "type": "file", "direction": "download", "source": "/etc/greeting", "destination": "greeting" }
  ]
}
EOT
begin=$(date +%s)
exits "an image of the registry is booted and baked on, with a key made for it" 0 "$BAKERY" build -plain layer.json
note "in $(($(date +%s) - begin)) s"
like "what was provisioned before is there" "$out" "^ +layer: hello qemu$"
like "... and what was uploaded" "$out" "^ +layer: 200000$"
like "the bake's own key was the one that logged in" "$out" "^ +layer: ssh-ed25519 AAAA[^ ]+ bakery-"
like "it went on after a reboot" "$out" "waiting for the guest to come back"
like "... which it was" "$out" "^ +layer: up [0-9]+ s$"
is "a file was downloaded" "$(cat greeting)" "hello qemu"
is "the new layer is small: there was no copy" "$("$BAKERY" images layer -json | jq '.size < 100000000')" true
is "its ancestor is the installed image" "$("$BAKERY" images layer -json | jq -r .ancestor)" "$("$BAKERY" images tiny -json | jq -r .id)"
is "the ancestor's layer was not written to" "$(sha256sum <"$("$BAKERY" image show tiny -path)" | cut -d' ' -f1)" "$digest"
is "nothing is left" "$(leaks)" ""

cat >look.json <<'EOT'
{
  "builders": [{
    "type": "qemu", "name": "look", "image_name": "look", "source_image": "layer", "boot_wait": "0s", "memory": 1024,
    "ssh_username": "root", "ssh_password": "not-this", "ssh_handshake_attempts": 2, "ssh_timeout": "5m"
  }]
}
EOT
begin=$(date +%s)
exits "a wrong password ends the bake" 1 "$BAKERY" build -plain look.json
note "in $(($(date +%s) - begin)) s"
like "... and is told as that" "$out" "refused.*root|root.*refused"
like "... with what was tried" "$out" "password"
unlike "... but not the password itself" "$out" "not-this"
like "... and with the screen" "$(cat "$(printf '%s\n' "$out" | sed -n "s/.*evidence is in '\([^']*\)'.*/\1/p" | head -n 1)/screen.txt")" "tiny login:"

# --- on the terminal ----------------------------------------------------------------------------
mkfifo keys
"$BAKERY" boot layer -ssh <keys >console 2>words &
pid=$!
exec 8>keys
perl -e 'for (1 .. 2400) { open F, "<", "console"; local $/; exit 0 if <F> =~ /tiny login: /; select undef, undef, undef, 0.05 } exit 1'
ok "bakery boot shows the console up to its login prompt" $?
printf 'root\n' >&8
perl -e 'for (1 .. 600) { open F, "<", "console"; local $/; exit 0 if <F> =~ /login: root\s+Password: /; select undef, undef, undef, 0.05 } exit 1'
ok "... and takes what is typed" $?
like "... and says where SSH is" "$(cat words)" "ssh -p [0-9]+ root@127.0.0.1"
kill -TERM $pid
wait $pid
exec 8>&-
is "nothing is left of it" "$(leaks)" ""
SOURCE=layer template chroot.json '[ { "type": "shell", "inline": ["ls -A /root", "cat /etc/again", "test ! -e /root/.ssh"] } ]'
exits "a chroot goes on from it, too; nothing of the bake's key stayed" 0 "$BAKERY" build -plain chroot.json
like "... and what the guest wrote is there" "$out" "again"
exit $failed
