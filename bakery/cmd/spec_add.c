/* spec add: a suite from a golden image. */
#include <stdio.h>
#include <string.h>

#include "bakery/cmd/spec_target.h"
#include "lib/cleanup.h"
#include "lib/publish.h"
#include "spec/add.h"

static const struct cmd_flag flags[] = {
        { "image", "IMAGE", false, "an image: a digest, name, name:channel or query" },
        { "root", "DIR", false, "a folder that holds an image's files" },
        { "file", "GLOB", true, "add these files of the image, with mode, owner and content: '/etc/nginx/*.conf'" },
        { "no-versions", NULL, false, "packages without their versions" },
        { "o", "FILE", false, "write the suite there; else it is printed" },
};

static int write_suite(const struct cmd_args *args, const struct spec_target *target, struct bk_error *err)
{
        const char *const out = cmd_value(args, "o");
        autostrv struct bk_strv globs = { 0 };
        const struct spec_add_options options = { .no_versions = cmd_switch(args, "no-versions"), .files = &globs };
        autofree char *text = NULL;

        cmd_values(args, "file", &globs);
        if (spec_add(target, &options, &text, err) < 0)
                return -1;
        if (out != NULL)
                return bk_publish_bytes(out, text, strlen(text), 0644, err);
        printf("%s", text);
        return 0;
}

static int run(const struct cmd_args *args)
{
        struct spec_target_state state = { .root_fd = -1 };
        struct bk_error err = { 0 }, closing = { 0 };
        int code = 0;

        if ((cmd_value(args, "root") == NULL) == (cmd_value(args, "image") == NULL)) {
                bk_fail(&err, BK_USAGE, "which image? -image IMAGE or -root DIR");
                return cmd_fail(&err);
        }
        if (spec_target_open(args, &state, &err) < 0 || write_suite(args, &state.target, &err) < 0)
                code = cmd_fail(&err);
        if (spec_target_close(&state, &closing) < 0 && code == 0)
                code = cmd_fail(&closing);
        return code;
}

const struct cmd cmd_spec_add = {
        "spec add", "", 0, 0, "write a suite of what a golden image has",
        "Packages, configuration that is not as its package had it, users and groups, services that start. The suite passes on the image "
        "that it was written from; files that no package knows are added by -file.",
        CMD_FLAGS(flags), run,
};
