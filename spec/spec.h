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
#include "lib/mem.h"

enum spec_verdict { SPEC_PASS, SPEC_FAIL, SPEC_ERROR, SPEC_UNANSWERED, SPEC_SKIP };
const char *spec_verdict_name(enum spec_verdict verdict);       /* "passed", "failed", "error", "unanswered", "skipped" */

/* Where an example got its answers: the most expensive place that it asked. */
enum spec_where { SPEC_NOWHERE, SPEC_IN_FILES, SPEC_IN_SANDBOX, SPEC_IN_GUEST };
const char *spec_where_name(enum spec_where where);     /* "", "files", "sandbox", "guest" */

#define SPEC_GROUP_SIGN '\x1f'
struct spec_result {
        char *file;             /* spec file as given */
        unsigned line;          /* of the example */
        char *group;            /* "File \"/etc/passwd\"", nested ones joined by a space */
        char *groups;           /* the same titles, outermost first, with SPEC_GROUP_SIGN between them; NULL: as group */
        char *name;             /* "should be file" */
        enum spec_verdict verdict;
        char *message;          /* why, with the actual value; empty when passed */
        char *control, *title;  /* of the control it belongs to; empty: none */
        double impact;          /* 0 to 1; below 0: none given */
        enum spec_where where;
        bool configured;        /* answered by what is configured, for want of a running system that could tell what is */
        unsigned attempts;      /* 1, or more with retries */
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
void spec_output_done(struct spec_output *output);

/* Runs `sh -c line` there, with input (NULL: none) as its standard input. Called in the process that called spec_run(). */
struct spec_place {
        int (*run)(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret, struct bk_error *err);
        void *arg;
};

/* What is checked. Files are read below root_fd; where that is -1, the guest is asked for them, in batches. */
struct spec_target {
        int root_fd;            /* the image's "/" */
        struct spec_place sandbox;      /* the image's programs without its system running; run NULL: none */
        struct spec_place guest;        /* a running system, which may be started by the first call; run NULL: none */
        const char *identity;   /* image name or digest, for reports */
        const char *mode;       /* "root", "image", "boot", "ssh", for reports; NULL: "root" */
};

struct spec_options {
        int timeout_ms;         /* of the whole run; 0: 10 minutes */
        int command_timeout_ms; /* of one command; 0: 60 s */
        int retry_ms;           /* a failing example is run again until so much time has gone; 0: once */
        int retry_sleep_ms;     /* between two attempts; 0: 500 */
        bool compat;            /* answer as serverspec 2.43 does where it is known to be wrong: docs/specs.md */
        bool trust;             /* user Ruby may start programs, open sockets and write files on the build host */
        const struct bk_strv *tags;     /* "slow", "tier:1", "~slow" for those without; NULL: all */
        struct spec_waivers *waivers;   /* applied to each result before it is counted (waiver.h); NULL: none */
        void (*on_result)(void *arg, const struct spec_result *result);        /* NULL; as they come */
        void *arg;
};

/* Runs the files in order. Failing checks are in the report, not an error; an
 * error is a file that cannot be read. Ruby that does not parse, or raises outside an example,
 * is a result of its file with verdict SPEC_ERROR and "path:line: message". */
int spec_run(const char *const files[], size_t n, const struct spec_target *target, const struct spec_options *options,
             struct spec_report *ret, struct bk_error *err) BK_MUST_CHECK;

/* One JUnit file a spec file in `folder` (created), named TEST-<identity>-<spec file>.xml; valid against
 * the schema of Jenkins' xUnit plugin (junit-10.xsd). */
int spec_junit_write(const struct spec_report *report, const char *identity, const char *folder, struct bk_error *err) BK_MUST_CHECK;
