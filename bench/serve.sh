# `bakery serve` on one processor, asked by wrk from another: the newest tested image of a name with an attribute, in a registry of
# SERVE_IMAGES images with 8 attributes each; one and the same, and very many different ones, which no remembered answer is for. CPU time for
# each request beside the rate: on a machine that does other things at the same time the former is the one to compare.

# Rows as a bake would make them, by SQL, so that many take seconds.
serve_registry() { # serve_registry HOME N
        mkdir -p "$1"
        "$BAKERY" token list -home "$1" >/dev/null 2>&1 || true          # makes the file
        sqlite3 "$1/registry.db" <<-END
	PRAGMA synchronous = OFF;
	BEGIN;
	CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2) SELECT i FROM n;
	INSERT INTO layer (id, digest, size, virtual_size, depth) SELECT i, printf('sha256:%064x', i), 4096, 1 << 30, 0 FROM n;
	INSERT INTO image (sequence, id, name, type, state, layer, size, virtual_size, created_at, created_by, created_on)
	        SELECT i, printf('sha256:%064x', i + 1000000000), 'app' || (i % 100), 'base', i % 3, i, 4096, 1 << 30, 1700000000 + i, 'ada', 'oven' FROM n;
	INSERT INTO attribute (image, key, value, name) SELECT i, k.key, k.key || '-' || ((i / k.every) % k.of), 'app' || (i % 100)
	        FROM n, (SELECT 'release' AS key, 100 AS every, 4 AS of UNION ALL SELECT 'architecture', 400, 2 UNION ALL SELECT 'environment', 800, 3
	        UNION ALL SELECT 'kernel', 100, 50 UNION ALL SELECT 'os', 100, 2 UNION ALL SELECT 'team', 100, 20 UNION ALL SELECT 'build', 1, 100000
	        UNION ALL SELECT 'type', 100, 5) k WHERE 1;
	INSERT INTO document (image, manifest) SELECT i, '{}' FROM n;
	COMMIT;
	END
}

# serve_run TEXT TARGET OPTIONS...: a row with requests a second, p99, and CPU time of the server for each request.
serve_run() {
        text=$1 target=$2
        shift 2
        rm -f "$WORK/said"
        mkfifo "$WORK/said"
        taskset -c 0 "$BAKERY" serve -home "$WORK/serve" -listen 127.0.0.1:0 "$@" >"$WORK/said" 2>"$WORK/serve.log" &
        server=$!
        children="$children $server"
        read -r _ _ url <"$WORK/said"
        for i in $(runs 3); do
                before=$(awk '{ print $14 + $15 }' "/proc/$server/stat")
                # shellcheck disable=SC2086
                taskset -c "${SERVE_CLIENT:-1}" wrk -t1 -c32 -d"${SERVE_SECONDS:-5}" --latency ${script:+-s "$script"} ${header:+-H "$header"} "$url$target" >"$WORK/wrk"
                after=$(awk '{ print $14 + $15 }' "/proc/$server/stat")
                awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" '/99%/ { p99 = $2 } /requests in/ { n = $1 } /Requests\/sec/ { rate = $2 }
                        /Non-2xx/ { bad = 1 } END { printf "%.0f requests/s, p99 %s, %.0f us of CPU each%s\n", rate, p99, ticks / hz * 1e6 / n,
                        bad ? " (errors!)" : "" }' "$WORK/wrk" >>"$WORK/serve.rows"
        done
        row "  $text" "$(sort -n "$WORK/serve.rows" | tail -n 1)"
        rm "$WORK/serve.rows"
        [ -z "${and:-}" ] || "$and"
        most=$(awk '/^VmHWM/ { print $2 }' "/proc/$server/status")
        [ "$most" -le "${serve_most:-0}" ] || serve_most=$most
        kill "$server"
        wait "$server" || true
}

# Each request asks for another name and other attributes, and no two are the same.
serve_script() {
        cat >"$WORK/serve.lua" <<-'END'
	local asked = 0
	request = function()
	        asked = asked + 1
	        return wrk.format("GET", string.format("/api/v1/images?name=app%d&release=release-%d&environment=environment-%d&state=tested" ..
	                                               "&sequence<%d&_latest=1", asked % 100, asked % 4, asked % 3, 2000000 + asked))
	end
	END
        script=$WORK/serve.lua
}

# Of everything else what takes longest, asked once each of the server that the requests before have warmed.
serve_others() {
        for path in /metrics / /images /images/app7 '/images?q=type%3Dbase' '/api/v1/packages?name=openssl' /api/v1/vulnerable /api/v1/advisories \
                /streams/v1/images.json /packages?name=openssl /advisories /janitor '/api/v1/images?team~zzz'; do
                row "  $path" "$(curl -s -o /dev/null -w '%{time_total} s (%{http_code})' "$url$path")"
        done
}

bench_serve() {
        images=${SERVE_IMAGES:-1000000}
        command -v wrk >/dev/null || { row "HTTP" "not measured (wrk)"; return; }
        echo "The registry over HTTP, $images images, one processor (aim: 5000 requests/s, p99 20 ms, 256 MiB):"
        serve_registry "$WORK/serve" "$images"
        query='/api/v1/images?name=app7&release=release-1&state=tested&_latest=1'
        serve_run "newest tested image" "$query"
        serve_run "... every answer looked up" "$query" -cache-most 0
        serve_script
        and=serve_others serve_run "as many different questions as requests" ""
        script=
        header='Connection: close' serve_run "... a connection for each request" "$query" -connections 200 -connections-each 200
        (while sleep 0.1; do "$BAKERY" image tag app7 "at=$(date +%N)" -home "$WORK/serve" >/dev/null 2>&1 || break; done) &
        writer=$!
        children="$children $writer"
        serve_run "... while another process changes something every 0.1 s" "$query"
        kill "$writer" 2>/dev/null || true
        row "  memory of the server, at most" "$(awk -v k="${serve_most:-0}" 'BEGIN { printf "%.1f MiB", k / 1024 }')"
}
