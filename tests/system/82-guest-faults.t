#!/bin/sh
# Guests that misbehave, media that are not what they should be, bakes that are killed: a clear
# error with evidence, and nothing left behind. The guests are a few bytes of code on an ISO.
. "$(dirname "$0")/lib.sh"
need root loop fuse qemu xorriso
plan 72
cd "$WORK" || exit 1

# iso NAME CODE: an ISO whose boot image is that code (printf's notation).
iso() {
        mkdir -p "cd-$1"
        { printf "$2"; head -c 2048 /dev/zero; } | head -c 2048 >"cd-$1/boot.bin"
        xorriso -as mkisofs -quiet -o "$1.iso" -b boot.bin -no-emul-boot -boot-load-size 4 "cd-$1" 2>/dev/null
}
iso idle '\364\353\375'                                         # hlt; again
iso off '\272\004\006\270\000\040\357\364\353\375'              # ACPI power off: 2000h to port 604h
iso flood '\272\370\003\260\130\356\353\375'                    # X to the serial port, for ever
iso reset '\260\376\346\144\364'                                # the keyboard controller's reset line
# "boot:" to the screen, then whatever is typed: mov si; lodsb; int 10h ... int 16h; int 10h
iso prompt '\061\300\216\330\350\000\000\136\203\306\025\254\204\300\164\006\264\016\315\020\353\365\061\300\315\026\264\016\315\020\353\366boot: \000'

# The same, and to the serial port as well: ... int 10h; mov dx, 3F8h; out dx, al
iso echo '\061\300\216\330\350\000\000\136\203\306\035\254\204\300\164\006\264\016\315\020\353\365\061\300\315\026\264\016\315\020\272\370\003\356\353\362boot: \000'

# guest FILE KEYS: a template for one guest; KEYS are JSON members.
guest() {
        cat >"$1" <<-EOT
	{ "builders": [ { "type": "${TYPE:-qemu}", "name": "g", "vm_name": "g", "disk_size": "64M", "memory": 64, "boot_wait": "0s",
	    "ssh_username": "root", "ssh_password": "hidden-pass", "ssh_timeout": "${LIMIT:-1s}", $2 } ] }
	EOT
}
nothing_left() { is "$1: nothing is left" "$(leaks)" ""; }
evidence() { printf '%s\n' "$out" | sed -n "s/.*evidence is in '\([^']*\)'.*/\1/p" | head -n 1; }

# --- media ------------------------------------------------------------------------------
head -c 100000 idle.iso >short.iso
sum=$(sha256sum <idle.iso | cut -d' ' -f1)
guest t.json "\"iso_url\": \"short.iso\", \"iso_checksum\": \"sha256:$sum\""
exits "a truncated ISO is refused" 1 "$BAKERY" build t.json
like "... and told by its sums" "$out" "$sum"
nothing_left "a truncated ISO"
guest t.json '"iso_url": "idle.iso", "iso_checksum": "md5:00000000000000000000000000000000"'
exits "a wrong checksum is refused" 1 "$BAKERY" build t.json
like "... and told" "$out" "00000000000000000000000000000000"
guest t.json '"iso_url": "missing.iso", "iso_checksum": "none"'
exits "a missing ISO is told" 1 "$BAKERY" build t.json
like "... by its name" "$out" "missing\.iso"
qemu-img create -q -f qcow2 -b /etc/shadow -F raw leaning.qcow2 64M 2>/dev/null || qemu-img create -q -u -f qcow2 -b /etc/shadow -F raw leaning.qcow2 64M
guest t.json '"iso_url": "leaning.qcow2", "iso_checksum": "none", "disk_image": true'
exits "a disk image that leans on a file of the host is refused" 2 "$BAKERY" build t.json
like "... with advice" "$out" "leans on other files; make it whole with .qemu-img convert"

# --- templates --------------------------------------------------------------------------
guest t.json '"iso_url": "idle.iso"'
exits "an ISO without a checksum is refused" 2 "$BAKERY" validate t.json
like "... at its place" "$out" 't\.json:[0-9]+:[0-9]+: error: iso_checksum is needed'
guest t.json '"iso_url": "idle.iso", "iso_checksum": "none", "boot_command": ["<wait-1m>"]'
exits "a boot command that Packer refuses is refused" 2 "$BAKERY" validate t.json
like "... at its place" "$out" 't\.json:[0-9]+:[0-9]+: error: boot command: '
guest t.json '"iso_url": "idle.iso", "iso_checksum": "none", "communicator": "winrm"'
exits "WinRM is refused" 2 "$BAKERY" build t.json
guest t.json '"iso_url": "idle.iso", "iso_checksum": "none", "disk_interfaze": "virtio"'
exits "a misspelt key is refused" 2 "$BAKERY" validate t.json
like "... with the right one" "$out" 'did you mean "disk_interface"'
guest t.json '"iso_url": "idle.iso", "iso_checksum": "none", "disk_additional_size": ["1G",
    "abc"]'
