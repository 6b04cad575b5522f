/* spec run: checks of a folder, an image or a host.
 *
 * The work is done by a child with mounts of its own: a signal that ends us ends it, and with it
 * everything that it opened. What a booted image leaves is in a lease, and undone here. */
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "bakery/bake/bake.h"
#include "bakery/cmd/spec_target.h"
#include "lib/cleanup.h"
#include "lib/run.h"
#include "spec/report.h"
#include "spec/waiver.h"

static const struct cmd_flag flags[] = {
        SPEC_TARGET_FLAGS,
        { "format", "NAME[:FILE]", true, "documentation (default), progress, tap, json, junit, nagios or prometheus; printed, or written to a file" },
        { "junit", "DIR", false, "a JUnit file for each spec file, for Jenkins" },
        { "tag", "TAG", true, "only examples with this tag: 'slow', 'tier:1', '~slow' for those without" },
        { "waiver", "FILE", true, "failures that are waived, for a reason and until a day" },
        { "allow-unanswered", NULL, false, "what cannot be answered here is no failure" },
        { "timeout", "TIME", false, "of everything: 90s, 10m (default), 1h; 30m with -boot" },
        { "command-timeout", "TIME", false, "of one command; 60s where not given" },
        { "retry-timeout", "TIME", false, "a failing example is tried again for so long" },
        { "retry-sleep", "TIME", false, "between two attempts; 500ms where not given" },
        { "compat", NULL, false, "answer as serverspec does, also where that is known to be wrong" },
        { "trust-specs", NULL, false, "specs may start programs, open sockets and write files on this host" },
};

enum { BOOTED_MS = 1800000 };           /* an emulated guest takes minutes to come up */

struct job {
        const struct cmd_args *args;
        struct bk_strv files, tags;
        struct spec_options options;
        struct spec_waivers waivers;
        struct spec_reporter **reporters;
        size_t n_reporters;
        bool nagios;                    /* printed: the exit code is its */
};

static void job_done(struct job *job)
{
        for (size_t i = 0; i < job->n_reporters; i++)
                spec_reporter_free(job->reporters[i]);
        free(job->reporters);
        spec_waivers_done(&job->waivers);
        bk_strv_done(&job->files);
        bk_strv_done(&job->tags);
}

/* --- the command line ----------------------------------------------------------- */

/* "90s", "500ms", "10m", "1h"; a bare number is seconds. */
static int read_time(const struct cmd_args *args, const char *flag, int *ret, struct bk_error *err)
{
        static const struct { const char *unit; long ms; } units[] = { { "ms", 1 }, { "s", 1000 }, { "", 1000 }, { "m", 60000 }, { "h", 3600000 } };
        enum { MS_MOST = 24 * 3600000 };
        const char *text = cmd_value(args, flag);
        char *end = NULL;
        double n;

        if (text == NULL)
                return 0;
        n = strspn(text, "0123456789.") > 0 ? strtod(text, &end) : -1;
        for (size_t i = 0; n >= 0 && i < sizeof units / sizeof *units; i++)
                if (bk_streq(end, units[i].unit) && n * (double)units[i].ms >= 1 && n * (double)units[i].ms <= MS_MOST) {
                        *ret = (int)(n * (double)units[i].ms);
                        return 0;
                }
        return bk_fail(err, BK_USAGE, "-%s takes a time from 1ms to 24h, such as 500ms, 90s or 10m, not '%s'", flag, text);
}

static int by_path(const FTSENT **a, const FTSENT **b)
{
        return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Every *_spec.rb below, sorted; a link to a file counts, one to a folder does not. */
static int add_folder(const char *path, struct bk_strv *ret, struct bk_error *err)
{
        char *const paths[] = { (char *)path, NULL };
        FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, by_path);
        const size_t before = ret->n;

        if (fts == NULL)
                return bk_fail_errno(err, "cannot list '%s'", path);
        for (FTSENT *entry; (entry = fts_read(fts)) != NULL;) {
                const size_t length = strlen(entry->fts_name), end = strlen("_spec.rb");

                if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR) {
                        errno = entry->fts_errno;
                        bk_fail_errno(err, "cannot list '%s'", entry->fts_path);
                        (void)fts_close(fts);
                        return -1;
                }
                if ((entry->fts_info == FTS_F || entry->fts_info == FTS_SL) && length >= end &&
                    bk_streq(entry->fts_name + length - end, "_spec.rb"))
                        bk_strv_add(ret, entry->fts_path);
        }
        (void)fts_close(fts);
        return ret->n > before ? 0 : bk_fail(err, BK_NOT_FOUND, "there is no *_spec.rb below '%s'", path);
}

