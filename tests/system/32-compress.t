#!/bin/sh
# What follows an image: other files in its place, and one compressed file of them.
. "$(dirname "$0")/lib.sh"
need root loop fuse net mmdebstrap xz lz4
plan 19
fixture
cd "$WORK" || exit 1
echo one >a
echo two >b

# bakes WHAT CODE POST-PROCESSORS
bakes() {
        printf '{ "builders": [ { "type": "chroot", "name": "c", "image_name": "c", "source_image": "base" } ], "post-processors": [ %s ] }\n' "$3" >t.json
        exits "$1" "$2" "$BAKERY" build -plain t.json
}
files='{ "type": "artifice", "files": ["a", "b"] }'

bakes "an archive of files" 0 "[ $files, { \"type\": \"compress\", \"output\": \"out/{{.BuildName}}.tar.gz\", \"keep_input_artifact\": true }, \"manifest\" ]"
is "  holds them" "$(tar -xOzf out/c.tar.gz | tr '\n' ' ')" "one two "
is "  and is what later stages are about" "$(jq -r '.builds[0].files[].name' packer-manifest.json)" "out/c.tar.gz"
bakes "a name that says nothing is an archive, too" 0 "[ $files, { \"type\": \"compress\", \"keep_input_artifact\": true } ]"
is "  by gzip" "$(tar -xOzf packer_c_chroot b)" "two"
bakes "a format beside the name" 0 "[ $files, { \"type\": \"compress\", \"output\": \"plain\", \"format\": \"tar\", \"keep_input_artifact\": true } ]"
is "  counts" "$(tar -xOf plain a)" "one"
one='{ "type": "artifice", "files": "a" }'
bakes "one file, by xz" 0 "[ $one, { \"type\": \"compress\", \"output\": \"a.xz\", \"compression_level\": 1, \"keep_input_artifact\": true } ]"
is "  is that file" "$(xz -dc a.xz)" "one"
bakes "one file, by lz4" 0 "[ $one, { \"type\": \"compress\", \"output\": \"a.lz4\", \"compression_level\": 9 } ]"
is "  is that file" "$(lz4 -dc a.lz4)" "one"
ok "  and what went in is gone, when nothing says otherwise" "$([ ! -e a ]; echo $?)"
echo one >a
bakes "two files as one" 2 "[ $files, { \"type\": \"compress\", \"output\": \"x.gz\" } ]"
like "  are refused" "$out" "'x.gz' holds one file, and there are 2; an archive is \.tar\.gz"
bakes "an image without a file" 2 '"compress"'
like "  says what to put before it" "$out" "put raw, qcow2, vmdk or vhd before it"
bakes "a file that is not there" 1 '{ "type": "artifice", "files": ["nowhere"] }'
bakes "a zip" 2 '[ { "type": "compress", "output": "x.zip" } ]'
like "  is refused with what there is" "$out" "compress does not write \.zip; it writes \.tar\.gz"
