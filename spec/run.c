/* spec_run: every file in a child of its own, so that a loop, a memory eater or
 * a crash costs only what that file had not answered yet. */
#include "spec/spec_priv.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "lib/fs.h"
#include "lib/run.h"
#include "lib/utf8.h"
#include "spec/waiver.h"

enum { EXAMPLE_MS = 10000, TIMEOUT_MS = 600000, COMMAND_TIMEOUT_MS = 60000, RETRY_SLEEP_MS = 500, FILE_MOST = 16 << 20, END_MS = 5000, CHUNK = 65536,
       LOOK_MS = 50 /* for what is not sent yet */, RECORDS_MOST = 128 << 20 /* bytes a file's results may take */ };

const char *spec_verdict_name(enum spec_verdict verdict)
{
        static const char *const names[] = {
                [SPEC_PASS] = "passed", [SPEC_FAIL] = "failed", [SPEC_ERROR] = "error",
                [SPEC_UNANSWERED] = "unanswered", [SPEC_SKIP] = "skipped",
        };

        return names[verdict];
}

int spec_example_most_ms(const struct spec_options *options)
{
        return options->timeout_ms / 8 < EXAMPLE_MS ? options->timeout_ms / 8 + 1 : EXAMPLE_MS;
}

static void result_done(struct spec_result *result)
{
        free(result->file);
        free(result->group);
        free(result->groups);
        free(result->name);
        free(result->message);
        free(result->control);
        free(result->title);
        *result = (struct spec_result){ 0 };
}

void spec_report_done(struct spec_report *report)
{
        for (size_t i = 0; i < report->n; i++)
                result_done(&report->v[i]);
        free(report->v);
        *report = (struct spec_report){ 0 };
}

const char *spec_where_name(enum spec_where where)
{
        static const char *const names[] = {
                [SPEC_NOWHERE] = "", [SPEC_IN_FILES] = "files", [SPEC_IN_SANDBOX] = "sandbox", [SPEC_IN_GUEST] = "guest",
        };

        return names[where];
}

static char *clean(const char *text)
{
        return bk_utf8_clean(text != NULL ? text : "");
}

/* The wire has the titles apart, most readers want them joined. */
static char *joined(const char *groups)
{
        char *ret = clean(groups);

        for (char *c = ret; *c != '\0'; c++)
                if (*c == SPEC_GROUP_SIGN)
                        *c = ' ';
        return ret;
}

static void report_add(struct spec_report *report, const struct spec_options *options, const char *file, const struct spec_result *result)
{
        if ((report->n & (report->n - 1)) == 0)
                report->v = bk_grow(report->v, report->n ? report->n * 2 : 1, sizeof *report->v);
        report->v[report->n++] = (struct spec_result){
                .file = bk_strdup(file), .line = result->line, .verdict = result->verdict, .duration_us = result->duration_us,
                .group = joined(result->group), .groups = clean(result->group), .name = clean(result->name), .message = clean(result->message),
                .control = clean(result->control), .title = clean(result->title), .impact = result->impact,
                .where = result->where, .configured = result->configured, .attempts = result->attempts,
        };
        if (options->waivers != NULL)
                spec_waivers_apply(options->waivers, &report->v[report->n - 1]);
        report->count[report->v[report->n - 1].verdict]++;
        if (options->on_result != NULL)
                options->on_result(options->arg, &report->v[report->n - 1]);
}

/* One file's child, seen from the parent. */
struct attempt {
        const struct spec_job *job;
        const char *file;
        int64_t deadline;               /* on bk_now_ms() */
        pid_t pid;
        int fd;
        struct bk_buf bytes;
        struct spec_result running;     /* the example begun and not ended; owned strings */
        bool is_running, finished, garbled, too_much;
        bool asked;                     /* the last that it told is a question: nothing is pending behind it */
        bool gone;                      /* the child is: it is told nothing any more */
        size_t begun;                   /* examples that began, in this process and those before it */
        struct spec_pending *pending;   /* what the child has told and not sent */
        uint64_t received, taken;       /* bytes of what it tells: from the socket, and those that are known */
        struct spec_report *report;
};

static void attempt_done(struct attempt *a)
{
        if (a->fd >= 0)
                (void)close(a->fd);
        bk_buf_done(&a->bytes);
        result_done(&a->running);
        if (a->pending != NULL)
                (void)munmap(a->pending, sizeof *a->pending);
}

