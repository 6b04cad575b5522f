#!/bin/sh
# What becomes of images: signed, promoted, revoked, restored, tagged; and the log, the index and the tokens that go with it.
. "$(dirname "$0")/lib.sh"
need root loop fuse net minisign jq openssl sqlite3
plan 64
fixture
cd "$WORK" || exit 1
id() { "$BAKERY" image show "$1" -json | jq -r .id; }
state() { "$BAKERY" image show "$1" -json | jq -r .state; }
base=$(id base) nginx=$(id nginx)

# --- signing ------------------------------------------------------------------
exits "a key is made" 0 "$BAKERY" key create
is "only its owner may read it" "$(stat -c %a "$BAKERY_HOME/sign.key")" 600
exits "a key is not made over another" 1 "$BAKERY" key create
template t.json '[ { "type": "file", "content": "x", "destination": "/srv/x" } ]' '"attributes": { "version": "1.0", "architecture": "amd64" }, "unique_version": true'
exits "a bake with a key" 0 "$BAKERY" build -plain t.json
test=$(id test)
exits "is signed" 0 "$BAKERY" image verify "$test" -save m.json
like "every part is verified" "$out" "every one is what was sealed"
like "and the provenance with it" "$out" "signed by the same key"
exits "minisign agrees" 0 minisign -V -m m.json -p "$BAKERY_HOME/sign.pub"
like "it names the image" "$out" "image test sha256:"
is "what is signed is the image's id" "sha256:$(sha256sum m.json | cut -d' ' -f1)" "$test"
exits "an image of before is not signed" 1 "$BAKERY" image verify nginx
exits "it is signed later" 0 "$BAKERY" image sign nginx -reason "looked at"
exits "and verified" 0 "$BAKERY" image verify nginx
minisign -G -W -p theirs.pub -s theirs.key >/dev/null 2>&1
exits "not by another key" 1 "$BAKERY" image verify nginx -key theirs.pub
exits "minisign's own key signs" 0 "$BAKERY" image sign nginx -key theirs.key
exits "and verifies, given as base64" 0 "$BAKERY" image verify nginx -key "$(tail -n 1 theirs.pub)"
exits "both signatures stand" 0 "$BAKERY" image verify nginx
echo "no key" >broken.key
exits "what is no key is refused" 2 "$BAKERY" image sign nginx -key broken.key

# --- provenance -----------------------------------------------------------------
"$BAKERY" image provenance "$test" -format slsa >envelope.json
jq -rj .payload envelope.json | base64 -d >statement.json
is "it is an in-toto statement of SLSA's" "$(jq -r '._type + " " + .predicateType' statement.json)" \
        "https://in-toto.io/Statement/v1 https://slsa.dev/provenance/v1"
is "of this image" "$(jq -r '.subject[1].digest.sha256' statement.json)" "${test#sha256:}"
is "that stands on its ancestor" "$(jq -r '.predicate.buildDefinition.resolvedDependencies[] | select(.name == "ancestor").digest.sha256' statement.json)" \
        "${base#sha256:}"
{ printf 'DSSEv1 28 application/vnd.in-toto+json %s ' "$(stat -c %s statement.json)"; cat statement.json; } >encoding
jq -rj '.signatures[0].sig' envelope.json | base64 -d >encoding.sig
# The key as OpenSSL reads it: a fixed header of DER, and the 32 bytes behind minisign's ten.
{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; tail -n 1 "$BAKERY_HOME/sign.pub" | base64 -d | tail -c 32; } >key.der
exits "openssl verifies the envelope" 0 openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in encoding -sigfile encoding.sig
like "ours is there as well" "$("$BAKERY" image provenance "$test")" '"template_digest"'

# --- versions -------------------------------------------------------------------
exits "the same again is up to date" 0 "$BAKERY" build -plain t.json
exits "a second image of that version is refused before it is baked" 1 "$BAKERY" build -plain -force t.json
like "and says which there is" "$out" "version '1.0' for amd64 already: '$test'"

# --- channels -------------------------------------------------------------------
exits "a channel is made" 0 "$BAKERY" image promote "$base" production -reason first -expect none
template u.json '[ { "type": "file", "content": "y", "destination": "/srv/y" } ]'
sed -i 's/"image_name": "test"/"image_name": "base"/' u.json
exits "a newer base" 0 "$BAKERY" build -plain u.json
newer=$(id base)
exits "another is expected" 1 "$BAKERY" channel assign base:production base -expect "$newer"
like "what is there is told" "$out" "points at $base"
exits "as expected" 0 "$BAKERY" channel assign base:production base -expect "$base"
exits "rolled back" 0 "$BAKERY" channel rollback base:production -reason worse
is "to the one before" "$(id base:production)" "$base"
is "all of it is remembered" "$("$BAKERY" channel history base:production -json | jq -r '[.items[].why] | join(" ")' | tr -s ' ')" "worse first"
exits "restricted" 0 "$BAKERY" channel restrict base:production
like "and listed so" "$("$BAKERY" channel list)" "base:production .* restricted"
exits "deleted" 0 "$BAKERY" channel delete base:production

