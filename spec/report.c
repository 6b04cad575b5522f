/* Reporters: formats are rows. */
#include "spec/report_priv.h"

#include <stdio.h>

#include "lib/doc.h"
#include "lib/publish.h"

static const struct spec_format formats[] = {
        { "documentation", spec_doc_begin, spec_doc_result, spec_doc_end },
        { "progress", NULL, spec_progress_result, spec_doc_end },
        { "tap", spec_tap_begin, spec_tap_result, spec_tap_end },
        { "json", .end = spec_json_end },
        { "junit", .end = spec_junit_end },
        { "nagios", .end = spec_nagios_end },
        { "prometheus", .end = spec_prometheus_end },
};
enum { FORMATS = sizeof formats / sizeof *formats };

const char *const *spec_report_formats(void)
{
        static const char *names[FORMATS + 1];

        for (size_t i = 0; i < FORMATS; i++)
                names[i] = formats[i].name;
        return names;
}

/* What is on stdout must be seen while checks that take long still run. */
static int write_out(struct spec_reporter *r, struct bk_error *err)
{
        if (r->file != NULL || r->out.len == 0)
                return 0;
        if (fwrite(r->out.data, 1, r->out.len, stdout) != r->out.len || fflush(stdout) != 0)
                return bk_fail_errno(err, "cannot write the report to standard output");
        bk_buf_done(&r->out);
        return 0;
}

int spec_reporter_new(const char *format, const char *file, bool colour, struct spec_reporter **ret, struct bk_error *err)
{
        const char *nearest = bk_nearest(format, spec_report_formats(), FORMATS);
        struct spec_reporter *r;
        size_t i;

        for (i = 0; i < FORMATS && !bk_streq(formats[i].name, format); i++)
                ;
        if (i == FORMATS)
                return bk_fail(err, BK_USAGE, "there is no report format '%.100s'%s%s%s", format, nearest ? "; did you mean '" : "",
                               nearest ? nearest : "", nearest ? "'?" : "");
        r = bk_alloc(sizeof *r);
        r->format = &formats[i];
        r->file = bk_strdup(file);
        r->colour = colour;
        if (r->format->begin != NULL)
                r->format->begin(r);
        *ret = r;
        return 0;
}

void spec_reporter_result(struct spec_reporter *r, const struct spec_result *result)
{
        struct bk_error err = { 0 };

        r->n++;
        r->n_bad += result->verdict == SPEC_FAIL || result->verdict == SPEC_ERROR;
        if (r->format->result != NULL)
                r->format->result(r, result);
        (void)(write_out(r, &err) < 0);         /* what remains unwritten fails at the end */
}

void spec_reporter_free(struct spec_reporter *r)
{
        if (r == NULL)
                return;
        free(r->file);
        free(r->groups);
        free(r->groups_file);
        bk_buf_done(&r->out);
        free(r);
}

static void free_reporter(struct spec_reporter **r)
{
        spec_reporter_free(*r);
}

int spec_reporter_end(struct spec_reporter *reporter, const struct spec_report *report, const struct spec_target *target,
                      struct bk_error *err)
{
        BK_CLEANUP(free_reporter) struct spec_reporter *r = reporter;

        if (r->format->end != NULL)
                r->format->end(r, report, target);
        if (r->file == NULL)
                return write_out(r, err);
        if (bk_publish_bytes(r->file, r->out.data != NULL ? r->out.data : "", r->out.len, 0644, err) < 0)
                return bk_wrap(err, "report '%s'", r->file);
        return 0;
}
