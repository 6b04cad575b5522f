/* The functions a template may call: one row each. Names, arguments and
 * meaning are those of Packer's template engine; eq, and, or, not, print and
 * their kin are Go's. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bakery/template/template_priv.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

static int give(struct tmpl_value *ret, enum tmpl_value_kind kind, char *text)
{
        *ret = (struct tmpl_value){ .kind = kind, .text = text };
        return 0;
}

static int give_copy(struct tmpl_value *ret, const char *text)
{
        return give(ret, TMPL_V_STRING, bk_strdup(text));
}

static int give_bool(struct tmpl_value *ret, bool truth)
{
        return give(ret, TMPL_V_BOOL, bk_strdup(truth ? "true" : "false"));
}

static time_t now(const struct tmpl_call *call)
{
        return call->scope->tmpl != NULL ? call->scope->tmpl->started : time(NULL);
}

/* --- variables and the build ----------------------------------------------- */
static int call_user(const struct tmpl_call *call, struct tmpl_value *ret)
{
        const char *const name = call->args[0].text;
        struct tmpl_variable *variable = call->scope->tmpl ? tmpl_variable_find(call->scope->tmpl, name) : NULL;
        const char *nearest;

        if (variable != NULL) {
                const char *const value = call->scope->stable ? variable->stable : variable->value;

                variable->used = true;
                if (value == NULL && call->waiting != NULL) {
                        call->waiting->on = variable->name;
                        return bk_fail(call->err, BK_INVALID, "the variable \"%.100s\" has no value yet", name);
                }
                return give_copy(ret, value ? value : "");
        }
        if (call->waiting == NULL)
                return give_copy(ret, "");      /* as in Packer; tmpl_load() leaves a warning */
        nearest = call->scope->tmpl ? tmpl_variable_nearest(call->scope->tmpl, name) : NULL;
        if (nearest != NULL)
                return bk_fail(call->err, BK_INVALID, "there is no variable \"%.100s\"; did you mean \"%.100s\"?",
                               name, nearest);
        return bk_fail(call->err, BK_INVALID, "there is no variable \"%.100s\"; declare it in \"variables\"", name);
}

static int call_env(const struct tmpl_call *call, struct tmpl_value *ret)
{
        const char *value = getenv(call->args[0].text);

        return give_copy(ret, value ? value : "");
}

static int call_build_name(const struct tmpl_call *call, struct tmpl_value *ret)
{
        if (call->scope->build_name == NULL)
                return bk_fail(call->err, BK_INVALID, "build_name is not known here; it is inside builders, "
                               "provisioners and post-processors");
        return give_copy(ret, call->scope->build_name);
}

static int call_build_type(const struct tmpl_call *call, struct tmpl_value *ret)
{
        if (call->scope->build_type == NULL)
                return bk_fail(call->err, BK_INVALID, "build_type is not known here; it is inside builders, "
                               "provisioners and post-processors");
        return give_copy(ret, call->scope->build_type);
}

static int call_build(const struct tmpl_call *call, struct tmpl_value *ret)
{
        for (size_t i = 0; i < call->scope->n_data; i++)
                if (bk_streq(call->scope->data[i].name, call->args[0].text))
                        return give_copy(ret, call->scope->data[i].value);
        for (size_t i = 0; i < call->scope->n_build; i++)
                if (bk_streq(call->scope->build[i].name, call->args[0].text))
                        return give_copy(ret, call->scope->build[i].value);
        return bk_fail(call->err, BK_INVALID, "build `%.60s` is not known in this builder", call->args[0].text);
}

static int call_template_dir(const struct tmpl_call *call, struct tmpl_value *ret)
{
        if (call->scope->tmpl == NULL || call->scope->tmpl->dir == NULL)
                return bk_fail(call->err, BK_INVALID, "template_dir is not known here");
        return give_copy(ret, call->scope->tmpl->dir);
}

static int call_pwd(const struct tmpl_call *call, struct tmpl_value *ret)
{
        char *folder = getcwd(NULL, 0);

        if (folder == NULL)
                return bk_fail_errno(call->err, "cannot find the working directory");
        return give(ret, TMPL_V_STRING, folder);
}

static int call_packer_version(const struct tmpl_call *call, struct tmpl_value *ret)
{
        (void)call;
        return give_copy(ret, TMPL_PACKER_VERSION);
}

/* --- time and chance: as themselves while an input hash is made ------------ */
static int call_timestamp(const struct tmpl_call *call, struct tmpl_value *ret)
{
        if (call->scope->stable)
                return give_copy(ret, "{{timestamp}}");
        return give(ret, TMPL_V_STRING, bk_format("%lld", (long long)now(call)));
}

