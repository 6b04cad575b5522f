#!/bin/sh
# What goes wrong: a clear error, and nothing left behind.
. "$(dirname "$0")/lib.sh"
need root loop fuse net
plan 61
fixture
cd "$WORK" || exit 1
images=$("$BAKERY" images -quiet '?' | wc -l)

# fails WHAT CODE PATTERN COMMAND...: fails so, leaves nothing, registers nothing
fails() {
        label=$1 wanted=$2 pattern=$3
        shift 3
        exits "$label" "$wanted" "$@"
        like "  says why" "$out" "$pattern"
        is "  leaves nothing" "$(leaks)$("$BAKERY" images -quiet '?' | wc -l)" "$images"
}

template exit.json '[
  { "type": "shell", "inline": ["echo before"] },
  { "type": "shell", "inline": ["echo about to fail", "exit 7"] } ]'
fails "a provisioner fails" 1 'exit\.json:5:[0-9]+: error: provisioner 2 \(shell\): the inline script exited with 7' "$BAKERY" build exit.json
like "  its output is there" "$out" "about to fail"

template hang.json '[{ "type": "shell", "timeout": "1s", "inline": ["trap \"\" TERM HUP", "setsid sleep 4242 & sleep 4242"] }]'
fails "a provisioner hangs" 1 'did not end within 1' "$BAKERY" build hang.json
is "  no process survives" "$(pgrep -f 'sleep 4242')" ""

template slow.json '[{ "type": "shell", "inline": ["sleep 4243"] }]' '"timeout": "2s"'
fails "a bake takes longer than its timeout" 1 'longer than its timeout of 2 s' "$BAKERY" build slow.json

template pause.json '[{ "type": "shell", "pause_before": "4294968ms", "inline": ["true"] }]' '"timeout": "2s"'
fails "a pause of more than an hour is one" 1 "longer than its timeout of 2 s" "$BAKERY" build pause.json

template kill.json '[{ "type": "shell", "inline": ["kill -9 -1; kill -9 1; sleep 1; exit 1"] }]'
fails "a provisioner kills everything it can see" 1 'killed by signal 9|exited with' "$BAKERY" build kill.json

template daemon.json '[{ "type": "shell", "inline": ["(setsid sleep 4244 >/dev/null 2>&1 &)", "cd /srv; (setsid sleep 4244 &)", "until [ $(pgrep -xc sleep) = 2 ]; do :; done"] }]'
exits "a daemon left behind does not hinder the bake" 0 "$BAKERY" build daemon.json
like "  but is named" "$out" "left process [0-9]+ \(sleep\) running"
is "  and ended" "$(pgrep -f 'sleep 4244')$(leaks)" ""
images=$((images + 1))

template escape.json '[{ "type": "shell", "inline": ["ls /proc/1/root/home && cat /proc/1/root'"$WORK"'/escape.json && exit 0", "exit 9"] }]'
fails "the host's files are out of reach" 1 'exited with' "$BAKERY" build escape.json

# --- the ancestor ---
fails "no such ancestor" 1 'gone\.json:2:[0-9]+: error: source_image: no image' sh -c 'printf "%s\n" "{\"builders\": [" "{\"type\": \"chroot\", \"image_name\": \"x\", \"source_image\": \"nothing?a=b\"}]}" > gone.json; "$0" build gone.json' "$BAKERY"
layer=$("$BAKERY" image show base -path)
cp "$layer" "$layer.copy" && mv -f "$layer.copy" "$layer"       # a file of our own, not the fixture's
template onto.json '[]' '"attributes": { "n": "1" }'
printf "altered by hand" | dd of="$layer" bs=1 seek=4096000 conv=notrunc 2>/dev/null
fails "an altered ancestor" 1 'was altered' "$BAKERY" build onto.json
exits "  fsck finds it, too" 1 "$BAKERY" fsck
mv "$layer" "$WORK/aside"
fails "an ancestor whose blob is gone" 1 'is gone from the store' "$BAKERY" build onto.json
cp "$(dirname "$FIXTURE/store/layers/x")/$(basename "$layer")" "$layer"
exits "  restored, it serves again" 0 "$BAKERY" build onto.json
images=$((images + 1))

# --- rights and room ---
chmod 755 "$WORK" "$BAKERY_HOME"
exits "no root" 6 setpriv --reuid 65534 --regid 65534 --clear-groups "$BAKERY" build -home "$BAKERY_HOME" exit.json
like "  says what to do" "$out" "sudo"

