/* Go's text/template, as far as Packer's templates use it: text, actions,
 * trim markers, comments, pipelines, calls, fields and if. It is evaluated
 * while it is read; what stands in a branch not taken is read with `live`
 * false, so that its syntax is still checked, as Go does. What Go has beyond
 * that (range, with, define, variables) is refused by name, never ignored. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bakery/template/template_priv.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

enum { MADE_MOST = 4 * TMPL_TEXT_MOST };

struct reader {
        const struct tmpl_scope *scope;
        const struct bk_doc *place;             /* may be NULL */
        struct tmpl_waiting *waiting;           /* not NULL inside variables */
        const char *p;
        const char *action;                     /* the "{{" that is being read, or NULL */
        bool trim;                              /* the last action ended in " -}}" */
        bool live;
        unsigned depth;
        size_t made;                            /* bytes that functions gave so far */
        struct bk_buf out;
        struct bk_error *err;
};

struct args {
        struct tmpl_value *v;
        size_t n;
};

enum stop { AT_THE_END_OF_TEXT, AT_END, AT_ELSE, AT_ELSE_IF };

static int read_pipeline(struct reader *in, struct tmpl_value *ret);
static int read_text(struct reader *in, enum stop *ret);

void tmpl_value_done(struct tmpl_value *value)
{
        free(value->text);
        *value = (struct tmpl_value){ 0 };
}

bool tmpl_value_truth(const struct tmpl_value *value)
{
        switch (value->kind) {
        case TMPL_V_NUMBER: return strtold(value->text, NULL) != 0;
        case TMPL_V_BOOL:   return bk_streq(value->text, "true");
        default:            return value->text[0] != '\0';
        }
}

static void args_done(struct args *args)
{
        for (size_t i = 0; i < args->n; i++)
                tmpl_value_done(&args->v[i]);
        free(args->v);
}

/* --- complaints ------------------------------------------------------------ */
/* Adds the action and the place to an error that is already filled. */
static int fail_here(struct reader *in)
{
        const char *const close = in->action ? strstr(in->action, "}}") : NULL;
        size_t length = in->action ? (close ? (size_t)(close - in->action) + 2 : strlen(in->action)) : 0;
        const char *const line_end = in->action ? strpbrk(in->action, "\r\n") : NULL;
        const char *dots = "";

        if (line_end != NULL && (size_t)(line_end - in->action) < length) {
                length = (size_t)(line_end - in->action);
                dots = "...";
        }
        if (length > 80) {
                length = 80;
                dots = "...";
                while (((unsigned char)in->action[length] & 0xc0) == 0x80)
                        length--;
        }
        if (in->action != NULL)
                (void)bk_wrap(in->err, "in '%.*s%s'", (int)length, in->action, dots);
        return in->place ? bk_at(in->err, in->place->file, in->place->line, in->place->column) : -1;
}

static int fail(struct reader *in, const char *format, ...) BK_PRINTF(2, 3);
static int fail(struct reader *in, const char *format, ...)
{
        autofree char *text = NULL;
        va_list args;

        va_start(args, format);
        text = bk_vformat(format, args);
        va_end(args);
        (void)bk_fail(in->err, BK_INVALID, "%s", text);
        return fail_here(in);
}

static int fail_unexpected(struct reader *in, const char *wanted)
{
        int length = 1;

        if (*in->p == '\0')
                return fail(in, "expected %s, but the text ends inside the action", wanted);
        while (((unsigned char)in->p[length] & 0xc0) == 0x80)
                length++;
        return fail(in, "expected %s, found '%.*s'", wanted, length, in->p);
}

/* --- tokens ---------------------------------------------------------------- */
static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(char c)
{
        return isalnum((unsigned char)c) || c == '_' || ((unsigned char)c & 0x80) != 0;
}

static void skip_blanks(struct reader *in)
{
        while (is_blank(*in->p))
                in->p++;
}

/* "}}", or "-}}" after a blank: the trim marker needs one, as "3-}}" would not. */
static size_t close_length(const struct reader *in)
{
        if (strncmp(in->p, "}}", 2) == 0)
                return 2;
        if (strncmp(in->p, "-}}", 3) == 0 && is_blank(in->p[-1]))
                return 3;
        return 0;
}

