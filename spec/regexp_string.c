/* String's methods that take a Regexp. Where mruby has the method for plain
 * strings, that one is kept under __NAME and used for every other argument. */
#include "spec/ruby_priv.h"

#include <ctype.h>
#include <string.h>

#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/hash.h>
#include <mruby/proc.h>
#include <mruby/string.h>
#include <mruby/variable.h>

/* A function in C finds the arguments where we did. */
static mrb_value plain(mrb_state *mrb, mrb_value self, mrb_sym kept)
{
        struct RClass *class = mrb_class(mrb, self);
        const mrb_method_t method = mrb_method_search_vm(mrb, &class, kept);
        const mrb_value *argv;
        mrb_int argc;
        mrb_value block = mrb_nil_value();

        if (!MRB_METHOD_UNDEF_P(method) && MRB_METHOD_FUNC_P(method))
                return MRB_METHOD_FUNC(method)(mrb, self);
        mrb_get_args(mrb, "*&", &argv, &argc, &block);
        return mrb_funcall_with_block(mrb, self, kept, argc, argv, block);
}

static mrb_value first_argument(mrb_state *mrb)
{
        return mrb_get_argc(mrb) > 0 ? mrb_get_argv(mrb)[0] : mrb_nil_value();
}

static mrb_value string_match_at(mrb_state *mrb, mrb_value self)
{
        mrb_value pattern;

        mrb_get_args(mrb, "o", &pattern);
        if (mrb_string_p(pattern))
                mrb_raise(mrb, mrb_class_get(mrb, "TypeError"), "type mismatch: String given");
        return mrb_funcall_id(mrb, pattern, SPEC_SYM("=~"), 1, self);
}

static mrb_value string_match(mrb_state *mrb, mrb_value self)
{
        mrb_value pattern, block = mrb_nil_value(), match;
        mrb_int from = 0;

        mrb_get_args(mrb, "o|i&", &pattern, &from, &block);
        match = spec_regexp_search(mrb, spec_regexp_from(mrb, pattern, false), self, from);
        spec_regexp_set_last(mrb, match);
        return mrb_nil_p(match) || mrb_nil_p(block) ? match : mrb_yield(mrb, block, match);
}

static mrb_value string_match_p(mrb_state *mrb, mrb_value self)
{
        mrb_value pattern;
        mrb_int from = 0;

        mrb_get_args(mrb, "o|i", &pattern, &from);
        return mrb_bool_value(!mrb_nil_p(spec_regexp_search(mrb, spec_regexp_from(mrb, pattern, false), self, from)));
}

/* What self was when a method began; blocks may change it. */
static mrb_value snapshot(mrb_state *mrb, mrb_value self)
{
        return mrb_obj_freeze(mrb, mrb_str_dup(mrb, self));
}

/* Where to search on after a match: behind it, and one character on when it was empty. */
static mrb_int behind(mrb_value string, const OnigRegion *region)
{
        const char *p = RSTRING_PTR(string);
        const mrb_int length = RSTRING_LEN(string);
        mrb_int next = region->end[0];

        if (region->end[0] > region->beg[0])
                return next;
        do
                next++;
        while (next < length && ((unsigned char)p[next] & 0xc0) == 0x80);
        return next;
}

static mrb_value string_scan(mrb_state *mrb, mrb_value self)
{
        mrb_value pattern, block = mrb_nil_value(), last = mrb_nil_value();
        const mrb_value found = mrb_ary_new(mrb);
        const mrb_value string = snapshot(mrb, self);
        const bool utf8 = spec_regexp_utf8(string);
        mrb_int at = 0;

        mrb_get_args(mrb, "o&", &pattern, &block);
        pattern = spec_regexp_from(mrb, pattern, true);
        mrb_gc_protect(mrb, pattern);
        while (at <= RSTRING_LEN(string)) {
                const int arena = mrb_gc_arena_save(mrb);
                const mrb_value match = spec_regexp_search_in(mrb, pattern, string, utf8, at);
                const OnigRegion *region;
                mrb_value item;

                if (mrb_nil_p(match))
                        break;
                region = spec_match_region(mrb, match);
                at = behind(string, region);
                item = region->num_regs > 1 ? spec_match_captures(mrb, match, 1) : spec_match_group(mrb, match, 0);
                last = match;
                if (mrb_nil_p(block)) {
                        mrb_ary_push(mrb, found, item);
                } else {
                        spec_regexp_set_last(mrb, match);
                        mrb_yield(mrb, block, item);
                }
                mrb_gc_arena_restore(mrb, arena);
                mrb_gc_protect(mrb, last);
        }
        spec_regexp_set_last(mrb, last);
        return mrb_nil_p(block) ? found : self;
}

