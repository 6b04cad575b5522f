#!/bin/sh
# What the dead leave is undone by `janitor sweep`, which every bake begins with: each thing by its identity. What is somebody else's, and what
# cannot be understood, stays. KILLS processes of bakes are killed at moments of chance.
. "$(dirname "$0")/lib.sh"
need root loop fuse net qemu xorriso nsenter
plan 47
fixture
cd "$WORK" || exit 1
KILLS=${KILLS:-20}
leases=$BAKERY_HOME/run/leases
mkdir -p "$leases"

# until CONDITION...: waits for it; a minute at most, so that a defect does not hang the suite.
until_true() {
        tries=0
        until "$@"; do
                tries=$((tries + 1))
                [ $tries -lt 600 ] || { note "waited in vain: $*"; return 1; }
                sleep 0.1
        done
}
boot=$(cat /proc/sys/kernel/random/boot_id)
ns=$(stat -L -c %i /proc/1/ns/pid 2>/dev/null || echo 0)      # 0: it may not be looked at
started() { sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20; }
dead() { { echo "lease ${VERSION:-2} $boot 4711 1"; cat; } >"$leases/$1.lease"; }
identity() { stat -c '%Hd:%Ld:%i' "$1"; }

# --- foreign things with our looks, which stay to the end -------------------------------------
mkdir foreign
mount -t tmpfs bakery-abcdefghijkl foreign
head -c 1M /dev/zero >foreign/draft.qcow2
foreign=$(losetup -f --show foreign/draft.qcow2)
number=${foreign#/dev/loop}
ln -s "$(command -v sleep)" bakery-worker
./bakery-worker 4251 &
stranger=$!
CLEANUP="kill $stranger \$sleeper \$pid 2>/dev/null; losetup -d $foreign; umount foreign \$full 2>/dev/null"
sleeper='' pid='' full=''
untouched() {
        is "$1: a foreign mount stays" "$(findmnt -n -o SOURCE "$WORK/foreign")" bakery-abcdefghijkl
        is "$1: a foreign loop device stays" "$(losetup -n -O BACK-FILE "$foreign")" "$WORK/foreign/draft.qcow2"
        ok "$1: a foreign process stays" "$(kill -0 $stranger 2>/dev/null; echo $?)"
}

# --- a lease and what it notes -------------------------------------------------------------------
touch "$BAKERY_HOME/store/drafts/aaaa.qcow2" "$BAKERY_HOME/store/drafts/aaaa.flat.qcow2" "$BAKERY_HOME/store/drafts/aaaab.qcow2" disk.raw.zzzz.draft
mkdir -p "$BAKERY_HOME/run/debs-aaaa/partial" elsewhere
printf 'bake aaaa\nwork aaaa\ndraft aaaa\nfile %s %s\nprocess %s 1 %s\nloop %s 1 %s\nmount %s bakery-other\ncut of' "$(identity "$WORK")" \
        "$WORK/disk.raw.zzzz.draft" $stranger "$ns" "$number" "$(identity foreign/draft.qcow2)" \
        "$(stat -c '%Hd:%Ld' foreign)" | dead one
exits "a look tells what is left" 0 "$BAKERY" janitor sweep -n
like "... a draft" "$out" "^left: draft aaaa \(lease one.lease\)$"
like "... a file elsewhere" "$out" "^left: file .*/disk.raw.zzzz.draft"
like "... and what went by itself" "$out" "^not there: bake aaaa"
like "... with a sum" "$out" "^3 things to undo, of 1 lease whose owner is dead; 0 stuck, 0 held"
ok "... and undoes nothing" "$(test -e disk.raw.zzzz.draft -a -e "$leases/one.lease" -a -e "$BAKERY_HOME/store/drafts/aaaa.qcow2"; echo $?)"
exits "a sweep undoes it" 0 "$BAKERY" janitor sweep -json
is "... as programs read it" "$(printf '%s\n' "$out" | tail -n 1)" '{"end":"swept","things":3,"leases":1,"stuck":0,"held":0,"uploads":0}'
is "... and only it" "$(ls "$BAKERY_HOME/store/drafts" "$leases"; ls | grep draft; ls "$BAKERY_HOME/run" | grep debs)" \
        "$(printf '%s:\n\n%s:\naaaab.qcow2' "$leases" "$BAKERY_HOME/store/drafts")"
rm "$BAKERY_HOME/store/drafts/aaaab.qcow2"
untouched "numbers used again"
exits "nothing to do is told by the exit code" 4 "$BAKERY" janitor sweep -exit-code

touch elsewhere/x.draft
echo "file 1:2:3 $WORK/elsewhere/x.draft" | dead moved
exits "a folder that is another one now is left alone" 0 "$BAKERY" janitor sweep
ok "... with its file" "$(test -e elsewhere/x.draft; echo $?)"

# The same things, when they are the ones.
mkdir mounted
mount -t tmpfs bakery-zyxwvutsrqpo mounted
sleep 4254 &
pid=$!
printf 'mount %s bakery-zyxwvutsrqpo\nprocess %s %s %s\n' "$(stat -c '%Hd:%Ld' mounted)" $pid "$(started $pid)" "$ns" | dead ours
exits "a process and a mount are undone" 0 "$BAKERY" janitor sweep
wait $pid
is "... the process by SIGKILL" $? 137
is "... the mount from where it is" "$(findmnt -n "$WORK/mounted")" ""

# A restart ends what passes; numbers of processes and devices mean others then.
sequence=$(cat "/sys/block/loop$number/diskseq" 2>/dev/null || echo 0)
printf 'process %s %s %s\nloop %s %s %s\n' $stranger "$(started $stranger)" "$ns" "$number" "$sequence" "$(identity foreign/draft.qcow2)" | boot=before dead restarted
exits "what was noted before a restart is swept" 0 "$BAKERY" janitor sweep
untouched "a restart"

# --- what cannot be understood ----------------------------------------------------------------------
touch "$BAKERY_HOME/store/drafts/bbbb.qcow2" "$BAKERY_HOME/store/drafts/cccc.qcow2" "$BAKERY_HOME/store/drafts/dddd.qcow2"
echo 'draft bbbb' | VERSION=9 dead newer
printf 'draft dddd\nwormhole x\n' | dead unknown
head -c 4096 /dev/urandom | tr '\000' '\001' >"$leases/noise.lease"
mkdir "$leases/folder.lease"
echo 'draft ../../registry' | dead outside
printf 'draft cccc\n' >"$leases/old.lease"      # as earlier versions wrote it
exits "leases that cannot be understood are a failure of the host" 6 "$BAKERY" janitor sweep
like "... of a newer bakery" "$out" '^stuck: lease newer.lease: it is of a newer bakery'
like "... with a note of an unknown kind" "$out" "^stuck: wormhole x .*does not know what a 'wormhole' is"
like "... damaged" "$out" '^stuck: lease noise.lease: it is damaged'
like "... unreadable" "$out" '^stuck: lease folder.lease: .*directory'
like "... or naming what no bake names" "$out" "^stuck: draft ../../registry .*no name"
is "they stay, and the others go" "$(ls "$leases" | tr '\n' ' ')$(ls "$BAKERY_HOME/store/drafts" | tr '\n' ' ')" \
        "folder.lease newer.lease noise.lease outside.lease unknown.lease bbbb.qcow2 "
template t.json '[{ "type": "shell", "inline": ["echo {{timestamp}} > /etc/stamp", "head -c 3M /dev/urandom > /srv/data"] }]'
exits "a bake goes on beside them" 0 "$BAKERY" build -force t.json
like "... and says so" "$out" "warning: lease 'newer.lease' of one that is dead stays"
rm -rf "$leases"/* "$BAKERY_HOME/store/drafts"/*

# --- a full disk -----------------------------------------------------------------------------------
full=$WORK/full
mkdir full
mount -t tmpfs -o size=4m tmpfs full
mkdir -p full/home/run/leases full/home/store/drafts
printf 'lease 2 %s 1 1\ndraft eeee\n' "$boot" >full/home/run/leases/e.lease
exits "a state folder is made" 0 "$BAKERY" janitor sweep -home full/home -n
head -c 16M /dev/zero >full/home/store/drafts/eeee.qcow2 2>/dev/null
exits "a full disk is swept, too" 0 "$BAKERY" janitor sweep -home full/home
is "... and has room again" "$(ls full/home/store/drafts full/home/run/leases | grep -c '[.]')" 0

# --- somebody looks into a bake that is killed -----------------------------------------------------
# A program in the bake's mount namespace keeps mount and loop device alive.
template wait.json '[{ "type": "shell", "inline": ["echo here", "sleep 4252"] }]'
: >wait.log
"$BAKERY" build -force -plain wait.json >wait.log 2>&1 &
pid=$!
until_true grep -q here wait.log
worker=$(pgrep -P $pid -x bakery-worker)
nsenter -t "$worker" -m -- sleep 4253 &
sleeper=$!
inside() { [ "$(readlink /proc/$sleeper/ns/mnt)" = "$(readlink "/proc/$worker/ns/mnt")" ]; }
until_true inside
# The loop device as bakery noted it.
ours=$(sed -n 's/^loop \([0-9]*\) .*/\1/p' "$leases"/*.lease)
kill -KILL $pid
wait $pid 2>/dev/null
until_true test ! -e "/proc/$worker"
ok "it outlives the bake" "$(test -e "/sys/block/loop$ours/loop/backing_file"; echo $?)"
exits "a sweep undoes it" 0 "$BAKERY" janitor sweep
like "... the loop device" "$out" "^undone: loop $ours "
ok "... which is gone" "$(test ! -e "/sys/block/loop$ours/loop/backing_file"; echo $?)"
ok "... and whoever looked goes on" "$(kill -0 $sleeper; echo $?)"
is "... without the mounts" "$(grep -c -e "$BAKERY_HOME/run/work" "/proc/$sleeper/mountinfo")" 0
kill $sleeper
like "the bake is told as aborted" "$("$BAKERY" bakes -json -status aborted)" '"name": *"test"'

# --- kills -------------------------------------------------------------------------------------------
mkdir -p cd-idle
{ printf '\364\353\375'; head -c 2048 /dev/zero; } | head -c 2048 >cd-idle/boot.bin             # hlt; again
xorriso -as mkisofs -quiet -o idle.iso -b boot.bin -no-emul-boot -boot-load-size 4 cd-idle 2>/dev/null
cat >guest.json <<'EOT'
{ "builders": [ { "type": "qemu", "name": "g", "vm_name": "g", "disk_size": "64M", "memory": 64, "boot_wait": "0s", "iso_url": "idle.iso",
    "iso_checksum": "none", "ssh_username": "root", "ssh_password": "x", "ssh_timeout": "2s" } ] }
EOT
descendants() { ps -eo pid=,ppid= | awk -v top="$1" '{ parent[$1] = $2 } END { for (p in parent) { for (q = parent[p]; q in parent && q != top; q = parent[q]);
        if (q == top) print p } }'; }
