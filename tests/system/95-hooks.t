#!/bin/sh
# Who wants to hear of changes does: signed, in order, at least once, and without holding up anybody. Consul learns where the registry is.
. "$(dirname "$0")/lib.sh"
need curl jq openssl qemu-img python3
plan 40
. "$TOP/tests/system/serve/lib.sh"
. "$TOP/tests/system/views/lib.sh"

listener() { # listener NAME: leaves $at; its record is $WORK/NAME.got
        echo 200 >"$WORK/$1.status"
        : >"$WORK/$1.got"
        "$TOP/tests/system/views/listener" "$WORK/$1.port" "$WORK/$1.got" "$WORK/$1.status" &
        servers="$servers $!"
        until [ -s "$WORK/$1.port" ]; do :; done
        at=http://127.0.0.1:$(cat "$WORK/$1.port")
}
# got NAME N: waits, at most a minute, until so many requests have come.
got() {
        end=$(($(date +%s) + 60))
        until [ "$(wc -l <"$WORK/$1.got")" -ge "$2" ] || [ "$(date +%s)" -gt "$end" ]; do :; done
        wc -l <"$WORK/$1.got"
}
actions() { jq -r '.body | fromjson | .action' <"$WORK/$1.got" | tr '\n' ' '; }

home=$WORK/one
mkdir -p "$home"
token=$("$BAKERY" token create ci -role admin -home "$home" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
baker=$("$BAKERY" token create baker -role promote -home "$home" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
auth="Authorization: Bearer $token"
listener one
one=$at
listener two
two=$at
server "$home"
export BAKERY_REGISTRY="$url" BAKERY_TOKEN="$token"

# --- hooks
printf 'a secret of ours\n' >"$WORK/secret"
exits "a hook is added" 0 "$BAKERY" hook add one "$one/path?query" -actions "image.*" -secret-file "$WORK/secret"
exits "another one" 0 "$BAKERY" hook add two "$two"
exits "a name is taken once" 1 "$BAKERY" hook add two "$two"
exits "a URL of another kind is refused" 2 "$BAKERY" hook add three file:///etc/passwd
exits "a name with a path is refused" 2 "$BAKERY" hook add ../three "$two"
is "who may not is refused" "$(status -H "Authorization: Bearer $baker" "$url/api/v1/hooks")" 403
like "both are listed" "$("$BAKERY" hook list)" "^one .* image\.\* +signed"
unlike "without secrets" "$("$BAKERY" hook list -json)" "secret of ours"
is "only its owner can read the secret" "$(stat -c %a "$home/hooks" "$home/hooks/one.secret" | tr '\n' ' ')" "700 600 "
ok "it is not in the registry" "$(! grep -q 'secret of ours' "$home/registry.db"; echo $?)"

# --- what they hear
web=$(image web "$(disk 1)" "")
"$BAKERY" image tag web color=blue -reason "it is" >/dev/null
"$BAKERY" channel assign web:production "$web" >/dev/null
"$BAKERY" image tag web color=red >/dev/null
is "the one hears of what it wants" "$(got one 4)" 4
is "in order" "$(actions one)" "image.published image.tagged image.state image.tagged "
is "the other one of all" "$(got two 5)" 5
first=$(head -n 1 "$WORK/one.got")
is "at its URL" "$(echo "$first" | jq -r '.method + " " + .path')" "POST /path?query"
is "as JSON" "$(echo "$first" | jq -r '.headers["content-type"] + " " + .headers["x-bakery-event"]')" "application/json image.published"
is "signed" "$(echo "$first" | jq -r '.headers["x-bakery-signature"]')" \
        "sha256=$(echo "$first" | jq -rj .body | openssl dgst -sha256 -hmac 'a secret of ours' -r | cut -d' ' -f1)"
is "the event is the log's" "$(echo "$first" | jq -c '.body | fromjson | {id, action, subject, digest}')" \
        "$(curl -s -H "$auth" "$url/api/v1/events" | jq -c --arg id "$web" '[.items[]|select(.subject == $id)][0] | {id, action, subject, digest}')"
is "who wants no signature gets none" "$(head -n 1 "$WORK/two.got" | jq -r '.headers["x-bakery-signature"]')" null
exits "a hook is tried" 0 "$BAKERY" hook test one
is "it hears of that" "$(tail -n 1 "$WORK/one.got" | jq -r '.headers["x-bakery-event"]')" hook.tested
unlike "and the other does not" "$(actions two)" hook.tested

# --- who does not listen
echo 500 >"$WORK/one.status"
n=$(got one 5)
"$BAKERY" image tag web color=green >/dev/null
is "what is not taken" "$(got one $((n + 1)))" $((n + 1))
run "$BAKERY" hook test one
is "is told" "$code" 6
like "with the reason" "$out" "answered 500"
echo 204 >"$WORK/one.status"
"$BAKERY" image tag web color=yellow >/dev/null
exits "and sent again when it is" 0 "$BAKERY" hook test one
like "in order" "$(actions one)" "(image.tagged ){2,}(hook.tested )+image.tagged hook.tested $"
is "nothing is left" "$("$BAKERY" hook list -json | jq '[.items[]|.failures]|add')" 0
echo hang >"$WORK/two.status"
"$BAKERY" image tag web color=black >/dev/null
n=$(wc -l <"$WORK/two.got")
is "who hangs holds up no request" "$(status --max-time 5 -H "$auth" "$url/api/v1/images/web")" 200
echo 200 >"$WORK/two.status"

# --- without a server
unset BAKERY_REGISTRY BAKERY_TOKEN
other=$WORK/other
exits "a hook of a registry that nobody serves" 0 "$BAKERY" hook add one "$one" -home "$other"
: >"$WORK/one.got"
"$BAKERY" token create x -role read -home "$other" >/dev/null 2>&1
exits "is told by a command" 0 "$BAKERY" hook deliver -home "$other"
is "of what has happened" "$(actions one)" "token.created "
exits "once" 0 "$BAKERY" hook deliver -home "$other"
is "and not again" "$(got one 1)" 1
rm -r "$other/hooks" 2>/dev/null
printf 'a secret of ours\n' | "$BAKERY" hook add signed "$one" -secret-file - -home "$other" >/dev/null
rm "$other/hooks/signed.secret"
run "$BAKERY" hook test signed -home "$other"
like "a hook whose secret is lost sends nothing" "$code $out" "secret of the hook"
exits "a hook is removed" 0 "$BAKERY" hook remove signed -home "$other"
exits "once" 1 "$BAKERY" hook remove signed -home "$other"

# --- Consul
listener consul
server "$home" -consul "$at" -consul-name images
got consul 1 >/dev/null
is "Consul is told of the service" "$(jq -r '.method + " " + .path + " " + (.body|fromjson|.Name + " " + (.Port|tostring))' <"$WORK/consul.got")" \
        "PUT /v1/agent/service/register images $port"
is "and of its check" "$(jq -r '.body|fromjson|.Check.HTTP' <"$WORK/consul.got")" "$url/healthz"
kill -TERM $pid
wait $pid
is "and when it ends" "$(tail -n 1 "$WORK/consul.got" | jq -r '.method + " " + .path')" "PUT /v1/agent/service/deregister/images-127.0.0.1-$port"
echo 403 >"$WORK/consul.status"
server "$home" -consul "$at"
is "a Consul that does not want it is no reason not to serve" "$(status "$url/healthz")" 200