# --- tags -------------------------------------------------------------------------
exits "a tag is set" 0 "$BAKERY" image tag test environment=prod owner=ops -reason "for sale"
is "queries find it" "$("$BAKERY" images -quiet 'test?environment=prod')" "$test"
exits "and removed" 0 "$BAKERY" image tag test owner-
exits "what was baked in stays" 1 "$BAKERY" image tag test version=2.0
like "the history is kept" "$("$BAKERY" image tag test)" "owner: ops -> -"
exits "nonsense is refused" 2 "$BAKERY" image tag test nonsense

# --- revocation ---------------------------------------------------------------------
exits "a reason is needed" 2 "$BAKERY" image revoke "$base"
exits "revoked" 0 "$BAKERY" image revoke "$base" -reason "CVE-2026-1"
is "with what was made of it" "$(state "$nginx") $(state "$test") $(state "$newer")" "revoked revoked revoked"
sed -e "s/\"source_image\": \"base\"/\"source_image\": \"$base\"/" -e 's/"1.0"/"1.1"/' t.json >v.json
exits "nothing is baked on it" 1 "$BAKERY" build -plain v.json
like "and the reason is said" "$out" "CVE-2026-1.*-allow-revoked"
exits "unless told" 0 "$BAKERY" build -plain -allow-revoked v.json
is "what comes of it is revoked" "$("$BAKERY" images -quiet 'test?version=1.1&state=revoked' | wc -l)" 1
exits "restored" 0 "$BAKERY" image restore "$base" -reason "was another one"
is "to what each was" "$(state "$nginx") $(state "$test") $(state "$newer") $(state 'test?version=1.1')" "tested baked baked baked"
exits "planned" 0 "$BAKERY" image revoke nginx -reason old -at 3s
tries=0
while [ "$(state "$nginx")" != revoked ] && [ $tries -lt 300 ]; do
        tries=$((tries + 1))
        sleep 0.1       # the time is what is tested
done
is "and due without anybody's doing" "$(state "$nginx")" revoked

# --- log, index, tokens ----------------------------------------------------------------
exits "the index is signed" 0 "$BAKERY" index -sign
exits "and verified" 0 "$BAKERY" index -verify
"$BAKERY" index >index.json
"$BAKERY" index -signature >index.json.minisig
exits "minisign verifies it, too" 0 minisign -V -m index.json -p "$BAKERY_HOME/sign.pub"
cp "$BAKERY_HOME/registry.db" old.db
"$BAKERY" image tag "$test" sold=yes >/dev/null
"$BAKERY" index -sign >/dev/null
"$BAKERY" index -verify >/dev/null
head=$("$BAKERY" index | jq -r '"\(.log.index):\(.log.digest)"')
cp old.db "$BAKERY_HOME/registry.db"
exits "an older one is not taken for the newest" 1 "$BAKERY" index -verify
rm "$BAKERY_HOME/index-seen.json"
"$BAKERY" index -sign -expires 2s >/dev/null
tries=0
while "$BAKERY" index -verify >/dev/null 2>&1 && [ $tries -lt 300 ]; do
        tries=$((tries + 1))
        sleep 0.1       # the time is what is tested
done
like "one that expired counts no more" "$("$BAKERY" index -verify 2>&1)" "the index expired"
exits "the log is unbroken" 0 "$BAKERY" audit -verify
exits "but its end is missing" 1 "$BAKERY" audit -verify -head "$head"
sqlite3 "$BAKERY_HOME/registry.db" "UPDATE event SET who = 'nobody' WHERE id = 5"
exits "what was changed in it shows" 1 "$BAKERY" audit -verify
like "and where" "$out" "^event 5 does not fit"

# --- a layer that was altered -----------------------------------------------------------
layer=$("$BAKERY" image show "$test" -path)
cp "$layer" altered && printf 'x' | dd of=altered bs=1 seek=70000 conv=notrunc status=none
rm -f "$layer" && cp altered "$layer"
exits "a good signature does not vouch for a bad layer" 1 "$BAKERY" image verify "$test"
