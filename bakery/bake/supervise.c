/* The supervisor: starts bakes whose ancestors are there, listens to their
 * workers, publishes what they sealed.
 *
 * It is single-threaded and runs one poll loop. A worker is ended with SIGKILL when it must end:
 * its namespaces are its cleanup, and the draft is removed here. */
#include "bakery/bake/bake_priv.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "janitor/sweep.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/run.h"

enum { TICK_MS = 100 };

struct run {
        const struct bake_options *options;
        struct layer_store store;
        struct reg *reg;
        struct bake_ui *ui;
        struct tmpl **tmpls;
        size_t n_tmpls;
        struct bake **bakes;
        size_t n;
        int signals;            /* signalfd */
        int stopped_by;         /* signal, or 0 */
};

/* --- leftovers of the dead ---------------------------------------------------------- */

static void warn(void *arg, const struct janitor_leftover *leftover)
{
        (void)arg;
        if (leftover->end == JANITOR_STUCK)
                (void)fprintf(stderr, "bakery: warning: lease '%s' of one that is dead stays%s%s: %s (`bakery janitor sweep` tries again)\n",
                              leftover->lease, leftover->kind != NULL ? ", for its " : "", leftover->kind != NULL ? leftover->kind : "",
                              leftover->why);
}

int bake_reap(const struct layer_store *store, struct bk_error *err)
{
        const struct janitor_sweep sweep = { .store = store, .tell = warn };
        struct janitor_swept swept = { 0 };

        return janitor_sweep(&sweep, &swept, err) < 0 ? -1 : (int)swept.leases;
}

/* --- starting ------------------------------------------------------------------------- */

static void release(struct bake *bake)
{
        if (bake->stuck)
                bk_lease_leave(&bake->lease);
        bk_lease_done(&bake->lease);
        if (bake->lock >= 0)
                (void)close(bk_take_fd(bake->lock));
}

/* The lease is held until the row says how it ended: a sweep takes the row of a bake without one for that of a dead one. */
static void end(struct run *run, struct bake *bake, enum bake_phase phase)
{
        bake->phase = phase;
        bake->ended_ms = bk_now_ms();
        bake_end_row(bake, run->reg);
        release(bake);
        bake_ui_end(run->ui, bake);
}

static void fail(struct run *run, struct bake *bake, const struct bk_error *err)
{
        if (&bake->error != err)
                bake->error = *err;
        end(run, bake, BAKE_FAILED);
}

static int start_child(struct run *run, struct bake *bake, bool post, struct bk_error *err)
{
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return bk_fail_errno(err, "cannot make a pipe");
        (void)fflush(NULL);
        bake->pid = post ? bk_fork() : bk_fork_isolated();
        if (bake->pid == 0) {
                sigset_t none;

                /* Other bakes' pipes, the registry and the signals are the supervisor's. */
                for (size_t i = 0; i < run->n; i++)
                        if (run->bakes[i]->events >= 0)
                                (void)close(run->bakes[i]->events);
                (void)close(ends[0]);
                (void)sigemptyset(&none);
                (void)sigprocmask(SIG_SETMASK, &none, NULL);
                if (post)
                        bake_post_worker(bake, ends[1]);
                bake_worker(bake, ends[1]);
        }
        (void)close(ends[1]);
        if (bake->pid < 0) {
                (void)close(ends[0]);
                return bk_fail_errno(err, "cannot start a worker");
        }
        bake->events = ends[0];
        (void)fcntl(bake->events, F_SETFL, O_NONBLOCK);
        return 0;
}

static int open_log(struct bake *bake, struct bk_error *err)
{
        autofree char *folder = bk_format("%s/logs", bake->store->home);
        autofree char *name = bk_strdup(bake->name);

        for (char *p = name; *p != '\0'; p++)
                if (*p == '/')
                        *p = '-';
        if (bk_mkdir_p(folder, err) < 0)
                return -1;
        bake->log_path = bk_format("%s/%s-%s.log", folder, name, bake->id);
        bake->log = fopen(bake->log_path, "we");
        if (bake->log == NULL)
                return bk_fail_errno(err, "cannot create log '%s'", bake->log_path);
        return 0;
}

static int take_lease(struct bake *bake, struct bk_error *err)
{
        autofree char *folder = bk_format("%s/leases", bake->store->run);

        if (bk_lease_take(folder, &bake->lease, err) < 0 || bk_lease_note_passing(&bake->lease, "bake", bake->id, err) < 0 ||
            bk_lease_note_passing(&bake->lease, "work", bake->id, err) < 0)
                return -1;
        return bk_lease_note(&bake->lease, "draft", bake->id, err);     /* with it the others are on the disk */
}

