/* Trees of images. Ten thousand descendants are few lines of code and many of output: looked up by a table, printed with a stack. */
#include "bakery/cmd/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bakery/cmd/print.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

/* By index: the first child, the next sibling; SIZE_MAX: none. */
struct links { size_t *child, *last, *sibling; size_t n; };
#define NONE SIZE_MAX

void cmd_tree_done(struct cmd_tree *tree)
{
        json_decref(tree->images);
        tree->images = NULL;
}

void cmd_tree_add(struct cmd_tree *tree, json_t *image)
{
        if (tree->images == NULL)
                tree->images = json_array();
        (void)json_array_append(tree->images, image);
}

int cmd_tree_take(void *tree, json_t *page)
{
        json_t *image;
        size_t i;

        json_array_foreach(json_object_get(page, "items"), i, image)
                cmd_tree_add(tree, image);
        return 0;
}

static int older(const void *a, const void *b)
{
        json_t *const *x = a, *const *y = b;
        const json_int_t i = json_integer_value(json_object_get(*x, "sequence")), j = json_integer_value(json_object_get(*y, "sequence"));

        return (i > j) - (i < j);
}

static void link_child(struct links *links, size_t parent, size_t child)
{
        if (links->child[parent] == NONE)
                links->child[parent] = child;
        else
                links->sibling[links->last[parent]] = child;
        links->last[parent] = child;
}

/* n stands for the root above all. */
static void link_all(json_t *const *images, size_t n, struct links *links)
{
        json_t *index = json_object();

        *links = (struct links){ bk_alloc((n + 1) * sizeof(size_t)), bk_alloc((n + 1) * sizeof(size_t)), bk_alloc((n + 1) * sizeof(size_t)), n };
        for (size_t i = 0; i <= n; i++)
                links->child[i] = links->last[i] = links->sibling[i] = NONE;
        for (size_t i = 0; i < n; i++)
                (void)json_object_set_new(index, cmd_string(images[i], "id"), json_integer((json_int_t)i));
        for (size_t i = 0; i < n; i++) {
                const json_t *ancestor = json_object_get(index, cmd_string(images[i], "ancestor"));

                link_child(links, ancestor != NULL ? (size_t)json_integer_value(ancestor) : n, i);
        }
        json_decref(index);
}

static void print_image(const char *stem, const json_t *image)
{
        autofree char *name = cmd_member(image, "name"), *type = cmd_member(image, "type");
        autofree char *size = cmd_size((uint64_t)json_integer_value(json_object_get(image, "size")));
        const char *freshness = cmd_string(image, "freshness");

        printf("%s%s  %.19s  %s  %s  %s  %s%s%s\n", stem, name, cmd_string(image, "id"), type, cmd_string(image, "state"), size,
               cmd_string(image, "created_at"), *freshness == '\0' ? "" : "  ", freshness);
}

/* Every line begins with what its ancestors drew: "|  " while they have siblings to come. Deep lineages are long lines, not deep calls. */
static void print_links(json_t *const *images, const struct links *links)
{
        struct bk_buf stem = { 0 };
        size_t *stack = bk_alloc((links->n + 1) * sizeof *stack), depth = 0, at = links->child[links->n];

        bk_buf_putc(&stem, ' ');
        stem.len = 0;
        while (at != NONE || depth > 0) {
                if (at == NONE) {
                        at = links->sibling[stack[--depth]];
                        stem.len = depth > 1 ? 3 * (depth - 1) : 0;
                        continue;
                }
                stem.data[stem.len] = '\0';
                if (depth > 0)
                        bk_buf_puts(&stem, links->sibling[at] != NONE ? "|- " : "`- ");
                print_image(stem.data, images[at]);
                if (depth > 0) {
                        stem.len -= 3;
                        bk_buf_puts(&stem, links->sibling[at] != NONE ? "|  " : "   ");
                }
                stack[depth++] = at;
                at = links->child[at];
        }
        free(stack);
        bk_buf_done(&stem);
}

void cmd_tree_print(const struct cmd_tree *tree)
{
        const size_t n = json_array_size(tree->images);
        json_t **images = bk_alloc((n + 1) * sizeof *images);
        struct links links;

        for (size_t i = 0; i < n; i++)
                images[i] = json_array_get(tree->images, i);
        qsort(images, n, sizeof *images, older);
        link_all(images, n, &links);
        print_links(images, &links);
        free(links.child);
        free(links.last);
        free(links.sibling);
        free(images);
}
