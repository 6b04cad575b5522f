# How long it takes until bakery tells that a guest's QEMU is gone: from kill -9 to the first line of its standard error.
bench_death() {
        echo "A QEMU that dies, from kill -9 to bakery's error, seconds:"
        mkdir -p "$WORK/idle"
        { printf '\364\353\375'; head -c 2045 /dev/zero; } >"$WORK/idle/boot.bin"       # hlt; again
        xorriso -as mkisofs -quiet -o "$WORK/idle.iso" -b boot.bin -no-emul-boot -boot-load-size 4 "$WORK/idle" 2>/dev/null
        cat >"$WORK/idle.json" <<-'END'
	{ "builders": [{ "type": "qemu", "name": "idle", "image_name": "bench-idle", "iso_url": "idle.iso", "iso_checksum": "none",
	    "accelerator": "tcg", "memory": 64, "disk_size": "16M", "disable_vnc": true, "ssh_username": "root", "ssh_password": "x",
	    "ssh_timeout": "10m" }] }
	END
        : >"$WORK/t.death"
        for i in $(runs 5); do
                death_once
        done
        row "  until the error is told (aim: 2)" "$(median <"$WORK/t.death")"
}
# The processes below one, itself included.
family() {
        for member; do
                echo "$member"
                # shellcheck disable=SC2046
                family $(pgrep -P "$member")
        done
}
death_once() {
        rm -f "$WORK/death.fifo"
        mkfifo "$WORK/death.fifo"
        stamped <"$WORK/death.fifo" >"$WORK/death.err" &
        reader=$!
        started timeout 300 "$BAKERY" build -force -plain "$WORK/idle.json" >"$WORK/death.out" 2>"$WORK/death.fifo"
        for i in $(seq 1200); do
                ! grep -q 'waiting for SSH' "$WORK/death.out" || break
                sleep 0.05
        done
        qemu=
        for id in $(family "$started"); do
                ! grep -q '^qemu-system' "/proc/$id/comm" 2>/dev/null || qemu=$id
        done
        [ -n "$qemu" ] || { echo "  # no QEMU"; cat "$WORK/death.out"; ended "$started"; return 0; }
        t=$(now)
        kill -9 "$qemu"
        wait "$started" 2>/dev/null || true
        wait "$reader" || true
        ended "$started"
        less "$(head -n 1 "$WORK/death.err" | cut -d' ' -f1)" "$(seconds "$t")" >>"$WORK/t.death"
}
