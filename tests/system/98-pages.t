#!/bin/sh
# Pages, as a browser shows them: on a telephone and a desk, light and dark, with and without its script; what is in them, what they ask
# for, and what strangers' texts can do there (nothing).
. "$(dirname "$0")/lib.sh"
need curl jq python3 chromium
plan 37
. "$TOP/tests/system/serve/lib.sh"
DRIVER=$TOP/build/$BUILD/tests/unit/registry/registry_driver
BROWSER=$TOP/tests/system/pages/browser
"$DRIVER" sample "$BAKERY_HOME" || { echo "Bail out! no sample"; exit 1; }
mkdir -p "$BAKERY_HOME/logs" "$WORK/pictures"

# --- a registry in which strangers have been
evil='"><img src=x onerror=pwned()><script>window.pwned=1</script>'\''&lt;'$(printf '\342\200\256')'txt'
long=$(printf 'w%.0s' $(seq 300))
"$BAKERY" image tag nginx note="$evil" long="$long" -reason "$evil" >/dev/null
"$BAKERY" image promote nginx production -reason "$evil" >/dev/null
"$BAKERY" image promote nginx canary -reason "$long" >/dev/null
"$BAKERY" image trash team/shop -reason "$evil" >/dev/null
"$BAKERY" image revoke database -reason "$evil" >/dev/null
jq -n --arg evil "$evil" --arg long "$long" '[{id: "DEMO-1", modified: "2026-10-01T00:00:00Z", summary: ($evil + $long), aliases: ["CVE-2026-1"],
        severity: [{type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        affected: [{package: {ecosystem: "Debian:12", name: "openssl"}, ranges: [{type: "ECOSYSTEM", events: [{introduced: "0"}]}]}]}]' >"$WORK/osv.json"
"$BAKERY" advisory import "$WORK/osv.json" >/dev/null

# A bake on another host, so far as the registry knows, whose log comes to be here.
bake() { # bake ID STATUS
        python3 - "$BAKERY_HOME/registry.db" "$@" <<'EOT'
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], timeout=60)
now = int(time.time())
if sys.argv[3] == "running":
    database.execute("INSERT INTO bake (id, name, template, builder, who, host, started_at, status, log, build_url) VALUES (?, 'nginx', ?, 'chroot', 'ada', "
                     "'oven', ?, 'running', ?, 'javascript:pwned()')", (sys.argv[2], "/srv/<b>templates</b>/" + "x" * 200 + ".json", now,
                     "logs/%s.log" % sys.argv[2]))
else:
    database.execute("UPDATE bake SET status = ?, ended_at = ? WHERE id = ?", (sys.argv[3], now, sys.argv[2]))
database.commit()
EOT
}
log() { printf "$@" >>"$BAKERY_HOME/logs/$bake.log"; }
bake=done
log '==> opening base\n\033[1;31mred\033[0m <script>window.pwned=1</script>\n10%%\r100%%\n\342\200\256turned %s\n==> sealing\n' "$long"
bake done running
bake done ok
bake=live
log '==> provisioner 1 of 2: shell\nfirst line\nhalf a'
bake live running

# --- who may look
server "$BAKERY_HOME" -listen "unix:$WORK/socket"
curl -s --unix-socket "$WORK/socket" -d "$(jq -n --arg evil "$evil" '{image: "nginx", instance: "i-1", name: $evil, source: "report"}')" \
        http://x/api/v1/launches >/dev/null
