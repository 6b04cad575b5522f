#!/bin/sh
# What a boot command becomes, as the command line shows it.
. "$(dirname "$0")/lib.sh"
unset PACKER_KEY_INTERVAL
plan 36

keys() { "$BAKERY" boot keys "$@"; }

exits "a boot command is shown" 0 "$BAKERY" boot keys '<esc><wait5>A<enter>'
is "every event has its column, token and keys" "$out" "     1  <esc>            press ff1b  keys 1
     6  <wait5>          wait 5.0 s
    13  A                press 0041 shift  keys 42+30
    14  <enter>          press ff0d  keys 28
4 events; 8 downs and ups at 100 ms take 800 ms, fixed waits 5.0 s"
exits "an empty one is no error" 0 "$BAKERY" boot keys ''
like "and takes no time" "$out" "^0 events; 0 downs and ups"
like "what is no tag is typed" "$(keys '<foo>')" "^5 events; "
like "so is upper case" "$(keys '<WAIT>')" "^6 events; "
out=$(keys '<leftCtrlOn><leftAltOn><del><leftAltOff><leftCtrlOff>')
like "held keys are in the chord" "$out" "<del> .* keys 29\+56\+111$"
like "a key that is held alone has its time" "$(keys '<f12On><wait2><f12Off>')" "keys 88 for 2000 ms"
like "a wait for text" "$(keys '<wait "boot:" 90s>')" 'until the screen shows "boot:", at most 90.0 s$'
like "a wait for a match" "$(keys '<wait /a\/b+/>')" 'until the screen matches /a/b\+/$'
like "a wait for stillness" "$(keys '<wait still 500ms>')" 'still for 500 ms$'
like "a wait for a change" "$(keys '<wait change>')" 'until the screen changes$'
like "a wait for the serial console" "$(keys '<wait serial "login:">')" 'console says "login:"$'
like "a wait for a port" "$(keys '<wait port 22 5m>')" 'until port 22 answers, at most 300.0 s$'
like "waits for something are counted apart" "$(keys '<wait change><wait port 22>')" 'fixed waits 0 ms, waits for something: 2$'
unlike "control characters do not reach the terminal" "$(keys "$(printf '\033[2J')")" "$(printf '\033')"

out=$(keys -json '<esc>A<wait "x" 2s><wait1>')
is "JSON: a line an event" "$(printf '%s\n' "$out" | jq -r .kind | tr '\n' ' ')" "key key wait-text wait "
is "JSON: keys" "$(printf '%s\n' "$out" | jq -c 'select(.kind == "key") | [.column, .keysym, .shift, .chords[0].codes]' | tr '\n' ' ')" \
        "[1,65307,false,[1]] [6,65,true,[42,30]] "
is "JSON: waits" "$(printf '%s\n' "$out" | jq -c 'select(.kind != "key") | [.text, .ms, .limit_ms]' | tr '\n' ' ')" \
        '["x",null,2000] [null,1000,null] '

is "the layout is the guest's" "$(keys -json -layout de z | jq -c .chords)" '[{"codes":[21]}]'
exits "a layout that is none is refused" 2 "$BAKERY" boot keys -layout dee z
like "and the nearest is named" "$out" "did you mean de"
exits "what a layout has no key for is refused" 2 "$BAKERY" boot keys 'abä'
like "by its name and place" "$out" "column 3: 'ä': the us layout has no key for U\+00E4"

like "the interval can be given" "$(keys -interval 5ms a)" "at 5 ms take 10 ms"
like "PACKER_KEY_INTERVAL counts" "$(PACKER_KEY_INTERVAL=20ms keys a)" "at 20 ms take 40 ms"
like "and is overruled" "$(PACKER_KEY_INTERVAL=20ms keys -interval 5ms a)" "at 5 ms"
exits "an interval that is none is refused" 2 "$BAKERY" boot keys -interval quick a

exits "a wait of nothing is invalid" 2 "$BAKERY" boot keys 'ab<wait0>'
like "and its column is named" "$out" "column 3: a wait must be longer than 0: '0'"
exits "what is not UTF-8 is invalid" 2 "$BAKERY" boot keys "$(printf 'a\377')"

exits "slips are no errors" 0 "$BAKERY" boot keys -lint 'a<waiit><entre><wait 5><leftCtrlOn>'
is "each is told with its column" "$(printf '%s\n' "$out" | sed 's/;.*//')" \
"column 2: <waiit> is no tag and is typed letter by letter
column 9: <entre> is no tag and is typed letter by letter
column 16: <wait 5> is typed letter by letter: there is no blank before the time: <wait5>
column 24: <leftCtrlOn>: the key is never let go"
like "the nearest tag is named" "$out" "did you mean <enter>\?"
is "JSON has the rule" "$(keys -lint -json '<waiit><WAIT>' | jq -r .rule | tr '\n' ' ')" "unknown-tag wait "
is "a good command has no slips" "$(keys -lint '<wait5>linux<enter>')" "nothing to complain about"
