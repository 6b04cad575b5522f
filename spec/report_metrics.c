/* Formats for monitoring: a plugin's line for Nagios and its kin, and Prometheus' text. */
#include "spec/report_priv.h"

#include <string.h>

static const char *const verdicts[] = { "passed", "failed", "errors", "unanswered", "skipped" };
enum { VERDICTS = sizeof verdicts / sizeof *verdicts };

int spec_report_nagios_status(const struct spec_report *report)
{
        if (report->count[SPEC_FAIL] + report->count[SPEC_ERROR] > 0)
                return 2;
        if (report->n == 0)
                return 3;
        return report->count[SPEC_UNANSWERED] > 0 ? 1 : 0;
}

static const struct spec_result *first_of(const struct spec_report *report, int status)
{
        for (size_t i = 0; i < report->n; i++) {
                const enum spec_verdict verdict = report->v[i].verdict;

                if (status == 2 ? verdict == SPEC_FAIL || verdict == SPEC_ERROR : verdict == SPEC_UNANSWERED)
                        return &report->v[i];
        }
        return NULL;
}

/* "|" begins the numbers. */
static void add_piped(struct bk_buf *out, const char *text)
{
        const size_t from = out->len;

        spec_text_add(out, text, -1);
        for (size_t i = from; i < out->len; i++)
                if (out->data[i] == '|')
                        out->data[i] = '!';
}

void spec_nagios_end(struct spec_reporter *r, const struct spec_report *report, const struct spec_target *target)
{
        static const char *const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
        const int status = spec_report_nagios_status(report);
        const struct spec_result *first = status == 1 || status == 2 ? first_of(report, status) : NULL;

        bk_buf_printf(&r->out, "SPEC %s - ", words[status]);
        if (*spec_text_identity(target)) {
                add_piped(&r->out, spec_text_identity(target));
                bk_buf_puts(&r->out, ": ");
        }
        bk_buf_printf(&r->out, "%zu passed, %zu failed, %zu unanswered, %zu skipped", report->count[SPEC_PASS],
                      report->count[SPEC_FAIL] + report->count[SPEC_ERROR], report->count[SPEC_UNANSWERED], report->count[SPEC_SKIP]);
        if (first != NULL) {
                autofree char *description = spec_text_description(first), *reason = spec_text_reason(first);

                bk_buf_puts(&r->out, "; first: ");
                add_piped(&r->out, description);
                bk_buf_puts(&r->out, ": ");
                add_piped(&r->out, reason);
        }
        bk_buf_printf(&r->out, " | time=%.3fs", (double)report->duration_us / 1e6);
        for (size_t i = 0; i < VERDICTS; i++)
                bk_buf_printf(&r->out, " %s=%zu;;;0;%zu", verdicts[i], report->count[i], report->n);
        bk_buf_putc(&r->out, '\n');
}

static void label(struct bk_buf *out, const char *name, const char *value)
{
        autofree char *line = spec_text_line(value);

        bk_buf_printf(out, "%s=\"", name);
        for (const char *c = line; *c != '\0'; c++)
                bk_buf_printf(out, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
        bk_buf_putc(out, '"');
}

static void target_labels(struct bk_buf *out, const struct spec_target *target)
{
        label(out, "image", spec_text_identity(target));
        bk_buf_putc(out, ',');
        label(out, "mode", spec_text_mode(target));
}

static void family(struct bk_buf *out, const char *name, const char *help)
{
        bk_buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* One file may be named twice, and a series only once: it is counted where it comes first. */
static void file_lines(struct bk_buf *out, const struct spec_report *report, const struct spec_target *target)
{
        autostrv struct bk_strv done = { 0 };

        for (size_t from = 0; from < report->n; from++) {
                const char *const file = report->v[from].file;
                size_t count[VERDICTS] = { 0 };

                if ((from > 0 && bk_streq(report->v[from - 1].file, file)) || bk_strv_has(&done, file))
                        continue;
                bk_strv_add(&done, file);
                for (size_t i = from; i < report->n; i++)
                        count[report->v[i].verdict] += bk_streq(report->v[i].file, file);
                for (size_t i = 0; i < VERDICTS; i++) {
                        bk_buf_puts(out, "bakery_spec_examples{");
                        target_labels(out, target);
                        bk_buf_putc(out, ',');
                        label(out, "file", file);
                        bk_buf_printf(out, ",verdict=\"%s\"} %zu\n", verdicts[i], count[i]);
                }
        }
}

void spec_prometheus_end(struct spec_reporter *r, const struct spec_report *report, const struct spec_target *target)
{
        family(&r->out, "bakery_spec_success", "1 when nothing failed and something was checked.");
        bk_buf_puts(&r->out, "bakery_spec_success{");
        target_labels(&r->out, target);
        bk_buf_printf(&r->out, "} %d\n", spec_report_nagios_status(report) < 2);
        family(&r->out, "bakery_spec_duration_seconds", "How long the checks took.");
        bk_buf_puts(&r->out, "bakery_spec_duration_seconds{");
        target_labels(&r->out, target);
        bk_buf_printf(&r->out, "} %.6f\n", (double)report->duration_us / 1e6);
        family(&r->out, "bakery_spec_examples", "Examples of a spec file, by verdict.");
        file_lines(&r->out, report, target);
}
