/* Regexp and MatchData on Oniguruma, with Ruby's syntax.
 *
 * Debian's mruby is built without UTF-8 strings, so offsets are bytes
 * everywhere; patterns still see characters. A subject that is not valid UTF-8
 * is matched bytewise by a second compilation, because Oniguruma reads past the
 * end of a truncated character. Retries are limited: a pattern that explodes is
 * an error of its example, not a hang. */
#include "spec/ruby_priv.h"

#include <string.h>

#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/data.h>
#include <mruby/error.h>
#include <mruby/hash.h>
#include <mruby/string.h>
#include <mruby/variable.h>

enum {
        RETRIES_MOST = 5000000,         /* well under a second */
        CACHE_MOST = 1000,              /* compiled patterns; a loop may build them without end */
        OPTIONS = ONIG_OPTION_IGNORECASE | ONIG_OPTION_EXTEND | ONIG_OPTION_MULTILINE,
        SHOWN_MOST = 200,               /* of a pattern in an error, bytes */
        SYNTAX_GREP = 1 << 16,          /* ours: grep's basic syntax, for serverspec's `contain` */
};

struct regexp {
        regex_t *utf8, *bytes;          /* compiled when first needed, but for the one that tells whether it is a pattern */
        int options;
        bool is_utf8;                   /* the pattern is; else there is only bytes */
};

struct match { OnigRegion region; };

static void drop(struct regexp *re)
{
        if (re->utf8 != NULL)
                onig_free(re->utf8);
        if (re->bytes != NULL)
                onig_free(re->bytes);
        re->utf8 = re->bytes = NULL;
}

static void regexp_free(mrb_state *mrb, void *p)
{
        struct regexp *re = p;

        if (re == NULL)
                return;
        drop(re);
        mrb_free(mrb, re);
}

static void match_free(mrb_state *mrb, void *p)
{
        struct match *m = p;

        if (m == NULL)
                return;
        onig_region_free(&m->region, 0);
        mrb_free(mrb, m);
}

static const struct mrb_data_type regexp_type = { "Regexp", regexp_free };
static const struct mrb_data_type match_type = { "MatchData", match_free };

static struct RClass *regexp_error(mrb_state *mrb)
{
        return mrb_class_get(mrb, "RegexpError");
}

static _Noreturn void fail_onig(mrb_state *mrb, int code, OnigErrorInfo *info, mrb_value source)
{
        OnigUChar text[ONIG_MAX_ERROR_MESSAGE_LEN] = { 0 };

        (void)onig_error_code_to_str(text, code, info);
        if (RSTRING_LEN(source) > SHOWN_MOST)
                source = mrb_str_cat_lit(mrb, mrb_str_new(mrb, RSTRING_PTR(source), SHOWN_MOST), "...");
        mrb_raisef(mrb, regexp_error(mrb), "%s: /%v/", (const char *)text, source);
        abort();
}

bool spec_regexp_utf8(mrb_value s)
{
        const OnigUChar *p = (const OnigUChar *)RSTRING_PTR(s);

        return onigenc_is_valid_mbc_string(ONIG_ENCODING_UTF8, p, p + RSTRING_LEN(s));
}

static regex_t *compile(mrb_state *mrb, mrb_value source, int options, OnigEncoding encoding)
{
        regex_t *ret = NULL;
        OnigErrorInfo info = { 0 };
        const OnigUChar *p = (const OnigUChar *)RSTRING_PTR(source);
        OnigSyntaxType *syntax = options & SYNTAX_GREP ? ONIG_SYNTAX_GREP : ONIG_SYNTAX_RUBY;
        const int code = onig_new(&ret, p, p + RSTRING_LEN(source), (OnigOptionType)(options & OPTIONS), encoding,
                                  syntax, &info);

        if (code != ONIG_NORMAL)
                fail_onig(mrb, code, &info, source);
        return ret;
}

/* Ruby can make one without a pattern: Regexp.allocate. */
static struct regexp *regexp_of(mrb_state *mrb, mrb_value self)
{
        struct regexp *ret = DATA_CHECK_GET_PTR(mrb, self, &regexp_type, struct regexp);

        if (ret == NULL)
                mrb_raise(mrb, mrb_class_get(mrb, "TypeError"), "uninitialized Regexp");
        return ret;
}

