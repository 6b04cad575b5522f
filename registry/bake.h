/* Bakes: those under way, and how earlier ones ended. A row is written when one begins and when it ends; of one that was killed the row
 * says that it runs, until somebody sweeps, which every bake does. */
#pragma once
#include "layers/layer.h"
#include "registry/registry.h"

struct reg_bake {
        const char *id;                 /* names its log, too */
        const char *name;               /* of the image; on one host one bake of a name runs at a time */
        const char *template, *builder, *who, *host;
        const char *log;                /* below the state folder: "logs/..." */
        const char *build_url;          /* of the CI job; NULL: none */
        const char *source;             /* id of the image that it builds on, which stays until it ends; NULL: none */
};
int reg_bake_begin(struct reg *reg, const struct reg_bake *bake, struct bk_error *err) BK_MUST_CHECK;
/* status: "ok", "failed", "aborted". image: the id of what came of it, or NULL. */
int reg_bake_end(struct reg *reg, const char *id, const char *status, const char *image, struct bk_error *err) BK_MUST_CHECK;
/* For one whose process is gone. *ret_runs: its row said that it runs; act: now it says "aborted". One that is not known here is fine. */
int reg_bake_abort(struct reg *reg, const char *id, bool act, bool *ret_runs, struct bk_error *err) BK_MUST_CHECK;

/* Those of this host whose row says that they run, and that were killed: their rows say so from now on. Those of other hosts hold what they
 * build on for REG_BAKE_SECONDS, if nothing comes of them. */
#define REG_BAKE_SECONDS ((int64_t)7 * 86400)
int reg_bakes_bury(struct reg *reg, const struct layer_store *store, struct bk_error *err) BK_MUST_CHECK;

struct reg_bake_query { const char *name, *status; int64_t before, limit; };       /* NULL: any; before: a number, 0: from the newest */
/* {"items", "next"}, newest first. store, where it is at hand, tells which of those that run were killed: "aborted". */
int reg_bakes_json(struct reg *reg, const struct layer_store *store, const struct reg_bake_query *query, json_t **ret,
                   struct bk_error *err) BK_MUST_CHECK;
int reg_bake_json(struct reg *reg, const struct layer_store *store, const char *id, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
/* A part of its log from a byte on, at most a mebibyte; *ret_size is how much there is now. BK_NOT_FOUND where it is on another host. */
int reg_bake_log(struct reg *reg, const struct layer_store *store, const char *id, uint64_t from, char **ret, size_t *ret_length,
                 uint64_t *ret_size, struct bk_error *err) BK_MUST_CHECK;
