/* JUnit for Jenkins: one suite a spec file, one class a group; all in one document, or a document a suite.
 *
 * The shape is that of junit-10.xsd of Jenkins' xUnit plugin. It knows no file
 * and line of a test case, nor properties of it: they stand in the failure's text and in system-out. Jenkins splits
 * a class name at its last dot, so dots and slashes of groups are replaced. It drops suites without a case. */
#include "spec/report_priv.h"

#include <libxml/xmlwriter.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/publish.h"
#include "lib/utf8.h"

enum { NAME_MOST = 100 };

struct suite {
        const struct spec_report *report;
        size_t from, to;                        /* results of one file */
        const char *file, *identity, *mode;
        char name[NAME_MOST];                   /* the file's, without folder and ".rb" */
};

/* XML 1.0 has no way to write most control characters, ESC included, nor U+FFFE and U+FFFF. */
static char *xml_text(const char *text)
{
        char *ret = bk_utf8_clean(text);

        for (char *c = ret; *c != '\0'; c++) {
                if ((unsigned char)*c < ' ' && *c != '\t' && *c != '\n' && *c != '\r')
                        *c = '?';
                if (c[0] == '\xc2' && (unsigned char)c[1] >= 0x80 && (unsigned char)c[1] < 0xa0)
                        c[0] = c[1] = '?';      /* controls of Latin-1 are allowed, but steer terminals */
                if (strncmp(c, "\xef\xbf\xbe", 3) == 0 || strncmp(c, "\xef\xbf\xbf", 3) == 0)
                        c[2] = '\xbd';          /* U+FFFD, which stands for what cannot be shown */
        }
        return ret;
}

static void attribute(xmlTextWriter *out, const char *name, const char *value)
{
        autofree char *text = xml_text(value);

        (void)xmlTextWriterWriteAttribute(out, BAD_CAST name, BAD_CAST text);
}

static void number(xmlTextWriter *out, const char *name, size_t value)
{
        (void)xmlTextWriterWriteFormatAttribute(out, BAD_CAST name, "%zu", value);
}

static void seconds(xmlTextWriter *out, int64_t us)
{
        us = us > 0 ? us : 0;
        (void)xmlTextWriterWriteFormatAttribute(out, BAD_CAST "time", "%lld.%03lld", (long long)(us / 1000000),
                                                (long long)(us / 1000 % 1000));
}

static size_t count(const struct suite *suite, enum spec_verdict verdict)
{
        size_t n = 0;

        for (size_t i = suite->from; i < suite->to; i++)
                n += suite->report->v[i].verdict == verdict;
        return n;
}

static void totals(xmlTextWriter *out, const struct suite *suite)
{
        int64_t duration_us = 0;

        for (size_t i = suite->from; i < suite->to; i++)
                if (__builtin_add_overflow(duration_us, suite->report->v[i].duration_us, &duration_us))
                        duration_us = INT64_MAX;
        number(out, "tests", suite->to - suite->from);
        number(out, "failures", count(suite, SPEC_FAIL));
        number(out, "errors", count(suite, SPEC_ERROR));
        seconds(out, duration_us);
}

static void property(xmlTextWriter *out, const char *name, const char *value)
{
        (void)xmlTextWriterStartElement(out, BAD_CAST "property");
        attribute(out, "name", name);
        attribute(out, "value", value);
        (void)xmlTextWriterEndElement(out);
}