exits "a disk of no size is refused" 2 "$BAKERY" validate t.json
like "... at its place" "$out" 't\.json:3:5: error: disk_additional_size has sizes such as'
guest t.json '"iso_url": "idle.iso", "iso_checksum": "none", "disk_additional_size": ["0"]'
exits "... as is an empty one" 2 "$BAKERY" validate t.json
guest t.json '"iso_url": "idle.iso", "iso_checksum": "none", "source_image": "base"'
exits "two origins are refused" 2 "$BAKERY" validate t.json

# --- guests -------------------------------------------------------------------------------
guest t.json '"iso_url": "prompt.iso", "iso_checksum": "none", "boot_key_interval": "5ms", "boot_command": ["<wait \"boot:\" 60s>linux quiet"]'
exits "a guest that never answers ends the bake" 1 "$BAKERY" build t.json
like "... with what was waited for" "$out" "SSH"
where=$(evidence)
like "... the screen's text is kept" "$(cat "$where/screen.txt")" "boot: linux quiet"
is "... its picture is a PNG" "$(head -c 8 "$where/screen.png" | od -An -tx1 | tr -d ' ')" "89504e470d0a1a0a"
like "... what was typed" "$(cat "$where/typed.txt")" "linux quiet"
like "... the domain" "$(cat "$where/domain.xml")" "<domain type="
unlike "... and no secret is in it" "$(cat "$where"/*.txt "$where"/*.xml "$where"/*.log 2>/dev/null)" "hidden-pass"
nothing_left "a guest that never answers"

guest t.json '"iso_url": "prompt.iso", "iso_checksum": "none", "boot_command": ["<wait \"never shown\" 1s>"]'
exits "a wait that does not come true ends the bake" 1 "$BAKERY" build t.json
like "... naming it" "$out" 'never shown'
like "... and its evidence" "$(cat "$(evidence)/screen.txt")" "boot:"

guest t.json '"iso_url": "echo.iso", "iso_checksum": "none", "boot_command": ["<wait \"boot:\" 60s>key={{user `key`}} end<wait serial \"end\" 60s>"]'
sed -i 's/^{/{ "variables": { "key": "letmein" }, "sensitive-variables": ["key"],/' t.json
exits "a guest that prints a secret on its console ends the bake" 1 "$BAKERY" build t.json
where=$(evidence)
like "... what it printed is kept" "$(tr -d '\000' <"$where/serial.log")" "key=<sensitive> end"
unlike "... but not the secret" "$(cat "$where"/* | tr -d '\000')$out" "letmein"

LIMIT=10m
guest t.json '"iso_url": "off.iso", "iso_checksum": "none"'
begin=$(date +%s)
exits "a guest that powers off too early ends the bake" 1 "$BAKERY" build t.json
like "... with that reason" "$out" "powered itself off, too early"
ok "... long before SSH's time is up" $(($(date +%s) - begin > 60))

guest t.json '"iso_url": "reset.iso", "iso_checksum": "none"'
exits "a guest that resets in a loop ends the bake" 1 "$BAKERY" build t.json
like "... with that reason" "$out" "resets in a loop"

LIMIT=1s
guest t.json '"iso_url": "flood.iso", "iso_checksum": "none"'
exits "a guest that floods its console ends the bake in time" 1 "$BAKERY" build t.json
where=$(evidence)
ok "... and the console's tail is kept, not all of it" $(($(wc -c <"$where/serial.log") != 262144))
nothing_left "a flooding guest"

perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => 0) or die;
        open F, ">", "port.new"; print F $s->sockport; close F; rename "port.new", "port"; sleep 600' &
busy=$!
CLEANUP="kill $busy 2>/dev/null"
while [ ! -s port ]; do perl -e 'select undef, undef, undef, 0.05'; done
port=$(cat port)
guest t.json "\"iso_url\": \"idle.iso\", \"iso_checksum\": \"none\", \"host_port_min\": $port, \"host_port_max\": $port"
exits "a taken SSH port is told" 1 "$BAKERY" build t.json
like "... with what to do" "$out" "between $port and $port is free.*host_port_min"
mkdir -p www && echo x >www/x
guest t.json "\"iso_url\": \"idle.iso\", \"iso_checksum\": \"none\", \"http_directory\": \"www\", \"http_port_min\": $port, \"http_port_max\": $port"
exits "a taken HTTP port is told" 1 "$BAKERY" build t.json
nothing_left "taken ports"