static mrb_value source_of(mrb_state *mrb, mrb_value self)
{
        (void)regexp_of(mrb, self);
        return mrb_iv_get(mrb, self, SPEC_SYM("source"));
}

static int options_from(mrb_value value)
{
        int options = 0;

        if (mrb_integer_p(value))
                return (int)mrb_integer(value) & OPTIONS;
        if (!mrb_string_p(value))
                return mrb_test(value) ? ONIG_OPTION_IGNORECASE : 0;
        for (mrb_int i = 0; i < RSTRING_LEN(value); i++) {
                switch (RSTRING_PTR(value)[i]) {
                case 'i': options |= ONIG_OPTION_IGNORECASE; break;
                case 'x': options |= ONIG_OPTION_EXTEND; break;
                case 'm': options |= ONIG_OPTION_MULTILINE; break;
                default: break;         /* encodings (n e s u) and o: of no effect here */
                }
        }
        return options;
}

static regex_t *variant_for(mrb_state *mrb, mrb_value self, struct regexp *re, bool utf8)
{
        regex_t **variant = re->is_utf8 && utf8 ? &re->utf8 : &re->bytes;

        if (*variant == NULL)
                *variant = compile(mrb, source_of(mrb, self), re->options, variant == &re->utf8 ? ONIG_ENCODING_UTF8 : ONIG_ENCODING_ASCII);
        return *variant;
}

static mrb_value regexp_new(mrb_state *mrb, struct RClass *class, mrb_value source, int options)
{
        struct regexp *re = mrb_calloc(mrb, 1, sizeof *re);
        struct RData *data = mrb_data_object_alloc(mrb, class, re, &regexp_type);
        const mrb_value self = mrb_obj_value(data);
        const mrb_value text = mrb_str_new(mrb, RSTRING_PTR(source), RSTRING_LEN(source));

        re->options = options;
        re->is_utf8 = spec_regexp_utf8(text);
        mrb_iv_set(mrb, self, SPEC_SYM("source"), text);
        (void)variant_for(mrb, self, re, re->is_utf8);
        return self;
}

/* Literals in loops compile again on every pass: compiled ones are kept, by options and source. */
static mrb_value regexp_cached(mrb_state *mrb, struct RClass *class, mrb_value source, int options)
{
        const mrb_value holder = mrb_obj_value(class);
        const mrb_sym name = SPEC_SYM("__compiled__");
        mrb_value cache = mrb_iv_get(mrb, holder, name);
        mrb_value key = mrb_fixnum_value(options), found;

        if (!mrb_hash_p(cache) || mrb_hash_size(mrb, cache) > CACHE_MOST) {
                cache = mrb_hash_new(mrb);
                mrb_iv_set(mrb, holder, name, cache);
        }
        key = mrb_str_cat_str(mrb, mrb_obj_as_string(mrb, key), mrb_str_new_lit(mrb, "/"));
        key = mrb_str_cat_str(mrb, key, source);
        found = mrb_hash_get(mrb, cache, key);
        if (mrb_nil_p(found)) {
                found = regexp_new(mrb, class, source, options);
                mrb_hash_set(mrb, cache, key, found);
        }
        return found;
}

static mrb_value regexp_s_new(mrb_state *mrb, mrb_value class)
{
        mrb_value source, flags = mrb_nil_value(), encoding;

        mrb_get_args(mrb, "o|oo", &source, &flags, &encoding);
        if (spec_regexp_is(mrb, source))
                return source;
        return regexp_cached(mrb, mrb_class_ptr(class), mrb_ensure_string_type(mrb, source), options_from(flags));
}

static mrb_value regexp_s_grep(mrb_state *mrb, mrb_value class)
{
        mrb_value source;

        mrb_get_args(mrb, "S", &source);
        return regexp_cached(mrb, mrb_class_ptr(class), source, SYNTAX_GREP);
}

static mrb_value quote(mrb_state *mrb, mrb_value source)
{
        static const char from[] = "\n\t\r\f\v", to[] = "ntrfv";
        const mrb_value ret = mrb_str_new_capa(mrb, RSTRING_LEN(source) + 16);

        for (mrb_int i = 0; i < RSTRING_LEN(source); i++) {
                const char c = RSTRING_PTR(source)[i];
                const char *space = c != '\0' ? strchr(from, c) : NULL;

                if (space != NULL || (c != '\0' && strchr(".*?+^$|\\()[]{}-# ", c) != NULL))
                        mrb_str_cat_lit(mrb, ret, "\\");
                mrb_str_cat(mrb, ret, space != NULL ? &to[space - from] : &c, 1);
        }
        return ret;
}

