#!/bin/sh
# Time zone, locale, services; see files/ for what they read.
set -eu

ln -sf "/usr/share/zoneinfo/$TIMEZONE" /etc/localtime
echo "$TIMEZONE" > /etc/timezone

echo "$LOCALE UTF-8" > /etc/locale.gen
locale-gen
update-locale "LANG=$LOCALE"

systemctl enable systemd-networkd systemd-resolved ssh ssh-host-keys
# An image changes by being baked anew, not by itself.
systemctl mask apt-daily.timer apt-daily-upgrade.timer

# First boot has no wait for a network that is not there.
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
chmod 600 /etc/ssh/sshd_config.d/50-hardened.conf
