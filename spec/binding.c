/* The rows of types.c as Ruby classes below Serverspec::Type. Every property
 * and predicate is one C closure that holds its row. */
#include "spec/ruby_priv.h"

#include <string.h>

#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/data.h>
#include <mruby/hash.h>
#include <mruby/proc.h>
#include <mruby/string.h>
#include <mruby/variable.h>

#include "lib/version.h"

static void resource_free(mrb_state *mrb, void *p)
{
        if (p == NULL)
                return;
        spec_resource_done(p);
        mrb_free(mrb, p);
}

static const struct mrb_data_type resource_type = { "Resource", resource_free };

void spec_raise_unanswered(mrb_state *mrb, const char *why)
{
        mrb_raise(mrb, mrb_class_get_under(mrb, mrb_module_get(mrb, "Bakery"), "Unanswered"), why);
        abort();
}

static _Noreturn void raise_error(mrb_state *mrb, const struct bk_error *err)
{
        if (err->kind == BK_USAGE)
                mrb_raise(mrb, mrb_class_get(mrb, "ArgumentError"), err->text);
        spec_raise_unanswered(mrb, err->text);
}

static struct spec_resource *resource_of(mrb_state *mrb, mrb_value self)
{
        const mrb_value data = mrb_iv_get(mrb, self, SPEC_SYM("__resource__"));
        struct spec_resource *ret = mrb_data_p(data) ? mrb_data_check_get_ptr(mrb, data, &resource_type) : NULL;

        if (ret == NULL)
                mrb_raise(mrb, mrb_class_get(mrb, "TypeError"), "a resource without a name; its initialize must call super");
        if (ret->forgotten != ret->image->forgotten) {
                spec_output_done(&ret->output);
                ret->ran = false;
                ret->forgotten = ret->image->forgotten;
        }
        return ret;
}

static mrb_value to_ruby(mrb_state *mrb, const struct spec_value *value)
{
        mrb_value ret = mrb_nil_value();

        switch (value->kind) {
        case SPEC_NIL: break;
        case SPEC_BOOL: ret = mrb_bool_value(value->n != 0); break;
        case SPEC_INT: ret = mrb_int_value(mrb, value->n); break;
        case SPEC_STRING: ret = mrb_str_new(mrb, value->s, value->len); break;
        case SPEC_TIME:
                ret = mrb_funcall(mrb, mrb_obj_value(mrb_class_get(mrb, "Time")), "at", 1, mrb_int_value(mrb, value->n));
                break;
        case SPEC_LIST:
                ret = mrb_ary_new(mrb);
                for (size_t i = 0; i < value->list.n; i++)
                        mrb_ary_push(mrb, ret, mrb_str_new_cstr(mrb, value->list.v[i]));
                break;
        }
        return ret;
}

/* Numbers keep both faces: 0644 arrives as 420, uid 0 is compared as "0". */
static void from_ruby(mrb_state *mrb, mrb_value value, struct spec_value *ret)
{
        if (mrb_nil_p(value))
                return;
        const mrb_value text = mrb_obj_as_string(mrb, value);

        spec_value_text(ret, mrb_string_cstr(mrb, text));
        if (mrb_integer_p(value)) {
                ret->kind = SPEC_INT;
                ret->n = mrb_integer(value);
        } else if (mrb_true_p(value) || mrb_false_p(value)) {
                ret->kind = SPEC_BOOL;
                ret->n = mrb_true_p(value);
        }
}

static mrb_value property(mrb_state *mrb, mrb_value self)
{
        const struct spec_property *row = mrb_cptr(mrb_proc_cfunc_env_get(mrb, 0));
        struct spec_resource *r = resource_of(mrb, self);
        struct spec_value value = { 0 };
        struct bk_error err = { 0 };
        mrb_value ret;
        int result;

        if (row->unanswered != NULL)
                spec_raise_unanswered(mrb, row->unanswered);
        bk_buf_done(&r->note);
        spec_image_asked(r->image);
        result = row->get(r, &value, &err);
        if (result < 0)
                raise_error(mrb, &err);
        ret = to_ruby(mrb, &value);
        spec_value_done(&value);
        return ret;
}

/* __missing(name): a property that has no row */
static mrb_value resource_missing(mrb_state *mrb, mrb_value self)
{
        struct spec_resource *r = resource_of(mrb, self);
        struct spec_value value = { 0 };
        struct bk_error err = { 0 };
        const char *name;
        mrb_value ret;
        int result;

        mrb_get_args(mrb, "z", &name);
        if (r->type->missing == NULL)
                mrb_raisef(mrb, mrb_class_get(mrb, "NoMethodError"), "no property '%s'", name);
        bk_buf_done(&r->note);
        result = r->type->missing(r, name, &value, &err);
        if (result < 0)
                raise_error(mrb, &err);
        ret = to_ruby(mrb, &value);
        spec_value_done(&value);
        return ret;
}

