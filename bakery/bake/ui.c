/* Telling people and programs what goes on.
 *
 * Four ways: a live view on a terminal (one line a bake, redrawn), plain
 * line-buffered text elsewhere, Packer's machine-readable lines, and JSON Lines.
 * Each is a row of functions; nothing else in the program prints during a bake. */
#include "bakery/bake/bake_priv.h"

#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

enum { HEARTBEAT_MS = 60000, REDRAW_MS = 100 };

struct ui_way {
        void (*step)(struct bake_ui *ui, const struct bake *bake, const char *text);
        void (*line)(struct bake_ui *ui, const struct bake *bake, int stream, const char *text);
        void (*end)(struct bake_ui *ui, const struct bake *bake);
        void (*tick)(struct bake_ui *ui);
        void (*error)(struct bake_ui *ui, const struct bk_error *err);
        void (*summary)(struct bake_ui *ui);
};

struct bake_ui {
        const struct ui_way *way;
        const struct bake_options *options;
        struct bake *const *bakes;
        size_t n;
        size_t drawn;                   /* lines of the live view on the screen */
        int64_t last_ms, started_ms;
        unsigned frame;
        bool color;
};

static const char *const phase_names[] = {
        [BAKE_WAITING] = "waiting", [BAKE_RUNNING] = "baking", [BAKE_POSTING] = "exporting", [BAKE_DONE] = "done",
        [BAKE_UP_TO_DATE] = "up to date", [BAKE_FAILED] = "failed", [BAKE_SKIPPED] = "skipped",
};

static const char *paint(const struct bake_ui *ui, enum bake_phase phase)
{
        static const char *const colors[] = {
                [BAKE_WAITING] = "\033[2m", [BAKE_RUNNING] = "\033[36m", [BAKE_POSTING] = "\033[36m", [BAKE_DONE] = "\033[32m",
                [BAKE_UP_TO_DATE] = "\033[32m", [BAKE_FAILED] = "\033[31m", [BAKE_SKIPPED] = "\033[33m",
        };

        return ui->color ? colors[phase] : "";
}

static const char *unpaint(const struct bake_ui *ui)
{
        return ui->color ? "\033[0m" : "";
}

static double seconds_of(const struct bake *bake)
{
        const int64_t end = bake->ended_ms ? bake->ended_ms : bk_now_ms();

        return bake->started_ms ? (double)(end - bake->started_ms) / 1000 : 0;
}

/* "sha256:0123456789ab": enough to name it by. */
static char *short_id(const char *id)
{
        return bk_strndup(id ? id : "-", 19);
}

static char *outcome_of(const struct bake *bake)
{
        autofree char *id = short_id(bake->image.id);

        switch (bake->phase) {
        case BAKE_DONE:
                return bk_format("%s  %s  %s%s", id, reg_state_name(bake->image.state), bake->image.name,
                                 bake->tests_failed ? "  (tests failed)" : "");
        case BAKE_UP_TO_DATE:
                return bk_format("up to date  %s  %s  %s", id, reg_state_name(bake->image.state), bake->image.name);
        case BAKE_FAILED:
                return bk_format("failed: %s", bake->error.text);
        case BAKE_SKIPPED:
                return bk_format("skipped: '%s' before it failed", bake->after ? bake->after->name : "what came");
        case BAKE_WAITING:
                if (bake->step == NULL && bake->after != NULL)
                        return bk_format("waiting for '%s'", bake->after->name);
                /* fall through */
        default:
                return bk_format("%s%s%s", phase_names[bake->phase], bake->step ? ": " : "", bake->step ? bake->step : "");
        }
}

static void print_error(const struct bk_error *err)
{
        if (err->at[0] != '\0')
                (void)fprintf(stderr, "%s: error: %s\n", err->at, err->text);
        else
                (void)fprintf(stderr, "bakery: error: %s\n", err->text);
}

