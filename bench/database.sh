# The registry in a file and in PostgreSQL, both with every commit on the disk: publishing, the newest tested image, backup and restore.
bench_database() {
        make -s -C "$TOP" build/release/tests/unit/registry/time_database
        echo "The registry, ${IMAGES:-100000} images of eight attributes and 300 published with 400 packages:"
        mkdir -p "$WORK/lite" "$WORK/postgres"
        echo "  SQLite"
        "$TOP/build/release/tests/unit/registry/time_database" "$WORK/lite" "${IMAGES:-100000}" | sed 's/^/    /'
        if "$TOP/tests/postgres" here; then
                server=$(mktemp -d "${TMPDIR:-/tmp}/bakery-bench-XXXXXX")
                OWNER=$$ POSTGRES_OPTIONS="-c fsync=on -c synchronous_commit=on -c full_page_writes=on" "$TOP/tests/postgres" start "$server"
                echo "  PostgreSQL, by a socket"
                BAKERY_DB="postgresql://bakery@/postgres?host=$server" "$TOP/build/release/tests/unit/registry/time_database" "$WORK/postgres" \
                        "${IMAGES:-100000}" | sed 's/^/    /'
                "$TOP/tests/postgres" stop "$server"
        else
                row "  PostgreSQL" "not installed (postgresql)"
        fi
}
