#!/bin/sh
# A push whose connection breaks goes on where it stopped, in the same run or in a later one; what nobody goes on with is swept.
. "$(dirname "$0")/lib.sh"
need root curl jq python3
plan 33
. "$TOP/tests/system/serve/lib.sh"

token() { "$BAKERY" token create "$2" -role bake -home "$1" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1; }
halves() { find "$1/store/drafts" -name 'half-*' | wc -l; }
# cutter CUT...: a proxy before $port, leaves $proxy; what went through it is in $WORK/sent.
cutter() {
        rm -f "$WORK/sent" "$WORK/at"
        "$CLIENT" cutter "$port" "$WORK/at" "$WORK/sent" "$@" &
        cutter=$!
        servers="$servers $cutter"
        until [ -e "$WORK/at" ]; do :; done
        proxy=http://127.0.0.1:$(cat "$WORK/at")
}

one=$WORK/one two=$WORK/two
mkdir -p "$one" "$two"
one_token=$(token "$one" ci)
two_token=$(token "$two" ci)
server "$one"
"$CLIENT" layer "$WORK/big" 24000000 big >"$WORK/digest"
"$CLIENT" layer "$WORK/second" 20000000 second >"$WORK/second.digest"
size=$(stat -c %s "$WORK/big")
for name in big second; do
        digest=$("$CLIENT" layer "$WORK/$name" $([ $name = big ] && echo 24000000 || echo 20000000) $name)
        status -H "Authorization: Bearer $one_token" -T "$WORK/$name" "$url/api/v1/layers/$digest" >/dev/null
        "$CLIENT" document "$WORK/doc" $name "$digest" >/dev/null
        is "$name is here" "$(status -H "Authorization: Bearer $one_token" -d @"$WORK/doc" "$url/api/v1/images")" 201
done
kill -TERM "$pid"
wait "$pid"

# --- the connection breaks, twice
server "$two"
export BAKERY_TOKEN=$two_token
digest=$(cat "$WORK/digest")
auth="Authorization: Bearer $two_token"
cutter 8000000 8000000
exits "a push whose connection breaks succeeds" 0 "$BAKERY" image push big -home "$one" -to "$proxy"
is "it is the same layer" "$(curl -s "$url/api/v1/layers/$digest" | sha256sum | cut -d' ' -f1)" "${digest#sha256:}"
sent=$(cat "$WORK/sent")
note "$sent bytes went out of $size"
ok "what had come was not sent again" $((sent > size + 6000000))
is "nothing is left of it" "$(halves "$two")" 0
kill -9 "$cutter"
wait "$cutter" 2>/dev/null

# --- who pushes is killed, and later the server
digest=$(cat "$WORK/second.digest")
cutter -8000000
"$BAKERY" image push second -home "$one" -to "$proxy" >/dev/null 2>&1 &
push=$!
until [ -e "$WORK/sent.held" ] || [ ! -d /proc/$push ]; do :; done
ok "half of a layer is on its way" "$([ -e "$WORK/sent.held" ]; echo $?)"
repaired() { "$BAKERY" fsck -quick -repair -home "$two" | sed -n 's/^removed .*, \([0-9]* drafts\), .*/\1/p'; }
is "whose draft is no orphan" "$(repaired) $(halves "$two")" "0 drafts 1"
kill -9 $push
wait $push 2>/dev/null
# The server knows when the connection is gone.
until curl -s -H "$auth" -H 'Content-Range: bytes 99999998-99999998/99999999' -d x -X PUT "$url/api/v1/layers/$digest" | grep -q 'go on from there'; do
        [ -d "/proc/$pid" ] || break
done
is "what has come is kept" "$(halves "$two")" 1
is "by a repair, too" "$(repaired) $(halves "$two")" "0 drafts 1"
is "and a sweep" "$("$BAKERY" janitor sweep -home "$two" -json | tail -n 1 | jq .uploads) $(halves "$two")" "0 1"
part=$(curl -s -H "$auth" "$url/api/v1/layers/$digest/upload" | jq .received)
ok "and told of" "$([ "$part" -ge 4000000 ]; echo $?)"
is "not to who may only read" "$(status "$url/api/v1/layers/$digest/upload")" 401
is "it is no layer" "$(status "$url/api/v1/layers/$digest")" 404
kill -9 "$pid"
kill -9 "$cutter"
wait "$cutter" 2>/dev/null
server "$two"
is "it is there after the server was killed" "$(curl -s -H "$auth" "$url/api/v1/layers/$digest/upload" | jq .received)" "$part"
cutter
exits "a later push goes on with it" 0 "$BAKERY" image push second -home "$one" -to "$proxy"
sent=$(cat "$WORK/sent")
ok "and sends the rest only" $((sent > 20000000 - part + 2000000))
exits "the store and the registry agree" 0 "$BAKERY" fsck -home "$two"

# --- parts that do not fit
put() { status -H "$auth" -H "Content-Range: bytes $2" -X PUT --data-binary @"$1" "$url/api/v1/layers/$other"; }
other=$("$CLIENT" layer "$WORK/other" 3200 other)
size=$(stat -c %s "$WORK/other")
head -c 1000 "$WORK/other" >"$WORK/start"
tail -c +1001 "$WORK/other" >"$WORK/rest"
is "a part that is no end is refused" "$(put "$WORK/start" "0-999/$size")" 400
is "one after what has not come, too" "$(put "$WORK/rest" "1000-$((size - 1))/$size")" 409
is "and one that is said to be longer than it is" "$(put "$WORK/start" "0-$((size - 1))/$size")" 400
is "which is kept" "$(curl -s -H "$auth" "$url/api/v1/layers/$other/upload" | jq .received)" 1000
is "the rest makes it whole" "$(put "$WORK/rest" "1000-$((size - 1))/$size")" 201
wrong=sha256:$(printf wrong | sha256sum | cut -d' ' -f1)
other=$wrong
is "what is another one in the end" "$(put "$WORK/other" "0-$((size - 1))/$size")" 400

# --- what nobody goes on with
kill -TERM "$pid"
wait "$pid"
old=$two/store/drafts/half-$(printf old | sha256sum | cut -d' ' -f1).qcow2
new=$two/store/drafts/half-$(printf new | sha256sum | cut -d' ' -f1).qcow2
echo x >"$new"
old() { echo x >"$old" && touch -d '25 hours ago' "$old"; }
old
exits "a look tells of an upload that nobody goes on with" 0 "$BAKERY" janitor sweep -n -home "$two"
like "... and how many there are" "$out" "^1 upload that nobody went on with for a day$"
ok "... and leaves it" "$([ -e "$old" ]; echo $?)"
exits "a sweep removes it" 0 "$BAKERY" janitor sweep -home "$two" -exit-code
is "... and no other" "$(find "$two/store/drafts" -type f)" "$new"
exits "then there is nothing to do" 4 "$BAKERY" janitor sweep -home "$two" -exit-code
old
is "a repair removes it, too" "$(repaired)" "1 drafts"
is "... and no other" "$(find "$two/store/drafts" -type f)" "$new"
old
server "$two"
until [ ! -e "$old" ] || [ ! -d "/proc/$pid" ]; do :; done
is "is removed after a day, and not before" "$(find "$two/store/drafts" -type f)" "$new"