/* Appends a replacement with \0 \& \1..\9 \k<name> \` \' \\ filled in. */
static void append_template(mrb_state *mrb, mrb_value to, mrb_value template, mrb_value match, mrb_value string)
{
        const OnigRegion *region = spec_match_region(mrb, match);
        const char *p = RSTRING_PTR(template), *end = p + RSTRING_LEN(template);

        for (; p < end; p++) {
                const char *slash = memchr(p, '\\', (size_t)(end - p));
                const char *close;
                mrb_value group = mrb_nil_value();

                if (slash == NULL || slash + 1 == end) {
                        mrb_str_cat(mrb, to, p, (size_t)(end - p));
                        return;
                }
                mrb_str_cat(mrb, to, p, (size_t)(slash - p));
                p = slash + 1;
                if (isdigit((unsigned char)*p)) {
                        group = *p - '0' < region->num_regs ? spec_match_group(mrb, match, *p - '0') : group;
                } else if (*p == '&') {
                        group = spec_match_group(mrb, match, 0);
                } else if (*p == '`') {
                        mrb_str_cat(mrb, to, RSTRING_PTR(string), (size_t)region->beg[0]);
                } else if (*p == '\'') {
                        mrb_str_cat(mrb, to, RSTRING_PTR(string) + region->end[0],
                                    (size_t)(RSTRING_LEN(string) - region->end[0]));
                } else if (*p == '\\') {
                        mrb_str_cat_lit(mrb, to, "\\");
                } else if (*p == 'k' && p + 1 < end && p[1] == '<' &&
                           (close = memchr(p, '>', (size_t)(end - p))) != NULL) {
                        const int n = spec_match_name(mrb, match, p + 2, (size_t)(close - p - 2));

                        if (n < 0)
                                mrb_raise(mrb, mrb_class_get(mrb, "IndexError"), "undefined group name reference");
                        group = spec_match_group(mrb, match, n);
                        p = close;
                } else {
                        mrb_str_cat(mrb, to, slash, 2);
                }
                if (mrb_string_p(group))
                        mrb_str_cat_str(mrb, to, group);
        }
}

struct replacing { mrb_value pattern, replacement, block; bool all; };

/* Returns the new string, or nil when nothing matched. */
static mrb_value replace(mrb_state *mrb, mrb_value self, const struct replacing *how)
{
        const mrb_value string = snapshot(mrb, self);
        const bool utf8 = spec_regexp_utf8(string);
        const mrb_value ret = mrb_str_new_capa(mrb, RSTRING_LEN(string));
        mrb_value last = mrb_nil_value();
        mrb_int at = 0, copied = 0;

        while (at <= RSTRING_LEN(string)) {
                const int arena = mrb_gc_arena_save(mrb);
                const mrb_value match = spec_regexp_search_in(mrb, how->pattern, string, utf8, at);
                const OnigRegion *region;

                if (mrb_nil_p(match))
                        break;
                region = spec_match_region(mrb, match);
                mrb_str_cat(mrb, ret, RSTRING_PTR(string) + copied, (size_t)(region->beg[0] - copied));
                if (mrb_hash_p(how->replacement)) {
                        const mrb_value key = spec_match_group(mrb, match, 0);

                        mrb_str_cat_str(mrb, ret, mrb_obj_as_string(mrb, mrb_hash_get(mrb, how->replacement, key)));
                } else if (!mrb_nil_p(how->replacement)) {
                        append_template(mrb, ret, how->replacement, match, string);
                } else {
                        spec_regexp_set_last(mrb, match);
                        mrb_str_cat_str(mrb, ret, mrb_obj_as_string(mrb, mrb_yield(mrb, how->block, spec_match_group(mrb, match, 0))));
                }
                copied = region->end[0];
                at = behind(string, region);
                last = match;
                mrb_gc_arena_restore(mrb, arena);
                mrb_gc_protect(mrb, last);
                if (!how->all)
                        break;
        }
        spec_regexp_set_last(mrb, last);
        if (mrb_nil_p(last))
                return last;
        mrb_str_cat(mrb, ret, RSTRING_PTR(string) + copied, (size_t)(RSTRING_LEN(string) - copied));
        return ret;
}

static mrb_value substitute(mrb_state *mrb, mrb_value self, bool all, bool in_place, mrb_sym kept)
{
        struct replacing how = { .replacement = mrb_nil_value(), .block = mrb_nil_value(), .all = all };
        mrb_value ret;
        mrb_int n;

        if (!spec_regexp_is(mrb, first_argument(mrb)))
                return plain(mrb, self, kept);
        n = mrb_get_args(mrb, "o|o&", &how.pattern, &how.replacement, &how.block);
        if (n < 2 && mrb_nil_p(how.block))
                mrb_raise(mrb, mrb_class_get(mrb, "ArgumentError"), "wrong number of arguments (given 1, expected 2)");
        if (n >= 2 && !mrb_hash_p(how.replacement))
                how.replacement = mrb_ensure_string_type(mrb, how.replacement);
        ret = replace(mrb, self, &how);
        if (!in_place)
                return mrb_nil_p(ret) ? mrb_str_dup(mrb, self) : ret;
        if (mrb_nil_p(ret))
                return ret;
        return mrb_funcall_id(mrb, self, SPEC_SYM("replace"), 1, ret);
}

