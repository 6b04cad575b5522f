/* YAML for Ruby, read by libyaml's events. Plain scalars mean what Psych takes them for. An alias is the same object again, not
 * a copy, so that no document grows while it is read; the number of its nodes is limited all the same. */
#include "spec/ruby_priv.h"

#include <string.h>

#include <yaml.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/data.h>
#include <mruby/hash.h>
#include <mruby/string.h>

enum { DEPTH_MOST = 256, NODES_MOST = 1000000 };

/* Owned by an object of the garbage collector's, as mruby raises by longjmp. */
struct reading {
        yaml_parser_t parser;
        yaml_event_t event;             /* the current one */
        bool has_event;
        int depth;
        unsigned nodes;
};

static void reading_free(mrb_state *mrb, void *p)
{
        struct reading *r = p;

        if (r == NULL)
                return;
        if (r->has_event)
                yaml_event_delete(&r->event);
        yaml_parser_delete(&r->parser);
        mrb_free(mrb, r);
}

static const struct mrb_data_type reading_type = { "YAML document", reading_free };

struct context {
        mrb_state *mrb;
        struct reading *r;
        mrb_value anchors;              /* by name */
        mrb_value module;
        bool symbols;
};

static _Noreturn void fail(const struct context *c, const char *why, size_t line)
{
        mrb_raisef(c->mrb, mrb_class_get_under(c->mrb, mrb_module_get(c->mrb, "YAML"), "SyntaxError"), "line %i: %s", (mrb_int)line + 1, why);
        abort();
}

static void next(const struct context *c)
{
        struct reading *r = c->r;

        if (r->has_event)
                yaml_event_delete(&r->event);
        r->has_event = yaml_parser_parse(&r->parser, &r->event) == 1;
        if (!r->has_event)
                fail(c, r->parser.problem != NULL ? r->parser.problem : "cannot be read", r->parser.problem_mark.line);
}

static mrb_value node(struct context *c);

static void remember(const struct context *c, const yaml_char_t *anchor, mrb_value value)
{
        if (anchor != NULL)
                mrb_hash_set(c->mrb, c->anchors, mrb_str_new_cstr(c->mrb, (const char *)anchor), value);
}

static mrb_value alias(const struct context *c)
{
        const mrb_value name = mrb_str_new_cstr(c->mrb, (const char *)c->r->event.data.alias.anchor);

        if (!mrb_hash_key_p(c->mrb, c->anchors, name))
                fail(c, "an alias of what is not known, or of what it is a part of", c->r->event.start_mark.line);
        return mrb_hash_get(c->mrb, c->anchors, name);
}

static mrb_value scalar(const struct context *c)
{
        const yaml_event_t *event = &c->r->event;
        const mrb_value text = mrb_str_new(c->mrb, (const char *)event->data.scalar.value, event->data.scalar.length);
        const char *tag = (const char *)event->data.scalar.tag;
        mrb_value ret = text;

        if (tag != NULL && strcmp(tag, "tag:yaml.org,2002:binary") == 0)
                ret = mrb_funcall(c->mrb, c->module, "__binary", 1, text);
        else if (tag != NULL && (strcmp(tag, "!ruby/symbol") == 0 || strcmp(tag, "!ruby/sym") == 0))
                ret = mrb_funcall(c->mrb, text, "to_sym", 0);
        else if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (tag == NULL || strcmp(tag, "tag:yaml.org,2002:str") != 0) &&
                 !(tag != NULL && strcmp(tag, "!") == 0))
                ret = mrb_funcall(c->mrb, c->module, "__plain", 1, text);
        remember(c, event->data.scalar.anchor, ret);
        return ret;
}

static mrb_value sequence(struct context *c)
{
        const mrb_value ret = mrb_ary_new(c->mrb);
        mrb_value anchor = mrb_nil_value();

        if (c->r->event.data.sequence_start.anchor != NULL)
                anchor = mrb_str_new_cstr(c->mrb, (const char *)c->r->event.data.sequence_start.anchor);
        for (next(c); c->r->event.type != YAML_SEQUENCE_END_EVENT; next(c)) {
                const int arena = mrb_gc_arena_save(c->mrb);

                mrb_ary_push(c->mrb, ret, node(c));
                mrb_gc_arena_restore(c->mrb, arena);
        }
        if (!mrb_nil_p(anchor))
                mrb_hash_set(c->mrb, c->anchors, anchor, ret);
        return ret;
}

