/* sbom, and sbom attach. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bakery/cmd/api.h"
#include "bakery/cmd/listing.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"

enum { SBOM_MOST = 32 << 20 };

static const struct cmd_flag sbom_flags[] = {
        { "format", "NAME", false, "spdx (SPDX 2.3, default) or cyclonedx (CycloneDX 1.5)" },
        { "output", "FILE", false, "write to this file; it appears when it is complete" },
};
static const struct cmd_flag attach_flags[] = {
        { "replace", NULL, false, "also when it is known already what is in the image" },
        { "json", NULL, false, "JSON" },
};

static int run_sbom(const struct cmd_args *args)
{
        autofree char *base = cmd_target("/images/%s/sbom", args->operands.v[0]), *text = NULL, *whole = NULL;
        autofree char *format = cmd_value(args, "format") ? cmd_target("?format=%s", cmd_value(args, "format")) : bk_strdup("");
        autofree char *target = bk_format("%s%s", base, format);
        const char *output = cmd_value(args, "output");
        struct bk_error err = { 0 };
        json_t *json = NULL;

        if (cmd_api(args, "GET", target, NULL, &json, &err) < 0)
                return cmd_fail(&err);
        text = json_dumps(json, JSON_INDENT(2));
        json_decref(json);
        whole = bk_format("%s\n", text ? text : "null");
        if (output == NULL) {
                printf("%s", whole);
                return 0;
        }
        return bk_publish_bytes(output, whole, strlen(whole), 0644, &err) < 0 ? cmd_fail(&err) : 0;
}

static int run_attach(const struct cmd_args *args)
{
        const char *path = args->operands.v[1];
        autofree char *base = cmd_target("/images/%s/sbom", args->operands.v[0]);
        autofree char *target = bk_format("%s?replace=%d", base, cmd_switch(args, "replace"));
        autoclose int fd = bk_streq(path, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
        autofree char *text = NULL;
        struct bk_error err = { 0 };
        json_t *body, *answer = NULL;
        json_error_t why;
        size_t length = 0;

        if (fd < 0) {
                bk_fail_errno(&err, "cannot open '%s'", path);
                return cmd_fail(&err);
        }
        if (bk_read_fd(fd, SBOM_MOST, &text, &length, &err) < 0) {
                bk_wrap(&err, "'%s'", path);
                return cmd_fail(&err);
        }
        body = json_loadb(text, length, 0, &why);
        if (body == NULL) {
                bk_fail(&err, BK_INVALID, "this is not JSON: %s; a bill of materials is SPDX 2.x or CycloneDX, as JSON", why.text);
                bk_at(&err, path, why.line > 0 ? (unsigned)why.line : 0, why.column > 0 ? (unsigned)why.column : 0);
                return cmd_fail(&err);
        }
        if (cmd_api(args, "PUT", target, body, &answer, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json")) {
                cmd_print_line(answer);
        } else {
                autofree char *os = cmd_shown(answer, "os");

                printf("%lld packages recorded, system %s, %lld left out\n", (long long)json_integer_value(json_object_get(answer, "packages")), os,
                       (long long)json_integer_value(json_object_get(answer, "left_out")));
        }
        json_decref(answer);
        return 0;
}

const struct cmd cmd_sbom_attach = {
        "sbom attach", "IMAGE FILE", 2, 2, "record what a bill of materials says is in an image",
        "For images whose disks bakery cannot read, such as those of Windows. FILE is SPDX 2.x or CycloneDX as JSON; '-' is standard input. "
        "Its packages are then found, and looked up in advisories, like those that were read from a disk.",
        CMD_FLAGS(attach_flags), run_attach,
};
const struct cmd cmd_sbom = {
        "sbom", "IMAGE", 1, 1, "print an image's bill of materials",
        "Every package on the image's disk with its package URL, the checksum of the image, and what it was baked on. The same image gives "
        "the same text.",
        CMD_FLAGS(sbom_flags), run_sbom,
};
