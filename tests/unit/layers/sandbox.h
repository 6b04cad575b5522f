/* What the sandbox's tests share: a small root tree of the host's own programs,
 * a fresh copy of it for each test, and commands in it.
 *
 * The test program itself is in the tree as "/probe": what no shell can try is a
 * C function of the test, run inside by its name. */
#pragma once
#include "tests/unit/folder.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "layers/chroot.h"
#include "lib/buf.h"
#include "lib/fs.h"
#include "lib/run.h"

enum { COMMAND_TIMEOUT_MS = 60000 };

struct place {
        char *base;             /* the pristine tree; the group's */
        char *root;             /* this test's copy */
        struct chroot *chroot;  /* NULL when closed */
        char *source;           /* a folder of the host, of the test's making; NULL: none */
        char *mounted;          /* where the test mounted something; NULL: nowhere */
};

/* A function that runs inside; what it returns is the exit status. */
struct probe { const char *name; int (*function)(int argc, char **argv); };

/* A probe's complaint; the first one is its end. */
#define PROBE(condition) do { \
        if (!(condition)) { \
                (void)fprintf(stderr, "%s:%d: not so: %s (%s)\n", __func__, __LINE__, #condition, strerror(errno)); \
                return 1; \
        } \
} while (0)
#define PROBE_FAILS(call, error) PROBE((errno = 0, (call)) < 0 && errno == (error))

static inline int probe_main(const struct probe *probes, size_t n, int argc, char **argv)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(probes[i].name, argv[0]) == 0)
                        return probes[i].function(argc, argv);
        (void)fprintf(stderr, "no probe '%s'\n", argv[0]);
        return 125;
}

/* --- the tree ----------------------------------------------------------------------- */

/* Runs a host program while no test is running yet. */
static inline int host(const char *const argv[], char **ret_out)
{
        struct bk_error err = { 0 };

        if (bk_run(argv, COMMAND_TIMEOUT_MS, ret_out, &err) == 0)
                return 0;
        print_error("%s\n", err.text);
        return -1;
}

static inline char *find_program(const char *name)
{
        static const char *const folders[] = { "/usr/bin", "/bin", "/usr/sbin", "/sbin" };

        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
                char *path = bk_format("%s/%s", folders[i], name);

                if (access(path, X_OK) == 0)
                        return path;
                free(path);
        }
        return bk_strdup(name);
}

/* Libraries as ldd names them: the first word of a line that starts with a slash, if the line has an address. */
static inline int copy_libraries(const char *root, const struct bk_strv *programs)
{
        autostrv struct bk_strv ldd = { 0 };
        autofree char *out = NULL;
        char *rest = NULL;

        bk_strv_add(&ldd, "ldd");
        for (size_t i = 0; i < programs->n; i++)
                bk_strv_add(&ldd, programs->v[i]);
        if (host((const char *const *)ldd.v, &out) < 0)
                return -1;
        for (char *line = strtok_r(out, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
                char *slash = strchr(line, '/'), *end = strstr(line, " (0x");

                if (slash == NULL || end == NULL || slash > end)
                        continue;
                *end = '\0';
                autofree char *to = bk_format("%s%s", root, slash), *folder = bk_strndup(to, (size_t)(strrchr(to, '/') - to));

                if (bk_exists(to))
                        continue;
                if (bk_mkdir_p(folder, NULL) < 0 || host((const char *const[]){ "cp", "-L", slash, to, NULL }, NULL) < 0)
                        return -1;
        }
        return 0;
}

static inline int make_tree(const char *root)
{
        static const char *const folders[] = { "proc", "sys", "dev", "run", "tmp", "etc", "root", "mnt", "var/tmp", "usr/bin",
                                               "usr/sbin", "usr/lib", "usr/lib64" };
        static const char *const links[] = { "bin", "sbin", "lib", "lib64" };
        static const char *const names[] = { "sh", "cat", "chmod", "dd", "echo", "env", "hostname", "id", "ln", "ls", "mkdir", "mount",
                                             "pwd", "readlink", "rm", "seq", "setsid", "sleep", "sort", "stat", "true", "wc" };
        autostrv struct bk_strv programs = { 0 };
        char self[PATH_MAX] = "";

        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
                autofree char *path = bk_format("%s/%s", root, folders[i]);

                if (bk_mkdir_p(path, NULL) < 0)
                        return -1;
        }
        for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
                autofree char *path = bk_format("%s/%s", root, links[i]), *to = bk_format("usr/%s", links[i]);

                if (symlink(to, path) < 0)
                        return -1;
        }
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                autofree char *to = bk_format("%s/usr/bin/%s", root, names[i]);

                bk_strv_take(&programs, find_program(names[i]));
                if (host((const char *const[]){ "cp", "-L", programs.v[i], to, NULL }, NULL) < 0)
                        return -1;
        }
        autofree char *probe = bk_format("%s/probe", root);

        if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
                return -1;
        bk_strv_add(&programs, self);
        return host((const char *const[]){ "cp", self, probe, NULL }, NULL) < 0 ? -1 : copy_libraries(root, &programs);
}