/* `<<: *defaults` or a list of such: what is there already stays. */
static bool merge(const struct context *c, mrb_value into, mrb_value from)
{
        if (mrb_array_p(from)) {
                for (mrb_int i = 0; i < RARRAY_LEN(from); i++)
                        if (!merge(c, into, mrb_ary_ref(c->mrb, from, i)))
                                return false;
                return true;
        }
        if (!mrb_hash_p(from))
                return false;
        const mrb_value keys = mrb_hash_keys(c->mrb, from);

        for (mrb_int i = 0; i < RARRAY_LEN(keys); i++) {
                const mrb_value key = mrb_ary_ref(c->mrb, keys, i);

                if (++c->r->nodes > NODES_MOST)
                        fail(c, "more nodes than are read", c->r->event.start_mark.line);
                if (!mrb_hash_key_p(c->mrb, into, key))
                        mrb_hash_set(c->mrb, into, key, mrb_hash_get(c->mrb, from, key));
        }
        return true;
}

static mrb_value mapping(struct context *c)
{
        const mrb_value ret = mrb_hash_new(c->mrb), merges = mrb_ary_new(c->mrb);
        mrb_value anchor = mrb_nil_value();

        if (c->r->event.data.mapping_start.anchor != NULL)
                anchor = mrb_str_new_cstr(c->mrb, (const char *)c->r->event.data.mapping_start.anchor);
        for (next(c); c->r->event.type != YAML_MAPPING_END_EVENT; next(c)) {
                const int arena = mrb_gc_arena_save(c->mrb);
                const bool plain = c->r->event.type == YAML_SCALAR_EVENT && c->r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
                mrb_value key = node(c), value;

                next(c);
                value = node(c);
                if (plain && mrb_string_p(key) && RSTRING_LEN(key) == 2 && memcmp(RSTRING_PTR(key), "<<", 2) == 0 &&
                    (mrb_hash_p(value) || mrb_array_p(value))) {
                        mrb_ary_push(c->mrb, merges, value);
                } else {
                        if (c->symbols && mrb_string_p(key))
                                key = mrb_funcall(c->mrb, key, "to_sym", 0);
                        mrb_hash_set(c->mrb, ret, key, value);
                }
                mrb_gc_arena_restore(c->mrb, arena);
        }
        (void)merge(c, ret, merges);
        if (!mrb_nil_p(anchor))
                mrb_hash_set(c->mrb, c->anchors, anchor, ret);
        return ret;
}

static mrb_value node(struct context *c)
{
        mrb_value ret = mrb_nil_value();

        if (++c->r->depth > DEPTH_MOST || ++c->r->nodes > NODES_MOST)
                fail(c, c->r->depth > DEPTH_MOST ? "deeper than is read" : "more nodes than are read", c->r->event.start_mark.line);
        switch (c->r->event.type) {
        case YAML_ALIAS_EVENT: ret = alias(c); break;
        case YAML_SCALAR_EVENT: ret = scalar(c); break;
        case YAML_SEQUENCE_START_EVENT: ret = sequence(c); break;
        case YAML_MAPPING_START_EVENT: ret = mapping(c); break;
        default: fail(c, "cannot be read", c->r->event.start_mark.line);
        }
        c->r->depth--;
        return ret;
}

/* yaml_parse(text, symbolize_names): a list of the documents. */
static mrb_value native_parse(mrb_state *mrb, mrb_value self)
{
        const mrb_value documents = mrb_ary_new(mrb);
        struct context c = { .mrb = mrb, .module = mrb_obj_value(mrb_module_get(mrb, "YAML")) };
        mrb_bool symbols = FALSE;
        mrb_value text;

        (void)self;
        mrb_get_args(mrb, "S|b", &text, &symbols);
        c.symbols = symbols;
        c.anchors = mrb_hash_new(mrb);
        struct RData *holder = mrb_data_object_alloc(mrb, mrb->object_class, NULL, &reading_type);

        c.r = mrb_calloc(mrb, 1, sizeof *c.r);
        if (yaml_parser_initialize(&c.r->parser) != 1) {
                mrb_free(mrb, c.r);
                mrb_raise(mrb, mrb_class_get(mrb, "NoMemoryError"), "not enough memory to read YAML");
        }
        holder->data = c.r;
        yaml_parser_set_input_string(&c.r->parser, (const unsigned char *)RSTRING_PTR(text), (size_t)RSTRING_LEN(text));
        for (next(&c); c.r->event.type != YAML_STREAM_END_EVENT; next(&c)) {
                if (c.r->event.type != YAML_DOCUMENT_START_EVENT)
                        continue;
                next(&c);
                mrb_hash_clear(mrb, c.anchors);
                mrb_ary_push(mrb, documents, node(&c));
        }
        return documents;
}

void spec_yaml_init(mrb_state *mrb, struct RClass *module)
{
        struct RClass *yaml = mrb_define_module(mrb, "YAML");
        struct RClass *error = mrb_define_class_under(mrb, yaml, "Exception", mrb_class_get(mrb, "StandardError"));

        (void)mrb_define_class_under(mrb, yaml, "SyntaxError", error);
        mrb_define_module_function(mrb, module, "yaml_parse", native_parse, MRB_ARGS_ARG(1, 1));
}
