#!/bin/sh
# Scripts on the build host, before and after an image is published; and provisioners that wait.
. "$(dirname "$0")/lib.sh"
need root loop fuse net mmdebstrap
plan 22
fixture
cd "$WORK" || exit 1
mkdir tmp
export TMPDIR="$WORK/tmp"

cat >script.sh <<'EOT'
printf '%s|%s|%s|%s\n' "$PACKER_BUILD_NAME" "$PACKER_BUILDER_TYPE" "$A" "$B" >>"$OUT"
EOT
chmod +x script.sh
cat >t.json <<'EOT'
{ "variables": { "out": null, "status": "3", "on": "linux", "fail": "false" },
  "builders": [ { "type": "chroot", "name": "local", "image_name": "local", "source_image": "base" } ],
  "provisioners": [
    { "type": "breakpoint", "note": "look here" },
    { "type": "breakpoint", "disable": true },
    { "type": "sleep", "duration": "1ms" },
    { "type": "shell-local", "script": "script.sh", "env": { "A": "it's", "OUT": "{{user `out`}}" }, "environment_vars": ["B=x=y", "A=over"],
      "only_on": ["{{user `on`}}"] },
    { "type": "shell-local", "inline": ["echo 'conn {{build `ConnType`}}' >>{{user `out`}}", "test -d /proc/self && exit {{user `status`}}"],
      "valid_exit_codes": [0, 3, 2300218] },
    { "type": "shell-local", "command": "echo plain >>{{user `out`}}", "execute_command": ["sh", "-c", "X='{{.Vars}}'; . {{.Script}}"] },
    { "type": "shell", "inline": ["[ '{{build `PackerRunUUID`}}' ] && touch /in-the-image"], "valid_exit_codes": ["0", 2300218] },
    { "type": "shell-local", "inline": "{{user `fail`}} && exit 7; true" }
  ],
  "error-cleanup-provisioner": { "type": "shell-local", "inline": ["echo cleaned >>{{user `out`}}"] },
  "post-processors": [ [ { "type": "shell-local", "inline": ["echo 'posted {{build `ID`}}' >>{{user `out`}}"] }, { "type": "checksum", "output": "sum" } ] ]
}
EOT
exits "scripts run on this host" 0 "$BAKERY" build -plain -var out="$WORK/out" t.json
like "a breakpoint is passed where there is no terminal" "$out" "breakpoint: look here, passed: there is no terminal"
like "  or where it is disabled" "$out" "breakpoint, passed: it is disabled"
is "a script has the environment that the step gives, and the build's" "$(sed -n 1p out)" "local|chroot|it's|x=y"
is "an inline script is rendered" "$(sed -n 2p out)" "conn chroot"
is "execute_command runs the script" "$(sed -n 3p out)" "plain"
like "the post-processor knows the image" "$(sed -n 4p out)" "^posted sha256:[0-9a-f]{64}$"
ok "  and hands on what it was given" "$([ -s sum ]; echo $?)"
is "no script is left" "$(ls tmp)" ""
exits "nothing changed: it is up to date" 4 "$BAKERY" build -exit-code -plain -var out="$WORK/out" t.json

: >out
exits "a step of another system is passed" 0 "$BAKERY" build -plain -var out="$WORK/out" -var on=windows t.json
is "  and not run" "$(grep -c "it's" out)" 0
echo '# changed' >>script.sh
exits "plan, after the script changed" 0 "$BAKERY" plan -var out="$WORK/out" -var on=windows t.json
like "  names it" "$out" "provisioner 4 \(shell-local\)\.script script\.sh changed"

: >out
exits "a status that is not among the valid ones fails the bake" 1 "$BAKERY" build -plain -var out="$WORK/out" -var status=4 t.json
like "  with the place" "$out" "t\.json:9:5: error: provisioner 5 \(shell-local\): the inline script exited with 4"
is "  after the error-cleanup-provisioner" "$(tail -n 1 out)" "cleaned"
cat >wait.json <<'EOT'
{ "builders": [ { "type": "chroot", "image_name": "waits", "source_image": "base" } ], "provisioners": [ { "type": "breakpoint", "note": "now" } ] }
EOT
out=$(printf '\n\n' | script -qec "'$BAKERY' build -debug -plain wait.json" /dev/null)
like "on a terminal a breakpoint waits for Enter" "$out" "breakpoint: now; press Enter to go on"
like "  and so does -debug, and then it goes on" "$out" "BAKERY_RESULT .*state=baked"
sed -i 's/"only_on": \["[^]]*\]/"only_on": ["plan9"]/' t.json
exits "a system that there is not" 2 "$BAKERY" validate -var out=x t.json
like "  is refused" "$out" "only_on: 'plan9' is none of"
is "no lease, mount, loop device or process is left" "$(leaks)" ""