static int find_files(const struct cmd_args *args, struct bk_strv *ret, struct bk_error *err)
{
        struct stat st;

        for (size_t i = 0; i < args->operands.n; i++) {
                const char *path = args->operands.v[i];

                if (stat(path, &st) < 0)
                        return bk_fail_errno(err, "'%s'", path);
                if (!S_ISDIR(st.st_mode))
                        bk_strv_add(ret, path);
                else if (add_folder(path, ret, err) < 0)
                        return -1;
        }
        return 0;
}

static int read_waivers(struct job *job, struct bk_error *err)
{
        autostrv struct bk_strv paths = { 0 };
        const time_t now = time(NULL);
        struct tm today;
        char text[16];

        cmd_values(job->args, "waiver", &paths);
        (void)strftime(text, sizeof text, "%Y-%m-%d", localtime_r(&now, &today));
        for (size_t i = 0; i < paths.n; i++)
                if (spec_waivers_read(paths.v[i], text, &job->waivers, err) < 0)
                        return -1;
        job->options.waivers = paths.n > 0 ? &job->waivers : NULL;
        return 0;
}

static int open_reporters(struct job *job, struct bk_error *err)
{
        autostrv struct bk_strv formats = { 0 };
        const bool colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
        bool printed = false;

        cmd_values(job->args, "format", &formats);
        if (formats.n == 0)
                bk_strv_add(&formats, "documentation");
        job->reporters = bk_alloc(formats.n * sizeof(struct spec_reporter *));
        for (size_t i = 0; i < formats.n; i++) {
                const char *colon = strchr(formats.v[i], ':');
                autofree char *name = colon ? bk_strndup(formats.v[i], (size_t)(colon - formats.v[i])) : bk_strdup(formats.v[i]);
                const char *file = colon != NULL && colon[1] != '\0' ? colon + 1 : NULL;

                if (file == NULL && printed)
                        return bk_fail(err, BK_USAGE, "only one format can be printed: give the others files, such as -format %s:FILE", name);
                printed |= file == NULL;
                if (spec_reporter_new(name, file, colour, &job->reporters[i], err) < 0)
                        return -1;
                job->n_reporters++;
                job->nagios |= file == NULL && bk_streq(name, "nagios");
        }
        return 0;
}

static void on_result(void *arg, const struct spec_result *result)
{
        const struct job *job = arg;

        for (size_t i = 0; i < job->n_reporters; i++)
                spec_reporter_result(job->reporters[i], result);
}

static int read_options(struct job *job, struct bk_error *err)
{
        struct spec_options *o = &job->options;

        o->timeout_ms = cmd_switch(job->args, "boot") ? BOOTED_MS : 0;
        if (spec_target_flags(job->args, err) < 0 || read_time(job->args, "timeout", &o->timeout_ms, err) < 0 ||
            read_time(job->args, "command-timeout", &o->command_timeout_ms, err) < 0 ||
            read_time(job->args, "retry-timeout", &o->retry_ms, err) < 0 || read_time(job->args, "retry-sleep", &o->retry_sleep_ms, err) < 0 ||
            find_files(job->args, &job->files, err) < 0 || read_waivers(job, err) < 0)
                return -1;
        o->compat = cmd_switch(job->args, "compat");
        o->trust = cmd_switch(job->args, "trust-specs");
        cmd_values(job->args, "tag", &job->tags);
        o->tags = job->tags.n > 0 ? &job->tags : NULL;
        o->on_result = on_result;
        o->arg = job;
        return open_reporters(job, err);
}

/* --- the checks -------------------------------------------------------------------- */

static void tell_unused_waivers(const struct job *job)
{
        autostrv struct bk_strv unused = { 0 };

        spec_waivers_unused(&job->waivers, &unused);
        for (size_t i = 0; i < unused.n; i++)
                (void)fprintf(stderr, "%s\n", unused.v[i]);
}

static int report(struct job *job, const struct spec_report *report, const struct spec_target *target, struct bk_error *err)
{
        const char *junit = cmd_value(job->args, "junit");
        int result = 0;

        for (size_t i = 0; i < job->n_reporters; i++)
                if (spec_reporter_end(bk_take(job->reporters[i]), report, target, result < 0 ? NULL : err) < 0)
                        result = -1;
        if (result == 0 && junit != NULL)
                result = spec_junit_write(report, target->identity, junit, err);
        tell_unused_waivers(job);
        return result;
}

