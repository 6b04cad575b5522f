/* A template: what to bake, from whichever syntax. Legacy Packer JSON is read
 * here; HCL2 is to become the same model. Values keep the place they came from
 * (struct bk_doc), strings are rendered when they are decoded. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include "lib/doc.h"
#include "lib/mem.h"

struct tmpl_variable {
        char *name, *value;             /* value NULL: required and not given */
        char *stable;                   /* value with timestamp, isotime, strftime and uuid as themselves */
        char *fallback;                 /* the template's default, as written; NULL: required */
        bool sensitive;
        bool used;
        const struct bk_doc *doc;
};

struct tmpl_builder {
        char *type, *name;              /* name defaults to type; unique */
        const struct bk_doc *doc;
};

struct tmpl_step {                      /* a provisioner, or one stage of a post-processor pipeline */
        char *type;
        char *name;                     /* post-processors: defaults to type */
        struct bk_strv only, except;    /* builder names */
        const struct bk_doc *doc;
        const struct bk_doc *override;  /* object by builder name, or NULL */
};

struct tmpl_pipeline { struct tmpl_step *v; size_t n; };

struct tmpl {
        bool lenient;                   /* allow_missing */
        char *path, *dir;               /* as given; folder of it, absolute */
        char *digest;                   /* of the file's bytes */
        char *description;
        struct tmpl_variable *variables; size_t n_variables;
        struct tmpl_builder *builders; size_t n_builders;
        struct tmpl_step *provisioners; size_t n_provisioners;
        struct tmpl_step *cleanup;      /* error-cleanup-provisioner, or NULL */
        struct tmpl_pipeline *pipelines; size_t n_pipelines;
        time_t started;                 /* one time for all of timestamp and isotime */
        struct bk_doc *root;
        struct bk_doc **var_files; size_t n_var_files;
        struct bk_strv warnings;        /* "file:line:column: warning: ...", for the caller to show */
};

/* Undeclared variables that are given: as a rule those of vars only, for a file may be of several templates. */
enum tmpl_undeclared { TMPL_WARN_VARS, TMPL_WARN_FILES_TOO, TMPL_WARN_NEVER };

struct tmpl_options {
        struct bk_strv vars;            /* "name=value", later wins, over var_files */
        struct bk_strv var_files;       /* JSON objects of strings */
        enum tmpl_undeclared undeclared;
        bool allow_missing;             /* required variables without a value are no error (inspect) */
};

/* "-" reads standard input. Every complaint carries file:line:column. */
int tmpl_load(const char *path, const struct tmpl_options *options, struct tmpl **ret, struct bk_error *err) BK_MUST_CHECK;
/* The same for bytes in memory: name is what errors call it, dir the folder it counts as lying in (NULL: the working
 * directory). */
int tmpl_load_bytes(const char *name, const char *dir, const char *bytes, size_t length,
                    const struct tmpl_options *options, struct tmpl **ret, struct bk_error *err) BK_MUST_CHECK;
void tmpl_free(struct tmpl *tmpl);
bool tmpl_step_applies(const struct tmpl_step *step, const char *builder_name);

/* What {{ }} sees while one build is rendered. */
struct tmpl_scope {
        const struct tmpl *tmpl;
        const char *build_name, *build_type;
        bool stable;                    /* timestamp, isotime and uuid render as themselves: for input hashes */
        const struct tmpl_datum { const char *name, *value; } *data;    /* {{ .Path }}, {{ .Vars }} */
        size_t n_data;
        const struct tmpl_datum *build; /* {{ build `ID` }}, and {{ .ID }} where data have no such name */
        size_t n_build;
};

/* Go text/template with Packer's functions. place is where the text stands, for errors. The result is the caller's. */
int tmpl_render(const struct tmpl_scope *scope, const char *text, const struct bk_doc *place, char **ret, struct bk_error *err) BK_MUST_CHECK;

/* --- decoding a block into a C struct, by rows ----------------------------- */
enum tmpl_kind {
        TMPL_STRING,            /* char * */
        TMPL_RAW,               /* char *, not rendered: rendered later, with data */
        TMPL_BOOL,              /* bool */
        TMPL_INT,               /* int64_t, within min..max */
        TMPL_SIZE,              /* uint64_t bytes: "10G", "512MiB", a bare number is MiB as in Packer's disk_size */
        TMPL_DURATION,          /* int64_t ms: Go's "1m30s"; a bare number is seconds */
        TMPL_LIST,              /* struct bk_strv; a lone string is cut at its commas, as in Packer; "" is empty */
        TMPL_MAP,               /* struct tmpl_map; string values; an array of objects is merged; no fallback */
        TMPL_DOC,               /* const struct bk_doc *, borrowed: nested values, for the block's own code */
        TMPL_IGNORED,           /* known, handled elsewhere (type, only, except, ...); not decoded */
};
enum {
        TMPL_REQUIRED = 1,      /* absent, null or "" is an error */
        TMPL_PATHS = 2,         /* a file or files, which must exist, ~ is $HOME: made absolute against the working directory, as
                                 * Packer does, or else against the template's folder */
        TMPL_MAY_LACK = 16,     /* PATHS: what is not there is taken as it is written, for the block's own code to judge */
        TMPL_LATER = 4,         /* LIST: not rendered now, but later, with data */
        TMPL_NO_INPUT = 8,      /* how it is baked, not what: a change does not make an image out of date */
};

struct tmpl_map { struct bk_strv keys, values; };

struct tmpl_key {
        const char *name;
        enum tmpl_kind kind;
        size_t offset;          /* of the member in the struct */
        unsigned flags;
        const char *fallback;   /* as it would be written in a template; NULL: zero. Also for "", and for 0 where min and max forbid it */
        int64_t min, max;       /* INT, DURATION (ms), SIZE; max 0: no limit; both 0: none, negative ones included */
        const char *help;
};

/* Fills `into` (zeroed before). An unknown key is refused with the nearest known one. `override` is the step's: what
 * it holds for scope->build_name replaces keys of the block; NULL: none. A post-processor that is only a name is an
 * empty block. Strings, lists and maps are owned: tmpl_undecode(). On failure nothing is left to free. */
int tmpl_decode(const struct tmpl_scope *scope, const struct bk_doc *doc, const struct bk_doc *override,
                const struct tmpl_key *keys, size_t n_keys, void *into, struct bk_error *err) BK_MUST_CHECK;
void tmpl_undecode(const struct tmpl_key *keys, size_t n_keys, void *into);

/* Bytes of a text as TMPL_SIZE takes it, at most INT64_MAX; BK_INVALID. The error does not quote the text. */
int tmpl_size(const char *text, uint64_t *ret, struct bk_error *err) BK_MUST_CHECK;

/* A copy of text with the values of sensitive variables replaced by "<sensitive>". */
char *tmpl_redact(const struct tmpl *tmpl, const char *text);