/* The first line as attribute, everything with its place as text. */
static void verdict(xmlTextWriter *out, const struct spec_result *result)
{
        static const struct { const char *element, *type; } rows[] = {
                [SPEC_FAIL] = { "failure", "expectation" },     [SPEC_ERROR] = { "error", "exception" },
                [SPEC_SKIP] = { "skipped", "skipped" },         [SPEC_UNANSWERED] = { "skipped", "unanswered" },
        };
        autofree char *first = bk_strndup(result->message, strcspn(result->message, "\n"));
        autofree char *whole = bk_format("%s:%u: %s", result->file, result->line, result->message);
        autofree char *text = xml_text(whole), *summary = NULL;

        if (result->verdict == SPEC_PASS)
                return;
        summary = result->verdict == SPEC_UNANSWERED ? bk_format("unanswered: %s", first) : bk_take(first);
        (void)xmlTextWriterStartElement(out, BAD_CAST rows[result->verdict].element);
        attribute(out, "type", rows[result->verdict].type);
        attribute(out, "message", summary);
        (void)xmlTextWriterWriteString(out, BAD_CAST text);
        (void)xmlTextWriterEndElement(out);
}

/* Attempts before the last one; their messages are not kept. */
static void earlier(xmlTextWriter *out, const struct spec_result *result)
{
        const bool passed = result->verdict == SPEC_PASS, failed = result->verdict == SPEC_FAIL || result->verdict == SPEC_ERROR;
        autofree char *message = bk_format("%u of %u attempts failed", result->attempts - passed, result->attempts);

        if (result->attempts < 2 || (!passed && !failed))
                return;
        (void)xmlTextWriterStartElement(out, BAD_CAST (passed ? "flakyFailure" : "rerunFailure"));
        attribute(out, "type", "expectation");
        attribute(out, "message", message);
        (void)xmlTextWriterEndElement(out);
}

static void system_out(xmlTextWriter *out, const struct spec_result *result)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf lines = { 0 };

        if (result->control != NULL && *result->control) {
                bk_buf_printf(&lines, "control: %s\n", result->control);
                if (spec_text_impact(result) >= 0)
                        bk_buf_printf(&lines, "impact: %.1f\n", spec_text_impact(result));
                if (result->title != NULL && *result->title)
                        bk_buf_printf(&lines, "title: %s\n", result->title);
        }
        if (result->attempts > 1)
                bk_buf_printf(&lines, "attempts: %u\n", result->attempts);
        if (result->configured)
                bk_buf_puts(&lines, "answered by the configuration, as no system runs\n");
        if (lines.len == 0)
                return;
        autofree char *text = xml_text(lines.data);

        (void)xmlTextWriterWriteElement(out, BAD_CAST "system-out", BAD_CAST text);
}

static void test_case(xmlTextWriter *out, const struct suite *suite, const struct spec_result *result)
{
        autofree char *class = bk_format("%s.%s", suite->name, *result->group ? result->group : "file");

        for (char *c = class + strlen(suite->name) + 1; *c != '\0'; c++)
                if (*c == '.' || *c == '/')
                        *c = '_';
        (void)xmlTextWriterStartElement(out, BAD_CAST "testcase");
        attribute(out, "classname", class);
        attribute(out, "name", *result->name ? result->name : "loads");
        seconds(out, result->duration_us);
        verdict(out, result);
        earlier(out, result);
        system_out(out, result);
        (void)xmlTextWriterEndElement(out);
}

static void suite_element(xmlTextWriter *out, const struct suite *suite)
{
        char host[256] = "localhost", when[32];
        const time_t now = time(NULL);
        struct tm utc;

        (void)gethostname(host, sizeof host - 1);
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now, &utc));
        (void)xmlTextWriterStartElement(out, BAD_CAST "testsuite");
        attribute(out, "name", suite->name);
        totals(out, suite);
        number(out, "skipped", count(suite, SPEC_SKIP) + count(suite, SPEC_UNANSWERED));
        attribute(out, "timestamp", when);
        attribute(out, "hostname", host);
        attribute(out, "file", suite->file);
        (void)xmlTextWriterStartElement(out, BAD_CAST "properties");
        property(out, "image", suite->identity);
        property(out, "mode", suite->mode);
        (void)xmlTextWriterEndElement(out);
        for (size_t i = suite->from; i < suite->to; i++)
                test_case(out, suite, &suite->report->v[i]);
        (void)xmlTextWriterEndElement(out);
}

