#!/bin/sh
# Templates as they are in the wild, for Packer: what they lean on is read, and what cannot be done is said.
. "$(dirname "$0")/lib.sh"
plan 31
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

# --- what only Packer has ---
many='{ "builders": [ { "type": "virtualbox-iso" }, { "type": "parallels-iso" }, { "type": "vmware", "iso_url": "x.iso", "iso_checksum": "none",
        "ssh_username": "u" }, { '"$qemu"', "image_name": "q" } ] }'
valid "builders that only Packer has are left out beside others" "$many"
like "  with a warning" "$out" "^t\.json:1:27: warning: 'virtualbox-iso' is left out: bakery has no builder 'virtualbox-iso' \(Packer has\)"
valid "  or by -except, without one" "$many" -except=virtualbox-iso,parallels-iso
unlike "  with none" "$out" "warning"
refused "where no other one is left, that is said" "^t\.json:1:27: error: bakery has no builder 'virtualbox-iso' \(Packer has\); it has .*qemu" "$many" -only=virtualbox-iso
refused "nothing is left to look at" "nothing is left" "$many" -except virtualbox-iso,parallels-iso,vmware,qemu
refused "a provisioner that only Packer has" "bakery has no provisioner 'ansible' \(Packer has\)" '{ "builders": [ { '"$qemu"' } ],
        "provisioners": [ { "type": "ansible", "playbook_file": "x" } ] }'

# --- post-processors that are for others ---
posts='{ "builders": [ { "type": "virtualbox-iso" }, { '"$qemu"' } ], "post-processors": [
        [ "manifest", { "type": "vagrant", "only": ["virtualbox-iso"] } ], [ { "type": "vagrant", "name": "box", "except": ["qemu"] } ],
        [ "manifest", { "type": "vagrant-cloud", "name": "cloud" }, "atlas" ] ] }'
refused "a post-processor that only Packer has" "bakery has no post-processor 'vagrant-cloud' \(Packer has\)" "$posts"
valid "  counts only where it would run: -except drops it, and the rest of its pipeline" "$posts" -except=cloud

# --- the running build, and statuses ---
valid "what is known of the running build" '{ "builders": [ { '"$qemu"' } ], "provisioners": [ { "type": "shell",
        "inline": ["{{build `ID`}} {{build `PackerRunUUID`}} {{build `SSHPublicKey`}} {{build `User`}} {{build `Host`}} {{build `Port`}} {{.PackerHTTPAddr}}"],
        "valid_exit_codes": [0, 2300218] } ], "post-processors": [ { "type": "shell-local", "inline": ["{{build `ID`}}"] } ] }'
refused "  and what is not" "build .SSHPublcKey. is not known" '{ "builders": [ { '"$qemu"' } ], "provisioners": [ { "type": "shell", "inline": ["{{build `SSHPublcKey`}}"] } ] }'
refused "a status that is none" "valid_exit_codes: '-1' is no status" '{ "builders": [ { '"$qemu"' } ], "provisioners": [ { "type": "shell", "inline": ["x"], "valid_exit_codes": [-1] } ] }'
valid "scripts on the build host, and waiting" '{ "builders": [ { '"$qemu"' } ], "provisioners": [ { "type": "shell-local", "command": "true", "tempfile_extension": ".sh" },
        { "type": "breakpoint" }, { "type": "sleep", "duration": "5s" } ] }'
refused "two kinds of script" "exactly one of inline, command, script and scripts; 2 are given" '{ "builders": [ { '"$qemu"' } ],
        "post-processors": [ { "type": "shell-local", "command": "x", "inline": ["x"] } ] }'

# --- names ---
both='{ "builders": [ { '"$qemu"', "vm_name": "Box..1" }, { "type": "vmware-iso", "iso_url": "x.iso", "iso_checksum": "none", "ssh_username": "u",
        "vm_name": "Box..1" } ] }'
valid "one vm_name for two builders" "$both"
like "  gives each image the name of its build, too" "$out" "warning: the image is called 'box\.1-qemu', for builder 'vmware-iso' has the same vm_name"
like "  the second, too" "$out" "warning: the image is called 'box\.1-vmware-iso', for builder 'qemu' has the same vm_name"
valid "  also when one of them is baked" "$both" -only=qemu
like "  the same" "$out" "'box\.1-qemu'"
exits "both are planned" 0 "$BAKERY" plan t.json
valid "an image_name says otherwise" '{ "builders": [ { '"$qemu"', "vm_name": "box" }, { '"$qemu"', "name": "b", "image_name": "b", "vm_name": "box" } ] }'
unlike "  without a warning" "$out" "warning"
