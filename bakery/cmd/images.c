/* images: what a query finds, as a list or as trees. */
#include <stdio.h>
#include <string.h>

#include "bakery/cmd/api.h"
#include "bakery/cmd/print.h"
#include "bakery/cmd/tree.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

enum { PAGE = 1000 };

static const struct cmd_flag images_flags[] = {
        { "json", NULL, false, "JSON Lines, one an image" },
        { "quiet", NULL, false, "print ids only" },
        { "tree", NULL, false, "as trees: each image below its ancestor, where that is listed, too" },
};

/* --- asking ------------------------------------------------------------------------- */
/* What a URL may hold stays; the query's own escapes are among it. */
static void add_raw(struct bk_buf *target, const char *text, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const unsigned char c = (unsigned char)text[i];

                if (c <= 0x20 || c >= 0x7f || strchr("\"#<>?\\^`{|}[]", c) != NULL)
                        bk_buf_printf(target, "%%%02X", (unsigned)c);
                else
                        bk_buf_putc(target, (char)c);
        }
}

/* "base?a=b:(id)" -> "/images;_limit=1000&name=base&a=b:(id)". Behind a "?" two keys would be the server's: index and wait. */
static char *target_of(const char *query, long limit, const char *after, const char *more)
{
        const char *projection = strstr(query, ":(");
        const size_t length = projection != NULL ? (size_t)(projection - query) : strlen(query);
        const size_t name = strcspn(query, "?;:") < length ? strcspn(query, "?;:") : length;
        struct bk_buf target = { 0 };

        bk_buf_printf(&target, "/images;_limit=%ld", limit);
        if (name > 0) {
                bk_buf_puts(&target, "&name=");
                add_raw(&target, query, name);
        }
        if (length > name + 1) {
                bk_buf_putc(&target, '&');
                add_raw(&target, query + name + 1, length - name - 1);
        }
        if (after != NULL)
                bk_buf_printf(&target, "&_after=%s", after);
        bk_buf_puts(&target, more);
        if (projection != NULL)
                add_raw(&target, projection, strlen(projection));
        return bk_buf_finish(&target);
}

/* Page after page until there are as many as the query wants. */
static int pages(const struct cmd_args *args, const char *query, const char *more, int (*take)(void *arg, json_t *page), void *arg,
                 struct bk_error *err)
{
        autofree char *next = NULL;
        int64_t left = -1;

        if (reg_query_limit(query, &left, err) < 0)
                return -1;
        for (bool first = true; first || (next != NULL && left != 0); first = false) {
                autofree char *target = target_of(query, left >= 0 && left < PAGE ? (long)left : PAGE, next, more);
                json_t *page = NULL;

                if (cmd_api(args, "GET", target, NULL, &page, err) < 0)
                        return -1;
                if (first && json_array_size(json_object_get(page, "items")) == 0) {
                        (void)bk_fail(err, BK_NOT_FOUND, "%s", cmd_string(page, "explain"));
                        json_decref(page);
                        return -1;
                }
                if (left >= 0)
                        left -= (int64_t)json_array_size(json_object_get(page, "items"));
                free(next);
                next = bk_strdup(json_string_value(json_object_get(page, "next")));
                take(arg, page);
                json_decref(page);
        }
        return 0;
}

/* --- showing ------------------------------------------------------------------------- */
static void print_json(json_t *value)
{
        autofree char *text = json_dumps(value, JSON_COMPACT);

        printf("%s\n", text ? text : "null");
}

static void print_row(const json_t *image)
{
        autofree char *name = cmd_member(image, "name"), *type = cmd_member(image, "type");
        autofree char *size = cmd_size((uint64_t)json_integer_value(json_object_get(image, "size")));
        autofree char *attributes = cmd_attributes(json_object_get(image, "attributes"));
        autofree char *state = bk_format("%s%s", cmd_string(image, "state"), json_is_true(json_object_get(image, "hidden")) ? ", hidden" : "");

        printf("%.19s  %-24s %-12s %-10s %9s  %-20s  %s\n", cmd_string(image, "id"), name, type, state, size,
               cmd_string(image, "created_at"), attributes);
}