/* A failure with its evidence: the place, the last output, the log. */
static void print_failure(const struct bake *bake)
{
        if (bake->phase != BAKE_FAILED)
                return;
        for (size_t i = 0; i < bake->tail.n; i++)
                (void)fprintf(stderr, "    %s: %s\n", bake->name, bake->tail.v[i]);
        print_error(&bake->error);
        if (bake->log_path != NULL)
                (void)fprintf(stderr, "    %s: all output is in '%s'\n", bake->name, bake->log_path);
}

/* --- plain text ----------------------------------------------------------------------- */

static void stamp(const struct bake_ui *ui)
{
        if (ui->options->timestamps) {
                autofree char *now = bk_iso_time(time(NULL));

                (void)printf("%s ", now);
        }
}

static void plain_step(struct bake_ui *ui, const struct bake *bake, const char *text)
{
        stamp(ui);
        (void)printf("%s==> %s: %s%s\n", paint(ui, BAKE_RUNNING), bake->name, text, unpaint(ui));
        (void)fflush(stdout);
        ui->last_ms = bk_now_ms();
}

static void plain_line(struct bake_ui *ui, const struct bake *bake, int stream, const char *text)
{
        (void)stream;
        stamp(ui);
        (void)printf("    %s: %s\n", bake->name, text);
        (void)fflush(stdout);
        ui->last_ms = bk_now_ms();
}

static void plain_end(struct bake_ui *ui, const struct bake *bake)
{
        autofree char *outcome = outcome_of(bake);

        stamp(ui);
        (void)printf("%s==> %s: %s%s", paint(ui, bake->phase), bake->name, outcome, unpaint(ui));
        if (bake->phase == BAKE_DONE || bake->phase == BAKE_FAILED)
                (void)printf("  (%.1f s)", seconds_of(bake));
        (void)printf("\n");
        (void)fflush(stdout);
        if (bake->phase == BAKE_FAILED) {
                print_error(&bake->error);
                if (bake->log_path != NULL)
                        (void)fprintf(stderr, "    %s: all output is in '%s'\n", bake->name, bake->log_path);
        }
        ui->last_ms = bk_now_ms();
}

static void plain_tick(struct bake_ui *ui)
{
        if (bk_now_ms() - ui->last_ms < HEARTBEAT_MS)
                return;
        for (size_t i = 0; i < ui->n; i++)
                if (ui->bakes[i]->phase == BAKE_RUNNING || ui->bakes[i]->phase == BAKE_POSTING) {
                        autofree char *text = bk_format("still %s: %s (%.0f s)", phase_names[ui->bakes[i]->phase],
                                                        ui->bakes[i]->step ? ui->bakes[i]->step : "", seconds_of(ui->bakes[i]));

                        plain_step(ui, ui->bakes[i], text);
                }
        ui->last_ms = bk_now_ms();
}

static void plain_error(struct bake_ui *ui, const struct bk_error *err)
{
        (void)ui;
        (void)fflush(stdout);
        print_error(err);
}

static void plain_summary(struct bake_ui *ui)
{
        for (size_t i = 0; i < ui->n; i++)
                if (ui->bakes[i]->image.id != NULL)
                        (void)printf("BAKERY_RESULT build=%s image=%s state=%s\n", ui->bakes[i]->name, ui->bakes[i]->image.id,
                                     reg_state_name(ui->bakes[i]->image.state));
        (void)fflush(stdout);
}

/* --- live view ------------------------------------------------------------------------------ */

