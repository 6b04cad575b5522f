/* advisory import and show. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "bakery/cmd/api.h"
#include "bakery/cmd/listing.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "registry/advisory.h"

static const struct cmd_flag import_flags[] = {
        { "json", NULL, false, "JSON" },
};
static const struct cmd_flag show_flags[] = {
        { "in-use", NULL, false, "only images that head a channel or are launched, and their ancestors" },
        { "json", NULL, false, "JSON" },
};

/* --- import ------------------------------------------------------------------------- */
enum { BATCH_BYTES = 2 << 20, BATCH_ITEMS = 2000, DEPTH_MOST = 8 };
static const char *const counted[] = { "new", "changed", "same", "refused", "dropped", "images" };
enum { COUNTED = sizeof counted / sizeof *counted };

/* What is sent next. One import is many requests, so that neither side has more than a batch in memory. */
struct import {
        const struct cmd_args *args;
        char *name;
        enum reg_advisory_format format;
        json_t *items;
        size_t bytes, n;
        bool tracker;                   /* it was seen, whole as it always is */
        json_int_t count[COUNTED];
        char *refusal;
};

static void import_done(struct import *import)
{
        json_decref(import->items);
        free(import->name);
        free(import->refusal);
}

static int send(struct import *import, bool last, struct bk_error *err)
{
        const bool debian = import->format == REG_DEBIAN_TRACKER;
        json_t *answer = NULL, *body;
        const char *refusal;

        if (import->items == NULL)
                import->items = debian ? json_object() : json_array();
        body = json_pack("{s:s, s:s, s:o, s:b, s:b}", "format", debian ? "debian" : "osv", "import", import->name,
                         "items", bk_take(import->items), "last", last, "complete", last && debian);
        import->bytes = import->n = 0;
        if (cmd_api(import->args, "POST", "/advisories", body, &answer, err) < 0)
                return -1;
        for (int i = 0; i < COUNTED; i++)
                import->count[i] += json_integer_value(json_object_get(answer, counted[i]));
        refusal = json_string_value(json_object_get(answer, "refusal"));
        if (refusal != NULL && import->refusal == NULL)
                import->refusal = bk_strdup(refusal);
        json_decref(answer);
        return 0;
}

static int make_room(struct import *import, enum reg_advisory_format format, size_t bytes, struct bk_error *err)
{
        if (import->n > 0 && (import->format != format || import->n == BATCH_ITEMS || import->bytes + bytes > BATCH_BYTES) &&
            send(import, false, err) < 0)
                return -1;
        import->format = format;
        if (import->items == NULL)
                import->items = format == REG_DEBIAN_TRACKER ? json_object() : json_array();
        import->bytes += bytes;
        import->n++;
        return 0;
}

/* A package may have more issues than a batch holds. */
static int take_package(struct import *import, const char *package, json_t *issues, size_t bytes, struct bk_error *err)
{
        const size_t each = json_object_size(issues) > 0 ? bytes / json_object_size(issues) : 0;
        const char *name;
        json_t *issue;

        import->tracker = true;
        json_object_foreach(issues, name, issue) {
                json_t *of;

                if (make_room(import, REG_DEBIAN_TRACKER, each, err) < 0)
                        return -1;
                of = json_object_get(import->items, package);
                if (of == NULL) {
                        of = json_object();
                        (void)json_object_set_new(import->items, package, of);
                }
                (void)json_object_set(of, name, issue);
        }
        return 0;
}

static int take_osv(struct import *import, json_t *json, size_t bytes, struct bk_error *err)
{
        json_t *list = reg_osv_list(json), *item;
        const size_t each = json_array_size(list) > 0 ? bytes / json_array_size(list) : 0;
        int status = 0;
        size_t i;

        json_array_foreach(list, i, item) {
                status = make_room(import, REG_OSV, each, err);
                if (status < 0)
                        break;
                (void)json_array_append(import->items, item);
        }
        json_decref(list);
        return status;
}

static int take(void *arg, const struct reg_piece *piece, struct bk_error *err)
{
        struct import *import = arg;
        json_error_t why;
        json_t *json = json_loadb(piece->text, piece->length, JSON_ALLOW_NUL, &why);
        int status;

        if (json == NULL)
                return bk_fail(err, BK_INVALID, "%s%s%s", piece->key ? piece->key : "", piece->key ? ": " : "", why.text);
        if (piece->format == REG_DEBIAN_TRACKER) {
                status = take_package(import, piece->key, json, piece->length, err);
        } else {
                status = take_osv(import, json, piece->length, err);
        }
        json_decref(json);
        return status;
}