static mrb_value string_sub(mrb_state *mrb, mrb_value self)
{
        return substitute(mrb, self, false, false, SPEC_SYM("__sub"));
}

static mrb_value string_sub_bang(mrb_state *mrb, mrb_value self)
{
        return substitute(mrb, self, false, true, SPEC_SYM("__sub!"));
}

static mrb_value string_gsub(mrb_state *mrb, mrb_value self)
{
        return substitute(mrb, self, true, false, SPEC_SYM("__gsub"));
}

static mrb_value string_gsub_bang(mrb_state *mrb, mrb_value self)
{
        return substitute(mrb, self, true, true, SPEC_SYM("__gsub!"));
}

static void drop_empty_tail(mrb_state *mrb, mrb_value list)
{
        while (RARRAY_LEN(list) > 0 && RSTRING_LEN(RARRAY_PTR(list)[RARRAY_LEN(list) - 1]) == 0)
                (void)mrb_ary_pop(mrb, list);
}

/* One piece and the groups of the separator behind it. */
static void add_piece(mrb_state *mrb, mrb_value ret, mrb_value string, mrb_int from, mrb_value match)
{
        const OnigRegion *region = spec_match_region(mrb, match);

        mrb_ary_push(mrb, ret, mrb_str_new(mrb, RSTRING_PTR(string) + from, region->beg[0] - from));
        for (int i = 1; i < region->num_regs; i++)
                if (region->beg[i] >= 0)
                        mrb_ary_push(mrb, ret, spec_match_group(mrb, match, i));
}

static mrb_value string_split(mrb_state *mrb, mrb_value self)
{
        mrb_value pattern;
        mrb_int limit = 0, from = 0, at = 0, pieces = 1;

        if (!spec_regexp_is(mrb, first_argument(mrb)))
                return plain(mrb, self, SPEC_SYM("__split"));
        const mrb_value ret = mrb_ary_new(mrb), string = snapshot(mrb, self);
        const mrb_int length = RSTRING_LEN(string);
        const bool utf8 = spec_regexp_utf8(string);

        mrb_get_args(mrb, "o|i", &pattern, &limit);
        while (at <= length && length > 0 && (limit <= 0 || pieces < limit)) {
                const int arena = mrb_gc_arena_save(mrb);
                const mrb_value match = spec_regexp_search_in(mrb, pattern, string, utf8, at);
                const OnigRegion *region;

                if (mrb_nil_p(match))
                        break;
                region = spec_match_region(mrb, match);
                at = behind(string, region);
                if (region->end[0] > region->beg[0] || (region->beg[0] > from && region->beg[0] < length)) {
                        add_piece(mrb, ret, string, from, match);
                        from = region->end[0];
                        pieces++;
                }
                mrb_gc_arena_restore(mrb, arena);
        }
        if (length > 0)
                mrb_ary_push(mrb, ret, mrb_str_new(mrb, RSTRING_PTR(string) + from, length - from));
        if (limit == 0)
                drop_empty_tail(mrb, ret);
        return ret;
}

/* string[/re/], string[/re/, 1], string[/re/, "name"] */
static mrb_value string_aref(mrb_state *mrb, mrb_value self)
{
        mrb_value pattern, group = mrb_fixnum_value(0), match;

        if (!spec_regexp_is(mrb, first_argument(mrb)))
                return plain(mrb, self, SPEC_SYM("__slice"));
        mrb_get_args(mrb, "o|o", &pattern, &group);
        match = spec_regexp_search(mrb, pattern, self, 0);
        spec_regexp_set_last(mrb, match);
        return mrb_nil_p(match) ? match : mrb_funcall_id(mrb, match, SPEC_SYM("[]"), 1, group);
}

static mrb_value string_slice_bang(mrb_state *mrb, mrb_value self)
{
        mrb_value pattern, match, rest;

        if (!spec_regexp_is(mrb, first_argument(mrb)))
                return plain(mrb, self, SPEC_SYM("__slice!"));
        mrb_get_args(mrb, "o", &pattern);
        match = spec_regexp_search(mrb, pattern, self, 0);
        spec_regexp_set_last(mrb, match);
        if (mrb_nil_p(match))
                return match;
        rest = mrb_str_plus(mrb, mrb_funcall_id(mrb, match, SPEC_SYM("pre_match"), 0), mrb_funcall_id(mrb, match, SPEC_SYM("post_match"), 0));
        mrb_funcall_id(mrb, self, SPEC_SYM("replace"), 1, rest);
        return spec_match_group(mrb, match, 0);
}

