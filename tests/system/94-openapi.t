#!/bin/sh
# The OpenAPI document against the server itself: its schemas are valid, and what is answered has their form.
. "$(dirname "$0")/lib.sh"
need curl sqlite3 python3
plan 8
. "$TOP/tests/system/serve/lib.sh"
DRIVER=$TOP/build/$BUILD/tests/unit/registry/registry_driver

"$DRIVER" sample "$BAKERY_HOME" || { echo "Bail out! no sample"; exit 1; }
"$BAKERY" image tag nginx owner=ops >/dev/null
"$BAKERY" image promote nginx production -reason "release 7" >/dev/null
"$BAKERY" image trash team/shop -reason "too old" >/dev/null
"$BAKERY" image revoke database -reason "a hole" >/dev/null
"$BAKERY" image keep nginx -why "an audit" -until 90d >/dev/null
"$BAKERY" key create >/dev/null
"$BAKERY" image sign nginx >/dev/null
"$BAKERY" index -sign >/dev/null
cat >"$WORK/osv.json" <<'END'
[{"id": "DEMO-1", "modified": "2026-10-01T00:00:00Z", "summary": "a hole", "aliases": ["CVE-2026-1"],
  "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
  "affected": [{"package": {"ecosystem": "Debian:12", "name": "openssl"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]}]
END
"$BAKERY" advisory import "$WORK/osv.json" >/dev/null
"$BAKERY" hook add chat http://127.0.0.1:9/hook -actions 'image.*' >/dev/null
cat >"$BAKERY_HOME/janitor.hcl" <<'END'
janitor {
  most_percent = 100
}
retire "old" {
  action = "trash"
  grace  = "30d"
  when { match = "foundation" }
}
END
sqlite3 "$BAKERY_HOME/registry.db" "INSERT INTO bake (id, name, template, builder, who, host, started_at, ended_at, status, image)
        SELECT 'b-1', 'nginx', 'nginx.json', 'chroot', 'ada', 'oven', 1700000000, 1700000100, 'ok', id FROM image WHERE name = 'nginx' LIMIT 1"
token=$("$BAKERY" token create ci -role admin 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
server "$BAKERY_HOME"
curl -s -o /dev/null -H "Authorization: Bearer $token" -d '{"image": "nginx", "instance": "i-1", "source": "hand"}' "$url/api/v1/launches"
"$TOP/tests/system/openapi/validate" "$url" "$token"