static int read_close(struct reader *in)
{
        size_t length;

        skip_blanks(in);
        length = close_length(in);
        if (length == 0)
                return fail_unexpected(in, "'}}'");
        in->trim = length == 3;
        in->p += length;
        in->action = NULL;
        return 0;
}

/* A value while a branch is not taken. */
static int give_nothing(struct tmpl_value *ret)
{
        *ret = (struct tmpl_value){ .kind = TMPL_V_STRING, .text = bk_strdup("") };
        return 0;
}

static int give(struct tmpl_value *ret, enum tmpl_value_kind kind, char *text)
{
        *ret = (struct tmpl_value){ .kind = kind, .text = text };
        return 0;
}

/* --- operands -------------------------------------------------------------- */
static int read_field(struct reader *in, struct tmpl_value *ret)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf known = { 0 };
        const char *const start = ++in->p;
        autofree char *name = NULL;

        while (is_word(*in->p) || *in->p == '.')
                in->p++;
        name = bk_strndup(start, (size_t)(in->p - start));
        if (*name == '\0')
                return fail(in, "'.' alone is not supported; name a field, as in {{ .Name }}");
        if (!in->live)
                return give_nothing(ret);
        for (size_t i = 0; i < in->scope->n_data; i++) {
                if (bk_streq(in->scope->data[i].name, name))
                        return give(ret, TMPL_V_STRING,
                                    bk_strdup(in->scope->data[i].value ? in->scope->data[i].value : ""));
                bk_buf_printf(&known, "%s.%s", i ? ", " : "", in->scope->data[i].name);
        }
        for (size_t i = 0; i < in->scope->n_build; i++)
                if (bk_streq(in->scope->build[i].name, name))
                        return give(ret, TMPL_V_STRING, bk_strdup(in->scope->build[i].value));
        if (known.len > 0)
                return fail(in, ".%.60s is not known here; known are %s", name, known.data);
        return fail(in, ".%.60s is not known here; for a variable write {{ user `%.60s` }}", name, name);
}

static char *read_name(struct reader *in)
{
        const char *const start = in->p;

        while (is_word(*in->p))
                in->p++;
        return bk_strndup(start, (size_t)(in->p - start));
}

static int find_function(struct reader *in, const char *name, const struct tmpl_function **ret)
{
        static const char *const beyond[] = { "range", "with", "define", "template", "block", "break", "continue", "nil" };
        const char *nearest;

        *ret = tmpl_function_find(name);
        if (*ret != NULL)
                return 0;
        for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++)
                if (bk_streq(name, beyond[i]))
                        return fail(in, "'%s' is not supported; Packer's functions, if, else and end are", name);
        if (bk_streq(name, "if") || bk_streq(name, "else") || bk_streq(name, "end"))
                return fail(in, "'%s' must be the first word of an action", name);
        nearest = tmpl_function_nearest(name);
        if (nearest != NULL)
                return fail(in, "unknown function '%.60s'; did you mean '%s'?", name, nearest);
        return fail(in, "unknown function '%.60s'; for a variable write {{ user `%.60s` }}", name, name);
}

/* How many arguments a row's form takes, and what the i-th one must be. */
static void arity(const char *form, size_t *least, size_t *most)
{
        const char *const bar = strchr(form, '|');
        const bool repeats = *form != '\0' && form[strlen(form) - 1] == '+';

        *most = repeats ? SIZE_MAX : strlen(form) - (bar != NULL);
        *least = bar != NULL ? (size_t)(bar - form) : strlen(form) - repeats;
}

static char kind_of(const char *form, size_t i)
{
        for (char kind = 'a';; form++) {
                if (*form == '\0' || *form == '+')
                        return kind;
                if (*form == '|')
                        continue;
                kind = *form;
                if (i-- == 0)
                        return kind;
        }
}