static mrb_value string_index(mrb_state *mrb, mrb_value self)
{
        mrb_value pattern, match;
        mrb_int from = 0;

        if (!spec_regexp_is(mrb, first_argument(mrb)))
                return plain(mrb, self, SPEC_SYM("__index"));
        mrb_get_args(mrb, "o|i", &pattern, &from);
        match = spec_regexp_search(mrb, pattern, self, from);
        spec_regexp_set_last(mrb, match);
        return mrb_nil_p(match) ? match : mrb_fixnum_value(spec_match_region(mrb, match)->beg[0]);
}

static mrb_value string_partition(mrb_state *mrb, mrb_value self)
{
        mrb_value parts[3], match;

        if (!spec_regexp_is(mrb, first_argument(mrb)))
                return plain(mrb, self, SPEC_SYM("__partition"));
        match = spec_regexp_search(mrb, first_argument(mrb), self, 0);
        spec_regexp_set_last(mrb, match);
        parts[0] = mrb_nil_p(match) ? self : mrb_funcall_id(mrb, match, SPEC_SYM("pre_match"), 0);
        parts[1] = mrb_nil_p(match) ? mrb_str_new_lit(mrb, "") : spec_match_group(mrb, match, 0);
        parts[2] = mrb_nil_p(match) ? mrb_str_new_lit(mrb, "") : mrb_funcall_id(mrb, match, SPEC_SYM("post_match"), 0);
        return mrb_ary_new_from_values(mrb, 3, parts);
}

static mrb_value string_start_with(mrb_state *mrb, mrb_value self)
{
        const mrb_value *v;
        mrb_int n;

        mrb_get_args(mrb, "*", &v, &n);
        for (mrb_int i = 0; i < n; i++) {
                mrb_value match;

                if (!spec_regexp_is(mrb, v[i])) {
                        if (mrb_test(mrb_funcall_id(mrb, self, SPEC_SYM("__start_with?"), 1, v[i])))
                                return mrb_true_value();
                        continue;
                }
                match = spec_regexp_search(mrb, v[i], self, 0);
                if (!mrb_nil_p(match) && spec_match_region(mrb, match)->beg[0] == 0) {
                        spec_regexp_set_last(mrb, match);
                        return mrb_true_value();
                }
        }
        return mrb_false_value();
}

static mrb_value nil_match(mrb_state *mrb, mrb_value self)
{
        (void)mrb;
        (void)self;
        return mrb_nil_value();
}

static const struct { const char *name, *kept; mrb_func_t function; mrb_aspec aspec; } methods[] = {
        { "=~", NULL, string_match_at, MRB_ARGS_REQ(1) },
        { "match", NULL, string_match, MRB_ARGS_ARG(1, 1) | MRB_ARGS_BLOCK() },
        { "match?", NULL, string_match_p, MRB_ARGS_ARG(1, 1) },
        { "scan", NULL, string_scan, MRB_ARGS_REQ(1) | MRB_ARGS_BLOCK() },
        { "sub", "__sub", string_sub, MRB_ARGS_ANY() },
        { "sub!", "__sub!", string_sub_bang, MRB_ARGS_ANY() },
        { "gsub", "__gsub", string_gsub, MRB_ARGS_ANY() },
        { "gsub!", "__gsub!", string_gsub_bang, MRB_ARGS_ANY() },
        { "split", "__split", string_split, MRB_ARGS_ANY() },
        { "[]", "__slice", string_aref, MRB_ARGS_ANY() },
        { "slice", "__slice", string_aref, MRB_ARGS_ANY() },
        { "slice!", "__slice!", string_slice_bang, MRB_ARGS_ANY() },
        { "index", "__index", string_index, MRB_ARGS_ANY() },
        { "partition", "__partition", string_partition, MRB_ARGS_ANY() },
        { "start_with?", "__start_with?", string_start_with, MRB_ARGS_ANY() },
};

void spec_regexp_string_init(mrb_state *mrb)
{
        struct RClass *class = mrb->string_class;

        for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
                const mrb_sym name = mrb_intern_cstr(mrb, methods[i].name);

                if (methods[i].kept != NULL && strcmp(methods[i].name, "slice") != 0)
                        mrb_alias_method(mrb, class, mrb_intern_cstr(mrb, methods[i].kept), name);
                mrb_define_method(mrb, class, methods[i].name, methods[i].function, methods[i].aspec);
        }
        mrb_define_method(mrb, mrb->object_class, "=~", nil_match, MRB_ARGS_REQ(1));
}
