#!/bin/sh
# kill -9 of the server while clients publish, promote and revoke: what was answered with 2xx stays, no row lacks its layer, nothing is half
# done. KILLS says how often; and of 32 clients that publish one version, one wins.
. "$(dirname "$0")/lib.sh"
need curl jq python3
plan 6
. "$TOP/tests/system/serve/lib.sh"

home=$WORK/one
mkdir -p "$home"
token=$("$BAKERY" token create ci -role admin -home "$home" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
kills=${KILLS:-25}
run "$TOP/tests/system/serve/killer" "$BAKERY" "$home" "$token" "$kills" 6
note "$(printf '%s\n' "$out" | sed -n 's/^# //p')"
is "after every kill all is as it was told" "$(printf '%s\n' "$out" | grep -v '^#')" "$kills kills, nothing lost, nothing half"
exits "the store and the registry agree" 0 "$BAKERY" fsck -home "$home"
exits "the log is whole" 0 "$BAKERY" audit -verify -home "$home"

server "$home"
is "the server that comes after serves them" "$(curl -s "$url/api/v1/images/app-0:production" | jq -r .name)" app-0
is "of 32 clients that publish one version, each another image, one wins" "$("$CLIENT" versions "$port" "$token" 32)" "1 published, 31 refused"
is "and is the only one" "$(curl -s "$url/api/v1/images?name=contest" | jq -r '.items | length')" 1
