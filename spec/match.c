/* MatchData: what one match found. Offsets are bytes. */
#include "spec/ruby_priv.h"

#include <string.h>

#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/hash.h>
#include <mruby/string.h>
#include <mruby/variable.h>

static mrb_value subject(mrb_state *mrb, mrb_value self)
{
        return mrb_iv_get(mrb, self, SPEC_SYM("string"));
}

/* The number of a group given as number, name or symbol; raises IndexError for an unknown name. */
static mrb_int group_number(mrb_state *mrb, mrb_value self, mrb_value key)
{
        const char *name;
        mrb_int length;
        int n;

        if (mrb_integer_p(key))
                return mrb_integer(key);
        if (mrb_symbol_p(key)) {
                name = mrb_sym_name_len(mrb, mrb_symbol(key), &length);
        } else {
                key = mrb_ensure_string_type(mrb, key);
                name = RSTRING_PTR(key);
                length = RSTRING_LEN(key);
        }
        n = spec_match_name(mrb, self, name, (size_t)length);
        if (n < 0)
                mrb_raisef(mrb, mrb_class_get(mrb, "IndexError"), "undefined group name reference: %v", key);
        return n;
}

static mrb_value match_aref(mrb_state *mrb, mrb_value self)
{
        mrb_value key, length;

        if (mrb_get_args(mrb, "o|o", &key, &length) == 2 || mrb_range_p(key)) {
                const mrb_value argv[] = { key, length };
                const mrb_value all = spec_match_captures(mrb, self, 0);

                return mrb_funcall_argv(mrb, all, SPEC_SYM("[]"), mrb_range_p(key) ? 1 : 2, argv);
        }
        return spec_match_group(mrb, self, group_number(mrb, self, key));
}

static mrb_value match_to_a(mrb_state *mrb, mrb_value self)
{
        return spec_match_captures(mrb, self, 0);
}

static mrb_value match_captures(mrb_state *mrb, mrb_value self)
{
        return spec_match_captures(mrb, self, 1);
}

static mrb_value match_to_s(mrb_state *mrb, mrb_value self)
{
        return spec_match_group(mrb, self, 0);
}

static mrb_value match_pre(mrb_state *mrb, mrb_value self)
{
        return mrb_str_new(mrb, RSTRING_PTR(subject(mrb, self)), spec_match_region(mrb, self)->beg[0]);
}

static mrb_value match_post(mrb_state *mrb, mrb_value self)
{
        const mrb_value s = subject(mrb, self);
        const int end = spec_match_region(mrb, self)->end[0];

        return mrb_str_new(mrb, RSTRING_PTR(s) + end, RSTRING_LEN(s) - end);
}

static mrb_value offset(mrb_state *mrb, mrb_value self, bool end)
{
        const OnigRegion *region = spec_match_region(mrb, self);
        mrb_value key = mrb_fixnum_value(0);
        mrb_int n;

        mrb_get_args(mrb, "|o", &key);
        n = group_number(mrb, self, key);
        if (n < 0 || n >= region->num_regs)
                mrb_raisef(mrb, mrb_class_get(mrb, "IndexError"), "index %i out of matches", n);
        if (region->beg[n] < 0)
                return mrb_nil_value();
        return mrb_fixnum_value(end ? region->end[n] : region->beg[n]);
}

static mrb_value match_begin(mrb_state *mrb, mrb_value self)
{
        return offset(mrb, self, false);
}

static mrb_value match_end(mrb_state *mrb, mrb_value self)
{
        return offset(mrb, self, true);
}

static mrb_value match_offset(mrb_state *mrb, mrb_value self)
{
        return mrb_assoc_new(mrb, offset(mrb, self, false), offset(mrb, self, true));
}

static mrb_value match_size(mrb_state *mrb, mrb_value self)
{
        return mrb_fixnum_value(spec_match_region(mrb, self)->num_regs);
}

static mrb_value match_string(mrb_state *mrb, mrb_value self)
{
        return subject(mrb, self);
}

static mrb_value match_regexp(mrb_state *mrb, mrb_value self)
{
        return mrb_iv_get(mrb, self, SPEC_SYM("regexp"));
}

static mrb_value match_named_captures(mrb_state *mrb, mrb_value self)
{
        const mrb_value ret = mrb_hash_new(mrb);
        const mrb_value names = spec_regexp_names(mrb, match_regexp(mrb, self));

        for (mrb_int i = 0; i < RARRAY_LEN(names); i++) {
                const mrb_value name = mrb_ary_ref(mrb, names, i);

                mrb_hash_set(mrb, ret, name, spec_match_group(mrb, self, group_number(mrb, self, name)));
        }
        return ret;
}

static mrb_value match_names(mrb_state *mrb, mrb_value self)
{
        return spec_regexp_names(mrb, match_regexp(mrb, self));
}

static mrb_value match_values_at(mrb_state *mrb, mrb_value self)
{
        const mrb_value *v;
        mrb_int n;
        const mrb_value ret = mrb_ary_new(mrb);

        mrb_get_args(mrb, "*", &v, &n);
        for (mrb_int i = 0; i < n; i++)
                mrb_ary_push(mrb, ret, spec_match_group(mrb, self, group_number(mrb, self, v[i])));
        return ret;
}

static mrb_value match_inspect(mrb_state *mrb, mrb_value self)
{
        const mrb_value ret = mrb_str_new_lit(mrb, "#<MatchData");
        const int n = spec_match_region(mrb, self)->num_regs;

        for (int i = 0; i < n; i++) {
                mrb_str_cat_lit(mrb, ret, " ");
                if (i > 0)
                        mrb_str_cat_str(mrb, ret, mrb_format(mrb, "%d:", i));
                mrb_str_cat_str(mrb, ret, mrb_inspect(mrb, spec_match_group(mrb, self, i)));
        }
        mrb_str_cat_lit(mrb, ret, ">");
        return ret;
}

static const struct { const char *name; mrb_func_t function; mrb_aspec aspec; } methods[] = {
        { "[]", match_aref, MRB_ARGS_ARG(1, 1) },
        { "to_a", match_to_a, MRB_ARGS_NONE() },
        { "captures", match_captures, MRB_ARGS_NONE() },
        { "named_captures", match_named_captures, MRB_ARGS_NONE() },
        { "names", match_names, MRB_ARGS_NONE() },
        { "values_at", match_values_at, MRB_ARGS_ANY() },
        { "to_s", match_to_s, MRB_ARGS_NONE() },
        { "inspect", match_inspect, MRB_ARGS_NONE() },
        { "pre_match", match_pre, MRB_ARGS_NONE() },
        { "post_match", match_post, MRB_ARGS_NONE() },
        { "begin", match_begin, MRB_ARGS_OPT(1) },
        { "end", match_end, MRB_ARGS_OPT(1) },
        { "offset", match_offset, MRB_ARGS_OPT(1) },
        { "size", match_size, MRB_ARGS_NONE() },
        { "length", match_size, MRB_ARGS_NONE() },
        { "string", match_string, MRB_ARGS_NONE() },
        { "regexp", match_regexp, MRB_ARGS_NONE() },
};

void spec_match_init(mrb_state *mrb)
{
        struct RClass *class = mrb_define_class(mrb, "MatchData", mrb->object_class);

        MRB_SET_INSTANCE_TT(class, MRB_TT_DATA);
        mrb_undef_class_method(mrb, class, "new");
        for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
                mrb_define_method(mrb, class, methods[i].name, methods[i].function, methods[i].aspec);
}
