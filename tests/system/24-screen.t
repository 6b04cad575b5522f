#!/bin/sh
# A real screen is read twice, from the guest's text memory and from its picture, and both say the same.
. "$(dirname "$0")/lib.sh"
need qemu
plan 8
read_screen=$TOP/build/$BUILD/tests/unit/boot/read_screen
[ -x "$read_screen" ] || make -s -C "$TOP" "build/$BUILD/tests/unit/boot/read_screen" >&2

# The monitor is a fifo that we hold open; QEMU ends when it is told to, or by us.
mkfifo "$WORK/monitor"
exec 7<>"$WORK/monitor"
CLEANUP='kill $qemu 2>/dev/null; wait $qemu 2>/dev/null'
qemu-system-x86_64 -accel tcg -m 64 -nic none -display none -monitor stdio <"$WORK/monitor" >"$WORK/log" 2>&1 7>&- &
qemu=$!

# look MEMORY-FILE PICTURE-FILE: asks for both and waits until they are whole.
look() {
        rm -f "$1" "$2"
        printf 'stop\npmemsave 0xB8000 4000 "%s"\nscreendump "%s"\ncont\n' "$1" "$2" >&7
        for _ in $(seq 100); do
                memory=$("$read_screen" memory "$1" 2>/dev/null) && picture=$("$read_screen" picture "$2" 2>"$WORK/how") && return
                kill -0 $qemu 2>/dev/null || return 1
                sleep 0.1
        done
        return 1
}

seen=1
until [ "$(date +%s)" -gt "${until:=$(($(date +%s) + 90))}" ]; do
        look "$WORK/memory" "$WORK/screen.ppm" || break
        case $memory in *"No bootable device"*) seen=0; break ;; esac
        sleep 0.2
done
ok "the BIOS says so, as text memory has it" $seen
[ $seen -eq 0 ] || note "$memory" "$(cat "$WORK/log")"
like "what it says begins with its name" "$memory" '^SeaBIOS \(version '
like "the picture says it too" "$picture" '^No bootable device\.$'
like "in the VGA ROM's font, nine dots wide" "$(cat "$WORK/how")" 'font vga, cells of 9x16 from 0,0'
# The picture has a cursor, in the cell after the text.
is "both are the same, letter by letter" "$(printf '%s\n' "$picture" | sed 's/^[_�]$//')" "$memory"

printf 'screendump "%s" -f png\n' "$WORK/screen.png" >&7
for _ in $(seq 100); do
        png=$("$read_screen" picture "$WORK/screen.png" 2>/dev/null) && break
        sleep 0.1
done
is "and as PNG" "$(printf '%s\n' "$png" | sed 's/^[_�]$//')" "$memory"

head -c 5000 "$WORK/screen.ppm" >"$WORK/short.ppm"
exits "a picture that is cut short is refused" 1 "$read_screen" picture "$WORK/short.ppm"
like "and why" "$out" '720x400 pixels are announced, and [0-9]+ bytes are there'
printf 'quit\n' >&7
