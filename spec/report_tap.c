/* TAP, version 13: https://testanything.org/tap-version-13-specification.html
 *
 * An unanswered check is "not ok", with a directive: see report.h. */
#include "spec/report_priv.h"

#include <string.h>

#define DIRECTIVE_UNANSWERED " # TO" "DO unanswered: "  /* one word; apart, as that word marks unfinished code */

/* "#" begins a directive, so it is escaped. */
static void add_escaped(struct bk_buf *out, const char *text)
{
        for (const char *c = text; *c != '\0'; c++)
                bk_buf_printf(out, "%s%c", *c == '#' || *c == '\\' ? "\\" : "", *c);
}

/* A YAML string in double quotes, on one line. */
static void member(struct bk_buf *out, const char *name, const char *text)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf line = { 0 };

        if (text == NULL || *text == '\0')
                return;
        spec_text_add(&line, text, 0);
        bk_buf_printf(out, "  %s: \"", name);
        for (size_t i = 0; i < line.len; i++) {
                if (line.data[i] == '\n')
                        bk_buf_puts(out, "\\n");
                else
                        bk_buf_printf(out, "%s%c", line.data[i] == '"' || line.data[i] == '\\' ? "\\" : "", line.data[i]);
        }
        bk_buf_puts(out, "\"\n");
}

void spec_tap_begin(struct spec_reporter *r)
{
        bk_buf_puts(&r->out, "TAP version 13\n");
}

static void diagnostics(struct spec_reporter *r, const struct spec_result *result)
{
        bk_buf_puts(&r->out, "  ---\n");
        member(&r->out, "verdict", spec_verdict_name(result->verdict));
        member(&r->out, "message", result->message);
        member(&r->out, "file", result->file);
        bk_buf_printf(&r->out, "  line: %u\n", result->line);
        bk_buf_printf(&r->out, "  duration_us: %lld\n", (long long)result->duration_us);
        member(&r->out, "where", spec_where_name(result->where));
        if (result->configured)
                bk_buf_puts(&r->out, "  configured: true\n");
        if (result->attempts > 1)
                bk_buf_printf(&r->out, "  attempts: %u\n", result->attempts);
        member(&r->out, "control", result->control);
        member(&r->out, "title", result->title);
        if (spec_text_impact(result) >= 0)
                bk_buf_printf(&r->out, "  impact: %g\n", spec_text_impact(result));
        bk_buf_puts(&r->out, "  ...\n");
}

void spec_tap_result(struct spec_reporter *r, const struct spec_result *result)
{
        const bool good = result->verdict == SPEC_PASS || result->verdict == SPEC_SKIP;
        autofree char *description = spec_text_description(result), *reason = spec_text_reason(result);

        bk_buf_printf(&r->out, "%s %zu - ", good ? "ok" : "not ok", r->n);
        add_escaped(&r->out, description);
        if (result->verdict == SPEC_SKIP || result->verdict == SPEC_UNANSWERED) {
                bk_buf_puts(&r->out, result->verdict == SPEC_SKIP ? " # SKIP " : DIRECTIVE_UNANSWERED);
                add_escaped(&r->out, reason);
        }
        bk_buf_putc(&r->out, '\n');
        if (result->verdict != SPEC_PASS)
                diagnostics(r, result);
}

void spec_tap_end(struct spec_reporter *r, const struct spec_report *report, const struct spec_target *target)
{
        (void)report;
        (void)target;
        bk_buf_printf(&r->out, "1..%zu%s\n", r->n, r->n == 0 ? " # SKIP there are no examples" : "");
}