static mrb_value regexp_s_escape(mrb_state *mrb, mrb_value class)
{
        mrb_value source;

        (void)class;
        mrb_get_args(mrb, "o", &source);
        return quote(mrb, mrb_obj_as_string(mrb, source));
}

static mrb_value regexp_s_union(mrb_state *mrb, mrb_value class)
{
        const mrb_value *v;
        mrb_int n;
        const mrb_value source = mrb_str_new_lit(mrb, "");

        mrb_get_args(mrb, "*", &v, &n);
        if (n == 1 && mrb_array_p(v[0])) {
                n = RARRAY_LEN(v[0]);
                v = RARRAY_PTR(v[0]);
        }
        for (mrb_int i = 0; i < n; i++) {
                if (i > 0)
                        mrb_str_cat_lit(mrb, source, "|");
                mrb_str_cat_str(mrb, source, spec_regexp_is(mrb, v[i]) ? mrb_obj_as_string(mrb, v[i])
                                                                       : quote(mrb, mrb_obj_as_string(mrb, v[i])));
        }
        return regexp_cached(mrb, mrb_class_ptr(class), n > 0 ? source : mrb_str_new_lit(mrb, "(?!)"), 0);
}

bool spec_regexp_is(mrb_state *mrb, mrb_value value)
{
        (void)mrb;
        return mrb_data_p(value) && DATA_TYPE(value) == &regexp_type;
}

mrb_value spec_regexp_from(mrb_state *mrb, mrb_value value, bool quoted)
{
        if (spec_regexp_is(mrb, value))
                return value;
        if (!mrb_string_p(value))
                mrb_raisef(mrb, mrb_class_get(mrb, "TypeError"), "wrong argument type %C (expected Regexp)", mrb_obj_class(mrb, value));
        return regexp_cached(mrb, SPEC_CLASS("Regexp"), quoted ? quote(mrb, value) : value, 0);
}

mrb_value spec_regexp_search(mrb_state *mrb, mrb_value regexp, mrb_value string, mrb_int from)
{
        return spec_regexp_search_in(mrb, regexp, string, spec_regexp_utf8(string), from);
}

mrb_value spec_regexp_search_in(mrb_state *mrb, mrb_value regexp, mrb_value string, bool utf8, mrb_int from)
{
        struct regexp *re = regexp_of(mrb, regexp);
        const mrb_int length = RSTRING_LEN(string);
        const OnigUChar *p;
        struct match *m;
        mrb_value ret;
        int at;

        from = from < 0 ? from + length : from;
        if (from < 0 || from > length)
                return mrb_nil_value();
        regex_t *const compiled = variant_for(mrb, regexp, re, utf8);

        m = mrb_calloc(mrb, 1, sizeof *m);
        ret = mrb_obj_value(mrb_data_object_alloc(mrb, SPEC_CLASS("MatchData"), m, &match_type));
        p = (const OnigUChar *)RSTRING_PTR(string);
        at = onig_search(compiled, p, p + length, p + from, p + length, &m->region, ONIG_OPTION_NONE);
        if (at == ONIG_MISMATCH)
                return mrb_nil_value();
        if (at < 0)
                fail_onig(mrb, at, NULL, source_of(mrb, regexp));
        if (!mrb_frozen_p(mrb_str_ptr(string)))
                string = mrb_obj_freeze(mrb, mrb_str_dup(mrb, string));
        mrb_iv_set(mrb, ret, SPEC_SYM("string"), string);
        mrb_iv_set(mrb, ret, SPEC_SYM("regexp"), regexp);
        return ret;
}

const OnigRegion *spec_match_region(mrb_state *mrb, mrb_value match)
{
        const struct match *m = DATA_CHECK_GET_PTR(mrb, match, &match_type, struct match);

        if (m == NULL)
                mrb_raise(mrb, mrb_class_get(mrb, "TypeError"), "uninitialized MatchData");
        return &m->region;
}

static mrb_value match_string(mrb_state *mrb, mrb_value match)
{
        return mrb_iv_get(mrb, match, SPEC_SYM("string"));
}

