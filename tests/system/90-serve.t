#!/bin/sh
# The registry over HTTP: what is answered, to whom, how much of it, and to clients that wish no good.
. "$(dirname "$0")/lib.sh"
need curl jq openssl python3
plan 112
. "$TOP/tests/system/serve/lib.sh"

home=$WORK/one
mkdir -p "$home"
token=$("$BAKERY" token create ci -role bake -home "$home" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
reader=$("$BAKERY" token create looker -role read -home "$home" 2>/dev/null | grep -Eo '[A-Za-z0-9_.-]{32,}' | head -n 1)
ok "tokens were made" "$([ -n "$token" ] && [ -n "$reader" ]; echo $?)"
server "$home" -listen "unix:$WORK/socket" -timeout 3 -wait-most 120
like "it says where it listens" "$url" "^http://127.0.0.1:[0-9]+$"
api=$url/api/v1

# --- who may what
is "it is well" "$(curl -s "$url/healthz" | jq -r .status)" ok
is "this host may read" "$(status "$api/images")" "$(status -H "Authorization: Bearer $reader" "$api/images")"
is "nobody may change anything" "$(status -X POST -d '{}' "$api/images")" 401
is "a token that may not is told so" "$(status -X POST -d '{}' -H "Authorization: Bearer $reader" "$api/images")" 403
is "a token that may is listened to" "$(status -X POST -d '{}' -H "Authorization: Bearer $token" "$api/images")" 400
is "a wrong token is refused, for reading too" "$(status -H "Authorization: Bearer wrong" "$api/openapi.json")" 401
is "a browser's way to show one is for reading" "$(status -u "any:$reader" "$api/images") $(status -u "any:wrong" "$api/images")" "200 401"
is "and for nothing else, as other sites' pages could use it" "$(status -u "any:$token" -X POST -d '{}' "$api/images")" 401
is "root may do everything over the socket" "$(status --unix-socket "$WORK/socket" -X POST -d '{}' http://x/api/v1/images)" 400
is "a page under a stranger's name is not answered" "$(status -H "Host: evil.example" "$api/images")" 401
like "and is told why" "$(curl -s -H "Host: evil.example" "$api/images")" "'evil.example' is not a name of this host"
is "nor does it change anything" "$(status -H "Host: evil.example" -X POST -d '{}' "$api/images")" 401
is "an agent of this host asks so whether all is well" "$(curl -s -H "Host: oven.example" "$url/healthz" | jq -r .status)" ok
is "an API under a number is" "$(status -H "Host: 127.0.0.1:1" "$api/images")" 200
is "a target with its host in it is a target" "$(status --request-target "$api/images" "$url")" 200
is "and nothing behind the host is the first page" "$(status --request-target "$url" "$url") $(status --request-target "${url}?a=b" "$url")" "200 200"
is "what it says is the host" "$(status -H "Host: localhost" --request-target "http://evil.example/api/v1/images" "$url")" 401
is "whatever the header says" "$(status -H "Host: evil.example" --request-target "$api/images" "$url")" 200
is "another scheme is no target of ours" "$(status --request-target "ftp://localhost/api/v1/images" "$url")" 400
like "errors are JSON with a kind" "$(curl -s "$api/images/none")" '^\{"error":\{"kind":"not-found","message":".+"\}\}$'
is "another method is 405" "$(status -X PATCH -H "Authorization: Bearer $token" "$api/openapi.json")" 405

# --- publishing
below=$("$CLIENT" layer "$WORK/below" 3000000 one)
first=$("$CLIENT" document "$WORK/first.json" base "$below")
auth="Authorization: Bearer $token"
is "an image whose layer is not there is refused" "$(status -H "$auth" -d @"$WORK/first.json" "$api/images")" 409
is "a layer arrives" "$(status -H "$auth" -T "$WORK/below" "$api/layers/$below")" 201
is "once is enough" "$(status -H "$auth" -T "$WORK/below" "$api/layers/$below")" 200
other="sha256:$(printf other | sha256sum | cut -d' ' -f1)"
is "a layer that is another one is refused" "$(status -H "$auth" -T "$WORK/below" "$api/layers/$other")" 400
"$CLIENT" layer "$WORK/orphan" 1000 x "$other" >"$WORK/orphan.digest"
is "one on a layer that is not here, too" "$(status -H "$auth" -T "$WORK/orphan" "$api/layers/$(cat "$WORK/orphan.digest")")" 409
is "no draft of them is left" "$(ls "$home/store/drafts" "$home/run/leases" | grep -c 'upload\|lease$')" 0
is "then the image is published" "$(status -H "$auth" -d @"$WORK/first.json" "$api/images")" 201
is "twice is a conflict" "$(status -H "$auth" -d @"$WORK/first.json" "$api/images")" 409
is "it is there" "$(curl -s "$api/images/base" | jq -r .id)" "$first"
exits "the store and the registry agree" 0 "$BAKERY" fsck -home "$home"

# --- layers by ranges
curl -s "$api/layers/$below" >"$WORK/got"
is "a layer comes back as it went" "sha256:$(sha256sum <"$WORK/got" | cut -d' ' -f1)" "$below"
curl -s -r 1000-1999 "$api/layers/$below" >"$WORK/part"
ok "a part of it is that part" "$(dd if="$WORK/below" bs=1000 skip=1 count=1 2>/dev/null | cmp -s - "$WORK/part"; echo $?)"
is "it is 206" "$(status -r 0-9 "$api/layers/$below")" 206
is "beyond its end is 416" "$(status -r 99999999-100000000 "$api/layers/$below")" 416
like "HEAD says how large it is" "$(curl -sI "$api/layers/$below" | tr -d '\r')" "^Content-Length: $(stat -c %s "$WORK/below")$"
like "its ETag is its digest" "$(curl -sI "$api/layers/$below" | tr -d '\r')" "^ETag: \"$below\"$"
is "who has it is told so" "$(status -H "If-None-Match: \"$below\"" "$api/layers/$below")" 304
is "a range of another content is the whole" "$(status -r 0-9 -H 'If-Range: "sha256:0"' "$api/layers/$below")" 200

