#!/bin/sh
# Checks of a running system: a throw-away boot of an image runs lines, over a serial port and without a network; a bake tests
# its image in one. Nothing of it stays, whatever ends it, and the image is not written to.
. "$(dirname "$0")/lib.sh"
need root loop fuse net qemu
plan 43
fixture
cd "$WORK" || exit 1
driver=$TOP/build/$BUILD/tests/unit/spec/boot_driver
disk=$("$BAKERY" image show nginx -path)
digest=$(sha256sum <"$disk")

# What the driver said about a line: answer LINE KEY; what that printed, when it is little: printed LINE out|err
answer() { line="line $1" key=$2 awk '/^line / { found = ($0 == ENVIRON["line"]) } found && $1 == ENVIRON["key"] { sub(/^[a-z]+ /, ""); print; exit }' driver.log; }
printed() {
        line="line $1" key=$2 awk '/^line / { found = ($0 == ENVIRON["line"]) } /^[a-z]/ { part = $1 }
                found && part == ENVIRON["key"] && /^  / { print substr($0, 3) }' driver.log
}
sum() { printf 'sha256:%s' "$(sha256sum | cut -d' ' -f1)"; }

# --- lines ---
head -c 300000 /dev/urandom >input
binary='dd if=/dev/zero bs=1000 count=5 2>/dev/null | tr "\000" "\377"'
hang='sleep 4711'
large='head -c 5000000 /dev/zero'
"$driver" -timeout 15000 -input input "$BAKERY_HOME" nginx 'systemctl is-active nginx' 'cat /proc/net/tcp' 'systemctl is-system-running' "$large" "$hang" \
        'pgrep -f "^sleep 4711" || echo none' 'exit 42' 'kill -9 $$' 'echo out; echo err >&2' "$binary" 'sha256sum' 'cat | cat' \
        'cat /dev/zero' 'findmnt -no FSTYPE /; id -u; tty' >driver.log 2>&1
code=$?
[ $code -eq 0 ] && [ -z "${V:-}" ] || note "$(cat driver.log)"
is "the driver ends well" "$code" 0
is "a service is asked for, once the system is up" "$(printed 'systemctl is-active nginx' out)" "active"
like "its port is open" "$(printed 'cat /proc/net/tcp' out)" " 00000000:0050 00000000:0000 0A "
is "the system is up before the first line runs" "$(printed 'systemctl is-system-running' out)" "running"
is "5 MB are whole" "$(answer "$large" out)" "5000000 $(head -c 5000000 /dev/zero | sum)"
like "a line that hangs is ended" "$(answer "$hang" error)" "^timeout it did not end within 15.000 s"
is "... in the guest, too" "$(printed 'pgrep -f "^sleep 4711" || echo none' out)" "none"
is "an exit code" "$(answer 'exit 42' status)" 42
is "a signal" "$(answer 'kill -9 $$' status)" 137
is "stdout and stderr are two" "$(printed 'echo out; echo err >&2' out) $(printed 'echo out; echo err >&2' err)" "out err"
is "bytes that are no text" "$(answer "$binary" out)" "5000 $(dd if=/dev/zero bs=1000 count=5 2>/dev/null | tr '\000' '\377' | sum)"
is "input" "$(printed sha256sum out)" "$(sha256sum <input)"
is "input comes back" "$(answer 'cat | cat' out)" "300000 $(sum <input)"
like "output without end" "$(answer 'cat /dev/zero' error)" "^failed it printed more than 16 MiB"
is "root runs them, without a terminal" "$(printed 'findmnt -no FSTYPE /; id -u; tty' out | tr '\n' ' ')" "ext4 0 not a tty "
first=$(answer 'systemctl is-active nginx' ms) took=$(answer "$large" ms)
note "the first answer came after $first ms; 5 MB took $took ms: $((5000000 / took)) KB/s; a line takes $(answer 'exit 42' ms) ms"
is "the layer is as it was" "$(sha256sum <"$disk")" "$digest"
is "nothing is left" "$(leaks)" ""

# --- without virtio's port ---
"$driver" -uart -input input "$BAKERY_HOME" nginx sha256sum 'head -c 1000000 /dev/zero' 'exit 3' >driver.log 2>&1
code=$?
[ $code -eq 0 ] && [ -z "${V:-}" ] || note "$(cat driver.log)"
is "a second UART does as well" "$code" 0
is "input reaches it whole" "$(printed sha256sum out)" "$(sha256sum <input)"
is "and output comes back whole" "$(answer 'head -c 1000000 /dev/zero' out)" "1000000 $(head -c 1000000 /dev/zero | sum)"
is "an exit code, too" "$(answer 'exit 3' status)" 3
note "1 MB over the UART took $(answer 'head -c 1000000 /dev/zero' ms) ms"