content() { (cd "$BAKERY_HOME" && find . -path ./logs -prune -o -path ./store/layers -prune -o -path ./cache/debs -prune -o -path ./cache/verified -prune -o \
        -name 'registry.db*' -prune -o -path './run/locks/*' -prune -o -print | sort); }
settled() { run "$BAKERY" janitor sweep; [ $code -eq 0 ] && printf '%s\n' "$out" | grep -q ' 0 held by the living$'; }
start=$(date +%s%N)
"$BAKERY" build -force t.json >/dev/null 2>&1
middle=$(date +%s%N)
"$BAKERY" build guest.json >/dev/null 2>&1
whole=$(((middle - start) / 1000000)) guests=$((($(date +%s%N) - middle) / 1000000))     # milliseconds of undisturbed bakes
content >content.before
seed=${BAKERY_TEST_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
note "seed $seed (BAKERY_TEST_SEED repeats it)"
awk -v seed="$seed" -v n="$KILLS" -v chroot="$whole" -v guest="$guests" 'BEGIN { srand(seed); for (i = 0; i < n; i++)
        printf "%s %.3f %d\n", i % 5 == 4 ? "guest.json" : "t.json", rand() * (i % 5 == 4 ? guest : chroot) * 0.8 / 1000, int(rand() * 1000) }' >plan
leaked='' victims='' torn=''
while read -r what moment choice; do
        "$BAKERY" build -force "$what" >/dev/null 2>&1 </dev/null &
        pid=$!
        sleep "$moment"                 # the moment is what is tested
        # shellcheck disable=SC2046
        set -- $pid $(descendants $pid)
        shift $((choice % $#))          # to the one that is killed
        victims="$victims $(cat "/proc/$1/comm" 2>/dev/null)"
        kill -KILL "$1" 2>/dev/null
        wait $pid 2>/dev/null
        # Processes that are just ending hold their lease until they have.
        until_true settled || leaked="$leaked$out
"
        run "$BAKERY" fsck -quick
        [ $code -eq 0 ] || torn="$torn$out
"
        leaked="$leaked$(leaks | grep -v -e '/foreign')$(content | diff content.before -)"
done <plan
note "$(printf '%s\n' $victims | sort | uniq -c | sort -rn | awk '{ printf "%s%s %s", sep, $1, $2; sep = ", " }') killed"
is "nothing is left of $KILLS bakes of which a process was killed" "$leaked" ""
is "every row has its layer" "$torn" ""
is "no bake is said to run" "$("$BAKERY" bakes -json -status running | grep -c '"running"')" 0
untouched "after all that"
exit $failed
