/* Baking: from templates to registered images.
 *
 * The supervisor plans, starts one worker a bake - a process in pid and mount
 * namespaces of its own - listens to what it tells, and publishes what it
 * sealed. A worker that dies takes everything with it but its draft, and that is in a lease. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "bakery/template/template.h"
#include "layers/layer.h"
#include "registry/registry.h"

enum bake_output { BAKE_AUTO, BAKE_PLAIN, BAKE_MACHINE, BAKE_JSON, BAKE_QUIET };

struct bake_options {
        const char *home;
        struct tmpl_options variables;
        struct bk_strv only, except;    /* builder names; except also names post-processors */
        bool force;                     /* bake even what is up to date */
        bool allow_revoked;             /* ... and on an image that was withdrawn */
        bool plan_only;
        bool validate;                  /* what only a bake would meet is a warning */
        bool debug;                     /* wait for Enter before each provisioner, where there is a terminal */
        bool keep_failed;               /* -on-error=abort: the draft of a failed bake stays, and its path is said */
        int parallel;                   /* bakes at once; 0: as many as there are processors */
        int lock_timeout_ms;            /* wait for another bake of the same image */
        enum bake_output output;
        bool color, timestamps;
        const char *junit, *properties; /* NULL: none */
        const char *run_uuid;           /* of this run, for manifests */
        bool exit_code;                 /* 4 when there was nothing to do */
};

/* Bakes every builder of the templates, each after those it stands on. Returns
 * the exit code of the process; what went wrong has been told on the way. */
int bake_run(const char *const templates[], size_t n, const struct bake_options *options);

/* Loads a template and decodes every block of it, as a bake would; nothing is baked or resolved. Of the options, which have validate set,
 * variables, only and except count.
 * Warnings, "file:line:column: warning: ...", are added to ret_warnings. */
int bake_validate(const char *path, const struct bake_options *options, struct bk_strv *ret_warnings,
                  struct bk_error *err) BK_MUST_CHECK;

/* Undoes what the dead left behind (janitor/sweep.h); every command that writes calls it first. What stays is a warning. Returns of how many. */
int bake_reap(const struct layer_store *store, struct bk_error *err) BK_MUST_CHECK;

/* The vocabulary, for help and documentation. */
struct bake_vocabulary { const char *kind, *type, *help; const struct tmpl_key *keys; size_t n_keys; };
const struct bake_vocabulary *bake_vocabulary(size_t *n);