static int split_bytes(void *arg, const char *bytes, size_t length, struct bk_error *err)
{
        return reg_split(arg, bytes, length, err);
}

/* Each file of an archive is one by itself. */
static int split_end(void *arg, struct bk_error *err)
{
        struct reg_splitter *splitter = arg;
        const int status = reg_split_end(splitter, err);

        reg_splitter_done(splitter);
        *splitter = (struct reg_splitter){ .take = splitter->take, .arg = splitter->arg };
        return status;
}

static int import_fd(struct import *import, int fd, struct bk_error *err)
{
        BK_CLEANUP(reg_splitter_done) struct reg_splitter splitter = { .take = take, .arg = import };

        return reg_unpack(fd, &(struct reg_unpacker){ .take = split_bytes, .end = split_end, .arg = &splitter }, err);
}

static bool is_file_of_advisories(const char *name)
{
        static const char *const ends[] = { ".json", ".json.gz", ".zip", ".tar", ".tar.gz", ".tgz" };
        const size_t length = strlen(name);

        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
                if (length > strlen(ends[i]) && bk_streq(name + length - strlen(ends[i]), ends[i]))
                        return true;
        return false;
}

static int import_path(struct import *import, const char *path, unsigned depth, struct bk_error *err);

static int import_folder(struct import *import, const char *path, unsigned depth, struct bk_error *err)
{
        struct dirent **names = NULL;
        const int n = scandir(path, &names, NULL, alphasort);
        int status = 0;

        if (n < 0)
                return bk_fail_errno(err, "cannot list '%s'", path);
        for (int i = 0; i < n; i++) {
                autofree char *full = bk_format("%s/%s", path, names[i]->d_name);
                struct stat st;

                if (status == 0 && *names[i]->d_name != '.' && stat(full, &st) == 0 && (S_ISDIR(st.st_mode) || is_file_of_advisories(full)))
                        status = import_path(import, full, depth + 1, err);
                free(names[i]);
        }
        free(names);
        return status;
}

static int import_path(struct import *import, const char *path, unsigned depth, struct bk_error *err)
{
        autoclose int fd = bk_streq(path, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return bk_fail_errno(err, "cannot open '%s'", path);
        if (S_ISDIR(st.st_mode))
                return depth < DEPTH_MOST ? import_folder(import, path, depth, err) :
                                            bk_fail(err, BK_INVALID, "'%s' is in too many folders; they may go in circles", path);
        if (import_fd(import, fd, err) < 0)
                return bk_wrap(err, "'%s'", path);
        return 0;
}

static void print_result(const struct import *import)
{
        json_t *json = json_object();

        for (int i = 0; i < COUNTED; i++)
                (void)json_object_set_new(json, counted[i], json_integer(import->count[i]));
        if (cmd_switch(import->args, "json")) {
                cmd_print_line(json);
        } else {
                printf("%lld new, %lld changed, %lld as before, %lld dropped; %lld images concerned\n", (long long)import->count[0],
                       (long long)import->count[1], (long long)import->count[2], (long long)import->count[4], (long long)import->count[5]);
                if (import->count[3] > 0)
                        (void)fprintf(stderr, "bakery: warning: %lld were refused, first: %s\n", (long long)import->count[3],
                                      import->refusal ? import->refusal : "");
        }
        json_decref(json);
}

static int run_import(const struct cmd_args *args)
{
        BK_CLEANUP(import_done) struct import import = { .args = args };
        autofree char *when = bk_iso_time(time(NULL)), *random = bk_random_name();
        struct bk_error err = { 0 };

        import.name = bk_format("%s-%s", when, random);
        for (size_t i = 0; i < args->operands.n; i++)
                if (import_path(&import, args->operands.v[i], 0, &err) < 0)
                        return cmd_fail(&err);
        /* The tracker always tells everything: what it no longer has is over. OSV's withdraws by name. */
        if (import.tracker && import.format != REG_DEBIAN_TRACKER) {
                if (send(&import, false, &err) < 0)
                        return cmd_fail(&err);
                import.format = REG_DEBIAN_TRACKER;
        }
        if (send(&import, true, &err) < 0)
                return cmd_fail(&err);
        print_result(&import);
        return 0;
}

/* --- show ------------------------------------------------------------------------------- */
static void print_advisory(const json_t *advisory)
{
        static const char *const shown[] = { "advisory", "feed", "severity", "vector", "published", "modified", "withdrawn", "summary" };
        const json_t *score = json_object_get(advisory, "score");
        size_t i, k;
        const json_t *row, *event;

        for (i = 0; i < sizeof shown / sizeof *shown; i++)
                if (json_is_string(json_object_get(advisory, shown[i]))) {
                        autofree char *text = cmd_shown(advisory, shown[i]);

                        printf("%-11s %s\n", shown[i], text);
                }
        if (json_is_number(score))
                printf("%-11s %.1f\n", "score", json_number_value(score));
        json_array_foreach(json_object_get(advisory, "aliases"), i, row)
                printf("%-11s %s\n", "alias", json_string_value(row));
        json_array_foreach(json_object_get(advisory, "affected"), i, row) {
                autofree char *os = cmd_shown(row, "os"), *name = cmd_shown(row, "name"), *ecosystem = cmd_shown(row, "ecosystem");

                printf("%-11s %s %s, %s", "affected", bk_streq(os, "-") ? ecosystem : os, name, json_string_value(json_object_get(row, "severity")));
                json_array_foreach(json_object_get(row, "events"), k, event) {
                        const char *key = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)event));
                        autofree char *version = cmd_shown(event, key);

                        printf(", %s %s", key, version);
                }
                printf("\n");
        }
        printf("\n");
}