static inline int group_set_up(void **state)
{
        struct place *place = bk_alloc(sizeof *place);
        autofree char *passwd = NULL;
        FILE *file;

        *state = place;
        place->base = folder_new();
        passwd = bk_format("%s/etc/passwd", place->base);
        if (chmod(place->base, 0755) < 0 || make_tree(place->base) < 0 || (file = fopen(passwd, "we")) == NULL)
                return -1;
        (void)fputs("root:x:0:0:root:/root:/bin/sh\n", file);
        return fclose(file);
}

static inline int group_tear_down(void **state)
{
        struct place *place = *state;
        const int result = bk_remove_tree(place->base, NULL);

        free(place->base);
        free(place);
        return result;
}

static inline int set_up(void **state)
{
        struct place *place = *state;
        autofree char *from = bk_format("%s/.", place->base);

        place->root = folder_new();
        return host((const char *const[]){ "cp", "-a", from, place->root, NULL }, NULL);
}

static inline int tear_down(void **state)
{
        struct place *place = *state;
        int result = 0;

        if (place->chroot != NULL)
                result = chroot_close(bk_take(place->chroot), NULL, NULL);
        if (place->mounted != NULL && umount2(place->mounted, MNT_DETACH) < 0)
                result = -1;
        if (place->source != NULL && bk_remove_tree(place->source, NULL) < 0)
                result = -1;
        if (bk_remove_tree(place->root, NULL) < 0)
                result = -1;
        free(bk_take(place->mounted));
        free(bk_take(place->source));
        free(bk_take(place->root));
        return result;
}

/* All that a layer holds, for comparison: names, kinds, modes, owners, link targets, times but for folders', contents. */
static inline char *snapshot(const struct place *place)
{
        static const char script[] = "cd \"$0\" && { find . -type d -printf '%p %y %m %U %G\\n'; "
                                     "find . ! -type d -printf '%p %y %m %U %G %s %T@ %l\\n'; "
                                     "find . -type f -exec sha256sum {} +; } | sort";
        char *out = NULL;

        assert_int_equal(host((const char *const[]){ "sh", "-c", script, place->root, NULL }, &out), 0);
        return out;
}

static inline void put(const struct place *place, const char *path, const char *text, mode_t mode)
{
        autoclose int root = open(place->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct bk_error err = { 0 };

        assert_ok(bk_write_in_root(root, path, text, strlen(text), mode, &err), err);
}

/* --- the sandbox -------------------------------------------------------------------- */

static inline void open_with(struct place *place, struct chroot_config config)
{
        struct bk_error err = { 0 };

        need("root");
        if (config.network)
                need("slirp4netns");
        config.root = place->root;
        assert_ok(chroot_open(&config, &place->chroot, &err), err);
}

static inline void open_plain(struct place *place)
{
        open_with(place, (struct chroot_config){ 0 });
}

static inline void close_sandbox(struct place *place)
{
        struct bk_error err = { 0 };

        assert_ok(chroot_close(bk_take(place->chroot), NULL, &err), err);
}

static inline void run_inside(struct place *place, const char *const argv[], struct bk_run_result *ret)
{
        const struct bk_run run = { .argv = argv, .timeout_ms = COMMAND_TIMEOUT_MS };
        struct bk_error err = { 0 };

        assert_ok(chroot_run(place->chroot, &run, ret, &err), err);
}

/* What a shell inside printed; it must end with 0. The caller's. */
static inline char *shell(struct place *place, const char *script)
{
        struct bk_run_result result = { 0 };
        char *out;

        run_inside(place, (const char *const[]){ "sh", "-ec", script, NULL }, &result);
        if (result.status != 0)
                fail_msg("'%s' exited with %d: %s%s", script, result.status, result.out, result.err);
        out = bk_take(result.out);
        bk_run_result_done(&result);
        return out;
}

static inline void do_shell(struct place *place, const char *script)
{
        free(shell(place, script));
}

/* Asserts what a shell inside printed, to the byte. */
static inline void assert_prints(struct place *place, const char *script, const char *wanted)
{
        autofree char *out = shell(place, script);

        assert_string_equal(out, wanted);
}

/* Runs a probe; 0 is the status of one that found nothing amiss. */
#define assert_probe(place, ...) do { \
        struct bk_run_result probed_ = { 0 }; \
        run_inside(place, (const char *const[]){ "/probe", __VA_ARGS__, NULL }, &probed_); \
        if (probed_.status != 0) \
                fail_msg("probe %s ended with %d: %s%s", #__VA_ARGS__, probed_.status, probed_.out, probed_.err); \
        bk_run_result_done(&probed_); \
} while (0)

/* --- processes ---------------------------------------------------------------------- */

static inline bool has_slirp(void)
{
        return system("command -v slirp4netns >/dev/null") == 0;
}

/* Pidfds of a process' children; the caller closes them. */
static inline size_t watch_children(pid_t parent, struct pollfd *watched, size_t most)
{
        autofree char *path = bk_format("/proc/%ld/task/%ld/children", (long)parent, (long)parent), *list = NULL;
        size_t n = 0;

        assert_int_equal(bk_read_file(path, 4096, &list, NULL, NULL), 0);
        for (char *at = list, *end; n < most; at = end, n++) {
                const long pid = strtol(at, &end, 10);

                if (end == at)
                        break;
                watched[n] = (struct pollfd){ .fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0), .events = POLLIN };
                assert_true(watched[n].fd >= 0);
        }
        return n;
}