static mrb_value resource_has_missing(mrb_state *mrb, mrb_value self)
{
        return mrb_bool_value(resource_of(mrb, self)->type->missing != NULL);
}

static void add_named(mrb_state *mrb, mrb_value hash, const char *prefix, struct spec_args *args)
{
        const mrb_value keys = mrb_hash_keys(mrb, hash);

        for (mrb_int i = 0; i < RARRAY_LEN(keys); i++) {
                const mrb_value key = mrb_ary_ref(mrb, keys, i), value = mrb_hash_get(mrb, hash, key);
                const char *name = mrb_string_cstr(mrb, mrb_obj_as_string(mrb, key));
                const size_t at = args->n_named;

                if (at == SPEC_NAMED_MOST)      /* a hash that holds itself ends here, too */
                        mrb_raisef(mrb, mrb_class_get(mrb, "ArgumentError"), "more than %d named values", (int)SPEC_NAMED_MOST);
                args->named[at].name = bk_format("%s%s%s", prefix ? prefix : "", prefix ? "." : "", name);
                args->n_named++;
                from_ruby(mrb, mrb_hash_p(value) ? mrb_true_value() : value, &args->named[at].value);
                if (mrb_hash_p(value))
                        add_named(mrb, value, args->named[at].name, args);
        }
}

/* Those of a call: hashes anywhere are named values. What is raised here leaves args to its owner. */
static void read_args(mrb_state *mrb, const mrb_value *v, mrb_int n, struct spec_args *args)
{
        for (mrb_int i = 0; i < n; i++) {
                if (mrb_hash_p(v[i]))
                        add_named(mrb, v[i], NULL, args);
                else if (args->n < SPEC_ARGS_MOST)
                        from_ruby(mrb, v[i], &args->v[args->n++]);
        }
}

/* predicate?(arguments..., chain: value...) */
static mrb_value predicate(mrb_state *mrb, mrb_value self)
{
        const struct spec_predicate *row = mrb_cptr(mrb_proc_cfunc_env_get(mrb, 0));
        struct spec_resource *r = resource_of(mrb, self);
        struct spec_args args = { 0 };
        struct bk_error err = { 0 };
        const mrb_value *v;
        mrb_int n;
        bool yes = false;
        int result;

        mrb_get_args(mrb, "*", &v, &n);
        if (row->unanswered != NULL)
                spec_raise_unanswered(mrb, row->unanswered);
        bk_buf_done(&r->note);
        read_args(mrb, v, n, &args);
        spec_image_asked(r->image);
        result = row->test(r, &args, &yes, &err);
        spec_args_done(&args);
        if (result < 0)
                raise_error(mrb, &err);
        return mrb_bool_value(yes);
}

/* The chains a predicate knows, as one string; nil when the type has no such predicate. */
static mrb_value resource_chains(mrb_state *mrb, mrb_value self)
{
        const struct spec_resource *r = resource_of(mrb, self);
        const char *name;

        mrb_get_args(mrb, "z", &name);
        for (const struct spec_predicate *p = r->type->predicates; p != NULL && p->name != NULL; p++)
                if (bk_streq(p->name, name))
                        return mrb_str_new_cstr(mrb, p->chains ? p->chains : "");
        return mrb_nil_value();
}

static mrb_value resource_note(mrb_state *mrb, mrb_value self)
{
        const struct spec_resource *r = resource_of(mrb, self);

        return r->note.data ? mrb_str_new_cstr(mrb, r->note.data) : mrb_nil_value();
}

/* Why no check of this type is answered here; nil when they are. What no Linux has is skipped at once. */
static mrb_value resource_unanswered(mrb_state *mrb, mrb_value self)
{
        const struct spec_resource *r = resource_of(mrb, self);

        if (r->type->skipped != NULL) {
                struct RClass *core = mrb_module_get_under(mrb, mrb_module_get(mrb, "RSpec"), "Core");

                mrb_raise(mrb, mrb_class_get_under(mrb, core, "SkipDeclared"), r->type->skipped);
        }
        return r->type->unanswered ? mrb_str_new_cstr(mrb, r->type->unanswered) : mrb_nil_value();
}

