#!/bin/sh
# Images leave and stay, here and over HTTP; what they leave behind goes, and nothing else does, while others send images.
. "$(dirname "$0")/lib.sh"
need root curl jq python3 sqlite3
plan 68
. "$TOP/tests/system/serve/lib.sh"
cd "$WORK" || exit 1
mkdir -p "$BAKERY_HOME"
server "$BAKERY_HOME"
token() { "$BAKERY" token create "$1" -role "$2" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1; }
auth="Authorization: Bearer $(token ci bake)"
layers() { find "$BAKERY_HOME/store/layers" -type f | wc -l; }
sql() { sqlite3 -cmd '.timeout 60000' "$BAKERY_HOME/registry.db" "$1"; }

# put NAME SIZE [BELOW ANCESTOR]: sends a layer and an image on it; leaves $layer and $id.
put() {
        layer=$("$CLIENT" layer "$WORK/$1" "$2" "$1" ${3:+"$3"})
        id=$("$CLIENT" document "$WORK/$1.json" "${1%%.*}" "$layer" ${4:+"$4"})
        status -H "$auth" -T "$WORK/$1" "$url/api/v1/layers/$layer" >/dev/null
        status -H "$auth" -d @"$WORK/$1.json" "$url/api/v1/images" >/dev/null
}
put base 300000
base=$id base_layer=$layer
put app.1 200000 "$base_layer" "$base"
one=$id
put app.2 200000 "$base_layer" "$base"
two=$id two_layer=$layer
is "three images are there" "$("$BAKERY" images -json | wc -l) $(layers)" "3 3"

# --- hidden
exits "an image is hidden" 0 "$BAKERY" image hide "$two" -why "a bad one"
is "the newest is the one before it" "$("$BAKERY" image show app -json | jq -r .id)" "$one"
is "by its digest it is there" "$("$BAKERY" image show "$two" -json | jq -r '.id + " " + (.hidden | tostring)')" "$two true"
is "and where a query says so" "$("$BAKERY" images '?name=app&_hidden=1' -json | jq -r .id | head -n 1)" "$two"
like "and seen" "$("$BAKERY" images '?name=app&_hidden=1')" "baked, hidden|tested, hidden"
exits "no channel is pointed at it" 1 "$BAKERY" image promote "$two" production
like "which says how to show it" "$out" "bakery image unhide"
admin=$(token boss admin)
remote() { BAKERY_TOKEN=$admin BAKERY_REGISTRY=$url "$BAKERY" "$@"; }
exits "the other is hidden over HTTP" 0 remote image hide "$one"
exits "then none is on offer" 1 "$BAKERY" image show app
like "and whoever asks hears of it" "$out" "is hidden; name it by its digest, or add _hidden=1"
is "which is 410" "$(status "$url/api/v1/images/app")" 410
exits "both are shown again" 0 remote image unhide "$one"
exits "... here" 0 "$BAKERY" image unhide '?name=app&_hidden=1'
is "the newest is the newest" "$("$BAKERY" image show app -json | jq -r .id)" "$two"

# --- kept
exits "somebody asks for an image to stay" 0 "$BAKERY" image keep "$one" -until 90d -why "an audit"
like "until then" "$out" "is kept until 20"
like "who looks at it sees it" "$("$BAKERY" image show "$one")" "^kept +until 20.*, asked for by .*: an audit"
exits "it is not deleted" 1 "$BAKERY" image delete "$one"
like "and says who asked" "$out" "is kept; .*unkeep.*: an audit"
exits "nor hidden" 1 remote image hide "$one"
like "as it says there, too" "$out" "an audit"
is "who may bake may ask as well" "$(status -H "$auth" -d '{"until":"2100-01-01"}' "$url/api/v1/images/$two/keep")" 200
is "and for less in vain" "$(curl -s -H "$auth" -d '{"until":"2099-01-01"}' "$url/api/v1/images/$two/keep" | jq -r '.keep[0].until')" 2100-01-01T00:00:00Z
like "as the command says" "$(BAKERY_TOKEN=${auth##* } BAKERY_REGISTRY=$url "$BAKERY" image keep "$two" -until 2099-01-01)" "is kept until 2100-01-01T"
is "but not take back" "$(status -H "$auth" -X DELETE "$url/api/v1/images/$two/keep")" 403
is "no question asks for it" "$(status "$url/api/v1/images/$two/keep")" 405
exits "a day that has passed is none" 2 "$BAKERY" image keep "$one" -until 2001-01-01
exits "it is taken back over HTTP" 0 remote image unkeep "$two" -why "no audit"
exits "it is taken back here" 0 "$BAKERY" image unkeep "$one"
is "all of it was told" "$("$BAKERY" audit -json | jq -r .action | grep -Ec 'image.(kept|unkept|hidden|unhidden)')" 8

# --- opting out by a word, of which the registry has the hash alone
word=bko_$(printf '%064d' 7)
hash=sha256:$(printf %s "$word" | sha256sum | cut -d' ' -f1)
sql "INSERT INTO opt_out (hash, image, rule, at) SELECT '$hash', sequence, 'stale', 1 FROM image WHERE id = '$one'"
is "a word that is none is refused" "$(status -d '{"token":"bko_x"}' "$url/api/v1/janitor/opt-out")" 401
is "no question opts out" "$(status "$url/api/v1/janitor/opt-out?token=$word")" 405
is "whoever has the word needs no token" "$(curl -s -d "{\"token\":\"$word\",\"why\":\"mine\"}" "$url/api/v1/janitor/opt-out" | jq -r .id)" "$one"
exits "the image stays" 1 "$BAKERY" image delete "$one"
"$BAKERY" image unkeep "$one" >/dev/null

