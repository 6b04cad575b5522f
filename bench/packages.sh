# Which images have a package, and what 50,000 advisories say of all of them: 20,000 images with 400 packages each, no two alike.
# IMAGES in the environment is another number of them.
bench_packages() {
        driver=$TOP/build/release/tests/unit/registry/packages_driver
        images=${IMAGES:-20000}
        make -s -C "$TOP" "${driver#"$TOP"/}"
        echo "Packages and advisories of $images images with 400 packages each:"
        t=$(now)
        "$driver" fill "$WORK/packages" "$images" 400
        row "  (filling the registry took, seconds)" "$(seconds $(($(now) - t)))"
        "$driver" osv "$WORK/osv.json" 50000
        "$driver" tracker "$WORK/tracker.json" 60000
        row "  openssl < X, and which are in use, milliseconds (aim: 250)" \
                "$("$driver" ask "$WORK/packages" '/packages?name=openssl&version=<3.0.7-1&limit=100000' "${RUNS:-9}" | median)"
        row "  ... only those in use" \
                "$("$driver" ask "$WORK/packages" '/packages?name=openssl&version=<3.0.7-1&in_use=1&limit=100000' "${RUNS:-9}" | median)"
        : >"$WORK/t.import"
        timed "$WORK/t.import" "$BAKERY" advisory import -home "$WORK/packages" "$WORK/osv.json"
        row "  50,000 advisories read and matched, an event an image, seconds (aim: 60)" "$(median <"$WORK/t.import")"
        : >"$WORK/t.import"
        timed "$WORK/t.import" "$BAKERY" advisory import -home "$WORK/packages" "$WORK/osv.json"
        row "  the same again" "$(median <"$WORK/t.import")"
        : >"$WORK/t.import"
        timed "$WORK/t.import" "$BAKERY" advisory import -home "$WORK/packages" "$WORK/tracker.json"
        row "  60,000 issues of Debian's tracker" "$(median <"$WORK/t.import")"
        row "  what is vulnerable in one image, milliseconds" "$("$driver" ask "$WORK/packages" '/images/app-1/vulnerable' "${RUNS:-9}" | median)"
        : >"$WORK/t.import"
        timed "$WORK/t.import" "$BAKERY" vulnerable -home "$WORK/packages" -quiet
        row "  how much is, in each of all images, seconds" "$(median <"$WORK/t.import")"
        rm -rf "$WORK/packages"
}
