/* A guest that is a shell of this host, and a tree that it tells of. */
#pragma once
#include "tests/unit/test.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>

#include "lib/buf.h"
#include "lib/fs.h"
#include "lib/run.h"
#include "spec/facts.h"
#include "spec/files.h"

/* --- a guest: a shell on this host, in the tree or beside it --------------------- */

struct guest {
        const char *shell[3];           /* "busybox", "sh" */
        const char *root;               /* chroot; NULL: none */
        uid_t uid;                      /* 0: as we are */
        unsigned runs;
        char *last;                     /* what the last run printed */
        size_t last_len;
        char *first_line;               /* of its input: the tokens */
};

static inline int enter(void *arg)
{
        const struct guest *guest = arg;

        if (guest->root != NULL && (chroot(guest->root) < 0 || chdir("/") < 0))
                return -1;
        if (guest->uid != 0 && (setgroups(0, NULL) < 0 || setgid(guest->uid) < 0 || setuid(guest->uid) < 0))
                return -1;
        return 0;
}

static inline int run_shell(void *arg, const char *line, const char *input, struct spec_output *ret, struct bk_error *err)
{
        static const char *const env[] = { "PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL };
        struct guest *guest = arg;
        const char *argv[6] = { 0 };
        struct bk_run run = { .argv = argv, .env = env, .timeout_ms = 60000, .input = input, .input_len = input != NULL ? strlen(input) : 0,
                              .capture_most = 64 << 20, .in_child = enter, .arg = guest };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        int n = 0;

        guest->runs++;
        for (int i = 0; guest->shell[i] != NULL; i++)
                argv[n++] = guest->shell[i];
        argv[n++] = "-c";
        argv[n++] = line;
        if (bk_run_with(&run, &result, err) < 0)
                return -1;
        free(guest->last);
        free(guest->first_line);
        guest->last = bk_alloc(result.out_len + 1);
        memcpy(guest->last, result.out, result.out_len);
        guest->last_len = result.out_len;
        guest->first_line = bk_strndup(input, strcspn(input, "\n"));
        *ret = (struct spec_output){ .out = bk_take(result.out), .err = bk_take(result.err), .out_len = result.out_len, .status = result.status };
        ret->err_len = strlen(ret->err);
        return 0;
}

static inline void guest_done(struct guest *guest)
{
        free(guest->last);
        free(guest->first_line);
}

static inline struct spec_facts *facts_of(struct guest *guest)
{
        const struct spec_facts_source source = { run_shell, guest };

        return spec_facts_new(&source);
}

/* --- a tree ---------------------------------------------------------------------- */

struct tree {
        char *folder;                   /* on this host */
        const char *prefix;             /* of its paths, as the guest sees them: the folder, or "" in a chroot */
        int root_fd;                    /* the guest's "/" */
        struct bk_strv paths;           /* to ask for, without prefix */
};

static inline char *on_host(const struct tree *tree, const char *path)
{
        return bk_format("%s%s", tree->folder, path);
}

static inline void put(struct tree *tree, const char *path, const void *bytes, size_t length)
{
        autofree char *at = on_host(tree, path);
        autoclose int fd = open(at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        struct bk_error err = { 0 };

        if (fd < 0)
                fail_msg("cannot make '%s'", at);
        assert_ok(bk_write_all(fd, bytes, length, &err), err);
        bk_strv_add(&tree->paths, path);
}

static inline void put_folder(struct tree *tree, const char *path, mode_t mode)
{
        autofree char *at = on_host(tree, path);

        assert_int_equal(mkdir(at, 0755), 0);
        assert_int_equal(chmod(at, mode), 0);
        bk_strv_add(&tree->paths, path);
}

static inline void put_link(struct tree *tree, const char *path, const char *to)
{
        autofree char *at = on_host(tree, path), *target = *to == '/' ? bk_format("%s%s", tree->prefix, to) : bk_strdup(to);

        assert_int_equal(symlink(*target ? target : "/", at), 0);
        bk_strv_add(&tree->paths, path);
}

static inline void tree_make(struct tree *tree, bool in_chroot)
{
        char template[] = "/tmp/bakery-facts-XXXXXX";
        char real[PATH_MAX];

        assert_non_null(mkdtemp(template));
        assert_non_null(realpath(template, real));
        *tree = (struct tree){ .folder = bk_strdup(real) };
        assert_int_equal(chmod(tree->folder, 0755), 0);
        tree->prefix = in_chroot ? "" : tree->folder;
        tree->root_fd = open(in_chroot ? tree->folder : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(tree->root_fd >= 0);
}

static inline void tree_done(struct tree *tree)
{
        struct bk_error err = { 0 };

        (void)close(tree->root_fd);
        assert_ok(bk_remove_tree(tree->folder, &err), err);
        bk_strv_done(&tree->paths);
        free(tree->folder);
}

static inline void shell(const char *format, ...) BK_PRINTF(1, 2);
static inline void shell(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        autofree char *line = bk_vformat(format, args);
        va_end(args);
        assert_int_equal(system(line), 0);
}

static inline void put_busybox(const struct tree *tree)
{
        shell("cd %s && mkdir bin dev && mknod -m 666 dev/null c 1 3 && cp $(command -v busybox) bin/busybox && "
              "chroot . /bin/busybox --install -s /bin", tree->folder);
}
