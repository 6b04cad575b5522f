/* usage, usage scan, usage report: who uses images, as launches were reported and as libvirt tells, and what else knows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bakery/cmd/life.h"
#include "bakery/cmd/listing.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "registry/usage.h"

#define DEFAULT_URI "qemu:///system"
enum { TIMEOUT_S = 60, REPORT_MOST = 64 << 20, WORDS_MOST = 3 };

static const struct cmd_flag usage_flags[] = {
        { "all", NULL, false, "also what has ended" },
        CMD_JSON_FLAG,
};
static const struct cmd_flag scan_flags[] = {
        { "uri", "URI", true, "libvirt driver to ask, instead of those in BAKERY_LIBVIRT_URIS, by blanks or commas, or " DEFAULT_URI },
        { "timeout", "SECONDS", false, "how long each may take (60)" },
};

static const struct cmd_flag report_flags[] = {
        CMD_JSON_FLAG,
};

/* --- usage ---------------------------------------------------------------------------- */
static void print_launch(const json_t *launch)
{
        autofree char *image = cmd_shown(launch, "image"), *name = cmd_shown(launch, "image_name"), *instance = cmd_shown(launch, "instance");
        autofree char *called = cmd_shown(launch, "name"), *who = cmd_shown(launch, "who"), *source = cmd_shown(launch, "source");
        autofree char *first = cmd_shown(launch, "first_at"), *last = cmd_shown(launch, "last_at"), *ended = cmd_shown(launch, "ended_at");

        printf("%.19s  %-20s %-24s %s  since %s, %s %s  by %s  (%s)\n", image, name, bk_streq(called, "-") ? instance : called, instance, first,
               bk_streq(ended, "-") ? "seen" : "ended", bk_streq(ended, "-") ? last : ended, who, source);
}

static void print_source(const json_t *source)
{
        autofree char *name = cmd_shown(source, "name"), *ok = cmd_shown(source, "ok_at"), *asked = cmd_shown(source, "asked_at");
        autofree char *error = cmd_shown(source, "error");

        if (bk_streq(error, "-"))
                printf("source %s: %lld at %s\n", name, (long long)json_integer_value(json_object_get(source, "count")), ok);
        else
                printf("source %s: could not be asked at %s, last heard of at %s: %s\n", name, asked, ok, error);
}

