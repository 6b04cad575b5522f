/* What the formats of reports share. */
#pragma once
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "spec/report.h"

struct spec_format {
        const char *name;
        void (*begin)(struct spec_reporter *reporter);                                          /* each may be NULL */
        void (*result)(struct spec_reporter *reporter, const struct spec_result *result);
        void (*end)(struct spec_reporter *reporter, const struct spec_report *report, const struct spec_target *target);
};

struct spec_reporter {
        const struct spec_format *format;
        char *file;                     /* NULL: stdout */
        bool colour;
        struct bk_buf out;              /* not yet written */
        size_t n, n_bad;                /* results so far; those that failed, which are numbered */
        char *groups, *groups_file;     /* documentation: where the last result stood */
};

void spec_doc_begin(struct spec_reporter *r);
void spec_doc_result(struct spec_reporter *r, const struct spec_result *result);
void spec_doc_end(struct spec_reporter *r, const struct spec_report *report, const struct spec_target *target);
void spec_progress_result(struct spec_reporter *r, const struct spec_result *result);
void spec_tap_begin(struct spec_reporter *r);
void spec_tap_result(struct spec_reporter *r, const struct spec_result *result);
void spec_tap_end(struct spec_reporter *r, const struct spec_report *report, const struct spec_target *target);
void spec_json_end(struct spec_reporter *r, const struct spec_report *report, const struct spec_target *target);
void spec_junit_end(struct spec_reporter *r, const struct spec_report *report, const struct spec_target *target);
void spec_nagios_end(struct spec_reporter *r, const struct spec_report *report, const struct spec_target *target);
void spec_prometheus_end(struct spec_reporter *r, const struct spec_report *report, const struct spec_target *target);

/* report_text.c: adds text that others wrote. Invalid UTF-8 becomes U+FFFD; signs that steer terminals or turn the reading order are
 * spelled out ("\x1b", "\u202e"). Newlines become "\n", unless lines are wanted: those are indented by so many blanks (-1: no lines). */
void spec_text_add(struct bk_buf *out, const char *text, int indent);
/* The same as a string, on one line; the caller's. */
char *spec_text_line(const char *text);
/* "File "/etc/passwd" should be file"; "loads" for a file that did not. One line, cleaned. The caller's. */
char *spec_text_description(const struct spec_result *result);
/* The message's first line, cleaned; the caller's. */
char *spec_text_reason(const struct spec_result *result);
/* 0 to 1, or below 0 for none: whatever came over the wire. */
double spec_text_impact(const struct spec_result *result);
const char *spec_text_identity(const struct spec_target *target);
const char *spec_text_mode(const struct spec_target *target);
