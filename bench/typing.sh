# 200 characters typed at what reads keys while a machine is installed, beside two processes that do nothing but work:
# how often all arrive, each once, and how long it takes. Through `bakery build`; what arrived is what the guest says on its
# serial console: ISOLINUX and GRUB start a "kernel" of 70 bytes that prints its command line, and the shell's command
# prints its argument. Then the guest powers itself off.
characters=200
text='auto=true url=http://10.0.2.2:8000/preseed.cfg DEBCONF_DEBUG=5 hostname=Debian_12 (a  b) [x] {y} ABCDEFGHIJ 0011223344 !@#%^&*+~ aabbccddeeffgg klmnopqrst uvwxyz Nobody_loses_a_Key_here_nor_gets'

# A Linux kernel for boot loaders that start it in real mode (Documentation/x86/boot.rst, protocol 2.02): its command line
# and a line's end to the first serial port, two seconds of BIOS ticks, ACPI's power off.
typing_kernel() {
        perl -e '
                my $code = "\x66\xa1\x28\x02\x89\xc6\x83\xe6\x0f\x66\xc1\xe8\x04\x8e\xd8\xfc"   # ds:si = cmd_line_ptr
                         . "\xac\x84\xc0\x75\x02\xb0\x0a\x88\xc4"                               # lodsb; its end becomes a newline
                         . "\xba\xfd\x03\xec\xa8\x20\x74\xfb\x88\xe0\xba\xf8\x03\xee"           # out, when the port is ready
                         . "\x3c\x0a\x75\xe3"                                                   # until the newline
                         . "\xfb\xb9\x28\x00\xf4\xe2\xfd"                                       # sti; 40 times hlt
                         . "\xba\x04\x06\xb8\x00\x20\xef\xf4\xeb\xfd";                          # 2000h to port 604h; hlt
                my $setup = "\0" x 0x1f1 . "\1\0\0" . pack("V", 32) . "\0" x 6 . "\x55\xaa"     # one sector of setup
                          . "\xeb\x2e" . "HdrS\x02\x02" . "\0" x 9 . "\1\0\0" . pack("V", 0x100000);
                print pack("a2048", pack("a560", $setup) . $code)'
}
typing_iso() { # typing_iso NAME BOOT-IMAGE: of the folder NAME
        xorriso -as mkisofs -quiet -o "$WORK/$1.iso" -b "$2" -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table "$WORK/$1" 2>/dev/null
}
typing_media() {
        mkdir -p "$WORK/isolinux" "$WORK/grub" "$WORK/console" "$WORK/root/bin" "$WORK/root/dev"
        cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$WORK/isolinux"
        cp "$WORK"/isolinux/* "$WORK/console"
        typing_kernel >"$WORK/isolinux/linux"
        printf 'prompt 1\nlabel linux\n  kernel /linux\n' >"$WORK/isolinux/isolinux.cfg"
        typing_iso isolinux isolinux.bin
        cp "$WORK/isolinux/linux" "$WORK/grub/linux"
        grub-mkimage -O i386-pc-eltorito -p / -o "$WORK/grub/core.img" biosdisk iso9660 normal linux16 boot
        typing_iso grub core.img
        cp /bin/busybox "$WORK/root/bin"
        ln -s busybox "$WORK/root/bin/sh"
        cat >"$WORK/root/init" <<-'END'
	#!/bin/sh
	/bin/busybox --install -s /bin
	mount -t devtmpfs dev /dev
	export PS1='ready> '
	while :; do setsid sh -i </dev/tty1 >/dev/tty1 2>&1; done
	END
        printf '#!/bin/sh\nprintf "%%s\\n" "$1" >/dev/ttyS0\nsleep 2\npoweroff -f\n' >"$WORK/root/bin/linux"
        chmod 755 "$WORK/root/init" "$WORK/root/bin/linux"
        (cd "$WORK/root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$WORK/console/initrd"
        cp "$(find /boot -name 'vmlinuz-*-cloud-amd64' | sort -V | tail -n 1)" "$WORK/console/vmlinuz"
        printf 'default linux\nprompt 0\nlabel linux\n  kernel /vmlinuz\n  append initrd=/initrd quiet\n' >"$WORK/console/isolinux.cfg"
        typing_iso console isolinux.bin
}

# typing_template NAME PROMPT BEFORE AFTER END [KEYS]: the text is cut so that with BEFORE and AFTER it has 200
# characters; $expected is what shall arrive, and $blind how long Packer's driver takes: 100 ms after every down and up, also of shift.
typing_template() {
        expected=$(printf "%.$((characters - ${#3} - ${#4}))s" "$text")
        shifted=$(printf '%s' "$3$expected$4" | tr -dc 'A-Z~!@#$%^&*()_+{}|:"<>?' | wc -c)
        blind=$(awk -v n=$((characters + shifted)) 'BEGIN { print n * 0.2 }')
        keys=${6:-'"boot_key_interval": "auto", "boot_verify_typing": true'}
        line=$(printf '%s' "$3$expected$4" | sed 's/[\\"]/\\&/g')
        cat >"$WORK/$1.json" <<-END
	{ "builders": [{ "type": "qemu", "name": "typing", "image_name": "bench-typing", "iso_url": "$1.iso", "iso_checksum": "none",
	    "accelerator": "tcg", "memory": 256, "disk_size": "16M", "disable_vnc": true, "communicator": "none", "shutdown_timeout": "10s",
	    "evidence": true, "boot_wait": "0s", $keys,
	    "boot_steps": [["<wait \"$2\" 60s><wait still 500ms>", "until it asks"], ["$line", "the text"], ["$5", "the end"]] }] }
	END
}
# One bake: its seconds to $WORK/t.typing, and to $WORK/right when exactly the text arrived.
typing_once() {
        timeout 600 "$BAKERY" build -force -plain "$WORK/$1.json" 2>&1 </dev/null | stamped >"$WORK/typing.log"
        where=$(sed -n 's/.*evidence is in \(.*\)$/\1/p' "$WORK/typing.log")
        cp "$WORK/typing.log" "$WORK/last-$1.log"
        end=$(stamp_of "$WORK/typing.log" 'typing: the end')
        if [ -z "$end" ]; then
                sed -n 's/^[0-9.]* bakery: error: /  # /p' "$WORK/typing.log" | sed 's/; evidence is in.*//'
                return 0
        fi
        less "$end" "$(stamp_of "$WORK/typing.log" 'typing: the text')" >>"$WORK/t.typing"
        got=$(tr -d '\r\0' <"$where/serial.log" 2>/dev/null | sed 's/^BOOT_IMAGE=[^ ]* //; s/^"\(.*\)"$/\1/' || true)
        if [ "$got" = "$expected" ]; then
                echo 1 >>"$WORK/right"
        else
                echo "  # arrived: '$got'"
        fi
}
typing_at() { # typing_at TITLE NAME PROMPT BEFORE AFTER END
        title=$1
        shift
        typing_template "$@"
        : >"$WORK/t.typing"
        : >"$WORK/right"
        for i in $(runs 20); do typing_once "$1"; done
        row "  $title, every key once (aim: all)" "$(wc -l <"$WORK/right") of ${RUNS:-20}"
        [ -s "$WORK/t.typing" ] || return 0
        row "  $title, seconds (aim: $(over "$blind" 5))" "$(median <"$WORK/t.typing")"
        row "  ratio 100 ms interval / auto (aim: 5)" "$(over "$blind" "$(mid <"$WORK/t.typing")")"
}

bench_typing() {
        echo "Typing $characters characters at an emulated guest beside two busy processes, pace auto, verified:"
        typing_media
        started sh -c 'while :; do :; done'
        busy=$started
        started sh -c 'while :; do :; done'
        busy="$busy $started"
        : >"$WORK/t.typing"
        : >"$WORK/right"
        typing_template isolinux 'boot:' 'linux ' '' '<enter>' '"boot_key_interval": "100ms"'
        typing_once isolinux
        row "  ISOLINUX, 100 ms interval, computed, seconds" "$blind"
        row "  ... measured, seconds" "$(median <"$WORK/t.typing"), $(wc -l <"$WORK/right") of 1 right"
        typing_at "ISOLINUX" isolinux 'boot:' 'linux ' '' '<enter>'
        typing_at "GRUB's command line" grub 'grub>' 'linux16 /linux "' '"' '<enter><wait still 500ms>boot<enter>'
        typing_at "shell on Linux' console" console 'ready>' 'linux "' '"' '<enter>'
        # shellcheck disable=SC2086
        ended $busy
}
