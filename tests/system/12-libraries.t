#!/bin/sh
# Libraries that few runs need are loaded by these few, and missed by them only.
. "$(dirname "$0")/lib.sh"
[ "$BUILD" = release ] || { echo "1..0 # SKIP only the release program loads libraries when they are needed"; exit 0; }
need root
plan 18

# loads COMMAND...: the libraries of the run itself, not of programs that it runs, are in $loaded; what it said, in $out.
loads() {
        rm -f "$WORK"/ld.*
        LD_DEBUG=files LD_DEBUG_OUTPUT="$WORK/ld" sh -c 'echo $$ >"$0"; exec "$@"' "$WORK/pid" "$@" >"$WORK/out" 2>&1 </dev/null
        code=$?
        out=$(cat "$WORK/out")
        loaded=$(sed -n 's/.*calling init: .*\///p' "$WORK/ld.$(cat "$WORK/pid")" | sort -u)
}
# without LIBRARY... -- COMMAND...: as on a host that lacks them; like run.
without() {
        hidden=
        while [ "$1" != -- ]; do
                hidden="$hidden $(ldconfig -p | sed -n "s/^[[:space:]]*$1 .*=> //p" | head -n 1)"
                shift
        done
        shift
        # shellcheck disable=SC2016
        run env HIDDEN="$hidden" unshare -m sh -c 'for file in $HIDDEN; do mount --bind /dev/null "$file" || exit 99; done; exec "$@"' - "$@"
}
few='^lib(virt|virt-qemu|curl|ssh|microhttpd|xml2|png16|crypto|sqlite3|pq|icuuc|gnutls)\.so'

mkdir "$WORK/root"
echo 'root:x:0:0::/root:/bin/sh' >"$WORK/root/passwd"
echo 'describe(file("/passwd")) { it { should contain "root" } }' >"$WORK/a_spec.rb"

loads "$BAKERY" --version
like "the loader says what it loads" "$loaded" "^libc\.so"
unlike "a version needs few libraries" "$loaded" "$few"
is "fewer than ten" "$([ "$(printf '%s\n' "$loaded" | wc -l)" -lt 10 ] && echo yes)" yes
loads "$BAKERY" spec run -root "$WORK/root" "$WORK/a_spec.rb"
is "checks of a folder are answered" "$code" 0
unlike "with few libraries" "$loaded" "$few"
loads "$BAKERY" boot keys '<wait>a<enter>'
is "keys are shown" "$code" 0
unlike "with few libraries" "$loaded" "$few"
loads "$BAKERY" spec run -root "$WORK/root" -format junit "$WORK/a_spec.rb"
like "a JUnit report comes through libxml2" "$loaded" "^libxml2\.so"
like "and is one" "$out" "<testsuite"

without libvirt.so.0 libcurl.so.4 -- "$BAKERY" spec run -root "$WORK/root" "$WORK/a_spec.rb"
is "what needs neither libvirt nor curl works without them" "$code" 0
without libvirt.so.0 libcurl.so.4 -- "$BAKERY" doctor
like "doctor names what cannot be loaded, and for what" "$out" "^missing +libraries +cannot be loaded: libvirt\.so\.0 \(guests\),.* libcurl\.so\.4 \(downloads\)$"
like "and the packages" "$out" "to do: apt-get install libvirt0 libcurl4$"
is "and exits with 6" "$code" 6
without libxml2.so.2 -- "$BAKERY" spec run -root "$WORK/root" -format junit "$WORK/a_spec.rb"
is "what needs a library that is missing exits with 6" "$code" 6
like "and says so" "$out" "error: libxml2\.so\.2 is needed for .* and cannot be loaded: .*; install the package libxml2$"

cd "$TOP" || exit 1
cat >"$WORK/user.c" <<'EOT'
extern void (*xmlFree)(void *);
extern void *xmlNewDoc(const void *);
extern int ours(void), theirs(void);
int ours(void) { return theirs(); }
void use(void) { xmlFree(xmlNewDoc(0)); }
EOT
gcc -c -o "$WORK/user.o" "$WORK/user.c"
exits "a variable of such a library fails the build" 1 tools/lazy tools/lazy.list gcc "$WORK/user.o"
like "and is named, with who uses it" "$out" "user\.o: uses xmlFree of libxml2\.so\.2, a variable"
gcc -DxmlFree=other -c -o "$WORK/user.o" "$WORK/user.c"
out=$(tools/lazy tools/lazy.list gcc "$WORK/user.o" | sed -n 's/^ *LAZY_FUNCTION //p')
is "functions that are called, of libraries in the list, are all that is made" "$out" '0, xmlNewDoc, "LIBXML2_2.4.30"'