# --- what has not changed
tag=$(curl -sI "$api/images/base" | tr -d '\r' | sed -n 's/^ETag: //p')
index=$(curl -sI "$api/images/base" | tr -d '\r' | sed -n 's/^X-Bakery-Index: //p')
is "an answer that still holds is 304" "$(status -H "If-None-Match: $tag" "$api/images/base")" 304
is "an index that is not the present one is answered at once" "$(status --max-time 20 "$api/images/base?index=0&wait=100s")" 200
start=$(date +%s)
is "who waits is answered after that time" "$(status "$api/images/base?index=$index&wait=1s")" 200
ok "and not before" "$([ $(($(date +%s) - start)) -ge 1 ]; echo $?)"
is "a time that is none is refused" "$(status "$api/images/base?index=$index&wait=soon")" 400
is "a time that is too long is the longest" "$(status "$api/images/base?index=0&wait=1h") $(status "$api/images/base?index=0&wait=100000ms") $(
        status "$api/images/base?index=0&wait=99999999999999999999")" "200 200 200"
is "an index to wait for without a time is refused, and the other way round" \
        "$(status "$api/images?index=5") $(status "$api/images?wait=5s") $(status "$api/images?index=x&wait=5s")" "400 400 400"
is "behind a semicolon it is an attribute" "$(curl -s "$api/images;index=5" | jq -c .items)" "[]"
like "an answer that still holds has an index" "$(curl -sI -H "If-None-Match: $tag" "$api/images/base" | tr -d '\r')" "^X-Bakery-Index: $index$"
like "what is not there has one to wait with" "$(curl -s -o /dev/null -D - "$api/images/nothing" | tr -d '\r')" "^X-Bakery-Index: $index$"
is "and is waited for" "$(status --max-time 20 "$api/images/nothing?index=0&wait=100s")" 404
mkfifo "$WORK/stream"
curl -sN "$api/events/stream" >"$WORK/stream" &
curl_pid=$!
exec 7<"$WORK/stream"
read -r hello <&7
is "a stream of events begins" "$hello" ": still here"
curl -s "$api/images/base?index=$index&wait=100s" >"$WORK/waited" &
waiter=$!
"$BAKERY" image tag base color=blue -reason "it is" -home "$home" >/dev/null
wait $waiter
is "a change of another process wakes who waits" "$(jq -r .attributes.color "$WORK/waited")" blue
is "the tag holds no more" "$(status -H "If-None-Match: $tag" "$api/images/base")" 200
while read -r line <&7; do
        case $line in data:*) break ;; esac
done
is "the stream tells of it" "$(printf '%s\n' "$line" | sed 's/^data: //' | jq -r '.action + " " + .name')" "image.tagged base"
kill $curl_pid
exec 7<&-
is "who was cut off goes on where it was" "$(curl -sN --max-time 5 -H "Last-Event-ID: 0" "$api/events/stream" | grep -c '^id: ')" \
        "$(curl -s "$api/openapi.json" -o /dev/null -D - | tr -d '\r' | sed -n 's/^X-Bakery-Index: //p')"

