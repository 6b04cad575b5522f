/* vulnerable: which advisories concern which images. */
#include <stdio.h>
#include <string.h>

#include "bakery/cmd/api.h"
#include "bakery/cmd/listing.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

static const struct cmd_flag flags[] = {
        { "channel", "CHANNEL", false, "images that head this channel: name:channel, or channel of any name" },
        { "severity", "WORD", false, "only from this on: negligible, low, medium, high, critical" },
        { "fixable", NULL, false, "only what a newer package fixes" },
        { "in-use", NULL, false, "only images that head a channel or are launched, and their ancestors" },
        { "fail-on", "WORD", false, "exit with 1 when something of this severity or worse is left" },
        { "quiet", NULL, false, "print names of advisories, or ids of images, only" },
        { "json", NULL, false, "JSON Lines: one a finding, or an image" },
};
static const char *const severities[] = { "critical", "high", "medium", "low", "negligible", "unknown" };
enum { SEVERITIES = sizeof severities / sizeof *severities };

struct output { const struct cmd_args *args; bool json, quiet; int fail_on; size_t n, count[SEVERITIES], listed, unknown_os; };

static int place_of(const char *severity)
{
        for (int i = 0; i < SEVERITIES; i++)
                if (bk_streq(severities[i], severity))
                        return i;
        return -1;
}

/* --- of one image ------------------------------------------------------------------------- */
static void print_finding(const json_t *finding)
{
        autofree char *name = cmd_shown(finding, "advisory"), *severity = cmd_shown(finding, "severity"), *source = cmd_shown(finding, "source");
        autofree char *version = cmd_shown(finding, "source_version"), *fixed = cmd_shown(finding, "fixed"), *summary = cmd_shown(finding, "summary");
        const json_t *score = json_object_get(finding, "score");
        autofree char *points = json_is_number(score) ? bk_format("%.1f", json_number_value(score)) : bk_strdup("-");

        printf("%-20s %-10s %4s  %-24s %-24s %-24s %.100s\n", name, severity, points, source, version, fixed, summary);
}

static bool take_findings(void *arg, json_t *page)
{
        struct output *output = arg;
        size_t i;
        const json_t *finding;

        output->unknown_os += json_is_null(json_object_get(json_object_get(page, "image"), "os"));
        json_array_foreach(json_object_get(page, "items"), i, finding) {
                const int place = place_of(json_string_value(json_object_get(finding, "severity")));

                if (output->n++ == 0 && !output->json && !output->quiet)
                        printf("%-20s %-10s %4s  %-24s %-24s %-24s %s\n", "ADVISORY", "SEVERITY", "CVSS", "SOURCE", "VERSION", "FIXED", "SUMMARY");
                if (place >= 0)
                        output->count[place]++;
                if (output->json)
                        cmd_print_line(finding);
                else if (output->quiet)
                        printf("%s\n", json_string_value(json_object_get(finding, "advisory")));
                else
                        print_finding(finding);
        }
        return true;
}

/* --- of images ------------------------------------------------------------------------------ */
static void print_image(const json_t *image)
{
        autofree char *id = cmd_shown(image, "id"), *name = cmd_shown(image, "name"), *state = cmd_shown(image, "state");
        autofree char *os = cmd_shown(image, "os");

        printf("%.19s  %-24s %-10s %-6s  %-14s", id, name, state, json_is_true(json_object_get(image, "in_use")) ? "in use" : "", os);
        for (int i = 0; i < SEVERITIES; i++)
                printf(" %10lld", (long long)json_integer_value(json_object_get(json_object_get(image, "severities"), severities[i])));
        printf(" %10lld\n", (long long)json_integer_value(json_object_get(image, "fixable")));
}

static void print_heading(void)
{
        printf("%-19s  %-24s %-10s %-6s  %-14s", "IMAGE", "NAME", "STATE", "", "SYSTEM");
        for (int i = 0; i < SEVERITIES; i++)
                printf(" %10s", severities[i]);
        printf(" %10s\n", "fixable");
}

