/* build and plan. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bakery/bake/bake.h"
#include "bakery/cmd/cmd.h"
#include "bakery/cmd/template_flags.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

static const struct cmd_flag flags[] = {
        CMD_TEMPLATE_FLAGS,
        { "only", "NAMES", true, "bake only these builds (comma separated)" },
        { "except", "NAMES", true, "leave out these builds or post-processors" },
        { "force", NULL, false, "bake what is up to date, too" },
        { "allow-revoked", NULL, false, "bake on images that were revoked, too; what comes of it is revoked as they are" },
        { "on-error", "WHAT", false, "cleanup (default), or abort: keep the draft of a bake that failed; Packer's others are cleanup here" },
        { "debug", NULL, false, "one bake at a time, which waits for Enter before each provisioner, where there is a terminal" },
        { "parallel-builds", "N", false, "bakes at once; 0 (default): one a processor" },
        { "parallel", NULL, false, "-parallel=false: one bake at a time" },
        { "warn-on-undeclared-var", NULL, false, "warn of undeclared variables in files, too" },
        { "use-sequential-evaluation", NULL, false, "as Packer has it; nothing here" },
        { "ignore-prerelease-plugins", NULL, false, "as Packer has it; nothing here" },
        { "skip-enforcement", NULL, false, "as Packer has it; nothing here" },
        { "lock-timeout", "SECONDS", false, "wait for another bake of the same image (default 600)" },
        { "junit", "DIR", false, "write test results as JUnit files" },
        { "properties", "FILE", false, "write KEY=value lines about the images, last of all" },
        { "exit-code", NULL, false, "exit with 4 when nothing had to be done" },
        { "machine-readable", NULL, false, "Packer's machine-readable lines" },
        { "json", NULL, false, "JSON Lines" },
        { "quiet", NULL, false, "print image ids only" },
        { "plain", NULL, false, "plain lines, also on a terminal" },
        { "color", NULL, false, "-color=false: no colours (as does NO_COLOR)" },
        { "timestamp-ui", NULL, false, "put the time before each line" },
};

static enum bake_output output_of(const struct cmd_args *args)
{
        static const struct { const char *flag; enum bake_output output; } ways[] = {
                { "machine-readable", BAKE_MACHINE }, { "json", BAKE_JSON }, { "quiet", BAKE_QUIET }, { "plain", BAKE_PLAIN },
        };

        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
                if (cmd_switch(args, ways[i].flag))
                        return ways[i].output;
        return BAKE_AUTO;
}

/* ask and run-cleanup-provisioner are Packer's: nobody is asked here, and the error-cleanup-provisioner runs in any case. */
static int check_on_error(const char *what, struct bk_error *err)
{
        if (what == NULL || bk_streq(what, "cleanup") || bk_streq(what, "abort"))
                return 0;
        if (!bk_streq(what, "ask") && !bk_streq(what, "run-cleanup-provisioner"))
                return bk_fail(err, BK_USAGE, "-on-error is 'cleanup', 'abort', 'ask' or 'run-cleanup-provisioner', not '%s'", what);
        (void)fprintf(stderr, "bakery: warning: -on-error=%s is 'cleanup' here\n", what);
        return 0;
}

static int run_with(const struct cmd_args *args, bool plan_only)
{
        autofree char *home = cmd_home(args), *uuid = NULL;
        const char *on_error = cmd_value(args, "on-error");
        const bool debug = cmd_switch(args, "debug"), one = debug || (cmd_value(args, "parallel") != NULL && !cmd_switch(args, "parallel"));
        struct bake_options options = {
                .home = home, .force = cmd_switch(args, "force"), .allow_revoked = cmd_switch(args, "allow-revoked"), .plan_only = plan_only,
                .keep_failed = bk_streq(on_error, "abort"),
                .parallel = one ? 1 : (int)cmd_number(args, "parallel-builds", 0, 0),
                .debug = debug && isatty(STDIN_FILENO),
                .variables.undeclared = cmd_switch(args, "warn-on-undeclared-var") ? TMPL_WARN_FILES_TOO : TMPL_WARN_VARS,
                .lock_timeout_ms = (int)cmd_number(args, "lock-timeout", 0, 600) * 1000,
                .output = plan_only && output_of(args) == BAKE_AUTO ? BAKE_PLAIN : output_of(args),
                .color = getenv("NO_COLOR") == NULL && (cmd_value(args, "color") == NULL || cmd_switch(args, "color")),
                .timestamps = cmd_switch(args, "timestamp-ui"), .junit = cmd_value(args, "junit"),
                .properties = cmd_value(args, "properties"), .exit_code = cmd_switch(args, "exit-code"),
        };
        struct bk_error err = { 0 };
        int code;

        if (check_on_error(on_error, &err) < 0)
                return cmd_fail(&err);
        if (debug && !options.debug)
                (void)fprintf(stderr, "bakery: warning: -debug waits for nobody: there is no terminal\n");
        if (bk_read_file("/proc/sys/kernel/random/uuid", 64, &uuid, NULL, &err) < 0)
                return cmd_fail(&err);
        uuid[strcspn(uuid, "\n")] = '\0';
        options.run_uuid = uuid;
        cmd_template_options(args, &options.variables);
        cmd_split_commas(args, "only", &options.only);
        cmd_split_commas(args, "except", &options.except);
        code = bake_run((const char *const *)args->operands.v, args->operands.n, &options);
        bk_strv_done(&options.variables.vars);
        bk_strv_done(&options.variables.var_files);
        bk_strv_done(&options.only);
        bk_strv_done(&options.except);
        return code;
}

static int run_build(const struct cmd_args *args)
{
        return run_with(args, false);
}

static int run_plan(const struct cmd_args *args)
{
        return run_with(args, true);
}

const struct cmd cmd_build = {
        "build", "TEMPLATE...", 1, -1, "bake the images of templates",
        "Each builder becomes one image. A builder whose source_image names an image of the same run waits for it; others run at "
        "once. An image whose inputs did not change since it was baked is up to date and is not baked again.",
        CMD_FLAGS(flags), run_build,
};

const struct cmd cmd_plan = {
        "plan", "TEMPLATE...", 1, -1, "say what build would do, and why",
        "Names, for each image, the first input that changed.", CMD_FLAGS(flags), run_plan,
};