# --- the trash
exits "nothing is in the trash" 0 "$BAKERY" trash
like "it says so" "$out" "^0 images in the trash"
exits "an image goes there for a while" 0 "$BAKERY" image trash "$one" -for 2100-01-01 -reason old
exits "another as long as it is usual" 0 remote image trash "$two"
is "what may go first comes first" "$(remote trash -json | jq -r .id | tr '\n' ' ')" "$two $one "
like "people can read it" "$("$BAKERY" trash)" "until 2100-01-01T00:00:00Z .*old"
is "a week is usual" "$("$BAKERY" trash -json | jq -r 'select(.why == null) | ((.purge_at | fromdate) - (.since | fromdate)) / 86400')" 7
exits "one comes back" 0 "$BAKERY" image untrash "$two"
is "the other is left" "$("$BAKERY" trash -json | wc -l)" 1

# --- deleted
exits "an image is deleted with what only it needs" 0 "$BAKERY" image delete "$one"
is "its layer is gone" "$(layers)" 2
exits "one that others stand on is not" 1 "$BAKERY" image delete "$base"
exits "the store and the registry agree" 0 "$BAKERY" fsck
is "with nothing left over" "$out" "2 layers, 0 bad, 0 without an image"

# --- what was cut short
echo rubbish >"$BAKERY_HOME/store/drafts/nobody.qcow2"
cp "$WORK/app.1" "$BAKERY_HOME/store/layers/$(printf %064d 1).qcow2"
cp "$WORK/app.1" "$BAKERY_HOME/store/layers/$(printf %064d 2).qcow2"
sql "INSERT INTO doomed VALUES ('sha256:$(printf %064d 2)', 1, 1)"
mkdir -p "$BAKERY_HOME/cache/views/$(printf %064d 3)"
awaited=$("$CLIENT" layer "$WORK/on-its-way" 100000 on-its-way)
is "a layer is sent, whose image is still to come" "$(status -H "$auth" -T "$WORK/on-its-way" "$url/api/v1/layers/$awaited")" 201
exits "fsck names each" 0 "$BAKERY" fsck -json
is "and what it is" "$(printf '%s\n' "$out" | jq -r '.finding + " " + (keys - ["finding", "text"])[0]' | sort | tr '\n' ,)" \
        "awaited layer,doomed layer,orphan draft,orphan layer,orphan view,"
exits "and removes them when it is told to" 0 "$BAKERY" fsck -repair
like "all but what is on its way" "$out" "^removed 2 layers \(.*\), 1 drafts, 1 views$"
exits "after that there is nothing" 0 "$BAKERY" fsck
is "but that" "$(printf '%s\n' "$out" | tail -n 1)" "2 layers, 0 bad, 0 without an image, 1 on their way"
"$CLIENT" document "$WORK/late.json" late "$awaited" >/dev/null
is "whose image is published then" "$(status -H "$auth" -d @"$WORK/late.json" "$url/api/v1/images")" 201

# --- who asks for a layer, and who wants its bytes
waits() { [ -e "$BAKERY_HOME/run/awaited/${base_layer#sha256:}" ] && echo yes || echo no; }
is "who wants a layer's bytes gets them" "$(status -H "$auth" "$url/api/v1/layers/$base_layer") $(waits)" "200 no"
is "who asks for it before a push is waited for" "$(status -I -H "$auth" "$url/api/v1/layers/$base_layer") $(waits)" "200 yes"
exits "a sweep" 0 "$BAKERY" janitor sweep
is "does not end that" "$(waits)" yes
touch -d '3 hours ago' "$BAKERY_HOME/run/awaited/${base_layer#sha256:}"
exits "another" 0 "$BAKERY" janitor sweep
is "does, after two hours, though the layer was needed all the time" "$(waits)" no

# --- while others send images: each layer comes, goes, and comes back
while [ ! -e "$WORK/enough" ]; do "$BAKERY" fsck -quick -repair >>"$WORK/repairs" 2>&1 || echo "exited with $?" >>"$WORK/repairs"; done &
repairer=$!
for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
        again=$("$CLIENT" layer "$WORK/again" 50000 "again $((round % 2))")
        id=$("$CLIENT" document "$WORK/again.json" "again" "$again")
        # Who finds it there does not send it.
        [ "$(status -I -H "$auth" "$url/api/v1/layers/$again")" = 200 ] || status -H "$auth" -T "$WORK/again" "$url/api/v1/layers/$again" >/dev/null
        status -H "$auth" -d @"$WORK/again.json" "$url/api/v1/images"
        status -X DELETE -H "Authorization: Bearer $admin" "$url/api/v1/images/$id"
done >"$WORK/statuses"
touch "$WORK/enough"
wait $repairer
is "a layer that somebody was told to be there is there until its image is" "$(cat "$WORK/statuses")" \
        "$(for round in 1 2 3 4 5 6 7 8 9 10 11 12; do printf 201200; done)"
unlike "and nothing else was found meanwhile" "$(cat "$WORK/repairs")" "orphan|not-found|corrupt|exited|error"
exits "then all agrees" 0 "$BAKERY" fsck
rm "$BAKERY_HOME/store/layers/${two_layer#sha256:}.qcow2"
exits "a layer that is gone is found" 1 "$BAKERY" fsck -quick
like "as what it is" "$out" "^not-found: $two_layer: "
