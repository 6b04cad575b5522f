/* JSON for Ruby: parsed by jansson, written here, as Ruby's own library writes it. */
#include "spec/ruby_priv.h"

#include <math.h>
#include <string.h>

#include <jansson.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/data.h>
#include <mruby/hash.h>
#include <mruby/string.h>

enum { DEPTH_MOST = 512 };

/* mruby raises by longjmp: the document belongs to an object of the garbage collector's. */
static void document_free(mrb_state *mrb, void *p)
{
        (void)mrb;
        json_decref(p);
}

static const struct mrb_data_type document_type = { "JSON document", document_free };

struct reading { mrb_state *mrb; bool symbols; int depth; };

static mrb_value to_ruby(struct reading *r, const json_t *value);

static mrb_value object_to_ruby(struct reading *r, const json_t *value)
{
        mrb_state *mrb = r->mrb;
        const mrb_value ret = mrb_hash_new(mrb);

        for (void *at = json_object_iter((json_t *)value); at != NULL; at = json_object_iter_next((json_t *)value, at)) {
                const int arena = mrb_gc_arena_save(mrb);
                const char *name = json_object_iter_key(at);
                const mrb_value key = r->symbols ? mrb_symbol_value(mrb_intern_cstr(mrb, name)) : mrb_str_new_cstr(mrb, name);

                mrb_hash_set(mrb, ret, key, to_ruby(r, json_object_iter_value(at)));
                mrb_gc_arena_restore(mrb, arena);
        }
        return ret;
}

static mrb_value array_to_ruby(struct reading *r, const json_t *value)
{
        const mrb_value ret = mrb_ary_new(r->mrb);

        for (size_t i = 0; i < json_array_size(value); i++) {
                const int arena = mrb_gc_arena_save(r->mrb);

                mrb_ary_push(r->mrb, ret, to_ruby(r, json_array_get(value, i)));
                mrb_gc_arena_restore(r->mrb, arena);
        }
        return ret;
}

static mrb_value to_ruby(struct reading *r, const json_t *value)
{
        mrb_value ret = mrb_nil_value();

        if (++r->depth > DEPTH_MOST)
                mrb_raisef(r->mrb, mrb_class_get_under(r->mrb, mrb_module_get(r->mrb, "JSON"), "NestingError"), "nesting is deeper than %d",
                           DEPTH_MOST);
        switch (json_typeof(value)) {
        case JSON_OBJECT: ret = object_to_ruby(r, value); break;
        case JSON_ARRAY: ret = array_to_ruby(r, value); break;
        case JSON_STRING: ret = mrb_str_new(r->mrb, json_string_value(value), json_string_length(value)); break;
        case JSON_INTEGER: ret = mrb_int_value(r->mrb, json_integer_value(value)); break;
        case JSON_REAL: ret = mrb_float_value(r->mrb, json_real_value(value)); break;
        case JSON_TRUE: ret = mrb_true_value(); break;
        case JSON_FALSE: ret = mrb_false_value(); break;
        case JSON_NULL: break;
        }
        r->depth--;
        return ret;
}

/* json_parse(text, symbolize_names) */
static mrb_value native_parse(mrb_state *mrb, mrb_value self)
{
        struct reading reading = { .mrb = mrb };
        json_error_t error = { 0 };
        mrb_bool symbols = FALSE;
        mrb_value text;

        (void)self;
        mrb_get_args(mrb, "S|b", &text, &symbols);
        struct RData *holder = mrb_data_object_alloc(mrb, mrb->object_class, NULL, &document_type);
        json_t *document = json_loadb(RSTRING_PTR(text), (size_t)RSTRING_LEN(text), JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

        if (document == NULL)
                mrb_raisef(mrb, mrb_class_get_under(mrb, mrb_module_get(mrb, "JSON"), "ParserError"), "line %d, column %d: %s", error.line,
                           error.column, error.text);
        holder->data = document;
        reading.symbols = symbols;
        return to_ruby(&reading, document);
}

/* --- writing --------------------------------------------------------------------- */

struct writing { mrb_state *mrb; mrb_value to; bool pretty; int depth; };

static void write_value(struct writing *w, mrb_value value);

static void put(const struct writing *w, const char *text)
{
        mrb_str_cat_cstr(w->mrb, w->to, text);
}

static void put_line(const struct writing *w)
{
        if (!w->pretty)
                return;
        put(w, "\n");
        for (int i = 0; i < w->depth; i++)
                put(w, "  ");
}

static void write_string(const struct writing *w, mrb_value text)
{
        const char *p = RSTRING_PTR(text), *const end = p + RSTRING_LEN(text);

        put(w, "\"");
        for (; p < end; p++) {
                static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
                const char *at = *p != '\0' ? strchr(from, *p) : NULL;
                char escaped[8];

                if (at == NULL && (unsigned char)*p >= 0x20) {
                        mrb_str_cat(w->mrb, w->to, p, 1);
                        continue;
                }
                if (at != NULL)
                        (void)snprintf(escaped, sizeof escaped, "\\%c", to[at - from]);
                else
                        (void)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned char)*p);
                put(w, escaped);
        }
        put(w, "\"");
}

