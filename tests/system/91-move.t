#!/bin/sh
# Images move between registries: whole or not at all, whoever is killed and whatever is full.
. "$(dirname "$0")/lib.sh"
need root curl jq python3 minisign
plan 50
. "$TOP/tests/system/serve/lib.sh"

token() { "$BAKERY" token create "$2" -role "$3" -home "$1" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1; }
layers() { ls "$1/store/layers" 2>/dev/null | wc -l; }
drafts() { find "$1/store/drafts" "$1/run/leases" -name '*.qcow2*' -o -name '*.lease' 2>/dev/null | wc -l; }

one=$WORK/one two=$WORK/two three=$WORK/three
mkdir -p "$one" "$two" "$three"
one_token=$(token "$one" ci bake)
two_token=$(token "$two" ci bake)
server "$one"
one_url=$url one_port=$port one_pid=$pid
server "$two"
two_url=$url two_port=$port two_pid=$pid
auth="Authorization: Bearer $one_token"

# --- an image on an image
below=$("$CLIENT" layer "$WORK/below" 3000000 one)
above=$("$CLIENT" layer "$WORK/above" 1000000 two "$below")
first=$("$CLIENT" document "$WORK/first.json" base "$below")
second=$("$CLIENT" document "$WORK/second.json" app "$above" "$first")
is "a layer whose own is not there waits for it" "$(status -H "$auth" -T "$WORK/above" "$one_url/api/v1/layers/$above")" 409
for file in below above; do
        digest=$(eval "echo \$$file")
        status -H "$auth" -T "$WORK/$file" "$one_url/api/v1/layers/$digest" >/dev/null
done
is "an image whose ancestor is not there waits for it" "$(status -H "$auth" -d @"$WORK/second.json" "$one_url/api/v1/images")" 409
for file in first second; do
        status -H "$auth" -d @"$WORK/$file.json" "$one_url/api/v1/images" >/dev/null
done
like "both are there" "$(BAKERY_REGISTRY=$one_url "$BAKERY" image provenance app 2>&1)" '"who": *"ada"'

# --- signed, by us and by minisign itself
exits "a key is made" 0 "$BAKERY" key create -home "$one"
exits "the image is signed" 0 "$BAKERY" image sign app -home "$one"
minisign -G -W -p "$WORK/theirs.pub" -s "$WORK/theirs.key" >/dev/null 2>&1
curl -s "$one_url/api/v1/images/app/publication" | jq -rj .manifest >"$WORK/man.json"
minisign -S -W -s "$WORK/theirs.key" -m "$WORK/man.json" >/dev/null 2>&1
jq -Rs '{signature: .}' "$WORK/man.json.minisig" >"$WORK/signature.json"
signer=$(token "$one" signer promote)
is "what minisign signed is taken" "$(status -H "Authorization: Bearer $signer" -d @"$WORK/signature.json" "$one_url/api/v1/images/app/signatures")" 200

# --- push
export BAKERY_TOKEN=$two_token
run "$BAKERY" image push app -home "$one" -to "$two_url"
is "an image is pushed with what it stands on" "$(printf '%s\n' "$out" | awk '{ print $1, $3 }' | tr '\n' ' ')" "layer sent image published layer sent image published "
is "it has the same id there" "$(curl -s "$two_url/api/v1/images/app" | jq -r .id)" "$second"
is "and stands on the same" "$(curl -s "$two_url/api/v1/images/app" | jq -r .ancestor)" "$first"
is "what was found out about it went along" "$(curl -s "$two_url/api/v1/images/app/publication" | jq -cS '[.packages, .checks, .provenance]')" \
        "$(curl -s "$one_url/api/v1/images/app/publication" | jq -cS '[.packages, .checks, .provenance]')"