static size_t columns(void)
{
        struct winsize size = { 0 };

        return ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

static bool going(const struct bake *bake)
{
        return bake->phase == BAKE_RUNNING || bake->phase == BAKE_POSTING;
}

/* Bytes of text that take at most `width` columns; UTF-8 is not cut inside a character. */
static int fitting(const char *text, size_t width)
{
        size_t used = 0;
        const char *p = text;

        for (; *p != '\0'; p++) {
                if (((unsigned char)*p & 0xc0) == 0x80)
                        continue;
                if (used == width)
                        break;
                used++;
        }
        return (int)(p - text);
}

/* Output of programs may hold anything; only what moves no cursor is shown. */
static char *printable(const char *text)
{
        char *copy = bk_strdup(text);
        char *to = copy;

        for (const char *p = text; *p != '\0'; p++) {
                if (p[0] == '\033' && p[1] == '[') {
                        p += 2;
                        while (*p != '\0' && (*p < '@' || *p > '~'))
                                p++;
                        if (*p == '\0')
                                break;
                        continue;
                }
                *to++ = (unsigned char)*p < ' ' ? ' ' : *p;
        }
        *to = '\0';
        return copy;
}

static void live_draw(struct bake_ui *ui)
{
        static const char spinner[] = "|/-\\";
        const size_t width = columns();

        if (ui->drawn > 0)
                (void)printf("\033[%zuA", ui->drawn);
        for (size_t i = 0; i < ui->n; i++) {
                const struct bake *bake = ui->bakes[i];
                autofree char *outcome = outcome_of(bake);
                autofree char *clean = printable(bake->last_line && going(bake) ? bake->last_line : "");
                autofree char *text = going(bake) ? bk_format("%s%s%s", bake->step ? bake->step : "", *clean ? " | " : "", clean)
                                                  : bk_strdup(outcome);
                autofree char *head = bk_format("%c %-14.40s %6.1fs  ", going(bake) ? spinner[ui->frame % 4] :
                                                bake->phase == BAKE_FAILED ? 'x' : bake->phase == BAKE_WAITING ? '.' : '*',
                                                bake->name, seconds_of(bake));
                const size_t room = width > strlen(head) + 1 ? width - strlen(head) - 1 : 1;

                (void)printf("\r\033[K%s%s%.*s%s\n", paint(ui, bake->phase), head, fitting(text, room), text, unpaint(ui));
        }
        ui->drawn = ui->n;
        ui->frame++;
        ui->last_ms = bk_now_ms();
        (void)fflush(stdout);
}

static void live_step(struct bake_ui *ui, const struct bake *bake, const char *text)
{
        (void)bake;
        (void)text;
        live_draw(ui);
}

static void live_line(struct bake_ui *ui, const struct bake *bake, int stream, const char *text)
{
        (void)bake;
        (void)stream;
        (void)text;
        if (bk_now_ms() - ui->last_ms >= REDRAW_MS)
                live_draw(ui);
}

static void live_end(struct bake_ui *ui, const struct bake *bake)
{
        live_draw(ui);
        if (bake->phase == BAKE_FAILED) {
                print_failure(bake);
                ui->drawn = 0;          /* what was printed pushed the view up: draw a new one below */
        }
}

static void live_tick(struct bake_ui *ui)
{
        if (bk_now_ms() - ui->last_ms >= REDRAW_MS)
                live_draw(ui);
}

static void live_summary(struct bake_ui *ui)
{
        live_draw(ui);
}

/* --- Packer's machine-readable lines ----------------------------------------------------------- */

static void machine(const char *target, const char *type, const char *const data[], size_t n)
{
        (void)printf("%lld,%s,%s", (long long)time(NULL), target, type);
        for (size_t i = 0; i < n; i++) {
                (void)putchar(',');
                for (const char *p = data[i] ? data[i] : ""; *p != '\0'; p++) {
                        if (*p == ',')
                                (void)fputs("%!(PACKER_COMMA)", stdout);
                        else if (*p == '\n')
                                (void)fputs("\\n", stdout);
                        else if (*p == '\r')
                                (void)fputs("\\r", stdout);
                        else
                                (void)putchar(*p);
                }
        }
        (void)putchar('\n');
        (void)fflush(stdout);
}

static void machine_step(struct bake_ui *ui, const struct bake *bake, const char *text)
{
        autofree char *whole = bk_format("==> %s: %s", bake->name, text);

        (void)ui;
        machine("", "ui", (const char *const[]){ "say", whole }, 2);
}

static void machine_line(struct bake_ui *ui, const struct bake *bake, int stream, const char *text)
{
        autofree char *whole = bk_format("    %s: %s", bake->name, text);

        (void)ui;
        (void)stream;
        machine("", "ui", (const char *const[]){ "message", whole }, 2);
}

static void machine_end(struct bake_ui *ui, const struct bake *bake)
{
        autofree char *outcome = outcome_of(bake);

        if (bake->phase == BAKE_FAILED)
                machine(bake->name, "error", (const char *const[]){ bake->error.text }, 1);
        else
                machine_step(ui, bake, outcome);
}

static void machine_tick(struct bake_ui *ui)
{
        (void)ui;
}

static void machine_error(struct bake_ui *ui, const struct bk_error *err)
{
        (void)ui;
        machine("", "ui", (const char *const[]){ "error", err->text }, 2);
        print_error(err);
}

static void machine_artifact(const struct bake *bake)
{
        const size_t n = json_array_size(bake->artifacts);
        autofree char *files = bk_format("%zu", n), *text = bk_format("image %s %s", bake->image.name, bake->image.id);

        machine(bake->name, "artifact-count", (const char *const[]){ "1" }, 1);
        machine(bake->name, "artifact", (const char *const[]){ "0", "builder-id", "bakery" }, 3);
        machine(bake->name, "artifact", (const char *const[]){ "0", "id", bake->image.id }, 3);
        machine(bake->name, "artifact", (const char *const[]){ "0", "string", text }, 3);
        machine(bake->name, "artifact", (const char *const[]){ "0", "files-count", files }, 3);
        for (size_t i = 0; i < n; i++) {
                autofree char *number = bk_format("%zu", i);

                machine(bake->name, "artifact", (const char *const[]){ "0", "file", number,
                                                                       json_string_value(json_array_get(bake->artifacts, i)) }, 4);
        }
        machine(bake->name, "artifact", (const char *const[]){ "0", "end" }, 2);
}

static void machine_summary(struct bake_ui *ui)
{
        size_t errors = 0;
        autofree char *count = NULL;

        for (size_t i = 0; i < ui->n; i++)
                errors += ui->bakes[i]->phase == BAKE_FAILED;
        count = bk_format("%zu", errors);
        if (errors > 0)
                machine("", "error-count", (const char *const[]){ count }, 1);
        for (size_t i = 0; i < ui->n; i++)
                if (ui->bakes[i]->image.id != NULL)
                        machine_artifact(ui->bakes[i]);
}

/* --- JSON Lines ------------------------------------------------------------------------------------ */

static void json_out(json_t *event)
{
        autofree char *now = bk_iso_time(time(NULL));
        autofree char *text = NULL;

        (void)json_object_set_new(event, "time", json_string(now));
        text = json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(6));
        json_decref(event);
        (void)printf("%s\n", text ? text : "{}");
        (void)fflush(stdout);
}