# --- without a communicator ------------------------------------------------------------------
guest t.json '"iso_url": "off.iso", "iso_checksum": "none", "communicator": "none", "evidence": true, "cd_content": { "user-data": "x" },
        "cd_label": "cidata", "floppy_content": { "a.txt": "y" }, "qemu_img_args": {}, "iso_target_extension": "img", "output_directory": "out"'
exits "a guest that powers itself off is all that communicator none asks for" 0 "$BAKERY" build t.json
like "what means nothing here is said" "$out" "ignored, for they mean nothing here: iso_target_extension, qemu_img_args"
where=$(printf '%s\n' "$out" | sed -n "s/.*evidence is in \(.*\)$/\1/p" | head -n 1)
like "evidence is there on request; the seed CD and the floppy were in" "$(tr -d '\n' <"$where/domain.xml")" "medium.iso.*seed.iso.*floppy.img"
is "output_directory has the disk, named as the machine" "$(qemu-img info --output json out/g | jq -r '.format, ."virtual-size"' | tr '\n' ' ')" "qcow2 67108864 "
is "the image is in the registry" "$("$BAKERY" images 'g' -json | jq -r '.type + " " + .state')" "foundation baked"
exits "a second bake finds nothing to do" 4 "$BAKERY" build -exit-code t.json

TYPE=vmware-iso
guest t.json '"iso_url": "off.iso", "iso_checksum": "none", "communicator": "none", "image_name": "v", "guest_os_type": "debian12-64", "tools_upload_flavor": "linux",
        "vmx_data": { "memsize": "96", "numvcpus": "2", "ethernet0.virtualDev": "vmxnet3" }, "disk_adapter_type": "sata", "evidence": true'
exits "vmware-iso bakes on QEMU" 0 "$BAKERY" build t.json
like "... saying what it ignores" "$out" "ignored, for they mean nothing here: tools_upload_flavor"
is "... exports a VMDK" "$(qemu-img info --output json output-g/disk.vmdk | jq -r .format)" "vmdk"
vmx=$(cat output-g/g.vmx)
like "... and a VMX for it" "$vmx" '^sata0:0.fileName = "disk.vmdk"$'
like "... of that system" "$vmx" '^guestOS = "debian12-64"$'
like "... with vmx_data's memory" "$vmx" '^memsize = "96"$'
where=$(printf '%s\n' "$out" | sed -n "s/.*evidence is in \(.*\)$/\1/p" | head -n 1)
like "... which the guest had, too, as its network card" "$(tr -d '\n' <"$where/domain.xml")" '<memory unit="KiB">98304<.*vmxnet3'
unset TYPE

# --- killed -------------------------------------------------------------------------------------
# killed SIGNAL: bakery gets it while a guest runs; $qemu is that guest's process, $code bakery's exit code
killed() {
        rm -f log
        "$BAKERY" build -force -plain t.json >log 2>&1 &
        pid=$!
        perl -e 'for (1 .. 600) { open F, "<", "log"; local $/; exit 0 if <F> =~ /waiting for SSH/; select undef, undef, undef, 0.05 } exit 1'
        ok "$1: a guest runs" $?
        qemu=$(pgrep -P "$(pgrep -d, -P $pid)" -f 'qemu-system')
        kill "-$1" $pid
        wait $pid
        code=$?
        perl -e 'for (1 .. 100) { exit 0 unless kill 0, $ARGV[0]; select undef, undef, undef, 0.05 } exit 1' "${qemu:-$$}"
        ok "$1: the guest is gone" $?
}
LIMIT=10m
guest t.json '"iso_url": "idle.iso", "iso_checksum": "none"'
killed TERM
is "TERM: the exit code says so" $code 143
nothing_left TERM
killed KILL
guest t.json '"iso_url": "missing.iso", "iso_checksum": "none"'
exits "KILL: the next command cleans up" 1 "$BAKERY" build -force t.json
nothing_left KILL

# --- booted, and not to be removed ------------------------------------------------------------
"$BAKERY" boot g -ssh >log 2>&1 </dev/null &
pid=$!
until grep -q "its SSH" log || ! kill -0 $pid 2>/dev/null; do perl -e 'select undef, undef, undef, 0.05'; done
draft=$(find "$BAKERY_HOME/store/drafts" -type f)
mount --bind "$draft" "$draft"
kill -TERM $pid
wait $pid
like "the overlay of a boot that cannot be removed is told" "$(cat log)" "cannot remove draft '$draft'"
is "... and stays in its lease" "$(find "$BAKERY_HOME/run/leases" -name '*.lease' | wc -l)" 1
umount "$draft"
exits "... to be swept" 0 "$BAKERY" janitor sweep
like "... as soon as it can be" "$out" "^undone: draft "
nothing_left "a boot"
exit $failed