static bool has_posts(const struct bake *bake)
{
        if (bake->builder->artifact != NULL)
                return true;
        for (size_t p = 0; p < bake->tmpl->n_pipelines; p++)
                for (size_t i = 0; i < bake->tmpl->pipelines[p].n; i++)
                        if (tmpl_step_applies(&bake->tmpl->pipelines[p].v[i], bake->name))
                                return true;
        return false;
}

/* What follows publication, or the finding that nothing changed. */
static void to_post(struct run *run, struct bake *bake, enum bake_phase otherwise)
{
        struct bk_error err = { 0 };

        if (!has_posts(bake)) {
                end(run, bake, otherwise);
                return;
        }
        bake->phase = BAKE_POSTING;
        if (start_child(run, bake, true, &err) < 0)
                fail(run, bake, &err);
}

/* 1 when another process bakes this image now, and we may still wait. */
static int take_lock(struct bake *bake, struct bk_error *err)
{
        autofree char *folder = bk_format("%s/locks", bake->store->run), *name = bk_strdup(bake->config.image_name), *path = NULL;
        struct bk_error busy = { 0 };

        for (char *p = name; *p != '\0'; p++)
                if (*p == '/')
                        *p = '+';       /* not a character of image names */
        path = bk_format("%s/%s", folder, name);
        if (bk_mkdir_p(folder, err) < 0)
                return -1;
        if (bk_lock_take(path, 0, &bake->lock, &busy) == 0)
                return 0;
        if (busy.kind == BK_LOCKED && bk_now_ms() - bake->waiting_since_ms < bake->options->lock_timeout_ms)
                return 1;
        *err = busy;
        return bk_wrap(err, "another bake of image '%s' is running", bake->config.image_name);
}

static void start(struct run *run, struct bake *bake)
{
        struct bk_error err = { 0 };
        bool current = false;
        int locked;

        if (bake->waiting_since_ms == 0)
                bake->waiting_since_ms = bk_now_ms();
        locked = take_lock(bake, &err);
        if (locked > 0) {
                if (bake->step == NULL)
                        bake_ui_step(run->ui, bake, "waiting for another bake of this image");
                return;
        }
        bake->started_ms = bk_now_ms();
        if (locked < 0 || bake_plan(bake, run->reg, &current, &err) < 0) {
                fail(run, bake, &err);
                return;
        }
        if (run->options->plan_only) {
                autofree char *text = current ? bk_strdup("up to date") : bk_format("would bake: %s", bake->reason);

                bake_ui_step(run->ui, bake, text);
                bake->phase = current ? BAKE_UP_TO_DATE : BAKE_SKIPPED;
                release(bake);
                return;
        }
        if (current) {
                to_post(run, bake, BAKE_UP_TO_DATE);
                return;
        }
        if (take_lease(bake, &err) < 0 || open_log(bake, &err) < 0 || bake_begin_row(bake, run->reg, &err) < 0) {
                fail(run, bake, &err);
                return;
        }
        autofree char *text = bk_format("baking: %s", bake->reason);

        bake->phase = BAKE_RUNNING;
        bake_ui_step(run->ui, bake, text);
        if (start_child(run, bake, false, &err) < 0)
                fail(run, bake, &err);
}

static bool ended(const struct bake *bake)
{
        return bake->phase >= BAKE_DONE;
}

static void start_ready(struct run *run)
{
        size_t busy = 0;
        const size_t most = run->options->parallel > 0 ? (size_t)run->options->parallel : (size_t)sysconf(_SC_NPROCESSORS_ONLN);

        for (size_t i = 0; i < run->n; i++)
                busy += run->bakes[i]->phase == BAKE_RUNNING || run->bakes[i]->phase == BAKE_POSTING;
        for (size_t i = 0; i < run->n && run->stopped_by == 0; i++) {
                struct bake *bake = run->bakes[i];
                const struct bake *after = bake->after;

                if (bake->phase != BAKE_WAITING || busy >= most)
                        continue;
                if (after != NULL && run->options->plan_only && after->phase == BAKE_SKIPPED) {
                        bake_ui_step(run->ui, bake, "would bake: its ancestor would be new");
                        bake->phase = BAKE_SKIPPED;
                } else if (after != NULL && (after->phase == BAKE_FAILED || after->phase == BAKE_SKIPPED)) {
                        bake->phase = BAKE_SKIPPED;
                        bake_ui_end(run->ui, bake);
                } else if (after == NULL || after->phase == BAKE_DONE || after->phase == BAKE_UP_TO_DATE) {
                        start(run, bake);
                        busy += bake->phase == BAKE_RUNNING || bake->phase == BAKE_POSTING;
                }
        }
}

