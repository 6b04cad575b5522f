#!/bin/sh
# Templates as they are in the wild, for Packer: what they lean on is read, and what cannot be done is said.
. "$(dirname "$0")/lib.sh"
plan 2
cd "$WORK" || exit 1

qemu='"type": "qemu", "iso_url": "x.iso", "iso_checksum": "none", "ssh_username": "u"'

# valid WHAT TEMPLATE [OPTION...]
valid() {
        what=$1
        printf '%s\n' "$2" >t.json
        shift 2
        exits "$what" 0 "$BAKERY" validate "$@" t.json
}

# refused WHAT PATTERN TEMPLATE [OPTION...]
refused() {
        what=$1 pattern=$2
        printf '%s\n' "$3" >t.json
        shift 3
        exits "$what" 2 "$BAKERY" validate "$@" t.json
        like "  and says why" "$out" "$pattern"
}

# --- empty is absent ---
valid "variables that were left empty count as not given" '{ "variables": { "e": "" }, "builders": [ { '"$qemu"', "communicator": "{{user `e`}}",
        "format": "", "boot_key_interval": "", "net_bridge": "", "vm_name": "", "image_name": "", "source_image": "", "iso_urls": [],
        "iso_checksum_url": "", "http_directory": "", "firmware": "", "output_directory": "" } ],
        "provisioners": [ { "type": "shell", "script": "", "inline": ["true"], "execute_command": "" } ] }'
valid "so does 0 where it cannot be meant" '{ "builders": [ { '"$qemu"', "ssh_port": 0, "cpus": "0", "http_port_min": 0, "host_port_min": 0,
        "vnc_port_min": 0, "disk_size": 0, "shutdown_timeout": "0s", "memory": 0 } ] }'
