/* image lineage: what an image stands on, what stands on it, and whether its ancestors are still the ones to stand on. */
#include <stdio.h>
#include <string.h>

#include "bakery/cmd/api.h"
#include "bakery/cmd/print.h"
#include "bakery/cmd/tree.h"
#include "lib/cleanup.h"
#include "lib/publish.h"

static const struct cmd_flag lineage_flags[] = {
        { "json", NULL, false, "JSON: an array from the oldest ancestor to the image" },
        { "tree", NULL, false, "descendants, too" },
        { "svg", "FILE", false, "write it as a picture" },
};

static void drop(json_t **json)
{
        json_decref(*json);
}

static void print_json(const json_t *value)
{
        autofree char *text = json_dumps(value, JSON_INDENT(2));

        printf("%s\n", text ? text : "null");
}

static void print_line(const json_t *items)
{
        const json_t *item;
        size_t i;

        json_array_foreach(items, i, item) {
                autofree char *name = cmd_member(item, "name"), *type = cmd_member(item, "type");
                autofree char *size = cmd_size((uint64_t)json_integer_value(json_object_get(item, "size")));

                printf("%*s%s%s  %.19s  %s  %s  %s  %s  %s\n", (int)(i > 0 ? 3 * (i - 1) : 0), "", i > 0 ? "`- " : "", name,
                       cmd_string(item, "id"), type, cmd_string(item, "state"), size, cmd_string(item, "created_at"), cmd_string(item, "freshness"));
        }
}

/* What the answer means, in words. */
static void print_advice(const json_t *answer)
{
        const json_t *item;
        size_t i;

        json_array_foreach(json_object_get(answer, "items"), i, item)
                if (*cmd_string(item, "newest") != '\0')
                        printf("%s %.19s is out of date: the newest tested of its kind is %.19s\n", cmd_string(item, "name"),
                               cmd_string(item, "id"), cmd_string(item, "newest"));
}

/* Descendants name their ancestor by its sequence; the tree wants its id. */
static int add_descendants(const struct cmd_args *args, const char *reference, struct cmd_tree *tree, struct bk_error *err)
{
        BK_CLEANUP(drop) json_t *ids = json_object();
        autofree char *next = NULL;

        do {
                autofree char *image = bk_http_escape(reference);
                autofree char *target = bk_format("/images/%s/descendants?_limit=10000%s%s", image, next == NULL ? "" : "&_after=",
                                                  next == NULL ? "" : next);
                BK_CLEANUP(drop) json_t *page = NULL;
                json_t *item;
                size_t i;

                if (cmd_api(args, "GET", target, NULL, &page, err) < 0)
                        return -1;
                (void)json_object_set(ids, "self", json_object_get(page, "image"));
                json_array_foreach(json_object_get(page, "items"), i, item) {
                        autofree char *own = bk_format("%lld", (long long)json_integer_value(json_object_get(item, "sequence")));
                        autofree char *above = bk_format("%lld", (long long)json_integer_value(json_object_get(item, "ancestor_sequence")));
                        json_t *ancestor = json_object_get(ids, above);

                        (void)json_object_set(ids, own, json_object_get(item, "id"));
                        (void)json_object_set(item, "ancestor", ancestor != NULL ? ancestor : json_object_get(ids, "self"));
                        cmd_tree_add(tree, item);
                }
                free(next);
                next = bk_strdup(json_string_value(json_object_get(page, "next")));
        } while (next != NULL);
        return 0;
}

static int print_tree(const struct cmd_args *args, const char *reference, const json_t *answer, struct bk_error *err)
{
        BK_CLEANUP(cmd_tree_done) struct cmd_tree tree = { 0 };
        json_t *item;
        size_t i;

        json_array_foreach(json_object_get(answer, "items"), i, item)
                cmd_tree_add(&tree, item);
        if (add_descendants(args, reference, &tree, err) < 0)
                return -1;
        cmd_tree_print(&tree);
        return 0;
}

static int write_picture(const struct cmd_args *args, const char *reference, const char *path, struct bk_error *err)
{
        autofree char *target = cmd_target("/images/%s/lineage.svg", reference), *text = NULL;
        size_t length = 0;

        if (cmd_api_text(args, "GET", target, NULL, &text, &length, err) < 0)
                return -1;
        return bk_publish_bytes(path, text, length, 0644, err);
}

static int run_lineage(const struct cmd_args *args)
{
        const char *reference = args->operands.v[0], *picture = cmd_value(args, "svg");
        autofree char *target = cmd_target("/images/%s/lineage", reference);
        BK_CLEANUP(drop) json_t *answer = NULL;
        struct bk_error err = { 0 };

        if (picture != NULL) {
                if (write_picture(args, reference, picture, &err) < 0)
                        return cmd_fail(&err);
                printf("%s\n", picture);
                return 0;
        }
        if (cmd_api(args, "GET", target, NULL, &answer, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json")) {
                print_json(json_object_get(answer, "items"));
                return 0;
        }
        if (cmd_switch(args, "tree")) {
                if (print_tree(args, reference, answer, &err) < 0)
                        return cmd_fail(&err);
        } else {
                print_line(json_object_get(answer, "items"));
        }
        print_advice(answer);
        return 0;
}

const struct cmd cmd_image_lineage = {
        "image lineage", "IMAGE", 1, 1, "show what an image was baked on",
        "From the oldest ancestor to the image. An ancestor is up-to-date when it is the newest tested image of its kind - the same name, "
        "release, architecture and other identifying attributes -, out-of-date when there is a newer one or it was withdrawn, undetermined "
        "when none of its kind is tested; an image is as fresh as the worst of its ancestors. " CMD_REFERENCES,
        CMD_FLAGS(lineage_flags), run_lineage,
};
