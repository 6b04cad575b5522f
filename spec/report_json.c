/* The JSON document that report.h describes. Only ASCII is written: a terminal shows it unharmed. */
#include "spec/report_priv.h"

#include <jansson.h>
#include <string.h>

#include "lib/utf8.h"

static json_t *text(const char *value)
{
        autofree char *clean = bk_utf8_clean(value != NULL ? value : "");

        return json_string(clean);
}

static json_t *groups(const struct spec_result *result)
{
        const char signs[] = { SPEC_GROUP_SIGN, '\0' };
        const char *p = result->groups != NULL ? result->groups : result->group != NULL ? result->group : "";
        json_t *ret = json_array();

        while (*p != '\0') {
                const size_t length = strcspn(p, signs);
                autofree char *title = bk_strndup(p, length);

                (void)json_array_append_new(ret, text(title));
                p += length + (p[length] != '\0');
        }
        return ret;
}

static json_t *control(const struct spec_result *result)
{
        const double impact = spec_text_impact(result);

        if (result->control == NULL || *result->control == '\0')
                return json_null();
        return json_pack("{s:o, s:o, s:o}", "id", text(result->control), "title", text(result->title), "impact",
                         impact >= 0 ? json_real(impact) : json_null());
}

static json_t *example(const struct spec_result *result)
{
        const bool both = result->group != NULL && *result->group && result->name != NULL && *result->name;
        autofree char *description = bk_format("%s%s%s", result->group ? result->group : "", both ? " " : "", result->name ? result->name : "");

        return json_pack("{s:o, s:I, s:o, s:o, s:o, s:s, s:o, s:s, s:b, s:I, s:I, s:o}",
                         "file", text(result->file), "line", (json_int_t)result->line, "groups", groups(result), "name", text(result->name),
                         "description", text(description), "verdict", spec_verdict_name(result->verdict), "message", text(result->message),
                         "where", spec_where_name(result->where), "configured", (int)result->configured,
                         "attempts", (json_int_t)(result->attempts > 0 ? result->attempts : 1), "duration_us", (json_int_t)result->duration_us,
                         "control", control(result));
}

static int add(const char *bytes, size_t length, void *out)
{
        bk_buf_add(out, bytes, length);
        return 0;
}

void spec_json_end(struct spec_reporter *r, const struct spec_report *report, const struct spec_target *target)
{
        json_t *examples = json_array(), *document;

        for (size_t i = 0; i < report->n; i++)
                (void)json_array_append_new(examples, example(&report->v[i]));
        document = json_pack("{s:i, s:o, s:o, s:I, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:o}", "format", 1,
                             "image", text(spec_text_identity(target)), "mode", text(spec_text_mode(target)),
                             "duration_us", (json_int_t)report->duration_us, "summary", "examples", (json_int_t)report->n,
                             "passed", (json_int_t)report->count[SPEC_PASS], "failed", (json_int_t)report->count[SPEC_FAIL],
                             "errors", (json_int_t)report->count[SPEC_ERROR], "unanswered", (json_int_t)report->count[SPEC_UNANSWERED],
                             "skipped", (json_int_t)report->count[SPEC_SKIP], "examples", examples);
        if (document == NULL || json_dump_callback(document, add, &r->out, JSON_INDENT(2) | JSON_ENSURE_ASCII) < 0)
                abort();        /* out of memory */
        bk_buf_putc(&r->out, '\n');
        json_decref(document);
}
