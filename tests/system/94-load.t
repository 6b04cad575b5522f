#!/bin/sh
# A server of which much is asked: searches through everything keep nobody else waiting.
. "$(dirname "$0")/lib.sh"
need curl sqlite3 jq
plan 6
. "$TOP/tests/system/serve/lib.sh"

# Rows as bakes would make them. The patterns have much to do with each of their notes, and find nothing in the end.
home=$WORK/one
mkdir -p "$home"
"$BAKERY" token list -home "$home" >/dev/null
sqlite3 "$home/registry.db" <<'END'
BEGIN;
CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) SELECT i FROM n;
INSERT INTO layer (id, digest, size, virtual_size, depth) VALUES (1, printf('sha256:%064x', 1), 4096, 1 << 30, 0);
INSERT INTO image (sequence, id, name, type, state, layer, size, virtual_size, created_at)
        SELECT i, printf('sha256:%064x', i), 'app' || (i % 100), 'base', 1, 1, 4096, 1 << 30, 1700000000 + i FROM n;
INSERT INTO attribute (image, key, value, name) SELECT i, 'note', 'aaaaaaaaaaaaaaaaaaaa!', 'app' || (i % 100) FROM n;
INSERT INTO document (image, manifest) SELECT i, '{}' FROM n;
COMMIT;
END
slow='(a*a*a*)(?!!)!'
hard="note!~$slow&note!~$slow&note!~$slow&note!~$slow&note!~$slow&note!~$slow&note~x"
server "$home" -readers 4
api=$url/api/v1

walkers=
for i in 1 2 3 4; do
        curl -s -o /dev/null -w '%{http_code}\n' -g "$api/images?$hard&_limit=$i" >"$WORK/walk.$i" &
        walkers="$walkers $!"
done
until [ "$(curl -s "$url/metrics" | sed -n 's/^bakery_http_connections //p')" -ge 5 ]; do :; done
is "while four search by a pattern it is well" "$(status "$url/healthz")" 200
is "an image is told" "$(status "$api/images/app7")" 200
is "a list without a pattern, too" "$(status "$api/images?name=app7&state=tested&_latest=1")" 200
exits "somebody changes something" 0 "$BAKERY" image tag app7 seen=yes -home "$home"
is "and again" "$(curl -s "$api/images/app7" | jq -r .attributes.seen)" yes
# One searches, and the others may have been told to come again.
is "all of this before any of them had come to an end" "$(cat "$WORK"/walk.* | grep -cv 503)" 0
# shellcheck disable=SC2086
kill $walkers
kill -KILL "$pid"