mrb_value spec_match_group(mrb_state *mrb, mrb_value match, mrb_int n)
{
        const OnigRegion *region = spec_match_region(mrb, match);

        n = n < 0 ? n + region->num_regs : n;
        if (n < 0 || n >= region->num_regs || region->beg[n] < 0)
                return mrb_nil_value();
        return mrb_str_new(mrb, RSTRING_PTR(match_string(mrb, match)) + region->beg[n], region->end[n] - region->beg[n]);
}

mrb_value spec_match_captures(mrb_state *mrb, mrb_value match, int first)
{
        const OnigRegion *region = spec_match_region(mrb, match);
        const mrb_value ret = mrb_ary_new_capa(mrb, region->num_regs);

        for (int i = first; i < region->num_regs; i++)
                mrb_ary_push(mrb, ret, spec_match_group(mrb, match, i));
        return ret;
}

int spec_match_name(mrb_state *mrb, mrb_value match, const char *name, size_t length)
{
        const mrb_value regexp = mrb_iv_get(mrb, match, SPEC_SYM("regexp"));
        struct regexp *re = regexp_of(mrb, regexp);
        const OnigUChar *p = (const OnigUChar *)name;
        const int n = onig_name_to_backref_number(variant_for(mrb, regexp, re, true), p, p + length,
                                                  (OnigRegion *)spec_match_region(mrb, match));

        return n < 0 ? -1 : n;
}

struct naming { mrb_state *mrb; mrb_value list; };

static int add_name(const OnigUChar *name, const OnigUChar *end, int n, int *groups, OnigRegex re, void *arg)
{
        const struct naming *naming = arg;

        (void)n, (void)re;
        mrb_ary_set(naming->mrb, naming->list, groups[0], mrb_str_new(naming->mrb, (const char *)name, end - name));
        return 0;
}

mrb_value spec_regexp_names(mrb_state *mrb, mrb_value regexp)
{
        struct regexp *re = regexp_of(mrb, regexp);
        struct naming naming = { mrb, mrb_ary_new(mrb) };

        /* They come in the order of a hash; by their groups' numbers, then without the gaps, they are as written. */
        (void)onig_foreach_name(variant_for(mrb, regexp, re, true), add_name, &naming);
        return mrb_funcall_id(mrb, naming.list, SPEC_SYM("compact"), 0);
}

static mrb_value regexp_names(mrb_state *mrb, mrb_value self)
{
        return spec_regexp_names(mrb, self);
}

void spec_regexp_set_last(mrb_state *mrb, mrb_value match)
{
        const mrb_sym numbered[] = { SPEC_SYM("$1"), SPEC_SYM("$2"), SPEC_SYM("$3"), SPEC_SYM("$4"), SPEC_SYM("$5"), SPEC_SYM("$6"),
                                     SPEC_SYM("$7"), SPEC_SYM("$8"), SPEC_SYM("$9") };
        const bool is = !mrb_nil_p(match);
        const int arena = mrb_gc_arena_save(mrb);
        const OnigRegion *region = is ? spec_match_region(mrb, match) : NULL;
        mrb_value last = mrb_nil_value();

        mrb_gv_set(mrb, SPEC_SYM("$~"), match);
        for (int i = 0; i < 9; i++) {
                const mrb_value group = is ? spec_match_group(mrb, match, i + 1) : mrb_nil_value();

                mrb_gv_set(mrb, numbered[i], group);
                if (!mrb_nil_p(group))
                        last = group;
        }
        mrb_gv_set(mrb, SPEC_SYM("$+"), last);
        mrb_gv_set(mrb, SPEC_SYM("$&"), is ? spec_match_group(mrb, match, 0) : mrb_nil_value());
        if (is) {
                const mrb_value s = match_string(mrb, match);

                /* parts share the text's memory: a block may see many matches of one large text */
                mrb_gv_set(mrb, SPEC_SYM("$`"), mrb_str_substr(mrb, s, 0, region->beg[0]));
                mrb_gv_set(mrb, SPEC_SYM("$'"), mrb_str_substr(mrb, s, region->end[0], RSTRING_LEN(s) - region->end[0]));
        } else {
                mrb_gv_set(mrb, SPEC_SYM("$`"), mrb_nil_value());
                mrb_gv_set(mrb, SPEC_SYM("$'"), mrb_nil_value());
        }
        mrb_gc_arena_restore(mrb, arena);
}

/* --- Regexp ---------------------------------------------------------------- */

