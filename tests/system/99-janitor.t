#!/bin/sh
# The janitor: what it would do, does, and why; while a server serves the same registry. People are told first, and can say no.
. "$(dirname "$0")/lib.sh"
need curl jq openssl qemu-img python3 flock
plan 54
. "$TOP/tests/system/serve/lib.sh"
. "$TOP/tests/system/views/lib.sh"

home=$BAKERY_HOME
mkdir -p "$home"
token=$("$BAKERY" token create ci -role admin 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
auth="Authorization: Bearer $token"

exits "without rules it says so" 1 "$BAKERY" janitor plan
like "and where they belong" "$out" "janitor\.hcl"

echo 200 >"$WORK/status"
: >"$WORK/got"
"$TOP/tests/system/views/listener" "$WORK/port" "$WORK/got" "$WORK/status" &
servers="$servers $!"
until [ -s "$WORK/port" ]; do :; done
printf '#!/bin/sh\ncat >>"%s/mails"\n[ ! -e "%s/no-mail" ]\n' "$WORK" "$WORK" >"$WORK/sendmail"
printf '#!/bin/sh\ncat >>"%s/commanded"\n' "$WORK" >"$WORK/command"
chmod +x "$WORK/sendmail" "$WORK/command"
export BAKERY_SENDMAIL="$WORK/sendmail"
printf 'a secret of ours\n' >"$home/janitor.secret"

server "$home"
cat >"$home/janitor.hcl" <<EOT
janitor {
  most_images  = 10
  most_percent = 100
  mail_from    = "bakery@example.org"
  mail_domain  = "example.org"
  base_url     = "$url"
}
protect "held" {
  why = "lawyers"
  when { hold = true }
}
retire "now" {
  why     = "nobody wants blue ones"
  scope   = "color=blue"
  action  = "trash"
  restore = "1h"
  when { state = ["tested", "promoted"] }
}
retire "later" {
  scope  = "color=red"
  action = "trash"
  grace  = "3bd"
  notify = ["mail:owner", "webhook:http://127.0.0.1:$(cat "$WORK/port")/told?by=janitor", "command:$WORK/command"]
  when { state = ["tested", "promoted"] }
}
EOT
image base "$(disk 1)" "" color=green >/dev/null
image blue "$(disk 2)" "" color=blue >/dev/null
image held "$(disk 3)" "" color=blue legal_hold=forever >/dev/null
image odd "$(disk 4)" "" color=blue legal_hold=soon >/dev/null
image red "$(disk 5)" "" color=red owner=eve >/dev/null
image head "$(disk 6)" "" color=red >/dev/null
for name in blue red; do
        eval "id_$name=\$(curl -s '$url/api/v1/images/$name' | jq -r .id)"
done
"$BAKERY" channel assign head:live head >/dev/null

# --- looking
timeless='del(.at, .items[].due_at)'
exits "lint has nothing to say" 0 "$BAKERY" janitor lint
printf 'retire "x" {\n  action = "trash"\n  when { aeg = "3d" }\n}\n' >"$WORK/broken.hcl"
exits "a word that is not known" 2 "$BAKERY" janitor lint -rules "$WORK/broken.hcl"
like "has its place, and a neighbour" "$out" "broken\.hcl:3:[0-9]+: error: .*'age'"
exits "the plan" 0 "$BAKERY" janitor plan
like "has what goes" "$out" "blue +trash +goes +now"
like "what a rule protects" "$out" "held +trash +protected +held .*lawyers"
like "what nobody can know" "$out" "odd +trash +uncertain"
like "what waits" "$out" "red +trash +waits +later"
like "what may never go" "$out" "head +trash +invariant .*heads a channel"
unlike "and not what no rule finds" "$out" "base +trash"
json=$("$BAKERY" janitor plan -json)
is "JSON has the same" "$(echo "$json" | jq -r '[.items[] | select(.fate == "goes") | .name] | join(" ")')" blue
is "and places" "$(echo "$json" | jq -r '.items[] | select(.name == "blue") | .place')" "$home/janitor.hcl:12:1"
is "the server says the same" "$(curl -s "$url/api/v1/janitor/plan" | jq -c "$timeless")" "$(echo "$json" | jq -c "$timeless")"
is "as many as are asked for, and how many there are beside" "$(curl -s "$url/api/v1/janitor/plan?_limit=1" | jq -c '[(.items | length), .more]')" \
        "$(echo "$json" | jq -c '[1, (.items | length) - 1]')"
exits "a run without -yes" 0 "$BAKERY" janitor run
like "does nothing" "$out" "nothing was done"
is "indeed" "$(curl -s "$url/api/v1/images/blue" | jq -r .state)" tested
exits "what would be gone by some day" 0 "$BAKERY" janitor simulate -at 40d
like "is gone for good" "$out" "red +purge +goes +later"
exits "a day is needed" 2 "$BAKERY" janitor simulate
exits "why an image stays" 0 "$BAKERY" janitor explain odd
like "is said to the last predicate" "$out" 'unknown  hold = true   it is: soon'
like "and what would change it" "$out" "an answer to what rule 'held'"

# --- doing
exits "another run holds it up" 5 flock "$home/run/janitor.lock" "$BAKERY" janitor run -yes
touch "$WORK/no-mail"
exits "a run" 0 "$BAKERY" janitor run -yes
like "does what is due" "$out" "trashed $id_blue \(blue\): rule now"
like "and says who could not be told" "$out" "nobody told of 1 images of rule 'later': mail to 'eve@example.org'.*exited with 1"
rm "$WORK/no-mail" "$WORK/mails" "$WORK/commanded"
: >"$WORK/got"
exits "a second one" 0 "$BAKERY" janitor run -yes
like "tells again" "$out" "told 1"
like "by mail" "$(cat "$WORK/mails")" "^To: eve@example\.org"
like "that says what to do" "$(cat "$WORK/mails")" "bakery image keep $id_red"
is "by a webhook" "$(jq -r '.path + " " + (.body | fromjson | .items[0].image)' <"$WORK/got")" "/told?by=janitor $id_red"
is "that is signed" "$(jq -r '.headers["x-bakery-signature"]' <"$WORK/got")" \
        "sha256=$(jq -j .body <"$WORK/got" | openssl dgst -sha256 -hmac 'a secret of ours' | sed 's/.*= //')"
is "by a program" "$(jq -r .rule <"$WORK/commanded")" later
like "its grace runs" "$("$BAKERY" janitor plan)" "red +trash +waits +later .*its grace ends at"
exits "what is in the trash comes back" 0 "$BAKERY" janitor undelete "$id_blue"
is "as it was" "$(curl -s "$url/api/v1/images/blue" | jq -r .state)" tested

# --- saying no, and the end
word=$(grep -Eo 'bko_[A-Za-z0-9_-]+' "$WORK/mails" | head -n 1)
is "a word is no order by GET" "$(status "$url/api/v1/janitor/opt-out?token=$word")" 405
is "by POST it is" "$(status -d "{\"token\": \"$word\"}" -H 'Content-Type: application/json' "$url/api/v1/janitor/opt-out")" 200
like "the image stays" "$("$BAKERY" janitor explain red)" "invariant"
# Its time in the trash is a second from now on: run until it is over, at most a minute.
sed -i 's/restore = "1h"/restore = "1s"/' "$home/janitor.hcl"
end=$(($(date +%s) + 60))
until "$BAKERY" janitor run -yes >"$WORK/run" 2>&1 && grep -q "purged $id_blue" "$WORK/run" || [ "$(date +%s)" -gt "$end" ]; do :; done
like "what was in the trash for its time is purged" "$(cat "$WORK/run")" "purged $id_blue"
is "nobody finds it" "$(status "$url/api/v1/images/$id_blue")" 410
exits "every row has its blob, and every blob its row" 0 "$BAKERY" fsck
is "the rest is there" "$("$BAKERY" images -quiet | wc -l)" 5
exits "a source that could not be asked" 0 curl -sf -X PUT -H "$auth" -H 'Content-Type: application/json' -d '{"error": "no answer"}' \
        "$url/api/v1/usage/libvirt:a"
exits "stops a run" 1 "$BAKERY" janitor run -yes
usage() {
        curl -sf -o "$WORK/usage" -X PUT -H "$auth" -H 'Content-Type: application/json' -d "{\"items\": [$1]}" "$url/api/v1/usage/libvirt:a"
}
exits "one that has answered does not" 0 usage "{\"instance\": \"vm\", \"image\": \"$(curl -s "$url/api/v1/images/base" | jq -r .id)\"}"
usage "" && usage ""
exits "but has it forgotten what it knew" 1 "$BAKERY" janitor run -yes
like "it says so, and what to do" "$out" "knew of 1 uses, and now of 0.*bakery janitor accept 'libvirt:a'"
exits "a source that nobody knows" 1 "$BAKERY" janitor accept libvirt:b
exits "if that is right" 0 "$BAKERY" janitor accept libvirt:a -reason "the host is off"
exits "it goes on" 0 "$BAKERY" janitor run -yes