# A small disk: the state folder fits, what the bake writes does not.
mkdir small
mount -t tmpfs -o size=$(($(du -sm "$BAKERY_HOME" | cut -f1) + 40))m tmpfs small
CLEANUP='umount -l "$WORK/small"'
cp -a "$BAKERY_HOME" small/home
template full.json '[{ "type": "shell", "inline": ["head -c 200M /dev/urandom > /srv/big", "sync"] }]'
exits "no space" 6 "$BAKERY" build -home "$WORK/small/home" full.json
like "  is named" "$out" "is full"
is "  leaves nothing" "$(leaks "$WORK/small/home")" ""
exits "  the registry still answers" 0 "$BAKERY" images -home "$WORK/small/home" base
exits "  and a smaller bake works" 0 "$BAKERY" build -home "$WORK/small/home" daemon.json

# --- signals ---
template long.json '[{ "type": "shell", "inline": ["echo started", "sleep 4245"] }]'
"$BAKERY" build -plain long.json >long.out 2>&1 &
pid=$!
until grep -q started long.out || ! kill -0 $pid 2>/dev/null; do sleep 0.05; done
kill -TERM $pid
wait $pid
is "TERM ends a bake with 128+15" "$?" "143"
is "  leaves nothing" "$(leaks)$(pgrep -f 'sleep 4245')" ""
template long2.json '[{ "type": "shell", "inline": ["echo started", "sleep 4246"] }]'
"$BAKERY" build -plain long2.json >long2.out 2>&1 &
pid=$!
until grep -q started long2.out || ! kill -0 $pid 2>/dev/null; do sleep 0.05; done
exits "a second bake of the same image waits, and gives up in time" 5 "$BAKERY" build -lock-timeout 0 exit.json
kill -KILL $pid
wait $pid 2>/dev/null
until [ -z "$(pgrep -f 'sleep 4246')" ]; do sleep 0.02; done
exits "after kill -9 the next command cleans up" 1 "$BAKERY" build exit.json
is "  leaves nothing" "$(leaks)" ""

# --- what cannot be undone at once ---
# What is mounted on cannot be removed, here; the worker has mounts of its own.
begun() { until grep -q started "$1" || ! kill -0 $pid 2>/dev/null; do sleep 0.05; done; }
leases() { find "$BAKERY_HOME/run/leases" -name '*.lease' | wc -l; }
template long3.json '[{ "type": "shell", "inline": ["echo started", "sleep 4247"] }]'
"$BAKERY" build -plain long3.json >long.out 2>&1 &
pid=$!
begun long.out
draft=$(find "$BAKERY_HOME/store/drafts" -type f)
mount --bind "$draft" "$draft"
kill -TERM $pid
wait $pid
like "a draft that cannot be removed is told" "$(cat long.out)" "cannot remove draft '$draft'"
is "  and stays in its lease" "$(leases)" 1
exits "  as long as it cannot be" 6 "$BAKERY" janitor sweep
is "  the lease is kept" "$(leases)" 1
umount "$draft"
exits "  and is swept as soon as it can" 0 "$BAKERY" janitor sweep
like "  as what it is" "$out" "^undone: draft $(basename "$draft" | cut -d. -f1)"
is "  nothing is left" "$(leaks)" ""

template long4.json '[{ "type": "shell", "inline": ["echo started", "sleep 4248 || :"] }]'
"$BAKERY" build -plain long4.json >long.out 2>&1 &
pid=$!
begun long.out
beside=$(find "$BAKERY_HOME/run" -maxdepth 1 -name 'debs-*' | sed 's,/debs-,/guest-,')
mkdir "$beside"
mount --bind "$beside" "$beside"
kill "$(pgrep -f 'sleep 4248' | tail -n 1)"
wait $pid
is "a bake whose work folder stays has done its work" "$?" 0
like "  and tells of it" "$(cat long.out)" "warning: .*$beside"
is "  which stays in its lease" "$(leases)" 1
umount "$beside"
exits "  to be swept" 0 "$BAKERY" janitor sweep
is "  nothing is left" "$(leaks)" ""
is "  and the bake went well" "$("$BAKERY" bakes test -json | head -n 1 | jq -r .status)" ok

# --- two bakes of one image ---
# Held for a while that counts; time is looked at in whole seconds.
exec 8>"$BAKERY_HOME/run/locks/test"
flock 8
template wait.json '[{ "type": "shell", "inline": ["echo after the other"] }]'
"$BAKERY" build -plain wait.json >wait.out 2>&1 8>&- &
pid=$!
until grep -q "waiting for another bake" wait.out || ! kill -0 $pid 2>/dev/null; do sleep 0.05; done
waited=$(date +%s)
until [ "$(date +%s)" -gt $((waited + 1)) ]; do sleep 0.05; done
released=$(date +%s)
exec 8>&-
wait $pid
is "a bake that waited for another is done" "$?" 0
started=$(date +%s -d "$("$BAKERY" image show test -json | jq -r .provenance.started_at)")
ok "  and began when the other had ended" $((started < released))
