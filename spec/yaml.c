/* libyaml's events become a document. They may come from anybody: depth is limited, and as there are no aliases, what is built
 * is not larger than what was read. */
#include "spec/yaml.h"

#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "lib/cleanup.h"

enum { DEPTH_MOST = 50, KEYS_MOST = 10000 /* each is compared with all before it */ };

struct reader {
        yaml_parser_t parser;
        const char *file;
        int depth;
};

static void reader_done(struct reader *in)
{
        yaml_parser_delete(&in->parser);
}

static void free_doc(struct bk_doc **doc)
{
        bk_doc_free(*doc);
}

static int fail_at(const struct reader *in, yaml_mark_t mark, const char *what, struct bk_error *err)
{
        const int ret = bk_fail(err, BK_INVALID, "%s", what);

        bk_at(err, in->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1);
        return ret;
}

static int next(struct reader *in, yaml_event_t *event, struct bk_error *err)
{
        if (yaml_parser_parse(&in->parser, event))
                return 0;
        autofree char *what = bk_format("not YAML: %s", in->parser.problem != NULL ? in->parser.problem : "it cannot be read");

        return fail_at(in, in->parser.problem_mark, what, err);
}

static bool among(const char *text, const char *const words[])
{
        for (; *words != NULL; words++)
                if (strcasecmp(text, *words) == 0)
                        return true;
        return false;
}

static bool is_number(const char *text)
{
        char *end;

        if (text[strspn(text, "+-0123456789.eE")] != '\0' || strpbrk(text, "0123456789") == NULL)
                return false;
        (void)strtod(text, &end);
        return *end == '\0';
}

static void take_scalar(struct bk_doc *into, const yaml_event_t *event)
{
        static const char *const nulls[] = { "", "~", "null", NULL };
        static const char *const yes[] = { "true", "yes", "on", NULL }, *const no[] = { "false", "no", "off", NULL };
        const char *const text = (const char *)event->data.scalar.value;
        const bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

        into->text = bk_strndup(text, event->data.scalar.length);
        into->text_len = event->data.scalar.length;
        into->kind = BK_DOC_STRING;
        if (plain && among(into->text, nulls))
                into->kind = BK_DOC_NULL;
        else if (plain && (among(into->text, yes) || among(into->text, no)))
                into->kind = BK_DOC_BOOL;
        else if (plain && is_number(into->text))
                into->kind = BK_DOC_NUMBER;
        into->truth = into->kind == BK_DOC_BOOL && among(into->text, yes);
}

static struct bk_doc *add_item(const struct reader *in, struct bk_doc *into)
{
        if ((into->n & (into->n - 1)) == 0)
                into->items = bk_grow(into->items, into->n ? into->n * 2 : 1, sizeof *into->items);
        into->items[into->n] = bk_alloc(sizeof **into->items);
        into->items[into->n]->file = in->file;
        return into->items[into->n++];
}

static int read_value(struct reader *in, struct bk_doc *into, yaml_event_t *event, struct bk_error *err);

static int read_key(const struct reader *in, struct bk_doc *into, struct bk_doc *item, const yaml_event_t *event, struct bk_error *err)
{
        if (event->type != YAML_SCALAR_EVENT)
                return fail_at(in, event->start_mark, "a key must be a text", err);
        item->key = bk_strndup((const char *)event->data.scalar.value, event->data.scalar.length);
        item->key_line = (unsigned)event->start_mark.line + 1;
        item->key_column = (unsigned)event->start_mark.column + 1;
        if (into->n > KEYS_MOST)
                return fail_at(in, event->start_mark, "a map has more than 10000 keys", err);
        if (strlen(item->key) != event->data.scalar.length)
                return fail_at(in, event->start_mark, "a key holds a NUL", err);
        for (size_t i = 0; i + 1 < into->n; i++)
                if (bk_streq(into->items[i]->key, item->key))
                        return bk_doc_fail_key(err, item, "'%s' is given a second time; the first is in line %u", item->key,
                                               into->items[i]->key_line);
        return 0;
}

static int read_items(struct reader *in, struct bk_doc *into, yaml_event_type_t last, struct bk_error *err)
{
        for (;;) {
                BK_CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
                struct bk_doc *item;

                if (next(in, &event, err) < 0)
                        return -1;
                if (event.type == last)
                        return 0;
                item = add_item(in, into);
                if (into->kind == BK_DOC_OBJECT) {
                        if (read_key(in, into, item, &event, err) < 0)
                                return -1;
                        yaml_event_delete(&event);
                        if (next(in, &event, err) < 0)
                                return -1;
                }
                if (read_value(in, item, &event, err) < 0)
                        return -1;
        }
}

static int read_value(struct reader *in, struct bk_doc *into, yaml_event_t *event, struct bk_error *err)
{
        const bool map = event->type == YAML_MAPPING_START_EVENT;
        int ret;

        into->line = (unsigned)event->start_mark.line + 1;
        into->column = (unsigned)event->start_mark.column + 1;
        if (event->type == YAML_ALIAS_EVENT)
                return fail_at(in, event->start_mark, "aliases are not read: write it out", err);
        if (event->type == YAML_SCALAR_EVENT) {
                take_scalar(into, event);
                return 0;
        }
        if (++in->depth > DEPTH_MOST)
                return fail_at(in, event->start_mark, "it is nested too deeply", err);
        into->kind = map ? BK_DOC_OBJECT : BK_DOC_ARRAY;
        ret = read_items(in, into, map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT, err);
        in->depth--;
        return ret;
}

/* Skips events up to one that is wanted: the stream and document around the value. */
static int read_root(struct reader *in, struct bk_doc *root, struct bk_error *err)
{
        bool found = false;

        for (;;) {
                BK_CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };

                if (next(in, &event, err) < 0)
                        return -1;
                switch (event.type) {
                case YAML_STREAM_END_EVENT:
                        return 0;
                case YAML_NO_EVENT: case YAML_STREAM_START_EVENT: case YAML_DOCUMENT_END_EVENT:
                        continue;
                case YAML_DOCUMENT_START_EVENT:
                        if (found)
                                return fail_at(in, event.start_mark, "a second document is not read", err);
                        found = true;
                        continue;
                default:
                        if (read_value(in, root, &event, err) < 0)
                                return -1;
                }
        }
}

int spec_yaml_parse(const char *file, const char *text, size_t length, struct bk_doc **ret, struct bk_error *err)
{
        BK_CLEANUP(reader_done) struct reader in = { 0 };
        BK_CLEANUP(free_doc) struct bk_doc *root = bk_alloc(sizeof *root);

        root->file = in.file = bk_strdup(file);
        root->line = root->column = 1;
        if (!yaml_parser_initialize(&in.parser))
                abort();        /* out of memory */
        yaml_parser_set_encoding(&in.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&in.parser, (const unsigned char *)text, length);
        if (read_root(&in, root, err) < 0)
                return -1;
        *ret = bk_take(root);
        return 0;
}
