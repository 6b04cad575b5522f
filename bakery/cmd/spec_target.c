/* Targets of `bakery spec run` on this host. Files are read where they are, and read-only; programs run on an overlay above them. */
#include "bakery/cmd/spec_target.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "bakery/bake/bake.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

enum { OUTPUT_MOST = 64 << 20 };

/* --- programs --------------------------------------------------------------- */

static int open_sandbox(struct spec_target_state *state, struct bk_error *err)
{
        const struct chroot_config config = { .root = state->root, .network = state->network };

        if (geteuid() != 0)
                return bk_fail(err, BK_DENIED, "programs of an image run in a sandbox, which needs root");
        return chroot_open_above(&config, &state->sandbox, err);
}

/* What cannot be opened is not tried again: the reason would be the same, and the wait, too. */
static int run_in_sandbox(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret,
                          struct bk_error *err)
{
        struct spec_target_state *state = arg;
        const char *const argv[] = { "/bin/sh", "-c", line, NULL };
        const struct bk_run run = { .argv = argv, .timeout_ms = timeout_ms, .input = input, .input_len = input_len, .capture_most = OUTPUT_MOST };
        struct bk_run_result result = { 0 };

        if (state->why.kind == BK_NONE && state->sandbox == NULL)
                (void)(open_sandbox(state, &state->why) < 0);
        if (state->why.kind != BK_NONE) {
                *err = state->why;
                return -1;
        }
        if (chroot_run(state->sandbox, &run, &result, err) < 0)
                return -1;
        *ret = (struct spec_output){ .out = result.out, .err = result.err, .out_len = result.out_len, .err_len = strlen(result.err),
                                     .status = result.status };
        return 0;
}

/* --- places -------------------------------------------------------------------- */