static int run_usage(const struct cmd_args *args)
{
        autofree char *image = args->operands.n > 0 ? cmd_target("&image=%s", args->operands.v[0]) : NULL;
        autofree char *target = bk_format("/launches?living=%d%s", cmd_switch(args, "all") ? 0 : 1, image == NULL ? "" : image);
        struct bk_error err = { 0 };
        json_t *answer = NULL, *row;
        size_t i;

        if (cmd_api(args, "GET", target, NULL, &answer, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json")) {
                cmd_print_json(answer);
                return 0;
        }
        json_array_foreach(json_object_get(answer, "items"), i, row)
                print_launch(row);
        json_array_foreach(json_object_get(answer, "sources"), i, row)
                print_source(row);
        json_decref(answer);
        return 0;
}

/* --- usage scan ------------------------------------------------------------------------ */
static void uris_of(const struct cmd_args *args, struct bk_strv *ret)
{
        const char *given = getenv("BAKERY_LIBVIRT_URIS");

        cmd_values(args, "uri", ret);
        for (const char *p = ret->n > 0 || given == NULL ? "" : given; *p != '\0'; p += strspn(p, ", \t\n")) {
                const size_t length = strcspn(p, ", \t\n");
                autofree char *uri = bk_strndup(p, length);

                if (length > 0)
                        bk_strv_add(ret, uri);
                p += length;
        }
        if (ret->n == 0)
                bk_strv_add(ret, DEFAULT_URI);
}

/* A driver that cannot be asked is reported, too: what it told before stays, and is known to be old. */
static int scan(const struct cmd_args *args, const char *uri, bool *ret_failed, struct bk_error *err)
{
        const int timeout = (int)cmd_number(args, "timeout", 1, TIMEOUT_S) * 1000;
        autofree char *source = bk_format("libvirt:%s", uri), *target = cmd_target("/usage/%s", source);
        json_t *items = NULL, *report, *answer = NULL;
        struct bk_error why = { 0 };

        if (reg_usage_libvirt(uri, timeout, &items, &why) < 0) {
                (void)fprintf(stderr, "bakery: error: %s\n", why.text);
                *ret_failed = true;
                report = json_pack("{s:s}", "error", why.text);
        } else {
                report = json_pack("{s:o}", "items", items);
        }
        if (report == NULL || cmd_api(args, "PUT", target, report, &answer, err) < 0)
                return report == NULL ? bk_fail(err, BK_INTERNAL, "a report cannot be written") : -1;
        if (why.kind == BK_NONE)
                printf("%s: %lld domains on layers, %lld references to images\n", uri,
                       (long long)json_integer_value(json_object_get(answer, "instances")),
                       (long long)json_integer_value(json_object_get(answer, "references")));
        json_decref(answer);
        return 0;
}

static int run_scan(const struct cmd_args *args)
{
        autostrv struct bk_strv uris = { 0 };
        struct bk_error err = { 0 };
        bool failed = false;

        uris_of(args, &uris);
        for (size_t i = 0; i < uris.n; i++)
                if (scan(args, uris.v[i], &failed, &err) < 0)
                        return cmd_fail(&err);
        return failed ? bk_kind_exit_code(BK_INFRA) : 0;
}

/* --- usage report ---------------------------------------------------------------------- */
/* "INSTANCE IMAGE [NAME]"; 0: a line without anything. */
static int item_of(const char *line, size_t length, json_t *items, struct bk_error *err)
{
        static const char blanks[] = " \t\r";
        static const char *const keys[WORDS_MOST] = { "instance", "image", "name" };
        autofree char *text = bk_strndup(line, length);
        json_t *item = json_object();
        char *save = NULL;
        int n = 0;

        text[strcspn(text, "#")] = '\0';
        for (char *word = strtok_r(text, blanks, &save); word != NULL; word = strtok_r(NULL, blanks, &save), n++)
                if (n < WORDS_MOST)
                        (void)json_object_set_new(item, keys[n], json_string(word));
        if (n == 2 || n == WORDS_MOST)
                (void)json_array_append(items, item);
        json_decref(item);
        return n == 0 || n == 2 || n == WORDS_MOST ? 0 : bk_fail(err, BK_INVALID, "a line is INSTANCE IMAGE [NAME], not '%.*s'", (int)length, line);
}

/* Lines, or the JSON that the registry takes. */
static int read_report(const char *path, json_t **ret, struct bk_error *err)
{
        const bool input = bk_streq(path, "-");
        json_error_t why = { 0 };
        autofree char *text = NULL;
        json_t *items;

        if ((input ? bk_read_fd(STDIN_FILENO, REPORT_MOST, &text, NULL, err) : bk_read_file(path, REPORT_MOST, &text, NULL, err)) < 0)
                return -1;
        if (text[strspn(text, " \t\r\n")] == '{') {
                *ret = json_loads(text, JSON_REJECT_DUPLICATES, &why);
                return *ret != NULL ? 0 : bk_fail(err, BK_INVALID, "'%s', line %d: %s", path, why.line, why.text);
        }
        items = json_array();
        for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line != '\0')
                if (item_of(line, strcspn(line, "\n"), items, err) < 0) {
                        json_decref(items);
                        return bk_wrap(err, "'%s'", path);
                }
        if (json_array_size(items) == 0) {
                json_decref(items);
                return bk_fail(err, BK_INVALID, "'%s' has no line; where nothing uses an image any more, write {\"items\": []}", path);
        }
        *ret = json_pack("{s:o}", "items", items);
        return 0;
}

static int run_report(const struct cmd_args *args)
{
        autofree char *target = cmd_target("/usage/%s", args->operands.v[0]);
        json_t *report = NULL, *answer = NULL;
        struct bk_error err = { 0 };
        long long unknown;

        if (read_report(args->operands.v[1], &report, &err) < 0 || cmd_api(args, "PUT", target, report, &answer, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json")) {
                cmd_print_json(answer);
                return 0;
        }
        unknown = json_integer_value(json_object_get(answer, "unknown"));
        if (json_object_get(answer, "error") == NULL)
                printf("%s: %lld instances, %lld references to images\n", args->operands.v[0],
                       (long long)json_integer_value(json_object_get(answer, "instances")),
                       (long long)json_integer_value(json_object_get(answer, "references")));
        if (unknown > 0)
                (void)fprintf(stderr, "bakery: warning: %lld are of images that are not here\n", unknown);
        json_decref(answer);
        return 0;
}

const struct cmd cmd_usage = {
        "usage", "[IMAGE]", 0, 1, "show who uses images",
        "Instances that were reported, that phoned home, and that `bakery usage scan` found; and how fresh each of these sources is.",
        CMD_FLAGS(usage_flags), run_usage,
};
const struct cmd cmd_usage_scan = {
        "usage scan", "", 0, 0, "ask libvirt which domains use images",
        "A domain uses an image when a disk of it is the image's layer, or lies on it, running or not. What a driver no longer names has ended; one "
        "that "
        "cannot be asked keeps what it told before, and the exit code is 6.",
        CMD_FLAGS(scan_flags), run_scan,
};
const struct cmd cmd_usage_report = {
        "usage report", "SOURCE FILE", 2, 2, "tell what a source knows of who uses images",
        "All of it at once, such as what is assigned to machines that boot from the network: lines INSTANCE IMAGE [NAME], or JSON {\"items\": "
        "[{\"instance\", \"image\", \"name\", \"detail\"}]}. \"-\" is the standard input. What the source named before and names no more has ended.",
        CMD_FLAGS(report_flags), run_report,
};