run "$BAKERY" image verify app -home "$two" -key "$one/sign.pub"
like "so did the signature" "$code $out" "^0 signature   good"
like "and that of the provenance" "$out" "provenance  signed by the same key"
exits "and that of minisign" 0 "$BAKERY" image verify app -home "$two" -key "$WORK/theirs.pub"
run "$BAKERY" image push app -home "$one" -to "$two_url" -json
is "a second time nothing is sent" "$(printf '%s\n' "$out" | jq -r .action | sort -u)" "is there already"
exits "the other store agrees with its registry" 0 "$BAKERY" fsck -home "$two"
unset BAKERY_TOKEN
run "$BAKERY" image push app -home "$one" -to "$three"
is "a registry that is no address is refused" $code 2
exits "without a registry it is a usage error" 2 "$BAKERY" image push app -home "$one"
mkdir "$WORK/bare"
server "$WORK/bare"
exits "without a token nothing is published" 6 "$BAKERY" image push app -home "$one" -to "$url"
is "nor is anything sent" "$(layers "$WORK/bare")" 0
kill -9 "$pid"

# --- pull
run "$BAKERY" image pull app -home "$three" -from "$two_url"
is "an image is pulled with what it stands on" "$(printf '%s\n' "$out" | awk '{ print $1, $3 }' | tr '\n' ' ')" "layer fetched image published layer fetched image published "
exits "the store agrees with the registry" 0 "$BAKERY" fsck -home "$three"
run "$BAKERY" image pull app -home "$three" -from "$two_url"
like "a second time nothing is fetched" "$out" "^image $second is here already app$"
exits "what is not there is not found" 1 "$BAKERY" image pull nothing -home "$three" -from "$two_url"
is "no draft is left" "$(drafts "$three")" 0
# A server whose layer is another one than it says.
mkdir "$WORK/liar"
cp -a "$two/." "$WORK/liar/"
hex=${above#sha256:}
chmod u+w "$WORK/liar/store/layers/$hex.qcow2"
printf evil | dd of="$WORK/liar/store/layers/$hex.qcow2" bs=1 seek=600 conv=notrunc 2>/dev/null
server "$WORK/liar"
mkdir "$WORK/four"
run "$BAKERY" image pull app -home "$WORK/four" -from "$url"
like "a layer that is another one is not taken" "$code $out" "has the digest"
is "what was good is here, what was not is nowhere" "$(layers "$WORK/four") $(drafts "$WORK/four")" "1 0"
kill -9 "$pid"

# --- killed in the middle
head -c 40000000 /dev/urandom >"$WORK/noise"
"$CLIENT" layer "$WORK/big" 32 big >/dev/null
cat "$WORK/noise" >>"$WORK/big"
big="sha256:$(sha256sum <"$WORK/big" | cut -d' ' -f1)"
mkfifo "$WORK/say"
"$CLIENT" half-upload "$one_port" "$one_token" "$WORK/big" "$WORK/say" >"$WORK/half" &
client=$!
read -r said <"$WORK/say"
is "half of a layer is on its way" "$said" half
kill -9 $client
wait $client 2>/dev/null
until [ "$(drafts "$one")" -eq 0 ]; do
        [ "$(status "$one_url/healthz")" = 200 ] || break
done
is "a client that is killed leaves nothing" "$(drafts "$one") $(layers "$one")" "0 2"
"$CLIENT" half-upload "$one_port" "$one_token" "$WORK/big" "$WORK/say" >"$WORK/half" &
client=$!
read -r said <"$WORK/say"
until [ "$(drafts "$one")" -ge 2 ]; do [ -d /proc/$one_pid ] || break; done
kill -9 "$one_pid"
wait $client
is "who sends to a server that is killed sees it" "$(cat "$WORK/half")" closed
is "a draft is left, and no layer" "$(drafts "$one") $(layers "$one")" "2 2"
server "$one"
one_url=$url one_port=$port one_pid=$pid
is "the next start removes it" "$(drafts "$one") $(layers "$one")" "0 2"
is "the layer can be sent again" "$(status -H "$auth" -T "$WORK/big" "$one_url/api/v1/layers/$big")" 201
exits "and all agrees" 0 "$BAKERY" fsck -home "$one"
# A pull that is killed: its server sends a large layer to nobody.
big_id=$("$CLIENT" document "$WORK/big.json" big "$big")
is "a large image is published" "$(status -H "$auth" -d @"$WORK/big.json" "$one_url/api/v1/images")" 201
mkdir "$WORK/five"
"$BAKERY" image pull big -home "$WORK/five" -from "$one_url" >/dev/null 2>&1 &
puller=$!
until [ "$(find "$WORK/five/store/drafts" -name '*.qcow2' 2>/dev/null | wc -l)" -ge 1 ] || [ ! -d /proc/$puller ]; do :; done
kill -9 $puller 2>/dev/null
wait $puller 2>/dev/null
exits "after a pull that was killed the next one does it" 0 "$BAKERY" image pull big -home "$WORK/five" -from "$one_url"
is "and nothing else is left" "$(drafts "$WORK/five") $(layers "$WORK/five")" "0 1"
is "it is the same image" "$(curl -s "$one_url/api/v1/images/big" | jq -r .id)" "$big_id"

# --- many at once
storm_layer=$("$CLIENT" layer "$WORK/storm" 2000000 storm)
"$CLIENT" document "$WORK/storm.json" storm "$storm_layer" >/dev/null
is "of 32 clients that publish the same image one wins" "$("$CLIENT" storm "$one_port" "$one_token" "$WORK/storm" "$WORK/storm.json" 32)" \
        "32 layers, 1 published, 31 refused"
is "there is one layer of it, and no draft" "$(drafts "$one") $(layers "$one")" "0 4"
memory=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$one_pid/status")
note "the server took at most $((memory / 1024)) MiB"
ok "the server takes at most 256 MiB" "$([ "$memory" -le $((256 * 1024)) ]; echo $?)"
exits "all agrees" 0 "$BAKERY" fsck -home "$one"

# --- a full disk
small=$WORK/small
mkdir "$small"
mount -t tmpfs -o size=12m none "$small"
CLEANUP="$CLEANUP; umount -l $small"
small_token=$(token "$small" ci bake)
auth="Authorization: Bearer $small_token"
server "$small"
status -H "$auth" -T "$WORK/below" "$url/api/v1/layers/$below" >/dev/null
is "a small disk takes a small image" "$(status -H "$auth" -d @"$WORK/first.json" "$url/api/v1/images")" 201
is "a layer that is larger than the disk is 507" "$(status -H "$auth" -T "$WORK/big" "$url/api/v1/layers/$big")" 507
is "nothing of it is left" "$(drafts "$small")" 0
status -H "$auth" -T "$WORK/above" "$url/api/v1/layers/$above" >/dev/null
cat /dev/zero >"$small/filler" 2>/dev/null
is "on a full disk publishing is 507" "$(status -H "$auth" -d @"$WORK/second.json" "$url/api/v1/images")" 507
is "what is there is still read" "$(status "$url/api/v1/images/base") $(status "$url/api/v1/layers/$below")" "200 200"
is "what is not there is still not there" "$(status "$url/api/v1/images/app")" 404
rm "$small/filler"
is "with room it publishes again" "$(status -H "$auth" -d @"$WORK/second.json" "$url/api/v1/images")" 201
# A database that cannot be read is not an empty one.
cp "$small/registry.db" "$WORK/kept.db"
head -c 8192 /dev/urandom >"$small/registry.db"
like "a registry that cannot be read is an error, not an empty list" "$(status "$url/api/v1/images/base") $(status "$url/healthz")" '^5[0-9][0-9] 5[0-9][0-9]$'
cat "$WORK/kept.db" >"$small/registry.db"
is "and it comes back by itself" "$(status "$url/api/v1/images/base")" 200
