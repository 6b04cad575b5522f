/* One way to run a program: argv only, never a shell; always a deadline; and
 * how it ended, with the last of what it printed, is part of the error.
 *
 * A child dies with us (PR_SET_PDEATHSIG), has its own process group, default
 * signal handling, stdin from /dev/null or from `input`, and no descriptor of ours.
 * The caller must be single-threaded. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "lib/error.h"

struct bk_run {
        const char *const *argv;        /* looked up in PATH */
        const char *const *env;         /* NULL inherits ours */
        int timeout_ms;                 /* > 0 */
        const char *input;              /* NULL: /dev/null */
        size_t input_len;
        size_t capture_most;            /* of stdout, and of stderr; 0: 16 MiB. More is an error */
        /* When set, output is not captured but handed on line by line, without
         * the newline; lines over 8 KiB come in pieces. stream is 1 or 2. */
        void (*on_line)(void *arg, int stream, const char *line);
        /* Runs in the child before exec; returns 0, or -1 with errno set. */
        int (*in_child)(void *arg);
        /* Called about once a second while waiting; returns true to stop (BK_INTERRUPTED). */
        bool (*stop)(void *arg);
        void *arg;
};

struct bk_run_result {
        int status;             /* exit code, or 128 + signal */
        char *out, *err;        /* owned; captured text, never NULL after success */
        size_t out_len;
        bool left_output_open;  /* it ended, but something it started still holds its output */
};
void bk_run_result_done(struct bk_run_result *result);

/* Runs and captures stdout into *ret_out (may be NULL). Any status but 0 is a failure (BK_FAILED). */
int bk_run(const char *const argv[], int timeout_ms, char **ret_out, struct bk_error *err) BK_MUST_CHECK;
/* Runs; a status other than 0 is the caller's to judge. Fails only when the
 * program could not be started or did not end in time (BK_TIMEOUT). */
int bk_run_with(const struct bk_run *run, struct bk_run_result *ret, struct bk_error *err) BK_MUST_CHECK;
/* Fills err with "PROGRAM exited with 1: last lines", and returns -1. */
int bk_run_fail(struct bk_error *err, const char *program, int status, const char *tail);

/* For children that stay: forks, arranges death with the parent, and returns
 * the pid in the parent and 0 in the child. */
pid_t bk_fork(void);
/* The same in mount and pid namespaces of its own: the child is pid 1 there, and calls bk_own_mounts() before anything else. When it
 * ends, all that it started ends, and what it mounted is gone. */
pid_t bk_fork_isolated(void);
/* For the child of bk_fork_isolated(): from now on its mounts are private, and /proc is its own. */
int bk_own_mounts(struct bk_error *err) BK_MUST_CHECK;
/* For pid 1: waits for one child and reaps every other that ends meanwhile. Status as in bk_run_result, or -1. */
int bk_reap_until(pid_t pid);
/* Waits for one child; the status as in bk_run_result, or -1. Kills it (SIGKILL) when the time is up. */
int bk_wait(pid_t pid, int timeout_ms);