static int check_args(struct reader *in, const struct tmpl_function *function, const struct args *args)
{
        size_t least, most;

        arity(function->args, &least, &most);
        if (args->n < least || args->n > most) {
                const size_t limit = args->n < least ? least : most;

                return fail(in, "%s wants %s%zu argument%s, found %zu; it gives %s", function->name,
                            least == most ? "" : args->n < least ? "at least " : "at most ", limit,
                            limit == 1 ? "" : "s", args->n, function->help);
        }
        for (size_t i = 0; i < args->n && in->live; i++) {
                const struct tmpl_value *const arg = &args->v[i];
                const char kind = kind_of(function->args, i);

                if (kind == 's' && arg->kind != TMPL_V_STRING)
                        return fail(in, "%s wants a string as argument %zu, found %.40s", function->name, i + 1, arg->text);
                if (kind == 'i' && (arg->kind != TMPL_V_NUMBER || strpbrk(arg->text, ".e") != NULL))
                        return fail(in, "%s wants a whole number as argument %zu, found \"%.40s\"", function->name,
                                    i + 1, arg->text);
        }
        return 0;
}

static int call_function(struct reader *in, const struct tmpl_function *function, const struct args *args,
                         struct tmpl_value *ret)
{
        struct tmpl_call call = { function, in->scope, in->waiting, args->v, args->n, in->err };

        if (check_args(in, function, args) < 0)
                return -1;
        if (!in->live)
                return give_nothing(ret);
        if (function->variables_only && in->waiting == NULL)
                return fail(in, "%s works inside \"variables\" only; declare a variable and write {{ user `NAME` }}",
                            function->name);
        if (function->call(&call, ret) < 0)
                return fail_here(in);
        in->made += strlen(ret->text);
        if (in->made <= MADE_MOST)
                return 0;
        tmpl_value_done(ret);
        return fail(in, "the functions in this text make more than %d MiB", MADE_MOST >> 20);
}

static int read_parentheses(struct reader *in, struct tmpl_value *ret)
{
        struct tmpl_value value = { 0 };

        if (++in->depth > TMPL_DEPTH_MOST)
                return fail(in, "nested deeper than %d levels", TMPL_DEPTH_MOST);
        in->p++;
        if (read_pipeline(in, &value) < 0)
                return -1;
        if (*in->p != ')') {
                tmpl_value_done(&value);
                return fail_unexpected(in, "')'");
        }
        in->p++;
        in->depth--;
        *ret = value;
        return 0;
}

/* One operand. When it is a function, *ret_function is set and nothing is called yet. */
static int read_operand(struct reader *in, const struct tmpl_function **ret_function, struct tmpl_value *ret)
{
        autofree char *name = NULL;

        *ret_function = NULL;
        if (*in->p == '(')
                return read_parentheses(in, ret);
        if (tmpl_is_literal(in->p))
                return tmpl_read_literal(&in->p, ret, in->err) < 0 ? fail_here(in) : 0;
        if (*in->p == '.')
                return read_field(in, ret);
        if (*in->p == '$')
                return fail(in, "template variables ($) are not supported; use \"variables\" and {{ user `NAME` }}");
        if (*in->p == '\'')
                return fail(in, "strings stand in double quotes or in `...`, not in single quotes");
        if (!is_word(*in->p))
                return fail_unexpected(in, "a function, a field or a string");
        name = read_name(in);
        if (bk_streq(name, "true") || bk_streq(name, "false"))
                return give(ret, TMPL_V_BOOL, bk_take(name));
        return find_function(in, name, ret_function);
}

static int add_argument(struct reader *in, struct args *args, bool first, const struct tmpl_function **function)
{
        const struct tmpl_function *named = NULL;
        struct tmpl_value value = { 0 };

        if (read_operand(in, &named, &value) < 0)
                return -1;
        if (first && named != NULL) {
                *function = named;
                return 0;
        }
        if (named != NULL && call_function(in, named, &(struct args){ 0 }, &value) < 0)
                return -1;
        args->v = bk_grow(args->v, args->n + 1, sizeof *args->v);
        args->v[args->n++] = value;
        return 0;
}