/* --- listening ------------------------------------------------------------------------- */

static void on_failed(struct bake *bake, const json_t *event)
{
        struct bk_error err = {
                .kind = (enum bk_kind)json_integer_value(json_object_get(event, "kind")),
                .errnum = (int)json_integer_value(json_object_get(event, "errno")),
        };
        autofree char *text = tmpl_redact(bake->tmpl, json_string_value(json_object_get(event, "text")));

        (void)snprintf(err.at, sizeof err.at, "%s", json_string_value(json_object_get(event, "at")));
        (void)snprintf(err.text, sizeof err.text, "%s", text);
        bake->error = err;
}

struct listening { struct run *run; struct bake *bake; };

static void on_event(void *arg, const char *line)
{
        struct run *run = ((const struct listening *)arg)->run;
        struct bake *bake = ((const struct listening *)arg)->bake;
        json_t *event = json_loads(line, 0, NULL);
        const char *kind = json_string_value(json_object_get(event, "event"));
        const char *text = json_string_value(json_object_get(event, "text"));

        if (bk_streq(kind, "step") || bk_streq(kind, "line")) {
                autofree char *clean = tmpl_redact(bake->tmpl, text ? text : "");

                if (bk_streq(kind, "step"))
                        bake_ui_step(run->ui, bake, clean);
                else
                        bake_ui_line(run->ui, bake, (int)json_integer_value(json_object_get(event, "stream")), clean);
        } else if (bk_streq(kind, "failed")) {
                on_failed(bake, event);
        } else if (bk_streq(kind, "sealed") || bk_streq(kind, "posted")) {
                json_decref(bake->result);
                bake->result = json_incref(event);
        }
        json_decref(event);
}

/* A full disk shows up as many kinds of failure; name it. */
static void explain(struct bake *bake, int status)
{
        struct statvfs space;

        if (bake->error.kind == BK_NONE)
                bk_fail(&bake->error, BK_INTERNAL, "the worker ended without a word (%s %d)", status > 128 ? "signal" : "status",
                        status > 128 ? status - 128 : status);
        if (statvfs(bake->store->drafts, &space) == 0 && (uint64_t)space.f_bavail * space.f_frsize < (4 << 20)) {
                bk_wrap(&bake->error, "the disk of '%s' is full; free some space or set BAKERY_HOME elsewhere", bake->store->home);
                bake->error.kind = BK_NO_SPACE;
        }
}

static void remove_draft(struct bake *bake)
{
        struct bk_error err = { 0 };

        if ((!bake->options->keep_failed && layer_draft_remove(bake->store, bake->id, &err) < 0) ||
            janitor_work_remove(bake->store, bake->id, &err) < 0) {
                bk_wrap(&bake->error, "(and %s)", err.text);
                bake->stuck = true;
        }
        if (bake->options->keep_failed) {
                autofree char *path = layer_draft_path(bake->store, bake->id);

                if (bk_exists(path))
                        bk_wrap(&bake->error, "draft kept as '%s'", path);
        }
}

/* The draft is a layer now. */
static void remove_work(struct run *run, struct bake *bake)
{
        struct bk_error err = { 0 };

        if (janitor_work_remove(bake->store, bake->id, &err) == 0) {
                bk_lease_done(&bake->lease);
        } else {
                autofree char *text = bk_format("warning: %s (`bakery janitor sweep` tries again)", err.text);

                bake->stuck = true;
                bake_ui_line(run->ui, bake, 2, text);
        }
}

static void on_worker_end(struct run *run, struct bake *bake, int status)
{
        struct bk_error err = { 0 };

        if (status == 0 && json_object_get(bake->result, "digest") != NULL) {
                if (bake_publish(bake, run->reg, &err) == 0) {
                        remove_work(run, bake);
                        to_post(run, bake, BAKE_DONE);
                        return;
                }
                bake->error = err;
        }
        explain(bake, status);
        remove_draft(bake);
        fail(run, bake, &bake->error);
}

static void on_post_end(struct run *run, struct bake *bake, int status)
{
        if (status != 0) {
                explain(bake, status);
                fail(run, bake, &bake->error);
                return;
        }
        bake->artifacts = json_incref(json_object_get(bake->result, "files"));
        end(run, bake, bake->log ? BAKE_DONE : BAKE_UP_TO_DATE);
}

static void stop_one(struct bake *bake, const struct bk_error *why)
{
        if (bake->pid > 0)
                (void)kill(bake->pid, SIGKILL);
        bake->error = *why;
}

