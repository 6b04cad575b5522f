# Servers for tests: each listens on a port of its own, which it says, and ends with the test.
CLIENT="$TOP/tests/system/serve/client"
export WORK
servers= n_servers=0
CLEANUP='for pid in $servers; do kill -9 $pid 2>/dev/null; done'

# server HOME OPTIONS...: leaves $url, $port and $pid.
server() {
        home=$1
        shift
        n_servers=$((n_servers + 1))
        mkfifo "$WORK/said.$n_servers"
        "$BAKERY" serve -home "$home" -listen 127.0.0.1:0 "$@" >"$WORK/said.$n_servers" 2>>"$WORK/server.log" &
        pid=$!
        servers="$servers $pid"
        exec 8<"$WORK/said.$n_servers"
        read -r _ _ url <&8
        port=${url##*:}
}

# status CURL-ARGS...: the status alone.
status() { curl -s -o /dev/null -w '%{http_code}' --max-time 120 "$@"; }