/* A command: operands with blanks between them. `piped` comes last, when there is one. */
static int read_command(struct reader *in, struct tmpl_value *piped, struct tmpl_value *ret)
{
        BK_CLEANUP(args_done) struct args args = { 0 };
        const struct tmpl_function *function = NULL;

        for (bool first = true;; first = false) {
                skip_blanks(in);
                if (close_length(in) > 0 || *in->p == '|' || *in->p == ')') {
                        if (first)
                                return fail(in, "expected a function, a field or a string before '%.2s'", in->p);
                        break;
                }
                if (add_argument(in, &args, first, &function) < 0)
                        return -1;
                if (!is_blank(*in->p) && *in->p != '|' && *in->p != ')' && close_length(in) == 0)
                        return fail_unexpected(in, "a blank, '|' or '}}'");
        }
        if (piped->text != NULL) {
                args.v = bk_grow(args.v, args.n + 1, sizeof *args.v);
                args.v[args.n++] = *piped;
                *piped = (struct tmpl_value){ 0 };
        }
        if (function != NULL)
                return call_function(in, function, &args, ret);
        if (args.n != 1)
                return fail(in, "only functions take arguments; the first word is none");
        *ret = args.v[0];
        args.v[0] = (struct tmpl_value){ 0 };
        return 0;
}

/* Ends before "}}" or ')'. */
static int read_pipeline(struct reader *in, struct tmpl_value *ret)
{
        BK_CLEANUP(tmpl_value_done) struct tmpl_value piped = { 0 };

        for (;;) {
                struct tmpl_value value = { 0 };

                if (read_command(in, &piped, &value) < 0)
                        return -1;
                if (*in->p != '|') {
                        *ret = value;
                        return 0;
                }
                in->p++;
                piped = value;
        }
}

/* --- text and actions ------------------------------------------------------ */
static int emit(struct reader *in, const char *text, size_t length)
{
        if (!in->live)
                return 0;
        if (length > TMPL_TEXT_MOST - in->out.len)
                return fail(in, "this renders to more than %d MiB", TMPL_TEXT_MOST >> 20);
        bk_buf_add(&in->out, text, length);
        return 0;
}

static int read_condition(struct reader *in, bool *ret)
{
        BK_CLEANUP(tmpl_value_done) struct tmpl_value value = { 0 };

        if (read_pipeline(in, &value) < 0 || read_close(in) < 0)
                return -1;
        *ret = tmpl_value_truth(&value);
        return 0;
}

/* After "{{ if": the condition, the branches and "{{ end }}". */
static int read_if(struct reader *in)
{
        const char *const action = in->action;
        const bool was_live = in->live;
        enum stop stop = AT_ELSE_IF;
        bool taken = false, truth;

        if (++in->depth > TMPL_DEPTH_MOST)
                return fail(in, "nested deeper than %d levels", TMPL_DEPTH_MOST);
        while (stop == AT_ELSE_IF) {
                in->live = was_live && !taken;
                if (read_condition(in, &truth) < 0)
                        return -1;
                in->live = was_live && !taken && truth;
                taken = taken || truth;
                if (read_text(in, &stop) < 0)
                        return -1;
        }
        if (stop == AT_ELSE) {
                in->live = was_live && !taken;
                if (read_text(in, &stop) < 0)
                        return -1;
                if (stop == AT_ELSE || stop == AT_ELSE_IF)
                        return fail(in, "a second 'else' of one 'if'");
        }
        if (stop == AT_THE_END_OF_TEXT) {
                in->action = action;
                return fail(in, "this 'if' has no '{{ end }}'");
        }
        in->live = was_live;
        in->depth--;
        return 0;
}

/* "if", "else", "else if" and "end"; *ret_known says whether it was one of them. */
static int read_keyword(struct reader *in, bool *ret_known, bool *ret_stopped, enum stop *ret)
{
        const char *const start = in->p;
        autofree char *name = read_name(in);

        *ret_known = true;
        if (bk_streq(name, "if"))
                return read_if(in);
        *ret_stopped = true;
        if (bk_streq(name, "end")) {
                *ret = AT_END;
                return read_close(in);
        }
        if (bk_streq(name, "else")) {
                skip_blanks(in);
                if (strncmp(in->p, "if", 2) == 0 && !is_word(in->p[2])) {
                        in->p += 2;
                        *ret = AT_ELSE_IF;
                        return 0;
                }
                *ret = AT_ELSE;
                return read_close(in);
        }
        *ret_known = *ret_stopped = false;
        in->p = start;
        return 0;
}

