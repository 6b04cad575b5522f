/* usage, usage scan: who uses images, as launches were reported and as libvirt tells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bakery/cmd/life.h"
#include "bakery/cmd/listing.h"
#include "lib/cleanup.h"
#include "registry/usage.h"

#define DEFAULT_URI "qemu:///system"
enum { TIMEOUT_S = 60 };

static const struct cmd_flag usage_flags[] = {
        { "all", NULL, false, "also what has ended" },
        CMD_JSON_FLAG,
};
static const struct cmd_flag scan_flags[] = {
        { "uri", "URI", true, "libvirt driver to ask, instead of those in BAKERY_LIBVIRT_URIS, by blanks or commas, or " DEFAULT_URI },
        { "timeout", "SECONDS", false, "how long each may take (60)" },
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
