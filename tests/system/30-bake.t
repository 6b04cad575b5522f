#!/bin/sh
# The stock images bake, are tested, recorded with their lineage, and found by queries.
. "$(dirname "$0")/lib.sh"
need root loop fuse net mmdebstrap
plan 27
fixture

out=$("$BAKERY" images -json)
is "three images are registered" "$(printf '%s\n' "$out" | wc -l)" 3
is "all are tested" "$(printf '%s\n' "$out" | jq -r .state | sort -u)" "tested"
id=$("$BAKERY" images -quiet 'nginx?_latest=1')
like "an id is a digest" "$id" '^sha256:[0-9a-f]{64}$'
out=$("$BAKERY" image lineage nginx -json)
is "lineage: foundation, base, application" "$(printf '%s' "$out" | jq -r '[.[].type] | join(" ")')" "foundation base application"
out=$("$BAKERY" image lineage nginx)
like "lineage is drawn as a tree" "$out" '`- base'
exits "a query by attribute and state" 0 "$BAKERY" images 'base?release=bookworm&state=tested'
exits "no match is an error" 1 "$BAKERY" images 'base?release=trixie'
like "that says so" "$out" "no image matches"
exits "an unknown option of a query is refused" 2 "$BAKERY" images 'base?_last=1'

record=$("$BAKERY" image show nginx -json)
is "the packages are those of the image's own dpkg" "$(printf '%s' "$record" | jq -r '.packages[] | select(.name == "nginx-light") | .source')" "nginx"
ok "several hundred packages are known" $(($(printf '%s' "$record" | jq '.packages | length') < 150))
like "provenance: the template's digest" "$(printf '%s' "$record" | jq -r .provenance.template_digest)" '^sha256:'
ok "every check passed" $(($(printf '%s' "$record" | jq '[.checks[] | select(.verdict != "passed")] | length') != 0))
exits "the store and the registry agree" 0 "$BAKERY" fsck

before=$(date +%s%N)
exits "nothing changed: all is up to date" 4 "$BAKERY" build -exit-code -plain "$TOP"/images/foundation/debian-12/template.json \
        "$TOP"/images/base/debian-12/template.json "$TOP"/images/app/nginx/template.json
note "took $((($(date +%s%N) - before) / 1000000)) ms"
is "and says so, three times" "$(printf '%s\n' "$out" | grep -c 'up to date')" 3

cp -a "$TOP/images/app/nginx" "$WORK/nginx"
echo '<!-- changed -->' >>"$WORK/nginx/files/index.html"
exits "plan" 0 "$BAKERY" plan "$WORK/nginx/template.json"
like "the plan names the input that changed" "$out" "provisioner 2 \(file\)\.source index\.html changed"
exits "plan after a variable changed" 0 "$BAKERY" plan -var title=Other "$TOP/images/app/nginx/template.json"
like "it names the input" "$out" "environment_vars changed"

exits "an image with descendants is not deleted" 1 "$BAKERY" image delete base
exits "a channel is set" 0 "$BAKERY" image promote nginx production -reason "tested by hand"
exits "an image can be named by its channel" 0 "$BAKERY" image show nginx:production
exits "the head of a channel is not deleted" 1 "$BAKERY" image delete nginx
exits "the foundation is exported" 0 "$BAKERY" image export foundation "$WORK/foundation.raw"
is "as a disk with three partitions" "$(sfdisk -J "$WORK/foundation.raw" | jq '.partitiontable.partitions | length')" 3
is "no lease, mount, loop device or process is left" "$(leaks)" ""