static void listen_to(struct run *run, struct bake *bake)
{
        struct listening listening = { run, bake };
        struct bk_error err = { 0 };
        char chunk[65536];
        ssize_t got;
        int status;

        while ((got = read(bake->events, chunk, sizeof chunk)) > 0)
                if (bake_hear(&bake->partial, chunk, (size_t)got, on_event, &listening, &err) < 0)
                        stop_one(bake, &err);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        (void)close(bk_take_fd(bake->events));
        status = bk_wait(bake->pid, 60000);
        bake->pid = 0;
        if (bake->phase == BAKE_RUNNING)
                on_worker_end(run, bake, status);
        else
                on_post_end(run, bake, status);
}

static void check_time(struct run *run)
{
        for (size_t i = 0; i < run->n; i++) {
                struct bake *bake = run->bakes[i];
                struct bk_error err = { 0 };

                if (bake->phase != BAKE_RUNNING || bake->error.kind == BK_TIMEOUT ||
                    bk_now_ms() - bake->started_ms < bake->config.timeout_ms)
                        continue;
                bk_fail(&err, BK_TIMEOUT, "the bake took longer than its timeout of %.0f s, during '%s'",
                        (double)bake->config.timeout_ms / 1000, bake->step ? bake->step : "");
                stop_one(bake, &err);
        }
}

static void on_signal(struct run *run)
{
        struct signalfd_siginfo info;
        struct bk_error err = { 0 };

        if (read(run->signals, &info, sizeof info) != sizeof info)
                return;
        run->stopped_by = (int)info.ssi_signo;
        bk_fail(&err, BK_INTERRUPTED, "stopped by signal %d (%s)", run->stopped_by, strsignal(run->stopped_by));
        for (size_t i = 0; i < run->n; i++)
                if (!ended(run->bakes[i])) {
                        stop_one(run->bakes[i], &err);
                        if (run->bakes[i]->phase == BAKE_WAITING) {
                                release(run->bakes[i]);
                                run->bakes[i]->phase = BAKE_SKIPPED;
                        }
                }
}

static void loop(struct run *run)
{
        struct pollfd *events = bk_alloc((run->n + 1) * sizeof *events);

        for (;;) {
                bool busy = false;

                start_ready(run);
                for (size_t i = 0; i < run->n; i++) {
                        busy |= !ended(run->bakes[i]);
                        events[i] = (struct pollfd){ .fd = run->bakes[i]->events, .events = POLLIN };
                }
                if (!busy)
                        break;
                events[run->n] = (struct pollfd){ .fd = run->signals, .events = POLLIN };
                (void)poll(events, run->n + 1, TICK_MS);
                if (events[run->n].revents != 0)
                        on_signal(run);
                for (size_t i = 0; i < run->n; i++)
                        if (run->bakes[i]->events >= 0 && events[i].fd == run->bakes[i]->events && events[i].revents != 0)
                                listen_to(run, run->bakes[i]);
                check_time(run);
                bake_ui_tick(run->ui);
        }
        free(events);
}

/* --- before and after --------------------------------------------------------------------- */

static bool selected(const struct bake_options *options, const char *name)
{
        return (options->only.n == 0 || bk_strv_has(&options->only, name)) && !bk_strv_has(&options->except, name);
}

static int add_bakes(struct run *run, struct tmpl *tmpl, struct bk_error *err)
{
        for (size_t i = 0; i < tmpl->n_builders; i++) {
                struct bake *bake;

                if (!selected(run->options, tmpl->builders[i].name))
                        continue;
                bake = bk_alloc(sizeof *bake);
                *bake = (struct bake){ .options = run->options, .store = &run->store, .tmpl = tmpl, .block = &tmpl->builders[i],
                                       .name = bk_strdup(tmpl->builders[i].name), .id = bk_random_name(), .lease = BK_LEASE_NONE,
                                       .lock = -1, .events = -1 };
                run->bakes = bk_grow(run->bakes, run->n + 1, sizeof(struct bake *));
                run->bakes[run->n++] = bake;
                if (bake_prepare(bake, err) < 0)
                        return -1;
        }
        return 0;
}

/* The image name that a source names: what is before '?' or ':'. */
static bool stands_on(const struct bake *bake, const struct bake *other)
{
        const char *source = bake->config.source_image;
        const size_t length = source == NULL ? 0 : strcspn(source, "?:;");

        return length > 0 && strlen(other->config.image_name) == length &&
               strncmp(source, other->config.image_name, length) == 0;
}

