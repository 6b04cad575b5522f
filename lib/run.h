/* One way to run a program: argv only, never a shell; always a deadline; and
 * how it ended, with the last of what it printed, is part of the error.
 *
 * A child dies with us (PR_SET_PDEATHSIG), has its own process group, default
 * signal handling, stdin from /dev/null or from `input`, and no descriptor of ours (all are close-on-exec).
 * Whoever runs or forks is single-threaded: other threads would be missing in the child, and the locks that they hold never be free. */
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
void bk_run_result_done(struct bk_run_result *result);  /* a zeroed one is fine */

/* Runs and captures stdout into *ret_out, the caller's; NULL: not wanted. BK_NOT_FOUND: there is no such program. BK_TIMEOUT: it did not
 * end in time. BK_FAILED: it ended with any status but 0, and the error has the last of its stderr, or of stdout
 * where that is empty; or it printed more than 16 MiB. */
int bk_run(const char *const argv[], int timeout_ms, char **ret_out, struct bk_error *err) BK_MUST_CHECK;
/* Runs; a status other than 0 is the caller's to judge. Fails when the program could not be started (kinds as errno's), did not end in
 * time (BK_TIMEOUT), was stopped (BK_INTERRUPTED), or printed more than it may (BK_FAILED). In any case the program has ended when this
 * returns: where it had to be ended, its process group was killed. What it left behind of its own accord lives on. Input that it
 * does not read is dropped. *ret is the caller's to be done. */
int bk_run_with(const struct bk_run *run, struct bk_run_result *ret, struct bk_error *err) BK_MUST_CHECK;
/* For a status that is a failure after all: BK_FAILED, "PROGRAM exited with 1: last lines" or "PROGRAM was killed by signal 9 ...".
 * tail: what it printed, of which the last 400 bytes are told; NULL: nothing. Returns -1. */
int bk_run_fail(struct bk_error *err, const char *program, int status, const char *tail);

/* For children that stay: forks, and returns the pid in the parent, 0 in the child, -1 with errno set. The child dies with the parent
 * and has default signal handling; descriptors and process group are the parent's. Flush stdio before; the child ends by _exit().
 * Whoever forks waits for it: bk_wait(). */
pid_t bk_fork(void);
/* The same in mount and pid namespaces of its own, for root: the child is pid 1 there, and calls bk_own_mounts() before anything else.
 * When it ends, all that it started ends, and what it mounted is gone. */
pid_t bk_fork_isolated(void);
/* For the child of bk_fork_isolated(): from now on its mounts are private, and /proc is its own. On failure the child is to tell why, and
 * to end. */
int bk_own_mounts(struct bk_error *err) BK_MUST_CHECK;
/* For pid 1: waits, without a limit, for one child, and reaps every other that ends meanwhile. The child's status as in bk_run_result;
 * -1: no child is left, and it was none. */
int bk_reap_until(pid_t pid);
/* Waits for one child, and kills it (SIGKILL; only it, not its group) when the time is up. Its status as in bk_run_result, so 137 for one
 * that was killed; -1: it is no child of ours. */
int bk_wait(pid_t pid, int timeout_ms);
