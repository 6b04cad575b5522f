#!/bin/sh
# The registry is asked as users ask it: queries of every form, the past, lineage, pictures, differences.
. "$(dirname "$0")/lib.sh"
need jq xmllint
plan 48
DRIVER=$TOP/build/$BUILD/tests/unit/registry/registry_driver
"$DRIVER" sample "$BAKERY_HOME" || { echo "Bail out! no sample"; exit 1; }
names() { "$BAKERY" images -json "$1" | jq -r .name | paste -sd' '; }
kernels() { "$BAKERY" images -json "$1" | jq -r .attributes.kernel | paste -sd' '; }

is "all images, newest first" "$(names '?')" "base database nginx base foundation team/shop nginx base foundation"
is "the newest tested base" "$(kernels 'base?state=tested&_latest')" "6.1.0-26"
is "the same in the other form" "$(kernels ';application=base;state=tested;_latest')" "6.1.0-26"
is "versions are compared as such" "$(kernels 'base?kernel>6.1.0-9&kernel<=6.1.0-26')" "6.1.0-26 6.1.0-25"
is "a prefix" "$(names '?name=team/*')" "team/shop"
is "a pattern" "$(names '?name~^(data|team)')" "database team/shop"
is "what an image contains" "$(names '?package=openssl<3.0.15-1')" "database team/shop nginx base foundation"
is "what stands on an image, at any depth" "$(names '?_descends=foundation?kernel=6.1.0-25')" "database team/shop nginx base"
is "sorted" "$(names '?_sort=name,-kernel&type=application')" "database nginx nginx team/shop"
is "sizes with units" "$("$BAKERY" images -quiet '?size>=50M' | wc -l)" 9
is "recent ones" "$("$BAKERY" images -quiet '?created_at>1h' | wc -l)" 9
is "a projection is a table" "$("$BAKERY" images 'base:(name,kernel)' | head -n 2 | tr -s ' ' | paste -sd'|')" "name kernel|base 6.1.0-27"
is "and JSON" "$("$BAKERY" images -json 'base?_latest:(name,kernel)')" '{"name":"base","kernel":"6.1.0-27"}'
is "-quiet prints ids, whatever is projected" "$("$BAKERY" images -quiet 'base?_latest:(name)' | cut -c1-7)" "sha256:"
exits "no match is an error" 1 "$BAKERY" images 'base?kernel>7'
like "that says what there is" "$out" "none with kernel>7; known: 6.1.0-25, 6.1.0-26, 6.1.0-27"
exits "an unknown option is a usage error" 2 "$BAKERY" images 'base?_newest'
like "that names the known ones" "$out" "_latest, _one, _limit"
exits "a wrong pattern is one, too" 2 "$BAKERY" images 'base?kernel~('
exits "several under _one are an error" 1 "$BAKERY" image show 'base?_one'
like "that names them" "$out" "matches base sha256:"
is "a limit" "$("$BAKERY" images -quiet '?_limit=4' | wc -l)" 4

old=$("$BAKERY" images -quiet 'base?kernel=6.1.0-25')
out=$("$BAKERY" image lineage team/shop)
like "a lineage says what is out of date" "$out" "out of date: the newest tested of its kind is sha256:"
is "in JSON, each ancestor" "$("$BAKERY" image lineage -json team/shop | jq -r '.[].freshness' | sort -u)" "out-of-date"
is "and what is not" "$("$BAKERY" image lineage -json nginx | jq -r '.[].freshness' | sort -u)" "up-to-date"
out=$("$BAKERY" image lineage -tree "$old")
like "a tree shows ancestors" "$out" "^foundation  sha256:"
like "and descendants at any depth" "$out" '^   \|  `- team/shop  sha256:'
out=$("$BAKERY" images -tree 'state=x' 2>&1)
like "a tree of a bad query is an error" "$out" "error"
is "a tree of all images has them all" "$("$BAKERY" images -tree | wc -l)" 9
exits "a picture is written" 0 "$BAKERY" image lineage -svg "$WORK/l.svg" "$old"
xmllint --noout "$WORK/l.svg" 2>/dev/null
ok "it is XML" $?
like "with all of the family" "$(grep -c '<title>' "$WORK/l.svg")" "^5$"
unlike "and nothing from elsewhere" "$(sed 's|http://www.w3.org/2000/svg||' "$WORK/l.svg")" "http|<script|href"
# Drawn by a browser: the image's own box is filled, the page is the reader's colour.
if able chromium && able pngtopnm; then
        for scheme in 1 0; do
                timeout 120 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=600,300 --user-data-dir="$WORK/chromium" \
                        --blink-settings=preferredColorScheme=$scheme --screenshot="$WORK/$scheme.png" "file://$WORK/l.svg" >/dev/null 2>&1
        done
        is "light: the page is white" "$(pngtopnm -plain "$WORK/1.png" | sed 1,3d | tr -s ' \n' ' ' | cut -d' ' -f1-3)" "255 255 255"
        is "dark: the page is dark" "$(pngtopnm -plain "$WORK/0.png" | sed 1,3d | tr -s ' \n' ' ' | cut -d' ' -f1-3)" "13 17 23"
else
        need_or_skip=${BAKERY_REQUIRE:-}
        case ",$need_or_skip," in *,chromium,* | *,all,*) ok "chromium is required" 1 ;; *) ok "light # SKIP needs chromium and pngtopnm" 0 ;; esac
        ok "dark # SKIP needs chromium and pngtopnm" 0
fi

new=$("$BAKERY" images -quiet 'base?kernel=6.1.0-26')
out=$("$BAKERY" image diff "$old" "$new")
like "a difference: attributes" "$out" "^attribute  kernel: 6.1.0-25 -> 6.1.0-26$"
like "packages, and which way they went" "$out" "^package  ~ openssl amd64: 3.0.14-1 -> 3.0.15-1 \(up\)$"
like "backwards they go down" "$("$BAKERY" image diff "$new" "$old")" "3.0.15-1 -> 3.0.14-1 \(down\)"
like "verdicts" "$("$BAKERY" image diff "$new" base)" "^check  is up: passed -> failed$"
is "nothing against itself" "$("$BAKERY" image diff "$old" "$old")" ""
is "JSON" "$("$BAKERY" image diff -json "$old" "$new" | jq -r '.packages.changed[].direction')" "up"
exits "against nothing" 1 "$BAKERY" image diff "$old" nobody

# The registry counts seconds: what happens next is in another one.
next_second() {
        second=$(date +%s)
        while [ "$(date +%s)" -eq "$second" ]; do sleep 0.05; done
}
next_second
t=$(date -u +%Y-%m-%dT%H:%M:%SZ)
next_second
"$BAKERY" image tag "$new" owner=bob -reason test >/dev/null
"$BAKERY" image trash "$old" -reason old >/dev/null
is "as it was: before the tag" "$("$BAKERY" image show -json -at "$t" "$new" | jq -r '.attributes.owner')" "null"
is "now" "$("$BAKERY" image show -json "$new" | jq -r '.attributes.owner')" "bob"
like "what changed since" "$("$BAKERY" image diff "$new" "$t")" "^attribute  owner: - -> bob$"
is "a query of then finds what was withdrawn since" "$("$BAKERY" images -quiet "base?kernel=6.1.0-25&_at=$t")" "$old"
exits "one of now says that it was withdrawn" 1 "$BAKERY" images 'base?kernel=6.1.0-25'
like "and since when, and why" "$out" "is trashed since .*: old"
