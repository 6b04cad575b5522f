#!/bin/sh
# LXD's own client lists, looks at and fetches images over simplestreams; what it fetches is what was baked.
. "$(dirname "$0")/lib.sh"
need curl jq qemu-img lxc openssl
plan 27
. "$TOP/tests/system/serve/lib.sh"
. "$TOP/tests/system/views/lib.sh"

# A CA, and a server that it vouches for: LXD's client takes simplestreams over TLS only.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=test CA" -keyout "$WORK/ca.key" -out "$WORK/ca.pem" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout "$WORK/key.pem" -out "$WORK/csr.pem" 2>/dev/null
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$WORK/names"
openssl x509 -req -in "$WORK/csr.pem" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 2 -extfile "$WORK/names" -out "$WORK/cert.pem" 2>/dev/null

home=$WORK/one
mkdir -p "$home"
token=$("$BAKERY" token create ci -role promote -home "$home" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
auth="Authorization: Bearer $token"
server "$home"
below=$(disk 1)
above=$(disk 2 "$below")
base=$(image base "$below" "" architecture=amd64)
web=$(image web "$above" "$base" architecture=amd64)
"$BAKERY" image promote web production -home "$home" >/dev/null
plain=$(image web "$above" "$base" architecture=amd64 build=2)

# --- the lists
is "nothing is listed that is not made" "$(curl -s "$url/streams/v1/images.json" | jq '.products|length')" 0
is "the index knows where the list is" "$(curl -s "$url/streams/v1/index.json" | jq -r '.index.images.path')" streams/v1/images.json
listed() { curl -s "$url/streams/v1/images.json" | jq -r '[.products|keys[]]|join(" ")'; }
until [ "$(listed | wc -w)" -eq 3 ]; do :; done
is "who is asked has them made: the newest of each name, and heads of channels" "$(listed)" \
        "bakery:base:amd64 bakery:web:amd64 bakery:web:production:amd64"
list=$(curl -s "$url/streams/v1/images.json")
like "a version begins with its day" "$(echo "$list" | jq -r '.products["bakery:web:amd64"].versions|keys[]')" '^20[0-9]{6}_[0-9]+$'
is "a product of a channel is its head" "$(echo "$list" | jq -r '.products["bakery:web:production:amd64"].versions[].items["disk-kvm.img"].path')" \
        "streams/v1/images/${web#sha256:}/disk-kvm.img"
is "the other one the newest" "$(echo "$list" | jq -r '.products["bakery:web:amd64"].versions[].items["disk-kvm.img"].path')" \
        "streams/v1/images/${plain#sha256:}/disk-kvm.img"
items=$(echo "$list" | jq -r '.products["bakery:web:amd64"].versions[].items')
is "both families are there" "$(echo "$items" | jq -r '[keys[]]|join(" ")')" "disk-kvm.img incus.tar.xz lxd.tar.xz"
curl -s "$url/$(echo "$items" | jq -r '.["lxd.tar.xz"].path')" >"$WORK/meta"
curl -s "$url/$(echo "$items" | jq -r '.["disk-kvm.img"].path')" >"$WORK/disk"
is "the digests are right" "$(cat "$WORK/meta" "$WORK/disk" | sha256sum | cut -d' ' -f1)" \
        "$(echo "$items" | jq -r '.["incus.tar.xz"]["combined_disk-kvm-img_sha256"]')"
is "and the sizes" "$(stat -c %s "$WORK/disk")" "$(echo "$items" | jq -r '.["disk-kvm.img"].size')"
is "the metadata names the machine" "$(tar -xOJf "$WORK/meta" metadata.yaml | jq -r .architecture)" x86_64
is "what is not there is 404" "$(status "$url/streams/v1/images/${web#sha256:}/rootfs.squashfs")" 404

# --- the real client
server "$home" -tls-cert "$WORK/cert.pem" -tls-key "$WORK/key.pem"
export HOME="$WORK" LXD_CONF="$WORK/lxc" SSL_CERT_FILE="$WORK/ca.pem"
mkdir "$LXD_CONF"
exits "lxc takes the server for a remote" 0 lxc remote add bakery "https://localhost:$port" --protocol simplestreams --public
run lxc image list bakery: --format json
is "it lists the images, as virtual machines" "$(echo "$out" | jq -r '[.[]|.type]|unique|join(" ")')" virtual-machine
is "by their names" "$(echo "$out" | jq -r '[.[].aliases[].name]|unique|join(" ")')" "base base/amd64 web web/amd64 web/production web/production/amd64"
run lxc image info bakery:web --vm
like "it knows one by its name" "$out" "Fingerprint: $(echo "$items" | jq -r '.["lxd.tar.xz"]["combined_disk-kvm-img_sha256"]')"
exits "it fetches one, and finds nothing wrong" 0 lxc image export bakery:web "$WORK/got" --vm
ok "what it fetched is the metadata" "$(cmp -s "$WORK/got" "$WORK/meta"; echo $?)"
qemu-img convert -O raw "$LAYERS/${above#sha256:}.qcow2" "$WORK/wanted.raw"
ok "and the image's disk, with all that is below" "$(qemu-img compare "$WORK/got.root" "$WORK/wanted.raw" >/dev/null; echo $?)"

# --- what changes
"$BAKERY" image revoke "$plain" -reason "it leaks" -home "$home" >/dev/null
exits "views are made by a command, too" 0 "$BAKERY" view make -home "$home"
run lxc image info bakery:web --vm
unlike "what is revoked is offered no more" "$out" "Fingerprint: $(echo "$items" | jq -r '.["lxd.tar.xz"]["combined_disk-kvm-img_sha256"]')"
like "the newest that is left is" "$out" "Fingerprint: [0-9a-f]{64}"
exits "what nobody is to have goes" 0 "$BAKERY" view prune -home "$home"
ok "and only that" "$([ -d "$home/cache/views/${web#sha256:}" ] && [ ! -e "$home/cache/views/${plain#sha256:}" ]; echo $?)"
exits "there may be a limit" 0 "$BAKERY" view prune -most 0 -home "$home"
is "of bytes" "$(ls "$home/cache/views" | wc -l)" 0
"$BAKERY" fsck -home "$home" >/dev/null
is "none of this is in the way of fsck" $? 0
unlike "nothing in all this was a defect" "$(cat "$WORK/server.log")" ' 500 '
