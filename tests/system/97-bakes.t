#!/bin/sh
# Bakes are known while they run, when they have ended, and when they were killed; with their logs.
. "$(dirname "$0")/lib.sh"
need root loop fuse curl jq
plan 23
. "$TOP/tests/system/serve/lib.sh"
fixture
server "$BAKERY_HOME"
bakes() { "$BAKERY" bakes "$@" -json | jq -r '.status' | tr '\n' ' '; }

template "$WORK/ok.json" '[{"type": "shell", "inline": ["echo a line of it"]}]'
BUILD_URL=http://jenkins.example/7 "$BAKERY" build -plain "$WORK/ok.json" >/dev/null 2>&1
is "a bake that went well is known" "$(bakes test)" "ok "
id=$("$BAKERY" bakes test -json | jq -r .id)
is "with what came of it" "$("$BAKERY" bakes test -json | jq -r .image)" "$("$BAKERY" image show test -json | jq -r .id)"
id_ok=$("$BAKERY" bakes test -json | jq -r .image)
is "who ran it, from what, and for which job" "$("$BAKERY" bakes test -json | jq -r '.builder + " " + .build_url + " " + (.template|split("/")|last)')" \
        "chroot http://jenkins.example/7 ok.json"
like "people can read it" "$("$BAKERY" bakes)" "^$id +test +ok +20.* by .* on "
like "its log is there" "$("$BAKERY" bakes -log "$id")" "a line of it"
is "the whole of it" "$("$BAKERY" bakes -log "$id" | sha256sum)" "$(sha256sum <"$BAKERY_HOME/logs/test-$id.log")"
curl -s -D "$WORK/head" "$url/api/v1/bakes/$id/log?from=5" >"$WORK/part"
is "or a part of it" "$(sha256sum <"$WORK/part")" "$(tail -c +6 "$BAKERY_HOME/logs/test-$id.log" | sha256sum)"
is "with where to go on" "$(tr -d '\r' <"$WORK/head" | sed -n 's/^X-Bakery-Next: //p')" "$(stat -c %s "$BAKERY_HOME/logs/test-$id.log")"
is "behind its end is nothing" "$(curl -s "$url/api/v1/bakes/$id/log?from=99999999" | wc -c)" 0
is "a byte that is none is refused" "$(status "$url/api/v1/bakes/$id/log?from=x")" 400
is "a bake that is none is 404" "$(status "$url/api/v1/bakes/none/log")" 404
"$BAKERY" build -plain "$WORK/ok.json" >/dev/null 2>&1
is "what is up to date is no bake" "$(bakes test)" "ok "

template "$WORK/bad.json" '[{"type": "shell", "inline": ["exit 3"]}]'
exits "one that fails" 1 "$BAKERY" build -plain "$WORK/bad.json"
is "is known as that" "$(bakes test)" "failed ok "

mkfifo "$WORK/began"
template "$WORK/long.json" '[{"type": "shell", "inline": ["echo it has begun", "sleep 1000"]}]'
"$BAKERY" build -plain "$WORK/long.json" >"$WORK/began" 2>&1 &
builder=$!
while read -r line; do
        case $line in *"it has begun"*) break ;; esac
done <"$WORK/began"
is "one that runs" "$(bakes test)" "running failed ok "
source=$("$BAKERY" bakes test -status running -json | jq -r .source)
is "with what it builds on" "$source" "$("$BAKERY" image show "$id_ok" -json | jq -r .ancestor)"
exits "which cannot go meanwhile" 1 "$BAKERY" image hide "$source"
like "and why" "$out" "a bake builds on that is running .*test on"
kill -9 $builder
wait $builder 2>/dev/null
flock "$BAKERY_HOME/run/locks/test" true        # its worker has the lock too, and dies after it
is "and was killed shows" "$(bakes test)" "aborted failed ok "
is "over HTTP too" "$(curl -s "$url/api/v1/bakes?name=test&limit=1" | jq -r '.items[0].status')" aborted
next=$(curl -s "$url/api/v1/bakes?name=test&limit=1" | jq -r .next)
is "lists come in pages" "$(curl -s "$url/api/v1/bakes?name=test&limit=1&cursor=$next" | jq -r '.items[0].status')" failed
"$BAKERY" build -plain "$WORK/bad.json" >/dev/null 2>&1
is "the next bake puts it right" "$(bakes test -status aborted)" "aborted "
is "events tell of them" "$(curl -s "$url/api/v1/events?limit=1000" | jq -r --arg id "$id" '[.items[]|select(.subject == $id)|.action]|join(" ")')" \
        "bake.started bake.ended"
