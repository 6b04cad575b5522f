#!/bin/sh
# The files of two images are compared, and neither image is changed by that.
. "$(dirname "$0")/lib.sh"
need root loop fuse jq
fixture
plan 9
before=$(find "$BAKERY_HOME/store/layers" -type f -exec stat -c '%n %s %Y %Z' {} + | sort)
exits "files are compared" 0 "$BAKERY" image diff -files base nginx
like "what was installed came" "$out" '^file  \+ /usr/sbin/nginx$'
like "with its package" "$out" '^package  \+ nginx amd64 '
like "what was changed is named, with what changed" "$out" '^file  ~ /var/lib/dpkg/status \["content"\]$'
unlike "what both have is not" "$out" '/usr/bin/bash|/etc/hostname'
like "from the other side it left" "$("$BAKERY" image diff -files nginx base)" '^file  - /usr/sbin/nginx$'
is "an image is like itself" "$("$BAKERY" image diff -json -files base base | jq -c .files)" '{"added":[],"removed":[],"changed":[],"truncated":false}'
is "the layers are as they were" "$(find "$BAKERY_HOME/store/layers" -type f -exec stat -c '%n %s %Y %Z' {} + | sort)" "$before"
is "nothing is left" "$(leaks)" ""
