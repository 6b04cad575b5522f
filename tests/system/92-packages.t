#!/bin/sh
# What is in images: packages, bills of materials, advisories.
. "$(dirname "$0")/lib.sh"
need root loop fuse net jsonschema python3
plan 49
fixture
cd "$WORK" || exit 1

# --- packages ---------------------------------------------------------------------
mkdir -p "requests-2.25.0.dist-info" app
printf 'Metadata-Version: 2.1\nName: requests\nVersion: 2.25.0\n' >requests-2.25.0.dist-info/METADATA
echo '{"name": "@acme/left-pad", "version": "1.3.0"}' >package.json
template lang.json '[
  { "type": "file", "source": "requests-2.25.0.dist-info", "destination": "/usr/local/lib/python3.11/dist-packages/" },
  { "type": "file", "source": "package.json", "destination": "/usr/local/lib/node_modules/@acme/left-pad/package.json" }]'
exits "an image with packages of languages bakes" 0 "$BAKERY" build -quiet lang.json
exits "a package of Python is found" 0 "$BAKERY" packages requests '<2.31' -ecosystem pypi -quiet
is "in that image" "$out" "$("$BAKERY" images test -quiet)"
exits "a package of node is found by its whole name" 0 "$BAKERY" packages @acme/left-pad -json
is "with its ecosystem" "$(printf '%s' "$out" | jq -r '.packages[0].ecosystem')" npm
exits "a package that every image has" 0 "$BAKERY" packages libc6 -json
is "is found at every depth" "$(printf '%s\n' "$out" | jq -r .name | sort | tr '\n' ' ')" "base foundation nginx test "
is "whose system is known" "$(printf '%s\n' "$out" | jq -r .os | sort -u)" debian:12
libc=$(printf '%s\n' "$out" | jq -r '.packages[0].version' | head -n 1)
exits "versions are compared" 0 "$BAKERY" packages libc6 "<$libc" -quiet
is "none is older than it is" "$out" ""
exits "nothing is in use yet" 0 "$BAKERY" packages libc6 -in-use -quiet
is "so none is found" "$out" ""
"$BAKERY" image promote nginx production >/dev/null
exits "an image that heads a channel" 0 "$BAKERY" packages libc6 -in-use -json
is "is in use, and so are its ancestors" "$(printf '%s\n' "$out" | jq -r .name | sort | tr '\n' ' ')" "base foundation nginx "
exits "nobody has that" 0 "$BAKERY" packages no-such-package
like "and it says so" "$out" '^0 images'
exits "an ecosystem that is none is refused" 2 "$BAKERY" packages bash -ecosystem cobol
exits "a version is needed behind an operator" 2 "$BAKERY" packages bash '<'

# --- bills of materials --------------------------------------------------------------
for format in spdx cyclonedx; do
        exits "$format is written" 0 "$BAKERY" sbom nginx -format $format -output $format.json
        exits "$format is valid" 0 "$TOP/tests/system/sbom/check" $format $format.json
        exits "$format again" 0 "$BAKERY" sbom nginx -format $format
        is "$format is the same each time" "$(printf '%s\n' "$out" | cmp - $format.json && echo same)" same
done
is "the image's own checksum is in it" "$(jq -r '.packages[] | select(.SPDXID == "SPDXRef-Image") | .checksums[0].checksumValue' spdx.json)" \
        "$(sha256sum "$("$BAKERY" image show nginx -path)" | cut -d' ' -f1)"
is "every package is in it" "$(jq '[.relationships[] | select(.relationshipType == "CONTAINS")] | length' spdx.json)" \
        "$("$BAKERY" image show nginx -json | jq '.packages | length')"
exits "what is known is not replaced by accident" 1 "$BAKERY" sbom attach nginx cyclonedx.json
printf '{' >broken.json
exits "what is not JSON is refused" 2 "$BAKERY" sbom attach nginx broken.json
like "with its place" "$out" '^broken.json:1'
cat >windows.json <<'EOT'
{ "bomFormat": "CycloneDX", "specVersion": "1.5", "components": [
  { "type": "operating-system", "name": "windows", "version": "10.0.20348" },
  { "type": "application", "name": "7-Zip", "version": "22.01" } ] }
EOT
exits "another's bill of materials is attached" 0 "$BAKERY" sbom attach test windows.json -replace
exits "and is found" 0 "$BAKERY" packages 7-Zip '<23' -quiet
is "in that image alone" "$out" "$("$BAKERY" images test -quiet)"

# --- advisories ---------------------------------------------------------------------------
osv() { # osv ID FIXED [MORE]: of glibc
        cat <<-EOT
	{ "id": "$1", "aliases": ["CVE-2099-1"], "summary": "glibc has a hole", "modified": "2024-01-01T00:00:00Z"${3:+, $3},
	  "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
	  "affected": [{ "package": { "ecosystem": "Debian:12", "name": "glibc" },
	                 "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": "$2" }] }] }] }
	EOT
}
osv DSA-1 99 >dsa-1.json
exits "nothing is known" 0 "$BAKERY" vulnerable nginx -fail-on low
exits "an advisory is read" 0 "$BAKERY" advisory import dsa-1.json
like "and concerns every image that has it" "$out" '1 new.*3 images concerned'
exits "a critical hole fails a job" 1 "$BAKERY" vulnerable nginx -fail-on critical
like "and is explained" "$out" 'DSA-1 +critical +9.8 +glibc .* 99 +glibc has a hole'
exits "a channel's images" 1 "$BAKERY" vulnerable -channel production -fail-on high
exits "an advisory is found by its alias" 0 "$BAKERY" advisory show CVE-2099-1 -in-use -json
is "with its images" "$(printf '%s' "$out" | jq -r '.items | length')" 3
(osv DSA-1 99 '"withdrawn": "2024-02-01T00:00:00Z"'; osv DSA-2 0.1) >both.json
out=$("$BAKERY" advisory import - <both.json 2>&1)
like "advisories one behind the other are read from a pipe" "$out" '1 new, 1 changed.*3 images concerned'
exits "a withdrawn one is over" 0 "$BAKERY" vulnerable nginx -fail-on low
osv DSA-3 0.1 | tr '\n' ' ' >DSA-3.json
python3 -m zipfile -c all.zip DSA-3.json
exits "OSV's zip is read as it is" 0 "$BAKERY" advisory import all.zip
like "with what is in it" "$out" '^1 new, 0 changed'
{ printf '\357\273\277{"vulns": ['; osv DSA-4 0.1; echo ']}'; } | gzip >answer.json.gz
out=$("$BAKERY" advisory import - <answer.json.gz 2>&1)
like "and what its API answers, compressed and with a mark" "$out" '^1 new, 0 changed'
echo '{"glibc": {"CVE-2099-2": {"description": "x", "releases": {"bookworm": {"status": "open", "urgency": "high"}}}}}' >tracker.json
exits "the tracker's file is read" 0 "$BAKERY" advisory import tracker.json
exits "and has no fix yet" 0 "$BAKERY" vulnerable -fixable -fail-on low