/* Columns of a projection, as wide as the widest of the page. */
static void print_projected(const json_t *items, bool head)
{
        size_t width[128] = { 0 }, i, column;
        const json_t *row, *value;
        const char *key;

        for (int round = 0; round < 2; round++) {
                json_array_foreach(items, i, row) {
                        column = 0;
                        if (i == 0 && round == 1 && head)
                                json_object_foreach((json_t *)row, key, value) {
                                        const bool last = column + 1 == json_object_size(row);

                                        printf("%-*s%s", last ? 0 : (int)width[column], key, last ? "\n" : "  ");
                                        column++;
                                }
                        column = 0;
                        json_object_foreach((json_t *)row, key, value) {
                                autofree char *text = cmd_plain(value);
                                const bool last = column + 1 == json_object_size(row);
                                const size_t wide = strlen(text) > strlen(key) ? strlen(text) : strlen(key);

                                if (round == 1)
                                        printf("%-*s%s", last ? 0 : (int)width[column], text, last ? "\n" : "  ");
                                else if (column < 128 && wide > width[column])
                                        width[column] = wide > 80 ? 80 : wide;
                                column++;
                        }
                }
        }
}

struct list { const struct cmd_args *args; bool projected, begun; };

static int print_page(void *arg, json_t *page)
{
        struct list *list = arg;
        json_t *items = json_object_get(page, "items"), *image;
        const bool json = cmd_switch(list->args, "json"), quiet = cmd_switch(list->args, "quiet");
        size_t i;

        if (!json && !quiet && list->projected) {
                print_projected(items, !list->begun);
        } else {
                if (!json && !quiet && !list->begun)
                        printf("%-19s  %-24s %-12s %-10s %9s  %-20s  %s\n", "IMAGE", "NAME", "TYPE", "STATE", "LAYER", "BAKED", "ATTRIBUTES");
                json_array_foreach(items, i, image)
                        if (json)
                                print_json(image);
                        else if (quiet)
                                printf("%s\n", cmd_string(image, "id"));
                        else
                                print_row(image);
        }
        list->begun = true;
        return 0;
}

static int run_images(const struct cmd_args *args)
{
        const char *query = args->operands.n ? args->operands.v[0] : "?";
        const bool tree = cmd_switch(args, "tree");
        struct list list = { .args = args, .projected = strstr(query, ":(") != NULL || strstr(query, "_fields") != NULL };
        BK_CLEANUP(cmd_tree_done) struct cmd_tree trees = { 0 };
        struct bk_error err = { 0 };
        const char *fields = tree ? "&_fields=sequence,id,name,type,state,ancestor,size,created_at" : cmd_switch(args, "quiet") ? "&_fields=id" : "";

        if ((tree ? pages(args, query, fields, cmd_tree_take, &trees, &err) : pages(args, query, fields, print_page, &list, &err)) < 0)
                return cmd_fail(&err);
        if (tree)
                cmd_tree_print(&trees);
        return 0;
}

const struct cmd cmd_images = {
        "images", "[QUERY]", 0, 1, "list images",
        "A query is name?key=value&key=value; keys are attributes and id, type, state, application, channel, package, layer, ancestor, size, "
        "virtual_size, sequence, created_at, created_by, created_on. Besides = and != there are <, <=, > and >= for versions, dates and numbers, "
        "and ~ and !~ for patterns; several values by comma mean any of them; value* is a prefix; a key alone means that it is there. "
        "state=tested also finds promoted images; without state, images that are deprecated, revoked or in the trash are left out. "
        "_latest gives the newest only, _limit=N that many, _sort=key,-key orders, _at=TIME asks the past, :(id,release) behind it all names "
        "columns. docs/registry.md has the whole of it. No match is an error (exit code 1).",
        CMD_FLAGS(images_flags), run_images,
};
