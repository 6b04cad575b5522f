#!/bin/sh
# kill -9 at 50 random moments of a bake: nothing leaks, nothing is half registered.
. "$(dirname "$0")/lib.sh"
need root loop fuse net
plan 4
fixture
cd "$WORK" || exit 1

printf 'describe file("/etc/hostname") do\n  it { should be_file }\nend\n' >spec.rb
template t.json '[
  { "type": "shell", "inline": ["echo {{timestamp}} > /etc/stamp", "head -c 3M /dev/urandom > /srv/data", "(setsid sleep 4250 &)"] },
  { "type": "file", "content": "x", "destination": "/srv/x" } ]' '"specs": ["spec.rb"]'
"$BAKERY" build -force t.json >/dev/null 2>&1   # the first one verifies its ancestors as well
start=$(date +%s%N)
"$BAKERY" build -force t.json >/dev/null 2>&1
whole=$((($(date +%s%N) - start) / 1000))       # microseconds of an undisturbed bake
note "an undisturbed bake takes $((whole / 1000)) ms"

# Processes that the kernel cannot end, because they wait for each other, keep their names and lose their arguments.
# A plain zombie has ended: it only waits for the system's init.
orphans() { ps -eo ppid=,stat=,comm= | awk '$1 == 1 && $2 !~ /^Z[^l]*$/ && ($3 == "bakery-worker" || $3 == "qemu-storage-da")'; }

seed=${BAKERY_TEST_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
note "seed $seed (BAKERY_TEST_SEED repeats it)"
moments=$(awk -v seed="$seed" -v whole="$whole" 'BEGIN { srand(seed); for (i = 0; i < 50; i++) printf "%.6f\n", rand() * whole * 1.1 / 1e6 }')
before=$("$BAKERY" images -quiet '?' | wc -l)
leaked='' torn='' finished=0 lingering=''
for moment in $moments; do
        "$BAKERY" build -force t.json >/dev/null 2>&1 &
        pid=$!
        sleep "$moment"         # the moment is what is tested
        kill -KILL $pid 2>/dev/null || finished=$((finished + 1))
        wait $pid 2>/dev/null
        # The kernel takes a moment to tear the namespaces down; nothing of ours has to happen for it.
        tries=0
        while [ $tries -lt 200 ] && [ -n "$(grep -F "$BAKERY_HOME" /proc/mounts; losetup -l -n -O BACK-FILE | grep -F "$BAKERY_HOME"; pgrep -f 'sleep 4250'; orphans)" ]; do
                sleep 0.05
                tries=$((tries + 1))
        done
        [ $tries -lt 200 ] || lingering="$lingering $moment"
        run "$BAKERY" fsck -quick
        [ $code -eq 0 ] || torn="$torn $moment: $out"
        leaked="$leaked$(leaks)"
done
note "$finished of 50 bakes ended before they were killed"
is "mounts, loop devices and processes went by themselves" "$lingering" ""
is "the next command removed the rest" "$leaked" ""
is "every row has its layer" "$torn" ""
ok "images that were published stay" $(($("$BAKERY" images -quiet '?' | wc -l) < before))