static int call_isotime(const struct tmpl_call *call, struct tmpl_value *ret)
{
        const char *const layout = call->n > 0 ? call->args[0].text : "2006-01-02T15:04:05Z07:00";

        if (call->scope->stable)
                return give(ret, TMPL_V_STRING, bk_format("{{isotime \"%s\"}}", layout));
        return give(ret, TMPL_V_STRING, tmpl_go_time(layout, now(call)));
}

static int call_strftime(const struct tmpl_call *call, struct tmpl_value *ret)
{
        const char *const format = call->args[0].text;
        const time_t when = now(call);
        autofree char *text = bk_alloc(4096);
        struct tm tm;

        if (call->scope->stable)
                return give(ret, TMPL_V_STRING, bk_format("{{strftime \"%s\"}}", format));
        (void)gmtime_r(&when, &tm);
        if (*format != '\0' && strftime(text, 4096, format, &tm) == 0)
                return bk_fail(call->err, BK_INVALID, "strftime makes more than 4095 bytes, or nothing, of this format");
        return give(ret, TMPL_V_STRING, bk_take(text));
}

/* Packer's: the time first, so that names sort by age; the rest is chance. */
static int call_uuid(const struct tmpl_call *call, struct tmpl_value *ret)
{
        unsigned char b[12];

        if (call->scope->stable)
                return give_copy(ret, "{{uuid}}");
        if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
                return bk_fail_errno(call->err, "cannot get random bytes");
        return give(ret, TMPL_V_STRING,
                    bk_format("%08x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", (unsigned)time(NULL), b[0],
                              b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11]));
}

/* --- texts ----------------------------------------------------------------- */
static int too_long(const struct tmpl_call *call)
{
        return bk_fail(call->err, BK_INVALID, "%s makes more than %d MiB of text", call->function->name,
                       TMPL_TEXT_MOST >> 20);
}

/* Go's strings.Replace: limit < 0 is all; an empty `old` matches before each code point and at the end. */
static int replace(const struct tmpl_call *call, const char *old, const char *new, int64_t limit, const char *text,
                   struct tmpl_value *ret)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };
        const size_t old_len = strlen(old), new_len = strlen(new);

        while (limit != 0) {
                const char *const found = old_len > 0 ? strstr(text, old) : text;
                size_t skip = 0;

                if (found == NULL)
                        break;
                bk_buf_add(&out, text, (size_t)(found - text));
                bk_buf_add(&out, new, new_len);
                if (out.len > TMPL_TEXT_MOST)
                        return too_long(call);
                text = found + old_len;
                limit -= limit > 0;
                if (old_len > 0)
                        continue;
                if (*text == '\0')
                        break;
                do
                        skip++;
                while (((unsigned char)text[skip] & 0xc0) == 0x80);
                bk_buf_add(&out, text, skip);
                text += skip;
        }
        bk_buf_puts(&out, text);
        if (out.len > TMPL_TEXT_MOST)
                return too_long(call);
        return give(ret, TMPL_V_STRING, bk_buf_finish(&out));
}

static int call_replace(const struct tmpl_call *call, struct tmpl_value *ret)
{
        return replace(call, call->args[0].text, call->args[1].text, strtoll(call->args[2].text, NULL, 10),
                       call->args[3].text, ret);
}

static int call_replace_all(const struct tmpl_call *call, struct tmpl_value *ret)
{
        return replace(call, call->args[0].text, call->args[1].text, -1, call->args[2].text, ret);
}

/* The wanted piece; an empty separator splits into code points, as in Go. */
static int call_split(const struct tmpl_call *call, struct tmpl_value *ret)
{
        const char *const text = call->args[0].text, *const separator = call->args[1].text;
        const long long wanted = strtoll(call->args[2].text, NULL, 10);
        const size_t length = strlen(separator);
        const char *p = text;
        long long n = 0;

        while (wanted >= 0 && !(length == 0 && *p == '\0')) {
                const char *end = length > 0 ? strstr(p, separator) : p + 1;

                while (length == 0 && ((unsigned char)*end & 0xc0) == 0x80)
                        end++;
                if (n++ == wanted)
                        return give(ret, TMPL_V_STRING, end ? bk_strndup(p, (size_t)(end - p)) : bk_strdup(p));
                if (end == NULL)
                        break;
                p = end + length;
        }
        if (wanted < 0)
                return bk_fail(call->err, BK_INVALID, "split cannot take piece %lld; the first one is 0", wanted);
        return bk_fail(call->err, BK_INVALID, "split found %lld piece%s and cannot take number %lld, counted from 0", n,
                       n == 1 ? "" : "s", wanted);
}

