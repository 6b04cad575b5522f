#!/bin/sh
# Common tools, and what the machine needs to be on the network.
set -eu
apt-get update
apt-get install -y --no-install-recommends \
        openssh-server systemd-resolved systemd-timesyncd locales tzdata \
        ca-certificates curl iproute2 iputils-ping less procps rsync sudo vim-tiny
