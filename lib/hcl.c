/* HCL's bodies: arguments and blocks. That the text is UTF-8 without control characters is looked at first, so that nothing
 * after it has to. */
#include "lib/hcl_priv.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/utf8.h"

static int read_body(struct bk_reader *in, struct bk_hcl_body *body, const struct bk_place *open);

void bk_hcl_body_begin(struct bk_hcl_body *body, const char *file, unsigned line, unsigned column)
{
        *body = (struct bk_hcl_body){ .file = file, .line = line, .column = column, .arguments = bk_alloc(sizeof *body->arguments) };
        body->arguments->kind = BK_DOC_OBJECT;
        body->arguments->file = file;
        body->arguments->line = line;
        body->arguments->column = column;
}

void bk_hcl_body_done(struct bk_hcl_body *body)
{
        bk_doc_drop(body->arguments);
        for (size_t i = 0; i < body->n_blocks; i++) {
                free(body->blocks[i]->type);
                bk_doc_drop(body->blocks[i]->labels);
                bk_hcl_body_done(&body->blocks[i]->body);
                free(body->blocks[i]);
        }
        free(body->blocks);
        *body = (struct bk_hcl_body){ 0 };
}

void bk_hcl_free(struct bk_hcl_body *root)
{
        autofree char *file = NULL;

        if (root == NULL)
                return;
        file = (char *)root->file;
        bk_hcl_body_done(root);
        free(root);
}

struct bk_hcl_block *bk_hcl_body_add(struct bk_hcl_body *body, char *type, unsigned line, unsigned column)
{
        struct bk_hcl_block *block = bk_alloc(sizeof *block);

        block->type = type;
        block->line = line;
        block->column = column;
        block->labels = bk_alloc(sizeof *block->labels);
        block->labels->kind = BK_DOC_ARRAY;
        block->labels->file = body->file;
        bk_hcl_body_begin(&block->body, body->file, line, column);
        if ((body->n_blocks & (body->n_blocks - 1)) == 0)       /* 0 and the powers of two */
                body->blocks = bk_grow(body->blocks, body->n_blocks ? 2 * body->n_blocks : 1, sizeof(struct bk_hcl_block *));
        body->blocks[body->n_blocks++] = block;
        return block;
}

int (bk_hcl_fail)(struct bk_error *err, const struct bk_hcl_block *block, const char *format, ...)
{
        va_list args;
        int status;

        va_start(args, format);
        status = bk_doc_vfail(err, block->body.file, (struct bk_place){ block->line, block->column }, format, args);
        va_end(args);
        return status;
}

/* --- the text as a whole ---------------------------------------------------------------- */
static int look_at_text(struct bk_reader in)
{
        if (bk_reader_refuse_byte_order_mark(&in) < 0)
                return -1;
        while (in.p < in.end) {
                const unsigned char c = (unsigned char)*in.p;
                const size_t length = bk_utf8_length(in.p, in.end);

                if (length == 0)
                        return bk_reader_fail(&in, bk_reader_here(&in), "byte 0x%02x is not UTF-8; save the file as UTF-8", c);
                if ((c < 0x20 && c != '\t' && c != '\n' && !(c == '\r' && in.end - in.p > 1 && in.p[1] == '\n')) || c == 0x7f)
                        return bk_reader_fail(&in, bk_reader_here(&in), "control character 0x%02x; in a string it is written \\u%04x", c, c);
                bk_reader_advance(&in, length);
        }
        return 0;
}

/* --- blocks -------------------------------------------------------------------------------- */
static int read_label(struct bk_reader *in, struct bk_doc *labels)
{
        struct bk_doc *label = bk_doc_add(in->file, labels);

        label->kind = BK_DOC_STRING;
        label->line = in->line;
        label->column = in->column;
        if (bk_reader_at(in, '"'))
                return bk_hcl_read_string(in, &label->text, &label->text_len);
        label->text = bk_hcl_read_name(in);
        label->text_len = strlen(label->text);
        return 0;
}

