/* Variables: the template's defaults, below the variable files, below -var.
 * They may refer to each other in any order, so they are rendered in passes
 * until a pass brings nothing; each is rendered once, when all it refers to
 * is known. Secrets are taken out of texts here as well. */
#include <stdlib.h>
#include <string.h>

#include "bakery/template/template_priv.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

/* A variable on its way: the text it is to be rendered from, and where that stood. */
struct source {
        char *text;                     /* owned; NULL: required and not given */
        const struct bk_doc *place;     /* NULL: the command line */
        bool done;
};

struct sources {
        struct source *v;               /* as many as tmpl->variables, in the same order */
        size_t n;
};

static void sources_done(struct sources *sources)
{
        for (size_t i = 0; i < sources->n; i++)
                free(sources->v[i].text);
        free(sources->v);
}

struct tmpl_variable *tmpl_variable_find(const struct tmpl *tmpl, const char *name)
{
        for (size_t i = 0; i < tmpl->n_variables; i++)
                if (bk_streq(tmpl->variables[i].name, name))
                        return &tmpl->variables[i];
        return NULL;
}

const char *tmpl_variable_nearest(const struct tmpl *tmpl, const char *name)
{
        autofree const char **names = bk_grow(NULL, tmpl->n_variables, sizeof *names);

        for (size_t i = 0; i < tmpl->n_variables; i++)
                names[i] = tmpl->variables[i].name;
        return bk_nearest(name, names, tmpl->n_variables);
}

/* JSON numbers are Go's float64 in Packer and printed without exponent; whole
 * ones that fit are kept to the last digit here. */
static char *number_text(const char *written)
{
        char *end, *text;
        double real;

        if (strpbrk(written, ".eE") == NULL)
                return bk_strdup(bk_streq(written, "-0") ? "0" : written);
        real = strtod(written, &end);
        for (int digits = 0; digits < 20; digits++) {
                text = bk_format("%.*f", digits, real);
                if (strtod(text, NULL) == real)
                        return text;
                free(text);
        }
        return bk_strdup(written);
}

int tmpl_weak_text(const struct bk_doc *doc, char **ret, struct bk_error *err)
{
        switch (doc->kind) {
        case BK_DOC_STRING:
                if (strlen(doc->text) != doc->text_len)
                        return bk_doc_fail(err, doc, "a string may not hold \\u0000");
                *ret = bk_strdup(doc->text);
                return 0;
        case BK_DOC_NUMBER:
                *ret = number_text(doc->text);
                return 0;
        case BK_DOC_BOOL:
                *ret = bk_strdup(doc->truth ? "1" : "0");
                return 0;
        default:
                return bk_doc_fail(err, doc, "expected a string, found %s", bk_doc_kind_name(doc->kind));
        }
}

/* --- where the texts come from --------------------------------------------- */
/* A variable more; every part of it may be missing but the name. */
static size_t add_variable(struct tmpl *tmpl, struct sources *sources, const char *name, const struct bk_doc *doc)
{
        const size_t n = tmpl->n_variables;

        tmpl->variables = bk_grow(tmpl->variables, n + 1, sizeof *tmpl->variables);
        sources->v = bk_grow(sources->v, n + 1, sizeof *sources->v);
        tmpl->variables[n] = (struct tmpl_variable){ .name = bk_strdup(name), .doc = doc };
        sources->v[n] = (struct source){ .place = doc };
        sources->n = tmpl->n_variables = n + 1;
        return n;
}

static void set_text(struct source *source, char *text, const struct bk_doc *place)
{
        free(source->text);     /* NOLINT: a known variable has its source */
        source->text = text;
        source->place = place;
}

static int take_defaults(struct tmpl *tmpl, struct sources *sources, struct bk_error *err)
{
        const struct bk_doc *const block = bk_doc_get(tmpl->root, "variables");

        if (block == NULL || block->kind == BK_DOC_NULL)
                return 0;
        if (block->kind != BK_DOC_OBJECT)
                return bk_doc_fail(err, block, "\"variables\" is an object of names and defaults, found %s",
                                   bk_doc_kind_name(block->kind));
        for (size_t i = 0; i < block->n; i++) {
                const struct bk_doc *const doc = block->items[i];
                const size_t at = add_variable(tmpl, sources, doc->key, doc);
                char *text = NULL;

                if (doc->kind == BK_DOC_NULL)
                        continue;
                if (tmpl_weak_text(doc, &text, err) < 0)
                        return bk_wrap(err, "variable \"%.100s\"", doc->key);
                tmpl->variables[at].fallback = bk_strdup(text);
                set_text(&sources->v[at], text, doc);
        }
        return 0;
}

