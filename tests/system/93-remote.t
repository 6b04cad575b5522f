#!/bin/sh
# What commands do with an image's disk, they do on another host's registry as well: comparing files, deleting.
. "$(dirname "$0")/lib.sh"
need root loop fuse curl jq
fixture
plan 17
. "$TOP/tests/system/serve/lib.sh"

home=$BAKERY_HOME
admin=$("$BAKERY" token create admin -role admin 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
baker=$("$BAKERY" token create baker -role promote 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
"$BAKERY" image diff -json -files base nginx >"$WORK/here"
"$BAKERY" image diff -files nginx base >"$WORK/here.text"
layers=$(find "$home/store/layers" -name '*.qcow2' | wc -l)
server "$home"
export BAKERY_HOME="$WORK/elsewhere" BAKERY_REGISTRY="$url" BAKERY_TOKEN="$admin"

# --- files
exits "files are compared where the layers are" 0 "$BAKERY" image diff -json -files base nginx
printf '%s\n' "$out" >"$WORK/there"
is "with the same answer" "$(jq -cS . "$WORK/there")" "$(jq -cS . "$WORK/here")"
"$BAKERY" image diff -files nginx base >"$WORK/there.text"
ok "also for people" "$(cmp -s "$WORK/here.text" "$WORK/there.text"; echo $?)"
is "of two at once both are answered" "$( ("$BAKERY" image diff -json -files base foundation >"$WORK/a" & "$BAKERY" image diff -json -files base foundation >"$WORK/b"; wait) 2>&1
        cmp "$WORK/a" "$WORK/b" && jq '.files.removed | length > 0' "$WORK/a")" true
exits "what is not there is not found" 1 "$BAKERY" image diff -files base nothing
is "nothing is mounted and nothing is left in its folders" "$(leaks "$home" | grep -v "^process: .* serve ")" ""
is "the server is well" "$(curl -s "$url/healthz" | jq -r .status)" ok

# --- deleting
exits "an image on which others stand stays" 1 "$BAKERY" image delete base
like "and they are named" "$out" "has descendants: nginx sha256:"
exits "who may promote may not delete" 6 env BAKERY_TOKEN="$baker" "$BAKERY" image delete nginx
id=$("$BAKERY" images -quiet nginx)
exits "an image is deleted" 0 "$BAKERY" image delete nginx -reason "a test"
like "and what it freed is told" "$out" "^deleted $id \(nginx\), freed [0-9.]+ [KMG]iB$"
is "with its layer" "$(find "$home/store/layers" -name '*.qcow2' | wc -l)" $((layers - 1))
exits "who asks for it is told that it is gone" 1 "$BAKERY" image show "$id"
like "why, and by whom" "$out" "deleted.*admin|admin.*deleted"
like "the log has the reason" "$("$BAKERY" audit -json | grep image.deleted)" '"why": ?"a test"'
unset BAKERY_REGISTRY BAKERY_TOKEN
exits "here it is done by the same word" 0 "$BAKERY" image delete base -json -home "$home"