/* What a Regexp is asked to match: strings and symbols; nil and others do not match. */
static mrb_value subject_of(mrb_state *mrb, mrb_value value)
{
        if (mrb_symbol_p(value))
                return mrb_sym_str(mrb, mrb_symbol(value));
        return mrb_string_p(value) ? value : mrb_nil_value();
}

static mrb_value search_and_set(mrb_state *mrb, mrb_value self, mrb_value value, mrb_int from)
{
        const mrb_value subject = subject_of(mrb, value);
        mrb_value match = mrb_nil_value();

        if (!mrb_nil_p(subject))
                match = spec_regexp_search(mrb, self, subject, from);
        spec_regexp_set_last(mrb, match);
        return match;
}

static mrb_value regexp_match(mrb_state *mrb, mrb_value self)
{
        mrb_value value, block = mrb_nil_value(), match;
        mrb_int from = 0;

        mrb_get_args(mrb, "o|i&", &value, &from, &block);
        match = search_and_set(mrb, self, value, from);
        return mrb_nil_p(match) || mrb_nil_p(block) ? match : mrb_yield(mrb, block, match);
}

static mrb_value regexp_match_p(mrb_state *mrb, mrb_value self)
{
        mrb_value value, subject;
        mrb_int from = 0;

        mrb_get_args(mrb, "o|i", &value, &from);
        subject = subject_of(mrb, value);
        return mrb_bool_value(!mrb_nil_p(subject) && !mrb_nil_p(spec_regexp_search(mrb, self, subject, from)));
}

static mrb_value regexp_at(mrb_state *mrb, mrb_value self)
{
        mrb_value value, match;

        mrb_get_args(mrb, "o", &value);
        match = search_and_set(mrb, self, value, 0);
        return mrb_nil_p(match) ? match : mrb_fixnum_value(spec_match_region(mrb, match)->beg[0]);
}

static mrb_value regexp_case(mrb_state *mrb, mrb_value self)
{
        mrb_value value;

        mrb_get_args(mrb, "o", &value);
        return mrb_bool_value(!mrb_nil_p(search_and_set(mrb, self, value, 0)));
}

static mrb_value regexp_equal(mrb_state *mrb, mrb_value self)
{
        mrb_value other;

        mrb_get_args(mrb, "o", &other);
        if (!spec_regexp_is(mrb, other))
                return mrb_false_value();
        return mrb_bool_value(regexp_of(mrb, self)->options == regexp_of(mrb, other)->options &&
                              mrb_str_equal(mrb, source_of(mrb, self), source_of(mrb, other)));
}

static mrb_value regexp_source(mrb_state *mrb, mrb_value self)
{
        return mrb_str_dup(mrb, source_of(mrb, self));
}

static mrb_value regexp_options(mrb_state *mrb, mrb_value self)
{
        return mrb_fixnum_value(regexp_of(mrb, self)->options & OPTIONS);
}

static mrb_value regexp_to_s(mrb_state *mrb, mrb_value self)
{
        static const struct { int option; char letter; } letters[] = {
                { ONIG_OPTION_MULTILINE, 'm' }, { ONIG_OPTION_IGNORECASE, 'i' }, { ONIG_OPTION_EXTEND, 'x' },
        };
        const int options = regexp_of(mrb, self)->options;
        const mrb_value ret = mrb_str_new_lit(mrb, "(?");

        for (int i = 0; i < 3; i++)
                if (options & letters[i].option)
                        mrb_str_cat(mrb, ret, &letters[i].letter, 1);
        if ((options & OPTIONS) != OPTIONS)
                mrb_str_cat_lit(mrb, ret, "-");
        for (int i = 0; i < 3; i++)
                if (!(options & letters[i].option))
                        mrb_str_cat(mrb, ret, &letters[i].letter, 1);
        mrb_str_cat_lit(mrb, ret, ":");
        mrb_str_cat_str(mrb, ret, source_of(mrb, self));
        mrb_str_cat_lit(mrb, ret, ")");
        return ret;
}

static mrb_value regexp_inspect(mrb_state *mrb, mrb_value self)
{
        const int options = regexp_of(mrb, self)->options;
        const mrb_value ret = mrb_str_new_lit(mrb, "/");

        mrb_str_cat_str(mrb, ret, source_of(mrb, self));
        mrb_str_cat_lit(mrb, ret, "/");
        if (options & ONIG_OPTION_MULTILINE)
                mrb_str_cat_lit(mrb, ret, "m");
        if (options & ONIG_OPTION_IGNORECASE)
                mrb_str_cat_lit(mrb, ret, "i");
        if (options & ONIG_OPTION_EXTEND)
                mrb_str_cat_lit(mrb, ret, "x");
        return ret;
}

