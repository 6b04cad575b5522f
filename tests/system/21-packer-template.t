#!/bin/sh
# Templates as they are in the wild, for Packer: what they lean on is read, and what cannot be done is said.
. "$(dirname "$0")/lib.sh"
plan 80
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

# --- keys, old and in other manners ---
echo key >"$WORK/key"
HOME=$WORK
export HOME
valid "keys of older Packers, and in any case" '{ "builders": [ { "type": "qemu", "iso_url": "x.iso", "iso_md5": "d41d8cd98f00b204e9800998ecf8427e", "SSH_username": "u",
        "Headless": true, "ssh_key_path": "~/key", "ssh_bastion_host": "b", "ssh_bastion_certificate_file": "~/key", "ssh_bastion_interactive": true,
        "ssh_disable_agent": true, "http_callback_address": "192.0.2.1", "vnc_port_min": 5800, "packer_foo": 1, "memory": "2048.0" } ],
        "provisioners": [ { "Type": "shell", "Inline": ["true"], "override": { "qemu": { "Inline": ["false"] } } } ],
        "post-processors": [ { "type": "manifest", "filename": "m" } ] }'
refused "a comment inside a block is an unknown key, as in Packer" 'unknown key "_comment"' '{ "builders": [ { '"$qemu"', "_comment": "x" } ] }'
refused "a key in both cases" 'unknown key "Headless"' '{ "builders": [ { '"$qemu"', "headless": true, "Headless": true } ] }'
refused "a memory that is not whole" 'must be a whole number, found "2048.5"' '{ "builders": [ { '"$qemu"', "memory": "2048.5" } ] }'
valid "a VMware template for a format of its own" '{ "builders": [ { "type": "vmware-iso", "iso_url": "x.iso", "iso_checksum": "none", "ssh_username": "u",
        "format": "ova", "vmx_disk_template_path": "x" } ] }'
like "  is told what is written" "$out" "warning: format 'ova': a VMX and its VMDK are written"
refused "  and no other builder" "format is qcow2" '{ "builders": [ { '"$qemu"', "format": "ova" } ] }'

# --- what only a bake meets ---
web='{ "builders": [ { '"$qemu"', "http_directory": "web" } ] }'
valid "a folder that is not there yet" "$web"
like "  is warned of" "$out" "t\.json:1:[0-9]+: warning: \"http_directory\": there is no 'web' yet"
exits "  and refused by a bake" 2 "$BAKERY" build t.json
like "  with the place" "$out" "t\.json:1:[0-9]+: error: \"http_directory\": there is no 'web'"
valid "WinRM" '{ "builders": [ { "type": "qemu", "iso_url": "x.iso", "iso_checksum": "none", "communicator": "winrm", "winrm_username": "u" } ] }'
like "  is warned of" "$out" "warning: WinRM is not spoken here"
exits "  also by plan" 0 "$BAKERY" plan t.json
exits "  and refused by a bake" 2 "$BAKERY" build t.json
valid "a character that the keyboard has not" '{ "builders": [ { '"$qemu"', "boot_command": ["caf\u00e9"] } ] }'
like "  is warned of, with the keyboard that has" "$out" "warning: .*the us layout has no key for U\+00E9; boot_keyboard 'fr' could"
exits "  and refused by a bake" 2 "$BAKERY" build t.json

# --- what is rendered later is looked at now ---
refused "execute_command with a slip" "execute_command.*unknown function .nope" '{ "builders": [ { '"$qemu"' } ],
        "provisioners": [ { "type": "shell", "inline": ["x"], "execute_command": "{{nope}}" } ] }'
refused "a list of them, too" "execute_command.*\.Pth is not known" '{ "builders": [ { '"$qemu"' } ],
        "provisioners": [ { "type": "shell-local", "inline": ["x"], "execute_command": ["sh", "{{.Pth}}"] } ] }'
valid "  and without" '{ "builders": [ { '"$qemu"' } ], "provisioners": [ { "type": "shell", "inline": ["x"],
        "execute_command": "{{.Vars}} sudo -E sh {{.Path}}", "use_env_var_file": true } ], "post-processors": [ { "type": "checksum", "output": "{{.BuildName}}" } ] }'
refused "qemuargs that are no pairs" "qemuargs is \[" '{ "builders": [ { '"$qemu"', "qemuargs": ["-m", "1G"] } ] }'
refused "qemuargs of something else" "qemuargs are made of strings, found an array" '{ "builders": [ { '"$qemu"', "qemuargs": [["-m", ["1G"]]] } ] }'
refused "qemuargs with a slip" "qemuargs: .*unknown function" '{ "builders": [ { '"$qemu"', "qemuargs": [["-m", "{{usr `m`}}"]] } ] }'
valid "qemuargs" '{ "builders": [ { '"$qemu"', "qemuargs": [["-m", 1024], ["-no-reboot"], ["-netdev", "user,id=user.0,hostfwd=tcp::{{ .SSHHostPort }}-:22"]] } ] }'

# --- secret stores ---
printf '%s\n' '{ "variables": { "p": "{{vault `a` `b`}}", "c": "{{consul_key `k`}}" }, "builders": [ { '"$qemu"' } ] }' >t.json
exits "inspect does not ask secret stores" 0 "$BAKERY" inspect t.json
exits "validate says that they are not asked" 2 "$BAKERY" validate t.json
like "  by name" "$out" "vault is not supported"

# --- Packer's options ---
printf '%s\n' '{ "builders": [ { '"$qemu"' } ] }' >t.json
echo '{ "other": "x" }' >vars.json
exits "Packer's options of build are taken" 0 "$BAKERY" plan -debug -parallel=false -use-sequential-evaluation -ignore-prerelease-plugins \
        -skip-enforcement -on-error=ask -warn-on-undeclared-var -var-file vars.json t.json
like "  -debug waits for nobody without a terminal" "$out" "warning: -debug waits for nobody"
like "  -on-error=ask is cleanup" "$out" "warning: -on-error=ask is 'cleanup' here"
like "  and variables of a file are warned of" "$out" '^vars\.json:1:3: warning: the template does not declare a variable "other"'
exits "another -on-error is refused" 2 "$BAKERY" plan -on-error=never t.json
exits "Packer's options of validate are taken" 0 "$BAKERY" validate -evaluate-datasources -no-warn-undeclared-var -var x=y t.json
unlike "  and heeded" "$out" "warning"
exits "init has nothing to fetch" 0 "$BAKERY" init -upgrade t.json
like "  and says so" "$out" "nothing to fetch"
mkdir folder
: >x.pkr.hcl
exits "HCL2 is said not to be read" 2 "$BAKERY" validate x.pkr.hcl
like "  by that name" "$out" "HCL2 is not read yet"
exits "nor is a folder" 2 "$BAKERY" init folder