static int call_upper(const struct tmpl_call *call, struct tmpl_value *ret)
{
        char *text = bk_strdup(call->args[0].text);

        for (char *p = text; *p != '\0'; p++)
                *p = (char)toupper((unsigned char)*p);
        return give(ret, TMPL_V_STRING, text);
}

static int call_lower(const struct tmpl_call *call, struct tmpl_value *ret)
{
        char *text = bk_strdup(call->args[0].text);

        for (char *p = text; *p != '\0'; p++)
                *p = (char)tolower((unsigned char)*p);
        return give(ret, TMPL_V_STRING, text);
}

/* Letters, digits, '-', '_' and '.' are safe in a name anywhere; each other byte becomes '-'. */
static int call_clean_resource_name(const struct tmpl_call *call, struct tmpl_value *ret)
{
        char *text = bk_strdup(call->args[0].text);

        for (char *p = text; *p != '\0'; p++)
                if (!isalnum((unsigned char)*p) && strchr("-_.", *p) == NULL)
                        *p = '-';
        return give(ret, TMPL_V_STRING, text);
}

static int call_print(const struct tmpl_call *call, struct tmpl_value *ret)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };

        for (size_t i = 0; i < call->n; i++) {
                /* Go's Sprint puts a blank between two operands unless one is a string. */
                if (i > 0 && call->args[i].kind != TMPL_V_STRING && call->args[i - 1].kind != TMPL_V_STRING)
                        bk_buf_putc(&out, ' ');
                bk_buf_puts(&out, call->args[i].text);
                if (out.len > TMPL_TEXT_MOST)
                        return too_long(call);
        }
        return give(ret, TMPL_V_STRING, bk_buf_finish(&out));
}

static int call_printf(const struct tmpl_call *call, struct tmpl_value *ret)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };
        size_t used = 1;

        for (const char *p = call->args[0].text; *p != '\0'; p++) {
                if (*p != '%' || p[1] == '%') {
                        bk_buf_putc(&out, *p);
                        p += *p == '%';
                        continue;
                }
                p++;
                if (*p == '\0' || strchr("svd", *p) == NULL)
                        return bk_fail(call->err, BK_INVALID, "printf knows %%s, %%v, %%d and %%%% only");
                if (used >= call->n)
                        return bk_fail(call->err, BK_INVALID, "printf has more verbs than arguments");
                if (*p == 'd' && call->args[used].kind != TMPL_V_NUMBER)
                        return bk_fail(call->err, BK_INVALID, "printf wants a number for %%d");
                bk_buf_puts(&out, call->args[used++].text);
                if (out.len > TMPL_TEXT_MOST)
                        return too_long(call);
        }
        if (used < call->n)
                return bk_fail(call->err, BK_INVALID, "printf has more arguments than verbs");
        return give(ret, TMPL_V_STRING, bk_buf_finish(&out));
}

static int call_len(const struct tmpl_call *call, struct tmpl_value *ret)
{
        return give(ret, TMPL_V_NUMBER, bk_format("%zu", strlen(call->args[0].text)));
}

/* --- conditions ------------------------------------------------------------ */
static int equal(const struct tmpl_call *call, const struct tmpl_value *other, bool *ret)
{
        static const char *const kinds[] = {
                [TMPL_V_STRING] = "a string", [TMPL_V_NUMBER] = "a number", [TMPL_V_BOOL] = "a boolean"
        };
        const struct tmpl_value *const first = &call->args[0];

        if (first->kind != other->kind)
                return bk_fail(call->err, BK_INVALID, "%s cannot compare %s with %s", call->function->name,
                               kinds[first->kind], kinds[other->kind]);
        *ret = first->kind == TMPL_V_NUMBER ? strtold(first->text, NULL) == strtold(other->text, NULL)
                                            : bk_streq(first->text, other->text);
        return 0;
}

static int call_eq(const struct tmpl_call *call, struct tmpl_value *ret)
{
        bool same = false;

        for (size_t i = 1; i < call->n && !same; i++)
                if (equal(call, &call->args[i], &same) < 0)
                        return -1;
        return give_bool(ret, same);
}

static int call_ne(const struct tmpl_call *call, struct tmpl_value *ret)
{
        bool same = false;

        if (equal(call, &call->args[1], &same) < 0)
                return -1;
        return give_bool(ret, !same);
}

