#!/bin/sh
# What `make install` brings for systemd is what systemd understands.
. "$(dirname "$0")/lib.sh"
need systemd-analyze
plan 5
run make -s -C "$TOP" BUILD="$BUILD" PREFIX="$WORK/prefix" install
ok "everything is installed" $code
units=$WORK/prefix/lib/systemd/system
is "the units are there" "$(cd "$units" && echo *)" "bakery-janitor.service bakery-janitor.timer bakery.service"
unlike "... with their place" "$(cat "$units"/*)" "@PREFIX@"
exits "systemd understands them" 0 systemd-analyze verify --man=no "$units"/*
is "... without a word about them" "$(printf '%s\n' "$out" | grep -F bakery)" ""
exit $failed
