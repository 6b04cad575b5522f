#!/bin/sh
# Checks of an image that is booted for them: what only a running system answers, with nothing of it left.
. "$(dirname "$0")/lib.sh"
need root loop fuse net qemu mmdebstrap jq
plan 7
fixture
cd "$WORK" || exit 1
cat >boot_spec.rb <<'EOT'
describe(port(80)) { it { should be_listening } }
describe(service('nginx')) { it { should be_running } }
describe(file('/etc/passwd')) { it { should be_file } }
describe(command('systemctl is-system-running --wait; touch /etc/new')) { its(:stdout) { should eq "running\n" } }
EOT
store() { find "$BAKERY_HOME/store" -type f -printf '%P %m %s %T@ %C@ %i\n' | sort; }
before=$(store)
run "$BAKERY" spec run -image nginx -boot -format json:a.json -format progress boot_spec.rb
is "a booted image answers" "$code $(jq -r '[.examples[].verdict] | join(" ")' a.json)" "0 passed passed passed passed"
[ "$code" -eq 0 ] || note "$out"
is "files are looked at as they are in the image" "$(jq -r '.mode + " " + ([.examples[].where] | join(" "))' a.json)" "boot guest guest files guest"
is "nothing of the store changed" "$(store)" "$before"
is "nothing is left" "$(leaks)" ""

"$BAKERY" spec run -image nginx -boot boot_spec.rb >cut.out 2>&1 &
cut=$!
for _ in $(seq 300); do
        grep -q booting cut.out && break
        sleep 0.1
done
kill -TERM $cut
wait $cut
is "ended by SIGTERM: 143" $? 143
for _ in $(seq 100); do
        [ -z "$(leaks)" ] && break
        sleep 0.1
done
is "nothing is left of that" "$(leaks)" ""
is "and the store is as it was" "$(store)" "$before"