static int open_root(const struct cmd_args *args, struct spec_target_state *state, struct bk_error *err)
{
        autofree char *real = NULL;

        state->root = cmd_value(args, "root");
        state->root_fd = open(state->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (state->root_fd < 0)
                return bk_fail_errno(err, "-root '%s'", state->root);
        real = realpath(state->root, NULL);
        state->identity = bk_strdup(real != NULL && strrchr(real, '/')[1] != '\0' ? strrchr(real, '/') + 1 : "root");
        state->target = (struct spec_target){ .root_fd = state->root_fd, .sandbox = { run_in_sandbox, state }, .mode = "root" };
        return 0;
}

static void say(void *arg, const char *text)
{
        (void)arg;
        (void)fprintf(stderr, "%s\n", text);
}

static int open_boot(const struct cmd_args *args, struct spec_target_state *state, struct bk_error *err)
{
        const struct spec_boot_config config = {
                .store = &state->state.store, .layer = state->state.image.layer, .firmware = cmd_value(args, "firmware"),
                .memory = (uint64_t)cmd_number(args, "memory", 16, 1024) << 20, .cpus = (unsigned)cmd_number(args, "cpus", 1, 1),
                .bus = cmd_value(args, "disk"), .say = say,
        };

        if (spec_boot_start(&config, &state->boot, err) < 0)
                return -1;
        state->target.guest = (struct spec_place){ spec_boot_run, state->boot };
        state->target.sandbox = (struct spec_place){ 0 };
        state->target.mode = "boot";
        return 0;
}

static int own_mounts(struct bk_error *err)
{
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return bk_fail_errno(err, "cannot have mounts of our own (`bakery doctor` says what this host lacks)");
        return 0;
}

/* The sealed layer itself is mounted, read-only: nothing of the store changes, and no copy is needed. */
static int open_image(const struct cmd_args *args, struct spec_target_state *state, struct bk_error *err)
{
        autofree char *folder = NULL, *path = NULL, *leases = NULL;
        struct disk_open how = { .format = "qcow2", .read_only = true, .lease = &state->lease };

        if (geteuid() != 0)
                return bk_fail(err, BK_DENIED, "mounting an image needs root; run it with sudo");
        if (own_mounts(err) < 0 || cmd_open(args, &state->state, err) < 0 ||
            reg_resolve(state->state.reg, cmd_value(args, "image"), &state->state.image, err) < 0 ||
            bake_reap(&state->state.store, err) < 0 || layer_verify(&state->state.store, state->state.image.layer, false, err) < 0)
                return -1;
        state->identity = bk_strdup(state->state.image.name);
        state->target = (struct spec_target){ .root_fd = -1, .sandbox = { run_in_sandbox, state }, .mode = "image" };
        if (cmd_switch(args, "boot") && open_boot(args, state, err) < 0)
                return -1;
        folder = bk_format("%s/work", state->state.store.run);
        path = layer_path(&state->state.store, state->state.image.layer);
        how.work = folder;
        how.path = path;
        leases = bk_format("%s/leases", state->state.store.run);
        if (bk_lease_take(leases, &state->lease, err) < 0 || bk_mkdir_p(folder, err) < 0 || disk_open(&how, &state->disk, err) < 0)
                return bk_wrap(err, "image '%s'", state->identity);
        state->root = disk_root(state->disk);
        state->target.root_fd = disk_root_fd(state->disk);
        return 0;
}

static const struct { const char *flag; int (*open)(const struct cmd_args *args, struct spec_target_state *state, struct bk_error *err); } kinds[] = {
        { "root", open_root }, { "image", open_image }, { "ssh", spec_target_ssh },
};

int spec_target_flags(const struct cmd_args *args, struct bk_error *err)
{
        int n = 0;

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                n += cmd_value(args, kinds[i].flag) != NULL;
        if (n != 1)
                return bk_fail(err, BK_USAGE, "what is to be checked? one of -root DIR, -image IMAGE, -ssh HOST");
        if (cmd_switch(args, "boot") && cmd_value(args, "image") == NULL)
                return bk_fail(err, BK_USAGE, "-boot is for an image: -image IMAGE");
        (void)cmd_number(args, "memory", 16, 1024);
        (void)cmd_number(args, "cpus", 1, 1);
        (void)cmd_number(args, "ssh-timeout", 1, 30);
        return 0;
}

int spec_target_open(const struct cmd_args *args, struct spec_target_state *ret, struct bk_error *err)
{
        int result = -1;

        *ret = (struct spec_target_state){ .root_fd = -1, .lease = BK_LEASE_NONE, .network = cmd_switch(args, "network") };
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (cmd_value(args, kinds[i].flag) != NULL) {
                        result = kinds[i].open(args, ret, err);
                        break;
                }
        ret->target.identity = ret->identity;
        return result;
}

int spec_target_verdict(const struct spec_target_state *state, struct bk_error *err)
{
        if (state->boot != NULL)
                return spec_boot_verdict(state->boot, err);
        if (state->host == NULL || state->reached || state->why.kind == BK_NONE)
                return 0;
        *err = state->why;
        return -1;
}

int spec_target_close(struct spec_target_state *state, struct bk_error *err)
{
        struct bk_error first = { 0 };
        int result = 0;

        spec_target_ssh_done(state);
        if (state->sandbox != NULL && chroot_close(bk_take(state->sandbox), NULL, &first) < 0)
                result = -1;
        if (state->disk != NULL && disk_close(bk_take(state->disk), result < 0 ? NULL : &first) < 0)
                result = -1;
        spec_boot_end(bk_take(state->boot));
        bk_lease_done(&state->lease);
        /* What was checked must still be what it was. */
        if (state->state.image.layer != NULL && layer_verify(&state->state.store, state->state.image.layer, false, result < 0 ? NULL : &first) < 0)
                result = -1;
        if (state->root_fd >= 0)
                (void)close(bk_take_fd(state->root_fd));
        cmd_state_done(&state->state);
        free(bk_take(state->identity));
        if (result < 0 && err != NULL)
                *err = first;
        return result;
}