static void json_step(struct bake_ui *ui, const struct bake *bake, const char *text)
{
        (void)ui;
        json_out(json_pack("{s:s, s:s, s:s}", "event", "step", "build", bake->name, "text", text));
}

static void json_line(struct bake_ui *ui, const struct bake *bake, int stream, const char *text)
{
        (void)ui;
        json_out(json_pack("{s:s, s:s, s:i, s:s}", "event", "output", "build", bake->name, "stream", stream, "text", text));
}

static void json_end(struct bake_ui *ui, const struct bake *bake)
{
        json_t *event = json_pack("{s:s, s:s, s:s, s:f}", "event", "end", "build", bake->name, "outcome", phase_names[bake->phase],
                                  "seconds", seconds_of(bake));

        (void)ui;
        if (bake->image.id != NULL)
                (void)json_object_set_new(event, "image", reg_image_summary(&bake->image));
        if (bake->phase == BAKE_FAILED) {
                (void)json_object_set_new(event, "error", json_pack("{s:s, s:s, s:s}", "kind", bk_kind_name(bake->error.kind),
                                                                    "at", bake->error.at, "text", bake->error.text));
                print_error(&bake->error);
        }
        json_out(event);
}

static void json_error(struct bake_ui *ui, const struct bk_error *err)
{
        (void)ui;
        json_out(json_pack("{s:s, s:s, s:s, s:s}", "event", "error", "kind", bk_kind_name(err->kind), "at", err->at, "text", err->text));
        print_error(err);
}

