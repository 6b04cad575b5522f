/* Formats for people: documentation and progress, as RSpec prints them. */
#include "spec/report_priv.h"

#include <string.h>

enum colour { RED = 31, GREEN = 32, YELLOW = 33, CYAN = 36 };

static const struct { enum colour colour; char sign; const char *word; } looks[] = {
        [SPEC_PASS] = { GREEN, '.', "" },
        [SPEC_FAIL] = { RED, 'F', "FAILED" },
        [SPEC_ERROR] = { RED, 'E', "ERROR" },
        [SPEC_UNANSWERED] = { YELLOW, '?', "UNANSWERED" },
        [SPEC_SKIP] = { YELLOW, '*', "SKIPPED" },
};

static bool bad(const struct spec_result *result)
{
        return result->verdict == SPEC_FAIL || result->verdict == SPEC_ERROR;
}

static void paint(struct spec_reporter *r, enum colour colour)
{
        if (r->colour)
                bk_buf_printf(&r->out, "\033[%dm", colour);
}

static void plain(struct spec_reporter *r)
{
        if (r->colour)
                bk_buf_puts(&r->out, "\033[0m");
}

void spec_doc_begin(struct spec_reporter *r)
{
        r->groups = bk_strdup("");
}

static const char *groups_of(const struct spec_result *result)
{
        return result->groups != NULL ? result->groups : result->group != NULL ? result->group : "";
}

/* How many bytes of titles, whole ones, the two have in common. */
static size_t common(const char *a, const char *b)
{
        const char signs[] = { SPEC_GROUP_SIGN, '\0' };
        size_t ret = 0;

        for (size_t n; (n = strcspn(a + ret, signs)) == strcspn(b + ret, signs) && strncmp(a + ret, b + ret, n) == 0;) {
                if (a[ret + n] == '\0' || b[ret + n] == '\0')
                        return n == 0 ? ret : ret + n;
                ret += n + 1;
        }
        return ret;
}

/* Titles that the result before did not stand under. Returns how deep the example is. */
static int enter_groups(struct spec_reporter *r, const struct spec_result *result)
{
        const char *const groups = groups_of(result);
        const size_t same = bk_streq(r->groups_file, result->file) ? common(r->groups, groups) : 0;
        int depth = 0;

        for (const char *p = groups; *p != '\0'; depth++) {
                const char signs[] = { SPEC_GROUP_SIGN, '\0' };
                const size_t length = strcspn(p, signs);
                autofree char *title = bk_strndup(p, length);

                if ((size_t)(p - groups) >= same) {
                        bk_buf_printf(&r->out, "%s%*s", depth == 0 ? "\n" : "", 2 * depth, "");
                        spec_text_add(&r->out, title, -1);
                        bk_buf_putc(&r->out, '\n');
                }
                p += length + (p[length] != '\0');
        }
        if (!bk_streq(r->groups, groups)) {
                free(r->groups);
                r->groups = bk_strdup(groups);
        }
        if (!bk_streq(r->groups_file, result->file)) {
                free(r->groups_file);
                r->groups_file = bk_strdup(result->file);
        }
        return depth;
}

void spec_doc_result(struct spec_reporter *r, const struct spec_result *result)
{
        const int depth = enter_groups(r, result);
        autofree char *reason = spec_text_reason(result);

        bk_buf_printf(&r->out, "%*s", 2 * depth, "");
        paint(r, looks[result->verdict].colour);
        if (result->name != NULL && *result->name) {
                spec_text_add(&r->out, result->name, -1);
        } else {
                spec_text_add(&r->out, result->file, -1);
                bk_buf_puts(&r->out, " loads");
        }
        if (bad(result))
                bk_buf_printf(&r->out, " (%s - %zu)", looks[result->verdict].word, r->n_bad);
        else if (result->verdict != SPEC_PASS)
                bk_buf_printf(&r->out, " (%s: %s)", looks[result->verdict].word, reason);
        if (result->configured)
                bk_buf_puts(&r->out, " (as configured)");
        if (result->attempts > 1)
                bk_buf_printf(&r->out, " (%u attempts)", result->attempts);
        plain(r);
        bk_buf_putc(&r->out, '\n');
}

void spec_progress_result(struct spec_reporter *r, const struct spec_result *result)
{
        paint(r, looks[result->verdict].colour);
        bk_buf_putc(&r->out, looks[result->verdict].sign);
        plain(r);
}

