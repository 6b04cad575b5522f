#!/bin/sh
# Layers on an image: provisioners, inputs, outputs for CI, post-processors.
. "$(dirname "$0")/lib.sh"
need root loop fuse net
plan 49
fixture
cd "$WORK" || exit 1

# Reads an image's files the way nobody can cheat: from its exported disk.
export_disk() { # IMAGE
        "$BAKERY" image export "$1" "$WORK/in.raw" >/dev/null &&
        offset=$(sfdisk -J "$WORK/in.raw" | jq '.partitiontable.partitions[2].start * 512')
}
in_disk() { # DEBUGFS-COMMAND
        debugfs -R "$1" "$WORK/in.raw?offset=$offset" 2>&1 </dev/null | grep -v '^debugfs [0-9]'
}

# --- shell and file ---
printf '#!/bin/sh\necho "script $0 $WHO" > /etc/from-script\r\n' >script.sh
mkdir -p tree/sub && echo deep >tree/sub/file && echo top >tree/top && ln -s top tree/link
template t.json '[
  { "type": "shell", "inline": ["echo inline:$NAME:$PACKER_BUILD_NAME:$PACKER_BUILDER_TYPE > /etc/from-inline", "echo said"],
    "environment_vars": ["NAME=it'"'"'s me"] },
  { "type": "shell", "script": "script.sh", "environment_vars": ["WHO=me"] },
  { "type": "shell", "inline_shebang": "/bin/bash -e", "inline": ["exit 3"], "valid_exit_codes": [0, 3] },
  { "type": "shell", "execute_command": "cd /etc; {{.Vars}} sh {{.Path}}", "inline": ["pwd > from-cd"] },
  { "type": "shell", "use_env_var_file": true, "env": { "A": "b c" }, "inline": ["echo $A > /etc/from-env-file"] },
  { "type": "file", "source": "tree/", "destination": "/srv/content" },
  { "type": "file", "source": "tree", "destination": "/srv/folder/" },
  { "type": "file", "source": "tree/top", "destination": "/srv/" },
  { "type": "file", "content": "literal\n", "destination": "/srv/literal" },
  { "type": "file", "direction": "download", "source": "/etc/from-inline", "destination": "fetched" },
  { "type": "shell", "only": ["test"], "inline": ["true"] },
  { "type": "shell", "except": ["test"], "inline": ["exit 1"] },
  { "type": "shell", "inline": ["exit 1"], "override": { "test": { "inline": ["echo overridden > /etc/from-override"] } } }
]'
exits "shell and file provisioners" 0 "$BAKERY" build t.json
like "output is shown" "$out" "test: said"
like "the last line is the result" "$(printf '%s\n' "$out" | tail -1)" '^BAKERY_RESULT build=test image=sha256:[0-9a-f]+ state=baked$'
export_disk test
is "the inline script ran, with its variables" "$(in_disk "cat /etc/from-inline")" "inline:it's me:test:chroot"
like "the script file ran, from /tmp, its line ends mended" "$(in_disk "cat /etc/from-script")" '^script /tmp/script_[a-z0-9]+\.sh me$'
is "execute_command is obeyed" "$(in_disk "cat /etc/from-cd")" "/etc"
is "variables by file" "$(in_disk "cat /etc/from-env-file")" "b c"
is "a folder's content is copied" "$(in_disk "cat /srv/content/sub/file")" "deep"
is "a folder is copied into a folder" "$(in_disk "cat /srv/folder/tree/sub/file")" "deep"
is "a file is copied into a folder that is there" "$(in_disk "cat /srv/top")" "top"
is "content is written" "$(in_disk "cat /srv/literal")" "literal"
is "a file is fetched out of the image" "$(cat fetched)" "inline:it's me:test:chroot"
is "override replaces keys for a build" "$(in_disk "cat /etc/from-override")" "overridden"
unlike "no script is left in the image" "$(in_disk "ls /tmp")" "script"
like "nothing of the sandbox is left in the image" "$(in_disk "stat /usr/sbin/policy-rc.d")" "not found"
is "the machine id is empty" "$(in_disk "cat /etc/machine-id")" ""
exits "the file system is clean" 0 e2fsck -fn "$WORK/in.raw?offset=$offset"
rm -f "$WORK/in.raw"

exits "the same again: up to date" 4 "$BAKERY" build -exit-code t.json
exits "-force bakes anyway" 0 "$BAKERY" build -force -exit-code t.json
echo more >>tree/sub/file
exits "a changed file below a folder is noticed" 0 "$BAKERY" plan t.json
like "and named" "$out" "provisioner 6 \(file\)\.source .*changed"

# --- variables, secrets ---
cat >secret.json <<'EOT'
{ "variables": { "password": "hunter2hunter2", "base": "base" }, "sensitive-variables": ["password"],
  "builders": [{ "type": "chroot", "name": "secret", "image_name": "secret", "source_image": "{{user `base`}}" }],
  "provisioners": [{ "type": "shell", "environment_vars": ["PASSWORD={{user `password`}}"],
    "inline": ["echo \"the password is $PASSWORD\"", "tr '\\0' ' ' < /proc/$PPID/cmdline; tr '\\0' ' ' < /proc/$$/cmdline"] }] }
EOT
exits "a secret is used" 0 "$BAKERY" build -force secret.json
like "and not shown" "$out" "the password is <sensitive>"
unlike "not in the log, the record or the manifest" "$(cat "$BAKERY_HOME"/logs/secret-*; "$BAKERY" image show secret -json)" "hunter2"
unlike "nor in any argv" "$(grep -h 'script_' "$BAKERY_HOME"/logs/secret-*)" "PASSWORD="

# --- CI: junit, properties, publish_failed ---
printf 'describe file("/etc/hostname") do\n  it { should be_file }\nend\n' >good_spec.rb
printf 'describe file("/etc/hostname") do\n  it { should be_directory }\nend\n' >bad_spec.rb
template spec.json '[]' '"specs": ["good_spec.rb"]'
exits "a tested image" 0 "$BAKERY" build -junit junit -properties out.properties spec.json
is "its state" "$("$BAKERY" images -json 'test?_latest=1' | jq -r .state)" "tested"
is "one JUnit file for the spec" "$(ls junit | wc -l)" "1"
exits "it is XML" 0 xmllint --noout junit/*.xml
like "properties: plain keys" "$(cat out.properties)" "^IMAGE_ID=sha256:"
like "properties: state" "$(cat out.properties)" "^STATE=tested$"
unlike "properties: nothing that EnvInject would rewrite" "$(cat out.properties)" '[^A-Za-z0-9_=._:/@+-]'
template bad.json '[]' '"specs": ["bad_spec.rb"]'
exits "a failing test fails the bake" 1 "$BAKERY" build -junit junit2 bad.json
like "with what was found" "$out" "bad_spec\.rb:2"
is "nothing was published" "$("$BAKERY" images -quiet 'test' | wc -l)" "3"
ok "the failure is in the JUnit file" "$(grep -q '<failure' junit2/*.xml; echo $?)"
template allowed.json '[]' '"specs": ["bad_spec.rb"], "publish_failed": true'
exits "publish_failed publishes, and says so with 3" 3 "$BAKERY" build allowed.json
is "its state is not tested" "$("$BAKERY" images -json 'test?_latest=1' | jq -r .state)" "baked"

# --- post-processors ---
template post.json '[]' '"attributes": { "n": "post" }' '[
  [ { "type": "raw", "output": "out/{{.BuildName}}.raw" }, { "type": "checksum", "checksum_types": ["sha256", "md5"], "output": "out/{{.ChecksumType}}" } ],
  { "type": "manifest", "output": "out/manifest.json", "custom_data": { "k": "v" } } ]'
exits "post-processors" 0 "$BAKERY" build post.json
is "the checksum is that of the raw disk" "$(cut -f1 out/sha256)" "$(sha256sum out/test.raw | cut -d' ' -f1)"
is "the raw disk is that of the layer" "$(qemu-img compare -f qcow2 -F raw "$("$BAKERY" image show test -path)" out/test.raw)" "Images are identical."
is "the manifest names the image" "$(jq -r '.builds[-1].artifact_id' out/manifest.json)" "$("$BAKERY" images -quiet 'test?_latest=1')"
# --- sources and deleting ---
base=$("$BAKERY" images -quiet 'base?_latest=1')
SOURCE=$base template digest.json '[]' '"attributes": { "n": "digest" }'
exits "an ancestor by its digest" 0 "$BAKERY" build digest.json
is "is that image" "$("$BAKERY" image show test -json | jq -r .ancestor)" "$base"
layer=$("$BAKERY" image show test -path)
exits "an image that nobody needs is deleted" 0 "$BAKERY" image delete test
is "its layer, too" "$(ls "$layer" 2>/dev/null)" ""
unlike "and it is not found any more" "$("$BAKERY" images -quiet test)" "$(basename "$layer" .qcow2)"
exits "what is left is whole" 0 "$BAKERY" fsck
is "nothing is left of all these bakes" "$(leaks)" ""
