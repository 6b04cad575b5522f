/* What a body may have: checked for HCL, and needed to tell blocks from arguments in JSON. */
#include "lib/hcl_priv.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

static const struct bk_hcl_type *find_type(const struct bk_hcl_schema *schema, const char *name)
{
        for (const struct bk_hcl_type *type = schema->types; type != NULL && type->name != NULL; type++)
                if (strcmp(type->name, name) == 0)
                        return type;
        return NULL;
}

static bool has_argument(const struct bk_hcl_schema *schema, const char *name)
{
        for (const char *const *word = schema->arguments; *word != NULL; word++)
                if (strcmp(*word, name) == 0)
                        return true;
        return false;
}

/* All the words that the schema knows, each once. */
static void list_words(const struct bk_hcl_schema *schema, struct bk_strv *ret)
{
        for (const char *const *word = schema->arguments; *word != NULL; word++)
                bk_strv_add(ret, *word);
        for (const struct bk_hcl_type *type = schema->types; type != NULL && type->name != NULL; type++)
                if (!has_argument(schema, type->name))
                        bk_strv_add(ret, type->name);
}

/* What to say of a word that is not known; the caller's. */
static char *say_unknown(const struct bk_hcl_schema *schema, const char *word)
{
        autostrv struct bk_strv words = { 0 };
        struct bk_buf text = { 0 };
        const char *nearest;

        list_words(schema, &words);
        nearest = bk_nearest(word, (const char *const *)words.v, words.n);
        bk_buf_printf(&text, "%s has no '%.60s'; ", schema->what, word);
        if (nearest != NULL)
                bk_buf_printf(&text, "did you mean '%s'?", nearest);
        for (size_t i = 0; nearest == NULL && i < words.n; i++)
                bk_buf_printf(&text, "%s%s", i == 0 ? "it may have " : i + 1 < words.n ? ", " : " and ", words.v[i]);
        return bk_buf_finish(&text);
}

static int check_argument(const struct bk_doc *argument, const struct bk_hcl_schema *schema, struct bk_error *err)
{
        autofree char *unknown = NULL;

        if (has_argument(schema, argument->key))
                return 0;
        if (find_type(schema, argument->key) != NULL)
                return bk_doc_fail_key(err, argument, "'%s' is a block: write '%s { ... }', without '='", argument->key, argument->key);
        unknown = say_unknown(schema, argument->key);
        return bk_doc_fail_key(err, argument, "%s", unknown);
}

static int check_block(const struct bk_hcl_block *block, const struct bk_hcl_schema *schema, struct bk_error *err)
{
        const struct bk_hcl_type *type = find_type(schema, block->type);
        autofree char *unknown = NULL;

        if (type == NULL) {
                if (has_argument(schema, block->type))
                        return bk_hcl_fail(err, block, "'%s' is an argument: write '%s = VALUE'", block->type, block->type);
                unknown = say_unknown(schema, block->type);
                return bk_hcl_fail(err, block, "%s", unknown);
        }
        if (block->labels->n > type->labels)
                return bk_doc_fail(err, block->labels->items[type->labels], "'%s' takes no more names; found \"%.60s\" besides", type->name,
                                   block->labels->items[type->labels]->text);
        if (block->labels->n < type->labels)
                return bk_hcl_fail(err, block, "'%s' needs a name: write '%s \"NAME\" { ... }'", type->name, type->name);
        return bk_hcl_check(&block->body, type->body, err);
}

static int check_once(const struct bk_hcl_body *body, const struct bk_hcl_schema *schema, struct bk_error *err)
{
        for (const struct bk_hcl_type *type = schema->types; type != NULL && type->name != NULL; type++) {
                const struct bk_hcl_block *first = NULL;

                for (size_t i = 0; type->once && i < body->n_blocks; i++) {
                        if (strcmp(body->blocks[i]->type, type->name) != 0)
                                continue;
                        if (first != NULL)
                                return bk_hcl_fail(err, body->blocks[i], "%s has one block '%s' at most; the first one is on line %u", schema->what,
                                                   type->name, first->line);
                        first = body->blocks[i];
                }
        }
        return 0;
}

