/* The conditions of a rule: a tree, in the order of the file. */
#include "janitor/rules_priv.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"

void janitor_term_done(struct janitor_term *term)
{
        for (size_t i = 0; i < term->n; i++)
                janitor_term_done(&term->items[i]);
        free(term->items);
        free(term->text);
        bk_strv_done(&term->words);
        reg_match_done(term->match);
        *term = (struct janitor_term){ 0 };
}

static int by_place(const void *a, const void *b)
{
        const struct janitor_place *const x = &((const struct janitor_term *)a)->place, *const y = &((const struct janitor_term *)b)->place;

        return x->line != y->line ? (x->line < y->line ? -1 : 1) : x->column < y->column ? -1 : x->column > y->column;
}

static int read_block(const struct bk_hcl_block *block, const char *file, struct janitor_term *ret, struct bk_error *err)
{
        static const struct { const char *name; enum janitor_node node; } groups[] = {
                { "all", JANITOR_ALL }, { "any", JANITOR_ANY }, { "not", JANITOR_NOT },
        };

        ret->place = (struct janitor_place){ file, block->line, block->column };
        for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
                if (strcmp(block->type, groups[i].name) == 0) {
                        if (block->body.n_blocks + block->body.arguments->n == 0)
                                return bk_hcl_fail(err, block, "'%s' is empty; leave it out, or say what must hold", block->type);
                        return janitor_read_when(&block->body, file, groups[i].node, ret, err);
                }
        return janitor_read_hole(block, ret, err);
}

static char *write_group(const struct janitor_term *term)
{
        static const char *const names[] = { [JANITOR_ALL] = "all", [JANITOR_ANY] = "any", [JANITOR_NOT] = "not" };
        struct bk_buf text = { 0 };

        bk_buf_printf(&text, "%s {", names[term->node]);
        for (size_t i = 0; i < term->n; i++)
                bk_buf_printf(&text, "%s %s", i > 0 ? " " : "", term->items[i].text);
        bk_buf_puts(&text, " }");
        return bk_buf_finish(&text);
}

static int read_items(const struct bk_hcl_body *body, const char *file, struct janitor_term *ret, struct bk_error *err)
{
        const struct bk_doc *const by = bk_doc_get(body->arguments, "by");

        if (by != NULL && bk_doc_get(body->arguments, "newest") == NULL)
                return bk_doc_fail_key(err, by, "'by' belongs to 'newest', which is not in these braces");
        for (size_t i = 0; i < body->arguments->n; i++) {
                const struct bk_doc *argument = body->arguments->items[i];
                struct janitor_term *item = &ret->items[ret->n];

                if (argument == by)
                        continue;
                ret->n++;
                item->place = (struct janitor_place){ file, argument->key_line, argument->key_column };
                if (janitor_read_predicate(argument, strcmp(argument->key, "newest") == 0 ? by : NULL, item, err) < 0)
                        return -1;
        }
        for (size_t i = 0; i < body->n_blocks; i++)
                if (read_block(body->blocks[i], file, &ret->items[ret->n++], err) < 0)
                        return -1;
        return 0;
}

int janitor_read_when(const struct bk_hcl_body *body, const char *file, enum janitor_node node, struct janitor_term *ret, struct bk_error *err)
{
        ret->node = node;
        ret->items = bk_alloc((body->arguments->n + body->n_blocks) * sizeof *ret->items);
        if (read_items(body, file, ret, err) < 0)
                return -1;
        qsort(ret->items, ret->n, sizeof *ret->items, by_place);
        ret->text = write_group(ret);
        return 0;
}