like "a page has a policy" "$(curl -sI "$url/" | tr -d '\r')" "^Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; "
like "and tells others nothing" "$(curl -sI "$url/images" | tr -d '\r')" "^Referrer-Policy: no-referrer$"
tag=$(curl -sI "$url/channels" | tr -d '\r' | sed -n 's/^ETag: //p')
style=$(curl -s "$url/" | grep -Eo '/bakery\.css\?[0-9a-f]+')
like "the style is kept by browsers" "$(curl -sI "$url$style" | tr -d '\r')" "^Cache-Control: .*immutable$"
tag=$(curl -sI "$url$style" | tr -d '\r' | sed -n 's/^ETag: //p')
is "and has an ETag" "$(status -H "If-None-Match: $tag" "$url$style")" 304
like "an error is a page" "$(curl -s "$url/images/nothing")" '<p class="alert" role="alert">no image matches'
is "with its status" "$(status "$url/images/nothing") $(status "$url/images?q=_newest") $(status "$url/bakes/none")" "404 400 404"
open=$url
token=$("$BAKERY" token create looker -role read 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
server "$BAKERY_HOME" -token-required
is "where tokens are needed, none is no page" "$(status "$url/") $(status "$url/bakery.css")" "401 200"
like "and a browser asks for it" "$(curl -sI "$url/" | tr -d '\r')" '^WWW-Authenticate: Basic realm='
unlike "in a page it does not" "$(curl -sI "$url/api/v1/bakes" | tr -d '\r')" '^WWW-Authenticate: Basic'
is "a token is the password" "$(status -u "me:$token" "$url/images/nginx") $(status -u "me:$token" "$url/api/v1/images/nginx/lineage.svg")" "200 200"
is "what is none is not" "$(status -u "me:none" "$url/") $(status -H "Authorization: Basic !" "$url/")" "401 401"
guarded=$url url=$open

# --- every page, in every way
nginx=$("$BAKERY" images -quiet 'nginx?_latest')
cat >"$WORK/paths" <<EOT
home /
images /images
found /images?q=nginx%3Fkernel%3E6
nothing /images?q=name%3Dnobody
wrong /images?q=_newest
evil /images?q=%22%3E%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E
image /images/nginx
direct /images/$nginx
revoked /images/$("$BAKERY" images -quiet 'database?_all&_latest')
packages /images/nginx/packages
vulnerable /images/nginx/vulnerable
changed /images/foundation/diff/nginx
channels /channels
channel /channels/nginx/production
bakes /bakes
bake /bakes/done
which /packages?name=openssl&version=%3C9
advisories /advisories
advisory /advisories/CVE-2026-1
usage /usage?all=1
janitor /janitor
audit /audit
error /images/%22%3E%3Cscript%3E
EOT
while read -r name path; do
        for way in "390 light script" "390 dark script" "1440 light script" "1440 dark script" "930 light script" "1440 light noscript"; do
                echo "$name $way $path"
        done
done <"$WORK/paths" >"$WORK/list"
timeout 1800 "$BROWSER" "$url" "$WORK/pictures" <"$WORK/list" >"$WORK/seen"
is "all of them were shown" "$(wc -l <"$WORK/seen")" "$(wc -l <"$WORK/list")"
none() { # none WHAT JQ-CONDITION-OF-A-BAD-ONE [WHAT-TO-SHOW]
        bad=$(jq -c "select($2) | [.name, .width, .scheme, ${3:-.status}]" "$WORK/seen")
        ok "$1" "$([ -z "$bad" ] && [ -s "$WORK/seen" ]; echo $?)"
        [ -z "$bad" ] || note "$bad"
}
none "each is answered" '.status != 200 and (.name | IN("wrong", "error", "nothing", "evil") | not)'
none "nothing is wider than the screen" '.wide > 0 or (.beyond | length > 0)' '.wide, .beyond'
none "nothing is asked of anybody else" '.outside | length > 0' .outside
none "the browser has nothing to say to them" '.trouble | length > 0' .trouble
none "strangers' texts do not run" '.pwned != "undefined" or .scripts > 0 or .handlers > 0' '.pwned, .scripts, .handlers'
none "and are no addresses" '[.hrefs[] | select(test("^(javascript|data:text|//)"; "i"))] | length > 0' .hrefs
none "every text stands out from its ground" '.faint | length > 0' .faint
none "light is light and dark is dark" '.ground != (if .scheme == "dark" then "rgb(13, 17, 23)" else "rgb(255, 255, 255)" end)' .ground
none "one heading, and none is left out" '.h1 != 1 or .jump' '.h1, .jump'
none "there are landmarks, and they have names" '.landmarks < 4 or .unnamed_navs > 0 or .lang != "en"' '.landmarks, .unnamed_navs'
none "fields have labels" '.unlabelled > 0' .unlabelled
none "links, buttons and pictures have names" '.nameless > 0 or .no_alt > 0' '.nameless, .no_alt'
none "tables have captions, and their heads a scope" '.no_caption > 0 or .no_scope > 0' '.no_caption, .no_scope'
none "no name is given twice" '.twice | length > 0' .twice
none "pictures are there" '.pictures > 0' .pictures
none "who comes by keyboard may pass over what is on every page" '.first != "skip"' .first
differ=$(jq -r 'select(.width == 1440 and .scheme == "light") | [.name, (.text | gsub("[0-9]+:[0-9]{2}"; ""))] | @tsv' "$WORK/seen" | sort -u | cut -f1 | uniq -d | paste -sd' ')
is "without its script nothing is missing" "$differ" ""
bad=
for path in $(jq -r '.hrefs[]' "$WORK/seen" | grep '^/' | grep -Ev '/(disk|box)$' | sed 's/#.*//' | sort -u); do
        case $(status "$url$path") in 200 | 303) ;; *) bad="$bad $path" ;; esac
done
is "every link leads somewhere" "$(printf '%s' "$bad" | tr ' ' '\n' | grep -v '_newest\|nobody\|script' | grep -v '^$')" ""
like "the log is as a terminal shows it" "$(jq -r 'select(.name == "bake") | .text' "$WORK/seen" | head -n 1)" \
        'opening base red <script>window.pwned=1</script> 100% \[U\+202E\]turned www'

# --- a bake that runs
mkfifo "$WORK/live"
echo "live 1440 light script /bakes/live#until=something new
ended 1440 light script /bakes/live#until=Status ok" | timeout 1800 "$BROWSER" "$guarded" "$WORK/pictures" "me:$token" >"$WORK/live" &
exec 7<"$WORK/live"
read -r before <&7
like "a bake that runs shows what there is" "$(printf '%s\n' "$before" | jq -r .text)" 'first line.?$|first line '
log ' line\n\033[32msomething new\033[0m <b>\n'
read -r after <&7
like "what comes is put to it" "$(printf '%s\n' "$after" | jq -r .text)" 'first line half a line something new <b>'
is "by its script, as text" "$(printf '%s\n' "$after" | jq -c '[.trouble, .outside, .handlers]')" '[[],[],0]'
read -r before <&7
log '==> sealing\nthe last words'
bake live ok
read -r after <&7
like "when it ends the page says so" "$(printf '%s\n' "$after" | jq -r .text)" 'Status ok .*==> sealing the last words'
exec 7<&-
curl -sN --max-time 60 "$url/api/v1/bakes/live/log/stream?from=30" >"$WORK/stream"
is "the stream is the log from a byte on, and its end" "$(sed -n 's/^data: //p' "$WORK/stream" | jq -rs '(.[0].text | length), .[1].status' | paste -sd' ')" \
        "$(tail -c +31 "$BAKERY_HOME/logs/live.log" | sed 's/\x1b\[[0-9]*m//g' | wc -m) ok"
is "of what is none there is none" "$(status "$url/api/v1/bakes/none/log/stream") $(status "$url/api/v1/bakes/live/log/stream?from=x")" "404 400"
