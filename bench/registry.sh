# A registry of IMAGES (a million, unless said otherwise) with 8 attributes each and lineages 20 deep, asked in-process. Milliseconds.
bench_registry() {
        images=${IMAGES:-1000000}
        driver=$TOP/build/release/tests/unit/registry/registry_driver
        make -s -C "$TOP" build/release/tests/unit/registry/registry_driver
        echo "A registry of $images images, milliseconds (p50, p99, longest):"
        t=$(now)
        "$driver" fill "$WORK/registry" "$images"
        row "  filled, seconds, and its size" "$(seconds $(($(now) - t))), $(du -h "$WORK/registry/registry.db" | cut -f1)"
        "$driver" newest "$WORK/registry" 2000 >/dev/null      # the host's cache has read what is asked most
        row "  newest tested of an application and 4 attributes (aim: 2)" "$("$driver" newest "$WORK/registry" 10000 | cut -d' ' -f1-3)"
        row "  the same 4 attributes, of any application" "$("$driver" anywhere "$WORK/registry" 2000 | cut -d' ' -f1-3)"
        row "  10,000 descendants (aim: 50)" "$("$driver" descendants "$WORK/registry" 100 | cut -d' ' -f1-3)"
        row "  by a version: app-005?kernel>6.9&_latest" "$("$driver" ask "$WORK/registry" 200 'app-005?kernel>6.9&_latest' | cut -d' ' -f1-3)"
        row "  by a pattern: ?team~7\$&_limit=50" "$("$driver" ask "$WORK/registry" 50 '?team~7$&_limit=50' | cut -d' ' -f1-3)"
        row "  of the past: app-100?_at=2020-10-01&_limit=100" "$("$driver" ask "$WORK/registry" 20 'app-100?_at=2020-10-01&_limit=100' | cut -d' ' -f1-3)"
        rm -rf "$WORK/registry"
}