static int code_of(const struct job *job, const struct spec_report *report)
{
        if (job->nagios)
                return spec_report_nagios_status(report);
        if (report->count[SPEC_FAIL] + report->count[SPEC_ERROR] > 0)
                return 1;
        return report->count[SPEC_UNANSWERED] > 0 && !cmd_switch(job->args, "allow-unanswered");
}

static int check(struct job *job, const struct spec_target_state *state, int *ret_code, struct bk_error *err)
{
        BK_CLEANUP(spec_report_done) struct spec_report all = { 0 };

        if (spec_run((const char *const *)job->files.v, job->files.n, &state->target, &job->options, &all, err) < 0 ||
            report(job, &all, &state->target, err) < 0)
                return -1;
        *ret_code = code_of(job, &all);
        return spec_target_verdict(state, err);
}

static int work(struct job *job)
{
        struct spec_target_state state = { .root_fd = -1 };
        struct bk_error err = { 0 }, closing = { 0 };
        int code = 0;

        if (spec_target_open(job->args, &state, &err) < 0 || check(job, &state, &code, &err) < 0)
                code = cmd_fail(&err);
        if (spec_target_close(&state, &closing) < 0 && code == 0)
                code = cmd_fail(&closing);
        return code;
}

/* --- around them ----------------------------------------------------------------------- */

static volatile pid_t child;
static volatile sig_atomic_t ended_by;

static void on_signal(int number)
{
        ended_by = number;
        if (child > 0)
                (void)kill(child, SIGKILL);
}

static bool is_empty(const char *folder)
{
        autodir DIR *dir = opendir(folder);
        int n = 0;

        while (dir != NULL && readdir(dir) != NULL)
                n++;
        return n <= 2;
}

/* What was cut short leaves a lease, of its overlay if it was booted, which its processes hold until the last of them is gone. */
static void reap(const struct cmd_args *args)
{
        enum { TRIES = 100, PAUSE_US = 50000 };
        autostate struct cmd_state state = { 0 };
        struct bk_error ignored = { 0 };

        if (cmd_value(args, "image") == NULL || cmd_open(args, &state, &ignored) < 0)
                return;
        autofree char *leases = bk_format("%s/leases", state.store.run);

        for (int i = 0; i < TRIES && !is_empty(leases) && bake_reap(&state.store, &ignored) == 0; i++)
                (void)usleep(PAUSE_US);
}

static int run(const struct cmd_args *args)
{
        static const int ending[] = { SIGINT, SIGTERM, SIGHUP };
        BK_CLEANUP(job_done) struct job job = { .args = args };
        struct sigaction action = { .sa_handler = on_signal };
        struct bk_error err = { 0 };
        sigset_t mask, before;
        int status = 0;

        if (read_options(&job, &err) < 0)
                return cmd_fail(&err);
        (void)fflush(NULL);
        (void)sigemptyset(&mask);
        for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
                (void)sigaddset(&mask, ending[i]);
        (void)sigprocmask(SIG_BLOCK, &mask, &before);   /* until there is somebody to end */
        child = bk_fork();
        if (child == 0) {
                (void)setsid();                         /* Ctrl-C is for us, who end it */
                (void)sigprocmask(SIG_SETMASK, &before, NULL);
                status = work(&job);
                (void)fflush(NULL);
                _exit(status);
        }
        for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
                (void)sigaction(ending[i], &action, NULL);
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        if (child < 0) {
                bk_fail_errno(&err, "cannot start a process");
                return cmd_fail(&err);
        }
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                ;
        if (WIFSIGNALED(status))
                reap(args);
        return ended_by != 0 ? 128 + ended_by : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

const struct cmd cmd_spec_run = {
        "spec run", "SPEC...", 1, -1, "check an image or a host by serverspec's specs",
        "SPEC is a file, or a folder with all *_spec.rb below it. Exactly one of -root, -image and -ssh says what is checked. A check is passed, "
        "failed, or unanswered: what needs a running system is answered by -boot or -ssh only. Nothing of what is checked changes, but for "
        "what commands of specs do on a host that is checked over SSH.\n"
        "Exits with 0 when every example passed or was skipped, and 1 otherwise; with -format nagios, as a Nagios plug-in does.",
        CMD_FLAGS(flags), run,
};