static void take_record(struct attempt *a, enum spec_record record, const struct spec_result *result)
{
        a->asked = record == SPEC_RECORD_ASK;
        if (a->asked) {
                if (a->gone || spec_wire_answer(a->fd, a->job->target, result, a->deadline) == 0)
                        return;
                a->gone = errno == EPIPE || errno == ECONNRESET;        /* how it ended says more */
                a->garbled = !a->gone;
                return;
        }
        result_done(&a->running);
        a->is_running = record == SPEC_RECORD_START;
        a->begun += a->is_running;
        if (a->is_running)
                a->running = (struct spec_result){
                        .line = result->line, .group = bk_strdup(result->group), .name = bk_strdup(result->name),
                        .control = bk_strdup(result->control), .title = bk_strdup(result->title), .impact = result->impact,
                };
        else if (record == SPEC_RECORD_RESULT)
                report_add(a->report, a->job->options, a->file, result);
        else
                a->finished = true;
}

static void take_records(struct attempt *a)
{
        size_t at = 0;

        while (!a->garbled && !a->finished && at < a->bytes.len) {
                struct spec_result result = { 0 };
                enum spec_record record;
                const int64_t size = spec_wire_take(a->bytes.data + at, a->bytes.len - at, &record, &result);

                if (size == 0)
                        break;
                a->garbled = size < 0;
                if (size > 0) {
                        take_record(a, record, &result);
                        at += (size_t)size;
                }
        }
        if (at > 0) {
                memmove(a->bytes.data, a->bytes.data + at, a->bytes.len - at);
                a->bytes.len -= at;
        }
}

/* Bytes that were seen before they were sent come a second time. */
static void take_sent(struct attempt *a, const char *bytes, size_t length)
{
        const uint64_t known = a->taken - a->received;
        const size_t skip = known < length ? (size_t)known : length;

        a->received += length;
        if (skip == length)
                return;
        a->taken += length - skip;
        a->too_much = a->taken > RECORDS_MOST;
        bk_buf_add(&a->bytes, bytes + skip, length - skip);
        take_records(a);
}

static void take_pending(struct attempt *a)
{
        char bytes[sizeof a->pending->bytes];
        const size_t length = spec_wire_peek(a->pending, a->taken, bytes);

        if (length == 0 || a->garbled || a->finished || a->too_much)
                return;
        a->taken += length;
        a->too_much = a->taken > RECORDS_MOST;
        bk_buf_add(&a->bytes, bytes, length);
        take_records(a);
}

/* Returns true when the child closed its end, false when the time is up. */
static bool listen_to(struct attempt *a)
{
        char chunk[CHUNK];

        while (!a->garbled && !a->finished && !a->too_much) {
                struct pollfd event = { .fd = a->fd, .events = POLLIN };
                const int64_t left = a->deadline - bk_now_ms();
                ssize_t got;

                if (left <= 0) {
                        if (!a->asked)
                                take_pending(a);
                        return false;
                }
                if (poll(&event, 1, left > LOOK_MS ? LOOK_MS : (int)left) <= 0) {
                        take_pending(a);
                        continue;
                }
                got = read(a->fd, chunk, sizeof chunk);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        return true;
                take_sent(a, chunk, (size_t)got);
        }
        return true;
}

/* The child is gone: what it sent and what it had not sent yet. */
static void take_rest(struct attempt *a)
{
        char chunk[CHUNK];
        ssize_t got;

        a->gone = true;
        while (!a->garbled && !a->finished && !a->too_much && (got = recv(a->fd, chunk, sizeof chunk, MSG_DONTWAIT)) > 0)
                take_sent(a, chunk, (size_t)got);
        take_pending(a);
}

static void error_result(struct attempt *a, const char *why)
{
        struct spec_result result = {
                .line = a->is_running ? a->running.line : 1, .verdict = SPEC_ERROR, .message = (char *)why, .attempts = 1,
                .group = a->running.group, .name = a->running.name, .control = a->running.control, .title = a->running.title,
                .impact = a->is_running ? a->running.impact : -1,
        };
        autofree char *message = bk_format("%s:%u: %s", a->file, result.line, why);

        result.message = message;
        report_add(a->report, a->job->options, a->file, &result);
}

static void judge_end(struct attempt *a, bool in_time, int status, int timeout_ms)
{
        const char *when = a->is_running ? "in this example" : "outside an example";
        const int most_ms = spec_example_most_ms(a->job->options);
        autofree char *why = NULL;

        if (a->finished)
                return;
        if (!in_time)
                why = bk_format("the checks did not end within %d.%03d s; the time ran out %s", timeout_ms / 1000, timeout_ms % 1000, when);
        else if (a->too_much)
                why = bk_format("the results are larger than the %d MiB that a file may have", RECORDS_MOST >> 20);
        else if (a->garbled)
                why = bk_format("the process running the checks broke its protocol %s", when);
        else if (status == 128 + SIGPROF && a->is_running)
                why = bk_format("the example did not end within %d.%03d s of computing", most_ms / 1000, most_ms % 1000);
        else if (status > 128)
                why = bk_format("the process running the checks was killed by signal %d (%s) %s", status - 128, strsignal(status - 128), when);
        else
                why = bk_format("the process running the checks ended early, with status %d, %s", status, when);
        error_result(a, why);
}