# --- kill -9 ---
"$driver" -timeout 600000 "$BAKERY_HOME" nginx "echo up" "sleep 600" >driver.log 2>&1 &
pid=$!
# The process of a guest on a draft of ours.
running() { for draft in "$BAKERY_HOME"/store/drafts/*.qcow2; do pgrep -f "guest=$(basename "$draft" .qcow2),"; done; }
# Waits until a process is gone: goes PID
goes() {
        tries=0
        while [ $tries -lt 100 ] && [ -d "/proc/${1:-none}" ]; do
                sleep 0.1
                tries=$((tries + 1))
        done
        return $((tries == 100))
}
tries=0
while [ $tries -lt 1200 ] && ! grep -q '^status 0' driver.log; do
        sleep 0.5
        tries=$((tries + 1))
done
like "the guest is up" "$(cat driver.log)" "^  up$"
guest=$(running)
like "... and is a process" "$guest" "^[0-9]+$"
kill -KILL $pid
wait $pid 2>/dev/null
goes "$guest"
ok "the guest goes with whoever started it" $?
like "what it left is known" "$(leaks)" "^left: "
exits "the next command" 0 "$BAKERY" fsck -quick
is "removes it" "$(leaks)" ""
is "the layer is as it was" "$(sha256sum <"$disk")" "$digest"

# --- in a bake ---
cat >running_spec.rb <<'EOT'
describe service('nginx') do
  it { should be_enabled }
end
describe file('/etc/marker') do
  its(:content) { should eq "sealed\n" }
end
describe file('/etc/bakery-checks') do
  it { should_not exist }
end
describe command('systemctl is-active nginx') do
  its(:stdout) { should eq "active\n" }
end
describe command('cat /etc/marker; echo booted >/etc/marker; uname -s; cat /proc/1/comm') do
  its(:stdout) { should eq "sealed\nLinux\nsystemd\n" }
end
EOT
SOURCE=nginx template t.json '[{ "type": "shell", "inline": ["echo sealed > /etc/marker"] }]' '"specs": ["running_spec.rb"], "specs_boot": true'
exits "a bake tests its image in a boot of it" 0 "$BAKERY" build -plain t.json
like "it says that it boots" "$out" "booting the image for its checks"
like "every check is answered" "$out" "tested: 5 passed, 0 failed, 0 unanswered"
like "the image is tested" "$out" "state=tested"
exits "what was published is what was sealed" 0 "$BAKERY" fsck
is "nothing is left of it" "$(leaks)" ""

"$BAKERY" build -force -plain t.json >bake.log 2>&1 &
pid=$!
tries=0
while [ $tries -lt 600 ] && [ -z "$(running)" ] && kill -0 $pid; do
        sleep 0.2
        tries=$((tries + 1))
done
guest=$(running)
like "a bake is killed while its guest boots" "$guest" "^[0-9]+$"
kill -KILL $pid
wait $pid 2>/dev/null
goes "$guest"
ok "its guest goes" $?
exits "the next command" 0 "$BAKERY" fsck -quick
is "removes the rest" "$(leaks)" ""

# An image that does not come up: what the guest said last is in the error.
cat >off.service <<'EOT'
[Unit]
DefaultDependencies=no
[Service]
ExecStart=systemctl poweroff --force --force
[Install]
WantedBy=sysinit.target
EOT
printf 'describe command("true") do\n  its(:exit_status) { should eq 0 }\nend\n' >any_spec.rb
SOURCE=nginx template off.json '[
  { "type": "file", "source": "off.service", "destination": "/etc/systemd/system/off.service" },
  { "type": "shell", "inline": ["systemctl enable off.service"] } ]' '"specs": ["any_spec.rb"], "specs_boot": true'
before=$("$BAKERY" images -quiet '?' | wc -l)
exits "an image that does not boot fails its tests" 1 "$BAKERY" build -plain off.json
like "its check is not answered" "$out" "any_spec.rb:2: .*: unanswered: "
like "and the error says why, and what the console said" "$out" "does not boot: the guest powered itself off, too early; its console said last: .*reboot: Power down"
is "it is not published" "$("$BAKERY" images -quiet '?' | wc -l)" "$before"
is "nothing is left of that" "$(leaks)" ""