/* Base#initialize(name, arguments...): the type is the nearest ancestor's that has a row. */
static mrb_value resource_initialize(mrb_state *mrb, mrb_value self)
{
        static const struct spec_type none = { "resource", "Base" };
        const mrb_sym row_name = SPEC_SYM("__row__");
        const struct spec_type *type = &none;
        mrb_value name, options = mrb_nil_value(), row;
        const mrb_value *v;
        struct spec_resource *r;
        mrb_int n;

        mrb_get_args(mrb, "*", &v, &n);
        name = n > 0 && !mrb_hash_p(v[0]) ? v[0] : mrb_nil_value();
        for (mrb_int i = 0; i < n; i++)
                if (mrb_hash_p(v[i]))
                        options = v[i];
        for (struct RClass *c = mrb_obj_class(mrb, self); c != NULL && type == &none; c = c->super) {
                row = mrb_iv_get(mrb, mrb_obj_value(c), row_name);
                if (mrb_cptr_p(row))
                        type = mrb_cptr(row);
        }
        mrb_iv_set(mrb, self, SPEC_SYM("@name"), name);
        mrb_iv_set(mrb, self, SPEC_SYM("@options"), mrb_nil_p(options) ? mrb_hash_new(mrb) : options);
        name = mrb_obj_as_string(mrb, name);
        r = mrb_calloc(mrb, 1, sizeof *r);
        mrb_iv_set(mrb, self, SPEC_SYM("__resource__"),
                   mrb_obj_value(mrb_data_object_alloc(mrb, mrb->object_class, r, &resource_type)));
        r->type = type;
        r->image = &spec_engine_of(mrb)->image;
        r->forgotten = r->image->forgotten;
        r->name = bk_strdup(mrb_string_cstr(mrb, name));
        if (n > 0)
                read_args(mrb, mrb_hash_p(v[0]) ? v : v + 1, mrb_hash_p(v[0]) ? n : n - 1, &r->args);
        if (type->want != NULL)
                type->want(r);
        return self;
}

static void define(mrb_state *mrb, struct RClass *class, const char *name, mrb_func_t function, const void *row)
{
        const mrb_value env = mrb_cptr_value(mrb, (void *)row);
        struct RProc *proc = mrb_proc_new_cfunc_with_env(mrb, function, 1, &env);
        mrb_method_t method;

        MRB_METHOD_FROM_PROC(method, proc);
        mrb_define_method_raw(mrb, class, mrb_intern_cstr(mrb, name), method);
}

/* version_compare(a, b, ecosystem) */
static mrb_value native_version_compare(mrb_state *mrb, mrb_value self)
{
        const char *a, *b, *name = "deb";
        enum bk_ecosystem ecosystem;

        (void)self;
        mrb_get_args(mrb, "zz|z", &a, &b, &name);
        if (!bk_ecosystem_of(name, &ecosystem))
                mrb_raise(mrb, mrb_class_get(mrb, "ArgumentError"), "an ecosystem is expected: \"deb\", \"rpm\"");
        return mrb_fixnum_value(bk_version_compare(ecosystem, a, b));
}

void spec_binding_init(mrb_state *mrb, struct RClass *module)
{
        struct RClass *serverspec = mrb_define_module(mrb, "Serverspec");
        struct RClass *types = mrb_define_module_under(mrb, serverspec, "Type");
        struct RClass *base = mrb_define_class_under(mrb, types, "Base", mrb->object_class);
        const mrb_value names = mrb_hash_new(mrb);

        (void)mrb_define_class_under(mrb, module, "Unanswered", mrb_class_get(mrb, "Exception"));
        mrb_define_method(mrb, base, "initialize", resource_initialize, MRB_ARGS_ANY());
        mrb_define_method(mrb, base, "__chains", resource_chains, MRB_ARGS_REQ(1));
        mrb_define_method(mrb, base, "__note", resource_note, MRB_ARGS_NONE());
        mrb_define_method(mrb, base, "__unanswered", resource_unanswered, MRB_ARGS_NONE());
        mrb_define_method(mrb, base, "__missing", resource_missing, MRB_ARGS_REQ(1));
        mrb_define_method(mrb, base, "__missing?", resource_has_missing, MRB_ARGS_NONE());
        mrb_define_module_function(mrb, module, "version_compare", native_version_compare, MRB_ARGS_ARG(2, 1));
        for (const struct spec_type *type = spec_types; type->name != NULL; type++) {
                const int arena = mrb_gc_arena_save(mrb);
                struct RClass *class = mrb_define_class_under(mrb, types, type->class_name, base);

                mrb_iv_set(mrb, mrb_obj_value(class), SPEC_SYM("__row__"), mrb_cptr_value(mrb, (void *)type));
                for (const struct spec_property *p = type->properties; p != NULL && p->name != NULL; p++)
                        define(mrb, class, p->name, property, p);
                for (const struct spec_predicate *p = type->predicates; p != NULL && p->name != NULL; p++)
                        define(mrb, class, p->name, predicate, p);
                mrb_hash_set(mrb, names, mrb_symbol_value(mrb_intern_cstr(mrb, type->name)), mrb_obj_value(class));
                mrb_gc_arena_restore(mrb, arena);
        }
        mrb_define_const(mrb, types, "TABLE", names);
}
