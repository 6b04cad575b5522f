# Images for tests of what other programs read: real disks, small ones. Needs serve/lib.sh, and $url, $auth of a server that takes them.
LAYERS="$WORK/disks/layers"
mkdir -p "$LAYERS"

# disk BYTE [BELOW]: a layer of which one MiB is that byte, sent to the server; its digest.
disk() {
        if [ -n "${2:-}" ]; then
                (cd "$LAYERS" && qemu-img create -q -f qcow2 -o cluster_size=65536,extended_l2=on -b "../layers/${2#sha256:}.qcow2" -F qcow2 new 64M)
        else
                qemu-img create -q -f qcow2 -o cluster_size=65536,extended_l2=on "$LAYERS/new" 64M
        fi
        qemu-io -f qcow2 -c "write -P $1 ${1}M 1M" "$LAYERS/new" >/dev/null
        hex=$(sha256sum <"$LAYERS/new" | cut -d' ' -f1)
        mv "$LAYERS/new" "$LAYERS/$hex.qcow2"
        status -H "$auth" -T "$LAYERS/$hex.qcow2" "$url/api/v1/layers/sha256:$hex" >"$WORK/disk.status"
        echo "sha256:$hex"
}

# image NAME LAYER [ANCESTOR] [KEY=VALUE...]: published as tested; its id.
image() {
        "$CLIENT" document "$WORK/image.json" "$1" "$2" "${3:-}" $(shift 3 2>/dev/null && echo "$*")
        status -H "$auth" -d @"$WORK/image.json" "$url/api/v1/images" >"$WORK/image.status"
}