static void place(struct spec_reporter *r, const struct spec_result *result, const char *before)
{
        paint(r, CYAN);
        bk_buf_puts(&r->out, before);
        spec_text_add(&r->out, result->file, -1);
        bk_buf_printf(&r->out, ":%u", result->line);
        plain(r);
}

static void control(struct spec_reporter *r, const struct spec_result *result)
{
        if (result->control == NULL || *result->control == '\0')
                return;
        bk_buf_puts(&r->out, "     control ");
        spec_text_add(&r->out, result->control, -1);
        if (spec_text_impact(result) >= 0)
                bk_buf_printf(&r->out, ", impact %.1f", spec_text_impact(result));
        if (result->title != NULL && *result->title) {
                bk_buf_puts(&r->out, ": ");
                spec_text_add(&r->out, result->title, -1);
        }
        bk_buf_putc(&r->out, '\n');
}

static void list_failures(struct spec_reporter *r, const struct spec_report *report)
{
        size_t n = 0;

        for (size_t i = 0; i < report->n; i++) {
                const struct spec_result *result = &report->v[i];
                autofree char *description = spec_text_description(result);

                if (!bad(result))
                        continue;
                bk_buf_printf(&r->out, "%s\n  %zu) %s\n", n == 0 ? "\nFailures:\n" : "", n + 1, description);
                n++;
                control(r, result);
                paint(r, RED);
                bk_buf_puts(&r->out, "     ");
                spec_text_add(&r->out, result->message, 5);
                plain(r);
                bk_buf_putc(&r->out, '\n');
                place(r, result, "     # ");
                bk_buf_putc(&r->out, '\n');
        }
}

static void list_others(struct spec_reporter *r, const struct spec_report *report, enum spec_verdict verdict, const char *title)
{
        bool first = true;

        for (size_t i = 0; i < report->n; i++) {
                const struct spec_result *result = &report->v[i];
                autofree char *description = spec_text_description(result);

                if (result->verdict != verdict)
                        continue;
                bk_buf_printf(&r->out, "%s\n  ", first ? title : "");
                first = false;
                paint(r, YELLOW);
                bk_buf_puts(&r->out, description);
                plain(r);
                bk_buf_puts(&r->out, "\n     # ");
                spec_text_add(&r->out, result->message, 7);
                bk_buf_putc(&r->out, '\n');
                place(r, result, "     # ");
                bk_buf_putc(&r->out, '\n');
        }
}

/* Each as it can be pasted. */
static void list_places(struct spec_reporter *r, const struct spec_report *report)
{
        bool first = true;

        for (size_t i = 0; i < report->n; i++) {
                autofree char *description = bad(&report->v[i]) ? spec_text_description(&report->v[i]) : NULL;

                if (description == NULL)
                        continue;
                bk_buf_puts(&r->out, first ? "\nFailed examples:\n\n" : "");
                first = false;
                paint(r, RED);
                spec_text_add(&r->out, report->v[i].file, -1);
                bk_buf_printf(&r->out, ":%u", report->v[i].line);
                plain(r);
                bk_buf_puts(&r->out, " ");
                paint(r, CYAN);
                bk_buf_printf(&r->out, "# %s", description);
                plain(r);
                bk_buf_putc(&r->out, '\n');
        }
}

void spec_doc_end(struct spec_reporter *r, const struct spec_report *report, const struct spec_target *target)
{
        const size_t failures = report->count[SPEC_FAIL] + report->count[SPEC_ERROR];
        const size_t others = report->count[SPEC_UNANSWERED] + report->count[SPEC_SKIP];

        (void)target;
        if (r->n > 0 && r->groups == NULL)
                bk_buf_putc(&r->out, '\n');     /* after the signs */
        list_others(r, report, SPEC_SKIP, "\nSkipped:\n");
        list_others(r, report, SPEC_UNANSWERED, "\nUnanswered:\n");
        list_failures(r, report);
        bk_buf_printf(&r->out, "\nFinished in %.4g seconds\n", (double)report->duration_us / 1e6);
        paint(r, failures > 0 ? RED : others > 0 || report->n == 0 ? YELLOW : GREEN);
        bk_buf_printf(&r->out, "%zu example%s, %zu failure%s, %zu unanswered, %zu skipped", report->n, report->n == 1 ? "" : "s", failures,
                      failures == 1 ? "" : "s", report->count[SPEC_UNANSWERED], report->count[SPEC_SKIP]);
        plain(r);
        bk_buf_putc(&r->out, '\n');
        list_places(r, report);
}
