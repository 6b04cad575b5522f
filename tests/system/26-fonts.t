#!/bin/sh
# What guests draw with fonts that are part of firmware and kernel is read: OVMF's shell, and Linux' frame buffer console.
. "$(dirname "$0")/lib.sh"
need qemu ovmf kernel
read_screen=$TOP/build/$BUILD/tests/unit/boot/read_screen
[ -x "$read_screen" ] || make -s -C "$TOP" "build/$BUILD/tests/unit/boot/read_screen" >&2
kernel=$(printf '%s\n' /boot/vmlinuz-* | sort -V | tail -n 1)
why=$("$read_screen" keep "$WORK/kept" linux "$kernel" 2>&1)
case $why in *"not known here"*) echo "1..0 # SKIP needs another kernel: $why"; exit 0 ;; esac
plan 9

like "the kernel's font is kept" "$(cat "$WORK/kept/linux.glyphs")" '^000041 [0-9a-f]{32}$'
exits "what is neither kernel nor firmware has none" 1 "$read_screen" keep "$WORK/kept" none "$0"
like "and is named" "$out" "26-fonts.t': no font of EDK2"

mkfifo "$WORK/monitor"
exec 7<>"$WORK/monitor"
qemu=
CLEANUP='[ -z "$qemu" ] || { kill $qemu; wait $qemu; } 2>/dev/null'

# boot PATTERN OPTIONS...: until the screen says so, for a minute and a half; what it says is in $text, without the cursor.
boot() {
        pattern=$1
        shift
        cp /usr/share/OVMF/OVMF_VARS_4M.fd "$WORK/vars.fd"
        qemu-system-x86_64 -accel tcg -cpu max -machine q35 -m 512 -nic none -display none -monitor stdio \
                -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
                -drive "if=pflash,format=raw,file=$WORK/vars.fd" "$@" <"$WORK/monitor" >"$WORK/log" 2>&1 7>&- &
        qemu=$!
        until=$(($(date +%s) + 90))
        seen=1
        while [ $seen -ne 0 ] && [ "$(date +%s)" -le $until ] && kill -0 $qemu 2>/dev/null; do
                rm -f "$WORK/screen.ppm"
                printf 'stop\nscreendump "%s"\ncont\n' "$WORK/screen.ppm" >&7
                for _ in $(seq 50); do
                        sleep 0.1
                        text=$("$read_screen" picture "$WORK/screen.ppm" "$WORK/fonts" 2>"$WORK/how") && break
                done
                printf '%s\n' "$text" | grep -q -- "$pattern" && seen=0
                [ $seen -eq 0 ] || sleep 0.5
        done
        kill $qemu
        wait $qemu 2>/dev/null
        qemu=
        text=$(printf '%s\n' "$text" | sed '$s/[_�]$//')
        [ $seen -eq 0 ] || note "$text" "$(cat "$WORK/how" "$WORK/log")"
}

boot '^ *Shell> '
ok "OVMF's shell is read" $seen
like "in its own font" "$(cat "$WORK/how")" 'font edk2-8x19, cells of 8x19 from'
is "every letter of it" "$(printf '%s\n' "$text" | grep -c '�')" 0

# Without a root file system it has much to say, and stays.
boot 'end Kernel panic - not syncing: VFS' -kernel "$kernel" -append 'console=tty0 panic=0'
ok "a Linux console is read" $seen
like "in its own font" "$(cat "$WORK/how")" 'font linux-8x16, cells of 8x16 from 0,0'
is "every letter of it" "$(printf '%s\n' "$text" | grep -c '�')" 0