struct showing { bool json, started; };

static bool take_page(void *arg, json_t *page)
{
        struct showing *showing = arg;
        size_t i, k;
        const json_t *row, *package;

        if (showing->json) {
                cmd_print_line(page);
                return true;
        }
        if (!showing->started)
                json_array_foreach(json_object_get(page, "advisories"), i, row)
                        print_advisory(row);
        showing->started = true;
        json_array_foreach(json_object_get(page, "items"), i, row) {
                autofree char *id = cmd_shown(row, "id"), *name = cmd_shown(row, "name"), *state = cmd_shown(row, "state");

                printf("%.19s  %-24s %-10s %-6s ", id, name, state, json_is_true(json_object_get(row, "in_use")) ? "in use" : "");
                json_array_foreach(json_object_get(row, "packages"), k, package) {
                        json_t *wrapped = json_pack("{s:O}", "p", package);
                        autofree char *text = cmd_shown(wrapped, "p");

                        printf("%s%s", k == 0 ? " " : ", ", text);
                        json_decref(wrapped);
                }
                printf("\n");
        }
        return true;
}

static int run_show(const struct cmd_args *args)
{
        struct showing showing = { .json = cmd_switch(args, "json") };
        autofree char *base = cmd_target("/advisories/%s?limit=1000", args->operands.v[0]);
        autofree char *target = bk_format("%s%s", base, cmd_switch(args, "in-use") ? "&in_use=1" : "");
        struct bk_error err = { 0 };

        return cmd_pages(args, target, take_page, &showing, &err) < 0 ? cmd_fail(&err) : 0;
}

const struct cmd cmd_advisory_import = {
        "advisory import", "FILE...", 1, -1, "read advisories, and match them with all images",
        "A FILE is an advisory in OSV's JSON, a list of them, many one behind the other, what OSV's API answers, the Debian security tracker's JSON "
        "(https://security-tracker.debian.org/tracker/data/json), a zip or tar file of such (OSV's all.zip), either compressed by gzip, or a folder "
        "of such files; '-' is standard input. What was imported before and is the same is left alone. The tracker's file is taken as the "
        "whole truth: issues that it no longer has are dropped. Images that are concerned now, or no longer, get an event each.",
        CMD_FLAGS(import_flags), run_import,
};
const struct cmd cmd_advisory_show = {
        "advisory show", "ADVISORY", 1, 1, "show an advisory and the images that it concerns",
        "ADVISORY is a name, such as CVE-2024-5535 or DSA-5764-1, or an alias of it.", CMD_FLAGS(show_flags), run_show,
};
