#!/bin/sh
# Checks of a folder, an image and a host: what is asked, what it costs, what is left of it (nothing), and what the exit code says.
. "$(dirname "$0")/lib.sh"
need root loop fuse net mmdebstrap jq /usr/sbin/sshd ssh-keygen unshare busybox
plan 66
fixture
cd "$WORK" || exit 1

# verdicts FLAGS...: runs a.json; $code, $out, and $verdicts as "passed failed ..."
verdicts() {
        rm -f a.json
        run "$BAKERY" spec run -format json:a.json -format progress "$@"
        verdicts=$(jq -r '[.examples[].verdict] | join(" ")' a.json 2>/dev/null)
}
tree() { find "$1" -xdev -printf '%P %m %U %G %s %T@ %C@ %l\n' | sort | sha256sum; }

# --- a folder ---------------------------------------------------------------------
root="$WORK/a root, with: signs"
mkdir -p "$root/bin" "$root/etc" "$root/var/lib/dpkg" "$root/usr/bin" "$root/tmp"
chmod 1777 "$root/tmp"
cp "$(command -v busybox)" "$root/bin/busybox"
chroot "$root" /bin/busybox --install -s /bin
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
printf 'Package: thing\nStatus: install ok installed\nVersion: 1.2-3\n' >"$root/var/lib/dpkg/status"
ln -s /etc/passwd "$root/etc/link"
mkdir specs specs/deep
cat >specs/deep/a_spec.rb <<'EOT'
describe(file('/etc/link')) { it { should be_symlink }; its(:content) { should eq "root:x:0:0:root:/root:/bin/sh\n" } }
describe(package('thing')) { it { should be_installed.with_version('1.2-3') } }
describe(user('root')) { it { should have_login_shell '/bin/sh' } }
EOT
cat >specs/b_spec.rb <<'EOT'
describe(command('echo hello; id -u; touch /etc/new; rm /etc/link; echo evil >/etc/passwd')) { its(:stdout) { should eq "hello\n0\n" } }
describe(command('cd /etc && ls new link passwd 2>/dev/null')) { its(:stdout) { should eq "new\npasswd\n" } }
describe(command('ls /proc/1/root/../../../work /home 2>/dev/null')) { its(:stdout) { should eq '' } }
EOT
echo 'raise "not a spec"' >specs/helper.rb
before=$(tree "$root")
verdicts -root "$root" specs
is "a folder's specs pass, those of folders in it too" "$code $verdicts" "0 passed passed passed passed passed passed passed"
is "in the order of their names" "$(jq -r '[.examples[].file] | unique_by(.) | join(" ")' a.json)" "specs/b_spec.rb specs/deep/a_spec.rb"
is "files are read where they are, programs run in a sandbox" "$(jq -r '[.examples[].where] | unique | join(" ")' a.json)" "files sandbox"
is "the report says what was checked" "$(jq -r '.image + " " + .mode' a.json)" "a root, with: signs root"
is "and nothing of the folder changed" "$(tree "$root")" "$before"
run find / -maxdepth 1 -newer specs/helper.rb -name 'new*'
is "nor of this host" "$out" ""

echo 'describe(file("/etc/passwd")) { it { should be_file }; it { should be_directory } }' >fail_spec.rb
echo 'describe(file("/etc/passwd")) { it { should be_file } }; describe(port(22)) { it { should be_listening } }' >port_spec.rb
echo 'describe(file("/etc/passwd")) { it { raise "oops" } }' >error_spec.rb
echo 'describe(file("/etc/passwd")) { it { should be_file }; it("is skipped") { skip "not now" } }' >skip_spec.rb
verdicts -root "$root" fail_spec.rb
is "a failure: 1" "$code $verdicts" "1 passed failed"
verdicts -root "$root" error_spec.rb
is "an error: 1" "$code $verdicts" "1 error"
verdicts -root "$root" skip_spec.rb
is "skipped is no failure: 0" "$code $verdicts" "0 passed skipped"
verdicts -root "$root" port_spec.rb
is "unanswered: 1" "$code $verdicts" "1 passed unanswered"
verdicts -root "$root" -allow-unanswered port_spec.rb
is "unanswered, and allowed: 0" "$code $verdicts" "0 passed unanswered"
verdicts -root "$root" -allow-unanswered fail_spec.rb port_spec.rb
is "a failure beside it: 1" "$code" "1"
printf 'port_spec.rb:1:\n  justification: "known"\nfail_spec.rb:1:\n  justification: "known"\n' >waivers.yml
verdicts -root "$root" -waiver waivers.yml fail_spec.rb
is "a waived failure: 0" "$code $verdicts" "0 passed skipped"
like "a waiver that is for nothing is said" "$out" "port_spec.rb:1' matches no example"
exits "Nagios: 2 for a failure" 2 "$BAKERY" spec run -root "$root" -format nagios fail_spec.rb
exits "Nagios: 1 for what is unanswered" 1 "$BAKERY" spec run -root "$root" -format nagios port_spec.rb
run "$BAKERY" spec run -root "$root" -junit junit fail_spec.rb
is "JUnit for Jenkins" "$(find junit -name 'TEST-*fail_spec*.xml' | wc -l)" 1