# --- commands, here and there
export BAKERY_HOME="$WORK/empty"
same=0
# But for the path of a layer: elsewhere it is no file of this host.
while read -r words; do
        here=$("$BAKERY" $words -home "$home" 2>&1 </dev/null; echo "exit $?")
        here=$(printf '%s\n' "$here" | sed '/^path  /d')
        there=$(BAKERY_REGISTRY="unix:$WORK/socket" "$BAKERY" $words 2>&1 </dev/null; echo "exit $?")
        if [ "$here" != "$there" ]; then
                same=1
                note "$words:" "here:  $here" "there: $there"
        fi
done <<EOT
images
images -json
images -quiet
images base?release=bookworm&color=blue
images base?release=nowhere
image show base
image show base -json
image show nothing
image lineage base
image lineage base -json
image tag base
image state base
image tag nothing color=red
image state base tested -expect=promoted
channel list
channel history base:production
channel rollback base:none
audit
audit -json
token list
image revoke base
EOT
ok "commands say the same with a server and without" $same
like "what needs no server says where the other is" "$(BAKERY_REGISTRY=http://127.0.0.1:1 "$BAKERY" audit 2>&1; echo $?)" "127.0.0.1:1"
BAKERY_REGISTRY=http://127.0.0.1:1 exits "and a retry is worth it" 6 env BAKERY_REGISTRY=http://127.0.0.1:1 "$BAKERY" audit
export BAKERY_HOME="$WORK/home"

# --- what other servers' pages send
home_call="$api/launches/phone-home/base"
is "a page of another server's says nothing here" "$(status -H 'Origin: http://evil.example' -d instance_id=a "$home_call")" 401
is "nor one of another port" "$(status -H 'Origin: http://127.0.0.1:1' -d instance_id=a "$home_call")" 401
is "nor one that hides where it is from" "$(status -H 'Origin: null' -d instance_id=a "$home_call")" 401
is "nor what a browser calls so" "$(status -H 'Sec-Fetch-Site: cross-site' -d instance_id=a "$home_call")" 401
is "nobody phoned home" "$(curl -s "$api/launches" | jq '.items | length')" 0
is "our own may" "$(status -H "Origin: $url" -H 'Sec-Fetch-Site: same-origin' -d instance_id=a "$home_call")" 200
is "so may a program" "$(status -d instance_id=b "$home_call")" 200
is "and who shows a token, wherever that is from" "$(status -H "$auth" -H 'Origin: http://evil.example' -d instance_id=c "$home_call")" 200
is "what is read is nobody's secret" "$(status -H 'Origin: http://evil.example' "$api/images")" 200

# --- what has no business here
for target in '/api/v1/layers/..%2f..%2fregistry.db' '/api/v1/layers/%2e%2e/%2e%2e/registry.db' '/../../../etc/passwd' '/%2e%2e/%2e%2e/etc/passwd' \
        '/api/v1/../../registry.db' '/api/v1/layers/sha256:..%2f..%2f..%2fregistry.db' '/api/v1//healthz' '/api/v1/images/%00'; do
        like "refused: $target" "$(status --path-as-is "$url$target")" '^40[04]$'
done
is "a long address is 414" "$(status "$api/images/$(head -c 9000 /dev/zero | tr '\0' a)")" 414
head -c 20000000 /dev/zero >"$WORK/large"
is "a large body is 413" "$(status -H "$auth" -H Expect: --data-binary @"$WORK/large" "$api/images")" 413
head -c 70000 /dev/zero >"$WORK/small"
is "what anybody may send is smaller" "$(status -H Expect: --data-binary @"$WORK/small" "$api/janitor/opt-out")" 413
is "also where it does not say how large it is" "$(status -H Expect: -H 'Transfer-Encoding: chunked' --data-binary @"$WORK/small" "$api/janitor/opt-out")" 413
printf '{"token": "bko_%064d", "why": "%060000d"}' 0 0 >"$WORK/small"
is "what is small enough is read" "$(status -H Expect: --data-binary @"$WORK/small" "$api/janitor/opt-out")" 401
is "one without an end is cut" "$("$CLIENT" endless-body "$port" "$token")" cut
like "headers without an end are refused" "$("$CLIENT" bomb "$port" long)" '^(431|400|413|closed)$'
like "so are too many" "$("$CLIENT" bomb "$port" many)" '^(431|400|413|closed)$'
like "what is not HTTP is refused" "$("$CLIENT" raw "$port" 'HELO\r\n\r\n')" '^(400|closed)$'
is "a question with a body is refused" "$("$CLIENT" raw "$port" 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')" 400
like "two lengths are refused" "$("$CLIENT" raw "$port" 'POST /api/v1/images HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello')" \
        '^(400|401|closed)$'