static bool take_images(void *arg, json_t *page)
{
        struct output *output = arg;
        size_t i;
        const json_t *image;

        json_array_foreach(json_object_get(page, "items"), i, image) {
                const bool concerned = json_integer_value(json_object_get(image, "count")) > 0;

                output->unknown_os += json_is_null(json_object_get(image, "os"));
                for (int k = 0; k < SEVERITIES; k++)
                        output->count[k] += (size_t)json_integer_value(json_object_get(json_object_get(image, "severities"), severities[k]));
                if (output->n++ == 0 && !output->json && !output->quiet)
                        print_heading();
                if (output->json)
                        cmd_print_line(image);
                else if (output->quiet && concerned)
                        printf("%s\n", json_string_value(json_object_get(image, "id")));
                else if (!output->quiet)
                        print_image(image);
        }
        return true;
}

static void add(struct bk_buf *target, const char *format, const char *value)
{
        autofree char *part = value == NULL ? NULL : cmd_target(format, value);

        if (part != NULL)
                bk_buf_printf(target, "%c%s", memchr(target->data, '?', target->len) == NULL ? '?' : '&', part);
}

static char *target_of(const struct cmd_args *args)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf target = { 0 };
        autofree char *path = args->operands.n > 0 ? cmd_target("/images/%s/vulnerable", args->operands.v[0]) : bk_strdup("/vulnerable?limit=10000");

        bk_buf_puts(&target, path);
        add(&target, "severity=%s", cmd_value(args, "severity"));
        add(&target, "channel=%s", cmd_value(args, "channel"));
        add(&target, "fixable=%s", cmd_switch(args, "fixable") ? "1" : NULL);
        add(&target, "in_use=%s", cmd_switch(args, "in-use") ? "1" : NULL);
        return bk_buf_finish(&target);
}

static int verdict(const struct output *output)
{
        size_t bad = 0;

        for (int i = 0; i <= output->fail_on; i++)
                bad += output->count[i];
        if (output->unknown_os > 0)
                (void)fprintf(stderr, "bakery: warning: %zu image%s of which nobody knows the system: only language packages could be looked up\n",
                              output->unknown_os, output->unknown_os == 1 ? "" : "s");
        if (bad > 0)
                (void)fprintf(stderr, "bakery: error: %zu finding%s of severity %s or worse\n", bad, bad == 1 ? "" : "s",
                              severities[output->fail_on]);
        return bad > 0;
}

static int run(const struct cmd_args *args)
{
        const char *fail_on = cmd_value(args, "fail-on");
        struct output output = { .args = args, .json = cmd_switch(args, "json"), .quiet = cmd_switch(args, "quiet"),
                                 .fail_on = fail_on != NULL ? place_of(fail_on) : -1 };
        autofree char *target = target_of(args);
        struct bk_error err = { 0 };

        if (fail_on != NULL && output.fail_on < 0) {
                bk_fail(&err, BK_USAGE, "-fail-on takes negligible, low, medium, high or critical, not '%.50s'", fail_on);
                return cmd_fail(&err);
        }
        if (args->operands.n > 0 && (cmd_value(args, "channel") != NULL || cmd_switch(args, "in-use"))) {
                bk_fail(&err, BK_USAGE, "an IMAGE was named; -channel and -in-use choose among all of them");
                return cmd_fail(&err);
        }
        if (cmd_pages(args, target, args->operands.n > 0 ? take_findings : take_images, &output, &err) < 0)
                return cmd_fail(&err);
        (void)fflush(stdout);
        return verdict(&output);
}

const struct cmd cmd_vulnerable = {
        "vulnerable", "[IMAGE]", 0, 1, "tell which advisories concern an image, or how many each image",
        "Packages of an image, as they are on its disk, are looked up in the advisories that `bakery advisory import` has read: by source "
        "package and version, for the image's own release. New images and new advisories are matched as they come. Of several images the number "
        "of advisories is shown, by severity. With -fail-on, for a CI job, findings of that severity or worse end it with exit code 1.",
        CMD_FLAGS(flags), run,
};
