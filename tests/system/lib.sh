# TAP for shell tests. Source it, call plan, then ok/is/like/...
# Every test file has a state folder of its own, removed at the end.
set -u
TOP=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-release}
BAKERY=${BAKERY:-$TOP/build/$BUILD/bin/bakery}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/bakery-test-XXXXXX")
export BAKERY_HOME="$WORK/home" LC_ALL=C.UTF-8 NO_COLOR=1
# Options that the caller's environment may hold must not change what is tested.
for name in $(env | sed -n 's/^\(BAKERY_[A-Z_]*\)=.*/\1/p'); do
        case $name in BAKERY_HOME | BAKERY_REQUIRE) ;; *) unset "$name" ;; esac
done
count=0
failed=0

finish() {
        status=$?
        [ -z "${CLEANUP:-}" ] || eval "$CLEANUP"
        cd /
        if [ $failed -eq 0 ] || [ -z "${BAKERY_KEEP:-}" ]; then
                rm -rf --one-file-system "$WORK"
        else
                echo "# kept: $WORK"
        fi
        exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

plan() { echo "1..$1"; }

ok() { # ok WHAT STATUS
        count=$((count + 1))
        if [ "$2" -eq 0 ]; then
                echo "ok $count - $1"
        else
                failed=$((failed + 1))
                echo "not ok $count - $1"
        fi
}

note() { printf '%s\n' "$*" | sed 's/^/# /'; }

is() { # is WHAT GOT EXPECTED
        if [ "$2" = "$3" ]; then
                ok "$1" 0
        else
                ok "$1" 1
                note "     got: $2"
                note "expected: $3"
        fi
}

like() { # like WHAT TEXT EXTENDED-REGEX
        if printf '%s\n' "$2" | grep -Eq -- "$3"; then
                ok "$1" 0
        else
                ok "$1" 1
                note "     got: $2"
                note "no match: $3"
        fi
}

unlike() { # unlike WHAT TEXT EXTENDED-REGEX
        if printf '%s\n' "$2" | grep -Eq -- "$3"; then
                ok "$1" 1
                note "     got: $2"
                note "matches: $3"
        else
                ok "$1" 0
        fi
}

# Runs a command; its output is in $out (both streams) and its status in $code.
run() {
        out=$("$@" 2>&1 </dev/null)
        code=$?
}

# exits WHAT CODE COMMAND...: also leaves $out and $code.
exits() {
        what=$1 wanted=$2
        shift 2
        run "$@"
        ok "$what" $((code != wanted))
        if [ $code -ne "$wanted" ]; then
                note "exited with $code, expected $wanted:"
                note "$out"
        fi
}

able() {
        case $1 in
        root) [ "$(id -u)" -eq 0 ] ;;
        loop) [ -c /dev/loop-control ] ;;
        fuse) [ -c /dev/fuse ] ;;
        net) [ -c /dev/net/tun ] ;;
        ovmf) [ -f /usr/share/OVMF/OVMF_CODE_4M.fd ] ;;
        kernel) ls /boot/vmlinuz-* >/dev/null 2>&1 ;;
        postgres) "$TOP/tests/postgres" here ;;
        jsonschema) /usr/bin/python3 -c 'import jsonschema' 2>/dev/null ;;
        qemu) command -v qemu-system-x86_64 >/dev/null ;;
        *) command -v "$1" >/dev/null ;;
        esac
}

# A missing prerequisite skips the file aloud, or fails it when BAKERY_REQUIRE names it.
need() {
        for thing; do
                able "$thing" && continue
                case ",${BAKERY_REQUIRE:-}," in
                *",$thing,"* | *,all,*)
                        echo "Bail out! $thing is required and not here"
                        exit 1 ;;
                esac
                echo "1..0 # SKIP needs $thing"
                exit 0
        done
}

# --- images to stand on -------------------------------------------------------
# The three stock images are baked once for all tests of a build, into a folder of
# the build; a test gets a copy (hard links: layers are never written to).
FIXTURE=$TOP/build/$BUILD/fixture
fixture() {
        mkdir -p "$TOP/build/$BUILD"
        exec 9>"$FIXTURE.lock"
        flock 9
        stock="$TOP/images/foundation/debian-12/template.json $TOP/images/base/debian-12/template.json $TOP/images/app/nginx/template.json"
        # shellcheck disable=SC2086
        if ! "$BAKERY" build -home "$FIXTURE" -plain $stock >"$FIXTURE.log" 2>&1; then
                sed 's/^/# /' "$FIXTURE.log"
                echo "Bail out! the stock images do not bake"
                exit 1
        fi
        mkdir -p "$BAKERY_HOME"
        cp -al "$FIXTURE/store" "$FIXTURE/cache" "$BAKERY_HOME/"
        rm -rf "$BAKERY_HOME/cache/verified"
        cp "$FIXTURE/registry.db" "$BAKERY_HOME/"
        exec 9>&-
}

# An empty database of the test's own, on the server of all tests or one that ends with this one; its URL is in $URL, and its server's folder in
# $TEST_POSTGRES.
postgres() { # postgres NAME
        if [ -z "${TEST_POSTGRES:-}" ]; then
                TEST_POSTGRES=$(mktemp -d /tmp/bakery-test-XXXXXX)
                OWNER=$$ "$TOP/tests/postgres" start "$TEST_POSTGRES" || { echo "Bail out! PostgreSQL does not start"; exit 1; }
                CLEANUP="${CLEANUP:+$CLEANUP; }'$TOP/tests/postgres' stop '$TEST_POSTGRES'"
        fi
        psql -X -q -h "$TEST_POSTGRES" -U bakery -c "CREATE DATABASE $1 TEMPLATE template0" postgres || exit 1
        CLEANUP="psql -X -q -h '$TEST_POSTGRES' -U bakery -c 'DROP DATABASE IF EXISTS $1 WITH (FORCE)' postgres${CLEANUP:+; $CLEANUP}"
        URL="postgresql://bakery@/$1?host=$TEST_POSTGRES"
}

# --- leaks ---------------------------------------------------------------------------
# What a dead bake could leave, as far as it belongs to this test's state folder.
leaks() {
        home=${1:-$BAKERY_HOME}
        grep -F "$home" /proc/mounts | sed 's/^/mount: /'
        losetup -l -n -O NAME,BACK-FILE | grep -F "$home" | sed 's/^/loop: /'
        pgrep -af -- "$home" | grep -v -F -e pgrep -e "bakery-test" | sed 's/^/process: /'
        find "$home/store/drafts" "$home/run/leases" -mindepth 1 2>/dev/null | sed 's/^/left: /'
        find "$home/run" -maxdepth 1 -name 'debs-*' 2>/dev/null | sed 's/^/left: /'
}

# A chroot template on the stock base image: template FILE PROVISIONERS-JSON [EXTRA-BUILDER-KEYS] [POST-PROCESSORS-JSON]
template() {
        keys=${3:+, $3}
        post=${4:+, \"post-processors\": $4}
        cat >"$1" <<-EOT
	{
	  "builders": [{ "type": "chroot", "name": "test", "image_name": "test", "source_image": "${SOURCE:-base}"$keys }],
	  "provisioners": ${2:-[]}$post
	}
	EOT
}