static int sort_out(struct run *run, struct bk_error *err)
{
        for (size_t i = 0; i < run->n; i++) {
                struct bake *bake = run->bakes[i];
                const struct bake *at = bake;

                for (size_t k = 0; k < run->n; k++) {
                        if (k < i && bk_streq(run->bakes[k]->config.image_name, bake->config.image_name))
                                return bk_doc_fail(err, bake->block->doc, "image '%s' is baked twice in one run", bake->config.image_name);
                        if (k != i && stands_on(bake, run->bakes[k]))
                                bake->after = run->bakes[k];
                }
                for (size_t steps = 0; (at = at->after) != NULL; steps++)
                        if (at == bake || steps > run->n)
                                return bk_doc_fail(err, bake->block->doc, "'%s' stands on itself, by way of '%s'", bake->name,
                                                   bake->after->name);
        }
        return 0;
}

static int set_up(struct run *run, const char *const templates[], size_t n, struct bk_error *err)
{
        sigset_t wanted;

        run->tmpls = bk_alloc((n + 1) * sizeof(struct tmpl *));
        for (size_t i = 0; i < n; i++) {
                if (tmpl_load(templates[i], &run->options->variables, &run->tmpls[i], err) < 0)
                        return -1;
                for (size_t k = 0; k < run->tmpls[i]->warnings.n; k++)
                        (void)fprintf(stderr, "%s\n", run->tmpls[i]->warnings.v[k]);
                run->n_tmpls++;
                if (add_bakes(run, run->tmpls[i], err) < 0)
                        return -1;
        }
        if (sort_out(run, err) < 0)
                return -1;
        if (run->n == 0)
                return bk_fail(err, BK_INVALID, "nothing is left to bake after -only and -except");
        if (geteuid() != 0 && !run->options->plan_only)
                return bk_fail(err, BK_DENIED, "baking needs root, for mounts and loop devices; run it with sudo");
        if (layer_store_open(run->options->home, &run->store, err) < 0 || bake_reap(&run->store, err) < 0 ||
            reg_open(run->options->home, &run->reg, err) < 0 || bake_sign_ready(run->options->home, err) < 0)
                return -1;
        (void)sigemptyset(&wanted);
        (void)sigaddset(&wanted, SIGINT);
        (void)sigaddset(&wanted, SIGTERM);
        (void)sigaddset(&wanted, SIGHUP);
        (void)sigprocmask(SIG_BLOCK, &wanted, NULL);
        run->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
        return run->signals < 0 ? bk_fail_errno(err, "cannot watch signals") : 0;
}

static int exit_code_of(const struct run *run)
{
        bool all_current = true, tests_failed = false;

        if (run->stopped_by != 0)
                return 128 + run->stopped_by;
        for (size_t i = 0; i < run->n; i++)
                if (run->bakes[i]->phase == BAKE_FAILED)
                        return bk_kind_exit_code(run->bakes[i]->error.kind);
        for (size_t i = 0; i < run->n; i++) {
                all_current = all_current && run->bakes[i]->phase == BAKE_UP_TO_DATE;
                tests_failed = tests_failed || run->bakes[i]->tests_failed;
        }
        if (tests_failed)
                return 3;
        return all_current && run->options->exit_code ? 4 : 0;
}

static int finish(struct run *run)
{
        struct bk_error err = { 0 };
        int code = exit_code_of(run);

        bake_ui_summary(run->ui);
        if (run->options->properties != NULL && !run->options->plan_only &&
            bake_write_properties(run->options->properties, run->bakes, run->n, &err) < 0) {
                bake_ui_error(run->ui, &err);
                if (code == 0)
                        code = bk_kind_exit_code(err.kind);
        }
        return code;
}

int bake_run(const char *const templates[], size_t n, const struct bake_options *options)
{
        struct run run = { .options = options, .signals = -1 };
        struct bk_error err = { 0 };
        int code;

        if (set_up(&run, templates, n, &err) < 0) {
                run.ui = bake_ui_new(options, NULL, 0);
                bake_ui_error(run.ui, &err);
                code = bk_kind_exit_code(err.kind);
        } else {
                run.ui = bake_ui_new(options, run.bakes, run.n);
                loop(&run);
                code = finish(&run);
        }
        bake_ui_free(run.ui);
        for (size_t i = 0; i < run.n; i++)
                bake_done(run.bakes[i]);
        free(run.bakes);
        for (size_t i = 0; i < run.n_tmpls; i++)
                tmpl_free(run.tmpls[i]);
        free(run.tmpls);
        reg_close(run.reg);
        layer_store_done(&run.store);
        if (run.signals >= 0)
                (void)close(run.signals);
        return code;
}