exits "no target: 2" 2 "$BAKERY" spec run fail_spec.rb
exits "two targets: 2" 2 "$BAKERY" spec run -root / -image base fail_spec.rb
exits "-boot without an image: 2" 2 "$BAKERY" spec run -root / -boot fail_spec.rb
exits "an unknown format: 2" 2 "$BAKERY" spec run -root / -format tapp fail_spec.rb
like "the nearest is named" "$out" "tap"
exits "two formats printed: 2" 2 "$BAKERY" spec run -root / -format tap -format json fail_spec.rb
exits "a folder without specs: 1" 1 "$BAKERY" spec run -root / "$root"
exits "a spec that is not there: 1" 1 "$BAKERY" spec run -root / none_spec.rb
exits "a root that is not there: 1" 1 "$BAKERY" spec run -root ./none fail_spec.rb
exits "an image that is not there: 1" 1 "$BAKERY" spec run -image none fail_spec.rb
for address in host:port host:0 '[::1' '@host'; do
        exits "-ssh $address: 2" 2 "$BAKERY" spec run -ssh "$address" -ssh-insecure fail_spec.rb
done
exits "a time that is none: 2" 2 "$BAKERY" spec run -root / -timeout soon fail_spec.rb

cp fail_spec.rb port_spec.rb "$root/tmp/" && cp "$BAKERY" bakery-copy && chmod 755 "$WORK" bakery-copy
cat >"$root/tmp/command_spec.rb" <<'EOT'
describe(file("/etc/passwd")) { it { should be_file } }
describe(command("true")) { its(:exit_status) { should eq 0 } }
EOT
run setpriv --reuid 65534 --regid 65534 --clear-groups ./bakery-copy spec run -root "$root" -format tap "$root/tmp/command_spec.rb"
like "who is not root reads files" "$out" "^ok 1 "
like "and is told why commands are unanswered" "$out" "sandbox, which needs root"

# --- an image -----------------------------------------------------------------------
cat >image_spec.rb <<'EOT'
describe(file('/etc/debian_version')) { its(:content) { should match(/^12/) } }
describe(package('nginx')) { it { should be_installed } }
describe(command('test -x /usr/sbin/nginx && echo yes; echo x >/etc/new; rm -rf /var/lib/dpkg')) { its(:stdout) { should eq "yes\n" } }
describe(file('/var/lib/dpkg/status')) { it { should be_file } }
describe(command('ls /etc/new')) { its(:exit_status) { should eq 0 } }
EOT
store() { find "$BAKERY_HOME/store" -type f -printf '%P %m %s %T@ %C@ %i\n' | sort; }
before=$(store)
verdicts -image nginx image_spec.rb
is "an image's specs pass" "$code $verdicts" "0 passed passed passed passed passed"
[ "$code" -eq 0 ] || note "$out"
is "by name" "$(jq -r '.image + " " + .mode' a.json)" "nginx image"
is "nothing of the store changed" "$(store)" "$before"
is "nothing is left" "$(leaks)" ""
# A run that is ended in the middle of a command leaves nothing that a sweep does not find, either.
echo 'describe(command("sleep 600")) { its(:exit_status) { should eq 0 } }' >long_spec.rb
for signal in TERM KILL; do
        "$BAKERY" spec run -image nginx long_spec.rb >long.out 2>&1 &
        long=$!
        for _ in $(seq 200); do
                pgrep -f 'sleep 600' >/dev/null && break
                sleep 0.1
        done
        kill -$signal $long
        wait $long
        status=$?
        [ $signal = KILL ] || is "ended by SIGTERM: 143" $status 143
        for _ in $(seq 100); do
                # Who is killed leaves a lease, and the next command that writes ends it.
                [ $signal != KILL ] || "$BAKERY" janitor sweep >/dev/null
                [ -z "$(leaks)" ] && break
                sleep 0.1
        done
        is "nothing is left after SIG$signal" "$(leaks)" ""
        is "the store is as it was" "$(store)" "$before"
