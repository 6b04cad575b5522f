/* JUnit for Jenkins: one document a spec file, one class a group.
 *
 * The shape is that of junit-10.xsd of Jenkins' xUnit plugin. It knows no file
 * and line of a test case, so they stand in the failure's text. Jenkins splits
 * a class name at its last dot, so dots and slashes of groups are replaced. */
#include "spec/spec_priv.h"

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
        const char *file, *identity;
        char name[NAME_MOST];                   /* the file's, without folder and ".rb" */
};

/* XML 1.0 has no way to write most control characters, ESC included, nor U+FFFE and U+FFFF. */
static char *xml_text(const char *text)
{
        char *ret = bk_utf8_clean(text);

        for (char *c = ret; *c != '\0'; c++) {
                if ((unsigned char)*c < ' ' && *c != '\t' && *c != '\n' && *c != '\r')
                        *c = '?';
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
                duration_us += suite->report->v[i].duration_us;
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
        (void)xmlTextWriterEndElement(out);
}

static void document(xmlTextWriter *out, const struct suite *suite)
{
        char host[256] = "localhost", when[32];
        const time_t now = time(NULL);
        struct tm utc;

        (void)gethostname(host, sizeof host - 1);
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now, &utc));
        (void)xmlTextWriterSetIndent(out, 1);
        (void)xmlTextWriterStartDocument(out, NULL, "UTF-8", NULL);
        (void)xmlTextWriterStartElement(out, BAD_CAST "testsuites");
        attribute(out, "name", suite->identity);
        totals(out, suite);
        (void)xmlTextWriterStartElement(out, BAD_CAST "testsuite");
        attribute(out, "name", suite->name);
        totals(out, suite);
        number(out, "skipped", count(suite, SPEC_SKIP) + count(suite, SPEC_UNANSWERED));
        attribute(out, "timestamp", when);
        attribute(out, "hostname", host);
        attribute(out, "file", suite->file);
        (void)xmlTextWriterStartElement(out, BAD_CAST "properties");
        property(out, "image", suite->identity);
        property(out, "mode", "offline");
        (void)xmlTextWriterEndElement(out);
        for (size_t i = suite->from; i < suite->to; i++)
                test_case(out, suite, &suite->report->v[i]);
        (void)xmlTextWriterEndDocument(out);
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

static int write_suite(const struct suite *suite, const char *folder, struct bk_error *err)
{
        xmlBuffer *const bytes = xmlBufferCreate();
        xmlTextWriter *const out = bytes != NULL ? xmlNewTextWriterMemory(bytes, 0) : NULL;
        autofree char *path = bk_format("%s/TEST-%.100s-%s.xml", folder, suite->identity, suite->name);
        int ret;

        if (out == NULL)
                abort();        /* out of memory */
        for (char *c = path + strlen(folder) + 1; *c != '\0'; c++)
                if (*c == '/')
                        *c = '_';
        document(out, suite);
        xmlFreeTextWriter(out);
        ret = bk_publish_bytes(path, xmlBufferContent(bytes), (size_t)xmlBufferLength(bytes), 0644, err);
        xmlBufferFree(bytes);
        return ret;
}

int spec_junit_write(const struct spec_report *report, const char *identity, const char *folder, struct bk_error *err)
{
        autostrv struct bk_strv taken = { 0 };

        if (bk_mkdir_p(folder, err) < 0)
                return bk_wrap(err, "JUnit folder '%s'", folder);
        for (size_t from = 0, to; from < report->n; from = to) {
                struct suite suite = { report, from, 0, report->v[from].file, identity, "" };

                for (to = from; to < report->n && bk_streq(report->v[to].file, suite.file); to++)
                        ;
                suite.to = to;
                name_suite(&suite, &taken);
                if (write_suite(&suite, folder, err) < 0)
                        return bk_wrap(err, "JUnit of '%s'", suite.file);
        }
        return 0;
}
