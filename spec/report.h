/* Reports of a run, in formats that people, CI systems and monitoring read. Several reporters work side by side, each on its own
 * output. What specs and images say is cleaned: it moves no terminal's cursor, and ends no line, element or string of a report.
 *
 * documentation  as RSpec's: groups nested, failures numbered at the end
 * progress       a sign an example (. passed, F failed, E error, ? unanswered, * skipped), then as documentation
 * tap            TAP 13 with YAML diagnostics. Unanswered: "not ok", with the directive for what
 *                is known not to work yet: no reader counts it as passed, and prove(1) does not fail for it
 * json           one document, see below
 * junit          one document for Jenkins, valid against junit-10.xsd; spec_junit_write() makes a file a spec instead
 * nagios         one line with performance data; spec_report_nagios_status() is the exit code that goes with it
 * prometheus     text exposition format, for node_exporter's folder
 *
 * The JSON document's members are stable; new ones may be added:
 *   format       1
 *   image, mode  strings: identity and mode of the target
 *   duration_us  whole run
 *   summary      { examples, passed, failed, errors, unanswered, skipped }
 *   examples     [ { file, line, groups: [titles, outermost first], name, description: "groups and name, joined", verdict: "passed" |
 *                "failed" | "error" | "unanswered" | "skipped", message, where: "" | "files" | "sandbox" | "guest", configured: bool,
 *                attempts, duration_us, control: null | { id, title, impact: null | 0 to 1 } } ], as they ran */
#pragma once
#include "spec/spec.h"

struct spec_reporter;

/* The names of all formats, ended by NULL. */
const char *const *spec_report_formats(void);

/* file NULL: stdout, as the results come. colour is for formats that have any. BK_USAGE for an unknown format. */
int spec_reporter_new(const char *format, const char *file, bool colour, struct spec_reporter **ret, struct bk_error *err) BK_MUST_CHECK;
/* As it comes: fits spec_options.on_result. */
void spec_reporter_result(struct spec_reporter *reporter, const struct spec_result *result);
/* The end and the totals, of a report with all of these results; the file appears whole. Frees the reporter in any case. */
int spec_reporter_end(struct spec_reporter *reporter, const struct spec_report *report, const struct spec_target *target,
                      struct bk_error *err) BK_MUST_CHECK;
/* Without an end: nothing is written to its file. NULL is fine. */
void spec_reporter_free(struct spec_reporter *reporter);

/* 0 OK, 1 WARNING (something is unanswered), 2 CRITICAL (something failed), 3 UNKNOWN (nothing was checked). */
int spec_report_nagios_status(const struct spec_report *report);
