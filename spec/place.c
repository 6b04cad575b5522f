/* Where something stands in the user's files. mruby notes for a call over
 * several lines the last one, so the line of `it ... do` is found from the
 * block's first line upwards, in the text itself. */
#include "spec/ruby_priv.h"

#include <ctype.h>
#include <string.h>

#include <mruby/array.h>
#include <mruby/error.h>
#include <mruby/irep.h>
#include <mruby/debug.h>          /* needs irep.h before it */
#include <mruby/proc.h>
#include <mruby/string.h>

enum { LOOK_BACK = 100 };

static struct spec_source *source_named(const struct spec_engine *engine, const char *file)
{
        for (size_t i = 0; file != NULL && i < engine->n_sources; i++)
                if (bk_streq(engine->sources[i].file, file))
                        return &engine->sources[i];
        return NULL;
}

/* The innermost frame that is in `only`, or in any user file when NULL. */
static unsigned frame_line(mrb_state *mrb, const char *only, const char **ret_file)
{
        for (const mrb_callinfo *ci = mrb->c->ci; ci >= mrb->c->cibase; ci--) {
                const mrb_irep *irep;
                const char *file;
                uint32_t at;

                if (ci->proc == NULL || MRB_PROC_CFUNC_P(ci->proc))
                        continue;
                irep = ci->proc->body.irep;
                at = ci->pc != NULL && ci->pc > irep->iseq ? (uint32_t)(ci->pc - 1 - irep->iseq) : 0;
                file = mrb_debug_get_filename(mrb, irep, at);
                if (only != NULL ? !bk_streq(file, only) : source_named(spec_engine_of(mrb), file) == NULL)
                        continue;
                *ret_file = file;
                return (unsigned)mrb_debug_get_line(mrb, irep, at);
        }
        return 0;
}

static unsigned first_line(mrb_state *mrb, const mrb_irep *irep)
{
        unsigned ret = 0;

        for (uint32_t at = 0; at < irep->ilen; at++) {
                const int32_t line = mrb_debug_get_line(mrb, irep, at);

                if (line > 0 && (ret == 0 || (unsigned)line < ret))
                        ret = (unsigned)line;
        }
        return ret;
}

/* Examples are declared mostly from top to bottom, so the last place is remembered. */
static const char *line_start(struct spec_source *source, unsigned line)
{
        const char *p = source->seen;
        unsigned at = source->seen_line;

        if (p == NULL || line < at) {
                p = source->text;
                at = 1;
        }
        for (; at < line; at++) {
                p = strchr(p, '\n');
                if (p == NULL)
                        return NULL;
                p++;
        }
        source->seen = p;
        source->seen_line = at;
        return p;
}

static const char *line_before(const char *start, const char *line)
{
        if (line > start)
                line--;
        while (line > start && line[-1] != '\n')
                line--;
        return line;
}

/* Behind a string that begins at p, or p itself; the line's end where it does not end on its line. */
static const char *past_string(const char *p)
{
        const char quote = *p;

        if (quote != '"' && quote != '\'')
                return p;
        for (p++; *p != quote && *p != '\n' && *p != '\0'; p++)
                p += *p == '\\' && p[1] != '\n' && p[1] != '\0';
        return *p == quote ? p + 1 : p;
}

/* Does code from p to the end of `lines` lines open a block? */
static bool opens_block(const char *p, unsigned lines)
{
        bool in_word = true;

        while (*p != '\0' && lines > 0) {
                const char *next = past_string(p);

                if (*p == '{' || (!in_word && strncmp(p, "do", 2) == 0 && !isalnum((unsigned char)p[2]) && p[2] != '_'))
                        return true;
                in_word = next == p && (isalnum((unsigned char)*p) || strchr("_.:@$", *p) != NULL);
                p = next > p ? next : *p == '#' ? p + strcspn(p, "\n") : p + 1;
                lines -= p[-1] == '\n';
        }
        return false;
}

/* Is the example's word in this line, with the block that begins within so many lines? In its body
 * the words are others: `skip 'later'`, or part of a string. */
static bool declares(const char *line, unsigned lines)
{
        static const char *const words[] = { "it", "its", "specify", "example", "xit", "fit", "skip", "pending", "xspecify", "xexample" };
        const char *p = line;

        while (*p != '\n' && *p != '#' && *p != '\0') {
                const size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz");
                const char *next = past_string(p);

                for (size_t w = 0; n > 0 && w < sizeof words / sizeof *words; w++)
                        if (strlen(words[w]) == n && strncmp(p, words[w], n) == 0 && p[n] != '\0' && strchr(" ({", p[n]) != NULL &&
                            (p == line || (!isalnum((unsigned char)p[-1]) && strchr("_.:@$", p[-1]) == NULL)) &&
                            opens_block(p + n, lines))
                                return true;
                p = next > p ? next : p + (n > 0 ? n : 1);
        }
        return false;
}

/* line_of(block): of the example being declared; block may be nil. */
static mrb_value native_line_of(mrb_state *mrb, mrb_value self)
{
        const struct spec_engine *engine = spec_engine_of(mrb);
        const char *file = engine->job->file;
        struct spec_source *source = source_named(engine, file);
        unsigned line = frame_line(mrb, file, &file), first = 0;
        const char *text;
        mrb_value block;

        (void)self;
        mrb_get_args(mrb, "o", &block);
        if (mrb_proc_p(block) && !MRB_PROC_CFUNC_P(mrb_proc_ptr(block))) {
                const mrb_irep *irep = mrb_proc_ptr(block)->body.irep;

                if (bk_streq(mrb_debug_get_filename(mrb, irep, 0), engine->job->file))
                        first = first_line(mrb, irep);
        }
        if (first == 0)
                return mrb_fixnum_value(line);
        text = source != NULL ? line_start(source, first) : NULL;
        for (unsigned at = first; text != NULL && at > 0 && at + LOOK_BACK > first; at--) {
                if (declares(text, first - at + 1))
                        return mrb_fixnum_value(at);
                text = line_before(source->text, text);
        }
        return mrb_fixnum_value(first);
}

mrb_value spec_place_of_exception(mrb_state *mrb, mrb_value exception)
{
        const struct spec_engine *engine = spec_engine_of(mrb);
        const mrb_value trace = mrb_exc_backtrace(mrb, exception);

        for (mrb_int i = 0; mrb_array_p(trace) && i < RARRAY_LEN(trace); i++) {
                const mrb_value entry = RARRAY_PTR(trace)[i];

                for (size_t s = 0; mrb_string_p(entry) && s < engine->n_sources; s++) {
                        const size_t n = strlen(engine->sources[s].file);
                        const char *text = RSTRING_PTR(entry);
                        size_t digits;

                        if (strncmp(text, engine->sources[s].file, n) != 0 || text[n] != ':')
                                continue;
                        digits = strspn(text + n + 1, "0123456789");
                        return mrb_str_new(mrb, text, n + 1 + digits);
                }
        }
        return mrb_str_new_lit(mrb, "");
}

static mrb_value native_place(mrb_state *mrb, mrb_value self)
{
        mrb_value exception;

        (void)self;
        mrb_get_args(mrb, "o", &exception);
        return spec_place_of_exception(mrb, exception);
}

void spec_place_init(mrb_state *mrb, struct RClass *module)
{
        mrb_define_module_function(mrb, module, "line_of", native_line_of, MRB_ARGS_REQ(1));
        mrb_define_module_function(mrb, module, "place", native_place, MRB_ARGS_REQ(1));
}
