#!/bin/sh
# What specs can ask is listed; a suite is written from an image, and passes on it.
. "$(dirname "$0")/lib.sh"
need root loop fuse net mmdebstrap
plan 16
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
exits "a suite is written" 0 "$BAKERY" spec add -image nginx -o "$WORK/golden_spec.rb" -file '/etc/ssh/sshd_config.d/*' -file '/var/www/html/*'
"$BAKERY" spec add -image nginx -file '/var/www/html/*' -file '/etc/ssh/sshd_config.d/*' >"$WORK/again_spec.rb"
ok "and always the same" "$(cmp "$WORK/golden_spec.rb" "$WORK/again_spec.rb" >/dev/null; echo $?)"
exits "it passes on the image" 0 "$BAKERY" spec run -image nginx -format progress "$WORK/golden_spec.rb"
ok "with the page" "$(grep -q "^describe file('/var/www/html/index.html') do" "$WORK/golden_spec.rb"; echo $?)"
note "$(grep -c '^describe' "$WORK/golden_spec.rb") resources beside $(grep -c '=>' "$WORK/golden_spec.rb") packages"

printf '{ "builders": [{ "type": "chroot", "name": "test", "image_name": "copy", "source_image": "nginx", "specs": ["%s"] }] }' \
        "$WORK/golden_spec.rb" >"$WORK/copy.json"
exits "in a bake, too" 0 "$BAKERY" build -plain "$WORK/copy.json"
is "every check of it" "$("$BAKERY" image show copy -json | jq -r '[.checks[].verdict] | unique | join(" ")')" passed
note "$("$BAKERY" image show copy -json | jq '.checks | length') checks"
sed -i 's/"nginx", "specs"/"base", "specs"/; s/"copy"/"other"/' "$WORK/copy.json"
exits "and fails on another" 1 "$BAKERY" build -plain "$WORK/copy.json"