/* job->begin_at grows when a process died in an example. */
static int run_once(struct spec_job *job, int64_t deadline, struct spec_report *report, struct bk_error *err)
{
        BK_CLEANUP(attempt_done) struct attempt a = {
                .job = job, .file = job->file, .fd = -1, .report = report, .deadline = deadline, .begun = job->begin_at,
        };
        const struct timeval answer_most = { .tv_sec = 10 };
        const int timeout_ms = job->options->timeout_ms;
        int ends[2], status;
        bool in_time;

        if (deadline - bk_now_ms() <= 0) {
                autofree char *why = bk_format("not run: the %d.%03d s for all checks were over", timeout_ms / 1000, timeout_ms % 1000);

                error_result(&a, why);
                return 0;
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
                return bk_fail_errno(err, "cannot make a socket");
        a.fd = ends[0];
        a.pending = mmap(NULL, sizeof *a.pending, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (a.pending == MAP_FAILED) {
                a.pending = NULL;
                (void)close(ends[1]);
                return bk_fail_errno(err, "no memory to hear of '%s' in", job->file);
        }
        (void)setsockopt(a.fd, SOL_SOCKET, SO_SNDTIMEO, &answer_most, sizeof answer_most);
        a.pid = bk_fork();
        if (a.pid == 0) {
                (void)close(ends[0]);
                job->fd = ends[1];
                job->pending = a.pending;
                spec_engine_run(job);
        }
        (void)close(ends[1]);
        if (a.pid < 0)
                return bk_fail_errno(err, "cannot start a process for '%s'", job->file);
        in_time = listen_to(&a);
        if (!in_time || a.garbled || a.too_much)
                (void)kill(a.pid, SIGKILL);
        status = bk_wait(a.pid, END_MS);
        if (in_time)
                take_rest(&a);
        judge_end(&a, in_time, status, timeout_ms);
        if (in_time && !a.finished && !a.garbled && !a.too_much && a.is_running)
                job->begin_at = a.begun;
        return 0;
}

/* An example that ends its process costs no other: the rest runs in a new one, which leaves out what was answered. */
static int run_file(struct spec_job *job, int64_t deadline, struct spec_report *report, struct bk_error *err)
{
        size_t before;

        job->begin_at = 0;
        do {
                before = job->begin_at;
                if (run_once(job, deadline, report, err) < 0)
                        return -1;
        } while (job->begin_at > before);
        return 0;
}

static int64_t now_us(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int spec_run(const char *const files[], size_t n, const struct spec_target *target, const struct spec_options *options,
             struct spec_report *ret, struct bk_error *err)
{
        BK_CLEANUP(spec_report_done) struct spec_report report = { 0 };
        autostrv struct bk_strv texts = { 0 };
        autofree size_t *lengths = bk_alloc((n + 1) * sizeof *lengths);
        struct spec_options filled = options != NULL ? *options : (struct spec_options){ 0 };
        const int64_t begun = now_us();
        int64_t deadline;

        if (filled.timeout_ms <= 0)
                filled.timeout_ms = TIMEOUT_MS;
        if (filled.command_timeout_ms <= 0)
                filled.command_timeout_ms = COMMAND_TIMEOUT_MS;
        if (filled.retry_sleep_ms <= 0)
                filled.retry_sleep_ms = RETRY_SLEEP_MS;
        deadline = bk_now_ms() + filled.timeout_ms;

        for (size_t i = 0; i < n; i++) {
                char *text = NULL;

                if (bk_read_file(files[i], FILE_MOST, &text, &lengths[i], err) < 0)
                        return bk_wrap(err, "spec file '%s'", files[i]);
                bk_strv_take(&texts, text);
        }
        for (size_t i = 0; i < n; i++) {
                struct spec_job job = {
                        .file = files[i], .text = texts.v[i], .length = lengths[i], .target = target,
                        .options = &filled,
                };

                if (run_file(&job, deadline, &report, err) < 0)
                        return -1;
        }
        report.duration_us = now_us() - begun;
        *ret = report;
        report = (struct spec_report){ 0 };
        return 0;
}
