#!/bin/sh
# Prometheus' own tool reads what the server tells of itself.
. "$(dirname "$0")/lib.sh"
need curl qemu-img promtool
plan 7
. "$TOP/tests/system/serve/lib.sh"
. "$TOP/tests/system/views/lib.sh"

home=$WORK/one
mkdir -p "$home"
token=$("$BAKERY" token create ci -role promote -home "$home" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
auth="Authorization: Bearer $token"
server "$home" -token-required
web=$(image web "$(disk 1)" "" architecture=amd64)
"$BAKERY" image promote web production -home "$home" >/dev/null
curl -s -H "$auth" -d "{\"image\": \"web\", \"instance\": \"i-1\", \"source\": \"a \\\"b\\\" \\\\ c\"}" "$url/api/v1/launches" >/dev/null
is "who may not read gets none" "$(status "$url/metrics")" 401
curl -s -D "$WORK/head" -H "$auth" "$url/metrics" >"$WORK/metrics"
like "it is Prometheus' text" "$(tr -d '\r' <"$WORK/head")" '^Content-Type: text/plain; version=0\.0\.4'
run sh -c "promtool check metrics <'$WORK/metrics'"
is "promtool finds nothing wrong, nor bad style" "$code $out" "0 "
like "images are counted" "$(cat "$WORK/metrics")" '^bakery_images\{type="base",state="(tested|promoted)"\} 1$'
like "a channel's age is told" "$(cat "$WORK/metrics")" '^bakery_channel_assigned_timestamp_seconds\{image="web",channel="production"\} [0-9]{10}$'
like "labels are escaped" "$(cat "$WORK/metrics")" '^bakery_launches\{source="a \\"b\\" \\\\ c"\} 1$'
like "the server's own numbers are there" "$(cat "$WORK/metrics")" '^bakery_http_answers_total\{code="4xx"\} [1-9]'
