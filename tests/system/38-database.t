#!/bin/sh
# The registry in PostgreSQL does all that it does in a file, and moves from one to the other by a backup.
. "$(dirname "$0")/lib.sh"
need root loop fuse postgres psql
plan 36

fixture
file=$WORK/all.tar
exits "a backup is written while it may be in use" 0 "$BAKERY" backup -layers "$file"
like "and says what it has" "$out" "3 images, [0-9]+ rows, 3 layers copied; sha256:[0-9a-f]{64}$"
is "it is for its owner only" "$(stat -c %a "$file")" 600
(cd "$WORK" && mkdir look && tar -C look -xf all.tar && cd look && sha256sum --quiet -c SHA256SUMS)
ok "tar and sha256sum can check it" $?
is "nothing is left beside the registry" "$(find "$BAKERY_HOME" -name '*copy*' -o -name '*draft' -type f)" ""
"$BAKERY" images -json >"$WORK/sqlite"

# Another host: an empty store, and a database.
postgres "bakery_$$"
export BAKERY_HOME="$WORK/second" BAKERY_DB="$URL"
exits "an empty database is an empty registry" 1 "$BAKERY" images
exits "what the backup has is restored into it" 0 "$BAKERY" restore "$file"
"$BAKERY" images -json >"$WORK/postgres"
cmp "$WORK/sqlite" "$WORK/postgres"
ok "the same images are in PostgreSQL" $?
exits "every row has its layer, unaltered" 0 "$BAKERY" fsck
like "and every layer its row" "$out" "^3 layers, 0 bad, 0 without an image$"
[ ! -e "$BAKERY_HOME/registry.db" ]
ok "no file is a registry here" $?
template "$WORK/t.json" '[{ "type": "file", "content": "hello\n", "destination": "/etc/hello" }]'
exits "an image is baked on it" 0 "$BAKERY" build -plain "$WORK/t.json"
exits "it is found" 0 "$BAKERY" images -quiet test
id=$out
exits "and shown" 0 "$BAKERY" image show "$id" -json
is "with its ancestor's packages and its own name" "$(printf '%s' "$out" | jq -r '.name + " " + (.package_count > 100 | tostring)')" "test true"
exits "a channel points at it" 0 "$BAKERY" image promote "$id" production
exits "and is resolved" 0 "$BAKERY" image show test:production -path
exits "a bake again finds that nothing changed" 0 "$BAKERY" build -plain "$WORK/t.json"
like "and says so" "$out" "up to date|nothing"

# Back into a file, on a third host that has a copy of the store.
second=$BAKERY_HOME
exits "PostgreSQL is backed up" 0 "$BAKERY" backup "$WORK/rows.tar"
"$BAKERY" images -json >"$WORK/postgres"
unset BAKERY_DB
export BAKERY_HOME="$WORK/third"
exits "rows whose layers are missing are refused" 1 "$BAKERY" restore "$WORK/rows.tar"
like "with what to do" "$out" "4 layers .* copy them there first"
mkdir -p "$BAKERY_HOME"
cp -al "$second/store" "$BAKERY_HOME/"
exits "with the layers they are restored" 0 "$BAKERY" restore "$WORK/rows.tar"
"$BAKERY" images -json >"$WORK/file"
cmp "$WORK/postgres" "$WORK/file"
ok "the same images are in the file" $?
exits "and fsck is content" 0 "$BAKERY" fsck
exits "what is there is not lost by mistake" 1 "$BAKERY" restore "$file"
like "with what to do" "$out" "has 4 images; .*-replace"

# A file that is not whole.
head -c $(($(stat -c %s "$WORK/rows.tar") / 2)) "$WORK/rows.tar" >"$WORK/cut.tar"
exits "half a backup is refused" 1 "$BAKERY" restore -replace "$WORK/cut.tar"
"$BAKERY" images -json | cmp -s - "$WORK/file"
ok "and nothing was changed" $?
: >"$WORK/wrong"
for part in 1 2 3 4 5 6 7 8; do
        "$BAKERY" restore -replace "$file" >/dev/null 2>&1 &
        pid=$!
        # Sooner and later: while it is read, while rows go in, after.
        timeout "0.0$part" tail --pid=$pid -f /dev/null || kill -KILL $pid 2>/dev/null
        wait $pid 2>/dev/null
        n=$("$BAKERY" images -quiet | wc -l)
        [ "$n" = 3 ] || [ "$n" = 4 ] || echo "$n images after $part" >>"$WORK/wrong"
        "$BAKERY" fsck -quick >/dev/null || echo "fsck after $part" >>"$WORK/wrong"
done
is "a restore that is killed is done or not begun" "$(cat "$WORK/wrong")" ""

# Errors.
exits "a server that is not there is worth another try" 6 env PGPASSWORD=s3cret "$BAKERY" images -db "postgresql://ada:s3cret@/d?host=$WORK"
like "and is named" "$out" "error: registry 'postgresql://ada@/d\?host=$WORK': "
unlike "without the password" "$out" "s3cret"
exits "the option does what the variable does" 0 "$BAKERY" images -db "$URL" -quiet test
is "with the same answer" "$out" "$id"
BAKERY_DB=mysql://ada:s3cret@host/d exits "another kind of database is refused" 2 "$BAKERY" images
