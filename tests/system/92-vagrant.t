#!/bin/sh
# Vagrant, as it is, finds boxes in the registry, fetches them, and sees that there is a newer one.
. "$(dirname "$0")/lib.sh"
need curl jq qemu-img vagrant
plan 34
. "$TOP/tests/system/serve/lib.sh"
. "$TOP/tests/system/views/lib.sh"

home=$WORK/one
mkdir -p "$home"
token=$("$BAKERY" token create ci -role bake -home "$home" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
auth="Authorization: Bearer $token"
server "$home"
api=$url/api/v1

below=$(disk 1)
above=$(disk 2 "$below")
base=$(image base "$below" "" architecture=amd64)
first=$(image team/web "$above" "$base" version=1.2.0 architecture=amd64)
arm=$(image team/web "$below" "$base" version=1.2.0 architecture=arm64)
like "images are there" "$base $first $arm" '^(sha256:[0-9a-f]{64} ?){3}$'

# --- the catalogue
catalogue=$url/api/v2/vagrant/team/web
like "a client that asks what this is hears that it is a catalogue" "$(curl -sI -H 'Accept: application/json' "$url/team/web" | tr -d '\r')" \
        '^Content-Type: application/json$'
is "it has the same at both places" "$(curl -s "$url/team/web")" "$(curl -s "$catalogue")"
is "it has the box's name" "$(curl -s "$catalogue" | jq -r .name)" team/web
is "a version that Vagrant can read is taken" "$(curl -s "$catalogue" | jq -r '[.versions[].version]|join(" ")')" 1.2.0
is "it has both architectures" "$(curl -s "$catalogue" | jq -r '[.versions[0].providers[].architecture]|sort|join(" ")')" "amd64 arm64"
is "one of which is the default" "$(curl -s "$catalogue" | jq -r '[.versions[0].providers[]|select(.default_architecture)|.architecture]|join(" ")')" amd64
is "a box that is not made has no checksum yet" "$(curl -s "$catalogue" | jq '[.versions[].providers[]|has("checksum")]|any')" false
like "an image without a version gets its day and sequence" "$(curl -s "$url/bakery/base" | jq -r '.versions[0].version')" '^20[0-9]{6}\.[0-9]+$'
is "what is not there is 404" "$(status "$url/team/none")" 404
like "a name that is none is refused" "$(status "$url/team/..%2f..%2fetc")" '^40[04]$'
is "a query narrows it" "$(curl -s "$catalogue?architecture=arm64" | jq -r '[.versions[0].providers[].architecture]|join(" ")')" arm64
is "one that matches nothing is 404" "$(status "$catalogue?architecture=none")" 404

# --- a box
link=$(curl -s "$catalogue?architecture=amd64" | jq -r '.versions[0].providers[0].url')
curl -s "$link" >"$WORK/box" || note "curl: $?"
is "a box has what Vagrant wants" "$(tar -tf "$WORK/box" | sort | tr '\n' ' ')" "Vagrantfile box.img metadata.json "
is "its metadata says which provider it is for" "$(tar -xOf "$WORK/box" metadata.json | jq -r '.provider + " " + .format + " " + (.virtual_size|tostring)')" \
        "libvirt qcow2 1"
tar -C "$WORK" -xf "$WORK/box" box.img
is "its disk leans on nothing" "$(qemu-img info --output=json "$WORK/box.img" | jq 'has("backing-filename")')" false
qemu-img convert -O raw "$LAYERS/${above#sha256:}.qcow2" "$WORK/wanted.raw"
ok "it is the image's, with all that is below" "$(qemu-img compare "$WORK/box.img" "$WORK/wanted.raw" >/dev/null; echo $?)"
is "the catalogue now has its checksum" "$(curl -s "$catalogue?architecture=amd64" | jq -r '.versions[0].providers[0].checksum')" \
        "$(sha256sum <"$WORK/box" | cut -d' ' -f1)"
curl -s "$api/images/$first/disk" >"$WORK/disk.qcow2"
ok "the disk alone is the one in the box" "$(cmp -s "$WORK/disk.qcow2" "$WORK/box.img"; echo $?)"
half=$(($(stat -c %s "$WORK/box") / 2))
head -c $half "$WORK/box" >"$WORK/resumed"
curl -s -C - -o "$WORK/resumed" "$link"
ok "a download that was cut off is taken up again" "$(cmp -s "$WORK/resumed" "$WORK/box"; echo $?)"
is "from where it was" "$(status -r "$half-" "$link")" 206
is "of the disk alone, too" "$(curl -s -r 100-199 "$api/images/$first/disk" | sha256sum)" "$(tail -c +101 "$WORK/box.img" | head -c 100 | sha256sum)"
is "nothing half made is left" "$(find "$home/cache/views" -name '*.draft' -o -name disk | wc -l)" 0

# --- the real client
export VAGRANT_HOME="$WORK/vagrant" VAGRANT_SERVER_URL="$url" VAGRANT_CHECKPOINT_DISABLE=1 VAGRANT_DISABLE_RESOURCE_BOX_CHECK=1 HOME="$WORK"
exits "vagrant adds a box by its name" 0 vagrant box add team/web --provider libvirt
like "it has it" "$(vagrant box list)" '^team/web .*\(libvirt, 1\.2\.0'
exits "vagrant adds one by its address" 0 vagrant box add "$url/bakery/base" --provider libvirt
like "it has that, too" "$(vagrant box list)" '^bakery/base .*\(libvirt, 20[0-9]{6}\.'
like "nothing is outdated" "$(vagrant box outdated --global 2>&1)" "team/web' .*is up to date"
second=$(image team/web "$above" "$first" version=1.10.0 architecture=amd64)
like "a newer version is seen" "$(vagrant box outdated --global 2>&1)" "team/web' .*is outdated! Current: 1.2.0. Latest: 1.10.0"
exits "and fetched" 0 vagrant box update --box team/web --provider libvirt
like "it has both" "$(vagrant box list | tr '\n' ' ')" 'team/web .*1\.2\.0.*team/web .*1\.10\.0'

# --- who is no longer to have it
"$BAKERY" image revoke "$second" -reason "it leaks" -home "$home" >/dev/null
is "what is revoked is no version" "$(curl -s "$catalogue" | jq -r '[.versions[].version]|join(" ")')" 1.2.0
is "nor is its box given" "$(status "$api/images/$second/box")" 410
unlike "nothing in all this was a defect" "$(cat "$WORK/server.log")" ' 500 '
