# A guest of the registry's image, one line of shell over SSH, sealed: beside Packer with the same disk, and beside what the
# guest itself takes to boot and to shut down. All emulated, for that is what every host can do; the same memory, processor,
# disk and network card. The image has a host key, the same for everybody: making keys takes a guest between one second and fifteen.
guest_memory=1024
guest_cpu=qemu64

# The stock images that the tests have baked already, as hard links; bakery notices when they are out of date.
guest_stock() {
        fixture=$TOP/build/release/fixture
        [ ! -e "$BAKERY_HOME/registry.db" ] && [ -e "$fixture/registry.db" ] || return 0
        mkdir -p "$BAKERY_HOME"
        if cp -al "$fixture/store" "$fixture/cache" "$BAKERY_HOME/" 2>/dev/null; then
                rm -rf "$BAKERY_HOME/cache/verified"
                cp "$fixture/registry.db" "$BAKERY_HOME/"
        else
                rm -rf "$BAKERY_HOME/store" "$BAKERY_HOME/cache"
        fi
}

# The image: sshd, and root with a password. Packer and the bare guest get the same disk in one file.
guest_image() {
        [ ! -e "$WORK/guest.qcow2" ] || return 0
        cat >"$WORK/sshd.json" <<-'END'
	{ "builders": [{ "type": "chroot", "name": "sshd", "image_name": "bench-sshd", "source_image": "base" }],
	  "provisioners": [
	    { "type": "file", "content": "PermitRootLogin yes\nPasswordAuthentication yes\n", "destination": "/etc/ssh/sshd_config.d/10-bench.conf" },
	    { "type": "shell", "inline": ["echo root:bench-pass | chpasswd", "rm -f /etc/systemd/system/ssh-host-keys.service /etc/systemd/system/*/ssh-host-keys.service",
	      "ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/bench_key", "echo HostKey /etc/ssh/bench_key >> /etc/ssh/sshd_config.d/10-bench.conf"] } ] }
	END
        guest_stock
        "$BAKERY" build -quiet "$stock/foundation/debian-12/template.json" "$stock/base/debian-12/template.json" "$WORK/sshd.json" >/dev/null
        "$BAKERY" image export bench-sshd -format qcow2 "$WORK/guest.qcow2" >/dev/null
        cat >"$WORK/guest.json" <<-END
	{ "builders": [{ "type": "qemu", "name": "guest", "image_name": "bench-guest", "source_image": "bench-sshd", "accelerator": "tcg",
	    "memory": $guest_memory, "cpu_model": "$guest_cpu", "disable_vnc": true, "ssh_username": "root", "ssh_password": "bench-pass",
	    "ssh_timeout": "10m" }],
	  "provisioners": [{ "type": "shell", "inline": ["echo hello > /etc/hello"] }] }
	END
        cat >"$WORK/packer.json" <<-END
	{ "builders": [{ "type": "qemu", "name": "guest", "vm_name": "guest.qcow2", "iso_url": "$WORK/guest.qcow2", "iso_checksum": "none",
	    "disk_image": true, "skip_resize_disk": true, "format": "qcow2", "output_directory": "$WORK/packer-out",
	    "accelerator": "tcg", "memory": $guest_memory, "qemuargs": [["-cpu", "$guest_cpu"]], "headless": true, "boot_wait": "-1s",
	    "disk_interface": "virtio", "net_device": "virtio-net", "disk_cache": "unsafe", "ssh_username": "root",
	    "ssh_password": "bench-pass", "ssh_timeout": "10m", "shutdown_command": "poweroff" }],
	  "provisioners": [{ "type": "shell", "inline": ["echo hello > /etc/hello"] }] }
	END
}

# banner PORT SECONDS [SILENT]: when sshd answers there, in Unix seconds. A refused connection is tried again after 10 ms, one that hangs (the
# guest has no network yet) after two seconds: never two at once, for the guest would answer them all. SILENT is a port on which the guest
# has nobody: as long as it does not even refuse that one, it has no network, and sshd gets no connections that it would have to answer later.
banner() {
        perl -MIO::Socket::INET -MIO::Select -MTime::HiRes=time,sleep -e '
                my ($port, $limit, $silent) = @ARGV;
                my $until = time + $limit;
                my ($bytes, @probes);
                while ($silent && time < $until) {
                        push @probes, IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $silent);
                        shift @probes if @probes > 8;
                        last if IO::Select->new(@probes)->can_read(0.1);
                }
                while (time < $until) {
                        my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $port, Timeout => 1);
                        if ($s && IO::Select->new($s)->can_read(2) && sysread($s, $bytes, 64) && $bytes =~ /^SSH-/) {
                                printf "%.3f\n", time;
                                exit 0;
                        }
                        sleep 0.01;
                }
                exit 1' "$@"
}