static int read_block(struct bk_reader *in, struct bk_hcl_block *block)
{
        struct bk_place open;

        while (bk_hcl_at_name(in) || bk_reader_at(in, '"'))
                if (read_label(in, block->labels) < 0 || bk_hcl_skip(in, false) < 0)
                        return -1;
        if (!bk_reader_at(in, '{')) {
                autofree char *expected = block->labels->n == 0 ? bk_format("'= VALUE' or '{' after '%.60s'", block->type)
                                                                : bk_format("'{' after the labels of '%.60s'", block->type);

                if (bk_reader_at(in, ':'))
                        return bk_reader_fail(in, bk_reader_here(in), "expected %s, found ':', which only objects have", expected);
                return bk_hcl_fail_behind(in, expected);
        }
        open = bk_reader_here(in);
        block->body.line = block->body.arguments->line = open.line;
        block->body.column = block->body.arguments->column = open.column;
        if (++in->depth > BK_DOC_DEPTH_MOST)
                return bk_reader_fail(in, open, "nested deeper than %d levels", BK_DOC_DEPTH_MOST);
        bk_reader_advance(in, 1);
        if (read_body(in, &block->body, &open) < 0)
                return -1;
        bk_reader_advance(in, 1);
        in->depth--;
        return 0;
}

static int read_argument(struct bk_reader *in, struct bk_hcl_body *body, char *name, struct bk_place place)
{
        struct bk_doc *argument = bk_doc_add(in->file, body->arguments);
        autofree char *where = bk_format("a value for '%.60s'", name);

        argument->key = name;
        argument->key_line = place.line;
        argument->key_column = place.column;
        bk_reader_advance(in, 1);
        return bk_hcl_read_value(in, argument, where);
}

static int read_definition(struct bk_reader *in, struct bk_hcl_body *body)
{
        const struct bk_place place = bk_reader_here(in);
        autofree char *name = NULL;

        if (bk_reader_at(in, '"'))
                return bk_reader_fail(in, place, "the name of an argument or of a block stands without quotes");
        if (!bk_hcl_at_name(in))
                return bk_reader_fail_expected(in, "the name of an argument or of a block");
        name = bk_hcl_read_name(in);
        if (bk_hcl_skip(in, false) < 0)
                return -1;
        if (bk_reader_at(in, '='))
                return read_argument(in, body, bk_take(name), place);
        return read_block(in, bk_hcl_body_add(body, bk_take(name), place.line, place.column));
}

/* open: of the brace that is to be closed; NULL: the file is the body. */
static int read_body(struct bk_reader *in, struct bk_hcl_body *body, const struct bk_place *open)
{
        for (;;) {
                if (bk_hcl_skip(in, true) < 0)
                        return -1;
                if (in->p >= in->end && open != NULL)
                        return bk_reader_fail(in, *open, "the block that begins here is not closed; expected '}'");
                if (bk_reader_at(in, '}') && open == NULL)
                        return bk_reader_fail(in, bk_reader_here(in), "this '}' closes nothing");
                if (in->p >= in->end || bk_reader_at(in, '}'))
                        return bk_doc_refuse_duplicates(body->arguments, "argument", in->err);
                if (read_definition(in, body) < 0 || bk_hcl_skip(in, false) < 0)
                        return -1;
                if (bk_hcl_at_line_end(in) || (open != NULL && (bk_reader_at(in, '}') || bk_hcl_at_name(in))))
                        continue;
                if (bk_reader_at(in, ','))
                        return bk_reader_fail(in, bk_reader_here(in), "no commas stand between the arguments of a block; remove it");
                return bk_hcl_fail_behind(in, "a line break");
        }
}

/* --- files ----------------------------------------------------------------------------------- */
static bool is_json(const char *text, size_t length)
{
        for (size_t i = 0; i < length; i++)
                if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0')
                        return text[i] == '{';
        return false;
}

static void free_doc(struct bk_doc **doc)
{
        bk_doc_free(*doc);
}

int bk_hcl_parse(const char *file, const char *text, size_t length, const struct bk_hcl_schema *schema, struct bk_hcl_body **ret,
                 struct bk_error *err)
{
        autohcl *root = bk_alloc(sizeof *root);
        BK_CLEANUP(free_doc) struct bk_doc *doc = NULL;
        struct bk_reader in = { .p = text, .end = text + length, .line = 1, .column = 1, .err = err };

        bk_hcl_body_begin(root, bk_strdup(file), 1, 1);
        in.file = root->file;
        if (schema != NULL && is_json(text, length)) {
                if (bk_doc_parse(file, text, length, &doc, err) < 0 || bk_hcl_of_doc(doc, schema, root, err) < 0)
                        return -1;
        } else if (look_at_text(in) < 0 || read_body(&in, root, NULL) < 0) {
                return -1;
        }
        if (schema != NULL && bk_hcl_check(root, schema, err) < 0)
                return -1;
        *ret = bk_take(root);
        return 0;
}