/* and gives the first empty argument, or the last; or the first that is not empty, or the last. */
static int first_that_is(bool truth, const struct tmpl_call *call, struct tmpl_value *ret)
{
        size_t i = 0;

        while (i + 1 < call->n && tmpl_value_truth(&call->args[i]) != truth)
                i++;
        return give(ret, call->args[i].kind, bk_strdup(call->args[i].text));
}

static int call_and(const struct tmpl_call *call, struct tmpl_value *ret)
{
        return first_that_is(false, call, ret);
}

static int call_or(const struct tmpl_call *call, struct tmpl_value *ret)
{
        return first_that_is(true, call, ret);
}

static int call_not(const struct tmpl_call *call, struct tmpl_value *ret)
{
        return give_bool(ret, !tmpl_value_truth(&call->args[0]));
}

/* --- known, and refused ---------------------------------------------------- */
static int call_sed(const struct tmpl_call *call, struct tmpl_value *ret)
{
        (void)ret;
        return bk_fail(call->err, BK_INVALID, "sed is gone since Packer 1.7; use replace or replace_all");
}

static int call_secret_store(const struct tmpl_call *call, struct tmpl_value *ret)
{
        if (call->scope->tmpl != NULL && call->scope->tmpl->lenient)
                return give(ret, TMPL_V_STRING, bk_format("<%s>", call->function->name));
        return bk_fail(call->err, BK_INVALID, "%s is not supported; read the secret before the bake and pass it as an "
                       "environment variable with {{env}} in \"variables\"", call->function->name);
}

static const struct tmpl_function functions[] = {
        { "user",                   "s",    false, call_user,                "the value of a variable" },
        { "env",                    "s",    true,  call_env,                 "an environment variable, or nothing" },
        { "build_name",             "",     false, call_build_name,          "the name of the builder" },
        { "build_type",             "",     false, call_build_type,          "the type of the builder" },
        { "build",                  "s",    false, call_build,               "what is known of the running build" },
        { "isotime",                "|s",   false, call_isotime,             "the start in UTC, by a Go layout" },
        { "strftime",               "s",    false, call_strftime,            "the start in UTC, by a C format" },
        { "timestamp",              "",     false, call_timestamp,           "the start in Unix seconds" },
        { "uuid",                   "",     false, call_uuid,                "a new UUID" },
        { "pwd",                    "",     false, call_pwd,                 "the working directory" },
        { "template_dir",           "",     false, call_template_dir,        "the folder of the template" },
        { "packer_version",         "",     false, call_packer_version,      "the Packer that is understood" },
        { "split",                  "ssi",  false, call_split,               "a piece of text: text separator number" },
        { "replace",                "ssis", false, call_replace,             "old new count text" },
        { "replace_all",            "sss",  false, call_replace_all,         "old new text" },
        { "upper",                  "s",    false, call_upper,               "ASCII letters in upper case" },
        { "lower",                  "s",    false, call_lower,               "ASCII letters in lower case" },
        { "clean_resource_name",    "s",    false, call_clean_resource_name, "what is unsafe in a name as '-'" },
        { "print",                  "|a+",  false, call_print,               "the arguments, joined" },
        { "printf",                 "s|a+", false, call_printf,              "with %s, %v, %d, %%" },
        { "len",                    "s",    false, call_len,                 "bytes of a text" },
        { "eq",                     "aa+",  false, call_eq,                  "the first equals one of the others" },
        { "ne",                     "aa",   false, call_ne,                  "they differ" },
        { "and",                    "a+",   false, call_and,                 "the first empty one, or the last" },
        { "or",                     "a+",   false, call_or,                  "the first that is not empty, or the last" },
        { "not",                    "a",    false, call_not,                 "true when empty" },
        { "sed",                    "|a+",  false, call_sed,                 "gone" },
        { "consul_key",             "|a+",  true,  call_secret_store,        "not supported" },
        { "vault",                  "|a+",  true,  call_secret_store,        "not supported" },
        { "aws_secretsmanager",     "|a+",  true,  call_secret_store,        "not supported" },
        { "aws_secretsmanager_raw", "|a+",  true,  call_secret_store,        "not supported" },
};
enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

const struct tmpl_function *tmpl_function_find(const char *name)
{
        for (size_t i = 0; i < N_FUNCTIONS; i++)
                if (bk_streq(functions[i].name, name))
                        return &functions[i];
        return NULL;
}

const char *tmpl_function_nearest(const char *name)
{
        const char *names[N_FUNCTIONS];

        for (size_t i = 0; i < N_FUNCTIONS; i++)
                names[i] = functions[i].name;
        return bk_nearest(name, names, N_FUNCTIONS);
}
