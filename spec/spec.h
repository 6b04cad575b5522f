/* Checks of an image, written as serverspec writes them, run on embedded mruby.
 *
 * Resource types are C and read the image's files directly; only `command`
 * starts a program, inside the image. A check that cannot be answered here is
 * neither passed nor failed.
 * spec_run() runs the user's Ruby in a child of its own, under a deadline and
 * a memory limit, so that nothing it does can hurt the caller. The caller must be single-threaded. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/error.h"

enum spec_verdict { SPEC_PASS, SPEC_FAIL, SPEC_ERROR, SPEC_UNANSWERED, SPEC_SKIP };
const char *spec_verdict_name(enum spec_verdict verdict);       /* "passed", "failed", "error", "unanswered", "skipped" */

struct spec_result {
        char *file;             /* spec file as given */
        unsigned line;          /* of the example */
        char *group;            /* "File \"/etc/passwd\"", nested ones joined by a space */
        char *name;             /* "should be file" */
        enum spec_verdict verdict;
        char *message;          /* why, with the actual value; empty when passed */
        int64_t duration_us;
};

struct spec_report {
        struct spec_result *v;
        size_t n;
        size_t count[5];        /* by verdict */
        int64_t duration_us;
};
void spec_report_done(struct spec_report *report);

struct spec_output { char *out, *err; size_t out_len, err_len; int status; };

struct spec_target {
        int root_fd;            /* the image's "/" */
        /* Runs `sh -c line` inside the image; NULL where nothing can be run. Called in the child that runs the Ruby. */
        int (*command)(void *arg, const char *line, int timeout_ms, struct spec_output *ret, struct bk_error *err);
        void *arg;
        const char *identity;   /* image name or digest, for reports */
};

struct spec_options {
        int timeout_ms;         /* of the whole run; 0: 10 minutes */
        int command_timeout_ms; /* of one command; 0: 60 s */
};

/* Runs the files in order. Failing checks are in the report, not an error; an
 * error is a file that cannot be read. Ruby that does not parse, or raises outside an example,
 * is a result of its file with verdict SPEC_ERROR and "path:line: message". */
int spec_run(const char *const files[], size_t n, const struct spec_target *target, const struct spec_options *options,
             struct spec_report *ret, struct bk_error *err) BK_MUST_CHECK;

/* One JUnit file a spec file in `folder` (created), named TEST-<identity>-<spec file>.xml; valid against
 * the schema of Jenkins' xUnit plugin (junit-10.xsd). */
int spec_junit_write(const struct spec_report *report, const char *identity, const char *folder, struct bk_error *err) BK_MUST_CHECK;
