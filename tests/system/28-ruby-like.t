#!/bin/sh
# Our Ruby is that of ruby, and our RSpec that of rspec and serverspec: the same files run by both give the same examples, with the
# same descriptions, in the same order, and with the same verdicts. What is known to differ is not in these files, but in docs/specs.md.
. "$(dirname "$0")/lib.sh"
need ruby rspec
ruby -e 'require "serverspec"' 2>/dev/null || { echo "1..0 # SKIP needs ruby-serverspec"; exit 0; }
here=$TOP/tests/system/ruby-like
driver=$TOP/build/$BUILD/tests/unit/spec/spec_driver
mkdir -p "$WORK/spec" "$WORK/out"
cp -R "$here"/spec/. "$WORK/spec/"

# Every expression stands by itself: it is compiled, not evaluated from a text.
{
        cat "$here/expressions_head.rb"
        awk '!/^#/ && NF { printf "LIKE << [%d, like { %s\n}]\n", FNR, $0 }' "$here/expressions.rb"
        cat "$here/expressions_tail.rb"
} >"$WORK/spec/expressions_spec.rb"

cd "$WORK/spec" || exit 1
for file in *_spec.rb; do
        name=${file%_spec.rb}
        rspec --options /dev/null --no-color -f json -o "$WORK/out/$name.json" "$file" >"$WORK/out/$name.err" 2>&1 </dev/null
        "$driver" -v "$file" >"$WORK/out/$name.ours" 2>&1 </dev/null
        "$here/compare" "$name" "$WORK/out/$name.json" "$WORK/out/$name.ours" >>"$WORK/out/all.tap"
done
count=$(grep -cE '^(not )?ok ' "$WORK/out/all.tap")
failed=$(grep -c '^not ok ' "$WORK/out/all.tap")
plan $((count + 1))
cat "$WORK/out/all.tap"
if [ "$count" -ge 1000 ]; then echo "ok at least 1000 of them"; else echo "not ok at least 1000 of them"; failed=$((failed + 1)); fi
[ "$failed" -eq 0 ]
