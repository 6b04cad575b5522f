#!/bin/sh
# Two servers with one registry tell each hook of each event once, in order.
. "$(dirname "$0")/lib.sh"
need curl jq python3 postgres psql
plan 10
. "$TOP/tests/system/serve/lib.sh"

listener() { # listener NAME: leaves $at; its record is $WORK/NAME.got
        echo 200 >"$WORK/$1.status"
        : >"$WORK/$1.got"
        "$TOP/tests/system/views/listener" "$WORK/$1.port" "$WORK/$1.got" "$WORK/$1.status" &
        servers="$servers $!"
        until [ -s "$WORK/$1.port" ]; do :; done
        at=http://127.0.0.1:$(cat "$WORK/$1.port")
}
numbers() { jq -r '.headers["x-bakery-delivery"]' <"$WORK/$1.got"; }

# shared KIND HOME HOME: two servers, 40 changes by both, and what was heard of them.
shared() {
        listener "$1"
        "$BAKERY" hook add all "$at" -home "$2" >/dev/null
        token=$("$BAKERY" token create ci -role admin -home "$2" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
        server "$2"
        one=$url one_pid=$pid
        server "$3"
        two=$url two_pid=$pid
        n=0
        while [ $n -lt 20 ]; do
                n=$((n + 1)) asked=
                for to in "$one" "$two"; do
                        status -H "Authorization: Bearer $token" -d "{\"name\": \"t$n-${to##*:}\", \"role\": \"read\"}" "$to/api/v1/tokens" >>"$WORK/$1.codes" &
                        asked="$asked $!"
                done
                # shellcheck disable=SC2086
                wait $asked
        done
        last=$(curl -s -H "Authorization: Bearer $token" "$one/api/v1/events?_limit=1" | jq .index)
        end=$(($(date +%s) + 300))
        until numbers "$1" | grep -qx "$last" || [ "$(date +%s)" -gt "$end" ]; do
                last=$(curl -s -H "Authorization: Bearer $token" "$two/api/v1/events?_limit=1" | jq .index)
        done
        is "$1: all changes were made" "$(grep -o 201 "$WORK/$1.codes" | wc -l)" 40
        is "each was told" "$(numbers "$1" | sort -n | uniq | wc -l)" 41
        kill -TERM "$one_pid" "$two_pid"
        wait "$one_pid" "$two_pid"
        is "once" "$(numbers "$1" | sort -n | uniq -d | tr '\n' ' ')" ""
        ok "in order" "$(numbers "$1" | sort -nc 2>/dev/null; echo $?)"
        is "nobody claims to send any more" "$("$BAKERY" hook deliver -home "$2")" "0 events sent to 1 hook, 0 failed"
}

mkdir -p "$WORK/a" "$WORK/b" "$WORK/c"
shared sqlite "$WORK/a" "$WORK/a"
postgres "bakery_$$"
export BAKERY_DB="$URL"
shared postgres "$WORK/b" "$WORK/c"
