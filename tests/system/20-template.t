#!/bin/sh
# Templates that are wrong are refused with the place and the reason, before anything is touched.
. "$(dirname "$0")/lib.sh"
plan 59
cd "$WORK" || exit 1
chroot='"type": "chroot", "image_name": "x", "source_image": "base"'

# refused WHAT AT PATTERN TEMPLATE
refused() {
        printf '%s\n' "$4" >t.json
        exits "$1" 2 "$BAKERY" validate t.json
        like "  and says where and why" "$out" "^t\.json:$2: error: .*$3"
}
refused "no JSON" "1:1" "expected" 'builders: []'
refused "an end too early" "2:1" "the document ends" '{ "builders": ['
refused "no builders" "1:1" "no builders" '{}'
refused "an unknown key, near a known one" "1:50" 'unknown key "image_nam" .*did you mean "image_name"' '{ "builders": [ { "type": "chroot", "name": "x", "image_nam": "x", "source_image": "y" } ] }'
refused "an unknown key at the top" "1:3" 'unknown.*"provisoners".*"provisioners"' "{ \"provisoners\": [], \"builders\": [ { $chroot } ] }"
refused "a key twice" "2:1" 'duplicate key "type"; the first one is on line 1' '{ "builders": [ { "type": "chroot",
"type": "chroot" } ] }'
refused "a wrong type" "1:51" '"image_name" must be a string, found an array' '{ "builders": [ { "type": "chroot", "image_name": ["x"], "source_image": "y" } ] }'
refused "an unknown builder" "1:[0-9]+" "unknown builder 'chrot'; did you mean 'chroot'" '{ "builders": [ { "type": "chrot" } ] }'
refused "an unknown provisioner" "1:[0-9]+" "unknown provisioner 'shel'; did you mean 'shell'" "{ \"builders\": [ { $chroot } ], \"provisioners\": [ { \"type\": \"shel\" } ] }"
refused "an unknown post-processor" "1:[0-9]+" "unknown post-processor 'manifesto'; did you mean 'manifest'" "{ \"builders\": [ { $chroot } ], \"post-processors\": [ \"manifesto\" ] }"
refused "two builders of one name" "2:[0-9]+" "chroot" "{ \"builders\": [ { $chroot },
{ $chroot } ] }"
refused "a required key that is missing" "1:17" 'source_image' '{ "builders": [ { "type": "chroot", "image_name": "x" } ] }'
refused "a variable without a value" "1:18" 'required variable without a value: "a".*-var' "{ \"variables\": { \"a\": null }, \"builders\": [ { $chroot } ] }"
refused "a script that is not there" "2:[0-9]+" "nope\.sh" "{ \"builders\": [ { $chroot } ],
\"provisioners\": [ { \"type\": \"shell\", \"script\": \"nope.sh\" } ] }"
refused "a file that is not there" "2:[0-9]+" "nope" "{ \"builders\": [ { $chroot } ],
\"provisioners\": [ { \"type\": \"file\", \"source\": \"nope\", \"destination\": \"/x\" } ] }"
refused "a spec file that is not there" "1:[0-9]+" "nope_spec\.rb" "{ \"builders\": [ { $chroot, \"specs\": [\"nope_spec.rb\"] } ] }"
refused "a shell without a script" "1:[0-9]+" "inline|script" "{ \"builders\": [ { $chroot } ], \"provisioners\": [ { \"type\": \"shell\" } ] }"
refused "only for a builder that is not there" "1:[0-9]+" 'no builder "y"' "{ \"builders\": [ { $chroot } ], \"provisioners\": [ { \"type\": \"shell\", \"inline\": [\"true\"], \"only\": [\"y\"] } ] }"
refused "a function that is not there" "1:[0-9]+" "upperr" "{ \"builders\": [ { \"type\": \"chroot\", \"image_name\": \"{{upperr \`x\`}}\", \"source_image\": \"y\" } ] }"
refused "a text that does not end" "1:[0-9]+" "}}" "{ \"builders\": [ { \"type\": \"chroot\", \"image_name\": \"{{user \`x\`\", \"source_image\": \"y\" } ] }"
refused "bytes that are not UTF-8" "1:[0-9]+" "UTF-8" "$(printf '{ "builders": [ { "type": "\377" } ] }')"

exits "a template that is not there" 1 "$BAKERY" validate nowhere.json
exits "several templates: all are looked at" 2 "$BAKERY" validate t.json "$TOP/images/app/nginx/template.json"
like "  and the good one is said to be good" "$out" "nginx/template\.json: the configuration is valid"

# shellcheck disable=SC2046
exits "the templates for installers' ISOs are good" 0 "$BAKERY" validate -var iso_url=x.iso -var iso_checksum=none \
        $(grep -l '"iso_url": null' "$TOP"/images/foundation/*/template.json)

# --- variables ---
cat >v.json <<'EOT'
{ "variables": { "name": "fallback", "from_env": "{{env `FROM_ENV`}}" },
  "builders": [ { "type": "chroot", "name": "x", "image_name": "{{user `name`}}-{{user `from_env`}}-{{user `undeclared`}}",
                  "source_image": "{{build_name}}?dir={{template_dir}}&t={{isotime `2006`}}" } ] }
EOT
exits "an undeclared variable is empty, as in Packer" 0 "$BAKERY" validate v.json
like "  with a warning" "$out" 'v\.json:2:[0-9]+: warning: there is no variable "undeclared"'
echo '{ "name": "from-file" }' >vars.json
echo '{ "nane": "x" }' >wrong.json
exits "a variable from the command line that is not declared" 0 "$BAKERY" validate -var nane=x v.json
like "  is warned of with the nearest" "$out" 'warning: the template does not declare a variable "nane"; did you mean "name"'
exits "a variable file may hold what this template does not declare" 0 "$BAKERY" validate -var-file wrong.json v.json
echo '{ "name": [] }' >wrong.json
exits "a variable file with a list" 2 "$BAKERY" validate -var-file wrong.json v.json
like "  is refused with its place" "$out" '^wrong\.json:1:[0-9]+: error: '
exits "-var without =" 2 "$BAKERY" validate -var name v.json
exits "inspect" 0 "$BAKERY" inspect v.json
like "  lists variables" "$out" "name"
like "  in Packer's lines" "$("$BAKERY" inspect -machine-readable v.json)" "^[0-9]+,,template-variable,name,fallback,0$"
is "  in JSON" "$("$BAKERY" inspect -json v.json | jq -r '.builders[0].type')" "chroot"
is "nothing was written" "$(ls -A "$BAKERY_HOME" 2>/dev/null)" ""
