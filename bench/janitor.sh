# What a plan of the janitor begins with: everything that is known of IMAGES (a million, unless said otherwise) with 8 attributes each and
# lineages 20 deep, read at once.
janitor_fill() { # into $WORK/many, once a run
        images=${IMAGES:-1000000}
        driver=$TOP/build/release/tests/unit/registry/registry_driver
        make -s -C "$TOP" build/release/tests/unit/registry/registry_driver
        [ -d "$WORK/many" ] || "$driver" fill "$WORK/many" "$images"
}

bench_facts() {
        janitor_fill
        echo "What is known of $images images: launches, channels, states, kinds, marks, and attributes:"
        "$driver" facts "$WORK/many" 1 >/dev/null      # the host's cache has read it
        for keys in "" "team kernel release environment" "team kernel build environment"; do
                # shellcheck disable=SC2086
                "$driver" facts "$WORK/many" "${RUNS:-5}" $keys >"$WORK/facts"
                read -r ms mib _ kinds <"$WORK/facts"
                row "  ${keys:-no attributes} (aim: 2000 ms)" "$ms ms, $mib MiB, $kinds kinds"
        done
}
