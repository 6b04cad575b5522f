#!/bin/sh
# The command line explains itself, and refuses what it does not know.
. "$(dirname "$0")/lib.sh"
commands=$("$BAKERY" help | sed -n '/^Commands:/,/^$/{s/^  \([a-z][a-z]*\( [a-z]*\)\{0,1\}\)  .*/\1/p}')
n=$(printf '%s\n' "$commands" | wc -l)
plan $((n * 2 + 20))

ok "help lists commands" $((n < 10))
printf '%s\n' "$commands" >"$WORK/commands"
while read -r name; do
        # shellcheck disable=SC2086
        out=$("$BAKERY" $name --help)
        like "$name --help says how to use it" "$out" "^usage: bakery $name "
        is "$name --help fits 80 columns" "$(printf '%s\n' "$out" | awk 'length > 80')" ""
done <"$WORK/commands"
is "help fits 80 columns" "$("$BAKERY" --help | awk 'length > 80')" ""

exits "an unknown command is a usage error" 2 "$BAKERY" biuld
like "and the nearest is named" "$out" "did you mean 'build'"
exits "an unknown option is a usage error" 2 "$BAKERY" build --forse x.json
like "and the nearest is named" "$out" "did you mean -force"
exits "a missing operand is a usage error" 2 "$BAKERY" build
exits "an option without its value is a usage error" 2 "$BAKERY" build -var
exits "a number that is none is a usage error" 2 "$BAKERY" build -parallel-builds=many x.json
exits "version" 0 "$BAKERY" version
like "version names the program" "$out" "^bakery [0-9]+\.[0-9]+\.[0-9]+$"

able root && host=0 || host=6
[ $host -ne 0 ] || able loop || host=6
exits "doctor judges this host" $host "$BAKERY" doctor
like "doctor says whether KVM is of use" "$out" "^(ok|warning) +kvm "
is "doctor's JSON: a verdict a check" "$("$BAKERY" doctor -json | jq -r 'select(.verdict != "ok" and .todo == null) | .check')" ""
run "$BAKERY" doctor -home /proc/none
like "doctor names a state folder that cannot be" "$out" "missing +space|/proc/none"

"$BAKERY" help --man >"$WORK/bakery.1"
out=$(MANROFFOPT=-c man --warnings -E UTF-8 -l -Tutf8 "$WORK/bakery.1" 2>&1 >"$WORK/man.txt")
is "the man page has no warnings" "$out" ""
like "it describes every command" "$(col -bx <"$WORK/man.txt" | grep -c '^   bakery ')" "^$n$"
"$BAKERY" help --completion >"$WORK/completion"
out=$(bash -c '. "$1"; COMP_WORDS=(bakery bui); COMP_CWORD=1; _bakery; echo "${COMPREPLY[*]}"' - "$WORK/completion")
is "completion knows the commands" "$out" "build"
out=$(bash -c '. "$1"; COMP_WORDS=(bakery build -for); COMP_CWORD=2; _bakery; echo "${COMPREPLY[*]}"' - "$WORK/completion")
is "completion knows the options" "$out" "-force"
out=$("$BAKERY" build nowhere.json 2>/dev/null >/dev/full; echo $?)
is "a missing template fails" "$out" "1"
