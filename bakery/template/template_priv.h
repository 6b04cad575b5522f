/* What the files of this folder share: how a text is rendered, which functions
 * it may call, and where variables get their values from. */
#pragma once
#include "bakery/template/template.h"

/* The Packer whose templates are read: packer_version and min_packer_version. */
#define TMPL_PACKER_VERSION "1.16.0"

/* Bounds against templates that grow without end, such as variables that
 * double each other; nothing that boots needs as much. */
enum {
        TMPL_TEXT_MOST = 16 << 20,              /* bytes of one rendered text */
        TMPL_VARIABLES_MOST = 64 << 20,         /* bytes of all variables together */
        TMPL_PASSES_MOST = 100,                 /* as in Packer */
        TMPL_DEPTH_MOST = 100,                  /* of parentheses and ifs */
        TMPL_FILE_MOST = 16 << 20,              /* bytes of a template */
};

enum tmpl_value_kind { TMPL_V_STRING, TMPL_V_NUMBER, TMPL_V_BOOL };

struct tmpl_value {
        enum tmpl_value_kind kind;
        char *text;             /* owned; as it is printed */
};
void tmpl_value_done(struct tmpl_value *value);
bool tmpl_value_truth(const struct tmpl_value *value);

/* A literal of Go's templates at *p, which moves behind it: "...", `...`, a number. */
bool tmpl_is_literal(const char *p);
int tmpl_read_literal(const char **p, struct tmpl_value *ret, struct bk_error *err) BK_MUST_CHECK;

/* While variables get their values, `user` may meet one that has none yet:
 * that is no error, but a reason to try again later. */
struct tmpl_waiting { const char *on; };        /* the variable's name, borrowed; NULL: none */

struct tmpl_function;
struct tmpl_call {
        const struct tmpl_function *function;
        const struct tmpl_scope *scope;
        struct tmpl_waiting *waiting;           /* NULL outside variables */
        const struct tmpl_value *args;
        size_t n;
        struct bk_error *err;
};

struct tmpl_function {
        const char *name;
        const char *args;       /* s string, i integer, a anything; after '|' optional; '+' repeats the last */
        bool variables_only;
        int (*call)(const struct tmpl_call *call, struct tmpl_value *ret);
        const char *help;
};
const struct tmpl_function *tmpl_function_find(const char *name);
const char *tmpl_function_nearest(const char *name);

/* tmpl_render(), and how a variable's text is rendered: env is allowed, and {{ .Field }} stays as it is. */
int tmpl_render_variable(const struct tmpl_scope *scope, struct tmpl_waiting *waiting, const char *text,
                         const struct bk_doc *place, char **ret, struct bk_error *err) BK_MUST_CHECK;

/* Go's time.Format() in UTC, without fractions of a second. */
char *tmpl_go_time(const char *layout, time_t when);

/* The text of a scalar, as Packer's weak decoding has it: true is "1", false
 * is "0", numbers are written without exponent. Fails at doc for anything else. */
int tmpl_weak_text(const struct bk_doc *doc, char **ret, struct bk_error *err) BK_MUST_CHECK;

struct tmpl_variable *tmpl_variable_find(const struct tmpl *tmpl, const char *name);
/* The nearest declared variable, or NULL. */
const char *tmpl_variable_nearest(const struct tmpl *tmpl, const char *name);
/* Fills tmpl->variables from the template's document and the options. */
int tmpl_variables_load(struct tmpl *tmpl, const struct tmpl_options *options, struct bk_error *err) BK_MUST_CHECK;