done

# --- a host over SSH -------------------------------------------------------------------
ssh-keygen -q -t ed25519 -N '' -f host_key && ssh-keygen -q -t ed25519 -N '' -f id && cp id.pub authorized
port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport')
mkdir sudo-bin
cat >sudo-bin/sudo <<'EOT'
#!/bin/sh
[ "$1 $2" = "-n --" ] || { echo "sudo: a password is required" >&2; exit 1; }
shift 2
BY_SUDO=yes exec "$@"
EOT
chmod 755 sudo-bin/sudo
cat >sshd_config <<EOT
Port $port
ListenAddress 127.0.0.1
HostKey $WORK/host_key
AuthorizedKeysFile $WORK/authorized
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
PidFile none
UseDNS no
LogLevel VERBOSE
SetEnv PATH=$WORK/sudo-bin:/usr/bin:/bin
EOT
unshare --mount --pid --fork --kill-child sh -c 'mount -t tmpfs run /run && mkdir /run/sshd && exec /usr/sbin/sshd -D -e -f "$1"' sh \
        "$WORK/sshd_config" 2>sshd.log &
sshd=$!
CLEANUP='kill -KILL "$sshd" 2>/dev/null; wait "$sshd" 2>/dev/null'
echo "[127.0.0.1]:$port $(cat host_key.pub)" >known
trips() { grep -c 'Starting session: command' sshd.log; }
over_ssh() { verdicts -ssh "root@127.0.0.1:$port" -ssh-key id -ssh-known-hosts known "$@"; }

echo 'describe(file("/etc/passwd")) { it { should be_file } }; describe(command("echo $0 \$((1+1)) \"it'"'"'s\" && cat")) { its(:stdout) { should eq "sh 2 it'"'"'s\n" } }' >one_spec.rb
over_ssh one_spec.rb
is "a host's specs pass" "$code $verdicts" "0 passed passed"
[ "$code" -eq 0 ] || note "$out"
is "by name" "$(jq -r '.image + " " + .mode' a.json)" "127.0.0.1 ssh"
is "two questions are two round trips" "$(trips)" 2

cat >many_spec.rb <<'EOT'
LOADED = !ENV['LOADED'].nil?            # what is described is asked for, and no example runs
files = %w[/etc/passwd /etc/group /etc/hostname /etc/hosts /etc/fstab /bin/sh /bin/ls /usr/bin/env /lib /usr/lib/os-release /etc/os-release
           /etc/mtab /proc/version /proc/mounts /proc/net/tcp /dev/null /tmp /root /none /none/x /etc/localtime /usr/bin/env /usr/bin/which
           /var/run /var/lib /sbin/init /etc/shadow /etc/issue /var/log /etc/resolv.conf]
files.each do |f|
  describe file(f) do
    next if LOADED
    it('a') { expect(subject.exist?).to eq !f.start_with?('/none') }
    it('b') { subject.mode; subject.owner; subject.group }
    it('c') { subject.content }
    it('d') { subject.link_target }
  end
end
%w[dpkg libc6 bash coreutils tar none1 none2 sed grep gzip].each do |p|
  describe(package(p)) { next if LOADED; it { p.start_with?('none') ? should_not(be_installed) : should(be_installed) }; it { subject.version } }
end
%w[root daemon bin sys mail nobody www-data none].each do |u|
  describe user(u) do
    next if LOADED
    it { u == 'none' ? should_not(exist) : should(exist) }
    it { subject.uid }
    it { should_not belong_to_group 'none' }
  end