static void write_array(struct writing *w, mrb_value list)
{
        if (RARRAY_LEN(list) == 0) {
                put(w, "[]");
                return;
        }
        put(w, "[");
        w->depth++;
        for (mrb_int i = 0; i < RARRAY_LEN(list); i++) {
                if (i > 0)
                        put(w, ",");
                put_line(w);
                write_value(w, mrb_ary_ref(w->mrb, list, i));
        }
        w->depth--;
        put_line(w);
        put(w, "]");
}

static void write_hash(struct writing *w, mrb_value hash)
{
        const mrb_value keys = mrb_hash_keys(w->mrb, hash);

        if (RARRAY_LEN(keys) == 0) {
                put(w, "{}");
                return;
        }
        put(w, "{");
        w->depth++;
        for (mrb_int i = 0; i < RARRAY_LEN(keys); i++) {
                const mrb_value key = mrb_ary_ref(w->mrb, keys, i);

                if (i > 0)
                        put(w, ",");
                put_line(w);
                write_string(w, mrb_obj_as_string(w->mrb, key));
                put(w, w->pretty ? ": " : ":");
                write_value(w, mrb_hash_get(w->mrb, hash, key));
        }
        w->depth--;
        put_line(w);
        put(w, "}");
}

static void write_number(const struct writing *w, mrb_value value)
{
        if (mrb_float_p(value) && !isfinite(mrb_float(value)))
                mrb_raisef(w->mrb, mrb_class_get_under(w->mrb, mrb_module_get(w->mrb, "JSON"), "GeneratorError"), "%v is not allowed in JSON", value);
        mrb_str_cat_str(w->mrb, w->to, mrb_obj_as_string(w->mrb, value));
}

/* Others say to_json themselves, or are written as text. */
static void write_other(const struct writing *w, mrb_value value)
{
        mrb_value text = mrb_funcall(w->mrb, mrb_obj_value(mrb_module_get(w->mrb, "JSON")), "__own", 1, value);

        if (mrb_string_p(text))
                mrb_str_cat_str(w->mrb, w->to, text);
        else
                write_string(w, mrb_obj_as_string(w->mrb, value));
}

static void write_value(struct writing *w, mrb_value value)
{
        const int arena = mrb_gc_arena_save(w->mrb);

        if (w->depth > DEPTH_MOST)
                mrb_raisef(w->mrb, mrb_class_get_under(w->mrb, mrb_module_get(w->mrb, "JSON"), "NestingError"), "nesting is deeper than %d",
                           DEPTH_MOST);
        if (mrb_nil_p(value))
                put(w, "null");
        else if (mrb_true_p(value) || mrb_false_p(value))
                put(w, mrb_test(value) ? "true" : "false");
        else if (mrb_string_p(value))
                write_string(w, value);
        else if (mrb_array_p(value))
                write_array(w, value);
        else if (mrb_hash_p(value))
                write_hash(w, value);
        else if (mrb_integer_p(value) || mrb_float_p(value))
                write_number(w, value);
        else
                write_other(w, value);
        mrb_gc_arena_restore(w->mrb, arena);
}

/* json_generate(value, pretty) */
static mrb_value native_generate(mrb_state *mrb, mrb_value self)
{
        struct writing writing = { .mrb = mrb, .to = mrb_str_new_lit(mrb, "") };
        mrb_bool pretty = FALSE;
        mrb_value value;

        (void)self;
        mrb_get_args(mrb, "o|b", &value, &pretty);
        writing.pretty = pretty;
        write_value(&writing, value);
        return writing.to;
}

void spec_json_init(mrb_state *mrb, struct RClass *module)
{
        struct RClass *json = mrb_define_module(mrb, "JSON");
        struct RClass *error = mrb_define_class_under(mrb, json, "JSONError", mrb_class_get(mrb, "StandardError"));
        struct RClass *parser = mrb_define_class_under(mrb, json, "ParserError", error);

        (void)mrb_define_class_under(mrb, json, "NestingError", parser);
        (void)mrb_define_class_under(mrb, json, "GeneratorError", error);
        mrb_define_module_function(mrb, module, "json_parse", native_parse, MRB_ARGS_ARG(1, 1));
        mrb_define_module_function(mrb, module, "json_generate", native_generate, MRB_ARGS_ARG(1, 1));
}