/* The suite's name, which is also its file's: no two are the same. */
static void name_suite(struct suite *suite, struct bk_strv *taken)
{
        const char *const slash = strrchr(suite->file, '/'), *const base = slash ? slash + 1 : suite->file;
        const char *const dot = strrchr(base, '.');
        const int length = dot != NULL && dot > base ? (int)(dot - base) : (int)strlen(base);
        const int kept = length > NAME_MOST - 16 ? NAME_MOST - 16 : length;

        (void)snprintf(suite->name, sizeof suite->name, "%.*s", kept, base);
        for (unsigned n = 2; bk_strv_has(taken, suite->name); n++)
                (void)snprintf(suite->name, sizeof suite->name, "%.*s-%u", kept, base, n);
        bk_strv_add(taken, suite->name);
}

/* The next suite of a report: all results of one file that follow each other. False at the end. */
static bool next_suite(struct suite *suite, struct bk_strv *taken)
{
        const struct spec_report *report = suite->report;

        suite->from = suite->to;
        if (suite->from == report->n)
                return false;
        suite->file = report->v[suite->from].file;
        while (suite->to < report->n && bk_streq(report->v[suite->to].file, suite->file))
                suite->to++;
        name_suite(suite, taken);
        return true;
}

/* The document of one suite, or, without its file, of the whole report. */
static void document(struct bk_buf *ret, const struct suite *suite)
{
        xmlBuffer *const bytes = xmlBufferCreate();
        xmlTextWriter *const out = bytes != NULL ? xmlNewTextWriterMemory(bytes, 0) : NULL;
        const struct suite all = { .report = suite->report, .to = suite->report->n };
        struct suite each = { .report = suite->report, .identity = suite->identity, .mode = suite->mode };
        autostrv struct bk_strv taken = { 0 };

        if (out == NULL)
                abort();        /* out of memory */
        (void)xmlTextWriterSetIndent(out, 1);
        (void)xmlTextWriterStartDocument(out, NULL, "UTF-8", NULL);
        (void)xmlTextWriterStartElement(out, BAD_CAST "testsuites");
        attribute(out, "name", suite->identity);
        totals(out, suite->file != NULL ? suite : &all);
        if (suite->file != NULL)
                suite_element(out, suite);
        else
                while (next_suite(&each, &taken))
                        suite_element(out, &each);
        (void)xmlTextWriterEndDocument(out);
        xmlFreeTextWriter(out);
        bk_buf_add(ret, xmlBufferContent(bytes), (size_t)xmlBufferLength(bytes));
        xmlBufferFree(bytes);
}

void spec_junit_end(struct spec_reporter *r, const struct spec_report *report, const struct spec_target *target)
{
        const struct suite all = { .report = report, .identity = spec_text_identity(target), .mode = spec_text_mode(target) };

        document(&r->out, &all);
}

static int write_suite(const struct suite *suite, const char *folder, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf bytes = { 0 };
        autofree char *path = bk_format("%s/TEST-%.100s-%s.xml", folder, suite->identity, suite->name);

        for (char *c = path + strlen(folder) + 1; *c != '\0'; c++)
                if (*c == '/')
                        *c = '_';
        document(&bytes, suite);
        return bk_publish_bytes(path, bytes.data, bytes.len, 0644, err);
}

int spec_junit_write(const struct spec_report *report, const char *identity, const char *folder, struct bk_error *err)
{
        struct suite suite = { .report = report, .identity = identity, .mode = "offline" };
        autostrv struct bk_strv taken = { 0 };

        if (bk_mkdir_p(folder, err) < 0)
                return bk_wrap(err, "JUnit folder '%s'", folder);
        while (next_suite(&suite, &taken))
                if (write_suite(&suite, folder, err) < 0)
                        return bk_wrap(err, "JUnit of '%s'", suite.file);
        return 0;
}