like "a path that is none is refused" "$("$CLIENT" raw "$port" 'GET nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n')" '^(400|404|closed)$'
"$CLIENT" slow-headers "$port" >"$WORK/slow.headers" &
a=$!
"$CLIENT" slow-body "$port" "$token" >"$WORK/slow.body" &
b=$!
mkfifo "$WORK/go"
"$CLIENT" slow-reader "$port" "/api/v1/layers/$below" <"$WORK/go" >"$WORK/slow.reader" &
c=$!
exec 6>"$WORK/go"
is "slow clients hold up nobody" "$(status --max-time 60 "$url/healthz")" 200
wait $a $b
ok "slow headers are not listened to for long" "$([ "$(cat "$WORK/slow.headers")" -lt 60 ]; echo $?)"
ok "nor are slow bodies" "$([ "$(cat "$WORK/slow.body")" -lt 60 ]; echo $?)"
exec 6>&-
wait $c
is "it is well after all that" "$(curl -s "$url/healthz" | jq -r .status)" ok

# --- the end
index=$(curl -sI "$api/openapi.json" | tr -d '\r' | sed -n 's/^X-Bakery-Index: //p')
mkfifo "$WORK/asked"
"$CLIENT" waiter "$port" "/api/v1/images/base?index=$index&wait=100s" "$WORK/asked" >"$WORK/last" &
last=$!
read -r said <"$WORK/asked"
# The server has read it when nothing of it lies in its socket any more.
until [ "$(ss -Htn state established "sport = :$port" | awk '$1 != 0' | wc -l)" -eq 0 ]; do :; done
kill -TERM $pid
wait $last
is "who waits is answered when the server ends" "$(cat "$WORK/last")" 200
wait $pid
is "it ends well" $? 0
is "nobody listens any more" "$(status "$url/healthz")" 000
ok "its socket is gone" "$([ ! -e "$WORK/socket" ]; echo $?)"

# --- limits that are asked for
server "$home" -rate 5
curl -s -o /dev/null -w '%{http_code}\n' "$url/healthz?[1-40]" >"$WORK/codes"
ok "as many as may be are answered" "$([ "$(grep -c 200 "$WORK/codes")" -ge 10 ]; echo $?)"
ok "more are 429" "$([ "$(grep -c 429 "$WORK/codes")" -ge 1 ]; echo $?)"
like "and told when to come again" "$(curl -s -o /dev/null -D - "$url/healthz?[1-40]" | tr -d '\r' | sort -u)" "^Retry-After: 1$"
server "$home" -connections 8 -connections-each 8 -token-required
ok "of a crowd as many are heard as may be" "$([ "$("$CLIENT" crowd "$port" 40)" -le 8 ]; echo $?)"
is "a token is needed when that is said" "$(status "$url/api/v1/images/base")" 401
is "and does" "$(status -H "Authorization: Bearer $reader" "$url/api/v1/images/base")" 200

# --- TLS
exits "elsewhere it needs TLS" 2 "$BAKERY" serve -home "$home" -listen 0.0.0.0:0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout "$WORK/key.pem" -out "$WORK/cert.pem" 2>/dev/null
server "$home" -tls-cert "$WORK/cert.pem" -tls-key "$WORK/key.pem"
is "over TLS it answers" "$(status --cacert "$WORK/cert.pem" "$url/api/v1/images/base")" 200
is "clear text is refused there, at once" "$(status --max-time 30 "http://127.0.0.1:$port/healthz")" 000
like "a command believes whom it is told to" "$(BAKERY_REGISTRY=$url BAKERY_CA=$WORK/cert.pem BAKERY_TOKEN=$reader "$BAKERY" image tag base)" "blue"
run env BAKERY_REGISTRY="$url" "$BAKERY" audit
like "and nobody else" "$code $out" "^6 .*certificate"
server "$home" -tls-cert "$WORK/cert.pem" -tls-key "$WORK/key.pem" -tls-client-ca "$WORK/cert.pem"
is "without the client's certificate it is 401" "$(status --cacert "$WORK/cert.pem" "$url/api/v1/images/base")" 401
is "with it, an answer" "$(status --cacert "$WORK/cert.pem" --cert "$WORK/cert.pem" --key "$WORK/key.pem" "$url/api/v1/images/base")" 200

# --- under systemd
is "it takes a socket, says that it is ready, and that it ends" "$("$CLIENT" notified "$BAKERY" serve -home "$home" 2>/dev/null | grep -v listening | tr '\n' ' ')" \
        "READY=1 200 STOPPING=1 0 "
unlike "nothing in all this was a defect" "$(cat "$WORK/server.log")" ' 500 '