static void quiet_step(struct bake_ui *ui, const struct bake *bake, const char *text)
{
        (void)ui;
        (void)bake;
        (void)text;
}

static void quiet_line(struct bake_ui *ui, const struct bake *bake, int stream, const char *text)
{
        (void)ui;
        (void)bake;
        (void)stream;
        (void)text;
}

static void quiet_end(struct bake_ui *ui, const struct bake *bake)
{
        (void)ui;
        print_failure(bake);
}

static void quiet_summary(struct bake_ui *ui)
{
        for (size_t i = 0; i < ui->n; i++)
                if (ui->bakes[i]->image.id != NULL)
                        (void)printf("%s\n", ui->bakes[i]->image.id);
}

static const struct ui_way ways[] = {
        [BAKE_AUTO]    = { live_step, live_line, live_end, live_tick, plain_error, live_summary },
        [BAKE_PLAIN]   = { plain_step, plain_line, plain_end, plain_tick, plain_error, plain_summary },
        [BAKE_MACHINE] = { machine_step, machine_line, machine_end, machine_tick, machine_error, machine_summary },
        [BAKE_JSON]    = { json_step, json_line, json_end, machine_tick, json_error, machine_tick },
        [BAKE_QUIET]   = { quiet_step, quiet_line, quiet_end, machine_tick, plain_error, quiet_summary },
};

struct bake_ui *bake_ui_new(const struct bake_options *options, struct bake *const bakes[], size_t n)
{
        struct bake_ui *ui = bk_alloc(sizeof *ui);
        enum bake_output output = options->output;

        if (output == BAKE_AUTO && !isatty(1))
                output = BAKE_PLAIN;
        *ui = (struct bake_ui){
                .way = &ways[output], .options = options, .bakes = bakes, .n = n, .started_ms = bk_now_ms(), .last_ms = bk_now_ms(),
                .color = options->color && isatty(1),
        };
        return ui;
}

void bake_ui_free(struct bake_ui *ui)
{
        free(ui);
}

void bake_ui_step(struct bake_ui *ui, struct bake *bake, const char *text)
{
        free(bake->step);
        bake->step = bk_strdup(text);
        free(bk_take(bake->last_line));
        if (bake->log != NULL)
                (void)fprintf(bake->log, "==> %s\n", text);
        ui->way->step(ui, bake, text);
}

void bake_ui_line(struct bake_ui *ui, struct bake *bake, int stream, const char *line)
{
        enum { TAIL = 20 };

        free(bake->last_line);
        bake->last_line = bk_strdup(line);
        if (bake->tail.n == TAIL) {
                free(bake->tail.v[0]);
                memmove(bake->tail.v, bake->tail.v + 1, TAIL * sizeof *bake->tail.v);   /* with the NULL at its end */
                bake->tail.n--;
        }
        bk_strv_add(&bake->tail, line);
        if (bake->log != NULL)
                (void)fprintf(bake->log, "%s\n", line);
        ui->way->line(ui, bake, stream, line);
}

void bake_ui_end(struct bake_ui *ui, struct bake *bake)
{
        if (bake->log != NULL) {
                autofree char *outcome = outcome_of(bake);

                (void)fprintf(bake->log, "==> %s\n", outcome);
                (void)fflush(bake->log);
        }
        ui->way->end(ui, bake);
}

void bake_ui_tick(struct bake_ui *ui) { ui->way->tick(ui); }
void bake_ui_error(struct bake_ui *ui, const struct bk_error *err) { ui->way->error(ui, err); }
void bake_ui_summary(struct bake_ui *ui) { ui->way->summary(ui); }
