#!/bin/sh
# What specs can ask is listed; a suite is written from an image, and passes on it.
. "$(dirname "$0")/lib.sh"
need root loop fuse net mmdebstrap
plan 15
fixture

exits "the vocabulary is listed" 0 "$BAKERY" spec types
like "with chains" "$out" 'be_installed \(.*\.with_version\)'
like "and places" "$out" '^command  \[command\]'
exits "as JSON" 0 "$BAKERY" spec types -json file
is "of one type" "$(printf '%s' "$out" | jq -r '[.[].type] | join(" ")')" file
ok "with its matchers" $(($(printf '%s' "$out" | jq '[.[0].matchers[] | select(.name == "be_owned_by" and .where == "files")] | length') != 1))
exits "an unknown type is refused" 2 "$BAKERY" spec types fiel
like "with the nearest" "$out" "did you mean 'file'"

exits "without an image nothing is written" 2 "$BAKERY" spec add
"$BAKERY" image export nginx "$WORK/nginx.raw" >/dev/null
start=$(sfdisk -J "$WORK/nginx.raw" | jq '.partitiontable.partitions[-1].start')
mkdir "$WORK/mnt"
# In a mount namespace of its own, which takes mount and loop device along.
in_image() {
        unshare -m sh -c 'mount -o ro,loop,noload,offset=$1 "$2" "$3" && shift 3 && exec "$@"' sh $((start * 512)) "$WORK/nginx.raw" "$WORK/mnt" "$@"
}
exits "a suite is written" 0 in_image "$BAKERY" spec add -root "$WORK/mnt" -o "$WORK/golden_spec.rb" -file '/etc/ssh/sshd_config.d/*' -file '/var/www/html/*'
in_image "$BAKERY" spec add -root "$WORK/mnt" -file '/var/www/html/*' -file '/etc/ssh/sshd_config.d/*' >"$WORK/again_spec.rb"
ok "and always the same" "$(cmp "$WORK/golden_spec.rb" "$WORK/again_spec.rb" >/dev/null; echo $?)"
ok "with the page" "$(grep -q "^describe file('/var/www/html/index.html') do" "$WORK/golden_spec.rb"; echo $?)"
note "$(grep -c '^describe' "$WORK/golden_spec.rb") resources beside $(grep -c '=>' "$WORK/golden_spec.rb") packages"

printf '{ "builders": [{ "type": "chroot", "name": "test", "image_name": "copy", "source_image": "nginx", "specs": ["%s"] }] }' \
        "$WORK/golden_spec.rb" >"$WORK/copy.json"
exits "it passes on the image that it was written from" 0 "$BAKERY" build -plain "$WORK/copy.json"
is "every check of it" "$("$BAKERY" image show copy -json | jq -r '[.checks[].verdict] | unique | join(" ")')" passed
note "$("$BAKERY" image show copy -json | jq '.checks | length') checks"
sed -i 's/"nginx", "specs"/"base", "specs"/; s/"copy"/"other"/' "$WORK/copy.json"
exits "and fails on another" 1 "$BAKERY" build -plain "$WORK/copy.json"