end
%w[root daemon adm none].each { |g| describe(group(g)) { next if LOADED; it { g == 'none' ? should_not(exist) : should(exist) }; it { subject.gid } } }
%w[ssh cron nginx none].each { |s| describe(service(s)) { next if LOADED; it('e') { subject.enabled? }; it('i') { subject.installed? } } }
(10..23).each { |p| next if p == 22; describe(port(p)) { next if LOADED; it { should_not be_listening } } }
describe(port(ENV['SSHD_PORT'].to_i)) { next if LOADED; it { should be_listening }; it { should be_listening.with('tcp') } }
%w[lo].each { |i| describe(interface(i)) { next if LOADED; it { should be_up } } }
describe(kernel_module('none')) { next if LOADED; it { should_not be_loaded } }
%w[kernel.ostype kernel.osrelease vm.swappiness].each { |k| describe(linux_kernel_parameter(k)) { next if LOADED; its(:value) { should_not be_nil } } }
EOT
export SSHD_PORT="$port"
before=$(trips)
LOADED=yes over_ssh many_spec.rb
loaded=$(($(trips) - before))
ok "what 200 checks need is asked in at most 3 round trips before the first of them ($loaded)" $((loaded < 1 || loaded > 3))
before=$(trips)
begun=$(date +%s%N)
over_ssh many_spec.rb
all=$(($(trips) - before))
n=$(jq '.examples | length' a.json)
bad=$(jq -r '.examples[] | select(.verdict != "passed") | "\(.description): \(.verdict): \(.message)"' a.json)
ok "there are 200 of them ($n, in $((($(date +%s%N) - begun) / 1000000)) ms)" $((n < 200))
is "all pass" "$bad" ""
ok "and with all that they ask later there are at most 6 round trips ($all)" $((all > 6))
is "answers came from the guest" "$(jq -r '[.examples[].where] | unique | map(select(. != "" and . != "guest")) | length' a.json)" 0

echo 'describe(command("echo $BY_SUDO")) { its(:stdout) { should eq "yes\n" } }; describe(file("/etc/shadow")) { its(:content) { should match(/^root:/) } }' >sudo_spec.rb
over_ssh -sudo sudo_spec.rb
is "by sudo" "$code $verdicts" "0 passed passed"
over_ssh sudo_spec.rb
is "and not without" "$code $verdicts" "1 failed passed"
sed -i 's/"-n --"/"never"/' sudo-bin/sudo
over_ssh -sudo sudo_spec.rb
like "a sudo that asks is told" "$code $out" "^1 .*"
like "with its reason" "$out" "sudo without a password: sudo: a password is required"

logins=$(grep -c 'Accepted publickey' sshd.log)
: >empty
exits "an unknown host key: 6" 6 "$BAKERY" spec run -ssh "root@127.0.0.1:$port" -ssh-key id -ssh-known-hosts empty one_spec.rb
like "says what to do" "$out" "is not known"
echo "[127.0.0.1]:$port $(cat id.pub)" >wrong
exits "another host key: 6" 6 "$BAKERY" spec run -ssh "root@127.0.0.1:$port" -ssh-key id -ssh-known-hosts wrong one_spec.rb
is "neither gets a login" "$(grep -c 'Accepted publickey' sshd.log)" "$logins"
verdicts -ssh "root@127.0.0.1:$port" -ssh-key id -ssh-insecure one_spec.rb
is "unless the key is not to be checked" "$code $verdicts" "0 passed passed"
exits "a key that is not accepted: 6" 6 "$BAKERY" spec run -ssh "root@127.0.0.1:$port" -ssh-key host_key -ssh-known-hosts known one_spec.rb
like "says who and how" "$out" "login as 'root' at 127.0.0.1:$port was refused: tried key"
kill -KILL "$sshd"
wait "$sshd" 2>/dev/null
exits "a host that is not there: 1" 1 "$BAKERY" spec run -ssh "root@127.0.0.1:$port" -ssh-key id -ssh-known-hosts known -ssh-timeout 1 one_spec.rb
like "says what happened" "$out" "no SSH for user 'root' at 127.0.0.1:$port within 1.0 s"
like "and what is unanswered by that" "$out" "2 unanswered"
is "nothing is left" "$(leaks)" ""