int bk_hcl_check(const struct bk_hcl_body *body, const struct bk_hcl_schema *schema, struct bk_error *err)
{
        for (size_t i = 0; i < body->arguments->n; i++)
                if (check_argument(body->arguments->items[i], schema, err) < 0)
                        return -1;
        for (size_t i = 0; i < body->n_blocks; i++)
                if (check_block(body->blocks[i], schema, err) < 0)
                        return -1;
        return check_once(body, schema, err);
}

/* --- JSON ------------------------------------------------------------------------------------ */
static int copy_value(const struct bk_doc *from, const char *file, struct bk_doc *into, struct bk_error *err)
{
        into->kind = from->kind;
        into->line = from->line;
        into->column = from->column;
        into->key = bk_strdup(from->key);
        into->key_line = from->key_line;
        into->key_column = from->key_column;
        into->truth = from->truth;
        into->text_len = from->text_len;
        if (from->text != NULL) {
                into->text = bk_alloc(from->text_len + 1);
                memcpy(into->text, from->text, from->text_len);
        }
        for (size_t i = 0; i < from->n; i++)
                if (copy_value(from->items[i], file, bk_doc_add(file, into), err) < 0)
                        return -1;
        return into->kind == BK_DOC_STRING ? bk_hcl_unescape_markers(into, err) : 0;
}

/* The labels that lead to a block: what is still to be read is a member of the value. */
struct path { const struct bk_doc *label; const struct path *before; unsigned n; };

static void add_labels(const struct path *path, struct bk_doc *labels)
{
        struct bk_doc *label;

        if (path->before == NULL)
                return;
        add_labels(path->before, labels);
        label = bk_doc_add(labels->file, labels);
        label->kind = BK_DOC_STRING;
        label->text = bk_strdup(path->label->key);
        label->text_len = strlen(label->text);
        label->line = path->label->key_line;
        label->column = path->label->key_column;
}

static int blocks_of(const struct bk_doc *value, const struct bk_hcl_type *type, const struct path *path, struct bk_hcl_body *into,
                     struct bk_error *err)
{
        struct bk_hcl_block *block;

        if (value->kind == BK_DOC_ARRAY) {
                for (size_t i = 0; i < value->n; i++)
                        if (value->items[i]->kind == BK_DOC_ARRAY || blocks_of(value->items[i], type, path, into, err) < 0)
                                return value->items[i]->kind != BK_DOC_ARRAY ? -1 :
                                       bk_doc_fail(err, value->items[i], "expected an object, the body of '%s', found an array", type->name);
                return 0;
        }
        if (value->kind != BK_DOC_OBJECT)
                return bk_doc_fail(err, value, "expected an object, the body of '%s', found %s", type->name, bk_doc_kind_name(value->kind));
        if (path->n < type->labels) {
                for (size_t i = 0; i < value->n; i++) {
                        const struct path next = { value->items[i], path, path->n + 1 };

                        if (strcmp(value->items[i]->key, "//") != 0 && blocks_of(value->items[i], type, &next, into, err) < 0)
                                return -1;
                }
                return 0;
        }
        block = bk_hcl_body_add(into, bk_strdup(type->name), path->label->key_line, path->label->key_column);
        add_labels(path, block->labels);
        return bk_hcl_of_doc(value, type->body, &block->body, err);
}

static int member_of(const struct bk_doc *member, const struct bk_hcl_schema *schema, struct bk_hcl_body *into, struct bk_error *err)
{
        const struct bk_hcl_type *type = find_type(schema, member->key);
        const struct path path = { .label = member };
        const bool nested = member->kind == BK_DOC_OBJECT || member->kind == BK_DOC_ARRAY;

        if (strcmp(member->key, "//") == 0)             /* a comment, as HCL's JSON syntax has it */
                return 0;
        if (type != NULL && (nested || !has_argument(schema, member->key)))
                return blocks_of(member, type, &path, into, err);
        return copy_value(member, into->file, bk_doc_add(into->file, into->arguments), err);
}

int bk_hcl_of_doc(const struct bk_doc *doc, const struct bk_hcl_schema *schema, struct bk_hcl_body *into, struct bk_error *err)
{
        for (size_t i = 0; i < doc->n; i++)
                if (member_of(doc->items[i], schema, into, err) < 0)
                        return -1;
        return 0;
}