free_port() { perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'; }

# The guest itself: from QEMU's start to sshd's banner, and from the power button to QEMU's end.
guest_alone() {
        rm -f "$WORK/alone.qcow2" "$WORK/monitor"
        qemu-img create -q -f qcow2 -b "$WORK/guest.qcow2" -F qcow2 "$WORK/alone.qcow2"
        port=$(free_port)
        silent=$(free_port)
        t=$(now)
        started timeout 900 qemu-system-x86_64 -accel tcg -cpu $guest_cpu -m $guest_memory -display none -nodefaults -vga std \
                -monitor "unix:$WORK/monitor,server=on,wait=off" \
                -drive "file=$WORK/alone.qcow2,format=qcow2,if=virtio,cache=unsafe" \
                -nic "user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:$port-:22,hostfwd=tcp:127.0.0.1:$silent-:1"
        up=$(banner "$port" 600 "$silent") || { echo "  # sshd never answered"; ended "$started"; exit 1; }
        less "$up" "$(seconds "$t")" >>"$WORK/t.boot"
        sleep 3         # as others have something to do there, too
        t=$(now)
        perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "no monitor\n"; print $s "system_powerdown\n";
                $s->flush; 1 while sysread $s, my $bytes, 4096' "$WORK/monitor"
        wait "$started" || true
        seconds $(($(now) - t)) >>"$WORK/t.shutdown"
        echo >>"$WORK/t.shutdown"
        ended "$started"
}

bench_guest() {
        echo "An emulated guest of an image, one line of shell over SSH, sealed, seconds:"
        guest_image
        for one_of in boot shutdown bakery packer; do : >"$WORK/t.$one_of"; done
        for i in $(runs 3); do
                guest_alone
                timed "$WORK/t.bakery" timeout 1800 "$BAKERY" build -force -plain "$WORK/guest.json"
                command -v packer >/dev/null || continue
                rm -rf "$WORK/packer-out"
                HOME="$WORK" TMPDIR="$WORK" PACKER_CACHE_DIR="$WORK/packer-cache" PACKER_CONFIG_DIR="$WORK" CHECKPOINT_DISABLE=1 \
                        timed "$WORK/t.packer" timeout 1800 packer build -color=false "$WORK/packer.json"
        done
        own=$(awk -v a="$(mid <"$WORK/t.boot")" -v b="$(mid <"$WORK/t.shutdown")" 'BEGIN { print a + b }')
        row "  the guest alone, from power on to sshd's banner" "$(median <"$WORK/t.boot")"
        row "  the guest alone, from the power button to off" "$(median <"$WORK/t.shutdown")"
        row "  bakery, from 'bakery build' to the registered image" "$(median <"$WORK/t.bakery")"
        row "  ... less the guest's own boot and shutdown (aim: 3)" "$(less "$(mid <"$WORK/t.bakery")" "$own")"
        if [ -s "$WORK/t.packer" ]; then
                row "  packer $(packer version | sed -n 's/^Packer v//p'), disk_image (its backing files fail with this QEMU: copied)" "$(median <"$WORK/t.packer")"
                row "  ... less the guest's own boot and shutdown" "$(less "$(mid <"$WORK/t.packer")" "$own")"
        else
                row "  packer" "not installed"
        fi
}

# Somebody else asks the same forwarded port, too, so that what bakery adds can be seen.
bench_ssh() {
        echo "Into an emulated guest, from sshd's first answer to bakery's login, seconds:"
        guest_image
        : >"$WORK/t.ssh"
        for i in $(runs 3); do
                : >"$WORK/ssh.log"
                ssh_bake >"$WORK/ssh.log" &
                bake=$!
                port=
                while [ -z "$port" ] && kill -0 $bake 2>/dev/null; do
                        port=$(sed -n 's/.*waiting for SSH on 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$WORK/ssh.log")
                        sleep 0.05
                done
                up=$(banner "${port:-1}" 600) || true
                wait $bake
                in=$(stamp_of "$WORK/ssh.log" 'logged in after')
                if [ -z "$up" ] || [ -z "$in" ]; then
                        sed 's/^/  # /' "$WORK/ssh.log"
                else
                        less "$in" "$up" >>"$WORK/t.ssh"
                fi
        done
        row "  until it is logged in" "$(median <"$WORK/t.ssh")"
}
ssh_bake() { timeout 1800 "$BAKERY" build -force -plain "$WORK/guest.json" 2>&1 </dev/null | stamped; }