static mrb_value regexp_s_last(mrb_state *mrb, mrb_value class)
{
        const mrb_value match = mrb_gv_get(mrb, SPEC_SYM("$~"));
        mrb_int n = -1;

        (void)class;
        if (mrb_get_args(mrb, "|i", &n) == 0 || mrb_nil_p(match))
                return match;
        return spec_match_group(mrb, match, n);
}

struct method { const char *name; mrb_func_t function; mrb_aspec aspec; };

static const struct method regexp_class_methods[] = {
        { "new", regexp_s_new, MRB_ARGS_ARG(1, 2) }, { "compile", regexp_s_new, MRB_ARGS_ARG(1, 2) },
        { "escape", regexp_s_escape, MRB_ARGS_REQ(1) }, { "quote", regexp_s_escape, MRB_ARGS_REQ(1) },
        { "union", regexp_s_union, MRB_ARGS_ANY() }, { "last_match", regexp_s_last, MRB_ARGS_OPT(1) },
        { "grep", regexp_s_grep, MRB_ARGS_REQ(1) },
};

static const struct method regexp_methods[] = {
        { "match", regexp_match, MRB_ARGS_ARG(1, 1) | MRB_ARGS_BLOCK() }, { "match?", regexp_match_p, MRB_ARGS_ARG(1, 1) },
        { "=~", regexp_at, MRB_ARGS_REQ(1) }, { "===", regexp_case, MRB_ARGS_REQ(1) },
        { "==", regexp_equal, MRB_ARGS_REQ(1) }, { "eql?", regexp_equal, MRB_ARGS_REQ(1) },
        { "source", regexp_source, MRB_ARGS_NONE() }, { "options", regexp_options, MRB_ARGS_NONE() },
        { "names", regexp_names, MRB_ARGS_NONE() },
        { "to_s", regexp_to_s, MRB_ARGS_NONE() }, { "inspect", regexp_inspect, MRB_ARGS_NONE() },
};

void spec_regexp_begin(void)
{
        (void)onig_set_retry_limit_in_match(RETRIES_MOST);
        (void)onig_set_retry_limit_in_search(RETRIES_MOST);
}

static int forget(mrb_state *mrb, struct RBasic *object, void *arg)
{
        struct RData *data = (struct RData *)object;

        (void)mrb, (void)arg;
        if (object->tt != MRB_TT_DATA || data->data == NULL)
                return MRB_EACH_OBJ_OK;
        if (data->type == &regexp_type)
                drop(data->data);
        if (data->type == &match_type) {
                onig_region_free(&((struct match *)data->data)->region, 0);
                memset(data->data, 0, sizeof(struct match));
        }
        return MRB_EACH_OBJ_OK;
}

void spec_regexp_forget(mrb_state *mrb)
{
        mrb_objspace_each_objects(mrb, forget, NULL);
}

void spec_regexp_init(mrb_state *mrb)
{
        struct RClass *class = mrb_define_class(mrb, "Regexp", mrb->object_class);

        MRB_SET_INSTANCE_TT(class, MRB_TT_DATA);
        mrb_define_const(mrb, class, "IGNORECASE", mrb_fixnum_value(ONIG_OPTION_IGNORECASE));
        mrb_define_const(mrb, class, "EXTENDED", mrb_fixnum_value(ONIG_OPTION_EXTEND));
        mrb_define_const(mrb, class, "MULTILINE", mrb_fixnum_value(ONIG_OPTION_MULTILINE));
        for (size_t i = 0; i < sizeof regexp_class_methods / sizeof *regexp_class_methods; i++)
                mrb_define_class_method(mrb, class, regexp_class_methods[i].name, regexp_class_methods[i].function,
                                        regexp_class_methods[i].aspec);
        for (size_t i = 0; i < sizeof regexp_methods / sizeof *regexp_methods; i++)
                mrb_define_method(mrb, class, regexp_methods[i].name, regexp_methods[i].function, regexp_methods[i].aspec);
        spec_match_init(mrb);
        spec_regexp_string_init(mrb);
}
