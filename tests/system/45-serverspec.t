#!/bin/sh
# The same checks of the same root, answered by serverspec and by us: alike, but for what serverspec is known to get wrong, which
# corrections.txt lists with the reason, and which -compat answers as serverspec does.
. "$(dirname "$0")/lib.sh"
need root loop fuse net mmdebstrap jq openssl unshare
plan 6
here=$TOP/tests/system/serverspec
root=$TOP/build/serverspec
exec 9>"$root.lock"
flock 9
if [ ! -e "$root.done" ] || [ -n "$(find "$here/make-root" -newer "$root.done")" ]; then
        rm -rf --one-file-system "$root" "$root.done"
        "$here/make-root" "$root" >"$root.log" 2>&1 || { sed 's/^/# /' "$root.log"; echo "Bail out! the root cannot be made"; exit 1; }
        touch "$root.done"
fi
exec 9>&-
cd "$WORK" || exit 1

# Theirs, inside the root, with a /proc and places to write that are gone with the namespace.
cat >theirs.sh <<'EOT'
mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/mnt" && cp "$2" "$1/mnt/like_spec.rb" || exit 2
chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 rspec -f json /mnt/like_spec.rb
EOT
unshare --mount --pid --fork --kill-child sh theirs.sh "$root" "$here/like_spec.rb" >theirs.json 2>theirs.err
jq -r '.examples[] | "\(.line_number) \(.status)"' theirs.json >theirs 2>/dev/null
n=$(wc -l <theirs)
[ "$n" -ge 200 ]
ok "serverspec answers at least 200 checks ($n)" $?
[ "$n" -gt 0 ] || sed 's/^/# /' theirs.err

ours() { # ours FILE FLAG...: line and verdict of every check
        file=$1
        shift
        "$BAKERY" spec run "$@" -root "$root" -format json:"$file.json" "$here/like_spec.rb" >"$file.out" 2>&1
        jq -r '.examples[] | "\(.line) \(.verdict)"' "$file.json" >"$file" 2>/dev/null
}
ours mine
is "we answer as many" "$(wc -l <mine)" "$n"
is "none is unanswered" "$(grep -c -v -e passed -e failed mine)" 0
ours compat -compat
is "-compat answers as serverspec does, line by line" "$(diff theirs compat)" ""

# A correction is a line of the spec and our verdict: "LINE VERDICT  why".
grep -v '^#' "$here/corrections.txt" | awk '{ print $1, $2 }' | sort -u >known
paste -d ' ' theirs mine | awk '$2 != $4 { print $3, $4 }' | sort -u >differ
is "we differ where serverspec is wrong, and nowhere else" "$(diff known differ)" ""
is "the root is as it was" "$(find "$root" -newer "$root.done" | head -n 5)" ""
exit $failed
