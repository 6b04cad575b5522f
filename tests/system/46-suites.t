#!/bin/sh
# The ready suites: they pass on the stock images, and fail where something is wrong.
. "$(dirname "$0")/lib.sh"
need root loop fuse net mmdebstrap
plan 16
fixture
suites="$TOP/images/specs"

# suite NAME SOURCE [PROVISIONERS]: bakes SOURCE with that suite; $report is the list of checks, $tally how many came out how.
suite() {
        cat >"$WORK/$1.json" <<-EOT
	{ "builders": [{ "type": "chroot", "name": "test", "image_name": "$1-$2-$count", "source_image": "$2", "publish_failed": true,
	                 "specs": ["$suites/$1_spec.rb"] }], "provisioners": ${3:-[]} }
	EOT
        run "$BAKERY" build -plain -force "$WORK/$1.json"
        [ $code -eq 0 ] || [ $code -eq 3 ] || note "$out"
        report=$("$BAKERY" image show "$1-$2-$count" -json | jq -c '[.checks[] | { verdict, name, message }]')
        bad=$(printf '%s' "$report" | jq -r '.[] | select(.verdict != "passed") | "\(.verdict): \(.name): \(.message)"')
        tally=$(printf '%s' "$report" | jq -r '[.[].verdict] | unique | join(" ")')
        note "$1 on $2: $(printf '%s' "$report" | jq -r 'group_by(.verdict) | map("\(length) \(.[0].verdict)") | join(", ")')"
}

for image in foundation base nginx; do
        suite bootable $image
        is "bootable: $image" "$tally$bad" passed
        suite no_secrets $image
        is "no secrets: $image" "$tally$bad" passed
done
for image in base nginx; do
        suite ssh_hardening $image
        is "SSH is hardened: $image" "$tally$bad" passed
        suite time $image
        is "the time is known: $image" "$tally$bad" passed
done
suite ssh_hardening foundation
is "without an SSH server there is nothing to harden" "$tally" skipped
suite time foundation
like "a foundation has no NTP client, and that is said" "$bad" '^failed: NTP is enabled: '

suite bootable base '[{ "type": "shell", "inline": ["rm /boot/initrd.img-* && sed -i s,^UUID=[^[:blank:]]*,/dev/sda3, /etc/fstab && sed -i s,root=UUID=[^[:blank:]]*,root=/dev/vda3, /boot/grub/grub.cfg"] }]'
is "what keeps an image from booting is found" "$(printf '%s\n' "$bad" | grep -c '^failed: ')" 5
suite no_secrets base '[{ "type": "shell", "inline": ["ssh-keygen -q -t ed25519 -N \"\" -f /etc/ssh/ssh_host_ed25519_key && echo root:x | chpasswd && mkdir -p /root/.ssh /home/a && echo ssh-ed25519 AAAA builder >/root/.ssh/authorized_keys && useradd -d /home/a a && echo id >/home/a/.bash_history && mkdir -p /var/lib/dhcp && echo lease >/var/lib/dhcp/dhclient.eth0.leases"] }]'
is "what a builder left is found" "$(printf '%s\n' "$bad" | grep -c '^failed: ')" 5
suite ssh_hardening base '[{ "type": "shell", "inline": ["echo PermitRootLogin yes >/etc/ssh/sshd_config.d/10-root.conf && chmod 666 /etc/ssh/sshd_config"] }]'
is "what opens SSH is found, in whatever file it stands" "$(printf '%s\n' "$bad" | grep -c '^failed: ')" 3
suite updates nginx
like "updates are known, or it is said that they are not" "$tally" '^(passed|failed|unanswered)$'
[ "$tally" = passed ] || note "$bad"
