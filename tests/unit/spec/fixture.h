/* An image's root and a folder of specs, both in a temporary folder, and what the engine says about them. */
#pragma once
#include "tests/unit/folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/fs.h"
#include "lib/mem.h"
#include "spec/spec.h"

struct fixture {
        char *home, *root, *folder;     /* home holds "root" and "spec" */
        struct spec_target target;
        struct spec_options options;
        struct spec_report report;      /* of the last run */
};

static inline int fixture_setup(void **state)
{
        struct fixture *f = bk_alloc(sizeof *f);

        f->home = folder_new();
        f->root = bk_format("%s/root", f->home);
        f->folder = bk_format("%s/spec", f->home);
        if (mkdir(f->root, 0755) < 0 || mkdir(f->folder, 0755) < 0)
                return -1;
        f->target = (struct spec_target){ .root_fd = open(f->root, O_PATH | O_DIRECTORY | O_CLOEXEC), .identity = "test" };
        f->options.timeout_ms = 60000;
        *state = f;
        return f->target.root_fd < 0 ? -1 : 0;
}

static inline int fixture_teardown(void **state)
{
        struct fixture *f = *state;
        struct bk_error err = { 0 };

        spec_report_done(&f->report);
        (void)close(f->target.root_fd);
        assert_ok(bk_remove_tree(f->home, &err), err);
        free(f->home);
        free(f->root);
        free(f->folder);
        free(f);
        return 0;
}

#define spec_test(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

/* A file of the image. */
static inline void put_bytes(const struct fixture *f, const char *path, const void *bytes, size_t length)
{
        struct bk_error err = { 0 };

        assert_ok(bk_write_in_root(f->target.root_fd, path, bytes, length, 0644, &err), err);
}

static inline void put(const struct fixture *f, const char *path, const char *text)
{
        put_bytes(f, path, text, strlen(text));
}

static inline char *in_root(const struct fixture *f, const char *path)
{
        return bk_format("%s%s", f->root, path);
}

static inline void put_link(const struct fixture *f, const char *path, const char *to)
{
        autofree char *at = in_root(f, path);

        assert_int_equal(symlink(to, at), 0);
}

static inline void put_mode(const struct fixture *f, const char *path, mode_t mode)
{
        autofree char *at = in_root(f, path);

        assert_int_equal(chmod(at, mode), 0);
}

/* A file of the spec folder, or of its parent with "../". Returns its path, the caller's. */
static inline char *write_beside_n(const struct fixture *f, const char *name, const void *bytes, size_t length)
{
        char *path = bk_format("%s/%s", f->folder, name);
        autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        struct bk_error err = { 0 };

        assert_true(fd >= 0);
        assert_ok(bk_write_all(fd, bytes, length, &err), err);
        return path;
}

static inline char *write_beside(const struct fixture *f, const char *name, const char *text)
{
        return write_beside_n(f, name, text, strlen(text));
}

static inline void run_bytes(struct fixture *f, const char *text, size_t length)
{
        autofree char *path = write_beside_n(f, "a_spec.rb", text, length);
        const char *const files[] = { path };
        struct bk_error err = { 0 };

        spec_report_done(&f->report);
        assert_ok(spec_run(files, 1, &f->target, &f->options, &f->report, &err), err);
        for (size_t i = 0; i < f->report.n; i++)
                assert_string_equal(f->report.v[i].file, path);
}

/* The text is the spec; line 1 is its first. */
static inline void run(struct fixture *f, const char *text)
{
        run_bytes(f, text, strlen(text));
}

static inline void show(const struct spec_report *report)
{
        for (size_t i = 0; i < report->n; i++)
                print_message("#   %u: [%s] [%s] %s: %s\n", report->v[i].line, report->v[i].group, report->v[i].name,
                              spec_verdict_name(report->v[i].verdict), report->v[i].message);
}

/* NULL: not looked at; line 0 neither. The message is a part of the real one; "" is all of it. */
struct expected {
        enum spec_verdict verdict;
        unsigned line;
        const char *group, *name, *message;
};

static inline bool as_expected(const struct spec_result *r, const struct expected *e)
{
        return r->verdict == e->verdict && (e->line == 0 || r->line == e->line) &&
               (e->group == NULL || strcmp(r->group, e->group) == 0) && (e->name == NULL || strcmp(r->name, e->name) == 0) &&
               (e->message == NULL || (*e->message ? strstr(r->message, e->message) != NULL : *r->message == '\0'));
}

static inline const char *any(const char *text)
{
        return text ? text : "*";
}

static inline void expect_results(const struct fixture *f, const struct expected *expected, size_t n)
{
        if (f->report.n != n) {
                show(&f->report);
                fail_msg("%zu results are expected, not %zu", n, f->report.n);
        }
        for (size_t i = 0; i < n; i++)
                if (!as_expected(&f->report.v[i], &expected[i])) {
                        show(&f->report);
                        fail_msg("result %zu is not: %u [%s] [%s] %s: %s", i, expected[i].line, any(expected[i].group), any(expected[i].name),
                                 spec_verdict_name(expected[i].verdict), any(expected[i].message));
                }
}

#define expect_all(f, ...) do { \
        const struct expected expected_[] = { __VA_ARGS__ }; \
        expect_results(f, expected_, sizeof expected_ / sizeof *expected_); \
} while (0)

static inline void expect_one(const struct fixture *f, enum spec_verdict verdict, const char *message)
{
        expect_all(f, { verdict, 0, NULL, NULL, message });
}

/* Rows of checks, each an example of one run: `check` is Ruby, "is_expected" and "should" inclusive. */
struct check { const char *check; enum spec_verdict verdict; const char *message; };

static inline void expect_checks(struct fixture *f, const struct check *checks, size_t n)
{
        autofree char *text = bk_strdup("describe 'checks' do\n");
        size_t wrong = 0;

        for (size_t i = 0; i < n; i++) {
                autofree char *before = text;

                text = bk_format("%sit('check %zu') { %s }\n", before, i, checks[i].check);
        }
        autofree char *all = bk_format("%send\n", text);

        run(f, all);
        if (f->report.n != n) {
                show(&f->report);
                fail_msg("%zu results are expected, not %zu", n, f->report.n);
        }
        for (size_t i = 0; i < n; i++) {
                const struct spec_result *r = &f->report.v[i];
                const struct expected e = { checks[i].verdict, 0, NULL, NULL, checks[i].message };

                if (as_expected(r, &e))
                        continue;
                print_message("# %s\n#   wanted %s: %s\n#   got %s: %s\n", checks[i].check, spec_verdict_name(e.verdict),
                              any(e.message), spec_verdict_name(r->verdict), r->message);
                wrong++;
        }
        assert_int_equal(wrong, 0);
}

#define expect_rows(f, rows) expect_checks(f, rows, sizeof rows / sizeof *(rows))
