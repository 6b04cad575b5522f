/* spec add: a suite from a golden image. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "bakery/cmd/cmd.h"
#include "lib/cleanup.h"
#include "lib/publish.h"
#include "spec/add.h"

static const struct cmd_flag flags[] = {
        { "root", "DIR", false, "a folder that holds an image's files" },
        { "file", "GLOB", true, "add these files of the image, with mode, owner and content: '/etc/nginx/*.conf'" },
        { "no-versions", NULL, false, "packages without their versions" },
        { "o", "FILE", false, "write the suite there; else it is printed" },
};

static int run(const struct cmd_args *args)
{
        const char *const root = cmd_value(args, "root"), *const out = cmd_value(args, "o");
        autostrv struct bk_strv globs = { 0 };
        const struct spec_add_options options = { .no_versions = cmd_switch(args, "no-versions"), .files = &globs };
        autoclose int fd = -1;
        autofree char *text = NULL, *base = NULL;
        struct bk_error err = { 0 };

        if (root == NULL) {
                bk_fail(&err, BK_USAGE, "which image? -root DIR");
                return cmd_fail(&err);
        }
        cmd_values(args, "file", &globs);
        fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
                bk_fail_errno(&err, "cannot open '%s'", root);
                return cmd_fail(&err);
        }
        base = bk_strdup(strrchr(root, '/') != NULL && strrchr(root, '/')[1] != '\0' ? strrchr(root, '/') + 1 : root);
        const struct spec_target target = { .root_fd = fd, .identity = base, .mode = "root" };

        if (spec_add(&target, &options, &text, &err) < 0)
                return cmd_fail(&err);
        if (out == NULL)
                printf("%s", text);
        else if (bk_publish_bytes(out, text, strlen(text), 0644, &err) < 0)
                return cmd_fail(&err);
        return 0;
}

const struct cmd cmd_spec_add = {
        "spec add", "", 0, 0, "write a suite of what a golden image has",
        "Packages, configuration that is not as its package had it, users and groups, services that start. The suite passes on the image "
        "that it was written from; files that no package knows are added by -file.",
        CMD_FLAGS(flags), run,
};