static int read_comment(struct reader *in)
{
        const char *const end = strstr(in->p + 2, "*/");

        if (end == NULL)
                return fail(in, "a comment is not closed");
        in->p = end + 2;
        if (strncmp(in->p, "}}", 2) != 0 && !(is_blank(*in->p) && strncmp(in->p + 1, "-}}", 3) == 0))
                return fail(in, "a comment must fill its action: '*/}}'");
        return read_close(in);
}

/* In variables, {{ .Field }} is kept for whoever knows it, as in Packer: at
 * most one blank before the dot, and the action ends at the next "}}". */
static size_t kept_field(const struct reader *in)
{
        const char *p = in->action + 2;
        const char *end;

        if (in->waiting == NULL)
                return 0;
        p += is_blank(*p);
        end = *p == '.' ? strstr(p, "}}") : NULL;
        return end != NULL ? (size_t)(end - in->action) + 2 : 0;
}

/* At "{{" (and a trim marker, which is skipped by the caller). */
static int read_action(struct reader *in, bool *ret_stopped, enum stop *ret)
{
        BK_CLEANUP(tmpl_value_done) struct tmpl_value value = { 0 };
        const size_t kept = kept_field(in);
        const char *const action = in->action;
        bool keyword = false;

        in->trim = false;
        if (kept > 0) {
                in->p = in->action + kept;
                in->action = NULL;
                return emit(in, action, kept);
        }
        if (strncmp(in->p, "/*", 2) == 0)
                return read_comment(in);
        skip_blanks(in);
        if (isalpha((unsigned char)*in->p)) {
                if (read_keyword(in, &keyword, ret_stopped, ret) < 0)
                        return -1;
                if (keyword)
                        return 0;
        }
        if (read_pipeline(in, &value) < 0 || read_close(in) < 0)
                return -1;
        return emit(in, value.text, strlen(value.text));         /* NOLINT: what was read has a text */
}

/* Until the end of the text, or an "end" or "else" that is somebody else's. */
static int read_text(struct reader *in, enum stop *ret)
{
        bool stopped = false;

        while (!stopped) {
                const char *open, *end;

                while (in->trim && is_blank(*in->p))
                        in->p++;
                in->trim = false;
                open = strstr(in->p, "{{");
                end = open ? open : in->p + strlen(in->p);
                if (open != NULL && open[2] == '-' && is_blank(open[3]))
                        while (end > in->p && is_blank(end[-1]))
                                end--;
                in->action = NULL;
                if (emit(in, in->p, (size_t)(end - in->p)) < 0)
                        return -1;
                if (open == NULL) {
                        in->p = end + strlen(end);
                        *ret = AT_THE_END_OF_TEXT;
                        return 0;
                }
                in->action = open;
                in->p = open + 2;
                if (open[2] == '-' && is_blank(open[3]))
                        in->p += 2;
                if (read_action(in, &stopped, ret) < 0)
                        return -1;
        }
        return 0;
}

static int render(const struct tmpl_scope *scope, struct tmpl_waiting *waiting, const char *text,
                  const struct bk_doc *place, char **ret, struct bk_error *err)
{
        struct reader in = { .scope = scope, .place = place, .waiting = waiting, .p = text, .live = true, .err = err };
        enum stop stop = AT_THE_END_OF_TEXT;
        int status = read_text(&in, &stop);

        if (status == 0 && stop != AT_THE_END_OF_TEXT)
                status = fail(&in, "'%s' without an 'if'", stop == AT_END ? "end" : "else");
        if (status < 0)
                bk_buf_done(&in.out);
        else
                *ret = bk_buf_finish(&in.out);
        return status;
}

int tmpl_render(const struct tmpl_scope *scope, const char *text, const struct bk_doc *place, char **ret,
                struct bk_error *err)
{
        return render(scope, NULL, text, place, ret, err);
}

int tmpl_render_variable(const struct tmpl_scope *scope, struct tmpl_waiting *waiting, const char *text,
                         const struct bk_doc *place, char **ret, struct bk_error *err)
{
        return render(scope, waiting, text, place, ret, err);
}
