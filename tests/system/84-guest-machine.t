#!/bin/sh
# A machine with all that a template may ask for - UEFI, q35, a TPM, a SATA disk, a seed CD, a floppy, a second disk, arguments
# of QEMU - has it; scripts reach the bake's HTTP server; and what two machines must not share is gone from the image.
. "$(dirname "$0")/lib.sh"
need root loop fuse qemu swtpm xorriso
plan 23
fixture
cd "$WORK" || exit 1
mkdir www
echo "from the host" >www/greeting

cat >t.json <<'EOT'
{
  "builders": [{
    "type": "qemu", "name": "m", "image_name": "m", "source_image": "nginx", "boot_wait": "0s", "memory": 1536, "cpus": 2,
    "machine_type": "q35", "efi_boot": true, "vtpm": true, "disk_interface": "sata", "net_device": "e1000",
    "cd_content": { "user-data": "#cloud-config\n", "meta-data": "instance-id: x\n" }, "cd_label": "cidata",
    "floppy_content": { "preseed.cfg": "d-i x\n" }, "disk_additional_size": ["100M"], "http_directory": "www",
    "qemuargs": [["-smbios", "type=1,serial=bakery-{{ .Name }}"], ["-m", "1200M"], ["-display", "gtk"]], "vm_name": "machine"
  }],
  "provisioners": [{ "type": "shell", "inline": [
    "echo efi=$(test -d /sys/firmware/efi && echo yes) tpm=$(cat /sys/class/tpm/tpm0/tpm_version_major) cpus=$(nproc)",
    "echo serial=$(cat /sys/class/dmi/id/product_serial) memory=$(awk '/MemTotal/ { print int($2 / 1024 / 100) }' /proc/meminfo)",
    "echo root=$(lsblk -no TRAN $(findmnt -no SOURCE / | sed 's/[0-9]*$//') | head -n 1) net=$(basename $(readlink /sys/class/net/e*/device/driver))",
    "echo cd=$(blkid -o value -s LABEL /dev/sr0) disks=$(lsblk -dno SIZE | grep -c 100M)",
    "echo user=$(whoami) type=$PACKER_BUILDER_TYPE name=$PACKER_BUILD_NAME",
    "echo addr=$PACKER_HTTP_ADDR split=$PACKER_HTTP_IP:$PACKER_HTTP_PORT told={{build `PackerHTTPAddr`}}",
    "echo build={{build `ConnType`}}:{{build `User`}}@{{build `Host`}} id={{build `ID`}} key={{.SSHPublicKey}}",
    "echo keys=$(wc -l </root/.ssh/authorized_keys) id=$(wc -c </etc/machine-id)" ], "inline_shebang": "/bin/bash -e" },
    { "type": "shell-local", "inline": [ "echo local=$PACKER_HTTP_ADDR machine={{build `ID`}}" ] }]
}
EOT
exits "a guest with all of it is baked" 0 "$BAKERY" build -plain t.json
like "UEFI, TPM 2, two processors" "$out" "efi=yes tpm=2 cpus=2"
like "qemuargs: SMBIOS with {{ .Name }}, memory as -m has it" "$out" "serial=bakery-machine memory=1[01]$"
like "qemuargs: what is pointless is said" "$out" "qemuargs: .*-display"
like "the disk is on SATA, the card an e1000" "$out" "root=sata net=e1000"
like "the seed CD has its label, the second disk is there" "$out" "cd=cidata disks=1"
like "a script knows its bake" "$out" "user=root type=qemu name=m"
like "... and where the HTTP server is" "$out" "addr=10\.0\.2\.2:([0-9]+) split=10\.0\.2\.2:\1 told=10\.0\.2\.2:\1$"
like "... and what it runs in" "$out" "build=ssh:root@127\.0\.0\.1 id=machine key=ssh-"
like "... and so does one on this host" "$out" "local=10\.0\.2\.2:[0-9]+ machine=machine"
like "while it ran it had one key, and an id" "$out" "keys=1 id=33"
is "nothing is left" "$(leaks)" ""

SOURCE=m template look.json '[ { "type": "shell", "inline": [
        "echo id=$(wc -c </etc/machine-id) hostkeys=$(ls /etc/ssh/ssh_host_*key 2>/dev/null | wc -l) authorized=$(test -e /root/.ssh/authorized_keys && echo there || echo gone)",
        "echo ssh-folder=$(test -e /root/.ssh && echo there || echo gone) journal=$(find /var/log/journal -type f 2>/dev/null | wc -l)" ] } ]'
exits "a chroot goes on from it" 0 "$BAKERY" build -plain look.json
like "its machine id is empty, its host keys and the bake's key are gone" "$out" "id=0 hostkeys=0 authorized=gone"
like "... and the folder of that key, too" "$out" "ssh-folder=gone"

# --- a password that is right, specs on what a guest left -----------------------------------------
SOURCE=nginx template password.json '[ { "type": "shell", "inline": [
        "echo root:image-pass | chpasswd", "printf \"PermitRootLogin yes\\nPasswordAuthentication yes\\n\" >/etc/ssh/sshd_config.d/10-password.conf",
        "mkdir -p /root/.ssh", "echo \"# kept\" >/root/.ssh/authorized_keys", "chmod 640 /root/.ssh/authorized_keys" ] } ]'
exits "an image has a password, and keys of others" 0 "$BAKERY" build -plain password.json
cat >bad_spec.rb <<'EOT'
describe file('/etc/no-such-file') do
  it { should exist }
end
describe package('nginx') do
  it { should be_installed }
end
describe file('/root/.ssh/authorized_keys') do
  its(:content) { should eq "# kept\n" }
  it { should be_mode 640 }
end
EOT
cat >spec.json <<'EOT'
{
  "builders": [{
    "type": "qemu", "name": "s", "image_name": "s", "source_image": "test", "boot_wait": "0s", "specs": ["bad_spec.rb"], "accelerator": "tcg",
    "ssh_username": "root", "ssh_password": "image-pass",
    "boot_command": ["<wait serial \"login: \" 1m><wait port 22 30s><wait port 80 30s>"], "shutdown_command": "systemctl poweroff"
  }],
  "provisioners": [{ "type": "shell", "inline": [
    "echo by=$(journalctl -b -t sshd -o cat | sed -n 's/^Accepted \\([a-z]*\\) .*/\\1/p' | tail -n 1) keys=$(wc -l </root/.ssh/authorized_keys)" ] }]
}
EOT
exits "failing specs stop a guest's image from being published" 1 "$BAKERY" build -plain spec.json
like "its ports were waited for" "$out" "typed in [0-9]"
like "the password was right, and a key stood for it, which an emulated guest checks in no time" "$out" "by=publickey keys=2"
like "it says which check failed" "$out" "no-such-file"
like "... and how many; the keys of others are as they were" "$out" "3 passed, 1 failed"
is "it is not in the registry" "$("$BAKERY" images s 2>/dev/null | grep -c ' s ')" 0
is "nothing is left" "$(leaks)" ""
exit $failed
