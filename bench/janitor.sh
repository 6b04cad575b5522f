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

# The whole of it: facts, twenty rules, and what follows.
bench_janitor() {
        janitor_fill
        echo "A plan of the janitor for $images images by 20 rules:"
        "$BAKERY" janitor plan -home "$WORK/many" -rules "$TOP/bench/janitor.hcl" >"$WORK/out"
        for i in $(runs 5); do
                /usr/bin/time -o "$WORK/time" -f '%e %M' "$BAKERY" janitor plan -home "$WORK/many" -rules "$TOP/bench/janitor.hcl" >"$WORK/out"
                cat "$WORK/time" >>"$WORK/times"
        done
        row "  plan (aim: 3 s)" "$(cut -d' ' -f1 "$WORK/times" | median) s"
        row "  memory (aim: 512 MiB)" "$(cut -d' ' -f2 "$WORK/times" | sort -n | awk '{ most = $1 / 1024 } END { printf "%.0f MiB", most }')"
        row "  images that it speaks of" "$(($(wc -l <"$WORK/out") - 2))"
}
