#!/bin/sh
# Who uses images: guests that phone home, reports, and libvirt's domains, with what their disks lie on. A source that fails takes nothing back.
. "$(dirname "$0")/lib.sh"
need curl jq qemu-img python3
plan 55
. "$TOP/tests/system/serve/lib.sh"
. "$TOP/tests/system/views/lib.sh"

home=$WORK/one
mkdir -p "$home"
token=$("$BAKERY" token create ci -role bake -home "$home" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
auth="Authorization: Bearer $token"
server "$home"
below=$(disk 1)
above=$(disk 2 "$below")
base=$(image base "$below" "")
web=$(image web "$above" "$base")
export BAKERY_HOME="$home"

# --- guests that tell of themselves
is "cloud-init's phone_home is heard" "$(status -d 'instance_id=i-0af&hostname=web1&fqdn=web1.example&pub_key_ed25519=ssh-ed25519+AAAA' \
        "$url/api/v1/launches/phone-home/web")" 200
server "$home" -token-required
private=$url
server "$home"
reader=$("$BAKERY" token create guests -role read -home "$home" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
home_of="http://guest:$reader@${private#http://}/api/v1/launches"
is "with a token in the address, as cloud-init can" "$(status -d 'instance_id=i-0b0&hostname=web9' "$home_of/phone-home/base")" 200
is "which is for nothing else that changes anything" "$(status -d '{"image": "base", "instance": "x"}' "$home_of")" 401
is "nor for what another site has a browser send" "$(status -H "Origin: http://evil.example" -d 'instance_id=i-0b2' "$home_of/phone-home/base")" 401
is "and needed" "$(status -d 'instance_id=i-0b1&hostname=web9' "$private/api/v1/launches/phone-home/base")" 401
status -X DELETE -H "$auth" "$url/api/v1/launches/phone-home/i-0b0" >/dev/null
like "it is known who" "$("$BAKERY" usage web)" "web +web1 +i-0af .*\(phone-home\)"
like "and shown with the image" "$("$BAKERY" image show web)" "^launched +20.* as web1 \(phone-home\); 1 in use$"
image lonely "$(disk 3)" "" >/dev/null
like "an image that nobody launched says so" "$("$BAKERY" image show lonely)" "^launched +never"

# --- libvirt
domain() { # domain NAME UUID FILE
        cat <<-EOT
	<domain type='test'><name>$1</name><uuid>$2</uuid><memory>8192</memory><os><type>hvm</type></os>
	<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$3'/><target dev='vda'/></disk></devices></domain>
	EOT
}
other_disk() { # other_disk NAME UUID TYPE SOURCE
        domain "$1" "$2" none | sed "s|<disk type='file'|<disk type='$3'|; s|<source file='none'/>|<source $4/>|"
}
node() { # node FILE DOMAIN-FILE...: a host as libvirt's test driver wants it
        file=$1
        shift
        { echo '<node>'; for each; do echo "<domain file='$each'/>"; done; echo '</node>'; } >"$file"
}
layers=$home/store/layers
qemu-img create -q -f qcow2 -b "$layers/${above#sha256:}.qcow2" -F qcow2 "$WORK/guest.qcow2"
qemu-img create -q -f qcow2 -b "guest.qcow2" -F qcow2 "$WORK/snapshot.qcow2"
qemu-img create -q -f qcow2 "$WORK/stranger.qcow2" 1M
domain one 11111111-1111-4111-8111-111111111111 "$layers/${below#sha256:}.qcow2" >"$WORK/one.xml"
domain two 22222222-2222-4222-8222-222222222222 "$WORK/snapshot.qcow2" >"$WORK/two.xml"
domain three 33333333-3333-4333-8333-333333333333 "$WORK/stranger.qcow2" >"$WORK/three.xml"
domain four 44444444-4444-4444-8444-444444444444 "/elsewhere/layers/${below#sha256:}.qcow2" >"$WORK/four.xml"
node "$WORK/node.xml" "$WORK/one.xml" "$WORK/two.xml" "$WORK/three.xml" "$WORK/four.xml"
uri=test://$WORK/node.xml
exits "libvirt is asked" 0 "$BAKERY" usage scan -uri "$uri"
like "domains whose disks lie on layers are found" "$out" ": 3 domains on layers, 3 references"
like "one on the layer itself" "$("$BAKERY" usage base)" "base +one +11111111-"
like "one through what lies between" "$("$BAKERY" usage web)" "web +two +22222222-"
is "and not as one of what is below" "$("$BAKERY" usage base -json | jq -r '[.items[].name]|sort|join(" ")')" "four one"
is "it is told whether it runs" "$("$BAKERY" usage web -json | jq -r '[.items[]|select(.name == "two")|.detail.state]|join(" ")')" running
is "over HTTP it is the same" "$(curl -s "$url/api/v1/launches?image=web&living=1" | jq -S -c .items)" "$("$BAKERY" usage web -json | jq -S -c .items)"
is "the same again changes nothing" "$("$BAKERY" usage scan -uri "$uri" >/dev/null; curl -s "$url/api/v1/events" | jq '[.items[]|select(.action == "image.launched")]|length')" 5
node "$WORK/node.xml" "$WORK/one.xml" "$WORK/three.xml"
BAKERY_LIBVIRT_URIS="$uri" exits "drivers are named in the environment" 0 env BAKERY_LIBVIRT_URIS="$uri" "$BAKERY" usage scan
is "what is there no more has ended" "$("$BAKERY" usage base -json | jq -r '[.items[].name]|join(" ")')" one
is "and is remembered" "$("$BAKERY" usage base -all -json | jq -r '[.items[]|select(.ended_at)|.name]|join(" ")')" "four web9"
is "others' reports are as they were" "$("$BAKERY" usage web -json | jq -r '[.items[].name]|join(" ")')" web1

# --- disks that are volumes and devices
pool() { # pool DOMAIN-FILE: a host with a pool of two volumes
        printf "<node><pool type='dir'><name>disks</name><target><path>%s</path></target>" "$WORK"
        for each in guest stranger; do
                printf "<volume type='file'><name>%s.qcow2</name><capacity>1</capacity><target><format type='qcow2'/></target></volume>" "$each"
        done
        printf "</pool><domain file='%s'/></node>" "$1"
}
other_disk volume 66666666-6666-4666-8666-666666666666 volume "pool='disks' volume='guest.qcow2'" >"$WORK/volume.xml"
pool "$WORK/volume.xml" >"$WORK/volume.node"
exits "a host with volumes is asked" 0 "$BAKERY" usage scan -uri "test://$WORK/volume.node"
is "what a volume lies on is found" "$("$BAKERY" usage web -json | jq -r '[.items[]|select(.source|startswith("libvirt"))|.name]|join(" ")')" volume
other_disk block 77777777-7777-4777-8777-777777777777 block "dev='$WORK/snapshot.qcow2'" >"$WORK/block.xml"
pool "$WORK/block.xml" >"$WORK/volume.node"
"$BAKERY" usage scan -uri "test://$WORK/volume.node" >/dev/null
is "and what a device does" "$("$BAKERY" usage web -json | jq -r '[.items[]|select(.source|startswith("libvirt"))|.name]|join(" ")')" block
other_disk lost 88888888-8888-4888-8888-888888888888 volume "pool='disks' volume='lost.qcow2'" >"$WORK/lost.xml"
pool "$WORK/lost.xml" >"$WORK/volume.node"
run "$BAKERY" usage scan -uri "test://$WORK/volume.node"
like "a volume that cannot be looked into may lie on anything" "$code $out" "^6 .*volume 'lost.qcow2' of pool 'disks'"
is "so nothing is taken back" "$("$BAKERY" usage web -json | jq -r '[.items[]|select(.source|startswith("libvirt"))|.name]|join(" ")')" block
pool "$WORK/three.xml" >"$WORK/volume.node"
"$BAKERY" usage scan -uri "test://$WORK/volume.node" >/dev/null

# --- what was withdrawn, and what was deleted
"$BAKERY" channel assign lonely:live lonely >/dev/null
"$BAKERY" image revoke lonely -reason "CVE-2026-1" >/dev/null
is "a withdrawn image that boots is heard of" "$(status -d 'instance_id=i-1' "$url/api/v1/launches/phone-home/lonely") $(status -d 'instance_id=i-2' \
        "$url/api/v1/launches/phone-home/lonely%3Alive") $(status -d 'instance_id=i-3' "$url/api/v1/launches/phone-home/other")" "200 200 404"
is "and shown" "$("$BAKERY" usage lonely -json | jq -r '[.items[].instance]|sort|join(" ")')" "i-1 i-2"
gone="sha256:$(printf gone | sha256sum | cut -d' ' -f1)"
printf '{"items": [{"image": "%s", "instance": "a"}, {"image": "web", "instance": "b"}, {"image": "gone:live", "instance": "c"}]}' "$gone" >"$WORK/report.json"
is "what is not here says nothing against the rest of a report" "$(curl -s -X PUT -H "$auth" -d @"$WORK/report.json" "$url/api/v1/usage/rack" |
        jq -c '[.instances, .references, .unknown]')" "[3,1,2]"
is "which is heard" "$("$BAKERY" usage web -json | jq -r '[.items[]|select(.source == "rack")|.instance]|join(" ")')" b
printf '{"items": []}' >"$WORK/report.json"
curl -s -X PUT -H "$auth" -d @"$WORK/report.json" "$url/api/v1/usage/rack" >/dev/null

# --- what boots from the network
mkdir "$WORK/boot"
image rack "$(disk 4)" "" >/dev/null
rack=$(curl -s "$url/api/v1/images/rack" | jq -r .id)
printf '# racks\n\n52:54:00:00:00:01 rack rack1 # the first\n52:54:00:00:00:02\t%s\n' "$rack" >"$WORK/assigned"
exits "assignments are told" 0 "$BAKERY" usage report netboot:rack1 "$WORK/assigned"
is "as many as there are" "$out" "netboot:rack1: 2 instances, 2 references to images"
like "an image says who boots it" "$("$BAKERY" image show rack)" "^launched +20.* as .*\(netboot:rack1\); 2 in use$"
rules="$WORK/rules.hcl"
printf 'retire "idle" {\n  action = "trash"\n  when { not_referenced_for = "30d" }\n}\n' >"$rules"
explain() { "$BAKERY" janitor explain rack -rules "$rules" -at 45d; }
like "the janitor takes it for used" "$(explain)" "^ +it is in use"
like "and for referenced until then" "$(explain)" 'not_referenced_for = "30d" +it is: 0m'
echo '52:54:00:00:00:01 rack rack1 and more' >"$WORK/wrong"
exits "a line that makes no sense is refused" 2 "$BAKERY" usage report netboot:rack1 "$WORK/wrong"
exits "and so is a file without any" 2 "$BAKERY" usage report netboot:rack1 /dev/null
is "which takes nothing back" "$("$BAKERY" usage rack -json | jq '.items|length')" 2
cat >"$WORK/boot/dnsmasq.conf" <<-EOT
	dhcp-range=10.0.0.2,10.0.0.99
	dhcp-host=52:54:00:00:00:03,set:rack,rack3
EOT
sed -n 's/^dhcp-host=\([^,]*\),set:\([^,]*\),\(.*\)/\1 \2 \3/p' "$WORK/boot/dnsmasq.conf" | "$BAKERY" usage report netboot:rack1 - >/dev/null
is "dnsmasq's are told so" "$("$BAKERY" usage rack -json | jq -r '[.items[].name]|join(" ")')" rack3
printf '#!ipxe\nset image %s\n' "$rack" >"$WORK/boot/mac-52-54-00-00-00-04.ipxe"
(cd "$WORK/boot" && awk '/^set image / { print FILENAME, $3 }' mac-*.ipxe | sed 's/^mac-//; s/\.ipxe / /' | "$BAKERY" usage report netboot:rack1 - >/dev/null)
is "and iPXE's" "$("$BAKERY" usage rack -json | jq -r '[.items[].instance]|join(" ")')" 52-54-00-00-00-04
printf '{"id": "a", "name": "rack5", "profile": "rack", "selector": {"mac": "52:54:00:00:00:05"}}' >"$WORK/boot/a.json"
jq -r '[.selector.mac, .profile, .name // ""] | join(" ")' "$WORK"/boot/*.json | "$BAKERY" usage report netboot:rack1 - >/dev/null
is "and matchbox's" "$("$BAKERY" usage rack -json | jq -r '[.items[].name]|join(" ")')" rack5
echo '{"items": []}' | "$BAKERY" usage report netboot:rack1 - >/dev/null
is "an empty rack is told so" "$("$BAKERY" usage rack -json | jq '.items|length')" 0
like "and may go then, when it is long ago" "$(explain)" 'yes +not_referenced_for = "30d" +it is: 44d'
is "it is known that it was used" "$("$BAKERY" usage rack -all -json | jq '.items|length')" 5

# --- what cannot be asked
mv "$WORK/node.xml" "$WORK/gone.xml"
exits "a driver that fails is told" 6 "$BAKERY" usage scan -uri "$uri"
is "what it told before stays" "$("$BAKERY" usage base -json | jq -r '[.items[].name]|join(" ")')" one
like "and is known to be old" "$("$BAKERY" usage)" "^source libvirt:test:.* could not be asked at 20.*, last heard of at 20"
exits "one that fails does not keep the others from being asked" 6 "$BAKERY" usage scan -uri nonsense:///x -uri "test://$WORK/gone.xml"
is "which are" "$("$BAKERY" usage -json | jq -r '[.sources[]|select(.error == null)|.name]|join(" ")')" "libvirt:test://$WORK/gone.xml libvirt:test://$WORK/volume.node netboot:rack1 phone-home rack"
echo hang >"$WORK/status"
"$TOP/tests/system/views/listener" "$WORK/port" "$WORK/got" "$WORK/status" &
servers="$servers $!"
until [ -s "$WORK/port" ]; do :; done
run "$BAKERY" usage scan -uri "qemu+tcp://127.0.0.1:$(cat "$WORK/port")/system" -timeout 1
like "one that does not answer is not waited for" "$code $out" "^6 .*did not answer in time"
ln -s /proc/self/mem "$WORK/odd.qcow2"
domain odd 55555555-5555-4555-8555-555555555555 "$WORK/odd.qcow2" >"$WORK/odd.xml"
node "$WORK/odd.node" "$WORK/odd.xml"
exits "a disk that is no file is no disk of ours" 0 "$BAKERY" usage scan -uri "test://$WORK/odd.node"

# --- from another host
export BAKERY_REGISTRY="$url" BAKERY_TOKEN="$token" BAKERY_HOME="$WORK/empty"
exits "a hypervisor reports to a server" 0 "$BAKERY" usage scan -uri "test://$WORK/gone.xml"
like "which knows it then" "$("$BAKERY" usage base)" "base +one "
BAKERY_TOKEN=$("$BAKERY" token create looker -role read -home "$home" -registry "" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
like "who may only read reports nothing" "$("$BAKERY" usage scan -uri "test://$WORK/gone.xml" 2>&1)" "error"
is "a report that makes no sense is refused" "$(status -X PUT -H "$auth" -d '{"items": [7]}' "$url/api/v1/usage/x")" 400
unlike "nothing in all this was a defect" "$(cat "$WORK/server.log")" ' 500 '
