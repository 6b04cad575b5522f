#!/bin/sh
# The janitor is killed again and again while it marks, trashes, purges and collects, and images come all the while: nothing is lost that is
# kept, and what is to go is gone in the end. KILLS says how often it dies.
. "$(dirname "$0")/lib.sh"
need root curl jq python3 sqlite3
plan 8
. "$TOP/tests/system/serve/lib.sh"
cd "$WORK" || exit 1
mkdir -p "$BAKERY_HOME"
server "$BAKERY_HOME"
auth="Authorization: Bearer $("$BAKERY" token create ci -role bake 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)"
sql() { sqlite3 -cmd '.timeout 60000' "$BAKERY_HOME/registry.db" "$1"; }

# put NAME [BELOW ANCESTOR]: sends a layer and an image on it; leaves $layer and $id.
put() {
        layer=$("$CLIENT" layer "$WORK/layer" 4096 "$1" ${2:+"$2"})
        id=$("$CLIENT" document "$WORK/document" "${1%%.*}" "$layer" ${3:+"$3"})
        sent="$(status -H "$auth" -T "$WORK/layer" "$url/api/v1/layers/$layer") $(status -H "$auth" -d @"$WORK/document" "$url/api/v1/images")"
        [ "$sent" = "201 201" ] || note "sent $1: $sent"
}
put base
base=$id base_layer=$layer
put held "$base_layer" "$base"
exits "an image is to stay" 0 "$BAKERY" image keep "$id"
kept="$base $id"
cat >"$BAKERY_HOME/janitor.hcl" <<'EOT'
janitor {
  most_images  = 1000
  most_percent = 100
}
keep "newest" {
  newest = 3
  by     = ["name"]
}
retire "rest" {
  action  = "trash"
  restore = "0s"
  when { state = ["baked", "tested"] }
}
EOT

# How long a run takes here decides when the next one is killed: at a random moment of it.
kills=${KILLS:-20} killed=0 tries=0 image=0 longest=200
while [ $killed -lt "$kills" ] && [ $tries -lt $((20 * kills)) ]; do
        tries=$((tries + 1))
        image=$((image + 1))
        put "app.$image" "$base_layer" "$base"
        kept="$kept $id"
        after=$(awk -v s="$tries" -v most="$longest" 'BEGIN { srand(s); printf "%.4f", rand() * most / 1000 }')
        began=$(date +%s%N)
        timeout -s KILL "$after" "$BAKERY" janitor run -yes >>"$WORK/runs" 2>&1
        case $? in
        137) killed=$((killed + 1)) ;;
        0) longest=$((($(date +%s%N) - began) / 1000000 + 1)) ;;
        *) note "a run failed: $(tail -n 1 "$WORK/runs")" ;;
        esac
done
note "killed $killed of $tries runs, $image images came"
is "so many runs died" "$killed" "$kills"
exits "a run that may end" 0 "$BAKERY" janitor run -yes
run "$BAKERY" janitor run -yes                # what that one trashed is purged
# The newest three of each name, and what was asked to stay: all there, and nothing else.
# shellcheck disable=SC2086
expected=$(printf '%s\n' $kept | awk 'NR <= 2 { print; next } { last[NR % 3] = $0 } END { for (i in last) print last[i] }' | sort)
is "what was to stay is there, and nothing else" "$(sql 'SELECT id FROM image' | sort)" "$expected"
is "and nothing is in the trash" "$(sql 'SELECT count(*) FROM trash')" 0
is "every blob has its image, nothing is doomed any more" "$(find "$BAKERY_HOME/store/layers" -type f | wc -l) $(sql 'SELECT count(*) FROM doomed')" "5 0"
exits "which all are what they were" 0 "$BAKERY" fsck
exits "the log is whole" 0 "$BAKERY" audit -verify