static void warn_undeclared(struct tmpl *tmpl, const struct bk_doc *doc, const char *name)
{
        const char *nearest = tmpl_variable_nearest(tmpl, name);
        autofree char *at = doc ? bk_format("%s:%u:%u", doc->file, doc->key_line, doc->key_column) : bk_strdup("-var");

        bk_strv_addf(&tmpl->warnings, "%s: warning: the template does not declare a variable \"%.100s\"%s%.100s%s", at, name,
                     nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

/* As in Packer, a file may bring variables that the template does not declare. */
static int take_file(struct tmpl *tmpl, struct sources *sources, const char *path, enum tmpl_undeclared undeclared, struct bk_error *err)
{
        struct bk_doc *file = NULL;

        if (bk_doc_parse_file(path, &file, err) < 0)
                return bk_wrap(err, "variable file");
        tmpl->var_files = bk_grow(tmpl->var_files, tmpl->n_var_files + 1, sizeof(struct bk_doc *));
        tmpl->var_files[tmpl->n_var_files++] = file;
        if (file->kind != BK_DOC_OBJECT)
                return bk_doc_fail(err, file, "a variable file is an object of names and values, found %s",
                                   bk_doc_kind_name(file->kind));
        for (size_t i = 0; i < file->n; i++) {
                const struct bk_doc *const doc = file->items[i];
                const struct tmpl_variable *const known = tmpl_variable_find(tmpl, doc->key);

                if (known == NULL && undeclared == TMPL_WARN_FILES_TOO)
                        warn_undeclared(tmpl, doc, doc->key);

                const size_t at = known ? (size_t)(known - tmpl->variables) : add_variable(tmpl, sources, doc->key, doc);
                char *text = NULL;

                if (tmpl_weak_text(doc, &text, err) < 0)
                        return bk_wrap(err, "variable \"%.100s\"", doc->key);
                set_text(&sources->v[at], text, doc);
        }
        return 0;
}

/* As in Packer; {{ user `NAME` }} sees it all the same. */
static int take_argument(struct tmpl *tmpl, struct sources *sources, const char *argument, enum tmpl_undeclared undeclared, struct bk_error *err)
{
        const char *const equals = strchr(argument, '=');
        const struct tmpl_variable *known;
        autofree char *name = NULL;
        size_t at;

        if (equals == NULL || equals == argument)
                return bk_fail(err, BK_USAGE, "-var '%.100s' is not of the form NAME=VALUE", argument);
        name = bk_strndup(argument, (size_t)(equals - argument));
        known = tmpl_variable_find(tmpl, name);
        if (known != NULL) {
                set_text(&sources->v[known - tmpl->variables], bk_strdup(equals + 1), NULL);
                return 0;
        }
        if (undeclared != TMPL_WARN_NEVER)
                warn_undeclared(tmpl, NULL, name);
        at = add_variable(tmpl, sources, name, NULL);
        set_text(&sources->v[at], bk_strdup(equals + 1), NULL);
        return 0;
}

static int take_sensitive(struct tmpl *tmpl, struct bk_error *err)
{
        const struct bk_doc *const list = bk_doc_get(tmpl->root, "sensitive-variables");

        if (list == NULL || list->kind == BK_DOC_NULL)
                return 0;
        if (list->kind != BK_DOC_ARRAY)
                return bk_doc_fail(err, list, "\"sensitive-variables\" is an array of names, found %s",
                                   bk_doc_kind_name(list->kind));
        for (size_t i = 0; i < list->n; i++) {
                const struct bk_doc *const doc = list->items[i];
                struct tmpl_variable *variable;

                if (doc->kind != BK_DOC_STRING)
                        return bk_doc_fail(err, doc, "expected the name of a variable, found %s", bk_doc_kind_name(doc->kind));
                variable = tmpl_variable_find(tmpl, doc->text);
                if (variable == NULL) {
                        /* Packer passes it by; a secret under a mistyped name would be shown to everybody. */
                        const char *const nearest = tmpl_variable_nearest(tmpl, doc->text);

                        bk_strv_addf(&tmpl->warnings, "%s:%u:%u: warning: there is no variable \"%.100s\" to be sensitive%s%.100s%s", doc->file,
                                     doc->line, doc->column, doc->text, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                                     nearest ? "\"?" : "");
                        continue;
                }
                variable->sensitive = true;
        }
        return 0;
}

/* --- values ---------------------------------------------------------------- */
static int refuse_missing(const struct tmpl *tmpl, const struct sources *sources, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf names = { 0 };
        const struct bk_doc *first = NULL;
        size_t n = 0;

        for (size_t i = 0; i < sources->n; i++) {
                const struct bk_doc *const doc = tmpl->variables[i].doc;

                if (sources->v[i].text != NULL || doc == NULL)  /* from the command line it has a text */
                        continue;
                if (first == NULL)
                        first = doc;
                bk_buf_printf(&names, "%s\"%s\" (line %u)", n++ ? ", " : "", tmpl->variables[i].name, doc->key_line);
        }
        if (first == NULL)
                return 0;
        return bk_doc_fail_key(err, first, "required variable%s without a value: %s; give %s with -var or -var-file",
                               n > 1 ? "s" : "", names.data, n > 1 ? "them" : "it");
}

/* 1: rendered, 0: waits for another one, -1: failed. */
static int render_one(struct tmpl *tmpl, struct source *source, struct tmpl_variable *variable, struct bk_error *err)
{
        struct tmpl_scope scope = { .tmpl = tmpl };
        struct tmpl_waiting waiting = { 0 };
        struct bk_error inner = { 0 };
        autofree char *value = NULL, *stable = NULL;

        if (tmpl_render_variable(&scope, &waiting, source->text, source->place, &value, &inner) < 0) {
                if (waiting.on != NULL)
                        return 0;
                *err = inner;
                return bk_wrap(err, "variable \"%.100s\"", variable->name);
        }
        scope.stable = true;
        if (tmpl_render_variable(&scope, &waiting, source->text, source->place, &stable, err) < 0)
                return bk_wrap(err, "variable \"%.100s\"", variable->name);
        variable->value = bk_take(value);
        variable->stable = bk_take(stable);
        source->done = true;
        return 1;
}

static int render_pass(struct tmpl *tmpl, struct sources *sources, size_t *bytes, size_t *ret_done, struct bk_error *err)
{
        size_t done = 0;

        for (size_t i = 0; i < sources->n; i++) {
                struct tmpl_variable *const variable = &tmpl->variables[i];
                int status;

                if (sources->v[i].done)
                        continue;
                status = render_one(tmpl, &sources->v[i], variable, err);
                if (status < 0)
                        return -1;
                if (status == 0)
                        continue;
                done++;
                *bytes += strlen(variable->value) + strlen(variable->stable);
                if (*bytes > TMPL_VARIABLES_MOST) {
                        (void)bk_fail(err, BK_INVALID, "the variables hold more than %d MiB with \"%.100s\"",
                                      TMPL_VARIABLES_MOST >> 20, variable->name);
                        return variable->doc ? bk_at(err, variable->doc->file, variable->doc->key_line,
                                                     variable->doc->key_column) : -1;
                }
        }
        *ret_done = done;
        return 0;
}

/* Names those that wait, each with what it waits for. */
static int refuse_cycle(struct tmpl *tmpl, const struct sources *sources, bool no_progress, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf names = { 0 };
        const struct bk_doc *first = NULL;
        size_t n = 0;

        for (size_t i = 0; i < sources->n; i++) {
                const struct tmpl_scope scope = { .tmpl = tmpl };
                struct tmpl_waiting waiting = { 0 };
                autofree char *ignored = NULL;

                if (sources->v[i].done || n++ >= 8)
                        continue;
                if (first == NULL)
                        first = tmpl->variables[i].doc;
                if (tmpl_render_variable(&scope, &waiting, sources->v[i].text, NULL, &ignored, NULL) < 0 &&
                    waiting.on != NULL)
                        bk_buf_printf(&names, "%s\"%s\" needs \"%s\"", names.len ? ", " : "", tmpl->variables[i].name,
                                      waiting.on);
        }
        if (n > 8)
                bk_buf_puts(&names, ", ...");
        if (no_progress)
                (void)bk_fail(err, BK_INVALID, "variables refer to each other in a circle: %s", names.data);
        else
                (void)bk_fail(err, BK_INVALID, "variables refer to each other over more than %d steps: %s",
                              TMPL_PASSES_MOST, names.data);
        return first ? bk_at(err, first->file, first->key_line, first->key_column) : -1;
}

static int render_all(struct tmpl *tmpl, struct sources *sources, struct bk_error *err)
{
        size_t left = 0, bytes = 0, done = 1;

        for (size_t i = 0; i < sources->n; i++)
                left += !sources->v[i].done;
        for (int pass = 0; left > 0; pass++) {
                if (done == 0 || pass == TMPL_PASSES_MOST)
                        return refuse_cycle(tmpl, sources, done == 0, err);
                if (render_pass(tmpl, sources, &bytes, &done, err) < 0)
                        return -1;
                left -= done;
        }
        return 0;
}

int tmpl_variables_load(struct tmpl *tmpl, const struct tmpl_options *options, struct bk_error *err)
{
        BK_CLEANUP(sources_done) struct sources sources = { 0 };

        tmpl->lenient = options != NULL && options->allow_missing;
        if (take_defaults(tmpl, &sources, err) < 0)
                return -1;
        for (size_t i = 0; options != NULL && i < options->var_files.n; i++)
                if (take_file(tmpl, &sources, options->var_files.v[i], options->undeclared, err) < 0)
                        return -1;
        for (size_t i = 0; options != NULL && i < options->vars.n; i++)
                if (take_argument(tmpl, &sources, options->vars.v[i], options->undeclared, err) < 0)
                        return -1;
        if (take_sensitive(tmpl, err) < 0)
                return -1;
        if (options == NULL || !options->allow_missing) {
                if (refuse_missing(tmpl, &sources, err) < 0)
                        return -1;
        }
        /* A missing one that is allowed counts as empty where others refer to it, and then as not given. */
        for (size_t i = 0; i < sources.n; i++) {
                if (sources.v[i].text != NULL)
                        continue;
                sources.v[i].done = true;
                tmpl->variables[i].value = bk_strdup("");
                tmpl->variables[i].stable = bk_strdup("");
        }
        if (render_all(tmpl, &sources, err) < 0)
                return -1;
        for (size_t i = 0; i < sources.n; i++) {
                if (sources.v[i].text != NULL)
                        continue;
                free(bk_take(tmpl->variables[i].value));
                free(bk_take(tmpl->variables[i].stable));
        }
        return 0;
}

/* --- secrets --------------------------------------------------------------- */
static int longest_first(const void *a, const void *b)
{
        const size_t x = strlen(*(char *const *)a), y = strlen(*(char *const *)b);

        return x > y ? -1 : x < y;
}

/* Output comes line by line, so each line of a secret of several lines is one too; short ones are braces and blanks. */
static void add_secret_lines(struct bk_strv *secrets, const char *value)
{
        enum { LINE_LEAST = 8 };

        if (strchr(value, '\n') == NULL)
                return;
        while (*value != '\0') {
                const size_t length = strcspn(value, "\r\n");

                if (length >= LINE_LEAST)
                        bk_strv_take(secrets, bk_strndup(value, length));
                value += length + (value[length] != '\0');
        }
}

char *tmpl_redact(const struct tmpl *tmpl, const char *text)
{
        BK_CLEANUP(bk_strv_done) struct bk_strv secrets = { 0 };
        struct bk_buf out = { 0 };

        for (size_t i = 0; i < tmpl->n_variables; i++) {
                const char *const value = tmpl->variables[i].value;

                if (!tmpl->variables[i].sensitive || value == NULL || *value == '\0')
                        continue;
                bk_strv_add(&secrets, value);
                add_secret_lines(&secrets, value);
        }
        if (secrets.n == 0)
                return bk_strdup(text);
        qsort(secrets.v, secrets.n, sizeof *secrets.v, longest_first);
        while (*text != '\0') {
                size_t length = 0;

                for (size_t i = 0; i < secrets.n && length == 0; i++)
                        if (strncmp(text, secrets.v[i], strlen(secrets.v[i])) == 0)
                                length = strlen(secrets.v[i]);
                if (length > 0)
                        bk_buf_puts(&out, "<sensitive>");
                else
                        bk_buf_putc(&out, *text);
                text += length ? length : 1;
        }
        return bk_buf_finish(&out);
}
